//! GET /track/o/{token}, GET /track/c/{token}, GET and POST /track/u/{token}

use http::{Method, Request};
use http_body_util::Full;
use pillarbox::control::Command;
use serde_json::{Value, json};

use crate::harness::{Answer, TestApp, TestCustomer};

/// The smallest picture there is: one transparent pixel.
const PIXEL: &[u8] = &[
    0x47, 0x49, 0x46, 0x38, 0x39, 0x61, 0x01, 0x00, 0x01, 0x00, 0x80, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x21, 0xf9, 0x04, 0x01, 0x00, 0x00, 0x00, 0x00, 0x2c, 0x00, 0x00, 0x00, 0x00, 0x01, 0x00, 0x01, 0x00, 0x00, 0x02,
    0x02, 0x44, 0x01, 0x00, 0x3b,
];
const BROWSER: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/120.0 Safari/537.36";

/// A delivered broadcast with one link, and the three tokens that stand in it.
struct Sent {
    app: TestApp,
    acme: TestCustomer,
    id: String,
    open: String,
    click: String,
    unsubscribe: String,
}

impl Sent {
    async fn with_link(destination: &str) -> Self {
        let app = TestApp::start().await;
        let acme = app.customer_with_events("acme").await;
        let (id, [open, click, unsubscribe]) = send(&app, &acme, destination).await;
        Self { app, acme, id, open, click, unsubscribe }
    }

    async fn new() -> Self {
        Self::with_link("https://example.com/a?b=1&c=2#top").await
    }

    async fn ask(&self, method: Method, path: &str, user_agent: Option<&str>) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(user_agent) = user_agent {
            request = request.header("user-agent", user_agent);
        }
        self.app.request(request.body(Full::default()).expect("it is a request")).await
    }

    async fn events(&self) -> Vec<String> {
        self.app.events_of(&self.acme, &self.id).await
    }

    async fn status(&self) -> Value {
        self.acme.get(&format!("/api/emails/{}", self.id)).await.json()["email"]["status"].clone()
    }
}

/// Sends such a broadcast: its id, and the tokens of its pixel, its link and its way out.
async fn send(app: &TestApp, acme: &TestCustomer, destination: &str) -> (String, [String; 3]) {
    let escaped = destination.replace('&', "&amp;");
    let html = format!("<p>Read <a href=\"{escaped}\">this</a>.</p>");
    let email = json!({ "to": "ada@example.com", "subject": "News", "html": html, "stream_type": "broadcast" });
    let id = acme.post("/api/send", email).await.json()["email_id"].as_str().expect("it has an id").to_owned();
    let source = app.captured(&id).await;
    let html = source["html"].as_str().expect("it has html").to_owned();
    let unfolded = source["source"].as_str().expect("it has a source").replace("\r\n ", "").replace("\r\n\t", "");
    let token = |text: &str, purpose: &str| {
        let rest = text.split(&format!("/track/{purpose}/")).nth(1).unwrap_or_else(|| panic!("{purpose}: {text}"));
        rest.split(['"', '>']).next().unwrap_or_default().to_owned()
    };
    (id, [token(&html, "o"), token(&html, "c"), token(&unfolded, "u")])
}

#[tokio::test]
async fn a_pixel_is_shown_and_each_showing_recorded() {
    let sent = Sent::new().await;
    let path = format!("/track/o/{}", sent.open);
    for _ in 0..2 {
        let answer = sent.ask(Method::GET, &path, Some(BROWSER)).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("content-type"), Some("image/gif"));
        assert_eq!(answer.header("cache-control"), Some("no-store, max-age=0"));
        assert_eq!(answer.body, PIXEL);
    }
    assert_eq!(sent.events().await, ["queued", "sent", "delivered", "opened", "opened"]);
    assert_eq!(sent.status().await, "delivered", "an open moves no status");
}

#[tokio::test]
async fn a_click_leads_where_its_author_pointed() {
    for destination in [
        "https://example.com/a?b=1&c=2#top",
        "HTTP://EXAMPLE.com",
        "https://example.com/?next=https://evil.example/&u=//evil.example",
        "https://xn--bcher-kva.example/%E4%B8%AD?q=%0d%0aSet-Cookie:x",
    ] {
        let sent = Sent::with_link(destination).await;
        let answer = sent.ask(Method::GET, &format!("/track/c/{}", sent.click), Some(BROWSER)).await;
        assert_eq!(answer.status, 302, "{destination}");
        assert_eq!(answer.header("location"), Some(destination));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(answer.header("set-cookie"), None);
        assert!(answer.body.is_empty(), "{answer:?}");
        assert_eq!(sent.events().await, ["queued", "sent", "delivered", "clicked"]);
        assert_eq!(sent.status().await, "delivered");
    }
}

