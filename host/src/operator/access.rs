//! Who may change something through the operators' listener: programs with the token, people with a session.
//!
//! A session is a cookie with an expiry and a MAC, under a key made of the host key and the token, so that another
//! token ends every session. What a page posts also carries a MAC of its session, and the browser must say that the
//! post comes from a page of ours. The host that a request names is an address, `localhost`, or a name of the settings:
//! otherwise another site's name could be pointed at this listener (DNS rebinding).

use std::io;
use std::net::IpAddr;

use http::header::{AUTHORIZATION, COOKIE, HOST, ORIGIN};
use http::{HeaderMap, Uri};
use ring::hmac;

use crate::config::Config;
use crate::error::{Error, Result};
use crate::hash::hex;
use crate::rate::RateLimit;
use crate::secrets::{HostKey, operator_token, random, same_secret};

/// The name of the cookie.
pub(super) const COOKIE_NAME: &str = "pillarbox_operator";
/// How long a session lasts.
pub(super) const SESSION_SECS: i64 = 12 * 60 * 60;
/// Bytes of the name that a person signs in with.
const NAME_BYTES_MAX: usize = 64;
/// Who did not say a name.
const SOMEBODY: &str = "an operator";
/// Wrong tokens from one address in a window. One more is not even looked at.
pub(crate) const FAILURES_MAX: u32 = 30;
/// The length of that window.
const WINDOW_MS: i64 = 15 * 60 * 1_000;

/// The door.
pub(crate) struct Access {
    token: String,
    key: hmac::Key,
    hosts: Vec<String>,
    failures: RateLimit<IpAddr>,
}

/// A person who signed in.
pub(super) struct Session {
    cookie: String,
    name: String,
}

impl Session {
    /// What the person is called in the log.
    pub(super) fn name(&self) -> &str {
        &self.name
    }
}

impl Access {
    /// With the token of the settings, or the one in the data directory, which is made on the first start.
    pub(crate) fn open(config: &Config, host_key: &HostKey) -> io::Result<Self> {
        let token = match &config.operator_token {
            Some(token) => token.clone(),
            None => operator_token(&config.data_dir)?,
        };
        let secret = [&host_key.derive("operator sessions"), token.as_bytes()].concat();
        let key = hmac::Key::new(hmac::HMAC_SHA256, &secret);
        Ok(Self { token, key, hosts: config.operator_hosts.clone(), failures: RateLimit::every(WINDOW_MS) })
    }

    /// Checks the token of a program: `Authorization: Bearer`.
    pub(super) fn program(&self, peer: IpAddr, headers: &HeaderMap, now: i64) -> Result<()> {
        let given = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(|value| {
            let (scheme, token) = value.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
        });
        match given {
            Some(token) => self.check_token(peer, token, now),
            None => Err(Error::Unauthorized("The operator token is required: send Authorization: Bearer <token>")),
        }
    }

    /// Begins a session for whoever knows the token: the value of its cookie. The name is what they say it is.
    pub(super) fn sign_in(&self, peer: IpAddr, token: &str, name: &str, now: i64) -> Result<String> {
        self.check_token(peer, token.trim(), now)?;
        let chance =
            random::<16>().map_err(|error| Error::Internal { public: "Sign-in failed", cause: error.into() })?;
        let name = &name[..name.floor_char_boundary(NAME_BYTES_MAX)];
        let content = format!("{}.{}.{}", now + SESSION_SECS * 1_000, hex(&chance), hex(name.as_bytes()));
        let mac = self.mac("session", &content);
        Ok(format!("{content}.{mac}"))
    }

    /// The session of a request, when it has one that still holds.
    pub(super) fn session(&self, headers: &HeaderMap, now: i64) -> Option<Session> {
        let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut cookies = cookies.flat_map(|line| line.split(';')).filter_map(|cookie| cookie.trim().split_once('='));
        let (_, cookie) = cookies.find(|(name, _)| *name == COOKIE_NAME)?;
        let (content, mac) = cookie.rsplit_once('.')?;
        let (expires_at, rest) = content.split_once('.')?;
        let name = rest.split_once('.').and_then(|(_, name)| unhex(name)).filter(|name| !name.is_empty());
        let holds = same_secret(mac.as_bytes(), self.mac("session", content).as_bytes());
        let expires_at: i64 = expires_at.parse().ok().filter(|_| holds)?;
        let name = name.unwrap_or_else(|| SOMEBODY.to_owned());
        (expires_at > now).then(|| Session { cookie: cookie.to_owned(), name })
    }

