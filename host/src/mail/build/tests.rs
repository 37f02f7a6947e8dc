//! What was built reads back as it was meant, by a parser that had no part in building it.

use super::*;
use crate::mail::headers::CustomHeaders;
use mail_parser::{MessageParser, MimeHeaders};
use proptest::prelude::*;

fn mailbox(text: &str) -> Mailbox {
    Mailbox::parse(text).expect(text)
}

fn file(name: &str, content: &[u8], content_type: &str, id: Option<&str>) -> Attachment {
    Attachment::check(name, content.to_vec(), Some(content_type), id, id.is_some()).expect(name)
}

/// A message with as little as possible; a test adds what it is about.
struct Draft {
    from: Mailbox,
    to: Vec<Mailbox>,
    cc: Vec<Mailbox>,
    subject: String,
    text: Option<String>,
    html: Option<String>,
    files: Vec<Attachment>,
    headers: Vec<(String, String)>,
}

impl Draft {
    fn new() -> Self {
        Self {
            from: mailbox("Acme <noreply@acme.example>"),
            to: vec![mailbox("ada@example.com")],
            cc: vec![],
            subject: "Hello".into(),
            text: Some("Hi\r\n".into()),
            html: None,
            files: vec![],
            headers: vec![],
        }
    }

    fn built(&self) -> Vec<u8> {
        let raw = build(&Outgoing {
            message_id: "<0193@acme.example>",
            date_unix: 1_710_513_000,
            from: &self.from,
            to: &self.to,
            cc: &self.cc,
            reply_to: None,
            subject: &self.subject,
            text: self.text.as_deref(),
            html: self.html.as_deref(),
            attachments: &self.files,
            headers: &self.headers,
            email_id: "0193-id",
            unsubscribe: None,
            boundary_seed: "seed",
        });
        sound(&raw);
        raw
    }
}

/// ASCII, CRLF, lines of at most 998 bytes, and headers that are headers.
#[track_caller]
fn sound(raw: &[u8]) {
    assert!(raw.iter().all(|&byte| matches!(byte, b'\t' | b'\r' | b'\n' | b' '..=b'~')), "not 7 bit");
    let text = String::from_utf8_lossy(raw);
    assert_eq!(text.matches('\r').count(), text.matches("\r\n").count(), "bare CR");
    assert_eq!(text.matches('\n').count(), text.matches("\r\n").count(), "bare LF");
    let (headers, _) = text.split_once("\r\n\r\n").expect("an empty line");
    for line in headers.split("\r\n") {
        let named = line.split_once(':').is_some_and(|(name, _)| name.bytes().all(|byte| byte.is_ascii_graphic()));
        assert!(named || (line.starts_with([' ', '\t']) && !line.trim().is_empty()), "{line:?}");
    }
    let longest = text.split("\r\n").map(str::len).max();
    assert!(longest <= Some(998), "{longest:?}");
}

#[test]
fn a_small_message_is_known_to_the_byte() {
    let raw = String::from_utf8(Draft::new().built()).expect("ASCII");
    assert_eq!(
        raw,
        "Date: Fri, 15 Mar 2024 14:30:00 +0000\r\n\
         From: \"Acme\" <noreply@acme.example>\r\n\
         To: <ada@example.com>\r\n\
         Subject: Hello\r\n\
         Message-ID: <0193@acme.example>\r\n\
         X-Pillarbox-Email-Id: 0193-id\r\n\
         MIME-Version: 1.0\r\n\
         Content-Type: text/plain; charset=\"utf-8\"\r\n\
         Content-Transfer-Encoding: 7bit\r\n\
         \r\n\
         Hi\r\n"
    );
}

#[test]
fn all_parts_together_have_the_structure_that_mail_programs_expect() {
    let mut draft = Draft::new();
    draft.html = Some("<img src='cid:logo'>".into());
    draft.files = vec![
        file("logo.png", b"\x89PNG\r\n\0", "image/png", Some("logo")),
        file("Übersicht 表.csv", b"a,b\n1,2\r\n\r", "text/csv", None),
    ];
    let raw = draft.built();
    let message = MessageParser::new().parse(&raw).expect("a message");
    let types: Vec<String> = message
        .parts
        .iter()
        .map(|part| {
            part.content_type().map_or(String::new(), |ct| format!("{}/{}", ct.ctype(), ct.subtype().unwrap_or("")))
        })
        .collect();
    let expected = [
        "multipart/mixed",
        "multipart/related",
        "multipart/alternative",
        "text/plain",
        "text/html",
        "image/png",
        "text/csv",
    ];
    assert_eq!(types, expected);
    let related = message.parts[1].content_type().and_then(|related| related.attribute("type"));
    assert_eq!(related, Some("multipart/alternative"));
    let files: Vec<_> =
        message.attachments().map(|part| (part.attachment_name(), part.content_id(), part.contents())).collect();
    assert_eq!(
        files,
        [
            (Some("logo.png"), Some("logo"), &b"\x89PNG\r\n\0"[..]),
            (Some("Übersicht 表.csv"), None, &b"a,b\n1,2\r\n\r"[..]),
        ]
    );
}

