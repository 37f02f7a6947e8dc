//! What the subcommands of `pillarbox source` take.

use std::path::PathBuf;

use clap::Args;
use serde::de::DeserializeOwned;

use crate::cli::{Failure, Json, read_input};
use crate::control::Command;
use crate::sources::desk::{NewSource, Secret};

/// Make an address that a provider or a mail server posts its notifications to
///
/// What comes there is believed when it proves where it comes from, as its provider or --scheme
/// says. The address itself is a secret of 192 random bits, printed once.
///
/// Amazon SES by SNS, which signs with certificates of Amazon (the topic has to be named; its
/// subscription is confirmed by itself):
///
///   pillarbox source add ses --provider ses --topic arn:aws:sns:eu-west-1:123456789012:bounces
///
/// A provider that makes the secret (sendgrid, mailgun, resend, mailersend, mailtrap, mandrill,
/// lettermint, mailomat, sweego, ahasend, forward-email, unisender-go; postal on your own
/// server), read from standard input so that no shell keeps it:
///
///   pillarbox source add sendgrid --provider sendgrid --secret-file -
///
/// A provider that sends what it is told (postmark, mailjet, sparkpost, brevo, stalwart, kumomta,
/// zone-mta); without a secret of yours one is made and printed:
///
///   pillarbox source add postmark --provider postmark
///
/// Azure, which proves itself by the address alone:
///
///   pillarbox source add azure --provider azure
///
/// Anybody else: an HMAC whose header, hash, spelling and content you name, Standard Webhooks, a
/// user and a password, a secret in a header, or the address alone:
///
///   pillarbox source add crm --scheme hmac --header x-signature --prefix sha256= \
///     --signed '{timestamp}.{body}' --timestamp-header x-timestamp
///   pillarbox source add hooks --scheme standard --secret-file key
///   pillarbox source add script --scheme basic
#[derive(Args)]
#[expect(clippy::doc_markdown, reason = "the text is shown as it is")]
#[command(verbatim_doc_comment)]
pub(in crate::cli) struct Add {
    /// What the source is called in lists and logs: letters, digits and -_.
    name: String,
    /// Whose notifications they are; any that the normalizer recognizes when it is left out
    #[arg(long, value_name = "NAME")]
    provider: Option<String>,
    /// How they prove themselves where not as the provider has it: none, basic, bearer, header, hmac, standard, sns,
    /// sendgrid, mailgun, mandrill, postal, unisender-go
    #[arg(long, value_name = "NAME")]
    scheme: Option<String>,
    #[command(flatten)]
    secret: SecretArgs,
    /// A topic of Amazon SNS that is taken; once for each
    #[arg(long = "topic", value_name = "ARN")]
    topics: Vec<String>,
    /// The address of the account whose emails alone may be changed by it
    #[arg(long, value_name = "EMAIL")]
    customer: Option<String>,
    /// How far the time of a signature may be off
    #[arg(long, value_name = "SECONDS")]
    window: Option<i64>,
    /// What repetitions are known by, where not by the sender's id: body, header:NAME or json:/POINTER
    #[arg(long, value_name = "KEY")]
    dedupe: Option<String>,
    /// The largest body, in bytes
    #[arg(long, value_name = "BYTES")]
    body_max: Option<usize>,
    /// What is answered to what is not genuine: 401 when it is left out. 406 has Mailgun stop trying, 403 Postmark.
    #[arg(long, value_name = "STATUS")]
    refuse_with: Option<u16>,
    /// What is answered while there is no room: 503, or 429 for senders that throw away what is answered with 503
    #[arg(long, value_name = "STATUS")]
    busy_with: Option<u16>,
    /// The beginning of the address as the sender is given it, where not `public_url`; Mandrill signs it
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    #[command(flatten)]
    signature: Signature,
    #[command(flatten)]
    json: Json,
}

