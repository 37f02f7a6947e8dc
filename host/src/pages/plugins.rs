//! The plugins: which version serves, which one is tried, what their calls came to, and who changed what.

mod trial;

use std::collections::BTreeMap;

use serde::Deserialize;

use super::chart::{self, Row};
use super::mailbox::moment;
use super::visitor::{heading, note_done};
use super::{Escaped, Section, Visitor, layout, put, query};

pub use trial::Trial;

/// An installed version, as the registry tells it.
#[derive(Debug, Clone, Deserialize)]
#[expect(clippy::struct_field_names, reason = "they are the words of the command's answer")]
pub struct Version {
    /// Shared by its versions.
    pub name: String,
    /// Semantic version.
    pub version: String,
    /// `scorer` or `normalizer`.
    pub world: String,
    /// The word for where it stands.
    pub state: String,
    /// `sha256:` and hex.
    pub digest: String,
    /// Bytes.
    pub size: u64,
    /// True when it came with the binary.
    pub built_in: bool,
    /// One sentence of its own.
    pub summary: String,
    /// RFC 3339 in UTC.
    pub installed_at: String,
    /// A person or a program.
    pub installed_by: String,
    /// The key that signed it.
    pub signed_by: Option<String>,
    /// Why it did not pass its check.
    pub check_failure: Option<String>,
}

/// A plugin with everything that is known of it.
#[derive(Debug, Clone, Deserialize)]
pub struct Plugin {
    /// Shared by its versions.
    pub name: String,
    /// Newest first.
    pub versions: Vec<Version>,
    /// How it is placed; `None` before a version ever served.
    pub placement: Option<Placement>,
    /// What this process serves of it.
    pub serving: Option<Serving>,
    /// What was changed, newest first.
    pub log: Vec<LogLine>,
}

/// How a plugin is placed.
#[derive(Debug, Clone, Deserialize)]
pub struct Placement {
    /// The version that serves.
    pub active: Option<String>,
    /// What served before, the last one last.
    #[serde(default)]
    pub history: Vec<serde_json::Value>,
}

/// The versions of a plugin that are called.
#[derive(Debug, Clone, Deserialize)]
pub struct Serving {
    /// The one that answers.
    pub active: Calls,
    /// The one that is tried.
    pub candidate: Option<Trial>,
}

/// What the calls of a version came to, in this process since its start.
#[derive(Debug, Clone, Deserialize)]
#[expect(clippy::struct_field_names, reason = "they are the words of the command's answer")]
pub struct Calls {
    /// Which version.
    pub version: String,
    /// The numbers.
    pub calls: Tally,
    /// How long it rests after repeated failures.
    pub resting_ms: Option<u64>,
}

/// Numbers about calls.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Tally {
    /// Calls, answered or not.
    pub calls: u64,
    /// Those that failed.
    pub failed: u64,
    /// By kind.
    pub failures: BTreeMap<String, u64>,
    /// Half of the calls took no longer, in microseconds.
    pub p50_us: Option<u64>,
    /// 99 of a hundred took no longer.
    pub p99_us: Option<u64>,
    /// CPU time of all calls.
    pub cpu_us: u64,
    /// The most memory that a call had.
    pub memory_bytes_max: u64,
    /// The time histogram.
    pub buckets: Vec<Bucket>,
}

/// Calls that took up to so long.
#[derive(Debug, Clone, Deserialize)]
pub struct Bucket {
    /// `None` for those that took longer than all others.
    pub up_to_us: Option<u64>,
    /// How many.
    pub calls: u64,
}

/// A change, as the log has it.
#[derive(Debug, Clone, Deserialize)]
pub struct LogLine {
    /// RFC 3339 in UTC.
    pub at: String,
    /// Who.
    pub by: String,
    /// What, in a word.
    pub action: String,
    /// Which plugin.
    pub name: Option<String>,
    /// Before.
    pub from: Option<String>,
    /// After.
    pub to: Option<String>,
    /// In their words.
    pub why: Option<String>,
}

/// All plugins.
#[derive(Debug, Clone, Default)]
pub struct ListView {
    /// By name.
    pub plugins: Vec<Plugin>,
    /// The newest lines of the log.
    pub log: Vec<LogLine>,
    /// What nodes could not load, a sentence each.
    pub troubles: Vec<String>,
    /// Who looks.
    pub visitor: Visitor,
}

/// One plugin.
#[derive(Debug, Clone)]
pub struct ShowView {
    /// It.
    pub plugin: Plugin,
    /// What was just done, in a sentence.
    pub done: Option<String>,
    /// Who looks.
    pub visitor: Visitor,
}

