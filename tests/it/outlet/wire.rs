//! What arrives at a server, byte for byte, and what it is told before.

use pillarbox::delivery::attempt::Outcome;
use pillarbox::delivery::outlet::OutletKind;

use super::{MESSAGE, attempt, one_attempt, relay, url};
use crate::sink::{Pace, Script, Sink};

#[tokio::test]
async fn a_message_arrives_byte_for_byte_whatever_the_server_offers() {
    let all = ["PIPELINING", "SIZE 0", "8BITMIME", "SMTPUTF8", "DSN", "CHUNKING"];
    for offered in [&[][..], &all[..1], &all[..5], &all[..], &all[5..]] {
        for pace in [Pace::Each, Pace::Together, Pace::Bytes] {
            let (attempt, sink) = one_attempt(Script::new().offers(offered).at_pace(pace)).await;
            assert_eq!(attempt.outcome, Outcome::Delivered, "{offered:?}: {attempt:?}");
            assert_eq!((attempt.host.as_str(), attempt.code), ("127.0.0.1", 250));
            assert_eq!(
                (attempt.enhanced_code.as_deref(), attempt.response.as_str()),
                (Some("2.0.0"), "250 2.0.0 taken")
            );
            assert_eq!(sink.taken().len(), 1);
            assert_eq!(sink.taken()[0].message, MESSAGE, "{offered:?}");
        }
    }
}

#[tokio::test]
async fn a_server_is_told_what_it_offers_to_hear_and_nothing_else() {
    let (_, plain) = one_attempt(Script::new()).await;
    let expected = ["EHLO us.example", "MAIL FROM:<bounce@us.example>", "RCPT TO:<ada@example.com>", "DATA"];
    assert_eq!(plain.commands(), expected);
    let (_, modern) = one_attempt(Script::modern().offers(&["CHUNKING"])).await;
    let mail = format!(
        "MAIL FROM:<bounce@us.example> SIZE={} RET=HDRS ENVID=00000000-0000-0000-0000-000000000007",
        MESSAGE.len()
    );
    let expected = ["EHLO us.example", &mail, "RCPT TO:<ada@example.com> NOTIFY=FAILURE,DELAY"];
    assert_eq!(modern.commands()[..3], expected);
    assert_eq!(modern.commands()[3], format!("BDAT {} LAST", MESSAGE.len()));
}

#[tokio::test]
async fn a_large_message_arrives_by_either_way() {
    let line = b"..0123456789 and so on to the end of a line that is long enough\r\n";
    let message = [&b"Subject: large\r\n\r\n"[..], &line.repeat(20_000)].concat();
    for script in [Script::modern(), Script::modern().offers(&["CHUNKING"])] {
        let sink = Sink::start(vec![script]).await;
        let attempt = attempt(&relay(&url(&sink)), OutletKind::Relay, &message).await;
        assert_eq!(attempt.outcome, Outcome::Delivered, "{attempt:?}");
        assert!(sink.taken()[0].message == message);
    }
}

#[tokio::test]
async fn bare_line_ends_never_leave() {
    let sink = Sink::start(vec![Script::modern()]).await;
    let message = b"Subject: x\n\n.\nQUIT\r.\r\nmore";
    let attempt = attempt(&relay(&url(&sink)), OutletKind::Relay, message).await;
    assert_eq!(attempt.outcome, Outcome::Delivered, "{attempt:?}");
    assert_eq!(sink.taken()[0].message, b"Subject: x\r\n\r\n.\r\nQUIT\r\n.\r\nmore\r\n");
}

#[tokio::test]
async fn a_server_that_ends_its_lines_in_a_bare_lf_is_understood() {
    let (attempt, _) = one_attempt(Script::modern().ending_lines_in("\n")).await;
    assert_eq!(attempt.outcome, Outcome::Delivered, "{attempt:?}");
}

#[tokio::test]
async fn a_server_that_does_not_know_ehlo_is_greeted_as_of_old() {
    let (attempt, sink) = one_attempt(Script::new().says("EHLO", "502 what")).await;
    assert_eq!(attempt.outcome, Outcome::Delivered, "{attempt:?}");
    assert_eq!(sink.commands()[..2], ["EHLO us.example", "HELO us.example"]);
}
