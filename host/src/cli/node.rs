//! `pillarbox node`

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::Value;

use super::output::{show, table};
use super::session::Session;
use super::{Failure, Json};
use crate::config::Config;
use crate::control::Command;
use crate::nodes::MINUTES_MAX;

/// The subcommands.
#[derive(Subcommand)]
pub(super) enum Node {
    /// Make a token that one edge node joins by
    ///
    /// The token is shown once, holds for an hour unless you say otherwise, and is good for one node. It tells the node
    /// where this service is and how to know it, so that nothing else needs to be copied: on the other machine, run
    /// `pillarbox edge join TOKEN`, then `pillarbox edge`.
    Invite(Invite),
    /// List the edge nodes: which are connected, and how much they have that is not here yet
    List(Json),
    /// Refuse a node from its next request on, or take an invitation back
    ///
    /// The node forgets the keys of tokens and stops answering as soon as it hears of it. What it has recorded and not
    /// handed over stays in its data directory: it joins again with a new token and goes on from there. To have what it
    /// holds first, wait until `pillarbox node list` shows no spool.
    Revoke(Named),
    /// Give a node another name
    Rename(Rename),
}

#[derive(Args)]
pub(super) struct Invite {
    /// What the node will be called: letters, digits and -_.
    name: String,
    /// Host and port where the node reaches this service; without it, what the settings say
    #[arg(long, value_name = "HOST:PORT")]
    address: Option<String>,
    /// How long the token holds
    #[arg(long, default_value_t = 60, value_name = "N", value_parser = clap::value_parser!(i64).range(1..=MINUTES_MAX))]
    minutes: i64,
    #[command(flatten)]
    json: Json,
}

#[derive(Args)]
pub(super) struct Named {
    /// As `node list` shows it
    name: String,
    #[command(flatten)]
    json: Json,
}

#[derive(Args)]
pub(super) struct Rename {
    /// As `node list` shows it
    name: String,
    /// The new name
    to: String,
    #[command(flatten)]
    json: Json,
}

impl Node {
    pub(super) async fn run(self, config: Config) -> Result<ExitCode, Failure> {
        let (command, json, text): (_, _, fn(&Value) -> String) = match self {
            Self::Invite(Invite { name, address, minutes, json }) => {
                (Command::NodeInvite { name, address, minutes }, json, invited)
            }
            Self::List(json) => (Command::NodeList, json, list),
            Self::Revoke(Named { name, json }) => (Command::NodeRevoke { name }, json, revoked),
            Self::Rename(Rename { name, to, json }) => (Command::NodeRename { name, to }, json, renamed),
        };
        let session = Session::open(config).await?;
        let answer = session.run(command).await?;
        show(json.json, &answer, || text(&answer));
        Ok(ExitCode::SUCCESS)
    }
}

fn invited(answer: &Value) -> String {
    let text = |field: &str| answer[field].as_str().unwrap_or_default().to_owned();
    format!(
        "On the machine of {}, which must reach {}, run\n\npillarbox edge join {}\npillarbox edge\n\nThe token is good \
         once, until {}.\n",
        text("name"),
        text("address"),
        text("token"),
        text("expires_at")
    )
}

fn list(answer: &Value) -> String {
    if answer["edges"].as_array().is_none_or(Vec::is_empty) {
        return "There are no edge nodes; `pillarbox node invite NAME` makes a token for one.\n".into();
    }
    let columns = [
        ("NODE", "name"),
        ("STATE", "state"),
        ("LAG (S)", "lag_seconds"),
        ("SPOOL (BYTES)", "spool_bytes"),
        ("VERSION", "version"),
        ("SEEN", "seen_at"),
    ];
    table(&answer["edges"], &columns)
}

fn revoked(answer: &Value) -> String {
    format!("{} is refused from its next request on.\n", answer["name"].as_str().unwrap_or_default())
}

fn renamed(answer: &Value) -> String {
    format!("The node is called {} now.\n", answer["name"].as_str().unwrap_or_default())
}
