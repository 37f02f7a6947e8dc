//! New keys for a domain. They sign once their records are found; the former ones sign until then.

use super::keys;
use super::work::NoCheck;
use crate::app::App;
use crate::mail::dkim::Algorithm;
use crate::store::{Domain, KeyState, RotationBegun, StoreError};

/// Why a rotation did not begin.
#[derive(Debug)]
pub(crate) enum NoRotation {
    /// Mail of a sandbox domain is not signed.
    Sandbox,
    /// Others wait already.
    UnderWay,
    /// Too many former keys still keep their records, or too many were made today.
    TooMany,
    /// The domain is gone.
    NoDomain,
    /// The keys could not be made.
    Keys(String),
    /// The store failed.
    Store(StoreError),
}

impl From<StoreError> for NoRotation {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl NoRotation {
    /// What it is, in a sentence.
    pub(crate) fn message(&self) -> String {
        match self {
            Self::Sandbox => "Mail of a sandbox domain is not signed, so it has no keys".into(),
            Self::UnderWay => "New keys wait for their records already; publish those first".into(),
            Self::TooMany => "The domain has as many keys as it may; wait until former ones are retired".into(),
            Self::NoDomain => "The domain is gone".into(),
            Self::Keys(error) => error.clone(),
            Self::Store(error) => error.to_string(),
        }
    }
}

/// Gives a domain a new key of each kind that it signs with.
pub(crate) async fn rotate(app: &App, domain: &Domain) -> Result<(), NoRotation> {
    if domain.sandbox {
        return Err(NoRotation::Sandbox);
    }
    let known = app.store.known_domain(None, domain.id).await?.ok_or(NoRotation::NoDomain)?;
    if known.keys.iter().any(|key| key.state == KeyState::Next) {
        return Err(NoRotation::UnderWay);
    }
    let signs = |algorithm: &Algorithm| {
        known.keys.iter().any(|key| key.state == KeyState::Active && key.algorithm == *algorithm)
    };
    let mut algorithms: Vec<_> = Algorithm::ALL.iter().copied().filter(signs).collect();
    if algorithms.is_empty() {
        algorithms = Algorithm::ALL.to_vec();
    }
    let now = app.now();
    let taken: Vec<_> = known.keys.iter().map(|key| key.selector.as_str()).collect();
    let selectors = keys::of_today(&algorithms, &taken, now).ok_or(NoRotation::TooMany)?;
    let made = keys::make(app, &domain.name, selectors).await.map_err(NoRotation::Keys)?;
    match app.store.begin_rotation(domain.id, made, now, app.ids(now)).await? {
        RotationBegun::Yes => {
            tracing::info!(domain = %domain.id, "DKIM rotation began");
            Ok(())
        }
        RotationBegun::UnderWay => Err(NoRotation::UnderWay),
        RotationBegun::TooMany => Err(NoRotation::TooMany),
        RotationBegun::NoDomain => Err(NoRotation::NoDomain),
    }
}

/// A failed check in words.
pub(crate) fn no_check(error: &NoCheck<StoreError>) -> String {
    match error {
        NoCheck::Busy => "too many domains are being checked; try again in a moment".into(),
        NoCheck::Failed(error) => error.to_string(),
    }
}
