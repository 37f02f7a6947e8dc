//! What was sent and what came of it: totals, breakdowns and series, from counters alone.

use http::HeaderMap;
use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value as Json};
use utoipa::ToSchema;

use super::percentage;
use super::range::{BUCKETS_MAX, Interval, Range};
use crate::api::query::Query;
use crate::api::{csv, export};
use crate::app::App;
use crate::error::{Error, Result};
use crate::mail::event::words;
use crate::reply::Reply;
use crate::request::Head;
use crate::store::{Counted, Counts, Customer, DetailKind, StatFilter, StatGroup, StreamType};

words! {
    /// Whose opens and clicks are counted.
    Clients {
        /// Everybody's.
        All = "all",
        /// Those of people.
        HumanOnly = "human_only",
        /// Those of machines.
        ScannerOnly = "scanner_only",
    }
}

/// What a series is about.
#[derive(Clone, Copy, ToSchema)]
#[schema(rename_all = "snake_case")]
enum Report {
    Sends,
    Bounces,
    Opens,
    Clicks,
    Spam,
}

impl Report {
    fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "sends" => Self::Sends,
            "bounces" => Self::Bounces,
            "opens" => Self::Opens,
            "clicks" => Self::Clicks,
            "spam" => Self::Spam,
            _ => return None,
        })
    }

    /// What [`figures`] shows of it.
    fn columns(self) -> &'static [Counted] {
        use Counted::{
            BouncedHard, BouncedSoft, BouncedUntyped, Complained, Delivered, Failed, HumanClicks, HumanOpens,
            ScannerClicks, ScannerOpens, Sent, SuspiciousClicks, SuspiciousOpens, UniqueClicks, UniqueHumanClicks,
            UniqueHumanOpens, UniqueOpens, UniqueScannerClicks, UniqueScannerOpens,
        };
        match self {
            Self::Sends => &[Sent, Delivered, BouncedHard, BouncedSoft, BouncedUntyped, Failed],
            Self::Bounces => &[BouncedHard, BouncedSoft, BouncedUntyped],
            Self::Opens => {
                &[HumanOpens, SuspiciousOpens, ScannerOpens, UniqueOpens, UniqueHumanOpens, UniqueScannerOpens]
            }
            Self::Clicks => {
                &[HumanClicks, SuspiciousClicks, ScannerClicks, UniqueClicks, UniqueHumanClicks, UniqueScannerClicks]
            }
            Self::Spam => &[Complained],
        }
    }
}

words! {
    /// What a breakdown is by.
    By {
        /// The sending domain, by its id.
        Domain = "domain",
        /// The tag; empty for emails without one.
        Tag = "tag",
        /// The stream.
        Stream = "stream",
        /// The class of a bounce.
        BounceClass = "bounce_class",
        /// What opened and clicked: the rule that knew it.
        Client = "client",
    }
}

/// What was sent and what came of it. Each recipient's copy counts as one, once for each thing that can happen to it;
/// opens and clicks count as often as they happen.
#[derive(Serialize, ToSchema)]
pub(crate) struct OutboundReply {
    #[serde(flatten)]
    totals: OutboundCounts,
    /// The same by what `by` asked for, those with the most first.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<Object>>)]
    breakdown: Option<Vec<Json>>,
}

#[derive(Serialize, ToSchema)]
struct OutboundCounts {
    sent: i64,
    delivered: i64,
    bounced: i64,
    failed: i64,
    /// Opens of those whom `filter` asks for.
    opens: i64,
    /// Emails whose first open by those whom `filter` asks for was in this time.
    unique_opens: i64,
    clicks: i64,
    unique_clicks: i64,
    complained: i64,
    unsubscribed: i64,
    human_opens: i64,
    /// By a person or a machine: nobody can tell.
    suspicious_opens: i64,
    scanner_opens: i64,
    human_clicks: i64,
    suspicious_clicks: i64,
    scanner_clicks: i64,
    /// Delivered of sent, in percent with two decimals.
    #[schema(example = "99.16")]
    delivery_rate: String,
    /// Bounced of sent.
    bounce_rate: String,
    /// Unique opens of delivered.
    open_rate: String,
    /// Unique clicks of delivered.
    click_rate: String,
    /// Complained of delivered.
    complaint_rate: String,
}

/// Counts over time.
#[derive(Serialize, ToSchema)]
pub(crate) struct SeriesReply {
    /// `hour`, `day`, `week` (from Monday) or `month`, in UTC.
    #[schema(value_type = String, example = "day")]
    interval: Interval,
    /// Every interval of the time that was asked for, those without anything as zeros.
    #[schema(value_type = Vec<Object>)]
    series: Vec<Step>,
    /// Their sums.
    #[schema(value_type = Object)]
    totals: Step,
    /// Bounces by their class.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    classes: Option<Map<String, Json>>,
    /// Opens or clicks by the rule that knew the client.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    clients: Option<Map<String, Json>>,
}

