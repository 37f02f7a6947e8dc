//! Commands on a data directory: what `pillarbox customer …` and its like ask for.
//!
//! A command runs in the process that holds the data directory. That is the command's own process when nothing else
//! runs; otherwise it is the service, reached by a socket in the directory, which only its owner can open. Both ways
//! lead through [`execute`], so a command means the same with and without the service.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, watch};
use uuid::Uuid;

use crate::api::scoring;
use crate::api::time::rfc3339;
use crate::app::App;
use crate::delivery::desk;
use crate::delivery::outlet::OutletKind;
use crate::event_lines::Wanted;
use crate::inbox::{self, outcome_json};
use crate::mail::event::{EventType, PrivacyLevel};
use crate::mail::parsed::ParsedMessage;
use crate::plugins::deployment::{Bounds, CandidateStage, Fallback, LimitOverrides};
use crate::plugins::{World, normalizer};
use crate::recorder::{self, recorded};
use crate::registry::{self, Note};
use crate::server::Shutdown;
use crate::sources::desk as sources;
use crate::sources::desk::{NewSource, Secret};
use crate::stats::StatPlace;
use crate::store::{CustomerStatus, InboxFilter, InboxState};
use crate::{
    accounts, client_rules, cluster, domains, event_lines, health, nodes, reclassify, sendmail, stats, tracking_keys,
};

/// The file name of the socket inside the data directory.
const SOCKET_FILE: &str = "control.sock";
/// Bytes of one command or answer: room for the largest plugin in base64.
const FRAME_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Bytes of content that one command can carry: in base64 they leave a MiB of the frame to the rest.
pub(crate) const CONTENT_BYTES_MAX: usize = (FRAME_BYTES_MAX - 1024 * 1024) / 4 * 3;
/// Connections served at once. One more waits.
const CONNECTIONS_MAX: usize = 32;
/// Rows of a list.
const ROWS_MAX: i64 = 10_000;

