//! The dashboards: a customer's behind its key, and the operators'

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use pillarbox::server::Shutdown;
use pillarbox::{feed, operator, request};
use serde_json::json;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::harness::{Answer, TestApp, TestCustomer};
use crate::operator::{get, has};

const PATIENCE: Duration = Duration::from_secs(20);

async fn post(app: &TestApp, form: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = Request::post("/dashboard").header("content-type", "application/x-www-form-urlencoded");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    app.request(request.body(Full::from(form.to_owned())).expect("it is a request")).await
}

/// The cookie of a customer that signed in.
async fn sign_in(app: &TestApp, customer: &TestCustomer) -> String {
    let answer = post(app, &format!("key={}", customer.key), &[]).await;
    assert_eq!((answer.status.as_u16(), answer.header("location")), (303, Some("/dashboard")), "{answer:?}");
    let cookie = answer.header("set-cookie").expect("a session begins");
    assert!(cookie.ends_with("; HttpOnly; SameSite=Strict") && !cookie.contains(&customer.key), "{cookie}");
    cookie.split(';').next().expect("it has a value").to_owned()
}

async fn page(app: &TestApp, path: &str, cookie: &str) -> Answer {
    app.request(Request::get(path).header("cookie", cookie).body(Full::default()).expect("it is a request")).await
}

#[tokio::test]
async fn a_customer_signs_in_with_its_key_and_sees_its_own_mail_alone() {
    let app = TestApp::start().await;
    let acme = app.customer_with_events("acme").await;
    let rival = app.customer_with_events("rival").await;
    let id = acme.send("ada@example.com").await;
    rival.send("eve@example.org").await;
    app.deliver().await;
    app.notify("/webhooks/bounce", json!({ "emailId": id, "bounceType": "hard", "reason": "550 5.1.1 no <b>" })).await;

    let form = app.get("/dashboard").await;
    assert_eq!((form.status.as_u16(), form.text().contains("name=\"key\"")), (200, true), "{form:?}");
    let cookie = sign_in(&app, &acme).await;
    let shown = page(&app, "/dashboard?period=24h", &cookie).await;
    assert!(shown.header("content-security-policy").is_some_and(|policy| policy.contains("script-src 'sha256-")));
    let text = shown.text();
    has(&text, &["<h1>acme</h1>", "<dt>Sent</dt><dd>1</dd>", "The last 24 hours", "ada@example.com", &acme.domain]);
    has(&text, &["user unknown</span>", "550 5.1.1 no &lt;b&gt;", "<td>1</td><td>1</td></tr>"]);
    for theirs in ["eve@", &rival.domain, "rival", "customer="] {
        assert!(!text.contains(theirs), "{theirs} is in {text}");
    }
    // Who asks for another customer, as operators do, gets its own.
    let own = page(&app, &format!("/dashboard?customer={}&period=nonsense", rival.email), &cookie).await.text();
    assert!(own.contains("<h1>acme</h1>") && own.contains("The last 7 days") && !own.contains("eve@"), "{own}");
    let refused = page(&app, "/dashboard/stream", "").await;
    refused.refuses(401, "unauthorized", "sign in again");
}

#[tokio::test]
async fn a_session_ends_by_time_with_its_key_and_when_its_owner_ends_it() {
    let app = TestApp::start().await;
    let acme = app.customer("acme").await;
    let is_in = async |cookie: &str| page(&app, "/dashboard", cookie).await.text().contains("Sign out");
    let cookie = sign_in(&app, &acme).await;
    assert!(is_in(&cookie).await);
    let (rest, last) = cookie.split_at(cookie.len() - 1);
    assert!(!is_in(&format!("{rest}{}", if last == "0" { "1" } else { "0" })).await, "nobody makes one up");
    app.pass(12 * 60 * 60 * 1_000 - 1);
    assert!(is_in(&cookie).await, "just inside");
    app.pass(1);
    assert!(!is_in(&cookie).await, "just outside");

    let cookie = sign_in(&app, &acme).await;
    let ended = post(&app, "sign-out=yes", &[("cookie", &cookie)]).await;
    assert!(ended.header("set-cookie").is_some_and(|cookie| cookie.contains("Max-Age=0")), "{ended:?}");
    acme.post("/api/customer/rotate-key", json!({})).await.is_status(200);
    assert!(!is_in(&cookie).await, "its key is gone");
}

