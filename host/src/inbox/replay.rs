//! Reading rows again, after a plugin has changed.

use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::{Answer, Outcome, ask, settle};
use crate::app::App;
use crate::store::{Arrived, InboxState, Reading, StoreError};

/// What became of a row that was read again.
pub(super) struct Replayed {
    id: Uuid,
    before: InboxState,
    /// `None` where nothing was written.
    after: Option<InboxState>,
    /// Whether the normalizer says something else than before.
    differs: bool,
    /// Events that are new.
    pub(super) accepted: usize,
    /// Why it could not be read now. The row is as it was.
    pub(super) failed: Option<String>,
}

impl Replayed {
    /// Whether the row is another than before.
    pub(super) fn changed(&self) -> bool {
        self.differs || self.after.is_some_and(|after| after != self.before)
    }

    pub(super) fn view(&self) -> Json {
        json!({ "id": self.id, "before": self.before.as_str(), "after": self.after.map(InboxState::as_str),
            "differs": self.differs, "accepted": self.accepted, "error": self.failed })
    }
}

/// Has a row read again. In a dry run nothing is written, and it only says whether the normalizer says the same.
pub(super) async fn again(app: &App, arrived: Arrived, dry_run: bool) -> Result<Replayed, StoreError> {
    let (id, before, outcome) = (arrived.arrival.id, arrived.state, arrived.outcome.clone());
    let unread = |failed: Option<String>| Replayed { id, before, after: None, differs: false, accepted: 0, failed };
    let reading = match ask(app, &arrived).await {
        Answer::Reading(reading) => reading,
        Answer::Invalid(problem) => super::unparsed(&problem, None),
        Answer::NotNow(why) => return Ok(unread(Some(why))),
    };
    let differs = !says(&reading, &outcome);
    if dry_run {
        let after = if differs { None } else { Some(before) };
        return Ok(Replayed { id, before, after, differs, accepted: 0, failed: None });
    }
    Ok(match settle(app, arrived, reading).await? {
        Outcome::Settled { state, counts, .. } => {
            Replayed { id, before, after: Some(state), differs, accepted: counts.accepted, failed: None }
        }
        // It was dropped meanwhile.
        Outcome::Invalid(_) | Outcome::Later => unread(None),
    })
}

/// Whether it is the same as before, however it was written.
fn says(reading: &Reading, before: &str) -> bool {
    let json = |text: &str| serde_json::from_str::<Json>(text).ok();
    reading.outcome == before || json(&reading.outcome) == json(before)
}
