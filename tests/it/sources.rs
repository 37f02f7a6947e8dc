//! POST /webhooks/in/{source}, and the commands and admin routes about sources

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use pillarbox::control::Command;
use ring::hmac;
use serde_json::{Value, json};

use crate::harness::{Answer, TestApp};
use crate::operator::{SETTINGS, TOKEN, ask};

const NOW_SECS: i64 = crate::harness::BEGINNING / 1_000;

pub(crate) fn add(source: Value) -> Command {
    let mut whole = json!({ "command": "source_add" });
    whole["source"] = source;
    command(whole)
}

pub(crate) fn command(command: Value) -> Command {
    serde_json::from_value(command).expect("it is a command")
}

/// Makes a source and gives the path of its address.
pub(crate) async fn path_of(app: &TestApp, source: Value) -> String {
    let made = app.command(add(source)).await;
    path(&made)
}

pub(crate) fn path(made: &Value) -> String {
    let url = made["url"].as_str().expect("the address is shown");
    url[url.find("/webhooks/in/").expect("it is one of ours")..].to_owned()
}

pub(crate) async fn post(app: &TestApp, path: &str, headers: &[(&str, &str)], body: impl AsRef<[u8]>) -> Answer {
    let mut request = Request::post(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    app.request(request.body(Full::new(Bytes::copy_from_slice(body.as_ref()))).expect("it is a request")).await
}

fn mac(key: &str, signed: &str) -> String {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes()), signed.as_bytes());
    tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat()
}

pub(crate) fn mailgun(key: &str, token: &str, id: &str) -> String {
    let signature = mac(key, &format!("{NOW_SECS}{token}"));
    json!({ "signature": { "timestamp": NOW_SECS.to_string(), "token": token, "signature": signature },
        "event-data": { "id": id, "event": "complained", "recipient": "ada@example.com", "timestamp": NOW_SECS } })
    .to_string()
}

const JSON: (&str, &str) = ("content-type", "application/json");

#[tokio::test]
async fn a_signed_notification_is_taken_and_any_other_is_refused() {
    let app = TestApp::start().await;
    let acme = app.customer_with_events("acme").await;
    let email = acme.send("ada@example.com").await;
    app.deliver().await;
    let path = path_of(&app, json!({ "name": "ms", "provider": "mailersend", "secret": "signing-key" })).await;
    let body = json!({ "type": "activity.hard_bounced", "created_at": "2024-03-15T14:30:00Z", "data": { "email": {
        "message": { "id": "m-1" }, "recipient": { "email": "ada@example.com" }, "tags": [] },
        "custom_id": email, "metadata": { "email_id": email } } })
    .to_string();
    let signature = mac("signing-key", &body);
    for wrong in [&[JSON][..], &[JSON, ("signature", "00")], &[JSON, ("signature", &mac("another-key", &body))]] {
        let refused = post(&app, &path, wrong, &body).await;
        refused.refuses(401, "unverified", "does not prove where it comes from");
    }
    let taken = post(&app, &path, &[JSON, ("signature", &signature)], &body).await;
    taken.is_status(200);
    assert_eq!(taken.json()["success"], true);
    let shown = app.command(command(json!({ "command": "source_show", "name": "ms" }))).await;
    assert_eq!(shown["source"]["state"], "in use");
    assert!(!shown.to_string().contains("signing-key"), "{shown}");
}

#[tokio::test]
async fn an_address_is_there_until_the_source_is_disabled_or_gone() {
    let app = TestApp::start().await;
    let path = path_of(&app, json!({ "name": "open", "scheme": "none" })).await;
    app.get(&path).await.is(200, json!({ "success": true }));
    let head = app.request(Request::head(&path).body(Full::default()).expect("it is a request")).await;
    assert_eq!((head.status.as_u16(), head.body.len()), (200, 0));
    app.command(command(json!({ "command": "source_disable", "name": "open", "disabled": true }))).await;
    app.get(&path).await.is_status(404);
    post(&app, &path, &[JSON], "{}").await.is_status(404);
    app.command(command(json!({ "command": "source_disable", "name": "open", "disabled": false }))).await;
    app.get(&path).await.is_status(200);
    app.command(command(json!({ "command": "source_remove", "name": "open" }))).await;
    app.get(&path).await.is_status(404);
    app.get("/webhooks/in/nobodys").await.is_status(404);
}

