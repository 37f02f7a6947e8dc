//! What operators do about sources.

use std::fmt;

use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::dedupe::Dedupe;
use super::providers::{self, Provider, SecretFrom};
use super::{ADDRESS_CHARS, PATH};
use crate::api::time::rfc3339;
use crate::app::App;
use crate::control::Outcome;
use crate::hash::{hex, sha256};
use crate::ids::new_id;
use crate::mail::event::words;
use crate::request::WEBHOOK_BODY_BYTES_MAX;
use crate::secrets::random;
use crate::store::{SOURCES_MAX, SourceAdded, SourceRotation, SourceRow, StoreError};
use crate::verification::{Algorithm, Encoding, HmacRule, KeyForm, Rule, check_header};

/// How far the time of a signature may be off at most: a week.
pub(crate) const WINDOW_SECS_MAX: i64 = 7 * 24 * 3_600;
/// Bytes of a body that the smallest source takes.
const BODY_BYTES_MIN: usize = 1_024;
/// Topics of one source.
const TOPICS_MAX: usize = 100;
/// Characters of one topic.
const TOPIC_CHARS_MAX: usize = 300;
/// Characters of a secret: public keys are the longest.
const SECRET_CHARS_MAX: usize = 8 * 1_024;
/// Characters of a secret that somebody thought of.
const SECRET_CHARS_MIN: usize = 8;
/// Characters of a prefix and of a name in a signature's header.
const WORD_CHARS_MAX: usize = 64;
/// Characters of the beginning of an address.
const URL_CHARS_MAX: usize = 512;
/// The user of a password that is made here.
const USER: &str = "pillarbox";

words! {
    /// A way to prove that a notification is genuine.
    Scheme {
        /// The address alone.
        None = "none",
        /// A user and a password.
        Basic = "basic",
        /// A secret behind `Authorization: Bearer`.
        Bearer = "bearer",
        /// A secret in a header.
        Header = "header",
        /// An HMAC in a header.
        Hmac = "hmac",
        /// Standard Webhooks, Svix.
        Standard = "standard",
        /// Amazon SNS.
        Sns = "sns",
        /// ECDSA, as `SendGrid` has it.
        Sendgrid = "sendgrid",
        /// Mailgun's HMAC.
        Mailgun = "mailgun",
        /// Mandrill's HMAC.
        Mandrill = "mandrill",
        /// Postal's RSA.
        Postal = "postal",
        /// Unisender Go's MD5.
        UnisenderGo = "unisender-go",
    }
}

/// A secret on its way to be sealed. Logs do not show it.
#[derive(Clone, Deserialize, Serialize)]
#[serde(transparent)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

/// A source as it is asked for. What is left out is what the provider has.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct NewSource {
    /// A word for lists and logs.
    pub name: String,
    /// The format, as the normalizer calls it.
    pub provider: Option<String>,
    /// How a notification proves itself, where not as the provider has it.
    pub scheme: Option<Scheme>,
    /// Made here where it is left out and the provider does not make one.
    pub secret: Option<Secret>,
    /// The address of the customer whose emails alone it may change.
    pub customer: Option<String>,
    /// Topics of Amazon SNS that it takes.
    pub topics: Vec<String>,
    /// How far the time of a signature may be off, in seconds.
    pub window_secs: Option<i64>,
    /// What repetitions are known by: `body`, `header:NAME` or `json:/POINTER`.
    pub dedupe: Option<String>,
    /// Bytes of a body.
    pub body_bytes_max: Option<usize>,
    /// What is answered to what is not genuine.
    pub refused_status: Option<u16>,
    /// What is answered while there is no room: 503 or 429.
    pub busy_status: Option<u16>,
    /// The beginning of the address as the sender knows it.
    pub public_url: Option<String>,
    /// The header with the signature or the secret.
    pub header: Option<String>,
    /// What stands before the signature or the secret.
    pub prefix: Option<String>,
    /// The hash of an HMAC.
    pub algorithm: Option<Algorithm>,
    /// How a signature is written.
    pub encoding: Option<Encoding>,
    /// How a secret is written.
    pub key: Option<KeyForm>,
    /// What is signed.
    pub signed: Option<String>,
    /// The header with the time.
    pub timestamp_header: Option<String>,
    /// The header with the sender's id.
    pub id_header: Option<String>,
    /// The names of time and signature in a header that is a list.
    pub fields: Option<(String, String)>,
}

