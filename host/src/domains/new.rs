//! Adds a domain to an account.

use super::keys::{self, Algorithms};
use super::names::{NameRefusal, check_name};
use crate::app::App;
use crate::delivery::outlet::OutletKind;
use crate::hash::hex;
use crate::ids::new_id;
use crate::mail::standing::DomainStatus;
use crate::secrets;
use crate::store::{Added, Customer, Domain, StoreError, VerifiedBy};

/// Random bytes that a customer shows in DNS.
const OWNERSHIP_TOKEN_BYTES: usize = 16;

/// A domain that is to be added.
#[derive(Debug)]
pub(crate) struct NewDomain {
    /// In any script.
    pub(crate) name: String,
    /// How the records of its keys are called, when its owner chose.
    pub(crate) selector: Option<String>,
    /// Which keys it gets.
    pub(crate) algorithms: Algorithms,
    /// Whether an operator gives his word for it.
    pub(crate) assume_verified: bool,
    /// Where its mail goes; `None` follows the service.
    pub(crate) outlet: Option<OutletKind>,
}

/// Why a domain was not added.
#[derive(Debug)]
pub(crate) enum NotAdded {
    /// Its name.
    Name(NameRefusal),
    /// The selector, in a sentence.
    Selector(String),
    /// The account has it, or another one has verified it.
    Exists(String),
    /// The account has as many domains as it may: so many.
    Limit(i64),
    /// Its keys could not be made.
    Keys(String),
    /// The store failed.
    Store(StoreError),
}

impl From<StoreError> for NotAdded {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Adds a domain with its keys. It waits for its records, unless an operator gives his word.
pub(crate) async fn add(app: &App, customer: &Customer, new: NewDomain) -> Result<Domain, NotAdded> {
    let name = check_name(&new.name).map_err(NotAdded::Name)?;
    let now = app.now();
    let algorithms = new.algorithms.list();
    let selectors = match new.selector {
        Some(selector) => keys::chosen(&selector, algorithms, &name).map_err(NotAdded::Selector)?,
        None => keys::of_today(algorithms, &[], now).expect("nothing is taken"),
    };
    // Asked before the keys are made, which is what costs.
    if app.store.count_domains(customer.id).await? >= customer.max_domains {
        return Err(NotAdded::Limit(customer.max_domains));
    }
    let domain = Domain {
        id: new_id(now),
        customer_id: customer.id,
        name: name.clone(),
        status: if new.assume_verified { DomainStatus::Verified } else { DomainStatus::Pending },
        sandbox: false,
        open_tracking_enabled: None,
        click_tracking_enabled: None,
        created_at: now,
        verified_at: new.assume_verified.then_some(now),
        verified_by: new.assume_verified.then_some(VerifiedBy::Operator),
        outlet: new.outlet,
        ownership_token: ownership_token().map_err(NotAdded::Keys)?,
        own_return_path: false,
        checks_began_at: now,
        next_check_at: (!new.assume_verified).then_some(now + FIRST_CHECK_MS),
        failing_since: None,
    };
    let keys = keys::make(app, &name, selectors).await.map_err(NotAdded::Keys)?;
    match app.store.add_domain(domain.clone(), keys, customer.max_domains, app.ids(now)).await? {
        Added::Stored => {
            tracing::info!(domain = %domain.id, customer = %customer.id, assumed = new.assume_verified, "domain added");
            Ok(domain)
        }
        Added::Exists => Err(NotAdded::Exists(name)),
        Added::Limit => Err(NotAdded::Limit(customer.max_domains)),
    }
}

/// When the service looks for the records of a new domain first, in milliseconds.
const FIRST_CHECK_MS: i64 = 60_000;

/// What the owner of a domain shows in DNS.
pub(crate) fn ownership_token() -> Result<String, String> {
    let bytes: [u8; OWNERSHIP_TOKEN_BYTES] = secrets::random().map_err(|error| error.to_string())?;
    Ok(hex(&bytes))
}
