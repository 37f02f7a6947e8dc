//! The report page and the pages about rules, on the operators' listener

use http::Request;
use serde_json::json;

use crate::harness::{Answer, TestApp};
use crate::operator::{Person, SETTINGS, TOKEN, ask, get, has, hidden, post_bytes, session};

const MAIL: &str = "From: Bank <a@bank.example>\r\nTo: bob@example.com\r\nSubject: Verify your account\r\n\
                    Content-Type: text/html; charset=utf-8\r\n\r\n\
                    <p>Please visit <a href=\"http://192.0.2.7/login\">https://bank.example.com</a> today.</p>\r\n";
const BOUNDARY: &str = "----browser";

/// The body of the form, as a browser sends it.
fn body(token: &str, message: &str, file: &[u8]) -> Vec<u8> {
    let field = |name: &str| format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"");
    let mut body =
        format!("{}\r\n\r\n{token}\r\n{}\r\n\r\n{message}\r\n", field("form"), field("message")).into_bytes();
    body.extend(format!("{}; filename=\"a.eml\"\r\nContent-Type: message/rfc822\r\n\r\n", field("file")).bytes());
    body.extend(file);
    body.extend(format!("\r\n--{BOUNDARY}--\r\n").bytes());
    body
}

fn post() -> http::request::Builder {
    Request::post("/score").header("content-type", format!("multipart/form-data; boundary={BOUNDARY}"))
}

/// An operator at the form.
struct World {
    app: TestApp,
    cookie: String,
}

impl World {
    async fn with(settings: &[(&str, &str)]) -> Self {
        let app = TestApp::with(&[SETTINGS, settings].concat()).await;
        let cookie = session(&app, "/score").await;
        Self { app, cookie }
    }

    fn person(&self) -> Person<'_> {
        Person { app: &self.app, cookie: &self.cookie }
    }

    async fn token(&self) -> String {
        hidden(&self.person().page("/score").await, "form")
    }

    async fn judge(&self, message: &str, file: &[u8]) -> Answer {
        let token = self.token().await;
        post_bytes(&self.app, self.person().with_cookie(post()), body(&token, message, file)).await
    }
}

#[track_caller]
fn reports(answer: &Answer, parts: &[&str]) {
    assert_eq!(answer.status, 200, "{answer:?}");
    has(&answer.text(), parts);
}

#[tokio::test]
async fn a_person_pastes_a_message_or_gives_a_file_and_reads_what_to_change() {
    let world = World::with(&[]).await;
    let pasted = world.judge(&format!("\r\n{MAIL}"), b"").await;
    reports(
        &pasted,
        &[
            "<h1>Verify your account</h1>",
            "points on a scale from 0 to 10",
            "<dt>Probability</dt>",
            "pillarbox-rules@0.1.0 in ",
            "What to change",
            "href=\"/rules/LINK_TEXT_MISMATCH\"",
            "href=\"/rules/LINK_IP_HOST\"",
            "The link says “https://bank.example.com” and leads to “192.0.2.7”.",
            "Source of the html",
            "&lt;a href=&quot;http://192.0.2.7/login&quot;",
            "Bank a@bank.example",
            "Change it and judge it again",
            "\nFrom: Bank &lt;a@bank.example&gt;",
        ],
    );
    assert_eq!(pasted.header("cache-control"), Some("no-store"));
    let policy = pasted.header("content-security-policy").expect("it has a policy");
    assert!(policy.contains("default-src 'none'") && policy.contains("form-action 'self'"), "{policy}");
    assert!(!pasted.text().contains("<a href=\"http") && !pasted.text().contains("<script"), "{}", pasted.text());

    let file = world.judge("Subject: pasted\r\n\r\nx", "Subject: Grüße\r\n\r\nHello\r\n".as_bytes()).await;
    reports(&file, &["<h1>Grüße</h1>"]);
    let form = format!("form={}&message=Subject%3A+plain%0D%0A%0D%0AHello", world.token().await);
    let plain = world.person().with_cookie(Request::post("/score"));
    let plain = plain.header("content-type", "application/x-www-form-urlencoded");
    reports(&ask(&world.app, plain, &form).await, &["<h1>plain</h1>"]);
}

