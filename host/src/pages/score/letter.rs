//! The message as it was judged, with a numbered mark wherever a finding points. Everything is text here, the html too.

use std::ops::Range;

use super::Shown;
use crate::mail::parsed::ParsedMessage;
use crate::mail::pieces::{Piece, Place, pieces};
use crate::pages::{Escaped, cut, put};

/// Bytes of the text, and of the html, that are shown.
pub(super) const TEXT_SHOWN_BYTES_MAX: usize = 64 * 1024;
/// Bytes of an address, a subject, a header's value or a file's name that are shown.
pub(super) const VALUE_SHOWN_BYTES_MAX: usize = 2 * 1024;
/// Recipients that are shown.
const RECIPIENTS_SHOWN_MAX: usize = 20;
/// Headers that are shown.
const HEADERS_SHOWN_MAX: usize = 100;
/// Files that are shown.
const FILES_SHOWN_MAX: usize = 50;

/// A place in a text, with the number of the finding that points at it.
type Mark = (usize, Range<usize>);

/// As much of a piece as is shown; `None` for one that is left out.
fn part_shown<'m>(piece: &Piece<'m>) -> Option<&'m str> {
    let bytes_max = match piece.part {
        "text" | "html" => TEXT_SHOWN_BYTES_MAX,
        "to" if piece.index >= RECIPIENTS_SHOWN_MAX => return None,
        "headers" if piece.index >= HEADERS_SHOWN_MAX => return None,
        "attachments" if piece.index >= FILES_SHOWN_MAX => return None,
        _ => VALUE_SHOWN_BYTES_MAX,
    };
    Some(cut(piece.text, bytes_max))
}

/// Whether a place has its mark on the page.
pub(super) fn shows(place: &Place<'_>) -> bool {
    let is_whole = |shown: &str| shown.len() == place.piece.text.len();
    part_shown(&place.piece).is_some_and(|shown| place.span.start < shown.len() || is_whole(shown))
}

/// The message: who and what about, its text, the source of its html, its headers and its files.
pub(super) fn put(body: &mut String, shown: &Shown<'_>, message: &ParsedMessage) {
    body.push_str("<section aria-labelledby=\"letter\"><h2 id=\"letter\">The message</h2><dl class=\"facts marked\">");
    for (part, title) in [("from", "From"), ("reply-to", "Reply-To"), ("to", "To"), ("subject", "Subject")] {
        put_facts(body, shown, message, part, title);
    }
    body.push_str("</dl>");
    for (part, title) in [("text", "Text"), ("html", "Source of the html")] {
        for piece in pieces(message).filter(|piece| piece.part == part) {
            put_source(body, shown, &piece, title);
        }
    }
    put_headers(body, shown, message);
    put_files(body, shown, message);
    body.push_str("</section>");
}

fn put_facts(body: &mut String, shown: &Shown<'_>, message: &ParsedMessage, part: &str, title: &str) {
    let mut pieces = pieces(message).filter(|piece| piece.part == part).peekable();
    if pieces.peek().is_none() {
        return;
    }
    put!(body, "<div><dt>{title}</dt><dd>");
    let mut left_out = 0;
    for piece in pieces {
        let Some(text) = part_shown(&piece) else {
            left_out += 1;
            continue;
        };
        if piece.index > 0 {
            body.push_str("<br>");
        }
        if !piece.name.is_empty() {
            put!(body, "{} ", Escaped(cut(piece.name, VALUE_SHOWN_BYTES_MAX)));
        }
        put_marked(body, text, &marks(shown, &piece));
        put_cut(body, text, piece.text);
    }
    if left_out > 0 {
        put!(body, "<br><span class=\"quiet\">and {left_out} more</span>");
    }
    body.push_str("</dd></div>");
}

fn put_source(body: &mut String, shown: &Shown<'_>, piece: &Piece<'_>, title: &str) {
    let Some(text) = part_shown(piece) else { return };
    put!(body, "<h3>{title}</h3><pre class=\"letter marked\" tabindex=\"0\" role=\"group\" aria-label=\"{title}\">");
    put_marked(body, text, &marks(shown, piece));
    body.push_str("</pre>");
    if text.len() < piece.text.len() {
        put!(body, "<p class=\"quiet\">These are the first {} of {} bytes.</p>", text.len(), piece.text.len());
    }
}

fn put_headers(body: &mut String, shown: &Shown<'_>, message: &ParsedMessage) {
    let has_marks = shown.places.iter().flatten().any(|place| place.piece.part == "headers");
    let open = if has_marks { " open" } else { "" };
    let count = message.headers.len();
    put!(
        body,
        "<h3>Headers</h3><details class=\"headers\"{open}><summary>All {count} headers</summary><dl class=\"facts marked\">"
    );
    for piece in pieces(message).filter(|piece| piece.part == "headers") {
        let Some(text) = part_shown(&piece) else { break };
        put!(body, "<div><dt>{}</dt><dd>", Escaped(cut(piece.name, VALUE_SHOWN_BYTES_MAX)));
        put_marked(body, text, &marks(shown, &piece));
        put_cut(body, text, piece.text);
        body.push_str("</dd></div>");
    }
    body.push_str("</dl>");
    if count > HEADERS_SHOWN_MAX {
        put!(body, "<p class=\"quiet\">These are the first {HEADERS_SHOWN_MAX} of them.</p>");
    }
    body.push_str("</details>");
}

