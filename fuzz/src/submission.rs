//! What reads SMTP in the submission server, as the targets call it.

#[rustfmt::skip] // It is formatted where it is at home.
#[path = "../../host/src/smtp/server/command.rs"]
mod command;
#[rustfmt::skip] // It is formatted where it is at home.
#[path = "../../host/src/smtp/server/content.rs"]
mod content;
#[rustfmt::skip] // It is formatted where it is at home.
#[path = "../../host/src/smtp/server/reply.rs"]
mod reply;

use self::content::{Content, Progress};

/// Room for every input that libFuzzer makes.
const BYTES_MAX: usize = 1 << 20;

/// One line of a client: what is no command is refused in lines that cannot be taken for anything else.
pub fn read_command(line: &[u8]) {
    if let Err(refusal) = command::parse(line) {
        let wire = refusal.to_wire();
        assert!(refusal.is_refusal() && wire.ends_with("\r\n"), "{wire:?}");
        for line in wire.trim_end_matches("\r\n").split("\r\n") {
            let code = line.get(..3).unwrap_or_default();
            assert!(code.starts_with(['4', '5']) && code.bytes().all(|byte| byte.is_ascii_digit()), "{wire:?}");
            assert!(!line.contains(['\r', '\n']), "{wire:?}");
        }
    }
}

/// What follows DATA, in pieces of these sizes: where it ends, and what it is, do not depend on the pieces.
pub fn read_content(stream: &[u8], pieces: &[u8]) {
    let at_once = taken(stream, std::iter::repeat(stream.len().max(1)));
    let sizes = pieces.iter().map(|size| usize::from(*size) + 1).chain(std::iter::repeat(1));
    assert_eq!(at_once, taken(stream, sizes), "it depends on the pieces");
    if let Some((end, Some(message))) = at_once {
        super::assert_sound(&message);
        assert!(stream[..end].ends_with(b"\r\n.\r\n") || &stream[..end] == b".\r\n", "it ended somewhere else");
    }
}

/// Where the message ended, and what came; `None` when it did not end, or must not go on.
fn taken(stream: &[u8], sizes: impl Iterator<Item = usize>) -> Option<(usize, Option<Vec<u8>>)> {
    let mut content = Content::dotted(BYTES_MAX);
    let mut begun = 0;
    for size in sizes {
        let piece = stream.get(begun..(begun + size).min(stream.len())).filter(|piece| !piece.is_empty())?;
        match content.take(piece) {
            Progress::More => begun += piece.len(),
            Progress::BareLineEnd => return None,
            Progress::End(used) => return Some((begun + used, content.finish()?.ok())),
        }
    }
    None
}