/// Figures by their names, of an interval with when it begins.
struct Step {
    date: Option<String>,
    figures: Vec<(&'static str, i64)>,
}

impl Serialize for Step {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.figures.len() + usize::from(self.date.is_some())))?;
        if let Some(date) = &self.date {
            map.serialize_entry("date", date)?;
        }
        for (name, number) in &self.figures {
            map.serialize_entry(name, number)?;
        }
        map.end()
    }
}

/// What an answer is asked to be.
struct Asked {
    filter: StatFilter,
    range: Range,
    clients: Clients,
}

impl Asked {
    fn read(query: &Query, now: i64) -> Result<Self> {
        let range = Range::read(query, now)?;
        let filter = StatFilter {
            domain: query.id("domain_id", "the id of a domain")?,
            tag: query.text("tag").map(str::to_owned),
            stream: query.read("stream_type", "transactional or broadcast", StreamType::parse)?,
            from: range.from,
            until: range.until,
        };
        let clients = query.word("filter", (Clients::ALL, Clients::as_str), Clients::parse)?.unwrap_or(Clients::All);
        Ok(Self { filter, range, clients })
    }
}

/// What was sent in a time and what came of it. `Accept: text/csv` gives it as CSV.
#[utoipa::path(get, path = "/api/stats/outbound", tag = "Statistics", responses((status = 200, body = OutboundReply)),
    params(
        ("fromdate" = Option<String>, Query, description = "From this date or time on (RFC 3339, to the hour); \
            30 days before todate when not given"),
        ("todate" = Option<String>, Query, description = "Until this date or time, which belongs to it; today when not \
            given"),
        ("domain_id" = Option<Uuid>, Query, description = "Only emails from this domain"),
        ("tag" = Option<String>, Query, description = "Only emails with this tag"),
        ("stream_type" = Option<StreamType>, Query, description = "Only emails of this stream"),
        ("filter" = inline(Option<Clients>), Query, description = "Whose opens and clicks; all when not given"),
        ("by" = inline(Option<By>), Query, description = "Adds a breakdown"),
    ))]
pub(crate) async fn overview(app: &App, customer: &Customer, head: &Head) -> Result<Reply> {
    let query = Query::parse(&head.query);
    let Asked { filter, clients, .. } = Asked::read(&query, app.now())?;
    let by = query.word("by", (By::ALL, By::as_str), By::parse)?;
    let totals = app.store.stat_totals(customer.id, filter.clone()).await?;
    let totals = OutboundCounts::of(&totals, clients);
    let breakdown = match by {
        Some(by) => Some(breakdown(app, customer, filter, clients, by).await?),
        None => None,
    };
    if wants_csv(&head.headers) {
        let rows = breakdown.unwrap_or_else(|| vec![serde_json::to_value(&totals).expect("counts serialize")]);
        return Ok(csv_reply(&rows));
    }
    Ok(Reply::ok(&OutboundReply { totals, breakdown }))
}

async fn breakdown(app: &App, customer: &Customer, filter: StatFilter, clients: Clients, by: By) -> Result<Vec<Json>> {
    let group = match by {
        By::Domain => StatGroup::Domain,
        By::Tag => StatGroup::Tag,
        By::Stream => StatGroup::Stream,
        By::BounceClass => {
            let classes = app.store.stat_details(customer.id, filter, DetailKind::BounceClass).await?;
            let row = |(class, bounced)| serde_json::json!({ "bounce_class": class, "bounced": bounced });
            return Ok(classes.into_iter().map(row).collect());
        }
        By::Client => return by_client(app, customer, filter).await,
    };
    let name = match by {
        By::Domain => "domain_id",
        By::Stream => "stream_type",
        By::Tag | By::BounceClass | By::Client => by.as_str(),
    };
    let groups = app.store.stat_groups(customer.id, filter, group).await?;
    let row = |(key, counts): (String, Counts)| {
        let mut row = Map::from_iter([(name.to_owned(), Json::from(key))]);
        if let Ok(Json::Object(counts)) = serde_json::to_value(OutboundCounts::of(&counts, clients)) {
            row.extend(counts);
        }
        Json::Object(row)
    };
    Ok(groups.into_iter().map(row).collect())
}

