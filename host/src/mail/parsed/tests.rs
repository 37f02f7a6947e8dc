//! Ordinary mail is read as a person would read it, and no mail at all takes long or panics.

use super::*;
use proptest::prelude::*;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

fn parse(raw: &str) -> ParsedMessage {
    ParsedMessage::parse(raw.as_bytes()).expect("a message")
}

fn mailbox(name: &str, email: &str) -> (String, String) {
    (name.to_owned(), email.to_owned())
}

#[test]
fn a_message_is_taken_apart() {
    let raw = "From: =?utf-8?q?Ad=C3=A9?= <ada@example.com>\r\nReply-To: <help@example.com>\r\n\
        To: \"B, C\" <bc@example.com>,\r\n d@example.com\r\nSubject: =?utf-8?B?R3LDvMOfZQ==?=\r\n folded\r\n\
        X-Long: one\r\n two\r\nContent-Type: multipart/mixed; boundary=m\r\n\r\n\
        --m\r\nContent-Type: multipart/alternative; boundary=a\r\n\r\n\
        --a\r\nContent-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nGr=FC=DFe\r\n\
        --a\r\nContent-Type: text/html\r\n\r\n<p>Hi\r\n--a--\r\n\
        --m\r\nContent-Type: Application/PDF; name=a.pdf\r\nContent-Transfer-Encoding: base64\r\n\
        Content-Disposition: attachment; filename*=utf-8''%C3%BC.pdf\r\n\r\nJVBERg==\r\n--m--\r\n";
    let message = parse(raw);
    assert_eq!(
        message,
        ParsedMessage {
            from: Some(mailbox("Adé", "ada@example.com")),
            reply_to: Some(mailbox("", "help@example.com")),
            to: vec![mailbox("B, C", "bc@example.com"), mailbox("", "d@example.com")],
            subject: Some("Grüße folded".into()),
            html: Some("<p>Hi".into()),
            text: Some("Grüße".into()),
            headers: [
                ("From", "Adé <ada@example.com>"),
                ("Reply-To", "<help@example.com>"),
                ("To", "\"B, C\" <bc@example.com>, d@example.com"),
                ("Subject", "Grüße folded"),
                ("X-Long", "one two"),
                ("Content-Type", "multipart/mixed; boundary=m"),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .to_vec(),
            attachments: vec![ParsedAttachment {
                filename: "ü.pdf".into(),
                content_type: "application/pdf".into(),
                size: 4,
                head: b"%PDF".to_vec(),
                inline: false,
                content_id: None,
            }],
        }
    );
    assert_eq!(attachment_content(raw.as_bytes(), 0), Some(b"%PDF".to_vec()));
    assert_eq!(attachment_content(raw.as_bytes(), 1), None);
}

#[test]
fn html_is_not_made_from_text_nor_text_from_html() {
    let html = parse("Subject: x\nContent-Type: text/html\n\n<p>x");
    assert_eq!((html.html.as_deref(), html.text), (Some("<p>x"), None));
    let text = parse("Subject: x\n\nplain");
    assert_eq!((text.html, text.text.as_deref()), (None, Some("plain")));
    let neither = parse("Subject: x\nContent-Type: image/png\n\nx");
    assert_eq!((neither.html, neither.text, neither.attachments.len()), (None, None, 1));
    let empty = parse("Subject:\n\n");
    assert_eq!((empty.subject.as_deref(), empty.text.as_deref()), (Some(""), Some("")));
}

#[test]
fn a_message_in_a_message_is_a_file() {
    let raw = "Subject: outer\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nsee below\n\
        --b\nContent-Type: message/rfc822\n\nSubject: inner\n\ninner text\n--b--\n";
    let message = parse(raw);
    assert_eq!((message.subject.as_deref(), message.text.as_deref()), (Some("outer"), Some("see below")));
    assert_eq!(message.attachments[0].content_type, "message/rfc822");
    assert_eq!(message.attachments[0].head, b"Subject: inner\n\ninner text");
    assert_eq!(attachment_content(raw.as_bytes(), 0).as_deref(), Some(&b"Subject: inner\n\ninner text"[..]));
}

#[test]
fn what_the_html_shows_is_inline() {
    let raw = "Subject: x\nContent-Type: multipart/related; boundary=b\n\n--b\nContent-Type: text/html\n\n<img src=cid:i>\n\
        --b\nContent-Type: image/png\nContent-ID: <i>\n\nx\n--b\nContent-Type: image/png\nContent-ID: <j>\n\
        Content-Disposition: attachment\n\nx\n--b--\n";
    let files = parse(raw).attachments;
    let seen: Vec<_> = files.iter().map(|file| (file.content_id.as_deref(), file.inline)).collect();
    assert_eq!(seen, [(Some("i"), true), (Some("j"), false)]);
}

#[test]
fn what_has_no_header_is_no_message() {
    for raw in ["", "\n", "\r\n\r\nbody"] {
        assert_eq!(ParsedMessage::parse(raw.as_bytes()), None, "{raw:?}");
    }
}

#[test]
fn every_list_and_text_has_an_end() {
    let headers = |number: usize| parse(&format!("{}\n\nx", "X-A: b\n".repeat(number))).headers.len();
    assert_eq!((headers(HEADERS_MAX), headers(HEADERS_MAX + 1)), (HEADERS_MAX, HEADERS_MAX));

    let to = |number: usize| parse(&format!("To: {}\n\nx", vec!["a@b.c"; number].join(","))).to.len();
    assert_eq!((to(ADDRESSES_MAX), to(ADDRESSES_MAX + 1)), (ADDRESSES_MAX, ADDRESSES_MAX));

    let files = |number: usize| {
        let parts = "--b\nContent-Type: a/b\n\nx\n".repeat(number);
        parse(&format!("Content-Type: multipart/mixed; boundary=b\n\n{parts}--b--")).attachments.len()
    };
    assert_eq!((files(ATTACHMENTS_MAX), files(ATTACHMENTS_MAX + 1)), (ATTACHMENTS_MAX, ATTACHMENTS_MAX));

    let text = |bytes: usize| parse(&format!("X: y\n\n{}", "t".repeat(bytes))).text.map(|text| text.len());
    assert_eq!((text(BODY_BYTES_MAX), text(BODY_BYTES_MAX + 1)), (Some(BODY_BYTES_MAX), Some(BODY_BYTES_MAX)));

    let head = |bytes: usize| parse(&format!("Content-Type: a/b\n\n{}", "t".repeat(bytes))).attachments[0].head.len();
    assert_eq!((head(HEAD_BYTES_MAX), head(HEAD_BYTES_MAX + 1)), (HEAD_BYTES_MAX, HEAD_BYTES_MAX));

    let subject =
        |bytes: usize| parse(&format!("Subject:{}\n\nx", "s".repeat(bytes))).subject.map(|subject| subject.len());
    let most = HEADER_VALUE_BYTES_MAX;
    assert_eq!((subject(most), subject(most + 1)), (Some(most), Some(most)));
}

/// Hostile constructions, each as large as `bytes`.
fn bombs(bytes: usize) -> Vec<(&'static str, String)> {
    let fill = |start: &str, piece: &str| start.to_owned() + &piece.repeat(bytes / piece.len());
    let mut nested = String::new();
    let mut continuations = "Content-Type: a/b".to_owned();
    for level in 0..bytes / 80 {
        let _ = write!(nested, "Content-Type: multipart/mixed; boundary=b{level}\n\n--b{level}\n");
        let _ = write!(continuations, ";\n x*{level}=a");
    }
    let multipart = "Content-Type: multipart/mixed; boundary=b\n\n";
    vec![
        ("messages in messages", fill("", "Content-Type: message/rfc822\n\n")),
        ("multiparts in multiparts", nested),
        ("lost delimiters", fill(multipart, "--b\nContent-Type: multipart/mixed; boundary=zz\n\n")),
        ("empty parts", fill(multipart, "--b\n\n")),
        ("dashes", fill("Content-Type: multipart/mixed; boundary=------x\n\n", "-")),
        ("continuations", continuations + "\n\n"),
        ("digest", fill("Content-Type: multipart/digest; boundary=b\n\n", "--b\n\nContent-Type: message/rfc822\n\n")),
        ("encoded words", fill("Subject: ", "=?utf-8?B?AAAA")),
        ("open words", fill("Subject: ", "=?")),
        ("addresses", fill("To: ", "<a@b>,\"")),
        ("groups", fill("To: ", "a:(")),
        ("headers", fill("", "a:b\n")),
        ("colons", fill("Content-Type", " :")),
        ("comments", fill("Content-Type: ", "(")),
        ("quoted-printable", fill("Content-Transfer-Encoding: quoted-printable\n\n", "=\n")),
        ("base64", fill("Content-Transfer-Encoding: base64\n\n", "AA==\n")),
        ("nothing", fill("", "\n")),
    ]
}

#[test]
fn no_message_takes_much_longer_than_its_size() {
    for (name, raw) in bombs(2 * 1024 * 1024) {
        let start = Instant::now();
        ParsedMessage::parse(raw.as_bytes());
        let took = start.elapsed();
        assert!(took < Duration::from_secs(5), "{name} took {took:?}");
    }
}

#[test]
fn a_bomb_in_an_encoded_message_stays_a_file() {
    use base64::Engine as _;
    let (_, bomb) = bombs(1024 * 1024).remove(0);
    let encoded = base64::engine::general_purpose::STANDARD.encode(&bomb);
    let raw = format!("Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\n{encoded}");
    let message = parse(&raw);
    assert_eq!((message.attachments.len(), message.attachments[0].size), (1, bomb.len()));
}

fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        "(From|To|Subject|Content-Type|Content-Transfer-Encoding|Content-Disposition|Content-ID|X)[ \t]?: ?",
        "(text/(plain|html)|multipart/(mixed|digest|related|alternative)|message/rfc822|image/png)(; boundary=[ab])?\r?\n",
        "(m|M)essage[ \t\n(]{0,2}/ ?(rfc822|global)|multipart(\\(;\\))?/[(;\n ]{0,3}digest|boundary\\*?= ?\"?[ab]\"?;?",
        "(base64|quoted-printable|7bit|attachment; filename=x|inline)\r?\n",
        "\r?\n(--[ab](--)?\r?\n)?",
        "[ -~]{0,20}",
        "=\\?utf-8\\?[qQbB]\\?[a-zA-Z0-9=_]{0,8}\\?=|<a@b>|\"x|;|\\(",
        "\\PC{0,6}",
    ]
}

proptest! {
    #[test]
    fn nothing_panics(raw in proptest::collection::vec(any::<u8>(), 0..200)) {
        ParsedMessage::parse(&raw);
        attachment_content(&raw, 0);
    }

    #[test]
    fn nothing_like_a_message_panics(pieces in proptest::collection::vec(piece(), 0..30)) {
        let raw = pieces.concat();
        if let Some(message) = ParsedMessage::parse(raw.as_bytes()) {
            let safe = guard::guarded(raw.as_bytes()).unwrap();
            let parts = read(&safe).unwrap().parts;
            prop_assert!(!parts.iter().any(|part| matches!(part.body, PartType::Message(_))));
            for (index, file) in message.attachments.iter().enumerate() {
                prop_assert_eq!(attachment_content(raw.as_bytes(), index).map(|content| content.len()), Some(file.size));
            }
        }
    }
}
