//! Plugins that are small, or not so small, and a great deal of work for whoever reads and compiles them.

use super::Case;
use super::Expected::{self, Fails, Refused, Served};
use super::assemble::{Recipe, binary, scorer};
use super::{row, text};

const TOO_MUCH: Expected = Refused(&["invalid", "needs_too_much"]);

pub(super) fn cases() -> Vec<Case> {
    let made = |name: &'static str, about: &'static str, expected, make| Case {
        name: name.into(),
        about: about.into(),
        expected,
        recipe: Recipe::Made(make),
    };
    vec![
        made("hundred_thousand_functions", "Has a hundred thousand functions.", TOO_MUCH, || {
            beside_healthy(&"(func)\n".repeat(100_000))
        }),
        made("million_functions", "Has more than a million functions.", TOO_MUCH, || {
            beside_healthy(&"(func)\n".repeat(1_000_001))
        }),
        made(
            "fifty_thousand_locals",
            "Has a function with fifty thousand variables that are all needed.",
            Served,
            || locals(49_990),
        ),
        made("too_many_locals", "Has a function with more variables than WebAssembly allows.", TOO_MUCH, || {
            locals(50_001)
        }),
        made("nested_blocks", "Has a function of a hundred thousand blocks inside each other.", TOO_MUCH, || {
            let (begin, end) = ("block ".repeat(100_000), "end ".repeat(100_000));
            beside_healthy(&format!("(func {begin} {end})"))
        }),
        made(
            "nested_loops",
            "Has a function of twenty thousand loops inside each other, each with a way out.",
            TOO_MUCH,
            || {
                let begin = "loop local.get 0 br_if 0 ".repeat(20_000);
                beside_healthy(&format!("(func (param i32) {begin} {})", "end ".repeat(20_000)))
            },
        ),
        made("giant_switch", "Has a switch with a million ways out.", TOO_MUCH, || {
            beside_healthy(&format!("(func (param i32) block local.get 0 br_table {} 0 end)", "0 ".repeat(1_000_000)))
        }),
        made("switch_of_blocks", "Has a switch with four thousand ways out that all lead elsewhere.", Served, || {
            let ways: Vec<_> = (0..4_000).map(|way| way.to_string()).collect();
            let (begin, end) = ("block ".repeat(4_001), "end local.get 0 drop ".repeat(4_001));
            beside_healthy(&format!("(func (param i32) {begin} local.get 0 br_table {} {end})", ways.join(" ")))
        }),
        made("many_nested_loops", "Has a hundred functions of two thousand loops inside each other.", TOO_MUCH, || {
            let begin = "loop local.get 0 br_if 0 ".repeat(2_000);
            let function = format!("(func (param i32) {begin} {})\n", "end ".repeat(2_000));
            beside_healthy(&function.repeat(100))
        }),
        made("giant_function", "Has a function of two million instructions without a branch.", TOO_MUCH, || {
            beside_healthy(&format!("(func {})", "nop ".repeat(2_000_000)))
        }),
        made("giant_sum", "Has a function that adds up two hundred thousand numbers from memory.", TOO_MUCH, || {
            let step = "local.get 0 i32.load local.get 0 i32.add local.set 0 ";
            beside_healthy(&format!("(func (param i32) {})", step.repeat(200_000)))
        }),
        made("many_calls", "Has a function that calls another one a hundred thousand times.", Served, || {
            beside_healthy(&format!("(func {})", "call $find ".repeat(100_000)))
        }),
        made("data_segments", "Begins with a hundred thousand pieces of data.", Served, || {
            beside_healthy(&"(data (i32.const 8) \"x\")\n".repeat(99_000))
        }),
        made("too_many_data_segments", "Begins with more pieces of data than WebAssembly allows.", TOO_MUCH, || {
            beside_healthy(&"(data (i32.const 8) \"x\")\n".repeat(100_001))
        }),
        made("wide_signature", "Has a function with more parameters than WebAssembly allows.", TOO_MUCH, || {
            beside_healthy(&format!("(func (param {}))", "i64 ".repeat(1_001)))
        }),
        made(
            "types_of_types",
            "Has types of which each contains the one before ten times, forty times over.",
            TOO_MUCH,
            || {
                let one = |level: usize| {
                    let inner = format!("(field \"a\" $t{level}) (field \"b\" $t{level})");
                    format!("(type $t{} (record {inner}))\n", level + 1)
                };
                let types: String = (0..40).map(one).collect();
                binary(&format!("(component (type $t0 (record (field \"a\" u8)))\n{types})"))
            },
        ),
        made("deep_types", "Has a list of lists of lists, a thousand deep.", TOO_MUCH, || {
            let one = |level: usize| format!("(type $t{} (list $t{level}))\n", level + 1);
            let types: String = (0..1_000).map(one).collect();
            binary(&format!("(component (type $t0 (list u8))\n{types})"))
        }),
        made("long_name", "Panics in a function whose name has ninety thousand letters.", Fails(&["trapped"]), || {
            scorer(&panicking_in(&"x".repeat(90_000)))
        }),
        made(
            "steering_function",
            "Panics in a function whose name would steer a terminal.",
            Fails(&["trapped"]),
            || scorer(&panicking_in("\\1b[2J\\0d\\0aroot")),
        ),
        row!(Scorer "sparse_data" => Served),
    ]
}

/// A scorer without fault, and more.
fn beside_healthy(more: &str) -> Vec<u8> {
    scorer(&format!("{}\n{more}", text!("healthy")))
}

/// All are read after all were written, so none can be forgotten in between.
fn locals(count: usize) -> Vec<u8> {
    let types = "i64 ".repeat(count);
    let (write_one, read_one) =
        (|local| format!("i32.const 0 i64.load local.set {local} "), |local| format!("local.get {local} i64.xor "));
    let write: String = (0..count).map(write_one).collect();
    let read: String = (0..count).map(read_one).collect();
    beside_healthy(&format!("(func (result i64) (local {types}) {write} i64.const 0 {read})"))
}

fn panicking_in(name: &str) -> String {
    let call = "(call $\"NAME\") (i32.const 512))".replace("NAME", name);
    let export = "(export \"pillarbox:plugin/content-scoring@1.0.0#score\")";
    format!("(func $\"{name}\" unreachable)\n(func {export} (param i32) (result i32) {call}")
}
