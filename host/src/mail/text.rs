//! Makes a plain text part out of html, for the readers and filters that want one.
//!
//! Paragraphs, lists, quotes and links stay recognizable; style, scripts and what the html hides are left out. Lines
//! are as long as their paragraphs, since mail programs wrap them to their window.

use std::cell::RefCell;
use std::rc::Rc;

use lol_html::html_content::{Element, TextType};
use lol_html::{HtmlRewriter, MemorySettings, Settings, doc_text, element, end_tag};

use crate::mail::{entities, links};

mod page;

use page::{Page, RULE};

/// The text of an html part, without line break at its end. Html that nests too deeply for the parser (see
/// [`links::PARSER_BYTES_MAX`]) gives the text up to there, and nothing is read beyond [`links::HTML_BYTES_MAX`].
pub fn from_html(html: &str) -> String {
    let html = &html[..html.floor_char_boundary(links::HTML_BYTES_MAX)];
    let page = read(html, true);
    // An element that hides itself and is never closed hides all the rest. Who wrote that did not see it so.
    if page.hidden { read(html, false).out } else { page.out }
}

fn read(html: &str, hiding: bool) -> Page {
    let page = Rc::new(RefCell::new(Page::default()));
    let mut node = String::new();
    let on_element = |element: &mut Element| start(element, &page, hiding);
    let on_text = doc_text!(|chunk| {
        if matches!(chunk.text_type(), TextType::Data | TextType::CDataSection | TextType::PlainText) {
            node.push_str(chunk.as_str());
        }
        // A chunk may end anywhere, even inside of a character reference; only the whole node is text.
        if chunk.last_in_text_node() {
            page.borrow_mut().text(&entities::decode(&node));
            node.clear();
        }
        Ok(())
    });
    let settings = Settings::new()
        .append_element_content_handler(element!("*", on_element))
        .append_document_content_handler(on_text)
        .with_memory_settings(MemorySettings::new().with_max_allowed_memory_usage(links::PARSER_BYTES_MAX))
        .with_strict(false);
    let mut parser = HtmlRewriter::new(settings, |_: &[u8]| {});
    // What was read until then is the best there is.
    let _ = parser.write(html.as_bytes()).and_then(|()| parser.end());
    let mut page = page.take();
    page.end_link();
    page.out.truncate(page.out.trim_end().len());
    page
}

/// What an element's start tag does, and what its end tag will do.
fn start(element: &mut Element, shared: &Rc<RefCell<Page>>, hiding: bool) -> lol_html::HandlerResult {
    let name = element.tag_name();
    let mut page = shared.borrow_mut();
    let before = page.nesting();
    let hides = name == "template" || hiding && is_hidden(element);
    let lines = lines_around(&name);
    if !page.hidden && !hides {
        page.breaks(lines);
        match name.as_str() {
            "br" => page.line_break(),
            "hr" => page.word(RULE),
            "img" => page.image(element.get_attribute("alt").as_deref()),
            "td" | "th" => page.space = true,
            "a" => page.begin_link(element.get_attribute("href").as_deref()),
            "pre" => page.pre = true,
            "blockquote" => page.quotes += 1,
            "ul" => page.lists.push(None),
            "ol" => {
                let first = element.get_attribute("start").and_then(|start| start.trim().parse().ok());
                page.lists.push(Some(first.unwrap_or(1)));
            }
            "li" => page.begin_item(),
            _ => {}
        }
        if name == "hr" {
            page.breaks(lines);
        }
    }
    if !element.can_have_content() {
        return Ok(());
    }
    page.hidden |= hides;
    let shared = Rc::clone(shared);
    element.on_end_tag(end_tag!(move |_| {
        let mut page = shared.borrow_mut();
        if !page.hidden {
            if name == "a" {
                page.end_link();
            }
            page.breaks(lines);
        }
        page.restore(before);
        Ok(())
    }))
}

fn is_hidden(element: &Element) -> bool {
    element.has_attribute("hidden")
        || element.get_attribute("style").is_some_and(|style| {
            let style: String = style.to_ascii_lowercase().split_ascii_whitespace().collect();
            style.contains("display:none")
        })
}

