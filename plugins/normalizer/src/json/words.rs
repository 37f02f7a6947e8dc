//! What the words mean by which sources name an event, a kind of bounce or a cause.
//!
//! A word is compared without case and punctuation, so `hard_bounce`, `HardBounce` and `hard bounce` are one. The
//! tables are searched from the top; the first entry that fits decides.

use super::squash::squash;
use crate::class::Class;
use crate::types::{BounceType, FeedbackType};

/// What one event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// A bounce that the source itself calls hard.
    Hard,
    /// A bounce that the source itself calls soft.
    Soft,
    /// A bounce after which the source tries no more. The address is to blame, unless the server's words blame
    /// somebody else.
    Permanent,
    /// A bounce of which the server's words say what kind it is.
    Bounce,
    /// The message was given up, here or there. The server's words say the rest.
    Failed,
    Complaint(FeedbackType),
    /// The source itself did not want to send it.
    Refused,
    Delivered,
    Deferred,
    Opened,
    Clicked,
    Unsubscribed,
    Autoreply,
    /// A step on the way, a test, or something that is not about sent mail.
    Nothing,
}

impl Meaning {
    /// Whether it is one kind of bounce or another, so that more can be said about it.
    pub(super) fn is_failure(self) -> bool {
        matches!(self, Self::Hard | Self::Soft | Self::Permanent | Self::Bounce | Self::Failed)
    }
}

use Meaning::{
    Autoreply, Bounce, Clicked, Complaint, Deferred, Delivered, Failed, Hard, Nothing, Opened, Permanent, Refused,
    Soft, Unsubscribed,
};

const ABUSE: Option<Meaning> = Some(Complaint(FeedbackType::Abuse));
const FRAUD: Option<Meaning> = Some(Complaint(FeedbackType::Fraud));
const VIRUS: Option<Meaning> = Some(Complaint(FeedbackType::Virus));