/// Something to be done.
#[derive(Debug, Deserialize, Serialize)]
#[serde(tag = "command", rename_all = "snake_case")]
#[expect(missing_docs, reason = "each is the command line of the same name, which documents it")]
pub enum Command {
    CustomerCreate {
        name: String,
        email: String,
    },
    CustomerList,
    CustomerShow {
        email: String,
    },
    CustomerStatus {
        email: String,
        status: CustomerStatus,
    },
    CustomerRotateKey {
        email: String,
        sandbox: bool,
        grace_secs: i64,
    },
    CustomerSmtpPassword {
        email: String,
    },
    CustomerResume {
        email: String,
    },
    CustomerLimits {
        email: String,
        requests_per_minute: Option<i64>,
        monthly: Option<i64>,
        max_domains: Option<i64>,
    },
    CustomerRetention {
        email: String,
        /// 0 is for ever; as all others when there is none.
        event_days: Option<u32>,
    },
    CustomerFeatures {
        email: String,
        event_tracking: Option<bool>,
        event_api: Option<bool>,
        privacy: Option<PrivacyLevel>,
    },
    DomainAdd {
        name: String,
        customer: String,
        assume_verified: bool,
        outlet: Option<OutletKind>,
    },
    DomainList {
        customer: Option<String>,
    },
    DomainShow {
        name: String,
        /// Needed where several customers wait for the same name.
        customer: Option<String>,
    },
    DomainCheck {
        name: String,
        customer: Option<String>,
    },
    DomainRecords {
        name: String,
        customer: Option<String>,
    },
    DomainRotateDkim {
        name: String,
        customer: Option<String>,
    },
    DomainRemove {
        name: String,
        customer: Option<String>,
    },
    DomainOutlet {
        name: String,
        customer: Option<String>,
        /// `None` follows the service.
        outlet: Option<OutletKind>,
    },
    DomainTracking {
        name: String,
        customer: Option<String>,
        /// `None` takes it away.
        host: Option<String>,
    },
    DomainSign {
        name: String,
        customer: Option<String>,
        message: Bytes,
    },
    PluginList,
    PluginCheck {
        component: Bytes,
    },
    PluginInstall {
        component: Bytes,
        signature: Option<Bytes>,
        activate: bool,
        unchecked: bool,
        note: Note,
    },
    PluginActivate {
        name: String,
        version: String,
        unchecked: bool,
        note: Note,
    },
    PluginTry {
        name: String,
        version: String,
        stage: CandidateStage,
        bounds: Bounds,
        unchecked: bool,
        note: Note,
    },
    PluginPromote {
        name: String,
        note: Note,
    },
    PluginStop {
        name: String,
        note: Note,
    },
    PluginRollback {
        name: String,
        note: Note,
    },
    PluginRetire {
        name: String,
        version: String,
    },
    PluginShow {
        name: String,
    },
    PluginPipelines,
    PluginPipeline {
        world: World,
        customer: Option<String>,
        stages: Vec<(String, Option<String>, f64)>,
        note: Note,
    },
    PluginPipelineClear {
        customer: String,
        note: Note,
    },
    PluginSettings {
        name: String,
        set: BTreeMap<String, String>,
        unset: Vec<String>,
        note: Note,
    },
    PluginLimits {
        name: String,
        limits: LimitOverrides,
        clear: bool,
        note: Note,
    },
    PluginFallback {
        name: String,
        rungs: Vec<Fallback>,
        note: Note,
    },
    PluginLog {
        limit: i64,
    },
    PluginVerifyLog {
        noted: Option<String>,
    },
    PluginNodes,
    NodeInvite {
        name: String,
        /// Where it reaches this service; what the settings say when it is left out.
        address: Option<String>,
        minutes: i64,
    },
    NodeList,
    NodeRevoke {
        name: String,
    },
    NodeRename {
        name: String,
        to: String,
    },
    /// Every process of the service, and every edge node.
    Nodes,
    SourceAdd {
        source: Box<NewSource>,
    },
    SourceList,
    SourceShow {
        name: String,
    },
    SourceRotate {
        name: String,
        secret: Option<Secret>,
        /// Another address.
        url: bool,
        /// The former ones end.
        finish: bool,
    },
    SourceDisable {
        name: String,
        disabled: bool,
    },
    SourceRemove {
        name: String,
    },
    MailboxList {
        limit: i64,
    },
    MailboxShow {
        email_id: Uuid,
    },
    QueueList {
        destination: Option<String>,
        /// Copies to pass over.
        offset: i64,
        limit: i64,
    },
    QueueShow {
        email_id: Uuid,
    },
    /// All when neither is named.
    QueueRetry {
        email_id: Option<Uuid>,
        destination: Option<String>,
    },
    QueueCancel {
        email_id: Uuid,
    },
    QueuePause {
        destination: String,
        reason: Option<String>,
    },
    QueueResume {
        destination: String,
    },
    InboxList {
        state: Option<InboxState>,
        source: Option<String>,
        /// In milliseconds since 1970.
        since: Option<i64>,
        /// Rows to pass over.
        offset: i64,
        limit: i64,
    },
    InboxShow {
        id: Uuid,
    },
    /// Some of them; the answer says where to go on.
    InboxReplay {
        /// All that the rest says when there is none.
        ids: Vec<Uuid>,
        state: Option<InboxState>,
        source: Option<String>,
        since: Option<i64>,
        /// Only those that came before this one.
        before: Option<Uuid>,
        dry_run: bool,
    },
    Send {
        /// The address of the customer; that of the only one when it is left out.
        customer: Option<String>,
        /// Those that the message names when there is none.
        to: Vec<String>,
        message: Bytes,
    },
    TrackingKeyList,
    TrackingKeyRotate {
        force: bool,
    },
    TrackingKeyRetire {
        id: u8,
    },
    ClientRules,
    ClientRulesLoad {
        /// The file is read again when there is none.
        text: Option<String>,
    },
    ClientRulesReset,
    /// What was counted in some days, today included.
    StatsShow {
        /// The address of a customer; all together when there is none.
        customer: Option<String>,
        days: u32,
    },
    EventsLatest {
        /// The address of a customer; all when there is none.
        customer: Option<String>,
        event_type: Option<EventType>,
        email_id: Option<Uuid>,
        recipient: Option<String>,
        limit: i64,
    },
    EventsSince {
        /// The address of a customer; all when there is none.
        customer: Option<String>,
        event_type: Option<EventType>,
        email_id: Option<Uuid>,
        recipient: Option<String>,
        /// The place that an earlier answer told.
        after: i64,
    },
    /// A part of what was counted.
    StatsRebuild {
        /// Where it begins: with the first day of the first customer when there is none.
        from: Option<StatPlace>,
        /// The address of a customer; all when there is none.
        customer: Option<String>,
        dry_run: bool,
    },
    /// A part of the stored opens and clicks.
    Reclassify {
        /// The number of the last row that was looked at.
        after: i64,
        /// In milliseconds since 1970.
        since: i64,
        /// The address of a customer; all when there is none.
        customer: Option<String>,
        dry_run: bool,
    },
    Score {
        message: Bytes,
    },
    Normalize {
        content_type: String,
        headers: Vec<(String, String)>,
        body: Bytes,
    },
    PluginComponent {
        name: String,
        version: String,
    },
    ClusterStatus,
    RecordingsStatus,
    RecordingsClear,
    /// A page of recorded inputs, newest first.
    Recordings {
        world: World,
        /// Only those before this one.
        before: Option<Uuid>,
        /// Only those from this time on, in milliseconds since 1970.
        since: i64,
        limit: i64,
    },
}

