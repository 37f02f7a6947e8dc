//! The submission server: who may say what, when, and how often

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use pillarbox::control::Command;
use pillarbox::server::Shutdown;
use pillarbox::smtp::server::limits;

use crate::harness::TestApp;
use crate::mail_client::{HERE, MailClient, THERE, password, plain, server};

#[tokio::test]
async fn a_client_is_told_what_is_offered_and_what_not() {
    let app = TestApp::with(&[("PILLARBOX_SMTP_MESSAGE_BYTES_MAX", "12345")]).await;
    let server = server(&app);
    let offered = "250-localhost\r\n250-PIPELINING\r\n250-SIZE 12345\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-CHUNKING\r\n\
                   250-DSN\r\n250-ENHANCEDSTATUSCODES\r\n";
    let mut here = MailClient::connect(&server, HERE).await;
    assert_eq!(here.ask("EHLO client").await, format!("{offered}250-HELP\r\n250-STARTTLS\r\n250 AUTH PLAIN LOGIN"));
    let mut there = MailClient::connect(&server, THERE).await;
    assert_eq!(there.ask("EHLO client").await, format!("{offered}250-HELP\r\n250 STARTTLS"));
    assert_eq!(there.ask("HELO client").await, "250 localhost");
    assert_eq!(there.ask("NOOP").await, "250 2.0.0 Ok");
    assert_eq!(there.ask("VRFY ada").await, "252 2.1.5 It is not told who exists; send, and see");
    there.hears("HELP", "214-2.0.0 EHLO").await;
    there.hears("EXPN all", "502 5.5.1").await;
    assert_eq!(there.ask("QUIT").await, "221 2.0.0 Bye");
    assert_eq!(there.rest().await, "");
}

#[tokio::test]
async fn what_comes_too_early_is_refused() {
    let app = TestApp::start().await;
    let acme = app.customer("acme").await;
    let server = server(&app);
    let mut client = MailClient::connect(&server, HERE).await;
    client.dialogue(&[("MAIL FROM:<>", "503 5.5.1"), ("RCPT TO:<ada@example.com>", "503 5.5.1")]).await;
    client.dialogue(&[("AUTH LOGIN", "503 5.5.1"), ("DATA", "503 5.5.1"), ("HELO client", "250")]).await;
    client.dialogue(&[("AUTH LOGIN", "503 5.5.1 Say EHLO")]).await;

    let mut client = MailClient::signed_in(&server, &acme).await;
    client
        .dialogue(&[
            ("AUTH LOGIN", "503 5.5.1"),
            ("DATA", "503 5.5.1"),
            ("MAIL FROM:<>", "250 2.1.0"),
            ("MAIL FROM:<>", "503 5.5.1"),
            ("DATA", "554 5.5.1"),
            ("RCPT TO:<ada@example.com>", "250 2.1.5"),
            ("RCPT TO:<ädä@example.com>", "553 5.6.7"),
            ("RSET", "250 2.0.0"),
            ("RCPT TO:<ada@example.com>", "503 5.5.1"),
            ("MAIL FROM:<> SMTPUTF8", "250 2.1.0"),
            ("RCPT TO:<ädä@example.com>", "250 2.1.5"),
            ("EHLO again", "250-localhost"),
            ("DATA", "503 5.5.1"),
            ("MAIL FROM:<>", "250 2.1.0"),
        ])
        .await;
}

