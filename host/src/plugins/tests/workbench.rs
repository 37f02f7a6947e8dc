//! The workbench: no call depends on the ones before, and in an engine with fuel a call costs the same each time.

use std::path::Path;
use std::sync::Arc;

use crate::plugins::breaker::FAILURES_MAX;
use crate::plugins::error::Fault;
use crate::plugins::limits::Limits;
use crate::plugins::normalizer::Request;
use crate::plugins::scorer::Message;
use crate::plugins::{Loaded, Plugins, Workbench};

use super::{HOST_KEY, guest, limits, message};

/// Runs of each built-in plugin.
const RUNS: usize = 1_000;

async fn admit(bench: &Workbench, bytes: Vec<u8>) -> Arc<Loaded> {
    bench.admit(bytes).await.expect("it is admitted")
}

fn built(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("plugins/dist").join(name)).expect("it is built")
}

#[tokio::test]
async fn a_plugin_that_fails_again_and_again_is_called_each_time() {
    let bench = Workbench::start(limits()).unwrap();
    let trapping = admit(&bench, guest("trapping")).await;
    for _ in 0..3 * FAILURES_MAX {
        let tried = bench.score(&trapping, message(), Vec::new());
        assert_eq!((tried.result.unwrap_err().kind(), tried.fuel), ("trapped", None));
    }
    let healthy = admit(&bench, guest("healthy")).await;
    let tried = bench.score(&healthy, message(), Vec::new());
    assert_eq!(tried.result.map(|verdict| verdict.spam_score), Ok(1.5));
    assert_eq!(tried.memory_bytes, 65_536);
}

#[tokio::test]
async fn an_endless_call_ends_with_its_time_or_its_fuel_and_is_named_alike() {
    for bench in [Workbench::start(limits()).unwrap(), Workbench::start_metered(limits()).unwrap()] {
        let endless = admit(&bench, guest("endless")).await;
        let tried = bench.score(&endless, message(), Vec::new());
        assert_eq!(tried.result, Err(Fault::OutOfCpu { cpu_ms: 30 }));
    }
}

#[tokio::test]
async fn an_input_of_the_limit_is_tried_and_one_byte_more_is_not() {
    let bench = Workbench::start(Limits { input_bytes_max: 5, ..limits() }).unwrap();
    let healthy = admit(&bench, guest("healthy")).await;
    let with_text = |text: &str| Message { text: Some(text.into()), ..Message::default() };
    assert!(bench.score(&healthy, with_text("Hello"), Vec::new()).result.is_ok());
    let beyond = bench.score(&healthy, with_text("Hello!"), Vec::new()).result;
    assert_eq!(beyond, Err(Fault::TooLargeInput { bytes: 6, bytes_max: 5 }));
}

#[tokio::test]
async fn a_thousand_times_the_same_message_gives_the_same_verdict_for_the_same_fuel() {
    let bench = Workbench::start_metered(limits()).unwrap();
    let scorer = admit(&bench, built("scorer.wasm")).await;
    let html = "<p>You WIN! <a href=\"http://192.0.2.1/x\">https://bank.example.com</a></p>".repeat(8);
    let message = Message { html: Some(html), ..message() };
    let run = || {
        let tried = bench.score(&scorer, message.clone(), Vec::new());
        (tried.result.expect("it is judged"), tried.fuel.expect("it is counted"))
    };
    let first = run();
    assert!(first.1 > 100_000 && !first.0.findings.is_empty(), "{first:?}");
    for number in 1..RUNS {
        assert_eq!(run(), first, "run {number}");
    }
}

#[tokio::test]
async fn a_thousand_times_the_same_request_gives_the_same_events_for_the_same_fuel() {
    let bench = Workbench::start_metered(limits()).unwrap();
    let normalizer = admit(&bench, built("normalizer.wasm")).await;
    let body = "From: MAILER-DAEMON@mx.example.net\r\nSubject: Undelivered Mail\r\nContent-Type: multipart/report; \
        report-type=delivery-status; boundary=b\r\n\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n\
        Reporting-MTA: dns; mx.example.net\r\n\r\nFinal-Recipient: rfc822; ada@example.org\r\nAction: failed\r\n\
        Status: 5.1.1\r\nDiagnostic-Code: smtp; 550 5.1.1 <ada@example.org>: User unknown\r\n--b--\r\n";
    let request = Request {
        content_type: "message/rfc822".into(),
        headers: Vec::new(),
        body: body.into(),
        received_at: 1_700_000_000_000,
        attributes: Vec::new(),
    };
    let run = || {
        let tried = bench.normalize(&normalizer, request.clone(), Vec::new());
        (tried.result.expect("it answers").expect("it reads it"), tried.fuel.expect("it is counted"))
    };
    let first = run();
    assert_eq!(first.0.events.len(), 1);
    for number in 1..RUNS {
        assert_eq!(run(), first, "run {number}");
    }
}

#[tokio::test]
async fn fuel_tells_apart_what_a_clock_cannot() {
    let bench = Workbench::start_metered(limits()).unwrap();
    let checksum = admit(&bench, guest("checksum")).await;
    // What the guest is handed is aligned, so a step is eight bytes.
    let fuel = |steps: usize| {
        let message = Message { text: Some("x".repeat(8 * steps)), ..message() };
        bench.score(&checksum, message, Vec::new()).fuel.expect("it is counted")
    };
    let (one, two, three) = (fuel(1), fuel(2), fuel(3));
    assert!(one < two, "{one} {two}");
    assert_eq!(two - one, three - two, "each step costs the same");
}

/// Compiled code of one tier must never run in the other: the folder of a host that serves would hold code without
/// fuel under the name of code with it.
#[tokio::test]
async fn engines_that_count_fuel_and_engines_that_serve_have_code_of_their_own() {
    use crate::plugins::cache::engine_hash;
    use crate::plugins::engine::{Meter, engine};
    let hash = |meter| engine_hash(&engine(&limits(), meter).unwrap());
    assert_ne!(hash(Meter::Clock), hash(Meter::Fuel));
    assert_eq!(hash(Meter::Clock), hash(Meter::Clock));

    let folder = tempfile::tempdir().unwrap();
    let files = || std::fs::read_dir(folder.path()).unwrap().count();
    let plugins = Plugins::start(limits(), Some(folder.path().to_owned()), HOST_KEY).unwrap();
    plugins.admit(guest("healthy")).await.unwrap();
    assert_eq!(files(), 1);
    let bench = Workbench::start_metered(limits()).unwrap();
    let healthy = admit(&bench, guest("healthy")).await;
    assert!(bench.score(&healthy, message(), Vec::new()).fuel > Some(0));
    assert_eq!(files(), 1, "a workbench leaves the folder alone");
}
