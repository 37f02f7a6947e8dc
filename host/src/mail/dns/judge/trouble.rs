//! What is wrong not with a record but with the ways to it.

use super::super::fault::Fault;
use super::super::seen::{Answer, Known, Observed, Said, Zone};
use super::super::text::wait;
use super::super::{Record, RecordStatus};
use super::finding::Finding;
use super::wanted;

/// There is no zone to publish anything in.
pub(super) fn no_such_domain(record: &Record, known: &Known) -> Finding {
    let domain = &known.domain;
    let reason = format!(
        "The domain {domain} does not exist in the DNS, so {} cannot be found; register the domain, or set its name \
         servers at the registrar, and check that it is written as you meant it.",
        wanted(record),
    );
    Finding::wrong(RecordStatus::Missing, Fault::NoSuchDomain, reason)
}

/// The zone's servers have the record, and the resolver has another answer.
pub(super) fn not_propagated(record: &Record, resolver: &Answer, seen: &Finding) -> Finding {
    let remembers = if seen.found.is_empty() { "that nothing is there" } else { "what was there before" };
    let reason = format!(
        "Your zone's name servers have {}, but the resolver {} still remembers {remembers}; nothing has to be changed: \
         wait up to {}.",
        wanted(record),
        resolver.server,
        wait(resolver.ttl),
    );
    Finding { found: seen.found.clone(), ..Finding::wrong(RecordStatus::Pending, Fault::NotPropagated, reason) }
}

/// Some of the zone's servers have the record.
pub(super) fn servers_differ(record: &Record, right: &str, wrong: &str, seen: &Finding) -> Finding {
    let has = if seen.found.is_empty() { "does not have it" } else { "has something else there" };
    let reason = format!(
        "The name server {right} has {}, but {wrong} {has}; have all name servers of the zone load its newest version \
         (its serial number must grow with each change).",
        wanted(record),
    );
    Finding { found: seen.found.clone(), ..Finding::wrong(RecordStatus::Conflict, Fault::ServersDiffer, reason) }
}

/// The zone's servers have the record, and the resolver has no answer.
pub(super) fn resolver(record: &Record, resolver: &Answer, known: &Known) -> Finding {
    let server = &resolver.server;
    match resolver.said {
        Said::Bogus => bogus(record, resolver),
        Said::Failure | Said::Refused if is_signed(known) => {
            let reason = format!(
                "Your zone's name servers have {}, but the resolver {server} cannot answer, and the zone is signed: most \
                 often its DNSSEC signatures are wrong; sign the zone again, or remove its DS record at the registrar.",
                wanted(record),
            );
            Finding::wrong(RecordStatus::Conflict, Fault::ServerFailure, reason)
        }
        Said::Failure | Said::Refused => {
            let reason = format!(
                "Your zone's name servers have {}, but the resolver {server} cannot answer; nothing has to be changed, it \
                 is looked for again. If it stays so, check how the zone above leads to your name servers.",
                wanted(record),
            );
            Finding::wrong(RecordStatus::Pending, Fault::ServerFailure, reason)
        }
        _ => {
            let reason = format!(
                "Your zone's name servers have {}, but the resolver {server} did not answer in time; nothing has to be \
                 changed, it is looked for again.",
                wanted(record),
            );
            Finding::wrong(RecordStatus::Pending, Fault::Unreachable, reason)
        }
    }
}

/// Nobody said what is there.
pub(super) fn unanswered(record: &Record, observed: &Observed, known: &Known) -> Finding {
    let resolver = &observed.resolver;
    if resolver.said == Said::Bogus {
        return bogus(record, resolver);
    }
    let names = |said: &[Said]| {
        let servers = observed.authority.iter().filter(|answer| said.contains(&answer.said));
        servers.map(|answer| answer.server.as_str()).collect::<Vec<_>>().join(", ")
    };
    let (refusing, failing) = (names(&[Said::Refused]), names(&[Said::Failure, Said::Nonsense]));
    if !refusing.is_empty() {
        let reason = format!(
            "{refusing} should know the zone of {} and refuses to answer for it, so {} cannot be found; set the zone up \
             there, or name the right name servers at the registrar.",
            known.domain,
            wanted(record),
        );
        return Finding::wrong(RecordStatus::Pending, Fault::Refused, reason);
    }
    if !failing.is_empty() {
        let reason = format!(
            "{failing} knows the zone of {} and fails to answer for it, so {} cannot be found; look into the log of that \
             name server, mostly the zone's file has an error.",
            known.domain,
            wanted(record),
        );
        return Finding::wrong(RecordStatus::Pending, Fault::ServerFailure, reason);
    }
    let silent = names(&[Said::Silent]);
    if !silent.is_empty() {
        let reason = format!(
            "The name servers of {} ({silent}) did not answer in time, so {} cannot be found; see that they run and can \
             be reached from the Internet.",
            known.domain,
            wanted(record),
        );
        return Finding::wrong(RecordStatus::Pending, Fault::Unreachable, reason);
    }
    let server = &resolver.server;
    match resolver.said {
        Said::Failure | Said::Refused | Said::Nonsense => {
            let reason = format!(
                "The resolver {server} cannot answer for {}, so {} cannot be found; check the name servers of the domain. \
                 It is looked for again.",
                record.host,
                wanted(record),
            );
            Finding::wrong(RecordStatus::Pending, Fault::ServerFailure, reason)
        }
        _ => {
            let reason = format!(
                "No answer came in time from {server}, so {} could not be looked for; nothing is known to be wrong with \
                 it, and it is looked for again.",
                wanted(record),
            );
            Finding::wrong(RecordStatus::Pending, Fault::Unreachable, reason)
        }
    }
}

fn bogus(record: &Record, resolver: &Answer) -> Finding {
    let reason = format!(
        "The resolver {} throws the answers for {} away because their DNSSEC signatures are wrong or expired, so {} is not \
         seen; sign the zone again, or remove its DS record at the registrar.",
        resolver.server,
        record.host,
        wanted(record),
    );
    Finding::wrong(RecordStatus::Conflict, Fault::DnssecBogus, reason)
}

fn is_signed(known: &Known) -> bool {
    matches!(known.zone, Zone::Of { signed: true, .. })
}
