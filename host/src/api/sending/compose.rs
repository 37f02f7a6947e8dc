//! From a draft to a message: judged, with tracked links, built.

use uuid::Uuid;

use super::SendReply;
use super::draft::Draft;
use super::tracking::Tracking;
use crate::api::scoring::{self, ScoreSummary};
use crate::api::time::rfc3339;
use crate::app::App;
use crate::config::ScoringPolicy;
use crate::error::{Error, Result};
use crate::mail::build::{self, Outgoing};
use crate::mail::text;
use crate::plugins::scorer;
use crate::store::{NewEmail, StreamType};

/// What a message has beside what was asked for.
pub(super) struct Parts {
    /// Made from html where it was left out.
    text: Option<String>,
    /// Where the recipient of a broadcast unsubscribes.
    unsubscribe: Option<String>,
}

impl Parts {
    pub(super) fn of(draft: &Draft, tracking: &Tracking<'_>) -> Self {
        let text = draft.text.clone().or_else(|| draft.html.as_deref().map(text::from_html));
        let unsubscribe = (draft.stream_type == StreamType::Broadcast).then(|| tracking.unsubscribe_url());
        Self { text, unsubscribe }
    }
}

/// The email as it is stored, and what its sender is told.
pub(super) fn build(
    tracking: &Tracking<'_>,
    draft: &Draft,
    parts: &Parts,
    score: Option<ScoreSummary>,
    now: i64,
) -> Result<(NewEmail, SendReply)> {
    let Tracking { customer, domain, email_id, .. } = *tracking;
    let (id, message_id) = (email_id.to_string(), format!("{email_id}@{}", domain.name));
    let html = draft.html.as_deref().map(|html| tracking.html(html)).transpose()?;
    let raw = build::build(&Outgoing {
        message_id: &message_id,
        date_unix: draft.send_at.unwrap_or(now) / 1_000,
        from: &draft.from,
        to: std::slice::from_ref(&draft.recipients.to),
        cc: &draft.recipients.cc,
        reply_to: draft.reply_to.as_ref(),
        subject: &draft.subject,
        text: parts.text.as_deref(),
        html: html.as_deref(),
        attachments: &draft.attachments,
        headers: draft.headers.as_slice(),
        email_id: &id,
        unsubscribe: parts.unsubscribe.as_deref(),
        boundary_seed: &id,
    });
    let email = NewEmail {
        id: email_id,
        customer_id: customer.id,
        domain_id: domain.id,
        message_id: message_id.clone(),
        sender: draft.from.address.to_string(),
        recipients: draft.recipients.envelope(),
        subject: draft.subject.clone(),
        tag: draft.tag.clone(),
        stream_type: draft.stream_type,
        metadata: draft.metadata.clone(),
        score: score.as_ref().map(|score| serde_json::to_string(score).expect("a score serializes")),
        raw,
        submitted_at: now,
        send_at: draft.send_at,
        sandbox: tracking.sandbox,
        bulk_id: None,
    };
    let reply = SendReply {
        to: draft.recipients.to.address.to_string(),
        submitted_at: rfc3339(now),
        email_id,
        message_id,
        status: if draft.send_at.is_some() { "scheduled" } else { "queued" },
        score,
        suppressed: draft.suppressed.clone(),
    };
    Ok((email, reply))
}

/// Judges what is sent, except that links lead where their author wants: with the text part that is made from html, and
/// with the headers of a broadcast.
pub(super) async fn judge(app: &App, customer: Uuid, draft: &Draft, parts: &Parts) -> Result<Option<ScoreSummary>> {
    if app.config.scoring_policy == ScoringPolicy::Off {
        return Ok(None);
    }
    let mut headers = draft.headers.as_slice().to_vec();
    if let Some(url) = &parts.unsubscribe {
        headers.push(("List-Unsubscribe".into(), format!("<{url}>")));
        headers.push(("List-Unsubscribe-Post".into(), "List-Unsubscribe=One-Click".into()));
    }
    let message = scoring::MessageToJudge {
        from: &draft.from,
        reply_to: draft.reply_to.as_ref(),
        to: &draft.recipients.to,
        subject: &draft.subject,
        html: draft.html.as_deref(),
        text: parts.text.as_deref(),
        headers,
        attachments: &draft.attachments,
    };
    judged(app, customer, message.into_message()).await
}

/// What the scoring policy makes of a message. It is sent unjudged when no plugin answers.
pub(super) async fn judged(app: &App, customer: Uuid, message: scorer::Message) -> Result<Option<ScoreSummary>> {
    let Some(judgement) = scoring::judge(app, Some(customer), message).await else { return Ok(None) };
    if app.config.scoring_policy == ScoringPolicy::Enforce && judgement.is_reject() {
        return Err(Error::Refused {
            code: "content_rejected",
            message: "The content is likely to be taken for spam; see the findings".into(),
            findings: Some(judgement.findings_json()),
        });
    }
    Ok(Some(judgement.summary()))
}
