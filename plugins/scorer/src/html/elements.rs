//! What the standard says of elements by their name.

/// Bytes of the longest tag name that is told apart by name.
pub(super) const NAME_BYTES_MAX: usize = 16;

/// The name in lower case; longer than any that matters, it is empty.
pub(super) fn lower<'b>(name: &str, buffer: &'b mut [u8; NAME_BYTES_MAX]) -> &'b str {
    let Some(part) = buffer.get_mut(..name.len()) else { return "" };
    part.copy_from_slice(name.as_bytes());
    part.make_ascii_lowercase();
    std::str::from_utf8(part).unwrap_or_default()
}

/// Elements that the start of `name` ends if one of them is the innermost: a list item ends a list item.
pub(super) fn ended_by(name: &str) -> &'static [&'static str] {
    match name {
        "li" => &["li"],
        "td" | "th" => &["td", "th"],
        "tr" => &["td", "th", "tr"],
        "option" => &["option"],
        "dt" | "dd" => &["dt", "dd"],
        "p" | "div" | "table" | "ul" | "ol" | "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => &["p"],
        _ => &[],
    }
}

/// What an element is, whatever it holds.
pub(super) struct Element {
    /// A line ends before and after it.
    pub(super) breaks_line: bool,
    /// It has no content and no end tag.
    pub(super) is_void: bool,
    /// Its end tag may be left out.
    pub(super) end_is_optional: bool,
}

/// Looks an element up by its name in lower case.
#[rustfmt::skip]
pub(super) fn element(name: &str) -> Element {
    let (breaks_line, is_void, end_is_optional) = match name {
        "body" | "dd" | "dt" | "li" | "option" | "p" | "tbody" | "td" | "tfoot" | "th" | "thead" | "tr" => {
            (true, false, true)
        }
        "article" | "aside" | "blockquote" | "center" | "div" | "dl" | "fieldset" | "figure" | "footer" | "form" | "h1"
        | "h2" | "h3" | "h4" | "h5" | "h6" | "header" | "main" | "nav" | "ol" | "pre" | "section" | "table" | "ul" => {
            (true, false, false)
        }
        "br" | "hr" => (true, true, false),
        "area" | "base" | "basefont" | "bgsound" | "col" | "embed" | "frame" | "img" | "input" | "keygen" | "link"
        | "meta" | "param" | "source" | "track" | "wbr" => (false, true, false),
        "colgroup" | "head" | "html" | "optgroup" => (false, false, true),
        _ => (false, false, false),
    };
    Element { breaks_line, is_void, end_is_optional }
}
