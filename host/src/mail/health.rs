//! How well an account's mail is received: a score, what hurts it, and when an account has to stop.
//!
//! The score is a weighted mean of four marks from 0 to 1, times 100:
//!
//! | mark | weight | 1 at | 0 at |
//! | --- | --- | --- | --- |
//! | delivery: delivered of sent | 30 | 99 % and more | 80 % and less |
//! | bounces: bounced of sent | 30 | none; 0.9 at 2 %, 0.6 at 5 % | 10 % and more |
//! | complaints: complained of delivered | 30 | none; 0.9 at 0.1 %, 0.5 at 0.5 % | 1 % and more |
//! | engagement: half opened, half clicked of delivered | 10 | 25 % and 2.5 % | none |
//!
//! Where nothing was ever opened or clicked nobody can know whether anybody reads, so engagement is left out of the mean.

use serde::Serialize;

/// Bounces of sent, in percent, over which sending is paused, and under which a pause ends by itself.
pub const BOUNCE_STOP: f64 = 10.0;
/// Where a pause for bounces ends.
pub const BOUNCE_RESUME: f64 = 5.0;
/// Complaints of delivered, in percent, over which an account is suspended. An operator ends that.
pub const COMPLAINT_STOP: f64 = 1.0;
/// Copies that must have been sent, or delivered, before a rate says anything.
pub const VOLUME_MIN: i64 = 200;

/// What was counted.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Received {
    /// Copies that were accepted.
    pub sent: i64,
    /// Copies that recipients' servers took.
    pub delivered: i64,
    /// Copies that came back.
    pub bounced: i64,
    /// Copies that were complained about.
    pub complained: i64,
    /// Emails that were opened.
    pub opened: i64,
    /// Emails that were clicked.
    pub clicked: i64,
}

/// The judgement. Rates are percentages with at most two decimals.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Health {
    /// From 0 to 100.
    pub overall_score: f64,
    /// Delivered of sent.
    pub delivery_rate: f64,
    /// Opened of delivered.
    pub open_rate: f64,
    /// Clicked of delivered.
    pub click_rate: f64,
    /// Bounced of sent.
    pub bounce_rate: f64,
    /// Complained of delivered.
    pub complaint_rate: f64,
    /// `A+`, `A`, `B+`, `B`, `C+`, `C`, `D` or `F`.
    pub reputation_grade: &'static str,
    /// `excellent`, `good`, `fair`, `poor` or `critical`.
    pub status: &'static str,
    /// In a sentence.
    pub summary: String,
    /// What to do, the most urgent first; each names the number that hurts.
    pub recommendations: Vec<String>,
}

/// Why an account has to stop.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum StopCause {
    /// Too much of its mail bounces.
    Bounces,
    /// Too many complain.
    Complaints,
}

impl StopCause {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bounces => "bounces",
            Self::Complaints => "complaints",
        }
    }

    /// Whether these numbers are too many.
    pub fn is_reached(self, received: &Received) -> bool {
        let (whole, part, limit) = self.measure(received);
        whole >= VOLUME_MIN && percent(part, whole) > limit
    }

    /// Whether a stop for it ends by itself. One for complaints is an operator's to end.
    pub fn is_over(self, received: &Received) -> bool {
        self == Self::Bounces && received.sent > 0 && percent(received.bounced, received.sent) < BOUNCE_RESUME
    }

    /// Of what, how much, and the limit in percent.
    pub fn measure(self, received: &Received) -> (i64, i64, f64) {
        match self {
            Self::Bounces => (received.sent, received.bounced, BOUNCE_STOP),
            Self::Complaints => (received.delivered, received.complained, COMPLAINT_STOP),
        }
    }
}

