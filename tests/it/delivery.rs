//! From an accepted email to the end of each of its copies.

use pillarbox::control::Command;
use pillarbox::delivery::outlet::OutletKind;
use serde_json::{Value, json};

use crate::harness::{TestApp, TestCustomer};
use crate::names::{Known, Names, at};
use crate::sink::{Script, Sink};

const MINUTE_MS: i64 = 60_000;

/// Longer than a wait of so many minutes to which a tenth was added.
fn past(minutes: i64) -> i64 {
    minutes * MINUTE_MS * 112 / 100
}

/// A service whose mail leaves for the servers of each domain, of which there is one, and a customer with a domain.
struct World {
    app: TestApp,
    acme: TestCustomer,
    sink: Sink,
    _names: Names,
}

impl World {
    async fn with(scripts: Vec<Script>) -> Self {
        let sink = Sink::start(scripts).await;
        let known = [
            ("friends.example", Known::Mx(10, "mail.friends.example")),
            ("mail.friends.example", at(1)),
            ("others.example", Known::Mx(10, "mail.friends.example")),
        ];
        let names = Names::start(&known).await;
        let (port, server) = (sink.address.port().to_string(), names.address.to_string());
        let app = TestApp::with(&[
            ("PILLARBOX_OUTLET", "mx"),
            ("PILLARBOX_DNS_SERVERS", &server),
            ("PILLARBOX_MX_PORT", &port),
            ("PILLARBOX_MX_PRIVATE_ADDRESSES", "allow"),
        ])
        .await;
        let acme = app.customer_with_events("acme").await;
        let (name, customer) = ("acme.example".into(), acme.email.clone());
        app.command(Command::DomainAdd { name, customer, assume_verified: true, outlet: None }).await;
        Self { app, acme, sink, _names: names }
    }

    async fn send(&self, to: &str) -> String {
        self.send_as(&self.acme, json!({ "to": to })).await
    }

    async fn send_as(&self, customer: &TestCustomer, with: Value) -> String {
        let mut email = json!({ "from": "Acme <news@acme.example>", "subject": "Hello", "text": "Hello.\n.\nBye.\n" });
        email.as_object_mut().expect("it is an object").extend(with.as_object().expect("it is an object").clone());
        let answer = customer.post("/api/send", email).await;
        answer.json()["email_id"].as_str().unwrap_or_else(|| panic!("{}", answer.json())).to_owned()
    }

    async fn email(&self, id: &str) -> Value {
        self.acme.get(&format!("/api/emails/{id}")).await.json()["email"].clone()
    }

    async fn deliver_after(&self, millis: i64) {
        self.app.pass(millis);
        self.app.deliver().await;
    }
}

#[tokio::test]
async fn mail_leaves_signed_by_its_domain_and_comes_back_to_its_own_address() {
    let world = World::with(vec![Script::modern()]).await;
    let id = world.send("Ada <Ada@friends.example>").await;
    world.app.deliver().await;

    let taken = world.sink.taken();
    let [taken] = taken.as_slice() else { panic!("{taken:?}") };
    let message = String::from_utf8_lossy(&taken.message);
    assert_eq!(message.matches("DKIM-Signature:").count(), 2, "{message}");
    assert!(
        message.contains(&format!("X-Pillarbox-Email-Id: {id}\r\n")) && message.ends_with("Hello.\r\n.\r\nBye.\r\n")
    );
    assert!(taken.recipient.contains("<Ada@friends.example>"), "as its sender spelled it: {}", taken.recipient);
    assert!(taken.mail.contains("@acme.example>") && taken.mail.contains(&format!("ENVID={id}")), "{}", taken.mail);

    let email = world.email(&id).await;
    assert_eq!(email["status"], "delivered");
    let attempt = &email["attempts"][0];
    assert_eq!((&attempt["recipient"], &attempt["code"]), (&json!("ada@friends.example"), &json!(250)));
    assert_eq!(world.app.events_of(&world.acme, &id).await, ["queued", "sent", "delivered"]);
}

#[tokio::test]
async fn an_address_that_does_not_exist_bounces_once_and_is_not_written_to_again() {
    let refusing = Script::modern().says("RCPT", "550 5.1.1 No such user");
    let world = World::with(vec![refusing, Script::modern()]).await;
    let id = world.send("nobody@friends.example").await;
    world.app.deliver().await;
    let email = world.email(&id).await;
    assert_eq!((&email["status"], &email["attempts"][0]["enhanced_code"]), (&json!("bounced"), &json!("5.1.1")));
    world.deliver_after(past(24 * 60)).await;
    assert_eq!(world.email(&id).await["attempts"].as_array().map(Vec::len), Some(1), "a hard bounce is never retried");
    let again =
        json!({ "to": "nobody@friends.example", "from": "news@acme.example", "subject": "Hello", "text": "Hello" });
    let answer = world.acme.post("/api/send", again).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["code"]), (422, &json!("recipient_suppressed")));
}

