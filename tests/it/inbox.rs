//! The inbox: what comes in is kept first and read then, at once or later, and can be read again

mod fixtures;

use http::Request;
use pillarbox::control::{Bytes, Command};
use pillarbox::inbox::{self, Accepted, Arrival, Patience};
use pillarbox::mail::client::rules::Rules;
use pillarbox::mail::event::{BounceType, EventType};
use pillarbox::store::{EmailClue, InboxCounts, InboxState, Reading, ReportedEvent};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::guests;
use crate::harness::{BEGINNING, TestApp, TestCustomer, at_once, note, roll_back};
use crate::operator::{Person, SETTINGS, admin, admin_json, ask, get, has, session};

const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

/// A customer whose email to Ada is delivered.
struct Sent {
    app: TestApp,
    acme: TestCustomer,
    id: String,
}

impl Sent {
    async fn new() -> Self {
        let app = TestApp::with(SETTINGS).await;
        let acme = app.customer_with_events("acme").await;
        let id = acme.send("ada@example.com").await;
        app.deliver().await;
        Self { app, acme, id }
    }

    async fn events(&self) -> Vec<String> {
        self.app.events_of(&self.acme, &self.id).await
    }

    /// What was told beyond the delivery.
    async fn news(&self) -> Vec<String> {
        self.events().await.split_off(3)
    }

    async fn may_be_sent_to(&self, address: &str) -> bool {
        let email = json!({ "to": address, "subject": "Hello", "text": "Hello" });
        self.acme.post("/api/send", email).await.status == 200
    }

    async fn accept(&self, arrival: Arrival) -> Accepted {
        inbox::accept(&self.app.app, arrival).await.expect("the store answers")
    }

    async fn count(&self, state: InboxState) -> i64 {
        self.app.app.store.count_inbox(state).await.expect("they are counted")
    }

    async fn list(&self) -> Value {
        self.app.command(Command::InboxList { state: None, source: None, since: None, offset: 0, limit: 50 }).await
    }

    /// The newest row.
    async fn newest(&self) -> Value {
        let id = self.list().await["rows"][0]["id"].as_str().expect("there is one").parse().expect("it is an id");
        self.app.command(Command::InboxShow { id }).await
    }

    async fn replay(&self, ids: &[Uuid], state: Option<InboxState>, dry_run: bool) -> Value {
        let ids = ids.to_vec();
        self.app.command(Command::InboxReplay { ids, state, source: None, since: None, before: None, dry_run }).await
    }

    /// Puts a normalizer in place that fails whatever it is asked.
    async fn break_normalizer(&self) {
        let component = Bytes(guests::normalizer("trapping_normalizer"));
        let install =
            Command::PluginInstall { component, signature: None, activate: true, unchecked: true, note: note() };
        self.app.command(install).await;
        self.app.set_fallback("broken", &[]).await;
    }

    /// Breaks the normalizer and has it fail until it is left alone, so that a row waits. Until then each failure is the
    /// row's own.
    async fn rest_normalizer(&self) {
        self.break_normalizer().await;
        let mut number = 0;
        while self.count(InboxState::Received).await == 0 {
            number += 1;
            assert!(number < 50, "it is never left alone");
            self.accept(self.returned(number)).await;
            inbox::read_due(&self.app.app).await.expect("the inbox is worked on");
        }
    }

    /// A returned mail whose `Original-Envelope-Id` is the email's id.
    fn returned(&self, number: u32) -> Arrival {
        let body = format!(
            "Original-Envelope-Id: {}\r\nReporting-MTA: dns; mx{number}.example.com\r\n\r\n\
             Final-Recipient: rfc822; ada@example.com\r\nAction: failed\r\nStatus: 5.1.1\r\n\
             Diagnostic-Code: smtp; 550 5.1.1 no such user {number}\r\n",
            self.id
        );
        Arrival {
            source: "bounce".into(),
            source_id: None,
            verified: false,
            content_type: "message/delivery-status".into(),
            patience: Patience::Kept,
            ..source(body)
        }
    }

