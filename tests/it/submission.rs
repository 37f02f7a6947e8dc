//! Mail that is submitted by SMTP, and bounces that come back by it

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use pillarbox::control::Command;
use pillarbox::inbox;
use pillarbox::server::Shutdown;
use pillarbox::smtp::server::{self as smtp, Listener, limits};
use pillarbox::store::CustomerStatus;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::harness::{TestApp, TestCustomer, at_once};
use crate::mail_client::{MailClient, THERE, server};

/// A small message of this customer, with further headers.
fn message(customer: &TestCustomer, headers: &str) -> String {
    format!(
        "From: Acme <hello@{}>\r\nTo: ada@example.com\r\nSubject: Hello\r\n{headers}\r\nHello Ada\r\n",
        customer.domain
    )
}

/// A message with lines behind it, so many bytes in all.
fn padded(message: &str, bytes: usize) -> String {
    let rest = bytes - message.len();
    let line = "x".repeat(98) + "\r\n";
    format!("{message}{}{}\r\n", line.repeat(rest / 100 - 1), "x".repeat(rest % 100 + 98))
}

async fn email(customer: &TestCustomer, id: &str) -> Value {
    customer.get(&format!("/api/emails/{id}")).await.json()["email"].clone()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is not text"))
}

#[tokio::test]
async fn a_message_goes_out_as_it_was_submitted() {
    let app = TestApp::start().await;
    let acme = app.customer("acme").await;
    let server = server(&app);
    let mut client = MailClient::signed_in(&server, &acme).await;
    let raw = message(
        &acme,
        "Message-ID: <one@acme.example>\r\nDate: Fri, 15 Mar 2024 14:29:00 +0000\r\nCc: carl@example.com\r\n\
         Bcc: eve@example.com\r\nX-Tag: parcels\r\nX-Metadata-Order: 7\r\nX-Mailer:  odd \r\n",
    ) + ".\r\n..two dots\r\n\r\ntrailing spaces  \r\n";
    let id = client.queued(&["eve@example.com", "CARL@example.com", "ada@example.com", "ada@example.com"], &raw).await;
    let shown = email(&acme, &id).await;
    let recipient = |address: &str, role: &str| json!({ "address": address, "role": role, "status": "queued" });
    assert_eq!(
        shown["recipients"],
        json!([
            recipient("ada@example.com", "to"),
            recipient("carl@example.com", "cc"),
            recipient("eve@example.com", "bcc")
        ])
    );
    let expected = json!({ "message_id": "one@acme.example", "to": "ada@example.com", "subject": "Hello",
        "tag": "parcels", "metadata": { "order": "7" }, "stream_type": "transactional",
        "from": format!("hello@{}", acme.domain) });
    for (name, value) in expected.as_object().expect("fields") {
        assert_eq!(&shown[name], value, "{name}");
    }
    assert_eq!(shown["score"]["verdict"], "pass");

    let captured = app.captured(&id).await;
    let kept = raw
        .replace("Bcc: eve@example.com\r\n", "")
        .replace("X-Tag: parcels\r\n", "")
        .replace("X-Metadata-Order: 7\r\n", "");
    assert_eq!(captured["source"], format!("{}{kept}", front(&id)));
    assert_eq!(app.command(Command::MailboxList { limit: 10 }).await["total"], 1);
}

#[tokio::test]
async fn links_are_tracked_as_the_account_and_the_message_want() {
    let app = TestApp::start().await;
    let acme = app.customer("acme").await;
    let server = server(&app);
    let mut client = MailClient::signed_in(&server, &acme).await;
    let html = "<a href=\"https://example.com/?a=1&amp;b=2\">x</a>";
    let mut submitted = async |headers: &str| {
        let head = format!("Content-Type: text/html; charset=utf-8\r\n{headers}");
        let raw = message(&acme, &head).replace("Hello Ada", html);
        let id = client.queued(&["ada@example.com"], raw).await;
        text(&app.captured(&id).await["source"]).to_owned()
    };
    let tracked = submitted("").await;
    assert!(tracked.contains("/track/c/") && tracked.contains("/track/o/") && !tracked.contains("example.com/?a"));
    let clicks = submitted("X-Track-Opens: false\r\n").await;
    assert!(clicks.contains("/track/c/") && !clicks.contains("/track/o/"), "{clicks}");
    let neither = submitted("X-Track-Opens: no\r\nX-Track-Clicks: no\r\n").await;
    assert!(neither.ends_with(&format!("\r\n\r\n{html}\r\n")), "{neither}");

    let path = tracked.split("/track/c/").nth(1).and_then(|rest| rest.split('"').next()).expect("a link");
    let answer = app.get(&format!("/track/c/{path}")).await;
    assert_eq!((answer.status.as_u16(), answer.header("location")), (302, Some("https://example.com/?a=1&b=2")));
}

