//! Handing one message over to one host: by a connection that waits for it, else by a new one.

use std::hash::Hash;
use std::sync::Arc;
use std::time::Instant;

use super::pool::Pool;
use super::report;
use super::rest::Rests;
use crate::delivery::attempt::{Attempt, Envelope};
use crate::mail::reply::Stage;
use crate::smtp::client::failure::Failure;
use crate::smtp::client::message::Outgoing;
use crate::smtp::client::session::{Answer, Session};
use crate::smtp::client::{Client, Server};

/// What is to be handed over.
pub(super) struct Parcel<'a> {
    pub(super) envelope: &'a Envelope,
    pub(super) message: &'a Outgoing<'a>,
}

/// Hosts of one outlet: the connections to them, and which of them rest.
pub(super) struct Hosts<K> {
    pub(super) client: Arc<Client>,
    pub(super) rests: Rests<K>,
    pool: Arc<Pool<K>>,
}

/// What one host came to.
pub(super) enum Tried {
    /// Nothing more is to be tried in this attempt.
    Ended(Attempt),
    /// Another host may do better. If there is none, this is the attempt.
    Next(Attempt),
}

impl<K: Copy + Eq + Hash + Send + 'static> Hosts<K> {
    pub(super) fn new(client: Arc<Client>) -> Self {
        let pool = Pool::new(client.timeouts.idle);
        Self { client, rests: Rests::new(), pool }
    }

    /// Sends by a connection that waits, if there is one that is still good.
    pub(super) async fn reuse(&self, host: K, parcel: &Parcel<'_>) -> Option<Tried> {
        let (mut session, name) = self.pool.take(host).await?;
        match session.send(parcel.envelope, parcel.message).await {
            // The server had enough of waiting: that says nothing about the message, nor about the host.
            Err(failure) if failure.stage() <= Some(Stage::Mail) => None,
            sent => Some(self.finish(host, name, session, sent)),
        }
    }

    /// Sends by a new connection. A host to which none can be opened rests.
    pub(super) async fn connect(&self, host: K, server: &Server, parcel: &Parcel<'_>) -> Tried {
        let mut session = match self.client.open(server).await {
            Ok(session) => session,
            Err(failure) => return self.rest(host, &server.name, &failure),
        };
        self.rests.recover(host);
        let sent = session.send(parcel.envelope, parcel.message).await;
        self.finish(host, server.name.as_str().into(), session, sent)
    }

    /// Leaves a host alone for a while.
    pub(super) fn rest(&self, host: K, name: &str, failure: &Failure) -> Tried {
        if let Some(length) = self.rests.fail(host, Instant::now(), &failure.to_string()) {
            tracing::info!(host = name, secs = length.as_secs(), "mail server cannot be used and is left alone");
        }
        Tried::Next(report::of_failure(name, failure))
    }

    fn finish(&self, host: K, name: Arc<str>, session: Session, sent: Result<Answer, Failure>) -> Tried {
        match sent {
            Ok(answer) => {
                let attempt = report::of_answer(&name, &answer);
                self.pool.keep(host, name, session);
                Tried::Ended(attempt)
            }
            // Another host could make a second copy of what this one may have taken.
            Err(failure) if failure.is_in_doubt() => Tried::Ended(report::of_failure(&name, &failure)),
            Err(failure) => Tried::Next(report::of_failure(&name, &failure)),
        }
    }
}