async fn by_client(app: &App, customer: &Customer, filter: StatFilter) -> Result<Vec<Json>> {
    let opens = app.store.stat_details(customer.id, filter.clone(), DetailKind::OpenClient).await?;
    let clicks = app.store.stat_details(customer.id, filter, DetailKind::ClickClient).await?;
    let mut rows: Vec<(String, i64, i64)> = opens.into_iter().map(|(client, opens)| (client, opens, 0)).collect();
    for (client, clicks) in clicks {
        match rows.iter_mut().find(|(known, ..)| *known == client) {
            Some(row) => row.2 = clicks,
            None => rows.push((client, 0, clicks)),
        }
    }
    let row = |(client, opens, clicks)| serde_json::json!({ "client": client, "opens": opens, "clicks": clicks });
    Ok(rows.into_iter().map(row).collect())
}

/// One thing that happened over time. `Accept: text/csv` gives the series as CSV.
#[utoipa::path(get, path = "/api/stats/outbound/{report}", tag = "Statistics",
    responses((status = 200, body = SeriesReply)),
    params(
        ("report" = inline(Report), Path),
        ("interval" = inline(Option<Interval>), Query, description = "Day when not given"),
        ("fromdate" = Option<String>, Query, description = "As for the overview"),
        ("todate" = Option<String>, Query, description = "As for the overview"),
        ("domain_id" = Option<Uuid>, Query, description = "As for the overview"),
        ("tag" = Option<String>, Query, description = "As for the overview"),
        ("stream_type" = Option<StreamType>, Query, description = "As for the overview"),
        ("filter" = inline(Option<Clients>), Query, description = "As for the overview"),
    ))]
pub(crate) async fn series(app: &App, customer: &Customer, report: &str, head: &Head) -> Result<Reply> {
    let report = Report::parse(report).ok_or(Error::NotFound("There is no such report"))?;
    let query = Query::parse(&head.query);
    let Asked { filter, range, clients } = Asked::read(&query, app.now())?;
    let interval = query.word("interval", (Interval::ALL, Interval::as_str), Interval::parse)?.unwrap_or(Interval::Day);
    let Some(mut buckets) = range.buckets(interval) else {
        let message = format!("That is more than {BUCKETS_MAX} intervals; ask for a shorter time or a longer interval");
        return Err(Error::invalid(message));
    };
    let mut totals = Counts::default();
    for (at, counts) in
        app.store.stat_series(customer.id, filter.clone(), interval == Interval::Hour, report.columns()).await?
    {
        totals.add(&counts);
        if let Some((_, bucket)) = buckets.range_mut(..=at).next_back() {
            bucket.add(&counts);
        }
    }
    let series: Vec<_> = buckets
        .iter()
        .map(|(starts_at, counts)| Step {
            date: Some(interval.date(*starts_at)),
            figures: figures(report, clients, counts),
        })
        .collect();
    if wants_csv(&head.headers) {
        return Ok(csv_of_steps(&series));
    }
    let (kind, is_of_clients) = match report {
        Report::Sends | Report::Spam => (None, false),
        Report::Bounces => (Some(DetailKind::BounceClass), false),
        Report::Opens => (Some(DetailKind::OpenClient), true),
        Report::Clicks => (Some(DetailKind::ClickClient), true),
    };
    let details = match kind {
        Some(kind) => Some(app.store.stat_details(customer.id, filter, kind).await?),
        None => None,
    };
    let details = details.map(|rows| rows.into_iter().map(|(word, total)| (word, total.into())).collect());
    let (classes, clients_by_rule) = if is_of_clients { (None, details) } else { (details, None) };
    let totals = Step { date: None, figures: figures(report, clients, &totals) };
    Ok(Reply::ok(&SeriesReply { interval, series, totals, classes, clients: clients_by_rule }))
}

/// What a report shows of counts, in the order of its columns.
fn figures(report: Report, clients: Clients, counts: &Counts) -> Vec<(&'static str, i64)> {
    let of = |counted| counts.of(counted);
    match report {
        Report::Sends => vec![
            ("sent", of(Counted::Sent)),
            ("delivered", of(Counted::Delivered)),
            ("bounced", bounced(counts)),
            ("failed", of(Counted::Failed)),
        ],
        Report::Bounces => vec![
            ("bounced", bounced(counts)),
            ("hard", of(Counted::BouncedHard)),
            ("soft", of(Counted::BouncedSoft)),
            ("untyped", of(Counted::BouncedUntyped)),
        ],
        Report::Opens => vec![
            ("opens", opens(counts, clients)),
            ("unique_opens", unique_opens(counts, clients)),
            ("human_opens", of(Counted::HumanOpens)),
            ("suspicious_opens", of(Counted::SuspiciousOpens)),
            ("scanner_opens", of(Counted::ScannerOpens)),
        ],
        Report::Clicks => vec![
            ("clicks", clicks(counts, clients)),
            ("unique_clicks", unique_clicks(counts, clients)),
            ("human_clicks", of(Counted::HumanClicks)),
            ("suspicious_clicks", of(Counted::SuspiciousClicks)),
            ("scanner_clicks", of(Counted::ScannerClicks)),
        ],
        Report::Spam => vec![("complained", of(Counted::Complained))],
    }
}

