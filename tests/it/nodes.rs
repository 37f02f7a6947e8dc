//! What edge nodes and the origin say to each other: POST /node/join, /node/state, /node/hits, /node/notifications,
//! /node/certificate

mod notifications;

use std::net::{IpAddr, Ipv4Addr};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use pillarbox::control::Command;
use pillarbox::nodes;
use pillarbox::server::PeerCertificate;
use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::{Answer, BEGINNING, TestApp, TestCustomer};
use crate::operator::{Person, SETTINGS, get, has, session};

const BATCH_TYPE: &str = "application/vnd.pillarbox.hits";
const RECORDS_MAX: usize = 2_000;
const BATCH_BYTES_MAX: usize = 512 * 1024;
const MINUTE: i64 = 60_000;
const DAY: i64 = 24 * 60 * MINUTE;

/// A service with a listener for nodes.
struct Origin {
    app: TestApp,
    acme: TestCustomer,
    /// An email that was sent.
    email: Uuid,
}

/// A node as the listener meets it.
#[derive(Clone)]
struct Node {
    certificate: PeerCertificate,
    joined: Value,
}

impl Origin {
    async fn start() -> Self {
        Self::with(&[]).await
    }

    async fn with(settings: &[(&str, &str)]) -> Self {
        let app = TestApp::with(&[settings, &[("PILLARBOX_NODE_LISTEN", "192.0.2.1:8443")]].concat()).await;
        let acme = app.customer_with_events("acme").await;
        let email =
            json!({ "to": "ada@example.com", "subject": "News", "html": "<p>News</p>", "stream_type": "broadcast" });
        let email = acme.post("/api/send", email).await.json()["email_id"].as_str().expect("it has an id").to_owned();
        app.deliver().await;
        // What a node recorded was made after that.
        app.pass(1);
        Self { app, acme, email: email.parse().expect("it is an id") }
    }

    async fn invite(&self, name: &str) -> Value {
        self.app.command(invitation(name)).await
    }

