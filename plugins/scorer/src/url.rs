//! Addresses of links, read the way a browser reads them (WHATWG URL standard), as far as rules need it.

use std::borrow::Cow;
use std::ops::Range;

/// What kind of address it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    Http,
    Https,
    Mailto,
    /// `tel:`, `sms:` and the like.
    Phone,
    /// `javascript:` and `vbscript:`.
    Script,
    Data,
    /// Another scheme.
    Other,
    /// `#top`.
    Fragment,
    /// A merge tag that will become an address.
    MergeTag,
    /// No scheme and no host: it leads nowhere in a mail.
    Relative,
    Empty,
}

/// An address taken apart.
#[derive(Clone, Debug)]
pub(crate) struct Url<'m> {
    /// Without blanks at the ends, line breaks and tabs.
    pub(crate) text: Cow<'m, str>,
    pub(crate) scheme: Scheme,
    pub(crate) has_userinfo: bool,
    /// In lower case, with per cent escapes resolved. Empty when there is none.
    pub(crate) host: String,
    /// Whether the host was written with per cent escapes.
    pub(crate) host_is_escaped: bool,
    pub(crate) port: Option<u32>,
    /// Path, query and fragment within `text`.
    pub(crate) tail: Range<usize>,
}

impl<'m> Url<'m> {
    pub(crate) fn parse(text: Cow<'m, str>) -> Url<'m> {
        let text = cleaned(text);
        let (scheme, rest) = scheme(&text);
        let whole = text.len();
        let mut url = Url {
            text,
            scheme,
            has_userinfo: false,
            host: String::new(),
            host_is_escaped: false,
            port: None,
            tail: rest..whole,
        };
        if matches!(scheme, Scheme::Http | Scheme::Https) {
            url.read_authority(rest);
        }
        url
    }

    /// Whether it leads to a web page.
    pub(crate) fn is_web(&self) -> bool {
        matches!(self.scheme, Scheme::Http | Scheme::Https) && !self.host.is_empty()
    }

    pub(crate) fn tail(&self) -> &str {
        &self.text[self.tail.clone()]
    }

    fn read_authority(&mut self, from: usize) {
        let rest = &self.text[from..];
        let start = from + (rest.len() - rest.trim_start_matches(['/', '\\']).len());
        let rest = &self.text[start..];
        let end = start + rest.find(['/', '\\', '?', '#']).unwrap_or(rest.len());
        let authority = &self.text[start..end];
        let host_and_port = match authority.rsplit_once('@') {
            Some((_, host)) => {
                self.has_userinfo = true;
                host
            }
            None => authority,
        };
        let (host, port) = split_port(host_and_port);
        self.port = port;
        self.host_is_escaped = host.contains('%');
        self.host = unescaped(host).trim_end_matches('.').to_lowercase();
        self.tail = end..self.text.len();
    }
}

fn split_port(text: &str) -> (&str, Option<u32>) {
    match text.rsplit_once(':') {
        Some((host, port)) if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) => {
            (host, Some(port.parse().unwrap_or(u32::MAX)))
        }
        Some((host, "")) => (host, None),
        _ => (text, None),
    }
}

fn cleaned(text: Cow<'_, str>) -> Cow<'_, str> {
    let unwanted = ['\t', '\n', '\r'];
    let edge = |c: char| c <= ' ' || c == '\u{a0}';
    if text.contains(unwanted) {
        return Cow::Owned(text.replace(unwanted, "").trim_matches(edge).to_owned());
    }
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.trim_matches(edge)),
        Cow::Owned(text) => Cow::Owned(text.trim_matches(edge).to_owned()),
    }
}

/// The scheme and where what follows it begins.
fn scheme(text: &str) -> (Scheme, usize) {
    const MERGE_TAGS: [&str; 10] = ["{{", "{%", "*|", "[[", "%%", "<%", "${", "##", "{$", "@{"];
    if text.is_empty() {
        return (Scheme::Empty, 0);
    }
    if MERGE_TAGS.iter().any(|tag| text.starts_with(tag))
        || (text.starts_with(['{', '[', '%']) && !text.contains("://"))
    {
        return (Scheme::MergeTag, 0);
    }
    if text.starts_with('#') {
        return (Scheme::Fragment, 0);
    }
    if text.starts_with("//") {
        return (Scheme::Https, 0);
    }
    let is_scheme = |name: &str| {
        name.starts_with(|c: char| c.is_ascii_alphabetic())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
    };
    let Some((name, rest)) = text.split_once(':').filter(|(name, _)| is_scheme(name)) else {
        return (Scheme::Relative, 0);
    };
    let scheme = match name {
        name if name.eq_ignore_ascii_case("https") => Scheme::Https,
        name if name.eq_ignore_ascii_case("http") => Scheme::Http,
        name if name.eq_ignore_ascii_case("mailto") => Scheme::Mailto,
        name if ["tel", "sms", "callto", "whatsapp", "facetime"]
            .iter()
            .any(|phone| name.eq_ignore_ascii_case(phone)) =>
        {
            Scheme::Phone
        }
        name if name.eq_ignore_ascii_case("javascript") || name.eq_ignore_ascii_case("vbscript") => Scheme::Script,
        name if name.eq_ignore_ascii_case("data") => Scheme::Data,
        // `example.com:8080/x` is a host that someone forgot the scheme of.
        name if name.contains('.') => return (Scheme::Relative, 0),
        _ => Scheme::Other,
    };
    (scheme, text.len() - rest.len())
}

/// `text` with per cent escapes resolved; what is not UTF-8 afterwards is replaced.
pub(crate) fn unescaped(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let bytes = text.as_bytes();
    let mut resolved = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let digit = |place: usize| bytes.get(place).and_then(|byte| char::from(*byte).to_digit(16));
        match (bytes[at], digit(at + 1), digit(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                resolved.push(u8::try_from(high * 16 + low).unwrap_or(b'?'));
                at += 3;
            }
            (byte, ..) => {
                resolved.push(byte);
                at += 1;
            }
        }
    }
    Cow::Owned(String::from_utf8_lossy(&resolved).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_browsers_read_them() {
        check("https://Example.COM/a?b#c", Scheme::Https, "example.com", "/a?b#c");
        check(" http://example.com:8080 ", Scheme::Http, "example.com", "");
        check("http:\\\\example.com\\a", Scheme::Http, "example.com", "\\a");
        check("https://user:pass@example.com/", Scheme::Https, "example.com", "/");
        check("https://exa%6dple.com", Scheme::Https, "example.com", "");
        check("ht\ntps://exam\tple.com", Scheme::Https, "example.com", "");
        check("//example.com/a", Scheme::Https, "example.com", "/a");
        check("JavaScript:alert(1)", Scheme::Script, "", "alert(1)");
        check("{{ url }}", Scheme::MergeTag, "", "{{ url }}");
        check("example.com:8080/a", Scheme::Relative, "", "example.com:8080/a");
        check("", Scheme::Empty, "", "");
    }

    #[track_caller]
    fn check(text: &str, scheme: Scheme, host: &str, tail: &str) {
        let url = Url::parse(Cow::Borrowed(text));
        assert_eq!((url.scheme, url.host.as_str(), url.tail()), (scheme, host, tail));
    }
}
