//! The two kinds of calls, as the rest of the host tells them apart: what goes in, what comes out, and how the guest is
//! asked.

use std::future::Future;
use std::sync::Arc;

use wasmtime::Store;

use super::admission::Code;
use super::check;
use super::compare::{self, Difference};
use super::engine::{self, CallState};
use super::error::Fault;
use super::fingerprint::Fingerprint;
use super::limits::Limits;
use super::normalizer::{Outcome, Problem, Request};
use super::scorer::{Message, Verdict};
use super::table::Version;
use super::{Settings, World};

/// What calls of one world do.
pub(super) trait Work: 'static {
    type Input: Send + Sync + 'static;
    type Answer: Clone + Send + 'static;
    const WORLD: World;

    /// Bytes of what the guest is handed.
    fn bytes(input: &Self::Input, settings: &Settings) -> usize;

    fn fingerprint(input: &Self::Input) -> Fingerprint;

    /// Asks the guest and looks at its answer; with it goes the memory that the guest had.
    fn run(
        version: Version,
        input: Arc<Self::Input>,
        store: Store<CallState>,
    ) -> impl Future<Output = (Result<Self::Answer, Fault>, usize)> + Send + 'static;

    fn compare(before: &Self::Answer, after: &Self::Answer) -> Difference;
}

/// Judging messages.
pub(super) struct Scoring;

/// Reading notifications.
pub(super) struct Normalizing;

impl Work for Scoring {
    type Input = Message;
    type Answer = Verdict;
    const WORLD: World = World::Scorer;

    fn bytes(message: &Message, settings: &Settings) -> usize {
        check::message_bytes(message, settings)
    }

    fn fingerprint(message: &Message) -> Fingerprint {
        Fingerprint::of_message(message)
    }

    async fn run(
        version: Version,
        message: Arc<Message>,
        mut store: Store<CallState>,
    ) -> (Result<Verdict, Fault>, usize) {
        let (plugin, limits) = (&version.loaded, &version.way.limits);
        let Code::Scorer(code) = &plugin.code else { return (Err(Fault::Nonsense("not a scorer".into())), 0) };
        let answer = async {
            let instance = code.instantiate_async(&mut store).await?;
            let guest = instance.pillarbox_plugin_content_scoring();
            guest.call_score(&mut store, &message, &version.way.settings).await
        };
        let result = match answer.await {
            Err(error) => Err(store.data().fault(limits, &error)),
            Ok(Err(sentence)) => Err(refused(limits, sentence)),
            Ok(Ok(verdict)) => match check::verdict(limits, &plugin.rule_ids, &message, &verdict) {
                Ok(()) => Ok(verdict),
                Err(what) => Err(Fault::Nonsense(what)),
            },
        };
        engine::count_fuel(&store);
        (result, store.data().memory_bytes())
    }

    fn compare(before: &Verdict, after: &Verdict) -> Difference {
        compare::verdicts(before, after)
    }
}

impl Work for Normalizing {
    type Input = Request;
    type Answer = Result<Outcome, Problem>;
    const WORLD: World = World::Normalizer;

    fn bytes(request: &Request, settings: &Settings) -> usize {
        check::request_bytes(request, settings)
    }

    fn fingerprint(request: &Request) -> Fingerprint {
        Fingerprint::of_request(request)
    }

    async fn run(
        version: Version,
        request: Arc<Request>,
        mut store: Store<CallState>,
    ) -> (Result<Self::Answer, Fault>, usize) {
        let (plugin, limits) = (&version.loaded, &version.way.limits);
        let Code::Normalizer(code) = &plugin.code else { return (Err(Fault::Nonsense("not a normalizer".into())), 0) };
        let answer = async {
            let instance = code.instantiate_async(&mut store).await?;
            let guest = instance.pillarbox_plugin_webhook_normalizing();
            guest.call_normalize(&mut store, &request, &version.way.settings).await
        };
        let result = match answer.await {
            Err(error) => Err(store.data().fault(limits, &error)),
            Ok(answer) => {
                let checked = match &answer {
                    Ok(outcome) => check::outcome(limits, &request, outcome),
                    Err(problem) => check::problem(limits, problem),
                };
                checked.map(|()| answer).map_err(Fault::Nonsense)
            }
        };
        engine::count_fuel(&store);
        (result, store.data().memory_bytes())
    }

    fn compare(before: &Self::Answer, after: &Self::Answer) -> Difference {
        compare::outcomes(before, after)
    }
}

/// The plugin's own word that it cannot judge something, cut where a sentence ends being one.
fn refused(limits: &Limits, mut sentence: String) -> Fault {
    sentence.truncate(sentence.floor_char_boundary(limits.sentence_bytes_max));
    Fault::Refused(sentence)
}
