//! One conversation with a server that takes mail from us (RFC 5321): opened, used for many messages, kept between
//! them. Whatever is dropped in the middle closes its connection.

mod auth;
pub mod capabilities;
mod command;
pub mod failure;
pub mod message;
pub mod session;
pub mod timeouts;
mod tls;
mod wire;

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;

use self::capabilities::Capabilities;
use self::failure::Failure;
use self::session::Session;
use self::timeouts::Timeouts;
use self::tls::{Tls, server_name};
use self::wire::{Stream, Wire};
use crate::config::smarthost::{Login, Security};
use crate::mail::reply::{Reply, Stage};

/// A server to speak to.
#[derive(Clone, Debug)]
pub struct Server {
    /// Its name, as a certificate has it.
    pub name: String,
    /// Where it is.
    pub address: SocketAddr,
    /// How safe the way must be.
    pub security: Security,
    /// What to sign in with.
    pub login: Option<Login>,
}

/// What all conversations have in common.
pub struct Client {
    helo_name: String,
    tls: Tls,
    /// The waits.
    pub timeouts: Timeouts,
}

impl Client {
    /// A client that calls itself `helo_name` and trusts the system's roots and those in the PEM file `ca`.
    pub fn new(helo_name: String, ca: Option<&Path>, timeouts: Timeouts) -> Result<Self, String> {
        Ok(Self { helo_name, tls: Tls::new(ca)?, timeouts })
    }

    /// Opens a conversation: connects, greets, begins TLS and signs in. Where TLS is a chance and not a condition and
    /// its handshake fails, the server is asked once more, on a fresh connection without TLS.
    pub async fn open(&self, server: &Server) -> Result<Session, Failure> {
        match self.open_with(server, server.security).await {
            Err(Failure::Handshake(_) | Failure::Injected) if server.security == Security::Opportunistic => {
                self.open_with(server, Security::Off).await
            }
            opened => opened,
        }
    }

    async fn open_with(&self, server: &Server, security: Security) -> Result<Session, Failure> {
        let limits = &self.timeouts;
        let stream = in_time(limits.connect, TcpStream::connect(server.address)).await.map_err(Failure::Unreachable)?;
        // Commands and messages leave in one piece each, so waiting for more to send only costs time.
        drop(stream.set_nodelay(true));
        let mut is_secret = security == Security::Implicit;
        let mut wire = if is_secret { self.secured(server, true, stream).await? } else { Wire::new(stream) };
        expect(Stage::Greeting, wire.reply(Stage::Greeting, limits.greeting).await?)?;
        let mut capabilities = self.hello(&mut wire).await?;
        if self.starts_tls(&mut wire, security, &capabilities).await? {
            let stream = wire.into_stream().ok_or(Failure::Injected)?;
            wire = self.secured(server, security == Security::Required, stream).await?;
            is_secret = true;
            // What was said in the clear counts no more (RFC 3207 section 4.2).
            capabilities = self.hello(&mut wire).await?;
        }
        if let Some(login) = &server.login {
            if !is_secret && !server.address.ip().to_canonical().is_loopback() {
                return Err(Failure::Exposed);
            }
            auth::sign_in(&mut wire, login, &capabilities.mechanisms, limits).await?;
        }
        Ok(Session::new(wire, capabilities, self.timeouts))
    }

    /// EHLO, or HELO where the server does not know that.
    async fn hello(&self, wire: &mut Wire) -> Result<Capabilities, Failure> {
        let limit = self.timeouts.command;
        wire.write(Stage::Hello, limit, format!("EHLO {}\r\n", self.helo_name).as_bytes()).await?;
        let reply = wire.reply(Stage::Hello, limit).await?;
        if !matches!(reply.code, 500 | 501 | 502 | 504 | 550) {
            return expect(Stage::Hello, reply).map(|reply| Capabilities::of(&reply));
        }
        wire.write(Stage::Hello, limit, format!("HELO {}\r\n", self.helo_name).as_bytes()).await?;
        expect(Stage::Hello, wire.reply(Stage::Hello, limit).await?)?;
        Ok(Capabilities::default())
    }

    /// Whether the next byte belongs to TLS.
    async fn starts_tls(
        &self,
        wire: &mut Wire,
        security: Security,
        capabilities: &Capabilities,
    ) -> Result<bool, Failure> {
        let is_required = security == Security::Required;
        if !is_required && security != Security::Opportunistic {
            return Ok(false);
        }
        if !capabilities.starttls {
            return if is_required { Err(Failure::NoTls) } else { Ok(false) };
        }
        wire.write(Stage::StartTls, self.timeouts.command, b"STARTTLS\r\n").await?;
        let reply = wire.reply(Stage::StartTls, self.timeouts.command).await?;
        match reply.code {
            220 => Ok(true),
            400.. if !is_required && reply.code != 421 => Ok(false),
            _ => expect(Stage::StartTls, reply).map(|_| false),
        }
    }

    async fn secured(&self, server: &Server, is_checked: bool, stream: impl Stream + 'static) -> Result<Wire, Failure> {
        let name = server_name(&server.name, server.address.ip());
        let connecting = self.tls.connector(is_checked).connect(name, stream);
        in_time(self.timeouts.handshake, connecting).await.map(Wire::new).map_err(Failure::Handshake)
    }
}

/// A reply that must be a yes.
fn expect(stage: Stage, reply: Reply) -> Result<Reply, Failure> {
    let wanted = if stage == Stage::Hello { 250 } else { 220 };
    match reply.code {
        code if code == wanted => Ok(reply),
        400.. => Err(Failure::Refused(stage, reply)),
        _ => Err(Failure::Unexpected(stage, reply)),
    }
}

/// What does not finish in time is an error like any other.
async fn in_time<T>(limit: Duration, work: impl Future<Output = std::io::Result<T>>) -> std::io::Result<T> {
    let late = |_| Err(std::io::Error::other(format!("not within {limit:?}")));
    timeout(limit, work).await.unwrap_or_else(late)
}