    async fn ask(&self, path: &str, node: Option<&Node>, kind: &str, body: impl Into<Bytes>) -> Answer {
        let mut request = Request::post(path).header("content-type", kind);
        if let Some(node) = node {
            request = request.extension(node.certificate.clone());
        }
        let request = request.body(Full::new(body.into())).expect("it is a request");
        let response = nodes::handle(&self.app.app, IpAddr::V4(Ipv4Addr::LOCALHOST), request).await;
        let (parts, body) = response.into_parts();
        let body = body.collect().await.expect("the body is whole").to_bytes();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    async fn join_by(&self, token: &str) -> Answer {
        let encoded = token.strip_prefix("pillarbox_join_").expect("it has a prefix");
        let bytes = URL_SAFE_NO_PAD.decode(encoded).expect("it is base64");
        let secret = bytes[..32].iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
        let body = json!({ "secret": secret, "request": certificate_request(), "version": "9.9.9" });
        self.ask("/node/join", None, "application/json", body.to_string()).await
    }

    async fn node(&self, name: &str) -> Node {
        let invited = self.invite(name).await;
        let answer = self.join_by(invited["token"].as_str().expect("it is text")).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        Node { certificate: shown(&answer.json()["certificate"]), joined: answer.json() }
    }

    async fn state(&self, node: &Node, report: Value) -> Answer {
        self.ask("/node/state", Some(node), "application/json", report.to_string()).await
    }

    async fn hand_over(&self, node: &Node, records: &[Vec<u8>]) -> Answer {
        self.ask("/node/hits", Some(node), BATCH_TYPE, batch(records)).await
    }

    async fn events(&self) -> Vec<String> {
        self.app.events_of(&self.acme, &self.email.to_string()).await
    }

    async fn edges(&self) -> Value {
        self.app.command(Command::NodeList).await["edges"].clone()
    }

    /// An open of the email.
    fn open(&self, number: u128) -> Vec<u8> {
        record(0, number, self.email)
    }
}

fn invitation(name: &str) -> Command {
    Command::NodeInvite { name: name.into(), address: None, minutes: 60 }
}

/// What a node tells that has handed everything over.
fn at_rest() -> Value {
    json!({ "version": "1", "spool_bytes": 0 })
}

fn certificate_request() -> String {
    let key = KeyPair::generate().expect("a key");
    let request = CertificateParams::default().serialize_request(&key).expect("it is signed");
    request.pem().expect("it is text")
}

fn shown(pem: &Value) -> PeerCertificate {
    let pem = pem.as_str().expect("it is text");
    PeerCertificate(CertificateDer::from_pem_slice(pem.as_bytes()).expect("it is PEM"))
}

/// A record of version 2: an id of just now with this number, from 192.0.2.9, by a browser.
fn record(kind: u8, number: u128, email: Uuid) -> Vec<u8> {
    let id = Uuid::from_u128((u128::from((BEGINNING + 1).cast_unsigned()) << 80) | (7 << 76) | (2 << 62) | number);
    let mut bytes = vec![2, kind | 16];
    bytes.extend(id.as_bytes());
    bytes.extend(email.as_bytes());
    if kind == 1 {
        bytes.push(0);
    }
    bytes.extend([192, 0, 2, 9]);
    let user_agent = "Mozilla/5.0 (X11)";
    bytes.push(u8::try_from(user_agent.len() * 4 + 1).expect("it is short"));
    bytes.extend(user_agent.as_bytes());
    if kind == 1 {
        let url = "https://example.com/";
        bytes.push(u8::try_from(url.len() * 4 + 1).expect("it is short"));
        bytes.extend(url.as_bytes());
    }
    bytes
}

fn batch(records: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = vec![1];
    for record in records {
        assert!(record.len() < 128, "its length is one byte");
        bytes.push(u8::try_from(record.len()).expect("it is short"));
        bytes.extend(record);
    }
    bytes
}

#[tokio::test]
async fn a_token_lets_one_node_in_once() {
    let origin = Origin::start().await;
    let invited = origin.invite("fra-1").await;
    assert_eq!(invited["address"], "192.0.2.1:8443");
    let token = invited["token"].as_str().expect("it is text").to_owned();
    let joined = origin.join_by(&token).await;
    assert_eq!((joined.status.as_u16(), &joined.json()["name"]), (201, &json!("fra-1")));
    origin.join_by(&token).await.refuses(403, "token_used", "has joined by this token already");
    let edges = origin.edges().await;
    assert_eq!((edges.as_array().map(Vec::len), &edges[0]["state"]), (Some(1), &json!("joined")));
    let stranger = "pillarbox_join_".to_owned() + &URL_SAFE_NO_PAD.encode([7; 80]);
    origin.join_by(&stranger).await.refuses(403, "token_unknown", "No node was invited");
}

#[tokio::test]
async fn a_token_holds_for_its_time_and_no_longer() {
    for (waits, status) in [(60 * MINUTE - 1, 201), (60 * MINUTE, 403)] {
        let origin = Origin::start().await;
        let invited = origin.invite("fra-1").await;
        origin.app.pass(waits);
        let answer = origin.join_by(invited["token"].as_str().expect("it is text")).await;
        assert_eq!(answer.status, status, "{answer:?}");
    }
}

#[tokio::test]
async fn names_are_free_for_one_node_and_invitations_have_a_bound() {
    let origin = Origin::start().await;
    origin.node("fra-1").await;
    origin.invite("ams-1").await;
    for name in ["fra-1", "ams-1"] {
        let wrong = origin.app.refused_command(invitation(name)).await;
        assert!(wrong.contains(&format!("there is a node `{name}`")), "{wrong}");
    }
    for number in 2..=100 {
        origin.invite(&format!("ams-{number}")).await;
    }
    let wrong = origin.app.refused_command(invitation("ams-101")).await;
    assert!(wrong.contains("100 invitations are open"), "{wrong}");
    let withdrawn = Command::NodeRevoke { name: "ams-1".into() };
    origin.app.command(withdrawn).await;
    origin.invite("ams-101").await;
    for name in ["", "a b", &"x".repeat(65)] {
        assert!(origin.app.refused_command(invitation(name)).await.contains("1 to 64"), "{name}");
    }
    for minutes in [0, 7 * 24 * 60 + 1] {
        let command = Command::NodeInvite { name: "x".into(), address: None, minutes };
        assert!(origin.app.refused_command(command).await.contains("1 to 10080"), "{minutes}");
    }
    let command = Command::NodeInvite { name: "x".into(), address: Some("nowhere".into()), minutes: 1 };
    assert!(origin.app.refused_command(command).await.contains("a host and a port"));
}

#[tokio::test]
async fn without_a_listener_nobody_is_invited() {
    let app = TestApp::start().await;
    let wrong = app.refused_command(invitation("fra-1")).await;
    assert!(wrong.contains("set node_listen"), "{wrong}");
}

#[tokio::test]
async fn hits_of_a_node_are_events_once_however_often_they_come() {
    let origin = Origin::start().await;
    let node = origin.node("fra-1").await;
    let records = [origin.open(1), record(1, 2, origin.email), record(3, 3, origin.email), record(0, 4, Uuid::nil())];
    for new in [3, 0] {
        let answer = origin.hand_over(&node, &records).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["new"]), (200, &json!(new)), "{answer:?}");
    }
    assert_eq!(origin.events().await, ["queued", "sent", "delivered", "opened", "clicked", "unsubscribed"]);
    let event = origin.acme.get("/api/v1/events?type=clicked").await.json()["events"][0]["event_data"].clone();
    assert_eq!((&event["ip"], &event["url"]), (&json!("192.0.2.9"), &json!("https://example.com/")));
    let rules = &event["client"]["rules"];
    assert_eq!(
        *rules,
        json!(["click-at-once", "click-soon"]),
        "it is judged at home, by the time of the delivery: {event}"
    );
    let listed = origin.acme.get("/api/customer/unsubscribes").await.json();
    assert_eq!(listed["unsubscribes"][0]["source"], "one-click", "{listed}");
    let more = json!({ "to": "ada@example.com", "subject": "More", "text": "More", "stream_type": "broadcast" });
    origin.acme.post("/api/send", more).await.refuses(422, "recipient_suppressed", "unsubscribe");
}

