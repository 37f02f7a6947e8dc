//! Content scoring: what a mail filter would think of a message, and what to change.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::app::App;
use crate::error::{Error, Result};
use crate::mail::address::Mailbox;
use crate::mail::build::Attachment;
use crate::mail::parsed::ParsedMessage;
use crate::plugins::settings::effective;
use crate::plugins::{Answered, Band, Call, Loaded, Plugins, Rung, World, scorer};
use crate::store::Customer;

/// What of a file a scorer gets to see.
const ATTACHMENT_HEAD_BYTES: usize = 256;

/// The attribute of a finding that names the operator's own rule that it is of.
const OWN_RULE: &str = "own-rule";

/// A message to judge: its parts, or the whole of it in `raw`.
#[derive(Deserialize, ToSchema)]
pub(crate) struct AnalyzeRequest {
    /// The author: `Name <a@b>` or `a@b`.
    from: Option<String>,
    /// The recipient.
    to: Option<String>,
    subject: Option<String>,
    html: Option<String>,
    text: Option<String>,
    headers: Option<BTreeMap<String, String>>,
    /// A whole message (RFC 5322). The other fields are not looked at then.
    raw: Option<String>,
}

/// What the active plugins think.
#[derive(Serialize, ToSchema)]
pub(crate) struct AnalyzeReply {
    /// 0 to 100, higher is better.
    score: u8,
    /// Points as mail filters count them: 5.0 and more is spam.
    spam_score: f64,
    verdict: Verdict,
    /// How likely the message is spam, from 0 to 1, as the scorer says it. Absent when it does not, and when several
    /// scorers, or one that is weighed, make up the points.
    #[serde(skip_serializing_if = "Option::is_none")]
    probability: Option<f64>,
    /// Most points first.
    findings: Vec<FindingView>,
    plugins: Vec<PluginView>,
    /// True when a plugin failed and a fallback answered in its place. Absent otherwise.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    degraded: bool,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verdict {
    /// Below 3 points.
    Pass,
    /// From 3 points.
    Review,
    /// From 5 points.
    Reject,
}

/// One thing that a rule found.
#[derive(Clone, Serialize, ToSchema)]
struct FindingView {
    #[schema(example = "LINK_TEXT_MISMATCH")]
    rule: String,
    #[schema(example = "links")]
    category: String,
    /// `error`, `warning` or `info`.
    severity: &'static str,
    points: f64,
    message: String,
    suggestion: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    location: Option<LocationView>,
}

/// Where it stands: bytes of the UTF-8 of that part.
#[derive(Clone, Serialize, ToSchema)]
struct LocationView {
    #[schema(example = "html")]
    part: String,
    offset: u32,
    length: u32,
    /// Which header, attachment or recipient, from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<u32>,
}

/// What one plugin did.
#[derive(Clone, Serialize, ToSchema)]
struct PluginView {
    name: String,
    version: String,
    /// `sha256:` and hex.
    digest: String,
    /// Absent when it failed.
    spam_score: Option<f64>,
    duration_us: u64,
    /// Why it failed. The other plugins still count.
    error: Option<String>,
    /// What its points are multiplied with. Absent when that is 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    weight: Option<f64>,
    /// `canary`, or which fallback answered: `previous`, `built_in`. Absent for the active version.
    #[serde(skip_serializing_if = "Option::is_none")]
    rung: Option<&'static str>,
}

/// The essence of a judgement, as an email keeps it.
#[derive(Clone, Serialize, ToSchema)]
pub(crate) struct ScoreSummary {
    /// 0 to 100, higher is better.
    score: u8,
    /// 5.0 and more is spam.
    spam_score: f64,
    verdict: Verdict,
    /// The rules that found something.
    rules: Vec<String>,
}

/// Every rule of the active plugins.
#[derive(Serialize, ToSchema)]
pub(crate) struct RulesReply {
    rules: Vec<RuleView>,
}

/// One rule.
#[derive(Serialize, ToSchema)]
pub(crate) struct RuleView {
    pub(crate) id: String,
    pub(crate) category: String,
    pub(crate) severity: &'static str,
    pub(crate) points: f64,
    pub(crate) description: String,
    pub(crate) suggestion: String,
    /// `name@version`.
    pub(crate) plugin: String,
    /// What else the plugin says of it, for the pages about rules.
    #[serde(skip)]
    pub(crate) attributes: Vec<(String, String)>,
}

