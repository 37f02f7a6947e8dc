//! POST /api/send, GET /api/emails

use http::Method;
use pillarbox::control::Command;
use pillarbox::store::CustomerStatus;
use serde_json::{Value, json};

use crate::harness::{TestApp, TestCustomer, at_once};

fn email(fields: Value) -> Value {
    let mut email = json!({ "to": "ada@example.com", "subject": "Hello", "text": "Hello Ada" });
    let Value::Object(fields) = fields else { panic!("fields") };
    for (name, value) in fields {
        email[name] = value;
    }
    email
}

async fn refused(customer: &TestCustomer, fields: Value, code: &str, words: &str) {
    let answer = customer.post("/api/send", email(fields)).await;
    let status = if code == "domain_not_verified" { 422 } else { 400 };
    answer.refuses(status, code, words);
}

#[tokio::test]
async fn an_email_is_queued_before_its_sender_hears_of_it() {
    let app = TestApp::start().await;
    let acme = app.customer("acme").await;
    let text = "Hello Ada, your parcel left the house this morning and arrives tomorrow.";
    let answer = acme.post("/api/send", email(json!({ "text": text, "tag": "parcels", "metadata": { "n": 7 } }))).await;
    let score = answer.json()["score"].clone();
    assert!(score["spam_score"].as_f64().is_some_and(|points| points < 1.0), "nothing speaks against it: {score}");
    assert_eq!((&score["verdict"], score["rules"].as_array().map(Vec::len)), (&json!("pass"), Some(2)), "{score}");
    answer.is(
        200,
        json!({
            "to": "ada@example.com", "submitted_at": "2024-03-15T14:30:00Z", "email_id": "[id]", "message_id": "[id]",
            "status": "queued",
            "score": score,
        }),
    );
    let id = answer.json()["email_id"].as_str().expect("it has an id").to_owned();
    let path = format!("/api/emails/{id}");
    assert_eq!(acme.get(&path).await.json()["email"]["status"], "queued");

    app.pass(5);
    app.deliver().await;
    acme.get(&path).await.is(
        200,
        json!({ "email": {
            "id": "[id]", "message_id": "[id]", "from": "noreply@acme.sandbox.pillarbox.test", "to": "ada@example.com",
            "recipients": [{ "address": "ada@example.com", "role": "to", "status": "delivered" }],
            "subject": "Hello", "tag": "parcels", "stream_type": "transactional", "metadata": { "n": 7 },
            "status": "delivered",
            "attempts": [{ "at": "2024-03-15T14:30:00.005Z", "recipient": "ada@example.com", "host": "capture", "code": 250, "enhanced_code": null,
                "response": "250 2.0.0 kept in the capture mailbox" }],
            "score": score,
            "submitted_at": "2024-03-15T14:30:00Z", "send_at": null,
        } }),
    );
}

#[tokio::test]
async fn what_is_wrong_with_an_email_is_named_with_its_place() {
    let app = TestApp::start().await;
    let acme = app.customer("acme").await;
    let invalid = "invalid_request";
    refused(&acme, json!({ "to": null }), invalid, "/to").await;
    refused(&acme, json!({ "to": 7 }), invalid, "/to").await;
    refused(&acme, json!({ "to": "ada" }), invalid, "Invalid email address").await;
    refused(&acme, json!({ "to": "a@b.com, c@d.com" }), invalid, "one address").await;
    refused(&acme, json!({ "subject": null }), invalid, "/subject").await;
    refused(&acme, json!({ "subject": "a\nb" }), invalid, "one line").await;
    refused(&acme, json!({ "subject": "x".repeat(999) }), invalid, "998").await;
    refused(&acme, json!({ "text": null }), invalid, "html or text").await;
    refused(&acme, json!({ "cc": ["a@example.com", "b"] }), invalid, "/cc/1").await;
    refused(&acme, json!({ "headers": { "Subject": "x" } }), invalid, "Subject").await;
    refused(&acme, json!({ "headers": { "X-A": "a\r\nBcc: b" } }), invalid, "X-A").await;
    refused(&acme, json!({ "vars": {}, "text": "Hi {{name}}" }), invalid, "name").await;
    refused(&acme, json!({ "tag": "x".repeat(101) }), invalid, "/tag").await;
    refused(&acme, json!({ "attachments": [{ "filename": "a", "content": "!" }] }), invalid, "/attachments/0/content")
        .await;
    refused(&acme, json!({ "attachments": [{ "content": "" }] }), invalid, "/attachments/0/filename").await;
    refused(&acme, json!({ "stream_type": "spam" }), invalid, "/stream_type").await;
    refused(&acme, json!({ "send_at": "tomorrow" }), invalid, "/send_at").await;
    refused(&acme, json!({ "from": "ceo@example.com" }), "domain_not_verified", "example.com").await;
    refused(&acme, json!({ "domain": "rival.sandbox.pillarbox.test" }), "domain_not_verified", "rival").await;
    assert_eq!(acme.get("/api/emails").await.json()["pagination"]["total"], 0, "nothing was queued");
}

