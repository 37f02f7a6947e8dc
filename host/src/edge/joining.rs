//! How a machine becomes an edge node: by a token, once.

use std::path::Path;

use super::identity::{Identity, NewKey};
use super::link::{Link, LinkError};
use crate::app::Clock;
use crate::hash::hex;
use crate::nodes::token::JoinToken;
use crate::nodes::wire::JoinRequest;
use crate::store::DATABASE_FILE;

/// Why a data directory cannot be an edge node's.
pub(crate) fn check_directory(data_dir: &Path) -> Result<(), String> {
    if data_dir.join(DATABASE_FILE).exists() {
        let directory = data_dir.display();
        return Err(format!("{directory} is the data directory of the service itself; set data_dir to another one"));
    }
    Ok(())
}

/// Joins by a token, and keeps what the node is from now on. The caller holds the data directory.
pub(crate) async fn join(data_dir: &Path, token: &str, again: bool, clock: Clock) -> Result<Identity, String> {
    check_directory(data_dir)?;
    let token: JoinToken = token.parse()?;
    let before = Identity::load(data_dir).map_err(|error| error.to_string())?;
    if let Some(before) = before.filter(|_| !again) {
        return Err(format!(
            "{} belongs to the node {} already; with --again it becomes another one, and hands over what it has",
            data_dir.display(),
            before.name
        ));
    }
    let new = NewKey::make()?;
    let request =
        JoinRequest { secret: hex(&token.secret), request: new.request, version: env!("CARGO_PKG_VERSION").into() };
    let joined = Link::of_token(&token, clock)?.join(&request).await.map_err(|error| match error {
        LinkError::Refused(words) => words,
        other => other.to_string(),
    })?;
    let identity = Identity {
        node_id: joined.node_id,
        name: joined.name,
        origin: token.address,
        key: new.key,
        certificate: joined.certificate,
        authority: joined.authority,
    };
    identity.keep(data_dir).map_err(|error| error.to_string())?;
    Ok(identity)
}
