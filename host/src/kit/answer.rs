//! What a plugin answered, in the shape that a fixture's `NAME.expected.json` is compared with.

use serde_json::{Value as Json, json};

use crate::inbox::outcome_json;
use crate::plugins::error::{Fault, PluginError};
use crate::plugins::{normalizer, scorer};

/// A verdict: `spam_score`, `rules` (which found something) and `findings`.
pub(crate) fn verdict(verdict: &scorer::Verdict) -> Json {
    let mut rules: Vec<_> = verdict.findings.iter().map(|finding| finding.rule.as_str()).collect();
    rules.sort_unstable();
    rules.dedup();
    let findings: Vec<_> = verdict.findings.iter().map(finding).collect();
    json!({ "spam_score": verdict.spam_score, "rules": rules, "findings": findings })
}

/// An outcome: `kinds` (of the events, in order), `events` and `ignored`, or `error`.
pub(crate) fn outcome(outcome: &Result<normalizer::Outcome, normalizer::Problem>) -> Json {
    match outcome {
        Ok(outcome) => {
            let mut answer = outcome_json(outcome);
            let events = answer["events"].as_array().into_iter().flatten();
            let kinds = events.map(|event| event["kind"].clone()).collect::<Vec<_>>();
            answer["kinds"] = kinds.into();
            answer
        }
        Err(problem) => {
            json!({ "error": { "kind": problem.code, "message": problem.message, "pointer": problem.pointer } })
        }
    }
}

/// A call without an answer: `error` with its kind.
pub(crate) fn failure(error: &PluginError) -> Json {
    let message = match error {
        PluginError::Failed { fault: Fault::Refused(sentence), .. } => sentence.clone(),
        PluginError::Failed { fault, .. } => format!("it {fault}"),
        PluginError::NoneActive(_) => error.to_string(),
    };
    json!({ "error": { "kind": error.kind(), "message": message } })
}

/// What of an answer is worth expecting, for a file that `plugin test --update` writes.
pub(crate) fn expectation(answer: &Json) -> Json {
    let wanted: &[&str] = match answer {
        _ if !answer["error"].is_null() => return json!({ "error": { "kind": answer["error"]["kind"] } }),
        _ if answer["findings"].is_array() => &["rule", "severity", "points", "location"],
        _ => &["kind", "bounce_type", "recipient", "smtp_code", "enhanced_code", "feedback_type", "index"],
    };
    let only = |item: &Json| {
        let fields = item.as_object().into_iter().flatten();
        fields
            .filter(|(name, value)| wanted.contains(&name.as_str()) && !value.is_null())
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect::<serde_json::Map<_, _>>()
    };
    let mut expected = answer.clone();
    for value in expected.as_object_mut().into_iter().flat_map(|fields| fields.values_mut()) {
        for item in value.as_array_mut().into_iter().flatten().filter(|item| item.is_object()) {
            *item = Json::Object(only(item));
        }
    }
    expected
}

fn finding(finding: &scorer::Finding) -> Json {
    let severity = match finding.severity {
        scorer::Severity::Error => "error",
        scorer::Severity::Warning => "warning",
        scorer::Severity::Info => "info",
    };
    let location = finding.location.as_ref().map(
        |place| json!({ "part": place.part, "offset": place.offset, "length": place.length, "index": place.index }),
    );
    json!({
        "rule": finding.rule, "severity": severity, "points": finding.points, "message": finding.message,
        "suggestion": finding.suggestion, "location": location,
    })
}
