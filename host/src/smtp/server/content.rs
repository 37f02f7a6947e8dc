//! The text of one message off the wire, behind `DATA` or in chunks (`BDAT`), and what is wrong with it.
//!
//! Servers that disagree about where a message ends can be made to see two messages in one, the second of which nobody
//! checked ("SMTP smuggling"). So a line ends in CRLF and in nothing else, a CR or LF that stands alone is a fault, and
//! the end is CRLF, a dot, CRLF, exactly.

/// A line without its end (RFC 5322 section 2.1.1). Servers on the way cut or refuse longer ones.
pub(crate) const TEXT_LINE_BYTES_MAX: usize = 998;

/// A message that is being received.
#[derive(Debug)]
pub(super) struct Content {
    bytes: Vec<u8>,
    bytes_max: usize,
    /// Bytes that came, kept or not.
    seen: usize,
    line_bytes: usize,
    place: Place,
    /// Whether a dot at the start of a line means something: behind `DATA`, and not in chunks.
    dotted: bool,
    fault: Option<Fault>,
}

/// Where the last byte stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Place {
    LineStart,
    /// Behind a dot at the start of a line.
    Dot,
    /// Behind that dot and a CR.
    DotCr,
    Text,
    Cr,
}

/// Why a message is not taken.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Fault {
    /// Larger than the bound.
    TooLarge,
    /// A line of more than [`TEXT_LINE_BYTES_MAX`].
    LineTooLong,
    /// There is no room for it now.
    NoRoom,
}

/// How far the message has come.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Progress {
    /// It goes on.
    More,
    /// It ended behind this many bytes of what was given.
    End(usize),
    /// A CR or LF that stands alone: nobody can say where the message ends.
    BareLineEnd,
}

impl Content {
    /// What follows `DATA`: it ends with a dot.
    pub(super) fn dotted(bytes_max: usize) -> Self {
        Self::new(bytes_max, true)
    }

    /// Chunks, of which the client says the sizes and which is the last.
    pub(super) fn chunked(bytes_max: usize) -> Self {
        Self::new(bytes_max, false)
    }

    fn new(bytes_max: usize, dotted: bool) -> Self {
        let bytes = Vec::new();
        Self { bytes, bytes_max, seen: 0, line_bytes: 0, place: Place::LineStart, dotted, fault: None }
    }

    /// Bytes that came so far, kept or not.
    pub(super) fn seen(&self) -> usize {
        self.seen
    }

    /// Bytes that are held.
    pub(super) fn held(&self) -> usize {
        self.bytes.len()
    }

    /// Remembers the first fault. What is left of the message is read and thrown away.
    pub(super) fn fail(&mut self, fault: Fault) {
        self.fault.get_or_insert(fault);
        self.bytes = Vec::new();
    }

    /// Takes what came. Behind an end or a bare line end, nothing more may be given.
    pub(super) fn take(&mut self, input: &[u8]) -> Progress {
        let mut at = 0;
        while let Some(&byte) = input.get(at) {
            match (self.place, byte) {
                (Place::LineStart, b'.') if self.dotted => {
                    self.place = Place::Dot;
                    at += 1;
                }
                (Place::Dot, b'\r') => {
                    self.place = Place::DotCr;
                    at += 1;
                }
                (Place::DotCr, b'\n') => {
                    self.seen += at + 1;
                    return Progress::End(at + 1);
                }
                (Place::Cr, b'\n') => {
                    self.keep(b"\r\n");
                    self.line_bytes = 0;
                    self.place = Place::LineStart;
                    at += 1;
                }
                (Place::Cr | Place::DotCr, _) | (_, b'\n') => return Progress::BareLineEnd,
                (_, b'\r') => {
                    self.place = Place::Cr;
                    at += 1;
                }
                _ => {
                    let rest = &input[at..];
                    let end = rest.iter().position(|byte| matches!(byte, b'\r' | b'\n')).unwrap_or(rest.len());
                    self.line_bytes += end;
                    if self.line_bytes > TEXT_LINE_BYTES_MAX {
                        self.fail(Fault::LineTooLong);
                    }
                    self.keep(&rest[..end]);
                    self.place = Place::Text;
                    at += end;
                }
            }
        }
        self.seen += input.len();
        Progress::More
    }

    /// The whole message, whose last line has an end even where the last chunk had none. `None` when the last byte is
    /// half of a line end.
    pub(super) fn finish(mut self) -> Option<Result<Vec<u8>, Fault>> {
        match self.place {
            Place::Cr => return None,
            Place::Text => self.keep(b"\r\n"),
            Place::LineStart | Place::Dot | Place::DotCr => {}
        }
        Some(match self.fault {
            Some(fault) => Err(fault),
            None => Ok(self.bytes),
        })
    }

    fn keep(&mut self, bytes: &[u8]) {
        if self.fault.is_some() {
            return;
        }
        if self.bytes.len() + bytes.len() > self.bytes_max {
            return self.fail(Fault::TooLarge);
        }
        self.bytes.extend_from_slice(bytes);
    }
}

/// A whole message that came from elsewhere, held to the same rules. `None` where a CR or LF stands alone.
pub(crate) fn whole(message: &[u8], bytes_max: usize) -> Option<Result<Vec<u8>, Fault>> {
    let mut content = Content::chunked(bytes_max);
    if content.take(message) == Progress::BareLineEnd {
        return None;
    }
    content.finish()
}

#[cfg(test)]
mod tests;