/// Makes a source. Its address, and a secret that was made for it, are shown this once.
pub(crate) async fn add(app: &App, new: NewSource) -> Outcome {
    crate::config::name(&new.name)?;
    let provider = new.provider.as_deref().map(known_provider).transpose()?;
    let rule = rule(&new, provider)?;
    let (secret, made) = secret(&new, provider, &rule)?;
    let customer = match &new.customer {
        Some(email) => Some(customer(app, email).await?),
        None => None,
    };
    let now = app.now();
    let id = new_id(now);
    let sealed = secret.map(|secret| app.sources.seal(id, &secret)).transpose()?;
    let keeps_after_429_alone = provider.is_some_and(|provider| provider.keeps_after_429_alone);
    let row = SourceRow {
        id,
        name: new.name.clone(),
        provider: new.provider.clone(),
        rule: serde_json::to_string(&rule).map_err(|error| error.to_string())?,
        secret: sealed,
        former_secret: None,
        window_secs: window(&new, provider, &rule)?,
        refused_status: i64::from(refused_status(&new)?),
        busy_status: i64::from(busy_status(&new, keeps_after_429_alone)?),
        dedupe: new.dedupe.as_deref().map(|word| word.parse::<Dedupe>().map(|key| key.to_string())).transpose()?,
        body_bytes_max: body_bytes_max(&new)?,
        customer_id: customer,
        customer: new.customer.clone(),
        public_url: new.public_url.as_deref().map(public_url).transpose()?,
        created_at: now,
        rotated_at: None,
        disabled_at: None,
        used_at: None,
        has_former_address: false,
    };
    let (address, hash) = new_address()?;
    match app.store.add_source(row.clone(), hash).await.map_err(failed)? {
        SourceAdded::Yes => {}
        SourceAdded::NameTaken => return Err(format!("there is a source `{}` already", new.name)),
        SourceAdded::TooMany => {
            return Err(format!("there are {SOURCES_MAX} sources, which is as many as may be; remove one"));
        }
    }
    tracing::info!(source = row.name, scheme = rule.scheme(), "source added");
    Ok(json!({ "source": view(&row), "url": url(app, &row, &address), "secret": made }))
}

/// Every source, by its name.
pub(crate) async fn list(app: &App) -> Outcome {
    let rows = app.store.sources().await.map_err(failed)?;
    Ok(json!({ "sources": rows.iter().map(view).collect::<Vec<_>>() }))
}

pub(crate) async fn show(app: &App, name: &str) -> Outcome {
    let row = app.store.source(name.to_owned()).await.map_err(failed)?;
    Ok(json!({ "source": view(&row.ok_or_else(|| unknown(name))?) }))
}

/// Gives a source another secret or address beside the present one, or ends the former ones.
pub(crate) async fn rotate(
    app: &App,
    name: &str,
    given: Option<Secret>,
    new_address_too: bool,
    finish: bool,
) -> Outcome {
    let row = app.store.source(name.to_owned()).await.map_err(failed)?.ok_or_else(|| unknown(name))?;
    let rule: Rule = serde_json::from_str(&row.rule).map_err(|error| error.to_string())?;
    let mut rotation = SourceRotation { finish, ..SourceRotation::default() };
    let mut made = None;
    if given.is_some() || !(new_address_too || finish) {
        let provider = row.provider.as_deref().and_then(providers::find);
        let new = NewSource { secret: given, ..NewSource::default() };
        let (secret, own) = secret(&new, provider, &rule)?;
        let secret = secret.ok_or("this source has no secret; `--url` gives it another address")?;
        rotation.secret = Some(app.sources.seal(row.id, &secret)?);
        made = own;
    }
    let mut address = None;
    if new_address_too {
        let (new, hash) = new_address()?;
        rotation.address_hash = Some(hash);
        address = Some(url(app, &row, &new));
    }
    let row = app.store.rotate_source(name.to_owned(), rotation, app.now()).await.map_err(failed)?;
    let row = row.ok_or_else(|| unknown(name))?;
    tracing::info!(source = name, finish, "source rotated");
    Ok(json!({ "source": view(&row), "url": address, "secret": made }))
}

