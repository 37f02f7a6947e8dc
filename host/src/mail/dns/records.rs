//! Which records a domain is asked to publish.

use super::{Purpose, Record, RecordType};
use crate::mail::dkim::{Algorithm, record as key_record};

/// The name inside a domain that shows who rules its zone.
const OWNERSHIP_LABEL: &str = "_pillarbox";
/// What the text there begins with; the token follows.
pub(super) const OWNERSHIP_PREFIX: &str = "pillarbox-verify=";
/// The name inside a domain that bounces come back to. It is one of its own so that the domain's own mail and its SPF
/// record need no change.
pub const RETURN_PATH_LABEL: &str = "pb-bounces";
/// Of the only exchanger there.
const PREFERENCE: u16 = 10;
/// What is asked for where there is nothing yet. It changes nothing for mail that other systems send for the domain,
/// and meets what the large mailbox providers ask of senders.
const DMARC: &str = "v=DMARC1; p=none";

/// A key that the domain's mail is signed with.
#[derive(Clone, Debug)]
pub struct Key {
    /// Its name.
    pub selector: String,
    /// How it signs.
    pub algorithm: Algorithm,
    /// Its public half, in base64.
    pub public_key: String,
}

/// A name of the domain that its tracked links begin with.
#[derive(Clone, Debug)]
pub struct Tracking {
    /// The name.
    pub host: String,
    /// The host of the service that it leads to.
    pub target: String,
}

/// What the records of a domain are made of.
#[derive(Clone, Debug)]
pub struct DomainSetup {
    /// The domain, in A-labels.
    pub domain: String,
    /// What only whoever added the domain was told.
    pub ownership_token: String,
    /// The keys.
    pub keys: Vec<Key>,
    /// The name by which the service sends, and takes what bounces.
    pub helo_name: String,
    /// A domain whose SPF record names all machines that send for the service. Without it, `helo_name` is one.
    pub spf_include: Option<String>,
    /// The service's own domain for what bounces. The domain's name for it may be an alias of this one.
    pub bounce_domain: Option<String>,
    /// Where its tracked links begin, when that is a name of its own.
    pub tracking: Option<Tracking>,
}

/// The records of a domain, those first without which it cannot be verified.
pub fn records(setup: &DomainSetup) -> Vec<Record> {
    let domain = &setup.domain;
    let return_path = format!("{RETURN_PATH_LABEL}.{domain}");
    let mut records = vec![Record {
        required: true,
        ..text(
            Purpose::Ownership,
            format!("{OWNERSHIP_LABEL}.{domain}"),
            format!("{OWNERSHIP_PREFIX}{}", setup.ownership_token),
        )
    }];
    let has_rsa = setup.keys.iter().any(|key| key.algorithm == Algorithm::Rsa2048);
    for key in &setup.keys {
        let value = key_record(key.algorithm, &key.public_key);
        // Not every receiver can verify Ed25519, so it is never what a domain waits for beside RSA.
        let required = key.algorithm == Algorithm::Rsa2048 || !has_rsa;
        let host = format!("{}._domainkey.{domain}", key.selector);
        records.push(Record { required, ..text(Purpose::Dkim, host, value) });
    }
    records.push(Record {
        purpose: Purpose::ReturnPath,
        kind: RecordType::Mx,
        host: return_path.clone(),
        value: format!("{PREFERENCE} {}", setup.helo_name),
        required: false,
        alias: setup.bounce_domain.clone(),
    });
    let mechanism = match &setup.spf_include {
        Some(include) => format!("include:{include}"),
        None => format!("a:{}", setup.helo_name),
    };
    records.push(Record {
        alias: setup.bounce_domain.clone(),
        ..text(Purpose::Spf, return_path, format!("v=spf1 {mechanism} ~all"))
    });
    records.push(text(Purpose::Dmarc, format!("_dmarc.{domain}"), DMARC.into()));
    if let Some(tracking) = &setup.tracking {
        records.push(Record {
            purpose: Purpose::Tracking,
            kind: RecordType::Cname,
            host: tracking.host.clone(),
            value: tracking.target.clone(),
            required: false,
            alias: None,
        });
    }
    records
}

fn text(purpose: Purpose, host: String, value: String) -> Record {
    Record { purpose, kind: RecordType::Txt, host, value, required: false, alias: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(selector: &str, algorithm: Algorithm) -> Key {
        Key { selector: selector.into(), algorithm, public_key: "QUJD".into() }
    }

    fn setup() -> DomainSetup {
        DomainSetup {
            domain: "acme.example".into(),
            ownership_token: "token".into(),
            keys: vec![key("r", Algorithm::Rsa2048), key("e", Algorithm::Ed25519)],
            helo_name: "mail.service.example".into(),
            spf_include: None,
            bounce_domain: None,
            tracking: None,
        }
    }

    fn lines(setup: &DomainSetup) -> Vec<String> {
        let line = |record: &Record| {
            let required = if record.required { " required" } else { "" };
            format!("{} {} {} {}{required}", record.purpose.as_str(), record.host, record.kind.as_str(), record.value)
        };
        records(setup).iter().map(line).collect()
    }

    #[test]
    fn each_purpose_has_its_record() {
        let expected = [
            "ownership _pillarbox.acme.example TXT pillarbox-verify=token required",
            "dkim r._domainkey.acme.example TXT v=DKIM1; k=rsa; p=QUJD required",
            "dkim e._domainkey.acme.example TXT v=DKIM1; k=ed25519; p=QUJD",
            "return_path pb-bounces.acme.example MX 10 mail.service.example",
            "spf pb-bounces.acme.example TXT v=spf1 a:mail.service.example ~all",
            "dmarc _dmarc.acme.example TXT v=DMARC1; p=none",
        ];
        assert_eq!(lines(&setup()), expected);
    }

    #[test]
    fn a_service_with_more_names_asks_for_them() {
        let tracking = Tracking { host: "links.acme.example".into(), target: "track.service.example".into() };
        let setup = DomainSetup {
            spf_include: Some("spf.service.example".into()),
            bounce_domain: Some("bounces.service.example".into()),
            tracking: Some(tracking),
            ..setup()
        };
        let lines = lines(&setup);
        assert_eq!(lines[4], "spf pb-bounces.acme.example TXT v=spf1 include:spf.service.example ~all");
        assert_eq!(lines[6], "tracking links.acme.example CNAME track.service.example");
        let aliases = records(&setup).into_iter().filter_map(|record| record.alias).collect::<Vec<_>>();
        assert_eq!(aliases, ["bounces.service.example", "bounces.service.example"]);
    }

    #[test]
    fn a_key_is_required_unless_it_is_ed25519_beside_rsa() {
        let alone = DomainSetup { keys: vec![key("e", Algorithm::Ed25519)], ..setup() };
        assert!(records(&alone)[1].required);
    }
}
