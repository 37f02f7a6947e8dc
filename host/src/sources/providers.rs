//! Every provider and server whose notifications are known by name: how they prove themselves, and what else is particular
//! about each.

use crate::verification::{Algorithm, Encoding, HmacRule, KeyForm, Rule};

/// How far a time may be off, unless the source says otherwise.
const FIVE_MINUTES: Option<i64> = Some(300);

/// Who has the secret first.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum SecretFrom {
    /// There is none.
    Nobody,
    /// The provider shows it, there.
    Provider(&'static str),
    /// We make one, or take what the operator chose, and the provider is told.
    Us,
}

/// One sender.
pub(crate) struct Provider {
    /// As the normalizer calls its format.
    pub(crate) name: &'static str,
    pub(crate) secret: SecretFrom,
    /// How far the time of a signature may be off, in seconds.
    pub(crate) window_secs: Option<i64>,
    /// True where 503 throws a notification away and 429 does not.
    pub(crate) keeps_after_429_alone: bool,
    pub(crate) rule: fn() -> Rule,
}

const NONE: Provider = Provider {
    name: "",
    secret: SecretFrom::Nobody,
    window_secs: None,
    keeps_after_429_alone: false,
    rule: || Rule::None,
};
const BASIC: Provider = Provider { secret: SecretFrom::Us, rule: || Rule::Basic, ..NONE };

/// By their names.
pub(crate) const PROVIDERS: &[Provider] = &[
    Provider {
        name: "ahasend",
        secret: SecretFrom::Provider("the webhook's page"),
        window_secs: FIVE_MINUTES,
        rule: || Rule::Standard { text: true, bare: false },
        ..NONE
    },
    Provider { name: "azure", ..NONE },
    Provider {
        name: "brevo",
        secret: SecretFrom::Us,
        keeps_after_429_alone: true,
        rule: || Rule::Header { header: "authorization".into(), prefix: "Bearer ".into() },
        ..NONE
    },
    Provider {
        name: "forward-email",
        secret: SecretFrom::Provider(
            "the domain's advanced settings, as the webhook signature payload verification key",
        ),
        rule: || body("x-webhook-signature", Encoding::Hex),
        ..NONE
    },
    Provider { name: "kumomta", keeps_after_429_alone: true, ..BASIC },
    Provider {
        name: "lettermint",
        secret: SecretFrom::Provider("the webhook's page"),
        window_secs: FIVE_MINUTES,
        rule: || {
            Rule::Hmac(HmacRule {
                signed: "{timestamp}.{body}".into(),
                fields: Some(("t".into(), "v1".into())),
                ..hmac("x-lettermint-signature", Encoding::Hex)
            })
        },
        ..NONE
    },
    Provider {
        name: "mailersend",
        secret: SecretFrom::Provider("the webhook's page, as the signing secret"),
        rule: || body("signature", Encoding::Hex),
        ..NONE
    },
    Provider {
        name: "mailgun",
        secret: SecretFrom::Provider("the account's API security page, as the HTTP webhook signing key"),
        window_secs: FIVE_MINUTES,
        rule: || Rule::Mailgun,
        ..NONE
    },
    Provider { name: "mailjet", ..BASIC },
    Provider {
        name: "mailomat",
        secret: SecretFrom::Provider("the webhook's page"),
        window_secs: FIVE_MINUTES,
        rule: || {
            Rule::Hmac(HmacRule {
                prefix: "sha256=".into(),
                signed: "{header:x-mom-webhook-id}.{header:x-mom-webhook-event}.{timestamp}".into(),
                timestamp_header: Some("x-mom-webhook-timestamp".into()),
                id_header: Some("x-mom-webhook-id".into()),
                ..hmac("x-mom-webhook-signature", Encoding::Hex)
            })
        },
        ..NONE
    },
    Provider {
        name: "mailtrap",
        secret: SecretFrom::Provider("the webhook's page, as the signing secret"),
        rule: || body("mailtrap-signature", Encoding::Hex),
        ..NONE
    },
    Provider {
        name: "mandrill",
        secret: SecretFrom::Provider("the list of webhooks, as the webhook's key"),
        rule: || Rule::Mandrill,
        ..NONE
    },
    Provider {
        name: "postal",
        secret: SecretFrom::Provider(
            "what `postal default-dkim-record` prints on the server: the public key is behind p=",
        ),
        rule: || Rule::Postal,
        ..NONE
    },
    Provider { name: "postmark", ..BASIC },
    Provider {
        name: "resend",
        secret: SecretFrom::Provider("the webhook's page, as the signing secret"),
        window_secs: FIVE_MINUTES,
        rule: || Rule::Standard { text: false, bare: false },
        ..NONE
    },
    Provider {
        name: "sendgrid",
        secret: SecretFrom::Provider("the mail settings, as the verification key of the signed event webhook"),
        window_secs: FIVE_MINUTES,
        rule: || Rule::Sendgrid,
        ..NONE
    },
    Provider { name: "ses", rule: || Rule::Sns { topics: Vec::new() }, ..NONE },
    Provider { name: "sparkpost", ..BASIC },
    Provider { name: "stalwart", secret: SecretFrom::Us, rule: || body("x-signature", Encoding::Base64), ..NONE },
    Provider {
        name: "sweego",
        secret: SecretFrom::Provider("the webhook's page"),
        window_secs: FIVE_MINUTES,
        rule: || Rule::Standard { text: false, bare: true },
        ..NONE
    },
    Provider {
        name: "unisender-go",
        secret: SecretFrom::Provider("the account's page, as the API key"),
        rule: || Rule::UnisenderGo,
        ..NONE
    },
    Provider { name: "zone-mta", ..BASIC },
];

