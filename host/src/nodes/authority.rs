//! The authority that certifies edge nodes, and the origin to them. It is this installation's own: no other certificate
//! is trusted on the listener for nodes, and this one is trusted nowhere else.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose, date_time_ymd,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use uuid::Uuid;

use super::ORIGIN_NAME;
use crate::hash::sha256;
use crate::secrets::own_file;
use crate::store::NewNodeCertificate;

/// The file of the authority's certificate and key inside the data directory.
const FILE: &str = "nodes.pem";
/// How long the certificate of a node holds.
pub(crate) const NODE_CERTIFICATE_MS: i64 = 90 * 24 * 60 * 60 * 1_000;
/// How much the clock of a node may be behind ours.
const CLOCKS_APART_MS: i64 = 60 * 60 * 1_000;

/// A certificate that signs others, and its key.
pub(crate) struct Authority {
    certificate: CertificateDer<'static>,
    pem: String,
    key: String,
}

/// A node's certificate.
pub(crate) struct Issued {
    pub(crate) pem: String,
    pub(crate) stored: NewNodeCertificate,
}

impl Authority {
    /// Reads it, making it on the first start.
    pub(crate) fn load(data_dir: &Path) -> Result<Self, String> {
        let fresh = || fresh().map(String::into_bytes).map_err(std::io::Error::other);
        let bytes = own_file(data_dir, FILE, fresh).map_err(|error| error.to_string())?;
        let wrong = |error: &dyn std::fmt::Display| format!("{}: {error}", data_dir.join(FILE).display());
        let certificate = CertificateDer::from_pem_slice(&bytes).map_err(|error| wrong(&error))?;
        let text = String::from_utf8(bytes).map_err(|error| wrong(&error))?;
        let begins = text.find("-----BEGIN PRIVATE KEY-----").ok_or_else(|| wrong(&"it has no private key"))?;
        let (pem, key) = text.split_at(begins);
        let authority = Self { certificate, pem: pem.to_owned(), key: key.to_owned() };
        authority.issuer().map_err(|error| wrong(&error))?;
        Ok(authority)
    }

    pub(crate) fn certificate(&self) -> &CertificateDer<'static> {
        &self.certificate
    }

    /// Its certificate in PEM form.
    pub(crate) fn pem(&self) -> &str {
        &self.pem
    }

    /// What a token to join by carries, so that a node knows the origin before it trusts anybody.
    pub(crate) fn hash(&self) -> [u8; 32] {
        sha256(&self.certificate)
    }

    /// A certificate for the listener, whose key is never written down. The authority's own follows it, for nodes that
    /// know no more than its hash.
    pub(crate) fn origin(&self) -> Result<Arc<CertifiedKey>, String> {
        let explain = |error: rcgen::Error| error.to_string();
        let key = KeyPair::generate().map_err(explain)?;
        let mut params = CertificateParams::new([ORIGIN_NAME.to_owned()]).map_err(explain)?;
        params.distinguished_name = named(ORIGIN_NAME);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let certificate = params.signed_by(&key, &self.issuer()?).map_err(explain)?;
        let chain = vec![certificate.der().clone(), self.certificate.clone()];
        let key = PrivateKeyDer::try_from(key.serialize_der()).map_err(str::to_owned)?;
        let provider = rustls::crypto::ring::default_provider();
        CertifiedKey::from_der(chain, key, &provider).map(Arc::new).map_err(|error| error.to_string())
    }

    /// A certificate for the node whose request this is (PKCS #10, PEM). Nothing of the request is believed but its key,
    /// which it is signed by.
    pub(crate) fn certify(&self, request: &str, node: Uuid, now: i64) -> Result<Issued, String> {
        let explain = |error: rcgen::Error| error.to_string();
        let asked = CertificateSigningRequestParams::from_pem(request).map_err(explain)?;
        let expires_at = now + NODE_CERTIFICATE_MS;
        let mut params = CertificateParams::default();
        params.distinguished_name = named(&node.to_string());
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let after_1970 = |millis: i64| Duration::from_millis(u64::try_from(millis).unwrap_or(0));
        params.not_before = date_time_ymd(1970, 1, 1) + after_1970(now - CLOCKS_APART_MS);
        params.not_after = date_time_ymd(1970, 1, 1) + after_1970(expires_at);
        let asked = CertificateSigningRequestParams { params, public_key: asked.public_key };
        let certificate = asked.signed_by(&self.issuer()?).map_err(explain)?;
        let fingerprint = sha256(certificate.der()).to_vec();
        Ok(Issued { pem: certificate.pem(), stored: NewNodeCertificate { fingerprint, expires_at } })
    }

    fn issuer(&self) -> Result<Issuer<'static, KeyPair>, String> {
        let key = KeyPair::from_pem(&self.key).map_err(|error| error.to_string())?;
        Issuer::from_ca_cert_der(&self.certificate, key).map_err(|error| error.to_string())
    }
}