#[tokio::test]
async fn a_broadcast_can_be_unsubscribed_from() {
    let app = TestApp::start().await;
    let acme = app.customer("acme").await;
    let server = server(&app);
    let mut client = MailClient::signed_in(&server, &acme).await;
    let id = client.queued(&["ada@example.com"], message(&acme, "X-Stream-Type: broadcast\r\n")).await;
    let source = app.captured(&id).await["source"].clone();
    let token = text(&source).split("/track/u/").nth(1).and_then(|rest| rest.split('>').next()).expect("a link");
    assert!(text(&source).contains("List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"));
    let form = "application/x-www-form-urlencoded";
    let answer = app.post(&format!("/track/u/{token}"), form, "List-Unsubscribe=One-Click").await;
    assert_eq!(answer.status, 200);

    let reply = client.submit(&["ada@example.com"], message(&acme, "X-Stream-Type: broadcast\r\n")).await;
    assert!(reply.starts_with("550 5.1.1 The recipient is suppressed: ada@example.com (unsubscribe)"), "{reply}");
    client.queued(&["ada@example.com"], message(&acme, "")).await;
}

#[tokio::test]
async fn copies_of_one_message_keep_its_message_id_and_are_emails_of_their_own() {
    let app = TestApp::start().await;
    let acme = app.customer("acme").await;
    let rival = app.customer("rival").await;
    let server = server(&app);
    let raw = |customer: &TestCustomer| message(customer, "Message-ID: <same@example.org>\r\n");
    let mut client = MailClient::signed_in(&server, &acme).await;
    let first = client.queued(&["ada@example.com"], raw(&acme)).await;
    let second = client.queued(&["bob@example.com"], raw(&acme)).await;
    let third = MailClient::signed_in(&server, &rival).await.queued(&["ada@example.com"], raw(&rival)).await;
    assert_eq!(email(&acme, &first).await["message_id"], "same@example.org");
    assert_eq!(email(&acme, &second).await["message_id"], json!(second));
    assert_eq!(email(&rival, &third).await["message_id"], json!(third));
    for id in [first, second, third] {
        let source = app.captured(&id).await["source"].clone();
        assert!(text(&source).contains("\r\nMessage-ID: <same@example.org>\r\n"), "{source}");
    }
    let id = client.queued(&["ada@example.com"], message(&acme, "")).await;
    assert_eq!(email(&acme, &id).await["message_id"], format!("{id}@{}", acme.domain));
}

