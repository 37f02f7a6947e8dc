//! A mail program without a socket: what it says to the submission server, and what it hears.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use pillarbox::server::Shutdown;
use pillarbox::smtp::server::{Server, Transport};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::harness::{TestApp, TestCustomer};

/// The machine itself, which may sign in without TLS.
pub const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
/// Somebody on a network.
pub const THERE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7));
/// What is on its way between both sides.
const PIPE_BYTES: usize = 64 * 1024;
const PATIENCE: Duration = Duration::from_secs(20);

/// A connected mail program.
pub struct MailClient {
    stream: Box<dyn Transport>,
    pub stop: watch::Sender<Shutdown>,
}

/// The server of an application.
pub fn server(app: &TestApp) -> Arc<Server> {
    Arc::new(Server::open(Arc::clone(&app.app)).expect("a certificate is made"))
}

/// A customer's new password for SMTP.
pub async fn password(customer: &TestCustomer) -> String {
    let rotated = customer.post("/api/smtp-credentials/rotate", json!({})).await.json();
    rotated["smtp_credentials"]["password"].as_str().expect("it has a password").to_owned()
}

/// The response of PLAIN.
pub fn plain(user: &str, password: &str) -> String {
    BASE64.encode(format!("\0{user}\0{password}"))
}

impl MailClient {
    /// Connects and hears the greeting.
    pub async fn connect(server: &Arc<Server>, peer: IpAddr) -> Self {
        let (client, theirs) = tokio::io::duplex(PIPE_BYTES);
        let (stop, stopping) = watch::channel(Shutdown::No);
        let server = Arc::clone(server);
        tokio::spawn(async move { server.serve(Box::new(theirs), peer, false, stopping).await });
        let mut client = Self { stream: Box::new(client), stop };
        assert_eq!(client.reply().await, "220 localhost ESMTP Pillarbox");
        client
    }

    /// The same, greeted and signed in as this customer.
    pub async fn signed_in(server: &Arc<Server>, customer: &TestCustomer) -> Self {
        let mut client = Self::connect(server, HERE).await;
        client.ask("EHLO client.example.com").await;
        let response = plain(&customer.email, &password(customer).await);
        client.hears(&format!("AUTH PLAIN {response}"), "235 2.7.0").await;
        client
    }

    pub async fn write(&mut self, bytes: impl AsRef<[u8]>) {
        timeout(PATIENCE, self.stream.write_all(bytes.as_ref())).await.expect("in time").expect("it is written");
    }

    /// The same while somebody is there to read it.
    pub async fn drip(&mut self, byte: u8) -> bool {
        self.stream.write_all(&[byte]).await.is_ok()
    }

    /// One reply, with all of its lines.
    pub async fn reply(&mut self) -> String {
        let mut reply = String::new();
        loop {
            let begun = reply.len();
            while !reply.ends_with("\r\n") || reply.len() == begun {
                let mut byte = [0];
                let read = timeout(PATIENCE, self.stream.read(&mut byte)).await;
                assert_eq!(read.expect("in time").unwrap_or(0), 1, "the connection ended behind {reply:?}");
                reply.push(char::from(byte[0]));
            }
            if reply.as_bytes()[begun + 3] == b' ' {
                return reply.trim_end().to_owned();
            }
        }
    }

    /// Sends a line and hears the reply.
    pub async fn ask(&mut self, line: &str) -> String {
        self.write(format!("{line}\r\n")).await;
        self.reply().await
    }

    /// Sends a line, to which the reply begins like this.
    pub async fn hears(&mut self, line: &str, beginning: &str) {
        let reply = self.ask(line).await;
        assert!(reply.starts_with(beginning), "{line:?} was answered with {reply:?}, and not {beginning:?}");
    }

    /// A whole dialogue.
    pub async fn dialogue(&mut self, lines: &[(&str, &str)]) {
        for (line, beginning) in lines {
            self.hears(line, beginning).await;
        }
    }

    /// Everything up to the end of the connection.
    pub async fn rest(&mut self) -> String {
        let mut rest = Vec::new();
        // Who is closed while it still sends may see a broken connection in the place of an end.
        drop(timeout(PATIENCE, self.stream.read_to_end(&mut rest)).await.expect("it is closed in time"));
        String::from_utf8(rest).expect("replies are ASCII")
    }

    /// Sends a message to these recipients and hears what became of it.
    pub async fn submit(&mut self, recipients: &[&str], message: impl AsRef<[u8]>) -> String {
        self.hears("MAIL FROM:<bounces@example.org>", "250 2.1.0").await;
        for recipient in recipients {
            self.hears(&format!("RCPT TO:<{recipient}>"), "250 2.1.5").await;
        }
        self.hears("DATA", "354 ").await;
        let message = message.as_ref();
        self.write(String::from_utf8_lossy(message).replace("\r\n.", "\r\n..")).await;
        self.ask(".").await
    }

    /// The same for a message that is taken; gives its id.
    pub async fn queued(&mut self, recipients: &[&str], message: impl AsRef<[u8]>) -> String {
        let reply = self.submit(recipients, message).await;
        reply.strip_prefix("250 2.0.0 Ok: queued as ").unwrap_or_else(|| panic!("{reply}")).to_owned()
    }

    /// A TLS handshake with the certificate of the data directory.
    pub async fn secured(self, app: &TestApp) -> Self {
        let pem = app.data_dir().join("smtp.pem");
        let mut roots = rustls::RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(pem).expect("it is a certificate")).expect("it is taken");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let config = config.expect("the versions are known").with_root_certificates(roots).with_no_client_auth();
        let name = ServerName::try_from("localhost").expect("it is a name");
        let tls = TlsConnector::from(Arc::new(config)).connect(name, self.stream).await.expect("a handshake");
        Self { stream: Box::new(tls), stop: self.stop }
    }
}
