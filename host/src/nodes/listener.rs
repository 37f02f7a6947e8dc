//! The listener for edge nodes: who they are is known by their certificate, which every route but joining wants.

use std::net::IpAddr;
use std::time::Instant;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use tracing::Level;
use uuid::Uuid;

use super::batch::{BatchKind, HITS_BATCH, NOTIFICATIONS_BATCH};
use super::wire::{
    CERTIFICATE, CertificateReply, CertificateRequest, HITS, JOIN, JoinReply, JoinRequest, NOTIFICATIONS, REVOKED,
    STATE, StateReply, StateReport,
};
use super::{Node, intake, notifications, ring_and_revision};
use crate::api::body;
use crate::app::App;
use crate::error::{Error, Result};
use crate::hash::{sha256, unhex};
use crate::ids::new_id;
use crate::reply::{Body, Reply};
use crate::request::{chain, media_type, read, refusal};
use crate::server::PeerCertificate;
use crate::store::{Invitation, NodeTold};

/// Bytes of a body that is JSON.
const JSON_BYTES_MAX: usize = 16 * 1024;
/// Bytes of a node's word for its version.
const VERSION_BYTES_MAX: usize = 64;
/// All paths.
const PATHS: [&str; 5] = [JOIN, STATE, HITS, NOTIFICATIONS, CERTIFICATE];

/// Serves one request of a node, or of one that wants to be. Whatever happens inside becomes an answer.
pub async fn handle<B>(app: &App, peer: IpAddr, request: Request<B>) -> Response<Body>
where
    B: http_body::Body<Data = Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>>,
{
    let started = Instant::now();
    let path = request.uri().path().to_owned();
    let reply = serve(app, &path, request).await.unwrap_or_else(|error| {
        if let Error::Internal { public, cause } = &error {
            tracing::error!(cause = chain(cause.as_ref()), "a request of a node failed: {public}");
        }
        refusal(&error, &new_id(app.now()).to_string())
    });
    let status = reply.status.as_u16();
    // Any node asks every few seconds, so what goes well is of no interest.
    if status >= 400 || path == JOIN {
        let route = PATHS.into_iter().find(|route| *route == path).unwrap_or("-");
        let duration_us = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
        tracing::event!(target: "access", Level::INFO, listener = "node", route, status, duration_us, %peer);
    }
    let mut response = Response::new(reply.body);
    *response.status_mut() = reply.status;
    *response.headers_mut() = reply.headers;
    response
}

async fn serve<B>(app: &App, path: &str, request: Request<B>) -> Result<Reply>
where
    B: http_body::Body<Data = Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>>,
{
    if !PATHS.contains(&path) {
        return Err(Error::NotFound("Not found"));
    }
    if request.method() != Method::POST {
        return Err(Error::MethodNotAllowed("POST".into()));
    }
    let Ok(_place) = app.in_flight.try_acquire() else {
        return Err(Error::Busy("The service has more requests under way than it may; try again"));
    };
    let (parts, body) = request.into_parts();
    if path == JOIN {
        let body = read(app, &parts.headers, body, JSON_BYTES_MAX).await?;
        return join(app, body::json(&body)?).await.map(|reply| Reply::json(StatusCode::CREATED, &reply));
    }
    let node = node(app, parts.extensions.get()).await?;
    if path == HITS {
        let body = read_batch(app, HITS_BATCH, &parts.headers, body).await?;
        return intake::take(app, &node, &body).await.map(|reply| Reply::ok(&reply));
    }
    if path == NOTIFICATIONS {
        let body = read_batch(app, NOTIFICATIONS_BATCH, &parts.headers, body).await?;
        return Box::pin(notifications::take(app, &node, &body)).await.map(|reply| Reply::ok(&reply));
    }
    let body = read(app, &parts.headers, body, JSON_BYTES_MAX).await?;
    if path == STATE {
        return state(app, &node, body::json(&body)?).await.map(|reply| Reply::ok(&reply));
    }
    let shown = parts.extensions.get().map(|PeerCertificate(certificate)| sha256(certificate).to_vec());
    renew(app, &node, shown.unwrap_or_default(), body::json(&body)?).await.map(|reply| Reply::ok(&reply))
}

