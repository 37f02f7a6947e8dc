//! Several nodes with one control plane: what happens when answers get lost, nodes race, and logs do not lead on
//!
//! `tests/peers/cluster.sh` does the same and more with a real server.

use std::time::{Duration, Instant};

use pillarbox::control::{self, Command};
use pillarbox::tracking_hosts;
use serde_json::{Value, json};

use crate::authority::Authority;
use crate::harness::{TestApp, TestCustomer};
use crate::names::{Known, Names};
use crate::primary::Primary;

/// The first node of a new cluster.
async fn first(primary: &Primary) -> TestApp {
    TestApp::cluster(&primary.url, &[]).await
}

/// A further node.
async fn another(primary: &Primary) -> TestApp {
    TestApp::with(&[("PILLARBOX_STORAGE_URL", &primary.url), ("PILLARBOX_NODE_NAME", "another")]).await
}

fn at(node: &TestApp, customer: &TestCustomer) -> TestCustomer {
    customer.on(node)
}

async fn status(node: &TestApp) -> Value {
    node.command(Command::ClusterStatus).await["cluster"].clone()
}

async fn emails(node: &TestApp) -> Vec<String> {
    let customers = node.command(Command::CustomerList).await;
    let customers = customers["customers"].as_array().expect("it is a list").clone();
    customers.iter().map(|customer| customer["email"].as_str().expect("it is text").to_owned()).collect()
}

fn create(name: &str) -> Command {
    Command::CustomerCreate { name: name.into(), email: format!("{name}@example.org") }
}

#[tokio::test]
async fn what_one_node_changes_is_on_the_other_after_its_next_look() {
    let primary = Primary::start().await;
    let (one, other) = (first(&primary).await, another(&primary).await);
    let acme = one.customer("acme").await;
    at(&other, &acme).get("/api/customer/profile").await.is_status(401);
    other.look().await;
    at(&other, &acme).get("/api/customer/profile").await.is_status(200);

    let (one_status, other_status) = (status(&one).await, status(&other).await);
    assert_eq!(one_status["revision"], other_status["revision"]);
    assert_eq!((&one_status["id"], &one_status["breaker"]), (&other_status["id"], &json!("closed")));
    assert_eq!(other_status["nodes"].as_array().map(Vec::len), Some(1), "the other was seen: {other_status}");
}

#[tokio::test]
async fn an_answer_that_is_lost_after_the_change_was_made_makes_it_once() {
    let primary = Primary::start().await;
    let (one, other) = (first(&primary).await, another(&primary).await);
    primary.loses_answers(1);
    one.customer("acme").await;
    other.look().await;
    assert_eq!(emails(&one).await, ["acme@example.org"]);
    assert_eq!(emails(&other).await, ["acme@example.org"]);
    assert_eq!(primary.number("SELECT COUNT(*) FROM customers").await, 1);

    // The same with another node's change behind it, so that the second offer loses the race to its own first one.
    primary.loses_answers(1);
    let (made, ()) =
        tokio::join!(one.customer("rival"), async { drop(control::execute(&other.app, create("third")).await) });
    one.look().await;
    assert_eq!(made.email, "rival@example.org");
    assert_eq!(primary.number("SELECT COUNT(*) FROM customers WHERE email = 'rival@example.org'").await, 1);
    assert_eq!(emails(&one).await.len(), 3);
}

#[tokio::test]
async fn requests_that_never_arrive_are_sent_again() {
    let primary = Primary::start().await;
    let one = first(&primary).await;
    primary.drops_requests(2);
    one.customer("acme").await;
    assert_eq!(primary.number("SELECT COUNT(*) FROM customers").await, 1);
}

