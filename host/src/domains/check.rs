//! Looks for a domain's records and does what follows from how they are.

use uuid::Uuid;

use super::records::{Wanted, wanted};
use super::work::NoCheck;
use crate::app::App;
use crate::mail::dns::{Check, Purpose, Record, RecordStatus};
use crate::mail::standing::{Seen, Turn};
use crate::store::{CheckedDomain, Domain, KeyState, KnownDomain, StoreError};

/// Checks a domain now, or waits for the check that is under way. What is found is stored, whatever it is. A domain that is
/// gone, and a sandbox domain, has nothing to be checked.
pub(crate) async fn check(app: &App, domain: Uuid, by_hand: bool) -> Result<(), NoCheck<StoreError>> {
    app.domain_work.check(domain, async || check_once(app, domain, by_hand).await).await
}

async fn check_once(app: &App, id: Uuid, by_hand: bool) -> Result<(), StoreError> {
    let Some(known) = app.store.known_domain(None, id).await? else { return Ok(()) };
    let wanted = wanted(app, &known);
    if wanted.is_empty() {
        return Ok(());
    }
    let KnownDomain { domain, .. } = &known;
    let (checks, own_return_path) = look(app, domain, &wanted).await?;
    let keys_found = keys_found(&wanted, &checks);
    let checked = CheckedDomain {
        id,
        seen: seen(&checks),
        trouble: trouble(&checks),
        checks: serde_json::to_string(&checks).expect("checks have text keys and serialize"),
        keys_found,
        own_return_path,
        by_hand,
        grace_ms: i64::try_from(app.config.domain_grace.as_millis()).unwrap_or(i64::MAX),
    };
    let now = app.now();
    let Some(recorded) = app.store.record_check(checked, now, app.ids(now)).await? else { return Ok(()) };
    if recorded.keys_changed {
        app.signers.forget(id);
        tracing::info!(domain = %id, "new DKIM keys sign from now on");
    }
    match recorded.turn {
        Some(Turn::Verified) => tracing::info!(domain = %id, "domain verified"),
        Some(Turn::Recovered) => tracing::info!(domain = %id, "the domain's records are right again"),
        Some(Turn::Warned) => tracing::warn!(domain = %id, "a record of a verified domain is not as it should be"),
        Some(Turn::Failed) => {
            tracing::warn!(domain = %id, "a domain may send no more: its records are wrong for too long");
        }
        Some(Turn::GivenUp) => tracing::info!(domain = %id, "the domain was not verified in time"),
        None => {}
    }
    Ok(())
}

/// Asks for the records, except where who owns the domain is known already.
async fn look(app: &App, domain: &Domain, wanted: &[Wanted]) -> Result<(Vec<Check>, Option<bool>), StoreError> {
    let parent = app.store.verified_parent(domain.customer_id, domain.name.clone()).await?;
    let is_inherited = |wanted: &&Wanted| parent.is_some() && wanted.record.purpose == Purpose::Ownership;
    let asked: Vec<_> =
        wanted.iter().filter(|wanted| !is_inherited(wanted)).map(|wanted| wanted.record.clone()).collect();
    let mut checks = match &app.doctor {
        Ok(doctor) => doctor.check(&domain.name, &asked).await,
        Err(reason) => asked.into_iter().map(|record| unasked(record, reason)).collect(),
    };
    if let (Some(parent), Some(ownership)) = (&parent, wanted.iter().find(is_inherited)) {
        let reason =
            format!("{parent} is verified, and whoever rules it rules {} too. No record is needed here.", domain.name);
        let record = ownership.record.clone();
        let status = RecordStatus::Verified;
        checks.insert(0, Check { record, status, fault: None, found: Vec::new(), reason: Some(reason) });
    }
    if app.store.is_claimed(domain.customer_id, domain.name.clone()).await? {
        claim(&mut checks, &domain.name);
    }
    let own_return_path = own_return_path(&checks);
    Ok((checks, own_return_path))
}

/// There is nobody to ask.
fn unasked(record: Record, reason: &str) -> Check {
    let reason = Some(format!("Nobody could be asked: {reason}. An operator sets dns_servers."));
    Check { record, status: RecordStatus::Pending, fault: Some("unreachable"), found: Vec::new(), reason }
}

/// A name is one customer's at a time.
fn claim(checks: &mut [Check], name: &str) {
    let ownership = checks.iter_mut().find(|check| check.record.purpose == Purpose::Ownership);
    if let Some(check) = ownership.filter(|check| check.status == RecordStatus::Verified) {
        check.status = RecordStatus::Conflict;
        check.fault = Some("claimed");
        check.reason = Some(format!(
            "The record is right, but another customer of this service has verified {name}. Take that customer's ownership \
             record out of the zone, or have the domain deleted there; then this one can be verified."
        ));
    }
}

