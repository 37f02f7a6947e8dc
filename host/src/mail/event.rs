//! What can happen to an email, where that leaves it, and how much of it an account may see.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// An enum whose variants are words of the reference: in JSON, in the database and in `as_str` alike.
macro_rules! words {
    ($(#[$about:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum $name {
            $($(#[$doc])* #[serde(rename = $word)] $variant,)*
        }

        impl $name {
            /// Every variant, in the order they are declared.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The word for it.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }

            /// The variant that this word stands for, in exactly this spelling.
            pub fn parse(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)* _ => None }
            }
        }

        // By hand, because the derived one does not see the words that a macro names.
        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                let text = utoipa::openapi::schema::ObjectBuilder::new().schema_type(utoipa::openapi::schema::Type::String);
                text.enum_values(Some([$($word),*])).into()
            }
        }

        impl utoipa::ToSchema for $name {}
    };
}
pub(crate) use words;

words! {
    /// One thing that happened to an email.
    EventType {
        /// It is on disk and will be sent.
        Queued = "queued",
        /// Its delivery began.
        Sent = "sent",
        /// The recipient's server took it.
        Delivered = "delivered",
        /// A server could not take it now; it will be tried again.
        Deferred = "deferred",
        /// It came back.
        Bounced = "bounced",
        /// No try is left, or none makes sense.
        Failed = "failed",
        /// The customer took it back before it was sent.
        Canceled = "canceled",
        /// The recipient reported it as unwanted.
        Complained = "complained",
        /// Its pixel was fetched.
        Opened = "opened",
        /// One of its links was followed.
        Clicked = "clicked",
        /// The recipient wants no more.
        Unsubscribed = "unsubscribed",
    }
}

words! {
    /// Where an email stands. The order is the one in which knowledge grows: a later one is never taken back by
    /// news that would mean an earlier one.
    EmailStatus {
        /// Waiting for its time.
        Scheduled = "scheduled",
        /// Waiting for its first try.
        Queued = "queued",
        /// Accepted for delivery attempts.
        Sent = "sent",
        /// Waiting for another try.
        Deferred = "deferred",
        /// Taken back by the customer.
        Canceled = "canceled",
        /// Given up.
        Failed = "failed",
        /// In the hands of the recipient's server.
        Delivered = "delivered",
        /// It came back, perhaps after it had been taken.
        Bounced = "bounced",
        /// Reported as unwanted.
        Complained = "complained",
    }
}

words! {
    /// What a bounce says about the next email to the same address.
    BounceType {
        /// The address will not work.
        Hard = "hard",
        /// Another day or another message may work.
        Soft = "soft",
    }
}

words! {
    /// How much of an event an account may see.
    PrivacyLevel {
        /// Everything.
        Full = "full",
        /// Enough to count and to compare, too little to point at a person.
        Masked = "masked",
        /// What happened, and nothing about who did it.
        Minimal = "minimal",
    }
}

/// The status of an email once `event` is known. News may come late, twice or in any order; the outcome is the same,
/// because a status only ever moves up the order of [`EmailStatus`]. Opens, clicks and unsubscribes move nothing. A
/// bounce of either type ends an email, since its server no longer tries; the type only decides about suppression.
pub fn after(status: EmailStatus, event: EventType, _bounce_type: Option<BounceType>) -> EmailStatus {
    let told = match event {
        EventType::Queued => EmailStatus::Queued,
        EventType::Sent => EmailStatus::Sent,
        EventType::Deferred => EmailStatus::Deferred,
        EventType::Canceled => EmailStatus::Canceled,
        EventType::Failed => EmailStatus::Failed,
        EventType::Delivered => EmailStatus::Delivered,
        EventType::Bounced => EmailStatus::Bounced,
        EventType::Complained => EmailStatus::Complained,
        EventType::Opened | EventType::Clicked | EventType::Unsubscribed => status,
    };
    status.max(told)
}

