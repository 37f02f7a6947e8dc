//! `pillarbox normalize`

use std::path::PathBuf;
use std::process::ExitCode;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use clap::Args;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::session::Session;
use super::{Failure, lines};
use crate::config::Config;
use crate::control::{Bytes, Command};

/// Translates notifications.
///
/// Each line of the file is a JSON object `{"content_type", "headers"?, "body", "body_encoding"?: "base64"}`. Each
/// answer is a line too, in order: `{"events": [...], "ignored": [...], "error"?}`.
#[derive(Args)]
pub(super) struct Normalize {
    /// The file with one notification a line; `-` is standard input
    #[arg(long, value_name = "FILE")]
    jsonl: PathBuf,
}

#[derive(Deserialize)]
struct Line {
    #[serde(default)]
    content_type: String,
    headers: Option<Map<String, Value>>,
    body: String,
    body_encoding: Option<String>,
}

impl Normalize {
    pub(super) async fn run(self, config: Config) -> Result<ExitCode, Failure> {
        let session = Session::open(config).await?;
        let failed = |error| json!({ "events": [], "ignored": [], "error": error });
        lines::each(&session, &self.jsonl, command, failed).await?;
        Ok(ExitCode::SUCCESS)
    }
}

fn command(line: &str) -> Result<Command, String> {
    let Notification { content_type, headers, body } = notification(line)?;
    Ok(Command::Normalize { content_type, headers, body: Bytes(body) })
}

/// A notification of a line, as documented above.
pub(super) struct Notification {
    pub(super) content_type: String,
    /// Names in lower case.
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

/// Reads a line, or says what is wrong with it.
pub(super) fn notification(line: &str) -> Result<Notification, String> {
    let line: Line = serde_json::from_str(line).map_err(|error| format!("not a notification: {error}"))?;
    let body = match line.body_encoding.as_deref() {
        None => line.body.into_bytes(),
        Some("base64") => BASE64.decode(line.body).map_err(|error| format!("body is not base64: {error}"))?,
        Some(other) => return Err(format!("body_encoding is base64 or left out, not {other}")),
    };
    let text = |value: Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let headers = line.headers.unwrap_or_default().into_iter();
    let headers = headers.map(|(name, value)| (name.to_lowercase(), text(value))).collect();
    Ok(Notification { content_type: line.content_type, headers, body })
}
