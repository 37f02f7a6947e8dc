//! Signatures: what is signed, and that nothing about it can be changed.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{guest, start};
use crate::hash::sha256;
use crate::plugins::Loaded;
use crate::plugins::error::Refusal;
use crate::plugins::signature::{
    DOCUMENT_BYTES_MAX, Policy, PublicKey, Signature, SigningKey, Subject, Verified, verify,
};

const FILE: &[u8] = b"\0asm and so on";

fn key() -> SigningKey {
    SigningKey::generate().expect("a key is made").0
}

fn subject(file: &[u8]) -> Subject {
    Subject { digest: sha256(file), name: "guest".into(), version: "1.0.0".into(), world: "scorer".into() }
}

#[track_caller]
fn refused(outcome: Result<Verified, Refusal>) -> &'static str {
    let refusal = outcome.expect_err("it is refused");
    assert!(!refusal.message.is_empty());
    refusal.code
}

/// Which codes a document gets when one bit of it is another, and how often.
fn codes(document: &[u8], keys: &[PublicKey], part: std::ops::Range<usize>) -> BTreeMap<&'static str, usize> {
    let mut codes = BTreeMap::new();
    for bit in part.start * 8..part.end * 8 {
        let mut changed = document.to_vec();
        changed[bit / 8] ^= 1 << (bit % 8);
        *codes.entry(refused(verify(FILE, &changed, keys))).or_default() += 1;
    }
    codes
}

#[test]
fn a_signature_holds_for_its_file_and_key_and_for_no_other() {
    let (ours, theirs) = (key(), key());
    let document = ours.sign(subject(FILE)).document();
    let trusted = [theirs.public_key(), ours.public_key()];
    let verified = verify(FILE, document.as_bytes(), &trusted).expect("it holds");
    assert_eq!(verified, Verified { key_id: ours.public_key().key_id(), subject: subject(FILE) });

    assert_eq!(refused(verify(FILE, document.as_bytes(), &trusted[..1])), "unknown_key");
    assert_eq!(refused(verify(FILE, document.as_bytes(), &[])), "unknown_key");
    assert_eq!(refused(verify(b"another", document.as_bytes(), &trusted)), "wrong_digest");
    // Somebody else's signature under the name of our key.
    let forged = Signature { key_id: ours.public_key().key_id(), ..theirs.sign(subject(FILE)) };
    assert_eq!(refused(verify(FILE, forged.document().as_bytes(), &trusted)), "bad_signature");
}

#[test]
fn every_changed_bit_of_a_document_is_noticed_with_the_code_of_its_field() {
    let key = key();
    let keys = [key.public_key()];
    let document = key.sign(subject(FILE)).document();
    let value = |field: &str| {
        let from = document.find(&format!("\"{field}\": ")).expect("the field is there") + field.len() + 4;
        let until = from + document[from..].find(['\n', ',']).expect("the line ends");
        from..until
    };
    let only = |field: &str, code: &str| {
        let found = codes(document.as_bytes(), &keys, value(field));
        assert!(found.contains_key(code), "{field}: {found:?}");
        assert!(found.keys().all(|found| [code, "malformed_signature"].contains(found)), "{field}: {found:?}");
    };
    only("format", "unknown_format");
    only("algorithm", "unknown_algorithm");
    only("key_id", "unknown_key");
    only("digest", "wrong_digest");
    for field in ["name", "version", "world", "signature"] {
        only(field, "bad_signature");
    }
    // And nothing between the fields can be changed either.
    let all = codes(document.as_bytes(), &keys, 0..document.len());
    assert_eq!(all.values().sum::<usize>(), document.len() * 8);
}

#[test]
fn every_changed_bit_of_the_payload_breaks_the_signature() {
    let key = key();
    let signature = key.sign(subject(FILE));
    let payload = signature.subject.payload();
    assert!(key.public_key().holds(&payload, &signature.bytes));
    for bit in 0..payload.len() * 8 {
        let mut changed = payload.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(!key.public_key().holds(&changed, &signature.bytes), "bit {bit}");
    }
    assert!(!key.public_key().holds(&payload[..payload.len() - 1], &signature.bytes));
}

#[test]
fn the_payload_is_laid_out_as_documented() {
    let payload = subject(FILE).payload();
    let mut expected = Vec::new();
    let digest = sha256(FILE);
    for part in [&b"pillarbox plugin signature v1"[..], b"ed25519", &digest, b"guest", b"1.0.0", b"scorer"] {
        expected.extend_from_slice(&[0, 0, 0, 0, 0, 0, 0, u8::try_from(part.len()).expect("it is short")]);
        expected.extend_from_slice(part);
    }
    assert_eq!(payload, expected);
    // Moving a character from one part to the next gives another payload.
    let moved = Subject { name: "gues".into(), version: "t1.0.0".into(), ..subject(FILE) };
    assert_ne!(payload, moved.payload());
}

