//! POST /webhooks/bounce, POST /webhooks/complaint

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::Request;
use http_body_util::Full;
use pillarbox::control::{Bytes, Command};
use pillarbox::store::InboxState;
use serde_json::{Value, json};

use crate::guests;
use crate::harness::{Answer, TestApp, TestCustomer, at_once, note, roll_back};

const BOUNCE: &str = "/webhooks/bounce";
const COMPLAINT: &str = "/webhooks/complaint";
const DAY_MS: i64 = 24 * 60 * 60 * 1_000;
/// An id that was never issued.
const NOBODYS: &str = "018e4277-b940-7000-8000-000000000001";

/// A customer whose email to Ada is delivered.
struct Sent {
    app: TestApp,
    acme: TestCustomer,
    id: String,
}

impl Sent {
    async fn with(settings: &[(&str, &str)]) -> Self {
        let app = TestApp::with(settings).await;
        let acme = app.customer_with_events("acme").await;
        let id = acme.send("ada@example.com").await;
        app.deliver().await;
        Self { app, acme, id }
    }

    async fn new() -> Self {
        Self::with(&[]).await
    }

    async fn events(&self) -> Vec<String> {
        self.app.events_of(&self.acme, &self.id).await
    }

    async fn status(&self) -> String {
        let email = self.acme.get(&format!("/api/emails/{}", self.id)).await.json();
        email["email"]["status"].as_str().expect("it has a status").to_owned()
    }

    /// Why an address is suppressed, if it is.
    async fn cause(&self, address: &str) -> Option<String> {
        let email = json!({ "to": address, "subject": "Hello", "text": "Hello" });
        let answer = self.acme.post("/api/send", email).await;
        if answer.status == 200 {
            return None;
        }
        answer.refuses(422, "recipient_suppressed", address);
        let body = answer.json().to_string();
        let causes = ["hard_bounce", "soft_bounces", "complaint", "unsubscribe"];
        causes.into_iter().find(|cause| body.contains(cause)).map(str::to_owned)
    }

    async fn changed_nothing(&self) {
        assert_eq!(self.events().await, ["queued", "sent", "delivered"]);
        assert_eq!((self.status().await.as_str(), self.cause("ada@example.com").await), ("delivered", None));
    }

    /// The message as it went out.
    async fn message(&self) -> String {
        self.app.captured(&self.id).await["source"].as_str().expect("it has a source").to_owned()
    }
}

#[track_caller]
fn is_success(answer: &Answer) {
    answer.is(200, json!({ "success": true }));
}

#[tokio::test]
async fn a_hard_bounce_ends_the_email_and_the_address() {
    let sent = Sent::new().await;
    sent.app.pass(60_000);
    let bounce = json!({
        "emailId": sent.id, "bounceType": "hard", "reason": "550 5.1.1 no such user", "recipientEmail": "Ada@Example.com",
        "timestamp": "2024-03-15T14:30:30Z", "customData": { "queue": "q1" },
    });
    is_success(&sent.app.notify(BOUNCE, bounce).await);
    assert_eq!(sent.status().await, "bounced");
    assert_eq!(sent.cause("ada@example.com").await.as_deref(), Some("hard_bounce"));
    let story = sent.acme.get(&format!("/api/v1/emails/{}/events", sent.id)).await.json();
    let event = &story["events"][3];
    assert_eq!(event["timestamp"], "2024-03-15T14:30:30Z");
    assert_eq!(event["created_at"], "2024-03-15T14:31:00Z");
    assert_eq!(event["status"], "bounced");
    let data = &event["event_data"];
    assert_eq!((&data["bounce_type"], &data["reason"]), (&json!("hard"), &json!("550 5.1.1 no such user")));
    assert_eq!(data["custom_data"], json!({ "queue": "q1" }));
    let summary = "It bounced for good: the address does not work (550 5.1.1 no such user).";
    assert_eq!(story["timeline"][3]["summary"], summary);
}

