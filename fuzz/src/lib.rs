//! The rules of mail as the targets call them.
//!
//! They are taken from the host's sources and not from its crate: `host/src/mail/` depends on nothing but its arguments, so
//! the sandbox, the database and the server need not be built with coverage counters. What reads SMTP joins them here in
//! the same way.

#[allow(dead_code, reason = "the targets do not call all of it")]
pub mod submission;

#[allow(dead_code, missing_docs, reason = "the targets do not call all of it")]
#[path = "../../host/src/mail/mod.rs"]
pub mod mail;

/// Every line of a finished message ends in CRLF and none is longer than RFC 5322 section 2.1.1 allows.
pub fn assert_sound(raw: &[u8]) {
    let mut before = 0;
    for (at, &byte) in raw.iter().enumerate() {
        assert!(byte != b'\r' || raw.get(at + 1) == Some(&b'\n'), "a bare CR at {at}");
        if byte == b'\n' {
            assert!(at > 0 && raw[at - 1] == b'\r', "a bare LF at {at}");
            assert!(at - before <= 999, "a line of {} bytes", at - before - 1);
            before = at + 1;
        }
    }
}
