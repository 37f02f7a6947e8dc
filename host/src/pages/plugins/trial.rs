//! A version that is tried: how it fares beside the active one, and the buttons to promote and stop it.

use serde::Deserialize;

use super::super::{Escaped, cut, put};
use super::chart::{self, Row};
use super::{Tally, duration, moment};

/// A candidate with what was seen of it.
#[derive(Debug, Clone, Deserialize)]
pub struct Trial {
    /// Which version.
    pub version: String,
    /// Its calls.
    pub calls: Tally,
    /// `shadow` or `canary`.
    pub stage: String,
    /// For a canary, of a hundred customers.
    pub percent: Option<f64>,
    /// RFC 3339 in UTC.
    pub since: String,
    /// What stops it.
    pub bounds: Bounds,
    /// Why it was stopped.
    pub stopped: Option<String>,
    /// How it compares.
    pub seen: Seen,
}

/// What stops a candidate.
#[derive(Debug, Clone, Deserialize)]
#[expect(clippy::struct_field_names, reason = "they are the words of the command's answer")]
pub struct Bounds {
    /// Failed calls.
    pub failures_max: u64,
    /// Points that a score may differ.
    pub difference_max: Option<f64>,
    /// Other verdicts, of a hundred.
    pub flips_percent_max: f64,
}

/// How a candidate compares.
#[derive(Debug, Clone, Deserialize)]
pub struct Seen {
    /// Inputs that both versions answered.
    pub compared: u64,
    /// Of these, how many came to something else.
    pub flips: u64,
    /// Failed calls of the candidate.
    pub failures: u64,
    /// The last failure in words.
    pub last_failure: Option<String>,
    /// Of both on what was compared.
    pub cpu_us: CpuTimes,
    /// A histogram of how far scores are apart.
    pub differences: Vec<Difference>,
    /// Rules found more or less often.
    pub rules: Vec<RuleChange>,
    /// Those that differ most, first.
    pub examples: Vec<Example>,
}

/// CPU microseconds.
#[derive(Debug, Clone, Deserialize)]
pub struct CpuTimes {
    /// Of the active version.
    pub active: u64,
    /// Of the candidate.
    pub candidate: u64,
}

/// Inputs whose scores are up to so many points apart.
#[derive(Debug, Clone, Deserialize)]
pub struct Difference {
    /// `None` for those further apart than all others.
    pub up_to_points: Option<f64>,
    /// How many.
    pub inputs: u64,
}

/// A rule that one version finds and the other does not.
#[derive(Debug, Clone, Deserialize)]
pub struct RuleChange {
    /// Its id.
    pub rule: String,
    /// How often only the candidate found it.
    pub gained: u64,
    /// How often only the active version did.
    pub lost: u64,
}

/// One input on which the versions differ, without the input.
#[derive(Debug, Clone, Deserialize)]
pub struct Example {
    /// Its digest.
    pub input: String,
    /// Points of the active version.
    pub before: f64,
    /// Points of the candidate.
    pub after: f64,
    /// Whether the verdict is another one.
    pub is_flip: bool,
    /// Rules that only the candidate found.
    pub gained: Vec<String>,
    /// Rules that only the active version found.
    pub lost: Vec<String>,
}

/// Rules that are listed.
const RULES_SHOWN_MAX: usize = 20;
/// Characters of a digest, enough to find it again.
const DIGEST_SHOWN: usize = 16;

/// How it is tried, in a word or two.
pub(super) fn stage_badge(trial: &Trial) -> String {
    let stage = Escaped(&trial.stage);
    match trial.percent {
        Some(percent) => format!("<span class=\"badge wait\">{stage} {percent} %</span>"),
        None => format!("<span class=\"badge wait\">{stage}</span>"),
    }
}