#[tokio::test]
async fn what_a_request_says_beside_its_token_leads_nowhere() {
    let sent = Sent::new().await;
    let wanted = Some("https://example.com/a?b=1&c=2#top");
    for query in ["url=https://evil.example", "u=//evil.example", "redirect=https://evil.example&next=/"] {
        let answer = sent.ask(Method::GET, &format!("/track/c/{}?{query}", sent.click), None).await;
        assert_eq!((answer.status.as_u16(), answer.header("location")), (302, wanted), "{query}");
    }
    for path in ["https:%2F%2Fevil.example", "aHR0cHM6Ly9ldmlsLmV4YW1wbGU", "..%2F..%2Fevil.example", "%00"] {
        let answer = sent.ask(Method::GET, &format!("/track/c/{path}"), None).await;
        assert_eq!((answer.status.as_u16(), answer.header("location")), (404, None), "{path}");
    }
    let answer = sent.ask(Method::GET, &format!("/track/c/{}/https://evil.example", sent.click), None).await;
    assert_eq!((answer.status.as_u16(), answer.header("location")), (404, None));
}

#[tokio::test]
async fn an_event_keeps_who_came_and_what_that_means() {
    let sent = Sent::new().await;
    sent.app.pass(61_000);
    sent.ask(Method::GET, &format!("/track/c/{}", sent.click), Some(BROWSER)).await;
    sent.app.pass(1_000);
    sent.ask(Method::GET, &format!("/track/o/{}", sent.open), Some("Mozilla/5.0")).await;
    sent.app.pass(1_000);
    sent.ask(Method::GET, &format!("/track/o/{}", sent.open), None).await;
    let event = |event_type: &str, second: u8, data: Value| {
        let at = format!("2024-03-15T14:31:0{second}Z");
        json!({
            "id": "[id]", "email_id": "[id]", "customer_id": "[id]", "event_type": event_type, "status": "delivered",
            "recipient": "ada@example.com", "from": "noreply@acme.sandbox.pillarbox.test", "timestamp": at,
            "event_data": data, "created_at": at,
        })
    };
    let apple = "Apple Mail Privacy Protection loads images whether or not a person reads";
    let expected = json!([
        event(
            "opened",
            3,
            json!({ "ip": "192.0.2.7", "user_agent": null,
            "client": { "confidence": 85, "class": "scanner", "reason": "no user agent",
                "rules": ["no-user-agent"] } })
        ),
        event(
            "opened",
            2,
            json!({ "ip": "192.0.2.7", "user_agent": "Mozilla/5.0",
            "client": { "confidence": 70, "class": "suspicious", "reason": apple, "rules": ["apple-mail-privacy"] } })
        ),
        event(
            "clicked",
            1,
            json!({ "ip": "192.0.2.7", "user_agent": BROWSER,
            "client": { "confidence": 10, "class": "human", "reason": "an ordinary browser or mail program",
                "rules": ["browser"] },
            "url": "https://example.com/a?b=1&c=2#top", "link": 0 })
        ),
    ]);
    let pagination = json!({ "page": 1, "limit": 50, "total": 3, "pages": 1 });
    let since = "/api/v1/events?from_timestamp=2024-03-15T14:31:01Z";
    sent.acme.get(since).await.is(200, json!({ "events": expected, "pagination": pagination }));
}

#[tokio::test]
async fn a_long_user_agent_is_cut_at_a_character() {
    let sent = Sent::new().await;
    let long = format!("{}{}", "x".repeat(511), "ä".repeat(100));
    let request = Request::get(format!("/track/o/{}", sent.open)).header("user-agent", long.as_bytes());
    sent.app.request(request.body(Full::default()).expect("it is a request")).await;
    let event = sent.acme.get("/api/v1/events?type=opened").await.json()["events"][0].clone();
    assert_eq!(event["event_data"]["user_agent"], "x".repeat(511));
}