/// Parts of squashed event words. `=` before a part means the whole word, `$` its end. `None` says that the word
/// names a report and not what it tells.
#[rustfmt::skip]
const EVENTS: &[(Option<Meaning>, &[&str])] = &[
    (None, &[
        "=deliverystatus", "deliveryreport", "deliverystatusnotification", "=deliverystatusupdate", "emailstatus",
        "messagestatus", "statuschange", "statusupdate", "statusevent", "=deliveryevent", "=messageevent", "=event",
        "=email", "=message", "=mail", "=track", "=tracking", "=notification", "=webhook", "=emailevent", "=batch",
        "=smtp", "=api", "=transactional", "=broadcast", "=bulk", "=marketing",
    ]),
    (Some(Nothing), &[
        "=test", "=ping", "testevent", "testwebhook", "webhooktest", "=verification", "urlvalidation", "handshake",
        "subscriptionvalidation", "subscriptionconfirm", "resubscri", "notspam", "notjunk", "falsepositive",
        "unblock", "reactivat", "whitelist", "allowlist", "unsuppress", "authfailure", "dmarcreport", "tlsreport",
        "=0", "=none", "domaindns", "inbound",
    ]),
    (Some(Autoreply), &[
        "autorespon", "autorepl", "vacation", "outofoffice", "challenge", "addresschange", "automaticreply",
    ]),
    (Some(Soft), &[
        "spamblock", "spamnotification", "filteredspam", "spamreject", "rejectedspam", "rejectedasspam",
        "spambounce", "blockedspam", "blockedasspam", "bouncespam", "spamfilter", "quarantin", "virusnotification",
    ]),
    (Some(Deferred), &[
        "defer", "delay", "greylist", "graylist", "transienterror", "transientfail", "tempfail", "temporaryfail",
        "temporarilyfail", "failuretmp", "failuretemp", "failtemp", "failedtemp", "failedtransient", "temporaryerror",
        "temperror", "temporaryreject", "willretry", "retrying", "=retry", "retryscheduled", "tryagain", "slowdown",
        "throttl", "deliveryattemptfail", "messagedeliveryerror", "attemptfailed", "=tq", "=rb",
    ]),
    (Some(Soft), &[
        "softbounc", "softfail", "softlybounc", "transientbounc", "bouncesoft", "bouncedsoft", "bouncetransient",
        "bouncedtransient", "temporarybounc", "tempbounc", "bouncetemp", "bouncedtemp", "blockbounce", "mailboxfull",
        "overquota", "=softundelivered", "undeliveredsoft",
    ]),
    (Some(Hard), &[
        "hardbounc", "hardfail", "permanentbounc", "permanentlybounc", "permbounc", "bouncehard", "bouncedhard",
        "bouncepermanent", "bouncedpermanent", "bouncebadaddress", "invalidemail", "invalidaddress",
        "invalidrecipient", "mailboxnotfound", "usernotfound", "userunknown", "unknownuser", "unknownrecipient",
        "nosuchuser", "nomailbox", "addressnotfound", "addressinvalid", "recipientinvalid", "=cleaned", "bademail",
        "bademailaddress", "hardundelivered",
    ]),
    (Some(Permanent), &[
        "permanentfail", "permanentlyfail", "permfail", "failureperm", "failperm", "failedperm", "permanenterror",
        "permerror", "fatalerror", "permanentreject",
    ]),
    (FRAUD, &["fraudreport", "phishingreport", "=fraud", "=phishing"]),
    (VIRUS, &["virusreport", "=virus"]),
    (ABUSE, &[
        "complain", "spamreport", "reportedspam", "reportedasspam", "reportspam", "reportasspam", "markedasspam",
        "markedspam", "markasspam", "abuse", "spammed", "spambyuser", "spamclick", "userspam", "junk",
        "feedbackloop", "fbl", "=feedback", "feedbackreport", "feedbackreceived", "scomp", "jmrp", "$spam", "=arf",
    ]),
    (Some(Unsubscribed), &["unsub", "optout", "optedout", "optsout", "listremov", "=removed"]),
    (Some(Refused), &[
        "suppress", "blocklist", "blacklist", "denylist", "drop", "policyreject", "skip", "generationfail",
        "generationreject", "renderingfail", "=held", "messageheld", "suspension", "cancel", "discard", "notaccepted",
        "notsent", "adminbounce", "limitexceeded", "quotaexceeded", "sendfail", "sendingfail", "senderror", "block",
        "refus", "reject",
    ]),
    (Some(Bounce), &[
        "bounc", "undeliver", "notdeliver", "nondeliver", "cantdeliver", "couldnotdeliver", "unabletodeliver",
        "=ndr", "=ndn", "=oob", "outofband", "returnedmail", "returnedtosender", "=b", "messagereturned",
    ]),
    (Some(Failed), &["fail", "error", "expir", "giveup", "gaveup", "givenup", "abandon", "=ko", "unreachable"]),
    (Some(Opened), &["open", "=read", "wasread", "messageread", "emailread", "viewed", "=view", "=seen", "impression"]),
    (Some(Clicked), &["click", "=link"]),
    (Some(Delivered), &["deliver", "=success", "=succeeded", "dsnsuccess", "=d", "inboxed"]),
    (Some(Nothing), &[
        "sent", "send", "process", "queue", "accept", "request", "inject", "recept", "received", "schedul", "creat",
        "submit", "transmi", "relay", "expand", "loaded", "attempt", "convert", "updat", "=ok", "rebind", "pending",
        "subscri", "added", "enqueu", "outbound", "success",
    ]),
];

/// Parts of words of shops and the like. What fails there is no mail.
#[rustfmt::skip]
const FOREIGN: &[&str] = &[
    "order", "invoice", "payment", "charge", "checkout", "refund", "shipment", "login", "signin", "job", "build",
    "deploy", "backup", "import", "export", "upload", "pipeline", "workflow",
];

/// What an event word means, when anybody is known to use it.
pub(super) fn meaning(word: &str) -> Option<Meaning> {
    let squashed = squash(word);
    let meaning = first(EVENTS, &squashed).flatten()?;
    Some(if meaning == Failed && is_foreign(word) { Nothing } else { meaning })
}

