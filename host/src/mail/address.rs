//! Who mail comes from and goes to: domain names, email addresses, and addresses with a display name.
//!
//! Everything is parsed once, here. Whoever holds an [`EmailAddress`] has nothing left to check: its domain is lower
//! case ASCII, its parts are within SMTP's limits, and nothing in it can end a header line.

use std::fmt;

use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};
use serde::{Deserialize, Serialize};

mod error;

pub use error::AddressError;

/// The part before the `@`, in bytes of UTF-8 (RFC 5321 section 4.5.3.1.1).
pub const LOCAL_BYTES_MAX: usize = 64;
/// A domain as text. RFC 5321 says 255, but that counts the length bytes of DNS; 253 characters is what fits.
pub const DOMAIN_BYTES_MAX: usize = 253;
/// A whole address: what fits between the angle brackets of an SMTP path of 256 bytes (RFC 5321 section 4.5.3.1.3).
pub const ADDRESS_BYTES_MAX: usize = 254;
/// A display name, in bytes of UTF-8.
pub const NAME_BYTES_MAX: usize = 512;
/// What is looked at at all. More than the sum above, because a domain may be longer in Unicode than in ASCII.
pub const INPUT_BYTES_MAX: usize = 2_048;

/// A domain name in lower-case ASCII (A-labels), with at least one dot.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct DomainName(String);

impl DomainName {
    /// Reads a host name, international ones included (UTS 46), in any case. Address literals, names of one label,
    /// names that end in a dot and names whose last label is a number are refused.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        if text.is_empty() {
            return Err(AddressError::NoDomain);
        }
        if text.starts_with('[') {
            return Err(AddressError::DomainLiteral);
        }
        if text.len() > INPUT_BYTES_MAX {
            return Err(AddressError::DomainTooLong);
        }
        let ascii = Uts46::new()
            .to_ascii(text.as_bytes(), AsciiDenyList::STD3, Hyphens::CheckFirstLast, DnsLength::Ignore)
            .map_err(|_| AddressError::Domain)?;
        if ascii.len() > DOMAIN_BYTES_MAX {
            return Err(AddressError::DomainTooLong);
        }
        if ascii.split('.').any(|label| label.is_empty() || label.len() > 63) {
            return Err(AddressError::Domain);
        }
        let (_, last) = ascii.rsplit_once('.').ok_or(AddressError::DomainWithoutDot)?;
        if last.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(AddressError::DomainLiteral);
        }
        Ok(Self(ascii.into_owned()))
    }

    /// Lower-case ASCII, at most [`DOMAIN_BYTES_MAX`].
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// `local@domain`, as SMTP carries it. The local part keeps its case; one that was quoted without need has lost its
/// quotes, so that `"ada"@example.com` and `ada@example.com` are the one address they name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct EmailAddress {
    whole: String,
    local_bytes: usize,
}

impl EmailAddress {
    /// Reads one address without a display name: dot-atoms and quoted strings (RFC 5321 section 4.1.2), in UTF-8
    /// too (RFC 6531). Comments, folding and address literals are refused.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        if text.is_empty() {
            return Err(AddressError::Empty);
        }
        if text.len() > INPUT_BYTES_MAX {
            return Err(AddressError::TooLong);
        }
        let (local, domain) = text.rsplit_once('@').ok_or(AddressError::NoAt)?;
        let local = match local.strip_prefix('"') {
            Some(quoted) => quoted_local(quoted)?,
            None => dot_atom(local).map(|()| local.to_owned())?,
        };
        if local.len() > LOCAL_BYTES_MAX {
            return Err(AddressError::LocalTooLong);
        }
        let domain = DomainName::parse(domain)?;
        let whole = format!("{local}@{}", domain.as_str());
        if whole.len() > ADDRESS_BYTES_MAX {
            return Err(AddressError::TooLong);
        }
        Ok(Self { whole, local_bytes: local.len() })
    }

    /// What stands before the `@`, with its quotes where it needs them.
    pub fn local(&self) -> &str {
        &self.whole[..self.local_bytes]
    }

    /// What stands after the `@`: lower-case ASCII.
    pub fn domain(&self) -> &str {
        &self.whole[self.local_bytes + 1..]
    }

    /// The whole, at most [`ADDRESS_BYTES_MAX`].
    pub fn as_str(&self) -> &str {
        &self.whole
    }

    /// The spelling under which lists of addresses keep it: all lower case. Servers may tell `Ada` from `ada`; none
    /// that people use do, and someone who unsubscribed must stay so however their address is typed next time.
    pub fn key(&self) -> String {
        self.whole.to_lowercase()
    }

    /// Whether both reach the same person, by [`EmailAddress::key`].
    pub fn matches(&self, other: &Self) -> bool {
        self.whole == other.whole || self.key() == other.key()
    }

    /// Whether the mail servers on its way need SMTPUTF8 (RFC 6531).
    pub fn needs_smtputf8(&self) -> bool {
        !self.whole.is_ascii()
    }
}

/// An address and the name shown with it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Mailbox {
    /// Without quotes and escapes, at most [`NAME_BYTES_MAX`]; never empty.
    pub name: Option<String>,
    /// Where mail goes.
    pub address: EmailAddress,
}

