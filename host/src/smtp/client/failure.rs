//! Why a conversation ended before there was an answer about the message.

use std::fmt;
use std::io;
use std::time::Duration;

use crate::mail::reply::{NoReply, Reply, Stage};

/// Why a conversation ended. The connection is closed in every case.
#[derive(Debug)]
pub enum Failure {
    /// The name of the host leads nowhere, now.
    NoAddress(String),
    /// There is no connection.
    Unreachable(io::Error),
    /// The server did not answer in time.
    Silent(Stage, Duration),
    /// The server closed the connection instead of answering.
    Closed(Stage),
    /// The connection broke.
    Broken(Stage, io::Error),
    /// What came is no reply.
    Garbage(Stage, NoReply),
    /// The reply is one that makes no sense there.
    Unexpected(Stage, Reply),
    /// The server wants no conversation, or ended this one with 421.
    Refused(Stage, Reply),
    /// TLS was begun and failed.
    Handshake(io::Error),
    /// TLS is required and not offered.
    NoTls,
    /// Something was sent in the clear that would have been taken for part of what is under TLS.
    Injected,
    /// None of the ways to sign in that we may use is offered.
    NoMechanism,
    /// The password would be readable on its way.
    Exposed,
}

impl Failure {
    /// Where it happened, once there was a connection.
    pub fn stage(&self) -> Option<Stage> {
        match self {
            Self::NoAddress(_) | Self::Unreachable(_) => None,
            Self::Silent(stage, _)
            | Self::Closed(stage)
            | Self::Broken(stage, _)
            | Self::Garbage(stage, _)
            | Self::Unexpected(stage, _)
            | Self::Refused(stage, _) => Some(*stage),
            Self::Handshake(_) | Self::NoTls | Self::Injected => Some(Stage::StartTls),
            Self::NoMechanism | Self::Exposed => Some(Stage::Auth),
        }
    }

    /// The reply that ended the conversation, when there was one.
    pub fn reply(&self) -> Option<&Reply> {
        match self {
            Self::Refused(_, reply) | Self::Unexpected(_, reply) => Some(reply),
            _ => None,
        }
    }

    /// Whether the server may have taken the message nevertheless, so that another attempt may make a duplicate.
    pub fn is_in_doubt(&self) -> bool {
        self.stage() == Some(Stage::Message) && !matches!(self, Self::Refused(..))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoAddress(why) => write!(f, "the host has no address now: {why}"),
            Self::Unreachable(error) => write!(f, "no connection: {error}"),
            Self::Silent(stage, limit) => write!(f, "no answer to {stage} within {limit:?}"),
            Self::Closed(stage) => write!(f, "the server closed the connection instead of answering to {stage}"),
            Self::Broken(stage, error) => write!(f, "the connection broke at {stage}: {error}"),
            Self::Garbage(stage, what) => write!(f, "the server answered to {stage} with {what}"),
            Self::Refused(_, reply) => write!(f, "{reply}"),
            Self::Unexpected(stage, reply) => write!(f, "{reply} (which is no answer to {stage})"),
            Self::Handshake(error) if is_untrusted(error) => {
                write!(f, "TLS failed: {error}; relay_ca may name certificates to trust besides the system's")
            }
            Self::Handshake(error) => write!(f, "TLS failed: {error}"),
            Self::NoTls => f.write_str("TLS is required, and the server does not offer STARTTLS"),
            Self::Injected => f.write_str("the server sent something between STARTTLS and TLS, which nobody may trust"),
            Self::NoMechanism => f.write_str("the server offers no way to sign in that is allowed here: PLAIN, LOGIN"),
            Self::Exposed => f.write_str(
                "the password is not sent without TLS, and the server is not on loopback; use starttls=required or smtps",
            ),
        }?;
        if self.is_in_doubt() {
            f.write_str("; the message was sent, so the server may have taken it")?;
        }
        Ok(())
    }
}

fn is_untrusted(error: &io::Error) -> bool {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
    matches!(inner, Some(rustls::Error::InvalidCertificate(_)))
}
