//! How a file becomes a plugin: looked at, compiled, asked who it is, and refused in words at the first thing that is
//! wrong. It happens one file at a time on one thread that stands back for others, so calls never feel it.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, SyncSender, TrySendError};
use std::thread;
use std::time::Instant;

use tokio::sync::oneshot;
use wasmtime::Store;
use wasmtime::component::{Component, InstancePre};

use super::breaker::Breaker;
use super::cache::Cache;
use super::call::{Ended, Sandbox};
use super::engine::{self, CallState};
use super::error::{Fault, Refusal};
use super::inspect::{self, Findings, Functions, effort};
use super::lane::{to_the_end, told};
use super::poison::Poison;
use super::recognize::recognize;
use super::stats::Stats;
use super::thread::yield_to_others;
use super::worlds::{normalizer::NormalizerPre, scorer::ScorerPre};
use super::{Loaded, PluginId, World, declaration, normalizer, scorer, settings};
use crate::hash::{hex, sha256};

/// Parsers and compilers call themselves for what is nested in a file.
pub(super) const STACK_BYTES: usize = 16 * 1024 * 1024;

/// The door to the compile thread, which ends with it.
pub(super) struct Admission {
    files: SyncSender<File>,
}

struct File {
    bytes: Vec<u8>,
    answer: oneshot::Sender<Result<Arc<Loaded>, Refusal>>,
}

/// A linked component, ready to be instantiated for each call.
pub(super) enum Code {
    Scorer(ScorerPre<CallState>),
    Normalizer(NormalizerPre<CallState>),
}

/// What a plugin declares when it is asked.
struct Declaration {
    description: scorer::Description,
    rules: Vec<scorer::Rule>,
    formats: Vec<normalizer::Format>,
}

impl Admission {
    pub(super) fn start(sandbox: Arc<Sandbox>, cache: Option<Cache>) -> std::io::Result<Admission> {
        let (files, incoming) = mpsc::sync_channel(sandbox.limits.admissions_max);
        thread::Builder::new()
            .name("plugin-compile".into())
            .stack_size(STACK_BYTES)
            .spawn(move || admit_each(&incoming, &sandbox, cache.as_ref()))?;
        Ok(Admission { files })
    }

    pub(super) async fn admit(&self, bytes: Vec<u8>) -> Result<Arc<Loaded>, Refusal> {
        let (answer, answered) = oneshot::channel();
        self.files.try_send(File { bytes, answer }).map_err(|error| match error {
            TrySendError::Full(_) => {
                Refusal::new("busy", "too many plugins are waiting to be compiled; try again later")
            }
            TrySendError::Disconnected(_) => Refusal::new("stopped", "the plugin host is shutting down"),
        })?;
        let stopped = |_| Err(Refusal::new("stopped", "the plugin host stopped before the plugin was compiled"));
        answered.await.unwrap_or_else(stopped)
    }
}

fn admit_each(incoming: &Receiver<File>, sandbox: &Sandbox, cache: Option<&Cache>) {
    if sandbox.limits.compiler_nice > 0 {
        yield_to_others(sandbox.limits.compiler_nice);
    }
    for File { bytes, answer } in incoming {
        if answer.is_closed() {
            continue;
        }
        let admitted = catch_unwind(AssertUnwindSafe(|| admit(sandbox, cache, bytes))).unwrap_or_else(|panic| {
            tracing::error!(panic = told(panic.as_ref()), "checking a plugin broke the host's own code");
            Err(Refusal::new("host_failed", "the host failed while checking it, which is the host's own fault"))
        });
        // The one who asked may have left; the compiled code is in the cache for the next.
        let _ = answer.send(admitted.map(Arc::new));
    }
}

fn admit(sandbox: &Sandbox, cache: Option<&Cache>, bytes: Vec<u8>) -> Result<Loaded, Refusal> {
    let limits = &sandbox.limits;
    within_size("the file", bytes.len(), limits.component_bytes_max)?;
    let form = recognize(&bytes)?;
    let (size, given) = (bytes.len(), sha256(&bytes));
    let component = inspect::componentize(form, bytes)?;
    within_size("the component made from it", component.len(), limits.component_bytes_max)?;
    let digest = sha256(&component);
    let kept = cache.and_then(|cache| cache.load(&sandbox.engine, &digest));
    let functions = if kept.is_some() { Functions::Types } else { Functions::Whole };
    let Findings { world, wit_version, mut warnings } = inspect::inspect(&component, functions, limits)?;
    let compiled = kept.map_or_else(|| compile(sandbox, cache, &component, &digest), Ok)?;
    let code = link(sandbox, world, &compiled)?;
    let Declaration { description, rules, formats } = declaration(sandbox, &code)?;
    let settings = settings::declared(&description.attributes).map_err(|what| impossible(&what))?;
    match world {
        World::Scorer if rules.is_empty() => warnings.push("it declares no rules, so it can find nothing".into()),
        World::Normalizer if formats.is_empty() => warnings.push("it declares no formats".into()),
        _ => {}
    }
    Ok(Loaded {
        id: PluginId { name: description.name, version: description.version },
        world,
        wit_version,
        digest: format!("sha256:{}", hex(&given)),
        size,
        component: component.into(),
        summary: description.summary,
        attributes: description.attributes,
        rule_ids: rules.iter().map(|rule| rule.id.clone()).collect::<HashSet<_>>(),
        rules,
        formats,
        warnings,
        settings,
        stats: Stats::default(),
        code,
        breaker: Breaker::default(),
        poison: Poison::default(),
    })
}

