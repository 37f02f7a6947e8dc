//! The API as its users meet it. Every test has a database and a clock of its own.

mod harness;

mod events;
mod sending;
