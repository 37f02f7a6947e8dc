//! Hostile guests of the other world.

use super::Case;
use super::Expected::{self, Fails, Refused};
use super::assemble::Recipe;
use super::{OUT_OF_CPU, row};

const TRAPPED: Expected = Fails(&["trapped"]);
const NONSENSE: Expected = Fails(&["nonsense"]);
const BAD_DESCRIPTION: Expected = Refused(&["bad_description"]);

pub(super) fn cases() -> Vec<Case> {
    let rows = vec![
        row!(WholeNormalizer "trapping_normalizer" => TRAPPED),
        row!(Normalizer "normalizer_many_formats" => BAD_DESCRIPTION),
        row!(Normalizer "normalizer_duplicate_formats" => BAD_DESCRIPTION),
        row!(Normalizer "normalizer_endless" => Fails(OUT_OF_CPU)),
        row!(Normalizer "normalizer_greedy" => Fails(&["out_of_memory"])),
        row!(Normalizer "normalizer_many_events" => NONSENSE),
        row!(Normalizer "normalizer_many_clues" => NONSENSE),
        row!(Normalizer "normalizer_long_reason" => NONSENSE),
        row!(Normalizer "normalizer_bad_reply_code" => NONSENSE),
        row!(Normalizer "normalizer_bad_status_code" => NONSENSE),
        row!(Normalizer "normalizer_bad_custom_data" => NONSENSE),
        row!(Normalizer "normalizer_nested_custom_data" => NONSENSE),
        row!(Normalizer "normalizer_ignored_beyond" => NONSENSE),
        row!(Normalizer "normalizer_unknown_problem" => NONSENSE),
        row!(Normalizer "normalizer_silent_problem" => NONSENSE),
        row!(Normalizer "normalizer_bad_kind" => TRAPPED),
        row!(Normalizer "normalizer_bad_option" => TRAPPED),
        row!(Normalizer "normalizer_bad_bounce_type" => TRAPPED),
        row!(Normalizer "normalizer_list_without_end" => TRAPPED),
        row!(Normalizer "normalizer_list_of_itself" => NONSENSE),
        row!(Normalizer "normalizer_million_ignored" => Fails(&["too_large_output", "trapped"])),
    ];
    rows.into_iter().chain(not_utf8()).collect()
}

/// Every place of a normalizer's words that is a string: where the tag before it is, if it may be missing, and where
/// `common_normalizer.wat` has its pointer.
const STRINGS: [(&str, Option<u32>, u32); 12] = [
    ("recipient", Some(644), 648),
    ("alternative", None, 2_064),
    ("reason", Some(664), 668),
    ("class", Some(676), 680),
    ("enhanced_code", Some(692), 696),
    ("complaint_type", Some(708), 712),
    ("provider", None, 736),
    ("provider_event_id", Some(744), 748),
    ("clue", None, 2_084),
    ("custom_data", Some(764), 768),
    ("attribute", None, 2_096),
    ("ignored_reason", None, 804),
];

/// An alternative recipient at 2064, a clue at 2080, an attribute at 2096, all of the event at 640.
const EVENT: &str = r#"
(data (i32.const 656) "\10\08\00\00\01\00\00\00")
(data (i32.const 756) "\20\08\00\00\01\00\00\00")
(data (i32.const 776) "\30\08\00\00\01\00\00\00")
(func (export "pillarbox:plugin/webhook-normalizing@1.0.0#normalize")
  (param i32 i32 i32 i32 i32 i32 i64 i32 i32 i32 i32) (result i32)
  (call $tell)
  (call $ignore)
  (i32.const 512))"#;

fn not_utf8() -> impl Iterator<Item = Case> {
    STRINGS.into_iter().map(|(place, tag, at)| {
        let tag = tag.map(|at| format!("(data (i32.const {at}) \"\\01\")")).unwrap_or_default();
        let text = "(data (i32.const 2048) \"\\ff\\fe\")";
        let own = format!("{EVENT}\n{text}\n{tag}\n(data (i32.const {at}) \"\\00\\08\\00\\00\\02\\00\\00\\00\")");
        Case {
            name: format!("normalizer_not_utf8_in_{place}").into(),
            about: format!("Tells of an event with bytes that are no text in its {}.", place.replace('_', " ")).into(),
            expected: NONSENSE,
            recipe: Recipe::Normalizer(own.into()),
        }
    })
}
