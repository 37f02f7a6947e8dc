//! The dashboard: what was sent, what came of it, and what happens now. One for operators, one for each customer.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::mailbox::moment;
use super::visitor::heading;
use super::{Escaped, MARK, Section, Visitor, document, layout, put, query};
use crate::hash::sha256;
use crate::mail::event::words;

mod graph;

use graph::{Line, grouped, put_graph};

/// The one script of these pages: it adds what happens to the list of events. Without it the list is as of its loading.
const LIVE: &str = include_str!("dashboard/live.js");

words! {
    /// How far a dashboard looks back.
    Period {
        /// 24 hours, by hours.
        Day = "24h",
        /// Seven days, by days as all below.
        Week = "7d",
        /// Thirty days.
        Month = "30d",
        /// Ninety days.
        Quarter = "90d",
    }
}

impl Period {
    /// How many hours, for the first, or days.
    pub fn steps(self) -> i64 {
        match self {
            Self::Day => 24,
            Self::Week => 7,
            Self::Month => 30,
            Self::Quarter => 90,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Day => "24 hours",
            Self::Week => "7 days",
            Self::Month => "30 days",
            Self::Quarter => "90 days",
        }
    }
}

/// What was counted in a while. Each email's first open and click count, machines' included.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Figures {
    /// Copies that were accepted.
    pub sent: i64,
    /// Copies that were taken.
    pub delivered: i64,
    /// Copies that came back or were given up.
    pub bounced: i64,
    /// Emails that were opened.
    pub opened: i64,
    /// Emails that were clicked.
    pub clicked: i64,
    /// Copies that were reported.
    pub complained: i64,
}

/// How a domain's mail is received.
#[derive(Debug, Clone, Default)]
pub struct DomainRow {
    /// Its name.
    pub name: String,
    /// `pending`, `verified` or `failed`; `removed` for one that is gone.
    pub status: &'static str,
    /// What was counted of it.
    pub figures: Figures,
}

/// How an account's mail was judged to be.
#[derive(Debug, Clone, Default)]
pub struct Health {
    /// From A+ to F.
    pub grade: String,
    /// From 0 to 100.
    pub score: String,
    /// A sentence.
    pub summary: String,
    /// What to do, the most urgent first.
    pub advice: Vec<String>,
}

/// An event as the list has it.
#[derive(Debug, Clone, Default)]
pub struct Happened {
    /// Its id.
    pub id: String,
    /// A word.
    pub event_type: &'static str,
    /// RFC 3339 in UTC.
    pub at: String,
    /// Whom the email went to.
    pub recipient: String,
    /// A sentence.
    pub summary: String,
}

/// What a dashboard shows.
#[derive(Debug, Clone)]
pub struct View {
    /// The customer's name; `None` for all of them.
    pub customer: Option<String>,
    /// The customer's address, as far as an operator asked for one.
    pub asked: Option<String>,
    /// How far it looks back.
    pub period: Period,
    /// When each step begins, as it is read, with what was counted in it.
    pub steps: Vec<(String, Figures)>,
    /// Bounces by their class, the most frequent first.
    pub reasons: Vec<(String, i64)>,
    /// Those with the most mail first.
    pub domains: Vec<DomainRow>,
    /// `None` where nothing was judged yet.
    pub health: Option<Health>,
    /// The latest first; `None` where the account may not see them.
    pub events: Option<Vec<Happened>>,
}

/// What a browser may do with these pages: what it may with the others, run the one script, and follow events here.
pub fn policy() -> String {
    let hash = STANDARD.encode(sha256(LIVE.as_bytes()));
    format!("{}; script-src 'sha256-{hash}'; connect-src 'self'", super::CONTENT_SECURITY_POLICY)
}

