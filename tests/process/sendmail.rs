//! `pillarbox send`: from a file or standard input, with and without the service.

use std::fs::File;

use crate::harness::Home;

const FROM: &str = "From: hello@first-customer.sandbox.pillarbox.test\n";

fn message(headers: &str) -> String {
    format!("{FROM}Subject: Backup\n{headers}\nIt is done.\n.\nReally.\n")
}

#[test]
fn a_script_sends_through_the_service_that_runs_and_gets_the_id() {
    let home = Home::prepared();
    let service = home.serve(&[]);
    let file = home.file("message.eml", message("To: ada@example.com\nBcc: eve@example.com\n"));
    let answer = home.json(&["send", file.to_str().expect("it is text"), "--json"]);
    assert_eq!(answer["recipients"], 2);
    service.delivered(answer["email_id"].as_str().expect("it is an id"));

    let to = ["--to", "bob@example.com,eve@example.com", "--to", "ada@example.com"];
    let words = [&["send", "-", "--customer", "first@pillarbox.test"], &to[..]].concat();
    let sent = home.run_with(&words, message("").as_bytes());
    let id = sent.printed().strip_suffix('\n').expect("it is a line");
    assert!(id.parse::<uuid::Uuid>().is_ok(), "the id and nothing else: {id}");
    service.delivered(id);
    let shown = home.run(&["mailbox", "show", id, "--source"]);
    let source = shown.printed();
    assert!(source.contains("Subject: Backup\r\n"), "{source}");
    assert!(source.ends_with("\r\n\r\nIt is done.\r\n.\r\nReally.\r\n"), "a dot ends nothing: {source}");
}

#[test]
fn without_a_service_the_email_waits_for_one() {
    let home = Home::prepared();
    let sent = home.run_with(&["send"], message("To: ada@example.com\n").as_bytes());
    home.serve(&[]).delivered(sent.printed().trim());
}

#[test]
fn what_is_wrong_is_said_and_help_teaches() {
    let home = Home::prepared();
    home.run(&["send", "nothing.eml"]).refuses(&["cannot read nothing.eml"]);
    home.run_with(&["send"], message("").as_bytes()).refuses(&["names nobody in To, Cc or Bcc", "--to ADDRESS"]);
    home.run_with(&["send", "--to", "a@example.com"], b"").refuses(&["no From header"]);
    // One byte more than a command carries, none of which is on the disk.
    let bytes_max = 63 * 1024 * 1024 / 4 * 3;
    let sparse = home.file("large.eml", "");
    File::options().write(true).open(&sparse).and_then(|file| file.set_len(bytes_max + 1)).expect("it is made larger");
    home.run(&["send", "large.eml"]).refuses(&[&format!("more than {bytes_max} bytes")]);
    let help = home.run(&["send", "--help"]);
    let help = help.printed();
    assert!(help.contains("pillarbox send message.eml") && help.contains("--to ada@example.com"), "{help}");
}
