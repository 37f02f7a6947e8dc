//! The inbox: what came in by webhooks and as returned mail, what was made of it, and having it read again.

use serde::Deserialize;
use serde_json::Value as Json;

use super::mailbox::moment;
use super::paging::put_paging;
use super::visitor::{heading, note_done};
use super::{Escaped, MARK, Section, Visitor, cut, layout, put, query};

/// Bytes of a body that a page shows. The command line shows all.
const BODY_BYTES_MAX: usize = 64 * 1024;
/// Events of a row that a page shows.
const EVENTS_MAX: usize = 100;
/// Every state with the kind of its badge, in the order in which a row may pass through them.
const STATES: [(&str, &str); 6] = [
    ("received", "wait"),
    ("normalized", "plain"),
    ("matched", "good"),
    ("unmatched", "wait"),
    ("unparsed", "bad"),
    ("refused", "bad"),
];

/// What is kept, as the command tells it.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Kept {
    /// How much there is in each state that has any.
    pub totals: Vec<Total>,
    /// Where anything came from.
    pub sources: Vec<String>,
    /// A page of rows, newest first.
    pub rows: Vec<Row>,
    /// Rows on all pages.
    pub total: u64,
}

/// How much there is in one state.
#[derive(Debug, Clone, Deserialize)]
pub struct Total {
    /// It.
    pub state: String,
    /// Rows.
    pub rows: u64,
}

/// A row without what came.
#[derive(Debug, Clone, Deserialize)]
pub struct Row {
    /// Its id.
    pub id: String,
    /// `bounce`, `complaint`, or the name of a source.
    pub source: String,
    /// Whether the source proved who it is.
    pub verified: bool,
    /// What became of it.
    pub state: String,
    /// RFC 3339 in UTC, as all times.
    pub received_at: String,
    /// As received.
    pub content_type: String,
    /// Bytes of its body.
    pub bytes: u64,
    /// Events that were recorded.
    pub accepted: u64,
    /// Events that were known already.
    pub duplicates: u64,
    /// Events that fit no email.
    pub unmatched: u64,
    /// Those of them that have a guess.
    pub guessed: u64,
    /// How often it was tried to read it.
    pub attempts: u64,
    /// How often it was read again.
    pub replays: u64,
    /// When it is read, while it waits.
    pub due_at: Option<String>,
    /// The normalizer.
    pub plugin: Option<String>,
    /// Why it could not be read.
    pub error: Option<String>,
}

/// One row with everything, as the command tells it.
#[derive(Debug, Clone, Deserialize)]
pub struct Shown {
    /// What it is.
    #[serde(flatten)]
    pub row: Row,
    /// The provider that its source is for.
    pub provider: Option<String>,
    /// The headers that the normalizer was shown.
    pub headers: Vec<(String, String)>,
    /// What the normalizer made of it.
    pub outcome: Json,
    /// What its events were matched to.
    pub matches: Json,
    /// `text` or `base64`.
    pub body_encoding: String,
    /// What came.
    pub body: String,
}

/// A page of the inbox.
#[derive(Debug, Clone, Default)]
pub struct ListView {
    /// What is on it.
    pub kept: Kept,
    /// The one state that it is about.
    pub state: Option<&'static str>,
    /// The one source that it is about.
    pub source: Option<String>,
    /// The page shown, from 1.
    pub page: u64,
    /// How many pages there are.
    pub pages: u64,
    /// What was just done, in a sentence.
    pub done: Option<String>,
    /// Who looks.
    pub visitor: Visitor,
}

/// One row.
#[derive(Debug, Clone)]
pub struct ShowView {
    /// It.
    pub shown: Shown,
    /// What was just done, in a sentence.
    pub done: Option<String>,
    /// Who looks.
    pub visitor: Visitor,
}

/// The path of the list with these filters.
pub fn path(state: Option<&str>, source: Option<&str>) -> String {
    let state = state.map(|state| format!("state={}", query(state)));
    let source = source.map(|source| format!("source={}", query(source)));
    let asked: Vec<_> = state.into_iter().chain(source).collect();
    if asked.is_empty() { "/inbox".into() } else { format!("/inbox?{}", asked.join("&")) }
}

