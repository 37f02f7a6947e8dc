//! How fast a plugin is: each input many times, each call in a fresh instance, one after the other.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};

use super::fixture::Input;
use super::trial::ask;
use crate::plugins::{Loaded, Plugins};

/// Calls of one input that are measured.
const CALLS_MAX: usize = 500;
/// Calls before, which are not: the first ones fault memory in and warm the caches.
const WARM_CALLS: usize = 10;
/// Time for one input; the last call may begin before and end after it.
const TIME_MAX: Duration = Duration::from_secs(3);

/// What was measured of one input.
pub(crate) struct Measured {
    pub(crate) input: String,
    /// Sorted.
    durations_us: Vec<u64>,
    /// Sorted.
    cpu_us: Vec<u64>,
    memory_bytes: usize,
    /// Why it was given up, when a call failed.
    failure: Option<String>,
}

/// Calls a plugin with one input again and again.
pub(crate) async fn measure(
    plugins: &Plugins,
    plugin: &Arc<Loaded>,
    (name, input, settings): (String, Input, BTreeMap<String, String>),
) -> Measured {
    let mut measured =
        Measured { input: name, durations_us: Vec::new(), cpu_us: Vec::new(), memory_bytes: 0, failure: None };
    let began = Instant::now();
    for call in 0..WARM_CALLS + CALLS_MAX {
        let trial = ask(plugins, plugin, input.clone(), &settings).await;
        if let Some(failure) = trial.failure {
            measured.failure = Some(failure);
            break;
        }
        // A slow plugin spends all its time in the first calls; then those are what there is.
        let is_late = began.elapsed() >= TIME_MAX;
        if call >= WARM_CALLS || is_late {
            measured.durations_us.push(trial.duration_us);
            measured.cpu_us.push(trial.cpu_us);
            measured.memory_bytes = measured.memory_bytes.max(trial.memory_bytes);
        }
        if is_late {
            break;
        }
    }
    measured.durations_us.sort_unstable();
    measured.cpu_us.sort_unstable();
    measured
}

impl Measured {
    pub(crate) fn failure(&self) -> Option<&str> {
        self.failure.as_deref()
    }

    /// For programs.
    pub(crate) fn view(&self) -> Json {
        json!({
            "input": self.input,
            "calls": self.durations_us.len(),
            "p50_us": percentile(&self.durations_us, 50),
            "p99_us": percentile(&self.durations_us, 99),
            "cpu_p50_us": percentile(&self.cpu_us, 50),
            "cpu_p99_us": percentile(&self.cpu_us, 99),
            "memory_bytes": self.memory_bytes,
            "error": self.failure,
        })
    }
}

/// The value that so many percent of the values do not exceed; `None` of nothing.
fn percentile(sorted: &[u64], percent: usize) -> Option<u64> {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied()
}

#[cfg(test)]
mod tests {
    use super::percentile;

    #[test]
    fn a_percentile_is_the_value_that_so_many_do_not_exceed() {
        let hundred: Vec<u64> = (1..=100).collect();
        assert_eq!((percentile(&hundred, 50), percentile(&hundred, 99)), (Some(50), Some(99)));
        assert_eq!((percentile(&[7], 50), percentile(&[7], 99)), (Some(7), Some(7)));
        assert_eq!((percentile(&[1, 2, 3], 50), percentile(&[1, 2, 3], 99)), (Some(2), Some(3)));
        assert_eq!(percentile(&[], 50), None);
    }
}
