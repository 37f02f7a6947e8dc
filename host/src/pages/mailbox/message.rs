//! One captured email.

use super::{badge, moment, subject_line};
use crate::pages::{Escaped, Section, cut, layout, put};

/// How much of the text, or of the source, the page shows.
const SHOWN_BYTES_MAX: usize = 512 * 1024;

/// Everything the page shows of an email.
#[derive(Debug, Clone, Default)]
pub struct MessageView {
    /// The email's id, as it stands in its address: `/mailbox/{id}`.
    pub id: String,
    /// As it was sent; may be empty.
    pub subject: String,
    /// The author, with or without a name.
    pub from: String,
    /// The recipients that the message names.
    pub to: Vec<String>,
    /// Further recipients that the message names.
    pub cc: Vec<String>,
    /// When it was captured: RFC 3339 in UTC.
    pub at: String,
    /// Bytes of the whole message.
    pub size_bytes: u64,
    /// The name of the customer whose it is.
    pub customer: String,
    /// The word for where it stands.
    pub status: String,
    /// What the address asks for as `?view=`, in the words of [`Tab`]; anything else shows what a reader would see
    /// first.
    pub view: String,
    /// Whether it has an html part, which `/mailbox/{id}/html` serves.
    pub has_html: bool,
    /// The text part.
    pub text: Option<String>,
    /// The message as it would have gone out. Looked at only when `view` is `source`, or there is nothing else to
    /// show, so it may be empty otherwise.
    pub source: String,
    /// What hangs on it, in the order of the message.
    pub attachments: Vec<Attachment>,
    /// What happened to it, in order.
    pub events: Vec<TimelineEvent>,
}

/// A file in the email. Its place in the list is its index in `/mailbox/{id}/attachments/{index}`.
#[derive(Debug, Clone, Default)]
pub struct Attachment {
    /// May be empty.
    pub filename: String,
    /// `type/subtype`.
    pub content_type: String,
    /// Bytes after decoding.
    pub size_bytes: u64,
    /// Shown inside of the html.
    pub inline: bool,
}

/// Something that happened to the email.
#[derive(Debug, Clone, Default)]
pub struct TimelineEvent {
    /// The word for it, such as `delivered`.
    pub event_type: String,
    /// When: RFC 3339 in UTC.
    pub at: String,
    /// Milliseconds since the first event.
    pub elapsed_ms: u64,
    /// Whom it concerns.
    pub recipient: String,
    /// What else is known, such as the link that was followed or a server's answer; may be empty.
    pub details: Vec<(String, String)>,
}

/// The ways to look at an email, in the order in which they are offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tab {
    Html,
    Text,
    Source,
    Attachments,
    Events,
}

impl Tab {
    const ALL: &[Self] = &[Self::Html, Self::Text, Self::Source, Self::Attachments, Self::Events];

    fn word(self) -> &'static str {
        match self {
            Self::Html => "html",
            Self::Text => "text",
            Self::Source => "source",
            Self::Attachments => "attachments",
            Self::Events => "events",
        }
    }

    fn label(self, view: &MessageView) -> String {
        match self {
            Self::Html => "HTML".to_owned(),
            Self::Text => "Text".to_owned(),
            Self::Source => "Source".to_owned(),
            Self::Attachments => format!("Attachments <span class=\"count\">{}</span>", view.attachments.len()),
            Self::Events => format!("Events <span class=\"count\">{}</span>", view.events.len()),
        }
    }

    /// Whether there is anything to see.
    fn is_there(self, view: &MessageView) -> bool {
        match self {
            Self::Html => view.has_html,
            Self::Text => view.text.is_some(),
            Self::Attachments => !view.attachments.is_empty(),
            Self::Source | Self::Events => true,
        }
    }

    /// The one that was asked for, if it is there, else the first that is.
    fn of(view: &MessageView) -> Self {
        let there = || Self::ALL.iter().copied().filter(|tab| tab.is_there(view));
        there().find(|tab| tab.word() == view.view).or_else(|| there().next()).unwrap_or(Self::Source)
    }
}

