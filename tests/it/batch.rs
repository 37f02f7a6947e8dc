//! POST /api/batch, POST /api/bulk-send

use http::Method;
use pillarbox::control::Command;
use pillarbox::store::CustomerStatus;
use serde_json::{Value, json};

use crate::harness::{Answer, TestApp, TestCustomer, at_once};

const BATCH: &str = "/api/batch";
const BULK: &str = "/api/bulk-send";

fn email(to: &str) -> Value {
    json!({ "to": to, "subject": "Hello", "text": "Hello" })
}

fn batch(emails: impl IntoIterator<Item = Value>) -> Value {
    json!({ "emails": emails.into_iter().collect::<Vec<_>>() })
}

/// A letter to these recipients.
fn letter(recipients: impl IntoIterator<Item = Value>) -> Value {
    json!({
        "subject": "News for {{name}}",
        "html": "<p>Hello {{name}}, read <a href=\"https://example.com/{{number}}\">this</a>.</p>",
        "recipients": recipients.into_iter().collect::<Vec<_>>(),
    })
}

fn ada(number: usize) -> Value {
    json!({ "email": format!("ada{number}@example.com"), "vars": { "name": format!("Ada {number}"), "number": number } })
}

async fn with_key(customer: &TestCustomer, path: &str, body: Value, key: &str) -> Answer {
    customer.call(Method::POST, path, Some(body), &[("idempotency-key", key)]).await
}

/// Total, queued and failed.
fn counts(answer: &Answer) -> [u64; 3] {
    let body = answer.json();
    ["total", "queued", "failed"].map(|name| body[name].as_u64().unwrap_or_else(|| panic!("{answer:?}")))
}

async fn emails_of(customer: &TestCustomer) -> Value {
    customer.get("/api/emails").await.json()["pagination"]["total"].take()
}

fn monthly(customer: &TestCustomer, monthly: i64) -> Command {
    let email = customer.email.clone();
    Command::CustomerLimits { email, requests_per_minute: None, monthly: Some(monthly), max_domains: None }
}

#[tokio::test]
async fn each_email_of_a_batch_is_judged_alone() {
    let app = TestApp::start().await;
    let acme = app.customer("acme").await;
    acme.post("/api/customer/suppressions", json!({ "email": "gone@example.com" })).await;
    let answer = acme
        .post(
            BATCH,
            batch([
                email("Ada <ada@example.com>"),
                email("ada"),
                json!({ "to": 7 }),
                json!(["ada@example.com"]),
                email("gone@example.com"),
                json!({ "to": "bob@example.com", "subject": "Hello", "text": "Hello {{name}}", "vars": {} }),
                json!({ "to": "bob@example.com", "subject": "x", "text": "x", "cc": ["a@example.com", "b"] }),
                email("bob@example.com"),
            ]),
        )
        .await;
    let invalid = "invalid_request";
    let detail = |pointer: &str, message: &str| json!([{ "pointer": pointer, "message": message }]);
    let no_at = "the address has no @; write it as name@example.com";
    let wrong_type = "invalid type: integer `7`, expected a string";
    let unknown = "vars has no value named \"name\", which stands at byte 6; add it, null for nothing";
    answer.is(
        200,
        json!({ "total": 8, "queued": 2, "failed": 6, "results": [
            { "index": 0, "to": "ada@example.com", "status": "queued", "email_id": "[id]" },
            { "index": 1, "to": "ada", "status": "failed", "error": "Invalid email address", "code": invalid,
                "details": detail("/to", no_at) },
            { "index": 2, "to": null, "status": "failed", "error": format!("/to: {wrong_type}"), "code": invalid,
                "details": detail("/to", wrong_type) },
            { "index": 3, "to": null, "status": "failed", "error": "An email must be a JSON object", "code": invalid,
                "details": detail("", "An email must be a JSON object") },
            { "index": 4, "to": "gone@example.com", "status": "failed", "code": "recipient_suppressed",
                "error": "The recipient is suppressed: gone@example.com (manual)" },
            { "index": 5, "to": "bob@example.com", "status": "failed", "error": unknown, "code": invalid,
                "details": detail("/text", unknown) },
            { "index": 6, "to": "bob@example.com", "status": "failed", "error": "Invalid email address",
                "code": invalid, "details": detail("/cc/1", no_at) },
            { "index": 7, "to": "bob@example.com", "status": "queued", "email_id": "[id]" },
        ] }),
    );
    assert_eq!(emails_of(&acme).await, 2);
    let id = answer.json()["results"][7]["email_id"].as_str().expect("it has an id").to_owned();
    assert!(app.captured(&id).await["source"].as_str().expect("a source").contains("To: <bob@example.com>"));
}