/// Judges what was counted. `None` when nothing was sent.
pub fn judge(received: &Received) -> Option<Health> {
    let Received { sent, delivered, bounced, complained, opened, clicked } = *received;
    if sent <= 0 {
        return None;
    }
    let (delivery_rate, bounce_rate) = (percent(delivered, sent), percent(bounced, sent));
    let complaint_rate = percent(complained, delivered);
    let (open_rate, click_rate) = (percent(opened, delivered), percent(clicked, delivered));
    let is_read = opened > 0 || clicked > 0;
    let engagement =
        f64::midpoint(mark(open_rate, &[(0.0, 0.0), (25.0, 1.0)]), mark(click_rate, &[(0.0, 0.0), (2.5, 1.0)]));
    let marks = [
        (30.0, mark(delivery_rate, &[(80.0, 0.0), (99.0, 1.0)])),
        (30.0, mark(bounce_rate, &[(0.0, 1.0), (2.0, 0.9), (5.0, 0.6), (10.0, 0.0)])),
        (30.0, mark(complaint_rate, &[(0.0, 1.0), (0.1, 0.9), (0.5, 0.5), (1.0, 0.0)])),
        (if is_read { 10.0 } else { 0.0 }, engagement),
    ];
    let weights: f64 = marks.iter().map(|(weight, _)| weight).sum();
    let overall_score = round(marks.iter().map(|(weight, mark)| weight * mark).sum::<f64>() / weights * 100.0);
    let (reputation_grade, word) = grade(overall_score);
    let recommendations = recommendations(received, [delivery_rate, bounce_rate, complaint_rate, open_rate], is_read);
    Some(Health {
        overall_score,
        delivery_rate,
        open_rate,
        click_rate,
        bounce_rate,
        complaint_rate,
        reputation_grade,
        status: status(overall_score),
        summary: format!(
            "{word}: of {sent} emails {delivery_rate} % were delivered, {bounce_rate} % bounced, and {complaint_rate} % of \
             the delivered were reported as unwanted."
        ),
        recommendations,
    })
}

fn grade(score: f64) -> (&'static str, &'static str) {
    let grades = [
        (95.0, "A+", "Outstanding"),
        (90.0, "A", "Excellent"),
        (85.0, "B+", "Good"),
        (80.0, "B", "Above average"),
        (75.0, "C+", "Fair"),
        (70.0, "C", "Below average"),
        (60.0, "D", "Poor"),
    ];
    let found = grades.iter().find(|(least, ..)| score >= *least);
    found.map_or(("F", "Critical"), |(_, grade, word)| (grade, word))
}

fn status(score: f64) -> &'static str {
    match score {
        90.0.. => "excellent",
        80.0.. => "good",
        70.0.. => "fair",
        60.0.. => "poor",
        _ => "critical",
    }
}

fn recommendations(received: &Received, rates: [f64; 4], is_read: bool) -> Vec<String> {
    let [delivery_rate, bounce_rate, complaint_rate, open_rate] = rates;
    let mut found = Vec::new();
    if complaint_rate >= 0.1 {
        found.push(format!(
            "{complaint_rate} % of your delivered emails were reported as unwanted ({} of {}); under 0.1 % is good, and over \
             {COMPLAINT_STOP} % the account is suspended. Write only to people who asked for it, and make it easy to \
             unsubscribe.",
            received.complained, received.delivered
        ));
    }
    if bounce_rate >= 2.0 {
        found.push(format!(
            "{bounce_rate} % of your emails bounced ({} of {}); under 2 % is good, and over {BOUNCE_STOP} % sending is \
             paused. Check addresses when people enter them, and drop lists that are old.",
            received.bounced, received.sent
        ));
    }
    if delivery_rate < 95.0 {
        found.push(format!(
            "Only {delivery_rate} % of your emails were delivered ({} of {}); 98 % is good. The events of type bounced and \
             deferred say what the mail servers answered.",
            received.delivered, received.sent
        ));
    }
    if is_read && open_rate < 15.0 {
        found.push(format!(
            "{open_rate} % of your delivered emails were opened; 25 % is good. Send less often to those who never open."
        ));
    }
    found
}

