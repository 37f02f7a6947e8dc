//! Which destination is next: what is due where, how much is under way, and who is left alone for a while.
//!
//! There is one entry for a destination however long its queue is. Those that can be worked on stand in the order of
//! their time, so that neither many destinations nor a slow one cost the others anything.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// The first rest of a destination that could not be reached, in milliseconds. Each further failure doubles it.
const REST_MS_MIN: i64 = 1_000;
/// The longest rest, in milliseconds.
const REST_MS_MAX: i64 = 5 * 60 * 1_000;
/// Copies that a destination with a rate may be sent at once after it had none for a while, in milliseconds of its rate.
const BURST_MS: i64 = 1_000;

/// How much may be under way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// Attempts in all.
    pub(super) attempts_max: usize,
    /// Attempts for one destination.
    pub(super) destination_attempts_max: usize,
    /// Attempts a minute for one destination; 0 is no limit.
    pub(super) destination_per_minute: u32,
}

/// What is known of one destination.
#[derive(Debug, Default)]
struct Destination {
    /// When its first copy is due; `None` when it has none.
    due_at: Option<i64>,
    under_way: usize,
    /// Failures to reach it, one after another.
    failures: u32,
    rests_until: i64,
    /// When its rate allows the next copy.
    next_slot_at: i64,
    /// Under which time it stands in the order.
    stands_at: Option<i64>,
}

/// The destinations of one worker.
pub(super) struct Agenda {
    bounds: Bounds,
    destinations: HashMap<String, Destination>,
    order: BTreeSet<(i64, String)>,
    paused: HashSet<String>,
    under_way: usize,
}

impl Agenda {
    pub(super) fn new(bounds: Bounds) -> Self {
        let (destinations, order, paused) = (HashMap::new(), BTreeSet::new(), HashSet::new());
        Self { bounds, destinations, order, paused, under_way: 0 }
    }

    /// Something is due there, perhaps earlier than what was known.
    pub(super) fn arrive(&mut self, arrivals: BTreeMap<String, i64>, now: i64) {
        for (name, due_at) in arrivals {
            let destination = self.destinations.entry(name.clone()).or_default();
            destination.due_at = Some(destination.due_at.map_or(due_at, |known| known.min(due_at)));
            self.place(&name, now);
        }
    }

    /// What the queue says of a destination that was looked at.
    pub(super) fn found(&mut self, name: &str, due_at: Option<i64>, now: i64) {
        self.destinations.entry(name.to_owned()).or_default().due_at = due_at;
        self.place(name, now);
    }

    /// Who is held back, from now on.
    pub(super) fn pause(&mut self, paused: HashSet<String>, now: i64) {
        let changed: Vec<_> = self.paused.symmetric_difference(&paused).cloned().collect();
        self.paused = paused;
        for name in changed {
            self.place(&name, now);
        }
    }

    /// Destinations with something due and room for it, each with its room.
    pub(super) fn ready(&self, now: i64) -> Vec<(String, i64)> {
        let mut room_left = self.bounds.attempts_max.saturating_sub(self.under_way);
        let mut ready = Vec::new();
        for (_, name) in self.order.iter().take_while(|(at, _)| *at <= now) {
            let room = self.room(&self.destinations[name], now).min(room_left);
            if room == 0 {
                break;
            }
            room_left -= room;
            ready.push((name.clone(), i64::try_from(room).unwrap_or(i64::MAX)));
        }
        ready
    }

    /// When the next destination has something, in milliseconds. `None` while there is no room at all.
    pub(super) fn next_at(&self) -> Option<i64> {
        let has_room = self.under_way < self.bounds.attempts_max;
        self.order.first().map(|(at, _)| *at).filter(|_| has_room)
    }

    /// An attempt began.
    pub(super) fn begin(&mut self, name: &str, now: i64) {
        self.under_way += 1;
        let interval = self.interval();
        let destination = self.destinations.entry(name.to_owned()).or_default();
        destination.under_way += 1;
        destination.next_slot_at = destination.next_slot_at.max(now - BURST_MS) + interval;
        self.place(name, now);
    }

