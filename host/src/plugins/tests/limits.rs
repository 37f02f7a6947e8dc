//! Every limit has a pair of tests: just inside it a guest is served, just outside it is refused, and the limit is
//! named. `every_limit_has_its_pair_of_tests` knows where each pair stands.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use crate::plugins::limits::Limits;
use crate::plugins::scorer::Message;
use crate::plugins::zoo::cases;
use crate::plugins::{Plugins, World, contract};

use super::{admit, fixture, guest, limits, message, start_with, still_serves, with_metadata};

/// Where the pair of each limit stands: the limit, and the test that has both sides.
const PAIRS: &[(&str, &str)] = &[
    ("memory_bytes_max", "memory_just_enough_is_enough_and_a_page_less_is_not"),
    ("table_elements_max", "a_table_of_the_limit_is_given_and_one_element_more_is_not"),
    ("stack_bytes_max", "recursion_that_the_stack_holds_is_served_and_on_a_smaller_one_it_is_not"),
    ("cpu_ms_max", "work_within_the_cpu_time_is_served_and_with_less_time_it_is_not"),
    ("cpu_ms_per_input_mib", "a_large_message_earns_the_time_that_a_small_one_does_not"),
    ("wall_ms_max", "work_within_the_wall_time_is_served_and_with_less_time_it_is_not"),
    ("input_bytes_max", "an_input_of_the_limit_is_taken_and_one_byte_more_is_not"),
    ("output_bytes_max", "an_answer_of_the_limit_is_taken_and_a_larger_one_is_not"),
    ("string_bytes_max", "counts_of_the_limit_are_taken_and_one_more_is_not"),
    ("sentence_bytes_max", "counts_of_the_limit_are_taken_and_one_more_is_not"),
    ("attributes_max", "counts_of_the_limit_are_taken_and_one_more_is_not"),
    ("findings_max", "counts_of_the_limit_are_taken_and_one_more_is_not"),
    ("events_max", "counts_of_the_limit_are_taken_and_one_more_is_not"),
    ("clues_max", "counts_of_the_limit_are_taken_and_one_more_is_not"),
    ("rules_max", "there_are_at_most_as_many_rules_as_the_contract_says"),
    ("formats_max", "there_are_at_most_as_many_formats_as_the_contract_says"),
    ("slots", "as_many_calls_run_as_there_are_slots_and_one_more_is_busy"),
    ("waiting_max", "as_many_calls_wait_as_may_and_one_more_is_busy"),
    ("slow_calls_max", "when_the_slow_lane_is_full_the_next_slow_call_is_busy_and_healthy_ones_are_served"),
    ("component_bytes_max", "a_file_of_the_limit_is_looked_at_and_one_byte_more_is_not"),
    ("component_depth_max", "components_are_so_deep_inside_each_other_and_no_deeper"),
    ("functions_max", "so_many_functions_and_no_more"),
    ("function_bytes_max", "a_function_has_so_many_bytes_and_no_more"),
    ("block_depth_max", "blocks_go_so_deep_and_no_deeper"),
    ("nested_code_bytes_max", "the_work_for_the_compiler_is_bounded_for_all_functions_together"),
    ("admissions_max", "more_files_than_may_wait_are_refused_as_busy"),
    ("describe_cpu_ms_max", "a_description_within_its_time_is_heard_and_with_less_time_it_is_not"),
    ("describe_wall_ms_max", "a_description_within_its_time_is_heard_and_with_less_time_it_is_not"),
];

/// The files in which those tests stand.
const SOURCES: [&str; 5] = [
    include_str!("limits.rs"),
    include_str!("calls.rs"),
    include_str!("admission.rs"),
    include_str!("../declaration.rs"),
    include_str!("../inspect/effort.rs"),
];

