//! Who made the opens and clicks of an email, judged with what else is stored of it.
//!
//! A judgement rests on raw facts alone: those of the fetch itself, of what the same address fetched of the same email
//! around it, and the time of the delivery. It never rests on another judgement, so it comes out the same whenever it
//! is made again with the same rules.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde_json::Value as Json;
use uuid::Uuid;

use super::firsts::Firsts;
use super::sql::{Connection, Row, SqlError, values};
use super::tally::{Account, Tally};
use crate::mail::client::rules::Rules;
use crate::mail::client::{Client, Delivery, Fetch, Kind, Neighbour, classify};
use crate::mail::event::{EventType, mask_ip};
use crate::peers::network;

/// Events that are looked through on either side of a fetch, so that a flood of them costs no more than this.
pub(super) const AROUND_MAX: usize = 128;
/// Fetches around a new one that are judged again, the nearest first.
pub(super) const SETTLED_MAX: usize = 64;
/// Events of an email among which its first delivery is looked for. It is one of the first that happen.
pub(super) const FIRST_EVENTS_MAX: usize = 256;

/// The columns of a [`Stored`].
pub(super) const STORED: &str = "id, event_type, occurred_at, event_data";

/// An event of an email, as far as a judgement needs it.
#[derive(Clone, Debug)]
pub(super) struct Stored {
    pub(super) id: String,
    pub(super) event_type: EventType,
    /// In milliseconds.
    pub(super) at: i64,
    /// `null` for what is no fetch.
    pub(super) data: Json,
    /// Where a fetch came from.
    address: Option<IpAddr>,
}

impl Stored {
    pub(super) fn new(id: String, event_type: EventType, at: i64, data: Json) -> Self {
        let address = address_of(&data);
        Self { id, event_type, at, data, address }
    }

    /// From a row of [`STORED`], which begins at this column.
    pub(super) fn read(row: &Row, first: i32) -> Result<Self, SqlError> {
        let event_type = row.parsed(first + 1, EventType::parse)?;
        let data = match kind_of(event_type) {
            Some(_) => row.parsed(first + 3, |text| serde_json::from_str(text).ok())?,
            None => Json::Null,
        };
        Ok(Self::new(row.text(first)?, event_type, row.integer(first + 2)?, data))
    }

    /// Whether a level of privacy left out some of the facts that it would be judged by.
    fn is_redacted(&self) -> bool {
        !self.data["redacted"].is_null()
    }

    /// Whether both came from one place: whoever has an address of a network has its others too. Where only the wider
    /// network is kept of one of them, that decides.
    fn is_neighbour_of(&self, other: &Self) -> bool {
        let (Some(own), Some(theirs)) = (self.address, other.address) else { return false };
        if self.is_redacted() || other.is_redacted() {
            return mask_ip(&own.to_string()) == mask_ip(&theirs.to_string());
        }
        network(own) == network(theirs)
    }
}

/// When a server first took a copy of an email.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum FirstDelivery {
    Unknown,
    NotYet,
    At(i64),
}

/// What happened to an email around some fetches.
pub(super) struct Scene<'a> {
    rules: &'a Rules,
    delivery: FirstDelivery,
    /// By when they happened.
    events: Vec<Stored>,
}

impl<'a> Scene<'a> {
    /// Of events that have all that matters for whatever will be judged.
    pub(super) fn new(rules: &'a Rules, delivery: FirstDelivery, mut events: Vec<Stored>) -> Self {
        events.sort_by(|a, b| (a.at, &a.id).cmp(&(b.at, &b.id)));
        Self { rules, delivery, events }
    }

    /// Of what is stored around one event, to judge it. `None` for what is no fetch.
    pub(super) fn judge_stored(
        connection: &Connection,
        rules: &'a Rules,
        email: Uuid,
        own: &Stored,
    ) -> Result<Option<Client>, SqlError> {
        let mut events = stored_around(connection, email, &[own.at], rules.window_ms())?;
        // Of many at one time it may not be among the nearest.
        if events.iter().all(|event| event.id != own.id) {
            events.push(own.clone());
        }
        let scene = Self::new(rules, first_delivery(connection, email)?, events);
        let index = scene.events.iter().position(|event| event.id == own.id);
        Ok(index.and_then(|index| scene.judge(index)))
    }

    pub(super) fn events(&self) -> &[Stored] {
        &self.events
    }

    /// Judges a fetch, with all others as its neighbours. `None` for what is no fetch.
    pub(super) fn judge(&self, index: usize) -> Option<Client> {
        let Stored { event_type, at, data, .. } = &self.events[index];
        let clicks =
            self.near(index).map(|other| &self.events[other]).filter(|other| other.event_type == EventType::Clicked);
        let around: Vec<_> = clicks
            .map(|other| Neighbour {
                away_ms: other.at - at,
                link: link_of(&other.data),
                canary: is_canary(&other.data),
            })
            .collect();
        let fetch = Fetch {
            kind: kind_of(*event_type)?,
            user_agent: data["user_agent"].as_str(),
            address: address_of(data),
            delivery: match self.delivery {
                FirstDelivery::Unknown => Delivery::Unknown,
                FirstDelivery::At(delivered_at) if delivered_at <= *at => Delivery::Since(at - delivered_at),
                FirstDelivery::At(_) | FirstDelivery::NotYet => Delivery::Ahead,
            },
            head_before: data["head"] == true,
            link: link_of(data),
            canary: is_canary(data),
            around: &around,
        };
        Some(classify(self.rules, &fetch))
    }