    /// An event as Mailgun tells it, which has our id.
    fn mailgun(&self, event: &str, number: u32, more: &Value) -> Arrival {
        let mut data = json!({ "event": event, "id": format!("{event}-{number}"), "timestamp": 1_710_513_060.5,
            "recipient": "ada@example.com", "user-variables": { "pillarbox_email_id": self.id } });
        for (name, value) in more.as_object().expect("it is an object") {
            data[name] = value.clone();
        }
        let signature = json!({ "timestamp": "1710513060", "token": "t", "signature": "s" });
        source(json!({ "signature": signature, "event-data": data }).to_string())
    }
}

/// What a source that proved who it is posts.
fn source(body: String) -> Arrival {
    Arrival {
        source: "acme-provider".into(),
        source_id: Some("unguessable".into()),
        provider: None,
        source_key: None,
        customer: None,
        verified: true,
        settings: Vec::new(),
        content_type: "application/json".into(),
        headers: Vec::new(),
        body: body.into(),
        patience: Patience::Read,
        by_node: None,
    }
}

/// A machine that is busy with other tests may have left something for later.
async fn settled(app: &TestApp) {
    app.pass(5 * 60 * 1_000);
    inbox::read_due(&app.app).await.expect("the inbox is worked on");
}

fn counts(accepted: usize, duplicates: usize, unmatched: usize, guessed: usize) -> InboxCounts {
    InboxCounts { accepted, duplicates, unmatched, guessed }
}

#[track_caller]
fn is_read(accepted: &Accepted, state: InboxState, counts: InboxCounts) {
    assert_eq!(*accepted, Accepted::Read { state, counts, failed: None });
}

#[tokio::test]
async fn what_a_source_tells_is_among_the_emails_events_once() {
    let sent = Sent::new().await;
    sent.app.pass(120_000);
    let permanent = json!({ "severity": "permanent", "delivery-status": { "code": 550, "message": "5.1.1 gone" } });
    let all = [
        ("delivered", json!({}), "delivered"),
        ("opened", json!({}), "opened"),
        ("clicked", json!({ "url": "https://example.com/a" }), "clicked"),
        ("failed", permanent, "bounced"),
        ("complained", json!({}), "complained"),
        ("unsubscribed", json!({}), "unsubscribed"),
    ];
    for (event, more, _) in &all {
        is_read(&sent.accept(sent.mailgun(event, 1, more)).await, InboxState::Matched, counts(1, 0, 0, 0));
    }
    let mut told = sent.news().await;
    told.sort_unstable();
    let mut expected: Vec<_> = all.iter().map(|(.., expected)| *expected).collect();
    expected.sort_unstable();
    assert_eq!(told, expected);
    let usage = async || sent.acme.get("/api/customer/usage").await.json()["current_month"].clone();
    let before = usage().await;
    assert_eq!((&before["emails_bounced"], &before["emails_complained"]), (&json!(1), &json!(1)), "{before}");
    assert_eq!((&before["emails_opened"], &before["emails_clicked"]), (&json!(1), &json!(1)), "{before}");

    for (event, more, _) in &all {
        // Word for word: it is not even kept. In other words, with the same id: it is read, and is no news.
        is_read(&sent.accept(sent.mailgun(event, 1, more)).await, InboxState::Matched, counts(0, 1, 0, 0));
        let mut other = more.clone();
        other["tags"] = json!(["again"]);
        is_read(&sent.accept(sent.mailgun(event, 1, &other)).await, InboxState::Normalized, counts(0, 1, 0, 0));
    }
    assert_eq!((sent.news().await.len(), usage().await), (all.len(), before));
    assert_eq!((sent.count(InboxState::Matched).await, sent.count(InboxState::Normalized).await), (6, 6));
}

