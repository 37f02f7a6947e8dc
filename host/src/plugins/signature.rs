//! Signatures of plugins: who vouches for a file, and whether that can be so.
//!
//! A signature is a small JSON document beside the file. What is signed is not the document but a payload made of its
//! parts, each with its length before it, so that no part can run into the next, under a name that no other use of the
//! same key has. It binds the digest of the file as it was given to a name, a version and a world: a signature cannot
//! be moved to another file, and one made for another name or version does not pass when the component is asked.
//!
//! ```text
//! raw bytes → digest → key → signature          before anything is parsed
//! admitted → name, version and world            once the component has said who it is
//! ```
//!
//! Pure functions: no file is read and no clock is looked at here.

mod key;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};

pub use self::key::{PublicKey, SigningKey};
use super::Loaded;
use super::declaration::shown;
use super::error::Refusal;
use crate::hash::{hex, sha256};

/// The form of the document that this host writes and reads.
const FORMAT: u64 = 1;
/// The one algorithm: RFC 8032.
const ALGORITHM: &str = "ed25519";
/// What no other payload begins with.
const DOMAIN: &str = "pillarbox plugin signature v1";
/// Bytes of a document. Its parts are bounded by the contract, so an honest one has less than a quarter of this.
pub const DOCUMENT_BYTES_MAX: usize = 4_096;

/// What is vouched for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Subject {
    /// SHA-256 of the file as it was given.
    pub digest: [u8; 32],
    /// The plugin's name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its world, such as `scorer`.
    pub world: String,
}

/// A signature as it travels, not checked yet.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Signature {
    /// Which key made it, as [`PublicKey::key_id`] says. It is a hint: the signature alone proves it.
    pub key_id: String,
    /// What it is about.
    pub subject: Subject,
    /// Over [`Subject::payload`].
    pub bytes: [u8; 64],
}

/// A signature that holds for a file. Whether the file is what it says is asked with [`Verified::matches`].
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Verified {
    /// The key that made it.
    pub key_id: String,
    /// What its owner vouches for.
    pub subject: Subject,
}

/// The document, a field each.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Document {
    format: u64,
    algorithm: String,
    key_id: String,
    digest: String,
    name: String,
    version: String,
    world: String,
    signature: String,
}

/// As much of a document as every form of it has.
#[derive(Deserialize)]
struct AnyForm {
    format: u64,
}

impl Subject {
    /// What a plugin that was admitted is.
    pub fn of(loaded: &Loaded, file: &[u8]) -> Self {
        Self {
            digest: sha256(file),
            name: loaded.id.name.clone(),
            version: loaded.id.version.clone(),
            world: loaded.world.as_str().to_owned(),
        }
    }

    /// The bytes that are signed: the domain, the algorithm, the 32 bytes of the digest, name, version and world, each
    /// after its length in eight bytes, most significant first.
    pub fn payload(&self) -> Vec<u8> {
        let (name, version, world) = (self.name.as_bytes(), self.version.as_bytes(), self.world.as_bytes());
        let parts = [DOMAIN.as_bytes(), ALGORITHM.as_bytes(), &self.digest, name, version, world];
        let mut payload = Vec::with_capacity(256);
        for part in parts {
            payload.extend_from_slice(&(part.len() as u64).to_be_bytes());
            payload.extend_from_slice(part);
        }
        payload
    }

    fn shown_digest(&self) -> String {
        format!("sha256:{}", hex(&self.digest))
    }
}

impl Signature {
    /// Reads a document. Everything in it is bounded, and a field too many is as wrong as one too few.
    pub fn parse(document: &[u8]) -> Result<Self, Refusal> {
        if document.len() > DOCUMENT_BYTES_MAX {
            let message =
                format!("the signature document has {} bytes of at most {DOCUMENT_BYTES_MAX}", document.len());
            return Err(malformed(message));
        }
        let unreadable =
            |error: serde_json::Error| malformed(format!("the signature document cannot be read: {error}"));
        let AnyForm { format } = serde_json::from_slice(document).map_err(unreadable)?;
        if format != FORMAT {
            let message = format!("the signature document has the form {format}, and this host reads {FORMAT}");
            return Err(Refusal::new("unknown_format", message));
        }
        let read: Document = serde_json::from_slice(document).map_err(unreadable)?;
        if read.algorithm != ALGORITHM {
            let algorithm = shown(&read.algorithm);
            let message = format!("the signature is of the kind {algorithm:?}, and this host knows {ALGORITHM}");
            return Err(Refusal::new("unknown_algorithm", message));
        }
        let digest = read.digest.strip_prefix("sha256:").and_then(unhex);
        let digest = digest.ok_or_else(|| malformed("`digest` is not sha256: and 64 lower-case hexadecimal digits"))?;
        let bytes = BASE64.decode(&read.signature).ok().and_then(|bytes| <[u8; 64]>::try_from(bytes).ok());
        let bytes = bytes.ok_or_else(|| malformed("`signature` is not 64 bytes in base64"))?;
        let subject = Subject { digest, name: read.name, version: read.version, world: read.world };
        Ok(Self { key_id: read.key_id, subject, bytes })
    }

