//! The operators' listener: who may do what, and what it tells

use std::net::{IpAddr, Ipv4Addr};

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use pillarbox::operator;

use crate::harness::{Answer, TestApp};

const TOKEN: &str = "an-operator-token-that-is-long-enough";
const SETTINGS: &[(&str, &str)] = &[("PILLARBOX_OPERATOR_TOKEN", TOKEN)];

/// One request from this machine.
pub async fn ask(app: &TestApp, request: http::request::Builder, body: &str) -> Answer {
    let request = request.body(Full::new(Bytes::copy_from_slice(body.as_bytes()))).expect("it is a request");
    let response = operator::handle(&app.app, IpAddr::V4(Ipv4Addr::LOCALHOST), request).await;
    let (parts, body) = response.into_parts();
    let body = body.collect().await.expect("the body is whole").to_bytes();
    Answer { status: parts.status, headers: parts.headers, body }
}

async fn get(app: &TestApp, path: &str) -> Answer {
    ask(app, Request::get(path).header("host", "127.0.0.1:9090"), "").await
}

async fn sign_in(app: &TestApp, token: &str, host: &str) -> Answer {
    let form =
        form_urlencoded::Serializer::new(String::new()).append_pair("token", token).append_pair("to", "/x").finish();
    ask(app, Request::post("/login").header("host", host), &form).await
}

#[tokio::test]
async fn who_knows_the_token_gets_a_session_and_who_does_not_hears_so() {
    let app = TestApp::with(SETTINGS).await;
    let page = get(&app, "/login?to=/plugins").await;
    assert_eq!((page.status.as_u16(), page.text().contains("name=\"token\"")), (200, true), "{page:?}");

    let wrong = sign_in(&app, "not the token", "localhost").await;
    assert_eq!((wrong.status.as_u16(), wrong.header("set-cookie")), (401, None));
    assert!(wrong.text().contains("This is not the operator token"), "{wrong:?}");

    let right = sign_in(&app, TOKEN, "localhost").await;
    assert_eq!((right.status.as_u16(), right.header("location")), (303, Some("/x")), "{right:?}");
    let cookie = right.header("set-cookie").expect("a session begins");
    assert!(cookie.starts_with("pillarbox_operator=") && cookie.ends_with("; HttpOnly; SameSite=Strict"), "{cookie}");
}

#[tokio::test]
async fn a_form_from_another_site_or_to_another_name_is_refused() {
    let app = TestApp::with(SETTINGS).await;
    let elsewhere = sign_in(&app, TOKEN, "evil.example").await;
    assert_eq!((elsewhere.status.as_u16(), elsewhere.text().contains("operator_hosts")), (421, true), "{elsewhere:?}");
    let foreign = Request::post("/login").header("host", "localhost").header("sec-fetch-site", "cross-site");
    let foreign = ask(&app, foreign, &format!("token={TOKEN}")).await;
    assert_eq!((foreign.status.as_u16(), foreign.header("set-cookie")), (403, None));

    let signed_out = ask(&app, Request::post("/logout").header("host", "localhost"), "").await;
    assert_eq!(signed_out.status, 401);
    let cookie = sign_in(&app, TOKEN, "localhost").await;
    let cookie = cookie.header("set-cookie").and_then(|cookie| cookie.split(';').next()).expect("a cookie").to_owned();
    let unsigned = Request::post("/logout").header("host", "localhost").header("cookie", cookie);
    assert_eq!(ask(&app, unsigned, "form=made-up").await.status, 403);
}

#[tokio::test]
async fn a_posted_form_has_a_bound() {
    let app = TestApp::with(SETTINGS).await;
    let of = |bytes: usize| format!("token={}", "x".repeat(bytes - "token=".len()));
    let post = || Request::post("/login").header("host", "localhost");
    assert_eq!(ask(&app, post(), &of(16 * 1024)).await.status, 401);
    assert_eq!(ask(&app, post(), &of(16 * 1024 + 1)).await.status, 413);
    assert_eq!(ask(&app, Request::delete("/login").header("host", "localhost"), "").await.status, 405);
}

#[tokio::test]
async fn reading_asks_for_nothing() {
    let app = TestApp::with(SETTINGS).await;
    for (path, status) in
        [("/", 303), ("/healthz", 200), ("/readyz", 200), ("/mailbox", 200), ("/metrics", 200), ("/x", 404)]
    {
        let answer = get(&app, path).await;
        assert_eq!(answer.status, status, "{path}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
    }
}

#[tokio::test]
async fn metrics_tell_what_happened_and_name_nobody() {
    let app = TestApp::with(SETTINGS).await;
    let acme = app.customer("acme").await;
    acme.send("ada@example.com").await;
    acme.get("/api/nowhere/ada@example.com").await;
    app.notify("/webhooks/bounce", serde_json::json!({ "emailId": "018e4277-b940-7000-8000-000000000001" })).await;
    app.pass(1_500);
    let metrics = get(&app, "/metrics").await;
    assert_eq!(metrics.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    let metrics = metrics.text();
    for line in [
        "pillarbox_http_requests_total{route=\"/api/send\",status=\"2xx\"} 1",
        "pillarbox_http_requests_total{route=\"-\",status=\"4xx\"} 1",
        "pillarbox_http_request_duration_seconds_count{route=\"/api/send\"} 1",
        "pillarbox_notifications_total{state=\"unmatched\"} 1",
        "pillarbox_emails_stored_total 1",
        "pillarbox_events_stored_total 1",
        "pillarbox_emails_waiting 1",
        "pillarbox_write_queue_length 0",
        "pillarbox_uptime_seconds 1.5",
        "pillarbox_ready 1",
    ] {
        assert!(metrics.lines().any(|known| known == line), "{line} is not in\n{metrics}");
    }
    assert!(!metrics.contains("ada@") && !metrics.contains("acme"), "{metrics}");

    let open = Request::get("/metrics").header("accept", "application/openmetrics-text; version=1.0.0");
    let open = ask(&app, open, "").await;
    assert!(open.header("content-type").is_some_and(|kind| kind.starts_with("application/openmetrics-text")));
    assert!(open.text().ends_with("# EOF\n"));
}
