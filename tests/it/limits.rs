//! What every route keeps to: bodies, rates, load, ids of requests, methods

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use http::{Method, Request};
use http_body::Frame;
use http_body_util::Full;
use pillarbox::control::Command;
use serde_json::{Value, json};

use crate::harness::{Answer, TestApp, TestCustomer, at_once};

fn request(
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: impl Into<bytes::Bytes>,
) -> Request<Full<bytes::Bytes>> {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Full::new(body.into())).expect("it is a request")
}

async fn send_body(app: &TestApp, customer: &TestCustomer, body: &str, headers: &[(&str, &str)]) -> Answer {
    let authorization = format!("Bearer {}", customer.key);
    let mut all = vec![("authorization", authorization.as_str())];
    all.extend_from_slice(headers);
    app.request(request("POST", "/api/send", &all, body.to_owned())).await
}

/// An email of exactly so many bytes of JSON.
fn email_of(bytes: usize) -> String {
    let email = |text: &str| json!({ "to": "ada@example.com", "subject": "Hello", "text": text }).to_string();
    email(&"x".repeat(bytes - email("").len()))
}

const JSON: (&str, &str) = ("content-type", "application/json");

#[tokio::test]
async fn a_body_may_be_as_long_as_its_route_says_and_no_longer() {
    let app = TestApp::with(&[("PILLARBOX_BODY_BYTES_MAX", "1024")]).await;
    let acme = app.customer("acme").await;
    let (inside, outside) = (email_of(1_024), email_of(1_025));
    assert_eq!(send_body(&app, &acme, &inside, &[JSON]).await.status, 200);
    assert_eq!(send_body(&app, &acme, &inside, &[JSON, ("content-length", "1024")]).await.status, 200);
    for length in [None, Some("1025")] {
        let headers: Vec<_> = [JSON].into_iter().chain(length.map(|length| ("content-length", length))).collect();
        let answer = send_body(&app, &acme, &outside, &headers).await;
        let error = "The body is larger than the 1024 bytes that this route takes";
        answer.is(413, json!({ "error": error, "code": "body_too_large", "request_id": "[id]" }));
    }
    assert_eq!(send_body(&app, &acme, &inside, &[JSON]).await.status, 200, "the next one is served");
    assert_eq!(acme.get("/api/emails").await.json()["pagination"]["total"], 3);

    // A route of a few settings takes less than one of mail, here 64 KiB.
    let padded = |bytes: usize| {
        let start = json!({ "name": "acme", "pad": "" }).to_string().len();
        json!({ "name": "acme", "pad": "x".repeat(bytes - start) })
    };
    assert_eq!(acme.patch("/api/customer/profile", padded(65_536)).await.status, 200);
    acme.patch("/api/customer/profile", padded(65_537)).await.refuses(413, "body_too_large", "65536");
    // A key comes before a body.
    let answer = app.request(request("POST", "/api/send", &[JSON], outside)).await;
    answer.refuses(401, "unauthorized", "API key required");
}

#[tokio::test]
async fn only_json_is_read_as_json() {
    let app = TestApp::start().await;
    let acme = app.customer("acme").await;
    let email = email_of(100);
    for taken in ["application/json", "application/json; charset=utf-8", "Application/JSON ;x=y"] {
        assert_eq!(send_body(&app, &acme, &email, &[("content-type", taken)]).await.status, 200, "{taken}");
    }
    for refused in ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", "text/json", "json", ""] {
        let answer = send_body(&app, &acme, &email, &[("content-type", refused)]).await;
        let error = "Unsupported content type; this route takes application/json";
        answer.is(415, json!({ "error": error, "code": "unsupported_media_type", "request_id": "[id]" }));
    }
    send_body(&app, &acme, &email, &[]).await.refuses(415, "unsupported_media_type", "application/json");
}

