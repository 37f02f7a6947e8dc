//! What is let go of, and what stays.

use pillarbox::retention;

use crate::harness::{TestApp, TestCustomer};

const DAY_MS: i64 = 86_400_000;

async fn events(customer: &TestCustomer) -> i64 {
    customer.get("/api/v1/events").await.json()["pagination"]["total"].as_i64().expect("it is a number")
}

async fn sent(customer: &TestCustomer) -> i64 {
    let path = "/api/stats/outbound?fromdate=2024-03-01&todate=2024-12-31";
    customer.get(path).await.json()["sent"].as_i64().expect("it is a number")
}

#[tokio::test]
async fn events_go_after_their_days_and_counts_stay() {
    let app = TestApp::with(&[("PILLARBOX_EVENT_RETENTION_DAYS", "2")]).await;
    let acme = app.customer_with_events("acme").await;
    acme.send("ada@example.com").await;
    app.deliver().await;
    app.pass(2 * DAY_MS);
    acme.send("bob@example.com").await;
    retention::look(&app.app).await.expect("it is looked");
    assert_eq!((events(&acme).await, sent(&acme).await), (4, 2), "two days old is not older");
    app.pass(DAY_MS);
    retention::look(&app.app).await.expect("it is looked");
    assert_eq!((events(&acme).await, sent(&acme).await), (1, 2));
    // What cannot be counted again is not found wrong.
    let rebuild = pillarbox::control::Command::StatsRebuild { from: None, customer: None, dry_run: false };
    assert_eq!(app.command(rebuild).await["wrong"], 0);
    assert_eq!(sent(&acme).await, 2);
}

#[tokio::test]
async fn events_are_kept_for_ever_where_that_is_set() {
    let app = TestApp::with(&[("PILLARBOX_EVENT_RETENTION_DAYS", "0")]).await;
    let acme = app.customer_with_events("acme").await;
    acme.send("ada@example.com").await;
    app.pass(1_000 * DAY_MS);
    retention::look(&app.app).await.expect("it is looked");
    assert_eq!(events(&acme).await, 1);
}

#[tokio::test]
async fn the_oldest_go_where_there_is_no_room_but_not_those_of_yesterday() {
    let app = TestApp::with(&[("PILLARBOX_DATABASE_BYTES_MAX", "1")]).await;
    let acme = app.customer_with_events("acme").await;
    for _ in 0..3 {
        acme.send("ada@example.com").await;
        app.pass(DAY_MS);
    }
    retention::look(&app.app).await.expect("it is looked");
    assert_eq!((events(&acme).await, sent(&acme).await), (1, 3));
    let roomy = TestApp::with(&[("PILLARBOX_DATABASE_BYTES_MAX", "1000000000")]).await;
    let acme = roomy.customer_with_events("acme").await;
    acme.send("ada@example.com").await;
    roomy.pass(3 * DAY_MS);
    retention::look(&roomy.app).await.expect("it is looked");
    assert_eq!(events(&acme).await, 1);
}
