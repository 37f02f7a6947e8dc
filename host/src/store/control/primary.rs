//! What the primary is asked, and what it answers: batches of SQL for a libSQL server. Each is one request, and whatever
//! it changes it changes as a whole.
//!
//! Beside the control tables the server has six of its own: `control_state` (which cluster this is and how far it has
//! come), `control_log` (the last units of work), `control_blobs` (values that are too large for a row, in parts),
//! `control_challenges` (what certificate authorities are shown, by whichever node they ask), `control_leases` (who does what is to be done once) and `control_nodes` (who was seen).

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{CONTROL_SCHEMA, ControlSchema, Cursor, Statement};
use crate::store::datum::Datum;

/// Units of work that the log keeps. A node that is further behind copies the tables anew.
pub(crate) const LOG_UNITS_MAX: i64 = 10_000;
/// Units of one answer.
pub(crate) const NEWS_UNITS_MAX: i64 = 200;
/// Bytes of them, unless the first one alone is larger.
const NEWS_BYTES_MAX: i64 = 2 * 1024 * 1024;
/// Bytes of one unit in the log. The server takes rows of 5 MB.
pub(crate) const UNIT_BYTES_MAX: usize = 2 * 1024 * 1024;
/// Nodes that are listed.
const NODES_MAX: i64 = 1_000;

/// One statement of a batch.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) sql: String,
    pub(crate) values: Vec<Datum>,
    pub(crate) condition: Condition,
}

/// When a step is run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Condition {
    Always,
    /// When that step went well.
    After(usize),
    /// When that step did not go well, or was not run.
    Unless(usize),
}

/// What came of a step.
#[derive(Clone, Debug)]
pub(crate) enum StepEnd {
    Done { rows: Rows, changed: u64 },
    NotRun,
    Failed { code: String, message: String },
}

/// What a cluster is and how far it has come.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct State {
    pub(crate) cluster: String,
    pub(crate) revision: i64,
    pub(crate) schema: i64,
    /// Says which `host.key` its nodes have, and nothing else about it.
    pub(crate) host_key: String,
}

/// A unit of work of the log.
#[derive(Clone, Debug)]
pub(crate) struct Unit {
    pub(crate) revision: i64,
    pub(crate) id: String,
    pub(crate) statements: Vec<Statement>,
}

/// What the primary has beyond a cursor.
#[derive(Clone, Debug)]
pub(crate) struct News {
    pub(crate) state: State,
    /// The unit at the cursor; `None` when the log does not have it any more.
    pub(crate) at_cursor: Option<String>,
    /// Those behind it, without a gap.
    pub(crate) units: Vec<Unit>,
}

/// Rows as they travel.
pub(crate) type Rows = Vec<Vec<Datum>>;

/// What came of a unit that was offered.
#[derive(Debug, PartialEq)]
pub(crate) enum Offered {
    Taken,
    /// Another unit was faster.
    Raced,
    /// Nothing was done; the server was busy.
    Busy,
}

/// A node as the primary has seen it.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct SeenNode {
    pub(crate) node: String,
    pub(crate) revision: i64,
    /// Milliseconds since 1970, by the primary's clock.
    pub(crate) seen_at: i64,
    pub(crate) version: String,
    /// The line of the plugin log that it serves, and what it could not load: a JSON list of sentences.
    pub(crate) generation: i64,
    pub(crate) troubles: String,
}

const NOW: &str = "CAST(unixepoch('subsec') * 1000 AS INTEGER)";

fn step(sql: impl Into<String>, values: Vec<Datum>) -> Step {
    Step { sql: sql.into(), values, condition: Condition::Always }
}

/// All of these or none: each is run when the one before it went well.
fn transaction(begin: &str, steps: Vec<Step>) -> Vec<Step> {
    let mut all = vec![step(begin, Vec::new())];
    for next in steps.into_iter().chain([step("COMMIT", Vec::new())]) {
        let condition = Condition::After(all.len() - 1);
        all.push(Step { condition, ..next });
    }
    let condition = Condition::Unless(all.len() - 1);
    all.push(Step { condition, ..step("ROLLBACK", Vec::new()) });
    all
}

