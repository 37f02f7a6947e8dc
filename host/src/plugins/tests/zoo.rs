//! The whole zoo, as `pillarbox plugin torture` runs it: each guest is contained, and the next call is served.

use std::collections::HashSet;

use crate::plugins::limits::Limits;
use crate::plugins::zoo::{Report, Torture, cases};

use super::builtin::built;

/// What the issue asks for.
const CASES_MIN: usize = 40;

/// Runs the zoo on a host with these limits, with nothing of the machine's load in the result: waiting has no end.
fn contained_under(limits: Limits) {
    let run = async {
        let torture = Torture::start(limits, &built("scorer.wasm"), &built("normalizer.wasm")).await.unwrap();
        let mut uncontained = Vec::new();
        for case in cases() {
            let report = torture.run(&case).await;
            if !report.contained {
                uncontained.push(report);
            }
        }
        uncontained
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let uncontained: Vec<Report> = runtime.block_on(run);
    assert!(uncontained.is_empty(), "{uncontained:#?}");
}

fn patient() -> Limits {
    Limits { wall_ms_max: 600_000, describe_wall_ms_max: 600_000, ..Limits::default() }
}

#[test]
fn every_guest_of_the_zoo_is_contained_and_named_and_the_next_calls_are_right() {
    contained_under(patient());
}

#[test]
fn a_zoo_has_at_least_forty_guests_each_with_a_name_and_a_sentence_of_its_own() {
    let cases = cases();
    assert!(cases.len() >= CASES_MIN, "{}", cases.len());
    let names: HashSet<_> = cases.iter().map(|case| &case.name).collect();
    assert_eq!(names.len(), cases.len(), "two guests have one name");
    let sentences: HashSet<_> = cases.iter().map(|case| &case.about).collect();
    assert_eq!(sentences.len(), cases.len(), "two guests have one sentence");
    for case in &cases {
        let is_name = case.name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'));
        assert!(is_name && !case.name.is_empty(), "{}", case.name);
        let is_sentence = case.about.ends_with('.') && case.about.starts_with(char::is_uppercase);
        assert!(is_sentence, "{}: {}", case.name, case.about);
    }
}
