//! The way to the primary: a libSQL server, asked in batches that each have their time, with a breaker in front.

use std::fmt;
use std::path::Path;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use http::{Request, StatusCode, Uri};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{sleep, timeout_at};
use uuid::Uuid;

use super::breaker::Breaker;
use super::hrana;
use crate::app::Clock;
use crate::http_client::{HttpClient, SendError};
use crate::ids::new_id;
use crate::store::StoreError;
use crate::store::control::primary::{Step, StepEnd};

/// From the wish to ask to the end of the answer.
const CALL_TIME: Duration = Duration::from_secs(2);
/// The same for making a cluster of everything that a node has.
const PATIENT_TIME: Duration = Duration::from_mins(1);
/// Bytes of an answer.
const ANSWER_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Bytes of a request.
const REQUEST_BYTES_MAX: usize = 48 * 1024 * 1024;
/// The longest that a change of the control plane takes, waiting for its turn and trying again included.
const CHANGE_TIME: Duration = Duration::from_secs(5);
/// Changes of one node that wait for their turn. One more is refused.
const CHANGES_WAITING_MAX: usize = 256;
/// The first pause before another try. Each further one is twice as long, give or take a half.
const PAUSE_FIRST_MS: u64 = 50;
const PAUSE_MAX_MS: u64 = 800;

/// Where the control plane is written.
pub(crate) struct Primary {
    url: Uri,
    authorization: Option<HeaderValue>,
    client: HttpClient,
    patient: HttpClient,
    breaker: Breaker,
    clock: Clock,
    node: String,
    host_key: String,
    change_time: Duration,
    turn: Semaphore,
    places: Semaphore,
    calls: AtomicU64,
    failures: AtomicU64,
    revision: AtomicI64,
    head: AtomicI64,
    /// When this node last had all there was, in milliseconds since 1970.
    current_at: AtomicI64,
}

/// How long a change goes on trying.
pub(crate) struct Patience {
    until: Instant,
    pauses: AtomicU64,
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum AskError {
    /// It was not asked: it did not answer lately.
    Resting(Duration),
    /// It was not reached, so nothing was done.
    Unreached(String),
    /// It was asked and gave no answer that can be read. Whether it did what it was asked, nobody knows.
    Unanswered(String),
    /// It does not serve us, so nothing was done.
    Refused(String),
    /// The answer is larger than this node takes.
    TooLarge,
}

/// What is known of the primary, for figures.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Figures {
    pub(crate) calls: u64,
    pub(crate) failures: u64,
    pub(crate) is_resting: bool,
    pub(crate) revision: i64,
    pub(crate) head: i64,
    pub(crate) lag_ms: i64,
}

impl Primary {
    pub(crate) fn new(
        url: &str,
        token: Option<&str>,
        ca: Option<&Path>,
        node: String,
        host_key: String,
        clock: Clock,
    ) -> Result<Self, String> {
        let wrong = |what: &dyn fmt::Display| format!("storage_url: `{url}`: {what}");
        let whole = format!("{}{}", url.trim_end_matches('/'), hrana::PATH);
        let uri: Uri = whole.parse().map_err(|error| wrong(&error))?;
        let authorization = token.map(|token| HeaderValue::try_from(format!("Bearer {token}"))).transpose();
        let mut authorization = authorization.map_err(|_| "storage_token: it cannot stand in a header".to_owned())?;
        if let Some(value) = &mut authorization {
            value.set_sensitive(true);
        }
        let client = HttpClient::new("storage_ca", ca)?;
        let now = clock();
        Ok(Self {
            url: uri,
            authorization,
            client: client.clone().bounded(CALL_TIME, ANSWER_BYTES_MAX),
            patient: client.bounded(PATIENT_TIME, ANSWER_BYTES_MAX),
            breaker: Breaker::default(),
            clock,
            node,
            host_key,
            change_time: CHANGE_TIME,
            turn: Semaphore::new(1),
            places: Semaphore::new(CHANGES_WAITING_MAX),
            calls: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            revision: AtomicI64::new(0),
            head: AtomicI64::new(0),
            current_at: AtomicI64::new(now),
        })
    }

    /// What this node is called.
    pub(crate) fn node(&self) -> &str {
        &self.node
    }

