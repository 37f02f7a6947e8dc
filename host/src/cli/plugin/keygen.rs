//! `pillarbox plugin keygen`

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use crate::cli::output::{fields, show};
use crate::cli::{Failure, Json};
use crate::plugins::signature::SigningKey;

/// Makes a pair of keys: one half to sign plugins with, and one for those who check them.
///
/// The private half is a PEM file (PKCS #8) that its owner alone may read, and openssl reads it too. The public half is
/// printed, and written beside it as FILE.pub: give it to `plugin_keys` of the installations that shall take your
/// plugins. A file that is there already is never written over.
#[derive(Args)]
pub(in crate::cli) struct Keygen {
    /// Where to keep the private half
    #[arg(long, value_name = "FILE", default_value = "plugin-signing.pem")]
    out: PathBuf,
    #[command(flatten)]
    json: Json,
}

impl Keygen {
    pub(in crate::cli) fn run(self) -> Result<ExitCode, Failure> {
        let mut public_file = self.out.clone().into_os_string();
        public_file.push(".pub");
        let public_file = PathBuf::from(public_file);
        if public_file.symlink_metadata().is_ok() {
            return Err(there_already(&public_file).into());
        }
        let (key, pem) = SigningKey::generate()?;
        let public_key = key.public_key();
        write_new(&self.out, 0o600, pem.as_bytes())?;
        write_new(&public_file, 0o644, format!("{public_key}\n").as_bytes())?;
        let answer = json!({ "public_key": public_key.to_string(), "key_id": public_key.key_id(),
            "private_key_file": self.out.display().to_string(), "public_key_file": public_file.display().to_string() });
        show(self.json.json, &answer, || {
            let told = "Keep the private key where only you can read it: whoever has it can sign in your name.";
            format!("{}\n{told}\n", fields(&answer))
        });
        Ok(ExitCode::SUCCESS)
    }
}

/// Writes a file that was not there, and is on disk afterwards.
fn write_new(path: &Path, mode: u32, content: &[u8]) -> Result<(), Failure> {
    let file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path);
    let mut file = file.map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => there_already(path),
        _ => format!("cannot write {}: {error}", path.display()),
    })?;
    let written = file.write_all(content).and_then(|()| file.sync_all());
    written.map_err(|error| format!("cannot write {}: {error}", path.display()).into())
}

fn there_already(path: &Path) -> String {
    format!("{} is there already, and a key is never written over; name another file with --out", path.display())
}
