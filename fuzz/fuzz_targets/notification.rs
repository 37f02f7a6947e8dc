//! Whatever is posted as a notification: the first byte chooses what the request says of itself, the rest is the body.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pillarbox_normalizer::{REASON_BYTES_MAX, Request, normalize};

const CONTENT_TYPES: &[&str] = &[
    "",
    "application/json",
    "message/rfc822",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=b",
    "multipart/report; report-type=delivery-status; boundary=b",
    "message/feedback-report",
];

fuzz_target!(|data: &[u8]| {
    let Some((&choice, body)) = data.split_first() else { return };
    let content_type = CONTENT_TYPES[usize::from(choice) % CONTENT_TYPES.len()];
    let endpoint = ["in", "bounce", "complaint"][usize::from(choice) / CONTENT_TYPES.len() % 3];
    let request = Request {
        content_type: content_type.into(),
        body: body.to_vec(),
        attributes: vec![("endpoint".into(), endpoint.into())],
        ..Request::default()
    };
    let answer = normalize(&request, &[]);
    assert_eq!(answer, normalize(&request, &[]), "the same request always means the same");
    for event in answer.into_iter().flat_map(|outcome| outcome.events) {
        assert!(event.reason.is_none_or(|reason| reason.len() <= REASON_BYTES_MAX));
        assert!(event.smtp_code.is_none_or(|code| (200..600).contains(&code)));
        // In our own format the recipient is what the caller writes.
        let is_ours = event.provider == "pillarbox";
        assert!(is_ours || event.recipient.is_none_or(|recipient| recipient.contains('@')));
    }
});