/// The section about a trial.
pub(super) fn put(body: &mut String, name: &str, trial: &Trial) {
    let (name, version, seen) = (Escaped(name), Escaped(&trial.version), &trial.seen);
    put!(
        body,
        "<section class=\"trial\" aria-labelledby=\"trial\"><div class=\"heading\"><div><h2 id=\"trial\">Trial of {version} {}</h2>\
         <p class=\"quiet\">Since {}.</p></div><div class=\"choices\">\
         <a class=\"button main\" href=\"/plugins/{name}/promote\">Promote…</a>\
         <a class=\"button\" href=\"/plugins/{name}/stop\">Stop…</a></div></div>",
        stage_badge(trial),
        moment(&trial.since),
    );
    if let Some(why) = &trial.stopped {
        put!(body, "<p class=\"alarm\">It is being stopped: {}</p>", Escaped(why));
    }
    put!(body, "<dl class=\"facts\"><div><dt>Compared</dt><dd>{}</dd></div>", seen.compared);
    put!(
        body,
        "<div><dt>Other verdict</dt><dd>{} (stops beyond {} %)</dd></div><div><dt>Failed</dt><dd>{} (stops beyond {})</dd></div>",
        seen.flips,
        trial.bounds.flips_percent_max,
        seen.failures,
        trial.bounds.failures_max
    );
    if let Some(points) = trial.bounds.difference_max {
        put!(body, "<div><dt>Apart</dt><dd>stops beyond {points} points</dd></div>");
    }
    put!(
        body,
        "<div><dt>CPU time</dt><dd>{}; the active version {}</dd></div></dl>",
        duration(seen.cpu_us.candidate),
        duration(seen.cpu_us.active)
    );
    if let Some(failure) = &seen.last_failure {
        put!(body, "<p class=\"bad\">The last time it failed, it {}.</p>", Escaped(failure));
    }
    let rows: Vec<_> = seen.differences.iter().map(|difference| row(difference, &seen.differences)).collect();
    body.push_str(&chart::bars("How far scores are apart, in points", &["inputs"], &rows));
    put_examples(body, &seen.examples);
    put_rules(body, &seen.rules);
    body.push_str("</section>");
}

fn row(difference: &Difference, all: &[Difference]) -> Row {
    let last = all.iter().rev().find_map(|difference| difference.up_to_points).unwrap_or(0.0);
    let name = match difference.up_to_points {
        Some(0.0) => "the same".to_owned(),
        Some(points) => format!("≤ {points}"),
        None => format!("> {last}"),
    };
    Row { name, values: vec![difference.inputs] }
}

fn put_examples(body: &mut String, examples: &[Example]) {
    if examples.is_empty() {
        return;
    }
    body.push_str("<h3>Examples</h3><p class=\"quiet\">Those that differ most. Of an input only its digest is kept.</p><ul class=\"lines\">");
    for example in examples {
        put!(
            body,
            "<li><div><p><code>{}</code> {:.1} → {:.1} points",
            Escaped(cut(&example.input, DIGEST_SHOWN)),
            example.before,
            example.after
        );
        if example.is_flip {
            body.push_str(" <span class=\"badge bad\">another verdict</span>");
        }
        body.push_str("</p>");
        for (sign, word, rules) in [("+", "gained", &example.gained), ("−", "lost", &example.lost)] {
            if !rules.is_empty() {
                put!(
                    body,
                    "<p class=\"quiet\"><span class=\"unseen\">{word} </span><span aria-hidden=\"true\">{sign}</span> {}</p>",
                    Escaped(&rules.join(", "))
                );
            }
        }
        body.push_str("</div></li>");
    }
    body.push_str("</ul>");
}

fn put_rules(body: &mut String, rules: &[RuleChange]) {
    if rules.is_empty() {
        return;
    }
    let mut rules: Vec<_> = rules.iter().collect();
    rules.sort_by_key(|rule| std::cmp::Reverse(rule.gained + rule.lost));
    body.push_str("<h3>Rules</h3><div class=\"wide\"><table><thead><tr><th scope=\"col\">Rule</th><th scope=\"col\">Gained</th><th scope=\"col\">Lost</th></tr></thead><tbody>");
    for rule in rules.iter().take(RULES_SHOWN_MAX) {
        put!(
            body,
            "<tr><th scope=\"row\"><code>{}</code></th><td>{}</td><td>{}</td></tr>",
            Escaped(&rule.rule),
            rule.gained,
            rule.lost
        );
    }
    body.push_str("</tbody></table></div>");
    if rules.len() > RULES_SHOWN_MAX {
        put!(body, "<p class=\"quiet\">And {} more.</p>", rules.len() - RULES_SHOWN_MAX);
    }
}