#[tokio::test]
async fn what_may_not_be_sent_is_refused_in_words() {
    let app = TestApp::with(&[("PILLARBOX_SCORING_POLICY", "enforce")]).await;
    let acme = app.customer("acme").await;
    let rival = app.customer("rival").await;
    let server = server(&app);
    let refused = async |raw: String, beginning: &str| {
        let mut client = MailClient::signed_in(&server, &acme).await;
        let reply = client.submit(&["ada@example.com"], raw).await;
        assert!(reply.starts_with(beginning), "{reply}");
        // The session goes on.
        client.hears("NOOP", "250").await;
    };
    let foreign = message(&rival, "");
    refused(foreign, "550 5.7.1 rival.sandbox.pillarbox.test, the domain of the From header, is not a verified").await;
    refused("To: ada@example.com\r\n\r\nx\r\n".into(), "554 5.6.0 The message has no From header").await;
    let twice = format!("From: a@{}\r\n{}", acme.domain, message(&acme, ""));
    refused(twice, "554 5.6.0 The message has the header from twice").await;
    refused("Hello\r\n".into(), "554 5.6.0 Line 1 is not a header").await;
    refused(message(&acme, &format!("X-Tag: {}\r\n", "x".repeat(101))), "554 5.6.0 X-Tag must be one line").await;
    let metadata: Vec<_> = (0..70).map(|n| format!("X-Metadata-{n}: {}\r\n", "m".repeat(940))).collect();
    let metadata = metadata.concat();
    refused(message(&acme, &metadata), "554 5.6.0 metadata must be at most 65536 bytes").await;
    refused(message(&acme, "X-Track-Opens: maybe\r\n"), "554 5.6.0 X-Track-Opens must be true or false").await;
    let long = message(&acme, "").replace("Hello Ada", &"x".repeat(999));
    refused(long, "554 5.6.0 A line has more than 998 bytes").await;
    let spam = "<a href=\"http://192.0.2.1/x\">https://bank.example.com</a>";
    let spam = message(&acme, "Content-Type: text/html\r\n").replace("Hello Ada", spam);
    let spam = spam.replace("Subject: Hello", "Subject: YOU WIN A FREE PRIZE!!!");
    refused(spam, "554 5.7.1 The content is likely to be taken for spam; see the findings: ").await;
    assert_eq!(acme.get("/api/emails").await.json()["pagination"]["total"], 0, "nothing was queued");
    let longest = message(&acme, "").replace("Hello Ada", &"x".repeat(998));
    MailClient::signed_in(&server, &acme).await.queued(&["ada@example.com"], longest).await;
}

#[tokio::test]
async fn who_is_suppressed_gets_nothing_and_the_others_do() {
    let app = TestApp::start().await;
    let acme = app.customer("acme").await;
    let server = server(&app);
    let id = acme.send("ada@example.com").await;
    app.deliver().await;
    app.notify("/webhooks/bounce", json!({ "emailId": id, "bounceType": "hard" })).await;
    let mut client = MailClient::signed_in(&server, &acme).await;
    let reply = client.submit(&["ada@example.com"], message(&acme, "")).await;
    assert_eq!(reply, "550 5.1.1 The recipient is suppressed: ada@example.com (hard_bounce)");
    let id = client.queued(&["ada@example.com", "bob@example.com"], message(&acme, "")).await;
    let recipients = &email(&acme, &id).await["recipients"];
    assert_eq!(recipients, &json!([{ "address": "bob@example.com", "role": "bcc", "status": "queued" }]));
}

#[tokio::test]
async fn an_account_has_the_limits_of_the_api() {
    let app = TestApp::start().await;
    let acme = app.customer("acme").await;
    let server = server(&app);
    let limits = |per_minute: i64, monthly: i64| Command::CustomerLimits {
        email: acme.email.clone(),
        requests_per_minute: Some(per_minute),
        monthly: Some(monthly),
        max_domains: None,
    };
    let mut client = MailClient::signed_in(&server, &acme).await;
    app.command(limits(0, 2)).await;
    client.queued(&["ada@example.com", "bob@example.com"], message(&acme, "")).await;
    let reply = client.submit(&["ada@example.com"], message(&acme, "")).await;
    assert_eq!(reply, "452 4.2.2 The account's monthly limit of emails is reached");

    // Signing in took a request, for the password.
    app.command(limits(2, 100)).await;
    app.pass(60_000);
    client.queued(&["ada@example.com"], message(&acme, "")).await;
    client.queued(&["ada@example.com"], message(&acme, "")).await;
    client.hears("MAIL FROM:<>", "450 4.7.1 Rate limit exceeded").await;
    app.pass(60_000);
    client.queued(&["ada@example.com"], message(&acme, "")).await;

    app.command(Command::CustomerStatus { email: acme.email.clone(), status: CustomerStatus::Suspended }).await;
    client.hears("MAIL FROM:<>", "550 5.7.1 The account is suspended").await;
}

