//! Bounce addresses: what comes back to one finds its email and its recipient

use http::Request;
use http_body_util::Full;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::{TestApp, TestCustomer};

/// An email to three people that was handed over.
struct Sent {
    app: TestApp,
    acme: TestCustomer,
    id: Uuid,
}

impl Sent {
    async fn with(settings: &[(&str, &str)]) -> Self {
        let app = TestApp::with(settings).await;
        let acme = app.customer_with_events("acme").await;
        // The addresses are given in another order than they sort in.
        let email = json!({ "to": "zoe@example.com", "cc": ["yan@example.com"], "bcc": ["Ada@example.com"],
            "subject": "Hello", "text": "Hello" });
        let answer = acme.post("/api/send", email).await.json();
        let id = answer["email_id"].as_str().and_then(|id| id.parse().ok()).unwrap_or_else(|| panic!("{answer}"));
        app.deliver().await;
        Self { app, acme, id }
    }

    async fn new() -> Self {
        Self::with(&[]).await
    }

    fn address(&self, number: u16) -> String {
        self.app.app.bounce_address(self.id, number, &self.acme.domain)
    }

    /// Posts a report that arrived at this address and names nobody else that we know.
    async fn report(&self, to: &str, headers: &[(&str, &str)]) -> Value {
        let mut request = Request::post("/webhooks/bounce").header("content-type", "message/rfc822");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::from(dsn(to))).expect("it is a request");
        let answer = self.app.request(request).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    }

    /// Who bounced.
    async fn bounced(&self) -> Vec<String> {
        let email = self.acme.get(&format!("/api/emails/{}", self.id)).await.json();
        let recipients = email["email"]["recipients"].as_array().expect("it has recipients").iter();
        let bounced = recipients.filter(|recipient| recipient["status"] == "bounced");
        bounced.map(|recipient| recipient["address"].as_str().expect("it is text").to_owned()).collect()
    }
}

/// A delivery status notification (RFC 3464) without the returned mail, about an address that the mail was forwarded to.
fn dsn(to: &str) -> String {
    format!(
        "Return-Path: <>\r\nFrom: MAILER-DAEMON@mx.example.net\r\nTo: {to}\r\nSubject: Undelivered Mail\r\n\
         Date: Fri, 15 Mar 2024 14:30:00 +0000\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/report; report-type=delivery-status; boundary=\"=_b\"\r\n\r\n\
         --=_b\r\nContent-Type: text/plain\r\n\r\nYour message could not be delivered.\r\n\r\n\
         --=_b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example.net\r\n\r\n\
         Final-Recipient: rfc822; forwarded@example.net\r\nAction: failed\r\nStatus: 5.1.1\r\n\
         Diagnostic-Code: smtp; 550 5.1.1 no such user\r\n\r\n--=_b--\r\n"
    )
}

#[tokio::test]
async fn what_comes_back_to_a_copys_address_is_about_that_copy() {
    for (number, recipient) in [(0, "zoe@example.com"), (1, "yan@example.com"), (2, "ada@example.com")] {
        let sent = Sent::new().await;
        assert_eq!(sent.report(&sent.address(number), &[]).await["accepted"], 1);
        assert_eq!(sent.bounced().await, [recipient]);
    }
}

#[tokio::test]
async fn servers_may_turn_its_letters() {
    let sent = Sent::new().await;
    assert_eq!(sent.report(&sent.address(1).to_uppercase(), &[]).await["accepted"], 1);
    assert_eq!(sent.bounced().await, ["yan@example.com"]);
}

#[tokio::test]
async fn the_address_at_which_a_mail_server_took_it_counts_too() {
    for header in ["x-original-to", "x-envelope-to"] {
        let sent = Sent::new().await;
        let address = sent.address(1);
        assert_eq!(sent.report("postmaster@example.org", &[(header, &address)]).await["accepted"], 1, "{header}");
        assert_eq!(sent.bounced().await, ["yan@example.com"]);
    }
}

#[tokio::test]
async fn an_address_that_we_did_not_make_leads_nowhere() {
    let sent = Sent::new().await;
    let ours = sent.address(1);
    let other = TestApp::start_anew().await;
    let foreign = other.app.bounce_address(sent.id, 1, &sent.acme.domain);
    let changed = ours.replacen(&ours[10..11], if &ours[10..11] == "a" { "b" } else { "a" }, 1);
    for address in [foreign, changed, sent.address(3)] {
        assert_eq!(sent.report(&address, &[]).await["unmatched"], 1, "{address}");
    }
    assert!(sent.bounced().await.is_empty());
}

#[tokio::test]
async fn the_address_goes_before_what_the_report_says_elsewhere() {
    let sent = Sent::new().await;
    let other = sent.acme.send("eve@example.com").await;
    sent.app.deliver().await;
    let report =
        dsn(&sent.address(0)).replace("Reporting-MTA", &format!("Original-Envelope-Id: {other}\r\nReporting-MTA"));
    let answer = sent.app.post("/webhooks/bounce", "message/rfc822", report).await;
    assert_eq!(answer.json()["accepted"], 1);
    assert_eq!(sent.bounced().await, ["zoe@example.com"]);
}

#[tokio::test]
async fn the_domain_is_that_of_the_setting_or_of_the_sender() {
    let sent = Sent::new().await;
    assert!(sent.address(0).ends_with(&format!("@{}", sent.acme.domain)));
    let sent = Sent::with(&[("PILLARBOX_BOUNCE_DOMAIN", "Bounces.Acme.example")]).await;
    assert!(sent.address(0).ends_with("@bounces.acme.example"), "{}", sent.address(0));
    assert_eq!(sent.report(&sent.address(0), &[]).await["accepted"], 1);
}
