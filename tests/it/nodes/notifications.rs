//! POST /node/notifications, and the addresses of sources that a node is given by POST /node/state

use pillarbox::inbox::{self, Accepted, Arrival, Patience};
use pillarbox::store::InboxState;
use ring::digest::{SHA256, digest};

use super::*;
use crate::sources::{add, command, mailgun, path, path_of};

const TYPE: &str = "application/vnd.pillarbox.notifications";
const RECORDS_MAX: usize = 64;
const BODY_BYTES_MAX: usize = 5 * 1024 * 1024;
/// The largest body, 64 KiB of what stands before it, and what a batch adds to that.
const BATCH_BYTES_MAX: usize = BODY_BYTES_MAX + 64 * 1024 + 11;
/// Bytes of notifications that may wait to be read.
const WAITING_BYTES_MAX: usize = 256 * 1024 * 1024;

/// What came to a node, at the beginning unless it says otherwise.
#[derive(Clone)]
struct Posted {
    number: u128,
    received_at: i64,
    /// The path that it was posted to.
    path: String,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

impl Posted {
    fn to(path: &str, number: u128, body: impl Into<Vec<u8>>) -> Self {
        let headers = vec![("content-type", "application/json".to_owned())];
        Self { number, received_at: BEGINNING, path: path.to_owned(), headers, body: body.into() }
    }

    fn id(&self) -> Uuid {
        Uuid::from_u128((u128::from(self.received_at.cast_unsigned()) << 80) | (7 << 76) | (2 << 62) | self.number)
    }

    fn record(&self) -> Vec<u8> {
        let mut bytes = vec![1];
        bytes.extend(self.id().as_bytes());
        bytes.extend(self.received_at.to_le_bytes());
        bytes.extend([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 9]);
        let mut part = |part: &[u8]| {
            bytes.extend(number(part.len()));
            bytes.extend(part);
        };
        part(self.path.trim_start_matches("/webhooks/in/").as_bytes());
        bytes.push(u8::try_from(self.headers.len()).expect("there are few"));
        let mut part = |part: &[u8]| {
            bytes.extend(number(part.len()));
            bytes.extend(part);
        };
        for (name, value) in &self.headers {
            part(name.as_bytes());
            part(value.as_bytes());
        }
        bytes.extend(&self.body);
        bytes
    }
}

/// LEB128.
fn number(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push(u8::try_from(number & 0x7f).expect("seven bits") | 0x80);
        number >>= 7;
    }
    bytes.push(u8::try_from(number).expect("seven bits"));
    bytes
}

fn batch_of(records: &[Vec<u8>]) -> Vec<u8> {
    let records = records.iter().flat_map(|record| [number(record.len()), record.clone()].concat());
    std::iter::once(1).chain(records).collect()
}

async fn hand_over(origin: &Origin, node: &Node, posted: &[Posted]) -> Answer {
    let records: Vec<_> = posted.iter().map(Posted::record).collect();
    origin.ask("/node/notifications", Some(node), TYPE, batch_of(&records)).await
}

#[track_caller]
fn fates(answer: &Answer) -> Vec<String> {
    assert_eq!(answer.status, 200, "{answer:?}");
    let fates = answer.json()["fates"].clone();
    fates.as_array().expect("a list").iter().map(|fate| fate.as_str().expect("it is text").to_owned()).collect()
}

async fn rows(origin: &Origin) -> Vec<Value> {
    let list = Command::InboxList { state: None, source: None, since: None, offset: 0, limit: 200 };
    origin.app.command(list).await["rows"].as_array().expect("a list").clone()
}

async fn count(origin: &Origin, state: InboxState) -> i64 {
    origin.app.app.store.count_inbox(state).await.expect("they are counted")
}

/// A complaint as Mailgun tells it, about the email, signed at the beginning.
fn complaint(origin: &Origin, token: &str, id: &str) -> String {
    let mut event: Value = serde_json::from_str(&mailgun("signing-key", token, id)).expect("it is JSON");
    event["event-data"]["user-variables"] = json!({ "pillarbox_email_id": origin.email });
    event.to_string()
}

async fn mailgun_source(origin: &Origin) -> String {
    path_of(&origin.app, json!({ "name": "mg", "provider": "mailgun", "secret": "signing-key" })).await
}

