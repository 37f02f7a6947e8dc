//! Character references: `&amp;`, `&#38;` and `&#x26;`.
//!
//! The named ones are those of HTML 4 that mail uses, and the newer ones that can stand for ASCII or for nothing
//! visible, since those serve to hide words. A name needs its semicolon; a number does not (HTML standard, 13.2.5.72).

use std::borrow::Cow;

/// Bytes of the longest name in the table.
const NAME_BYTES_MAX: usize = 14;

/// Digits of a number that are read; more cannot be a character.
const DIGITS_MAX: usize = 8;

/// The reference at the start of `text`, which begins with `&`: its character and its length in bytes.
pub(crate) fn at_start(text: &str) -> Option<(char, usize)> {
    let rest = text.strip_prefix('&')?;
    if let Some(number) = rest.strip_prefix('#') {
        return numeric(number).map(|(character, bytes)| (character, bytes + 2));
    }
    let bytes = rest.bytes().take(NAME_BYTES_MAX + 1).position(|byte| byte == b';')?;
    let place = NAMED.binary_search_by(|(name, _)| (*name).cmp(&rest[..bytes])).ok()?;
    Some((NAMED[place].1, bytes + 2))
}

/// `text` with every reference resolved.
pub(crate) fn decode(text: &str) -> Cow<'_, str> {
    if !text.contains('&') {
        return Cow::Borrowed(text);
    }
    let mut decoded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(plain) = rest.find('&') {
        decoded.push_str(&rest[..plain]);
        rest = &rest[plain..];
        let (character, bytes) = at_start(rest).unwrap_or(('&', 1));
        decoded.push(character);
        rest = &rest[bytes..];
    }
    decoded.push_str(rest);
    Cow::Owned(decoded)
}

/// The character of `38;` or `x26;` and the bytes that it takes.
fn numeric(text: &str) -> Option<(char, usize)> {
    let (radix, prefix) = if text.starts_with(['x', 'X']) { (16, 1) } else { (10, 0) };
    let digits = text.bytes().skip(prefix).take_while(|byte| char::from(*byte).is_digit(radix)).count();
    if digits == 0 || digits > DIGITS_MAX {
        return None;
    }
    let value = u32::from_str_radix(&text[prefix..prefix + digits], radix).ok()?;
    let character = char::from_u32(value).filter(|c| *c != '\0').unwrap_or(char::REPLACEMENT_CHARACTER);
    let semicolon = usize::from(text.as_bytes().get(prefix + digits) == Some(&b';'));
    Some((character, prefix + digits + semicolon))
}

