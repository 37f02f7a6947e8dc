//! `pillarbox edge`

use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, Subcommand};
use serde_json::json;
use tokio::sync::watch;

use super::output::show;
use super::serve::{acquire, bind, bind_threads, bind_threads_if_set, watch_signals};
use super::{Failure, Json};
use crate::app::system_clock;
use crate::config::Config;
use crate::edge::{self, Edge};
use crate::server::{self, ConnectionLimits, HTTP_PROTOCOLS, Shutdown};
use crate::store::Holder;

/// Serve tracked links near their readers, for a service elsewhere
///
/// An edge node answers /track/o, /track/c and /track/u and, with edge_webhooks, takes notifications of providers at
/// /webhooks/in. It holds no mail and no customers: the keys of tokens, what it answered and not handed over yet, and the
/// way to the service (the origin). What it answered is on its disk first, and handed over to the origin in order, each
/// exactly once, however long the origin is away. It goes on answering meanwhile.
///
/// Three commands make one. At the origin, with node_listen set: `pillarbox node invite NAME`. On the new machine:
/// `pillarbox edge join TOKEN`, then `pillarbox edge`.
///
/// Of the settings it uses data_dir, listen, https_listen, tls_certificate, tls_key, operator_listen, those of requests and
/// connections, hit_journal_bytes_max (the size of the spool of hits), hit_durability, hit_overflow, edge_webhooks,
/// edge_webhooks_max, edge_webhook_bytes_max and those of the log.
#[derive(Args)]
#[expect(clippy::doc_markdown, reason = "the text is shown as it is")]
pub(super) struct EdgeNode {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Make this machine an edge node, by a token that `pillarbox node invite` printed at the origin
    ///
    /// The token tells where the origin is and how to know it. It is good once. What the node gets (its key, which never
    /// leaves this machine, its certificate, and the origin's) is kept in the data directory, readable for its owner alone.
    Join(Join),
}

#[derive(Args)]
struct Join {
    /// The token, all of it
    token: String,
    /// Become another node in a data directory that belongs to one; what that one has not handed over goes along
    #[arg(long)]
    again: bool,
    #[command(flatten)]
    json: Json,
}

impl EdgeNode {
    /// Whether it serves, rather than doing something once.
    pub(super) fn serves(&self) -> bool {
        self.command.is_none()
    }

    pub(super) async fn run(self, config: Config) -> Result<ExitCode, Failure> {
        match self.command {
            None => serve(config).await,
            Some(Command::Join(join)) => join.run(config).await,
        }
    }
}

impl Join {
    async fn run(self, config: Config) -> Result<ExitCode, Failure> {
        let holder = Holder { pid: std::process::id(), command: "edge join".into(), listen: None };
        let _lock = acquire(&config.data_dir, &holder).await?;
        let identity = edge::join(&config.data_dir, &self.token, self.again, system_clock()).await?;
        let answer = json!({ "name": identity.name, "node_id": identity.node_id, "origin": identity.origin });
        show(self.json.json, &answer, || {
            format!(
                "This is the edge node {} of {} now. Start it by\n\npillarbox edge\n",
                identity.name, identity.origin
            )
        });
        Ok(ExitCode::SUCCESS)
    }
}

async fn serve(config: Config) -> Result<ExitCode, Failure> {
    let holder = Holder { pid: std::process::id(), command: "edge".into(), listen: Some(config.listen.to_string()) };
    let lock = acquire(&config.data_dir, &holder).await?;
    let limits = ConnectionLimits::of(&config);
    let threads = config.http_threads();
    let api = bind_threads("listen", config.listen, threads).await?;
    let https = bind_threads_if_set("https_listen", config.https_listen, threads).await?;
    let operator = bind("operator_listen", config.operator_listen).await?;
    let certificate = config.tls().map(|files| server::tls(&files, HTTP_PROTOCOLS)).transpose()?;
    if https.is_some() && certificate.is_none() {
        return Err(
            "an edge node has no certificates of its own: https_listen needs tls_certificate and tls_key".into()
        );
    }
    let edge = Arc::new(tokio::task::block_in_place(|| Edge::open(config, &system_clock()))?);
    let (stop, stopping) = watch::channel(Shutdown::No);
    let (draining, drain) = (Arc::clone(&edge), edge.config.drain);
    tokio::spawn(watch_signals(move || draining.drain(), drain, stop));
    tracing::info!(node = edge.name(), listen = %edge.config.listen, operator = %edge.config.operator_listen,
        https = ?edge.config.https_listen, data_dir = %edge.config.data_dir.display(), "serving tracked links");
    let (for_readers, for_operators) = (Arc::clone(&edge), Arc::clone(&edge));
    let handle = move |peer, request| {
        let edge = Arc::clone(&for_readers);
        async move { edge::handle(&edge, peer, request).await }
    };
    let handle_operator = move |peer, request| {
        let edge = Arc::clone(&for_operators);
        async move { edge::handle_operator(&edge, peer, request).await }
    };
    let tls = certificate.clone().filter(|_| https.is_none());
    // The operator's listener goes last, so that /readyz says 503 while requests still finish.
    let (end, ending) = watch::channel(Shutdown::No);
    let readers = async move {
        let serve_https = async {
            match https {
                Some(https) => https.run(certificate, limits, handle.clone(), stopping.clone()).await,
                None => Ok(()),
            }
        };
        let (api, https) = tokio::join!(api.run(tls, limits, handle.clone(), stopping.clone()), serve_https);
        end.send_replace(Shutdown::Abort);
        (api.and(https), end)
    };
    let ((served, _end), ()) = tokio::join!(readers, server::run(operator, None, limits, handle_operator, ending));
    tokio::task::block_in_place(|| edge.close());
    tracing::info!("stopped");
    drop(lock);
    served?;
    Ok(ExitCode::SUCCESS)
}
