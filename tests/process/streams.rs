//! `pillarbox score`, `normalize` and `mailbox`: what goes in and out of pipes, with and without a service.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::harness::{Home, email};

const MAIL: &str =
    "From: Ada <ada@example.org>\r\nTo: bob@example.com\r\nSubject: FREE MONEY!!!\r\n\r\nClick here.\r\n";

/// The lines of an output, without what differs from run to run.
fn lines(text: &str) -> Vec<Value> {
    let line = |line: &str| {
        let mut value: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        for plugin in value.get_mut("plugins").and_then(Value::as_array_mut).into_iter().flatten() {
            plugin["duration_us"] = Value::Null;
        }
        value
    };
    text.lines().map(line).collect()
}

/// Runs a command without a service and with one, and checks that it says and comes to the same.
#[track_caller]
fn both_ways(words: &[&str], home: &Home, input: &str) -> Vec<Value> {
    let said = || {
        let done = home.run_with(words, input.as_bytes());
        assert_eq!(done.err, "", "{words:?}");
        (done.code, lines(&done.out))
    };
    let alone = said();
    let _service = home.serve(&[]);
    assert_eq!(alone, said(), "{words:?}");
    alone.1
}

#[test]
fn a_message_is_judged_from_a_file_and_from_standard_input_alike() {
    let home = Home::prepared();
    let file = home.file("mail.eml", MAIL);
    let from_input = both_ways(&["score", "--json", "-"], &home, MAIL);
    let from_file = both_ways(&["score", "--json", file.to_str().expect("the path is text")], &home, "");
    assert_eq!((from_input.len(), &from_input), (1, &from_file));
    let fields: Vec<_> = from_file[0].as_object().expect("an object").keys().map(String::as_str).collect();
    assert_eq!(fields, ["score", "spam_score", "verdict", "probability", "findings", "plugins"]);

    let text = home.run_with(&["score"], MAIL.as_bytes()).out;
    let verdict = from_file[0]["verdict"].as_str().expect("it is text");
    assert!(text.starts_with(verdict) && text.contains("judged by pillarbox-rules@"), "{text}");
    assert!(text.contains(&format!("(serves in {})", home.data().display())), "{text}");
    home.run(&["score", "missing.eml"]).refuses(&["cannot read missing.eml"]);
    home.run_with(&["score", "-"], b"").refuses(&["pillarbox: "]);
}

#[test]
fn every_path_gets_its_line_in_order_and_a_missing_one_keeps_its_place() {
    let home = Home::prepared();
    let mut paths = String::new();
    for number in 0..30 {
        let name = format!("mail{number}.eml");
        if number % 10 != 3 {
            home.file(&name, format!("Subject: {}\r\n\r\nHello\r\n", "!".repeat(number)));
        }
        writeln!(paths, "{name}").expect("it is text");
    }
    let answers = both_ways(&["score", "--paths", "-"], &home, &paths);
    assert_eq!(answers.len(), 30);
    for (number, answer) in answers.iter().enumerate() {
        if number % 10 == 3 {
            let told = answer["error"].as_str().expect("it tells what is wrong");
            assert!(told.contains(&format!("mail{number}.eml")), "{told}");
        } else {
            assert!(answer["score"].is_number(), "{answer}");
        }
    }
    // The order shows in what was found: the first has an empty subject, the others more and more exclamation marks.
    assert_ne!(answers[0]["findings"], answers[29]["findings"]);
    home.run(&["score", "--paths", "missing.txt"]).refuses(&["cannot read missing.txt"]);
    assert_eq!(home.run_with(&["score", "--paths", "-"], b"").printed(), "");
}

#[test]
fn every_notification_gets_its_line_in_order_whatever_it_is() {
    let home = Home::prepared();
    let bounce = |number: usize| {
        let body = json!({ "emailId": format!("01890a5d-ac96-774b-bcce-b302099a8{number:03}"), "bounceType": "hard" });
        json!({ "content_type": "application/json", "headers": { "X-Endpoint": "bounce" }, "body": body.to_string() })
            .to_string()
    };
    let mut input: Vec<_> = (0..20).map(bounce).collect();
    input[5] = "garbage".into();
    input[6] = "{}".into();
    input[7] = json!({ "content_type": "message/rfc822", "body": "%%%", "body_encoding": "base64" }).to_string();
    input[8] = json!({ "content_type": "message/rfc822", "body": "AAAA", "body_encoding": "base64" }).to_string();
    input[9] = json!({ "content_type": "application/json", "body": "x".repeat(100_000) }).to_string();
    let answers = both_ways(&["normalize", "--jsonl", "-"], &home, &(input.join("\n") + "\n"));
    assert_eq!(answers.len(), input.len());
    for (number, answer) in answers.iter().enumerate() {
        if (5..10).contains(&number) {
            assert!(answer["error"].is_string(), "{number}: {answer}");
        } else {
            let clue = &answer["events"][0]["clues"][0]["value"];
            assert_eq!(*clue, format!("01890a5d-ac96-774b-bcce-b302099a8{number:03}"), "{answer}");
        }
    }
}

