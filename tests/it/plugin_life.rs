//! From installed to retired: what is tried is watched, and what fails is stopped or taken back by itself

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use pillarbox::control::{Bytes, Command};
use pillarbox::plugins::World;
use pillarbox::plugins::deployment::{Bounds, CandidateStage, Fallback, LimitOverrides};
use pillarbox::registry;
use serde_json::{Value, json};

use crate::guests;
use crate::harness::{TestApp, TestCustomer, activate, note, roll_back};

const ANALYZE: &str = "/api/content-scoring/analyze";
const SHADOW: CandidateStage = CandidateStage::Shadow;

async fn analyzed(customer: &TestCustomer, subject: &str) -> Value {
    let answer = customer.post(ANALYZE, json!({ "subject": subject, "text": "It left the house." })).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

/// Points, and who gave them in the end.
async fn judged(customer: &TestCustomer, subject: &str) -> (Value, String) {
    let body = analyzed(customer, subject).await;
    let plugin = body["plugins"].as_array().and_then(|plugins| plugins.last()).expect("somebody answered");
    (body["spam_score"].clone(), plugin["version"].as_str().expect("text").to_owned())
}

async fn try_out(app: &TestApp, version: &str, stage: CandidateStage, bounds: Bounds) -> Value {
    app.command(tried(version, stage, bounds)).await
}

fn tried(version: &str, stage: CandidateStage, bounds: Bounds) -> Command {
    let (name, version) = ("guest".into(), version.into());
    Command::PluginTry { name, version, stage, bounds, unchecked: true, note: note() }
}

fn named(command: fn(String) -> Command) -> Command {
    command("guest".into())
}

fn promote() -> Command {
    named(|name| Command::PluginPromote { name, note: note() })
}

fn stop() -> Command {
    named(|name| Command::PluginStop { name, note: note() })
}

async fn shown(app: &TestApp) -> Value {
    app.command(named(|name| Command::PluginShow { name })).await
}

/// The states of the versions of the guest, newest first.
async fn states(app: &TestApp) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().expect("it is text").to_owned();
    let shown = shown(app).await;
    let versions = shown["versions"].as_array().expect("a list").iter();
    versions.map(|version| (text(&version["version"]), text(&version["state"]))).collect()
}

fn are(states: &[(&str, &str)]) -> Vec<(String, String)> {
    states.iter().map(|(version, state)| ((*version).to_owned(), (*state).to_owned())).collect()
}

