//! The guests of this bench, from the texts of the tests.

use std::path::Path;

use pillarbox::plugins::scorer::Message;
use wit_component::StringEncoding;
use wit_parser::Resolve;

const HTML_BYTES: usize = 10_000;
const PARAGRAPH: &str = "<p>Dear reader, our <b>autumn catalogue</b> is here. See what is new in the shop, \
    <a href=\"https://shop.example.com/new?utm=mail\">have a look</a>, and tell us what you think.</p>\n";

/// A guest of `tests/fixtures/guests`, with something in its text replaced.
pub fn guest(name: &str, from: &str, to: &str) -> Vec<u8> {
    let text = ["common", "describe", name].map(|name| read(&format!("tests/fixtures/guests/{name}.wat"))).join("\n");
    let mut module = wat::parse_str(format!("(module {})", text.replace(from, to))).expect("the text is well-formed");
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(root().join("wit")).expect("the contract is well-formed");
    let world = resolve.select_world(&[package], Some("scorer")).expect("the contract has a scorer");
    wit_component::embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8)
        .expect("the contract can be encoded");
    module
}

/// The guest that judges without looking.
pub fn minimal() -> Vec<u8> {
    guest("healthy", "", "")
}

pub fn built_in_scorer() -> Vec<u8> {
    std::fs::read(root().join("plugins/dist/scorer.wasm")).expect("the built-in plugins are in plugins/dist")
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).expect("it is part of the repository")
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// 10 KB of html.
pub fn html() -> String {
    PARAGRAPH.repeat(HTML_BYTES / PARAGRAPH.len())
}

pub fn message(html: Option<String>) -> Message {
    Message { subject: Some("News".into()), html, ..Message::default() }
}