#[tokio::test]
async fn every_number_leads_to_its_place_and_back() {
    let world = World::with(&[]).await;
    let page = world.judge(MAIL, b"").await.text();
    let ids = |prefix: &str| page.matches(&format!("id=\"{prefix}-")).count();
    assert!(ids("finding") >= 4 && ids("place") >= 3, "{page}");
    for link in page.split("href=\"#").skip(1).filter_map(|rest| rest.split('"').next()) {
        assert_eq!(page.matches(&format!("id=\"{link}\"")).count(), 1, "{link}");
    }
    for rule in page.split("href=\"/rules/").skip(1).filter_map(|rest| rest.split('"').next()) {
        assert_eq!(get(&world.app, &format!("/rules/{rule}")).await.status, 200, "{rule}");
    }
}

#[tokio::test]
async fn what_cannot_be_judged_is_told_at_the_form_with_what_was_pasted() {
    let world = World::with(&[]).await;
    let told = async |message: &str, file: &[u8], status: u16, words: &str| {
        let answer = world.judge(message, file).await;
        assert_eq!(answer.status, status, "{answer:?}");
        has(&answer.text(), &["role=\"alert\"", words, "<textarea"]);
        answer.text()
    };
    told(" \r\n", b"", 400, "Paste a message, or choose a file").await;
    has(&told("", b"\r\n<headless>", 422, "Nothing to score").await, &["\n\r\n&lt;headless&gt;</textarea>"]);
    world.app.install("trapping", "1.0.0", true).await;
    world.app.set_fallback("guest", &[]).await;
    has(&told(MAIL, b"", 422, "no plugin answered").await, &["\nFrom: Bank &lt;"]);

    let person = world.person();
    let broken = person.with_cookie(post());
    assert_eq!(post_bytes(&world.app, broken, b"--other\r\n".to_vec()).await.status, 400);
}

#[tokio::test]
async fn a_message_has_a_bound_before_anything_is_made_of_it() {
    let world = World::with(&[("PILLARBOX_BODY_BYTES_MAX", "2048")]).await;
    let of = |bytes: usize| {
        let head = "Subject: Long\r\n\r\n";
        format!("{head}{}", "x".repeat(bytes - head.len()))
    };
    reports(&world.judge("", of(2048).as_bytes()).await, &["<h1>Long</h1>"]);
    // Just past the message's bound, and past that of the whole form.
    for bytes in [2049, 2048 + 16 * 1024 + 1] {
        for (message, file) in [(String::new(), of(bytes)), (of(bytes), String::new())] {
            let answer = world.judge(&message, file.as_bytes()).await;
            assert_eq!(answer.status, 413, "{bytes}");
            has(&answer.text(), &["role=\"alert\"", "more than 2048 bytes", "name=\"form\""]);
        }
    }
    reports(&world.judge(MAIL, b"").await, &["Verify your account"]);
}

#[tokio::test]
async fn who_has_not_signed_in_or_comes_from_elsewhere_gets_nothing_judged() {
    let world = World::with(&[]).await;
    let stranger = get(&world.app, "/score").await;
    assert_eq!((stranger.status.as_u16(), stranger.header("location")), (303, Some("/login?to=%2Fscore")));
    let form = body(&world.token().await, MAIL, b"");
    let status = async |request: http::request::Builder, form: &[u8]| {
        post_bytes(&world.app, request, form.to_vec()).await.status.as_u16()
    };
    assert_eq!(status(post().header("host", "localhost"), &form).await, 401);
    assert_eq!(status(world.person().with_cookie(post()), &body("made-up", MAIL, b"")).await, 403);
    let foreign = world.person().with_cookie(post()).header("origin", "http://evil.example");
    assert_eq!(status(foreign, &form).await, 403);
    let elsewhere = post().header("host", "evil.example").header("cookie", &world.cookie);
    assert_eq!(status(elsewhere, &form).await, 421);
    assert_eq!(status(world.person().with_cookie(post()), &form).await, 200);
}

