//! What a client says when it signs in: PLAIN (RFC 4616) and LOGIN, in base64 (RFC 4954).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

/// What LOGIN asks for, as every client expects it.
pub(super) const ASK_USER: &str = "VXNlcm5hbWU6";
pub(super) const ASK_PASSWORD: &str = "UGFzc3dvcmQ6";

/// A name and a password that somebody gave.
pub(super) struct Credentials {
    pub(super) user: String,
    pub(super) password: String,
}

/// PLAIN: whom to act as, who one is, and the password, with zero bytes between. Nobody may act as somebody else.
pub(super) fn plain(response: &str) -> Option<Credentials> {
    let decoded = decode(response)?;
    let mut parts = decoded.split('\0');
    let (acting_as, user, password) = (parts.next()?, parts.next()?, parts.next()?);
    let own = acting_as.is_empty() || acting_as.eq_ignore_ascii_case(user);
    let whole = parts.next().is_none() && !user.is_empty() && !password.is_empty();
    (own && whole).then(|| Credentials { user: user.to_owned(), password: password.to_owned() })
}

/// One answer of LOGIN.
pub(super) fn decode(response: &str) -> Option<String> {
    // A lone equals sign is an answer without bytes (RFC 4954 section 4).
    let response = if response == "=" { "" } else { response };
    String::from_utf8(BASE64.decode(response).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<(&str, &str)>) {
        let given = plain(&BASE64.encode(text));
        let given = given.as_ref().map(|given| (given.user.as_str(), given.password.as_str()));
        assert_eq!(given, expected, "{text:?}");
    }

    #[test]
    fn plain_has_three_parts() {
        check("\0ada@example.org\0secret", Some(("ada@example.org", "secret")));
        check("Ada@example.org\0ada@example.org\0secret", Some(("ada@example.org", "secret")));
        check("eve\0ada@example.org\0secret", None);
        check("\0ada@example.org\0", None);
        check("\0\0secret", None);
        check("ada@example.org\0secret", None);
        check("\0ada@example.org\0secret\0more", None);
        check("", None);
    }

    #[test]
    fn what_is_no_base64_or_no_text_is_nothing() {
        for response in ["AGFkYQBi*", "AGFkYQBi=", "not base64", "AP//AGI="] {
            assert!(plain(response).is_none(), "{response}");
        }
        assert_eq!(decode("="), Some(String::new()));
        assert_eq!(decode("YWRh").as_deref(), Some("ada"));
        assert_eq!(decode("YWRh\u{e9}"), None);
        assert_eq!(
            (decode(ASK_USER).as_deref(), decode(ASK_PASSWORD).as_deref()),
            (Some("Username:"), Some("Password:"))
        );
    }
}
