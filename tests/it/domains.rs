//! Sending domains by command line, and the signatures of their mail

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;
use std::time::Instant;

use mail_auth::common::parse::TxtRecordParser;
use mail_auth::common::verify::DomainKey;
use mail_auth::{AuthenticatedMessage, DkimResult, MessageAuthenticator, Parameters, ResolverCache, Txt};
use pillarbox::control::{Bytes, Command};
use pillarbox::delivery::outlet::OutletKind;
use serde_json::{Value, json};

use crate::harness::{TestApp, TestCustomer};

const MESSAGE: &str = "From: Acme <news@acme.example>\r\nTo: ada@example.com\r\nSubject: Hello\r\n\
    MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nHello,  Ada.\t\r\n\r\nBye\r\n\r\n";

fn add(name: &str, customer: &TestCustomer, assume_verified: bool) -> Command {
    Command::DomainAdd { name: name.into(), customer: customer.email.clone(), assume_verified, outlet: None }
}

fn show(name: &str) -> Command {
    Command::DomainShow { name: name.into(), customer: None }
}

fn outlet(name: &str, outlet: Option<OutletKind>) -> Command {
    Command::DomainOutlet { name: name.into(), customer: None, outlet }
}

async fn signed(app: &TestApp, name: &str, message: &str) -> String {
    let command =
        Command::DomainSign { name: name.into(), customer: None, message: Bytes(message.as_bytes().to_vec()) };
    let answer = app.command(command).await;
    format!("{}{message}", answer["headers"].as_str().expect("it is text"))
}

/// The records that a domain was told to publish, as if they were in DNS.
struct Published(HashMap<Box<str>, Txt>);

impl Published {
    fn of(domain: &Value) -> Self {
        let records = domain["domain"]["records"].as_array().expect("it has records").iter();
        let records = records.filter(|record| record["purpose"] == "dkim").map(|record| {
            let text = |field: &str| record[field].as_str().expect("it is text").to_owned();
            let key = DomainKey::parse(text("value").as_bytes()).expect("the record is good");
            (format!("{}.", text("host")).into_boxed_str(), Txt::from(key))
        });
        Self(records.collect())
    }

    /// What a verifier says of each signature.
    async fn verify(&self, message: &str) -> Vec<DkimResult> {
        let authenticator = MessageAuthenticator::new_system_conf().expect("a resolver is made, and never asked");
        let message = AuthenticatedMessage::parse(message.as_bytes()).expect("it is a message");
        let found = authenticator.verify_dkim(Parameters::new(&message).with_txt_cache(self)).await;
        found.iter().map(|output| output.result().clone()).collect()
    }
}

impl ResolverCache<Box<str>, Txt> for Published {
    fn get<Q: Hash + Eq + ?Sized>(&self, name: &Q) -> Option<Txt>
    where
        Box<str>: Borrow<Q>,
    {
        self.0.get(name).cloned()
    }

    fn remove<Q: Hash + Eq + ?Sized>(&self, _: &Q) -> Option<Txt>
    where
        Box<str>: Borrow<Q>,
    {
        None
    }

    fn insert(&self, _: Box<str>, _: Txt, _: Instant) {}
}

#[tokio::test]
async fn an_assumed_domain_gets_a_key_of_each_kind_and_says_whose_word_it_was() {
    let app = TestApp::start().await;
    let acme = app.customer("acme").await;
    let added = app.command(add("Acme.example", &acme, true)).await;
    let domain = &added["domain"];
    for (field, expected) in [
        ("domain", json!("acme.example")),
        ("customer", json!("acme@example.org")),
        ("status", json!("verified")),
        ("verified_by", json!("operator")),
        ("verified_at", json!("2024-03-15T14:30:00Z")),
        ("next_check_at", Value::Null),
        ("outlet", Value::Null),
        ("dkim_selector", json!("pb20240315-rsa2048")),
    ] {
        assert_eq!(domain[field], expected, "{field}");
    }
    let records = domain["records"].as_array().expect("it has records");
    let keys: Vec<_> =
        records.iter().filter(|record| record["purpose"] == "dkim").map(|record| record["host"].clone()).collect();
    assert_eq!(keys, ["pb20240315-rsa2048._domainkey.acme.example", "pb20240315-ed25519._domainkey.acme.example"]);
}

#[tokio::test]
async fn both_signatures_verify_until_anything_signed_is_changed() {
    let app = TestApp::start().await;
    let acme = app.customer("acme").await;
    let published = Published::of(&app.command(add("acme.example", &acme, true)).await);
    let message = signed(&app, "acme.example", MESSAGE).await;
    assert_eq!(message.matches("DKIM-Signature: ").count(), 2);
    let pass = [DkimResult::Pass, DkimResult::Pass];
    assert_eq!(published.verify(&message).await, pass);
    assert_eq!(published.verify(&message.replace("Hello,  Ada.\t", "Hello, Ada.")).await, pass, "relaxed");
    assert_eq!(published.verify(&format!("X-Added: by a server\r\n{message}")).await, pass);
    for changed in [
        message.replace("Hello,", "Hallo,"),
        message.replace("Subject: Hello", "Subject: Hallo"),
        message.replace("To: ada", "To: eve"),
        format!("From: Eve <eve@evil.example>\r\n{message}"),
        format!("Subject: Other\r\n{message}"),
        message.replacen("\r\n\r\n", "\r\nFrom: Eve <eve@evil.example>\r\n\r\n", 1),
    ] {
        let results = published.verify(&changed).await;
        assert!(results.len() == 2 && !results.contains(&DkimResult::Pass), "{results:?} for {changed}");
    }
}

