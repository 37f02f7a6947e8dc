//! The only place that touches libSQL's statements: prepared once, reset on every path.
//!
//! A libSQL statement that is used again without a reset keeps the values of its first use and reports success
//! (tursodatabase/libsql#2135), so no other file may hold one. A local libSQL call also never waits: its future
//! does all the work when it is first polled, on the thread that polls it. That is why the store has threads of
//! its own, and why polling once is enough here.

#![expect(clippy::disallowed_types, reason = "this is the one place for them")]

use std::cell::RefCell;
use std::collections::HashMap;
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

pub(crate) use libsql::Value;

use super::control::Recorder;

/// What libSQL reported, with its extended result code where there is one.
pub type SqlError = libsql::Error;

/// Most statements that a connection keeps prepared. Past it all are dropped and prepared again as needed.
const STATEMENTS_MAX: usize = 256;

/// How long to wait for a connection that still closes and checkpoints; without it libSQL gives up at once.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// One connection, for one thread.
pub(crate) struct Connection {
    // Declared before the connection, so that the statements are finalized first.
    statements: RefCell<HashMap<String, libsql::Statement>>,
    raw: libsql::Connection,
    recorder: RefCell<Option<Recorder>>,
}

impl Connection {
    pub(crate) fn new(raw: libsql::Connection) -> Self {
        Self { statements: RefCell::default(), raw, recorder: RefCell::default() }
    }

    /// Runs a statement that returns no rows and says how many rows it changed.
    pub(crate) fn execute(&self, sql: &str, values: &[Value]) -> Result<u64, SqlError> {
        if let Some(recorder) = &*self.recorder.borrow() {
            recorder.check(sql)?;
        }
        let changed = self.prepared(sql, |statement| {
            let changed = now(statement.execute(values.to_vec()))?;
            Ok(u64::try_from(changed).unwrap_or(0))
        })?;
        if let Some(recorder) = &mut *self.recorder.borrow_mut() {
            recorder.note(sql, values, changed);
        }
        Ok(changed)
    }

    /// Runs something and gives what it wrote to the control tables beside what it returns. What may not be recorded
    /// fails meanwhile.
    pub(crate) fn recorded<T>(&self, run: impl FnOnce() -> T) -> (T, Recorder) {
        *self.recorder.borrow_mut() = Some(Recorder::default());
        let recording = Recording(self);
        let told = run();
        let recorder = recording.0.recorder.borrow_mut().take().unwrap_or_default();
        (told, recorder)
    }

    /// Reads every row. The bound stands in the SQL.
    pub(crate) fn query<T>(
        &self,
        sql: &str,
        values: &[Value],
        mut read: impl FnMut(&Row) -> Result<T, SqlError>,
    ) -> Result<Vec<T>, SqlError> {
        self.prepared(sql, |statement| {
            let mut rows = now(statement.query(values.to_vec()))?;
            let mut found = Vec::new();
            while let Some(row) = now(rows.next())? {
                found.push(read(&Row(row))?);
            }
            Ok(found)
        })
    }

    /// Reads the first row, if there is one.
    pub(crate) fn query_one<T>(
        &self,
        sql: &str,
        values: &[Value],
        read: impl FnMut(&Row) -> Result<T, SqlError>,
    ) -> Result<Option<T>, SqlError> {
        Ok(self.query(sql, values, read)?.into_iter().next())
    }

    /// Runs SQL of our own that has no parameters: pragmas, migrations, transaction control.
    pub(crate) fn batch(&self, sql: &str) -> Result<(), SqlError> {
        if self.recorder.borrow().is_some() {
            return Err(SqlError::Misuse(format!("a batch cannot be recorded: {sql}")));
        }
        now(self.raw.execute_batch(sql)).map(drop)
    }

    /// True between BEGIN and COMMIT, unless libSQL ended the transaction by itself.
    pub(crate) fn in_transaction(&self) -> bool {
        !self.raw.is_autocommit()
    }

