//! `pillarbox plugin replay`, `explain` and `recordings`: what a version would have done, told before it serves.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::guests;
use crate::harness::{Done, Home, Service};

const FULL: (&str, &str) = ("PILLARBOX_RECORD_SCORING", "full");
const SCORER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/plugins/dist/scorer.wasm");
const NORMALIZER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/plugins/dist/normalizer.wasm");
const NOTIFICATIONS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/webhooks");
/// Notifications in the files there.
const NOTIFICATIONS_COUNT: u64 = 770;
const PATIENCE: Duration = Duration::from_secs(30);

/// A guest in a file beside the data directory.
fn guest(home: &Home, name: &str, version: &str) -> String {
    text(&home.file(&format!("{name}-{version}.wasm"), guests::scorer(name, version)))
}

fn text(path: &Path) -> String {
    path.to_str().expect("the path is text").to_owned()
}

fn judge(service: &Service, subject: &str, text: &str) {
    let body = json!({ "subject": subject, "text": text }).to_string();
    let answer = service.call("POST", "/api/content-scoring/analyze", body.as_bytes());
    assert_eq!(answer.status, 200, "{answer:?}");
}

/// Waits until so many messages are recorded.
#[track_caller]
fn recorded(home: &Home, count: u64) -> Value {
    let started = Instant::now();
    loop {
        let status = home.json(&["plugin", "recordings", "--json"]);
        if status["scorer"]["inputs"] == count {
            return status;
        }
        assert!(started.elapsed() < PATIENCE, "{status}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// A home whose active scorer is the harmless guest, with two short and two long messages recorded.
fn with_recordings() -> (Home, Service) {
    let home = Home::prepared();
    home.json(&["plugin", "install", &guest(&home, "healthy", "1.0.0"), "--activate", "--json"]);
    let service = home.serve(&[FULL]);
    for (subject, text) in [("a", "short"), ("b", &*"long ".repeat(900)), ("c", "short"), ("d", &*"long ".repeat(800))]
    {
        judge(&service, subject, text);
    }
    recorded(&home, 4);
    (home, service)
}

/// Runs a replay and gives its exit code and report.
#[track_caller]
fn replay(home: &Home, words: &[&str]) -> (Option<i32>, Value) {
    report(&home.run(&[&["plugin", "replay", "--json"], words].concat()))
}

#[track_caller]
fn report(done: &Done) -> (Option<i32>, Value) {
    let report = serde_json::from_str(&done.out).unwrap_or_else(|error| panic!("{error}: {} {}", done.out, done.err));
    assert_eq!(done.err, "");
    (done.code, report)
}

#[test]
fn a_version_against_itself_differs_in_nothing_with_and_without_the_service() {
    let (home, service) = with_recordings();
    let same = |words: &[&str]| {
        let (code, told) = replay(&home, words);
        assert_eq!(code, Some(0), "{told}");
        assert_eq!((&told["candidate"]["id"], &told["against"]["id"]), (&"guest@1.0.0".into(), &"guest@1.0.0".into()));
        assert_eq!((&told["inputs"]["source"], &told["inputs"]["replayed"]), (&"recordings".into(), &4.into()));
        let (verdicts, scores) = (&told["verdicts"], &told["scores"]);
        assert_eq!((&verdicts["same"], &verdicts["flips"], &scores["different"]), (&4.into(), &0.into(), &0.into()));
        assert_eq!((&told["rules"], &told["outside"], &told["failures"]["new"]), (&json!([]), &json!([]), &0.into()));
        told
    };
    same(&["guest@1.0.0", "--threads", "3"]);
    assert_eq!(service.stop().code(), Some(0));
    let told = same(&["guest@1.0.0", "--against", "guest@1.0.0"]);
    let fields: Vec<_> = told.as_object().expect("an object").keys().map(String::as_str).collect();
    let expected = [
        "report",
        "world",
        "candidate",
        "against",
        "inputs",
        "verdicts",
        "scores",
        "rules",
        "failures",
        "cost",
        "run",
        "thresholds",
        "outside",
    ];
    assert_eq!(fields, expected);
    assert_eq!(told["report"], "pillarbox.plugin-replay.1");
    assert_eq!(told["scores"]["histogram"].as_array().map(Vec::len), Some(13));
    assert_eq!(told["cost"]["candidate"]["memory_bytes_max"], 65_536);
}

#[test]
fn a_worse_candidate_is_caught_with_the_messages_that_it_would_have_rejected() {
    let (home, _service) = with_recordings();
    let strict = guest(&home, "strict", "2.0.0");
    let (code, told) = replay(&home, &[&strict]);
    assert_eq!(code, Some(2));
    let verdicts = &told["verdicts"];
    assert_eq!((&verdicts["flips"], &verdicts["flips_percent"]), (&2.into(), &json!(50.0)));
    let [direction] = verdicts["directions"].as_array().expect("a list").as_slice() else { panic!("{verdicts}") };
    assert_eq!(
        (&direction["from"], &direction["to"], &direction["count"]),
        (&"pass".into(), &"reject".into(), &2.into())
    );
    let newest_first = home.json(&["plugin", "replay", "--json", "guest@1.0.0", "--last", "1"]);
    assert_eq!(newest_first["inputs"]["replayed"], 1);
    for example in direction["examples"].as_array().expect("a list") {
        assert_eq!((&example["before"], &example["after"]), (&json!(1.5), &json!(6.5)));
        let rules = (&example["gained"], &example["lost"], &example["reweighted"]);
        assert_eq!(rules, (&json!(["BAD"]), &json!([]), &json!([])));
    }
    let rule = &told["rules"][0];
    let hits = (&rule["rule"], &rule["hits_before"], &rule["hits_after"], &rule["points_after"]);
    assert_eq!(hits, (&"BAD".into(), &0.into(), &2.into(), &json!(10.0)));
    assert!(told["outside"][0].as_str().is_some_and(|sentence| sentence.contains("--max-flips")), "{told}");
    // Of the two newest, the last is long.
    let (_, told) = replay(&home, &[&strict, "--last", "2"]);
    assert_eq!((&told["inputs"]["replayed"], &told["verdicts"]["flips"]), (&2.into(), &1.into()));

    let done = home.run(&["plugin", "replay", &strict, "--examples", "1"]);
    assert_eq!(done.code, Some(2), "{}", done.err);
    for part in ["2 of 4 verdicts flip (50.0 %)", "pass → reject: 2", "+BAD", "0 → 2", "Outside the thresholds"] {
        assert!(done.out.contains(part), "{part} is not in {}", done.out);
    }
    assert_eq!(done.out.matches("+BAD").count(), 1, "one example was asked for");
    assert!(!done.out.contains("long long"), "a report shows no content");
    let widest = done.out.lines().map(|line| line.chars().count()).max();
    assert!(widest <= Some(100), "{widest:?} columns: {}", done.out);
}

#[test]
fn the_exit_code_follows_the_thresholds_on_both_sides() {
    let (home, _service) = with_recordings();
    let strict = guest(&home, "strict", "2.0.0");
    let code = |words: &[&str]| replay(&home, &[&[strict.as_str()], words].concat()).0;
    assert_eq!(code(&["--max-flips", "50"]), Some(0));
    assert_eq!(code(&["--max-flips", "49.9"]), Some(2));
    assert_eq!(code(&["--max-flips", "50", "--max-difference", "5"]), Some(0));
    assert_eq!(code(&["--max-flips", "50", "--max-difference", "4.99"]), Some(2));
    assert_eq!(code(&["--max-flips", "100", "--since", "1h"]), Some(0));
    home.run(&["plugin", "replay", &strict, "--since", "2999-01-01T00:00:00Z"]).refuses(&["no judged message"]);
    home.run(&["plugin", "recordings", "--clear"]);
    home.run(&["plugin", "replay", &strict]).refuses(&["no judged message", "record_scoring"]);
}

#[test]
fn both_versions_get_what_the_operator_set_for_the_one_that_serves() {
    let (home, service) = with_recordings();
    home.json(&["plugin", "install", &guest(&home, "configured", "2.0.0"), "--activate", "--json"]);
    let candidate = guest(&home, "healthy", "3.0.0");
    let words = [&*candidate, "--against", "guest@2.0.0", "--max-flips", "100", "--max-difference", "5"];
    assert_eq!(replay(&home, &words).0, Some(0), "2 points are the default");
    home.json(&["plugin", "settings", "guest", "points=9", "--json"]);
    assert_eq!(replay(&home, &words).0, Some(2), "9 points are what was set");
    let itself = [&*guest(&home, "configured", "2.1.0"), "--against", "guest@2.0.0", "--max-difference", "0"];
    assert_eq!(replay(&home, &itself).0, Some(0), "the candidate gets them too");
    drop(service);
}

#[test]
fn a_candidate_that_traps_is_outside_whatever_is_allowed_and_the_cause_is_named() {
    let (home, _service) = with_recordings();
    let trapping = guest(&home, "trapping", "2.0.0");
    let (code, told) = replay(&home, &[&trapping, "--max-flips", "100"]);
    assert_eq!((code, &told["failures"]["new"], &told["verdicts"]["compared"]), (Some(2), &4.into(), &0.into()));
    let failed = &told["failures"]["candidate"][0];
    assert_eq!((&failed["kind"], &failed["count"]), (&"trapped".into(), &4.into()));
    assert!(failed["example"]["told"].as_str().is_some_and(|told| told.contains("unreachable")), "{failed}");
    let done = home.run(&["plugin", "replay", &trapping]);
    assert!(done.out.contains("no answer for 4 inputs (trapped)"), "{}", done.out);
    // The other way round something was mended, and nothing is wrong.
    let (code, told) = replay(&home, &["guest@1.0.0", "--against", &trapping]);
    assert_eq!((code, &told["failures"]["mended"], &told["failures"]["new"]), (Some(0), &4.into(), &0.into()));
}

#[test]
fn rules_that_change_are_listed_though_no_score_does() {
    let (home, _service) = with_recordings();
    let (code, told) = replay(&home, &[&guest(&home, "finding", "2.0.0"), "--max-difference", "0"]);
    assert_eq!((code, &told["verdicts"]["flips"], &told["scores"]["equal"]), (Some(0), &0.into(), &4.into()));
    let rule = &told["rules"][0];
    let told = (&rule["rule"], &rule["hits_after"], &rule["inputs_gained"], &rule["points_after"]);
    assert_eq!(told, (&"BAD".into(), &4.into(), &4.into(), &json!(4.0)));
}

/// A folder of messages beside the data directory.
fn messages(home: &Home) -> PathBuf {
    let folder = home.data().with_file_name("messages");
    std::fs::create_dir(&folder).expect("a folder is made");
    let message = |subject: &str, text: &str| format!("Subject: {subject}\r\nFrom: a@example.org\r\n\r\n{text}\r\n");
    std::fs::write(folder.join("short.eml"), message("short", "Hello")).expect("it is written");
    std::fs::write(folder.join("long.eml"), message("long", &"long ".repeat(900))).expect("it is written");
    std::fs::write(folder.join("empty.eml"), "").expect("it is written");
    folder
}

#[test]
fn files_alone_need_no_data_directory_and_make_none() {
    let home = Home::empty();
    let folder = text(&messages(&home));
    let (healthy, strict) = (guest(&home, "healthy", "1.0.0"), guest(&home, "strict", "2.0.0"));
    let (code, told) = replay(&home, &[&strict, "--against", &healthy, "--fixtures", &folder]);
    assert_eq!((code, &told["inputs"]["replayed"], &told["inputs"]["skipped"]), (Some(2), &2.into(), &1.into()));
    assert_eq!(told["inputs"]["skipped_examples"][0]["input"], "empty.eml");
    assert_eq!(told["verdicts"]["directions"][0]["examples"][0]["input"], "long.eml");
    assert!(!home.data().exists());
}

#[test]
fn a_normalizer_is_replayed_over_real_notifications() {
    let home = Home::empty();
    let words = ["--against", NORMALIZER, "--fixtures", NOTIFICATIONS];
    let (code, told) = replay(&home, &[&[NORMALIZER], &words[..]].concat());
    assert_eq!((code, &told["inputs"]["replayed"]), (Some(0), &NOTIFICATIONS_COUNT.into()), "{told}");
    let events = &told["events"];
    assert_eq!((&events["compared"], &events["flips"]), (&NOTIFICATIONS_COUNT.into(), &0.into()));
    assert!(events["before"].as_u64().is_some_and(|events| events > 700), "{events}");
    assert!(told.get("verdicts").is_none() && told["changes"].is_null());

    let broken = text(&home.file("broken.wasm", guests::normalizer("trapping_normalizer")));
    let (code, told) = replay(&home, &[&[broken.as_str()], &words[..]].concat());
    assert_eq!((code, &told["failures"]["new"]), (Some(2), &NOTIFICATIONS_COUNT.into()));
    let difference = [&["plugin", "replay", NORMALIZER], &words[..], &["--max-difference", "1"]].concat();
    home.run(&difference).refuses(&["--max-flips"]);
}

#[test]
fn notifications_that_came_in_are_replayed() {
    let home = Home::prepared();
    let service = home.serve(&[]);
    let bounce = json!({ "emailId": "0197a5de-0000-7000-8000-000000000001", "bounceType": "hard" }).to_string();
    let headers = [("Content-Type", "application/json")];
    let answer = service.connect().call("POST", "/webhooks/bounce", &headers, bounce.as_bytes());
    assert_eq!(answer.expect("the service answers").status, 200);
    let (code, told) = replay(&home, &["pillarbox-normalizer@0.1.0"]);
    let events = (&told["events"]["before"], &told["events"]["after"], &told["events"]["same"]);
    assert_eq!((code, events), (Some(0), (&1.into(), &1.into(), &1.into())), "{told}");
}

#[test]
fn a_wrong_wish_is_answered_with_a_sentence() {
    let home = Home::prepared();
    let refused = |words: &[&str], parts: &[&str]| home.run(&[&["plugin", "replay"], words].concat()).refuses(parts);
    refused(&["missing.wasm"], &["missing.wasm", "cannot read"]);
    refused(&["nothing@1.0.0"], &["nothing@1.0.0", "not installed"]);
    refused(&[&text(&home.file("words.wasm", "words"))], &["words.wasm", "text"]);
    refused(&[SCORER, "--against", NORMALIZER], &["pillarbox-normalizer@0.1.0", "one world"]);
    refused(&[SCORER, "--fixtures", "nowhere"], &["nowhere", "cannot read the folder"]);
    let empty = home.data().with_file_name("empty");
    std::fs::create_dir(&empty).expect("a folder is made");
    refused(&[SCORER, "--fixtures", &text(&empty)], &["no .eml file"]);
    refused(&[NORMALIZER, "--fixtures", &text(&empty)], &[".jsonl"]);
    refused(&[SCORER], &["no judged message is recorded"]);
    refused(&[NORMALIZER], &["no notification"]);
    for wrong in [
        &["a-name-without-version"][..],
        &[SCORER, "--last", "0"],
        &[SCORER, "--last", "1", "--since", "1h"],
        &[SCORER, "--last", "1", "--fixtures", "."],
        &[SCORER, "--since", "yesterday"],
        &[SCORER, "--max-flips", "-1"],
        &[SCORER, "--max-difference", "NaN"],
        &[SCORER, "--threads", "0"],
        &[SCORER, "--threads", "257"],
        &[],
    ] {
        let done = home.run(&[&["plugin", "replay"], wrong].concat());
        assert_eq!((done.code, done.out.as_str()), (Some(2), ""), "{wrong:?}: {}", done.err);
    }
}

#[test]
fn what_a_version_costs_more_is_counted_and_counted_the_same_again() {
    let home = Home::empty();
    let folder = text(&messages(&home));
    let (healthy, checksum) = (guest(&home, "healthy", "1.0.0"), guest(&home, "checksum", "2.0.0"));
    let explain = |words: &[&str]| {
        let words = [&["plugin", "explain", "--json", "--fixtures", &folder], words].concat();
        report(&home.run(&words))
    };
    let (code, told) = explain(&[&healthy, &checksum]);
    assert_eq!((code, &told["compared"], &told["dearer"]["count"]), (Some(0), &2.into(), &2.into()));
    let (worst, fuel) = (&told["dearer"]["examples"][0], &told["fuel"]);
    assert_eq!((&worst["input"], &told["dearest"][0]["input"]), (&"long.eml".into(), &"long.eml".into()));
    assert!(fuel["ratio"].as_f64().is_some_and(|ratio| ratio > 2.0), "{fuel}");
    assert_eq!(&explain(&[&healthy, &checksum]).1["fuel"], fuel, "a second run counts the same");

    let (_, same) = explain(&[&checksum, &checksum]);
    assert_eq!((&same["fuel"]["ratio"], &same["fuel"]["growth_percent"]), (&json!(1.0), &json!(0.0)));
    let (_, less) = explain(&[&checksum, &healthy]);
    assert_eq!((&less["cheaper"]["count"], &less["dearer"]["count"]), (&2.into(), &0.into()));
    assert_eq!(explain(&[&healthy, &checksum, "--max-growth", "1"]).0, Some(2));
    assert_eq!(explain(&[&checksum, &healthy, "--max-growth", "0"]).0, Some(0));

    let shown = home.run(&["plugin", "explain", &healthy, &checksum, "--fixtures", &folder]);
    assert!(shown.printed().contains("Of 2 inputs 2 cost more and 0 less."), "{}", shown.out);
    assert!(shown.out.lines().all(|line| line.chars().count() <= 100), "{}", shown.out);
    let trapping = guest(&home, "trapping", "3.0.0");
    home.run(&["plugin", "explain", &healthy, &trapping, "--fixtures", &folder]).refuses(&["both versions answer"]);
}

#[test]
fn recordings_survive_a_kill_whole() {
    let home = Home::prepared();
    let mut service = home.serve(&[FULL]);
    for number in 0..50 {
        judge(&service, &format!("Message {number}"), "Hello");
    }
    service.kill();
    let kept = home.json(&["plugin", "recordings", "--json"])["scorer"]["inputs"].as_u64().expect("a number");
    assert!(kept <= 50, "{kept}");
    if kept > 0 {
        let (code, told) = replay(&home, &["pillarbox-rules@0.1.0"]);
        assert_eq!((code, &told["inputs"]["replayed"], &told["inputs"]["skipped"]), (Some(0), &kept.into(), &0.into()));
    }
    let shown = home.run(&["plugin", "recordings"]);
    assert!(shown.printed().contains("messages for a scorer"), "{}", shown.out);
}
