//! `pillarbox plugin sign`

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use serde_json::json;

use super::read;
use crate::cli::output::{fields, print_bytes, show};
use crate::cli::{Failure, Json};
use crate::plugins::error::Refusal;
use crate::plugins::limits::Limits;
use crate::plugins::signature::{SigningKey, Subject};
use crate::plugins::{Loaded, Plugins};

/// Bytes of a file with a key, which has a hundred or so.
pub(super) const KEY_FILE_BYTES_MAX: u64 = 16 * 1024;

/// Signs a plugin, so that installations that trust the key take it.
///
/// The plugin is asked for its name and version first, in the sandbox, because the signature binds them: it fits this
/// file under this name and version and nothing else. It is written beside the file as FILE.sig, where `plugin install`
/// finds it. Nothing of a service or its data is touched, so this runs on the author's machine.
#[derive(Args)]
pub(in crate::cli) struct Sign {
    /// The .wasm file
    file: PathBuf,
    /// The private key, as `plugin keygen` or `openssl genpkey -algorithm ed25519` makes it
    #[arg(long, value_name = "KEY", required_unless_present = "print_payload")]
    key: Option<PathBuf>,
    /// Where to write the signature [default: FILE.sig]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Print the bytes that a signature is made over, and sign nothing
    #[arg(long, conflicts_with_all = ["key", "out", "json"])]
    print_payload: bool,
    #[command(flatten)]
    json: Json,
}

impl Sign {
    pub(in crate::cli) async fn run(self) -> Result<ExitCode, Failure> {
        let key = self.key.as_deref().map(read_key).transpose()?;
        let file = read(&self.file)?.0;
        let loaded = admitted(file.clone()).await.map_err(|refusal| refusal.told())?;
        let subject = Subject::of(&loaded, &file);
        let Some(key) = key else {
            print_bytes(&subject.payload());
            return Ok(ExitCode::SUCCESS);
        };
        let signature = key.sign(subject);
        let out = self.out.unwrap_or_else(|| beside(&self.file));
        std::fs::write(&out, signature.document())
            .map_err(|error| format!("cannot write {}: {error}", out.display()))?;
        let answer = json!({ "plugin": loaded.id.to_string(), "world": loaded.world.as_str(), "digest": loaded.digest,
            "key_id": signature.key_id, "public_key": key.public_key().to_string(), "signature_file": out.display().to_string() });
        show(self.json.json, &answer, || fields(&answer));
        Ok(ExitCode::SUCCESS)
    }
}

/// Where the signature of a file stands unless somebody says otherwise.
pub(super) fn beside(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".sig");
    name.into()
}

fn read_key(path: &Path) -> Result<SigningKey, Failure> {
    let pem = read_small(path, KEY_FILE_BYTES_MAX)?;
    Ok(SigningKey::from_pem(&pem).map_err(|wrong| format!("{} cannot be used to sign: {wrong}", path.display()))?)
}

/// Reads a file within a bound, which is checked before it is read.
pub(super) fn read_small(path: &Path, bytes_max: u64) -> Result<Vec<u8>, Failure> {
    let explain = |error: std::io::Error| format!("cannot read {}: {error}", path.display());
    let size = std::fs::metadata(path).map_err(explain)?.len();
    if size > bytes_max {
        let name = path.display();
        return Err(format!("{name} has {size} bytes, and a file of its kind has at most {bytes_max}").into());
    }
    Ok(std::fs::read(path).map_err(explain)?)
}

/// Admits a plugin in a sandbox of this command's own.
pub(super) async fn admitted(file: Vec<u8>) -> Result<Arc<Loaded>, Refusal> {
    let plugins = Plugins::start(Limits { slots: 1, ..Limits::default() }, None, [0; 32]);
    match plugins {
        Ok(plugins) => plugins.admit(file).await,
        Err(error) => Err(Refusal { code: "host_failed", message: error.to_string(), details: Vec::new() }),
    }
}
