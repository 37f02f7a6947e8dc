//! Trains the model of the built-in scorer, and says how good it is on mail that it did not see.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "counts of messages and features are far below 2^31, and figures are rounded for people"
)]

mod learn;
mod report;
mod units;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use pillarbox_scorer_train::{corpus, dress, evaluate, made_up, measure, regression};

use corpus::Labelled;
use learn::Example;
use regression::{Random, Recipe};

const USAGE: &str = "\
Trains the model of the scorer on labelled mail.

    pillarbox-scorer-train evaluate MAIL... [--auc-min NUMBER] [--f1-min NUMBER] [--caught-min PERCENT]
                                    [--false-alarms-max PERCENT] [--slice-false-alarms-max PERCENT] [--rate-min NUMBER]

judges labelled mail by the scorer as it is, natively, prints figures and the time per message, and ends with 1 when
they miss a floor. Mail that the weights were learned from is judged too well. The bench `scoring_eval` does the same
with the component in the sandbox.

    pillarbox-scorer-train MAIL... [--made-up COUNT] [--output FILE] [--card FILE] [--scores FILE]
    pillarbox-scorer-train MAIL... [--made-up COUNT] --judge OTHER

  MAIL             a directory with labels.tsv (id, label, slice, source; tab-separated) beside eml/, or with ham/ and spam/
  --made-up COUNT  honest messages in many languages to make up and learn from as well, and half as many deceitful
                   ones (default 9000)
  --output FILE    where the weights go, for example plugins/scorer/src/model/weights.bin; without it, only figures
  --card FILE      where the model card goes: what was learned from, and the figures on mail that was left out
  --scores FILE    where the points of each message go that it had when it was left out by chance
  --judge OTHER    judges the labelled mail in the directory OTHER, which has no part in MAIL, by what is learned from MAIL
                   alone, and prints the points of each message in the order of its labels.tsv; nothing else

It first leaves out parts of the mail, one after the other, and prints how the model judges them; then it learns from
all of it. The same mail gives the same weights. Build the plugin afterwards: plugins/build.sh.";

/// Of the collected messages, so many in a hundred are put into other pages as well.
const DRESSED_PERCENT: usize = 20;

/// How much messages count, beside 1 for what was collected: spam and ham that was put into another page, made-up honest
/// mail, made-up deceit, and what was collected of how mail is built today: whole templates and newsletters, of which
/// there is little, and pages of packages, which are many and short.
const DRESSED_SPAM_SHARE: f32 = 1.0;
const DRESSED_HAM_SHARE: f32 = 0.5;
const HONEST_SHARE: f32 = 1.0;
const DECEIT_SHARE: f32 = 0.5;
const TEMPLATE_SHARE: f32 = 6.0;
const PAGE_SHARE: f32 = 1.5;

/// Made-up honest messages for each deceitful one.
const HONEST_PER_DECEIT: usize = 2;

/// Parts into which the mail is divided to leave each out once.
const FOLDS: usize = 4;

/// How the shipped weights are trained. It was chosen by what it does with sources that were left out.
const RECIPE: Recipe = Recipe {
    passes: 8,
    step: 4.0,
    pull: 3e-6,
    strengths: [0.7, 0.7, 0.7, 0.7, 0.6, 0.6, 0.6, 0.3],
    trusted: [0.7, 1.2, 0.7, 0.6, 0.6, 1.45, 1.05, 0.28],
    overlooked: 0.2,
    odds_per_point: 0.5,
};

struct Options {
    mail: Vec<PathBuf>,
    made_up: usize,
    output: Option<PathBuf>,
    card: Option<PathBuf>,
    scores: Option<PathBuf>,
    judge: Option<PathBuf>,
}

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1).peekable();
    let result =
        if arguments.next_if(|first| first == "evaluate").is_some() { judge(arguments) } else { train(arguments) };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("pillarbox-scorer-train: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The command `evaluate`.
fn judge(arguments: impl Iterator<Item = String>) -> Result<(), String> {
    let options = evaluate::Options::read(arguments)?;
    let (mut judged, mut micros) = (Vec::new(), Vec::new());
    for one in &options.collect()? {
        let start = Instant::now();
        judged.push(evaluate::Judged::natively(one)?);
        micros.push(start.elapsed().as_secs_f64() * 1e6);
    }
    let (figures, times) = (evaluate::Figures::of(&judged), evaluate::Times::of(micros));
    println!("{figures}\n{times}");
    let missed = options.floors.missed(&figures, &times);
    if missed.is_empty() { Ok(()) } else { Err(missed.join("; ")) }
}

fn train(arguments: impl Iterator<Item = String>) -> Result<(), String> {
    options(arguments)?.map_or(Ok(()), |options| run(&options))
}

/// What the arguments ask for; `None` when they asked for help, which was given.
fn options(mut arguments: impl Iterator<Item = String>) -> Result<Option<Options>, String> {
    let mut options = Options { mail: Vec::new(), made_up: 9000, output: None, card: None, scores: None, judge: None };
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or_else(|| format!("{argument} needs a value; see --help"));
        match argument.as_str() {
            "--help" | "-h" => {
                println!("{USAGE}");
                return Ok(None);
            }
            "--made-up" => {
                let count = value()?;
                options.made_up = count.parse().map_err(|_| format!("--made-up is {count:?}, not a number"))?;
            }
            "--output" => options.output = Some(value()?.into()),
            "--scores" => options.scores = Some(value()?.into()),
            "--judge" => options.judge = Some(value()?.into()),
            "--card" => options.card = Some(value()?.into()),
            other if other.starts_with('-') => return Err(format!("there is no option {other}; see --help")),
            directory => options.mail.push(directory.into()),
        }
    }
    if options.mail.is_empty() {
        return Err("say in which directory the labelled mail is; see --help".into());
    }
    Ok(Some(options))
}

