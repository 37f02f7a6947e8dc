//! The two documented endpoints: what they take, and what they answer to mistakes.

use pillarbox_normalizer::{
    BODY_BYTES_MAX, BounceType, Clue, ClueKind, Event, FeedbackType, Kind, Outcome, Problem, Request, normalize,
};

const ID: &str = "0197a5de-0000-7000-8000-000000000001";

fn post(endpoint: &str, body: &str) -> Result<Outcome, Problem> {
    let attributes = vec![("endpoint".into(), endpoint.into())];
    let request = Request {
        content_type: "application/json".into(),
        body: body.as_bytes().to_vec(),
        attributes,
        ..Request::default()
    };
    normalize(&request, &[])
}

#[track_caller]
fn event(endpoint: &str, fields: &str) -> Event {
    let mut outcome = post(endpoint, &format!("{{\"emailId\": \"{ID}\"{fields}}}")).expect("it is ours");
    assert_eq!((outcome.events.len(), outcome.ignored.len()), (1, 0));
    outcome.events.remove(0)
}

#[track_caller]
fn check_invalid(endpoint: &str, body: &str, pointer: &str, message: &str) {
    assert_eq!(post(endpoint, body), Err(Problem::invalid(pointer, message)), "{body}");
}

#[test]
fn a_bounce_is_read_as_documented() {
    let fields = r#", "bounceType": "soft", "reason": "552 5.2.2 Mailbox full", "recipientEmail": "Ada@Example.com",
        "timestamp": "2026-03-01T12:00:00Z", "customData": {"order": 12345678901234567890, "b": 1.10}"#;
    let expected = Event {
        kind: Kind::Bounce,
        bounce_type: Some(BounceType::Soft),
        recipient: Some("Ada@Example.com".into()),
        reason: Some("552 5.2.2 Mailbox full".into()),
        class: Some("mailbox-full".into()),
        smtp_code: Some(552),
        enhanced_code: Some("5.2.2".into()),
        occurred_at: Some(1_772_366_400_000),
        provider: "pillarbox".into(),
        clues: vec![Clue { kind: ClueKind::EmailId, value: ID.into() }],
        custom_data: Some(r#"{"order":12345678901234567890,"b":1.10}"#.into()),
        attributes: vec![("evidence".into(), "5.2.2".into())],
        ..Event::default()
    };
    assert_eq!(event("bounce", fields), expected);
}

#[test]
fn a_complaint_is_read_as_documented() {
    let fields = r#", "feedbackType": "fraud", "complaintType": "phish", "recipientEmail": "ada@example.com",
        "timestamp": 1772366400"#;
    let expected = Event {
        kind: Kind::Complaint,
        recipient: Some("ada@example.com".into()),
        feedback_type: Some(FeedbackType::Fraud),
        complaint_type: Some("phish".into()),
        occurred_at: Some(1_772_366_400_000),
        provider: "pillarbox".into(),
        clues: vec![Clue { kind: ClueKind::EmailId, value: ID.into() }],
        ..Event::default()
    };
    assert_eq!(event("complaint", fields), expected);
}

#[test]
fn only_the_id_is_required() {
    assert_eq!((event("bounce", "").kind, event("bounce", "").bounce_type), (Kind::Bounce, None));
    assert_eq!(event("complaint", "").feedback_type, None);
    assert_eq!(event("bounce", r#", "bounceType": null, "reason": null"#).bounce_type, None);
    for body in ["{}", r#"{"emailId": null}"#, r#"{"emailId": " "}"#, "", "  "] {
        check_invalid("bounce", body, "/emailId", "emailId is required");
        check_invalid("complaint", body, "/emailId", "emailId is required");
    }
}

#[test]
fn a_wrong_type_names_its_place() {
    let with = |field: &str| format!("{{\"emailId\": \"{ID}\", {field}}}");
    check_invalid("bounce", r#"{"emailId": 7}"#, "/emailId", "emailId must be a string");
    check_invalid("bounce", &with("\"reason\": []"), "/reason", "reason must be a string");
    check_invalid("bounce", &with("\"bounceType\": 1"), "/bounceType", "bounceType must be a string");
    check_invalid("bounce", &with("\"recipientEmail\": {}"), "/recipientEmail", "recipientEmail must be a string");
    check_invalid("bounce", &with("\"timestamp\": true"), "/timestamp", "timestamp must be a string or a number");
    check_invalid("complaint", &with("\"feedbackType\": 1"), "/feedbackType", "feedbackType must be a string");
    check_invalid("complaint", &with("\"customData\": []"), "/customData", "customData must be an object");
    check_invalid("bounce", "[]", "", "The body must be a JSON object");
    assert!(post("bounce", "not json").expect_err("it is none").message.starts_with("The body is not JSON: "));
}

#[test]
fn an_unknown_word_is_data() {
    let bounce = event("bounce", r#", "bounceType": "block", "reason": "550 no such user", "timestamp": "soon""#);
    assert_eq!((bounce.bounce_type, bounce.occurred_at), (Some(BounceType::Hard), None));
    let attributes = [("evidence", "no such user"), ("bounce-type", "block"), ("timestamp", "soon")];
    assert_eq!(bounce.attributes, attributes.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let complaint = event("complaint", r#", "feedbackType": "Dislike""#);
    let read = (complaint.feedback_type, complaint.complaint_type.as_deref());
    assert_eq!(read, (Some(FeedbackType::Other), Some("Dislike")));
}

#[test]
fn without_a_route_the_fields_tell_the_kind() {
    assert_eq!(event("in", r#", "reason": "full""#).kind, Kind::Bounce);
    assert_eq!(event("in", r#", "feedbackType": "abuse""#).kind, Kind::Complaint);
    let message = "Either bounceType or feedbackType must say what happened";
    check_invalid("in", &format!("{{\"emailId\": \"{ID}\"}}"), "", message);
}

#[test]
fn limits_hold_on_both_sides() {
    let with_id = |bytes: usize| format!("{{\"emailId\": \"{}\"}}", "x".repeat(bytes));
    assert!(post("bounce", &with_id(256)).is_ok());
    check_invalid("bounce", &with_id(257), "/emailId", "emailId is longer than 256 bytes");
    let with_data = |bytes: usize| {
        let text = "x".repeat(bytes - r#"{"a":""}"#.len());
        format!("{{\"emailId\": \"{ID}\", \"customData\": {{\"a\": \"{text}\"}}}}")
    };
    assert!(post("bounce", &with_data(16 * 1024)).is_ok());
    check_invalid("bounce", &with_data(16 * 1024 + 1), "/customData", "customData is larger than 16384 bytes");
    let padded = |bytes: usize| {
        let object = format!("{{\"emailId\": \"{ID}\"}}");
        object.clone() + &" ".repeat(bytes - object.len())
    };
    assert!(post("bounce", &padded(BODY_BYTES_MAX)).is_ok());
    check_invalid("bounce", &padded(BODY_BYTES_MAX + 1), "", "The body is larger than 5242880 bytes");
    assert!(post("in", &"[".repeat(100_000)).is_err());
}
