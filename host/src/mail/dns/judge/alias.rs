//! Names that are aliases: the one that tracked links begin with, and those that should be none.

use super::super::seen::{Answer, Ask, Kind, Known, Observed, Said, Value, Whom};
use super::super::text::{quote, shown_value};
use super::super::{FOUND_MAX, Record};
use super::finding::Finding;
use super::wanted;

/// Aliases that are followed, as many as elsewhere.
const ALIASES_MAX: usize = 8;

/// Whether a name for which servers fail is an alias that leads back to itself: many say no more of one.
pub(super) fn is_circle(record: &Record, observed: &Observed, known: &Known) -> Result<bool, Ask> {
    let mut answers = observed.authority.iter().chain([&observed.resolver]);
    if !answers.any(|answer| answer.said == Said::Failure) {
        return Ok(false);
    }
    let mut names = vec![record.host.clone()];
    for _ in 0..ALIASES_MAX {
        let observed = known.get(Whom::Everybody, &names[names.len() - 1], Kind::Cname)?;
        let mut values = observed.authority.iter().chain([&observed.resolver]).flat_map(Answer::values);
        let target = values.find_map(|value| match value {
            Value::Host(host) => Some(host.clone()),
            _ => None,
        });
        match target {
            Some(target) if names.contains(&target) => return Ok(true),
            Some(target) => names.push(target),
            None => return Ok(false),
        }
    }
    Ok(true)
}

/// The alias that is there.
pub(super) fn read(record: &Record, answer: &Answer) -> Finding {
    let hosts = answer.values();
    if hosts.iter().any(|host| matches!(host, Value::Host(host) if *host == record.value)) {
        return Finding::good();
    }
    let all = hosts.iter().take(FOUND_MAX).map(shown_value).collect::<Vec<_>>().join(", ");
    Finding::mismatch(format!(
        "{} is an alias (CNAME) of {}; have it lead to {} instead.",
        record.host,
        quote(&all),
        quote(&record.value),
    ))
}

/// Providers that flatten an alias answer with the addresses of its target, which is as good. Other addresses are of
/// another server, or of a proxy.
pub(super) fn without(record: &Record, known: &Known) -> Result<Finding, Ask> {
    let addresses = known.get(Whom::Resolver, &record.host, Kind::A)?.resolver.values();
    if addresses.is_empty() {
        return Ok(Finding::missing(record));
    }
    let target = known.get(Whom::Resolver, &record.value, Kind::A)?.resolver.values();
    if addresses.iter().all(|address| target.contains(address)) {
        return Ok(Finding::good());
    }
    let shown: Vec<_> = addresses.iter().take(FOUND_MAX).map(shown_value).collect();
    let reason = format!(
        "{} has the address {} and is no alias (CNAME) of {}; remove its addresses, or switch off the proxy of your DNS \
         provider for it, and add {}.",
        record.host,
        shown.join(", "),
        record.value,
        wanted(record),
    );
    Ok(Finding { found: shown, ..Finding::mismatch(reason) })
}
