//! The log of changes: each line is bound to the one before it, so that what happened cannot be rewritten.

use ring::hmac;
use serde_json::{Value as Json, json};

use super::{Entry, Head, NOTE_BYTES_MAX, Note};
use crate::api::time::rfc3339;
use crate::app::App;
use crate::control::Outcome;
use crate::hash::hex;
use crate::plugins::deployment::Deployment;
use crate::store::PluginLogRow;

/// Lines that are read at once while the log is verified.
const PAGE: i64 = 500;
/// Lines that are listed.
const LISTED_MAX: i64 = 1_000;

/// The key under which lines are bound together, derived from the host's.
pub(crate) struct LogKey(hmac::Key);

impl LogKey {
    pub(crate) fn new(key: &[u8; 32]) -> LogKey {
        LogKey(hmac::Key::new(hmac::HMAC_SHA256, key))
    }

    /// Over every field with its length, and the hash of the line before.
    fn context(&self, row: &PluginLogRow, before: &[u8]) -> hmac::Context {
        let mut context = hmac::Context::with_key(&self.0);
        let mut add = |bytes: &[u8]| {
            context.update(&(bytes.len() as u64).to_be_bytes());
            context.update(bytes);
        };
        add(before);
        add(&row.sequence.to_be_bytes());
        add(&row.at.to_be_bytes());
        add(row.by.as_bytes());
        add(row.action.as_bytes());
        for text in [&row.world, &row.name, &row.from_version, &row.to_version, &row.why] {
            add(&[u8::from(text.is_some())]);
            add(text.as_deref().unwrap_or_default().as_bytes());
        }
        add(row.deployment.as_bytes());
        context
    }

    fn hash(&self, row: &PluginLogRow, before: &[u8]) -> Vec<u8> {
        self.context(row, before).sign().as_ref().to_vec()
    }

    fn holds(&self, row: &PluginLogRow, before: &[u8]) -> bool {
        // What is compared is stored beside it, so there is nothing to learn from how long it takes.
        self.hash(row, before) == row.hash
    }
}

/// The line that follows the head.
pub(super) fn next(
    key: &LogKey,
    head: &Head,
    entry: Entry,
    note: &Note,
    deployment: &Deployment,
    now: i64,
) -> PluginLogRow {
    let mut row = PluginLogRow {
        sequence: head.generation() + 1,
        at: now,
        by: cut(&note.by),
        action: entry.action.into(),
        world: entry.world.map(str::to_owned),
        name: entry.name,
        from_version: entry.from,
        to_version: entry.to,
        why: note.why.as_deref().map(cut),
        deployment: serde_json::to_string(deployment).expect("a deployment has text keys and serializes"),
        hash: Vec::new(),
    };
    row.hash = key.hash(&row, head.row.as_ref().map_or(&[], |before| &before.hash));
    row
}

/// Words of an operator as the log keeps them.
pub(super) fn cut(text: &str) -> String {
    text[..text.floor_char_boundary(NOTE_BYTES_MAX)].replace(char::is_control, " ")
}

/// The newest lines of the log, newest first.
pub(crate) async fn list(app: &App, limit: i64) -> Outcome {
    let rows = app.store.plugin_log_before(i64::MAX, limit.clamp(1, LISTED_MAX)).await;
    let rows = rows.map_err(|error| error.to_string())?;
    Ok(json!({ "log": rows.iter().map(view).collect::<Vec<_>>() }))
}

pub(super) fn view(row: &PluginLogRow) -> Json {
    json!({
        "sequence": row.sequence,
        "at": rfc3339(row.at),
        "by": row.by,
        "action": row.action,
        "world": row.world,
        "name": row.name,
        "from": row.from_version,
        "to": row.to_version,
        "why": row.why,
        "hash": hex(&row.hash),
    })
}

/// Reads the whole log and says whether it is what was written: every line, in order, from the first to the last. A
/// hash that was noted earlier must be among them, which shows that the end was not cut off since.
pub(crate) async fn verify(app: &App, noted: Option<&str>) -> Outcome {
    let (mut before, mut sequence) = (Vec::new(), 0);
    let mut is_noted_there = noted.is_none();
    loop {
        let rows = app.store.plugin_log_after(sequence, PAGE).await.map_err(|error| error.to_string())?;
        if rows.is_empty() {
            break;
        }
        for row in rows {
            if row.sequence != sequence + 1 {
                return Err(format!("line {} of the plugin log is missing", sequence + 1));
            }
            if !app.log_key.holds(&row, &before) {
                return Err(format!(
                    "line {} of the plugin log is not as it was written, or the line before it was taken out ({} by {} \
                     at {})",
                    row.sequence,
                    row.action,
                    row.by,
                    rfc3339(row.at)
                ));
            }
            sequence = row.sequence;
            before = row.hash;
            is_noted_there |= noted.is_some_and(|noted| noted.eq_ignore_ascii_case(&hex(&before)));
        }
    }
    if !is_noted_there {
        return Err(
            "the hash that was noted is not in the plugin log: its end was cut off, or it is another log".into()
        );
    }
    if i64::try_from(app.plugins.table().generation).ok() > Some(sequence) {
        return Err(format!(
            "the service serves line {} of the plugin log, which ends at line {sequence}: its end was cut off",
            app.plugins.table().generation
        ));
    }
    Ok(json!({ "lines": sequence, "head": hex(&before), "intact": true }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> PluginLogRow {
        PluginLogRow {
            sequence: 1,
            at: 2,
            by: "ada".into(),
            action: "activate".into(),
            world: Some("scorer".into()),
            name: Some("a".into()),
            from_version: None,
            to_version: Some("1".into()),
            why: Some("because".into()),
            deployment: "{}".into(),
            hash: Vec::new(),
        }
    }

    #[test]
    fn whatever_is_altered_in_a_line_or_before_it_shows() {
        let key = LogKey::new(&[7; 32]);
        let good = PluginLogRow { hash: key.hash(&row(), b"before"), ..row() };
        assert!(key.holds(&good, b"before"));
        assert!(!key.holds(&good, b"Before"));
        let altered: [fn(&mut PluginLogRow); 10] = [
            |row| row.sequence = 2,
            |row| row.at = 3,
            |row| row.by = "eve".into(),
            |row| row.action = "rollback".into(),
            |row| row.world = None,
            |row| row.name = Some("b".into()),
            |row| row.from_version = Some(String::new()),
            |row| row.to_version = Some("2".into()),
            |row| row.why = None,
            |row| row.deployment = "{ }".into(),
        ];
        for (at, alter) in altered.iter().enumerate() {
            let mut row = good.clone();
            alter(&mut row);
            assert!(!key.holds(&row, b"before"), "{at}");
        }
        for bit in 0..8 * good.hash.len() {
            let mut row = good.clone();
            row.hash[bit / 8] ^= 1 << (bit % 8);
            assert!(!key.holds(&row, b"before"), "{bit}");
        }
        assert!(!LogKey::new(&[8; 32]).holds(&good, b"before"), "another host's key");
    }

    #[test]
    fn words_for_the_log_are_one_line_of_bounded_length() {
        assert_eq!(cut("a\nb"), "a b");
        assert_eq!(cut(&"x".repeat(NOTE_BYTES_MAX)).len(), NOTE_BYTES_MAX);
        assert_eq!(cut(&"x".repeat(NOTE_BYTES_MAX + 1)).len(), NOTE_BYTES_MAX);
    }
}
