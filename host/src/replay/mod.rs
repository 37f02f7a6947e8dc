//! Two versions of a plugin over the same inputs: what the one says and the other does not, and what each costs.
//!
//! Everything here is a function from answers to a report. Where inputs come from and who reads the report is the
//! command's affair; that plugins are pure is what makes the comparison mean something.

pub mod explain;
mod failures;
mod normalizer;
mod pairs;
mod report;
mod scorer;

pub use self::pairs::{Answer, Named, Pair, run};
pub use self::report::{Inputs, PluginView, Replay, ReplayReport, Run, Skipped, Thresholds};
