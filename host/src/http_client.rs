//! Requests to services that the settings name. Each has a connection of its own, a time and a bound on its answer.
//!
//! For addresses that customers choose this is not the place: it connects wherever it is told to.

use std::convert::identity;
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{HOST, HeaderValue};
use http::{Request, Response, Uri};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;

use crate::trust;

/// From the wish to connect to the end of the answer.
const TIME: Duration = Duration::from_secs(30);
/// Bytes of an answer's body.
pub(crate) const ANSWER_BYTES_MAX: usize = 1024 * 1024;

/// Speaks HTTP/1.1, with TLS where the URL says so.
#[derive(Clone)]
pub(crate) struct HttpClient {
    tls: TlsConnector,
    /// The name that the other side's certificate has, where that is not the host of the URL.
    name: Option<ServerName<'static>>,
    time: Duration,
    answer_bytes_max: usize,
}

/// Why there is no answer: a sentence without its subject.
#[derive(Debug)]
pub(crate) enum SendError {
    /// The request was not sent.
    Unreached(String),
    /// It was sent, and whether it was heard nobody knows.
    Unanswered(String),
    /// The answer has more bytes than this.
    TooLarge(usize),
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreached(why) | Self::Unanswered(why) => f.write_str(why),
            Self::TooLarge(bytes_max) => write!(f, "answers with more than {bytes_max} bytes"),
        }
    }
}

impl HttpClient {
    /// Trusts the system's roots and those of `ca`, a PEM file that this setting names.
    pub(crate) fn new(setting: &str, ca: Option<&Path>) -> Result<Self, String> {
        let own = ca.map(|path| trust::certificates(setting, path)).transpose()?.unwrap_or_default();
        let roots = trust::roots(setting, &own)?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self { tls: Arc::new(config).into(), name: None, time: TIME, answer_bytes_max: ANSWER_BYTES_MAX })
    }

    /// Trusts whom this configuration trusts, and expects this name in the other side's certificate wherever it is.
    pub(crate) fn with_tls(config: ClientConfig, name: &'static str) -> Result<Self, String> {
        let name = ServerName::try_from(name).map_err(|error| error.to_string())?;
        Ok(Self { tls: Arc::new(config).into(), name: Some(name), time: TIME, answer_bytes_max: ANSWER_BYTES_MAX })
    }

    /// The same with another time and another bound.
    pub(crate) fn bounded(self, time: Duration, answer_bytes_max: usize) -> Self {
        Self { time, answer_bytes_max, ..self }
    }

    /// The answer to a request whose URL is whole. An error is a sentence without its subject.
    pub(crate) async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, String> {
        self.try_send(request).await.map_err(|error| error.to_string())
    }

    /// The same for whoever has to know whether a request without an answer may have been heard.
    pub(crate) async fn try_send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, SendError> {
        let until = Instant::now() + self.time;
        let late = |_| format!("did not answer within {:?}", self.time);
        let (mut parts, body) = request.into_parts();
        let target = Target::of(&parts.uri).map_err(SendError::Unreached)?;
        let stream = timeout_at(until, self.connect(&target)).await.map_err(late).and_then(identity);
        let stream = stream.map_err(SendError::Unreached)?;
        let head = head(&mut parts, target.host);
        head.map_err(SendError::Unreached)?;
        let request = Request::from_parts(parts, Full::new(body));
        let answer = timeout_at(until, converse(stream, request, self.answer_bytes_max)).await;
        answer.map_err(late).map_err(SendError::Unanswered).and_then(identity)
    }

    async fn connect(&self, target: &Target) -> Result<Box<dyn Stream>, String> {
        let address = if target.host.ends_with(".localhost") { "localhost" } else { &target.host };
        let stream = TcpStream::connect((address, target.port)).await;
        let stream = stream.map_err(|error| format!("cannot be reached: {error}"))?;
        if !target.is_tls {
            return Ok(Box::new(stream));
        }
        let name = match &self.name {
            Some(name) => name.clone(),
            None => ServerName::try_from(target.host.clone()).map_err(|error| error.to_string())?,
        };
        let stream = self.tls.connect(name, stream).await.map_err(|error| format!("did not come to TLS: {error}"))?;
        Ok(Box::new(stream))
    }
}

/// What a request is sent over.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Moves the address out of the first line, as a server of it wants it.
fn head(parts: &mut http::request::Parts, host: String) -> Result<(), String> {
    let authority = parts.uri.authority().map_or(host, |authority| authority.as_str().to_owned());
    let host = HeaderValue::from_str(&authority).map_err(|error| error.to_string())?;
    parts.headers.insert(HOST, host);
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str()).parse();
    parts.uri = path.map_err(|error: http::uri::InvalidUri| error.to_string())?;
    Ok(())
}

/// Where a URL leads.
struct Target {
    host: String,
    port: u16,
    is_tls: bool,
}

