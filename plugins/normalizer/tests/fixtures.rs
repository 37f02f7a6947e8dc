//! Real notifications from public test suites: what share is read as their authors say, and that none of them can
//! break the reader, whole or in pieces.
//!
//! `cargo test -p pillarbox-normalizer --test fixtures -- --nocapture` prints a table per family and every miss.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use pillarbox_normalizer::{
    BODY_BYTES_MAX, BounceType, Event, FeedbackType, Kind, Outcome, Problem, Request, formats, normalize,
};
use serde_json::Value;

const MAILS: &str = include_str!("../../../tests/fixtures/webhooks/mail.jsonl");
const EVENTS: &str = include_str!("../../../tests/fixtures/webhooks/events.jsonl");
const CASES: &str = include_str!("../../../tests/fixtures/webhooks/cases.jsonl");
const README: &str = include_str!("../../README.md");

/// Least share of mails, and of JSON and forms, whose kind and recipient are read as stated.
const MAILS_PLACED_SHARE_MIN: f64 = 0.97;
const EVENTS_PLACED_SHARE_MIN: f64 = 0.99;
/// Least share of bounces whose hard or soft is read as stated.
const BOUNCE_TYPE_SHARE_MIN: f64 = 0.92;
/// Least share of notifications that are neither a bounce nor a complaint and are read as none.
const SILENT_SHARE_MIN: f64 = 0.99;
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
        let headers = line["headers"].as_object().into_iter().flatten();
        let headers =
            headers.map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned())).collect();
        let request = Request { content_type: text("content_type"), headers, body, ..Request::default() };
        let expect = line["expect_all"].as_array().cloned().unwrap_or_else(|| vec![line["expect"].clone()]);
        Fixture { id: text("id"), family: text("provider"), request, expect }
    };
    MAILS.lines().chain(EVENTS.lines()).map(fixture).collect()
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
    silent: Share,
    bounce_type: Share,
    time: Share,
    feedback_type: Share,
}

