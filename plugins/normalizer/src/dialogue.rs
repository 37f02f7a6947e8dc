//! At which point of the SMTP dialogue a server refused.

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
    fn only_words_about_data_count() {
        assert!(is_after_data("said: 550\n User unknown (in reply to end of\n DATA command)"));
        assert!(is_after_data(">>> DATA\n<<< 550 Unknown user"));
        assert!(!is_after_data("said: 550 User unknown (in reply to RCPT TO command)"));
        assert!(!is_after_data(">>> DATA\n<<< 354 go on"));
    }
}
