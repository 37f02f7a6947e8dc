//! What the plugin says of itself: its name, and every format that it reads.

use crate::json::{PROFILES, Profile};
use crate::types::{Description, Format};

/// Who this plugin is.
#[must_use]
pub fn describe() -> Description {
    Description {
        name: "pillarbox-normalizer".into(),
        version: env!("CARGO_PKG_VERSION").into(),
        summary: "Reads what happened to sent mail: our own JSON, the webhooks of providers and servers, delivery \
                  status notifications, feedback reports, and the mails of servers that know no standard."
            .into(),
        attributes: Vec::new(),
    }
}

/// A format that no profile describes.
struct Other {
    name: &'static str,
    description: &'static str,
    content_types: &'static [&'static str],
    events: &'static str,
    verification: &'static str,
}

const OTHERS: &[Other] = &[
    Other {
        name: "pillarbox",
        description: "The JSON of POST /webhooks/bounce and POST /webhooks/complaint in this service's reference.",
        content_types: &["application/json"],
        events: "bounce, complaint",
        verification: "a secret of the endpoint; else the pair of email and recipient",
    },
    Other {
        name: "rfc3464",
        description: "Delivery status notifications (RFC 3464, RFC 6533): a mail, its body, or the status part alone.",
        content_types: &[
            "message/rfc822",
            "multipart/report",
            "message/delivery-status",
            "message/global-delivery-status",
        ],
        events: "bounce, delivered, deferred",
        verification: "the bounce address that it came to",
    },
    Other {
        name: "arf",
        description: "Feedback reports (RFC 5965, RFC 6430, RFC 6591): a mail, its body, or the report part alone.",
        content_types: &["message/rfc822", "multipart/report", "message/feedback-report"],
        events: "complaint",
        verification: "the bounce address or our header in the returned mail",
    },
    Other {
        name: "mail",
        description: "Bounces in free text, as qmail, Exim, Exchange and many others write them.",
        content_types: &["message/rfc822"],
        events: "bounce, deferred",
        verification: "the bounce address that it came to",
    },
    Other {
        name: "autoreply",
        description: "Vacation notes and other automatic answers (RFC 3834), which are told apart from bounces.",
        content_types: &["message/rfc822"],
        events: "autoreply",
        verification: "none: it changes nothing",
    },
    Other {
        name: "unknown",
        description: "JSON and forms of anybody else, read by what their fields are called.",
        content_types: &["application/json", "application/x-www-form-urlencoded"],
        events: "bounce, complaint, delivered, deferred, opened, clicked, unsubscribed, rejected",
        verification: "a secret address, basic authentication",
    },
];

/// Every format this plugin reads. Its attributes say which events it brings and how the host proves it genuine.
#[must_use]
pub fn formats() -> Vec<Format> {
    let format = |name: &str, description: &str, content_types: &[&str], events: &str, verification: &str| Format {
        name: name.into(),
        description: description.into(),
        content_types: content_types.iter().map(|&content_type| content_type.into()).collect(),
        attributes: vec![("events".into(), events.into()), ("verification".into(), verification.into())],
    };
    let others = OTHERS
        .iter()
        .map(|other| format(other.name, other.description, other.content_types, other.events, other.verification));
    let mut formats: Vec<Format> = others.collect();
    for profile in PROFILES {
        let Profile { name, description, content_types, events, verification, .. } = profile;
        // What one provider sends in two shapes is one format.
        match formats.iter_mut().find(|known| known.name == *name) {
            Some(known) => known.description = format!("{} {description}", known.description),
            None => formats.push(format(name, description, content_types, events, verification)),
        }
    }
    formats
}
