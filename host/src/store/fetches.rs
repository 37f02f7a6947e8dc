//! The opens and clicks of one email, recorded together: what is stored of it is read once for all of them, and each is
//! judged once, in the light of all.

use std::collections::{BTreeSet, HashMap, HashSet};

use serde_json::Value as Json;
use uuid::Uuid;

use super::clients::{
    FirstDelivery, STORED, Scene, Stored, first_delivery, is_canary, json_of, put_judgement, stored_around,
};
use super::events::{NewEvent, Subject, insert_event};
use super::firsts::Firsts;
use super::hits::JournaledHit;
use super::sql::{Connection, SqlError, values};
use super::tally::{Tally, class_of};
use super::usage::{self, Counter};
use crate::mail::client::Class;
use crate::mail::client::rules::Rules;
use crate::mail::event::EventType;

/// Events up to which all that is stored of an email is read at once. Few emails have more.
const STORY_MAX: usize = 64;

/// The events that are fetches.
const FETCHES: [EventType; 2] = [EventType::Opened, EventType::Clicked];

/// What fetches count beside the statistics: for each customer, counter and month a moment of it, and by how much.
pub(super) type Months = HashMap<(Uuid, Counter, String), (i64, i64)>;

/// What is stored of an email.
struct Story<'a> {
    connection: &'a Connection,
    subject: &'a Subject,
    /// All of it, unless that is much. Then it is asked for what is needed.
    whole: Option<Vec<Stored>>,
}

impl<'a> Story<'a> {
    fn read(connection: &'a Connection, subject: &'a Subject) -> Result<Self, SqlError> {
        let sql = format!("SELECT {STORED} FROM events WHERE email_id = ?1 ORDER BY occurred_at, id LIMIT ?2");
        let limit = i64::try_from(STORY_MAX + 1).unwrap_or(i64::MAX);
        let values = values![subject.email_id.to_string(), limit];
        let events = connection.query(&sql, values, |row| Stored::read(row, 0))?;
        Ok(Self { connection, subject, whole: (events.len() <= STORY_MAX).then_some(events) })
    }

    fn has(&self, id: Uuid) -> Result<bool, SqlError> {
        let id = id.to_string();
        if let Some(events) = &self.whole {
            return Ok(events.iter().any(|event| event.id == id));
        }
        let sql = "SELECT 1 FROM events WHERE id = ?1";
        Ok(self.connection.query_one(sql, values![id], |row| row.integer(0))?.is_some())
    }

    fn delivery(&self) -> Result<FirstDelivery, SqlError> {
        let Some(events) = &self.whole else { return first_delivery(self.connection, self.subject.email_id) };
        let delivery = events.iter().find(|event| event.event_type == EventType::Delivered);
        Ok(delivery.map_or(FirstDelivery::NotYet, |event| FirstDelivery::At(event.at)))
    }

    fn firsts(&self, event_type: EventType) -> Result<Firsts, SqlError> {
        let Some(events) = &self.whole else { return Firsts::of(self.connection, self.subject.email_id, event_type) };
        let counting = events.iter().filter(|event| event.event_type == event_type && !is_canary(&event.data));
        Ok(counting.fold(Firsts::default(), |firsts, event| firsts.with(class_of(&event.data), event.at)))
    }

    /// What matters for the judgement of fetches at these moments, which are in order, and of those around them.
    fn around(self, moments: &[i64], reach: i64) -> Result<Vec<Stored>, SqlError> {
        match self.whole {
            Some(events) => Ok(events),
            None => stored_around(self.connection, self.subject.email_id, moments, reach),
        }
    }
}

/// Records a fetch that another service tells of, now.
pub(super) fn record_told(
    connection: &Connection,
    rules: &Rules,
    subject: &Subject,
    hit: JournaledHit,
    now: i64,
) -> Result<(), SqlError> {
    let (mut tally, mut months) = (Tally::default(), Months::default());
    record(connection, rules, subject, vec![hit], Some(now), (&mut tally, &mut months))?;
    write_months(connection, months)?;
    tally.write(connection)
}

/// Counts what fetches count by the month.
pub(super) fn write_months(connection: &Connection, months: Months) -> Result<(), SqlError> {
    for ((customer, counter, _), (at, by)) in months {
        usage::count(connection, customer, counter, by, at)?;
    }
    Ok(())
}

