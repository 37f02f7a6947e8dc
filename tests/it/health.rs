//! GET /api/customer/health-score, and what stops an account

use pillarbox::control::Command;
use pillarbox::health;
use pillarbox::mail::health::VOLUME_MIN;
use pillarbox::store::CustomerStatus;
use serde_json::{Value, json};

use crate::harness::{TestApp, TestCustomer};

const DAY_MS: i64 = 86_400_000;

/// Sends so many emails and has so many of them come back, or be complained about.
async fn send(app: &TestApp, acme: &TestCustomer, count: usize, troubled: usize, route: &str) {
    let mut ids: Vec<String> = Vec::new();
    for first in (0..count).step_by(100) {
        let emails: Vec<_> = (first..count.min(first + 100))
            .map(|n| json!({ "to": format!("{route}{n}-{count}@example.com"), "subject": "s", "text": "t" }))
            .collect();
        let answer = acme.post("/api/batch", json!({ "emails": emails })).await.json();
        let results = answer["results"].as_array().unwrap_or_else(|| panic!("{answer}"));
        ids.extend(results.iter().map(|result| result["email_id"].as_str().expect("it has an id").to_owned()));
    }
    app.deliver().await;
    for id in ids.iter().take(troubled) {
        let body = json!({ "emailId": id, "bounceType": "soft", "reason": "552 5.2.2 full" });
        app.notify(&format!("/webhooks/{route}"), body).await.is_status(200);
    }
}

async fn try_to_send(acme: &TestCustomer) -> (u16, Value) {
    let answer = acme.post("/api/send", json!({ "to": "zoe@example.com", "subject": "s", "text": "t" })).await;
    (answer.status.as_u16(), answer.json()["code"].clone())
}

#[tokio::test]
async fn there_is_no_score_before_there_is_mail() {
    let app = TestApp::start().await;
    let acme = app.customer("acme").await;
    let missing = |message: &str| json!({ "error": "No data available", "message": message, "code": "no_data", "request_id": "[id]" });
    let path = "/api/customer/health-score";
    acme.get(path).await.is(404, missing("No data available yet. Send some emails first."));
    let refreshed = acme.post(&format!("{path}/refresh"), json!({})).await;
    refreshed.is(404, missing("Send some emails first to generate a health score"));
}

#[tokio::test]
async fn a_score_stays_until_it_is_made_anew() {
    let app = TestApp::start().await;
    let acme = app.customer("acme").await;
    let id = acme.send("ada@example.com").await;
    app.deliver().await;
    let path = "/api/customer/health-score";
    let first = acme.get(path).await.json();
    let expected = json!({ "overall_score": 100.0, "delivery_rate": 100.0, "open_rate": 0.0, "click_rate": 0.0,
        "bounce_rate": 0.0, "complaint_rate": 0.0, "reputation_grade": "A+",
        "last_calculated": "2024-03-15T14:30:00Z" });
    assert_eq!(first["health_score"], expected);
    assert_eq!(
        (&first["insights"]["status"], &first["insights"]["recommendations"]),
        (&json!("excellent"), &json!([]))
    );
    assert_eq!(first["benchmarks"]["bounce_rate"]["good"], 2);

    app.notify("/webhooks/bounce", json!({ "emailId": id, "bounceType": "hard" })).await;
    assert_eq!(acme.get(path).await.json()["health_score"], expected, "it is judged daily");
    let anew = acme.post(&format!("{path}/refresh"), json!({})).await.json();
    assert_eq!(anew["message"], "Health score refreshed successfully");
    assert_eq!(anew["health_score"]["bounce_rate"], 100.0);
    let advice = anew["insights"]["recommendations"][0].as_str().expect("there is advice");
    assert!(advice.contains("100 %") && advice.contains("1 of 1"), "{advice}");
    app.pass(DAY_MS + 1);
    health::look(&app.app).await.expect("it is looked");
    assert_eq!(acme.get(path).await.json()["health_score"]["last_calculated"], "2024-03-16T14:30:00.001Z");
}

#[tokio::test]
async fn too_many_bounces_pause_sending_until_an_operator_resumes_it() {
    let app = TestApp::with(&[("PILLARBOX_REQUESTS_PER_MINUTE", "0")]).await;
    let acme = app.customer("acme").await;
    let count = usize::try_from(VOLUME_MIN).expect("it is small");
    send(&app, &acme, count, count / 10, "bounce").await;
    health::look(&app.app).await.expect("it is looked");
    assert_eq!(try_to_send(&acme).await.0, 200, "10 % is not over 10 %");
    send(&app, &acme, 50, 10, "bounce").await;
    health::look(&app.app).await.expect("it is looked");
    assert_eq!(try_to_send(&acme).await, (403, json!("sending_paused")));
    let show = || app.command(Command::CustomerShow { email: acme.email.clone() });
    let stop = show().await["customer"]["stopped_for"][0].clone();
    assert_eq!((&stop["cause"], &stop["counted"], &stop["of"]), (&json!("bounces"), &json!(30), &json!(251)));

    app.command(Command::CustomerResume { email: acme.email.clone() }).await;
    assert_eq!(try_to_send(&acme).await.0, 200);
    app.pass(3_600_000);
    health::look(&app.app).await.expect("it is looked");
    assert_eq!(try_to_send(&acme).await.0, 200, "it is not stopped again for the same mail");
    let refused = app.refused_command(Command::CustomerResume { email: acme.email.clone() }).await;
    assert!(refused.contains("is not paused"), "{refused}");
}

#[tokio::test]
async fn too_many_complaints_suspend_an_account_until_an_operator_makes_it_active() {
    let app = TestApp::with(&[("PILLARBOX_REQUESTS_PER_MINUTE", "0")]).await;
    let acme = app.customer("acme").await;
    let count = usize::try_from(VOLUME_MIN).expect("it is small");
    send(&app, &acme, count, count / 100, "complaint").await;
    health::look(&app.app).await.expect("it is looked");
    assert_eq!(try_to_send(&acme).await.0, 200, "1 % is not over 1 %");
    send(&app, &acme, 1, 1, "complaint").await;
    health::look(&app.app).await.expect("it is looked");
    assert_eq!(try_to_send(&acme).await, (403, json!("account_suspended")));
    let (email, status) = (acme.email.clone(), CustomerStatus::Active);
    app.command(Command::CustomerStatus { email, status }).await;
    for _ in 0..2 {
        app.pass(3_600_000);
        health::look(&app.app).await.expect("it is looked");
        assert_eq!(try_to_send(&acme).await.0, 200, "it is not stopped again for the same mail");
    }
}
