//! Labelled mail in a directory: either `labels.tsv` beside `eml/`, or files in `ham/` and `spam/`.

use std::fs;
use std::path::{Path, PathBuf};

use mail_parser::{MessageParser, MimeHeaders, PartType};
use pillarbox_scorer::message::{Attachment, Mailbox, Message};

/// Bytes of an attachment that a scorer is shown.
const HEAD_BYTES: usize = 256;

/// One message of which somebody said what it is.
#[derive(Clone)]
pub struct Labelled {
    /// Whether it is spam.
    pub is_spam: bool,
    /// The part of the collection that it belongs to, for figures.
    pub slice: String,
    /// Where it was collected. What has one source is left out together when sources are left out.
    pub source: String,
    /// When it was sent; 0 when nobody knows.
    pub year: u32,
    /// The message.
    pub message: Message,
}

/// Reads a directory.
///
/// # Errors
/// A sentence that names the file, when one cannot be read, is no message, or has a label that is neither 0 nor 1.
pub fn read(directory: &Path) -> Result<Vec<Labelled>, String> {
    let labels = directory.join("labels.tsv");
    if labels.exists() {
        return read_labels(directory, &labels);
    }
    let mut all = Vec::new();
    for (folder, is_spam) in [("ham", false), ("spam", true)] {
        for file in files(&directory.join(folder))? {
            let (slice, source) = (folder.to_owned(), directory.display().to_string());
            all.push(Labelled { is_spam, slice, source, year: 0, message: read_message(&file)? });
        }
    }
    if all.is_empty() {
        return Err(format!("{} holds neither labels.tsv nor messages in ham/ and spam/", directory.display()));
    }
    Ok(all)
}

fn read_labels(directory: &Path, labels: &Path) -> Result<Vec<Labelled>, String> {
    let table = fs::read_to_string(labels).map_err(|error| format!("{}: {error}", labels.display()))?;
    let mut all = Vec::new();
    for (number, line) in table.lines().enumerate().skip(1) {
        let wrong = |what: &str| format!("{} line {}: {what}", labels.display(), number + 1);
        let mut cells = line.split('\t');
        let (Some(id), Some(label), Some(slice)) = (cells.next(), cells.next(), cells.next()) else {
            return Err(wrong("expected id, label and slice, separated by tabs"));
        };
        let is_spam = match label {
            "0" => false,
            "1" => true,
            other => return Err(wrong(&format!("the label {other:?} is neither 0 nor 1"))),
        };
        let source = cells.next().unwrap_or(slice).to_owned();
        let year = cells.next().and_then(|year| year.trim().parse().ok()).unwrap_or(0);
        let message = read_message(&directory.join("eml").join(format!("{id}.eml")))?;
        all.push(Labelled { is_spam, slice: slice.to_owned(), source, year, message });
    }
    Ok(all)
}

/// The files of a directory by name, so that each run reads them in the same order. None when there is no directory.
fn files(directory: &Path) -> Result<Vec<PathBuf>, String> {
    if !directory.exists() {
        return Ok(Vec::new());
    }
    let entries = fs::read_dir(directory).map_err(|error| format!("{}: {error}", directory.display()))?;
    let mut files: Vec<PathBuf> =
        entries.filter_map(Result::ok).map(|entry| entry.path()).filter(|path| path.is_file()).collect();
    files.sort();
    Ok(files)
}

fn read_message(file: &Path) -> Result<Message, String> {
    let raw = fs::read(file).map_err(|error| format!("{}: {error}", file.display()))?;
    parse(&raw).ok_or_else(|| format!("{} is not a message (RFC 5322)", file.display()))
}

/// A message as the host hands it to a scorer.
pub fn parse(raw: &[u8]) -> Option<Message> {
    let parsed = MessageParser::default().parse(raw)?;
    let body = |shown: &[u32], html: bool| -> Option<String> {
        let parts = shown.iter().filter_map(|id| parsed.parts.get(*id as usize));
        let texts: Vec<&str> = parts
            .filter_map(|part| match &part.body {
                PartType::Html(text) if html => Some(text.as_ref()),
                PartType::Text(text) if !html => Some(text.as_ref()),
                _ => None,
            })
            .collect();
        (!texts.is_empty()).then(|| texts.join("\n"))
    };
    let mailboxes = |address: Option<&mail_parser::Address>| -> Vec<Mailbox> {
        let all = address.into_iter().flat_map(mail_parser::Address::iter);
        let mailbox = |one: &mail_parser::Addr| Mailbox {
            name: one.name.as_deref().unwrap_or_default().to_owned(),
            email: one.address.as_deref().unwrap_or_default().to_owned(),
        };
        all.map(mailbox).collect()
    };
    let attachments = parsed.attachments().map(|part| Attachment {
        filename: part.attachment_name().unwrap_or_default().to_owned(),
        content_type: part.content_type().map_or_else(String::new, |kind| {
            format!("{}/{}", kind.ctype(), kind.subtype().unwrap_or_default()).to_ascii_lowercase()
        }),
        size: part.contents().len() as u64,
        head: part.contents().iter().take(HEAD_BYTES).copied().collect(),
        inline: part.content_id().is_some(),
    });
    let headers = parsed.headers_raw().map(|(name, value)| (name.to_owned(), value.trim().replace("\r\n", "")));
    Some(Message {
        from: mailboxes(parsed.from()).into_iter().next(),
        reply_to: mailboxes(parsed.reply_to()).into_iter().next(),
        to: mailboxes(parsed.to()),
        subject: parsed.subject().map(str::to_owned),
        html: body(&parsed.html_body, true),
        text: body(&parsed.text_body, false),
        headers: headers.collect(),
        attachments: attachments.collect(),
    })
}
