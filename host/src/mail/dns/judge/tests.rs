//! What was seen, and what is said of it: every fault has its words.

use std::collections::HashMap;

use super::super::records::{DomainSetup, Key, Tracking, records};
use super::super::seen::Value;
use super::*;
use crate::mail::dkim::Algorithm;

/// What is known of names. A name that is not there does not exist; one with an empty list has nothing.
#[derive(Clone, Default)]
struct Names(HashMap<(String, Kind), (Said, Vec<String>)>);

impl Names {
    fn says(mut self, name: &str, kind: Kind, said: Said) -> Self {
        self.0.insert((name.into(), kind), (said, Vec::new()));
        self
    }

    fn texts(self, name: &str, texts: &[&str]) -> Self {
        let values = texts.iter().map(|text| Value::Text(text.as_bytes().chunks(255).map(<[u8]>::to_vec).collect()));
        self.says(name, Kind::Txt, Said::Values(values.collect()))
    }

    fn exchangers(self, name: &str, hosts: &[(u16, &str)]) -> Self {
        let values = hosts.iter().map(|(preference, host)| Value::Exchanger(*preference, (*host).into())).collect();
        self.says(name, Kind::Mx, Said::Values(values))
    }

    fn alias(self, name: &str, target: &str) -> Self {
        self.says(name, Kind::Cname, Said::Values(vec![Value::Host(target.into())]))
    }

    fn at(self, name: &str, address: [u8; 4]) -> Self {
        self.says(name, Kind::A, Said::Values(vec![Value::Address(address.into())]))
    }

    /// Follows one alias, as a server does.
    fn answer(&self, server: &str, name: &str, kind: Kind) -> Answer {
        let at = |name: &str, kind| self.0.get(&(name.to_owned(), kind)).map(|(said, _)| said.clone());
        let is_there = |name: &str| self.0.keys().any(|(known, _)| known == name);
        let alias = match at(name, Kind::Cname) {
            Some(Said::Values(values)) if kind != Kind::Cname => values.into_iter().find_map(|value| match value {
                Value::Host(host) => Some(host),
                _ => None,
            }),
            _ => None,
        };
        let name = alias.as_deref().unwrap_or(name);
        let said = at(name, kind).unwrap_or(if is_there(name) { Said::Nothing } else { Said::NoName });
        Answer { server: server.into(), said, aliases: alias.into_iter().collect(), ttl: 3_600 }
    }
}

struct World {
    zone: Zone,
    servers: Vec<Names>,
    resolver: Names,
}

const DOMAIN: &str = "news.acme.example";

fn key() -> String {
    "ABCDEFGH".repeat(49)
}

fn setup() -> DomainSetup {
    let with = |selector: &str, algorithm, public_key| Key { selector: selector.into(), algorithm, public_key };
    DomainSetup {
        domain: DOMAIN.into(),
        ownership_token: "token".into(),
        keys: vec![with("r", Algorithm::Rsa2048, key()), with("e", Algorithm::Ed25519, "QUJD".into())],
        helo_name: "mail.service.example".into(),
        spf_include: Some("spf.service.example".into()),
        bounce_domain: None,
        tracking: Some(Tracking { host: format!("links.{DOMAIN}"), target: "track.service.example".into() }),
    }
}

fn record(host: &str, kind: RecordType) -> Record {
    let all = records(&setup());
    let found = all.into_iter().find(|record| record.host == format!("{host}.{DOMAIN}") && record.kind == kind);
    found.unwrap_or_else(|| panic!("{host}"))
}

fn ownership() -> Record {
    record("_pillarbox", RecordType::Txt)
}

fn rsa() -> Record {
    record("r._domainkey", RecordType::Txt)
}

fn spf() -> Record {
    record("pb-bounces", RecordType::Txt)
}

fn exchanger() -> Record {
    record("pb-bounces", RecordType::Mx)
}

fn dmarc() -> Record {
    record("_dmarc", RecordType::Txt)
}

fn tracking() -> Record {
    record("links", RecordType::Cname)
}

fn zone(name: &str) -> Zone {
    Zone::Of { name: name.into(), signed: false }
}

/// What the service itself publishes.
fn service() -> Names {
    Names::default()
        .texts("spf.service.example", &["v=spf1 ip4:192.0.2.0/24 -all"])
        .at("track.service.example", [192, 0, 2, 1])
}

