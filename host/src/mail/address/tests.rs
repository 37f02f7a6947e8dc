//! What people type as an address, and what must never pass for one.

use super::*;
use proptest::prelude::*;

#[track_caller]
fn reads(text: &str, whole: &str) {
    let address = EmailAddress::parse(text).expect(text);
    assert_eq!(address.as_str(), whole);
    assert_eq!(format!("{}@{}", address.local(), address.domain()), whole);
}

#[track_caller]
fn refuses(text: &str, why: AddressError) {
    assert_eq!(EmailAddress::parse(text), Err(why), "{text:?}");
}

#[test]
fn an_address_keeps_its_local_part_and_lowers_its_domain() {
    reads("ada@example.com", "ada@example.com");
    reads("Ada.Lovelace+tag@EXAMPLE.Com", "Ada.Lovelace+tag@example.com");
    reads("!#$%&'*+-/=?^_`{|}~@example.com", "!#$%&'*+-/=?^_`{|}~@example.com");
    reads("用户@例子.测试", "用户@xn--fsqu00a.xn--0zwm56d");
    reads("ada@Bücher.example", "ada@xn--bcher-kva.example");
    reads("ada@r3---x.example", "ada@r3---x.example");
    reads("\"ada\"@example.com", "ada@example.com");
    reads("\"a\\d\\a\"@example.com", "ada@example.com");
    reads("\"a b@c\"@example.com", "\"a b@c\"@example.com");
    reads("\"a\\\"b\\\\\"@example.com", "\"a\\\"b\\\\\"@example.com");
}

#[test]
fn what_is_no_address_is_refused_with_its_reason() {
    use AddressError as E;
    refuses("", E::Empty);
    refuses("ada", E::NoAt);
    refuses("@example.com", E::NoLocal);
    refuses("\"\"@example.com", E::NoLocal);
    refuses("ada@", E::NoDomain);
    refuses("ada@example", E::DomainWithoutDot);
    refuses("ada@[127.0.0.1]", E::DomainLiteral);
    refuses("ada@127.0.0.1", E::DomainLiteral);
    refuses("ada@example.com.", E::Domain);
    refuses("ada@-example.com", E::Domain);
    refuses("ada@exa_mple.com", E::Domain);
    refuses("ada@exa mple.com", E::Domain);
    refuses("ada@example..com", E::Domain);
    refuses("a b@example.com", E::LocalCharacter(' '));
    refuses("a@b@example.com", E::LocalCharacter('@'));
    refuses("ada\r\n@example.com", E::LocalCharacter('\r'));
    refuses("\"a\nb\"@example.com", E::LocalCharacter('\n'));
    refuses("\"a\0b\"@example.com", E::LocalCharacter('\0'));
    refuses("a\u{200b}da@example.com", E::LocalCharacter('\u{200b}'));
    refuses(".ada@example.com", E::LocalDots);
    refuses("ada.@example.com", E::LocalDots);
    refuses("a..da@example.com", E::LocalDots);
    refuses("\"ada@example.com", E::Unquoted);
    refuses("\"a\"da@example.com", E::Unquoted);
    refuses("<ada@example.com>", E::LocalCharacter('<'));
    refuses("ada@example.com\r\nBcc: eve", E::Domain);
}

#[test]
fn every_length_has_its_limit() {
    let local = |bytes: usize| format!("{}@example.com", "a".repeat(bytes));
    reads(&local(LOCAL_BYTES_MAX), &local(LOCAL_BYTES_MAX));
    refuses(&local(LOCAL_BYTES_MAX + 1), AddressError::LocalTooLong);

    let domain = |bytes: usize| {
        let labels = format!("{}.", "a".repeat(63)).repeat(3);
        format!("{labels}{}", "b".repeat(bytes - labels.len()))
    };
    assert!(DomainName::parse(&domain(DOMAIN_BYTES_MAX)).is_ok());
    assert_eq!(DomainName::parse(&domain(DOMAIN_BYTES_MAX + 1)), Err(AddressError::DomainTooLong));
    assert!(DomainName::parse(&format!("{}.com", "a".repeat(63))).is_ok());
    assert_eq!(DomainName::parse(&format!("{}.com", "a".repeat(64))), Err(AddressError::Domain));

    let whole = |bytes: usize| format!("{}@{}", "a".repeat(LOCAL_BYTES_MAX), domain(bytes - LOCAL_BYTES_MAX - 1));
    let whole = |bytes: usize| if bytes > 255 { whole(bytes) } else { format!("ab@{}", domain(bytes - 3)) };
    reads(&whole(ADDRESS_BYTES_MAX), &whole(ADDRESS_BYTES_MAX));
    refuses(&whole(ADDRESS_BYTES_MAX + 1), AddressError::TooLong);
    refuses(&"a".repeat(INPUT_BYTES_MAX + 1), AddressError::TooLong);
}

