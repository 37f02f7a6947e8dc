//! How the model judges mail that was left out of its training, in words and tables.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::learn::{self, Example};
use crate::measure;
use crate::regression::Recipe;
use crate::units;

/// Of honest mail of any kind, the share that may reach 5.0 points when it was left out by chance.
const HAM_SHARE: f64 = 0.0039;

/// Of each kind of honest mail that looks like a campaign, the share that may reach 5.0 points when others of its kind were
/// seen, on average over the kinds: there are ten times as many pages of packages as all others together.
const CAMPAIGN_SHARE: f64 = 0.055;

/// Models that are learned at a time.
const AT_A_TIME: usize = 2;

/// What a message came to when the model had not seen it.
#[derive(Clone)]
pub struct Judged {
    pub points: f64,
    pub is_spam: bool,
    pub slice: String,
    pub unit: String,
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
    let parts = at_a_time(folds, |fold| {
        let judged = judge(examples, |one| part_of(one, folds) == Some(fold), recipe, |_| String::new());
        eprintln!("left out part {} of {folds}", fold + 1);
        judged
    });
    parts.into_iter().flatten().collect()
}

/// The part in which a collected message, and what was made of it, is left out.
fn part_of(example: &Example, parts: usize) -> Option<usize> {
    let is_made_up = example.source.starts_with("made-up");
    (!is_made_up).then(|| (example.origin.wrapping_mul(0x9e37_79b1) >> 8) % parts)
}

/// What is judged of sources that were left out, beside a part of all others that was left out by chance.
pub struct Unit {
    /// The messages of the sources.
    pub unseen: Vec<Judged>,
    /// Messages of other sources.
    pub seen: Vec<Judged>,
}

/// Leaves out what has others of its kind, and a part of the others.
pub fn units_of_a_kind(examples: &[Example], folds: usize, recipe: &Recipe) -> Vec<Unit> {
    let of_round = |one: &Example, round| units::of_a_kind(one).filter(|(at, _)| *at == round).map(|(_, name)| name);
    at_a_time(units::ROUNDS, |round| {
        let unit = unit(examples, folds, recipe, |one| of_round(one, round));
        eprintln!("left out sources that have others of their kind, round {} of {}", round + 1, units::ROUNDS);
        unit
    })
}

/// Leaves out each kind of sources once, and a part of the others.
pub fn units_alone(examples: &[Example], folds: usize, recipe: &Recipe) -> Vec<Unit> {
    let names: BTreeSet<&str> = examples.iter().filter(|one| one.is_real).map(units::alone).collect();
    let names: Vec<&str> = names.into_iter().collect();
    at_a_time(names.len(), |at| {
        let name = names[at];
        let unit = unit(examples, folds, recipe, |one| (units::alone(one) == name).then(|| name.to_owned()));
        eprintln!("left out {name}");
        unit
    })
}

/// Leaves out what has a name, and a part of the others.
fn unit(examples: &[Example], folds: usize, recipe: &Recipe, name: impl Fn(&Example) -> Option<String>) -> Unit {
    let is_out = |one: &Example| name(one).is_some() || part_of(one, folds) == Some(0);
    let judged = judge(examples, is_out, recipe, |one| name(one).unwrap_or_default());
    let (seen, unseen) = judged.into_iter().partition(|one| one.unit.is_empty());
    Unit { unseen, seen }
}

/// Does each of so many things, some at a time, and returns what came out in their order.
fn at_a_time<T: Send>(count: usize, one: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::new());
    let work = || {
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            if at >= count {
                break;
            }
            let made = one(at);
            done.lock().expect("nobody panicked with it").push((at, made));
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..AT_A_TIME {
            scope.spawn(work);
        }
    });
    let mut done = done.into_inner().expect("nobody panicked with it");
    done.sort_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, made)| made).collect()
}

fn judge(
    examples: &[Example],
    is_out: impl Fn(&Example) -> bool,
    recipe: &Recipe,
    unit: impl Fn(&Example) -> String,
) -> Vec<Judged> {
    let seen: Vec<&Example> = examples.iter().filter(|one| !is_out(one)).collect();
    let bytes = learn::learn(&seen, recipe);
    let weights = learn::read(&bytes);
    let of_one = |one: &Example| Judged {
        points: one.points(&weights),
        is_spam: one.is_spam,
        slice: one.slice.clone(),
        unit: unit(one),
        subject: one.subject.clone(),
    };
    examples.iter().filter(|one| one.is_real && is_out(one)).map(of_one).collect()
}

/// The odds at which spam begins, so that little honest mail reaches it, and little of what looks like a campaign.
pub fn threshold(folds: &[Judged], units: &[Unit]) -> f64 {
    let ham: Vec<(f64, bool)> = folds.iter().filter(|one| !one.is_spam).map(|one| (one.points, false)).collect();
    let mut campaigns: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for one in units.iter().flat_map(|unit| &unit.unseen).filter(|one| !one.is_spam) {
        if let Some(kind) = units::campaign(&one.slice) {
            campaigns.entry(kind).or_default().push(one.points);
        }
    }
    let (by_chance, _) = measure::caught_at(&ham, HAM_SHARE);
    let kinds: Vec<Vec<f64>> = campaigns.into_values().collect();
    (by_chance.max(beyond_share(&kinds, CAMPAIGN_SHARE)) - 5.0) * f64::from(crate::RECIPE.odds_per_point)
}

