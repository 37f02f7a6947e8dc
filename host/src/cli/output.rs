//! What commands print: tables for people, JSON for programs.

use std::io::Write;

use comfy_table::{Table, presets};
use serde_json::Value as Json;

/// Prints the answer for whoever asked. A reader that stopped reading is no error.
pub(super) fn show(json: bool, answer: &Json, text: impl FnOnce() -> String) {
    let shown = if json { format!("{answer}\n") } else { text() };
    print(&shown);
}

/// Prints text. A reader that stopped reading is no error.
pub(super) fn print(text: &str) {
    drop(std::io::stdout().lock().write_all(text.as_bytes()));
}

/// Prints bytes that are not for people. A reader that stopped reading is no error.
pub(super) fn print_bytes(bytes: &[u8]) {
    drop(std::io::stdout().lock().write_all(bytes));
}

/// A table of an answer's list: a heading for each column and the field that it shows.
pub(super) fn table(rows: &Json, columns: &[(&str, &str)]) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(columns.iter().map(|(heading, _)| *heading));
    for row in rows.as_array().into_iter().flatten() {
        table.add_row(columns.iter().map(|(_, field)| word(&row[*field])));
    }
    format!("{}\n", table.trim_fmt())
}

/// The fields of one answer, a line each.
pub(super) fn fields(answer: &Json) -> String {
    let fields = answer.as_object().into_iter().flatten();
    fields.fold(String::new(), |text, (name, value)| format!("{text}{:<24}{}\n", name.replace('_', " "), word(value)))
}

/// A value as a person reads it.
pub(super) fn word(value: &Json) -> String {
    match value {
        Json::Null => "-".into(),
        Json::Bool(true) => "yes".into(),
        Json::Bool(false) => "no".into(),
        Json::String(text) => printable(text),
        Json::Array(list) => list.iter().map(word).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

/// Text that cannot steer the terminal: a captured subject may hold anything.
pub(super) fn printable(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { '\u{fffd}' } else { character }).collect()
}
