//! How an attempt is written down.

use crate::delivery::attempt::{Attempt, Outcome};
use crate::mail::event::BounceType;
use crate::mail::reply::Reply;
use crate::mail::reply::meaning::{Meaning, meaning};
use crate::smtp::client::failure::Failure;
use crate::smtp::client::session::Answer;

/// An attempt that a server answered.
pub(super) fn of_answer(host: &str, answer: &Answer) -> Attempt {
    match answer {
        Answer::Taken(reply) => with_reply(Outcome::Delivered, host, reply, reply.to_string()),
        Answer::Refused(stage, reply) => {
            let outcome = match meaning(*stage, reply) {
                Meaning::Later | Meaning::AboutUs => Outcome::Deferred,
                Meaning::NoSuchAddress => Outcome::Bounced(BounceType::Hard),
                Meaning::Refused => Outcome::Bounced(BounceType::Soft),
            };
            with_reply(outcome, host, reply, reply.to_string())
        }
        Answer::Unfit(unfit) => {
            let outcome = Outcome::Bounced(BounceType::Soft);
            without_reply(outcome, host, Some(unfit.enhanced_code()), &unfit.to_string())
        }
    }
}

/// An attempt that came to no answer about the message. Another one may, so it never bounces.
pub(super) fn of_failure(host: &str, failure: &Failure) -> Attempt {
    match failure.reply() {
        Some(reply) => with_reply(Outcome::Deferred, host, reply, failure.to_string()),
        None => without_reply(Outcome::Deferred, host, None, &failure.to_string()),
    }
}

/// An attempt in which no server said anything.
pub(super) fn without_reply(outcome: Outcome, host: &str, enhanced_code: Option<&str>, response: &str) -> Attempt {
    let enhanced_code = enhanced_code.map(str::to_owned);
    Attempt { outcome, host: host.into(), code: 0, enhanced_code, response: response.into() }
}

fn with_reply(outcome: Outcome, host: &str, reply: &Reply, response: String) -> Attempt {
    let enhanced_code = reply.enhanced().map(|code| code.to_string());
    Attempt { outcome, host: host.into(), code: reply.code, enhanced_code, response }
}