#[tokio::test]
async fn an_unsubscription_that_a_source_tells_holds_for_the_stream() {
    let sent = Sent::new().await;
    assert!(sent.may_be_sent_to("ada@example.com").await);
    sent.accept(sent.mailgun("unsubscribed", 1, &json!({}))).await;
    assert!(!sent.may_be_sent_to("ada@example.com").await);
    is_read(
        &sent.accept(sent.mailgun("unsubscribed", 2, &json!({}))).await,
        InboxState::Normalized,
        counts(0, 1, 0, 0),
    );
    assert_eq!(sent.news().await, ["unsubscribed"], "who unsubscribes again changes nothing");
}

#[tokio::test]
async fn nobody_in_particular_can_make_an_email_look_opened() {
    let sent = Sent::new().await;
    for event in ["opened", "clicked", "unsubscribed"] {
        let arrival = sent.mailgun(event, 1, &json!({}));
        let arrival = Arrival { source: "complaint".into(), source_id: None, verified: false, ..arrival };
        let accepted = sent.accept(Arrival { content_type: "message/rfc822".into(), ..arrival }).await;
        assert!(!matches!(accepted, Accepted::Read { state: InboxState::Matched, .. }), "{accepted:?}");
    }
    assert!(sent.news().await.is_empty());
}

#[tokio::test]
async fn a_source_of_one_customer_tells_nothing_about_anothers_emails() {
    let sent = Sent::new().await;
    let customers = sent.app.app.store.customers(10).await.expect("they are read");
    let acme = customers.iter().find(|customer| customer.email == sent.acme.email).expect("it is there").id;
    let complained = |customer| Arrival { customer, ..sent.mailgun("complained", 1, &json!({})) };
    is_read(&sent.accept(complained(Some(Uuid::nil()))).await, InboxState::Unmatched, counts(0, 0, 1, 0));
    assert!(sent.news().await.is_empty());
    is_read(&sent.accept(complained(Some(acme))).await, InboxState::Matched, counts(1, 0, 0, 0));
}

#[tokio::test]
async fn a_guess_is_told_and_changes_nothing() {
    let sent = Sent::new().await;
    sent.app.pass(60_000);
    let bounce = |verified, recipient: &str| {
        let event = json!([{ "email": recipient, "timestamp": 1_710_513_030, "sg_event_id": "e", "event": "bounce",
            "type": "bounce", "status": "5.1.1", "reason": "550 5.1.1 gone" }]);
        Arrival { verified, ..source(event.to_string()) }
    };
    is_read(&sent.accept(bounce(true, "Ada@Example.com")).await, InboxState::Unmatched, counts(0, 0, 1, 1));
    let row = sent.newest().await;
    let found = json!([{ "event": 0, "result": "guessed", "email_id": sent.id, "recipient": "ada@example.com",
        "by": "guess" }]);
    assert_eq!((&row["matches"], &row["guessed"]), (&found, &json!(1)));
    is_read(&sent.accept(bounce(true, "bob@example.com")).await, InboxState::Unmatched, counts(0, 0, 1, 0));
    is_read(&sent.accept(bounce(false, "ada@example.com")).await, InboxState::Unmatched, counts(0, 0, 1, 0));
    assert!(sent.news().await.is_empty() && sent.may_be_sent_to("ada@example.com").await);
    sent.app.pass(30 * DAY_MS);
    let late = async || sent.accept(bounce(true, "ada@example.com")).await;
    is_read(&late().await, InboxState::Unmatched, counts(0, 0, 1, 1));
    sent.app.pass(1);
    is_read(&late().await, InboxState::Unmatched, counts(0, 0, 1, 0));
    let other = sent.acme.send("ada@example.com").await;
    sent.app.deliver().await;
    is_read(&late().await, InboxState::Unmatched, counts(0, 0, 1, 1));
    assert_eq!(sent.newest().await["matches"][0]["email_id"], other, "the newest that is not older than a month");
}

