//! Replies of mail servers (RFC 5321 section 4.2): their form here, their meaning for an email in [`meaning`].

use std::fmt;

pub mod meaning;

/// Bytes of one line without its end. RFC 5321 says 512 with it; servers that explain themselves write more.
pub const LINE_BYTES_MAX: usize = 2_048;
/// Lines of one reply.
pub const LINES_MAX: usize = 100;
/// Bytes of a reply's text that are kept where it becomes one line.
pub const TEXT_BYTES_MAX: usize = 1_024;

/// Where in a conversation a server speaks.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Stage {
    /// Before we said anything.
    Greeting,
    /// To EHLO or HELO.
    Hello,
    /// To STARTTLS.
    StartTls,
    /// To AUTH and what belongs to it.
    Auth,
    /// To RSET.
    Reset,
    /// To MAIL.
    Mail,
    /// To RCPT.
    Recipient,
    /// To DATA.
    Data,
    /// While the message is under way.
    Text,
    /// After the message's end was sent: from here on the server may have taken it.
    Message,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Greeting => "the connection",
            Self::Hello => "EHLO",
            Self::StartTls => "STARTTLS",
            Self::Auth => "AUTH",
            Self::Reset => "RSET",
            Self::Mail => "MAIL",
            Self::Recipient => "RCPT",
            Self::Data => "DATA",
            Self::Text => "the message's text",
            Self::Message => "the message's end",
        })
    }
}

/// What a server answered, whole.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Reply {
    /// 200 to 599.
    pub code: u16,
    /// The text of each line, without controls.
    pub lines: Vec<String>,
}

impl Reply {
    /// The enhanced status code at its beginning (RFC 2034).
    pub fn enhanced(&self) -> Option<EnhancedCode> {
        EnhancedCode::parse(self.lines.first()?)
    }
}

/// In one line of at most [`TEXT_BYTES_MAX`] bytes; the enhanced code that begins every line is there once.
impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = self.code.to_string();
        let repeated = self.enhanced().map(|code| code.to_string());
        for (number, line) in self.lines.iter().enumerate() {
            let rest = repeated.as_deref().filter(|_| number > 0).and_then(|code| line.strip_prefix(code));
            let line = rest.unwrap_or(line).trim();
            if !line.is_empty() {
                text.push(' ');
                text.push_str(line);
            }
        }
        f.write_str(&text[..text.floor_char_boundary(TEXT_BYTES_MAX)])
    }
}

/// An enhanced status code (RFC 3463), such as `5.1.1`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct EnhancedCode {
    /// 2, 4 or 5.
    pub class: u16,
    /// What it is about.
    pub subject: u16,
    /// What exactly.
    pub detail: u16,
}

impl EnhancedCode {
    /// Reads the code that `text` begins with.
    pub fn parse(text: &str) -> Option<Self> {
        let word = text.split(' ').next()?;
        let mut numbers = word.split('.');
        let mut number = || {
            let digits = numbers.next().filter(|digits| (1..=3).contains(&digits.len()))?;
            digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
        };
        let code = Self { class: number()?, subject: number()?, detail: number()? };
        (matches!(code.class, 2 | 4 | 5) && numbers.next().is_none()).then_some(code)
    }
}

impl fmt::Display for EnhancedCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.class, self.subject, self.detail)
    }
}

/// Why what a server sent is no reply.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum NoReply {
    /// A line does not begin with a code.
    Garbage,
    /// The lines of one reply have different codes.
    TwoCodes(u16, u16),
    /// A line has more than [`LINE_BYTES_MAX`] bytes.
    LongLine,
    /// There are more than [`LINES_MAX`] lines.
    ManyLines,
}

impl fmt::Display for NoReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Garbage => f.write_str("a line that does not begin with a reply code"),
            Self::TwoCodes(first, second) => write!(f, "a reply that begins with {first} and goes on with {second}"),
            Self::LongLine => write!(f, "a line of more than {LINE_BYTES_MAX} bytes"),
            Self::ManyLines => write!(f, "a reply of more than {LINES_MAX} lines"),
        }
    }
}

/// Puts a reply together from its lines.
#[derive(Debug, Default)]
pub struct ReplyReader {
    code: Option<u16>,
    lines: Vec<String>,
}

impl ReplyReader {
    /// Takes the next line without its end; the reply comes out with its last one.
    pub fn push(&mut self, line: &[u8]) -> Result<Option<Reply>, NoReply> {
        if line.len() > LINE_BYTES_MAX {
            return Err(NoReply::LongLine);
        }
        if self.lines.len() == LINES_MAX {
            return Err(NoReply::ManyLines);
        }
        let (code, goes_on, text) = parts(line).ok_or(NoReply::Garbage)?;
        let first = *self.code.get_or_insert(code);
        if first != code {
            return Err(NoReply::TwoCodes(first, code));
        }
        self.lines.push(readable(text));
        Ok((!goes_on).then(|| Reply { code, lines: std::mem::take(&mut self.lines) }))
    }
}

/// The code of a line, whether another follows, and the text.
fn parts(line: &[u8]) -> Option<(u16, bool, &[u8])> {
    let (digits, rest) = line.split_at_checked(3)?;
    let code = digits.iter().all(u8::is_ascii_digit).then(|| std::str::from_utf8(digits).ok()?.parse().ok())??;
    if !(200..=599).contains(&code) {
        return None;
    }
    match rest.split_first() {
        None => Some((code, false, rest)),
        Some((b' ', text)) => Some((code, false, text)),
        Some((b'-', text)) => Some((code, true, text)),
        Some(_) => None,
    }
}

/// UTF-8 with a blank for each control.
fn readable(text: &[u8]) -> String {
    String::from_utf8_lossy(text).chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests;
