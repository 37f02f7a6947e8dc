//! Domains whose records are looked for: by hand, by the service, and again and again

use pillarbox::control::Command;
use pillarbox::domains::tend_due;
use serde_json::{Value, json};

use crate::domain_routes::{add, delete, mail, path, verify};
use crate::harness::{TestApp, TestCustomer};
use crate::zone::Zone;

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// Lets the service look after its domains after that time.
async fn tend_after(app: &TestApp, millis: i64) {
    app.pass(millis);
    tend_due(&app.app).await.expect("the domains are tended");
}

/// The same again and again, as the service does, until that time has passed.
async fn tend_for(app: &TestApp, millis: i64) {
    let mut left = millis;
    while left > 0 {
        let step = left.min(HOUR);
        tend_after(app, step).await;
        left -= step;
    }
}

async fn shown(customer: &TestCustomer, domain: &Value) -> Value {
    customer.get(&path(domain)).await.json()["domain"].clone()
}

async fn status(customer: &TestCustomer, domain: &Value) -> Value {
    shown(customer, domain).await["status"].clone()
}

async fn warnings(customer: &TestCustomer) -> Vec<(Value, Value)> {
    let profile = customer.get("/api/customer/profile").await.json()["customer"]["warnings"].clone();
    let usage = customer.get("/api/customer/usage").await.json()["warnings"].clone();
    assert_eq!(profile, usage);
    let list = profile.as_array().expect("a list");
    list.iter().map(|warning| (warning["code"].clone(), warning["domain"].clone())).collect()
}

fn events(domain: &Value) -> Vec<&str> {
    let history = domain["history"].as_array().expect("it has a history");
    history.iter().rev().map(|event| event["event"].as_str().expect("it is text")).collect()
}

fn statuses(checks: &Value) -> Vec<(&str, &str)> {
    let checks = checks.as_array().expect("a list");
    checks
        .iter()
        .map(|check| (check["purpose"].as_str().expect("text"), check["status"].as_str().expect("text")))
        .collect()
}

#[tokio::test]
async fn a_domain_is_verified_by_hand_once_what_is_required_is_there() {
    let zone = Zone::start().await;
    let app = zone.app().await;
    let acme = app.customer("acme").await;
    let domain = add(&acme, "acme.example").await;
    let nothing = verify(&acme, &domain).await;
    let missing = ["ownership", "dkim", "dkim", "return_path", "spf", "dmarc"].map(|purpose| (purpose, "missing"));
    assert_eq!(statuses(&nothing["checks"]), missing);
    assert_eq!(nothing["domain"]["status"], "pending");
    assert!(nothing["checks"][0]["reason"].as_str().is_some_and(|why| why.contains("_pillarbox.acme.example")));
    assert_eq!(nothing["domain"]["last_checked_at"], "2024-03-15T14:30:00Z");

    zone.publish(&domain, |record| record["required"] == true);
    let enough = verify(&acme, &domain).await;
    assert_eq!((&enough["domain"]["status"], &enough["domain"]["verified_by"]), (&json!("verified"), &json!("dns")));
    assert_eq!(statuses(&enough["checks"])[..2], [("ownership", "verified"), ("dkim", "verified")]);
    assert_eq!(enough["checks"], shown(&acme, &domain).await["records"], "what was found is kept");
    assert_eq!(events(&enough["domain"]), ["added", "verified"]);
    assert_eq!(acme.post("/api/send", mail("acme.example")).await.status, 200);
}

#[tokio::test]
async fn bounces_come_back_to_a_name_of_the_domain_once_its_records_are_there() {
    let zone = Zone::start().await;
    let app = zone.app().await;
    let acme = app.customer("acme").await;
    let domain = add(&acme, "acme.example").await;
    let returned_to = async || {
        let id = acme.post("/api/send", mail("acme.example")).await.json()["email_id"].as_str().expect("id").to_owned();
        let captured = app.captured(&id).await;
        let source = captured["source"].as_str().expect("it is text").to_owned();
        let returned =
            source.strip_prefix("Return-Path: <").and_then(|rest| rest.split('>').next()).expect("it has one");
        let id = id.parse().expect("it is an id");
        let known = [app.app.bounce_address(id, 0, "acme.example"), app.app.own_bounce_address(id, 0, "acme.example")];
        assert!(known.contains(&returned.to_owned()), "{returned}");
        returned.split_once('@').expect("it is an address").1.to_owned()
    };
    zone.publish(&domain, |record| record["required"] == true);
    verify(&acme, &domain).await;
    assert_eq!(returned_to().await, "acme.example");
    zone.publish(&domain, |record| record["purpose"] == "return_path");
    verify(&acme, &domain).await;
    assert_eq!(returned_to().await, "acme.example", "without SPF receivers would doubt it");
    zone.publish_all(&domain);
    verify(&acme, &domain).await;
    assert_eq!(returned_to().await, "pb-bounces.acme.example");
    zone.be_silent(true);
    verify(&acme, &domain).await;
    assert_eq!(returned_to().await, "pb-bounces.acme.example", "an outage changes nothing");
    zone.be_silent(false);
    zone.withdraw("pb-bounces.acme.example");
    verify(&acme, &domain).await;
    assert_eq!(returned_to().await, "acme.example");
}

