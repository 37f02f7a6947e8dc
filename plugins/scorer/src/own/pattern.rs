//! Patterns as of file names: `*` stands for any characters, `?` for one, `#` for a digit. A pattern fits a whole word, in any
//! case.
//!
//! All ways of fitting are followed at once, a bit for each place in the pattern, so a character of the word costs the same
//! whatever the pattern is.

use super::PATTERN_CHARACTERS_MAX;

// One more bit says that all of the pattern fitted.
const _: () = assert!(PATTERN_CHARACTERS_MAX < 64);

/// A pattern that is ready to be held against words.
#[derive(Debug, PartialEq)]
pub(super) struct Pattern {
    /// Places that take this ASCII character.
    ascii: Box<[u64; 128]>,
    /// Places that take any other character.
    others: u64,
    /// Places that take one certain character beyond ASCII.
    foreign: Vec<(char, u64)>,
    /// Places of stars, which can be passed by and take whatever comes.
    stars: u64,
    /// The place after the last one.
    end: u64,
}

impl Pattern {
    /// Of at most [`PATTERN_CHARACTERS_MAX`] characters.
    pub(super) fn of(text: &str) -> Pattern {
        let mut pattern = Pattern { ascii: Box::new([0; 128]), others: 0, foreign: Vec::new(), stars: 0, end: 1 };
        for character in text.chars() {
            let place = pattern.end;
            match character {
                // Two stars are one, so that none has to be passed by after another.
                '*' if pattern.stars & (place >> 1) != 0 => continue,
                '*' => pattern.stars |= place,
                '?' => {
                    pattern.ascii.iter_mut().for_each(|places| *places |= place);
                    pattern.others |= place;
                }
                '#' => {
                    pattern.ascii[usize::from(b'0')..=usize::from(b'9')].iter_mut().for_each(|places| *places |= place);
                }
                _ => pattern.take(character, place),
            }
            pattern.end <<= 1;
        }
        pattern
    }

    fn take(&mut self, character: char, place: u64) {
        let lower = character.to_lowercase().next().unwrap_or(character);
        if lower.is_ascii() {
            self.ascii[lower as usize] |= place;
            self.ascii[lower.to_ascii_uppercase() as usize] |= place;
            return;
        }
        match self.foreign.iter_mut().find(|(known, _)| *known == lower) {
            Some((_, places)) => *places |= place,
            None => self.foreign.push((lower, place)),
        }
    }

    /// Whether it fits all of a word.
    pub(super) fn fits(&self, word: &str) -> bool {
        let mut places = self.past_stars(1);
        for character in word.chars() {
            let takers = match self.ascii.get(character as usize) {
                Some(takers) => *takers,
                None => self.others | self.of_foreign(character),
            };
            places = self.past_stars((places & takers) << 1 | places & self.stars);
            if places == 0 {
                return false;
            }
        }
        places & self.end != 0
    }

    /// A star can stand for nothing.
    fn past_stars(&self, places: u64) -> u64 {
        places | (places & self.stars) << 1
    }

    fn of_foreign(&self, character: char) -> u64 {
        if self.foreign.is_empty() {
            return 0;
        }
        let lower = character.to_lowercase().next().unwrap_or(character);
        self.foreign.iter().find(|(known, _)| *known == lower).map_or(0, |(_, places)| *places)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, fitting: &[&str], others: &[&str]) {
        let ready = Pattern::of(pattern);
        for word in fitting {
            assert!(ready.fits(word), "{pattern} {word}");
        }
        for word in others {
            assert!(!ready.fits(word), "{pattern} {word}");
        }
    }

    #[test]
    fn a_pattern_fits_whole_words_in_any_case() {
        check("abc", &["abc", "ABC"], &["", "ab", "abcd", "xabc"]);
        check("a?c", &["abc", "a*c", "aéc"], &["ac", "abbc"]);
        check("inv-##", &["INV-07"], &["inv-7", "inv-007", "inv-x7"]);
        check("a*c", &["ac", "abc", "abcbc"], &["a", "abcb"]);
        check("**a***b**", &["ab", "xaxbx"], &["ba", "a"]);
        check("*", &["", "anything"], &[]);
        check(
            "https://*.acme.example/*",
            &["https://x.acme.example/"],
            &["https://acme.example/", "http://x.acme.example/"],
        );
        check("grüß*", &["Grüße", "GRÜßE"], &["grusse"]);
        check("*促销*", &["夏季促销活动"], &["活动"]);
    }

    #[test]
    fn the_longest_pattern_fits_the_longest_word() {
        let pattern = "a*".repeat(PATTERN_CHARACTERS_MAX / 2);
        check(
            &pattern,
            &[&"a".repeat(100_000), &"a".repeat(30)],
            &[&"a".repeat(29), &format!("b{}", "a".repeat(100_000))],
        );
        let letters = "x".repeat(PATTERN_CHARACTERS_MAX);
        check(&letters, &[&letters], &[&letters[1..]]);
    }
}
