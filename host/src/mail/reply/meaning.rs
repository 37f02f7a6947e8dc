//! What a refusal means for an email: whom it is about, and whether it is for good.
//!
//! An address is called unknown only when a server says so, because nobody writes to it again. The built-in normalizer
//! reads bounces with the same care and the same classes; this is stricter in one place and more ready in another,
//! because it knows what a bounce only tells: the stage. What is said about a recipient after the message was seen is
//! a filter speaking unless the code is firm, and a bare refusal of RCPT is about the recipient.

use super::{EnhancedCode, Reply, Stage};

/// What a refusal means.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Meaning {
    /// Not now: another attempt may work.
    Later,
    /// It is about us, the sending side: a login, a relay, our name. The message stays good, so it waits.
    AboutUs,
    /// The address does not exist.
    NoSuchAddress,
    /// This message will not be taken; another one may be.
    Refused,
}

/// Codes that say that the address does not exist, nearly everywhere: subject and detail.
const FIRM: &[(u16, u16)] = &[(1, 1), (1, 2), (1, 3), (1, 4), (1, 6), (1, 10), (7, 17), (7, 18)];
/// Codes that say so to RCPT, unless the words tell something else.
const VAGUE: &[(u16, u16)] = &[(1, 0), (1, 351), (2, 1)];
/// Replies without an enhanced code that say so to RCPT, unless the words tell something else.
const BARE: &[u16] = &[550, 551, 553];
/// Replies that ask for a login or for TLS.
const LOGIN: &[u16] = &[530, 534, 535, 538];

/// Words that say that nobody is there, in lower case.
const NOBODY: &[&str] = &[
    "user unknown",
    "unknown user",
    "unknown recipient",
    "recipient unknown",
    "unknown mailbox",
    "mailbox unknown",
    "no such user",
    "no such recipient",
    "no such mailbox",
    "no such address",
    "no such person",
    "no mailbox here",
    "nosuchuser",
    "user not found",
    "recipient not found",
    "mailbox not found",
    "user does not exist",
    "recipient does not exist",
    "mailbox does not exist",
    "address does not exist",
    "account does not exist",
    "account that you tried to reach does not exist",
];
/// Words that outweigh even a firm code: servers are known to answer `5.1.1` for these reasons too.
const CERTAIN: &[&str] = &[
    "quota",
    "mailbox full",
    "mailbox is full",
    "over limit",
    "spam",
    "virus",
    "blocklist",
    "blacklist",
    "blocked",
    "dnsbl",
    "spamhaus",
    "reputation",
    "banned",
    "dmarc",
    "dkim",
    "spf",
    "sender",
    "rate limit",
    "too many",
    "relay access denied",
    "relaying denied",
    "unable to relay",
];
/// Words of a refusal that is about a rule, or about who is sending.
const POLICY: &[&str] = &[
    "policy",
    "denied",
    "not allowed",
    "not permitted",
    "not authorized",
    "prohibited",
    "security",
    "block",
    "listed",
    "reputation",
    "authenticat",
    "your ip",
    "ip address",
    "reverse",
    "ptr record",
    "helo",
    "ehlo",
    "relay",
    "tls",
    "certificate",
];
/// Words of a refusal that is about the message, or about this hour.
const MESSAGE: &[&str] = &[
    "content",
    "junk",
    "unsolicited",
    "suspicious",
    "greylist",
    "graylist",
    "rate",
    "limit",
    "temporar",
    "try again",
    "later",
    "size",
    "large",
    "too big",
    "too long",
    "full",
    "storage",
    "space",
    "syntax",
    "smtputf8",
    "loop",
];
/// Words of a server that does not accept mail for that domain from us.
const RELAY: &[&str] = &["relay access denied", "relaying denied", "unable to relay", "relay not permitted"];