#[tokio::test]
async fn the_name_that_a_server_gave_the_message_finds_it() {
    let sent = Sent::new().await;
    sent.app.pass(60_000);
    // The capture mailbox answers `250 2.0.0 kept in the capture mailbox`.
    let bounce = |name: &str, recipient: &str| {
        let event = json!([{ "email": recipient, "timestamp": 1_710_513_030, "sg_event_id": "e", "event": "bounce",
            "sg_message_id": name, "type": "bounce", "status": "5.1.1", "reason": "550 5.1.1 gone" }]);
        Arrival { verified: false, ..source(event.to_string()) }
    };
    for (name, recipient) in [
        ("mailbox", "ada@example.com"),
        ("capture mailboxes", "ada@example.com"),
        ("capture mailbox", "bob@example.com"),
    ] {
        is_read(&sent.accept(bounce(name, recipient)).await, InboxState::Unmatched, counts(0, 0, 1, 0));
    }
    is_read(
        &sent.accept(bounce("capture mailbox.filter12", "ada@example.com")).await,
        InboxState::Matched,
        counts(1, 0, 0, 0),
    );
    assert_eq!(sent.newest().await["matches"][0]["by"], "provider_message_id");
    assert_eq!(sent.news().await, ["bounced"]);
}

#[tokio::test]
async fn what_nobody_waits_for_is_kept_and_read_a_moment_later() {
    let sent = Sent::new().await;
    assert_eq!(sent.accept(sent.returned(1)).await, Accepted::Queued);
    assert_eq!(sent.accept(sent.returned(1)).await, Accepted::Queued, "the same again");
    assert_eq!((sent.news().await.len(), sent.count(InboxState::Received).await), (0, 1));
    let metrics = async || get(&sent.app, "/metrics").await.text();
    inbox::read_due(&sent.app.app).await.expect("the inbox is worked on");
    assert_eq!((sent.news().await, sent.count(InboxState::Matched).await), (vec!["bounced".into()], 1));
    has(
        &metrics().await,
        &["pillarbox_inbox_rows{state=\"received\"} 1", "pillarbox_notifications_total{state=\"matched\"} 1"],
    );
    sent.app.pass(60_000);
    inbox::read_due(&sent.app.app).await.expect("the inbox is worked on");
    has(&metrics().await, &["pillarbox_inbox_rows{state=\"received\"} 0", "pillarbox_inbox_rows{state=\"matched\"} 1"]);
}

#[tokio::test]
async fn while_the_normalizer_rests_everything_waits_and_nothing_is_lost() {
    let sent = Sent::new().await;
    sent.rest_normalizer().await;
    let told = sent.app.post("/webhooks/bounce", "message/rfc822", "Subject: x\r\n\r\nx").await;
    told.is(200, json!({ "success": true, "queued": true }));
    let told = sent.app.notify("/webhooks/bounce", json!({ "emailId": sent.id, "bounceType": "hard" })).await;
    told.is(200, json!({ "success": true }));
    assert_eq!((sent.count(InboxState::Received).await, sent.news().await.len()), (3, 0));
    let row = sent.newest().await;
    assert_eq!((&row["state"], &row["attempts"]), (&json!("received"), &json!(1)));
    assert!(row["error"].as_str().is_some_and(|error| error.contains("resting")), "{row}");

    sent.app.command(roll_back("broken")).await;
    inbox::read_due(&sent.app.app).await.expect("the inbox is worked on");
    assert_eq!(sent.news().await.len(), 0, "it waits for its time");
    sent.app.pass(1_000);
    inbox::read_due(&sent.app.app).await.expect("the inbox is worked on");
    assert_eq!(sent.count(InboxState::Received).await, 0);
    assert_eq!(sent.news().await, ["bounced", "bounced"], "the mail's and the JSON's");
}

