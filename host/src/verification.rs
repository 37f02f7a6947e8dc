//! Whether a notification comes from whom its source stands for: the signatures of providers, over the bytes as they came.
//!
//! Nothing here waits, looks at a clock or asks anybody: what has to be fetched is an argument. Secrets and signatures are
//! compared in a time that tells nothing about where they differ.

mod fields;
mod hmac;
mod keys;
mod mailgun;
pub(crate) mod mandrill;
mod plain;
mod postal;
mod sendgrid;
pub(crate) mod sns;
mod standard;
mod unisender;

use std::fmt;

use http::HeaderMap;
use serde::{Deserialize, Serialize};

pub(crate) use self::hmac::{Algorithm, Encoding, HmacRule, KeyForm, check_header};
use crate::secrets::same_secret;

/// Signatures that one request may carry: senders that rotate their secret sign with both.
const SIGNATURES_MAX: usize = 8;
/// Digits of a time in seconds. One with more is in milliseconds.
const SECONDS_DIGITS_MAX: usize = 11;

/// How a notification proves whom it comes from.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(tag = "scheme", rename_all = "kebab-case")]
pub(crate) enum Rule {
    /// By the address alone that it was sent to.
    None,
    /// By a user and a password (RFC 7617).
    Basic,
    /// By a secret in a header.
    Header {
        /// Its name.
        header: String,
        /// What stands before the secret.
        #[serde(default)]
        prefix: String,
    },
    /// By an HMAC in a header.
    Hmac(HmacRule),
    /// As Standard Webhooks and Svix have it: HMAC-SHA256 or Ed25519 over id, time and body.
    Standard {
        /// The secret is the key as it is written, and not base64 of it.
        #[serde(default)]
        text: bool,
        /// Signatures stand without their version.
        #[serde(default)]
        bare: bool,
    },
    /// As Amazon SNS does, for these topics alone.
    Sns { topics: Vec<String> },
    /// By ECDSA over time and body.
    Sendgrid,
    /// By HMAC-SHA256 over a time and a token in the body.
    Mailgun,
    /// By HMAC-SHA1 over the address and the fields of the form.
    Mandrill,
    /// By RSA over the body.
    Postal,
    /// By MD5 over the body with the key in it.
    UnisenderGo,
}

impl Rule {
    /// Its word.
    pub(crate) fn scheme(&self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Basic => "basic",
            Self::Header { .. } => "header",
            Self::Hmac(_) => "hmac",
            Self::Standard { .. } => "standard",
            Self::Sns { .. } => "sns",
            Self::Sendgrid => "sendgrid",
            Self::Mailgun => "mailgun",
            Self::Mandrill => "mandrill",
            Self::Postal => "postal",
            Self::UnisenderGo => "unisender-go",
        }
    }

    /// Whether it says when a notification was signed, so that an old one can be told from a new one. That of Amazon SNS
    /// does not count: a notification that comes again an hour later has the time of the first attempt.
    pub(crate) fn has_time(&self) -> bool {
        match self {
            Self::Hmac(rule) => rule.has_time(),
            Self::Standard { .. } | Self::Sendgrid | Self::Mailgun => true,
            Self::None
            | Self::Basic
            | Self::Header { .. }
            | Self::Sns { .. }
            | Self::Mandrill
            | Self::Postal
            | Self::UnisenderGo => false,
        }
    }

    /// Whether this can be a secret of it. The error is a sentence for whoever set it.
    pub(crate) fn check_secret(&self, secret: &str) -> Result<(), String> {
        match self {
            Self::None | Self::Sns { .. } => Err("this scheme has no secret".into()),
            Self::Basic => plain::check_basic(secret),
            Self::Standard { text, .. } => standard::check_secret(secret, *text),
            Self::Hmac(rule) => rule.key.bytes(secret).map(drop),
            Self::Sendgrid => keys::P256Key::read(secret).map(drop),
            Self::Postal => keys::RsaKey::read(secret).map(drop),
            Self::Header { .. } | Self::Mailgun | Self::Mandrill | Self::UnisenderGo => Ok(()),
        }
    }
}

/// A request as it came, and when.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) headers: &'a HeaderMap,
    pub(crate) body: &'a [u8],
    /// The address that the provider was given, letter by letter.
    pub(crate) url: &'a str,
    /// In milliseconds.
    pub(crate) now: i64,
    /// How far the time of a signature may be from now, in seconds, on either side. `None` where it does not matter.
    pub(crate) window_secs: Option<i64>,
}