fn fresh() -> Result<String, rcgen::Error> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::default();
    params.distinguished_name = named("Pillarbox nodes");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let certificate = params.self_signed(&key)?;
    Ok(certificate.pem() + &key.serialize_pem())
}

fn named(name: &str) -> DistinguishedName {
    let mut names = DistinguishedName::new();
    names.push(DnType::CommonName, name);
    names
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn request(key: &KeyPair) -> String {
        let params = CertificateParams::new(["origin.example".to_owned()]).expect("it is a name");
        params.serialize_request(key).expect("it is signed").pem().expect("it is text")
    }

    #[test]
    fn it_is_made_once_and_only_its_owner_may_read_it() {
        let directory = tempfile::tempdir().expect("a directory is made");
        let first = Authority::load(directory.path()).expect("it is made");
        let again = Authority::load(directory.path()).expect("it is read");
        assert_eq!((first.hash(), first.pem()), (again.hash(), again.pem()));
        assert!(!first.pem().contains("PRIVATE KEY"));
        let mode = std::fs::metadata(directory.path().join(FILE)).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        std::fs::write(directory.path().join(FILE), first.pem()).expect("it is written");
        let wrong = Authority::load(directory.path()).err().expect("it is refused");
        assert!(wrong.contains("nodes.pem") && wrong.contains("no private key"), "{wrong}");
    }

    #[test]
    fn a_node_gets_a_certificate_for_its_key_and_for_nothing_that_it_asked_for() {
        let directory = tempfile::tempdir().expect("a directory is made");
        let authority = Authority::load(directory.path()).expect("it is made");
        let (key, node, now) = (KeyPair::generate().expect("a key"), Uuid::from_u128(7), 1_710_513_000_000);
        let issued = authority.certify(&request(&key), node, now).expect("it is issued");
        assert_eq!(issued.stored.expires_at, now + NODE_CERTIFICATE_MS);
        let der = CertificateDer::from_pem_slice(issued.pem.as_bytes()).expect("it is PEM");
        assert_eq!(issued.stored.fingerprint, sha256(&der));
        let (_, read) = x509_parser::parse_x509_certificate(&der).expect("it is read");
        assert_eq!(read.subject().to_string(), format!("CN={node}"));
        assert!(read.subject_alternative_name().expect("it is read").is_none() && !read.is_ca());
        let holds = read.validity();
        let [from, to] = [now - CLOCKS_APART_MS, now + NODE_CERTIFICATE_MS].map(|millis| millis / 1_000);
        assert_eq!((holds.not_before.timestamp(), holds.not_after.timestamp()), (from, to));
    }

    #[test]
    fn a_request_that_its_key_did_not_sign_is_refused() {
        let directory = tempfile::tempdir().expect("a directory is made");
        let authority = Authority::load(directory.path()).expect("it is made");
        let good = request(&KeyPair::generate().expect("a key"));
        let at = good.len() - 40;
        let other = if good.as_bytes()[at] == b'A' { "B" } else { "A" };
        let bad = format!("{}{other}{}", &good[..at], &good[at + 1..]);
        for request in
            [bad.as_str(), "", "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----"]
        {
            assert!(authority.certify(request, Uuid::nil(), 0).is_err(), "{request}");
        }
    }
}