impl Mailbox {
    /// Reads `a@b`, `<a@b>`, `Name <a@b>` or `"Name, with a comma" <a@b>` (RFC 5322 section 3.4, without comments).
    /// A list of several is refused with [`AddressError::Several`].
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        if text.len() > INPUT_BYTES_MAX {
            return Err(AddressError::TooLong);
        }
        let text = text.trim();
        let Some(open) = outside_quotes(text, '<') else {
            return match EmailAddress::parse(text) {
                Err(_) if lists_several(text) => Err(AddressError::Several),
                parsed => parsed.map(|address| Self { name: None, address }),
            };
        };
        let (name, rest) = (text[..open].trim(), &text[open + 1..]);
        let close = outside_quotes(rest, '>').ok_or(AddressError::NoClosingBracket)?;
        let after = rest[close + 1..].trim_start();
        if outside_quotes(name, ',').is_some() || after.starts_with([',', ';']) || lists_several(&rest[..close]) {
            return Err(AddressError::Several);
        }
        if !after.is_empty() {
            return Err(AddressError::AfterAddress);
        }
        Ok(Self { name: display_name(name)?, address: EmailAddress::parse(rest[..close].trim())? })
    }
}

/// A local part that was opened with a quote; `text` begins behind it. It comes back in its shortest spelling.
fn quoted_local(text: &str) -> Result<String, AddressError> {
    let (plain, used) = unquote(text).ok_or(AddressError::Unquoted)?;
    if used < text.len() {
        return Err(AddressError::Unquoted);
    }
    if plain.is_empty() {
        return Err(AddressError::NoLocal);
    }
    if let Some(wrong) = plain.chars().find(|&character| character != ' ' && unfit(character)) {
        return Err(AddressError::LocalCharacter(wrong));
    }
    Ok(if dot_atom(&plain).is_ok() { plain } else { quote(&plain) })
}

/// Atoms with single dots between them.
fn dot_atom(local: &str) -> Result<(), AddressError> {
    if local.is_empty() {
        return Err(AddressError::NoLocal);
    }
    let in_atom = |character: char| is_atext(character) || (!character.is_ascii() && !unfit(character));
    if let Some(wrong) = local.chars().find(|&character| character != '.' && !in_atom(character)) {
        return Err(AddressError::LocalCharacter(wrong));
    }
    if local.split('.').any(str::is_empty) { Err(AddressError::LocalDots) } else { Ok(()) }
}

/// The words of a phrase, quoted or not, without their quotes.
fn display_name(text: &str) -> Result<Option<String>, AddressError> {
    let mut name = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(quote) = rest.find('"') {
        name.push_str(&rest[..quote]);
        let (plain, used) = unquote(&rest[quote + 1..]).ok_or(AddressError::Unquoted)?;
        name.push_str(&plain);
        rest = &rest[quote + 1 + used..];
    }
    name.push_str(rest);
    if name.len() > NAME_BYTES_MAX {
        return Err(AddressError::NameTooLong);
    }
    if let Some(wrong) = name.chars().find(|character| character.is_control() || is_bidi_control(*character)) {
        return Err(AddressError::NameCharacter(wrong));
    }
    Ok(Some(name).filter(|name| !name.trim().is_empty()))
}

/// Reads up to the closing quote: the text without escapes, and how many bytes that took with the quote.
fn unquote(text: &str) -> Option<(String, usize)> {
    let mut plain = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((plain, at + 1)),
            '\\' => plain.push(characters.next()?.1),
            _ => plain.push(character),
        }
    }
    None
}

fn quote(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// Where `wanted` first stands outside of quoted strings.
fn outside_quotes(text: &str, wanted: char) -> Option<usize> {
    let (mut quoted, mut escaped) = (false, false);
    for (at, character) in text.char_indices() {
        match character {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ if character == wanted && !quoted => return Some(at),
            _ => {}
        }
    }
    None
}

fn lists_several(text: &str) -> bool {
    [',', ';'].iter().any(|&separator| outside_quotes(text, separator).is_some())
}

/// RFC 5322 section 3.2.3.
fn is_atext(character: char) -> bool {
    character.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(character)
}

/// Controls, spaces of every kind and characters that nobody can see: two addresses that look the same must be the same.
fn unfit(character: char) -> bool {
    character.is_control()
        || character.is_whitespace()
        || is_bidi_control(character)
        || matches!(character, '\u{ad}' | '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}' | '\u{fffd}')
}

/// Characters that turn the direction of what is shown, and with it what a name seems to say.
fn is_bidi_control(character: char) -> bool {
    matches!(character, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

impl fmt::Display for DomainName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl fmt::Display for EmailAddress {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.whole)
    }
}

impl fmt::Display for Mailbox {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(name) = &self.name else { return self.address.fmt(out) };
        let plain = |character: char| is_atext(character) || character == ' ' || !character.is_ascii();
        if name.chars().all(plain) && name.trim() == name {
            write!(out, "{name} <{}>", self.address)
        } else {
            write!(out, "{} <{}>", quote(name), self.address)
        }
    }
}

macro_rules! text_form {
    ($($parsed:ty),*) => {$(
        impl From<$parsed> for String {
            fn from(parsed: $parsed) -> Self {
                parsed.to_string()
            }
        }

        impl TryFrom<String> for $parsed {
            type Error = AddressError;

            fn try_from(text: String) -> Result<Self, AddressError> {
                Self::parse(&text)
            }
        }
    )*};
}
text_form!(DomainName, EmailAddress, Mailbox);

#[cfg(test)]
mod tests;