/// Offers a unit that was made on the tables as they are at this cursor. The first statement fails, and with it the whole
/// batch, when anything has happened since.
pub(crate) fn offer(cursor: &Cursor, unit_id: Uuid, node: &str, told: &str, statements: &[Statement]) -> Vec<Step> {
    // A NULL breaks the column's constraint.
    let guard = "UPDATE control_state SET revision = CASE WHEN revision = ?1 AND cluster = ?2 AND schema = ?3 \
                 THEN revision + 1 END";
    let mut steps =
        vec![step(guard, vec![cursor.revision.into(), cursor.cluster.as_str().into(), CONTROL_SCHEMA.into()])];
    steps.extend(statements.iter().map(|statement| step(&statement.sql, statement.values.clone())));
    let log = format!("INSERT INTO control_log VALUES (?1, ?2, {NOW}, ?3, ?4)");
    let revision = cursor.revision + 1;
    steps.push(step(log, vec![revision.into(), unit_id.to_string().into(), node.into(), told.into()]));
    steps.push(step("DELETE FROM control_log WHERE revision <= ?1", vec![(revision - LOG_UNITS_MAX).into()]));
    transaction("BEGIN IMMEDIATE", steps)
}

/// What came of an offer. An error is what the server refuses for good.
pub(crate) fn offered(ends: &[StepEnd]) -> Result<Offered, String> {
    let Some(commit) = ends.len().checked_sub(2) else { return Err("it gave no results".into()) };
    match (ends.iter().position(|end| matches!(end, StepEnd::Failed { .. })), &ends[commit]) {
        (_, StepEnd::Done { .. }) => Ok(Offered::Taken),
        (Some(0), _) => Ok(Offered::Busy),
        (Some(at), _) if at == commit => Ok(Offered::Busy),
        (Some(at), _) => match &ends[at] {
            StepEnd::Failed { code, .. } if at == 1 && code.starts_with("SQLITE_CONSTRAINT") => Ok(Offered::Raced),
            StepEnd::Failed { code, .. } if code.contains("BUSY") || code.contains("INTERRUPT") => Ok(Offered::Busy),
            StepEnd::Failed { message, .. } => Err(message.clone()),
            _ => Err("it did not commit and gave no reason".into()),
        },
        (None, _) => Err("it did not commit and gave no reason".into()),
    }
}

/// Asks at which revision a unit stands.
pub(crate) fn find(unit_id: Uuid) -> Vec<Step> {
    vec![step("SELECT revision FROM control_log WHERE unit_id = ?1", vec![unit_id.to_string().into()])]
}

pub(crate) fn found(ends: &[StepEnd]) -> Result<Option<i64>, String> {
    Ok(rows(ends, 0)?.first().and_then(|row| row.first()?.integer()))
}

/// Asks what is new since a cursor.
pub(crate) fn news(revision: i64) -> Vec<Step> {
    let log = "SELECT revision, unit_id, told FROM (SELECT revision, unit_id, told, \
               SUM(COALESCE(length(told), 0)) OVER (ORDER BY revision) AS bytes FROM (SELECT revision, unit_id, \
               CASE WHEN revision > ?1 THEN statements END AS told FROM control_log WHERE revision >= ?1 \
               ORDER BY revision LIMIT ?2)) WHERE bytes <= ?3 OR revision <= ?1 + 1 ORDER BY revision";
    let values = vec![revision.into(), (NEWS_UNITS_MAX + 1).into(), NEWS_BYTES_MAX.into()];
    transaction("BEGIN", vec![step(STATE, Vec::new()), step(log, values)])
}

const STATE: &str = "SELECT cluster, revision, schema, host_key FROM control_state";

/// `None` when the server has no control plane.
pub(crate) fn told_news(ends: &[StepEnd], revision: i64) -> Result<Option<News>, String> {
    let Some(state) = told_state(ends)? else { return Ok(None) };
    let (mut at_cursor, mut units, mut next) = (None, Vec::new(), revision);
    for row in rows(ends, 2)? {
        let [at, id, told] = row.as_slice() else { return Err("a row of control_log is not one".into()) };
        let (Some(at), Some(id)) = (at.integer(), id.text()) else {
            return Err("a row of control_log cannot be read".into());
        };
        if at == revision {
            at_cursor = Some(id.to_owned());
            continue;
        }
        next += 1;
        if at != next {
            // What is missing was pruned.
            break;
        }
        let statements = serde_json::from_str(told.text().unwrap_or_default())
            .map_err(|error| format!("revision {at} cannot be read: {error}"))?;
        units.push(Unit { revision: at, id: id.to_owned(), statements });
    }
    Ok(Some(News { state, at_cursor, units }))
}

fn told_state(ends: &[StepEnd]) -> Result<Option<State>, String> {
    if let Some(StepEnd::Failed { message, .. }) = ends.get(1)
        && message.contains("no such table")
    {
        return Ok(None);
    }
    let Some(row) = rows(ends, 1)?.first() else { return Ok(None) };
    let state = (|| {
        Some(State {
            cluster: row.first()?.text()?.to_owned(),
            revision: row.get(1)?.integer()?,
            schema: row.get(2)?.integer()?,
            host_key: row.get(3)?.text()?.to_owned(),
        })
    })();
    state.map(Some).ok_or_else(|| "control_state cannot be read".into())
}