/// Records those that are not here yet, with the judgements in their data, judges those around them again, and says how
/// many were new. Without `now` each was recorded when it happened.
pub(super) fn record(
    connection: &Connection,
    rules: &Rules,
    subject: &Subject,
    fetches: Vec<JournaledHit>,
    now: Option<i64>,
    (tally, months): (&mut Tally, &mut Months),
) -> Result<u64, SqlError> {
    let story = Story::read(connection, subject)?;
    let mut new = HashSet::new();
    let (mut events, mut moments) = (Vec::new(), Vec::new());
    for JournaledHit { id, event_type, at, data, .. } in fetches {
        if !story.has(id)? && new.insert(id.to_string()) {
            moments.push(at);
            events.push(Stored::new(id.to_string(), event_type, at, data));
        }
    }
    if new.is_empty() {
        return Ok(0);
    }
    moments.sort_unstable();
    let (mut unseen, mut firsts) = (Vec::new(), Vec::new());
    for event_type in FETCHES {
        let before = story.firsts(event_type)?;
        firsts.push((event_type, before));
        if before.any.is_none() {
            unseen.push(event_type);
        }
    }
    let delivery = story.delivery()?;
    // Those that are judged again have neighbours of their own.
    events.extend(story.around(&moments, 2 * rules.window_ms())?);
    let mut work = Work { connection, subject, scene: Scene::new(rules, delivery, events), new, now, tally, months };
    let revised = work.judge_again()?;
    let added = work.add(unseen)?;
    for (event_type, before) in firsts {
        // What another judgement made of those that are stored is best asked for.
        let after = if revised.contains(&event_type) {
            Firsts::of(connection, subject.email_id, event_type)?
        } else {
            let added = added.iter().filter(|(added, ..)| *added == event_type);
            added.fold(before, |firsts, (_, class, at)| firsts.with(*class, *at))
        };
        before.counted(after, event_type, subject.account(), connection, work.tally)?;
    }
    Ok(u64::try_from(work.new.len()).unwrap_or(u64::MAX))
}

/// A recording under way.
struct Work<'a> {
    connection: &'a Connection,
    subject: &'a Subject,
    scene: Scene<'a>,
    /// The ids of those in the scene that are not stored.
    new: HashSet<String>,
    now: Option<i64>,
    tally: &'a mut Tally,
    months: &'a mut Months,
}

impl Work<'_> {
    /// Judges what is stored around new fetches again, and says of which types some are judged otherwise now.
    fn judge_again(&mut self) -> Result<HashSet<EventType>, SqlError> {
        let mut again = BTreeSet::new();
        for (index, event) in self.scene.events().iter().enumerate() {
            if self.new.contains(&event.id) {
                let settled = self.scene.settled_by(index).into_iter();
                again.extend(settled.filter(|other| !self.new.contains(&self.scene.events()[*other].id)));
            }
        }
        let mut revised = HashSet::new();
        for index in again {
            let (event, Some(client)) = (&self.scene.events()[index], self.scene.judge(index)) else { continue };
            let client = json_of(&client);
            if event.data["client"] != client {
                put_judgement(self.connection, self.subject.account().scope, event, client, self.tally)?;
                revised.insert(event.event_type);
            }
        }
        Ok(revised)
    }

    /// Stores the new ones, and gives what counts as a first one among them: its type, its class and its time.
    fn add(&mut self, mut unseen: Vec<EventType>) -> Result<Vec<(EventType, Class, i64)>, SqlError> {
        let mut added = Vec::new();
        for (index, event) in self.scene.events().iter().enumerate() {
            let Stored { event_type, at, .. } = *event;
            if !self.new.contains(&event.id) {
                continue;
            }
            let Some(client) = self.scene.judge(index) else { continue };
            let mut data = event.data.clone();
            data["client"] = json_of(&client);
            // The canary is no link of the email's author.
            if !is_canary(&data) {
                added.push((event_type, client.class, at));
                if let Some(place) = unseen.iter().position(|unseen| *unseen == event_type) {
                    unseen.remove(place);
                    count_email(self.months, self.subject.customer_id, event_type, at);
                }
            }
            self.tally.event(self.subject.account().scope, at, event_type, &data, false, 1);
            self.insert(&event.id, event_type, at, data)?;
        }
        Ok(added)
    }

    /// A fetch moves no status.
    fn insert(&self, id: &str, event_type: EventType, at: i64, data: Json) -> Result<(), SqlError> {
        let Subject { email_id, customer_id, status, privacy, .. } = *self.subject;
        let (recipient, sender) = (self.subject.recipient.as_str(), self.subject.sender.as_str());
        let event = NewEvent {
            email_id,
            customer_id,
            event_type,
            status,
            recipient,
            sender,
            occurred_at: at,
            data,
            now: self.now.unwrap_or(at),
            privacy,
        };
        insert_event(self.connection, id, &event)
    }
}

/// An email counts once in the month in which it was first opened or clicked.
fn count_email(months: &mut Months, customer: Uuid, event_type: EventType, at: i64) {
    if let Some(counter) = Counter::of(event_type) {
        months.entry((customer, counter, usage::month(at))).or_insert((at, 0)).1 += 1;
    }
}
