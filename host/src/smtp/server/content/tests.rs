use proptest::prelude::*;

use super::*;

const BYTES_MAX: usize = 10_000;

/// Gives the wire in pieces of these sizes, again and again.
fn receive(wire: &[u8], pieces: &[usize]) -> (Content, Progress, usize) {
    let mut content = Content::dotted(BYTES_MAX);
    let mut at = 0;
    for piece in pieces.iter().cycle() {
        let end = wire.len().min(at + (*piece).max(1));
        match content.take(&wire[at..end]) {
            Progress::More if end < wire.len() => at = end,
            Progress::End(used) => return (content, Progress::End(used), at + used),
            progress => return (content, progress, end),
        }
    }
    unreachable!("the pieces go on for ever")
}

#[track_caller]
fn ends(wire: &str, message: &str, left: &str) {
    for pieces in [&[1_usize][..], &[2], &[3], &[usize::MAX >> 1]] {
        let (content, progress, used) = receive(wire.as_bytes(), pieces);
        assert!(matches!(progress, Progress::End(_)), "{wire:?} {progress:?}");
        assert_eq!(&wire[used..], left, "{wire:?}");
        assert_eq!(content.seen(), used, "{wire:?}");
        let whole = content.finish().expect("it has an end").expect("it has no fault");
        assert_eq!(String::from_utf8_lossy(&whole), message, "{wire:?}");
    }
}

#[track_caller]
fn breaks(wire: &str) {
    for pieces in [&[1_usize][..], &[2], &[3], &[usize::MAX >> 1]] {
        assert_eq!(receive(wire.as_bytes(), pieces).1, Progress::BareLineEnd, "{wire:?}");
    }
}

#[test]
fn a_message_ends_with_a_dot_on_a_line_of_its_own() {
    ends("a\r\n.\r\n", "a\r\n", "");
    ends(".\r\n", "", "");
    ends("a\r\n.\r\nQUIT\r\n", "a\r\n", "QUIT\r\n");
    ends("\r\n\r\n.\r\n", "\r\n\r\n", "");
}

#[test]
fn a_dot_before_a_line_is_taken_away() {
    ends("..\r\n.\r\n", ".\r\n", "");
    ends("..a\r\n.b\r\n...\r\n.\r\n", ".a\r\nb\r\n..\r\n", "");
    ends("a.\r\n.\r\n", "a.\r\n", "");
}

#[test]
fn nothing_but_crlf_ends_a_line() {
    for wire in [
        "a\n.\r\n",
        "a\r.\r\n",
        "a\r\n.\n",
        "a\r\n.\r.\r\n",
        "a\n.\n",
        "a\r.\r",
        "\n",
        "a\r\r\n.\r\n",
        "a\r\n.\r\r\n",
        "a\r\n\n.\r\n",
        "a\r\n.a\n",
    ] {
        breaks(wire);
    }
}

#[test]
fn a_message_has_a_bound_and_is_read_to_its_end_all_the_same() {
    let line = "x".repeat(98) + "\r\n";
    let wire = |bytes: usize| line.repeat(bytes / 100) + ".\r\nQUIT\r\n";
    let (content, ..) = receive(wire(BYTES_MAX).as_bytes(), &[1_000]);
    assert_eq!(content.held(), BYTES_MAX);
    assert_eq!(content.finish().expect("it has an end").expect("it fits").len(), BYTES_MAX);
    let (content, progress, used) = receive(wire(BYTES_MAX + 100).as_bytes(), &[1_000]);
    assert!(matches!(progress, Progress::End(_)));
    assert_eq!((used, content.held()), (BYTES_MAX + 100 + 3, 0));
    assert_eq!(content.finish(), Some(Err(Fault::TooLarge)));
}

