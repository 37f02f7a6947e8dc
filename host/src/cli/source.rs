//! `pillarbox source`

mod args;

use std::process::ExitCode;

use clap::Subcommand;
use serde_json::Value;

use self::args::{Add, Named, Rotate};
use super::output::{fields, show, table};
use super::session::Session;
use super::{Failure, Json};
use crate::config::Config;
use crate::control::Command;

/// The subcommands.
#[derive(Subcommand)]
pub(super) enum Source {
    Add(Box<Add>),
    /// List the sources: what each takes, how it is checked, and when something genuine came last
    List(Json),
    /// Show one source; address and secret are not kept in a form that could be shown
    Show(Named),
    Rotate(Rotate),
    /// Have a source take nothing; to its sender its address is not there
    Disable(Named),
    /// Have a disabled source take notifications again
    Enable(Named),
    /// Take a source away; what it brought stays
    Remove(Named),
}

impl Source {
    pub(super) async fn run(self, config: Config) -> Result<ExitCode, Failure> {
        let (command, json, text): (_, _, fn(&Value) -> String) = match self {
            Self::Add(add) => {
                let (source, json) = add.read()?;
                (Command::SourceAdd { source: Box::new(source) }, json, added)
            }
            Self::List(json) => (Command::SourceList, json, list),
            Self::Show(Named { name, json }) => (Command::SourceShow { name }, json, one),
            Self::Rotate(rotate) => {
                let (command, json) = rotate.read()?;
                (command, json, rotated)
            }
            Self::Disable(Named { name, json }) => (Command::SourceDisable { name, disabled: true }, json, one),
            Self::Enable(Named { name, json }) => (Command::SourceDisable { name, disabled: false }, json, one),
            Self::Remove(Named { name, json }) => (Command::SourceRemove { name }, json, |answer| {
                format!("The source {} is gone.\n", answer["removed"].as_str().unwrap_or_default())
            }),
        };
        let answer = Session::open(config).await?.run(command).await?;
        show(json.json, &answer, || text(&answer));
        Ok(ExitCode::SUCCESS)
    }
}

fn added(answer: &Value) -> String {
    let mut text = format!(
        "Have notifications posted to this address. It is shown once, and whoever knows it can try:\n\n{}\n",
        answer["url"].as_str().unwrap_or_default()
    );
    text += &made(answer);
    text
}

/// A secret that was made here.
fn made(answer: &Value) -> String {
    match answer["secret"].as_str() {
        Some(secret) => format!("\nThe sender proves itself by this secret, which is shown once too:\n\n{secret}\n"),
        None => String::new(),
    }
}

fn rotated(answer: &Value) -> String {
    let mut text = match answer["url"].as_str() {
        Some(url) => format!("The new address, which is shown once:\n\n{url}\n"),
        None => String::new(),
    };
    text += &made(answer);
    let name = answer["source"]["name"].as_str().unwrap_or_default();
    let has_former = ["has_former_secret", "has_former_address"].into_iter().any(|has| answer["source"][has] == true);
    let end = if has_former {
        format!("The former one is good until `pillarbox source rotate {name} --finish`.")
    } else {
        format!("Only the present address and secret of {name} are good.")
    };
    [text.trim_start(), &end].join("\n") + "\n"
}

fn list(answer: &Value) -> String {
    if answer["sources"].as_array().is_none_or(Vec::is_empty) {
        return "There are no sources; `pillarbox source add --help` shows how to make one.\n".into();
    }
    let columns = [
        ("SOURCE", "name"),
        ("STATE", "state"),
        ("PROVIDER", "provider"),
        ("SCHEME", "scheme"),
        ("CUSTOMER", "customer"),
        ("LAST USED", "used_at"),
    ];
    table(&answer["sources"], &columns)
}

fn one(answer: &Value) -> String {
    let mut source = answer["source"].clone();
    // It has a line of its own, and its parts are for programs.
    if let Some(source) = source.as_object_mut() {
        source.remove("rule");
    }
    fields(&source)
}
