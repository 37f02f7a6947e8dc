//! The API as its users meet it. Every test has a database and a clock of its own.

// What a request may await is one type, and the compiler looks through all of it.
#![recursion_limit = "256"]

#[path = "../../benches/support/component.rs"]
mod component;

mod authority;
mod guests;
mod harness;
mod mail_client;
mod names;
mod primary;
mod sink;
mod zone;

mod batch;
mod bounce_addresses;
mod classification;
mod clients;
mod cluster;
mod dashboard;
mod delivery;
mod doctor;
mod documents;
mod domain_checks;
mod domain_routes;
mod domains;
mod events;
mod health;
mod inbox;
mod invariants;
mod limits;
mod nodes;
mod operator;
mod outbound;
mod outlet;
mod plugin_life;
mod plugins;
mod profile;
mod queue;
mod recordings;
mod retention;
mod rotation;
mod score_page;
mod scorer_floors;
mod scoring;
mod sending;
mod sendmail;
mod signatures;
mod smtp;
mod smtp_credentials;
mod sources;
mod stats;
mod stream;
mod submission;
mod suppressions;
mod tracking;
mod tracking_hosts;
mod webhooks;
