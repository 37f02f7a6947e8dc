//! Outlets against servers that behave, that refuse, and that break; their settings, and what they hand over.

mod keeping;
mod mx;
mod refusals;
mod relay;
mod tls;
mod wire;

use std::time::Duration;

use pillarbox::config::Config;
use pillarbox::delivery::attempt::{Attempt, Envelope};
use pillarbox::delivery::outlet::{OutletKind, Outlets};
use pillarbox::smtp::client::timeouts::Timeouts;
use uuid::Uuid;

use crate::sink::{Script, Sink};

/// A message with everything in it that a server could stumble over.
const MESSAGE: &[u8] = b"Subject: hello\r\n\r\n.\r\n..\r\n.a\r\na.\r\n\r\nFrom here\r\n.\r\n";

/// How long a test waits for a server that says nothing.
const SHORT: Duration = Duration::from_millis(300);

fn outlets(settings: &[(&str, &str)], timeouts: Timeouts) -> Outlets {
    let value = |name: &str| settings.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
    let variable = |name: &str| if name == "PILLARBOX_HELO_NAME" { Some("us.example".into()) } else { value(name) };
    let config = Config::read(&variable, None).expect("the settings are good");
    Outlets::with_timeouts(&config, timeouts).expect("the outlets are made")
}

/// An outlet through these smarthosts.
fn relay(url: &str) -> Outlets {
    outlets(&[("PILLARBOX_RELAY_URL", url)], Timeouts::default())
}

fn impatient() -> Timeouts {
    Timeouts {
        greeting: SHORT,
        command: SHORT,
        data: SHORT,
        block: SHORT,
        message: SHORT,
        last_words: SHORT,
        ..Timeouts::default()
    }
}

fn envelope() -> Envelope {
    Envelope { email_id: Uuid::from_u128(7), sender: "bounce@us.example".into(), recipient: "ada@example.com".into() }
}

async fn attempt(outlets: &Outlets, kind: OutletKind, message: &[u8]) -> Attempt {
    outlets.attempt(kind, "example.com", &envelope(), message).await
}

/// One attempt through the smarthosts.
async fn send(outlets: &Outlets) -> Attempt {
    attempt(outlets, OutletKind::Relay, MESSAGE).await
}

fn url(sink: &Sink) -> String {
    format!("smtp://{}", sink.address)
}

/// What one attempt comes to at a smarthost that follows this script.
async fn one_attempt(script: Script) -> (Attempt, Sink) {
    let sink = Sink::start(vec![script]).await;
    let attempt = send(&outlets(&[("PILLARBOX_RELAY_URL", &url(&sink))], impatient())).await;
    (attempt, sink)
}
