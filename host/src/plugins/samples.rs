//! The check of a version before anybody meets it: it is asked about a few inputs, ordinary and odd, and has to answer
//! each of them.

use std::sync::Arc;

use super::error::PluginError;
use super::normalizer::Request;
use super::scorer::{Attachment, Mailbox, Message};
use super::table::Version;
use super::work::{Normalizing, Scoring, Work};
use super::{Call, Loaded, Plugins, World};

/// Bytes of the large input, far more than an ordinary email has.
const LARGE_BYTES: usize = 256 * 1_024;

impl Plugins {
    /// Asks a version about every sample. Fails at the first that it does not answer, in a sentence.
    pub async fn try_samples(&self, plugin: &Arc<Loaded>) -> Result<usize, String> {
        match plugin.world {
            World::Scorer => self.try_each::<Scoring>(plugin, messages()).await,
            World::Normalizer => self.try_each::<Normalizing>(plugin, requests()).await,
        }
    }

    async fn try_each<W: Work>(
        &self,
        plugin: &Arc<Loaded>,
        samples: Vec<(&'static str, W::Input)>,
    ) -> Result<usize, String> {
        let version = Version::plain(plugin.clone(), &self.sandbox.limits);
        let count = samples.len();
        for (what, sample) in samples {
            let Call { result, .. } = self.ask::<W>(&version, &Arc::new(sample)).await;
            if let Err(PluginError::Failed { fault, .. }) = result
                && fault.lets_others_try()
            {
                return Err(format!("given {what}, it {fault}"));
            }
        }
        Ok(count)
    }
}

fn messages() -> Vec<(&'static str, Message)> {
    let mailbox = |name: &str, email: &str| Mailbox { name: name.into(), email: email.into() };
    let ordinary = Message {
        from: Some(mailbox("Ada", "ada@example.com")),
        to: vec![mailbox("", "grace@example.org")],
        subject: Some("Your parcel is on its way".into()),
        html: Some("<!DOCTYPE html><p>See <a href=\"https://example.com/p?a=1&amp;b=2\">where it is</a>.</p>".into()),
        text: Some("See where it is: https://example.com/p?a=1&b=2".into()),
        headers: vec![("Message-ID".into(), "<1@example.com>".into()), ("Date".into(), "not a date".into())],
        attachments: vec![Attachment {
            filename: "läs mig.pdf".into(),
            content_type: "application/pdf".into(),
            size: 5,
            head: b"%PDF-".to_vec(),
            inline: false,
            attributes: Vec::new(),
        }],
        ..Message::default()
    };
    let odd = "\u{0}\u{feff}é漢字\u{202e}🏴󠁧󠁢󠁳󠁣󠁴󠁿 <a href=\"\"><<<&#x110000;&amp;&<!--";
    let odd_message = Message {
        from: Some(mailbox(odd, odd)),
        reply_to: Some(mailbox("", "")),
        subject: Some(odd.into()),
        html: Some(odd.into()),
        text: Some(odd.into()),
        headers: vec![(String::new(), odd.into()); 3],
        ..Message::default()
    };
    let line = "<p>A line of <b>text</b> with a <a href=\"https://example.com/\">link</a>.</p>\n";
    let large = Message {
        subject: Some("Large".into()),
        html: Some(line.repeat(LARGE_BYTES / line.len())),
        text: Some("word ".repeat(LARGE_BYTES / 5)),
        ..Message::default()
    };
    vec![
        ("an ordinary message", ordinary),
        ("a message without anything", Message::default()),
        ("a message of odd characters", odd_message),
        ("a message of 512 KiB", large),
    ]
}

fn requests() -> Vec<(&'static str, Request)> {
    let request = |content_type: &str, body: &[u8]| Request {
        content_type: content_type.into(),
        headers: Vec::new(),
        body: body.to_vec(),
        received_at: 1_700_000_000_000,
        attributes: Vec::new(),
    };
    let report = "From: MAILER-DAEMON@mx.example.com\r\nContent-Type: multipart/report; \
         report-type=delivery-status; boundary=b\r\n\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n\
         Reporting-MTA: dns; mx.example.com\r\n\r\nFinal-Recipient: rfc822; ada@example.com\r\nAction: failed\r\n\
         Status: 5.1.1\r\n\r\n--b--\r\n";
    let bounce = br#"{"emailId":"018e4277-b940-7000-8000-000000000001","bounceType":"hard"}"#;
    vec![
        ("a bounce in JSON", request("application/json", bounce)),
        ("a delivery report", request("message/rfc822", report.as_bytes())),
        ("a request without a body", request("", b"")),
        ("a body that is no text", request("application/json", &[0xff, 0xfe, 0x00, 0x80, b'{'])),
        ("a body of 256 KiB", request("application/json", &vec![b'['; LARGE_BYTES])),
    ]
}
