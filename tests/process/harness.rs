//! A data directory, the binary that runs in it, and what it prints.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::http::{Answer, Connection};

/// How long the process may take to start, to stop, or to finish a command.
const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(10);
/// How often a port that was free may turn out to be taken.
const PORTS_TRIED: usize = 5;

/// A directory with a data directory in it.
pub struct Home {
    directory: TempDir,
    key: String,
}

/// A process that serves. It is killed when it is dropped.
pub struct Service {
    child: Child,
    home: PathBuf,
    pub api: SocketAddr,
    pub operator: SocketAddr,
    pub smtp: SocketAddr,
    /// A customer's key.
    pub key: String,
}

/// What a command came to.
pub struct Done {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Home {
    /// Nothing was ever started here.
    pub fn empty() -> Self {
        Self { directory: tempfile::tempdir().expect("a directory is made"), key: String::new() }
    }

    /// A first start was here, so that the plugins are compiled and there is a customer with a key.
    pub fn prepared() -> Self {
        static PREPARED: OnceLock<Home> = OnceLock::new();
        let prepared = PREPARED.get_or_init(|| {
            let mut home = Self::empty();
            let service = home.serve(&[]);
            home.key.clone_from(&service.key);
            assert_eq!(service.stop().code(), Some(0));
            home
        });
        let home = Self { directory: tempfile::tempdir().expect("a directory is made"), key: prepared.key.clone() };
        copy(&prepared.data(), &home.data());
        home
    }

    /// Where commands run.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    pub fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    /// A file beside the data directory.
    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.directory.path().join(name);
        fs::write(&path, content).expect("the file is written");
        path
    }

    /// The binary with none of the settings of whoever runs the tests.
    pub fn command<Word: AsRef<OsStr>>(&self, words: &[Word]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pillarbox"));
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("PILLARBOX_") {
                command.env_remove(name);
            }
        }
        command.args(words).env("PILLARBOX_DATA_DIR", self.data()).current_dir(self.directory.path());
        command.env("XDG_CACHE_HOME", self.directory.path().join("cache"));
        // Many run at once, and the default is one port.
        command.env("PILLARBOX_SMTP_LISTEN", "off");
        command.stdin(Stdio::null());
        command
    }

    /// Runs a command to its end.
    pub fn run<Word: AsRef<OsStr>>(&self, words: &[Word]) -> Done {
        finish(&mut self.command(words), b"")
    }

    /// The same with something on its standard input.
    pub fn run_with(&self, words: &[&str], input: &[u8]) -> Done {
        finish(self.command(words).stdin(Stdio::piped()), input)
    }

    /// The JSON that a command prints when it succeeds.
    #[track_caller]
    pub fn json(&self, words: &[&str]) -> Value {
        let done = self.run(words);
        assert_eq!((done.code, done.err.as_str()), (Some(0), ""), "{words:?}");
        serde_json::from_str(&done.out).unwrap_or_else(|error| panic!("{error}: {}", done.out))
    }

    /// Starts the service with settings other than the defaults, and waits until it is ready.
    pub fn serve(&self, settings: &[(&str, &str)]) -> Service {
        for _ in 0..PORTS_TRIED {
            let mut command = self.command(&["serve"]);
            command.stderr(self.output("stderr"));
            if let Some(service) = self.serve_as(command, settings) {
                return service;
            }
        }
        panic!("no port was free");
    }

    fn output(&self, name: &str) -> File {
        File::create(self.directory.path().join(name)).expect("a file is made")
    }

    /// Starts a service by a command that is made already. `None` when somebody else took the port.
    pub fn serve_as(&self, mut command: Command, settings: &[(&str, &str)]) -> Option<Service> {
        let (api, operator, smtp) = (free_address(), free_address(), free_address());
        command.env("PILLARBOX_LISTEN", api.to_string()).env("PILLARBOX_OPERATOR_LISTEN", operator.to_string());
        command.env("PILLARBOX_SMTP_LISTEN", smtp.to_string());
        command.env("PILLARBOX_REQUESTS_PER_MINUTE", "0").envs(settings.iter().copied());
        let child = command.stdout(self.output("stdout")).spawn().expect("the binary starts");
        let home = self.directory.path().to_owned();
        let mut service = Service { child, home, api, operator, smtp, key: self.key.clone() };
        let started = Instant::now();
        while !service.is_ready() {
            if let Some(status) = service.child.try_wait().expect("the process is asked") {
                let log = service.log();
                assert!(log.contains("cannot listen on"), "it ended with {status}: {log}");
                return None;
            }
            assert!(started.elapsed() < PATIENCE, "it is not ready: {}", service.log());
            sleep(PAUSE);
        }
        if service.key.is_empty() {
            let key = service.printed().lines().find(|line| line.starts_with("ml_live_")).map(str::to_owned);
            service.key = key.unwrap_or_default();
        }
        Some(service)
    }
}

impl Service {
    pub fn connect(&self) -> Connection {
        Connection::open(self.api).expect("the service accepts")
    }

    /// One request of the API on a connection of its own, with the customer's key.
    pub fn call(&self, method: &str, path: &str, body: &[u8]) -> Answer {
        let authorization = format!("Bearer {}", self.key);
        let headers = [("Authorization", authorization.as_str()), ("Content-Type", "application/json")];
        self.connect().call(method, path, &headers, body).expect("the service answers")
    }