#[test]
fn a_line_has_a_bound() {
    let of = |bytes: usize| receive((".".to_owned() + &"x".repeat(bytes) + "\r\n.\r\n").as_bytes(), &[7]).0.finish();
    assert!(matches!(of(TEXT_LINE_BYTES_MAX), Some(Ok(_))));
    assert_eq!(of(TEXT_LINE_BYTES_MAX + 1), Some(Err(Fault::LineTooLong)));
}

#[test]
fn in_chunks_a_dot_is_a_dot_and_the_last_line_gets_an_end() {
    let chunks = |pieces: &[&str]| {
        let mut content = Content::chunked(BYTES_MAX);
        let progress: Vec<_> = pieces.iter().map(|piece| content.take(piece.as_bytes())).collect();
        assert_eq!(progress, vec![Progress::More; pieces.len()]);
        content.finish().map(|whole| String::from_utf8(whole.expect("it has no fault")).expect("text"))
    };
    assert_eq!(chunks(&[".\r\n..\r", "\n.\r\n"]).as_deref(), Some(".\r\n..\r\n.\r\n"));
    assert_eq!(chunks(&["a\r\nb"]).as_deref(), Some("a\r\nb\r\n"));
    assert_eq!(chunks(&["a\r"]), None);
    let mut content = Content::chunked(BYTES_MAX);
    assert_eq!(content.take(b"a\nb"), Progress::BareLineEnd);
}

proptest! {
    /// Whatever lines a message has, what a client makes of it comes out as it was, and what is behind it stays.
    #[test]
    fn what_is_stuffed_comes_out_as_it_was(
        lines in proptest::collection::vec("[.a\u{0}-\u{9}]{0,4}", 0..8),
        pieces in proptest::collection::vec(1_usize..9, 1..5),
    ) {
        let ended = |lines: &[String]| [lines.join("\r\n"), "\r\n".into()].concat();
        let message = if lines.is_empty() { String::new() } else { ended(&lines) };
        let stuffed: Vec<_> = lines
            .iter()
            .map(|line| if line.starts_with('.') { format!(".{line}") } else { line.clone() })
            .chain([".".into(), "RSET".into()])
            .collect();
        let wire = ended(&stuffed);
        let (content, progress, used) = receive(wire.as_bytes(), &pieces);
        prop_assert!(matches!(progress, Progress::End(_)));
        prop_assert_eq!(&wire[used..], "RSET\r\n");
        prop_assert_eq!(content.finish().unwrap().unwrap(), message.into_bytes());
    }

    /// No byte string is read as a message with a line end that is not CRLF in it.
    #[test]
    fn no_message_has_a_bare_line_end(
        wire in "[\r\n.a]{0,40}",
        pieces in proptest::collection::vec(1_usize..9, 1..5),
    ) {
        let wire = wire + "\r\n.\r\n";
        let (content, progress, used) = receive(wire.as_bytes(), &pieces);
        let before = &wire.as_bytes()[..used];
        let bare = (0..before.len()).any(|at| match before[at] {
            b'\r' => before.get(at + 1).is_some_and(|next| *next != b'\n'),
            b'\n' => at == 0 || before[at - 1] != b'\r',
            _ => false,
        });
        if let Progress::End(_) = progress {
            prop_assert!(!bare, "{wire:?}");
            let message = content.finish().unwrap().unwrap();
            prop_assert!(message.is_empty() || message.ends_with(b"\r\n"));
        }
    }
}

#[test]
fn a_message_from_elsewhere_is_held_to_the_same_rules() {
    let whole = |message: &[u8], bytes_max| super::whole(message, bytes_max);
    assert_eq!(whole(b"a\r\n.\r\nb", 8), Some(Err(Fault::TooLarge)));
    assert_eq!(whole(b"a\r\n.\r\nb", 9), Some(Ok(b"a\r\n.\r\nb\r\n".to_vec())), "its last line ends, and no dot does");
    for bare in [&b"a\nb\r\n"[..], b"a\rb\r\n", b"a\r"] {
        assert_eq!(whole(bare, 100), None, "{bare:?}");
    }
}
