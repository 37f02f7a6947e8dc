//! Why an email came back, and whether another try can help.
//!
//! Servers put the truth in different places, so this weighs them: the enhanced code inside the remote server's
//! words is the most telling, then the stated status unless it is `x.0.0`, then the reply code. Where a code is
//! known to be used for everything, the words decide; where a code is firm, only firm words overrule it.

use crate::class::Class;
use crate::codes::{Enhanced, enhanced_in, reply_in};
use crate::phrases;
use crate::text::prefix;
use crate::types::{BounceType, Event, Kind};

/// So much of a text is looked at. What decides stands at the beginning.
const TEXT_BYTES_MAX: usize = 8 * 1024;

/// What is known about one failure.
#[derive(Default)]
pub(crate) struct Facts<'a> {
    /// The remote server's words about this recipient.
    pub(crate) text: &'a str,
    /// The Status field, if there is one.
    pub(crate) status: Option<Enhanced>,
    /// What else the report says; asked only when words and codes about the recipient do not decide.
    pub(crate) context: &'a str,
    /// Whether a recipient that the server calls unknown may only be filtered, see [`crate::dialogue`].
    pub(crate) unknown_is_vague: bool,
}

/// What came out.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Verdict {
    pub(crate) bounce_type: Option<BounceType>,
    pub(crate) class: Option<Class>,
    pub(crate) smtp_code: Option<u16>,
    pub(crate) enhanced: Option<Enhanced>,
    /// The phrase or the code that decided.
    pub(crate) evidence: Option<String>,
}

impl Verdict {
    /// Writes the verdict into an event. Only a bounce is hard or soft.
    pub(crate) fn describe(&self, event: &mut Event) {
        event.bounce_type = self.bounce_type.filter(|_| event.kind == Kind::Bounce);
        event.class = self.class.map(|class| class.name().to_owned());
        event.smtp_code = self.smtp_code;
        event.enhanced_code = self.enhanced.map(|code| code.to_string());
        event.attributes.extend(self.evidence.clone().map(|evidence| ("evidence".to_owned(), evidence)));
    }
}

/// What a code is worth.
#[derive(Clone, Copy)]
enum Worth {
    /// It means what the registry says, nearly everywhere.
    Firm,
    /// It is used for many things: words go first.
    Vague,
}

/// Subject, first and last detail of an enhanced code (of class 4 or 5), its worth, and what it means. RFC 3463,
/// RFC 5248, RFC 7293, RFC 7372, RFC 7505, and what large providers are seen to do. The first match wins.
const CODES: &[(u16, u16, u16, Worth, Class)] = &[
    (1, 1, 1, Worth::Firm, Class::UserUnknown),
    (1, 2, 2, Worth::Firm, Class::HostUnknown),
    (1, 3, 4, Worth::Firm, Class::BadAddress),
    (1, 6, 6, Worth::Firm, Class::Moved),
    (1, 7, 9, Worth::Firm, Class::SenderRefused),
    (1, 10, 10, Worth::Firm, Class::NoMailService),
    (1, 351, 351, Worth::Vague, Class::UserUnknown),
    (1, 0, 999, Worth::Vague, Class::Undetermined),
    (2, 1, 1, Worth::Vague, Class::MailboxDisabled),
    (2, 2, 2, Worth::Firm, Class::MailboxFull),
    (2, 3, 3, Worth::Firm, Class::TooBig),
    (2, 0, 999, Worth::Vague, Class::Undetermined),
    (3, 1, 1, Worth::Vague, Class::SystemFull),
    (3, 4, 4, Worth::Firm, Class::TooBig),
    (3, 0, 999, Worth::Vague, Class::SystemError),
    (4, 6, 6, Worth::Firm, Class::Loop),
    (4, 7, 7, Worth::Firm, Class::Expired),
    (4, 0, 999, Worth::Vague, Class::Network),
    (5, 3, 3, Worth::Firm, Class::RateLimited),
    (5, 0, 999, Worth::Vague, Class::Protocol),
    (6, 0, 999, Worth::Firm, Class::Content),
    (7, 13, 13, Worth::Firm, Class::MailboxDisabled),
    (7, 17, 18, Worth::Firm, Class::OwnerChanged),
    (7, 20, 24, Worth::Firm, Class::AuthFailure),
    (7, 25, 25, Worth::Firm, Class::ReverseDns),
    (7, 26, 26, Worth::Firm, Class::AuthFailure),
    (7, 27, 27, Worth::Vague, Class::SenderRefused),
    (7, 28, 28, Worth::Firm, Class::RateLimited),
    (7, 29, 30, Worth::Firm, Class::AuthFailure),
    (7, 509, 509, Worth::Firm, Class::AuthFailure),
    (7, 515, 515, Worth::Firm, Class::AuthFailure),
    (7, 500, 999, Worth::Firm, Class::Policy),
    (7, 0, 999, Worth::Vague, Class::Policy),
];

