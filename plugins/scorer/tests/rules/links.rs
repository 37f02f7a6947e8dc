//! Where links lead and what they say.

use super::support::{Case, letter, link, notes, page, points, spares};

pub fn cases() -> Vec<Case> {
    let mut cases = texts();
    cases.extend(hosts());
    cases.extend(addresses());
    cases
}

fn texts() -> Vec<Case> {
    vec![
        points("LINK_TEXT_MISMATCH", link("https://evil.net/", "https://bank.com/login"), "https://evil.net/"),
        points("LINK_TEXT_MISMATCH", link("http://192.0.2.7/x", "www.bank.com"), "http://192.0.2.7/x"),
        points(
            "LINK_TEXT_MISMATCH",
            link("https://t.evil.net/bank.com", "https://bank.com"),
            "https://t.evil.net/bank.com",
        ),
        spares("LINK_TEXT_MISMATCH", link("https://www.bank.com/en", "https://bank.com/login")),
        spares("LINK_TEXT_MISMATCH", link("https://bank.de/", "https://bank.com/")),
        spares("LINK_TEXT_MISMATCH", link("https://analytical.example/r?x", "https://bank.com/")),
        spares("LINK_TEXT_MISMATCH", link("https://evil.net/", "the bank")),
        points(
            "LINK_TEXT_TRACKED",
            link("https://u1.ct.sendgrid.net/x", "https://bank.com"),
            "https://u1.ct.sendgrid.net/x",
        ),
        points(
            "LINK_TEXT_TRACKED",
            link("https://t.post.net/?https://www.bank.com/", "www.bank.com"),
            "https://t.post.net/?https://www.bank.com/",
        ),
        spares("LINK_TEXT_TRACKED", link("https://bank.com/x", "https://bank.com")),
        points("LINK_TEXT_OTHER_NAME", link("https://shop.net/", "bank.com"), "https://shop.net/"),
        spares("LINK_TEXT_OTHER_NAME", link("https://shop.net/", "notes.odt")),
    ]
}

fn hosts() -> Vec<Case> {
    let many = |count: usize| {
        let links: Vec<String> = (0..count).map(|number| format!("https://site{number}.com/")).collect();
        letter().text(&links.join("\n"))
    };
    vec![
        points("LINK_SHORTENER", link("https://bit.ly/abc", "notes"), "https://bit.ly/abc"),
        spares("LINK_SHORTENER", link("https://bit.ly/", "the shortener")),
        spares("LINK_SHORTENER", link("https://habit.ly/abc", "notes")),
        points("LINK_IP_HOST", letter().text("See http://203.0.113.9/a."), "http://203.0.113.9/a"),
        spares("LINK_IP_HOST", letter().text("See http://203.0.113.9.example.com/a.")),
        points("LINK_DISGUISED_HOST", link("http://3405803785/", "notes"), "http://3405803785/"),
        points("LINK_DISGUISED_HOST", link("http://%65vil.com/", "notes"), "http://%65vil.com/"),
        spares("LINK_DISGUISED_HOST", link("http://%%HOST%%/", "notes")),
        points("LINK_PUNYCODE_HOST", link("https://xn--mnchen-3ya.de/", "notes"), "https://xn--mnchen-3ya.de/"),
        spares("LINK_PUNYCODE_HOST", link("https://xnmuenchen.de/", "notes")),
        points("LINK_MIXED_ALPHABETS", link("https://p\u{430}ypal.com/", "notes"), "https://p\u{430}ypal.com/"),
        points("LINK_MIXED_ALPHABETS", link("https://xn--80ak6aa92e.com/", "notes"), "https://xn--80ak6aa92e.com/"),
        spares("LINK_MIXED_ALPHABETS", link("https://xn--e1afmkfd.com/", "notes")),
        spares("LINK_MIXED_ALPHABETS", link("https://m\u{fc}nchen.de/", "notes")),
        points("LINK_USERINFO", link("https://bank.com@evil.net/", "notes"), "https://bank.com@evil.net/"),
        spares("LINK_USERINFO", link("https://evil.net/@bank.com", "notes")),
        points("LINK_PORT", link("https://notes.com:8443/", "notes"), "https://notes.com:8443/"),
        spares("LINK_PORT", link("https://notes.com:443/", "notes")),
        notes("LINK_MANY_DOMAINS", many(16)),
        spares("LINK_MANY_DOMAINS", many(15)),
    ]
}

