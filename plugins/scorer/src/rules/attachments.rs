//! Rules about files, by their names, types and first bytes.

use super::{Category, Rule};
use crate::facts::{Facts, quoted};
use crate::message::Attachment;
use crate::scripts;
use crate::tally::Hits;
use crate::verdict::Severity::{Error, Info, Warning};
use crate::verdict::{Location, Part};
use crate::wordlist::Topic;

/// Bytes of all attachments that most mailboxes take, before base64 makes them a third larger.
const TOTAL_BYTES_MAX: u64 = 10 * 1024 * 1024;

/// Blanks in a file name that push its ending out of sight.
const NAME_BLANKS: &str = "      ";

/// Endings that run when opened.
const EXECUTABLE: &[&str] = &[
    "apk",
    "app",
    "appx",
    "bat",
    "chm",
    "cmd",
    "com",
    "cpl",
    "dll",
    "exe",
    "hta",
    "inf",
    "ins",
    "jar",
    "js",
    "jse",
    "lnk",
    "mde",
    "msc",
    "msi",
    "msp",
    "mst",
    "pif",
    "ps1",
    "psm1",
    "reg",
    "scf",
    "scr",
    "sct",
    "settingcontent-ms",
    "sys",
    "url",
    "vb",
    "vbe",
    "vbs",
    "vxd",
    "wsc",
    "wsf",
    "wsh",
    "xll",
];

/// Endings that look harmless in front of another one.
const HARMLESS: &[&str] = &[
    "bmp", "csv", "doc", "docx", "gif", "jpeg", "jpg", "mp3", "mp4", "pdf", "png", "ppt", "pptx", "rtf", "txt", "xls",
    "xlsx",
];

const MACRO: &[&str] = &["docm", "dotm", "potm", "ppam", "ppsm", "pptm", "sldm", "xlam", "xlsb", "xlsm", "xltm"];
const PAGES: &[&str] = &["htm", "html", "mht", "mhtml", "shtml", "svg", "xhtml"];
const DISK_IMAGES: &[&str] = &["dmg", "img", "iso", "udf", "vhd", "vhdx"];
const ARCHIVES: &[&str] = &["7z", "ace", "arj", "bz2", "cab", "gz", "lzh", "rar", "tar", "tgz", "xz", "zip"];

rules![
    Rule {
        id: "ATTACHMENT_EXECUTABLE",
        category: Category::Attachments,
        severity: Error,
        points: 4.0,
        description: "An attachment is a program or a script by its name. Every large provider refuses it, in \
                      archives too.",
        suggestion: "Put the program on a site and link to a page about it.",
        check: executable,
    },
    Rule {
        id: "ATTACHMENT_HIDDEN_EXECUTABLE",
        category: Category::Attachments,
        severity: Error,
        points: 4.0,
        description: "An attachment begins like a program and does not say so in its name or type.",
        suggestion: "Remove it; something made this file that should not have.",
        check: hidden_executable,
    },
    Rule {
        id: "ATTACHMENT_DOUBLE_EXTENSION",
        category: Category::Attachments,
        severity: Error,
        points: 2.5,
        description: "The name of an attachment has two endings, of which the first looks harmless and the last is \
                      not.",
        suggestion: "Give the file its one real ending.",
        check: double_extension,
    },
    Rule {
        id: "ATTACHMENT_NAME_DECEPTIVE",
        category: Category::Attachments,
        severity: Error,
        points: 2.5,
        description: "The name of an attachment has characters that turn the reading direction, or many blanks before \
                      its real ending.",
        suggestion: "Give the file a plain name.",
        check: name_deceptive,
    },
    Rule {
        id: "ATTACHMENT_MACRO_DOCUMENT",
        category: Category::Attachments,
        severity: Warning,
        points: 1.2,
        description: "An attachment is an office document with macros, or of the old kind that may have them and is \
                      wrongly named. Many organizations block them.",
        suggestion: "Send a PDF, or the document without macros.",
        check: macro_document,
    },
    Rule {
        id: "ATTACHMENT_HTML",
        category: Category::Attachments,
        severity: Warning,
        points: 0.8,
        description: "An attachment is a web page or an image with scripts. Phishing uses such files to bring its \
                      form past filters.",
        suggestion: "Send a PDF, or link to the page.",
        check: html,
    },
    Rule {
        id: "ATTACHMENT_DISK_IMAGE",
        category: Category::Attachments,
        severity: Error,
        points: 1.5,
        description: "An attachment is a disk image, which hides programs from filters.",
        suggestion: "Link to a download page.",
        check: disk_image,
    },
    Rule {
        id: "ATTACHMENT_ARCHIVE",
        category: Category::Attachments,
        severity: Info,
        points: 0.1,
        description: "An attachment is an archive. Filters cannot always look inside and some refuse it.",
        suggestion: "Attach the files themselves, or link to them.",
        check: archive,
    },
    Rule {
        id: "ATTACHMENT_ENCRYPTED_ARCHIVE",
        category: Category::Attachments,
        severity: Warning,
        points: 1.0,
        description: "An attachment is an archive with a password. Filters cannot look inside and many refuse it.",
        suggestion: "Share the files through a service with access control.",
        check: encrypted_archive,
    },
    Rule {
        id: "ATTACHMENT_TYPE_MISMATCH",
        category: Category::Attachments,
        severity: Warning,
        points: 0.5,
        description: "An attachment begins like another kind of file than its type says.",
        suggestion: "Give the attachment its right type.",
        check: type_mismatch,
    },
    Rule {
        id: "ATTACHMENT_NAMELESS",
        category: Category::Attachments,
        severity: Info,
        points: 0.1,
        description: "An attachment has no file name. Readers cannot tell what it is.",
        suggestion: "Name the file.",
        check: nameless,
    },
    Rule {
        id: "ATTACHMENTS_LARGE",
        category: Category::Attachments,
        severity: Warning,
        points: 0.0,
        description: "The attachments are larger than 10 MB together. With their encoding that is more than many \
                      mailboxes take.",
        suggestion: "Link to large files instead.",
        check: large,
    },
    Rule {
        id: "ATTACHMENT_FORGOTTEN",
        category: Category::Attachments,
        severity: Info,
        points: 0.0,
        description: "The message speaks of an attachment and has none.",
        suggestion: "Attach the file.",
        check: forgotten,
    },
];

