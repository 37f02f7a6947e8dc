//! Scorers that are admitted, or nearly, and do something in the place of answering.

use super::Case;
use super::Expected::{self, Alternates, Fails, Refused, Served};
use super::{OUT_OF_CPU, row};

const TRAPPED: Expected = Fails(&["trapped"]);
const OUT_OF_MEMORY: Expected = Fails(&["out_of_memory"]);
const OUT_OF_STACK: Expected = Fails(&["out_of_stack"]);
const DESCRIBE_FAILED: Expected = Refused(&["describe_failed"]);
const BAD_DESCRIPTION: Expected = Refused(&["bad_description"]);

pub(super) fn cases() -> Vec<Case> {
    vec![
        // When it is asked who it is.
        row!(Scorer "endless_start" => DESCRIBE_FAILED),
        row!(Scorer "trapping_start" => DESCRIBE_FAILED),
        row!(Scorer "data_beyond" => DESCRIBE_FAILED),
        row!(Scorer "elements_beyond" => DESCRIBE_FAILED),
        row!(Scorer "endless_description" => DESCRIBE_FAILED),
        row!(Scorer "endless_rules" => DESCRIBE_FAILED),
        row!(Scorer "trapping_description" => DESCRIBE_FAILED),
        row!(Scorer "greedy_description" => DESCRIBE_FAILED),
        row!(Scorer "giant_description" => DESCRIBE_FAILED),
        row!(Scorer "recursive_description" => Served),
        row!(Scorer "million_rules" => DESCRIBE_FAILED),
        row!(Scorer "bad_rule" => DESCRIBE_FAILED),
        row!(Scorer "giant_summary" => BAD_DESCRIPTION),
        row!(Scorer "endless_attributes" => BAD_DESCRIPTION),
        row!(Scorer "many_rules" => BAD_DESCRIPTION),
        row!(Scorer "duplicate_rules" => BAD_DESCRIPTION),
        row!(Scorer "nan_rule" => BAD_DESCRIPTION),
        row!(Scorer "nameless" => BAD_DESCRIPTION),
        row!(Scorer "steering_name" => BAD_DESCRIPTION),
        // When it is given a message.
        row!(Scorer "endless" => Fails(OUT_OF_CPU)),
        row!(Scorer "filling_for_ever" => Fails(OUT_OF_CPU)),
        row!(Scorer "slow" => Served),
        row!(Scorer "alternating" => Alternates("trapped")),
        row!(Scorer "page_each_call" => Served),
        row!(Scorer "greedy_at_once" => OUT_OF_MEMORY),
        row!(Scorer "greedy_by_page" => OUT_OF_MEMORY),
        row!(Scorer "greedy_and_content" => Served),
        row!(Scorer "table_greed" => Fails(&["out_of_table"])),
        row!(Scorer "table_greedy_and_content" => Served),
        row!(Scorer "recursive" => OUT_OF_STACK),
        row!(Scorer "recursive_through_a_table" => OUT_OF_STACK),
        row!(Scorer "trapping" => TRAPPED),
        row!(Scorer "dividing" => TRAPPED),
        row!(Scorer "converting" => TRAPPED),
        row!(Scorer "reading_beyond" => TRAPPED),
        row!(Scorer "writing_beyond" => TRAPPED),
        row!(Scorer "calling_nobody" => TRAPPED),
        row!(Scorer "calling_the_wrong_one" => TRAPPED),
        row!(Scorer "refusing" => Fails(&["refused"])),
        // When the host hands it something, or has read its answer.
        row!(Scorer "realloc_null" => Served),
        row!(Scorer "realloc_everything_in_one_place" => Served),
        row!(Scorer "realloc_over_the_answer" => Fails(&["nonsense", "trapped"])),
        row!(Scorer "realloc_trapping" => TRAPPED),
        row!(Scorer "realloc_misaligned" => TRAPPED),
        row!(Scorer "realloc_beyond" => TRAPPED),
        row!(Scorer "realloc_endless" => Fails(OUT_OF_CPU)),
        row!(Scorer "post_return_trapping" => TRAPPED),
        row!(Scorer "post_return_endless" => Fails(OUT_OF_CPU)),
    ]
}
