//! Whole messages of anybody: reading one ends, within its bounds, and so does making it ready for a signature.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pillarbox_fuzz::mail::dkim::Prepared;
use pillarbox_fuzz::mail::parsed::{ADDRESSES_MAX, ATTACHMENTS_MAX, HEADERS_MAX, ParsedMessage};

fuzz_target!(|raw: &[u8]| {
    if let Some(message) = ParsedMessage::parse(raw) {
        assert!(message.headers.len() <= HEADERS_MAX && message.attachments.len() <= ATTACHMENTS_MAX);
        assert!(message.to.len() <= ADDRESSES_MAX);
    }
    Prepared::of(raw);
});
