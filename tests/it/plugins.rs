//! The life of plugins in a running service: installed, activated, rolled back, there again after a restart

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use pillarbox::control::{Bytes, Command};
use serde_json::{Value, json};

use crate::guests;
use crate::harness::{TestApp, TestCustomer, activate, note, roll_back};

const ANALYZE: &str = "/api/content-scoring/analyze";
const BUILT_IN: &str = "pillarbox-rules@0.1.0";
const SWAPS: usize = 200;

/// Which plugin answers, and with what.
async fn judged(customer: &TestCustomer) -> (String, f64) {
    let answer = customer.post(ANALYZE, json!({ "subject": "Your parcel", "text": "It left the house." })).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let body = answer.json();
    let plugin = &body["plugins"][0];
    let name = format!("{}@{}", plugin["name"].as_str().expect("text"), plugin["version"].as_str().expect("text"));
    (name, body["spam_score"].as_f64().expect("a number"))
}

/// Every installed scorer with its state.
async fn states(app: &TestApp) -> Vec<(String, String)> {
    let list = app.command(Command::PluginList).await;
    let text = |value: &Value| value.as_str().expect("it is text").to_owned();
    let rows = list["plugins"].as_array().expect("a list").iter().filter(|row| row["world"] == "scorer");
    rows.map(|row| (format!("{}@{}", text(&row["name"]), text(&row["version"])), text(&row["state"]))).collect()
}

fn state(plugin: &str, state: &str) -> (String, String) {
    (plugin.to_owned(), state.to_owned())
}

#[tokio::test]
async fn a_plugin_is_installed_then_activated_then_rolled_back() {
    let app = TestApp::start().await;
    let acme = app.customer("acme").await;
    let installed = app.install("healthy", "1.0.0", false).await;
    assert_eq!((&installed["active"], &installed["plugin"]["name"]), (&json!(false), &json!("guest")));
    assert_eq!(judged(&acme).await.0, BUILT_IN, "installing changes nothing yet");
    assert_eq!(states(&app).await, [state("guest@1.0.0", "checked"), state(BUILT_IN, "active")]);

    let activated = app.command(activate("guest", "1.0.0")).await;
    assert_eq!((&activated["active"], &activated["previous"]), (&json!(true), &json!(BUILT_IN)));
    assert_eq!(judged(&acme).await, ("guest@1.0.0".into(), 1.5));
    assert_eq!(states(&app).await, [state("guest@1.0.0", "active"), state(BUILT_IN, "retired")]);
    let rules = acme.get("/api/content-scoring/rules").await.json();
    assert_eq!((rules["rules"].as_array().map(Vec::len), &rules["rules"][0]["id"]), (Some(1), &json!("BAD")));

    let rolled_back = app.command(roll_back("guest")).await;
    assert_eq!(rolled_back["plugin"]["name"], "pillarbox-rules");
    assert_eq!(judged(&acme).await.0, BUILT_IN);
}

#[tokio::test]
async fn rolling_back_goes_back_and_never_forth() {
    let app = TestApp::start().await;
    let acme = app.customer("acme").await;
    app.install("healthy", "1.0.0", true).await;
    app.install("healthy", "1.1.0", true).await;
    app.command(roll_back("guest")).await;
    assert_eq!(judged(&acme).await.0, "guest@1.0.0");
    app.command(roll_back("guest")).await;
    assert_eq!(judged(&acme).await.0, BUILT_IN);
    let told = app.refused_command(roll_back("guest")).await;
    assert!(told.contains("nothing to roll back to") && told.contains("pillarbox plugin list"), "{told}");
    let told = app.refused_command(roll_back("unheard-of")).await;
    assert!(told.contains("unheard-of"), "{told}");
    assert_eq!(judged(&acme).await.0, BUILT_IN);
}

#[tokio::test]
async fn a_name_and_version_stand_for_one_component_for_ever() {
    let app = TestApp::start().await;
    let acme = app.customer("acme").await;
    let first = app.install("healthy", "1.0.0", true).await;
    let again = app.install("healthy", "1.0.0", true).await;
    assert_eq!(first["plugin"]["digest"], again["plugin"]["digest"], "the same bytes are the same plugin");
    let component = Bytes(guests::scorer("finding", "1.0.0"));
    let told = app
        .refused_command(Command::PluginInstall {
            component,
            signature: None,
            activate: true,
            unchecked: false,
            note: note(),
        })
        .await;
    assert!(
        told.contains("guest@1.0.0 is installed already with other bytes") && told.contains("new version"),
        "{told}"
    );
    assert_eq!(judged(&acme).await, ("guest@1.0.0".into(), 1.5), "the one that served goes on");
    assert_eq!(app.install("finding", "1.0.1", true).await["plugin"]["version"], "1.0.1");
}

