//! The captured mail: a list, a message, its html in a frame, its source and files.

use http::StatusCode;
use http::header::{CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, HeaderValue};
use serde_json::Value as Json;
use uuid::Uuid;

use super::{page, page_number, pages};
use crate::api::time::rfc3339;
use crate::app::App;
use crate::mail::parsed::{ParsedAttachment, ParsedMessage, attachment_content};
use crate::pages::mailbox;
use crate::reply::Reply;
use crate::store::{Captured, Event, StoreError};

/// Images that a browser shows without running anything.
const IMAGE_TYPES: &[&str] = &["image/png", "image/jpeg", "image/gif", "image/webp"];
/// Rows of a page of the mailbox.
const ROWS: i64 = 50;

/// What stands under `/mailbox`.
pub(super) async fn serve(app: &App, path: &[&str], query: &str) -> Result<Reply, StoreError> {
    match path {
        [] => list(app, query).await,
        [id] => with_captured(app, id, |captured, parsed| show(captured, parsed, query)).await,
        [id, "html"] => with_captured(app, id, frame).await,
        [id, "source"] => with_captured(app, id, |captured, _| source(captured)).await,
        [id, "attachments", index] => {
            with_captured(app, id, |captured, parsed| attachment(captured, parsed, index)).await
        }
        _ => Ok(missing()),
    }
}

/// For an address that leads to nothing.
pub(super) fn missing() -> Reply {
    page(StatusCode::NOT_FOUND, mailbox::missing())
}

async fn list(app: &App, query: &str) -> Result<Reply, StoreError> {
    let number = page_number(query);
    let (rows, total) = app.store.captured((number - 1).saturating_mul(ROWS), ROWS).await?;
    let rows = rows.into_iter().map(|row| mailbox::Row {
        id: row.email_id.to_string(),
        at: rfc3339(row.captured_at),
        from: row.sender,
        to: row.recipient,
        subject: row.subject,
        customer: row.customer,
        status: row.status.as_str().to_owned(),
    });
    let view = mailbox::ListView {
        rows: rows.collect(),
        page: u64::try_from(number).unwrap_or(1),
        pages: pages(total, ROWS),
        total: u64::try_from(total).unwrap_or(0),
        send_url: format!("{}/api/send", app.config.base_url()),
    };
    Ok(page(StatusCode::OK, mailbox::list(&view)))
}

async fn with_captured(
    app: &App,
    id: &str,
    show: impl FnOnce(&Captured, &ParsedMessage) -> Reply,
) -> Result<Reply, StoreError> {
    let Ok(id) = id.parse::<Uuid>() else { return Ok(missing()) };
    let Some(captured) = app.store.captured_email(id).await? else { return Ok(missing()) };
    let parsed = ParsedMessage::parse(&captured.raw).unwrap_or_default();
    Ok(show(&captured, &parsed))
}

fn show(captured: &Captured, parsed: &ParsedMessage, query: &str) -> Reply {
    let summary = &captured.summary;
    let view = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "view").map(|(_, value)| value);
    let shown = |(name, email): &(String, String)| match name.as_str() {
        "" => email.clone(),
        name => format!("{name} <{email}>"),
    };
    let header = |wanted: &str| {
        let found = parsed.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case(wanted));
        found.map(|(_, value)| value.clone()).collect::<Vec<_>>()
    };
    let began_at = captured.events.first().map_or(0, |event| event.occurred_at);
    let page_view = mailbox::MessageView {
        id: summary.email_id.to_string(),
        subject: summary.subject.clone(),
        from: parsed.from.as_ref().map_or_else(|| summary.sender.clone(), shown),
        to: parsed.to.iter().map(shown).collect(),
        cc: header("cc"),
        at: rfc3339(summary.captured_at),
        size_bytes: captured.raw.len() as u64,
        customer: summary.customer.clone(),
        status: summary.status.as_str().to_owned(),
        view: view.unwrap_or_default().into_owned(),
        has_html: parsed.html.is_some(),
        text: parsed.text.clone(),
        source: String::from_utf8_lossy(&captured.raw).into_owned(),
        attachments: parsed.attachments.iter().map(attachment_view).collect(),
        events: captured.events.iter().map(|event| timeline_event(event, began_at)).collect(),
    };
    page(StatusCode::OK, mailbox::show(&page_view))
}

fn attachment_view(file: &ParsedAttachment) -> mailbox::Attachment {
    mailbox::Attachment {
        filename: file.filename.clone(),
        content_type: file.content_type.clone(),
        size_bytes: file.size as u64,
        inline: file.inline,
    }
}

fn timeline_event(event: &Event, began_at: i64) -> mailbox::TimelineEvent {
    let details = event.data.as_object().into_iter().flatten();
    let text = |value: &Json| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    mailbox::TimelineEvent {
        event_type: event.event_type.as_str().to_owned(),
        at: rfc3339(event.occurred_at),
        elapsed_ms: u64::try_from(event.occurred_at - began_at).unwrap_or(0),
        recipient: event.recipient.clone(),
        details: details.map(|(name, value)| (name.clone(), text(value))).collect(),
    }
}

/// The html of a captured email, for the sandboxed frame. Nothing in it may run or be fetched from elsewhere.
fn frame(captured: &Captured, parsed: &ParsedMessage) -> Reply {
    let Some(html) = &parsed.html else { return missing() };
    let files = parsed.attachments.iter().enumerate();
    let inline: Vec<_> = files.filter_map(|(index, file)| Some((index, file.content_id.clone()?))).collect();
    let document = mailbox::html_document(html, &captured.summary.email_id.to_string(), &inline);
    Reply::html(StatusCode::OK, document, mailbox::FRAME_POLICY)
}

fn source(captured: &Captured) -> Reply {
    Reply::new(StatusCode::OK, "text/plain; charset=utf-8", captured.raw.clone())
}

/// A file of a captured email, to download. Only an image may also be shown, inside the frame.
fn attachment(captured: &Captured, parsed: &ParsedMessage, index: &str) -> Reply {
    let found = index
        .parse::<usize>()
        .ok()
        .and_then(|index| Some((parsed.attachments.get(index)?, attachment_content(&captured.raw, index)?)));
    let Some((file, content)) = found else { return missing() };
    let image = IMAGE_TYPES.iter().find(|known| **known == file.content_type).filter(|_| file.inline);
    Reply::new(StatusCode::OK, image.copied().unwrap_or("application/octet-stream"), content)
        .with(CONTENT_DISPOSITION, disposition(&file.filename))
        .with(CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox; default-src 'none'"))
}

/// Asks the browser to save the file under its name (RFC 6266), whatever characters that has.
fn disposition(filename: &str) -> HeaderValue {
    let encoded: String = form_urlencoded::byte_serialize(filename.as_bytes()).collect();
    let value = format!("attachment; filename*=UTF-8''{}", encoded.replace('+', "%20"));
    HeaderValue::from_str(&value).unwrap_or(HeaderValue::from_static("attachment"))
}