/// Whether a word is of something else than mail.
pub(super) fn is_foreign(word: &str) -> bool {
    let word = squash(word);
    FOREIGN.iter().any(|part| fits(part, &word))
}

/// How sure a source is, in the field that tells hard from soft.
#[rustfmt::skip]
const CERTAINTIES: &[(BounceType, &[&str])] = &[
    (BounceType::Soft, &[
        "notpermanent", "soft", "transient", "temporary", "=temp", "tempfail", "tempbounc", "undetermined", "=block",
        "=blocked", "=blockbounce", "defer", "=s", "=t", "nonfatal", "retry",
    ]),
    (BounceType::Hard, &[
        "hardb", "=hard", "hardfail", "$hard", "permanent", "=perm", "permfail", "permbounc", "=fatal", "=h", "=p",
    ]),
];

/// Hard or soft, as one word of the source says it.
pub(super) fn certainty(word: &str) -> Option<BounceType> {
    first(CERTAINTIES, &squash(word))
}

/// Parts of squashed words for the cause of a bounce.
#[rustfmt::skip]
const CAUSES: &[(Class, &[&str])] = &[
    (Class::UserUnknown, &[
        "nomailbox", "badmailbox", "invalidmailbox", "mailboxnotfound", "mailboxunknown", "usernotfound",
        "userunknown", "unknownuser", "unknownrecipient", "recipientunknown", "recipientnotfound", "nosuchuser",
        "invaliduser", "invalidrecipient", "badrecipient", "invalidaddress", "badaddress", "bademail",
        "invalidemail", "emailinvalid", "addressunknown", "addressnotfound", "doesnotexist", "notexist",
        "nonexisten", "=invalid", "=noemail", "recipienterror", "=recipient",
    ]),
    (Class::HostUnknown, &[
        "baddomain", "invaliddomain", "hostunknown", "unknownhost", "domainnotfound", "unknowndomain", "domaininvalid",
        "nxdomain", "nosuchdomain", "hostnotfound",
    ]),
    (Class::MailboxFull, &["mailboxfull", "quota", "inboxfull", "storagefull", "fullmailbox"]),
    (Class::MailboxDisabled, &["inactive", "disabled", "suspended", "deactivated", "accountproblem"]),
    (Class::AuthFailure, &["dmarc", "dkim", "spf", "authentication", "authfail"]),
    (Class::RateLimited, &["greylist", "graylist", "throttl", "ratelimit", "toomany", "volume", "frequency"]),
    (Class::Spam, &["spam", "junk"]),
    (Class::Virus, &["virus", "malware", "phish"]),
    (Class::Blocked, &["blocklist", "blacklist", "blocked", "reputation", "badsource", "dnsbl", "rbl", "=block"]),
    (Class::TooBig, &["toolarge", "toobig", "oversize", "sizeexceed", "messagesize"]),
    (Class::Content, &["content", "attachment", "malformed", "invalidmessage", "messageerror"]),
    (Class::RelayDenied, &["relay"]),
    (Class::Policy, &["policy", "reject", "denied", "badconfiguration"]),
    (Class::Expired, &["expired", "messageexpired", "=old"]),
    (Class::Network, &["timeout", "connection", "dns", "network", "noanswer", "routing", "unreachable", "host"]),
    (Class::Protocol, &["protocol"]),
    (Class::SystemError, &["system", "servererror", "techn"]),
];

/// The cause that one word of the source names.
pub(super) fn cause(word: &str) -> Option<Class> {
    first(CAUSES, &squash(word))
}

/// A feedback type of RFC 5965 or its kin (RFC 6430, RFC 6591); what is no complaint is [`Meaning::Nothing`].
pub(super) fn feedback(word: &str) -> Meaning {
    match squash(word).as_str() {
        "notspam" | "authfailure" | "dmarc" | "dkim" | "spf" => Nothing,
        "fraud" | "phishing" | "phish" => Complaint(FeedbackType::Fraud),
        "virus" | "malware" => Complaint(FeedbackType::Virus),
        "other" => Complaint(FeedbackType::Other),
        word if word.starts_with("optout") => Complaint(FeedbackType::Other),
        _ => Complaint(FeedbackType::Abuse),
    }
}