/// Has a source take nothing from now on, or take it again.
pub(crate) async fn set_disabled(app: &App, name: &str, disabled: bool) -> Outcome {
    let at = disabled.then(|| app.now());
    let row = app.store.set_source_disabled(name.to_owned(), at).await.map_err(failed)?;
    let row = row.ok_or_else(|| unknown(name))?;
    tracing::info!(source = name, disabled, "source changed");
    Ok(json!({ "source": view(&row) }))
}

pub(crate) async fn remove(app: &App, name: &str) -> Outcome {
    if !app.store.remove_source(name.to_owned()).await.map_err(failed)? {
        return Err(unknown(name));
    }
    tracing::info!(source = name, "source removed");
    Ok(json!({ "removed": name }))
}

/// How notifications prove themselves: as the provider has it, as was asked for, or as both together say.
fn rule(new: &NewSource, provider: Option<&Provider>) -> Result<Rule, String> {
    let own = match (new.scheme, provider) {
        (None, Some(provider)) => (provider.rule)(),
        (None, None) => {
            return Err("say where notifications come from with --provider, or how they prove themselves with \
                        --scheme; `pillarbox source add --help` has examples"
                .into());
        }
        (Some(scheme), _) => of_scheme(scheme, new)?,
    };
    let rule = match own {
        Rule::Sns { .. } => Rule::Sns { topics: topics(&new.topics)? },
        Rule::Hmac(rule) => {
            let rule = changed(rule, new);
            rule.check()?;
            if [
                Some(&rule.prefix),
                rule.fields.as_ref().map(|fields| &fields.0),
                rule.fields.as_ref().map(|fields| &fields.1),
            ]
            .into_iter()
            .flatten()
            .any(|word| word.len() > WORD_CHARS_MAX)
            {
                return Err(format!("a prefix and the names of fields have at most {WORD_CHARS_MAX} characters"));
            }
            Rule::Hmac(rule)
        }
        Rule::Header { header, prefix } => {
            let (header, prefix) = (new.header.clone().unwrap_or(header), new.prefix.clone().unwrap_or(prefix));
            check_header(&header)?;
            if prefix.len() > WORD_CHARS_MAX {
                return Err(format!("a prefix has at most {WORD_CHARS_MAX} characters"));
            }
            Rule::Header { header, prefix }
        }
        other => other,
    };
    let is_sns = matches!(rule, Rule::Sns { .. });
    if !is_sns && !new.topics.is_empty() {
        return Err("only sources of Amazon SNS have topics".into());
    }
    let for_hmac = [
        new.algorithm.is_some(),
        new.encoding.is_some(),
        new.key.is_some(),
        new.signed.is_some(),
        new.timestamp_header.is_some(),
        new.id_header.is_some(),
        new.fields.is_some(),
    ];
    if for_hmac.contains(&true) && !matches!(rule, Rule::Hmac(_)) {
        return Err(format!(
            "what is signed and how can be said of the scheme hmac, and this one is {}",
            rule.scheme()
        ));
    }
    let for_header = new.header.is_some() || new.prefix.is_some();
    if for_header && !matches!(rule, Rule::Hmac(_) | Rule::Header { .. }) {
        return Err(format!("the scheme {} has its headers", rule.scheme()));
    }
    Ok(rule)
}

fn of_scheme(scheme: Scheme, new: &NewSource) -> Result<Rule, String> {
    let header = || new.header.clone().ok_or("say with --header where it stands");
    Ok(match scheme {
        Scheme::None => Rule::None,
        Scheme::Basic => Rule::Basic,
        Scheme::Bearer => Rule::Header { header: "authorization".into(), prefix: "Bearer ".into() },
        Scheme::Header => Rule::Header { header: header()?, prefix: String::new() },
        Scheme::Hmac => Rule::Hmac(providers::hmac(&header()?, Encoding::Hex)),
        Scheme::Standard => Rule::Standard { text: false, bare: false },
        Scheme::Sns => Rule::Sns { topics: Vec::new() },
        Scheme::Sendgrid => Rule::Sendgrid,
        Scheme::Mailgun => Rule::Mailgun,
        Scheme::Mandrill => Rule::Mandrill,
        Scheme::Postal => Rule::Postal,
        Scheme::UnisenderGo => Rule::UnisenderGo,
    })
}

