//! Sending one email.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::HeaderValue;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};
use utoipa::ToSchema;
use uuid::Uuid;

use super::scoring::{self, ScoreSummary};
use super::time::{parse as parse_time, rfc3339};
use crate::app::App;
use crate::config::ScoringPolicy;
use crate::error::{Error, Result};
use crate::ids::new_id;
use crate::mail::address::{EmailAddress, Mailbox};
use crate::mail::build::{self, Attachment, Outgoing};
use crate::mail::headers::CustomHeaders;
use crate::mail::merge::{Escape, merge};
use crate::mail::token::{Claims, Purpose};
use crate::mail::{links, text};
use crate::reply::Reply;
use crate::request::Head;
use crate::secrets::sha256;
use crate::store::{
    ApiKey, Claim, Customer, CustomerStatus, Domain, NewEmail, Queued, RecipientRole, Replay, SendRefusal, StreamType,
};

/// Recipients of one email: `to`, `cc` and `bcc` together.
const RECIPIENTS_MAX: usize = 50;
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
/// Bytes of an `Idempotency-Key`.
const IDEMPOTENCY_KEY_BYTES_MAX: usize = 255;

/// One email to send. `to`, `subject` and at least one of `html` and `text` are required.
#[derive(Deserialize, ToSchema)]
pub(crate) struct SendRequest {
    /// One address, with or without a name: `Ada <ada@example.com>`.
    #[schema(required, value_type = String, example = "ada@example.com")]
    to: Option<String>,
    /// One line, at most 998 bytes.
    #[schema(required, value_type = String, max_length = 998, example = "Welcome to our platform!")]
    subject: Option<String>,
    /// The message as html.
    #[schema(example = "<h1>Welcome!</h1><p>Thanks for <a href=\"https://example.com/start\">signing up</a>.</p>")]
    html: Option<String>,
    /// The message as text. Made from `html` when it is left out.
    text: Option<String>,
    /// The verified domain to send from. Default: that of `from`, else the one verified first.
    domain: Option<String>,
    /// The author. Default: `noreply@` and the domain.
    from: Option<String>,
    /// Where answers go.
    reply_to: Option<String>,
    /// Further recipients, 50 in all.
    cc: Option<Vec<String>>,
    /// Recipients that the others do not see.
    bcc: Option<Vec<String>>,
    /// Default: the domain's switch, then the account's.
    track_opens: Option<bool>,
    /// Default: the domain's switch, then the account's.
    track_clicks: Option<bool>,
    /// Headers of your own. Those that the service writes itself are refused.
    headers: Option<BTreeMap<String, String>>,
    /// A word to find it by, at most 100 characters.
    #[schema(max_length = 100)]
    tag: Option<String>,
    /// Kept with the email and its events, never in the message.
    #[schema(value_type = Option<Object>)]
    metadata: Option<Map<String, Json>>,
    /// Values for `{{name}}` in subject, html and text. An unknown name is refused.
    #[schema(value_type = Option<Object>)]
    vars: Option<Map<String, Json>>,
    /// Files, at most 100.
    attachments: Option<Vec<AttachmentRequest>>,
    /// `broadcast` adds one-click unsubscribe headers (RFC 8058).
    stream_type: Option<StreamType>,
    /// When to send it, at most 30 days ahead.
    send_at: Option<String>,
}

/// A file of an email.
#[derive(Deserialize, ToSchema)]
struct AttachmentRequest {
    #[schema(required, value_type = String, example = "invoice.pdf")]
    filename: Option<String>,
    /// Base64.
    #[schema(required, value_type = String, content_encoding = "base64")]
    content: Option<String>,
    /// Default: `application/octet-stream`.
    content_type: Option<String>,
    /// Makes it an inline image that html refers to as `cid:` and this.
    content_id: Option<String>,
    /// Default: `inline` with a `content_id`, else `attachment`.
    disposition: Option<Disposition>,
}

#[derive(Clone, Copy, Deserialize, PartialEq, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Disposition {
    Inline,
    Attachment,
}

