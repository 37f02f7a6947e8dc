//! An application without sockets, the people who use it, and their answers.

use std::fmt::Debug;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::Poll;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use pillarbox::app::App;
use pillarbox::config::Config;
use pillarbox::control::{self, Command};
use pillarbox::plugins::deployment::Fallback;
use pillarbox::registry::{self, Note};
use pillarbox::store::StoreError;
use pillarbox::{cluster, delivery, hits, request, tracking_hosts, tracking_keys};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::guests;

/// 2024-03-15T14:30:00Z, where every test begins.
pub const BEGINNING: i64 = 1_710_513_000_000;

/// The clock of a test, which stands still.
#[derive(Clone)]
pub struct Clock(Arc<AtomicI64>);

impl Default for Clock {
    fn default() -> Self {
        Self(Arc::new(AtomicI64::new(BEGINNING)))
    }
}

impl Clock {
    pub fn now(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A running application without sockets.
pub struct TestApp {
    pub app: Arc<App>,
    clock: Arc<AtomicI64>,
    directory: TempDir,
}

/// A customer with a key.
#[derive(Clone)]
pub struct TestCustomer {
    test: Arc<App>,
    pub email: String,
    pub domain: String,
    pub key: String,
}

/// What came back.
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl TestApp {
    pub async fn start() -> Self {
        Self::with(&[]).await
    }

    /// Starts with settings other than the defaults, by the names of their variables.
    pub async fn with(settings: &[(&str, &str)]) -> Self {
        let directory = tempfile::tempdir().expect("a directory is made");
        copy(prepared(), directory.path());
        Self::on(directory, settings).await
    }

    /// Starts on an empty data directory, as another installation with secrets of its own.
    pub async fn start_anew() -> Self {
        Self::on(tempfile::tempdir().expect("a directory is made"), &[]).await
    }

    async fn on(directory: TempDir, settings: &[(&str, &str)]) -> Self {
        let clock = Arc::new(AtomicI64::new(BEGINNING));
        let app = open(directory.path(), settings, Arc::clone(&clock));
        let joined = cluster::join(&app).await.expect("it may join its cluster, if it has one");
        assert!(matches!(joined, cluster::Joined::Yes), "{joined:?}");
        registry::start(&app).await.expect("the built-in plugins start");
        tracking_hosts::start(&app).await.expect("the tracking hosts are read");
        tracking_keys::start(&app).await.expect("the tracking keys are read");
        cluster::enter(&app);
        Self { app: Arc::new(app), clock, directory }
    }

    /// The first node of a new cluster at this server, with further settings.
    pub async fn cluster(storage_url: &str, settings: &[(&str, &str)]) -> Self {
        let directory = tempfile::tempdir().expect("a directory is made");
        copy(prepared(), directory.path());
        let settings = [settings, &[("PILLARBOX_STORAGE_URL", storage_url)]].concat();
        let app = open(directory.path(), &settings, Arc::default());
        cluster::init(&app).await.expect("the server is empty");
        drop(app);
        Self::on(directory, &settings).await
    }

    /// Follows its cluster to where that is.
    pub async fn look(&self) {
        self.try_look().await.expect("the cluster is followed");
    }

    pub async fn try_look(&self) -> Result<(), StoreError> {
        cluster::look(&self.app).await
    }

    pub fn data_dir(&self) -> &Path {
        &self.app.config.data_dir
    }

    pub fn clock(&self) -> Clock {
        Clock(Arc::clone(&self.clock))
    }

    /// Lets time pass.
    pub fn pass(&self, millis: i64) {
        self.clock.fetch_add(millis, Ordering::Relaxed);
    }

    pub async fn customer(&self, name: &str) -> TestCustomer {
        let email = format!("{name}@example.org");
        let made = self.command(Command::CustomerCreate { name: name.into(), email: email.clone() }).await;
        let text = |value: &Value| value.as_str().expect("it is text").to_owned();
        TestCustomer { test: Arc::clone(&self.app), email, domain: text(&made["domain"]), key: text(&made["api_key"]) }
    }

    /// A customer with both switches of the Events API on.
    pub async fn customer_with_events(&self, name: &str) -> TestCustomer {
        let customer = self.customer(name).await;
        let email = customer.email.clone();
        let on = Some(true);
        self.command(Command::CustomerFeatures { email, event_tracking: on, event_api: on, privacy: None }).await;
        customer
    }

    /// Runs a command of the command line.
    pub async fn command(&self, command: Command) -> Value {
        control::execute(&self.app, command).await.expect("the command succeeds")
    }

    /// Runs a command that cannot be done, and gives the sentence that says why.
    pub async fn refused_command(&self, command: Command) -> String {
        control::execute(&self.app, command).await.expect_err("the command is refused")
    }

    /// Installs a guest of the fixtures as a scorer, and activates it even if it fails its check.
    pub async fn install(&self, guest: &str, version: &str, activate: bool) -> Value {
        let component = control::Bytes(guests::scorer(guest, version));
        self.command(Command::PluginInstall { component, signature: None, activate, unchecked: true, note: note() })
            .await
    }

    /// Says what answers when a plugin fails.
    pub async fn set_fallback(&self, name: &str, rungs: &[Fallback]) {
        self.command(Command::PluginFallback { name: name.into(), rungs: rungs.to_vec(), note: note() }).await;
    }

    /// Stops the service and starts it again on the same data.
    pub async fn restart(self, customer: TestCustomer) -> (Self, TestCustomer) {
        self.restart_after(customer, || {}).await
    }

    /// The same, with something done to the data in between.
    pub async fn restart_after(self, customer: TestCustomer, between: impl FnOnce()) -> (Self, TestCustomer) {
        let Self { app, clock, directory } = self;
        let TestCustomer { test, email, domain, key } = customer;
        drop(test);
        drop(Arc::into_inner(app).expect("nobody else holds the application"));
        between();
        let app = Arc::new(open(directory.path(), &[], Arc::clone(&clock)));
        registry::start(&app).await.expect("the plugins start");
        tracking_hosts::start(&app).await.expect("the tracking hosts are read");
        tracking_keys::start(&app).await.expect("the tracking keys are read");
        (Self { app: Arc::clone(&app), clock, directory }, TestCustomer { test: app, email, domain, key })
    }

    /// Stops the service and starts it again on the same data with other settings.
    pub async fn restart_with(self, settings: &[(&str, &str)]) -> Self {
        let Self { app, clock, directory } = self;
        drop(Arc::into_inner(app).expect("nobody else holds the application"));
        let app = Arc::new(open(directory.path(), settings, Arc::clone(&clock)));
        registry::start(&app).await.expect("the plugins start");
        tracking_hosts::start(&app).await.expect("the tracking hosts are read");
        tracking_keys::start(&app).await.expect("the tracking keys are read");
        Self { app, clock, directory }
    }

    /// The types of what happened to an email so far, in order.
    pub async fn events_of(&self, customer: &TestCustomer, email_id: &str) -> Vec<String> {
        let answer = customer.get(&format!("/api/v1/emails/{email_id}/events")).await.json();
        let events = answer["events"].as_array().unwrap_or_else(|| panic!("{answer}"));
        events.iter().map(|event| event["event_type"].as_str().expect("it is text").to_owned()).collect()
    }

    /// Hands over what is queued and due.
    pub async fn deliver(&self) {
        delivery::deliver_due(&self.app).await.expect("the queue is worked on");
    }

    /// The message of an email as it would have gone out.
    pub async fn captured(&self, email_id: &str) -> Value {
        self.deliver().await;
        self.command(Command::MailboxShow { email_id: email_id.parse().expect("it is an id") }).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        send(&self.app, Request::get(path).body(Full::default()).expect("it is a request")).await
    }

    pub async fn post(&self, path: &str, content_type: &str, body: impl Into<Bytes>) -> Answer {
        let request = Request::post(path).header("content-type", content_type).body(Full::new(body.into()));
        send(&self.app, request.expect("it is a request")).await
    }

    pub async fn request(&self, request: Request<Full<Bytes>>) -> Answer {
        send(&self.app, request).await
    }

    /// A request from another address than the usual one.
    pub async fn request_from(&self, peer: IpAddr, request: Request<Full<Bytes>>) -> Answer {
        send_from(&self.app, peer, request).await
    }

    /// A notification as a program would post it.
    pub async fn notify(&self, path: &str, body: Value) -> Answer {
        self.post(path, "application/json", body.to_string()).await
    }
}

impl TestCustomer {
    /// The same customer at another node.
    pub fn on(&self, node: &TestApp) -> Self {
        Self { test: Arc::clone(&node.app), ..self.clone() }
    }

    /// The same customer with another key.
    pub fn with_key(&self, key: &str) -> Self {
        Self { key: key.to_owned(), ..self.clone() }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path, None, &[]).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.call(Method::POST, path, Some(body), &[]).await
    }

    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        self.call(Method::PATCH, path, Some(body), &[]).await
    }