/// Waits until the trial has seen what `is_enough` asks for.
async fn seen(app: &TestApp, is_enough: impl Fn(&Value) -> bool) -> Value {
    for _ in 0..2_000 {
        let candidate = shown(app).await["serving"]["candidate"].take();
        if is_enough(&candidate) {
            return candidate;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("the trial did not get there: {}", shown(app).await);
}

async fn log(app: &TestApp) -> Vec<(String, String, String, String)> {
    let log = app.command(Command::PluginLog { limit: 100 }).await;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut lines: Vec<_> = log["log"]
        .as_array()
        .expect("a list")
        .iter()
        .filter(|line| line["name"] == "guest")
        .map(|line| (text(&line["action"]), text(&line["from"]), text(&line["to"]), text(&line["by"])))
        .collect();
    lines.reverse();
    lines
}

fn line(action: &str, from: &str, to: &str, by: &str) -> (String, String, String, String) {
    (action.into(), from.into(), to.into(), by.into())
}

#[tokio::test]
async fn a_version_goes_through_its_whole_life() {
    let app = TestApp::start().await;
    let acme = app.customer("acme").await;
    app.install("healthy", "1.0.0", true).await;
    app.install("noticing", "1.1.0", false).await;
    assert_eq!(states(&app).await, are(&[("1.1.0", "checked"), ("1.0.0", "active")]));

    try_out(&app, "1.1.0", SHADOW, Bounds::default()).await;
    assert_eq!(states(&app).await, are(&[("1.1.0", "shadow"), ("1.0.0", "active")]));
    let body = analyzed(&acme, "Hello").await;
    assert_eq!((&body["findings"], &body["plugins"][0]["version"]), (&json!([]), &json!("1.0.0")), "nobody sees it");
    let candidate = seen(&app, |candidate| candidate["seen"]["compared"] == 1).await;
    let example = &candidate["seen"]["examples"][0];
    assert_eq!((&example["gained"], &example["lost"]), (&json!(["BAD"]), &json!([])));
    assert_eq!(candidate["seen"]["rules"], json!([{ "rule": "BAD", "gained": 1, "lost": 0 }]));

    try_out(&app, "1.1.0", CandidateStage::Canary { percent: 100.0 }, Bounds::default()).await;
    assert_eq!(states(&app).await, are(&[("1.1.0", "canary"), ("1.0.0", "active")]));
    let body = analyzed(&acme, "Hello").await;
    let answered = (&body["plugins"][0]["version"], &body["plugins"][0]["rung"], &body["findings"][0]["rule"]);
    assert_eq!(answered, (&json!("1.1.0"), &json!("canary"), &json!("BAD")));
    seen(&app, |candidate| candidate["seen"]["compared"] == 1).await;

    let promoted = app.command(promote()).await;
    assert_eq!((&promoted["plugin"]["version"], &promoted["previous"]), (&json!("1.1.0"), &json!("guest@1.0.0")));
    assert_eq!(states(&app).await, are(&[("1.1.0", "active"), ("1.0.0", "retired")]));
    assert_eq!(judged(&acme, "Hello").await.1, "1.1.0");
    app.command(roll_back("guest")).await;
    assert_eq!(states(&app).await, are(&[("1.1.0", "retired"), ("1.0.0", "active")]));
    assert_eq!(judged(&acme, "Hello").await.1, "1.0.0");

    let expected = [
        line("activate", "pillarbox-rules@0.1.0", "1.0.0", "grace"),
        line("shadow", "1.0.0", "1.1.0", "grace"),
        line("canary", "1.0.0", "1.1.0", "grace"),
        line("promote", "1.0.0", "1.1.0", "grace"),
        line("rollback", "1.1.0", "1.0.0", "grace"),
    ];
    assert_eq!(log(&app).await, expected);
    let verified = app.command(Command::PluginVerifyLog { noted: None }).await;
    // Two lines are those of the built-in plugins.
    assert_eq!((&verified["lines"], &verified["intact"]), (&json!(expected.len() + 2), &json!(true)));
}

#[tokio::test]
async fn a_canary_answers_always_for_the_same_customers() {
    let app = TestApp::start().await;
    app.install("healthy", "1.0.0", true).await;
    app.install("noticing", "1.1.0", false).await;
    try_out(&app, "1.1.0", CandidateStage::Canary { percent: 50.0 }, Bounds::default()).await;
    let mut canaries = 0;
    for number in 0..16 {
        let customer = app.customer(&format!("customer{number}")).await;
        let version = judged(&customer, "Hello").await.1;
        for subject in ["Hello again", "And once more"] {
            assert_eq!(judged(&customer, subject).await.1, version);
        }
        canaries += usize::from(version == "1.1.0");
    }
    // Which they are is a matter of their random ids; that it is all or none of 16 happens once in 32,768 runs.
    assert!((1..16).contains(&canaries), "{canaries}");
}

#[tokio::test]
async fn a_shadow_that_differs_too_much_is_stopped_and_says_why() {
    let app = TestApp::start().await;
    let acme = app.customer("acme").await;
    app.install("healthy", "1.0.0", true).await;
    app.install("harsh", "1.1.0", false).await;
    try_out(&app, "1.1.0", SHADOW, Bounds { compared_min: 3, ..Bounds::default() }).await;
    for subject in ["One", "Two", "Three"] {
        judged(&acme, subject).await;
    }
    let candidate = seen(&app, |candidate| candidate["stopped"].is_string()).await;
    assert_eq!(candidate["stopped"], "3 of 3 answers come to something else, of at most 5 %");
    assert_eq!(
        (&candidate["seen"]["examples"][0]["before"], &candidate["seen"]["examples"][0]["after"]),
        (&json!(1.5), &json!(6.5))
    );
    registry::tend(&app.app).await.expect("the plugins are tended");
    assert_eq!(states(&app).await, are(&[("1.1.0", "checked"), ("1.0.0", "active")]));
    assert_eq!(log(&app).await.last(), Some(&line("stop", "1.1.0", "", "pillarbox")));
    let why = app.command(Command::PluginLog { limit: 1 }).await;
    assert!(why["log"][0]["why"].as_str().is_some_and(|why| why.contains("3 of 3 answers")), "{why}");
}

#[tokio::test]
async fn a_canary_that_traps_costs_nobody_an_answer_and_is_stopped() {
    let app = TestApp::start().await;
    let acme = app.customer("acme").await;
    app.install("healthy", "1.0.0", true).await;
    app.install("trapping", "1.1.0", false).await;
    assert_eq!(states(&app).await, are(&[("1.1.0", "installed"), ("1.0.0", "active")]), "it did not pass its check");
    let checked = Command::PluginTry {
        name: "guest".into(),
        version: "1.1.0".into(),
        stage: SHADOW,
        bounds: Bounds::default(),
        unchecked: false,
        note: note(),
    };
    let told = app.refused_command(checked).await;
    assert!(told.contains("did not pass its check: given an ordinary message, it trapped"), "{told}");
    try_out(&app, "1.1.0", CandidateStage::Canary { percent: 100.0 }, Bounds::default()).await;
    for subject in ["One", "Two", "Three"] {
        let body = analyzed(&acme, subject).await;
        let plugins = body["plugins"].as_array().expect("a list");
        assert!(plugins[0]["error"].as_str().is_some_and(|error| error.contains("guest@1.1.0 trapped")), "{body}");
        assert_eq!((plugins.len(), &plugins[1]["version"], &body["degraded"]), (2, &json!("1.0.0"), &Value::Null));
    }
    let body = analyzed(&acme, "Four").await;
    assert_eq!(body["plugins"].as_array().map(Vec::len), Some(1), "it is not asked any more: {body}");
    registry::tend(&app.app).await.expect("the plugins are tended");
    assert_eq!(log(&app).await.last(), Some(&line("stop", "1.1.0", "", "pillarbox")));
}

#[tokio::test]
async fn an_active_version_that_fails_in_its_first_minutes_is_taken_back() {
    let app = TestApp::start().await;
    let acme = app.customer("acme").await;
    app.install("healthy", "1.0.0", true).await;
    app.install("trapping", "1.1.0", true).await;
    for number in 0..5 {
        let body = analyzed(&acme, &format!("Hello {number}")).await;
        let last = &body["plugins"][1];
        assert_eq!(
            (&last["version"], &last["rung"], &body["degraded"]),
            (&json!("1.0.0"), &json!("previous"), &json!(true))
        );
    }
    registry::tend(&app.app).await.expect("the plugins are tended");
    assert_eq!(states(&app).await, are(&[("1.1.0", "retired"), ("1.0.0", "active")]));
    assert_eq!(log(&app).await.last(), Some(&line("rollback", "1.1.0", "1.0.0", "pillarbox")));
    assert_eq!(analyzed(&acme, "Hello").await["plugins"].as_array().map(Vec::len), Some(1));
    let told = app.refused_command(Command::PluginActivate {
        name: "guest".into(),
        version: "1.1.0".into(),
        unchecked: false,
        note: note(),
    });
    assert!(told.await.contains("did not pass its check"));
}

#[tokio::test]
async fn another_change_meanwhile_does_not_begin_a_probation_anew() {
    let app = TestApp::start().await;
    let acme = app.customer("acme").await;
    app.install("healthy", "1.0.0", true).await;
    app.install("trapping", "1.1.0", true).await;
    for number in 0..5 {
        analyzed(&acme, &format!("Hello {number}")).await;
        if number == 3 {
            app.set_fallback("guest", &[Fallback::BuiltIn]).await;
        }
    }
    registry::tend(&app.app).await.expect("the plugins are tended");
    assert_eq!(states(&app).await, are(&[("1.1.0", "retired"), ("1.0.0", "active")]));
}

#[tokio::test]
async fn after_its_probation_a_version_is_left_to_its_fallback() {
    let app = TestApp::with(&[("PILLARBOX_PLUGIN_PROBATION_SECS", "60")]).await;
    let acme = app.customer("acme").await;
    app.install("healthy", "1.0.0", true).await;
    app.install("trapping", "1.1.0", true).await;
    app.pass(60_000);
    // Whatever changes makes the table anew, with the time that is left.
    app.set_fallback("guest", &[Fallback::BuiltIn]).await;
    for number in 0..8 {
        let body = analyzed(&acme, &format!("Hello {number}")).await;
        let last = &body["plugins"][1];
        assert_eq!((&last["name"], &last["rung"]), (&json!("pillarbox-rules"), &json!("built_in")), "{body}");
    }
    registry::tend(&app.app).await.expect("the plugins are tended");
    assert_eq!(states(&app).await, are(&[("1.1.0", "active"), ("1.0.0", "retired")]));
}

#[tokio::test]
async fn when_all_fail_a_neutral_answer_is_marked_where_the_operator_wants_one() {
    let app = TestApp::start().await;
    let acme = app.customer("acme").await;
    app.install("trapping", "1.0.0", true).await;
    app.set_fallback("guest", &[Fallback::Neutral]).await;
    let body = analyzed(&acme, "Hello").await;
    assert_eq!((&body["spam_score"], &body["degraded"], &body["verdict"]), (&json!(0.0), &json!(true), &json!("pass")));
    assert_eq!(body["plugins"].as_array().map(Vec::len), Some(1));
    assert!(body["plugins"][0]["error"].is_string(), "{body}");
}

#[tokio::test]
async fn an_input_that_a_version_failed_on_twice_is_not_tried_again() {
    let app = TestApp::start().await;
    let acme = app.customer("acme").await;
    app.install("trapping", "1.0.0", true).await;
    let mut errors = Vec::new();
    for _ in 0..3 {
        let body = analyzed(&acme, "Hello").await;
        assert_eq!(body["plugins"][1]["rung"], "previous", "{body}");
        errors.push(body["plugins"][0]["error"].as_str().expect("an error").to_owned());
    }
    assert!(errors[..2].iter().all(|error| error.contains("trapped")), "{errors:?}");
    assert_eq!(errors[2], "guest@1.0.0 was not asked, because it failed on this input twice");
    assert!(
        analyzed(&acme, "Hello again").await["plugins"][0]["error"].as_str().expect("an error").contains("trapped")
    );
    let tally = shown(&app).await["serving"]["active"]["calls"]["failures"].take();
    assert_eq!((&tally["poisoned"], &tally["trapped"].as_u64().map(|count| count >= 3)), (&json!(1), &Some(true)));
}

#[tokio::test]
async fn several_scorers_add_their_points_by_weight_and_a_customer_can_have_its_own() {
    let app = TestApp::start().await;
    let (acme, rival) = (app.customer("acme").await, app.customer("rival").await);
    app.install("noticing", "1.0.0", false).await;
    let pipeline = |customer: Option<&str>, stages: &[(&str, Option<&str>, f64)]| Command::PluginPipeline {
        world: World::Scorer,
        customer: customer.map(str::to_owned),
        stages: stages
            .iter()
            .map(|(name, version, weight)| ((*name).into(), version.map(Into::into), *weight))
            .collect(),
        note: note(),
    };
    let alone = judged(&rival, "Hello").await.0;
    let told = app.refused_command(pipeline(None, &[("guest", None, 1.0)])).await;
    assert!(told.contains("no version of guest was activated"), "{told}");
    let own = [("pillarbox-rules", None, 1.0), ("guest", Some("1.0.0"), 0.5)];
    let told = app.refused_command(pipeline(Some("nobody@example.org"), &own)).await;
    assert!(told.contains("there is no customer nobody@example.org"), "{told}");
    let listed = app.command(pipeline(Some(&acme.email), &own)).await;
    assert_eq!(
        (&listed["customers"][0]["email"], &listed["customers"][0]["stages"][1]["weight"]),
        (&json!(acme.email), &json!(0.5))
    );

    let body = analyzed(&acme, "Hello").await;
    assert_eq!(body["spam_score"], json!(alone.as_f64().expect("a number") + 0.75));
    let (rules, guest) = (&body["plugins"][0], &body["plugins"][1]);
    assert_eq!((&rules["name"], &rules["weight"]), (&json!("pillarbox-rules"), &Value::Null));
    assert_eq!((&guest["name"], &guest["weight"], &guest["spam_score"]), (&json!("guest"), &json!(0.5), &json!(1.5)));
    let found = body["findings"].as_array().expect("a list").iter().find(|finding| finding["rule"] == "BAD");
    assert_eq!(found.map(|finding| &finding["points"]), Some(&json!(0.5)));
    let rules = acme.get("/api/content-scoring/rules").await.json();
    assert!(rules["rules"].as_array().is_some_and(|rules| rules.iter().any(|rule| rule["plugin"] == "guest@1.0.0")));
    assert_eq!(judged(&rival, "Hello").await.0, alone, "others have what everybody has");

    app.command(Command::PluginPipelineClear { customer: acme.email.clone(), note: note() }).await;
    assert_eq!(judged(&acme, "Hello").await.0, alone);
    let told = app.refused_command(Command::PluginPipelineClear { customer: acme.email.clone(), note: note() }).await;
    assert!(told.contains("no pipeline of its own"), "{told}");
}

#[tokio::test]
async fn a_setting_is_checked_and_handed_over() {
    let app = TestApp::start().await;
    let acme = app.customer("acme").await;
    app.install("configured", "1.0.0", true).await;
    let settings = |set: &[(&str, &str)], unset: &[&str]| Command::PluginSettings {
        name: "guest".into(),
        set: set.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect::<BTreeMap<_, _>>(),
        unset: unset.iter().map(|name| (*name).into()).collect(),
        note: note(),
    };
    assert_eq!(judged(&acme, "Hello").await.0, json!(2.0), "the default");
    let told = app.command(settings(&[("points", "7")], &[])).await;
    assert_eq!((&told["settings"][0]["value"], &told["settings"][0]["is_set"]), (&json!("7"), &json!(true)));
    assert_eq!(judged(&acme, "Hello").await.0, json!(7.0));
    let told = app.refused_command(settings(&[("points", "10")], &[])).await;
    assert_eq!(told, "guest@1.0.0: points is 10; it is at most 9");
    let told = app.refused_command(settings(&[("pints", "1")], &[])).await;
    assert_eq!(told, "guest@1.0.0: it takes no setting pints; it takes points");
    assert_eq!(judged(&acme, "Hello").await.0, json!(7.0));
    app.command(settings(&[], &["points"])).await;
    assert_eq!(judged(&acme, "Hello").await.0, json!(2.0));
}

#[tokio::test]
async fn a_file_of_own_rules_counts_at_once_and_a_wrong_one_is_told_and_changes_nothing() {
    let app = TestApp::start().await;
    let acme = app.customer("acme").await;
    let settings = |set: &[(&str, &str)], unset: &[&str]| Command::PluginSettings {
        name: "pillarbox-rules".into(),
        set: set.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect::<BTreeMap<_, _>>(),
        unset: unset.iter().map(|name| (*name).into()).collect(),
        note: note(),
    };
    let file = "[[rule]]\nid = \"ACME_CODENAME\"\nwhere = \"subject\"\nwords = \"project bluebird\"\npoints = 4.5\n\
        message = \"It is not public.\"\nsuggestion = \"Leave it out.\"\n";
    let found = async || {
        let body = analyzed(&acme, "About Project Bluebird").await;
        let findings = body["findings"].as_array().expect("a list").clone();
        findings.into_iter().find(|finding| finding["category"] == "own")
    };
    assert_eq!(found().await, None);
    app.command(settings(&[("rules", file)], &[])).await;
    let expected = json!({ "rule": "ACME_CODENAME", "category": "own", "severity": "warning", "points": 4.5,
        "message": "It is not public.", "suggestion": "Leave it out.",
        "location": { "part": "subject", "offset": 6, "length": 16 } });
    assert_eq!(found().await.as_ref(), Some(&expected));

    let wrong = file.replace("4.5", "450");
    let told = app.refused_command(settings(&[("rules", &wrong)], &[])).await;
    assert!(told.ends_with(": rules, line 5: points is 450, not from -10 to 10"), "{told}");
    let told = app.refused_command(settings(&[("rules-off", "NO_SUCH")], &[])).await;
    assert!(told.ends_with(": rules-off names NO_SUCH, which is no rule"), "{told}");
    let told = app.refused_command(settings(&[("rules", &"#".repeat(32 * 1024 + 1))], &[])).await;
    assert!(told.ends_with(": rules has 32769 bytes of at most 32768"), "{told}");
    assert_eq!(found().await.as_ref(), Some(&expected), "what was set stays");
    app.command(settings(&[], &["rules"])).await;
    assert_eq!(found().await, None);
}

#[tokio::test]
async fn a_plugin_can_be_bounded_more_tightly_and_never_more_loosely() {
    let app = TestApp::start().await;
    let acme = app.customer("acme").await;
    app.install("healthy", "1.0.0", true).await;
    let limits = |limits| Command::PluginLimits { name: "guest".into(), limits, clear: false, note: note() };
    let input = |bytes| LimitOverrides { input_bytes: Some(bytes), ..LimitOverrides::default() };
    let told = app.refused_command(limits(input(usize::MAX))).await;
    assert!(told.contains("input_bytes is") && told.contains("what the host gives any plugin"), "{told}");
    app.command(limits(input(1_024))).await;
    // The words and some bytes for the lists that go with them.
    let message = |bytes| json!({ "text": "x".repeat(bytes) });
    assert_eq!(acme.post(ANALYZE, message(1_024)).await.status, 200);
    acme.post(ANALYZE, message(1_025)).await.refuses(503, "busy", "No content scoring plugin answered");
    let cleared =
        Command::PluginLimits { name: "guest".into(), limits: LimitOverrides::default(), clear: true, note: note() };
    app.command(cleared).await;
    assert_eq!(acme.post(ANALYZE, message(1_025)).await.status, 200);
}

#[tokio::test]
async fn what_is_tried_or_retired_is_protected_from_mistakes() {
    let app = TestApp::start().await;
    app.install("healthy", "1.0.0", true).await;
    app.install("noticing", "1.1.0", false).await;
    let retire = |version: &str| Command::PluginRetire { name: "guest".into(), version: version.into() };
    assert!(app.refused_command(retire("1.0.0")).await.contains("guest@1.0.0 serves"));
    assert!(app.refused_command(stop()).await.contains("no version of guest is tried"));
    assert!(app.refused_command(promote()).await.contains("no version of guest is tried"));
    try_out(&app, "1.1.0", SHADOW, Bounds::default()).await;
    assert!(app.refused_command(retire("1.1.0")).await.contains("guest@1.1.0 is tried"));
    app.command(stop()).await;
    app.command(retire("1.1.0")).await;
    assert_eq!(states(&app).await, are(&[("1.1.0", "retired"), ("1.0.0", "active")]));
    let again =
        Command::PluginActivate { name: "guest".into(), version: "1.1.0".into(), unchecked: false, note: note() };
    assert!(app.refused_command(again).await.contains("guest@1.1.0 is retired"));
    app.command(activate("guest", "1.1.0")).await;
    assert_eq!(states(&app).await, are(&[("1.1.0", "active"), ("1.0.0", "retired")]));
    assert!(app.refused_command(retire("9.9.9")).await.contains("not installed"));
    assert!(app.refused_command(tried("9.9.9", SHADOW, Bounds::default())).await.contains("not installed"));
}

#[tokio::test]
async fn a_restart_goes_on_with_what_was_tried() {
    let app = TestApp::start().await;
    let acme = app.customer("acme").await;
    app.install("healthy", "1.0.0", true).await;
    app.install("noticing", "1.1.0", false).await;
    try_out(&app, "1.1.0", CandidateStage::Canary { percent: 100.0 }, Bounds::default()).await;
    let (app, acme) = app.restart(acme).await;
    assert_eq!(judged(&acme, "Hello").await.1, "1.1.0");
    let nodes = app.command(Command::PluginNodes).await;
    assert_eq!(nodes["nodes"].as_array().map(Vec::len), Some(1));
    assert_eq!((&nodes["nodes"][0]["behind"], &nodes["nodes"][0]["troubles"]), (&json!(0), &json!([])));
}

#[tokio::test]
async fn a_log_that_was_rewritten_is_not_believed() {
    let app = TestApp::start().await;
    let acme = app.customer("acme").await;
    let why = Some("because the old rules missed the parcel fraud".to_owned());
    let component = Bytes(guests::scorer("healthy", "1.0.0"));
    let note = registry::Note { by: "grace".into(), why };
    app.command(Command::PluginInstall { component, signature: None, activate: true, unchecked: false, note }).await;
    let head = app.command(Command::PluginVerifyLog { noted: None }).await["head"].as_str().expect("text").to_owned();
    app.install("noticing", "1.1.0", true).await;
    app.command(Command::PluginVerifyLog { noted: Some(head) }).await;
    let told = app.refused_command(Command::PluginVerifyLog { noted: Some("00".repeat(32)) }).await;
    assert!(told.contains("cut off"), "{told}");

    // A first restart moves the lines from the write-ahead log, which has sums of its own, into the database.
    let (app, acme) = app.restart(acme).await;
    let database = app.data_dir().join("pillarbox.db");
    let rewrite = move || {
        let bytes = fs::read(&database).expect("it is read");
        fs::write(&database, replaced(&bytes, b"missed the parcel fraud", b"caught the parcel fraud"))
            .expect("it is written");
    };
    let (app, _acme) = app.restart_after(acme, rewrite).await;
    let told = app.refused_command(Command::PluginVerifyLog { noted: None }).await;
    assert!(told.contains("line 3 of the plugin log is not as it was written") && told.contains("by grace"), "{told}");
}

fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let mut bytes = bytes.to_vec();
    let places: Vec<_> =
        bytes.windows(from.len()).enumerate().filter(|(_, part)| *part == from).map(|(at, _)| at).collect();
    assert!(!places.is_empty(), "there is nothing to rewrite");
    for at in places {
        bytes[at..at + to.len()].copy_from_slice(to);
    }
    bytes
}
