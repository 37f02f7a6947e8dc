//! A captured email's html, made ready for the frame that shows it.

use std::cell::Cell;
use std::collections::HashMap;

use lol_html::html_content::{ContentType, Element};
use lol_html::{HtmlRewriter, MemorySettings, Settings, element, text};

/// The policy of [`html_document`], to be sent with it. The document gets an origin of its own and runs nothing. Images
/// come from this service or from the document itself: were remote ones fetched, looking at the mailbox would count as
/// an open. A link leads to a new window, which is an ordinary one.
pub const FRAME_POLICY: &str = "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; \
     img-src 'self' data:; style-src 'unsafe-inline'; font-src data:; base-uri 'none'; form-action 'none'; \
     frame-ancestors 'self'";

/// What the parser may hold: open elements, and a tag or comment that is not closed.
const PARSER_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Attributes that hold one address.
const ADDRESSES: &[&str] = &["src", "background", "poster", "href", "xlink:href"];
/// Attributes that hold addresses among other things.
const WITH_ADDRESSES: &[&str] = &["style", "srcset"];

/// Makes links open in a window of their own, where a link does not say so itself.
const BASE: &str = "<base target=\"_blank\">";

/// The email's html with its `cid:` references (RFC 2392) pointed at `/mailbox/{id}/attachments/{index}` and its links
/// at new windows that are not told where they were opened from. Each attachment is its index and its `Content-ID`.
/// Html that nests too deeply to be read is returned as it is, with links to new windows only.
pub fn html_document(html: &str, id: &str, attachments: &[(usize, String)]) -> String {
    let images = Images::new(id, attachments);
    rewrite(html, &images).unwrap_or_else(|| format!("{BASE}{html}"))
}

fn rewrite(html: &str, images: &Images) -> Option<String> {
    let has_base = Cell::new(false);
    let on_element = |element: &mut Element| {
        // Behind the doctype, whose absence changes how everything is shown, and before anything that can be a link.
        if !has_base.get() && element.tag_name() != "html" {
            has_base.set(true);
            match element.tag_name().as_str() {
                "head" => element.prepend(BASE, ContentType::Html),
                _ => element.before(BASE, ContentType::Html),
            }
        }
        point_at_images(element, images)?;
        if matches!(element.tag_name().as_str(), "a" | "area") {
            open_apart(element)?;
        }
        Ok(())
    };
    let settings = Settings::new()
        .append_element_content_handler(element!("*", on_element))
        .append_element_content_handler(text!("style", |style| {
            if let Some(pointed) = images.within(style.as_str()) {
                style.replace(&pointed, ContentType::Html);
            }
            Ok(())
        }))
        .with_memory_settings(MemorySettings::new().with_max_allowed_memory_usage(PARSER_BYTES_MAX))
        .with_strict(false);
    let mut written = Vec::with_capacity(html.len() + html.len() / 8);
    let mut rewriter = HtmlRewriter::new(settings, |piece: &[u8]| written.extend_from_slice(piece));
    rewriter.write(html.as_bytes()).and_then(|()| rewriter.end()).ok()?;
    String::from_utf8(written).ok()
}

type Rewritten = Result<(), lol_html::errors::AttributeNameError>;

fn point_at_images(element: &mut Element, images: &Images) -> Rewritten {
    if images.0.is_empty() {
        return Ok(());
    }
    for name in ADDRESSES {
        if let Some(path) = element.get_attribute(name).and_then(|value| images.address(&value)) {
            element.set_attribute(name, &path)?;
        }
    }
    for name in WITH_ADDRESSES {
        if let Some(value) = element.get_attribute(name).and_then(|value| images.within(&value)) {
            element.set_attribute(name, &value)?;
        }
    }
    Ok(())
}

fn open_apart(link: &mut Element) -> Rewritten {
    let Some(href) = link.get_attribute("href") else { return Ok(()) };
    if href.trim_start().starts_with('#') {
        return link.set_attribute("target", "_self");
    }
    link.set_attribute("target", "_blank")?;
    link.set_attribute("rel", "noreferrer")
}

/// Where each `Content-ID` of the email is to be found.
struct Images(HashMap<String, String>);

impl Images {
    /// Of two attachments with the same id, the first counts.
    fn new(id: &str, attachments: &[(usize, String)]) -> Self {
        let mut images = HashMap::new();
        for (index, content_id) in attachments {
            let content_id = content_id.trim().trim_start_matches('<').trim_end_matches('>');
            if !content_id.is_empty() {
                let path = || format!("/mailbox/{}/attachments/{index}", super::Escaped(id));
                images.entry(content_id.to_owned()).or_insert_with(path);
            }
        }
        Self(images)
    }

    /// Where an attribute's value leads, when that is one of the images.
    fn address(&self, value: &str) -> Option<String> {
        let value = value.trim();
        let scheme = value.get(..4).filter(|scheme| scheme.eq_ignore_ascii_case("cid:"))?;
        self.0.get(&percent_decoded(&value[scheme.len()..])).cloned()
    }

    /// Text with every reference in it replaced; `None` when there is none.
    fn within(&self, text: &str) -> Option<String> {
        let bytes = text.as_bytes();
        let mut pointed: Option<String> = None;
        let mut copied = 0;
        let mut at = 0;
        while let Some(colon) = text[at..].find(':').map(|offset| at + offset) {
            at = colon + 1;
            let Some(start) = colon.checked_sub(3).filter(|start| *start >= copied) else { continue };
            if !bytes[start..colon].eq_ignore_ascii_case(b"cid") {
                continue;
            }
            let end = text[at..].find(is_end_of_address).map_or(text.len(), |offset| at + offset);
            if let Some(path) = self.0.get(&percent_decoded(&text[at..end])) {
                let pointed = pointed.get_or_insert_default();
                pointed.push_str(&text[copied..start]);
                pointed.push_str(path);
                copied = end;
            }
            at = end;
        }
        pointed.map(|pointed| pointed + &text[copied..])
    }
}