#[tokio::test]
async fn the_service_looks_by_itself_and_goes_on_after_a_restart() {
    let zone = Zone::start().await;
    let app = zone.app().await;
    let acme = app.customer("acme").await;
    let domain = add(&acme, "acme.example").await;
    tend_after(&app, MINUTE - 1).await;
    assert_eq!(shown(&acme, &domain).await["last_checked_at"], Value::Null);
    tend_after(&app, 1).await;
    let once = shown(&acme, &domain).await;
    assert_eq!((&once["last_checked_at"], &once["status"]), (&json!("2024-03-15T14:31:00Z"), &json!("pending")));
    zone.publish_all(&domain);
    let settings = zone.settings();
    let settings: Vec<_> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let (key, id) = (acme.key.clone(), path(&domain));
    drop(acme);
    let app = app.restart_with(&settings).await;
    tend_after(&app, 2 * MINUTE).await;
    let request = http::Request::get(&id).header("authorization", format!("Bearer {key}"));
    let found = app.request(request.body(http_body_util::Full::default()).expect("it is a request")).await.json();
    assert_eq!(found["domain"]["status"], "verified", "{found}");
}

#[tokio::test]
async fn a_domain_is_given_up_after_three_days_and_a_look_by_hand_begins_again() {
    let zone = Zone::start().await;
    let app = zone.app().await;
    let acme = app.customer("acme").await;
    let domain = add(&acme, "acme.example").await;
    tend_for(&app, 71 * HOUR).await;
    assert_eq!(status(&acme, &domain).await, "pending");
    tend_for(&app, 8 * HOUR).await;
    let failed = shown(&acme, &domain).await;
    assert_eq!((&failed["status"], &failed["next_check_at"]), (&json!("failed"), &Value::Null));
    assert_eq!(events(&failed), ["added", "failed"]);
    assert!(failed["history"][0]["detail"]["hint"].as_str().is_some_and(|hint| hint.contains("72 hours")), "{failed}");
    assert_eq!(warnings(&acme).await, [(json!("domain_failed"), json!("acme.example"))]);
    zone.publish_all(&domain);
    tend_for(&app, 2 * DAY).await;
    assert_eq!(status(&acme, &domain).await, "failed", "nobody looks any more");
    zone.withdraw("_pillarbox.acme.example");
    assert_eq!(verify(&acme, &domain).await["domain"]["status"], "pending");
    zone.publish_all(&domain);
    tend_after(&app, 2 * MINUTE).await;
    assert_eq!(status(&acme, &domain).await, "verified");
    assert_eq!(warnings(&acme).await, []);
}

