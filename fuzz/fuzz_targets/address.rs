//! Addresses and domain names: what is taken reads back as itself, is within its bounds, and cannot end a line.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pillarbox_fuzz::mail::address::{ADDRESS_BYTES_MAX, DOMAIN_BYTES_MAX, DomainName, EmailAddress, Mailbox};
use pillarbox_fuzz::mail::verp::Keys;

fuzz_target!(|text: &str| {
    if let Ok(domain) = DomainName::parse(text) {
        assert!(domain.as_str().is_ascii() && domain.as_str().len() <= DOMAIN_BYTES_MAX);
        assert_eq!(DomainName::parse(domain.as_str()).as_ref(), Ok(&domain));
    }
    if let Ok(address) = EmailAddress::parse(text) {
        assert!(address.as_str().len() <= ADDRESS_BYTES_MAX && !address.as_str().contains(char::is_control));
        assert_eq!(EmailAddress::parse(address.as_str()).as_ref(), Ok(&address));
        assert_eq!(format!("{}@{}", address.local(), address.domain()), address.as_str());
    }
    if let Ok(mailbox) = Mailbox::parse(text) {
        let shown = mailbox.to_string();
        assert!(!shown.contains(char::is_control), "{shown:?}");
        assert_eq!(Mailbox::parse(&shown).as_ref(), Ok(&mailbox), "{shown:?}");
    }
    let keys = Keys::new(vec![(1, [7; 32])]).expect("one key");
    assert_eq!(keys.open_address(text), None, "nobody guesses a bounce address");
});