#[tokio::test]
async fn broken_json_is_told_with_its_place() {
    let app = TestApp::start().await;
    let acme = app.customer("acme").await;
    let broken = async |body: &str, words: &str| {
        send_body(&app, &acme, body, &[JSON]).await.refuses(400, "invalid_json", words);
    };
    broken("", "line 1 column 0").await;
    broken("{", "line 1 column 1").await;
    broken("{\n  \"to\": ada\n}", "line 2 column 9").await;
    broken("{\"to\": \"ada@example.com\",}", "line 1 column 26").await;
    broken("{'to': 1}", "line 1 column 2").await;
    broken("{\"to\": \"a\u{0}\"}", "control character").await;
    broken("{\"to\": \"\\ud800\"}", "The body is not JSON").await;
    broken(&format!("{} x", email_of(100)), "goes on after its JSON value").await;
    broken(&format!("{}{}", email_of(100), email_of(100)), "goes on after its JSON value").await;
    let nested = |depth: usize| format!("{{\"metadata\":{}1{}}}", "{\"a\":".repeat(depth), "}".repeat(depth));
    broken(&nested(200), "recursion limit").await;
    broken(&nested(100_000), "recursion limit").await;
    broken(&format!("{{\"later\":{}", "[".repeat(100_000)), "line 1 column 100009").await;
    for other in ["[]", "7", "null", "\"x\"", "true", "[\"ada@example.com\",\"Hello\",null,\"Hello\"]"] {
        let answer = send_body(&app, &acme, other, &[JSON]).await;
        answer.refuses(400, "invalid_request", "\"pointer\":\"\"");
    }
    let authorization = format!("Bearer {}", acme.key);
    let bytes = b"{\"to\":\"\xff\"}".to_vec();
    let answer = app.request(request("POST", "/api/send", &[("authorization", &authorization), JSON], bytes)).await;
    assert_eq!(answer.status, 400, "{answer:?}");
    let twice = "{\"to\":\"a@example.com\",\"to\":\"b@example.com\",\"subject\":\"x\",\"text\":\"x\"}";
    send_body(&app, &acme, twice, &[JSON]).await.refuses(400, "invalid_request", "duplicate field `to`");
    assert_eq!(acme.get("/api/emails").await.json()["pagination"]["total"], 0);
}

fn standing(answer: &Answer) -> [Option<&str>; 3] {
    ["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"].map(|name| answer.header(name))
}

#[tokio::test]
async fn a_customer_gets_its_requests_and_then_waits() {
    let app = TestApp::with(&[("PILLARBOX_REQUESTS_PER_MINUTE", "3")]).await;
    let acme = app.customer("acme").await;
    let rival = app.customer("rival").await;
    app.pass(250);
    // The window ends at 14:31:00.25; whoever waits for the second that is told must be served in it.
    let reset = "1710513061";
    for (path, status, remaining) in
        [("/api/customer/profile", 200, "2"), ("/api/emails/x", 404, "1"), ("/api/emails?limit=0", 400, "0")]
    {
        let answer = acme.get(path).await;
        assert_eq!(answer.status, status);
        assert_eq!(standing(&answer), [Some("3"), Some(remaining), Some(reset)]);
    }
    app.pass(59_500);
    for _ in 0..2 {
        let answer = acme.get("/api/customer/profile").await;
        assert_eq!(standing(&answer), [Some("3"), Some("0"), Some(reset)]);
        assert_eq!(answer.header("retry-after"), Some("1"), "never zero");
        let error = "Rate limit exceeded; try again when the window ends";
        answer.is(429, json!({ "error": error, "code": "rate_limit_exceeded", "request_id": "[id]" }));
    }
    assert_eq!(rival.get("/api/customer/profile").await.status, 200, "each customer has its own");
    app.pass(499);
    assert_eq!(acme.get("/api/customer/profile").await.status, 429);
    app.pass(1);
    let answer = acme.get("/api/customer/profile").await;
    assert_eq!((answer.status.as_u16(), answer.header("x-ratelimit-remaining")), (200, Some("2")));
}

#[tokio::test]
async fn a_limit_of_its_own_goes_before_the_services_and_zero_is_none() {
    let app = TestApp::with(&[("PILLARBOX_REQUESTS_PER_MINUTE", "2")]).await;
    let acme = app.customer("acme").await;
    let limit = async |requests: i64| {
        let (email, requests_per_minute) = (acme.email.clone(), Some(requests));
        app.command(Command::CustomerLimits { email, requests_per_minute, monthly: None, max_domains: None }).await;
    };
    limit(5).await;
    for _ in 0..5 {
        assert_eq!(acme.get("/api/customer/usage").await.status, 200);
    }
    assert_eq!(acme.get("/api/customer/usage").await.status, 429);
    limit(0).await;
    for _ in 0..20 {
        let answer = acme.get("/api/customer/usage").await;
        assert_eq!((answer.status.as_u16(), standing(&answer)), (200, [None; 3]));
    }

    let app = TestApp::with(&[("PILLARBOX_REQUESTS_PER_MINUTE", "0")]).await;
    let acme = app.customer("acme").await;
    for _ in 0..700 {
        assert_eq!(acme.get("/api/content-scoring/rules").await.status, 200);
    }
}