/// Bytes that travel as base64.
#[derive(Clone, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Bytes(pub Vec<u8>);

impl std::fmt::Debug for Bytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

impl TryFrom<String> for Bytes {
    type Error = base64::DecodeError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        BASE64.decode(text).map(Self)
    }
}

impl From<Bytes> for String {
    fn from(bytes: Bytes) -> Self {
        BASE64.encode(bytes.0)
    }
}

/// What a command came to: an answer, or a sentence that says what is wrong and what to do.
pub type Outcome = Result<Json, String>;

/// Runs a command.
#[expect(clippy::too_many_lines, reason = "a line or two for each command")]
pub async fn execute(app: &App, command: Command) -> Outcome {
    if !app.cluster.is_joined() && !matches!(command, Command::ClusterStatus) {
        return Err(
            "this node has not joined its cluster yet, so it knows of nobody; see `pillarbox cluster status`".into()
        );
    }
    match command {
        Command::ClusterStatus => cluster::status(app).await,
        Command::SourceAdd { source } => Box::pin(sources::add(app, *source)).await,
        Command::SourceList => sources::list(app).await,
        Command::SourceShow { name } => sources::show(app, &name).await,
        Command::SourceRotate { name, secret, url, finish } => {
            Box::pin(sources::rotate(app, &name, secret, url, finish)).await
        }
        Command::SourceDisable { name, disabled } => sources::set_disabled(app, &name, disabled).await,
        Command::SourceRemove { name } => sources::remove(app, &name).await,
        Command::CustomerCreate { name, email } => accounts::create(app, &name, &email, false).await,
        Command::CustomerList => accounts::list(app, ROWS_MAX).await,
        Command::CustomerShow { email } => accounts::show(app, &email).await,
        Command::CustomerStatus { email, status } => accounts::set_status(app, &email, status).await,
        Command::CustomerRotateKey { email, sandbox, grace_secs } => {
            accounts::rotate_key(app, &email, sandbox, grace_secs).await
        }
        Command::CustomerSmtpPassword { email } => accounts::rotate_smtp_password(app, &email).await,
        Command::CustomerLimits { email, requests_per_minute, monthly, max_domains } => {
            accounts::set_limits(app, &email, requests_per_minute, monthly, max_domains).await
        }
        Command::CustomerRetention { email, event_days } => accounts::set_retention(app, &email, event_days).await,
        Command::CustomerFeatures { email, event_tracking, event_api, privacy } => {
            accounts::set_features(app, &email, event_tracking, event_api, privacy).await
        }
        Command::DomainAdd { name, customer, assume_verified, outlet } => {
            domains::add(app, &name, &customer, assume_verified, outlet).await
        }
        Command::DomainList { customer } => domains::list(app, customer.as_deref(), ROWS_MAX).await,
        Command::DomainShow { name, customer } => domains::show(app, &name, customer).await,
        Command::DomainCheck { name, customer } => domains::check(app, &name, customer).await,
        Command::DomainRecords { name, customer } => domains::records(app, &name, customer).await,
        Command::DomainRotateDkim { name, customer } => domains::rotate_dkim(app, &name, customer).await,
        Command::DomainRemove { name, customer } => domains::remove(app, &name, customer).await,
        Command::DomainOutlet { name, customer, outlet } => domains::set_outlet(app, &name, customer, outlet).await,
        Command::DomainSign { name, customer, message } => domains::sign(app, &name, customer, &message.0).await,
        Command::DomainTracking { name, customer, host } => {
            domains::set_tracking_host(app, &name, customer, host.as_deref()).await
        }
        Command::PluginList => registry::list(app).await,
        Command::PluginCheck { component } => registry::check(app, component.0).await,
        Command::PluginInstall { component, signature, activate, unchecked, note } => {
            let signature = signature.map(|signature| signature.0);
            registry::install(app, component.0, signature, activate, unchecked, &note).await
        }
        Command::PluginActivate { name, version, unchecked, note } => {
            registry::activate(app, &name, &version, unchecked, &note).await
        }
        Command::PluginTry { name, version, stage, bounds, unchecked, note } => {
            registry::try_out(app, (&name, &version), stage, bounds, unchecked, &note).await
        }
        Command::PluginPromote { name, note } => registry::promote(app, &name, &note).await,
        Command::PluginStop { name, note } => registry::stop(app, &name, &note).await,
        Command::PluginRollback { name, note } => registry::roll_back(app, &name, &note).await,
        Command::PluginRetire { name, version } => registry::retire(app, &name, &version).await,
        Command::PluginShow { name } => registry::show(app, &name).await,
        Command::PluginPipelines => registry::pipelines(app).await,
        Command::PluginPipeline { world, customer, stages, note } => {
            registry::set_pipeline(app, world, customer.as_deref(), stages, &note).await
        }
        Command::PluginPipelineClear { customer, note } => registry::clear_pipeline(app, &customer, &note).await,
        Command::PluginSettings { name, set, unset, note } => {
            registry::set_settings(app, &name, &set, &unset, &note).await
        }
        Command::PluginLimits { name, limits, clear, note } => {
            registry::set_limits(app, &name, limits, clear, &note).await
        }
        Command::PluginFallback { name, rungs, note } => registry::set_fallback(app, &name, &rungs, &note).await,
        Command::PluginLog { limit } => registry::log(app, limit).await,
        Command::PluginVerifyLog { noted } => registry::verify_log(app, noted.as_deref()).await,
        Command::PluginNodes => registry::nodes(app).await,
        Command::NodeInvite { name, address, minutes } => Box::pin(nodes::invite(app, &name, address, minutes)).await,
        Command::NodeList => nodes::list(app).await,
        Command::NodeRevoke { name } => Box::pin(nodes::revoke(app, &name)).await,
        Command::NodeRename { name, to } => Box::pin(nodes::rename(app, &name, &to)).await,
        Command::Nodes => Box::pin(nodes_and_edges(app)).await,
        Command::MailboxList { limit } => mailbox_list(app, limit.min(ROWS_MAX)).await,
        Command::MailboxShow { email_id } => mailbox_show(app, email_id).await,
        Command::QueueList { destination, offset, limit } => {
            desk::list(app, destination.as_deref(), offset, limit.min(ROWS_MAX)).await
        }
        Command::QueueShow { email_id } => desk::show(app, email_id, ROWS_MAX).await,
        Command::QueueRetry { email_id, destination } => desk::retry(app, email_id, destination.as_deref()).await,
        Command::QueueCancel { email_id } => desk::cancel(app, email_id).await,
        Command::QueuePause { destination, reason } => desk::pause(app, &destination, reason).await,
        Command::QueueResume { destination } => desk::resume(app, &destination).await,
        Command::InboxList { state, source, since, offset, limit } => {
            inbox::desk::list(app, state, source, since, offset, limit.min(ROWS_MAX)).await
        }
        Command::InboxShow { id } => inbox::desk::show(app, id).await,
        Command::InboxReplay { ids, state, source, since, before, dry_run } => {
            let filter = InboxFilter { state, source, since, before };
            Box::pin(inbox::desk::replay(app, &ids, filter, dry_run)).await
        }
        Command::Send { customer, to, message } => sendmail::send(app, customer.as_deref(), &to, &message.0).await,
        Command::TrackingKeyList => tracking_keys::list(app).await,
        Command::TrackingKeyRotate { force } => tracking_keys::rotate(app, force).await,
        Command::TrackingKeyRetire { id } => tracking_keys::retire(app, id).await,
        Command::ClientRules => Ok(client_rules::show(app)),
        Command::ClientRulesLoad { text } => client_rules::load(app, text).await,
        Command::ClientRulesReset => client_rules::reset(app).await,
        Command::CustomerResume { email } => health::resume(app, &email).await,
        Command::StatsShow { customer, days } => stats::show(app, customer.as_deref(), days).await,
        Command::EventsLatest { customer, event_type, email_id, recipient, limit } => {
            event_lines::latest(app, Wanted { customer, event_type, email_id, recipient }, limit).await
        }
        Command::EventsSince { customer, event_type, email_id, recipient, after } => {
            event_lines::since(app, Wanted { customer, event_type, email_id, recipient }, after).await
        }
        Command::StatsRebuild { from, customer, dry_run } => {
            stats::rebuild(app, from, customer.as_deref(), dry_run).await
        }
        Command::Reclassify { after, since, customer, dry_run } => {
            reclassify::part(app, after, since, customer.as_deref(), dry_run).await
        }
        Command::Score { message } => {
            let judged = scoring::analyze_raw(app, &message.0).await.map_err(|error| error.to_string())?;
            serde_json::to_value(judged).map_err(|error| error.to_string())
        }
        Command::Normalize { content_type, headers, body } => Ok(normalize(app, content_type, headers, body.0).await),
        Command::PluginComponent { name, version } => registry::component(app, name, version).await,
        Command::RecordingsStatus => recorder::status(app).await.map_err(|error| error.to_string()),
        Command::RecordingsClear => recorder::clear(app).await.map(|()| json!({})).map_err(|error| error.to_string()),
        Command::Recordings { world, before, since, limit } => recorded::page(app, world, before, since, limit).await,
    }
}