/// What `minimal` leaves of an event, by name. None of them comes from a person or says where one is.
const IMPERSONAL: &[&str] =
    &["type", "class", "confidence", "bounce_type", "feedback_type", "smtp_code", "enhanced_code", "attempt"];

/// Takes from an event's data what the level does not allow.
///
/// | | full | masked | minimal |
/// | --- | --- | --- | --- |
/// | addresses in any text | kept | `a***@example.com` | gone |
/// | `ip` | kept | cut to its /24 or /48 | gone |
/// | `user_agent` | kept | kept | gone |
/// | `url` | kept | without query and fragment | gone |
/// | `client.class`, `client.confidence`, types and codes | kept | kept | kept |
/// | everything else | kept | kept | gone |
pub fn redact(level: PrivacyLevel, event_data: &mut Value) {
    match level {
        PrivacyLevel::Full => {}
        PrivacyLevel::Masked => mask_within("", event_data),
        PrivacyLevel::Minimal => match event_data {
            Value::Object(fields) => keep_impersonal(fields),
            other => *other = Value::Object(Map::new()),
        },
    }
}

/// Takes from an event's data, before it is stored, what the level does not allow, but for what events are counted by:
/// whether a click was one on the hidden link, and by which rule a client was known. `redacted` says that it was done.
pub fn redact_for_storing(level: PrivacyLevel, event_data: &mut Value) {
    if level == PrivacyLevel::Full || event_data.as_object().is_none_or(Map::is_empty) {
        return;
    }
    let (canary, rules) = (event_data["canary"].take(), event_data["client"]["rules"].take());
    redact(level, event_data);
    let kept = [("canary", canary), ("redacted", level.as_str().into())];
    if let Some(fields) = event_data.as_object_mut() {
        fields.extend(
            kept.into_iter().filter(|(_, value)| !value.is_null()).map(|(name, value)| (name.to_owned(), value)),
        );
        if let Some(client) = fields.get_mut("client").and_then(Value::as_object_mut).filter(|_| !rules.is_null()) {
            client.insert("rules".to_owned(), rules);
        }
    }
}

fn keep_impersonal(fields: &mut Map<String, Value>) {
    fields.retain(|name, value| match value {
        Value::Object(client) if name == "client" => {
            keep_impersonal(client);
            true
        }
        Value::Object(_) | Value::Array(_) => false,
        _ => IMPERSONAL.contains(&name.as_str()),
    });
}

