//! One term of an SPF record (RFC 7208 sections 5 and 6), read as strictly as receivers may read it.
//!
//! The parser of `mail-auth` is for receivers that let much pass: to it `ip:192.0.2.1` is a term that it skips, and
//! `ip4:192.0.2.999` an address. Here both are errors with a sentence.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::super::text::quote;

/// What follows when a mechanism matches.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in super::super) enum Qualifier {
    /// `+`, which may be left out.
    Pass,
    /// `-`, `~` or `?`.
    Other,
}

/// One term. Domains are in lower case; `None` is the domain that the record stands at.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(in super::super) enum Term {
    All(Qualifier),
    Include(Qualifier, String),
    A(Qualifier, Option<String>),
    Mx(Qualifier, Option<String>),
    Ptr,
    Ip,
    Exists,
    Redirect(String),
    /// Another modifier, which asks for nothing.
    Modifier,
}

impl Term {
    /// Reads a term without spaces. An error says what is wrong with it.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let wrong = |why: &str| Err(format!("{} {why}", quote(text)));
        // A modifier has its `=` before any `:` or `/`.
        let name_end = text.find([':', '/', '=']).unwrap_or(text.len());
        if text[name_end..].starts_with('=') {
            let (name, value) = (&text[..name_end], &text[name_end + 1..]);
            if !name.starts_with(|first: char| first.is_ascii_alphabetic()) {
                return wrong("is no term of SPF");
            }
            return match name.to_ascii_lowercase().as_str() {
                "redirect" if is_domain(value) => Ok(Self::Redirect(value.to_ascii_lowercase())),
                "redirect" => wrong("needs a domain after the ="),
                "ip4" | "ip6" | "include" | "a" | "mx" | "exists" => wrong("has a = where a : belongs"),
                _ => Ok(Self::Modifier),
            };
        }
        let (qualifier, rest) = match text.strip_prefix(['+', '-', '~', '?']) {
            Some(rest) if !text.starts_with('+') => (Qualifier::Other, rest),
            Some(rest) => (Qualifier::Pass, rest),
            None => (Qualifier::Pass, text),
        };
        let name_end = rest.find([':', '/']).unwrap_or(rest.len());
        let (name, arguments) = rest.split_at(name_end);
        let argument = arguments.strip_prefix(':');
        match (name.to_ascii_lowercase().as_str(), argument) {
            ("all", None) if arguments.is_empty() => Ok(Self::All(qualifier)),
            ("all", _) => wrong("has something after all, which stands alone"),
            ("include", Some(domain)) if is_domain(domain) => Ok(Self::Include(qualifier, domain.to_ascii_lowercase())),
            ("exists", Some(domain)) if is_domain(domain) => Ok(Self::Exists),
            ("include" | "exists", _) => wrong("needs a domain after the :"),
            ("a" | "mx", _) => {
                let (domain, prefix) = arguments.split_at(arguments.find('/').unwrap_or(arguments.len()));
                let domain = match domain.strip_prefix(':') {
                    Some(domain) if is_domain(domain) => Some(domain.to_ascii_lowercase()),
                    None if domain.is_empty() => None,
                    _ => return wrong("needs a domain after the :"),
                };
                if !is_dual_prefix(prefix) {
                    return wrong("has no prefix length after the /");
                }
                Ok(if name.eq_ignore_ascii_case("a") {
                    Self::A(qualifier, domain)
                } else {
                    Self::Mx(qualifier, domain)
                })
            }
            ("ptr", None) if arguments.is_empty() => Ok(Self::Ptr),
            ("ptr", Some(domain)) if is_domain(domain) => Ok(Self::Ptr),
            ("ip4", Some(network)) if is_network::<Ipv4Addr>(network, 32) => Ok(Self::Ip),
            ("ip4", _) => wrong("needs an IPv4 address after the :, such as 192.0.2.1 or 192.0.2.0/24"),
            ("ip6", Some(network)) if is_network::<Ipv6Addr>(network, 128) => Ok(Self::Ip),
            ("ip6", _) => wrong("needs an IPv6 address after the :, such as 2001:db8::1 or 2001:db8::/32"),
            ("ip" | "ipv4", _) => wrong("is no mechanism of SPF; IPv4 addresses are written ip4:"),
            ("ipv6", _) => wrong("is no mechanism of SPF; IPv6 addresses are written ip6:"),
            _ => wrong("is no mechanism of SPF"),
        }
    }
}