#[tokio::test]
async fn fifty_recipients_are_taken_and_one_more_waits_for_the_next_message() {
    let app = TestApp::start().await;
    let acme = app.customer("acme").await;
    let server = server(&app);
    let mut client = MailClient::signed_in(&server, &acme).await;
    client.hears("MAIL FROM:<>", "250").await;
    for number in 0..limits::RECIPIENTS_MAX {
        client.hears(&format!("RCPT TO:<r{number}@example.com>"), "250 2.1.5").await;
    }
    client.dialogue(&[("RCPT TO:<R0@Example.com>", "250 2.1.5"), ("RCPT TO:<one@example.com>", "452 4.5.3")]).await;
    client.hears("DATA", "354").await;
    client.hears(&format!("{}.", message(&acme, "")), "250 2.0.0").await;
}

#[tokio::test]
async fn a_message_has_a_bound_that_is_announced_and_kept() {
    let app = TestApp::with(&[("PILLARBOX_SMTP_MESSAGE_BYTES_MAX", "2000")]).await;
    let acme = app.customer("acme").await;
    let server = server(&app);
    let mut client = MailClient::signed_in(&server, &acme).await;
    client
        .dialogue(&[("MAIL FROM:<> SIZE=2001", "552 5.3.4"), ("MAIL FROM:<> SIZE=2000", "250"), ("RSET", "250")])
        .await;
    let of = |bytes: usize| padded(&message(&acme, ""), bytes);
    assert_eq!(of(2_000).len(), 2_000);
    client.queued(&["ada@example.com"], of(2_000)).await;
    let reply = client.submit(&["ada@example.com"], of(2_001)).await;
    assert_eq!(reply, "552 5.3.4 The message is larger than the 2000 bytes that are taken");
    client.queued(&["ada@example.com"], of(2_000)).await;

    // Far too much is not read to its end.
    client.dialogue(&[("MAIL FROM:<>", "250"), ("RCPT TO:<ada@example.com>", "250"), ("DATA", "354")]).await;
    client.write("x\r\n".repeat(2_000)).await;
    assert!(client.rest().await.starts_with("552 5.3.4"));
}

#[tokio::test]
async fn all_messages_together_have_a_bound_too() {
    let settings = [("PILLARBOX_SMTP_MESSAGE_BYTES_MAX", "50000"), ("PILLARBOX_SMTP_RECEIVING_BYTES_MAX", "131072")];
    let app = TestApp::with(&settings).await;
    let acme = app.customer("acme").await;
    let server = server(&app);
    let begin = async || {
        let mut client = MailClient::signed_in(&server, &acme).await;
        client.dialogue(&[("MAIL FROM:<>", "250"), ("RCPT TO:<ada@example.com>", "250"), ("DATA", "354")]).await;
        client.write(message(&acme, "")).await;
        client
    };
    // Room is given in pieces of 64 KiB, so there is some for two.
    let (mut first, mut second, mut third) = (begin().await, begin().await, begin().await);
    third.hears(".", "451 4.3.1 Too much mail at once").await;
    first.hears(".", "250 2.0.0").await;
    let mut fourth = begin().await;
    fourth.hears(".", "250 2.0.0").await;
    second.hears(".", "250 2.0.0").await;
}

#[tokio::test]
async fn nobody_smuggles_a_second_message_into_the_first() {
    let app = TestApp::start().await;
    let acme = app.customer("acme").await;
    let server = server(&app);
    for end in ["\n.\n", "\r.\r", "\n.\r\n", "\r\n.\n", "\r\n.\r.\r\n", "\r.\r\n", "\r\n\x00.\n", "\r\r\n.\r\r\n"] {
        let mut client = MailClient::signed_in(&server, &acme).await;
        client.dialogue(&[("MAIL FROM:<>", "250"), ("RCPT TO:<ada@example.com>", "250"), ("DATA", "354")]).await;
        let smuggled = "MAIL FROM:<>\r\nRCPT TO:<eve@example.com>\r\nDATA\r\n";
        client.write(format!("{}{end}{smuggled}{}.\r\nQUIT\r\n", message(&acme, ""), message(&acme, ""))).await;
        assert_eq!(client.rest().await, "554 5.6.0 A CR or LF stands alone; lines end in CRLF\r\n", "{end:?}");
    }
    assert_eq!(acme.get("/api/emails").await.json()["pagination"]["total"], 0, "nothing was queued");
}

