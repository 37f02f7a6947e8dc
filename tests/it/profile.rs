//! GET and PATCH /api/customer/profile, POST /api/customer/rotate-key, and the keys themselves

use http::Request;
use pillarbox::control::Command;
use serde_json::{Value, json};

use crate::harness::{TestApp, TestCustomer};

const ROTATED: &str = "API key rotated successfully. Update your applications with the new key immediately.";
const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

fn masked(key: &str) -> String {
    format!("{}…{}", &key[..12], &key[key.len() - 4..])
}

fn profile_of(customer: &TestCustomer, changed: Value) -> Value {
    let mut profile = json!({
        "id": "[id]", "name": "acme", "email": "acme@example.org", "status": "active",
        "monthly_email_limit": 100_000, "max_domains": 5, "current_domains": 1,
        "emails_sent_this_month": 0, "remaining_emails": 100_000,
        "webhook_url": null, "tracking_enabled": true, "click_tracking_enabled": true, "open_tracking_enabled": true,
        "enable_event_tracking": false, "enable_event_api": false, "privacy_level": "full",
        "api_key": masked(&customer.key), "created_at": "2024-03-15T14:30:00Z",
        "warnings": [],
    });
    let Value::Object(changed) = changed else { panic!("fields") };
    for (name, value) in changed {
        profile[name] = value;
    }
    json!({ "customer": profile })
}

fn refusal(code: &str, error: &str) -> Value {
    json!({ "error": error, "code": code, "request_id": "[id]" })
}

#[tokio::test]
async fn an_account_reads_itself() {
    let app = TestApp::start().await;
    let acme = app.customer("acme").await;
    acme.get("/api/customer/profile").await.is(200, profile_of(&acme, json!({})));
    acme.get("/api/v1/customer/profile").await.is(200, profile_of(&acme, json!({})));

    app.pass(1_500);
    let pair = json!({ "to": "ada@example.com", "cc": ["bob@example.com"], "subject": "Hello", "text": "Hello" });
    assert_eq!(acme.post("/api/send", pair).await.status, 200);
    let sent = json!({ "emails_sent_this_month": 2, "remaining_emails": 99_998 });
    acme.get("/api/customer/profile").await.is(200, profile_of(&acme, sent));
}

#[tokio::test]
async fn what_a_change_names_is_changed_and_the_rest_stays() {
    let app = TestApp::start().await;
    let acme = app.customer("acme").await;
    let path = "/api/customer/profile";
    let url = "https://hooks.example.com/mail?x=1";
    let mut expected = json!({ "name": "Acme & Söhne", "webhook_url": url });
    acme.patch(path, json!({ "name": "  Acme & Söhne ", "webhook_url": url }))
        .await
        .is(200, profile_of(&acme, expected.clone()));
    // Left out is not null, and what later versions may know is passed over.
    acme.patch(path, json!({ "later": true })).await.is(200, profile_of(&acme, expected.clone()));
    expected["open_tracking_enabled"] = false.into();
    acme.patch(path, json!({ "open_tracking_enabled": false })).await.is(200, profile_of(&acme, expected.clone()));
    expected["click_tracking_enabled"] = false.into();
    expected["tracking_enabled"] = false.into();
    let off = json!({ "click_tracking_enabled": false, "tracking_enabled": false, "name": null });
    acme.patch(path, off).await.is(200, profile_of(&acme, expected.clone()));
    expected["webhook_url"] = Value::Null;
    acme.patch(path, json!({ "webhook_url": null })).await.is(200, profile_of(&acme, expected.clone()));
    acme.patch("/api/v1/customer/profile", json!({})).await.is(200, profile_of(&acme, expected.clone()));
    acme.get(path).await.is(200, profile_of(&acme, expected));
}

#[tokio::test]
async fn an_account_does_not_raise_its_own_limits() {
    let app = TestApp::start().await;
    let acme = app.customer("acme").await;
    let wishes = json!({ "monthly_email_limit": 1_000_000, "max_domains": 99, "status": "active", "email": "x@example.org",
        "enable_event_tracking": true, "enable_event_api": true, "privacy_level": "minimal", "id": "x" });
    acme.patch("/api/customer/profile", wishes).await.is(200, profile_of(&acme, json!({})));
}

