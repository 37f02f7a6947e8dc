//! What a message is made of.

use super::support::{Case, letter, notes, page, points, points_all, spares};

const IMAGE: &str = "<img src='https://notes.com/a.png' alt='A'>";
const PIXEL: &str = "<img src='https://notes.com/a.png' width=1 height=1 alt=''>";

pub fn cases() -> Vec<Case> {
    let words = |from: usize| -> String {
        (from..from + 30).fold(String::new(), |text, number| text + &format!("word{number} "))
    };
    let images = |count: usize, words: usize| page(&(IMAGE.repeat(count) + &"word ".repeat(words)));
    vec![
        notes("BODY_EMPTY", letter().text(" \n")),
        notes("BODY_EMPTY", page("<p> </p>")),
        spares("BODY_EMPTY", letter().no_text()),
        spares("BODY_EMPTY", page("<img src='https://notes.com/a.png'>")),
        spares("BODY_EMPTY", letter().text("").attachment("a.pdf", "application/pdf", b"", 1)),
        notes("TEXT_PART_MISSING", page("<p>Seen.</p>")),
        spares("TEXT_PART_MISSING", letter().html("<p>Seen.</p>")),
        notes("TEXT_PART_EMPTY", page("<p>Seen.</p>").text(" ")),
        spares("TEXT_PART_EMPTY", page("<p> </p>").text(" ")),
        notes("TEXT_HTML_DIFFER", page(&words(0)).text(&words(30))),
        spares("TEXT_HTML_DIFFER", page(&words(0)).text(&words(20))),
        spares("TEXT_HTML_DIFFER", page(&words(0)).text("See the html, please.")),
        points("TEXT_HAS_MARKUP", letter().text("One<BR>two"), "<BR>"),
        spares("TEXT_HAS_MARKUP", letter().text("a <b and c> d <ada@analytical.example>")),
        points("TEXT_LONG_LINE", letter().text(&format!("{}\r\nx", "x".repeat(999))), String::leak("x".repeat(999))),
        spares("TEXT_LONG_LINE", letter().text(&format!("{}\r\nx", "x".repeat(998)))),
        points("IMAGE_ONLY", images(1, 4), IMAGE),
        spares("IMAGE_ONLY", images(1, 5)),
        notes("IMAGE_HEAVY", images(4, 12)),
        spares("IMAGE_HEAVY", images(4, 13)),
        points_all("IMAGE_PIXELS", page(&PIXEL.repeat(3)), &[PIXEL; 3]),
        spares("IMAGE_PIXELS", page(&PIXEL.repeat(2))),
        points("IMAGE_SOURCE_BROKEN", page("<img src='images/a.png'>"), "<img src='images/a.png'>"),
        points("IMAGE_SOURCE_BROKEN", page("<img alt=x>"), "<img alt=x>"),
        spares("IMAGE_SOURCE_BROKEN", page("<img src='cid:a'><img src='{{logo}}'><img src=HTTPS://notes.com/a.png>")),
        points("IMAGE_ATTACHMENT_MISSING", page("<img src='cid:logo'>"), "<img src='cid:logo'>"),
        spares("IMAGE_ATTACHMENT_MISSING", page("<img src='cid:logo'>").attachment("a.png", "image/png", b"", 9)),
        notes("RECIPIENTS_MANY", letter().recipients(51)),
        spares("RECIPIENTS_MANY", letter().recipients(50)),
    ]
}
