//! The elements that are open at a place, and what closing one of them says about the others.

use std::collections::BTreeMap;
use std::ops::Range;

use super::style::Look;

/// Open elements that are followed. Deeper ones are counted, so that memory stays bounded and ends still match.
pub(super) const DEPTH_MAX: usize = 20_000;

/// An element whose end has not come yet.
pub(super) struct Open {
    pub(super) name: u64,
    /// The start tag.
    pub(super) tag: Range<usize>,
    /// How text in it looks.
    pub(super) look: Look,
    /// The standard lets its end tag be left out.
    pub(super) end_is_optional: bool,
}

/// Open elements, innermost last. Each is pushed and popped once, so a whole page costs time in proportion to it.
#[derive(Default)]
pub(super) struct Stack {
    open: Vec<Open>,
    /// How often each name is open, so that an end tag without a start is known without a search.
    names: BTreeMap<u64, usize>,
    deeper: usize,
}

impl Stack {
    pub(super) fn look(&self) -> Look {
        self.open.last().map(|open| open.look).unwrap_or_default()
    }

    pub(super) fn depth(&self) -> usize {
        self.open.len() + self.deeper
    }

    pub(super) fn innermost(&self) -> Option<u64> {
        self.open.last().filter(|_| self.deeper == 0).map(|open| open.name)
    }

    pub(super) fn push(&mut self, open: Open) {
        if self.open.len() >= DEPTH_MAX {
            self.deeper += 1;
            return;
        }
        *self.names.entry(open.name).or_default() += 1;
        self.open.push(open);
    }

    /// Closes the innermost element `name` and hands every element that was still open inside it to `left_open`.
    pub(super) fn close(&mut self, name: u64, mut left_open: impl FnMut(Open)) {
        if self.deeper > 0 {
            self.deeper -= 1;
            return;
        }
        if self.names.get(&name).is_none_or(|count| *count == 0) {
            return;
        }
        while let Some(open) = self.pop() {
            if open.name == name {
                return;
            }
            left_open(open);
        }
    }

    /// Takes out the innermost element.
    pub(super) fn pop(&mut self) -> Option<Open> {
        let open = self.open.pop()?;
        if let Some(count) = self.names.get_mut(&open.name) {
            *count -= 1;
        }
        Some(open)
    }
}
