//! Who an edge node is: what it was given when it joined, in a file that only its owner may read.

use std::io;
use std::path::Path;

use rcgen::{CertificateParams, KeyPair};
use rustls::ClientConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use x509_parser::parse_x509_certificate;

use crate::app::Clock;
use crate::nodes::node_tls;
use crate::secrets::{own_file, write_own_file};

/// The file inside the data directory.
const FILE: &str = "edge.json";

/// What a node is and has.
#[derive(Clone, Deserialize, Serialize)]
pub(crate) struct Identity {
    pub(crate) node_id: Uuid,
    pub(crate) name: String,
    /// Host and port of the origin.
    pub(crate) origin: String,
    /// PEM, as all that follows.
    pub(crate) key: String,
    pub(crate) certificate: String,
    pub(crate) authority: String,
}

/// A key that a certificate is asked for with.
pub(crate) struct NewKey {
    /// PEM.
    pub(crate) key: String,
    /// PKCS #10 in PEM form.
    pub(crate) request: String,
}

impl NewKey {
    pub(crate) fn make() -> Result<Self, String> {
        let made = || {
            let key = KeyPair::generate()?;
            let request = CertificateParams::default().serialize_request(&key)?.pem()?;
            Ok::<_, rcgen::Error>(Self { key: key.serialize_pem(), request })
        };
        made().map_err(|error| error.to_string())
    }
}

impl Identity {
    /// That of this data directory; `None` where no node ever joined.
    pub(crate) fn load(data_dir: &Path) -> io::Result<Option<Self>> {
        if !data_dir.join(FILE).exists() {
            return Ok(None);
        }
        let nothing = || Err(io::ErrorKind::NotFound.into());
        let wrong = |error| io::Error::other(format!("{}: {error}", data_dir.join(FILE).display()));
        serde_json::from_slice(&own_file(data_dir, FILE, nothing)?).map(Some).map_err(wrong)
    }

    pub(crate) fn keep(&self, data_dir: &Path) -> io::Result<()> {
        write_own_file(data_dir, FILE, &serde_json::to_vec_pretty(self)?)
    }

    /// How it speaks to the origin.
    pub(crate) fn tls(&self, clock: Clock) -> Result<ClientConfig, String> {
        let unreadable = |error: rustls::pki_types::pem::Error| error.to_string();
        let authority = CertificateDer::from_pem_slice(self.authority.as_bytes()).map_err(unreadable)?;
        let key = PrivateKeyDer::from_pem_slice(self.key.as_bytes()).map_err(unreadable)?;
        node_tls(&authority, (vec![self.leaf()?], key), clock)
    }

    /// From when to when its certificate holds, in milliseconds since 1970.
    pub(crate) fn holds(&self) -> Result<(i64, i64), String> {
        let der = self.leaf()?;
        let (_, read) = parse_x509_certificate(&der).map_err(|error| error.to_string())?;
        let [begins_at, expires_at] =
            [read.validity().not_before, read.validity().not_after].map(|time| time.timestamp().saturating_mul(1_000));
        Ok((begins_at, expires_at))
    }

    fn leaf(&self) -> Result<CertificateDer<'static>, String> {
        CertificateDer::from_pem_slice(self.certificate.as_bytes()).map_err(|error| error.to_string())
    }
}