    /// The fetches that are to be judged again in the light of this one, the first link of a burst as soon as the third
    /// is followed. A pixel says nothing about what else was fetched, and what is not known whole is left as it is.
    pub(super) fn settled_by(&self, index: usize) -> Vec<usize> {
        let own = &self.events[index];
        if own.event_type != EventType::Clicked {
            return Vec::new();
        }
        let mut near: Vec<_> = self.near(index).filter(|other| !self.events[*other].is_redacted()).collect();
        near.sort_by_key(|other| (self.events[*other].at - own.at).abs());
        near.truncate(SETTLED_MAX);
        near
    }

    /// The fetches from the same network within reach, among so many events on either side.
    fn near(&self, index: usize) -> impl Iterator<Item = usize> {
        let (own, window) = (&self.events[index], self.rules.window_ms());
        let reach = if window > 0 && own.address.is_some() { AROUND_MAX } else { 0 };
        let later = self.events.partition_point(|other| other.at <= own.at);
        let before = (0..later).rev().filter(move |other| *other != index).take(reach);
        let after = (later..self.events.len()).take(reach);
        let before = before.take_while(move |other| own.at - self.events[*other].at <= window);
        let after = after.take_while(move |other| self.events[*other].at - own.at <= window);
        before.chain(after).filter(|other| self.events[*other].is_neighbour_of(own))
    }
}

/// What is stored of an email within `reach` milliseconds around these moments, which are in order: what stands between
/// them, and the nearest events before and after.
pub(super) fn stored_around(
    connection: &Connection,
    email: Uuid,
    moments: &[i64],
    reach: i64,
) -> Result<Vec<Stored>, SqlError> {
    let mut found = BTreeMap::new();
    add_stored_around(connection, email, moments, reach, &mut found)?;
    Ok(found.into_values().collect())
}

fn add_stored_around(
    connection: &Connection,
    email: Uuid,
    moments: &[i64],
    reach: i64,
    found: &mut BTreeMap<String, Stored>,
) -> Result<(), SqlError> {
    let (Some(first), Some(last)) = (moments.first(), moments.last()) else { return Ok(()) };
    let limit = |rows: usize| i64::try_from(rows).unwrap_or(i64::MAX);
    let read = |row: &Row| Stored::read(row, 0);
    let sql = format!(
        "SELECT {STORED} FROM events WHERE email_id = ?1 AND occurred_at > ?2 AND occurred_at <= ?3 \
                       ORDER BY occurred_at, id LIMIT ?4"
    );
    // What one moment needs, for each of them. Where more stands between them, they are looked at apart.
    let between_max = 2 * AROUND_MAX * moments.len();
    let between = if first == last {
        Vec::new()
    } else {
        connection.query(&sql, values![email.to_string(), *first, *last, limit(between_max)], read)?
    };
    if between.len() == between_max {
        let (earlier, later) = moments.split_at(moments.len() / 2);
        add_stored_around(connection, email, earlier, reach, found)?;
        return add_stored_around(connection, email, later, reach, found);
    }
    let after = connection.query(&sql, values![email.to_string(), *last, last + reach, limit(AROUND_MAX)], read)?;
    // One more, since one of these may be what is to be judged.
    let sql = format!(
        "SELECT {STORED} FROM events WHERE email_id = ?1 AND occurred_at BETWEEN ?2 AND ?3 \
                       ORDER BY occurred_at DESC, id DESC LIMIT ?4"
    );
    let before =
        connection.query(&sql, values![email.to_string(), first - reach, *first, limit(AROUND_MAX + 1)], read)?;
    found.extend([before, between, after].into_iter().flatten().map(|event| (event.id.clone(), event)));
    Ok(())
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
    put_judgement(connection, account.scope, stored, client, tally)?;
    let after = Firsts::of(connection, email, stored.event_type)?;
    before.counted(after, stored.event_type, account, connection, tally)
}

/// The same without what an email's first open or click counts.
pub(super) fn put_judgement(
    connection: &Connection,
    scope: i64,
    stored: &Stored,
    client: Json,
    tally: &mut Tally,
) -> Result<(), SqlError> {
    tally.event(scope, stored.at, stored.event_type, &stored.data, false, -1);
    let mut data = stored.data.clone();
    data["client"] = client;
    let sql = "UPDATE events SET event_data = ?2 WHERE id = ?1";
    connection.execute(sql, values![stored.id.as_str(), data.to_string()])?;
    tally.event(scope, stored.at, stored.event_type, &data, false, 1);
    Ok(())
}

/// Who unsubscribed, as events have it. That may be done at any time and as often as one likes.
pub(super) fn unsubscriber(rules: &Rules, data: &Json) -> Json {
    let fetch = Fetch { address: address_of(data), ..Fetch::of(Kind::Click, data["user_agent"].as_str()) };
    json_of(&classify(rules, &fetch))
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

/// When a server first took a copy of the email.
pub(super) fn first_delivery(connection: &Connection, email: Uuid) -> Result<FirstDelivery, SqlError> {
    let sql = "SELECT event_type, occurred_at FROM events WHERE email_id = ?1 ORDER BY occurred_at, id LIMIT ?2";
    // Most emails have it among their first three, so those are read first.
    for most in [3, FIRST_EVENTS_MAX] {
        let events =
            connection.query(sql, values![email.to_string(), i64::try_from(most).unwrap_or(i64::MAX)], |row| {
                Ok((row.text(0)? == EventType::Delivered.as_str(), row.integer(1)?))
            })?;
        if let Some((_, at)) = events.iter().find(|(is_delivery, _)| *is_delivery) {
            return Ok(FirstDelivery::At(*at));
        }
        if events.len() < most {
            return Ok(FirstDelivery::NotYet);
        }
    }
    Ok(FirstDelivery::Unknown)
}

#[cfg(test)]
mod tests;
