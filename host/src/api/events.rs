//! Events: what happened to emails. Two switches of the account open them.

pub(crate) mod stream;

use serde::Serialize;
use serde_json::Value as Json;
use utoipa::ToSchema;
use uuid::Uuid;

use super::emails::NO_SUCH_EMAIL;
use super::query::{LIMIT_MAX, PageParameters, Pagination, Query};
use super::time::rfc3339;
use super::{csv, export};
use crate::app::App;
use crate::error::{Error, Result};
use crate::mail::event::{EmailStatus, EventType, PrivacyLevel, redact, summary};
use crate::pages;
use crate::reply::Reply;
use crate::request::Head;
use crate::store::{Customer, Event, EventFilter, Store};

/// Most events shown of one email. An email that was opened more often still has all of them in the list.
const EVENTS_OF_EMAIL_MAX: i64 = 10_000;

/// Events, newest first.
#[derive(Serialize, ToSchema)]
pub(crate) struct EventsReply {
    events: Vec<EventView>,
    pagination: Pagination,
    /// Give it as `cursor` to get the next page. Absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<Uuid>,
}

/// What happened to one email, in order.
#[derive(Serialize, ToSchema)]
pub(crate) struct EmailEventsReply {
    email_id: Uuid,
    events: Vec<EventView>,
    timeline: Vec<TimelineEntry>,
}

/// One event.
#[derive(Serialize, ToSchema)]
pub(crate) struct EventView {
    id: Uuid,
    email_id: Uuid,
    customer_id: Uuid,
    /// `queued`, `sent`, `delivered`, `bounced`, `complained`, `opened`, `clicked`, `unsubscribed`.
    #[schema(value_type = String, example = "opened")]
    event_type: EventType,
    /// The email's status after it.
    #[schema(value_type = String, example = "delivered")]
    status: EmailStatus,
    recipient: String,
    from: String,
    timestamp: String,
    /// What else is known, with the email's `metadata`, cut down to the account's privacy level.
    #[schema(value_type = Object)]
    event_data: Json,
    created_at: String,
}

/// An event as a line of a story.
#[derive(Serialize, ToSchema)]
struct TimelineEntry {
    #[schema(value_type = String, example = "opened")]
    event_type: EventType,
    timestamp: String,
    /// Milliseconds since the first event.
    elapsed_ms: i64,
    summary: String,
    #[schema(value_type = Object)]
    details: Json,
}

/// A customer's events. `Accept: application/x-ndjson` or `text/csv` gives all that match instead of a page, newest first;
/// one that was broken off goes on with the id of its last event as `cursor`.
#[utoipa::path(get, path = "/api/v1/events", tag = "Events", responses((status = 200, body = EventsReply)),
    params(
        ("email_id" = Option<Uuid>, Query, description = "Only of this email"),
        ("type" = inline(Option<EventType>), Query, description = "Only of this type"),
        ("recipient" = Option<String>, Query, description = "Only to addresses that contain this"),
        ("from" = Option<String>, Query, description = "Only from addresses that contain this"),
        ("from_timestamp" = Option<String>, Query, format = DateTime, description = "Only then or later (RFC 3339)"),
        ("to_timestamp" = Option<String>, Query, format = DateTime, description = "Only then or before (RFC 3339)"),
        PageParameters,
    ))]
pub(crate) async fn list(app: &App, customer: &Customer, head: &Head) -> Result<Reply> {
    check_switches(customer)?;
    let query = Query::parse(&head.query);
    let page = query.page()?;
    let mut filter = EventFilter {
        email_id: query.id("email_id", "the id of an email")?,
        event_type: query.read("type", "an event type such as delivered", EventType::parse)?,
        recipient: query.text("recipient").map(str::to_owned),
        sender: query.text("from").map(str::to_owned),
        from: query.moment("from_timestamp")?,
        to: query.moment("to_timestamp")?,
        before: page.cursor,
        offset: page.offset(),
        limit: page.limit_and_one(),
        counted: true,
    };
    if let Some(format) = ExportFormat::asked_for(head) {
        // A cursor goes on behind the last line of an export that was broken off.
        (filter.offset, filter.limit, filter.counted) = (0, LIMIT_MAX, false);
        return Ok(export(app.store.clone(), customer, filter, format));
    }
    let mut found = app.store.events(customer.id, filter).await?;
    let next_cursor = page.cut(&mut found.events, |event| event.id);
    let events = found.events.into_iter().map(|event| view(event, customer.privacy_level)).collect();
    let pagination = Pagination { total_is_least: found.is_least, ..page.pagination(found.total) };
    Ok(Reply::ok(&EventsReply { events, pagination, next_cursor }))
}

/// What happened to one of the customer's emails.
#[utoipa::path(get, path = "/api/v1/emails/{email_id}/events", tag = "Events",
    params(("email_id" = Uuid, Path)), responses((status = 200, body = EmailEventsReply)))]
