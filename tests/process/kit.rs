//! The authoring kit, with the built-in scorer in the place of an author's plugin: no compiler of guests is needed,
//! and neither is a data directory.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::guests;
use crate::harness::{Done, Home, finish};

const BUILT_IN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/plugins/dist/scorer.wasm");
const NORMALIZER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/plugins/dist/normalizer.wasm");

/// A plugin's file with these files in the folder `fixtures` beside it.
fn beside(home: &Home, plugin: &[u8], fixtures: &[(&str, Value)]) -> PathBuf {
    let file = home.file("plugin.wasm", plugin);
    let folder = file.with_file_name("fixtures");
    fs::create_dir_all(&folder).expect("the folder is made");
    for (name, content) in fixtures {
        fs::write(folder.join(name), content.to_string()).expect("the file is written");
    }
    file
}

fn built_in() -> Vec<u8> {
    fs::read(BUILT_IN).expect("the built-in scorer is there")
}

/// Runs a command of the kit.
fn run(home: &Home, command: &str, words: &[&str]) -> Done {
    home.run(&[&["plugin", command], words].concat())
}

#[track_caller]
fn answer(done: &Done) -> Value {
    serde_json::from_str(&done.out).unwrap_or_else(|error| panic!("{error}: {} {}", done.out, done.err))
}