impl World {
    /// Everybody knows the same.
    fn of(names: Names) -> Self {
        Self { zone: zone("acme.example"), servers: vec![names.clone()], resolver: names }
    }

    fn judge(&self, record: &Record) -> Check {
        let mut known = Known::of(DOMAIN, self.zone.clone());
        for _ in 0..100 {
            let question = match judge(record, &known) {
                Ok(check) => return check,
                Err(Ask(question)) => question,
            };
            let answer = |names: &Names, server: &str| names.answer(server, &question.name, question.kind);
            let authority = self.servers.iter().enumerate().map(|(at, names)| answer(names, &format!("ns{at}")));
            let authority = if question.whom == Whom::Everybody { authority.collect() } else { Vec::new() };
            let resolver = answer(&self.resolver, "192.0.2.53:53");
            assert!(known.answers.insert(question, Observed { authority, resolver }).is_none(), "it is asked once");
        }
        panic!("there is no end to it");
    }

    /// The record has this status and fault, and the sentence has all of these words.
    #[track_caller]
    fn is(&self, record: &Record, status: RecordStatus, fault: Option<Fault>, words: &[&str]) -> Check {
        let check = self.judge(record);
        assert_eq!((check.status, check.fault), (status, fault.map(Fault::as_str)), "{check:?}");
        let reason = check.reason.clone().unwrap_or_default();
        assert!(words.iter().all(|word| reason.contains(word)), "{words:?}: {reason}");
        assert!(reason.is_empty() || reason.ends_with('.') && reason.len() < 1_000, "{reason}");
        check
    }
}

use RecordStatus::{Conflict, Mismatch, Missing, Pending, Verified};

#[track_caller]
fn is(names: Names, record: &Record, status: RecordStatus, fault: Option<Fault>, words: &[&str]) {
    World::of(names).is(record, status, fault, words);
}

fn good() -> Names {
    let mut names = service();
    for record in records(&setup()) {
        names = match record.kind {
            RecordType::Txt => names.texts(&record.host, &[&record.value]),
            RecordType::Mx => names.exchangers(&record.host, &[(10, "mail.service.example")]),
            RecordType::Cname => names.alias(&record.host, &record.value),
        };
    }
    names.texts(&dmarc().host, &["v=DMARC1; p=reject"])
}

#[test]
fn a_domain_that_published_everything_is_good() {
    let world = World::of(good());
    for record in records(&setup()) {
        let check = world.judge(&record);
        assert_eq!((check.status, check.fault, check.reason.as_deref()), (Verified, None, None), "{record:?}");
        assert_eq!(check.found.len(), 1, "{check:?}");
    }
}

#[test]
fn a_domain_that_published_nothing_is_told_what_to_add() {
    let world = World::of(service());
    for record in records(&setup()) {
        let begin: String = record.value.chars().take(40).collect();
        world.is(&record, Missing, Some(Fault::Missing), &[&record.host, &begin, "add"]);
    }
}

#[test]
fn a_domain_that_does_not_exist_is_told_for_every_record() {
    let world = World { zone: Zone::None, ..World::of(Names::default()) };
    for record in records(&setup()) {
        world.is(&record, Missing, Some(Fault::NoSuchDomain), &[DOMAIN, "register"]);
    }
}

#[test]
fn another_token_is_a_mismatch_and_other_texts_are_none() {
    let record = ownership();
    let with = |texts: &[&str]| service().texts(&record.host, texts);
    is(with(&["other", "pillarbox-verify=token"]), &record, Verified, None, &[]);
    is(with(&[" pillarbox-verify=token "]), &record, Verified, None, &[]);
    is(
        with(&["pillarbox-verify=other"]),
        &record,
        Mismatch,
        Some(Fault::Mismatch),
        &["another account", "“pillarbox-verify=token”"],
    );
    is(with(&["other"]), &record, Mismatch, Some(Fault::Mismatch), &["another text"]);
    is(with(&["pillarbox-verify=tok"]), &record, Mismatch, Some(Fault::Truncated), &["whole value"]);
    is(with(&["\"pillarbox-verify=token\""]), &record, Mismatch, Some(Fault::BadlyQuoted), &["without them"]);
    is(with(&["“pillarbox-verify=token”"]), &record, Mismatch, Some(Fault::BadlyQuoted), &["\\226\\128\\156"]);
}

