//! Certificates by ACME (RFC 8555): the account at the authority, orders, and the answers to its challenges.

mod certificate;
mod challenges;
mod order;
mod transport;

use std::fmt;
use std::time::Duration;

use instant_acme::{Account, AccountBuilder, AccountCredentials, NewAccount};
use ring::aead::AES_256_GCM;
use tokio::sync::Mutex;
use tokio::time::timeout;

pub(crate) use self::certificate::{Certificate, certified_key};
use self::challenges::Challenges;
use self::transport::{Later, Transport};
use crate::app::App;
use crate::config::Config;
use crate::request::chain;
use crate::secrets::{HostKey, Sealer};
use crate::store::{StoreError, StoredCertificate};

/// From the first question to the certificate. What takes longer is given up and tried again later.
const ORDER_TIME: Duration = Duration::from_mins(3);
/// The authority's word for an account that it does not have, or has no more.
const NO_ACCOUNT: &str = "urn:ietf:params:acme:error:accountDoesNotExist";
/// Its word for a nonce that it does not take. The library has tried three by then (RFC 8555 section 6.5).
const BAD_NONCE: &str = "urn:ietf:params:acme:error:badNonce";
/// Orders placed for one certificate, while what was wrong lay outside of the order.
const ORDERS_MAX: usize = 3;

/// Gets certificates.
pub(crate) struct Acme {
    /// `None` where no directory is set.
    authority: Option<Authority>,
    sealer: Sealer,
    pub(crate) challenges: Challenges,
}

struct Authority {
    directory: String,
    contact: Option<String>,
    transport: Transport,
    /// The account, once it was needed. Whoever makes it holds the lock, so that only one is made.
    account: Mutex<Option<Account>>,
}

/// A certificate that was just issued.
pub(crate) struct Issued {
    pub(crate) stored: StoredCertificate,
    pub(crate) certificate: Certificate,
}

/// Why there is no certificate.
#[derive(Debug)]
pub(crate) struct Refused {
    /// A sentence for whoever waits for it.
    pub(crate) reason: String,
    /// Milliseconds in which the authority wants to hear nothing of it.
    pub(crate) later_ms: i64,
}

impl Acme {
    pub(crate) fn new(config: &Config, host_key: &HostKey) -> Result<Self, String> {
        let authority = |directory: &String| {
            Ok::<_, String>(Authority {
                directory: directory.clone(),
                contact: config.acme_contact.as_ref().map(|address| format!("mailto:{}", address.as_str())),
                transport: Transport::new(config.acme_ca.as_deref())?,
                account: Mutex::default(),
            })
        };
        Ok(Self {
            authority: config.acme_directory.as_ref().map(authority).transpose()?,
            sealer: Sealer::new(&AES_256_GCM, &host_key.derive("certificates")),
            challenges: Challenges::default(),
        })
    }

    /// Whether there is an authority to ask.
    pub(crate) fn is_on(&self) -> bool {
        self.authority.is_some()
    }

