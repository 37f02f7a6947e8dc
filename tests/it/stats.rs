//! GET /api/customer/usage

use pillarbox::control::Command;
use serde_json::{Value, json};

use crate::harness::{TestApp, TestCustomer};

fn usage(month: [i64; 6], rates: [&str; 2], limits: (i64, i64, &str)) -> Value {
    let [sent, delivered, bounced, complained, opened, clicked] = month;
    json!({
        "current_month": {
            "emails_sent": sent, "emails_delivered": delivered, "emails_bounced": bounced,
            "emails_complained": complained, "emails_opened": opened, "emails_clicked": clicked,
            // Whoever fetches in these tests does not say who it is.
            "emails_opened_human": 0, "emails_clicked_human": 0,
            "delivery_rate": rates[0], "bounce_rate": rates[1],
        },
        "limits": { "monthly_limit": limits.0, "remaining": limits.1, "used_percentage": limits.2 },
        "warnings": [],
    })
}

async fn limit(app: &TestApp, customer: &TestCustomer, monthly: i64) {
    let email = customer.email.clone();
    let (monthly, requests_per_minute, max_domains) = (Some(monthly), None, None);
    app.command(Command::CustomerLimits { email, requests_per_minute, monthly, max_domains }).await;
}

#[tokio::test]
async fn a_new_account_has_used_nothing() {
    let app = TestApp::start().await;
    let acme = app.customer("acme").await;
    let nothing = usage([0; 6], ["0.00", "0.00"], (100_000, 100_000, "0.00"));
    acme.get("/api/customer/usage").await.is(200, nothing.clone());
    acme.get("/api/v1/customer/usage").await.is(200, nothing);
}

#[tokio::test]
async fn every_counter_counts_an_email_once() {
    let app = TestApp::start().await;
    let acme = app.customer("acme").await;
    limit(&app, &acme, 8).await;
    let mut ids = Vec::new();
    for recipient in ["ada@example.com", "bob@example.com", "cyd@example.com"] {
        ids.push(acme.send(recipient).await);
    }
    acme.get("/api/customer/usage").await.is(200, usage([3, 0, 0, 0, 0, 0], ["0.00", "0.00"], (8, 5, "37.50")));
    app.deliver().await;
    acme.get("/api/customer/usage").await.is(200, usage([3, 3, 0, 0, 0, 0], ["100.00", "0.00"], (8, 5, "37.50")));

    // Each of them twice: opened, followed, bounced, complained about.
    let html = app.captured(&ids[0]).await["html"].as_str().expect("it has html").to_owned();
    let paths = html.split('"').filter_map(|part| part.strip_prefix("http://127.0.0.1:8080"));
    let paths: Vec<_> = paths.map(str::to_owned).collect();
    assert_eq!(paths.len(), 2, "{html}");
    for reason in ["550 5.1.1 no such user", "551 moved"] {
        for path in &paths {
            app.get(path).await;
        }
        app.notify("/webhooks/bounce", json!({ "emailId": ids[1], "bounceType": "hard", "reason": reason })).await;
        app.notify("/webhooks/complaint", json!({ "emailId": ids[2], "complaintType": reason })).await;
    }
    acme.get("/api/customer/usage").await.is(200, usage([3, 3, 1, 1, 1, 1], ["100.00", "33.33"], (8, 5, "37.50")));

    let rival = app.customer("rival").await;
    rival.get("/api/customer/usage").await.is(200, usage([0; 6], ["0.00", "0.00"], (100_000, 100_000, "0.00")));
}

#[tokio::test]
async fn a_limit_that_was_lowered_leaves_nothing_and_never_less() {
    let app = TestApp::start().await;
    let acme = app.customer("acme").await;
    for _ in 0..3 {
        acme.send("ada@example.com").await;
    }
    limit(&app, &acme, 2).await;
    acme.get("/api/customer/usage").await.is(200, usage([3, 0, 0, 0, 0, 0], ["0.00", "0.00"], (2, 0, "150.00")));
    assert_eq!(acme.get("/api/customer/profile").await.json()["customer"]["remaining_emails"], 0);
}

#[tokio::test]
async fn a_month_ends_at_midnight_in_utc() {
    let app = TestApp::start().await;
    let acme = app.customer("acme").await;
    acme.send("ada@example.com").await;
    // From 15 March 14:30 to the last millisecond of the month.
    let to_april = ((16 * 24 + 9) * 60 + 30) * 60 * 1_000;
    app.pass(to_april - 1);
    assert_eq!(acme.get("/api/customer/usage").await.json()["current_month"]["emails_sent"], 1);
    app.pass(1);
    acme.get("/api/customer/usage").await.is(200, usage([0; 6], ["0.00", "0.00"], (100_000, 100_000, "0.00")));
}
