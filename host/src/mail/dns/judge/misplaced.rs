//! A record that is there, under a name that somebody made of the right one.

use super::super::fault::Fault;
use super::super::seen::{Answer, Ask, Known, Value, Whom, Zone};
use super::super::text::{bare, shown_value};
use super::super::{FOUND_MAX, Purpose, Record, RecordStatus};
use super::finding::Finding;
use super::{kind, wanted};

/// Bytes of a name, as it is written (RFC 1035 section 2.3.4).
const NAME_BYTES_MAX: usize = 253;

/// Looks for the record where those land whose DNS provider adds the zone's name, or who leave a part of it out.
pub(super) fn elsewhere(record: &Record, known: &Known) -> Result<Option<Finding>, Ask> {
    for name in candidates(record, known) {
        let observed = known.get(Whom::Everybody, &name, kind(record))?;
        let mut answers = observed.authority.iter().chain([&observed.resolver]);
        let Some(answer) = answers.find(|answer| answer.aliases.is_empty() && has(record, answer)) else { continue };
        let added = name.len() > record.host.len();
        let why = if added {
            "your DNS provider adds the zone's name by itself, so leave it out when you enter the record"
        } else {
            "a part of the name is missing"
        };
        let host = &record.host;
        let reason = format!("The record stands at {name}, not at {host}: {why}. Move it: add {}.", wanted(record));
        let found = answer.values().iter().take(FOUND_MAX).map(shown_value).collect();
        return Ok(Some(Finding { found, ..Finding::wrong(RecordStatus::Mismatch, Fault::WrongHost, reason) }));
    }
    Ok(None)
}

/// Four names at most.
fn candidates(record: &Record, known: &Known) -> Vec<String> {
    let domain = &known.domain;
    let zone = match &known.zone {
        Zone::Of { name, .. } => name,
        Zone::None | Zone::Unknown => domain,
    };
    let mut names = vec![format!("{}.{zone}", record.host), format!("{}.{domain}", record.host)];
    if let Some(label) = record.host.strip_suffix(domain.as_str()).filter(|label| !label.is_empty()) {
        // Who enters only the label for a domain inside a zone has it beside the domain. A policy there is another's.
        if zone != domain && record.purpose != Purpose::Dmarc {
            names.push(format!("{label}{zone}"));
        }
        if record.purpose != Purpose::Tracking {
            names.push(domain.clone());
        }
    }
    names.dedup();
    names.retain(|name| name.len() <= NAME_BYTES_MAX && *name != record.host);
    names
}

/// Whether the very value is there.
fn has(record: &Record, answer: &Answer) -> bool {
    let value = bare(record.value.as_bytes());
    answer.values().iter().any(|found| match found {
        Value::Text(strings) => bare(&strings.concat()) == value,
        Value::Host(host) => *host == record.value,
        Value::Exchanger(_, host) => record.value.split_once(' ').is_some_and(|(_, wanted)| wanted == host),
        Value::Address(_) => false,
    })
}