#[tokio::test]
async fn a_complaint_ends_the_email_and_the_address() {
    let sent = Sent::new().await;
    let complaint = json!({ "emailId": sent.id, "recipientEmail": "ada@example.com", "complaintType": "spam",
        "timestamp": "2024-03-15T14:30:00Z", "feedbackType": "abuse", "customData": {} });
    is_success(&sent.app.notify(COMPLAINT, complaint).await);
    assert_eq!(sent.events().await, ["queued", "sent", "delivered", "complained"]);
    assert_eq!(sent.status().await, "complained");
    assert_eq!(sent.cause("ada@example.com").await.as_deref(), Some("complaint"));
    let bounce = json!({ "emailId": sent.id, "bounceType": "hard" });
    is_success(&sent.app.notify(BOUNCE, bounce).await);
    assert_eq!(sent.status().await, "complained", "later news takes nothing back");
    assert_eq!(sent.cause("ada@example.com").await.as_deref(), Some("complaint"), "the first cause stands");
}

#[tokio::test]
async fn the_id_alone_is_enough() {
    for feedback in ["abuse", "fraud", "virus", "other"] {
        let sent = Sent::new().await;
        is_success(&sent.app.notify(COMPLAINT, json!({ "emailId": sent.id, "feedbackType": feedback })).await);
        assert_eq!(sent.cause("ada@example.com").await.as_deref(), Some("complaint"), "{feedback}");
    }
    let sent = Sent::new().await;
    is_success(&sent.app.notify(BOUNCE, json!({ "emailId": sent.id })).await);
    assert_eq!(sent.status().await, "bounced");
}