#[test]
fn a_document_has_all_fields_once_and_a_bound() {
    let key = key();
    let keys = [key.public_key()];
    let document = key.sign(subject(FILE)).document();
    let padded = format!("{document:<DOCUMENT_BYTES_MAX$}");
    assert!(verify(FILE, padded.as_bytes(), &keys).is_ok());
    let wrong = |document: String| assert_eq!(refused(verify(FILE, document.as_bytes(), &keys)), "malformed_signature");
    wrong(padded + " ");
    wrong(String::new());
    wrong("[]".into());
    wrong(document.replace("\"world\": \"scorer\",", ""));
    wrong(document.replace("\"world\":", "\"world\": \"scorer\", \"world\":"));
    wrong(document.replace("\"world\":", "\"more\": 1, \"world\":"));
    wrong(document.clone() + "{}");
    wrong(document.replace("sha256:", "sha256:AB"));
    wrong(document.replace("==", "="));
    assert!(document.contains("==\"\n}\n"), "64 bytes end in two fill characters: {document}");
}

#[test]
fn a_policy_wants_a_signature_only_where_it_is_required() {
    let (ours, theirs) = (key(), key());
    let good = ours.sign(subject(FILE)).document();
    let foreign = theirs.sign(subject(FILE)).document();
    let policy = |required| Policy { required, keys: vec![ours.public_key()] };
    let signer = |policy: &Policy, document: Option<&String>| {
        let checked = policy.check(FILE, document.map(String::as_bytes)).map_err(|refusal| refusal.code);
        checked.map(|verified| verified.map(|verified| verified.key_id))
    };
    assert_eq!(signer(&policy(true), Some(&good)), Ok(Some(ours.public_key().key_id())));
    assert_eq!(signer(&policy(true), None), Err("unsigned"));
    assert_eq!(signer(&policy(true), Some(&foreign)), Err("unknown_key"));
    assert_eq!(signer(&policy(false), Some(&good)), Ok(Some(ours.public_key().key_id())));
    assert_eq!(signer(&policy(false), None), Ok(None));
    assert_eq!(signer(&policy(false), Some(&foreign)), Ok(None));
}

#[test]
fn a_private_key_is_read_from_the_file_that_was_made_and_says_what_it_is_not() {
    let (key, pem) = SigningKey::generate().expect("a key is made");
    let read = SigningKey::from_pem(pem.as_bytes()).expect("it is read");
    assert_eq!(read.public_key(), key.public_key());
    assert_ne!(key.public_key(), self::key().public_key());
    let wrong = |pem: &str| SigningKey::from_pem(pem.as_bytes()).err().expect("it is refused");
    assert!(wrong("nothing").contains("no private key in PEM form"));
    assert!(wrong(&pem.replace("PRIVATE", "ENCRYPTED PRIVATE")).contains("openssl pkey"));
    // The parameters of a P-256 key stand where those of Ed25519 would.
    let other = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VuBCIEIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f\n\
                 -----END PRIVATE KEY-----\n";
    assert!(wrong(other).contains("not Ed25519"));
}

#[test]
fn a_public_key_reads_as_it_is_written() {
    let key = key().public_key();
    assert_eq!(key.to_string().parse(), Ok(key));
    assert_eq!(format!(" {key}\n").parse(), Ok(key));
    for wrong in ["", "ed25519:", "ed25519:AAAA", &key.to_string()[8..], &format!("{key}A"), "rsa:AAAA"] {
        assert!(wrong.parse::<PublicKey>().is_err(), "{wrong}");
    }
    assert_eq!(key.key_id().len(), 32);
}

#[tokio::test]
async fn what_was_signed_under_another_name_version_or_world_does_not_match() {
    let (key, file) = (key(), guest("healthy"));
    let loaded: Arc<Loaded> = start().admit(file.clone()).await.expect("it is a plugin");
    let of = |subject: Subject| {
        let document = key.sign(subject).document();
        let verified = verify(&file, document.as_bytes(), &[key.public_key()]).expect("the signature holds");
        verified.matches(&loaded).map_err(|refusal| refusal.code)
    };
    let right = Subject::of(&loaded, &file);
    assert_eq!(of(right.clone()), Ok(()));
    assert_eq!(of(Subject { name: "another".into(), ..right.clone() }), Err("other_name"));
    assert_eq!(of(Subject { version: "1.0.1".into(), ..right.clone() }), Err("other_version"));
    assert_eq!(of(Subject { world: "normalizer".into(), ..right }), Err("other_world"));
}

#[tokio::test]
async fn every_changed_byte_of_a_component_is_noticed_before_it_is_parsed() {
    let (key, file) = (key(), guest("healthy"));
    let loaded = start().admit(file.clone()).await.expect("it is a plugin");
    let document = key.sign(Subject::of(&loaded, &file)).document();
    let policy = Policy { required: true, keys: vec![key.public_key()] };
    assert!(policy.check(&file, Some(document.as_bytes())).is_ok());
    for at in 0..file.len() {
        let mut changed = file.clone();
        changed[at] ^= 0x10;
        let refusal = policy.check(&changed, Some(document.as_bytes())).expect_err("it is refused");
        assert_eq!(refusal.code, "wrong_digest", "byte {at}");
    }
    assert_eq!(
        policy.check(&file[1..], Some(document.as_bytes())).map_err(|refusal| refusal.code),
        Err("wrong_digest")
    );
}
