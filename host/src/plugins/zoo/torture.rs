//! Runs the zoo: each guest against a plugin host, and after each the built-in plugins, which must answer as before.

use std::sync::Arc;
use std::time::Instant;

use serde::Serialize;

use super::{Case, Expected};
use crate::plugins::error::PluginError;
use crate::plugins::limits::Limits;
use crate::plugins::normalizer::{BounceType, Kind, Outcome, Problem, Request};
use crate::plugins::scorer::{Attachment, Mailbox, Message, Verdict};
use crate::plugins::{Loaded, Plugins, World};

/// Calls of each guest that is admitted: often enough to see whether one leaves something to the next, and fewer than
/// send it to rest.
const CALLS: usize = 4;
/// The cause of a case that is served.
const SERVED: &str = "served";

/// A plugin host for the zoo alone, and the plugins that must go on working in it.
pub struct Torture {
    plugins: Plugins,
    scorer: Arc<Loaded>,
    normalizer: Arc<Loaded>,
    verdict: Verdict,
    outcome: Outcome,
}

/// What came of one case.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Which case.
    pub name: String,
    /// What the guest does.
    pub about: String,
    /// Whether it met the end that it must, and the next calls were answered as they must.
    pub contained: bool,
    /// What stopped it, in one word: the code of a refusal, the kind of a fault, or `served`.
    pub cause: String,
    /// The same in the host's words.
    pub said: String,
    /// Where it ended: `admission` or `call`.
    pub stage: &'static str,
    /// What should have come of it, when something else did, and what is wrong with the calls after it.
    pub wrong: Option<String>,
    /// Milliseconds that it took, the calls after it included.
    pub elapsed_ms: u64,
}

/// How a guest ended.
struct End {
    stage: &'static str,
    /// One for each call, or the one of the admission.
    causes: Vec<&'static str>,
    said: String,
}

impl Torture {
    /// Starts a host with these limits, and has the two built-in plugins answer once.
    pub async fn start(limits: Limits, scorer: &[u8], normalizer: &[u8]) -> Result<Torture, String> {
        // Nothing that comes of the zoo is kept, so the key protects nothing.
        let plugins = Plugins::start(limits, None, [0; 32]).map_err(|error| error.to_string())?;
        let admit = |bytes: &[u8]| plugins.admit(bytes.to_vec());
        let built_in = |refusal| format!("a built-in plugin is not admitted under these limits: {refusal}");
        let scorer = admit(scorer).await.map_err(built_in)?;
        let normalizer = admit(normalizer).await.map_err(built_in)?;
        plugins.activate(&scorer);
        plugins.activate(&normalizer);
        let verdict = judge(&plugins, &scorer).await?;
        let outcome = read(&plugins, &normalizer).await?;
        Ok(Torture { plugins, scorer, normalizer, verdict, outcome })
    }

    /// Does one case to the host, and sees whether the next calls are answered.
    pub async fn run(&self, case: &Case) -> Report {
        let began = Instant::now();
        let End { stage, causes, said } = self.end_of(case).await;
        let unexpected = (!case.expected.is_met_by(stage, &causes)).then(|| format!("{} was expected", case.expected));
        let wrong: Vec<_> = unexpected.into_iter().chain(self.next_calls().await.err()).collect();
        let causes = distinct(causes);
        Report {
            name: case.name.to_string(),
            about: case.about.to_string(),
            contained: wrong.is_empty(),
            cause: causes.join(", "),
            said,
            stage,
            wrong: (!wrong.is_empty()).then(|| wrong.join("; ")),
            elapsed_ms: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
        }
    }

    async fn end_of(&self, case: &Case) -> End {
        let guest = match self.plugins.admit(case.bytes(self.plugins.limits())).await {
            Ok(guest) => guest,
            Err(refusal) => {
                let said = [refusal.message].into_iter().chain(refusal.details).collect::<Vec<_>>().join(": ");
                return End { stage: "admission", causes: vec![refusal.code], said };
            }
        };
        let (mut causes, mut said) = (Vec::new(), None);
        for number in 0..CALLS {
            let failed = match guest.world {
                World::Scorer => self.plugins.score_with(&guest, message(number), Vec::new()).await.result.err(),
                World::Normalizer => {
                    self.plugins.normalize_with(&guest, request(number), Vec::new()).await.result.err()
                }
            };
            causes.push(failed.as_ref().map_or(SERVED, PluginError::kind));
            said = said.or(failed.map(|error| error.to_string()));
        }
        End { stage: "call", causes, said: said.unwrap_or_else(|| format!("{} answered", guest.id)) }
    }