    /// Any call with the customer's key, a JSON body and further headers.
    pub async fn call(&self, method: Method, path: &str, body: Option<Value>, headers: &[(&str, &str)]) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        request = request.header("authorization", format!("Bearer {}", self.key));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = match body {
            Some(body) => {
                request = request.header("content-type", "application/json");
                Full::from(body.to_string())
            }
            None => Full::default(),
        };
        send(&self.test, request.body(body).expect("it is a request")).await
    }

    /// Sends a small html email and returns its id.
    pub async fn send(&self, to: &str) -> String {
        let html = "<p>Hello, read <a href=\"https://example.com/a?b=1&amp;c=2\">this</a>.</p>";
        let answer = self.post("/api/send", json!({ "to": to, "subject": "Hello", "html": html })).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()["email_id"].as_str().expect("an answer has the id").to_owned()
    }
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.body.to_vec()).expect("it is text")
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("headers are text"))
    }

    /// What matters of it is its status.
    #[track_caller]
    pub fn is_status(&self, status: u16) {
        assert_eq!(self.status.as_u16(), status, "{self:?}");
    }

    /// The whole answer, with every id read as `[id]`.
    #[track_caller]
    pub fn is(&self, status: u16, body: Value) {
        let mut given = self.json();
        hide_ids(&mut given);
        assert_eq!((self.status.as_u16(), given), (status, body));
    }

    /// A refusal: its status, its code, and what its words must contain.
    #[track_caller]
    pub fn refuses(&self, status: u16, code: &str, words: &str) {
        let body = self.json();
        assert_eq!((self.status.as_u16(), body["code"].as_str()), (status, Some(code)), "{body}");
        assert!(body.to_string().contains(words), "{words} is not in {body}");
    }
}

