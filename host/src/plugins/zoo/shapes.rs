//! Plugins that want what the sandbox does not have, or more of it than anybody gets, before they have done anything.

use super::Case;
use super::Expected::{self, Refused, Served};
use super::assemble::{Recipe, healthy_component, leb, section};
use super::row;

const INVALID: Expected = Refused(&["invalid"]);
const NEEDS_TOO_MUCH: Expected = Refused(&["needs_too_much"]);

/// Sections of a component.
const CORE_MODULE: u8 = 1;
const CORE_INSTANCE: u8 = 2;
const COMPONENT: u8 = 4;
const INSTANCE: u8 = 5;

const COMPONENT_HEADER: &[u8] = b"\0asm\x0d\0\x01\0";
const MODULE_HEADER: &[u8] = b"\0asm\x01\0\0\0";

pub(super) fn cases() -> Vec<Case> {
    let made = |name: &'static str, about: &'static str, expected, make| Case {
        name: name.into(),
        about: about.into(),
        expected,
        recipe: Recipe::Made(make),
    };
    vec![
        row!(Alone "memory64" => INVALID),
        row!(Alone "shared_memory" => INVALID),
        row!(Alone "atomics" => INVALID),
        row!(Alone "exceptions" => INVALID),
        row!(Alone "garbage_collection" => INVALID),
        row!(Alone "unknown_instruction" => INVALID),
        row!(Alone "function_references" => INVALID),
        row!(Alone "relaxed_simd" => INVALID),
        row!(Alone "stack_switching" => INVALID),
        row!(Alone "tiny_pages" => INVALID),
        row!(Alone "two_memories" => INVALID),
        row!(Alone "streaming" => INVALID),
        row!(Scorer "giant_table" => NEEDS_TOO_MUCH),
        row!(Scorer "many_tables" => NEEDS_TOO_MUCH),
        made("two_modules_with_memories", "Has a second memory in a second module.", NEEDS_TOO_MUCH, || {
            let memory = [MODULE_HEADER, &section(5, &[1, 0, 1])].concat();
            with_sections(&[section(CORE_MODULE, &memory)])
        }),
        made("hundred_instances", "Consists of a hundred instances.", NEEDS_TOO_MUCH, || instances(100)),
        made(
            "thousand_instances",
            "Consists of a thousand instances.",
            Refused(&["invalid", "needs_too_much"]),
            || instances(1_000),
        ),
        made(
            "nested_100_deep",
            "Is a component that has another one run inside it, a hundred times over.",
            Served,
            || nested(100),
        ),
        made("nested_101_deep", "Has one component more inside the others.", NEEDS_TOO_MUCH, || nested(101)),
        made(
            "nested_100000_deep",
            "Brings along a hundred thousand empty components inside each other.",
            NEEDS_TOO_MUCH,
            || with_sections(&[around(100_000, &[])]),
        ),
    ]
}

/// A plugin without fault, and more.
fn with_sections(sections: &[Vec<u8>]) -> Vec<u8> {
    let mut component = healthy_component();
    component.extend(sections.iter().flatten());
    component
}

/// So many instances of an empty module, beside a plugin without fault.
fn instances(count: usize) -> Vec<u8> {
    let one = [&[0], leb(own_sections(CORE_MODULE)).as_slice(), &[0]].concat();
    let all = [leb(count), one.repeat(count)].concat();
    with_sections(&[section(CORE_MODULE, MODULE_HEADER), section(CORE_INSTANCE, &all)])
}

/// So many components, each of which instantiates the one inside it, and a plugin without fault around them.
fn nested(depth: usize) -> Vec<u8> {
    let instantiate = |component: usize| section(INSTANCE, &[&[1, 0], leb(component).as_slice(), &[0]].concat());
    let inner = around(depth, &instantiate(0));
    with_sections(&[inner, instantiate(own_sections(COMPONENT))])
}

/// Components inside each other. Each but the innermost ends with `end`. Nothing is copied on the way, because a hundred
/// thousand of them would be.
fn around(depth: usize, end: &[u8]) -> Vec<u8> {
    let (mut starts, mut length) = (Vec::with_capacity(depth), 0);
    for level in 0..depth {
        let end = if level == 0 { 0 } else { end.len() };
        let within = COMPONENT_HEADER.len() + length + end;
        let start = [&[COMPONENT], leb(within).as_slice(), COMPONENT_HEADER].concat();
        length += start.len() + end;
        starts.push(start);
    }
    let mut bytes: Vec<u8> = starts.into_iter().rev().flatten().collect();
    bytes.extend(end.repeat(depth - 1));
    bytes
}

/// How many sections of a kind a plugin without fault has, each of which holds one module or component.
fn own_sections(kind: u8) -> usize {
    use wasmparser::{Parser, Payload};
    let (component, mut depth, mut count) = (healthy_component(), 0_usize, 0);
    for payload in Parser::new(0).parse_all(&component).filter_map(Result::ok) {
        let found = match payload {
            Payload::ModuleSection { .. } => CORE_MODULE,
            Payload::ComponentSection { .. } => COMPONENT,
            Payload::End(_) => {
                depth = depth.saturating_sub(1);
                continue;
            }
            _ => continue,
        };
        count += usize::from(depth == 0 && found == kind);
        depth += 1;
    }
    count
}
