//! Calls: every way to misbehave is contained and named, and the next call is served.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::plugins::breaker::FAILURES_MAX;
use crate::plugins::error::{Fault, PluginError};
use crate::plugins::limits::Limits;
use crate::plugins::scorer::{Location, Message};
use crate::plugins::{Plugins, World};

use super::{admit, limits, message, start, start_with, still_serves};

/// Runs a guest once and tells what came of it.
async fn fault_of(plugins: &Plugins, name: &str) -> Fault {
    let hostile = admit(plugins, name).await;
    let call = plugins.score_with(&hostile, message(), Vec::new()).await;
    assert_eq!(call.plugin.as_ref(), Some(&hostile.id));
    assert_eq!(call.digest.as_ref(), Some(&hostile.digest));
    match call.result.expect_err(name) {
        PluginError::Failed { plugin, fault } if plugin == hostile.id => fault,
        other => panic!("{name}: {other:?}"),
    }
}

#[tokio::test]
async fn every_misbehaviour_is_contained_and_named_and_the_next_call_is_served() {
    let plugins = start();
    let healthy = admit(&plugins, "healthy").await;
    let memory_bytes_max = limits().memory_bytes_max;
    let nonsense = |what: &str| Fault::Nonsense(what.into());
    let trapped = |what: &str| Fault::Trapped(what.into());
    let gave_up = "it gave up (`unreachable`, which is how a panic ends)";
    let expected = [
        ("endless", Fault::OutOfCpu { cpu_ms: 30 }),
        ("greedy_at_once", Fault::OutOfMemory { memory_bytes_max }),
        ("greedy_by_page", Fault::OutOfMemory { memory_bytes_max }),
        ("recursive", Fault::OutOfStack { stack_bytes_max: 512 * 1024, place: " in deeper".into() }),
        ("trapping", trapped(&format!("{gave_up} in panic"))),
        ("dividing", trapped("integer divide by zero")),
        ("many_findings", nonsense("1001 findings of at most 1000")),
        ("giant_list", Fault::TooLargeOutput { bytes_max: 16 * 1024 * 1024 }),
        ("giant_string", Fault::TooLargeOutput { bytes_max: 16 * 1024 * 1024 }),
        ("long_sentence", nonsense("suggestion has 5000 bytes of at most 4096, in a finding of the rule BAD")),
        ("not_utf8", nonsense("a string that is not UTF-8")),
        ("not_a_number", nonsense("the spam score is NaN, not a finite number")),
        ("infinite_points", nonsense("points is inf, not a finite number, in a finding of the rule BAD")),
        ("unknown_rule", nonsense("a finding of the rule \"test\", which it does not have")),
        (
            "beside_the_text",
            nonsense("a location 1000+1 that is outside subject or inside a character, in a finding of the rule BAD"),
        ),
        ("refusing", Fault::Refused("Looks.".into())),
    ];
    for (name, fault) in expected {
        assert_eq!(fault_of(&plugins, name).await, fault, "{name}");
        still_serves(&plugins, &healthy).await;
    }
    for name in ["dangling", "bad_tag"] {
        let fault = fault_of(&plugins, name).await;
        assert!(matches!(fault, Fault::Trapped(_)), "{name}: {fault:?}");
        still_serves(&plugins, &healthy).await;
    }
}

#[tokio::test]
async fn a_guest_that_hears_no_and_does_without_is_served() {
    let plugins = start();
    let content = admit(&plugins, "greedy_and_content").await;
    still_serves(&plugins, &content).await;
}

#[tokio::test]
async fn an_answer_names_who_gave_it_and_what_it_cost() {
    let plugins = start();
    let healthy = admit(&plugins, "healthy").await;
    plugins.activate(&healthy);
    let call = plugins.score(message(), vec![("level".into(), "3".into())]).await;
    assert_eq!(call.plugin, Some(healthy.id.clone()));
    assert_eq!(call.digest, Some(healthy.digest.clone()));
    assert_eq!(call.memory_bytes, 65_536);
    assert!(call.cpu_us <= call.duration_us + 1, "{call:?}");
    let verdict = call.result.unwrap();
    assert_eq!((verdict.spam_score, verdict.findings.len()), (1.5, 0));
}

