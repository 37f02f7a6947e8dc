//! GET /api/smtp-credentials, POST /api/smtp-credentials/rotate

use serde_json::{Value, json};

use crate::harness::TestApp;

fn credentials(host: &str, password: &Value, set_at: &Value) -> Value {
    json!({ "host": host, "ports": [587, 465, 2525], "recommended_port": 587, "username": "acme@example.org",
        "password": password, "password_set_at": set_at })
}

#[tokio::test]
async fn a_password_is_shown_once_and_never_again() {
    let app = TestApp::with(&[("PILLARBOX_PUBLIC_URL", "https://mail.example.org")]).await;
    let acme = app.customer("acme").await;
    let shown = |set_at: Value| json!({ "success": true, "smtp_credentials": credentials("mail.example.org", &Value::Null, &set_at) });
    acme.get("/api/smtp-credentials").await.is(200, shown(Value::Null));
    acme.get("/api/v1/smtp-credentials").await.is(200, shown(Value::Null));

    app.pass(1_500);
    let rotated = acme.post("/api/smtp-credentials/rotate", json!({})).await;
    let password = rotated.json()["smtp_credentials"]["password"].clone();
    assert!(password.as_str().is_some_and(|password| password.len() == 32), "{password}");
    let set_at = json!("2024-03-15T14:30:01.5Z");
    rotated.is(
        200,
        json!({
            "success": true, "message": "SMTP password rotated successfully",
            "smtp_credentials": credentials("mail.example.org", &password, &set_at),
            "warning": "Update your SMTP clients with the new password. The old password will no longer work.",
        }),
    );
    acme.get("/api/smtp-credentials").await.is(200, shown(set_at));
    // Nothing needs to be said.
    let again = acme.call(http::Method::POST, "/api/v1/smtp-credentials/rotate", None, &[]).await;
    assert_eq!(again.status, 200);
    assert_ne!(again.json()["smtp_credentials"]["password"], password);
}

#[tokio::test]
async fn another_customers_password_is_nobody_elses_business() {
    let app = TestApp::start().await;
    let acme = app.customer("acme").await;
    let rival = app.customer("rival").await;
    rival.post("/api/smtp-credentials/rotate", json!({})).await;
    let mine = acme.get("/api/smtp-credentials").await.json();
    assert_eq!(mine["smtp_credentials"], credentials("localhost", &Value::Null, &Value::Null));
    app.get("/api/smtp-credentials").await.refuses(401, "unauthorized", "API key required");
    app.post("/api/smtp-credentials/rotate", "application/json", "{}").await.refuses(401, "unauthorized", "API key");
    acme.post("/api/smtp-credentials", json!({})).await.refuses(405, "method_not_allowed", "GET");
}
