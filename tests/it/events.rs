//! `GET /api/v1/events`, `GET /api/v1/emails/{email_id}/events`

use http::Method;
use pillarbox::control::Command;
use pillarbox::mail::event::PrivacyLevel;
use serde_json::{Value, json};

use crate::harness::{Answer, TestApp, TestCustomer};

const TRACKING_OFF: (&str, &str) = ("event_tracking_disabled", "Event tracking is not enabled for this account");
const API_OFF: (&str, &str) = ("event_api_disabled", "The Events API is not enabled for this account");
const CSV_HEAD: &str = "id,email_id,customer_id,event_type,status,recipient,from,timestamp,event_data,created_at";

async fn features(app: &TestApp, customer: &TestCustomer, event_tracking: bool, event_api: bool) {
    let email = customer.email.clone();
    let (event_tracking, event_api) = (Some(event_tracking), Some(event_api));
    app.command(Command::CustomerFeatures { email, event_tracking, event_api, privacy: None }).await;
}

async fn privacy(app: &TestApp, customer: &TestCustomer, level: PrivacyLevel) {
    let (email, privacy) = (customer.email.clone(), Some(level));
    app.command(Command::CustomerFeatures { email, event_tracking: None, event_api: None, privacy }).await;
}

fn event(event_type: &str, status: &str, recipient: &str, at: &str, data: Value) -> Value {
    let mut event = json!({
        "id": "[id]", "email_id": "[id]", "customer_id": "[id]", "event_type": event_type, "status": status,
        "recipient": recipient, "from": "noreply@acme.sandbox.pillarbox.test", "timestamp": at, "created_at": at,
    });
    event["event_data"] = data;
    event
}

fn delivered() -> Value {
    json!({ "host": "capture", "response": "250 2.0.0 kept in the capture mailbox" })
}

#[tokio::test]
async fn events_need_both_switches() {
    let app = TestApp::start().await;
    let acme = app.customer("acme").await;
    let id = acme.send("ada@example.com").await;
    let paths = ["/api/v1/events".to_owned(), "/api/events".to_owned(), format!("/api/v1/emails/{id}/events")];
    let refused = async |(error, message): (&str, &str)| {
        for path in &paths {
            let body = json!({ "error": error, "message": message, "code": error, "request_id": "[id]" });
            acme.get(path).await.is(403, body);
        }
    };
    refused(TRACKING_OFF).await;
    features(&app, &acme, false, true).await;
    refused(TRACKING_OFF).await;
    features(&app, &acme, true, false).await;
    refused(API_OFF).await;
    features(&app, &acme, true, true).await;
    for path in &paths {
        assert_eq!(acme.get(path).await.status, 200, "{path}");
    }
    features(&app, &acme, false, false).await;
    refused(TRACKING_OFF).await;
}

#[tokio::test]
async fn events_come_newest_first_and_whole() {
    let app = TestApp::start().await;
    let acme = app.customer_with_events("acme").await;
    let pagination = |total, pages| json!({ "page": 1, "limit": 50, "total": total, "pages": pages });
    acme.get("/api/v1/events").await.is(200, json!({ "events": [], "pagination": pagination(0, 0) }));
    acme.send("Ada@Example.com").await;
    app.pass(1_250);
    app.deliver().await;
    let later = "2024-03-15T14:30:01.25Z";
    let expected = json!({
        "events": [
            event("delivered", "delivered", "ada@example.com", later, delivered()),
            event("sent", "sent", "ada@example.com", later, json!({})),
            event("queued", "queued", "ada@example.com", "2024-03-15T14:30:00Z", json!({})),
        ],
        "pagination": pagination(3, 1),
    });
    acme.get("/api/v1/events").await.is(200, expected.clone());
    acme.get("/api/events").await.is(200, expected);
}

