//! A certificate for where none is configured, so that passwords are encrypted from the first minute on.

use std::io;
use std::path::Path;

use crate::config::TlsFiles;
use crate::secrets::own_file;

/// The file name of certificate and key inside the data directory.
const CERTIFICATE_FILE: &str = "smtp.pem";

/// The certificate of a data directory, made on the first start. Only its owner may read the file.
pub(super) fn self_signed(data_dir: &Path, host: &str) -> io::Result<TlsFiles> {
    own_file(data_dir, CERTIFICATE_FILE, || make(host))?;
    let path = data_dir.join(CERTIFICATE_FILE);
    tracing::warn!(
        certificate = %path.display(),
        "no tls_certificate is set: SMTP uses a self-signed certificate, which mail programs have to be told to trust"
    );
    Ok(TlsFiles { certificate: path.clone(), key: path })
}

/// A certificate and its key, in PEM form, in one file, so that neither is ever there without the other.
fn make(host: &str) -> io::Result<Vec<u8>> {
    let mut names = vec![host.to_owned(), "localhost".into(), "127.0.0.1".into(), "::1".into()];
    names.dedup();
    let made = rcgen::generate_simple_self_signed(names).map_err(io::Error::other)?;
    Ok(format!("{}{}", made.cert.pem(), made.signing_key.serialize_pem()).into_bytes())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::server;

    #[test]
    fn it_is_made_once_serves_and_is_its_owners_alone() {
        let directory = tempfile::tempdir().expect("a directory is made");
        let files = self_signed(directory.path(), "mail.example.com").expect("it is made");
        server::tls(&files, &[]).expect("it is a certificate with its key");
        let first = std::fs::read(&files.certificate).expect("it is read");
        let mode = std::fs::metadata(&files.certificate).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        self_signed(directory.path(), "other.example.com").expect("it is there");
        assert_eq!(std::fs::read(&files.certificate).expect("it is read"), first);
    }
}
