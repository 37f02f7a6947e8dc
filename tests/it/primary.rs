//! A libSQL server for faults that a real one cannot be made to show: it loses answers, is slow, or is away. What it is
//! asked it does on a database of its own, as the real one would; `tests/peers/cluster.sh` tries that one.

#![expect(clippy::disallowed_types, reason = "the server has a database of its own, beside the store")]

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;

/// The server on a port of its own.
pub struct Primary {
    pub url: String,
    state: Arc<State>,
    serving: JoinHandle<()>,
}

struct State {
    database: Mutex<libsql::Connection>,
    /// Writing batches whose answers are lost after they were done.
    to_lose: AtomicUsize,
    /// Whether it is away once it has lost an answer.
    dies: AtomicBool,
    /// Requests that are dropped before anything is done.
    to_drop: AtomicUsize,
}

impl Drop for Primary {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Primary {
    pub async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port is free");
        let url = format!("http://{}", listener.local_addr().expect("it is bound"));
        let database = libsql::Builder::new_local(":memory:").build().await.expect("memory opens");
        let state = Arc::new(State {
            database: Mutex::new(database.connect().expect("it is connected")),
            to_lose: AtomicUsize::new(0),
            dies: AtomicBool::new(false),
            to_drop: AtomicUsize::new(0),
        });
        let shared = Arc::clone(&state);
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let state = Arc::clone(&shared);
                tokio::spawn(async move {
                    let service = service_fn(move |request| answer(Arc::clone(&state), request));
                    drop(http1::Builder::new().serve_connection(TokioIo::new(stream), service).await);
                });
            }
        });
        Self { url, state, serving }
    }

    /// Does what the next so many writing batches ask for, and breaks their connections without an answer.
    pub fn loses_answers(&self, count: usize) {
        self.state.to_lose.store(count, Ordering::SeqCst);
    }

    /// Does what the next writing batch asks for, and answers nobody from then on.
    pub fn dies_with_the_next_change(&self) {
        self.state.dies.store(true, Ordering::SeqCst);
        self.loses_answers(1);
    }

    /// Answers again.
    pub fn comes_back(&self) {
        self.state.dies.store(false, Ordering::SeqCst);
        self.drops_requests(0);
    }

    /// Breaks the connections of so many requests before it does anything.
    pub fn drops_requests(&self, count: usize) {
        self.state.to_drop.store(count, Ordering::SeqCst);
    }

    /// Runs SQL beside all nodes.
    pub async fn run(&self, sql: &str) {
        self.state.database.lock().await.execute_batch(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    pub async fn number(&self, sql: &str) -> i64 {
        let database = self.state.database.lock().await;
        let mut rows = database.query(sql, ()).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        rows.next().await.expect("it is read").expect("there is a row").get(0).expect("it is a number")
    }
}

async fn answer(state: Arc<State>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Broken> {
    let body = request.into_body().collect().await.expect("the request is whole").to_bytes();
    if take_one(&state.to_drop) {
        return Err(Broken);
    }
    let asked: Value = serde_json::from_slice(&body).expect("it is JSON");
    let database = state.database.lock().await;
    let before = database.total_changes();
    let result = run(&database, &asked["requests"][0]["batch"]).await;
    if database.total_changes() != before && take_one(&state.to_lose) {
        if state.dies.load(Ordering::SeqCst) {
            state.to_drop.store(usize::MAX, Ordering::SeqCst);
        }
        return Err(Broken);
    }
    let ok = |response: Value| json!({ "type": "ok", "response": response });
    let results = [ok(json!({ "type": "batch", "result": result })), ok(json!({ "type": "close" }))];
    Ok(Response::new(Full::from(json!({ "baton": null, "results": results }).to_string())))
}

/// Ends a connection without an answer.
#[derive(Debug)]
struct Broken;

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("broken on purpose")
    }
}

impl std::error::Error for Broken {}

fn take_one(left: &AtomicUsize) -> bool {
    left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
}

async fn run(database: &libsql::Connection, batch: &Value) -> Value {
    let (mut results, mut errors) = (Vec::new(), Vec::new());
    for step in batch["steps"].as_array().expect("a batch has steps") {
        let went_well = |at: &Value| {
            let at = usize::try_from(at.as_u64().expect("a step has a number")).expect("it fits");
            !Value::is_null(&results[at])
        };
        let is_run = match step["condition"]["type"].as_str() {
            None => true,
            Some("ok") => went_well(&step["condition"]["step"]),
            Some("not") => !went_well(&step["condition"]["cond"]["step"]),
            Some(other) => panic!("{other}"),
        };
        let (result, error) = if is_run {
            match statement(database, &step["stmt"]).await {
                Ok(result) => (result, Value::Null),
                Err(error) => (Value::Null, failure(&error)),
            }
        } else {
            (Value::Null, Value::Null)
        };
        results.push(result);
        errors.push(error);
    }
    json!({ "step_results": results, "step_errors": errors })
}

fn failure(error: &libsql::Error) -> Value {
    let code = match error {
        libsql::Error::SqliteFailure(code, _) if code & 0xff == 19 => "SQLITE_CONSTRAINT",
        _ => "SQLITE_UNKNOWN",
    };
    json!({ "message": error.to_string(), "code": code })
}

async fn statement(database: &libsql::Connection, asked: &Value) -> Result<Value, libsql::Error> {
    let values: Vec<_> = asked["args"].as_array().expect("it has values").iter().map(value).collect();
    let prepared = database.prepare(asked["sql"].as_str().expect("it is text")).await?;
    let columns = prepared.columns().len();
    if columns == 0 {
        let changed = prepared.execute(values).await?;
        return Ok(json!({ "cols": [], "rows": [], "affected_row_count": changed }));
    }
    let (mut found, mut rows) = (prepared.query(values).await?, Vec::new());
    while let Some(row) = found.next().await? {
        let columns = i32::try_from(columns).expect("it fits");
        let row: Result<Vec<_>, _> = (0..columns).map(|column| row.get_value(column)).collect();
        rows.push(row?.into_iter().map(told).collect::<Vec<_>>());
    }
    Ok(json!({ "cols": [], "rows": rows, "affected_row_count": 0 }))
}

fn value(told: &Value) -> libsql::Value {
    let text = |name: &str| told[name].as_str().expect("it is text").to_owned();
    match told["type"].as_str().expect("a value has a type") {
        "null" => libsql::Value::Null,
        "integer" => libsql::Value::Integer(text("value").parse().expect("it is a number")),
        "float" => libsql::Value::Real(told["value"].as_f64().expect("it is a number")),
        "text" => libsql::Value::Text(text("value")),
        "blob" => libsql::Value::Blob(BASE64.decode(text("base64")).expect("it is base64")),
        other => panic!("{other}"),
    }
}

fn told(value: libsql::Value) -> Value {
    match value {
        libsql::Value::Null => json!({ "type": "null" }),
        libsql::Value::Integer(value) => json!({ "type": "integer", "value": value.to_string() }),
        libsql::Value::Real(value) => json!({ "type": "float", "value": value }),
        libsql::Value::Text(value) => json!({ "type": "text", "value": value }),
        libsql::Value::Blob(value) => json!({ "type": "blob", "base64": BASE64.encode(value) }),
    }
}
