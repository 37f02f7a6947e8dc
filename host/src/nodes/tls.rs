//! TLS between edge nodes and the origin. Each side shows a certificate of the authority; one who joins has none yet, and
//! knows the authority by the hash in its token.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::time_provider::TimeProvider;
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, ServerConfig, SignatureScheme};
use tokio_rustls::TlsAcceptor;

use crate::app::Clock;
use crate::hash::sha256;
use crate::server::HTTP_PROTOCOLS;

/// The time by which certificates are judged: that of the service, which a test can hold still.
struct SystemTime(Clock);

impl fmt::Debug for SystemTime {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("SystemTime")
    }
}

impl TimeProvider for SystemTime {
    fn current_time(&self) -> Option<UnixTime> {
        let millis = u64::try_from((self.0)()).ok()?;
        Some(UnixTime::since_unix_epoch(Duration::from_millis(millis)))
    }
}

/// The listener's side. Who shows no certificate is let in, since joining needs none; which route wants one is not known
/// here.
pub(super) fn origin_tls(
    authority: &CertificateDer<'static>,
    origin: Arc<CertifiedKey>,
    clock: Clock,
) -> Result<TlsAcceptor, String> {
    let explain = |error: &dyn fmt::Display| error.to_string();
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(trusting(authority)?), provider());
    let verifier = verifier.allow_unauthenticated().build().map_err(|error| explain(&error))?;
    let mut config = ServerConfig::builder_with_details(provider(), Arc::new(SystemTime(clock)))
        .with_safe_default_protocol_versions()
        .map_err(|error| explain(&error))?
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(origin)));
    config.alpn_protocols = HTTP_PROTOCOLS.iter().map(|protocol| protocol.to_vec()).collect();
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// The side of a node that joined.
pub(crate) fn node_tls(
    authority: &CertificateDer<'static>,
    (chain, key): (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>),
    clock: Clock,
) -> Result<ClientConfig, String> {
    ClientConfig::builder_with_details(provider(), Arc::new(SystemTime(clock)))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(trusting(authority)?)
        .with_client_auth_cert(chain, key)
        .map_err(|error| error.to_string())
}

/// The side of a node that joins: it trusts the authority whose certificate has this hash, which the origin sends along.
pub(crate) fn pinned_tls(authority_hash: [u8; 32], clock: Clock) -> Result<ClientConfig, String> {
    let verifier = Pinned { authority_hash, provider: provider() };
    Ok(ClientConfig::builder_with_details(provider(), Arc::new(SystemTime(clock)))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth())
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn trusting(authority: &CertificateDer<'static>) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    roots.add(authority.clone()).map_err(|error| error.to_string())?;
    Ok(roots)
}

/// Trusts one authority, known by its hash.
#[derive(Debug)]
struct Pinned {
    authority_hash: [u8; 32],
    provider: Arc<CryptoProvider>,
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
        let authority = intermediates.iter().find(|certificate| sha256(certificate) == self.authority_hash);
        let other = "it is not the origin that made the token";
        let authority = authority.ok_or_else(|| rustls::Error::General(other.into()))?;
        let roots = trusting(&authority.clone().into_owned()).map_err(rustls::Error::General)?;
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&self.provider));
        let verifier = verifier.build().map_err(|error| rustls::Error::General(error.to_string()))?;
        verifier.verify_server_cert(end_entity, &[], server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests;