/// The page for operators.
pub fn for_operators(view: &View, visitor: &Visitor) -> String {
    let here = match &view.asked {
        Some(asked) => format!("/dashboard?customer={}&period={}", query(asked), view.period.as_str()),
        None => format!("/dashboard?period={}", view.period.as_str()),
    };
    let title = view.customer.as_ref().map_or_else(|| "Dashboard".to_owned(), |name| format!("Dashboard of {name}"));
    let mut body = String::new();
    if view.asked.is_some() {
        put!(
            &mut body,
            "<p class=\"back\"><a href=\"/dashboard?period={}\">← All customers</a></p>",
            view.period.as_str()
        );
    }
    body.push_str(&heading(&title, &told(view), visitor, &here));
    put!(
        &mut body,
        "<form class=\"finder tools\" method=\"get\" action=\"/dashboard\"><label for=\"customer\">Customer</label>\
         <input id=\"customer\" name=\"customer\" type=\"text\" autocomplete=\"off\" placeholder=\"ada@example.com\" \
         value=\"{}\"><input type=\"hidden\" name=\"period\" value=\"{}\">\
         <button class=\"button\" type=\"submit\">Show</button></form>",
        Escaped(view.asked.as_deref().unwrap_or_default()),
        view.period.as_str()
    );
    let whose = view.asked.as_ref().map(|asked| format!("customer={}&", query(asked))).unwrap_or_default();
    put_all(&mut body, view, &whose);
    layout(&title, Some(Section::Dashboard), &body)
}

/// The page for a customer.
pub fn for_customer(view: &View) -> String {
    let name = view.customer.as_deref().unwrap_or_default();
    let mut body = format!(
        "<div class=\"heading\"><div><h1>{}</h1><p class=\"quiet\">{}</p></div>\
         <form method=\"post\" action=\"/dashboard\"><input type=\"hidden\" name=\"sign-out\" value=\"yes\">\
         <button class=\"button\" type=\"submit\">Sign out</button></form></div>",
        Escaped(name),
        told(view)
    );
    put_all(&mut body, view, "");
    customers_own("Dashboard", &body)
}

/// The form that a customer signs in on. `wrong` says why the last try failed.
pub fn sign_in(wrong: Option<&str>) -> String {
    let alarm = wrong
        .map(|wrong| format!("<p class=\"alarm\" id=\"wrong\" role=\"alert\">{}</p>", Escaped(wrong)))
        .unwrap_or_default();
    let described = if wrong.is_some() {
        " aria-invalid=\"true\" aria-describedby=\"wrong where\""
    } else {
        " aria-describedby=\"where\""
    };
    let body = format!(
        "<div class=\"sheet\"><h1>Sign in</h1>{alarm}<form method=\"post\" action=\"/dashboard\">\
         <label for=\"key\">API key</label>\
         <input id=\"key\" name=\"key\" type=\"password\" autocomplete=\"current-password\" required{described}>\
         <p class=\"quiet\" id=\"where\">It begins with <code>ml_live_</code> or <code>ml_test_</code>. It is not kept in \
         this browser; what is kept ends in 12 hours, or when the key is rotated.</p>\
         <button type=\"submit\">Sign in</button></form></div>"
    );
    customers_own("Sign in", &body)
}

/// An item of the list of events, in one line.
pub fn item(event: &Happened) -> String {
    let kind = match event.event_type {
        "delivered" | "opened" | "clicked" => "good",
        "bounced" | "failed" | "complained" => "bad",
        "deferred" | "unsubscribed" | "canceled" => "wait",
        _ => "quiet",
    };
    let said = format!(
        "<li data-id=\"{}\"><span class=\"badge {kind}\">{}</span> <b>{}</b> <span>{}</span> <span class=\"quiet\">{}</span></li>",
        Escaped(&event.id),
        Escaped(event.event_type),
        Escaped(&event.recipient),
        Escaped(&event.summary),
        moment(&event.at)
    );
    // A line feed would end what is sent.
    said.replace(['\n', '\r'], " ")
}

/// A page for customers: nothing on it leads to where operators are.
fn customers_own(title: &str, body: &str) -> String {
    let content = format!(
        "<header class=\"bar\"><a class=\"brand\" href=\"/dashboard\">{MARK}Pillarbox</a><nav aria-label=\"Main\"><ul>\
         <li><a href=\"/dashboard\" aria-current=\"true\">Dashboard</a></li><li><a href=\"/docs\">API reference</a></li></ul>\
         </nav></header><main id=\"content\" tabindex=\"-1\">{body}</main>"
    );
    document(&format!("{title} · Pillarbox"), "operator", &content)
}

