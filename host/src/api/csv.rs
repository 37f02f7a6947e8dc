//! CSV (RFC 4180) as spreadsheets read it.

use std::borrow::Cow;

/// A spreadsheet would run a cell that begins so.
const BEGINS_FORMULA: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];
/// What stands before such a cell, so that it is shown and not run.
const GUARD: char = '\'';

/// A cell that no spreadsheet runs.
pub(crate) fn guarded(cell: &str) -> Cow<'_, str> {
    if needs_guard(cell) { Cow::Owned(format!("{GUARD}{cell}")) } else { Cow::Borrowed(cell) }
}

/// The cell behind its guard, so that what was exported comes back as it was.
pub(crate) fn unguarded(cell: &str) -> &str {
    cell.strip_prefix(GUARD).filter(|rest| needs_guard(rest)).unwrap_or(cell)
}

/// A cell that has guards of its own gets another one, so that taking one off is right for every cell.
fn needs_guard(cell: &str) -> bool {
    cell.trim_start_matches(GUARD).starts_with(BEGINS_FORMULA)
}

/// A line of guarded cells.
pub(crate) fn line<'a>(cells: impl IntoIterator<Item = &'a str>) -> String {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    let written = writer.write_record(cells.into_iter().map(|cell| guarded(cell).into_owned()));
    let bytes = written.ok().and_then(|()| writer.into_inner().ok()).expect("writing to memory cannot fail");
    String::from_utf8(bytes).expect("cells are UTF-8, and so is what stands between them")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_a_spreadsheet_would_run_is_shown() {
        for (cell, expected) in [
            ("ada@example.com", "ada@example.com"),
            ("=1+1", "'=1+1"),
            ("+1@example.com", "'+1@example.com"),
            ("-1", "'-1"),
            ("@x", "'@x"),
            ("\tx", "'\tx"),
            ("'=x", "''=x"),
            ("'quoted'", "'quoted'"),
            ("", ""),
        ] {
            assert_eq!((guarded(cell).as_ref(), unguarded(expected)), (expected, cell));
        }
    }

    #[test]
    fn a_line_quotes_what_needs_it() {
        assert_eq!(line(["a", "b,c", "say \"x\"", "=1"]), "a,\"b,c\",\"say \"\"x\"\"\",'=1\r\n");
    }

    proptest! {
        #[test]
        fn every_cell_comes_back(cell in "['=+@a-]{0,4}.{0,4}") {
            let guarded = guarded(&cell);
            prop_assert!(!guarded.starts_with(BEGINS_FORMULA));
            prop_assert_eq!(unguarded(&guarded), cell.as_str());
        }
    }
}
