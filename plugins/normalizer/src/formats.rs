//! What the plugin says of itself: its name, and every format that it reads.

use crate::types::{Description, Format};

/// Who this plugin is.
#[must_use]
pub fn describe() -> Description {
    Description {
        name: "pillarbox-normalizer".into(),
        version: env!("CARGO_PKG_VERSION").into(),
        summary: "Reads bounces and complaints: our own JSON, delivery status notifications, feedback reports, and \
                  the mails of servers that know no standard."
            .into(),
        attributes: Vec::new(),
    }
}

/// Name, description and usual content types of every format.
const FORMATS: &[(&str, &str, &[&str])] = &[
    (
        "pillarbox",
        "The JSON of POST /webhooks/bounce and POST /webhooks/complaint in this service's reference.",
        &["application/json"],
    ),
    (
        "rfc3464",
        "Delivery status notifications (RFC 3464, RFC 6533), as a mail, as its body, or as the status part alone.",
        &["message/rfc822", "multipart/report", "message/delivery-status", "message/global-delivery-status"],
    ),
    (
        "arf",
        "Feedback reports (RFC 5965, RFC 6430, RFC 6591), as a mail, as its body, or as the report part alone.",
        &["message/rfc822", "multipart/report", "message/feedback-report"],
    ),
    (
        "mail",
        "Bounces in free text, as qmail, Exim, Exchange, Sendmail and many others write them (RFC 5321 section 6.1).",
        &["message/rfc822"],
    ),
    (
        "autoreply",
        "Vacation notes and other automatic answers (RFC 3834), which are told apart from bounces.",
        &["message/rfc822"],
    ),
];

/// Every format this plugin reads.
#[must_use]
pub fn formats() -> Vec<Format> {
    let format = |&(name, description, content_types): &(&str, &str, &[&str])| Format {
        name: name.into(),
        description: description.into(),
        content_types: content_types.iter().map(|&content_type| content_type.into()).collect(),
        attributes: Vec::new(),
    };
    FORMATS.iter().map(format).collect()
}