#[tokio::test]
async fn a_mail_program_may_post_its_wish_as_a_form_of_either_kind() {
    let multipart = "--b\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\nOne-Click\r\n--b--\r\n";
    for (content_type, body, source) in [
        ("application/x-www-form-urlencoded", "List-Unsubscribe=One-Click", "one-click"),
        ("multipart/form-data; boundary=b", multipart, "one-click"),
        ("application/x-www-form-urlencoded", "", "link"),
    ] {
        let sent = Sent::new().await;
        let done = sent.app.post(&format!("/track/u/{}", sent.unsubscribe), content_type, body).await;
        assert_eq!(done.status, 200, "{content_type}");
        assert_eq!(sent.events().await, ["queued", "sent", "delivered", "unsubscribed"]);
        let listed = sent.acme.get("/api/customer/unsubscribes").await.json();
        let (email, told) = (&listed["unsubscribes"][0]["email"], &listed["unsubscribes"][0]["source"]);
        assert_eq!((email, told), (&json!("ada@example.com"), &json!(source)));
    }
}

#[tokio::test]
async fn who_unsubscribes_again_after_coming_back_is_unsubscribed_again() {
    let sent = Sent::new().await;
    let path = format!("/track/u/{}", sent.unsubscribe);
    let unsubscribe = async || {
        let answer = sent.app.post(&path, "application/x-www-form-urlencoded", "").await;
        assert_eq!(answer.status, 200);
        sent.events().await.iter().filter(|event| *event == "unsubscribed").count()
    };
    assert_eq!((unsubscribe().await, unsubscribe().await), (1, 1), "once more changes nothing");
    let path = "/api/customer/unsubscribes/ada@example.com";
    assert_eq!(sent.acme.call(Method::DELETE, path, None, &[]).await.status, 200);
    assert_eq!(unsubscribe().await, 2);
}

#[tokio::test]
async fn a_head_request_records_nothing() {
    let sent = Sent::new().await;
    let open = sent.ask(Method::HEAD, &format!("/track/o/{}", sent.open), Some(BROWSER)).await;
    assert_eq!((open.status.as_u16(), open.header("content-length")), (200, Some("43")));
    let click = sent.ask(Method::HEAD, &format!("/track/c/{}", sent.click), Some(BROWSER)).await;
    assert_eq!((click.status.as_u16(), click.header("location")), (302, Some("https://example.com/a?b=1&c=2#top")));
    let page = sent.ask(Method::HEAD, &format!("/track/u/{}", sent.unsubscribe), Some(BROWSER)).await;
    assert_eq!(page.status, 200);
    assert!([open, click, page].iter().all(|answer| answer.body.is_empty()));
    assert_eq!(sent.events().await, ["queued", "sent", "delivered"]);
}

#[tokio::test]
async fn a_token_that_is_not_whole_ours_or_for_this_is_none() {
    let sent = Sent::new().await;
    for (purpose, token, others) in [
        ("o", &sent.open, [&sent.click, &sent.unsubscribe]),
        ("c", &sent.click, [&sent.open, &sent.unsubscribe]),
        ("u", &sent.unsubscribe, [&sent.open, &sent.click]),
    ] {
        let mut wrong = vec![
            token[..token.len() - 1].to_owned(),
            token[1..].to_owned(),
            token[..token.len() / 2].to_owned(),
            format!("{token}A"),
            format!("{token}="),
            format!("{token}%3D"),
            token.to_lowercase(),
            "x".to_owned(),
            "-".repeat(4_000),
        ];
        wrong.extend(others.map(Clone::clone));
        // Each character of the head and of the MAC changed by itself.
        for at in (0..8).chain(token.len() - 8..token.len()) {
            let other = if token.as_bytes()[at] == b'A' { 'B' } else { 'A' };
            wrong.push(format!("{}{other}{}", &token[..at], &token[at + 1..]));
        }
        for token in wrong {
            let answer = sent.ask(Method::GET, &format!("/track/{purpose}/{token}"), Some(BROWSER)).await;
            assert_eq!((answer.status.as_u16(), answer.header("location")), (404, None), "{purpose} {token}");
            if purpose == "o" {
                assert_eq!((answer.header("content-type"), &answer.body[..]), (Some("image/gif"), PIXEL));
            } else {
                is_plain_page(&answer);
            }
        }
    }
    let other = sent.app.post(&format!("/track/u/{}", sent.open), "application/x-www-form-urlencoded", "").await;
    assert_eq!(other.status, 404);
    is_plain_page(&other);
    assert_eq!(sent.events().await, ["queued", "sent", "delivered"]);
}

