//! Sources of notifications: whom they stand for, and whether what came to the address of one is genuine.

mod dedupe;
pub(crate) mod desk;
pub(crate) mod providers;
mod sns;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use ring::aead::AES_256_GCM;
use serde_json::json;
use uuid::Uuid;

use self::dedupe::Dedupe;
use self::sns::SnsClient;
use crate::app::App;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::hash::sha256;
use crate::reply::Reply;
use crate::request::Head;
use crate::secrets::{HostKey, Sealer};
use crate::store::{SourceRow, StoreError, TokenUsed};
use crate::verification::{self, Asked, Proof, Rule, Wrong, mandrill};

/// What the address of a source begins with, behind the base URL.
const PATH: &str = "/webhooks/in/";
/// Characters of the last part of an address: 192 random bits in hexadecimal.
pub(crate) const ADDRESS_CHARS: usize = 48;
/// The header by which Azure Event Grid tells what it posts, and its word for the handshake.
const EVENT_GRID: (&str, &str) = ("aeg-event-type", "SubscriptionValidation");
/// Characters of the code that Event Grid wants to hear again.
const CODE_CHARS_MAX: usize = 512;

/// What all sources have in common.
pub(crate) struct Sources {
    sealer: Sealer,
    sns: SnsClient,
}

impl Sources {
    pub(crate) fn new(config: &Config, host_key: &HostKey) -> Result<Self, String> {
        let sealer = Sealer::new(&AES_256_GCM, &host_key.derive("webhook sources"));
        Ok(Self { sealer, sns: SnsClient::new(config)? })
    }

    fn seal(&self, id: Uuid, secret: &str) -> Result<Vec<u8>, String> {
        self.sealer.seal(id.as_bytes(), secret.as_bytes().to_vec()).map_err(str::to_owned)
    }

    fn open(&self, id: Uuid, sealed: Vec<u8>) -> Result<String, String> {
        let secret = self.sealer.open(id.as_bytes(), sealed)?;
        String::from_utf8(secret).map_err(|error| error.to_string())
    }
}

/// A source that takes notifications, with the last part of its address as it was asked for.
pub(crate) struct Source {
    row: SourceRow,
    address: String,
}

/// A notification that a source let in.
pub(crate) struct Admitted {
    /// Of which source.
    pub(crate) source_id: Uuid,
    pub(crate) name: String,
    /// The format, as the normalizer calls it; whatever it recognizes where there is none.
    pub(crate) provider: Option<String>,
    /// Whose emails it may change; everybody's where there is none.
    pub(crate) customer: Option<Uuid>,
    /// What it is known by when it comes again.
    pub(crate) dedupe: Option<String>,
    /// Whether more than the address proves whom it comes from.
    pub(crate) verified: bool,
    /// For the normalizer.
    pub(crate) attributes: Vec<(String, String)>,
    /// A handshake, which goes no further than this answer.
    pub(crate) answered: Option<Reply>,
}

/// The source at an address. One that does not exist and one that is disabled look the same.
pub(crate) async fn find(app: &App, address: &str) -> Result<Source> {
    let known = match address.len() {
        ADDRESS_CHARS => app.store.source_at(sha256(address.as_bytes()).to_vec()).await?,
        _ => None,
    };
    let row = known.filter(|row| row.disabled_at.is_none()).ok_or(Error::NotFound("Not found"))?;
    Ok(Source { row, address: address.to_owned() })
}

impl Source {
    /// Bytes of a body that it takes.
    pub(crate) fn body_bytes_max(&self) -> usize {
        usize::try_from(self.row.body_bytes_max).unwrap_or(0)
    }

    /// A failure as this source's sender has to hear it: some throw away what is answered with 503, and come again
    /// after 429.
    pub(crate) fn told(&self, error: Error) -> Error {
        if self.row.busy_status != i64::from(StatusCode::TOO_MANY_REQUESTS.as_u16()) {
            return error;
        }
        match error {
            Error::Busy(message) => Error::TooMany { code: "busy", message, retry_after_secs: Some(1) },
            Error::Internal { public, cause } => {
                tracing::error!(source = self.row.name, %cause, "a notification was not taken");
                Error::TooMany { code: "busy", message: public, retry_after_secs: Some(1) }
            }
            other => other,
        }
    }

    fn refused(&self, rule: &Rule, why: &Wrong) -> Error {
        tracing::warn!(source = self.row.name, %why, "notification refused");
        let status = u16::try_from(self.row.refused_status).ok().and_then(|status| StatusCode::from_u16(status).ok());
        let is_basic = matches!(rule, Rule::Basic);
        Error::Unverified { status: status.unwrap_or(StatusCode::UNAUTHORIZED), is_basic }
    }

    /// The address as its sender was given it.
    fn url(&self, app: &App) -> String {
        let base = self.row.public_url.clone().unwrap_or_else(|| app.config.base_url());
        format!("{base}{PATH}{}", self.address)
    }
}