/// A page of the inbox.
pub fn list(view: &ListView) -> String {
    let here = path(view.state, view.source.as_deref());
    let told = "What came in by webhooks and as returned mail. Times are in UTC.";
    let mut body = heading("Inbox", told, &view.visitor, &here);
    body.push_str(&note_done(view.done.as_deref()));
    if view.kept.totals.is_empty() {
        put!(
            &mut body,
            "<div class=\"empty\">{MARK}<h2>Nothing came in yet</h2><p class=\"lead\">What servers and providers tell \
             about mail that was sent is kept here, with what was made of it.</p></div>"
        );
        return layout("Inbox", Some(Section::Inbox), &body);
    }
    put_states(&mut body, view);
    put_tools(&mut body, view, &here);
    put_rows(&mut body, view, &here);
    layout("Inbox", Some(Section::Inbox), &body)
}

/// The states as tabs, each with how much there is.
fn put_states(body: &mut String, view: &ListView) {
    let source = view.source.as_deref();
    body.push_str("<nav class=\"tabs\" aria-label=\"States\"><ul>");
    let current = |is_current: bool| if is_current { " aria-current=\"page\"" } else { "" };
    put!(body, "<li><a href=\"{}\"{}>All</a></li>", Escaped(&path(None, source)), current(view.state.is_none()));
    for (state, _) in STATES {
        let total = view.kept.totals.iter().find(|total| total.state == state).map_or(0, |total| total.rows);
        put!(
            body,
            "<li><a href=\"{}\"{}>{}",
            Escaped(&path(Some(state), source)),
            current(view.state == Some(state)),
            titled(state)
        );
        if total > 0 {
            put!(body, "<span class=\"count\">{total}</span>");
        }
        body.push_str("</a></li>");
    }
    body.push_str("</ul></nav>");
}

fn put_tools(body: &mut String, view: &ListView, here: &str) {
    body.push_str("<div class=\"choices tools\"><p class=\"choices\"><span class=\"quiet\">From</span>");
    let sources = view.kept.sources.iter().map(|source| (source.as_str(), Some(source.as_str())));
    for (words, source) in std::iter::once(("everywhere", None)).chain(sources) {
        if view.source.as_deref() == source {
            put!(body, "<strong>{}</strong>", Escaped(words));
        } else {
            put!(body, "<a href=\"{}\">{}</a>", Escaped(&path(view.state, source)), Escaped(words));
        }
    }
    body.push_str("</p>");
    if view.kept.total > 0 && view.state != Some("received") {
        let question = match here.split_once('?') {
            Some((_, asked)) => format!("/inbox/replay?{asked}"),
            None => "/inbox/replay?all=true".into(),
        };
        put!(body, "<a class=\"button\" href=\"{}\">Read these again…</a>", Escaped(&question));
    }
    body.push_str("</div>");
}

fn put_rows(body: &mut String, view: &ListView, here: &str) {
    if view.kept.rows.is_empty() {
        body.push_str(
            "<div class=\"empty\"><h2>Nothing like that is kept</h2><p><a class=\"button\" href=\"/inbox\">Show \
                       everything</a></p></div>",
        );
        return;
    }
    body.push_str("<section aria-labelledby=\"rows\"><h2 id=\"rows\" class=\"unseen\">Rows</h2><ul class=\"lines\">");
    for row in &view.kept.rows {
        put!(
            body,
            "<li><div><h3><a href=\"/inbox/{}\">{}</a> {}</h3>",
            Escaped(&query(&row.id)),
            moment(&row.received_at),
            badge(&row.state)
        );
        put!(
            body,
            "<p class=\"quiet\">From {}, {}, {}</p>",
            Escaped(&row.source),
            Escaped(&kind(&row.content_type)),
            size(row.bytes)
        );
        put!(body, "<p>{}</p></div></li>", Escaped(&came_to(row)));
    }
    body.push_str("</ul>");
    put_paging(body, here, view.page, view.pages, ("Newer", "Older"));
    body.push_str("</section>");
}

