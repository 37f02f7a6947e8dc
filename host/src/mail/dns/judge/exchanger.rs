//! The host that takes what bounces.

use super::super::seen::{Answer, Value};
use super::super::text::{quote, shown_value};
use super::super::{FOUND_MAX, Record};
use super::finding::Finding;
use super::wanted;

/// Ours has to be the one that is tried first; its preference is of no matter where it is alone.
pub(super) fn read(record: &Record, answer: &Answer) -> Finding {
    if record.alias.as_ref().is_some_and(|alias| answer.aliases.contains(alias)) {
        return Finding::good();
    }
    let wanted_host = record.value.split_once(' ').map_or(record.value.as_str(), |(_, host)| host);
    let values = answer.values();
    let hosts = values.iter().filter_map(|value| match value {
        Value::Exchanger(preference, host) => Some((*preference, host.as_str())),
        _ => None,
    });
    let hosts: Vec<_> = hosts.collect();
    let best = hosts.iter().map(|(preference, _)| *preference).min();
    let ours = hosts.iter().filter(|(_, host)| *host == wanted_host).map(|(preference, _)| *preference).min();
    let all = values.iter().take(FOUND_MAX).map(shown_value).collect::<Vec<_>>().join(", ");
    match ours {
        Some(preference) if Some(preference) == best => Finding::good(),
        Some(preference) => Finding::mismatch(format!(
            "At {} another host is preferred to {wanted_host} (the MX records are {all}), so bounces go there; remove the \
             others, or give {wanted_host} a lower number than {preference}.",
            record.host,
        )),
        None => Finding::mismatch(format!(
            "The MX record at {} is {}, so bounces go elsewhere; replace it by {}.",
            record.host,
            quote(&all),
            wanted(record),
        )),
    }
}