/// Whether a request to a source's address is genuine, and what is known of it then. The times that are signed are held
/// against the one at which it was received, in milliseconds: at an edge node that may be days ago.
pub(crate) async fn admit(app: &App, source: &Source, head: &Head, body: &Bytes, received_at: i64) -> Result<Admitted> {
    let row = &source.row;
    let now = app.now();
    let rule: Rule = serde_json::from_str(&row.rule).map_err(|error| unread(error.into()))?;
    let sealed = row.secret.iter().chain(&row.former_secret).cloned();
    let secrets: Result<Vec<_>, _> = sealed.map(|sealed| app.sources.open(row.id, sealed)).collect();
    let secrets = secrets.map_err(|error| unread(error.into()))?;
    let url = source.url(app);
    let asked = Asked { headers: &head.headers, body, url: &url, now: received_at, window_secs: row.window_secs };
    // Before Mandrill has a key for an address, it tries it with nothing.
    if rule == Rule::Mandrill && mandrill::is_empty(&asked) {
        return Ok(admitted(row, None, false, Some(done())));
    }
    let (proof, answered) = match &rule {
        Rule::Sns { topics } => sns(app, source, &rule, topics, &asked).await?,
        rule => {
            let proof = verification::check(rule, &secrets, &asked).map_err(|why| source.refused(rule, &why))?;
            (proof, handshake(row, head, body)?)
        }
    };
    if let Some(once) = &proof.once {
        use_once(app, source, &rule, once, body, now).await?;
    }
    if row.use_is_stale(now) {
        app.store.use_source(row.id, now).await?;
    }
    let own_key = row.dedupe.as_deref().and_then(|word| word.parse::<Dedupe>().ok());
    let dedupe = own_key.map_or(proof.id, |dedupe| dedupe.key(&head.headers, body));
    Ok(admitted(row, dedupe, rule != Rule::None, answered))
}

fn admitted(row: &SourceRow, dedupe: Option<String>, verified: bool, answered: Option<Reply>) -> Admitted {
    let mut attributes = vec![("endpoint".to_owned(), "in".to_owned()), ("source".to_owned(), row.name.clone())];
    attributes.extend(row.provider.iter().map(|provider| ("provider".to_owned(), provider.clone())));
    Admitted {
        source_id: row.id,
        name: row.name.clone(),
        provider: row.provider.clone(),
        customer: row.customer_id,
        dedupe,
        verified,
        attributes,
        answered,
    }
}

/// Checks a message of Amazon SNS by its certificate, which is fetched where needed, and confirms a subscription.
async fn sns(
    app: &App,
    source: &Source,
    rule: &Rule,
    topics: &[String],
    asked: &Asked<'_>,
) -> Result<(Proof, Option<Reply>)> {
    use verification::sns::{Kind, Message};

    let refused = |why: Wrong| source.refused(rule, &why);
    let later = |why: String| {
        tracing::warn!(source = source.row.name, why, "notification not taken now");
        Error::Busy("The notification cannot be checked right now; try again")
    };
    let host = app.sources.sns.host.as_deref();
    let message = Message::read(topics, host, asked).map_err(refused)?;
    let certificate = app.sources.sns.certificate(&message.certificate, asked.now).await.map_err(later)?;
    let proof = message.check(&certificate, asked.now).map_err(refused)?;
    let answered = match message.kind {
        Kind::Notification => None,
        Kind::Subscription => {
            let place = message.confirmation(host).map_err(refused)?;
            app.sources.sns.confirm(place).await.map_err(later)?;
            tracing::info!(source = source.row.name, topic = message.topic, "subscription confirmed");
            Some(done())
        }
        // Whoever ended it meant that. It does not begin again by itself.
        Kind::Unsubscription => {
            tracing::warn!(source = source.row.name, topic = message.topic, "subscription ended");
            Some(done())
        }
    };
    Ok((proof, answered))
}

/// What the handshake of Azure Event Grid is answered, which knows the address by then and so has the right to hear it.
fn handshake(row: &SourceRow, head: &Head, body: &[u8]) -> Result<Option<Reply>> {
    let is_azure = row.provider.as_deref().is_none_or(|provider| provider == "azure");
    if !is_azure || !is_handshake(&head.headers) {
        return Ok(None);
    }
    let body: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    let code = body[0]["data"]["validationCode"].as_str().filter(|code| code.len() <= CODE_CHARS_MAX);
    let code = code.ok_or_else(|| Error::invalid_at("/0/data/validationCode", "The handshake has no code"))?;
    Ok(Some(Reply::ok(&json!({ "validationResponse": code }))))
}

/// Takes what was signed beside a body with that body, and with no other as long as its time may be now. Of what an edge
/// node received the time counts from when it got here.
async fn use_once(app: &App, source: &Source, rule: &Rule, once: &str, body: &[u8], now: i64) -> Result<()> {
    let row = &source.row;
    // A time may be as far before now as after it.
    let window_ms = row.window_secs.unwrap_or(desk::WINDOW_SECS_MAX).saturating_mul(2_000);
    let hashes = [sha256(once.as_bytes()), sha256(body)];
    match app.store.use_source_token(row.id, hashes, now.saturating_add(window_ms), now).await {
        Ok(TokenUsed::Yes) => Ok(()),
        Ok(TokenUsed::Otherwise) => Err(source.refused(rule, &Wrong::Replayed)),
        Err(StoreError::Full) => Err(Error::Busy("Too many notifications are remembered right now; try again")),
        Err(error) => Err(error.into()),
    }
}

/// Whether a request is a handshake that wants to hear something in particular.
pub(crate) fn is_handshake(headers: &HeaderMap) -> bool {
    let (name, word) = EVENT_GRID;
    headers.get(name).is_some_and(|value| value == word)
}

fn done() -> Reply {
    Reply::ok(&json!({ "success": true }))
}

fn unread(cause: crate::error::Cause) -> Error {
    Error::Internal { public: "The source cannot be read", cause }
}