/// A message that is about to be sent.
pub(crate) struct MessageToJudge<'a> {
    pub(crate) from: &'a Mailbox,
    pub(crate) reply_to: Option<&'a Mailbox>,
    pub(crate) to: &'a Mailbox,
    pub(crate) subject: &'a str,
    pub(crate) html: Option<&'a str>,
    pub(crate) text: Option<&'a str>,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) attachments: &'a [Attachment],
}

/// What the plugins said of one message.
pub(crate) struct Judgement {
    spam_score: f64,
    probability: Option<f64>,
    findings: Vec<FindingView>,
    plugins: Vec<PluginView>,
    was_answered: bool,
    degraded: bool,
}

/// Judges a message before it is sent. A plugin that fails is named in the answer and stops nothing.
#[utoipa::path(post, path = "/api/content-scoring/analyze", tag = "Content Scoring", request_body = AnalyzeRequest,
    responses((status = 200, body = AnalyzeReply)))]
pub(crate) async fn analyze(app: &App, customer: &Customer, request: AnalyzeRequest) -> Result<AnalyzeReply> {
    let message = match &request.raw {
        Some(raw) => message_of_raw(raw.as_bytes())?,
        None if request.subject.is_none() && request.html.is_none() && request.text.is_none() => {
            return Err(Error::invalid("Nothing to score: give raw, or at least one of subject, html and text"));
        }
        None => from_parts(request)?,
    };
    let judgement = judge(app, Some(customer.id), message).await;
    judgement.map(Judgement::into_reply).ok_or(Error::Busy("No content scoring plugin answered; try again"))
}

/// Judges a whole message (RFC 5322): what `analyze` does with `raw`, for commands.
pub(crate) async fn analyze_raw(app: &App, raw: &[u8]) -> Result<AnalyzeReply> {
    judge_all(app, None, message_of_raw(raw)?).await.answered()
}

/// The same by one scorer, with the defaults of its settings and nothing in its place when it fails: where no service has
/// one that serves.
pub(crate) async fn analyze_raw_by(plugins: &Plugins, plugin: &Arc<Loaded>, raw: &[u8]) -> Result<AnalyzeReply> {
    let settings = effective(&plugin.settings, &BTreeMap::new());
    let call = plugins.score_with(plugin, message_of_raw(raw)?, settings).await;
    let answered =
        Answered { weight: 1.0, rung: Rung::Active, plugin: Some(Arc::clone(plugin)), call, failed: Vec::new() };
    Judgement::of(&[answered]).answered()
}

/// Every rule of the active plugins with its meaning and points.
#[utoipa::path(get, path = "/api/content-scoring/rules", tag = "Content Scoring",
    responses((status = 200, body = RulesReply)))]
pub(crate) fn rules(app: &App, customer: &Customer) -> RulesReply {
    RulesReply { rules: rules_of(app, Some(customer.id)) }
}

/// Those of a customer's pipeline, or of the one that everybody else has.
pub(crate) fn rules_of(app: &App, customer: Option<Uuid>) -> Vec<RuleView> {
    let table = app.plugins.table();
    let stages = table.stages(World::Scorer, customer).iter();
    let rules = stages.flat_map(|stage| {
        let plugin = &stage.serving.active.loaded;
        plugin.rules.iter().map(|rule| RuleView {
            id: rule.id.clone(),
            category: rule.category.clone(),
            severity: word(rule.severity),
            points: rounded(stage.weight * rule.points),
            description: rule.description.clone(),
            suggestion: rule.suggestion.clone(),
            plugin: plugin.id.to_string(),
            attributes: rule.attributes.clone(),
        })
    });
    rules.collect()
}

/// What the plugins of a customer say; `None` when none of them answered. What a customer has judged may be recorded.
pub(crate) async fn judge(app: &App, customer: Option<Uuid>, message: scorer::Message) -> Option<Judgement> {
    let sampled = customer.and_then(|customer| app.recorder.sample(customer, &message));
    let judgement = judge_all(app, customer, message).await;
    app.recorder.offer(sampled, judgement.answer(), judgement.asked(), app.now());
    judgement.was_answered.then_some(judgement)
}

async fn judge_all(app: &App, customer: Option<Uuid>, message: scorer::Message) -> Judgement {
    Judgement::of(&app.plugins.judge(customer, message).await)
}

impl Judgement {
    fn of(answers: &[Answered<scorer::Verdict>]) -> Self {
        let mut judgement = Self {
            spam_score: 0.0,
            probability: None,
            findings: Vec::new(),
            plugins: Vec::new(),
            was_answered: false,
            degraded: false,
        };
        for answered in answers {
            judgement.add(answered);
        }
        judgement.spam_score = rounded(judgement.spam_score);
        judgement.findings.sort_by(|one, other| other.points.total_cmp(&one.points));
        judgement
    }

