//! The rules of mail: what an address, an event, a header, a template, a token, a signature and a message are.
//!
//! Nothing in here does I/O, waits, looks at the clock or draws a random number: what a function needs to know of
//! the world is an argument, so the same call gives the same answer wherever and whenever it is made.

pub mod address;
pub mod build;
pub mod client;
pub mod dkim;
pub mod dns;
pub(crate) mod entities;
pub mod event;
pub mod headers;
pub mod health;
pub mod links;
pub(crate) mod mac;
pub mod merge;
pub mod parsed;
pub mod pieces;
pub mod reply;
pub mod standing;
pub mod submitted;
pub mod text;
pub mod token;
pub mod verp;
