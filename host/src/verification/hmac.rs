//! HMACs in a header, as most providers and servers have them: what is signed, with what, and how it is written.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::general_purpose::STANDARD as BASE64;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use ring::hmac::{self, Context, Key};
use serde::{Deserialize, Serialize};

use super::{Asked, Proof, SIGNATURES_MAX, Wrong, any_same};
use crate::hash::{hex, unhex};
use crate::mail::event::words;

/// Keys are copied by hand, and their padding gets lost.
pub(super) const KEY_BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Characters of what is signed, before anything is filled in.
const TEMPLATE_CHARS_MAX: usize = 256;

words! {
    /// The hash under an HMAC.
    Algorithm {
        /// For senders that know no other.
        Sha1 = "sha1",
        /// What nearly all have.
        Sha256 = "sha256",
        /// The longest.
        Sha512 = "sha512",
    }
}

words! {
    /// How the bytes of a signature are written.
    Encoding {
        /// In small letters.
        Hex = "hex",
        /// With padding (RFC 4648 section 4).
        Base64 = "base64",
    }
}

words! {
    /// How a secret is written.
    KeyForm {
        /// As it is.
        Text = "text",
        /// In hexadecimal.
        Hex = "hex",
        /// In base64.
        Base64 = "base64",
    }
}

impl KeyForm {
    /// The key that a secret is.
    pub(crate) fn bytes(self, secret: &str) -> Result<Vec<u8>, String> {
        let bytes = match self {
            Self::Text => Some(secret.as_bytes().to_vec()),
            Self::Hex => unhex(secret),
            Self::Base64 => KEY_BASE64.decode(secret).ok(),
        };
        bytes.filter(|bytes| !bytes.is_empty()).ok_or_else(|| format!("the secret is not written in {}", self.as_str()))
    }
}

/// How one sender signs.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct HmacRule {
    /// The header with the signature, or with several that blanks part.
    pub(crate) header: String,
    pub(crate) algorithm: Algorithm,
    pub(crate) encoding: Encoding,
    pub(crate) key: KeyForm,
    /// What stands before each signature.
    #[serde(default)]
    pub(crate) prefix: String,
    /// What is signed: text with `{body}`, `{url}`, `{timestamp}` and `{header:NAME}` in it.
    pub(crate) signed: String,
    /// Where the time stands.
    #[serde(default)]
    pub(crate) timestamp_header: Option<String>,
    /// Where the sender's id of the notification stands.
    #[serde(default)]
    pub(crate) id_header: Option<String>,
    /// The names of time and signature where the header is a list such as `t=1710513000,v1=ab12`.
    #[serde(default)]
    pub(crate) fields: Option<(String, String)>,
}

