//! Whatever comes in by a webhook or comes back as mail: on disk first, then read, matched and recorded.
//!
//! [`accept`] keeps what came and answers once that is done, or once it was read where the caller waits for that. A
//! worker reads what nobody waits for, what could not be read at once, and what a process left behind that died.

pub(crate) mod desk;
mod reading;
mod replay;
pub mod retention;
mod worker;

pub(crate) use reading::outcome_json;
pub use worker::{read_due, run};

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use bytes::Bytes;
use ring::digest::{Context, SHA256};
use serde_json::json;
use tokio::sync::Notify;
use tokio::time::timeout;
use uuid::Uuid;

use self::reading::{events, refusal, unparsed};
use crate::app::App;
use crate::plugins::error::{Fault, PluginError};
use crate::plugins::{World, normalizer};
use crate::store::{
    Arrived, InboxCounts, InboxState, InboxTotal, NewArrival, Reading, Received, StoreError, WaitingBounds,
};

/// How long an answer waits until what came is read. Most is read within a few milliseconds.
const ANSWER_WAIT: Duration = Duration::from_secs(2);
/// How long whoever brought a row may read it, in milliseconds: longer than [`ANSWER_WAIT`] and writing what came of it.
/// When the caller hangs up meanwhile, the worker has the row after that.
const CALLERS_LEASE_MS: i64 = 10_000;
/// How much may wait to be read. One more is refused, and its sender tries again.
const WAITING: WaitingBounds = WaitingBounds { rows_max: 10_000, bytes_max: 256 * 1024 * 1024 };
/// How often a normalizer that is busy, or rests, is asked about a row: for about an hour.
const ATTEMPTS_MAX: i64 = 20;
/// The first pause before it is asked again, in milliseconds. Each further one is twice as long.
const PAUSE_MS_MIN: i64 = 1_000;
/// The longest pause, in milliseconds.
const PAUSE_MS_MAX: i64 = 5 * 60 * 1_000;

/// What the requests and the worker of one process tell each other.
#[derive(Default)]
pub(crate) struct Inbox {
    /// Rung when a row is due.
    due: Notify,
    /// How much there was in each state a moment ago.
    totals: ArcSwap<Vec<InboxTotal>>,
}

impl Inbox {
    /// How much there was in each state when somebody looked last.
    pub(crate) fn totals(&self) -> Arc<Vec<InboxTotal>> {
        self.totals.load_full()
    }
}

/// Something that came in.
#[derive(Clone, Debug)]
pub struct Arrival {
    /// `bounce`, `complaint`, or the name of a source.
    pub source: String,
    /// The part of a source's address that nobody guesses; `None` for the public routes and for mail.
    pub source_id: Option<String>,
    /// The one provider that the source is for; `None` lets the normalizer find out.
    pub provider: Option<String>,
    /// The source's own key of this request, which is the same when it is sent again.
    pub source_key: Option<String>,
    /// The only customer whose emails it may be about; `None` for all.
    pub customer: Option<Uuid>,
    /// Whether the source proved who it is.
    pub verified: bool,
    /// Further attributes for the normalizer.
    pub settings: Vec<(String, String)>,
    /// The Content-Type header as received.
    pub content_type: String,
    /// The headers that the normalizer is shown, names in lower case. Never credentials.
    pub headers: Vec<(String, String)>,
    /// As received. Whoever read it bounded it.
    pub body: Bytes,
    /// Whether the caller waits until it is read.
    pub patience: Patience,
    /// The id that an edge node gave it, by which it is known when it comes again, and when that node received it, in
    /// milliseconds. `None` for what came here.
    pub by_node: Option<(Uuid, i64)>,
}

/// What a caller waits for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Patience {
    /// Until it is on disk.
    Kept,
    /// Until it is read, for a while.
    Read,
    /// The same, and what is wrong with it is told to the caller and not kept: for our own JSON.
    Told,
}

/// What became of something that came in.
#[derive(Clone, Debug, PartialEq)]
pub enum Accepted {
    /// It was read, or it came before.
    Read {
        /// The word under which it is kept.
        state: InboxState,
        /// In events.
        counts: InboxCounts,
        /// Why it could not be read.
        failed: Option<String>,
    },
    /// It is our own JSON and wrong. It is not kept.
    Invalid {
        /// JSON pointer to the place.
        pointer: String,
        /// A sentence.
        message: String,
    },
    /// It is on disk, and read in a moment.
    Queued,
    /// Too much waits. It is not kept.
    Full,
}

/// What a normalizer said about a row.
enum Answer {
    /// Something to keep.
    Reading(Reading),
    /// Our own JSON, and wrong.
    Invalid(normalizer::Problem),
    /// Nothing yet.
    NotNow(String),
}

