//! Mails about mails: delivery status notifications, feedback reports, automatic answers, and free text.
//!
//! The order of the questions matters. What a standard defines goes first; among the rest, a mail from a mail
//! server goes before the marks of automatic answers, because servers set those marks too.

pub(crate) mod address;
mod arf;
mod autoreply;
mod charset;
mod clues;
mod decode;
mod dsn;
mod form;
mod forward;
mod freetext;
mod header;
mod markup;
mod mime;
mod quote;
pub(crate) mod report;

use crate::json;
use crate::types::{Outcome, Problem, Request};
pub(crate) use decode::base64;
pub(crate) use form::multipart_form;
use header::Headers;
use mime::Mail;
use report::Report;

/// The machine-readable parts of reports. As the type of a request they come without the mail around them.
const PARTS: &[&str] = &["message/delivery-status", "message/global-delivery-status", "message/feedback-report"];

/// How many times a report that was passed on is unwrapped.
const FORWARDS_MAX: usize = 3;

/// Reads a body that is not JSON.
pub(crate) fn normalize(request: &Request) -> Result<Outcome, Problem> {
    let mut text = charset::decode(&request.body);
    let media = mime::media_of(&request.content_type);
    let mut bare = media.starts_with("multipart/") || PARTS.contains(&media.as_str());
    let mut forwards = 0;
    let report = loop {
        let mail = open(&text, bare, &request.content_type);
        let inner = if forwards < FORWARDS_MAX { forward::inner(&mail) } else { None };
        let Some(inner) = inner else { break Report::open(mail) };
        drop(mail);
        (text, bare) = (inner, false);
        forwards += 1;
    };
    let read = json_inside(&report, request)
        .or_else(|| arf::read(&report))
        .or_else(|| dsn::read(&report))
        .or_else(|| freetext::read_from_server(&report))
        .or_else(|| autoreply::read(&report))
        .or_else(|| freetext::read_from_anyone(&report));
    read.ok_or_else(|| Problem::unrecognized("This mail is neither a bounce, a complaint nor an automatic answer"))
}

/// A notification in JSON that comes by mail, as SNS sends it to addresses that subscribe.
fn json_inside(report: &Report, request: &Request) -> Option<Outcome> {
    let text = report.said.trim_start();
    if !text.starts_with(['{', '[']) {
        return None;
    }
    // A mail's lines have an end, which JSON's need not; what broke a string is taken out of it again.
    let body = text.bytes().filter(|byte| *byte != b'\n').collect();
    let request = Request { body, received_at: request.received_at, ..Request::default() };
    json::read_first(&request).filter(|outcome| !outcome.events.is_empty())
}

/// A body with its own header, or one whose header is the request's.
fn open<'a>(text: &'a str, bare: bool, content_type: &str) -> Mail<'a> {
    if bare { Mail::with_headers(Headers::of_content_type(content_type), text) } else { Mail::parse(text) }
}
