//! One line of a client, read: RFC 5321 section 4.1 and the extensions that the server offers.
//!
//! What is not exactly a command is refused rather than guessed at, because two servers that guess differently are how
//! one message becomes two.

use super::reply::Reply;
use crate::mail::address::EmailAddress;

/// An `ENVID` (RFC 3461 section 4.4).
const ENVID_CHARS_MAX: usize = 100;
/// An `ORCPT` (RFC 3461 section 4.2).
const ORCPT_CHARS_MAX: usize = 500;
/// Digits of a number in a command (RFC 1870 section 3).
const NUMBER_DIGITS_MAX: usize = 20;

/// What a client asks for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Command {
    Ehlo,
    Helo,
    Mail(Sender),
    Rcpt(Recipient),
    Data,
    Bdat {
        bytes: usize,
        last: bool,
    },
    Auth {
        mechanism: Mechanism,
        initial: Option<String>,
    },
    StartTls,
    Rset,
    Noop,
    Help,
    Vrfy,
    Quit,
    /// Another protocol: a browser or a proxy that was made to speak to this port.
    Foreign,
}

/// How a client signs in (RFC 4954).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Mechanism {
    Plain,
    Login,
}

/// `MAIL`. The address itself is checked and then of no use: bounces come back to an address of the service.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Sender {
    /// Bytes that the client announces (RFC 1870).
    pub(super) size: Option<usize>,
    /// Whether addresses may be UTF-8 (RFC 6531).
    pub(super) utf8: bool,
}

/// `RCPT`. Its DSN parameters (RFC 3461) are checked and then of no use: the service reports what happens to an email
/// itself.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Recipient {
    pub(super) address: EmailAddress,
    /// Whether the address was written in ASCII.
    pub(super) ascii: bool,
}

/// Reads a line without its end. The error is what the client hears.
pub(super) fn parse(line: &[u8]) -> Result<Command, Reply> {
    let Ok(line) = std::str::from_utf8(line) else {
        return Err(Reply::new(500, "5.5.2", "The line is not UTF-8"));
    };
    if line.chars().any(|character| character.is_control() && character != '\t') {
        return Err(Reply::new(500, "5.5.2", "The line has a control character"));
    }
    let line = line.trim_end_matches([' ', '\t']);
    let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
    let rest = rest.trim_start_matches(' ');
    let alone =
        |command: Command| if rest.is_empty() { Ok(command) } else { Err(Reply::wrong("It takes nothing behind it")) };
    match verb.to_ascii_uppercase().as_str() {
        "EHLO" => name(rest).map(|()| Command::Ehlo),
        "HELO" => name(rest).map(|()| Command::Helo),
        "MAIL" => sender(rest).map(Command::Mail),
        "RCPT" => recipient(rest).map(Command::Rcpt),
        "DATA" => alone(Command::Data),
        "BDAT" => chunk(rest),
        "AUTH" => sign_in(rest),
        "STARTTLS" => alone(Command::StartTls),
        "RSET" => alone(Command::Rset),
        "QUIT" => alone(Command::Quit),
        "NOOP" => Ok(Command::Noop),
        "HELP" => Ok(Command::Help),
        "VRFY" if rest.is_empty() => Err(Reply::wrong("Write VRFY and an address")),
        "VRFY" => Ok(Command::Vrfy),
        "EXPN" | "ETRN" | "ATRN" | "TURN" | "BURL" | "SEND" | "SOML" | "SAML" | "LHLO" => {
            Err(Reply::new(502, "5.5.1", "The command is not offered"))
        }
        "GET" | "POST" | "PUT" | "HEAD" | "DELETE" | "OPTIONS" | "CONNECT" | "PRI" => Ok(Command::Foreign),
        _ => Err(Reply::new(500, "5.5.1", "There is no such command; HELP lists them")),
    }
}

