//! The capture mailbox: what would have left the machine, for a person to look at.

use super::paging::put_paging;
use super::{Escaped, MARK, Section, layout, put};

mod frame;
mod message;

pub use frame::{FRAME_POLICY, html_document};
pub use message::{Attachment, MessageView, TimelineEvent, show};

/// The columns of the list, each with its class.
const COLUMNS: [(&str, &str); 6] = [
    ("subject", "Subject"),
    ("from", "From"),
    ("to", "To"),
    ("customer", "Customer"),
    ("state", "Status"),
    ("when", "When (UTC)"),
];

/// A page of the list, newest first.
#[derive(Debug, Clone, Default)]
pub struct ListView {
    /// Newest first.
    pub rows: Vec<Row>,
    /// The page shown, from 1.
    pub page: u64,
    /// How many pages there are.
    pub pages: u64,
    /// How many emails there are in all.
    pub total: u64,
    /// Where the API takes an email, for the example that an empty mailbox shows.
    pub send_url: String,
}

/// An email in the list.
#[derive(Debug, Clone, Default)]
pub struct Row {
    /// The email's id, as it stands in its address: `/mailbox/{id}`.
    pub id: String,
    /// When it was captured: RFC 3339 in UTC.
    pub at: String,
    /// The author.
    pub from: String,
    /// The first recipient.
    pub to: String,
    /// As it was sent; may be empty.
    pub subject: String,
    /// The name of the customer whose it is.
    pub customer: String,
    /// The word for where it stands.
    pub status: String,
}

/// The list of captured mail.
pub fn list(view: &ListView) -> String {
    let body = if view.rows.is_empty() { nothing(view) } else { rows(view) };
    let title = if view.page > 1 { format!("Mailbox, page {}", view.page) } else { "Mailbox".to_owned() };
    layout(&title, Some(Section::Mailbox), &body)
}

/// For an address under `/` that leads to nothing. Comes with 404.
pub fn missing() -> String {
    let body = "<div class=\"empty\"><h1>There is nothing here</h1>\
                <p class=\"lead\">The email may have been removed, or the address has a mistake in it.</p>\
                <p><a class=\"button\" href=\"/mailbox\">Go to the mailbox</a></p></div>";
    layout("Nothing here", None, body)
}

fn rows(view: &ListView) -> String {
    let emails = if view.total == 1 { "1 email" } else { &format!("{} emails", view.total) };
    let mut body = format!(
        "<div class=\"heading\"><div><h1>Mailbox</h1><p class=\"quiet\">{emails}, newest first. None of them has left this \
         machine.</p></div><a class=\"button\" href=\"/mailbox\">Check for new mail</a></div>\
         <table class=\"mail\" role=\"table\"><caption class=\"unseen\">Captured emails, newest first</caption>\
         <thead role=\"rowgroup\"><tr role=\"row\">"
    );
    for (class, name) in COLUMNS {
        put!(&mut body, "<th role=\"columnheader\" scope=\"col\" class=\"{class}\">{name}</th>");
    }
    body.push_str("</tr></thead><tbody role=\"rowgroup\">");
    for row in &view.rows {
        put_row(&mut body, row);
    }
    body.push_str("</tbody></table>");
    put_paging(&mut body, "/mailbox", view.page, view.pages, ("Newer", "Older"));
    body
}

// The roles repeat what a table means, because browsers forget it when a phone's style lays the rows out otherwise.
fn put_row(body: &mut String, row: &Row) {
    let Row { id, at, from, to, subject, customer, status } = row;
    // The title has what the row has no room for.
    put!(
        body,
        "<tr role=\"row\"><td role=\"cell\" class=\"subject\"><a href=\"/mailbox/{}\">{}</a></td>\
         <td role=\"cell\" class=\"from\" title=\"{from}\">{from}</td>\
         <td role=\"cell\" class=\"to\" title=\"{to}\">{to}</td>\
         <td role=\"cell\" class=\"customer\" title=\"{customer}\">{customer}</td><td role=\"cell\" class=\"state\">{}</td>\
         <td role=\"cell\" class=\"when\">{}</td></tr>",
        Escaped(id),
        subject_line(subject),
        badge(status),
        moment(at),
        from = Escaped(from),
        to = Escaped(to),
        customer = Escaped(customer),
    );
}

fn nothing(view: &ListView) -> String {
    if view.total > 0 {
        return format!(
            "<div class=\"empty\"><h1>There is no page {}</h1><p class=\"lead\">The mailbox has {} at the moment.</p>\
             <p><a class=\"button\" href=\"/mailbox\">Show the newest emails</a></p></div>",
            view.page,
            if view.pages == 1 { "1 page".to_owned() } else { format!("{} pages", view.pages) }
        );
    }
    format!(
        "<div class=\"empty\">{MARK}<h1>No mail yet</h1>\
         <p class=\"lead\">Emails sent through the API end up here instead of leaving this machine, so you can see what \
         they look like. Send the first one:</p>\
         <pre tabindex=\"0\" role=\"group\" aria-label=\"A request that sends an email\"><code>curl {} \\\n  \
         -H \"Authorization: Bearer $PILLARBOX_KEY\" \\\n  -H \"Content-Type: application/json\" \\\n  \
         -d '{{\"to\": \"ada@example.com\",\n       \"subject\": \"Hello\",\n       \"text\": \"The first of many.\"}}'</code></pre>\
         <p><a class=\"button\" href=\"/mailbox\">Check for new mail</a></p></div>",
        Escaped(&view.send_url)
    )
}

