//! What is signed, to the byte. Whether others agree is tried with a verifier of other people in `tests/`.

use super::canonical::{Field, relaxed_body_hash};
use super::*;
use crate::hash::sha256;
use proptest::prelude::*;

#[track_caller]
fn header(text: &str, canonical: &str) {
    let mut written = Vec::new();
    Field::of(text.as_bytes()).write_relaxed(&mut written);
    assert_eq!(String::from_utf8(written).expect("ASCII"), canonical);
}

#[test]
fn a_header_is_signed_in_one_line_with_single_spaces() {
    // The examples of RFC 6376 section 3.4.5.
    header("A: X\r\n", "a:X\r\n");
    header("B : Y\t\r\n\tZ  \r\n", "b:Y Z\r\n");
    header("Subject:\r\n", "subject:\r\n");
    header("Subject: \r\n \t\r\n", "subject:\r\n");
    header("Subject: a:b  c", "subject:a:b c\r\n");
    header("Subject:\x0ca", "subject:\x0ca\r\n");
    header("Not a header", "not a header:\r\n");
}

#[track_caller]
fn body(text: &str, canonical: &str) {
    assert_eq!(relaxed_body_hash(text.as_bytes()).as_ref(), sha256(canonical.as_bytes()), "{text:?}");
}

#[test]
fn a_body_is_signed_without_what_servers_change() {
    // The example of RFC 6376 section 3.4.5.
    body(" C \r\nD \t E\r\n\r\n\r\n", " C\r\nD E\r\n");
    body("", "");
    body("\r\n\r\n", "");
    body("a", "a\r\n");
    body("a\r\n\r\nb", "a\r\n\r\nb\r\n");
    body("\r\na\r\n", "\r\na\r\n");
    body("a\tb  c \t d", "a b c d\r\n");
    body("  a\r\n", " a\r\n");
    body("a b\tc", "a b c\r\n");
    body("a\rb\nc\r\n", "a\rb\nc\r\n");
}

/// mail-auth 0.13.3 counts these lines as content.
#[test]
fn lines_of_spaces_at_the_end_of_a_body_are_empty_lines() {
    body(" ", "");
    body(" \r\n\t\r\n", "");
    body("a\r\n \r\n\t \r\n", "a\r\n");
    body("a\r\n \r\nb\r\n", "a\r\n\r\nb\r\n");
}

const MESSAGE: &str = "Date: Fri, 15 Mar 2024 14:30:00 +0000\r\n\
    From: Acme <noreply@acme.example>\r\n\
    X-Other: not signed\r\n\
    To: <ada@example.com>,\r\n <bob@example.com>\r\n\
    subject: Hello\r\n\
    References: <1@acme.example>\r\n\
    List-Unsubscribe: <https://acme.example/u>\r\n\
    List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n\
    \r\n\
    Hi\r\n";

#[test]
fn the_signed_bytes_are_known() {
    let prepared = Prepared::of(MESSAGE.as_bytes()).expect("it has an author");
    let unsigned = prepared.unsigned(Algorithm::Rsa2048, "acme.example", "pb1-rsa2048", 1_710_513_000);
    let data = String::from_utf8(unsigned.data().to_vec()).expect("ASCII");
    let body_hash = BASE64.encode(sha256(b"Hi\r\n"));
    assert_eq!(
        data,
        format!(
            "from:Acme <noreply@acme.example>\r\n\
             to:<ada@example.com>, <bob@example.com>\r\n\
             subject:Hello\r\n\
             date:Fri, 15 Mar 2024 14:30:00 +0000\r\n\
             references:<1@acme.example>\r\n\
             list-unsubscribe:<https://acme.example/u>\r\n\
             list-unsubscribe-post:List-Unsubscribe=One-Click\r\n\
             dkim-signature:v=1; a=rsa-sha256; c=relaxed/relaxed; d=acme.example; s=pb1-rsa2048; t=1710513000; \
             bh={body_hash}; h=From:From:To:To:Cc:Subject:Subject:Reply-To:Date:Date:Message-ID: \
             MIME-Version:Content-Type:Content-Transfer-Encoding:References: \
             List-Unsubscribe:List-Unsubscribe-Post; b="
        )
    );
}

