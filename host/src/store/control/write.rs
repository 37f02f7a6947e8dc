//! A unit of work on the control plane, from its rehearsal here to the same rows on every node.

use std::collections::HashSet;
use std::sync::Arc;

use super::primary::{self, News, Offered, State, UNIT_BYTES_MAX, Unit};
use super::replica::cursor;
use super::{CONTROL_SCHEMA, Copied, Cursor, Statement, TABLES, blobs};
use crate::cluster::{AskError, Patience, Primary};
use crate::hash::sha256;
use crate::store::sql::Connection;
use crate::store::{Result, Store, StoreError};

/// How often a unit is made anew because another node was faster.
const RACES_MAX: usize = 32;
/// Rows of a page while the tables are copied.
const PAGE_ROWS: i64 = 500;
/// How often a copy is begun again because the primary went on meanwhile.
const COPIES_MAX: usize = 20;

/// What a look at the primary came to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Told {
    /// This node has all there is.
    Current,
    /// There is more.
    More,
    /// The log does not lead from this node to the primary: the tables have to be copied.
    Lost,
}

/// A unit that was run, and undone again.
struct Rehearsal<Unit, T, E> {
    unit: Unit,
    outcome: Result<T, E>,
    statements: Vec<Statement>,
    at: Option<Cursor>,
}

/// How a rehearsal leaves the writer, which undoes what ends in an error.
enum Undone<R> {
    Rehearsed(R),
    Failed(StoreError),
}

impl<R> From<StoreError> for Undone<R> {
    fn from(error: StoreError) -> Self {
        Self::Failed(error)
    }
}

impl Store {
    /// Runs one unit of work on control tables and returns once it is on disk: here where there is no cluster, else at the
    /// primary and here. It may be run several times, and what it returns is of the run that stands. While the primary is
    /// away it is [`StoreError::Away`] and nothing happened; where nobody can tell, it is [`StoreError::Unclear`].
    pub(crate) async fn control_write<T, E>(
        &self,
        unit: impl FnMut(&Connection) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        match self.primary.clone() {
            None => self.write(unit).await,
            // Apart, so that nobody carries its size who has no cluster.
            Some(primary) => Box::pin(self.write_at(primary, unit)).await,
        }
    }

    async fn write_at<T, E>(
        &self,
        primary: Arc<Primary>,
        mut unit: impl FnMut(&Connection) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let patience = primary.patience();
        let _turn = primary.turn(&patience).await?;
        let mut put = HashSet::new();
        for _ in 0..RACES_MAX {
            let rehearsal = self.rehearse(unit).await?;
            unit = rehearsal.unit;
            let told = rehearsal.outcome?;
            if rehearsal.statements.is_empty() {
                return Ok(told);
            }
            let at = rehearsal.at.ok_or(StoreError::Diverged)?;
            if let Some(taken) = offer(&primary, &at, rehearsal.statements, &mut put, &patience).await? {
                return match self.apply_units(vec![taken]).await {
                    // The tables are being copied anew, and this is among what is copied.
                    Ok(_) | Err(StoreError::Diverged) => Ok(told),
                    Err(error) => Err(error.into()),
                };
            }
            if patience.is_over() {
                break;
            }
            while self.follow(&primary).await? == Told::More {}
        }
        Err(StoreError::Contended.into())
    }

