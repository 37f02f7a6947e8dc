//! The plugin host: all of WebAssembly, and nothing of HTTP or SQL.
//!
//! A plugin is a pure function that imports nothing. `Plugins::admit` turns a file into a `Loaded` plugin or says in
//! words why not; `Plugins::serve` lets a deployment serve, in one step and without a dropped call; `Plugins::judge` and
//! `Plugins::read` ask what serves. Each call has an instance of its own and bounds on time, memory and
//! answer. What a plugin does wrong is a value that names it, never a panic or a hang:
//!
//! ```text
//! file → recognize → inspect (against wit/) → compile or cache → declaration → Loaded → trial
//! deployment + Loaded → table → stages → rungs → call; then a second opinion where a version is on trial
//! call → breaker → slot → first slice here → slow lane → check → answer
//! ```

mod admission;
pub mod authoring;
mod band;
pub mod breaker;
pub mod cache;
mod call;
mod check;
pub mod compare;
mod contract;
mod declaration;
pub mod deployment;
mod engine;
pub mod error;
mod fingerprint;
mod host;
mod inspect;
mod lane;
pub mod limits;
mod loaded;
pub mod mirror;
pub mod poison;
mod recognize;
mod samples;
mod serve;
pub mod settings;
pub mod signature;
pub mod stats;
mod table;
mod thread;
mod ticker;
pub mod watch;
mod work;
pub mod workbench;
mod worlds;
pub mod zoo;

#[cfg(test)]
mod tests;

pub use self::band::Band;
pub use self::call::Call;
pub use self::contract::WIT;
pub use self::declaration::is_plugin_name;
pub use self::fingerprint::Fingerprint;
pub use self::host::Plugins;
pub use self::loaded::{Loaded, PluginId, World};
pub use self::serve::Answered;
pub use self::table::{Plan, Rung, Serving, Table};
pub use self::workbench::{Tried, Workbench};

/// The types of the scorer's world, as `wit/scorer.wit` documents them.
pub mod scorer {
    pub use super::worlds::scorer::exports::pillarbox::plugin::content_scoring::{
        Attachment, Finding, Location, Mailbox, Message, Rule, Severity, Verdict,
    };
    pub use super::worlds::scorer::pillarbox::plugin::types::Description;
}

/// The types of the normalizer's world, as `wit/normalizer.wit` documents them.
pub mod normalizer {
    pub use super::worlds::normalizer::exports::pillarbox::plugin::webhook_normalizing::{
        BounceType, Clue, ClueKind, Event, FeedbackType, Format, Ignored, Kind, Outcome, Problem, Request,
    };
}

/// Settings of an operator for a plugin: names and values.
pub type Settings = Vec<(String, String)>;