/// A piece of what is signed.
#[derive(Debug, PartialEq)]
enum Piece<'a> {
    Text(&'a str),
    Body,
    Url,
    Timestamp,
    Header(&'a str),
}

impl HmacRule {
    pub(super) fn has_time(&self) -> bool {
        self.timestamp_header.is_some() || self.fields.is_some()
    }

    /// Whether it can be a rule. The error is a sentence for whoever set it.
    pub(crate) fn check(&self) -> Result<(), String> {
        let pieces = pieces(&self.signed)?;
        if pieces.iter().all(|piece| matches!(piece, Piece::Text(_))) {
            return Err("what is signed has nothing of the request in it; write `{body}`".into());
        }
        if pieces.contains(&Piece::Timestamp) && !self.has_time() {
            return Err("what is signed has a {timestamp} in it, so say in which header that stands".into());
        }
        for name in [Some(&self.header), self.timestamp_header.as_ref(), self.id_header.as_ref()].into_iter().flatten()
        {
            check_header(name)?;
        }
        pieces.iter().try_for_each(|piece| if let Piece::Header(name) = piece { check_header(name) } else { Ok(()) })
    }
}

/// Whether this can be the name of a header.
pub(crate) fn check_header(name: &str) -> Result<(), String> {
    let name = http::HeaderName::from_bytes(name.as_bytes()).map_err(|_| format!("`{name}` is no name of a header"));
    name.map(drop)
}

/// Checks what a sender signed by its rule.
pub(super) fn check(rule: &HmacRule, secrets: &[String], asked: &Asked<'_>) -> Result<Proof, Wrong> {
    let header = asked.header(&rule.header)?;
    let (signatures, time) = if let Some((time, signature)) = &rule.fields {
        listed(header, time, signature)?
    } else {
        let time = rule.timestamp_header.as_deref().map(|name| asked.header(name)).transpose()?;
        (header.split_ascii_whitespace().collect(), time)
    };
    if signatures.len() > SIGNATURES_MAX {
        return Err(Wrong::Malformed(format!("header {}", rule.header)));
    }
    let given: Vec<_> =
        signatures.iter().filter_map(|signature| signature.strip_prefix(rule.prefix.as_str())).collect();
    let pieces = pieces(&rule.signed).map_err(Wrong::Malformed)?;
    let mut wanted = Vec::with_capacity(secrets.len());
    for secret in secrets {
        let mut context = Context::with_key(&key(rule, secret)?);
        for piece in &pieces {
            match piece {
                Piece::Text(text) => context.update(text.as_bytes()),
                Piece::Body => context.update(asked.body),
                Piece::Url => context.update(asked.url.as_bytes()),
                Piece::Timestamp => context.update(time.unwrap_or_default().as_bytes()),
                Piece::Header(name) => context.update(asked.header(name)?.as_bytes()),
            }
        }
        let mac = context.sign();
        wanted.push(match rule.encoding {
            Encoding::Hex => hex(mac.as_ref()),
            Encoding::Base64 => BASE64.encode(mac),
        });
    }
    // Bytes that were written in another way are another signature: nobody writes them so.
    any_same(given.iter().copied(), &wanted)?;
    if let Some(time) = time {
        asked.check_time(time)?;
    }
    let id = rule.id_header.as_deref().map(|name| asked.header_if_any(name)).transpose()?.flatten();
    let once = (!pieces.contains(&Piece::Body)).then(|| given.join(" "));
    Ok(Proof { id: id.map(str::to_owned), once })
}

fn key(rule: &HmacRule, secret: &str) -> Result<Key, Wrong> {
    let algorithm = match rule.algorithm {
        Algorithm::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
        Algorithm::Sha256 => hmac::HMAC_SHA256,
        Algorithm::Sha512 => hmac::HMAC_SHA512,
    };
    Ok(Key::new(algorithm, &rule.key.bytes(secret).map_err(Wrong::Malformed)?))
}

/// The signatures of a list such as `t=1710513000,v1=ab12`, and its time, which has to be there.
fn listed<'a>(header: &'a str, time: &str, signature: &str) -> Result<(Vec<&'a str>, Option<&'a str>), Wrong> {
    let pairs = || header.split(',').filter_map(|pair| pair.trim().split_once('='));
    let found = pairs().find(|(name, _)| *name == time).map(|(_, time)| time);
    let signatures = pairs().filter(|(name, _)| *name == signature).map(|(_, signature)| signature);
    let found = found.ok_or_else(|| Wrong::Missing(format!("{time} beside the signature")))?;
    Ok((signatures.collect(), Some(found)))
}

/// Takes what is signed apart.
fn pieces(template: &str) -> Result<Vec<Piece<'_>>, String> {
    if template.len() > TEMPLATE_CHARS_MAX {
        return Err(format!("what is signed is described in at most {TEMPLATE_CHARS_MAX} characters"));
    }
    let mut pieces = Vec::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        if !before.is_empty() {
            pieces.push(Piece::Text(before));
        }
        let (name, after) = after.split_once('}').ok_or("what is signed has a { without its }")?;
        pieces.push(match name {
            "body" => Piece::Body,
            "url" => Piece::Url,
            "timestamp" => Piece::Timestamp,
            name => {
                let header = name.strip_prefix("header:");
                let wrong = "{body}, {url}, {timestamp} and {header:NAME} can be signed";
                Piece::Header(header.ok_or_else(|| format!("{{{name}}} is not known: {wrong}"))?)
            }
        });
        rest = after;
    }
    if !rest.is_empty() {
        pieces.push(Piece::Text(rest));
    }
    Ok(pieces)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_signed_is_taken_apart() {
        let taken = pieces("v0:{timestamp}.{header:X-Id}{body}\n{url}").expect("it is well formed");
        let text = Piece::Text;
        let wanted =
            [text("v0:"), Piece::Timestamp, text("."), Piece::Header("X-Id"), Piece::Body, text("\n"), Piece::Url];
        assert_eq!(taken, wanted);
        for wrong in ["{body", "{bodies}", "{}"] {
            assert!(pieces(wrong).is_err(), "{wrong}");
        }
        let longest = "x".repeat(TEMPLATE_CHARS_MAX);
        assert!(pieces(&longest).is_ok() && pieces(&format!("{longest}x")).is_err());
    }

    #[test]
    fn a_key_is_read_in_the_form_that_it_has() {
        assert_eq!(KeyForm::Text.bytes("c2VjcmV0").as_deref(), Ok(&b"c2VjcmV0"[..]));
        assert_eq!(KeyForm::Hex.bytes("00ff").as_deref(), Ok(&[0, 255][..]));
        for padded in ["c2VjcmV0cw==", "c2VjcmV0cw"] {
            assert_eq!(KeyForm::Base64.bytes(padded).as_deref(), Ok(&b"secrets"[..]));
        }
        for (form, wrong) in [(KeyForm::Hex, "xy"), (KeyForm::Base64, "=?"), (KeyForm::Text, "")] {
            assert!(form.bytes(wrong).is_err(), "{wrong}");
        }
    }
}
