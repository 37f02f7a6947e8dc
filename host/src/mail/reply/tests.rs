//! The form of replies.

use super::*;

fn read(lines: &[&str]) -> Result<Option<Reply>, NoReply> {
    let mut reader = ReplyReader::default();
    let (last, before) = lines.split_last().expect("there is a line");
    for line in before {
        assert_eq!(reader.push(line.as_bytes())?, None, "{line} is not the last");
    }
    reader.push(last.as_bytes())
}

#[track_caller]
fn check(lines: &[&str], shown: &str, enhanced: Option<&str>) {
    let reply = read(lines).expect("it is a reply").expect("it is whole");
    assert_eq!(reply.to_string(), shown);
    assert_eq!(reply.enhanced().map(|code| code.to_string()).as_deref(), enhanced);
}

#[test]
fn a_reply_becomes_one_line_with_its_enhanced_code() {
    check(&["250 ok"], "250 ok", None);
    check(&["250"], "250", None);
    check(&["250 2.0.0 queued as 7F"], "250 2.0.0 queued as 7F", Some("2.0.0"));
    check(&["550-5.1.1 no such", "550 5.1.1 user"], "550 5.1.1 no such user", Some("5.1.1"));
    check(&["550-5.1.1", "550-", "550 gone"], "550 5.1.1 gone", Some("5.1.1"));
    check(&["550 a\u{7}b\tc"], "550 a b c", None);
    check(&["250 10.1.2.3 is welcome"], "250 10.1.2.3 is welcome", None);
    check(&["550 5.1.1.2 x"], "550 5.1.1.2 x", None);
    check(&["550 5.1 x"], "550 5.1 x", None);
    check(&["550 3.1.1 x"], "550 3.1.1 x", None);
    check(&["550 5.1.1234 x"], "550 5.1.1234 x", None);
    check(&["550 5.+1.1 x"], "550 5.+1.1 x", None);
}

#[test]
fn what_is_not_utf_8_is_shown_as_such() {
    let reply = ReplyReader::default().push(b"550 caf\xe9").expect("it is a reply").expect("it is whole");
    assert_eq!(reply.to_string(), "550 caf\u{fffd}");
}

#[test]
fn garbage_is_told_from_replies() {
    for line in ["", "25", "250x", "abc", "199 ok", "600 ok", "2 50", "25é ok", "HTTP/1.1 400 Bad Request"] {
        assert_eq!(read(&[line]), Err(NoReply::Garbage), "{line}");
    }
    for code in ["200", "599"] {
        assert!(read(&[code]).is_ok(), "{code}");
    }
    assert_eq!(read(&["250-a", "251 b"]), Err(NoReply::TwoCodes(250, 251)));
}

#[test]
fn a_line_has_its_bound() {
    let line = |bytes: usize| format!("250 {}", "x".repeat(bytes - 4));
    assert!(read(&[&line(LINE_BYTES_MAX)]).is_ok());
    assert_eq!(read(&[&line(LINE_BYTES_MAX + 1)]), Err(NoReply::LongLine));
}

#[test]
fn a_reply_has_its_bound() {
    let mut lines = vec!["250-x"; LINES_MAX - 1];
    lines.push("250 x");
    assert!(read(&lines).expect("it is a reply").is_some());
    lines.insert(0, "250-x");
    assert_eq!(read(&lines), Err(NoReply::ManyLines));
}

#[test]
fn the_one_line_has_its_bound() {
    let shown = |bytes: usize| {
        let reply = Reply { code: 250, lines: vec!["é".repeat(bytes / 2)] };
        reply.to_string().len()
    };
    assert_eq!(shown(TEXT_BYTES_MAX - 4), TEXT_BYTES_MAX);
    assert_eq!(shown(TEXT_BYTES_MAX - 2), TEXT_BYTES_MAX);
    assert_eq!(shown(2 * TEXT_BYTES_MAX), TEXT_BYTES_MAX);
}
