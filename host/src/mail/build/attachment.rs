//! Files that travel with a message.

use std::error::Error;
use std::fmt;

/// A file name in UTF-8, as file systems have it.
pub const FILENAME_BYTES_MAX: usize = 255;
/// A content type with its parameters.
pub const CONTENT_TYPE_BYTES_MAX: usize = 255;
/// A content id.
pub const CONTENT_ID_BYTES_MAX: usize = 255;

/// What a file is when nobody says so and its name does not tell.
const UNKNOWN_TYPE: &str = "application/octet-stream";

/// What the end of a name usually means, for callers that leave the type out.
const TYPES: &[(&str, &str)] = &[
    ("csv", "text/csv"),
    ("docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    ("gif", "image/gif"),
    ("gz", "application/gzip"),
    ("htm", "text/html"),
    ("html", "text/html"),
    ("ics", "text/calendar"),
    ("jpeg", "image/jpeg"),
    ("jpg", "image/jpeg"),
    ("json", "application/json"),
    ("mp3", "audio/mpeg"),
    ("mp4", "video/mp4"),
    ("pdf", "application/pdf"),
    ("png", "image/png"),
    ("pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation"),
    ("svg", "image/svg+xml"),
    ("txt", "text/plain"),
    ("vcf", "text/vcard"),
    ("webp", "image/webp"),
    ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ("xml", "application/xml"),
    ("zip", "application/zip"),
];

/// A file, checked: nothing in its names can leave its header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// Without folders, at most [`FILENAME_BYTES_MAX`], never empty.
    pub filename: String,
    /// Its bytes; they arrive as they are.
    pub content: Vec<u8>,
    /// `type/subtype` in lower case, without parameters.
    pub content_type: String,
    /// Without angle brackets; html refers to it as `cid:` and this.
    pub content_id: Option<String>,
    /// Shown inside of the html rather than offered for download.
    pub inline: bool,
}

impl Attachment {
    /// Checks what a customer says of a file. Folders are taken off its name, brackets off its content id; a type
    /// that is left out follows from the name. Parameters of the type are dropped: the bytes are sent as they are,
    /// so the only one that means anything is `charset`, and text says in its bytes what it is.
    pub fn check(
        filename: &str,
        content: Vec<u8>,
        content_type: Option<&str>,
        content_id: Option<&str>,
        inline: bool,
    ) -> Result<Self, AttachmentError> {
        let filename = check_filename(filename)?;
        let content_type = match content_type.map(str::trim) {
            Some(text) if !text.is_empty() => check_type(text)?,
            _ => type_of(&filename).to_owned(),
        };
        let content_id = content_id.map(check_id).transpose()?;
        Ok(Self { filename, content, content_type, content_id, inline })
    }
}

fn check_filename(filename: &str) -> Result<String, AttachmentError> {
    let name = filename.rsplit(['/', '\\']).next().unwrap_or_default().trim();
    if name.is_empty() || name == "." || name == ".." {
        return Err(AttachmentError::NoName);
    }
    if name.len() > FILENAME_BYTES_MAX {
        return Err(AttachmentError::NameTooLong);
    }
    // A character that turns the direction makes `gpj.exe` look like `exe.jpg`.
    let turns = |character| matches!(character, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    if name.chars().any(|character| character.is_control() || turns(character)) {
        return Err(AttachmentError::NameCharacter);
    }
    Ok(name.to_owned())
}

/// `type/subtype` by RFC 2045 section 5.1. Composite types are refused: readers would take the bytes apart.
fn check_type(text: &str) -> Result<String, AttachmentError> {
    let is_token = |token: &str| {
        !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic() && !b"()<>@,;:\\\"/[]?=".contains(&byte))
    };
    let essence = text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let (kind, subtype) = essence.split_once('/').ok_or(AttachmentError::Type)?;
    if text.len() > CONTENT_TYPE_BYTES_MAX || !is_token(kind) || !is_token(subtype) || text.contains(['\r', '\n', '\0'])
    {
        return Err(AttachmentError::Type);
    }
    if kind == "multipart" || kind == "message" { Err(AttachmentError::CompositeType) } else { Ok(essence) }
}

fn type_of(filename: &str) -> &'static str {
    let extension = filename.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase());
    let known = TYPES.iter().find(|(known, _)| Some(*known) == extension.as_deref());
    known.map_or(UNKNOWN_TYPE, |(_, content_type)| content_type)
}

fn check_id(id: &str) -> Result<String, AttachmentError> {
    let id = id.trim();
    let id = id.strip_prefix('<').and_then(|id| id.strip_suffix('>')).unwrap_or(id);
    let fits = |byte: u8| byte.is_ascii_graphic() && !b"<>\"\\()".contains(&byte);
    if (1..=CONTENT_ID_BYTES_MAX).contains(&id.len()) && id.bytes().all(fits) {
        Ok(id.to_owned())
    } else {
        Err(AttachmentError::Id)
    }
}