#[tokio::test]
async fn somebody_signs_in_with_the_accounts_address_and_its_password() {
    let app = TestApp::start().await;
    let acme = app.customer("acme").await;
    let (server, password) = (server(&app), password(&acme).await);
    let greeted = async || {
        let mut client = MailClient::connect(&server, HERE).await;
        client.ask("EHLO client").await;
        client
    };
    let right = plain("ACME@example.org", &password);
    greeted().await.dialogue(&[(&format!("AUTH PLAIN {right}"), "235 2.7.0")]).await;
    greeted().await.dialogue(&[("auth plain", "334"), (&right, "235 2.7.0")]).await;
    let (user, secret) = (BASE64.encode(&acme.email), BASE64.encode(&password));
    let asked = ("334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6");
    greeted().await.dialogue(&[("AUTH LOGIN", asked.0), (&user, asked.1), (&secret, "235 2.7.0")]).await;
    greeted().await.dialogue(&[(&format!("AUTH LOGIN {user}"), asked.1), (&secret, "235 2.7.0")]).await;

    let mut client = greeted().await;
    client.dialogue(&[("AUTH PLAIN", "334"), ("*", "501 5.5.2"), ("AUTH PLAIN !", "501 5.5.2")]).await;
    client.dialogue(&[("AUTH CRAM-MD5", "504 5.5.4"), (&format!("AUTH PLAIN {right}"), "235 2.7.0")]).await;
    let reply = client.ask("EHLO client").await;
    assert!(!reply.contains("AUTH"), "{reply}");

    // A new password ends the old one.
    let email = acme.email.clone();
    let made = app.command(Command::CustomerSmtpPassword { email }).await;
    let renewed = plain(&acme.email, made["smtp_password"].as_str().expect("it has a password"));
    greeted().await.dialogue(&[(&format!("AUTH PLAIN {renewed}"), "235 2.7.0")]).await;
    greeted().await.dialogue(&[(&format!("AUTH PLAIN {right}"), "535 5.7.8")]).await;
}

#[tokio::test]
async fn a_wrong_password_is_answered_later_each_time_and_then_no_more() {
    let app = TestApp::start().await;
    let acme = app.customer("acme").await;
    let server = server(&app);
    password(&acme).await;
    let mut client = MailClient::connect(&server, HERE).await;
    client.ask("EHLO client").await;
    let mut delay = limits::SIGN_IN_DELAY;
    // Somebody who does not exist, somebody who does, and again.
    for (number, user) in (1..).zip(["nobody@example.org", "acme@example.org", "acme@example.org"]) {
        let begun = Instant::now();
        let reply = client.ask(&format!("AUTH PLAIN {}", plain(user, "wrong"))).await;
        assert!(begun.elapsed() >= delay, "the answer came after {:?}", begun.elapsed());
        delay *= 2;
        let last = number == limits::SIGN_IN_FAILURES_MAX;
        assert!(reply.starts_with(if last { "421 4.7.0 Too many wrong" } else { "535 5.7.8 The user or" }), "{reply}");
    }
    assert_eq!(client.rest().await, "");
}

#[tokio::test]
async fn an_address_with_too_many_wrong_passwords_waits() {
    let app = TestApp::with(&[("PILLARBOX_FAILED_AUTH_PER_15_MINUTES", "2")]).await;
    let acme = app.customer("acme").await;
    let (server, password) = (server(&app), password(&acme).await);
    let right = format!("AUTH PLAIN {}", plain(&acme.email, &password));
    let wrong = format!("AUTH PLAIN {}", plain(&acme.email, "wrong"));
    for _ in 0..2 {
        let mut client = MailClient::connect(&server, HERE).await;
        client.dialogue(&[("EHLO client", "250"), (&wrong, "535 5.7.8")]).await;
    }
    let mut client = MailClient::connect(&server, HERE).await;
    client.dialogue(&[("EHLO client", "250"), (&right, "421 4.7.0")]).await;
    app.pass(15 * 60 * 1_000);
    let mut client = MailClient::connect(&server, HERE).await;
    client.dialogue(&[("EHLO client", "250"), (&right, "235 2.7.0")]).await;
}

#[tokio::test]
async fn a_password_does_not_cross_a_network_in_the_clear() {
    let app = TestApp::start().await;
    let acme = app.customer("acme").await;
    let (server, password) = (server(&app), password(&acme).await);
    let sign_in = format!("AUTH PLAIN {}", plain(&acme.email, &password));
    let mut client = MailClient::connect(&server, THERE).await;
    client.dialogue(&[("EHLO client", "250"), (&sign_in, "538 5.7.11"), ("MAIL FROM:<>", "250 2.1.0")]).await;
    client.hears("STARTTLS", "220 2.0.0").await;

    // All that was said before is forgotten.
    let mut client = client.secured(&app).await;
    client.dialogue(&[("RCPT TO:<ada@example.com>", "503 5.5.1"), ("MAIL FROM:<>", "503 5.5.1 Say EHLO")]).await;
    let reply = client.ask("EHLO client").await;
    assert!(reply.ends_with("250 AUTH PLAIN LOGIN") && !reply.contains("STARTTLS"), "{reply}");
    client.dialogue(&[("STARTTLS", "503 5.5.1"), (&sign_in, "235 2.7.0")]).await;
    let message = format!("From: a@{}\r\nSubject: x\r\n\r\nx\r\n", acme.domain);
    client.queued(&["ada@example.com"], message).await;
}

