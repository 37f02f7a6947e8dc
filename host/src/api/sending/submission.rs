//! An email that came as a finished message: by SMTP, or by `pillarbox send`.

use uuid::Uuid;

use super::compose::judged;
use super::draft::{check_tag, metadata_text, recipient_suppressed};
use super::tracking::Tracking;
use super::{check_account, check_outlet, store};
use crate::api::scoring::message_of_raw;
use crate::app::App;
use crate::config::ScoringPolicy;
use crate::error::{Error, Result};
use crate::ids::new_id;
use crate::mail::address::EmailAddress;
use crate::mail::submitted::{Added, SubmittedMessage};
use crate::store::{Customer, Domain, NewEmail, RecipientRole, StreamType};

/// Bytes of a subject that are kept beside the message.
const SUBJECT_BYTES_KEPT: usize = 998;

/// What a mail program or a script handed over.
pub(crate) struct Submission {
    /// Whom it asked to send to. They decide, whoever the message names.
    pub(crate) recipients: Vec<EmailAddress>,
    /// How it came, in a word of RFC 3848.
    pub(crate) protocol: &'static str,
    /// Lines end in CRLF.
    pub(crate) message: Vec<u8>,
}

/// Queues a message as it is, but for what [`SubmittedMessage::finish`] changes, and gives its id. It is on disk, with
/// its `queued` event, when this returns.
pub(crate) async fn submit(app: &App, customer: &Customer, submission: Submission) -> Result<Uuid> {
    let now = app.now();
    check_account(app, customer)?;
    let message = SubmittedMessage::read(&submission.message).map_err(|error| Error::invalid(error.to_string()))?;
    if let Some(tag) = &message.wishes.tag {
        check_tag("X-Tag", tag)?;
    }
    let metadata = Some(&message.wishes.metadata).filter(|metadata| !metadata.is_empty());
    let metadata = metadata.map(metadata_text).transpose()?;
    let domain = author_domain(app, customer, &message.from.address).await?;
    let stream_type = if message.wishes.broadcast { StreamType::Broadcast } else { StreamType::Transactional };
    let recipients = unsuppressed(app, customer, submission.recipients, stream_type).await?;

    let email_id = new_id(now);
    let tracking = Tracking {
        app,
        customer,
        domain: &domain,
        opens: message.wishes.track_opens,
        clicks: message.wishes.track_clicks,
        email_id,
        sandbox: domain.sandbox,
    };
    check_outlet(app, &domain, stream_type, domain.sandbox)?;
    let unsubscribe = message.wishes.broadcast.then(|| tracking.unsubscribe_url());
    let (id, made_message_id) = (email_id.to_string(), format!("{email_id}@{}", domain.name));
    let host = app.config.smtp_host();
    let added = Added {
        email_id: &id,
        host: &host,
        protocol: submission.protocol,
        message_id: &made_message_id,
        date_unix: now / 1_000,
        unsubscribe: unsubscribe.as_deref(),
    };
    let score = match app.config.scoring_policy {
        ScoringPolicy::Off => None,
        // Links are judged as they lead where their author wants.
        ScoringPolicy::Advise | ScoringPolicy::Enforce => {
            judged(app, customer.id, message_of_raw(&message.finish(&added, None))?).await?
        }
    };
    let (mut links, mut with_pixel) = (0, true);
    let mut tracked = |html: &str| tracking.part(html, &mut links, std::mem::take(&mut with_pixel)).ok();
    let email = NewEmail {
        id: email_id,
        customer_id: customer.id,
        domain_id: domain.id,
        raw: message.finish(&added, Some(&mut tracked)),
        message_id: message.message_id.clone().unwrap_or(made_message_id),
        sender: message.from.address.to_string(),
        recipients: roles(&message, &recipients),
        subject: kept(&message.subject),
        tag: message.wishes.tag.clone(),
        stream_type,
        metadata,
        score: score.as_ref().map(|score| serde_json::to_string(score).expect("a score serializes")),
        submitted_at: now,
        send_at: None,
        sandbox: domain.sandbox,
        bulk_id: None,
    };
    tracing::debug!(%email_id, "email submitted");
    store(app, customer, email, None).await?;
    Ok(email_id)
}

/// The verified domain of the author.
async fn author_domain(app: &App, customer: &Customer, author: &EmailAddress) -> Result<Domain> {
    let found = app.store.verified_domain(customer.id, Some(author.domain().to_owned())).await?;
    found.ok_or_else(|| {
        let message =
            format!("{}, the domain of the From header, is not a verified domain of this account", author.domain());
        Error::Refused { code: "domain_not_verified", message, findings: None }
    })
}

/// Leaves out suppressed recipients. When nobody is left, the message is refused.
async fn unsuppressed(
    app: &App,
    customer: &Customer,
    recipients: Vec<EmailAddress>,
    stream: StreamType,
) -> Result<Vec<EmailAddress>> {
    let addresses = recipients.iter().map(EmailAddress::to_string).collect();
    let suppressed = app.store.suppressed(customer.id, addresses, stream).await?;
    let is_suppressed = |recipient: &EmailAddress| suppressed.iter().any(|(address, _)| address == recipient.as_str());
    let left: Vec<_> = recipients.into_iter().filter(|recipient| !is_suppressed(recipient)).collect();
    if left.is_empty() {
        return Err(recipient_suppressed(&suppressed));
    }
    Ok(left)
}

/// How the message addresses each of them, the most visible first. Whom it does not name gets it unseen.
fn roles(message: &SubmittedMessage<'_>, recipients: &[EmailAddress]) -> Vec<(String, RecipientRole)> {
    let role = |address: &EmailAddress| match address {
        address if message.is_to(address) => RecipientRole::To,
        address if message.is_cc(address) => RecipientRole::Cc,
        _ => RecipientRole::Bcc,
    };
    let mut roles: Vec<_> = recipients.iter().map(|address| (address.to_string(), role(address))).collect();
    roles.sort_by_key(|(_, role)| match role {
        RecipientRole::To => 1,
        RecipientRole::Cc => 2,
        RecipientRole::Bcc => 3,
    });
    roles
}

/// One line, as lists show it.
fn kept(subject: &str) -> String {
    let line: String = subject.chars().map(|character| if character.is_control() { ' ' } else { character }).collect();
    line[..line.floor_char_boundary(SUBJECT_BYTES_KEPT)].to_owned()
}
