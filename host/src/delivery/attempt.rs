//! One try to hand over one recipient's copy of an email, and what came of it.

use uuid::Uuid;

use crate::mail::event::BounceType;

/// What a server is told before the message. One recipient each, so that every copy has a state of its own and a bounce
/// names it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Envelope {
    /// The email; it goes into `ENVID` (RFC 3461) where the server takes that.
    pub email_id: Uuid,
    /// The address that bounces come back to.
    pub sender: String,
    /// The recipient, as the sender spelled it.
    pub recipient: String,
}

/// What came of an attempt.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// The server took responsibility: 250 after the final dot.
    Delivered,
    /// Not now; another attempt may work.
    Deferred,
    /// Never.
    Bounced(BounceType),
}

/// One attempt, as it is kept.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Attempt {
    /// What came of it.
    pub outcome: Outcome,
    /// The server that was spoken to, or the domain for which none was found.
    pub host: String,
    /// The SMTP reply code; 0 when there was no reply.
    pub code: u16,
    /// The enhanced status code of the reply, such as `5.1.1` (RFC 3463).
    pub enhanced_code: Option<String>,
    /// The reply in one line, or what went wrong in words.
    pub response: String,
}
