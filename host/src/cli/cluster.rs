//! `pillarbox cluster …`

use std::process::ExitCode;

use clap::Subcommand;

use super::output::{fields, show, table};
use super::session::{self, Session};
use super::{Failure, Json};
use crate::cluster;
use crate::config::Config;
use crate::control;

#[derive(Subcommand)]
pub(super) enum Cluster {
    /// See how far this node follows its cluster, and which nodes there are
    ///
    /// `revision` counts the changes of the control plane that this node has applied. While the breaker is open the
    /// primary does not answer: what is here is served, mail goes on, and changes are refused with 503.
    Status(Json),
    /// Make a cluster of what this node has: its accounts, domains, keys and plugins
    ///
    /// For the first node, once, while its service is stopped. It needs `storage_url`, and a server without tables. Further
    /// nodes start with an empty data directory in which a copy of this node's `host.key` lies.
    Init(Json),
    /// Have this node be on its own from now on, with the accounts, domains, keys and plugins that it has
    ///
    /// While its service is stopped. The cluster and its other nodes go on without it.
    Leave(Json),
}

impl Cluster {
    pub(super) async fn run(self, config: Config) -> Result<ExitCode, Failure> {
        match self {
            Self::Status(json) => {
                let told = Session::open(config).await?.run(control::Command::ClusterStatus).await?;
                show(json.json, &told, || status(&told["cluster"]));
            }
            Self::Init(json) => {
                let (app, _lock) = session::alone(config)?;
                let told = cluster::init(&app).await?;
                show(json.json, &told, || {
                    format!(
                        "Made the cluster {} of what this node has. Start it again, and further nodes each with an empty \
                         data directory and a copy of this node's host.key.\n",
                        told["cluster"].as_str().unwrap_or_default()
                    )
                });
            }
            Self::Leave(json) => {
                let (app, _lock) = session::alone(config)?;
                let told = cluster::leave(&app).await?;
                show(json.json, &told, || "This node is on its own now. Start it without storage_url.\n".to_owned());
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// The node's own figures, a line each, and a table of all nodes.
fn status(cluster: &serde_json::Value) -> String {
    if cluster.is_null() {
        return "This node is on its own: storage_url is not set.\n".into();
    }
    let nodes = table(
        &cluster["nodes"],
        &[("NODE", "node"), ("REVISION", "revision"), ("SEEN", "seen_at"), ("VERSION", "version")],
    );
    let mut node = cluster.clone();
    node.as_object_mut().map(|fields| fields.remove("nodes"));
    format!("{}\n{nodes}", fields(&node))
}
