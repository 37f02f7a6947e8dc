//! POST /api/content-scoring/analyze, GET /api/content-scoring/rules

use std::collections::BTreeSet;

use pillarbox::control::{Bytes, Command};
use serde_json::{Value, json};

use crate::harness::{TestApp, TestCustomer, activate, roll_back};

const ANALYZE: &str = "/api/content-scoring/analyze";

/// The one entry of `plugins` that answered, with what differs from run to run read as a word.
#[track_caller]
fn plugin(answer: &mut Value, name: &str, version: &str) {
    let spam_score = answer["spam_score"].clone();
    let entry = &mut answer["plugins"][0];
    let digest = entry["digest"].as_str().expect("it has a digest");
    assert!(digest.strip_prefix("sha256:").is_some_and(|hex| hex.len() == 64), "{digest}");
    assert!(entry["duration_us"].as_u64().is_some_and(|duration| duration > 0), "{entry}");
    (entry["digest"], entry["duration_us"]) = ("[digest]".into(), "[time]".into());
    let expected = json!([{ "name": name, "version": version, "digest": "[digest]", "spam_score": spam_score,
        "duration_us": "[time]", "error": null }]);
    assert_eq!(answer["plugins"], expected);
    answer["plugins"] = "[plugins]".into();
}

async fn analyze(customer: &TestCustomer, message: Value) -> Value {
    let answer = customer.post(ANALYZE, message).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let mut body = answer.json();
    plugin(&mut body, "pillarbox-rules", "0.1.0");
    body
}

#[tokio::test]
async fn a_good_message_passes_and_only_the_model_speaks_which_speaks_for_it() {
    let app = TestApp::start().await;
    let acme = app.customer("acme").await;
    let text = "Hello Ada, your parcel left the house this morning and arrives tomorrow.";
    let message =
        json!({ "from": "Shop <shop@example.org>", "to": "ada@example.com", "subject": "Your parcel", "text": text });
    let good = analyze(&acme, message).await;
    assert_eq!((&good["score"], &good["verdict"]), (&json!(100), &json!("pass")), "{good}");
    assert_eq!(good["findings"].as_array().map(Vec::len), Some(1), "{good}");
    let opinion = &good["findings"][0];
    assert_eq!((&opinion["rule"], &opinion["points"]), (&json!("MODEL_CONTENT"), &good["spam_score"]), "{good}");
    assert!(opinion["points"].as_f64().is_some_and(|points| points < 0.0), "{good}");
    let raw = format!(
        "From: Shop <shop@example.org>\r\nTo: ada@example.com\r\nSubject: Your parcel\r\n\
        Date: Fri, 15 Mar 2024 14:30:00 +0000\r\nMessage-ID: <1@example.org>\r\n\r\n{text}\r\n"
    );
    // Its body ends with a line break, of which the model makes a little.
    let read = analyze(&acme, json!({ "raw": raw })).await;
    assert_eq!((&read["score"], &read["verdict"]), (&json!(100), &json!("pass")), "{read}");
    assert_eq!(read["findings"].as_array().map(Vec::len), Some(1), "{read}");
}

#[tokio::test]
async fn each_finding_says_what_where_and_what_to_do() {
    let app = TestApp::start().await;
    let acme = app.customer("acme").await;
    let html = "<p>Grüße!</p><a href=\"http://192.0.2.1/x\">https://bank.example.com</a>";
    let body = analyze(&acme, json!({ "subject": "YOU WIN A FREE PRIZE!!!", "html": html })).await;
    let findings = body["findings"].as_array().expect("a list").clone();
    let points: Vec<_> = findings.iter().map(|finding| finding["points"].as_f64().expect("a number")).collect();
    assert!(points.is_sorted_by(|one, next| one >= next), "most points first: {points:?}");
    let spam_score = body["spam_score"].as_f64().expect("a number");
    let score = (100.0 - 10.0 * spam_score).round().clamp(0.0, 100.0);
    assert_eq!(body["score"].as_f64(), Some(score));
    assert_eq!(
        body["verdict"],
        if spam_score >= 5.0 {
            "reject"
        } else if spam_score >= 3.0 {
            "review"
        } else {
            "pass"
        }
    );

    let rules = acme.get("/api/content-scoring/rules").await.json()["rules"].as_array().expect("a list").clone();
    for finding in &findings {
        let rule = rules.iter().find(|rule| rule["id"] == finding["rule"]).expect("each finding is of a listed rule");
        assert_eq!(rule["category"], finding["category"]);
        assert!(["error", "warning", "info"].contains(&finding["severity"].as_str().expect("it is text")));
        for field in ["message", "suggestion"] {
            assert!(finding[field].as_str().is_some_and(|text| !text.is_empty()), "{finding}");
        }
    }
    let mismatch = findings.iter().find(|finding| finding["rule"] == "LINK_TEXT_MISMATCH").expect("it is found");
    let at = |name: &str| usize::try_from(mismatch["location"][name].as_u64().expect("a number")).expect("it fits");
    assert_eq!(mismatch["location"]["part"], "html");
    let slice = html.get(at("offset")..at("offset") + at("length")).expect("a slice at character borders");
    assert!(slice.contains("bank.example.com") || slice.contains("192.0.2.1"), "{slice}");
    assert!(!slice.contains("Grüße"), "{slice}");
}