fn seen(checks: &[Check]) -> Seen {
    let required = || checks.iter().filter(|check| check.record.required);
    if required().any(is_wrong) {
        Seen::Bad
    } else if required().all(|check| check.status == RecordStatus::Verified) {
        Seen::Good
    } else {
        Seen::Unknown
    }
}

/// What is wrong with the first required record that is.
fn trouble(checks: &[Check]) -> Option<String> {
    let wrong = checks.iter().find(|check| check.record.required && is_wrong(check))?;
    let status = wrong.status.as_str();
    Some(wrong.reason.clone().unwrap_or_else(|| format!("The record at {} is {status}.", wrong.record.host)))
}

/// Whether somebody looked and it is not as it should be.
fn is_wrong(check: &Check) -> bool {
    match check.status {
        RecordStatus::Missing | RecordStatus::Mismatch | RecordStatus::Conflict => true,
        RecordStatus::Pending | RecordStatus::Verified => false,
    }
}

fn keys_found(wanted: &[Wanted], checks: &[Check]) -> Vec<String> {
    let found = wanted.iter().filter_map(|wanted| {
        let key = wanted.key.as_ref().filter(|key| key.state == KeyState::Next)?;
        let check = checks.iter().find(|check| check.record == wanted.record)?;
        (check.status == RecordStatus::Verified).then(|| key.selector.clone())
    });
    found.collect()
}

/// Both records are needed: without the first no bounce comes back, without the second receivers doubt the mail.
fn own_return_path(checks: &[Check]) -> Option<bool> {
    let of = |purpose| checks.iter().find(|check| check.record.purpose == purpose);
    let (Some(return_path), Some(spf)) = (of(Purpose::ReturnPath), of(Purpose::Spf)) else { return Some(false) };
    let both = [return_path, spf];
    if both.iter().any(|check| is_wrong(check)) {
        Some(false)
    } else if both.iter().all(|check| check.status == RecordStatus::Verified) {
        Some(true)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::dns::RecordType;
    use RecordStatus::{Conflict, Mismatch, Missing, Pending, Verified};

    fn check(purpose: Purpose, required: bool, status: RecordStatus) -> Check {
        let host = format!("{}.acme.example", purpose.as_str());
        let record = Record { purpose, kind: RecordType::Txt, host, value: "v".into(), required, alias: None };
        Check { record, status, fault: None, found: Vec::new(), reason: None }
    }

    #[track_caller]
    fn sees(ownership: RecordStatus, dkim: RecordStatus, dmarc: RecordStatus, expected: Seen) {
        let checks = [
            check(Purpose::Ownership, true, ownership),
            check(Purpose::Dkim, true, dkim),
            check(Purpose::Dmarc, false, dmarc),
        ];
        assert_eq!(seen(&checks), expected);
    }

    #[test]
    fn what_is_required_decides() {
        sees(Verified, Verified, Missing, Seen::Good);
        sees(Verified, Verified, Pending, Seen::Good);
        sees(Verified, Pending, Verified, Seen::Unknown);
        for wrong in [Missing, Mismatch, Conflict] {
            sees(Verified, wrong, Verified, Seen::Bad);
            sees(wrong, Pending, Verified, Seen::Bad);
        }
    }

    #[test]
    fn the_trouble_is_that_of_the_first_required_record() {
        let checks = [check(Purpose::Dmarc, false, Missing), check(Purpose::Dkim, true, Mismatch)];
        assert_eq!(trouble(&checks).as_deref(), Some("The record at dkim.acme.example is mismatch."));
        assert_eq!(trouble(&checks[..1]), None);
    }

    #[test]
    fn bounces_come_back_to_the_domain_once_both_records_are_there() {
        let of = |mx, spf| own_return_path(&[check(Purpose::ReturnPath, false, mx), check(Purpose::Spf, false, spf)]);
        assert_eq!(of(Verified, Verified), Some(true));
        assert_eq!(of(Verified, Pending), None);
        assert_eq!(of(Verified, Missing), Some(false));
        assert_eq!(of(Conflict, Pending), Some(false));
        assert_eq!(own_return_path(&[check(Purpose::ReturnPath, false, Verified)]), Some(false));
    }

    #[test]
    fn a_name_that_somebody_else_verified_is_a_conflict_once_the_record_is_right() {
        let mut checks = [check(Purpose::Ownership, true, Verified), check(Purpose::Dkim, true, Verified)];
        claim(&mut checks, "acme.example");
        assert_eq!((checks[0].status, checks[0].fault, checks[1].status), (Conflict, Some("claimed"), Verified));
        let mut missing = [check(Purpose::Ownership, true, Missing)];
        claim(&mut missing, "acme.example");
        assert_eq!(missing[0].status, Missing);
    }
}
