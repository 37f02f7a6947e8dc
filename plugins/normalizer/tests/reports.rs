//! What each kind of report means, on mails written for these tests after the RFCs and the habits of servers.

use pillarbox_normalizer::{BounceType, ClueKind, Event, FeedbackType, Kind, Outcome, Request, normalize};

const NOON: i64 = 1_772_366_400_000; // 2026-03-01T12:00:00Z

fn read(content_type: &str, body: &str) -> Outcome {
    let request = Request { content_type: content_type.into(), body: body.as_bytes().to_vec(), ..Request::default() };
    normalize(&request, &[]).expect("it is a report")
}

/// A bounce in free text from a mail server, with a returned mail below.
fn free_text(said: &str) -> Vec<Event> {
    let mail = format!(
        "Return-Path: <>\nFrom: Mail Delivery System <mailer-daemon@mx.example>\nTo: bounce+7f@news.example\nSubject: \
         Delivery failure\nDate: Sun, 01 Mar 2026 12:00:00 +0000\n\n{said}\n\n--- Below this line is a copy of the \
         message.\n\nReturn-Path: <bounce+7f@news.example>\nX-Pillarbox-Email-Id: 42\nMessage-ID: \
         <m@news.example>\nTo: List <list@other.example>, Ada <ada@example.com>\n\nHello\n"
    );
    read("message/rfc822", &mail).events
}

/// What an event says in short: kind, type, recipient, class.
fn short(event: &Event) -> String {
    let bounce_type = match event.bounce_type {
        Some(BounceType::Hard) => "hard",
        Some(BounceType::Soft) => "soft",
        None => "-",
    };
    let recipient = event.recipient.as_deref().unwrap_or("-");
    format!("{:?} {bounce_type} {recipient} {}", event.kind, event.class.as_deref().unwrap_or("-"))
}

#[track_caller]
fn check_text(said: &str, expected: &[&str]) {
    assert_eq!(free_text(said).iter().map(short).collect::<Vec<_>>(), expected, "{said}");
}

const DSN: &str = "\
From: Mail Delivery Subsystem <MAILER-DAEMON@mx.example>
To: <bounce+7f@news.example>
Date: Sun, 01 Mar 2026 12:00:00 +0000
Message-ID: <report@mx.example>
Auto-Submitted: auto-replied
Content-Type: multipart/report; report-type=delivery-status; boundary=\"=b=\"

--=b=

Sorry.

--=b=
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example
Original-Envelope-Id: 42

Original-Recipient: rfc822; ada+2Bnews@example.com
Final-Recipient: rfc822; ada@mailbox.example
Action: failed
Status: 5.0.0
Remote-MTA: dns; mx.example.com
Diagnostic-Code: smtp; 550 5.1.1 <ada@mailbox.example>:
 Recipient address rejected: User unknown
Last-Attempt-Date: Sun, 01 Mar 2026 11:59:00 +0000

Final-Recipient: rfc822; bob@example.com
Action: delayed
Status: 4.2.2

Final-Recipient: rfc822; cyd@example.com
Action: relayed
Status: 2.0.0

Final-Recipient: rfc822; dot@example.com
Action: delivered
Status: 2.1.5

Final-Recipient: rfc822; eve@example.com
Action: failed
Status: 4.4.7

--=b=
Content-Type: text/rfc822-headers

Return-Path: <bounce+7f@news.example>
X-Pillarbox-Email-Id: 42
Message-ID: <m@news.example>
To: ada+news@example.com

--=b=--
";

#[test]
fn each_recipient_group_is_an_event_of_its_own() {
    let outcome = read("message/rfc822", DSN);
    let events: Vec<String> = outcome.events.iter().map(short).collect();
    assert_eq!(
        events,
        [
            "Bounce hard ada+news@example.com user-unknown",
            "Deferred - bob@example.com mailbox-full",
            "Delivered - dot@example.com -",
            "Bounce soft eve@example.com expired",
        ]
    );
    let ignored: Vec<_> = outcome.ignored.iter().map(|ignored| (ignored.index, ignored.reason.as_str())).collect();
    assert_eq!(ignored, [(2, "The message was relayed, which decides nothing yet (RFC 3464 section 2.3.3)")]);
}

