//! Recorded inputs as a command gets them: a page at a time, bounded in number and in bytes, and open to read.

use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use crate::app::App;
use crate::control::{Bytes, Outcome};
use crate::inbox;
use crate::plugins::{World, normalizer, scorer};
use crate::store::{Page, ReceivedNotification, Recording};

/// Inputs of one page at most, whatever is asked for.
pub const ROWS_MAX: i64 = 500;
/// Bytes of the inputs of one page, before they travel in base64. A single input is given in any case: none is larger
/// than a webhook takes or the recorder keeps.
pub const BYTES_MAX: i64 = 8 * 1024 * 1024;

/// A page of recorded inputs, newest first.
#[derive(Debug, Deserialize, Serialize)]
pub struct RecordedPage {
    /// In order.
    pub inputs: Vec<RecordedInput>,
    /// Where the next page begins; absent after the last.
    pub next: Option<Uuid>,
}

/// One recorded input.
#[derive(Debug, Deserialize, Serialize)]
pub struct RecordedInput {
    /// Of the recording or of the notification.
    pub id: Uuid,
    /// Milliseconds since 1970.
    pub recorded_at: i64,
    /// `name@version` of the plugin that was asked.
    pub plugin: Option<String>,
    /// What was judged then, by a scorer that answered.
    pub spam_score: Option<f64>,
    /// What the plugin was given, or why that cannot be read any more.
    pub content: Result<Content, String>,
}

/// What a plugin was given.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Content {
    /// JSON of a scorer's message.
    Message(Bytes),
    /// A normalizer's request.
    Request {
        /// As it came.
        content_type: String,
        /// Those that the normalizer was shown.
        headers: Vec<(String, String)>,
        /// As it came.
        body: Bytes,
        /// Milliseconds since 1970.
        received_at: i64,
        /// What it is told besides: which way it came, and what the source's settings say.
        attributes: Vec<(String, String)>,
    },
}

/// What a plugin can be called with.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// For a scorer.
    Message(scorer::Message),
    /// For a normalizer.
    Request(normalizer::Request),
}

impl Content {
    /// What the plugin gets, or a sentence that says what is wrong with it.
    pub fn into_input(self) -> Result<Input, String> {
        match self {
            Content::Message(json) => {
                let message = serde_json::from_slice(&json.0);
                message.map(Input::Message).map_err(|error| format!("it is no message: {error}"))
            }
            Content::Request { content_type, headers, body, received_at, attributes } => {
                let received_at = u64::try_from(received_at).unwrap_or(0);
                Ok(Input::Request(normalizer::Request { content_type, headers, body: body.0, received_at, attributes }))
            }
        }
    }
}

/// Reads a page where the data is.
pub(crate) async fn page(app: &App, world: World, before: Option<Uuid>, since: i64, limit: i64) -> Outcome {
    let page = Page { before, since, rows_max: limit.clamp(1, ROWS_MAX), bytes_max: BYTES_MAX };
    let (inputs, more) = match world {
        World::Scorer => {
            let (rows, more) = app.store.recordings(page).await.map_err(|error| error.to_string())?;
            (rows.into_iter().map(|row| message(app, row)).collect::<Vec<_>>(), more)
        }
        World::Normalizer => {
            let (rows, more) = app.store.received_notifications(page).await.map_err(|error| error.to_string())?;
            (rows.into_iter().map(request).collect(), more)
        }
    };
    let next = inputs.last().filter(|_| more).map(|last| last.id);
    Ok(json!(RecordedPage { inputs, next }))
}

fn message(app: &App, row: Recording) -> RecordedInput {
    let Recording { id, recorded_at, protection, input, spam_score, plugin } = row;
    let content = app.recorder.open(id, protection, input);
    let content = content.map(|json| Content::Message(Bytes(json))).map_err(str::to_owned);
    RecordedInput { id, recorded_at, plugin, spam_score, content }
}

fn request(row: ReceivedNotification) -> RecordedInput {
    let ReceivedNotification { id, received_at, content_type, body, plugin, .. } = row;
    let headers = serde_json::from_str(&row.headers).unwrap_or_default();
    let settings: Vec<_> = serde_json::from_str(&row.settings).unwrap_or_default();
    let attributes = inbox::attributes(&row.source, row.is_source, row.provider.as_deref(), &settings);
    let content = Ok(Content::Request { content_type, headers, body: Bytes(body), received_at, attributes });
    RecordedInput { id, recorded_at: received_at, plugin, spam_score: None, content }
}
