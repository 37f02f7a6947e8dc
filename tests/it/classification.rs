//! Who fetched it, from the request to the event: what is around it, the canary, other rules, and judging again

use std::net::IpAddr;

use http::{Method, Request};
use http_body_util::Full;
use pillarbox::control::Command;
use serde_json::{Value, json};

use crate::harness::{Answer, TestApp, TestCustomer};

const BROWSER: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/120.0 Safari/537.36";
const HOUR: i64 = 3_600_000;

/// A delivered email with four links, an hour later.
struct Sent {
    app: TestApp,
    acme: TestCustomer,
    id: String,
    open: String,
    /// Those of the author, and behind them the hidden one where there is one.
    links: Vec<String>,
}

impl Sent {
    async fn with(settings: &[(&str, &str)]) -> Self {
        let app = TestApp::with(settings).await;
        let acme = app.customer_with_events("acme").await;
        Self::by(app, acme).await
    }

    async fn by(app: TestApp, acme: TestCustomer) -> Self {
        let link = |number: u8| format!("<a href=\"https://example.com/{number}\">{number}</a>");
        let html = (0..4).map(link).collect::<String>();
        let email = json!({ "to": "ada@example.com", "subject": "News", "html": html });
        let id = acme.post("/api/send", email).await.json()["email_id"].as_str().expect("it has an id").to_owned();
        let html = app.captured(&id).await["html"].as_str().expect("it has html").to_owned();
        let paths = html.split('"').filter_map(|part| part.strip_prefix("http://127.0.0.1:8080"));
        let (open, links) = paths.map(str::to_owned).partition::<Vec<_>, _>(|path| path.starts_with("/track/o/"));
        app.pass(HOUR);
        Self { app, acme, id, open: open.concat(), links }
    }

    async fn ask(&self, method: Method, address: u8, path: &str, user_agent: &str) -> Answer {
        let request = Request::builder().method(method).uri(path).header("user-agent", user_agent);
        let request = request.body(Full::default()).expect("it is a request");
        self.app.request_from(IpAddr::from([192, 0, 2, address]), request).await
    }

    async fn get(&self, address: u8, path: &str) -> Answer {
        self.ask(Method::GET, address, path, BROWSER).await
    }

    async fn click(&self, address: u8, link: usize) {
        assert_eq!(self.get(address, &self.links[link]).await.status, 302);
    }

    /// What is known of the opens and clicks, in order.
    async fn fetches(&self) -> Vec<Value> {
        let answer = self.acme.get(&format!("/api/v1/emails/{}/events", self.id)).await.json();
        let events = answer["events"].as_array().expect("it is a list").iter();
        let is_fetch = |event: &&Value| ["opened", "clicked"].contains(&event["event_type"].as_str().unwrap_or("-"));
        events.filter(is_fetch).map(|event| event["event_data"].clone()).collect()
    }

    async fn classes(&self) -> Vec<String> {
        let classes = self.fetches().await.into_iter().map(|data| data["client"]["class"].clone());
        classes.map(|class| class.as_str().expect("it has a class").to_owned()).collect()
    }

    /// Emails opened, clicked, opened by a person, clicked by a person.
    async fn usage(&self) -> [i64; 4] {
        let month = self.acme.get("/api/customer/usage").await.json()["current_month"].clone();
        ["emails_opened", "emails_clicked", "emails_opened_human", "emails_clicked_human"]
            .map(|name| month[name].as_i64().expect("it is a number"))
    }

    async fn load(&self, text: &str) -> Value {
        self.app.command(Command::ClientRulesLoad { text: Some(text.into()) }).await
    }

    async fn reclassify(&self, dry_run: bool) -> Value {
        self.app.command(Command::Reclassify { after: 0, since: 0, customer: None, dry_run }).await
    }
}

