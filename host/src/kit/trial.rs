//! One input, given to a plugin in its sandbox.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value as Json, json};

use super::answer;
use super::compare::differences;
use super::fixture::{Fixture, Input};
use crate::plugins::settings::{check, effective};
use crate::plugins::{Loaded, Plugins};

/// What a plugin made of one input.
pub(crate) struct Trial {
    pub(crate) answer: Json,
    /// Why there is no answer, when the sandbox had to stop it or it broke the contract.
    pub(crate) failure: Option<String>,
    pub(crate) duration_us: u64,
    pub(crate) cpu_us: u64,
    pub(crate) memory_bytes: usize,
}

/// What came of one fixture.
pub(crate) struct Outcome {
    pub(crate) name: String,
    /// Everything that is not as expected, a sentence each; empty when it passed.
    pub(crate) differences: Vec<String>,
    pub(crate) trial: Trial,
}

/// Gives a plugin one input, with what an operator set and the defaults of the rest, as it is called in the service.
pub(crate) async fn ask(
    plugins: &Plugins,
    plugin: &Arc<Loaded>,
    input: Input,
    set: &BTreeMap<String, String>,
) -> Trial {
    let settings = effective(&plugin.settings, set);
    // Each input is tried for itself, whatever the ones before it did.
    plugin.forgive();
    let (answer, duration_us, cpu_us, memory_bytes, error) = match input {
        Input::Message(message) => {
            let call = plugins.score_with(plugin, *message, settings).await;
            let answer = call.result.as_ref().map(answer::verdict);
            (answer.ok(), call.duration_us, call.cpu_us, call.memory_bytes, call.result.err())
        }
        Input::Request(request) => {
            let call = plugins.normalize_with(plugin, *request, settings).await;
            let answer = call.result.as_ref().map(answer::outcome);
            (answer.ok(), call.duration_us, call.cpu_us, call.memory_bytes, call.result.err())
        }
    };
    let failure = error.as_ref().filter(|error| error.kind() != "refused").map(ToString::to_string);
    let answer = answer.or_else(|| error.as_ref().map(answer::failure)).unwrap_or_default();
    Trial { answer, failure, duration_us, cpu_us, memory_bytes }
}

/// Runs a fixture and compares.
pub(crate) async fn run(plugins: &Plugins, plugin: &Arc<Loaded>, fixture: &Fixture) -> Outcome {
    let trial = ask(plugins, plugin, fixture.input.clone(), &fixture.settings).await;
    let mut differences = match (&fixture.expected, &trial.failure) {
        (None, Some(failure)) => vec![failure.clone()],
        (None, None) => vec![format!(
            "it has no {}; `plugin test --update` writes one from what the plugin answers now",
            fixture.expected_path.file_name().unwrap_or_default().display()
        )],
        (Some(expected), _) => {
            let mut found = differences(expected, &trial.answer);
            // What was not expected to fail failed, even where nothing else is compared.
            if let (Some(error), true) = (trial.answer.get("error"), expected["error"].is_null()) {
                let message = error["message"].as_str().unwrap_or_default();
                found.insert(0, format!("there is no answer: {message}"));
            }
            found
        }
    };
    // A plugin is never handed what it does not declare, so such a fixture tries nothing that can happen.
    differences.extend(check(&plugin.settings, &fixture.settings).err().map(|wrong| format!("its settings: {wrong}")));
    Outcome { name: fixture.name.clone(), differences, trial }
}

impl Outcome {
    pub(crate) fn has_passed(&self) -> bool {
        self.differences.is_empty()
    }

    /// For programs.
    pub(crate) fn view(&self) -> Json {
        json!({
            "name": self.name, "passed": self.has_passed(), "differences": self.differences,
            "duration_us": self.trial.duration_us, "cpu_us": self.trial.cpu_us,
            "memory_bytes": self.trial.memory_bytes,
        })
    }
}