#[tokio::test]
async fn while_a_secret_and_an_address_change_both_are_good() {
    let app = TestApp::start().await;
    let first = path_of(&app, json!({ "name": "ms", "provider": "mailersend", "secret": "first-key" })).await;
    let rotate = |rest: Value| {
        let mut whole =
            json!({ "command": "source_rotate", "name": "ms", "secret": null, "url": false, "finish": false });
        for (name, value) in rest.as_object().expect("it is an object") {
            whole[name] = value.clone();
        }
        command(whole)
    };
    app.command(rotate(json!({ "secret": "second-key" }))).await;
    let second = path(&app.command(rotate(json!({ "url": true }))).await);
    let body = "{}";
    for path in [&first, &second] {
        for key in ["first-key", "second-key"] {
            post(&app, path, &[JSON, ("signature", &mac(key, body))], body).await.is_status(200);
        }
        post(&app, path, &[JSON, ("signature", &mac("third-key", body))], body).await.is_status(401);
    }
    app.command(rotate(json!({ "finish": true }))).await;
    post(&app, &first, &[JSON, ("signature", &mac("second-key", body))], body).await.is_status(404);
    post(&app, &second, &[JSON, ("signature", &mac("first-key", body))], body).await.is_status(401);
    post(&app, &second, &[JSON, ("signature", &mac("second-key", body))], body).await.is_status(200);
}

#[tokio::test]
async fn what_mailgun_signed_comes_with_one_body() {
    let app = TestApp::start().await;
    let path = path_of(&app, json!({ "name": "mg", "provider": "mailgun", "secret": "signing-key" })).await;
    let first = mailgun("signing-key", "token-1", "e-1");
    post(&app, &path, &[JSON], &first).await.is_status(200);
    post(&app, &path, &[JSON], &first).await.is_status(200);
    let other = mailgun("signing-key", "token-1", "e-2");
    post(&app, &path, &[JSON], &other).await.refuses(401, "unverified", "");
    post(&app, &path, &[JSON], &mailgun("signing-key", "token-2", "e-2")).await.is_status(200);
    app.pass(300 * 1_000);
    post(&app, &path, &[JSON], &mailgun("signing-key", "token-3", "e-3")).await.is_status(200);
    app.pass(1_000);
    post(&app, &path, &[JSON], &mailgun("signing-key", "token-4", "e-4")).await.is_status(401);
}

#[tokio::test]
async fn a_body_may_be_as_large_as_the_source_takes() {
    let app = TestApp::start().await;
    let path = path_of(&app, json!({ "name": "small", "scheme": "none", "body_bytes_max": 1_024 })).await;
    post(&app, &path, &[JSON], &format!("{{}}{}", " ".repeat(1_022))).await.is_status(200);
    post(&app, &path, &[JSON], &format!("{{}}{}", " ".repeat(1_023))).await.is_status(413);
    for bytes in [1_023, 5 * 1024 * 1024 + 1] {
        let refused = app.refused_command(add(json!({ "name": "x", "scheme": "none", "body_bytes_max": bytes }))).await;
        assert!(refused.contains("1024 to 5242880"), "{refused}");
    }
}

#[tokio::test]
async fn a_source_is_told_apart_by_what_it_answers() {
    let app = TestApp::start().await;
    let basic = app.command(add(json!({ "name": "pm", "provider": "postmark", "refused_status": 403 }))).await;
    assert!(basic["secret"].as_str().is_some_and(|secret| secret.starts_with("pillarbox:")), "{basic}");
    post(&app, &path(&basic), &[JSON], "{}").await.refuses(403, "unverified", "");
    let basic = path_of(&app, json!({ "name": "b", "scheme": "basic", "secret": "user:password" })).await;
    let asked = post(&app, &basic, &[JSON], "{}").await;
    assert_eq!((asked.status.as_u16(), asked.header("www-authenticate")), (401, Some("Basic realm=\"webhooks\"")));
    let known = [JSON, ("authorization", "Basic dXNlcjpwYXNzd29yZA==")];
    post(&app, &basic, &known, "{}").await.is_status(200);
}

#[tokio::test]
async fn handshakes_are_answered_and_go_no_further() {
    let app = TestApp::start().await;
    let azure = path_of(&app, json!({ "name": "az", "provider": "azure" })).await;
    let body = json!([{ "eventType": "Microsoft.EventGrid.SubscriptionValidationEvent",
        "data": { "validationCode": "code-1" } }]);
    let asked = [JSON, ("aeg-event-type", "SubscriptionValidation")];
    let answer = post(&app, &azure, &asked, &body.to_string()).await;
    answer.is(200, json!({ "validationResponse": "code-1" }));
    let mandrill = path_of(&app, json!({ "name": "md", "provider": "mandrill", "secret": "signing-key" })).await;
    let form = ("content-type", "application/x-www-form-urlencoded");
    post(&app, &mandrill, &[form], "mandrill_events=%5B%5D").await.is(200, json!({ "success": true }));
    post(&app, &mandrill, &[form], "mandrill_events=%5B%7B%7D%5D").await.is_status(401);
}

