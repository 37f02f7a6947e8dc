//! Who made the opens and clicks of an email, judged with what else is stored of it.
//!
//! A judgement rests on raw facts alone: those of the fetch itself, of what the same address fetched of the same email
//! around it, and the time of the delivery. It never rests on another judgement, so it comes out the same whenever it
//! is made again with the same rules.

use std::net::IpAddr;

use serde_json::Value as Json;
use uuid::Uuid;

use super::events::Hit;
use super::firsts::Firsts;
use super::sql::{Connection, SqlError, values};
use super::tally::{Account, Tally};
use crate::mail::client::rules::Rules;
use crate::mail::client::{Client, Delivery, Fetch, Kind, Neighbour, classify};
use crate::mail::event::EventType;

/// Events that are looked through on either side of a fetch, so that a flood of them costs no more than this.
pub(super) const AROUND_MAX: i64 = 128;
/// Fetches around a new one that are judged again, the nearest first.
const SETTLED_MAX: usize = 64;
/// Events of an email among which its first delivery is looked for. It is one of the first that happen.
pub(super) const FIRST_EVENTS_MAX: i64 = 256;

/// An open or click that is stored.
pub(super) struct Stored {
    pub(super) id: String,
    pub(super) event_type: EventType,
    pub(super) at: i64,
    pub(super) data: Json,
}

/// What is stored of an email around a moment.
pub(super) struct Scene<'a> {
    rules: &'a Rules,
    delivery: FirstDelivery,
    /// What the address fetched, in no order.
    fetches: Vec<Stored>,
}

#[derive(Clone, Copy)]
enum FirstDelivery {
    Unknown,
    NotYet,
    At(i64),
}

/// Has a hit recorded with the judgement in its data, and judges those around it again in its light: the first link
/// of a burst looks like a person's until the third one is followed.
pub(super) fn recorded(
    connection: &Connection,
    rules: &Rules,
    account: Account,
    hit: Hit,
    record: impl FnOnce(Json) -> Result<(), SqlError>,
) -> Result<(), SqlError> {
    let Hit { email_id, event_type, mut data, at } = hit;
    let Some(kind) = kind_of(event_type) else {
        // Whoever unsubscribes may do so at any time and as often as it likes.
        let fetch = Fetch { address: address_of(&data), ..Fetch::of(Kind::Click, data["user_agent"].as_str()) };
        data["client"] = json_of(&classify(rules, &fetch));
        return record(data);
    };
    let mut scene = Scene::around(connection, rules, email_id, kind, at, &data)?;
    let client = scene.judge(None, kind, at, &data);
    data["client"] = json_of(&client);
    record(data.clone())?;
    // A pixel says nothing about what else was fetched.
    if kind == Kind::Click && !scene.fetches.is_empty() {
        scene.fetches.push(Stored { id: String::new(), event_type, at, data });
        scene.settle(connection, account, email_id, at)?;
    }
    Ok(())
}

impl<'a> Scene<'a> {
    /// What matters for the judgement of a fetch at this time, and for the judgements of those that it matters for.
    pub(super) fn around(
        connection: &Connection,
        rules: &'a Rules,
        email: Uuid,
        kind: Kind,
        at: i64,
        data: &Json,
    ) -> Result<Self, SqlError> {
        let reach = rules.window_ms() * 2;
        let fetches = match data["ip"].as_str() {
            Some(address) if reach > 0 => fetches(connection, email, (kind, address), at, reach)?,
            _ => Vec::new(),
        };
        Ok(Self { rules, delivery: first_delivery(connection, email)?, fetches })
    }

    /// Judges a fetch, with all others that are stored as its neighbours.
    pub(super) fn judge(&self, id: Option<&str>, kind: Kind, at: i64, data: &Json) -> Client {
        let others = self.fetches.iter().filter(|other| id.is_none_or(|id| id != other.id));
        let around = others.map(|other| Neighbour {
            away_ms: other.at - at,
            link: link_of(&other.data),
            canary: is_canary(&other.data),
        });
        let around: Vec<_> = around.filter(|other| other.link.is_some() || other.canary).collect();
        let fetch = Fetch {
            kind,
            user_agent: data["user_agent"].as_str(),
            address: address_of(data),
            delivery: match self.delivery {
                FirstDelivery::Unknown => Delivery::Unknown,
                FirstDelivery::At(delivered_at) if delivered_at <= at => Delivery::Since(at - delivered_at),
                FirstDelivery::At(_) | FirstDelivery::NotYet => Delivery::Ahead,
            },
            head_before: data["head"] == true,
            link: link_of(data),
            canary: is_canary(data),
            around: &around,
        };
        classify(self.rules, &fetch)
    }