#[tokio::test]
async fn a_row_that_never_finds_a_normalizer_is_refused_in_the_end_and_says_why() {
    let sent = Sent::new().await;
    sent.rest_normalizer().await;
    let id: Uuid = sent.newest().await["id"].as_str().expect("it is text").parse().expect("it is an id");
    let mut attempts = 1;
    while sent.count(InboxState::Received).await == 1 {
        attempts += 1;
        assert!(attempts <= 20, "there is an end to it");
        sent.app.pass(5 * 60 * 1_000);
        inbox::read_due(&sent.app.app).await.expect("the inbox is worked on");
    }
    let row = sent.app.command(Command::InboxShow { id }).await;
    assert_eq!((&row["state"], row["error"].is_string()), (&json!("refused"), true), "{row}");
    sent.app.command(roll_back("broken")).await;
    let told = sent.replay(&[id], None, false).await;
    assert_eq!((&told["changed"], &told["accepted"]), (&json!(1), &json!(1)), "{told}");
    assert_eq!(sent.news().await, ["bounced"]);
}

#[tokio::test]
async fn what_failed_is_read_again_and_told_once() {
    let sent = Sent::new().await;
    sent.break_normalizer().await;
    let arrival = Arrival { patience: Patience::Read, ..sent.returned(1) };
    let accepted = sent.accept(arrival).await;
    assert!(matches!(&accepted, Accepted::Read { state: InboxState::Refused, failed: Some(_), .. }), "{accepted:?}");
    sent.app.command(roll_back("broken")).await;

    let refused = Some(InboxState::Refused);
    let dry = sent.replay(&[], refused, true).await;
    assert_eq!((&dry["read"], &dry["changed"], &dry["accepted"]), (&json!(1), &json!(1), &json!(0)), "{dry}");
    assert_eq!((sent.news().await.len(), sent.count(InboxState::Refused).await), (0, 1), "it was only said");
    let told = sent.replay(&[], refused, false).await;
    assert_eq!((&told["read"], &told["accepted"]), (&json!(1), &json!(1)), "{told}");
    assert_eq!(sent.news().await, ["bounced"]);
    let usage = sent.acme.get("/api/customer/usage").await.json();
    for _ in 0..2 {
        let again = sent.replay(&[], None, false).await;
        assert_eq!((&again["read"], &again["changed"], &again["accepted"]), (&json!(1), &json!(0), &json!(0)));
    }
    assert_eq!(sent.news().await, ["bounced"]);
    assert_eq!(sent.acme.get("/api/customer/usage").await.json(), usage);
    let row = sent.newest().await;
    assert_eq!((&row["state"], &row["accepted"], &row["replays"]), (&json!("matched"), &json!(1), &json!(3)), "{row}");
    sent.break_normalizer().await;
    sent.replay(&[], None, false).await;
    assert_eq!(sent.newest().await["state"], "matched", "what it told stays told, whoever reads it");
}

#[tokio::test]
async fn what_another_plugin_reads_otherwise_is_not_told_twice() {
    let sent = Sent::new().await;
    sent.accept(sent.returned(1)).await;
    inbox::read_due(&sent.app.app).await.expect("the inbox is worked on");
    assert_eq!(sent.news().await, ["bounced"]);
    let id: Uuid = sent.newest().await["id"].as_str().expect("it is text").parse().expect("it is an id");
    let read_as = async |events: Vec<ReportedEvent>| {
        let store = &sent.app.app.store;
        let (_, arrived, _) = store.inbox_row(id).await.expect("the store answers").expect("it is there");
        let reading = Reading { plugin: None, outcome: "{}".into(), events, failed: None };
        let ids = Box::new(Uuid::now_v7);
        store.settle(arrived, reading, Rules::built_in().into(), BEGINNING, ids).await.expect("it is stored")
    };
    let event = |index, event_type, reason: &str| ReportedEvent {
        index,
        emails: vec![EmailClue::Id(sent.id.parse().expect("it is an id"), "email_id")],
        recipients: vec!["ada@example.com".into()],
        event_type,
        bounce_type: Some(BounceType::Soft),
        reason: Some(reason.into()),
        occurred_at: Some(BEGINNING + 5),
        provider_event_id: None,
        data: json!({}),
    };
    let settled = read_as(vec![event(0, EventType::Bounced, "in other words")]).await.expect("it is ours");
    assert_eq!((settled.state, settled.counts), (InboxState::Matched, counts(0, 1, 0, 0)));
    let more = vec![
        event(0, EventType::Bounced, "in yet other words"),
        event(1, EventType::Bounced, "one that nobody read before"),
        event(2, EventType::Complained, "another kind"),
    ];
    let settled = read_as(more.clone()).await.expect("it is ours");
    assert_eq!(settled.counts, counts(2, 1, 0, 0), "what is really new is told");
    assert_eq!(read_as(more).await.expect("it is ours").counts, counts(0, 3, 0, 0));
    let mut news = sent.news().await;
    news.sort_unstable();
    assert_eq!(news, ["bounced", "bounced", "complained"]);
}