#[tokio::test]
async fn what_is_put_off_is_tried_five_times_and_then_has_failed() {
    let never = (0..9).fold(Script::modern(), |script, _| script.says("RCPT", "451 4.3.0 Not now"));
    let world = World::with(vec![never]).await;
    let id = world.send("ada@friends.example").await;
    world.app.deliver().await;
    assert_eq!(world.email(&id).await["status"], "deferred");
    for (attempts, minutes) in [(2, 15), (3, 45), (4, 3 * 60), (5, 20 * 60)] {
        world.deliver_after(minutes * MINUTE_MS * 88 / 100).await;
        assert_eq!(world.email(&id).await["attempts"].as_array().map(Vec::len), Some(attempts - 1), "before its time");
        world.deliver_after(minutes * MINUTE_MS * 24 / 100).await;
        assert_eq!(world.email(&id).await["attempts"].as_array().map(Vec::len), Some(attempts));
    }
    assert_eq!(world.email(&id).await["status"], "failed");
    world.deliver_after(past(48 * 60)).await;
    assert_eq!(world.email(&id).await["attempts"].as_array().map(Vec::len), Some(5), "it has ended");
    let events = world.app.events_of(&world.acme, &id).await;
    assert_eq!(events, ["queued", "sent", "deferred", "deferred", "deferred", "deferred", "failed"]);
    assert!(world.sink.taken().is_empty());
}

#[tokio::test]
async fn a_greylisting_server_gets_the_mail_at_the_second_try() {
    let grey = Script::modern().says("RCPT", "450 4.2.0 Greylisted, come back");
    let world = World::with(vec![grey, Script::modern()]).await;
    let id = world.send("ada@friends.example").await;
    world.app.deliver().await;
    world.deliver_after(past(15)).await;
    assert_eq!(world.app.events_of(&world.acme, &id).await, ["queued", "sent", "deferred", "delivered"]);
    assert_eq!(world.sink.taken().len(), 1);
}

#[tokio::test]
async fn each_recipient_has_an_end_of_its_own() {
    let world = World::with(vec![Script::modern().says("RCPT", "550 5.1.1 No such user")]).await;
    let with = json!({ "to": "ada@friends.example", "cc": ["bob@friends.example"], "bcc": ["eve@others.example"] });
    let id = world.send_as(&world.acme, with).await;
    world.app.deliver().await;
    let email = world.email(&id).await;
    let ends: Vec<_> =
        email["recipients"].as_array().expect("a list").iter().map(|one| one["status"].clone()).collect();
    assert_eq!(ends.iter().filter(|end| **end == json!("bounced")).count(), world.sink.connections().0, "{email}");
    assert!(ends.iter().all(|end| *end == json!("bounced") || *end == json!("delivered")), "{email}");
    let taken = world.sink.taken();
    assert!(taken.iter().all(|copy| !String::from_utf8_lossy(&copy.message).contains("eve@")), "bcc is not told");
    let mut senders: Vec<_> = taken.iter().map(|copy| copy.mail.clone()).collect();
    senders.dedup();
    assert_eq!(senders.len(), taken.len(), "each copy has a bounce address of its own");
}

#[tokio::test]
async fn what_never_leaves_the_machine_does_not_whatever_the_outlet() {
    let world = World::with(vec![Script::modern()]).await;
    let email = world.acme.email.clone();
    let made = world.app.command(Command::CustomerRotateKey { email, sandbox: true, grace_secs: 0 }).await;
    let trying = world.acme.with_key(made["api_key"].as_str().expect("it is text"));
    let id = world.send_as(&trying, json!({ "to": "ada@friends.example" })).await;
    let captured = world.app.captured(&id).await;
    assert_eq!(captured["status"], "delivered");
    assert!(world.sink.taken().is_empty(), "a sandbox key's mail stays");
}

#[tokio::test]
async fn a_paused_destination_waits_until_it_goes_on() {
    let world = World::with(vec![Script::modern()]).await;
    let (destination, reason) = ("friends.example".to_owned(), Some("their server is moving".to_owned()));
    world.app.command(Command::QueuePause { destination: destination.clone(), reason }).await;
    let id = world.send("ada@friends.example").await;
    let other = world.send("eve@others.example").await;
    world.app.deliver().await;
    assert_eq!(world.email(&id).await["status"], "queued");
    assert_eq!(world.email(&other).await["status"], "delivered");
    let listed = world.app.command(Command::QueueList { destination: None, offset: 0, limit: 10 }).await;
    assert_eq!(
        (&listed["destinations"][0]["destination"], &listed["destinations"][0]["reason"], &listed["total"]),
        (&json!("friends.example"), &json!("their server is moving"), &json!(1)),
        "{listed}"
    );
    world.app.command(Command::QueueResume { destination: destination.clone() }).await;
    world.app.deliver().await;
    assert_eq!(world.email(&id).await["status"], "delivered");
    let wrong = world.app.refused_command(Command::QueueResume { destination }).await;
    assert!(wrong.contains("is not paused"), "{wrong}");
}