/// Depth is bounded by what the JSON reader takes, 128 levels.
fn mask_within(name: &str, value: &mut Value) {
    match value {
        Value::String(text) => {
            *text = match name {
                "ip" | "ip_address" => mask_ip(text),
                "url" | "destination" => mask_addresses(without_query(text)),
                _ => mask_addresses(text),
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| mask_within(name, item)),
        Value::Object(fields) => {
            // A name can be an address too, in what a customer attached.
            if fields.keys().any(|name| name.contains('@')) {
                let named = std::mem::take(fields).into_iter().map(|(name, value)| (mask_addresses(&name), value));
                *fields = named.collect();
            }
            fields.iter_mut().for_each(|(name, value)| mask_within(name, value));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// `ada@example.com` as `a***@example.com`: the first character of the local part and the domain stay.
pub fn mask_address(address: &str) -> String {
    let (local, domain) = address.rsplit_once('@').unwrap_or((address, ""));
    let first = local.trim_start_matches(['"', '*']).chars().next().map_or(String::new(), String::from);
    if domain.is_empty() { format!("{first}***") } else { format!("{first}***@{domain}") }
}

/// Masks whatever looks like an address in a longer text, such as a server's reply.
fn mask_addresses(text: &str) -> String {
    if !text.contains('@') {
        return text.to_owned();
    }
    let text = mask_quoted_locals(text);
    // An address ends where a space or a bracket stands around it; a quote is part of a quoted local part.
    let borders = |character: char| character.is_whitespace() || "<>()[]{},;:|'`/\\=&?".contains(character);
    let mut masked = String::with_capacity(text.len());
    for piece in text.split_inclusive(borders) {
        let word = piece.strip_suffix(borders).unwrap_or(piece);
        if word.contains('@') {
            masked.push_str(&mask_address(word));
        } else {
            masked.push_str(word);
        }
        masked.push_str(&piece[word.len()..]);
    }
    masked
}

/// Leaves `a***` of `"a b"@example.com`, which may have anything between its quotes.
fn mask_quoted_locals(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(end) = rest.find("\"@") {
        let start = rest[..end].rfind('"').unwrap_or(end);
        masked.push_str(&rest[..start]);
        masked.extend(rest[start..end].chars().nth(1));
        masked.push_str("***");
        rest = &rest[end + 1..];
    }
    masked.push_str(rest);
    masked
}

/// The network that an address is in: its /24, or its /48. Text that is no IP address is dropped altogether.
pub(crate) fn mask_ip(text: &str) -> String {
    match text.parse::<IpAddr>().map(|ip| ip.to_canonical()) {
        Ok(IpAddr::V4(ip)) => {
            let [a, b, c, _] = ip.octets();
            Ipv4Addr::new(a, b, c, 0).to_string()
        }
        Ok(IpAddr::V6(ip)) => {
            let [a, b, c, ..] = ip.segments();
            Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0).to_string()
        }
        Err(_) => String::new(),
    }
}

fn without_query(url: &str) -> &str {
    url.split(['?', '#']).next().unwrap_or_default()
}

/// How much of a server's words a timeline shows.
const SUMMARY_REASON_CHARS_MAX: usize = 200;

/// One sentence for a timeline. It says no more than `data` does, so whoever redacts first tells nothing.
pub fn summary(event_type: EventType, data: &Value) -> String {
    let text = |name: &str| data.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let class = || data.pointer("/client/class").and_then(Value::as_str);
    let (sentence, detail) = match event_type {
        EventType::Queued => ("Accepted and queued for delivery", None),
        EventType::Sent => ("Delivery began", None),
        EventType::Delivered => ("The recipient's mail server accepted it", None),
        EventType::Deferred => ("The mail server could not take it now; it will be tried again", text("reason")),
        EventType::Bounced => {
            let sentence = match text("bounce_type").and_then(BounceType::parse) {
                Some(BounceType::Hard) => "It bounced for good: the address does not work",
                Some(BounceType::Soft) => "It bounced for now: the address may work another time",
                None => "It bounced",
            };
            (sentence, text("reason"))
        }
        EventType::Failed => ("Delivery was given up", text("reason")),
        EventType::Canceled => ("It was canceled before it was sent", None),
        EventType::Complained => {
            let sentence = match text("feedback_type") {
                Some("fraud") => "The recipient reported it as fraud",
                Some("virus") => "The recipient reported it as carrying a virus",
                _ => "The recipient reported it as unwanted",
            };
            (sentence, None)
        }
        EventType::Opened => match class() {
            Some("scanner") => ("A mail scanner fetched its pixel", None),
            Some("suspicious") => ("It was opened, possibly by a machine", None),
            _ => ("The recipient opened it", None),
        },
        EventType::Clicked => match class() {
            Some("scanner") => ("A mail scanner followed a link", text("url")),
            Some("suspicious") => ("A link was followed, possibly by a machine", text("url")),
            _ => ("The recipient followed a link", text("url")),
        },
        EventType::Unsubscribed => ("The recipient unsubscribed", None),
    };
    match detail {
        Some(detail) => {
            let plain = |character: char| if character.is_control() { ' ' } else { character };
            let mut shown: String = detail.chars().take(SUMMARY_REASON_CHARS_MAX).map(plain).collect();
            if detail.chars().nth(SUMMARY_REASON_CHARS_MAX).is_some() {
                shown.push('…');
            }
            format!("{sentence} ({}).", shown.trim())
        }
        None => format!("{sentence}."),
    }
}

#[cfg(test)]
mod tests;
