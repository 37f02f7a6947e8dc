//! How well and how fast a scorer judges labelled mail, and floors that its figures may not miss.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use crate::corpus::{self, Labelled};
use crate::measure;

/// Points from which on a message is spam.
pub const SPAM_POINTS: f64 = 5.0;

/// The share of ham that may lie above the threshold at which caught spam is counted.
const CAUGHT_AT: f64 = 0.01;

/// Bounds of the rows of a reliability table. The last one is beyond 1, so that certainty has a row.
const PROBABILITIES: [f64; 9] = [0.0, 0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99, 1.01];

/// What a scorer said of a message of which somebody said what it is.
#[derive(Clone, Debug)]
pub struct Judged {
    /// Its points; [`SPAM_POINTS`] and more is spam.
    pub points: f64,
    /// How likely it called it spam, 0 to 1, if it said so.
    pub probability: Option<f64>,
    /// What it is.
    pub is_spam: bool,
    /// The part of the collection that it belongs to.
    pub slice: String,
}

/// What is wanted of an evaluation.
#[derive(Debug, Default, PartialEq)]
pub struct Options {
    /// Directories of labelled mail, as [`corpus::read`] takes them.
    pub mail: Vec<String>,
    /// What may not be missed.
    pub floors: Floors,
    /// For programs rather than people.
    pub as_json: bool,
}

/// What may not be missed. `None` is no floor.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Floors {
    /// The least AUC.
    pub auc_min: Option<f64>,
    /// The least F1 at [`SPAM_POINTS`].
    pub f1_min: Option<f64>,
    /// The least share of spam that is caught at 1 % false alarms, in percent.
    pub caught_min: Option<f64>,
    /// The greatest share of ham at [`SPAM_POINTS`] and more, in percent.
    pub false_alarms_max: Option<f64>,
    /// The same for each slice of ham.
    pub slice_false_alarms_max: Option<f64>,
    /// The fewest messages per second of CPU time.
    pub rate_min: Option<f64>,
}

/// How well a scorer judges.
#[derive(Debug)]
pub struct Figures {
    /// Messages that were judged.
    pub messages: usize,
    /// The probability that spam has more points than ham.
    pub auc: f64,
    /// At [`SPAM_POINTS`].
    pub f1: f64,
    /// The share of spam, 0 to 1, above the points that 1 % of ham exceeds.
    pub caught: f64,
    /// The share of ham, 0 to 1, at [`SPAM_POINTS`] and more.
    pub false_alarms: f64,
    /// By name, and ham before spam.
    pub slices: Vec<Slice>,
    /// What probabilities turned out to mean. Empty when none were told.
    pub reliability: Vec<Said>,
}

/// A part of the collection.
#[derive(Debug)]
pub struct Slice {
    /// As in `labels.tsv`.
    pub name: String,
    /// What its messages are.
    pub is_spam: bool,
    /// How many they are.
    pub messages: usize,
    /// How many have [`SPAM_POINTS`] and more.
    pub reached: usize,
}

/// Messages of which a scorer said about the same.
#[derive(Debug)]
pub struct Said {
    /// The probability from which on, 0 to 1.
    pub from: f64,
    /// The probability below which.
    pub below: f64,
    /// How many.
    pub messages: usize,
    /// How many of them were spam.
    pub spam: usize,
}

/// How long messages took, in microseconds.
#[derive(Debug)]
pub struct Times {
    /// Half took no longer.
    pub median_us: f64,
    /// 99 of 100 took no longer.
    pub p99_us: f64,
    /// Messages in a second.
    pub rate: f64,
}