    /// What a command tells, which has nobody to try again later.
    fn answered(self) -> Result<AnalyzeReply> {
        if self.was_answered {
            return Ok(self.into_reply());
        }
        let failures: Vec<_> = self.plugins.into_iter().filter_map(|plugin| plugin.error).collect();
        Err(Error::invalid(format!("no plugin answered: {}", failures.join("; "))))
    }

    /// Adds what one plugin of the pipeline came to.
    fn add(&mut self, answered: &Answered<scorer::Verdict>) {
        for call in &answered.failed {
            self.plugins.extend(PluginView::of(call, answered.weight, None));
        }
        self.plugins.extend(PluginView::of(&answered.call, answered.weight, Some(answered.rung)));
        for call in answered.failed.iter().chain([&answered.call]) {
            if let Err(error) = &call.result {
                tracing::warn!(kind = error.kind(), %error, "content scoring failed");
            }
        }
        let Ok(verdict) = &answered.call.result else { return };
        self.probability = if self.was_answered || is_weighed(answered.weight) { None } else { probability(verdict) };
        self.was_answered = true;
        self.degraded |= answered.rung.is_degraded();
        self.spam_score += answered.weight * verdict.spam_score;
        let plugin = answered.plugin.as_deref();
        self.findings.extend(verdict.findings.iter().map(|finding| FindingView::of(finding, plugin, answered.weight)));
    }

    fn verdict(&self) -> Verdict {
        match Band::of(self.spam_score) {
            Band::Pass => Verdict::Pass,
            Band::Review => Verdict::Review,
            Band::Reject => Verdict::Reject,
        }
    }

    /// The score, when a plugin gave one.
    fn answer(&self) -> Option<f64> {
        self.was_answered.then_some(self.spam_score)
    }

    /// The first plugin that was asked.
    fn asked(&self) -> Option<String> {
        self.plugins.first().map(|plugin| format!("{}@{}", plugin.name, plugin.version))
    }

    pub(crate) fn is_reject(&self) -> bool {
        self.verdict() == Verdict::Reject
    }

    pub(crate) fn findings_json(&self) -> Json {
        serde_json::to_value(&self.findings).expect("findings have text keys and serialize")
    }

    pub(crate) fn summary(&self) -> ScoreSummary {
        let mut rules: Vec<_> = self.findings.iter().map(|finding| finding.rule.clone()).collect();
        rules.dedup();
        ScoreSummary { score: score(self.spam_score), spam_score: self.spam_score, verdict: self.verdict(), rules }
    }

    fn into_reply(self) -> AnalyzeReply {
        let (score, verdict) = (score(self.spam_score), self.verdict());
        AnalyzeReply {
            score,
            spam_score: self.spam_score,
            verdict,
            probability: self.probability,
            findings: self.findings,
            plugins: self.plugins,
            degraded: self.degraded,
        }
    }
}

impl PluginView {
    /// What a call came to; `None` for a neutral answer, which no plugin gave. `rung` is that of an answer.
    fn of(call: &Call<scorer::Verdict>, weight: f64, rung: Option<Rung>) -> Option<Self> {
        let (plugin, digest) = call.plugin.as_ref().zip(call.digest.as_ref())?;
        Some(Self {
            name: plugin.name.clone(),
            version: plugin.version.clone(),
            digest: digest.clone(),
            spam_score: call.result.as_ref().ok().map(|verdict| rounded(verdict.spam_score)),
            duration_us: call.duration_us,
            error: call.result.as_ref().err().map(ToString::to_string),
            weight: Some(weight).filter(|weight| is_weighed(*weight)),
            rung: rung.filter(|rung| *rung != Rung::Active).map(Rung::as_str),
        })
    }
}

impl FindingView {
    fn of(finding: &scorer::Finding, plugin: Option<&Loaded>, weight: f64) -> Self {
        let rule = plugin.and_then(|plugin| plugin.rules.iter().find(|rule| rule.id == finding.rule));
        let location = finding.location.as_ref().map(|location| LocationView {
            part: location.part.clone(),
            offset: location.offset,
            length: location.length,
            index: matches!(location.part.as_str(), "headers" | "attachments" | "to").then_some(location.index),
        });
        let own = finding.attributes.iter().find(|(name, _)| name == OWN_RULE);
        Self {
            rule: own.map_or_else(|| finding.rule.clone(), |(_, id)| id.clone()),
            category: rule.map(|rule| rule.category.clone()).unwrap_or_default(),
            severity: word(finding.severity),
            points: rounded(weight * finding.points),
            message: finding.message.clone(),
            suggestion: finding.suggestion.clone(),
            location,
        }
    }
}