    /// The built-in plugins answer as they did before anything hostile was here.
    async fn next_calls(&self) -> Result<(), String> {
        let verdict = judge(&self.plugins, &self.scorer).await?;
        let outcome = read(&self.plugins, &self.normalizer).await?;
        if verdict == self.verdict && outcome == self.outcome {
            return Ok(());
        }
        Err("the next call got another answer than before".into())
    }
}

impl Expected {
    fn is_met_by(self, stage: &str, causes: &[&str]) -> bool {
        let is_called = stage == "call";
        match self {
            Expected::Refused(codes) => !is_called && causes.iter().all(|code| codes.contains(code)),
            Expected::Fails(kinds) => is_called && causes.iter().all(|kind| kinds.contains(kind)),
            Expected::Served => is_called && causes.iter().all(|cause| *cause == SERVED),
            Expected::Alternates(kind) => {
                is_called && causes.iter().zip([kind, SERVED].iter().cycle()).all(|(cause, expected)| cause == expected)
            }
        }
    }
}

impl std::fmt::Display for Expected {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Expected::Refused(codes) => write!(formatter, "a refusal ({})", codes.join(" or ")),
            Expected::Fails(kinds) => write!(formatter, "a failed call ({})", kinds.join(" or ")),
            Expected::Served => formatter.write_str("an answer"),
            Expected::Alternates(kind) => write!(formatter, "a failed call ({kind}) and an answer, by turns"),
        }
    }
}

fn distinct(causes: Vec<&str>) -> Vec<&str> {
    causes.into_iter().fold(Vec::new(), |mut distinct, cause| {
        if !distinct.contains(&cause) {
            distinct.push(cause);
        }
        distinct
    })
}

/// The verdict of the built-in scorer on a message with a link that lies.
async fn judge(plugins: &Plugins, scorer: &Arc<Loaded>) -> Result<Verdict, String> {
    let verdict = plugins.score_with(scorer, message(0), Vec::new()).await.result;
    let verdict = verdict.map_err(|error| format!("the next message was not judged: {error}"))?;
    if verdict.findings.iter().any(|finding| finding.rule == "LINK_TEXT_MISMATCH") {
        return Ok(verdict);
    }
    Err("the next message was judged wrongly: its link lies, which the verdict does not say".into())
}

/// The outcome of the built-in normalizer for a bounce.
async fn read(plugins: &Plugins, normalizer: &Arc<Loaded>) -> Result<Outcome, String> {
    let answer = plugins.normalize_with(normalizer, request(0), Vec::new()).await.result;
    let outcome = match answer {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(Problem { message, .. })) => return Err(format!("the next bounce was not read: {message}")),
        Err(error) => return Err(format!("the next bounce was not read: {error}")),
    };
    let told = outcome.events.iter().map(|event| (event.kind, event.bounce_type)).collect::<Vec<_>>();
    if told == [(Kind::Bounce, Some(BounceType::Hard))] {
        return Ok(outcome);
    }
    Err("the next bounce was read wrongly: it is one hard bounce".into())
}

/// A message with something in every part, another one for each call: none is remembered for what it did to a plugin.
/// Its subject has an odd number of bytes in every other call.
fn message(number: usize) -> Message {
    let ada = Mailbox { name: "Ada".into(), email: "ada@example.com".into() };
    Message {
        from: Some(ada.clone()),
        reply_to: None,
        to: vec![ada],
        subject: Some(if number.is_multiple_of(2) { "Größe" } else { "Größer" }.into()),
        html: Some("<p>Visit <a href=\"http://192.0.2.7/login\">https://bank.example.com</a> today.</p>".into()),
        text: Some("Visit us today.".into()),
        headers: vec![("List-Id".into(), "news".into())],
        attachments: vec![Attachment {
            filename: "a.pdf".into(),
            content_type: "application/pdf".into(),
            size: 3,
            head: b"%PD".to_vec(),
            inline: false,
            attributes: Vec::new(),
        }],
        attributes: vec![("call".into(), number.to_string())],
    }
}

fn request(number: usize) -> Request {
    Request {
        content_type: "application/json".into(),
        headers: Vec::new(),
        body: br#"{"emailId": "0197a5de-0000-7000-8000-000000000001", "bounceType": "hard"}"#.to_vec(),
        received_at: 1_700_000_000_000,
        attributes: vec![("call".into(), number.to_string())],
    }
}
