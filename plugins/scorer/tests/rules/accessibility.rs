//! Whether everybody can read it.

use super::support::{Case, link, notes, page, points, points_all, spares};

pub fn cases() -> Vec<Case> {
    vec![
        points("IMAGE_ALT_MISSING", page("<img src='https://notes.com/a.png'>"), "<img src='https://notes.com/a.png'>"),
        spares("IMAGE_ALT_MISSING", page("<img src='https://notes.com/a.png' alt>")),
        spares("IMAGE_ALT_MISSING", page("<img src='https://notes.com/a.png' width=1 height=1>")),
        points("IMAGE_ALT_FILE_NAME", page("<img src=x alt='IMG_1.JPG'>"), "<img src=x alt='IMG_1.JPG'>"),
        spares("IMAGE_ALT_FILE_NAME", page("<img src=x alt='The file notes.jpg'>")),
        points("LINK_TEXT_VAGUE", link("https://notes.com/", "Click here!"), "https://notes.com/"),
        spares("LINK_TEXT_VAGUE", link("https://notes.com/", "Click here for the notes")),
        points("LINK_TEXT_MISSING", link("https://notes.com/", "<img src=x>"), "https://notes.com/"),
        points("LINK_TEXT_MISSING", link("https://notes.com/", " "), "https://notes.com/"),
        spares("LINK_TEXT_MISSING", link("https://notes.com/", "<img src=x alt=Notes>")),
        notes("HTML_LANGUAGE_MISSING", page("<html><p>Seen.</p></html>")),
        spares("HTML_LANGUAGE_MISSING", page("<html lang=en><p>Seen.</p></html>")),
        spares("HTML_LANGUAGE_MISSING", page("<p>Seen.</p>")),
        notes("HTML_TITLE_MISSING", page("<html><title> </title><p>Seen.</p></html>")),
        spares("HTML_TITLE_MISSING", page("<html><title>Notes</title><p>Seen.</p></html>")),
        points("HEADING_SKIPPED", page("<h1>One</h1><h3>Two</h3>"), "<h3>"),
        spares("HEADING_SKIPPED", page("<h2>One</h2><h3>Two</h3><h1>Three</h1>")),
        points_all("TABLE_ROLE_MISSING", page(&"<table></table>".repeat(3)), &["<table>"; 3]),
        spares("TABLE_ROLE_MISSING", page(&"<table role=presentation></table>".repeat(3))),
    ]
}
