//! Rules about html that mail programs do not show and filters do not like.

use super::{Category, Rule};
use crate::facts::{Facts, quoted};
use crate::html::page::Spot;
use crate::html::style::Hiding;
use crate::tally::Hits;
use crate::verdict::Severity::{Error, Info, Warning};
use crate::verdict::{Location, Part};

/// Bytes after which Gmail cuts html.
const CLIPPED_BYTES_MIN: usize = 102 * 1024;

/// Letters that a preview line before all visible text may have.
const PREVIEW_LETTERS_MAX: usize = 300;

/// Hidden letters elsewhere that are too few to matter, for example of a block that only telephones show.
const HIDDEN_LETTERS_MAX: usize = 40;

/// Letters written as numbers that are no accident.
const DISGUISED_LETTERS_MIN: usize = 12;

/// Bytes of a line (RFC 5322 section 2.1.1).
const LINE_BYTES_MAX: usize = 998;

rules![
    Rule {
        id: "HTML_HIDDEN_TEXT",
        category: Category::Html,
        severity: Warning,
        points: 0.6,
        description: "The html has more text that is taken out of the page (display:none and the like) than a preview \
                      line needs. Filters read it and take it for bait.",
        suggestion: "Remove the hidden text; a preview line needs at most a hundred characters.",
        check: |facts, hits| hidden(facts, hits, Hiding::Removed),
    },
    Rule {
        id: "HTML_TINY_TEXT",
        category: Category::Html,
        severity: Warning,
        points: 1.0,
        description: "The html has text in a size that cannot be read, such as font-size:0.",
        suggestion: "Remove the text or make it readable.",
        check: |facts, hits| hidden(facts, hits, Hiding::Tiny),
    },
    Rule {
        id: "HTML_INVISIBLE_COLOUR",
        category: Category::Html,
        severity: Warning,
        points: 1.2,
        description: "The html has text in the colour of its background, such as white on white.",
        suggestion: "Remove the text or give it a colour that can be seen.",
        check: |facts, hits| hidden(facts, hits, Hiding::Coloured),
    },
    Rule {
        id: "HTML_SCRIPT",
        category: Category::Html,
        severity: Error,
        points: 0.8,
        description: "The html has a script. No mail program runs it and many filters reject it.",
        suggestion: "Remove the script.",
        check: |facts, hits| spots(facts, hits, Spot::Script, 1, "Here is a script."),
    },
    Rule {
        id: "HTML_EVENT_HANDLER",
        category: Category::Html,
        severity: Warning,
        points: 0.4,
        description: "An element has an event handler such as onclick. Mail programs remove it and filters count it \
                      as a script.",
        suggestion: "Remove the attribute.",
        check: |facts, hits| spots(facts, hits, Spot::EventHandler, 1, "This element has an event handler."),
    },
    Rule {
        id: "HTML_FORM",
        category: Category::Html,
        severity: Warning,
        points: 0.4,
        description: "The html has a form. Most mail programs disable it, and phishing uses it.",
        suggestion: "Link to a page with the form.",
        check: |facts, hits| spots(facts, hits, Spot::Form, 1, "Here is a form."),
    },
    Rule {
        id: "HTML_PASSWORD_FIELD",
        category: Category::Html,
        severity: Error,
        points: 2.0,
        description: "The html asks for a password in the mail itself. Nobody honest does.",
        suggestion: "Remove the field.",
        check: |facts, hits| spots(facts, hits, Spot::PasswordField, 1, "Here is a password field."),
    },
    Rule {
        id: "HTML_FRAME",
        category: Category::Html,
        severity: Error,
        points: 0.6,
        description: "The html embeds another page in a frame. Mail programs do not show it and filters reject it.",
        suggestion: "Link to the page.",
        check: |facts, hits| spots(facts, hits, Spot::Frame, 1, "Here is a frame."),
    },
    Rule {
        id: "HTML_PLUGIN_CONTENT",
        category: Category::Html,
        severity: Error,
        points: 0.8,
        description: "The html has an object, embed or applet. Mail programs do not show it.",
        suggestion: "Link to the content or use an image.",
        check: |facts, hits| spots(facts, hits, Spot::PluginContent, 1, "Here is embedded content."),
    },
    Rule {
        id: "HTML_META_REFRESH",
        category: Category::Html,
        severity: Error,
        points: 1.5,
        description: "The html sends the reader to another page by itself (meta refresh).",
        suggestion: "Remove it and use a link.",
        check: |facts, hits| spots(facts, hits, Spot::MetaRefresh, 1, "This sends the reader elsewhere."),
    },
    Rule {
        id: "HTML_BASE_TAG",
        category: Category::Html,
        severity: Warning,
        points: 0.4,
        description: "A base element changes where links lead, which hides it from filters.",
        suggestion: "Remove it and write whole addresses.",
        check: |facts, hits| spots(facts, hits, Spot::BaseTag, 1, "This changes where links lead."),
    },
    Rule {
        id: "HTML_EXTERNAL_STYLE_SHEET",
        category: Category::Html,
        severity: Info,
        points: 0.0,
        description: "The html loads a style sheet from elsewhere. Most mail programs ignore it.",
        suggestion: "Put styles inline or into a style element.",
        check: |facts, hits| {
            spots(facts, hits, Spot::ExternalSheet, 1, "This style sheet will not be loaded by most mail programs.");
        },
    },
    Rule {
        id: "HTML_MOVING_TEXT",
        category: Category::Html,
        severity: Warning,
        points: 0.4,
        description: "The html has text that blinks or moves. It cannot be read by many and is not supported by most.",
        suggestion: "Use plain text.",
        check: |facts, hits| spots(facts, hits, Spot::Moving, 1, "Here is moving text."),
    },
    Rule {
        id: "HTML_SPLIT_WORDS",
        category: Category::Html,
        severity: Warning,
        points: 1.2,
        description: "Comments stand in the middle of words, as if to hide the words from filters.",
        suggestion: "Remove the comments.",
        check: |facts, hits| spots(facts, hits, Spot::SplitWord, 3, "A comment stands inside a word here."),
    },
    Rule {
        id: "HTML_DISGUISED_TEXT",
        category: Category::Html,
        severity: Warning,
        points: 1.0,
        description: "Plain letters are written as numbers, such as &#118; for v, as if to hide the words from \
                      filters.",
        suggestion: "Write letters as they are.",
        check: disguised_text,
    },
    Rule {
        id: "HTML_MISNESTED",
        category: Category::Html,
        severity: Warning,
        points: 0.1,
        description: "An element is closed by the end of an element around it. Mail programs repair that differently.",
        suggestion: "Close elements in the reverse of the order in which they were opened.",
        check: |facts, hits| {
            spots(facts, hits, Spot::Misnested, 1, "This element is not closed before the one around it ends.");
        },
    },
    Rule {
        id: "HTML_UNCLOSED",
        category: Category::Html,
        severity: Warning,
        points: 0.1,
        description: "An element is never closed, so that its style may spill over the rest of the message.",
        suggestion: "Add the end tag.",
        check: |facts, hits| spots(facts, hits, Spot::Unclosed, 1, "This element is never closed."),
    },
    Rule {
        id: "HTML_DEEP_NESTING",
        category: Category::Html,
        severity: Warning,
        points: 0.3,
        description: "Elements are nested more than 256 deep. Some mail programs stop showing them.",
        suggestion: "Simplify the layout.",
        check: |facts, hits| spots(facts, hits, Spot::TooDeep, 1, "Elements from here on are nested very deep."),
    },
    Rule {
        id: "HTML_CLIPPED",
        category: Category::Html,
        severity: Warning,
        points: 0.1,
        description: "The html is larger than 102 KB. Gmail cuts it there and hides the rest, with the unsubscribe \
                      link and the open pixel.",
        suggestion: "Shorten the html, for example by removing unused styles.",
        check: clipped,
    },
    Rule {
        id: "HTML_EMBEDDED_IMAGE",
        category: Category::Html,
        severity: Warning,
        points: 0.2,
        description: "An image is part of the html (data:). Gmail and Outlook do not show it.",
        suggestion: "Host the image or attach it with a Content-ID.",
        check: embedded_image,
    },
    Rule {
        id: "HTML_LONG_LINE",
        category: Category::Html,
        severity: Info,
        points: 0.0,
        description: "A line of the html is longer than the 998 bytes that mail allows (RFC 5322 section 2.1.1). It \
                      needs an encoding that some tools forget.",
        suggestion: "Break the line, or make sure that the part is sent as quoted-printable or base64.",
        check: long_line,
    },
    Rule {
        id: "HTML_NO_DOCTYPE",
        category: Category::Html,
        severity: Info,
        points: 0.0,
        description: "The html has no doctype. Some mail programs then use the rules of 1998 for its layout.",
        suggestion: "Begin with <!DOCTYPE html>.",
        check: no_doctype,
    },
];