    /// Judges those around a new fetch again.
    fn settle(&self, connection: &Connection, account: Account, email: Uuid, at: i64) -> Result<(), SqlError> {
        let window = self.rules.window_ms();
        let mut near: Vec<_> = self.fetches.iter().filter(|fetch| !fetch.id.is_empty()).collect();
        near.retain(|fetch| (fetch.at - at).abs() <= window);
        near.sort_by_key(|fetch| (fetch.at - at).abs());
        let mut tally = Tally::default();
        for fetch in near.into_iter().take(SETTLED_MAX) {
            let Some(kind) = kind_of(fetch.event_type) else { continue };
            let client = json_of(&self.judge(Some(&fetch.id), kind, fetch.at, &fetch.data));
            if client != fetch.data["client"] {
                rewrite(connection, account, email, fetch, client, &mut tally)?;
            }
        }
        tally.write(connection)
    }
}

/// Puts another judgement beside the raw facts of an event, which stay as they are.
pub(super) fn rewrite(
    connection: &Connection,
    account: Account,
    email: Uuid,
    stored: &Stored,
    client: Json,
    tally: &mut Tally,
) -> Result<(), SqlError> {
    let before = Firsts::of(connection, email, stored.event_type)?;
    tally.event(account.scope, stored.at, stored.event_type, &stored.data, false, -1);
    let mut data = stored.data.clone();
    data["client"] = client;
    let sql = "UPDATE events SET event_data = ?2 WHERE id = ?1";
    connection.execute(sql, values![stored.id.as_str(), data.to_string()])?;
    tally.event(account.scope, stored.at, stored.event_type, &data, false, 1);
    let after = Firsts::of(connection, email, stored.event_type)?;
    before.counted(after, stored.event_type, account, connection, tally)
}

/// What was fetched; `None` for events that are no fetches.
pub(super) fn kind_of(event_type: EventType) -> Option<Kind> {
    match event_type {
        EventType::Opened => Some(Kind::Open),
        EventType::Clicked => Some(Kind::Click),
        _ => None,
    }
}

/// A judgement as events have it.
pub(super) fn json_of(client: &Client) -> Json {
    serde_json::to_value(client).expect("a judgement has text keys and serializes")
}

fn address_of(data: &Json) -> Option<IpAddr> {
    data["ip"].as_str()?.parse().ok()
}

fn link_of(data: &Json) -> Option<u32> {
    data["link"].as_u64().and_then(|link| u32::try_from(link).ok())
}

/// Whether it is a click on the link that no person sees.
pub(super) fn is_canary(data: &Json) -> bool {
    data["canary"] == true
}

/// What an address fetched of an email so many milliseconds before and after a moment, the nearest that there are.
fn fetches(
    connection: &Connection,
    email: Uuid,
    (kind, address): (Kind, &str),
    at: i64,
    reach: i64,
) -> Result<Vec<Stored>, SqlError> {
    let sql = "SELECT id, event_type, occurred_at, event_data FROM ( \
               SELECT * FROM (SELECT id, event_type, occurred_at, event_data FROM events WHERE email_id = ?1 \
               AND occurred_at BETWEEN ?2 AND ?3 ORDER BY occurred_at DESC, id DESC LIMIT ?5) UNION ALL \
               SELECT * FROM (SELECT id, event_type, occurred_at, event_data FROM events WHERE email_id = ?1 \
               AND occurred_at > ?3 AND occurred_at <= ?4 ORDER BY occurred_at, id LIMIT ?5)) \
               WHERE (event_type = 'clicked' OR event_type = ?7) AND json_extract(event_data, '$.ip') = ?6";
    // Other opens say nothing about an open, but a click may say something about them.
    let other = if kind == Kind::Click { EventType::Opened } else { EventType::Clicked };
    let values = values![email.to_string(), at - reach, at, at + reach, AROUND_MAX, address, other.as_str()];
    connection.query(sql, values, |row| {
        Ok(Stored {
            id: row.text(0)?,
            event_type: row.parsed(1, EventType::parse)?,
            at: row.integer(2)?,
            data: row.parsed(3, |text| serde_json::from_str(text).ok())?,
        })
    })
}

/// When a server first took a copy of the email.
fn first_delivery(connection: &Connection, email: Uuid) -> Result<FirstDelivery, SqlError> {
    let sql = "SELECT event_type, occurred_at FROM events WHERE email_id = ?1 ORDER BY occurred_at, id LIMIT ?2";
    // Most emails have it among their first three, so those are read first.
    for most in [3, FIRST_EVENTS_MAX] {
        let events = connection.query(sql, values![email.to_string(), most], |row| {
            Ok((row.text(0)? == EventType::Delivered.as_str(), row.integer(1)?))
        })?;
        if let Some((_, at)) = events.iter().find(|(is_delivery, _)| *is_delivery) {
            return Ok(FirstDelivery::At(*at));
        }
        if i64::try_from(events.len()).is_ok_and(|count| count < most) {
            return Ok(FirstDelivery::NotYet);
        }
    }
    Ok(FirstDelivery::Unknown)
}

#[cfg(test)]
mod tests;
