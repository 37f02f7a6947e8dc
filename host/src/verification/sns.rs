//! Amazon SNS: which topic a message is of, where its certificate is, and what that signs.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::Uri;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde_json::{Map, Value as Json};
use x509_parser::prelude::{FromDer, X509Certificate};

use super::keys::{CERTIFICATE_BITS_MIN, RsaKey};
use super::{Asked, Proof, Wrong};

/// The header that says that the envelope, and so the signature, was left out.
const RAW: &str = "x-amz-sns-rawdelivery";
/// What certificates are called.
const CERTIFICATE_NAME: &str = "/SimpleNotificationService-";
/// What a confirmation asks for.
const CONFIRM: &str = "ConfirmSubscription";
/// Characters of an address in a message.
const URL_CHARS_MAX: usize = 2_048;

/// What a message is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    Notification,
    /// Somebody had the topic send here, and it wants to hear that this is meant.
    Subscription,
    /// It will send here no more.
    Unsubscription,
}

/// A message of a topic that the source takes. Whether it is genuine is not known yet.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) kind: Kind,
    pub(crate) topic: String,
    /// Where its certificate is, at a host of Amazon SNS.
    pub(crate) certificate: Uri,
    signed: String,
    signature: Vec<u8>,
    by_sha1: bool,
    id: String,
    /// Where a subscription is confirmed, which counts once the message is known to be genuine.
    confirm: Option<String>,
}

impl Message {
    /// Reads what came. `host` is one more that certificates may be at.
    pub(crate) fn read(topics: &[String], host: Option<&str>, asked: &Asked<'_>) -> Result<Self, Wrong> {
        let malformed = |what: &str| Wrong::Malformed(what.to_owned());
        if asked.headers.contains_key(RAW) {
            return Err(Wrong::Missing("signature, because the subscription has raw delivery; turn that off".into()));
        }
        let envelope: Map<String, Json> = serde_json::from_slice(asked.body).map_err(|_| malformed("body"))?;
        let text = |name: &str| envelope.get(name).and_then(Json::as_str);
        let must = |name: &str| text(name).ok_or_else(|| Wrong::Missing(format!("{name} in the body")));
        let topic = must("TopicArn")?;
        if !topics.iter().any(|known| known == topic) {
            return Err(Wrong::Topic(topic.chars().take(256).collect()));
        }
        let kind = match must("Type")? {
            "Notification" => Kind::Notification,
            "SubscriptionConfirmation" => Kind::Subscription,
            "UnsubscribeConfirmation" => Kind::Unsubscription,
            _ => return Err(malformed("Type")),
        };
        let certificate = must("SigningCertURL")?;
        let place = of_sns(certificate, host).filter(|place| is_certificate(place.path()) && place.query().is_none());
        let certificate = place.ok_or_else(|| Wrong::Certificate("is not at a host of Amazon SNS".into()))?;
        let by_sha1 = match must("SignatureVersion")? {
            "1" => true,
            "2" => false,
            _ => return Err(malformed("SignatureVersion")),
        };
        let signature = BASE64.decode(must("Signature")?).map_err(|_| malformed("Signature"))?;
        let names: &[&str] = match kind {
            Kind::Notification => &["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"],
            Kind::Subscription | Kind::Unsubscription => {
                &["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"]
            }
        };
        let mut signed = String::new();
        for name in names {
            if *name == "Subject" && text(name).is_none() {
                continue;
            }
            for part in [*name, "\n", must(name)?, "\n"] {
                signed.push_str(part);
            }
        }
        Ok(Self {
            kind,
            topic: topic.to_owned(),
            certificate,
            signed,
            signature,
            by_sha1,
            id: must("MessageId")?.to_owned(),
            confirm: text("SubscribeURL").map(str::to_owned),
        })
    }

    /// Checks the signature by a certificate in PEM that was fetched from where the message says.
    pub(crate) fn check(&self, certificate: &[u8], now: i64) -> Result<Proof, Wrong> {
        let bad = |why: &str| Wrong::Certificate(why.to_owned());
        let der = CertificateDer::from_pem_slice(certificate).map_err(|_| bad("is none"))?;
        let (_, parsed) = X509Certificate::from_der(&der).map_err(|_| bad("is none"))?;
        let now_secs = now.div_euclid(1_000);
        let validity = parsed.validity();
        if now_secs < validity.not_before.timestamp() || now_secs > validity.not_after.timestamp() {
            return Err(bad("is not valid now"));
        }
        if parsed.is_ca() {
            return Err(bad("is that of an authority"));
        }
        let key = RsaKey::of(parsed.public_key(), CERTIFICATE_BITS_MIN)
            .map_err(|_| bad("has no key of RSA that is long enough"))?;
        let message = self.signed.as_bytes();
        let is_genuine = if self.by_sha1 {
            key.has_signed_by_sha1(message, &self.signature)
        } else {
            key.has_signed_by_sha256(message, &self.signature)
        };
        if is_genuine { Ok(Proof { id: Some(self.id.clone()), once: None }) } else { Err(Wrong::Mismatch) }
    }

