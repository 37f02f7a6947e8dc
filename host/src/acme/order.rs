//! One order, from the name to the certificate.

use std::time::Duration;

use instant_acme::{
    Account, AuthorizationStatus, CertificateIdentifier, ChallengeType, Error, Identifier, NewOrder, Order,
    OrderStatus, RetryPolicy,
};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::challenges::Challenges;
use super::said;
use crate::cluster::Cluster;

/// How an order is asked after: soon, then ever more rarely.
const PATIENCE: RetryPolicy =
    RetryPolicy::new().initial_delay(Duration::from_millis(500)).backoff(1.5).timeout(Duration::from_mins(1));
/// Authorizations of an order for one name. There is one.
const AUTHORIZATIONS_MAX: usize = 4;

/// A chain and its key, both PEM.
pub(super) struct Ordered {
    pub(super) chain: String,
    pub(super) key: String,
}

/// Why an order came to nothing.
pub(super) enum Failure {
    Acme(Error),
    Told(String),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Acme(error)
    }
}

impl From<&str> for Failure {
    fn from(reason: &str) -> Self {
        Self::Told(reason.to_owned())
    }
}

/// Orders a certificate for a host, whose HTTP requests for the challenges reach this process or another node.
pub(super) async fn place(
    account: &Account,
    challenges: &Challenges,
    cluster: &Cluster,
    host: &str,
) -> Result<Ordered, Failure> {
    let names = [Identifier::Dns(host.to_owned())];
    let mut order = account.new_order(&NewOrder::new(&names)).await?;
    let (mut shown, mut left) = (Vec::new(), AUTHORIZATIONS_MAX);
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization?;
        let Some(fewer) = left.checked_sub(1) else {
            return Err("the certificate authority wants more authorizations than there are names".into());
        };
        left = fewer;
        match authorization.status {
            AuthorizationStatus::Pending => {}
            // It still knows from before that the host is here.
            AuthorizationStatus::Valid => continue,
            _ => return Err("the certificate authority gives an authorization that is over already".into()),
        }
        let Some(mut challenge) = authorization.challenge(ChallengeType::Http01) else {
            return Err("the certificate authority offers no HTTP-01 challenge".into());
        };
        let answer = challenge.key_authorization();
        let Some(answered) = challenges.show(&challenge.token, answer.as_str()) else {
            return Err("too many orders are under way; this one has to wait".into());
        };
        shown.push(answered);
        if let Err(error) = cluster.show_challenge(&challenge.token, answer.as_str()).await {
            tracing::warn!(%error, "the other nodes cannot answer a challenge");
            return Err(
                "the other nodes, one of which may be asked, could not be told the answer to the challenge".into()
            );
        }
        challenge.set_ready().await?;
    }
    match order.poll_ready(&PATIENCE).await? {
        OrderStatus::Ready => {}
        _ => return Err(Failure::Told(refusal(&mut order).await?)),
    }
    let key = order.finalize().await?;
    let chain = order.poll_certificate(&PATIENCE).await?;
    Ok(Ordered { chain, key })
}

/// What the authority found wrong with the host. It says so at the challenge.
async fn refusal(order: &mut Order) -> Result<String, Error> {
    let mut authorizations = order.authorizations();
    let mut left = AUTHORIZATIONS_MAX;
    while left > 0
        && let Some(authorization) = authorizations.next().await
    {
        left -= 1;
        let mut authorization = authorization?;
        let state = authorization.refresh().await?;
        if let Some(problem) = state.challenges.iter().find_map(|challenge| challenge.error.as_ref()) {
            return Ok(said(problem));
        }
    }
    Ok("the certificate authority refused the order and says no reason".into())
}

/// When a certificate is to be renewed by the authority's wish (RFC 9773), in milliseconds since 1970.
pub(super) async fn renewal_window(account: &Account, chain: &str) -> Option<(i64, i64)> {
    let leaf = CertificateDer::from_pem_slice(chain.as_bytes()).ok()?;
    let id = CertificateIdentifier::try_from(&leaf).ok()?;
    match account.renewal_info(&id).await {
        Ok((info, _)) => {
            let window = info.suggested_window;
            let secs = (window.start.unix_timestamp(), window.end.unix_timestamp());
            Some((secs.0.saturating_mul(1_000), secs.1.saturating_mul(1_000)))
        }
        Err(Error::Unsupported(_)) => None,
        Err(error) => {
            tracing::debug!(%error, "the certificate authority did not say when to renew");
            None
        }
    }
}