#[test]
fn a_group_says_all_it_knows() {
    let event = &read("message/rfc822", DSN).events[0];
    assert_eq!(event.recipient_alternatives, ["ada@mailbox.example"]);
    assert_eq!((event.smtp_code, event.enhanced_code.as_deref()), (Some(550), Some("5.1.1")));
    let reason = "550 5.1.1 <ada@mailbox.example>: Recipient address rejected: User unknown";
    assert_eq!(event.reason.as_deref(), Some(reason));
    assert_eq!(event.occurred_at, Some(NOON - 60_000));
    assert_eq!((event.provider.as_str(), event.provider_event_id.as_deref()), ("rfc3464", Some("report@mx.example")));
    let clues: Vec<_> = event.clues.iter().map(|clue| (clue.kind, clue.value.as_str())).collect();
    assert_eq!(
        clues,
        [
            (ClueKind::Header, "42"),
            (ClueKind::Verp, "bounce+7f@news.example"),
            (ClueKind::EnvelopeId, "42"),
            (ClueKind::MessageId, "m@news.example"),
        ]
    );
    let attribute =
        |name: &str| event.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    assert_eq!(attribute("evidence"), Some("5.1.1"));
    assert_eq!((attribute("reporting-mta"), attribute("remote-mta")), (Some("mx.example"), Some("mx.example.com")));
}

#[test]
fn the_same_report_comes_in_three_wrappings() {
    let whole = read("message/rfc822", DSN).events;
    let (_, body) = DSN.split_once("\n\n").expect("it has a header");
    let multipart = read("multipart/report; report-type=delivery-status; boundary=\"=b=\"", body).events;
    assert_eq!(multipart.iter().map(short).collect::<Vec<_>>(), whole.iter().map(short).collect::<Vec<_>>());
    let start = DSN.find("Reporting-MTA").expect("it has a status part");
    let end = start + DSN[start..].find("--=b=").expect("the part ends");
    let bare = read("message/delivery-status", &DSN[start..end]).events;
    assert_eq!(bare.iter().map(short).collect::<Vec<_>>(), whole.iter().map(short).collect::<Vec<_>>());
    let crlf = read("message/rfc822", &DSN.replace('\n', "\r\n")).events;
    assert_eq!(crlf, whole);
}

#[test]
fn a_forwarded_report_is_the_report() {
    let attached = format!(
        "From: Cy <cy@example.com>\nSubject: what is this?\nContent-Type: multipart/mixed; boundary=x\n\n--x\n\nSee \
         below.\n--x\nContent-Type: message/rfc822\n\n{DSN}\n--x--\n"
    );
    assert_eq!(read("message/rfc822", &attached).events, read("message/rfc822", DSN).events);
}

#[test]
fn servers_without_a_standard_are_read_by_their_habits() {
    check_text(
        "Hi. This is the qmail-send program at mx.example.\nI'm afraid I wasn't able to deliver your message to the \
         following addresses.\n\n<ada@example.com>:\n192.0.2.1 does not like recipient.\nRemote host said: 550 no such \
         user\n\n<bob@example.com>:\nRemote host said: 552 mailbox full\n",
        &["Bounce hard ada@example.com user-unknown", "Bounce soft bob@example.com mailbox-full"],
    );
    check_text(
        "A message that you sent could not be delivered to one or more of its recipients. This is a permanent error. \
         The following address(es) failed:\n\n  ada@example.com\n    SMTP error from remote mail server after RCPT \
         TO:<ada@example.com>:\n    host mx.example.com [192.0.2.1]: 550 5.7.1 blocked using bl.example\n",
        &["Bounce soft ada@example.com blocked"],
    );
    check_text(
        "   ----- The following addresses had permanent fatal errors -----\n<ada@example.com>\n    (reason: 550 Host \
         unknown)\n\n   ----- Transcript of session follows -----\n550 5.1.2 <ada@example.com>... Host unknown\n",
        &["Bounce hard ada@example.com host-unknown"],
    );
    check_text(
        "Your message\n\n  To:      list@other.example\n  Subject: Hello\n\ndid not reach the following \
         recipient(s):\n\nada@example.com on Sun, 1 Mar 2026 12:00:00 -0000\n    The recipient name is not \
         recognized\n    MSEXCH:IMS:NNN:X 0 (000C05A6) Unknown Recipient\n",
        &["Bounce hard ada@example.com user-unknown"],
    );
    check_text(
        "Message from example.net.\nUnable to deliver message to the following address(es).\n\n<ada@example.com>:\n\
         This user is over quota.\n",
        &["Bounce soft ada@example.com mailbox-full"],
    );
    check_text(
        "Your message could not be delivered.\n\nError message below:\n550 - Requested action not taken: no such user \
         here\n\nMessage details:\n  MAIL FROM: bounce+7f@news.example\n  RCPT TO: ada@example.com\n",
        &["Bounce hard ada@example.com user-unknown"],
    );
    check_text(
        "SMTP Server <mx.example.com> rejected recipient <ada@example.com> (Error following RCPT TO). It responded \
         as follows: [551 not our user]\n",
        &["Bounce hard ada@example.com user-unknown"],
    );
    check_text("The recipient's mailbox is full, so the message was not delivered.", &["Bounce soft - mailbox-full"]);
}