/// The rule of an HMAC with what was said otherwise.
fn changed(rule: HmacRule, new: &NewSource) -> HmacRule {
    HmacRule {
        header: new.header.clone().unwrap_or(rule.header),
        algorithm: new.algorithm.unwrap_or(rule.algorithm),
        encoding: new.encoding.unwrap_or(rule.encoding),
        key: new.key.unwrap_or(rule.key),
        prefix: new.prefix.clone().unwrap_or(rule.prefix),
        signed: new.signed.clone().unwrap_or(rule.signed),
        timestamp_header: new.timestamp_header.clone().or(rule.timestamp_header),
        id_header: new.id_header.clone().or(rule.id_header),
        fields: new.fields.clone().or(rule.fields),
    }
}

fn topics(given: &[String]) -> Result<Vec<String>, String> {
    if given.is_empty() {
        return Err(
            "say which topics it takes, as --topic arn:aws:sns:REGION:ACCOUNT:NAME: anybody can have a topic of \
                    their own send here"
                .into(),
        );
    }
    let is_topic = |topic: &&String| {
        topic.starts_with("arn:aws") && topic.split(':').count() == 6 && topic.len() <= TOPIC_CHARS_MAX
    };
    if let Some(wrong) = given.iter().find(|topic| !is_topic(topic)) {
        return Err(format!("`{wrong}` is no topic such as arn:aws:sns:us-east-1:123456789012:bounces"));
    }
    if given.len() > TOPICS_MAX {
        return Err(format!("a source takes at most {TOPICS_MAX} topics"));
    }
    Ok(given.to_vec())
}

/// The secret that a source gets, and the same again where it was made here and has to be shown.
fn secret(
    new: &NewSource,
    provider: Option<&Provider>,
    rule: &Rule,
) -> Result<(Option<String>, Option<String>), String> {
    let given = new.secret.as_ref().map(|Secret(secret)| secret.trim().to_owned());
    if let Some(secret) = given {
        if !(SECRET_CHARS_MIN..=SECRET_CHARS_MAX).contains(&secret.len()) {
            return Err(format!("a secret has {SECRET_CHARS_MIN} to {SECRET_CHARS_MAX} characters"));
        }
        rule.check_secret(&secret)?;
        return Ok((Some(secret), None));
    }
    let theirs = provider.map_or(SecretFrom::Us, |provider| provider.secret);
    let made = || random::<24>().map(|bytes| hex(&bytes)).map_err(|error| error.to_string());
    let made = match (rule, theirs) {
        (Rule::None | Rule::Sns { .. }, _) => return Ok((None, None)),
        (Rule::Basic, _) => format!("{USER}:{}", made()?),
        (Rule::Header { .. }, _) => made()?,
        (Rule::Hmac(HmacRule { key: KeyForm::Text | KeyForm::Hex, .. }), SecretFrom::Us | SecretFrom::Nobody) => {
            made()?
        }
        (_, SecretFrom::Provider(place)) => {
            return Err(format!(
                "the provider makes the secret: copy it from {place}, and give it with --secret-file -"
            ));
        }
        _ => return Err("this scheme needs the secret of the sender: give it with --secret-file -".into()),
    };
    Ok((Some(made.clone()), Some(made)))
}

fn window(new: &NewSource, provider: Option<&Provider>, rule: &Rule) -> Result<Option<i64>, String> {
    /// Where nobody says otherwise.
    const WINDOW_SECS: i64 = 300;
    match new.window_secs {
        Some(_) if !rule.has_time() => Err(format!("the scheme {} has no time that could be checked", rule.scheme())),
        Some(secs) if !(1..=WINDOW_SECS_MAX).contains(&secs) => {
            Err(format!("the time of a signature may be off by 1 to {WINDOW_SECS_MAX} seconds"))
        }
        Some(secs) => Ok(Some(secs)),
        None if !rule.has_time() => Ok(None),
        None => Ok(Some(provider.and_then(|provider| provider.window_secs).unwrap_or(WINDOW_SECS))),
    }
}