#[tokio::test]
async fn fifty_recipients_are_served_and_one_more_is_not() {
    let app = TestApp::start().await;
    let acme = app.customer("acme").await;
    let cc = |count: usize| (0..count).map(|n| format!("cc{n}@example.com")).collect::<Vec<_>>();
    let answer = acme.post("/api/send", email(json!({ "cc": cc(40), "bcc": ["secret@example.com"] }))).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(acme.post("/api/send", email(json!({ "cc": cc(49) }))).await.status, 200);
    acme.post("/api/send", email(json!({ "cc": cc(49), "bcc": ["x@example.com"] }))).await.refuses(
        400,
        "invalid_request",
        "50",
    );

    let id = answer.json()["email_id"].as_str().expect("it has an id").to_owned();
    let captured = app.captured(&id).await;
    let source = captured["source"].as_str().expect("it has a source");
    assert!(source.contains("cc39@example.com") && !source.contains("secret@example.com"), "{source}");
}

#[tokio::test]
async fn links_are_tracked_and_the_plain_part_is_made_from_html() {
    let app = TestApp::start().await;
    let acme = app.customer("acme").await;
    let html = "<html><body><p>Hi {{name}}</p><a href=\"https://example.com/?a=1&amp;b=2\">go</a> \
                <a href=\"mailto:x@example.com\">write</a></body></html>";
    let request =
        json!({ "to": "ada@example.com", "subject": "Hi {{name}}", "html": html, "vars": { "name": "A & B" } });
    let answer = acme.post("/api/send", request).await;
    let captured = app.captured(answer.json()["email_id"].as_str().expect("it has an id")).await;

    assert_eq!(captured["subject"], "Hi A & B");
    let html = captured["html"].as_str().expect("it has html");
    assert!(html.contains("Hi A &amp; B") && html.contains("\"mailto:x@example.com\""), "{html}");
    let link = html.split("href=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("it has a link");
    let path = link.strip_prefix("http://127.0.0.1:8080").expect("it leads to this service");
    let answer = app.get(path).await;
    assert_eq!((answer.status.as_u16(), answer.header("location")), (302, Some("https://example.com/?a=1&b=2")));
    let text = captured["text"].as_str().expect("it has text");
    assert!(text.contains("Hi A & B") && text.contains("https://example.com/?a=1&b=2"), "{text}");
    assert!(!text.contains("/track/"), "plain text is not tracked: {text}");
}

#[tokio::test]
async fn tracking_follows_the_email_then_the_account() {
    let app = TestApp::start().await;
    let acme = app.customer("acme").await;
    let html = async |fields: Value| {
        let mut request =
            json!({ "to": "ada@example.com", "subject": "x", "html": "<a href='https://example.com'>x</a>" });
        for (name, value) in fields.as_object().expect("fields") {
            request[name] = value.clone();
        }
        let answer = acme.post("/api/send", request).await.json();
        let captured = app.captured(answer["email_id"].as_str().expect("it has an id")).await;
        let html = captured["html"].as_str().expect("it has html").to_owned();
        (html.contains("/track/o/"), html.contains("/track/c/"))
    };
    assert_eq!(html(json!({})).await, (true, true));
    assert_eq!(html(json!({ "track_opens": false })).await, (false, true));
    assert_eq!(html(json!({ "track_clicks": false })).await, (true, false));
    let off = json!({ "tracking_enabled": false });
    assert_eq!(acme.call(Method::PATCH, "/api/customer/profile", Some(off), &[]).await.status, 200);
    assert_eq!(html(json!({})).await, (false, false));
    assert_eq!(html(json!({ "track_clicks": true })).await, (false, true), "the email's own word counts most");
}

#[tokio::test]
async fn an_idempotency_key_gets_its_first_answer_again() {
    let app = TestApp::start().await;
    let acme = app.customer("acme").await;
    let rival = app.customer("rival").await;
    let key = [("idempotency-key", "order-42")];
    let send = async |customer: &TestCustomer, fields: Value| {
        customer.call(Method::POST, "/api/send", Some(email(fields)), &key).await
    };
    let first = send(&acme, json!({})).await;
    let again = send(&acme, json!({})).await;
    assert_eq!((first.header("idempotent-replayed"), again.header("idempotent-replayed")), (None, Some("true")));
    assert_eq!(first.json(), again.json());
    send(&acme, json!({ "text": "other" })).await.refuses(422, "idempotency_mismatch", "Idempotency-Key");
    assert_eq!(acme.get("/api/emails").await.json()["pagination"]["total"], 1);

    let theirs = send(&rival, json!({})).await;
    assert_eq!(theirs.header("idempotent-replayed"), None, "another customer's key is another key");

    app.pass(24 * 60 * 60 * 1_000);
    assert_eq!(send(&acme, json!({ "text": "other" })).await.status, 200, "after a day the key is free again");
    let with_key_of = async |bytes: usize| {
        let key = "x".repeat(bytes);
        acme.call(Method::POST, "/api/send", Some(email(json!({}))), &[("idempotency-key", key.as_str())]).await
    };
    assert_eq!(with_key_of(255).await.status, 200);
    with_key_of(256).await.refuses(400, "invalid_request", "255");
}

#[tokio::test]
async fn a_hundred_senders_with_one_key_send_one_email() {
    let app = TestApp::start().await;
    let acme = app.customer("acme").await;
    let key = [("idempotency-key", "once")];
    let calls: Vec<_> = (0..100).map(|_| acme.call(Method::POST, "/api/send", Some(email(json!({}))), &key)).collect();
    let (sent, early): (Vec<_>, Vec<_>) = at_once(calls).await.into_iter().partition(|answer| answer.status == 200);
    for answer in &early {
        answer.refuses(409, "idempotency_in_flight", "Idempotency-Key");
    }
    let ids: std::collections::BTreeSet<_> = sent.iter().map(|answer| answer.json()["email_id"].to_string()).collect();
    assert_eq!(ids.len(), 1);
    assert_eq!(acme.get("/api/emails").await.json()["pagination"]["total"], 1);
}

#[tokio::test]
async fn a_scheduled_email_waits_for_its_time() {
    let app = TestApp::start().await;
    let acme = app.customer("acme").await;
    let answer = acme.post("/api/send", email(json!({ "send_at": "2024-03-15T15:30:00Z" }))).await.json();
    assert_eq!(answer["status"], "scheduled");
    let path = format!("/api/emails/{}", answer["email_id"].as_str().expect("it has an id"));
    app.pass(3_599_999);
    app.deliver().await;
    assert_eq!(acme.get(&path).await.json()["email"]["status"], "scheduled");
    app.pass(1);
    app.deliver().await;
    assert_eq!(acme.get(&path).await.json()["email"]["status"], "delivered");

    let at = |days| email(json!({ "send_at": format!("2024-04-{:02}T15:00:00Z", days) }));
    assert_eq!(acme.post("/api/send", at(14)).await.status, 200, "30 days ahead");
    acme.post("/api/send", at(15)).await.refuses(400, "invalid_request", "30 days");
}

#[tokio::test]
async fn an_email_can_be_taken_back_until_its_delivery_begins() {
    let app = TestApp::start().await;
    let acme = app.customer_with_events("acme").await;
    let rival = app.customer("rival").await;
    let cancel = async |customer: &TestCustomer, id: &str| {
        customer.call(Method::POST, &format!("/api/emails/{id}/cancel"), None, &[]).await
    };
    let used = async || acme.get("/api/customer/usage").await.json()["current_month"]["emails_sent"].clone();
    let later = email(json!({ "cc": ["bob@example.com"], "send_at": "2024-03-15T15:30:00Z" }));
    for fields in [later, email(json!({ "bcc": ["bob@example.com"] }))] {
        let id = acme.post("/api/send", fields).await.json()["email_id"].as_str().expect("an id").to_owned();
        cancel(&rival, &id).await.refuses(404, "not_found", "Email not found or access denied");
        assert_eq!(used().await, 2);
        for _ in 0..2 {
            let canceled = cancel(&acme, &id).await;
            let email = canceled.json()["email"].clone();
            assert_eq!(
                (canceled.status.as_u16(), &email["status"]),
                (200, &json!("canceled")),
                "once more is the same"
            );
            let recipients = email["recipients"].as_array().expect("a list");
            assert!(recipients.iter().all(|recipient| recipient["status"] == "canceled"), "{email}");
        }
        assert_eq!(app.events_of(&acme, &id).await, ["queued", "queued", "canceled", "canceled"]);
        assert_eq!(used().await, 0, "the month has them again");
        app.pass(3_600_000);
        app.deliver().await;
        assert_eq!(acme.get(&format!("/api/emails/{id}")).await.json()["email"]["attempts"], json!([]));
    }
    let id = acme.send("ada@example.com").await;
    app.deliver().await;
    cancel(&acme, &id).await.refuses(409, "delivery_begun", "delivery has begun");
    assert_eq!(app.events_of(&acme, &id).await, ["queued", "sent", "delivered"]);
    for unknown in ["nonsense", "018e4285-0eb8-7000-8000-000000000000"] {
        cancel(&acme, unknown).await.refuses(404, "not_found", "Email not found or access denied");
    }
}

#[tokio::test]
async fn who_is_suppressed_is_left_out_and_named_as_long_as_anybody_is_left() {
    let app = TestApp::start().await;
    let acme = app.customer_with_events("acme").await;
    let suppress = async |name: &str| {
        let answer = acme.post("/api/customer/suppressions", json!({ "email": format!("{name}@example.com") })).await;
        assert_eq!(answer.status, 201);
    };
    let three = email(json!({ "cc": ["bob@example.com"], "bcc": ["cyd@example.com"], "html": "<p>Hello</p>" }));
    let left_out = async || {
        let answer = acme.post("/api/send", three.clone()).await.json();
        let id = answer["email_id"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned();
        let email = acme.get(&format!("/api/emails/{id}")).await.json()["email"].take();
        let recipients = email["recipients"].as_array().expect("a list");
        let left: Vec<_> =
            recipients.iter().map(|one| one["address"].as_str().expect("text")[..3].to_owned()).collect();
        (id, answer["suppressed"].clone(), left)
    };
    let named = |name: &str| json!({ "address": format!("{name}@example.com"), "cause": "manual" });
    suppress("cyd").await;
    let (_, suppressed, left) = left_out().await;
    assert_eq!((suppressed, left), (json!([named("cyd")]), vec!["ada".to_owned(), "bob".into()]));
    suppress("ada").await;
    let (id, suppressed, left) = left_out().await;
    assert_eq!((suppressed, left), (json!([named("ada"), named("cyd")]), vec!["bob".to_owned()]));
    let captured = app.captured(&id).await;
    let source = captured["source"].as_str().expect("a source");
    assert!(source.contains("To: <ada@example.com>") && source.contains("Cc: <bob@example.com>"), "{source}");
    let html = captured["html"].as_str().expect("it has html");
    let pixel = html.split("/track/o/").nth(1).and_then(|rest| rest.split('"').next()).expect("it has a pixel");
    app.get(&format!("/track/o/{pixel}")).await;
    assert_eq!(app.events_of(&acme, &id).await, ["queued", "sent", "delivered", "opened"]);
    suppress("bob").await;
    let refused = acme.post("/api/send", three).await;
    refused.refuses(422, "recipient_suppressed", "ada@example.com (manual), bob@example.com (manual), cyd@example.com");
}

#[tokio::test]
async fn every_limit_of_an_email_has_two_sides() {
    let app = TestApp::start().await;
    let acme = app.customer("acme").await;
    let pair = async |good: Value, bad: Value, words: &str| {
        let served = acme.post("/api/send", email(good)).await;
        assert_eq!(served.status, 200, "{words}: {served:?}");
        acme.post("/api/send", email(bad)).await.refuses(400, "invalid_request", words);
    };
    let subject = |bytes| json!({ "subject": "x".repeat(bytes) });
    pair(subject(998), subject(999), "998").await;
    let tag = |chars| json!({ "tag": "é".repeat(chars) });
    pair(tag(100), tag(101), "/tag").await;
    let metadata = |bytes: usize| json!({ "metadata": { "m": "x".repeat(bytes - "{'m':''}".len()) } });
    pair(metadata(64 * 1024), metadata(64 * 1024 + 1), "/metadata").await;
    let files = |count| json!({ "attachments": vec![json!({ "filename": "a.txt", "content": "eA==" }); count] });
    pair(files(100), files(101), "/attachments").await;
    let headers = |count: usize| json!({ "headers": (0..count).map(|n| (format!("X-{n}"), "x".into())).collect::<serde_json::Map<_, _>>() });
    pair(headers(100), headers(101), "/headers").await;
    let at = |time: &str| json!({ "send_at": format!("2024-04-14T{time}Z") });
    pair(at("14:30:00"), at("14:30:01"), "30 days").await;
}

#[tokio::test]
async fn an_image_stands_inside_the_html_and_a_file_beside_it() {
    let app = TestApp::start().await;
    let acme = app.customer("acme").await;
    let answer = acme
        .post(
            "/api/send",
            email(json!({
                "html": "<p>Hello <img src=\"cid:logo\" alt=\"Acme\"></p>",
                "attachments": [
                    { "filename": "logo.png", "content": "iVBORw0KGgo=", "content_id": "logo" },
                    { "filename": "terms.pdf", "content": "JVBERi0=", "content_id": "terms", "disposition": "attachment" },
                    { "filename": "Rechnung März.csv", "content": "YTti\r\n", "content_type": "text/csv" },
                ],
            })),
        )
        .await;
    let captured = app.captured(answer.json()["email_id"].as_str().expect("an id")).await;
    let source = captured["source"].as_str().expect("a source");
    let part = |name: &str| {
        source.split("\r\n--").find(|part| part.contains(name)).unwrap_or_else(|| panic!("{name}: {source}"))
    };
    let image = part("filename=\"logo.png\"");
    assert!(image.contains("Content-ID: <logo>") && image.contains("Content-Type: image/png"), "{image}");
    assert!(image.contains("Content-Disposition: inline") && image.contains("iVBORw0KGgo="), "{image}");
    let file = part("filename=\"terms.pdf\"");
    assert!(file.contains("Content-Disposition: attachment") && file.contains("Content-ID: <terms>"), "{file}");
    assert!(part("YTti").contains("Content-Type: text/csv"), "{source}");
    let order = ["multipart/mixed", "multipart/related", "multipart/alternative"].map(|kind| source.find(kind));
    assert!(order.iter().all(Option::is_some) && order.is_sorted(), "{source}");
    let html = captured["html"].as_str().expect("it has html");
    assert!(html.contains("src=\"cid:logo\""), "a cid is no link: {html}");
}

#[tokio::test]
async fn what_a_sandbox_key_sends_never_leaves_the_machine() {
    let app = TestApp::start().await;
    let acme = app.customer("acme").await;
    let rotated =
        app.command(Command::CustomerRotateKey { email: acme.email.clone(), sandbox: true, grace_secs: 60 }).await;
    let key = rotated["api_key"].as_str().expect("a key").to_owned();
    assert!(key.starts_with("ml_test_"), "{key}");
    let sandbox = acme.with_key(&key);
    let batch = json!({ "emails": [email(json!({}))] });
    let letter = json!({ "subject": "x", "text": "x", "recipients": [{ "email": "ada@example.com" }] });
    let id = |answer: &Value| answer.as_str().expect("an id").to_owned();
    let ids = [
        id(&sandbox.post("/api/send", email(json!({}))).await.json()["email_id"]),
        id(&sandbox.post("/api/batch", batch).await.json()["results"][0]["email_id"]),
        id(&sandbox.post("/api/bulk-send", letter).await.json()["results"][0]["email_id"]),
    ];
    for id in ids {
        assert_eq!(app.captured(&id).await["to"], "ada@example.com");
    }
}

#[tokio::test]
async fn the_last_email_of_the_month_is_sent_and_the_next_is_not() {
    let app = TestApp::start().await;
    let acme = app.customer("acme").await;
    let limit = |monthly| Command::CustomerLimits {
        email: acme.email.clone(),
        requests_per_minute: None,
        monthly: Some(monthly),
        max_domains: None,
    };
    app.command(limit(3)).await;
    let pair = json!({ "cc": ["bob@example.com"] });
    assert_eq!(acme.post("/api/send", email(pair.clone())).await.status, 200);
    acme.post("/api/send", email(pair)).await.refuses(429, "monthly_limit_reached", "monthly");
    assert_eq!(acme.post("/api/send", email(json!({}))).await.status, 200, "one recipient still fits");
    acme.post("/api/send", email(json!({}))).await.refuses(429, "monthly_limit_reached", "monthly");
    app.pass(31 * 24 * 60 * 60 * 1_000);
    assert_eq!(acme.post("/api/send", email(json!({}))).await.status, 200, "a new month");
}

#[tokio::test]
async fn a_suspended_account_reads_but_does_not_send() {
    let app = TestApp::start().await;
    let acme = app.customer("acme").await;
    let status = |status| Command::CustomerStatus { email: acme.email.clone(), status };
    app.command(status(CustomerStatus::Suspended)).await;
    acme.post("/api/send", email(json!({}))).await.refuses(403, "account_suspended", "suspended");
    assert_eq!(acme.get("/api/customer/profile").await.json()["customer"]["status"], "suspended");
    app.command(status(CustomerStatus::Active)).await;
    assert_eq!(acme.post("/api/send", email(json!({}))).await.status, 200);
}

#[tokio::test]
async fn enforced_scoring_refuses_with_the_findings() {
    let app = TestApp::with(&[("PILLARBOX_SCORING_POLICY", "enforce")]).await;
    let acme = app.customer("acme").await;
    let spam = json!({ "to": "ada@example.com", "subject": "YOU WIN A FREE PRIZE!!!",
        "html": "<a href=\"http://192.0.2.1/x\">https://bank.example.com</a>" });
    let answer = acme.post("/api/send", spam).await;
    answer.refuses(422, "content_rejected", "LINK_TEXT_MISMATCH");
    assert_eq!(acme.post("/api/send", email(json!({}))).await.status, 200);
}

#[tokio::test]
async fn a_broadcast_can_be_unsubscribed_from_with_one_click() {
    let app = TestApp::start().await;
    let acme = app.customer_with_events("acme").await;
    let news = json!({ "to": "ada@example.com", "subject": "News", "html": "<p>News</p>", "stream_type": "broadcast" });
    let id = acme.post("/api/send", news.clone()).await.json()["email_id"].as_str().expect("an id").to_owned();
    let source =
        app.captured(&id).await["source"].as_str().expect("a source").replace("\r\n ", " ").replace("\r\n\t", " ");
    let line = |name: &str| source.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
    assert_eq!(line("List-Unsubscribe-Post: ").as_deref(), Some("List-Unsubscribe=One-Click"));
    let url = line("List-Unsubscribe: ").expect("the header is there");
    let path = url.trim().trim_matches(['<', '>']).strip_prefix("http://127.0.0.1:8080").expect("ours").to_owned();

    let page = app.get(&path).await;
    assert!(page.status == 200 && String::from_utf8_lossy(&page.body).contains("<form"), "{page:?}");
    assert_eq!(acme.post("/api/send", news.clone()).await.status, 200, "looking changes nothing");
    let done = app.post(&path, "application/x-www-form-urlencoded", "List-Unsubscribe=One-Click").await;
    assert_eq!(done.status, 200);
    acme.post("/api/send", news).await.refuses(422, "recipient_suppressed", "unsubscribe");
    assert_eq!(acme.post("/api/send", email(json!({}))).await.status, 200, "a receipt still arrives");
}

#[tokio::test]
async fn another_customers_email_looks_like_none_at_all() {
    let app = TestApp::start().await;
    let acme = app.customer("acme").await;
    let rival = app.customer("rival").await;
    let id = acme.send("ada@example.com").await;
    rival.get(&format!("/api/emails/{id}")).await.refuses(404, "not_found", "Email not found or access denied");
    rival.get("/api/emails/nonsense").await.refuses(404, "not_found", "Email not found or access denied");
    assert_eq!(rival.get("/api/emails").await.json()["pagination"]["total"], 0);
    let theirs = json!({ "from": format!("ceo@{}", acme.domain) });
    rival.post("/api/send", email(theirs)).await.refuses(422, "domain_not_verified", &acme.domain);
}

#[tokio::test]
async fn a_list_is_filtered_and_goes_on_by_page_and_by_cursor() {
    let app = TestApp::start().await;
    let acme = app.customer("acme").await;
    for n in 0..5 {
        app.pass(1_000);
        let tag = if n % 2 == 0 { "even" } else { "odd" };
        let answer = acme.post("/api/send", email(json!({ "to": format!("ada{n}@example.com"), "tag": tag }))).await;
        assert_eq!(answer.status, 200);
    }
    let to = async |query: &str| {
        let answer = acme.get(&format!("/api/emails?{query}")).await.json();
        let emails = answer["emails"].as_array().expect("a list").clone();
        let to: Vec<_> = emails.iter().map(|email| email["to"].as_str().expect("text")[3..4].to_owned()).collect();
        (to.concat(), answer["pagination"]["total"].as_i64().expect("a number"), answer["next_cursor"].clone())
    };
    assert_eq!(to("").await, ("43210".into(), 5, Value::Null));
    assert_eq!(to("tag=even").await, ("420".into(), 3, Value::Null));
    assert_eq!(to("recipient=ADA3").await, ("3".into(), 1, Value::Null));
    assert_eq!(
        to("from_timestamp=2024-03-15T14:30:02Z&to_timestamp=2024-03-15T14:30:03Z").await,
        ("21".into(), 2, Value::Null)
    );
    assert_eq!(to("status=delivered").await, (String::new(), 0, Value::Null));
    let (first, total, cursor) = to("limit=2").await;
    assert_eq!((first.as_str(), total), ("43", 5));
    let cursor = cursor.as_str().expect("there is more").to_owned();
    assert_eq!(to(&format!("limit=2&cursor={cursor}")).await.0, "21");
    assert_eq!(to("limit=2&page=3").await.0, "0");
    acme.get("/api/emails?status=lost").await.refuses(400, "invalid_request", "status");
}
