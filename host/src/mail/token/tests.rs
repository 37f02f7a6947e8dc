//! Tokens survive nothing but being carried: every change to one is found.

use super::*;
use proptest::prelude::*;
use ring::hmac;

fn ring() -> KeyRing {
    KeyRing::new(vec![(7, [1; 32]), (3, [2; 32])]).expect("two keys")
}

fn click(destination: &str) -> Claims {
    Claims { email_id: Uuid::from_u128(0x0193_5c00_dead_beef), link: 300, destination: Some(destination.into()) }
}

const PURPOSES: [Purpose; 3] = [Purpose::Open, Purpose::Click, Purpose::Unsubscribe];

#[test]
fn a_token_never_changes_its_spelling() {
    let token = ring().seal(&click("https://example.com/?a=1&b=ü"), Purpose::Click);
    let first = "JgcAAAAAAAAAAAGTXADerb7vrAJleGFtcGxlLmNvbS8_YT0xJmI9w7";
    assert_eq!(token.as_deref().map(|token| &token[..first.len()]), Ok(first));
    assert_eq!(token.map(|token| token.len()), Ok(((18 + 2 + 21 + 16) * 8_usize).div_ceil(6)));
}

#[test]
fn a_link_to_an_address_of_60_characters_has_a_token_of_116() {
    let claims = Claims { link: 3, ..click(&format!("https://example.com/{}", "a".repeat(40))) };
    assert_eq!(claims.destination.as_deref().map(str::len), Some(60));
    assert_eq!(ring().seal(&claims, Purpose::Click).map(|token| token.len()), Ok(116));
    let pixel = Claims { link: 0, destination: None, ..claims };
    assert_eq!(ring().seal(&pixel, Purpose::Open).map(|token| token.len()), Ok(47));
}

#[test]
fn an_older_key_still_opens_and_a_lost_one_does_not() {
    let old = KeyRing::new(vec![(3, [2; 32])]).expect("one key");
    let token = old.seal(&click("https://example.com"), Purpose::Click).expect("a fine URL");
    assert_eq!(ring().open(&token, Purpose::Click), Some(click("https://example.com")));
    let other = KeyRing::new(vec![(3, [9; 32])]).expect("one key");
    assert_eq!(other.open(&token, Purpose::Click), None);
    let lost = KeyRing::new(vec![(7, [1; 32])]).expect("one key");
    assert_eq!(lost.open(&token, Purpose::Click), None);
}

#[test]
fn a_ring_needs_keys_with_ids_of_their_own() {
    assert!(KeyRing::new(vec![]).is_none());
    assert!(KeyRing::new(vec![(1, [1; 32]), (1, [2; 32])]).is_none());
}

#[track_caller]
fn leads(url: &str, expected: Result<(), DestinationError>) {
    assert_eq!(check_destination(url), expected, "{url}");
    let token = ring().seal(&click(url), Purpose::Click);
    assert_eq!(token.map(|_| ()), expected);
}

#[test]
fn only_web_pages_are_destinations() {
    use DestinationError as E;
    leads("https://example.com", Ok(()));
    leads("HTTP://EXAMPLE.com:8080/a?b=c@d#e\\f", Ok(()));
    leads("https://bücher.example/ü", Ok(()));
    leads("https://[2001:db8::1]/", Ok(()));
    leads("javascript:alert(1)", Err(E::Scheme));
    leads("//example.com", Err(E::Scheme));
    leads("https:/example.com", Err(E::Scheme));
    leads("", Err(E::Scheme));
    leads("https://user@example.com/", Err(E::UserInfo));
    leads("https://example.com\\@evil.example/", Err(E::UserInfo));
    leads("https:///path", Err(E::Host));
    leads("https://:80/", Err(E::Host));
    leads("https://example.com/a b", Err(E::Character));
    leads("https://example.com/\r\nSet-Cookie:a", Err(E::Character));
    leads("https://example.com/\u{2028}", Err(E::Character));
    let long = |bytes: usize| format!("https://example.com/{}", "a".repeat(bytes - 20));
    leads(&long(DESTINATION_BYTES_MAX), Ok(()));
    leads(&long(DESTINATION_BYTES_MAX + 1), Err(E::TooLong));
}

#[test]
fn the_longest_token_is_still_opened_and_a_longer_text_is_not_decoded() {
    // A scheme in capitals stands in the token as it is.
    let mut claims = click(&format!("HTTPS://example.com/{}", "a".repeat(DESTINATION_BYTES_MAX - 20)));
    claims.link = u32::MAX;
    let token = ring().seal(&claims, Purpose::Click).expect("just inside");
    assert!(token.len() <= TOKEN_BYTES_MAX && token.len() + 4 > TOKEN_BYTES_MAX);
    assert_eq!(ring().open(&token, Purpose::Click), Some(claims));
    assert_eq!(ring().open(&"A".repeat(TOKEN_BYTES_MAX + 1), Purpose::Click), None);
}