fn told(view: &View) -> String {
    let of = if view.customer.is_some() { "" } else { " of all customers" };
    format!("The last {}{of}. Times are in UTC.", view.period.name())
}

/// Everything below the heading. `whose` stands in the query of every link.
fn put_all(body: &mut String, view: &View, whose: &str) {
    let whose = Escaped(whose).to_string();
    body.push_str("<nav class=\"tabs\" aria-label=\"Period\"><ul>");
    for period in Period::ALL {
        let current = if *period == view.period { " aria-current=\"page\"" } else { "" };
        put!(body, "<li><a href=\"/dashboard?{whose}period={}\"{current}>{}</a></li>", period.as_str(), period.name());
    }
    body.push_str("</ul></nav>");
    let totals = view.steps.iter().fold(Figures::default(), |sum, (_, step)| sum.and(step));
    put_tiles(body, &totals);
    put_health(body, view);
    put_graphs(body, view);
    put_reasons(body, view, totals.bounced);
    put_domains(body, view);
    put_events(body, view, &whose);
}

impl Figures {
    fn and(self, other: &Self) -> Self {
        Self {
            sent: self.sent + other.sent,
            delivered: self.delivered + other.delivered,
            bounced: self.bounced + other.bounced,
            opened: self.opened + other.opened,
            clicked: self.clicked + other.clicked,
            complained: self.complained + other.complained,
        }
    }
}

fn put_tiles(body: &mut String, totals: &Figures) {
    let Figures { sent, delivered, bounced, opened, clicked, complained } = *totals;
    body.push_str("<dl class=\"tiles\">");
    for (name, number, rate) in [
        ("Sent", sent, None),
        ("Delivered", delivered, Some((sent, "of the sent"))),
        ("Opened", opened, Some((delivered, "of the delivered"))),
        ("Clicked", clicked, Some((delivered, "of the delivered"))),
        ("Bounced", bounced, Some((sent, "of the sent"))),
        ("Complaints", complained, Some((delivered, "of the delivered"))),
    ] {
        put!(body, "<div><dt>{name}</dt><dd>{}", grouped(number));
        if let Some((whole, of)) = rate {
            put!(body, " <span class=\"quiet\">{} {of}</span>", percent(number, whole));
        }
        body.push_str("</dd></div>");
    }
    body.push_str("</dl>");
}

fn put_health(body: &mut String, view: &View) {
    let Some(health) = &view.health else { return };
    put!(
        body,
        "<section aria-labelledby=\"health\"><h2 id=\"health\">Health</h2><p class=\"lead\"><b class=\"grade\">{}</b> {} of \
         100. {}</p>",
        Escaped(&health.grade),
        Escaped(&health.score),
        Escaped(&health.summary)
    );
    if !health.advice.is_empty() {
        body.push_str("<ul class=\"advice\">");
        for advice in &health.advice {
            put!(body, "<li>{}</li>", Escaped(advice));
        }
        body.push_str("</ul>");
    }
    body.push_str("</section>");
}

fn put_graphs(body: &mut String, view: &View) {
    let labels: Vec<_> = view.steps.iter().map(|(label, _)| label.clone()).collect();
    let line = |name, number: fn(&Figures) -> i64| Line {
        name,
        values: view.steps.iter().map(|(_, step)| number(step)).collect(),
    };
    body.push_str("<section aria-labelledby=\"over-time\"><h2 id=\"over-time\">Over time</h2><div class=\"graphs\">");
    let sends = [line("Sent", |step| step.sent), line("Delivered", |step| step.delivered)];
    put_graph(body, "sends", "Sends and deliveries", &labels, &sends);
    let readers = [line("Opened", |step| step.opened), line("Clicked", |step| step.clicked)];
    put_graph(body, "readers", "Opens and clicks", &labels, &readers);
    let trouble = [line("Bounced", |step| step.bounced), line("Complaints", |step| step.complained)];
    put_graph(body, "trouble", "Bounces and complaints", &labels, &trouble);
    body.push_str(
        "</div><p class=\"quiet\">An email counts as opened and as clicked once, when it first was, by a person or a \
         machine.</p></section>",
    );
}

