//! Reads the command line and runs one command.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    pillarbox::cli::run(pillarbox::cli::Arguments::parse())
}