#[tokio::test]
async fn commands_and_messages_may_come_all_at_once() {
    let app = TestApp::start().await;
    let acme = app.customer("acme").await;
    let server = server(&app);
    let mut client = MailClient::signed_in(&server, &acme).await;
    let raw = message(&acme, "");
    let one = format!("MAIL FROM:<>\r\nRCPT TO:<ada@example.com>\r\nRCPT TO:<b>\r\nDATA\r\n{raw}.\r\n");
    client.write(format!("{one}{one}NOOP\r\nQUIT\r\n")).await;
    let codes: Vec<_> = client.rest().await.lines().map(|line| line[..9].to_owned()).collect();
    let each = ["250 2.1.0", "250 2.1.5", "501 5.1.3", "354 Go on", "250 2.0.0"];
    assert_eq!(codes, [&each[..], &each, &["250 2.0.0", "221 2.0.0"]].concat());
}

#[tokio::test]
async fn a_message_may_come_in_chunks() {
    let app = TestApp::start().await;
    let acme = app.customer("acme").await;
    let server = server(&app);
    let mut client = MailClient::signed_in(&server, &acme).await;
    let raw =
        message(&acme, "Message-ID: <a@b.example>\r\nDate: Fri, 15 Mar 2024 14:29:00 +0000\r\n") + ".\r\n..\r\nend";
    let envelope = [("MAIL FROM:<>", "250"), ("RCPT TO:<ada@example.com>", "250")];
    client.dialogue(&envelope).await;
    let (first, rest) = raw.split_at(30);
    client.write(format!("BDAT 30\r\n{first}BDAT {}\r\n{rest}", rest.len())).await;
    assert_eq!(client.reply().await, "250 2.0.0 30 bytes");
    client.reply().await;
    client
        .dialogue(&[("DATA", "503 5.5.1"), ("RCPT TO:<bob@example.com>", "503 5.5.1"), ("MAIL FROM:<>", "503")])
        .await;
    let reply = client.ask("BDAT 0 LAST").await;
    let id = reply.strip_prefix("250 2.0.0 Ok: queued as ").unwrap_or_else(|| panic!("{reply}"));
    assert_eq!(app.captured(id).await["source"], format!("{}{raw}\r\n", front(id)));

    // Without recipients the bytes of a chunk are not taken for commands.
    client.write("BDAT 6 LAST\r\nQUIT\r\nNOOP\r\n").await;
    assert!(client.reply().await.starts_with("503 5.5.1"));
    assert!(client.reply().await.starts_with("250 2.0.0"));
    // What was begun can be given up.
    client.dialogue(&envelope).await;
    client.write("BDAT 1\r\nx").await;
    client.reply().await;
    client.dialogue(&[("RSET", "250"), ("MAIL FROM:<>", "250"), ("RCPT TO:<ada@example.com>", "250")]).await;
    client.write("BDAT 4 LAST\r\na\nb\n").await;
    assert!(client.rest().await.starts_with("554 5.6.0 A CR or LF stands alone"));
    let mut client = MailClient::signed_in(&server, &acme).await;
    client.dialogue(&envelope).await;
    client.hears(&format!("BDAT {}", u64::MAX), "552 5.3.4").await;
    assert_eq!(client.rest().await, "");
}

#[tokio::test]
async fn a_session_has_so_many_messages_and_one_more_needs_another() {
    let settings = [("PILLARBOX_SCORING_POLICY", "off"), ("PILLARBOX_REQUESTS_PER_MINUTE", "0")];
    let app = TestApp::with(&settings).await;
    let acme = app.customer("acme").await;
    let server = server(&app);
    let mut client = MailClient::signed_in(&server, &acme).await;
    // A message that the monthly limit refuses is one as well, and costs no disk.
    let limit = Command::CustomerLimits {
        email: acme.email.clone(),
        requests_per_minute: None,
        monthly: Some(0),
        max_domains: None,
    };
    app.command(limit).await;
    let one = format!("MAIL FROM:<>\r\nRCPT TO:<ada@example.com>\r\nDATA\r\n{}.\r\n", message(&acme, ""));
    for _ in 0..limits::MESSAGES_MAX {
        client.write(&one).await;
        for code in ["250", "250", "354", "452"] {
            assert!(client.reply().await.starts_with(code));
        }
    }
    client.hears("MAIL FROM:<>", "421 4.7.0 Many messages came").await;
}

