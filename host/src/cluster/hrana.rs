//! How a batch travels: Hrana over HTTP, version 2, one request without a stream that would have to be kept.

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use serde_json::json;

use crate::store::control::primary::{Condition, Step, StepEnd};
use crate::store::datum::Datum;

/// Where it is posted, under the URL of the server.
pub(super) const PATH: &str = "/v2/pipeline";

#[derive(Serialize)]
struct Wired<'a> {
    stmt: Statement<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    condition: Option<Json>,
}

#[derive(Serialize)]
struct Statement<'a> {
    sql: &'a str,
    args: &'a [Datum],
}

#[derive(Deserialize)]
struct Answer {
    results: Vec<Part>,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Part {
    Ok { response: Response },
    Error { error: Failure },
}

#[derive(Deserialize)]
struct Response {
    #[serde(default)]
    result: Option<BatchResult>,
}

#[derive(Deserialize)]
struct BatchResult {
    step_results: Vec<Option<StepResult>>,
    step_errors: Vec<Option<Failure>>,
}

#[derive(Deserialize)]
struct StepResult {
    rows: Vec<Vec<Datum>>,
    affected_row_count: u64,
}

#[derive(Deserialize)]
struct Failure {
    message: String,
    #[serde(default)]
    code: Option<String>,
}

/// The body of a request.
pub(super) fn request(steps: &[Step]) -> Vec<u8> {
    let wire = |step: &Step| {
        let condition = match step.condition {
            Condition::Always => None,
            Condition::After(at) => Some(json!({ "type": "ok", "step": at })),
            Condition::Unless(at) => Some(json!({ "type": "not", "cond": { "type": "ok", "step": at } })),
        };
        serde_json::to_value(Wired { stmt: Statement { sql: &step.sql, args: &step.values }, condition })
    };
    let steps: Vec<_> = steps.iter().filter_map(|step| wire(step).ok()).collect();
    let batch = json!({ "type": "batch", "batch": { "steps": steps } });
    json!({ "requests": [batch, { "type": "close" }] }).to_string().into_bytes()
}

/// What came of each step. An error is a sentence about an answer that is none.
pub(super) fn answer(body: &[u8]) -> Result<Vec<StepEnd>, String> {
    let answer: Answer = serde_json::from_slice(body).map_err(|error| format!("it is no answer of Hrana: {error}"))?;
    let result = match answer.results.into_iter().next() {
        Some(Part::Ok { response: Response { result: Some(result) } }) => result,
        Some(Part::Error { error }) => return Err(error.message),
        _ => return Err("it has no result of a batch".into()),
    };
    let ends = result.step_results.into_iter().zip(result.step_errors);
    Ok(ends.map(|(result, error)| end(result, error)).collect())
}

fn end(result: Option<StepResult>, error: Option<Failure>) -> StepEnd {
    match (result, error) {
        (_, Some(Failure { message, code })) => StepEnd::Failed { code: code.unwrap_or_default(), message },
        (Some(StepResult { rows, affected_row_count }), None) => StepEnd::Done { rows, changed: affected_row_count },
        (None, None) => StepEnd::NotRun,
    }
}

/// What a server says that did not serve a request at all.
pub(super) fn complaint(body: &[u8]) -> String {
    const TEXT_BYTES_MAX: usize = 200;
    let said: Option<Json> = serde_json::from_slice(body).ok();
    let said = said.and_then(|said| said["error"].as_str().or_else(|| said["message"].as_str()).map(str::to_owned));
    let said = said.unwrap_or_else(|| String::from_utf8_lossy(body).trim().to_owned());
    said[..said.floor_char_boundary(TEXT_BYTES_MAX)].replace(char::is_control, " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_one_request_whose_steps_depend_on_one_another() {
        let step = |sql: &str, condition| Step { sql: sql.into(), values: vec![1.into()], condition };
        let steps = [step("a", Condition::Always), step("b", Condition::After(0)), step("c", Condition::Unless(1))];
        let told: Json = serde_json::from_slice(&request(&steps)).expect("it is JSON");
        let args = json!([{ "type": "integer", "value": "1" }]);
        assert_eq!(
            told,
            json!({ "requests": [{ "type": "batch", "batch": { "steps": [
                { "stmt": { "sql": "a", "args": args } },
                { "stmt": { "sql": "b", "args": args }, "condition": { "type": "ok", "step": 0 } },
                { "stmt": { "sql": "c", "args": args },
                  "condition": { "type": "not", "cond": { "type": "ok", "step": 1 } } },
            ] } }, { "type": "close" }] })
        );
    }

    #[test]
    fn each_step_has_its_end() {
        let body = br#"{"baton":null,"results":[{"type":"ok","response":{"type":"batch","result":{
            "step_results":[{"cols":[],"rows":[[{"type":"text","value":"x"},{"type":"null"}]],"affected_row_count":3},
            null,null],"step_errors":[null,{"message":"UNIQUE","code":"SQLITE_CONSTRAINT"},null]}}}]}"#;
        let ends = answer(body).expect("it is read");
        assert!(
            matches!(&ends[0], StepEnd::Done { rows, changed: 3 } if rows == &[vec![Datum::from("x"), Datum::Null]])
        );
        assert!(matches!(&ends[1], StepEnd::Failed { code, .. } if code == "SQLITE_CONSTRAINT"));
        assert!(matches!(ends[2], StepEnd::NotRun));
    }

    #[test]
    fn what_is_no_answer_is_told() {
        for (body, told) in [
            ("<html>", "no answer of Hrana"),
            (r#"{"results":[]}"#, "no result"),
            (r#"{"results":[{"type":"error","error":{"message":"stream gone"}}]}"#, "stream gone"),
        ] {
            assert!(answer(body.as_bytes()).expect_err(body).contains(told), "{body}");
        }
        assert_eq!(complaint(br#"{"error":"Namespace `x` doesn't exist"}"#), "Namespace `x` doesn't exist");
        assert_eq!(complaint(&[b'x'; 300]).len(), 200);
    }
}
