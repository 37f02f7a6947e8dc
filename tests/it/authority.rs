//! A certificate authority (RFC 8555) that checks what it is sent, and looks at challenges as a real one would: by a
//! request for the host, to the application under test.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use pillarbox::app::App;
use pillarbox::request;
use rcgen::{CertificateParams, CertificateSigningRequestParams, Issuer, KeyPair};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::harness::{Clock, TestApp};

const DAY_MS: i64 = 24 * 60 * 60 * 1_000;
/// How long its certificates hold.
pub const CERTIFICATE_DAYS: i64 = 90;

/// How the authority is disposed.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Mood {
    #[default]
    Good,
    /// What stands in front of it says that it is away.
    Away,
    /// It takes requests and answers none.
    Silent,
    /// It has issued enough, for so many seconds.
    Busy(u32),
    /// It wants so many authorizations for a name.
    Demanding(usize),
    /// It gives certificates for another name than was asked for.
    Confused,
}

/// The authority on a port of its own.
pub struct Authority {
    pub directory: String,
    state: Arc<Mutex<State>>,
    serving: JoinHandle<()>,
}

#[derive(Default)]
struct State {
    origin: String,
    mood: Mood,
    app: Weak<App>,
    clock: Clock,
    nonces: BTreeSet<String>,
    /// How many good nonces of requests for an order it refuses before it takes one.
    refusals: usize,
    /// Accounts with the thumbprints of their keys.
    accounts: BTreeMap<String, String>,
    orders: Vec<Order>,
    /// From when to when, in days from now, certificates are to be renewed.
    renewal_days: Option<(i64, i64)>,
    issued: usize,
}

struct Order {
    account: String,
    host: String,
    status: &'static str,
    /// What was wrong with the challenge.
    error: Option<String>,
    certificate: Option<String>,
}

impl Drop for Authority {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Authority {
    pub async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port is free");
        let origin = format!("http://{}", listener.local_addr().expect("it is bound"));
        let state = Arc::new(Mutex::new(State { origin: origin.clone(), ..State::default() }));
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
        Self { directory: format!("{origin}/directory"), state, serving }
    }

    /// Has it look at the challenges of this application, and at its clock.
    pub fn attach(&self, test: &TestApp) {
        self.change(|state| {
            state.app = Arc::downgrade(&test.app);
            state.clock = test.clock();
        });
    }

    pub fn is(&self, mood: Mood) {
        self.change(|state| state.mood = mood);
    }

    /// Has it forget every account, as one for tests does when it starts again.
    pub fn forget_accounts(&self) {
        self.change(|state| state.accounts.clear());
    }

    /// Has it refuse so many good nonces of requests for an order.
    pub fn refuses_nonces(&self, count: usize) {
        self.change(|state| state.refusals = count);
    }

    pub fn renews_within(&self, from_days: i64, to_days: i64) {
        self.change(|state| state.renewal_days = Some((from_days, to_days)));
    }

    /// How many certificates it issued.
    pub fn issued(&self) -> usize {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).issued
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

async fn answer(state: Arc<Mutex<State>>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.expect("the request is whole").to_bytes();
    let mood = state.lock().expect("nothing panicked").mood;
    match mood {
        Mood::Silent => std::future::pending::<()>().await,
        Mood::Away => {
            let away = Response::builder().status(StatusCode::BAD_GATEWAY).header("content-type", "text/html");
            return Ok(away.body(Full::from("<h1>Bad Gateway</h1>")).expect("an answer"));
        }
        Mood::Good | Mood::Busy(_) | Mood::Demanding(_) | Mood::Confused => {}
    }
    let path = parts.uri.path().to_owned();
    let segments: Vec<_> = path.trim_start_matches('/').split('/').collect();
    if let ["challenge", number] = segments[..]
        && let Err(problem) = look(&state, number, &body).await
    {
        return Ok(*problem);
    }
    let mut state = state.lock().expect("nothing panicked");
    let state = &mut *state;
    let answer = match (&parts.method, &segments[..]) {
        (&Method::GET, ["directory"]) => state.show(StatusCode::OK, state.directory()),
        (&Method::HEAD, ["nonce"]) => state.show(StatusCode::OK, Value::Null),
        (&Method::GET, ["renewal", _]) => with(state.show(StatusCode::OK, state.renewal()), "retry-after", "21600"),
        (&Method::POST, segments) => state.posted(segments, &body),
        _ => state.problem("malformed", "there is no such thing", StatusCode::NOT_FOUND),
    };
    Ok(answer)
}

/// Looks whether the host shows what it has to.
async fn look(state: &Arc<Mutex<State>>, number: &str, body: &Bytes) -> Result<(), Box<Response<Full<Bytes>>>> {
    let number: usize = number.parse().expect("our own number");
    let (app, host, wanted) = {
        let mut state = state.lock().expect("nothing panicked");
        let signed = state.signed(body)?;
        if signed.payload.is_null() {
            return Ok(());
        }
        let order = &state.orders[number];
        let wanted = format!("{}.{}", token(number), state.accounts[&order.account]);
        (state.app.upgrade(), order.host.clone(), wanted)
    };
    let path = format!("/.well-known/acme-challenge/{}", token(number));
    let request = Request::get(path).header("host", &host).body(Full::<Bytes>::default()).expect("a request");
    let app = app.expect("the application is attached");
    let shown = request::handle(&app, Ipv4Addr::LOCALHOST.into(), request).await;
    let status = shown.status();
    let shown = shown.into_body().collect().await.expect("it is whole").to_bytes();
    let mut state = state.lock().expect("nothing panicked");
    let order = &mut state.orders[number];
    if status == StatusCode::OK && shown == wanted.as_bytes() {
        order.status = "ready";
    } else {
        order.status = "invalid";
        order.error = Some(format!("{host} answered {status} to the challenge"));
    }
    Ok(())
}

/// What a request says, and who signed it.
struct Signed {
    protected: Value,
    payload: Value,
}

impl State {
    fn directory(&self) -> Value {
        let mut directory = json!({
            "newNonce": format!("{}/nonce", self.origin), "newAccount": format!("{}/account", self.origin),
            "newOrder": format!("{}/order", self.origin), "revokeCert": format!("{}/revoke", self.origin),
            "keyChange": format!("{}/key", self.origin),
        });
        if self.renewal_days.is_some() {
            directory["renewalInfo"] = json!(format!("{}/renewal", self.origin));
        }
        directory
    }