#[tokio::test]
async fn a_domain_that_breaks_is_warned_of_at_once_and_fails_after_the_grace() {
    let zone = Zone::start().await;
    let app = zone.app_with(&[("PILLARBOX_DOMAIN_GRACE_HOURS", "48")]).await;
    let acme = app.customer("acme").await;
    let domain = add(&acme, "acme.example").await;
    zone.publish_all(&domain);
    verify(&acme, &domain).await;
    zone.withdraw("pb20240315-rsa2048._domainkey.acme.example");
    tend_for(&app, 27 * HOUR).await;
    let failing = shown(&acme, &domain).await;
    assert_eq!((&failing["status"], &failing["warnings"][0]["code"]), (&json!("verified"), &json!("domain_failing")));
    assert_eq!(warnings(&acme).await, [(json!("domain_failing"), json!("acme.example"))]);
    assert_eq!(acme.post("/api/send", mail("acme.example")).await.status, 200, "it still sends");

    zone.publish_all(&domain);
    tend_for(&app, 7 * HOUR).await;
    assert_eq!(warnings(&acme).await, []);
    zone.withdraw("pb20240315-rsa2048._domainkey.acme.example");
    // It is noticed 15 to 26 hours later, by when it was looked at last, and the grace counts from then.
    tend_for(&app, 59 * HOUR).await;
    assert_eq!(status(&acme, &domain).await, "verified");
    tend_for(&app, 28 * HOUR).await;
    let failed = shown(&acme, &domain).await;
    assert_eq!((&failed["status"], &failed["verified_at"]), (&json!("failed"), &Value::Null));
    assert_eq!(events(&failed), ["added", "verified", "warning", "recovered", "warning", "failed"]);
    assert!(
        failed["history"][0]["detail"]["reason"].as_str().is_some_and(|why| why.contains("_domainkey")),
        "{failed}"
    );
    assert_eq!(warnings(&acme).await, [(json!("domain_failed"), json!("acme.example"))]);
    acme.post("/api/send", mail("acme.example")).await.refuses(422, "domain_not_verified", "acme.example");

    zone.publish_all(&domain);
    tend_for(&app, 13 * HOUR).await;
    assert_eq!(status(&acme, &domain).await, "verified", "put right, it is found again");
}

#[tokio::test]
async fn an_outage_of_the_dns_fails_no_domain() {
    let zone = Zone::start().await;
    let app = zone.app().await;
    let acme = app.customer("acme").await;
    let domain = add(&acme, "acme.example").await;
    zone.publish_all(&domain);
    verify(&acme, &domain).await;
    zone.be_silent(true);
    for _ in 0..6 {
        tend_after(&app, 2 * DAY).await;
    }
    let unknown = shown(&acme, &domain).await;
    assert_eq!((&unknown["status"], &unknown["records"][0]["status"]), (&json!("verified"), &json!("pending")));
    assert_eq!((warnings(&acme).await, events(&unknown)), (Vec::new(), vec!["added", "verified"]));
}

#[tokio::test]
async fn several_may_try_and_one_has_it() {
    let zone = Zone::start().await;
    let app = zone.app().await;
    let (acme, rival) = (app.customer("acme").await, app.customer("rival").await);
    let (of_acme, of_rival) = (add(&acme, "acme.example").await, add(&rival, "acme.example").await);
    assert_ne!(of_acme["records"][0]["value"], of_rival["records"][0]["value"]);
    zone.publish_all(&of_acme);
    assert_eq!(verify(&rival, &of_rival).await["domain"]["status"], "pending", "it shows another's token");
    assert_eq!(verify(&acme, &of_acme).await["domain"]["status"], "verified");

    zone.publish_all(&of_rival);
    let claimed = verify(&rival, &of_rival).await;
    assert_eq!(claimed["domain"]["status"], "pending");
    let ownership = &claimed["checks"][0];
    assert_eq!((&ownership["status"], &ownership["fault"]), (&json!("conflict"), &json!("claimed")));
    let third = app.customer("third").await;
    third.post("/api/customer/domains", json!({ "domain": "acme.example" })).await.refuses(409, "domain_exists", "");
    let ambiguous = app.command(Command::DomainShow { name: "acme.example".into(), customer: None }).await;
    assert_eq!(ambiguous["domain"]["customer"], "acme@example.org", "who has verified it");

    delete(&acme, &of_acme).await;
    assert_eq!(verify(&rival, &of_rival).await["domain"]["status"], "verified");
    let of_acme = acme.post("/api/customer/domains", json!({ "domain": "acme.example" })).await;
    of_acme.refuses(409, "domain_exists", "another account");
}

#[tokio::test]
async fn where_several_wait_an_operator_says_whose_it_is() {
    let app = TestApp::start().await;
    let (acme, rival) = (app.customer("acme").await, app.customer("rival").await);
    add(&acme, "acme.example").await;
    add(&rival, "acme.example").await;
    let refused = app.refused_command(Command::DomainShow { name: "acme.example".into(), customer: None }).await;
    assert!(refused.contains("acme@example.org, rival@example.org") && refused.contains("--customer"), "{refused}");
    let customer = Some("Rival@example.org".to_owned());
    let shown = app.command(Command::DomainShow { name: "acme.example".into(), customer }).await;
    assert_eq!(shown["domain"]["customer"], "rival@example.org");
    let assume = |email: &str| Command::DomainAdd {
        name: "acme.example".into(),
        customer: email.into(),
        assume_verified: true,
        outlet: None,
    };
    app.command(assume("rival@example.org")).await;
    let refused = app.refused_command(assume("acme@example.org")).await;
    assert!(refused.contains("another customer"), "{refused}");
}

