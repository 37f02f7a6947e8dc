//! Points in time as people and programs write them, in milliseconds since 1970-01-01T00:00:00Z.

/// Years that are believed. Anything else is a broken clock or not a date.
const YEARS: std::ops::RangeInclusive<i64> = 1970..=9999;

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/// RFC 3339, also with a blank for `T`, without seconds, or without a zone (then UTC). Fractions beyond
/// milliseconds are cut off.
pub(crate) fn iso8601(text: &str) -> Option<i64> {
    let text = text.trim();
    let (date, rest) = text.split_once(['T', 't', ' '])?;
    let mut fields = date.splitn(3, '-').map(digits);
    let (year, month, day) = (fields.next()??, fields.next()??, fields.next()??);
    let zone_at = rest.find(['Z', 'z', '+', '-', ' ']).unwrap_or(rest.len());
    let (clock, zone) = rest.split_at(zone_at);
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, ""));
    let mut fields = clock.splitn(3, ':').map(digits);
    let (hour, minute) = (fields.next()??, fields.next()??);
    let second = fields.next().unwrap_or(Some(0))?;
    let millis = fraction
        .bytes()
        .chain(*b"000")
        .take(3)
        .try_fold(0, |sum, byte| byte.is_ascii_digit().then(|| sum * 10 + i64::from(byte - b'0')))?;
    // Go writes `+0000 UTC`.
    let zone = zone.split_whitespace().next().unwrap_or_default();
    let offset = if zone.is_empty() { 0 } else { zone_minutes(zone)? };
    Some(instant([year, month, day, hour, minute, second], offset)? + millis)
}

/// RFC 5322 section 3.3 with its obsolete forms, and what real mail makes of it: comments, a missing weekday,
/// month before day, two-digit years, a missing zone (then UTC).
pub(crate) fn rfc5322(text: &str) -> Option<i64> {
    let mut day = None;
    let mut month = None;
    let mut year = None;
    let mut clock = None;
    let mut zone = None;
    let text = text.split('(').next().unwrap_or_default();
    for word in text.split([' ', '\t', ',', '\r', '\n']).filter(|word| !word.is_empty()).take(10) {
        if clock.is_some() && zone.is_none() && zone_minutes(word).is_some() {
            zone = zone_minutes(word);
        } else if word.contains(':') && clock.is_none() {
            clock = Some(word);
        } else if let Some(number) = digits(word) {
            if day.is_none() && word.len() <= 2 {
                day = Some(number);
            } else if year.is_none() {
                year = Some(full_year(number, word.len())?);
            }
        } else if word.matches('-').count() == 2 {
            // 29-Apr-2013
            let mut fields = word.split('-');
            day = fields.next().and_then(digits);
            month = fields.next().and_then(month_number);
            let field = fields.next()?;
            year = Some(full_year(digits(field)?, field.len())?);
        } else if month.is_none() {
            month = month_number(word);
        }
    }
    let clock = clock?.split('.').next()?;
    let mut fields = clock.splitn(3, ':').map(digits);
    let (hour, minute) = (fields.next()??, fields.next()??);
    let second = fields.next().unwrap_or(Some(0))?;
    instant([year?, month?, day?, hour, minute, second], zone.unwrap_or(0))
}

/// A Unix time; seconds, milliseconds, microseconds and nanoseconds are told apart by their size, which holds from 1973
/// until the year 5138.
pub(crate) fn unix(number: f64) -> Option<i64> {
    const SECONDS_MAX: f64 = 1e11;
    const MILLIS_MAX: f64 = 1e14;
    const MICROS_MAX: f64 = 1e17;
    const NANOS_MAX: f64 = 1e20;
    let millis = match number {
        _ if number < SECONDS_MAX => number * 1e3,
        _ if number < MILLIS_MAX => number,
        _ if number < MICROS_MAX => number / 1e3,
        _ => number / 1e6,
    };
    #[allow(clippy::cast_possible_truncation, reason = "its size was just checked")]
    (0.0..NANOS_MAX).contains(&number).then_some(millis as i64)
}

fn digits(text: &str) -> Option<i64> {
    let fits = (1..=6).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    if fits { text.parse().ok() } else { None }
}

