//! `pillarbox customer`, and what every command has in common.

use std::io::Read;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::harness::Home;

const ACME: [&str; 2] = ["--email", "acme@example.org"];

fn create(home: &Home) -> Value {
    home.json(&["customer", "create", "--name", "Acme", "--email", "acme@example.org", "--json"])
}

/// The customer after `customer <words> --email acme@example.org --json`.
#[track_caller]
fn acme(home: &Home, words: &[&str]) -> Value {
    home.json(&[&["customer"], words, &ACME, &["--json"]].concat())["customer"].clone()
}

#[test]
fn every_command_explains_itself() {
    let home = Home::empty();
    let mut waiting = vec![Vec::new()];
    let mut seen = 0;
    while let Some(words) = waiting.pop() {
        let help = home.run(&[words.clone(), vec!["--help".to_owned()]].concat());
        let text = help.printed();
        assert!(text.contains("Usage: pillarbox"), "{words:?}: {text}");
        seen += 1;
        let commands = text.split("Commands:\n").nth(1).map(|rest| rest.split("\n\n").next().unwrap_or_default());
        for line in
            commands.into_iter().flat_map(str::lines).filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        {
            let name = line.split_whitespace().next().expect("a command has a name");
            if name != "help" {
                waiting.push([words.clone(), vec![name.to_owned()]].concat());
            }
        }
    }
    assert!(seen >= 23, "only {seen} commands were found");
    assert!(!home.data().exists(), "help makes no data directory");
    assert_eq!(home.run(&["nonsense"]).code, Some(2));
    assert_eq!(home.json(&["version", "--json"])["name"], "pillarbox");
    assert!(home.run(&["--version"]).printed().starts_with("pillarbox "));
}

#[test]
fn a_customer_is_made_shown_changed_and_listed() {
    let home = Home::prepared();
    let made = create(&home);
    let (customer, key) = (&made["customer"], made["api_key"].as_str().expect("it has a key"));
    let expected = json!({
        "id": customer["id"], "name": "Acme", "email": "acme@example.org", "status": "active",
        "monthly_email_limit": 100_000, "max_domains": 5, "requests_per_minute": null, "event_tracking": false,
        "event_api": false, "privacy_level": "full", "created_at": customer["created_at"],
    });
    assert_eq!(made, json!({ "customer": expected, "domain": "acme.sandbox.pillarbox.test", "api_key": key }));
    assert!(key.len() == 72 && key.starts_with("ml_live_"), "{key}");

    let mut shown = expected.clone();
    shown["emails_sent_this_month"] = 0.into();
    shown["current_domains"] = 1.into();
    shown["event_retention_days"] = 90.into();
    shown["stopped_for"] = json!([]);
    shown["default_domain"] = "acme.sandbox.pillarbox.test".into();
    assert_eq!(acme(&home, &["show"]), shown);

    assert_eq!(acme(&home, &["suspend"])["status"], "suspended");
    assert_eq!(acme(&home, &["activate"]), expected);
    let limits = ["limits", "--monthly", "7", "--max-domains", "2", "--requests-per-minute", "30"];
    let limited = acme(&home, &limits);
    assert_eq!(
        [&limited["monthly_email_limit"], &limited["max_domains"], &limited["requests_per_minute"]],
        [&json!(7), &json!(2), &json!(30)]
    );
    let features = ["features", "--event-tracking", "on", "--event-api", "on", "--privacy", "masked"];
    let changed = acme(&home, &features);
    assert_eq!(
        [&changed["event_tracking"], &changed["event_api"], &changed["privacy_level"]],
        [&json!(true), &json!(true), &json!("masked")]
    );
    assert_eq!(acme(&home, &["features", "--event-api", "off"])["event_api"], false);
    for (how_long, days) in [(&["--event-days", "7"][..], 7), (&["--event-days", "0"], 0), (&["--default"], 90)] {
        let kept = acme(&home, &[&["retention"], how_long].concat());
        assert_eq!(kept["event_retention_days"], days, "{how_long:?}");
    }

    let rotated = home.json(&["customer", "rotate-key", "--sandbox", "--email", "acme@example.org", "--json"]);
    assert!(rotated["api_key"].as_str().is_some_and(|key| key.starts_with("ml_test_")), "{rotated}");
    let listed = home.json(&["customer", "list", "--json"]);
    let emails: Vec<_> = listed["customers"].as_array().expect("a list").iter().map(|row| &row["email"]).collect();
    assert_eq!(emails, ["first@pillarbox.test", "acme@example.org"]);
    let table = home.run(&["customer", "list"]);
    assert!(table.printed().contains("EMAIL") && table.out.contains("acme@example.org"), "{}", table.out);
}

#[test]
fn what_cannot_be_done_is_said_in_a_sentence() {
    let home = Home::prepared();
    let nobody = "nobody@example.org";
    for command in ["show", "suspend", "activate", "rotate-key", "limits", "features"] {
        home.run(&["customer", command, "--email", nobody]).refuses(&[nobody, "pillarbox customer list"]);
    }
    create(&home);
    let again = |email: &str| home.run(&["customer", "create", "--name", "Acme", "--email", email]);
    again("acme@example.org").refuses(&["acme@example.org", "exists already"]);
    again("acme@EXAMPLE.org").refuses(&["exists already"]);
    again("acme").refuses(&["acme: "]);
    again("").refuses(&["pillarbox: "]);
    home.run(&["customer", "create", "--name", "", "--email", "new@example.org"]).refuses(&["name"]);
    // What the command line itself refuses is told by its parser, with its own code.
    for wrong in ["--monthly=-1", "--monthly=many", "--max-domains=0"] {
        let done = home.run(&[&["customer", "limits", wrong], ACME.as_slice()].concat());
        let (option, _) = wrong.split_once('=').expect("it has a value");
        assert_eq!((done.code, done.err.contains(option)), (Some(2), true), "{}", done.err);
    }
}

#[test]
fn a_reader_that_stops_reading_is_no_error() {
    let home = Home::prepared();
    for words in [&["plugin", "list"][..], &["customer", "list", "--json"], &["serve", "--print-config"]] {
        let mut child = home.command(words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
        drop(child.stdout.take());
        let mut told = String::new();
        child.stderr.take().expect("it is piped").read_to_string(&mut told).expect("it is read");
        assert_eq!((child.wait().expect("it ends").code(), told.as_str()), (Some(0), ""), "{words:?}");
    }
}