fn within_size(what: &str, bytes: usize, bytes_max: usize) -> Result<(), Refusal> {
    if bytes > bytes_max {
        return Err(Refusal::new("too_large", format!("{what} has {bytes} bytes of at most {bytes_max}")));
    }
    Ok(())
}

/// Compiles a component, and keeps the code in the cache.
fn compile(sandbox: &Sandbox, cache: Option<&Cache>, bytes: &[u8], digest: &[u8; 32]) -> Result<Component, Refusal> {
    effort::fits(bytes, &sandbox.limits)?;
    let began = Instant::now();
    let component = Component::from_binary(&sandbox.engine, bytes).map_err(|error| {
        let message = "it is valid, but needs more than the sandbox gives or something that the compiler lacks";
        Refusal::new("needs_too_much", message).with(error.chain().map(ToString::to_string))
    })?;
    tracing::info!(bytes = bytes.len(), elapsed_ms = engine::millis(began.elapsed()), "plugin compiled");
    if let Some(cache) = cache {
        cache.store(digest, &component);
    }
    Ok(component)
}

fn link(sandbox: &Sandbox, world: World, component: &Component) -> Result<Code, Refusal> {
    let linked = engine::link(&sandbox.engine, component).and_then(|linked| code(world, linked));
    linked.map_err(|error| {
        Refusal::new("needs_too_much", "it needs more than the sandbox gives")
            .with(error.chain().map(ToString::to_string))
    })
}

fn code(world: World, linked: InstancePre<CallState>) -> wasmtime::Result<Code> {
    Ok(match world {
        World::Scorer => Code::Scorer(ScorerPre::new(linked)?),
        World::Normalizer => Code::Normalizer(NormalizerPre::new(linked)?),
    })
}

/// Asks a plugin who it is, and does not believe everything.
fn declaration(sandbox: &Sandbox, code: &Code) -> Result<Declaration, Refusal> {
    let limits = &sandbox.limits;
    let call = sandbox.call(limits, limits.describe_budget(), Instant::now(), |store| describe(sandbox, code, store));
    let Ended { result, .. } = to_the_end(pin!(call));
    let said = result.map_err(|fault| {
        let message = format!("it {fault}, when it was asked to describe itself");
        Refusal::new("describe_failed", message)
    })?;
    let checked = declaration::description(&sandbox.limits, &said.description)
        .and_then(|()| declaration::rules(&sandbox.limits, &said.rules))
        .and_then(|()| declaration::formats(&sandbox.limits, &said.formats));
    match checked {
        Ok(()) => Ok(said),
        Err(what) => Err(impossible(&what)),
    }
}

fn impossible(what: &str) -> Refusal {
    Refusal::new("bad_description", format!("what it says of itself cannot be: {what}"))
}

async fn describe(sandbox: &Sandbox, code: &Code, mut store: Store<CallState>) -> (Result<Declaration, Fault>, usize) {
    let said = match code {
        Code::Scorer(code) => describe_scorer(code, &mut store).await,
        Code::Normalizer(code) => describe_normalizer(code, &mut store).await,
    };
    let result = said.map_err(|error| store.data().fault(&sandbox.limits, &error));
    (result, store.data().memory_bytes())
}

async fn describe_scorer(code: &ScorerPre<CallState>, store: &mut Store<CallState>) -> wasmtime::Result<Declaration> {
    let instance = code.instantiate_async(&mut *store).await?;
    let guest = instance.pillarbox_plugin_content_scoring();
    let description = guest.call_describe(&mut *store).await?;
    let rules = guest.call_rules(&mut *store).await?;
    Ok(Declaration { description, rules, formats: Vec::new() })
}

async fn describe_normalizer(
    code: &NormalizerPre<CallState>,
    store: &mut Store<CallState>,
) -> wasmtime::Result<Declaration> {
    let instance = code.instantiate_async(&mut *store).await?;
    let guest = instance.pillarbox_plugin_webhook_normalizing();
    let description = guest.call_describe(&mut *store).await?;
    let formats = guest.call_formats(&mut *store).await?;
    Ok(Declaration { description, rules: Vec::new(), formats })
}