/// A page for a person that says nothing about the service and runs nothing.
#[track_caller]
fn is_plain_page(answer: &Answer) {
    let text = String::from_utf8_lossy(&answer.body);
    assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"));
    assert!(text.contains("This link does not work") && !text.contains("<script") && !text.contains("<form"), "{text}");
    assert!(answer.header("content-security-policy").is_some_and(|policy| policy.contains("default-src 'none'")));
}

#[tokio::test]
async fn another_installation_accepts_no_token_of_this_one() {
    let (ours, theirs) = (Sent::new().await, TestApp::start_anew().await);
    let answer = theirs.get(&format!("/track/c/{}", ours.click)).await;
    assert_eq!((answer.status.as_u16(), answer.header("location")), (404, None));
}

#[tokio::test]
async fn links_outlive_the_key_that_signed_them_until_it_is_retired() {
    let sent = Sent::new().await;
    let (pixel, click) = (format!("/track/o/{}", sent.open), format!("/track/c/{}", sent.click));
    let early = sent.app.refused_command(Command::TrackingKeyRetire { id: 1 }).await;
    assert!(early.contains("tracking key 1 is active"), "{early}");

    let keys = sent.app.command(Command::TrackingKeyRotate { force: false }).await;
    assert_eq!(keys["keys"][0]["id"], 2);
    let again = sent.app.refused_command(Command::TrackingKeyRotate { force: false }).await;
    assert!(again.contains("key 3") && again.contains("--force"), "{again}");
    assert_eq!(sent.ask(Method::GET, &pixel, None).await.status, 200);
    assert_eq!(sent.ask(Method::GET, &click, None).await.status, 302);
    let (_, [_, other, _]) = send(&sent.app, &sent.acme, "https://example.com/").await;
    assert_ne!(other[..3], sent.click[..3], "another key signs");
    let later = format!("/track/c/{other}");
    assert_eq!(sent.ask(Method::GET, &later, None).await.status, 302);

    sent.app.command(Command::TrackingKeyRetire { id: 1 }).await;
    assert_eq!(sent.ask(Method::GET, &pixel, None).await.status, 404);
    assert_eq!(sent.ask(Method::GET, &click, None).await.status, 404);
    assert_eq!(sent.ask(Method::GET, &later, None).await.status, 302);
    assert_eq!(sent.events().await, ["queued", "sent", "delivered", "opened", "clicked"]);
}

#[tokio::test]
async fn looking_at_the_page_unsubscribes_nobody_and_its_button_does() {
    let sent = Sent::new().await;
    let path = format!("/track/u/{}", sent.unsubscribe);
    let page = sent.ask(Method::GET, &path, Some(BROWSER)).await;
    let text = String::from_utf8_lossy(&page.body).into_owned();
    assert_eq!((page.status.as_u16(), page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    assert!(text.contains("<form method=\"post\">") && text.contains("<button"), "{text}");
    assert!(text.contains("a***@example.com") && !text.contains("ada@example.com"), "only its owner knows it: {text}");
    assert_eq!(sent.events().await, ["queued", "sent", "delivered"]);

    let body = "List-Unsubscribe=One-Click";
    for _ in 0..2 {
        let done = sent.app.post(&path, "application/x-www-form-urlencoded", body).await;
        assert_eq!((done.status.as_u16(), done.header("location")), (200, None), "{done:?}");
    }
    let broadcast =
        json!({ "to": "Ada@Example.com", "subject": "More", "text": "More news", "stream_type": "broadcast" });
    sent.acme.post("/api/send", broadcast).await.refuses(422, "recipient_suppressed", "unsubscribe");
    assert_eq!(sent.status().await, "delivered", "unsubscribing moves no status");
}

#[tokio::test]
async fn an_address_outside_ascii_is_tracked_like_any_other() {
    let app = TestApp::start().await;
    let acme = app.customer_with_events("acme").await;
    let id = acme.send("Érika@example.com").await;
    let html = app.captured(&id).await["html"].as_str().expect("it has html").to_owned();
    let pixel = html.split('"').find_map(|part| part.strip_prefix("http://127.0.0.1:8080/track/o/"));
    app.get(&format!("/track/o/{}", pixel.expect("it has a pixel"))).await;
    assert_eq!(app.events_of(&acme, &id).await, ["queued", "sent", "delivered", "opened"]);
}