#[test]
fn a_key_is_ours_however_it_is_written() {
    let record = rsa();
    for value in [
        format!("v=DKIM1;k=rsa;p={}", key()),
        format!("p={}", key()),
        format!("v=DKIM1; h=sha1:sha256; s=email; t=s; k=rsa; p={};", key()),
        record.value.replace("ABCDEFGH", "ABCD EFGH"),
    ] {
        is(service().texts(&record.host, &[&value]), &record, Verified, None, &[]);
    }
    is(service().texts(&record.host, &[&format!("t=y; p={}", key())]), &record, Verified, None, &["t=y"]);
}

#[test]
fn a_key_that_is_not_ours_is_told_from_one_that_was_spoiled() {
    let record = rsa();
    let with = |texts: &[&str]| service().texts(&record.host, texts);
    let value = record.value.as_str();
    let wrong = [
        (Fault::Truncated, value[..255].to_owned(), "255 bytes"),
        (Fault::Truncated, value[..100].to_owned(), "cut where it was entered"),
        (Fault::Mismatch, value.replace("ABCDEFGH", "HGFEDCBA"), "not the key"),
        (Fault::Mismatch, value.replace("k=rsa", "k=ed25519"), "k="),
        (Fault::Mismatch, value.replace("DKIM1", "DKIM2"), "v="),
        (Fault::Mismatch, format!("h=sha1; {value}"), "v="),
        (Fault::Mismatch, value.replace("k=rsa", "h=sha1"), "SHA-256"),
        (Fault::Mismatch, value.replace("k=rsa", "s=tlsrpt"), "mail"),
        (Fault::Revoked, "v=DKIM1; p=".to_owned(), "revoked"),
        (Fault::Revoked, "v=DKIM1; k=rsa; p=".to_owned(), "revoked"),
        (Fault::BadlyQuoted, format!("\"{}\" \"{}\"", &value[..255], &value[255..]), "without them"),
        (Fault::BadlyQuoted, value.replace(';', "\\;"), "backslashes"),
    ];
    for (fault, text, words) in wrong {
        is(with(&[&text]), &record, Mismatch, Some(fault), &[words, &record.host]);
    }
    is(with(&[value, "v=DKIM1; p=QUJD"]), &record, Conflict, Some(Fault::Duplicate), &["2 records", "remove"]);
    is(with(&[&value[255..], &value[..255]]), &record, Mismatch, Some(Fault::Split), &["2 records", "2 strings"]);
    is(with(&[&value[..200], "v=spf1"]), &record, Conflict, Some(Fault::Duplicate), &[]);
}

#[test]
fn a_key_is_put_together_from_four_parts_and_no_more() {
    let record = rsa();
    let with = |bytes: usize| {
        let parts: Vec<_> = record.value.as_bytes().chunks(bytes).collect();
        let parts: Vec<_> = parts.iter().rev().map(|part| std::str::from_utf8(part).expect("it is ASCII")).collect();
        (parts.len(), service().texts(&record.host, &parts))
    };
    let (four, five) = (with(120), with(100));
    assert_eq!((four.0, five.0), (4, 5));
    is(four.1, &record, Mismatch, Some(Fault::Split), &["4 records"]);
    is(five.1, &record, Conflict, Some(Fault::Duplicate), &["5 records"]);
}

#[test]
fn a_key_of_ed25519_needs_its_kind() {
    let record = record("e._domainkey", RecordType::Txt);
    is(service().texts(&record.host, &["v=DKIM1; p=QUJD"]), &record, Mismatch, Some(Fault::Mismatch), &["k="]);
}

#[test]
fn one_spf_record_has_to_name_us() {
    let record = spf();
    let texts = ["other", "v=spf1 mx include:spf.service.example -all"];
    is(service().texts(&record.host, &texts), &record, Verified, None, &[]);
}

#[test]
fn an_spf_record_that_lacks_us_shows_the_merged_one() {
    let record = spf();
    let with = |texts: &[&str]| service().texts(&record.host, texts).texts("spf.other.example", &["v=spf1 -all"]);
    let merged = "“v=spf1 include:spf.other.example include:spf.service.example ~all”";
    is(with(&["v=spf1 include:spf.other.example ~all"]), &record, Mismatch, Some(Fault::Mismatch), &[merged]);
    let after = "v=spf1 -all include:spf.service.example";
    is(with(&[after]), &record, Mismatch, Some(Fault::Mismatch), &["“v=spf1 include:spf.service.example -all”"]);
    let nested =
        with(&["v=spf1 include:nested.example ~all"]).texts("nested.example", &["v=spf1 include:spf.service.example"]);
    is(nested, &record, Verified, None, &[]);
    let redirected = with(&["v=spf1 redirect=nested.example"]).texts("nested.example", &[&record.value]);
    is(redirected, &record, Verified, None, &[]);
}

