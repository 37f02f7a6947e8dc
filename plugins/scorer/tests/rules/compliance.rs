//! What is asked of mail to many.

use super::support::{Case, Mail, letter, notes, page, points, spares};

const HTTPS: &str = "<https://notes.com/u/1>";
const ONE_CLICK: &str = "List-Unsubscribe=One-Click";

fn listed(unsubscribe: &str, post: &str) -> Mail {
    letter().header("List-Unsubscribe", unsubscribe).header("List-Unsubscribe-Post", post)
}

pub fn cases() -> Vec<Case> {
    let bulk = || letter().header("Precedence", "bulk");
    let campaign = "<a href='https://notes.com/'>Notes</a><img src='https://notes.com/a.png'>".repeat(8);
    vec![
        notes("LIST_UNSUBSCRIBE_MISSING", letter().text("To unsubscribe, write to us.")),
        notes("LIST_UNSUBSCRIBE_MISSING", page(&campaign)),
        notes("LIST_UNSUBSCRIBE_MISSING", letter().text("D\u{e9}sinscription en un clic")),
        spares("LIST_UNSUBSCRIBE_MISSING", letter()),
        spares("LIST_UNSUBSCRIBE_MISSING", letter().text("To unsubscribe, write.").header("list-unsubscribe", HTTPS)),
        points("LIST_UNSUBSCRIBE_POST_MISSING", letter().header("List-Unsubscribe", HTTPS), HTTPS),
        spares("LIST_UNSUBSCRIBE_POST_MISSING", listed(HTTPS, ONE_CLICK)),
        points("LIST_UNSUBSCRIBE_POST_MALFORMED", listed(HTTPS, "One-Click"), "One-Click"),
        spares("LIST_UNSUBSCRIBE_POST_MALFORMED", listed(HTTPS, " List-Unsubscribe=One-Click ")),
        points("LIST_UNSUBSCRIBE_POST_ALONE", letter().header("List-Unsubscribe-Post", ONE_CLICK), ONE_CLICK),
        spares("LIST_UNSUBSCRIBE_POST_ALONE", listed(HTTPS, ONE_CLICK)),
        points(
            "LIST_UNSUBSCRIBE_MALFORMED",
            letter().header("List-Unsubscribe", "https://notes.com/u"),
            "https://notes.com/u",
        ),
        points("LIST_UNSUBSCRIBE_MALFORMED", letter().header("List-Unsubscribe", "<notes.com>"), "<notes.com>"),
        spares(
            "LIST_UNSUBSCRIBE_MALFORMED",
            letter().header("List-Unsubscribe", "<mailto:u@notes.com>, <https://notes.com/u>"),
        ),
        points("LIST_UNSUBSCRIBE_NOT_HTTPS", listed("<mailto:u@notes.com>", ONE_CLICK), "<mailto:u@notes.com>"),
        points("LIST_UNSUBSCRIBE_NOT_HTTPS", listed("<http://notes.com/u>", ONE_CLICK), "<http://notes.com/u>"),
        spares("LIST_UNSUBSCRIBE_NOT_HTTPS", letter().header("List-Unsubscribe", "<mailto:u@notes.com>")),
        points("ONE_CLICK_UNSUBSCRIBE", listed(HTTPS, ONE_CLICK), HTTPS),
        spares("ONE_CLICK_UNSUBSCRIBE", listed("<http://notes.com/u>", ONE_CLICK)),
        points("LIST_ID_MALFORMED", letter().header("List-Id", "Notes"), "Notes"),
        spares("LIST_ID_MALFORMED", letter().header("List-Id", "Notes <notes.analytical.example>")),
        notes("UNSUBSCRIBE_LINK_MISSING", bulk()),
        spares("UNSUBSCRIBE_LINK_MISSING", bulk().text("Leave: https://notes.com/optout?x")),
        spares("UNSUBSCRIBE_LINK_MISSING", bulk().header("List-Post", "<mailto:all@notes.com>")),
        notes("POSTAL_ADDRESS_MISSING", bulk()),
        spares("POSTAL_ADDRESS_MISSING", bulk().text("Notes GmbH, Hauptstra\u{df}e 1, 10115 Berlin")),
    ]
}
