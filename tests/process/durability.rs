//! What was acknowledged is there after `kill -9`, once.

use std::collections::{BTreeMap, BTreeSet};
use std::thread::sleep;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;

use crate::harness::{Home, Service, email};
use crate::http::Connection;

const ROUNDS: usize = 5;
const SENDERS: usize = 64;
/// Emails of one sender in one round, so that all of them fit into one list of the mailbox.
const EMAILS_MAX: usize = 25;
/// Hits of one reader in one round.
const HITS_MAX: usize = 40;

/// One email as its sender saw it.
struct Attempt {
    to: String,
    /// Half of the senders use one.
    idempotency_key: Option<String>,
    /// What 200 told, when 200 came.
    email_id: Option<String>,
}

#[test]
fn every_acknowledged_email_is_there_once_after_a_kill() {
    let home = Home::prepared();
    let mut expected = BTreeSet::new();
    let mut possible = BTreeSet::new();
    for round in 0..ROUNDS {
        let mut service = home.serve(&[]);
        let attempts = send_until_killed(&mut service, round);
        let service = home.serve(&[]);
        for attempt in attempts {
            match retried(&service, &attempt) {
                Some(email_id) => expected.insert((email_id, attempt.to)),
                None => possible.insert(attempt.to),
            };
        }
        for (email_id, _) in &expected {
            is_captured(&service, email_id);
        }
        service.stop();
    }
    println!("{} emails were acknowledged, {} more may have been taken", expected.len(), possible.len());
    assert!(expected.len() >= ROUNDS, "nothing was under way");
    let mailbox = home.json(&["mailbox", "list", "--json", "--limit", "10000"]);
    let text = |value: &Value| value.as_str().expect("it is text").to_owned();
    let rows = mailbox["emails"].as_array().expect("a list").iter();
    let captured: Vec<_> = rows.map(|row| (text(&row["email_id"]), text(&row["to"]))).collect();
    assert_eq!(mailbox["total"], captured.len());

    let unique: BTreeSet<_> = captured.iter().cloned().collect();
    assert_eq!(captured.len(), unique.len(), "an email was captured twice");
    let missing: Vec<_> = expected.difference(&unique).collect();
    assert!(missing.is_empty(), "acknowledged and not there: {missing:?}");
    let mut surplus = unique.difference(&expected).map(|(_, to)| to);
    assert!(surplus.all(|to| possible.remove(to)), "an email was doubled");
    let service = home.serve(&[]);
    let sent = &service.get("/api/customer/usage")["current_month"]["emails_sent"];
    assert_eq!(*sent, captured.len(), "the counters agree with the emails");
    every_count_is_right(&home);
}

/// Counting again what is stored finds nothing wrong with what was counted.
fn every_count_is_right(home: &Home) {
    let counted = home.json(&["stats", "rebuild", "--dry-run", "--json"]);
    assert!(counted["rows"].as_i64().is_some_and(|rows| rows > 0), "{counted}");
    assert_eq!(counted["wrong"], 0, "{counted}");
}

/// Sends from many connections and kills the process at some instant.
fn send_until_killed(service: &mut Service, round: usize) -> Vec<Attempt> {
    let (api, authorization) = (service.api, format!("Bearer {}", service.key));
    std::thread::scope(|scope| {
        let senders: Vec<_> = (0..SENDERS)
            .map(|sender| {
                let authorization = &authorization;
                scope.spawn(move || {
                    let mut attempts = Vec::new();
                    let Ok(mut connection) = Connection::open(api) else { return attempts };
                    for number in 0..EMAILS_MAX {
                        let name = format!("{round}-{sender}-{number}");
                        let idempotency_key = (sender % 2 == 0).then(|| format!("key-{name}"));
                        let mut attempt =
                            Attempt { to: format!("{name}@example.com"), idempotency_key, email_id: None };
                        attempt.email_id = send(&mut connection, authorization, &attempt);
                        let was_killed = attempt.email_id.is_none();
                        attempts.push(attempt);
                        if was_killed {
                            break;
                        }
                    }
                    attempts
                })
            })
            .collect();
        sleep(some_instant());
        service.kill();
        senders.into_iter().flat_map(|sender| sender.join().expect("nothing panics")).collect()
    })
}

/// `None` when the process went away before it answered.
fn send(connection: &mut Connection, authorization: &str, attempt: &Attempt) -> Option<String> {
    let mut headers = vec![("Authorization", authorization), ("Content-Type", "application/json")];
    headers.extend(attempt.idempotency_key.as_deref().map(|key| ("Idempotency-Key", key)));
    let answer = connection.call("POST", "/api/send", &headers, email(&attempt.to).as_bytes()).ok()?;
    assert_eq!(answer.status, 200, "{answer:?}");
    Some(answer.json()["email_id"].as_str().expect("an answer has the id").to_owned())
}

