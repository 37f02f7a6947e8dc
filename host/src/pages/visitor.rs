//! Who looks at a page, and the heading that lets them sign in or out.

use super::{Escaped, query};

/// Who looks at a page.
#[derive(Debug, Clone, Default)]
pub struct Visitor {
    /// What forms carry, for somebody who signed in.
    pub form_token: Option<String>,
}

/// The heading of a page, `here` being its path. The other arguments are text.
pub(super) fn heading(title: &str, told: &str, visitor: &Visitor, here: &str) -> String {
    let person = match &visitor.form_token {
        Some(token) => format!(
            "<form method=\"post\" action=\"/logout\"><input type=\"hidden\" name=\"form\" value=\"{}\">\
             <input type=\"hidden\" name=\"to\" value=\"{}\">\
             <button class=\"button\" type=\"submit\">Sign out</button></form>",
            Escaped(token),
            Escaped(here)
        ),
        None => format!("<a class=\"button\" href=\"/login?to={}\">Sign in</a>", query(here)),
    };
    format!(
        "<div class=\"heading\"><div><h1>{}</h1><p class=\"quiet\">{}</p></div>{person}</div>",
        Escaped(title),
        Escaped(told)
    )
}

/// What was just done, in a sentence, when something was.
pub(super) fn note_done(done: Option<&str>) -> String {
    done.map(|done| format!("<p class=\"note-done\" role=\"status\">{}</p>", Escaped(done))).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signing_in_and_out_lead_back_here() {
        let stranger = heading("<T>", "told", &Visitor::default(), "/plugins/a?b");
        assert!(stranger.contains("href=\"/login?to=%2Fplugins%2Fa%3Fb\"") && stranger.contains("<h1>&lt;T&gt;</h1>"));
        let known = heading("T", "<told>", &Visitor { form_token: Some("f\"".into()) }, "/queue\"");
        for part in ["name=\"form\" value=\"f&quot;\"", "name=\"to\" value=\"/queue&quot;\"", "&lt;told&gt;"] {
            assert!(known.contains(part), "{part} is not in {known}");
        }
        assert!(note_done(Some("It <is>.")).contains("role=\"status\">It &lt;is&gt;.") && note_done(None).is_empty());
    }
}