/// The page of one email.
pub fn show(view: &MessageView) -> String {
    let tab = Tab::of(view);
    let mut body = String::new();
    put_head(&mut body, view);
    put_tabs(&mut body, view, tab);
    put!(&mut body, "<section class=\"panel {}\" aria-labelledby=\"tab-{0}\">", tab.word());
    match tab {
        Tab::Html => put_html(&mut body, view),
        Tab::Text => put_text(&mut body, view),
        Tab::Source => put_source(&mut body, view),
        Tab::Attachments => put_attachments(&mut body, view),
        Tab::Events => put_events(&mut body, view),
    }
    body.push_str("</section>");
    let title = if view.subject.trim().is_empty() { "(no subject)" } else { &view.subject };
    layout(title, Some(Section::Mailbox), &body)
}

fn put_head(body: &mut String, view: &MessageView) {
    put!(
        body,
        "<p class=\"back\"><a href=\"/mailbox\">← Mailbox</a></p>\
         <div class=\"heading\"><h1>{}</h1>{}</div><dl class=\"facts\">",
        subject_line(&view.subject),
        badge(&view.status)
    );
    put_fact(body, "From", &Escaped(&view.from).to_string());
    put_fact(body, "To", &people(&view.to));
    if !view.cc.is_empty() {
        put_fact(body, "Cc", &people(&view.cc));
    }
    put_fact(body, "Captured", &format!("{} UTC", moment(&view.at)));
    put_fact(body, "Customer", &Escaped(&view.customer).to_string());
    put_fact(body, "Size", &size(view.size_bytes));
    body.push_str("</dl>");
}

fn put_fact(body: &mut String, name: &str, html: &str) {
    put!(body, "<div><dt>{name}</dt><dd>{html}</dd></div>");
}

fn people(list: &[String]) -> String {
    let mut html = String::new();
    for person in list {
        let comma = if html.is_empty() { "" } else { ", " };
        put!(&mut html, "{comma}{}", Escaped(person));
    }
    html
}

fn put_tabs(body: &mut String, view: &MessageView, active: Tab) {
    body.push_str("<nav class=\"tabs\" aria-label=\"Ways to look at this email\"><ul>");
    for tab in Tab::ALL.iter().filter(|tab| tab.is_there(view)) {
        let current = if *tab == active { " aria-current=\"page\"" } else { "" };
        put!(
            body,
            "<li><a id=\"tab-{}\" href=\"/mailbox/{}?view={0}\"{current}>{}</a></li>",
            tab.word(),
            Escaped(&view.id),
            tab.label(view)
        );
    }
    body.push_str("</ul></nav>");
}

fn put_html(body: &mut String, view: &MessageView) {
    put!(
        body,
        "<p class=\"quiet\">Images from other servers are not loaded, because looking at an email here would then count \
         as opening it. Links work, and a tracked one counts as a click.</p>\
         <iframe src=\"/mailbox/{}/html\" title=\"The email as its reader sees it\" \
         sandbox=\"allow-popups allow-popups-to-escape-sandbox\" referrerpolicy=\"no-referrer\"></iframe>",
        Escaped(&view.id)
    );
}

fn put_text(body: &mut String, view: &MessageView) {
    put_pre(body, "The text of the email", view.text.as_deref().unwrap_or_default(), &view.id);
}

fn put_source(body: &mut String, view: &MessageView) {
    put!(
        body,
        "<p class=\"quiet\">The message as it would have gone out. \
         <a href=\"/mailbox/{}/source\" download>Download it</a></p>",
        Escaped(&view.id)
    );
    put_pre(body, "The source of the email", &view.source, &view.id);
}

