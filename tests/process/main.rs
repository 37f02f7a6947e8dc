//! The real process: the binary in a data directory of its own, met over sockets, signals and the command line.

#[path = "../it/guests.rs"]
#[expect(dead_code, reason = "the tests of the API use more of it")]
mod guests;
mod harness;
mod http;
mod mail_client;

mod bulk;
mod clients;
mod customers;
mod disk;
mod durability;
mod edge;
mod first_start;
mod garbage;
mod hits;
mod hostile;
mod http2;
mod https;
mod inbox;
mod kit;
mod log;
mod one_process;
mod patience;
mod plugins;
mod replay;
mod score;
mod sendmail;
mod settings;
mod shutdown;
mod signing;
mod streams;
mod submission;