#[tokio::test]
async fn every_answer_to_a_key_tells_where_its_limit_stands() {
    let app = TestApp::start().await;
    let acme = app.customer("acme").await;
    for (method, path, body, status) in [
        (Method::POST, "/api/send", Some(json!({})), 400),
        (Method::GET, "/api/v1/events", None, 403),
        (Method::GET, "/api/v1/emails/x/events", None, 403),
        (Method::GET, "/api/emails", None, 200),
        (Method::GET, "/api/emails/x", None, 404),
        (Method::GET, "/api/customer/usage", None, 200),
        (Method::PATCH, "/api/customer/profile", None, 415),
        (Method::POST, "/api/content-scoring/analyze", Some(json!({ "text": "x" })), 200),
        (Method::GET, "/api/content-scoring/rules", None, 200),
    ] {
        let answer = acme.call(method, path, body, &[]).await;
        assert_eq!(answer.status, status, "{path} {answer:?}");
        let [limit, remaining, reset] = standing(&answer);
        assert_eq!((limit, reset), (Some("600"), Some("1710513060")), "{path}");
        assert!(remaining.is_some(), "{path}");
    }
}

#[tokio::test]
async fn guessing_keys_is_slowed_down_for_each_address() {
    let app = TestApp::with(&[("PILLARBOX_FAILED_AUTH_PER_15_MINUTES", "2")]).await;
    let acme = app.customer("acme").await;
    let (here, there) = (IpAddr::V4(Ipv4Addr::new(198, 51, 100, 1)), IpAddr::V4(Ipv4Addr::new(198, 51, 100, 2)));
    let ask = async |peer: IpAddr, key: &str| {
        app.request_from(peer, request("GET", "/api/customer/profile", &[("x-api-key", key)], "")).await
    };
    let wrong = format!("ml_live_{}", "0".repeat(64));
    assert_eq!(ask(here, &acme.key).await.status, 200);
    assert_eq!(ask(here, &wrong).await.status, 401);
    assert_eq!(ask(here, "nonsense").await.status, 401);
    let answer = ask(here, &wrong).await;
    assert_eq!(answer.header("retry-after"), Some("900"));
    let error = "Too many requests with a missing or wrong API key; try again later";
    answer.is(429, json!({ "error": error, "code": "too_many_failed_keys", "request_id": "[id]" }));
    assert_eq!(ask(there, &acme.key).await.status, 200, "another address is another guesser");
    let open = app.request_from(here, request("GET", "/track/o/x", &[], "")).await;
    assert_eq!(open.status, 404, "what needs no key goes on");
    app.pass(15 * 60 * 1_000 - 1);
    assert_eq!(ask(here, &acme.key).await.status, 429);
    app.pass(1);
    assert_eq!(ask(here, &acme.key).await.status, 200);

    let app = TestApp::with(&[("PILLARBOX_FAILED_AUTH_PER_15_MINUTES", "0")]).await;
    for _ in 0..1_100 {
        assert_eq!(app.get("/api/customer/profile").await.status, 401);
    }
}

#[track_caller]
fn is_busy(answer: &Answer) {
    assert_eq!(answer.header("retry-after"), Some("1"), "{answer:?}");
    answer.refuses(503, "busy", "try again");
}

/// A body that never arrives.
struct Pending;

impl http_body::Body for Pending {
    type Data = bytes::Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Self::Data>, Infallible>>> {
        Poll::Pending
    }
}

