//! Links: tracking leaves what it is not asked to change, and a rewritten document has the destinations it is given.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pillarbox_fuzz::mail::links::{Added, destinations, track};
use pillarbox_fuzz::mail::text;

fuzz_target!(|html: &str| {
    let Ok(before) = destinations(html) else { return };
    assert_eq!(track(html, &mut |_| None, Added::default()).as_deref(), Ok(html));
    let same = track(html, &mut |url| Some(url.to_owned()), Added::default()).expect("it was read before");
    assert_eq!(destinations(&same), Ok(before));
    text::from_html(html);
});