#[tokio::test]
async fn each_filter_keeps_what_it_names() {
    let app = TestApp::start().await;
    let acme = app.customer_with_events("acme").await;
    let first = acme.send("ada@example.com").await;
    app.deliver().await;
    app.pass(1_000);
    let from = format!("Billing@{}", acme.domain);
    let bill = json!({ "to": "bob_100%@example.net", "from": from, "subject": "Bill", "text": "Your bill" });
    let second = acme.post("/api/send", bill).await.json()["email_id"].as_str().expect("it has an id").to_owned();
    app.pass(1_000);
    app.deliver().await;
    let found = async |query: &str| {
        let answer = acme.get(&format!("/api/v1/events?{query}")).await.json();
        let events = answer["events"].as_array().unwrap_or_else(|| panic!("{query}: {answer}")).clone();
        assert_eq!(answer["pagination"]["total"], events.len(), "{query}");
        let word = |event: &Value| {
            let who = if event["email_id"] == first.as_str() { "a" } else { "b" };
            format!("{who}:{}", event["event_type"].as_str().expect("it is text"))
        };
        events.iter().map(word).collect::<Vec<_>>().join(" ")
    };
    let (ada, bob) = ("a:delivered a:sent a:queued", "b:delivered b:sent b:queued");
    assert_eq!(found("").await, format!("{bob} {ada}"));
    assert_eq!(found(&format!("email_id={first}")).await, ada);
    assert_eq!(found(&format!("email_id={second}&type=sent")).await, "b:sent");
    assert_eq!(found("type=queued").await, "b:queued a:queued");
    assert_eq!(found("type=complained").await, "");
    assert_eq!(found("recipient=ADA").await, ada);
    assert_eq!(found("recipient=example").await, format!("{bob} {ada}"));
    assert_eq!(found("recipient=_100%25%40EXAMPLE.net").await, bob);
    assert_eq!(found("recipient=%25").await, bob, "no sign stands for another");
    assert_eq!(found("recipient=_da").await, "");
    assert_eq!(found("from=billing%40").await, bob);
    assert_eq!(found("from=NOREPLY").await, ada);
    assert_eq!(found("from=").await, format!("{bob} {ada}"));
    assert_eq!(found("from_timestamp=2024-03-15T14:30:01Z").await, bob);
    assert_eq!(found("to_timestamp=2024-03-15T14:30:00Z").await, ada);
    assert_eq!(found("to_timestamp=2024-03-15T15:30:00%2B01:00").await, ada);
    let one = "from_timestamp=2024-03-15T14:30:01Z&to_timestamp=2024-03-15T14:30:01.999Z";
    assert_eq!(found(one).await, "b:queued");
    assert_eq!(found("from_timestamp=2024-03-15T14:30:02Z&to_timestamp=2024-03-15T14:30:01Z").await, "");
    assert_eq!(found("type=sent&recipient=ada&from=noreply&unknown=1").await, "a:sent");
    assert_eq!(found("email_id=018e4277-b940-7000-8000-000000000001").await, "");
}

#[tokio::test]
async fn a_filter_that_says_nothing_is_refused_by_its_name() {
    let app = TestApp::start().await;
    let acme = app.customer_with_events("acme").await;
    for query in [
        "email_id=42",
        "type=Opened",
        "type=lost",
        "from_timestamp=yesterday",
        "to_timestamp=2024-03-15",
        "page=0",
        "page=x",
        "limit=0",
        "limit=1001",
        "limit=-1",
        "cursor=next",
    ] {
        let name = query.split('=').next().expect("it has a name");
        acme.get(&format!("/api/v1/events?{query}")).await.refuses(400, "invalid_request", name);
    }
    assert_eq!(acme.get("/api/v1/events?limit=1000&page=1000000").await.status, 200);
}

