//! Hits whose texts stood before in the same file: what a program says of itself and where a link leads come again and
//! again, so the file has each once and then its number.

use super::VERSION;
use crate::hits::bytes::{Rest, write_number};
use crate::journal::{Packing, Texts};

/// What the journal of hits is written and read by.
pub(crate) const PACKING: Packing = Packing { pack, unpack };

const LITERAL: u64 = 1;
const NUMBERED: u64 = 2;
const TELLING: u64 = 3;

/// A text as it stands in a record.
enum Text<'a> {
    None,
    Literal(&'a [u8]),
    /// The text of this number.
    Numbered(u32),
    /// From here on it has this number.
    Telling(u32, &'a [u8]),
}

/// A record of another version stays as it is.
fn pack(record: &[u8], texts: &mut Texts, out: &mut Vec<u8>) {
    // What is packed already is none of ours, and is not made worse.
    let is_plain = |text: &Text| matches!(text, Text::None | Text::Literal(_));
    let Some((head, found)) = parts(record).filter(|(_, found)| found.iter().all(is_plain)) else {
        return out.extend(record);
    };
    out.extend(head);
    for text in found {
        match text {
            Text::Literal(bytes) => match texts.number(bytes) {
                Some(number) => write_number(out, u64::from(number) * 4 + NUMBERED),
                None => match texts.give_number(bytes) {
                    Some(number) => {
                        write_number(out, bytes.len() as u64 * 4 + TELLING);
                        write_number(out, number.into());
                        out.extend(bytes);
                    }
                    None => write_literal(out, bytes),
                },
            },
            Text::None | Text::Numbered(_) | Text::Telling(..) => out.push(0),
        }
    }
}

fn unpack(record: &[u8], texts: &mut Texts, out: &mut Vec<u8>) -> bool {
    let Some((head, found)) = parts(record) else {
        out.extend(record);
        return true;
    };
    out.extend(head);
    for text in found {
        match text {
            Text::None => out.push(0),
            Text::Literal(bytes) => write_literal(out, bytes),
            Text::Telling(number, bytes) => {
                texts.tell(number, bytes);
                write_literal(out, bytes);
            }
            Text::Numbered(number) => match texts.text(number) {
                Some(bytes) => write_literal(out, bytes),
                None => return false,
            },
        }
    }
    true
}

fn write_literal(out: &mut Vec<u8>, bytes: &[u8]) {
    write_number(out, bytes.len() as u64 * 4 + LITERAL);
    out.extend(bytes);
}

/// What stands before the texts of a record, and the texts. `None` for what is no record of this version.
fn parts(record: &[u8]) -> Option<(&[u8], Vec<Text<'_>>)> {
    let mut rest = Rest(record);
    let [version, what] = rest.take()?;
    if version != VERSION {
        return None;
    }
    rest.bytes(32)?;
    if what & super::OTHER_TIME != 0 {
        rest.number()?;
    }
    let is_click = what & super::KIND == 1;
    if is_click {
        rest.number()?;
    }
    rest.bytes(match what & (super::IPV4 | super::IPV6) {
        0 => 0,
        super::IPV4 => 4,
        _ => 16,
    })?;
    let head = &record[..record.len() - rest.0.len()];
    let mut texts = vec![text(&mut rest)?];
    if is_click {
        texts.push(text(&mut rest)?);
    }
    rest.is_empty().then_some((head, texts))
}

fn text<'a>(rest: &mut Rest<'a>) -> Option<Text<'a>> {
    let number = rest.number()?;
    let (kind, value) = (number % 4, number / 4);
    Some(match kind {
        0 if value == 0 => Text::None,
        LITERAL => Text::Literal(rest.bytes(usize::try_from(value).ok()?)?),
        NUMBERED => Text::Numbered(u32::try_from(value).ok()?),
        TELLING => {
            let number = u32::try_from(rest.number()?).ok()?;
            Text::Telling(number, rest.bytes(usize::try_from(value).ok()?)?)
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use proptest::prelude::*;
    use uuid::Uuid;

    use super::super::HitRecord;
    use super::*;
    use crate::mail::event::EventType;

    fn click(user_agent: &str, destination: &str) -> Vec<u8> {
        HitRecord {
            id: Uuid::from_u128(1 << 80),
            email_id: Uuid::from_u128(2),
            event_type: EventType::Clicked,
            source: None,
            at: 7,
            head_before: false,
            canary: false,
            peer: Some(IpAddr::from([192, 0, 2, 7])),
            user_agent: Some(user_agent.into()),
            link: 3,
            destination: Some(destination.into()),
        }
        .encode()
    }

    fn packed(record: &[u8], texts: &mut Texts) -> Vec<u8> {
        let mut out = Vec::new();
        pack(record, texts, &mut out);
        out
    }

    fn unpacked(record: &[u8], texts: &mut Texts) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        unpack(record, texts, &mut out).then_some(out)
    }

    #[test]
    fn a_hit_whose_texts_stood_before_costs_little() {
        let (agent, url) = ("x".repeat(110), "y".repeat(60));
        let (mut writing, mut reading) = (Texts::default(), Texts::default());
        let record = click(&agent, &url);
        let first = packed(&record, &mut writing);
        let second = packed(&record, &mut writing);
        assert_eq!((record.len(), first.len(), second.len()), (214, 216, 42));
        for packed in [first, second] {
            assert_eq!(unpacked(&packed, &mut reading), Some(record.clone()));
        }
    }

    #[test]
    fn what_was_never_told_is_none_and_not_something_else() {
        let (mut writing, mut reading) = (Texts::default(), Texts::default());
        let lost = packed(&click("first agent", "https://one.example"), &mut writing);
        let there = click("other agent", "https://two.example");
        let told = packed(&there, &mut writing);
        let refers = packed(&click("first agent", "https://two.example"), &mut writing);
        assert_eq!(unpacked(&told, &mut reading), Some(there));
        assert_eq!(unpacked(&refers, &mut reading), None);
        assert_eq!(HitRecord::decode(&refers), None, "it is no hit by itself");
        unpacked(&lost, &mut reading).expect("it tells its texts itself");
        assert!(unpacked(&refers, &mut reading).is_some());
    }

    #[test]
    fn a_record_of_another_version_stays_as_it_is() {
        for record in [&b"\x01oops"[..], b"\x03", b"\x02"] {
            let mut texts = Texts::default();
            assert_eq!(packed(record, &mut texts), record);
            assert_eq!(unpacked(record, &mut texts).as_deref(), Some(record));
        }
    }

    proptest! {
        #[test]
        fn records_come_out_as_they_went_in(agents in proptest::collection::vec("[a-c]{0,12}", 1..40)) {
            let (mut writing, mut reading) = (Texts::default(), Texts::default());
            for pair in agents.windows(2) {
                let record = click(&pair[0], &pair[1]);
                let packed = packed(&record, &mut writing);
                prop_assert_eq!(unpacked(&packed, &mut reading), Some(record));
            }
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..120)) {
            let mut bytes = bytes;
            if let [version, ..] = &mut bytes[..] {
                *version = VERSION;
            }
            let mut texts = Texts::default();
            drop(unpacked(&bytes, &mut texts));
            packed(&bytes, &mut texts);
        }
    }
}
