//! What certificate authorities ask to see whether a name leads here (RFC 8555 section 8.3).

use crate::app::App;
use crate::error::{Error, Result};
use crate::reply::Reply;
use crate::request::Head;

/// Answers a certificate authority whose challenge is under way.
#[utoipa::path(get, path = "/.well-known/acme-challenge/{token}", tag = "Tracking", params(("token" = String, Path)),
    security(()), responses((status = 200, content_type = "application/octet-stream", description = "The key authorization"),
        (status = 404, body = crate::error::ErrorBody, description = "No challenge of ours")))]
pub(crate) async fn answer(app: &App, token: &str, head: &Head) -> Result<Reply> {
    let answer = match app.acme.challenges.answer(token) {
        Some(answer) => Some(answer),
        None => app.cluster.challenge(token, head.peer, app.now()).await,
    };
    let answer = answer.ok_or(Error::NotFound("Not found"))?;
    Ok(Reply::new(http::StatusCode::OK, "application/octet-stream", answer))
}
