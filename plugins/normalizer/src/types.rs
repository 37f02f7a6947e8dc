//! What goes in and what comes out, mirroring `wit/normalizer.wit` record by record.
//!
//! The rules use types of their own so that they build and run anywhere. What each field means is written in the
//! WIT; here stands only what Rust adds.

/// A name and a value.
pub type Attribute = (String, String);

/// Who this plugin is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// Lower-case letters, digits and hyphens.
    pub name: String,
    /// Semantic version.
    pub version: String,
    /// One sentence for the operator.
    pub summary: String,
    /// More about it.
    pub attributes: Vec<Attribute>,
}

/// A format that this plugin reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Format {
    /// As in [`Event::provider`].
    pub name: String,
    /// What it is and which document defines it.
    pub description: String,
    /// Content types by which it usually comes.
    pub content_types: Vec<String>,
    /// More about it.
    pub attributes: Vec<Attribute>,
}

/// One notification as it came in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Request {
    /// The Content-Type header with its parameters, or nothing.
    pub content_type: String,
    /// Headers of the request, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The raw body.
    pub body: Vec<u8>,
    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub received_at: u64,
    /// `endpoint`: `bounce`, `complaint` or `in`.
    pub attributes: Vec<Attribute>,
}

/// What happened to an email.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// It came back, for good or for now.
    Bounce,
    /// A recipient or their provider objects to it.
    Complaint,
    /// It arrived.
    Delivered,
    /// A server will try again.
    Deferred,
    /// It was displayed.
    Opened,
    /// A link in it was followed.
    Clicked,
    /// The recipient wants no more.
    Unsubscribed,
    /// A provider refused to send it.
    Rejected,
    /// A machine answered in the place of a person.
    Autoreply,
    /// Something else.
    #[default]
    Unknown,
}

/// Whether another try can help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BounceType {
    /// The address will not work.
    Hard,
    /// Another try, another message or another day may work.
    Soft,
}

/// RFC 5965 section 7.3.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FeedbackType {
    /// Unwanted mail.
    Abuse,
    /// Phishing and the like.
    Fraud,
    /// Harmful content.
    Virus,
    /// Anything else.
    Other,
}

/// What a clue is, most trusted first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ClueKind {
    /// Our own id, said outright.
    EmailId,
    /// Our own header in the returned message.
    Header,
    /// The provider's metadata that we set when sending.
    Metadata,
    /// An address that may be one of our envelope senders.
    Verp,
    /// Original-Envelope-Id (RFC 3464 section 2.2.1).
    EnvelopeId,
    /// The provider's id of the message.
    ProviderMessageId,
    /// Message-ID of the returned message.
    MessageId,
}

/// Something by which the host may find the email.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clue {
    /// What it is.
    pub kind: ClueKind,
    /// Its value.
    pub value: String,
}

/// One thing that happened to one recipient's copy.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Event {
    /// What happened.
    pub kind: Kind,
    /// For bounces.
    pub bounce_type: Option<BounceType>,
    /// The bare address.
    pub recipient: Option<String>,
    /// Other addresses that may mean the same recipient.
    pub recipient_alternatives: Vec<String>,
    /// The remote server's words, at most [`REASON_BYTES_MAX`] bytes.
    pub reason: Option<String>,
    /// Why, in one word of ours.
    pub class: Option<String>,
    /// 200 to 599.
    pub smtp_code: Option<u16>,
    /// RFC 3463.
    pub enhanced_code: Option<String>,
    /// For complaints.
    pub feedback_type: Option<FeedbackType>,
    /// For complaints, the source's own word.
    pub complaint_type: Option<String>,
    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub occurred_at: Option<i64>,
    /// Who told it, in a word.
    pub provider: String,
    /// The source's own id of this event.
    pub provider_event_id: Option<String>,
    /// Most trusted first.
    pub clues: Vec<Clue>,
    /// A JSON object.
    pub custom_data: Option<String>,
    /// `evidence`: what decided.
    pub attributes: Vec<Attribute>,
}

/// An item that is not an event, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ignored {
    /// Which item, counted from 0.
    pub index: u32,
    /// A sentence.
    pub reason: String,
}

/// What the request says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    /// In the order of the request.
    pub events: Vec<Event>,
    /// What is not an event.
    pub ignored: Vec<Ignored>,
    /// More about the request.
    pub attributes: Vec<Attribute>,
}

/// Why a request could not be read at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// `invalid` or `unrecognized`.
    pub code: String,
    /// A sentence.
    pub message: String,
    /// JSON pointer or header name, or nothing.
    pub pointer: String,
}

/// Longest [`Event::reason`].
pub const REASON_BYTES_MAX: usize = 1024;

impl Problem {
    /// The request is in one of our formats and wrong; the caller reads `message`.
    pub fn invalid(pointer: &str, message: impl Into<String>) -> Self {
        Self { code: "invalid".into(), message: message.into(), pointer: pointer.into() }
    }

    /// The request is in no format that this plugin knows.
    pub fn unrecognized(message: impl Into<String>) -> Self {
        Self { code: "unrecognized".into(), message: message.into(), pointer: String::new() }
    }
}

impl Request {
    /// The route that the request came by, when the host says so.
    pub(crate) fn endpoint(&self) -> Option<&str> {
        self.attributes.iter().find(|(name, _)| name == "endpoint").map(|(_, value)| value.as_str())
    }
}

impl Outcome {
    /// An outcome of one event.
    pub(crate) fn of(event: Event) -> Self {
        Self { events: vec![event], ..Self::default() }
    }

    /// Notes that the next item is not an event.
    pub(crate) fn ignore(&mut self, reason: impl Into<String>) {
        let index = u32::try_from(self.events.len() + self.ignored.len()).unwrap_or(u32::MAX);
        self.ignored.push(Ignored { index, reason: reason.into() });
    }
}