impl Options {
    /// Reads arguments: directories and options.
    ///
    /// # Errors
    /// A sentence about what is no option, no number, or missing.
    pub fn read(mut arguments: impl Iterator<Item = String>) -> Result<Options, String> {
        let mut options = Options::default();
        while let Some(argument) = arguments.next() {
            let floors = &mut options.floors;
            let floor = match argument.as_str() {
                "--json" => {
                    options.as_json = true;
                    continue;
                }
                "--auc-min" => &mut floors.auc_min,
                "--f1-min" => &mut floors.f1_min,
                "--caught-min" => &mut floors.caught_min,
                "--false-alarms-max" => &mut floors.false_alarms_max,
                "--slice-false-alarms-max" => &mut floors.slice_false_alarms_max,
                "--rate-min" => &mut floors.rate_min,
                other if other.starts_with('-') => return Err(format!("there is no option {other}; see --help")),
                _ => {
                    options.mail.push(argument);
                    continue;
                }
            };
            let value = arguments.next().ok_or_else(|| format!("{argument} needs a number; see --help"))?;
            let number = value.parse().ok().filter(|number: &f64| number.is_finite());
            *floor = Some(number.ok_or_else(|| format!("{argument} is {value:?}, not a number"))?);
        }
        if options.mail.is_empty() {
            return Err("say in which directory the labelled mail is; see --help".into());
        }
        Ok(options)
    }

    /// Reads the mail.
    ///
    /// # Errors
    /// What was wrong with it.
    pub fn collect(&self) -> Result<Vec<Labelled>, String> {
        let mut mail = Vec::new();
        for directory in &self.mail {
            mail.extend(corpus::read(Path::new(directory))?);
        }
        Ok(mail)
    }
}

impl Judged {
    /// What the scorer says when it is called natively.
    ///
    /// # Errors
    /// Its own, for a message that it does not judge.
    pub fn natively(one: &Labelled) -> Result<Judged, String> {
        let verdict = pillarbox_scorer::score(&one.message, &[])?;
        Ok(Judged::of(one, verdict.spam_score, &verdict.attributes))
    }

    /// What a scorer said: its points, and the attributes of its verdict.
    pub fn of(one: &Labelled, points: f64, attributes: &[(String, String)]) -> Judged {
        let probability = attributes.iter().find(|(name, _)| name == "probability");
        let probability = probability.and_then(|(_, value)| value.parse().ok());
        Judged { points, probability, is_spam: one.is_spam, slice: one.slice.clone() }
    }
}

impl Figures {
    /// The figures of what was judged.
    pub fn of(judged: &[Judged]) -> Figures {
        let scores: Vec<(f64, bool)> = judged.iter().map(|one| (one.points, one.is_spam)).collect();
        let [_, (wrong, ham)] = measure::reaching(&scores, SPAM_POINTS);
        let mut slices: BTreeMap<(&str, bool), (usize, usize)> = BTreeMap::new();
        for one in judged {
            let slice = slices.entry((&one.slice, one.is_spam)).or_default();
            slice.0 += 1;
            slice.1 += usize::from(one.points >= SPAM_POINTS);
        }
        let slice = |((name, is_spam), (messages, reached)): ((&str, bool), (usize, usize))| Slice {
            name: name.to_owned(),
            is_spam,
            messages,
            reached,
        };
        Figures {
            messages: judged.len(),
            auc: measure::auc(&scores),
            f1: measure::f1(&scores, SPAM_POINTS),
            caught: measure::caught_at(&scores, CAUGHT_AT).1,
            false_alarms: share(wrong, ham),
            slices: slices.into_iter().map(slice).collect(),
            reliability: reliability(judged),
        }
    }
}

fn reliability(judged: &[Judged]) -> Vec<Said> {
    let told: Vec<(f64, bool)> =
        judged.iter().filter_map(|one| one.probability.map(|said| (said, one.is_spam))).collect();
    let row = |bounds: &[f64]| {
        let inside = told.iter().filter(|(said, _)| (bounds[0]..bounds[1]).contains(said));
        let spam = inside.clone().filter(|(_, is_spam)| *is_spam).count();
        Said { from: bounds[0], below: bounds[1].min(1.0), messages: inside.count(), spam }
    };
    if told.is_empty() { Vec::new() } else { PROBABILITIES.windows(2).map(row).collect() }
}