fn refused_status(new: &NewSource) -> Result<u16, String> {
    let status = new.refused_status.unwrap_or(StatusCode::UNAUTHORIZED.as_u16());
    let wrong = "what is not genuine is answered with a status from 400 to 499";
    if (400..=499).contains(&status) { Ok(status) } else { Err(wrong.into()) }
}

fn busy_status(new: &NewSource, keeps_after_429_alone: bool) -> Result<u16, String> {
    match new.busy_status {
        None if keeps_after_429_alone => Ok(429),
        None => Ok(503),
        Some(status @ (429 | 503)) => Ok(status),
        Some(_) => Err("what there is no room for is answered with 429 or 503".into()),
    }
}

fn body_bytes_max(new: &NewSource) -> Result<i64, String> {
    let bytes = new.body_bytes_max.unwrap_or(WEBHOOK_BODY_BYTES_MAX);
    if !(BODY_BYTES_MIN..=WEBHOOK_BODY_BYTES_MAX).contains(&bytes) {
        return Err(format!("a source takes bodies of {BODY_BYTES_MIN} to {WEBHOOK_BODY_BYTES_MAX} bytes at most"));
    }
    i64::try_from(bytes).map_err(|error| error.to_string())
}

/// The beginning of an address; user and password may stand in it, since Mandrill signs them too.
fn public_url(value: &str) -> Result<String, String> {
    let url = value.trim_end_matches('/');
    let host = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://")).unwrap_or_default();
    let plain = |byte: u8| byte.is_ascii_graphic() && !b"?#\"<>".contains(&byte);
    if host.is_empty() || url.len() > URL_CHARS_MAX || !host.bytes().all(plain) {
        return Err(format!("`{value}` is not the beginning of an address such as https://mail.example.com"));
    }
    Ok(url.to_owned())
}

/// The last part of an address, and what is kept of it.
fn new_address() -> Result<(String, Vec<u8>), String> {
    let address = hex(&random::<{ ADDRESS_CHARS / 2 }>().map_err(|error| error.to_string())?);
    let hash = sha256(address.as_bytes()).to_vec();
    Ok((address, hash))
}

fn url(app: &App, row: &SourceRow, address: &str) -> String {
    let base = row.public_url.clone().unwrap_or_else(|| app.config.base_url());
    format!("{base}{PATH}{address}")
}

fn known_provider(name: &str) -> Result<&'static Provider, String> {
    providers::find(name).ok_or_else(|| {
        let names: Vec<_> = providers::PROVIDERS.iter().map(|provider| provider.name).collect();
        format!("there is no provider `{name}`; known are {}. For another one say --scheme", names.join(", "))
    })
}

async fn customer(app: &App, email: &str) -> Result<uuid::Uuid, String> {
    let customer = app.store.customer_by_email(email).await.map_err(failed)?;
    customer
        .map(|customer| customer.id)
        .ok_or_else(|| format!("there is no customer {email}; see `pillarbox customer list`"))
}

fn unknown(name: &str) -> String {
    format!("there is no source `{name}`; see `pillarbox source list`")
}

#[expect(clippy::needless_pass_by_value, reason = "it maps errors")]
fn failed(error: StoreError) -> String {
    error.to_string()
}

fn view(row: &SourceRow) -> Json {
    let rule: Json = serde_json::from_str(&row.rule).unwrap_or_default();
    let state = match (row.disabled_at, row.used_at) {
        (Some(_), _) => "disabled",
        (None, None) => "unused",
        (None, Some(_)) => "in use",
    };
    json!({
        "name": row.name, "id": row.id, "state": state, "provider": row.provider, "scheme": rule["scheme"], "rule": rule,
        "customer": row.customer, "window_secs": row.window_secs, "dedupe": row.dedupe,
        "body_bytes_max": row.body_bytes_max, "refused_status": row.refused_status, "busy_status": row.busy_status,
        "public_url": row.public_url, "has_former_secret": row.former_secret.is_some(),
        "has_former_address": row.has_former_address, "created_at": rfc3339(row.created_at),
        "rotated_at": row.rotated_at.map(rfc3339), "disabled_at": row.disabled_at.map(rfc3339),
        "used_at": row.used_at.map(rfc3339),
    })
}