    /// Which `host.key` this node has.
    pub(crate) fn host_key(&self) -> &str {
        &self.host_key
    }

    /// The name of a new unit of work.
    pub(crate) fn new_unit(&self) -> Uuid {
        new_id((self.clock)())
    }

    /// How long a change that begins now may take.
    pub(crate) fn patience(&self) -> Patience {
        Patience { until: Instant::now() + self.change_time, pauses: AtomicU64::new(0) }
    }

    /// Changes of this node are made one after the other, since each is made on what the one before it left.
    pub(crate) async fn turn(
        &self,
        patience: &Patience,
    ) -> Result<(SemaphorePermit<'_>, SemaphorePermit<'_>), StoreError> {
        let place = self.places.try_acquire().map_err(|_| StoreError::Full)?;
        let turn = timeout_at(patience.until.into(), self.turn.acquire()).await;
        let turn = turn.map_err(|_| StoreError::Away("other changes wait for it already".into()))?;
        Ok((turn.map_err(|_| StoreError::Closed)?, place))
    }

    /// Runs a batch.
    pub(crate) async fn ask(&self, steps: &[Step]) -> Result<Vec<StepEnd>, AskError> {
        self.ask_by(&self.client, steps).await
    }

    /// The same for one that takes long.
    pub(crate) async fn ask_patiently(&self, steps: &[Step]) -> Result<Vec<StepEnd>, AskError> {
        self.ask_by(&self.patient, steps).await
    }

    async fn ask_by(&self, client: &HttpClient, steps: &[Step]) -> Result<Vec<StepEnd>, AskError> {
        let body = hrana::request(steps);
        if body.len() > REQUEST_BYTES_MAX {
            let bytes = body.len();
            return Err(AskError::Refused(format!("{bytes} bytes are more than it is given at once")));
        }
        let leave = self.breaker.admit(Instant::now()).map_err(AskError::Resting)?;
        self.calls.fetch_add(1, Ordering::Relaxed);
        let outcome = self.exchange(client, body).await;
        match &outcome {
            Err(AskError::Unreached(_) | AskError::Unanswered(_)) => {
                self.failures.fetch_add(1, Ordering::Relaxed);
                leave.unanswered(Instant::now());
            }
            _ => leave.answered(),
        }
        outcome
    }

    async fn exchange(&self, client: &HttpClient, body: Vec<u8>) -> Result<Vec<StepEnd>, AskError> {
        let mut request = Request::post(self.url.clone()).header(CONTENT_TYPE, "application/json");
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization.clone());
        }
        let request = request.body(Bytes::from(body)).map_err(|error| AskError::Refused(error.to_string()))?;
        let answer = client.try_send(request).await.map_err(|error| match error {
            SendError::Unreached(why) => AskError::Unreached(why),
            SendError::Unanswered(why) => AskError::Unanswered(why),
            SendError::TooLarge(_) => AskError::TooLarge,
        })?;
        let status = answer.status();
        if status == StatusCode::OK {
            return hrana::answer(answer.body()).map_err(AskError::Unanswered);
        }
        let said = format!("it says {status}: {}", hrana::complaint(answer.body()));
        Err(if status.is_client_error() { AskError::Refused(said) } else { AskError::Unanswered(said) })
    }

    /// Notes how far this node is, and how far the primary was when it was asked.
    pub(crate) fn reached(&self, revision: i64, head: i64) {
        self.revision.fetch_max(revision, Ordering::Relaxed);
        self.head.store(head, Ordering::Relaxed);
        if revision >= head {
            self.current_at.store((self.clock)(), Ordering::Relaxed);
        }
    }

    pub(crate) fn figures(&self) -> Figures {
        Figures {
            calls: self.calls.load(Ordering::Relaxed),
            failures: self.failures.load(Ordering::Relaxed),
            is_resting: self.breaker.is_open(),
            revision: self.revision.load(Ordering::Relaxed),
            head: self.head.load(Ordering::Relaxed),
            lag_ms: ((self.clock)() - self.current_at.load(Ordering::Relaxed)).max(0),
        }
    }
}

impl Patience {
    /// Whether there is no time left.
    pub(crate) fn is_over(&self) -> bool {
        Instant::now() >= self.until
    }