impl Row {
    fn add(&mut self, other: Self) {
        for (sum, share) in [
            (&mut self.placed, other.placed),
            (&mut self.silent, other.silent),
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
    let (mut placed, mut meant) = (true, 0);
    for expect in &fixture.expect {
        let kind = expect["kind"].as_str().expect("a kind is stated");
        let also: Vec<&str> = expect["accept"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        match counting.iter().find(|event| is_meant(event, expect, kind, &also)) {
            Some(event) => {
                meant += 1;
                details(expect, event, &also, &mut row, &mut misses);
            }
            None => placed &= kind == "none" || also.contains(&"none"),
        }
    }
    // One event may be stated twice, and none may be left over.
    placed &= counting.len() <= meant;
    row.placed.add(placed);
    if fixture.expect.iter().all(|expect| expect["kind"] == "none") {
        row.silent.add(placed);
    }
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
            let contested = &expect["contested"];
            misses.push(format!(
                "{contested} {stated} {class_stated}, read {read} {class:?} {enhanced_code:?} {attributes:?} {reason:?}"
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
    let (mut total, mut mails, mut events) = (Row::default(), Row::default(), Row::default());
    for fixture in fixtures() {
        let (row, misses) = judge(&fixture, &normalize(&fixture.request, &[]));
        for miss in misses {
            println!("{} ({}): {miss}", fixture.id, fixture.family);
        }
        let is_mail = fixture.request.content_type == "message/rfc822";
        rows.entry(fixture.family).or_default().add(row);
        (if is_mail { &mut mails } else { &mut events }).add(row);
        total.add(row);
    }
    let sums = [("mails", &mails), ("events", &events), ("all", &total)].map(|(name, row)| (name.to_owned(), *row));
    println!("{:<22} {:>9} {:>9} {:>9} {:>9} {:>9}", "family", "placed", "silent", "hard/soft", "time", "feedback");
    for (family, row) in rows.into_iter().chain(sums) {
        let cell = |Share(right, asked): Share| if asked == 0 { "-".into() } else { format!("{right}/{asked}") };
        let cells = [row.placed, row.silent, row.bounce_type, row.time, row.feedback_type].map(cell);
        println!("{family:<22} {}", cells.map(|cell| format!("{cell:>9}")).join(" "));
    }
    for (what, share, min) in [
        ("mails, kind and recipient", mails.placed, MAILS_PLACED_SHARE_MIN),
        ("events, kind and recipient", events.placed, EVENTS_PLACED_SHARE_MIN),
        ("hard or soft", total.bounce_type, BOUNCE_TYPE_SHARE_MIN),
        ("silent", total.silent, SILENT_SHARE_MIN),
    ] {
        assert!(share.value() >= min, "{what}: {} of {}", share.0, share.1);
    }
}

/// The README's table is this one, line by line.
#[test]
fn the_readme_lists_every_format_with_its_events_and_tests() {
    let mut counts: BTreeMap<String, u32> = BTreeMap::new();
    for fixture in fixtures() {
        let answer = normalize(&fixture.request, &[]);
        let read = answer.ok().and_then(|outcome| outcome.events.into_iter().next()).map(|event| event.provider);
        // What yields nothing counts for whom it came from.
        let of = match fixture.family.as_str() {
            "amazon_ses" => "ses".into(),
            family if family.starts_with("dsn:") => "mail".into(),
            family => family.replace('_', "-"),
        };
        *counts.entry(read.unwrap_or(of)).or_default() += 1;
    }
    for line in CASES.lines() {
        let case: Value = serde_json::from_str(line).expect("each line is JSON");
        *counts.entry(case["provider"].as_str().expect("it has a name").into()).or_default() += 1;
    }
    let mut lacking = Vec::new();
    for format in formats() {
        let attribute = |name: &str| {
            format.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone()).unwrap_or_default()
        };
        let count = counts.get(&format.name).copied().unwrap_or_default();
        let line = format!("| `{}` | {} | {} | {count} |", format.name, attribute("events"), attribute("verification"));
        assert!(count > 0, "{} has no test", format.name);
        if !README.lines().any(|row| row == line) {
            lacking.push(line);
        }
    }
    assert!(lacking.is_empty(), "plugins/README.md lacks these rows:\n{}", lacking.join("\n"));
    let rows = README.lines().skip_while(|row| !row.starts_with("| format | events |")).skip(2);
    assert_eq!(rows.take_while(|row| row.starts_with('|')).count(), formats().len(), "a row too many");
}

/// What is cut, flipped or made longer may be read otherwise, and never breaks the reader.
#[test]
fn a_notification_may_end_anywhere_and_any_bit_may_flip() {
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

/// JSON that is deeper than the parser's bound is refused, and what is just inside of it is read.
#[test]
fn depth_has_an_end() {
    let read = |body: String| normalize(&Request { body: body.into_bytes(), ..Request::default() }, &[]);
    let event = r#"{"event":"spam","email":"ada@example.com"}"#;
    for (open, close, depth) in [("[", "]", 100), ("{\"data\":", "}", 4), ("[", "]", 2_000), ("{\"data\":", "}", 2_000)]
    {
        let answer = read(open.repeat(depth) + event + &close.repeat(depth));
        assert_eq!(answer.is_ok_and(|outcome| outcome.events.len() == 1), depth <= 100, "{depth} of {open}");
        let _ = read(open.repeat(depth));
    }
    // Within the bound, and deeper than anything is looked for.
    assert!(read("{\"data\":".repeat(100) + event + &"}".repeat(100)).is_err());
}

/// Padding up to the limit changes nothing but the time.
#[test]
fn a_body_may_be_padded_to_its_limit() {
    for blank in [" ", "\n"] {
        let event = r#"{"event":"spam","email":"ada@example.com"}"#;
        let body = event.to_owned() + &blank.repeat(BODY_BYTES_MAX - event.len());
        let answer = normalize(&Request { body: body.clone().into_bytes(), ..Request::default() }, &[]);
        assert_eq!(answer.map(|outcome| outcome.events.len()), Ok(1));
        let answer = normalize(&Request { body: (body + blank).into_bytes(), ..Request::default() }, &[]);
        assert_eq!(answer.map_err(|problem| problem.code), Err("invalid".into()));
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
        "[",
        "{\"a\":[",
        "{\"event\":\"bounce\",\"email\":\"a@b.c\"}\n",
        "&event=bounce&email=a%40b.c",
        "&a[b][c]=1",
        "\\\"",
        "--b\nContent-Disposition: form-data; name=email\n\na@b.c\n",
    ];
    for unit in hostile {
        for prefix in [
            "",
            report,
            "Content-Type: message/delivery-status\n\nFinal-Recipient: a@b.c\n\n",
            "From: MAILER-DAEMON@a.example\nSubject: failed\n\n",
            "From: MAILER-DAEMON@a.example\nSubject: failed\nContent-Type: text/html\n\n",
            "event=bounce",
            "{\"event\":\"bounce\",\"email\":\"",
        ] {
            let body = (prefix.to_owned() + &unit.repeat(BYTES / unit.len())).into_bytes();
            let start = Instant::now();
            let _ = normalize(&Request { body, ..Request::default() }, &[]);
            assert!(start.elapsed() < TIME_MAX, "{prefix:?} and many {unit:?}: {:?}", start.elapsed());
        }
    }
}
