//! A name server that answers as a test tells it, by UDP and by TCP: also late, wrongly, at great length, or not at all.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hickory_resolver::proto::op::{Message, OpCode, Query, ResponseCode};
use hickory_resolver::proto::rr::rdata::{A, CNAME, MX, NS, SOA, TXT};
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::task::JoinHandle;

/// Bytes of an answer by UDP.
const UDP_BYTES_MAX: usize = 1_232;
/// Seconds for which an answer holds.
pub const TTL: u32 = 600;

/// What the server does with a question.
pub enum Does {
    /// Answers with these records, by the code.
    Says(ResponseCode, Vec<Record>),
    /// Leads to the servers of another zone.
    Leads(Vec<Record>, Vec<Record>),
    /// Nothing.
    Silent,
    /// Sends these bytes behind the question's id.
    Bytes(Vec<u8>),
    /// Answers another question, with these records.
    Another(Vec<Record>),
}

type Knowledge = dyn Fn(&Query, bool) -> Does + Send + Sync;

/// The server.
pub struct Server {
    pub address: SocketAddr,
    asked: Arc<AtomicUsize>,
    running: Vec<JoinHandle<()>>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.running.iter().for_each(JoinHandle::abort);
    }
}

impl Server {
    /// Answers what `knowledge` says to a question, which is also told whether signatures need not be checked.
    pub async fn start(knowledge: impl Fn(&Query, bool) -> Does + Send + Sync + 'static, delay: Duration) -> Self {
        let knowledge: Arc<Knowledge> = Arc::new(knowledge);
        let asked = Arc::new(AtomicUsize::new(0));
        let (udp, tcp) = Self::bind().await;
        let address = udp.local_addr().expect("it is bound");
        let udp = Arc::new(udp);
        let (known, count) = (Arc::clone(&knowledge), Arc::clone(&asked));
        let by_udp = tokio::spawn(async move {
            let mut packet = [0; 4_096];
            while let Ok((length, peer)) = udp.recv_from(&mut packet).await {
                count.fetch_add(1, Ordering::Relaxed);
                let (question, udp, known) = (packet[..length].to_vec(), Arc::clone(&udp), Arc::clone(&known));
                tokio::spawn(async move {
                    tokio::time::sleep(delay).await;
                    if let Some(bytes) = answer(&question, &known, UDP_BYTES_MAX) {
                        drop(udp.send_to(&bytes, peer).await);
                    }
                });
            }
        });
        let by_tcp = tokio::spawn(async move {
            while let Ok((stream, _)) = tcp.accept().await {
                let known = Arc::clone(&knowledge);
                tokio::spawn(async move {
                    tokio::time::sleep(delay).await;
                    drop(converse(stream, &known).await);
                });
            }
        });
        Self { address, asked, running: vec![by_udp, by_tcp] }
    }

    /// Knows one thing about everything.
    pub async fn always(does: fn() -> Does) -> Self {
        Self::start(move |_, _| does(), Duration::ZERO).await
    }

    /// Questions that came by UDP.
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }

    /// The same port for both.
    async fn bind() -> (UdpSocket, TcpListener) {
        for _ in 0..100 {
            let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port is free");
            if let Ok(tcp) = TcpListener::bind(udp.local_addr().expect("it is bound")).await {
                return (udp, tcp);
            }
        }
        panic!("no port is free for both");
    }
}

async fn converse(mut stream: TcpStream, known: &Arc<Knowledge>) -> std::io::Result<()> {
    loop {
        let length = stream.read_u16().await?;
        let mut question = vec![0; usize::from(length)];
        stream.read_exact(&mut question).await?;
        if let Some(bytes) = answer(&question, known, usize::from(u16::MAX)) {
            stream.write_u16(u16::try_from(bytes.len()).expect("it was cut")).await?;
            stream.write_all(&bytes).await?;
        }
    }
}

fn answer(question: &[u8], known: &Arc<Knowledge>, bytes_max: usize) -> Option<Vec<u8>> {
    let question = Message::from_vec(question).expect("it is a question");
    let query = question.queries.first().expect("it asks for something").clone();
    let mut answer = Message::response(question.metadata.id, OpCode::Query);
    answer.metadata.recursion_desired = question.metadata.recursion_desired;
    answer.metadata.recursion_available = true;
    answer.metadata.authoritative = true;
    answer.add_query(query.clone());
    match known(&query, question.metadata.checking_disabled) {
        Does::Silent => return None,
        Does::Bytes(bytes) => return Some([&question.metadata.id.to_be_bytes()[..], &bytes].concat()),
        Does::Says(code, records) => {
            answer.metadata.response_code = code;
            for record in records {
                if record.record_type() == RecordType::SOA && query.query_type() != RecordType::SOA {
                    answer.add_authority(record);
                } else {
                    answer.add_answer(record);
                }
            }
        }
        Does::Leads(servers, addresses) => {
            answer.metadata.authoritative = false;
            answer.insert_authorities(servers);
            answer.insert_additionals(addresses);
        }
        Does::Another(records) => {
            answer.queries[0].set_name(name("another.example"));
            answer.insert_answers(records);
        }
    }
    match answer.to_vec() {
        Ok(bytes) if bytes.len() <= bytes_max => Some(bytes),
        // More than fits: as much as fits, and a word that there is more.
        _ => {
            answer.metadata.truncation = true;
            answer.answers.truncate(bytes_max / 64);
            answer.to_vec().ok()
        }
    }
}

pub fn name(text: &str) -> Name {
    Name::from_ascii(format!("{text}.")).expect("it is a name")
}

fn record(owner: &str, data: RData) -> Record {
    Record::from_rdata(name(owner), TTL, data)
}

/// A text in strings of 255 bytes.
pub fn text(owner: &str, value: &str) -> Record {
    record(owner, RData::TXT(TXT::from_bytes(value.as_bytes().chunks(255).collect())))
}

pub fn exchanger(owner: &str, preference: u16, host: &str) -> Record {
    record(owner, RData::MX(MX::new(preference, name(host))))
}

pub fn alias(owner: &str, target: &str) -> Record {
    record(owner, RData::CNAME(CNAME(name(target))))
}

pub fn server(owner: &str, host: &str) -> Record {
    record(owner, RData::NS(NS(name(host))))
}

pub fn address(owner: &str, address: [u8; 4]) -> Record {
    record(owner, RData::A(A(address.into())))
}

pub fn authority(owner: &str) -> Record {
    record(owner, RData::SOA(SOA::new(name("ns.example"), name("admin.example"), 1, 3_600, 600, 86_400, 300)))
}

/// What an honest server of these records says: all that a name has of a type, an alias, nothing, or that there is no
/// such name.
pub fn honest(records: &[Record], query: &Query) -> Does {
    let at = |kind: Option<RecordType>| {
        let found = records
            .iter()
            .filter(move |record| record.name == *query.name() && kind.is_none_or(|kind| record.record_type() == kind));
        found.cloned().collect::<Vec<_>>()
    };
    let found = at(Some(query.query_type()));
    let found = if found.is_empty() { at(Some(RecordType::CNAME)) } else { found };
    if !found.is_empty() {
        return Does::Says(ResponseCode::NoError, found);
    }
    let zones =
        records.iter().filter(|record| record.record_type() == RecordType::SOA && record.name.zone_of(query.name()));
    let zone = zones.max_by_key(|record| record.name.num_labels()).cloned();
    let is_there = records.iter().any(|record| query.name().zone_of(&record.name));
    Does::Says(if is_there { ResponseCode::NoError } else { ResponseCode::NXDomain }, zone.into_iter().collect())
}
