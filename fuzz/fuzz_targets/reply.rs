//! What mail servers answer, line by line: a reply has its bounds, and its one line is one line.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pillarbox_fuzz::mail::reply::{LINES_MAX, ReplyReader, TEXT_BYTES_MAX};

fuzz_target!(|stream: &[u8]| {
    let mut reader = ReplyReader::default();
    for line in stream.split(|byte| *byte == b'\n') {
        match reader.push(line) {
            Ok(None) => {}
            Ok(Some(reply)) => {
                assert!((200..=599).contains(&reply.code) && reply.lines.len() <= LINES_MAX);
                let told = reply.to_string();
                assert!(told.len() <= TEXT_BYTES_MAX && !told.contains(char::is_control), "{told:?}");
                reply.enhanced();
                reader = ReplyReader::default();
            }
            Err(_) => reader = ReplyReader::default(),
        }
    }
});