/// The sender of this name.
pub(crate) fn find(name: &str) -> Option<&'static Provider> {
    PROVIDERS.iter().find(|provider| provider.name == name)
}

/// An HMAC-SHA256 in this header whose key is the secret as it is written.
pub(super) fn hmac(header: &str, encoding: Encoding) -> HmacRule {
    HmacRule {
        header: header.into(),
        algorithm: Algorithm::Sha256,
        encoding,
        key: KeyForm::Text,
        prefix: String::new(),
        signed: "{body}".into(),
        timestamp_header: None,
        id_header: None,
        fields: None,
    }
}

/// The same over the body.
fn body(header: &str, encoding: Encoding) -> Rule {
    Rule::Hmac(hmac(header, encoding))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Formats that are no provider's.
    const OTHERS: [&str; 6] = ["pillarbox", "rfc3464", "arf", "mail", "autoreply", "unknown"];

    #[test]
    fn every_provider_that_the_normalizer_reads_can_be_a_source() {
        let formats = pillarbox_normalizer::formats();
        let mut read: Vec<_> = formats.iter().map(|format| format.name.as_str()).collect();
        read.retain(|name| !OTHERS.contains(name));
        read.sort_unstable();
        let known: Vec<_> = PROVIDERS.iter().map(|provider| provider.name).collect();
        assert_eq!(known, read);
    }

    #[test]
    fn what_has_no_time_has_no_window_and_every_rule_is_one() {
        for provider in PROVIDERS {
            let rule = (provider.rule)();
            assert_eq!(provider.window_secs.is_some(), rule.has_time(), "{}", provider.name);
            let has_secret = !matches!(rule, Rule::None | Rule::Sns { .. });
            assert_eq!(has_secret, provider.secret != SecretFrom::Nobody, "{}", provider.name);
            if let Rule::Hmac(rule) = rule {
                rule.check().expect("it is well formed");
            }
        }
    }

    #[test]
    fn the_guide_to_sources_has_a_line_for_each_provider() {
        let guide = include_str!("../../../plugins/README.md");
        let (_, guide) = guide.split_once("### Setting up a source").expect("there is a guide");
        for provider in PROVIDERS {
            assert!(guide.contains(&format!("| `{}` |", provider.name)), "{}", provider.name);
        }
    }
}
