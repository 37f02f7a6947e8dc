//! What became of each of many emails that were judged alone.

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::monthly_limit_reached;
use crate::error::{Detail, Error};
use crate::mail::address::ADDRESS_BYTES_MAX;
use crate::request::chain;

/// What became of one email.
#[derive(Serialize, ToSchema)]
pub(super) struct SendResult {
    /// Its place in the request, from 0.
    index: usize,
    /// Its recipient, as far as there is one.
    #[schema(example = "ada@example.com")]
    to: Option<String>,
    /// `queued` or `failed`.
    #[schema(value_type = String, example = "queued")]
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    email_id: Option<Uuid>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    /// The same as a word that stays, as in the answers of `POST /api/send`.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
    /// What exactly is wrong, and where in the email.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    details: Vec<Detail>,
    /// What content scoring found, when that is the reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<Object>>)]
    findings: Option<serde_json::Value>,
}

/// An email that was judged: whom it is to, and its id or what is wrong with it.
pub(super) struct Judged {
    pub(super) to: Option<String>,
    pub(super) verdict: Result<Uuid, Error>,
}

impl Judged {
    /// One that is refused before its recipient is known to be one.
    pub(super) fn refused(to: Option<&str>, error: Error) -> Self {
        let cut = |text: &str| text[..text.floor_char_boundary(ADDRESS_BYTES_MAX)].to_owned();
        Self { to: to.map(cut), verdict: Err(error) }
    }
}

/// The results of emails from place `first` on. `stand` says of each that was good so far whether it found room in the
/// month.
pub(super) fn results(first: usize, judged: Vec<Judged>, stand: &[bool]) -> Vec<SendResult> {
    let mut stand = stand.iter();
    let judged = judged.into_iter().zip(first..);
    let results = judged.map(|(Judged { to, verdict }, index)| {
        let verdict =
            verdict.and_then(|id| if stand.next() == Some(&true) { Ok(id) } else { Err(monthly_limit_reached()) });
        SendResult::of(index, to, verdict)
    });
    results.collect()
}

impl SendResult {
    fn of(index: usize, to: Option<String>, verdict: Result<Uuid, Error>) -> Self {
        let queued = Self {
            index,
            to,
            status: "queued",
            email_id: None,
            error: None,
            code: None,
            details: Vec::new(),
            findings: None,
        };
        match verdict {
            Ok(id) => Self { email_id: Some(id), ..queued },
            Err(error) => {
                if let Error::Internal { public, cause } = &error {
                    tracing::error!(index, cause = chain(cause.as_ref()), "{public}");
                }
                let body = error.answer("").body;
                let (error, code) = (Some(body.message.unwrap_or(body.error)), Some(body.code));
                Self { status: "failed", error, code, details: body.details, findings: body.findings, ..queued }
            }
        }
    }

    pub(super) fn is_queued(&self) -> bool {
        self.email_id.is_some()
    }
}