impl Target {
    fn of(uri: &Uri) -> Result<Self, String> {
        let (is_tls, port) = match uri.scheme_str() {
            Some("https") => (true, 443),
            Some("http") => (false, 80),
            _ => return Err("is no http or https address".into()),
        };
        let host = uri.host().ok_or("is an address without a host")?;
        let host = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
        Ok(Self { host: host.to_owned(), port: uri.port_u16().unwrap_or(port), is_tls })
    }
}

/// One request and its answer. The connection ends with them.
async fn converse(
    stream: Box<dyn Stream>,
    request: Request<Full<Bytes>>,
    answer_bytes_max: usize,
) -> Result<Response<Bytes>, SendError> {
    let broken = |error: hyper::Error| SendError::Unanswered(format!("did not answer: {error}"));
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
    let exchange = async move {
        let (parts, body) = sender.send_request(request).await.map_err(broken)?.into_parts();
        let body = Limited::new(body, answer_bytes_max).collect().await.map_err(|error| {
            if error.is::<LengthLimitError>() {
                SendError::TooLarge(answer_bytes_max)
            } else {
                SendError::Unanswered(format!("broke its answer off: {error}"))
            }
        })?;
        Ok(Response::from_parts(parts, body.to_bytes()))
    };
    // Both together, so that giving up on the answer also closes the connection.
    let mut connection = std::pin::pin!(connection);
    let mut exchange = std::pin::pin!(exchange);
    tokio::select! {
        answer = &mut exchange => answer,
        // The connection may end with the last byte of the answer, before that was looked at.
        _ = &mut connection => exchange.await,
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    /// What comes of an answer that a server gives to anything.
    async fn answered(answer: Vec<u8>) -> Result<Response<Bytes>, String> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port is free");
        let port = listener.local_addr().expect("it is bound").port();
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("somebody connects");
            let mut head = [0; 1_024];
            let read = stream.read(&mut head).await.expect("a request comes");
            drop(stream.write_all(&answer).await);
            String::from_utf8_lossy(&head[..read]).into_owned()
        });
        let client = HttpClient::new("acme_ca", None).expect("it is made");
        let request = Request::get(format!("http://127.0.0.1:{port}/a?b=c")).body(Bytes::new()).expect("a request");
        let answer = client.send(request).await;
        let head = server.await.expect("the server ends");
        assert!(head.starts_with("GET /a?b=c HTTP/1.1\r\n") && head.contains(&format!("127.0.0.1:{port}")), "{head}");
        answer
    }

    fn of_size(bytes: usize) -> Vec<u8> {
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {bytes}\r\n\r\n");
        [head.into_bytes(), vec![b'x'; bytes]].concat()
    }

    #[tokio::test]
    async fn an_answer_may_be_as_large_as_the_bound_and_no_larger() {
        let answer = answered(of_size(ANSWER_BYTES_MAX)).await.expect("it is inside");
        assert_eq!((answer.status().as_u16(), answer.body().len()), (200, ANSWER_BYTES_MAX));
        let wrong = answered(of_size(ANSWER_BYTES_MAX + 1)).await.expect_err("it is outside");
        assert!(wrong.contains("more than 1048576 bytes"), "{wrong}");
    }

    #[tokio::test]
    async fn an_answer_that_is_none_or_half_is_told() {
        let wrong = answered(b"220 mail.example.com ESMTP\r\n".to_vec()).await.expect_err("it is no HTTP");
        assert!(wrong.contains("did not answer"), "{wrong}");
        let half =
            answered(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf".to_vec()).await.expect_err("it is half");
        assert!(half.contains("broke its answer off"), "{half}");
    }

    #[tokio::test]
    async fn an_answer_has_its_time_and_no_more() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port is free");
        let url = format!("http://{}/", listener.local_addr().expect("it is bound"));
        let mut client = HttpClient::new("acme_ca", None).expect("it is made");
        client.time = Duration::from_millis(50);
        let request = Request::get(url).body(Bytes::new()).expect("a request");
        // The system takes the connection, and nobody ever reads from it.
        let late = client.send(request).await.expect_err("nothing comes");
        assert_eq!(late, "did not answer within 50ms");
        let request = Request::get(format!("http://{}/", listener.local_addr().expect("it is bound")));
        let late = client.try_send(request.body(Bytes::new()).expect("a request")).await;
        assert!(matches!(late, Err(SendError::Unanswered(_))), "it may have been heard");
    }

    #[tokio::test]
    async fn nobody_there_and_addresses_of_another_kind_are_told() {
        let client = HttpClient::new("acme_ca", None).expect("it is made");
        let told = async |url: &str| {
            client.send(Request::get(url).body(Bytes::new()).expect("a request")).await.expect_err("it fails")
        };
        assert!(told("http://127.0.0.1:1/").await.contains("cannot be reached"));
        assert!(told("http://of.any.name.localhost:1/").await.contains("cannot be reached"));
        assert!(told("ftp://127.0.0.1/").await.contains("no http or https"));
        let request = Request::get("http://127.0.0.1:1/").body(Bytes::new()).expect("a request");
        assert!(matches!(client.try_send(request).await, Err(SendError::Unreached(_))), "nobody can have heard it");
    }
}
