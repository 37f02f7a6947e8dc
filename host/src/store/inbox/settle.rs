//! From what a normalizer read to events, once each, and to the state of the row.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use ring::digest::{Context, SHA256};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::super::clients;
use super::super::events::{Happening, Subject, record, subject, suppress_as_hard};
use super::super::fetches;
use super::super::hits::JournaledHit;
use super::super::sql::{Connection, SqlError, values};
use super::super::suppressions::is_unsubscribed;
use super::super::{Result, Store, StoreError};
use super::matching::{Match, matching};
use super::{Arrived, Counts, InboxState, NewArrival, Reading, ReportedEvent, Settled, UNMATCHED_MAX};
use crate::ids::Ids;
use crate::mail::client::rules::Rules;
use crate::mail::event::{BounceType, EventType};

/// Bytes of all bodies together that are kept though they changed nothing, counted when a large one comes.
const UNMATCHED_BYTES_MAX: i64 = 64 * 1024 * 1024;
/// From this size on a body is large. Smaller ones are bounded well enough by their number.
const LARGE_BODY_BYTES: usize = 16 * 1024;
/// Events of a row of which it is kept what each was matched to.
const MATCHES_MAX: usize = 1_000;

/// A repetition's key, and the key of its email, recipient and kind alone.
type Keys = (Vec<u8>, Vec<u8>);

impl Store {
    /// Gives a row its state and records its events, each at most once. `None` when it is no longer the caller's to
    /// settle: the lease ended and somebody else has it, or did it.
    ///
    /// A row that had its state keeps what it told before: an event that it told, however another plugin reads it now,
    /// is not told again.
    pub async fn settle(
        &self,
        arrived: Arrived,
        reading: Reading,
        rules: Arc<Rules>,
        now: i64,
        mut ids: Ids,
    ) -> Result<Option<Settled>> {
        self.write(move |connection| {
            if !is_ours(connection, &arrived)? {
                return Ok(None);
            }
            let settled = apply(connection, &arrived, &reading, &rules, now, &mut ids)?;
            bound(connection, &arrived.arrival, settled.state)?;
            Ok::<_, StoreError>(Some(settled))
        })
        .await
    }
}

fn is_ours(connection: &Connection, arrived: &Arrived) -> Result<bool, SqlError> {
    let id = arrived.arrival.id.to_string();
    let found = if arrived.state == InboxState::Received {
        let sql = "SELECT 1 FROM inbox WHERE id = ?1 AND state = 'received' AND due_at = ?2";
        connection.query_one(sql, values![id, arrived.leased_until], |row| row.integer(0))?
    } else {
        let sql = "SELECT 1 FROM inbox WHERE id = ?1 AND state <> 'received'";
        connection.query_one(sql, values![id], |row| row.integer(0))?
    };
    Ok(found.is_some())
}

fn apply(
    connection: &Connection,
    arrived: &Arrived,
    reading: &Reading,
    rules: &Rules,
    now: i64,
    ids: &mut Ids,
) -> Result<Settled, SqlError> {
    let arrival = &arrived.arrival;
    let found: Vec<_> =
        reading.events.iter().map(|event| matching(connection, arrival, event)).collect::<Result<_, _>>()?;
    let mut told = Told::of(connection, arrival.id)?;
    let told_before = told.exact.len();
    let keys = |(event, found): (&ReportedEvent, &Option<Match>)| {
        found.as_ref().filter(|found| !found.is_guess).map(|found| keys_of(found, event))
    };
    let keys: Vec<Option<Keys>> = reading.events.iter().zip(&found).map(keys).collect();
    keys.iter().flatten().for_each(|keys| told.withdraw(keys));
    let (mut counts, mut matches) = (Counts::default(), Vec::new());
    for ((event, found), keys) in reading.events.iter().zip(&found).zip(&keys) {
        let result = match (found, keys) {
            // It is no news, but this row's own.
            (Some(found), Some(keys)) if told.knows(keys) => {
                if event.bounce_type == Some(BounceType::Hard) {
                    harden(connection, found, event, now, ids)?;
                }
                counts.duplicates += 1;
                "accepted"
            }
            (Some(found), Some(keys)) => {
                if take(connection, arrival, (found, keys), event, rules, now, ids)? {
                    counts.accepted += 1;
                    "accepted"
                } else {
                    counts.duplicates += 1;
                    "duplicate"
                }
            }
            (found, _) => {
                counts.unmatched += 1;
                counts.guessed += usize::from(found.is_some());
                if found.is_some() { "guessed" } else { "unmatched" }
            }
        };
        if matches.len() < MATCHES_MAX {
            matches.push(match_view(event, found.as_ref(), result));
        }
    }
    let state = match &reading.failed {
        _ if counts.accepted > 0 || told_before > 0 => InboxState::Matched,
        Some((state, _)) => *state,
        None if counts.unmatched > 0 => InboxState::Unmatched,
        // Nothing but repetitions: whoever saw one notification must not fill the disk with copies of it.
        None => InboxState::Normalized,
    };
    close(connection, arrived, reading, (state, counts, told_before), &Json::from(matches), now)?;
    Ok(Settled { state, counts })
}