#[tokio::test]
async fn keys_cannot_be_guessed_and_no_other_site_signs_anybody_in() {
    let app = TestApp::with(&[("PILLARBOX_FAILED_AUTH_PER_15_MINUTES", "2")]).await;
    let acme = app.customer("acme").await;
    let right = format!("key={}", acme.key);
    let foreign = post(&app, &right, &[("host", "mail.example"), ("sec-fetch-site", "cross-site")]).await;
    assert_eq!((foreign.status.as_u16(), foreign.header("set-cookie")), (403, None));
    for wrong in ["key=nonsense", &format!("key=ml_live_{}", "0".repeat(64))] {
        let answer = post(&app, wrong, &[]).await;
        assert_eq!((answer.status.as_u16(), answer.header("set-cookie")), (401, None));
        assert!(answer.text().contains("no API key of an account"), "{answer:?}");
    }
    assert_eq!(post(&app, &right, &[]).await.status, 429, "even with the right one");
}

#[tokio::test]
async fn an_account_without_the_switches_sees_no_single_event() {
    let app = TestApp::start().await;
    let acme = app.customer("acme").await;
    acme.send("ada@example.com").await;
    let cookie = sign_in(&app, &acme).await;
    let text = page(&app, "/dashboard", &cookie).await.text();
    assert!(
        text.contains("may not see single events") && !text.contains("ada@") && !text.contains("<script"),
        "{text}"
    );
    page(&app, "/dashboard/stream", &cookie).await.refuses(403, "event_tracking_disabled", "not enabled");
}

#[tokio::test]
async fn operators_see_everybody_together_and_each_alone() {
    let app = TestApp::start().await;
    let (acme, rival) = (app.customer("acme").await, app.customer("rival").await);
    acme.send("ada@example.com").await;
    rival.send("eve@example.org").await;
    let all = get(&app, "/dashboard").await;
    assert!(all.header("content-security-policy").is_some_and(|policy| policy.contains("connect-src 'self'")));
    has(&all.text(), &["<dt>Sent</dt><dd>2</dd>", "of all customers", "ada@", "eve@", &acme.domain, &rival.domain]);
    has(&all.text(), &["href=\"/dashboard\" aria-current=\"true\""]);
    let one = get(&app, &format!("/dashboard?customer={}&period=90d", acme.email)).await.text();
    has(&one, &["Dashboard of acme", "<dt>Sent</dt><dd>1</dd>", "ada@", "The last 90 days"]);
    assert!(!one.contains("eve@") && !one.contains(&rival.domain), "{one}");
    let nobody = get(&app, "/dashboard?customer=nobody@example.org").await;
    assert_eq!((nobody.status.as_u16(), nobody.text().contains("No customer has this address")), (404, true));
}

/// The items that come next, until one of them has this in it.
async fn wait_for(body: &mut pillarbox::reply::Body, wanted: &str) -> String {
    let mut text = String::new();
    while !text.contains(wanted) {
        let frame = timeout(PATIENCE, body.frame()).await.expect("something comes in time");
        let frame = frame.expect("the stream goes on").expect("nothing breaks it off");
        text.push_str(std::str::from_utf8(frame.data_ref().expect("it is data")).expect("it is text"));
    }
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_goes_on_with_what_happened_since_it_was_loaded() {
    let app = TestApp::start().await;
    let acme = app.customer_with_events("acme").await;
    let rival = app.customer_with_events("rival").await;
    let (_stop, stopping) = watch::channel(Shutdown::No);
    tokio::spawn(feed::run(Arc::clone(&app.app), stopping));
    acme.send("first@example.com").await;
    let cookie = sign_in(&app, &acme).await;
    let text = page(&app, "/dashboard", &cookie).await.text();
    let place = text.split("after=").nth(1).and_then(|rest| rest.split('"').next()).expect("it has a place").to_owned();
    rival.send("eve@example.org").await;
    acme.send("second@example.com").await;
    let peer = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let path = format!("/dashboard/stream?after={place}");
    let mut answer = loop {
        let request = Request::get(&path).header("cookie", &cookie).body(Full::<Bytes>::default());
        let answer = request::handle(&app.app, peer, request.expect("it is a request")).await;
        // Nobody hands events out yet.
        if answer.status() != 503 {
            break answer;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    assert_eq!(answer.status(), 200);
    let missed = wait_for(answer.body_mut(), "second@example.com").await;
    assert!(
        missed.contains("data: <li data-id=\"") && !missed.contains("first@") && !missed.contains("eve@"),
        "{missed}"
    );

    let request = Request::get("/dashboard/stream").body(Full::<Bytes>::default()).expect("it is a request");
    let mut everybody = operator::handle(&app.app, peer, request).await;
    rival.send("later@example.org").await;
    acme.send("last@example.com").await;
    let seen = wait_for(everybody.body_mut(), "last@example.com").await;
    assert!(seen.contains("later@example.org"), "operators see everybody's: {seen}");
    let own = wait_for(answer.body_mut(), "last@example.com").await;
    assert!(!own.contains("later@example.org"), "{own}");
}
