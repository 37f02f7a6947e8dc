//! A request to send, read: every field checked and given its type.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Map, Value as Json};

use super::{AttachmentRequest, Disposition, RECIPIENTS_MAX, SendRequest, Suppressed};
use crate::api::time::parse as parse_time;
use crate::app::App;
use crate::error::{Error, Result};
use crate::mail::address::{DomainName, EmailAddress, Mailbox};
use crate::mail::build::Attachment;
use crate::mail::headers::CustomHeaders;
use crate::mail::merge::{Escape, merge};
use crate::store::{Customer, Domain, RecipientRole, StreamType};

/// Bytes of the subject in UTF-8.
const SUBJECT_BYTES_MAX: usize = 998;
/// Characters of a tag.
const TAG_CHARS_MAX: usize = 100;
/// Bytes of `metadata` as JSON.
const METADATA_BYTES_MAX: usize = 64 * 1024;
/// Files of one email.
const ATTACHMENTS_MAX: usize = 100;
/// How far ahead an email may be scheduled: 30 days, in milliseconds.
const SCHEDULE_MS_MAX: i64 = 30 * 24 * 60 * 60 * 1_000;

/// An email that may be sent as it is.
pub(super) struct Draft {
    pub(super) from: Mailbox,
    pub(super) domain: Domain,
    pub(super) reply_to: Option<Mailbox>,
    pub(super) recipients: Recipients,
    /// Merged, like the two parts.
    pub(super) subject: String,
    pub(super) html: Option<String>,
    pub(super) text: Option<String>,
    pub(super) headers: CustomHeaders,
    pub(super) attachments: Vec<Attachment>,
    pub(super) tag: Option<String>,
    /// JSON text.
    pub(super) metadata: Option<String>,
    pub(super) stream_type: StreamType,
    /// Milliseconds since 1970, when it is to go later.
    pub(super) send_at: Option<i64>,
    pub(super) suppressed: Vec<Suppressed>,
}

/// Everybody who gets the email.
pub(super) struct Recipients {
    pub(super) to: Mailbox,
    /// False when `to` stands in the message alone, because it is suppressed and others are not.
    pub(super) to_gets_it: bool,
    pub(super) cc: Vec<Mailbox>,
    pub(super) bcc: Vec<Mailbox>,
}

impl Draft {
    /// Checks a request against what its customer may do. The first thing that is wrong is named with its place.
    pub(super) async fn read(app: &App, customer: &Customer, request: &SendRequest, now: i64) -> Result<Self> {
        let recipients = recipients(request)?;
        let texts = Texts::of(request.subject.as_deref(), request.html.as_deref(), request.text.as_deref())?;
        let Content { subject, html, text } = texts.merged(request.vars.as_ref())?;
        let (from, domain) = author(app, customer, request.from.as_deref(), request.domain.as_deref()).await?;
        let reply_to = request.reply_to.as_deref().map(|text| mailbox("/reply_to", text)).transpose()?;
        let stream_type = request.stream_type.unwrap_or_default();
        let draft = Self {
            from,
            domain,
            reply_to,
            recipients,
            subject,
            html,
            text,
            headers: custom_headers(request)?,
            attachments: attachments(request)?,
            tag: tag(request.tag.as_deref())?,
            metadata: metadata(request)?,
            stream_type,
            send_at: send_at(request, now)?,
            suppressed: Vec::new(),
        };
        // Last, so that a request that is wrong in itself hears nothing about recipients.
        let (recipients, suppressed) = unsuppressed(app, customer, draft.recipients, stream_type).await?;
        Ok(Self { recipients, suppressed, ..draft })
    }
}

pub(super) fn mailbox(pointer: &str, text: &str) -> Result<Mailbox> {
    Mailbox::parse(text).map_err(|error| Error::invalid_as("Invalid email address", pointer, error))
}

fn mailboxes(pointer: &str, list: Option<&Vec<String>>) -> Result<Vec<Mailbox>> {
    let list = list.map(Vec::as_slice).unwrap_or_default();
    list.iter().enumerate().map(|(index, text)| mailbox(&format!("{pointer}/{index}"), text)).collect()
}