/// What a row told before.
struct Told {
    exact: HashSet<Vec<u8>>,
    /// How often it told something of a kind about a copy that this reading does not tell in the same words.
    otherwise: HashMap<Vec<u8>, usize>,
}

impl Told {
    fn of(connection: &Connection, row: Uuid) -> Result<Self, SqlError> {
        let sql = "SELECT dedupe_key, COALESCE(subject_key, x'') FROM reported_events WHERE inbox_id = ?1";
        let rows = connection.query(sql, values![row.to_string()], |row| Ok((row.blob(0)?, row.blob(1)?)))?;
        let mut otherwise = HashMap::new();
        for (_, subject_key) in &rows {
            *otherwise.entry(subject_key.clone()).or_default() += 1;
        }
        Ok(Self { exact: rows.into_iter().map(|(key, _)| key).collect(), otherwise })
    }

    /// An event that is told in the same words again.
    fn withdraw(&mut self, (key, subject_key): &Keys) {
        if self.exact.contains(key) {
            self.otherwise.entry(subject_key.clone()).and_modify(|count| *count = count.saturating_sub(1));
        }
    }

    /// Whether an event was told before, in the same words or in others.
    fn knows(&mut self, (key, subject_key): &Keys) -> bool {
        if self.exact.contains(key) {
            return true;
        }
        match self.otherwise.get_mut(subject_key) {
            Some(count) if *count > 0 => {
                *count -= 1;
                true
            }
            _ => false,
        }
    }
}

/// A bounce that was not hard when it was told is hard now, by a plugin that knows better.
fn harden(
    connection: &Connection,
    found: &Match,
    event: &ReportedEvent,
    now: i64,
    ids: &mut Ids,
) -> Result<(), SqlError> {
    match subject(connection, found.email_id, Some(&found.recipient))? {
        Some(subject) => suppress_as_hard(connection, &subject, event.reason.as_deref(), now, ids),
        None => Ok(()),
    }
}

/// Records an event. False when somebody told it before.
fn take(
    connection: &Connection,
    arrival: &NewArrival,
    (found, (key, subject_key)): (&Match, &Keys),
    event: &ReportedEvent,
    rules: &Rules,
    now: i64,
    ids: &mut Ids,
) -> Result<bool, SqlError> {
    // Read again, because an event before it may have moved the email.
    let Some(subject) = subject(connection, found.email_id, Some(&found.recipient))? else { return Ok(false) };
    let is_unsubscription = event.event_type == EventType::Unsubscribed;
    if is_unsubscription && is_unsubscribed(connection, subject.customer_id, &subject.recipient, subject.stream)? {
        return Ok(false);
    }
    let sql = "INSERT OR IGNORE INTO reported_events VALUES (?1, ?2, ?3, ?4)";
    let row = values![key.clone(), arrival.id.to_string(), subject_key.clone(), now];
    if connection.execute(sql, row)? == 0 {
        return Ok(false);
    }
    record_reported(connection, arrival, subject, event, rules, now, ids)?;
    Ok(true)
}

