//! What other nodes change, and what this one cannot follow.

use std::sync::Arc;

use super::*;
use crate::config::Config;
use crate::plugins::World;

fn app() -> (App, tempfile::TempDir) {
    let directory = tempfile::tempdir().expect("a directory is made");
    let data_dir = directory.path().to_str().expect("the path is text").to_owned();
    let variable = |name: &str| (name == "PILLARBOX_DATA_DIR").then(|| data_dir.clone());
    let config = Config::read(&variable, None).expect("the settings are good");
    (App::open(config, Arc::new(|| 1_710_513_000_000)).expect("the application opens"), directory)
}

/// A line that another node has appended, which this one was not told of.
async fn elsewhere(app: &App, make: impl Fn(&mut Deployment)) {
    let head = head(app).await.expect("the log is read");
    let mut deployment = head.deployment.clone();
    make(&mut deployment);
    let entry = Entry { action: "activate", world: None, name: None, from: None, to: None, serves: None };
    let note = Note { by: "another node".into(), why: None };
    let row = log::next(&app.log_key, &head, entry, &note, &deployment, app.now());
    assert!(app.store.append_plugin_log(row, None).await.expect("it is stored"));
}

async fn installed(app: &App, version: &str, component: Vec<u8>) -> PluginId {
    let id = PluginId { name: "pillarbox-rules".into(), version: version.into() };
    let new = NewPlugin {
        name: id.name.clone(),
        version: id.version.clone(),
        world: "scorer",
        wit_version: "1.0.0".into(),
        digest: format!("sha256:{version}"),
        summary: String::new(),
        declaration: "{}".into(),
        component,
        built_in: false,
        installed_at: 0,
        installed_by: "another node".into(),
        signature: None,
        signed_by: None,
    };
    assert!(app.store.install_plugin(new).await.expect("it is installed"));
    id
}

fn serving(app: &App) -> Option<String> {
    app.plugins.active(World::Scorer).map(|loaded| loaded.id.version.clone())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_node_follows_what_was_changed_elsewhere() {
    let (app, _directory) = app();
    start(&app).await.expect("the built-in plugins start");
    let version = app.shelf.built_in()[0].id.version.as_str();
    let text = String::from_utf8_lossy(BUILT_IN[0]).into_owned();
    assert!(text.contains(version), "the number stands in the module as text");
    // The same rules under another version of the same length.
    let other = "9.9.9";
    let mut bytes = BUILT_IN[0].to_vec();
    let places: Vec<_> = bytes.windows(5).enumerate().filter(|(_, part)| *part == version.as_bytes()).collect();
    for at in places.into_iter().map(|(at, _)| at).collect::<Vec<_>>() {
        bytes[at..at + 5].copy_from_slice(other.as_bytes());
    }
    let id = installed(&app, other, bytes).await;
    elsewhere(&app, |deployment| drop(deployment.activate(World::Scorer, &id, 0))).await;
    assert_eq!(serving(&app).as_deref(), Some(version), "it was not told");
    tend(&app).await.expect("the plugins are tended");
    assert_eq!(serving(&app).as_deref(), Some(other));
    let nodes = nodes(&app).await.expect("they are listed");
    assert_eq!((&nodes["nodes"][0]["behind"], &nodes["nodes"][0]["troubles"]), (&json!(0), &json!([])));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_node_that_cannot_load_a_version_says_so_and_stays_on_the_old_one() {
    let (app, _directory) = app();
    start(&app).await.expect("the built-in plugins start");
    let before = serving(&app);
    let id = installed(&app, "9.9.9", b"\0asm and nothing that follows".to_vec()).await;
    elsewhere(&app, |deployment| drop(deployment.activate(World::Scorer, &id, 0))).await;
    tend(&app).await.expect("the plugins are tended");
    assert_eq!(serving(&app), before);
    let nodes = nodes(&app).await.expect("they are listed");
    let trouble = nodes["nodes"][0]["troubles"][0].as_str().expect("a trouble");
    assert!(trouble.starts_with("pillarbox-rules@9.9.9 cannot be loaded: "), "{trouble}");
    // Going back needs nothing of what could not be loaded.
    roll_back(&app, "pillarbox-rules", &Note::itself("it cannot be loaded")).await.expect("it goes back");
    assert_eq!(serving(&app), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn two_who_change_at_once_both_have_their_way() {
    let (app, _directory) = app();
    start(&app).await.expect("the built-in plugins start");
    let head_before = head(&app).await.expect("the log is read");
    let stale = log::next(
        &app.log_key,
        &head_before,
        Entry { action: "activate", world: None, name: None, from: None, to: None, serves: None },
        &Note::default(),
        &head_before.deployment,
        app.now(),
    );
    let set = |rungs: &'static [crate::plugins::deployment::Fallback]| {
        let app = &app;
        async move { set_fallback(app, "pillarbox-rules", rungs, &Note::itself("x")).await }
    };
    set(&[]).await.expect("it is set");
    assert!(!app.store.append_plugin_log(stale, None).await.expect("it is asked"), "its place is taken");
    let verified = verify_log(&app, None).await.expect("the log is intact");
    assert_eq!(verified["lines"], 3);
}
