//! Figures about a scorer: how well its scores tell spam from ham.

/// A score, and whether the message is spam.
pub type Scored = (f64, bool);

/// The probability that a spam message scores higher than a ham message; ties count half. 1 is perfect, 0.5 is chance.
pub fn auc(scores: &[Scored]) -> f64 {
    let mut sorted = scores.to_vec();
    sorted.sort_by(|one, other| one.0.total_cmp(&other.0));
    let (mut ham, mut below) = (0.0, 0.0);
    for tied in sorted.chunk_by(|one, other| one.0.total_cmp(&other.0).is_eq()) {
        let spam_here = tied.iter().filter(|(_, is_spam)| *is_spam).count() as f64;
        let ham_here = tied.len() as f64 - spam_here;
        below += spam_here * (ham + ham_here / 2.0);
        ham += ham_here;
    }
    let spam = scores.len() as f64 - ham;
    below / (ham * spam)
}

/// The threshold above which lies at most `share` of the ham, and the share of spam above it.
pub fn caught_at(scores: &[Scored], share: f64) -> (f64, f64) {
    let mut ham: Vec<f64> = scores.iter().filter(|(_, is_spam)| !is_spam).map(|(score, _)| *score).collect();
    ham.sort_by(|one, other| other.total_cmp(one));
    let allowed = (ham.len() as f64 * share) as usize;
    let threshold = ham.get(allowed).copied().unwrap_or(f64::NEG_INFINITY);
    let spam = scores.iter().filter(|(_, is_spam)| *is_spam).count() as f64;
    let caught = scores.iter().filter(|(score, is_spam)| *is_spam && *score > threshold).count() as f64;
    (threshold, caught / spam)
}

/// How many messages reach a threshold, of how many: spam first, then ham.
pub fn reaching(scores: &[Scored], threshold: f64) -> [(usize, usize); 2] {
    [true, false].map(|kind| {
        let of_kind = scores.iter().filter(|(_, is_spam)| *is_spam == kind);
        (of_kind.clone().filter(|(score, _)| *score >= threshold).count(), of_kind.count())
    })
}

/// The harmonic mean of precision and recall at a threshold.
pub fn f1(scores: &[Scored], threshold: f64) -> f64 {
    let [(caught, spam), (wrong, _)] = reaching(scores, threshold);
    2.0 * caught as f64 / (spam + caught + wrong) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCORES: [Scored; 6] = [(9.0, true), (6.0, true), (6.0, false), (2.0, true), (1.0, false), (-3.0, false)];

    #[test]
    fn the_figures_are_those_counted_by_hand() {
        // Of nine pairs, spam scores higher in seven, and one is tied.
        assert!((auc(&SCORES) - 7.5 / 9.0).abs() < 1e-12);
        assert_eq!(reaching(&SCORES, 5.0), [(2, 3), (1, 3)]);
        assert!((f1(&SCORES, 5.0) - 4.0 / 6.0).abs() < 1e-12);
        assert_eq!(caught_at(&SCORES, 0.0), (6.0, 1.0 / 3.0));
        assert_eq!(caught_at(&SCORES, 0.34), (1.0, 1.0));
    }
}
