//! What an authority issued: read, and checked to be what was asked for.

use std::sync::Arc;

use rustls::client::verify_server_name;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::ParsedCertificate;
use rustls::sign::CertifiedKey;
use x509_parser::parse_x509_certificate;

/// Certificates of one chain.
const CHAIN_MAX: usize = 10;

/// When a certificate holds, in milliseconds since 1970.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Certificate {
    pub(crate) begins_at: i64,
    pub(crate) expires_at: i64,
}

impl Certificate {
    /// Reads a chain (PEM, the host's own first). An error says what is wrong with it, without its subject.
    pub(crate) fn read(chain: &str, key: &str, host: &str) -> Result<Self, String> {
        let certified = certified_key(chain, key.as_bytes())?;
        let leaf = certified.cert.first().ok_or("is none")?;
        let name = ServerName::try_from(host.to_owned()).map_err(|error| error.to_string())?;
        ParsedCertificate::try_from(leaf)
            .and_then(|leaf| verify_server_name(&leaf, &name))
            .map_err(|_| format!("does not name {host}"))?;
        let (_, leaf) = parse_x509_certificate(leaf).map_err(|error| format!("cannot be read: {error}"))?;
        let validity = leaf.validity();
        let millis = |secs: i64| secs.saturating_mul(1_000);
        let (begins_at, expires_at) = (millis(validity.not_before.timestamp()), millis(validity.not_after.timestamp()));
        if expires_at <= begins_at {
            return Err("never holds".into());
        }
        Ok(Self { begins_at, expires_at })
    }

    /// When it is renewed unless the authority has a wish: once a third of its time is left.
    pub(crate) fn renew_at(&self) -> i64 {
        self.expires_at - (self.expires_at - self.begins_at) / 3
    }
}

/// A chain and its key (both PEM), ready to serve with.
pub(crate) fn certified_key(chain: &str, key: &[u8]) -> Result<Arc<CertifiedKey>, String> {
    let unreadable = |error: rustls::pki_types::pem::Error| format!("cannot be read: {error}");
    let mut certificates = Vec::new();
    for certificate in CertificateDer::pem_slice_iter(chain.as_bytes()) {
        if certificates.len() == CHAIN_MAX {
            return Err(format!("has more than {CHAIN_MAX} in its chain"));
        }
        certificates.push(certificate.map_err(unreadable)?);
    }
    let key = PrivateKeyDer::from_pem_slice(key).map_err(unreadable)?;
    let provider = rustls::crypto::ring::default_provider();
    let certified = CertifiedKey::from_der(certificates, key, &provider).map_err(|error| error.to_string())?;
    Ok(Arc::new(certified))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

    fn made(host: &str) -> (String, String) {
        let mut params = rcgen::CertificateParams::new([host.to_owned()]).expect("a name");
        params.not_before = rcgen::date_time_ymd(2026, 1, 1);
        params.not_after = rcgen::date_time_ymd(2026, 4, 1);
        let key = rcgen::KeyPair::generate().expect("a key");
        (params.self_signed(&key).expect("it is signed").pem(), key.serialize_pem())
    }

    #[test]
    fn it_is_renewed_once_a_third_of_its_time_is_left() {
        let (chain, key) = made("click.acme.example");
        let read = Certificate::read(&chain, &key, "click.acme.example").expect("it is good");
        assert_eq!(read.expires_at - read.begins_at, 90 * DAY_MS);
        assert_eq!(read.renew_at() - read.begins_at, 60 * DAY_MS);
    }

    #[test]
    fn what_was_not_asked_for_is_refused() {
        let ((chain, key), (other, other_key)) = (made("click.acme.example"), made("click.rival.example"));
        let refused =
            |chain: &str, key: &str| Certificate::read(chain, key, "click.acme.example").expect_err("it is refused");
        assert!(refused(&other, &other_key).contains("does not name click.acme.example"));
        assert!(refused(&chain, &other_key).contains("KeyMismatch"), "{}", refused(&chain, &other_key));
        for chain in ["", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
            assert!(!refused(chain, &key).is_empty());
        }
        assert!(refused(&chain, "").contains("cannot be read"));
    }

    #[test]
    fn a_chain_may_be_as_long_as_the_bound_and_no_longer() {
        let (chain, key) = made("click.acme.example");
        assert!(Certificate::read(&chain.repeat(CHAIN_MAX), &key, "click.acme.example").is_ok());
        let longer = Certificate::read(&chain.repeat(CHAIN_MAX + 1), &key, "click.acme.example");
        assert!(longer.is_err_and(|wrong| wrong.contains("more than 10")));
    }
}