#[test]
fn an_address_in_a_sentence_is_found_as_well() {
    check_text(
        "Your message wasn't delivered to ada@example.com because the address couldn't be found. Ask \
         help@isp.example.\n\nThe response was:\n550 5.1.1 The email account that you tried to reach does not exist.\n",
        &["Bounce hard ada@example.com user-unknown"],
    );
    check_text(
        "We are sorry, your message could not be delivered.\nReason: 554 5.7.1 SPF check failed\nRecipient: \
         ada@example.com\nContact: helpdesk@isp.example\n",
        &["Bounce soft ada@example.com auth-failure"],
    );
    check_text(
        "[Status: Error, Address: <ada@example.com>, ResponseCode 421, , Host not reachable.]\n",
        &["Bounce soft ada@example.com network"],
    );
    check_text(
        "This message was undeliverable. The following destination addresses were unknown:\n\nSMTP \
         <ada@example.com>\n\nPlease reply to Postmaster@isp.example if you feel this to be in error.\n",
        &["Bounce hard ada@example.com user-unknown"],
    );
}

#[test]
fn who_still_tries_has_not_bounced() {
    check_text(
        "This is a warning message only. You do not need to resend your message.\n\n<ada@example.com>: Connection \
         timed out\n",
        &["Deferred - ada@example.com network"],
    );
}

#[test]
fn free_text_finds_its_way_home_too() {
    let event = &free_text("<ada@example.com>:\n550 no such user\n")[0];
    let clues: Vec<_> = event.clues.iter().map(|clue| (clue.kind, clue.value.as_str())).collect();
    let expected =
        [(ClueKind::Header, "42"), (ClueKind::Verp, "bounce+7f@news.example"), (ClueKind::MessageId, "m@news.example")];
    assert_eq!(clues, expected);
    assert_eq!((event.occurred_at, event.provider.as_str()), (Some(NOON), "mail"));
}

fn feedback(fields: &str) -> Outcome {
    let mail = format!(
        "From: fbl@isp.example\nTo: abuse@news.example\nDate: Sun, 01 Mar 2026 12:00:00 +0000\nContent-Type: \
         multipart/report; report-type=feedback-report; boundary=b\n\n--b\n\nSomebody complained.\n--b\nContent-Type: \
         message/feedback-report\n\nVersion: 1\nUser-Agent: Test/1\n{fields}\n--b\nContent-Type: \
         message/rfc822\n\nX-Pillarbox-Email-Id: 42\nTo: ada@example.com\n\nHello\n--b--\n"
    );
    read("message/rfc822", &mail)
}