/// How an HMAC is made, or where a secret stands.
#[derive(Args)]
struct Signature {
    /// The header with the signature, or with the secret
    #[arg(long, value_name = "NAME")]
    header: Option<String>,
    /// What stands before the signature or the secret
    #[arg(long, value_name = "TEXT")]
    prefix: Option<String>,
    /// The hash: sha1, sha256 (when it is left out) or sha512
    #[arg(long, value_name = "NAME")]
    algorithm: Option<String>,
    /// How the signature is written: hex (when it is left out) or base64
    #[arg(long, value_name = "NAME")]
    encoding: Option<String>,
    /// How the secret is written: text (when it is left out), hex or base64
    #[arg(long, value_name = "NAME")]
    key: Option<String>,
    /// What is signed, with {body}, {timestamp}, {url} and {header:NAME} in it; {body} when it is left out
    #[arg(long, value_name = "TEXT")]
    signed: Option<String>,
    /// The header with the time, in seconds or milliseconds since 1970
    #[arg(long, value_name = "NAME")]
    timestamp_header: Option<String>,
    /// The header with the sender's id of the notification
    #[arg(long, value_name = "NAME")]
    id_header: Option<String>,
    /// The names of time and signature where the header is a list: t,v1 for `t=1710513000,v1=ab12`
    #[arg(long, value_name = "TIME,SIGNATURE")]
    fields: Option<String>,
}

#[derive(Args)]
struct SecretArgs {
    /// The secret; --secret-file keeps it out of the shell's history
    #[arg(long, value_name = "TEXT", conflicts_with = "secret_file")]
    secret: Option<String>,
    /// A file with the secret, or a public key in PEM; - is standard input
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
}

#[derive(Args)]
pub(in crate::cli) struct Named {
    /// As `source list` shows it
    pub(super) name: String,
    #[command(flatten)]
    pub(super) json: Json,
}

/// Give a source another secret or address, beside the present one
///
/// Both are good from then on, so that nothing is lost while the provider is told. Then --finish
/// ends the former one:
///
///   pillarbox source rotate sendgrid --secret-file -
///   pillarbox source rotate sendgrid --finish
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub(in crate::cli) struct Rotate {
    /// As `source list` shows it
    name: String,
    #[command(flatten)]
    secret: SecretArgs,
    /// Make another address
    #[arg(long)]
    url: bool,
    /// End the former secret and the former address
    #[arg(long)]
    finish: bool,
    #[command(flatten)]
    json: Json,
}

impl Add {
    /// The source that is asked for.
    pub(super) fn read(self) -> Result<(NewSource, Json), Failure> {
        let Signature { header, prefix, algorithm, encoding, key, signed, timestamp_header, id_header, fields } =
            self.signature;
        let fields = fields.map(|pair| {
            let pair = pair.split_once(',').map(|(time, signature)| (time.to_owned(), signature.to_owned()));
            pair.ok_or("--fields takes two names with a comma between them, as t,v1")
        });
        let source = NewSource {
            name: self.name,
            provider: self.provider,
            scheme: word("--scheme", self.scheme)?,
            secret: self.secret.read()?,
            customer: self.customer,
            topics: self.topics,
            window_secs: self.window,
            dedupe: self.dedupe,
            body_bytes_max: self.body_max,
            refused_status: self.refuse_with,
            busy_status: self.busy_with,
            public_url: self.public_url,
            header,
            prefix,
            algorithm: word("--algorithm", algorithm)?,
            encoding: word("--encoding", encoding)?,
            key: word("--key", key)?,
            signed,
            timestamp_header,
            id_header,
            fields: fields.transpose()?,
        };
        Ok((source, self.json))
    }
}

impl Rotate {
    pub(super) fn read(self) -> Result<(Command, Json), Failure> {
        let Self { name, secret, url, finish, json } = self;
        Ok((Command::SourceRotate { name, secret: secret.read()?, url, finish }, json))
    }
}

impl SecretArgs {
    fn read(self) -> Result<Option<Secret>, Failure> {
        match (self.secret, self.secret_file) {
            (Some(secret), _) => Ok(Some(Secret(secret))),
            (None, Some(file)) => Ok(Some(Secret(String::from_utf8(read_input(Some(&file))?)?.trim().to_owned()))),
            (None, None) => Ok(None),
        }
    }
}

/// A word of ours.
fn word<T: DeserializeOwned>(option: &str, given: Option<String>) -> Result<Option<T>, Failure> {
    let Some(given) = given else { return Ok(None) };
    let word = serde_json::from_value(given.into());
    word.map(Some).map_err(|error| format!("{option}: {error}").into())
}