    /// What a form of this session carries.
    pub(super) fn form_token(&self, session: &Session) -> String {
        self.mac("form", &session.cookie)
    }

    /// Whether a post comes from a form of this session.
    pub(super) fn check_form(&self, session: &Session, given: &str) -> Result<()> {
        if same_secret(given.as_bytes(), self.form_token(session).as_bytes()) {
            return Ok(());
        }
        Err(foreign("The form is not one of this session; open the page again"))
    }

    /// Whether the host that a request names is ours.
    pub(super) fn check_host(&self, uri: &Uri, headers: &HeaderMap) -> Result<()> {
        let host = named_host(uri, headers).unwrap_or_default();
        let name = without_port(host);
        let is_ours = name.trim_matches(['[', ']']).parse::<IpAddr>().is_ok()
            || name.eq_ignore_ascii_case("localhost")
            || self.hosts.iter().any(|known| known.eq_ignore_ascii_case(name));
        if is_ours { Ok(()) } else { Err(Error::Misdirected) }
    }

    fn check_token(&self, peer: IpAddr, token: &str, now: i64) -> Result<()> {
        if let Some(until) = self.failures.is_exhausted(&peer, FAILURES_MAX, now) {
            return Err(Error::TooMany {
                code: "too_many_failed_tokens",
                message: "Too many wrong operator tokens from this address; try again later",
                retry_after_secs: Some(u64::try_from((until - now + 999) / 1_000).unwrap_or(0).max(1)),
            });
        }
        if same_secret(token.as_bytes(), self.token.as_bytes()) {
            return Ok(());
        }
        self.failures.take(peer, FAILURES_MAX, now);
        tracing::warn!(%peer, "a wrong operator token was refused");
        Err(Error::Unauthorized("This is not the operator token"))
    }

    fn mac(&self, purpose: &str, content: &str) -> String {
        hex(hmac::sign(&self.key, format!("{purpose}\0{content}").as_bytes()).as_ref())
    }
}

/// Whether a browser says that this post comes from a page of ours. A program says nothing, and has no session either.
pub(crate) fn check_origin(uri: &Uri, headers: &HeaderMap) -> Result<()> {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    let host = named_host(uri, headers).unwrap_or_default();
    let is_ours = match (text("sec-fetch-site"), text(ORIGIN.as_str())) {
        (Some(site), _) => site == "same-origin",
        (None, Some(origin)) => origin.split_once("://").is_some_and(|(_, from)| from.eq_ignore_ascii_case(host)),
        (None, None) => true,
    };
    if is_ours { Ok(()) } else { Err(foreign("The form was sent from a page of another site")) }
}

fn unhex(text: &str) -> Option<String> {
    let pairs = text.as_bytes().chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok());
    String::from_utf8(pairs.collect::<Option<_>>()?).ok()
}

fn foreign(message: &'static str) -> Error {
    Error::Forbidden { error: message, code: "foreign_form", message }
}

fn named_host<'a>(uri: &'a Uri, headers: &'a HeaderMap) -> Option<&'a str> {
    headers.get(HOST).and_then(|host| host.to_str().ok()).or_else(|| uri.authority().map(http::uri::Authority::as_str))
}

