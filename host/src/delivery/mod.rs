//! From the queue to an outlet.
//!
//! One worker leases what is due, hands each copy over on a task of its own, and records what came of it. How much is
//! under way is bounded in all and for each destination, so that a slow server holds up nobody else's mail.

mod agenda;
pub mod attempt;
pub(crate) mod desk;
pub mod dkim;
mod hand_over;
pub mod outlet;
pub(crate) mod retry;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::{self, JoinSet};
use tokio::time::sleep;

use self::agenda::{Agenda, Bounds};
use self::hand_over::{Handed, hand_over};
use self::outlet::OutletKind;
use crate::app::App;
use crate::server::Shutdown;
use crate::store::{Ending, Handover, Heard, Leased, StoreError};

/// How long a lease lasts, in milliseconds: longer than any attempt.
const LEASE_MS: i64 = 30 * 60 * 1_000;
/// The longest sleep while something is scheduled, so that a clock that was set is noticed.
const LOOK_AGAIN: Duration = Duration::from_secs(30);
/// The pause after the store failed.
const PAUSE: Duration = Duration::from_secs(1);
/// What the attempt record of captured mail says.
const CAPTURED: (&str, u16, &str) = ("capture", 250, "250 2.0.0 kept in the capture mailbox");

/// Hands over what is due until the service stops. What is left is in the queue at the next start.
pub async fn run(app: Arc<App>, mut shutdown: watch::Receiver<Shutdown>) {
    let mut worker = loop {
        match Worker::start(&app).await {
            Ok(worker) => break worker,
            Err(error) => tracing::error!(%error, "the queue could not be opened"),
        }
        tokio::select! {
            () = sleep(PAUSE) => {}
            _ = shutdown.wait_for(|step| *step >= Shutdown::Drain) => return,
        }
    };
    loop {
        let pause = match worker.round().await {
            Ok(()) => worker.pause(),
            Err(error) => {
                tracing::error!(%error, "the queue could not be worked on");
                PAUSE
            }
        };
        tokio::select! {
            () = sleep(pause) => {}
            () = app.store.bell().rung() => {}
            Some(handed) = worker.under_way.join_next_with_id() => worker.ended(handed),
            _ = shutdown.wait_for(|step| *step >= Shutdown::Drain) => break,
        }
    }
    // What has begun may still be taken by a server, and must then be known as taken.
    while worker.under_way.join_next().await.is_some() {}
}

/// Hands over everything that is due now, and waits for the outcome. For tests and benches, beside no other worker.
pub async fn deliver_due(app: &Arc<App>) -> Result<(), StoreError> {
    let mut worker = Worker::start(app).await?;
    loop {
        worker.round().await?;
        match worker.under_way.join_next_with_id().await {
            Some(handed) => worker.ended(handed),
            None if worker.agenda.ready(app.now()).is_empty() => return Ok(()),
            None => {}
        }
    }
}

struct Worker {
    app: Arc<App>,
    agenda: Agenda,
    under_way: JoinSet<Handed>,
    /// Where each of them goes.
    destinations: HashMap<task::Id, String>,
    /// False until the agenda has heard who is held back.
    pauses_known: bool,
}

impl Worker {
    /// Takes over the queue as the last process left it.
    async fn start(app: &Arc<App>) -> Result<Self, StoreError> {
        let mut agenda = Agenda::new(Bounds {
            attempts_max: app.config.deliveries_max,
            destination_attempts_max: app.config.destination_connections_max,
            destination_per_minute: app.config.destination_per_minute,
        });
        let now = app.now();
        agenda.arrive(app.store.reopen_queue(now).await?.into_iter().collect(), now);
        Ok(Self {
            app: Arc::clone(app),
            agenda,
            under_way: JoinSet::new(),
            destinations: HashMap::new(),
            pauses_known: false,
        })
    }

    /// How long nothing is to be done unless something happens.
    fn pause(&self) -> Duration {
        let wait = self.agenda.next_at().map(|at| u64::try_from(at - self.app.now()).unwrap_or(0));
        wait.map_or(LOOK_AGAIN, |millis| Duration::from_millis(millis).min(LOOK_AGAIN))
    }

    /// Begins whatever may begin.
    async fn round(&mut self) -> Result<(), StoreError> {
        loop {
            while let Some(handed) = self.under_way.try_join_next_with_id() {
                self.ended(handed);
            }
            let now = self.app.now();
            let rung = self.app.store.bell().take();
            self.agenda.arrive(rung.arrivals, now);
            self.pauses_known &= !rung.pauses_changed;
            if !self.pauses_known {
                self.agenda.pause(self.app.store.paused_destinations().await?, now);
                self.pauses_known = true;
            }
            let ready = self.agenda.ready(now);
            if ready.is_empty() {
                return Ok(());
            }
            let lease = self.app.store.lease(ready, now, now + LEASE_MS).await?;
            for (destination, due_at) in lease.next_due {
                self.agenda.found(&destination, due_at, now);
            }
            // Sandbox mail needs neither a signature nor a server, so it takes no task either.
            let (kept, leaving): (Vec<_>, Vec<_>) = lease.copies.into_iter().partition(Leased::is_sandbox);
            if !kept.is_empty() {
                let captured = kept.into_iter().map(|copy| captured(copy.handover, Vec::new())).collect();
                record(&self.app, captured).await;
            }
            for copy in leaving {
                self.agenda.begin(&copy.destination, now);
                let app = Arc::clone(&self.app);
                let destination = copy.destination.clone();
                let task = self.under_way.spawn(async move { hand_over(&app, copy).await });
                self.destinations.insert(task.id(), destination);
            }
        }
    }

    fn ended(&mut self, handed: Result<(task::Id, Handed), task::JoinError>) {
        let (id, handed) = match handed {
            Ok(ended) => ended,
            // Its lease gives the copy back.
            Err(error) => {
                tracing::error!(%error, "an attempt ended in a panic");
                (error.id(), Handed { was_reached: true, next_at: None })
            }
        };
        if let Some(destination) = self.destinations.remove(&id) {
            self.agenda.end(&destination, handed.was_reached, handed.next_at, self.app.now());
        }
    }
}

/// Where a copy goes. Sandbox mail goes nowhere.
fn outlet_of(app: &App, copy: &Leased) -> OutletKind {
    if copy.is_sandbox() { OutletKind::Capture } else { app.config.outlet_of(copy.outlet, copy.stream) }
}

/// What the capture mailbox says, with the headers it put in front.
fn captured(handover: Handover, headers: Vec<u8>) -> (Handover, Heard, Ending) {
    let (host, code, response) = CAPTURED;
    let heard = Heard { host: host.into(), code, enhanced_code: None, response: response.into() };
    (handover, heard, Ending::Captured { headers })
}

/// Writes down what came of attempts. It does not give up, because what was handed over and is not known as such would
/// be handed over again.
async fn record(app: &App, ended: Vec<(Handover, Heard, Ending)>) {
    loop {
        let now = app.now();
        match app.store.end_attempts(ended.clone(), now, app.ids(now)).await {
            Ok(()) => return ended.iter().for_each(|(.., ending)| app.meters.count_attempt(ending)),
            Err(StoreError::Closed) => return tracing::error!("the store closed before an attempt was recorded"),
            Err(error) => tracing::error!(%error, "an attempt could not be recorded yet"),
        }
        sleep(PAUSE).await;
    }
}
