//! From when on, as people write it: a moment or an age.

use crate::api::time;

/// A moment, or how long ago.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Since {
    /// Milliseconds since 1970.
    At(i64),
    /// Milliseconds before now.
    Ago(i64),
}

impl Since {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if let Some(at) = time::parse(text) {
            return Ok(Self::At(at));
        }
        let units = [("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];
        let ago = units.iter().find_map(|(unit, millis)| {
            let number = text.strip_suffix(unit)?.parse::<u32>().ok()?;
            i64::from(number).checked_mul(*millis)
        });
        ago.map(Self::Ago)
            .ok_or_else(|| "write a time such as 2026-11-20T08:00:00Z, or an age such as 90m, 12h, 7d".into())
    }

    /// In milliseconds since 1970.
    pub(super) fn at(self, now: i64) -> i64 {
        match self {
            Self::At(at) => at,
            Self::Ago(millis) => now - millis,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_moment_or_an_age() {
        assert_eq!(Since::parse("2024-03-15T14:30:00Z"), Ok(Since::At(1_710_513_000_000)));
        assert_eq!(Since::parse("90m"), Ok(Since::Ago(5_400_000)));
        assert_eq!(Since::parse("7d"), Ok(Since::Ago(604_800_000)));
        assert_eq!((Since::At(5).at(7), Since::Ago(5).at(7)), (5, 2));
        for wrong in ["", "7", "d", "-1d", "7w", "yesterday", "99999999999d"] {
            assert!(Since::parse(wrong).expect_err(wrong).contains("7d"));
        }
    }
}
