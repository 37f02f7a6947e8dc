//! What is let go of, and what stays.

use pillarbox::control::Command;
use pillarbox::retention;

use crate::harness::{TestApp, TestCustomer};

const DAY_MS: i64 = 86_400_000;

async fn events(customer: &TestCustomer) -> i64 {
    customer.get("/api/v1/events").await.json()["pagination"]["total"].as_i64().expect("it is a number")
}

/// How many events there are to or from addresses that contain this; they are as many as are said to be.
async fn found_by(customer: &TestCustomer, query: String) -> i64 {
    let answer = customer.get(&format!("/api/v1/events?{query}")).await.json();
    let total = answer["pagination"]["total"].as_i64().expect("it is a number");
    assert_eq!(answer["events"].as_array().map(Vec::len), usize::try_from(total).ok(), "{answer}");
    total
}

async fn found(customer: &TestCustomer, recipient: &str) -> i64 {
    found_by(customer, format!("recipient={recipient}")).await
}

async fn found_from(customer: &TestCustomer, from: &str) -> i64 {
    found_by(customer, format!("from={from}")).await
}

async fn sent(customer: &TestCustomer) -> i64 {
    let path = "/api/stats/outbound?fromdate=2024-03-01&todate=2024-12-31";
    customer.get(path).await.json()["sent"].as_i64().expect("it is a number")
}

#[tokio::test]
async fn events_go_after_their_days_and_counts_stay() {
    let app = TestApp::with(&[("PILLARBOX_EVENT_RETENTION_DAYS", "2")]).await;
    let acme = app.customer_with_events("acme").await;
    let ada = acme.send("ada@example.com").await;
    app.deliver().await;
    app.pass(2 * DAY_MS);
    acme.send("bob@example.com").await;
    retention::look(&app.app).await.expect("it is looked");
    assert_eq!((events(&acme).await, sent(&acme).await), (4, 2), "two days old is not older");
    app.pass(DAY_MS);
    retention::look(&app.app).await.expect("it is looked");
    assert_eq!((events(&acme).await, sent(&acme).await), (1, 2));
    // Nor is it found by what was its address, until something happens to it again.
    assert_eq!((found(&acme, "ada").await, found(&acme, "bob").await, found(&acme, "example").await), (0, 1, 1));
    assert_eq!(found_from(&acme, "noreply").await, 1);
    let bounce = serde_json::json!({ "emailId": ada, "recipientEmail": "ada@example.com" });
    app.notify("/webhooks/bounce", bounce).await.is_status(200);
    assert_eq!((found(&acme, "ada@").await, found(&acme, "example").await), (1, 2));
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

#[tokio::test]
async fn a_customer_may_have_days_of_its_own() {
    let app = TestApp::with(&[("PILLARBOX_EVENT_RETENTION_DAYS", "2")]).await;
    let own = async |customer: &TestCustomer, event_days: Option<u32>| {
        let shown = app.command(Command::CustomerRetention { email: customer.email.clone(), event_days }).await;
        shown["customer"]["event_retention_days"].clone()
    };
    let names = ["short", "long", "ever", "as-all"];
    let mut customers = Vec::new();
    for name in names {
        let customer = app.customer_with_events(name).await;
        customer.send("ada@example.com").await;
        customers.push(customer);
    }
    assert_eq!(own(&customers[0], Some(1)).await, 1);
    assert_eq!(own(&customers[1], Some(4)).await, 4);
    assert_eq!(own(&customers[2], Some(0)).await, 0);
    assert_eq!((own(&customers[3], Some(9)).await, own(&customers[3], None).await), (9.into(), 2.into()));
    let mut left = Vec::new();
    for _ in 0..6 {
        app.pass(DAY_MS);
        retention::look(&app.app).await.expect("it is looked");
        let mut day = Vec::new();
        for customer in &customers {
            day.push(events(customer).await);
        }
        left.push(day);
    }
    let wanted = [[1, 1, 1, 1], [0, 1, 1, 1], [0, 1, 1, 0], [0, 1, 1, 0], [0, 0, 1, 0], [0, 0, 1, 0]];
    assert_eq!(left, wanted);
}