/// A document whose only rule puts browsers down to machines with this confidence.
fn against_browsers(confidence: u8) -> String {
    format!(
        "format = 1\nupdated = \"2026-11-27\"\nunknown = {{ confidence = 0, reason = \"anybody\" }}\n\n[[rule]]\n\
         name = \"no-browsers\"\nclient = \"Browsers\"\nconfidence = {confidence}\nreason = \"it is a browser\"\n\
         source = \"https://example.com\"\nuser_agent = {{ begins = [\"Mozilla/5.0 (\"] }}\n"
    )
}

#[tokio::test]
async fn a_burst_is_told_from_the_reader_beside_it_and_people_are_counted_apart() {
    let sent = Sent::with(&[]).await;
    sent.get(1, &sent.open).await;
    for link in 0..2 {
        sent.click(1, link).await;
    }
    assert_eq!(sent.usage().await, [1, 1, 1, 1], "so far it looks like a person");
    sent.click(1, 2).await;
    assert_eq!(sent.classes().await, ["scanner"; 4]);
    assert_eq!(sent.usage().await, [1, 1, 0, 0], "what was counted is taken back");
    let client = sent.fetches().await[0]["client"].clone();
    let reason = "the same address followed three or more links of the email within three seconds";
    let expected = json!({ "confidence": 85, "class": "scanner", "reason": reason, "rules": ["burst"] });
    assert_eq!(client, expected);

    sent.click(2, 0).await;
    assert_eq!(sent.classes().await[4], "human", "somebody else is somebody else");
    assert_eq!(sent.usage().await, [1, 1, 0, 1]);
    let done = sent.reclassify(false).await;
    let expected = json!({ "next": null, "last": 8, "judged": 5, "revised": 0, "moved": [] });
    assert_eq!(done, expected, "it comes to the same when it is judged again");
}

#[tokio::test]
async fn the_time_since_the_delivery_tells_scanners_too() {
    for (after_delivery, class) in
        [(-1, "scanner"), (0, "scanner"), (2_000, "scanner"), (2_001, "suspicious"), (10_001, "human")]
    {
        let sent = Sent::with(&[]).await;
        sent.app.pass(after_delivery - HOUR);
        sent.click(1, 0).await;
        assert_eq!(sent.classes().await, [class], "{after_delivery}");
    }
}

#[tokio::test]
async fn a_head_is_no_event_and_makes_the_get_behind_it_suspicious() {
    let sent = Sent::with(&[]).await;
    sent.ask(Method::HEAD, 1, &sent.links[0], BROWSER).await;
    assert_eq!(sent.fetches().await, [json!(null); 0]);
    sent.click(2, 0).await;
    sent.click(1, 1).await;
    sent.app.pass(60_000);
    sent.click(1, 0).await;
    sent.app.pass(1);
    sent.click(1, 0).await;
    assert_eq!(sent.classes().await, ["human", "human", "suspicious", "human"]);
    let fetches = sent.fetches().await;
    assert_eq!((&fetches[2]["head"], &fetches[3]["head"]), (&json!(true), &json!(null)));
    assert_eq!(sent.reclassify(false).await["moved"], json!([]), "it is kept beside the event");
}

#[tokio::test]
async fn nothing_is_hidden_in_an_email_unless_the_operator_wants_it() {
    let sent = Sent::with(&[]).await;
    assert_eq!(sent.links.len(), 4);
    let sent = Sent::with(&[("PILLARBOX_TRACK_CANARY", "on")]).await;
    assert_eq!(sent.links.len(), 5);
    let app = TestApp::with(&[("PILLARBOX_TRACK_CANARY", "on")]).await;
    let acme = app.customer("acme").await;
    let email = json!({ "to": "ada@example.com", "subject": "x", "html": "<p>x</p>", "track_clicks": false });
    let id = acme.post("/api/send", email).await.json()["email_id"].as_str().expect("it has an id").to_owned();
    let html = app.captured(&id).await["html"].as_str().expect("it has html").to_owned();
    assert!(!html.contains("/track/c/") && html.contains("/track/o/"), "without clicks it tells nothing: {html}");
}