#[test]
fn what_receivers_make_of_an_spf_record_is_told() {
    let record = spf();
    let with = |texts: &[&str]| service().texts(&record.host, texts);
    let ours = "include:spf.service.example";
    is(with(&["v=spf1 -all", "v=spf1 ~all"]), &record, Conflict, Some(Fault::Duplicate), &["2 SPF records"]);
    is(
        with(&["\"v=spf1 include:spf.service.example ~all\""]),
        &record,
        Mismatch,
        Some(Fault::BadlyQuoted),
        &["without them"],
    );
    is(with(&["other"]), &record, Missing, Some(Fault::Missing), &["add"]);
    let broken = format!("v=spf1 {ours} ip4:192.0.2.999 ~all");
    is(with(&[&broken]), &record, Mismatch, Some(Fault::SpfSyntax), &["ip4:192.0.2.999", "IPv4"]);
    is(with(&[&format!("v=spf1 {ours} +all")]), &record, Verified, Some(Fault::WeakPolicy), &["every machine"]);
    let missing = format!("v=spf1 {ours} include:gone.example ~all");
    is(with(&[&missing]), &record, Conflict, Some(Fault::IncludeMissing), &["gone.example"]);
    let bad = with(&[&missing]).texts("gone.example", &["v=spf1 foo"]);
    is(bad, &record, Conflict, Some(Fault::SpfSyntax), &["gone.example", "foo"]);
    let twice = with(&[&missing]).texts("gone.example", &["v=spf1 -all", "v=spf1 -all"]);
    is(twice, &record, Conflict, Some(Fault::Duplicate), &["gone.example", "several"]);
    let away = with(&[&missing]).says("gone.example", Kind::Txt, Said::Failure);
    is(away, &record, Pending, Some(Fault::Unreachable), &["gone.example", "again"]);
}

#[test]
fn ten_lookups_are_allowed_and_no_more() {
    let record = spf();
    let with = |others: usize| {
        let hosts: Vec<_> = (0..others).map(|number| format!("a{number}.example")).collect();
        let terms: Vec<_> = hosts.iter().map(|host| format!("a:{host}")).collect();
        let names = hosts.iter().fold(service(), |names, host| names.at(host, [192, 0, 2, 1]));
        names.texts(&record.host, &[&format!("v=spf1 include:spf.service.example {} ~all", terms.join(" "))])
    };
    is(with(9), &record, Verified, None, &[]);
    is(with(10), &record, Conflict, Some(Fault::TooManyLookups), &["11 names", "after 10"]);
    is(with(18), &record, Conflict, Some(Fault::TooManyLookups), &["look up 19 names"]);
    is(with(50), &record, Conflict, Some(Fault::TooManyLookups), &["look up 20 or more names"]);
    let circle = service().texts(&record.host, &["v=spf1 include:circle.example ~all"]);
    let circle = circle.texts("circle.example", &["v=spf1 include:circle.example"]);
    is(circle, &record, Conflict, Some(Fault::TooManyLookups), &["20 or more"]);
    let macros = service().texts(
        &record.host,
        &["v=spf1 include:spf.service.example exists:%{i}.a.example include:%{d}.a.example ptr ~all"],
    );
    is(macros, &record, Verified, None, &[]);
}

#[test]
fn two_names_may_have_nothing_and_no_more() {
    let record = spf();
    let with = |names: &str| {
        let value = format!("v=spf1 include:spf.service.example {names} ~all");
        service().texts(&record.host, &[&value]).texts("empty.example", &["x"])
    };
    is(with("a:none.example mx:empty.example"), &record, Verified, None, &[]);
    is(
        with("a:none.example mx:empty.example a:empty.example"),
        &record,
        Conflict,
        Some(Fault::VoidLookups),
        &["none.example"],
    );
}

