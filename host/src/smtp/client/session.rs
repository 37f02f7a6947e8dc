//! A conversation that is open: one message after the other.

use std::time::Instant;

use super::capabilities::Capabilities;
use super::command::Commands;
pub use super::command::Unfit;
use super::failure::Failure;
use super::message::Outgoing;
use super::timeouts::{QUIT, Timeouts};
use super::wire::Wire;
use crate::delivery::attempt::Envelope;
use crate::mail::reply::{Reply, Stage};

/// Messages that one connection takes. Servers count too, and most stop at a hundred.
pub const MESSAGES_MAX: u32 = 100;

/// What came of a message, from a server that can take another.
#[derive(Debug)]
pub enum Answer {
    /// The server took responsibility for it.
    Taken(Reply),
    /// The server refused it there.
    Refused(Stage, Reply),
    /// The server cannot take it, so nothing of it was sent.
    Unfit(Unfit),
}

/// An open conversation. Dropping it closes the connection.
pub struct Session {
    wire: Wire,
    capabilities: Capabilities,
    timeouts: Timeouts,
    opened_at: Instant,
    messages: u32,
    /// Whether a message was begun and not taken, so that RSET must come before the next.
    is_dirty: bool,
    /// Whether nothing more may be said.
    is_over: bool,
}

/// A command, and where the conversation is when it is answered.
struct Step {
    stage: Stage,
    line: String,
}

impl Session {
    pub(super) fn new(wire: Wire, capabilities: Capabilities, timeouts: Timeouts) -> Self {
        let opened_at = Instant::now();
        Self { wire, capabilities, timeouts, opened_at, messages: 0, is_dirty: false, is_over: false }
    }

    /// Whether another message may follow.
    pub fn takes_more(&self, now: Instant) -> bool {
        let age = now.saturating_duration_since(self.opened_at);
        !self.is_over && self.messages < MESSAGES_MAX && age < self.timeouts.age
    }

    /// Whether the server still waits for the next message, as far as one can see.
    pub async fn is_alive(&mut self) -> bool {
        self.wire.is_quiet().await
    }

    /// Hands one message over. After a failure the conversation is over.
    pub async fn send(&mut self, envelope: &Envelope, message: &Outgoing<'_>) -> Result<Answer, Failure> {
        let commands = match Commands::of(envelope, message, &self.capabilities) {
            Ok(commands) => commands,
            Err(unfit) => return Ok(Answer::Unfit(unfit)),
        };
        self.messages += 1;
        // Until the whole is done: a future that is dropped in the middle, or fails, leaves nothing to go on with.
        self.is_over = true;
        let answer = match self.announce(commands).await? {
            Some((stage, reply)) => Answer::Refused(stage, reply),
            None => self.hand_over(message).await?,
        };
        self.is_over = false;
        self.is_dirty = !matches!(answer, Answer::Taken(_));
        Ok(answer)
    }

    /// Says who it is from and for, and, where the message goes by DATA, that it comes now. What comes back is the
    /// first refusal.
    async fn announce(&mut self, commands: Commands) -> Result<Option<(Stage, Reply)>, Failure> {
        let steps = self.steps(commands);
        let is_pipelined = self.capabilities.pipelining;
        if is_pipelined {
            let lines: String = steps.iter().map(|step| step.line.as_str()).collect();
            self.wire.write(steps[0].stage, self.timeouts.command, lines.as_bytes()).await?;
        }
        let mut refusal = None;
        for Step { stage, line } in steps {
            if !is_pipelined {
                self.wire.write(stage, self.timeouts.command, line.as_bytes()).await?;
            }
            let limit = if stage == Stage::Data { self.timeouts.data } else { self.timeouts.command };
            let reply = self.wire.reply(stage, limit).await?;
            match verdict(stage, &reply) {
                Some(true) if refusal.is_some() && stage == Stage::Data => self.take_back().await?,
                Some(true) => {}
                _ if reply.code == 421 => return Err(Failure::Refused(stage, reply)),
                None if refusal.is_none() => return Err(Failure::Unexpected(stage, reply)),
                _ => {
                    refusal.get_or_insert((stage, reply));
                    if !is_pipelined {
                        break;
                    }
                }
            }
        }
        Ok(refusal)
    }

    fn steps(&self, commands: Commands) -> Vec<Step> {
        let mut steps = Vec::with_capacity(4);
        if self.is_dirty {
            steps.push(Step { stage: Stage::Reset, line: "RSET\r\n".into() });
        }
        steps.push(Step { stage: Stage::Mail, line: commands.mail });
        steps.push(Step { stage: Stage::Recipient, line: commands.recipient });
        if !self.capabilities.chunking {
            steps.push(Step { stage: Stage::Data, line: "DATA\r\n".into() });
        }
        steps
    }

    /// Ends a message that the server waits for although it refused the envelope (RFC 2920 section 3.1).
    async fn take_back(&mut self) -> Result<(), Failure> {
        self.wire.write(Stage::Data, self.timeouts.command, b".\r\n").await?;
        self.wire.reply(Stage::Data, self.timeouts.message).await.map(drop)
    }

    /// Sends the message itself and waits for the answer to it.
    async fn hand_over(&mut self, message: &Outgoing<'_>) -> Result<Answer, Failure> {
        let limit = self.timeouts.block;
        let written = if self.capabilities.chunking {
            let command = format!("BDAT {} LAST\r\n", message.text().len());
            self.wire.write_message(limit, &[command.as_bytes(), message.text()]).await
        } else {
            self.wire.write_message(limit, &[&message.dotted(), b".\r\n"]).await
        };
        let reply = match written {
            Ok(()) => self.wire.reply(Stage::Message, self.timeouts.message).await?,
            // A server that stops reading has often said why. It would not read the next message either.
            Err(failure) => match self.wire.reply(Stage::Message, self.timeouts.last_words).await {
                Ok(reply) if reply.code >= 400 => {
                    self.messages = MESSAGES_MAX;
                    reply
                }
                _ => return Err(failure),
            },
        };
        match reply.code {
            200..300 => Ok(Answer::Taken(reply)),
            421 => Err(Failure::Refused(Stage::Message, reply)),
            400.. => Ok(Answer::Refused(Stage::Message, reply)),
            _ => Err(Failure::Unexpected(Stage::Message, reply)),
        }
    }

    /// Takes leave, if the server listens.
    pub async fn quit(mut self) {
        if self.wire.write(Stage::Reset, QUIT, b"QUIT\r\n").await.is_ok() {
            drop(self.wire.reply(Stage::Reset, QUIT).await);
        }
    }
}

/// Whether a reply to a command is a yes, or a no; `None` when it makes no sense there.
fn verdict(stage: Stage, reply: &Reply) -> Option<bool> {
    match (stage, reply.code) {
        (Stage::Data, 354) => Some(true),
        (Stage::Data, 200..400) | (_, 300..400) => None,
        (_, 200..300) => Some(true),
        _ => Some(false),
    }
}