    fn renewal(&self) -> Value {
        let (from, to) = self.renewal_days.expect("it was asked for because the directory names it");
        let at = |days: i64| {
            let time = jiff::Timestamp::from_millisecond(self.clock.now() + days * DAY_MS);
            time.expect("a time").strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
        };
        json!({ "suggestedWindow": { "start": at(from), "end": at(to) } })
    }

    /// Reads a signed request. Its nonce is good once.
    fn signed(&mut self, body: &[u8]) -> Result<Signed, Box<Response<Full<Bytes>>>> {
        let body: Value = serde_json::from_slice(body).expect("it is JSON");
        let part = |name: &str| BASE64.decode(body[name].as_str().expect("it is text")).expect("it is base64");
        let protected: Value = serde_json::from_slice(&part("protected")).expect("it is JSON");
        assert_eq!(part("signature").len(), 64, "ES256");
        if !self.nonces.remove(protected["nonce"].as_str().expect("it has a nonce")) {
            return Err(self.problem("badNonce", "this nonce is not good", StatusCode::BAD_REQUEST).into());
        }
        let payload = part("payload");
        let payload = if payload.is_empty() { Value::Null } else { serde_json::from_slice(&payload).expect("JSON") };
        Ok(Signed { protected, payload })
    }

    fn posted(&mut self, segments: &[&str], body: &[u8]) -> Response<Full<Bytes>> {
        if let ["challenge", number] = segments {
            // It was looked at already, with the nonce.
            return self.show(StatusCode::OK, self.challenge(number.parse().expect("our own number")));
        }
        let signed = match self.signed(body) {
            Ok(signed) => signed,
            Err(problem) => return *problem,
        };
        if segments == ["account"] {
            return self.account(&signed);
        }
        let account = signed.protected["kid"].as_str().unwrap_or_default().to_owned();
        if !self.accounts.contains_key(&account) {
            return self.problem("accountDoesNotExist", "who are you?", StatusCode::BAD_REQUEST);
        }
        match segments {
            ["order"] => {
                if let Some(fewer) = self.refusals.checked_sub(1) {
                    self.refusals = fewer;
                    return self.problem("badNonce", "not this one", StatusCode::BAD_REQUEST);
                }
                if let Mood::Busy(secs) = self.mood {
                    let busy = self.problem("rateLimited", "too many certificates", StatusCode::TOO_MANY_REQUESTS);
                    return with(busy, "retry-after", &secs.to_string());
                }
                let host = signed.payload["identifiers"][0]["value"].as_str().expect("it has a name").to_owned();
                self.orders.push(Order { account, host, status: "pending", error: None, certificate: None });
                let number = self.orders.len() - 1;
                let location = format!("{}/order/{number}", self.origin);
                with(self.show(StatusCode::CREATED, self.order(number)), "location", &location)
            }
            ["order", number] => self.show(StatusCode::OK, self.order(number.parse().expect("our own number"))),
            ["authorization", number] => {
                let number: usize = number.parse().expect("our own number");
                let status = match self.orders[number].status {
                    "pending" => "pending",
                    "invalid" => "invalid",
                    _ => "valid",
                };
                let host = &self.orders[number].host;
                let authorization = json!({ "identifier": { "type": "dns", "value": host }, "status": status,
                    "challenges": [self.challenge(number)] });
                self.show(StatusCode::OK, authorization)
            }
            ["finalize", number] => {
                let number: usize = number.parse().expect("our own number");
                self.issue(number, signed.payload["csr"].as_str().expect("it has one"));
                self.show(StatusCode::OK, self.order(number))
            }
            ["certificate", number] => {
                let number: usize = number.parse().expect("our own number");
                let chain = self.orders[number].certificate.clone().expect("it is issued");
                let answer = self.show(StatusCode::OK, Value::Null);
                answer.map(|_| Full::from(chain))
            }
            _ => self.problem("malformed", "there is no such thing", StatusCode::NOT_FOUND),
        }
    }