/// The least points beyond which lies at most `share` of several kinds of mail, each counting alike.
fn beyond_share(kinds: &[Vec<f64>], share: f64) -> f64 {
    let of =
        |kind: &Vec<f64>, least: f64| kind.iter().filter(|points| **points > least).count() as f64 / kind.len() as f64;
    let allowed = share * kinds.len() as f64;
    let mut all: Vec<f64> = kinds.iter().flatten().copied().collect();
    all.sort_by(f64::total_cmp);
    let enough = all.partition_point(|least| kinds.iter().map(|kind| of(kind, *least)).sum::<f64>() > allowed);
    all.get(enough).copied().unwrap_or(f64::NEG_INFINITY)
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
pub fn text(folds: &[Judged], of_a_kind: &[Unit], alone: &[Unit], threshold: f64, probability: [f64; 2]) -> String {
    let mut text = String::new();
    figures(&mut text, "Left out by chance", folds);
    sources(&mut text, "Left out while others of its kind were seen", of_a_kind, threshold);
    sources(&mut text, "Left out with all of its kind", alone, threshold);
    reliability(&mut text, folds, probability);
    text
}

/// A line for each slice of a source that was left out: how well it is told from what is of the other kind in the part
/// of the seen sources that was left out too.
fn sources(text: &mut String, what: &str, units: &[Unit], threshold: f64) {
    let mut table = String::from(
        "| source | slice | messages | AUC | beyond 1 % of seen ham | at 5.0 points and more |\n| --- | --- | --- | --- | --- | --- |\n",
    );
    let mut areas = Vec::new();
    for unit in units {
        let seen: Vec<(f64, bool)> = unit.seen.iter().map(|one| (one.points, one.is_spam)).collect();
        let (at_one_percent, _) = measure::caught_at(&seen, 0.01);
        let mut slices: BTreeMap<(&str, &str, bool), Vec<f64>> = BTreeMap::new();
        for one in &unit.unseen {
            let slice = match one.slice.split_once(' ') {
                Some((_, "page")) => "pages of packages",
                Some(_) => "texts of packages",
                None => &one.slice,
            };
            slices.entry((&one.unit, slice, one.is_spam)).or_default().push(one.points);
        }
        for ((name, slice, is_spam), points) in slices {
            let others = seen.iter().filter(|(_, other)| *other != is_spam).copied();
            let scores: Vec<(f64, bool)> = points.iter().map(|points| (*points, is_spam)).chain(others).collect();
            let area = measure::auc(&scores);
            areas.push(area);
            let share = |least: f64| {
                100.0 * points.iter().filter(|points| **points > least).count() as f64 / points.len() as f64
            };
            let spam_at = 5.0 + threshold / f64::from(crate::RECIPE.odds_per_point);
            let _ = writeln!(
                table,
                "| {name} | {slice} | {} | {area:.4} | {:.1} % | {:.1} % |",
                points.len(),
                share(at_one_percent),
                share(spam_at)
            );
        }
    }
    let mean = areas.iter().sum::<f64>() / areas.len().max(1) as f64;
    let _ = writeln!(text, "## {what}\n\nMean AUC of the slices: {mean:.4}.\n\n{table}");
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
    let dressed = examples.iter().filter(|one| !one.is_real && !one.source.starts_with("made-up")).count();
    let deceitful = examples.iter().filter(|one| one.source == "made-up deceit").count();
    let _ = writeln!(
        card,
        "| made up by `train` from `honest/` | {made_up} | 0 |\n| made up by `train` from `deceit/` | 0 | {deceitful} |\n\n\
         {dressed} of the collected messages were put into other pages as well.\n\n{figures}"
    );
    card.truncate(card.trim_end().len());
    card.push('\n');
    card
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_mail_counts_alike() {
        let many: Vec<f64> = (0..100).map(f64::from).collect();
        // One of two in the small kind is half of it, and half of both kinds is allowed together.
        assert!((beyond_share(&[many.clone(), vec![10.0, 90.0]], 0.25) - 90.0).abs() < 1e-9);
        assert!((beyond_share(std::slice::from_ref(&many), 0.1) - 89.0).abs() < 1e-9);
        assert!((beyond_share(&[many, vec![200.0]], 0.5) - 99.0).abs() < 1e-9);
        assert!(beyond_share(&[], 0.1).is_infinite());
    }

    #[test]
    fn what_is_done_at_a_time_comes_in_its_order() {
        assert_eq!(at_a_time(7, |at| at * at), [0, 1, 4, 9, 16, 25, 36]);
        assert!(at_a_time(0, |at| at).is_empty());
    }
}
