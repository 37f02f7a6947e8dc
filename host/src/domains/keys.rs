//! Keys for domains: how they are called, and how they are made.

use serde::{Deserialize, Serialize};
use tokio::task::spawn_blocking;
use utoipa::ToSchema;

use crate::api::time::rfc3339;
use crate::app::App;
use crate::mail::address::DOMAIN_BYTES_MAX;
use crate::mail::dkim::Algorithm;
use crate::store::DkimKey;

/// What selectors begin with; the day on which the key was made follows, so that the next key has another.
const SELECTOR_PREFIX: &str = "pb";
/// Characters of a selector that a customer chooses. The kind of key may follow behind it.
pub(crate) const SELECTOR_CHARS_MAX: usize = 50;
/// Keys that were made on one day. More of them do not fit beside each other.
const OF_A_DAY_MAX: usize = 100;

/// Which keys sign a domain's mail.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub(crate) enum Algorithms {
    /// RSA with 2,048 bits, which every verifier knows.
    #[serde(rename = "rsa2048")]
    Rsa2048,
    /// Ed25519, which is short and which not every verifier knows.
    #[serde(rename = "ed25519")]
    Ed25519,
    /// One of each.
    #[default]
    #[serde(rename = "both")]
    Both,
}

impl Algorithms {
    pub(crate) fn list(self) -> &'static [Algorithm] {
        match self {
            Self::Rsa2048 => &[Algorithm::Rsa2048],
            Self::Ed25519 => &[Algorithm::Ed25519],
            Self::Both => Algorithm::ALL,
        }
    }
}

/// Selectors as a customer chose them: one key has exactly that, the second its kind behind it. The error says what is
/// wrong.
pub(crate) fn chosen(
    selector: &str,
    algorithms: &[Algorithm],
    domain: &str,
) -> Result<Vec<(String, Algorithm)>, String> {
    let selector = selector.to_ascii_lowercase();
    let fits_in = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let is_label = (1..=SELECTOR_CHARS_MAX).contains(&selector.len())
        && selector.bytes().all(fits_in)
        && !selector.starts_with('-')
        && !selector.ends_with('-');
    if !is_label {
        return Err(format!("a selector has 1 to {SELECTOR_CHARS_MAX} letters, digits and hyphens between them"));
    }
    let named = |(place, algorithm): (usize, &Algorithm)| match place {
        0 => (selector.clone(), *algorithm),
        _ => (format!("{selector}-{}", algorithm.as_str()), *algorithm),
    };
    let selectors: Vec<_> = algorithms.iter().enumerate().map(named).collect();
    let fits =
        |(selector, _): &(String, Algorithm)| selector.len() + "._domainkey.".len() + domain.len() <= DOMAIN_BYTES_MAX;
    if selectors.iter().all(fits) { Ok(selectors) } else { Err("the selector is too long for this domain".into()) }
}

/// Selectors for keys that are made today, none of which is `taken`. `None` when there were too many today.
pub(crate) fn of_today(algorithms: &[Algorithm], taken: &[&str], now: i64) -> Option<Vec<(String, Algorithm)>> {
    let day = rfc3339(now).split('T').next().unwrap_or_default().replace('-', "");
    let numbered = |number: usize| {
        let base =
            if number == 1 { format!("{SELECTOR_PREFIX}{day}") } else { format!("{SELECTOR_PREFIX}{day}-{number}") };
        let named = |algorithm: &Algorithm| (format!("{base}-{}", algorithm.as_str()), *algorithm);
        algorithms.iter().map(named).collect::<Vec<_>>()
    };
    let is_free =
        |named: &Vec<(String, Algorithm)>| named.iter().all(|(selector, _)| !taken.contains(&selector.as_str()));
    (1..=OF_A_DAY_MAX).map(numbered).find(is_free)
}

/// Makes keys on a thread that may block, one domain's at a time: looking for primes takes a core for a while.
pub(crate) async fn make(app: &App, domain: &str, selectors: Vec<(String, Algorithm)>) -> Result<Vec<DkimKey>, String> {
    let place = app.domain_work.making_keys().await;
    let (sealer, domain) = (app.signers.sealer(), domain.to_owned());
    let make = move || {
        let _place = place;
        selectors.into_iter().map(|(selector, algorithm)| sealer.make(&domain, selector, algorithm)).collect()
    };
    spawn_blocking(make).await.map_err(|error| format!("the keys could not be made: {error}"))?
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2024-03-15
    const NOW: i64 = 1_710_513_000_000;

    fn words(selectors: &[(String, Algorithm)]) -> Vec<&str> {
        selectors.iter().map(|(selector, _)| selector.as_str()).collect()
    }

    #[test]
    fn selectors_of_a_day_differ() {
        let first = of_today(Algorithm::ALL, &[], NOW).expect("they are free");
        assert_eq!(words(&first), ["pb20240315-rsa2048", "pb20240315-ed25519"]);
        let second = of_today(Algorithm::ALL, &["pb20240315-ed25519"], NOW).expect("they are free");
        assert_eq!(words(&second), ["pb20240315-2-rsa2048", "pb20240315-2-ed25519"]);
        let all: Vec<_> = std::iter::once("pb20240315-rsa2048".to_owned())
            .chain((2..=OF_A_DAY_MAX).map(|number| format!("pb20240315-{number}-rsa2048")))
            .collect();
        let all: Vec<_> = all.iter().map(String::as_str).collect();
        assert!(of_today(Algorithm::ALL, &all[1..], NOW).is_some());
        assert_eq!(of_today(Algorithm::ALL, &all, NOW), None);
    }

    #[test]
    fn a_chosen_selector_is_a_label_with_room_for_the_second_key() {
        let both = |selector: &str| chosen(selector, Algorithm::ALL, "acme.example");
        assert_eq!(words(&both("S1").expect("it is good")), ["s1", "s1-ed25519"]);
        assert_eq!(words(&chosen("k", &[Algorithm::Ed25519], "acme.example").expect("it is good")), ["k"]);
        assert!(both(&"s".repeat(SELECTOR_CHARS_MAX)).is_ok());
        for bad in ["", "-a", "a-", "a.b", "a b", "ä", &"s".repeat(SELECTOR_CHARS_MAX + 1)] {
            assert!(both(bad).is_err(), "{bad}");
        }
        let room = DOMAIN_BYTES_MAX - "s-ed25519._domainkey.".len();
        assert!(chosen("s", Algorithm::ALL, &"d".repeat(room)).is_ok());
        assert!(chosen("s", Algorithm::ALL, &"d".repeat(room + 1)).is_err());
    }
}