#[test]
fn an_mx_may_have_ten_hosts_and_no_more() {
    let record = spf();
    let with = |count: u16| {
        let hosts: Vec<_> = (0..count).map(|number| (number, "mx.example")).collect();
        service()
            .texts(&record.host, &["v=spf1 include:spf.service.example mx:many.example ~all"])
            .exchangers("many.example", &hosts)
    };
    is(with(10), &record, Verified, None, &[]);
    is(with(11), &record, Conflict, Some(Fault::TooManyLookups), &["many.example", "10 hosts"]);
}

#[test]
fn the_return_path_leads_to_us_first() {
    let record = exchanger();
    let with = |hosts: &[(u16, &str)]| service().exchangers(&record.host, hosts);
    is(with(&[(20, "backup.example"), (5, "mail.service.example")]), &record, Verified, None, &[]);
    is(
        with(&[(5, "first.example"), (10, "mail.service.example")]),
        &record,
        Mismatch,
        Some(Fault::Mismatch),
        &["5 first.example", "preferred"],
    );
    is(with(&[(0, "")]), &record, Mismatch, Some(Fault::Mismatch), &["“0 .”", "elsewhere"]);
}

#[test]
fn the_return_path_may_be_an_alias_of_the_services_own() {
    let own = "bounces.service.example";
    let alias = |record: Record| Record { alias: Some(own.into()), ..record };
    let names = service()
        .alias(&exchanger().host, own)
        .exchangers(own, &[(1, "other.service.example")])
        .texts(own, &["v=spf1 ip4:192.0.2.1 -all"]);
    is(names.clone(), &alias(exchanger()), Verified, None, &[]);
    is(names.clone(), &alias(spf()), Verified, None, &[]);
    let elsewhere =
        service().alias(&exchanger().host, "park.example").exchangers("park.example", &[(1, "park.example")]);
    is(elsewhere, &alias(exchanger()), Conflict, Some(Fault::CnameInTheWay), &["park.example", own]);
    is(service(), &alias(exchanger()), Missing, Some(Fault::Missing), &["or make that name an alias", own]);
    is(names, &exchanger(), Conflict, Some(Fault::CnameInTheWay), &["remove the CNAME"]);
}

#[test]
fn a_policy_is_good_and_one_that_only_watches_is_told() {
    let record = dmarc();
    let with = |texts: &[&str]| service().texts(&record.host, texts);
    for value in ["v=DMARC1; p=reject", "v=DMARC1;p=Quarantine;rua=mailto:a@b.example", "v=DMARC1 ; p=reject ; pct=10"]
    {
        is(with(&[value]), &record, Verified, None, &[]);
    }
    is(with(&["v=DMARC1; p=none"]), &record, Verified, Some(Fault::WeakPolicy), &["p=none", "p=quarantine", "rua="]);
    is(with(&["v=DMARC1; p=reject", "v=DMARC1; p=none"]), &record, Conflict, Some(Fault::Duplicate), &["2 DMARC"]);
    is(with(&["\"v=DMARC1; p=none\""]), &record, Mismatch, Some(Fault::BadlyQuoted), &["without them"]);
    is(with(&["v=DMARC1; rua=mailto:a@b.example"]), &record, Mismatch, Some(Fault::DmarcSyntax), &["no p="]);
    is(with(&["v=DMARC1; p=everything"]), &record, Mismatch, Some(Fault::DmarcSyntax), &["neither none"]);
    is(with(&["v=DMARC1, p=none"]), &record, Mismatch, Some(Fault::DmarcSyntax), &["commas"]);
    is(with(&["other"]), &record, Missing, Some(Fault::Missing), &["add"]);
}

#[test]
fn a_policy_is_inherited_from_the_registered_domain() {
    let with = |text: &str| service().texts("_dmarc.acme.example", &[text]);
    is(with("v=DMARC1; p=reject"), &dmarc(), Verified, None, &["acme.example holds", "p=reject"]);
    is(with("v=DMARC1; p=reject; sp=none"), &dmarc(), Verified, Some(Fault::WeakPolicy), &["sp=none"]);
    is(with("v=DMARC1; p=none; sp=reject"), &dmarc(), Verified, None, &["holds"]);
}

