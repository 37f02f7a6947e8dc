use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use proptest::prelude::*;

use super::*;
use crate::mail::parsed::ParsedMessage;

const ADDED: Added<'static> = Added {
    email_id: "42",
    host: "mail.example.org",
    protocol: "ESMTPSA",
    message_id: "42@example.org",
    date_unix: 1_710_513_000,
    unsubscribe: Some("https://mail.example.org/track/u/token"),
};
const FRONT: &str = "Received: by mail.example.org with ESMTPSA id 42;\r\n\tFri, 15 Mar 2024 14:30:00 +0000\r\n\
                     X-Pillarbox-Email-Id: 42\r\n";

fn read(raw: &str) -> SubmittedMessage<'_> {
    SubmittedMessage::read(raw.as_bytes()).unwrap_or_else(|error| panic!("{error}: {raw}"))
}

fn finished(raw: &str) -> String {
    String::from_utf8(read(raw).finish(&ADDED, None)).expect("it was text before")
}

/// What goes out when each link of html gets another address.
fn tracked(raw: &[u8]) -> Vec<u8> {
    let mut track = |html: &str| Some(html.replace("https://example.com/", "https://t.example/c/"));
    SubmittedMessage::read(raw).expect("it is sound").finish(&ADDED, Some(&mut track))
}

#[track_caller]
fn refused(raw: &str, words: &str) {
    let error = SubmittedMessage::read(raw.as_bytes()).expect_err("it is refused").to_string();
    assert!(error.contains(words), "{error}");
}

const WHOLE: &str = "Message-ID: <a@example.org>\r\nDate: Fri, 15 Mar 2024 14:30:00 +0000\r\n\
                     From: Ada <ada@example.org>\r\nTo: bob@example.com\r\nSubject: Hello\r\n";

#[test]
fn a_message_that_has_everything_gets_a_trace_and_its_id() {
    let raw = format!("{WHOLE}\r\nHello\r\n");
    assert_eq!(finished(&raw), format!("{FRONT}{raw}"));
}

#[test]
fn a_message_that_passed_so_many_servers_is_taken_and_one_more_is_a_loop() {
    let passed = |servers: usize| "received: from a\r\n\tby b\r\n".repeat(servers) + WHOLE + "\r\n";
    read(&passed(RECEIVED_MAX));
    refused(&passed(RECEIVED_MAX + 1), "circle");
}

#[test]
fn what_is_missing_is_put_in_front() {
    let raw = "From: ada@example.org\r\n\r\nHello\r\n";
    let date = "Date: Fri, 15 Mar 2024 14:30:00 +0000\r\n";
    assert_eq!(finished(raw), format!("{FRONT}Message-ID: <42@example.org>\r\n{date}{raw}"));
    // Also where nothing follows the headers.
    assert_eq!(
        finished("From: ada@example.org"),
        format!("{FRONT}Message-ID: <42@example.org>\r\n{date}From: ada@example.org")
    );
}