impl Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {:?} {}", self.status, self.headers, String::from_utf8_lossy(&self.body))
    }
}

fn hide_ids(value: &mut Value) {
    match value {
        Value::String(text) if is_id(text) => *text = "[id]".into(),
        Value::Array(list) => list.iter_mut().for_each(hide_ids),
        Value::Object(fields) => fields.values_mut().for_each(hide_ids),
        _ => {}
    }
}

fn is_id(text: &str) -> bool {
    let (id, rest) = text.split_at_checked(36).unwrap_or((text, ""));
    // A Message-ID begins with the email's id.
    (rest.is_empty() || rest.starts_with('@')) && id.len() == 36 && id.chars().filter(|c| *c == '-').count() == 4
}

/// Whoever gives commands in a test.
pub fn note() -> Note {
    Note { by: "grace".into(), why: Some("for a test".into()) }
}

pub fn activate(name: &str, version: &str) -> Command {
    Command::PluginActivate { name: name.into(), version: version.into(), unchecked: true, note: note() }
}

pub fn roll_back(name: &str) -> Command {
    Command::PluginRollback { name: name.into(), note: note() }
}

/// Waits for all of them at once.
pub async fn at_once<T>(calls: impl IntoIterator<Item = impl Future<Output = T>>) -> Vec<T> {
    let mut calls: Vec<_> = calls.into_iter().map(|call| (Box::pin(call), None)).collect();
    std::future::poll_fn(|context| {
        for (call, done) in calls.iter_mut().filter(|(_, done)| done.is_none()) {
            if let Poll::Ready(value) = call.as_mut().poll(context) {
                *done = Some(value);
            }
        }
        if calls.iter().all(|(_, done)| done.is_some()) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    calls.into_iter().filter_map(|(_, done)| done).collect()
}

async fn send(app: &App, request: Request<Full<Bytes>>) -> Answer {
    send_from(app, IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7)), request).await
}

async fn send_from(app: &App, peer: IpAddr, request: Request<Full<Bytes>>) -> Answer {
    let response = request::handle(app, peer, request).await;
    let (parts, body) = response.into_parts();
    let body = body.collect().await.expect("the body is whole").to_bytes();
    // Opens and clicks are in the database a moment later, and tests look at once.
    hits::applied(app).await;
    Answer { status: parts.status, headers: parts.headers, body }
}

fn open(directory: &Path, settings: &[(&str, &str)], clock: Arc<AtomicI64>) -> App {
    let data_dir = directory.to_str().expect("the path is text").to_owned();
    let variable = |name: &str| match name {
        "PILLARBOX_DATA_DIR" => Some(data_dir.clone()),
        name => {
            let set = settings.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
            // Small files, since many tests make some.
            set.or_else(|| (name == "PILLARBOX_HIT_JOURNAL_BYTES_MAX").then(|| "1048576".to_owned()))
        }
    };
    let config = Config::read(&variable, None).expect("the settings are good");
    App::open(config, Arc::new(move || clock.load(Ordering::Relaxed))).expect("the application opens")
}

/// A data directory after a first start, so that each test need not compile the plugins.
fn prepared() -> &'static Path {
    static PREPARED: OnceLock<TempDir> = OnceLock::new();
    let directory = PREPARED.get_or_init(|| {
        let directory = tempfile::tempdir().expect("a directory is made");
        let app = open(directory.path(), &[], Arc::new(AtomicI64::new(BEGINNING)));
        // A thread of its own, because the test that comes first is inside a runtime already.
        std::thread::scope(|scope| {
            let started = scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                runtime.expect("a runtime starts").block_on(registry::start(&app))
            });
            started.join().expect("nothing panics").expect("the built-in plugins start");
        });
        drop(app);
        directory
    });
    directory.path()
}

fn copy(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).expect("the directory is read") {
        let entry = entry.expect("the directory is read");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("it has a type").is_dir() {
            std::fs::create_dir(&target).expect("a directory is made");
            let mode = entry.metadata().expect("it has a mode").permissions();
            std::fs::set_permissions(&target, mode).expect("the mode is kept");
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).expect("a file is copied");
        }
    }
}
