//! The authoring kit: from nothing to a plugin that is built, tried and measured, without a data directory and without
//! a running service.
//!
//! ```text
//! new: template → project        build: plugin.toml's steps → component → admitted → dist/
//! test, check, bench: file → a plugin host of its own → fixtures → what differs, how long it took
//! ```

pub(crate) mod answer;
pub(crate) mod bench;
pub(crate) mod build;
pub(crate) mod compare;
pub(crate) mod fixture;
pub(crate) mod host;
pub(crate) mod lang;
pub(crate) mod project;
mod rustc;
pub(crate) mod sample;
pub(crate) mod template;
pub(crate) mod trial;
