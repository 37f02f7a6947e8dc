//! Whether an answer is what a fixture expects. Only what is written down is compared:
//!
//! - an object: each of its fields; `null` is a field that is absent or empty
//! - a list: each of its items is found among the answer's, in any order, and none twice; `[]` is an empty list
//! - `rules` and `kinds`: exactly these, `kinds` in this order
//! - `{"min": 1, "max": 2}` in the place of a number: a number from 1 to 2

use serde_json::{Map, Value as Json};

/// How far two numbers may be apart and still be the same, because sums of fractions are not exact.
const TOLERANCE: f64 = 1e-6;
/// Of a value that is shown in a difference.
const SHOWN_CHARACTERS_MAX: usize = 160;

/// Everything in which the answer is not what was expected, a sentence each; empty when it is.
pub(crate) fn differences(expected: &Json, answer: &Json) -> Vec<String> {
    let mut found = Vec::new();
    compare("", expected, answer, &mut found);
    found
}

fn compare(place: &str, expected: &Json, answer: &Json, found: &mut Vec<String>) {
    match (expected, answer) {
        (Json::Object(range), Json::Number(number)) if is_range(range) => {
            let number = number.as_f64().unwrap_or(f64::NAN);
            let bound = |name: &str, unbounded: f64| range.get(name).and_then(Json::as_f64).unwrap_or(unbounded);
            let (min, max) = (bound("min", f64::NEG_INFINITY), bound("max", f64::INFINITY));
            if !(min - TOLERANCE..=max + TOLERANCE).contains(&number) {
                differ(place, expected, answer, found);
            }
        }
        (Json::Object(fields), Json::Object(given)) => {
            for (name, wanted) in fields {
                let place = if place.is_empty() { name.clone() } else { format!("{place}.{name}") };
                match (name.as_str(), given.get(name).unwrap_or(&Json::Null)) {
                    ("rules" | "kinds", Json::Array(given)) => exactly(&place, name, wanted, given, found),
                    (_, given) => compare(&place, wanted, given, found),
                }
            }
        }
        (Json::Array(wanted), Json::Array(given)) => contains(place, wanted, given, found),
        (Json::Number(wanted), Json::Number(given)) => {
            let apart = wanted.as_f64().zip(given.as_f64()).map(|(wanted, given)| (wanted - given).abs());
            if apart.is_none_or(|apart| apart > TOLERANCE) {
                differ(place, expected, answer, found);
            }
        }
        (wanted, given) if wanted == given => {}
        (Json::Null, Json::Array(given)) if given.is_empty() => {}
        _ => differ(place, expected, answer, found),
    }
}

fn differ(place: &str, expected: &Json, answer: &Json, found: &mut Vec<String>) {
    let place = if place.is_empty() { "the answer" } else { place };
    found.push(format!("{place}: expected {}, got {}", shown(expected), shown(answer)));
}

fn is_range(fields: &Map<String, Json>) -> bool {
    !fields.is_empty() && fields.iter().all(|(name, value)| matches!(name.as_str(), "min" | "max") && value.is_number())
}

/// `rules` are a set, and `kinds` follow the order of the request.
fn exactly(place: &str, name: &str, wanted: &Json, given: &[Json], found: &mut Vec<String>) {
    let mut given = given.to_vec();
    let mut expected = wanted.as_array().cloned().unwrap_or_default();
    if name == "rules" {
        for list in [&mut given, &mut expected] {
            list.sort_by_key(ToString::to_string);
            list.dedup();
        }
    }
    if !wanted.is_array() || given != expected {
        differ(place, wanted, &Json::Array(given), found);
    }
}

