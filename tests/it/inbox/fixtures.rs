//! Real notifications through the real route and the real component: what share is kept as their authors say.
//!
//! `cargo test --test it inbox::fixtures -- --nocapture` prints a table per family.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use pillarbox::control::Command;
use pillarbox::inbox::{self, Accepted, Arrival};
use serde_json::{Value, json};

use super::{settled, source};
use crate::harness::TestApp;
use crate::sources::{path_of, post};

const MAILS: &str = include_str!("../../fixtures/webhooks/mail.jsonl");
const EVENTS: &str = include_str!("../../fixtures/webhooks/events.jsonl");
/// Least share of mails, and of JSON and forms, of which kind and recipient are kept as stated.
const MAILS_PLACED_SHARE_MIN: f64 = 0.97;
const EVENTS_PLACED_SHARE_MIN: f64 = 0.99;
/// Least share of bounces whose hard or soft is kept as stated.
const BOUNCE_TYPE_SHARE_MIN: f64 = 0.92;
/// Least share of those that are neither a bounce nor a complaint and are kept as none.
const SILENT_SHARE_MIN: f64 = 0.99;
/// Bytes that a webhook takes.
const BODY_BYTES_MAX: usize = 5 * 1024 * 1024;
/// Places at which each is cut off, and flipped.
const CUTS: usize = 4;

/// Right and asked.
#[derive(Clone, Copy, Default)]
struct Share(u32, u32);

impl Share {
    fn add(&mut self, other: Self) {
        self.0 += other.0;
        self.1 += other.1;
    }

    fn value(self) -> f64 {
        f64::from(self.0) / f64::from(self.1.max(1))
    }
}

/// Kind and recipient, silence, and hard or soft.
type Shares = [Share; 3];

struct Fixture {
    family: String,
    content_type: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    expect: Vec<Value>,
}

fn fixtures(lines: &'static str) -> impl Iterator<Item = Fixture> {
    lines.lines().map(|line| {
        let line: Value = serde_json::from_str(line).expect("each line is JSON");
        let text = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
        let body = match line["body_encoding"].as_str() {
            Some("base64") => BASE64.decode(text("body")).expect("the body is base64"),
            _ => text("body").into_bytes(),
        };
        let headers = line["headers"].as_object().into_iter().flatten();
        let headers = headers.map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned()));
        let expect = line["expect_all"].as_array().cloned().unwrap_or_else(|| vec![line["expect"].clone()]);
        Fixture {
            family: text("provider"),
            content_type: text("content_type"),
            headers: headers.collect(),
            body,
            expect,
        }
    })
}

/// What the newest row was read as.
async fn kept(app: &TestApp) -> Vec<Value> {
    let list = Command::InboxList { state: None, source: None, since: None, offset: 0, limit: 1 };
    let id = app.command(list).await["rows"][0]["id"].as_str().expect("there is one").parse().expect("it is an id");
    let shown = app.command(Command::InboxShow { id }).await;
    shown["outcome"]["events"].as_array().cloned().unwrap_or_default()
}

/// A kind as the fixtures name it: everything but the two is `none`.
fn kind(event: &Value) -> &str {
    event["kind"].as_str().filter(|kind| ["bounce", "complaint"].contains(kind)).unwrap_or("none")
}

fn is_meant(event: &Value, expect: &Value, also: &[&str]) -> bool {
    let wanted: Vec<_> = ["recipient", "recipient_alt"].iter().filter_map(|name| expect[name].as_str()).collect();
    let others = event["recipient_alternatives"].as_array().into_iter().flatten();
    let mut addresses = std::iter::once(&event["recipient"]).chain(others).filter_map(Value::as_str);
    (kind(event) == expect["kind"] || also.contains(&kind(event)))
        && (wanted.is_empty() || addresses.any(|address| wanted.iter().any(|want| want.eq_ignore_ascii_case(address))))
}

