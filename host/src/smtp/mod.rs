//! SMTP (RFC 5321), as a server that mail is submitted to.

pub mod server;
