//! The operators' listener: who may do what, and what it tells

use std::net::{IpAddr, Ipv4Addr};

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use pillarbox::control::Command;
use pillarbox::operator;
use serde_json::{Value, json};

use crate::guests;
use crate::harness::{Answer, TestApp};

pub const TOKEN: &str = "an-operator-token-that-is-long-enough";
pub const SETTINGS: &[(&str, &str)] = &[("PILLARBOX_OPERATOR_TOKEN", TOKEN)];

/// One request from this machine.
pub async fn ask(app: &TestApp, request: http::request::Builder, body: &str) -> Answer {
    let request = request.body(Full::new(Bytes::copy_from_slice(body.as_bytes()))).expect("it is a request");
    let response = operator::handle(&app.app, IpAddr::V4(Ipv4Addr::LOCALHOST), request).await;
    let (parts, body) = response.into_parts();
    let body = body.collect().await.expect("the body is whole").to_bytes();
    Answer { status: parts.status, headers: parts.headers, body }
}

/// The same with a body of bytes.
pub async fn post_bytes(app: &TestApp, request: http::request::Builder, body: Vec<u8>) -> Answer {
    let request = request.body(Full::new(Bytes::from(body))).expect("it is a request");
    let response = operator::handle(&app.app, IpAddr::V4(Ipv4Addr::LOCALHOST), request).await;
    let (parts, body) = response.into_parts();
    let body = body.collect().await.expect("the body is whole").to_bytes();
    Answer { status: parts.status, headers: parts.headers, body }
}

pub async fn get(app: &TestApp, path: &str) -> Answer {
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
        "pillarbox_hit_journal_bytes 0",
        "pillarbox_hit_journal_limit_bytes 1048576",
        "pillarbox_hit_journal_lag_seconds 0",
        "pillarbox_hit_journal_records_total 0",
        "pillarbox_hits_shed_total{event=\"clicked\",reason=\"journal_full\"} 0",
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

pub fn admin(method: &str, path: &str) -> http::request::Builder {
    Request::builder()
        .method(method)
        .uri(path)
        .header("host", "localhost")
        .header("authorization", format!("Bearer {TOKEN}"))
}

pub async fn admin_json(app: &TestApp, path: &str, body: Value) -> Answer {
    ask(app, admin("POST", path).header("content-type", "application/json"), &body.to_string()).await
}

#[tokio::test]
async fn a_program_with_the_token_leads_a_version_through_its_life() {
    let app = TestApp::with(SETTINGS).await;
    let install = |version: &str| guests::scorer("healthy", version);
    for (version, path) in [("1.0.0", "/admin/plugins?activate=true&by=ada&why=first"), ("1.1.0", "/admin/plugins")] {
        let installed = post_bytes(&app, admin("POST", path), install(version)).await;
        assert_eq!(
            (installed.status.as_u16(), &installed.json()["plugin"]["version"]),
            (200, &version.into()),
            "{installed:?}"
        );
    }
    let canary = json!({ "version": "1.1.0", "percent": 20, "by": "ada", "why": "a try" });
    let canary = admin_json(&app, "/admin/plugins/guest/canary", canary).await;
    assert_eq!((canary.status.as_u16(), &canary.json()["stage"]), (200, &"canary".into()), "{canary:?}");
    assert_eq!(admin_json(&app, "/admin/plugins/guest/promote", json!({})).await.status, 200);
    assert_eq!(admin_json(&app, "/admin/plugins/guest/rollback", json!({ "why": "it was a test" })).await.status, 200);
    let shown = ask(&app, admin("GET", "/admin/plugins/guest"), "").await.json();
    assert_eq!(shown["placement"]["active"], "1.0.0");
    let log = ask(&app, admin("GET", "/admin/log?limit=4"), "").await.json();
    let told = |line: &Value| format!("{} by {}: {}", line["action"], line["by"], line["why"]).replace('"', "");
    let told: Vec<_> = log["log"].as_array().expect("a list").iter().map(told).collect();
    let expected = [
        "rollback by the admin API: it was a test",
        "promote by the admin API: null",
        "canary by ada: a try",
        "activate by ada: first",
    ];
    assert_eq!(told, expected);
    for path in [
        "/admin/plugins",
        "/admin/plugins/guest/settings",
        "/admin/pipelines",
        "/admin/verify-log",
        "/admin/nodes",
        "/admin/cluster",
        "/admin/recordings",
    ] {
        let answer = ask(&app, admin("GET", path), "").await;
        assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, Some("application/json")), "{path}");
    }
    assert_eq!(admin_json(&app, "/admin/recordings/clear", json!({ "by": "ada" })).await.status, 200);
}

