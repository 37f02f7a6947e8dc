//! The command line: one file for each subcommand.

mod customer;
mod domain;
mod lines;
mod mailbox;
mod normalize;
mod output;
mod plugin;
mod queue;
mod score;
mod serve;
mod session;

use std::io::{IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use tracing_subscriber::EnvFilter;

use crate::config::{Config, LogFormat};

/// The email API service that a team runs itself, with sandboxed WebAssembly plugins for its rules.
///
/// Without a command it serves: on the first start it makes its data directory, a first customer and a key, and says
/// what to try. Every command finds the running service by its data directory and acts through it; when none runs,
/// the command opens the data directory itself.
#[derive(Parser)]
#[expect(clippy::doc_markdown, reason = "the text is shown as it is")]
#[command(name = "pillarbox", version, max_term_width = 100)]
pub struct Arguments {
    /// Settings file (TOML). Environment variables go before it. [env: PILLARBOX_CONFIG]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,

    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the API (the default)
    Serve(serve::Serve),
    /// Make accounts, and change what they may do
    #[command(subcommand)]
    Customer(customer::Customer),
    /// Add the domains that accounts send from, and say where their mail goes
    #[command(subcommand)]
    Domain(domain::Domain),
    /// See, check, install and activate plugins
    #[command(subcommand)]
    Plugin(plugin::Plugin),
    /// Read the captured mail
    #[command(subcommand)]
    Mailbox(mailbox::Mailbox),
    /// See what waits for delivery, hold it back or have it tried now
    #[command(subcommand)]
    Queue(queue::Queue),
    /// Judge messages by the active scorer, in the sandbox
    Score(score::Score),
    /// Translate notifications by the active normalizer, in the sandbox
    Normalize(normalize::Normalize),
    /// Say which version this is
    Version(Json),
}

/// For programs.
#[derive(Args, Clone, Copy)]
struct Json {
    /// Print JSON instead of text for people
    #[arg(long)]
    json: bool,
}

/// Why a command failed, in a sentence for the person who gave it.
type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Runs a command. What it prints is on standard output; errors and logs are on standard error.
pub fn run(arguments: Arguments) -> ExitCode {
    let outcome = Config::from_env(arguments.config.as_deref()).map_err(Failure::from).and_then(|config| {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let command = arguments.command.unwrap_or(Command::Serve(serve::Serve::default()));
        start_log(&config, matches!(command, Command::Serve(_)));
        runtime.block_on(dispatch(command, config))
    });
    match outcome {
        Ok(code) => code,
        Err(failure) => {
            // Where nobody can be told, the exit code still tells.
            drop(writeln!(std::io::stderr(), "pillarbox: {failure}"));
            ExitCode::FAILURE
        }
    }
}

async fn dispatch(command: Command, config: Config) -> Result<ExitCode, Failure> {
    match command {
        Command::Serve(serve) => serve.run(config).await,
        Command::Customer(customer) => customer.run(config).await,
        Command::Domain(domain) => domain.run(config).await,
        Command::Plugin(plugin) => plugin.run(config).await,
        Command::Mailbox(mailbox) => mailbox.run(config).await,
        Command::Queue(queue) => queue.run(config).await,
        Command::Score(score) => score.run(config).await,
        Command::Normalize(normalize) => normalize.run(config).await,
        Command::Version(json) => {
            let version = env!("CARGO_PKG_VERSION");
            let shown = serde_json::json!({ "name": "pillarbox", "version": version, "wit": "pillarbox:plugin@1.0.0" });
            output::show(json.json, &shown, || format!("pillarbox {version}\n"));
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// The bytes of a file; `-` or nothing is standard input.
fn read_input(file: Option<&Path>) -> Result<Vec<u8>, Failure> {
    if let Some(path) = file.filter(|path| path.as_os_str() != "-") {
        return std::fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()).into());
    }
    let mut bytes = Vec::new();
    std::io::stdin().lock().read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Logs go to standard error: pretty with colour on a terminal, one JSON object a line otherwise. A command other than
/// `serve` says only what is wrong.
fn start_log(config: &Config, serving: bool) {
    let level = if serving { config.log_level.as_str() } else { "error" };
    let filter = EnvFilter::try_new(level).unwrap_or_else(|_| EnvFilter::new("info"));
    let terminal = std::io::stderr().is_terminal();
    let pretty = match config.log_format {
        LogFormat::Auto => terminal || !serving,
        LogFormat::Pretty => true,
        LogFormat::Json => false,
    };
    // A log that cannot be written (its disk is full, its reader is gone) must not end the service, and telling so on
    // standard error, as the library would, panics when that is what fails.
    let log = tracing_subscriber::fmt().log_internal_errors(false);
    let log = log.with_env_filter(filter).with_writer(std::io::stderr).with_ansi(terminal);
    if pretty {
        log.compact().init();
    } else {
        log.json().flatten_event(true).with_current_span(false).with_span_list(false).init();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }
}