#[tokio::test]
async fn keys_survive_a_restart_and_sign_nothing_under_another_host_key() {
    let app = TestApp::start().await;
    let acme = app.customer("acme").await;
    let published = Published::of(&app.command(add("acme.example", &acme, true)).await);
    let (app, acme) = app.restart(acme).await;
    let pass = [DkimResult::Pass, DkimResult::Pass];
    assert_eq!(published.verify(&signed(&app, "acme.example", MESSAGE).await).await, pass);
    let key = app.data_dir().join("host.key");
    let (app, _acme) = app.restart_after(acme, || std::fs::remove_file(key).expect("it is removed")).await;
    let sign = Command::DomainSign { name: "acme.example".into(), customer: None, message: Bytes(MESSAGE.into()) };
    let refused = app.refused_command(sign).await;
    assert!(refused.contains("pb20240315-rsa2048") && refused.contains("another host key"), "{refused}");
}

#[tokio::test]
async fn what_cannot_be_added_is_refused_in_words() {
    let app = TestApp::start().await;
    let (acme, rival) = (app.customer("acme").await, app.customer("rival").await);
    app.command(add("acme.example", &acme, true)).await;
    let refuses = async |command: Command, words: &[&str]| {
        let refused = app.refused_command(command).await;
        assert!(words.iter().all(|word| refused.contains(word)), "{refused}");
    };
    refuses(add("ACME.example", &acme, true), &["acme@example.org has acme.example already", "domain show"]).await;
    refuses(add("acme.example", &rival, true), &["belongs to another customer"]).await;
    refuses(add("localhost", &acme, true), &["localhost"]).await;
    refuses(add("b.sandbox.pillarbox.test", &acme, true), &["gives away"]).await;
    refuses(show("other.example"), &["no domain other.example", "domain list"]).await;
    let add_with = |customer: &str, outlet| Command::DomainAdd {
        name: "b.example".into(),
        customer: customer.into(),
        assume_verified: true,
        outlet,
    };
    refuses(add_with("nobody@example.org", None), &["no customer", "nobody@example.org"]).await;
    refuses(add_with(&acme.email, Some(OutletKind::Relay)), &["relay_url"]).await;
}

#[tokio::test]
async fn a_name_may_be_as_long_as_leaves_room_for_bounce_addresses() {
    let app = TestApp::start().await;
    let acme = app.customer("acme").await;
    let domain = |bytes: usize| format!("{}example", "a.".repeat((bytes - "example".len()) / 2));
    app.command(add(&domain(195), &acme, false)).await;
    let refused = app.refused_command(add(&domain(197), &acme, false)).await;
    assert!(refused.contains("195 bytes"), "{refused}");
    let bounce = app.app.bounce_address(uuid::Uuid::from_u128(1), 0, &domain(195));
    assert_eq!(bounce.len(), 254, "as long as an address may be");
}

#[tokio::test]
async fn a_customer_has_as_many_domains_as_it_may() {
    let app = TestApp::start().await;
    let acme = app.customer("acme").await;
    let limits = |max_domains| Command::CustomerLimits {
        email: acme.email.clone(),
        requests_per_minute: None,
        monthly: None,
        max_domains: Some(max_domains),
    };
    app.command(limits(2)).await;
    app.command(add("one.example", &acme, false)).await;
    let refused = app.refused_command(add("two.example", &acme, false)).await;
    assert!(refused.contains("may have 2 domains") && refused.contains("--max-domains 3"), "{refused}");
    app.command(limits(3)).await;
    app.command(add("two.example", &acme, false)).await;
}

#[tokio::test]
async fn a_domain_waits_until_somebody_verifies_it() {
    let app = TestApp::start().await;
    let acme = app.customer("acme").await;
    let added = app.command(add("bücher.example", &acme, false)).await;
    let domain = &added["domain"];
    assert_eq!((&domain["domain"], &domain["status"]), (&json!("xn--bcher-kva.example"), &json!("pending")));
    assert_eq!((&domain["verified_by"], &domain["verified_at"]), (&Value::Null, &Value::Null));
    let email = json!({ "to": "ada@example.com", "subject": "Hi", "text": "Hi", "domain": "bücher.example" });
    acme.post("/api/send", email.clone()).await.refuses(422, "domain_not_verified", "");

    let assumed = app.command(add("bücher.example", &acme, true)).await;
    assert_eq!(
        (&assumed["domain"]["status"], &assumed["domain"]["verified_by"]),
        (&json!("verified"), &json!("operator"))
    );
    assert_eq!(assumed["domain"]["records"], domain["records"], "its keys stay");
    assert_eq!(acme.post("/api/send", email).await.status, 200);
}

