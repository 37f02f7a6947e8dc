//! Takes a domain away, with the mail that waits to be sent from it.

use super::tracking;
use crate::app::App;
use crate::store::{Domain, StoreError};

/// What mail of a domain that is gone is told.
pub(crate) const GONE: &str = "the domain that it was to be sent from was deleted";

/// Rows of the queue that one unit of work looks at, so that a long queue keeps nobody waiting.
const PART_ROWS_MAX: i64 = 2_000;

/// Takes a domain away and fails what waits to be sent from it. Says how many copies that were; `None` when the domain was
/// gone already.
///
/// A copy that is being handed over ends by itself. When this is broken off, the rest fails when its time comes.
pub(crate) async fn remove(app: &App, domain: &Domain) -> Result<Option<usize>, StoreError> {
    let now = app.now();
    if !app.store.remove_domain(domain.id, now, app.ids(now)).await? {
        return Ok(None);
    }
    app.signers.forget(domain.id);
    // Links of mail that was sent lead on for as long as their name leads here.
    tracking::retire(app, domain.id).await?;
    let (mut failed, mut after) = (0, None);
    loop {
        let store = &app.store;
        let part = store.fail_queue_of_domain(domain.id, after, PART_ROWS_MAX, GONE, now, app.ids(now)).await?;
        failed += part.failed;
        let Some(last) = part.last else { break };
        after = Some(last);
    }
    tracing::info!(domain = %domain.id, failed, "domain deleted");
    Ok(Some(failed))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::config::Config;
    use crate::delivery::deliver_due;
    use crate::delivery::outlet::OutletKind;
    use crate::domains::keys::Algorithms;
    use crate::domains::new::{self, NewDomain};
    use crate::{accounts, registry, sendmail};

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn what_a_removal_that_was_broken_off_left_behind_fails_when_its_time_comes() {
        let directory = tempfile::tempdir().expect("a directory is made");
        let data_dir = directory.path().to_str().expect("the path is text").to_owned();
        let variable = |name: &str| (name == "PILLARBOX_DATA_DIR").then(|| data_dir.clone());
        let config = Config::read(&variable, None).expect("the settings are good");
        let app = App::open(config, Arc::new(|| 1_710_513_000_000)).expect("the application opens");
        registry::start(&app).await.expect("the built-in plugins start");
        let app = Arc::new(app);
        accounts::create(&app, "Acme", "acme@example.org", true).await.expect("it is made");
        let customer = accounts::find(&app, "acme@example.org").await.expect("it is there");
        let new = NewDomain {
            name: "acme.example".into(),
            selector: None,
            algorithms: Algorithms::Ed25519,
            assume_verified: true,
            outlet: Some(OutletKind::Capture),
        };
        let domain = new::add(&app, &customer, new).await.expect("it is added");
        let message = b"From: news@acme.example\r\nTo: ada@example.com\r\nSubject: Hello\r\n\r\nHello\r\n";
        for _ in 0..3 {
            sendmail::send(&app, None, &[], message).await.expect("it is queued");
        }
        let queued = sendmail::send(&app, None, &[], message).await.expect("it is queued");
        let id = queued["email_id"].as_str().and_then(|id| id.parse().ok()).expect("it has an id");
        assert!(app.store.remove_domain(domain.id, app.now(), app.ids(app.now())).await.expect("it is removed"));

        // Three of the four fail in parts of at most two rows; that of the last is left to the worker.
        let part = async |after, rows_max| {
            let (store, now) = (&app.store, app.now());
            store.fail_queue_of_domain(domain.id, after, rows_max, GONE, now, app.ids(now)).await.expect("it is done")
        };
        let first = part(None, 2).await;
        assert!(first.failed == 2 && first.last.is_some(), "there may be more: {first:?}");
        let second = part(first.last, 1).await;
        assert!(second.failed == 1 && second.last.is_some(), "{second:?}");
        deliver_due(&app).await.expect("the queue is worked on");
        let events = app.store.events_of_email(customer.id, id, 10).await.expect("they are read");
        let events = events.expect("the email is there");
        let last = events.last().expect("it has events");
        assert_eq!(last.event_type.as_str(), "failed");
        assert!([&last.data["reason"], &last.data["response"]].contains(&&serde_json::json!(GONE)), "{:?}", last.data);
        let rest = part(None, 2).await;
        assert!(rest.failed == 0 && rest.last.is_none(), "nothing is left: {rest:?}");
    }
}