#[tokio::test]
async fn who_follows_the_hidden_link_is_a_scanner_and_so_is_what_it_did_around_it() {
    let sent = Sent::with(&[("PILLARBOX_TRACK_CANARY", "on")]).await;
    let page = sent.ask(Method::GET, 1, &sent.links[4], BROWSER).await;
    assert_eq!((page.status.as_u16(), page.header("location")), (200, None));
    assert!(page.text().contains("hidden in the email"), "{page:?}");
    assert_eq!(sent.usage().await, [0; 4], "it is no click on a link of the author");
    let client = sent.fetches().await[0].clone();
    let reason = "it followed a link that no person can see";
    let expected = json!({ "ip": "192.0.2.1", "user_agent": BROWSER, "canary": true,
        "client": { "confidence": 100, "class": "scanner", "reason": reason, "rules": ["canary"] } });
    assert_eq!(client, expected);

    sent.app.pass(30_000);
    for address in [1, 2] {
        sent.click(address, 0).await;
    }
    sent.app.pass(30_000);
    sent.get(3, &sent.links[4]).await;
    sent.app.pass(-30_000);
    sent.get(3, &sent.open).await;
    assert_eq!(sent.classes().await, ["scanner", "scanner", "human", "scanner", "scanner"], "before and after");
    assert_eq!(sent.usage().await, [1, 1, 0, 1]);
    let timeline = sent.acme.get(&format!("/api/v1/emails/{}/events", sent.id)).await.json()["timeline"].clone();
    assert_eq!(timeline[3]["summary"], "A mail scanner followed a link.");

    // Whatever rules are in effect, and with HEAD.
    sent.load(&against_browsers(0)).await;
    sent.app.pass(HOUR);
    sent.ask(Method::HEAD, 9, &sent.links[4], BROWSER).await;
    sent.get(9, &sent.links[4]).await;
    assert_eq!(sent.classes().await[5..], ["scanner"]);
}

#[tokio::test]
async fn other_rules_take_effect_at_once_and_stay_and_bad_ones_change_nothing() {
    let sent = Sent::with(&[]).await;
    let (text, wrong) = (against_browsers(99), against_browsers(99).replace("confidence = 99", "confidence = 199"));
    let load = |text: &str| Command::ClientRulesLoad { text: Some(text.into()) };
    let refused = sent.app.refused_command(load(&wrong)).await;
    assert!(refused.starts_with("line 5, rule `no-browsers`: confidence is from 0 to 100"), "{refused}");
    // Each from an address of its own, since fetches around a new one are judged again by the rules that it meets.
    sent.click(1, 0).await;
    let shown = sent.load(&text).await;
    assert_eq!((&shown["rules"][0]["name"], &shown["text"]), (&json!("no-browsers"), &json!(text)));
    sent.click(2, 0).await;
    assert_eq!(sent.classes().await, ["human", "scanner"]);
    assert!(sent.app.refused_command(load("nonsense")).await.contains("line 1"));
    sent.click(3, 0).await;

    let Sent { app, acme, id, open, links } = sent;
    let (app, acme) = app.restart(acme).await;
    // Events of one millisecond keep their order within one process alone.
    app.pass(1);
    let sent = Sent { app, acme, id, open, links };
    sent.click(4, 0).await;
    let origin = sent.app.command(Command::ClientRules).await["origin"].clone();
    assert!(origin.as_str().is_some_and(|origin| origin.ends_with("client_rules.toml")), "{origin}");
    let reset = sent.app.command(Command::ClientRulesReset).await;
    assert_eq!(reset["origin"], "built in");
    sent.click(5, 0).await;
    assert_eq!(sent.classes().await, ["human", "scanner", "scanner", "scanner", "human"]);
    sent.app.command(Command::ClientRulesReset).await;
    assert!(sent.app.refused_command(Command::ClientRulesLoad { text: None }).await.contains("cannot read"));
}