/// What a bare reply code means when no words help.
const REPLIES: &[(u16, Class)] = &[
    (421, Class::Network),
    (422, Class::MailboxFull),
    (452, Class::SystemFull),
    (523, Class::TooBig),
    (525, Class::MailboxDisabled),
    (530, Class::Security),
    (552, Class::MailboxFull),
    (554, Class::Policy),
    (556, Class::NoMailService),
];

/// Weighs the facts about one failure.
pub(crate) fn classify(facts: &Facts) -> Verdict {
    let text = prefix(facts.text, TEXT_BYTES_MAX);
    let in_text = enhanced_in(text);
    let enhanced = most_telling(in_text, facts.status);
    let smtp_code = reply_in(text);
    let rule = enhanced.and_then(rule_for);
    let mut words = phrases::find(text);
    if words.is_none() && !matches!(rule, Some((Worth::Firm, _))) {
        words = phrases::find(prefix(facts.context, TEXT_BYTES_MAX));
    }
    let temporary = is_temporary(in_text, smtp_code, facts.status);
    let decided = match (rule, words) {
        (Some((Worth::Firm, class)), Some((word, phrase))) if word.overrules(class) => {
            Some((word, Some(phrase.to_owned())))
        }
        (None | Some((Worth::Vague, _)), Some((Class::UserUnknown, phrase)))
            if facts.unknown_is_vague && phrase.contains("unknown") =>
        {
            Some((Class::RecipientRefused, Some(format!("{phrase}, which may be a filter here"))))
        }
        (None | Some((Worth::Vague, _)), Some((word, phrase))) => Some((word, Some(phrase.to_owned()))),
        (Some((_, class)), _) => Some((class, enhanced.map(|code| code.to_string()))),
        (None, None) => smtp_code.map(by_reply),
    };
    let (class, evidence) = decided.unzip();
    let class = class.or(enhanced.map(|_| Class::Undetermined));
    let bounce_type = class.map(|class| if temporary { BounceType::Soft } else { class.bounce_type() });
    Verdict {
        bounce_type,
        class,
        smtp_code,
        enhanced,
        evidence: evidence.flatten().or_else(|| enhanced.map(|code| code.to_string())),
    }
}

/// The code in the words, the stated status, or whatever there is, skipping `x.0.0` while something better stands
/// behind it.
fn most_telling(in_text: Option<Enhanced>, status: Option<Enhanced>) -> Option<Enhanced> {
    let telling = |code: &Enhanced| !code.is_vague();
    in_text.filter(telling).or(status.filter(telling)).or(in_text).or(status)
}

fn rule_for(code: Enhanced) -> Option<(Worth, Class)> {
    let fits = |&&(subject, first, last, ..): &&(u16, u16, u16, Worth, Class)| {
        subject == code.subject && (first..=last).contains(&code.detail)
    };
    CODES.iter().find(fits).map(|&(.., worth, class)| (worth, class))
}

fn by_reply(code: u16) -> (Class, Option<String>) {
    let class = REPLIES.iter().find(|&&(reply, _)| reply == code).map_or(Class::Undetermined, |&(_, class)| class);
    (class, Some(code.to_string()))
}

