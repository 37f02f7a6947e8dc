//! The little of Markdown that descriptions in our own API document use: paragraphs, headings, lists, tables, fenced
//! code, and in a line `code`, **bold**, *emphasis* and links. Everything else is shown as the text it is; HTML is
//! never passed through.

use super::{Escaped, put};

/// The longest text of a link, and the longest address: what follows an open bracket is searched no further.
const LINK_BYTES_MAX: usize = 500;

/// Writes text of several blocks. A heading of one `#` has the level `heading`, and so on down to `<h6>`; none is an
/// `<h1>`, which is the page's own.
pub(super) fn put_blocks(out: &mut String, text: &str, heading: usize) {
    put_blocks_with_anchors(out, text, heading, &mut |_| None);
}

/// The same, with the anchor on each heading that `anchor` has for its text.
pub(super) fn put_blocks_with_anchors(
    out: &mut String,
    text: &str,
    heading: usize,
    anchor: &mut dyn FnMut(&str) -> Option<String>,
) {
    let mut lines = text.lines().map(str::trim_end).peekable();
    while let Some(line) = lines.next() {
        let start = line.trim_start();
        if start.is_empty() {
            continue;
        }
        if let Some(level) = heading_level(start) {
            let level_shown = (heading + level - 1).clamp(2, 6);
            let title = start[level..].trim();
            match anchor(title) {
                Some(anchor) => put!(out, "<h{level_shown} id=\"{}\">", Escaped(&anchor)),
                None => put!(out, "<h{level_shown}>"),
            }
            put_inline(out, title);
            put!(out, "</h{level_shown}>");
        } else if start.starts_with("```") {
            let code: Vec<_> = lines.by_ref().take_while(|line| line.trim() != "```").collect();
            put!(out, "<pre tabindex=\"0\"><code>{}</code></pre>", Escaped(&code.join("\n")));
        } else if start.starts_with('|') {
            let mut rows = vec![start];
            while let Some(row) = lines.next_if(|line| line.trim_start().starts_with('|')) {
                rows.push(row.trim());
            }
            put_table(out, &rows);
        } else if let Some((first, ordered)) = list_item(start) {
            let mut items = vec![first.to_owned()];
            while let Some(line) = lines.next_if(|line| !line.trim().is_empty()) {
                match (list_item(line.trim_start()), items.last_mut()) {
                    (Some((item, _)), _) => items.push(item.to_owned()),
                    (None, Some(item)) => {
                        item.push(' ');
                        item.push_str(line.trim());
                    }
                    (None, None) => {}
                }
            }
            put_list(out, &items, ordered);
        } else {
            let mut paragraph = start.to_owned();
            while let Some(line) = lines.next_if(|line| continues_paragraph(line.trim_start())) {
                paragraph.push(' ');
                paragraph.push_str(line.trim());
            }
            out.push_str("<p>");
            put_inline(out, &paragraph);
            out.push_str("</p>");
        }
    }
}

/// Writes text of one line.
pub(super) fn put_inline(out: &mut String, text: &str) {
    let mut rest = text;
    while let Some(at) = rest.find(['`', '*', '[']) {
        put!(out, "{}", Escaped(&rest[..at]));
        rest = &rest[at..];
        let used = put_code(out, rest).or_else(|| put_strong(out, rest)).or_else(|| put_link(out, rest));
        rest = if let Some(used) = used {
            &rest[used..]
        } else {
            out.push_str(&rest[..1]);
            &rest[1..]
        };
    }
    put!(out, "{}", Escaped(rest));
}

/// What stands before the closing mark, which is at most [`LINK_BYTES_MAX`] away.
fn until<'t>(text: &'t str, mark: &str) -> Option<&'t str> {
    let near = super::cut(text, LINK_BYTES_MAX);
    near.find(mark).map(|end| &near[..end]).filter(|inside| !inside.trim().is_empty())
}

fn put_code(out: &mut String, text: &str) -> Option<usize> {
    let code = until(text.strip_prefix('`')?, "`")?;
    put!(out, "<code>{}</code>", Escaped(code));
    Some(code.len() + 2)
}

fn put_strong(out: &mut String, text: &str) -> Option<usize> {
    let (mark, name) = if text.starts_with("**") { ("**", "strong") } else { ("*", "em") };
    let inside = until(text.strip_prefix(mark)?, mark)?;
    // An asterisk between spaces multiplies.
    if inside.starts_with(' ') || inside.contains('*') {
        return None;
    }
    put!(out, "<{name}>");
    let mut pieces = inside.split('`').peekable();
    let mut is_code = false;
    while let Some(piece) = pieces.next() {
        match (is_code, pieces.peek()) {
            (true, Some(_)) => put!(out, "<code>{}</code>", Escaped(piece)),
            (true, None) => put!(out, "`{}", Escaped(piece)),
            (false, _) => put!(out, "{}", Escaped(piece)),
        }
        is_code = !is_code;
    }
    put!(out, "</{name}>");
    Some(inside.len() + 2 * mark.len())
}

fn put_link(out: &mut String, text: &str) -> Option<usize> {
    let label = until(text.strip_prefix('[')?, "](")?;
    let address = until(&text[label.len() + 3..], ")")?;
    let leads_somewhere = ["https://", "http://", "mailto:", "#", "/"].iter().any(|start| address.starts_with(start));
    if !leads_somewhere || label.contains('[') {
        return None;
    }
    put!(out, "<a href=\"{}\">{}</a>", Escaped(address), Escaped(label));
    Some(label.len() + address.len() + 4)
}

