//! How long we wait for another server.

use std::time::Duration;

/// For a name server, which is asked again before it counts as silent.
pub const NAMES: Duration = Duration::from_secs(5);
/// For a TCP connection.
pub const CONNECT: Duration = Duration::from_secs(30);
/// For the greeting (RFC 5321 section 4.5.3.2.1).
pub const GREETING: Duration = Duration::from_mins(5);
/// For the answer to a command: EHLO, STARTTLS, AUTH, RSET, MAIL and RCPT (sections 4.5.3.2.2 and 4.5.3.2.3).
pub const COMMAND: Duration = Duration::from_mins(5);
/// For a TLS handshake.
pub const HANDSHAKE: Duration = Duration::from_mins(1);
/// For the answer to DATA (section 4.5.3.2.4).
pub const DATA: Duration = Duration::from_mins(2);
/// For each block of the message to be taken (section 4.5.3.2.5).
pub const BLOCK: Duration = Duration::from_mins(3);
/// For the answer to the message (section 4.5.3.2.6). A sender that gives up earlier makes duplicates: the server may
/// have taken the message and be busy delivering it.
pub const MESSAGE: Duration = Duration::from_mins(10);
/// For what a server still says when it stops taking a message.
pub const LAST_WORDS: Duration = Duration::from_secs(5);
/// For the answer to QUIT.
pub const QUIT: Duration = Duration::from_secs(5);
/// How long a connection waits for its next message.
pub const IDLE: Duration = Duration::from_secs(10);
/// The age at which a connection takes no more messages.
pub const AGE: Duration = Duration::from_mins(5);
/// After so long, an attempt looks for no further host.
pub const SEARCH: Duration = Duration::from_mins(6);

/// The waits in effect; tests shorten them. The constants of the same names document each.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "each field is documented where its default is")]
pub struct Timeouts {
    pub names: Duration,
    pub connect: Duration,
    pub greeting: Duration,
    pub command: Duration,
    pub handshake: Duration,
    pub data: Duration,
    pub block: Duration,
    pub message: Duration,
    pub last_words: Duration,
    pub idle: Duration,
    pub age: Duration,
    pub search: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            names: NAMES,
            connect: CONNECT,
            greeting: GREETING,
            command: COMMAND,
            handshake: HANDSHAKE,
            data: DATA,
            block: BLOCK,
            message: MESSAGE,
            last_words: LAST_WORDS,
            idle: IDLE,
            age: AGE,
            search: SEARCH,
        }
    }
}