#[tokio::test]
async fn what_is_pipelined_behind_starttls_is_not_taken_for_what_came_through_tls() {
    let app = TestApp::start().await;
    let server = server(&app);
    let mut client = MailClient::connect(&server, THERE).await;
    client.ask("EHLO client").await;
    client.write("STARTTLS\r\nMAIL FROM:<>\r\n").await;
    assert!(client.reply().await.starts_with("503 5.5.1 Wait for the answer"));
    assert_eq!(client.rest().await, "");
}

#[tokio::test]
async fn other_protocols_are_sent_away_at_once() {
    let app = TestApp::start().await;
    let server = server(&app);
    let mut client = MailClient::connect(&server, HERE).await;
    client.write("POST / HTTP/1.1\r\nHost: a\r\n\r\nEHLO a\r\nMAIL FROM:<>\r\n").await;
    assert_eq!(client.rest().await, "421 4.7.0 This port speaks SMTP\r\n");
}

#[tokio::test]
async fn so_many_errors_are_answered_and_one_more_ends_the_session() {
    let app = TestApp::start().await;
    let server = server(&app);
    let mut client = MailClient::connect(&server, HERE).await;
    for _ in 0..limits::ERRORS_MAX {
        client.hears("XYZZY", "500 5.5.1").await;
    }
    client.hears("NOOP", "250").await;
    client.hears("XYZZY", "421 4.7.0 Too many errors").await;
    assert_eq!(client.rest().await, "");
}

#[tokio::test]
async fn so_many_commands_bring_no_message_and_one_more_ends_the_session() {
    let app = TestApp::start().await;
    let server = server(&app);
    let mut client = MailClient::connect(&server, HERE).await;
    let commands = ["NOOP", "RSET", "HELP", "VRFY ada"];
    for command in commands.iter().cycle().take(limits::IDLE_COMMANDS_MAX as usize) {
        assert!(client.ask(command).await.starts_with('2'));
    }
    client.hears("EHLO client", "250").await;
    client.hears("NOOP", "421 4.7.0 Too many commands").await;
    assert_eq!(client.rest().await, "");
}

#[tokio::test]
async fn a_line_has_a_bound_and_one_end() {
    let app = TestApp::start().await;
    let server = server(&app);
    let longest = "NOOP ".to_owned() + &"x".repeat(4_096 - 5);
    MailClient::connect(&server, HERE).await.hears(&longest, "250").await;
    let ends = async |bytes: &str, reply: &str| {
        let mut client = MailClient::connect(&server, HERE).await;
        client.write(bytes).await;
        let rest = client.rest().await;
        assert!(rest.starts_with(reply) && rest.lines().count() == 1, "{bytes:?} {rest:?}");
    };
    ends(&format!("{longest}x\r\nNOOP\r\n"), "500 5.5.6").await;
    ends(&format!("{longest}xx"), "500 5.5.6").await;
    ends("NOOP\nNOOP\r\n", "554 5.6.0").await;
    ends("NOOP\rNOOP\r\n", "554 5.6.0").await;
    ends("NOOP \r\r\n", "554 5.6.0").await;
}

