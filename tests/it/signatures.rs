//! An installation that takes signed plugins only: what it refuses, what it keeps, and what a removed key comes to

use pillarbox::control::{Bytes, Command};
use pillarbox::plugins::signature::{SigningKey, Subject};
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};

use crate::guests;
use crate::harness::{TestApp, note};

const ANALYZE: &str = "/api/content-scoring/analyze";
const BUILT_IN: &str = "pillarbox-rules";

fn key() -> SigningKey {
    SigningKey::generate().expect("a key is made").0
}

/// A signature for a file under a name and version, whatever the file says of itself.
fn signed(key: &SigningKey, file: &[u8], name: &str, version: &str) -> Vec<u8> {
    let digest = digest(&SHA256, file).as_ref().try_into().expect("SHA-256 has 32 bytes");
    let subject = Subject { digest, name: name.into(), version: version.into(), world: "scorer".into() };
    key.sign(subject).document().into_bytes()
}

async fn start(keys: &[&SigningKey]) -> TestApp {
    let keys: Vec<_> = keys.iter().map(|key| key.public_key().to_string()).collect();
    let settings = [("PILLARBOX_PLUGIN_SIGNATURES", "required"), ("PILLARBOX_PLUGIN_KEYS", &keys.join(","))];
    TestApp::with(&settings).await
}

fn install(file: &[u8], signature: Option<Vec<u8>>) -> Command {
    let component = Bytes(file.to_vec());
    Command::PluginInstall { component, signature: signature.map(Bytes), activate: true, unchecked: true, note: note() }
}

async fn versions(app: &TestApp) -> Vec<Value> {
    let list = app.command(Command::PluginList).await;
    list["plugins"].as_array().expect("a list").iter().filter(|row| row["name"] == "guest").cloned().collect()
}

/// Who judges.
async fn judge(app: &TestApp) -> Value {
    let acme = app.customer("acme").await;
    acme.post(ANALYZE, json!({ "subject": "Hello", "text": "Hello" })).await.json()["plugins"][0]["name"].clone()
}

#[tokio::test]
async fn only_what_a_trusted_key_signed_is_taken_and_who_signed_it_is_kept() {
    let (ours, theirs) = (key(), key());
    let app = start(&[&ours]).await;
    let file = guests::scorer("healthy", "1.0.0");
    let refused = async |signature: Option<Vec<u8>>, code: &str| {
        let told = app.refused_command(install(&file, signature)).await;
        assert!(told.ends_with(&format!("({code})")), "{told}");
    };
    refused(None, "unsigned").await;
    refused(Some(signed(&theirs, &file, "guest", "1.0.0")), "unknown_key").await;
    refused(Some(signed(&ours, b"another file", "guest", "1.0.0")), "wrong_digest").await;
    refused(Some(signed(&ours, &file, "other", "1.0.0")), "other_name").await;
    refused(Some(signed(&ours, &file, "guest", "1.0.1")), "other_version").await;
    refused(Some(b"{}".to_vec()), "malformed_signature").await;
    assert_eq!(versions(&app).await, [Value::Null; 0], "nothing of it was kept");

    app.command(install(&file, Some(signed(&ours, &file, "guest", "1.0.0")))).await;
    let versions = versions(&app).await;
    assert_eq!(
        (&versions[0]["state"], &versions[0]["signed_by"]),
        (&"active".into(), &ours.public_key().key_id().into())
    );
    assert_eq!(judge(&app).await, "guest");
}

#[tokio::test]
async fn a_file_is_not_parsed_before_its_signature_holds() {
    let ours = key();
    let app = start(&[&ours]).await;
    let told = app.refused_command(install(b"no WebAssembly at all", None)).await;
    assert!(told.ends_with("(unsigned)"), "{told}");
    let nonsense = signed(&ours, b"no WebAssembly at all", "guest", "1.0.0");
    let told = app.refused_command(install(b"no WebAssembly at all", Some(nonsense))).await;
    assert!(told.contains("not WebAssembly"), "{told}");
}

#[tokio::test]
async fn a_version_whose_key_was_removed_does_not_serve_after_a_start_and_says_so() {
    let (ours, next) = (key(), key());
    let app = start(&[&ours]).await;
    let file = guests::scorer("healthy", "1.0.0");
    app.command(install(&file, Some(signed(&ours, &file, "guest", "1.0.0")))).await;
    let keys = next.public_key().to_string();
    let app = app.restart_with(&[("PILLARBOX_PLUGIN_SIGNATURES", "required"), ("PILLARBOX_PLUGIN_KEYS", &keys)]).await;
    assert_eq!(judge(&app).await, BUILT_IN, "what comes with the binary needs no signature");
    let nodes = app.command(Command::PluginNodes).await;
    let trouble = nodes["nodes"][0]["troubles"][0].as_str().expect("it says so").to_owned();
    assert!(trouble.contains("guest@1.0.0") && trouble.contains("unknown_key"), "{trouble}");
    let (name, version) = ("guest".to_owned(), "1.0.0".to_owned());
    let again = Command::PluginActivate { name, version, unchecked: true, note: note() };
    assert!(app.refused_command(again).await.contains("unknown_key"));

    // Signed anew with a key that is trusted, the same bytes serve again.
    app.command(install(&file, Some(signed(&next, &file, "guest", "1.0.0")))).await;
    assert_eq!(versions(&app).await[0]["signed_by"], next.public_key().key_id());
}

#[tokio::test]
async fn without_the_policy_a_signature_is_welcome_and_none_is_needed() {
    let ours = key();
    let keys = ours.public_key().to_string();
    let app = TestApp::with(&[("PILLARBOX_PLUGIN_KEYS", &keys)]).await;
    let file = guests::scorer("healthy", "1.0.0");
    app.command(install(&file, None)).await;
    assert_eq!(versions(&app).await[0]["signed_by"], Value::Null);
    app.command(install(&file, Some(signed(&ours, &file, "other", "1.0.0")))).await;
    assert_eq!(versions(&app).await[0]["signed_by"], Value::Null, "it vouches for another name");
    app.command(install(&file, Some(signed(&ours, &file, "guest", "1.0.0")))).await;
    assert_eq!(versions(&app).await[0]["signed_by"], ours.public_key().key_id());
}