#[tokio::test]
async fn a_list_goes_on_by_page_and_by_cursor() {
    let app = TestApp::start().await;
    let acme = app.customer_with_events("acme").await;
    for n in 0..7 {
        // Several in one millisecond, so that the time alone does not order them.
        app.pass(n % 2);
        acme.send(&format!("ada{n}@example.com")).await;
    }
    let ids = |answer: &Answer| {
        let answer = answer.json();
        let events = answer["events"].as_array().unwrap_or_else(|| panic!("{answer}")).clone();
        events.iter().map(|event| event["id"].as_str().expect("it has an id").to_owned()).collect::<Vec<_>>()
    };
    let all = ids(&acme.get("/api/v1/events").await);
    assert_eq!(all.len(), 7);

    let mut paged = Vec::new();
    for page in 1..=4 {
        let answer = acme.get(&format!("/api/v1/events?limit=2&page={page}")).await;
        assert_eq!(answer.json()["pagination"], json!({ "page": page, "limit": 2, "total": 7, "pages": 4 }));
        paged.extend(ids(&answer));
    }
    assert_eq!(paged, all);
    assert_eq!(ids(&acme.get("/api/v1/events?limit=2&page=5").await), [""; 0]);

    let mut followed = Vec::new();
    let mut path = "/api/v1/events?limit=2".to_owned();
    loop {
        let answer = acme.get(&path).await;
        followed.extend(ids(&answer));
        let Some(cursor) = answer.json()["next_cursor"].as_str().map(str::to_owned) else { break };
        path = format!("/api/v1/events?limit=2&cursor={cursor}");
        // What happens meanwhile does not shift what follows.
        acme.send("new@example.com").await;
    }
    assert_eq!(followed, all);

    // A last page that happens to be full has no next one.
    let total = acme.get("/api/v1/events").await.json()["pagination"]["total"].as_u64().expect("a number");
    for path in ["/api/v1/events", "/api/emails"] {
        let whole = acme.get(&format!("{path}?limit={total}")).await.json();
        assert_eq!((&whole["pagination"]["pages"], &whole["next_cursor"]), (&json!(1), &Value::Null), "{path}");
        let part = acme.get(&format!("{path}?limit={}", total - 1)).await.json();
        assert!(part["next_cursor"].is_string(), "{path}");
    }
}

#[tokio::test]
async fn another_customers_events_are_none() {
    let app = TestApp::start().await;
    let acme = app.customer_with_events("acme").await;
    let rival = app.customer_with_events("rival").await;
    let id = acme.send("ada@example.com").await;
    let missing = json!({ "error": "Email not found or access denied", "code": "not_found", "request_id": "[id]" });
    rival.get(&format!("/api/v1/emails/{id}/events")).await.is(404, missing.clone());
    rival.get("/api/v1/emails/018e4277-b940-7000-8000-000000000001/events").await.is(404, missing.clone());
    rival.get("/api/v1/emails/nonsense/events").await.is(404, missing);
    for query in ["", "?recipient=ada", &format!("?email_id={id}")] {
        assert_eq!(rival.get(&format!("/api/v1/events{query}")).await.json()["pagination"]["total"], 0, "{query}");
    }
    // Nor does a cursor tell where theirs stand among one's own.
    rival.send("bob@example.com").await;
    app.pass(1_000);
    acme.send("ada@example.com").await;
    let theirs = acme.get("/api/v1/events").await.json()["events"][0]["id"].as_str().expect("an id").to_owned();
    assert_eq!(rival.get(&format!("/api/v1/events?cursor={theirs}")).await.json()["events"], json!([]));
}

#[tokio::test]
async fn an_emails_events_are_a_story() {
    let app = TestApp::start().await;
    let acme = app.customer_with_events("acme").await;
    let id = acme.send("ada@example.com").await;
    app.pass(500);
    app.deliver().await;
    app.pass(59_500);
    let bounce = json!({ "emailId": id, "bounceType": "soft", "reason": "452 4.2.2 mailbox full" });
    assert_eq!(app.notify("/webhooks/bounce", bounce).await.status, 200);
    let answer = acme.get(&format!("/api/v1/emails/{id}/events")).await;
    let data = answer.json()["events"][3]["event_data"].clone();
    assert_eq!((&data["bounce_type"], &data["smtp_code"]), (&json!("soft"), &json!(452)));
    let (begin, sent, end) = ("2024-03-15T14:30:00Z", "2024-03-15T14:30:00.5Z", "2024-03-15T14:31:00Z");
    let entry = |event_type: &str, timestamp: &str, elapsed_ms: i64, summary: &str, details: Value| {
        json!({ "event_type": event_type, "timestamp": timestamp, "elapsed_ms": elapsed_ms, "summary": summary,
            "details": details })
    };
    let bounced = "It bounced for now: the address may work another time (452 4.2.2 mailbox full).";
    let ada = "ada@example.com";
    let story = json!({
        "email_id": "[id]",
        "events": [
            event("queued", "queued", ada, begin, json!({})),
            event("sent", "sent", ada, sent, json!({})),
            event("delivered", "delivered", ada, sent, delivered()),
            event("bounced", "bounced", ada, end, data.clone()),
        ],
        "timeline": [
            entry("queued", begin, 0, "Accepted and queued for delivery.", json!({})),
            entry("sent", sent, 500, "Delivery began.", json!({})),
            entry("delivered", sent, 500, "The recipient's mail server accepted it.", delivered()),
            entry("bounced", end, 60_000, bounced, data),
        ],
    });
    answer.is(200, story.clone());
    acme.get(&format!("/api/emails/{id}/events")).await.is(200, story);
}

