//! Tracking hosts of domains: their CNAME, their certificate, and what links begin with

use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use pillarbox::control::Command;
use pillarbox::tracking_hosts;
use serde_json::{Value, json};

use crate::authority::{Authority, CERTIFICATE_DAYS, Mood};
use crate::harness::{Answer, TestApp, TestCustomer};
use crate::names::{Known, Names};

const HOUR_MS: i64 = 60 * 60 * 1_000;
const DAY_MS: i64 = 24 * HOUR_MS;
const TARGET: &str = "mail.pillarbox.example";
const HOST: &str = "click.acme.example";

/// An application, the name server and the authority that it asks, and a customer with a domain.
struct Lab {
    app: TestApp,
    acme: TestCustomer,
    names: Names,
    authority: Authority,
}

fn leads_here() -> Vec<(&'static str, Known)> {
    vec![(HOST, Known::Alias(TARGET))]
}

fn add(name: &str, customer: &TestCustomer) -> Command {
    Command::DomainAdd { name: name.into(), customer: customer.email.clone(), assume_verified: true, outlet: None }
}

fn tracking(name: &str, host: Option<&str>) -> Command {
    Command::DomainTracking { name: name.into(), customer: None, host: host.map(str::to_owned) }
}

impl Lab {
    /// With an authority to ask, and these names.
    async fn start(known: &[(&'static str, Known)]) -> Self {
        let (names, authority) = (Names::start(known).await, Authority::start().await);
        let app =
            TestApp::with(&settings(&names, &authority).each_ref().map(|(name, value)| (*name, value.as_str()))).await;
        let acme = app.customer("acme").await;
        app.command(add("acme.example", &acme)).await;
        authority.attach(&app);
        Self { app, acme, names, authority }
    }

    async fn set(&self, host: Option<&str>) -> Value {
        self.app.command(tracking("acme.example", host)).await["domain"]["tracking"].clone()
    }

    /// Looks after what is due, and gives the host as it is shown then.
    async fn tend(&self) -> Value {
        tracking_hosts::tend_due(&self.app.app).await.expect("the store works");
        self.shown().await
    }

    async fn shown(&self) -> Value {
        let shown = self.app.command(Command::DomainShow { name: "acme.example".into(), customer: None }).await;
        shown["domain"]["tracking"].clone()
    }

    /// What the links of an email that is sent now begin with.
    async fn links(&self) -> String {
        let email = json!({ "from": "news@acme.example", "to": "ada@example.com", "subject": "Hello",
            "html": "<p><a href=\"https://example.com/a\">Read</a></p>" });
        let sent = self.acme.post("/api/send", email).await.json();
        let id = sent["email_id"].as_str().unwrap_or_else(|| panic!("{sent}"));
        let html = self.app.captured(id).await["html"].as_str().expect("it has html").to_owned();
        let link = html.split("href=\"").nth(1).expect("it has a link");
        link.split("/track/c/").next().expect("it is tracked").to_owned()
    }

    async fn get_on(&self, host: &str, path: &str) -> Answer {
        let request = Request::get(path).header("host", host).body(Full::<Bytes>::default());
        self.app.request(request.expect("a request")).await
    }
}

fn settings(names: &Names, authority: &Authority) -> [(&'static str, String); 5] {
    [
        ("PILLARBOX_PUBLIC_URL", format!("https://{TARGET}")),
        ("PILLARBOX_DNS_SERVERS", names.address.to_string()),
        ("PILLARBOX_ACME_DIRECTORY", authority.directory.clone()),
        ("PILLARBOX_ACME_TERMS_AGREED", "yes".into()),
        ("PILLARBOX_HTTPS_LISTEN", "127.0.0.1:443".into()),
    ]
}

/// Its state, and whether a word stands in its reason.
#[track_caller]
fn check(tracking: &Value, state: &str, reason: Option<&str>) {
    assert_eq!(tracking["state"], state, "{tracking}");
    match reason {
        None => assert_eq!(tracking["reason"], Value::Null, "{tracking}"),
        Some(word) => assert!(tracking["reason"].as_str().is_some_and(|told| told.contains(word)), "{tracking}"),
    }
}

#[tokio::test]
async fn a_host_waits_for_its_cname_and_gets_its_certificate() {
    let lab = Lab::start(&[]).await;
    let set = lab.set(Some("Click.acme.example")).await;
    let expected = json!({ "host": HOST, "cname": TARGET, "state": "pending", "reason": null,
        "links_begin_with": format!("https://{TARGET}"), "next_check_at": "2024-03-15T14:30:00Z", "issued_at": null,
        "expires_at": null });
    assert_eq!(set, expected);
    check(&lab.tend().await, "pending", Some("there is no CNAME record for click.acme.example"));
    assert_eq!(lab.get_on(HOST, "/docs").await.status, 200, "a wish alone takes no name from anybody");
    assert_eq!(lab.links().await, format!("https://{TARGET}"));
    lab.names.know(&leads_here());
    check(&lab.tend().await, "pending", Some("no CNAME"));
    lab.app.pass(2 * 60_000);
    let active = lab.tend().await;
    check(&active, "active", None);
    assert_eq!(
        (&active["issued_at"], &active["expires_at"]),
        (&json!("2024-03-15T14:32:00Z"), &json!("2024-06-13T14:32:00Z"))
    );
    assert_eq!((lab.links().await, lab.authority.issued()), (format!("https://{HOST}"), 1));
}

#[tokio::test]
async fn links_are_plain_until_there_is_a_certificate() {
    let lab = Lab::start(&leads_here()).await;
    lab.authority.is(Mood::Away);
    lab.set(Some(HOST)).await;
    check(&lab.tend().await, "failed", Some("answers 502 Bad Gateway"));
    assert_eq!(lab.links().await, format!("http://{HOST}"));
    lab.authority.is(Mood::Good);
    lab.app.pass(2 * 60_000);
    check(&lab.tend().await, "active", None);
    assert_eq!(lab.links().await, format!("https://{HOST}"));
}

#[tokio::test]
async fn nothing_but_tracking_is_served_on_a_tracking_host() {
    let lab = Lab::start(&leads_here()).await;
    lab.set(Some(HOST)).await;
    lab.tend().await;
    let email_id = lab.acme.send("ada@example.com").await;
    let html = lab.app.captured(&email_id).await["html"].as_str().expect("it has html").to_owned();
    let link = html.split("href=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a link");
    let path = format!("/track/{}", link.split("/track/").nth(1).expect("it is tracked"));
    for host in [HOST, "CLICK.acme.example:8080", TARGET, "anything.example"] {
        assert_eq!(lab.get_on(host, &path).await.status, 302, "{host}");
    }
    for path in ["/docs", "/openapi.json", "/api/emails", "/webhooks/bounce", "/.well-known/acme-challenge/token_0"] {
        lab.get_on(HOST, path).await.refuses(404, "not_found", "Not found");
    }
    let posted = Request::post(&path).header("host", HOST).body(Full::<Bytes>::default()).expect("a request");
    lab.app.request(posted).await.refuses(404, "not_found", "");
    for path in ["/docs", "/openapi.json"] {
        assert_eq!(lab.get_on(TARGET, path).await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn a_certificate_is_renewed_while_a_third_of_its_time_is_left() {
    let lab = Lab::start(&leads_here()).await;
    lab.set(Some(HOST)).await;
    lab.tend().await;
    lab.app.pass(CERTIFICATE_DAYS * DAY_MS * 2 / 3 - 1);
    lab.tend().await;
    assert_eq!(lab.authority.issued(), 1);
    // A renewal that fails leaves the certificate in use until it ends.
    lab.authority.is(Mood::Away);
    lab.app.pass(60_001);
    check(&lab.tend().await, "active", Some("502"));
    assert_eq!(lab.links().await, format!("https://{HOST}"));
    lab.app.pass(CERTIFICATE_DAYS * DAY_MS / 3);
    check(&lab.tend().await, "failed", Some("502"));
    assert_eq!(lab.links().await, format!("http://{HOST}"));
    lab.authority.is(Mood::Good);
    lab.app.pass(6 * HOUR_MS);
    check(&lab.tend().await, "active", None);
    assert_eq!((lab.links().await, lab.authority.issued()), (format!("https://{HOST}"), 2));
}

#[tokio::test]
async fn the_authority_says_when_to_renew() {
    let lab = Lab::start(&leads_here()).await;
    lab.authority.renews_within(30, 31);
    lab.set(Some(HOST)).await;
    lab.tend().await;
    lab.app.pass(7 * HOUR_MS);
    lab.tend().await;
    assert_eq!(lab.authority.issued(), 1);
    lab.authority.renews_within(-2, -1);
    lab.app.pass(7 * HOUR_MS);
    check(&lab.tend().await, "active", None);
    assert_eq!(lab.authority.issued(), 2);
}

#[tokio::test]
async fn an_authority_that_has_had_enough_is_left_alone_for_as_long_as_it_says() {
    let lab = Lab::start(&leads_here()).await;
    lab.authority.is(Mood::Busy(7_200));
    lab.set(Some(HOST)).await;
    let failed = lab.tend().await;
    check(&failed, "failed", Some("too many certificates (rateLimited)"));
    assert_eq!(failed["next_check_at"], "2024-03-15T16:30:00Z");
    lab.authority.is(Mood::Good);
    lab.app.pass(7_200_000 - 1);
    check(&lab.tend().await, "failed", Some("rateLimited"));
    lab.app.pass(1);
    check(&lab.tend().await, "active", None);
}

#[tokio::test]
async fn what_the_authority_finds_wrong_is_told_in_its_words() {
    let lab = Lab::start(&leads_here()).await;
    // Its request for the challenge reaches another installation, which knows nothing of it.
    let other = TestApp::start().await;
    lab.authority.attach(&other);
    lab.set(Some(HOST)).await;
    check(
        &lab.tend().await,
        "failed",
        Some("click.acme.example answered 404 Not Found to the challenge (unauthorized)"),
    );
}

#[tokio::test]
async fn a_certificate_for_another_name_is_not_taken() {
    let lab = Lab::start(&leads_here()).await;
    lab.authority.is(Mood::Confused);
    lab.set(Some(HOST)).await;
    let failed = lab.tend().await;
    check(&failed, "failed", Some("issued a certificate that does not name click.acme.example"));
    assert_eq!(failed["expires_at"], Value::Null);
}

#[tokio::test]
async fn an_order_may_have_so_many_authorizations_and_no_more() {
    let lab = Lab::start(&leads_here()).await;
    lab.authority.is(Mood::Demanding(5));
    lab.set(Some(HOST)).await;
    check(&lab.tend().await, "failed", Some("more authorizations than there are names"));
    lab.authority.is(Mood::Demanding(4));
    lab.set(Some(HOST)).await;
    check(&lab.tend().await, "active", None);
}

#[tokio::test]
async fn an_authority_that_refuses_nonces_is_asked_again_and_not_for_ever() {
    let lab = Lab::start(&leads_here()).await;
    // The ACME library tries each request three times, and an order is placed three times.
    lab.authority.refuses_nonces(9);
    lab.set(Some(HOST)).await;
    check(&lab.tend().await, "failed", Some("not this one (badNonce)"));
    lab.authority.refuses_nonces(8);
    lab.set(Some(HOST)).await;
    check(&lab.tend().await, "active", None);
}

#[tokio::test]
async fn an_authority_that_forgot_the_account_gets_another() {
    let lab = Lab::start(&leads_here()).await;
    lab.set(Some(HOST)).await;
    lab.tend().await;
    lab.authority.forget_accounts();
    lab.app.pass(CERTIFICATE_DAYS * DAY_MS * 2 / 3);
    check(&lab.tend().await, "active", None);
    assert_eq!(lab.authority.issued(), 2);
}

#[tokio::test]
async fn an_order_that_was_broken_off_is_placed_again_after_the_next_start() {
    let lab = Lab::start(&leads_here()).await;
    lab.authority.is(Mood::Silent);
    lab.set(Some(HOST)).await;
    let tended = tracking_hosts::tend_due(&lab.app.app);
    tokio::time::timeout(Duration::from_millis(300), tended).await.expect_err("it waits for the authority");
    check(&lab.shown().await, "issuing", None);
    let Lab { app, acme, names, authority } = lab;
    let settings = settings(&names, &authority);
    drop(acme);
    let app = app.restart_with(&settings.each_ref().map(|(name, value)| (*name, value.as_str()))).await;
    let acme = app.customer("other").await;
    authority.attach(&app);
    authority.is(Mood::Good);
    let lab = Lab { app, acme, names, authority };
    check(&lab.tend().await, "active", None);
    // The certificate and the account are there after the next start too.
    let Lab { app, acme, names, authority } = lab;
    drop(acme);
    let app = app.restart_with(&settings.each_ref().map(|(name, value)| (*name, value.as_str()))).await;
    let acme = app.customer("another").await;
    authority.attach(&app);
    app.pass(CERTIFICATE_DAYS * DAY_MS * 2 / 3);
    let lab = Lab { app, acme, names, authority };
    check(&lab.tend().await, "active", None);
    assert_eq!(lab.authority.issued(), 2);
}

#[tokio::test]
async fn a_cname_that_goes_away_takes_new_links_elsewhere() {
    let lab = Lab::start(&leads_here()).await;
    lab.set(Some(HOST)).await;
    lab.tend().await;
    lab.names.know(&[(HOST, Known::Failure)]);
    lab.app.pass(7 * HOUR_MS);
    check(&lab.tend().await, "active", Some("name servers do not answer"));
    lab.names.know(&[(HOST, Known::Alias("elsewhere.example"))]);
    lab.app.pass(7 * HOUR_MS);
    check(&lab.tend().await, "pending", Some("leads to elsewhere.example: let it lead to mail.pillarbox.example"));
    assert_eq!(lab.links().await, format!("https://{TARGET}"));
    lab.names.know(&leads_here());
    lab.app.pass(7 * HOUR_MS);
    check(&lab.tend().await, "active", None);
    assert_eq!(lab.authority.issued(), 1, "its certificate is still good");
}

#[tokio::test]
async fn a_chain_of_names_is_followed_up_to_a_bound() {
    const CHAIN: [&str; 9] =
        [HOST, "a.example", "b.example", "c.example", "d.example", "e.example", "f.example", "g.example", "h.example"];
    let chain = |names: usize| -> Vec<(&'static str, Known)> {
        let next = CHAIN.iter().skip(1).take(names - 1).chain([&TARGET]);
        CHAIN.iter().zip(next).map(|(name, next)| (*name, Known::Alias(next))).collect()
    };
    let lab = Lab::start(&chain(9)).await;
    lab.set(Some(HOST)).await;
    check(&lab.tend().await, "pending", Some("leads to more than 8 others"));
    lab.names.know(&chain(8));
    lab.app.pass(7 * HOUR_MS);
    check(&lab.tend().await, "active", None);
}

#[tokio::test]
async fn a_host_that_is_replaced_is_served_on_while_its_cname_leads_here() {
    let lab = Lab::start(&[(HOST, Known::Alias(TARGET)), ("go.acme.example", Known::Alias(TARGET))]).await;
    lab.set(Some(HOST)).await;
    lab.tend().await;
    lab.set(Some("go.acme.example")).await;
    lab.tend().await;
    assert_eq!(lab.links().await, "https://go.acme.example");
    lab.get_on(HOST, "/docs").await.refuses(404, "not_found", "");
    lab.app.pass(CERTIFICATE_DAYS * DAY_MS * 2 / 3);
    lab.tend().await;
    assert_eq!(lab.authority.issued(), 4, "both are renewed");
    assert_eq!(lab.set(None).await, Value::Null);
    assert_eq!(lab.links().await, format!("https://{TARGET}"));
    lab.names.know(&[]);
    lab.app.pass(7 * HOUR_MS);
    lab.tend().await;
    for host in [HOST, "go.acme.example"] {
        assert_eq!(lab.get_on(host, "/docs").await.status, 200, "{host} is nothing special any more");
    }
}

#[tokio::test]
async fn without_an_authority_links_are_as_the_public_url() {
    let names = Names::start(&leads_here()).await;
    let settings = [
        ("PILLARBOX_PUBLIC_URL", "http://mail.pillarbox.example:8080/x"),
        ("PILLARBOX_DNS_SERVERS", &names.address.to_string()),
    ];
    let app = TestApp::with(&settings).await;
    let acme = app.customer("acme").await;
    app.command(add("acme.example", &acme)).await;
    let lab = Lab { app, acme, names, authority: Authority::start().await };
    lab.set(Some(HOST)).await;
    assert_eq!(lab.links().await, "http://mail.pillarbox.example:8080/x");
    let active = lab.tend().await;
    check(&active, "active", None);
    assert_eq!((&active["expires_at"], lab.authority.issued()), (&Value::Null, 0));
    assert_eq!(lab.links().await, "http://click.acme.example:8080/x");
}

#[tokio::test]
async fn what_cannot_be_a_tracking_host_is_refused_in_words() {
    let lab = Lab::start(&[]).await;
    let rival = lab.app.customer("rival").await;
    lab.app.command(add("mail.acme.example", &rival)).await;
    lab.app.command(add("pillarbox.example", &rival)).await;
    let refuses = async |name: &str, host: &str, words: &str| {
        let refused = lab.app.refused_command(tracking(name, Some(host))).await;
        assert!(refused.contains(words), "{refused}");
    };
    for host in ["acme.example", "click.rival.example", "clickacme.example", "click.acme.example.evil.example"] {
        refuses("acme.example", host, "must be a name below acme.example, such as click.acme.example").await;
    }
    for host in ["click_1.acme.example", "*.acme.example", ".acme.example", "192.0.2.1", ""] {
        refuses("acme.example", host, host).await;
    }
    refuses("pillarbox.example", TARGET, "the service's own name").await;
    let unverified = Command::DomainAdd {
        name: "waiting.example".into(),
        customer: rival.email.clone(),
        assume_verified: false,
        outlet: None,
    };
    lab.app.command(unverified).await;
    refuses("waiting.example", "click.waiting.example", "waiting.example is not verified yet").await;
    refuses("other.example", "click.other.example", "no domain other.example").await;
    refuses(&lab.acme.domain, &format!("click.{}", lab.acme.domain), "sandbox").await;
    lab.set(Some("click.mail.acme.example")).await;
    refuses("mail.acme.example", "click.mail.acme.example", "the tracking host of another domain").await;
    lab.set(None).await;
    lab.app.command(tracking("mail.acme.example", Some("click.mail.acme.example"))).await;

    let app = TestApp::start().await;
    let acme = app.customer("acme").await;
    app.command(add("acme.example", &acme)).await;
    let told = app.refused_command(tracking("acme.example", Some(HOST))).await;
    assert!(told.contains("set public_url"), "{told}");
}

#[tokio::test]
async fn a_customer_names_the_host_by_the_api_and_it_retires_with_its_domain() {
    let lab = Lab::start(&leads_here()).await;
    let listed = lab.acme.get("/api/customer/domains").await.json();
    let listed = listed["domains"].as_array().expect("it is a list").clone();
    let own = listed.iter().find(|domain| domain["domain"] == "acme.example").expect("it is there");
    assert_eq!(own["tracking"], Value::Null);
    let path = format!("/api/customer/domains/{}", own["id"].as_str().expect("it has an id"));

    let changed = lab.acme.patch(&path, json!({ "tracking_host": HOST, "open_tracking_enabled": false })).await.json();
    let (tracking, opens) = (&changed["domain"]["tracking"], &changed["domain"]["open_tracking_enabled"]);
    assert_eq!((&tracking["host"], &tracking["cname"], opens), (&json!(HOST), &json!(TARGET), &json!(false)));
    let records = changed["domain"]["records"].as_array().expect("it has records");
    let record = records.iter().find(|record| record["purpose"] == "tracking").expect("its CNAME is one of them");
    assert_eq!((&record["type"], &record["host"], &record["value"]), (&json!("CNAME"), &json!(HOST), &json!(TARGET)));

    let wrong = lab.acme.patch(&path, json!({ "tracking_host": "click.rival.example" })).await;
    assert_eq!((wrong.status.as_u16(), &wrong.json()["details"][0]["pointer"]), (400, &json!("/tracking_host")));
    let rival = lab.app.customer("rival").await;
    assert_eq!(rival.patch(&path, json!({ "tracking_host": HOST })).await.status, 404);
    assert_eq!(lab.tend().await["host"], HOST, "it is as it was");

    let gone = lab.acme.patch(&path, json!({ "tracking_host": null })).await.json();
    assert_eq!(gone["domain"]["tracking"], Value::Null);
    lab.acme.patch(&path, json!({ "tracking_host": HOST })).await;
    assert_eq!(lab.acme.call(http::Method::DELETE, &path, None, &[]).await.status, 200);
    // Another domain of that name may have the host then.
    lab.app.command(add("acme.example", &rival)).await;
    assert_eq!(lab.set(Some(HOST)).await["host"], HOST);
}