fn executable(facts: &Facts<'_>, hits: &mut Hits) {
    by_ending(facts, hits, EXECUTABLE, "is a program");
}

fn hidden_executable(facts: &Facts<'_>, hits: &mut Hits) {
    each(
        facts,
        hits,
        |file| is_program(&file.head) && !has_ending(file, EXECUTABLE),
        |file| format!("{} begins like a program.", quoted(&file.filename)),
    );
}

fn double_extension(facts: &Facts<'_>, hits: &mut Hits) {
    let is_double = |file: &Attachment| {
        let mut endings = file.filename.trim().rsplit('.').map(str::to_ascii_lowercase);
        let (last, before) = (endings.next().unwrap_or_default(), endings.next().unwrap_or_default());
        let is = |ending: &str, list: &[&str]| list.contains(&ending.trim());
        let is_bad = is(&last, EXECUTABLE) || is(&last, PAGES) || is(&last, DISK_IMAGES);
        endings.next().is_some() && is(&before, HARMLESS) && is_bad
    };
    each(facts, hits, is_double, |file| format!("{} has two endings.", quoted(&file.filename)));
}

fn name_deceptive(facts: &Facts<'_>, hits: &mut Hits) {
    let deceives = |file: &Attachment| {
        file.filename.contains(scripts::turns_direction) || file.filename.trim().contains(NAME_BLANKS)
    };
    each(facts, hits, deceives, |file| format!("{} is not what it looks like.", quoted(&file.filename)));
}

fn macro_document(facts: &Facts<'_>, hits: &mut Hits) {
    // A file that says it is of the new kind and is of the old one was renamed to get past something.
    let is_renamed = |file: &Attachment| {
        file.head.starts_with(&[0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1])
            && has_ending(file, &["docx", "xlsx", "pptx"])
    };
    let has_macros =
        |file: &Attachment| has_ending(file, MACRO) || file.content_type.contains("macroenabled") || is_renamed(file);
    each(facts, hits, has_macros, |file| format!("{} may have macros.", quoted(&file.filename)));
}

fn html(facts: &Facts<'_>, hits: &mut Hits) {
    let is_page = |file: &Attachment| {
        let typed =
            matches!(file.content_type.as_str(), "text/html" | "application/xhtml+xml") && !file.filename.is_empty();
        (has_ending(file, PAGES) || typed) && !file.inline
    };
    each(facts, hits, is_page, |file| format!("{} is a web page.", quoted(&file.filename)));
}

fn disk_image(facts: &Facts<'_>, hits: &mut Hits) {
    by_ending(facts, hits, DISK_IMAGES, "is a disk image");
}

fn archive(facts: &Facts<'_>, hits: &mut Hits) {
    by_ending(facts, hits, ARCHIVES, "is an archive");
}

fn encrypted_archive(facts: &Facts<'_>, hits: &mut Hits) {
    // Bit 0 of the flags in the first local file header (APPNOTE 4.4.4).
    let is_locked = |file: &Attachment| {
        file.head.starts_with(b"PK\x03\x04") && file.head.get(6).is_some_and(|flags| flags & 1 == 1)
    };
    each(facts, hits, is_locked, |file| format!("{} has a password.", quoted(&file.filename)));
}

