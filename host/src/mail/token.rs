//! Tracking tokens: what stands in the address of a pixel, a tracked link or an unsubscribe page.
//!
//! ```text
//! kind 1 · key id 1 · email id 16 · link number 1..5 (LEB128) · destination (UTF-8) without its scheme · MAC 16
//! ```
//!
//! The bits of the kind are, from the highest: version 4, purpose 2, scheme 2. So a link to an address of 60 characters
//! has a token of 116 characters. It is spelled in base64url without padding (RFC 4648
//! section 5). The MAC is HMAC-SHA256 over everything before it, cut to 128
//! bits (RFC 2104 section 5). A token says all that a node at the edge needs to answer, so no database is asked, and a
//! redirect leads nowhere but to where the author of the email pointed it. There is one spelling of each token: what
//! decodes to the same bytes but is spelled otherwise is refused, as is every change, cut and extension.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use uuid::Uuid;

use super::mac::{MAC_BYTES, MacKeys};

/// The longest destination. Longer ones do not survive the mail programs and proxies on their way either.
pub const DESTINATION_BYTES_MAX: usize = 2_048;
/// The longest token: what is longer is not even decoded.
pub const TOKEN_BYTES_MAX: usize = (HEAD_BYTES + LINK_BYTES_MAX + DESTINATION_BYTES_MAX + MAC_BYTES).div_ceil(3) * 4;

/// The link number of the canary, a hidden link that no person sees. Links of authors are counted from 0 and never get
/// so far.
pub const CANARY_LINK: u32 = u32::MAX;

/// Version 1 had a byte for each part of the kind. No release made one.
const VERSION: u8 = 2;
const HEAD_BYTES: usize = 2 + 16;
/// What is left out of a destination, by what the kind says of its scheme. 0 leaves all of it in: nobody else writes
/// a scheme in capitals, and it is to come back as it was.
const SCHEMES: [&str; 3] = ["", "http://", "https://"];
const LINK_BYTES_MAX: usize = 5;

/// What a token may be used for. A token of one purpose is none for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// The pixel was fetched.
    Open,
    /// A link was followed.
    Click,
    /// The recipient wants no more.
    Unsubscribe,
}

impl Purpose {
    /// What stands in the token, and never changes.
    fn number(self) -> u8 {
        match self {
            Self::Open => 0,
            Self::Click => 1,
            Self::Unsubscribe => 2,
        }
    }
}

/// What a token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims {
    /// Whose copy it stands in.
    pub email_id: Uuid,
    /// Which link of the email, counted from 0 in the order of the html; 0 for pixels.
    pub link: u32,
    /// Where a click leads: an http or https URL, byte for byte as its author wrote it.
    pub destination: Option<String>,
}

impl Claims {
    /// Whether a click token is that of the canary, which leads nowhere.
    pub fn is_canary(&self) -> bool {
        self.link == CANARY_LINK && self.destination.is_none()
    }
}

/// The keys that sign and check tokens, ready for use.
#[derive(Debug)]
pub struct KeyRing(MacKeys);

impl KeyRing {
    /// The first key signs, all of them check. To change keys, put the new one first and leave the old ones behind
    /// it for as long as their emails should still count. `None` without a key or when two have the same id.
    pub fn new(keys: Vec<(u8, [u8; 32])>) -> Option<Self> {
        MacKeys::new(keys).map(Self)
    }

    /// The token for these claims. A click needs a destination that [`check_destination`] accepts; a link that has
    /// none stays as its author wrote it, without tracking.
    pub fn seal(&self, claims: &Claims, purpose: Purpose) -> Result<String, DestinationError> {
        let destination = claims.destination.as_deref();
        destination.map_or(Ok(()), check_destination)?;
        let (scheme, rest) = split_scheme(destination.unwrap_or_default());
        let mut token = Vec::with_capacity(HEAD_BYTES + LINK_BYTES_MAX + rest.len() + MAC_BYTES);
        token.extend([VERSION << 4 | purpose.number() << 2 | scheme, self.0.signing()]);
        token.extend(claims.email_id.as_bytes());
        write_number(&mut token, claims.link);
        token.extend(rest.as_bytes());
        let mac = self.0.mac(&token);
        token.extend(mac);
        Ok(URL_SAFE_NO_PAD.encode(token))
    }