/// The list of plugins.
pub fn list(view: &ListView) -> String {
    let mut body = heading("Plugins", "What judges messages and reads notifications.", &view.visitor, "/plugins");
    for trouble in &view.troubles {
        put!(&mut body, "<p class=\"alarm\">{}</p>", Escaped(trouble));
    }
    body.push_str("<ul class=\"cards\">");
    for plugin in &view.plugins {
        put_card(&mut body, plugin);
    }
    body.push_str("</ul>");
    put_log(&mut body, "Latest changes", &view.log, true);
    layout("Plugins", Some(Section::Plugins), &body)
}

/// One plugin.
pub fn show(view: &ShowView) -> String {
    let plugin = &view.plugin;
    let summary = plugin.versions.first().map_or("", |version| version.summary.as_str());
    let mut body = String::from("<p class=\"back\"><a href=\"/plugins\">← All plugins</a></p>");
    body.push_str(&heading(&plugin.name, summary, &view.visitor, &format!("/plugins/{}", plugin.name)));
    body.push_str(&note_done(view.done.as_deref()));
    if let Some(trial) = plugin.serving.as_ref().and_then(|serving| serving.candidate.as_ref()) {
        trial::put(&mut body, &plugin.name, trial);
    }
    put_serving(&mut body, plugin);
    put_versions(&mut body, plugin);
    put_log(&mut body, "Log", &plugin.log, false);
    layout(&plugin.name, Some(Section::Plugins), &body)
}

fn put_card(body: &mut String, plugin: &Plugin) {
    let name = Escaped(&plugin.name);
    let world = plugin.versions.first().map_or("", |version| version.world.as_str());
    put!(
        body,
        "<li class=\"card\"><h2><a href=\"/plugins/{name}\">{name}</a></h2><p class=\"quiet\">{}</p>",
        Escaped(world)
    );
    body.push_str("<dl class=\"facts\">");
    match plugin.placement.as_ref().and_then(|placement| placement.active.as_ref()) {
        Some(version) => put!(body, "<div><dt>Serves</dt><dd>{} {}</dd></div>", Escaped(version), badge("active")),
        None => body.push_str("<div><dt>Serves</dt><dd class=\"quiet\">no version</dd></div>"),
    }
    if let Some(serving) = &plugin.serving {
        if let Some(trial) = &serving.candidate {
            put!(body, "<div><dt>Tried</dt><dd>{} {}</dd></div>", Escaped(&trial.version), trial::stage_badge(trial));
        }
        put!(body, "<div><dt>Calls</dt><dd>{}</dd></div>", calls_line(&serving.active));
    }
    put!(body, "<div><dt>Versions</dt><dd>{}</dd></div></dl></li>", plugin.versions.len());
}

fn calls_line(calls: &Calls) -> String {
    let Tally { calls: count, failed, p50_us, p99_us, .. } = &calls.calls;
    let times = match (p50_us, p99_us) {
        (Some(p50), Some(p99)) => format!(", half within {}, 99\u{a0}% within {}", duration(*p50), duration(*p99)),
        _ => String::new(),
    };
    let failed = if *failed == 0 { String::new() } else { format!(", <strong class=\"bad\">{failed} failed</strong>") };
    format!("{count}{failed}{times}{}", resting(calls))
}

fn resting(calls: &Calls) -> String {
    let rest = |millis: u64| format!(" <span class=\"badge bad\">resting for {}</span>", duration(millis * 1_000));
    calls.resting_ms.map(rest).unwrap_or_default()
}

fn put_serving(body: &mut String, plugin: &Plugin) {
    let Some(serving) = &plugin.serving else { return };
    let active = &serving.active;
    put!(
        body,
        "<section aria-labelledby=\"calls\"><h2 id=\"calls\">Calls of {}</h2><p class=\"quiet\">In this process, since its start.</p>",
        Escaped(&active.version)
    );
    put!(body, "<dl class=\"facts\"><div><dt>Calls</dt><dd>{}</dd></div>", calls_line(active));
    let tally = &active.calls;
    put!(body, "<div><dt>CPU time</dt><dd>{}</dd></div>", duration(tally.cpu_us));
    put!(body, "<div><dt>Memory</dt><dd>at most {}</dd></div>", bytes(tally.memory_bytes_max));
    for (kind, count) in &tally.failures {
        put!(body, "<div><dt>Failed</dt><dd>{count} × {}</dd></div>", Escaped(&kind.replace('_', " ")));
    }
    body.push_str("</dl>");
    let of = |tally: &Tally, at: usize| tally.buckets.get(at).map_or(0, |bucket| bucket.calls);
    let candidate = serving.candidate.as_ref().map(|trial| &trial.calls);
    let rows: Vec<_> = tally
        .buckets
        .iter()
        .enumerate()
        .map(|(at, bucket)| {
            let last = tally.buckets.iter().rev().find_map(|bucket| bucket.up_to_us).unwrap_or(0);
            let name =
                bucket.up_to_us.map_or_else(|| format!("> {}", duration(last)), |end| format!("≤ {}", duration(end)));
            let values = [Some(bucket.calls), candidate.map(|tally| of(tally, at))];
            Row { name, values: values.into_iter().flatten().collect() }
        })
        .collect();
    let names = [Some(active.version.as_str()), serving.candidate.as_ref().map(|trial| trial.version.as_str())];
    let names: Vec<_> = names.into_iter().flatten().collect();
    body.push_str(&chart::bars("How long calls took, as a share of the calls", &names, &rows));
    body.push_str("</section>");
}

