//! The way of a question through a pipeline: the stages in order, each with its fallback ladder, and a second opinion
//! where a version is on trial.

use std::sync::Arc;
use std::time::Instant;

use uuid::Uuid;

use super::call::Call;
use super::error::{Fault, PluginError};
use super::fingerprint::Fingerprint;
use super::mirror::Second;
use super::normalizer::{Outcome, Problem, Request};
use super::scorer::{Message, Verdict};
use super::table::{Rung, Serving, Stage};
use super::work::{Normalizing, Scoring, Work};
use super::{Loaded, Plugins, World};

/// What one plugin of a pipeline came to.
#[derive(Debug)]
pub struct Answered<T> {
    /// What its points are multiplied with.
    pub weight: f64,
    /// Which version answered, in the end.
    pub rung: Rung,
    /// The plugin of the last call, for looking up what its answer means. `None` for a neutral answer.
    pub plugin: Option<Arc<Loaded>>,
    /// The last call: an answer, or the failure after which nobody else was asked.
    pub call: Call<T>,
    /// Calls that failed before it, in order.
    pub failed: Vec<Call<T>>,
}

/// What a normalizer read, or why it could not.
pub type Read = Result<Outcome, Problem>;

impl Plugins {
    /// Has every scorer of a customer's pipeline judge a message, in order. Empty when none is active.
    pub async fn judge(&self, customer: Option<Uuid>, message: Message) -> Vec<Answered<Verdict>> {
        let stages = self.table().stages(World::Scorer, customer).clone();
        let message = Arc::new(message);
        let mut answers = Vec::with_capacity(stages.len());
        for stage in stages.iter() {
            answers.push(self.answer::<Scoring>(stage, customer, &message).await);
        }
        answers
    }

    /// Has the normalizers read a request, one after the other until one recognizes it: the answer of that one, or else
    /// of the first. `None` when none is active.
    pub async fn read(&self, request: Request) -> Option<Answered<Read>> {
        let stages = self.table().stages(World::Normalizer, None).clone();
        let request = Arc::new(request);
        let mut first = None;
        for stage in stages.iter() {
            let answered = self.answer::<Normalizing>(stage, None, &request).await;
            match &answered.call.result {
                Ok(Ok(_)) => return Some(answered),
                Ok(Err(problem)) if problem.code == "invalid" => return Some(answered),
                _ => drop(first.get_or_insert(answered)),
            }
        }
        first
    }

    /// Goes down the rungs until one answers.
    async fn answer<W: Neutral>(
        &self,
        stage: &Stage,
        customer: Option<Uuid>,
        input: &Arc<W::Input>,
    ) -> Answered<W::Answer> {
        let serving = &stage.serving;
        let key = key::<W>(serving, customer, input);
        let mut failed: Vec<Call<W::Answer>> = Vec::new();
        let mut last = None;
        for (rung, version) in serving.rungs(key) {
            if let Some((_, _, call)) = last.take() {
                failed.push(call);
            }
            let call = self.ask_again::<W>(version, input).await;
            self.learn(serving, rung, &call);
            let others_may_try = matches!(&call.result,
                Err(PluginError::Failed { fault, .. }) if fault.lets_others_try());
            last = Some((rung, version, call));
            if !others_may_try {
                break;
            }
        }
        let (rung, version, call) = last.expect("the active version is always a rung");
        if let Some(neutral) = W::neutral().filter(|_| call.result.is_err() && serving.is_neutral_last) {
            failed.push(call);
            let call = Call { result: Ok(neutral), ..Call::none_active(W::WORLD) };
            return Answered { weight: stage.weight, rung: Rung::Neutral, plugin: None, call, failed };
        }
        self.second_opinion::<W>(serving, rung, input, &call);
        Answered { weight: stage.weight, rung, plugin: Some(version.loaded.clone()), call, failed }
    }

    /// Tells those who watch new versions.
    fn learn<T>(&self, serving: &Serving, rung: Rung, call: &Call<T>) {
        let fault = fault(call).filter(|fault| fault.lets_others_try());
        let rings = match rung {
            Rung::Canary => match (&serving.candidate, fault) {
                (Some(trial), Some(fault)) => trial.watch.fail(fault),
                _ => false,
            },
            Rung::Active => {
                let probation = serving.probation.as_ref();
                probation.is_some_and(|probation| probation.note(fault, call.cpu_us, Instant::now()))
            }
            Rung::Previous | Rung::BuiltIn | Rung::Neutral => false,
        };
        if rings {
            self.alarm.notify_one();
        }
    }

    fn second_opinion<W: Work>(&self, serving: &Serving, rung: Rung, input: &Arc<W::Input>, call: &Call<W::Answer>) {
        let (Some(trial), Ok(answer)) = (serving.trial(), &call.result) else { return };
        let (second, version) = match (rung, trial.said.stage.is_shadow()) {
            (Rung::Canary, _) => (Second::Active, &serving.active),
            (Rung::Active, true) => (Second::Candidate, &trial.version),
            _ => return,
        };
        self.mirror.ask::<W>(second, version, &trial.watch, input, (answer.clone(), call.cpu_us));
    }
}

fn fault<T>(call: &Call<T>) -> Option<&Fault> {
    match &call.result {
        Err(PluginError::Failed { fault, .. }) => Some(fault),
        _ => None,
    }
}

/// A number that is the same for the same customer and plugin, so that a canary is not met by chance. Without a
/// customer the input stands for itself. It is only made where it decides something.
fn key<W: Work>(serving: &Serving, customer: Option<Uuid>, input: &Arc<W::Input>) -> u64 {
    let is_needed = serving.trial().is_some_and(|trial| !trial.said.stage.is_shadow());
    match customer {
        _ if !is_needed => 0,
        Some(customer) => {
            let name = serving.active.loaded.id.name.as_bytes();
            Fingerprint::of_bytes(&[customer.as_bytes(), name].concat()).number()
        }
        None => W::fingerprint(input).number(),
    }
}

/// What to say when nobody could say anything.
pub(super) trait Neutral: Work {
    /// `None` where silence is better than a guess.
    fn neutral() -> Option<Self::Answer>;
}

impl Neutral for Scoring {
    fn neutral() -> Option<Verdict> {
        Some(Verdict { spam_score: 0.0, findings: Vec::new(), attributes: Vec::new() })
    }
}

impl Neutral for Normalizing {
    /// A notification that nobody could read is kept and read again later.
    fn neutral() -> Option<Read> {
        None
    }
}
