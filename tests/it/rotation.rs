//! DKIM keys that take the place of others: mail verifies before, during and after

use http::Method;
use pillarbox::control::Command;
use pillarbox::domains::tend_due;
use serde_json::{Value, json};

use crate::domain_routes::{add, mail, path, verify};
use crate::harness::{TestApp, TestCustomer};
use crate::zone::Zone;

const MINUTE: i64 = 60_000;
const DAY: i64 = 24 * 60 * MINUTE;

struct World {
    zone: Zone,
    app: TestApp,
    acme: TestCustomer,
    domain: Value,
}

impl World {
    async fn with(settings: &[(&str, &str)]) -> Self {
        let zone = Zone::start().await;
        let app = zone.app_with(settings).await;
        let acme = app.customer("acme").await;
        let domain = add(&acme, "acme.example").await;
        zone.publish_all(&domain);
        verify(&acme, &domain).await;
        Self { zone, app, acme, domain }
    }

    async fn shown(&self) -> Value {
        self.acme.get(&path(&self.domain)).await.json()["domain"].clone()
    }

    async fn rotate(&self) -> crate::harness::Answer {
        self.acme.call(Method::POST, &format!("{}/rotate-dkim", path(&self.domain)), None, &[]).await
    }

    async fn tend_after(&self, millis: i64) {
        self.app.pass(millis);
        tend_due(&self.app.app).await.expect("the domains are tended");
    }

    /// The selectors that sign a message which leaves now.
    async fn signs(&self) -> Vec<String> {
        let id =
            self.acme.post("/api/send", mail("acme.example")).await.json()["email_id"].as_str().expect("id").to_owned();
        let captured = self.app.captured(&id).await;
        let source = captured["source"].as_str().expect("it is text").replace("\r\n\t", " ").replace("\r\n ", " ");
        let selector = |line: &str| {
            line.split(';').find_map(|tag| tag.trim().strip_prefix("s=")).map(str::to_owned).expect("it has a selector")
        };
        source.lines().filter(|line| line.starts_with("DKIM-Signature:")).map(selector).collect()
    }

    /// The states of the keys, with their selectors.
    async fn keys(&self) -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().expect("it is text").to_owned();
        let shown = self.shown().await;
        let records = shown["records"].as_array().expect("a list").iter().filter(|record| record["purpose"] == "dkim");
        let of = |record: &Value| {
            (text(&record["host"]).split('.').next().unwrap_or_default().to_owned(), text(&record["key_state"]))
        };
        records.map(of).collect()
    }
}

fn pairs(keys: &[(&str, &str)]) -> Vec<(String, String)> {
    keys.iter().map(|(selector, state)| ((*selector).to_owned(), (*state).to_owned())).collect()
}

const OLD: [&str; 2] = ["pb20240315-rsa2048", "pb20240315-ed25519"];
const NEW: [&str; 2] = ["pb20240315-2-rsa2048", "pb20240315-2-ed25519"];