/// An email that is on disk.
#[derive(Serialize, ToSchema)]
pub(crate) struct SendReply {
    #[schema(example = "ada@example.com")]
    to: String,
    submitted_at: String,
    email_id: Uuid,
    message_id: String,
    /// `queued`, or `scheduled` with a `send_at` in the future.
    #[schema(value_type = String, example = "queued")]
    status: &'static str,
    /// What content scoring says, unless the service has it off.
    #[serde(skip_serializing_if = "Option::is_none")]
    score: Option<ScoreSummary>,
    /// Recipients that were left out because they are suppressed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    suppressed: Vec<Suppressed>,
}

/// A recipient that was left out.
#[derive(Serialize, ToSchema)]
struct Suppressed {
    address: String,
    /// `hard_bounce`, `soft_bounces`, `complaint` or `unsubscribe`.
    cause: String,
}

/// An idempotency key as the request brought it.
struct Idempotency {
    key: String,
    request_hash: [u8; 32],
}

/// Everybody who gets the email.
struct Recipients {
    to: Mailbox,
    cc: Vec<Mailbox>,
    bcc: Vec<Mailbox>,
}

/// Subject and bodies with their values in place.
struct Content {
    subject: String,
    html: Option<String>,
    text: Option<String>,
}

/// Queues one message. It is on disk, with its `queued` event, before the caller hears 200.
#[utoipa::path(post, path = "/api/send", tag = "Email Sending", request_body = SendRequest,
    params(("Idempotency-Key" = Option<String>, Header, max_length = 255,
        description = "The first answer to a key is kept for 24 hours and given again")),
    responses((status = 200, body = SendReply), (status = 422, body = crate::error::ErrorBody)))]