    /// Where the subscription is confirmed: at a host of Amazon SNS, and for this topic.
    pub(crate) fn confirmation(&self, host: Option<&str>) -> Result<Uri, Wrong> {
        let place = self.confirm.as_deref().and_then(|url| of_sns(url, host));
        let asks = |place: &Uri| {
            let query = place.query().unwrap_or_default().as_bytes();
            let has = |name: &str, wanted: &str| {
                form_urlencoded::parse(query).any(|(known, value)| known == name && value == wanted)
            };
            has("Action", CONFIRM) && has("TopicArn", &self.topic)
        };
        place.filter(asks).ok_or_else(|| Wrong::Malformed("SubscribeURL".into()))
    }
}

/// An address at a host of Amazon SNS, by TLS. `host` is one more, with its port: nothing else may have a port.
fn of_sns(url: &str, host: Option<&str>) -> Option<Uri> {
    let uri: Uri = url.parse().ok()?;
    let authority = uri.authority()?.as_str();
    let is_known = is_host(authority) || host == Some(authority);
    (uri.scheme_str() == Some("https") && is_known && url.len() <= URL_CHARS_MAX).then_some(uri)
}

/// `sns.REGION.amazonaws.com`, or the same in China. What only ends so may be a bucket of anybody's.
fn is_host(host: &str) -> bool {
    let Some(rest) = host.strip_prefix("sns.") else { return false };
    let region = rest.strip_suffix(".amazonaws.com").or_else(|| rest.strip_suffix(".amazonaws.com.cn"));
    let is_region = |region: &str| {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        region.len() >= 3 && region.bytes().all(plain)
    };
    region.is_some_and(is_region)
}

fn is_certificate(path: &str) -> bool {
    let name = path.strip_prefix(CERTIFICATE_NAME).and_then(|rest| rest.strip_suffix(".pem"));
    name.is_some_and(|name| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates_come_from_hosts_of_amazon_sns_alone() {
        let name = "SimpleNotificationService-0123abcd.pem";
        for good in
            ["sns.us-east-1.amazonaws.com", "sns.cn-north-1.amazonaws.com.cn", "sns.us-gov-west-1.amazonaws.com"]
        {
            assert!(of_sns(&format!("https://{good}/{name}"), None).is_some(), "{good}");
        }
        for bad in [
            "http://sns.us-east-1.amazonaws.com/",
            "https://sns.us-east-1.amazonaws.com:8443/",
            "https://user@sns.us-east-1.amazonaws.com/",
            "https://sns.us-east-1.amazonaws.com.evil.example/",
            "https://evil.s3.amazonaws.com/",
            "https://sns.amazonaws.com/",
            "https://sns.a.b.amazonaws.com/",
            "https://sns..amazonaws.com/",
            "https://SNS.us-east-1.amazonaws.com/",
            "https://127.0.0.1:8443/",
            "https://evil.example/?sns.us-east-1.amazonaws.com",
            "sns.us-east-1.amazonaws.com",
        ] {
            assert!(of_sns(bad, None).is_none(), "{bad}");
        }
        assert!(of_sns("https://127.0.0.1:8443/x", Some("127.0.0.1:8443")).is_some());
        assert!(of_sns("http://127.0.0.1:8443/x", Some("127.0.0.1:8443")).is_none());
        assert!(of_sns("https://127.0.0.1:8444/x", Some("127.0.0.1:8443")).is_none());
        let longest = format!("https://sns.us-east-1.amazonaws.com/?{}", "x".repeat(URL_CHARS_MAX - 37));
        assert!(of_sns(&longest, None).is_some() && of_sns(&format!("{longest}x"), None).is_none());
    }

    #[test]
    fn a_certificate_is_called_as_amazon_calls_it() {
        assert!(is_certificate("/SimpleNotificationService-0123abcd.pem"));
        for bad in ["/SimpleNotificationService-.pem", "/SimpleNotificationService-x/../a.pem", "/x.pem", "/"] {
            assert!(!is_certificate(bad), "{bad}");
        }
    }
}
