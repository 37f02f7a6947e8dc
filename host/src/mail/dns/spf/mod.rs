//! SPF records (RFC 7208): what they say, and what it costs receivers to find out.

pub(super) mod term;
pub(super) mod walk;

use self::term::{Qualifier, Term};

/// What an SPF record begins with.
const VERSION: &str = "v=spf1";

/// Whether a text is meant as an SPF record (section 4.5).
pub(super) fn is_spf(text: &[u8]) -> bool {
    let Some((version, rest)) = text.split_at_checked(VERSION.len()) else { return false };
    version.eq_ignore_ascii_case(VERSION.as_bytes()) && (rest.is_empty() || rest.starts_with(b" "))
}

/// The terms of a record. An error names the one that receivers cannot read, and says why.
pub(super) fn parse(text: &[u8]) -> Result<Vec<Term>, String> {
    let Some(text) = std::str::from_utf8(text).ok().filter(|text| text.is_ascii()) else {
        return Err("it has characters that are not ASCII".into());
    };
    let terms = text.split(' ').skip(1).filter(|term| !term.is_empty());
    let terms = terms.map(Term::parse).collect::<Result<Vec<_>, _>>()?;
    if terms.iter().filter(|term| matches!(term, Term::Redirect(_))).count() > 1 {
        return Err("redirect= stands in it twice".into());
    }
    Ok(terms)
}

/// The record with one mechanism more, at the latest place where receivers still come to it.
pub(super) fn merged(text: &str, mechanism: &str) -> String {
    let is_end = |term: &&str| matches!(Term::parse(term), Ok(Term::All(_) | Term::Redirect(_)));
    let mut terms: Vec<_> = text.split(' ').filter(|term| !term.is_empty()).collect();
    // The same with another qualifier would be come to first, or contradict it.
    let unqualified = |term: &str| term.trim_start_matches(['+', '-', '~', '?']).eq_ignore_ascii_case(mechanism);
    terms.retain(|term| !unqualified(term));
    let at = terms.iter().position(is_end).unwrap_or(terms.len());
    terms.insert(at, mechanism);
    terms.join(" ")
}

/// Whether a record lets every machine pass.
pub(super) fn lets_all_pass(terms: &[Term]) -> bool {
    terms.contains(&Term::All(Qualifier::Pass))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_begins_with_the_whole_version_is_meant() {
        for text in ["v=spf1", "V=SPF1 -all", "v=spf1 "] {
            assert!(is_spf(text.as_bytes()), "{text}");
        }
        for text in ["", "v=spf", "v=spf10 -all", "v=spf1;a", "\"v=spf1 -all\"", " v=spf1"] {
            assert!(!is_spf(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn a_mechanism_is_merged_before_the_end() {
        let merge = |text| merged(text, "include:spf.us.example");
        assert_eq!(merge("v=spf1 include:a.example ~all"), "v=spf1 include:a.example include:spf.us.example ~all");
        assert_eq!(merge("v=spf1  mx redirect=b.example"), "v=spf1 mx include:spf.us.example redirect=b.example");
        assert_eq!(merge("v=spf1"), "v=spf1 include:spf.us.example");
        assert_eq!(merge("v=spf1 ?include:SPF.us.example -all"), "v=spf1 include:spf.us.example -all");
    }

    #[test]
    fn a_second_redirect_is_an_error() {
        assert!(parse(b"v=spf1 redirect=a.example").is_ok());
        assert!(parse(b"v=spf1 redirect=a.example redirect=b.example").is_err());
        assert!(parse("v=spf1 a:bücher.example".as_bytes()).is_err());
    }
}
