//! The smarthosts of `relay_url`: where they are, how safe the way to them must be, and the login there.

use std::fmt;
use std::net::IpAddr;

/// Smarthosts that mail is offered to in turn.
const SMARTHOSTS_MAX: usize = 16;
/// The port for submission (RFC 6409).
const SUBMISSION_PORT: u16 = 587;
/// The port for submission under TLS from the first byte (RFC 8314).
const SUBMISSIONS_PORT: u16 = 465;

/// A server that takes mail for everywhere.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Smarthost {
    /// A name or an address, without brackets.
    pub host: String,
    /// Where it listens.
    pub port: u16,
    /// How safe the way to it must be.
    pub security: Security,
    /// What we sign in with.
    pub login: Option<Login>,
}

/// How safe the way to a server must be.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Security {
    /// TLS is not tried.
    Off,
    /// TLS where the server offers it, with any certificate; without it where that fails.
    Opportunistic,
    /// STARTTLS with a certificate that was checked, or nothing.
    Required,
    /// TLS from the first byte, with a certificate that was checked.
    Implicit,
}

/// A name and a password at a smarthost.
#[derive(Clone, Eq, PartialEq)]
pub struct Login {
    /// Who we are there.
    pub user: String,
    /// For XOAUTH2 the access token.
    pub password: String,
    /// The only mechanism to use; else the best one that the server offers.
    pub mechanism: Option<Mechanism>,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").field("mechanism", &self.mechanism).finish_non_exhaustive()
    }
}

/// How a password is given (RFC 4954).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Mechanism {
    /// RFC 4616.
    Plain,
    /// Older than the standards, and still the only one of some servers.
    Login,
    /// A bearer token, as large providers take it.
    XOauth2,
}

impl Mechanism {
    /// Its name after AUTH.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::Login => "LOGIN",
            Self::XOauth2 => "XOAUTH2",
        }
    }
}

impl Smarthost {
    /// Reads a list with commas between, in the order of preference. What is wrong is told without what was given,
    /// because that may hold a password.
    pub fn list(value: &str) -> Result<Vec<Self>, String> {
        let urls: Vec<_> = value.split(',').map(str::trim).collect();
        if urls.len() > SMARTHOSTS_MAX {
            return Err(format!("{} smarthosts of at most {SMARTHOSTS_MAX}", urls.len()));
        }
        let numbered = urls.iter().enumerate();
        numbered.map(|(at, url)| Self::parse(url).map_err(|wrong| format!("smarthost {}: {wrong}", at + 1))).collect()
    }

    /// Reads `smtp://[user:password@]host[:port][?starttls=…&auth=…]` or the same with `smtps://`.
    fn parse(url: &str) -> Result<Self, String> {
        let (scheme, rest) = url.split_once("://").unwrap_or_default();
        let implicit = match scheme {
            "smtp" => false,
            "smtps" => true,
            _ => return Err("write smtp:// or smtps://, then [user:password@]host:port".into()),
        };
        let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (login, place) = match place.trim_end_matches('/').rsplit_once('@') {
            Some((login, place)) => (Some(login), place),
            None => (None, place.trim_end_matches('/')),
        };
        let (host, port) = host_and_port(place)?;
        let options = Options::parse(query)?;
        let security = match (options.security, implicit) {
            (Some(_), true) => return Err("smtps:// is under TLS already; leave starttls out".into()),
            (None, true) => Security::Implicit,
            (Some(security), false) => security,
            (None, false) if login.is_some() && !is_loopback(&host) => Security::Required,
            (None, false) => Security::Opportunistic,
        };
        if login.is_none() && options.mechanism.is_some() {
            return Err("auth needs a user and a password before the host".into());
        }
        let port = port.unwrap_or(if implicit { SUBMISSIONS_PORT } else { SUBMISSION_PORT });
        let login = login.map(|login| Login::parse(login, options.mechanism)).transpose()?;
        Ok(Self { host, port, security, login })
    }
}

impl Login {
    fn parse(text: &str, mechanism: Option<Mechanism>) -> Result<Self, String> {
        let (user, password) = text.split_once(':').ok_or("write user:password before the @")?;
        let (user, password) = (decoded(user)?, decoded(password)?);
        if user.is_empty() || password.is_empty() {
            return Err("the user or the password is empty".into());
        }
        Ok(Self { user, password, mechanism })
    }
}

/// What stands behind the question mark.
#[derive(Default)]
struct Options {
    security: Option<Security>,
    mechanism: Option<Mechanism>,
}

impl Options {
    fn parse(query: &str) -> Result<Self, String> {
        let mut options = Self::default();
        for option in query.split('&').filter(|option| !option.is_empty()) {
            match option {
                "starttls=required" => options.security = Some(Security::Required),
                "starttls=opportunistic" => options.security = Some(Security::Opportunistic),
                "starttls=off" => options.security = Some(Security::Off),
                "auth=plain" => options.mechanism = Some(Mechanism::Plain),
                "auth=login" => options.mechanism = Some(Mechanism::Login),
                "auth=xoauth2" => options.mechanism = Some(Mechanism::XOauth2),
                _ => {
                    let known = "starttls=required|opportunistic|off and auth=plain|login|xoauth2";
                    return Err(format!("behind the ? stand {known}, with & between"));
                }
            }
        }
        Ok(options)
    }
}

fn host_and_port(place: &str) -> Result<(String, Option<u16>), String> {
    let (host, port) = match place.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, port)) => (address, port.strip_prefix(':').or(port.is_empty().then_some("")).unwrap_or("?")),
        None => place.split_once(':').unwrap_or((place, "")),
    };
    let in_host = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:".contains(&byte);
    if host.is_empty() || !host.bytes().all(in_host) {
        return Err("the host is no name or address, such as smtp.example.com or [2001:db8::1]".into());
    }
    let number = match port {
        "" => None,
        port => {
            let number = port.parse().ok().filter(|port| *port > 0);
            Some(
                number
                    .ok_or("the port is no number from 1 to 65535; a special character of a password is written %XX")?,
            )
        }
    };
    Ok((host.to_owned(), number))
}

/// Decodes `%40` and the like.
fn decoded(text: &str) -> Result<String, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        if byte == b'%' {
            let digits = after.get(..2).filter(|digits| digits.iter().all(u8::is_ascii_hexdigit));
            let digits = digits.and_then(|digits| std::str::from_utf8(digits).ok());
            let value = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
            bytes.push(value.ok_or("a % in the user or the password is written %25")?);
            rest = &after[2..];
        } else {
            bytes.push(byte);
            rest = after;
        }
    }
    let text = String::from_utf8(bytes).map_err(|_| "the user or the password is not UTF-8")?;
    if text.contains(['\0', '\r', '\n']) {
        return Err("the user or the password has a control character".into());
    }
    Ok(text)
}

/// Whether a host is this machine by its very name.
fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests;
