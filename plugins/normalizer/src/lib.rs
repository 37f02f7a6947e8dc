//! The rules of the built-in normalizer: what bounces, complaints and other reports about sent mail mean.
//!
//! A plain crate without I/O, clock or state, so that every rule is tested natively; `guest/` wraps it for the
//! sandbox. The same request always gives the same outcome, no input makes it panic, and the time it takes grows
//! in proportion to the input.
//!
//! ```
//! use pillarbox_normalizer::{Kind, Request, normalize};
//!
//! let body = br#"{"emailId": "0197a5de-0000-7000-8000-000000000001", "bounceType": "hard"}"#;
//! let request = Request { content_type: "application/json".into(), body: body.to_vec(), ..Request::default() };
//! assert_eq!(normalize(&request, &[]).unwrap().events[0].kind, Kind::Bounce);
//! ```

mod class;
mod classify;
mod codes;
mod dialogue;
mod formats;
mod json;
mod mail;
mod native;
mod phrases;
mod text;
mod time;
mod types;

pub use formats::{describe, formats};
pub use types::{
    Attribute, BounceType, Clue, ClueKind, Description, Event, FeedbackType, Format, Ignored, Kind, Outcome, Problem,
    REASON_BYTES_MAX, Request,
};

/// Largest body that is read, in bytes.
pub const BODY_BYTES_MAX: usize = 5 * 1024 * 1024;

/// Says what a request means.
///
/// The content type is a hint only, because many senders state a wrong one; the first bytes of the body decide.
/// There are no settings yet, and unknown ones are ignored.
///
/// # Errors
/// `invalid` when the request is in our own format and wrong, `unrecognized` when it is in none of [`formats`].
pub fn normalize(request: &Request, _settings: &[Attribute]) -> Result<Outcome, Problem> {
    if request.body.len() > BODY_BYTES_MAX {
        return Err(Problem::invalid("", format!("The body is larger than {BODY_BYTES_MAX} bytes")));
    }
    json::normalize(request).unwrap_or_else(|| mail::normalize(request))
}
