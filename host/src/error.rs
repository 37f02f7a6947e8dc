//! What can go wrong with a request, and which status and body each of it is.

use std::fmt;

use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::store::StoreError;

/// The cause that the log keeps.
pub(crate) type Cause = Box<dyn std::error::Error + Send + Sync>;
/// What a handler returns.
pub(crate) type Result<T, E = Error> = std::result::Result<T, E>;

/// Seconds after which a caller may try again when the service sheds load.
const RETRY_AFTER_SECS: u64 = 1;
/// When to ask again while no mail leaves: an outlet that is down for minutes is not back within seconds.
const OUTLET_RETRY_AFTER_SECS: u64 = 60;

/// Why a request was not served.
#[derive(Debug)]
pub(crate) enum Error {
    /// 400: what was sent is not what the reference says. Each detail points into the body.
    Invalid(String, Vec<Detail>),
    /// 400 with a code of its own.
    Malformed { code: &'static str, message: String, details: Vec<Detail> },
    /// 401.
    Unauthorized(&'static str),
    /// 401, or what the source of a notification has for what is not genuine; whether a password would make it so.
    Unverified { status: StatusCode, is_basic: bool },
    /// 403, with the code as the error where the reference says so.
    Forbidden { error: &'static str, code: &'static str, message: &'static str },
    /// 404, in the words of the reference.
    NotFound(&'static str),
    /// 404, in the words of the reference: it will be there once there is something to make it from.
    NotFoundYet(&'static str),
    /// 405, with what is allowed.
    MethodNotAllowed(String),
    /// 408.
    TooSlow,
    /// 409.
    Conflict { code: &'static str, message: String },
    /// 413, with the bound in bytes.
    TooLarge(usize),
    /// 415, with what is taken.
    UnsupportedType(&'static str),
    /// 421: the request names a host that is not ours.
    Misdirected,
    /// 422: understood but refused.
    Refused { code: &'static str, message: String, findings: Option<serde_json::Value> },
    /// 429, with the seconds to wait where waiting helps soon.
    TooMany { code: &'static str, message: &'static str, retry_after_secs: Option<u64> },
    /// 503: too much is under way.
    Busy(&'static str),
    /// 503: what is taken now would go nowhere. It says why.
    NoOutlet(String),
    /// 500. The caller reads `public`, the log keeps `cause`.
    Internal { public: &'static str, cause: Cause },
}

/// One thing that is wrong with a request.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Detail {
    /// JSON pointer (RFC 6901) to the place; empty for the whole body.
    pub pointer: String,
    /// What is wrong there.
    pub message: String,
}

/// The body of every answer that is not a success.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ErrorBody {
    /// What went wrong.
    pub error: String,
    /// The same for a person, where `error` is a word of the reference.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// A word that stays the same, for programs.
    pub code: &'static str,
    /// What exactly is wrong, and where.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<Detail>,
    /// What content scoring found, when it is the reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<Object>>)]
    pub findings: Option<serde_json::Value>,
    /// The request's id, as in `X-Request-Id`.
    pub request_id: String,
}

/// An [`Error`] as it is answered.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: ErrorBody,
    pub(crate) allow: Option<String>,
    pub(crate) retry_after_secs: Option<u64>,
}

impl Error {
    /// For a request that no route is there for: other methods have this path, or none has.
    pub(crate) fn no_route(methods: &[&str]) -> Self {
        if methods.is_empty() { Self::NotFound("Not found") } else { Self::MethodNotAllowed(methods.join(", ")) }
    }

    /// A 400 about the whole request.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::Invalid(message.into(), Vec::new())
    }

    /// A 400 about one place of the body.
    pub(crate) fn invalid_at(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        let message = message.into();
        Self::Invalid(message.clone(), vec![Detail { pointer: pointer.into(), message }])
    }

    /// The same where the reference has words of its own for the whole, and `cause` says what exactly is wrong.
    pub(crate) fn invalid_as(words: &str, pointer: impl Into<String>, cause: impl fmt::Display) -> Self {
        Self::Invalid(words.to_owned(), vec![Detail { pointer: pointer.into(), message: cause.to_string() }])
    }

    /// Which status and body this is.
    pub(crate) fn answer(&self, request_id: &str) -> Answer {
        let mut allow = None;
        let mut retry_after_secs = None;
        let body = |code, error: &str| ErrorBody {
            error: error.to_owned(),
            message: None,
            code,
            details: Vec::new(),
            findings: None,
            request_id: request_id.to_owned(),
        };
        let (status, body) = match self {
            Self::Invalid(message, details) => {
                (StatusCode::BAD_REQUEST, ErrorBody { details: details.clone(), ..body("invalid_request", message) })
            }
            Self::Malformed { code, message, details } => {
                (StatusCode::BAD_REQUEST, ErrorBody { details: details.clone(), ..body(code, message) })
            }
            Self::Unauthorized(message) => (StatusCode::UNAUTHORIZED, body("unauthorized", message)),
            Self::Unverified { status, .. } => {
                (*status, body("unverified", "The notification does not prove where it comes from"))
            }
            Self::Forbidden { error, code, message } => {
                let message = Some((*message).to_owned());
                (StatusCode::FORBIDDEN, ErrorBody { message, ..body(code, error) })
            }
            Self::NotFound(message) => (StatusCode::NOT_FOUND, body("not_found", message)),
            Self::NotFoundYet(message) => {
                let message = Some((*message).to_owned());
                (StatusCode::NOT_FOUND, ErrorBody { message, ..body("no_data", "No data available") })
            }
            Self::MethodNotAllowed(methods) => {
                allow = Some(methods.clone());
                let message = format!("Method not allowed; this path takes {methods}");
                (StatusCode::METHOD_NOT_ALLOWED, body("method_not_allowed", &message))
            }
            Self::TooSlow => (StatusCode::REQUEST_TIMEOUT, body("request_timeout", "The body took too long to arrive")),
            Self::Conflict { code, message } => (StatusCode::CONFLICT, body(code, message)),
            Self::TooLarge(bytes_max) => {
                let message = format!("The body is larger than the {bytes_max} bytes that this route takes");
                (StatusCode::PAYLOAD_TOO_LARGE, body("body_too_large", &message))
            }
            Self::UnsupportedType(taken) => {
                let message = format!("Unsupported content type; this route takes {taken}");
                (StatusCode::UNSUPPORTED_MEDIA_TYPE, body("unsupported_media_type", &message))
            }
            Self::Misdirected => {
                let message = "This listener is not known under the name in the address; add it to the setting \
                               operator_hosts";
                (StatusCode::MISDIRECTED_REQUEST, body("unknown_host", message))
            }
            Self::Refused { code, message, findings } => {
                (StatusCode::UNPROCESSABLE_ENTITY, ErrorBody { findings: findings.clone(), ..body(code, message) })
            }
            Self::TooMany { code, message, retry_after_secs: seconds } => {
                retry_after_secs = *seconds;
                (StatusCode::TOO_MANY_REQUESTS, body(code, message))
            }
            Self::Busy(message) => {
                retry_after_secs = Some(RETRY_AFTER_SECS);
                (StatusCode::SERVICE_UNAVAILABLE, body("busy", message))
            }
            Self::NoOutlet(why) => {
                retry_after_secs = Some(OUTLET_RETRY_AFTER_SECS);
                (StatusCode::SERVICE_UNAVAILABLE, body("outlet_unavailable", why))
            }
            Self::Internal { public, .. } => (StatusCode::INTERNAL_SERVER_ERROR, body("internal", public)),
        };
        Answer { status, body, allow, retry_after_secs }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.answer("").body.error)
    }
}

/// Turns a failure of our own into a 500 with the words of the reference, and a full queue into a 503.
pub(crate) trait OrFail<T> {
    fn or_fail(self, public: &'static str) -> Result<T>;
}

impl<T> OrFail<T> for std::result::Result<T, StoreError> {
    fn or_fail(self, public: &'static str) -> Result<T> {
        self.map_err(|error| from_store(error, public))
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        from_store(error, "Internal server error")
    }
}

fn from_store(error: StoreError, public: &'static str) -> Error {
    match error {
        StoreError::Full => Error::Busy("The service has more work waiting than it may hold; try again"),
        StoreError::Closed => Error::Busy("The storage is away; try again"),
        StoreError::Away(why) => {
            tracing::warn!(why, "a change of the control plane was refused: its primary is away");
            Error::Busy("The control plane is away, so nothing was changed; mail goes on. Try again")
        }
        StoreError::Unclear(why) => {
            tracing::warn!(why, "a change of the control plane may have been made: its primary did not say");
            Error::Busy(
                "The control plane did not say whether it made the change. Look whether it did before you try again",
            )
        }
        StoreError::Contended => Error::Busy("Other nodes are changing the control plane as well; try again"),
        error @ (StoreError::NotCommitted
        | StoreError::Newer { .. }
        | StoreError::Altered(_)
        | StoreError::Dangling { .. }
        | StoreError::Primary(_)
        | StoreError::Refused(_)
        | StoreError::Diverged
        | StoreError::Orphaned { .. }
        | StoreError::Sql(_)) => Error::Internal { public, cause: error.into() },
    }
}