#[tokio::test]
async fn a_batch_takes_five_hundred_and_not_one_more() {
    let app = TestApp::with(&[("PILLARBOX_SCORING_POLICY", "off")]).await;
    let acme = app.customer("acme").await;
    let many = |count: usize| batch((0..count).map(|number| email(&format!("ada{number}@example.com"))));
    acme.post(BATCH, many(501)).await.refuses(400, "invalid_request", "at most 500");
    acme.post(BATCH, many(0)).await.refuses(400, "invalid_request", "/emails");
    acme.post(BATCH, json!({})).await.refuses(400, "invalid_request", "emails is required");
    acme.post(BATCH, json!({ "emails": 7 })).await.refuses(400, "invalid_request", "/emails");
    assert_eq!(emails_of(&acme).await, 0);
    assert_eq!(counts(&acme.post(BATCH, many(500)).await), [500, 500, 0]);
    assert_eq!(emails_of(&acme).await, 500);
}

#[tokio::test]
async fn only_the_keys_own_account_can_be_named() {
    let app = TestApp::start().await;
    let (acme, rival) = (app.customer("acme").await, app.customer("rival").await);
    let id = async |customer: &TestCustomer| {
        customer.get("/api/customer/profile").await.json()["customer"]["id"].as_str().expect("an id").to_owned()
    };
    for (path, body) in [(BATCH, batch([email("ada@example.com")])), (BULK, letter([ada(1)]))] {
        for (named, status) in [(id(&acme).await, 200), (id(&rival).await, 403), ("x".into(), 403)] {
            let mut body = body.clone();
            body["customer_id"] = json!(named);
            assert_eq!(acme.post(path, body).await.status, status, "{path} {named}");
        }
        let mut body = body.clone();
        body["customer_id"] = json!(id(&rival).await);
        acme.post(path, body).await.refuses(403, "wrong_customer", "customer_id");
    }
    assert_eq!(emails_of(&rival).await, 0);
}

#[tokio::test]
async fn the_account_and_its_month_count_for_each_email() {
    let app = TestApp::start().await;
    let acme = app.customer("acme").await;
    app.command(monthly(&acme, 3)).await;
    let pair = json!({ "to": "ada@example.com", "cc": ["bob@example.com"], "subject": "x", "text": "x" });
    let answer =
        acme.post(BATCH, batch([pair.clone(), pair, email("cyd@example.com"), email("dan@example.com")])).await;
    let fate = |answer: &Answer| {
        let body = answer.json();
        let results = body["results"].as_array().expect("a list");
        let fate = results.iter().map(|result| result["code"].as_str().unwrap_or("queued").to_owned());
        fate.collect::<Vec<_>>()
    };
    let full = "monthly_limit_reached";
    assert_eq!(fate(&answer), ["queued", full, "queued", full], "the second pair finds no room, and a single one does");
    let answer = acme.post(BULK, letter([ada(1), ada(2)])).await;
    assert_eq!((counts(&answer), fate(&answer)), ([2, 0, 2], vec![full.into(), full.into()]));
    app.command(monthly(&acme, 4)).await;
    let answer = acme.post(BULK, letter([ada(1), ada(2)])).await;
    assert_eq!(fate(&answer), ["queued", full]);
    assert_eq!(acme.get("/api/customer/usage").await.json()["current_month"]["emails_sent"], 4);

    app.command(Command::CustomerStatus { email: acme.email.clone(), status: CustomerStatus::Suspended }).await;
    for (path, body) in [(BATCH, batch([email("ada@example.com")])), (BULK, letter([ada(1)]))] {
        assert_eq!(fate(&acme.post(path, body).await), ["account_suspended"], "{path}");
    }
}

#[tokio::test]
async fn a_batch_with_a_key_is_queued_once() {
    let app = TestApp::start().await;
    let acme = app.customer("acme").await;
    let body = batch([email("ada@example.com"), email("ada")]);
    let first = with_key(&acme, BATCH, body.clone(), "monday").await;
    let again = with_key(&acme, BATCH, body.clone(), "monday").await;
    assert_eq!((first.header("idempotent-replayed"), again.header("idempotent-replayed")), (None, Some("true")));
    assert_eq!(first.body, again.body);
    let other = with_key(&acme, BATCH, batch([email("bob@example.com")]), "monday").await;
    other.refuses(422, "idempotency_mismatch", "Idempotency-Key");
    assert_eq!(emails_of(&acme).await, 1);
    app.pass(24 * 60 * 60 * 1_000);
    assert_eq!(counts(&with_key(&acme, BATCH, body, "monday").await), [2, 1, 1], "after a day the key is free again");
}