#[tokio::test]
async fn one_request_more_than_are_worked_on_is_put_off() {
    let app = TestApp::with(&[("PILLARBOX_REQUESTS_IN_FLIGHT_MAX", "3")]).await;
    let begun = (0..3).map(|_| {
        let request = Request::post("/webhooks/bounce").header("content-type", "application/json").body(Pending);
        let peer = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let mut call = Box::pin(pillarbox::request::handle(&app.app, peer, request.expect("it is a request")));
        assert!(call.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        call
    });
    let begun: Vec<_> = begun.collect();
    is_busy(&app.get("/track/o/x").await);
    drop(begun);
    assert_eq!(app.get("/track/o/x").await.status, 404, "the places are free again");
}

/// Calls from many at once until some were put off, and gives how many were served.
async fn until_some_are_busy(call: impl AsyncFn() -> Answer) -> usize {
    let mut served = 0;
    for _ in 0..20 {
        let answers = at_once((0..200).map(|_| call())).await;
        let (good, busy): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
        served += good.len();
        assert!(!good.is_empty(), "some are always served");
        if !busy.is_empty() {
            busy.into_iter().for_each(is_busy);
            return served;
        }
    }
    panic!("the queue was never full");
}

#[tokio::test]
async fn what_the_writer_has_no_room_for_is_put_off_and_what_is_answered_is_kept() {
    let app = TestApp::with(&[("PILLARBOX_WRITE_QUEUE_MAX", "1"), ("PILLARBOX_REQUESTS_PER_MINUTE", "0")]).await;
    let acme = app.customer_with_events("acme").await;
    let id = acme.send("ada@example.com").await;
    let html = app.captured(&id).await["html"].as_str().expect("it has html").to_owned();
    let email = json!({ "to": "ada@example.com", "subject": "Hello", "text": "Hello" });
    let served = until_some_are_busy(async || acme.post("/api/send", email.clone()).await).await;
    let total = acme.get("/api/emails").await.json()["pagination"]["total"].clone();
    assert_eq!(total, served + 1, "who heard 503 can send it again without sending it twice");
    let bounce = json!({ "emailId": id, "bounceType": "hard" });
    until_some_are_busy(async || app.notify("/webhooks/bounce", bounce.clone()).await).await;

    // A reader sees a picture, and reaches a page, whatever the service can keep of it.
    let path = |purpose: &str| {
        let start = format!("http://127.0.0.1:8080/track/{purpose}/");
        let token = html.split('"').find_map(|part| part.strip_prefix(start.as_str())).expect("it has a token");
        format!("/track/{purpose}/{token}")
    };
    let (open, click) = (path("o"), path("c"));
    for answer in at_once((0..200).map(|_| app.get(&open))).await {
        assert!([200, 503].contains(&answer.status.as_u16()), "{answer:?}");
        assert_eq!((answer.header("content-type"), answer.body.len()), (Some("image/gif"), 43), "{answer:?}");
    }
    for answer in at_once((0..200).map(|_| app.get(&click))).await {
        let to = Some("https://example.com/a?b=1&c=2");
        assert_eq!((answer.status.as_u16(), answer.header("location")), (302, to));
    }
    assert_eq!(acme.send("bob@example.com").await.len(), 36, "the next one is served");
}

#[tokio::test]
async fn a_reader_queue_that_is_full_puts_off_and_recovers() {
    let app = TestApp::with(&[
        ("PILLARBOX_READ_QUEUE_MAX", "1"),
        ("PILLARBOX_READER_THREADS", "1"),
        ("PILLARBOX_REQUESTS_PER_MINUTE", "0"),
    ])
    .await;
    let acme = app.customer("acme").await;
    until_some_are_busy(async || acme.get("/api/customer/profile").await).await;
    assert_eq!(acme.get("/api/customer/profile").await.status, 200);
}

#[tokio::test]
async fn a_request_id_is_kept_when_it_may_stand_in_a_log() {
    let app = TestApp::start().await;
    let ask = async |id: &[u8]| {
        let request = Request::get("/nowhere").header("x-request-id", id).body(Full::default());
        app.request(request.expect("it is a request")).await
    };
    let longest = "x".repeat(128);
    for good in ["42", "a-b_c/d:e{}\"", longest.as_str()] {
        let answer = ask(good.as_bytes()).await;
        assert_eq!(answer.header("x-request-id"), Some(good));
        assert_eq!(answer.json()["request_id"], good);
    }
    let too_long = "x".repeat(129);
    for bad in [b"".as_slice(), b"a b", b"a\tb", b"\xc3\xa4", too_long.as_bytes()] {
        let answer = ask(bad).await;
        let made = answer.header("x-request-id").expect("it is made").to_owned();
        assert!(made.len() == 36 && made.as_bytes()[14] == b'7', "{made}");
        assert_eq!(answer.json()["request_id"], made.as_str());
    }
    let acme = app.customer("acme").await;
    let answer = acme.call(Method::GET, "/api/customer/profile", None, &[("x-request-id", "mine")]).await;
    assert_eq!((answer.status.as_u16(), answer.header("x-request-id")), (200, Some("mine")));
    assert!(app.get("/track/o/x").await.header("x-request-id").is_some());
}

#[tokio::test]
async fn an_unknown_path_and_a_known_path_with_another_method_differ() {
    let app = TestApp::start().await;
    let missing = async |method: &str, path: &str| {
        let answer = app.request(request(method, path, &[], "")).await;
        assert_eq!(answer.header("allow"), None, "{method} {path}");
        answer.is(404, json!({ "error": "Not found", "code": "not_found", "request_id": "[id]" }));
    };
    for path in [
        "/",
        "/api",
        "/api/send/",
        "/api//send",
        "/API/send",
        "/api/v2/send",
        "/v1/send",
        "/api/v1/v1/send",
        "/track",
        "/track/o",
        "/track/x/y",
        "/webhooks",
        "/webhooks/bounce/",
        "/api/v1/webhooks/bounce",
        "/api/v1/track/o/x",
        "/mailbox",
        "/healthz",
        "/api/customer/profile/x",
        "/..%2Fapi/send",
        "/api/emails/x/y",
    ] {
        missing("GET", path).await;
        missing("POST", path).await;
    }
    let not_allowed = async |method: &str, path: &str, allow: &str| {
        let answer = app.request(request(method, path, &[], "")).await;
        assert_eq!(answer.header("allow"), Some(allow), "{method} {path}");
        let error = format!("Method not allowed; this path takes {allow}");
        answer.is(405, json!({ "error": error, "code": "method_not_allowed", "request_id": "[id]" }));
    };
    for prefix in ["/api", "/api/v1"] {
        not_allowed("GET", &format!("{prefix}/send"), "POST").await;
        not_allowed("DELETE", &format!("{prefix}/customer/profile"), "GET, HEAD, PATCH").await;
        not_allowed("POST", &format!("{prefix}/customer/usage"), "GET, HEAD").await;
        not_allowed("GET", &format!("{prefix}/customer/rotate-key"), "POST").await;
        not_allowed("PUT", &format!("{prefix}/content-scoring/analyze"), "POST").await;
        not_allowed("POST", &format!("{prefix}/events"), "GET, HEAD").await;
        not_allowed("POST", &format!("{prefix}/emails/x/events"), "GET, HEAD").await;
    }
    not_allowed("GET", "/webhooks/bounce", "POST").await;
    not_allowed("GET", "/webhooks/complaint", "POST").await;
    not_allowed("POST", "/track/o/x", "GET, HEAD").await;
    not_allowed("POST", "/track/c/x", "GET, HEAD").await;
    not_allowed("DELETE", "/track/u/x", "GET, HEAD, POST").await;
    not_allowed("OPTIONS", "/api/send", "POST").await;
    not_allowed("BREW", "/api/send", "POST").await;
}

#[tokio::test]
async fn head_answers_like_get_without_its_body() {
    let app = TestApp::start().await;
    let acme = app.customer("acme").await;
    for path in
        ["/api/customer/profile", "/api/v1/emails", "/api/emails/x", "/api/v1/events", "/api/content-scoring/rules"]
    {
        let get = acme.get(path).await;
        let head = acme.call(Method::HEAD, path, None, &[]).await;
        assert_eq!((head.status, head.header("content-type")), (get.status, get.header("content-type")), "{path}");
        assert_eq!(head.header("content-length"), Some(get.body.len().to_string().as_str()), "{path}");
        assert!(head.body.is_empty(), "{path}");
    }
    let answer = app.request(request("HEAD", "/api/customer/profile", &[], "")).await;
    assert_eq!((answer.status.as_u16(), answer.body.len()), (401, 0));
}

#[tokio::test]
async fn no_answer_tells_what_runs_behind_it() {
    let app = TestApp::start().await;
    let acme = app.customer("acme").await;
    for path in ["/api/emails/'", "/api/emails?tag='--", "/api/emails?cursor=x", "/api/v1/events?type='", "/nowhere"] {
        let answer = acme.get(path).await;
        let text = String::from_utf8_lossy(&answer.body).to_lowercase();
        let told =
            ["sql", "libsql", "wasm", "panicked", "src/", ".rs", "hyper"].into_iter().find(|word| text.contains(word));
        assert_eq!((told, answer.header("server")), (None, None), "{text}");
    }
    let body: Value = acme.get("/api/emails?tag='--").await.json();
    assert_eq!(body["pagination"]["total"], 0);
}
