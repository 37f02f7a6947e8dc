//! An ordinary input of 10 KB for each world, for plugins that bring no fixtures and for comparing those that do.

use super::fixture::{Input, mail};
use crate::plugins::{World, scorer};

/// What it is called where it is reported.
pub(crate) const NAME: &str = "built-in 10 KB";
/// What it is filled up to.
const BYTES: usize = 10 * 1024;

const PARAGRAPH: &str = "<p>Good morning, here is what came in this week. <a href=\"https://example.com/news?week=7\">\
                         Read all of it</a> or look at the <b>three new things</b> that you asked for; Café Noé is \
                         open again, and the old prices hold until Friday.</p>\n";

/// The input for a world.
pub(crate) fn input(world: World) -> Input {
    match world {
        World::Scorer => Input::Message(Box::new(newsletter())),
        World::Normalizer => mail(bounce()),
    }
}

fn newsletter() -> scorer::Message {
    let html = format!("<!DOCTYPE html>\n<html><body>\n{}</body></html>\n", PARAGRAPH.repeat(BYTES / PARAGRAPH.len()));
    let mailbox = |name: &str, email: &str| scorer::Mailbox { name: name.into(), email: email.into() };
    let headers =
        [("From", "Ada <ada@example.com>"), ("To", "Grace <grace@example.org>"), ("Subject", "News of the week")];
    scorer::Message {
        from: Some(mailbox("Ada", "ada@example.com")),
        reply_to: None,
        to: vec![mailbox("Grace", "grace@example.org")],
        subject: Some("News of the week".into()),
        html: Some(html),
        text: Some("Good morning, here is what came in this week.\n".into()),
        headers: headers.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        attachments: Vec::new(),
        attributes: Vec::new(),
    }
}

/// A bounce (RFC 3464) that returns a message.
fn bounce() -> Vec<u8> {
    let report = "From: MAILER-DAEMON@mx.example.com\r\nTo: bounces@example.org\r\nSubject: Undelivered Mail\r\n\
                  MIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=\"b\"\r\n\
                  \r\n--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example.com\r\n\r\n\
                  Final-Recipient: rfc822; grace@example.org\r\nAction: failed\r\nStatus: 5.1.1\r\n\
                  Diagnostic-Code: smtp; 550 5.1.1 user unknown\r\n\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n\
                  From: ada@example.com\r\nTo: grace@example.org\r\nMessage-ID: <1@example.com>\r\n\
                  Content-Type: text/html; charset=utf-8\r\n\r\n";
    let returned = PARAGRAPH.repeat((BYTES - report.len()) / PARAGRAPH.len());
    format!("{report}{returned}\r\n--b--\r\n").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_are_about_as_large_as_they_are_called() {
        let bytes = |world| match input(world) {
            Input::Message(message) => message.html.map_or(0, |html| html.len()),
            Input::Request(request) => request.body.len(),
        };
        for world in World::ALL {
            assert!((9_500..=10_500).contains(&bytes(world)), "{world}: {}", bytes(world));
        }
    }
}