#[test]
fn one_person_is_found_however_the_address_is_typed() {
    let parse = |text| EmailAddress::parse(text).expect(text);
    assert!(parse("Ada@Example.com").matches(&parse("aDA@example.COM")));
    assert!(parse("\"ada\"@example.com").matches(&parse("ada@example.com")));
    assert!(parse("ÄDA@bücher.example").matches(&parse("äda@xn--bcher-kva.example")));
    assert!(!parse("ada@example.com").matches(&parse("ada@example.org")));
}

#[track_caller]
fn mailbox(text: &str, name: Option<&str>, address: &str) {
    let parsed = Mailbox::parse(text).expect(text);
    assert_eq!((parsed.name.as_deref(), parsed.address.as_str()), (name, address));
}

#[test]
fn a_mailbox_may_have_a_name() {
    mailbox(" ada@example.com ", None, "ada@example.com");
    mailbox("<ada@example.com>", None, "ada@example.com");
    mailbox("\"\" <ada@example.com>", None, "ada@example.com");
    mailbox("Ada Lovelace <ada@example.com>", Some("Ada Lovelace"), "ada@example.com");
    mailbox("Ada<ada@example.com>", Some("Ada"), "ada@example.com");
    mailbox("Ada L. (Ops) <ada@example.com>", Some("Ada L. (Ops)"), "ada@example.com");
    mailbox("\"Lovelace, Ada\" <ada@example.com>", Some("Lovelace, Ada"), "ada@example.com");
    mailbox("\"A \\\"Ace\\\" <L>\" <ada@example.com>", Some("A \"Ace\" <L>"), "ada@example.com");
    mailbox("阿达 <ada@example.com>", Some("阿达"), "ada@example.com");
    mailbox("Ada <\"a,b\"@example.com>", Some("Ada"), "\"a,b\"@example.com");
}

#[test]
fn a_mailbox_is_one_and_cannot_end_its_line() {
    use AddressError as E;
    for (text, why) in [
        ("a@example.com, b@example.com", E::Several),
        ("a@example.com; b@example.com", E::Several),
        ("A <a@example.com>, B <b@example.com>", E::Several),
        ("Lovelace, Ada <ada@example.com>", E::Several),
        ("Ada <a@example.com,b@example.com>", E::Several),
        ("Ada <ada@example.com", E::NoClosingBracket),
        ("Ada <ada@example.com> x", E::AfterAddress),
        ("Ada <>", E::Empty),
        ("\"Ada <ada@example.com>", E::Unquoted),
        ("Ada\r\nBcc: eve <ada@example.com>", E::NameCharacter('\r')),
        ("\"Ada\nB\" <ada@example.com>", E::NameCharacter('\n')),
        ("moc.\u{202e}ada <ada@example.com>", E::NameCharacter('\u{202e}')),
    ] {
        assert_eq!(Mailbox::parse(text), Err(why), "{text:?}");
    }
    let named = |bytes: usize| format!("{} <ada@example.com>", "n".repeat(bytes));
    assert!(Mailbox::parse(&named(NAME_BYTES_MAX)).is_ok());
    assert_eq!(Mailbox::parse(&named(NAME_BYTES_MAX + 1)), Err(E::NameTooLong));
}

#[test]
fn an_error_says_what_to_write_instead() {
    assert_eq!(AddressError::NoAt.to_string(), "the address has no @; write it as name@example.com");
    assert_eq!(AddressError::LocalCharacter('(').to_string(), "'(' cannot stand before the @");
    assert_eq!(AddressError::NameCharacter('\n').to_string(), "the character U+000A cannot stand in a display name");
}

proptest! {
    #[test]
    fn whatever_is_typed_nothing_panics_and_what_is_read_reads_again(text in "\\PC{0,40}|[\"\\\\<>@., a-c\r\n]{0,30}") {
        if let Ok(parsed) = Mailbox::parse(&text) {
            let shown = parsed.to_string();
            prop_assert!(!shown.contains(['\r', '\n', '\0']));
            prop_assert_eq!(Mailbox::parse(&shown), Ok(parsed));
        }
    }

    #[test]
    fn every_name_survives_being_shown(name in "[^\\p{C}\\u{2028}\\u{2029}]{1,40}") {
        prop_assume!(!name.trim().is_empty());
        let ada = Mailbox { name: Some(name), address: EmailAddress::parse("ada@example.com").unwrap() };
        prop_assert_eq!(Mailbox::parse(&ada.to_string()), Ok(ada));
    }
}
