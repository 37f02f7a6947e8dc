//! Calls both versions with each input, on several threads.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::plugins::settings::effective;
use crate::plugins::{Loaded, Settings, Tried, Workbench, normalizer, scorer};
use crate::recorder::recorded::Input;

/// An input and how reports name it: the id of a recording, or a file.
#[derive(Clone, Debug)]
pub struct Named {
    /// Never its content.
    pub name: String,
    /// What the plugins get.
    pub input: Input,
}

/// What a plugin of either world says.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// A scorer's.
    Judged(scorer::Verdict),
    /// A normalizer's: events, or that it cannot read the request.
    Read(Result<normalizer::Outcome, normalizer::Problem>),
}

/// What both versions said of one input.
#[derive(Clone, Debug)]
pub struct Pair {
    /// As in [`Named::name`].
    pub name: String,
    /// The version that is compared with.
    pub before: Tried<Answer>,
    /// The candidate.
    pub after: Tried<Answer>,
}

/// Calls both plugins with every input, and with these settings as far as each takes them. The pairs come back in the order of the inputs, whatever the threads did.
/// Blocks until all are done; a service on the same machine goes first. Both were admitted to `bench`, which has a slot for each thread.
pub fn run(
    bench: &Workbench,
    [before, after]: [&Arc<Loaded>; 2],
    set: &BTreeMap<String, String>,
    inputs: &[Named],
    threads: usize,
    progress: &(impl Fn() + Sync),
) -> Vec<Pair> {
    let [before, after] = [before, after].map(|plugin| (plugin, effective(&plugin.settings, set)));
    let next = AtomicUsize::new(0);
    let work = || {
        Workbench::step_back();
        let mut done = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(Named { name, input }) = inputs.get(at) else { return done };
            // The second call finds the input in the processor's caches, so they take turns in being first.
            let (before, after) = if at.is_multiple_of(2) {
                let before = call(bench, &before, input.clone());
                (before, call(bench, &after, input.clone()))
            } else {
                let after = call(bench, &after, input.clone());
                (call(bench, &before, input.clone()), after)
            };
            done.push((at, Pair { name: name.clone(), before, after }));
            progress();
        }
    };
    let mut pairs: Vec<_> = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let done =
            workers.into_iter().map(|worker| worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        done.flatten().collect()
    });
    pairs.sort_unstable_by_key(|(at, _)| *at);
    pairs.into_iter().map(|(_, pair)| pair).collect()
}

fn call(bench: &Workbench, (plugin, settings): &(&Arc<Loaded>, Settings), input: Input) -> Tried<Answer> {
    let settings = settings.clone();
    match input {
        Input::Message(message) => answered(bench.score(plugin, message, settings), Answer::Judged),
        Input::Request(request) => answered(bench.normalize(plugin, request, settings), Answer::Read),
    }
}

fn answered<T>(tried: Tried<T>, answer: impl FnOnce(T) -> Answer) -> Tried<Answer> {
    let Tried { duration_us, cpu_us, memory_bytes, fuel, result } = tried;
    Tried { duration_us, cpu_us, memory_bytes, fuel, result: result.map(answer) }
}
