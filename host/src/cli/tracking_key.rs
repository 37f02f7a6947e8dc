//! `pillarbox tracking-key`

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::Value;

use super::output::{show, table};
use super::session::Session;
use super::{Failure, Json};
use crate::config::Config;
use crate::control::Command;

/// The subcommands.
#[derive(Subcommand)]
pub(super) enum TrackingKey {
    /// List the keys: the one that signs, the one that will, those whose links still count, those whose links do not
    List(Json),
    Rotate(Rotate),
    Retire(Retire),
}

/// Have the next key sign the links of new emails
///
/// The key that signed until now goes on counting: links in mail live for years. The next key is known to every node
/// from the moment it is made; one that is younger than ten minutes is not used without --force.
#[derive(Args)]
pub(super) struct Rotate {
    /// Also when the next key is so new that an edge node may not know it
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    json: Json,
}

/// Have the links of an old key count no more
///
/// For a key that somebody else learned. Its pixels and links are then answered with 404, in every email that was sent
/// while it signed, and this cannot be taken back.
#[derive(Args)]
pub(super) struct Retire {
    /// As `tracking-key list` shows it
    id: u8,
    #[command(flatten)]
    json: Json,
}

impl TrackingKey {
    pub(super) async fn run(self, config: Config) -> Result<ExitCode, Failure> {
        let (json, command) = match self {
            Self::List(json) => (json, Command::TrackingKeyList),
            Self::Rotate(Rotate { force, json }) => (json, Command::TrackingKeyRotate { force }),
            Self::Retire(Retire { id, json }) => (json, Command::TrackingKeyRetire { id }),
        };
        let answer = Session::open(config).await?.run(command).await?;
        show(json.json, &answer, || list(&answer));
        Ok(ExitCode::SUCCESS)
    }
}

fn list(answer: &Value) -> String {
    table(&answer["keys"], &[("KEY", "id"), ("STATE", "state"), ("SINCE", "since")])
}
