//! What receivers do with mail that only claims to be the domain's (RFC 7489).

use super::super::fault::Fault;
use super::super::seen::{Answer, Ask, Kind, Known, Whom};
use super::super::text::{bare, quote, quote_bytes};
use super::super::{Record, RecordStatus};
use super::dkim::Tags;
use super::finding::Finding;
use super::ownership::quoted;
use super::wanted;

/// What a record begins with.
const VERSION: &str = "v=DMARC1";

/// Any policy is good; one that only watches is told.
pub(super) fn read(record: &Record, answer: &Answer, known: &Known) -> Result<Finding, Ask> {
    let texts = answer.texts();
    let policies: Vec<_> = texts.iter().filter(|text| is_policy(text)).collect();
    match policies[..] {
        [] => match texts.iter().find(|text| bare(text).starts_with(VERSION)) {
            Some(text) => Ok(quoted(record, text)),
            None => inherited(record, known),
        },
        [policy] => Ok(judged(record, policy, "p")),
        _ => {
            let reason = format!(
                "{} DMARC records stand at {}, so receivers heed none of them; remove all but one.",
                policies.len(),
                record.host,
            );
            Ok(Finding::wrong(RecordStatus::Conflict, Fault::Duplicate, reason))
        }
    }
}

/// A domain without a record of its own has the one of the domain that was registered (section 6.6.3).
pub(super) fn inherited(record: &Record, known: &Known) -> Result<Finding, Ask> {
    let registered = psl::domain_str(&known.domain).unwrap_or(&known.domain);
    if registered == known.domain {
        return Ok(Finding::missing(record));
    }
    let host = format!("_dmarc.{registered}");
    let texts = known.get(Whom::Resolver, &host, Kind::Txt)?.resolver.texts();
    let policies: Vec<_> = texts.iter().filter(|text| is_policy(text)).collect();
    let [policy] = policies[..] else { return Ok(Finding::missing(record)) };
    let found = vec![super::super::text::shown(policy)];
    let tag = if Tags::of(policy).get("sp").is_some() { "sp" } else { "p" };
    let judged = judged(record, policy, tag);
    if !judged.is_good() {
        return Ok(Finding { found, ..judged });
    }
    let own =
        format!("No record stands at {}, so the one of {registered} holds ({}).", record.host, quote_bytes(policy));
    let reason = match judged.reason {
        Some(reason) => format!("{own} {reason}"),
        None => own,
    };
    Ok(Finding { found, reason: Some(reason), ..judged })
}

/// `tag` is the one that holds for the domain.
fn judged(record: &Record, policy: &[u8], tag: &str) -> Finding {
    let tags = Tags::of(policy);
    let wrong = |what: &str| {
        let text = quote_bytes(policy);
        let reason =
            format!("Receivers cannot read the DMARC record {text}: {what}; replace it by {}.", wanted(record));
        Finding::wrong(RecordStatus::Mismatch, Fault::DmarcSyntax, reason)
    };
    let value = tags.get(tag).map(|value| value.to_ascii_lowercase());
    match value.as_deref() {
        Some("quarantine" | "reject") => Finding::good(),
        Some("none") => {
            let reason = format!(
                "It is accepted, but {tag}=none lets forged mail through; add rua=mailto: and an address of yours to get \
                 reports, and once they show that all your mail passes, change it to {}.",
                quote(&format!("{tag}=quarantine")),
            );
            Finding { fault: Some(Fault::WeakPolicy), ..Finding::good().but(reason) }
        }
        Some(_) => wrong(&format!("{tag}= is neither none nor quarantine nor reject")),
        None if policy.contains(&b',') && !policy.contains(&b';') => wrong("its parts are divided by commas, not by ;"),
        None => wrong("it has no p="),
    }
}

fn is_policy(text: &[u8]) -> bool {
    let text = String::from_utf8_lossy(text);
    let version: String = text.split([';', ',']).next().unwrap_or_default().split_whitespace().collect();
    version == VERSION
}