#[tokio::test]
async fn lists_and_outlets() {
    let app = TestApp::start().await;
    let (acme, rival) = (app.customer("acme").await, app.customer("rival").await);
    app.command(add("acme.example", &acme, true)).await;
    let names = async |customer: Option<&TestCustomer>| {
        let customer = customer.map(|customer| customer.email.clone());
        let list = app.command(Command::DomainList { customer }).await;
        let names = list["domains"].as_array().expect("a list").iter().map(|domain| domain["domain"].clone());
        names.collect::<Vec<_>>()
    };
    assert_eq!(names(Some(&acme)).await, [json!("acme.example"), json!(acme.domain)]);
    assert_eq!(names(None).await, [json!("acme.example"), json!(acme.domain), json!(rival.domain)]);

    for kind in [OutletKind::Capture, OutletKind::Mx] {
        assert_eq!(app.command(outlet("acme.example", Some(kind))).await["domain"]["outlet"], kind.as_str());
    }
    let refused = app.refused_command(outlet("acme.example", Some(OutletKind::Relay))).await;
    assert!(refused.contains("relay_url"), "{refused}");
    assert_eq!(app.command(outlet("acme.example", None)).await["domain"]["outlet"], Value::Null);
    let refused = app.refused_command(outlet(&acme.domain, Some(OutletKind::Mx))).await;
    assert!(refused.contains("never leaves"), "{refused}");
    app.command(outlet(&acme.domain, Some(OutletKind::Capture))).await;
}

#[tokio::test]
async fn a_sandbox_domain_has_no_keys_and_signs_nothing() {
    let app = TestApp::start().await;
    let acme = app.customer("acme").await;
    let shown = app.command(show(&acme.domain)).await;
    assert_eq!((&shown["domain"]["verified_by"], &shown["domain"]["records"]), (&json!("service"), &json!([])));
    assert_eq!(signed(&app, &acme.domain, MESSAGE).await, MESSAGE);
}

#[tokio::test]
async fn a_message_without_an_author_is_not_signed() {
    let app = TestApp::start().await;
    let acme = app.customer("acme").await;
    app.command(add("acme.example", &acme, true)).await;
    let sign = Command::DomainSign {
        name: "acme.example".into(),
        customer: None,
        message: Bytes(b"To: a@b.example\r\n\r\n".to_vec()),
    };
    let refused = app.refused_command(sign).await;
    assert!(refused.contains("no From header"), "{refused}");
}

#[tokio::test]
async fn captured_mail_of_an_own_domain_is_as_it_would_have_left() {
    let app = TestApp::start().await;
    let acme = app.customer("acme").await;
    let published = Published::of(&app.command(add("acme.example", &acme, true)).await);
    let email = json!({ "from": "News <news@acme.example>", "to": "zoe@example.com", "cc": ["ada@example.com"],
        "subject": "Hello", "html": "<p>Hello</p>", "stream_type": "broadcast" });
    let id = acme.post("/api/send", email).await.json()["email_id"].as_str().expect("it is queued").to_owned();
    let captured = app.captured(&id).await;
    let source = captured["source"].as_str().expect("it is text");
    let returned = source.strip_prefix("Return-Path: <").and_then(|rest| rest.split('>').next()).expect("it has one");
    let id = id.parse().expect("it is an id");
    assert!((0..2).any(|number| returned == app.app.bounce_address(id, number, "acme.example")), "{returned}");
    assert_eq!(published.verify(source).await, [DkimResult::Pass, DkimResult::Pass]);
    let unsubscribing = source.replacen("List-Unsubscribe: <http", "List-Unsubscribe: <ftp", 1);
    assert!(unsubscribing != source && !published.verify(&unsubscribing).await.contains(&DkimResult::Pass));
}

#[tokio::test]
async fn mail_that_cannot_be_signed_waits_and_never_goes_out_unsigned() {
    let app = TestApp::start().await;
    let acme = app.customer("acme").await;
    app.command(add("acme.example", &acme, true)).await;
    let key = app.data_dir().join("host.key");
    let (app, acme) = app.restart_after(acme, || std::fs::remove_file(key).expect("it is removed")).await;
    let email = json!({ "from": "news@acme.example", "to": "zoe@example.com", "subject": "Hello", "text": "Hello" });
    let answer = acme.post("/api/send", email).await.json();
    let id = answer["email_id"].as_str().unwrap_or_else(|| panic!("{answer}"));
    app.deliver().await;
    let email = acme.get(&format!("/api/emails/{id}")).await.json();
    assert_eq!(email["email"]["status"], "deferred", "{email}");
    assert!(email["email"]["attempts"][0]["response"].as_str().is_some_and(|why| why.contains("DKIM key")), "{email}");
    let id = id.parse().expect("it is an id");
    assert!(app.refused_command(Command::MailboxShow { email_id: id }).await.contains("no email"));
}