/// What is known of a notification that proved whom it comes from.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Proof {
    /// The sender's own id of it, the same when it comes again.
    pub(crate) id: Option<String>,
    /// Where the body is not signed: what is, which must come with one body only.
    pub(crate) once: Option<String>,
}

/// Why a notification does not prove whom it comes from. For the log alone: whoever sent it learns nothing.
#[derive(Debug, PartialEq)]
pub(crate) enum Wrong {
    /// Something that has to be there is not.
    Missing(String),
    /// Something is there in another form than it has to be.
    Malformed(String),
    /// No secret of the source makes this signature.
    Mismatch,
    /// It was signed so many seconds too early, or too late where the number is negative.
    Stale(i64),
    /// What was signed came with another body before.
    Replayed,
    /// It is of a topic that the source does not take.
    Topic(String),
    /// A certificate that signs is not one that may.
    Certificate(String),
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(what) => write!(f, "there is no {what}"),
            Self::Malformed(what) => write!(f, "{what} is malformed"),
            Self::Mismatch => f.write_str("the signature is of none of the source's secrets"),
            Self::Stale(secs) if *secs < 0 => write!(f, "it was signed {} seconds after now", secs.unsigned_abs()),
            Self::Stale(secs) => write!(f, "it was signed {secs} seconds ago"),
            Self::Replayed => f.write_str("its signature came with another body before"),
            Self::Topic(topic) => write!(f, "the source does not take the topic {topic}"),
            Self::Certificate(why) => write!(f, "the certificate that signs it {why}"),
        }
    }
}

impl std::error::Error for Wrong {}

/// Checks a notification by the rule of its source, whose secrets are one, or two while they change. What Amazon SNS signs
/// needs a certificate and is checked by [`sns`].
pub(crate) fn check(rule: &Rule, secrets: &[String], asked: &Asked<'_>) -> Result<Proof, Wrong> {
    match rule {
        Rule::None => Ok(Proof::default()),
        Rule::Basic => plain::basic(secrets, asked),
        Rule::Header { header, prefix } => plain::header(header, prefix, secrets, asked),
        Rule::Hmac(rule) => hmac::check(rule, secrets, asked),
        Rule::Standard { text, bare } => standard::check(*text, *bare, secrets, asked),
        Rule::Sns { .. } => Err(Wrong::Missing("certificate".into())),
        Rule::Sendgrid => sendgrid::check(secrets, asked),
        Rule::Mailgun => mailgun::check(secrets, asked),
        Rule::Mandrill => mandrill::check(secrets, asked),
        Rule::Postal => postal::check(secrets, asked),
        Rule::UnisenderGo => unisender::check(secrets, asked),
    }
}

impl<'a> Asked<'a> {
    /// A header that has to be there, once.
    fn header(&self, name: &str) -> Result<&'a str, Wrong> {
        self.header_if_any(name)?.ok_or_else(|| Wrong::Missing(format!("header {name}")))
    }

    fn header_if_any(&self, name: &str) -> Result<Option<&'a str>, Wrong> {
        let mut values = self.headers.get_all(name).iter();
        let Some(value) = values.next() else { return Ok(None) };
        let text = value.to_str().ok().filter(|_| values.next().is_none());
        text.map(Some).ok_or_else(|| Wrong::Malformed(format!("header {name}")))
    }

    /// Whether a time of a signature, in digits, is inside the window.
    fn check_time(&self, time: &str) -> Result<(), Wrong> {
        let number = time.parse::<i64>().ok().filter(|_| time.bytes().all(|byte| byte.is_ascii_digit()));
        let number = number.ok_or_else(|| Wrong::Malformed("time of the signature".into()))?;
        let signed_at = if time.len() > SECONDS_DIGITS_MAX { number / 1_000 } else { number };
        let age_secs = self.now.div_euclid(1_000).saturating_sub(signed_at);
        match self.window_secs {
            Some(window_secs) if age_secs.saturating_abs() > window_secs => Err(Wrong::Stale(age_secs)),
            _ => Ok(()),
        }
    }
}

/// Whether one of the given texts is one of the wanted ones.
fn any_same<'a>(given: impl IntoIterator<Item = &'a str>, wanted: &[String]) -> Result<(), Wrong> {
    let mut given = given.into_iter();
    let found = given.any(|given| wanted.iter().any(|wanted| same_secret(given.as_bytes(), wanted.as_bytes())));
    if found { Ok(()) } else { Err(Wrong::Mismatch) }
}

#[cfg(test)]
mod tests;
