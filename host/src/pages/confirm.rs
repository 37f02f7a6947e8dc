//! The question before something is changed.

use super::{Escaped, Section, layout, put};

/// What is asked.
#[derive(Debug, Clone)]
pub struct Question {
    /// Where the change belongs.
    pub section: Section,
    /// The question itself.
    pub words: String,
    /// What a yes comes to, in a sentence.
    pub comes_to: String,
    /// The words on the button.
    pub button: &'static str,
    /// What the form carries besides its token.
    pub fields: Vec<Field>,
    /// The path that a no leads back to.
    pub back: String,
}

/// A field of the form.
#[derive(Debug, Clone)]
pub enum Field {
    /// What was decided already.
    Fixed {
        /// Its name in the form.
        name: &'static str,
        /// Its value.
        value: String,
    },
    /// What the person writes.
    Text {
        /// Its name in the form, and its id.
        name: &'static str,
        /// What is asked for.
        label: &'static str,
        /// What to know about it.
        note: &'static str,
        /// What stands there already.
        value: String,
        /// Characters that it takes.
        chars_max: usize,
        /// Whether it has to be filled in.
        required: bool,
    },
}

/// A question, and where its answer goes.
#[derive(Debug, Clone)]
pub struct ConfirmView {
    /// It.
    pub question: Question,
    /// The path that is posted to.
    pub action: String,
    /// What the form carries, so that no other page can post it.
    pub form_token: String,
    /// Why the last try failed.
    pub wrong: Option<String>,
}

/// Asks. The button posts; the link leads back and changes nothing.
pub fn confirm(view: &ConfirmView) -> String {
    let Question { section, words, comes_to, button, fields, back } = &view.question;
    let mut body = format!("<div class=\"sheet\"><h1>{}</h1>", Escaped(words));
    if let Some(wrong) = &view.wrong {
        put!(&mut body, "<p class=\"alarm\" role=\"alert\">{}</p>", Escaped(wrong));
    }
    put!(&mut body, "<p>{}</p><form method=\"post\" action=\"{}\">", Escaped(comes_to), Escaped(&view.action));
    put_fixed(&mut body, "form", &view.form_token);
    for field in fields {
        put_field(&mut body, field);
    }
    put!(
        &mut body,
        "<div class=\"choices\"><button type=\"submit\">{button}</button>\
         <a class=\"button\" href=\"{}\">Cancel</a></div></form></div>",
        Escaped(back)
    );
    layout(words, Some(*section), &body)
}

fn put_field(body: &mut String, field: &Field) {
    match field {
        Field::Fixed { name, value } => put_fixed(body, name, value),
        Field::Text { name, label, note, value, chars_max, required } => {
            let required = if *required { " required" } else { "" };
            put!(
                body,
                "<label for=\"{name}\">{label} <span class=\"quiet\">({note})</span></label>\
                 <input id=\"{name}\" name=\"{name}\" type=\"text\" maxlength=\"{chars_max}\" autocomplete=\"off\" \
                 value=\"{}\"{required}>",
                Escaped(value)
            );
        }
    }
}

fn put_fixed(body: &mut String, name: &str, value: &str) {
    put!(body, "<input type=\"hidden\" name=\"{name}\" value=\"{}\">", Escaped(value));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_posts_with_the_token_and_says_what_went_wrong() {
        let why = Field::Text {
            name: "why",
            label: "Why",
            note: "for the log",
            value: "a \"b\"".into(),
            chars_max: 500,
            required: true,
        };
        let view = ConfirmView {
            question: Question {
                section: Section::Plugins,
                words: "Promote <it>?".into(),
                comes_to: "It serves.".into(),
                button: "Promote",
                fields: vec![Field::Fixed { name: "version", value: "1.0.0+\"".into() }, why],
                back: "/plugins/guest?a=b&c".into(),
            },
            action: "/plugins/guest/promote".into(),
            form_token: "f00".into(),
            wrong: Some("no <way>".into()),
        };
        let page = confirm(&view);
        for part in [
            "<title>Promote &lt;it&gt;? · Pillarbox</title>",
            "<form method=\"post\" action=\"/plugins/guest/promote\">",
            "name=\"form\" value=\"f00\"",
            "name=\"version\" value=\"1.0.0+&quot;\"",
            "role=\"alert\">no &lt;way&gt;",
            "<label for=\"why\">Why <span class=\"quiet\">(for the log)",
            "id=\"why\" name=\"why\" type=\"text\" maxlength=\"500\" autocomplete=\"off\" value=\"a &quot;b&quot;\" required>",
            "<button type=\"submit\">Promote</button>",
            "href=\"/plugins/guest?a=b&amp;c\">Cancel</a>",
        ] {
            assert!(page.contains(part), "{part} is not in {page}");
        }
        let first = confirm(&ConfirmView { wrong: None, ..view });
        assert!(!first.contains("role=\"alert\""));
    }
}
