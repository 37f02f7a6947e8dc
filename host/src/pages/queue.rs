//! The queue: what waits for which destination, and what may be done about it.

use serde::Deserialize;

use super::mailbox::moment;
use super::paging::put_paging;
use super::visitor::{heading, note_done};
use super::{Escaped, MARK, Section, Visitor, layout, put, query};

/// What waits, as the command tells it.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Waiting {
    /// Those that are held back first, then the fullest.
    pub destinations: Vec<Destination>,
    /// A page of them, those that are due first at the top.
    pub copies: Vec<Copy>,
    /// Copies on all pages.
    pub total: u64,
}

/// What waits for one destination.
#[derive(Debug, Clone, Deserialize)]
#[expect(clippy::struct_field_names, reason = "they are the words of the command's answer")]
pub struct Destination {
    /// A domain, or `sandbox`.
    pub destination: String,
    /// Copies in the queue.
    pub copies: u64,
    /// Those that are handed over now.
    pub under_way: u64,
    /// When the next one is due: RFC 3339 in UTC.
    pub due_at: Option<String>,
    /// Since when it is held back.
    pub paused_at: Option<String>,
    /// Why, in an operator's words.
    pub reason: Option<String>,
}

/// One recipient's copy of an email.
#[derive(Debug, Clone, Deserialize)]
pub struct Copy {
    /// The email.
    pub email_id: String,
    /// The name of the customer whose it is.
    pub customer: String,
    /// The author.
    pub from: String,
    /// As its sender spelled it.
    pub recipient: String,
    /// A domain, or `sandbox`.
    pub destination: String,
    /// Attempts that ended.
    pub attempts: u64,
    /// When it is tried next: RFC 3339 in UTC.
    pub due_at: String,
    /// `waiting` or `under_way`.
    pub state: String,
    /// What the last attempt was told.
    pub response: Option<String>,
}

/// A page of the queue.
#[derive(Debug, Clone, Default)]
pub struct ListView {
    /// What is on it.
    pub waiting: Waiting,
    /// The one destination that it is about; `None` for all.
    pub destination: Option<String>,
    /// Whether there are more destinations than it shows.
    pub has_more_destinations: bool,
    /// The page shown, from 1.
    pub page: u64,
    /// How many pages there are.
    pub pages: u64,
    /// What was just done, in a sentence.
    pub done: Option<&'static str>,
    /// Who looks.
    pub visitor: Visitor,
}

/// The path of the page about one destination, or about all.
pub fn path(destination: Option<&str>) -> String {
    destination.map_or_else(|| "/queue".to_owned(), |name| format!("/queue?destination={}", query(name)))
}

/// A page of the queue.
pub fn list(view: &ListView) -> String {
    let here = path(view.destination.as_deref());
    let title = view.destination.as_ref().map_or_else(|| "Queue".to_owned(), |name| format!("Queue for {name}"));
    let mut body = String::new();
    if view.destination.is_some() {
        body.push_str("<p class=\"back\"><a href=\"/queue\">← The whole queue</a></p>");
    }
    body.push_str(&heading(&title, &told(view.waiting.total), &view.visitor, &here));
    body.push_str(&note_done(view.done));
    put_tools(&mut body, view);
    put_destinations(&mut body, view);
    put_copies(&mut body, view, &here);
    layout(&title, Some(Section::Queue), &body)
}

fn told(total: u64) -> String {
    match total {
        0 => "No copy of an email waits for its recipient's server.".into(),
        1 => "1 copy of an email waits for its recipient's server. Times are in UTC.".into(),
        count => format!("{count} copies of emails wait for their recipients' servers. Times are in UTC."),
    }
}

/// What may be done about all of it, and the way to one destination; or about one for which nothing waits.
fn put_tools(body: &mut String, view: &ListView) {
    match &view.destination {
        Some(name) if view.waiting.destinations.is_empty() => {
            body.push_str("<div class=\"choices\">");
            put_button(body, "pause", "destination", name, ("Pause…", name));
            body.push_str("</div>");
        }
        Some(_) => {}
        None => {
            body.push_str(
                "<div class=\"choices tools\"><form class=\"finder\" method=\"get\" action=\"/queue\">\
                 <label for=\"destination\">Destination</label><input id=\"destination\" name=\"destination\" \
                 type=\"text\" autocomplete=\"off\" placeholder=\"example.com\" required>\
                 <button class=\"button\" type=\"submit\">Show</button></form><div class=\"choices\">",
            );
            if view.waiting.total > 0 {
                body.push_str("<a class=\"button\" href=\"/queue/retry?all=true\">Try everything now…</a>");
            }
            body.push_str("<a class=\"button\" href=\"/queue/pause\">Pause a destination…</a></div></div>");
        }
    }
}

fn put_destinations(body: &mut String, view: &ListView) {
    if view.waiting.destinations.is_empty() {
        return;
    }
    body.push_str("<section aria-labelledby=\"destinations\"><h2 id=\"destinations\">Destinations</h2>");
    body.push_str("<ul class=\"lines\">");
    for destination in &view.waiting.destinations {
        put_destination(body, destination);
    }
    body.push_str("</ul>");
    if view.has_more_destinations {
        put!(
            body,
            "<p class=\"quiet\">These are the first {}: those that are paused, then the fullest. Find another one by its \
             name.</p>",
            view.waiting.destinations.len()
        );
    }
    body.push_str("</section>");
}