#[tokio::test]
async fn a_message_of_sns_is_of_a_topic_that_the_source_takes_and_signed_by_a_host_of_amazon() {
    let app = TestApp::start().await;
    let topic = "arn:aws:sns:us-east-1:123456789012:bounces";
    let path = path_of(&app, json!({ "name": "ses", "provider": "ses", "topics": [topic] })).await;
    let message = |topic: &str, host: &str| {
        json!({ "Type": "Notification", "MessageId": "m-1", "TopicArn": topic, "Message": "{}",
            "Timestamp": "2024-03-15T14:30:00.000Z", "SignatureVersion": "2", "Signature": "AAAA",
            "SigningCertURL": format!("https://{host}/SimpleNotificationService-0.pem") })
        .to_string()
    };
    for (topic, host) in [
        ("arn:aws:sns:us-east-1:999999999999:bounces", "sns.us-east-1.amazonaws.com"),
        (topic, "sns.us-east-1.amazonaws.com.evil.example"),
        (topic, "127.0.0.1:1"),
    ] {
        post(&app, &path, &[("content-type", "text/plain")], &message(topic, host)).await.is_status(401);
    }
    let refused = app.refused_command(add(json!({ "name": "x", "provider": "ses" }))).await;
    assert!(refused.contains("--topic"), "{refused}");
}

#[tokio::test]
async fn what_cannot_be_a_source_is_refused_with_what_to_do() {
    let app = TestApp::start().await;
    for (source, words) in [
        (json!({ "name": "a b", "scheme": "none" }), "letters, digits"),
        (json!({ "name": "x" }), "--provider"),
        (json!({ "name": "x", "provider": "nobody" }), "known are ahasend"),
        (json!({ "name": "x", "provider": "sendgrid" }), "--secret-file"),
        (json!({ "name": "x", "provider": "sendgrid", "secret": "no public key" }), "public key"),
        (json!({ "name": "x", "provider": "resend", "secret": "whsec_???????" }), "whsec_"),
        (json!({ "name": "x", "scheme": "none", "secret": "a secret" }), "no secret"),
        (json!({ "name": "x", "scheme": "basic", "secret": "no colon here" }), "user:password"),
        (json!({ "name": "x", "scheme": "hmac" }), "--header"),
        (json!({ "name": "x", "scheme": "hmac", "header": "x-s", "signed": "text" }), "{body}"),
        (json!({ "name": "x", "scheme": "hmac", "header": "x-s", "signed": "{timestamp}" }), "timestamp"),
        (json!({ "name": "x", "scheme": "none", "window_secs": 5 }), "no time"),
        (json!({ "name": "x", "provider": "mailgun", "secret": "signing-key", "window_secs": 0 }), "1 to 604800"),
        (json!({ "name": "x", "provider": "mailgun", "secret": "signing-key", "window_secs": 604_801 }), "1 to 604800"),
        (json!({ "name": "x", "scheme": "none", "refused_status": 200 }), "400 to 499"),
        (json!({ "name": "x", "scheme": "none", "busy_status": 500 }), "429 or 503"),
        (json!({ "name": "x", "scheme": "none", "dedupe": "query:x" }), "header:NAME"),
        (json!({ "name": "x", "scheme": "none", "customer": "nobody@example.org" }), "customer list"),
    ] {
        let refused = app.refused_command(add(source.clone())).await;
        assert!(refused.contains(words), "{source}: {refused}");
    }
}

#[tokio::test]
async fn the_admin_api_does_what_the_command_line_does() {
    let app = TestApp::with(SETTINGS).await;
    let call = async |method: &str, path: &str, body: Value| {
        let request = Request::builder().method(method).uri(format!("/admin/sources{path}"));
        let request = request.header("host", "localhost").header("authorization", format!("Bearer {TOKEN}"));
        let body = if body.is_null() { String::new() } else { body.to_string() };
        ask(&app, request.header("content-type", "application/json"), &body).await
    };
    let made = call("POST", "", json!({ "name": "hooks", "scheme": "header", "header": "x-secret" })).await;
    made.is_status(200);
    assert!(made.json()["secret"].is_string() && made.json()["url"].is_string());
    assert_eq!(call("GET", "", Value::Null).await.json()["sources"][0]["name"], "hooks");
    assert_eq!(call("GET", "/hooks", Value::Null).await.json()["source"]["state"], "unused");
    let rotated = call("POST", "/hooks/rotate", json!({ "url": true })).await.json();
    assert_eq!(rotated["source"]["has_former_address"], true, "{rotated}");
    assert_eq!(call("POST", "/hooks/disable", Value::Null).await.json()["source"]["state"], "disabled");
    assert_eq!(call("POST", "/hooks/enable", Value::Null).await.json()["source"]["state"], "unused");
    call("POST", "", json!({ "name": "x", "shceme": "none" })).await.is_status(400);
    assert_eq!(call("POST", "/hooks/remove", Value::Null).await.json()["removed"], "hooks");
    call("GET", "/hooks", Value::Null).await.is_status(422);
}
