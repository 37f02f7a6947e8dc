//! A bounce address opens to what was sealed, whatever servers do to its case, and no other address opens.

use super::*;
use crate::mail::address::{self, EmailAddress};
use proptest::prelude::*;

fn keys() -> Keys {
    Keys::new(vec![(7, [1; 32]), (3, [2; 32])]).expect("two keys")
}

#[test]
fn an_address_never_changes_its_spelling() {
    let local = keys().seal(Uuid::from_u128(0x0193_5c00_dead_beef), 300);
    // As Python's hmac and base64 make it.
    assert_eq!(local, "b-a4aaaaaaaaaaaaabsnoabxvnx3xqclfxeivpi3vk4cxvde43l75ym5xd");
    assert_eq!(local.len(), LOCAL_BYTES);
    const { assert!(LOCAL_BYTES <= address::LOCAL_BYTES_MAX) };
    let whole = format!("{local}@bounce.acme.example");
    assert_eq!(EmailAddress::parse(&whole).map(|parsed| parsed.to_string()), Ok(whole));
}

#[test]
fn an_older_key_still_opens_and_a_lost_one_does_not() {
    let old = Keys::new(vec![(3, [2; 32])]).expect("one key");
    let returned = Returned { email_id: Uuid::from_u128(5), recipient_number: 49 };
    let local = old.seal(returned.email_id, returned.recipient_number);
    assert_eq!(keys().open(&local), Some(returned));
    assert_eq!(Keys::new(vec![(3, [9; 32])]).expect("one key").open(&local), None, "another installation");
    assert_eq!(Keys::new(vec![(7, [2; 32])]).expect("one key").open(&local), None, "another id");
}

#[test]
fn a_whole_address_opens_by_its_local_part() {
    let returned = Returned { email_id: Uuid::from_u128(5), recipient_number: 0 };
    let local = keys().seal(returned.email_id, returned.recipient_number);
    for address in [format!("{local}@acme.example"), format!("<{local}@ACME.example>"), local] {
        assert_eq!(keys().open_address(&address), Some(returned), "{address}");
    }
    for address in ["", "@", "<>", "ada@example.com", "b-@acme.example"] {
        assert_eq!(keys().open_address(address), None, "{address}");
    }
}

proptest! {
    #[test]
    fn what_was_sealed_opens_in_any_case(id in any::<u128>(), recipient_number in any::<u16>(), upper in any::<u64>()) {
        let returned = Returned { email_id: Uuid::from_u128(id), recipient_number };
        let local = keys().seal(returned.email_id, recipient_number);
        prop_assert_eq!(local.len(), LOCAL_BYTES);
        let turned: String = local
            .chars()
            .enumerate()
            .map(|(at, letter)| if upper >> at & 1 == 1 { letter.to_ascii_uppercase() } else { letter })
            .collect();
        prop_assert_eq!(keys().open(&local), Some(returned));
        prop_assert_eq!(keys().open(&turned), Some(returned));
        prop_assert_eq!(keys().open(&local.to_uppercase()), Some(returned));
    }

    #[test]
    fn no_changed_letter_goes_unseen(id in any::<u128>(), number in any::<u16>(), with in "[a-z0-9+=._ é-]") {
        let local = keys().seal(Uuid::from_u128(id), number);
        for at in 0..local.len() {
            let (before, after) = (&local[..at], &local[at + 1..]);
            let changed = format!("{before}{with}{after}");
            prop_assert!(changed == local || keys().open(&changed).is_none(), "{}", changed);
            prop_assert_eq!(keys().open(before), None);
            prop_assert_eq!(keys().open(after), None);
            prop_assert_eq!(keys().open(&format!("{before}{after}")), None);
            prop_assert_eq!(keys().open(&format!("{before}{with}{}", &local[at..])), None);
        }
        prop_assert_eq!(keys().open(&format!("{local}{with}")), None);
    }

    #[test]
    fn no_flipped_bit_goes_unseen(id in any::<u128>(), number in any::<u16>()) {
        let local = keys().seal(Uuid::from_u128(id), number);
        let bytes = read_base32(&local[PREFIX.len()..]).expect("it is base32");
        for bit in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            let mut forged = PREFIX.to_owned();
            write_base32(&mut forged, &changed);
            prop_assert_eq!(keys().open(&forged), None);
        }
    }

    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,80}|b-[a-z2-7]{56}|b-\\PC{56}") {
        prop_assert_eq!(keys().open(&text), None);
        prop_assert_eq!(keys().open_address(&text), None);
    }
}
