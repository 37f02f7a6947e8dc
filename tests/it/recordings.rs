//! The recorder: what is judged is kept for replays, within bounds, and readable for nobody who only has the disk.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use pillarbox::control::Command;
use pillarbox::plugins::World;
use pillarbox::recorder;
use pillarbox::recorder::recorded::{BYTES_MAX, ROWS_MAX};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::{TestApp, TestCustomer};

const ANALYZE: &str = "/api/content-scoring/analyze";
const FULL: (&str, &str) = ("PILLARBOX_RECORD_SCORING", "full");
const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

async fn analyze(customer: &TestCustomer, text: &str) {
    let answer = customer.post(ANALYZE, json!({ "subject": "Hello", "text": text })).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

async fn status(app: &TestApp) -> Value {
    recorder::store_waiting(&app.app).await;
    app.command(Command::RecordingsStatus).await
}

async fn page(app: &TestApp, world: World, before: Option<Uuid>, limit: i64) -> Value {
    recorder::store_waiting(&app.app).await;
    app.command(Command::Recordings { world, before, since: 0, limit }).await
}

/// The texts of a page of recorded messages.
fn texts(page: &Value) -> Vec<String> {
    let inputs = page["inputs"].as_array().expect("a list").iter();
    inputs.map(|input| message(input)["text"].as_str().expect("it has a text").to_owned()).collect()
}

fn message(input: &Value) -> Value {
    let json = input["content"]["Ok"]["message"].as_str().unwrap_or_else(|| panic!("{input}"));
    serde_json::from_slice(&BASE64.decode(json).expect("it is base64")).expect("it is JSON")
}

#[tokio::test]
async fn what_is_analyzed_and_what_is_sent_are_recorded_as_they_were_judged() {
    let app = TestApp::with(&[FULL]).await;
    let acme = app.customer("acme").await;
    let body = json!({ "from": "Shop <shop@example.org>", "subject": "WIN A FREE PRIZE!!!", "text": "Buy now" });
    let judged = acme.post(ANALYZE, body).await.json();
    acme.send("Ada <ada@example.com>").await;
    let page = page(&app, World::Scorer, None, 10).await;
    let [sent, analyzed] = page["inputs"].as_array().expect("a list").as_slice() else { panic!("{page}") };
    assert_eq!(message(sent)["to"], json!([{ "name": "Ada", "email": "ada@example.com" }]));
    assert_eq!(message(analyzed)["subject"], "WIN A FREE PRIZE!!!");
    assert_eq!(
        (&analyzed["plugin"], &analyzed["spam_score"]),
        (&"pillarbox-rules@0.1.0".into(), &judged["spam_score"])
    );
    assert_eq!(page["next"], Value::Null);
    // What a command judges is the operator's own.
    let raw = b"Subject: Hello\r\n\r\nHello\r\n".to_vec();
    app.command(Command::Score { message: pillarbox::control::Bytes(raw) }).await;
    assert_eq!(status(&app).await["scorer"]["inputs"], 2);
}

#[tokio::test]
async fn a_message_that_no_plugin_could_judge_is_recorded_too() {
    let app = TestApp::with(&[FULL]).await;
    let acme = app.customer("acme").await;
    app.install("trapping", "1.0.0", true).await;
    app.set_fallback("guest", &[]).await;
    assert_eq!(acme.post(ANALYZE, json!({ "subject": "Hello", "text": "Hello" })).await.status, 503);
    let page = page(&app, World::Scorer, None, 10).await;
    let input = &page["inputs"][0];
    assert_eq!((&input["plugin"], &input["spam_score"]), (&"guest@1.0.0".into(), &Value::Null), "{page}");
}

#[tokio::test]
async fn a_message_that_a_version_failed_on_is_recorded_under_its_name_with_the_score_of_what_answered() {
    let app = TestApp::with(&[FULL]).await;
    let acme = app.customer("acme").await;
    app.install("trapping", "1.0.0", true).await;
    let judged = acme.post(ANALYZE, json!({ "subject": "Hello", "text": "Hello" })).await.json();
    assert_eq!(judged["degraded"], true, "{judged}");
    let page = page(&app, World::Scorer, None, 10).await;
    let input = &page["inputs"][0];
    assert_eq!((&input["plugin"], &input["spam_score"]), (&"guest@1.0.0".into(), &judged["spam_score"]), "{page}");
}

#[tokio::test]
async fn nothing_is_recorded_when_it_is_off_and_the_whole_when_it_is_full() {
    for (setting, expected) in [("off", 0), ("full", 20)] {
        let app = TestApp::with(&[("PILLARBOX_RECORD_SCORING", setting)]).await;
        let acme = app.customer("acme").await;
        for number in 0..20 {
            analyze(&acme, &number.to_string()).await;
        }
        assert_eq!(status(&app).await["scorer"]["inputs"], expected, "{setting}");
    }
}

#[tokio::test]
async fn a_sample_is_the_same_whoever_takes_it_again() {
    let settings = [("PILLARBOX_RECORD_SCORING", "sampled"), ("PILLARBOX_RECORD_SAMPLE_PERCENT", "50")];
    let app = TestApp::with(&settings).await;
    let acme = app.customer("acme").await;
    app.install("healthy", "1.0.0", true).await;
    let mut rounds = Vec::new();
    for _ in 0..2 {
        for number in 0..40 {
            analyze(&acme, &format!("Message {number}")).await;
        }
        rounds.push(texts(&page(&app, World::Scorer, None, ROWS_MAX).await));
        app.command(Command::RecordingsClear).await;
    }
    assert!((8..=32).contains(&rounds[0].len()), "{}", rounds[0].len());
    assert_eq!(rounds[0], rounds[1]);
}

#[tokio::test]
async fn so_many_rows_are_kept_and_the_oldest_make_room() {
    let app = TestApp::with(&[FULL, ("PILLARBOX_RECORD_ROWS_MAX", "3")]).await;
    let acme = app.customer("acme").await;
    app.install("healthy", "1.0.0", true).await;
    for text in ["a", "b", "c"] {
        analyze(&acme, text).await;
    }
    assert_eq!(texts(&page(&app, World::Scorer, None, 10).await), ["c", "b", "a"]);
    analyze(&acme, "d").await;
    assert_eq!(texts(&page(&app, World::Scorer, None, 10).await), ["d", "c", "b"]);
    for text in ["e", "f", "g", "h", "i"] {
        analyze(&acme, text).await;
    }
    assert_eq!(texts(&page(&app, World::Scorer, None, 10).await), ["i", "h", "g"], "more at once than are kept");
}

#[tokio::test]
async fn so_many_bytes_are_kept_and_the_oldest_make_room() {
    let app = TestApp::with(&[FULL, ("PILLARBOX_RECORD_BYTES_MAX", "2097152")]).await;
    let acme = app.customer("acme").await;
    app.install("healthy", "1.0.0", true).await;
    for text in ["a", "b", "c"] {
        analyze(&acme, &text.repeat(690_000)).await;
    }
    assert_eq!(status(&app).await["scorer"]["inputs"], 3);
    analyze(&acme, "d").await;
    assert_eq!(status(&app).await["scorer"]["inputs"], 4, "there is room for a small one");
    analyze(&acme, &"e".repeat(690_000)).await;
    let kept = texts(&page(&app, World::Scorer, None, 10).await);
    assert_eq!(kept.iter().map(|text| &text[..1]).collect::<Vec<_>>(), ["e", "d", "c", "b"]);
    assert!(status(&app).await["scorer"]["bytes"].as_i64().is_some_and(|bytes| bytes <= 2_097_152));
}

#[tokio::test]
async fn a_message_of_more_than_a_mebibyte_is_counted_and_not_recorded() {
    let app = TestApp::with(&[FULL]).await;
    let acme = app.customer("acme").await;
    app.install("healthy", "1.0.0", true).await;
    // Names, quotes and the other parts take less than 1,000 bytes.
    analyze(&acme, &"x".repeat(1_048_576 - 1_000)).await;
    analyze(&acme, &"x".repeat(1_048_577)).await;
    // As JSON each of these has six.
    analyze(&acme, &"\u{1}".repeat(200_000)).await;
    let status = status(&app).await;
    assert_eq!((&status["scorer"]["inputs"], &status["since_start"]["too_large"]), (&1.into(), &2.into()));
}

#[tokio::test]
async fn a_recording_goes_after_its_days_and_not_before() {
    let app = TestApp::with(&[FULL, ("PILLARBOX_RECORD_KEEP_DAYS", "2")]).await;
    let acme = app.customer("acme").await;
    analyze(&acme, "old").await;
    recorder::store_waiting(&app.app).await;
    app.pass(DAY_MS);
    analyze(&acme, "new").await;
    recorder::store_waiting(&app.app).await;
    app.pass(DAY_MS);
    recorder::remove_old(&app.app).await.expect("the store answers");
    assert_eq!(status(&app).await["scorer"]["inputs"], 2, "exactly two days old");
    app.pass(1);
    recorder::remove_old(&app.app).await.expect("the store answers");
    assert_eq!(texts(&page(&app, World::Scorer, None, 10).await), ["new"]);
}

/// Every byte that the data directory holds.
fn on_disk(app: &TestApp) -> Vec<u8> {
    let files = std::fs::read_dir(app.data_dir()).expect("the directory is read");
    let databases = files.map(|entry| entry.expect("it is read").path()).filter(|path| {
        path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(pillarbox::store::DATABASE_FILE))
    });
    databases.flat_map(|path| std::fs::read(path).expect("it is read")).collect()
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[tokio::test]
async fn the_database_file_tells_nothing_of_an_encrypted_recording_and_no_person_of_a_redacted_one() {
    for protection in ["encrypted", "redacted"] {
        let app = TestApp::with(&[FULL, ("PILLARBOX_RECORD_PROTECTION", protection)]).await;
        let acme = app.customer("acme").await;
        let text =
            "Dear Wilhelmina, your card 4111111111111111 paid for an extraordinary umbrella. wilma.k@example.com";
        let body = json!({ "to": "Wilhelmina Krause <wilma.k@example.com>", "subject": "Order", "text": text });
        assert_eq!(acme.post(ANALYZE, body).await.status, 200);
        let status = status(&app).await;
        assert_eq!((&status["scorer"]["inputs"], &status["scorer"][protection]), (&1.into(), &1.into()));
        let bytes = on_disk(&app);
        for secret in ["Wilhelmina", "4111111111111111", "wilma.k"] {
            assert!(!holds(&bytes, secret), "{secret} is on disk, {protection}");
        }
        assert_eq!(holds(&bytes, "extraordinary umbrella"), protection == "redacted");
        assert_eq!(holds(&bytes, "xxxxx.x@example.com"), protection == "redacted");
        let page = page(&app, World::Scorer, None, 1).await;
        let read = texts(&page).remove(0);
        assert_eq!(read.len(), text.len(), "nothing moves");
        assert_eq!(read == text, protection == "encrypted");
    }
}

#[tokio::test]
async fn a_page_holds_so_many_and_so_much_and_the_next_goes_on_where_it_ended() {
    let app = TestApp::with(&[FULL]).await;
    let acme = app.customer("acme").await;
    app.install("healthy", "1.0.0", true).await;
    for number in 0..5 {
        analyze(&acme, &number.to_string()).await;
    }
    let (mut before, mut seen) = (None, Vec::new());
    loop {
        let page = page(&app, World::Scorer, before, 2).await;
        seen.push(texts(&page));
        match page["next"].as_str() {
            Some(next) => before = Some(next.parse().expect("it is an id")),
            None => break,
        }
    }
    assert_eq!(seen, [vec!["4", "3"], vec!["2", "1"], vec!["0"]]);

    app.command(Command::RecordingsClear).await;
    let large = 1_000_000;
    let fit = usize::try_from(BYTES_MAX).expect("it fits") / large;
    for _ in 0..=fit {
        analyze(&acme, &"x".repeat(large)).await;
        recorder::store_waiting(&app.app).await;
    }
    let first = page(&app, World::Scorer, None, ROWS_MAX).await;
    assert_eq!(first["inputs"].as_array().map(Vec::len), Some(fit));
    let next = first["next"].as_str().expect("one more follows").parse().expect("it is an id");
    assert_eq!(texts(&page(&app, World::Scorer, Some(next), ROWS_MAX).await).len(), 1);
}

#[tokio::test]
async fn no_page_has_more_rows_than_one_may_have_whatever_is_asked_for() {
    let app = TestApp::with(&[FULL]).await;
    let acme = app.customer("acme").await;
    app.install("healthy", "1.0.0", true).await;
    for number in 0..=ROWS_MAX {
        analyze(&acme, &number.to_string()).await;
    }
    let first = page(&app, World::Scorer, None, 1_000_000).await;
    assert_eq!(first["inputs"].as_array().map(Vec::len), usize::try_from(ROWS_MAX).ok());
    assert!(first["next"].is_string());
}

#[tokio::test]
async fn recordings_are_removed_when_the_operator_says_so() {
    let app = TestApp::with(&[FULL]).await;
    let acme = app.customer("acme").await;
    analyze(&acme, "kept").await;
    recorder::store_waiting(&app.app).await;
    analyze(&acme, "waiting").await;
    app.command(Command::RecordingsClear).await;
    let status = status(&app).await;
    assert_eq!(status["scorer"]["inputs"], 0, "neither what was kept nor what was waiting");
    assert_eq!(status["settings"]["record_scoring"], "full");
    let words: Vec<_> = status.as_object().expect("an object").keys().map(String::as_str).collect();
    assert_eq!(words, ["scorer", "normalizer", "since_start", "settings"]);
}

#[tokio::test]
async fn a_notification_comes_back_as_the_normalizer_was_given_it() {
    let app = TestApp::start().await;
    let body = "Subject: hello\r\n\r\nno report\r\n";
    let request = http::Request::post("/webhooks/bounce")
        .header("content-type", "message/rfc822")
        .header("user-agent", "postfix")
        .header("x-webhook-secret", "hunter2")
        .body(bytes::Bytes::from(body).into());
    app.request(request.expect("it is a request")).await;
    let page = page(&app, World::Normalizer, None, 10).await;
    let expected = json!({ "content_type": "message/rfc822",
        "headers": [["content-type", "message/rfc822"], ["user-agent", "postfix"]],
        "body": BASE64.encode(body), "received_at": crate::harness::BEGINNING, "attributes": [["endpoint", "bounce"]] });
    assert_eq!(page["inputs"][0]["content"]["Ok"]["request"], expected, "{page}");
    assert_eq!(page["inputs"][0]["plugin"], "pillarbox-normalizer@0.1.0");
}