#[test]
fn the_same_message_is_the_same_bytes_and_another_seed_other_boundaries() {
    let mut draft = Draft::new();
    draft.html = Some("<p>x".into());
    assert_eq!(draft.built(), draft.built());
    let raw = String::from_utf8(draft.built()).expect("ASCII");
    let boundary = raw.split("boundary=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a boundary");
    assert!(boundary.starts_with("=_") && boundary.len() == 26, "{boundary}");
    assert_eq!(raw.matches(&format!("\r\n--{boundary}")).count(), 3);
}

#[test]
fn unsubscribing_takes_one_click() {
    let draft = Draft::new();
    let raw = build(&Outgoing {
        message_id: "a@acme.example",
        date_unix: 0,
        from: &draft.from,
        to: &[],
        cc: &[],
        reply_to: Some(&mailbox("Help <help@acme.example>")),
        subject: "",
        text: None,
        html: Some("x"),
        attachments: &[],
        headers: &[],
        email_id: "id",
        unsubscribe: Some(&format!("https://t.acme.example/track/u/{}", "A".repeat(120))),
        boundary_seed: "",
    });
    sound(&raw);
    let raw = String::from_utf8(raw).expect("ASCII");
    let url = format!("\r\nList-Unsubscribe: <https://t.acme.example/track/u/{}>\r\n", "A".repeat(120));
    assert!(raw.contains(&url), "{raw}");
    assert!(raw.contains("\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"), "{raw}");
    assert!(raw.contains("\r\nReply-To: \"Help\" <help@acme.example>\r\n"), "{raw}");
    assert!(raw.contains("\r\nTo: \"undisclosed-recipients\":;\r\n"), "{raw}");
}

#[test]
fn names_and_subjects_of_every_script_come_through() {
    let mut draft = Draft::new();
    let names = ["Ådá Ünï", "阿达·洛芙莱斯", "Q, \"Ace\" <x>", "=?utf-8?q?fake?=", "a\\b", "🙂"];
    draft.to = names.iter().map(|name| Mailbox { name: Some((*name).into()), ..draft.to[0].clone() }).collect();
    draft.cc = vec![mailbox("\"Lovelace, Ada\" <\"a b\"@example.com>")];
    draft.subject = "Grüße aus 東京 🙂 – ".repeat(20).trim_end().to_owned();
    let raw = draft.built();
    let message = MessageParser::new().parse(&raw).expect("a message");
    let read: Vec<_> = message.to().expect("To").iter().map(|addr| addr.name().unwrap_or_default()).collect();
    assert_eq!(read, names.map(|name| if name.starts_with("=?") { "fake" } else { name }));
    assert_eq!(message.subject(), Some(draft.subject.as_str()));
}

#[test]
fn a_long_header_is_folded_or_encoded_but_never_changed() {
    let mut draft = Draft::new();
    let values = [
        ("X-Words", "word ".repeat(190).trim_end().to_owned()),
        ("X-Long", "w".repeat(998)),
        ("References", (0..20).map(|n| format!("<{n}@a.example>")).collect::<Vec<_>>().join(" ")),
        ("X-Script", "東京 ".repeat(100).trim_end().to_owned()),
        ("X-Empty", String::new()),
        ("X-Two", "two  spaces".into()),
    ];
    let given = values.iter().map(|(name, value)| (*name, value.as_str()));
    draft.headers = CustomHeaders::check(given).expect("fine headers").as_slice().to_vec();
    draft.subject = "s".repeat(2_000);
    let raw = draft.built();
    let message = MessageParser::new().parse(&raw).expect("a message");
    assert_eq!(message.subject(), Some(draft.subject.as_str()));
    for (name, value) in &values {
        let read = message.header_as(*name, mail_parser::HeaderForm::Text);
        let read: Vec<_> = read.iter().map(|value| value.as_text().unwrap_or_default()).collect();
        assert_eq!(read, [value.as_str()], "{name}");
    }
    assert!(String::from_utf8_lossy(&raw).contains("<0@a.example> <1@a.example>"));
}