/// The name a client gives itself. Nothing is made of it, and mail programs get it wrong often.
fn name(text: &str) -> Result<(), Reply> {
    let plain = |character: char| !character.is_whitespace();
    if !text.is_empty() && text.chars().all(plain) {
        Ok(())
    } else {
        Err(Reply::wrong("Write EHLO and your host name"))
    }
}

fn sender(text: &str) -> Result<Sender, Reply> {
    let (path, parameters) = path(text, "FROM:").ok_or_else(|| Reply::wrong("Write MAIL FROM:<address>"))?;
    let mut sender = Sender::default();
    for_each_parameter(parameters, |name, value| match (name, value) {
        ("SIZE", Some(digits)) => number(digits).map(|bytes| sender.size = Some(bytes)),
        ("BODY", Some("7BIT" | "8BITMIME")) | ("RET", Some("FULL" | "HDRS")) => Ok(()),
        ("BODY", Some("BINARYMIME")) => Err(Reply::new(501, "5.6.1", "BINARYMIME is not offered")),
        ("SMTPUTF8", None) => {
            sender.utf8 = true;
            Ok(())
        }
        ("ENVID", Some(id)) if is_xtext(id) && id.len() <= ENVID_CHARS_MAX => Ok(()),
        ("AUTH", Some(identity)) if is_xtext(identity) => Ok(()),
        ("SIZE" | "BODY" | "RET" | "SMTPUTF8" | "ENVID" | "AUTH", _) => Err(wrong_value(name)),
        _ => Err(Reply::new(555, "5.5.4", "MAIL has a parameter that is not offered")),
    })?;
    // `<>` sends what nobody is to answer, such as a bounce.
    if !path.is_empty() {
        address(path).map_err(|words| Reply::new(501, "5.1.7", words))?;
        require_utf8(path, sender.utf8)?;
    }
    Ok(sender)
}

fn recipient(text: &str) -> Result<Recipient, Reply> {
    let (path, parameters) = path(text, "TO:").ok_or_else(|| Reply::wrong("Write RCPT TO:<address>"))?;
    for_each_parameter(parameters, |name, value| match (name, value) {
        ("NOTIFY", Some(wishes)) if is_notify(wishes) => Ok(()),
        ("ORCPT", Some(original)) if is_orcpt(original) => Ok(()),
        ("NOTIFY" | "ORCPT", _) => Err(wrong_value(name)),
        _ => Err(Reply::new(555, "5.5.4", "RCPT has a parameter that is not offered")),
    })?;
    let address = address(path).map_err(|words| Reply::new(501, "5.1.3", words))?;
    Ok(Recipient { address, ascii: path.is_ascii() })
}

/// Non-ASCII addresses only where the client said so (RFC 6531 section 3.5).
pub(super) fn require_utf8(path: &str, utf8: bool) -> Result<(), Reply> {
    if utf8 || path.is_ascii() { Ok(()) } else { Err(needs_utf8()) }
}

pub(super) fn needs_utf8() -> Reply {
    Reply::new(553, "5.6.7", "The address is not ASCII; say SMTPUTF8 with MAIL")
}

/// What stands between `keyword` with its angle bracket and the closing one, and what follows.
fn path<'a>(text: &'a str, keyword: &str) -> Option<(&'a str, &'a str)> {
    let (word, rest) = text.split_at_checked(keyword.len())?;
    let inside = rest.trim_start_matches(' ').strip_prefix('<').filter(|_| word.eq_ignore_ascii_case(keyword))?;
    let (mut quoted, mut escaped) = (false, false);
    let end = inside.find(|character| {
        let ends = character == '>' && !quoted;
        match character {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ => {}
        }
        ends
    })?;
    let after = &inside[end + 1..];
    if !after.is_empty() && !after.starts_with(' ') {
        return None;
    }
    // A route to the address is read and left out (RFC 5321 section 4.1.1.3).
    let path = &inside[..end];
    let path = path.strip_prefix('@').and_then(|route| Some(route.split_once(':')?.1)).unwrap_or(path);
    Some((path, after))
}