pub(crate) async fn send(
    app: &App,
    customer: &Customer,
    key: &ApiKey,
    head: &Head,
    request: &SendRequest,
    body: &[u8],
) -> Result<Reply> {
    let now = app.now();
    let idempotency = idempotency(head, body)?;
    if let Some(Idempotency { key, request_hash }) = &idempotency {
        match app.store.replay(customer.id, key.clone(), *request_hash, now).await? {
            Some(Replay::Same(reply)) => return Ok(replayed(reply)),
            Some(Replay::Mismatch) => return Err(idempotency_mismatch()),
            None => {}
        }
    }
    check_account(customer)?;
    let recipients = recipients(request)?;
    let content = content(request)?;
    let (from, domain) = author(app, customer, request).await?;
    let reply_to = request.reply_to.as_deref().map(|text| mailbox("/reply_to", text)).transpose()?;
    let headers = custom_headers(request)?;
    let attachments = attachments(request)?;
    let tag = tag(request)?;
    let metadata = metadata(request)?;
    let send_at = send_at(request, now)?;
    let stream_type = request.stream_type.unwrap_or_default();
    let (recipients, suppressed) = unsuppressed(app, customer, recipients, stream_type).await?;

    let email_id = new_id(now);
    let message_id = format!("{email_id}@{}", domain.name);
    let tracked = Tracked { app, customer, domain: &domain, request, email_id };
    let unsubscribe = (stream_type == StreamType::Broadcast).then(|| tracked.unsubscribe_url());

    // What is judged is what is sent, except that links lead where their author wants: with the text part that is made
    // from html, and with the headers of a broadcast.
    let text = content.text.clone().or_else(|| content.html.as_deref().map(text::from_html));
    let mut judged_headers = headers.as_slice().to_vec();
    if let Some(url) = &unsubscribe {
        judged_headers.push(("List-Unsubscribe".into(), format!("<{url}>")));
        judged_headers.push(("List-Unsubscribe-Post".into(), "List-Unsubscribe=One-Click".into()));
    }
    let judged = scoring::MessageToJudge {
        from: &from,
        reply_to: reply_to.as_ref(),
        to: &recipients.to,
        subject: &content.subject,
        html: content.html.as_deref(),
        text: text.as_deref(),
        headers: &judged_headers,
        attachments: &attachments,
    };
    let score = score(app, judged).await?;

    let html = content.html.as_deref().map(|html| tracked.html(html)).transpose()?;
    let to = std::slice::from_ref(&recipients.to);
    let raw = build::build(&Outgoing {
        message_id: &message_id,
        date_unix: send_at.unwrap_or(now) / 1_000,
        from: &from,
        to,
        cc: &recipients.cc,
        reply_to: reply_to.as_ref(),
        subject: &content.subject,
        text: text.as_deref(),
        html: html.as_deref(),
        attachments: &attachments,
        headers: headers.as_slice(),
        email_id: &email_id.to_string(),
        unsubscribe: unsubscribe.as_deref(),
        boundary_seed: &email_id.simple().to_string(),
    });

    let reply = SendReply {
        to: request.to.clone().unwrap_or_default(),
        submitted_at: rfc3339(now),
        email_id,
        message_id: message_id.clone(),
        status: if send_at.is_some() { "scheduled" } else { "queued" },
        score,
        suppressed,
    };
    let reply_text = serde_json::to_string(&reply).expect("a reply has text keys and serializes");
    let email = NewEmail {
        id: email_id,
        customer_id: customer.id,
        domain_id: domain.id,
        message_id,
        sender: from.address.to_string(),
        recipients: recipients.envelope(),
        subject: content.subject,
        tag,
        stream_type,
        metadata,
        score: reply.score.as_ref().map(|score| serde_json::to_string(score).expect("a score serializes")),
        raw,
        submitted_at: now,
        send_at,
    };
    let claim = idempotency
        .map(|Idempotency { key, request_hash }| Claim { key, request_hash, reply: reply_text.clone() });
    // A sandbox key and a live one differ only once mail can leave the machine; both end in the capture mailbox.
    tracing::debug!(email_id = %email_id, sandbox = key.sandbox, "email accepted");
    match app.store.queue_email(email, claim, customer.monthly_email_limit, app.ids(now)).await {
        Ok(Queued::Stored) => {
            app.queued.notify_one();
            Ok(Reply::ok(&reply))
        }
        Ok(Queued::Replayed(reply)) => Ok(replayed(reply)),
        Err(SendRefusal::MonthlyLimit) => Err(Error::TooMany {
            code: "monthly_limit_reached",
            message: "The account's monthly limit of emails is reached",
            retry_after_secs: None,
        }),
        Err(SendRefusal::IdempotencyMismatch) => Err(idempotency_mismatch()),
        Err(SendRefusal::Store(error)) => Err(error.into()),
    }
}

fn idempotency(head: &Head, body: &[u8]) -> Result<Option<Idempotency>> {
    let Some(value) = head.headers.get("idempotency-key") else { return Ok(None) };
    let key = value.to_str().ok().filter(|key| !key.is_empty() && key.len() <= IDEMPOTENCY_KEY_BYTES_MAX);
    let Some(key) = key else {
        let message = format!("Idempotency-Key must be 1 to {IDEMPOTENCY_KEY_BYTES_MAX} printable characters");
        return Err(Error::invalid(message));
    };
    Ok(Some(Idempotency { key: key.to_owned(), request_hash: sha256(body) }))
}

fn replayed(reply: String) -> Reply {
    Reply::new(http::StatusCode::OK, "application/json", reply)
        .with(http::HeaderName::from_static("idempotent-replayed"), HeaderValue::from_static("true"))
}

fn idempotency_mismatch() -> Error {
    Error::Refused {
        code: "idempotency_mismatch",
        message: "This Idempotency-Key was used for another request; use a new key for a new email".into(),
        findings: None,
    }
}

fn check_account(customer: &Customer) -> Result<()> {
    let refused = |code, message| Err(Error::Forbidden { error: message, code, message });
    match customer.status {
        CustomerStatus::Active => Ok(()),
        CustomerStatus::Suspended => refused("account_suspended", "The account is suspended and cannot send"),
        CustomerStatus::Pending => refused("account_pending", "The account is not active yet and cannot send"),
    }
}