/// Who has a key for it sends again after the restart, and must hear what was heard before.
fn retried(service: &Service, attempt: &Attempt) -> Option<String> {
    if attempt.idempotency_key.is_none() {
        return attempt.email_id.clone();
    }
    let again = send(&mut service.connect(), &format!("Bearer {}", service.key), attempt);
    assert!(again.is_some(), "the retry of {} is answered", attempt.to);
    assert!(attempt.email_id.is_none() || attempt.email_id == again, "{} was sent twice", attempt.to);
    again
}

#[track_caller]
fn is_captured(service: &Service, email_id: &str) {
    service.delivered(email_id);
    let each_once = ["queued", "sent", "delivered"].map(|name| (name.to_owned(), 1));
    assert_eq!(events(service, email_id), BTreeMap::from(each_once));
}

/// How often which event happened to an email.
fn events(service: &Service, email_id: &str) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    let answer = service.get(&format!("/api/v1/emails/{email_id}/events"));
    for event in answer["events"].as_array().expect("a list") {
        *counts.entry(event["event_type"].as_str().expect("it is text").to_owned()).or_default() += 1;
    }
    counts
}

#[test]
fn every_acknowledged_open_click_and_bounce_is_there_after_a_kill() {
    let home = Home::prepared();
    let mut service = home.serve(&[]);
    let ids: Vec<_> = (0..SENDERS).map(|number| service.send(&format!("reader{number}@example.com"))).collect();
    for email_id in &ids {
        is_captured(&service, email_id);
    }
    let links: Vec<_> = ids.iter().map(|email_id| links(&home, email_id)).collect();

    let api = service.api;
    let heard: Vec<_> = std::thread::scope(|scope| {
        let readers: Vec<_> = ids
            .iter()
            .zip(&links)
            .map(|(email_id, (open, click))| {
                scope.spawn(move || {
                    // A bounce first: there is one of each email, so it must be early to be before the kill.
                    let mut connection = Connection::open(api).expect("the service accepts");
                    let bounce = format!("{{\"emailId\":\"{email_id}\",\"bounceType\":\"hard\"}}");
                    let json = [("Content-Type", "application/json")];
                    let answer = connection.call("POST", "/webhooks/bounce", &json, bounce.as_bytes());
                    let bounced = answer.is_ok_and(|answer| answer.status == 200);
                    let mut hits = [0, 0];
                    for number in 0..HITS_MAX {
                        let (path, status) = [(open, 200), (click, 302)][number % 2];
                        let Ok(answer) = connection.call("GET", path, &[], b"") else { break };
                        assert_eq!(answer.status, status, "{answer:?}");
                        hits[number % 2] += 1;
                    }
                    (bounced, hits)
                })
            })
            .collect();
        sleep(some_instant());
        service.kill();
        readers.into_iter().map(|reader| reader.join().expect("nothing panics")).collect()
    });

    let service = home.serve(&[]);
    for (email_id, (bounced, [opens, clicks])) in ids.iter().zip(heard) {
        let events = events(&service, email_id);
        let count = |name: &str| events.get(name).copied().unwrap_or_default();
        // The last one may have been written without being heard of.
        assert!((opens..=opens + 1).contains(&count("opened")), "{opens} opens were heard of {events:?}");
        assert!((clicks..=clicks + 1).contains(&count("clicked")), "{clicks} clicks were heard of {events:?}");
        assert!((usize::from(bounced)..=1).contains(&count("bounced")), "bounced: {bounced}, {events:?}");
    }
    every_count_is_right(&home);
}

/// The paths of the pixel and the link in the captured email.
pub fn links(home: &Home, email_id: &str) -> (String, String) {
    let shown = home.json(&["mailbox", "show", email_id, "--html", "--json"]);
    let html = shown["html"].as_str().expect("it has html");
    let path = |kind: &str| {
        let at = html.find(kind).unwrap_or_else(|| panic!("{kind} is not in {html}"));
        html[at..].split('"').next().unwrap_or_default().to_owned()
    };
    (path("/track/o/"), path("/track/c/"))
}

/// Long enough that something happened and short enough that something is under way.
fn some_instant() -> Duration {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970");
    let instant = Duration::from_millis(30 + u64::from(now.subsec_nanos()) % 300);
    println!("killed after {instant:?}");
    instant
}
