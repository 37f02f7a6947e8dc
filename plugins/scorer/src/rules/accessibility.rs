//! Rules about whether everybody can read the message, with a screen reader and without images too.

use super::html::spots;
use super::{Category, Rule};
use crate::facts::{Facts, quoted};
use crate::html::page::Spot;
use crate::tally::Hits;
use crate::verdict::Severity::{Info, Warning};
use crate::verdict::{Location, Part};

/// Tables without a role from which on they must be layout.
const LAYOUT_TABLES_MIN: usize = 3;

rules![
    Rule {
        id: "IMAGE_ALT_MISSING",
        category: Category::Accessibility,
        severity: Warning,
        points: 0.1,
        description: "An image has no alt text. Screen readers read out its address, and readers who block images see \
                      nothing.",
        suggestion: "Describe the image in alt, or write alt=\"\" if it is decoration.",
        check: alt_missing,
    },
    Rule {
        id: "IMAGE_ALT_FILE_NAME",
        category: Category::Accessibility,
        severity: Info,
        points: 0.0,
        description: "The alt text of an image is a file name.",
        suggestion: "Describe what the image shows.",
        check: alt_file_name,
    },
    Rule {
        id: "LINK_TEXT_VAGUE",
        category: Category::Accessibility,
        severity: Info,
        points: 0.0,
        description: "The text of a link says nothing about where it leads, such as click here. Screen readers list \
                      links without what stands around them.",
        suggestion: "Write what readers will find there.",
        check: link_vague,
    },
    Rule {
        id: "LINK_TEXT_MISSING",
        category: Category::Accessibility,
        severity: Warning,
        points: 0.1,
        description: "A link has nothing to click on, or only an image without alt text.",
        suggestion: "Give the link a text, or its image an alt text.",
        check: link_unnamed,
    },
    Rule {
        id: "HTML_LANGUAGE_MISSING",
        category: Category::Accessibility,
        severity: Info,
        points: 0.0,
        description: "The html does not say in which language it is. Screen readers then guess how to pronounce it.",
        suggestion: "Add lang to the html element.",
        check: language_missing,
    },
    Rule {
        id: "HTML_TITLE_MISSING",
        category: Category::Accessibility,
        severity: Info,
        points: 0.0,
        description: "The html has no title. Programs that open the message as a page show none.",
        suggestion: "Add a title element to the head.",
        check: title_missing,
    },
    Rule {
        id: "HEADING_SKIPPED",
        category: Category::Accessibility,
        severity: Info,
        points: 0.0,
        description: "A heading skips a level, as from h1 to h3. Screen readers use headings as a table of contents.",
        suggestion: "Use the next level.",
        check: |facts, hits| spots(facts, hits, Spot::HeadingSkipped, 1, "This heading skips a level."),
    },
    Rule {
        id: "TABLE_ROLE_MISSING",
        category: Category::Accessibility,
        severity: Info,
        points: 0.0,
        description: "Tables are nested for layout and do not say so. Screen readers then announce rows and columns.",
        suggestion: "Add role=\"presentation\" to tables for layout.",
        check: table_role,
    },
];

fn alt_missing(facts: &Facts<'_>, hits: &mut Hits) {
    let Some(page) = facts.page else { return };
    for image in page.pictures().filter(|image| image.alt.is_none()) {
        hits.at(Location::within(Part::Html, image.range.clone()), || {
            format!("The image {} has no alt text.", quoted(&image.source))
        });
    }
}

fn alt_file_name(facts: &Facts<'_>, hits: &mut Hits) {
    const ENDINGS: [&str; 5] = [".png", ".jpg", ".jpeg", ".gif", ".webp"];
    let Some(page) = facts.page else { return };
    for image in page.pictures() {
        let Some(alt) = image.alt.as_deref() else { continue };
        let lower = alt.trim().to_ascii_lowercase();
        if !lower.contains(' ') && ENDINGS.iter().any(|ending| lower.ends_with(ending)) {
            hits.at(Location::within(Part::Html, image.range.clone()), || {
                format!("The alt text {} is a file name.", quoted(alt))
            });
        }
    }
}

fn link_vague(facts: &Facts<'_>, hits: &mut Hits) {
    const VAGUE: [&str; 16] = [
        "click here",
        "click",
        "here",
        "this link",
        "link",
        "more",
        "read more",
        "learn more",
        "hier",
        "hier klicken",
        "mehr",
        "cliquez ici",
        "ici",
        "haga clic aqu\u{ed}",
        "aqu\u{ed}",
        "clique aqui",
    ];
    for link in facts.links() {
        let label = facts.label(link).unwrap_or_default().trim_matches(|c: char| !c.is_alphanumeric());
        if label.len() < 40 && VAGUE.contains(&label.to_lowercase().as_str()) {
            hits.at(link.place(), || format!("The link says only {}.", quoted(label)));
        }
    }
}

fn link_unnamed(facts: &Facts<'_>, hits: &mut Hits) {
    let is_unnamed = |label: Option<&str>| label.is_some_and(str::is_empty);
    for link in facts.links().filter(|link| !link.names_itself && is_unnamed(facts.label(link))) {
        hits.at(link.place(), || {
            let what = if link.has_image { "only an image without alt text" } else { "nothing" };
            format!("The link to {} has {what} to click on.", quoted(&link.url.text))
        });
    }
}

fn language_missing(facts: &Facts<'_>, hits: &mut Hits) {
    if facts.page.is_some_and(|page| page.is_document && !page.declares.language) {
        hits.note(|| "The html has no lang.".to_owned());
    }
}

fn title_missing(facts: &Facts<'_>, hits: &mut Hits) {
    if facts.page.is_some_and(|page| page.is_document && !page.declares.title) {
        hits.note(|| "The html has no title.".to_owned());
    }
}

fn table_role(facts: &Facts<'_>, hits: &mut Hits) {
    spots(facts, hits, Spot::LayoutTable, LAYOUT_TABLES_MIN, "This table does not say that it is for layout.");
}