fn record_reported(
    connection: &Connection,
    arrival: &NewArrival,
    subject: Subject,
    event: &ReportedEvent,
    rules: &Rules,
    now: i64,
    ids: &mut Ids,
) -> Result<(), SqlError> {
    // What a sender claims about the future is not believed, nor what was before the email itself.
    let (came_at, sent_at) = (arrival.received_at, subject.submitted_at);
    let occurred_at = event.occurred_at.unwrap_or(came_at).max(sent_at).min(came_at.max(sent_at));
    let happening = |data: Json| Happening {
        event_type: event.event_type,
        bounce_type: event.bounce_type,
        reason: event.reason.as_deref(),
        occurred_at,
        data,
        now,
    };
    match event.event_type {
        // Who opened and clicked is judged as if it had been fetched from here.
        EventType::Opened | EventType::Clicked => {
            let (id, email_id, event_type) = (ids(), subject.email_id, event.event_type);
            let hit = JournaledHit { id, email_id, event_type, data: event.data.clone(), at: occurred_at };
            fetches::record_told(connection, rules, &subject, hit, now)
        }
        EventType::Unsubscribed => {
            let mut data = event.data.clone();
            data["client"] = clients::unsubscriber(rules, &data);
            record(connection, subject, [happening(data)], ids)
        }
        _ => record(connection, subject, [happening(event.data.clone())], ids),
    }
}

/// Tells repetitions apart: by the source's own id where it gives one, by the content otherwise.
fn keys_of(found: &Match, event: &ReportedEvent) -> Keys {
    let said = || {
        let url = event.data["url"].as_str().map(|url| format!(" {url}")).unwrap_or_default();
        format!("{:?} {}{url}", event.occurred_at, event.reason.as_deref().unwrap_or_default())
    };
    let content = event.provider_event_id.clone().unwrap_or_else(said);
    let bounce_type = event.bounce_type.map_or("", BounceType::as_str);
    let email = found.email_id.to_string();
    let about = [email.as_str(), &found.recipient, event.event_type.as_str()];
    (hash(&[about.as_slice(), &[bounce_type, &content]].concat()), hash(&about))
}

fn hash(parts: &[&str]) -> Vec<u8> {
    let mut hash = Context::new(&SHA256);
    for part in parts {
        hash.update(&(part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    hash.finish().as_ref().to_vec()
}

fn match_view(event: &ReportedEvent, found: Option<&Match>, result: &str) -> Json {
    json!({ "event": event.index, "result": result, "email_id": found.map(|found| found.email_id),
        "recipient": found.map(|found| found.recipient.as_str()), "by": found.map(|found| found.by) })
}

fn close(
    connection: &Connection,
    arrived: &Arrived,
    reading: &Reading,
    (state, counts, told_before): (InboxState, Counts, usize),
    matches: &Json,
    now: i64,
) -> Result<(), SqlError> {
    let replayed = arrived.state != InboxState::Received;
    let sql = "UPDATE inbox SET state = ?2, attempts = attempts + ?3, replays = replays + ?4, settled_at = ?5, \
               plugin = ?6, outcome = ?7, matches = ?8, error = ?9, accepted = ?10, duplicates = ?11, unmatched = ?12, \
               guessed = ?13 WHERE id = ?1";
    let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    let values = values![
        arrived.arrival.id.to_string(),
        state.as_str(),
        i64::from(!replayed),
        i64::from(replayed),
        now,
        reading.plugin.clone(),
        reading.outcome.as_str(),
        matches.to_string(),
        reading.failed.as_ref().map(|(_, why)| why.clone()),
        number(told_before + counts.accepted),
        number(counts.duplicates.saturating_sub(told_before)),
        number(counts.unmatched),
        number(counts.guessed),
    ];
    connection.execute(sql, values).map(drop)
}

/// Has the oldest rows that changed nothing make room.
fn bound(connection: &Connection, arrival: &NewArrival, state: InboxState) -> Result<(), SqlError> {
    if state == InboxState::Matched {
        return Ok(());
    }
    let sql = "DELETE FROM inbox WHERE id IN (SELECT id FROM inbox WHERE state NOT IN ('received', 'matched') \
               ORDER BY received_at DESC, id DESC LIMIT -1 OFFSET ?1)";
    connection.execute(sql, values![UNMATCHED_MAX])?;
    if arrival.body.len() >= LARGE_BODY_BYTES {
        let sql = "DELETE FROM inbox WHERE id IN (SELECT id FROM (SELECT id, SUM(body_bytes) OVER \
                   (ORDER BY received_at DESC, id DESC) AS bytes FROM inbox \
                   WHERE state NOT IN ('received', 'matched')) WHERE bytes > ?1)";
        connection.execute(sql, values![UNMATCHED_BYTES_MAX])?;
    }
    Ok(())
}