/// A subject as HTML, with words for none.
fn subject_line(subject: &str) -> String {
    if subject.trim().is_empty() { "<i>(no subject)</i>".to_owned() } else { Escaped(subject).to_string() }
}

/// Where an email stands. The colour only repeats what the word says.
fn badge(status: &str) -> String {
    let tone = match status {
        "delivered" | "opened" | "clicked" => "good",
        "bounced" | "failed" | "complained" => "bad",
        "deferred" | "scheduled" | "unsubscribed" => "wait",
        _ => "plain",
    };
    format!("<span class=\"badge {tone}\">{}</span>", Escaped(status))
}

/// A moment for people: `15 Mar 2024, 14:30:00`. What is no RFC 3339 in UTC is shown as it is.
pub(super) fn moment(at: &str) -> String {
    match readable(at) {
        Some(text) => format!("<time datetime=\"{}\">{text}</time>", Escaped(at)),
        None => format!("<span>{}</span>", Escaped(at)),
    }
}

fn readable(at: &str) -> Option<String> {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let (date, time) = at.strip_suffix('Z')?.split_once('T')?;
    let mut date = date.splitn(3, '-').map(|number| number.parse::<u16>().ok());
    let (year, month, day) = (date.next()??, date.next()??, date.next()??);
    let month = MONTHS.get(usize::from(month.checked_sub(1)?))?;
    let seconds = time.split('.').next()?;
    let is_clock = seconds.len() == 8 && seconds.bytes().all(|byte| byte.is_ascii_digit() || byte == b':');
    is_clock.then(|| format!("{day} {month} {year}, {seconds}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(subject: &str) -> Row {
        Row {
            id: "0195-id".into(),
            at: "2024-03-15T14:30:00.12Z".into(),
            from: "shop@example.com".into(),
            to: "ada@example.com".into(),
            subject: subject.into(),
            customer: "Acme".into(),
            status: "delivered".into(),
        }
    }

    fn page_of(rows: Vec<Row>, page: u64, pages: u64) -> String {
        let total = pages.saturating_mul(50);
        list(&ListView { rows, page, pages, total, send_url: "http://localhost:8080/api/send".into() })
    }

    #[test]
    fn an_empty_mailbox_tells_how_to_send_the_first_email() {
        let page = page_of(vec![], 1, 0);
        assert!(page.contains("No mail yet"));
        assert!(page.contains("curl http://localhost:8080/api/send \\\n"));
        assert!(!page.contains("<table") && !page.contains("Page "));
    }

    #[test]
    fn a_page_behind_the_last_leads_back() {
        let page = page_of(vec![], 9, 3);
        assert!(page.contains("There is no page 9") && page.contains("The mailbox has 3 pages"));
        assert!(!page.contains("No mail yet"));
    }

    #[test]
    fn a_subject_is_text_whatever_it_says() {
        let page = page_of(vec![row("<script>alert('\"')</script>")], 1, 1);
        assert!(page.contains(">&lt;script&gt;alert(&#39;&quot;&#39;)&lt;/script&gt;</a>"));
        assert!(!page.contains("<script"));
        assert!(page_of(vec![row(" ")], 1, 1).contains("<i>(no subject)</i>"));
    }

    #[test]
    fn no_field_can_leave_its_place() {
        let hostile = || "\"><img src=x onerror=alert(1)>'".to_owned();
        let row = Row {
            id: hostile(),
            at: hostile(),
            from: hostile(),
            to: hostile(),
            subject: hostile(),
            customer: hostile(),
            status: hostile(),
        };
        let page = list(&ListView { rows: vec![row], page: 1, pages: 1, total: 1, send_url: hostile() });
        assert!(!page.contains("<img"));
        assert_eq!(page.matches("&quot;&gt;&lt;img src=x onerror=alert(1)&gt;&#39;").count(), 10);
        let empty = list(&ListView { send_url: hostile(), ..ListView::default() });
        assert!(!empty.contains("<img"));
    }

    #[test]
    fn moments_are_readable_and_never_guessed() {
        #[track_caller]
        fn reads(at: &str, expected: Option<&str>) {
            assert_eq!(readable(at).as_deref(), expected, "{at}");
        }
        reads("2024-03-15T14:30:00Z", Some("15 Mar 2024, 14:30:00"));
        reads("2024-12-01T00:00:00.123Z", Some("1 Dec 2024, 00:00:00"));
        for at in [
            "",
            "Z",
            "T",
            "2024-13-01T00:00:00Z",
            "2024-00-01T00:00:00Z",
            "2024-03-15T14:30:00+01:00",
            "-1-1-1T1Z",
            "2024-03-15Tü0:00:0Z",
        ] {
            reads(at, None);
        }
    }
}