fn contains(place: &str, wanted: &[Json], given: &[Json], found: &mut Vec<String>) {
    if wanted.is_empty() && !given.is_empty() {
        return differ(place, &Json::Array(Vec::new()), &Json::Array(given.to_vec()), found);
    }
    let mut left: Vec<_> = given.iter().collect();
    for wanted in wanted {
        // What fits this item and is as plain as possible would be best; the first that fits is understood at a glance.
        let nearest = left.iter().enumerate().map(|(at, given)| {
            let mut apart = Vec::new();
            compare("", wanted, given, &mut apart);
            (at, apart)
        });
        match nearest.min_by_key(|(_, apart)| apart.len()) {
            Some((at, apart)) if apart.is_empty() => {
                left.remove(at);
            }
            Some((_, apart)) => {
                let apart = apart.join("; ");
                found.push(format!("{place}: none is {}; the nearest differs in {apart}", shown(wanted)));
            }
            None => found.push(format!("{place}: none is {}; there are no others", shown(wanted))),
        }
    }
}

fn shown(value: &Json) -> String {
    if value.is_null() {
        return "nothing".into();
    }
    let text = value.to_string();
    match text.char_indices().nth(SHOWN_CHARACTERS_MAX) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn differs(expected: &Json, answer: &Json, told: &[&str]) {
        assert_eq!(differences(expected, answer), told);
    }

    #[test]
    fn only_what_is_written_down_is_compared() {
        let answer = json!({ "spam_score": 1.5, "rules": ["A"], "findings": [{ "rule": "A", "points": 1.5 }] });
        differs(&json!({}), &answer, &[]);
        differs(&json!({ "findings": [{ "rule": "A" }] }), &answer, &[]);
        differs(&json!({ "spam_score": 1.500_000_1 }), &answer, &[]);
        differs(&json!({ "spam_score": 2 }), &answer, &["spam_score: expected 2, got 1.5"]);
        differs(&json!({ "error": null }), &answer, &[]);
        differs(&json!({ "error": {} }), &answer, &["error: expected {}, got nothing"]);
    }

    #[test]
    fn a_range_takes_the_place_of_a_number() {
        let of = |range: Json, told: &[&str]| differs(&json!({ "n": range }), &json!({ "n": 1.5 }), told);
        of(json!({ "min": 1.5, "max": 1.5 }), &[]);
        of(json!({ "min": 1 }), &[]);
        of(json!({ "max": 1.4 }), &["n: expected {\"max\":1.4}, got 1.5"]);
        of(json!({ "min": 1.6, "max": 2 }), &["n: expected {\"min\":1.6,\"max\":2}, got 1.5"]);
        of(json!({}), &["n: expected {}, got 1.5"]);
    }

    #[test]
    fn rules_are_exactly_these_and_kinds_in_this_order() {
        let answer = json!({ "rules": ["B", "A", "A"], "kinds": ["bounce", "complaint"] });
        differs(&json!({ "rules": ["A", "B"], "kinds": ["bounce", "complaint"] }), &answer, &[]);
        differs(&json!({ "rules": ["A"] }), &answer, &["rules: expected [\"A\"], got [\"A\",\"B\"]"]);
        let kinds = "kinds: expected [\"complaint\",\"bounce\"], got [\"bounce\",\"complaint\"]";
        differs(&json!({ "kinds": ["complaint", "bounce"] }), &answer, &[kinds]);
    }

    #[test]
    fn each_item_of_a_list_is_found_once() {
        let answer = json!({ "findings": [{ "rule": "A", "at": 1 }, { "rule": "A", "at": 2 }] });
        let of = |findings: Json, told: &[&str]| differs(&json!({ "findings": findings }), &answer, told);
        of(json!([{ "at": 2 }, { "at": 1 }]), &[]);
        of(json!([]), &["findings: expected [], got [{\"rule\":\"A\",\"at\":1},{\"rule\":\"A\",\"at\":2}]"]);
        of(
            json!([{ "rule": "A", "at": 3 }]),
            &["findings: none is {\"rule\":\"A\",\"at\":3}; the nearest differs in at: expected 3, got 1"],
        );
        let thrice = json!([{ "rule": "A" }, { "rule": "A" }, { "rule": "A" }]);
        of(thrice, &["findings: none is {\"rule\":\"A\"}; there are no others"]);
        differs(&json!({ "ignored": [] }), &json!({ "ignored": [] }), &[]);
    }
}
