//! Many inputs, one a line, answered one a line in the same order, a few at a time.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, IsTerminal, Write};
use std::path::Path;
use std::sync::Arc;

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::Value;
use tokio::task::JoinHandle;

use super::Failure;
use super::session::Session;
use crate::control::Command;

/// Runs the command that `read` makes of each line and prints the answers in order. A line that fails keeps its place
/// with what `failed` makes of the reason, so that line N of the output is always about line N of the input.
pub(super) async fn each(
    session: &Arc<Session>,
    input: &Path,
    read: impl Fn(&str) -> Result<Command, String>,
    failed: fn(String) -> Value,
) -> Result<(), Failure> {
    let input: Box<dyn BufRead> = if input.as_os_str() == "-" {
        Box::new(std::io::stdin().lock())
    } else {
        let file = File::open(input).map_err(|error| format!("cannot read {}: {error}", input.display()))?;
        Box::new(BufReader::new(file))
    };
    let progress = progress();
    let mut output = BufWriter::new(std::io::stdout().lock());
    let mut under_way: VecDeque<JoinHandle<Value>> = VecDeque::new();
    for line in input.lines() {
        let line = line?;
        if line.trim().is_empty() {
            continue;
        }
        if under_way.len() == Session::parallelism() {
            finish(&mut under_way, &mut output, &progress).await?;
        }
        let command = read(line.trim_end_matches('\r'));
        let session = Arc::clone(session);
        under_way.push_back(tokio::spawn(async move {
            let outcome = match command {
                Ok(command) => session.run(command).await.map_err(|failure| failure.to_string()),
                Err(wrong) => Err(wrong),
            };
            outcome.unwrap_or_else(failed)
        }));
    }
    while !under_way.is_empty() {
        finish(&mut under_way, &mut output, &progress).await?;
    }
    progress.finish_and_clear();
    output.flush()?;
    Ok(())
}

async fn finish(
    under_way: &mut VecDeque<JoinHandle<Value>>,
    output: &mut impl Write,
    progress: &ProgressBar,
) -> Result<(), Failure> {
    if let Some(oldest) = under_way.pop_front() {
        writeln!(output, "{}", oldest.await?)?;
        progress.inc(1);
    }
    Ok(())
}

/// How far it is, for a person who waits; nothing where the output is for a program.
fn progress() -> ProgressBar {
    if !std::io::stderr().is_terminal() || std::io::stdout().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{spinner} {pos} done, {per_sec} ({elapsed})");
    ProgressBar::new_spinner().with_style(style.expect("the template is well formed"))
}