fn put_pre(body: &mut String, label: &str, text: &str, id: &str) {
    let shown = cut(text, SHOWN_BYTES_MAX);
    // A line break right behind the tag is not shown, so one of the text's own would be lost.
    put!(body, "<pre class=\"letter\" tabindex=\"0\" role=\"group\" aria-label=\"{label}\">\n{}</pre>", Escaped(shown));
    if shown.len() < text.len() {
        put!(
            body,
            "<p class=\"quiet\">This is the first {} of {}. <a href=\"/mailbox/{}/source\" download>Download the whole \
             message</a></p>",
            size(shown.len() as u64),
            size(text.len() as u64),
            Escaped(id)
        );
    }
}

fn put_attachments(body: &mut String, view: &MessageView) {
    body.push_str("<ul class=\"files\">");
    for (index, file) in view.attachments.iter().enumerate() {
        let name =
            if file.filename.trim().is_empty() { format!("attachment {}", index + 1) } else { file.filename.clone() };
        put!(
            body,
            "<li><a href=\"/mailbox/{}/attachments/{index}\" download>{}</a><span class=\"quiet\">{} · {}{}</span></li>",
            Escaped(&view.id),
            Escaped(&name),
            Escaped(&file.content_type),
            size(file.size_bytes),
            if file.inline { " · shown in the html" } else { "" }
        );
    }
    body.push_str("</ul>");
}

fn put_events(body: &mut String, view: &MessageView) {
    if view.events.is_empty() {
        body.push_str("<p class=\"quiet\">Nothing has happened to it yet.</p>");
        return;
    }
    body.push_str("<ol class=\"timeline\">");
    for (index, event) in view.events.iter().enumerate() {
        let after = if index == 0 { String::new() } else { format!("after {} · ", duration(event.elapsed_ms)) };
        put!(
            body,
            "<li><p>{} <span class=\"quiet\">{after}{} UTC</span></p><p>{}</p>",
            badge(&event.event_type),
            moment(&event.at),
            Escaped(&event.recipient)
        );
        if !event.details.is_empty() {
            body.push_str("<dl class=\"facts\">");
            for (name, value) in &event.details {
                put_fact(body, &Escaped(name).to_string(), &Escaped(value).to_string());
            }
            body.push_str("</dl>");
        }
        body.push_str("</li>");
    }
    body.push_str("</ol>");
}

/// `812 bytes`, `1.4 KB`, `30 MB`: decimal units, two digits.
fn size(bytes: u64) -> String {
    let scaled = |unit: u64, name| {
        let tenths = (bytes.saturating_mul(10)) / unit;
        if tenths < 100 {
            format!("{}.{} {name}", tenths / 10, tenths % 10)
        } else {
            format!("{} {name}", bytes / unit)
        }
    };
    match bytes {
        1 => "1 byte".to_owned(),
        0..1_000 => format!("{bytes} bytes"),
        1_000..1_000_000 => scaled(1_000, "KB"),
        1_000_000..1_000_000_000 => scaled(1_000_000, "MB"),
        _ => scaled(1_000_000_000, "GB"),
    }
}

