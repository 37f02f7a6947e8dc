//! How the model judges mail that was left out of its training, in words and tables.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use crate::learn::{self, Example};
use crate::measure;
use crate::regression::Recipe;

/// Of honest mail of any kind, the share that may reach 5.0 points.
const HAM_SHARE: f64 = 0.0042;

/// Of templates and newsletters, the share that may reach 5.0 points.
const MODERN_SHARE: f64 = 0.06;

/// Slices that are templates and newsletters.
const MODERN: [&str; 2] = ["ham_templates", "ham_synth_marketing"];

/// What a message came to when the model had not seen it.
#[derive(Clone)]
pub struct Judged {
    pub points: f64,
    pub is_spam: bool,
    pub slice: String,
    pub subject: String,
}

impl Judged {
    /// With spam beginning at `threshold` odds.
    pub fn moved(&self, threshold: f64, recipe: &Recipe) -> Judged {
        Judged { points: self.points - threshold / f64::from(recipe.odds_per_point), ..self.clone() }
    }
}

/// Leaves out each of so many parts once.
pub fn folds(examples: &[Example], folds: usize, recipe: &Recipe) -> Vec<Judged> {
    let fold_of = |example: &Example| (example.origin.wrapping_mul(0x9e37_79b1) >> 8) % folds;
    let mut judged = Vec::new();
    for fold in 0..folds {
        judged.extend(judge(examples, |one| fold_of(one) == fold && one.source != "made-up", recipe));
        eprintln!("left out part {} of {folds}", fold + 1);
    }
    judged
}

/// Leaves out each family of sources once.
pub fn families(examples: &[Example], recipe: &Recipe) -> Vec<Judged> {
    let families: BTreeSet<&str> = examples.iter().filter(|one| one.is_real).map(Example::family).collect();
    let mut judged = Vec::new();
    for family in families {
        judged.extend(judge(examples, |one| one.family() == family, recipe));
        eprintln!("left out {family}");
    }
    judged
}

fn judge(examples: &[Example], is_out: impl Fn(&Example) -> bool, recipe: &Recipe) -> Vec<Judged> {
    let seen: Vec<&Example> = examples.iter().filter(|one| !is_out(one)).collect();
    let bytes = learn::learn(&seen, recipe);
    let weights = learn::read(&bytes);
    let of_one = |one: &Example| Judged {
        points: one.points(&weights),
        is_spam: one.is_spam,
        slice: one.slice.clone(),
        subject: one.subject.clone(),
    };
    examples.iter().filter(|one| one.is_real && is_out(one)).map(of_one).collect()
}

/// The odds at which spam begins, so that little honest mail reaches it, and little of what looks like a campaign.
pub fn threshold(judged: &[Judged]) -> f64 {
    let at = |share: f64, counts: &dyn Fn(&Judged) -> bool| {
        let scores: Vec<(f64, bool)> =
            judged.iter().filter(|one| !one.is_spam && counts(one)).map(|one| (one.points, false)).collect();
        if scores.is_empty() { f64::NEG_INFINITY } else { measure::caught_at(&scores, share).0 }
    };
    let points = at(HAM_SHARE, &|_| true).max(at(MODERN_SHARE, &|one| MODERN.contains(&one.slice.as_str())));
    (points - 5.0) * f64::from(crate::RECIPE.odds_per_point)
}

/// A line for each message: points, label, slice and subject.
pub fn scores(judged: &[Judged]) -> String {
    let mut table = String::from("points\tlabel\tslice\tsubject\n");
    for one in judged {
        let subject: String = one.subject.chars().map(|c| if c.is_control() { ' ' } else { c }).take(80).collect();
        let _ = writeln!(table, "{:.2}\t{}\t{}\t{subject}", one.points, u8::from(one.is_spam), one.slice);
    }
    table
}

/// Figures on mail that was left out by chance and by source.
pub fn text(folds: &[Judged], unseen: &[Judged], probability: [f64; 2]) -> String {
    let mut text = String::new();
    for (what, judged) in [("Left out by chance", folds), ("Left out with its whole source", unseen)] {
        figures(&mut text, what, judged);
    }
    reliability(&mut text, folds, probability);
    text
}