    /// Waits before another try. False when there is no time for one.
    pub(crate) async fn pause(&self) -> bool {
        let doublings = self.pauses.fetch_add(1, Ordering::Relaxed).min(8);
        let whole = (PAUSE_FIRST_MS << doublings).min(PAUSE_MAX_MS);
        // Nodes that failed together do not come again together.
        let chance = new_id(0).as_u64_pair().1 % whole;
        let pause = Duration::from_millis(whole / 2 + chance);
        if Instant::now() + pause >= self.until {
            return false;
        }
        sleep(pause).await;
        true
    }
}

impl From<AskError> for StoreError {
    /// For what asks without changing anything that is not the same the second time.
    fn from(error: AskError) -> Self {
        match error {
            AskError::Resting(_) | AskError::Unreached(_) | AskError::Unanswered(_) => Self::Away(error.to_string()),
            AskError::Refused(_) | AskError::TooLarge => Self::Primary(error.to_string()),
        }
    }
}

impl fmt::Display for AskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Resting(rest) => write!(f, "it did not answer lately and is asked again in {} ms", rest.as_millis()),
            Self::Unreached(why) | Self::Unanswered(why) | Self::Refused(why) => f.write_str(why),
            Self::TooLarge => write!(f, "it answers with more than {ANSWER_BYTES_MAX} bytes"),
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::future::join_all;

    use super::*;
    use crate::store::control::primary::Condition;

    /// A primary that nobody is.
    fn primary() -> Primary {
        let clock: Clock = std::sync::Arc::new(|| 0);
        Primary::new("http://127.0.0.1:1", None, None, "a".into(), "key".into(), clock).expect("it is an address")
    }

    fn step(bytes: usize) -> Step {
        Step { sql: "x".repeat(bytes), values: Vec::new(), condition: Condition::Always }
    }

    #[tokio::test]
    async fn so_many_changes_wait_for_their_turn_and_no_more() {
        let primary = Primary { change_time: Duration::from_millis(100), ..primary() };
        let patience = primary.patience();
        let first = primary.turn(&patience).await.expect("it is free");
        let waiting = join_all((1..CHANGES_WAITING_MAX).map(|_| primary.turn(&patience)));
        let one_more = async {
            tokio::task::yield_now().await;
            primary.turn(&patience).await.map(drop)
        };
        let (waited, refused) = tokio::join!(waiting, one_more);
        assert!(matches!(refused, Err(StoreError::Full)), "{refused:?}");
        let are_away = waited.iter().all(|turn| matches!(turn, Err(StoreError::Away(_))));
        assert!(are_away, "the first one never ended, and each waited for as long as it may");
        drop((first, waited));
        drop(primary.turn(&primary.patience()).await.expect("it is free again"));
    }

    #[tokio::test]
    async fn a_request_may_be_as_large_as_the_bound_and_no_larger() {
        let primary = primary();
        let frame = hrana::request(&[step(0)]).len();
        let just = primary.ask(&[step(REQUEST_BYTES_MAX - frame)]).await;
        assert!(matches!(just, Err(AskError::Unreached(_))), "it was sent");
        let more = primary.ask(&[step(REQUEST_BYTES_MAX - frame + 1)]).await;
        assert!(matches!(more, Err(AskError::Refused(_))), "it was not");
    }

    #[tokio::test]
    async fn who_does_not_answer_is_left_alone() {
        let primary = primary();
        for _ in 0..super::super::breaker::FAILURES_MAX {
            assert!(matches!(primary.ask(&[step(1)]).await, Err(AskError::Unreached(_))));
        }
        assert!(matches!(primary.ask(&[step(1)]).await, Err(AskError::Resting(_))));
        let figures = primary.figures();
        assert_eq!((figures.calls, figures.failures, figures.is_resting), (3, 3, true));
    }

    #[test]
    fn addresses_and_tokens_that_cannot_be_are_refused() {
        let of = |url: &str, token: &str| {
            let clock: Clock = std::sync::Arc::new(|| 0);
            Primary::new(url, Some(token), None, "a".into(), "key".into(), clock).map(drop)
        };
        of("http://sqld.internal:8080/", "token").expect("it is good");
        assert!(of("http://a b", "token").expect_err("a space").contains("storage_url"));
        assert!(of("http://sqld.internal", "a\nb").expect_err("two lines").contains("storage_token"));
    }
}