#[test]
fn the_header_has_short_lines_and_ends_in_the_signature() {
    let prepared = Prepared::of(MESSAGE.as_bytes()).expect("it has an author");
    let header = prepared.unsigned(Algorithm::Ed25519, "acme.example", "s", 1).signed(&[0xff; 256]);
    assert!(header.starts_with("DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;\r\n\td=acme.example;\r\n"));
    let lines: Vec<_> = header.strip_suffix("\r\n").expect("its line ends").split("\r\n").collect();
    assert!(lines.iter().skip(1).all(|line| line.starts_with('\t')), "{header}");
    assert!(lines.iter().all(|line| line.len() <= LINE_BYTES_MAX), "{header}");
    let (_, signature) = header.split_once("\tb=").expect("it has a signature");
    assert_eq!(signature.replace("\r\n", "").replace('\t', ""), BASE64.encode([0xff; 256]));
}

#[test]
fn a_message_without_an_author_is_not_signed() {
    assert!(Prepared::of(b"To: ada@example.com\r\n\r\nFrom: a@acme.example\r\n").is_none());
    assert!(Prepared::of(b"").is_none());
    assert!(Prepared::of(b"FROM: a@acme.example").is_some());
}

#[test]
fn the_last_header_of_a_name_is_signed_first_and_so_many_of_them() {
    let names = |count: usize| {
        let message = format!("From: a\r\n{}\r\n", "References: x\r\n".repeat(count));
        let names = Prepared::of(message.as_bytes()).expect("it has an author").names;
        names.iter().filter(|name| **name == "References").count()
    };
    assert_eq!((names(INSTANCES_MAX), names(INSTANCES_MAX + 1)), (INSTANCES_MAX, INSTANCES_MAX));
    let prepared = Prepared::of(b"From: a\r\nReferences: 1\r\nReferences: 2\r\n\r\n").expect("it has an author");
    assert!(String::from_utf8_lossy(&prepared.headers).ends_with("references:2\r\nreferences:1\r\n"));
}

#[test]
fn a_record_is_cut_where_a_string_of_dns_ends() {
    assert_eq!(record(Algorithm::Ed25519, "AA=="), "v=DKIM1; k=ed25519; p=AA==");
    let long = record(Algorithm::Rsa2048, &"A".repeat(392));
    let strings = strings(&long);
    assert_eq!((strings.len(), strings[0].len(), strings.concat()), (2, TXT_STRING_BYTES_MAX, long.clone()));
    let of = |bytes: usize| super::strings(&"x".repeat(bytes)).len();
    assert_eq!((of(0), of(TXT_STRING_BYTES_MAX), of(TXT_STRING_BYTES_MAX + 1)), (0, 1, 2));
}

/// Section 3.4.4, sentence by sentence.
fn by_the_letter(body: &str) -> String {
    let mut lines: Vec<String> = body
        .split("\r\n")
        .map(|line| {
            let line = line.replace('\t', " ");
            let mut words = line.trim_end_matches(' ').to_owned();
            while words.contains("  ") {
                words = words.replace("  ", " ");
            }
            words
        })
        .collect();
    while lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
    lines.iter().fold(String::new(), |body, line| body + line + "\r\n")
}

proptest! {
    #[test]
    fn every_body_is_hashed_by_the_letter(text in "([ \ta]|\r\n|\r|\n|é){0,40}") {
        let hash = relaxed_body_hash(text.as_bytes());
        prop_assert_eq!(hash.as_ref(), sha256(by_the_letter(&text).as_bytes()));
    }

    #[test]
    fn nothing_panics(message in "([\r\n: F]|From|\\PC){0,80}") {
        let with_author = format!("From: a\r\n{message}");
        prop_assert!(Prepared::of(with_author.as_bytes()).is_some());
        Prepared::of(message.as_bytes());
    }
}
