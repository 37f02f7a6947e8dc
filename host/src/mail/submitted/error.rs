//! Why a submitted message is not taken.

use std::error::Error;
use std::fmt;

use super::RECEIVED_MAX;
use super::fields::{HEADER_BYTES_MAX, HEADERS_MAX};
use crate::mail::address::AddressError;

/// What is wrong with a message, in a sentence for whoever wrote the program that made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SubmittedError {
    /// This line of the header, counted from 1, is neither a header nor the continuation of one.
    NotAHeader(usize),
    /// More than [`HEADERS_MAX`].
    TooManyHeaders,
    /// More than [`HEADER_BYTES_MAX`] of all headers together.
    HeaderTooLong,
    /// A header that a message has at most once stands there twice.
    Twice(&'static str),
    /// It passed more than [`RECEIVED_MAX`] servers.
    Loop,
    /// There is no author.
    NoFrom,
    /// The author is not UTF-8.
    FromNotText,
    /// The author is not one address.
    From(AddressError),
    /// A header with more addresses than are read.
    ManyAddresses(&'static str),
    /// A header that speaks to the service says something that it does not know, and what it should say.
    Wish(&'static str, &'static str),
}

impl Error for SubmittedError {}

impl fmt::Display for SubmittedError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAHeader(line) => {
                write!(out, "Line {line} is not a header; an empty line must part the headers from the body")
            }
            Self::TooManyHeaders => write!(out, "The message has more than {HEADERS_MAX} headers"),
            Self::HeaderTooLong => write!(out, "The headers are longer than {HEADER_BYTES_MAX} bytes together"),
            Self::Twice(name) => write!(out, "The message has the header {name} twice"),
            Self::Loop => {
                write!(out, "The message has passed more than {RECEIVED_MAX} servers: it goes round in a circle")
            }
            Self::NoFrom => out.write_str("The message has no From header"),
            Self::FromNotText => out.write_str("The From header is not UTF-8"),
            Self::From(error) => write!(out, "The From header must be one address: {error}"),
            Self::ManyAddresses(name) => write!(out, "The header {name} is too long; name the recipients otherwise"),
            Self::Wish(name, wanted) => write!(out, "{name} must be {wanted}"),
        }
    }
}