#[tokio::test]
async fn who_repeats_too_early_is_told_to_wait() {
    let app = TestApp::start().await;
    let (acme, rival) = (app.customer("acme").await, app.customer("rival").await);
    let send = ("/api/send", email("ada@example.com"));
    for (path, body) in [send, (BATCH, batch([email("ada@example.com")])), (BULK, letter([ada(1)]))] {
        let calls: Vec<_> = (0..20).map(|_| with_key(&acme, path, body.clone(), path)).collect();
        let answers = at_once(calls).await;
        let (early, served): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 409);
        for answer in &early {
            answer.refuses(409, "idempotency_in_flight", "Idempotency-Key");
        }
        let first = served.iter().find(|answer| answer.header("idempotent-replayed").is_none()).expect("one is first");
        assert!(!early.is_empty() && served.iter().all(|answer| answer.body == first.body), "{path}: {answers:?}");
        let theirs = with_key(&rival, path, body.clone(), path).await;
        assert_eq!((theirs.status.as_u16(), theirs.header("idempotent-replayed")), (200, None), "{path}");
        let again = with_key(&acme, path, body.clone(), path).await;
        assert_eq!((again.status, &again.body), (first.status, &first.body), "{path}");
    }
    assert_eq!(emails_of(&acme).await, 3);
    for bad in [json!({}), json!({ "to": "ada" })] {
        for _ in 0..2 {
            let refused = with_key(&acme, "/api/send", bad.clone(), "refused").await;
            assert_eq!(refused.status, 400, "a key is free after a request that was refused");
        }
    }
}

#[tokio::test]
async fn everybody_gets_a_copy_of_their_own() {
    let app = TestApp::start().await;
    let acme = app.customer("acme").await;
    let no_name = json!({ "email": "cyd@example.com" });
    let answer = acme.post(BULK, letter([ada(0), json!({ "email": "b" }), no_name, json!(7), ada(0)])).await;
    let body = answer.json();
    assert_eq!(counts(&answer), [5, 2, 3]);
    assert_eq!(body["results"][1]["error"], "Invalid email address");
    assert_eq!(body["results"][2]["to"], "cyd@example.com");
    assert!(body["results"][2]["error"].as_str().expect("text").contains("no value named \"name\""), "{body}");
    assert_eq!(body["results"][3]["code"], "invalid_request");
    let ids: Vec<_> = [0, 4].map(|at| body["results"][at]["email_id"].as_str().expect("an id").to_owned()).into();
    assert!(ids[0] < ids[1], "ids sort by the places of the recipients");
    let captured = app.captured(&ids[0]).await;
    assert_eq!(captured["subject"], "News for Ada 0");
    let html = captured["html"].as_str().expect("it has html");
    assert!(html.contains("Hello Ada 0") && html.contains("/track/c/") && html.contains("/track/o/"), "{html}");
    assert!(captured["text"].as_str().expect("text").contains("https://example.com/0"), "{captured}");
    assert!(!captured["source"].as_str().expect("a source").contains("ada1@"), "nobody sees the others");
}

#[tokio::test]
async fn a_letter_that_is_wrong_for_all_is_refused_as_a_whole() {
    let app = TestApp::start().await;
    let acme = app.customer("acme").await;
    let refused = async |name: &str, value: Value, status: u16, code: &str, words: &str| {
        let mut letter = letter([ada(1)]);
        letter[name] = value;
        acme.post(BULK, letter).await.refuses(status, code, words);
    };
    let invalid = "invalid_request";
    refused("subject", Value::Null, 400, invalid, "/subject").await;
    refused("html", Value::Null, 400, invalid, "html or text").await;
    refused("from", json!("x"), 400, invalid, "/from").await;
    refused("from", json!("ceo@example.com"), 422, "domain_not_verified", "example.com").await;
    refused("reply_to", json!("x"), 400, invalid, "/reply_to").await;
    refused("tag", json!("x".repeat(101)), 400, invalid, "/tag").await;
    refused("stream_type", json!("spam"), 400, invalid, "/stream_type").await;
    refused("recipients", Value::Null, 400, invalid, "recipients is required").await;
    refused("recipients", json!([]), 400, invalid, "/recipients").await;
    assert_eq!(emails_of(&acme).await, 0);
}

