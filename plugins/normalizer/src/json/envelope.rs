//! What stands around events: the messages of Amazon SNS, other envelopes, and the handshakes by which a sender asks
//! whether it may come.
//!
//! Nothing is fetched or answered here. What the host may do is told in the outcome's attributes: `handshake` names the
//! kind, `confirm-url` is what a subscriber visits, `validation-code` what Event Grid wants to hear.

use serde_json::Value;

use super::path::{first, text};
use super::reading::instant;
use crate::types::Outcome;

/// Reads a handshake.
pub(super) fn handshake(body: &Value) -> Option<Outcome> {
    let field = |path: &str| first(body, path).and_then(text);
    let kind = field("Type").or_else(|| field("eventType"))?;
    let (name, attribute, value, reason) = match kind.as_str() {
        "SubscriptionConfirmation" => (
            "sns-subscription",
            "confirm-url",
            field("SubscribeURL"),
            "Amazon SNS asks whether its messages may come; the confirmation is the host's",
        ),
        "UnsubscribeConfirmation" => {
            ("sns-unsubscribed", "", None, "Amazon SNS says that its messages will not come any more")
        }
        "Microsoft.EventGrid.SubscriptionValidationEvent" => (
            "event-grid",
            "validation-code",
            field("data.validationCode"),
            "Event Grid asks whether its events may come; the answer is the host's",
        ),
        _ => return None,
    };
    let mut outcome = Outcome { attributes: vec![("handshake".into(), name.into())], ..Outcome::default() };
    outcome.attributes.extend(value.map(|value| (attribute.to_owned(), value)));
    outcome.ignore(reason);
    Some(outcome)
}

/// The SNS message around another one: its id, when it was sent, and what it holds.
pub(super) struct Sns<'a> {
    pub(super) id: Option<String>,
    pub(super) sent_at: Option<i64>,
    pub(super) message: &'a Value,
}

/// Takes a notification of SNS apart, as it comes by HTTP, or inside an event of Lambda.
pub(super) fn sns(value: &Value) -> Option<Sns<'_>> {
    let value = value.get("Sns").unwrap_or(value);
    let is_notification = value.get("Type").is_none_or(|kind| kind == "Notification")
        && value.get("TopicArn").is_some()
        || value.get("Type").is_some_and(|kind| kind == "Notification") && value.get("MessageId").is_some();
    let message = value.get("Message").filter(|_| is_notification)?;
    let sent_at = value.get("Timestamp").and_then(instant);
    Some(Sns { id: value.get("MessageId").and_then(text), sent_at, message })
}

/// What the envelopes of queues and buses hold: a record of SQS, an event of Amazon's event bus, a push of Pub/Sub, the
/// records of Lambda.
pub(super) fn inner(value: &Value) -> Option<&Value> {
    let object = value.as_object()?;
    let holds = |value: &&Value| value.is_object() || value.is_array();
    if let Some(records) = object.get("Records").filter(|records| records.is_array()) {
        return Some(records);
    }
    if object.contains_key("detail-type") {
        return object.get("detail").filter(holds);
    }
    if object.contains_key("receiptHandle") || object.get("eventSource").is_some_and(|source| source == "aws:sqs") {
        return object.get("body").filter(holds);
    }
    if object.contains_key("subscription") {
        return object.get("message")?.get("data").filter(holds);
    }
    None
}
