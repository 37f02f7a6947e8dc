//! Inputs that a version failed on: after the second time it is not asked about them again.
//!
//! A message that traps a rule is sent again by whoever retries, and each try costs a call its whole budget. The memory
//! is one of digests, so it holds nothing of what people wrote.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::fingerprint::Fingerprint;

/// Failures on one input after which it is not tried again.
pub const FAILURES_MAX: u32 = 2;
/// Inputs that are remembered. The one that failed longest ago is forgotten first.
pub const INPUTS_MAX: usize = 1_024;
/// How long an input is remembered after it failed last.
pub const MEMORY: Duration = Duration::from_hours(1);

/// What one version failed on.
#[derive(Debug, Default)]
pub(super) struct Poison {
    inputs: Mutex<HashMap<Fingerprint, (u32, Instant)>>,
    /// How many of them are not tried again: nearly always none, which is seen without the lock.
    barred: AtomicUsize,
}

impl Poison {
    /// Whether any input is barred, so that the fingerprint of this one is worth making.
    pub(super) fn is_empty(&self) -> bool {
        self.barred.load(Ordering::Relaxed) == 0
    }

    /// Whether this input is not to be tried.
    pub(super) fn bars(&self, input: &Fingerprint, now: Instant) -> bool {
        let inputs = self.inputs.lock().unwrap_or_else(PoisonError::into_inner);
        inputs.get(input).is_some_and(|(failures, last)| *failures >= FAILURES_MAX && now < *last + MEMORY)
    }

    /// Remembers a failure.
    pub(super) fn note(&self, input: Fingerprint, now: Instant) {
        let mut inputs = self.inputs.lock().unwrap_or_else(PoisonError::into_inner);
        inputs.retain(|_, (_, last)| now < *last + MEMORY);
        if inputs.len() >= INPUTS_MAX && !inputs.contains_key(&input) {
            let oldest = inputs.iter().min_by_key(|(_, (_, last))| *last).map(|(known, _)| *known);
            oldest.map(|oldest| inputs.remove(&oldest));
        }
        let (failures, last) = inputs.entry(input).or_insert((0, now));
        (*failures, *last) = (*failures + 1, now);
        let barred = inputs.values().filter(|(failures, _)| *failures >= FAILURES_MAX).count();
        self.barred.store(barred, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(number: usize) -> Fingerprint {
        Fingerprint::of_bytes(&number.to_be_bytes())
    }

    #[test]
    fn an_input_is_barred_after_its_second_failure_and_for_an_hour() {
        let (poison, now) = (Poison::default(), Instant::now());
        poison.note(input(1), now);
        assert!(poison.is_empty() && !poison.bars(&input(1), now));
        poison.note(input(1), now);
        assert!(!poison.is_empty() && poison.bars(&input(1), now));
        assert!(!poison.bars(&input(2), now));
        assert!(poison.bars(&input(1), now + Duration::from_mins(59)));
        assert!(!poison.bars(&input(1), now + MEMORY));
        poison.note(input(2), now + MEMORY);
        assert!(poison.is_empty(), "what has expired is forgotten");
    }

    #[test]
    fn so_many_inputs_are_remembered_and_the_oldest_goes() {
        let (poison, now) = (Poison::default(), Instant::now());
        for number in 0..INPUTS_MAX {
            let at = now + Duration::from_millis(number as u64);
            poison.note(input(number), at);
            poison.note(input(number), at);
        }
        let later = now + Duration::from_mins(1);
        assert!(poison.bars(&input(0), later) && poison.bars(&input(INPUTS_MAX - 1), later));
        poison.note(input(INPUTS_MAX), later);
        assert!(!poison.bars(&input(0), later) && poison.bars(&input(1), later));
    }
}
