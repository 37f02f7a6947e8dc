//! Every bound of the submission server.

use std::time::Duration;

use crate::config::Config;

/// Recipients of one message, as many as the API takes.
pub const RECIPIENTS_MAX: usize = crate::api::sending::RECIPIENTS_MAX;
/// Addresses of ours that one message comes back to: a bounce is about one email.
pub const RETURNED_TO_MAX: usize = 1;
/// Bytes of a message that comes back: as much as the webhook for bounces takes.
pub const RETURNED_BYTES_MAX: usize = crate::request::WEBHOOK_BODY_BYTES_MAX;
/// Messages of one session. A client with more connects again.
pub const MESSAGES_MAX: u32 = 1_000;
/// Refused commands of one session. One more ends it.
pub const ERRORS_MAX: u32 = 10;
/// NOOP, RSET, VRFY and HELP of one session between two messages. One more ends it.
pub const IDLE_COMMANDS_MAX: u32 = 100;
/// Wrong passwords of one session. The last of them ends it.
pub const SIGN_IN_FAILURES_MAX: u32 = 3;
/// How long the answer to the first wrong password takes; each further one takes twice as long as the one before.
pub const SIGN_IN_DELAY: Duration = Duration::from_secs(1);

/// How finely the room for messages is counted, in bytes.
pub(super) const ROOM_BYTES: usize = 64 * 1024;

/// The bounds that the settings name.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Sessions at once. One more waits in the listen queue.
    pub sessions_max: usize,
    /// Sessions at once from one address. One more hears 421.
    pub sessions_per_address_max: usize,
    /// Bytes of one message.
    pub message_bytes_max: usize,
    /// Bytes of all messages together that are being received. One more hears 451.
    pub receiving_bytes_max: usize,
    /// In which a command must arrive, and a part of a message.
    pub idle: Duration,
    /// In which a whole message must arrive.
    pub data: Duration,
    /// How long messages may go on once the service stops.
    pub drain: Duration,
}

impl Limits {
    /// The limits that the settings name.
    pub fn of(config: &Config) -> Self {
        let message_bytes_max = config.smtp_message_bytes_max();
        Self {
            sessions_max: config.smtp_sessions_max,
            sessions_per_address_max: config.smtp_sessions_per_address_max,
            message_bytes_max,
            // However the two are set, there is room for one.
            receiving_bytes_max: config.smtp_receiving_bytes_max.max(message_bytes_max + ROOM_BYTES),
            idle: config.smtp_idle_timeout,
            data: config.smtp_data_timeout,
            drain: config.drain,
        }
    }
}
