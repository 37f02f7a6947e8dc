//! Judging stored opens and clicks again, with the rules in effect.

use serde_json::{Value as Json, json};

use crate::accounts;
use crate::app::App;
use crate::control::Outcome;
use crate::store::{Reclassification, Reclassified};

/// Judges one part and says where the next one begins.
pub(crate) async fn part(app: &App, after: i64, since: i64, customer: Option<&str>, dry_run: bool) -> Outcome {
    let customer = match customer {
        Some(email) => Some(accounts::find(app, email).await?.id),
        None => None,
    };
    let wanted = Reclassification { after, since, customer, dry_run };
    let done = app.store.reclassify(wanted, app.client_rules.now()).await.map_err(|error| error.to_string())?;
    Ok(view(&done))
}

fn view(done: &Reclassified) -> Json {
    let moved = done.moved.iter().map(|((from, to), count)| json!({ "from": from, "to": to, "count": count }));
    json!({ "next": done.next, "last": done.last, "judged": done.judged, "revised": done.revised,
        "moved": moved.collect::<Vec<_>>() })
}
