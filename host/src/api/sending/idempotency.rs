//! The `Idempotency-Key` of a request: the same work is not begun twice, and its first answer is given again.

use http::{HeaderName, HeaderValue, StatusCode};

use crate::app::App;
use crate::error::{Error, Result};
use crate::hash::sha256;
use crate::keys_in_flight::HeldKey;
use crate::reply::Reply;
use crate::request::Head;
use crate::store::{Claim, Customer, Replay};

/// Bytes of an `Idempotency-Key`.
const KEY_BYTES_MAX: usize = 255;

/// A key, held for as long as its request is worked on.
pub(super) struct Idempotency {
    key: String,
    request_hash: [u8; 32],
    _held: HeldKey,
}

impl Idempotency {
    /// The key that the request brought, if it did. One that another request holds is 409.
    pub(super) fn of(app: &App, customer: &Customer, head: &Head, body: &[u8]) -> Result<Option<Self>> {
        let Some(value) = head.headers.get("idempotency-key") else { return Ok(None) };
        let key = value.to_str().ok().filter(|key| !key.is_empty() && key.len() <= KEY_BYTES_MAX);
        let Some(key) = key else {
            let message = format!("Idempotency-Key must be 1 to {KEY_BYTES_MAX} printable characters");
            return Err(Error::invalid(message));
        };
        let guard = app.keys_in_flight.hold(customer.id, key).ok_or_else(in_flight)?;
        Ok(Some(Self { key: key.to_owned(), request_hash: sha256(body), _held: guard }))
    }

    /// What the key was used for before, when that was this request.
    pub(super) async fn earlier(&self, app: &App, customer: &Customer, now: i64) -> Result<Option<Replay>> {
        match app.store.replay(customer.id, self.key.clone(), self.request_hash, now).await? {
            Some(Replay::Mismatch) => Err(mismatch()),
            earlier => Ok(earlier),
        }
    }

    pub(super) fn claim(&self) -> Claim {
        Claim { key: self.key.clone(), request_hash: self.request_hash }
    }
}

/// The answer that the request got before.
pub(super) async fn earlier_answer(
    app: &App,
    customer: &Customer,
    idempotency: Option<&Idempotency>,
    now: i64,
) -> Result<Option<Reply>> {
    let Some(idempotency) = idempotency else { return Ok(None) };
    match idempotency.earlier(app, customer, now).await? {
        Some(Replay::Same(reply)) => Ok(Some(replayed(reply))),
        // The body of a bulk send is none of another route, so it was sent there by mistake.
        Some(Replay::Mismatch | Replay::Unfinished(_)) => Err(mismatch()),
        None => Ok(None),
    }
}

pub(super) fn replayed(reply: String) -> Reply {
    let header = HeaderName::from_static("idempotent-replayed");
    Reply::new(StatusCode::OK, "application/json", reply).with(header, HeaderValue::from_static("true"))
}

pub(super) fn mismatch() -> Error {
    Error::Refused {
        code: "idempotency_mismatch",
        message: "This Idempotency-Key was used for another request; use a new key for a new email".into(),
        findings: None,
    }
}

pub(super) fn in_flight() -> Error {
    Error::Conflict {
        code: "idempotency_in_flight",
        message: "A request with this Idempotency-Key is being worked on; repeat yours in a moment to hear its answer"
            .into(),
    }
}