    /// The document, for people and for [`Signature::parse`].
    pub fn document(&self) -> String {
        let document = Document {
            format: FORMAT,
            algorithm: ALGORITHM.to_owned(),
            key_id: self.key_id.clone(),
            digest: self.subject.shown_digest(),
            name: self.subject.name.clone(),
            version: self.subject.version.clone(),
            world: self.subject.world.clone(),
            signature: BASE64.encode(self.bytes),
        };
        serde_json::to_string_pretty(&document).expect("texts and a number serialize") + "\n"
    }
}

impl Verified {
    /// Whether the plugin, once asked, is the one that was vouched for.
    pub fn matches(&self, loaded: &Loaded) -> Result<(), Refusal> {
        let Subject { name, version, world, .. } = &self.subject;
        let is = [
            ("other_name", "name", name.as_str(), loaded.id.name.as_str()),
            ("other_version", "version", version.as_str(), loaded.id.version.as_str()),
            ("other_world", "world", world.as_str(), loaded.world.as_str()),
        ];
        let wrong = is.into_iter().find(|(_, _, signed, is)| signed != is);
        wrong.map_or(Ok(()), |(code, what, signed, is)| {
            let signed = shown(signed);
            Err(Refusal::new(code, format!("the signature is for the {what} {signed:?}, and the plugin's is {is:?}")))
        })
    }
}

/// Whether a document vouches for these bytes, by one of these keys. Nothing of the file is parsed.
///
/// The codes: `malformed_signature`, `unknown_format`, `unknown_algorithm`, `unknown_key`, `wrong_digest`,
/// `bad_signature`; from [`Verified::matches`] also `other_name`, `other_version`, `other_world`.
pub fn verify(file: &[u8], document: &[u8], keys: &[PublicKey]) -> Result<Verified, Refusal> {
    let signature = Signature::parse(document)?;
    let Some(key) = keys.iter().find(|key| key.key_id() == signature.key_id) else {
        let known = match keys.len() {
            0 => "no key is trusted here".to_owned(),
            1 => format!("the one trusted here is {}", keys[0].key_id()),
            count => format!("none of the {count} that are trusted here"),
        };
        let key_id = shown(&signature.key_id);
        return Err(Refusal::new("unknown_key", format!("it is signed with the key {key_id:?}; {known}")));
    };
    if signature.subject.digest != sha256(file) {
        let message = format!(
            "the signature is for a file with the digest {}, and this one has sha256:{}: it was changed after it was \
             signed, or the signature belongs to another file",
            signature.subject.shown_digest(),
            hex(&sha256(file))
        );
        return Err(Refusal::new("wrong_digest", message));
    }
    if !key.holds(&signature.subject.payload(), &signature.bytes) {
        let message = format!(
            "the signature does not hold for {}@{} by the key {}: it, or what it says, was changed",
            shown(&signature.subject.name),
            shown(&signature.subject.version),
            signature.key_id
        );
        return Err(Refusal::new("bad_signature", message));
    }
    Ok(Verified { key_id: signature.key_id, subject: signature.subject })
}

/// The same where a file may have no signature at all, which is the code `unsigned`.
pub fn demand(file: &[u8], document: Option<&[u8]>, keys: &[PublicKey]) -> Result<Verified, Refusal> {
    let message = "the plugin is not signed; its author signs it with `pillarbox plugin sign`";
    document.map_or_else(|| Err(Refusal::new("unsigned", message)), |document| verify(file, document, keys))
}

/// What an installation wants of the plugins that it takes.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// Whether a plugin without a signature by one of the keys is refused.
    pub required: bool,
    /// Whom to trust.
    pub keys: Vec<PublicKey>,
}

impl Policy {
    /// Looks at a file and its signature before the file is parsed. `None` when nothing vouches for it, which is an
    /// error only where a signature is required. The codes are those of [`demand`].
    pub fn check(&self, file: &[u8], document: Option<&[u8]>) -> Result<Option<Verified>, Refusal> {
        let verified = demand(file, document, &self.keys);
        if self.required { verified.map(Some) } else { Ok(verified.ok()) }
    }

    /// Looks at a plugin once it has said who it is. A signature under another name vouches for nothing, which is an
    /// error only where one is required.
    pub fn confirm(&self, verified: Option<Verified>, loaded: &Loaded) -> Result<Option<Verified>, Refusal> {
        let matching = verified.map(|verified| verified.matches(loaded).map(|()| verified)).transpose();
        if self.required { matching } else { Ok(matching.unwrap_or_default()) }
    }
}

fn malformed(message: impl Into<String>) -> Refusal {
    Refusal::new("malformed_signature", message)
}

/// The reverse of `hex`, as strict: one text stands for some bytes.
fn unhex(text: &str) -> Option<[u8; 32]> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let pairs: Option<Vec<u8>> =
        text.as_bytes().chunks(2).map(|pair| Some(digit(*pair.first()?)? << 4 | digit(*pair.get(1)?)?)).collect();
    pairs?.try_into().ok()
}
