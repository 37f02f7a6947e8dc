//! The command line: one file for each subcommand.

mod clients;
mod cluster;
mod customer;
mod domain;
mod edge;
mod events;
mod inbox;
mod lines;
mod log;
mod mailbox;
mod node;
mod normalize;
mod output;
mod plugin;
mod queue;
mod reclassify;
mod score;
mod send;
mod serve;
mod session;
mod since;
mod source;
mod stats;
mod tracking_key;

use std::fs::File;
use std::io::{IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::writer::BoxMakeWriter;

use self::log::{Lines, LogThread};
use crate::config::{Config, LogFormat};
use crate::control::CONTENT_BYTES_MAX;

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
    Edge(edge::EdgeNode),
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
    /// See what came in by webhooks and as returned mail, and have it read again
    #[command(subcommand)]
    Inbox(inbox::Inbox),
    /// See and change the keys that sign tracked links
    #[command(subcommand)]
    TrackingKey(tracking_key::TrackingKey),
    /// Make a cluster of several nodes, and see how far this one follows it
    #[command(subcommand)]
    Cluster(cluster::Cluster),
    /// Invite edge nodes, see how far each is, and revoke them
    #[command(subcommand)]
    Node(node::Node),
    /// Say where notifications of bounces and complaints come from, and how they prove themselves
    #[command(subcommand)]
    Source(source::Source),
    /// See whom the opens and clicks of emails are put down to, and by which rules
    #[command(subcommand)]
    Clients(clients::Clients),
    Reclassify(reclassify::Reclassify),
    Stats(stats::Stats),
    Events(events::Events),
    Send(send::Send),
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
        let serves = match &command {
            Command::Serve(_) => true,
            Command::Edge(edge) => edge.serves(),
            _ => false,
        };
        let _log = start_log(&config, serves)?;
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
        Command::Edge(edge) => edge.run(config).await,
        Command::Customer(customer) => customer.run(config).await,
        Command::Domain(domain) => domain.run(config).await,
        Command::Plugin(plugin) => Box::pin(plugin.run(config)).await,
        Command::Mailbox(mailbox) => mailbox.run(config).await,
        Command::Queue(queue) => queue.run(config).await,
        Command::Inbox(inbox) => inbox.run(config).await,
        Command::TrackingKey(key) => key.run(config).await,
        Command::Cluster(cluster) => cluster.run(config).await,
        Command::Node(node) => node.run(config).await,
        Command::Source(source) => source.run(config).await,
        Command::Clients(clients) => clients.run(config).await,
        Command::Reclassify(reclassify) => reclassify.run(config).await,
        Command::Stats(stats) => stats.run(config).await,
        Command::Events(events) => events.run(config).await,
        Command::Send(send) => send.run(config).await,
        Command::Score(score) => Box::pin(score.run(config)).await,
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
    let mut bytes = Vec::new();
    open_input(file)?.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The same for what goes to the service by one command.
fn read_content(file: Option<&Path>) -> Result<Vec<u8>, Failure> {
    read_at_most(open_input(file)?, CONTENT_BYTES_MAX)
}

fn read_at_most(input: impl Read, bytes_max: usize) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    input.take(bytes_max as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > bytes_max {
        return Err(format!("this is more than {bytes_max} bytes, the most that one command carries").into());
    }
    Ok(bytes)
}

fn open_input(file: Option<&Path>) -> Result<Box<dyn Read>, Failure> {
    let Some(path) = file.filter(|path| path.as_os_str() != "-") else { return Ok(Box::new(std::io::stdin().lock())) };
    let file = File::open(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    Ok(Box::new(file))
}

/// A message whose lines end as those of files do gets the line ends of mail, as it would on its way.
fn with_crlf(message: &[u8]) -> Vec<u8> {
    let mut mended = Vec::with_capacity(message.len());
    for line in message.split_inclusive(|byte| *byte == b'\n') {
        match line.strip_suffix(b"\n").filter(|text| !text.ends_with(b"\r")) {
            Some(text) => {
                mended.extend(text);
                mended.extend(b"\r\n");
            }
            None => mended.extend(line),
        }
    }
    mended
}

/// Logs go to standard error: pretty with colour on a terminal, one JSON object a line otherwise. A command other than
/// `serve` says only what is wrong.
fn start_log(config: &Config, serving: bool) -> Result<Option<LogThread>, Failure> {
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
    let (writer, thread) = if serving {
        let (lines, thread) = Lines::to(std::io::stderr())?;
        (BoxMakeWriter::new(lines), Some(thread))
    } else {
        (BoxMakeWriter::new(std::io::stderr), None)
    };
    let log = log.with_env_filter(filter).with_writer(writer).with_ansi(terminal);
    if pretty {
        log.compact().init();
    } else {
        log.json().flatten_event(true).with_current_span(false).with_span_list(false).init();
    }
    Ok(thread)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn what_a_command_carries_has_a_bound() {
        assert_eq!(read_at_most(&b"12345"[..], 5).expect("just inside"), b"12345");
        let error = read_at_most(&b"123456"[..], 5).expect_err("just outside").to_string();
        assert!(error.contains("more than 5 bytes"), "{error}");
    }

    #[test]
    fn every_line_gets_the_line_end_of_mail_once() {
        for (given, mended) in [
            ("a\nb\n", "a\r\nb\r\n"),
            ("a\r\nb\r\n", "a\r\nb\r\n"),
            ("a\r\nb\n\nc", "a\r\nb\r\n\r\nc"),
            ("a\rb", "a\rb"),
            ("", ""),
        ] {
            assert_eq!(with_crlf(given.as_bytes()), mended.as_bytes(), "{given:?}");
        }
    }

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }
}