#[tokio::test]
async fn whoever_has_a_domain_has_the_names_in_it_and_nobody_else_does() {
    let zone = Zone::start().await;
    let app = zone.app().await;
    let (acme, rival) = (app.customer("acme").await, app.customer("rival").await);
    let whole = add(&acme, "acme.example").await;
    zone.publish_all(&whole);
    verify(&acme, &whole).await;
    let (own, foreign) = (add(&acme, "mail.acme.example").await, add(&rival, "shop.acme.example").await);
    for part in [&own, &foreign] {
        zone.publish(part, |record| record["purpose"] == "dkim");
    }
    let inherited = verify(&acme, &own).await;
    assert_eq!(inherited["domain"]["status"], "verified", "{inherited}");
    assert!(inherited["checks"][0]["reason"].as_str().is_some_and(|why| why.contains("acme.example is verified")));
    assert_eq!(verify(&rival, &foreign).await["domain"]["status"], "pending");
    zone.publish_all(&foreign);
    assert_eq!(verify(&rival, &foreign).await["domain"]["status"], "verified", "the owner of the zone let it be");
}

#[tokio::test]
async fn an_operators_word_stands_whatever_the_dns_says() {
    let zone = Zone::start().await;
    let app = zone.app().await;
    let acme = app.customer("acme").await;
    let assumed = Command::DomainAdd {
        name: "acme.example".into(),
        customer: acme.email.clone(),
        assume_verified: true,
        outlet: None,
    };
    let domain = app.command(assumed).await["domain"].clone();
    assert_eq!(domain["next_check_at"], Value::Null, "nobody looks by himself");
    let checked = app.command(Command::DomainCheck { name: "acme.example".into(), customer: None }).await;
    assert_eq!(
        (&checked["domain"]["status"], &checked["checks"][0]["status"]),
        (&json!("verified"), &json!("missing"))
    );
    tend_for(&app, 10 * DAY).await;
    let later = shown(&acme, &domain).await;
    assert_eq!((&later["status"], &later["verified_by"]), (&json!("verified"), &json!("operator")));
    assert_eq!(later["warnings"][0]["code"], "domain_failing");
}

#[tokio::test]
async fn a_domain_keeps_its_last_hundred_events() {
    let zone = Zone::start().await;
    let app = zone.app().await;
    let acme = app.customer("acme").await;
    let domain = add(&acme, "acme.example").await;
    zone.publish_all(&domain);
    verify(&acme, &domain).await;
    for round in 0..50 {
        zone.withdraw("_pillarbox.acme.example");
        verify(&acme, &domain).await;
        if round == 48 {
            assert_eq!(events(&shown(&acme, &domain).await).len(), 99);
        }
        zone.publish(&domain, |record| record["purpose"] == "ownership");
        verify(&acme, &domain).await;
    }
    let events_kept = shown(&acme, &domain).await;
    let kept = events(&events_kept);
    assert_eq!((kept.len(), kept[0], kept[99]), (100, "warning", "recovered"));
}

#[tokio::test]
async fn a_profile_warns_of_fifty_domains_and_of_no_more() {
    let zone = Zone::start().await;
    let app = zone.app().await;
    let acme = app.customer("acme").await;
    let limits = Command::CustomerLimits {
        email: acme.email.clone(),
        requests_per_minute: Some(0),
        monthly: None,
        max_domains: Some(100),
    };
    app.command(limits).await;
    for number in 0..51 {
        let body = json!({ "domain": format!("d{number:02}.example"), "dkim_algorithm": "ed25519" });
        let domain = acme.post("/api/customer/domains", body).await.json()["domain"].clone();
        let name = domain["domain"].as_str().expect("it has a name").to_owned();
        let (customer, outlet) = (acme.email.clone(), None);
        app.command(Command::DomainAdd { name, customer, assume_verified: true, outlet }).await;
        verify(&acme, &domain).await;
        if number == 49 {
            assert_eq!(warnings(&acme).await.len(), 50);
        }
    }
    let warned = warnings(&acme).await;
    assert_eq!((warned.len(), &warned[49].1), (50, &json!("d49.example")));
}
