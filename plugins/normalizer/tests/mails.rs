//! Real bounces, complaints and automatic answers from public test suites: what share is read as their authors
//! say, and that none of them can break the reader, whole or in pieces.
//!
//! `cargo test -p pillarbox-normalizer --test mails -- --nocapture` prints a table per family and every miss.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use pillarbox_normalizer::{BounceType, Event, FeedbackType, Kind, Outcome, Problem, Request, normalize};
use serde_json::Value;

const FIXTURES: &str = include_str!("../../../tests/fixtures/webhooks/mail.jsonl");

/// Least share of fixtures whose kind and recipient are read as stated.
const KIND_AND_RECIPIENT_SHARE_MIN: f64 = 0.97;
/// Least share of bounces whose hard or soft is read as stated.
const BOUNCE_TYPE_SHARE_MIN: f64 = 0.90;
/// How far a time may be from the stated one.
const TIME_TOLERANCE_MILLIS: i64 = 1_000;

struct Fixture {
    id: String,
    family: String,
    request: Request,
    /// What must come out, in any order.
    expect: Vec<Value>,
}

fn fixtures() -> Vec<Fixture> {
    let fixture = |line: &str| {
        let line: Value = serde_json::from_str(line).expect("each line is JSON");
        let text = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
        let body = match line["body_encoding"].as_str() {
            Some("base64") => BASE64.decode(text("body")).expect("the body is base64"),
            _ => text("body").into_bytes(),
        };
        let request = Request { content_type: text("content_type"), body, ..Request::default() };
        let expect = line["expect_all"].as_array().cloned().unwrap_or_else(|| vec![line["expect"].clone()]);
        Fixture { id: text("id"), family: text("provider"), request, expect }
    };
    FIXTURES.lines().map(fixture).collect()
}

/// Right and asked, for one question.
#[derive(Default, Clone, Copy)]
struct Share(u32, u32);

impl Share {
    fn add(&mut self, right: bool) {
        self.0 += u32::from(right);
        self.1 += 1;
    }

    fn value(self) -> f64 {
        f64::from(self.0) / f64::from(self.1.max(1))
    }
}

#[derive(Default, Clone, Copy)]
struct Row {
    placed: Share,
    bounce_type: Share,
    time: Share,
    feedback_type: Share,
}

impl Row {
    fn add(&mut self, other: Self) {
        for (sum, share) in [
            (&mut self.placed, other.placed),
            (&mut self.bounce_type, other.bounce_type),
            (&mut self.time, other.time),
            (&mut self.feedback_type, other.feedback_type),
        ] {
            sum.0 += share.0;
            sum.1 += share.1;
        }
    }
}

/// A kind as the fixtures name it: everything but the two is `none`.
fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Bounce => "bounce",
        Kind::Complaint => "complaint",
        _ => "none",
    }
}

fn bounce_type_name(bounce_type: Option<BounceType>) -> &'static str {
    match bounce_type {
        Some(BounceType::Hard) => "hard",
        Some(BounceType::Soft) => "soft",
        None => "none",
    }
}

fn feedback_type_name(feedback_type: Option<FeedbackType>) -> &'static str {
    match feedback_type {
        Some(FeedbackType::Abuse) => "abuse",
        Some(FeedbackType::Fraud) => "fraud",
        Some(FeedbackType::Virus) => "virus",
        Some(FeedbackType::Other) => "other",
        None => "none",
    }
}

