//! Character references of HTML, decoded once, by the rules for attribute values (HTML Living Standard, "named
//! character reference state"): in them `&copy=1` is a parameter and not a sign.

use std::borrow::Cow;

use mail_parser::decoders::html::add_html_token;

/// The longest name in the standard is 31 letters; a longer run is text.
const NAME_BYTES_MAX: usize = 31;
/// More digits than any character needs, leading zeros included.
const DIGITS_MAX: usize = 16;

/// Names that also count without their semicolon, for the sake of old pages: those of Latin-1 and a few more.
const WITHOUT_SEMICOLON: &[&str] = &[
    "AElig", "AMP", "Aacute", "Acirc", "Agrave", "Aring", "Atilde", "Auml", "COPY", "Ccedil", "ETH", "Eacute", "Ecirc",
    "Egrave", "Euml", "GT", "Iacute", "Icirc", "Igrave", "Iuml", "LT", "Ntilde", "Oacute", "Ocirc", "Ograve", "Oslash",
    "Otilde", "Ouml", "QUOT", "REG", "THORN", "Uacute", "Ucirc", "Ugrave", "Uuml", "Yacute", "aacute", "acirc",
    "acute", "aelig", "agrave", "amp", "aring", "atilde", "auml", "brvbar", "ccedil", "cedil", "cent", "copy",
    "curren", "deg", "divide", "eacute", "ecirc", "egrave", "eth", "euml", "frac12", "frac14", "frac34", "gt",
    "iacute", "icirc", "iexcl", "igrave", "iquest", "iuml", "laquo", "lt", "macr", "micro", "middot", "nbsp", "not",
    "ntilde", "oacute", "ocirc", "ograve", "ordf", "ordm", "oslash", "otilde", "ouml", "para", "plusmn", "pound",
    "quot", "raquo", "reg", "sect", "shy", "sup1", "sup2", "sup3", "szlig", "thorn", "times", "uacute", "ucirc",
    "ugrave", "uml", "uuml", "yacute", "yen", "yuml",
];

/// What 0x80 to 0x9f mean in a numeric reference: the characters of windows-1252.
const WINDOWS_1252: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}', '\u{90}', '‘', '’',
    '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
];

/// The text that a browser sees. What is no reference stays as it is.
pub(crate) fn decode(text: &str) -> Cow<'_, str> {
    if !text.contains('&') {
        return Cow::Borrowed(text);
    }
    let mut decoded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('&') {
        decoded.push_str(&rest[..start]);
        rest = &rest[start..];
        let used = match rest.strip_prefix("&#") {
            Some(number) => numeric(number, &mut decoded).map(|used| used + 2),
            None => named(rest, &mut decoded),
        };
        let used = used.unwrap_or_else(|| {
            decoded.push('&');
            1
        });
        rest = &rest[used..];
    }
    decoded.push_str(rest);
    Cow::Owned(decoded)
}

/// Reads what follows `&#`. How many bytes that is.
fn numeric(text: &str, decoded: &mut String) -> Option<usize> {
    let (mark, radix) = if text.starts_with(['x', 'X']) { (1, 16) } else { (0, 10) };
    let digits = text[mark..].chars().take(DIGITS_MAX + 1).take_while(|digit| digit.is_digit(radix)).count();
    if digits == 0 || digits > DIGITS_MAX {
        return None;
    }
    let end = mark + digits;
    let number = u64::from_str_radix(&text[mark..end], radix).ok()?;
    decoded.push(match u32::try_from(number) {
        Ok(number @ 0x80..=0x9f) => WINDOWS_1252[number as usize - 0x80],
        Ok(number) if number != 0 => char::from_u32(number).unwrap_or(char::REPLACEMENT_CHARACTER),
        _ => char::REPLACEMENT_CHARACTER,
    });
    Some(end + usize::from(text[end..].starts_with(';')))
}

/// Reads a name from its `&` on. How many bytes that is.
fn named(text: &str, decoded: &mut String) -> Option<usize> {
    let letters = text[1..].bytes().take(NAME_BYTES_MAX + 1).take_while(u8::is_ascii_alphanumeric).count();
    if letters == 0 || letters > NAME_BYTES_MAX {
        return None;
    }
    let end = 1 + letters;
    let name = &text[1..end];
    let before = decoded.len();
    if text[end..].starts_with(';') {
        let reference = &text[..=end];
        add_html_token(decoded, reference.as_bytes(), false);
        if &decoded[before..] == reference {
            decoded.truncate(before);
            return None;
        }
        return Some(end + 1);
    }
    if text[end..].starts_with('=') || !WITHOUT_SEMICOLON.contains(&name) {
        return None;
    }
    add_html_token(decoded, format!("&{name};").as_bytes(), false);
    Some(end)
}

/// Text as the value of an attribute in quotes of either kind.
pub(crate) fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match character {
            '&' => encoded.push_str("&amp;"),
            '<' => encoded.push_str("&lt;"),
            '>' => encoded.push_str("&gt;"),
            '"' => encoded.push_str("&quot;"),
            '\'' => encoded.push_str("&#39;"),
            _ => encoded.push(character),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn reads(text: &str, decoded: &str) {
        assert_eq!(decode(text), decoded, "{text}");
    }

    #[test]
    fn a_reference_is_decoded_once() {
        reads("a?b=1&amp;c=2", "a?b=1&c=2");
        reads("a?b=1&amp;amp;c=2", "a?b=1&amp;c=2");
        reads("&#38;amp;", "&amp;");
        reads("&#x41;&#X42;&#67;&#68", "ABCD");
        reads("&auml;&AMP;&nbsp;&hellip;&CounterClockwiseContourIntegral;", "ä&\u{a0}…∳");
        reads("&#150;&#0;&#xd800;&#x110000;&#99999999999;", "–\u{fffd}\u{fffd}\u{fffd}\u{fffd}");
    }

    #[test]
    fn an_ampersand_between_parameters_is_just_that() {
        reads("a?b=1&c=2&d", "a?b=1&c=2&d");
        reads("a?b=1&copy=2", "a?b=1&copy=2");
        reads("a?b=1&copyright=2", "a?b=1&copyright=2");
        reads("a?b=1&copy", "a?b=1©");
        reads("a?b=1&copy&d", "a?b=1©&d");
        reads("a?b=1&notanentity;", "a?b=1&notanentity;");
        reads("a?b=1&para=2&section=3&reg_id=4", "a?b=1&para=2&section=3®_id=4");
        reads("& && &; &# &#; &#x; &#xg", "& && &; &# &#; &#x; &#xg");
    }

    #[test]
    fn every_old_name_is_known() {
        for name in WITHOUT_SEMICOLON {
            let decoded = decode(&format!("&{name}")).into_owned();
            assert_eq!(decoded.chars().count(), 1, "{name}");
            reads(&format!("&{name};"), &decoded);
        }
        assert_eq!(WITHOUT_SEMICOLON.len(), 106);
    }

    proptest! {
        #[test]
        fn what_was_encoded_decodes_to_itself(text in ".{0,60}|[&;#xa-z0-9]{0,40}") {
            let encoded = encode(&text);
            prop_assert_eq!(decode(&encoded), text.as_str());
        }

        #[test]
        fn nothing_panics(text in "[&;#xXa-zA-Z0-9üé]{0,60}") {
            decode(&text);
        }
    }
}
