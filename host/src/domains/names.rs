//! Which names a customer may add.

use crate::accounts::SANDBOX_SUFFIX;
use crate::mail::address::DomainName;
use crate::mail::verp::BOUNCE_DOMAIN_BYTES_MAX;

/// Why a name is not taken.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum NameRefusal {
    /// It is no name, or none that mail can be sent from.
    Malformed(String),
    /// It is nobody's to add, with a word for programs.
    Refused {
        /// The word.
        code: &'static str,
        /// The same in a sentence.
        message: String,
    },
}

impl NameRefusal {
    /// The sentence.
    pub(crate) fn into_message(self) -> String {
        match self {
            Self::Malformed(message) | Self::Refused { message, .. } => message,
        }
    }
}

/// A name as it is kept: A-labels, short enough for a bounce address, none under which others register theirs, and none of
/// those that the service gives away.
pub(crate) fn check_name(name: &str) -> Result<String, NameRefusal> {
    let name = name.trim();
    let parsed = DomainName::parse(name).map_err(|error| NameRefusal::Malformed(format!("{name}: {error}")))?;
    let name = parsed.as_str();
    if name.len() > BOUNCE_DOMAIN_BYTES_MAX {
        let message = format!("{name} is too long: its bounce addresses leave {BOUNCE_DOMAIN_BYTES_MAX} bytes for it");
        return Err(NameRefusal::Malformed(message));
    }
    if is_within(name, SANDBOX_SUFFIX) {
        let message = format!("the service gives away the names in {SANDBOX_SUFFIX} itself, one to each customer");
        return Err(NameRefusal::Refused { code: "reserved_domain", message });
    }
    if psl::domain_str(name).is_none() {
        let message = format!(
            "{name} is a public suffix: others register their names under it, so it is nobody's to send from. Add a name \
             under it that is yours"
        );
        return Err(NameRefusal::Refused { code: "public_suffix", message });
    }
    Ok(name.to_owned())
}

/// Whether a name is this one or a part of it.
fn is_within(name: &str, whole: &str) -> bool {
    name.strip_suffix(whole).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// A name as people read it.
pub(crate) fn in_unicode(name: &str) -> String {
    let (unicode, good) = idna::domain_to_unicode(name);
    if good.is_ok() { unicode } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn takes(name: &str, kept: &str) {
        assert_eq!(check_name(name), Ok(kept.to_owned()));
    }

    #[track_caller]
    fn refuses(name: &str, wanted: &str, words: &str) {
        let (code, message) = match check_name(name).expect_err("it is refused") {
            NameRefusal::Malformed(message) => ("malformed", message),
            NameRefusal::Refused { code, message } => (code, message),
        };
        assert!(code == wanted && message.contains(words), "{code}: {message}");
    }

    #[test]
    fn names_of_customers_are_taken_in_any_script() {
        takes(" Acme.EXAMPLE ", "acme.example");
        takes("acme.co.uk", "acme.co.uk");
        takes("bücher.example", "xn--bcher-kva.example");
        takes("a.b.c.acme.com", "a.b.c.acme.com");
        takes("notsandbox.pillarbox.test", "notsandbox.pillarbox.test");
    }

    #[test]
    fn names_under_which_others_register_theirs_are_nobodys() {
        for name in ["co.uk", "github.io", "CO.JP", "公司.cn", "xn--55qx5d.cn", "city.kawasaki.jp"] {
            if name == "city.kawasaki.jp" {
                // An exception of the list: it is a city's own.
                takes(name, name);
                continue;
            }
            refuses(name, "public_suffix", "public suffix");
        }
    }

    #[test]
    fn what_is_no_name_is_malformed() {
        refuses("localhost", "malformed", "localhost");
        refuses("com", "malformed", "com");
        refuses("a b.example", "malformed", "a b.example");
        refuses("192.0.2.1", "malformed", "192.0.2.1");
        refuses("acme.example.", "malformed", "acme.example.");
    }

    #[test]
    fn the_service_gives_away_its_own_names() {
        refuses("sandbox.pillarbox.test", "reserved_domain", "gives away");
        refuses("b.sandbox.pillarbox.test", "reserved_domain", "gives away");
    }

    #[test]
    fn a_name_is_shown_as_people_read_it() {
        assert_eq!(in_unicode("xn--bcher-kva.example"), "bücher.example");
        assert_eq!(in_unicode("acme.example"), "acme.example");
        assert_eq!(in_unicode("xn--\u{ff}.example"), "xn--\u{ff}.example");
    }
}