fn first<T: Copy>(table: &[(T, &[&str])], word: &str) -> Option<T> {
    if word.is_empty() {
        return None;
    }
    table.iter().find(|(_, parts)| parts.iter().any(|part| fits(part, word))).map(|&(value, _)| value)
}

fn fits(part: &str, word: &str) -> bool {
    match part.as_bytes().first() {
        Some(b'=') => word == &part[1..],
        Some(b'$') => word.ends_with(&part[1..]),
        _ => word.contains(part),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(expected: Option<Meaning>, words: &[&str]) {
        for word in words {
            assert_eq!(meaning(word), expected, "{word}");
        }
    }

    #[test]
    fn every_spelling_of_an_event_is_one_word() {
        check(Some(Hard), &["hard_bounce", "HardBounce", "hard bounce", "email.hardBounced", "activity.hard_bounced"]);
        check(Some(Soft), &["soft-bounce", "SoftFail", "email.bounced.soft", "soft_bounces", "SpamNotification"]);
        check(Some(Bounce), &["bounce", "email.bounced", "messageBounce", "MessageBounced", "OOB", "undelivered"]);
        check(Some(Permanent), &["failure_perm", "delivery.dsn-perm-fail", "permanent_failure"]);
        check(Some(Deferred), &["deferred", "email.delivery_delayed", "message.transient_error", "TransientFailure"]);
        check(ABUSE, &["spam", "complaint", "email.complained", "SpamComplaint", "spam_report", "user.marked_as_spam"]);
        check(Some(Unsubscribed), &["unsub", "group_unsubscribe", "opt-out", "email_unsubscribed"]);
        check(Some(Refused), &["dropped", "suppressed", "message.suppressed", "policy_rejection", "reject"]);
        check(Some(Failed), &["failed", "MessageDeliveryFailed", "Expiration", "email_failed"]);
        check(Some(Delivered), &["delivered", "Delivery", "email.delivered", "delivery.dsn-success"]);
        check(Some(Opened), &["open", "unique_opened", "initial_open", "proxy_open"]);
        check(Some(Clicked), &["click", "link_clicked"]);
        check(Some(Nothing), &["processed", "sent", "queued", "test", "group_resubscribe", "not-spam", "accepted"]);
        check(Some(Nothing), &["invoice.payment_failed", "order.failed"]);
        check(None, &["transactional_email_status", "delivery_status", "", "zebra", "email"]);
    }

    #[test]
    fn certainty_is_never_read_out_of_other_words() {
        assert_eq!(certainty("Permanent"), Some(BounceType::Hard));
        assert_eq!(certainty("HARDBOUNCE"), Some(BounceType::Hard));
        assert_eq!(certainty("Transient"), Some(BounceType::Soft));
        assert_eq!(certainty("template"), None);
        assert_eq!(certainty("permission"), None);
        assert_eq!(certainty("transactional"), None);
    }

    #[test]
    fn a_category_names_a_cause() {
        assert_eq!(cause("bad-mailbox"), Some(Class::UserUnknown));
        assert_eq!(cause("quota-issues"), Some(Class::MailboxFull));
        assert_eq!(cause("InvalidRecipient"), Some(Class::UserUnknown));
        assert_eq!(cause("spam-related"), Some(Class::Spam));
        assert_eq!(cause("zebra"), None);
    }

    #[test]
    fn every_part_is_written_as_it_is_searched() {
        let events = EVENTS.iter().flat_map(|(_, parts)| *parts);
        let certainties = CERTAINTIES.iter().flat_map(|(_, parts)| *parts);
        for part in events.chain(certainties) {
            let bare = part.trim_start_matches(['=', '$']);
            assert!(!bare.is_empty() && squash(bare) == bare, "{part}");
        }
    }
}