#[tokio::test]
async fn what_a_node_took_is_in_the_inbox_once_however_often_it_comes_and_is_read() {
    let origin = Origin::start().await;
    let node = origin.node("fra-1").await;
    let path = mailgun_source(&origin).await;
    let posted = Posted::to(&path, 1, complaint(&origin, "token-1", "e-1"));
    for _ in 0..2 {
        assert_eq!(fates(&hand_over(&origin, &node, std::slice::from_ref(&posted)).await), ["taken"]);
    }
    assert_eq!(count(&origin, InboxState::Received).await, 1);
    inbox::read_due(&origin.app.app).await.expect("the inbox is worked on");
    assert_eq!(origin.events().await, ["queued", "sent", "delivered", "complained"]);
    // It is known as well once it was read, and also where it changed nothing.
    let other = Posted::to(&path, 2, mailgun("signing-key", "token-2", "e-2"));
    for _ in 0..2 {
        let answer = hand_over(&origin, &node, &[posted.clone(), other.clone()]).await;
        assert_eq!(fates(&answer), ["taken", "taken"]);
        inbox::read_due(&origin.app.app).await.expect("the inbox is worked on");
    }
    let rows = rows(&origin).await;
    let ids: Vec<_> = rows.iter().map(|row| row["id"].clone()).collect();
    assert_eq!(ids, [json!(other.id()), json!(posted.id())], "{rows:?}");
    assert_eq!((&rows[0]["source"], &rows[0]["verified"]), (&json!("mg"), &json!(true)));
    assert_eq!(origin.events().await.len(), 4);
}

#[tokio::test]
async fn what_is_not_genuine_is_refused_and_what_stands_beside_it_is_taken() {
    let origin = Origin::start().await;
    let node = origin.node("fra-1").await;
    let path = path_of(
        &origin.app,
        json!({ "name": "hooks", "scheme": "header", "header": "x-secret", "secret": "a-secret-word", "body_bytes_max": 1_024 }),
    )
    .await;
    let with = |number, secret: &str, bytes: usize| {
        let mut posted = Posted::to(&path, number, format!("{{}}{}", " ".repeat(bytes - 2)));
        posted.headers.push(("x-secret", secret.to_owned()));
        posted
    };
    let nobodys = format!("/webhooks/in/{}", "0".repeat(48));
    let batch = [
        with(1, "a-secret-word", 1_023),
        with(2, "another", 2),
        Posted::to(&path, 3, "{}"),
        Posted::to(&nobodys, 4, "{}"),
        with(5, "a-secret-word", 1_025),
        with(6, "a-secret-word", 1_024),
    ];
    let wanted = ["taken", "refused", "refused", "refused", "refused", "taken"];
    assert_eq!(fates(&hand_over(&origin, &node, &batch).await), wanted);
    assert_eq!(count(&origin, InboxState::Received).await, 2);
    origin.app.command(command(json!({ "command": "source_disable", "name": "hooks", "disabled": true }))).await;
    assert_eq!(fates(&hand_over(&origin, &node, &[with(7, "a-secret-word", 2)]).await), ["refused"]);
}

#[tokio::test]
async fn a_signature_is_held_against_the_time_at_which_the_node_received_it() {
    let origin = Origin::start().await;
    let node = origin.node("fra-1").await;
    let path = mailgun_source(&origin).await;
    // The origin was away for a day. Mailgun's times may be off by five minutes.
    origin.app.pass(DAY);
    let at = |number, received_at| Posted {
        received_at,
        ..Posted::to(&path, number, mailgun("signing-key", &format!("token-{number}"), &format!("e-{number}")))
    };
    let batch = [at(1, BEGINNING + 300_000), at(2, BEGINNING + 301_000), at(3, BEGINNING + 2 * DAY)];
    assert_eq!(fates(&hand_over(&origin, &node, &batch).await), ["taken", "refused", "refused"]);
    let row = rows(&origin).await[0].clone();
    assert_eq!(row["received_at"], "2024-03-15T14:35:00Z", "{row}");
    // What was signed came with one body, wherever the other comes.
    let again = Posted::to(&path, 4, mailgun("signing-key", "token-1", "e-4"));
    assert_eq!(fates(&hand_over(&origin, &node, &[again]).await), ["refused"]);
    // A clock that is ahead receives nothing tomorrow.
    let open = path_of(&origin.app, json!({ "name": "open", "scheme": "none" })).await;
    let ahead = Posted { received_at: BEGINNING + 9 * DAY, ..Posted::to(&open, 5, "{}") };
    assert_eq!(fates(&hand_over(&origin, &node, &[ahead]).await), ["taken"]);
    let row = rows(&origin).await[0].clone();
    assert_eq!(row["received_at"], "2024-03-16T14:30:00.001Z", "{row}");
}