fn without_port(host: &str) -> &str {
    let inside = host.rfind(']').map_or(0, |at| at + 1);
    host[inside..].rfind(':').map_or(host, |at| &host[..inside + at])
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    const PEER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
    const TOKEN: &str = "0123456789abcdef0123456789abcdef";

    fn access_with(token: &str, directory: &std::path::Path) -> Access {
        let variable = |name: &str| match name {
            "PILLARBOX_DATA_DIR" => Some(directory.display().to_string()),
            "PILLARBOX_OPERATOR_TOKEN" => Some(token.to_owned()),
            "PILLARBOX_OPERATOR_HOSTS" => Some("mail.example.com".to_owned()),
            _ => None,
        };
        let config = Config::read(&variable, None).expect("the settings are good");
        Access::open(&config, &HostKey::load(directory).expect("it is made")).expect("it opens")
    }

    fn access() -> Access {
        access_with(TOKEN, tempfile::tempdir().expect("a directory is made").path())
    }

    fn with(name: &'static str, value: &str) -> HeaderMap {
        let value = HeaderValue::from_str(value).expect("it is a value");
        std::iter::once((http::HeaderName::from_static(name), value)).collect()
    }

    fn signed_in(access: &Access, cookie: &str, now: i64) -> Option<Session> {
        access.session(&with("cookie", &format!("a=b; {COOKIE_NAME}={cookie}; c")), now)
    }

    #[test]
    fn a_session_holds_until_it_expires_and_no_character_of_it_can_be_changed() {
        let access = access();
        let cookie = access.sign_in(PEER, TOKEN, "Zoë", 0).expect("the token is right");
        let ends = SESSION_SECS * 1_000;
        assert_eq!(signed_in(&access, &cookie, ends - 1).map(|session| session.name), Some("Zoë".into()));
        assert!(signed_in(&access, &cookie, ends).is_none());
        for at in 0..cookie.len() {
            let mut changed = cookie.clone().into_bytes();
            changed[at] = if changed[at] == b'1' { b'2' } else { b'1' };
            assert!(signed_in(&access, &String::from_utf8(changed).expect("it is text"), 0).is_none(), "{at}");
        }
        assert!(access.session(&HeaderMap::new(), 0).is_none());
    }

    #[test]
    fn another_token_ends_every_session() {
        let directory = tempfile::tempdir().expect("a directory is made");
        let before = access_with(TOKEN, directory.path());
        let cookie = before.sign_in(PEER, TOKEN, "", 0).expect("the token is right");
        assert!(signed_in(&access_with(TOKEN, directory.path()), &cookie, 0).is_some(), "a restart does not");
        let after = access_with(&TOKEN.replace('0', "x"), directory.path());
        assert!(signed_in(&after, &cookie, 0).is_none());
    }

    #[test]
    fn a_form_belongs_to_its_session() {
        let access = access();
        let sign_in = || access.sign_in(PEER, TOKEN, "Zoë", 0).expect("the token is right");
        let [one, other] = [(); 2].map(|()| signed_in(&access, &sign_in(), 0).expect("it holds"));
        assert!(access.check_form(&one, &access.form_token(&one)).is_ok());
        assert!(access.check_form(&one, &access.form_token(&other)).is_err());
        assert!(access.check_form(&one, "").is_err());
    }

    #[test]
    fn wrong_tokens_are_counted_and_then_not_looked_at_any_more() {
        let access = access();
        let asked = |token: &str, now| access.program(PEER, &with("authorization", &format!("Bearer {token}")), now);
        for _ in 1..FAILURES_MAX {
            assert!(matches!(asked("wrong", 0), Err(Error::Unauthorized(_))));
        }
        assert!(asked(TOKEN, 0).is_ok(), "just inside");
        assert!(matches!(asked("wrong", 0), Err(Error::Unauthorized(_))));
        assert!(matches!(asked(TOKEN, 0), Err(Error::TooMany { .. })), "just outside, even with the right one");
        assert!(asked(TOKEN, WINDOW_MS).is_ok(), "the next window");
        let missing = access.program(PEER, &HeaderMap::new(), 0);
        assert!(matches!(missing, Err(Error::Unauthorized(message)) if message.contains("Bearer")));
    }

    #[test]
    fn a_host_is_an_address_or_a_name_of_the_settings() {
        let access = access();
        let asked = |host: &str| access.check_host(&Uri::from_static("/"), &with("host", host)).is_ok();
        for ours in
            ["127.0.0.1:9090", "localhost", "LOCALHOST:1", "[::1]:9090", "[::1]", "192.0.2.7", "Mail.example.com:80"]
        {
            assert!(asked(ours), "{ours}");
        }
        for foreign in ["", "evil.example", "localhost.evil.example:9090", "127.0.0.1.evil.example", "[::1].evil"] {
            assert!(!asked(foreign), "{foreign}");
        }
        assert!(access.check_host(&Uri::from_static("http://evil.example/"), &HeaderMap::new()).is_err());
    }

    #[test]
    fn a_browser_must_say_that_the_form_is_ours() {
        let asked = |headers: &[(&'static str, &str)]| {
            let mut all = with("host", "localhost:9090");
            all.extend(headers.iter().map(|(name, value)| (*name, *value)).flat_map(|(n, v)| with(n, v)));
            check_origin(&Uri::from_static("/"), &all).is_ok()
        };
        assert!(asked(&[]) && asked(&[("sec-fetch-site", "same-origin")]));
        assert!(asked(&[("origin", "http://localhost:9090")]));
        assert!(asked(&[("sec-fetch-site", "same-origin"), ("origin", "null")]));
        for site in ["cross-site", "same-site", "none"] {
            assert!(!asked(&[("sec-fetch-site", site), ("origin", "http://localhost:9090")]), "{site}");
        }
        for origin in ["null", "http://localhost:8080", "http://evil.example", "localhost:9090"] {
            assert!(!asked(&[("origin", origin)]), "{origin}");
        }
    }
}
