//! Sockets: accepting, TLS, limits on connections, draining. The only file that knows hyper.

mod greeting;
mod leftover;
mod places;
mod threads;

use std::fmt::Display;
use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::ResolvesServerCert;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use self::greeting::Greeting;
use self::leftover::RequestBody;
pub(crate) use self::places::{Place, Places};
pub use self::threads::{Elsewhere, Listeners, elsewhere};
use crate::config::{Config, TlsFiles};
use crate::reply::Body;

/// Requests that one HTTP/2 connection may have under way.
const HTTP2_STREAMS_MAX: u32 = 128;
/// How long to wait after the system has no file descriptor left for a connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What a listener allows its connections.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionLimits {
    /// Bytes of a request's head.
    pub head_bytes_max: usize,
    /// In which a head must arrive; also how long an idle connection is kept, and how long a TLS handshake may take.
    pub head_read_timeout: Duration,
    /// Connections open at once.
    pub connections_max: usize,
    /// Connections open at once from one address.
    pub connections_per_address_max: usize,
    /// How long open requests may go on once the listener stops.
    pub drain: Duration,
}

impl ConnectionLimits {
    /// The limits that the settings name.
    pub fn of(config: &Config) -> Self {
        Self {
            head_bytes_max: config.head_bytes_max,
            head_read_timeout: config.head_read_timeout,
            connections_max: config.connections_max,
            connections_per_address_max: config.connections_per_address_max,
            drain: config.drain,
        }
    }
}

/// How far the shutdown has come. Each step is final.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub enum Shutdown {
    /// Serving.
    #[default]
    No,
    /// No new connections; requests under way get the time to finish.
    Drain,
    /// Now.
    Abort,
}

/// The certificate that the other side of a connection showed, as TLS has checked it. It stands among the extensions of a
/// request.
#[derive(Clone, Debug)]
pub struct PeerCertificate(pub CertificateDer<'static>);

/// What a listener of the API speaks behind TLS (RFC 7301).
pub const HTTP_PROTOCOLS: &[&[u8]] = &[b"h2", b"http/1.1"];

/// Reads a certificate and its key for a listener that speaks these protocols; none are told apart when there are none.
pub fn tls(files: &TlsFiles, protocols: &[&[u8]]) -> io::Result<TlsAcceptor> {
    tls_by_name(Arc::new(SingleCertAndKey::from(certified(files)?)), protocols)
}

/// The same for a listener whose certificate is chosen for each connection. One without a certificate is ended by an
/// alert.
pub fn tls_by_name(certificates: Arc<dyn ResolvesServerCert>, protocols: &[&[u8]]) -> io::Result<TlsAcceptor> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(io::Error::other)?.with_no_client_auth();
    let mut config = builder.with_cert_resolver(certificates);
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// Reads a certificate and its key, which must belong together.
pub fn certified(files: &TlsFiles) -> io::Result<Arc<CertifiedKey>> {
    let explain =
        |path: &std::path::Path, error: &dyn Display| io::Error::other(format!("{}: {error}", path.display()));
    let (certificate, key) = (files.certificate.as_path(), files.key.as_path());
    let chain: Vec<_> = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect)
        .map_err(|error| explain(certificate, &error))?;
    if chain.is_empty() {
        return Err(explain(certificate, &"it has no certificate in PEM form"));
    }
    let private_key = PrivateKeyDer::from_pem_file(key).map_err(|error| explain(key, &error))?;
    let certified = CertifiedKey::from_der(chain, private_key, &rustls::crypto::ring::default_provider());
    certified.map(Arc::new).map_err(|error| explain(certificate, &error))
}

/// Serves a listener until `shutdown` says otherwise. Then it stops accepting at once, lets the requests under way
/// finish within `limits.drain`, and returns.
pub async fn run<Handle, Answer>(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    limits: ConnectionLimits,
    handle: Handle,
    shutdown: watch::Receiver<Shutdown>,
) where
    Handle: Fn(IpAddr, Request<RequestBody<Incoming>>) -> Answer + Clone + Send + Sync + 'static,
    Answer: Future<Output = Response<Body>> + Send + 'static,
{
    let places = Places::new(limits.connections_max, limits.connections_per_address_max);
    run_in(&places, listener, tls, limits, handle, shutdown).await;
}

