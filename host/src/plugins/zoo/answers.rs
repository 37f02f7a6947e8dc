//! Scorers whose answers make no sense, or too much of it.

use super::Case;
use super::Expected::{self, Fails, Refused};
use super::assemble::Recipe;
use super::row;

const TRAPPED: Expected = Fails(&["trapped"]);
const NONSENSE: Expected = Fails(&["nonsense"]);
/// With less memory than it wants, a guest points at nothing.
const TOO_LARGE_OUTPUT: Expected = Fails(&["too_large_output", "trapped"]);

pub(super) fn cases() -> Vec<Case> {
    let rows = vec![
        row!(Scorer "not_a_number" => NONSENSE),
        row!(Scorer "infinite_score" => NONSENSE),
        row!(Scorer "huge_score" => NONSENSE),
        row!(Scorer "nan_points" => NONSENSE),
        row!(Scorer "infinite_points" => NONSENSE),
        row!(Scorer "huge_points" => NONSENSE),
        row!(Scorer "unknown_rule" => NONSENSE),
        row!(Scorer "unknown_part" => NONSENSE),
        row!(Scorer "unknown_index" => NONSENSE),
        row!(Scorer "beside_the_text" => NONSENSE),
        row!(Scorer "inside_a_character" => NONSENSE),
        row!(Scorer "overflowing_location" => NONSENSE),
        row!(Scorer "wrapping_location" => NONSENSE),
        row!(Scorer "many_findings" => NONSENSE),
        row!(Scorer "many_attributes" => NONSENSE),
        row!(Scorer "long_sentence" => NONSENSE),
        row!(Scorer "list_of_itself" => NONSENSE),
        row!(Scorer "not_utf8" => NONSENSE),
        row!(Scorer "list_without_end" => TRAPPED),
        row!(Scorer "list_around_the_end" => TRAPPED),
        row!(Scorer "million_findings" => TRAPPED),
        row!(Scorer "dangling" => TRAPPED),
        row!(Scorer "answer_at_the_end" => TRAPPED),
        row!(Scorer "string_beyond" => TRAPPED),
        row!(Scorer "misaligned_answer" => TRAPPED),
        row!(Scorer "misaligned_list" => TRAPPED),
        row!(Scorer "bad_tag" => TRAPPED),
        row!(Scorer "bad_severity" => TRAPPED),
        row!(Scorer "bad_option" => TRAPPED),
        row!(Scorer "giant_list" => TOO_LARGE_OUTPUT),
        row!(Scorer "giant_string" => TOO_LARGE_OUTPUT),
        row!(Scorer "million_attributes" => TOO_LARGE_OUTPUT),
        row!(Scorer "shared_sentence" => TOO_LARGE_OUTPUT),
        row!(Scorer "shared_lists" => TOO_LARGE_OUTPUT),
    ];
    rows.into_iter().chain(not_utf8()).collect()
}

/// Every place of a scorer's words that is a string, and where `common.wat` has its pointer.
const STRINGS: [(&str, u32, Expected); 14] = [
    ("name", 256, Refused(&["describe_failed"])),
    ("version", 264, Refused(&["describe_failed"])),
    ("summary", 272, Refused(&["describe_failed"])),
    ("rule_id", 384, Refused(&["describe_failed"])),
    ("rule_category", 392, Refused(&["describe_failed"])),
    ("rule_description", 416, Refused(&["describe_failed"])),
    ("rule_suggestion", 424, Refused(&["describe_failed"])),
    ("finding_rule", 640, NONSENSE),
    ("finding_message", 664, NONSENSE),
    ("finding_suggestion", 672, NONSENSE),
    ("finding_part", 684, NONSENSE),
    ("attribute_name", 2_064, NONSENSE),
    ("attribute_value", 2_072, NONSENSE),
    ("finding_attribute", 2_080, NONSENSE),
];

/// Two attributes that `STRINGS` points at: one of the verdict at 2064, one of the finding at 2080.
const ATTRIBUTES: &str = r#"
(data (i32.const 536) "\10\08\00\00\01\00\00\00")
(data (i32.const 704) "\20\08\00\00\01\00\00\00")
(func (export "pillarbox:plugin/content-scoring@1.0.0#score") (param $message i32) (result i32)
  (call $find)
  (i32.const 512))"#;

/// One case for each place: bytes that are no text, a character cut in half among them.
fn not_utf8() -> impl Iterator<Item = Case> {
    STRINGS.into_iter().map(|(place, at, expected)| {
        let own = format!(
            "{ATTRIBUTES}\n(data (i32.const 2048) \"ok\\c3\")\n(data (i32.const {at}) \"\\00\\08\\00\\00\\03\\00\\00\\00\")"
        );
        Case {
            name: format!("not_utf8_in_{place}").into(),
            about: format!("Has bytes that are no text in the place of its {}.", place.replace('_', "'s ")).into(),
            expected,
            recipe: Recipe::Scorer(own.into()),
        }
    })
}
