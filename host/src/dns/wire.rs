//! One question to one server: by UDP, and by TCP where that gives no whole answer.

use std::net::SocketAddr;
use std::time::Duration;

use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::tcp::TcpClientStream;
use hickory_resolver::net::udp::UdpClientStream;
use hickory_resolver::net::xfer::{DnsHandle as _, DnsRequestSender as _, FirstAnswer as _};
use hickory_resolver::proto::op::{DnsRequest, DnsRequestOptions, Edns, Message, Query};
use hickory_resolver::proto::rr::{Name, RecordType};
use tokio::time::timeout;

/// Bytes of an answer by UDP that nothing on the way breaks apart (RFC 9715). A longer one comes by TCP.
const UDP_BYTES_MAX: u16 = 1_232;
/// Times that a question is sent by UDP.
const UDP_SENDS: u8 = 2;

/// How a question is put.
#[derive(Clone, Copy, Debug)]
pub(super) struct Manner {
    /// Whether the server is to find the answer elsewhere. Servers of a zone are asked without.
    pub(super) recursion: bool,
    /// Whether an answer is wanted although its signatures are wrong.
    pub(super) unchecked: bool,
}

/// What a server answers within `limit`, or `None`. Half of the time is for UDP; whether what comes is an answer to the
/// question is checked.
pub(super) async fn ask(
    server: SocketAddr,
    name: &Name,
    kind: RecordType,
    manner: Manner,
    limit: Duration,
) -> Option<Message> {
    let half = limit / 2;
    let again = half / u32::from(UDP_SENDS);
    match timeout(half, by_udp(server, question(name, kind, manner, again), half)).await {
        Ok(Ok(answer)) if !answer.metadata.truncation => return Some(answer),
        _ => {}
    }
    timeout(half, by_tcp(server, question(name, kind, manner, again), half)).await.ok()?.ok()
}

/// `again` is when it is sent another time by UDP.
fn question(name: &Name, kind: RecordType, manner: Manner, again: Duration) -> DnsRequest {
    let mut message = Message::query();
    message.metadata.recursion_desired = manner.recursion;
    message.metadata.checking_disabled = manner.unchecked;
    let mut edns = Edns::new();
    edns.set_max_payload(UDP_BYTES_MAX).set_version(0);
    message.add_query(Query::query(name.clone(), kind)).set_edns(edns);
    let mut options = DnsRequestOptions::default();
    options.edns_payload_len = UDP_BYTES_MAX;
    options.recursion_desired = manner.recursion;
    options.retry_interval = again;
    DnsRequest::new(message, options)
}

async fn by_udp(server: SocketAddr, question: DnsRequest, limit: Duration) -> Result<Message, NetError> {
    let mut stream = UdpClientStream::builder(server, TokioRuntimeProvider::default())
        .with_timeout(Some(limit))
        .with_max_retries(UDP_SENDS)
        // The question says when.
        .with_retry_interval_floor(0)
        .build();
    Ok(stream.send_message(question).first_answer().await?.into_message())
}

/// The name and type of the question are compared here, as UDP does by itself: another's answer is none.
async fn by_tcp(server: SocketAddr, question: DnsRequest, limit: Duration) -> Result<Message, NetError> {
    let asked = question.queries.clone();
    // The connection lives as long as who provides it.
    let provider = TokioRuntimeProvider::default();
    let exchange = TcpClientStream::exchange(server, None, limit, None, provider.clone()).await?;
    let answer = exchange.send(question).first_answer().await?.into_message();
    if answer.queries == asked { Ok(answer) } else { Err(NetError::Message("it answers another question")) }
}
