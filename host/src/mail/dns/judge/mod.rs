//! From what was seen of a record to what is wrong with it, and what to change.
//!
//! Judging asks for nothing itself: it says what else has to be asked, and is done again with the answer.

mod alias;
mod dkim;
mod dmarc;
mod exchanger;
mod finding;
mod misplaced;
mod ownership;
mod spf;
mod trouble;

use self::finding::Finding;
use super::fault::Fault;
use super::seen::{Answer, Ask, Kind, Known, Observed, Said, Whom, Zone};
use super::text::quote;
use super::{Check, Purpose, Record, RecordStatus, RecordType};

/// Judges one record. An error is something that has to be asked first.
pub fn judge(record: &Record, known: &Known) -> Result<Check, Ask> {
    let finding = match known.zone {
        Zone::None => trouble::no_such_domain(record, known),
        Zone::Of { .. } | Zone::Unknown => found(record, known)?,
    };
    Ok(finding.into_check(record))
}

fn found(record: &Record, known: &Known) -> Result<Finding, Ask> {
    let observed = known.get(Whom::Everybody, &record.host, kind(record))?;
    let mut read = Vec::new();
    for answer in observed.authority.iter().filter(|answer| answer.is_answer()) {
        read.push((answer, finding(record, answer, known)?));
    }
    let finding = match read.iter().find(|(_, finding)| !finding.is_good()) {
        // The zone's own servers have it, so what is left is how others see it.
        None if !read.is_empty() => return beyond(record, observed, known),
        // Nobody can be asked but the resolver.
        None if observed.resolver.is_answer() => finding(record, &observed.resolver, known)?,
        None if alias::is_circle(record, observed, known)? => cname_loop(record),
        None => return Ok(trouble::unanswered(record, observed, known)),
        Some(wrong) => match read.iter().find(|(_, finding)| finding.is_good()) {
            Some((right, _)) => return Ok(trouble::servers_differ(record, &right.server, &wrong.0.server, &wrong.1)),
            None => wrong.1.clone(),
        },
    };
    match finding.fault {
        Some(Fault::Missing) => Ok(misplaced::elsewhere(record, known)?.unwrap_or(finding)),
        _ => Ok(finding),
    }
}

/// How the resolver sees a record that the zone's own servers have.
fn beyond(record: &Record, observed: &Observed, known: &Known) -> Result<Finding, Ask> {
    let resolver = &observed.resolver;
    if !resolver.is_answer() {
        return Ok(trouble::resolver(record, resolver, known));
    }
    let seen = finding(record, resolver, known)?;
    Ok(if seen.is_good() { seen } else { trouble::not_propagated(record, resolver, &seen) })
}

/// What one answer says of a record.
fn finding(record: &Record, answer: &Answer, known: &Known) -> Result<Finding, Ask> {
    let finding = match &answer.said {
        Said::TooMany => Finding::wrong(
            RecordStatus::Conflict,
            Fault::TooManyRecords,
            format!(
                "More records stand at {} than anybody reads; keep {}, and remove the others.",
                record.host,
                wanted(record)
            ),
        ),
        Said::Loop => cname_loop(record),
        Said::Values(values) if !values.is_empty() => match record.purpose {
            Purpose::Ownership => ownership::read(record, answer),
            Purpose::Dkim => dkim::read(record, answer),
            Purpose::Dmarc => dmarc::read(record, answer, known)?,
            Purpose::Spf => spf::read(record, answer, known)?,
            Purpose::ReturnPath => exchanger::read(record, answer),
            Purpose::Tracking => alias::read(record, answer),
        },
        _ => match record.purpose {
            Purpose::Dmarc => dmarc::inherited(record, known)?,
            Purpose::Tracking => alias::without(record, known)?,
            _ => Finding::missing(record),
        },
    };
    Ok(finding.seen_in(answer).behind(record, &answer.aliases))
}

fn cname_loop(record: &Record) -> Finding {
    let reason = format!(
        "{} is an alias (CNAME) that leads in a circle or through too many names; remove the CNAME and add {}.",
        record.host,
        wanted(record),
    );
    Finding::wrong(RecordStatus::Conflict, Fault::CnameLoop, reason)
}

fn kind(record: &Record) -> Kind {
    match record.kind {
        RecordType::Txt => Kind::Txt,
        RecordType::Cname => Kind::Cname,
        RecordType::Mx => Kind::Mx,
    }
}

/// The record as something to add.
fn wanted(record: &Record) -> String {
    format!("the {} record {} at {}", record.kind.as_str(), quote(&record.value), record.host)
}

#[cfg(test)]
mod tests;