/// What every message that is submitted gets in front.
fn front(email_id: &str) -> String {
    format!(
        "Received: by localhost with ESMTPA id {email_id};\r\n\tFri, 15 Mar 2024 14:30:00 +0000\r\n\
         X-Pillarbox-Email-Id: {email_id}\r\n"
    )
}

fn bounce(email_id: Option<&str>, recipient: &str) -> String {
    let header = email_id.map(|id| format!("X-Pillarbox-Email-Id: {id}\r\n")).unwrap_or_default();
    format!(
        "From: MAILER-DAEMON@mx.example.com\r\nTo: bounces@example.org\r\nSubject: Undelivered\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/report; report-type=delivery-status; boundary=\"b\"\r\n\r\n--b\r\n\
         Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example.com\r\n\r\n\
         Final-Recipient: rfc822; {recipient}\r\nAction: failed\r\nStatus: 5.1.1\r\n\
         Diagnostic-Code: smtp; 550 5.1.1 user unknown\r\n\r\n--b\r\nContent-Type: text/rfc822-headers\r\n\r\n{header}\
         Subject: Hello\r\n\r\n--b--\r\n"
    )
}

#[tokio::test]
async fn a_bounce_finds_its_email_by_the_address_that_it_comes_back_to() {
    let app = TestApp::start().await;
    let acme = app.customer_with_events("acme").await;
    let server = server(&app);
    let id = acme.send("ada@example.com").await;
    let other = acme.send("bob@example.com").await;
    app.deliver().await;
    let address = app.app.bounce_address(id.parse().expect("an id"), 0, &acme.domain);
    let mut mx = MailClient::connect(&server, THERE).await;
    mx.hears("EHLO mx.example.com", "250").await;
    // Whatever the message says about itself, and in whichever case the address comes back.
    let reply = mx.submit(&[&address.to_uppercase()], bounce(Some(&other), "ada@example.com")).await;
    assert_eq!(reply, "250 2.0.0 Ok");
    assert_eq!(email(&acme, &id).await["status"], "delivered", "it is kept, and read a moment later");
    inbox::read_due(&app.app).await.expect("the inbox is worked on");
    assert_eq!(email(&acme, &id).await["status"], "bounced");
    assert_eq!(email(&acme, &other).await["status"], "delivered");
    acme.post("/api/send", json!({ "to": "ada@example.com", "subject": "x", "text": "x" })).await.refuses(
        422,
        "recipient_suppressed",
        "hard_bounce",
    );
    // A second time changes nothing, and what is no report is taken too: nobody needs to send it again.
    assert_eq!(mx.submit(&[&address], bounce(None, "ada@example.com")).await, "250 2.0.0 Ok");
    assert_eq!(mx.submit(&[&address], "Subject: I am on holiday\r\n\r\nBye\r\n").await, "250 2.0.0 Ok");
    inbox::read_due(&app.app).await.expect("the inbox is worked on");
    assert_eq!(app.events_of(&acme, &id).await, ["queued", "sent", "delivered", "bounced"]);
}