#[test]
fn every_limit_has_its_pair_of_tests() {
    // What a value shows of itself names every field, so a new limit has no pair until it stands above.
    let shown = format!("{:?}", Limits::default());
    let fields: BTreeSet<_> = shown.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').collect();
    let fields: BTreeSet<_> = fields.into_iter().filter(|word| word.starts_with(|c: char| c.is_lowercase())).collect();
    let paired: BTreeSet<_> = PAIRS.iter().map(|(limit, _)| *limit).collect();
    assert_eq!(fields, paired);
    for (limit, test) in PAIRS {
        let is_there = SOURCES.iter().any(|source| source.contains(&format!("fn {test}(")));
        assert!(is_there, "{limit}: there is no {test}");
    }
}

/// Time enough on any machine.
fn patient() -> Limits {
    Limits {
        cpu_ms_max: 60_000,
        wall_ms_max: 600_000,
        describe_cpu_ms_max: 60_000,
        describe_wall_ms_max: 600_000,
        ..limits()
    }
}

/// A scorer of this text.
fn scorer(own: &str) -> Vec<u8> {
    let describe = if own.contains("#describe") { String::new() } else { fixture("describe.wat") };
    with_metadata(&format!("(module\n{}\n{describe}\n{own})", fixture("common.wat")), &contract::resolve())
}

/// The outcome of one call under these limits: `served` or the kind of the fault, and what was said.
async fn outcome(limits: Limits, bytes: Vec<u8>, message: Message) -> (&'static str, String) {
    let plugins = start_with(limits);
    let guest = plugins.admit(bytes).await.unwrap_or_else(|refusal| panic!("{refusal} {:?}", refusal.details));
    let failed = match guest.world {
        World::Scorer => plugins.score_with(&guest, message, Vec::new()).await.result.err(),
        World::Normalizer => plugins.normalize_with(&guest, request(), Vec::new()).await.result.err(),
    };
    failed.map_or(("served", String::new()), |error| (error.kind(), error.to_string()))
}

fn request() -> crate::plugins::normalizer::Request {
    crate::plugins::normalizer::Request {
        content_type: "application/json".into(),
        headers: Vec::new(),
        body: b"[]".to_vec(),
        received_at: 0,
        attributes: Vec::new(),
    }
}

/// A guest of the zoo.
fn hostile(name: &str) -> Vec<u8> {
    let case = cases().into_iter().find(|case| case.name == name).unwrap_or_else(|| panic!("no guest {name}"));
    case.bytes(&limits())
}

/// About 40 ms of work on a fast machine, and never less than 10: a guest whose loop goes round so often.
fn working() -> Vec<u8> {
    scorer(&fixture("slow.wat").replace("TURNS", "100000000"))
}

