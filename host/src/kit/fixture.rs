//! Fixtures: inputs in files, and beside each what a plugin must make of it.
//!
//! | file | holds |
//! | --- | --- |
//! | `NAME.eml` | a message, or for a normalizer the mail that came in |
//! | `NAME.json` | the parts of a message, or for a normalizer a request |
//! | `NAME.settings.json` | what an operator set, names and values |
//! | `NAME.expected.json` | what the answer must hold |

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Deserialize;
use serde_json::{Map, Value as Json};

use crate::api::scoring::{self, AnalyzeRequest};
use crate::plugins::{World, normalizer, scorer};

/// Fixtures of one plugin.
pub(crate) const FIXTURES_MAX: usize = 1_000;
/// Bytes of one file.
const FILE_BYTES_MAX: u64 = 32 * 1024 * 1024;
/// Every request arrives at this time, 2026-01-01T00:00:00Z, unless it says another.
const RECEIVED_AT_MS: u64 = 1_767_225_600_000;
const MESSAGE_FIELDS: [&str; 7] = ["from", "to", "subject", "html", "text", "headers", "raw"];

/// An input, and what is expected of it.
pub(crate) struct Fixture {
    pub(crate) name: String,
    pub(crate) input: Input,
    /// What an operator set.
    pub(crate) settings: BTreeMap<String, String>,
    /// `None` when no file says.
    pub(crate) expected: Option<Json>,
    /// The file that says, or would.
    pub(crate) expected_path: PathBuf,
}

