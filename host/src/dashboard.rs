//! What a dashboard shows, gathered from counters and the latest events.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::Value as Json;
use uuid::Uuid;

use crate::api::events::{check_switches, line};
use crate::api::stats::outbound::bounced;
use crate::app::App;
use crate::mail::event::PrivacyLevel;
use crate::pages::dashboard::{DomainRow, Figures, Happened, Health, Period, View};
use crate::store::{
    Counted, Counts, Customer, DAY_MS, DetailKind, EventFilter, HOUR_MS, StatFilter, StatGroup, StoreError,
};

/// Events in the list when it is loaded.
const EVENTS: i64 = 20;
/// Reasons of bounces that are shown.
const REASONS_MAX: usize = 8;
/// Domains that are shown.
const DOMAINS_MAX: usize = 20;
/// Domains whose names are looked up.
const DOMAINS_KNOWN_MAX: i64 = 10_000;

/// Who looks at a dashboard.
#[derive(Clone, Copy)]
pub(crate) enum Whose<'a> {
    /// A customer, at its own.
    Own(&'a Customer),
    /// An operator, at a customer's.
    Of(&'a Customer),
    /// An operator, at that of all customers.
    All,
}

impl<'a> Whose<'a> {
    fn customer(self) -> Option<&'a Customer> {
        match self {
            Self::Own(customer) | Self::Of(customer) => Some(customer),
            Self::All => None,
        }
    }
}

/// Gathers everything.
pub(crate) async fn view(app: &App, whose: Whose<'_>, period: Period) -> Result<View, StoreError> {
    let customer = whose.customer();
    let id = customer.map(|customer| customer.id);
    let (step, now) = (if period == Period::Day { HOUR_MS } else { DAY_MS }, app.now());
    let until = now - now.rem_euclid(step) + step;
    let from = until - period.steps() * step;
    let filter = StatFilter { from, until, ..StatFilter::default() };
    let series = app.store.stat_series(id, filter.clone(), step == HOUR_MS, Counted::ALL).await?;
    let mut steps: BTreeMap<i64, Counts> =
        (0..period.steps()).map(|at| (from + at * step, Counts::default())).collect();
    for (at, counts) in series {
        if let Some((_, sum)) = steps.range_mut(..=at).next_back() {
            sum.add(&counts);
        }
    }
    let mut reasons = app.store.stat_details(id, filter.clone(), DetailKind::BounceClass).await?;
    reasons.truncate(REASONS_MAX);
    let groups = app.store.stat_groups(id, filter, StatGroup::Domain).await?;
    Ok(View {
        customer: customer.map(|customer| customer.name.clone()),
        asked: match whose {
            Whose::Of(customer) => Some(customer.email.clone()),
            Whose::Own(_) | Whose::All => None,
        },
        period,
        steps: steps.into_iter().map(|(at, counts)| (label(at, period), figures(&counts))).collect(),
        reasons,
        domains: domains(app, id, groups).await?,
        health: match id {
            Some(id) => app.store.health_score(id).await?.and_then(|(_, score)| health(&score)),
            None => None,
        },
        events: events(app, whose).await?,
    })
}

fn figures(counts: &Counts) -> Figures {
    Figures {
        sent: counts.of(Counted::Sent),
        delivered: counts.of(Counted::Delivered),
        bounced: bounced(counts),
        opened: counts.of(Counted::UniqueOpens),
        clicked: counts.of(Counted::UniqueClicks),
        complained: counts.of(Counted::Complained),
    }
}

fn label(at: i64, period: Period) -> String {
    let at = TimeZone::UTC.to_datetime(Timestamp::from_millisecond(at).unwrap_or(Timestamp::UNIX_EPOCH));
    let format = if period == Period::Day { "%H:%M" } else { "%-d %b" };
    at.strftime(format).to_string()
}

async fn domains(
    app: &App,
    customer: Option<Uuid>,
    groups: Vec<(String, Counts)>,
) -> Result<Vec<DomainRow>, StoreError> {
    let known = app.store.domains(customer, DOMAINS_KNOWN_MAX).await?;
    let row = |(id, counts): (String, Counts)| {
        let owned = known.iter().find(|owned| owned.domain.id.to_string() == id);
        DomainRow {
            name: owned.map_or(id, |owned| owned.domain.name.clone()),
            status: owned.map_or("removed", |owned| owned.domain.status.as_str()),
            figures: figures(&counts),
        }
    };
    Ok(groups.into_iter().take(DOMAINS_MAX).map(row).collect())
}

fn health(score: &str) -> Option<Health> {
    let score: Json = serde_json::from_str(score).ok()?;
    let text = |name: &str| match &score[name] {
        Json::String(text) => text.clone(),
        other => other.to_string(),
    };
    let advice = score["recommendations"].as_array().into_iter().flatten();
    Some(Health {
        grade: text("reputation_grade"),
        score: text("overall_score"),
        summary: text("summary"),
        advice: advice.filter_map(Json::as_str).map(str::to_owned).collect(),
    })
}

/// The latest events. A customer's switches hide them from the customer.
async fn events(app: &App, whose: Whose<'_>) -> Result<Option<Vec<Happened>>, StoreError> {
    let (events, privacy) = match whose {
        Whose::Own(customer) if check_switches(customer).is_err() => return Ok(None),
        Whose::Own(customer) | Whose::Of(customer) => {
            let filter = EventFilter { limit: EVENTS, ..EventFilter::default() };
            (app.store.events(customer.id, filter).await?.events, customer.privacy_level)
        }
        Whose::All => (app.store.latest_events(None, None, None, (EVENTS, EVENTS)).await?, PrivacyLevel::Minimal),
    };
    Ok(Some(events.iter().map(|event| line(event, privacy)).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_called_by_its_hour_or_its_day() {
        let at = 1_710_513_000_000;
        assert_eq!((label(at, Period::Day), label(at, Period::Quarter)), ("14:30".into(), "15 Mar".into()));
    }

    #[test]
    fn a_judgement_is_read_as_it_is_kept() {
        let kept = r#"{"overall_score":91.5,"reputation_grade":"A","summary":"Good.","recommendations":["Go on"]}"#;
        let health = health(kept).expect("it is read");
        assert_eq!((health.score.as_str(), health.grade.as_str(), health.advice.len()), ("91.5", "A", 1));
    }
}