#[tokio::test]
async fn a_bounce_that_a_better_plugin_knows_to_be_hard_suppresses_then() {
    let sent = Sent::new().await;
    let bounce = json!({ "emailId": sent.id, "bounceType": "soft", "reason": "mailbox gone" });
    sent.app.notify("/webhooks/bounce", bounce).await.is_status(200);
    let id: Uuid = sent.newest().await["id"].as_str().expect("it is text").parse().expect("it is an id");
    assert!(sent.may_be_sent_to("ada@example.com").await);
    let read_as_hard = async || {
        let store = &sent.app.app.store;
        let (_, arrived, _) = store.inbox_row(id).await.expect("the store answers").expect("it is there");
        let event = ReportedEvent {
            index: 0,
            emails: vec![EmailClue::Id(sent.id.parse().expect("it is an id"), "email_id")],
            recipients: Vec::new(),
            event_type: EventType::Bounced,
            bounce_type: Some(BounceType::Hard),
            reason: Some("mailbox gone".into()),
            occurred_at: None,
            provider_event_id: None,
            data: json!({ "bounce_type": "hard" }),
        };
        let reading = Reading { plugin: None, outcome: "{}".into(), events: vec![event], failed: None };
        let ids = Box::new(Uuid::now_v7);
        store.settle(arrived, reading, Rules::built_in().into(), BEGINNING, ids).await.expect("it is stored")
    };
    assert_eq!(read_as_hard().await.expect("it is ours").counts, counts(0, 1, 0, 0));
    assert!(!sent.may_be_sent_to("ada@example.com").await);
    assert_eq!(sent.news().await, ["bounced"]);
    let lifted = "/api/customer/suppressions/ada@example.com";
    sent.acme.call(http::Method::DELETE, lifted, None, &[]).await.is_status(200);
    sent.replay(&[], None, false).await;
    assert!(sent.may_be_sent_to("ada@example.com").await, "the reading of then suppresses nobody");
}

#[tokio::test]
async fn an_answer_waits_for_the_normalizer_only_so_long() {
    let app = TestApp::start().await;
    let component = Bytes(guests::endless_normalizer());
    let install = Command::PluginInstall { component, signature: None, activate: true, unchecked: true, note: note() };
    app.command(install).await;
    let app = app.restart_with(&[("PILLARBOX_PLUGIN_CPU_MS", "8000"), ("PILLARBOX_PLUGIN_WALL_MS", "60000")]).await;
    let answer = app.post("/webhooks/bounce", "message/rfc822", "Subject: x\r\n\r\nx").await;
    answer.is(200, json!({ "success": true, "queued": true }));
    assert_eq!(app.app.store.count_inbox(InboxState::Received).await.expect("they are counted"), 1);
}