/// Judges one fixture and says what is wrong. It is placed when all that is expected came out, and nothing else
/// that counts.
fn judge(fixture: &Fixture, answer: &Result<Outcome, Problem>) -> (Row, Vec<String>) {
    let (mut row, mut misses) = (Row::default(), Vec::new());
    let events: &[Event] = answer.as_ref().map(|outcome| outcome.events.as_slice()).unwrap_or_default();
    let counting: Vec<&Event> = events.iter().filter(|event| kind_name(event.kind) != "none").collect();
    let mut placed = counting.len() <= fixture.expect.len();
    for expect in &fixture.expect {
        let kind = expect["kind"].as_str().expect("a kind is stated");
        let also: Vec<&str> = expect["accept"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        if counting.is_empty() && (kind == "none" || also.contains(&"none")) {
            continue;
        }
        match counting.iter().find(|event| is_meant(event, expect, kind, &also)) {
            Some(event) => details(expect, event, &also, &mut row, &mut misses),
            None => placed = false,
        }
    }
    row.placed.add(placed);
    if !placed {
        let wanted: Vec<_> = fixture.expect.iter().map(|expect| (&expect["kind"], &expect["recipient"])).collect();
        let found: Vec<_> = events.iter().map(|event| (event.kind, event.recipient.as_deref())).collect();
        misses.push(format!("expected {wanted:?}, read {found:?}"));
    }
    (row, misses)
}

/// Whether an event has the kind and the recipient that one expectation states.
fn is_meant(event: &Event, expect: &Value, kind: &str, also: &[&str]) -> bool {
    let wanted: Vec<&str> = ["recipient", "recipient_alt"].iter().filter_map(|name| expect[name].as_str()).collect();
    let mut addresses = event.recipient.iter().chain(&event.recipient_alternatives);
    let right_kind = kind_name(event.kind) == kind || also.contains(&kind_name(event.kind));
    right_kind
        && (wanted.is_empty()
            || addresses.any(|address| wanted.iter().any(|wanted| wanted.eq_ignore_ascii_case(address))))
}

fn details(expect: &Value, event: &Event, also: &[&str], row: &mut Row, misses: &mut Vec<String>) {
    if let Some(stated) = expect["bounce_type"].as_str() {
        let read = bounce_type_name(event.bounce_type);
        let right = stated == read || also.contains(&format!("bounce:{read}").as_str());
        row.bounce_type.add(right);
        if !right {
            let Event { class, enhanced_code, attributes, reason, .. } = event;
            let class_stated = &expect["reason_class"];
            misses.push(format!(
                "{stated} {class_stated}, read {read} {class:?} {enhanced_code:?} {attributes:?} {reason:?}"
            ));
        }
    }
    let times = expect["timestamp_any"].as_array().cloned().unwrap_or_else(|| vec![expect["timestamp"].clone()]);
    let times: Vec<i64> = times.iter().filter_map(Value::as_str).filter_map(millis).collect();
    if !times.is_empty() {
        let near = |read: i64| times.iter().any(|time| (time - read).abs() <= TIME_TOLERANCE_MILLIS);
        let right = event.occurred_at.is_some_and(near);
        row.time.add(right);
        if !right {
            misses.push(format!("time {times:?}, read {:?}", event.occurred_at));
        }
    }
    if let Some(stated) = expect["feedback_type"].as_str() {
        let right = stated == feedback_type_name(event.feedback_type);
        row.feedback_type.add(right);
        if !right {
            misses.push(format!("feedback {stated}, read {:?}", event.feedback_type));
        }
    }
}

/// Milliseconds of an RFC 3339 time in UTC, by way of the plugin's own reader of our JSON. `None` for a year
/// before 1970, which only a mail from a broken clock has.
fn millis(text: &str) -> Option<i64> {
    let body = serde_json::json!({ "emailId": "x", "bounceType": "hard", "timestamp": text }).to_string().into_bytes();
    let answer = normalize(&Request { body, ..Request::default() }, &[]).expect("it is ours");
    answer.events[0].occurred_at
}

#[test]
fn real_mails_are_read_as_their_authors_say() {
    let mut rows: BTreeMap<String, Row> = BTreeMap::new();
    let mut total = Row::default();
    for fixture in fixtures() {
        let (row, misses) = judge(&fixture, &normalize(&fixture.request, &[]));
        for miss in misses {
            println!("{} ({}): {miss}", fixture.id, fixture.family);
        }
        rows.entry(fixture.family).or_default().add(row);
        total.add(row);
    }
    println!("{:<22} {:>9} {:>9} {:>9} {:>9}", "family", "placed", "hard/soft", "time", "feedback");
    for (family, row) in rows.iter().chain([(&"all".to_owned(), &total)]) {
        let cell = |Share(right, asked): Share| if asked == 0 { "-".into() } else { format!("{right}/{asked}") };
        let cells = [row.placed, row.bounce_type, row.time, row.feedback_type].map(cell);
        println!("{family:<22} {:>9} {:>9} {:>9} {:>9}", cells[0], cells[1], cells[2], cells[3]);
    }
    assert!(total.placed.value() >= KIND_AND_RECIPIENT_SHARE_MIN, "kind and recipient: {}", total.placed.value());
    assert!(total.bounce_type.value() >= BOUNCE_TYPE_SHARE_MIN, "hard or soft: {}", total.bounce_type.value());
}

#[test]
fn a_mail_may_end_anywhere_and_any_bit_may_flip() {
    const CUTS: usize = 20;
    for fixture in fixtures() {
        let body = &fixture.request.body;
        for cut in 0..CUTS {
            let at = body.len() * cut / CUTS;
            let truncated = Request { body: body[..at].to_vec(), ..fixture.request.clone() };
            let _ = normalize(&truncated, &[]);
            let mut flipped = fixture.request.clone();
            if let Some(byte) = flipped.body.get_mut(at) {
                *byte ^= 1 << (cut % 8);
            }
            let _ = normalize(&flipped, &[]);
        }
    }
}

#[test]
fn time_grows_in_proportion_to_the_mail() {
    /// Generous for an unoptimized build on a busy machine; what grows by the square takes minutes.
    const TIME_MAX: Duration = Duration::from_secs(20);
    const BYTES: usize = 128 * 1024;
    let report =
        "From: MAILER-DAEMON@a.example\nSubject: failure notice\nContent-Type: multipart/report; boundary=b\n\n--b\n";
    let hostile = [
        "a@",
        "@",
        "a@b.c\n",
        "<a@b.c>:\n",
        "<",
        "<style>",
        "=?",
        "=?a?b?c",
        "--b\n",
        "--b\n\n",
        ":",
        "x:\n",
        "x:\n ",
        "\n",
        " ",
        "4.",
        "5.5.5",
        "user ",
        "Final-Recipient: rfc822;a@b.c\n",
        "Final-Recipient: rfc822;a@b.c\n\n",
        "x: y\n\n",
        "Original-Recipient: x\n\n",
        "Content-Type: multipart/mixed; boundary=b\n\n--b\n",
        "To: a@b.c\n",
        "[",
        "{\"a\":",
        "\u{e9}",
        "\r",
        "said:",
        "message-id: ",
    ];
    for unit in hostile {
        for prefix in [
            "",
            report,
            "Content-Type: message/delivery-status\n\nFinal-Recipient: a@b.c\n\n",
            "From: MAILER-DAEMON@a.example\nSubject: failed\n\n",
            "From: MAILER-DAEMON@a.example\nSubject: failed\nContent-Type: text/html\n\n",
        ] {
            let body = (prefix.to_owned() + &unit.repeat(BYTES / unit.len())).into_bytes();
            let start = Instant::now();
            let _ = normalize(&Request { body, ..Request::default() }, &[]);
            assert!(start.elapsed() < TIME_MAX, "{prefix:?} and many {unit:?}: {:?}", start.elapsed());
        }
    }
}