impl OutboundCounts {
    fn of(counts: &Counts, clients: Clients) -> Self {
        let (sent, delivered) = (counts.of(Counted::Sent), counts.of(Counted::Delivered));
        let (bounced, complained) = (bounced(counts), counts.of(Counted::Complained));
        let (unique_opens, unique_clicks) = (unique_opens(counts, clients), unique_clicks(counts, clients));
        Self {
            sent,
            delivered,
            bounced,
            failed: counts.of(Counted::Failed),
            opens: opens(counts, clients),
            unique_opens,
            clicks: clicks(counts, clients),
            unique_clicks,
            complained,
            unsubscribed: counts.of(Counted::Unsubscribed),
            human_opens: counts.of(Counted::HumanOpens),
            suspicious_opens: counts.of(Counted::SuspiciousOpens),
            scanner_opens: counts.of(Counted::ScannerOpens),
            human_clicks: counts.of(Counted::HumanClicks),
            suspicious_clicks: counts.of(Counted::SuspiciousClicks),
            scanner_clicks: counts.of(Counted::ScannerClicks),
            delivery_rate: percentage(delivered, sent),
            bounce_rate: percentage(bounced, sent),
            open_rate: percentage(unique_opens, delivered),
            click_rate: percentage(unique_clicks, delivered),
            complaint_rate: percentage(complained, delivered),
        }
    }
}

/// Copies that came back, however.
pub(crate) fn bounced(counts: &Counts) -> i64 {
    [Counted::BouncedHard, Counted::BouncedSoft, Counted::BouncedUntyped].map(|counted| counts.of(counted)).iter().sum()
}

fn opens(counts: &Counts, clients: Clients) -> i64 {
    let [human, suspicious, scanner] =
        [Counted::HumanOpens, Counted::SuspiciousOpens, Counted::ScannerOpens].map(|counted| counts.of(counted));
    match clients {
        Clients::All => human + suspicious + scanner,
        Clients::HumanOnly => human,
        Clients::ScannerOnly => scanner,
    }
}

fn unique_opens(counts: &Counts, clients: Clients) -> i64 {
    counts.of(match clients {
        Clients::All => Counted::UniqueOpens,
        Clients::HumanOnly => Counted::UniqueHumanOpens,
        Clients::ScannerOnly => Counted::UniqueScannerOpens,
    })
}

fn clicks(counts: &Counts, clients: Clients) -> i64 {
    let [human, suspicious, scanner] =
        [Counted::HumanClicks, Counted::SuspiciousClicks, Counted::ScannerClicks].map(|counted| counts.of(counted));
    match clients {
        Clients::All => human + suspicious + scanner,
        Clients::HumanOnly => human,
        Clients::ScannerOnly => scanner,
    }
}

fn unique_clicks(counts: &Counts, clients: Clients) -> i64 {
    counts.of(match clients {
        Clients::All => Counted::UniqueClicks,
        Clients::HumanOnly => Counted::UniqueHumanClicks,
        Clients::ScannerOnly => Counted::UniqueScannerClicks,
    })
}

fn wants_csv(headers: &HeaderMap) -> bool {
    export::is_wanted(headers, "text/csv")
}

fn csv_of_steps(steps: &[Step]) -> Reply {
    let mut text = String::new();
    if let Some(first) = steps.first() {
        text.push_str(&csv::line(std::iter::once("date").chain(first.figures.iter().map(|(name, _)| *name))));
    }
    for step in steps {
        let numbers: Vec<_> = step.figures.iter().map(|(_, number)| number.to_string()).collect();
        text.push_str(&csv::line(step.date.as_deref().into_iter().chain(numbers.iter().map(String::as_str))));
    }
    csv_text(text)
}

/// Rows of one kind, under the names of the first one's fields.
fn csv_reply(rows: &[Json]) -> Reply {
    let mut text = String::new();
    let names: Vec<&String> = rows.first().and_then(Json::as_object).into_iter().flat_map(Map::keys).collect();
    if !names.is_empty() {
        text.push_str(&csv::line(names.iter().map(|name| name.as_str())));
    }
    for row in rows {
        let cell = |name: &&String| match &row[name.as_str()] {
            Json::String(text) => text.clone(),
            other => other.to_string(),
        };
        let cells: Vec<_> = names.iter().map(cell).collect();
        text.push_str(&csv::line(cells.iter().map(String::as_str)));
    }
    csv_text(text)
}

fn csv_text(text: String) -> Reply {
    Reply::new(http::StatusCode::OK, "text/csv; charset=utf-8; header=present", text)
}