    /// An attempt ended. `next_at` is when its copy is due again.
    pub(super) fn end(&mut self, name: &str, was_reached: bool, next_at: Option<i64>, now: i64) {
        self.under_way = self.under_way.saturating_sub(1);
        let Some(destination) = self.destinations.get_mut(name) else { return };
        destination.under_way = destination.under_way.saturating_sub(1);
        if was_reached {
            destination.failures = 0;
            destination.rests_until = 0;
        } else if destination.rests_until <= now {
            // The attempts that failed together count as one.
            let rest = REST_MS_MIN.saturating_mul(1 << destination.failures.min(30)).min(REST_MS_MAX);
            destination.failures += 1;
            destination.rests_until = now + rest;
        }
        if let Some(next_at) = next_at {
            destination.due_at = Some(destination.due_at.map_or(next_at, |known| known.min(next_at)));
        }
        self.place(name, now);
    }

    /// Milliseconds between two attempts at one destination.
    fn interval(&self) -> i64 {
        match self.bounds.destination_per_minute {
            0 => 0,
            per_minute => 60_000 / i64::from(per_minute),
        }
    }

    fn room(&self, destination: &Destination, now: i64) -> usize {
        let room = self.bounds.destination_attempts_max.saturating_sub(destination.under_way);
        match self.interval() {
            0 => room,
            interval => {
                let saved = (now - destination.next_slot_at.max(now - BURST_MS)) / interval + 1;
                room.min(usize::try_from(saved).unwrap_or(0))
            }
        }
    }