#[test]
fn the_published_notifications_are_normalized_line_by_line() {
    let home = Home::prepared();
    let _service = home.serve(&[]);
    let notifications = include_str!("../fixtures/webhooks/mail.jsonl");
    let done = home.run_with(&["normalize", "--jsonl", "-"], notifications.as_bytes());
    let answers = lines(done.printed());
    assert_eq!(answers.len(), notifications.lines().count());
    let understood = answers.iter().filter(|answer| !answer["events"][0].is_null()).count();
    assert!(understood * 10 > answers.len() * 9, "{understood} of {}", answers.len());
}

#[test]
fn captured_mail_is_listed_and_shown_in_its_parts() {
    let home = Home::prepared();
    let service = home.serve(&[]);
    let email_id = service.send("ada@example.com");
    let plain = json!({ "to": "bob@example.com", "subject": "Plain", "text": "Line one\nLine \u{1b}[2Jtwo" });
    let answer = service.call("POST", "/api/send", plain.to_string().as_bytes());
    assert_eq!(answer.status, 200, "{answer:?}");
    let plain_id = answer.json()["email_id"].as_str().expect("it has an id").to_owned();
    for id in [&email_id, &plain_id] {
        service.delivered(id);
    }
    assert_eq!(service.stop().code(), Some(0));

    let listed = home.json(&["mailbox", "list", "--json"]);
    assert_eq!(listed["total"], 2);
    let first: Vec<_> = listed["emails"][0].as_object().expect("an object").keys().map(String::as_str).collect();
    assert_eq!(first, ["email_id", "captured_at", "from", "to", "subject", "customer", "status"]);
    assert_eq!([&listed["emails"][0]["to"], &listed["emails"][1]["to"]], ["bob@example.com", "ada@example.com"]);
    assert_eq!(home.json(&["mailbox", "list", "--json", "--limit", "1"])["emails"].as_array().map(Vec::len), Some(1));
    assert_eq!(home.run(&["mailbox", "list", "--limit", "10001"]).code, Some(2));

    let html = home.run(&["mailbox", "show", &email_id, "--html"]);
    assert!(html.printed().contains("/track/c/"), "{}", html.out);
    let source = home.run(&["mailbox", "show", &email_id, "--source"]);
    assert!(source.printed().contains("\r\nSubject: Hello\r\n"), "{}", source.out);
    let shown = home.json(&["mailbox", "show", &email_id, "--json"]);
    assert_eq!((&shown["html"], &shown["source"]), (&html.out.as_str().into(), &source.out.as_str().into()));
    assert_eq!(shown["events"].as_array().map(Vec::len), Some(3));

    assert!(home.run(&["mailbox", "show", &plain_id, "--text"]).printed().contains("Line one"));
    home.run(&["mailbox", "show", &plain_id, "--html"]).refuses(&["no html part"]);
    let steering = home.run(&["mailbox", "show", &plain_id]);
    assert!(!steering.printed().contains('\u{1b}'), "a message cannot steer the terminal");
    let nothing = "01890a5d-ac96-774b-bcce-b302099a8057";
    home.run(&["mailbox", "show", nothing]).refuses(&[nothing, "pillarbox mailbox list"]);
    assert_eq!(home.run(&["mailbox", "show", "nonsense"]).code, Some(2));
}

#[test]
fn mail_that_was_sent_is_in_the_mailbox_at_once() {
    let home = Home::prepared();
    let service = home.serve(&[]);
    let answer = service.call("POST", "/api/send", email("ada@example.com").as_bytes()).json();
    let id = answer["email_id"].as_str().expect("it has an id");
    let started = std::time::Instant::now();
    while home.run(&["mailbox", "show", id]).code != Some(0) {
        assert!(started.elapsed() < std::time::Duration::from_secs(5), "it does not arrive");
    }
}

#[test]
fn what_was_sent_and_what_happened_is_told_in_a_terminal_and_in_a_pipe() {
    let home = Home::prepared();
    let mail = MAIL.replace("example.org", "first-customer.sandbox.pillarbox.test");
    home.run_with(&["send", "--to", "bob@example.com"], mail.as_bytes()).printed();
    let told = lines(home.run(&["events", "--json"]).printed());
    assert!(
        told.iter().any(|event| event["event_type"] == "queued" && event["recipient"] == "bob@example.com"),
        "{told:?}"
    );
    let stats = home.json(&["stats", "--days", "3", "--json"]);
    assert_eq!((&stats["totals"]["sent"], stats["series"].as_array().map(Vec::len)), (&json!(1), Some(3)), "{stats}");
    let text = home.run(&["stats"]);
    assert!(text.printed().contains("DELIVERED") && text.out.contains("████"), "{}", text.out);
    let none = home.run(&["events", "--type", "complained"]);
    assert_eq!((none.printed(), none.out.contains('\u{1b}')), ("", false));
    for (words, part) in [(["events", "--type", "lost"], "write one of queued"), (["stats", "--days", "2001"], "2001")]
    {
        let done = home.run(&words);
        assert!(done.code == Some(2) && done.err.contains(part), "{}", done.err);
    }
    home.run(&["events", "--customer", "nobody@example.org"]).refuses(&["nobody@example.org"]);
}