#[tokio::test]
async fn a_stranger_reaches_addresses_of_ours_and_nobody_else() {
    let app = TestApp::start().await;
    let acme = app.customer("acme").await;
    let server = server(&app);
    let id = acme.send("ada@example.com").await.parse().expect("an id");
    let address = |number| app.app.bounce_address(id, number, &acme.domain);
    let (ours, others) = (address(0), address(1));
    let forged =
        if ours.contains("-a") { ours.replacen("-a", "-b", 1) } else { format!("{}a{}", &ours[..2], &ours[3..]) };
    let denied = "550 5.7.1 Relaying denied: sign in (AUTH) to send";
    let mut mx = MailClient::connect(&server, THERE).await;
    mx.dialogue(&[("EHLO mx.example.com", "250"), ("MAIL FROM:<>", "250")]).await;
    mx.dialogue(&[("RCPT TO:<ada@example.com>", denied), (&format!("RCPT TO:<hello@{}>", acme.domain), denied)]).await;
    mx.hears(&format!("RCPT TO:<{forged}>"), "550 5.1.1 The address is not one that this service made").await;
    mx.hears("DATA", "554 5.5.1").await;
    mx.hears(&format!("RCPT TO:<{ours}>"), "250 2.1.5").await;
    mx.hears(&format!("RCPT TO:<{others}>"), "452 4.5.3").await;
    mx.hears("DATA", "354").await;
    mx.hears(".", "250 2.0.0").await;
}

#[tokio::test]
async fn what_comes_back_has_the_bound_of_the_webhook() {
    let app = TestApp::start().await;
    let acme = app.customer("acme").await;
    let server = server(&app);
    let id = acme.send("ada@example.com").await.parse().expect("an id");
    let address = app.app.bounce_address(id, 0, &acme.domain);
    let of = |bytes: usize| padded("Subject: Undelivered\r\n\r\n", bytes);
    let bytes_max = limits::RETURNED_BYTES_MAX;
    let mut mx = MailClient::connect(&server, THERE).await;
    mx.hears("EHLO mx.example.com", "250").await;
    mx.dialogue(&[(&format!("MAIL FROM:<> SIZE={}", bytes_max + 1), "552 5.3.4")]).await;
    assert_eq!(mx.submit(&[&address], of(bytes_max)).await, "250 2.0.0 Ok");
    let reply = mx.submit(&[&address], of(bytes_max + 1)).await;
    assert_eq!(reply, format!("552 5.3.4 The message is larger than the {bytes_max} bytes that are taken"));
}

/// Everything that a socket says until it is closed.
async fn heard(mut stream: TcpStream) -> String {
    let mut heard = String::new();
    drop(stream.read_to_string(&mut heard).await);
    heard
}

#[tokio::test]
async fn an_address_has_its_share_of_sessions_and_all_of_them_have_a_bound() {
    let settings = [("PILLARBOX_SMTP_SESSIONS_PER_ADDRESS_MAX", "2"), ("PILLARBOX_SMTP_SESSIONS_MAX", "3")];
    let app = TestApp::with(&settings).await;
    let socket = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let address = socket.local_addr().expect("it has an address");
    let (stop, stopping) = watch::channel(Shutdown::No);
    let listeners = vec![Listener { socket, implicit_tls: false }];
    let running = tokio::spawn(smtp::run(listeners, server(&app), stopping));
    let connect = async |last: u8| {
        let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
        let here = SocketAddr::from((IpAddr::V4(Ipv4Addr::new(127, 0, 0, last)), 0));
        socket.bind(here).expect("the address is of loopback");
        socket.connect(address).await.expect("it is accepted")
    };
    let greeted = async |stream: &mut TcpStream| {
        let mut greeting = [0; 31];
        stream.read_exact(&mut greeting).await.expect("it is greeted");
        assert!(greeting.starts_with(b"220 "));
    };
    let (mut first, mut second) = (connect(1).await, connect(1).await);
    at_once([greeted(&mut first), greeted(&mut second)]).await;
    assert!(heard(connect(1).await).await.starts_with("421 4.7.0 Too many sessions from your address"));
    let mut third = connect(2).await;
    greeted(&mut third).await;
    let mut fourth = connect(3).await;
    let soon = std::time::Duration::from_millis(300);
    assert!(tokio::time::timeout(soon, greeted(&mut fourth)).await.is_err(), "it waits");
    first.write_all(b"QUIT\r\n").await.expect("it is written");
    greeted(&mut fourth).await;

    stop.send_replace(Shutdown::Drain);
    assert!(heard(third).await.starts_with("421 4.3.2"));
    running.await.expect("it ends");
    assert!(TcpStream::connect(address).await.is_err(), "nobody listens any more");
    drop(Arc::clone(&app.app));
}