fn put_versions(body: &mut String, plugin: &Plugin) {
    body.push_str("<section aria-labelledby=\"versions\"><h2 id=\"versions\">Versions</h2><ul class=\"lines\">");
    let can_roll_back = plugin.placement.as_ref().is_some_and(|placement| !placement.history.is_empty());
    for version in &plugin.versions {
        let (name, number) = (Escaped(&version.name), Escaped(&version.version));
        put!(body, "<li><div><h3>{number} {}</h3>", badge(&version.state));
        put!(
            body,
            "<p class=\"quiet\">Installed {} by {}, {}",
            moment(&version.installed_at),
            Escaped(&version.installed_by),
            bytes(version.size)
        );
        if version.built_in {
            body.push_str(", comes with Pillarbox");
        }
        if let Some(key) = &version.signed_by {
            put!(body, ", signed with the key <code>{}</code>", Escaped(key));
        }
        put!(body, "</p><p class=\"quiet\"><code>{}</code></p>", Escaped(&version.digest));
        if let Some(failure) = &version.check_failure {
            put!(body, "<p class=\"bad\">It did not pass its check: {}</p>", Escaped(failure));
        }
        body.push_str("</div>");
        if version.state == "active" && can_roll_back {
            put!(body, "<a class=\"button\" href=\"/plugins/{name}/rollback\">Roll back…</a>");
        } else if version.state != "active" && version.check_failure.is_none() {
            put!(
                body,
                "<a class=\"button\" href=\"/plugins/{name}/activate?version={}\">Activate {number}…</a>",
                query(&version.version)
            );
        }
        body.push_str("</li>");
    }
    body.push_str("</ul></section>");
}

fn put_log(body: &mut String, title: &str, log: &[LogLine], with_names: bool) {
    put!(body, "<section aria-labelledby=\"log\"><h2 id=\"log\">{title}</h2>");
    if log.is_empty() {
        body.push_str("<p class=\"quiet\">Nothing was changed so far.</p></section>");
        return;
    }
    body.push_str("<ol class=\"timeline\">");
    for line in log {
        put!(body, "<li><strong>{}</strong>", Escaped(&line.action));
        if let Some(name) = line.name.as_ref().filter(|_| with_names) {
            put!(body, " <a href=\"/plugins/{name}\">{name}</a>", name = Escaped(name));
        }
        match (&line.from, &line.to) {
            (Some(from), Some(to)) => put!(body, " {} → {}", Escaped(from), Escaped(to)),
            (Some(only), None) | (None, Some(only)) => put!(body, " {}", Escaped(only)),
            (None, None) => {}
        }
        put!(body, "<br><span class=\"quiet\">{} by {}</span>", moment(&line.at), Escaped(&line.by));
        if let Some(why) = &line.why {
            put!(body, "<br>{}", Escaped(why));
        }
        body.push_str("</li>");
    }
    body.push_str("</ol></section>");
}

/// Where a version stands. The colour only repeats what the word says.
fn badge(state: &str) -> String {
    let tone = match state {
        "active" => "good",
        "shadow" | "canary" => "wait",
        "retired" => "quiet",
        _ => "plain",
    };
    format!("<span class=\"badge {tone}\">{}</span>", Escaped(state))
}

/// A time for people.
fn duration(micros: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "for people")]
    let of = |unit: u64| micros as f64 / unit as f64;
    let short = |value: f64, unit: &str| {
        let text = if value < 10.0 { format!("{value:.1}") } else { format!("{value:.0}") };
        format!("{} {unit}", text.strip_suffix(".0").unwrap_or(&text))
    };
    match micros {
        0..1_000 => format!("{micros} µs"),
        1_000..1_000_000 => short(of(1_000), "ms"),
        _ => short(of(1_000_000), "s"),
    }
}

fn bytes(count: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "for people")]
    let of = |unit: u64| count as f64 / unit as f64;
    match count {
        0..1_024 => format!("{count} bytes"),
        1_024..1_048_576 => format!("{:.0} KiB", of(1_024)),
        _ => format!("{:.1} MiB", of(1_048_576)),
    }
}

#[cfg(test)]
mod tests;
