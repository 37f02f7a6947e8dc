use proptest::prelude::*;

use super::*;

#[track_caller]
fn reads(line: &str, command: &Command) {
    assert_eq!(parse(line.as_bytes()).as_ref(), Ok(command), "{line}");
}

#[track_caller]
fn refuses(line: impl AsRef<[u8]>, wire: &str) {
    let refused = parse(line.as_ref()).expect_err("it is refused").to_wire();
    assert!(refused.starts_with(wire), "{refused}");
}

fn mail(size: Option<usize>, utf8: bool) -> Command {
    Command::Mail(Sender { size, utf8 })
}

fn rcpt(address: &str) -> Command {
    Command::Rcpt(Recipient { address: EmailAddress::parse(address).expect("an address"), ascii: true })
}

#[test]
fn commands_are_read_in_any_case() {
    reads("EHLO client.example.com", &Command::Ehlo);
    reads("helo [192.0.2.1]", &Command::Helo);
    reads("DATA  ", &Command::Data);
    reads("quit", &Command::Quit);
    reads("NOOP whatever you like", &Command::Noop);
    reads("Vrfy ada", &Command::Vrfy);
    reads("StartTLS", &Command::StartTls);
    reads("BDAT 0 LAST", &Command::Bdat { bytes: 0, last: true });
    reads("bdat 86", &Command::Bdat { bytes: 86, last: false });
    reads("AUTH login", &Command::Auth { mechanism: Mechanism::Login, initial: None });
    reads("AUTH PLAIN =", &Command::Auth { mechanism: Mechanism::Plain, initial: Some("=".into()) });
    reads("GET / HTTP/1.1", &Command::Foreign);
}

#[test]
fn a_sender_has_parameters() {
    reads("MAIL FROM:<>", &mail(None, false));
    reads("MAIL FROM: <ada@example.com>", &mail(None, false));
    reads("mail from:<ada@example.com> size=1000 BODY=8bitmime", &mail(Some(1_000), false));
    reads("MAIL FROM:<ada@example.com> SMTPUTF8 RET=hdrs ENVID=a+3Db AUTH=<>", &mail(None, true));
    reads("MAIL FROM:<@relay.example.com:ada@example.com>", &mail(None, false));
    reads("MAIL FROM:<\"a>b\"@example.com> SIZE=1", &mail(Some(1), false));
    reads(&format!("MAIL FROM:<> SIZE={}", "9".repeat(20)), &mail(Some(usize::MAX), false));
    reads("MAIL FROM:<ädä@example.com> SMTPUTF8", &mail(None, true));
}

#[test]
fn a_recipient_has_parameters() {
    reads("RCPT TO:<ada@example.com>", &rcpt("ada@example.com"));
    reads("RCPT TO:<ada@example.com> NOTIFY=success,failure ORCPT=rfc822;ada@example.com", &rcpt("ada@example.com"));
    reads("RCPT TO:<ada@example.com> NOTIFY=NEVER", &rcpt("ada@example.com"));
    reads("RCPT TO:<\"ada b\"@example.com>", &rcpt("\"ada b\"@example.com"));
}

#[test]
fn what_is_almost_a_command_is_refused_in_words() {
    for line in ["MAIL", "MAIL <a@example.com>", "MAIL FROM:a@example.com", "MAIL FROM:<a@example.com"] {
        refuses(line, "501 5.5.4 Write MAIL FROM:");
    }
    refuses("MAIL FROM:<a@example.com>SIZE=1", "501 5.5.4");
    refuses("MAIL FROM:<a@b@example.com>", "501 5.1.7");
    refuses("MAIL FROM:<a@example.com> SIZE=", "501 5.5.4");
    refuses("MAIL FROM:<a@example.com> SIZE=-1", "501 5.5.4");
    refuses("MAIL FROM:<a@example.com> SIZE=1 SIZE=1", "501 5.5.4 SIZE stands there twice");
    refuses("MAIL FROM:<a@example.com> BODY=BINARYMIME", "501 5.6.1");
    refuses("MAIL FROM:<a@example.com> BODY=9BIT", "501 5.5.4");
    refuses("MAIL FROM:<a@example.com> ENVID=a+3", "501 5.5.4");
    refuses("MAIL FROM:<a@example.com> XCLIENT=1", "555 5.5.4");
    refuses("MAIL FROM:<ä@example.com>", "553 5.6.7");
    refuses("RCPT TO:<>", "501 5.1.3");
    refuses("RCPT TO:<postmaster>", "501 5.1.3");
    refuses("RCPT TO:<a@example.com> NOTIFY=NEVER,DELAY", "501 5.5.4");
    refuses("RCPT TO:<a@example.com> ORCPT=ada", "501 5.5.4");
    refuses("RCPT TO:<a@example.com> SIZE=1", "555 5.5.4");
    refuses("DATA now", "501 5.5.4");
    refuses("STARTTLS now", "501 5.5.4");
    refuses("BDAT", "501 5.5.4");
    refuses("BDAT 1 FIRST", "501 5.5.4");
    refuses("BDAT 0x10", "501 5.5.4");
    refuses("AUTH CRAM-MD5", "504 5.5.4");
    refuses("EHLO", "501 5.5.4");
    refuses("EHLO a b", "501 5.5.4");
    refuses("EXPN all", "502 5.5.1");
    refuses("XYZZY", "500 5.5.1");
    refuses("", "500 5.5.1");
    refuses("NOOP\u{0}", "500 5.5.2");
    refuses(b"NOOP \xff", "500 5.5.2");
}

#[test]
fn parameters_have_bounds() {
    let envid = |chars: usize| format!("MAIL FROM:<> ENVID={}", "e".repeat(chars));
    reads(&envid(ENVID_CHARS_MAX), &mail(None, false));
    refuses(envid(ENVID_CHARS_MAX + 1), "501 5.5.4");
    let orcpt = |chars: usize| format!("RCPT TO:<a@example.com> ORCPT=rfc822;{}", "o".repeat(chars - "rfc822;".len()));
    reads(&orcpt(ORCPT_CHARS_MAX), &rcpt("a@example.com"));
    refuses(orcpt(ORCPT_CHARS_MAX + 1), "501 5.5.4");
    let bdat = |digits: usize| format!("BDAT {}", "1".repeat(digits));
    assert!(parse(bdat(NUMBER_DIGITS_MAX).as_bytes()).is_ok());
    refuses(bdat(NUMBER_DIGITS_MAX + 1), "501 5.5.4");
}

proptest! {
    #[test]
    fn any_bytes_are_a_command_or_refused(line in proptest::collection::vec(any::<u8>(), 0..200)) {
        drop(parse(&line));
    }

    #[test]
    fn any_text_behind_a_verb_is_a_command_or_refused(
        verb in prop::sample::select(vec!["MAIL FROM:", "RCPT TO:", "MAIL FROM:<>", "BDAT ", "AUTH ", "EHLO "]),
        rest in "\\PC{0,80}",
    ) {
        drop(parse(format!("{verb}{rest}").as_bytes()));
    }
}