/// What a plugin is handed.
#[derive(Clone)]
pub(crate) enum Input {
    Message(Box<scorer::Message>),
    Request(Box<normalizer::Request>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RequestFile {
    #[serde(default)]
    content_type: String,
    #[serde(default)]
    headers: Map<String, Json>,
    body: String,
    body_encoding: Option<String>,
    /// `bounce`, `complaint` or `in`: the route that it came by.
    endpoint: Option<String>,
    received_at_ms: Option<u64>,
}

/// Reads every fixture of a folder, in the order of their names. A folder that is not there has none.
pub(crate) fn read_all(folder: &Path, world: World) -> Result<Vec<Fixture>, String> {
    let told = |error: std::io::Error| format!("cannot read {}: {error}", folder.display());
    let mut inputs = Vec::new();
    match fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(told(error)),
        Ok(entries) => {
            for entry in entries {
                let path = entry.map_err(told)?.path();
                if is_input(&path) {
                    inputs.push(path);
                }
            }
        }
    }
    if inputs.len() > FIXTURES_MAX {
        return Err(format!("{} has {} fixtures of at most {FIXTURES_MAX}", folder.display(), inputs.len()));
    }
    inputs.sort();
    let mut fixtures: Vec<Fixture> = Vec::with_capacity(inputs.len());
    for path in inputs {
        let fixture = read_one(&path, world).map_err(|error| format!("{}: {error}", path.display()))?;
        if fixtures.last().is_some_and(|before| before.name == fixture.name) {
            return Err(format!("{}: there are two inputs named {}", folder.display(), fixture.name));
        }
        fixtures.push(fixture);
    }
    Ok(fixtures)
}

fn is_input(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let is_beside = name.ends_with(".expected.json") || name.ends_with(".settings.json");
    let kind = path.extension().and_then(|extension| extension.to_str());
    !name.starts_with('.') && !is_beside && matches!(kind, Some("eml" | "json"))
}

fn read_one(path: &Path, world: World) -> Result<Fixture, String> {
    let bytes = read(path)?;
    let is_mail = path.extension().is_some_and(|extension| extension == "eml");
    let input = match (world, is_mail) {
        (World::Scorer, true) => {
            Input::Message(Box::new(scoring::message_of_raw(&bytes).map_err(|error| error.to_string())?))
        }
        (World::Scorer, false) => message(&bytes)?,
        (World::Normalizer, true) => mail(bytes),
        (World::Normalizer, false) => request(&bytes)?,
    };
    with_rest(path, input)
}

/// The files beside an input.
fn with_rest(path: &Path, input: Input) -> Result<Fixture, String> {
    let beside = |kind: &str| path.with_extension(kind);
    let json = |path: &Path| -> Result<Option<Json>, String> {
        if !path.exists() {
            return Ok(None);
        }
        let name = path.file_name().unwrap_or_default().display().to_string();
        let parsed = serde_json::from_slice(&read(path)?);
        parsed.map(Some).map_err(|error| format!("{name} beside it is not JSON: {error}"))
    };
    let settings = match json(&beside("settings.json"))? {
        None => BTreeMap::new(),
        Some(Json::Object(fields)) => fields.into_iter().map(|(name, value)| (name, text(value))).collect(),
        Some(_) => return Err("the settings beside it are a JSON object, names and values".into()),
    };
    let expected_path = beside("expected.json");
    Ok(Fixture {
        name: path.file_stem().unwrap_or_default().display().to_string(),
        input,
        settings,
        expected: json(&expected_path)?,
        expected_path,
    })
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    let size = fs::metadata(path).map_err(|error| error.to_string())?.len();
    if size > FILE_BYTES_MAX {
        return Err(format!("it has {size} bytes of at most {FILE_BYTES_MAX}"));
    }
    fs::read(path).map_err(|error| error.to_string())
}

fn message(bytes: &[u8]) -> Result<Input, String> {
    let fields: Map<String, Json> =
        serde_json::from_slice(bytes).map_err(|error| format!("it is not JSON: {error}"))?;
    if let Some(other) = fields.keys().find(|name| !MESSAGE_FIELDS.contains(&name.as_str())) {
        return Err(format!("a message has no {other:?}; it has {}", MESSAGE_FIELDS.join(", ")));
    }
    let request: AnalyzeRequest = serde_json::from_value(fields.into()).map_err(|error| error.to_string())?;
    let message = scoring::message_of(request).map_err(|error| error.to_string())?;
    Ok(Input::Message(Box::new(message)))
}

fn request(bytes: &[u8]) -> Result<Input, String> {
    let file: RequestFile = serde_json::from_slice(bytes).map_err(|error| format!("not a request: {error}"))?;
    let body = match file.body_encoding.as_deref() {
        None => file.body.into_bytes(),
        Some("base64") => BASE64.decode(file.body).map_err(|error| format!("body is not base64: {error}"))?,
        Some(other) => return Err(format!("body_encoding is base64 or left out, not {other}")),
    };
    Ok(Input::Request(Box::new(normalizer::Request {
        content_type: file.content_type,
        headers: file.headers.into_iter().map(|(name, value)| (name.to_lowercase(), text(value))).collect(),
        body,
        received_at: file.received_at_ms.unwrap_or(RECEIVED_AT_MS),
        attributes: file.endpoint.map(|endpoint| ("endpoint".to_owned(), endpoint)).into_iter().collect(),
    })))
}

/// A mail as a mail server sends it to the webhook.
pub(super) fn mail(body: Vec<u8>) -> Input {
    Input::Request(Box::new(normalizer::Request {
        content_type: "message/rfc822".into(),
        headers: Vec::new(),
        body,
        received_at: RECEIVED_AT_MS,
        attributes: Vec::new(),
    }))
}

fn text(value: Json) -> String {
    match value {
        Json::String(text) => text,
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in files {
            fs::write(dir.path().join(name), text).unwrap();
        }
        dir
    }

    #[track_caller]
    fn refused(world: World, files: &[(&str, &str)], part: &str) {
        let error = read_all(folder(files).path(), world).err().unwrap_or_default();
        assert!(error.contains(part), "{error}");
    }

    #[test]
    fn inputs_are_read_in_order_with_what_lies_beside_them() {
        let files = [
            ("b.eml", "Subject: Hello\r\n\r\nHello"),
            ("a.json", "{\"subject\": \"Hi\"}"),
            ("a.settings.json", "{\"language\": \"de\", \"limit\": 3}"),
            ("a.expected.json", "{\"rules\": []}"),
            ("notes.txt", "not one of them"),
        ];
        let fixtures = read_all(folder(&files).path(), World::Scorer).unwrap();
        let names: Vec<_> = fixtures.iter().map(|fixture| fixture.name.as_str()).collect();
        assert_eq!(names, ["a", "b"]);
        let settings = [("language", "de"), ("limit", "3")].map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(fixtures[0].settings, BTreeMap::from(settings));
        assert_eq!(fixtures[0].expected, Some(serde_json::json!({ "rules": [] })));
        assert_eq!((fixtures[1].settings.len(), &fixtures[1].expected), (0, &None));
        assert!(fixtures[1].expected_path.ends_with("b.expected.json"));
        let Input::Message(message) = &fixtures[1].input else { panic!("it is a message") };
        assert_eq!(message.subject.as_deref(), Some("Hello"));
    }

    #[test]
    fn a_message_without_any_part_is_one_too() {
        let fixtures = read_all(folder(&[("empty.json", "{}")]).path(), World::Scorer).unwrap();
        let Input::Message(message) = &fixtures[0].input else { panic!("it is a message") };
        assert_eq!((&message.subject, message.headers.len()), (&None, 0));
    }

    #[test]
    fn a_request_is_its_json_or_a_mail() {
        let json = "{\"content_type\": \"text/plain\", \"headers\": {\"X-A\": 1}, \"body\": \"aGk=\", \
                    \"body_encoding\": \"base64\", \"endpoint\": \"bounce\"}";
        let fixtures =
            read_all(folder(&[("a.json", json), ("b.eml", "To: x\n\nhi")]).path(), World::Normalizer).unwrap();
        let request = |at: usize| match &fixtures[at].input {
            Input::Request(request) => request.as_ref().clone(),
            Input::Message(_) => panic!("it is a request"),
        };
        assert_eq!((request(0).body.as_slice(), request(0).content_type.as_str()), (b"hi".as_slice(), "text/plain"));
        assert_eq!(request(0).headers, [("x-a".to_owned(), "1".to_owned())]);
        assert_eq!(request(0).attributes, [("endpoint".to_owned(), "bounce".to_owned())]);
        assert_eq!((request(1).content_type.as_str(), request(1).received_at), ("message/rfc822", RECEIVED_AT_MS));
    }

    #[test]
    fn what_cannot_be_read_is_told_by_its_file() {
        refused(World::Scorer, &[("a.json", "{\"subjct\": \"Hi\"}")], "a message has no \"subjct\"");
        refused(World::Scorer, &[("a.json", "[")], "a.json: it is not JSON");
        refused(World::Scorer, &[("a.json", "{}"), ("a.eml", "Subject: x\n\nx")], "two inputs named a");
        refused(World::Scorer, &[("a.json", "{}"), ("a.expected.json", "{")], "a.expected.json beside it is not JSON");
        refused(World::Scorer, &[("a.json", "{}"), ("a.settings.json", "[]")], "the settings beside it");
        refused(World::Normalizer, &[("a.json", "{\"body\": \"!\", \"body_encoding\": \"base64\"}")], "not base64");
        refused(World::Normalizer, &[("a.json", "{\"body\": \"\", \"bdy\": 1}")], "bdy");
    }

    #[test]
    fn a_folder_has_a_bound_and_need_not_be_there() {
        assert_eq!(read_all(Path::new("no-such-folder"), World::Scorer).map(|all| all.len()), Ok(0));
        let dir = tempfile::tempdir().unwrap();
        for number in 0..FIXTURES_MAX {
            fs::write(dir.path().join(format!("{number}.json")), "{}").unwrap();
        }
        assert_eq!(read_all(dir.path(), World::Scorer).map(|all| all.len()), Ok(FIXTURES_MAX));
        fs::write(dir.path().join("one-more.json"), "{}").unwrap();
        assert!(
            read_all(dir.path(), World::Scorer).is_err_and(|error| error.contains("1001 fixtures of at most 1000"))
        );
    }
}