#[tokio::test]
async fn a_program_with_the_token_posts_a_message_as_it_is() {
    let world = World::with(&[]).await;
    let bare = |token: &str| {
        Request::post("/score").header("host", "localhost").header("authorization", format!("Bearer {token}"))
    };
    let answer = ask(&world.app, bare(TOKEN).header("content-type", "message/rfc822"), MAIL).await;
    reports(&answer, &["<h1>Verify your account</h1>"]);
    assert!(!answer.text().contains("<textarea"), "there is no session to post again with");
    let with_parts = bare(TOKEN).header("content-type", format!("multipart/form-data; boundary={BOUNDARY}"));
    let answer = post_bytes(&world.app, with_parts, body("", "", MAIL.as_bytes())).await;
    reports(&answer, &["<h1>Verify your account</h1>"]);
    assert_eq!(ask(&world.app, bare("made-up"), MAIL).await.status, 401);
    assert_eq!(ask(&world.app, bare(TOKEN), "").await.status, 400);
}

#[tokio::test]
async fn rules_have_pages_made_of_what_serves() {
    let app = TestApp::with(SETTINGS).await;
    let acme = app.customer("acme").await;
    let list = get(&app, "/rules").await;
    reports(&list, &["<h1>Rules</h1>", "href=\"#about-links\"", "Sign in"]);
    let rules = acme.get("/api/content-scoring/rules").await.json()["rules"].as_array().expect("a list").clone();
    for rule in &rules {
        let id = rule["id"].as_str().expect("it has an id");
        assert!(list.text().contains(&format!("href=\"/rules/{id}\"")), "{id}");
    }
    let one = get(&app, "/rules/LINK_TEXT_MISMATCH").await;
    let known = rules.iter().find(|rule| rule["id"] == "LINK_TEXT_MISMATCH").expect("it is a rule");
    let points = format!("<dd>{}</dd>", known["points"]);
    reports(
        &one,
        &["<h1>LINK_TEXT_MISMATCH</h1>", "What it looks for", "Other rules about links", &points.replace(".0<", "<")],
    );
    assert!(one.text().contains("pillarbox-rules@0.1.0"));
    for path in ["/rules/NOTHING", "/rules/link_text_mismatch", "/rules/"] {
        assert_eq!(get(&app, path).await.status, 404, "{path}");
    }

    app.install("healthy", "1.0.0", true).await;
    let guest = acme.get("/api/content-scoring/rules").await.json()["rules"].clone();
    let id = guest[0]["id"].as_str().expect("the guest has a rule").to_owned();
    reports(&get(&app, &format!("/rules/{id}")).await, &["guest@1.0.0"]);
    assert_eq!(get(&app, "/rules/LINK_TEXT_MISMATCH").await.status, 404, "another plugin serves now: {guest}");
}

#[tokio::test]
async fn a_probability_is_told_where_one_scorer_speaks_alone() {
    let app = TestApp::with(SETTINGS).await;
    let acme = app.customer("acme").await;
    let message = json!({ "subject": "Hello", "text": "Hello Bob, lunch at noon?" });
    let analyze = async || acme.post("/api/content-scoring/analyze", message.clone()).await.json();
    let alone = analyze().await;
    let probability = alone["probability"].as_f64().expect("the built-in scorer says one");
    assert!((0.0..0.5).contains(&probability), "{alone}");
    app.install("healthy", "1.0.0", true).await;
    assert_eq!(analyze().await.get("probability"), None, "this scorer says none");
}