#[tokio::test]
async fn a_table_of_the_limit_is_given_and_one_element_more_is_not() {
    let wanting = |elements: usize| {
        scorer(&format!(
            "(table $t 0 funcref)
            (func (export \"pillarbox:plugin/content-scoring@1.0.0#score\") (param i32) (result i32)
              (if (i32.eq (table.grow $t (ref.null func) (i32.const {elements})) (i32.const -1)) (then unreachable))
              (i32.const 512))"
        ))
    };
    let of = |elements| outcome(Limits { table_elements_max: 300, ..patient() }, wanting(elements), message());
    assert_eq!(of(300).await.0, "served");
    let message = "guest@1.0.0 asked for more than its 300 elements of tables".to_owned();
    assert_eq!(of(301).await, ("out_of_table", message));
}

#[tokio::test]
async fn recursion_that_the_stack_holds_is_served_and_on_a_smaller_one_it_is_not() {
    // 2,000 calls, of which each keeps a number for afterwards: at least 32 bytes each.
    let deep = scorer(
        "(func $deeper (param i32) (result i32)
          (if (result i32) (local.get 0)
            (then (i32.add (local.get 0) (call $deeper (i32.sub (local.get 0) (i32.const 1)))))
            (else (i32.const 0))))
        (func (export \"pillarbox:plugin/content-scoring@1.0.0#score\") (param i32) (result i32)
          (drop (call $deeper (i32.const 2000)))
          (i32.const 512))",
    );
    let of = |kib: usize| outcome(Limits { stack_bytes_max: kib * 1024, ..patient() }, deep.clone(), message());
    assert_eq!(of(512).await.0, "served");
    let said = "guest@1.0.0 used up its 32768 bytes of stack in deeper".to_owned();
    assert_eq!(of(32).await, ("out_of_stack", said));
}

#[tokio::test]
async fn work_within_the_cpu_time_is_served_and_with_less_time_it_is_not() {
    let of = |cpu_ms_max| outcome(Limits { cpu_ms_max, ..patient() }, working(), message());
    assert_eq!(of(60_000).await.0, "served");
    assert_eq!(of(5).await, ("out_of_cpu", "guest@1.0.0 used up its 5 ms of CPU time".into()));
}

#[tokio::test]
async fn a_large_message_earns_the_time_that_a_small_one_does_not() {
    let limits = || Limits { cpu_ms_max: 5, cpu_ms_per_input_mib: 60_000, ..patient() };
    let with_text = |bytes| Message { text: Some("x".repeat(bytes)), ..message() };
    assert_eq!(outcome(limits(), working(), with_text(1_000_000)).await.0, "out_of_cpu");
    assert_eq!(outcome(limits(), working(), with_text(1_048_576)).await.0, "served");
}

#[tokio::test]
async fn work_within_the_wall_time_is_served_and_with_less_time_it_is_not() {
    let of = |wall_ms_max| outcome(Limits { wall_ms_max, ..patient() }, working(), message());
    assert_eq!(of(600_000).await.0, "served");
    assert_eq!(of(5).await, ("out_of_time", "guest@1.0.0 did not answer within 5 ms".into()));
}

#[tokio::test]
async fn an_answer_of_the_limit_is_taken_and_a_larger_one_is_not() {
    // It refuses the message in twenty megabytes, which is an answer too.
    let of = |output_bytes_max| outcome(Limits { output_bytes_max, ..patient() }, guest("giant_string"), message());
    assert_eq!(of(20_000_000).await.0, "refused");
    let said = "guest@1.0.0 gave an answer of more than 19999999 bytes".to_owned();
    assert_eq!(of(19_999_999).await, ("too_large_output", said));
}

#[tokio::test]
async fn counts_of_the_limit_are_taken_and_one_more_is_not() {
    let attribute = scorer(
        "(func (export \"pillarbox:plugin/content-scoring@1.0.0#score\") (param i32) (result i32)
          (drop (memory.grow (i32.const 2)))
          (memory.fill (i32.const 65536) (i32.const 120) (i32.const 70000))
          (i32.store (i32.const 536) (i32.const 2048))
          (i32.store (i32.const 540) (i32.const 1))
          (i32.store (i32.const 2056) (i32.const 65536))
          (i32.store (i32.const 2060) (i32.const 70000))
          (i32.const 512))",
    );
    let few = |change: fn(&mut Limits, usize), count| {
        let mut limits = patient();
        change(&mut limits, count);
        limits
    };
    let rows: [(Vec<u8>, fn(&mut Limits, usize), usize, &str); 6] = [
        (attribute, |limits, count| limits.string_bytes_max = count, 70_000, "70000 bytes of at most 69999"),
        (
            guest("long_sentence"),
            |limits, count| limits.sentence_bytes_max = count,
            5_000,
            "5000 bytes of at most 4999",
        ),
        (
            guest("many_attributes"),
            |limits, count| limits.attributes_max = count,
            65,
            "65 attributes of the verdict, of at most 64",
        ),
        (guest("many_findings"), |limits, count| limits.findings_max = count, 1_001, "1001 findings of at most 1000"),
        (
            hostile("normalizer_many_events"),
            |limits, count| limits.events_max = count,
            10_001,
            "10001 events of at most 10000",
        ),
        (
            hostile("normalizer_many_clues"),
            |limits, count| limits.clues_max = count,
            1_000,
            "1000 clues of at most 999",
        ),
    ];
    for (bytes, change, count, said) in rows {
        assert_eq!(outcome(few(change, count), bytes.clone(), message()).await.0, "served", "{said}");
        let (kind, told) = outcome(few(change, count - 1), bytes, message()).await;
        assert!(kind == "nonsense" && told.contains(said), "{kind}: {told}");
    }
}

