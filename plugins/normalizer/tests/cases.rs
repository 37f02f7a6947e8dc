//! What providers and servers post, and what senders that no table describes may: written for these tests after the
//! documentation of each, a line for each case.

mod support;

use serde_json::{Value, json};
use support::{check_as, one, read};

const CASES: &str = include_str!("../../../tests/fixtures/webhooks/cases.jsonl");
const NOON: i64 = 1_772_366_400_000; // 2026-03-01T12:00:00Z

#[test]
fn every_case_is_read_as_its_sender_means_it() {
    for line in CASES.lines() {
        let case: Value = serde_json::from_str(line).expect("each line is JSON");
        let text = |name: &str| case[name].as_str().unwrap_or_default();
        let expected: Vec<&str> = case["expect"].as_array().expect("a list").iter().filter_map(Value::as_str).collect();
        check_as(text("content_type"), text("body"), &expected);
    }
}

#[test]
fn handshakes_are_told_to_the_host() {
    let confirm = "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription";
    let sns = json!({ "Type": "SubscriptionConfirmation", "MessageId": "m", "TopicArn": "t", "SubscribeURL": confirm });
    let attributes = read(&sns.to_string()).attributes;
    assert_eq!(attributes, [("handshake".into(), "sns-subscription".into()), ("confirm-url".into(), confirm.into()),]);
    let grid = json!([{
        "id": "x", "eventType": "Microsoft.EventGrid.SubscriptionValidationEvent", "data": { "validationCode": "512d" },
    }]);
    let attributes = read(&grid.to_string()).attributes;
    assert_eq!(attributes, [("handshake".into(), "event-grid".into()), ("validation-code".into(), "512d".into())]);
}

#[test]
fn ids_that_repeat_are_those_of_the_messages() {
    let inner = json!({
        "notificationType": "Complaint", "mail": {},
        "complaint": { "complainedRecipients": [{ "emailAddress": "ada@example.com" }], "feedbackId": "f" },
    });
    let event = one(&inner.to_string());
    assert_eq!((event.provider_event_id.as_deref(), event.occurred_at), (Some("f"), None));
    let sns = json!({
        "Type": "Notification", "MessageId": "n", "Message": inner.to_string(), "Timestamp": "2026-03-01T12:00:00Z",
    });
    let event = one(&sns.to_string());
    assert_eq!((event.provider_event_id.as_deref(), event.occurred_at), (Some("n"), Some(NOON)));
}

#[test]
fn large_numbers_stay_exact() {
    let body = r#"{"event":"spam","time":1772366400,"MessageID":1234567890123456789,"email":"ada@example.com"}"#;
    let event = one(body);
    assert_eq!((event.provider.as_str(), event.clues[0].value.as_str()), ("mailjet", "1234567890123456789"));
}

#[test]
fn times_are_read_in_every_spelling() {
    for time in [
        "1772366400",
        "1772366400.25",
        "1772366400123",
        "1772366400123456",
        "\"1772366400\"",
        "\"2026-03-01T12:00:00Z\"",
        "\"2026-03-01 13:00:00+01:00\"",
        "\"2026-03-01 12:00:00 +0000 UTC\"",
        "\"Sun, 01 Mar 2026 12:00:00 GMT\"",
        "\"2026-03-01T12:00:00.123456789Z\"",
    ] {
        let event = one(&format!(r#"{{"event":"open","email":"ada@example.com","timestamp":{time}}}"#));
        assert_eq!(event.occurred_at.map(|at| at / 1000), Some(NOON / 1000), "{time}");
    }
    let event = one(r#"{"sent_at":1,"created_at":2,"event":"bounce","email":"a@b.example","bounced_at":1772366400}"#);
    assert_eq!(event.occurred_at, Some(NOON));
}

#[test]
fn ids_and_metadata_are_clues() {
    let event = one(&json!({
        "event": "bounce", "to": "ada@example.com", "message_id": "<m@x.example>", "metadata": { "email_id": "ours" },
        "sender": "bounce+7f@news.example", "headers": [{ "name": "X-Pillarbox-Email-ID", "value": "also ours" }],
        "event_id": "e1",
    })
    .to_string());
    let clues: Vec<String> = event.clues.iter().map(|clue| format!("{:?} {}", clue.kind, clue.value)).collect();
    assert_eq!(clues, ["Header also ours", "Metadata ours", "Verp bounce+7f@news.example", "MessageId m@x.example"]);
    assert_eq!(event.provider_event_id.as_deref(), Some("e1"));
    assert_eq!(event.custom_data.as_deref(), Some(r#"{"email_id":"ours"}"#));
}

#[test]
fn lists_have_an_end() {
    let list = |count: usize| format!("[{}]", vec![r#"{"event":"spam","email":"ada@example.com"}"#; count].join(","));
    assert_eq!(read(&list(10_000)).events.len(), 10_000);
    assert_eq!(read(&list(10_001)).events.len(), 10_000);
}