/// Figures of what was judged, and a line for each slice.
pub fn figures(text: &mut String, what: &str, judged: &[Judged]) {
    let scores: Vec<(f64, bool)> = judged.iter().map(|one| (one.points, one.is_spam)).collect();
    let (_, caught) = measure::caught_at(&scores, 0.01);
    let _ = writeln!(
        text,
        "## {what}\n\n{} messages: AUC {:.4}, F1 at 5.0 points {:.4}, {:.1} % of spam caught at 1 % false alarms.\n",
        scores.len(),
        measure::auc(&scores),
        measure::f1(&scores, 5.0),
        100.0 * caught
    );
    text.push_str("| slice | messages | at 5.0 points and more |\n| --- | --- | --- |\n");
    let mut slices: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for one in judged {
        let slice = group(&one.slice);
        let entry = slices.entry(slice).or_default();
        entry.0 += 1;
        entry.1 += usize::from(one.points >= 5.0);
    }
    for (slice, (all, reached)) in slices {
        let _ = writeln!(text, "| {slice} | {all} | {:.1} % |", 100.0 * reached as f64 / all as f64);
    }
    text.push('\n');
}

/// Slices of packages are told apart by the script that they are written in.
fn group(slice: &str) -> String {
    let Some((_, language)) = slice.split_once(' ') else { return slice.to_owned() };
    let script = match language.get(..2).unwrap_or_default() {
        "pa" => "pages",
        "ru" | "uk" | "bg" | "sr" | "be" | "mk" => "Cyrillic",
        "zh" | "ja" | "ko" | "th" => "Chinese, Japanese, Korean, Thai",
        "ar" | "fa" | "he" => "Arabic, Hebrew, Persian",
        _ => "Latin and others",
    };
    format!("packages: {script}")
}

fn reliability(text: &mut String, judged: &[Judged], [slope, middle]: [f64; 2]) {
    text.push_str("## Probability\n\n| it says | messages | were spam |\n| --- | --- | --- |\n");
    let bounds = [0.0, 0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99, 1.01];
    for pair in bounds.windows(2) {
        let inside: Vec<&Judged> = judged
            .iter()
            .filter(|one| {
                let said = 1.0 / (1.0 + (-(slope * (one.points - 5.0) + middle)).exp());
                said >= pair[0] && said < pair[1]
            })
            .collect();
        let spam = inside.iter().filter(|one| one.is_spam).count();
        let share = if inside.is_empty() { 0.0 } else { 100.0 * spam as f64 / inside.len() as f64 };
        let _ = writeln!(
            text,
            "| {:.0} to {:.0} % | {} | {share:.1} % |",
            100.0 * pair[0],
            (100.0 * pair[1]).min(100.0),
            inside.len()
        );
    }
    text.push('\n');
}

/// The model card.
pub fn card(examples: &[Example], made_up: usize, figures: &str) -> String {
    let mut card = String::from(
        "# Model card of the built-in scorer\n\nWritten by `plugins/scorer/train`. The weights are a statistical summary: no message is in them.\n\n\
         ## Sources\n\n| source | ham | spam |\n| --- | --- | --- |\n",
    );
    let mut sources: BTreeMap<&str, [usize; 2]> = BTreeMap::new();
    for one in examples.iter().filter(|one| one.is_real) {
        sources.entry(&one.source).or_default()[usize::from(one.is_spam)] += 1;
    }
    for (source, [ham, spam]) in sources {
        let _ = writeln!(card, "| {source} | {ham} | {spam} |");
    }
    let dressed = examples.iter().filter(|one| !one.is_real && one.source != "made-up").count();
    let _ = writeln!(
        card,
        "| made up by `train` from `honest/` | {made_up} | 0 |\n\n{dressed} of the collected messages were put into other pages as well.\n\n{figures}"
    );
    card.truncate(card.trim_end().len());
    card.push('\n');
    card
}