/// One row.
pub fn show(view: &ShowView) -> String {
    let row = &view.shown.row;
    let mut body = String::from("<p class=\"back\"><a href=\"/inbox\">← The whole inbox</a></p>");
    let title = format!("From {}", row.source);
    body.push_str(&heading(&title, &came_to(row), &view.visitor, &format!("/inbox/{}", row.id)));
    body.push_str(&note_done(view.done.as_deref()));
    put_facts(&mut body, &view.shown);
    if row.state != "received" {
        put!(
            &mut body,
            "<p class=\"choices\"><a class=\"button\" href=\"/inbox/replay?id={}\">Read again…</a></p>",
            Escaped(&query(&row.id))
        );
    }
    put_events(&mut body, &view.shown);
    put_content(&mut body, &view.shown);
    layout(&title, Some(Section::Inbox), &body)
}

fn put_facts(body: &mut String, shown: &Shown) {
    let row = &shown.row;
    put!(body, "<dl class=\"facts\"><div><dt>State</dt><dd>{}</dd></div>", badge(&row.state));
    put!(body, "<div><dt>Received</dt><dd>{}</dd></div>", moment(&row.received_at));
    put!(body, "<div><dt>Id</dt><dd><code>{}</code></dd></div>", Escaped(&row.id));
    put!(body, "<div><dt>Type</dt><dd>{}, {}</dd></div>", Escaped(&row.content_type), size(row.bytes));
    let verified = if row.verified { "verified" } else { "not verified" };
    put!(body, "<div><dt>Source</dt><dd>{}, {verified}", Escaped(&row.source));
    if let Some(provider) = &shown.provider {
        put!(body, ", for {}", Escaped(provider));
    }
    body.push_str("</dd></div>");
    if let Some(plugin) = &row.plugin {
        put!(body, "<div><dt>Read by</dt><dd>{}</dd></div>", Escaped(plugin));
    }
    put!(body, "<div><dt>Tried</dt><dd>{}", times(row.attempts));
    if row.replays > 0 {
        put!(body, ", read again {}", times(row.replays));
    }
    body.push_str("</dd></div>");
    if let Some(due_at) = &row.due_at {
        put!(body, "<div><dt>Due</dt><dd>{}</dd></div>", moment(due_at));
    }
    body.push_str("</dl>");
    if let Some(error) = &row.error {
        put!(body, "<p class=\"alarm\">{}</p>", Escaped(error));
    }
}

fn put_events(body: &mut String, shown: &Shown) {
    let events = shown.outcome["events"].as_array().map(Vec::as_slice).unwrap_or_default();
    let ignored = shown.outcome["ignored"].as_array().map(Vec::as_slice).unwrap_or_default();
    if events.is_empty() && ignored.is_empty() {
        return;
    }
    body.push_str("<section aria-labelledby=\"events\"><h2 id=\"events\">Events</h2><ul class=\"lines\">");
    let matches = shown.matches.as_array().map(Vec::as_slice).unwrap_or_default();
    for (index, event) in events.iter().enumerate().take(EVENTS_MAX) {
        let found = matches.iter().find(|found| found["event"].as_u64() == u64::try_from(index).ok());
        put_event(body, event, found);
    }
    for item in ignored.iter().take(EVENTS_MAX) {
        put!(
            body,
            "<li><div><h3>No event</h3><p class=\"quiet\">{}</p></div></li>",
            Escaped(item["reason"].as_str().unwrap_or_default())
        );
    }
    body.push_str("</ul>");
    if events.len() > EVENTS_MAX || ignored.len() > EVENTS_MAX {
        put!(
            body,
            "<p class=\"quiet\">There are {} events and {} other items; the first {EVENTS_MAX} of each are shown.</p>",
            events.len(),
            ignored.len()
        );
    }
    body.push_str("</section>");
}