    /// What a token says, when one of these keys made it for this purpose. Nothing tells why another is refused.
    pub fn open(&self, token: &str, purpose: Purpose) -> Option<Claims> {
        if token.len() > TOKEN_BYTES_MAX {
            return None;
        }
        // Decoding is strict: no padding, no bits left over, no other alphabet.
        let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (body, mac) = bytes.split_at_checked(bytes.len().checked_sub(MAC_BYTES)?)?;
        let (head, rest) = body.split_at_checked(HEAD_BYTES)?;
        if head[0] >> 2 != VERSION << 2 | purpose.number() || !self.0.made(head[1], body, mac) {
            return None;
        }
        let email_id = Uuid::from_slice(&head[2..]).ok()?;
        let (link, destination) = read_number(rest)?;
        let scheme = SCHEMES.get(usize::from(head[0] & 0b11))?;
        let destination = format!("{scheme}{}", std::str::from_utf8(destination).ok()?);
        let destination = Some(destination).filter(|destination| !destination.is_empty());
        destination.as_deref().map_or(Ok(()), check_destination).ok()?;
        Some(Claims { email_id, link, destination })
    }
}

/// What a token says of a destination's scheme, and what follows it.
fn split_scheme(destination: &str) -> (u8, &str) {
    let found = (1..).zip(&SCHEMES[1..]).find_map(|(number, scheme)| Some((number, destination.strip_prefix(scheme)?)));
    found.unwrap_or((0, destination))
}

/// LEB128: seven bits a byte, the lowest first.
fn write_number(out: &mut Vec<u8>, mut number: u32) {
    while number >= 0x80 {
        out.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    out.push(number.to_le_bytes()[0]);
}

fn read_number(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let mut number = 0;
    for (at, &byte) in bytes.iter().enumerate().take(LINK_BYTES_MAX) {
        number |= u64::from(byte & 0x7f) << (7 * at);
        if byte < 0x80 {
            return Some((u32::try_from(number).ok()?, &bytes[at + 1..]));
        }
    }
    None
}

/// Whether a click may lead there: http or https, a host, no user name or password (they are the favourite way to
/// make one host look like another), nothing that could end a header line, at most [`DESTINATION_BYTES_MAX`].
pub fn check_destination(url: &str) -> Result<(), DestinationError> {
    if url.len() > DESTINATION_BYTES_MAX {
        return Err(DestinationError::TooLong);
    }
    if url.chars().any(|character| character.is_control() || character.is_whitespace()) {
        return Err(DestinationError::Character);
    }
    let rest = after_scheme(url).ok_or(DestinationError::Scheme)?;
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    // Browsers read a backslash as a slash and others do not, so with one nobody knows which host is meant.
    if authority.contains(['@', '\\']) {
        return Err(DestinationError::UserInfo);
    }
    let host = authority.split(':').next().unwrap_or_default();
    if host.is_empty() { Err(DestinationError::Host) } else { Ok(()) }
}

/// What follows `http://` or `https://`, in any case.
pub(crate) fn after_scheme(url: &str) -> Option<&str> {
    ["https://", "http://"].iter().find_map(|scheme| {
        let (start, rest) = url.split_at_checked(scheme.len())?;
        start.eq_ignore_ascii_case(scheme).then_some(rest)
    })
}

/// A destination as the value of a Location header: what is not ASCII is percent-encoded, all else stays.
pub fn as_location(destination: &str) -> Cow<'_, str> {
    if destination.is_ascii() {
        return Cow::Borrowed(destination);
    }
    let mut location = String::with_capacity(destination.len() * 2);
    for character in destination.chars() {
        if character.is_ascii() {
            location.push(character);
        } else {
            for byte in character.encode_utf8(&mut [0; 4]).bytes() {
                location.push('%');
                location.extend([byte >> 4, byte & 15].map(|half| char::from(b"0123456789ABCDEF"[usize::from(half)])));
            }
        }
    }
    Cow::Owned(location)
}

/// Why a URL cannot be the destination of a tracked link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DestinationError {
    /// Longer than [`DESTINATION_BYTES_MAX`].
    TooLong,
    /// A space or control character.
    Character,
    /// Neither http nor https.
    Scheme,
    /// `user:password@`, or a backslash in its place.
    UserInfo,
    /// No host.
    Host,
}

impl Error for DestinationError {}

impl fmt::Display for DestinationError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => write!(out, "the URL is longer than {DESTINATION_BYTES_MAX} bytes"),
            Self::Character => out.write_str("the URL has a space or a control character; percent-encode it"),
            Self::Scheme => out.write_str("the URL begins with neither http:// nor https://"),
            Self::UserInfo => out.write_str("the URL has a user name or a backslash before its host; take it out"),
            Self::Host => out.write_str("the URL has no host"),
        }
    }
}

#[cfg(test)]
mod tests;