    /// Gives a destination its place in the order, or takes it out. One that has nothing to do is forgotten, once its rest
    /// and its rate have nothing to say any more: until then it stands in the order, to be looked at then.
    fn place(&mut self, name: &str, now: i64) {
        let Some(destination) = self.destinations.get_mut(name) else { return };
        if let Some(at) = destination.stands_at.take() {
            self.order.remove(&(at, name.to_owned()));
        }
        let free_at = destination.rests_until.max(destination.next_slot_at);
        if destination.due_at.is_none() && destination.under_way == 0 && free_at <= now {
            self.destinations.remove(name);
            return;
        }
        let is_open = destination.under_way < self.bounds.destination_attempts_max && !self.paused.contains(name);
        let has_nothing = destination.due_at.is_none() && destination.under_way > 0;
        if is_open && !has_nothing {
            let at = destination.due_at.map_or(free_at, |due_at| due_at.max(free_at));
            destination.stands_at = Some(at);
            self.order.insert((at, name.to_owned()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds { attempts_max: 5, destination_attempts_max: 2, destination_per_minute: 0 };

    fn agenda(bounds: Bounds, due: &[(&str, i64)]) -> Agenda {
        let mut agenda = Agenda::new(bounds);
        agenda.arrive(due.iter().map(|(name, at)| ((*name).to_owned(), *at)).collect(), 0);
        agenda
    }

    #[track_caller]
    fn check(agenda: &Agenda, now: i64, expected: &[(&str, i64)]) {
        let expected: Vec<_> = expected.iter().map(|(name, room)| ((*name).to_owned(), *room)).collect();
        assert_eq!(agenda.ready(now), expected);
    }

    #[test]
    fn who_waited_longest_comes_first_and_nobody_takes_all_the_room() {
        let agenda = agenda(BOUNDS, &[("a.example", 30), ("b.example", 10), ("c.example", 20), ("late.example", 99)]);
        check(&agenda, 50, &[("b.example", 2), ("c.example", 2), ("a.example", 1)]);
        check(&agenda, 9, &[]);
        assert_eq!(agenda.next_at(), Some(10));
    }

    #[test]
    fn a_destination_at_its_bound_waits_for_an_end() {
        let mut agenda = agenda(BOUNDS, &[("a.example", 10)]);
        agenda.begin("a.example", 10);
        check(&agenda, 10, &[("a.example", 1)]);
        agenda.begin("a.example", 10);
        check(&agenda, 10, &[]);
        assert_eq!(agenda.next_at(), None);
        agenda.end("a.example", true, None, 20);
        check(&agenda, 20, &[("a.example", 1)]);
    }

    #[test]
    fn the_bound_in_all_holds_and_gives_way_again() {
        let mut agenda = agenda(Bounds { attempts_max: 1, ..BOUNDS }, &[("a.example", 1), ("b.example", 2)]);
        check(&agenda, 5, &[("a.example", 1)]);
        agenda.begin("a.example", 5);
        agenda.found("a.example", None, 5);
        check(&agenda, 5, &[]);
        assert_eq!(agenda.next_at(), None);
        agenda.end("a.example", true, None, 6);
        check(&agenda, 6, &[("b.example", 1)]);
    }

    #[test]
    fn a_destination_that_cannot_be_reached_rests_longer_each_time_until_it_can() {
        let mut agenda = agenda(BOUNDS, &[("a.example", 0)]);
        let mut now = 0;
        for rest in [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 64_000, 128_000, 256_000, 300_000, 300_000] {
            agenda.begin("a.example", now);
            agenda.begin("a.example", now);
            agenda.end("a.example", false, None, now);
            agenda.end("a.example", false, None, now);
            check(&agenda, now + rest - 1, &[]);
            check(&agenda, now + rest, &[("a.example", 2)]);
            now += rest;
        }
        agenda.begin("a.example", now);
        agenda.end("a.example", true, None, now);
        check(&agenda, now, &[("a.example", 2)]);
    }

    #[test]
    fn a_rate_spreads_attempts_over_the_minute() {
        let mut agenda = agenda(
            Bounds { attempts_max: 50, destination_attempts_max: 50, destination_per_minute: 60 },
            &[("a.example", 0)],
        );
        let now = 1_000_000;
        check(&agenda, now, &[("a.example", 2)]);
        agenda.begin("a.example", now);
        agenda.begin("a.example", now);
        check(&agenda, now, &[]);
        check(&agenda, now + 999, &[]);
        check(&agenda, now + 1_000, &[("a.example", 1)]);
    }

    #[test]
    fn a_paused_destination_keeps_its_mail_until_it_goes_on() {
        let mut agenda = agenda(BOUNDS, &[("a.example", 0), ("b.example", 0)]);
        agenda.pause(HashSet::from(["a.example".to_owned()]), 1);
        check(&agenda, 1, &[("b.example", 2)]);
        agenda.pause(HashSet::new(), 1);
        check(&agenda, 1, &[("a.example", 2), ("b.example", 2)]);
    }

    #[test]
    fn what_has_nothing_to_do_is_forgotten() {
        let mut agenda = agenda(BOUNDS, &[("a.example", 0)]);
        agenda.begin("a.example", 0);
        agenda.found("a.example", None, 0);
        assert!(agenda.order.is_empty() && agenda.destinations.len() == 1, "its attempt is under way");
        agenda.end("a.example", true, None, 1);
        assert!(agenda.order.is_empty() && agenda.destinations.is_empty());
    }

    #[test]
    fn a_rest_and_a_rate_are_remembered_until_they_are_over() {
        for (per_minute, was_reached) in [(0, false), (60, true)] {
            let mut agenda = agenda(Bounds { destination_per_minute: per_minute, ..BOUNDS }, &[("a.example", 0)]);
            let now = 1_000_000;
            for _ in 0..2 {
                agenda.begin("a.example", now);
            }
            agenda.found("a.example", None, now);
            for _ in 0..2 {
                agenda.end("a.example", was_reached, None, now);
            }
            assert_eq!(agenda.next_at(), Some(now + 1_000), "it is looked at once more then");
            check(&agenda, now + 999, &[]);
            agenda.found("a.example", None, now + 1_000);
            assert!(agenda.order.is_empty() && agenda.destinations.is_empty());
        }
    }
}
