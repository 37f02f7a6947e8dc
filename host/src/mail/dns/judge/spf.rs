//! Which machines send with the domain's return path (RFC 7208).

use super::super::fault::Fault;
use super::super::seen::{Answer, Ask, Known};
use super::super::spf::walk::{COUNTED_MAX, LOOKUPS_MAX, Trouble, VOID_LOOKUPS_MAX, Walk, walk, wanted as wanted_term};
use super::super::spf::{is_spf, lets_all_pass, merged, parse};
use super::super::text::{bare, quote, quote_bytes, shown};
use super::super::{Record, RecordStatus};
use super::finding::Finding;
use super::ownership::quoted;
use super::wanted;

/// There has to be one record that receivers can evaluate, and it has to name us.
pub(super) fn read(record: &Record, answer: &Answer, known: &Known) -> Result<Finding, Ask> {
    let texts = answer.texts();
    let host = &record.host;
    let policies: Vec<_> = texts.iter().filter(|text| is_spf(text)).collect();
    let policy = match policies[..] {
        [policy] => policy,
        [] => {
            return Ok(match texts.iter().find(|text| bare(text).starts_with("v=spf1")) {
                Some(text) => quoted(record, text),
                None => Finding::missing(record),
            });
        }
        _ => {
            let reason = format!(
                "{} SPF records stand at {host}, so receivers heed none of them; remove all but {}.",
                policies.len(),
                wanted(record),
            );
            return Ok(Finding::wrong(RecordStatus::Conflict, Fault::Duplicate, reason));
        }
    };
    let terms = match parse(policy) {
        Ok(terms) => terms,
        Err(why) => {
            let text = quote_bytes(policy);
            let reason = format!(
                "Receivers cannot read the SPF record {text} at {host}: {why}. Correct that, or replace the record by {}.",
                quote(&record.value),
            );
            return Ok(Finding::wrong(RecordStatus::Mismatch, Fault::SpfSyntax, reason));
        }
    };
    let Some((mechanism, term)) = wanted_term(&record.value) else { return Ok(Finding::good()) };
    let walk = walk(host, &terms, &term, known)?;
    if let Some(wrong) = limits(record, &walk) {
        return Ok(wrong);
    }
    // Who leads the whole name to the service has the service's own record there.
    let is_ours = record.alias.as_ref().is_some_and(|alias| answer.aliases.contains(alias));
    if !walk.has_wanted && !is_ours {
        let merged = merged(&shown(policy), mechanism);
        return Ok(Finding::mismatch(format!(
            "The SPF record at {host} is {} and lacks {}; replace it by “{merged}”.",
            quote_bytes(policy),
            quote(mechanism),
        )));
    }
    if lets_all_pass(&terms) {
        let reason =
            format!("The SPF record at {host} lets every machine pass; end it with ~all in the place of +all.");
        return Ok(Finding { fault: Some(Fault::WeakPolicy), ..Finding::good().but(reason) });
    }
    Ok(Finding::good())
}

/// Why receivers cannot evaluate the record.
fn limits(record: &Record, walk: &Walk) -> Option<Finding> {
    let host = &record.host;
    let conflict = |fault, reason| Some(Finding::wrong(RecordStatus::Conflict, fault, reason));
    let inside = |what: String| format!("Receivers cannot evaluate the SPF record at {host}: {what}.");
    match &walk.trouble {
        Some(Trouble::Missing(domain)) => conflict(
            Fault::IncludeMissing,
            inside(format!("{} is included in it and has no SPF record; remove it", shown(domain.as_bytes()))),
        ),
        Some(Trouble::Several(domain)) => conflict(
            Fault::Duplicate,
            inside(format!("{} is included in it and has several SPF records; remove it", shown(domain.as_bytes()))),
        ),
        Some(Trouble::Syntax(domain, why)) => conflict(
            Fault::SpfSyntax,
            inside(format!("{} is included in it, and there {why}; remove it", shown(domain.as_bytes()))),
        ),
        Some(Trouble::Exchangers(domain)) => conflict(
            Fault::TooManyLookups,
            inside(format!("mx of {} has more than 10 hosts; remove it", shown(domain.as_bytes()))),
        ),
        Some(Trouble::Unreachable(domain)) => {
            let domain = shown(domain.as_bytes());
            let reason = format!(
                "The SPF record at {host} includes {domain}, which could not be looked up; it is looked for again. Remove \
                 it if that domain is gone.",
            );
            Some(Finding::wrong(RecordStatus::Pending, Fault::Unreachable, reason))
        }
        None if walk.lookups > LOOKUPS_MAX => {
            let more = if walk.lookups >= COUNTED_MAX { " or more" } else { "" };
            conflict(
                Fault::TooManyLookups,
                inside(format!(
                    "it makes them look up {}{more} names, and they give up after {LOOKUPS_MAX}; remove includes that are \
                     no longer used, or put addresses (ip4:, ip6:) in their place",
                    walk.lookups
                )),
            )
        }
        None if walk.voids.len() > VOID_LOOKUPS_MAX => {
            let names = shown(walk.voids.join(", ").as_bytes());
            conflict(
                Fault::VoidLookups,
                inside(format!(
                    "{} of its names have nothing ({names}), and they give up after {VOID_LOOKUPS_MAX}; remove those",
                    walk.voids.len()
                )),
            )
        }
        None => None,
    }
}
