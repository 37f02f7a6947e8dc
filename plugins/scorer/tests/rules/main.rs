//! What each rule says of messages, through the crate's public door.

mod accessibility;
mod attachments;
mod authentication;
mod compliance;
mod encoding;
mod envelope;
mod files;
mod headers;
mod hostile;
mod html;
mod link_shape;
mod links;
mod markup;
mod model;
mod own;
mod sender;
mod structure;
mod subject;
mod support;
mod verdicts;
mod wording;

use std::collections::BTreeSet;

use pillarbox_scorer::rules;

fn cases() -> Vec<support::Case> {
    let tables = [
        accessibility::cases(),
        attachments::cases(),
        authentication::cases(),
        compliance::cases(),
        encoding::cases(),
        envelope::cases(),
        files::cases(),
        headers::cases(),
        html::cases(),
        link_shape::cases(),
        links::cases(),
        markup::cases(),
        sender::cases(),
        structure::cases(),
        subject::cases(),
        wording::cases(),
    ];
    tables.into_iter().flatten().collect()
}

#[test]
fn each_case_is_judged_as_its_table_says() {
    let complaints: Vec<String> = cases().iter().filter_map(support::Case::complaint).collect();
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[test]
fn each_rule_has_a_case_that_it_finds_and_a_near_miss_that_it_spares() {
    let covered = |near_miss: bool| -> BTreeSet<&str> {
        cases().iter().filter(|case| case.is_near_miss() == near_miss).map(|case| case.rule).collect()
    };
    let all: BTreeSet<&str> =
        rules().map(|rule| rule.id).filter(|id| ![support::MODEL, "OWN_RULE"].contains(id)).collect();
    assert_eq!(covered(false), all);
    assert_eq!(covered(true), all);
}

#[test]
fn each_rule_is_named_once_and_documented_in_sentences() {
    let mut ids = BTreeSet::new();
    for rule in rules() {
        assert!(ids.insert(rule.id), "{} stands twice", rule.id);
        let is_id = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
        assert!(rule.id.bytes().all(is_id), "{}", rule.id);
        for text in [rule.description, rule.suggestion] {
            assert!(text.ends_with('.') && text.starts_with(char::is_uppercase), "{}: {text}", rule.id);
            assert!(!text.contains("  "), "{}: {text}", rule.id);
        }
        assert!(rule.points.is_finite() && rule.points <= rule.category.points_max(), "{}", rule.id);
    }
    assert!(ids.len() >= 200, "only {} rules", ids.len());
}