async fn nodes_and_edges(app: &App) -> Outcome {
    let mut answer = registry::nodes(app).await?;
    answer["edges"] = nodes::list(app).await?["edges"].take();
    Ok(answer)
}

async fn mailbox_list(app: &App, limit: i64) -> Outcome {
    let (rows, total) = app.store.captured(0, limit).await.map_err(|error| error.to_string())?;
    let rows: Vec<_> = rows
        .into_iter()
        .map(|row| {
            json!({ "email_id": row.email_id, "captured_at": rfc3339(row.captured_at), "from": row.sender,
                "to": row.recipient, "subject": row.subject, "customer": row.customer, "status": row.status })
        })
        .collect();
    Ok(json!({ "emails": rows, "total": total }))
}

async fn mailbox_show(app: &App, email_id: Uuid) -> Outcome {
    let captured = app.store.captured_email(email_id).await.map_err(|error| error.to_string())?;
    let captured =
        captured.ok_or_else(|| format!("the mailbox has no email {email_id}; see `pillarbox mailbox list`"))?;
    let parsed = ParsedMessage::parse(&captured.raw).ok_or("the stored message cannot be read")?;
    let events: Vec<_> = captured
        .events
        .iter()
        .map(|event| {
            json!({ "event_type": event.event_type, "timestamp": rfc3339(event.occurred_at),
                "recipient": event.recipient, "event_data": event.data })
        })
        .collect();
    let summary = captured.summary;
    Ok(json!({
        "email_id": summary.email_id, "captured_at": rfc3339(summary.captured_at), "from": summary.sender,
        "to": summary.recipient, "subject": summary.subject, "customer": summary.customer, "status": summary.status,
        "html": parsed.html, "text": parsed.text, "source": String::from_utf8_lossy(&captured.raw), "events": events,
    }))
}