fn put_reasons(body: &mut String, view: &View, bounced: i64) {
    body.push_str("<section aria-labelledby=\"reasons\"><h2 id=\"reasons\">Why mail bounced</h2>");
    let most = view.reasons.iter().map(|(_, total)| *total).max().unwrap_or(0);
    if most <= 0 {
        let told = if bounced > 0 { "Nobody said why." } else { "Nothing bounced." };
        put!(body, "<p class=\"quiet\">{told}</p></section>");
        return;
    }
    body.push_str("<ul class=\"shares\">");
    for (reason, total) in &view.reasons {
        put!(
            body,
            "<li><span>{}</span><svg viewBox=\"0 0 100 10\" preserveAspectRatio=\"none\" aria-hidden=\"true\" \
             focusable=\"false\"><rect width=\"{}\" height=\"10\"/></svg><b>{}</b></li>",
            Escaped(&reason.replace(['_', '-'], " ")),
            (total * 100 / most).clamp(1, 100),
            grouped(*total)
        );
    }
    body.push_str("</ul></section>");
}

fn put_domains(body: &mut String, view: &View) {
    body.push_str("<section aria-labelledby=\"domains\"><h2 id=\"domains\">Domains</h2>");
    if view.domains.is_empty() {
        body.push_str("<p class=\"quiet\">No domain sent anything.</p></section>");
        return;
    }
    body.push_str("<ul class=\"lines\">");
    for domain in &view.domains {
        let Figures { sent, delivered, bounced, complained, .. } = domain.figures;
        let (kind, word) = received(&domain.figures);
        put!(body, "<li><div><h3>{} <span class=\"badge {kind}\">{word}</span></h3>", Escaped(&domain.name));
        if domain.status != "verified" {
            put!(body, "<p class=\"bad\">The domain is {}.</p>", domain.status);
        }
        put!(
            body,
            "<p class=\"quiet\">{} sent, {} delivered, {} bounced, {} of the delivered reported</p></div></li>",
            grouped(sent),
            percent(delivered, sent),
            percent(bounced, sent),
            percent(complained, delivered)
        );
    }
    body.push_str("</ul></section>");
}

/// How mail is received, by the documented thresholds: bounces of 2, 5 and 10 %, complaints of 0.1, 0.5 and 1 %.
fn received(figures: &Figures) -> (&'static str, &'static str) {
    let Figures { sent, delivered, bounced, complained, .. } = *figures;
    let is_over = |part: i64, whole: i64, per_mille: i64| part * 1_000 > whole * per_mille;
    if is_over(bounced, sent, 50) || is_over(complained, delivered, 5) {
        ("bad", "too much comes back")
    } else if is_over(bounced, sent, 20) || is_over(complained, delivered, 1) {
        ("wait", "acceptable")
    } else {
        ("good", "good")
    }
}

fn put_events(body: &mut String, view: &View, whose: &str) {
    body.push_str("<section aria-labelledby=\"now\"><h2 id=\"now\">Recent events</h2>");
    let Some(events) = &view.events else {
        body.push_str(
            "<p class=\"quiet\">The account may not see single events. Whoever runs this service can allow it.</p></section>",
        );
        return;
    };
    body.push_str(
        "<div class=\"live\"><p id=\"live\" class=\"quiet\" role=\"status\">As of when this page was loaded.</p></div>",
    );
    if events.is_empty() {
        body.push_str("<p id=\"nothing\" class=\"quiet\">Nothing has happened yet.</p>");
    }
    let after = events.first().map_or("", |event| event.id.as_str());
    put!(body, "<ol id=\"events\" class=\"events\" data-stream=\"/dashboard/stream?{whose}after={}\">", Escaped(after));
    for event in events {
        body.push_str(&item(event));
    }
    put!(body, "</ol></section><script data-live>{LIVE}</script>");
}

/// A share in percent with one decimal.
fn percent(part: i64, whole: i64) -> String {
    if whole <= 0 {
        return "0.0 %".to_owned();
    }
    let tenths = (i128::from(part) * 2_000 + i128::from(whole)) / (i128::from(whole) * 2);
    format!("{}.{} %", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests;