#[tokio::test]
async fn metadata_comes_back_with_events() {
    let app = TestApp::start().await;
    let acme = app.customer_with_events("acme").await;
    let email = json!({ "to": "ada@example.com", "subject": "Hello", "text": "Hello", "metadata": { "order": 42 } });
    let id = acme.post("/api/send", email).await.json()["email_id"].as_str().expect("it has an id").to_owned();
    app.deliver().await;
    for path in ["/api/v1/events".to_owned(), format!("/api/v1/emails/{id}/events")] {
        let events = acme.get(&path).await.json()["events"].as_array().expect("a list").clone();
        assert_eq!(events.len(), 3);
        for event in events {
            assert_eq!(event["event_data"]["metadata"], json!({ "order": 42 }), "{event}");
        }
    }
}

#[tokio::test]
async fn an_event_shows_what_the_privacy_level_allows() {
    let app = TestApp::start().await;
    let acme = app.customer_with_events("acme").await;
    let id = acme.send("ada@example.com").await;
    let html = app.captured(&id).await["html"].as_str().expect("it has html").to_owned();
    let link = html.split('"').find_map(|part| part.strip_prefix("http://127.0.0.1:8080/track/c/"));
    app.pass(1_000);
    app.get(&format!("/track/c/{}", link.expect("it has a link"))).await;
    app.pass(1_000);
    let reason = "550 5.1.1 <ada@example.com>: no such user";
    let bounce = json!({ "emailId": id, "bounceType": "hard", "reason": reason });
    assert_eq!(app.notify("/webhooks/bounce", bounce).await.status, 200);

    let rules = ["no-user-agent", "click-at-once", "click-soon"];
    let client = json!({ "confidence": 85, "class": "scanner", "reason": "no user agent", "rules": rules });
    let url = "https://example.com/a?b=1&c=2";
    let shown = async |level: PrivacyLevel| {
        privacy(&app, &acme, level).await;
        let listed = acme.get("/api/v1/events").await.json();
        let story = acme.get(&format!("/api/v1/emails/{id}/events")).await.json();
        assert_eq!(story["events"][4]["event_data"], listed["events"][0]["event_data"], "one event, one view");
        assert_eq!(story["timeline"][4]["details"], listed["events"][0]["event_data"], "nor does the story tell more");
        let exported = acme.call(Method::GET, "/api/v1/events", None, &[("accept", "application/x-ndjson")]).await;
        let lines: Vec<Value> = String::from_utf8_lossy(&exported.body)
            .lines()
            .map(|line| serde_json::from_str(line).expect("each line is JSON"))
            .collect();
        assert_eq!(Value::from(lines), listed["events"], "nor does an export");
        let summaries = [3, 4].map(|n| story["timeline"][n]["summary"].as_str().expect("text").to_owned());
        (listed["events"][1]["event_data"].clone(), listed["events"][0]["event_data"].clone(), summaries)
    };

    let (click, bounce, summaries) = shown(PrivacyLevel::Full).await;
    let full = json!({ "ip": "192.0.2.7", "user_agent": null, "client": client, "url": url, "link": 0 });
    assert_eq!((click, &bounce["reason"]), (full, &json!(reason)));
    assert!(summaries[0].contains(url) && summaries[1].contains("ada@example.com"), "{summaries:?}");

    let (click, bounce, summaries) = shown(PrivacyLevel::Masked).await;
    let masked =
        json!({ "ip": "192.0.2.0", "user_agent": null, "client": client, "url": "https://example.com/a", "link": 0 });
    assert_eq!(click, masked);
    assert_eq!(bounce["reason"], "550 5.1.1 <a***@example.com>: no such user");
    assert!(!summaries.concat().contains("b=1") && !summaries.concat().contains("ada@"), "{summaries:?}");

    let (click, bounce, summaries) = shown(PrivacyLevel::Minimal).await;
    assert_eq!(click, json!({ "client": { "confidence": 85, "class": "scanner" } }));
    let fields: Vec<_> = bounce.as_object().expect("an object").keys().cloned().collect();
    assert_eq!(bounce["bounce_type"], "hard");
    assert!(!fields.contains(&"reason".to_owned()), "{bounce}");
    assert!(!summaries.concat().contains("example.com"), "{summaries:?}");
}

