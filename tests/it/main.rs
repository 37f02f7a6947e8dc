//! The API as its users meet it. Every test has a database and a clock of its own.

mod guests;
mod harness;
mod mail_client;
mod names;
mod sink;

mod batch;
mod bounce_addresses;
mod delivery;
mod documents;
mod domains;
mod events;
mod invariants;
mod limits;
mod operator;
mod outlet;
mod plugin_life;
mod plugins;
mod profile;
mod queue;
mod recordings;
mod scoring;
mod sending;
mod sendmail;
mod signatures;
mod smtp;
mod smtp_credentials;
mod stats;
mod submission;
mod suppressions;
mod tracking;
mod webhooks;
