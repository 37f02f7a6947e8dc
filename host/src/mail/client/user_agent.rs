//! Finds in a user agent what all rules look for, in one pass however many they are.

use aho_corasick::{AhoCorasick, BuildError};

use super::document::UserAgentText;

/// Where a pattern must stand.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Place {
    Whole,
    Beginning,
    Anywhere,
    /// With no letter or digit on either side.
    Word,
    /// Anywhere; it then speaks against the rule.
    Not,
}

/// The patterns of every rule.
#[derive(Debug)]
pub(super) struct Patterns {
    finder: AhoCorasick,
    /// Of each pattern, whose it is and where it must stand.
    owners: Vec<(usize, Place)>,
    rules: usize,
}

/// Patterns that are being gathered.
#[derive(Default)]
pub(super) struct Gathered {
    texts: Vec<String>,
    owners: Vec<(usize, Place)>,
}

impl Gathered {
    /// Adds those of the rule with this number.
    pub(super) fn add(&mut self, rule: usize, user_agent: &UserAgentText) {
        for (texts, place) in [
            (&user_agent.is, Place::Whole),
            (&user_agent.begins, Place::Beginning),
            (&user_agent.has, Place::Anywhere),
            (&user_agent.words, Place::Word),
            (&user_agent.not, Place::Not),
        ] {
            self.texts.extend(texts.iter().cloned());
            self.owners.extend(texts.iter().map(|_| (rule, place)));
        }
    }

    pub(super) fn ready(self, rules: usize) -> Result<Patterns, BuildError> {
        let finder = AhoCorasick::builder().ascii_case_insensitive(true).build(self.texts)?;
        Ok(Patterns { finder, owners: self.owners, rules })
    }
}

impl Patterns {
    /// Of each rule, whether this user agent is one of its.
    pub(super) fn found(&self, user_agent: &str) -> Vec<bool> {
        let (mut found, mut refused) = (vec![false; self.rules], vec![false; self.rules]);
        let free = |byte: Option<&u8>| byte.is_none_or(|byte| !byte.is_ascii_alphanumeric());
        for hit in self.finder.find_overlapping_iter(user_agent) {
            let (rule, place) = self.owners[hit.pattern().as_usize()];
            let before = hit.start().checked_sub(1).and_then(|at| user_agent.as_bytes().get(at));
            let after = user_agent.as_bytes().get(hit.end());
            match place {
                Place::Whole => found[rule] |= before.is_none() && after.is_none(),
                Place::Beginning => found[rule] |= before.is_none(),
                Place::Anywhere => found[rule] = true,
                Place::Word => found[rule] |= free(before) && free(after),
                Place::Not => refused[rule] = true,
            }
        }
        found.iter().zip(refused).map(|(found, refused)| *found && !refused).collect()
    }
}
