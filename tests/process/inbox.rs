//! The inbox: what was acknowledged is read once, whatever happens to the process between the answer and the reading.

use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::guests;
use crate::harness::{Home, Service};

/// Emails that bounce in the flood.
const EMAILS: usize = 40;
/// For the worker to be done with everything.
const PATIENCE: Duration = Duration::from_mins(1);

/// A returned mail whose `Original-Envelope-Id` is the email's id.
fn returned(email_id: &str, number: usize) -> String {
    format!(
        "Original-Envelope-Id: {email_id}\r\nReporting-MTA: dns; mx.example.com\r\n\r\n\
         Final-Recipient: rfc822; ada{number}@example.com\r\nAction: failed\r\nStatus: 5.1.1\r\n\
         Diagnostic-Code: smtp; 550 5.1.1 no such user\r\n"
    )
}

/// What the service answered to a returned mail; `None` when it died before.
fn post(service: &Service, email_id: &str, number: usize) -> Option<Value> {
    let headers = [("Content-Type", "message/delivery-status")];
    let body = returned(email_id, number);
    let mut connection = crate::http::Connection::open(service.api).ok()?;
    let answer = connection.call("POST", "/webhooks/bounce", &headers, body.as_bytes()).ok()?;
    assert_eq!(answer.status, 200, "{answer:?}");
    Some(answer.json())
}

/// Waits until nothing waits to be read, and gives the totals by state.
fn totals(home: &Home) -> Value {
    let started = Instant::now();
    loop {
        let listed = home.json(&["inbox", "list", "--json"]);
        let totals = listed["totals"].as_array().expect("a list").iter();
        let totals: Value =
            totals.map(|total| (total["state"].as_str().expect("text").to_owned(), total["rows"].clone())).collect();
        if totals["received"].is_null() {
            return totals;
        }
        assert!(started.elapsed() < PATIENCE, "something still waits: {totals}");
        sleep(Duration::from_millis(100));
    }
}

/// Every email bounced once, and all counters say so.
fn bounced_once(home: &Home, service: &Service, emails: &[String]) {
    for id in emails {
        let email = service.get(&format!("/api/emails/{id}"));
        assert_eq!(email["email"]["status"], "bounced", "{id}");
    }
    let usage = &service.get("/api/customer/usage")["current_month"]["emails_bounced"];
    assert_eq!(*usage, emails.len(), "each counts once");
    let counted = home.json(&["stats", "rebuild", "--dry-run", "--json"]);
    assert_eq!(counted["wrong"], 0, "{counted}");
}

fn sent(service: &Service, count: usize) -> Vec<String> {
    let ids: Vec<_> = (0..count).map(|number| service.send(&format!("ada{number}@example.com"))).collect();
    for id in &ids {
        service.delivered(id);
    }
    ids
}

#[test]
fn what_was_answered_and_not_read_is_read_once_after_a_kill() {
    let home = Home::prepared();
    let broken = home.file("broken.wasm", guests::normalizer("trapping_normalizer"));
    // Nobody takes the broken version back for us.
    let mut service = home.serve(&[("PILLARBOX_PLUGIN_PROBATION_SECS", "0")]);
    let emails = sent(&service, 3);
    let broken = broken.to_str().expect("the path is text");
    home.json(&["plugin", "install", broken, "--activate", "--unchecked", "--json"]);
    let none = home.run(&["plugin", "fallback", "broken", "none"]);
    assert_eq!(none.code, Some(0), "{}", none.err);
    // After a few failures it is left alone, and what comes then waits.
    let mut number = 100;
    while post(&service, "nobody", number).is_some_and(|answer| answer["queued"].is_null()) {
        number += 1;
        assert!(number < 150, "it is never left alone");
    }
    for (number, id) in emails.iter().enumerate() {
        assert_eq!(post(&service, id, number), Some(json!({ "success": true, "queued": true })));
    }
    service.kill();
    assert_eq!(home.run(&["plugin", "rollback", "broken"]).code, Some(0));
    let service = home.serve(&[]);
    let totals = totals(&home);
    assert_eq!(totals["matched"], 3, "{totals}");
    bounced_once(&home, &service, &emails);
    let replayed = home.json(&["inbox", "replay", "--all", "--json"]);
    assert_eq!((&replayed["accepted"], &replayed["failed"]), (&json!(0), &json!(0)), "{replayed}");
    bounced_once(&home, &service, &emails);
}

#[test]
fn a_kill_in_a_flood_loses_nothing_that_was_answered_and_doubles_nothing() {
    let home = Home::prepared();
    let mut service = home.serve(&[]);
    let emails = sent(&service, EMAILS);
    let answered: Vec<_> = std::thread::scope(|scope| {
        let posts = |part: usize| {
            let (service, emails) = (&service, &emails);
            let mine = emails.iter().enumerate().filter(move |(number, _)| number % 4 == part);
            mine.map(move |(number, id)| post(service, id, number).is_some()).collect::<Vec<_>>()
        };
        let senders: Vec<_> = (0..4).map(|part| scope.spawn(move || posts(part))).collect();
        // About when half of them are through, on any machine.
        while home.json(&["inbox", "list", "--json"])["total"].as_u64().is_some_and(|total| total < 10) {}
        let pid = service.pid().to_string();
        assert!(std::process::Command::new("kill").args(["-KILL", &pid]).status().is_ok_and(|done| done.success()));
        senders.into_iter().flat_map(|sender| sender.join().expect("nothing panics")).collect()
    });
    service.ended();
    println!("{} of {EMAILS} were answered", answered.iter().filter(|answered| **answered).count());
    let service = home.serve(&[]);
    // Whoever heard nothing sends again, as servers do.
    for (number, id) in emails.iter().enumerate() {
        assert!(post(&service, id, number).is_some());
    }
    totals(&home);
    bounced_once(&home, &service, &emails);
}