    fn prepared<T>(
        &self,
        sql: &str,
        run: impl FnOnce(&libsql::Statement) -> Result<T, SqlError>,
    ) -> Result<T, SqlError> {
        let mut statements = self.statements.borrow_mut();
        if !statements.contains_key(sql) {
            if statements.len() == STATEMENTS_MAX {
                statements.clear();
            }
            statements.insert(sql.to_owned(), now(self.raw.prepare(sql))?);
        }
        let used = Used(&statements[sql]);
        run(used.0)
    }
}

/// A statement while it is used. However that ends, in an error or a panic too, it is reset.
struct Used<'a>(&'a libsql::Statement);

impl Drop for Used<'_> {
    fn drop(&mut self) {
        self.0.reset();
    }
}

/// A recording while it goes on. A panic ends it too.
struct Recording<'a>(&'a Connection);

impl Drop for Recording<'_> {
    fn drop(&mut self) {
        self.0.recorder.borrow_mut().take();
    }
}

/// One row. A column of another type than asked for is an error, never a guess.
pub(crate) struct Row(libsql::Row);

impl Row {
    /// All of it, whatever it is.
    pub(crate) fn values(&self) -> Result<Vec<Value>, SqlError> {
        (0..self.0.column_count()).map(|column| self.0.get_value(column)).collect()
    }

    /// Whatever it is.
    pub(crate) fn value(&self, column: i32) -> Result<Value, SqlError> {
        self.0.get_value(column)
    }

    pub(crate) fn text(&self, column: i32) -> Result<String, SqlError> {
        self.0.get_str(column).map(str::to_owned)
    }

    pub(crate) fn text_or_null(&self, column: i32) -> Result<Option<String>, SqlError> {
        self.unless_null(column, Self::text)
    }

    pub(crate) fn integer(&self, column: i32) -> Result<i64, SqlError> {
        self.0.get(column)
    }

    pub(crate) fn integer_or_null(&self, column: i32) -> Result<Option<i64>, SqlError> {
        self.unless_null(column, Self::integer)
    }

    pub(crate) fn real_or_null(&self, column: i32) -> Result<Option<f64>, SqlError> {
        self.unless_null(column, |row, column| row.0.get(column))
    }

    pub(crate) fn flag(&self, column: i32) -> Result<bool, SqlError> {
        Ok(self.integer(column)? != 0)
    }

    pub(crate) fn flag_or_null(&self, column: i32) -> Result<Option<bool>, SqlError> {
        self.unless_null(column, Self::flag)
    }

    pub(crate) fn blob(&self, column: i32) -> Result<Vec<u8>, SqlError> {
        self.0.get(column)
    }

    pub(crate) fn blob_or_null(&self, column: i32) -> Result<Option<Vec<u8>>, SqlError> {
        self.unless_null(column, Self::blob)
    }

    /// Reads text through `parse`. What does not parse was not written by us.
    pub(crate) fn parsed<T>(&self, column: i32, parse: impl FnOnce(&str) -> Option<T>) -> Result<T, SqlError> {
        parse(self.0.get_str(column)?).ok_or(SqlError::InvalidColumnType)
    }

    pub(crate) fn parsed_or_null<T>(
        &self,
        column: i32,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, SqlError> {
        self.unless_null(column, |row, column| row.parsed(column, parse))
    }

    fn unless_null<T>(
        &self,
        column: i32,
        read: impl FnOnce(&Self, i32) -> Result<T, SqlError>,
    ) -> Result<Option<T>, SqlError> {
        if self.0.get_value(column)? == Value::Null { Ok(None) } else { read(self, column).map(Some) }
    }
}

/// The values of a statement, each turned into what SQL stores.
macro_rules! values {
    ($($value:expr),* $(,)?) => { &[$($crate::store::sql::Value::from($value)),*] };
}
pub(crate) use values;

/// True when a write broke a UNIQUE or PRIMARY KEY constraint.
pub(crate) fn is_duplicate(error: &SqlError) -> bool {
    const SQLITE_CONSTRAINT_PRIMARYKEY: i32 = 1555;
    const SQLITE_CONSTRAINT_UNIQUE: i32 = 2067;
    matches!(error, SqlError::SqliteFailure(SQLITE_CONSTRAINT_PRIMARYKEY | SQLITE_CONSTRAINT_UNIQUE, _))
}

/// True when a write broke a constraint of any kind.
pub(crate) fn is_constraint(error: &SqlError) -> bool {
    const SQLITE_CONSTRAINT: i32 = 19;
    matches!(error, SqlError::SqliteFailure(code, _) if code & 0xff == SQLITE_CONSTRAINT)
}

/// Finishes a local libSQL future, which never waits.
fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => unreachable!("a local libSQL call does its work when it is first polled"),
    }
}

