//! Judges labelled mail by the scorer as it is, and says how well and how fast.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::corpus;
use crate::measure;
use crate::report::{self, Judged};

/// What may not be undercut.
#[derive(Default)]
struct Floors {
    auc_min: Option<f64>,
    false_alarms_max: Option<f64>,
}

/// The command `evaluate`.
///
/// # Errors
/// What was wrong with the arguments or the mail, or which floor was missed.
pub fn run(mut arguments: impl Iterator<Item = String>) -> Result<(), String> {
    let mut floors = Floors::default();
    let mut mail = Vec::new();
    while let Some(argument) = arguments.next() {
        let mut number = || {
            let value = arguments.next().ok_or_else(|| format!("{argument} needs a number; see --help"))?;
            value.parse().map(Some).map_err(|_| format!("{argument} is {value:?}, not a number"))
        };
        match argument.as_str() {
            "--auc-min" => floors.auc_min = number()?,
            "--false-alarms-max" => floors.false_alarms_max = number()?,
            other if other.starts_with('-') => return Err(format!("there is no option {other}; see --help")),
            directory => mail.extend(corpus::read(Path::new(directory))?),
        }
    }
    if mail.is_empty() {
        return Err("say in which directory the labelled mail is; see --help".into());
    }
    let mut judged = Vec::with_capacity(mail.len());
    let mut times = Vec::with_capacity(mail.len());
    for one in &mail {
        let start = Instant::now();
        let verdict = pillarbox_scorer::score(&one.message, &[])?;
        times.push(start.elapsed());
        judged.push(Judged {
            points: verdict.spam_score,
            is_spam: one.is_spam,
            slice: one.slice.clone(),
            unit: String::new(),
            subject: String::new(),
        });
    }
    let mut text = String::new();
    report::figures(&mut text, "As the scorer is", &judged);
    print!("{text}");
    times.sort_unstable();
    let total: Duration = times.iter().sum();
    println!(
        "{:.0} messages a second, median {:?}, 99 of 100 within {:?}",
        times.len() as f64 / total.as_secs_f64(),
        times[times.len() / 2],
        times[times.len() * 99 / 100]
    );
    floors.hold(&judged)
}

impl Floors {
    fn hold(&self, judged: &[Judged]) -> Result<(), String> {
        let scores: Vec<(f64, bool)> = judged.iter().map(|one| (one.points, one.is_spam)).collect();
        let auc = measure::auc(&scores);
        if let Some(least) = self.auc_min.filter(|least| auc.is_nan() || auc < *least) {
            return Err(format!("the AUC is {auc:.4}; it shall be at least {least}"));
        }
        let [_, (wrong, ham)] = measure::reaching(&scores, 5.0);
        let percent = 100.0 * wrong as f64 / ham.max(1) as f64;
        match self.false_alarms_max.filter(|most| percent > *most) {
            Some(most) => Err(format!("{percent:.2} % of ham has 5.0 points and more; at most {most} % may")),
            None => Ok(()),
        }
    }
}