/// Whether the server said "not now": its own enhanced code first, then its reply, then the reporter's status.
fn is_temporary(in_text: Option<Enhanced>, reply: Option<u16>, status: Option<Enhanced>) -> bool {
    if let Some(code) = in_text.filter(|code| !code.is_vague()) {
        return code.class == 4;
    }
    match reply {
        Some(code) => code < 500,
        None => in_text.or(status).is_some_and(|code| code.class == 4),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use BounceType::{Hard, Soft};

    #[track_caller]
    fn check(status: &str, text: &str, expected: Option<(BounceType, Class)>) {
        let verdict = classify(&Facts { text, status: Enhanced::parse(status), ..Facts::default() });
        assert_eq!(verdict.bounce_type.zip(verdict.class), expected, "{status} {text}: {verdict:?}");
    }

    #[test]
    fn the_code_in_the_words_goes_before_the_stated_status() {
        check("5.0.0", "550 5.1.1 no", Some((Hard, Class::UserUnknown)));
        check("4.4.7", "550 5.1.1 no", Some((Hard, Class::UserUnknown)));
        check("5.1.1", "550 5.0.0 no", Some((Hard, Class::UserUnknown)));
        check("5.1.1", "", Some((Hard, Class::UserUnknown)));
    }

    #[test]
    fn words_go_before_vague_codes_and_only_firm_words_before_firm_ones() {
        check("5.7.1", "550 5.7.1 no such user here", Some((Hard, Class::UserUnknown)));
        check("5.7.1", "550 5.7.1 hm", Some((Soft, Class::Policy)));
        check("5.1.1", "550 5.1.1 mailbox full", Some((Soft, Class::MailboxFull)));
        check("5.1.1", "550 5.1.1 against our policy", Some((Hard, Class::UserUnknown)));
        check("5.0.0", "550 unknown user", Some((Hard, Class::UserUnknown)));
    }

    #[test]
    fn the_senders_fault_is_never_hard() {
        for code in ["5.1.7", "5.1.8", "5.3.4", "5.5.3", "5.6.0", "5.7.1", "5.7.25", "5.7.26", "5.7.27", "5.7.606"] {
            let verdict = classify(&Facts { status: Enhanced::parse(code), ..Facts::default() });
            assert_eq!(verdict.bounce_type, Some(Soft), "{code}");
        }
    }

    #[test]
    fn what_is_only_now_is_soft() {
        check("5.4.7", "", Some((Soft, Class::Expired)));
        check("4.1.1", "450 4.1.1 unverified address: user unknown", Some((Soft, Class::UserUnknown)));
        check("", "451 try later", Some((Soft, Class::SystemError)));
    }

    #[test]
    fn unknown_may_be_a_filter() {
        let facts = Facts { text: "550 User unknown", unknown_is_vague: true, ..Facts::default() };
        assert_eq!(classify(&facts).class, Some(Class::RecipientRefused));
        let facts = Facts { text: "550 5.1.1 User unknown", ..facts };
        assert_eq!(classify(&facts).class, Some(Class::UserUnknown));
    }

    #[test]
    fn nothing_known_is_nothing_said() {
        check("", "", None);
        check("", "hello", None);
        check("5.0.0", "", Some((Soft, Class::Undetermined)));
        check("", "550 hello", Some((Soft, Class::Undetermined)));
    }

    #[test]
    fn the_evidence_is_what_decided() {
        let verdict = classify(&Facts { text: "552 5.2.2 Mailbox Full", ..Facts::default() });
        assert_eq!(verdict.smtp_code, Some(552));
        assert_eq!(verdict.enhanced.map(|code| code.to_string()).as_deref(), Some("5.2.2"));
        assert_eq!(verdict.evidence.as_deref(), Some("5.2.2"));
        let verdict = classify(&Facts { text: "550 No such user", ..Facts::default() });
        assert_eq!(verdict.evidence.as_deref(), Some("no such user"));
    }
}