#[tokio::test]
async fn who_unsubscribed_at_an_edge_and_at_home_did_so_once() {
    let origin = Origin::start().await;
    let node = origin.node("fra-1").await;
    assert_eq!(origin.hand_over(&node, &[record(2, 1, origin.email)]).await.json()["new"], 1);
    assert_eq!(origin.hand_over(&node, &[record(3, 2, origin.email)]).await.json()["new"], 0);
    assert_eq!(origin.events().await.iter().filter(|event| *event == "unsubscribed").count(), 1);
    let listed = origin.acme.get("/api/customer/unsubscribes").await.json();
    assert_eq!(listed["unsubscribes"][0]["source"], "link", "{listed}");
}

#[tokio::test]
async fn a_batch_has_a_bound_on_its_records_and_on_its_bytes() {
    let origin = Origin::start().await;
    let node = origin.node("fra-1").await;
    let mut records: Vec<_> = (0..RECORDS_MAX as u128).map(|number| origin.open(number)).collect();
    let answer = origin.hand_over(&node, &records).await;
    assert_eq!(answer.json()["new"], RECORDS_MAX, "{answer:?}");
    records.push(origin.open(RECORDS_MAX as u128));
    origin.hand_over(&node, &records).await.refuses(400, "invalid_request", "more than 2000 records");
    let of_bytes = async |bytes: usize| origin.ask("/node/hits", Some(&node), BATCH_TYPE, vec![1; bytes]).await;
    of_bytes(BATCH_BYTES_MAX + 1).await.refuses(413, "body_too_large", "524288 bytes");
    assert_eq!(of_bytes(BATCH_BYTES_MAX).await.status, 400, "it is read, and is no batch");
}