    async fn rehearse<U, T, E>(&self, mut unit: U) -> Result<Rehearsal<U, T, E>>
    where
        U: FnMut(&Connection) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let rehearse = move |connection: &Connection| {
            let at = cursor(connection).map_err(StoreError::from)?;
            let (outcome, recorder) = connection.recorded(|| unit(connection));
            let statements = recorder.statements;
            Err::<(), _>(Undone::Rehearsed(Rehearsal { unit, outcome, statements, at }))
        };
        match self.write(rehearse).await {
            Err(Undone::Rehearsed(rehearsal)) => Ok(rehearsal),
            Err(Undone::Failed(error)) => Err(error),
            Ok(()) => unreachable!("a rehearsal ends in what it was"),
        }
    }

    /// Looks once at what the primary has beyond this node, and applies it.
    pub(crate) async fn follow(&self, primary: &Primary) -> Result<Told> {
        let at = self.control_cursor().await?.ok_or(StoreError::Diverged)?;
        let ends = primary.ask(&primary::news(at.revision)).await?;
        let news = primary::told_news(&ends, at.revision).map_err(StoreError::Primary)?;
        let Some(News { state, at_cursor, mut units }) = news else { return Err(nothing_there()) };
        check(primary, &state)?;
        if state.cluster != at.cluster {
            return Err(StoreError::Primary(format!(
                "it is another cluster ({}) than this node belongs to ({}); set the right storage_url, or have this node \
                 leave its cluster by `pillarbox cluster leave`",
                state.cluster, at.cluster
            )));
        }
        let is_another = at_cursor.is_some_and(|id| !at.unit_id.is_empty() && id != at.unit_id);
        if state.revision < at.revision || is_another || (units.is_empty() && state.revision > at.revision) {
            return Ok(Told::Lost);
        }
        let reached = units.last().map_or(at.revision, |unit| unit.revision);
        for unit in &mut units {
            blobs::put_back(primary, unit.statements.iter_mut().flat_map(|statement| &mut statement.values)).await?;
        }
        if !units.is_empty() {
            match self.apply_units(units).await {
                Ok(tables) => self.touched.add(tables),
                Err(StoreError::Diverged) => return Ok(Told::Lost),
                Err(error) => return Err(error),
            }
        }
        primary.reached(reached, state.revision);
        Ok(if reached < state.revision { Told::More } else { Told::Current })
    }

    /// Copies all control tables of the primary, in the place of this node's own.
    pub(crate) async fn copy_control_tables(&self, primary: &Primary) -> Result<()> {
        for _ in 0..COPIES_MAX {
            let Some((state, mut tables)) = copy(primary).await? else { continue };
            for (_, rows) in &mut tables {
                blobs::put_back(primary, rows.iter_mut().flatten()).await?;
            }
            let at = Cursor { cluster: state.cluster, revision: state.revision, unit_id: String::new() };
            self.replace_control_tables(tables, at).await?;
            self.touched.add(TABLES.to_vec());
            primary.reached(state.revision, state.revision);
            return Ok(());
        }
        Err(StoreError::Contended)
    }

    /// Makes the control tables of this node those of a new cluster, at a server that has none.
    pub(crate) async fn init_primary(&self, primary: &Primary, cluster: String) -> Result<()> {
        let found = primary::told_tables(&primary.ask(&primary::tables()).await?).map_err(StoreError::Primary)?;
        if !found.is_empty() {
            return Err(StoreError::Primary(format!(
                "it has tables already ({}): a cluster is made on an empty server. To join the cluster that is there, start \
                 this node with an empty data directory",
                found.join(", ")
            )));
        }
        primary::all_done(&primary.ask(&primary::make_blobs()).await?).map_err(StoreError::Primary)?;
        let (schema, mut tables) = self.control_tables().await?;
        for (_, rows) in &mut tables {
            for value in blobs::take_out(rows.iter_mut().flatten()) {
                blobs::put(primary, &value).await?;
            }
        }
        let host_key = primary.host_key().to_owned();
        let state = State { cluster: cluster.clone(), revision: 0, schema: CONTROL_SCHEMA, host_key };
        let ends = primary.ask_patiently(&primary::init(&state, &schema, &tables)).await?;
        primary::all_done(&ends).map_err(StoreError::Primary)?;
        self.set_control_cursor(Some(Cursor { cluster, revision: 0, unit_id: String::new() })).await
    }
}

/// Whether a node of this kind may follow.
fn check(primary: &Primary, state: &State) -> Result<()> {
    if state.host_key != primary.host_key() {
        return Err(StoreError::Refused(
            "the cluster was made with another host.key, which seals its keys and signs its links: copy the file `host.key` \
             of a node that belongs to it into this data directory"
                .into(),
        ));
    }
    let found = state.schema;
    if found != CONTROL_SCHEMA {
        let which = if found > CONTROL_SCHEMA { "a later" } else { "an earlier" };
        return Err(StoreError::Refused(format!(
            "the cluster's tables are those of migration {found}, and this binary's are those of migration \
             {CONTROL_SCHEMA}: the cluster runs {which} version of Pillarbox"
        )));
    }
    Ok(())
}

fn nothing_there() -> StoreError {
    StoreError::Primary("it has no cluster yet; `pillarbox cluster init` makes one".into())
}

