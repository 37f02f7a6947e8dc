//! The question before something is changed.

use super::super::{Escaped, Section, layout, put};

/// What is asked.
#[derive(Debug, Clone)]
pub struct ConfirmView {
    /// The plugin's name.
    pub name: String,
    /// The question.
    pub question: String,
    /// What a yes comes to, in a sentence.
    pub comes_to: String,
    /// The word on the button.
    pub button: String,
    /// The path that is posted to.
    pub action: String,
    /// The version, where it has to be said.
    pub version: Option<String>,
    /// What the form carries.
    pub form_token: String,
    /// Why the last try failed.
    pub wrong: Option<String>,
}

/// Asks. The button posts; the link leads back and changes nothing.
pub fn confirm(view: &ConfirmView) -> String {
    let mut body = format!("<div class=\"sheet\"><h1>{}</h1>", Escaped(&view.question));
    if let Some(wrong) = &view.wrong {
        put!(&mut body, "<p class=\"alarm\" role=\"alert\">{}</p>", Escaped(wrong));
    }
    put!(
        &mut body,
        "<p>{}</p><form method=\"post\" action=\"{}\"><input type=\"hidden\" name=\"form\" value=\"{}\">",
        Escaped(&view.comes_to),
        Escaped(&view.action),
        Escaped(&view.form_token)
    );
    if let Some(version) = &view.version {
        put!(&mut body, "<input type=\"hidden\" name=\"version\" value=\"{}\">", Escaped(version));
    }
    put!(
        &mut body,
        "<label for=\"why\">Why <span class=\"quiet\">(for the log; may be left empty)</span></label>\
         <input id=\"why\" name=\"why\" type=\"text\" maxlength=\"500\" autocomplete=\"off\">\
         <div class=\"choices\"><button type=\"submit\">{}</button>\
         <a class=\"button\" href=\"/plugins/{}\">Cancel</a></div></form></div>",
        Escaped(&view.button),
        Escaped(&view.name)
    );
    layout(&view.question, Some(Section::Plugins), &body)
}
