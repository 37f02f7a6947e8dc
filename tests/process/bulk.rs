//! POST /api/bulk-send to many: broken off and gone on with, and what it costs others.

use std::collections::BTreeMap;
use std::fs;
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::{Home, Service};
use crate::http::{Answer, Connection};

/// Recipients of a letter that is broken off.
const BROKEN_OFF: usize = 3_000;
/// Recipients of the largest letter.
const MOST: usize = 10_000;
/// How much more memory the largest letter may take than an idle service.
const MEMORY_KIB_MAX: u64 = 64 * 1_024;
/// How long an email may wait that is sent beside a letter. In the release build it is some ten milliseconds; tests run
/// unoptimized and beside each other.
const WAIT_MAX: Duration = Duration::from_secs(1);

fn letter(recipients: usize) -> Vec<u8> {
    let recipient = |number| json!({ "email": format!("ada{number}@example.com"), "vars": { "name": number } });
    let letter = json!({
        "subject": "News for {{name}}",
        "html": format!("<p>Hello {{{{name}}}}, <a href=\"https://example.com/news\">read</a>.</p>{}", "<p>News.</p>".repeat(100)),
        "stream_type": "broadcast",
        "recipients": (0..recipients).map(recipient).collect::<Vec<_>>(),
    });
    letter.to_string().into_bytes()
}

/// Posts a letter under a key. `None` when the process went away before it answered.
fn send(connection: &mut Connection, key: &str, letter: &[u8]) -> Option<Answer> {
    let authorization = format!("Bearer {key}");
    let headers = [
        ("Authorization", authorization.as_str()),
        ("Content-Type", "application/json"),
        ("Idempotency-Key", "the news"),
    ];
    connection.call("POST", "/api/bulk-send", &headers, letter).ok()
}

fn emails(service: &Service) -> usize {
    let total = service.get("/api/emails?limit=1")["pagination"]["total"].as_u64().expect("a number");
    usize::try_from(total).expect("it fits")
}

/// Begins or goes on with a letter and kills the process once so many emails are there.
fn break_off(service: &mut Service, letter: &[u8], after: usize) {
    let (mut connection, key) = (service.connect(), service.key.clone());
    std::thread::scope(|scope| {
        let sending = scope.spawn(move || send(&mut connection, &key, letter));
        while emails(service) < after {
            assert!(!sending.is_finished(), "the letter was done before it could be broken off");
            sleep(Duration::from_millis(2));
        }
        service.kill();
        assert!(sending.join().expect("nothing panics").is_none(), "it was killed before it answered");
    });
}

#[test]
fn a_letter_that_was_broken_off_goes_on_and_nobody_gets_it_twice_or_not_at_all() {
    let home = Home::prepared();
    let letter = letter(BROKEN_OFF);
    let mut seen = Vec::new();
    for part in 1..4 {
        let mut service = home.serve(&[]);
        let before = emails(&service);
        break_off(&mut service, &letter, (before + 1).max(BROKEN_OFF / 4 * part));
        seen.push(before);
    }
    let service = home.serve(&[]);
    seen.push(emails(&service));
    println!("broken off at {seen:?} of {BROKEN_OFF}");
    assert!(seen.is_sorted_by(|one, next| one < next) && seen[3] < BROKEN_OFF, "{seen:?}");

    let done = send(&mut service.connect(), &service.key, &letter).expect("it answers");
    assert_eq!((done.status, done.header("idempotent-replayed")), (200, None));
    let again = send(&mut service.connect(), &service.key, &letter).expect("it answers");
    assert_eq!((again.header("idempotent-replayed"), again.body == done.body), (Some("true"), true));
    let body = done.json();
    assert_eq!((&body["total"], &body["queued"], &body["failed"]), (&json!(BROKEN_OFF), &json!(BROKEN_OFF), &json!(0)));
    let text = |value: &Value| value.as_str().expect("it is text").to_owned();
    let told = body["results"].as_array().expect("a list").iter();
    let told: BTreeMap<_, _> = told.map(|result| (text(&result["email_id"]), text(&result["to"]))).collect();
    let mut stored = BTreeMap::new();
    for page in 1..=BROKEN_OFF / 1_000 {
        let list = service.get(&format!("/api/emails?limit=1000&page={page}"));
        stored.extend(
            list["emails"].as_array().expect("a list").iter().map(|email| (text(&email["id"]), text(&email["to"]))),
        );
    }
    assert_eq!(emails(&service), BROKEN_OFF);
    assert_eq!(told, stored, "what was told is what is there");
    let recipients: std::collections::BTreeSet<_> = stored.values().collect();
    assert_eq!(recipients.len(), BROKEN_OFF, "nobody is left out, and nobody has it twice");
    let sent = &service.get("/api/customer/usage")["current_month"]["emails_sent"];
    assert_eq!(*sent, BROKEN_OFF, "the counters agree with the emails");
}

/// A line of `/proc/PID/status`, in KiB.
fn kib(service: &Service, name: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", service.pid())).expect("the process is there");
    let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("the kernel tells it");
    line.trim().trim_end_matches(" kB").parse().expect("it is a number")
}

#[test]
fn the_largest_letter_takes_little_memory_and_holds_up_nobody() {
    let home = Home::prepared();
    let service = home.serve(&[]);
    for number in 0..20 {
        service.send(&format!("first{number}@example.com"));
    }
    let idle = kib(&service, "VmRSS:");
    // From here on the kernel notes the most anew.
    fs::write(format!("/proc/{}/clear_refs", service.pid()), "5").expect("the kernel takes it");
    let (letter, began) = (letter(MOST), Instant::now());
    let (mut connection, key) = (service.connect(), service.key.clone());
    let mut waits = Vec::new();
    let (answer, took) = std::thread::scope(|scope| {
        let letter = &letter;
        let sending = scope.spawn(move || (send(&mut connection, &key, letter).expect("it answers"), began.elapsed()));
        while !sending.is_finished() {
            let asked = Instant::now();
            service.send("bob@example.com");
            waits.push(asked.elapsed());
            sleep(Duration::from_millis(5));
        }
        sending.join().expect("nothing panics")
    });
    assert_eq!((answer.status, answer.json()["queued"].as_u64()), (200, Some(MOST as u64)));
    let most = kib(&service, "VmHWM:");
    waits.sort();
    let (middle, longest) = (waits[waits.len() / 2], waits[waits.len() - 1]);
    println!("{MOST} recipients in {took:?}; memory {idle} KiB idle, {most} KiB at most");
    println!("{} emails beside it waited {middle:?} in the middle, {longest:?} at most", waits.len());
    assert!(most - idle.min(most) < MEMORY_KIB_MAX, "{idle} KiB idle, {most} KiB at most");
    assert!(longest < WAIT_MAX, "{longest:?}");
}
