//! What the scorer answers, in the same shape as `wit/scorer.wit`.

use std::borrow::Cow;
use std::ops::Range;

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Likely to be filtered or plainly broken.
    Error,
    /// Costs reputation or readers.
    Warning,
    /// Worth knowing.
    Info,
}

/// The part of a message that a place is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The sender's address.
    From,
    /// The address for answers.
    ReplyTo,
    /// One recipient's address.
    To,
    /// The subject.
    Subject,
    /// The html source.
    Html,
    /// The plain text.
    Text,
    /// The value of one header.
    Headers,
    /// The name of one attachment.
    Attachments,
}

impl Part {
    /// The word that the WIT contract uses.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Part::From => "from",
            Part::ReplyTo => "reply-to",
            Part::To => "to",
            Part::Subject => "subject",
            Part::Html => "html",
            Part::Text => "text",
            Part::Headers => "headers",
            Part::Attachments => "attachments",
        }
    }
}

/// Where a finding stands, in bytes of the part's UTF-8 and on character boundaries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Location {
    /// Which part.
    pub part: Part,
    /// Bytes before the place.
    pub offset: u32,
    /// Bytes of the place.
    pub length: u32,
    /// Which header, attachment or recipient, counted from 0; 0 elsewhere.
    pub index: u32,
}

impl Location {
    /// A place in a part of which a message has one.
    pub(crate) fn within(part: Part, range: Range<usize>) -> Location {
        Location::indexed(part, 0, range)
    }

    /// A place in one of many headers, attachments or recipients.
    pub(crate) fn indexed(part: Part, index: usize, range: Range<usize>) -> Location {
        let bytes = |count: usize| u32::try_from(count).expect("messages are refused long before 4 GiB");
        Location { part, offset: bytes(range.start), length: bytes(range.len()), index: bytes(index) }
    }
}

/// One thing that a rule found.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// The rule's id.
    pub rule: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// What it adds to the score: 0 for the second and later places of a rule, less than the rule's points where
    /// its category has reached its limit.
    pub points: f64,
    /// What was found, in a sentence.
    pub message: String,
    /// What to change, in a sentence.
    pub suggestion: Cow<'static, str>,
    /// Where, if it is somewhere.
    pub location: Option<Location>,
    /// `more-places`: how many further places the rule found and does not list. `own-rule`: the id of a rule of the operator.
    pub attributes: Vec<(String, String)>,
}

/// The judgement. `spam_score` is the sum of the findings' points.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// Points; 5.0 and more is spam.
    pub spam_score: f64,
    /// Most points first.
    pub findings: Vec<Finding>,
    /// `probability`: that the message is spam, 0 to 1, when the model was asked.
    pub attributes: Vec<(String, String)>,
}
