//! Notifications of providers and mail servers, each at the address of its own source.

use bytes::Bytes;
use serde::Serialize;
use utoipa::ToSchema;

use super::webhooks::{self, NotificationReply};
use crate::app::App;
use crate::error::Result;
use crate::reply::Reply;
use crate::request::Head;
use crate::sources::{self, Source};

/// The address is there.
#[derive(Serialize, ToSchema)]
pub(crate) struct SourceReply {
    success: bool,
}

/// Takes what a provider or a mail server posts, in its own format, one event or many. The source says how it proves that
/// it is genuine; the last part of the address is a secret too.
#[utoipa::path(post, path = "/webhooks/in/{source}", tag = "Webhooks", security(()),
    params(("source" = String, Path, description = "As `pillarbox source add` printed it")),
    request_body(content = String, content_type = "*/*", description = "As the provider sends it"),
    responses((status = 200, body = NotificationReply), (status = 404, description = "There is no such source, or it is disabled")))]
pub(crate) async fn receive(app: &App, source: &Source, head: &Head, body: Bytes) -> Result<Reply> {
    let mut admitted = sources::admit(app, source, head, &body, app.now()).await?;
    if let Some(reply) = admitted.answered.take() {
        return Ok(reply);
    }
    Ok(Reply::ok(&webhooks::from_source(app, admitted, head, body).await?))
}

/// Says that an address is there, for providers that look before they post.
#[utoipa::path(get, path = "/webhooks/in/{source}", tag = "Webhooks", security(()),
    params(("source" = String, Path, description = "As `pillarbox source add` printed it")),
    responses((status = 200, body = SourceReply), (status = 404, description = "There is no such source, or it is disabled")))]
pub(crate) async fn look(app: &App, address: &str) -> Result<SourceReply> {
    sources::find(app, address).await.map(|_| SourceReply { success: true })
}
