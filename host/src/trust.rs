//! Whom this service trusts when it speaks TLS to others: the system's roots, and those that a setting names.

use std::path::Path;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

/// The certificates of a PEM file that this setting names.
pub(crate) fn certificates(setting: &str, path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let explain = |error: &dyn std::fmt::Display| format!("{setting}: {}: {error}", path.display());
    let own: Vec<_> =
        CertificateDer::pem_file_iter(path).and_then(Iterator::collect).map_err(|error| explain(&error))?;
    if own.is_empty() { Err(explain(&"it has no certificate in PEM form")) } else { Ok(own) }
}

/// The system's roots, as far as they can be read, and those of the setting.
pub(crate) fn roots(setting: &str, own: &[CertificateDer<'static>]) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    for certificate in own {
        roots.add(certificate.clone()).map_err(|error| format!("{setting}: {error}"))?;
    }
    Ok(roots)
}
