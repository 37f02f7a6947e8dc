//! Html as a reader's mail program sees it: what is shown, what is hidden, and what should not be there.

pub(crate) mod attributes;
mod elements;
pub(crate) mod entities;
pub(crate) mod page;
mod reader;
mod stack;
pub(crate) mod style;
pub(crate) mod tokens;
pub(crate) mod visible;
