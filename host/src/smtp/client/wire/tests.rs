//! Replies in any pieces, and messages in blocks.

use tokio::io::duplex;
use tokio::task::yield_now;

use super::*;

const LIMIT: Duration = Duration::from_millis(200);

/// What is read when the server writes these pieces and then keeps silent, or closes.
async fn read(pieces: &[&[u8]], closes: bool) -> (Result<Reply, Failure>, Wire) {
    let (near, mut far) = duplex(1 << 20);
    let mut wire = Wire::new(near);
    let write = async {
        for piece in pieces {
            far.write_all(piece).await.expect("it is taken");
            yield_now().await;
        }
        if closes {
            drop(far);
            None
        } else {
            Some(far)
        }
    };
    let (reply, far) = tokio::join!(wire.reply(Stage::Mail, LIMIT), write);
    drop(far);
    (reply, wire)
}

#[tokio::test]
async fn a_reply_may_be_split_anywhere() {
    let whole = b"250-mx.example.com\r\n250-SIZE 1000\r\n250 PIPELINING\r\n";
    for at in 0..=whole.len() {
        for and in at..=whole.len() {
            let (reply, wire) = read(&[&whole[..at], &whole[at..and], &whole[and..]], false).await;
            assert_eq!(reply.expect("it is a reply").lines.len(), 3, "split at {at} and {and}");
            assert!(wire.unread.is_empty());
        }
    }
}

#[tokio::test]
async fn replies_in_one_packet_are_read_one_by_one() {
    let (reply, mut wire) = read(&[b"250 a\r\n550-b\r\n550 c\r\n354 d\r\n"], false).await;
    assert_eq!(reply.expect("it is a reply").to_string(), "250 a");
    for expected in ["550 b c", "354 d"] {
        assert_eq!(wire.reply(Stage::Data, LIMIT).await.expect("it is a reply").to_string(), expected);
    }
}

#[tokio::test]
async fn a_bare_lf_ends_a_line_too() {
    let (reply, _) = read(&[b"250-a\n250 b\n"], false).await;
    assert_eq!(reply.expect("it is a reply").to_string(), "250 a b");
}

#[tokio::test]
async fn what_ends_before_a_reply_is_told() {
    let (reply, _) = read(&[b"250-a\r\n250 b"], true).await;
    assert!(matches!(reply, Err(Failure::Closed(Stage::Mail))), "{reply:?}");
    let (reply, _) = read(&[b"250-a\r\n250 b"], false).await;
    assert!(matches!(reply, Err(Failure::Closed(Stage::Mail) | Failure::Silent(Stage::Mail, LIMIT))), "{reply:?}");
    let (reply, _) = read(&[b"hello\r\n"], false).await;
    assert!(matches!(reply, Err(Failure::Garbage(Stage::Mail, NoReply::Garbage))), "{reply:?}");
}

#[tokio::test]
async fn a_reply_without_end_is_left_in_time() {
    let (near, mut far) = duplex(1 << 10);
    let mut wire = Wire::new(near);
    let drip = async {
        while far.write_all(b"250-x\r\n").await.is_ok() {
            tokio::time::sleep(LIMIT / 10).await;
        }
    };
    let reply = tokio::select! {
        reply = wire.reply(Stage::Mail, LIMIT) => reply,
        () = drip => unreachable!("the wire stays open"),
    };
    assert!(matches!(reply, Err(Failure::Silent(Stage::Mail, LIMIT))), "{reply:?}");
}

#[tokio::test]
async fn a_line_without_end_is_left_at_its_bound() {
    let line = |bytes: usize| [b"250 ", vec![b'x'; bytes - 4].as_slice()].concat();
    let (reply, _) = read(&[&line(LINE_BYTES_MAX), b"\r\n"], false).await;
    assert!(reply.is_ok(), "{reply:?}");
    for end in [&b"\r\n"[..], &b"x"[..]] {
        let (reply, _) = read(&[&line(LINE_BYTES_MAX + 1), end], false).await;
        assert!(matches!(reply, Err(Failure::Garbage(_, NoReply::LongLine))), "{reply:?}");
    }
}

#[tokio::test]
async fn a_wire_is_quiet_until_the_server_speaks_or_closes() {
    let (near, mut far) = duplex(64);
    let mut wire = Wire::new(near);
    assert!(wire.is_quiet().await);
    far.write_all(b"421 bye\r\n").await.expect("it is taken");
    assert!(!wire.is_quiet().await);
    let (near, far) = duplex(64);
    let mut wire = Wire::new(near);
    drop(far);
    assert!(!wire.is_quiet().await);
    let (_, mut wire) = read(&[b"250 a\r\n421 bye\r\n"], false).await;
    assert!(!wire.is_quiet().await);
    assert!(wire.into_stream().is_none(), "what was read ahead is not lost unseen");
}

#[tokio::test]
async fn a_message_is_in_doubt_from_its_last_block_on() {
    for (bytes, expected) in [(BLOCK_BYTES, Stage::Message), (BLOCK_BYTES + 1, Stage::Text)] {
        let (near, _far) = duplex(BLOCK_BYTES - 1);
        let mut wire = Wire::new(near);
        let written = wire.write_message(LIMIT, &[&vec![b'x'; bytes - 5], b"\r\n.\r\n"]).await;
        assert!(matches!(written, Err(Failure::Silent(stage, _)) if stage == expected), "{bytes}: {written:?}");
    }
}

#[tokio::test]
async fn the_parts_of_a_message_arrive_as_one() {
    let text = (0_u8..=255).cycle().take(3 * BLOCK_BYTES + 7).collect::<Vec<_>>();
    let (near, mut far) = duplex(1 << 10);
    let mut wire = Wire::new(near);
    let mut read = Vec::new();
    let sent = async {
        wire.write_message(LIMIT, &[&text[..10], b"", &text[10..]]).await.expect("it is taken");
        drop(wire);
    };
    let ((), count) = tokio::join!(sent, far.read_to_end(&mut read));
    assert_eq!(count.expect("it is read"), text.len());
    assert!(read == text);
}