#[tokio::test]
async fn a_description_within_its_time_is_heard_and_with_less_time_it_is_not() {
    let slow = scorer(
        "(func (export \"pillarbox:plugin/content-scoring@1.0.0#describe\") (result i32)
          (local $left i32)
          (local.set $left (i32.const 100000000))
          (loop $next
            (local.set $left (i32.sub (local.get $left) (i32.const 1)))
            (br_if $next (local.get $left)))
          (i32.const 256))
        (func (export \"pillarbox:plugin/content-scoring@1.0.0#score\") (param i32) (result i32) (i32.const 512))",
    );
    let of = |limits| {
        let (plugins, slow) = (start_with(limits), slow.clone());
        async move { plugins.admit(slow).await.map(|_| ()).map_err(|refusal| refusal.message) }
    };
    assert_eq!(of(patient()).await, Ok(()));
    let told = "it used up its 5 ms of CPU time, when it was asked to describe itself".to_owned();
    assert_eq!(of(Limits { describe_cpu_ms_max: 5, ..patient() }).await, Err(told));
    let told = "it did not answer within 5 ms, when it was asked to describe itself".to_owned();
    assert_eq!(of(Limits { describe_wall_ms_max: 5, ..patient() }).await, Err(told));
}

/// Calls that never end by themselves, each in a slot. They end when they are dropped.
async fn occupy(plugins: &Arc<Plugins>, slots: usize) -> Vec<tokio::task::JoinHandle<()>> {
    let mut callers = Vec::new();
    for _ in 0..slots {
        let endless = admit(plugins, "endless").await;
        let plugins = plugins.clone();
        callers.push(tokio::spawn(async move {
            drop(plugins.score_with(&endless, message(), Vec::new()).await);
        }));
    }
    // Each has had its first slice and is in the lane.
    tokio::time::sleep(Duration::from_millis(50)).await;
    callers
}

#[tokio::test]
async fn as_many_calls_run_as_there_are_slots_and_one_more_is_busy() {
    let plugins = Arc::new(start_with(Limits { slots: 3, slow_calls_max: 3, waiting_max: 0, ..patient() }));
    let healthy = admit(&plugins, "healthy").await;
    let mut callers = occupy(&plugins, 2).await;
    still_serves(&plugins, &healthy).await;
    callers.extend(occupy(&plugins, 1).await);
    let error = plugins.score_with(&healthy, message(), Vec::new()).await.result.unwrap_err();
    assert_eq!(error.to_string(), "guest@1.0.0 had no turn, because too many calls are under way");
    callers.iter().for_each(tokio::task::JoinHandle::abort);
}

#[tokio::test]
async fn as_many_calls_wait_as_may_and_one_more_is_busy() {
    let plugins = Arc::new(start_with(Limits { slots: 1, slow_calls_max: 1, waiting_max: 2, ..patient() }));
    let healthy = admit(&plugins, "healthy").await;
    let occupied = occupy(&plugins, 1).await;
    let call = || plugins.score_with(&healthy, message(), Vec::new());
    let third = async {
        // The two before it wait by now.
        let refused = call().await.result.unwrap_err();
        occupied[0].abort();
        refused.kind()
    };
    let (first, second, third) = tokio::join!(call(), call(), third);
    assert_eq!([first.result.is_ok(), second.result.is_ok()], [true; 2]);
    assert_eq!(third, "busy");
}
