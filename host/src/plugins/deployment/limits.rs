//! Limits of one plugin, inside those of the host.

use serde::{Deserialize, Serialize};

use super::Denied;
use crate::plugins::limits::Limits;

/// Where one plugin gets less than every plugin may have. A limit of the host is the hard maximum.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LimitOverrides {
    /// CPU milliseconds of one call, at least 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_ms: Option<u64>,
    /// Milliseconds from asking to having the answer, at least 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wall_ms: Option<u64>,
    /// Bytes of memory of one call, at least a page of 64 KiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<usize>,
    /// Elements of tables of one call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub table_elements: Option<usize>,
    /// Bytes handed over, at least 1,024.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_bytes: Option<usize>,
    /// Bytes of an answer, at least 1,024.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_bytes: Option<usize>,
    /// Calls at once, at least 1. One more is answered by the fallback.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calls: Option<usize>,
}

/// The least that an override may leave.
const MEMORY_BYTES_MIN: usize = 64 * 1024;
const TRANSFER_BYTES_MIN: usize = 1_024;

impl LimitOverrides {
    /// True when nothing is overridden.
    pub fn is_empty(&self) -> bool {
        *self == LimitOverrides::default()
    }

    /// Refuses what is more than the host gives anybody, or too little to be called at all.
    pub fn check(&self, host: &Limits) -> Result<(), Denied> {
        within("cpu_ms", self.cpu_ms, 1, host.cpu_ms_max)?;
        within("wall_ms", self.wall_ms, 1, host.wall_ms_max)?;
        within("memory_bytes", self.memory_bytes, MEMORY_BYTES_MIN, host.memory_bytes_max)?;
        within("table_elements", self.table_elements, 0, host.table_elements_max)?;
        within("input_bytes", self.input_bytes, TRANSFER_BYTES_MIN, host.input_bytes_max)?;
        within("output_bytes", self.output_bytes, TRANSFER_BYTES_MIN, host.output_bytes_max)?;
        within("calls", self.calls, 1, host.slots as usize)
    }

    /// The limits of the plugin's calls. What the host gives less of by now is that much less.
    pub(in crate::plugins) fn of(&self, host: &Limits) -> Limits {
        let less = |own: Option<usize>, host: usize| own.map_or(host, |own| own.min(host));
        let less_time = |own: Option<u64>, host: u64| own.map_or(host, |own| own.min(host));
        Limits {
            cpu_ms_max: less_time(self.cpu_ms, host.cpu_ms_max),
            wall_ms_max: less_time(self.wall_ms, host.wall_ms_max),
            memory_bytes_max: less(self.memory_bytes, host.memory_bytes_max),
            table_elements_max: less(self.table_elements, host.table_elements_max),
            input_bytes_max: less(self.input_bytes, host.input_bytes_max),
            output_bytes_max: less(self.output_bytes, host.output_bytes_max),
            ..host.clone()
        }
    }
}

fn within<T: Copy + PartialOrd + std::fmt::Display>(
    name: &str,
    value: Option<T>,
    min: T,
    max: T,
) -> Result<(), Denied> {
    match value {
        Some(value) if value < min || value > max => {
            Err(format!("{name} is {value}; it can be {min} to {max}, which is what the host gives any plugin"))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn checked(overrides: LimitOverrides, is_fine: bool) {
        assert_eq!(overrides.check(&Limits::default()).is_ok(), is_fine, "{overrides:?}");
    }

    #[test]
    fn a_plugin_gets_at_most_what_the_host_gives_and_enough_to_be_called() {
        let none = LimitOverrides::default();
        checked(none, true);
        for (cpu_ms, is_fine) in [(0, false), (1, true), (100, true), (101, false)] {
            checked(LimitOverrides { cpu_ms: Some(cpu_ms), ..none }, is_fine);
        }
        for (wall_ms, is_fine) in [(0, false), (1, true), (2_000, true), (2_001, false)] {
            checked(LimitOverrides { wall_ms: Some(wall_ms), ..none }, is_fine);
        }
        for (bytes, is_fine) in [(65_535, false), (65_536, true), (64 << 20, true), ((64 << 20) + 1, false)] {
            checked(LimitOverrides { memory_bytes: Some(bytes), ..none }, is_fine);
        }
        for (elements, is_fine) in [(0, true), (20_000, true), (20_001, false)] {
            checked(LimitOverrides { table_elements: Some(elements), ..none }, is_fine);
        }
        for (bytes, is_fine) in [(1_023, false), (1_024, true), (32 << 20, true), ((32 << 20) + 1, false)] {
            checked(LimitOverrides { input_bytes: Some(bytes), ..none }, is_fine);
        }
        for (bytes, is_fine) in [(1_023, false), (1_024, true), (16 << 20, true), ((16 << 20) + 1, false)] {
            checked(LimitOverrides { output_bytes: Some(bytes), ..none }, is_fine);
        }
        for (calls, is_fine) in [(0, false), (1, true), (64, true), (65, false)] {
            checked(LimitOverrides { calls: Some(calls), ..none }, is_fine);
        }
    }

    #[test]
    fn a_host_that_gives_less_by_now_is_obeyed() {
        let overrides = LimitOverrides { cpu_ms: Some(80), ..LimitOverrides::default() };
        let host = Limits { cpu_ms_max: 50, ..Limits::default() };
        assert_eq!(overrides.of(&host).cpu_ms_max, 50);
        assert_eq!(overrides.of(&Limits::default()).cpu_ms_max, 80);
    }
}
