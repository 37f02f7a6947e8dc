//! The message that is judged, in the same shape as `wit/scorer.wit` hands it over.

/// A person or place that mail comes from or goes to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mailbox {
    /// Display name, decoded. Empty when there is none.
    pub name: String,
    /// `local@domain` as written.
    pub email: String,
}

/// One file of the message; only how it begins is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attachment {
    /// Empty when the part has no name.
    pub filename: String,
    /// Lower case, without parameters.
    pub content_type: String,
    /// Bytes after transfer decoding.
    pub size: u64,
    /// At most the first 256 bytes after transfer decoding.
    pub head: Vec<u8>,
    /// True for parts that the html refers to by `cid:`.
    pub inline: bool,
}

/// A message as a reader's mail program would take it apart. What the sender left out is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// Who it says it is from.
    pub from: Option<Mailbox>,
    /// Where answers go.
    pub reply_to: Option<Mailbox>,
    /// Who it goes to.
    pub to: Vec<Mailbox>,
    /// Subject, decoded.
    pub subject: Option<String>,
    /// The html part, decoded to UTF-8.
    pub html: Option<String>,
    /// The plain text part, decoded to UTF-8.
    pub text: Option<String>,
    /// Every header in order: name as written and value unfolded and decoded.
    pub headers: Vec<(String, String)>,
    /// Files and inline parts.
    pub attachments: Vec<Attachment>,
}

impl Message {
    /// Bytes of all its texts and names.
    pub(crate) fn bytes(&self) -> usize {
        let mailboxes = self.from.iter().chain(&self.reply_to).chain(&self.to);
        let mailboxes = mailboxes.map(|mailbox| mailbox.name.len() + mailbox.email.len()).sum::<usize>();
        let texts = [&self.subject, &self.html, &self.text].into_iter().flatten().map(String::len).sum::<usize>();
        let headers = self.headers.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>();
        let files = self.attachments.iter().map(|file| file.filename.len() + file.content_type.len()).sum::<usize>();
        mailboxes + texts + headers + files
    }
}