/// Opens a database file.
pub(crate) fn open(path: &std::path::Path, flags: libsql::OpenFlags) -> Result<Connection, SqlError> {
    let database = now(libsql::Builder::new_local(path).flags(flags).build())?;
    let raw = database.connect()?;
    raw.busy_timeout(BUSY_TIMEOUT)?;
    Ok(Connection::new(raw))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memory() -> Connection {
        let connection = open(std::path::Path::new(":memory:"), libsql::OpenFlags::default()).expect("memory opens");
        connection.batch("CREATE TABLE numbers (n INTEGER PRIMARY KEY, word TEXT)").expect("the table is made");
        connection
    }

    fn words(connection: &Connection) -> Vec<String> {
        connection.query("SELECT word FROM numbers ORDER BY n", &[], |row| row.text(0)).expect("the rows are read")
    }

    /// Without the reset in `execute`, libSQL stores `one` three times and calls each a success.
    #[test]
    fn a_statement_that_is_used_again_stores_its_new_values() {
        let connection = memory();
        for (n, word) in [(1, "one"), (2, "two"), (3, "three")] {
            connection.execute("INSERT INTO numbers VALUES (?1, ?2)", values![n, word]).expect("it is stored");
        }
        assert_eq!(words(&connection), ["one", "two", "three"]);
    }

    #[test]
    fn a_statement_works_again_after_it_failed() {
        let connection = memory();
        let insert = "INSERT INTO numbers VALUES (?1, ?2)";
        connection.execute(insert, values![1, "one"]).expect("it is stored");
        let error = connection.execute(insert, values![1, "again"]).expect_err("the key is taken");
        assert!(is_duplicate(&error), "{error:?}");
        connection.execute(insert, values![2, "two"]).expect("it is stored");
        assert_eq!(words(&connection), ["one", "two"]);
    }

    #[test]
    fn a_statement_works_again_after_its_reader_panicked() {
        let connection = memory();
        connection.batch("INSERT INTO numbers VALUES (1, 'one'), (2, 'two')").expect("they are stored");
        let sql = "SELECT word FROM numbers WHERE n >= ?1 ORDER BY n";
        let panicking = std::panic::AssertUnwindSafe(|| {
            connection.query(sql, values![1], |_| -> Result<(), SqlError> { panic!("as it happens") })
        });
        std::panic::catch_unwind(panicking).expect_err("it panics");
        let found = connection.query(sql, values![2], |row| row.text(0)).expect("the rows are read");
        assert_eq!(found, ["two"]);
    }

    #[test]
    fn a_query_that_stops_half_way_starts_anew_the_next_time() {
        let connection = memory();
        connection.batch("INSERT INTO numbers VALUES (1, 'one'), (2, NULL), (3, 'three')").expect("they are stored");
        let read = |row: &Row| row.text(0);
        connection.query("SELECT word FROM numbers ORDER BY n", &[], read).expect_err("NULL is no text");
        let read = |row: &Row| row.text_or_null(0);
        let found = connection.query("SELECT word FROM numbers ORDER BY n", &[], read).expect("the rows are read");
        assert_eq!(found, [Some("one".into()), None, Some("three".into())]);
    }

    #[test]
    fn more_statements_than_are_kept_still_work() {
        let connection = memory();
        for n in 0..=i64::try_from(STATEMENTS_MAX).expect("the bound fits") {
            let sql = format!("SELECT {n}");
            assert_eq!(connection.query_one(&sql, &[], |row| row.integer(0)).expect("it is read"), Some(n));
        }
    }
}