fn put_files(body: &mut String, shown: &Shown<'_>, message: &ParsedMessage) {
    if message.attachments.is_empty() {
        return;
    }
    body.push_str("<h3>Files</h3><ul class=\"files marked\">");
    let files = pieces(message).filter(|piece| piece.part == "attachments").zip(&message.attachments);
    for (piece, file) in files {
        let Some(name) = part_shown(&piece) else { break };
        body.push_str("<li><span>");
        put_marked(body, name, &marks(shown, &piece));
        put_cut(body, name, piece.text);
        if name.is_empty() {
            body.push_str("<i>(no name)</i>");
        }
        let kind = Escaped(cut(&file.content_type, VALUE_SHOWN_BYTES_MAX));
        put!(body, "</span><span class=\"quiet\">{kind}, {} bytes</span></li>", file.size);
    }
    body.push_str("</ul>");
    if message.attachments.len() > FILES_SHOWN_MAX {
        put!(body, "<p class=\"quiet\">These are the first {FILES_SHOWN_MAX} of {}.</p>", message.attachments.len());
    }
}

fn put_cut(body: &mut String, shown: &str, whole: &str) {
    if shown.len() < whole.len() {
        put!(body, "<span class=\"quiet\">… ({} bytes)</span>", whole.len());
    }
}

/// Those that are shown of a piece.
fn marks(shown: &Shown<'_>, piece: &Piece<'_>) -> Vec<Mark> {
    let of_piece = shown.numbered().filter_map(|(number, _, place)| {
        let place = place.filter(|place| place.piece.part == piece.part && place.piece.index == piece.index)?;
        shows(place).then(|| (number, place.span.clone()))
    });
    of_piece.collect()
}

/// Appends text with its marks: what any finding points at is marked once, however many overlap, and each finding has its
/// number where its place begins. The spans are on boundaries of characters; what they have behind the text is left out.
fn put_marked(body: &mut String, text: &str, marks: &[Mark]) {
    let mut marks = marks.to_vec();
    marks.sort_by_key(|(number, span)| (span.start, *number));
    let (mut at, mut marked_to) = (0, None);
    for (number, span) in marks {
        let span = span.start.min(text.len())..span.end.min(text.len());
        if let Some(end) = marked_to.filter(|end| *end <= span.start) {
            put!(body, "{}</mark>", Escaped(&text[at..end]));
            (at, marked_to) = (end, None);
        }
        put!(body, "{}", Escaped(&text[at..span.start]));
        at = span.start;
        if marked_to.is_none() && !span.is_empty() {
            body.push_str("<mark>");
        }
        if !span.is_empty() {
            marked_to = Some(marked_to.unwrap_or(0).max(span.end));
        }
        put!(
            body,
            "<a class=\"pin\" id=\"place-{number}\" href=\"#finding-{number}\" aria-label=\"Finding {number}\">{number}</a>"
        );
    }
    if let Some(end) = marked_to {
        put!(body, "{}</mark>", Escaped(&text[at..end]));
        at = end;
    }
    put!(body, "{}", Escaped(&text[at..]));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn becomes(text: &str, marks: &[Mark], expected: &str) {
        let mut body = String::new();
        put_marked(&mut body, text, marks);
        for (number, _) in marks {
            let pin = format!(
                "<a class=\"pin\" id=\"place-{number}\" href=\"#finding-{number}\" aria-label=\"Finding {number}\">{number}</a>"
            );
            body = body.replace(&pin, &format!("[{number}]"));
        }
        assert_eq!(body, expected);
    }

    #[test]
    fn marks_may_overlap_touch_nest_and_be_empty() {
        becomes("abc", &[], "abc");
        becomes("a<b>c", &[(1, 1..4)], "a<mark>[1]&lt;b&gt;</mark>c");
        becomes("abcdef", &[(2, 4..5), (1, 1..3)], "a<mark>[1]bc</mark>d<mark>[2]e</mark>f");
        becomes("abcdef", &[(1, 1..4), (2, 2..6)], "a<mark>[1]b[2]cdef</mark>");
        becomes("abcdef", &[(1, 0..6), (2, 2..3)], "<mark>[1]ab[2]cdef</mark>");
        becomes("abcd", &[(1, 0..2), (2, 2..4)], "<mark>[1]ab</mark><mark>[2]cd</mark>");
        becomes("ab", &[(3, 0..1), (1, 0..1)], "<mark>[1][3]a</mark>b");
        becomes("ab", &[(1, 1..1), (2, 2..2)], "a[1]b[2]");
        becomes("abc", &[(1, 0..2), (2, 1..1)], "<mark>[1]a[2]b</mark>c");
    }

    #[test]
    fn a_mark_ends_with_what_is_shown() {
        becomes("ab", &[(1, 1..9), (2, 5..9)], "a<mark>[1]b</mark>[2]");
        becomes("", &[(1, 0..9)], "[1]");
    }
}