/// A token whose MAC is right, whatever stands in it.
fn signed(body: &[u8]) -> String {
    let mac = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &[1; 32]), body);
    URL_SAFE_NO_PAD.encode([body, &mac.as_ref()[..MAC_BYTES]].concat())
}

#[test]
fn even_a_signed_token_is_checked_again() {
    let kind = VERSION << 4 | Purpose::Click.number() << 2;
    let of = |kind: u8, rest: &[u8]| [&[kind, 7], &[0; 16][..], rest].concat();
    let body = |rest: &[u8]| of(kind, rest);
    assert!(ring().open(&signed(&body(b"\x00https://example.com")), Purpose::Click).is_some());
    assert!(ring().open(&signed(&of(kind | 2, b"\x00example.com")), Purpose::Click).is_some());
    assert!(ring().open(&signed(&body(b"\xff\xff\xff\xff\x0f")), Purpose::Click).is_some());
    for (kind, rest) in [(kind | 3, "\x00example.com"), (kind | 2, "\x00"), (kind, "\x00example.com")] {
        assert_eq!(ring().open(&signed(&of(kind, rest.as_bytes())), Purpose::Click), None, "{kind} {rest}");
    }
    for rest in [&b""[..], b"\x80", b"\xff\xff\xff\xff\x1f", b"\xff\xff\xff\xff\xff\x01", b"\x00ftp://a", b"\x00\xff"] {
        assert_eq!(ring().open(&signed(&body(rest)), Purpose::Click), None, "{rest:?}");
    }
    assert_eq!(ring().open(&signed(&[kind, 7]), Purpose::Click), None);
    for other in [0, kind & 0xf, 1 << 4, 3 << 4] {
        assert_eq!(ring().open(&signed(&of(other, b"\x00")), Purpose::Open), None, "{other}");
    }
}

#[test]
fn a_location_is_ascii_and_otherwise_the_same() {
    assert_eq!(as_location("https://example.com/a%20b?ü=日"), "https://example.com/a%20b?%C3%BC=%E6%97%A5");
    assert!(matches!(as_location("https://example.com/%zz"), Cow::Borrowed("https://example.com/%zz")));
}

fn claims() -> impl Strategy<Value = Claims> {
    let url = "(https?|HTTPS)://[a-zü0-9.-]{1,20}(:[0-9]{1,5})?(/[^\\p{C}\\p{Z}]{0,60})?";
    (any::<u128>(), any::<u32>(), proptest::option::of(url)).prop_map(|(id, link, destination)| Claims {
        email_id: Uuid::from_u128(id),
        link,
        destination,
    })
}

proptest! {
    #[test]
    fn every_url_comes_back_byte_for_byte(claims in claims(), which in 0..3_usize) {
        let token = ring().seal(&claims, PURPOSES[which]).unwrap();
        prop_assert_eq!(ring().open(&token, PURPOSES[which]), Some(claims));
        for other in PURPOSES.iter().filter(|other| **other != PURPOSES[which]) {
            prop_assert_eq!(ring().open(&token, *other), None);
        }
    }

    #[test]
    fn no_changed_token_opens(claims in claims(), at in any::<prop::sample::Index>(), with in "[A-Za-z0-9_-]|[=+/ %.]") {
        let token = ring().seal(&claims, Purpose::Click).unwrap();
        let at = at.index(token.len());
        let open = |token: &str| ring().open(token, Purpose::Click);
        prop_assert_eq!(open(&token[..at]), None);
        prop_assert_eq!(open(&token[at + 1..]), None);
        let (changed, longer) = (
            format!("{}{with}{}", &token[..at], &token[at + 1..]),
            format!("{}{with}{}", &token[..at], &token[at..]),
        );
        prop_assert!(changed == token || open(&changed).is_none());
        prop_assert_eq!(open(&longer), None);
        prop_assert_eq!(open(&format!("{token}{with}")), None);
        prop_assert_eq!(open(&format!("{token}=")), None);
    }

    #[test]
    fn no_flipped_bit_goes_unseen(claims in claims(), bit in any::<prop::sample::Index>()) {
        let token = ring().seal(&claims, Purpose::Open).unwrap();
        let mut bytes = URL_SAFE_NO_PAD.decode(&token).unwrap();
        let bit = bit.index(bytes.len() * 8);
        bytes[bit / 8] ^= 1 << (bit % 8);
        for purpose in PURPOSES {
            prop_assert_eq!(ring().open(&URL_SAFE_NO_PAD.encode(&bytes), purpose), None);
        }
    }

    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,80}|[A-Za-z0-9_-]{0,80}") {
        prop_assert_eq!(ring().open(&text, Purpose::Open), None);
    }
}
