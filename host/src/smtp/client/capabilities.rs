//! What a server offers in its answer to EHLO.

use crate::config::smarthost::Mechanism;
use crate::mail::reply::Reply;

/// The extensions that we use, as a server offers them.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "each is one keyword of the protocol")]
pub struct Capabilities {
    /// RFC 3207.
    pub starttls: bool,
    /// RFC 2920.
    pub pipelining: bool,
    /// RFC 3030.
    pub chunking: bool,
    /// RFC 6152.
    pub eight_bit_mime: bool,
    /// RFC 6531.
    pub smtputf8: bool,
    /// RFC 3461.
    pub dsn: bool,
    /// RFC 1870: offered, and the most bytes of a message when the server tells.
    pub size: Option<Option<u64>>,
    /// RFC 4954, of those that we know.
    pub mechanisms: Vec<Mechanism>,
}

impl Capabilities {
    /// Reads the answer to EHLO. Its first line is a greeting.
    pub fn of(reply: &Reply) -> Self {
        let mut capabilities = Self::default();
        for line in reply.lines.iter().skip(1) {
            capabilities.add(&line.to_ascii_uppercase());
        }
        capabilities
    }

    fn add(&mut self, line: &str) {
        // Old servers write `AUTH=PLAIN`.
        let mut words = line.split([' ', '=']).filter(|word| !word.is_empty());
        match words.next() {
            Some("STARTTLS") => self.starttls = true,
            Some("PIPELINING") => self.pipelining = true,
            Some("CHUNKING") => self.chunking = true,
            Some("8BITMIME") => self.eight_bit_mime = true,
            Some("SMTPUTF8") => self.smtputf8 = true,
            Some("DSN") => self.dsn = true,
            // 0 says that there is no limit.
            Some("SIZE") => self.size = Some(words.next().and_then(|size| size.parse().ok()).filter(|size| *size > 0)),
            Some("AUTH") => self.mechanisms.extend(words.filter_map(mechanism)),
            _ => {}
        }
    }
}

fn mechanism(word: &str) -> Option<Mechanism> {
    [Mechanism::Plain, Mechanism::Login, Mechanism::XOauth2].into_iter().find(|mechanism| mechanism.as_str() == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &[&str]) -> Capabilities {
        let lines = ["mx.example.com STARTTLS"].iter().chain(lines).map(|line| (*line).to_owned()).collect();
        Capabilities::of(&Reply { code: 250, lines })
    }

    #[test]
    fn keywords_are_read_in_any_case_and_the_greeting_is_none() {
        assert_eq!(read(&[]), Capabilities::default());
        assert_eq!(read(&["XYZ", "", "STARTTLSX"]), Capabilities::default());
        let lines = ["starttls", "PIPELINING", "Chunking", "8bitMIME", "SMTPUTF8", "DSN", "SIZE 1000"];
        let all = Capabilities {
            starttls: true,
            pipelining: true,
            chunking: true,
            eight_bit_mime: true,
            smtputf8: true,
            dsn: true,
            size: Some(Some(1_000)),
            mechanisms: Vec::new(),
        };
        assert_eq!(read(&lines), all);
    }

    #[test]
    fn a_size_of_nothing_is_no_limit() {
        assert_eq!(read(&["SIZE"]).size, Some(None));
        assert_eq!(read(&["SIZE 0"]).size, Some(None));
        assert_eq!(read(&["SIZE many"]).size, Some(None));
        assert_eq!(read(&["SIZE 1"]).size, Some(Some(1)));
    }

    #[test]
    fn mechanisms_are_read_in_both_spellings() {
        let both = vec![Mechanism::Login, Mechanism::Plain];
        assert_eq!(read(&["AUTH LOGIN CRAM-MD5 PLAIN"]).mechanisms, both);
        assert_eq!(read(&["AUTH=LOGIN PLAIN"]).mechanisms, both);
        assert_eq!(read(&["AUTH xoauth2"]).mechanisms, [Mechanism::XOauth2]);
        assert_eq!(read(&["AUTH"]).mechanisms, []);
    }
}
