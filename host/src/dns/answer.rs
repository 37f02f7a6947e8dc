//! What a message says to a question.

use std::net::IpAddr;

use hickory_resolver::proto::op::{Message, ResponseCode};
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};

use crate::mail::dns::seen::{Answer, Kind, Said, Value};

/// Values of one name that are read. Whoever has more cannot expect that anybody else does.
pub(super) const VALUES_MAX: usize = 256;
/// Aliases that are followed from one name.
pub(super) const ALIASES_MAX: usize = 8;

/// What came from a server, if anything. `None` when it only leads to other servers.
pub(super) fn read(server: &str, name: &Name, kind: Kind, message: Option<&Message>) -> Option<Answer> {
    let Some(message) = message else { return Some(Answer::silent(server)) };
    let said = |said| Some(Answer { said, ..Answer::silent(server) });
    match message.metadata.response_code {
        ResponseCode::NoError | ResponseCode::NXDomain => {}
        ResponseCode::Refused | ResponseCode::NotAuth | ResponseCode::NotImp => return said(Said::Refused),
        // Some servers fail at aliases that lead in a circle, and show them.
        ResponseCode::ServFail if !message.answers.is_empty() => {}
        ResponseCode::ServFail => return said(Said::Failure),
        _ => return said(Said::Nonsense),
    }
    if message.answers.is_empty() && leads_on(message) {
        return None;
    }
    let (mut at, mut aliases, mut ttl) = (name.clone(), Vec::new(), u32::MAX);
    let said = loop {
        let here = message.answers.iter().filter(|record| record.name == at);
        let values: Vec<_> = here.clone().filter_map(|record| Some((value(record, kind)?, record.ttl))).collect();
        if !values.is_empty() {
            ttl = values.iter().map(|(_, ttl)| *ttl).fold(ttl, u32::min);
            let is_whole = values.len() <= VALUES_MAX && !message.metadata.truncation;
            let values = values.into_iter().map(|(value, _)| value).collect();
            break if is_whole { Said::Values(values) } else { Said::TooMany };
        }
        let Some((alias, alias_ttl)) = here.clone().find_map(alias) else { break nothing(message) };
        ttl = ttl.min(alias_ttl);
        let is_new = *alias != *name && !aliases.contains(&host(alias));
        aliases.push(host(alias));
        if !is_new || aliases.len() > ALIASES_MAX {
            break Said::Loop;
        }
        at = alias.clone();
    };
    let has_failed = message.metadata.response_code == ResponseCode::ServFail;
    let said = if has_failed && said != Said::Loop { Said::Failure } else { said };
    if matches!(said, Said::Nothing | Said::NoName) {
        ttl = ttl.min(negative_ttl(message));
    }
    Some(Answer { server: server.into(), said, aliases, ttl })
}

/// The name as we write it.
pub(super) fn host(name: &Name) -> String {
    name.to_lowercase().to_ascii().trim_end_matches('.').to_owned()
}

/// The type of a question.
pub(super) fn record_type(kind: Kind) -> RecordType {
    match kind {
        Kind::Txt => RecordType::TXT,
        Kind::Cname => RecordType::CNAME,
        Kind::Mx => RecordType::MX,
        Kind::A => RecordType::A,
        Kind::Aaaa => RecordType::AAAA,
    }
}

fn value(record: &Record, kind: Kind) -> Option<Value> {
    match (&record.data, kind) {
        (RData::TXT(text), Kind::Txt) => Some(Value::Text(text.txt_data.iter().map(|part| part.to_vec()).collect())),
        (RData::CNAME(alias), Kind::Cname) => Some(Value::Host(host(alias))),
        (RData::MX(mx), Kind::Mx) => Some(Value::Exchanger(mx.preference, host(&mx.exchange))),
        (RData::A(address), Kind::A) => Some(Value::Address(IpAddr::V4(address.0))),
        (RData::AAAA(address), Kind::Aaaa) => Some(Value::Address(IpAddr::V6(address.0))),
        _ => None,
    }
}

fn alias(record: &Record) -> Option<(&Name, u32)> {
    match &record.data {
        RData::CNAME(alias) => Some((alias, record.ttl)),
        _ => None,
    }
}

fn nothing(message: &Message) -> Said {
    match message.metadata.response_code {
        ResponseCode::NXDomain => Said::NoName,
        // Cut, with nothing in it.
        _ if message.metadata.truncation => Said::TooMany,
        _ => Said::Nothing,
    }
}

/// Whether a server says only who else should be asked.
fn leads_on(message: &Message) -> bool {
    let has = |kind| message.authorities.iter().any(|record| record.record_type() == kind);
    !message.metadata.authoritative && has(RecordType::NS) && !has(RecordType::SOA)
}

/// Seconds for which nothing is remembered (RFC 2308 section 5).
fn negative_ttl(message: &Message) -> u32 {
    let ttl = message.authorities.iter().find_map(|record| match &record.data {
        RData::SOA(soa) => Some(record.ttl.min(soa.minimum)),
        _ => None,
    });
    ttl.unwrap_or(0)
}