fn heading_level(line: &str) -> Option<usize> {
    let level = line.bytes().take_while(|byte| *byte == b'#').count();
    ((1..=6).contains(&level) && line[level..].starts_with(' ')).then_some(level)
}

/// The text of a list's item, and whether the list is a numbered one.
fn list_item(line: &str) -> Option<(&str, bool)> {
    if let Some(item) = line.strip_prefix("- ").or_else(|| line.strip_prefix("* ")) {
        return Some((item, false));
    }
    let (number, item) = line.split_once(". ")?;
    (!number.is_empty() && number.len() <= 3 && number.bytes().all(|byte| byte.is_ascii_digit()))
        .then_some((item, true))
}

fn continues_paragraph(line: &str) -> bool {
    !line.is_empty()
        && !line.starts_with("```")
        && !line.starts_with('|')
        && heading_level(line).is_none()
        && list_item(line).is_none()
}

fn put_list(out: &mut String, items: &[String], ordered: bool) {
    let name = if ordered { "ol" } else { "ul" };
    put!(out, "<{name}>");
    for item in items {
        out.push_str("<li>");
        put_inline(out, item);
        out.push_str("</li>");
    }
    put!(out, "</{name}>");
}

/// The first row is the heading when a row of dashes follows it.
fn put_table(out: &mut String, rows: &[&str]) {
    let is_rule = |row: &str| row.contains('-') && row.bytes().all(|byte| matches!(byte, b'|' | b'-' | b':' | b' '));
    let headed = rows.get(1).is_some_and(|row| is_rule(row));
    out.push_str("<div class=\"wide\" tabindex=\"0\" role=\"group\" aria-label=\"Table\"><table>");
    for (index, row) in rows.iter().enumerate() {
        if headed && index == 1 {
            continue;
        }
        let cell = if headed && index == 0 { "th" } else { "td" };
        out.push_str("<tr>");
        for text in row.trim_matches('|').split('|') {
            put!(out, "<{cell}>");
            put_inline(out, text.trim());
            put!(out, "</{cell}>");
        }
        out.push_str("</tr>");
    }
    out.push_str("</table></div>");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn inline(text: &str, expected: &str) {
        let mut out = String::new();
        put_inline(&mut out, text);
        assert_eq!(out, expected, "{text}");
    }

    #[track_caller]
    fn blocks(text: &str, expected: &str) {
        let mut out = String::new();
        put_blocks(&mut out, text, 2);
        assert_eq!(out, expected, "{text}");
    }

    #[test]
    fn a_line_has_code_strength_and_links() {
        inline("a `b<c` **d `e`** *f*", "a <code>b&lt;c</code> <strong>d <code>e</code></strong> <em>f</em>");
        inline(
            "[the \"site\"](https://a.example/?b&c)",
            "<a href=\"https://a.example/?b&amp;c\">the &quot;site&quot;</a>",
        );
        inline("[here](#errors)", "<a href=\"#errors\">here</a>");
    }

    #[test]
    fn what_is_not_closed_is_text() {
        for text in ["`", "a ` b", "**a", "2 * 3 * 4", "* *", "[a]", "[a](", "[a](b", "****", "``", "é`é*é["] {
            inline(text, text);
        }
    }

    #[test]
    fn html_and_strange_links_stay_text() {
        inline("<b>x</b> &amp;", "&lt;b&gt;x&lt;/b&gt; &amp;amp;");
        inline("[x](javascript:alert`1`)", "[x](javascript:alert<code>1</code>)");
        inline("[x](/a\" onclick='b)", "<a href=\"/a&quot; onclick=&#39;b\">x</a>");
    }

    #[test]
    fn blocks_are_told_apart() {
        blocks("one\ntwo\n\nthree", "<p>one two</p><p>three</p>");
        blocks("# A\ntext\n## `B`\n###### C", "<h2>A</h2><p>text</p><h3><code>B</code></h3><h6>C</h6>");
        blocks("- a\n  b\n- c\n\n1. d\n2. e", "<ul><li>a b</li><li>c</li></ul><ol><li>d</li><li>e</li></ol>");
        blocks(
            "x\n```json\n{\"a\": 1}\n\n```\ny",
            "<p>x</p><pre tabindex=\"0\"><code>{&quot;a&quot;: 1}\n</code></pre><p>y</p>",
        );
        blocks("```\nnever closed", "<pre tabindex=\"0\"><code>never closed</code></pre>");
        blocks(
            "| a | b |\n|---|---|\n| `c` | d |",
            "<div class=\"wide\" tabindex=\"0\" role=\"group\" aria-label=\"Table\"><table><tr><th>a</th><th>b</th></tr>\
             <tr><td><code>c</code></td><td>d</td></tr></table></div>",
        );
        blocks("#tag\n", "<p>#tag</p>");
        blocks(" \n\n", "");
    }

    #[test]
    fn unclosed_marks_take_linear_time() {
        for mark in ["[", "`[", "**a", "*", "[a](", "**`"] {
            let text = mark.repeat(300_000);
            let mut out = String::new();
            put_blocks(&mut out, &text, 2);
            assert!(out.len() >= text.len() / 2);
        }
    }
}