/// Sorted by name.
#[rustfmt::skip]
static NAMED: [(&str, char); 169] = [
    ("AElig", '\u{c6}'), ("Aacute", '\u{c1}'), ("Acirc", '\u{c2}'), ("Agrave", '\u{c0}'), ("Aring", '\u{c5}'),
    ("Atilde", '\u{c3}'), ("Auml", '\u{c4}'), ("Ccedil", '\u{c7}'), ("Dagger", '\u{2021}'), ("ETH", '\u{d0}'),
    ("Eacute", '\u{c9}'), ("Ecirc", '\u{ca}'), ("Egrave", '\u{c8}'), ("Euml", '\u{cb}'), ("Iacute", '\u{cd}'),
    ("Icirc", '\u{ce}'), ("Igrave", '\u{cc}'), ("Iuml", '\u{cf}'), ("NewLine", '\u{a}'), ("NoBreak", '\u{2060}'),
    ("Ntilde", '\u{d1}'), ("OElig", '\u{152}'), ("Oacute", '\u{d3}'), ("Ocirc", '\u{d4}'), ("Ograve", '\u{d2}'),
    ("Oslash", '\u{d8}'), ("Otilde", '\u{d5}'), ("Ouml", '\u{d6}'), ("Scaron", '\u{160}'), ("THORN", '\u{de}'),
    ("Tab", '\u{9}'), ("Uacute", '\u{da}'), ("Ucirc", '\u{db}'), ("Ugrave", '\u{d9}'), ("Uuml", '\u{dc}'),
    ("Yacute", '\u{dd}'), ("Yuml", '\u{178}'), ("ZeroWidthSpace", '\u{200b}'), ("aacute", '\u{e1}'),
    ("acirc", '\u{e2}'), ("acute", '\u{b4}'), ("aelig", '\u{e6}'), ("agrave", '\u{e0}'), ("amp", '\u{26}'),
    ("apos", '\u{27}'), ("aring", '\u{e5}'), ("ast", '\u{2a}'), ("atilde", '\u{e3}'), ("auml", '\u{e4}'),
    ("bdquo", '\u{201e}'), ("brvbar", '\u{a6}'), ("bull", '\u{2022}'), ("ccedil", '\u{e7}'), ("cedil", '\u{b8}'),
    ("cent", '\u{a2}'), ("check", '\u{2713}'), ("circ", '\u{2c6}'), ("colon", '\u{3a}'), ("comma", '\u{2c}'),
    ("commat", '\u{40}'), ("copy", '\u{a9}'), ("curren", '\u{a4}'), ("dagger", '\u{2020}'), ("darr", '\u{2193}'),
    ("deg", '\u{b0}'), ("divide", '\u{f7}'), ("dollar", '\u{24}'), ("eacute", '\u{e9}'), ("ecirc", '\u{ea}'),
    ("egrave", '\u{e8}'), ("emsp", '\u{2003}'), ("ensp", '\u{2002}'), ("equals", '\u{3d}'), ("eth", '\u{f0}'),
    ("euml", '\u{eb}'), ("euro", '\u{20ac}'), ("excl", '\u{21}'), ("frac12", '\u{bd}'), ("frac14", '\u{bc}'),
    ("frac34", '\u{be}'), ("gt", '\u{3e}'), ("hairsp", '\u{200a}'), ("harr", '\u{2194}'), ("hearts", '\u{2665}'),
    ("hellip", '\u{2026}'), ("hyphen", '\u{2010}'), ("iacute", '\u{ed}'), ("icirc", '\u{ee}'), ("iexcl", '\u{a1}'),
    ("igrave", '\u{ec}'), ("infin", '\u{221e}'), ("iquest", '\u{bf}'), ("iuml", '\u{ef}'), ("laquo", '\u{ab}'),
    ("larr", '\u{2190}'), ("ldquo", '\u{201c}'), ("lowbar", '\u{5f}'), ("lpar", '\u{28}'), ("lrm", '\u{200e}'),
    ("lsaquo", '\u{2039}'), ("lsquo", '\u{2018}'), ("lt", '\u{3c}'), ("macr", '\u{af}'), ("mdash", '\u{2014}'),
    ("micro", '\u{b5}'), ("middot", '\u{b7}'), ("minus", '\u{2212}'), ("nbsp", '\u{a0}'), ("ndash", '\u{2013}'),
    ("not", '\u{ac}'), ("ntilde", '\u{f1}'), ("num", '\u{23}'), ("numsp", '\u{2007}'), ("oacute", '\u{f3}'),
    ("ocirc", '\u{f4}'), ("oelig", '\u{153}'), ("ograve", '\u{f2}'), ("ordf", '\u{aa}'), ("ordm", '\u{ba}'),
    ("oslash", '\u{f8}'), ("otilde", '\u{f5}'), ("ouml", '\u{f6}'), ("para", '\u{b6}'), ("percnt", '\u{25}'),
    ("period", '\u{2e}'), ("permil", '\u{2030}'), ("phone", '\u{260e}'), ("plus", '\u{2b}'), ("plusmn", '\u{b1}'),
    ("pound", '\u{a3}'), ("puncsp", '\u{2008}'), ("quest", '\u{3f}'), ("quot", '\u{22}'), ("raquo", '\u{bb}'),
    ("rarr", '\u{2192}'), ("rdquo", '\u{201d}'), ("reg", '\u{ae}'), ("rlm", '\u{200f}'), ("rpar", '\u{29}'),
    ("rsaquo", '\u{203a}'), ("rsquo", '\u{2019}'), ("sbquo", '\u{201a}'), ("scaron", '\u{161}'), ("sect", '\u{a7}'),
    ("semi", '\u{3b}'), ("shy", '\u{ad}'), ("sol", '\u{2f}'), ("star", '\u{2606}'), ("starf", '\u{2605}'),
    ("sup1", '\u{b9}'), ("sup2", '\u{b2}'), ("sup3", '\u{b3}'), ("szlig", '\u{df}'), ("thinsp", '\u{2009}'),
    ("thorn", '\u{fe}'), ("tilde", '\u{2dc}'), ("times", '\u{d7}'), ("trade", '\u{2122}'), ("uacute", '\u{fa}'),
    ("uarr", '\u{2191}'), ("ucirc", '\u{fb}'), ("ugrave", '\u{f9}'), ("uml", '\u{a8}'), ("uuml", '\u{fc}'),
    ("yacute", '\u{fd}'), ("yen", '\u{a5}'), ("yuml", '\u{ff}'), ("zwj", '\u{200d}'), ("zwnj", '\u{200c}'),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_no_name_is_longer_than_said() {
        assert!(NAMED.is_sorted_by(|(a, _), (b, _)| a < b));
        assert_eq!(NAMED.iter().map(|(name, _)| name.len()).max(), Some(NAME_BYTES_MAX));
    }

    #[test]
    fn references_are_resolved_and_everything_else_is_left() {
        check("a &amp; b", "a & b");
        check("&#118;&#x69;&#97gra", "viagra");
        check("&eacute;t&eacute;", "\u{e9}t\u{e9}");
        check("R&D &unknown; &; &# &#x;", "R&D &unknown; &; &# &#x;");
        check("&#0;&#1114112;", "\u{fffd}\u{fffd}");
        check("&\u{20ac}uro;", "&\u{20ac}uro;");
    }

    #[track_caller]
    fn check(text: &str, decoded: &str) {
        assert_eq!(decode(text), decoded);
    }
}