#[tokio::test]
async fn who_says_nothing_or_says_it_slowly_is_cut_off() {
    let app = TestApp::with(&[("PILLARBOX_SMTP_IDLE_SECS", "1"), ("PILLARBOX_SMTP_DATA_SECS", "2")]).await;
    let acme = app.customer("acme").await;
    let server = server(&app);
    let late = "421 4.4.2 That took too long\r\n";
    let begun = Instant::now();
    assert_eq!(MailClient::connect(&server, HERE).await.rest().await, late);
    assert!(begun.elapsed() > Duration::from_millis(900), "{:?}", begun.elapsed());

    // Bytes that come one by one do not make the time longer.
    let drips = async |client: &mut MailClient, at_most: Duration| {
        let begun = Instant::now();
        while client.drip(b'x').await {
            assert!(begun.elapsed() < at_most, "it drips for ever");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        assert!(client.rest().await.ends_with(late));
    };
    let mut client = MailClient::connect(&server, HERE).await;
    drips(&mut client, Duration::from_secs(4)).await;
    let mut client = MailClient::signed_in(&server, &acme).await;
    client.dialogue(&[("MAIL FROM:<>", "250"), ("RCPT TO:<ada@example.com>", "250"), ("DATA", "354")]).await;
    drips(&mut client, Duration::from_secs(6)).await;
    let mut client = MailClient::signed_in(&server, &acme).await;
    client.dialogue(&[("MAIL FROM:<>", "250"), ("RCPT TO:<ada@example.com>", "250")]).await;
    client.write("BDAT 1000 LAST\r\n").await;
    drips(&mut client, Duration::from_secs(6)).await;
}

#[tokio::test]
async fn when_the_service_stops_the_idle_hear_so_and_a_message_is_finished() {
    let app = TestApp::start().await;
    let acme = app.customer("acme").await;
    let server = server(&app);
    let closing = "421 4.3.2 The service stops; try again in a moment\r\n";
    let mut idle = MailClient::signed_in(&server, &acme).await;
    idle.hears("MAIL FROM:<>", "250").await;
    idle.stop.send_replace(Shutdown::Drain);
    assert_eq!(idle.rest().await, closing);

    let mut busy = MailClient::signed_in(&server, &acme).await;
    busy.dialogue(&[("MAIL FROM:<>", "250"), ("RCPT TO:<ada@example.com>", "250"), ("DATA", "354")]).await;
    busy.stop.send_replace(Shutdown::Drain);
    busy.write(format!("From: a@{}\r\n\r\nx\r\n.\r\n", acme.domain)).await;
    assert!(busy.reply().await.starts_with("250 2.0.0 Ok: queued as "));
    assert_eq!(busy.rest().await, closing);

    let mut chunks = MailClient::signed_in(&server, &acme).await;
    let first = format!("From: a@{}\r\n", acme.domain);
    chunks.dialogue(&[("MAIL FROM:<>", "250"), ("RCPT TO:<ada@example.com>", "250")]).await;
    chunks.write(format!("BDAT {}\r\n{first}", first.len())).await;
    chunks.reply().await;
    chunks.stop.send_replace(Shutdown::Drain);
    chunks.write("BDAT 5 LAST\r\n\r\nx\r\n").await;
    assert!(chunks.reply().await.starts_with("250 2.0.0 Ok: queued as "));
    assert_eq!(chunks.rest().await, closing);
}

#[tokio::test]
async fn programs_on_this_machine_may_submit_as_one_customer_without_signing_in() {
    let setting = ("PILLARBOX_SMTP_LOOPBACK_CUSTOMER", "acme@example.org");
    let app = TestApp::with(&[setting]).await;
    let server = server(&app);
    let begin = async |from| {
        let mut client = MailClient::connect(&server, from).await;
        client.dialogue(&[("EHLO client", "250-localhost"), ("MAIL FROM:<>", "250 2.1.0")]).await;
        client
    };
    begin(HERE).await.dialogue(&[("RCPT TO:<ada@example.com>", "550 5.7.1")]).await;
    let acme = app.customer("acme").await;
    begin(THERE).await.dialogue(&[("RCPT TO:<ada@example.com>", "550 5.7.1")]).await;

    let mut client = begin(HERE).await;
    client.dialogue(&[("RCPT TO:<ada@example.com>", "250 2.1.5"), ("DATA", "354")]).await;
    let message = format!("From: news@{}\r\nSubject: Hello\r\n\r\nHello\r\n.", acme.domain);
    client.dialogue(&[(&message, "250 2.0.0")]).await;
    assert_eq!(acme.get("/api/emails").await.json()["pagination"]["total"], 1);
    // What comes back to an address of ours is still a bounce and nobody's letter.
    let ours = app.app.bounce_address(uuid::Uuid::nil(), 0, &acme.domain);
    begin(HERE)
        .await
        .dialogue(&[(&format!("RCPT TO:<{ours}>"), "250 2.1.5"), ("RCPT TO:<ada@example.com>", "550 5.7.1")])
        .await;
}