/// What came of reading a row.
enum Outcome {
    Settled {
        state: InboxState,
        counts: InboxCounts,
        failed: Option<String>,
    },
    Invalid(normalizer::Problem),
    /// It is read later, or somebody else has it.
    Later,
}

/// Keeps what came in, on disk, and reads it where the caller waits for that.
pub async fn accept(app: &App, arrival: Arrival) -> Result<Accepted, StoreError> {
    let now = app.now();
    let patience = arrival.patience;
    let lease = if patience == Patience::Kept { now } else { now + CALLERS_LEASE_MS };
    let (id, received_at) = arrival.by_node.unwrap_or_else(|| (app.ids(now)(), now));
    let new = new_arrival(arrival, id, received_at);
    let source = new.source.clone();
    // What is wrong with our own JSON is told each time, however often it comes.
    let received = app.store.receive(new, patience != Patience::Told, WAITING, lease).await?;
    let arrived = match received {
        Received::Kept(arrived) => arrived,
        Received::Known(counts) => {
            tracing::info!(source, duplicates = counts.duplicates, "a notification came again");
            return Ok(Accepted::Read { state: InboxState::Matched, counts, failed: None });
        }
        Received::Waits => return Ok(Accepted::Queued),
        Received::Full => {
            tracing::warn!(source, "a notification was refused: too much waits to be read");
            return Ok(Accepted::Full);
        }
    };
    if patience == Patience::Kept {
        app.inbox.due.notify_one();
        return Ok(Accepted::Queued);
    }
    match timeout(ANSWER_WAIT, read(app, *arrived, patience)).await {
        Ok(Ok(Outcome::Settled { state, counts, failed })) => Ok(Accepted::Read { state, counts, failed }),
        Ok(Ok(Outcome::Invalid(problem))) => {
            Ok(Accepted::Invalid { pointer: problem.pointer, message: problem.message })
        }
        Ok(Ok(Outcome::Later)) => Ok(Accepted::Queued),
        // It is kept, so the caller need not hear of what the worker puts right.
        Ok(Err(error)) => {
            tracing::error!(%error, notification = %id, "a notification is kept and could not be settled yet");
            app.inbox.due.notify_one();
            Ok(Accepted::Queued)
        }
        Err(_) => {
            let due_at = app.now();
            if let Err(error) = app.store.put_back(id, lease, due_at, "reading it took too long".into()).await {
                tracing::error!(%error, notification = %id, "a notification waits for the end of its lease");
            }
            app.inbox.due.notify_one();
            Ok(Accepted::Queued)
        }
    }
}

fn new_arrival(arrival: Arrival, id: Uuid, received_at: i64) -> NewArrival {
    let content_hash = content_hash(&arrival);
    let Arrival { source, source_id, provider, source_key, customer, verified, settings, .. } = arrival;
    NewArrival {
        id,
        source,
        source_id,
        provider,
        customer,
        verified,
        settings,
        content_type: arrival.content_type,
        headers: arrival.headers,
        source_key,
        content_hash,
        body: arrival.body.to_vec(),
        received_at,
    }
}

/// What tells one request from another: where it came from, what it says, and where a mail arrived.
fn content_hash(arrival: &Arrival) -> [u8; 32] {
    let mut hash = Context::new(&SHA256);
    let mut add = |part: &[u8]| {
        hash.update(&(part.len() as u64).to_be_bytes());
        hash.update(part);
    };
    add(arrival.source.as_bytes());
    add(arrival.source_id.as_deref().unwrap_or_default().as_bytes());
    add(arrival.content_type.as_bytes());
    add(&arrival.body);
    for (name, value) in arrival.headers.iter().filter(|(name, _)| reading::ENVELOPE_RECIPIENT.contains(&name.as_str()))
    {
        add(name.as_bytes());
        add(value.as_bytes());
    }
    hash.finish().as_ref().try_into().expect("SHA-256 has 32 bytes")
}

/// Has a leased row read and settled.
async fn read(app: &App, arrived: Arrived, patience: Patience) -> Result<Outcome, StoreError> {
    let (id, leased_until) = (arrived.arrival.id, arrived.leased_until);
    let reading = match ask(app, &arrived).await {
        Answer::Reading(reading) => reading,
        Answer::Invalid(problem) if patience == Patience::Told => {
            app.store.discard(id, leased_until).await?;
            return Ok(Outcome::Invalid(problem));
        }
        Answer::Invalid(problem) => unparsed(&problem, None),
        Answer::NotNow(why) if arrived.attempts + 1 < ATTEMPTS_MAX => {
            let due_at = app.now() + pause_ms(arrived.attempts);
            tracing::warn!(why, notification = %id, attempts = arrived.attempts + 1, "a notification is read later");
            app.store.put_back(id, leased_until, due_at, why).await?;
            app.inbox.due.notify_one();
            return Ok(Outcome::Later);
        }
        Answer::NotNow(why) => refusal(json!({ "error": why }).to_string(), why, None),
    };
    settle(app, arrived, reading).await
}

