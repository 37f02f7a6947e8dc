//! Submission by SMTP to the real process: what was answered with 250 is there after `kill -9`, and what is set is used.

use std::collections::BTreeSet;
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::Value;

use crate::harness::{Home, Service, finish, free_address};
use crate::mail_client::MailClient;

const ROUNDS: usize = 5;
const SENDERS: usize = 16;
/// Emails of one sender in one round.
const EMAILS_MAX: usize = 25;
/// The customer of a first start.
const USER: &str = "first@pillarbox.test";
const FROM: &str = "hello@first-customer.sandbox.pillarbox.test";

fn password(home: &Home) -> String {
    let made = home.json(&["customer", "smtp-password", "--email", USER, "--json"]);
    made["smtp_password"].as_str().expect("it has a password").to_owned()
}

#[test]
fn every_message_that_was_answered_with_250_is_there_once_after_a_kill() {
    let home = Home::prepared();
    let password = password(&home);
    let mut acknowledged = BTreeSet::new();
    let mut possible = BTreeSet::new();
    for round in 0..ROUNDS {
        let mut service = home.serve(&[]);
        for (to, email_id) in send_until_killed(&mut service, &password, round) {
            match email_id {
                Some(email_id) => acknowledged.insert((email_id, to)),
                None => possible.insert(to),
            };
        }
        let service = home.serve(&[]);
        for (email_id, _) in &acknowledged {
            service.delivered(email_id);
        }
        service.stop();
    }
    println!("{} messages were acknowledged, {} more may have been taken", acknowledged.len(), possible.len());
    assert!(acknowledged.len() >= ROUNDS, "nothing was under way");
    let mailbox = home.json(&["mailbox", "list", "--json", "--limit", "10000"]);
    let text = |value: &Value| value.as_str().expect("it is text").to_owned();
    let rows = mailbox["emails"].as_array().expect("a list").iter();
    let captured: Vec<_> = rows.map(|row| (text(&row["email_id"]), text(&row["to"]))).collect();
    let unique: BTreeSet<_> = captured.iter().cloned().collect();
    assert_eq!(captured.len(), unique.len(), "a message was captured twice");
    let missing: Vec<_> = acknowledged.difference(&unique).collect();
    assert!(missing.is_empty(), "acknowledged and not there: {missing:?}");
    let mut surplus = unique.difference(&acknowledged).map(|(_, to)| to);
    assert!(surplus.all(|to| possible.remove(to)), "a message was doubled");
}

/// Sends from many connections and kills the process at some instant: to whom, and the id where 250 came.
fn send_until_killed(service: &mut Service, password: &str, round: usize) -> Vec<(String, Option<String>)> {
    let smtp = service.smtp;
    std::thread::scope(|scope| {
        let senders: Vec<_> = (0..SENDERS)
            .map(|sender| {
                scope.spawn(move || {
                    let mut sent = Vec::new();
                    let Ok(mut client) = MailClient::signed_in(smtp, USER, password) else { return sent };
                    for number in 0..EMAILS_MAX {
                        let to = format!("{round}-{sender}-{number}@example.com");
                        let email_id = client.send(FROM, &to).ok();
                        let was_killed = email_id.is_none();
                        sent.push((to, email_id));
                        if was_killed {
                            break;
                        }
                    }
                    sent
                })
            })
            .collect();
        // Signing in comes first and takes its time; then something is under way at any instant.
        sleep(Duration::from_millis(400 + random() % 500));
        service.kill();
        senders.into_iter().flat_map(|sender| sender.join().expect("nothing panics")).collect()
    })
}

fn random() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970");
    u64::from(now.subsec_nanos())
}

#[test]
fn a_message_under_way_is_finished_before_the_service_ends() {
    let home = Home::prepared();
    let password = password(&home);
    let mut service = home.serve(&[]);
    let mut idle = MailClient::open(service.smtp).expect("the service accepts");
    let mut busy = MailClient::signed_in(service.smtp, USER, &password).expect("it is right");
    for (line, code) in [("MAIL FROM:<>", "250"), ("RCPT TO:<slow@example.com>", "250"), ("DATA", "354")] {
        assert!(busy.ask(line).expect("it is answered").starts_with(code));
    }
    service.terminate();
    assert!(idle.reply().expect("it is told").starts_with("421 4.3.2"));
    let started = Instant::now();
    while MailClient::open(service.smtp).is_ok() {
        assert!(started.elapsed() < Duration::from_secs(5), "new connections are still accepted");
        sleep(Duration::from_millis(5));
    }
    let reply = busy.ask(&format!("From: {FROM}\r\n\r\nHello\r\n.")).expect("it is answered");
    let email_id = reply.strip_prefix("250 2.0.0 Ok: queued as ").unwrap_or_else(|| panic!("{reply}"));
    assert!(busy.reply().expect("it is told").starts_with("421 4.3.2"));
    assert_eq!(service.ended().code(), Some(0));
    home.serve(&[]).delivered(email_id);
}

#[test]
fn the_certificate_that_is_made_is_told_of_and_another_one_is_used_when_it_is_set() {
    let home = Home::prepared();
    let told = "no tls_certificate is set: SMTP uses a self-signed certificate";
    let service = home.serve(&[]);
    assert_eq!(service.log().matches(told).count(), 1, "{}", service.log());
    service.stop();
    let pem = home.data().join("smtp.pem");
    let pem = pem.to_str().expect("the path is text");
    // The API would speak TLS then, which the test's client does not; so it is the command that is asked.
    let settings = [("PILLARBOX_TLS_CERTIFICATE", pem), ("PILLARBOX_TLS_KEY", "missing.pem")];
    finish(home.command(&["serve"]).envs(settings), b"").refuses(&["missing.pem"]);
}

#[test]
fn a_service_listens_where_it_is_told_to_and_nowhere_when_it_is_told_so() {
    let home = Home::prepared();
    let (one, other) = (free_address(), free_address());
    let listen = format!("{one}, {other}");
    let service = home.serve(&[("PILLARBOX_SMTP_LISTEN", &listen)]);
    for address in [one, other] {
        MailClient::open(address).expect("the service accepts");
    }
    let other_home = Home::prepared();
    let mut second = other_home.command(&["serve"]);
    second.env("PILLARBOX_LISTEN", free_address().to_string());
    second.env("PILLARBOX_OPERATOR_LISTEN", free_address().to_string());
    finish(second.env("PILLARBOX_SMTP_LISTEN", one.to_string()), b"").refuses(&["cannot listen on", "(smtp_listen)"]);
    service.stop();
    let service = home.serve(&[("PILLARBOX_SMTP_LISTEN", "off")]);
    assert!(MailClient::open(service.smtp).is_err());
    service.still_serves();
}