#[tokio::test]
async fn what_a_level_hides_when_it_happens_is_not_stored() {
    for level in [PrivacyLevel::Masked, PrivacyLevel::Minimal] {
        let app = TestApp::start().await;
        let acme = app.customer_with_events("acme").await;
        privacy(&app, &acme, level).await;
        let email = json!({ "to": "ada@example.com", "subject": "Hello", "track_opens": true,
            "html": "<p><a href=\"https://example.com/a?secret=1\">this</a></p>" });
        let id = acme.post("/api/send", email).await.json()["email_id"].as_str().expect("an id").to_owned();
        let html = app.captured(&id).await["html"].as_str().expect("it has html").to_owned();
        app.pass(1_000);
        for part in html.split('"').filter_map(|part| part.strip_prefix("http://127.0.0.1:8080/track/")) {
            if !part.starts_with("u/") {
                let request = http::Request::get(format!("/track/{part}")).header("user-agent", "Thunderbird/1 (Ada)");
                app.request(request.body(http_body_util::Full::default()).expect("it is a request")).await;
            }
        }
        let bounce =
            json!({ "emailId": id, "bounceType": "hard", "reason": "550 5.1.1 <ada@example.com>: no such user" });
        app.notify("/webhooks/bounce", bounce).await.is_status(200);
        // Who is let see everything later sees no more than was stored.
        privacy(&app, &acme, PrivacyLevel::Full).await;
        let answer = acme.get("/api/v1/events").await.json();
        let data = |event_type: &str| {
            let events = answer["events"].as_array().expect("a list");
            let found = events.iter().find(|event| event["event_type"] == event_type);
            found.unwrap_or_else(|| panic!("no {event_type} in {answer}"))["event_data"].clone()
        };
        let (open, click, bounce) = (data("opened"), data("clicked"), data("bounced"));
        assert_eq!((&open["redacted"], &bounce["redacted"]), (&json!(level), &json!(level)));
        assert_eq!(
            (&bounce["bounce_type"], &bounce["smtp_code"]),
            (&json!("hard"), &json!(550)),
            "codes are no person's"
        );
        assert!(click["client"]["class"].is_string() && click["client"]["rules"].is_array(), "{click}");
        if level == PrivacyLevel::Masked {
            assert_eq!((&open["ip"], &click["url"]), (&json!("192.0.2.0"), &json!("https://example.com/a")));
            assert_eq!(open["user_agent"], "Thunderbird/1 (Ada)");
            assert_eq!(bounce["reason"], "550 5.1.1 <a***@example.com>: no such user");
        } else {
            for (event, field) in
                [(&open, "ip"), (&open, "user_agent"), (&click, "url"), (&click, "link"), (&bounce, "reason")]
            {
                assert_eq!(event.get(field), None, "{field} in {event}");
            }
            assert_eq!(click["client"].get("reason"), None, "{click}");
        }
        // What is counted does not depend on what was left out, and nothing of it is judged again by what is not there.
        let rebuild = Command::StatsRebuild { from: None, customer: None, dry_run: true };
        assert_eq!(app.command(rebuild).await["wrong"], 0);
        let again = Command::Reclassify { after: 0, since: 0, customer: None, dry_run: true };
        assert_eq!(app.command(again).await["judged"], 0);
    }
}

#[tokio::test]
async fn below_full_an_events_own_fields_name_nobody_either() {
    let app = TestApp::start().await;
    let acme = app.customer_with_events("acme").await;
    acme.send("ada@example.com").await;
    let recipient = async |level: PrivacyLevel| {
        privacy(&app, &acme, level).await;
        acme.get("/api/v1/events").await.json()["events"][0]["recipient"].clone()
    };
    assert_eq!(recipient(PrivacyLevel::Full).await, "ada@example.com");
    // The reference redacts event_data; to whom an email went is the customer's own data.
    assert_eq!(recipient(PrivacyLevel::Masked).await, "ada@example.com");
    assert_eq!(recipient(PrivacyLevel::Minimal).await, "ada@example.com");
}

