//! How links are written and how many there are.

use super::support::{Case, letter, link, notes, page, points, spares};

pub fn cases() -> Vec<Case> {
    let links = |count: usize, host: &str| page(&format!("<a href='https://{host}/x'>a</a> ").repeat(count));
    let label = |length: usize| link("https://engine.example/", &"a ".repeat(length / 2));
    let recipients = "https://engine.example/?to=charles%40engine.example";
    vec![
        points("LINK_HOST_DIGITS", link("https://x1029384.com/", "notes"), "https://x1029384.com/"),
        spares("LINK_HOST_DIGITS", link("https://x10293.com/", "notes")),
        spares("LINK_HOST_DIGITS", link("https://192.0.2.255/", "notes")),
        points(
            "LINK_HOST_HYPHENS",
            link("https://log-in-at-your-bank.com/", "notes"),
            "https://log-in-at-your-bank.com/",
        ),
        spares("LINK_HOST_HYPHENS", link("https://a-well-known-bank.com/", "notes")),
        notes("LINKS_MANY", links(121, "engine.example")),
        spares("LINKS_MANY", links(120, "engine.example")),
        points("LINK_TEXT_LONG", label(304), "https://engine.example/"),
        spares("LINK_TEXT_LONG", label(300)),
        points("LINK_MAILTO_FREE_MAIL", link("mailto:ada@gmail.com", "write"), "mailto:ada@gmail.com"),
        spares("LINK_MAILTO_FREE_MAIL", link("mailto:ada@engine.example", "write")),
        spares("LINK_MAILTO_FREE_MAIL", link("mailto:ada@gmail.com", "write").from("Ada", "ada@gmail.com")),
        points("LINK_ESCAPES", link("https://a.com/%6c%6f%67%69%6e", "notes"), "https://a.com/%6c%6f%67%69%6e"),
        spares("LINK_ESCAPES", link("https://a.com/%C3%BCber%20uns%20alle%20und%20mehr", "notes")),
        notes("LINK_TRACKERS_ONLY", links(3, "u1.ct.sendgrid.net")),
        spares("LINK_TRACKERS_ONLY", links(2, "u1.ct.sendgrid.net")),
        spares("LINK_TRACKERS_ONLY", links(3, "engine.example")),
        points("LINK_RECIPIENT_IN_QUERY", link(recipients, "notes"), recipients),
        spares("LINK_RECIPIENT_IN_QUERY", link("https://engine.example/?to=somebody%40engine.example", "notes")),
        points(
            "LINK_REDIRECT_CHAIN",
            letter().text("See https://a.com/?u=https://b.com/?u=https%3A%2F%2Fc.com"),
            "https://a.com/?u=https://b.com/?u=https%3A%2F%2Fc.com",
        ),
        spares("LINK_REDIRECT_CHAIN", letter().text("See https://a.com/?u=https://b.com/")),
        points("LINK_SCHEME_UNKNOWN", link("ldap://a.com/", "notes"), "ldap://a.com/"),
        spares("LINK_SCHEME_UNKNOWN", link("tel:+4912345", "call")),
    ]
}
