//! What is wrong with an address, in words for whoever wrote it.

use std::error::Error;
use std::fmt;

use super::{ADDRESS_BYTES_MAX, DOMAIN_BYTES_MAX, LOCAL_BYTES_MAX, NAME_BYTES_MAX, unfit};

/// Why a text is not an address. The sentence is for whoever wrote it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddressError {
    /// There is no text.
    Empty,
    /// Longer than [`ADDRESS_BYTES_MAX`].
    TooLong,
    /// A comma or semicolon between addresses.
    Several,
    /// No `@`.
    NoAt,
    /// Nothing before the `@`.
    NoLocal,
    /// Longer than [`LOCAL_BYTES_MAX`].
    LocalTooLong,
    /// Something in the local part that cannot stand there, or not without quotes.
    LocalCharacter(char),
    /// A dot at its beginning, at its end, or two in a row.
    LocalDots,
    /// A quote that is not closed, or text right behind the closing one.
    Unquoted,
    /// Nothing after the `@`.
    NoDomain,
    /// Not a host name.
    Domain,
    /// Longer than [`DOMAIN_BYTES_MAX`].
    DomainTooLong,
    /// One label only.
    DomainWithoutDot,
    /// An IP address.
    DomainLiteral,
    /// `<` without `>`.
    NoClosingBracket,
    /// Text behind the `>`.
    AfterAddress,
    /// Longer than [`NAME_BYTES_MAX`].
    NameTooLong,
    /// A control character in the display name.
    NameCharacter(char),
}

impl Error for AddressError {}

impl fmt::Display for AddressError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => out.write_str("the address is empty; write it as name@example.com"),
            Self::TooLong => write!(out, "the address is longer than {ADDRESS_BYTES_MAX} bytes"),
            Self::Several => {
                out.write_str("one address is wanted here, and this is a list; send one address per field")
            }
            Self::NoAt => out.write_str("the address has no @; write it as name@example.com"),
            Self::NoLocal => out.write_str("nothing stands before the @"),
            Self::LocalTooLong => write!(out, "the part before the @ is longer than {LOCAL_BYTES_MAX} bytes"),
            Self::LocalCharacter(wrong) => write!(out, "{} cannot stand before the @", shown(*wrong)),
            Self::LocalDots => {
                out.write_str("the part before the @ begins or ends with a dot, or has two dots in a row")
            }
            Self::Unquoted => out.write_str("a quoted part does not end where it should; close it with \""),
            Self::NoDomain => out.write_str("nothing stands after the @"),
            Self::Domain => {
                out.write_str("the domain is not a host name; it may have letters, digits, dots and hyphens")
            }
            Self::DomainTooLong => write!(out, "the domain is longer than {DOMAIN_BYTES_MAX} characters"),
            Self::DomainWithoutDot => out.write_str("the domain has no dot; write it in full, as in example.com"),
            Self::DomainLiteral => out.write_str("the domain is an IP address; use a domain name, as in example.com"),
            Self::NoClosingBracket => out.write_str("< is not closed; write it as Name <name@example.com>"),
            Self::AfterAddress => out.write_str("text follows the address; write it as Name <name@example.com>"),
            Self::NameTooLong => write!(out, "the display name is longer than {NAME_BYTES_MAX} bytes"),
            Self::NameCharacter(wrong) => write!(out, "{} cannot stand in a display name", shown(*wrong)),
        }
    }
}

/// A character as a person can read it, whatever it is.
fn shown(character: char) -> String {
    match character {
        ' ' => "a space".to_owned(),
        _ if unfit(character) => format!("the character U+{:04X}", u32::from(character)),
        _ => format!("{character:?}"),
    }
}
