//! Pillarbox: an email API service whose rules are sandboxed WebAssembly plugins.
//!
//! The README's map says which part knows what. A request becomes a `Route`, is admitted, is read, and is handed to a
//! function with typed input, which speaks to the store and to the plugins.

mod accounts;
mod acme;
mod api;
pub mod app;
mod auth;
pub mod cli;
mod client_rules;
pub mod cluster;
pub mod config;
pub mod control;
pub mod delivery;
pub mod dns;
pub mod domains;
pub mod edge;
mod error;
pub mod feed;
mod hash;
mod heads;
pub mod health;
pub mod hits;
mod http_client;
mod ids;
pub mod inbox;
mod journal;
mod keys_in_flight;
mod kit;
pub mod mail;
mod metrics;
pub mod nodes;
pub mod operator;
mod pages;
mod passwords;
mod peers;
pub mod plugins;
mod rate;
mod reclassify;
pub mod recorder;
pub mod registry;
pub mod replay;
pub mod reply;
pub mod request;
pub mod retention;
mod router;
mod secrets;
mod sendmail;
pub mod server;
pub mod smtp;
mod stats;
pub mod store;
mod tracking;
pub mod tracking_hosts;
pub mod tracking_keys;
mod trust;
