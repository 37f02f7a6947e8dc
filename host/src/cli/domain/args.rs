//! What `pillarbox domain` is given.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::cli::Json;
use crate::delivery::outlet::OutletKind;

/// The word for following the service.
const FOLLOWS: &str = "default";

#[derive(Args)]
pub(in crate::cli) struct Add {
    /// Such as mail.example.com, in any script
    pub(super) name: String,
    /// The account's address
    #[arg(long, value_name = "EMAIL")]
    pub(super) customer: String,
    /// Take your word that the domain is the customer's, instead of looking into DNS
    #[arg(long)]
    pub(super) assume_verified: bool,
    /// Where its mail goes, when that is not where the service's goes
    #[arg(long, value_name = "capture|relay|mx", value_parser = outlet_kind)]
    pub(super) outlet: Option<OutletKind>,
    #[command(flatten)]
    pub(super) json: Json,
}

#[derive(Args)]
pub(in crate::cli) struct List {
    /// Only those of this account, by its address
    #[arg(long, value_name = "EMAIL")]
    pub(super) customer: Option<String>,
    #[command(flatten)]
    pub(super) json: Json,
}

#[derive(Args)]
pub(in crate::cli) struct Named {
    /// The domain
    pub(super) name: String,
    /// The account's address, where several accounts wait for the same domain
    #[arg(long, value_name = "EMAIL")]
    pub(super) customer: Option<String>,
    #[command(flatten)]
    pub(super) json: Json,
}

#[derive(Args)]
pub(in crate::cli) struct Exported {
    /// The domain
    pub(super) name: String,
    /// The account's address, where several accounts wait for the same domain
    #[arg(long, value_name = "EMAIL")]
    pub(super) customer: Option<String>,
    /// `table` for people, `zone` for a zone file, `json` for the APIs of Route 53 and Cloudflare
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub(super) format: Format,
}

/// How records are printed.
#[derive(Clone, Copy, ValueEnum)]
pub(super) enum Format {
    Table,
    Zone,
    Json,
}

#[derive(Args)]
pub(in crate::cli) struct Outlet {
    /// The domain
    pub(super) name: String,
    /// `default` follows the service
    #[arg(value_name = "capture|relay|mx|default", value_parser = choice)]
    pub(super) choice: Choice,
    /// The account's address, where several accounts wait for the same domain
    #[arg(long, value_name = "EMAIL")]
    pub(super) customer: Option<String>,
    #[command(flatten)]
    pub(super) json: Json,
}

#[derive(Args)]
pub(in crate::cli) struct Tracking {
    /// The domain
    pub(super) name: String,
    /// A name below the domain, such as click.acme.example; `none` takes it away: links of mail that was sent go on working
    #[arg(value_name = "HOST|none")]
    pub(super) host: String,
    /// The account's address, where several accounts wait for the same domain
    #[arg(long, value_name = "EMAIL")]
    pub(super) customer: Option<String>,
    #[command(flatten)]
    pub(super) json: Json,
}

#[derive(Args)]
pub(in crate::cli) struct Sign {
    /// The domain
    pub(super) name: String,
    /// The message (RFC 5322); `-` or nothing is standard input
    pub(super) file: Option<PathBuf>,
    /// The account's address, where several accounts wait for the same domain
    #[arg(long, value_name = "EMAIL")]
    pub(super) customer: Option<String>,
    #[command(flatten)]
    pub(super) json: Json,
}

/// An outlet, or none for that of the service.
#[derive(Clone, Copy)]
pub(in crate::cli) struct Choice(pub(super) Option<OutletKind>);

fn outlet_kind(word: &str) -> Result<OutletKind, String> {
    OutletKind::parse(word).ok_or_else(|| "capture, relay or mx".into())
}

fn choice(word: &str) -> Result<Choice, String> {
    if word == FOLLOWS {
        return Ok(Choice(None));
    }
    let kind = OutletKind::parse(word).ok_or_else(|| format!("capture, relay, mx or {FOLLOWS}"))?;
    Ok(Choice(Some(kind)))
}