async fn read_batch<B>(app: &App, kind: BatchKind, headers: &HeaderMap, body: B) -> Result<Bytes>
where
    B: http_body::Body<Data = Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>>,
{
    if media_type(headers) != kind.media_type {
        return Err(Error::UnsupportedType(kind.media_type));
    }
    read(app, headers, body, kind.bytes_max).await
}

/// Whose request it is. One who is revoked hears so with the next request, also on a connection that is open.
async fn node(app: &App, certificate: Option<&PeerCertificate>) -> Result<Node> {
    let PeerCertificate(certificate) =
        certificate.ok_or(Error::Unauthorized("A node shows its certificate; join by `pillarbox edge join`"))?;
    let node = app.nodes.of(app, certificate).await?;
    let node = node.ok_or(Error::Unauthorized("No node has this certificate (any more); join again"))?;
    if node.is_revoked {
        return Err(Error::Forbidden {
            error: "Node revoked",
            code: REVOKED,
            message: "This node was revoked at the origin. What it has recorded stays with it",
        });
    }
    Ok(node)
}

async fn join(app: &App, asked: JoinRequest) -> Result<JoinReply> {
    let authority = app.nodes.authority()?;
    let refused = |code, message| Error::Forbidden { error: "Token refused", code, message };
    let used = || refused("token_used", "A node has joined by this token already; make another token for another node");
    let secret = unhex(&asked.secret).filter(|secret| secret.len() == 32);
    let hash = sha256(&secret.ok_or_else(|| Error::invalid("secret is 32 bytes in hexadecimal"))?).to_vec();
    let now = app.now();
    match app.store.node_invitation(hash.clone(), now).await? {
        Invitation::Open => {}
        Invitation::Used => return Err(used()),
        Invitation::Expired => {
            return Err(refused("token_expired", "This token has expired; make another by `pillarbox node invite`"));
        }
        Invitation::Unknown => {
            let message = "No node was invited by this token; it may have expired or been withdrawn";
            return Err(refused("token_unknown", message));
        }
    }
    let node_id = new_id(now);
    let issued = authority.certify(&asked.request, node_id, now);
    let issued = issued.map_err(|wrong| Error::invalid(format!("The certificate request cannot be used: {wrong}")))?;
    let name = app.store.join_node(hash, node_id, issued.stored, version(asked.version), now).await?;
    let name = name.ok_or_else(used)?;
    app.nodes.look(app).await?;
    tracing::info!(node = name, %node_id, "node joined");
    Ok(JoinReply { node_id, name, certificate: issued.pem, authority: authority.pem().to_owned() })
}

async fn state(app: &App, node: &Node, report: StateReport) -> Result<StateReply> {
    let told = NodeTold {
        version: Some(version(report.version)),
        spool_bytes: i64::try_from(report.spool_bytes).ok(),
        spool_oldest_at: report.spool_oldest_at,
        ring_revision: report.ring_revision.clone().map(version),
    };
    app.store.note_node(node.id, told, app.now()).await?;
    let (ring, ring_revision) = ring_and_revision(app);
    let ring = (report.ring_revision.as_ref() != Some(&ring_revision)).then_some(ring);
    let (mut addresses, mut addresses_revision) = (None, None);
    if let Some(known) = report.addresses_revision {
        let (all, revision) = notifications::addresses_and_revision(app).await?;
        addresses = (known != revision).then_some(all);
        addresses_revision = Some(revision);
    }
    Ok(StateReply { name: node.name.clone(), ring_revision, ring, addresses_revision, addresses })
}

async fn renew(app: &App, node: &Node, shown: Vec<u8>, asked: CertificateRequest) -> Result<CertificateReply> {
    let issued = app.nodes.authority()?.certify(&asked.request, node.id, app.now());
    let issued = issued.map_err(|wrong| Error::invalid(format!("The certificate request cannot be used: {wrong}")))?;
    app.store.renew_node(node.id, shown, issued.stored).await?;
    app.nodes.look(app).await?;
    tracing::info!(node = node.name, "certificate of a node renewed");
    Ok(CertificateReply { certificate: issued.pem })
}

/// A word of a node, cut to what is kept.
fn version(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(VERSION_BYTES_MAX));
    text
}

impl Node {
    /// For logs.
    pub(super) fn label(&self) -> (&str, Uuid) {
        (&self.name, self.id)
    }
}
