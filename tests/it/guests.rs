//! Guests of `tests/fixtures/guests` as components, made as their README says.

use std::path::Path;

use wit_component::StringEncoding;
use wit_parser::Resolve;

/// A scorer as a core module with the metadata of the contract, as wit-bindgen would leave it.
pub fn scorer(name: &str, version: &str) -> Vec<u8> {
    let own = fixture(&format!("{name}.wat"));
    let common = fixture("common.wat").replace("\"1.0.0\"", &format!("{version:?}"));
    let describe = if own.contains("#describe") { String::new() } else { fixture("describe.wat") };
    with_metadata(&format!("(module\n{common}\n{describe}\n{own})"), "scorer")
}

/// A normalizer that stands alone in its file.
pub fn normalizer(name: &str) -> Vec<u8> {
    with_metadata(&fixture(&format!("{name}.wat")), "normalizer")
}

/// A normalizer that never says what a notification means.
pub fn endless_normalizer() -> Vec<u8> {
    let text = fixture("trapping_normalizer.wat");
    let end = text.rfind("unreachable").expect("it traps at its end");
    with_metadata(&format!("{}(loop $again (br $again)) {}", &text[..end], &text[end..]), "normalizer")
}

/// A module that stands alone in its file, without metadata.
pub fn alone(name: &str) -> Vec<u8> {
    wat::parse_str(fixture(&format!("{name}.wat"))).unwrap_or_else(|error| panic!("{error}"))
}

fn fixture(name: &str) -> String {
    let path = root().join("tests/fixtures/guests").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn with_metadata(text: &str, world: &str) -> Vec<u8> {
    let mut resolve = Resolve::default();
    resolve.push_dir(root().join("wit")).expect("the contract is read");
    let found = resolve.worlds.iter().find(|(_, candidate)| candidate.name == world);
    let (world, _) = found.expect("the contract has this world");
    let mut module = wat::parse_str(text).unwrap_or_else(|error| panic!("{error}"));
    wit_component::embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8)
        .expect("the metadata is embedded");
    module
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