#[tokio::test]
async fn what_cannot_be_checked_comes_again_for_a_week() {
    let topic = "arn:aws:sns:us-east-1:123456789012:bounces";
    // Nobody listens there.
    let origin = Origin::with(&[("PILLARBOX_SNS_HOST", "127.0.0.1:1")]).await;
    let node = origin.node("fra-1").await;
    let path = path_of(&origin.app, json!({ "name": "ses", "provider": "ses", "topics": [topic] })).await;
    let message = json!({ "Type": "Notification", "MessageId": "m-1", "TopicArn": topic, "Message": "{}",
        "Timestamp": "2024-03-15T14:30:00.000Z", "SignatureVersion": "2", "Signature": "AAAA",
        "SigningCertURL": "https://127.0.0.1:1/SimpleNotificationService-0.pem" });
    let sns = |number| Posted::to(&path, number, message.to_string());
    let open = path_of(&origin.app, json!({ "name": "open", "scheme": "none" })).await;
    let batch = [sns(1), Posted::to(&open, 2, "{}"), sns(3)];
    assert_eq!(fates(&hand_over(&origin, &node, &batch).await), ["later", "taken", "later"]);
    // A millisecond has passed since the beginning.
    origin.app.pass(7 * DAY - 2);
    assert_eq!(fates(&hand_over(&origin, &node, &[sns(1)]).await), ["later"]);
    origin.app.pass(1);
    assert_eq!(fates(&hand_over(&origin, &node, &[sns(1)]).await), ["refused"]);
}

#[tokio::test]
async fn a_handshake_of_a_node_has_its_effect_and_is_not_kept() {
    let origin = Origin::start().await;
    let node = origin.node("fra-1").await;
    let path = path_of(&origin.app, json!({ "name": "md", "provider": "mandrill", "secret": "signing-key" })).await;
    let mut posted = Posted::to(&path, 1, "mandrill_events=%5B%5D");
    posted.headers = vec![("content-type", "application/x-www-form-urlencoded".into())];
    assert_eq!(fates(&hand_over(&origin, &node, &[posted]).await), ["taken"]);
    assert!(rows(&origin).await.is_empty());
}

#[tokio::test]
async fn a_batch_of_notifications_has_a_bound_on_its_records_and_on_its_bytes() {
    let origin = Origin::start().await;
    let node = origin.node("fra-1").await;
    let open = path_of(&origin.app, json!({ "name": "open", "scheme": "none" })).await;
    let small = |number: usize| Posted::to(&open, number as u128, format!("{{\"number\": {number}}}"));
    let mut batch: Vec<_> = (0..RECORDS_MAX).map(small).collect();
    assert_eq!(fates(&hand_over(&origin, &node, &batch).await), ["taken"; RECORDS_MAX]);
    batch.push(small(RECORDS_MAX));
    hand_over(&origin, &node, &batch).await.refuses(400, "invalid_request", "more than 64 records");
    let largest = Posted::to(&open, 100, vec![b' '; BODY_BYTES_MAX]);
    assert_eq!(fates(&hand_over(&origin, &node, &[largest]).await), ["taken"]);
    let of_bytes = async |bytes: usize| origin.ask("/node/notifications", Some(&node), TYPE, vec![1; bytes]).await;
    of_bytes(BATCH_BYTES_MAX + 1).await.refuses(413, "body_too_large", &format!("{BATCH_BYTES_MAX} bytes"));
    assert_eq!(of_bytes(BATCH_BYTES_MAX).await.status, 400, "it is read, and is no batch");
}

#[tokio::test]
async fn garbage_of_a_node_is_refused_whole_and_a_later_version_waits() {
    let origin = Origin::start().await;
    let node = origin.node("fra-1").await;
    let open = path_of(&origin.app, json!({ "name": "open", "scheme": "none" })).await;
    let good = Posted::to(&open, 1, "{}").record();
    let ask = async |kind: &str, body: Vec<u8>| origin.ask("/node/notifications", Some(&node), kind, body).await;
    let with_garbage = batch_of(&[good.clone(), vec![9, 9]]);
    ask(TYPE, with_garbage).await.refuses(400, "invalid_request", "record 1 is no notification");
    let mut cut = batch_of(std::slice::from_ref(&good));
    cut.pop();
    ask(TYPE, cut).await.refuses(400, "invalid_request", "record 0 of the batch is cut off");
    ask(TYPE, vec![2]).await.refuses(415, "unsupported_media_type", TYPE);
    ask(BATCH_TYPE, batch_of(&[good])).await.refuses(415, "unsupported_media_type", TYPE);
    assert!(rows(&origin).await.is_empty(), "no part of it was taken");
}

