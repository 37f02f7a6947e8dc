//! At which point of the SMTP dialogue a server refused, and who is known to refuse under a false name.

/// Words that say that it was after the recipient had been accepted, in lower case and with single blanks.
const AFTER_DATA: &[&str] = &[
    "in reply to end of data",
    "in reply to data",
    "after end of data",
    "after sending data",
    "after data",
    "end of message",
    ">>> data <<< 5",
    ">>> . <<< 5",
    "smtp command data",
    "(state 17)",
    "(state 18)",
];

/// Domains of mobile carriers that call a recipient unknown also when their customer's filter refuses the mail.
const CARRIERS: &[&str] = &["docomo.ne.jp"];

/// Whether a host or an address is of a carrier that hides its customers' filters.
pub(crate) fn is_carrier(host_or_address: &str) -> bool {
    let end = host_or_address.split([' ', '(']).next().unwrap_or_default().trim_end_matches('.').to_ascii_lowercase();
    CARRIERS.iter().any(|carrier| {
        end.strip_suffix(carrier).is_some_and(|before| before.is_empty() || before.ends_with(['.', '@']))
    })
}

/// Whether a text tells that the refusal came after DATA.
///
/// A server that accepts a recipient and then calls it unknown is hiding a filter behind that word: mobile
/// carriers do so for mail their customers block. The address may well work for others.
pub(crate) fn is_after_data(text: &str) -> bool {
    let mut plain = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        plain.push_str(&word.to_ascii_lowercase());
        plain.push(' ');
    }
    AFTER_DATA.iter().any(|mark| plain.contains(mark))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_carrier_is_told_by_its_domain() {
        for of_one in ["ada@docomo.ne.jp", "mfsmax.docomo.ne.jp. (192.0.2.1)", "docomo.ne.jp"] {
            assert!(is_carrier(of_one), "{of_one}");
        }
        for of_none in ["xdocomo.ne.jp", "docomo.ne.jp.example", ""] {
            assert!(!is_carrier(of_none), "{of_none}");
        }
    }

    #[test]
    fn only_words_about_data_count() {
        assert!(is_after_data("said: 550\n User unknown (in reply to end of\n DATA command)"));
        assert!(is_after_data(">>> DATA\n<<< 550 Unknown user"));
        assert!(!is_after_data("said: 550 User unknown (in reply to RCPT TO command)"));
        assert!(!is_after_data(">>> DATA\n<<< 354 go on"));
    }
}
