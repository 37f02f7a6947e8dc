//! Names with letters outside ASCII in the form that DNS uses, `xn--mnchen-3ya`, read back (RFC 3492).

/// Bytes of a label (RFC 1035 section 2.3.4).
const LABEL_BYTES_MAX: usize = 63;

const BASE: u32 = 36;
const THRESHOLD_MIN: u32 = 1;
const THRESHOLD_MAX: u32 = 26;
const SKEW: u32 = 38;
const DAMP: u32 = 700;
const FIRST_BIAS: u32 = 72;
const FIRST_CODE_POINT: u32 = 0x80;

/// The letters that a label beginning with `xn--` stands for. `None` for other labels and for those that stand for
/// nothing.
pub(crate) fn decoded(label: &str) -> Option<String> {
    let encoded = label.strip_prefix("xn--").filter(|rest| rest.len() <= LABEL_BYTES_MAX && rest.is_ascii())?;
    let (plain, deltas) = encoded.rsplit_once('-').unwrap_or(("", encoded));
    let mut letters: Vec<char> = plain.chars().collect();
    let (mut code_point, mut bias, mut place) = (FIRST_CODE_POINT, FIRST_BIAS, 0_u32);
    let mut digits = deltas.bytes();
    while digits.len() > 0 {
        let start = place;
        place = place.checked_add(delta(&mut digits, bias)?)?;
        let count = u32::try_from(letters.len()).ok()? + 1;
        bias = adapted(place - start, count, start == 0);
        code_point = code_point.checked_add(place / count)?;
        place %= count;
        letters.insert(place as usize, char::from_u32(code_point)?);
        place += 1;
    }
    Some(letters.into_iter().collect())
}

/// One number of variable length (RFC 3492 section 3.3).
fn delta(digits: &mut impl Iterator<Item = u8>, bias: u32) -> Option<u32> {
    let (mut sum, mut weight, mut position) = (0_u32, 1_u32, BASE);
    loop {
        let digit = match digits.next()? {
            letter @ b'a'..=b'z' => u32::from(letter - b'a'),
            letter @ b'A'..=b'Z' => u32::from(letter - b'A'),
            number @ b'0'..=b'9' => u32::from(number - b'0') + 26,
            _ => return None,
        };
        sum = sum.checked_add(digit.checked_mul(weight)?)?;
        let threshold = position.saturating_sub(bias).clamp(THRESHOLD_MIN, THRESHOLD_MAX);
        if digit < threshold {
            return Some(sum);
        }
        weight = weight.checked_mul(BASE - threshold)?;
        position += BASE;
    }
}

/// The bias for the next number (RFC 3492 section 3.4).
fn adapted(delta: u32, count: u32, is_first: bool) -> u32 {
    let mut delta = if is_first { delta / DAMP } else { delta / 2 };
    delta += delta / count;
    let mut bias = 0;
    while delta > (BASE - THRESHOLD_MIN) * THRESHOLD_MAX / 2 {
        delta /= BASE - THRESHOLD_MIN;
        bias += BASE;
    }
    bias + (BASE - THRESHOLD_MIN + 1) * delta / (delta + SKEW)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_read_back_and_nonsense_is_none() {
        check("xn--mnchen-3ya", Some("m\u{fc}nchen"));
        check("xn--bcher-kva", Some("b\u{fc}cher"));
        check("xn--e1afmkfd", Some("\u{43f}\u{440}\u{438}\u{43c}\u{435}\u{440}"));
        check("xn--80ak6aa92e", Some("\u{430}\u{440}\u{440}\u{4cf}\u{435}"));
        check("munich", None);
        check("xn--99999999", None);
        check("xn--a-_", None);
    }

    #[track_caller]
    fn check(label: &str, letters: Option<&str>) {
        assert_eq!(decoded(label).as_deref(), letters);
    }
}