#[test]
fn headers_for_the_service_are_read_and_taken_out() {
    let raw = format!(
        "Return-Path: <x@example.org>\r\nX-TAG: =?utf-8?q?gr=C3=BCn?=\r\nBcc: eve@example.com,\r\n eve2@example.com\r\n\
         {WHOLE}X-Metadata-Order: 7\r\nX-Metadata-Shop-Id: a\r\n b\r\nX-Track-Opens: No\r\nx-track-clicks: true\r\n\
         X-Stream-Type: transactional\r\nX-Pillarbox-Email-Id: forged\r\nX-Other: kept\r\n\r\nX-Tag: body\r\n"
    );
    let message = read(&raw);
    assert_eq!(message.wishes.tag.as_deref(), Some("grün"));
    assert_eq!(serde_json::to_string(&message.wishes.metadata).expect("JSON"), r#"{"order":"7","shop-id":"a b"}"#);
    assert_eq!((message.wishes.track_opens, message.wishes.track_clicks), (Some(false), Some(true)));
    assert!(!message.wishes.broadcast);
    assert_eq!(finished(&raw), format!("{FRONT}{WHOLE}X-Other: kept\r\n\r\nX-Tag: body\r\n"));
    refused(&format!("{WHOLE}X-Track-Opens: maybe\r\n\r\n"), "X-Track-Opens must be true or false");
    refused(&format!("{WHOLE}X-Stream-Type: bulk\r\n\r\n"), "transactional or broadcast");
}

#[test]
fn a_broadcast_gets_the_services_unsubscribe_headers_in_the_place_of_its_own() {
    let own = "List-Unsubscribe: <https://example.org/bye>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n";
    let raw = format!("{WHOLE}{own}X-Stream-Type: Broadcast\r\n\r\n");
    let added = "List-Unsubscribe:\r\n <https://mail.example.org/track/u/token>\r\n\
                 List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n";
    assert!(read(&raw).wishes.broadcast);
    assert_eq!(finished(&raw), format!("{FRONT}{added}{WHOLE}\r\n"));
    let raw = format!("{WHOLE}{own}\r\n");
    assert_eq!(finished(&raw), format!("{FRONT}{raw}"), "other mail keeps its own");
}

#[test]
fn there_is_one_author_and_nobody_can_take_another_for_it() {
    let from = |value: &str| format!("To: bob@example.com\r\nFrom:{value}\r\n\r\n");
    let author = |value: &str| read(&from(value)).from.to_string();
    assert_eq!(author(" ada@example.org"), "ada@example.org");
    assert_eq!(author("\r\n =?utf-8?b?w4RkYQ==?=\r\n <ada@example.org>"), "Äda <ada@example.org>");
    assert_eq!(author(" \"Ada, of Example\" <ada@EXAMPLE.org>"), "\"Ada, of Example\" <ada@example.org>");
    refused("To: bob@example.com\r\n\r\n", "no From header");
    refused("From: a@example.org\r\nFROM: b@example.org\r\n\r\n", "the header from twice");
    for value in [
        "",
        " ",
        " ada",
        " a@example.org, b@example.org",
        " team: a@example.org;",
        " a@example.org (b@example.com)",
        " <a@example.org> <b@example.com>",
        " a@example.org\r\n\tb@example.com",
        " a@example.org b@example.com",
    ] {
        refused(&from(value), "The From header must be one address");
    }
}

#[test]
fn a_header_that_stands_twice_or_is_none_is_refused() {
    for name in ["Subject", "to", "CC", "Date", "Message-ID", "Content-Type", "Reply-To", "Sender", "MIME-Version"] {
        refused(&format!("From: a@example.org\r\n{name}: x\r\nX: y\r\n{name}: x\r\n\r\n"), "twice");
    }
    for (raw, line) in [
        ("Hello\r\n\r\n", 1),
        ("From a@example.org Fri Mar 15\r\nFrom: a@example.org\r\n\r\n", 1),
        (" From: a@example.org\r\n\r\n", 1),
        ("From: a@example.org\r\nSubject : x\r\n\r\n", 2),
        ("From: a@example.org\r\n: x\r\n\r\n", 2),
        ("From: a@example.org\r\nBetr\u{e9}ff: x\r\n\r\n", 2),
    ] {
        refused(raw, &format!("Line {line} is not a header"));
    }
}

#[test]
fn the_header_has_bounds() {
    let headers = |number: usize| format!("From: a@example.org\r\n{}\r\n", "X: y\r\n".repeat(number - 1));
    read(&headers(HEADERS_MAX));
    refused(&headers(HEADERS_MAX + 1), "more than 1000 headers");
    let bytes = |bytes: usize| {
        let from = "From: a@example.org\r\nX: ";
        format!("{from}{}\r\n\r\n", "y".repeat(bytes - from.len() - 2))
    };
    read(&bytes(HEADER_BYTES_MAX));
    refused(&bytes(HEADER_BYTES_MAX + 1), "longer than 262144 bytes");
}

#[test]
fn a_message_id_of_the_usual_form_is_remembered() {
    let of = |value: &str| read(&format!("From: a@example.org\r\nMessage-ID: {value}\r\n\r\n")).message_id;
    assert_eq!(of("<a.b@example.org>").as_deref(), Some("a.b@example.org"));
    assert_eq!(of("\r\n <a@example.org>").as_deref(), Some("a@example.org"));
    for value in ["", "<>", "a@example.org", "<a b>", "<a> <b>"] {
        assert_eq!(of(value), None, "{value}");
    }
    let long = |bytes: usize| of(&format!("<{}>", "x".repeat(bytes))).is_some();
    assert!(long(MESSAGE_ID_BYTES_MAX) && !long(MESSAGE_ID_BYTES_MAX + 1));
}

#[test]
fn who_is_named_is_told_from_who_is_not() {
    let raw = "From: a@example.org\r\nTo: Bob <bob@example.com>,\r\n \"x, y\" <xy@example.com>\r\n\
               Cc: team: Carl@Example.com;\r\n\r\n";
    let message = read(raw);
    let role = |address: &str| {
        let address = EmailAddress::parse(address).expect("an address");
        (message.is_to(&address), message.is_cc(&address))
    };
    assert_eq!(role("bob@example.com"), (true, false));
    assert_eq!(role("xy@example.com"), (true, false));
    assert_eq!(role("carl@example.com"), (false, true));
    assert_eq!(role("eve@example.com"), (false, false));
}

const LINK: &str = "<a href=\"https://example.com/?a=1&amp;b=2\">x</a>";
const TRACKED: &str = "<a href=\"https://t.example/c/?a=1&amp;b=2\">x</a>";

fn single(headers: &str, body: &str) -> String {
    format!("{WHOLE}MIME-Version: 1.0\r\n{headers}\r\n{body}")
}

#[track_caller]
fn becomes(raw: &str, expected: &str) {
    let out = tracked(raw.as_bytes());
    assert_eq!(String::from_utf8_lossy(&out), format!("{FRONT}{expected}"));
}

#[track_caller]
fn stays(raw: &str) {
    becomes(raw, raw);
}

#[test]
fn html_is_tracked_in_its_place_and_encoded_as_it_was() {
    let html = "Content-Type: text/html; charset=utf-8\r\n";
    becomes(&single(html, &format!("{LINK}\r\n")), &single(html, &format!("{TRACKED}\r\n")));
    let eight = format!("{html}Content-Transfer-Encoding: 8bit\r\n");
    becomes(&single(&eight, &format!("é{LINK}\r\n")), &single(&eight, &format!("é{TRACKED}\r\n")));
    let quoted = format!("{html}content-transfer-encoding: Quoted-Printable\r\n");
    becomes(
        &single(&quoted, "=C3=A9<a href=3D\"https://ex=\r\nample.com/?a=3D1\">x</a>=20\r\n"),
        &single(&quoted, "=C3=A9<a href=3D\"https://t.example/c/?a=3D1\">x</a>=20\r\n"),
    );
    let base64 = format!("{html}Content-Transfer-Encoding: base64\r\n");
    let long = |html: &str| {
        let encoded = BASE64.encode(html.repeat(2));
        let lines: Vec<_> = encoded.as_bytes().chunks(76).map(String::from_utf8_lossy).collect();
        lines.join("\r\n") + "\r\n"
    };
    becomes(&single(&base64, &long(LINK)), &single(&base64, &long(TRACKED)));
}

#[test]
fn a_part_whose_lines_grow_too_long_becomes_quoted_printable() {
    let html = "Content-Type: text/html\r\n";
    let body = |chars: usize| format!("{}{LINK}\r\n", "x".repeat(chars));
    let longest = 998 - TRACKED.len();
    assert!(!String::from_utf8_lossy(&tracked(single(html, &body(longest)).as_bytes())).contains("quoted"));
    for headers in [html.to_owned(), format!("Content-Transfer-Encoding: 7bit\r\n{html}")] {
        let raw = single(&headers, &body(longest + 1));
        let out = tracked(raw.as_bytes());
        let text = String::from_utf8_lossy(&out);
        assert_eq!(text.matches("Content-Transfer-Encoding").count(), 1, "{text}");
        assert!(text.contains("Content-Transfer-Encoding: quoted-printable\r\n"), "{text}");
        assert!(text.split("\r\n").all(|line| line.len() <= 78), "{text}");
        let html = ParsedMessage::parse(&out).and_then(|parsed| parsed.html).expect("it has html");
        assert_eq!(html, format!("{}{TRACKED}\r\n", "x".repeat(longest + 1)));
    }
}

#[test]
fn what_is_around_an_html_part_stays_byte_for_byte() {
    let mail = |html: &str| {
        single(
            "Content-Type: multipart/mixed; boundary=\"o\"\r\n",
            &format!(
                "preamble https://example.com/\r\n--o\r\nContent-Type: multipart/alternative;\r\n\tboundary=i\r\n\r\n\
                 --i\r\nContent-Type: text/plain\r\n\r\nhttps://example.com/\r\n--i\r\n\
                 Content-Type: text/html; charset=\"UTF-8\"\r\nX-Odd:  spaces \r\n\r\n{html}\r\n--i--\r\n\r\n\
                 --o\r\nContent-Type: text/html\r\nContent-Disposition: attachment; filename=a.html\r\n\r\n{LINK}\r\n\
                 --o\r\nContent-Type: message/rfc822\r\n\r\nContent-Type: text/html\r\n\r\n{LINK}\r\n--o--\r\nepilogue\r\n"
            ),
        )
    };
    becomes(&mail(LINK), &mail(TRACKED));
}

#[test]
fn what_is_signed_or_encrypted_or_of_another_character_set_is_not_touched() {
    let part = |subtype: &str| {
        single(
            &format!("Content-Type: multipart/{subtype}; boundary=b\r\n"),
            &format!("--b\r\nContent-Type: text/html\r\n\r\n{LINK}\r\n--b--\r\n"),
        )
    };
    becomes(&part("mixed"), &part("mixed").replace(LINK, TRACKED));
    stays(&part("signed"));
    stays(&part("Encrypted"));
    for headers in [
        "Content-Type: text/html; charset=iso-8859-1\r\n",
        "Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: x-uuencode\r\n",
        "Content-Type: text/plain\r\n",
        "Content-Type: application/xhtml+xml\r\n",
    ] {
        stays(&single(headers, &format!("{LINK}\r\n")));
    }
    let mut odd = single("Content-Type: text/html; charset=utf-8\r\n", LINK).into_bytes();
    odd.push(0xff);
    let out = tracked(&odd);
    assert_eq!(&out[FRONT.len()..], odd, "what says UTF-8 and is none");
}

proptest! {
    /// Without tracking, and without headers for the service, a message goes out as it came in.
    #[test]
    fn a_body_is_never_changed(
        headers in proptest::collection::vec(("Y-[A-Za-z0-9-]{1,12}", "[ -~é]{0,40}(\r\n [ -~]{0,20})?"), 0..6),
        body in proptest::collection::vec(any::<u8>(), 0..400),
    ) {
        let mut raw = WHOLE.as_bytes().to_vec();
        for (name, value) in &headers {
            raw.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
        }
        raw.extend_from_slice(b"\r\n");
        raw.extend_from_slice(&body);
        let out = SubmittedMessage::read(&raw).expect("it is sound").finish(&ADDED, None);
        prop_assert_eq!(&out[..FRONT.len()], FRONT.as_bytes());
        prop_assert_eq!(&out[FRONT.len()..], &raw[..]);
    }

    /// With tracking that finds nothing to change, the same, whatever the parts are.
    #[test]
    fn tracking_that_changes_nothing_changes_nothing(body in "(--b\r\n|Content-Type: text/html\r\n|\r\n|[ -~]{0,20}){0,12}") {
        let raw = format!("{WHOLE}Content-Type: multipart/mixed; boundary=b\r\n\r\n{body}");
        let message = SubmittedMessage::read(raw.as_bytes()).expect("it is sound");
        let out = message.finish(&ADDED, Some(&mut |html: &str| Some(html.to_owned())));
        prop_assert_eq!(String::from_utf8(out).expect("text"), format!("{FRONT}{raw}"));
    }

    /// Html comes out as it was tracked, in whichever way it travels, and the text beside it stays.
    #[test]
    fn tracked_html_arrives(
        html in "[ -~éß€\r\n\t]{0,300}",
        encoding in prop::sample::select(vec!["base64", "quoted-printable"]),
    ) {
        let html = format!("{}https://example.com/\r\n", html.replace('\r', "").replace('\n', "\r\n"));
        let body = match encoding {
            "base64" => BASE64.encode(&html),
            _ => String::from_utf8(quoted_printable::encode(&html)).expect("ASCII"),
        };
        let raw = format!(
            "{WHOLE}Content-Type: multipart/alternative; boundary=\"=_b\"\r\n\r\n--=_b\r\n\r\ntext\r\n--=_b\r\n\
             Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n{body}\r\n--=_b--\r\n"
        );
        let parsed = ParsedMessage::parse(&tracked(raw.as_bytes())).expect("a message");
        prop_assert_eq!(parsed.html, Some(html.replace("https://example.com/", "https://t.example/c/")));
        prop_assert_eq!(parsed.text.as_deref(), Some("text"));
    }
}

#[test]
fn recipients_are_those_of_to_cc_and_every_bcc() {
    let raw = b"From: a@example.com\r\nBcc: d@example.com\r\nTo: Ada <a@example.com>,\r\n b@example.com\r\n\
                CC: =?utf-8?q?J=C3=BCrgen?= <c@example.com>\r\nBcc: team: e@example.com, f@example.com;\r\n\
                Reply-To: x@example.com\r\n\r\n";
    let message = SubmittedMessage::read(raw).expect("it is sound");
    let expected = ["a", "b", "c", "d", "e", "f"].map(|name| format!("{name}@example.com"));
    assert_eq!(message.recipients().expect("they are read"), expected);
}

#[test]
fn a_recipient_is_never_left_out_because_its_header_is_too_long() {
    let read = |header: &str| {
        let raw = format!("From: a@example.com\r\n{header}\r\n\r\n");
        SubmittedMessage::read(raw.as_bytes()).expect("it is sound").recipients().map(|named| named.len())
    };
    // Behind the colon and before the line end.
    let of = |bytes: usize| format!("To:{:>1$}", "b@example.com", bytes - 2);
    assert_eq!(read(&of(HEADER_VALUE_BYTES_MAX)), Ok(1));
    assert_eq!(read(&of(HEADER_VALUE_BYTES_MAX + 1)), Err(SubmittedError::ManyAddresses("to")));
    let many = |count: usize| format!("Bcc: {}", vec!["b@example.com"; count].join(","));
    assert_eq!(read(&many(ADDRESSES_MAX - 1)), Ok(ADDRESSES_MAX - 1));
    assert_eq!(read(&many(ADDRESSES_MAX)), Err(SubmittedError::ManyAddresses("bcc")));
}