#[tokio::test]
async fn what_is_wrong_with_a_notification_is_told_in_the_words_of_the_reference() {
    let sent = Sent::new().await;
    let wrong = async |path: &str, body: &str, error: &str, pointer: &str| {
        let answer = sent.app.post(path, "application/json", body.to_owned()).await;
        let details = json!([{ "pointer": pointer, "message": error }]);
        answer.is(400, json!({ "error": error, "code": "invalid_request", "details": details, "request_id": "[id]" }));
    };
    let missing = "emailId is required";
    for path in [BOUNCE, COMPLAINT] {
        wrong(path, "{}", missing, "/emailId").await;
        wrong(path, "", missing, "/emailId").await;
        wrong(path, r#"{"emailId":null}"#, missing, "/emailId").await;
        wrong(path, r#"{"emailId":""}"#, missing, "/emailId").await;
        wrong(path, r#"{"emailid":"x","email_id":"y"}"#, missing, "/emailId").await;
        wrong(path, r#"{"emailId":7}"#, "emailId must be a string", "/emailId").await;
        wrong(path, r#"{"emailId":"x","recipientEmail":[]}"#, "recipientEmail must be a string", "/recipientEmail")
            .await;
        wrong(path, r#"{"emailId":"x","customData":[]}"#, "customData must be an object", "/customData").await;
        wrong(path, r#"{"emailId":"x","timestamp":{}}"#, "timestamp must be a string or a number", "/timestamp").await;
        wrong(path, "[]", "The body must be a JSON object", "").await;
        wrong(path, "null", "The body must be a JSON object", "").await;
        let broken = sent.app.post(path, "application/json", "{\"emailId\":").await;
        broken.refuses(400, "invalid_request", "The body is not JSON");
        let answer = sent.app.post(path, "text/plain", "{}").await;
        answer.refuses(415, "unsupported_media_type", "application/json, message/rfc822");
        let answer = sent.app.request(Request::post(path).body(Full::from("{}")).expect("it is a request")).await;
        answer.refuses(415, "unsupported_media_type", "application/json, message/rfc822");
    }
    wrong(BOUNCE, r#"{"emailId":"x","bounceType":1}"#, "bounceType must be a string", "/bounceType").await;
    wrong(COMPLAINT, r#"{"emailId":"x","feedbackType":1}"#, "feedbackType must be a string", "/feedbackType").await;
    sent.changed_nothing().await;
    assert_eq!(sent.app.app.store.count_inbox(InboxState::Unmatched).await.expect("they are counted"), 0);
}

#[tokio::test]
async fn what_was_never_sent_is_taken_and_changes_nothing() {
    let sent = Sent::new().await;
    for body in [
        json!({ "emailId": NOBODYS, "bounceType": "hard", "recipientEmail": "ada@example.com" }),
        json!({ "emailId": "not-an-id", "bounceType": "hard" }),
        json!({ "emailId": sent.id, "bounceType": "hard", "recipientEmail": "bob@example.com" }),
        json!({ "emailId": sent.id, "bounceType": "hard", "recipientEmail": "%" }),
        json!({ "emailId": sent.id, "bounceType": "hard", "recipientEmail": "ada" }),
    ] {
        is_success(&sent.app.notify(BOUNCE, body.clone()).await);
        is_success(&sent.app.notify(COMPLAINT, body).await);
    }
    sent.changed_nothing().await;
    assert_eq!(sent.cause("bob@example.com").await, None);
    assert_eq!(sent.app.app.store.count_inbox(InboxState::Unmatched).await.expect("they are counted"), 10);
}

#[tokio::test]
async fn what_waits_for_its_time_cannot_have_bounced() {
    let sent = Sent::new().await;
    let email =
        json!({ "to": "ada@example.com", "subject": "Later", "text": "Later", "send_at": "2024-03-16T14:30:00Z" });
    let id = sent.acme.post("/api/send", email).await.json()["email_id"].as_str().expect("it has an id").to_owned();
    is_success(&sent.app.notify(BOUNCE, json!({ "emailId": id, "bounceType": "hard" })).await);
    is_success(&sent.app.notify(COMPLAINT, json!({ "emailId": id })).await);
    let status = async || sent.acme.get(&format!("/api/emails/{id}")).await.json()["email"]["status"].clone();
    assert_eq!((status().await, sent.cause("ada@example.com").await), (json!("scheduled"), None));
    sent.app.pass(DAY_MS);
    sent.app.deliver().await;
    assert_eq!(status().await, "delivered");
}

#[tokio::test]
async fn the_same_news_twice_changes_nothing_twice() {
    let sent = Sent::new().await;
    let bounce = json!({ "emailId": sent.id, "bounceType": "soft", "reason": "452 mailbox full" });
    at_once((0..20).map(|_| sent.app.notify(BOUNCE, bounce.clone()))).await.iter().for_each(is_success);
    assert_eq!(sent.events().await, ["queued", "sent", "delivered", "bounced"]);
    let usage = sent.acme.get("/api/customer/usage").await.json();
    assert_eq!(usage["current_month"]["emails_bounced"], 1);
    assert_eq!(sent.cause("ada@example.com").await, None, "one email that bounces often is one bounce");
    let kept = sent.app.app.store.count_inbox(InboxState::Matched).await.expect("they are counted");
    assert_eq!(kept, 1, "repetitions go the way of what changed nothing, so that they cannot fill the disk");
}

#[tokio::test]
async fn the_third_soft_bounce_within_a_week_suppresses() {
    let sent = Sent::new().await;
    let bounce = async |id: &str| {
        let soft = json!({ "emailId": id, "bounceType": "soft", "reason": "452 mailbox full" });
        is_success(&sent.app.notify(BOUNCE, soft).await);
    };
    bounce(&sent.id).await;
    sent.app.pass(DAY_MS);
    bounce(&sent.acme.send("ada@example.com").await).await;
    assert_eq!(sent.cause("ada@example.com").await, None, "two do not");
    sent.app.pass(6 * DAY_MS - 1);
    bounce(&sent.acme.send("ada@example.com").await).await;
    assert_eq!(sent.cause("ada@example.com").await.as_deref(), Some("soft_bounces"));
}

#[tokio::test]
async fn a_third_soft_bounce_after_a_week_does_not() {
    let sent = Sent::new().await;
    let rival = sent.app.customer("rival").await;
    let bounce = async |id: &str| {
        is_success(&sent.app.notify(BOUNCE, json!({ "emailId": id, "bounceType": "soft" })).await);
    };
    bounce(&sent.id).await;
    bounce(&sent.acme.send("ada@example.com").await).await;
    // Another customer's bounces and other addresses do not count.
    bounce(&rival.send("ada@example.com").await).await;
    bounce(&sent.acme.send("bob@example.com").await).await;
    sent.app.pass(7 * DAY_MS);
    bounce(&sent.acme.send("ada@example.com").await).await;
    assert_eq!(sent.cause("ada@example.com").await, None);
}

#[tokio::test]
async fn a_time_that_cannot_be_is_not_believed() {
    for (claimed, kept) in [
        (json!("2030-01-01T00:00:00Z"), "2024-03-15T14:31:00Z"),
        (json!("1970-01-01T00:00:00Z"), "2024-03-15T14:30:00Z"),
        (json!(-1), "2024-03-15T14:31:00Z"),
        (json!("2024-03-15T15:30:30+01:00"), "2024-03-15T14:30:30Z"),
        (json!(1_710_513_030), "2024-03-15T14:30:30Z"),
        (json!("yesterday"), "2024-03-15T14:31:00Z"),
        (json!(null), "2024-03-15T14:31:00Z"),
    ] {
        let sent = Sent::new().await;
        sent.app.pass(60_000);
        is_success(&sent.app.notify(BOUNCE, json!({ "emailId": sent.id, "timestamp": claimed })).await);
        let story = sent.acme.get(&format!("/api/v1/emails/{}/events", sent.id)).await.json();
        assert_eq!(
            (&story["events"][3]["event_type"], &story["events"][3]["timestamp"]),
            (&json!("bounced"), &json!(kept))
        );
    }
}

#[tokio::test]
async fn an_address_counts_in_every_spelling() {
    for (to, bounced) in [
        ("ada@bücher.example", "ada@BÜCHER.example"),
        ("ada@bücher.example", "ada@xn--bcher-kva.example"),
        ("\"ada\"@example.com", "Ada@Example.com"),
        ("Érika@example.com", "érika@example.com"),
        ("ada@example.com", " <ada@example.com> "),
    ] {
        let sent = Sent::new().await;
        let id = sent.acme.send(to).await;
        let bounce = json!({ "emailId": id, "bounceType": "hard", "recipientEmail": bounced });
        is_success(&sent.app.notify(BOUNCE, bounce).await);
        let email = sent.acme.get(&format!("/api/emails/{id}")).await.json();
        assert_eq!(email["email"]["status"], "bounced", "{to} as {bounced}");
        let again = json!({ "to": to, "subject": "Hello", "text": "Hello" });
        sent.acme.post("/api/send", again).await.refuses(422, "recipient_suppressed", "hard_bounce");
    }
}

#[tokio::test]
async fn one_copy_that_bounces_leaves_the_other_recipients_alone() {
    let sent = Sent::new().await;
    let email = json!({ "to": "bob@example.com", "cc": ["cyd@example.com"], "bcc": ["dan@example.com"],
        "subject": "Hello", "text": "Hello" });
    let id = sent.acme.post("/api/send", email).await.json()["email_id"].clone();
    sent.app.deliver().await;
    let bounce = json!({ "emailId": id, "bounceType": "hard", "recipientEmail": "dan@example.com" });
    is_success(&sent.app.notify(BOUNCE, bounce).await);
    let path = format!("/api/emails/{}", id.as_str().expect("it has an id"));
    let status =
        |address: &str, status: &str, role: &str| json!({ "address": address, "role": role, "status": status });
    assert_eq!(
        sent.acme.get(&path).await.json()["email"]["recipients"],
        json!([
            status("bob@example.com", "delivered", "to"),
            status("cyd@example.com", "delivered", "cc"),
            status("dan@example.com", "bounced", "bcc"),
        ])
    );
    assert_eq!(sent.cause("dan@example.com").await.as_deref(), Some("hard_bounce"));
    assert_eq!(sent.cause("bob@example.com").await, None);
}

#[tokio::test]
async fn a_secret_is_asked_for_where_one_is_set() {
    let sent = Sent::with(&[("PILLARBOX_WEBHOOK_BOUNCE_SECRET", "hunter2")]).await;
    let post = async |path: &str, secret: Option<&str>| {
        let mut request = Request::post(path).header("content-type", "application/json");
        if let Some(secret) = secret {
            request = request.header("x-webhook-secret", secret);
        }
        let body = json!({ "emailId": sent.id, "bounceType": "hard" }).to_string();
        sent.app.request(request.body(Full::from(body)).expect("it is a request")).await
    };
    for wrong in [None, Some(""), Some("hunter"), Some("hunter22"), Some("HUNTER2"), Some("hunter2 x")] {
        let refusal = json!({ "error": "Invalid webhook secret", "code": "unauthorized", "request_id": "[id]" });
        post(BOUNCE, wrong).await.is(401, refusal);
    }
    sent.changed_nothing().await;
    is_success(&post(BOUNCE, Some("hunter2")).await);
    assert_eq!(sent.status().await, "bounced");
    is_success(&post(COMPLAINT, None).await);
    assert_eq!(sent.status().await, "complained", "the other route has a secret of its own");
}

#[tokio::test]
async fn a_normalizer_that_breaks_is_our_fault_and_loses_no_mail() {
    let sent = Sent::new().await;
    let component = Bytes(guests::normalizer("trapping_normalizer"));
    sent.app
        .command(Command::PluginInstall { component, signature: None, activate: true, unchecked: true, note: note() })
        .await;
    sent.app.set_fallback("broken", &[]).await;
    let failed = |error: &str| json!({ "error": error, "code": "internal", "request_id": "[id]" });
    let bounce = json!({ "emailId": sent.id, "bounceType": "hard" });
    sent.app.notify(BOUNCE, bounce.clone()).await.is(500, failed("Failed to process bounce"));
    sent.app.notify(COMPLAINT, bounce.clone()).await.is(500, failed("Failed to process complaint"));
    // A mail is kept for another reading, because its server would send it again for days.
    let mail = sent.app.post(BOUNCE, "message/rfc822", "Subject: x\r\n\r\nx").await;
    mail.is(200, json!({ "success": true, "accepted": 0, "duplicates": 0, "unmatched": 0 }));
    assert_eq!(sent.app.app.store.count_inbox(InboxState::Refused).await.expect("they are counted"), 3);
    sent.changed_nothing().await;

    sent.app.command(roll_back("broken")).await;
    is_success(&sent.app.notify(BOUNCE, bounce).await);
    assert_eq!(sent.status().await, "bounced");
}

#[tokio::test]
async fn where_a_normalizer_breaks_the_built_in_one_reads_the_notification() {
    let sent = Sent::new().await;
    let component = Bytes(guests::normalizer("trapping_normalizer"));
    sent.app
        .command(Command::PluginInstall { component, signature: None, activate: true, unchecked: true, note: note() })
        .await;
    is_success(&sent.app.notify(BOUNCE, json!({ "emailId": sent.id, "bounceType": "hard" })).await);
    assert_eq!(sent.status().await, "bounced");
}

/// A delivery status notification (RFC 3464) about `message`, with its header returned.
fn dsn(message: &str, recipient: &str, status: &str, action: &str) -> String {
    let header = message.split("\r\n\r\n").next().unwrap_or_default();
    format!(
        "Return-Path: <>\r\nFrom: MAILER-DAEMON@mx.example.com (Mail Delivery System)\r\nTo: bounces@example.org\r\n\
         Subject: Undelivered Mail Returned to Sender\r\nMessage-ID: <dsn-1@mx.example.com>\r\n\
         Date: Fri, 15 Mar 2024 14:30:00 +0000\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/report; report-type=delivery-status; boundary=\"=_b\"\r\n\r\n{}",
        dsn_body(header, recipient, status, action)
    )
}

fn dsn_body(header: &str, recipient: &str, status: &str, action: &str) -> String {
    format!(
        "--=_b\r\nContent-Type: text/plain\r\n\r\nYour message could not be delivered.\r\n\r\n\
         --=_b\r\nContent-Type: message/delivery-status\r\n\r\n{}\r\n\
         --=_b\r\nContent-Type: text/rfc822-headers\r\n\r\n{header}\r\n\r\n--=_b--\r\n",
        delivery_status(recipient, status, action)
    )
}

fn delivery_status(recipient: &str, status: &str, action: &str) -> String {
    format!(
        "Reporting-MTA: dns; mx.example.com\r\nArrival-Date: Fri, 15 Mar 2024 14:29:00 +0000\r\n\r\n\
         Final-Recipient: rfc822; {recipient}\r\nAction: {action}\r\nStatus: {status}\r\n\
         Diagnostic-Code: smtp; 550 {status} no such user\r\n"
    )
}

/// A feedback report (RFC 5965) about `message`, with its header returned.
fn arf_body(message: &str) -> String {
    let header = message.split("\r\n\r\n").next().unwrap_or_default();
    format!(
        "--=_b\r\nContent-Type: text/plain\r\n\r\nThis is an abuse report.\r\n\r\n\
         --=_b\r\nContent-Type: message/feedback-report\r\n\r\nFeedback-Type: abuse\r\nUser-Agent: Reporter/1.0\r\n\
         Version: 1\r\nOriginal-Rcpt-To: <ada@example.com>\r\n\r\n\
         --=_b\r\nContent-Type: message/rfc822\r\n\r\n{header}\r\n\r\nHello\r\n--=_b--\r\n"
    )
}

fn counts(accepted: u8, duplicates: u8, unmatched: u8) -> Value {
    json!({ "success": true, "accepted": accepted, "duplicates": duplicates, "unmatched": unmatched })
}

#[tokio::test]
async fn a_returned_mail_finds_its_email() {
    let sent = Sent::new().await;
    let mail = dsn(&sent.message().await, "ada@example.com", "5.1.1", "failed");
    sent.app.post(BOUNCE, "message/rfc822", mail.clone()).await.is(200, counts(1, 0, 0));
    assert_eq!(sent.status().await, "bounced");
    assert_eq!(sent.cause("ada@example.com").await.as_deref(), Some("hard_bounce"));
    sent.app.post(BOUNCE, "message/rfc822", mail.replace("\r\n", "\n")).await.is(200, counts(0, 1, 0));
    assert_eq!(sent.events().await, ["queued", "sent", "delivered", "bounced"]);
}

#[tokio::test]
async fn a_report_without_its_mail_header_has_its_boundary_in_the_content_type() {
    let sent = Sent::new().await;
    let header = sent.message().await.split("\r\n\r\n").next().unwrap_or_default().to_owned();
    let body = dsn_body(&header, "ada@example.com", "5.1.1", "failed");
    let content_type = "multipart/report; report-type=delivery-status; boundary=\"=_b\"";
    sent.app.post(BOUNCE, content_type, body).await.is(200, counts(1, 0, 0));
    assert_eq!(sent.status().await, "bounced");
}

#[tokio::test]
async fn a_returned_header_under_the_id_of_the_message_is_enough() {
    let sent = Sent::new().await;
    let message = sent.message().await;
    let kept = message.lines().filter(|line| !line.to_ascii_lowercase().starts_with("x-pillarbox"));
    let message = kept.collect::<Vec<_>>().join("\r\n");
    let mail = dsn(&message, "ada@example.com", "5.1.1", "failed");
    sent.app.post(BOUNCE, "message/rfc822", mail).await.is(200, counts(1, 0, 0));
    assert_eq!(sent.status().await, "bounced");
}

#[tokio::test]
async fn a_complaint_as_providers_send_it_finds_its_email() {
    let sent = Sent::new().await;
    let body = arf_body(&sent.message().await);
    let content_type = "multipart/report; report-type=feedback-report; boundary=\"=_b\"";
    let mail = format!("From: fbl@example.net\r\nMIME-Version: 1.0\r\nContent-Type: {content_type}\r\n\r\n{body}");
    sent.app.post(COMPLAINT, "message/rfc822", mail).await.is(200, counts(1, 0, 0));
    assert_eq!(sent.status().await, "complained");
    assert_eq!(sent.cause("ada@example.com").await.as_deref(), Some("complaint"));
    sent.app.post(COMPLAINT, content_type, body).await.is(200, counts(0, 1, 0));
}

#[tokio::test]
async fn a_report_about_two_recipients_is_two_events() {
    let sent = Sent::new().await;
    let email = json!({ "to": "bob@example.com", "cc": ["cyd@example.com"], "subject": "Hello", "text": "Hello" });
    let id = sent.acme.post("/api/send", email).await.json()["email_id"].as_str().expect("it has an id").to_owned();
    let message = sent.app.captured(&id).await["source"].as_str().expect("it has a source").to_owned();
    let second = "\r\nFinal-Recipient: rfc822; cyd@example.com\r\nAction: failed\r\nStatus: 4.2.2\r\n                  Diagnostic-Code: smtp; 452 4.2.2 mailbox full\r\n";
    let diagnostic = "Diagnostic-Code: smtp; 550 5.1.1 no such user\r\n";
    let mail = dsn(&message, "bob@example.com", "5.1.1", "failed");
    let mail = mail.replace(diagnostic, &format!("{diagnostic}{second}"));
    sent.app.post(BOUNCE, "message/rfc822", mail).await.is(200, counts(2, 0, 0));
    assert_eq!(sent.cause("bob@example.com").await.as_deref(), Some("hard_bounce"));
    assert_eq!(sent.cause("cyd@example.com").await, None, "one soft bounce suppresses nobody");
    let events = sent.app.events_of(&sent.acme, &id).await;
    assert_eq!(events.iter().filter(|event| *event == "bounced").count(), 2, "{events:?}");
}

#[tokio::test]
async fn reports_that_are_no_complaints_and_notes_that_are_no_bounces_change_nothing() {
    let sent = Sent::new().await;
    let message = sent.message().await;
    let content_type = "multipart/report; report-type=feedback-report; boundary=\"=_b\"";
    for kind in ["not-spam", "auth-failure", "dmarc"] {
        let report = arf_body(&message).replace("Feedback-Type: abuse", &format!("Feedback-Type: {kind}"));
        sent.app.post(COMPLAINT, content_type, report).await.is(200, counts(0, 0, 0));
    }
    let header = message.split("\r\n\r\n").next().unwrap_or_default();
    let message_id = header.lines().find_map(|line| line.strip_prefix("Message-ID: ")).expect("it has an id");
    let vacation = format!(
        "From: ada@example.com\r\nSubject: Out of office\r\nAuto-Submitted: auto-replied\r\nIn-Reply-To: {message_id}\r\n         \r\nI am away until Monday."
    );
    sent.app.post(BOUNCE, "message/rfc822", vacation).await.is(200, counts(0, 0, 0));
    sent.changed_nothing().await;
}

#[tokio::test]
async fn the_parts_of_a_report_alone_name_no_email() {
    let sent = Sent::new().await;
    let status = delivery_status("ada@example.com", "5.1.1", "failed");
    sent.app.post(BOUNCE, "message/delivery-status", status).await.is(200, counts(0, 0, 1));
    let feedback = "Feedback-Type: abuse\r\nUser-Agent: Reporter/1.0\r\nVersion: 1\r\n\
                    Original-Rcpt-To: <ada@example.com>\r\n";
    sent.app.post(COMPLAINT, "message/feedback-report", feedback).await.is(200, counts(0, 0, 1));
    sent.changed_nothing().await;
}

#[tokio::test]
async fn a_status_part_with_our_envelope_id_finds_its_email() {
    let sent = Sent::new().await;
    let status = delivery_status("ada@example.com", "5.1.1", "failed");
    let status = format!("Original-Envelope-Id: {}\r\n{status}", sent.id);
    sent.app.post(BOUNCE, "message/delivery-status", status).await.is(200, counts(1, 0, 0));
    assert_eq!(sent.status().await, "bounced");
}

#[tokio::test]
async fn a_report_about_somebody_elses_mail_is_unmatched() {
    let sent = Sent::new().await;
    let theirs =
        format!("X-Pillarbox-Email-Id: {NOBODYS}\r\nMessage-ID: <{NOBODYS}@other.example>\r\nSubject: x\r\n\r\n");
    let mail = dsn(&theirs, "ada@example.com", "5.1.1", "failed");
    sent.app.post(BOUNCE, "message/rfc822", mail).await.is(200, counts(0, 0, 1));
    let stranger = dsn(&sent.message().await, "stranger@example.com", "5.1.1", "failed");
    sent.app.post(BOUNCE, "message/rfc822", stranger).await.is(200, counts(0, 0, 1));
    sent.changed_nothing().await;
}

#[tokio::test]
async fn late_good_news_takes_nothing_back() {
    let sent = Sent::new().await;
    let message = sent.message().await;
    let bounced = dsn(&message, "ada@example.com", "5.1.1", "failed");
    sent.app.post(BOUNCE, "message/rfc822", bounced).await.is(200, counts(1, 0, 0));
    let delivered = dsn(&message, "ada@example.com", "2.0.0", "delivered");
    sent.app.post(BOUNCE, "message/rfc822", delivered).await.is(200, counts(1, 0, 0));
    let delayed = dsn(&message, "ada@example.com", "4.4.1", "delayed");
    sent.app.post(BOUNCE, "message/rfc822", delayed).await.is(200, counts(1, 0, 0));
    assert_eq!(sent.status().await, "bounced");
    assert_eq!(sent.cause("ada@example.com").await.as_deref(), Some("hard_bounce"));
}

#[tokio::test]
async fn every_mail_that_servers_really_sent_is_taken() {
    let sent = Sent::new().await;
    for line in include_str!("../fixtures/webhooks/mail.jsonl").lines() {
        let mail: Value = serde_json::from_str(line).expect("each line is JSON");
        let text = |name: &str| mail[name].as_str().unwrap_or_default().to_owned();
        let body = match text("body_encoding").as_str() {
            "base64" => BASE64.decode(text("body")).expect("the body is base64"),
            _ => text("body").into_bytes(),
        };
        for path in [BOUNCE, COMPLAINT] {
            let answer = sent.app.post(path, &text("content_type"), body.clone()).await;
            let outcome = answer.json();
            assert_eq!((answer.status.as_u16(), &outcome["success"]), (200, &json!(true)), "{} {outcome}", mail["id"]);
            assert_eq!((&outcome["accepted"], &outcome["duplicates"]), (&json!(0), &json!(0)), "{}", mail["id"]);
        }
    }
    sent.changed_nothing().await;
}

#[tokio::test]
async fn hostile_mail_is_taken_without_harm() {
    let sent = Sent::new().await;
    let nested = (0..200)
        .fold(String::new(), |text, n| format!("{text}Content-Type: multipart/mixed; boundary=b{n}\r\n\r\n--b{n}\r\n"));
    for body in [Vec::new(), b"\0\0\0".to_vec(), vec![0xff; 10_000], nested.into_bytes(), b"\r\n".repeat(50_000)] {
        let answer = sent.app.post(BOUNCE, "message/rfc822", body).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    sent.changed_nothing().await;
}

#[tokio::test]
async fn a_body_of_five_mebibytes_is_taken_and_a_larger_one_is_not() {
    let sent = Sent::new().await;
    let start = "From: a@example.com\r\n\r\n";
    let inside = format!("{start}{}", "x".repeat(5 * 1024 * 1024 - start.len()));
    let outside = format!("{inside}x");
    assert_eq!(sent.app.post(BOUNCE, "message/rfc822", inside).await.status, 200);
    sent.app.post(BOUNCE, "message/rfc822", outside).await.refuses(413, "body_too_large", "5242880");
}

#[tokio::test]
async fn strangers_cannot_fill_the_disk() {
    let sent = Sent::new().await;
    let kept = async |state| sent.app.app.store.count_inbox(state).await.expect("they are counted");
    is_success(&sent.app.notify(BOUNCE, json!({ "emailId": sent.id, "bounceType": "hard" })).await);
    for round in 0..101 {
        let calls = (0..100).map(|n| {
            let reason = format!("{round}-{n}");
            sent.app.notify(BOUNCE, json!({ "emailId": NOBODYS, "reason": reason }))
        });
        at_once(calls).await.iter().for_each(is_success);
    }
    assert_eq!(
        (kept(InboxState::Unmatched).await, kept(InboxState::Matched).await),
        (10_000, 1),
        "the oldest strangers go first"
    );
}