/// Whether an address in a style or a `srcset` ends before this. `&` begins a quotation mark written as a reference.
fn is_end_of_address(character: char) -> bool {
    character.is_whitespace() || matches!(character, '"' | '\'' | '(' | ')' | ',' | ';' | '&' | '<')
}

fn percent_decoded(text: &str) -> String {
    let digit = |byte: Option<&u8>| byte.and_then(|byte| char::from(*byte).to_digit(16));
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        match (first, digit(after.first()), digit(after.get(1))) {
            (b'%', Some(high), Some(low)) => {
                decoded.push(u8::try_from(high * 16 + low).unwrap_or(b'%'));
                rest = &after[2..];
            }
            _ => decoded.push(*first),
        }
    }
    String::from_utf8(decoded).unwrap_or_else(|_| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(html: &str) -> String {
        html_document(html, "7", &[(0, "logo".into()), (2, "<a b@mail>".into()), (3, "logo".into()), (4, " ".into())])
    }

    #[track_caller]
    fn becomes(html: &str, expected: &str) {
        assert_eq!(document(html), format!("{BASE}{expected}"));
    }

    #[test]
    fn images_of_the_email_are_found() {
        becomes("<img src=\"cid:logo\" alt='x'>", "<img src=\"/mailbox/7/attachments/0\" alt='x'>");
        becomes("<img src=CID:logo>", "<img src=\"/mailbox/7/attachments/0\">");
        becomes("<img src=' cid:a%20b%40mail '>", "<img src=\"/mailbox/7/attachments/2\">");
        becomes("<td background='cid:logo'></td>", "<td background=\"/mailbox/7/attachments/0\"></td>");
        becomes(
            "<p style=\"color:red;background:url('cid:logo') , url(cid:none)\">",
            "<p style=\"color:red;background:url('/mailbox/7/attachments/0') , url(cid:none)\">",
        );
        becomes(
            "<p style='background:url(&quot;cid:logo&quot;)'>",
            "<p style=\"background:url(&quot;/mailbox/7/attachments/0&quot;)\">",
        );
        becomes(
            "<img srcset='cid:logo 1x, cid:logo 2x'>",
            "<img srcset=\"/mailbox/7/attachments/0 1x, /mailbox/7/attachments/0 2x\">",
        );
        becomes(
            "<style>a>b{background:url(cid:logo)}</style>",
            "<style>a>b{background:url(/mailbox/7/attachments/0)}</style>",
        );
    }

    #[test]
    fn everything_else_stays() {
        for html in [
            "<img src='cid:unknown'><img src=cid:><img src='https://a.example/x.png'><img src='acid:logo'>",
            "<p>cid:logo</p><p title='cid:logo'><!-- <img src='cid:logo'> -->",
            "<p style='x:cid'>é<style>:cid:;é::cid</style><textarea><img src=cid:logo></textarea>",
            "<p   class=x  >a&nbsp;b<br/></P >",
        ] {
            becomes(html, html);
        }
        assert_eq!(document("only text"), "only text");
        assert_eq!(document(""), "");
    }

    #[test]
    fn links_open_apart_and_say_nothing() {
        becomes(
            "<a href='https://a.example'>x</a>",
            "<a href='https://a.example' target=\"_blank\" rel=\"noreferrer\">x</a>",
        );
        becomes("<area target=_top rel=opener href=x>", "<area target=\"_blank\" rel=\"noreferrer\" href=x>");
        becomes("<a href='#end'>x</a><a name=end>y</a>", "<a href='#end' target=\"_self\">x</a><a name=end>y</a>");
    }

    #[test]
    fn the_base_keeps_the_doctype_first() {
        #[track_caller]
        fn stands(html: &str, expected: &str) {
            assert_eq!(document(html), expected.replace("[base]", BASE));
        }
        stands(
            "<!doctype html><html><head><title>x</title></head></html>",
            "<!doctype html><html><head>[base]<title>x</title></head></html>",
        );
        stands("<!doctype html><HTML><body><p>x", "<!doctype html><HTML>[base]<body><p>x");
        stands("\n<!-- x --><table></table>", "\n<!-- x -->[base]<table></table>");
    }

    #[test]
    fn an_id_cannot_leave_its_attribute() {
        let html = html_document("<img src='cid:x'>", "\"><script>", &[(0, "x".into())]);
        assert_eq!(html, format!("{BASE}<img src=\"/mailbox/&quot;&gt;&lt;script&gt;/attachments/0\">"));
    }

    #[test]
    fn html_that_nests_too_deeply_is_shown_as_it_is() {
        let deep = |levels: usize| format!("{}<img src=cid:logo>", "<div>".repeat(levels));
        assert!(document(&deep(1_000)).ends_with("<img src=\"/mailbox/7/attachments/0\">"));
        let html = deep(1_000_000);
        assert_eq!(document(&html), format!("{BASE}{html}"));
    }

    #[test]
    fn a_style_full_of_near_misses_takes_linear_time() {
        let style = format!("<style>{}</style>", "cid:cid:x ".repeat(200_000));
        assert_eq!(document(&style), format!("{BASE}{style}"));
    }
}
