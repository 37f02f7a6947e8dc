//! Looks after the tracking hosts: their CNAME records and certificates. All that it knows is in the database, so that a
//! service that is killed goes on where it was.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use tokio::sync::watch;
use tokio::time::sleep;

use crate::app::App;
use crate::server::Shutdown;
use crate::store::{StoreError, TrackingHost, TrackingState};

/// Hosts of one round.
const ROUND_MAX: u8 = 64;
/// Hosts that are looked at, or get a certificate, at once.
const AT_ONCE_MAX: usize = 4;
/// The pause between rounds.
const PAUSE: Duration = Duration::from_secs(10);

/// Looks after the hosts until the service stops. An order that is under way then is placed again at the next start.
pub async fn run(app: Arc<App>, mut shutdown: watch::Receiver<Shutdown>) {
    loop {
        let round = async {
            match tend_due(&app).await {
                Ok(hosts) if hosts == usize::from(ROUND_MAX) => return,
                Ok(_) => {}
                Err(error) => tracing::error!(%error, "the tracking hosts could not be looked after"),
            }
            tokio::select! {
                () = sleep(PAUSE) => {}
                () = app.tracking_hosts.0.changed.notified() => {}
            }
        };
        tokio::select! {
            () = round => {}
            _ = shutdown.wait_for(|step| *step >= Shutdown::Drain) => return,
        }
    }
}

/// Looks at the hosts that are due now, as many as one round has, and says how many these were. For tests too, beside no
/// other.
pub async fn tend_due(app: &App) -> Result<usize, StoreError> {
    if !app.cluster.is_on_duty() {
        return Ok(0);
    }
    let due = app.store.due_tracking_hosts(app.now(), ROUND_MAX.into()).await?;
    let hosts = due.len();
    stream::iter(due)
        .for_each_concurrent(AT_ONCE_MAX, |host| async move {
            let domain = host.domain_id;
            if let Err(error) = tend(app, host).await {
                tracing::error!(%error, %domain, "a tracking host could not be looked after");
            }
        })
        .await;
    Ok(hosts)
}

async fn tend(app: &App, mut host: TrackingHost) -> Result<(), StoreError> {
    let before = host.state;
    let fault = match app.config.cname_target() {
        Some(target) => app.tracking_hosts.0.names.fault(&host.host, &target).await,
        None => Err("the setting public_url, whose host the CNAME leads to, is gone".into()),
    };
    match fault {
        Err(reason) => host.unanswered(&reason, app.now()),
        Ok(Some(_)) if host.retired_at.is_some() => {
            // Nobody's links lead here by this name any more.
            app.store.forget_tracking_host(host.id).await?;
            return app.tracking_hosts.read(app).await;
        }
        Ok(Some(reason)) => host.missing(&reason, app.now()),
        Ok(None) => {
            host.found(app.now());
            if app.acme.is_on() && !consult(app, &mut host).await? {
                return order(app, host).await;
            }
            host.in_use(app.now());
        }
    }
    app.store.update_tracking_host(host.clone()).await?;
    told(&host, before);
    if host.state == before { Ok(()) } else { app.tracking_hosts.read(app).await }
}

/// Whether a host's certificate is good for longer, by the authority's word too.
async fn consult(app: &App, host: &mut TrackingHost) -> Result<bool, StoreError> {
    if host.wants_certificate(app.now()) {
        return Ok(false);
    }
    if let Some(stored) = app.store.tracking_certificate(host.id).await?
        && let Some(window) = app.acme.renewal_window(app, &stored.chain).await
    {
        host.renew_within(window);
    }
    Ok(!host.wants_certificate(app.now()))
}

async fn order(app: &App, mut host: TrackingHost) -> Result<(), StoreError> {
    let before = host.state;
    host.ordering(app.now());
    // Links may begin with it from here on, as it leads here.
    app.store.update_tracking_host(host.clone()).await?;
    app.tracking_hosts.read(app).await?;
    match app.acme.issue(app, &host.host).await {
        Ok(issued) => {
            host.issued(&issued.certificate, app.now());
            app.store.keep_tracking_certificate(host.clone(), issued.stored).await?;
        }
        Err(refused) => {
            host.refused(&refused.reason, refused.later_ms, app.now());
            app.store.update_tracking_host(host.clone()).await?;
        }
    }
    told(&host, before);
    app.tracking_hosts.read(app).await
}

fn told(host: &TrackingHost, before: TrackingState) {
    let (domain, state) = (host.domain_id, host.state.as_str());
    match &host.reason {
        Some(reason) if host.attempts == 1 || host.state == TrackingState::Failed => {
            tracing::warn!(%domain, state, reason, "tracking host");
        }
        None if host.state != before => tracing::info!(%domain, state, "tracking host"),
        _ => {}
    }
}