#[tokio::test]
async fn a_program_without_the_token_learns_nothing_and_a_wrong_request_is_named() {
    let app = TestApp::with(SETTINGS).await;
    let bare = |path: &str| Request::get(path).header("host", "localhost");
    ask(&app, bare("/admin/plugins"), "").await.refuses(401, "unauthorized", "operator token");
    let wrong = bare("/admin/plugins").header("authorization", "Bearer made-up");
    ask(&app, wrong, "").await.refuses(401, "unauthorized", "not the operator token");
    ask(&app, bare("/admin/nothing"), "").await.refuses(401, "unauthorized", "operator token");
    let cookie = sign_in(&app, TOKEN, "localhost").await.header("set-cookie").expect("a cookie").to_owned();
    ask(&app, bare("/admin/plugins").header("cookie", cookie), "").await.refuses(401, "unauthorized", "Bearer");
    let elsewhere = Request::get("/admin/plugins").header("host", "evil.example");
    let elsewhere = elsewhere.header("authorization", format!("Bearer {TOKEN}"));
    ask(&app, elsewhere, "").await.refuses(421, "unknown_host", "operator_hosts");

    ask(&app, admin("GET", "/admin/nothing"), "").await.refuses(404, "not_found", "Not found");
    let not_allowed = ask(&app, admin("DELETE", "/admin/plugins"), "").await;
    not_allowed.refuses(405, "method_not_allowed", "GET, POST");
    assert_eq!(not_allowed.header("allow"), Some("GET, POST"));
    admin_json(&app, "/admin/plugins/guest/activate", json!({ "version": "9.9.9" })).await.refuses(
        422,
        "refused",
        "not installed",
    );
    admin_json(&app, "/admin/plugins/guest/activate", json!({ "verison": "1" })).await.refuses(
        400,
        "invalid_request",
        "no field verison",
    );
    admin_json(&app, "/admin/plugins/guest/activate", json!([])).await.refuses(400, "invalid_request", "JSON object");
    ask(&app, admin("GET", "/admin/log?limit=0"), "").await.refuses(400, "invalid_request", "limit");
    post_bytes(&app, admin("POST", "/admin/check"), b"words".to_vec()).await.refuses(422, "refused", "text");
}

#[tokio::test]
async fn a_component_over_the_bound_is_refused_before_it_is_read() {
    let app = TestApp::with(SETTINGS).await;
    let bytes_max = app.app.plugins.limits().component_bytes_max;
    let of = async |bytes: usize| post_bytes(&app, admin("POST", "/admin/check"), vec![0; bytes]).await;
    of(bytes_max).await.refuses(422, "refused", "zeros");
    of(bytes_max + 1).await.refuses(413, "body_too_large", &bytes_max.to_string());
}

/// An operator who signed in, at the pages.
pub struct Person<'a> {
    pub app: &'a TestApp,
    pub cookie: &'a str,
}

impl Person<'_> {
    pub fn with_cookie(&self, request: http::request::Builder) -> http::request::Builder {
        request.header("host", "localhost").header("cookie", self.cookie)
    }

    pub async fn page(&self, path: &str) -> String {
        let answer = ask(self.app, self.with_cookie(Request::get(path)), "").await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        answer.text()
    }

    /// Answers the question at this path with yes, with these fields in the form.
    pub async fn answer(&self, question: &str, fields: &str) -> Answer {
        let token = hidden(&self.page(question).await, "form");
        let path = question.split('?').next().unwrap_or_default();
        ask(self.app, self.with_cookie(Request::post(path)), &format!("form={token}&{fields}")).await
    }

    /// The same, when it is done.
    pub async fn change(&self, question: &str, fields: &str, done: &str) {
        let answer = self.answer(question, fields).await;
        let to = answer.header("location").unwrap_or_else(|| panic!("{question}: {}", answer.text()));
        assert!(self.page(to).await.contains(done), "{done} is not told at {to}");
    }

    /// The same, when it is refused.
    pub async fn refused(&self, question: &str, fields: &str, why: &str) {
        let answer = self.answer(question, fields).await;
        let page = answer.text();
        assert!(answer.status == 409 && page.contains("role=\"alert\"") && page.contains(why), "{page}");
    }
}

/// Holds where every part is on the page.
#[track_caller]
pub fn has(page: &str, parts: &[&str]) {
    for part in parts {
        assert!(page.contains(part), "{part} is not in {page}");
    }
}

/// The cookie of somebody called Zoë, who signed in on the way to a page.
pub async fn session(app: &TestApp, to: &str) -> String {
    let form = format!("token={TOKEN}&to={to}&name=Zo%C3%AB");
    let signed_in = ask(app, Request::post("/login").header("host", "localhost"), &form).await;
    assert_eq!(signed_in.header("location"), Some(to));
    signed_in.header("set-cookie").and_then(|cookie| cookie.split(';').next()).expect("a cookie").to_owned()
}