fn mailbox(pointer: &str, text: &str) -> Result<Mailbox> {
    Mailbox::parse(text).map_err(|error| {
        let detail = crate::error::Detail { pointer: pointer.to_owned(), message: error.to_string() };
        Error::Invalid("Invalid email address".into(), vec![detail])
    })
}

fn mailboxes(pointer: &str, list: Option<&Vec<String>>) -> Result<Vec<Mailbox>> {
    let list = list.map(Vec::as_slice).unwrap_or_default();
    list.iter().enumerate().map(|(index, text)| mailbox(&format!("{pointer}/{index}"), text)).collect()
}

fn recipients(request: &SendRequest) -> Result<Recipients> {
    let Some(to) = &request.to else { return Err(Error::invalid_at("/to", "to is required")) };
    let further = [&request.cc, &request.bcc].into_iter().flatten().map(Vec::len).sum::<usize>();
    if further >= RECIPIENTS_MAX {
        return Err(Error::invalid(format!("An email has at most {RECIPIENTS_MAX} recipients: to, cc and bcc together")));
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
    Ok(Recipients { to, cc, bcc })
}

impl Recipients {
    fn envelope(&self) -> Vec<(String, RecipientRole)> {
        let with = |role: RecipientRole| move |mailbox: &Mailbox| (mailbox.address.to_string(), role);
        let to = std::iter::once(&self.to).map(with(RecipientRole::To));
        let cc = self.cc.iter().map(with(RecipientRole::Cc));
        to.chain(cc).chain(self.bcc.iter().map(with(RecipientRole::Bcc))).collect()
    }
}

/// Leaves out suppressed recipients. Without the `to` address there is nobody left to write to.
async fn unsuppressed(
    app: &App,
    customer: &Customer,
    mut recipients: Recipients,
    stream: StreamType,
) -> Result<(Recipients, Vec<Suppressed>)> {
    let addresses = recipients.envelope().into_iter().map(|(address, _)| address).collect();
    let found = app.store.suppressed(customer.id, addresses, stream).await?;
    let is_suppressed = |mailbox: &Mailbox| found.iter().any(|(address, _)| *address == mailbox.address.to_string());
    if is_suppressed(&recipients.to) {
        let causes: Vec<_> = found.iter().map(|(address, cause)| format!("{address} ({cause})")).collect();
        let message = format!("The recipient is suppressed: {}", causes.join(", "));
        return Err(Error::Refused { code: "recipient_suppressed", message, findings: None });
    }
    recipients.cc.retain(|mailbox| !is_suppressed(mailbox));
    recipients.bcc.retain(|mailbox| !is_suppressed(mailbox));
    let suppressed = found.into_iter().map(|(address, cause)| Suppressed { address, cause }).collect();
    Ok((recipients, suppressed))
}

fn content(request: &SendRequest) -> Result<Content> {
    let Some(subject) = &request.subject else { return Err(Error::invalid_at("/subject", "subject is required")) };
    if request.html.is_none() && request.text.is_none() {
        return Err(Error::invalid("html or text is required"));
    }
    let merged = |pointer: &str, template: &str, escape| match &request.vars {
        Some(vars) => merge(template, vars, escape).map_err(|error| Error::invalid_at(pointer, error.to_string())),
        None => Ok(template.to_owned()),
    };
    let subject = merged("/subject", subject, Escape::Line)?;
    if subject.len() > SUBJECT_BYTES_MAX {
        return Err(Error::invalid_at("/subject", format!("subject must be at most {SUBJECT_BYTES_MAX} bytes")));
    }
    if subject.chars().any(char::is_control) {
        return Err(Error::invalid_at("/subject", "subject must be one line without control characters"));
    }
    let html = request.html.as_deref().map(|html| merged("/html", html, Escape::Html)).transpose()?;
    let text = request.text.as_deref().map(|text| merged("/text", text, Escape::Plain)).transpose()?;
    Ok(Content { subject, html, text })
}

/// The author and the verified domain that the email is sent from.
async fn author(app: &App, customer: &Customer, request: &SendRequest) -> Result<(Mailbox, Domain)> {
    let from = request.from.as_deref().map(|text| mailbox("/from", text)).transpose()?;
    let wanted = match (&request.domain, &from) {
        (Some(domain), _) => {
            let name = crate::mail::address::DomainName::parse(domain);
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

fn tag(request: &SendRequest) -> Result<Option<String>> {
    let good = |tag: &String| tag.chars().count() <= TAG_CHARS_MAX && !tag.chars().any(char::is_control);
    match &request.tag {
        Some(tag) if !good(tag) => {
            Err(Error::invalid_at("/tag", format!("tag must be one line of at most {TAG_CHARS_MAX} characters")))
        }
        tag => Ok(tag.clone().filter(|tag| !tag.is_empty())),
    }
}

fn metadata(request: &SendRequest) -> Result<Option<String>> {
    let Some(metadata) = &request.metadata else { return Ok(None) };
    let text = serde_json::to_string(metadata).expect("JSON that was read can be written");
    if text.len() > METADATA_BYTES_MAX {
        return Err(Error::invalid_at("/metadata", format!("metadata must be at most {METADATA_BYTES_MAX} bytes of JSON")));
    }
    Ok(Some(text))
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

async fn score(app: &App, message: scoring::MessageToJudge<'_>) -> Result<Option<ScoreSummary>> {
    if app.config.scoring_policy == ScoringPolicy::Off {
        return Ok(None);
    }
    let Some(judgement) = scoring::judge(app, message.into_message()).await else { return Ok(None) };
    if app.config.scoring_policy == ScoringPolicy::Enforce && judgement.is_reject() {
        return Err(Error::Refused {
            code: "content_rejected",
            message: "The content is likely to be taken for spam; see the findings".into(),
            findings: Some(judgement.findings_json()),
        });
    }
    Ok(Some(judgement.summary()))
}

/// What tracking needs to know of an email.
struct Tracked<'a> {
    app: &'a App,
    customer: &'a Customer,
    domain: &'a Domain,
    request: &'a SendRequest,
    email_id: Uuid,
}

impl Tracked<'_> {
    fn html(&self, html: &str) -> Result<String> {
        let Self { customer, domain, request, .. } = self;
        let switch = |asked: Option<bool>, domain: Option<bool>, account: bool| {
            asked.unwrap_or_else(|| domain.unwrap_or(account && customer.tracking_enabled))
        };
        let opens = switch(request.track_opens, domain.open_tracking_enabled, customer.open_tracking_enabled);
        let clicks = switch(request.track_clicks, domain.click_tracking_enabled, customer.click_tracking_enabled);
        if !opens && !clicks {
            return Ok(html.to_owned());
        }
        let pixel = opens.then(|| self.url("o", Purpose::Open, 0, None)).flatten();
        let mut link = 0;
        let mut tracked = |destination: &str| {
            let url = self.url("c", Purpose::Click, link, Some(destination));
            link += u32::from(url.is_some());
            url.filter(|_| clicks)
        };
        links::track(html, &mut tracked, pixel.as_deref())
            .map_err(|error| Error::invalid_at("/html", error.to_string()))
    }

    fn unsubscribe_url(&self) -> String {
        self.url("u", Purpose::Unsubscribe, 0, None).expect("a token without a destination can be sealed")
    }

    /// `None` for a destination that cannot be tracked: the link then stays as it is.
    fn url(&self, kind: &str, purpose: Purpose, link: u32, destination: Option<&str>) -> Option<String> {
        let claims = Claims { email_id: self.email_id, link, destination: destination.map(str::to_owned) };
        let token = self.app.tokens.seal(&claims, purpose).ok()?;
        Some(format!("{}/track/{kind}/{token}", self.app.config.base_url()))
    }
}