#[tokio::test]
async fn an_operator_has_mail_tried_before_its_time() {
    let grey = Script::modern().says("RCPT", "450 4.2.0 Greylisted");
    let world = World::with(vec![grey, Script::modern()]).await;
    let id = world.send("ada@friends.example").await;
    world.app.deliver().await;
    let email_id = id.parse().expect("it is an id");
    let shown = world.app.command(Command::QueueShow { email_id }).await;
    let copy = &shown["copies"][0];
    assert_eq!((&copy["attempts"], &copy["state"]), (&json!(1), &json!("waiting")));
    assert!(copy["response"].as_str().is_some_and(|words| words.contains("Greylisted")), "{copy}");
    let retried = world.app.command(Command::QueueRetry { email_id: Some(email_id), destination: None }).await;
    assert_eq!(retried["retried"], 1);
    world.app.deliver().await;
    assert_eq!(world.email(&id).await["status"], "delivered");
    let gone = world.app.refused_command(Command::QueueShow { email_id }).await;
    assert!(gone.contains("no copy of the email"), "{gone}");
}

#[tokio::test]
async fn a_domain_without_a_server_bounces_and_says_why() {
    let world = World::with(vec![Script::modern()]).await;
    let id = world.send("ada@nowhere.example").await;
    world.app.deliver().await;
    let email = world.email(&id).await;
    assert_eq!((&email["status"], &email["attempts"][0]["enhanced_code"]), (&json!("bounced"), &json!("5.1.2")));
}

#[tokio::test]
async fn what_would_go_nowhere_is_not_taken() {
    let app = TestApp::with(&[("PILLARBOX_RELAY_URL", "smtp://127.0.0.1:9")]).await;
    let acme = app.customer("acme").await;
    let (name, customer, outlet) = ("acme.example".into(), acme.email.clone(), Some(OutletKind::Relay));
    app.command(Command::DomainAdd { name, customer, assume_verified: true, outlet }).await;
    // The operator takes the smarthost out of the settings, and the domain still has that outlet.
    let (_app, acme) = app.restart(acme).await;
    let email =
        json!({ "from": "news@acme.example", "to": "ada@friends.example", "subject": "Hello", "text": "Hello" });
    let answer = acme.post("/api/send", email.clone()).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["code"]), (503, &json!("outlet_unavailable")));
    assert!(answer.json()["error"].as_str().is_some_and(|why| why.contains("set relay_url")), "{}", answer.json());
    assert!(answer.headers.contains_key("retry-after"));
    let letter = json!({ "from": "news@acme.example", "subject": "Hello", "text": "Hello",
        "recipients": [{ "email": "ada@friends.example" }] });
    assert_eq!(acme.post("/api/bulk-send", letter).await.status, 503);
    assert_eq!(acme.get("/api/emails").await.json()["pagination"]["total"], 0);
    // The sandbox domain needs no outlet.
    let sandbox = json!({ "domain": acme.domain, "to": "ada@friends.example", "subject": "Hello", "text": "Hello" });
    assert_eq!(acme.post("/api/send", sandbox).await.status, 200);
}

#[tokio::test]
async fn an_operator_takes_an_email_back_before_its_first_attempt() {
    let grey = Script::modern().says("RCPT", "450 4.2.0 Greylisted");
    let world = World::with(vec![grey, Script::modern()]).await;
    let id = world.send("ada@friends.example").await;
    let email_id = id.parse().expect("it is an id");
    world.app.command(Command::QueueCancel { email_id }).await;
    world.app.deliver().await;
    assert_eq!((&world.email(&id).await["status"], world.sink.connections().0), (&json!("canceled"), 0));
    let late = world.send("ada@friends.example").await;
    world.app.deliver().await;
    let wrong = world.app.refused_command(Command::QueueCancel { email_id: late.parse().expect("it is an id") }).await;
    assert!(wrong.contains("its delivery has begun"), "{wrong}");
    let nobody = world.app.refused_command(Command::QueueCancel { email_id: uuid::Uuid::nil() }).await;
    assert!(nobody.contains("there is no email"), "{nobody}");
}
