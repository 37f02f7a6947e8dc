//! Mail addresses in fields and in free text.

/// Longest part of an address on either side of the `@`, in bytes (RFC 5321 section 4.5.3.1 has 64 and 255).
const SIDE_BYTES_MAX: usize = 256;

/// Local parts of servers and their keepers, in lower case. They report bounces and are not what bounced.
#[rustfmt::skip]
const SERVERS: &[&str] = &[
    "mailer-daemon", "mailerdaemon", "postmaster", "mail-daemon", "maildaemon", "mdaemon", "mailer_daemon",
    "mail_daemon", "daemon", "double-bounce", "mailer", "mailadmin", "mail-admin", "administrator", "mmdf", "system",
    "amavis", "microsoftexchange329e71ec88ae4615bbc36ab6ce41109e", "noreply-mail-delivery", "prodigy-mail-delivery",
];

/// The address in a field of a status or feedback report: without address type, angle brackets, display name,
/// comment and xtext (RFC 3461 section 4). `None` when no `@` is left.
pub(crate) fn in_field(value: &str) -> Option<String> {
    let value = match value.split_once(';') {
        Some((kind, address)) if !kind.contains('@') => address.trim(),
        _ => value.trim(),
    };
    let bare = match (value.rfind('<'), value.rfind('>')) {
        (Some(open), Some(close)) if open < close => &value[open + 1..close],
        (Some(open), None) => &value[open + 1..],
        _ => value.split(|c: char| c.is_whitespace()).find(|word| word.contains('@'))?,
    };
    let bare = bare.trim().trim_matches(|c| matches!(c, '\'' | '<' | '>' | ',' | ';')).trim();
    // Quotation marks around the whole address are decoration; around the local part they belong to it.
    let bare = bare.strip_prefix('"').and_then(|bare| bare.strip_suffix('"')).unwrap_or(bare);
    let bare = bare.strip_prefix("mailto:").unwrap_or(bare);
    let (local, domain) = bare.rsplit_once('@')?;
    let plausible = !local.is_empty()
        && !domain.is_empty()
        && local.len() <= SIDE_BYTES_MAX
        && domain.len() <= SIDE_BYTES_MAX
        && !domain.contains(|c: char| c.is_whitespace() || c.is_control());
    plausible.then(|| bare.replace("+2B", "+").replace("+3D", "="))
}

/// Every address of a list of them, as in To or Cc.
pub(crate) fn in_list(value: &str) -> Vec<String> {
    in_text(value).into_iter().map(|(_, address)| address.to_owned()).collect()
}

/// Every address in a text and where it begins. Quoted local parts are not recognized.
pub(crate) fn in_text(text: &str) -> Vec<(usize, &str)> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let mut behind = 0;
    for (at, _) in text.match_indices('@') {
        if at < behind {
            continue;
        }
        let local = bytes[behind..at].iter().rev().take(SIDE_BYTES_MAX).take_while(|&&byte| is_local(byte)).count();
        let domain = bytes[at + 1..].iter().take(SIDE_BYTES_MAX).take_while(|&&byte| is_domain(byte)).count();
        let start = at - local;
        // Punctuation around an address is no part of it.
        let start = start + text[start..at].bytes().take_while(|&byte| !is_word(byte)).count();
        let end = at + 1 + domain;
        let end = end - text[at + 1..end].bytes().rev().take_while(|&byte| !byte.is_ascii_alphanumeric()).count();
        if start < at && end > at + 1 {
            // X.400 names end in the address behind this.
            let start = start + text[start..at].find("SMTP=").map_or(0, |at| at + "SMTP=".len());
            found.push((start, &text[start..end]));
            behind = end;
        }
    }
    found
}

/// Whether an address belongs to a mail server or its keeper.
pub(crate) fn is_server(address: &str) -> bool {
    let local = address.split('@').next().unwrap_or_default().to_ascii_lowercase();
    SERVERS.contains(&local.as_str()) || local.starts_with("mailer-daemon") || local.starts_with("postmaster")
}

fn is_local(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~.".contains(&byte)
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_+#$%&~{^".contains(&byte)
}

fn is_domain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_field(value: &str, expected: Option<&str>) {
        assert_eq!(in_field(value).as_deref(), expected, "{value}");
    }

    #[test]
    fn a_field_gives_the_bare_address() {
        check_field("rfc822; ada@example.com", Some("ada@example.com"));
        check_field("RFC822;<ada@example.com>", Some("ada@example.com"));
        check_field("utf-8; ада@example.com", Some("ада@example.com"));
        check_field("rfc822;ada+2Bnews@example.com", Some("ada+news@example.com"));
        check_field("\"Ada, L.\" <ada@example.com>", Some("ada@example.com"));
        check_field("ada@example.com (Ada)", Some("ada@example.com"));
        check_field("rfc822;\"a..b\"@example.com", Some("\"a..b\"@example.com"));
        check_field("\"ada@example.com\"", Some("ada@example.com"));
        check_field("rfc822;ada", None);
        check_field("", None);
        check_field("<>", None);
        check_field(">@<", None);
        check_field("@", None);
    }

    #[test]
    fn a_text_gives_every_address() {
        let found = |text| in_list(text).join(" ");
        assert_eq!(found("<ada@example.com>: no; write to Bob.B@b.example."), "ada@example.com Bob.B@b.example");
        assert_eq!(found("'ada@example.com'..."), "ada@example.com");
        assert_eq!(found("mailto:ada@example.com"), "ada@example.com");
        assert_eq!(found("c=US;dda:SMTP=ada@example.com; on Fri"), "ada@example.com");
        assert_eq!(found("@@@ a@ @b"), "");
        assert_eq!(found("a@b@c"), "a@b");
        assert_eq!(found("宛先ada@example.comです"), "ada@example.com");
    }

    #[test]
    fn a_side_has_an_end() {
        let longest = format!("{}@example.com", "a".repeat(SIDE_BYTES_MAX));
        assert_eq!(in_field(&longest), Some(longest.clone()));
        assert_eq!(in_field(&format!("a{longest}")), None);
    }
}
