//! How a node comes to belong to a cluster.

use serde_json::json;

use crate::app::App;
use crate::cluster::Primary;
use crate::control::Outcome;
use crate::ids::new_id;
use crate::store::control::Told;
use crate::store::{Store, StoreError};

/// Whether a node has the rows of its cluster.
#[derive(Debug)]
pub enum Joined {
    /// It does.
    Yes,
    /// It has none yet, and this is why. It must answer nobody.
    NotYet(String),
}

/// Brings a node that starts to where its cluster is. A node that was there before serves what it has while the primary
/// is away. What only an operator can put right is an error.
pub async fn join(app: &App) -> Result<Joined, String> {
    let at = app.store.control_cursor().await.map_err(|error| error.to_string())?;
    match (&app.cluster.primary, at) {
        (None, None) => Ok(Joined::Yes),
        (None, Some(at)) => Err(format!(
            "this data directory belongs to the cluster {}, whose accounts, domains and plugins no node changes alone: set \
             storage_url, or run `pillarbox cluster leave` first",
            at.cluster
        )),
        (Some(primary), Some(at)) => match catch_up(&app.store, primary).await {
            Ok(()) => Ok(Joined::Yes),
            Err(StoreError::Refused(why)) => Err(why),
            Err(error) => {
                primary.reached(at.revision, at.revision);
                app.cluster.note_trouble(Some(error.to_string()));
                Ok(Joined::Yes)
            }
        },
        (Some(primary), None) => {
            if has_own_rows(&app.store).await.map_err(|error| error.to_string())? {
                return Err("this data directory has customers or plugins of its own, which joining a cluster would \
                            overwrite: run `pillarbox cluster init` to make a cluster of them, or start this node with an \
                            empty data directory (and the host.key of the cluster)"
                    .into());
            }
            match app.store.copy_control_tables(primary).await {
                Ok(()) => Ok(Joined::Yes),
                Err(StoreError::Refused(why)) => Err(why),
                Err(error) => Ok(Joined::NotYet(error.to_string())),
            }
        }
    }
}

/// From now on this node answers.
pub fn enter(app: &App) {
    app.cluster.joined.send_replace(true);
}

/// Applies everything that the primary has beyond this node.
pub(super) async fn catch_up(store: &Store, primary: &Primary) -> Result<(), StoreError> {
    loop {
        match store.follow(primary).await? {
            Told::Current => return Ok(()),
            Told::More => {}
            Told::Lost => {
                tracing::warn!("the log of the cluster does not lead here; its tables are copied");
                store.copy_control_tables(primary).await?;
            }
        }
    }
}

/// What comes with the binary is nobody's own.
async fn has_own_rows(store: &Store) -> Result<bool, StoreError> {
    let has_customers = !store.customers(1).await?.is_empty();
    Ok(has_customers || store.plugins().await?.iter().any(|plugin| !plugin.built_in))
}

/// Makes a cluster of what this node has, at a server that is empty.
pub async fn init(app: &App) -> Outcome {
    let Some(primary) = &app.cluster.primary else {
        return Err("set storage_url first: the libSQL server that is to hold the control plane".into());
    };
    if let Some(at) = app.store.control_cursor().await.map_err(|error| error.to_string())? {
        return Err(format!("this node belongs to the cluster {} already", at.cluster));
    }
    let cluster = new_id(app.now()).to_string();
    app.store.init_primary(primary, cluster.clone()).await.map_err(|error| error.to_string())?;
    Ok(json!({ "cluster": cluster, "node": primary.node() }))
}

/// Has this node be on its own from now on, with the rows that it has.
pub(crate) async fn leave(app: &App) -> Outcome {
    let at = app.store.control_cursor().await.map_err(|error| error.to_string())?;
    let at = at.ok_or("this node belongs to no cluster")?;
    app.store.set_control_cursor(None).await.map_err(|error| error.to_string())?;
    Ok(json!({ "left": at.cluster, "revision": at.revision }))
}