fn judge(fixture: &Fixture, events: &[Value]) -> Shares {
    let counting: Vec<_> = events.iter().filter(|event| kind(event) != "none").collect();
    let (mut placed, mut meant, mut bounce_type) = (true, 0, Share::default());
    for expect in &fixture.expect {
        let also: Vec<_> = expect["accept"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let Some(event) = counting.iter().find(|event| is_meant(event, expect, &also)) else {
            placed &= expect["kind"] == "none" || also.contains(&"none");
            continue;
        };
        meant += 1;
        if let Some(stated) = expect["bounce_type"].as_str() {
            let read = event["bounce_type"].as_str().unwrap_or("none");
            let right = stated == read || also.contains(&format!("bounce:{read}").as_str());
            bounce_type.add(Share(right.into(), 1));
        }
    }
    // One event may be stated twice, and none may be left over.
    placed &= counting.len() <= meant;
    let is_silent = fixture.expect.iter().all(|expect| expect["kind"] == "none");
    [Share(placed.into(), 1), if is_silent { Share(placed.into(), 1) } else { Share::default() }, bounce_type]
}

#[tokio::test]
async fn what_is_kept_is_what_their_authors_say() {
    let app = TestApp::start().await;
    let path = path_of(&app, json!({ "name": "any", "scheme": "none" })).await;
    let mut rows: BTreeMap<String, Shares> = BTreeMap::new();
    let mut sums = [Shares::default(); 2];
    for (is_mail, lines) in [(true, MAILS), (false, EVENTS)] {
        for fixture in fixtures(lines) {
            if is_mail {
                let answer = app.post("/webhooks/bounce", &fixture.content_type, fixture.body.clone()).await;
                assert_eq!(answer.json()["success"], json!(true), "{answer:?}");
            } else {
                let headers = fixture.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
                let others = headers.filter(|(name, _)| !name.eq_ignore_ascii_case("content-type"));
                let headers: Vec<_> = others.chain([("content-type", fixture.content_type.as_str())]).collect();
                let answer = post(&app, &path, &headers, &fixture.body).await;
                assert!([200, 422].contains(&answer.status.as_u16()), "{answer:?}");
            }
            settled(&app).await;
            let shares = judge(&fixture, &kept(&app).await);
            let row = rows.entry(fixture.family).or_default();
            for sum in [row, &mut sums[usize::from(is_mail)]] {
                sum.iter_mut().zip(shares).for_each(|(sum, share)| sum.add(share));
            }
        }
    }
    let [events, mails] = sums;
    let mut all = events;
    all.iter_mut().zip(mails).for_each(|(sum, share)| sum.add(share));
    println!("{:<22} {:>9} {:>9} {:>9}", "family", "placed", "silent", "hard/soft");
    let named = [("events", events), ("mails", mails), ("all", all)].map(|(name, shares)| (name.to_owned(), shares));
    for (family, shares) in rows.into_iter().chain(named) {
        let cell = |Share(right, asked): Share| if asked == 0 { "-".into() } else { format!("{right}/{asked}") };
        println!("{family:<22} {}", shares.map(|share| format!("{:>9}", cell(share))).join(" "));
    }
    for (what, share, min) in [
        ("mails, kind and recipient", mails[0], MAILS_PLACED_SHARE_MIN),
        ("events, kind and recipient", events[0], EVENTS_PLACED_SHARE_MIN),
        ("silent", all[1], SILENT_SHARE_MIN),
        ("hard or soft", all[2], BOUNCE_TYPE_SHARE_MIN),
    ] {
        assert!(share.value() >= min, "{what}: {} of {}", share.0, share.1);
    }
}

#[tokio::test]
async fn what_is_cut_or_flipped_is_kept_without_a_failure_of_ours() {
    let app = TestApp::start().await;
    for (number, fixture) in fixtures(MAILS).chain(fixtures(EVENTS)).enumerate().filter(|(number, _)| number % 5 == 0) {
        for cut in 0..CUTS {
            let at = fixture.body.len() * cut / CUTS;
            let mut flipped = fixture.body.clone();
            if let Some(byte) = flipped.get_mut(at) {
                *byte ^= 1 << (cut % 8);
            }
            for body in [fixture.body[..at].to_vec(), flipped] {
                let answer = app.post("/webhooks/bounce", "message/rfc822", body.clone()).await;
                assert_eq!(answer.status, 200, "{number}: {answer:?}");
                let content_type = fixture.content_type.clone();
                let arrival = Arrival { content_type, body: body.into(), ..source(String::new()) };
                let accepted = inbox::accept(&app.app, arrival).await.expect("the store answers");
                assert!(matches!(accepted, Accepted::Read { .. } | Accepted::Queued), "{number}: {accepted:?}");
            }
        }
    }
    for (open, close) in [("[", "]"), ("{\"data\":", "}")] {
        let deep = open.repeat(2_000) + "1" + &close.repeat(2_000);
        let accepted = inbox::accept(&app.app, source(deep.clone())).await.expect("the store answers");
        assert!(matches!(accepted, Accepted::Read { .. } | Accepted::Queued), "{accepted:?}");
        assert_eq!(app.post("/webhooks/bounce", "application/json", deep).await.status, 400);
    }
    let padded = |text: &str| text.to_owned() + &" ".repeat(BODY_BYTES_MAX - text.len());
    let ours = padded("{\"emailId\":\"018e4277-b940-7000-8000-000000000001\",\"bounceType\":\"hard\"}");
    app.post("/webhooks/bounce", "application/json", ours).await.is(200, json!({ "success": true }));
    let theirs = padded("[{\"event\":\"spamreport\",\"email\":\"ada@example.com\",\"sg_event_id\":\"e\"}]");
    let accepted = inbox::accept(&app.app, source(theirs)).await.expect("the store answers");
    assert!(matches!(accepted, Accepted::Read { .. } | Accepted::Queued), "{accepted:?}");
    settled(&app).await;
    assert_eq!(app.app.store.count_inbox(pillarbox::store::InboxState::Refused).await.expect("they are counted"), 0);
}