#[tokio::test]
async fn a_file_of_the_settings_is_the_operators_and_is_read_again_when_asked() {
    let folder = tempfile::tempdir().expect("a directory is made");
    let path = folder.path().join("rules.toml");
    std::fs::write(&path, against_browsers(99)).expect("it is written");
    let sent = Sent::with(&[("PILLARBOX_CLIENT_RULES", path.to_str().expect("it is text"))]).await;
    sent.click(1, 0).await;
    std::fs::write(&path, against_browsers(60)).expect("it is written");
    sent.app.command(Command::ClientRulesLoad { text: None }).await;
    sent.click(1, 0).await;
    std::fs::write(&path, "format = 7").expect("it is written");
    let refused = sent.app.refused_command(Command::ClientRulesLoad { text: None }).await;
    assert!(refused.contains("rules.toml are not right"), "{refused}");
    sent.click(1, 0).await;
    assert_eq!(sent.classes().await, ["scanner", "suspicious", "suspicious"]);
    for command in [Command::ClientRulesLoad { text: Some(against_browsers(1)) }, Command::ClientRulesReset] {
        assert!(sent.app.refused_command(command).await.contains("the setting client_rules names"));
    }
}

#[tokio::test]
async fn what_was_recorded_is_judged_again_and_only_the_judgement_changes() {
    let sent = Sent::with(&[]).await;
    sent.get(1, &sent.open).await;
    sent.click(1, 0).await;
    sent.app.pass(1_000);
    sent.ask(Method::GET, 1, &sent.open, "curl/8.5.0").await;
    let before = sent.fetches().await;
    sent.load(&against_browsers(70)).await;

    let moved = json!([{ "from": "human", "to": "suspicious", "count": 2 },
        { "from": "scanner", "to": "human", "count": 1 }]);
    let expected = json!({ "next": null, "last": 6, "judged": 3, "revised": 0, "moved": moved });
    assert_eq!(sent.reclassify(true).await, expected);
    assert_eq!((sent.fetches().await, sent.usage().await), (before.clone(), [1, 1, 1, 1]), "a dry run changes nothing");

    let since = sent.app.command(Command::Reclassify {
        after: 0,
        since: crate::harness::BEGINNING + HOUR + 1,
        customer: Some("acme@example.org".into()),
        dry_run: true,
    });
    assert_eq!(since.await["judged"], 1);
    let rival = sent.app.customer("rival").await.email;
    let others = Command::Reclassify { after: 0, since: 0, customer: Some(rival), dry_run: true };
    assert_eq!(sent.app.command(others).await["judged"], 0);
    let nobody = Command::Reclassify { after: 0, since: 0, customer: Some("x@example.org".into()), dry_run: true };
    assert!(sent.app.refused_command(nobody).await.contains("x@example.org"));

    assert_eq!(sent.reclassify(false).await, expected);
    assert_eq!(sent.classes().await, ["suspicious", "suspicious", "human"]);
    assert_eq!(sent.usage().await, [1, 1, 1, 0], "the counts of people follow");
    let without_client = |mut data: Vec<Value>| {
        for data in &mut data {
            data.as_object_mut().expect("it is an object").remove("client");
        }
        data
    };
    assert_eq!(without_client(sent.fetches().await), without_client(before));
    assert_eq!(sent.reclassify(false).await["moved"], json!([]), "once more changes nothing");

    sent.load(&against_browsers(60)).await;
    assert_eq!(sent.reclassify(false).await["revised"], 2, "the same class for another reason");
}

#[tokio::test]
async fn a_part_has_so_many_rows_and_says_where_the_next_begins() {
    let sent = Sent::with(&[]).await;
    for _ in 0..497 {
        sent.get(1, &sent.open).await;
    }
    let part = sent.reclassify(true).await;
    assert_eq!((&part["judged"], &part["last"], &part["next"]), (&json!(497), &json!(500), &json!(null)));
    sent.get(1, &sent.open).await;
    let part = sent.reclassify(true).await;
    assert_eq!((&part["judged"], &part["last"], &part["next"]), (&json!(497), &json!(501), &json!(500)));
    let rest = Command::Reclassify { after: 500, since: 0, customer: None, dry_run: true };
    let rest = sent.app.command(rest).await;
    assert_eq!((&rest["judged"], &rest["next"]), (&json!(1), &json!(null)));
}
