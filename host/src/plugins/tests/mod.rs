//! The plugin host as its callers use it, with guests that misbehave.

mod admission;
mod builtin;
mod cache;
mod calls;
mod signature;
mod swap;
mod workbench;
mod zoo;

use std::path::Path;
use std::sync::Arc;

use wit_component::StringEncoding;

use super::contract;
use super::error::Refusal;
use super::limits::Limits;
use super::scorer::{Attachment, Mailbox, Message};
use super::{Loaded, Plugins, World};

/// A secret that is none.
const HOST_KEY: [u8; 32] = [7; 32];

/// A host with short patience, so that the tests are quick.
fn limits() -> Limits {
    Limits { cpu_ms_max: 30, describe_cpu_ms_max: 60, slots: 8, slow_calls_max: 4, ..Limits::default() }
}

fn start() -> Plugins {
    start_with(limits())
}

fn start_with(limits: Limits) -> Plugins {
    Plugins::start(limits, None, HOST_KEY).unwrap()
}

fn fixture(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/guests").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A guest as a core module with the metadata of the contract, as wit-bindgen would leave it.
fn guest(name: &str) -> Vec<u8> {
    guest_of_version(name, "1.0.0")
}

fn guest_of_version(name: &str, version: &str) -> Vec<u8> {
    with_metadata(&guest_text(name, version), &contract::resolve())
}

fn guest_text(name: &str, version: &str) -> String {
    let own = fixture(&format!("{name}.wat"));
    let common = fixture("common.wat").replace("\"1.0.0\"", &format!("{version:?}"));
    let describe = if own.contains("#describe") { String::new() } else { fixture("describe.wat") };
    format!("(module\n{common}\n{describe}\n{own})")
}

/// A core module that says it is for the scorer's world of some contract.
fn with_metadata(text: &str, resolve: &wit_parser::Resolve) -> Vec<u8> {
    let mut module = wat::parse_str(text).unwrap();
    let (world, _) = resolve.worlds.iter().find(|(_, world)| world.name == "scorer").unwrap();
    wit_component::embed_component_metadata(&mut module, resolve, world, StringEncoding::UTF8).unwrap();
    module
}

async fn admit(plugins: &Plugins, name: &str) -> Arc<Loaded> {
    plugins.admit(guest(name)).await.unwrap_or_else(|refusal| panic!("{name}: {refusal} {:?}", refusal.details))
}

async fn refusal(plugins: &Plugins, bytes: Vec<u8>) -> Refusal {
    plugins.admit(bytes).await.expect_err("it is refused")
}

/// A message with something in every part.
fn message() -> Message {
    let ada = Mailbox { name: "Ada".into(), email: "ada@example.com".into() };
    Message {
        from: Some(ada.clone()),
        reply_to: None,
        to: vec![ada],
        subject: Some("Größe".into()),
        html: Some("<p>Hello</p>".into()),
        text: Some("Hello".into()),
        headers: vec![("List-Id".into(), "news".into())],
        attachments: vec![Attachment {
            filename: "a.pdf".into(),
            content_type: "application/pdf".into(),
            size: 3,
            head: b"%PD".to_vec(),
            inline: false,
            attributes: Vec::new(),
        }],
        attributes: Vec::new(),
    }
}

/// The host still serves: a well-behaved plugin judges a message.
#[track_caller]
fn still_serves(plugins: &Plugins, healthy: &Arc<Loaded>) -> impl Future<Output = ()> {
    let at = std::panic::Location::caller();
    async move {
        let call = plugins.score_with(healthy, message(), Vec::new()).await;
        assert_eq!(call.result.map(|verdict| verdict.spam_score), Ok(1.5), "{at}");
    }
}

#[test]
fn a_world_has_one_word_and_is_found_by_it() {
    for world in World::ALL {
        assert_eq!(World::parse(world.as_str()), Some(world));
    }
    assert_eq!(World::parse("Scorer"), None);
}
