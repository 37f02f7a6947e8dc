//! `pillarbox serve`: what happens at the start, in order.

use std::io::{self, IsTerminal};
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use futures_util::future::Either;
use http::Request;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::runtime::Handle as Runtime;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

use super::output::{print, show};
use super::{Failure, Json};
use crate::app::{App, system_clock};
use crate::cluster::{Joined, join};
use crate::config::Config;
use crate::secrets::OPERATOR_TOKEN_FILE;
use crate::server::{self, ConnectionLimits, Listeners, Shutdown};
use crate::smtp::server::{self as smtp, Listener};
use crate::store::{DataLock, Holder, LockError};
use crate::{
    accounts, cluster, control, delivery, domains, feed, health, inbox, nodes, old_addresses, operator, recorder,
    registry, request, retention, stats, tracking_hosts, tracking_keys,
};

/// How often, and how long each time, to wait for a command that holds the data directory.
const COMMAND_WAITS: u32 = 100;
const COMMAND_WAIT: Duration = Duration::from_millis(100);
/// How long after an attempt to join a cluster the next one follows.
const JOIN_PAUSE: Duration = Duration::from_secs(1);
/// How long an operator's open request may go on after the API has ended.
const OPERATOR_DRAIN: Duration = Duration::from_secs(1);
/// How long the background work may take to end after the listeners have.
const BACKGROUND_END: Duration = Duration::from_secs(5);

/// Serves the API until SIGTERM or SIGINT.
#[derive(Args)]
pub(super) struct Serve {
    /// Print the settings in effect and where each came from, and stop
    #[arg(long)]
    print_config: bool,
    #[command(flatten)]
    json: Json,
}

impl Default for Serve {
    fn default() -> Self {
        Self { print_config: false, json: Json { json: false } }
    }
}