#[tokio::test]
async fn new_keys_sign_once_their_records_are_seen_and_the_former_leave_after_a_week() {
    let world = World::with(&[]).await;
    assert_eq!(world.signs().await, OLD);
    let begun = world.rotate().await;
    assert_eq!(begun.status, 200, "{begun:?}");
    let next = [(OLD[0], "active"), (OLD[1], "active"), (NEW[0], "next"), (NEW[1], "next")];
    assert_eq!(world.keys().await, pairs(&next));
    world.rotate().await.refuses(409, "rotation_under_way", "publish");
    world.tend_after(MINUTE).await;
    assert_eq!(world.signs().await, OLD, "nobody could verify the new ones yet");
    let shown = world.shown().await;
    assert_eq!(
        (&shown["status"], &shown["warnings"]),
        (&json!("verified"), &json!([])),
        "a key that is missing is no fault"
    );

    world.zone.publish(&shown, |record| record["host"].as_str().is_some_and(|host| host.starts_with(NEW[0])));
    world.tend_after(5 * MINUTE).await;
    assert_eq!(world.signs().await, [NEW[0], OLD[1]], "each signs as soon as it can be verified");
    world.zone.publish_all(&shown);
    world.tend_after(10 * MINUTE).await;
    assert_eq!(world.signs().await, NEW);
    let keys = world.keys().await;
    let retiring: Vec<_> = keys.iter().filter(|(_, state)| state == "retiring").map(|(selector, _)| selector).collect();
    assert_eq!((keys.len(), retiring.len()), (4, 2), "the former keep their records: {keys:?}");
    assert_eq!(world.shown().await["dkim_selector"], NEW[0]);

    world.tend_after(7 * DAY - 20 * MINUTE).await;
    assert_eq!(world.shown().await["removable_records"], json!([]));
    world.tend_after(30 * MINUTE).await;
    let retired = world.shown().await;
    let removable: Vec<_> =
        retired["removable_records"].as_array().expect("a list").iter().map(|record| record["host"].clone()).collect();
    assert_eq!(removable.len(), 2, "{retired}");
    assert!(OLD.iter().all(|selector| removable.contains(&json!(format!("{selector}._domainkey.acme.example")))));
    for selector in OLD {
        world.zone.withdraw(&format!("{selector}._domainkey.acme.example"));
    }
    world.tend_after(2 * DAY).await;
    assert_eq!(
        (world.signs().await, world.shown().await["status"].clone()),
        (NEW.map(str::to_owned).to_vec(), json!("verified"))
    );
    let history = retired["history"].as_array().expect("a list").iter().rev();
    let events: Vec<_> = history.map(|event| event["event"].as_str().expect("it is text")).collect();
    let expected = ["added", "verified", "rotation_began", "key_rotated", "key_rotated", "key_retired", "key_retired"];
    assert_eq!(events, expected);
}

#[tokio::test]
async fn a_look_by_hand_puts_new_keys_to_use_and_so_does_the_command_line() {
    let world = World::with(&[]).await;
    let named = ("acme.example".to_owned(), None);
    world.app.command(Command::DomainRotateDkim { name: named.0.clone(), customer: named.1.clone() }).await;
    world.zone.publish_all(&world.shown().await);
    world.app.command(Command::DomainCheck { name: named.0.clone(), customer: named.1.clone() }).await;
    assert_eq!(world.signs().await, NEW);
    let refused = |outcome: &str| outcome.contains("publish");
    world.app.command(Command::DomainRotateDkim { name: named.0.clone(), customer: None }).await;
    let again = world.app.refused_command(Command::DomainRotateDkim { name: named.0, customer: None }).await;
    assert!(refused(&again), "{again}");
}

#[tokio::test]
async fn a_domain_has_as_many_keys_as_the_bound() {
    let world = World::with(&[]).await;
    for round in 0..5 {
        let begun = world.rotate().await;
        assert_eq!(begun.status, 200, "{round}: {begun:?}");
        world.zone.publish_all(&begun.json()["domain"]);
        verify(&world.acme, &world.domain).await;
    }
    assert_eq!(world.keys().await.len(), 12);
    world.rotate().await.refuses(409, "too_many_keys", "retired");
    world.tend_after(8 * DAY).await;
    assert_eq!(world.rotate().await.status, 200, "former keys made room");
}

#[tokio::test]
async fn keys_rotate_by_themselves_where_that_is_wanted() {
    for (days, rotated) in [("30", true), ("0", false)] {
        let world = World::with(&[("PILLARBOX_DKIM_ROTATE_DAYS", days)]).await;
        world.tend_after(29 * DAY).await;
        assert_eq!(world.keys().await.len(), 2);
        world.tend_after(2 * DAY).await;
        let next: Vec<_> = world.keys().await.into_iter().filter(|(_, state)| state == "next").collect();
        assert_eq!(!next.is_empty(), rotated, "{next:?}");
        assert!(next.iter().all(|(selector, _)| selector.starts_with("pb20240415-")), "{next:?}");
        world.tend_after(2 * DAY).await;
        assert_eq!(world.keys().await.len(), if rotated { 4 } else { 2 }, "only once");
    }
}