fn put_destination(body: &mut String, waiting: &Destination) {
    let name = Escaped(&waiting.destination);
    put!(body, "<li><div><h3><a href=\"{}\">{name}</a>", Escaped(&path(Some(&waiting.destination))));
    if waiting.paused_at.is_some() {
        body.push_str(" <span class=\"badge wait\">paused</span>");
    }
    let copies = if waiting.copies == 1 { "1 copy".to_owned() } else { format!("{} copies", waiting.copies) };
    put!(body, "</h3><p class=\"quiet\">{copies}");
    if waiting.under_way > 0 {
        put!(body, ", {} under way", waiting.under_way);
    }
    if let Some(due_at) = &waiting.due_at {
        put!(body, ", the next due {}", moment(due_at));
    }
    body.push_str("</p>");
    if let Some(paused_at) = &waiting.paused_at {
        put!(body, "<p>Paused since {}", moment(paused_at));
        if let Some(reason) = &waiting.reason {
            put!(body, ": {}", Escaped(reason));
        }
        body.push_str("</p>");
    }
    body.push_str("</div><div class=\"choices\">");
    if waiting.copies > waiting.under_way {
        put_button(body, "retry", "destination", &waiting.destination, ("Try now…", &waiting.destination));
    }
    let (action, words) = if waiting.paused_at.is_some() { ("resume", "Resume…") } else { ("pause", "Pause…") };
    put_button(body, action, "destination", &waiting.destination, (words, &waiting.destination));
    body.push_str("</div></li>");
}

/// A link to a question that looks like a button. Who hears the page hears what it is about as well.
fn put_button(body: &mut String, action: &str, name: &str, value: &str, (words, about): (&str, &str)) {
    let value = query(value);
    put!(
        body,
        "<a class=\"button\" href=\"/queue/{action}?{name}={value}\">{words}<span class=\"unseen\"> ({})</span></a>",
        Escaped(about)
    );
}

fn put_copies(body: &mut String, view: &ListView, here: &str) {
    if view.waiting.copies.is_empty() {
        put_nothing(body, view);
        return;
    }
    body.push_str("<section aria-labelledby=\"copies\"><h2 id=\"copies\">Copies, those that are due first</h2>");
    body.push_str("<ul class=\"lines\">");
    for copy in &view.waiting.copies {
        put_copy(body, copy, is_paused(view, copy));
    }
    body.push_str("</ul>");
    put_paging(body, here, view.page, view.pages, ("Due before", "Due later"));
    body.push_str("</section>");
}

fn is_paused(view: &ListView, copy: &Copy) -> bool {
    let mut destinations = view.waiting.destinations.iter();
    destinations.any(|known| known.paused_at.is_some() && known.destination == copy.destination)
}

fn put_copy(body: &mut String, copy: &Copy, is_paused: bool) {
    let is_under_way = copy.state == "under_way";
    put!(body, "<li><div><h3>{} ", Escaped(&copy.recipient));
    match (is_under_way, is_paused) {
        (true, _) => body.push_str("<span class=\"badge good\">under way</span></h3>"),
        (false, true) => body.push_str("<span class=\"badge wait\">paused</span></h3>"),
        (false, false) => body.push_str("<span class=\"badge plain\">waiting</span></h3>"),
    }
    let attempts = match copy.attempts {
        0 => "not tried yet".to_owned(),
        1 => "tried once".to_owned(),
        count => format!("tried {count} times"),
    };
    put!(body, "<p class=\"quiet\">From {} ({}), {attempts}", Escaped(&copy.from), Escaped(&copy.customer));
    if !is_under_way {
        put!(body, ", due {}", moment(&copy.due_at));
    }
    body.push_str("</p>");
    if let Some(response) = &copy.response {
        put!(body, "<p>Last answer: {}</p>", Escaped(response));
    }
    put!(body, "<p class=\"quiet\"><code>{}</code></p></div>", Escaped(&copy.email_id));
    if !is_under_way {
        body.push_str("<div class=\"choices\">");
        put_button(body, "retry", "email_id", &copy.email_id, ("Try now…", &copy.recipient));
        if copy.attempts == 0 {
            put_button(body, "cancel", "email_id", &copy.email_id, ("Take back…", &copy.recipient));
        }
        body.push_str("</div>");
    }
    body.push_str("</li>");
}

fn put_nothing(body: &mut String, view: &ListView) {
    if view.waiting.total > 0 {
        put!(
            body,
            "<div class=\"empty\"><h2>There is no page {}</h2><p><a class=\"button\" href=\"{}\">Show what is due \
             first</a></p></div>",
            view.page,
            Escaped(&path(view.destination.as_deref()))
        );
        return;
    }
    put!(
        body,
        "<div class=\"empty\">{MARK}<h2>Nothing waits</h2><p class=\"lead\">A copy stands here from the moment an email is \
         accepted until its recipient's server has taken it, has refused it for good, or was asked too often.</p></div>"
    );
}

#[cfg(test)]
mod tests;
