//! The listener of an edge node for operators: probes and metrics. There is nothing to change here; what is to be changed
//! is changed at the origin.

use std::net::IpAddr;

use http::{Method, Request, Response, StatusCode};

use super::Edge;
use crate::metrics;
use crate::reply::{Body, Reply};
use crate::request::complete;

/// Serves one request of an operator.
pub async fn handle<B>(edge: &Edge, _peer: IpAddr, request: Request<B>) -> Response<Body> {
    let is_read = [Method::GET, Method::HEAD].contains(request.method());
    let plain = |status, text: &'static str| Reply::new(status, "text/plain", text);
    let reply = match request.uri().path() {
        "/healthz" if is_read => plain(StatusCode::OK, "ok\n"),
        "/readyz" if is_read && edge.is_ready() => plain(StatusCode::OK, "ready\n"),
        "/readyz" if is_read => plain(StatusCode::SERVICE_UNAVAILABLE, "not ready\n"),
        "/metrics" if is_read => metrics::page_of_edge(edge, request.headers()),
        "/healthz" | "/readyz" | "/metrics" => plain(StatusCode::METHOD_NOT_ALLOWED, "GET and HEAD only\n"),
        _ => {
            plain(StatusCode::NOT_FOUND, "An edge node has /healthz, /readyz and /metrics; all else is at the origin\n")
        }
    };
    complete(reply, request.method(), &crate::ids::new_id(edge.tracking.now()).to_string())
}
