//! The HTML pages of the service: pure functions from data to text. Nothing comes from elsewhere and, but for the list of
//! the dashboard that goes on by itself, nothing is a script, so a page is whole as soon as it has arrived and tells
//! nobody that it was read.

use std::fmt;

mod chart;
pub mod confirm;
pub mod dashboard;
pub mod inbox;
pub mod login;
pub mod mailbox;
mod markdown;
pub mod nodes;
mod paging;
pub mod plugins;
pub mod queue;
pub mod reference;
pub mod rules;
pub mod score;
pub mod unsubscribe;
mod visitor;

pub use visitor::Visitor;

/// What a browser may do with our pages: show their own style and images of this service, post forms to it, and be
/// shown nowhere but on their own. For every page here except [`mailbox::html_document`], which has
/// [`mailbox::FRAME_POLICY`].
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; \
     frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

const STYLE: &str = include_str!("style.css");

/// The mark: a pillar box. It is decoration beside the name, so a screen reader passes over it.
const MARK: &str = concat!(
    r#"<svg class="mark" viewBox="0 0 24 32" width="24" height="32" aria-hidden="true" focusable="false">"#,
    r#"<path class="mark-red" d="M3 9.2C3 4.6 7 1.5 12 1.5s9 3.1 9 7.7z"/>"#,
    r#"<rect class="mark-red" x="1.5" y="8.6" width="21" height="3" rx="1.2"/>"#,
    r#"<path class="mark-red" d="M4 12.4h16V27H4z"/>"#,
    r#"<rect class="mark-slot" x="7" y="14.4" width="10" height="2" rx="1"/>"#,
    r#"<rect class="mark-plate" x="9.2" y="18.6" width="5.6" height="4.6" rx=".7"/>"#,
    r#"<path class="mark-base" d="M2.8 27h18.4v2.6a1 1 0 0 1-1 1H3.8a1 1 0 0 1-1-1z"/>"#,
    "</svg>",
);

/// The mark for the browser's tab, in the page itself, so that nothing is fetched for it.
const ICON: &str = concat!(
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='-4 0 32 32'%3E%3Cg fill='%23c4122f'%3E",
    "%3Cpath d='M3 9.2C3 4.6 7 1.5 12 1.5s9 3.1 9 7.7z'/%3E%3Crect x='1.5' y='8.6' width='21' height='3' rx='1.2'/%3E",
    "%3Cpath d='M4 12.4h16V27H4z'/%3E%3C/g%3E%3Cpath d='M7 14.4h10v2H7z'/%3E%3Cpath d='M3 27h18v3.6H3z'/%3E%3C/svg%3E",
);

/// Appends formatted text to a `String`.
macro_rules! put {
    ($out:expr, $($arguments:tt)+) => {
        std::fmt::Write::write_fmt($out, format_args!($($arguments)+)).expect("writing to a String cannot fail")
    };
}
use put;

/// The parts of the operator's site, in the order of the navigation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    /// What was sent and what came of it.
    Dashboard,
    /// The capture mailbox.
    Mailbox,
    /// How a message would be judged, and by which rules.
    Score,
    /// What waits for delivery.
    Queue,
    /// What came in by webhooks.
    Inbox,
    /// The plugins.
    Plugins,
    /// The edge nodes.
    Nodes,
}

impl Section {
    const ALL: &[Self] =
        &[Self::Dashboard, Self::Mailbox, Self::Score, Self::Queue, Self::Inbox, Self::Plugins, Self::Nodes];

    fn name(self) -> &'static str {
        match self {
            Self::Dashboard => "Dashboard",
            Self::Mailbox => "Mailbox",
            Self::Score => "Score",
            Self::Queue => "Queue",
            Self::Inbox => "Inbox",
            Self::Plugins => "Plugins",
            Self::Nodes => "Nodes",
        }
    }

    fn path(self) -> &'static str {
        match self {
            Self::Dashboard => "/dashboard",
            Self::Mailbox => "/mailbox",
            Self::Score => "/score",
            Self::Queue => "/queue",
            Self::Inbox => "/inbox",
            Self::Plugins => "/plugins",
            Self::Nodes => "/nodes",
        }
    }
}

