//! Events for the command line: the latest, and those that were recorded since.

use serde_json::{Value as Json, json};
use uuid::Uuid;

use crate::accounts::{self, failed};
use crate::api::events::{line, view};
use crate::app::App;
use crate::control::Outcome;
use crate::mail::event::{EventType, PrivacyLevel};
use crate::store::{Customer, Event, EventFilter};

/// Rows that are looked through for the latest events of all customers.
const ROWS_MAX: i64 = 100_000;
/// Events that are read at once by who follows.
const PAGE_EVENTS: i64 = 500;

/// Which events to tell, as the command has it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wanted {
    /// The address of a customer; all when there is none.
    pub(crate) customer: Option<String>,
    pub(crate) event_type: Option<EventType>,
    pub(crate) email_id: Option<Uuid>,
    /// A part of the recipient.
    pub(crate) recipient: Option<String>,
}

impl Wanted {
    fn matches(&self, event: &Event) -> bool {
        self.event_type.is_none_or(|wanted| wanted == event.event_type)
            && self.email_id.is_none_or(|wanted| wanted == event.email_id)
            && self.recipient.as_ref().is_none_or(|part| event.recipient.contains(&part.to_lowercase()))
    }

    async fn whose(&self, app: &App) -> Result<Option<Customer>, String> {
        match &self.customer {
            Some(email) => accounts::find(app, email).await.map(Some),
            None => Ok(None),
        }
    }
}

/// The latest events, the oldest of them first, and the place to follow from.
pub(crate) async fn latest(app: &App, wanted: Wanted, limit: i64) -> Outcome {
    let customer = wanted.whose(app).await?;
    // Read first: an event that comes meanwhile may be told twice by who follows, and none is left out.
    let last = app.store.last_event_row().await.map_err(failed)?;
    let Wanted { event_type, email_id, recipient, .. } = wanted;
    let mut events = if let Some(customer) = &customer {
        let filter = EventFilter { email_id, event_type, recipient, limit, ..EventFilter::default() };
        app.store.events(customer.id, filter).await.map_err(failed)?.events
    } else {
        let rows = app.store.latest_events(event_type, email_id, recipient, (ROWS_MAX, limit));
        rows.await.map_err(failed)?
    };
    events.reverse();
    let told: Vec<_> = events.into_iter().map(|event| tell(event, customer.as_ref())).collect();
    Ok(json!({ "events": told, "next": last }))
}

/// Events after a place, in the order in which they were recorded, and where to go on.
pub(crate) async fn since(app: &App, wanted: Wanted, after: i64) -> Outcome {
    let customer = wanted.whose(app).await?;
    let id = customer.as_ref().map(|customer| customer.id);
    let arrived = app.store.events_arrived(id, after, PAGE_EVENTS).await.map_err(failed)?;
    let events = arrived.events.into_iter().map(|arrived| arrived.event).filter(|event| wanted.matches(event));
    let told: Vec<_> = events.map(|event| tell(event, customer.as_ref())).collect();
    Ok(json!({ "events": told, "next": arrived.next, "is_all": arrived.is_all }))
}

/// As the API shows it, with the sentence of a timeline. What is of all customers says nothing that any of them hides.
fn tell(event: Event, customer: Option<&Customer>) -> Json {
    let privacy = customer.map_or(PrivacyLevel::Minimal, |customer| customer.privacy_level);
    let summary = line(&event, privacy).summary;
    let mut told = serde_json::to_value(view(event, privacy)).expect("an event has text keys and serializes");
    told["summary"] = summary.into();
    told
}