/// What a refusal means that a server gave at `stage`. Anything but 5xx means later.
pub fn meaning(stage: Stage, reply: &Reply) -> Meaning {
    let enhanced = reply.enhanced().filter(|code| (code.subject, code.detail) != (0, 0));
    if reply.code < 500 || enhanced.is_some_and(|code| code.class == 4) {
        return Meaning::Later;
    }
    let words = Words::of(reply);
    if is_about_us(stage, reply.code, enhanced, &words) {
        return Meaning::AboutUs;
    }
    if names_nobody(stage, reply.code, enhanced, &words) { Meaning::NoSuchAddress } else { Meaning::Refused }
}

fn is_about_us(stage: Stage, code: u16, enhanced: Option<EnhancedCode>, words: &Words) -> bool {
    if stage < Stage::Mail || LOGIN.contains(&code) {
        return true;
    }
    match stage {
        Stage::Mail => enhanced.map_or_else(|| words.have(POLICY), |code| code.subject == 7),
        Stage::Recipient => words.have(RELAY),
        _ => false,
    }
}

fn names_nobody(stage: Stage, code: u16, enhanced: Option<EnhancedCode>, words: &Words) -> bool {
    let is_one_of = |codes: &[(u16, u16)]| enhanced.is_some_and(|code| codes.contains(&(code.subject, code.detail)));
    if stage < Stage::Recipient || words.have(CERTAIN) {
        return false;
    }
    if is_one_of(FIRM) {
        return true;
    }
    if stage != Stage::Recipient {
        return false;
    }
    let is_open = is_one_of(VAGUE) || (enhanced.is_none() && BARE.contains(&code));
    words.have(NOBODY) || (is_open && !words.have(POLICY) && !words.have(MESSAGE))
}

/// A reply's words in lower case, without those that are mail addresses: a name is no reason.
struct Words(String);

impl Words {
    fn of(reply: &Reply) -> Self {
        let words = reply.lines.iter().flat_map(|line| line.split_whitespace()).filter(|word| !word.contains('@'));
        Self(words.map(str::to_lowercase).collect::<Vec<_>>().join(" "))
    }

    fn have(&self, phrases: &[&str]) -> bool {
        phrases.iter().any(|phrase| self.0.contains(phrase))
    }
}

#[cfg(test)]
mod tests {
    use pillarbox_normalizer::{BounceType, Request, normalize};

    use super::*;
    use Meaning::{AboutUs, Later, NoSuchAddress, Refused};
    use Stage::{Auth, Data, Greeting, Hello, Mail, Message, Recipient};

    fn reply(line: &str) -> Reply {
        let (code, text) = line.split_once(' ').expect("a code and a text");
        Reply { code: code.parse().expect("a code"), lines: vec![text.into()] }
    }

