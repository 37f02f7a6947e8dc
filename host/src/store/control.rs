//! The control plane: which tables all nodes of a cluster have in common, and how they are written.
//!
//! `pillarbox.db` holds them on every node, so that readers and foreign keys know of no cluster. A unit of work that
//! writes them is rehearsed here, recorded, rolled back, and offered to the primary as one batch; what the primary took
//! is applied on every node from its log, by the same few lines that apply our own.

mod blobs;
pub(crate) mod primary;
mod recorder;
mod replica;
mod schema;
#[cfg(test)]
mod tests;
mod touched;
mod write;

pub(crate) use self::recorder::{Recorder, Statement};
pub(crate) use self::replica::{Copied, Cursor};
pub(crate) use self::schema::{CONTROL_SCHEMA, ControlSchema};
pub(crate) use self::touched::Touched;
pub(crate) use self::write::Told;

/// The control tables, those that others refer to first.
///
/// Mail, its events, its queue and its counters, suppressions, webhooks and recordings stay with the node that took them:
/// they are many, nobody else reads them, and a node that is cut off goes on taking mail. `plugin_nodes` says how far one
/// node is and is its own.
pub(crate) const TABLES: [&str; 12] = [
    "customers",
    "api_keys",
    "smtp_credentials",
    "domains",
    "domain_checks",
    "domain_events",
    "dkim_keys",
    "tracking_hosts",
    "tracking_keys",
    "acme_accounts",
    "plugins",
    "plugin_log",
];
