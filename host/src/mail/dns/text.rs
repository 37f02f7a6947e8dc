//! How what stands in the DNS is shown: bounded, and without anything that a terminal or a reader could take for more.

use super::FOUND_BYTES_MAX;
use super::seen::Value;

/// Characters of a value that a sentence quotes.
const QUOTED_CHARS_MAX: usize = 100;

/// Bytes as text: what is not printable ASCII is written as in a zone file, `\DDD`. At most [`FOUND_BYTES_MAX`].
pub(super) fn shown(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().min(FOUND_BYTES_MAX));
    for byte in bytes {
        let character = match byte {
            b' '..=b'~' => char::from(*byte).to_string(),
            _ => format!("\\{byte:03}"),
        };
        if text.len() + character.len() > FOUND_BYTES_MAX - '…'.len_utf8() {
            text.push('…');
            break;
        }
        text.push_str(&character);
    }
    text
}

/// A value as it is shown.
pub(super) fn shown_value(value: &Value) -> String {
    match value {
        Value::Text(strings) => shown(&strings.concat()),
        Value::Host(host) => shown(host.as_bytes()),
        Value::Exchanger(preference, host) if host.is_empty() => format!("{preference} ."),
        Value::Exchanger(preference, host) => format!("{preference} {}", shown(host.as_bytes())),
        Value::Address(address) => address.to_string(),
    }
}

/// A value in quotes, as a part of a sentence.
pub(super) fn quote(text: &str) -> String {
    match text.char_indices().nth(QUOTED_CHARS_MAX) {
        Some((at, _)) => format!("“{}…”", &text[..at]),
        None => format!("“{text}”"),
    }
}

/// The same for bytes.
pub(super) fn quote_bytes(bytes: &[u8]) -> String {
    quote(&shown(bytes))
}

/// What is left without quotes, backslashes and spaces: two values of which this is the same differ in nothing that
/// was meant.
pub(super) fn bare(bytes: &[u8]) -> String {
    let meant = |character: &char| {
        !character.is_whitespace() && !matches!(character, '"' | '\'' | '`' | '\\' | '“' | '”' | '„' | '‘' | '’')
    };
    String::from_utf8_lossy(bytes).chars().filter(meant).collect()
}

/// A time to wait, rounded up.
pub(super) fn wait(seconds: u32) -> String {
    let (count, unit) = match seconds {
        0..=90 => (seconds.max(1), "second"),
        91..=5_400 => (seconds.div_ceil(60), "minute"),
        _ => (seconds.div_ceil(3_600), "hour"),
    };
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_printable_is_written_as_in_a_zone_file() {
        assert_eq!(shown(b"v=spf1 \"a\" \x1b[31m\n\xc3\xa9"), "v=spf1 \"a\" \\027[31m\\010\\195\\169");
        assert_eq!(shown_value(&Value::Exchanger(0, String::new())), "0 .");
    }

    #[test]
    fn so_much_is_shown_and_no_more() {
        let longest = FOUND_BYTES_MAX - '…'.len_utf8();
        assert_eq!(shown(&vec![b'a'; longest]), "a".repeat(longest));
        let cut = shown(&vec![b'a'; longest + 1]);
        assert!(cut.len() == FOUND_BYTES_MAX && cut.ends_with('…'), "{cut}");
        assert!(shown(&vec![0; 70_000]).len() <= FOUND_BYTES_MAX);
        assert_eq!(quote(&"a".repeat(QUOTED_CHARS_MAX)).chars().count(), QUOTED_CHARS_MAX + 2);
        assert!(quote(&"a".repeat(QUOTED_CHARS_MAX + 1)).ends_with("…”"));
    }

    #[test]
    fn a_wait_is_told_in_the_unit_that_fits() {
        let told: Vec<_> = [0, 90, 91, 5_400, 5_401, 86_400].into_iter().map(wait).collect();
        assert_eq!(told, ["1 second", "90 seconds", "2 minutes", "90 minutes", "2 hours", "24 hours"]);
    }

    #[test]
    fn quotes_and_spaces_do_not_count_in_what_is_bare() {
        assert_eq!(bare(b"\"v=DMARC1\\; \" \"p=none\""), bare(b"v=DMARC1; p=none"));
        assert_eq!(bare("“v=spf1 -all”".as_bytes()), "v=spf1-all");
    }
}