fn shouting() -> [(&'static str, Value); 2] {
    [
        ("loud.json", json!({ "subject": "Verify your account", "text": "Hello" })),
        (
            "loud.expected.json",
            json!({ "findings": [{ "rule": "WORDING_CREDENTIALS", "location": { "part": "subject" } }] }),
        ),
    ]
}

#[test]
fn fixtures_run_without_a_data_directory_and_say_what_differs() {
    let home = Home::empty();
    let wrong = ("wrong.expected.json", json!({ "spam_score": 99, "rules": ["NO_SUCH_RULE"] }));
    let [input, expected] = shouting();
    let file = beside(&home, &built_in(), &[input, expected, ("wrong.json", json!({ "subject": "Hi" })), wrong]);
    let file = file.to_str().expect("the path is text");

    let done = run(&home, "test", &[file]);
    assert_eq!(done.code, Some(1), "{}", done.err);
    for part in ["ok", "loud", "FAILED", "wrong", "spam_score: expected 99", "NO_SUCH_RULE", "1 passed, 1 failed"] {
        assert!(done.out.contains(part), "{part}: {}", done.out);
    }
    let told = answer(&run(&home, "test", &[file, "--json"]));
    assert_eq!((&told["passed"], &told["failed"]), (&json!(1), &json!(1)));
    assert_eq!(told["fixtures"][0]["name"], "loud");
    assert!(!home.data().exists(), "the kit needs no data directory");
    assert!(home.data().with_file_name("cache").join("pillarbox/compiled").is_dir(), "what was compiled is kept");
}

#[test]
fn what_an_update_writes_is_passed_afterwards_and_what_passed_before_is_left_alone() {
    let home = Home::empty();
    let [input, expected] = shouting();
    let lenient = expected.1.to_string();
    let file =
        beside(&home, &built_in(), &[input, expected, ("new.json", json!({ "subject": "Hi", "html": "<p>Hi" }))]);
    let folder = file.with_file_name("fixtures");
    let file = file.to_str().expect("the path is text");

    let missing = run(&home, "test", &[file]);
    assert_eq!(missing.code, Some(1));
    assert!(missing.out.contains("it has no new.expected.json"), "{}", missing.out);
    let updated = answer(&run(&home, "test", &[file, "--update", "--json"]));
    assert_eq!((&updated["updated"], &updated["failed"]), (&json!(["new"]), &json!(0)));
    assert_eq!(run(&home, "test", &[file]).code, Some(0));
    assert_eq!(fs::read_to_string(folder.join("loud.expected.json")).expect("it is there"), lenient);
    let written: Value = serde_json::from_slice(&fs::read(folder.join("new.expected.json")).expect("it was written"))
        .expect("it is JSON");
    assert!(written["spam_score"].is_number() && written["rules"].is_array(), "{written}");
}

#[test]
fn a_call_that_had_to_be_stopped_is_never_written_down_as_expected() {
    let home = Home::empty();
    let file = beside(&home, &guests::scorer("trapping", "1.0.0"), &[("any.json", json!({ "subject": "Hi" }))]);
    let done = run(&home, "test", &[file.to_str().expect("the path is text"), "--update"]);
    assert_eq!(done.code, Some(1));
    assert!(done.out.contains("FAILED") && done.out.contains("guest@1.0.0 trapped"), "{}", done.out);
    assert!(!file.with_file_name("fixtures").join("any.expected.json").exists());
}

#[test]
fn a_normalizer_is_tried_with_requests_and_mails() {
    let home = Home::empty();
    let plugin = fs::read(NORMALIZER).expect("the built-in normalizer is there");
    let body = json!({ "emailId": "42", "recipientEmail": "ada@example.com", "bounceType": "hard" }).to_string();
    let own = json!({ "content_type": "application/json", "body": body, "endpoint": "bounce" });
    let event = json!({ "kind": "bounce", "bounce_type": "hard", "recipient": "ada@example.com" });
    let fixtures = [
        ("own.json", own),
        ("own.expected.json", json!({ "kinds": ["bounce"], "events": [event] })),
        ("nothing.json", json!({ "content_type": "text/plain", "body": "" })),
        ("nothing.expected.json", json!({ "error": { "kind": "unrecognized" } })),
    ];
    let file = beside(&home, &plugin, &fixtures);
    let mail = "From: MAILER-DAEMON@mx.example.com\nTo: b@example.org\nMIME-Version: 1.0\nContent-Type: multipart/report; \
                report-type=delivery-status; boundary=\"b\"\n\n--b\nContent-Type: message/delivery-status\n\n\
                Reporting-MTA: dns; mx.example.com\n\nFinal-Recipient: rfc822; ada@example.com\nAction: failed\n\
                Status: 5.1.1\n\n--b--\n";
    let folder = file.with_file_name("fixtures");
    fs::write(folder.join("mail.eml"), mail).expect("it is written");
    let expected = json!({ "events": [{ "recipient": "ada@example.com", "enhanced_code": "5.1.1" }] });
    fs::write(folder.join("mail.expected.json"), expected.to_string()).expect("it is written");
    let file = file.to_str().expect("the path is text");
    let told = answer(&run(&home, "test", &[file, "--json"]));
    assert_eq!((&told["passed"], &told["failed"]), (&json!(3), &json!(0)), "{told}");
}

#[test]
fn a_check_calls_the_plugin_and_runs_what_lies_beside_it() {
    let home = Home::empty();
    let [input, expected] = shouting();
    let file = beside(&home, &built_in(), &[input, expected]);
    let path = file.to_str().expect("the path is text");
    let checked = answer(&run(&home, "check", &[path, "--json"]));
    let fields: Vec<_> = checked.as_object().expect("an object").keys().map(String::as_str).collect();
    assert_eq!(fields, ["plugin", "warnings", "timings", "fixtures"]);
    assert_eq!(
        (&checked["plugin"]["name"], &checked["plugin"]["world"]),
        (&"pillarbox-rules".into(), &"scorer".into())
    );
    assert_eq!(checked["timings"].as_array().map(Vec::len), Some(2));
    assert_eq!(checked["fixtures"][0]["passed"], true);

    fs::write(file.with_file_name("fixtures").join("loud.expected.json"), "{\"rules\": []}").expect("it is written");
    let failing = run(&home, "check", &[path]);
    assert_eq!(failing.code, Some(1));
    assert!(failing.out.contains("1 of its fixtures failed") && failing.out.contains("FAILED"), "{}", failing.out);
}

#[test]
fn a_plugin_that_fails_at_an_ordinary_message_is_refused_with_the_reason() {
    let home = Home::empty();
    let refused = |guest: &str, parts: &[&str]| {
        let file = home.file("guest.wasm", guests::scorer(guest, "1.0.0"));
        run(&home, "check", &[file.to_str().expect("the path is text")]).refuses(parts);
    };
    refused("trapping", &["guest@1.0.0 trapped", "ordinary message of 10 KB"]);
    refused("endless", &["used up its 100 ms of CPU time", "10 KB"]);
    refused("greedy_at_once", &["guest@1.0.0"]);
}

#[test]
fn a_setting_that_the_plugin_does_not_declare_fails_the_fixture() {
    let home = Home::empty();
    let fixtures = [
        ("any.json", json!({ "subject": "Hi" })),
        ("any.settings.json", json!({ "colour": "red" })),
        ("any.expected.json", json!({})),
    ];
    let file = beside(&home, &guests::scorer("healthy", "1.0.0"), &fixtures);
    let done = run(&home, "test", &[file.to_str().expect("the path is text")]);
    assert_eq!(done.code, Some(1));
    assert!(done.out.contains("its settings: it takes no settings, so colour means nothing to it"), "{}", done.out);
}

#[test]
fn a_bench_measures_each_input_and_a_built_in_one() {
    let home = Home::empty();
    let [input, expected] = shouting();
    let file = beside(&home, &guests::scorer("healthy", "1.0.0"), &[input, expected]);
    let path = file.to_str().expect("the path is text");
    let measured = answer(&run(&home, "bench", &[path, "--json"]));
    let inputs = measured["inputs"].as_array().expect("a list");
    let names: Vec<_> = inputs.iter().map(|input| input["input"].as_str().expect("a name")).collect();
    assert_eq!(names, ["loud", "built-in 10 KB"]);
    for input in inputs {
        assert!(input["calls"].as_u64() > Some(0) && input["p50_us"].as_u64() <= input["p99_us"].as_u64(), "{input}");
        assert!(input["memory_bytes"].as_u64() >= Some(65_536), "{input}");
    }
    assert!(run(&home, "bench", &[path]).out.contains("P99"));
}

#[test]
fn a_new_project_is_written_once_and_says_what_comes_next() {
    let home = Home::empty();
    let done = run(&home, "new", &["first", "--lang", "c"]);
    assert_eq!((done.code, done.err.as_str()), (Some(0), ""), "{}", done.err);
    let next = [
        "pillarbox plugin build first",
        "pillarbox plugin test first",
        "pillarbox plugin install first/dist/first.wasm",
    ];
    for part in next {
        assert!(done.out.contains(part), "{}", done.out);
    }
    assert!(home.data().with_file_name("first").join("wit/scorer.wit").is_file());
    run(&home, "new", &["first", "--lang", "c"]).refuses(&["first is not empty"]);
    run(&home, "new", &["First", "--lang", "c"]).refuses(&["First", "lower-case letters"]);
    run(&home, "new", &["second", "--lang", "c", "--world", "normalizer"]).refuses(&["no template of a normalizer"]);
    assert!(run(&home, "new", &["gopher", "--lang", "go"]).out.contains("untested"));
    assert_eq!(run(&home, "new", &["second", "--lang", "cobol"]).code, Some(2));
    run(&home, "test", &["first"]).refuses(&["is not built yet", "plugin build first"]);
    run(&home, "build", &["."]).refuses(&["no plugin's project", "plugin new"]);
}

#[test]
fn a_tool_that_is_missing_is_named_with_the_way_to_get_it() {
    let home = Home::empty();
    assert_eq!(run(&home, "new", &["first", "--lang", "c"]).code, Some(0));
    let mut command = home.command(&["plugin", "build", "first"]);
    command.env("PATH", home.data());
    finish(&mut command, b"").refuses(&[
        "`clang` is not installed",
        "apt-get install clang lld",
        "`wasm-ld` is not installed",
    ]);
}

/// The steps of a project may be any program: here they copy a plugin that is built already.
#[test]
fn a_project_is_built_by_its_own_steps_and_admitted() {
    let home = Home::empty();
    assert_eq!(run(&home, "new", &["guest", "--lang", "rust"]).code, Some(0));
    let project = home.data().with_file_name("guest");
    fs::write(project.join("made.wasm"), guests::scorer("healthy", "1.0.0")).expect("it is written");
    let step = |step: &str| {
        let text = "name = \"guest\"\nlang = \"rust\"\nworld = \"scorer\"\nbuilt = \"build/a.wasm\"\n\
                    output = \"dist/guest.wasm\"\n";
        fs::write(project.join("plugin.toml"), format!("{text}[[step]]\nrun = [{step}]\n")).expect("it is written");
    };
    step("\"cp\", \"made.wasm\", \"build/a.wasm\"");
    let built = run(&home, "build", &["guest", "--json"]);
    assert_eq!(built.err, "+ cp made.wasm build/a.wasm\n");
    let plugin = &answer(&built)["plugin"];
    assert_eq!((&plugin["name"], &plugin["file"]), (&"guest".into(), &"guest/dist/guest.wasm".into()));
    let component = fs::read(project.join("dist/guest.wasm")).expect("it is there");
    assert!(component.starts_with(b"\0asm\x0d\0\x01\0"), "a component was made of the core module");

    let fails = |wanted: &str| {
        let done = run(&home, "build", &["guest"]);
        assert_eq!((done.code, done.out.as_str()), (Some(1), ""));
        assert!(done.err.contains(wanted), "{wanted}: {}", done.err);
    };
    step("\"cp\", \"made.wasm\", \"build/b.wasm\"");
    fails("cannot read guest/build/a.wasm");
    step("\"false\"");
    fails("`false` failed");
    step("\"no-such-tool\"");
    fails("`no-such-tool` is not installed");
    step("\"cp\", \"plugin.toml\", \"build/a.wasm\"");
    fails("this is a text, not WebAssembly");
}
