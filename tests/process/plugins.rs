//! `pillarbox plugin`: bad files are named for what they are, and versions change without a failed request.

use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;

use crate::guests;
use crate::harness::{Home, Service};

const BUILT_IN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/plugins/dist/scorer.wasm");

#[track_caller]
fn check_refuses(home: &Home, name: &str, content: impl AsRef<[u8]>, parts: &[&str]) {
    let file = home.file(name, content);
    for command in ["check", "install"] {
        home.run(&["plugin".as_ref(), command.as_ref(), file.as_os_str()]).refuses(parts);
    }
}

#[test]
fn a_file_that_is_no_plugin_is_named_for_what_it_is() {
    let home = Home::prepared();
    let good = std::fs::read(BUILT_IN).expect("the built-in scorer is there");
    let importing = wat::parse_str(include_str!("../fixtures/guests/importing_wasi.wat")).expect("it is a component");
    check_refuses(&home, "text.wasm", "nothing but words\n", &["text"]);
    check_refuses(&home, "empty.wasm", "", &["empty"]);
    check_refuses(&home, "zeros.wasm", [0; 4_096], &["4096 zeros"]);
    check_refuses(&home, "truncated.wasm", &good[..good.len() / 2], &["cut off"]);
    check_refuses(&home, "wasi.wasm", importing, &["wasi:clocks/monotonic-clock@0.2.0", "no WASI"]);
    home.run(&["plugin", "check", "missing.wasm"]).refuses(&["missing.wasm", "cannot read"]);
    home.run(&["plugin", "check", "."]).refuses(&["cannot read"]);
    assert_eq!(home.json(&["plugin", "list", "--json"])["plugins"].as_array().map(Vec::len), Some(2));

    let checked = home.json(&["plugin", "check", BUILT_IN, "--json"]);
    assert_eq!(
        (&checked["plugin"]["name"], &checked["plugin"]["world"]),
        (&"pillarbox-rules".into(), &"scorer".into())
    );
}

#[test]
fn the_list_tells_what_serves() {
    let home = Home::prepared();
    let listed = home.json(&["plugin", "list", "--json"]);
    for plugin in listed["plugins"].as_array().expect("a list") {
        let fields: Vec<_> = plugin.as_object().expect("an object").keys().map(String::as_str).collect();
        let expected = [
            "name",
            "version",
            "world",
            "state",
            "wit_version",
            "digest",
            "size",
            "built_in",
            "summary",
            "installed_at",
            "installed_by",
            "signed_by",
            "checked_at",
            "check_failure",
            "served_at",
            "retired_at",
        ];
        assert_eq!(fields, expected);
        assert_eq!((&plugin["state"], &plugin["built_in"]), (&"active".into(), &true.into()));
    }
    assert!(home.run(&["plugin", "list"]).printed().contains("pillarbox-rules"));
    home.run(&["plugin", "activate", "nothing@1.0.0"]).refuses(&["nothing@1.0.0", "not installed"]);
    home.run(&["plugin", "rollback", "pillarbox-rules"]).refuses(&["nothing to roll back to"]);
    assert_eq!(home.run(&["plugin", "activate", "nothing"]).code, Some(2));
}

/// The plugin that judged one message.
fn judge(service: &Service) -> String {
    let answer = service.call("POST", "/api/content-scoring/analyze", br#"{"subject":"Hello","text":"Hello"}"#);
    assert_eq!(answer.status, 200, "{answer:?}");
    let plugin = &answer.json()["plugins"][0];
    assert_eq!(plugin["error"], Value::Null, "{answer:?}");
    format!("{}@{}", plugin["name"].as_str().expect("a name"), plugin["version"].as_str().expect("a version"))
}

#[test]
fn versions_change_while_messages_are_judged_and_none_fails() {
    let home = Home::prepared();
    let service = home.serve(&[]);
    let first = home.file("first.wasm", guests::scorer("healthy", "1.0.0"));
    let second = home.file("second.wasm", guests::scorer("healthy", "1.1.0"));
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let judges: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let mut judged = 0;
                    while !done.load(Ordering::Relaxed) {
                        judge(&service);
                        judged += 1;
                    }
                    judged
                })
            })
            .collect();
        let install = |file: &std::path::Path| {
            let file = file.to_str().expect("the path is text");
            home.json(&["plugin", "install", file, "--activate", "--json"])
        };
        let step = |changed: Value, version: &str, previous: &str| {
            let told = (&changed["plugin"]["version"], &changed["previous"], &changed["active"]);
            assert_eq!(told, (&version.into(), &previous.into(), &true.into()), "{changed}");
        };
        step(install(&first), "1.0.0", "pillarbox-rules@0.1.0");
        assert_eq!(judge(&service), "guest@1.0.0");
        step(install(&second), "1.1.0", "guest@1.0.0");
        assert_eq!(judge(&service), "guest@1.1.0");
        step(home.json(&["plugin", "rollback", "guest", "--json"]), "1.0.0", "guest@1.1.0");
        assert_eq!(judge(&service), "guest@1.0.0");
        step(home.json(&["plugin", "activate", "pillarbox-rules@0.1.0", "--json"]), "0.1.0", "guest@1.0.0");
        assert_eq!(judge(&service), "pillarbox-rules@0.1.0");
        done.store(true, Ordering::Relaxed);
        let messages: usize = judges.into_iter().map(|judge| judge.join().expect("no request failed")).sum();
        assert!(messages > 0);
    });
}

#[test]
fn what_an_operator_activated_serves_after_a_restart_too() {
    let home = Home::prepared();
    let file = home.file("guest.wasm", guests::scorer("healthy", "1.0.0"));
    home.json(&["plugin", "install", file.to_str().expect("the path is text"), "--activate", "--json"]);
    let mut service = home.serve(&[]);
    assert_eq!(judge(&service), "guest@1.0.0");
    service.kill();
    assert_eq!(judge(&home.serve(&[])), "guest@1.0.0");

    let other = home.file("other.wasm", guests::scorer("refusing", "1.0.0"));
    home.run(&["plugin".as_ref(), "install".as_ref(), other.as_os_str()]).refuses(&["guest@1.0.0", "other bytes"]);
}

#[test]
fn the_zoo_is_let_loose_by_a_command_and_programs_read_what_came_of_it() {
    let home = Home::empty();
    let only = ["--only", "endless", "--only", "importing_wasi", "--only", "slow"];
    let told = home.json(&[&["plugin", "torture", "--json"], only.as_slice()].concat());
    let case = |name: &str| {
        let cases = told["cases"].as_array().expect("a list");
        assert_eq!(cases.len(), 3, "{told}");
        cases.iter().find(|case| case["name"] == name).cloned().expect("each that was asked for is there")
    };
    assert_eq!(told.as_object().map(serde_json::Map::len), Some(1), "{told}");
    assert_eq!((&case("endless")["contained"], &case("endless")["stage"]), (&true.into(), &"call".into()));
    assert!(["out_of_cpu", "out_of_time"].contains(&case("endless")["cause"].as_str().expect("a word")), "{told}");
    assert_eq!(case("importing_wasi")["cause"], "has_imports");
    assert_eq!(case("slow")["cause"], "served");
    let printed = home.run(&[&["plugin", "torture"], &only[..2]].concat());
    assert!(printed.printed().contains("1 of 1 guests are contained."), "{}", printed.printed());
    home.run(&["plugin", "torture", "--only", "endles"]).refuses(&["endles", "Similar are endless"]);
}
