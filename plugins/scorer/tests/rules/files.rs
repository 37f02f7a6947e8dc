//! Attachments by kind.

use super::support::{Case, file, letter, points, spares};

pub fn cases() -> Vec<Case> {
    let name: &'static str = Box::leak(format!("{}.pdf", "a".repeat(117)).into_boxed_str());
    vec![
        points("ATTACHMENT_EMPTY", letter().attachment("a.txt", "text/plain", b"", 0), "a.txt"),
        spares("ATTACHMENT_EMPTY", letter().attachment("a.txt", "text/plain", b"a", 1)),
        points("ATTACHMENT_SVG", file("a.svg", "image/svg+xml", b"<svg>"), "a.svg"),
        spares("ATTACHMENT_SVG", file("svg.png", "image/png", b"\x89PNG")),
        points("ATTACHMENT_NOTEBOOK", file("a.one", "application/onenote", b"x"), "a.one"),
        spares("ATTACHMENT_NOTEBOOK", file("one.pdf", "application/pdf", b"%PDF")),
        points("ATTACHMENT_MESSAGE", file("a.eml", "message/rfc822", b"From: a"), "a.eml"),
        spares("ATTACHMENT_MESSAGE", file("a.eml", "text/plain", b"From: a")),
        points("ATTACHMENT_CALENDAR_UNNAMED", file("", "text/calendar", b"BEGIN:VCALENDAR"), ""),
        spares("ATTACHMENT_CALENDAR_UNNAMED", file("invite.ics", "text/calendar", b"BEGIN:VCALENDAR")),
        points("ATTACHMENT_NAME_LONG", file(name, "application/pdf", b"%PDF"), name),
        spares("ATTACHMENT_NAME_LONG", file(&name[1..], "application/pdf", b"%PDF")),
    ]
}