fn month_number(word: &str) -> Option<i64> {
    let word = word.get(..3)?.to_ascii_lowercase();
    MONTHS.iter().position(|&month| month == word).and_then(|index| i64::try_from(index + 1).ok())
}

/// RFC 5322 section 4.3: two digits below 50 mean this century, three count from 1900.
fn full_year(number: i64, digits: usize) -> Option<i64> {
    match digits {
        2 if number < 50 => Some(2000 + number),
        2 | 3 => Some(1900 + number),
        4 => Some(number),
        _ => None,
    }
}

/// Minutes east of Greenwich. Names that say nothing count as UTC, as RFC 5322 section 4.3 asks.
fn zone_minutes(zone: &str) -> Option<i64> {
    let hours = match zone.to_ascii_uppercase().as_str() {
        "Z" | "UT" | "UTC" | "GMT" | "WET" => 0,
        "EDT" => -4,
        "EST" | "CDT" => -5,
        "CST" | "MDT" => -6,
        "MST" | "PDT" => -7,
        "PST" => -8,
        "JST" => 9,
        "CET" | "BST" => 1,
        "CEST" | "EET" => 2,
        _ => return numeric_zone(zone),
    };
    Some(hours * 60)
}

fn numeric_zone(zone: &str) -> Option<i64> {
    let (sign, rest) = match zone.as_bytes().first()? {
        b'+' => (1, &zone[1..]),
        b'-' => (-1, &zone[1..]),
        _ => return None,
    };
    let (hours, minutes) = match rest.split_once(':') {
        Some((hours, minutes)) => (digits(hours)?, digits(minutes)?),
        None if rest.len() <= 2 => (digits(rest)?, 0),
        None => (digits(rest)? / 100, digits(rest)? % 100),
    };
    (hours < 24 && minutes < 60).then_some(sign * (hours * 60 + minutes))
}

/// The days formula is Howard Hinnant's "days from civil".
fn instant([year, month, day, hour, minute, second]: [i64; 6], zone_minutes: i64) -> Option<i64> {
    let possible = YEARS.contains(&year)
        && (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && (0..24).contains(&hour)
        && (0..60).contains(&minute)
        && (0..=60).contains(&second);
    if !possible {
        return None;
    }
    let year = if month <= 2 { year - 1 } else { year };
    let era = year / 400;
    let year_of_era = year % 400;
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468;
    Some((((days * 24 + hour) * 60 + minute - zone_minutes) * 60 + second) * 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<i64>) {
        assert_eq!(iso8601(text).or_else(|| rfc5322(text)), expected, "{text}");
    }

    #[test]
    fn every_usual_spelling_of_a_time_is_read() {
        let noon = Some(1_367_323_200_000); // 2013-04-30T12:00:00Z
        check("2013-04-30T12:00:00Z", noon);
        check("2013-04-30T14:00:00+02:00", noon);
        check("2013-04-30T12:00:00.1239999Z", Some(1_367_323_200_123));
        check("2013-04-30 12:00:00", noon);
        check("Tue, 30 Apr 2013 12:00:00 +0000", noon);
        check("Tue, 30 Apr 2013 21:00:00 +0900 (JST)", noon);
        check("30 Apr 13 05:00 PDT", noon);
        check("Tue Apr 30 12:00:00 2013", noon);
        check("30-Apr-2013 12:00:00 GMT", noon);
        check("Sat, 29 Feb 2020 00:00:00 -0000", Some(1_582_934_400_000));
        check("Thu, 01 Jan 1970 00:00:00 GMT", Some(0));
    }

    #[test]
    fn what_is_not_a_time_is_none() {
        for text in ["", "yesterday", "2013-13-01T00:00:00Z", "2013-04-30T25:00:00Z", "2013-04-30", "é é", "+++"] {
            check(text, None);
        }
        check("Tue, 30 Apr 99999999999999999999 12:00:00", None);
    }

    #[test]
    fn unix_times_come_in_seconds_or_milliseconds() {
        assert_eq!(unix(1_367_323_200.0), Some(1_367_323_200_000));
        assert_eq!(unix(1_367_323_200_123.0), Some(1_367_323_200_123));
        assert_eq!(unix(-1.0), None);
        assert_eq!(unix(f64::NAN), None);
        assert_eq!(unix(1e300), None);
    }
}
