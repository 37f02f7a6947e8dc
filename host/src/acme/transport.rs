//! How the authority is spoken to: our client behind the interface of the ACME library.

use std::fmt;
use std::future::Future;
use std::path::Path;
use std::pin::Pin;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, RETRY_AFTER, USER_AGENT};
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use instant_acme::{BodyWrapper, BytesResponse, Error, Problem};

use super::said;
use crate::http_client::HttpClient;

/// What authorities know this client by (RFC 8555 section 6.1).
const AGENT: &str = concat!("pillarbox/", env!("CARGO_PKG_VERSION"), " instant-acme");
/// The longest that an authority is left alone at its word.
const LATER_SECS_MAX: i64 = 7 * 24 * 60 * 60;

/// The way to the authority.
#[derive(Clone)]
pub(super) struct Transport(HttpClient);

/// The authority wants to be asked later.
#[derive(Debug)]
pub(super) struct Later {
    words: String,
    pub(super) millis: i64,
}

impl Transport {
    pub(super) fn new(ca: Option<&Path>) -> Result<Self, String> {
        HttpClient::new("acme_ca", ca).map(Self)
    }
}

impl instant_acme::HttpClient for Transport {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        let client = self.0.clone();
        Box::pin(async move {
            let (mut parts, body) = request.into_parts();
            parts.headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
            let body = match body.collect().await {
                Ok(body) => body.to_bytes(),
                Err(never) => match never {},
            };
            let host = parts.uri.host().unwrap_or_default().to_owned();
            let words = |wrong: String| Error::Other(format!("the certificate authority at {host} {wrong}").into());
            let answer = client.send(Request::from_parts(parts, body)).await.map_err(words)?;
            check(&host, &answer)?;
            Ok(answer.map(Full::new).into())
        })
    }
}

/// What the library would not tell: refusals that say for how long they hold, and those that are no problem documents.
fn check(host: &str, answer: &Response<Bytes>) -> Result<(), Error> {
    let status = answer.status();
    if !status.is_client_error() && !status.is_server_error() {
        return Ok(());
    }
    let header = |name| answer.headers().get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let is_problem = header(CONTENT_TYPE).is_some_and(|kind| kind.starts_with("application/problem+json"));
    let problem = is_problem.then(|| serde_json::from_slice::<Problem>(answer.body()).ok()).flatten();
    let words = problem
        .as_ref()
        .map_or_else(|| format!("the certificate authority at {host} answers {status} and no reason"), said);
    // A date in the place of seconds is treated as if nothing were said; our own patience covers it.
    let secs = header(RETRY_AFTER).and_then(|value| value.trim().parse::<i64>().ok());
    let asks_for_time = [StatusCode::TOO_MANY_REQUESTS, StatusCode::SERVICE_UNAVAILABLE].contains(&status);
    match secs.filter(|_| asks_for_time) {
        Some(secs) => {
            let millis = secs.clamp(0, LATER_SECS_MAX) * 1_000;
            Err(Error::Other(Box::new(Later { words, millis })))
        }
        None if problem.is_none() => Err(Error::Other(words.into())),
        None => Ok(()),
    }
}

impl fmt::Display for Later {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words)
    }
}

impl std::error::Error for Later {}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE_LIMITED: &str = r#"{"type":"urn:ietf:params:acme:error:rateLimited","detail":"too many certificates"}"#;

    fn answer(status: u16, kind: &str, retry_after: &str, body: &'static str) -> Option<Error> {
        let answer = Response::builder()
            .status(status)
            .header(CONTENT_TYPE, kind)
            .header(RETRY_AFTER, retry_after)
            .body(Bytes::from_static(body.as_bytes()))
            .expect("an answer");
        check("ca.example", &answer).err()
    }

    #[test]
    fn an_authority_that_asks_for_time_gets_it_within_a_bound() {
        let later = |secs: &str| match answer(429, "application/problem+json", secs, RATE_LIMITED) {
            Some(Error::Other(error)) => error.downcast::<Later>().map(|later| (later.to_string(), later.millis)).ok(),
            _ => None,
        };
        let words = "the certificate authority says: too many certificates (rateLimited)".to_owned();
        assert_eq!(later("3600"), Some((words.clone(), 3_600_000)));
        assert_eq!(later("604800"), Some((words.clone(), 604_800_000)));
        assert_eq!(later("604801"), Some((words.clone(), 604_800_000)));
        assert_eq!(later("-5"), Some((words, 0)));
        assert_eq!(later("Fri, 31 Dec 1999 23:59:59 GMT"), None, "then the library reads the problem");
    }

    #[test]
    fn a_refusal_without_a_problem_document_is_told_with_its_status() {
        let told = answer(502, "text/html", "", "<h1>Bad Gateway</h1>").map(|error| error.to_string());
        assert_eq!(
            told.as_deref(),
            Some("the certificate authority at ca.example answers 502 Bad Gateway and no reason")
        );
        assert!(answer(400, "application/problem+json", "", RATE_LIMITED).is_none());
        assert!(answer(200, "application/json", "", "{}").is_none());
    }
}
