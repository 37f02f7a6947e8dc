//! The second listener, which speaks TLS: beside plain HTTP, and with the certificate of whoever is asked for

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::harness::{Home, free_address};
use crate::http::Connection;

/// What a server answers to a request for its reference, asked for by this name over TLS.
fn ask(address: SocketAddr, name: &str, root: &CertificateDer<'static>) -> io::Result<String> {
    let mut roots = RootCertStore::empty();
    roots.add(root.clone()).expect("it is a certificate");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.expect("the versions are known").with_root_certificates(roots).with_no_client_auth();
    let name = ServerName::try_from(name.to_owned()).expect("it is a name");
    let client = ClientConnection::new(Arc::new(config), name).expect("it is configured");
    let stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    let mut stream = StreamOwned::new(client, stream);
    stream.write_all(b"GET /openapi.json HTTP/1.1\r\nHost: pillarbox.test\r\nConnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    // The service need not say good-bye before it closes.
    match stream.read_to_end(&mut answer) {
        Err(error) if error.kind() != io::ErrorKind::UnexpectedEof => Err(error),
        _ => Ok(String::from_utf8_lossy(&answer).into_owned()),
    }
}

#[test]
fn one_listener_speaks_tls_and_the_other_plain_http() {
    let home = Home::prepared();
    let made = rcgen::generate_simple_self_signed(["pillarbox.test".into()]).expect("it is made");
    let certificate = home.file("cert.pem", made.cert.pem());
    let key = home.file("key.pem", made.signing_key.serialize_pem());
    let https = free_address();
    let service = home.serve(&[
        ("PILLARBOX_HTTPS_LISTEN", &https.to_string()),
        ("PILLARBOX_TLS_CERTIFICATE", certificate.to_str().expect("the path is text")),
        ("PILLARBOX_TLS_KEY", key.to_str().expect("the path is text")),
    ]);
    let answer = ask(https, "pillarbox.test", made.cert.der()).expect("it answers over TLS");
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.contains(&format!("\"url\":\"https://{https}\"")), "{answer}");
    let wrong =
        ask(https, "elsewhere.test", made.cert.der()).expect_err("the certificate has another name").to_string();
    assert!(wrong.contains("not valid for name"), "{wrong}");
    let mut plain = Connection::open(service.api).expect("it listens");
    assert_eq!(plain.call("GET", "/openapi.json", &[], b"").expect("it answers").status, 200);
    assert_eq!(service.stop().code(), Some(0));
}

#[test]
fn a_connection_for_which_there_is_no_certificate_is_ended_and_plain_http_is_served() {
    let home = Home::prepared();
    let made = rcgen::generate_simple_self_signed(["pillarbox.test".into()]).expect("it is made");
    let https = free_address();
    let service = home.serve(&[
        ("PILLARBOX_HTTPS_LISTEN", &https.to_string()),
        ("PILLARBOX_ACME_DIRECTORY", "http://127.0.0.1:1/directory"),
        ("PILLARBOX_ACME_TERMS_AGREED", "yes"),
    ]);
    let ended = ask(https, "pillarbox.test", made.cert.der()).expect_err("there is no certificate").to_string();
    assert!(ended.contains("alert"), "{ended}");
    let mut plain = Connection::open(service.api).expect("it listens");
    assert_eq!(plain.call("GET", "/openapi.json", &[], b"").expect("it answers").status, 200);
    assert_eq!(service.stop().code(), Some(0));
}