/// Never fails as a whole: a line of a set keeps its place, with the reason in `error`.
async fn normalize(app: &App, content_type: String, headers: Vec<(String, String)>, body: Vec<u8>) -> Json {
    let received_at = u64::try_from(app.now()).unwrap_or(0);
    let request = normalizer::Request { content_type, headers, body, received_at, attributes: Vec::new() };
    let nothing = |error: String| json!({ "events": [], "ignored": [], "error": error });
    match app.plugins.read(request).await.map(|read| read.call.result) {
        Some(Ok(Ok(outcome))) => outcome_json(&outcome),
        Some(Ok(Err(problem))) => nothing(format!("{}: {}", problem.code, problem.message)),
        Some(Err(error)) => nothing(error.to_string()),
        None => nothing("no normalizer plugin is active".into()),
    }
}

/// Where the service of a data directory is reached.
///
/// A socket's path has at most 107 bytes, and a data directory may be deep. So the socket is named through the open
/// directory, which is short and stays right wherever the directory is moved.
pub(crate) struct Socket {
    path: PathBuf,
    _directory: File,
}

impl Socket {
    pub(crate) fn of(data_dir: &Path) -> io::Result<Self> {
        let directory = File::open(data_dir)?;
        let path = PathBuf::from(format!("/proc/self/fd/{}/{SOCKET_FILE}", directory.as_raw_fd()));
        Ok(Self { path, _directory: directory })
    }

    pub(crate) async fn connect(&self) -> io::Result<UnixStream> {
        UnixStream::connect(&self.path).await
    }