#[tokio::test]
async fn without_an_active_plugin_the_answer_says_so() {
    let plugins = start();
    let call = plugins.score(message(), Vec::new()).await;
    assert_eq!((call.plugin, call.result), (None, Err(PluginError::NoneActive(World::Scorer))));
    let request = crate::plugins::normalizer::Request {
        content_type: String::new(),
        headers: Vec::new(),
        body: Vec::new(),
        received_at: 0,
        attributes: Vec::new(),
    };
    let call = plugins.normalize(request, Vec::new()).await;
    assert_eq!(call.result, Err(PluginError::NoneActive(World::Normalizer)));
}

#[tokio::test]
async fn the_same_message_gets_the_same_verdict_a_hundred_times() {
    let plugins = start();
    let checksum = admit(&plugins, "checksum").await;
    let first = plugins.score_with(&checksum, message(), Vec::new()).await.result.unwrap();
    for _ in 0..100 {
        let again = plugins.score_with(&checksum, message(), Vec::new()).await.result;
        assert_eq!(again.as_ref(), Ok(&first));
    }
    let other = Message { subject: Some("Grösse".into()), ..message() };
    assert_ne!(plugins.score_with(&checksum, other, Vec::new()).await.result, Ok(first));
}

#[tokio::test]
async fn a_finding_points_into_the_part_it_names() {
    let plugins = start();
    let finding = admit(&plugins, "finding").await;
    let verdict = plugins.score_with(&finding, message(), Vec::new()).await.result.unwrap();
    let place = Location { part: "subject".into(), offset: 0, length: 1, index: 0 };
    assert_eq!(verdict.findings[0].location, Some(place));
    // The same byte is half a character of another subject.
    let umlaut = Message { subject: Some("Übergröße".into()), ..message() };
    let fault = plugins.score_with(&finding, umlaut, Vec::new()).await.result.unwrap_err();
    assert_eq!(fault.kind(), "nonsense");
}

#[tokio::test]
async fn an_input_of_the_limit_is_taken_and_one_byte_more_is_not() {
    let bytes_max = 100_000;
    let plugins = start_with(Limits { input_bytes_max: bytes_max, ..limits() });
    let healthy = admit(&plugins, "healthy").await;
    let with_text = |bytes| Message { text: Some("x".repeat(bytes)), ..Message::default() };
    let at_the_limit = plugins.score_with(&healthy, with_text(bytes_max), Vec::new()).await;
    assert_eq!(at_the_limit.result.map(|verdict| verdict.spam_score), Ok(1.5));
    let beyond = plugins.score_with(&healthy, with_text(bytes_max + 1), Vec::new()).await;
    let fault = Fault::TooLargeInput { bytes: bytes_max + 1, bytes_max };
    assert_eq!(beyond.result, Err(PluginError::Failed { plugin: healthy.id.clone(), fault }));
    let settings = vec![("a".into(), String::new())];
    let beyond = plugins.score_with(&healthy, with_text(bytes_max), settings).await;
    assert_eq!(beyond.result.unwrap_err().kind(), "too_large_input");
}

#[tokio::test]
async fn an_answer_just_inside_each_limit_is_taken() {
    let just_inside = Limits { findings_max: 1_001, sentence_bytes_max: 5_000, ..limits() };
    let plugins = start_with(just_inside);
    for name in ["many_findings", "long_sentence"] {
        let guest = admit(&plugins, name).await;
        let result = plugins.score_with(&guest, message(), Vec::new()).await.result;
        assert!(result.is_ok(), "{name}: {result:?}");
    }
}

#[tokio::test]
async fn memory_just_enough_is_enough_and_a_page_less_is_not() {
    let page = 65_536;
    // `many_findings` has one page and grows by two.
    for (pages, is_enough) in [(3, true), (2, false)] {
        let limits = Limits { memory_bytes_max: pages * page, findings_max: 1_001, ..limits() };
        let plugins = start_with(limits);
        let guest = admit(&plugins, "many_findings").await;
        let call = plugins.score_with(&guest, message(), Vec::new()).await;
        assert_eq!(call.result.is_ok(), is_enough, "{:?}", call.result);
        assert_eq!(call.memory_bytes, if is_enough { 3 * page } else { page });
    }
}