#[tokio::test]
async fn garbage_is_refused_whole_and_a_later_version_is_waited_for() {
    let origin = Origin::start().await;
    let node = origin.node("fra-1").await;
    let good = origin.open(1);
    let answer = origin.hand_over(&node, &[good.clone(), vec![9, 9]]).await;
    answer.refuses(400, "invalid_request", "record 1 is no hit");
    let mut cut = batch(std::slice::from_ref(&good));
    cut.pop();
    let cut = origin.ask("/node/hits", Some(&node), BATCH_TYPE, cut).await;
    cut.refuses(400, "invalid_request", "record 0 of the batch is cut off");
    origin.ask("/node/hits", Some(&node), BATCH_TYPE, vec![2]).await.refuses(415, "unsupported_media_type", "hits");
    origin.ask("/node/hits", Some(&node), "text/plain", vec![1]).await.refuses(415, "unsupported_media_type", "hits");
    assert_eq!(origin.events().await, ["queued", "sent", "delivered"], "no part of it was taken");
    assert_eq!(origin.hand_over(&node, &[good]).await.json()["new"], 1);
    origin.ask("/node/other", Some(&node), BATCH_TYPE, vec![1]).await.refuses(404, "not_found", "Not found");
}

#[tokio::test]
async fn nobody_but_a_node_is_heard() {
    let origin = Origin::start().await;
    let node = origin.node("fra-1").await;
    let other = Origin::start().await.node("fra-1").await;
    for path in ["/node/state", "/node/hits", "/node/notifications", "/node/certificate"] {
        let answer = origin.ask(path, None, BATCH_TYPE, batch(&[])).await;
        answer.refuses(401, "unauthorized", "shows its certificate");
        let answer = origin.ask(path, Some(&other), BATCH_TYPE, batch(&[])).await;
        answer.refuses(401, "unauthorized", "No node has this certificate");
    }
    assert_eq!(origin.hand_over(&node, &[]).await.status, 200);
}

#[tokio::test]
async fn a_revoked_node_is_refused_with_its_next_request_and_its_name_is_free() {
    let origin = Origin::start().await;
    let node = origin.node("fra-1").await;
    assert_eq!(origin.hand_over(&node, &[origin.open(1)]).await.status, 200);
    origin.app.command(Command::NodeRevoke { name: "fra-1".into() }).await;
    origin.hand_over(&node, &[origin.open(2)]).await.refuses(403, "node_revoked", "revoked at the origin");
    origin.state(&node, at_rest()).await.refuses(403, "node_revoked", "revoked");
    assert_eq!(origin.events().await, ["queued", "sent", "delivered", "opened"]);
    let wrong = origin.app.refused_command(Command::NodeRevoke { name: "fra-1".into() }).await;
    assert!(wrong.contains("no node `fra-1`"), "{wrong}");
    // It comes back as another one, with what it had.
    let again = origin.node("fra-1").await;
    assert_eq!(origin.hand_over(&again, &[origin.open(1), origin.open(2)]).await.json()["new"], 1);
    let states: Vec<_> =
        origin.edges().await.as_array().expect("a list").iter().map(|edge| edge["state"].clone()).collect();
    assert_eq!(states, ["joined", "revoked"]);
}

