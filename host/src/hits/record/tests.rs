use proptest::prelude::*;

use super::*;

const AT: i64 = 1_710_513_000_120;

fn hit() -> HitRecord<'static> {
    HitRecord {
        id: Uuid::from_u128((u128::from(AT.cast_unsigned()) << 80) | 7),
        email_id: Uuid::from_u128(2),
        event_type: EventType::Clicked,
        source: None,
        at: AT,
        head_before: false,
        canary: false,
        peer: Some(IpAddr::from([192, 0, 2, 7])),
        user_agent: Some("Mozilla/5.0".into()),
        link: 3,
        destination: Some("https://example.com/ä".into()),
    }
}

fn unsubscription(source: UnsubscribeSource) -> HitRecord<'static> {
    let event_type = EventType::Unsubscribed;
    HitRecord { event_type, source: Some(source), destination: None, link: 0, ..hit() }
}

#[test]
fn a_hit_is_read_as_it_was_written() {
    let open = HitRecord { event_type: EventType::Opened, destination: None, link: 0, ..hit() };
    let silent = HitRecord { user_agent: None, peer: None, ..hit() };
    let empty = HitRecord { user_agent: Some("".into()), peer: Some(IpAddr::from([7; 16])), ..hit() };
    let signs = HitRecord { head_before: true, ..hit() };
    let others = HitRecord { canary: true, link: u32::MAX, destination: None, ..hit() };
    let earlier = HitRecord { at: AT - 7, ..hit() };
    let later = HitRecord { at: i64::MAX, id: Uuid::from_u128(1), ..hit() };
    let wishes = [UnsubscribeSource::Link, UnsubscribeSource::OneClick].map(unsubscription);
    for hit in [hit(), open, silent, empty, signs, others, earlier, later].into_iter().chain(wishes) {
        assert_eq!(HitRecord::decode(&hit.encode()), Some(hit.clone()));
    }
}

#[test]
fn a_hit_costs_little_beside_its_texts() {
    let open = HitRecord { event_type: EventType::Opened, destination: None, link: 0, ..hit() };
    assert_eq!(open.encode().len(), 2 + 32 + 4 + 1 + "Mozilla/5.0".len());
    assert_eq!(hit().encode().len(), 2 + 32 + 4 + 1 + "Mozilla/5.0".len() + 1 + 1 + "https://example.com/ä".len());
}

/// A click as version 1 has it.
fn of_version_1() -> Vec<u8> {
    let mut bytes = vec![1, b'c', 1];
    bytes.extend(hit().id.as_bytes());
    bytes.extend(hit().email_id.as_bytes());
    bytes.extend(AT.to_le_bytes());
    bytes.extend(3_u32.to_le_bytes());
    bytes.extend([4, 192, 0, 2, 7]);
    for text in ["Mozilla/5.0", "https://example.com/ä"] {
        bytes.extend(u16::try_from(text.len()).expect("it is short").to_le_bytes());
        bytes.extend(text.as_bytes());
    }
    bytes
}

#[test]
fn a_record_of_the_first_version_is_still_read() {
    assert_eq!(HitRecord::decode(&of_version_1()), Some(HitRecord { head_before: true, ..hit() }));
}

#[test]
fn the_largest_hit_fits_and_a_longer_user_agent_is_cut_at_a_character() {
    let at_most = "ä".repeat(USER_AGENT_BYTES_MAX / 2);
    let destination = "x".repeat(DESTINATION_BYTES_MAX);
    let largest = HitRecord {
        peer: Some(IpAddr::from([7; 16])),
        user_agent: Some(format!("{at_most}ä").into()),
        destination: Some(destination.into()),
        ..hit()
    };
    let bytes = largest.encode();
    assert!(bytes.len() <= PAYLOAD_BYTES_MAX);
    assert_eq!(HitRecord::decode(&bytes).and_then(|hit| hit.user_agent), Some(at_most.into()));
    assert_eq!(cut(&format!("x{}", "ä".repeat(300))).len(), USER_AGENT_BYTES_MAX - 1);
}

#[test]
fn a_hit_that_is_cut_or_longer_or_of_another_version_is_none() {
    for mut bytes in [hit().encode(), of_version_1()] {
        for end in 0..bytes.len() {
            assert_eq!(HitRecord::decode(&bytes[..end]), None, "{end}");
        }
        bytes.push(0);
        assert_eq!(HitRecord::decode(&bytes), None);
        bytes.pop();
        bytes[0] = VERSION + 1;
        assert_eq!(HitRecord::decode(&bytes), None);
    }
    let mut bytes = hit().encode();
    for what in [128 | bytes[1], bytes[1] | IPV6] {
        bytes[1] = what;
        assert_eq!(HitRecord::decode(&bytes), None, "{what}");
    }
}

proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), version in 1..3_u8) {
        let mut bytes = bytes;
        if let [first, ..] = &mut bytes[..] {
            *first = version;
        }
        drop(HitRecord::decode(&bytes));
    }
}