#[tokio::test]
async fn a_change_that_cannot_be_is_named_with_its_place_and_changes_nothing() {
    let app = TestApp::start().await;
    let acme = app.customer("acme").await;
    let refused = async |change: Value, pointer: &str| {
        let answer = acme.patch("/api/customer/profile", change.clone()).await;
        let body = answer.json();
        assert_eq!((answer.status.as_u16(), &body["code"]), (400, &json!("invalid_request")), "{change} {body}");
        assert_eq!(body["details"][0]["pointer"], pointer, "{change} {body}");
        assert!(body["error"].as_str().is_some_and(|error| !error.contains("at line")), "{body}");
    };
    refused(json!({ "name": 7 }), "/name").await;
    refused(json!({ "name": "" }), "/name").await;
    refused(json!({ "name": " \t" }), "/name").await;
    refused(json!({ "name": "a\nb" }), "/name").await;
    refused(json!({ "name": "ä".repeat(201) }), "/name").await;
    refused(json!({ "tracking_enabled": "yes" }), "/tracking_enabled").await;
    refused(json!({ "open_tracking_enabled": 1 }), "/open_tracking_enabled").await;
    refused(json!({ "click_tracking_enabled": {} }), "/click_tracking_enabled").await;
    refused(json!({ "webhook_url": false }), "/webhook_url").await;
    refused(json!({ "webhook_url": "" }), "/webhook_url").await;
    refused(json!({ "webhook_url": "http://example.com/" }), "/webhook_url").await;
    refused(json!({ "webhook_url": "https://" }), "/webhook_url").await;
    refused(json!({ "webhook_url": "https:///x" }), "/webhook_url").await;
    refused(json!({ "webhook_url": "https://a@example.com/" }), "/webhook_url").await;
    refused(json!({ "webhook_url": "https://example.com/a b" }), "/webhook_url").await;
    refused(json!({ "webhook_url": long_url(2_049) }), "/webhook_url").await;
    // One wrong field, and the right ones stay undone as well.
    refused(json!({ "name": "Other", "tracking_enabled": false, "webhook_url": "x" }), "/webhook_url").await;
    refused(json!("acme"), "").await;
    refused(json!(["Other", null, true, true, true]), "").await;
    acme.get("/api/customer/profile").await.is(200, profile_of(&acme, json!({})));

    assert_eq!(acme.patch("/api/customer/profile", json!({ "name": "ä".repeat(200) })).await.status, 200);
    assert_eq!(acme.patch("/api/customer/profile", json!({ "webhook_url": long_url(2_048) })).await.status, 200);
}

fn long_url(bytes: usize) -> String {
    let start = "https://example.com/";
    format!("{start}{}", "x".repeat(bytes - start.len()))
}