#[test]
fn a_line_break_in_a_subject_begins_no_header() {
    let mut draft = Draft::new();
    draft.subject = "a\r\nBcc: eve@example.com\r\n\r\nbody".into();
    let raw = draft.built();
    let message = MessageParser::new().parse(&raw).expect("a message");
    assert!(message.bcc().is_none());
    assert_eq!(message.body_text(0).as_deref(), Some("Hi\r\n"));
}

#[track_caller]
fn text_reads(text: &str, expected: &str) {
    let mut draft = Draft::new();
    draft.text = Some(text.into());
    draft.html = Some(text.into());
    let raw = draft.built();
    let message = MessageParser::new().parse(&raw).expect("a message");
    assert_eq!(message.parts[1].text_contents(), Some(expected));
    assert_eq!(message.parts[2].text_contents(), Some(expected));
}

#[test]
fn text_arrives_as_it_was_but_for_its_line_ends() {
    text_reads("", "");
    text_reads("a\nb\rc\r\nd\n\r\re", "a\r\nb\r\nc\r\nd\r\n\r\n\r\ne");
    text_reads(".\r\n..\r\n.a\r\n", ".\r\n..\r\n.a\r\n");
    text_reads(
        "From here\r\n>From there\r\n--=_\r\n--\r\n-- \r\nsig",
        "From here\r\n>From there\r\n--=_\r\n--\r\n-- \r\nsig",
    );
    text_reads(&"x".repeat(5_000), &"x".repeat(5_000));
    text_reads(&"é".repeat(5_000), &"é".repeat(5_000));
    text_reads("trailing \r\n\ttab\t\r\n = =3D", "trailing \r\n\ttab\t\r\n = =3D");
    text_reads("nul \0 bell \x07 del \x7f", "nul \0 bell \x07 del \x7f");
}

#[test]
fn images_without_html_are_files() {
    let mut draft = Draft::new();
    draft.files = vec![file("logo.png", b"x", "image/png", Some("logo"))];
    let raw = draft.built();
    let message = MessageParser::new().parse(&raw).expect("a message");
    assert!(message.parts[0].content_type().is_some_and(|ct| ct.subtype() == Some("mixed")));
}

#[test]
fn an_address_beyond_ascii_stays_utf8() {
    let mut draft = Draft::new();
    draft.to = vec![mailbox("用户@例子.测试")];
    let from = draft.from.clone();
    let raw = build(&Outgoing {
        message_id: "a@b.example",
        date_unix: 0,
        from: &from,
        to: &draft.to,
        cc: &[],
        reply_to: None,
        subject: "x",
        text: Some("x"),
        html: None,
        attachments: &[],
        headers: &[],
        email_id: "id",
        unsubscribe: None,
        boundary_seed: "",
    });
    assert!(String::from_utf8_lossy(&raw).contains("\r\nTo: <用户@xn--fsqu00a.xn--0zwm56d>\r\n"));
}

proptest! {
    #[test]
    fn any_text_and_any_file_read_back(
        text in "(?s).{0,200}|[a-z.\r\n =\t-]{0,200}",
        content in proptest::collection::vec(any::<u8>(), 0..300),
        name in "[^\\p{C}\\p{Z}/\\\\]{1,60}",
    ) {
        prop_assume!(name != "." && name != "..");
        let mut draft = Draft::new();
        draft.text = Some(text.clone());
        draft.files = vec![file(&name, &content, "text/plain", None)];
        let raw = draft.built();
        let message = MessageParser::new().parse(&raw).unwrap();
        prop_assert_eq!(message.parts[1].text_contents(), Some(&*with_crlf(&text)));
        prop_assert_eq!(message.parts[2].attachment_name(), Some(name.as_str()));
        let raw_content = message.parts[2].contents();
        if std::str::from_utf8(&content).is_ok() {
            prop_assert_eq!(raw_content, &content);
        }
    }

    #[test]
    fn any_name_and_subject_read_back(name in "[^\\p{C}\\p{Zl}\\p{Zp}]{1,80}", subject in "[^\\p{C}]{0,200}") {
        prop_assume!(!name.trim().is_empty() && !name.contains("=?") && !subject.contains("=?"));
        let mut draft = Draft::new();
        draft.to[0].name = Some(name.trim().to_owned());
        draft.subject = subject.trim().to_owned();
        let raw = draft.built();
        let message = MessageParser::new().parse(&raw).unwrap();
        prop_assert_eq!(message.to().unwrap().first().unwrap().name(), Some(name.trim()));
        prop_assert_eq!(message.subject().unwrap_or_default(), subject.trim());
    }
}
