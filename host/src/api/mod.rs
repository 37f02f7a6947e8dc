//! What the API does: one file for each page of its reference.

pub(crate) mod body;
pub(crate) mod challenges;
pub(crate) mod csv;
pub(crate) mod dashboard;
pub(crate) mod domains;
pub(crate) mod emails;
pub(crate) mod events;
pub(crate) mod export;
pub(crate) mod health;
pub(crate) mod profile;
pub(crate) mod query;
pub(crate) mod reference;
pub(crate) mod scoring;
pub(crate) mod sending;
pub(crate) mod smtp;
pub(crate) mod sources;
pub(crate) mod stats;
pub(crate) mod suppressions;
pub(crate) mod time;
pub(crate) mod tracking;
pub(crate) mod unsubscribes;
pub(crate) mod webhooks;