pub(crate) async fn of_email(app: &App, customer: &Customer, email_id: &str) -> Result<EmailEventsReply> {
    check_switches(customer)?;
    let Ok(email_id) = email_id.parse() else { return Err(Error::NotFound(NO_SUCH_EMAIL)) };
    let events = app.store.events_of_email(customer.id, email_id, EVENTS_OF_EMAIL_MAX).await?;
    let events = events.ok_or(Error::NotFound(NO_SUCH_EMAIL))?;
    let began_at = events.first().map_or(0, |event| event.occurred_at);
    let timeline = events.iter().map(|event| entry(event, began_at, customer.privacy_level)).collect();
    let events = events.into_iter().map(|event| view(event, customer.privacy_level)).collect();
    Ok(EmailEventsReply { email_id, events, timeline })
}

pub(crate) fn check_switches(customer: &Customer) -> Result<()> {
    let refused = |error, message| Err(Error::Forbidden { error, code: error, message });
    if !customer.enable_event_tracking {
        return refused("event_tracking_disabled", "Event tracking is not enabled for this account");
    }
    if !customer.enable_event_api {
        return refused("event_api_disabled", "The Events API is not enabled for this account");
    }
    Ok(())
}

pub(crate) fn view(event: Event, privacy: PrivacyLevel) -> EventView {
    let mut event_data = event.data;
    if let Some(metadata) = event.metadata {
        event_data["metadata"] = metadata;
    }
    redact(privacy, &mut event_data);
    EventView {
        id: event.id,
        email_id: event.email_id,
        customer_id: event.customer_id,
        event_type: event.event_type,
        status: event.status,
        recipient: event.recipient,
        from: event.sender,
        timestamp: rfc3339(event.occurred_at),
        event_data,
        created_at: rfc3339(event.created_at),
    }
}

/// An event as a page shows it.
pub(crate) fn line(event: &Event, privacy: PrivacyLevel) -> pages::dashboard::Happened {
    let mut details = event.data.clone();
    redact(privacy, &mut details);
    pages::dashboard::Happened {
        id: event.id.to_string(),
        event_type: event.event_type.as_str(),
        at: rfc3339(event.occurred_at),
        recipient: event.recipient.clone(),
        summary: summary(event.event_type, &details),
    }
}

fn entry(event: &Event, began_at: i64, privacy: PrivacyLevel) -> TimelineEntry {
    let mut details = event.data.clone();
    redact(privacy, &mut details);
    TimelineEntry {
        event_type: event.event_type,
        timestamp: rfc3339(event.occurred_at),
        elapsed_ms: (event.occurred_at - began_at).max(0),
        summary: summary(event.event_type, &details),
        details,
    }
}

#[derive(Clone, Copy)]
enum ExportFormat {
    Ndjson,
    Csv,
}

impl ExportFormat {
    fn asked_for(head: &Head) -> Option<Self> {
        if export::is_wanted(&head.headers, "application/x-ndjson") {
            Some(Self::Ndjson)
        } else if export::is_wanted(&head.headers, "text/csv") {
            Some(Self::Csv)
        } else {
            None
        }
    }

    fn content_type(self) -> &'static str {
        match self {
            Self::Ndjson => "application/x-ndjson",
            Self::Csv => "text/csv; charset=utf-8; header=present",
        }
    }

    fn head(self) -> &'static str {
        match self {
            Self::Ndjson => "",
            Self::Csv => "id,email_id,customer_id,event_type,status,recipient,from,timestamp,event_data,created_at\r\n",
        }
    }

    fn line(self, event: &EventView) -> String {
        match self {
            Self::Ndjson => serde_json::to_string(event).expect("an event has text keys and serializes") + "\n",
            Self::Csv => {
                let (id, email, customer) = (event.id, event.email_id, event.customer_id);
                let (event_type, status) = (event.event_type.as_str(), event.status.as_str());
                let (recipient, from, data) =
                    (quoted(&event.recipient), quoted(&event.from), quoted(&event.event_data.to_string()));
                let (at, created_at) = (&event.timestamp, &event.created_at);
                format!("{id},{email},{customer},{event_type},{status},{recipient},{from},{at},{data},{created_at}\r\n")
            }
        }
    }
}

/// A field in quotes.
fn quoted(field: &str) -> String {
    format!("\"{}\"", csv::guarded(field).replace('"', "\"\""))
}

/// Streams everything that matches.
fn export(store: Store, customer: &Customer, filter: EventFilter, format: ExportFormat) -> Reply {
    let (customer_id, privacy) = (customer.id, customer.privacy_level);
    export::stream(format.content_type(), format.head(), filter, move |mut filter| {
        let store = store.clone();
        async move {
            let page = store.events(customer_id, filter.clone()).await?.events;
            filter.before = page.last().map(|event| event.id);
            let full = i64::try_from(page.len()).is_ok_and(|length| length == LIMIT_MAX);
            let text = page.into_iter().map(|event| format.line(&view(event, privacy))).collect();
            Ok((text, full.then_some(filter)))
        }
    })
}