#[tokio::test]
async fn a_raw_message_is_judged_like_its_parts() {
    let app = TestApp::start().await;
    let acme = app.customer("acme").await;
    let html = "<p>Hello</p><a href=\"http://192.0.2.1/x\">https://bank.example.com</a>";
    let raw = format!(
        "From: shop@example.org\r\nTo: ada@example.com\r\nSubject: Hello\r\nMIME-Version: 1.0\r\n\
        Content-Type: text/html; charset=utf-8\r\n\r\n{html}"
    );
    // Where raw is given the parts are not looked at.
    let body = analyze(&acme, json!({ "raw": raw, "subject": "other" })).await;
    let found: Vec<_> = body["findings"].as_array().expect("a list").iter().map(|finding| &finding["rule"]).collect();
    assert!(found.contains(&&json!("LINK_TEXT_MISMATCH")), "{found:?}");
    assert_eq!(acme.post("/api/v1/content-scoring/analyze", json!({ "raw": raw })).await.status, 200);
}

#[tokio::test]
async fn nothing_to_score_is_a_mistake_with_a_name() {
    let app = TestApp::start().await;
    let acme = app.customer("acme").await;
    let nothing = async |message: Value| {
        acme.post(ANALYZE, message).await.refuses(400, "invalid_request", "Nothing to score");
    };
    nothing(json!({})).await;
    nothing(json!({ "from": "a@example.org", "to": "b@example.org", "headers": { "X-A": "b" } })).await;
    nothing(json!({ "raw": "" })).await;
    nothing(json!({ "raw": "\r\n\r\n" })).await;
    nothing(json!({ "subject": null, "html": null })).await;
    acme.post(ANALYZE, json!({ "subject": 1 })).await.refuses(400, "invalid_request", "/subject");
    acme.post(ANALYZE, json!({ "headers": { "X-A": 1 } })).await.refuses(400, "invalid_request", "/headers/X-A");
    acme.post(ANALYZE, json!({ "from": "x", "text": "a" })).await.refuses(400, "invalid_request", "/from");
    acme.post(ANALYZE, json!({ "to": "x y", "text": "a" })).await.refuses(400, "invalid_request", "/to");
    // An empty part is a part, and rules may say so.
    assert_eq!(acme.post(ANALYZE, json!({ "text": "" })).await.status, 200);
}

#[tokio::test]
async fn every_rule_is_documented() {
    let app = TestApp::start().await;
    let acme = app.customer("acme").await;
    let rules = acme.get("/api/content-scoring/rules").await.json()["rules"].as_array().expect("a list").clone();
    assert!(rules.len() >= 60, "{}", rules.len());
    let ids: BTreeSet<_> = rules.iter().map(|rule| rule["id"].as_str().expect("it has an id")).collect();
    assert_eq!(ids.len(), rules.len(), "each has an id of its own");
    for rule in &rules {
        for field in ["id", "category", "description", "suggestion"] {
            assert!(rule[field].as_str().is_some_and(|text| !text.trim().is_empty()), "{field} of {rule}");
        }
        assert!(rule["points"].is_number() && rule["plugin"] == "pillarbox-rules@0.1.0", "{rule}");
        assert!(["error", "warning", "info"].contains(&rule["severity"].as_str().expect("it is text")), "{rule}");
    }
    assert_eq!(acme.get("/api/v1/content-scoring/rules").await.status, 200);
}