#[tokio::test]
async fn where_nobody_can_tell_the_answer_says_so_and_the_change_is_made_once() {
    let primary = Primary::start().await;
    let one = first(&primary).await;
    let acme = one.customer("acme").await;
    primary.dies_with_the_next_change();
    let unclear = acme.patch("/api/customer/profile", json!({ "name": "Other" })).await;
    unclear.is_status(503);
    let told = unclear.json()["error"].as_str().expect("it is text").to_owned();
    assert!(told.contains("did not say whether") && told.contains("Look"), "{told}");
    primary.comes_back();
    for _ in 0..100 {
        if one.try_look().await.is_ok() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let shown = acme.get("/api/customer/profile").await.json();
    assert!(shown.to_string().contains("\"Other\""), "it was made: {shown}");
    let units = primary.number("SELECT COUNT(*) FROM control_log WHERE statements LIKE '%\"Other\"%'").await;
    assert_eq!(units, 1);
}

#[tokio::test]
async fn a_node_that_is_far_behind_gets_the_log_in_parts() {
    let primary = Primary::start().await;
    let (one, other) = (first(&primary).await, another(&primary).await);
    let acme = one.customer("acme").await;
    for number in 0..401 {
        acme.patch("/api/customer/profile", json!({ "name": format!("Name {number}") })).await.is_status(200);
    }
    // A unit that is larger than a part of the log may be comes alone.
    primary
        .run(
            "UPDATE control_log SET statements = replace(statements, 'Name 200', printf('%.*c', 2100000, 'x')) \
             WHERE statements LIKE '%\"Name 200\"%'",
        )
        .await;
    other.look().await;
    assert_eq!(status(&one).await["revision"], status(&other).await["revision"]);
    let shown = at(&other, &acme).get("/api/customer/profile").await.json();
    assert!(shown.to_string().contains("\"Name 400\""), "{shown}");
}

#[tokio::test]
async fn nodes_that_race_make_each_change_once_and_all_of_them() {
    let primary = Primary::start().await;
    let (one, other) = (first(&primary).await, another(&primary).await);
    let make = async |node: &TestApp, prefix: &str| {
        for number in 0..10 {
            let made = control::execute(&node.app, create(&format!("{prefix}{number}"))).await;
            made.unwrap_or_else(|error| panic!("{prefix}{number}: {error}"));
        }
    };
    tokio::join!(make(&one, "a"), make(&other, "b"), make(&one, "c"));
    one.look().await;
    other.look().await;
    let (mut ours, mut theirs) = (emails(&one).await, emails(&other).await);
    ours.sort();
    theirs.sort();
    assert_eq!(ours, theirs);
    assert_eq!(ours.len(), 30);
    assert_eq!(primary.number("SELECT COUNT(DISTINCT email) FROM customers").await, 30);
}

#[tokio::test]
async fn the_same_address_on_two_nodes_at_once_is_one_customer() {
    let primary = Primary::start().await;
    let (one, other) = (first(&primary).await, another(&primary).await);
    let (made, also) =
        tokio::join!(control::execute(&one.app, create("acme")), control::execute(&other.app, create("acme")));
    assert!(made.is_ok() != also.is_ok(), "{made:?} {also:?}");
    assert_eq!(primary.number("SELECT COUNT(*) FROM customers").await, 1);
}

#[tokio::test]
async fn while_the_primary_is_away_changes_are_refused_soon_and_mail_goes_on() {
    let primary = Primary::start().await;
    let one = first(&primary).await;
    let acme = one.customer("acme").await;
    drop(primary);
    let began = Instant::now();
    let refused = acme.patch("/api/customer/profile", json!({ "name": "Other" })).await;
    refused.is_status(503);
    assert_eq!(refused.headers["retry-after"], "1");
    assert!(refused.json()["error"].as_str().is_some_and(|told| told.contains("nothing was changed")), "{refused:?}");
    assert!(began.elapsed().as_millis() < 2_000, "it is refused at once when nobody listens");
    assert_eq!(status(&one).await["breaker"], "open");
    let began = Instant::now();
    acme.patch("/api/customer/profile", json!({ "name": "Other" })).await.is_status(503);
    assert!(began.elapsed().as_millis() < 200, "{:?}", began.elapsed());
    acme.send("ada@example.com").await;
    acme.get("/api/customer/profile").await.is_status(200);
}

#[tokio::test]
async fn a_node_that_the_log_does_not_lead_to_copies_the_tables_and_keeps_its_mail() {
    let primary = Primary::start().await;
    let (one, other) = (first(&primary).await, another(&primary).await);
    let acme = one.customer("acme").await;
    other.look().await;
    let sent = at(&other, &acme).send("ada@example.com").await;
    for name in ["second", "third"] {
        one.customer(name).await;
    }
    // The log forgets what the other node has not seen.
    primary.run("DELETE FROM control_log WHERE revision < (SELECT revision FROM control_state)").await;
    other.look().await;
    assert_eq!(emails(&other).await.len(), 3);
    assert_eq!(status(&other).await["revision"], status(&one).await["revision"]);
    at(&other, &acme).get(&format!("/api/emails/{sent}")).await.is_status(200);
    other.customer("fourth").await;
    one.look().await;
    assert_eq!(emails(&one).await.len(), 4);
}

#[tokio::test]
async fn a_node_whose_rows_are_others_than_the_primarys_copies_them() {
    let primary = Primary::start().await;
    let (one, other) = (first(&primary).await, another(&primary).await);
    one.customer("acme").await;
    other.look().await;
    // As a server that was brought back from a backup, with another unit at a revision that was there before.
    primary.run("UPDATE control_log SET unit_id = 'another'; UPDATE customers SET name = 'From the backup'").await;
    other.look().await;
    let shown = other.command(Command::CustomerShow { email: "acme@example.org".into() }).await;
    assert_eq!(shown["customer"]["name"], "From the backup");
}

#[tokio::test]
async fn a_server_that_lost_what_this_nodes_mail_belongs_to_is_not_followed() {
    let primary = Primary::start().await;
    let one = first(&primary).await;
    let acme = one.customer("acme").await;
    acme.send("ada@example.com").await;
    primary
        .run(
            "PRAGMA foreign_keys = OFF; DELETE FROM api_keys; DELETE FROM domains; DELETE FROM customers; \
             DELETE FROM control_log; UPDATE control_state SET revision = 0",
        )
        .await;
    let refused = one.try_look().await.expect_err("its mail would belong to nobody").to_string();
    assert!(refused.contains("refers to one of"), "{refused}");
    assert_eq!(emails(&one).await, ["acme@example.org"], "it keeps what it has");
}

#[tokio::test]
async fn a_cluster_of_another_version_is_told_and_not_followed() {
    let primary = Primary::start().await;
    let one = first(&primary).await;
    for (schema, told) in [(8, "an earlier version"), (4711, "a later version")] {
        primary.run(&format!("UPDATE control_state SET schema = {schema}")).await;
        let refused = one.try_look().await.expect_err("it is another version").to_string();
        assert!(refused.contains(told) && refused.contains(&schema.to_string()), "{refused}");
        let refused = control::execute(&one.app, create("acme")).await.expect_err("its tables have another shape");
        assert!(refused.contains(told), "{refused}");
    }
    assert_eq!(primary.number("SELECT COUNT(*) FROM customers").await, 0);
}

#[tokio::test]
async fn the_log_keeps_so_many_units_and_no_more() {
    let primary = Primary::start().await;
    let one = first(&primary).await;
    let revision = primary.number("SELECT revision FROM control_state").await;
    // The oldest one that stays, and one that goes with the next unit.
    for kept in [revision + 1 - 9_999, revision + 1 - 10_000] {
        primary.run(&format!("INSERT INTO control_log VALUES ({kept}, 'unit {kept}', 0, 'test', '[]')")).await;
    }
    one.customer("acme").await;
    assert_eq!(primary.number("SELECT revision FROM control_state").await, revision + 1);
    assert_eq!(primary.number("SELECT MIN(revision) FROM control_log").await, revision + 1 - 9_999);
}

#[tokio::test]
async fn one_node_orders_the_certificate_and_whichever_is_asked_answers_the_challenge() {
    const TARGET: &str = "mail.pillarbox.example";
    let names = Names::start(&[("click.acme.example", Known::Alias(TARGET))]).await;
    let (primary, authority) = (Primary::start().await, Authority::start().await);
    let settings = [
        ("PILLARBOX_PUBLIC_URL", format!("https://{TARGET}")),
        ("PILLARBOX_DNS_SERVERS", names.address.to_string()),
        ("PILLARBOX_ACME_DIRECTORY", authority.directory.clone()),
        ("PILLARBOX_ACME_TERMS_AGREED", "yes".into()),
        ("PILLARBOX_HTTPS_LISTEN", "127.0.0.1:443".into()),
        ("PILLARBOX_STORAGE_URL", primary.url.clone()),
    ];
    let settings = settings.each_ref().map(|(name, value)| (*name, value.as_str()));
    let one = TestApp::cluster(&primary.url, &settings).await;
    let other = TestApp::with(&settings).await;
    one.look().await;
    other.look().await;
    assert_eq!([status(&one).await["on_duty"].clone(), status(&other).await["on_duty"].clone()], [true, false]);

    // What a person does on one node, and the authority asks another.
    authority.attach(&other);
    let acme = other.customer("acme").await;
    let domain = "acme.example".to_owned();
    let (customer, outlet) = (acme.email.clone(), None);
    other.command(Command::DomainAdd { name: domain.clone(), customer, assume_verified: true, outlet }).await;
    let host = Some("click.acme.example".into());
    other.command(Command::DomainTracking { name: domain.clone(), customer: None, host }).await;
    one.look().await;
    let (tended, also) = tokio::join!(tracking_hosts::tend_due(&one.app), tracking_hosts::tend_due(&other.app));
    assert_eq!((tended.expect("it works"), also.expect("it works")), (1, 0), "one of them has the duty");
    other.look().await;
    for node in [&one, &other] {
        let shown = node.command(Command::DomainShow { name: domain.clone(), customer: None }).await;
        assert_eq!(shown["domain"]["tracking"]["state"], "active", "{shown}");
        assert_eq!(tracking_hosts::tend_due(&node.app).await.expect("it works"), 0);
    }
    assert_eq!(authority.issued(), 1);

    // A stranger may have the primary asked so often and no more.
    let asked = async |token: &str| other.get(&format!("/.well-known/acme-challenge/{token}")).await.status;
    let before = status(&other).await["calls"].as_u64().expect("it is a number");
    for _ in 0..40 {
        assert_eq!(asked("nobodys").await, 404);
    }
    let calls = status(&other).await["calls"].as_u64().expect("it is a number") - before;
    assert!((20..=22).contains(&calls), "{calls}");
}
