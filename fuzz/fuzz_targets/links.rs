//! Links: tracking leaves what it is not asked to change, and a rewritten document has the destinations it is given.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pillarbox_fuzz::mail::links::{destinations, track};
use pillarbox_fuzz::mail::text;

fuzz_target!(|html: &str| {
    let Ok(before) = destinations(html) else { return };
    assert_eq!(track(html, &mut |_| None, None).as_deref(), Ok(html));
    let same = track(html, &mut |url| Some(url.to_owned()), None).expect("it was read before");
    assert_eq!(destinations(&same), Ok(before));
    text::from_html(html);
});