/// Reports the places of an oddity when there are at least `count_min`.
pub(super) fn spots(facts: &Facts<'_>, hits: &mut Hits, spot: Spot, count_min: usize, sentence: &str) {
    let Some(page) = facts.page else { return };
    if page.count(spot) < count_min {
        return;
    }
    let (places, further) = page.spots(spot);
    for range in places {
        hits.at(Location::within(Part::Html, range.clone()), || sentence.to_owned());
    }
    hits.and_more(further);
}

fn hidden(facts: &Facts<'_>, hits: &mut Hits, hiding: Hiding) {
    let Some(page) = facts.page else { return };
    let excused = |leads: bool| if leads { PREVIEW_LETTERS_MAX } else { HIDDEN_LETTERS_MAX };
    let hidden = page.hidden.iter().filter(|text| text.hiding == hiding && text.letters > excused(text.leads));
    for text in hidden {
        hits.at(Location::within(Part::Html, text.range.clone()), || {
            let how = match hiding {
                Hiding::Removed => "are hidden",
                Hiding::Tiny => "are too small to read",
                Hiding::Coloured => "have the colour of their background",
            };
            format!("{} letters {how}, beginning with {}.", text.letters, quoted(&page.html[text.range.clone()]))
        });
    }
}

fn disguised_text(facts: &Facts<'_>, hits: &mut Hits) {
    let Some(page) = facts.page else { return };
    let letters = page.visible.disguised_letters;
    if letters >= DISGUISED_LETTERS_MIN {
        hits.note(|| format!("{letters} plain letters are written as numbers."));
    }
}

