//! The time that statistics are asked for, and its intervals.

use std::collections::BTreeMap;

use jiff::civil::{Date, DateTime, Weekday};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, ToSpan};
use serde::{Deserialize, Serialize};

use crate::api::query::Query;
use crate::api::time::{self, rfc3339};
use crate::error::{Error, Result};
use crate::mail::event::words;
use crate::store::{Counts, DAY_MS, HOUR_MS};

/// Most intervals of one answer.
pub(super) const BUCKETS_MAX: usize = 2_000;
/// Days of an answer whose beginning nobody asked for.
const DAYS_DEFAULT: i64 = 30;

words! {
    /// How long each step of a series is. A week begins on Monday; all are of UTC.
    Interval {
        /// 60 minutes.
        Hour = "hour",
        /// From midnight to midnight.
        Day = "day",
        /// From Monday to Sunday.
        Week = "week",
        /// A month of the calendar.
        Month = "month",
    }
}

/// Whole hours, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Range {
    pub(super) from: i64,
    /// When the first hour begins that does not belong to it.
    pub(super) until: i64,
}

impl Range {
    /// From `fromdate` and `todate`, each a date or a moment. The last hour, or day, belongs to it.
    pub(super) fn read(query: &Query, now: i64) -> Result<Self> {
        let wanted = "a date such as 2024-03-15 or a time such as 2024-03-15T14:30:00Z";
        let first = query.read("fromdate", wanted, |text| begin(text).map(|(at, _)| at))?;
        let last = query.read("todate", wanted, |text| begin(text).map(|(at, length)| at + length))?;
        let until = last.unwrap_or(now - now.rem_euclid(DAY_MS) + DAY_MS);
        let from = first.unwrap_or(until - until.rem_euclid(HOUR_MS) - DAYS_DEFAULT * DAY_MS);
        if from >= until {
            return Err(Error::invalid("fromdate must not be after todate"));
        }
        Ok(Self { from, until })
    }

    /// The intervals, each with nothing in it, by when they begin. `None` when they are more than [`BUCKETS_MAX`].
    pub(super) fn buckets(self, interval: Interval) -> Option<BTreeMap<i64, Counts>> {
        let mut buckets = BTreeMap::new();
        let mut next = Some(interval.begins(self.from));
        while let Some(starts_at) = next.filter(|starts_at| *starts_at < self.until) {
            if buckets.len() == BUCKETS_MAX {
                return None;
            }
            buckets.insert(starts_at, Counts::default());
            next = interval.after(starts_at);
        }
        Some(buckets)
    }
}

/// When the hour or day that this names begins, and how long it is.
fn begin(text: &str) -> Option<(i64, i64)> {
    if let Ok(date) = text.parse::<Date>().map_err(drop)
        && text.len() == "2024-03-15".len()
    {
        return Some((millis(date.to_datetime(jiff::civil::Time::midnight()))?, DAY_MS));
    }
    time::parse(text).map(|at| (at - at.rem_euclid(HOUR_MS), HOUR_MS))
}

impl Interval {
    /// When the interval of a moment begins.
    fn begins(self, at: i64) -> i64 {
        let date = datetime(at).date();
        let date = match self {
            Self::Hour => return at - at.rem_euclid(HOUR_MS),
            Self::Day => return at - at.rem_euclid(DAY_MS),
            Self::Week => {
                let days = date.weekday().since(Weekday::Monday);
                date.checked_sub(Span::new().days(i64::from(days))).unwrap_or(Date::MIN)
            }
            Self::Month => date.first_of_month(),
        };
        millis(date.to_datetime(jiff::civil::Time::midnight())).unwrap_or(at)
    }

    /// When the next one begins; `None` at the end of time.
    fn after(self, starts_at: i64) -> Option<i64> {
        let length = match self {
            Self::Hour => return Some(starts_at + HOUR_MS),
            Self::Day => return Some(starts_at + DAY_MS),
            Self::Week => 7.days(),
            Self::Month => 1.month(),
        };
        millis(datetime(starts_at).checked_add(length).ok()?)
    }

    /// How the beginning is written: a date, or for hours a time.
    pub(super) fn date(self, starts_at: i64) -> String {
        match self {
            Self::Hour => rfc3339(starts_at),
            Self::Day | Self::Week | Self::Month => datetime(starts_at).date().to_string(),
        }
    }
}

fn datetime(at: i64) -> DateTime {
    TimeZone::UTC.to_datetime(Timestamp::from_millisecond(at).unwrap_or(Timestamp::UNIX_EPOCH))
}

fn millis(datetime: DateTime) -> Option<i64> {
    TimeZone::UTC.to_timestamp(datetime).ok().map(Timestamp::as_millisecond)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Friday, 15 March 2024, 14:30.
    const NOW: i64 = 1_710_513_000_000;

    fn range(query: &str) -> Result<Range> {
        Range::read(&Query::parse(query), NOW)
    }

    fn dates(query: &str, interval: Interval) -> Vec<String> {
        let buckets = range(query).expect("it is a range").buckets(interval).expect("they are few");
        buckets.into_keys().map(|starts_at| interval.date(starts_at)).collect()
    }

    #[test]
    fn both_ends_belong_to_a_range() {
        let days = "fromdate=2024-02-28&todate=2024-03-01";
        assert_eq!(dates(days, Interval::Day), ["2024-02-28", "2024-02-29", "2024-03-01"]);
        assert_eq!(dates(days, Interval::Month), ["2024-02-01", "2024-03-01"]);
        assert_eq!(dates("fromdate=2024-03-10&todate=2024-03-11", Interval::Week), ["2024-03-04", "2024-03-11"]);
        let hours = "fromdate=2024-03-15T01:20:00Z&todate=2024-03-15T03:30:00%2B01:00";
        assert_eq!(dates(hours, Interval::Hour), ["2024-03-15T01:00:00Z", "2024-03-15T02:00:00Z"]);
        assert_eq!(dates("fromdate=2024-03-15&todate=2024-03-15", Interval::Hour).len(), 24);
        assert_eq!(dates("", Interval::Day).len(), 30);
        assert_eq!(dates("", Interval::Day).last().map(String::as_str), Some("2024-03-15"));
    }

    #[test]
    fn what_is_no_range_is_refused() {
        for query in [
            "fromdate=2024-03-02&todate=2024-03-01",
            "fromdate=2024-03-16",
            "fromdate=yesterday",
            "todate=2024-02-30",
            "todate=2024-03-15T14:30:00",
        ] {
            assert!(range(query).is_err(), "{query}");
        }
        assert!(range("fromdate=2024-03-15T13:59:59Z&todate=2024-03-15T13:00:00Z").is_ok(), "it is one hour");
    }

    #[test]
    fn a_series_has_so_many_intervals_and_no_more() {
        let hours = |days: i64, more: i64| {
            let range = Range { from: 0, until: days * DAY_MS + more * HOUR_MS };
            range.buckets(Interval::Hour).map(|buckets| buckets.len())
        };
        assert_eq!(hours(83, 8), Some(BUCKETS_MAX));
        assert_eq!(hours(83, 9), None);
    }
}