fn share(some: usize, all: usize) -> f64 {
    if all == 0 { 0.0 } else { some as f64 / all as f64 }
}

impl fmt::Display for Figures {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            to,
            "{} messages: AUC {:.4}, F1 at 5.0 points {:.4}, {:.1} % of spam caught at 1 % false alarms, {:.2} % of ham at \
             5.0 points and more.\n",
            self.messages,
            self.auc,
            self.f1,
            100.0 * self.caught,
            100.0 * self.false_alarms
        )?;
        writeln!(to, "| slice | | messages | at 5.0 points and more |\n| --- | --- | --- | --- |")?;
        for slice in &self.slices {
            let kind = if slice.is_spam { "spam" } else { "ham" };
            let reached = 100.0 * share(slice.reached, slice.messages);
            writeln!(to, "| {} | {kind} | {} | {reached:.1} % |", slice.name, slice.messages)?;
        }
        if !self.reliability.is_empty() {
            writeln!(to, "\n| it says | messages | were spam |\n| --- | --- | --- |")?;
        }
        for said in &self.reliability {
            let (from, below, spam) = (100.0 * said.from, 100.0 * said.below, 100.0 * share(said.spam, said.messages));
            writeln!(to, "| {from:.0} to {below:.0} % | {} | {spam:.1} % |", said.messages)?;
        }
        Ok(())
    }
}

impl Times {
    /// Of what each message took.
    ///
    /// # Panics
    /// When there are none.
    pub fn of(mut micros: Vec<f64>) -> Times {
        micros.sort_by(f64::total_cmp);
        let sum: f64 = micros.iter().sum();
        Times {
            median_us: micros[micros.len() / 2],
            p99_us: micros[micros.len() * 99 / 100],
            rate: micros.len() as f64 * 1e6 / sum,
        }
    }
}

impl fmt::Display for Times {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Times { median_us, p99_us, rate } = self;
        write!(to, "{rate:.0} messages a second, median {median_us:.0} µs, 99 of 100 within {p99_us:.0} µs")
    }
}

