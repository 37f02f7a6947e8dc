//! Looks into the DNS for what a domain should publish.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use hickory_resolver::proto::rr::Name;
use tokio::time::{Instant, timeout_at};

use self::resolver::Resolvers;
use self::zone::{Cut, Reach};
use crate::mail::dns::judge::judge;
use crate::mail::dns::seen::{Known, Observed, Question, Whom, Zone};
use crate::mail::dns::{Check, Record};

mod answer;
pub(crate) mod network;
mod resolver;
mod wire;
mod zone;

/// The port of name servers.
const PORT: u16 = 53;
/// Questions of one check. A record with includes of its own making could ask for more.
const QUESTIONS_MAX: usize = 200;
/// How many times as long as one server may take all of a check may take.
const LIMITS_MAX: u32 = 4;

/// Asks name servers about the records of domains.
pub struct Doctor {
    resolvers: Vec<SocketAddr>,
    reach: Reach,
}

impl Doctor {
    /// Asks these resolvers, or the system's when there are none, and the servers of each domain's zone. Each may take
    /// `limit`, and a check four times as long. Servers of zones are not asked on private addresses.
    pub fn new(servers: &[SocketAddr], limit: Duration) -> Result<Self, String> {
        let resolvers = if servers.is_empty() { resolver::of_the_system()? } else { servers.to_vec() };
        Ok(Self { resolvers, reach: Reach { port: PORT, takes_private: false, limit } })
    }

    /// Asks the servers of zones at another port, and on private addresses too when they may be asked.
    #[must_use]
    pub fn reaching(mut self, port: u16, takes_private: bool) -> Self {
        self.reach = Reach { port, takes_private, ..self.reach };
        self
    }

    /// Looks for the records of one domain, in their order. It always comes to an end, and says of each what is known
    /// by then.
    pub async fn check(&self, domain: &str, records: &[Record]) -> Vec<Check> {
        let deadline = Instant::now() + self.reach.limit * LIMITS_MAX;
        let resolvers = Resolvers::new(&self.resolvers, self.reach.limit);
        let cut = match Name::from_ascii(format!("{domain}.")) {
            Ok(name) => timeout_at(deadline, Cut::find(&name, &resolvers, self.reach)).await.ok(),
            Err(_) => None,
        };
        let zone = cut.as_ref().map_or(Zone::Unknown, |cut| cut.zone.clone());
        let mut known = Known::of(domain, zone);
        loop {
            let mut questions: Vec<Question> = Vec::new();
            let mut checks = Vec::with_capacity(records.len());
            for record in records {
                match judge(record, &known) {
                    Ok(check) => checks.push(check),
                    Err(ask) if !questions.contains(&ask.0) => questions.push(ask.0),
                    Err(_) => {}
                }
            }
            if checks.len() == records.len() {
                return checks;
            }
            if known.answers.len() + questions.len() > QUESTIONS_MAX {
                known.closed = true;
            }
            // Each way out of here either knows more or is closed, and nothing is asked of what is closed.
            let mut asking: FuturesUnordered<_> =
                questions.iter().map(|question| observe(question, cut.as_ref(), &resolvers)).collect();
            while !known.closed {
                match timeout_at(deadline, asking.next()).await {
                    Ok(Some((question, observed))) => drop(known.answers.insert(question, observed)),
                    Ok(None) => break,
                    Err(_) => known.closed = true,
                }
            }
        }
    }
}

/// Asks everybody whom a question is for. A name that cannot be asked for is one that nobody answers.
async fn observe(question: &Question, cut: Option<&Cut>, resolvers: &Resolvers<'_>) -> (Question, Observed) {
    let name = Name::from_ascii(format!("{}.", question.name)).unwrap_or_default();
    let authority = async {
        match (question.whom, cut) {
            (Whom::Everybody, Some(cut)) => cut.answers(&name, question.kind).await,
            _ => Vec::new(),
        }
    };
    let (mut authority, resolver) = futures_util::join!(authority, resolvers.answer(&name, question.kind));
    for answer in &mut authority {
        // What an alias leads to in another zone is what the resolver finds there.
        if let Some(target) = answer.dangling().and_then(|target| Name::from_ascii(format!("{target}.")).ok()) {
            let beyond = resolvers.answer(&target, question.kind).await;
            answer.aliases.extend(beyond.aliases);
            (answer.said, answer.ttl) = (beyond.said, answer.ttl.min(beyond.ttl));
        }
    }
    (question.clone(), Observed { authority, resolver })
}