fn is_weighed(weight: f64) -> bool {
    (weight - 1.0).abs() > f64::EPSILON
}

/// What a scorer says in its attribute `probability`, where that is one.
fn probability(verdict: &scorer::Verdict) -> Option<f64> {
    let (_, said) = verdict.attributes.iter().find(|(name, _)| name == "probability")?;
    said.parse().ok().filter(|probability| (0.0..=1.0).contains(probability))
}

fn word(severity: scorer::Severity) -> &'static str {
    match severity {
        scorer::Severity::Error => "error",
        scorer::Severity::Warning => "warning",
        scorer::Severity::Info => "info",
    }
}

/// Points with two decimals: enough to compare, and free of the noise of binary fractions.
pub(crate) fn rounded(points: f64) -> f64 {
    (points * 100.0).round() / 100.0
}

/// The friendly scale: 100 without a point against it, 50 where spam begins, 0 from ten points.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 0..=100 before")]
fn score(spam_score: f64) -> u8 {
    (100.0 - 10.0 * spam_score).round().clamp(0.0, 100.0) as u8
}

/// The message that a request describes, also when it has no part at all.
pub(crate) fn message_of(request: AnalyzeRequest) -> Result<scorer::Message> {
    match &request.raw {
        Some(raw) => message_of_raw(raw.as_bytes()),
        None => from_parts(request),
    }
}

fn from_parts(request: AnalyzeRequest) -> Result<scorer::Message> {
    let mailbox = |pointer, text: Option<String>| match text.as_deref().map(Mailbox::parse).transpose() {
        Ok(mailbox) => Ok(mailbox.as_ref().map(to_plugin)),
        Err(error) => Err(Error::invalid_at(pointer, error.to_string())),
    };
    Ok(scorer::Message {
        from: mailbox("/from", request.from)?,
        reply_to: None,
        to: mailbox("/to", request.to)?.into_iter().collect(),
        subject: request.subject,
        html: request.html,
        text: request.text,
        headers: request.headers.unwrap_or_default().into_iter().collect(),
        attachments: Vec::new(),
        attributes: Vec::new(),
    })
}

/// A whole message (RFC 5322) as a scorer gets it.
pub(crate) fn message_of_raw(raw: &[u8]) -> Result<scorer::Message> {
    let parsed = ParsedMessage::parse(raw).filter(|parsed| !parsed.headers.is_empty());
    let parsed = parsed.ok_or_else(|| Error::invalid("Nothing to score: raw is not a message (RFC 5322)"))?;
    let mailbox = |(name, email): (String, String)| scorer::Mailbox { name, email };
    let attachments = parsed.attachments.into_iter().map(|file| scorer::Attachment {
        filename: file.filename,
        content_type: file.content_type,
        size: file.size as u64,
        head: file.head,
        inline: file.inline,
        attributes: Vec::new(),
    });
    Ok(scorer::Message {
        from: parsed.from.map(mailbox),
        reply_to: parsed.reply_to.map(mailbox),
        to: parsed.to.into_iter().map(mailbox).collect(),
        subject: parsed.subject,
        html: parsed.html,
        text: parsed.text,
        headers: parsed.headers,
        attachments: attachments.collect(),
        attributes: vec![("size".into(), raw.len().to_string())],
    })
}

impl MessageToJudge<'_> {
    pub(crate) fn into_message(self) -> scorer::Message {
        let attachments = self.attachments.iter().map(|file| scorer::Attachment {
            filename: file.filename.clone(),
            content_type: file.content_type.clone(),
            size: file.content.len() as u64,
            head: file.content.iter().take(ATTACHMENT_HEAD_BYTES).copied().collect(),
            inline: file.inline,
            attributes: Vec::new(),
        });
        scorer::Message {
            from: Some(to_plugin(self.from)),
            reply_to: self.reply_to.map(to_plugin),
            to: vec![to_plugin(self.to)],
            subject: Some(self.subject.to_owned()),
            html: self.html.map(str::to_owned),
            text: self.text.map(str::to_owned),
            headers: self.headers,
            attachments: attachments.collect(),
            attributes: Vec::new(),
        }
    }
}

fn to_plugin(mailbox: &Mailbox) -> scorer::Mailbox {
    scorer::Mailbox { name: mailbox.name.clone().unwrap_or_default(), email: mailbox.address.to_string() }
}