    #[track_caller]
    pub fn get(&self, path: &str) -> Value {
        let answer = self.call("GET", path, b"");
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        answer.json()
    }

    /// Sends an html email and returns its id.
    #[track_caller]
    pub fn send(&self, to: &str) -> String {
        let answer = self.call("POST", "/api/send", email(to).as_bytes());
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()["email_id"].as_str().expect("an answer has the id").to_owned()
    }

    /// Waits until an email was handed over, which for a sandbox is the mailbox.
    #[track_caller]
    pub fn delivered(&self, email_id: &str) {
        let started = Instant::now();
        let path = format!("/api/emails/{email_id}");
        while self.get(&path)["email"]["status"] != "delivered" {
            assert!(started.elapsed() < PATIENCE, "{email_id} stays undelivered");
            sleep(PAUSE);
        }
    }

    /// Whatever happened before, the next request is served.
    #[track_caller]
    pub fn still_serves(&self) {
        assert_eq!(self.call("GET", "/api/customer/profile", b"").status, 200);
    }

    /// One page for operators.
    pub fn operator(&self, path: &str) -> io::Result<Answer> {
        Connection::open(self.operator)?.call("GET", path, &[("Connection", "close")], b"")
    }

    fn is_ready(&self) -> bool {
        self.operator("/readyz").is_ok_and(|answer| answer.status == 200)
    }

    /// Everything on its standard output.
    pub fn printed(&self) -> String {
        fs::read_to_string(self.home.join("stdout")).expect("the output is read")
    }

    /// Everything on its standard error by now. It is written behind the answers, so that this waits until it grows no more.
    pub fn log(&self) -> String {
        let read = || fs::read_to_string(self.home.join("stderr")).unwrap_or_default();
        let mut log = read();
        loop {
            sleep(Duration::from_millis(100));
            let longer = read();
            if longer == log {
                return log;
            }
            log = longer;
        }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Asks the process to stop.
    pub fn terminate(&self) {
        let kill = format!("kill -TERM {}", self.pid());
        assert!(Command::new("sh").args(["-c", &kill]).status().expect("a shell runs").success());
    }

    /// Waits for its end.
    pub fn ended(&mut self) -> ExitStatus {
        wait(&mut self.child)
    }

    /// Stops it in order.
    pub fn stop(mut self) -> ExitStatus {
        self.terminate();
        self.ended()
    }

    /// Ends it as a power cut would, as far as the process can tell.
    pub fn kill(&mut self) {
        self.child.kill().expect("the process is there");
        self.child.wait().expect("the process is waited for");
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Done {
    /// It failed with a sentence that holds all of these, and printed nothing else.
    #[track_caller]
    pub fn refuses(&self, parts: &[&str]) {
        assert_eq!((self.code, self.out.as_str()), (Some(1), ""), "{}", self.err);
        assert!(parts.iter().all(|part| self.err.contains(part)), "{parts:?} are not in {}", self.err);
        assert!(self.err.starts_with("pillarbox: ") && !self.err.contains("panicked"), "{}", self.err);
    }

    /// It succeeded; this is what it printed.
    #[track_caller]
    pub fn printed(&self) -> &str {
        assert_eq!((self.code, self.err.as_str()), (Some(0), ""));
        &self.out
    }
}

/// The body of a request that sends a small html email with a link.
pub fn email(to: &str) -> String {
    let html = "<p>Hello, read <a href=\"https://example.com/start\">this</a>.</p>";
    json!({ "to": to, "subject": "Hello", "html": html }).to_string()
}

/// Runs a command to its end, with something on its standard input if that is piped.
pub fn finish(command: &mut Command, input: &[u8]) -> Done {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary starts");
    let (out, err, stdin) = (child.stdout.take(), child.stderr.take(), child.stdin.take());
    std::thread::scope(|scope| {
        let out = scope.spawn(|| text(out));
        let err = scope.spawn(|| text(err));
        if let Some(mut stdin) = stdin {
            // Who stops reading has answered already.
            scope.spawn(move || drop(stdin.write_all(input)));
        }
        let status = wait(&mut child);
        let whole = |reader: std::thread::ScopedJoinHandle<String>| reader.join().expect("nothing panics");
        Done { code: status.code(), out: whole(out), err: whole(err) }
    })
}

fn text(stream: Option<impl Read>) -> String {
    let mut bytes = Vec::new();
    stream.expect("it is piped").read_to_end(&mut bytes).expect("it is read");
    String::from_utf8(bytes).expect("it is UTF-8")
}

fn wait(child: &mut Child) -> ExitStatus {
    let started = Instant::now();
    loop {
        if let Some(status) = child.try_wait().expect("the process is asked") {
            return status;
        }
        if started.elapsed() > PATIENCE {
            drop(child.kill());
            panic!("it has not ended after {PATIENCE:?}");
        }
        sleep(PAUSE);
    }
}

/// An address that was free a moment ago.
pub fn free_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    listener.local_addr().expect("it has an address")
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).expect("a directory is made");
    fs::set_permissions(to, fs::metadata(from).expect("it has a mode").permissions()).expect("the mode is kept");
    for entry in fs::read_dir(from).expect("the directory is read") {
        let entry = entry.expect("the directory is read");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("it has a type").is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("a file is copied");
        }
    }
}