    #[test]
    fn each_refusal_means_what_it_is_known_to_mean() {
        let table = [
            (Recipient, "450 4.2.1 try later", Later),
            (Recipient, "451 greylisted", Later),
            (Message, "452 4.3.1 disk full", Later),
            (Recipient, "450 5.1.1 unverified address", Later),
            (Recipient, "550 4.7.1 deferred", Later),
            (Greeting, "554 5.7.1 your IP is blocked", AboutUs),
            (Hello, "550 I do not know you", AboutUs),
            (Auth, "535 5.7.8 wrong password", AboutUs),
            (Mail, "530 5.7.0 Authentication required", AboutUs),
            (Mail, "535 5.7.8 no", AboutUs),
            (Mail, "538 5.7.11 no", AboutUs),
            (Mail, "550 5.7.1 you are not welcome", AboutUs),
            (Mail, "550 denied by policy", AboutUs),
            (Mail, "550 5.1.8 the sender's domain does not exist", Refused),
            (Mail, "552 5.3.4 too large", Refused),
            (Mail, "550 5.1.1 user unknown", Refused),
            (Mail, "501 syntax", Refused),
            (Mail, "555 5.5.4 unknown parameter", Refused),
            (Recipient, "530 5.7.0 STARTTLS first", AboutUs),
            (Recipient, "554 5.7.1 <ada@example.com>: Relay access denied", AboutUs),
            (Recipient, "550 5.1.0 unknown", NoSuchAddress),
            (Recipient, "550 5.1.1 <ada@example.com>: User unknown", NoSuchAddress),
            (Recipient, "550 5.1.2 no such domain", NoSuchAddress),
            (Recipient, "553 5.1.3 bad address", NoSuchAddress),
            (Recipient, "550 5.1.6 moved", NoSuchAddress),
            (Recipient, "556 5.1.10 null MX", NoSuchAddress),
            (Recipient, "550 5.2.1 this mailbox is closed", NoSuchAddress),
            (Recipient, "550 5.2.1 over the rate limit", Refused),
            (Recipient, "550 5.7.17 the owner has changed", NoSuchAddress),
            (Recipient, "550 no", NoSuchAddress),
            (Recipient, "551 not here", NoSuchAddress),
            (Recipient, "553 unknown", NoSuchAddress),
            (Recipient, "554 no", Refused),
            (Recipient, "552 no", Refused),
            (Recipient, "550 5.0.0 no such user", NoSuchAddress),
            (Recipient, "550 5.7.1 No such user here", NoSuchAddress),
            (Recipient, "550 rejected by policy", Refused),
            (Recipient, "550 looks like spam", Refused),
            (Recipient, "550 blocked using zen.example", Refused),
            (Recipient, "550 bad reputation", Refused),
            (Recipient, "550 message size exceeded", Refused),
            (Recipient, "550 over quota", Refused),
            (Recipient, "550 <spam@policy.example> no", NoSuchAddress),
            (Recipient, "550 5.1.1 mailbox full", Refused),
            (Recipient, "550 5.1.7 bad address of the sender", Refused),
            (Recipient, "550 5.7.1 no", Refused),
            (Recipient, "550 5.4.1 recipient address rejected: access denied", Refused),
            (Data, "554 5.5.1 no valid recipients", Refused),
            (Message, "550 5.1.1 User unknown", NoSuchAddress),
            (Message, "550 User unknown", Refused),
            (Message, "550 5.2.1 closed", Refused),
            (Message, "552 5.2.2 over quota", Refused),
            (Message, "552 5.3.4 too large", Refused),
            (Message, "554 5.6.0 content refused", Refused),
            (Message, "554 5.7.1 spam", Refused),
        ];
        for (stage, line, expected) in table {
            assert_eq!(meaning(stage, &reply(line)), expected, "{stage}: {line}");
        }
    }

    /// What the built-in normalizer makes of the same words in a bounce.
    fn in_a_bounce(line: &str) -> bool {
        let body = format!("{{\"emailId\": \"x\", \"reason\": \"{line}\"}}");
        let attributes = vec![("endpoint".into(), "bounce".into())];
        let request = Request {
            content_type: "application/json".into(),
            body: body.into_bytes(),
            attributes,
            ..Request::default()
        };
        let outcome = normalize(&request, &[]).expect("it is our format");
        outcome.events[0].bounce_type == Some(BounceType::Hard)
    }

    #[test]
    fn a_code_means_the_same_here_and_in_a_bounce_except_where_the_stage_tells_more() {
        let told_by_the_stage = ["5.1.0", "5.2.1"];
        for (subject, details) in [(1, 0..=11), (2, 0..=5), (3, 0..=5), (4, 0..=7), (6, 0..=5), (7, 0..=30)] {
            for detail in details {
                let code = format!("5.{subject}.{detail}");
                let line = format!("550 {code} no");
                let hard = meaning(Recipient, &reply(&line)) == NoSuchAddress;
                let expected = in_a_bounce(&line) || told_by_the_stage.contains(&code.as_str());
                assert_eq!(hard, expected, "{line}");
            }
        }
    }
}
