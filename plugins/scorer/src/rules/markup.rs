//! Rules about html that browsers show and mail programs do not.

use super::html::spots;
use super::{Category, Rule};
use crate::html::page::Spot;
use crate::verdict::Severity::{Info, Warning};

/// Old elements from which on a page was written for browsers of the nineties.
const OLD_LOOK_MIN: usize = 3;

rules![
    Rule {
        id: "HTML_MEDIA",
        category: Category::Html,
        severity: Info,
        points: 0.0,
        description: "The page has sound or film in it, which nearly no mail program plays.",
        suggestion: "Show a still image that links to the film.",
        check: |facts, hits| {
            spots(facts, hits, Spot::Media, 1, "Most mail programs leave this out.");
        },
    },
    Rule {
        id: "HTML_DRAWING",
        category: Category::Html,
        severity: Info,
        points: 0.0,
        description: "The page draws by svg or canvas, which the largest mail programs remove.",
        suggestion: "Use a PNG with an alt text.",
        check: |facts, hits| {
            spots(facts, hits, Spot::Drawing, 1, "This drawing is removed by many mail programs.");
        },
    },
    Rule {
        id: "HTML_FORM_FIELD",
        category: Category::Html,
        severity: Warning,
        points: 0.2,
        description: "The page has fields to fill in. Mail programs disable them, and filters know them from phishing.",
        suggestion: "Link to a page with the form.",
        check: |facts, hits| {
            spots(facts, hits, Spot::Field, 1, "This field cannot be used in most mail programs.");
        },
    },
    Rule {
        id: "HTML_IMAGE_MAP",
        category: Category::Html,
        severity: Info,
        points: 0.1,
        description: "Parts of an image are links. One large image with areas is how spam hides its words.",
        suggestion: "Use text and separate links.",
        check: |facts, hits| {
            spots(facts, hits, Spot::ImageMap, 1, "The areas of this image are links.");
        },
    },
    Rule {
        id: "HTML_OLD_ELEMENTS",
        category: Category::Html,
        severity: Info,
        points: 0.0,
        description: "The look is written in elements such as font and center, which html gave up long ago.",
        suggestion: "Write the look in style attributes.",
        check: |facts, hits| {
            spots(facts, hits, Spot::OldLook, OLD_LOOK_MIN, "This element is no longer part of html.");
        },
    },
    Rule {
        id: "HTML_INTERACTIVE",
        category: Category::Html,
        severity: Info,
        points: 0.0,
        description: "Something opens on a click, which works in few mail programs; elsewhere its content is lost.",
        suggestion: "Show everything at once.",
        check: |facts, hits| {
            spots(facts, hits, Spot::Interactive, 1, "This does not open in most mail programs.");
        },
    },
    Rule {
        id: "HTML_NESTED_LINK",
        category: Category::Html,
        severity: Warning,
        points: 0.1,
        description: "A link begins inside another. Which of both a click follows is anyone's guess.",
        suggestion: "Close the first link before the second.",
        check: |facts, hits| {
            spots(facts, hits, Spot::NestedLink, 1, "The link before is still open here.");
        },
    },
    Rule {
        id: "HTML_SECOND_BODY",
        category: Category::Html,
        severity: Warning,
        points: 0.2,
        description: "The page has a second body, as when one template is pasted into another.",
        suggestion: "Take the inner page's frame away.",
        check: |facts, hits| {
            spots(facts, hits, Spot::SecondBody, 1, "The page has a body already.");
        },
    },
    Rule {
        id: "HTML_POSITIONED",
        category: Category::Html,
        severity: Info,
        points: 0.1,
        description: "An element is placed by coordinates. Mail programs drop that, and spam lays text over text with it.",
        suggestion: "Use tables for the layout.",
        check: |facts, hits| {
            spots(facts, hits, Spot::Positioned, 1, "Mail programs ignore this position.");
        },
    },
    Rule {
        id: "HTML_FLEX_LAYOUT",
        category: Category::Html,
        severity: Info,
        points: 0.0,
        description: "The layout needs flexbox or grid, which Outlook on Windows does not have.",
        suggestion: "Use tables, or see that it reads well without.",
        check: |facts, hits| {
            spots(facts, hits, Spot::FlexLayout, 1, "This layout falls apart in Outlook.");
        },
    },
    Rule {
        id: "HTML_BACKGROUND_IMAGE",
        category: Category::Html,
        severity: Info,
        points: 0.0,
        description: "An image is set as a background. Outlook leaves it out, and dark mode may not invert text on it.",
        suggestion: "Set a background colour as well, on which the text can be read.",
        check: |facts, hits| {
            spots(facts, hits, Spot::BackgroundImage, 1, "This background is not shown everywhere.");
        },
    },
    Rule {
        id: "HTML_NEGATIVE_MARGIN",
        category: Category::Html,
        severity: Info,
        points: 0.1,
        description: "A margin is negative. Mail programs drop it, and spam shifts text out of sight with it.",
        suggestion: "Use positive margins.",
        check: |facts, hits| {
            spots(facts, hits, Spot::NegativeMargin, 1, "Mail programs ignore this margin.");
        },
    },
    Rule {
        id: "HTML_STYLE_VARIABLE",
        category: Category::Html,
        severity: Info,
        points: 0.0,
        description: "A style uses a variable, which few mail programs resolve; the property is then lost.",
        suggestion: "Write the value itself.",
        check: |facts, hits| {
            spots(facts, hits, Spot::StyleVariable, 1, "This variable has no value in most mail programs.");
        },
    },
    Rule {
        id: "HTML_STYLE_IMPORT",
        category: Category::Html,
        severity: Warning,
        points: 0.1,
        description: "A style sheet imports another, which mail programs never load.",
        suggestion: "Put the styles into the page.",
        check: |facts, hits| {
            spots(facts, hits, Spot::StyleImport, 1, "This style sheet imports another.");
        },
    },
    Rule {
        id: "HTML_STYLE_SHEET_LARGE",
        category: Category::Html,
        severity: Info,
        points: 0.0,
        description: "A style sheet is larger than the 8 KB that Gmail keeps; beyond them it drops the whole sheet.",
        suggestion: "Remove styles that are not used, or split the sheet.",
        check: |facts, hits| {
            spots(facts, hits, Spot::LargeSheet, 1, "This style sheet has more than 8,192 bytes.");
        },
    },
];