#[tokio::test]
async fn a_person_sees_the_nodes_and_revokes_one() {
    let origin = Origin::with(SETTINGS).await;
    has(&get(&origin.app, "/nodes").await.text(), &["There are no edge nodes", "Sign in"]);
    let (fra, ams) = (origin.node("fra-1").await, origin.node("ams-1").await);
    origin.state(&fra, at_rest()).await;
    let cookie = session(&origin.app, "/nodes").await;
    let person = Person { app: &origin.app, cookie: &cookie };
    has(
        &person.page("/nodes").await,
        &["1 connected", "fra-1 <span class=\"badge good\">connected", "ams-1 <span class=\"badge plain\">joined"],
    );
    let question = "/nodes/revoke?name=ams-1";
    has(&person.page(question).await, &["Revoke ams-1?", "href=\"/nodes\">Cancel</a>"]);
    person.change(question, "name=ams-1", "The node is refused from its next request on").await;
    origin.state(&ams, at_rest()).await.refuses(403, "node_revoked", "revoked");
    has(&person.page("/nodes").await, &["revoked", "It is refused."]);
    person.refused(question, "name=ams-1", "ams-1").await;
    for (path, status) in [("/nodes/revoke", 404), ("/nodes/explode?name=fra-1", 404), ("/nodes/revoke?name=", 404)] {
        assert_eq!(get(&origin.app, path).await.status, status, "{path}");
    }
}

#[tokio::test]
async fn a_node_tells_how_far_it_is_and_gets_the_keys_of_tokens_when_it_has_others() {
    let origin = Origin::start().await;
    let node = origin.node("fra-1").await;
    let report = json!({ "version": "1.2.3", "spool_bytes": 4_096, "spool_oldest_at": BEGINNING + 1 - 7_000 });
    let first = origin.state(&node, report).await.json();
    assert_eq!((first["ring"].as_array().map(Vec::len), first["ring"][0]["id"].as_u64()), (Some(2), Some(1)));
    let report = json!({ "version": "1.2.3", "spool_bytes": 4_096, "spool_oldest_at": BEGINNING + 1 - 7_000,
        "ring_revision": first["ring_revision"] });
    let second = origin.state(&node, report.clone()).await.json();
    assert_eq!((second.get("ring"), &second["ring_revision"]), (None, &first["ring_revision"]));
    origin.app.command(Command::TrackingKeyRotate { force: false }).await;
    let third = origin.state(&node, report).await.json();
    let ids: Vec<_> = third["ring"].as_array().into_iter().flatten().map(|key| &key["id"]).collect();
    assert_eq!(ids, [2, 3, 1], "the one that signs, the next one, those whose links count");
    let edge = origin.edges().await[0].clone();
    let told = [&edge["state"], &edge["version"], &edge["spool_bytes"], &edge["lag_seconds"]];
    assert_eq!(told, [&json!("connected"), &json!("1.2.3"), &json!(4_096), &json!(7)], "{edge}");
    origin.app.pass(30_000);
    assert_eq!(origin.edges().await[0]["state"], "connected");
    origin.app.pass(1);
    assert_eq!(origin.edges().await[0]["state"], "away");
    origin.app.command(Command::NodeRename { name: "fra-1".into(), to: "fra-2".into() }).await;
    let renamed = origin.state(&node, json!({ "version": "1", "spool_bytes": 0 })).await.json();
    assert_eq!(renamed["name"], "fra-2");
}

#[tokio::test]
async fn a_node_gets_its_next_certificate_and_goes_by_either_until_it_uses_the_new_one() {
    let origin = Origin::start().await;
    let node = origin.node("fra-1").await;
    origin.app.pass(61 * DAY);
    let renewed = async |node: &Node| {
        let body = json!({ "request": certificate_request() }).to_string();
        let answer = origin.ask("/node/certificate", Some(node), "application/json", body).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        Node { certificate: shown(&answer.json()["certificate"]), joined: node.joined.clone() }
    };
    let next = renewed(&node).await;
    for node in [&node, &next] {
        assert_eq!(origin.hand_over(node, &[]).await.status, 200);
    }
    let last = renewed(&next).await;
    assert_eq!(origin.hand_over(&last, &[]).await.status, 200);
    origin.hand_over(&node, &[]).await.refuses(401, "unauthorized", "No node has this certificate");
    let wrong = json!({ "request": "hello" }).to_string();
    let wrong = origin.ask("/node/certificate", Some(&last), "application/json", wrong).await;
    wrong.refuses(400, "invalid_request", "certificate request");
}