#[tokio::test]
async fn a_plugin_that_keeps_failing_rests_and_comes_back() {
    let plugins = start();
    let hostile = admit(&plugins, "trapping").await;
    for _ in 0..FAILURES_MAX {
        let call = plugins.score_with(&hostile, message(), Vec::new()).await;
        assert_eq!(call.result.unwrap_err().kind(), "trapped");
    }
    let error = plugins.score_with(&hostile, message(), Vec::new()).await.result.unwrap_err();
    assert_eq!(error.kind(), "resting");
    let rest = hostile.rests_for().expect("it rests");
    tokio::time::sleep(rest + Duration::from_millis(5)).await;
    assert_eq!(plugins.score_with(&hostile, message(), Vec::new()).await.result.unwrap_err().kind(), "trapped");
    assert_eq!(plugins.score_with(&hostile, message(), Vec::new()).await.result.unwrap_err().kind(), "resting");
}

#[tokio::test]
async fn a_plugin_that_refuses_inputs_does_not_rest() {
    let plugins = start();
    let refusing = admit(&plugins, "refusing").await;
    for _ in 0..2 * FAILURES_MAX {
        let call = plugins.score_with(&refusing, message(), Vec::new()).await;
        assert_eq!(call.result.unwrap_err().to_string(), "guest@1.0.0 refused the input: Looks.");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn healthy_calls_are_served_beside_two_endless_callers() {
    let plugins = Arc::new(start());
    let healthy = admit(&plugins, "healthy").await;
    let endless_callers: Vec<_> = (0..2)
        .map(|_| {
            let plugins = plugins.clone();
            tokio::spawn(async move {
                // Each has a plugin of its own, so that one's failures do not give the other a rest.
                let endless = admit(&plugins, "endless").await;
                for _ in 0..FAILURES_MAX {
                    let error = plugins.score_with(&endless, message(), Vec::new()).await.result.unwrap_err();
                    assert_eq!(error.kind(), "out_of_cpu");
                }
            })
        })
        .collect();
    while endless_callers.iter().any(|caller| !caller.is_finished()) {
        still_serves(&plugins, &healthy).await;
        tokio::task::yield_now().await;
    }
    for caller in endless_callers {
        caller.await.unwrap();
    }
}

#[tokio::test]
async fn a_short_call_that_meets_a_tick_is_not_taken_for_a_slow_one() {
    // With no lane to go to, a call that had to would be busy.
    let plugins = start_with(Limits { slow_calls_max: 0, ..limits() });
    let healthy = admit(&plugins, "healthy").await;
    let began = Instant::now();
    while began.elapsed() < Duration::from_millis(300) {
        still_serves(&plugins, &healthy).await;
    }
}

#[tokio::test]
async fn a_call_uses_its_cpu_time_and_little_more() {
    let plugins = start();
    let endless = admit(&plugins, "endless").await;
    let call = plugins.score_with(&endless, message(), Vec::new()).await;
    let cpu = Duration::from_micros(call.cpu_us);
    // Ticks come late on a busy machine, and a thread that waits uses nothing; so this bound is a wide one.
    assert!((Duration::from_millis(30)..Duration::from_millis(90)).contains(&cpu), "{cpu:?}");
}

#[tokio::test]
async fn when_the_slow_lane_is_full_the_next_slow_call_is_busy_and_healthy_ones_are_served() {
    let limits = Limits { slow_calls_max: 1, cpu_ms_max: 2_000, wall_ms_max: 300, ..limits() };
    let plugins = Arc::new(start_with(limits));
    let (endless, healthy) = (admit(&plugins, "endless").await, admit(&plugins, "healthy").await);
    let (one, other) = tokio::join!(
        plugins.score_with(&endless, message(), Vec::new()),
        plugins.score_with(&endless, message(), Vec::new()),
    );
    let mut kinds = [one, other].map(|call| call.result.unwrap_err().kind());
    kinds.sort_unstable();
    assert_eq!(kinds, ["busy", "out_of_time"]);
    still_serves(&plugins, &healthy).await;
}

#[tokio::test]
async fn a_caller_who_leaves_takes_a_slow_call_along() {
    let limits = Limits { slow_calls_max: 1, cpu_ms_max: 60_000, wall_ms_max: 60_000, ..limits() };
    let plugins = start_with(limits);
    let endless = admit(&plugins, "endless").await;
    let left = tokio::time::timeout(Duration::from_millis(50), plugins.score_with(&endless, message(), Vec::new()));
    assert!(left.await.is_err());
    // The lane has room again, so this one goes into it instead of being busy.
    let freed = async {
        loop {
            let next = plugins.score_with(&endless, message(), Vec::new());
            if tokio::time::timeout(Duration::from_millis(50), next).await.is_err() {
                return;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), freed).await.expect("the lane has room again");
}
