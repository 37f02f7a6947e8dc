//! A mail server that takes what it is sent and misbehaves as it is told: a script for each connection, and a record of
//! everything it heard.

use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use self::conversation::Conversation;

mod conversation;

/// What a server does instead of what it should.
#[derive(Clone, Debug)]
pub enum Act {
    /// Answers this; lines are separated by `\n`.
    Say(&'static str),
    /// Answers this and closes the connection.
    SayAndClose(&'static str),
    /// Sends exactly these bytes.
    Send(&'static str),
    /// Closes the connection.
    Close,
    /// Reads on and never answers.
    Keep,
    /// Answers this, if it is anything, and never reads again.
    Stall(&'static str),
    /// Answers without end, a byte now and then.
    Drip,
}

/// How a server's TLS is.
#[derive(Clone, Default)]
pub enum Tls {
    /// There is none.
    #[default]
    None,
    /// As it should be.
    Good(TlsAcceptor),
    /// STARTTLS is answered and then nonsense comes.
    Broken,
}

/// How replies are sent.
#[derive(Clone, Copy, Default, Eq, PartialEq)]
pub enum Pace {
    /// Each when it is due.
    #[default]
    Each,
    /// All that are due in one packet.
    Together,
    /// Byte by byte.
    Bytes,
}

/// How one connection goes. Stages are `connect`, the verbs, `text` (within the message) and `.` (after it).
#[derive(Clone, Default)]
pub struct Script {
    acts: HashMap<&'static str, VecDeque<Act>>,
    keywords: Vec<String>,
    tls: Tls,
    implicit: bool,
    pace: Pace,
    line_end: Option<&'static str>,
    is_lax: bool,
}

impl Script {
    /// A server as it should be, without any extension.
    pub fn new() -> Self {
        Self::default()
    }

    /// A server with the extensions that most have.
    pub fn modern() -> Self {
        Self::new().offers(&["PIPELINING", "SIZE 10000000", "8BITMIME", "SMTPUTF8", "DSN", "ENHANCEDSTATUSCODES"])
    }

    pub fn offers(mut self, keywords: &[&str]) -> Self {
        self.keywords.extend(keywords.iter().map(|word| (*word).to_owned()));
        self
    }

    /// Does this the next time the stage is reached; several are done in their order.
    pub fn at(mut self, stage: &'static str, act: Act) -> Self {
        self.acts.entry(stage).or_default().push_back(act);
        self
    }

    pub fn says(self, stage: &'static str, reply: &'static str) -> Self {
        self.at(stage, Act::Say(reply))
    }

    /// Offers STARTTLS.
    pub fn with_tls(mut self, tls: Tls) -> Self {
        self.tls = tls;
        self.offers(&["STARTTLS"])
    }

    /// Speaks TLS from the first byte.
    pub fn under_tls(mut self, acceptor: TlsAcceptor) -> Self {
        (self.tls, self.implicit) = (Tls::Good(acceptor), true);
        self
    }

    pub fn at_pace(mut self, pace: Pace) -> Self {
        self.pace = pace;
        self
    }

    /// Asks for a message even if it is for nobody, as RFC 2920 allows.
    pub fn lax(mut self) -> Self {
        self.is_lax = true;
        self
    }

    /// Ends the lines of replies in this.
    pub fn ending_lines_in(mut self, end: &'static str) -> Self {
        self.line_end = Some(end);
        self
    }
}

/// A message that the server took.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Taken {
    pub mail: String,
    pub recipient: String,
    /// As it was meant, without the dots of the way.
    pub message: Vec<u8>,
    pub connection: usize,
    pub under_tls: bool,
}

#[derive(Default)]
struct Record {
    taken: Vec<Taken>,
    commands: Vec<String>,
    opened: usize,
    closed: usize,
}

/// A server on a port of its own.
pub struct Sink {
    pub address: SocketAddr,
    record: Arc<Mutex<Record>>,
    accepting: JoinHandle<()>,
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Sink {
    /// Follows these scripts, one for each connection; the last one goes on.
    pub async fn start(scripts: Vec<Script>) -> Self {
        Self::on(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), scripts).await
    }

    /// The same on a loopback address with a port that was chosen.
    pub async fn on(address: SocketAddr, scripts: Vec<Script>) -> Self {
        let listener = TcpListener::bind(address).await.expect("the port is free");
        let address = listener.local_addr().expect("it is bound");
        let record: Arc<Mutex<Record>> = Arc::default();
        let accepting = tokio::spawn(accept(listener, scripts, Arc::clone(&record)));
        Self { address, record, accepting }
    }

    /// Where another server has the same port.
    pub fn beside(&self, last: u8) -> SocketAddr {
        SocketAddr::new(IpAddr::from([127, 0, 0, last]), self.address.port())
    }

    pub fn taken(&self) -> Vec<Taken> {
        self.record.lock().expect("no test panicked").taken.clone()
    }

    /// Every command of every connection, in the order in which they came.
    pub fn commands(&self) -> Vec<String> {
        self.record.lock().expect("no test panicked").commands.clone()
    }

    /// Connections that were opened, and those of them that have ended.
    pub fn connections(&self) -> (usize, usize) {
        let record = self.record.lock().expect("no test panicked");
        (record.opened, record.closed)
    }
}

async fn accept(listener: TcpListener, scripts: Vec<Script>, record: Arc<Mutex<Record>>) {
    let mut scripts = VecDeque::from(scripts);
    loop {
        let Ok((stream, _)) = listener.accept().await else { return };
        let script = if scripts.len() > 1 { scripts.pop_front() } else { scripts.front().cloned() };
        let number = {
            let mut record = record.lock().expect("no test panicked");
            record.opened += 1;
            record.opened
        };
        let record = Arc::clone(&record);
        tokio::spawn(async move {
            Conversation::hold(stream, script.expect("there is a script"), number, &record).await;
            record.lock().expect("no test panicked").closed += 1;
        });
    }
}

/// A certificate for these names that signs itself, as a server has it and as a PEM file has it. Like those that openssl
/// makes, it may say that it is an authority.
pub fn certificate(names: &[&str], is_authority: bool) -> (TlsAcceptor, String) {
    let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut parameters = CertificateParams::new(names).expect("they are names");
    if is_authority {
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    }
    let key_pair = KeyPair::generate().expect("a key is made");
    let made = parameters.self_signed(&key_pair).expect("a certificate is made");
    let key = PrivateKeyDer::try_from(key_pair.serialize_der()).expect("it is a key");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("there are versions")
        .with_no_client_auth()
        .with_single_cert(vec![made.der().clone()], key)
        .expect("they belong together");
    (TlsAcceptor::from(Arc::new(config)), made.pem())
}