#[test]
fn a_complaint_is_who_and_what() {
    let event = &feedback("Feedback-Type: Abuse\nOriginal-Rcpt-To: <bob@example.com>\n").events[0];
    assert_eq!((event.kind, event.feedback_type), (Kind::Complaint, Some(FeedbackType::Abuse)));
    assert_eq!((event.recipient.as_deref(), event.complaint_type.as_deref()), (Some("bob@example.com"), Some("abuse")));
    assert_eq!((event.occurred_at, event.clues[0].value.as_str()), (Some(NOON), "42"));
    let several = feedback("Feedback-Type: fraud\nOriginal-Rcpt-To: a@example.com\nOriginal-Rcpt-To: b@example.com\n");
    assert_eq!(several.events.len(), 2);
    let unknown = feedback("Feedback-Type: dislike\n").events.remove(0);
    assert_eq!(
        (unknown.feedback_type, unknown.recipient.as_deref()),
        (Some(FeedbackType::Other), Some("ada@example.com"))
    );
}

#[test]
fn a_redacted_recipient_is_marked() {
    let event = &feedback("Feedback-Type: abuse\nOriginal-Rcpt-To: redacted@example.com\n").events[0];
    assert_eq!(event.attributes.last(), Some(&("redacted".into(), "recipient".into())));
}

#[test]
fn reports_that_are_no_complaints_are_ignored_with_a_reason() {
    for word in ["not-spam", "auth-failure", "dmarc"] {
        let outcome = feedback(&format!("Feedback-Type: {word}\nOriginal-Rcpt-To: ada@example.com\n"));
        assert_eq!((outcome.events.len(), outcome.ignored.len()), (0, 1), "{word}");
    }
}

#[test]
fn a_bare_feedback_report_is_enough() {
    let event = &read("message/feedback-report", "Feedback-Type: virus\nOriginal-Rcpt-To: ada@example.com\n").events[0];
    assert_eq!((event.feedback_type, event.recipient.as_deref()), (Some(FeedbackType::Virus), Some("ada@example.com")));
}

#[test]
fn the_older_microsoft_programme_names_the_recipient_in_the_mail() {
    let mail = "From: staff@hotmail.com\nTo: abuse@news.example\nSubject: complaint about message\nContent-Type: \
                multipart/mixed; boundary=b\n\n--b\nContent-Type: message/rfc822\n\nX-HmXmrOriginalRecipient: \
                <ada@hotmail.example>\nX-Pillarbox-Email-Id: 42\n\nHello\n--b--\n";
    let event = &read("message/rfc822", mail).events[0];
    assert_eq!((event.kind, event.recipient.as_deref()), (Kind::Complaint, Some("ada@hotmail.example")));
}

#[test]
fn a_machine_that_answers_for_a_person_has_not_bounced() {
    let headers = [
        "Auto-Submitted: auto-replied (vacation)",
        "X-Autoreply: yes",
        "Precedence: auto_reply",
        "Subject: Out of office: Hello",
    ];
    for header in headers {
        let mail = format!(
            "From: Ada <ada@example.com>\nTo: bounce+7f@news.example\n{header}\nIn-Reply-To: \
             <m@news.example>\n\nI could not be reached; delivery of my mail failed me.\n"
        );
        let event = &read("message/rfc822", &mail).events[0];
        assert_eq!(
            (event.kind, event.bounce_type, event.recipient.as_deref()),
            (Kind::Autoreply, None, Some("ada@example.com")),
            "{header}"
        );
        assert_eq!(event.clues.last().map(|clue| clue.value.as_str()), Some("m@news.example"));
    }
}

#[track_caller]
fn check_unrecognized(body: &str) {
    let request = Request { body: body.as_bytes().to_vec(), ..Request::default() };
    assert_eq!(normalize(&request, &[]).expect_err("nothing known").code, "unrecognized", "{body}");
}

#[test]
fn what_is_no_report_is_not_made_one() {
    check_unrecognized("");
    check_unrecognized("hello");
    check_unrecognized("From: Ada <ada@example.com>\nSubject: Lunch\n\nI failed to deliver; see eve@example.com.\n");
    check_unrecognized(
        "From: Ada <ada@example.com>\nSubject: Bounce rates\n\nThe number for eve@example.com was wrong.\n",
    );
    check_unrecognized("From: Ada <ada@example.com>\nSubject: Re: Undelivered\n\n550 5.1.1 eve@example.com\n");
    check_unrecognized("{\"order\": 7, \"email\": \"ada@example.com\"}");
    check_unrecognized("{\"emailId\": ");
}
