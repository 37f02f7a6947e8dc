//! What receivers look up to evaluate an SPF record (RFC 7208 section 4.6.4), at the worst.

use super::super::seen::{Ask, Kind, Known, Said, Whom};
use super::term::{Qualifier, Term, has_macro};
use super::{is_spf, parse};

/// Names that a receiver looks up before it gives up.
pub(in super::super) const LOOKUPS_MAX: usize = 10;
/// Of them, those that have nothing.
pub(in super::super) const VOID_LOOKUPS_MAX: usize = 2;
/// Hosts of one `mx`.
const EXCHANGERS_MAX: usize = 10;
/// Where counting ends: a record that asks for so many names needs no exact number.
pub(in super::super) const COUNTED_MAX: usize = 20;

/// What a record comes to.
#[derive(Debug, Default)]
pub(in super::super) struct Walk {
    /// Names that are looked up.
    pub(in super::super) lookups: usize,
    /// The names that have nothing.
    pub(in super::super) voids: Vec<String>,
    /// Whether the wanted mechanism stands in it, or in what it includes.
    pub(in super::super) has_wanted: bool,
    /// Why receivers cannot come to an end, the first reason that was found.
    pub(in super::super) trouble: Option<Trouble>,
}

/// Why a record cannot be evaluated. Each names the domain where it went wrong.
#[derive(Debug, Eq, PartialEq)]
pub(in super::super) enum Trouble {
    /// What is included has no SPF record.
    Missing(String),
    /// What is included has several.
    Several(String),
    /// What is included cannot be read, for this reason.
    Syntax(String, String),
    /// What is included could not be asked for.
    Unreachable(String),
    /// An `mx` has too many hosts.
    Exchangers(String),
}

/// Follows the terms of the record at `host`. `wanted` is what should stand in it, or in what it includes.
pub(in super::super) fn walk(host: &str, terms: &[Term], wanted: &Term, known: &Known) -> Result<Walk, Ask> {
    let mut walk = Walk::default();
    walk.follow(host, terms, wanted, known)?;
    Ok(walk)
}

impl Walk {
    /// A step per look-up, so both it and its depth end at [`COUNTED_MAX`].
    fn follow(&mut self, host: &str, terms: &[Term], wanted: &Term, known: &Known) -> Result<(), Ask> {
        let mut has_all = false;
        for term in terms {
            self.has_wanted |= term == wanted;
            match term {
                Term::All(_) => {
                    has_all = true;
                    break;
                }
                Term::Include(_, domain) => self.include(domain, wanted, known)?,
                Term::A(_, domain) => self.address(domain.as_deref().unwrap_or(host), known)?,
                Term::Mx(_, domain) => self.exchangers(domain.as_deref().unwrap_or(host), known)?,
                Term::Ptr | Term::Exists => self.lookups += 1,
                Term::Ip | Term::Modifier | Term::Redirect(_) => {}
            }
            if self.is_over() {
                return Ok(());
            }
        }
        let redirect = terms.iter().find_map(|term| match term {
            Term::Redirect(domain) if !has_all => Some(domain),
            _ => None,
        });
        redirect.map_or(Ok(()), |domain| self.include(domain, wanted, known))
    }

    fn is_over(&self) -> bool {
        self.trouble.is_some() || self.lookups >= COUNTED_MAX
    }

    fn include(&mut self, domain: &str, wanted: &Term, known: &Known) -> Result<(), Ask> {
        self.lookups += 1;
        if has_macro(domain) || self.is_over() {
            return Ok(());
        }
        let answer = &known.get(Whom::Resolver, domain, Kind::Txt)?.resolver;
        if !answer.is_answer() {
            self.trouble = Some(Trouble::Unreachable(domain.into()));
            return Ok(());
        }
        let texts = answer.texts();
        let mut records = texts.iter().filter(|text| is_spf(text));
        self.trouble = match (records.next(), records.next()) {
            (None, _) => Some(Trouble::Missing(domain.into())),
            (Some(_), Some(_)) => Some(Trouble::Several(domain.into())),
            (Some(record), None) => match parse(record) {
                Ok(terms) => return self.follow(domain, &terms, wanted, known),
                Err(why) => Some(Trouble::Syntax(domain.into(), why)),
            },
        };
        Ok(())
    }

    fn address(&mut self, host: &str, known: &Known) -> Result<(), Ask> {
        self.lookups += 1;
        if has_macro(host) {
            return Ok(());
        }
        for kind in [Kind::A, Kind::Aaaa] {
            match known.get(Whom::Resolver, host, kind)?.resolver.said {
                Said::Nothing | Said::NoName => {}
                _ => return Ok(()),
            }
        }
        self.voids.push(host.into());
        Ok(())
    }

    fn exchangers(&mut self, host: &str, known: &Known) -> Result<(), Ask> {
        self.lookups += 1;
        if has_macro(host) {
            return Ok(());
        }
        match &known.get(Whom::Resolver, host, Kind::Mx)?.resolver.said {
            Said::Nothing | Said::NoName => self.voids.push(host.into()),
            Said::Values(hosts) if hosts.len() > EXCHANGERS_MAX => {
                self.trouble = Some(Trouble::Exchangers(host.into()));
            }
            _ => {}
        }
        Ok(())
    }
}

/// The mechanism of our own record, which has exactly one before its end.
pub(in super::super) fn wanted(value: &str) -> Option<(&str, Term)> {
    let mechanism = value.split(' ').nth(1)?;
    Some((mechanism, Term::parse(mechanism).ok()?))
        .filter(|(_, term)| matches!(term, Term::Include(Qualifier::Pass, _) | Term::A(Qualifier::Pass, Some(_))))
}