fn addresses() -> Vec<Case> {
    vec![
        points("LINK_NOT_HTTPS", link("http://notes.com/", "notes"), "http://notes.com/"),
        spares("LINK_NOT_HTTPS", link("//notes.com/", "notes")),
        points("LINK_SCRIPT", link("java&#10;script:x()", "notes"), "java&#10;script:x()"),
        spares("LINK_SCRIPT", link("https://javascript.info/", "notes")),
        points("LINK_DATA", link("data:text/html,x", "notes"), "data:text/html,x"),
        spares("LINK_DATA", link("https://data.com/", "notes")),
        points(
            "LINK_OPEN_REDIRECT",
            link("https://good.com/go?url=https%3A%2F%2Fevil.net%2F", "notes"),
            "https://good.com/go?url=https%3A%2F%2Fevil.net%2F",
        ),
        spares("LINK_OPEN_REDIRECT", link("https://good.com/go?url=https://www.good.com/", "notes")),
        points("LINK_EMPTY", link("#", "notes"), "#"),
        points("LINK_EMPTY", link("", "notes"), "<a href=\"\">"),
        spares("LINK_EMPTY", link("#notes", "notes")),
        points("LINK_BROKEN", link("notes/today.html", "notes"), "notes/today.html"),
        points("LINK_BROKEN", link("https://", "notes"), "https://"),
        spares("LINK_BROKEN", link("https://{{host}}/", "notes")),
        spares("LINK_BROKEN", link("mailto:ada@analytical.example", "notes")),
        points("LINK_BORROWED_BRAND", link("https://paypal.com.evil.net/", "notes"), "https://paypal.com.evil.net/"),
        points("LINK_BORROWED_BRAND", link("https://secure-paypal.net/", "notes"), "https://secure-paypal.net/"),
        spares("LINK_BORROWED_BRAND", link("https://www.paypal.com/", "notes")),
        points("LINK_DEEP_HOST", link("https://a.b.c.d.e.notes.com/", "notes"), "https://a.b.c.d.e.notes.com/"),
        spares("LINK_DEEP_HOST", link("https://a.b.c.d.notes.com/", "notes")),
        points("LINK_RISKY_END", link("https://notes.zip/", "notes"), "https://notes.zip/"),
        spares("LINK_RISKY_END", link("https://notes.com/a.zip", "notes")),
        points("LINK_FREE_HOSTING", link("https://x.weebly.com/", "notes"), "https://x.weebly.com/"),
        spares("LINK_FREE_HOSTING", link("https://weebly.com/", "notes")),
        points("LINK_EXECUTABLE", link("https://notes.com/setup.EXE?x=1", "notes"), "https://notes.com/setup.EXE?x=1"),
        spares("LINK_EXECUTABLE", link("https://notes.com/exe", "notes")),
        points(
            "LINK_STORED_PAGE",
            link("https://storage.googleapis.com/b/Login.html#1", "notes"),
            "https://storage.googleapis.com/b/Login.html#1",
        ),
        spares("LINK_STORED_PAGE", link("https://storage.googleapis.com/b/notes.pdf", "notes")),
        points(
            "LINK_RECIPIENT_IN_FRAGMENT",
            link("https://evil.net/#charles@engine.example", "notes"),
            "https://evil.net/#charles@engine.example",
        ),
        spares("LINK_RECIPIENT_IN_FRAGMENT", link("https://notes.com/?u=charles@engine.example", "notes")),
        points("LINK_LONG", link(&format!("https://notes.com/{}", "x".repeat(1983)), "notes"), LONG.with(|long| *long)),
        spares("LINK_LONG", link(&format!("https://notes.com/{}", "x".repeat(1982)), "notes")),
        points("LINK_PRIVATE_HOST", link("http://localhost:3000/", "notes"), "http://localhost:3000/"),
        spares("LINK_PRIVATE_HOST", link("https://localhost.com/", "notes")),
        points("LINK_MERGE_TAG", link("https://notes.com/?u=*|ID|*", "notes"), "https://notes.com/?u=*|ID|*"),
        spares("LINK_MERGE_TAG", link("https://notes.com/?u=*ID*", "notes")),
        points("LINK_ONLY", letter().text("Look: https://notes.com/a"), "https://notes.com/a"),
        points("LINK_ONLY", page("<a href='https://notes.com/a'>Look here</a>"), "https://notes.com/a"),
        spares("LINK_ONLY", letter().text("The notes you wanted are at https://notes.com/a")),
    ]
}

thread_local! {
    /// An address of 2,001 bytes.
    static LONG: &'static str = String::leak(format!("https://notes.com/{}", "x".repeat(1983)));
}
