//! What `replay` and `explain` share: two plugins in a sandbox of the command's own, and the way of all inputs through
//! them. The service only hands out bytes; its time is not used.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use super::super::Failure;
use super::super::output::word;
use super::super::session::Session;
use super::corpus::{Corpus, Given};
use super::{plugin_id, read};
use crate::app::{plugin_limits, system_clock};
use crate::config::Config;
use crate::control::{Bytes, Command};
use crate::plugins::limits::Limits;
use crate::plugins::{Loaded, Workbench, World};
use crate::registry::Note;
use crate::replay::{Inputs, Pair, run};

/// A busy machine must not make a plugin fail here; its CPU time alone decides.
const WALL_MS_MAX: u64 = 60_000;
/// The report is made of so many inputs at most, which bounds what it keeps of each.
const INPUTS_MAX: u64 = 1_000_000;

/// A plugin on the command line: a file, or a version that is installed.
#[derive(Clone, Debug)]
pub(super) enum Wanted {
    File(std::path::PathBuf),
    Installed(String, String),
}

/// Reads `FILE.wasm` or `NAME@VERSION`.
pub(super) fn wanted(text: &str) -> Result<Wanted, String> {
    let path = Path::new(text);
    if path.exists() || text.contains('/') || path.extension().is_some_and(|extension| extension == "wasm") {
        return Ok(Wanted::File(path.to_owned()));
    }
    let (name, version) = plugin_id(text).map_err(|_| {
        format!("there is no file {text}, and an installed version is written NAME@VERSION, for example scorer@1.2.0")
    })?;
    Ok(Wanted::Installed(name, version))
}

/// Two plugins of one world, ready to be called.
pub(super) struct Tryout {
    pub(super) bench: Arc<Workbench>,
    pub(super) before: Arc<Loaded>,
    pub(super) after: Arc<Loaded>,
    pub(super) corpus: Corpus,
    /// What an operator set for the version that is compared with; both get it.
    settings: Arc<BTreeMap<String, String>>,
    threads: usize,
}

/// How the inputs went.
pub(super) struct Went {
    pub(super) inputs: Inputs,
    pub(super) threads: usize,
    pub(super) elapsed: Duration,
}

impl Tryout {
    /// Gets both plugins, and finds the inputs. Without `before` it is the version that serves.
    pub(super) async fn prepare(
        config: Config,
        (before, after): (Option<Wanted>, Wanted),
        given: &Given,
        start: fn(Limits) -> Result<Workbench, crate::plugins::error::StartError>,
    ) -> Result<Self, Failure> {
        let threads = given.threads();
        let slots = u32::try_from(threads).unwrap_or(u32::MAX);
        let limits = Limits { slots, wall_ms_max: WALL_MS_MAX, ..plugin_limits(&config) };
        // Files are read before anything is opened: a wrong name is told at once. With files alone no data directory
        // is needed, and none is made.
        let files = [Some(&after), before.as_ref()].into_iter().flatten().filter_map(|wanted| match wanted {
            Wanted::File(path) => Some(path),
            Wanted::Installed(..) => None,
        });
        for path in files {
            read(path)?;
        }
        let needs_service =
            given.fixtures.is_none() || !matches!((&before, &after), (Some(Wanted::File(_)), Wanted::File(_)));
        let session = if needs_service { Some(Session::open(config).await?) } else { None };
        let bench = Arc::new(start(limits)?);
        let after = load(&bench, session.as_deref(), after).await?;
        let before = match (before, session.as_deref()) {
            (None, Some(session)) => serving(session, after.world).await?,
            (None, None) => return Err("say what it is compared with: --against NAME@VERSION".into()),
            (Some(before), _) => before,
        };
        let before = load(&bench, session.as_deref(), before).await?;
        if before.world != after.world {
            return Err(format!(
                "{} is a {} and {} a {}, so nothing can be given to both; compare plugins of one world",
                before.id, before.world, after.id, after.world
            )
            .into());
        }
        let settings = match session.as_deref() {
            Some(session) => Arc::new(settings_of(session, &before.id.name).await),
            None => Arc::default(),
        };
        let now = system_clock()();
        let corpus = given.corpus(after.world, session.as_ref(), now)?;
        Ok(Self { bench, before, after, corpus, settings, threads })
    }

