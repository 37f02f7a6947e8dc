//! What the reader of an email sees after following a link in it. They do not know this service and do not need to:
//! the pages say in plain words what happens, and name an address so far that only its owner knows it again.

use super::{Escaped, document};

/// The sentences of these pages. Another language is another one of these.
struct Texts {
    confirm_title: &'static str,
    confirm: &'static str,
    sent_to: &'static str,
    went_to: &'static str,
    button: &'static str,
    changed_mind: &'static str,
    done_title: &'static str,
    done: &'static str,
    not_now_title: &'static str,
    not_now: &'static str,
    not_ours_title: &'static str,
    not_ours: &'static str,
    not_ours_advice: &'static str,
    hidden_title: &'static str,
    hidden: &'static str,
}

const ENGLISH: Texts = Texts {
    confirm_title: "Stop these emails?",
    confirm: "If you unsubscribe, you will not be sent emails like this one any more.",
    sent_to: "They are sent to",
    went_to: "It was sent to",
    button: "Unsubscribe",
    changed_mind: "To keep getting them, just close this page. Nothing has changed so far.",
    done_title: "You are unsubscribed",
    done: "You will not be sent emails like that one any more. If one is already on its way, it may still arrive. \
           You can close this page.",
    not_now_title: "Please try again later",
    not_now: "This does not work just now, and nothing has been changed. Please try again in a few minutes.",
    not_ours_title: "This link does not work",
    not_ours: "Part of it may be missing: that happens when a link is copied by hand, or broken over two lines by a \
               mail program.",
    not_ours_advice: "Try to open it from the email again. If that does not help, reply to the email and tell the \
                      sender. Nothing has been changed.",
    hidden_title: "Nothing to see here",
    hidden: "This link is hidden in the email, so that programs that follow every link can be told from people. It leads \
             nowhere else. You can close this page.",
};

/// Asks the reader to confirm. The button posts to the address of the page itself. `masked` is the address that the
/// email went to, as far as it may be shown.
pub fn confirm(masked: Option<&str>) -> String {
    let texts = &ENGLISH;
    let form = format!(
        "<p class=\"lead\">{}</p>{}<form method=\"post\"><button type=\"submit\">{}</button></form>\
         <p class=\"quiet\">{}</p>",
        Escaped(texts.confirm),
        address(texts.sent_to, masked),
        Escaped(texts.button),
        Escaped(texts.changed_mind)
    );
    note(texts.confirm_title, &form)
}

/// Says that it is done.
pub fn done(masked: Option<&str>) -> String {
    let texts = &ENGLISH;
    note(texts.done_title, &format!("<p class=\"lead\">{}</p>{}", Escaped(texts.done), address(texts.went_to, masked)))
}

fn address(words: &str, masked: Option<&str>) -> String {
    let line = |address| format!("<p>{} <strong>{}</strong>.</p>", Escaped(words), Escaped(address));
    masked.map(line).unwrap_or_default()
}

/// Says that what was wanted is not done, and to try again. Comes with 503.
pub fn not_now() -> String {
    note(ENGLISH.not_now_title, &format!("<p class=\"lead\">{}</p>", Escaped(ENGLISH.not_now)))
}

/// For a link, of any kind, that is not one of ours or not whole. Comes with 404.
pub fn not_ours() -> String {
    let texts = &ENGLISH;
    let body = format!(
        "<p class=\"lead\">{}</p><p class=\"quiet\">{}</p>",
        Escaped(texts.not_ours),
        Escaped(texts.not_ours_advice)
    );
    note(texts.not_ours_title, &body)
}

/// For the link of an email that no person sees, if one looks for it after all.
pub fn hidden_link() -> String {
    note(ENGLISH.hidden_title, &format!("<p class=\"lead\">{}</p>", Escaped(ENGLISH.hidden)))
}

fn note(title: &str, body: &str) -> String {
    let content = format!("<main id=\"content\" tabindex=\"-1\"><h1>{}</h1>{body}</main>", Escaped(title));
    document(title, "note", &content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn confirming_takes_one_button_and_no_link() {
        let page = confirm(None);
        assert!(page.contains("<form method=\"post\"><button type=\"submit\">Unsubscribe</button></form>"));
        assert_eq!(page.matches("<form").count(), 1);
        assert_eq!(page.matches("href=").count(), 2, "the skip link and the icon");
    }

    #[test]
    fn each_page_has_one_heading_and_names_nobody_but_its_reader() {
        for page in [confirm(None), done(None), not_now(), not_ours(), hidden_link()] {
            assert_eq!(page.matches("<h1>").count(), 1);
            assert!(!page.contains("Pillarbox"));
            assert!(page.contains("<html lang=\"en\">"));
        }
        assert!(!done(None).contains("<form") && !not_ours().contains("<form"));
    }

    #[test]
    fn the_reader_is_shown_which_address_is_meant() {
        let masked = Some("<***@example.com");
        assert!(confirm(masked).contains("<p>They are sent to <strong>&lt;***@example.com</strong>.</p>"));
        assert!(done(masked).contains("<p>It was sent to <strong>&lt;***@example.com</strong>.</p>"));
        assert!(!confirm(None).contains("sent to"));
    }
}