/// The rows of a step.
pub(crate) fn rows(ends: &[StepEnd], at: usize) -> Result<&[Vec<Datum>], String> {
    match ends.get(at) {
        Some(StepEnd::Done { rows, .. }) => Ok(rows),
        Some(StepEnd::Failed { message, .. }) => Err(message.clone()),
        Some(StepEnd::NotRun) => Err(ends.iter().find_map(failure).unwrap_or_else(|| "it was not run".into())),
        None => Err("it gave too few results".into()),
    }
}

fn failure(end: &StepEnd) -> Option<String> {
    if let StepEnd::Failed { message, .. } = end { Some(message.clone()) } else { None }
}

/// Says that everything went well.
pub(crate) fn all_done(ends: &[StepEnd]) -> Result<(), String> {
    ends.iter().find_map(failure).map_or(Ok(()), Err)
}

/// Asks for a page of a table, with the state of the cluster at that moment.
pub(crate) fn page(table: &str, offset: i64, limit: i64) -> Vec<Step> {
    let sql = format!("SELECT * FROM {table} ORDER BY 1, 2 LIMIT ?1 OFFSET ?2");
    let page = step(sql, vec![limit.into(), offset.into()]);
    transaction("BEGIN", vec![step(STATE, Vec::new()), page])
}

/// The state and the rows of a page. `None` when the server has no control plane.
pub(crate) fn told_page(ends: &[StepEnd]) -> Result<Option<(State, Rows)>, String> {
    let Some(state) = told_state(ends)? else { return Ok(None) };
    Ok(Some((state, rows(ends, 2)?.to_vec())))
}

/// Asks for the names of the tables that are there.
pub(crate) fn tables() -> Vec<Step> {
    let sql = "SELECT name FROM sqlite_master WHERE type = 'table' AND name <> 'control_blobs' \
               AND name NOT LIKE 'sqlite~_%' ESCAPE '~' AND name NOT LIKE 'libsql~_%' ESCAPE '~' ORDER BY name LIMIT 20";
    vec![step(sql, Vec::new())]
}

pub(crate) fn told_tables(ends: &[StepEnd]) -> Result<Vec<String>, String> {
    Ok(rows(ends, 0)?.iter().filter_map(|row| row.first()?.text().map(str::to_owned)).collect())
}

/// Makes the table for large values, which anybody may fill at any time: what is in it is named by its content.
pub(crate) fn make_blobs() -> Vec<Step> {
    let sql = "CREATE TABLE IF NOT EXISTS control_blobs (digest BLOB NOT NULL, part INTEGER NOT NULL, \
               bytes BLOB NOT NULL, PRIMARY KEY (digest, part)) STRICT, WITHOUT ROWID";
    vec![step(sql, Vec::new())]
}

/// Makes a control plane with these rows, all of it or none.
pub(crate) fn init(state: &State, schema: &ControlSchema, tables: &[(&str, Rows)]) -> Vec<Step> {
    let mut steps: Vec<_> = schema.0.iter().map(|sql| step(sql, Vec::new())).collect();
    for sql in [
        "CREATE TABLE control_log (revision INTEGER PRIMARY KEY, unit_id TEXT NOT NULL UNIQUE, at INTEGER NOT NULL, \
         node TEXT NOT NULL, statements TEXT NOT NULL) STRICT",
        "CREATE TABLE control_leases (name TEXT PRIMARY KEY, holder TEXT NOT NULL, until INTEGER NOT NULL) STRICT",
        "CREATE TABLE control_challenges (token TEXT PRIMARY KEY, answer TEXT NOT NULL, until INTEGER NOT NULL) STRICT",
        "CREATE TABLE control_nodes (node TEXT PRIMARY KEY, revision INTEGER NOT NULL, seen_at INTEGER NOT NULL, \
         version TEXT NOT NULL, generation INTEGER NOT NULL, troubles TEXT NOT NULL) STRICT",
        "CREATE TABLE control_state (only INTEGER PRIMARY KEY CHECK (only = 1), cluster TEXT NOT NULL, \
         revision INTEGER NOT NULL, schema INTEGER NOT NULL, host_key TEXT NOT NULL) STRICT",
    ] {
        steps.push(step(sql, Vec::new()));
    }
    for (table, rows) in tables {
        steps.extend(rows.iter().map(|row| step(insert(table, row.len()), row.clone())));
    }
    let State { cluster, revision, schema, host_key } = state;
    let values = vec![cluster.as_str().into(), (*revision).into(), (*schema).into(), host_key.as_str().into()];
    steps.push(step("INSERT INTO control_state VALUES (1, ?1, ?2, ?3, ?4)", values));
    transaction("BEGIN IMMEDIATE", steps)
}