#[tokio::test]
async fn a_letter_goes_to_ten_thousand_and_not_to_one_more() {
    let app = TestApp::start().await;
    let acme = app.customer("acme").await;
    let answer = acme.post(BULK, letter((0..10_001).map(ada))).await;
    answer.refuses(400, "invalid_request", "at most 10000");
    assert_eq!(emails_of(&acme).await, 0);
    let first = with_key(&acme, BULK, letter((0..10_000).map(ada)), "all").await;
    assert_eq!(counts(&first), [10_000, 10_000, 0]);
    assert_eq!(emails_of(&acme).await, 10_000);
    let body = first.json();
    let results = body["results"].as_array().expect("a list");
    assert!(results.iter().zip(0..).all(|(result, index)| result["index"] == index));
    let again = with_key(&acme, BULK, letter((0..10_000).map(ada)), "all").await;
    assert_eq!((again.header("idempotent-replayed"), again.body == first.body), (Some("true"), true));
    assert_eq!(emails_of(&acme).await, 10_000);
}

#[tokio::test]
async fn a_broadcast_passes_by_those_who_unsubscribed() {
    let app = TestApp::start().await;
    let acme = app.customer("acme").await;
    acme.post("/api/customer/unsubscribes", json!({ "email": "ADA1@example.com" })).await;
    let mut news = letter([ada(0), ada(1)]);
    assert_eq!(counts(&acme.post(BULK, news.clone()).await), [2, 2, 0], "a transactional letter reaches them");
    news["stream_type"] = json!("broadcast");
    let answer = acme.post(BULK, news).await;
    assert_eq!(counts(&answer), [2, 1, 1]);
    let body = answer.json();
    assert_eq!(body["results"][1]["error"], "The recipient is suppressed: ada1@example.com (unsubscribe)");
    let id = body["results"][0]["email_id"].as_str().expect("an id").to_owned();
    let source = app.captured(&id).await["source"].as_str().expect("a source").to_owned();
    assert!(source.contains("List-Unsubscribe-Post: List-Unsubscribe=One-Click"), "{source}");
}

#[tokio::test]
async fn tracking_of_a_letter_is_on_unless_it_says_otherwise() {
    let app = TestApp::start().await;
    let acme = app.customer("acme").await;
    acme.patch("/api/customer/profile", json!({ "tracking_enabled": false })).await;
    let html = async |fields: Value| {
        let mut letter = letter([ada(0)]);
        fields.as_object().expect("fields").iter().for_each(|(name, value)| letter[name] = value.clone());
        let body = acme.post(BULK, letter).await.json();
        let captured = app.captured(body["results"][0]["email_id"].as_str().expect("an id")).await;
        let html = captured["html"].as_str().expect("it has html").to_owned();
        (html.contains("/track/o/"), html.contains("/track/c/"))
    };
    assert_eq!(html(json!({})).await, (true, true));
    assert_eq!(html(json!({ "track_opens": false })).await, (false, true));
    assert_eq!(html(json!({ "track_clicks": false })).await, (true, false));
}

#[tokio::test]
async fn a_letter_is_judged_once_and_what_is_said_counts_for_all() {
    let app = TestApp::with(&[("PILLARBOX_SCORING_POLICY", "enforce")]).await;
    let acme = app.customer("acme").await;
    let spam = json!({
        "subject": "YOU WIN A FREE PRIZE!!!", "html": "<a href=\"http://192.0.2.1/x\">https://bank.example.com</a>",
        "recipients": [json!({ "email": "bad" }), ada(1), ada(2)],
    });
    let answer = acme.post(BULK, spam).await;
    let body = answer.json();
    assert_eq!(counts(&answer), [3, 0, 3]);
    assert_eq!(
        (&body["results"][1]["code"], &body["results"][2]["code"]),
        (&json!("content_rejected"), &json!("content_rejected"))
    );
    let has_findings = |at: usize| body["results"][at]["findings"].to_string().contains("LINK_TEXT_MISMATCH");
    assert_eq!([1, 2].map(has_findings), [true, false], "they are told once");
    let answer = acme.post(BULK, letter([ada(1), ada(2)])).await;
    assert_eq!(counts(&answer), [2, 2, 0]);
    let id = answer.json()["results"][1]["email_id"].as_str().expect("an id").to_owned();
    assert!(acme.get(&format!("/api/emails/{id}")).await.json()["email"]["score"]["score"].is_number());
}

#[tokio::test]
async fn large_letters_are_stored_in_small_parts() {
    let app = TestApp::with(&[("PILLARBOX_SCORING_POLICY", "off")]).await;
    let acme = app.customer("acme").await;
    // Nine of these are more than a part may have.
    let mut large = letter((0..20).map(ada));
    large["html"] = Value::Null;
    large["text"] = json!("x".repeat(1_000_000));
    assert_eq!(counts(&with_key(&acme, BULK, large, "large").await), [20, 20, 0]);
    assert_eq!(emails_of(&acme).await, 20);
}