#[tokio::test]
async fn a_revoked_node_hands_nothing_over() {
    let origin = Origin::start().await;
    let node = origin.node("fra-1").await;
    let open = path_of(&origin.app, json!({ "name": "open", "scheme": "none" })).await;
    origin.app.command(Command::NodeRevoke { name: "fra-1".into() }).await;
    hand_over(&origin, &node, &[Posted::to(&open, 1, "{}")]).await.refuses(403, "node_revoked", "revoked");
    assert!(rows(&origin).await.is_empty());
}

#[tokio::test]
async fn while_too_much_waits_at_home_a_node_keeps_what_it_has() {
    let origin = Origin::start().await;
    let node = origin.node("fra-1").await;
    let open = path_of(&origin.app, json!({ "name": "open", "scheme": "none" })).await;
    for number in 0..WAITING_BYTES_MAX / BODY_BYTES_MAX {
        let mut body = vec![b' '; BODY_BYTES_MAX];
        body[..8].copy_from_slice(&number.to_le_bytes());
        let arrival = Arrival {
            source: "open".into(),
            source_id: None,
            provider: None,
            source_key: None,
            customer: None,
            verified: false,
            settings: Vec::new(),
            content_type: "text/plain".into(),
            headers: Vec::new(),
            body: body.into(),
            patience: Patience::Kept,
            by_node: None,
        };
        let accepted = inbox::accept(&origin.app.app, arrival).await.expect("the store answers");
        assert_eq!(accepted, Accepted::Queued);
    }
    // One MiB of room is left.
    let large = Posted::to(&open, 1, vec![b' '; 2 * 1024 * 1024]);
    let batch = [Posted::to(&open, 2, "{}"), large.clone(), Posted::to(&open, 3, "[]")];
    assert_eq!(fates(&hand_over(&origin, &node, &batch).await), ["taken"], "the others come again");
    hand_over(&origin, &node, &[large]).await.refuses(503, "busy", "wait to be read");
}

#[tokio::test]
async fn a_node_that_takes_notifications_gets_the_addresses_of_sources_when_it_has_others() {
    let origin = Origin::start().await;
    let node = origin.node("fra-1").await;
    let told = origin.state(&node, at_rest()).await.json();
    assert_eq!((told.get("addresses"), told.get("addresses_revision")), (None, None), "it did not ask");
    let asks = async |revision: &Value| {
        let report = json!({ "version": "1", "spool_bytes": 0, "addresses_revision": revision });
        origin.state(&node, report).await.json()
    };
    let nothing = asks(&json!("")).await;
    assert_eq!(nothing["addresses"], json!([]));
    let basic = json!({ "name": "b", "scheme": "basic", "body_bytes_max": 2_048, "busy_status": 429 });
    let basic = path(&origin.app.command(add(basic)).await);
    let some = asks(&nothing["addresses_revision"]).await;
    let hash = |path: &str| {
        let address = path.trim_start_matches("/webhooks/in/");
        digest(&SHA256, address.as_bytes())
            .as_ref()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<Vec<_>>()
            .concat()
    };
    let entry = json!({ "hash": hash(&basic), "body_bytes_max": 2_048, "busy_status": 429, "wants_password": true });
    assert_eq!(some["addresses"], json!([entry]));
    assert_eq!(asks(&some["addresses_revision"]).await.get("addresses"), None);
    // A former address is good until it is finished, and none is while the source is disabled.
    let rotate = json!({ "command": "source_rotate", "name": "b", "secret": null, "url": true, "finish": false });
    let next = path(&origin.app.command(command(rotate)).await);
    let both = asks(&some["addresses_revision"]).await;
    let mut hashes: Vec<_> =
        both["addresses"].as_array().expect("a list").iter().map(|address| address["hash"].clone()).collect();
    hashes.sort_by_key(Value::to_string);
    let mut wanted = [json!(hash(&basic)), json!(hash(&next))];
    wanted.sort_by_key(Value::to_string);
    assert_eq!(hashes, wanted);
    origin.app.command(command(json!({ "command": "source_disable", "name": "b", "disabled": true }))).await;
    assert_eq!(asks(&both["addresses_revision"]).await["addresses"], json!([]));
}