impl Serve {
    pub(super) async fn run(self, config: Config) -> Result<ExitCode, Failure> {
        if self.print_config {
            print_config(&config, self.json.json);
            return Ok(ExitCode::SUCCESS);
        }
        let holder =
            Holder { pid: std::process::id(), command: "serve".into(), listen: Some(config.listen.to_string()) };
        let lock = acquire(&config.data_dir, &holder).await?;
        let certified = config.tls().map(|files| server::certified(&files)).transpose()?;
        let limits = ConnectionLimits::of(&config);
        let threads = config.http_threads();
        let api = bind_threads("listen", config.listen, threads).await?;
        let https = bind_threads_if_set("https_listen", config.https_listen, threads).await?;
        let operator = bind("operator_listen", config.operator_listen).await?;
        let for_nodes = bind_if_set("node_listen", config.node_listen).await?;
        let submission = bind_submission(&config).await?;
        let app = Arc::new(tokio::task::block_in_place(|| App::open(config, system_clock()))?);
        let smtp = Arc::new(tokio::task::block_in_place(|| smtp::Server::open(Arc::clone(&app)))?);
        match Box::pin(join(&app)).await? {
            Joined::Yes => begin(&app).await?,
            Joined::NotYet(why) => {
                tracing::warn!(why, "this node has not joined its cluster and is not ready; trying again");
            }
        }
        let by_name = server::tls_by_name(app.tracking_hosts.certificates(certified), server::HTTP_PROTOCOLS)?;
        // With a listener for HTTPS the other one speaks plain HTTP, otherwise it has the certificate.
        let tls = (https.is_none() && app.config.tls().is_some()).then(|| by_name.clone());
        let node_tls = for_nodes.as_ref().map(|_| nodes::acceptor(&app, system_clock())).transpose()?;

        let (stop, stopping) = watch::channel(Shutdown::No);
        let joining = tokio::spawn(join_later(Arc::clone(&app), stop.clone(), stopping.clone()));
        let background = background(&app, &stopping);
        let (draining, drain) = (Arc::clone(&app), app.config.drain);
        tokio::spawn(watch_signals(move || draining.drain(), drain, stop));
        tracing::info!(listen = %app.config.listen, operator = %app.config.operator_listen, tls = tls.is_some(),
            https = ?app.config.https_listen, nodes = ?app.config.node_listen, smtp = ?app.config.smtp_listen, smtps = ?app.config.smtps_listen,
            data_dir = %app.config.data_dir.display(), "serving");
        if io::stdout().is_terminal() {
            print(&format!("Mailbox: http://{}/mailbox\n", app.config.operator_listen));
        }
        let (for_api, for_operators, for_smtp) = (Arc::clone(&app), Arc::clone(&app), Arc::clone(&app));
        // What readers fetch is answered where it came in, and what may take long has the other threads.
        let elsewhere = Runtime::current();
        let handle_api = move |peer, request: Request<_>| {
            let app = Arc::clone(&for_api);
            let is_short = request::is_short(request.uri());
            let answer = async move { request::handle(&app, peer, request).await };
            if is_short { Either::Left(answer) } else { Either::Right(server::elsewhere(&elsewhere, answer)) }
        };
        let handle_operator = move |peer, request| {
            let app = Arc::clone(&for_operators);
            async move { operator::handle(&app, peer, request).await }
        };
        // The operator's listener goes last, so that /readyz says 503 while requests still finish.
        let (end, ending) = watch::channel(Shutdown::No);
        let operator_limits = ConnectionLimits { drain: OPERATOR_DRAIN, ..limits };
        let serve_https = {
            let (handle, stopping) = (handle_api.clone(), stopping.clone());
            async move {
                match https {
                    Some(https) => https.run(Some(by_name), limits, handle, stopping).await,
                    None => Ok(()),
                }
            }
        };
        let serve_nodes = serve_nodes(Arc::clone(&app), for_nodes.zip(node_tls), limits, stopping.clone());
        let serve_api = async move {
            let (api, https, (), ()) = tokio::join!(
                api.run(tls, limits, handle_api.clone(), stopping.clone()),
                serve_https,
                serve_nodes,
                run_joined(Arc::clone(&for_smtp), stopping, move |_, stopping| smtp::run(submission, smtp, stopping))
            );
            end.send_replace(Shutdown::Drain);
            (api.and(https), end)
        };
        let ((served, _end), ()) =
            tokio::join!(serve_api, server::run(operator, None, operator_limits, handle_operator, ending));
        for task in background {
            drop(timeout(BACKGROUND_END, task).await);
        }
        tokio::task::block_in_place(|| app.tracking.hits.close());
        tracing::info!("stopped");
        drop(lock);
        // What only an operator can put right, and came to light when the primary was reached at last.
        if joining.is_finished()
            && let Ok(Err(why)) = joining.await
        {
            return Err(why);
        }
        served?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Begins all that goes on beside the listeners.
fn background(app: &Arc<App>, stopping: &watch::Receiver<Shutdown>) -> Vec<JoinHandle<()>> {
    vec![
        tokio::spawn(run_control(Arc::clone(app), stopping.clone())),
        spawn_joined(app, stopping, delivery::run),
        spawn_joined(app, stopping, registry::watch),
        spawn_joined(app, stopping, recorder::run),
        spawn_joined(app, stopping, domains::run),
        spawn_joined(app, stopping, tracking_hosts::run),
        spawn_joined(app, stopping, cluster::run),
        spawn_joined(app, stopping, feed::run),
        spawn_joined(app, stopping, catch_up),
        spawn_joined(app, stopping, health::run),
        spawn_joined(app, stopping, retention::run),
        spawn_joined(app, stopping, inbox::run),
        spawn_joined(app, stopping, inbox::retention::run),
    ]
}

/// What happens before a node answers: its plugins and tracking hosts are loaded, and the first customer is made.
async fn begin(app: &App) -> Result<(), Failure> {
    registry::start(app).await?;
    tracking_hosts::start(app).await?;
    tracking_keys::start(app).await?;
    health::start(app).await?;
    welcome_first_customer(app).await?;
    cluster::enter(app);
    Ok(())
}

/// Has a node whose primary was away at its first start join later. What cannot be put right by waiting stops it.
async fn join_later(
    app: Arc<App>,
    stop: watch::Sender<Shutdown>,
    mut stopping: watch::Receiver<Shutdown>,
) -> Result<(), Failure> {
    let joined = async {
        while !app.cluster.is_joined() {
            sleep(JOIN_PAUSE).await;
            match Box::pin(join(&app)).await? {
                Joined::Yes => begin(&app).await?,
                Joined::NotYet(why) => tracing::debug!(why, "this node has not joined its cluster yet"),
            }
        }
        Ok::<_, Failure>(())
    };
    let outcome = tokio::select! {
        outcome = joined => outcome,
        _ = stopping.wait_for(|step| *step >= Shutdown::Drain) => Ok(()),
    };
    if let Err(error) = &outcome {
        tracing::error!(%error, "this node cannot join its cluster");
        app.drain();
        stop.send_replace(Shutdown::Drain);
    }
    outcome
}

/// Runs something once this node has joined its cluster, which a node on its own always has.
async fn run_joined<Work: Future<Output = ()>>(
    app: Arc<App>,
    mut stopping: watch::Receiver<Shutdown>,
    work: impl FnOnce(Arc<App>, watch::Receiver<Shutdown>) -> Work,
) {
    let is_joined = tokio::select! {
        () = app.cluster.joined() => true,
        _ = stopping.wait_for(|step| *step >= Shutdown::Drain) => false,
    };
    if is_joined {
        work(app, stopping).await;
    }
}

/// Brings up to date what an earlier version left.
async fn catch_up(app: Arc<App>, stopping: watch::Receiver<Shutdown>) {
    tokio::join!(stats::catch_up(Arc::clone(&app), stopping.clone()), old_addresses::enter(app, stopping));
}

/// The same beside everything else.
fn spawn_joined<Work: Future<Output = ()> + Send + 'static>(
    app: &Arc<App>,
    stopping: &watch::Receiver<Shutdown>,
    work: impl FnOnce(Arc<App>, watch::Receiver<Shutdown>) -> Work + Send + 'static,
) -> JoinHandle<()> {
    tokio::spawn(run_joined(Arc::clone(app), stopping.clone(), work))
}

/// Serves edge nodes, where a listener for them is set.
async fn serve_nodes(
    app: Arc<App>,
    listener: Option<(TcpListener, TlsAcceptor)>,
    limits: ConnectionLimits,
    stopping: watch::Receiver<Shutdown>,
) {
    let Some((listener, tls)) = listener else { return };
    let handle = move |peer, request| {
        let app = Arc::clone(&app);
        async move { nodes::handle(&app, peer, request).await }
    };
    server::run(listener, Some(tls), limits, handle, stopping).await;
}

/// Takes the data directory. A command that holds it for a moment is waited for; a service is not.
pub(super) async fn acquire(data_dir: &Path, holder: &Holder) -> Result<DataLock, LockError> {
    for _ in 0..COMMAND_WAITS {
        match DataLock::acquire(data_dir, holder) {
            Err(LockError::Held(_, first)) if first.listen.is_none() => sleep(COMMAND_WAIT).await,
            outcome => return outcome,
        }
    }
    DataLock::acquire(data_dir, holder)
}

async fn bind_if_set(setting: &str, address: Option<SocketAddr>) -> Result<Option<TcpListener>, Failure> {
    match address {
        Some(address) => bind(setting, address).await.map(Some),
        None => Ok(None),
    }
}

pub(super) async fn bind(setting: &str, address: SocketAddr) -> Result<TcpListener, Failure> {
    listening(setting, address, TcpListener::bind(address).await)
}

pub(super) async fn bind_threads(setting: &str, address: SocketAddr, threads: usize) -> Result<Listeners, Failure> {
    listening(setting, address, Listeners::bind(address, threads).await)
}

pub(super) async fn bind_threads_if_set(
    setting: &str,
    address: Option<SocketAddr>,
    threads: usize,
) -> Result<Option<Listeners>, Failure> {
    match address {
        Some(address) => bind_threads(setting, address, threads).await.map(Some),
        None => Ok(None),
    }
}

async fn bind_submission(config: &Config) -> Result<Vec<Listener>, Failure> {
    let mut listeners = Vec::new();
    for (setting, addresses, implicit_tls) in
        [("smtp_listen", &config.smtp_listen, false), ("smtps_listen", &config.smtps_listen, true)]
    {
        for address in addresses {
            listeners.push(Listener { socket: bind(setting, *address).await?, implicit_tls });
        }
    }
    Ok(listeners)
}

fn listening<T>(setting: &str, address: SocketAddr, bound: io::Result<T>) -> Result<T, Failure> {
    bound.map_err(|error| format!("cannot listen on {address} ({setting}): {error}; set another address").into())
}

async fn run_control(app: Arc<App>, stopping: watch::Receiver<Shutdown>) {
    if let Err(error) = control::serve(app, stopping).await {
        tracing::error!(%error, "commands cannot reach this service: the control socket failed");
    }
}

/// The first signal drains, the second one ends.
pub(super) async fn watch_signals(begin: impl Fn() + Send, drain: Duration, stop: watch::Sender<Shutdown>) {
    let (Ok(mut terminate), Ok(mut interrupt)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        return tracing::error!("signals cannot be watched; only SIGKILL ends this service");
    };
    for step in [Shutdown::Drain, Shutdown::Abort] {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        begin();
        tracing::info!(drain_secs = drain.as_secs(), "stopping; a second signal stops at once");
        stop.send_replace(step);
    }
    // The senders stay until the process ends.
    std::future::pending::<()>().await;
}

/// On the very first start there is nobody who could send: makes a customer and says what to try.
async fn welcome_first_customer(app: &App) -> Result<(), Failure> {
    if !app.store.customers(1).await?.is_empty() {
        return Ok(());
    }
    let made = accounts::create(app, "First Customer", "first@pillarbox.test", true).await?;
    let key = made["api_key"].as_str().unwrap_or_default();
    let domain = made["domain"].as_str().unwrap_or_default();
    let (url, operator) = (app.config.base_url(), app.config.operator_listen);
    print(&format!(
        "\n\
         Welcome to Pillarbox. This is its first start, so it made a customer (first@pillarbox.test) who sends from\n\
         {domain}. Mail of that domain never leaves this machine: it is captured, and you read it at\n\
         http://{operator}/mailbox\n\
         \n\
         The customer's API key is shown this once:\n\
         \n\
         {key}\n\
         \n\
         Try it in another terminal:\n\
         \n\
         export PILLARBOX_KEY={key}\n\
         curl -s {url}/api/send -H \"Authorization: Bearer $PILLARBOX_KEY\" -H 'Content-Type: application/json' -d '{{\n  \
           \"to\": \"Ada <ada@example.com>\", \"subject\": \"Welcome, {{{{name}}}}!\", \"vars\": {{\"name\": \"Ada\"}},\n  \
           \"html\": \"<h1>Hello {{{{name}}}}</h1><p>Your account is <a href=\\\"https://example.com/start\\\">ready</a>.</p>\"}}'\n\
         curl -s {url}/api/v1/events -H \"Authorization: Bearer $PILLARBOX_KEY\"\n\
         \n\
         The reference: {url}/docs\n\
         Whoever changes something at http://{operator}/login needs the token in {token}\n\n",
        token = app.config.data_dir.join(OPERATOR_TOKEN_FILE).display()
    ));
    Ok(())
}

fn print_config(config: &Config, as_json: bool) {
    let rows: Vec<_> = config
        .effective()
        .map(|(setting, value, origin)| json!({ "name": setting.name, "value": value, "from": origin.to_string() }))
        .collect();
    let columns = [("SETTING", "name"), ("VALUE", "value"), ("FROM", "from")];
    show(as_json, &json!({ "settings": rows }), || super::output::table(&json!(rows), &columns));
}
