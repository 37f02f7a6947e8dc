//! A name server that knows what a test tells it.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use hickory_resolver::proto::op::{Message, OpCode, ResponseCode};
use hickory_resolver::proto::rr::rdata::{CNAME, MX};
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};
use tokio::net::UdpSocket;
use tokio::task::JoinHandle;

/// Seconds for which an answer holds.
const TTL: u32 = 60;

/// What is known of a name.
#[derive(Clone)]
pub enum Known {
    Mx(u16, &'static str),
    At(IpAddr),
    /// It is another name for this one.
    Alias(&'static str),
    /// The name is there and has nothing that is asked for.
    Nothing,
    /// The name server fails.
    Failure,
    /// The name server says that the name is not there unless its address is asked for.
    NothingButAddresses,
}

/// An address of this machine.
pub fn at(last: u8) -> Known {
    Known::At(IpAddr::from([127, 0, 0, last]))
}

type Zone = HashMap<Name, Vec<Known>>;

/// A name server on a port of its own. A name that it does not know does not exist.
pub struct Names {
    pub address: SocketAddr,
    zone: Arc<Mutex<Zone>>,
    answering: JoinHandle<()>,
}

impl Drop for Names {
    fn drop(&mut self) {
        self.answering.abort();
    }
}

impl Names {
    pub async fn start(known: &[(&'static str, Known)]) -> Self {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("the port is free");
        let address = socket.local_addr().expect("it is bound");
        let zone = Arc::new(Mutex::new(zone_of(known)));
        let asked = Arc::clone(&zone);
        let answering = tokio::spawn(async move {
            let mut packet = [0; 1_500];
            while let Ok((length, peer)) = socket.recv_from(&mut packet).await {
                let question = Message::from_vec(&packet[..length]).expect("it is a question");
                let answer = answer(&question, &asked.lock().unwrap_or_else(PoisonError::into_inner))
                    .to_vec()
                    .expect("it is an answer");
                drop(socket.send_to(&answer, peer).await);
            }
        });
        Self { address, zone, answering }
    }

    /// From now on it knows this, and nothing else.
    pub fn know(&self, known: &[(&'static str, Known)]) {
        *self.zone.lock().unwrap_or_else(PoisonError::into_inner) = zone_of(known);
    }
}

fn zone_of(known: &[(&'static str, Known)]) -> Zone {
    let mut zone = Zone::new();
    for (name, known) in known {
        zone.entry(whole(name)).or_default().push(known.clone());
    }
    zone
}

fn whole(name: &str) -> Name {
    Name::from_ascii(format!("{}.", name.trim_end_matches('.'))).expect("it is a name")
}

fn answer(question: &Message, zone: &Zone) -> Message {
    let query = question.queries.first().expect("it asks for something").clone();
    let mut answer = Message::response(question.metadata.id, OpCode::Query);
    answer.metadata.recursion_desired = question.metadata.recursion_desired;
    answer.metadata.recursion_available = true;
    let known = zone.get(&query.name().to_lowercase());
    answer.metadata.response_code = match known {
        None => ResponseCode::NXDomain,
        Some(known) if known.iter().any(|known| matches!(known, Known::Failure)) => ResponseCode::ServFail,
        Some(known)
            if known.iter().any(|known| matches!(known, Known::NothingButAddresses))
                && query.query_type() == RecordType::MX =>
        {
            ResponseCode::NXDomain
        }
        Some(_) => ResponseCode::NoError,
    };
    for known in known.into_iter().flatten() {
        let data = match (known, query.query_type()) {
            (Known::Mx(preference, host), RecordType::MX) => RData::MX(MX::new(*preference, whole(host))),
            (Known::Alias(host), _) => RData::CNAME(CNAME(whole(host))),
            (Known::At(IpAddr::V4(address)), RecordType::A) => RData::A((*address).into()),
            (Known::At(IpAddr::V6(address)), RecordType::AAAA) => RData::AAAA((*address).into()),
            _ => continue,
        };
        answer.add_answer(Record::from_rdata(query.name().clone(), TTL, data));
    }
    answer.add_query(query);
    answer
}