async fn export(customer: &TestCustomer, query: &str, accept: &str) -> Answer {
    customer.call(Method::GET, &format!("/api/v1/events{query}"), None, &[("accept", accept)]).await
}

#[tokio::test]
async fn an_export_has_every_event_of_however_many() {
    let app = TestApp::start().await;
    let acme = app.customer_with_events("acme").await;
    let many: Vec<_> = (0..49).map(|n| format!("cc{n}@example.com")).collect();
    // 3 x 50 x 7 events: more than a page of the store.
    for _ in 0..7 {
        let email = json!({ "to": "ada@example.com", "cc": many, "subject": "Hello", "text": "Hello" });
        assert_eq!(acme.post("/api/send", email).await.status, 200);
    }
    app.deliver().await;
    let answer = export(&acme, "", "application/x-ndjson").await;
    assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, Some("application/x-ndjson")));
    assert!(
        answer.header("x-ratelimit-limit").is_some() && answer.header("x-request-id").is_some(),
        "{:?}",
        answer.headers
    );
    let lines: Vec<Value> = String::from_utf8_lossy(&answer.body)
        .lines()
        .map(|line| serde_json::from_str(line).expect("each line is JSON"))
        .collect();
    assert_eq!(lines.len(), 1_050);
    let first = acme.get("/api/v1/events?limit=1000").await.json();
    assert_eq!(
        &lines[..1_000],
        first["events"].as_array().expect("a list").as_slice(),
        "the same events, in the same order"
    );
    let second = acme.get("/api/v1/events?limit=1000&page=2").await.json();
    assert_eq!(&lines[1_000..], second["events"].as_array().expect("a list").as_slice());

    let csv = export(&acme, "?type=queued", "text/csv").await;
    assert_eq!(csv.header("content-type"), Some("text/csv; charset=utf-8; header=present"));
    assert_eq!(String::from_utf8_lossy(&csv.body).lines().count(), 351);
    let none = export(&acme, "?type=clicked", "text/csv").await;
    assert_eq!(String::from_utf8_lossy(&none.body), format!("{CSV_HEAD}\r\n"));
    export(&acme, "?type=lost", "text/csv").await.refuses(400, "invalid_request", "type");
    let json = export(&acme, "?limit=1", "application/json, */*").await;
    assert_eq!(json.header("content-type"), Some("application/json"));
}

#[tokio::test]
async fn a_spreadsheet_runs_nothing_of_an_export() {
    let app = TestApp::start().await;
    let acme = app.customer_with_events("acme").await;
    for local in ["=1+1", "+1", "-1"] {
        acme.send(&format!("{local}@example.com")).await;
    }
    let body = export(&acme, "", "text/csv").await.body;
    let text = String::from_utf8_lossy(&body).into_owned();
    let mut lines = text.split("\r\n");
    assert_eq!(lines.next(), Some(CSV_HEAD));
    for line in lines.filter(|line| !line.is_empty()) {
        let recipient = line.split(',').nth(5).expect("it has a recipient");
        assert!(["\"'=1+1@example.com\"", "\"'+1@example.com\"", "\"'-1@example.com\""].contains(&recipient), "{line}");
    }
    assert_eq!(text.matches("\"'").count(), 3, "{text}");
}

#[tokio::test]
async fn a_head_of_an_export_claims_no_length() {
    let app = TestApp::start().await;
    let acme = app.customer_with_events("acme").await;
    acme.send("ada@example.com").await;
    let answer = acme.call(Method::HEAD, "/api/v1/events", None, &[("accept", "text/csv")]).await;
    assert_eq!((answer.status.as_u16(), answer.header("content-length")), (200, None));
    let answer = acme.call(Method::HEAD, "/api/v1/events", None, &[]).await;
    let length = acme.get("/api/v1/events").await.body.len().to_string();
    assert_eq!((answer.status.as_u16(), answer.header("content-length")), (200, Some(length.as_str())));
    assert!(answer.body.is_empty());
}