#[tokio::test]
async fn a_new_key_ends_the_old_one_at_once() {
    let app = TestApp::start().await;
    let acme = app.customer("acme").await;
    let answer = acme.post("/api/customer/rotate-key", json!({})).await;
    let key = answer.json()["api_key"].as_str().expect("it has a key").to_owned();
    let hex = key.strip_prefix("ml_live_").expect("it is a live key");
    assert!(hex.len() == 64 && hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')), "{key}");
    let account = json!({ "id": "[id]", "name": "acme", "email": "acme@example.org" });
    answer.is(200, json!({ "message": ROTATED, "api_key": key, "key_prefix": "ml_live_", "customer": account }));

    acme.get("/api/customer/profile").await.is(401, refusal("unauthorized", "Invalid API key"));
    let renewed = acme.with_key(&key);
    renewed.get("/api/customer/profile").await.is(200, profile_of(&renewed, json!({})));
    // The body may be left out.
    let again = renewed.call(http::Method::POST, "/api/customer/rotate-key", None, &[]).await;
    assert_eq!(again.json()["message"], ROTATED);
    assert_eq!(renewed.get("/api/customer/usage").await.status, 401);
}

#[tokio::test]
async fn an_old_key_lives_to_the_end_of_its_grace_period_and_no_longer() {
    let app = TestApp::start().await;
    let acme = app.customer("acme").await;
    let rotate = async |customer: &TestCustomer, grace: Value| {
        customer.post("/api/customer/rotate-key", json!({ "grace_period_seconds": grace })).await
    };
    for wrong in [json!(-1), json!(604_801), json!("60"), json!(1.5)] {
        let answer = rotate(&acme, wrong.clone()).await;
        assert_eq!(answer.json()["details"][0]["pointer"], "/grace_period_seconds", "{wrong}");
        assert_eq!(answer.status, 400, "{wrong}");
    }
    let answer = rotate(&acme, json!(604_800)).await.json();
    let second = acme.with_key(answer["api_key"].as_str().expect("it has a key"));
    app.pass(7 * DAY_MS - 1);
    assert_eq!(acme.get("/api/customer/usage").await.status, 200);
    assert_eq!(second.get("/api/customer/usage").await.status, 200);
    app.pass(1);
    assert_eq!(acme.get("/api/customer/usage").await.status, 401);
    assert_eq!(second.get("/api/customer/usage").await.status, 200);

    // A second rotation never lengthens the life of a key that ends sooner.
    let answer = rotate(&second, json!(60)).await.json();
    let third = second.with_key(answer["api_key"].as_str().expect("it has a key"));
    rotate(&third, json!(600)).await;
    app.pass(59_999);
    assert_eq!(second.get("/api/customer/usage").await.status, 200);
    app.pass(1);
    assert_eq!(second.get("/api/customer/usage").await.status, 401);
    assert_eq!(third.get("/api/customer/usage").await.status, 200);
}

#[tokio::test]
async fn a_sandbox_key_and_a_live_key_are_renewed_apart() {
    let app = TestApp::start().await;
    let acme = app.customer("acme").await;
    let email = acme.email.clone();
    let made = app.command(Command::CustomerRotateKey { email, sandbox: true, grace_secs: 0 }).await;
    let sandbox = acme.with_key(made["api_key"].as_str().expect("it has a key"));
    assert!(sandbox.key.starts_with("ml_test_") && sandbox.key.len() == 8 + 64, "{}", sandbox.key);
    sandbox.get("/api/customer/profile").await.is(200, profile_of(&sandbox, json!({})));
    assert_eq!(acme.get("/api/customer/profile").await.status, 200, "the live key goes on");

    let answer = sandbox.post("/api/customer/rotate-key", json!({})).await.json();
    assert_eq!(answer["key_prefix"], "ml_test_");
    assert!(answer["api_key"].as_str().is_some_and(|key| key.starts_with("ml_test_")), "{answer}");
    assert_eq!(sandbox.get("/api/customer/profile").await.status, 401);
    assert_eq!(acme.get("/api/customer/profile").await.status, 200, "the live key goes on");
    let id = acme.with_key(answer["api_key"].as_str().expect("it has a key")).send("ada@example.com").await;
    assert_eq!(app.captured(&id).await["to"], "ada@example.com");
}

#[tokio::test]
async fn a_key_is_taken_from_either_header_and_from_nowhere_else() {
    let app = TestApp::start().await;
    let acme = app.customer("acme").await;
    let key = acme.key.as_str();
    let ask = async |path: &str, headers: &[(&str, &str)]| {
        let mut request = Request::get(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        app.request(request.body(http_body_util::Full::default()).expect("it is a request")).await
    };
    let path = "/api/customer/profile";
    let bearer = format!("Bearer {key}");
    for headers in [
        vec![("authorization", bearer.as_str())],
        vec![("authorization", &format!("bearer {key}"))],
        vec![("authorization", &format!("BEARER   {key}"))],
        vec![("x-api-key", key)],
        vec![("authorization", "Basic YWNtZTpzZWNyZXQ="), ("x-api-key", key)],
    ] {
        ask(path, &headers).await.is(200, profile_of(&acme, json!({})));
    }

    let missing = "API key required: send Authorization: Bearer <key> or X-API-Key: <key>";
    let unauthorized = async |headers: &[(&str, &str)], error: &str| {
        let answer = ask(path, headers).await;
        assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
        answer.is(401, refusal("unauthorized", error));
    };
    unauthorized(&[], missing).await;
    unauthorized(&[("authorization", &format!("Basic {key}"))], missing).await;
    unauthorized(&[("authorization", key)], missing).await;
    unauthorized(&[("authorization", "Bearer")], missing).await;
    for wrong in [
        String::new(),
        "ml_live_".to_owned(),
        format!("ml_live_{}", "0".repeat(64)),
        key.to_uppercase(),
        key.replace("ml_live_", "ml_test_"),
        key[..key.len() - 1].to_owned(),
        format!("{key}0"),
        format!("{key} {key}"),
        "' OR 1=1 --".to_owned(),
    ] {
        unauthorized(&[("authorization", &format!("Bearer {wrong}"))], "Invalid API key").await;
        unauthorized(&[("x-api-key", &wrong)], "Invalid API key").await;
    }
    assert_eq!(ask(&format!("{path}?api_key={key}"), &[]).await.status, 401, "addresses end in logs");
}

#[tokio::test]
async fn what_one_account_changes_another_does_not_notice() {
    let app = TestApp::start().await;
    let acme = app.customer("acme").await;
    let rival = app.customer("rival").await;
    rival.patch("/api/customer/profile", json!({ "name": "acme", "tracking_enabled": false })).await;
    rival.post("/api/customer/rotate-key", json!({})).await;
    assert_eq!(rival.get("/api/customer/profile").await.status, 401);
    acme.get("/api/customer/profile").await.is(200, profile_of(&acme, json!({})));
}
