//! Rules about what a message is made of: text, html, images, recipients.

use super::{Category, Rule};
use crate::facts::{Facts, quoted};
use crate::html::page::Image;
use crate::tally::Hits;
use crate::verdict::Severity::{Error, Info, Warning};
use crate::verdict::{Location, Part};

/// Bytes of a line (RFC 5322 section 2.1.1).
const LINE_BYTES_MAX: usize = 998;

/// Of 100 words of one part, how many the other part should have.
const SHARED_PERCENT_MIN: usize = 25;

/// Words of a part from which on it can be compared.
const COMPARED_WORDS_MIN: usize = 25;

/// Words without which an image is all that there is.
const ALONE_WORDS_MAX: usize = 4;

/// Images and words of each from which on a page counts as heavy.
const HEAVY_IMAGES_MIN: usize = 4;
const HEAVY_WORDS_PER_IMAGE_MAX: usize = 3;

/// Images of one pixel that nobody asks about.
const PIXELS_MAX: usize = 2;

/// Recipients that may see each other.
const RECIPIENTS_MAX: usize = 50;

rules![
    Rule {
        id: "BODY_EMPTY",
        category: Category::Structure,
        severity: Warning,
        points: 1.0,
        description: "The message has a body and nothing in it: no text, no image, no file.",
        suggestion: "Write something.",
        check: body_empty,
    },
    Rule {
        id: "TEXT_PART_MISSING",
        category: Category::Structure,
        severity: Info,
        points: 0.1,
        description: "The message has html and no plain text. Some readers and most watches show only the text, and \
                      filters expect it.",
        suggestion: "Add a text part that says the same.",
        check: text_missing,
    },
    Rule {
        id: "TEXT_PART_EMPTY",
        category: Category::Structure,
        severity: Warning,
        points: 0.3,
        description: "The plain text part is empty while the html says something.",
        suggestion: "Fill the text part, or leave it out so that it can be made from the html.",
        check: text_empty,
    },
    Rule {
        id: "TEXT_HTML_DIFFER",
        category: Category::Structure,
        severity: Warning,
        points: 0.5,
        description: "Text and html have few words in common. Filters suspect that one of them is bait.",
        suggestion: "Make both say the same.",
        check: differ,
    },
    Rule {
        id: "TEXT_HAS_MARKUP",
        category: Category::Structure,
        severity: Warning,
        points: 0.3,
        description: "The plain text part has html tags in it, which readers will see.",
        suggestion: "Remove the tags from the text part.",
        check: text_markup,
    },
    Rule {
        id: "TEXT_LONG_LINE",
        category: Category::Structure,
        severity: Info,
        points: 0.0,
        description: "A line of the text is longer than the 998 bytes that mail allows (RFC 5322 section 2.1.1). It \
                      needs an encoding that some tools forget.",
        suggestion: "Break the line, or make sure that the part is sent as quoted-printable or base64.",
        check: text_long_line,
    },
    Rule {
        id: "IMAGE_ONLY",
        category: Category::Structure,
        severity: Warning,
        points: 1.8,
        description: "The html shows images and hardly a word. Unwanted mail hides its words in images, and many \
                      readers do not load them.",
        suggestion: "Write what matters as text.",
        check: image_only,
    },
    Rule {
        id: "IMAGE_HEAVY",
        category: Category::Structure,
        severity: Warning,
        points: 0.3,
        description: "The html has few words for its many images.",
        suggestion: "Write more of the message as text.",
        check: image_heavy,
    },
    Rule {
        id: "IMAGE_PIXELS",
        category: Category::Structure,
        severity: Info,
        points: 0.1,
        description: "The html has several images of one pixel. One counts opens; more look like tracking by others.",
        suggestion: "Keep one.",
        check: pixels,
    },
    Rule {
        id: "IMAGE_SOURCE_BROKEN",
        category: Category::Structure,
        severity: Error,
        points: 0.2,
        description: "An image cannot be shown: its source is empty, relative or a file on the author's machine.",
        suggestion: "Use an https address or attach the image.",
        check: image_broken,
    },
    Rule {
        id: "IMAGE_ATTACHMENT_MISSING",
        category: Category::Structure,
        severity: Error,
        points: 0.2,
        description: "An image refers to an attached part (cid:), and nothing is attached.",
        suggestion: "Attach the image, or use an https address.",
        check: image_unattached,
    },
    Rule {
        id: "RECIPIENTS_MANY",
        category: Category::Structure,
        severity: Warning,
        points: 0.4,
        description: "More than fifty addresses stand in To. Everybody sees them, and providers limit it.",
        suggestion: "Send one message to each.",
        check: recipients_many,
    },
];

fn body_empty(facts: &Facts<'_>, hits: &mut Hits) {
    let message = facts.message;
    let shows_nothing = facts.page.is_none_or(|page| page.visible.text.trim().is_empty() && page.images.is_empty());
    let says_nothing = message.text.as_deref().is_none_or(|text| text.trim().is_empty());
    let is_written = message.html.is_some() || message.text.is_some();
    if is_written && shows_nothing && says_nothing && message.attachments.is_empty() {
        hits.note(|| "The body is empty.".to_owned());
    }
}

