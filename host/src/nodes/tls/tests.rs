use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::pem::PemObject;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
use tokio_rustls::TlsConnector;
use uuid::Uuid;

use super::*;
use crate::nodes::ORIGIN_NAME;
use crate::nodes::authority::{Authority, NODE_CERTIFICATE_MS};

const NOW: i64 = 1_710_513_000_000;

/// An installation with a listener for nodes.
struct Origin {
    authority: Authority,
    _directory: TempDir,
}

impl Origin {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory is made");
        Self { authority: Authority::load(directory.path()).expect("it is made"), _directory: directory }
    }

    /// How a node of this installation speaks to whoever has this authority, and the fingerprint of its certificate.
    fn node(&self, trusted: &Authority) -> (ClientConfig, Vec<u8>) {
        let key = KeyPair::generate().expect("a key");
        let request = CertificateParams::default().serialize_request(&key).expect("it is signed");
        let issued = self.authority.certify(&request.pem().expect("it is text"), Uuid::nil(), NOW);
        let issued = issued.expect("it is issued");
        let chain = vec![CertificateDer::from_pem_slice(issued.pem.as_bytes()).expect("it is PEM")];
        let key = PrivateKeyDer::try_from(key.serialize_der()).expect("it is a key");
        let config = node_tls(trusted.certificate(), (chain, key), at(NOW)).expect("it is good");
        (config, issued.stored.fingerprint)
    }
}

fn at(now: i64) -> Clock {
    Arc::new(move || now)
}

/// What the origin sees of a client: the fingerprint of its certificate, if it shows one. An error when they do not come
/// to speak to each other.
async fn meets(origin: &Origin, now: i64, client: ClientConfig) -> Result<Option<Vec<u8>>, String> {
    let authority = &origin.authority;
    let acceptor = origin_tls(authority.certificate(), authority.origin().expect("it is issued"), at(now));
    let acceptor = acceptor.expect("it is good");
    let (here, there) = duplex(64 * 1024);
    let served = tokio::spawn(async move {
        let mut stream = acceptor.accept(there).await.map_err(|error| error.to_string())?;
        let shown = stream.get_ref().1.peer_certificates().and_then(|chain| Some(sha256(chain.first()?).to_vec()));
        stream.write_all(b"!").await.map_err(|error| error.to_string())?;
        stream.flush().await.map_err(|error| error.to_string())?;
        Ok::<_, String>(shown)
    });
    let name = ServerName::try_from(ORIGIN_NAME).expect("it is a name");
    let mut stream =
        TlsConnector::from(Arc::new(client)).connect(name, here).await.map_err(|error| error.to_string())?;
    stream.read_exact(&mut [0]).await.map_err(|error| error.to_string())?;
    served.await.expect("nothing panics")
}

#[tokio::test]
async fn a_node_and_its_origin_know_each_other() {
    let origin = Origin::new();
    let (node, fingerprint) = origin.node(&origin.authority);
    assert_eq!(meets(&origin, NOW, node).await, Ok(Some(fingerprint)));
}

#[tokio::test]
async fn a_certificate_of_another_authority_is_refused_on_either_side() {
    let (origin, other) = (Origin::new(), Origin::new());
    let (stranger, _) = other.node(&origin.authority);
    let wrong = meets(&origin, NOW, stranger).await.expect_err("it is a stranger");
    assert!(wrong.contains("UnknownCA") || wrong.contains("DecryptError"), "{wrong}");
    let (node, _) = origin.node(&origin.authority);
    let wrong = meets(&other, NOW, node).await.expect_err("that is not its origin");
    assert!(wrong.contains("invalid peer certificate"), "{wrong}");
}

#[tokio::test]
async fn a_certificate_holds_for_its_time_and_no_longer() {
    let origin = Origin::new();
    let (node, fingerprint) = origin.node(&origin.authority);
    let last = NOW + NODE_CERTIFICATE_MS;
    assert_eq!(meets(&origin, last, node.clone()).await, Ok(Some(fingerprint)));
    let wrong = meets(&origin, last + 1_000, node).await.expect_err("it is out of date");
    assert!(wrong.contains("CertificateExpired"), "{wrong}");
}

#[tokio::test]
async fn who_joins_shows_none_and_trusts_the_authority_of_its_token_alone() {
    let (origin, other) = (Origin::new(), Origin::new());
    let joining = |authority: &Authority| pinned_tls(authority.hash(), at(NOW)).expect("it is good");
    assert_eq!(meets(&origin, NOW, joining(&origin.authority)).await, Ok(None));
    let wrong = meets(&other, NOW, joining(&origin.authority)).await.expect_err("it is another one");
    assert!(wrong.contains("not the origin that made the token"), "{wrong}");
}