    fn account(&mut self, signed: &Signed) -> Response<Full<Bytes>> {
        if signed.payload["termsOfServiceAgreed"] != true {
            return self.problem("userActionRequired", "agree first", StatusCode::FORBIDDEN);
        }
        let key = &signed.protected["jwk"];
        let text = |name: &str| key[name].as_str().expect("it is text").to_owned();
        // RFC 7638: these members in this order.
        let canonical = format!(
            "{{\"crv\":\"{}\",\"kty\":\"{}\",\"x\":\"{}\",\"y\":\"{}\"}}",
            text("crv"),
            text("kty"),
            text("x"),
            text("y")
        );
        let thumbprint = BASE64.encode(ring::digest::digest(&ring::digest::SHA256, canonical.as_bytes()));
        let id = format!("{}/account/{thumbprint}", self.origin);
        self.accounts.insert(id.clone(), thumbprint);
        with(self.show(StatusCode::CREATED, json!({ "status": "valid" })), "location", &id)
    }

    fn order(&self, number: usize) -> Value {
        let Order { host, status, certificate, .. } = &self.orders[number];
        let authorizations = if let Mood::Demanding(count) = self.mood { count } else { 1 };
        let at = |what: &str| format!("{}/{what}/{number}", self.origin);
        let mut order = json!({ "status": status, "identifiers": [{ "type": "dns", "value": host }],
            "authorizations": vec![at("authorization"); authorizations], "finalize": at("finalize") });
        if certificate.is_some() {
            order["certificate"] = json!(at("certificate"));
        }
        order
    }

    fn challenge(&self, number: usize) -> Value {
        let order = &self.orders[number];
        let status = match order.status {
            "pending" => "pending",
            "invalid" => "invalid",
            _ => "valid",
        };
        let mut challenge = json!({ "type": "http-01", "url": format!("{}/challenge/{number}", self.origin),
            "token": token(number), "status": status });
        if let Some(error) = &order.error {
            challenge["error"] = json!({ "type": "urn:ietf:params:acme:error:unauthorized", "detail": error });
        }
        challenge
    }

    fn issue(&mut self, number: usize, csr: &str) {
        let csr = BASE64.decode(csr).expect("it is base64");
        let mut asked = CertificateSigningRequestParams::from_der(&csr.into()).expect("it is signed by its key");
        let host = self.orders[number].host.clone();
        let wanted = rcgen::SanType::DnsName(host.try_into().expect("a name"));
        let asked_for = &asked.params.subject_alt_names;
        assert!(!asked_for.is_empty() && asked_for.iter().all(|name| *name == wanted), "{asked_for:?}");
        if self.mood == Mood::Confused {
            let other = "click.rival.example".to_owned().try_into().expect("a name");
            asked.params.subject_alt_names = vec![rcgen::SanType::DnsName(other)];
        }
        let at = |millis: i64| {
            rcgen::date_time_ymd(1970, 1, 1) + Duration::from_millis(millis.try_into().expect("after 1970"))
        };
        asked.params.not_before = at(self.clock.now());
        asked.params.not_after = at(self.clock.now() + CERTIFICATE_DAYS * DAY_MS);
        asked.params.use_authority_key_identifier_extension = true;
        let issuer = Issuer::new(CertificateParams::default(), KeyPair::generate().expect("a key"));
        let order = &mut self.orders[number];
        order.certificate = Some(asked.signed_by(&issuer).expect("it is signed").pem());
        order.status = "valid";
        self.issued += 1;
    }

    #[expect(clippy::needless_pass_by_value, reason = "what is shown is often read from self, which is borrowed")]
    fn show(&mut self, status: StatusCode, body: Value) -> Response<Full<Bytes>> {
        let nonce = format!("nonce-{}", uuid::Uuid::now_v7());
        self.nonces.insert(nonce.clone());
        let answer = Response::builder().status(status).header("replay-nonce", nonce);
        answer.header("content-type", "application/json").body(Full::from(body.to_string())).expect("an answer")
    }

    fn problem(&mut self, kind: &str, detail: &str, status: StatusCode) -> Response<Full<Bytes>> {
        let problem = json!({ "type": format!("urn:ietf:params:acme:error:{kind}"), "detail": detail });
        with(self.show(status, problem), "content-type", "application/problem+json")
    }
}

/// Without a `=`, as base64url has none.
fn token(order: usize) -> String {
    format!("token_{order}")
}

fn with(mut answer: Response<Full<Bytes>>, name: &'static str, value: &str) -> Response<Full<Bytes>> {
    answer.headers_mut().insert(name, value.parse().expect("a value"));
    answer
}