#[tokio::test]
async fn only_so_much_may_wait_and_the_sender_of_more_hears_so() {
    let sent = Sent::new().await;
    for round in 0..100 {
        let arrivals = (0..100).map(|number| sent.accept(sent.returned(round * 100 + number)));
        let accepted = at_once(arrivals).await;
        assert!(accepted.iter().all(|accepted| *accepted == Accepted::Queued), "just inside");
    }
    assert_eq!(sent.accept(sent.returned(10_000)).await, Accepted::Full, "just outside");
    let refused = sent.app.post("/webhooks/bounce", "message/rfc822", "Subject: x\r\n\r\nx").await;
    refused.refuses(503, "busy", "try again");
    assert_eq!(refused.header("retry-after"), Some("1"));
}

#[tokio::test]
async fn rows_are_dropped_after_their_time_and_what_they_told_is_known_longer() {
    let sent = Sent::new().await;
    let mail = Arrival { patience: Patience::Read, ..sent.returned(1) };
    is_read(&sent.accept(mail.clone()).await, InboxState::Matched, counts(1, 0, 0, 0));
    let look = async || inbox::retention::look(&sent.app.app).await.expect("the store answers");
    let rows = async || sent.list().await["total"].clone();
    sent.app.pass(30 * DAY_MS);
    look().await;
    assert_eq!(rows().await, 1, "just inside");
    sent.app.pass(1);
    look().await;
    assert_eq!(rows().await, 0, "just outside");
    is_read(&sent.accept(mail).await, InboxState::Normalized, counts(0, 1, 0, 0));
    assert_eq!(sent.news().await, ["bounced"]);
}

#[tokio::test]
async fn a_program_does_with_the_inbox_what_the_command_line_does() {
    let sent = Sent::new().await;
    let app = &sent.app;
    sent.accept(sent.mailgun("complained", 1, &json!({}))).await;
    sent.accept(source("{\"nothing\":\"known\"}".into())).await;
    let asked = async |path: &str| ask(app, admin("GET", path), "").await;
    let listed = asked("/admin/inbox").await.json();
    assert_eq!((&listed["total"], &listed["sources"]), (&json!(2), &json!(["acme-provider"])), "{listed}");
    let matched = asked("/admin/inbox?state=matched&source=acme-provider&since=2024-03-15T14:30:00Z").await.json();
    assert_eq!((&matched["total"], &matched["rows"][0]["accepted"]), (&json!(1), &json!(1)), "{matched}");
    assert_eq!(asked("/admin/inbox?source=others").await.json()["rows"], json!([]));
    assert_eq!(asked("/admin/inbox?limit=1&offset=1").await.json()["rows"].as_array().map(Vec::len), Some(1));
    let id = matched["rows"][0]["id"].as_str().expect("it is text").to_owned();
    let shown = asked(&format!("/admin/inbox/{id}")).await.json();
    assert_eq!((&shown["verified"], &shown["body_encoding"]), (&json!(true), &json!("text")), "{shown}");
    assert_eq!(shown["outcome"]["events"][0]["kind"], "complaint");
    let told = admin_json(app, "/admin/inbox/replay", json!({ "ids": [id], "dry_run": true })).await.json();
    let expected =
        json!({ "dry_run": true, "read": 1, "changed": 0, "accepted": 0, "failed": 0, "rows": [], "next": null });
    assert_eq!(told, expected);
    assert_eq!(admin_json(app, "/admin/inbox/replay", json!({ "all": true })).await.json()["read"], 2);

    let bare = Request::post("/admin/inbox/replay").header("host", "localhost");
    ask(app, bare, "{\"all\":true}").await.refuses(401, "unauthorized", "operator token");
    for (path, status, words) in [
        ("/admin/inbox?state=lost", 400, "received, normalized, matched"),
        ("/admin/inbox?since=yesterday", 400, "since"),
        ("/admin/inbox?limit=1001", 400, "limit"),
        ("/admin/inbox/x", 404, "Nothing has this id"),
        ("/admin/inbox/replay", 405, "POST"),
        (&format!("/admin/inbox/{}", Uuid::nil()), 422, "pillarbox inbox list"),
    ] {
        let answer = asked(path).await;
        assert!(answer.status == status && answer.text().contains(words), "{path}: {answer:?}");
    }
    admin_json(app, "/admin/inbox/replay", json!({})).await.refuses(400, "invalid_request", "ids");
    let many: Vec<_> = (0..201).map(Uuid::from_u128).collect();
    admin_json(app, "/admin/inbox/replay", json!({ "ids": many })).await.refuses(422, "refused", "more than 200");
    admin_json(app, "/admin/inbox/replay", json!({ "ids": many[..200] })).await.refuses(
        422,
        "refused",
        "nothing in the",
    );
}

