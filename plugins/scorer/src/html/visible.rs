//! The text that a reader sees, and the way back from each byte of it to the source.

use std::ops::Range;

use super::entities;

/// Visible text of a page.
#[derive(Default)]
pub(crate) struct Visible {
    pub(crate) text: String,
    runs: Vec<Run>,
    /// ASCII letters and digits that the source writes as numbers, `&#118;` for `v`.
    pub(crate) disguised_letters: usize,
}

/// A stretch of the text that comes from one place.
struct Run {
    text_start: usize,
    source: Range<usize>,
}

impl Visible {
    /// Appends the text at `range` of `html`, resolving character references.
    pub(crate) fn push_source(&mut self, html: &str, range: Range<usize>) {
        let mut at = range.start;
        while at < range.end {
            let rest = &html[at..range.end];
            let plain = rest.find('&').unwrap_or(rest.len());
            self.push(&rest[..plain], at..at + plain);
            at += plain;
            if plain < rest.len() {
                at += self.push_reference(&rest[plain..], at);
            }
        }
    }

    /// Ends a line where the page does, though the source has nothing to point at.
    pub(crate) fn break_line(&mut self, at: usize) {
        if !self.text.is_empty() && !self.text.ends_with('\n') {
            self.push("\n", at..at);
        }
    }

    /// The place in the source of a stretch of the text.
    pub(crate) fn source(&self, range: Range<usize>) -> Range<usize> {
        let start = self.run(range.start).map_or(0, |run| run.source_of(range.start, self.run_end(run)));
        let last = if range.is_empty() { return start..start } else { range.end - 1 };
        let end = self.run(last).map_or(start, |run| {
            if self.is_verbatim(run) { run.source.start + (range.end - run.text_start) } else { run.source.end }
        });
        start..end.max(start)
    }

    fn push_reference(&mut self, rest: &str, at: usize) -> usize {
        let Some((character, bytes)) = entities::at_start(rest) else {
            self.push("&", at..at + 1);
            return 1;
        };
        self.disguised_letters += usize::from(character.is_ascii_alphanumeric());
        self.push(character.encode_utf8(&mut [0; 4]), at..at + bytes);
        bytes
    }

    fn push(&mut self, text: &str, source: Range<usize>) {
        if text.is_empty() {
            return;
        }
        // Neighbours that are both as in the source stay one run.
        if let Some(last) = self.runs.last_mut()
            && text.len() == source.len()
            && last.source.end == source.start
            && last.source.len() == self.text.len() - last.text_start
        {
            last.source.end = source.end;
        } else {
            self.runs.push(Run { text_start: self.text.len(), source });
        }
        self.text.push_str(text);
    }

    fn run(&self, at: usize) -> Option<&Run> {
        let behind = self.runs.partition_point(|run| run.text_start <= at);
        self.runs.get(behind.checked_sub(1)?)
    }

    fn run_end(&self, run: &Run) -> usize {
        let next = self.runs.partition_point(|other| other.text_start <= run.text_start);
        self.runs.get(next).map_or(self.text.len(), |next| next.text_start)
    }

    fn is_verbatim(&self, run: &Run) -> bool {
        self.run_end(run) - run.text_start == run.source.len()
    }
}

impl Run {
    fn source_of(&self, at: usize, end: usize) -> usize {
        let verbatim = end - self.text_start == self.source.len();
        if verbatim { self.source.start + (at - self.text_start) } else { self.source.start }
    }
}
