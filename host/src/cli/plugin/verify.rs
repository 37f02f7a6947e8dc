//! `pillarbox plugin verify`

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};

use super::read;
use super::sign::{KEY_FILE_BYTES_MAX, admitted, beside, read_small};
use crate::cli::output::{fields, show, word};
use crate::cli::{Failure, Json};
use crate::config::Config;
use crate::plugins::error::Refusal;
use crate::plugins::signature::{self, DOCUMENT_BYTES_MAX, PublicKey};

/// Says who signed a plugin, or why its signature does not hold.
///
/// The exit code is 0 only when it holds: one of the keys signed exactly these bytes, and the plugin, asked in the
/// sandbox, has the name and version that were signed. Nothing is parsed before the signature holds.
#[derive(Args)]
pub(in crate::cli) struct Verify {
    /// The .wasm file
    file: PathBuf,
    /// The signature [default: FILE.sig]
    #[arg(long, value_name = "FILE")]
    signature: Option<PathBuf>,
    /// A public key to trust, or the file that has it; may be given several times [default: the setting `plugin_keys`]
    #[arg(long, value_name = "PUBLIC")]
    key: Vec<String>,
    #[command(flatten)]
    json: Json,
}

impl Verify {
    pub(in crate::cli) async fn run(self, config: &Config) -> Result<ExitCode, Failure> {
        let keys = if self.key.is_empty() {
            config.plugin_keys.iter().map(|key| key.parse()).collect::<Result<_, _>>()?
        } else {
            self.key.iter().map(|key| read_public(key)).collect::<Result<Vec<PublicKey>, Failure>>()?
        };
        let file = read(&self.file)?.0;
        let document = read_signature(&self.file, self.signature.as_deref())?;
        let outcome = verify(file, document.as_deref(), &keys).await;
        let is_good = outcome.is_ok();
        let answer =
            outcome.unwrap_or_else(|refusal| json!({ "valid": false, "code": refusal.code, "error": refusal.told() }));
        show(self.json.json, &answer, || {
            if is_good { fields(&answer) } else { format!("{}\n{}\n", word(&answer["code"]), word(&answer["error"])) }
        });
        Ok(if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

async fn verify(file: Vec<u8>, document: Option<&[u8]>, keys: &[PublicKey]) -> Result<Value, Refusal> {
    let verified = signature::demand(&file, document, keys)?;
    let loaded = admitted(file).await?;
    verified.matches(&loaded)?;
    Ok(json!({ "valid": true, "signed_by": verified.key_id, "plugin": loaded.id.to_string(),
        "world": loaded.world.as_str(), "digest": loaded.digest }))
}

/// The signature that was named, or the one beside the file when there is one.
pub(super) fn read_signature(file: &Path, named: Option<&Path>) -> Result<Option<Vec<u8>>, Failure> {
    let own = beside(file);
    let path = match named {
        Some(path) => path,
        None if own.symlink_metadata().is_ok() => &own,
        None => return Ok(None),
    };
    read_small(path, DOCUMENT_BYTES_MAX as u64).map(Some)
}

/// A key as it is written, or from a file.
fn read_public(key: &str) -> Result<PublicKey, Failure> {
    if key.starts_with("ed25519:") {
        return Ok(key.parse()?);
    }
    let text = String::from_utf8(read_small(Path::new(key), KEY_FILE_BYTES_MAX)?);
    let read = text.map_err(|_| "it is no text".to_owned()).and_then(|text| text.parse());
    Ok(read.map_err(|wrong| format!("{key}: {wrong}"))?)
}
