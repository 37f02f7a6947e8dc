//! TLS towards other servers: checked for smarthosts that must be who they say, unchecked where the choice is between
//! any TLS and none.

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use tokio_rustls::TlsConnector;

use crate::trust;

/// The setting that names further roots.
const SETTING: &str = "relay_ca";

/// How TLS is begun.
#[derive(Clone)]
pub(super) struct Tls {
    any: TlsConnector,
    checked: TlsConnector,
}

impl Tls {
    /// Trusts the system's roots and those of `ca`, a PEM file, where certificates are checked at all.
    pub(super) fn new(ca: Option<&Path>) -> Result<Self, String> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = || {
            let builder =
                ClientConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions();
            builder.map_err(|error| error.to_string())
        };
        let own = ca.map(|path| trust::certificates(SETTING, path)).transpose()?.unwrap_or_default();
        let roots = trust::roots(SETTING, &own)?;
        let checked = if own.is_empty() {
            builder()?.with_root_certificates(roots).with_no_client_auth()
        } else {
            let usual = WebPkiServerVerifier::builder_with_provider(roots.into(), Arc::clone(&provider)).build();
            let verifier = Pinned { own, usual: usual.map_err(|error| error.to_string())? };
            builder()?.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth()
        };
        let anyone = Arc::new(Anyone(Arc::clone(&provider)));
        let any = builder()?.dangerous().with_custom_certificate_verifier(anyone).with_no_client_auth();
        Ok(Self { any: Arc::new(any).into(), checked: Arc::new(checked).into() })
    }

    pub(super) fn connector(&self, is_checked: bool) -> &TlsConnector {
        if is_checked { &self.checked } else { &self.any }
    }
}

/// The name that a certificate is asked for. A host without a proper name is asked by its address.
pub(super) fn server_name(host: &str, address: IpAddr) -> ServerName<'static> {
    ServerName::try_from(host.to_owned()).unwrap_or_else(|_| ServerName::IpAddress(address.into()))
}

/// Checks certificates as usual, and takes one that an operator named itself: who makes one with openssl and no
/// authority gets one that says it is an authority, which is refused for a server otherwise. It must still name the host.
#[derive(Debug)]
struct Pinned {
    own: Vec<CertificateDer<'static>>,
    usual: Arc<WebPkiServerVerifier>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if self.own.iter().any(|own| own == end_entity) {
            verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
            return Ok(ServerCertVerified::assertion());
        }
        self.usual.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.usual.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.usual.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.usual.supported_verify_schemes()
    }
}

/// Takes every certificate. It is used only where the alternative is no TLS at all, so there is nothing to lose.
#[derive(Debug)]
struct Anyone(Arc<CryptoProvider>);

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_certificates_is_named() {
        let folder = tempfile::tempdir().expect("a folder is made");
        let path = folder.path().join("ca.pem");
        let told = |path: &Path| Tls::new(Some(path)).err().expect("it is refused");
        assert!(told(&path).contains("ca.pem"));
        std::fs::write(&path, "hello").expect("it is written");
        assert!(told(&path).contains("no certificate in PEM form"));
        let certificate = rcgen::generate_simple_self_signed(["localhost".into()]).expect("it is made");
        std::fs::write(&path, certificate.cert.pem()).expect("it is written");
        assert!(Tls::new(Some(&path)).is_ok());
    }

    #[test]
    fn a_host_without_a_proper_name_is_asked_by_its_address() {
        let address = IpAddr::from([192, 0, 2, 1]);
        assert_eq!(server_name("mx.example.com", address).to_str(), "mx.example.com");
        assert_eq!(server_name("mx_1 x", address).to_str(), "192.0.2.1");
        assert_eq!(server_name("::1", address).to_str(), "::1");
    }
}