    /// Calls both with every input, in order, and hands over what they said.
    pub(super) async fn run(&mut self, mut see: impl FnMut(&Pair)) -> Result<Went, Failure> {
        let progress = progress(self.corpus.expected().await);
        let began = Instant::now();
        let mut next = self.corpus.page().await?;
        while let Some(inputs) = next {
            let (bench, before, after) = (self.bench.clone(), self.before.clone(), self.after.clone());
            let (settings, threads, moving) = (Arc::clone(&self.settings), self.threads, progress.clone());
            let pairs = tokio::task::spawn_blocking(move || {
                run(&bench, [&before, &after], &settings, &inputs, threads, &|| moving.inc(1))
            });
            // The next page is fetched meanwhile.
            next = self.corpus.page().await?;
            for pair in pairs.await? {
                see(&pair);
            }
            if self.corpus.seen().replayed > INPUTS_MAX {
                return Err(format!("there are more than {INPUTS_MAX} inputs; take fewer with --last").into());
            }
        }
        progress.finish_and_clear();
        let inputs = self.corpus.seen();
        if inputs.replayed == 0 {
            return Err(nothing(self.after.world, &inputs).into());
        }
        Ok(Went { inputs, threads: self.threads, elapsed: began.elapsed() })
    }
}

/// A replay of nothing says nothing, and must not let a candidate pass.
fn nothing(world: World, inputs: &Inputs) -> String {
    if let Some(skipped) = inputs.skipped_examples.first() {
        let (count, input, reason) = (inputs.skipped, &skipped.input, &skipped.reason);
        return format!("none of the {count} inputs can be read; the first of them is {input}: {reason}");
    }
    match (inputs.source, world) {
        ("fixtures", World::Scorer) => "the folder has no .eml file".into(),
        ("fixtures", World::Normalizer) => "the folder has neither .eml nor .jsonl files".into(),
        (_, World::Scorer) => "no judged message is recorded that fits; see `pillarbox plugin recordings` and the \
                               setting record_scoring, or give files with --fixtures"
            .into(),
        (_, World::Normalizer) => {
            "no notification has come in that fits; give files with --fixtures, or wait for some".into()
        }
    }
}

async fn load(bench: &Workbench, session: Option<&Session>, wanted: Wanted) -> Result<Arc<Loaded>, Failure> {
    let (name, bytes) = match wanted {
        Wanted::File(path) => (path.display().to_string(), read(&path)?),
        Wanted::Installed(name, version) => {
            let session = session.ok_or("an installed version is the service's, and it is not open")?;
            let id = format!("{name}@{version}");
            let mut answer = session.run(Command::PluginComponent { name, version }).await?;
            let bytes: Bytes = serde_json::from_value(answer["component"].take())
                .map_err(|error| format!("the service answered something else than a plugin: {error}"))?;
            (id, bytes)
        }
    };
    let admitted = bench.admit(bytes.0).await;
    admitted.map_err(|refusal| format!("{name} is no plugin that can run here: {}", refusal.told()).into())
}

/// What an operator set for a plugin. A plugin that does not serve has nothing set.
async fn settings_of(session: &Session, name: &str) -> BTreeMap<String, String> {
    let (name, note) = (name.to_owned(), Note::default());
    let command = Command::PluginSettings { name, set: BTreeMap::new(), unset: Vec::new(), note };
    let answer = session.run(command).await.unwrap_or_default();
    let rows = answer["settings"].as_array().into_iter().flatten();
    rows.filter(|row| row["is_set"] == true).map(|row| (word(&row["name"]), word(&row["value"]))).collect()
}

async fn serving(session: &Session, world: World) -> Result<Wanted, Failure> {
    let listed = session.run(Command::PluginList).await?;
    let plugins = listed["plugins"].as_array().into_iter().flatten();
    let mut active = plugins.filter(|plugin| plugin["world"] == world.as_str() && plugin["state"] == "active");
    let found = active.next().map(|plugin| Wanted::Installed(word(&plugin["name"]), word(&plugin["version"])));
    found.ok_or_else(|| format!("no {world} serves, so say what it is compared with: --against NAME@VERSION").into())
}

/// How far it is, for a person who waits.
fn progress(expected: Option<u64>) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let (bar, template) = match expected {
        Some(count) => (ProgressBar::new(count), "{bar:40} {pos}/{len} inputs, {per_sec}, {eta} left"),
        None => (ProgressBar::new_spinner(), "{spinner} {pos} inputs, {per_sec} ({elapsed})"),
    };
    bar.enable_steady_tick(Duration::from_millis(200));
    bar.with_style(ProgressStyle::with_template(template).expect("the template is well formed"))
}