/// Whether a domain is only known when mail comes.
pub(super) fn has_macro(domain: &str) -> bool {
    domain.contains('%')
}

/// A domain, or one with macros (section 7.1).
fn is_domain(text: &str) -> bool {
    let is_visible = text.bytes().all(|byte| matches!(byte, b'!'..=b'~') && byte != b'/');
    let escapes = text.match_indices('%').all(|(at, _)| {
        // The second of `%%` is known by the first.
        text[at + 1..].starts_with(['{', '%', '_', '-']) || text[..at].ends_with('%')
    });
    let name = text.trim_end_matches('.');
    let is_name = name.contains('.') && name.split('.').all(|label| !label.is_empty() && label.len() <= 63);
    is_visible && escapes && (is_name || has_macro(text))
}

fn is_network<A: std::str::FromStr>(text: &str, bits: u8) -> bool {
    match text.split_once('/') {
        Some((address, prefix)) => address.parse::<A>().is_ok() && is_prefix(prefix, bits),
        None => text.parse::<A>().is_ok(),
    }
}

fn is_prefix(text: &str, bits: u8) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u8>().is_ok_and(|length| length <= bits)
}

/// Nothing, `/24`, `//64` or `/24//64`.
fn is_dual_prefix(text: &str) -> bool {
    let (four, six) = match text.split_once("//") {
        Some((four, six)) => (four, Some(six)),
        None => (text, None),
    };
    let is_four = four.is_empty() || four.strip_prefix('/').is_some_and(|length| is_prefix(length, 32));
    is_four && six.is_none_or(|length| is_prefix(length, 128))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn reads(text: &str, expected: &Term) {
        assert_eq!(Term::parse(text).as_ref(), Ok(expected));
    }

    #[test]
    fn every_term_is_read() {
        use Qualifier::{Other, Pass};
        reads("+all", &Term::All(Pass));
        reads("~ALL", &Term::All(Other));
        reads("include:SPF.a.example", &Term::Include(Pass, "spf.a.example".into()));
        reads("?include:%{d}.a.example", &Term::Include(Other, "%{d}.a.example".into()));
        reads("a", &Term::A(Pass, None));
        reads("a/24", &Term::A(Pass, None));
        reads("-a:b.example/24//64", &Term::A(Other, Some("b.example".into())));
        reads("mx//64", &Term::Mx(Pass, None));
        reads("ptr", &Term::Ptr);
        reads("ptr:a.example", &Term::Ptr);
        reads("ip4:192.0.2.0/24", &Term::Ip);
        reads("-ip6:2001:db8::/32", &Term::Ip);
        reads("exists:%{i}.list.example", &Term::Exists);
        reads("redirect=_spf.a.example", &Term::Redirect("_spf.a.example".into()));
        reads("exp=explain.a.example", &Term::Modifier);
        reads("moo.cow-far_out=man:dog/cat", &Term::Modifier);
    }

    #[test]
    fn what_receivers_cannot_read_is_told() {
        let wrong = [
            ("ip4:192.0.2.999", "IPv4 address"),
            ("ip4:192.0.2.0/33", "IPv4 address"),
            ("ip4:2001:db8::1", "IPv4 address"),
            ("ip4", "IPv4 address"),
            ("ip6:2001:db8::/129", "IPv6 address"),
            ("ip:192.0.2.1", "written ip4:"),
            ("ipv6:::1", "written ip6:"),
            ("ip4=192.0.2.1", "a : belongs"),
            ("include=a.example", "a : belongs"),
            ("include", "needs a domain"),
            ("include:", "needs a domain"),
            ("include:a..example", "needs a domain"),
            ("include:localhost", "needs a domain"),
            ("include:%a.example", "needs a domain"),
            ("a:", "needs a domain"),
            ("a:b.example/33", "prefix length"),
            ("mx/24//129", "prefix length"),
            ("all:a", "stands alone"),
            ("redirect=", "needs a domain"),
            ("-", "no mechanism"),
            ("include;a.example", "no mechanism"),
            ("v:spf1", "no mechanism"),
            ("=a", "no term"),
        ];
        for (text, words) in wrong {
            let error = Term::parse(text).expect_err(text);
            assert!(error.contains(words) && error.contains(text), "{text}: {error}");
        }
    }
}
