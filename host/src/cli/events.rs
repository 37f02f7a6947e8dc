//! `pillarbox events`

use std::io::IsTerminal;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use serde_json::Value;
use tokio::time::sleep;
use uuid::Uuid;

use super::output::{print, printable};
use super::session::Session;
use super::{Failure, Json};
use crate::config::Config;
use crate::control::Command;
use crate::mail::event::EventType;

/// How often it looks for what happened since.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// See what happens to emails
///
/// Prints the latest events, the newest at the end. Those of one account show as much as its privacy level lets it see;
/// those of all accounts, which are looked for among the last 100,000, show no details.
#[derive(Args)]
pub(super) struct Events {
    /// Only the emails of this account
    #[arg(long, value_name = "EMAIL")]
    customer: Option<String>,
    /// Only events of this type, such as delivered or bounced
    #[arg(long = "type", value_name = "TYPE", value_parser = event_type)]
    event_type: Option<EventType>,
    /// Only of this email
    #[arg(long = "email", value_name = "ID")]
    email_id: Option<Uuid>,
    /// Only to addresses that contain this
    #[arg(long, value_name = "TEXT")]
    recipient: Option<String>,
    /// Events to print at first
    #[arg(long, default_value_t = 20, value_name = "N", value_parser = clap::value_parser!(i64).range(0..=1_000))]
    limit: i64,
    /// Go on with what happens, until it is interrupted
    #[arg(long, short)]
    follow: bool,
    #[command(flatten)]
    json: Json,
}

fn event_type(word: &str) -> Result<EventType, String> {
    EventType::parse(word).ok_or_else(|| {
        let known: Vec<_> = EventType::ALL.iter().map(|known| known.as_str()).collect();
        format!("write one of {}", known.join(", "))
    })
}

impl Events {
    pub(super) async fn run(self, config: Config) -> Result<ExitCode, Failure> {
        let session = Session::open(config).await?;
        let command = Command::EventsLatest {
            customer: self.customer.clone(),
            event_type: self.event_type,
            email_id: self.email_id,
            recipient: self.recipient.clone(),
            limit: self.limit,
        };
        let latest = session.run(command).await?;
        self.print(&latest);
        let mut next = latest["next"].as_i64().unwrap_or(0);
        if !self.follow {
            return Ok(ExitCode::SUCCESS);
        }
        loop {
            let command = Command::EventsSince {
                customer: self.customer.clone(),
                event_type: self.event_type,
                email_id: self.email_id,
                recipient: self.recipient.clone(),
                after: next,
            };
            let arrived = session.run(command).await?;
            self.print(&arrived);
            next = arrived["next"].as_i64().unwrap_or(next);
            if arrived["is_all"] != false {
                sleep(LOOK_EVERY).await;
            }
        }
    }

    /// One line for each, at once, for whoever watches or reads on in a pipe.
    fn print(&self, answer: &Value) {
        let is_coloured = std::io::stdout().is_terminal();
        let events = answer["events"].as_array().into_iter().flatten();
        let lines = events.map(|event| if self.json.json { format!("{event}\n") } else { line(event, is_coloured) });
        print(&lines.collect::<String>());
    }
}

/// An event for a person.
fn line(event: &Value, is_coloured: bool) -> String {
    let text = |name: &str| printable(event[name].as_str().unwrap_or("-"));
    let word = text("event_type");
    let colour = match word.as_str() {
        "delivered" | "opened" | "clicked" => 32,
        "bounced" | "failed" | "complained" => 31,
        "deferred" | "unsubscribed" | "canceled" => 33,
        _ => 0,
    };
    let word = format!("{word:<12}");
    let word = if is_coloured { format!("\u{1b}[{colour}m{word}\u{1b}[0m") } else { word };
    format!("{:<24}  {word}  {:<30}  {}  {}\n", text("timestamp"), text("recipient"), text("email_id"), text("summary"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_steers_no_terminal_and_has_colour_only_where_it_is_asked_for() {
        let event = serde_json::json!({ "timestamp": "2024-03-15T14:30:00Z", "event_type": "bounced",
            "recipient": "a\u{1b}[2J@example.com", "email_id": "e", "summary": "It bounced." });
        let plain = line(&event, false);
        assert!(!plain.contains('\u{1b}') && plain.ends_with("  e  It bounced.\n"), "{plain:?}");
        let coloured = line(&event, true);
        assert!(
            coloured.contains("\u{1b}[31mbounced     \u{1b}[0m") && !coloured.contains("[2J@e\u{1b}"),
            "{coloured:?}"
        );
        assert_eq!(event_type("opened"), Ok(EventType::Opened));
        assert!(event_type("lost").expect_err("it is none").contains("delivered"));
    }
}