fn recipients(request: &SendRequest) -> Result<Recipients> {
    let Some(to) = &request.to else { return Err(Error::invalid_at("/to", "to is required")) };
    let further = [&request.cc, &request.bcc].into_iter().flatten().map(Vec::len).sum::<usize>();
    if further >= RECIPIENTS_MAX {
        return Err(Error::invalid(format!(
            "An email has at most {RECIPIENTS_MAX} recipients: to, cc and bcc together"
        )));
    }
    let to = mailbox("/to", to)?;
    let mut cc = mailboxes("/cc", request.cc.as_ref())?;
    let mut bcc = mailboxes("/bcc", request.bcc.as_ref())?;
    // Who is named twice gets one copy, as the most visible recipient.
    let mut seen = vec![to.address.clone()];
    for list in [&mut cc, &mut bcc] {
        list.retain(|mailbox| {
            let new = !seen.iter().any(|address: &EmailAddress| address.matches(&mailbox.address));
            if new {
                seen.push(mailbox.address.clone());
            }
            new
        });
    }
    Ok(Recipients { to, to_gets_it: true, cc, bcc })
}

impl Recipients {
    pub(super) fn envelope(&self) -> Vec<(String, RecipientRole)> {
        let with = |role: RecipientRole| move |mailbox: &Mailbox| (mailbox.address.to_string(), role);
        let to = Some(&self.to).filter(|_| self.to_gets_it).into_iter().map(with(RecipientRole::To));
        let cc = self.cc.iter().map(with(RecipientRole::Cc));
        to.chain(cc).chain(self.bcc.iter().map(with(RecipientRole::Bcc))).collect()
    }
}

/// Leaves out suppressed recipients, unless nobody is left then.
async fn unsuppressed(
    app: &App,
    customer: &Customer,
    mut recipients: Recipients,
    stream: StreamType,
) -> Result<(Recipients, Vec<Suppressed>)> {
    let addresses = recipients.envelope().into_iter().map(|(address, _)| address).collect();
    let found = app.store.suppressed(customer.id, addresses, stream).await?;
    let is_suppressed = |mailbox: &Mailbox| found.iter().any(|(address, _)| *address == mailbox.address.to_string());
    recipients.to_gets_it = !is_suppressed(&recipients.to);
    recipients.cc.retain(|mailbox| !is_suppressed(mailbox));
    recipients.bcc.retain(|mailbox| !is_suppressed(mailbox));
    if recipients.envelope().is_empty() {
        return Err(recipient_suppressed(&found));
    }
    let suppressed = found.into_iter().map(|(address, cause)| Suppressed { address, cause }).collect();
    Ok((recipients, suppressed))
}

/// The refusal that names who is suppressed, each with its cause.
pub(super) fn recipient_suppressed(found: &[(String, String)]) -> Error {
    let causes: Vec<_> = found.iter().map(|(address, cause)| format!("{address} ({cause})")).collect();
    let message = format!("The recipient is suppressed: {}", causes.join(", "));
    Error::Refused { code: "recipient_suppressed", message, findings: None }
}

/// Subject, html and text as their author wrote them.
#[derive(Clone, Copy)]
pub(super) struct Texts<'a> {
    subject: &'a str,
    html: Option<&'a str>,
    text: Option<&'a str>,
}

/// The same with their values in place.
pub(super) struct Content {
    pub(super) subject: String,
    pub(super) html: Option<String>,
    pub(super) text: Option<String>,
}

impl<'a> Texts<'a> {
    pub(super) fn of(subject: Option<&'a str>, html: Option<&'a str>, text: Option<&'a str>) -> Result<Self> {
        let Some(subject) = subject else { return Err(Error::invalid_at("/subject", "subject is required")) };
        if html.is_none() && text.is_none() {
            return Err(Error::invalid("html or text is required"));
        }
        Ok(Self { subject, html, text })
    }

    /// Puts values in the place of their names. Without values nothing is a placeholder.
    pub(super) fn merged(&self, vars: Option<&Map<String, Json>>) -> Result<Content> {
        let merged = |pointer: &str, template: &str, escape| match vars {
            Some(vars) => merge(template, vars, escape).map_err(|error| Error::invalid_at(pointer, error.to_string())),
            None => Ok(template.to_owned()),
        };
        let subject = merged("/subject", self.subject, Escape::Line)?;
        if subject.len() > SUBJECT_BYTES_MAX {
            return Err(Error::invalid_at("/subject", format!("subject must be at most {SUBJECT_BYTES_MAX} bytes")));
        }
        if subject.chars().any(char::is_control) {
            return Err(Error::invalid_at("/subject", "subject must be one line without control characters"));
        }
        let html = self.html.map(|html| merged("/html", html, Escape::Html)).transpose()?;
        let text = self.text.map(|text| merged("/text", text, Escape::Plain)).transpose()?;
        Ok(Content { subject, html, text })
    }
}

