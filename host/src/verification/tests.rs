//! Signatures that openssl and Python made, and what must not pass for them.

use std::collections::BTreeMap;

use http::{HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;

use super::*;
use crate::sources::providers;

const NOW: i64 = 1_710_513_000_000;
const BODY: &[u8] = br#"{"event":"bounce","to":"ada@example.com"}"#;
const KEY: &str = "signing-key";
const URL: &str = "https://mail.example.com/webhooks/in/x";
const P256: &str = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEjWIbeLdfFlKHz3qsWKhPw8bc7xcOAykqDTYkGziQcQWRGqwgbuXDav\
    ZtrkB3FktmEytKs3ePh4LsoDI0D0BgTw==";
const P256_SIGNATURE: &str = "MEQCIDB+h0eUO/akxtweMLJTuOIu87ktigAaH0tAHY9t01O8AiAhYqW7/h7yxtaLT++yxg+AngDyiwbu7qzs+SGYQL\
    6SQw==";
const RSA: &str = "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA1Y3GQs3TnbueMZ2Hav4PB48FSTwtXU5Ki1gnbLV87lwPTp\
    BT7fPuz8JnVbGR88+0FplL2i7JC6bXO2+EeucayisblCElzU3QEXcPhucE/JN22Q842ZZGCEGWOepNE4+7FnaS/Okt\
    PcbTFYpeBnBF84uVTiCijXuYkyGnLzA5vqhZvvk1PBLoNllEvAGeZ3i6yHVE4GG5ogMnY+IV42lyP3InWhIrgyXag/\
    4QmoBAxhs7R2a5tew0N/c5ghgX/HGQUirAPbe16v+aX1G4nW+hD0H1xFp3LrCacdnzqyHFHmidCrbDNglaOk8e/eiZ\
    6REjpLkRNvlgDyzE2JplHeAAYwIDAQAB";
const RSA_SHA256: &str = "YLj68TYDmT1CDBRA1K5D/a6kZLlu3XMYAQx3FCGkV80KVrWF0u4bJjclcDbfX8Vj+Jhg/SopqLin+189ecrB/OYxrT\
    w0BBZigeuPau+fRK+unAndMt0GtJtnJeZxJ9Jszhe8ycZbvSj+kmRB3loIC97C4R2gJAPhe6s4wYxmuqcyO7HmbD+A\
    Rsv04SnW6FiN67Wkrq0KrYJJIxntg/Qtdfc1xof33dpsXiap+iPJhtCKIdp40UFwtdSFpge4Oqy4K3YYJA4/VJArYC\
    hS7j7HESVdcftG7fF6tXFAXN0NpsTH/z0RAnNYneeusuCkmLkIS31zmaeoii6GYYN0zbrPxg==";
const RSA_SHA1: &str = "GrWuAtOm8puD7LIqV9upn5FgrqJZmida3qM/7CC84j9xyN+6JnNnV+zkMLAZorhsulugdOgJcfMpRhjXVO6gLu1vSD\
    VC3nTp78aKp/MqLVfm43OgsCXp/d1kKd+Hi3lsUgqeNVxZ6YAV/41p/2MxtwSbSLqehZRePelHepTGaQNjfy120JOb\
    4ciOiFBPKSv9o3l2OISnh7JsjrE+CPUe1fIsBSTI2BfNy53BMh9k1KYQ+x5WjMFcZsIQn9IO1ymXfW6+8Z4wjWkV2Q\
    VdL+n1mqpdM3J9hy/c5JtUYAyaDXhraA7XFnNBpn7oo/07gWVQBQvHwm5oT+ompIOBKO5Dng==";

/// A genuine notification of one provider.
struct Case {
    rule: Rule,
    secret: String,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
    window_secs: Option<i64>,
}

impl Case {
    fn of(provider: &str, secret: &str, headers: &[(&'static str, &str)]) -> Self {
        let provider = providers::find(provider).expect("it is known");
        Self {
            rule: (provider.rule)(),
            secret: secret.into(),
            headers: headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect(),
            body: BODY.to_vec(),
            window_secs: provider.window_secs,
        }
    }

    fn with_body(self, body: &[u8]) -> Self {
        Self { body: body.to_vec(), ..self }
    }

    fn checked(&self, secrets: &[&str], now: i64) -> Result<Proof, Wrong> {
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            // A flipped bit may leave what is no header, which no server would let in.
            let Ok(value) = HeaderValue::from_bytes(value.as_bytes()) else { return Err(Wrong::Mismatch) };
            headers.append(HeaderName::from_static(name), value);
        }
        let secrets: Vec<_> = secrets.iter().map(|secret| (*secret).to_owned()).collect();
        let Self { body, window_secs, .. } = self;
        check(&self.rule, &secrets, &Asked { headers: &headers, body, url: URL, now, window_secs: *window_secs })
    }

    fn passes(&self) -> bool {
        self.checked(&[&self.secret], NOW).is_ok()
    }
}

fn standard_headers(signature: &str) -> [(&'static str, String); 3] {
    let signature = signature.to_owned();
    [("webhook-id", "msg_1".into()), ("webhook-timestamp", "1710513000".into()), ("webhook-signature", signature)]
}

/// One of each way to sign, with its provider.
fn cases() -> Vec<(&'static str, Case)> {
    let body_hex = "2c08fd403c8c10296ec91c319ae6be57df9d809c48fa7ca85386219c5fa9680d";
    let whsec = "whsec_dHdlbnR5LWZvdXIgYnl0ZXMgb2Yga2V5";
    let standard = "D+AegqoCJ2xkOCDJahaC/FUoa6mTLsqV9p/4bNkm2Ms=";
    let of_standard = |provider: &str, signature: &str| {
        let headers = standard_headers(signature).to_vec();
        Case { headers, ..Case::of(provider, whsec, &[]) }
    };
    vec![
        ("mailersend", Case::of("mailersend", KEY, &[("signature", body_hex)])),
        ("mailtrap", Case::of("mailtrap", KEY, &[("mailtrap-signature", body_hex)])),
        ("forward-email", Case::of("forward-email", KEY, &[("x-webhook-signature", body_hex)])),
        ("stalwart", Case::of("stalwart", KEY, &[("x-signature", "LAj9QDyMECluyRwxmua+V9+dgJxI+nyoU4YhnF+paA0=")])),
        (
            "lettermint",
            Case::of(
                "lettermint",
                KEY,
                &[(
                    "x-lettermint-signature",
                    "t=1710513000,v1=5a0c8bff7a89ce0d7211187b439aa99c2a2eddc0a11204b72da5d374aa8a1b34",
                )],
            ),
        ),
        ("resend", of_standard("resend", &format!("v1,AAAA v1,{standard}"))),
        ("sweego", of_standard("sweego", standard)),
        (
            "sendgrid",
            Case::of(
                "sendgrid",
                P256,
                &[
                    ("x-twilio-email-event-webhook-signature", P256_SIGNATURE),
                    ("x-twilio-email-event-webhook-timestamp", "1710513000"),
                ],
            ),
        ),
        ("postal", Case::of("postal", RSA, &[("x-postal-signature-256", RSA_SHA256)])),
        ("postal, an old one", Case::of("postal", RSA, &[("x-postal-signature", RSA_SHA1)])),
        (
            "unisender-go",
            Case::of("unisender-go", KEY, &[])
                .with_body(br#"{"auth":"170c5e14240b5501e1722143f6ae3a75","events_by_user":[]}"#),
        ),
        (
            "mandrill",
            Case::of(
                "mandrill",
                KEY,
                &[
                    ("content-type", "application/x-www-form-urlencoded"),
                    ("x-mandrill-signature", "TQxzudS8QtgaRUb3V+VlXk2JMnE="),
                ],
            )
            .with_body(b"mandrill_events=%5B%7B%22event%22%3A%22send%22%7D%5D&a=1"),
        ),
        ("basic", Case::of("postmark", "user:password", &[("authorization", "Basic dXNlcjpwYXNzd29yZA==")])),
        ("bearer", Case::of("brevo", KEY, &[("authorization", "Bearer signing-key")])),
    ]
}

/// What is not in the body that is signed: Mailgun signs a time and a token, Mailomat three headers.
fn beside_the_body() -> Vec<(&'static str, Case)> {
    let mailgun = br#"{"signature":{"timestamp":1710513000,"token":"token-1","signature":
        "ab7e6200ce8e1989f509a9fb1b34f2c2ef8c1fc7938b05cf88904813cf4bac99"},"event-data":{"id":"e-1"}}"#;
    let form = b"token=no&timestamp=1710513000&token=token-1&signature=\
ab7e6200ce8e1989f509a9fb1b34f2c2ef8c1fc7938b05cf88904813cf4bac99";
    let is_form = [("content-type", "application/x-www-form-urlencoded")];
    let mailomat = [
        ("x-mom-webhook-id", "id-1"),
        ("x-mom-webhook-event", "failure_perm"),
        ("x-mom-webhook-timestamp", "1710513000"),
        ("x-mom-webhook-signature", "sha256=e2b41ebc28a26a6f3afa65f9e38d33fb298758d245d4fb0fa652e748724926a6"),
    ];
    vec![
        ("mailgun", Case::of("mailgun", KEY, &[]).with_body(mailgun)),
        ("mailgun by a form", Case::of("mailgun", KEY, &is_form).with_body(form)),
        ("mailomat", Case::of("mailomat", KEY, &mailomat)),
    ]
}

#[test]
fn what_every_provider_signs_passes_with_its_secret_and_with_no_other() {
    for (name, case) in cases().into_iter().chain(beside_the_body()) {
        let with = |secrets: &[&str]| case.checked(secrets, NOW);
        let other = match &case.rule {
            Rule::Sendgrid => P256.replace("jWIbeLdf", "jWIbeLdg"),
            Rule::Postal => RSA.replace("1Y3GQs3T", "1Y3GQs3U"),
            Rule::Standard { .. } => "whsec_dHdlbnR5LWZvdXIgYnl0ZXMgb2Yga2V6".into(),
            _ => "another-key:password".into(),
        };
        with(&[&case.secret]).unwrap_or_else(|wrong| panic!("{name}: {wrong}"));
        assert!(with(&[&other, &case.secret]).is_ok() && with(&[&case.secret, &other]).is_ok(), "{name}: rotated");
        assert_eq!(with(&[&other]), Err(Wrong::Mismatch), "{name}");
        assert!(with(&[]).is_err(), "{name}: without a secret");
    }
}

#[test]
fn no_flipped_bit_of_body_or_header_passes() {
    for (name, case) in cases() {
        let is_signed = !matches!(case.rule, Rule::Basic | Rule::Header { .. });
        for at in (0..case.body.len() * 8).filter(|_| is_signed) {
            let mut body = case.body.clone();
            body[at / 8] ^= 1 << (at % 8);
            // Two spellings of one form are one form.
            let is_same = matches!(case.rule, Rule::Mandrill)
                && form_urlencoded::parse(&body).eq(form_urlencoded::parse(&case.body));
            let flipped = Case { body, ..Case { headers: case.headers.clone(), ..case.copied() } };
            assert_eq!(flipped.passes(), is_same, "{name}: bit {at} of the body");
        }
        let signed = case.headers.len();
        for header in 0..signed {
            if case.headers[header].0 == "content-type" || case.headers[header].1.contains("AAAA") {
                continue;
            }
            for at in 0..case.headers[header].1.len() * 8 {
                let mut value = case.headers[header].1.clone().into_bytes();
                value[at / 8] ^= 1 << (at % 8);
                let Ok(value) = String::from_utf8(value) else { continue };
                // The scheme's name has no case (RFC 9110 section 11.1), and blanks around a value are none of it.
                let is_scheme = matches!(case.rule, Rule::Basic) && at / 8 < 6;
                let mut headers = case.headers.clone();
                headers[header].1 = value;
                let flipped = Case { headers, ..case.copied() };
                assert!(!flipped.passes() || is_scheme, "{name}: bit {at} of {}", case.headers[header].0);
            }
        }
    }
}

#[test]
fn a_time_is_inside_its_window_on_both_sides() {
    for (name, case) in cases().into_iter().chain(beside_the_body()) {
        let Some(window_secs) = case.window_secs else {
            assert!(case.checked(&[&case.secret], NOW + 10_000_000_000).is_ok(), "{name} has no time");
            continue;
        };
        let at = |secs: i64| case.checked(&[&case.secret], NOW + secs * 1_000);
        assert!(at(window_secs).is_ok() && at(-window_secs).is_ok(), "{name}");
        assert_eq!(at(window_secs + 1), Err(Wrong::Stale(window_secs + 1)), "{name}");
        assert_eq!(at(-window_secs - 1), Err(Wrong::Stale(-window_secs - 1)), "{name}");
    }
}

#[test]
fn where_the_body_is_not_signed_what_is_comes_with_one_body() {
    for (name, case) in beside_the_body() {
        assert!(case.checked(&[&case.secret], NOW).expect(name).once.is_some(), "{name}");
    }
    for (name, case) in cases() {
        assert_eq!(case.checked(&[&case.secret], NOW).expect(name).once, None, "{name}");
    }
}

#[test]
fn the_senders_id_is_what_a_repetition_is_known_by() {
    let ids: Vec<_> = cases()
        .into_iter()
        .chain(beside_the_body())
        .filter_map(|(name, case)| Some((name, case.checked(&[&case.secret], NOW).expect(name).id?)))
        .collect();
    let wanted = [("resend", "msg_1"), ("sweego", "msg_1"), ("mailgun", "e-1"), ("mailomat", "id-1")];
    assert_eq!(ids, wanted.map(|(name, id)| (name, id.to_owned())));
}

#[test]
fn a_header_that_comes_twice_is_none() {
    let (_, mut case) = cases().swap_remove(0);
    case.headers.push(case.headers[0].clone());
    assert_eq!(case.checked(&[KEY], NOW), Err(Wrong::Malformed("header signature".into())));
}

#[test]
fn a_request_may_carry_so_many_signatures() {
    let (_, case) = cases().into_iter().find(|(name, _)| *name == "resend").expect("it is there");
    let genuine = case.headers[2].1.split(' ').next_back().expect("it has one").to_owned();
    let with = |others: usize| {
        let mut headers = case.headers.clone();
        headers[2].1 = format!("{}{genuine}", "v1,AAAA ".repeat(others));
        Case { headers, ..case.copied() }.passes()
    };
    assert!(with(SIGNATURES_MAX - 1) && !with(SIGNATURES_MAX));
}

impl Case {
    fn copied(&self) -> Self {
        let Self { rule, secret, headers, body, window_secs } = self;
        let (rule, secret, headers, body) = (rule.clone(), secret.clone(), headers.clone(), body.clone());
        Self { rule, secret, headers, body, window_secs: *window_secs }
    }
}

/// A request of `tests/fixtures/webhooks/auth.jsonl`.
#[derive(Deserialize)]
struct Line {
    id: String,
    provider: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    content_type: String,
    body: String,
    auth: Auth,
}

#[derive(Deserialize)]
struct Auth {
    secret: Option<String>,
    public_key: Option<String>,
    url: Option<String>,
    now: Option<i64>,
    #[serde(default)]
    topic_allow: Vec<String>,
    cert_pem: Option<String>,
    valid: bool,
}

impl Line {
    fn passes(&self) -> bool {
        let mut headers = HeaderMap::new();
        for (name, value) in self.headers.iter().chain([(&"content-type".to_owned(), &self.content_type)]) {
            let name = HeaderName::from_bytes(name.as_bytes()).expect("a name");
            headers.append(name, HeaderValue::from_str(value).expect("a value"));
        }
        let name = match self.provider.as_str() {
            "amazon_ses" => "ses".to_owned(),
            other => other.replace('_', "-"),
        };
        let provider = providers::find(&name).expect("it is known");
        let Auth { secret, public_key, url, now, topic_allow, cert_pem, .. } = &self.auth;
        let (now, url) = (now.map_or(NOW, |secs| secs * 1_000), url.as_deref().unwrap_or(URL));
        let body = self.body.as_bytes();
        let asked = Asked { headers: &headers, body, url, now, window_secs: provider.window_secs };
        if let Some(certificate) = cert_pem {
            let message = sns::Message::read(topic_allow, None, &asked);
            return message.is_ok_and(|message| message.check(certificate.as_bytes(), now).is_ok());
        }
        let secrets: Vec<_> = secret.iter().chain(public_key).cloned().collect();
        check(&(provider.rule)(), &secrets, &asked).is_ok()
    }
}

#[test]
fn what_public_test_suites_hold_for_genuine_passes_and_nothing_else() {
    let lines = include_str!("../../../tests/fixtures/webhooks/auth.jsonl").lines();
    let lines: Vec<Line> = lines.map(|line| serde_json::from_str(line).expect("a line")).collect();
    let wrong: Vec<_> = lines.iter().filter(|line| line.passes() != line.auth.valid).map(|line| &line.id).collect();
    assert_eq!((lines.len(), wrong), (30, Vec::new()));
}