/// Offers a unit until it is known what became of it. `None` when another unit was faster. The large values that were put
/// already are put no more.
async fn offer(
    primary: &Primary,
    at: &Cursor,
    mut statements: Vec<Statement>,
    put: &mut HashSet<[u8; 32]>,
    patience: &Patience,
) -> Result<Option<Unit>> {
    let whole = statements.clone();
    for value in blobs::take_out(statements.iter_mut().flat_map(|statement| &mut statement.values)) {
        if put.insert(sha256(&value)) {
            blobs::put(primary, &value).await?;
        }
    }
    let told = told(&statements)?;
    let id = primary.new_unit();
    let batch = primary::offer(at, id, primary.node(), &told, &statements);
    let taken = || Some(Unit { revision: at.revision + 1, id: id.to_string(), statements: whole.clone() });
    // Once an answer got lost, only the log can tell.
    let mut lost = false;
    loop {
        let why = match primary.ask(&batch).await {
            Ok(ends) => match primary::offered(&ends).map_err(StoreError::Primary)? {
                Offered::Taken => return Ok(taken()),
                Offered::Raced if !lost => return Ok(None),
                Offered::Raced => match find(primary, id).await {
                    Ok(found) => return Ok(found.and_then(|_| taken())),
                    Err(error) => error.to_string(),
                },
                Offered::Busy => "it was busy".into(),
            },
            Err(error) => {
                lost |= matches!(error, AskError::Unanswered(_));
                if matches!(error, AskError::Resting(_)) {
                    return Err(if lost { StoreError::Unclear(error.to_string()) } else { error.into() });
                }
                error.to_string()
            }
        };
        if !patience.pause().await {
            return Err(if lost { StoreError::Unclear(why) } else { StoreError::Away(why) });
        }
        if lost && let Ok(Some(_)) = find(primary, id).await {
            return Ok(taken());
        }
    }
}

/// A unit as the log has it.
fn told(statements: &[Statement]) -> Result<String> {
    let told = serde_json::to_string(statements).expect("statements have text keys and serialize");
    if told.len() <= UNIT_BYTES_MAX {
        Ok(told)
    } else {
        Err(StoreError::Primary(format!("a change of {} bytes is too large for its log", told.len())))
    }
}

async fn find(primary: &Primary, id: uuid::Uuid) -> Result<Option<i64>> {
    let ends = primary.ask(&primary::find(id)).await?;
    primary::found(&ends).map_err(StoreError::Primary)
}

/// Copies the tables as they are at one revision. `None` when the primary went on meanwhile.
async fn copy(primary: &Primary) -> Result<Option<(State, Copied)>> {
    let mut first: Option<State> = None;
    let mut tables = Vec::new();
    for table in TABLES {
        let (mut rows, mut limit) = (Vec::new(), PAGE_ROWS);
        loop {
            let offset = i64::try_from(rows.len()).unwrap_or(i64::MAX);
            let ends = match primary.ask(&primary::page(table, offset, limit)).await {
                Err(AskError::TooLarge) if limit > 1 => {
                    limit /= 2;
                    continue;
                }
                ends => ends?,
            };
            let page = primary::told_page(&ends).map_err(StoreError::Primary)?;
            let Some((state, page)) = page else { return Err(nothing_there()) };
            check(primary, &state)?;
            if first.get_or_insert_with(|| state.clone()).revision != state.revision {
                return Ok(None);
            }
            let is_last = i64::try_from(page.len()).is_ok_and(|found| found < limit);
            rows.extend(page);
            if is_last {
                break;
            }
        }
        tables.push((table, rows));
    }
    Ok(first.map(|state| (state, tables)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_may_be_as_large_as_the_bound_and_no_larger() {
        let of = |bytes: usize| {
            let sql = "UPDATE customers SET name = ?1".to_owned();
            vec![Statement { sql, values: vec!["x".repeat(bytes).into()], changed: 1 }]
        };
        let frame = told(&of(0)).expect("it is small").len();
        assert_eq!(told(&of(UNIT_BYTES_MAX - frame)).expect("it is inside").len(), UNIT_BYTES_MAX);
        let wrong = told(&of(UNIT_BYTES_MAX - frame + 1)).expect_err("it is outside").to_string();
        assert!(wrong.contains("too large for its log"), "{wrong}");
    }
}