/// A whole page for operators: `body`, which is HTML, below the navigation. `title` is text; `active` is the section
/// that the page belongs to.
pub fn layout(title: &str, active: Option<Section>, body: &str) -> String {
    let mut header =
        format!("<header class=\"bar\"><a class=\"brand\" href=\"/\">{MARK}Pillarbox</a><nav aria-label=\"Main\"><ul>");
    for section in Section::ALL {
        let current = if active == Some(*section) { " aria-current=\"true\"" } else { "" };
        put!(&mut header, "<li><a href=\"{}\"{current}>{}</a></li>", section.path(), section.name());
    }
    header.push_str("</ul></nav></header>");
    let content = format!("{header}<main id=\"content\" tabindex=\"-1\">{body}</main>");
    document(&format!("{title} · Pillarbox"), "operator", &content)
}

/// What went wrong, in a sentence. Comes with its status.
pub fn trouble(status: http::StatusCode, message: &str) -> String {
    let title = status.canonical_reason().unwrap_or("Something went wrong");
    let way_on = match status {
        http::StatusCode::UNAUTHORIZED => "<a class=\"button\" href=\"/login\">Sign in</a>",
        _ => "<a class=\"button\" href=\"/\">Go to the start</a>",
    };
    let body =
        format!("<div class=\"empty\"><h1>{title}</h1><p class=\"lead\">{}</p><p>{way_on}</p></div>", Escaped(message));
    layout(title, None, &body)
}

/// The frame that every page shares. `title` is text, `kind` a class name, `content` HTML with a `#content` in it.
fn document(title: &str, kind: &str, content: &str) -> String {
    // A form of an operator's page tells its own origin; the readers of an email tell nobody anything.
    let referrer = if kind == "operator" { "same-origin" } else { "no-referrer" };
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta name=\"color-scheme\" content=\"light dark\"><meta name=\"robots\" content=\"noindex\">\
         <meta name=\"referrer\" content=\"{referrer}\"><title>{}</title><link rel=\"icon\" href=\"{ICON}\">\
         <style>{STYLE}</style></head><body class=\"{kind}\">\
         <a class=\"skip\" href=\"#content\">Skip to the content</a>{content}</body></html>\n",
        Escaped(title)
    )
}

/// Text that is escaped as it is written: for the content of an element, or an attribute's value in quotes of either
/// kind.
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        while let Some(at) = rest.find(['&', '<', '>', '"', '\'']) {
            out.write_str(&rest[..at])?;
            out.write_str(match rest.as_bytes()[at] {
                b'&' => "&amp;",
                b'<' => "&lt;",
                b'>' => "&gt;",
                b'"' => "&quot;",
                _ => "&#39;",
            })?;
            rest = &rest[at + 1..];
        }
        out.write_str(rest)
    }
}

/// As it stands in the query of a link.
fn query(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// As much of the text as fits into so many bytes without breaking a character.
fn cut(text: &str, bytes_max: usize) -> &str {
    &text[..text.floor_char_boundary(bytes_max)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn escapes(text: &str, expected: &str) {
        assert_eq!(Escaped(text).to_string(), expected);
    }

    #[test]
    fn text_cannot_become_markup() {
        escapes("", "");
        escapes("Grüße, Ada", "Grüße, Ada");
        escapes("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;");
        escapes("\" onload='x' &amp;", "&quot; onload=&#39;x&#39; &amp;amp;");
        escapes("</title><p>é</p>", "&lt;/title&gt;&lt;p&gt;é&lt;/p&gt;");
    }

    #[test]
    fn a_title_stays_in_the_title() {
        let page = layout("</title><script>", Some(Section::Mailbox), "<p>body</p>");
        assert!(page.contains("<title>&lt;/title&gt;&lt;script&gt; · Pillarbox</title>"));
        assert!(!page.contains("<script"));
        assert!(page.contains("<a href=\"/mailbox\" aria-current=\"true\">Mailbox</a>"));
        assert!(page.contains("<main id=\"content\" tabindex=\"-1\"><p>body</p></main>"));
    }

    #[test]
    fn a_page_of_no_section_marks_none() {
        assert!(!layout("x", None, "").contains("aria-current=\"true\""));
    }

    #[test]
    fn the_style_cannot_end_early_and_fetches_nothing() {
        assert!(!STYLE.contains('<') && !STYLE.contains("url(") && !STYLE.contains("@import"));
    }

    #[test]
    fn a_cut_keeps_characters_whole() {
        assert_eq!(cut("aé", 3), "aé");
        assert_eq!(cut("aé", 2), "a");
        assert_eq!(cut("", 2), "");
    }
}
