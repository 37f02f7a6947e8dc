//! The domains of a customer by the API: added, changed, shown, taken away

use http::Method;
use pillarbox::control::Command;
use serde_json::{Value, json};

use crate::harness::{Answer, TestApp, TestCustomer};
use crate::zone::Zone;

const PATH: &str = "/api/customer/domains";

pub async fn add(customer: &TestCustomer, name: &str) -> Value {
    let answer = customer.post(PATH, json!({ "domain": name })).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    answer.json()["domain"].clone()
}

pub fn path(domain: &Value) -> String {
    format!("{PATH}/{}", domain["id"].as_str().expect("it has an id"))
}

pub async fn verify(customer: &TestCustomer, domain: &Value) -> Value {
    let answer = customer.call(Method::POST, &format!("{}/verify", path(domain)), None, &[]).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

pub async fn delete(customer: &TestCustomer, domain: &Value) -> Answer {
    customer.call(Method::DELETE, &path(domain), None, &[]).await
}

pub fn mail(domain: &str) -> Value {
    json!({ "from": format!("News <news@{domain}>"), "to": "ada@example.com", "subject": "Hello", "text": "Hello" })
}

/// What is the same in each run of a domain's JSON: without ids, tokens and keys.
fn steady(mut domain: Value) -> Value {
    for record in domain["records"].as_array_mut().expect("it has records") {
        let value = record["value"].as_str().expect("it is text").to_owned();
        let joined: String =
            record["strings"].as_array().expect("a list").iter().map(|s| s.as_str().expect("text")).collect();
        assert_eq!(value, joined);
        record["strings"] = json!(record["strings"].as_array().expect("a list").len());
        for begin in ["pillarbox-verify=", "p="] {
            if let Some(at) = value.find(begin).filter(|_| record["purpose"] != "dmarc") {
                record["value"] = json!(value[..at + begin.len()]);
            }
        }
    }
    domain["id"] = json!("[id]");
    domain
}

#[tokio::test]
async fn a_new_domain_says_everything_that_is_to_be_published() {
    let app = TestApp::with(&[("PILLARBOX_HELO_NAME", "mail.service.example")]).await;
    let acme = app.customer("acme").await;
    let added = add(&acme, "Bücher.example").await;
    let name = "xn--bcher-kva.example";
    let record = |purpose: &str, kind: &str, host: &str, value: &str, strings: usize, required: bool| {
        let mut record = json!({ "purpose": purpose, "type": kind, "host": format!("{host}.{name}"), "value": value,
            "strings": strings, "required": required, "status": "pending", "fault": null, "found": [], "reason": null });
        if purpose == "dkim" {
            record["key_state"] = json!("active");
        }
        record
    };
    let expected = json!({
        "id": "[id]", "domain": name, "unicode": "bücher.example", "status": "pending", "verified_at": null,
        "verified_by": null, "created_at": "2024-03-15T14:30:00Z", "dkim_selector": "pb20240315-rsa2048", "sandbox": false,
        "open_tracking_enabled": null, "click_tracking_enabled": null, "last_checked_at": null,
        "next_check_at": "2024-03-15T14:31:00Z", "warnings": [],
        "records": [
            record("ownership", "TXT", "_pillarbox", "pillarbox-verify=", 1, true),
            record("dkim", "TXT", "pb20240315-rsa2048._domainkey", "v=DKIM1; k=rsa; p=", 2, true),
            record("dkim", "TXT", "pb20240315-ed25519._domainkey", "v=DKIM1; k=ed25519; p=", 1, false),
            record("return_path", "MX", "pb-bounces", "10 mail.service.example", 1, false),
            record("spf", "TXT", "pb-bounces", "v=spf1 a:mail.service.example ~all", 1, false),
            record("dmarc", "TXT", "_dmarc", "v=DMARC1; p=none", 1, false),
        ],
        "removable_records": [],
        "tracking": null,
        "history": [{ "event": "added", "timestamp": "2024-03-15T14:30:00Z", "detail": {} }],
    });
    assert_eq!(steady(added.clone()), expected);
    assert_eq!(acme.get(&path(&added)).await.json()["domain"], added);
    let list = acme.get(PATH).await.json();
    let names: Vec<_> = list["domains"].as_array().expect("a list").iter().map(|domain| &domain["domain"]).collect();
    assert_eq!(names, [&json!(acme.domain), &json!(name)]);
    assert_eq!(list["pagination"], json!({ "page": 1, "limit": 50, "total": 2, "pages": 1 }));
    assert_eq!(acme.get(&format!("{PATH}?limit=1&page=2")).await.json()["domains"][0]["domain"], name);
    acme.post("/api/send", mail("bücher.example")).await.refuses(422, "domain_not_verified", name);
}

#[tokio::test]
async fn a_customer_chooses_its_keys() {
    let app = TestApp::start().await;
    let acme = app.customer("acme").await;
    let add = async |body: Value| acme.post(PATH, body).await;
    let hosts = |answer: &Answer| {
        let domain = &answer.json()["domain"];
        let records = domain["records"].as_array().expect("a list").clone();
        let keys = records.iter().filter(|record| record["purpose"] == "dkim");
        keys.map(|key| key["host"].as_str().expect("it is text").split('.').next().expect("a label").to_owned())
            .collect::<Vec<_>>()
    };
    let both = add(json!({ "domain": "a.example", "dkim_selector": "Mail" })).await;
    assert_eq!(hosts(&both), ["mail", "mail-ed25519"]);
    let one = add(json!({ "domain": "b.example", "dkim_selector": "s", "dkim_algorithm": "ed25519" })).await;
    assert_eq!((hosts(&one), &one.json()["domain"]["dkim_selector"]), (vec!["s".to_owned()], &json!("s")));
    assert_eq!(one.json()["domain"]["records"][1]["required"], true, "it is the only one");
    add(json!({ "domain": "c.example", "dkim_selector": "a b" })).await.refuses(
        400,
        "invalid_request",
        "/dkim_selector",
    );
    add(json!({ "domain": "c.example", "dkim_algorithm": "rsa" })).await.refuses(400, "invalid_request", "rsa2048");
}

#[tokio::test]
async fn names_that_cannot_be_added_are_refused_in_words() {
    let app = TestApp::start().await;
    let acme = app.customer("acme").await;
    let refuses = async |name: &str, status: u16, code: &str, words: &str| {
        acme.post(PATH, json!({ "domain": name })).await.refuses(status, code, words);
    };
    refuses("co.uk", 422, "public_suffix", "public suffix").await;
    refuses("github.io", 422, "public_suffix", "github.io").await;
    refuses("x.sandbox.pillarbox.test", 422, "reserved_domain", "gives away").await;
    refuses("localhost", 400, "invalid_request", "/domain").await;
    refuses("not a name", 400, "invalid_request", "/domain").await;
    acme.post(PATH, json!({})).await.refuses(400, "invalid_request", "domain is required");
    add(&acme, "acme.example").await;
    refuses("ACME.example", 409, "domain_exists", "acme.example").await;
}

#[tokio::test]
async fn a_customer_has_as_many_domains_as_it_may() {
    let app = TestApp::start().await;
    let acme = app.customer("acme").await;
    let limits = Command::CustomerLimits {
        email: acme.email.clone(),
        requests_per_minute: None,
        monthly: None,
        max_domains: Some(2),
    };
    app.command(limits).await;
    let first = add(&acme, "one.example").await;
    let one_more = json!({ "domain": "two.example" });
    acme.post(PATH, one_more.clone()).await.refuses(422, "domain_limit_reached", "2 domains");
    delete(&acme, &first).await.is(200, json!({ "message": "Domain deleted successfully", "failed": 0 }));
    assert_eq!(acme.post(PATH, one_more).await.status, 201, "a deleted one makes room");
}

#[tokio::test]
async fn another_customers_domain_looks_like_none_at_all() {
    let app = TestApp::start().await;
    let (acme, rival) = (app.customer("acme").await, app.customer("rival").await);
    let domain = add(&acme, "acme.example").await;
    let path = path(&domain);
    for (method, path) in [
        (Method::GET, path.clone()),
        (Method::GET, format!("{path}?format=zone")),
        (Method::DELETE, path.clone()),
        (Method::POST, format!("{path}/verify")),
        (Method::POST, format!("{path}/rotate-dkim")),
        (Method::GET, format!("{PATH}/nonsense")),
    ] {
        rival.call(method, &path, None, &[]).await.refuses(404, "not_found", "Domain not found");
    }
    rival.patch(&path, json!({ "open_tracking_enabled": false })).await.refuses(404, "not_found", "Domain not found");
    assert_eq!(acme.get(&path).await.json()["domain"]["open_tracking_enabled"], Value::Null);
    assert_eq!(rival.get(PATH).await.json()["pagination"]["total"], 1);
}

#[tokio::test]
async fn tracking_of_a_domain_is_switched_and_follows_the_account_again() {
    let app = TestApp::start().await;
    let acme = app.customer("acme").await;
    let path = path(&add(&acme, "acme.example").await);
    let switches = async |change: Value| {
        let answer = acme.patch(&path, change).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let domain = &answer.json()["domain"];
        (domain["open_tracking_enabled"].clone(), domain["click_tracking_enabled"].clone())
    };
    assert_eq!(switches(json!({ "open_tracking_enabled": false })).await, (json!(false), Value::Null));
    assert_eq!(switches(json!({ "click_tracking_enabled": true })).await, (json!(false), json!(true)));
    assert_eq!(switches(json!({ "open_tracking_enabled": null })).await, (Value::Null, json!(true)));
    acme.patch(&path, json!({ "open_tracking_enabled": "no" })).await.refuses(400, "invalid_request", "open_tracking");
}

#[tokio::test]
async fn records_are_given_as_a_zone_file_and_for_providers() {
    let app = TestApp::start().await;
    let acme = app.customer("acme").await;
    let domain = add(&acme, "acme.example").await;
    let get = async |format: &str| acme.get(&format!("{}?format={format}", path(&domain))).await;
    let zone = get("zone").await;
    assert_eq!(zone.header("content-type"), Some("text/plain; charset=utf-8"));
    let text = zone.text();
    let token = domain["records"][0]["value"].as_str().expect("it is text");
    assert!(text.contains(&format!("_pillarbox.acme.example. 3600 IN TXT \"{token}\"\n")), "{text}");
    assert!(text.lines().all(|line| line.len() <= 255 + 2 + 6), "{text}");
    let export = get("json").await.json();
    let records = domain["records"].as_array().expect("a list").len();
    assert_eq!(export["route53"]["Changes"].as_array().map(Vec::len), Some(records), "{export}");
    assert_eq!(export["cloudflare"]["posts"].as_array().map(Vec::len), Some(records), "{export}");
    get("xml").await.refuses(400, "invalid_request", "zone or json");
}

#[tokio::test]
async fn a_service_that_nobody_can_look_up_asks_for_no_bounces() {
    let app = TestApp::with(&[("PILLARBOX_HELO_NAME", "[192.0.2.1]")]).await;
    let acme = app.customer("acme").await;
    let domain = add(&acme, "acme.example").await;
    let purposes: Vec<_> =
        domain["records"].as_array().expect("a list").iter().map(|record| record["purpose"].clone()).collect();
    assert_eq!(purposes, ["ownership", "dkim", "dkim", "dmarc"]);
}

#[tokio::test]
async fn a_deleted_domain_fails_what_waits_and_keeps_what_was_sent_readable() {
    let zone = Zone::start().await;
    let app = zone.app().await;
    let acme = app.customer_with_events("acme").await;
    let domain = add(&acme, "acme.example").await;
    zone.publish_all(&domain);
    verify(&acme, &domain).await;
    let queue =
        async || acme.post("/api/send", mail("acme.example")).await.json()["email_id"].as_str().map(str::to_owned);
    let sent = queue().await.expect("it is queued");
    app.deliver().await;
    let waiting = queue().await.expect("it is queued");
    let other = acme.post("/api/send", mail(&acme.domain)).await.json()["email_id"].as_str().expect("an id").to_owned();

    delete(&acme, &domain).await.is(200, json!({ "message": "Domain deleted successfully", "failed": 1 }));
    acme.get(&path(&domain)).await.refuses(404, "not_found", "Domain not found");
    delete(&acme, &domain).await.refuses(404, "not_found", "Domain not found");
    acme.post("/api/send", mail("acme.example")).await.refuses(422, "domain_not_verified", "acme.example");
    let status = async |id: &str| acme.get(&format!("/api/emails/{id}")).await.json()["email"]["status"].clone();
    assert_eq!((status(&sent).await, status(&waiting).await), (json!("delivered"), json!("failed")));
    assert_eq!(app.events_of(&acme, &waiting).await, ["queued", "failed"]);
    let events = acme.get(&format!("/api/v1/emails/{waiting}/events")).await.json();
    assert!(
        events["events"][1]["event_data"]["reason"].as_str().is_some_and(|why| why.contains("deleted")),
        "{events}"
    );
    app.deliver().await;
    assert_eq!(status(&other).await, "delivered", "mail of other domains goes on");

    let again = add(&acme, "acme.example").await;
    assert_ne!(again["id"], domain["id"]);
    assert_ne!(again["records"][0]["value"], domain["records"][0]["value"], "its owner shows anew that it is his");
    assert_eq!(verify(&acme, &again).await["domain"]["status"], "pending");
}

#[tokio::test]
async fn a_sandbox_domain_needs_nothing_and_stays() {
    let app = TestApp::start().await;
    let acme = app.customer("acme").await;
    let domain = acme.get(PATH).await.json()["domains"][0].clone();
    assert_eq!(
        (&domain["sandbox"], &domain["records"], &domain["verified_by"]),
        (&json!(true), &json!([]), &json!("service"))
    );
    delete(&acme, &domain).await.refuses(422, "sandbox_domain", "keeps its own");
    for action in ["verify", "rotate-dkim"] {
        let answer = acme.call(Method::POST, &format!("{}/{action}", path(&domain)), None, &[]).await;
        answer.refuses(422, "sandbox_domain", "");
    }
}
