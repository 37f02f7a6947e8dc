//! The log of a session: JSON for programs, and nothing of anybody's mail.

use serde_json::{Value, json};

use crate::harness::Home;
use crate::http::Connection;

#[test]
fn the_log_holds_no_key_address_subject_or_token() {
    let home = Home::prepared();
    let service = home.serve(&[("PILLARBOX_LOG_LEVEL", "trace")]);
    let body = json!({
        "to": "Zoe Peculiar <zoe.peculiar@rare-host.example>", "cc": ["yves.peculiar@rare-host.example"],
        "subject": "Peculiar Subject", "html": "<a href=\"https://rare-target.example/\">Peculiar words</a>",
        "tag": "peculiar-tag", "metadata": { "secret": "peculiar-metadata" },
    });
    let answer = service.call("POST", "/api/send", body.to_string().as_bytes());
    assert_eq!(answer.status, 200, "{answer:?}");
    let email_id = answer.json()["email_id"].as_str().expect("it has an id").to_owned();
    service.delivered(&email_id);
    let shown = home.json(&["mailbox", "show", &email_id, "--json"]);
    let html = shown["html"].as_str().expect("it has html");
    let at = html.find("/track/c/").expect("it has a tracked link");
    let link = html[at..].split('"').next().expect("it ends").to_owned();
    assert_eq!(service.call("GET", &link, b"").status, 302);
    service.get("/api/emails?recipient=zoe.peculiar@rare-host.example");
    let bounce =
        json!({ "emailId": email_id, "recipientEmail": "zoe.peculiar@rare-host.example", "reason": "Peculiar reason" });
    assert_eq!(service.call("POST", "/webhooks/bounce", bounce.to_string().as_bytes()).status, 200);
    assert_eq!(service.call("POST", "/api/send", body.to_string().as_bytes()).status, 200, "yves is left");
    let wrong = body.to_string().replace("\"html\"", "\"from\":\"boss@rare-host.example\",\"html\"");
    assert_eq!(service.call("POST", "/api/send", wrong.as_bytes()).status, 422);
    assert_eq!(service.call("POST", "/api/send", b"{\"to\":\"zoe.peculiar@rare-host.example\"").status, 400);
    assert_eq!(service.operator(&format!("/mailbox/{email_id}")).expect("it answers").status, 200);
    let wrong_key = [("X-API-Key", "ml_live_peculiar")];
    let mut connection = Connection::open(service.api).expect("the service accepts");
    let answer = connection.call("GET", "/api/customer/profile", &wrong_key, b"").expect("it is answered");
    assert_eq!(answer.status, 401);
    let rotated = service.call("POST", "/api/customer/rotate-key", b"{}").json();
    let new_key = rotated["api_key"].as_str().expect("it has a key").to_owned();
    let made =
        home.json(&["customer", "create", "--name", "Peculiar Ltd", "--email", "ltd@rare-host.example", "--json"]);
    let made_key = made["api_key"].as_str().expect("it has a key");

    let log = service.log();
    let token = link.rsplit('/').next().expect("it has a token");
    for secret in [service.key.as_str(), &new_key, made_key, token, "ml_live_", "eculiar", "rare-"] {
        let found = log.lines().find(|line| line.contains(secret));
        assert_eq!(found, None, "{secret} is in the log");
    }
    assert_eq!(service.stop().code(), Some(0));
}

#[test]
fn every_line_is_an_object_that_tells_when_what_and_how_it_went() {
    let home = Home::prepared();
    let service = home.serve(&[]);
    service.send("ada@example.com");
    service.call("GET", "/nowhere", b"");
    let log = service.log();
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).expect("it is JSON")).collect();
    assert!(lines.iter().all(|line| line["timestamp"].is_string() && line["level"].is_string()), "{log}");
    let access: Vec<_> = lines.iter().filter(|line| line["target"] == "access").collect();
    let seen: Vec<_> = access.iter().map(|line| (&line["method"], &line["route"], &line["status"])).collect();
    let (get, post, send, none) = (&"GET".into(), &"POST".into(), &"/api/send".into(), &"-".into());
    assert_eq!(seen, [(post, send, &200.into()), (get, none, &404.into())]);
    assert!(access.iter().all(|line| line["request_id"].is_string() && line["duration_us"].is_u64()), "{log}");
}
