//! Times as the API writes them: RFC 3339 in UTC.

use jiff::Timestamp;

/// `2024-03-15T14:30:00Z`, with milliseconds where there are any.
pub(crate) fn rfc3339(millis: i64) -> String {
    Timestamp::from_millisecond(millis).unwrap_or(Timestamp::UNIX_EPOCH).to_string()
}

/// Milliseconds since 1970, from any RFC 3339 date and time with an offset.
pub(crate) fn parse(text: &str) -> Option<i64> {
    text.parse::<Timestamp>().ok().map(Timestamp::as_millisecond)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_with_z_and_read_with_any_offset() {
        assert_eq!(rfc3339(1_710_513_000_000), "2024-03-15T14:30:00Z");
        assert_eq!(rfc3339(1_710_513_000_120), "2024-03-15T14:30:00.12Z");
        assert_eq!(parse("2024-03-15T14:30:00Z"), Some(1_710_513_000_000));
        assert_eq!(parse("2024-03-15T15:30:00+01:00"), Some(1_710_513_000_000));
        assert_eq!(parse("2024-03-15T14:30:00"), None, "no offset, no moment");
        assert_eq!(parse("yesterday"), None);
    }
}
