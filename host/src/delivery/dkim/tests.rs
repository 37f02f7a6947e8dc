//! Keys that are kept ready, within a bound.

use tempfile::TempDir;

use super::*;
use crate::mail::dkim::Algorithm;

fn signers() -> (Signers, TempDir) {
    let directory = tempfile::tempdir().expect("a directory is made");
    (Signers::new(&HostKey::load(directory.path()).expect("it is made")), directory)
}

#[test]
fn as_many_domains_as_the_bound_are_kept_and_one_more_takes_the_place_of_another() {
    let (signers, _directory) = signers();
    let signer = Arc::new(Signer { domain: "acme.example".into(), keys: Vec::new() });
    let kept = || signers.known.lock().expect("nobody panicked").signers.len();
    for number in 0..DOMAINS_MAX as u128 {
        signers.keep(Uuid::from_u128(number), &signer, 0);
    }
    assert_eq!(kept(), DOMAINS_MAX);
    let last = Uuid::from_u128(DOMAINS_MAX as u128);
    signers.keep(last, &signer, 0);
    assert_eq!(kept(), DOMAINS_MAX);
    assert!(signers.known.lock().expect("nobody panicked").signers.contains_key(&last));
}

#[test]
fn a_key_opens_for_its_domain_and_selector_on_its_host_alone() {
    let ((ours, _here), (foreign, _there)) = (signers(), signers());
    let key = ours.sealer.make("acme.example", "s".into(), Algorithm::Ed25519).expect("a key is made");
    assert!(ours.sealer.open("acme.example", key.clone()).is_ok());
    assert!(ours.sealer.open("other.example", key.clone()).is_err(), "another domain");
    assert!(ours.sealer.open("acme.example", DkimKey { selector: "t".into(), ..key.clone() }).is_err());
    assert!(foreign.sealer.open("acme.example", key.clone()).is_err(), "another host");
    let other_kind = DkimKey { algorithm: Algorithm::Rsa2048, ..key };
    assert_eq!(ours.sealer.open("acme.example", other_kind).err(), Some("it is no key of its kind"));
}

#[test]
fn keys_that_were_read_before_others_signed_are_not_kept_behind_that() {
    let (signers, _directory) = signers();
    let signer = Arc::new(Signer { domain: "acme.example".into(), keys: Vec::new() });
    let known = || signers.known.lock().expect("nobody panicked").signers.len();
    signers.keep(Uuid::nil(), &signer, 0);
    signers.forget(Uuid::nil());
    assert_eq!(known(), 0);
    signers.keep(Uuid::nil(), &signer, 0);
    assert_eq!(known(), 0, "they were read before");
    signers.keep(Uuid::nil(), &signer, 1);
    assert_eq!(known(), 1);
}