fn type_mismatch(facts: &Facts<'_>, hits: &mut Hits) {
    let differs = |file: &Attachment| {
        kind_of(&file.head).is_some_and(|(_, types)| {
            let says_something =
                !matches!(file.content_type.as_str(), "" | "application/octet-stream" | "application/binary");
            says_something && !types.iter().any(|known| file.content_type.contains(known))
        })
    };
    each(facts, hits, differs, |file| {
        let kind = kind_of(&file.head).map_or("", |(kind, _)| kind);
        format!("{} begins like {kind} and is sent as {}.", quoted(&file.filename), quoted(&file.content_type))
    });
}

fn nameless(facts: &Facts<'_>, hits: &mut Hits) {
    let is_nameless = |file: &Attachment| {
        file.filename.trim().is_empty() && !file.inline && !file.content_type.starts_with("message/")
    };
    each(facts, hits, is_nameless, |file| format!("An attachment of {} bytes has no name.", file.size));
}

fn large(facts: &Facts<'_>, hits: &mut Hits) {
    let total = facts.message.attachments.iter().fold(0_u64, |total, file| total.saturating_add(file.size));
    if total > TOTAL_BYTES_MAX {
        hits.note(|| format!("The attachments have {} MB.", total / (1024 * 1024)));
    }
}

fn forgotten(facts: &Facts<'_>, hits: &mut Hits) {
    // An answer may speak of what came before.
    let answers = facts.message.subject.as_deref().is_some_and(|subject| subject.contains(':'));
    if !facts.message.attachments.is_empty() || answers {
        return;
    }
    for (prose, hit) in facts.topic(Topic::Attached) {
        hits.at(prose.place(hit.range.clone()), || {
            format!("{} is said, and nothing is attached.", quoted(&prose.text[hit.range.clone()]))
        });
    }
}

/// What a file is by its first bytes, and words that an honest type has one of.
fn kind_of(head: &[u8]) -> Option<(&'static str, &'static [&'static str])> {
    const KINDS: [(&[u8], &str, &[&str]); 8] = [
        (b"%PDF-", "a PDF", &["pdf"]),
        (b"\x89PNG\r\n", "a PNG image", &["image/"]),
        (b"GIF8", "a GIF image", &["image/"]),
        (b"\xff\xd8\xff", "a JPEG image", &["image/"]),
        (
            b"PK\x03\x04",
            "a ZIP archive",
            &[
                "zip",
                "officedocument",
                "opendocument",
                "epub",
                "java",
                "android",
                "macroenabled",
                "wallet",
                "pkpass",
                "ms-",
                "msword",
                "pages",
                "numbers",
                "keynote",
                "sketch",
                "compressed",
            ],
        ),
        (b"Rar!\x1a", "a RAR archive", &["rar", "compressed"]),
        (b"7z\xbc\xaf", "a 7-Zip archive", &["7z", "compressed"]),
        (b"\x7fELF", "a program", &["executable", "sharedlib", "x-elf"]),
    ];
    KINDS.iter().find(|(magic, ..)| head.starts_with(magic)).map(|(_, kind, types)| (*kind, *types))
}

fn is_program(head: &[u8]) -> bool {
    // `MZ` alone could begin a text.
    let is_windows = head.starts_with(b"MZ") && head.iter().take(64).any(|byte| *byte == 0);
    is_windows || head.starts_with(b"\x7fELF") || head.starts_with(&[0xcf, 0xfa, 0xed, 0xfe])
}

fn has_ending(file: &Attachment, endings: &[&str]) -> bool {
    let name = file.filename.trim_end_matches(|c: char| c.is_whitespace() || c == '.');
    let ending = name.rsplit_once('.').map(|(_, ending)| ending);
    ending.is_some_and(|ending| endings.iter().any(|known| ending.eq_ignore_ascii_case(known)))
}

pub(super) fn by_ending(facts: &Facts<'_>, hits: &mut Hits, endings: &[&str], what: &str) {
    each(facts, hits, |file| has_ending(file, endings), |file| format!("{} {what}.", quoted(&file.filename)));
}

/// Reports every attachment that `is_wanted`.
pub(super) fn each(
    facts: &Facts<'_>,
    hits: &mut Hits,
    is_wanted: impl Fn(&Attachment) -> bool,
    sentence: impl Fn(&Attachment) -> String,
) {
    for (index, file) in facts.message.attachments.iter().enumerate().filter(|(_, file)| is_wanted(file)) {
        hits.at(Location::indexed(Part::Attachments, index, 0..file.filename.len()), || sentence(file));
    }
}
