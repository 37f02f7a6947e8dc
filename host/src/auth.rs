//! Who sent a request.

use http::HeaderMap;
use http::header::AUTHORIZATION;

use crate::app::App;
use crate::error::{Error, Result};
use crate::secrets::hash_api_key;
use crate::store::{ApiKey, Customer};

/// The customer behind the request's key, from `Authorization: Bearer` or `X-API-Key`.
pub(crate) async fn customer(app: &App, headers: &HeaderMap, now: i64) -> Result<(Customer, ApiKey)> {
    let Some(key) = presented_key(headers) else {
        return Err(Error::Unauthorized("API key required: send Authorization: Bearer <key> or X-API-Key: <key>"));
    };
    let wrong = Error::Unauthorized("Invalid API key");
    let Some(hash) = hash_api_key(key) else { return Err(wrong) };
    app.store.customer_by_key(hash, now).await?.ok_or(wrong)
}

fn presented_key(headers: &HeaderMap) -> Option<&str> {
    let bearer = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(|value| {
        let (scheme, key) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then_some(key.trim())
    });
    bearer.or_else(|| headers.get("x-api-key")?.to_str().ok())
}