impl Floors {
    /// A sentence for each floor that is missed. A figure that cannot be told, for example without any spam, misses.
    pub fn missed(&self, figures: &Figures, times: &Times) -> Vec<String> {
        let mut missed = Vec::new();
        let mut at_least = |what: &str, value: f64, least: Option<f64>| {
            if let Some(least) = least.filter(|least| value.is_nan() || value < *least) {
                missed.push(format!("{what} is {value:.4}; it shall be at least {least}"));
            }
        };
        at_least("the AUC", figures.auc, self.auc_min);
        at_least("F1 at 5.0 points", figures.f1, self.f1_min);
        at_least("the percentage of spam caught at 1 % false alarms", 100.0 * figures.caught, self.caught_min);
        at_least("the rate in messages a second", times.rate, self.rate_min);
        let mut at_most = |what: &str, percent: f64, most: Option<f64>| {
            if let Some(most) = most.filter(|most| percent > *most) {
                missed.push(format!("{percent:.2} % of {what} has 5.0 points and more; at most {most} % may"));
            }
        };
        at_most("ham", 100.0 * figures.false_alarms, self.false_alarms_max);
        for slice in figures.slices.iter().filter(|slice| !slice.is_spam) {
            at_most(&slice.name, 100.0 * share(slice.reached, slice.messages), self.slice_false_alarms_max);
        }
        missed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(points: f64, probability: f64, is_spam: bool, slice: &str) -> Judged {
        Judged { points, probability: Some(probability), is_spam, slice: slice.to_owned() }
    }

    fn four() -> Vec<Judged> {
        vec![
            judged(9.0, 1.0, true, "scams"),
            judged(2.0, 0.2, true, "scams"),
            judged(5.0, 0.6, false, "news"),
            judged(-3.0, 0.0, false, "notes"),
        ]
    }

    fn times() -> Times {
        Times::of(vec![100.0, 300.0, 200.0, 400.0])
    }

    #[test]
    fn the_figures_name_slices_and_what_probabilities_meant() {
        let figures = Figures::of(&four());
        assert_eq!((figures.messages, figures.auc, figures.f1), (4, 0.75, 0.5));
        assert_eq!((figures.caught, figures.false_alarms), (0.5, 0.5));
        let slices: Vec<_> = figures.slices.iter().map(|one| (one.name.as_str(), one.messages, one.reached)).collect();
        assert_eq!(slices, [("news", 1, 1), ("notes", 1, 0), ("scams", 2, 1)]);
        let said: Vec<_> = figures.reliability.iter().map(|said| (said.messages, said.spam)).collect();
        assert_eq!(said, [(1, 0), (0, 0), (1, 1), (0, 0), (1, 0), (0, 0), (0, 0), (1, 1)]);
        let text = figures.to_string();
        assert!(text.contains("| news | ham | 1 | 100.0 % |\n") && text.contains("| 99 to 100 % | 1 | 100.0 % |\n"));
        let times = times();
        assert_eq!((times.median_us, times.p99_us, times.rate), (300.0, 400.0, 4000.0));
    }

    #[test]
    fn each_floor_holds_at_its_number_and_is_missed_beyond() {
        #[track_caller]
        fn check(at: Floors, beyond: Floors, told: &str) {
            let figures = Figures::of(&four());
            assert_eq!(at.missed(&figures, &times()), Vec::<String>::new());
            assert_eq!(beyond.missed(&figures, &times()).first().map(String::as_str), Some(told));
        }
        let none = Floors::default;
        check(
            Floors { auc_min: Some(0.75), ..none() },
            Floors { auc_min: Some(0.76), ..none() },
            "the AUC is 0.7500; it shall be at least 0.76",
        );
        check(
            Floors { f1_min: Some(0.5), ..none() },
            Floors { f1_min: Some(0.51), ..none() },
            "F1 at 5.0 points is 0.5000; it shall be at least 0.51",
        );
        check(
            Floors { caught_min: Some(50.0), ..none() },
            Floors { caught_min: Some(51.0), ..none() },
            "the percentage of spam caught at 1 % false alarms is 50.0000; it shall be at least 51",
        );
        check(
            Floors { rate_min: Some(4000.0), ..none() },
            Floors { rate_min: Some(4001.0), ..none() },
            "the rate in messages a second is 4000.0000; it shall be at least 4001",
        );
        check(
            Floors { false_alarms_max: Some(50.0), ..none() },
            Floors { false_alarms_max: Some(49.0), ..none() },
            "50.00 % of ham has 5.0 points and more; at most 49 % may",
        );
        check(
            Floors { slice_false_alarms_max: Some(100.0), ..none() },
            Floors { slice_false_alarms_max: Some(99.0), ..none() },
            "100.00 % of news has 5.0 points and more; at most 99 % may",
        );
        let ham_alone = Figures::of(&four()[2..]);
        assert_eq!(Floors { auc_min: Some(0.1), ..none() }.missed(&ham_alone, &times()).len(), 1);
    }

    #[test]
    fn arguments_are_directories_floors_and_nothing_else() {
        let read = |line: &str| Options::read(line.split_whitespace().map(str::to_owned));
        let options = read("a --auc-min 0.9 b --json").expect("they are fine");
        assert_eq!((options.mail, options.as_json), (vec!["a".to_owned(), "b".to_owned()], true));
        assert_eq!(options.floors, Floors { auc_min: Some(0.9), ..Floors::default() });
        for (line, told) in [
            ("a --fast", "there is no option --fast; see --help"),
            ("a --f1-min", "--f1-min needs a number; see --help"),
            ("a --f1-min NaN", "--f1-min is \"NaN\", not a number"),
            ("--json", "say in which directory the labelled mail is; see --help"),
        ] {
            assert_eq!(read(line), Err(told.to_owned()));
        }
    }
}
