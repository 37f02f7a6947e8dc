//! HTML, read for its words.

/// The text of HTML, roughly: tags become blanks or line ends, scripts and styles vanish, the usual entities are
/// decoded.
pub(super) fn without_markup(html: &str) -> String {
    const BREAKS: &[&str] = &["br", "/p", "p", "/div", "/tr", "/h1", "/h2", "/li", "tr", "/td"];
    let mut text = String::with_capacity(html.len());
    let mut rest = html;
    while let Some((before, tag)) = rest.split_once('<') {
        text.push_str(before);
        let Some((tag, after)) = tag.split_once('>') else {
            rest = "";
            break;
        };
        let name = tag.split([' ', '\n', '\t']).next().unwrap_or_default().trim_end_matches('/').to_ascii_lowercase();
        let closing = match name.as_str() {
            "style" => Some("</style>"),
            "script" => Some("</script>"),
            _ => None,
        };
        rest = closing.map_or(after, |closing| after.split_once(closing).map_or("", |(_, behind)| behind));
        if BREAKS.contains(&name.as_str()) {
            text.push('\n');
        } else if tag.contains('@') {
            // An unescaped address in angle brackets.
            text.push_str(tag);
        }
    }
    text.push_str(rest);
    text.replace("&nbsp;", " ")
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#39;", "'")
        .replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stay_and_markup_goes() {
        let html =
            "<style>p { x }</style><p>Your mail to <ada@example.com><br>was &lt;not&gt;&nbsp;delivered</p><script>";
        assert_eq!(without_markup(html), "\nYour mail to ada@example.com\nwas <not> delivered\n");
        assert_eq!(without_markup("a < b"), "a ");
    }
}