#[tokio::test]
async fn a_message_of_many_megabytes_is_judged_as_well() {
    let app = TestApp::start().await;
    let acme = app.customer("acme").await;
    for html in [
        "<a href=\"https://example.com/x\">link</a> ".repeat(200_000),
        "<div>".repeat(1_000_000),
        "<a href=\"".repeat(500_000),
        "free prize ".repeat(500_000),
    ] {
        let bytes = html.len();
        let answer = acme.post(ANALYZE, json!({ "subject": "Hello", "html": html })).await;
        assert_eq!(answer.status, 200, "{bytes} bytes: {answer:?}");
    }
}

#[tokio::test]
async fn what_is_too_much_for_the_plugin_takes_it_from_nobody_else() {
    let app = TestApp::with(&[("PILLARBOX_PLUGIN_CPU_MS", "5")]).await;
    let acme = app.customer("acme").await;
    let rival = app.customer("rival").await;
    // Below a MiB, so that it earns no time of its own, and far more often than a failing plugin is tried.
    let monster = json!({ "subject": "Hello", "text": "$".repeat(1_000_000) });
    for _ in 0..10 {
        acme.post(ANALYZE, monster.clone()).await.refuses(503, "busy", "try again");
    }
    analyze(&rival, json!({ "subject": "Hello", "text": "Hello" })).await;
}

#[tokio::test]
async fn scoring_changes_nothing_and_sends_nothing() {
    let app = TestApp::start().await;
    let acme = app.customer("acme").await;
    analyze(&acme, json!({ "to": "ada@example.com", "subject": "Hello", "text": "Hello" })).await;
    assert_eq!(acme.get("/api/emails").await.json()["pagination"]["total"], 0);
    assert_eq!(acme.get("/api/customer/usage").await.json()["current_month"]["emails_sent"], 0);
}

#[tokio::test]
async fn when_every_plugin_fails_the_call_is_put_off_and_the_next_good_one_serves() {
    let app = TestApp::start().await;
    let acme = app.customer("acme").await;
    let message = json!({ "subject": "Hello", "text": "Hello" });
    app.install("trapping", "1.0.0", true).await;
    app.set_fallback("guest", &[]).await;
    // More often than the host's patience lasts, after which it leaves the plugin alone for a while.
    for _ in 0..8 {
        let answer = acme.post(ANALYZE, message.clone()).await;
        assert_eq!(answer.header("retry-after"), Some("1"));
        answer.refuses(503, "busy", "No content scoring plugin answered");
        // Advice that cannot be had stops no email.
        let email = json!({ "to": "ada@example.com", "subject": "Hello", "text": "Hello" });
        let sent = acme.post("/api/send", email).await;
        assert_eq!((sent.status.as_u16(), &sent.json()["score"]), (200, &Value::Null));
    }
    let command = Command::Score { message: Bytes(b"Subject: x\r\n\r\nx".to_vec()) };
    let told = app.refused_command(command).await;
    assert!(told.contains("guest@1.0.0"), "{told}");

    app.command(roll_back("guest")).await;
    analyze(&acme, message.clone()).await;
    for (hostile, version) in
        [("endless", "1.0.1"), ("greedy_by_page", "1.0.2"), ("infinite_points", "1.0.3"), ("recursive", "1.0.4")]
    {
        app.install(hostile, version, true).await;
        acme.post(ANALYZE, message.clone()).await.refuses(503, "busy", "No content scoring plugin answered");
        app.command(activate("pillarbox-rules", "0.1.0")).await;
        analyze(&acme, message.clone()).await;
    }
}

#[tokio::test]
async fn enforced_scoring_without_a_plugin_that_answers_lets_mail_through_or_says_why_not() {
    let app = TestApp::with(&[("PILLARBOX_SCORING_POLICY", "enforce")]).await;
    let acme = app.customer("acme").await;
    app.install("trapping", "1.0.0", true).await;
    let email = json!({ "to": "ada@example.com", "subject": "Hello", "text": "Hello" });
    let answer = acme.post("/api/send", email).await;
    assert_eq!(answer.status, 200, "a plugin that fails never fails a request: {answer:?}");
}
