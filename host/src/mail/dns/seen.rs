//! What was seen in the DNS, as far as it is known: questions, what came back for each, and from whom.

use std::collections::HashMap;
use std::net::IpAddr;

/// What can be asked about a name.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Kind {
    /// Its texts.
    Txt,
    /// Which name it is an alias of.
    Cname,
    /// The hosts that take its mail.
    Mx,
    /// Its IPv4 addresses.
    A,
    /// Its IPv6 addresses.
    Aaaa,
}

/// Whom a question is for.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Whom {
    /// The resolver, and each of the servers of the zone that is checked.
    Everybody,
    /// The resolver alone.
    Resolver,
}

/// Something to ask.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Question {
    /// In lower case, without a dot at the end.
    pub name: String,
    /// What is asked about it.
    pub kind: Kind,
    /// Who is asked.
    pub whom: Whom,
}

/// One value of a name.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Value {
    /// The strings of a text.
    Text(Vec<Vec<u8>>),
    /// A host, in lower case and without a dot at the end.
    Host(String),
    /// A preference and such a host; the host of a null MX is empty.
    Exchanger(u16, String),
    /// An address.
    Address(IpAddr),
}

/// What a server said.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Said {
    /// These are there, one at least.
    Values(Vec<Value>),
    /// The name is there, and has nothing of the kind.
    Nothing,
    /// The name is not there.
    NoName,
    /// More is there than anybody reads.
    TooMany,
    /// An alias leads back to itself, or through too many others.
    Loop,
    /// It is not the server of this name.
    Refused,
    /// It cannot answer.
    Failure,
    /// It has an answer and holds it back, because its signature is wrong.
    Bogus,
    /// No answer came in time.
    Silent,
    /// What came is no answer.
    Nonsense,
}

/// What one server said to one question.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Answer {
    /// Its name, or its address where it has none.
    pub server: String,
    /// What it said.
    pub said: Said,
    /// The names that the asked one is an alias of, in the order in which they lead to the values.
    pub aliases: Vec<String>,
    /// Seconds for which this may be remembered.
    pub ttl: u32,
}

/// What came of one question.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Observed {
    /// What the zone's own servers said; empty where they were not asked.
    pub authority: Vec<Answer>,
    /// What the resolver said.
    pub resolver: Answer,
}

/// The zone that a domain's records stand in.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Zone {
    /// This one. `signed` when the zone above says that it is signed.
    Of {
        /// Its highest name, without a dot at the end.
        name: String,
        /// Whether resolvers check its signatures.
        signed: bool,
    },
    /// There is none: the domain is not registered, or nothing leads to it.
    None,
    /// Nobody could tell.
    Unknown,
}

/// All that is known so far.
#[derive(Debug)]
pub struct Known {
    /// The domain that is checked.
    pub domain: String,
    /// Its zone.
    pub zone: Zone,
    /// What came of each question.
    pub answers: HashMap<Question, Observed>,
    /// Whether nothing more will be asked. What is not known then counts as silence.
    pub closed: bool,
    silence: Observed,
}

/// Something has to be asked before more can be said.
#[derive(Debug, Eq, PartialEq)]
pub struct Ask(pub Question);

impl Known {
    /// Nothing but the zone.
    pub fn of(domain: &str, zone: Zone) -> Self {
        let silence = Observed { authority: Vec::new(), resolver: Answer::silent("the resolver") };
        Self { domain: domain.into(), zone, answers: HashMap::new(), closed: false, silence }
    }

    /// What came of a question, or the wish to ask it.
    pub(super) fn get(&self, whom: Whom, name: &str, kind: Kind) -> Result<&Observed, Ask> {
        let question = Question { name: name.to_ascii_lowercase(), kind, whom };
        match self.answers.get(&question) {
            Some(observed) => Ok(observed),
            None if self.closed => Ok(&self.silence),
            None => Err(Ask(question)),
        }
    }
}

impl Answer {
    /// Of a server that says nothing.
    pub fn silent(server: &str) -> Self {
        Self { server: server.into(), said: Said::Silent, aliases: Vec::new(), ttl: 0 }
    }

    /// The values, where there are some.
    pub(super) fn values(&self) -> &[Value] {
        match &self.said {
            Said::Values(values) => values,
            _ => &[],
        }
    }

    /// The texts, each with its strings joined.
    pub(super) fn texts(&self) -> Vec<Vec<u8>> {
        let joined = |value: &Value| match value {
            Value::Text(strings) => Some(strings.concat()),
            _ => None,
        };
        self.values().iter().filter_map(joined).collect()
    }

    /// Whether the server said what is there, be it nothing.
    pub(super) fn is_answer(&self) -> bool {
        match self.said {
            Said::Values(_) | Said::Nothing | Said::NoName | Said::TooMany | Said::Loop => true,
            Said::Refused | Said::Failure | Said::Bogus | Said::Silent | Said::Nonsense => false,
        }
    }
}
