//! Headers: whatever a customer may set, the built message has sound lines, and the header says what it was given.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pillarbox_fuzz::assert_sound;
use pillarbox_fuzz::mail::address::Mailbox;
use pillarbox_fuzz::mail::build::{Outgoing, build};
use pillarbox_fuzz::mail::dkim::{Algorithm, Prepared};
use pillarbox_fuzz::mail::headers::CustomHeaders;

fuzz_target!(|input: (&str, &str, &str, &str)| {
    let (name, value, subject, text) = input;
    let Ok(headers) = CustomHeaders::check([(name, value)].into_iter()) else { return };
    if subject.contains(char::is_control) || text.len() > 4_096 {
        return;
    }
    let from = Mailbox::parse("Acme <news@acme.example>").expect("it is an address");
    let raw = build(&Outgoing {
        message_id: "1@acme.example",
        date_unix: 0,
        from: &from,
        to: &[],
        cc: &[],
        reply_to: None,
        subject,
        text: Some(text),
        html: None,
        attachments: &[],
        headers: headers.as_slice(),
        email_id: "1",
        unsubscribe: None,
        boundary_seed: "seed",
    });
    assert_sound(&raw);
    assert!(raw.is_ascii());
    let prepared = Prepared::of(&raw).expect("it has an author");
    assert_sound(prepared.unsigned(Algorithm::Ed25519, "acme.example", "s", 0).signed(&[1; 64]).as_bytes());
});
