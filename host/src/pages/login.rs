//! The page on which an operator signs in.

use super::{Escaped, layout};

/// What the form needs to say.
#[derive(Debug, Clone, Default)]
pub struct FormView {
    /// The path that it leads back to.
    pub to: String,
    /// Why the last try failed.
    pub wrong: Option<String>,
    /// Where the token is kept; `None` when it is one of the settings.
    pub token_file: Option<String>,
}

/// The form.
pub fn form(view: &FormView) -> String {
    let wrong = view
        .wrong
        .as_ref()
        .map(|wrong| format!("<p class=\"alarm\" id=\"wrong\" role=\"alert\">{}</p>", Escaped(wrong)));
    let described = if view.wrong.is_some() {
        " aria-invalid=\"true\" aria-describedby=\"wrong where\""
    } else {
        " aria-describedby=\"where\""
    };
    let place = match &view.token_file {
        Some(file) => format!("It stands in <code>{}</code> on the machine that runs this service.", Escaped(file)),
        None => "It is the setting <code>operator_token</code> of this service.".to_owned(),
    };
    let body = format!(
        "<div class=\"sheet\"><h1>Sign in</h1>{}<form method=\"post\" action=\"/login\">\
         <input type=\"hidden\" name=\"to\" value=\"{}\">\
         <label for=\"token\">Operator token</label>\
         <input id=\"token\" name=\"token\" type=\"password\" autocomplete=\"current-password\" required{described}>\
         <p class=\"quiet\" id=\"where\">{place}</p>\
         <label for=\"name\">Your name <span class=\"quiet\">(for the log; may be left empty)</span></label>\
         <input id=\"name\" name=\"name\" type=\"text\" maxlength=\"64\" autocomplete=\"name\"><button type=\"submit\">Sign in</button></form></div>",
        wrong.unwrap_or_default(),
        Escaped(&view.to),
    );
    layout("Sign in", None, &body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_field_has_a_label_and_what_is_wrong_is_told_with_it() {
        let view = FormView { to: "/plugins?a=\"><b>".into(), wrong: None, token_file: Some("data/<x>".into()) };
        let page = form(&view);
        assert!(page.contains("<label for=\"token\">") && page.contains("id=\"token\""));
        assert!(page.contains("value=\"/plugins?a=&quot;&gt;&lt;b&gt;\"") && page.contains("data/&lt;x&gt;"));
        assert!(!page.contains("role=\"alert\"") && !page.contains("aria-invalid"));
        let page = form(&FormView { wrong: Some("This is not it".into()), token_file: None, ..view });
        assert!(page.contains("role=\"alert\">This is not it<") && page.contains("aria-describedby=\"wrong where\""));
        assert!(page.contains("operator_token"));
    }
}