    /// The key of a stored certificate of this host, in PEM form.
    pub(crate) fn open_key(&self, host: &str, sealed: Vec<u8>) -> Result<Vec<u8>, &'static str> {
        self.sealer.open(host.as_bytes(), sealed)
    }

    /// Gets a certificate for a host, whose requests arrive here.
    pub(crate) async fn issue(&self, app: &App, host: &str) -> Result<Issued, Refused> {
        let Some(authority) = &self.authority else { return Err("no certificate authority is set".into()) };
        let late = |_| Err(format!("the certificate authority took more than {} s", ORDER_TIME.as_secs()).into());
        timeout(ORDER_TIME, self.order(app, authority, host)).await.unwrap_or_else(late)
    }

    async fn order(&self, app: &App, authority: &Authority, host: &str) -> Result<Issued, Refused> {
        let mut placed = 0;
        let ordered = loop {
            let account = self.account(app, authority).await?;
            placed += 1;
            let problem = match order::place(&account, &self.challenges, &app.cluster, host).await {
                Err(order::Failure::Acme(instant_acme::Error::Api(problem))) if placed < ORDERS_MAX => problem,
                ordered => break ordered?,
            };
            match problem.r#type.as_deref() {
                // It forgot us, which authorities for tests do whenever they start. The next one is a new account.
                Some(NO_ACCOUNT) => self.forget_account(app, authority).await?,
                Some(BAD_NONCE) => {}
                _ => return Err(said(&problem).into()),
            }
        };
        let certificate = Certificate::read(&ordered.chain, &ordered.key, host)
            .map_err(|wrong| format!("the certificate authority issued a certificate that {wrong}"))?;
        let sealed_key = self.sealer.seal(host.as_bytes(), ordered.key.into_bytes()).map_err(str::to_owned)?;
        Ok(Issued { stored: StoredCertificate { chain: ordered.chain, sealed_key }, certificate })
    }

    /// When the authority wants a certificate to be renewed (RFC 9773), as the bounds of a time, in milliseconds since
    /// 1970. `None` where it has no opinion.
    pub(crate) async fn renewal_window(&self, app: &App, chain: &str) -> Option<(i64, i64)> {
        let authority = self.authority.as_ref()?;
        let account = self.account(app, authority).await.ok()?;
        order::renewal_window(&account, chain).await
    }

    async fn account(&self, app: &App, authority: &Authority) -> Result<Account, Refused> {
        let mut known = authority.account.lock().await;
        if let Some(account) = &*known {
            return Ok(account.clone());
        }
        let account = match app.store.acme_account(authority.directory.clone()).await? {
            Some(sealed) => self.open_account(authority, sealed).await?,
            None => self.make_account(app, authority).await?,
        };
        *known = Some(account.clone());
        Ok(account)
    }

    async fn open_account(&self, authority: &Authority, sealed: Vec<u8>) -> Result<Account, Refused> {
        let plain = self.sealer.open(authority.directory.as_bytes(), sealed);
        let plain = plain.map_err(|wrong| format!("the account's key does not open: {wrong}"))?;
        let credentials: AccountCredentials =
            serde_json::from_slice(&plain).map_err(|error| format!("the account cannot be read: {error}"))?;
        Ok(authority.builder().from_credentials(credentials).await?)
    }

    async fn make_account(&self, app: &App, authority: &Authority) -> Result<Account, Refused> {
        let directory = authority.directory.clone();
        let contact: Vec<_> = authority.contact.as_deref().into_iter().collect();
        let wanted = NewAccount { contact: &contact, terms_of_service_agreed: true, only_return_existing: false };
        let (account, credentials) = authority.builder().create(&wanted, directory.clone(), None).await?;
        let plain = serde_json::to_vec(&credentials).map_err(|error| error.to_string())?;
        let sealed = self.sealer.seal(directory.as_bytes(), plain).map_err(str::to_owned)?;
        app.store.keep_acme_account(directory, sealed, app.now()).await?;
        tracing::info!("account made at the certificate authority");
        Ok(account)
    }

    /// Reads the account anew when it is needed next, because another node changed it.
    pub(crate) async fn forget_known_account(&self) {
        if let Some(authority) = &self.authority {
            *authority.account.lock().await = None;
        }
    }

    async fn forget_account(&self, app: &App, authority: &Authority) -> Result<(), StoreError> {
        let mut known = authority.account.lock().await;
        app.store.forget_acme_account(authority.directory.clone()).await?;
        *known = None;
        Ok(())
    }
}

impl Authority {
    fn builder(&self) -> AccountBuilder {
        Account::builder_with_http(Box::new(self.transport.clone()))
    }
}

impl From<String> for Refused {
    fn from(reason: String) -> Self {
        Self { reason, later_ms: 0 }
    }
}

impl From<&str> for Refused {
    fn from(reason: &str) -> Self {
        reason.to_owned().into()
    }
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "a certificate could not be ordered");
        "the service could not read or write what it needs for an order".into()
    }
}

impl From<instant_acme::Error> for Refused {
    fn from(error: instant_acme::Error) -> Self {
        match error {
            instant_acme::Error::Api(problem) => said(&problem).into(),
            instant_acme::Error::Timeout(_) => "the certificate authority did not finish the order in time".into(),
            instant_acme::Error::Other(error) => match error.downcast::<Later>() {
                Ok(later) => Self { reason: later.to_string(), later_ms: later.millis },
                Err(error) => chain(error.as_ref()).into(),
            },
            error => format!("the certificate authority's answer makes no sense: {}", chain(&error)).into(),
        }
    }
}

impl From<order::Failure> for Refused {
    fn from(failure: order::Failure) -> Self {
        match failure {
            order::Failure::Acme(error) => error.into(),
            order::Failure::Told(reason) => reason.into(),
        }
    }
}

/// What an authority says is wrong, in its words.
fn said(problem: &instant_acme::Problem) -> String {
    let detail = problem.detail.as_deref().unwrap_or("it gives no reason");
    let kind = problem.r#type.as_deref().unwrap_or_default().rsplit(':').next().unwrap_or_default();
    if kind.is_empty() {
        format!("the certificate authority says: {detail}")
    } else {
        format!("the certificate authority says: {detail} ({kind})")
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}