    /// The caller holds the data directory, so a socket that is there already was left behind by a process that died.
    fn bind(&self) -> io::Result<UnixListener> {
        match std::fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(&self.path)?;
        std::fs::set_permissions(&self.path, std::fs::Permissions::from_mode(0o600))?;
        Ok(listener)
    }
}

/// Serves commands until the service stops.
pub async fn serve(app: Arc<App>, mut shutdown: watch::Receiver<Shutdown>) -> io::Result<()> {
    let socket = Socket::of(&app.config.data_dir)?;
    let listener = socket.bind()?;
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let place = Arc::clone(&places).acquire_owned().await.expect("the places are never closed");
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = shutdown.wait_for(|step| *step >= Shutdown::Drain) => break,
        };
        let Ok((stream, _)) = accepted else { continue };
        let app = Arc::clone(&app);
        tokio::spawn(async move {
            let _place = place;
            if let Err(error) = converse(&app, stream).await {
                tracing::debug!(%error, "a command's connection ended");
            }
        });
    }
    std::fs::remove_file(&socket.path)
}

async fn converse(app: &App, mut stream: UnixStream) -> io::Result<()> {
    while let Some(frame) = read_frame(&mut stream).await? {
        let outcome = match serde_json::from_slice(&frame) {
            Ok(command) => execute(app, command).await,
            Err(error) => Err(format!("the service does not know this command (is it another version?): {error}")),
        };
        write_frame(&mut stream, &serde_json::to_vec(&outcome)?).await?;
    }
    Ok(())
}

/// Asks the service on the other side of `stream`.
pub(crate) async fn ask(stream: &mut UnixStream, command: &Command) -> io::Result<Outcome> {
    write_frame(stream, &serde_json::to_vec(command)?).await?;
    let answer = read_frame(stream).await?.ok_or(io::ErrorKind::UnexpectedEof)?;
    Ok(serde_json::from_slice(&answer)?)
}

/// A length in four bytes, most significant first, and so many bytes of JSON.
async fn write_frame(stream: &mut UnixStream, frame: &[u8]) -> io::Result<()> {
    let length = u32::try_from(frame.len()).ok().filter(|length| *length as usize <= FRAME_BYTES_MAX);
    let length = length.ok_or_else(|| io::Error::from(io::ErrorKind::FileTooLarge))?;
    stream.write_all(&length.to_be_bytes()).await?;
    stream.write_all(frame).await
}

/// `None` when the other side is done.
async fn read_frame(stream: &mut UnixStream) -> io::Result<Option<Vec<u8>>> {
    let mut length = [0; 4];
    match stream.read_exact(&mut length).await {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        other => other?,
    };
    let length = u32::from_be_bytes(length) as usize;
    if length > FRAME_BYTES_MAX {
        return Err(io::Error::other(format!("more than {FRAME_BYTES_MAX} bytes")));
    }
    let mut frame = vec![0; length];
    stream.read_exact(&mut frame).await?;
    Ok(Some(frame))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn passes(length: u32) -> bool {
        let (mut one, mut other) = UnixStream::pair().expect("a pair is made");
        one.write_all(&length.to_be_bytes()).await.expect("it is written");
        drop(one);
        // With nothing behind the length, a frame inside the bound ends early and one outside is refused before.
        let error = read_frame(&mut other).await.expect_err("nothing follows");
        error.kind() == io::ErrorKind::UnexpectedEof
    }

    #[test]
    fn content_of_the_largest_size_fits_into_a_frame() {
        let encoded = base64::encoded_len(CONTENT_BYTES_MAX, true).expect("it can be counted");
        assert!(encoded + 1024 * 1024 <= FRAME_BYTES_MAX);
    }

    #[tokio::test]
    async fn a_frame_over_the_bound_is_not_begun() {
        let (mut one, mut other) = UnixStream::pair().expect("a pair is made");
        let error = write_frame(&mut one, &vec![0; FRAME_BYTES_MAX + 1]).await.expect_err("it is refused");
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
        drop(one);
        assert!(read_frame(&mut other).await.expect("nothing came").is_none());
    }

    #[tokio::test]
    async fn a_frame_has_a_bound_that_is_checked_before_it_is_read() {
        let bound = u32::try_from(FRAME_BYTES_MAX).expect("the bound fits");
        assert!(passes(bound).await);
        assert!(!passes(bound + 1).await);
    }
}
