//! What the model adds to the rules.

use super::support::{MODEL, Mail, letter, page};
use pillarbox_scorer::verdict::Finding;

const SCAM: &str = "Dear friend, I am the widow of a late oil minister and need your help with the transfer of funds of \
    $18 million dollars out of my country. You keep 30% for your assistance. Reply urgently with your bank account.";

fn opinions(mail: &Mail) -> Vec<Finding> {
    mail.judge_wholly(&[]).findings.into_iter().filter(|finding| finding.rule == MODEL).collect()
}

#[test]
fn it_points_at_the_words_that_weigh_most() {
    let mail = letter().subject("Urgent business proposal").text(SCAM);
    let opinions = opinions(&mail);
    assert!(opinions[0].points > 1.0, "{opinions:#?}");
    assert!(opinions.len() > 1 && opinions[1..].iter().all(|finding| finding.points == 0.0), "{opinions:#?}");
    for finding in &opinions {
        let place = finding.location.expect("it is somewhere");
        let words = mail.at(place).expect("it is inside");
        assert!(finding.message.contains(words), "{finding:?} is not about {words:?}");
    }
}

#[test]
fn it_speaks_for_an_honest_letter() {
    let opinions = opinions(&letter());
    assert_eq!(opinions.len(), 1, "{opinions:#?}");
    assert!(opinions[0].points < 0.0 && opinions[0].location.is_none(), "{opinions:#?}");
}

#[test]
fn its_points_and_those_of_the_rules_add_up() {
    for mail in [letter(), letter().text(SCAM), page("<p>Click <a href='http://192.0.2.7/'>https://bank.com</a></p>")] {
        let verdict = mail.judge_wholly(&[]);
        let sum: f64 = verdict.findings.iter().map(|finding| finding.points).sum();
        assert_eq!(format!("{sum:.6}"), format!("{:.6}", verdict.spam_score), "{verdict:#?}");
    }
}

#[test]
fn the_probability_grows_with_the_points() {
    let probability = |mail: &Mail| -> f64 {
        let verdict = mail.judge_wholly(&[]);
        let (_, value) = verdict.attributes.iter().find(|(name, _)| name == "probability").expect("it says so");
        value.parse().expect("a number")
    };
    let (honest, scam) =
        (probability(&letter()), probability(&letter().subject("Urgent business proposal").text(SCAM)));
    assert!((0.0..0.2).contains(&honest) && scam <= 1.0 && scam > honest, "{honest} {scam}");
}

#[test]
fn it_can_be_switched_off() {
    let verdict = letter().text(SCAM).judge_wholly(&[("rules-off", MODEL)]);
    assert!(verdict.findings.iter().all(|finding| finding.rule != MODEL) && verdict.attributes.is_empty());
}

#[test]
fn it_says_nothing_of_an_empty_message_but_never_fails() {
    let verdict = letter().no_subject().no_from().no_text().judge_wholly(&[]);
    assert!(verdict.spam_score.is_finite());
}