fn address(path: &str) -> Result<EmailAddress, String> {
    EmailAddress::parse(path).map_err(|error| format!("The address is not one: {error}"))
}

/// Reads `NAME` and `NAME=VALUE`. Names, and values that are words, are given in capitals.
fn for_each_parameter(
    parameters: &str,
    mut take: impl FnMut(&str, Option<&str>) -> Result<(), Reply>,
) -> Result<(), Reply> {
    let mut seen: Vec<String> = Vec::new();
    for parameter in parameters.split(' ').filter(|parameter| !parameter.is_empty()) {
        let (name, value) = parameter.split_once('=').map_or((parameter, None), |(name, value)| (name, Some(value)));
        let name = name.to_ascii_uppercase();
        if seen.contains(&name) {
            return Err(Reply::wrong(format!("{name} stands there twice")));
        }
        let is_word = matches!(name.as_str(), "BODY" | "RET" | "NOTIFY");
        let value = value.map(|value| if is_word { value.to_ascii_uppercase() } else { value.to_owned() });
        take(&name, value.as_deref())?;
        seen.push(name);
    }
    Ok(())
}

fn wrong_value(name: &str) -> Reply {
    Reply::wrong(format!("The value of {name} is not one"))
}

fn number(digits: &str) -> Result<usize, Reply> {
    let plain = (1..=NUMBER_DIGITS_MAX).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    // A number that is larger than the machine's is too large in any case.
    if plain { Ok(digits.parse().unwrap_or(usize::MAX)) } else { Err(Reply::wrong("Write a number of bytes")) }
}

/// RFC 3461 section 4: printable ASCII with `+` and two hexadecimal digits for the rest.
fn is_xtext(text: &str) -> bool {
    let mut bytes = text.bytes();
    let is_hex = |byte: Option<u8>| byte.is_some_and(|byte| matches!(byte, b'0'..=b'9' | b'A'..=b'F'));
    while let Some(byte) = bytes.next() {
        let good = match byte {
            b'+' => is_hex(bytes.next()) && is_hex(bytes.next()),
            b'=' => false,
            _ => byte.is_ascii_graphic(),
        };
        if !good {
            return false;
        }
    }
    !text.is_empty()
}

fn is_notify(wishes: &str) -> bool {
    wishes == "NEVER" || wishes.split(',').all(|wish| matches!(wish, "SUCCESS" | "FAILURE" | "DELAY"))
}

/// `rfc822;` and an address as xtext; `utf-8;` and one in a form of its own (RFC 6533 section 3).
fn is_orcpt(text: &str) -> bool {
    let is_atom =
        |kind: &str| !kind.is_empty() && kind.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let Some((kind, original)) = text.split_once(';') else { return false };
    let sound = is_xtext(original) || kind.eq_ignore_ascii_case("utf-8") && !original.is_empty();
    text.len() <= ORCPT_CHARS_MAX && is_atom(kind) && sound
}

fn chunk(text: &str) -> Result<Command, Reply> {
    let (digits, rest) = text.split_once(' ').unwrap_or((text, ""));
    let last = rest.eq_ignore_ascii_case("LAST");
    if !last && !rest.is_empty() {
        return Err(Reply::wrong("Write BDAT, a number of bytes, and LAST with the last chunk"));
    }
    Ok(Command::Bdat { bytes: number(digits)?, last })
}

fn sign_in(text: &str) -> Result<Command, Reply> {
    let (mechanism, initial) = text.split_once(' ').map_or((text, None), |(name, initial)| (name, Some(initial)));
    let mechanism = match mechanism.to_ascii_uppercase().as_str() {
        "PLAIN" => Mechanism::Plain,
        "LOGIN" => Mechanism::Login,
        _ => return Err(Reply::new(504, "5.5.4", "The mechanism is not offered; PLAIN and LOGIN are")),
    };
    Ok(Command::Auth { mechanism, initial: initial.map(|initial| initial.trim().to_owned()) })
}

#[cfg(test)]
mod tests;