/// Why a file cannot travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttachmentError {
    /// Nothing is left of its name.
    NoName,
    /// Longer than [`FILENAME_BYTES_MAX`].
    NameTooLong,
    /// A control character in its name.
    NameCharacter,
    /// Not a content type.
    Type,
    /// A content type that has parts of its own.
    CompositeType,
    /// Not a content id.
    Id,
}

impl Error for AttachmentError {}

impl fmt::Display for AttachmentError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoName => out.write_str("the file has no name; give one, as in invoice.pdf"),
            Self::NameTooLong => write!(out, "the file name is longer than {FILENAME_BYTES_MAX} bytes"),
            Self::NameCharacter => {
                out.write_str("the file name has a control character or one that turns its direction")
            }
            Self::Type => out.write_str("the content type is not of the form type/subtype, as in application/pdf"),
            Self::CompositeType => out.write_str(
                "files of type multipart or message cannot be attached as such; use application/octet-stream",
            ),
            Self::Id => write!(
                out,
                "the content id must be 1 to {CONTENT_ID_BYTES_MAX} printable ASCII characters without spaces, quotes or brackets"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn named(filename: &str, expected: Result<&str, AttachmentError>) {
        let checked = Attachment::check(filename, vec![], None, None, false).map(|file| file.filename);
        assert_eq!(checked, expected.map(str::to_owned), "{filename:?}");
    }

    #[test]
    fn a_file_name_has_no_folders_and_cannot_leave_its_header() {
        named("invoice.pdf", Ok("invoice.pdf"));
        named("../../etc/passwd", Ok("passwd"));
        named("C:\\Users\\ada\\Rechnung März.pdf", Ok("Rechnung März.pdf"));
        named("a\"b;c.txt", Ok("a\"b;c.txt"));
        named("", Err(AttachmentError::NoName));
        named("folder/", Err(AttachmentError::NoName));
        named("..", Err(AttachmentError::NoName));
        named("a\r\nBcc: x", Err(AttachmentError::NameCharacter));
        named("a\0.txt", Err(AttachmentError::NameCharacter));
        named("photo\u{202e}gpj.exe", Err(AttachmentError::NameCharacter));
        let long = "n".repeat(FILENAME_BYTES_MAX);
        named(&long, Ok(&long));
        named(&(long.clone() + "n"), Err(AttachmentError::NameTooLong));
    }

    #[track_caller]
    fn typed(filename: &str, content_type: Option<&str>, expected: Result<&str, AttachmentError>) {
        let checked = Attachment::check(filename, vec![], content_type, None, false).map(|file| file.content_type);
        assert_eq!(checked, expected.map(str::to_owned), "{content_type:?}");
    }

    #[test]
    fn a_type_is_checked_or_follows_from_the_name() {
        typed("a.PDF", None, Ok("application/pdf"));
        typed("a.pdf", Some(""), Ok("application/pdf"));
        typed("a", None, Ok("application/octet-stream"));
        typed("a.pdf", Some("Text/CSV; charset=utf-8"), Ok("text/csv"));
        typed("a", Some("application/vnd.x+json"), Ok("application/vnd.x+json"));
        typed("a", Some("pdf"), Err(AttachmentError::Type));
        typed("a", Some("a/b/c"), Err(AttachmentError::Type));
        typed("a", Some("a/"), Err(AttachmentError::Type));
        typed("a", Some("text/x\r\nBcc: y"), Err(AttachmentError::Type));
        typed("a", Some("text/x; a=b\r\nBcc: y"), Err(AttachmentError::Type));
        typed("a", Some("message/rfc822"), Err(AttachmentError::CompositeType));
        typed("a", Some("multipart/mixed; boundary=x"), Err(AttachmentError::CompositeType));
        let long = format!("a/{}", "b".repeat(CONTENT_TYPE_BYTES_MAX - 2));
        typed("a", Some(&long), Ok(&long));
        typed("a", Some(&(long.clone() + "b")), Err(AttachmentError::Type));
    }

    #[test]
    fn a_content_id_is_printable() {
        let check = |id: &str| Attachment::check("a", vec![], None, Some(id), true).map(|file| file.content_id);
        assert_eq!(check("<logo@acme>"), Ok(Some("logo@acme".into())));
        assert_eq!(check("logo"), Ok(Some("logo".into())));
        for id in ["", "<>", "a b", "a\r\nb", "a>b", "ü"] {
            assert_eq!(check(id), Err(AttachmentError::Id), "{id:?}");
        }
        let long = "i".repeat(CONTENT_ID_BYTES_MAX);
        assert_eq!(check(&long), Ok(Some(long.clone())));
        assert_eq!(check(&(long + "i")), Err(AttachmentError::Id));
    }
}
