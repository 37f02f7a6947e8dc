//! Labelled mail, read from directories or made up, and figures about how well a scorer judges it. Training, its reports
//! and the benches of the host are built on it.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::must_use_candidate,
    reason = "counts of messages and features are far below 2^31, and figures are rounded for people"
)]

pub mod corpus;
mod deceit;
pub mod dress;
pub mod evaluate;
pub mod hostile;
pub mod made_up;
pub mod measure;
pub mod regression;