/// The author and the verified domain that the email is sent from.
pub(super) async fn author(
    app: &App,
    customer: &Customer,
    from: Option<&str>,
    domain: Option<&str>,
) -> Result<(Mailbox, Domain)> {
    let from = from.map(|text| mailbox("/from", text)).transpose()?;
    let wanted = match (domain, &from) {
        (Some(domain), _) => {
            let name = DomainName::parse(domain);
            Some(name.map_err(|error| Error::invalid_at("/domain", error.to_string()))?.to_string())
        }
        (None, Some(from)) => Some(from.address.domain().to_owned()),
        (None, None) => None,
    };
    let not_verified = |message: String| Error::Refused { code: "domain_not_verified", message, findings: None };
    let Some(domain) = app.store.verified_domain(customer.id, wanted.clone()).await? else {
        return Err(not_verified(match wanted {
            Some(name) => format!("{name} is not a verified domain of this account"),
            None => "The account has no verified domain to send from".into(),
        }));
    };
    let Some(from) = from else {
        return Ok((mailbox("/domain", &format!("noreply@{}", domain.name))?, domain));
    };
    let own = from.address.domain();
    if own != domain.name && app.store.verified_domain(customer.id, Some(own.to_owned())).await?.is_none() {
        return Err(not_verified(format!("{own}, the domain of from, is not a verified domain of this account")));
    }
    Ok((from, domain))
}

fn custom_headers(request: &SendRequest) -> Result<CustomHeaders> {
    let given = request.headers.iter().flatten().map(|(name, value)| (name.as_str(), value.as_str()));
    CustomHeaders::check(given).map_err(|error| Error::invalid_at("/headers", error.to_string()))
}

fn attachments(request: &SendRequest) -> Result<Vec<Attachment>> {
    let list = request.attachments.as_deref().unwrap_or_default();
    if list.len() > ATTACHMENTS_MAX {
        return Err(Error::invalid_at("/attachments", format!("an email has at most {ATTACHMENTS_MAX} attachments")));
    }
    list.iter().enumerate().map(|(index, file)| attachment(&format!("/attachments/{index}"), file)).collect()
}

fn attachment(pointer: &str, file: &AttachmentRequest) -> Result<Attachment> {
    let required = |name: &str| Error::invalid_at(format!("{pointer}/{name}"), format!("{name} is required"));
    let filename = file.filename.as_deref().ok_or_else(|| required("filename"))?;
    let content = file.content.as_deref().ok_or_else(|| required("content"))?;
    // Line breaks are common in base64 that was made for mail.
    let unbroken: String = content.split_ascii_whitespace().collect();
    let content = BASE64
        .decode(unbroken)
        .map_err(|error| Error::invalid_at(format!("{pointer}/content"), format!("content is not base64: {error}")))?;
    let inline = match file.disposition {
        Some(disposition) => disposition == Disposition::Inline,
        None => file.content_id.is_some(),
    };
    Attachment::check(filename, content, file.content_type.as_deref(), file.content_id.as_deref(), inline)
        .map_err(|error| Error::invalid_at(pointer, error.to_string()))
}

pub(super) fn tag(tag: Option<&str>) -> Result<Option<String>> {
    let Some(tag) = tag else { return Ok(None) };
    check_tag("tag", tag)?;
    Ok(Some(tag).filter(|tag| !tag.is_empty()).map(str::to_owned))
}

/// Whether a tag may be one. `field` is what its sender calls it.
pub(super) fn check_tag(field: &str, tag: &str) -> Result<()> {
    if tag.chars().count() <= TAG_CHARS_MAX && !tag.chars().any(char::is_control) {
        return Ok(());
    }
    Err(Error::invalid_at(
        format!("/{field}"),
        format!("{field} must be one line of at most {TAG_CHARS_MAX} characters"),
    ))
}

fn metadata(request: &SendRequest) -> Result<Option<String>> {
    request.metadata.as_ref().map(metadata_text).transpose()
}

/// Metadata as it is kept: JSON text, within its bound.
pub(super) fn metadata_text(metadata: &Map<String, Json>) -> Result<String> {
    let text = serde_json::to_string(metadata).expect("JSON that was read can be written");
    if text.len() > METADATA_BYTES_MAX {
        return Err(Error::invalid_at(
            "/metadata",
            format!("metadata must be at most {METADATA_BYTES_MAX} bytes of JSON"),
        ));
    }
    Ok(text)
}

/// When to send, if that is later.
fn send_at(request: &SendRequest, now: i64) -> Result<Option<i64>> {
    let Some(text) = &request.send_at else { return Ok(None) };
    let wanted = "send_at must be a date and time such as 2024-03-15T14:30:00Z";
    let at = parse_time(text).ok_or_else(|| Error::invalid_at("/send_at", wanted))?;
    if at > now + SCHEDULE_MS_MAX {
        return Err(Error::invalid_at("/send_at", "send_at must be at most 30 days ahead"));
    }
    Ok(Some(at).filter(|at| *at > now))
}