#[tokio::test]
async fn a_long_selection_is_read_again_in_parts() {
    let sent = Sent::new().await;
    for number in 0..201 {
        sent.accept(source(format!("{{\"nothing\":{number}}}"))).await;
    }
    settled(&sent.app).await;
    let first = sent.replay(&[], None, false).await;
    let next: Uuid = first["next"].as_str().expect("more follow").parse().expect("it is an id");
    assert_eq!(first["read"], 200);
    let (state, source, since) = (None, None, None);
    let rest = Command::InboxReplay { ids: Vec::new(), state, source, since, before: Some(next), dry_run: false };
    let rest = sent.app.command(rest).await;
    assert_eq!((&rest["read"], &rest["next"]), (&json!(1), &Value::Null));
}

#[tokio::test]
async fn a_person_finds_what_failed_and_has_it_read_again() {
    let sent = Sent::new().await;
    has(&get(&sent.app, "/inbox").await.text(), &["Nothing came in yet", "href=\"/inbox\" aria-current"]);
    sent.break_normalizer().await;
    sent.accept(Arrival { patience: Patience::Read, ..sent.returned(1) }).await;
    sent.app.command(roll_back("broken")).await;
    let cookie = session(&sent.app, "/inbox").await;
    let person = Person { app: &sent.app, cookie: &cookie };
    let listed = person.page("/inbox?state=refused").await;
    has(&listed, &["<span class=\"badge bad\">refused", "From bounce, message/delivery-status"]);
    has(&person.page("/inbox?state=matched").await, &["Nothing like that is kept"]);
    let id = sent.newest().await["id"].as_str().expect("it is text").to_owned();
    has(&listed, &[&format!("href=\"/inbox/{id}\"")]);
    let row = person.page(&format!("/inbox/{id}")).await;
    has(&row, &["class=\"alarm\"", "no such user 1", "Original-Envelope-Id"]);

    let question = "/inbox/replay?state=refused";
    has(&person.page(question).await, &["Read what is refused again?", "The newest 200 rows at most"]);
    person.change(question, "state=refused&all=true", "1 row was read again, and 1 came to something else.").await;
    assert_eq!(sent.news().await, ["bounced"]);
    let one = format!("/inbox/replay?id={id}");
    person.change(&one, &format!("id={id}"), "1 row was read again, and came to the same.").await;
    has(&person.page(&format!("/inbox/{id}")).await, &["Recorded for", "found by envelope id", "read again 2 times"]);

    for (path, status) in [
        ("/inbox/replay", 404),
        ("/inbox/x", 404),
        (&format!("/inbox/{}", Uuid::nil()), 404),
        ("/inbox?state=lost", 400),
        ("/inbox/replay?state=lost", 400),
    ] {
        assert_eq!(get(&sent.app, path).await.status, status, "{path}");
    }
    let stranger = get(&sent.app, "/inbox/replay?all=true").await;
    let to = "/login?to=%2Finbox%2Freplay%3Fall%3Dtrue";
    assert_eq!((stranger.status.as_u16(), stranger.header("location")), (303, Some(to)));
    let bare = Request::post("/inbox/replay").header("host", "localhost");
    assert_eq!(ask(&sent.app, bare, "all=true").await.status, 401);
}