/// How many line breaks set an element apart from what is around it.
fn lines_around(name: &str) -> usize {
    match name {
        "p" | "h1" | "h2" | "h3" | "h4" | "h5" | "h6" | "ul" | "ol" | "dl" | "blockquote" | "pre" | "table" | "hr"
        | "figure" => 2,
        "div" | "tr" | "li" | "dt" | "dd" | "section" | "article" | "header" | "footer" | "main" | "nav" | "aside"
        | "address" | "form" | "fieldset" | "legend" | "center" | "figcaption" | "caption" | "body" | "html" => 1,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn reads(html: &str, text: &str) {
        assert_eq!(from_html(html), text, "{html}");
    }

    #[test]
    fn text_flows_and_blocks_break() {
        reads("Hello   <b>big</b>\n world<i>!</i>", "Hello big world!");
        reads(
            "<h1>Title</h1><p>One</p><p>Two<br>lines</p><div>a</div><div>b</div>",
            "Title\n\nOne\n\nTwo\nlines\n\na\nb",
        );
        reads("<p>a</p>\n\n<p></p><br><br><br><p>b", "a\n\nb");
        reads("a<hr>b", "a\n\n----\n\nb");
        reads("<table><tr><td>1</td><td>2</td></tr><tr><th>3<th>4</table>", "1 2\n3 4");
        reads("1 &lt; 2 &amp;&nbsp;&auml;&#8364; &copy2024", "1 < 2 & ä€ &copy2024");
        reads("<pre>  a\n    b\n\n c</pre>d", "  a\n    b\n\n c\n\nd");
        reads("", "");
    }

    #[test]
    fn a_link_shows_where_it_leads_once() {
        reads("<a href='https://a.example/?x=1&amp;y=2'>Shop</a> now", "Shop (https://a.example/?x=1&y=2) now");
        reads("<a href='https://a.example/'>a.example</a>", "a.example");
        reads("<a href='https://a.example'>https://a.example/</a>", "https://a.example/");
        reads("<a href='mailto:ada@a.example?subject=x'>ada@a.example</a>", "ada@a.example");
        reads("<a href='mailto:ada@a.example'>Ada</a>", "Ada (ada@a.example)");
        reads("<a href='#top'>up</a> <a href='javascript:x'>y</a> <a>z</a>", "up y z");
        reads("<a href='https://a.example'><img src=x alt='Sale &amp; more'></a>", "Sale & more (https://a.example)");
        reads("<a href='https://a.example'><img src=x></a><a href='https://b.example'></a>", "https://a.example");
        reads(
            "<a href='https://a.example'>one<a href='https://b.example'>two",
            "one (https://a.example)two (https://b.example)",
        );
    }

    #[test]
    fn lists_and_quotes_are_set_off() {
        reads("<ul><li>a<li>b<ul><li>c</ul></li></ul>d", "- a\n- b\n\n  - c\n\nd");
        reads("<ol start=3><li>a</li><li><p>b</p><p>c</p></li></ol>", "3. a\n\n4. b\n\n  c");
        reads("<blockquote>a<br>b</blockquote>c", "> a\n> b\n\nc");
        reads("<ul><li><ol></ul>x", "x");
    }

    #[test]
    fn what_readers_do_not_see_is_left_out() {
        reads("<head><title>t</title><style>p{}</style></head><script>x</script><p>a<!-- b -->", "a");
        reads("<div style='color:red; DISPLAY : none'>pre<div>x</div></div>a<span hidden>b</span>", "a");
        reads("<img hidden alt=x>a<template>t</template>", "a");
        reads("a &zwnj;&nbsp;&#847; &shy;&#8203; b", "a b");
        reads("a<div style='display:none'><div>never closed</div><p>text", "a\nnever closed\n\ntext");
    }

    #[test]
    fn html_that_is_too_deep_or_too_long_gives_what_can_be_read() {
        reads(&format!("a{}b", "<b>".repeat(1_000)), "ab");
        assert!(from_html(&format!("a{}b", "<b>".repeat(1_000_000))).starts_with('a'));
        let long = "a".repeat(links::HTML_BYTES_MAX);
        assert_eq!(from_html(&format!("{long}é")), long);
        let quotes = from_html(&format!("{}a", "<blockquote>".repeat(100)));
        assert_eq!(quotes, format!("{}a", "> ".repeat(page::LEVELS_MAX)));
    }

    proptest! {
        #[test]
        fn nothing_panics(html in "(</?(p|a href=x:|ul|li|ol|pre|blockquote|div hidden|td|br|b)>|[a&;# \n\u{200b}]){0,30}") {
            let text = from_html(&html);
            prop_assert!(!text.contains("\n\n\n") && text.trim_end() == text);
        }

        #[test]
        fn plain_words_come_through(words in "[a-zü0-9]{1,8}( [a-zü0-9]{1,8}){0,5}") {
            let html = format!("<p>{}</p>", entities::encode(&words));
            prop_assert_eq!(from_html(&html), words);
        }
    }
}