/// A statement that inserts a row of so many columns.
pub(crate) fn insert(table: &str, columns: usize) -> String {
    let places: Vec<_> = (1..=columns).map(|column| format!("?{column}")).collect();
    format!("INSERT INTO {table} VALUES ({})", places.join(", "))
}

/// Puts one part of a large value.
pub(crate) fn put_part(digest: &[u8], part: i64, bytes: &[u8]) -> Vec<Step> {
    let values = vec![digest.to_vec().into(), part.into(), bytes.to_vec().into()];
    vec![step("INSERT OR IGNORE INTO control_blobs VALUES (?1, ?2, ?3)", values)]
}

/// Asks for one part of a large value.
pub(crate) fn part(digest: &[u8], part: i64) -> Vec<Step> {
    let sql = "SELECT bytes FROM control_blobs WHERE digest = ?1 AND part = ?2";
    vec![step(sql, vec![digest.to_vec().into(), part.into()])]
}

pub(crate) fn told_part(ends: &[StepEnd]) -> Result<Option<Vec<u8>>, String> {
    Ok(rows(ends, 0)?.first().and_then(|row| row.first()?.blob().map(<[u8]>::to_vec)))
}

/// Takes or renews a lease for so many milliseconds, and says how far this node is.
pub(crate) fn lease(name: &str, holder: &str, millis: i64, node: &SeenNode) -> Vec<Step> {
    let lease = format!(
        "INSERT INTO control_leases VALUES (?1, ?2, {NOW} + ?3) ON CONFLICT (name) DO UPDATE \
         SET holder = excluded.holder, until = excluded.until WHERE holder = excluded.holder OR until < {NOW}"
    );
    let seen = format!(
        "INSERT INTO control_nodes VALUES (?1, ?2, {NOW}, ?3, ?4, ?5) ON CONFLICT (node) DO UPDATE \
         SET revision = excluded.revision, seen_at = excluded.seen_at, version = excluded.version, \
         generation = excluded.generation, troubles = excluded.troubles"
    );
    let SeenNode { node, revision, version, generation, troubles, .. } = node;
    let told = vec![
        node.as_str().into(),
        (*revision).into(),
        version.as_str().into(),
        (*generation).into(),
        troubles.as_str().into(),
    ];
    vec![step(lease, vec![name.into(), holder.into(), millis.into()]), step(seen, told)]
}

/// Whether the lease is held.
pub(crate) fn leased(ends: &[StepEnd]) -> Result<bool, String> {
    match ends.first() {
        Some(StepEnd::Done { changed, .. }) => Ok(*changed > 0),
        _ => rows(ends, 0).map(|_| false),
    }
}

/// Has every node answer a challenge for so many milliseconds. Those whose time is over go.
pub(crate) fn show_challenge(token: &str, answer: &str, millis: i64) -> Vec<Step> {
    let show = format!("INSERT OR REPLACE INTO control_challenges VALUES (?1, ?2, {NOW} + ?3)");
    let forget = format!("DELETE FROM control_challenges WHERE until < {NOW}");
    vec![step(show, vec![token.into(), answer.into(), millis.into()]), step(forget, Vec::new())]
}

/// Asks for the answer to a challenge.
pub(crate) fn challenge(token: &str) -> Vec<Step> {
    let sql = format!("SELECT answer FROM control_challenges WHERE token = ?1 AND until >= {NOW}");
    vec![step(sql, vec![token.into()])]
}

pub(crate) fn told_challenge(ends: &[StepEnd]) -> Result<Option<String>, String> {
    Ok(rows(ends, 0)?.first().and_then(|row| row.first()?.text().map(str::to_owned)))
}

/// Gives a lease back.
pub(crate) fn release(name: &str, holder: &str) -> Vec<Step> {
    let sql = "DELETE FROM control_leases WHERE name = ?1 AND holder = ?2";
    vec![step(sql, vec![name.into(), holder.into()])]
}

/// Asks which nodes there are.
pub(crate) fn nodes() -> Vec<Step> {
    let sql = "SELECT node, revision, seen_at, version, generation, troubles FROM control_nodes ORDER BY node LIMIT ?1";
    vec![step(sql, vec![NODES_MAX.into()])]
}

pub(crate) fn told_nodes(ends: &[StepEnd]) -> Result<Vec<SeenNode>, String> {
    let read = |row: &Vec<Datum>| {
        Some(SeenNode {
            node: row.first()?.text()?.to_owned(),
            revision: row.get(1)?.integer()?,
            seen_at: row.get(2)?.integer()?,
            version: row.get(3)?.text()?.to_owned(),
            generation: row.get(4)?.integer()?,
            troubles: row.get(5)?.text()?.to_owned(),
        })
    };
    Ok(rows(ends, 0)?.iter().filter_map(read).collect())
}
