//! What Amazon SNS is asked for: the certificates that sign its messages, and that a subscription is meant.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode, Uri};
use tokio::sync::Semaphore;

use crate::config::Config;
use crate::http_client::HttpClient;

/// From the wish to connect to the end of the answer. SNS gives up after 15 seconds.
const TIME: Duration = Duration::from_secs(10);
/// Bytes of a certificate, and of the answer to a confirmation.
const ANSWER_BYTES_MAX: usize = 64 * 1024;
/// Certificates that are kept. One more takes the place of the oldest.
const CERTIFICATES_MAX: usize = 64;
/// For how long: one that was taken back is gone by then.
const KEPT_MS: i64 = 24 * 3_600 * 1_000;
/// Requests under way.
const REQUESTS_MAX: usize = 8;

/// Asks hosts of Amazon SNS, and nobody else: the addresses were checked by whoever has them.
pub(super) struct SnsClient {
    client: HttpClient,
    /// One more host with its port, for tests and labs.
    pub(super) host: Option<String>,
    certificates: Mutex<HashMap<String, Certificate>>,
    places: Semaphore,
}

/// In PEM, and when it was fetched, in milliseconds.
#[derive(Clone)]
struct Certificate {
    pem: Bytes,
    fetched_at: i64,
}

impl SnsClient {
    pub(super) fn new(config: &Config) -> Result<Self, String> {
        let client = HttpClient::new("sns_ca", config.sns_ca.as_deref())?.bounded(TIME, ANSWER_BYTES_MAX);
        let host = config.sns_host.clone();
        Ok(Self { client, host, certificates: Mutex::default(), places: Semaphore::new(REQUESTS_MAX) })
    }

    /// The certificate at an address. An error is why it is not known now, and may pass.
    pub(super) async fn certificate(&self, place: &Uri, now: i64) -> Result<Bytes, String> {
        let known = self.known().get(&place.to_string()).cloned();
        if let Some(Certificate { pem, .. }) = known.filter(|known| now < known.fetched_at + KEPT_MS) {
            return Ok(pem);
        }
        let pem = self.get(place).await?;
        keep(&mut self.known(), place.to_string(), Certificate { pem: pem.clone(), fetched_at: now });
        Ok(pem)
    }

    /// Says that a subscription is meant.
    pub(super) async fn confirm(&self, place: Uri) -> Result<(), String> {
        self.get(&place).await.map(drop)
    }

    async fn get(&self, place: &Uri) -> Result<Bytes, String> {
        let _place = self.places.try_acquire().map_err(|_| "too many requests to Amazon SNS are under way")?;
        let request = Request::get(place).body(Bytes::new()).map_err(|error| error.to_string())?;
        let answer = self.client.send(request).await.map_err(|why| format!("Amazon SNS {why}"))?;
        match answer.status() {
            StatusCode::OK => Ok(answer.into_body()),
            status => Err(format!("Amazon SNS answers with {status}")),
        }
    }

    fn known(&self) -> std::sync::MutexGuard<'_, HashMap<String, Certificate>> {
        self.certificates.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn keep(known: &mut HashMap<String, Certificate>, place: String, certificate: Certificate) {
    if known.len() >= CERTIFICATES_MAX && !known.contains_key(&place) {
        let oldest = known.iter().min_by_key(|(_, certificate)| certificate.fetched_at);
        if let Some(oldest) = oldest.map(|(place, _)| place.clone()) {
            known.remove(&oldest);
        }
    }
    known.insert(place, certificate);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_certificates_are_kept_as_may_be_and_the_oldest_goes() {
        let mut known = HashMap::new();
        let of = |fetched_at| Certificate { pem: Bytes::new(), fetched_at };
        for number in 0..CERTIFICATES_MAX {
            keep(&mut known, number.to_string(), of(i64::try_from(number).expect("it fits")));
        }
        keep(&mut known, "0".into(), of(1_000));
        assert_eq!(known.len(), CERTIFICATES_MAX);
        keep(&mut known, "one more".into(), of(1_000));
        assert_eq!((known.len(), known.contains_key("0"), known.contains_key("1")), (CERTIFICATES_MAX, true, false));
    }
}