#[tokio::test]
async fn what_is_not_installed_cannot_serve_and_what_is_no_plugin_cannot_be_installed() {
    let app = TestApp::start().await;
    let acme = app.customer("acme").await;
    let told = app.refused_command(activate("guest", "9.9.9")).await;
    assert!(told.contains("guest@9.9.9 is not installed"), "{told}");
    let hostile = [guests::alone("importing"), guests::scorer("wrong_signature", "1.0.0")];
    for bytes in hostile.into_iter().chain([Vec::new(), b"not wasm".to_vec()]) {
        let told = app
            .refused_command(Command::PluginInstall {
                signature: None,
                component: Bytes(bytes),
                activate: true,
                unchecked: false,
                note: note(),
            })
            .await;
        assert!(!told.is_empty());
    }
    assert_eq!(states(&app).await, [state(BUILT_IN, "active")]);
    assert_eq!(judged(&acme).await.0, BUILT_IN);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_swaps_under_load_fail_no_request_and_no_answer_lies_about_its_version() {
    let app = TestApp::with(&[("PILLARBOX_REQUESTS_PER_MINUTE", "0")]).await;
    let acme = app.customer("acme").await;
    let mut digests = HashMap::new();
    for (guest, version) in [("healthy", "1.0.0"), ("finding", "1.0.1")] {
        let installed = app.install(guest, version, true).await;
        digests.insert(version.to_owned(), installed["plugin"]["digest"].clone());
    }
    let (digests, has_ended) = (Arc::new(digests), Arc::new(AtomicBool::new(false)));
    let calls = Arc::new(AtomicUsize::new(0));
    let callers: Vec<_> = (0..3)
        .map(|_| {
            let (acme, digests) = (acme.clone(), Arc::clone(&digests));
            let (has_ended, calls) = (Arc::clone(&has_ended), Arc::clone(&calls));
            tokio::spawn(async move {
                while !has_ended.load(Ordering::Relaxed) {
                    let answer = acme.post(ANALYZE, json!({ "subject": "Hello", "text": "Hello" })).await;
                    let body = answer.json();
                    let plugin = &body["plugins"][0];
                    let version = plugin["version"].as_str().unwrap_or_else(|| panic!("{answer:?}"));
                    assert_eq!((answer.status.as_u16(), &plugin["error"]), (200, &Value::Null), "{body}");
                    assert_eq!(Some(&plugin["digest"]), digests.get(version), "{body}");
                    // Only the later version finds something.
                    let findings = body["findings"].as_array().expect("a list").len();
                    assert_eq!(findings, usize::from(version == "1.0.1"), "{body}");
                    calls.fetch_add(1, Ordering::Relaxed);
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    for swap in 0..SWAPS {
        let so_far = calls.load(Ordering::Relaxed);
        app.command(activate("guest", ["1.0.0", "1.0.1"][swap % 2])).await;
        while calls.load(Ordering::Relaxed) == so_far {
            tokio::task::yield_now().await;
        }
    }
    has_ended.store(true, Ordering::Relaxed);
    for caller in callers {
        caller.await.expect("no caller saw anything wrong");
    }
    assert_eq!(judged(&acme).await.0, "guest@1.0.1");
}

#[tokio::test]
async fn plugins_of_the_first_contract_run_for_ever() {
    let app = TestApp::start().await;
    let acme = app.customer("acme").await;
    let scorer = include_bytes!("../fixtures/contract-1.0/scorer.wasm").to_vec();
    let normalizer = include_bytes!("../fixtures/contract-1.0/normalizer.wasm").to_vec();
    for component in [scorer, normalizer].map(Bytes) {
        let install =
            Command::PluginInstall { component, signature: None, activate: true, unchecked: false, note: note() };
        let installed = app.command(install).await;
        assert_eq!(installed["plugin"]["wit_version"], "1.0.0");
    }
    assert_eq!(judged(&acme).await, ("guest@1.0.0".into(), 1.5));
    let read = app.command(Command::Normalize {
        content_type: "application/json".into(),
        headers: Vec::new(),
        body: Bytes(b"{}".to_vec()),
    });
    assert_eq!(read.await["ignored"], json!([{ "index": 0, "reason": "Nothing." }]));
}

#[tokio::test]
async fn a_restart_keeps_what_serves() {
    let app = TestApp::start().await;
    let acme = app.customer("acme").await;
    app.install("healthy", "1.0.0", true).await;
    app.install("healthy", "1.1.0", true).await;
    let (app, acme) = app.restart(acme).await;
    assert_eq!(judged(&acme).await, ("guest@1.1.0".into(), 1.5), "the built-in one does not push in");
    app.command(roll_back("guest")).await;
    let (_app, acme) = app.restart(acme).await;
    assert_eq!(judged(&acme).await.0, "guest@1.0.0");
}

#[tokio::test]
async fn a_compiled_file_that_was_tampered_with_is_not_trusted() {
    let app = TestApp::start().await;
    let acme = app.customer("acme").await;
    app.install("healthy", "1.0.0", true).await;
    let folder = app.data_dir().join("compiled");
    let files: Vec<_> =
        fs::read_dir(&folder).expect("it is read").map(|entry| entry.expect("it is read").path()).collect();
    assert!(files.len() >= 3, "{files:?}");
    let mut before = HashMap::new();
    for path in &files {
        let good = fs::read(path).expect("it is read");
        let mut bytes = good.clone();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).expect("it is changed");
        fs::write(path, &bytes).expect("it is written");
        before.insert(path.clone(), (good, bytes));
    }
    let (app, acme) = app.restart(acme).await;
    assert_eq!(judged(&acme).await, ("guest@1.0.0".into(), 1.5));
    let bounce = json!({ "emailId": "018e4277-b940-7000-8000-000000000001" });
    app.notify("/webhooks/bounce", bounce).await.is(200, json!({ "success": true }));
    for (path, (good, tampered)) in before {
        let now = fs::read(&path).expect("it is read");
        assert!(now != tampered, "{} was left as it was", path.display());
        assert_eq!(now.len(), good.len(), "{}", path.display());
    }
}
