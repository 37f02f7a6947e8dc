//! SMTP (RFC 5321): the conversation with a server that takes our mail, and with clients who bring theirs.

pub mod client;
pub mod server;
