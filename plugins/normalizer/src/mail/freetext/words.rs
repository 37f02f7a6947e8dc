//! The words by which free text is recognized. All are in lower case, and every list may grow.
//!
//! Why mail is refused stands elsewhere, in [`crate::phrases`].

/// Parts of subjects of bounces.
#[rustfmt::skip]
pub(super) const SUBJECTS: &[&str] = &[
    "undeliver", "not be deliver", "n't be deliver", "non-deliver", "nondeliver", "not deliver", "delivery status",
    "delivery fail", "delivery report", "delivery notif", "delivery problem", "delivery error", "mail delivery",
    "message delivery", "delivery has failed", "delivery incomplete", "delivery delay", "delivery unsuccessful",
    "returned mail", "return mail", "returned to sender", "failure notice", "failure notification", "mail failure",
    "failed mail", "message failed", "mail system error", "mail status report", "bounce", "user unknown",
    "unknown user", "unknown recipient", "mail error", "error mail", "could not send", "couldn't be sent",
    "mail rejected", "message rejected", "mail was rejected", "message not sent", "mail returned",
    "mail was returned", "unzustellbar", "no entregad", "non remis", "non recapitabile", "mailbox full", "unbekannt",
    "doručen", "недоставлен", "warning: message", "returned message", "address not found", "wrong address",
    "invalid address", "nicht zustellbar", "zustellung fehl", "zustellungsfehler", "unable to send", "permanent fail",
    "notice of message", "falha na entrega", "não entregue", "mancata consegna", "mancato recapito", "entrega fallida",
    "fallo en la entrega", "no se puede entregar", "no se ha podido entregar", "échec de la remise", "échec de remise",
    "échec d'envoi", "не доставлено", "не удалось доставить", "niedostarcz", "nie dostarczono", "onbestelbaar",
    "niet afgeleverd", "kan inte levereras", "kunne ikke leveres", "teslim edilemedi", "配信エラー", "配信不能", "配送エラー",
    "配信に失敗", "配信できません", "送信エラー", "退信", "无法投递", "無法傳遞", "전송 실패", "반송",
];

/// Sentences that only a bounce has.
#[rustfmt::skip]
pub(super) const UNMISTAKABLE: &[&str] = &[
    "could not be delivered to", "couldn't be delivered to", "cannot be delivered to", "was not delivered to",
    "wasn't delivered to", "unable to deliver your message", "unable to deliver message", "undeliverable",
    "delivery to the following", "did not reach the following", "permanent fatal error",
    "message could not be delivered", "mail could not be delivered", "delivery failed", "delivery has failed",
];

/// Words that tell that something failed.
#[rustfmt::skip]
pub(super) const FAILURES: &[&str] = &[
    "undeliver", "not deliver", "not be deliver", "n't be deliver", "n't deliver", "failed", "failure", "returned to",
    "bounce", "reject", "error", "unknown", "could not", "couldn't", "not reach", "refused", "invalid", "no such",
    "not exist", "not found", "rejeté", "unable to", "was not", "has not been", "wasn't able", "blocked", "disabled",
    "is full", "have been returned", "nicht zugestellt", "wrong",
    "n'a pas pu", "no se ha podido", "no se pudo", "não pôde", "não foi possível", "non è stato", "не может быть",
    "не удалось", "失敗しました", "できませんでした", "退回", "실패",
];

/// Sentences of a server that goes on trying.
#[rustfmt::skip]
pub(super) const STILL_TRYING: &[&str] = &[
    "will be retried", "will be re-tried", "will retry", "will continue to", "will keep trying",
    "delivery attempts will continue", "still being tried", "still trying", "this is a warning message only",
    "this is only a warning", "need not resend", "do not need to resend", "you do not need to re-send",
    "do not need to take any", "no action is required", "not yet been delivered", "could not be delivered yet",
    "has been delayed", "is delayed", "delivery will be attempted", "attempts to deliver the message will continue",
];

/// Sentences of a server that has given up after all.
#[rustfmt::skip]
pub(super) const GIVEN_UP: &[&str] = &[
    "permanent", "giving up", "given up", "fatal", "has been returned", "could not be delivered to one or more",
    "no further", "will not be",
];

/// Words in the line that announces the recipients.
#[rustfmt::skip]
pub(super) const ANNOUNCEMENTS: &[&str] = &[
    "following recipient", "following address", "following user", "following destination", "following mailbox",
    "did not reach", "recipients failed", "recipient(s)", "address(es)", "could not be delivered to:",
    "not be delivered to the", "unable to deliver to", "was not delivered to", "wasn't delivered to",
    "permanent fatal errors", "undeliverable to", "delivery to", "failed recipient",
];

/// Words before an address that failed.
#[rustfmt::skip]
pub(super) const BEFORE_RECIPIENT: &[&str] = &[
    "rcpt to", "recipient", "to:", "delivery status", "delivery report", "delivery notif", "delivery problem",
    "delivery error", "mail delivery", "message delivery", "delivery incomplete", "delivery delay",
    "delivery unsuccessful", "address", "user", "mailbox", "account", "unknown", "send", "sent", "fail",
    "intended for", "for <", "mail to", "reach", "receiver", "550", "553", "554",
];

/// Parts of the names by which mail servers sign.
#[rustfmt::skip]
pub(super) const SERVER_NAMES: &[&str] = &[
    "mailer-daemon", "mail delivery", "mail administrator", "postmaster", "delivery subsystem", "mail system",
    "mail server", "system administrator",
];

/// Labels before an address that failed.
#[rustfmt::skip]
pub(super) const LABELS: &[&str] = &[
    "to:", "recipient:", "recipients:", "address:", "email:", "e-mail:", "rcpt to:", "user:", "recipient address:",
    "original recipient:", "failed recipient:", "for:",
];