fn text_missing(facts: &Facts<'_>, hits: &mut Hits) {
    if facts.page.is_some() && facts.text.is_none() {
        hits.note(|| "The message has html and no plain text.".to_owned());
    }
}

fn text_empty(facts: &Facts<'_>, hits: &mut Hits) {
    let blank = facts.text.as_ref().is_some_and(|text| text.text.trim().is_empty());
    if blank && facts.shown.as_ref().is_some_and(|shown| !shown.is_blank()) {
        hits.note(|| "The text part is empty.".to_owned());
    }
}

fn differ(facts: &Facts<'_>, hits: &mut Hits) {
    let (Some(text), Some(shown)) = (&facts.text, &facts.shown) else { return };
    let percent = text.shared_percent(shown, COMPARED_WORDS_MIN).max(shown.shared_percent(text, COMPARED_WORDS_MIN));
    if let Some(percent) = percent.filter(|percent| *percent < SHARED_PERCENT_MIN) {
        hits.note(|| format!("Text and html share {percent} % of their words."));
    }
}

fn text_markup(facts: &Facts<'_>, hits: &mut Hits) {
    const TAGS: [&str; 8] = ["</a>", "</p>", "<br>", "</td>", "</div>", "<html", "</body", "<br/>"];
    let Some(text) = facts.text.as_ref().filter(|text| text.has_any(b"<")) else { return };
    for (at, _) in text.text.match_indices('<') {
        let rest = &text.text.as_bytes()[at..];
        let starts = |tag: &&str| rest.len() >= tag.len() && rest[..tag.len()].eq_ignore_ascii_case(tag.as_bytes());
        if let Some(tag) = TAGS.iter().find(|tag| starts(tag)) {
            hits.at(text.place(at..at + tag.len()), || format!("Readers will see {}.", quoted(tag)));
        }
    }
}

fn text_long_line(facts: &Facts<'_>, hits: &mut Hits) {
    let Some(text) = &facts.text else { return };
    let mut start = 0;
    for line in text.text.split_inclusive('\n') {
        let bytes = line.trim_end_matches(['\r', '\n']).len();
        if bytes > LINE_BYTES_MAX {
            hits.at(text.place(start..start + bytes), || format!("This line has {bytes} bytes."));
        }
        start += line.len();
    }
}

fn image_only(facts: &Facts<'_>, hits: &mut Hits) {
    let (Some(page), Some(shown)) = (facts.page, &facts.shown) else { return };
    if let Some(image) = page.pictures().next().filter(|_| shown.words <= ALONE_WORDS_MAX) {
        hits.at(image_place(image), || format!("Beside its images the message shows {} words.", shown.words));
    }
}

fn image_heavy(facts: &Facts<'_>, hits: &mut Hits) {
    let (Some(page), Some(shown)) = (facts.page, &facts.shown) else { return };
    let images = page.pictures().count();
    let words = shown.words;
    let is_heavy = images >= HEAVY_IMAGES_MIN && words <= images * HEAVY_WORDS_PER_IMAGE_MAX;
    if is_heavy && words > ALONE_WORDS_MAX {
        hits.note(|| format!("There are {words} words for {images} images."));
    }
}

fn pixels(facts: &Facts<'_>, hits: &mut Hits) {
    let Some(page) = facts.page else { return };
    let is_counter = |image: &&Image<'_>| image.is_pixel() && image.source.starts_with("http");
    if page.images.iter().filter(is_counter).count() > PIXELS_MAX {
        for image in page.images.iter().filter(is_counter) {
            hits.at(image_place(image), || "This image is one pixel.".to_owned());
        }
    }
}

fn image_broken(facts: &Facts<'_>, hits: &mut Hits) {
    let Some(page) = facts.page else { return };
    let is_complete = |source: &str| {
        let starts = |start: &str| source.get(..start.len()).is_some_and(|head| head.eq_ignore_ascii_case(start));
        ["http://", "https://", "cid:", "data:", "//", "{", "*|", "%", "[", "<%", "$", "@"].into_iter().any(starts)
    };
    for image in page.images.iter().filter(|image| !is_complete(image.source.trim())) {
        hits.at(image_place(image), || format!("No reader can load {}.", quoted(&image.source)));
    }
}

fn image_unattached(facts: &Facts<'_>, hits: &mut Hits) {
    let Some(page) = facts.page else { return };
    if !facts.message.attachments.is_empty() {
        return;
    }
    let is_attached = |source: &str| source.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("cid:"));
    for image in page.images.iter().filter(|image| is_attached(&image.source)) {
        hits.at(image_place(image), || format!("Nothing is attached as {}.", quoted(&image.source[4..])));
    }
}

fn recipients_many(facts: &Facts<'_>, hits: &mut Hits) {
    let recipients = facts.message.to.len();
    if recipients > RECIPIENTS_MAX {
        hits.note(|| format!("{recipients} recipients see each other's addresses."));
    }
}

fn image_place(image: &Image<'_>) -> Location {
    Location::within(Part::Html, image.range.clone())
}