fn put_event(body: &mut String, event: &Json, found: Option<&Json>) {
    let text = |name: &str| event[name].as_str().unwrap_or_default();
    put!(body, "<li><div><h3>{}", Escaped(&titled(text("kind"))));
    if !text("bounce_type").is_empty() {
        put!(body, ", {}", Escaped(text("bounce_type")));
    }
    if !text("recipient").is_empty() {
        put!(body, ": {}", Escaped(text("recipient")));
    }
    body.push_str("</h3>");
    let about: Vec<_> = ["provider", "class", "enhanced_code", "complaint_type"].map(text).into_iter().collect();
    let about: Vec<_> = about.into_iter().filter(|word| !word.is_empty()).collect();
    put!(body, "<p class=\"quiet\">{}</p>", Escaped(&about.join(", ")));
    if !text("reason").is_empty() {
        put!(body, "<p>{}</p>", Escaped(text("reason")));
    }
    let of = |name: &str| found.and_then(|found| found[name].as_str()).unwrap_or_default();
    let told = match of("result") {
        "accepted" => "Recorded for",
        "duplicate" => "Known already, for",
        "guessed" => "Changed nothing; perhaps it is about",
        "unmatched" => "Fits no email that was sent.",
        // Not an event that is matched, such as an automatic reply.
        _ => "No news about an email.",
    };
    put!(body, "<p class=\"quiet\">{told}");
    if !of("email_id").is_empty() {
        let by = of("by").replace('_', " ");
        put!(
            body,
            " {} of <code>{}</code>, found by {}",
            Escaped(of("recipient")),
            Escaped(of("email_id")),
            Escaped(&by)
        );
    }
    body.push_str("</p></div></li>");
}

fn put_content(body: &mut String, shown: &Shown) {
    body.push_str("<section aria-labelledby=\"content\"><h2 id=\"content\">As it came</h2>");
    if !shown.headers.is_empty() {
        body.push_str("<dl class=\"facts\">");
        for (name, value) in &shown.headers {
            put!(body, "<div><dt>{}</dt><dd>{}</dd></div>", Escaped(name), Escaped(value));
        }
        body.push_str("</dl>");
    }
    let part = cut(&shown.body, BODY_BYTES_MAX);
    if shown.body_encoding == "base64" {
        body.push_str("<p class=\"quiet\">It is no text, so it is shown in base64.</p>");
    }
    put!(body, "<pre class=\"letter\" tabindex=\"0\" aria-label=\"Body\">{}</pre>", Escaped(part));
    if part.len() < shown.body.len() {
        put!(
            body,
            "<p class=\"quiet\">This is the beginning; <code>pillarbox inbox show {}</code> shows all.</p>",
            Escaped(&shown.row.id)
        );
    }
    body.push_str("</section>");
}

/// What a row came to, in a sentence.
fn came_to(row: &Row) -> String {
    let counted = |count: u64, words: &str| match count {
        0 => None,
        1 => Some(format!("1 event {words}")),
        count => Some(format!("{count} events {words}")),
    };
    let parts = [
        counted(row.accepted, "recorded"),
        counted(row.duplicates, "known already"),
        counted(row.unmatched, "without an email"),
        counted(row.guessed, "with a guess"),
    ];
    let parts: Vec<_> = parts.into_iter().flatten().collect();
    match row.state.as_str() {
        "received" => "It waits to be read.".into(),
        "unparsed" => "No normalizer understands it.".into(),
        "refused" => "It could not be read.".into(),
        _ if parts.is_empty() => "Nothing in it is news about an email.".into(),
        _ => format!("{}.", parts.join(", ")),
    }
}

fn badge(state: &str) -> String {
    let kind = STATES.iter().find(|(known, _)| *known == state).map_or("plain", |(_, kind)| kind);
    format!("<span class=\"badge {kind}\">{}</span>", Escaped(state))
}

/// With a capital letter.
fn titled(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// A content type without its parameters.
fn kind(content_type: &str) -> String {
    let kind = content_type.split(';').next().unwrap_or_default().trim();
    if kind.is_empty() { "no type".into() } else { kind.to_ascii_lowercase() }
}

fn size(bytes: u64) -> String {
    if bytes < 1_024 { format!("{bytes} bytes") } else { format!("{} KiB", bytes.div_ceil(1_024)) }
}

fn times(count: u64) -> String {
    match count {
        0 => "not yet".into(),
        1 => "once".into(),
        count => format!("{count} times"),
    }
}

#[cfg(test)]
mod tests;
