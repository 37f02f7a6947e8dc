//! One attempt to hand over one copy, from the lease to what is written down.

use std::time::Duration;

use tokio::time::timeout;

use super::attempt::{Attempt, Envelope, Outcome};
use super::dkim::SignError;
use super::outlet::OutletKind;
use super::{captured, outlet_of, record, retry};
use crate::app::App;
use crate::domains::removal::GONE;
use crate::store::{Ending, Heard, Leased};

/// The longest attempt, well within its lease.
const ATTEMPT_TIME: Duration = Duration::from_mins(25);

/// What the attempt record says then. Whatever was going on is not known any more.
const TOO_LONG: &str = "the attempt took more than 25 minutes and was given up; the server may have taken the message";

/// What the worker needs to know of an attempt that ended and was recorded.
pub(super) struct Handed {
    /// Whether the destination answered at all.
    pub(super) was_reached: bool,
    /// When the copy is due again, in milliseconds.
    pub(super) next_at: Option<i64>,
}

/// Signs a copy, hands it to its outlet and records what came of it.
pub(super) async fn hand_over(app: &App, copy: Leased) -> Handed {
    let kind = outlet_of(app, &copy);
    let attempt = match prepare(app, &copy).await {
        Ok(ready) if kind == OutletKind::Capture => {
            record(app, vec![captured(copy.handover, ready.captured_headers())]).await;
            return Handed { was_reached: true, next_at: None };
        }
        Ok(Ready { envelope, signatures, message }) => {
            let signed = [signatures, message].concat();
            let tried = app.outlets.attempt(kind, &copy.destination, &envelope, &signed);
            timeout(ATTEMPT_TIME, tried).await.unwrap_or_else(|_| not_now(TOO_LONG.into()))
        }
        Err(Unready::Never(reason)) => {
            let heard = Heard { host: "pillarbox".into(), code: 0, enhanced_code: None, response: reason.into() };
            record(app, vec![(copy.handover, heard, Ending::Failed)]).await;
            return Handed { was_reached: true, next_at: None };
        }
        Err(Unready::NotNow(reason)) => {
            // The destination has no part in this, and must not rest for it: others send there too.
            let handed = end(app, copy, not_now(reason)).await;
            return Handed { was_reached: true, ..handed };
        }
    };
    end(app, copy, attempt).await
}

/// A copy as it leaves.
struct Ready {
    envelope: Envelope,
    signatures: Vec<u8>,
    message: Vec<u8>,
}

impl Ready {
    /// What a server that delivers a message puts in front of it (RFC 5321 section 4.4), and the signatures.
    fn captured_headers(&self) -> Vec<u8> {
        [format!("Return-Path: <{}>\r\n", self.envelope.sender).as_bytes(), &self.signatures].concat()
    }
}

/// Why a copy cannot leave.
enum Unready {
    /// It may later.
    NotNow(String),
    /// It never will.
    Never(&'static str),
}

/// Whatever keeps a copy from being signed keeps it in the queue: it never leaves unsigned instead.
async fn prepare(app: &App, copy: &Leased) -> Result<Ready, Unready> {
    let email_id = copy.handover.email_id;
    let message = app.store.message(email_id).await.map_err(|error| Unready::NotNow(error.to_string()))?;
    let message = message.ok_or_else(|| Unready::NotNow("the stored message is gone".into()))?;
    let signatures = app.signers.sign(&app.store, copy.domain_id, &message, app.now()).await;
    let signatures = signatures.map_err(|error| {
        if matches!(error, SignError::NoDomain) {
            return Unready::Never(GONE);
        }
        tracing::error!(%email_id, %error, "an email waits because it cannot be signed");
        Unready::NotNow(error.to_string())
    })?;
    let sender = if copy.own_return_path {
        app.own_bounce_address(email_id, copy.recipient_number, &copy.domain)
    } else {
        app.bounce_address(email_id, copy.recipient_number, &copy.domain)
    };
    Ok(Ready { envelope: Envelope { email_id, sender, recipient: copy.recipient.clone() }, signatures, message })
}

/// An attempt that ended before anybody was spoken to.
fn not_now(response: String) -> Attempt {
    Attempt { outcome: Outcome::Deferred, host: "pillarbox".into(), code: 0, enhanced_code: None, response }
}

async fn end(app: &App, copy: Leased, attempt: Attempt) -> Handed {
    let now = app.now();
    let Leased { handover, began_at, .. } = copy;
    let was_reached = attempt.code != 0 && attempt.code != 421;
    let ending = match attempt.outcome {
        Outcome::Delivered => Ending::Delivered,
        Outcome::Bounced(bounce_type) => Ending::Bounced(bounce_type),
        Outcome::Deferred => {
            let ended = handover.attempts + 1;
            retry::next_at(&app.config.retry_after, ended, handover.email_id, began_at, now)
                .map_or(Ending::Failed, |next_at| Ending::Deferred { next_at })
        }
    };
    let next_at = if let Ending::Deferred { next_at } = ending { Some(next_at) } else { None };
    let Attempt { host, code, enhanced_code, response, outcome } = attempt;
    tracing::debug!(email_id = %handover.email_id, host, code, ?outcome, "attempt ended");
    record(app, vec![(handover, Heard { host, code, enhanced_code, response }, ending)]).await;
    Handed { was_reached, next_at }
}