/// The first value of a hidden field.
pub fn hidden(page: &str, name: &str) -> String {
    let after =
        page.split(&format!("name=\"{name}\" value=\"")).nth(1).unwrap_or_else(|| panic!("no {name} in {page}"));
    after.split('"').next().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn a_person_promotes_a_version_after_a_question_and_the_log_names_them() {
    let app = TestApp::with(SETTINGS).await;
    app.install("healthy", "1.0.0", true).await;
    app.install("healthy", "1.1.0", false).await;
    let canary = json!({ "version": "1.1.0", "percent": 20, "unchecked": true });
    assert_eq!(admin_json(&app, "/admin/plugins/guest/canary", canary).await.status, 200);

    let anybody = get(&app, "/plugins/guest/promote").await;
    assert_eq!(
        (anybody.status.as_u16(), anybody.header("location")),
        (303, Some("/login?to=%2Fplugins%2Fguest%2Fpromote"))
    );
    let cookie = session(&app, "/plugins/guest/promote").await;
    let with_cookie = |request: http::request::Builder| request.header("host", "localhost").header("cookie", &cookie);
    let question = ask(&app, with_cookie(Request::get("/plugins/guest/promote")), "").await.text();
    let token = hidden(&question, "form");

    let post = || with_cookie(Request::post("/plugins/guest/promote"));
    assert_eq!(ask(&app, post(), "form=made-up").await.status, 403);
    let foreign = post().header("origin", "http://evil.example");
    assert_eq!(ask(&app, foreign, &format!("form={token}")).await.status, 403);
    let bare = Request::post("/plugins/guest/promote").header("host", "localhost");
    assert_eq!(ask(&app, bare, &format!("form={token}")).await.status, 401);
    assert_eq!(app.command(Command::PluginShow { name: "guest".into() }).await["placement"]["active"], "1.0.0");

    let done = ask(&app, post(), &format!("form={token}&why=It+is+better")).await;
    assert_eq!((done.status.as_u16(), done.header("location")), (303, Some("/plugins/guest?done=promote")), "{done:?}");
    let page = ask(&app, with_cookie(Request::get("/plugins/guest?done=promote")), "").await.text();
    for part in ["The version that was tried serves now.", "by Zoë", "It is better", "Sign out", "Roll back…"] {
        assert!(page.contains(part), "{part} is not in {page}");
    }
    let again = ask(&app, post(), &format!("form={token}")).await;
    assert_eq!(
        (again.status.as_u16(), again.text().contains("role=\"alert\"")),
        (409, true),
        "nothing is tried any more"
    );
}

#[tokio::test]
async fn the_pages_about_plugins_can_be_read_by_anybody_on_the_listener() {
    let app = TestApp::with(SETTINGS).await;
    let list = get(&app, "/plugins").await;
    assert_eq!(list.status, 200);
    assert!(list.text().contains("href=\"/plugins/pillarbox-rules\"") && list.text().contains("Sign in"));
    let shown = get(&app, "/plugins/pillarbox-normalizer").await;
    assert!(shown.text().contains("comes with Pillarbox"), "{shown:?}");
    for path in ["/plugins/nothing", "/plugins/pillarbox-rules/explode", "/plugins/nothing/stop"] {
        assert_eq!(get(&app, path).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn metrics_tell_of_each_version_that_is_called() {
    let app = TestApp::with(SETTINGS).await;
    let acme = app.customer("acme").await;
    app.install("trapping", "1.0.0", true).await;
    acme.post("/api/content-scoring/analyze", json!({ "subject": "Hello", "text": "Hello" })).await;
    let metrics = get(&app, "/metrics").await.text();
    for line in [
        "pillarbox_plugin_calls_total{plugin=\"guest\",version=\"1.0.0\"} 1",
        "pillarbox_plugin_failures_total{plugin=\"guest\",version=\"1.0.0\",kind=\"trapped\"} 1",
        "pillarbox_plugin_call_duration_seconds_count{plugin=\"guest\",version=\"1.0.0\"} 1",
        "pillarbox_plugin_state{plugin=\"guest\",version=\"1.0.0\",world=\"scorer\",state=\"active\"} 1",
        "pillarbox_plugin_resting{plugin=\"guest\",version=\"1.0.0\"} 0",
        "pillarbox_plugin_state{plugin=\"pillarbox-normalizer\",version=\"0.1.0\",world=\"normalizer\",state=\"active\"} 1",
    ] {
        assert!(metrics.lines().any(|known| known == line), "{line} is not in\n{metrics}");
    }
}
