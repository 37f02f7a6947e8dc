//! MAIL and RCPT with the parameters that the server takes, or why the message cannot be sent there.

use std::fmt;

use super::capabilities::Capabilities;
use super::message::Outgoing;
use crate::delivery::attempt::Envelope;

/// Why a server cannot take a message at all.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Unfit {
    /// It is longer than the server takes: its bytes, and the server's most.
    TooLong(u64, u64),
    /// An address or a header is not ASCII, and the server does not know SMTPUTF8.
    Utf8,
    /// The body is not ASCII, and the server does not know 8BITMIME.
    EightBits,
    /// An address has a control character.
    Address,
}

impl Unfit {
    /// The enhanced status code for it (RFC 3463, RFC 6531).
    pub fn enhanced_code(self) -> &'static str {
        match self {
            Self::TooLong(..) => "5.3.4",
            Self::Utf8 => "5.6.7",
            Self::EightBits => "5.6.3",
            Self::Address => "5.1.3",
        }
    }
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong(bytes, most) => write!(f, "the message has {bytes} bytes, and the server takes {most}"),
            Self::Utf8 => f.write_str(
                "an address or a header is not ASCII, and the server does not offer SMTPUTF8, which that needs",
            ),
            Self::EightBits => f.write_str("the body is not ASCII, and the server does not offer 8BITMIME"),
            Self::Address => f.write_str("an address has a control character, which no server takes"),
        }
    }
}

/// The two lines of an envelope, with their ends.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Commands {
    pub(super) mail: String,
    pub(super) recipient: String,
}

impl Commands {
    /// Says what the server needs to know before the message, with what it offers to know.
    pub(super) fn of(envelope: &Envelope, message: &Outgoing, offered: &Capabilities) -> Result<Self, Unfit> {
        let Envelope { email_id, sender, recipient } = envelope;
        if [sender, recipient].iter().any(|address| address.contains(char::is_control)) {
            return Err(Unfit::Address);
        }
        let mut mail = format!("MAIL FROM:<{sender}>");
        let mut add = |parameter: &str| {
            mail.push(' ');
            mail.push_str(parameter);
        };
        if let Some(most) = offered.size {
            let bytes = message.text().len() as u64;
            if let Some(most) = most.filter(|most| bytes > *most) {
                return Err(Unfit::TooLong(bytes, most));
            }
            add(&format!("SIZE={bytes}"));
        }
        let needs_utf8 = message.has_utf8_headers || !sender.is_ascii() || !recipient.is_ascii();
        if needs_utf8 {
            if !offered.smtputf8 {
                return Err(Unfit::Utf8);
            }
            add("SMTPUTF8");
        }
        // A server that knows SMTPUTF8 knows 8BITMIME (RFC 6531 section 3.1).
        if needs_utf8 || message.has_eight_bits {
            if !offered.eight_bit_mime && !offered.smtputf8 {
                return Err(Unfit::EightBits);
            }
            add("BODY=8BITMIME");
        }
        let mut recipient = format!("RCPT TO:<{recipient}>");
        if offered.dsn {
            add(&format!("RET=HDRS ENVID={email_id}"));
            recipient.push_str(" NOTIFY=FAILURE,DELAY");
        }
        mail.push_str("\r\n");
        recipient.push_str("\r\n");
        Ok(Self { mail, recipient })
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn commands(recipient: &str, message: &str, offered: &Capabilities) -> Result<(String, String), Unfit> {
        let envelope = Envelope { email_id: Uuid::nil(), sender: "b@x.example".into(), recipient: recipient.into() };
        let commands = Commands::of(&envelope, &Outgoing::of(message.as_bytes()), offered)?;
        Ok((commands.mail, commands.recipient))
    }

    fn nothing() -> Capabilities {
        Capabilities::default()
    }

    #[track_caller]
    fn check(recipient: &str, message: &str, offered: &Capabilities, mail: &str, to: &str) {
        let lines = commands(recipient, message, offered).expect("the server can take it");
        assert_eq!(lines, (format!("MAIL FROM:<b@x.example>{mail}\r\n"), format!("RCPT TO:<{to}\r\n")));
    }

    #[test]
    fn only_what_is_offered_is_said() {
        check("a@y.example", "S: a\r\n\r\n", &nothing(), "", "a@y.example>");
        let sized = Capabilities { size: Some(None), ..nothing() };
        check("a@y.example", "S: a\r\n\r\n", &sized, " SIZE=8", "a@y.example>");
        let dsn = Capabilities { dsn: true, ..nothing() };
        let envid = " RET=HDRS ENVID=00000000-0000-0000-0000-000000000000";
        check("a@y.example", "S: a\r\n", &dsn, envid, "a@y.example> NOTIFY=FAILURE,DELAY");
    }

    #[test]
    fn a_message_is_as_long_as_the_server_takes_and_no_longer() {
        let sized = |most| Capabilities { size: Some(Some(most)), ..nothing() };
        check("a@y.example", "S: a\r\n\r\n", &sized(8), " SIZE=8", "a@y.example>");
        assert_eq!(commands("a@y.example", "S: a\r\n\r\n", &sized(7)), Err(Unfit::TooLong(8, 7)));
    }

    #[test]
    fn what_is_not_ascii_needs_a_server_that_knows_it() {
        let utf8 = Capabilities { smtputf8: true, eight_bit_mime: true, ..nothing() };
        check("é@y.example", "S: a\r\n", &utf8, " SMTPUTF8 BODY=8BITMIME", "é@y.example>");
        check("a@y.example", "S: é\r\n", &utf8, " SMTPUTF8 BODY=8BITMIME", "a@y.example>");
        check("a@y.example", "S: a\r\n\r\né\r\n", &utf8, " BODY=8BITMIME", "a@y.example>");
        check("a@y.example", "S: a\r\n\r\na\r\n", &utf8, "", "a@y.example>");
        let eight = Capabilities { eight_bit_mime: true, ..nothing() };
        check("a@y.example", "S: a\r\n\r\né\r\n", &eight, " BODY=8BITMIME", "a@y.example>");
        assert_eq!(commands("é@y.example", "S: a\r\n", &eight), Err(Unfit::Utf8));
        assert_eq!(commands("a@y.example", "S: é\r\n", &eight), Err(Unfit::Utf8));
        assert_eq!(commands("a@y.example", "S: a\r\n\r\né\r\n", &nothing()), Err(Unfit::EightBits));
    }

    #[test]
    fn an_address_cannot_bring_a_command_of_its_own() {
        for address in ["a\r\nRCPT TO:<b@y.example>", "a\nb@y.example", "a\u{0}@y.example", "a\u{85}@y.example"] {
            assert_eq!(commands(address, "S: a\r\n", &nothing()), Err(Unfit::Address), "{address:?}");
        }
    }
}
