//! Labelled mail in, figures out.

use std::time::Duration;

use pillarbox::plugins::Workbench;
use pillarbox::plugins::limits::Limits;
use pillarbox_scorer_train::corpus::Labelled;
use pillarbox_scorer_train::evaluate::{Figures, Judged, Options, Times};
use serde_json::{Value as Json, json};

use crate::component::{Component, of_contract};

/// Messages that are judged before any is measured.
const WARM_UP: usize = 500;
const WALL_MS_MAX: u64 = 60_000;

/// What a verdict says: the bits of its points, and the rules of its findings.
type Said = (u64, Vec<String>);

/// One message, judged in the sandbox.
struct Sandboxed {
    judged: Judged,
    said: Said,
    us: f64,
    memory_bytes: usize,
}

/// Judges the mail, prints the figures, and says which floors they miss.
pub async fn run(options: &Options) -> Result<(), String> {
    let mail = options.collect()?;
    // CPU time is what is measured, and a busy machine must not end a call.
    let component = Component::start(Limits { wall_ms_max: WALL_MS_MAX, ..Limits::default() }).await;
    for one in mail.iter().take(WARM_UP) {
        in_sandbox(&component, one)?;
        natively(one)?;
    }
    // One after the other, since two sets of weights would keep each other out of the processor's cache.
    let all = mail.iter().map(|one| in_sandbox(&component, one)).collect::<Result<Vec<_>, _>>()?;
    let beside = mail.iter().map(natively).collect::<Result<Vec<_>, _>>()?;
    let judged: Vec<Judged> = all.iter().map(|one| one.judged.clone()).collect();
    let figures = Figures::of(&judged);
    let sandboxed = Times::of(all.iter().map(|one| one.us).collect());
    let native = Times::of(beside.iter().map(|(_, us)| *us).collect());
    let memory = memory(&all);
    if options.as_json {
        println!("{:#}", as_json(&figures, [&sandboxed, &native], memory));
    } else {
        let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
        println!("{figures}\nOf CPU time, with load {}:", load.split(' ').next().unwrap_or_default());
        println!("sandboxed: {sandboxed}\nnative:    {native}\nratio:     {:.2}", native.rate / sandboxed.rate);
        let [median, p99, most] = memory.map(|bytes| bytes as f64 / 1024.0 / 1024.0);
        println!("memory of a call: median {median:.1} MiB, 99 of 100 within {p99:.1} MiB, at most {most:.1} MiB");
    }
    let differing = all.iter().zip(&beside).filter(|(one, (native, _))| one.said != *native).count();
    if differing > 0 {
        return Err(format!("{differing} messages have another verdict in the sandbox than natively"));
    }
    let missed = options.floors.missed(&figures, &sandboxed);
    if missed.is_empty() { Ok(()) } else { Err(missed.join("; ")) }
}

fn in_sandbox(component: &Component, one: &Labelled) -> Result<Sandboxed, String> {
    let message = of_contract(&one.message);
    let (tried, us) = timed(|| component.score(message, Vec::new()));
    let verdict = tried.result.map_err(|fault| fault.to_string())?;
    let judged = Judged::of(one, verdict.spam_score, &verdict.attributes);
    let said = (verdict.spam_score.to_bits(), verdict.findings.into_iter().map(|finding| finding.rule).collect());
    Ok(Sandboxed { judged, said, us, memory_bytes: tried.memory_bytes })
}

/// What the same code says natively, and the microseconds that it takes.
fn natively(one: &Labelled) -> Result<(Said, f64), String> {
    let (verdict, us) = timed(|| pillarbox_scorer::score(&one.message, &[]));
    let verdict = verdict?;
    let rules = verdict.findings.iter().map(|finding| finding.rule.to_owned()).collect();
    Ok(((verdict.spam_score.to_bits(), rules), us))
}

/// What the work came to, and microseconds of CPU time.
fn timed<T>(work: impl FnOnce() -> T) -> (T, f64) {
    let began = Workbench::cpu_time();
    let done = work();
    (done, Workbench::cpu_time().saturating_sub(began).max(Duration::from_nanos(1)).as_secs_f64() * 1e6)
}

/// Bytes: the middle, what 99 of 100 keep within, and the most.
fn memory(all: &[Sandboxed]) -> [usize; 3] {
    let mut bytes: Vec<usize> = all.iter().map(|one| one.memory_bytes).collect();
    bytes.sort_unstable();
    [bytes.len() / 2, bytes.len() * 99 / 100, bytes.len() - 1].map(|at| bytes[at])
}

fn as_json(figures: &Figures, [sandboxed, native]: [&Times; 2], memory: [usize; 3]) -> Json {
    let times = |times: &Times| json!({ "median_us": times.median_us, "p99_us": times.p99_us, "messages_per_cpu_second": times.rate });
    let slices = figures.slices.iter().map(|slice| {
        json!({ "name": slice.name, "is_spam": slice.is_spam, "messages": slice.messages, "at_5_points": slice.reached })
    });
    let reliability = figures
        .reliability
        .iter()
        .map(|said| json!({ "from": said.from, "below": said.below, "messages": said.messages, "spam": said.spam }));
    json!({
        "messages": figures.messages,
        "auc": figures.auc,
        "f1": figures.f1,
        "caught_at_1_percent": figures.caught,
        "false_alarms": figures.false_alarms,
        "slices": slices.collect::<Vec<_>>(),
        "reliability": reliability.collect::<Vec<_>>(),
        "sandboxed": times(sandboxed),
        "native": times(native),
        "sandboxed_per_native": native.rate / sandboxed.rate,
        "memory_bytes": { "median": memory[0], "p99": memory[1], "most": memory[2] },
    })
}
