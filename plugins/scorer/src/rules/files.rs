//! Further rules about attachments, by kind.

use super::attachments::{by_ending, each};
use super::{Category, Rule};
use crate::facts::{Facts, quoted};
use crate::tally::Hits;
use crate::verdict::Severity::{Info, Warning};

/// Characters of a file's name that mail programs show.
const NAME_CHARACTERS_MAX: usize = 120;

rules![
    Rule {
        id: "ATTACHMENT_EMPTY",
        category: Category::Attachments,
        severity: Warning,
        points: 0.2,
        description: "A file is empty.",
        suggestion: "Attach the file again.",
        check: empty,
    },
    Rule {
        id: "ATTACHMENT_SVG",
        category: Category::Attachments,
        severity: Warning,
        points: 1.0,
        description: "A file is a drawing that can run scripts; phishing has come in svg files since 2022.",
        suggestion: "Send the drawing as PNG or PDF.",
        check: drawing,
    },
    Rule {
        id: "ATTACHMENT_NOTEBOOK",
        category: Category::Attachments,
        severity: Warning,
        points: 1.5,
        description: "A file is a OneNote notebook, in which programs are hidden behind pictures.",
        suggestion: "Send a PDF.",
        check: notebook,
    },
    Rule {
        id: "ATTACHMENT_MESSAGE",
        category: Category::Attachments,
        severity: Info,
        points: 0.2,
        description: "A file is a whole message, which filters open and readers hardly ever do.",
        suggestion: "Forward the message, or quote it.",
        check: message,
    },
    Rule {
        id: "ATTACHMENT_CALENDAR_UNNAMED",
        category: Category::Attachments,
        severity: Info,
        points: 0.0,
        description: "A calendar entry has no file name, so some mail programs offer it as an unknown file.",
        suggestion: "Name the file invite.ics.",
        check: calendar,
    },
    Rule {
        id: "ATTACHMENT_NAME_LONG",
        category: Category::Attachments,
        severity: Info,
        points: 0.1,
        description: "A file's name is so long that its ending is out of sight.",
        suggestion: "Shorten the name.",
        check: name_long,
    },
];

fn empty(facts: &Facts<'_>, hits: &mut Hits) {
    each(facts, hits, |file| file.size == 0, |file| format!("{} has no content.", quoted(&file.filename)));
}

fn drawing(facts: &Facts<'_>, hits: &mut Hits) {
    by_ending(facts, hits, &["svg", "svgz"], "can run scripts");
}

fn notebook(facts: &Facts<'_>, hits: &mut Hits) {
    by_ending(facts, hits, &["one", "onepkg"], "is a notebook");
}

fn message(facts: &Facts<'_>, hits: &mut Hits) {
    let is_message = |file: &crate::message::Attachment| file.content_type == "message/rfc822";
    each(facts, hits, is_message, |file| format!("{} is a message.", quoted(&file.filename)));
}

fn calendar(facts: &Facts<'_>, hits: &mut Hits) {
    let is_unnamed =
        |file: &crate::message::Attachment| file.content_type == "text/calendar" && file.filename.is_empty();
    each(facts, hits, is_unnamed, |_| "The calendar entry has no name.".to_owned());
}

fn name_long(facts: &Facts<'_>, hits: &mut Hits) {
    let is_long = |file: &crate::message::Attachment| file.filename.chars().nth(NAME_CHARACTERS_MAX).is_some();
    each(facts, hits, is_long, |file| format!("{} is cut where it is shown.", quoted(&file.filename)));
}
