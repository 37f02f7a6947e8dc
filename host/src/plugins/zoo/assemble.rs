//! How the text of a guest becomes a file: put beside what all guests have, with the metadata of the contract, as
//! wit-bindgen would leave it.

use std::borrow::Cow;

use wit_component::{ComponentEncoder, StringEncoding};
use wit_parser::{Resolve, SourceMap};

use super::text;
use crate::plugins::contract::{self, WIT};
use crate::plugins::limits::Limits;

/// Turns of the loop of `slow` for each millisecond of CPU time that a call may use. A turn takes about a nanosecond,
/// so it computes for about a fifth of its budget, and for no more than that on a machine five times as slow.
const SLOW_TURNS_PER_MS: u64 = 150_000;

/// How the bytes of a case are made.
pub(super) enum Recipe {
    /// A part of a scorer, beside `common.wat`.
    Scorer(Cow<'static, str>),
    /// A part of a normalizer, beside `common_normalizer.wat`.
    Normalizer(Cow<'static, str>),
    /// A whole normalizer.
    WholeNormalizer(Cow<'static, str>),
    /// A text that stands alone, without metadata.
    Alone(Cow<'static, str>),
    /// Anything else.
    Made(fn() -> Vec<u8>),
}

impl Recipe {
    pub(super) fn bytes(&self, limits: &Limits) -> Vec<u8> {
        match self {
            Recipe::Scorer(own) => scorer(&own.replace("TURNS", &turns(limits).to_string())),
            Recipe::Normalizer(own) => {
                module(&beside(text!("common_normalizer"), own), &contract::resolve(), "normalizer")
            }
            Recipe::WholeNormalizer(text) => module(text, &contract::resolve(), "normalizer"),
            Recipe::Alone(text) => binary(text),
            Recipe::Made(make) => make(),
        }
    }

    /// The sentence with which every text begins.
    pub(super) fn first_line(&self) -> Option<String> {
        match self {
            Recipe::Scorer(text) | Recipe::Normalizer(text) | Recipe::WholeNormalizer(text) | Recipe::Alone(text) => {
                Some(text.lines().next()?.trim_start_matches(";; ").to_owned())
            }
            Recipe::Made(_) => None,
        }
    }
}

fn turns(limits: &Limits) -> u64 {
    limits.cpu_ms_max.saturating_mul(SLOW_TURNS_PER_MS).min(i32::MAX as u64)
}

/// A core module that is a scorer.
pub(super) fn scorer(own: &str) -> Vec<u8> {
    module(&scorer_text(own), &contract::resolve(), "scorer")
}

/// The text of a whole scorer.
pub(super) fn scorer_text(own: &str) -> String {
    let describe = if own.contains("#describe\"") { "" } else { text!("describe") };
    beside(text!("common"), &format!("{describe}\n{own}"))
}

/// A component that is a scorer without fault.
pub(super) fn healthy_component() -> Vec<u8> {
    let encoder = ComponentEncoder::default().module(&scorer(text!("healthy")));
    encoder.and_then(|mut encoder| encoder.encode()).expect("a guest without fault becomes a component")
}

/// What a guest brings itself goes before what all of them have.
fn beside(common: &str, own: &str) -> String {
    let mut common = common.to_owned();
    for name in ["cabi_realloc", "content-scoring@1.0.0#rules", "webhook-normalizing@1.0.0#formats"] {
        if own.contains(&format!("{name}\")")) {
            common = common
                .replace(&format!("(export \"{name}\") "), "")
                .replace(&format!("(export \"pillarbox:plugin/{name}\") "), "");
        }
    }
    if own.contains("(memory (export \"memory\")") {
        common = common.replace("(memory (export \"memory\") 1)", "");
    }
    format!("(module\n{common}\n{own})")
}

/// A core module that says which world of some contract it is for.
pub(super) fn module(text: &str, resolve: &Resolve, world: &str) -> Vec<u8> {
    let mut module = binary(text);
    let found = resolve.worlds.iter().find(|(_, candidate)| candidate.name == world);
    let (world, _) = found.expect("the contract has this world");
    wit_component::embed_component_metadata(&mut module, resolve, world, StringEncoding::UTF8)
        .expect("the contract can be encoded");
    module
}

/// The contract as somebody else might have it.
pub(super) fn contract_with(from: &str, to: &str) -> Resolve {
    let mut sources = SourceMap::default();
    for (name, wit) in WIT {
        sources.push_str(name, wit.replace(from, to));
    }
    let group = sources.parse().map_err(|(_, error)| error).expect("the changed contract is well-formed");
    let mut resolve = Resolve::default();
    resolve.push_group(group).expect("the changed contract refers to nothing outside");
    resolve
}

pub(super) fn binary(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap_or_else(|error| panic!("a guest of the zoo is not well-formed: {error}"))
}

/// A number as LEB128.
pub(super) fn leb(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = u8::try_from(number & 0x7f).unwrap_or_default();
        number >>= 7;
        if number == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}

/// A section with its length.
pub(super) fn section(id: u8, content: &[u8]) -> Vec<u8> {
    [&[id], leb(content.len()).as_slice(), content].concat()
}