#[test]
fn an_alias_in_the_way_is_told() {
    for record in [ownership(), rsa(), spf(), dmarc()] {
        let names = service().alias(&record.host, "parked.example").texts("parked.example", &["parked"]);
        is(names, &record, Conflict, Some(Fault::CnameInTheWay), &["parked.example", "remove the CNAME"]);
        let nowhere = service().alias(&record.host, "parked.example");
        let check = World::of(nowhere).is(&record, Conflict, Some(Fault::CnameInTheWay), &["parked.example"]);
        assert_eq!(check.found, ["parked.example"]);
        let names = service().alias(&record.host, "kept.example").texts("kept.example", &[&record.value]);
        let check = World::of(names).judge(&record);
        assert_eq!(check.status, Verified, "an alias that leads to the right record does no harm: {check:?}");
    }
}

#[test]
fn a_record_under_a_name_that_was_made_of_the_right_one_is_found() {
    for record in [ownership(), rsa(), spf()] {
        let label = record.host.strip_suffix(DOMAIN).expect("it is inside");
        let names = [
            format!("{}.acme.example", record.host),
            format!("{}.{DOMAIN}", record.host),
            format!("{label}acme.example"),
            DOMAIN.to_owned(),
        ];
        for name in names {
            let names = service().texts(&name, &[&record.value]);
            is(names, &record, Mismatch, Some(Fault::WrongHost), &[&name, &record.host, "Move it"]);
        }
    }
    let doubled = format!("{}.acme.example", exchanger().host);
    let names = service().exchangers(&doubled, &[(10, "mail.service.example")]);
    is(names, &exchanger(), Mismatch, Some(Fault::WrongHost), &["adds the zone's name by itself"]);
    let doubled = format!("{}.acme.example", tracking().host);
    is(service().alias(&doubled, "track.service.example"), &tracking(), Mismatch, Some(Fault::WrongHost), &[&doubled]);
}

#[test]
fn a_name_that_would_be_too_long_is_not_looked_for() {
    let long = |bytes: usize| {
        let label = "a".repeat(bytes - "_pillarbox..acme.example".len());
        let host = format!("_pillarbox.{label}.acme.example");
        Record { host, ..ownership() }
    };
    // With `.acme.example` behind it.
    for (bytes, fault) in [(240, Fault::WrongHost), (241, Fault::Missing)] {
        let record = long(bytes);
        let names = service().texts(&format!("{}.acme.example", record.host), &[&record.value]);
        let status = if fault == Fault::Missing { Missing } else { Mismatch };
        is(names, &record, status, Some(fault), &[]);
    }
}

#[test]
fn tracked_links_begin_with_an_alias_or_with_the_same_addresses() {
    let record = tracking();
    let host = record.host.as_str();
    is(
        service().alias(host, "other.example"),
        &record,
        Mismatch,
        Some(Fault::Mismatch),
        &["other.example", "track.service.example"],
    );
    is(service().at(host, [192, 0, 2, 1]), &record, Verified, None, &[]);
    is(service().at(host, [192, 0, 2, 9]), &record, Mismatch, Some(Fault::Mismatch), &["192.0.2.9", "proxy"]);
}

#[test]
fn what_others_still_remember_takes_time() {
    let world = World { resolver: service(), ..World::of(good()) };
    let check =
        world.is(&ownership(), Pending, Some(Fault::NotPropagated), &["192.0.2.53", "nothing is there", "60 minutes"]);
    assert_eq!(check.found, [""; 0]);
    let old = good().texts(&ownership().host, &["pillarbox-verify=old"]);
    let world = World { resolver: old, ..World::of(good()) };
    let check = world.is(&ownership(), Pending, Some(Fault::NotPropagated), &["what was there before", "wait"]);
    assert_eq!(check.found, ["pillarbox-verify=old"]);
    let world = World { servers: vec![service()], ..World::of(good()) };
    world.is(&ownership(), Missing, Some(Fault::Missing), &["add"]);
}

#[test]
fn servers_that_differ_are_named() {
    let world = World { servers: vec![good(), service()], ..World::of(good()) };
    world.is(&ownership(), Conflict, Some(Fault::ServersDiffer), &["ns0 has", "ns1 does not have it", "serial"]);
    let dead = good().says(&ownership().host, Kind::Txt, Said::Silent);
    let world = World { servers: vec![dead, good()], ..World::of(good()) };
    world.is(&ownership(), Verified, None, &[]);
}

