//! What an edge node asks the origin. Each question has a connection of its own, a time and a bound on its answer.

use std::fmt;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{Request, StatusCode};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::identity::Identity;
use crate::app::Clock;
use crate::http_client::HttpClient;
use crate::nodes::ORIGIN_NAME;
use crate::nodes::batch::{BatchKind, HITS_BATCH, NOTIFICATIONS_BATCH};
use crate::nodes::pinned_tls;
use crate::nodes::token::JoinToken;
use crate::nodes::wire::{
    CERTIFICATE, CertificateReply, CertificateRequest, HITS, HitsReply, JOIN, JoinReply, JoinRequest, NOTIFICATIONS,
    NotificationsReply, REVOKED, STATE, StateReply, StateReport,
};

/// The way to the origin.
pub(crate) struct Link {
    client: HttpClient,
    address: String,
}

/// Why the origin did not do what it was asked.
#[derive(Debug)]
pub(crate) enum LinkError {
    /// It is away, too busy, or not able to: later it may be. A sentence without its subject.
    Away(String),
    /// This node was revoked.
    Revoked,
    /// It will never take this. In its words.
    Refused(String),
}

impl fmt::Display for LinkError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Away(why) => write!(out, "the origin {why}"),
            Self::Revoked => out.write_str("the origin has revoked this node"),
            Self::Refused(why) => write!(out, "the origin refuses: {why}"),
        }
    }
}

/// As much of a refusal as matters.
#[derive(Deserialize)]
struct Refusal {
    error: String,
    #[serde(default)]
    message: Option<String>,
    code: String,
}

impl Link {
    pub(crate) fn new(identity: &Identity, clock: Clock) -> Result<Self, String> {
        let client = HttpClient::with_tls(identity.tls(clock)?, ORIGIN_NAME)?;
        Ok(Self { client, address: identity.origin.clone() })
    }

    /// The way for a node that joins by this token.
    pub(crate) fn of_token(token: &JoinToken, clock: Clock) -> Result<Self, String> {
        let client = HttpClient::with_tls(pinned_tls(token.authority, clock)?, ORIGIN_NAME)?;
        Ok(Self { client, address: token.address.clone() })
    }

    pub(crate) async fn join(&self, request: &JoinRequest) -> Result<JoinReply, LinkError> {
        self.ask(JOIN, request).await
    }

    pub(crate) async fn state(&self, report: &StateReport) -> Result<StateReply, LinkError> {
        self.ask(STATE, report).await
    }

    pub(crate) async fn renew(&self, request: &CertificateRequest) -> Result<CertificateReply, LinkError> {
        self.ask(CERTIFICATE, request).await
    }

    pub(crate) async fn hits(&self, batch: Bytes) -> Result<HitsReply, LinkError> {
        self.send_batch(HITS, HITS_BATCH, batch).await
    }

    pub(crate) async fn notifications(&self, batch: Bytes) -> Result<NotificationsReply, LinkError> {
        self.send_batch(NOTIFICATIONS, NOTIFICATIONS_BATCH, batch).await
    }

    async fn send_batch<T: DeserializeOwned>(&self, path: &str, kind: BatchKind, batch: Bytes) -> Result<T, LinkError> {
        self.send(path, kind.media_type, batch).await
    }

    async fn ask<T: DeserializeOwned>(&self, path: &str, question: &impl Serialize) -> Result<T, LinkError> {
        let body = serde_json::to_vec(question).map_err(|error| LinkError::Refused(error.to_string()))?;
        self.send(path, "application/json", body.into()).await
    }

    async fn send<T: DeserializeOwned>(&self, path: &str, kind: &str, body: Bytes) -> Result<T, LinkError> {
        let request = Request::post(format!("https://{}{path}", self.address)).header(CONTENT_TYPE, kind);
        let length = body.len();
        let request = request.header(http::header::CONTENT_LENGTH, length).body(body);
        let request = request.map_err(|error| LinkError::Away(format!("has an address that is none: {error}")))?;
        let answer = self.client.send(request).await.map_err(LinkError::Away)?;
        let status = answer.status();
        if status.is_success() {
            let nonsense = |error| LinkError::Away(format!("answers with what makes no sense: {error}"));
            return serde_json::from_slice(answer.body()).map_err(nonsense);
        }
        Err(refused(status, answer.body()))
    }
}

/// What an answer that is no success means.
fn refused(status: StatusCode, body: &[u8]) -> LinkError {
    let Ok(Refusal { error, message, code }) = serde_json::from_slice(body) else {
        return LinkError::Away(format!("answers {status}"));
    };
    let words = message.unwrap_or(error);
    if code == REVOKED {
        return LinkError::Revoked;
    }
    match status {
        StatusCode::NOT_FOUND => {
            LinkError::Away("is of an earlier version than this node and does not know what it asks; update it".into())
        }
        // The same again would be refused again. Another certificate (401) or another version (415) may be on its way.
        StatusCode::BAD_REQUEST
        | StatusCode::FORBIDDEN
        | StatusCode::PAYLOAD_TOO_LARGE
        | StatusCode::UNPROCESSABLE_ENTITY => LinkError::Refused(words),
        _ => LinkError::Away(format!("answers {status}: {words}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(status: u16, body: &str, words: &str) {
        let status = StatusCode::from_u16(status).expect("it is a status");
        assert_eq!(refused(status, body.as_bytes()).to_string(), words);
    }

    #[test]
    fn what_would_be_refused_again_is_told_from_what_may_pass() {
        let refusal = r#"{"error":"Bad","message":"record 3 is cut off","code":"invalid"}"#;
        for status in [400, 403, 413, 422] {
            check(status, refusal, "the origin refuses: record 3 is cut off");
        }
        // Another certificate, another version, a moment of rest.
        for (status, told) in
            [(401, "401 Unauthorized"), (415, "415 Unsupported Media Type"), (429, "429 Too Many Requests")]
        {
            check(status, refusal, &format!("the origin answers {told}: record 3 is cut off"));
        }
        let old = "the origin is of an earlier version than this node and does not know what it asks; update it";
        check(404, r#"{"error":"Not found","code":"not_found"}"#, old);
        check(503, r#"{"error":"Busy","code":"busy"}"#, "the origin answers 503 Service Unavailable: Busy");
    }

    #[test]
    fn a_node_is_revoked_by_the_origin_s_word_and_by_nobody_else_s() {
        let revoked = format!(r#"{{"error":"Revoked","code":"{REVOKED}"}}"#);
        check(403, &revoked, "the origin has revoked this node");
        // What stands between them may answer in its own way.
        check(403, "<h1>Forbidden</h1>", "the origin answers 403 Forbidden");
        check(400, r#"{"code":"invalid"}"#, "the origin answers 400 Bad Request");
    }
}
