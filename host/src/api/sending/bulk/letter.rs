//! The letter of a bulk send: checked once, filled in for each recipient.

use serde_json::value::RawValue;
use serde_json::{Map, Value as Json};
use uuid::Uuid;

use super::{BulkRecipient, BulkRequest};
use crate::api::body;
use crate::api::scoring::ScoreSummary;
use crate::api::sending::compose::{Parts, build, judge};
use crate::api::sending::draft::{Content, Draft, Recipients, Texts, author, mailbox, recipient_suppressed, tag};
use crate::api::sending::results::Judged;
use crate::api::sending::tracking::Tracking;
use crate::api::sending::{check_account, check_outlet};
use crate::app::App;
use crate::error::{Error, Result};
use crate::ids::id_within;
use crate::mail::address::Mailbox;
use crate::mail::headers::CustomHeaders;
use crate::store::{ApiKey, Customer, Domain, NewEmail, StreamType};

/// What the copies of a letter have in common.
pub(super) struct Letter<'a> {
    app: &'a App,
    customer: &'a Customer,
    pub(super) bulk_id: Uuid,
    pub(super) stream_type: StreamType,
    texts: Texts<'a>,
    from: Mailbox,
    domain: Domain,
    reply_to: Option<Mailbox>,
    tag: Option<String>,
    opens: bool,
    clicks: bool,
    sandbox: bool,
    verdict: Verdict,
}

/// What content scoring says of the letter.
enum Verdict {
    NotAsked,
    Good(Option<ScoreSummary>),
    Rejected,
}

/// Somebody who gets a copy.
pub(super) struct Recipient {
    pub(super) to: Mailbox,
    vars: Map<String, Json>,
}

/// Reads one recipient, or says what is wrong with it.
pub(super) fn recipient(item: &RawValue) -> Result<Recipient, Box<Judged>> {
    let recipient: BulkRecipient =
        body::object(item.get().as_bytes(), "A recipient").map_err(|error| Box::new(Judged::refused(None, error)))?;
    let email = recipient.email.as_deref();
    let to = match email {
        Some(text) => mailbox("/email", text),
        None => Err(Error::invalid_at("/email", "email is required")),
    };
    match to {
        Ok(to) => Ok(Recipient { to, vars: recipient.vars.unwrap_or_default() }),
        Err(error) => Err(Box::new(Judged::refused(email, error))),
    }
}

impl<'a> Letter<'a> {
    /// Checks what all copies have in common.
    pub(super) async fn read(
        app: &'a App,
        customer: &'a Customer,
        key: &ApiKey,
        request: &'a BulkRequest<'_>,
        bulk_id: Uuid,
    ) -> Result<Self> {
        let texts = Texts::of(request.subject.as_deref(), request.html.as_deref(), request.text.as_deref())?;
        let reply_to = request.reply_to.as_deref().map(|text| mailbox("/reply_to", text)).transpose()?;
        let tag = tag(request.tag.as_deref())?;
        let (from, domain) = author(app, customer, request.from.as_deref(), request.domain.as_deref()).await?;
        let sandbox = key.sandbox || domain.sandbox;
        let stream_type = request.stream_type.unwrap_or_default();
        check_outlet(app, &domain, stream_type, sandbox)?;
        Ok(Self {
            app,
            customer,
            bulk_id,
            stream_type,
            texts,
            from,
            domain,
            reply_to,
            tag,
            opens: request.track_opens.unwrap_or(true),
            clicks: request.track_clicks.unwrap_or(true),
            sandbox,
            verdict: Verdict::NotAsked,
        })
    }

    /// The copy for one recipient, unless that is suppressed. Its id follows from its place.
    pub(super) async fn to(
        &mut self,
        recipient: Recipient,
        index: usize,
        suppressed: &[(String, String)],
        now: i64,
    ) -> Result<NewEmail> {
        check_account(self.app, self.customer)?;
        let address = recipient.to.address.to_string();
        if let Some(found) = suppressed.iter().find(|(suppressed, _)| *suppressed == address) {
            return Err(recipient_suppressed(std::slice::from_ref(found)));
        }
        let draft = self.draft(recipient)?;
        let index = u16::try_from(index).expect("a bulk send has at most ten thousand recipients");
        let domain = self.domain.clone();
        let tracking = Tracking {
            app: self.app,
            customer: self.customer,
            domain: &domain,
            opens: Some(self.opens),
            clicks: Some(self.clicks),
            email_id: id_within(self.bulk_id, index),
            sandbox: self.sandbox,
        };
        let parts = Parts::of(&draft, &tracking);
        let score = self.judge(&draft, &parts).await?;
        let (email, _) = build(&tracking, &draft, &parts, score, now)?;
        Ok(NewEmail { bulk_id: Some(self.bulk_id), ..email })
    }

    fn draft(&self, recipient: Recipient) -> Result<Draft> {
        let Content { subject, html, text } = self.texts.merged(Some(&recipient.vars))?;
        Ok(Draft {
            from: self.from.clone(),
            domain: self.domain.clone(),
            reply_to: self.reply_to.clone(),
            recipients: Recipients { to: recipient.to, to_gets_it: true, cc: Vec::new(), bcc: Vec::new() },
            subject,
            html,
            text,
            headers: CustomHeaders::default(),
            attachments: Vec::new(),
            tag: self.tag.clone(),
            metadata: None,
            stream_type: self.stream_type,
            send_at: None,
            suppressed: Vec::new(),
        })
    }

    /// Judges the letter by its first copy. What the copies differ in are values, not the letter.
    async fn judge(&mut self, draft: &Draft, parts: &Parts) -> Result<Option<ScoreSummary>> {
        match &self.verdict {
            Verdict::Good(score) => return Ok(score.clone()),
            Verdict::Rejected => {
                return Err(Error::Refused {
                    code: "content_rejected",
                    message: "The letter is likely to be taken for spam; the first result has the findings".into(),
                    findings: None,
                });
            }
            Verdict::NotAsked => {}
        }
        let judged = judge(self.app, self.customer.id, draft, parts).await;
        self.verdict = judged.as_ref().map_or(Verdict::Rejected, |score| Verdict::Good(score.clone()));
        judged
    }
}