#[test]
fn those_who_do_not_answer_are_named() {
    let record = ownership();
    let says = |said| good().says(&record.host, Kind::Txt, said);
    let world = |servers: &[Said], resolver: Said| World {
        servers: servers.iter().cloned().map(says).collect(),
        resolver: says(resolver),
        zone: zone("acme.example"),
    };
    let right = Said::Values(vec![Value::Text(vec![record.value.clone().into_bytes()])]);
    let is = |servers: &[Said], resolver, status, fault, words: &[&str]| {
        world(servers, resolver).is(&record, status, fault, words);
    };
    is(&[Said::Refused], Said::Failure, Pending, Some(Fault::Refused), &["ns0", "refuses"]);
    is(&[Said::Failure, Said::Silent], Said::Failure, Pending, Some(Fault::ServerFailure), &["ns0", "log"]);
    is(&[Said::Silent, Said::Silent], Said::Failure, Pending, Some(Fault::Unreachable), &["ns0, ns1", "in time"]);
    is(&[], Said::Silent, Pending, Some(Fault::Unreachable), &["192.0.2.53", "again"]);
    is(&[], Said::Failure, Pending, Some(Fault::ServerFailure), &["192.0.2.53"]);
    is(&[], Said::Bogus, Conflict, Some(Fault::DnssecBogus), &["DNSSEC", "DS record"]);
    is(std::slice::from_ref(&right), Said::Bogus, Conflict, Some(Fault::DnssecBogus), &["DNSSEC"]);
    is(
        std::slice::from_ref(&right),
        Said::Silent,
        Pending,
        Some(Fault::Unreachable),
        &["name servers have", "nothing has to be changed"],
    );
    is(
        std::slice::from_ref(&right),
        Said::Failure,
        Pending,
        Some(Fault::ServerFailure),
        &["nothing has to be changed"],
    );
    is(&[], right.clone(), Verified, None, &[]);
    is(&[Said::Silent], right.clone(), Verified, None, &[]);
    let signed =
        World { zone: Zone::Of { name: "acme.example".into(), signed: true }, ..world(&[right], Said::Failure) };
    signed.is(&record, Conflict, Some(Fault::ServerFailure), &["signed", "DS record"]);
}

#[test]
fn what_nobody_can_read_is_told() {
    for record in [ownership(), rsa(), spf(), dmarc(), exchanger()] {
        let kind = kind(&record);
        is(good().says(&record.host, kind, Said::TooMany), &record, Conflict, Some(Fault::TooManyRecords), &["remove"]);
        is(good().says(&record.host, kind, Said::Loop), &record, Conflict, Some(Fault::CnameLoop), &["circle"]);
    }
}

#[test]
fn a_circle_is_found_where_servers_only_fail() {
    let record = ownership();
    let fails = |name: &str| good().says(name, Kind::Txt, Said::Failure);
    let circle = fails("a.example").alias("a.example", &record.host).alias(&record.host, "a.example");
    is(circle, &record, Conflict, Some(Fault::CnameLoop), &["circle", "remove the CNAME"]);
    let chain = |hops: usize| {
        let names: Vec<_> = (1..=hops).map(|number| format!("a{number}.example")).collect();
        let froms = [&record.host].into_iter().chain(&names);
        froms.zip(&names).fold(fails("a1.example"), |known, (from, to)| known.alias(from, to))
    };
    is(chain(7), &record, Pending, Some(Fault::ServerFailure), &[]);
    is(chain(8), &record, Conflict, Some(Fault::CnameLoop), &["too many names"]);
}

#[test]
fn what_was_found_is_bounded() {
    let record = ownership();
    let long = "x".repeat(60_000);
    let texts: Vec<_> = (0..200).map(|_| long.as_str()).collect();
    let check = World::of(service().texts(&record.host, &texts)).judge(&record);
    assert_eq!(check.found.len(), super::super::FOUND_MAX);
    assert!(check.found.iter().all(|found| found.len() <= super::super::FOUND_BYTES_MAX));
    assert!(check.reason.is_some_and(|reason| reason.len() < 1_000));
}

#[test]
fn silence_ends_the_questions() {
    let mut known = Known::of(DOMAIN, Zone::Unknown);
    known.closed = true;
    for record in records(&setup()) {
        let check = judge(&record, &known).expect("nothing more is asked");
        assert_eq!((check.status, check.fault), (Pending, Some("unreachable")), "{check:?}");
    }
}