fn clipped(facts: &Facts<'_>, hits: &mut Hits) {
    let Some(page) = facts.page else { return };
    if page.html.len() > CLIPPED_BYTES_MIN {
        let mut cut = CLIPPED_BYTES_MIN;
        while !page.html.is_char_boundary(cut) {
            cut -= 1;
        }
        hits.at(Location::within(Part::Html, cut..page.html.len()), || {
            format!("The html has {} KB; what follows here is cut.", page.html.len() / 1024)
        });
    }
}

fn embedded_image(facts: &Facts<'_>, hits: &mut Hits) {
    let Some(page) = facts.page else { return };
    let is_embedded = |source: &str| source.get(..5).is_some_and(|start| start.eq_ignore_ascii_case("data:"));
    for image in page.images.iter().filter(|image| is_embedded(&image.source)) {
        hits.at(Location::within(Part::Html, image.range.clone()), || {
            format!("This image is {} KB inside the html.", image.source.len() / 1024)
        });
    }
}

fn long_line(facts: &Facts<'_>, hits: &mut Hits) {
    let Some(page) = facts.page else { return };
    let mut start = 0;
    for line in page.html.split_inclusive('\n') {
        let bytes = line.trim_end_matches(['\r', '\n']).len();
        if bytes > LINE_BYTES_MAX {
            hits.at(Location::within(Part::Html, start..start + bytes), || format!("This line has {bytes} bytes."));
        }
        start += line.len();
    }
}

fn no_doctype(facts: &Facts<'_>, hits: &mut Hits) {
    if facts.page.is_some_and(|page| !page.declares.doctype && !page.html.trim_ascii().is_empty()) {
        hits.note(|| "The html has no doctype.".to_owned());
    }
}