/// A mark between the points of a line, in the order of their rates.
fn mark(rate: f64, line: &[(f64, f64)]) -> f64 {
    let (first, last) = (line[0], line[line.len() - 1]);
    if rate <= first.0 {
        return first.1;
    }
    let piece = line.windows(2).find(|piece| rate < piece[1].0);
    piece.map_or(last.1, |piece| {
        let [(from, low), (to, high)] = [piece[0], piece[1]];
        low + (high - low) * (rate - from) / (to - from)
    })
}

/// A share in percent with two decimals.
#[expect(clippy::cast_precision_loss, reason = "counts of emails are far below 2^53")]
pub fn percent(part: i64, whole: i64) -> f64 {
    if whole <= 0 { 0.0 } else { round(part as f64 / whole as f64 * 100.0) }
}

fn round(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn received(delivered: i64, bounced: i64, complained: i64) -> Received {
        Received { sent: 1_000, delivered, bounced, complained, ..Received::default() }
    }

    #[track_caller]
    fn is(received: Received, score: f64, grade: &str, status: &str) {
        let health = judge(&received).expect("something was sent");
        assert_eq!((health.overall_score, health.reputation_grade, health.status), (score, grade, status));
    }

    #[test]
    fn the_score_is_the_weighted_mean_of_the_marks() {
        is(received(1_000, 0, 0), 100.0, "A+", "excellent");
        // 0.9 for bounces, and 18 of 19 hundredths between 80 and 99 for deliveries.
        is(received(980, 20, 0), 94.91, "A", "excellent");
        is(received(900, 100, 9), 17.54, "F", "critical");
        let read = Received { opened: 125, clicked: 25, ..received(1_000, 0, 0) };
        is(read, 97.5, "A+", "excellent");
        assert_eq!(judge(&Received::default()), None);
    }

    #[test]
    fn each_grade_begins_where_it_is_documented() {
        for (score, expected) in [
            (95.0, "A+"),
            (94.99, "A"),
            (90.0, "A"),
            (85.0, "B+"),
            (80.0, "B"),
            (75.0, "C+"),
            (70.0, "C"),
            (60.0, "D"),
            (59.99, "F"),
        ] {
            assert_eq!(grade(score).0, expected, "{score}");
        }
    }

    #[test]
    fn a_recommendation_names_the_number_that_hurts() {
        let health = judge(&received(930, 70, 5)).expect("something was sent");
        let [complaints, bounces, delivery] = &health.recommendations[..] else { panic!("{health:?}") };
        assert!(complaints.contains("0.54 %") && complaints.contains("5 of 930"), "{complaints}");
        assert!(bounces.contains("7 %") && bounces.contains("70 of 1000"), "{bounces}");
        assert!(delivery.contains("93 %"), "{delivery}");
        assert_eq!(judge(&received(1_000, 0, 0)).expect("something was sent").recommendations, [""; 0]);
    }

    #[test]
    fn a_stop_needs_more_than_the_limit_and_enough_mail() {
        let of =
            |sent, bounced| Received { sent, delivered: sent, bounced, complained: bounced, ..Received::default() };
        for (cause, received, expected) in [
            (StopCause::Bounces, of(VOLUME_MIN, 20), false),
            (StopCause::Bounces, of(VOLUME_MIN, 21), true),
            (StopCause::Bounces, of(VOLUME_MIN - 1, 100), false),
            (StopCause::Complaints, of(VOLUME_MIN, 2), false),
            (StopCause::Complaints, of(VOLUME_MIN, 3), true),
            (StopCause::Complaints, of(VOLUME_MIN - 1, 3), false),
        ] {
            assert_eq!(cause.is_reached(&received), expected, "{cause:?} {received:?}");
        }
        assert!(!StopCause::Bounces.is_over(&of(1_000, 50)), "5 % is not yet enough to go on");
        assert!(StopCause::Bounces.is_over(&of(1_000, 49)));
        assert!(!StopCause::Complaints.is_over(&of(1_000, 0)), "an operator ends it");
    }
}