fn run(options: &Options) -> Result<(), String> {
    let mut collected = Vec::new();
    for directory in &options.mail {
        let mail = corpus::read(directory)?;
        eprintln!("{} messages in {}", mail.len(), directory.display());
        collected.extend(mail);
    }
    let examples = examples(&collected, options.made_up);
    drop(collected);
    eprintln!("{} messages with those made up and those put into other pages", examples.len());
    let folds = report::folds(&examples, FOLDS, &RECIPE);
    if let Some(other) = &options.judge {
        return judge_other(&examples, report::threshold(&folds, &[]), other);
    }
    let of_a_kind = report::units_of_a_kind(&examples, FOLDS, &RECIPE);
    let threshold = report::threshold(&folds, &of_a_kind);
    let shifted: Vec<_> = folds.iter().map(|one| one.moved(threshold, &RECIPE)).collect();
    let scores: Vec<(f64, bool)> = shifted.iter().map(|one| (one.points, one.is_spam)).collect();
    let probability = learn::probability(&scores);
    if let Some(output) = &options.output {
        let all: Vec<&Example> = examples.iter().collect();
        let weights = learn::calibrated(&learn::learn(&all, &RECIPE), threshold, probability);
        write(output, &weights)?;
    }
    if let Some(file) = &options.scores {
        write(file, report::scores(&shifted).as_bytes())?;
    }
    let alone = report::units_alone(&examples, FOLDS, &RECIPE);
    let text = report::text(&shifted, &of_a_kind, &alone, threshold, probability);
    println!("{text}");
    if let Some(card) = &options.card {
        write(card, report::card(&examples, options.made_up, &text).as_bytes())?;
    }
    Ok(())
}

/// Judges other mail by what is learned from the examples.
fn judge_other(examples: &[Example], threshold: f64, other: &Path) -> Result<(), String> {
    let all: Vec<&Example> = examples.iter().collect();
    let bytes = learn::learn(&all, &RECIPE);
    let weights = learn::read(&bytes);
    for (origin, one) in corpus::read(other)?.iter().enumerate() {
        let points =
            Example::of(one, origin, true, 1.0).points(&weights) - threshold / f64::from(RECIPE.odds_per_point);
        println!("{points:.2}");
    }
    Ok(())
}

fn write(file: &PathBuf, bytes: &[u8]) -> Result<(), String> {
    std::fs::write(file, bytes).map_err(|error| format!("{}: {error}", file.display()))
}

/// The collected messages, some of them in other pages too, and made-up ones.
fn examples(collected: &[Labelled], made_up: usize) -> Vec<Example> {
    let mut random = Random::of(3);
    let share = |one: &Labelled| match units::campaign(&one.slice) {
        Some("templates" | "newsletters of today") if !one.is_spam => TEMPLATE_SHARE,
        Some("pages of packages") if !one.is_spam => PAGE_SHARE,
        _ => 1.0,
    };
    let mut examples: Vec<Example> =
        collected.iter().enumerate().map(|(origin, one)| Example::of(one, origin, true, share(one))).collect();
    for (origin, one) in collected.iter().enumerate() {
        if random.chance(DRESSED_PERCENT)
            && let Some(message) = dress::dressed(&one.message, &mut random)
        {
            let dressed = Labelled { message, ..one.clone() };
            let share = if one.is_spam { DRESSED_SPAM_SHARE } else { DRESSED_HAM_SHARE };
            examples.push(Example::of(&dressed, origin, false, share));
        }
    }
    let honest = made_up::honest(made_up, 5).into_iter().map(|one| (false, one));
    let deceitful = made_up::deceitful(made_up / HONEST_PER_DECEIT, 6).into_iter().map(|one| (true, one));
    for (at, (is_spam, (slice, message))) in honest.chain(deceitful).enumerate() {
        let (source, share) = if is_spam { ("made-up deceit", DECEIT_SHARE) } else { ("made-up", HONEST_SHARE) };
        let made = Labelled { is_spam, slice, source: source.to_owned(), year: 0, message };
        examples.push(Example::of(&made, collected.len() + at, false, share));
    }
    examples
}