/// `340 ms`, `1.5 s`, `4 min`, `2 h 10 min`, `3 days`.
fn duration(millis: u64) -> String {
    let seconds = millis / 1_000;
    let minutes = seconds / 60;
    match millis {
        0..1_000 => format!("{millis} ms"),
        1_000..10_000 => format!("{seconds}.{} s", millis % 1_000 / 100),
        10_000..60_000 => format!("{seconds} s"),
        60_000..3_600_000 => format!("{minutes} min"),
        3_600_000..172_800_000 if minutes.is_multiple_of(60) => format!("{} h", minutes / 60),
        3_600_000..172_800_000 => format!("{} h {} min", minutes / 60, minutes % 60),
        _ => format!("{} days", minutes / 60 / 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(tab: &str) -> MessageView {
        MessageView {
            id: "7".into(),
            subject: "Hello".into(),
            has_html: true,
            text: Some("\nfirst".into()),
            source: "Subject: Hello".into(),
            view: tab.into(),
            attachments: vec![Attachment {
                filename: "a.pdf".into(),
                content_type: "application/pdf".into(),
                size_bytes: 1_400,
                inline: false,
            }],
            ..MessageView::default()
        }
    }

    #[track_caller]
    fn shows(view: &MessageView, tab: Tab) {
        let page = show(view);
        assert!(page.contains(&format!("<section class=\"panel {}\"", tab.word())), "{:?}", view.view);
        assert_eq!(page.matches("aria-current=\"page\"").count(), 1);
    }

    #[test]
    fn each_way_to_look_has_its_word() {
        for tab in Tab::ALL {
            shows(&view(tab.word()), *tab);
        }
    }

    #[test]
    fn an_unknown_view_shows_what_a_reader_sees_first() {
        for word in ["", "HTML", "html ", "../../x", "<script>"] {
            shows(&view(word), Tab::Html);
        }
        shows(&MessageView { has_html: false, ..view("html") }, Tab::Text);
        shows(&MessageView { attachments: vec![], ..view("attachments") }, Tab::Html);
        shows(&MessageView::default(), Tab::Source);
    }

    #[test]
    fn the_html_is_shown_in_a_sandbox() {
        let page = show(&view("html"));
        assert!(page.contains(
            "<iframe src=\"/mailbox/7/html\" title=\"The email as its reader sees it\" \
             sandbox=\"allow-popups allow-popups-to-escape-sandbox\" referrerpolicy=\"no-referrer\"></iframe>"
        ));
        assert!(page.contains("Images from other servers are not loaded"));
    }

    #[test]
    fn no_field_can_leave_its_place() {
        let hostile = || "\"><img src=x onerror=alert(1)>'</pre></textarea>".to_owned();
        for tab in Tab::ALL {
            let page = show(&MessageView {
                id: hostile(),
                subject: hostile(),
                from: hostile(),
                to: vec![hostile(), hostile()],
                cc: vec![hostile()],
                at: hostile(),
                size_bytes: u64::MAX,
                customer: hostile(),
                status: hostile(),
                view: tab.word().into(),
                has_html: true,
                text: Some(hostile()),
                source: hostile(),
                attachments: vec![Attachment {
                    filename: hostile(),
                    content_type: hostile(),
                    size_bytes: 1,
                    inline: true,
                }],
                events: vec![TimelineEvent {
                    event_type: hostile(),
                    at: hostile(),
                    elapsed_ms: u64::MAX,
                    recipient: hostile(),
                    details: vec![(hostile(), hostile())],
                }],
            });
            assert!(!page.contains("<img") && !page.contains("<textarea") && !page.contains("'</pre>"), "{tab:?}");
        }
    }

    #[test]
    fn a_text_keeps_its_first_line_break() {
        assert!(show(&view("text")).contains("aria-label=\"The text of the email\">\n\nfirst</pre>"));
    }

    #[test]
    fn a_long_source_is_cut_and_can_be_had_whole() {
        let page = |bytes: usize| show(&MessageView { source: "x".repeat(bytes), ..view("source") });
        assert!(!page(SHOWN_BYTES_MAX).contains("This is the first"));
        assert!(page(SHOWN_BYTES_MAX + 1).contains("This is the first 524 KB of 524 KB."));
    }

    #[test]
    fn sizes_and_durations_read_well() {
        let sizes = [0, 1, 999, 1_000, 1_449, 9_999, 10_000, 999_999, 1_000_000, 31_457_280, u64::MAX].map(size);
        assert_eq!(
            sizes.join(", "),
            "0 bytes, 1 byte, 999 bytes, 1.0 KB, 1.4 KB, 9.9 KB, 10 KB, 999 KB, 1.0 MB, 31 MB, 18446744073 GB"
        );
        let times = [0, 999, 1_000, 1_560, 59_999, 60_000, 3_600_000, 7_800_000, 172_800_000].map(duration);
        assert_eq!(times.join(", "), "0 ms, 999 ms, 1.0 s, 1.5 s, 59 s, 1 min, 1 h, 2 h 10 min, 2 days");
    }
}