/// The same with places that several listeners share.
async fn run_in<Handle, Answer>(
    places: &Places,
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    limits: ConnectionLimits,
    handle: Handle,
    mut shutdown: watch::Receiver<Shutdown>,
) where
    Handle: Fn(IpAddr, Request<RequestBody<Incoming>>) -> Answer + Clone + Send + Sync + 'static,
    Answer: Future<Output = Response<Body>> + Send + 'static,
{
    let graceful = GracefulShutdown::new();
    let protocol = Arc::new(protocol(&limits));
    // Those that are open when this ends are ended with it.
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, places) => accepted,
            _ = shutdown.wait_for(|step| *step >= Shutdown::Drain) => break,
        };
        while connections.try_join_next().is_some() {}
        let Some((stream, peer, place)) = accepted else { continue };
        let (tls, handle, protocol) = (tls.clone(), handle.clone(), Arc::clone(&protocol));
        let watcher = graceful.watcher();
        connections.spawn(async move {
            let _place = place;
            match tls {
                None => {
                    let stream = Greeting::within(limits.head_read_timeout, stream);
                    serve(stream, (peer, None), &protocol, handle, watcher).await;
                }
                Some(tls) => {
                    if let Ok(Ok(stream)) = timeout(limits.head_read_timeout, tls.accept(stream)).await {
                        let certificate = shown(&stream);
                        let stream = Greeting::within(limits.head_read_timeout, stream);
                        serve(stream, (peer, certificate), &protocol, handle, watcher).await;
                    }
                }
            }
        });
    }
    drop(listener);
    tokio::select! {
        () = graceful.shutdown() => {}
        () = sleep(limits.drain) => tracing::warn!("requests were still under way when the time to drain was over"),
        _ = shutdown.wait_for(|step| *step == Shutdown::Abort) => {}
    }
}

/// The next connection, once there is a place for it. One that is over its address's share is closed without a word.
///
/// It waits with the connection and not without: of several listeners only one may have somebody who waits.
async fn accept(listener: &TcpListener, places: &Places) -> Option<(TcpStream, IpAddr, Place)> {
    match listener.accept().await {
        Ok((stream, peer)) => {
            // A reply leaves in one piece, so waiting for more to send only costs time.
            drop(stream.set_nodelay(true));
            let place = places.take(places.free().await, peer)?;
            Some((stream, peer.ip(), place))
        }
        Err(error) => {
            tracing::warn!(%error, "a connection could not be accepted");
            sleep(ACCEPT_PAUSE).await;
            None
        }
    }
}

fn shown(stream: &TlsStream<TcpStream>) -> Option<PeerCertificate> {
    let (_, session) = stream.get_ref();
    session.peer_certificates()?.first().map(|certificate| PeerCertificate(certificate.clone().into_owned()))
}

fn protocol(limits: &ConnectionLimits) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head_read_timeout)
        // Nearly all answers are small: copied behind their heads they leave by a cheaper system call.
        .writev(false)
        .max_buf_size(limits.head_bytes_max);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(HTTP2_STREAMS_MAX)
        .max_header_list_size(u32::try_from(limits.head_bytes_max).unwrap_or(u32::MAX))
        .keep_alive_interval(limits.head_read_timeout)
        .keep_alive_timeout(limits.head_read_timeout);
    builder
}

async fn serve<Handle, Answer>(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    (peer, certificate): (IpAddr, Option<PeerCertificate>),
    protocol: &auto::Builder<TokioExecutor>,
    handle: Handle,
    watcher: hyper_util::server::graceful::Watcher,
) where
    Handle: Fn(IpAddr, Request<RequestBody<Incoming>>) -> Answer + Send + Sync + 'static,
    Answer: Future<Output = Response<Body>> + Send + 'static,
{
    let service = service_fn(move |request: Request<Incoming>| {
        let mut request = RequestBody::of(request);
        if let Some(certificate) = &certificate {
            request.extensions_mut().insert(certificate.clone());
        }
        let answer = handle(peer, request);
        async move { Ok::<_, io::Error>(answer.await) }
    });
    let connection = protocol.serve_connection(TokioIo::new(stream), service).into_owned();
    // What goes wrong on a connection is its peer's business; the requests that were read are logged anyway.
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(error = %error, "connection ended");
    }
}
