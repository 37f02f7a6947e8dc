//! GET /api/v1/events/stream

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use pillarbox::reply::Body;
use pillarbox::server::Shutdown;
use pillarbox::{feed, request};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::harness::{TestApp, TestCustomer};

const PATIENCE: Duration = Duration::from_secs(20);

/// Somebody who follows.
struct Follower {
    body: Body,
    text: String,
}

/// Hands events out until the sender goes.
fn serve(app: &TestApp) -> watch::Sender<Shutdown> {
    let (stop, stopping) = watch::channel(Shutdown::No);
    tokio::spawn(feed::run(Arc::clone(&app.app), stopping));
    stop
}

async fn follow(app: &TestApp, customer: &TestCustomer, query: &str, last: Option<&str>) -> Follower {
    let ask = async || {
        let mut request = Request::get(format!("/api/v1/events/stream{query}"));
        request = request.header("authorization", format!("Bearer {}", customer.key));
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let request = request.body(Full::<Bytes>::default()).expect("it is a request");
        request::handle(&app.app, IpAddr::V4(Ipv4Addr::LOCALHOST), request).await
    };
    let mut answer = ask().await;
    while answer.status() == 503 {
        // Nobody hands events out yet.
        tokio::time::sleep(Duration::from_millis(10)).await;
        answer = ask().await;
    }
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-type"], "text/event-stream");
    Follower { body: answer.into_body(), text: String::new() }
}

impl Follower {
    /// The next event: its id and its type.
    async fn next(&mut self) -> (String, String) {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.text = rest;
                let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
                if let (Some(id), Some(event)) = (field("id: "), field("event: ")) {
                    let data = field("data: ").expect("it has data");
                    assert!(data.contains(&id) && data.contains(&event), "{data}");
                    return (id, event);
                }
                continue;
            }
            let frame = timeout(PATIENCE, self.body.frame()).await.expect("something comes in time");
            let frame = frame.expect("the stream goes on").expect("nothing breaks it off");
            self.text.push_str(std::str::from_utf8(frame.data_ref().expect("it is data")).expect("it is text"));
        }
    }

    async fn types(&mut self, count: usize) -> Vec<String> {
        let mut types = Vec::new();
        for _ in 0..count {
            types.push(self.next().await.1);
        }
        types
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn events_come_as_they_happen_and_go_on_behind_the_last_one_that_was_seen() {
    let app = TestApp::start().await;
    let acme = app.customer_with_events("acme").await;
    let rival = app.customer_with_events("rival").await;
    acme.send("before@example.com").await;
    let _running = serve(&app);
    let mut live = follow(&app, &acme, "", None).await;
    let mut delivered = follow(&app, &acme, "?type=delivered", None).await;
    rival.send("theirs@example.com").await;
    acme.send("ada@example.com").await;
    let (first, event) = live.next().await;
    assert_eq!(event, "queued", "what was before is not shown, nor what is another's");
    app.deliver().await;
    let types = live.types(4).await;
    assert_eq!(types, ["sent", "delivered", "sent", "delivered"]);
    assert_eq!(delivered.types(2).await, ["delivered", "delivered"]);

    // Who comes back gets what was missed, once, and then what happens.
    let mut resumed = follow(&app, &acme, "", Some(&first)).await;
    acme.send("later@example.com").await;
    assert_eq!(resumed.types(5).await, ["sent", "delivered", "sent", "delivered", "queued"]);

    let refused = |id: String| {
        let acme = acme.clone();
        async move { acme.call(http::Method::GET, "/api/v1/events/stream", None, &[("last-event-id", &id)]).await }
    };
    let theirs = rival.get("/api/v1/events").await.json()["events"][0]["id"].as_str().expect("an id").to_owned();
    for id in [theirs, "nonsense".to_owned()] {
        refused(id).await.refuses(400, "invalid_request", "Last-Event-ID");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_slow_misses_nothing() {
    let app = TestApp::with(&[("PILLARBOX_REQUESTS_PER_MINUTE", "0")]).await;
    let acme = app.customer_with_events("acme").await;
    let _running = serve(&app);
    let mut slow = follow(&app, &acme, "", None).await;
    // More than its ring and everything that waits for it can hold.
    for first in (0..1_000).step_by(250) {
        let emails: Vec<_> = (first..first + 250)
            .map(|n| serde_json::json!({ "to": format!("a{n}@example.com"), "subject": "s", "text": "t" }))
            .collect();
        acme.post("/api/batch", serde_json::json!({ "emails": emails })).await.is_status(200);
    }
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..1_000 {
        assert!(seen.insert(slow.next().await.0), "nothing comes twice");
    }
}

#[tokio::test]
async fn streams_need_the_switches() {
    let app = TestApp::start().await;
    let acme = app.customer("acme").await;
    acme.get("/api/v1/events/stream").await.refuses(403, "event_tracking_disabled", "Event tracking is not enabled");
}