/// Writes down what came of a row.
async fn settle(app: &App, arrived: Arrived, reading: Reading) -> Result<Outcome, StoreError> {
    let now = app.now();
    let (id, source) = (arrived.arrival.id, arrived.arrival.source.clone());
    let is_new = arrived.state == InboxState::Received;
    let failed = reading.failed.as_ref().map(|(_, why)| why.clone());
    let settled = app.store.settle(arrived, reading, app.client_rules.now(), now, app.ids(now)).await?;
    let Some(settled) = settled else { return Ok(Outcome::Later) };
    let (state, counts) = (settled.state, settled.counts);
    if is_new {
        app.meters.count_notification(state);
    }
    if let (InboxState::Refused, Some(why)) = (state, &failed) {
        tracing::error!(why, notification = %id, source, "a notification is kept unread");
    }
    tracing::info!(notification = %id, source, state = state.as_str(), accepted = counts.accepted,
        duplicates = counts.duplicates, unmatched = counts.unmatched, guessed = counts.guessed, "notification read");
    Ok(Outcome::Settled { state, counts, failed })
}

/// How long a row that could not be read waits, in milliseconds.
fn pause_ms(attempts: i64) -> i64 {
    let doublings = u32::try_from(attempts.clamp(0, 30)).unwrap_or(0);
    PAUSE_MS_MIN.saturating_mul(1 << doublings).min(PAUSE_MS_MAX)
}

/// What a normalizer is told about a row besides its content.
pub(crate) fn attributes(
    source: &str,
    is_source: bool,
    provider: Option<&str>,
    settings: &[(String, String)],
) -> Vec<(String, String)> {
    let endpoint = if is_source { "in" } else { source };
    let first = std::iter::once(("endpoint".to_owned(), endpoint.to_owned()));
    let provider = provider.map(|provider| ("provider".to_owned(), provider.to_owned()));
    first.chain(provider).chain(settings.iter().cloned()).collect()
}

/// Has the normalizers read a row.
async fn ask(app: &App, arrived: &Arrived) -> Answer {
    let arrival = &arrived.arrival;
    let is_source = arrival.source_id.is_some();
    let request = normalizer::Request {
        content_type: arrival.content_type.clone(),
        headers: arrival.headers.clone(),
        body: arrival.body.clone(),
        received_at: u64::try_from(arrival.received_at).unwrap_or(0),
        attributes: attributes(&arrival.source, is_source, arrival.provider.as_deref(), &arrival.settings),
    };
    let Some(read) = app.plugins.read(request).await else {
        return Answer::NotNow(PluginError::NoneActive(World::Normalizer).to_string());
    };
    let plugin = read.plugin.as_ref().map(|plugin| plugin.id.to_string());
    match read.call.result {
        Ok(Ok(outcome)) => {
            let events = events(app, &outcome, arrival);
            let outcome = outcome_json(&outcome).to_string();
            Answer::Reading(Reading { plugin, outcome, events, failed: None })
        }
        Ok(Err(problem)) if problem.code == "invalid" => Answer::Invalid(problem),
        Ok(Err(problem)) => Answer::Reading(unparsed(&problem, plugin)),
        Err(error) if may_pass(&error) => Answer::NotNow(error.to_string()),
        Err(error) => {
            let why = error.to_string();
            Answer::Reading(refusal(json!({ "error": why }).to_string(), why, plugin))
        }
    }
}

/// Whether the same call may come to something else in a while.
fn may_pass(error: &PluginError) -> bool {
    match error {
        PluginError::Failed { fault, .. } => {
            matches!(fault, Fault::Busy | Fault::Resting { .. } | Fault::OutOfTime { .. })
        }
        PluginError::NoneActive(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_their_bound_and_end_after_about_an_hour() {
        assert_eq!([0, 1, 8, 9, 99].map(pause_ms), [1_000, 2_000, 256_000, PAUSE_MS_MAX, PAUSE_MS_MAX]);
        let all: i64 = (0..ATTEMPTS_MAX - 1).map(pause_ms).sum();
        assert_eq!(all / 60_000, 58);
    }

    #[test]
    fn a_normalizer_hears_which_way_something_came() {
        let text = |pairs: &[(String, String)]| {
            pairs.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(text(&attributes("bounce", false, None, &[])), "endpoint=bounce");
        let settings = [("region".to_owned(), "eu".to_owned())];
        let told = attributes("acme-ses", true, Some("ses"), &settings);
        assert_eq!(text(&told), "endpoint=in provider=ses region=eu");
    }
}
