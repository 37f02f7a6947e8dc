//! Files that are no plugins.

use super::Case;
use super::Expected::{self, Refused};
use super::assemble::{Recipe, binary, contract_with, leb, module, scorer, scorer_text};
use super::{row, text};

const NOT_WASM: Expected = Refused(&["not_wasm"]);
const TRUNCATED: Expected = Refused(&["truncated"]);
const HAS_IMPORTS: Expected = Refused(&["has_imports"]);

pub(super) fn cases() -> Vec<Case> {
    let made = |name: &'static str, about: &'static str, expected, make| Case {
        name: name.into(),
        about: about.into(),
        expected,
        recipe: Recipe::Made(make),
    };
    vec![
        made("empty_file", "Is a file without a byte.", NOT_WASM, Vec::new),
        made("hundred_megabytes", "Is a hundred million zeros.", Refused(&["too_large"]), || vec![0; 100_000_000]),
        made("zeros", "Is a megabyte of zeros.", NOT_WASM, || vec![0; 1_000_000]),
        made("words", "Is a letter instead of a program.", NOT_WASM, || b"Dear team,\nhere is the plugin.\n".to_vec()),
        made("native_program", "Is a program for the machine itself.", NOT_WASM, || {
            [b"\x7fELF\x02\x01\x01".as_slice(), &[0; 57]].concat()
        }),
        made("archive", "Is an archive.", NOT_WASM, || [b"PK\x03\x04".as_slice(), &[0; 60]].concat()),
        made("text_format", "Is WebAssembly for people to read.", Refused(&["text_format"]), || {
            scorer_text(text!("healthy")).into_bytes()
        }),
        made("half_a_file", "Is the first half of a plugin.", TRUNCATED, || {
            let whole = scorer(text!("healthy"));
            whole[..whole.len() / 2].to_vec()
        }),
        made("seven_bytes", "Ends inside the eight bytes with which it begins.", TRUNCATED, || {
            b"\0asm\x01\0\0".to_vec()
        }),
        made("endless_section", "Has a section of four gigabytes, of which nothing is there.", TRUNCATED, || {
            [b"\0asm\x01\0\0\0\x0a".as_slice(), &leb(u32::MAX as usize)].concat()
        }),
        made("endless_number", "Has a section whose length is a number that never ends.", TRUNCATED, || {
            [b"\0asm\x01\0\0\0\x0a".as_slice(), &[0xff; 64]].concat()
        }),
        made("later_version", "Is WebAssembly of a version that does not exist yet.", NOT_WASM, || {
            b"\0asm\x63\0\0\0".to_vec()
        }),
        made("noise", "Begins like a module and goes on at random.", Refused(&["truncated", "invalid"]), noise),
        made("no_metadata", "Does not say what its functions mean.", Refused(&["no_metadata"]), || {
            binary(&scorer_text(text!("healthy")))
        }),
        row!(Alone "both_worlds" => Refused(&["two_worlds"])),
        row!(Alone "nothing_behind_it" => Refused(&["wrong_contract"])),
        made("later_contract", "Was built for the second major version.", Refused(&["wrong_version"]), || {
            of_another_contract("pillarbox:plugin@2.0.0", "@2.0.0")
        }),
        made("early_contract", "Was built for a draft of the contract.", Refused(&["wrong_version"]), || {
            of_another_contract("pillarbox:plugin@1.0.0-draft", "@1.0.0-draft")
        }),
        made("another_record", "Was built with one more field in a record.", Refused(&["wrong_contract"]), || {
            let resolve = contract_with("offset: u32,", "offset: u32, line: u32,");
            module(&scorer_text(text!("healthy")), &resolve, "scorer")
        }),
        row!(Scorer "wrong_signature" => Refused(&["not_a_component"])),
        row!(Alone "foreign_metadata" => Refused(&["not_a_component", "invalid"])),
        row!(Alone "wrong_export" => Refused(&["no_world", "wrong_contract", "invalid"])),
        row!(Alone "empty_component" => Refused(&["no_world"])),
        row!(Alone "importing" => HAS_IMPORTS),
        row!(Alone "importing_memory" => HAS_IMPORTS),
        row!(Alone "importing_wasi" => HAS_IMPORTS),
        row!(Alone "importing_unknown" => HAS_IMPORTS),
        row!(Alone "importing_resource" => HAS_IMPORTS),
        row!(Alone "importing_component" => HAS_IMPORTS),
    ]
}

/// The same bytes on every machine.
fn noise() -> Vec<u8> {
    let mut state = 1_u32;
    let random = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    });
    b"\0asm\x01\0\0\0".iter().copied().chain(random.take(100_000)).collect()
}

/// A guest without fault, for the contract of that name.
fn of_another_contract(package: &str, version: &str) -> Vec<u8> {
    let resolve = contract_with("pillarbox:plugin@1.0.0", package);
    let text = scorer_text(text!("healthy")).replace("content-scoring@1.0.0", &format!("content-scoring{version}"));
    module(&text, &resolve, "scorer")
}
