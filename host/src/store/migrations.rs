//! Brings the database to the shape that this binary knows. `migrations/README.md` says how to write the next.

use super::sql::{Connection, values};
use super::{Result, StoreError};

/// Every migration in order: version, name, SQL. A released one is never edited.
const MIGRATIONS: &[(u32, &str, &str)] = &[
    (1, "foundation", include_str!("../../../migrations/0001_foundation.sql")),
    (2, "plugins", include_str!("../../../migrations/0002_plugins.sql")),
    (3, "recordings", include_str!("../../../migrations/0003_recordings.sql")),
    (4, "queue", include_str!("../../../migrations/0004_queue.sql")),
    (5, "dkim", include_str!("../../../migrations/0005_dkim.sql")),
    (6, "smtp_credentials", include_str!("../../../migrations/0006_smtp_credentials.sql")),
    (7, "suppressions", include_str!("../../../migrations/0007_suppressions.sql")),
    (8, "domain_checks", include_str!("../../../migrations/0008_domain_checks.sql")),
    (9, "tracking_hosts", include_str!("../../../migrations/0009_tracking_hosts.sql")),
    (10, "journal", include_str!("../../../migrations/0010_journal.sql")),
    (11, "tracking_keys", include_str!("../../../migrations/0011_tracking_keys.sql")),
    (12, "control_plane", include_str!("../../../migrations/0012_control_plane.sql")),
    (13, "nodes", include_str!("../../../migrations/0013_nodes.sql")),
    (14, "statistics", include_str!("../../../migrations/0014_statistics.sql")),
    (15, "health", include_str!("../../../migrations/0015_health.sql")),
    (16, "inbox", include_str!("../../../migrations/0016_inbox.sql")),
    (17, "event_lists", include_str!("../../../migrations/0017_event_lists.sql")),
    (18, "sources", include_str!("../../../migrations/0018_sources.sql")),
    (19, "stat_wholes", include_str!("../../../migrations/0019_stat_wholes.sql")),
    (20, "events_with_recipients", include_str!("../../../migrations/0020_events_with_recipients.sql")),
];

/// Applies what is missing, each migration in a transaction of its own together with its record.
///
/// Foreign keys are off meanwhile, so that a migration can make a table anew that others refer to; each is checked to
/// leave none that leads nowhere. They are on when this returns.
pub(crate) fn apply(connection: &Connection, now: i64) -> Result<()> {
    connection.batch(
        "CREATE TABLE IF NOT EXISTS schema_migrations \
         (version INTEGER PRIMARY KEY, name TEXT NOT NULL, sql TEXT NOT NULL, applied_at INTEGER NOT NULL) STRICT",
    )?;
    let applied = connection.query("SELECT version, sql FROM schema_migrations ORDER BY version", &[], |row| {
        Ok((row.integer(0)?, row.text(1)?))
    })?;
    let known = MIGRATIONS.last().map_or(0, |(version, ..)| *version);
    if let Some(found) = applied.iter().map(|(version, _)| *version).max().filter(|found| *found > i64::from(known)) {
        return Err(StoreError::Newer { found: u32::try_from(found).unwrap_or(u32::MAX), known });
    }
    // SQLite changes this between transactions alone.
    connection.batch("PRAGMA foreign_keys = OFF")?;
    for (version, name, sql) in MIGRATIONS {
        match applied.iter().find(|(applied, _)| *applied == i64::from(*version)) {
            Some((_, stored)) if stored != sql => return Err(StoreError::Altered(*version)),
            Some(_) => {}
            None => apply_one(connection, *version, name, sql, now)?,
        }
    }
    connection.batch("PRAGMA foreign_keys = ON")?;
    Ok(())
}

fn apply_one(connection: &Connection, version: u32, name: &str, sql: &str, now: i64) -> Result<()> {
    connection.batch("BEGIN IMMEDIATE")?;
    let record = "INSERT INTO schema_migrations VALUES (?1, ?2, ?3, ?4)";
    let done = connection
        .batch(sql)
        .and_then(|()| connection.execute(record, values![version, name, sql, now]))
        .map_err(StoreError::from)
        .and_then(|_| check_references(connection, version))
        .and_then(|()| Ok(connection.batch("COMMIT")?));
    if let Err(error) = done {
        connection.batch("ROLLBACK")?;
        return Err(error);
    }
    tracing::info!(version, name, "migration applied");
    Ok(())
}

/// No row refers to one that is not there.
fn check_references(connection: &Connection, version: u32) -> Result<()> {
    let found = connection.query_one("SELECT \"table\", parent FROM pragma_foreign_key_check", &[], |row| {
        Ok((row.text(0)?, row.text(1)?))
    })?;
    found.map_or(Ok(()), |(table, parent)| Err(StoreError::Dangling { version, table, parent }))
}

/// A database as the service of migration `last` left it.
#[cfg(test)]
pub(super) fn apply_up_to(connection: &Connection, last: i64, now: i64) -> Result<()> {
    connection.batch(
        "CREATE TABLE schema_migrations \
         (version INTEGER PRIMARY KEY, name TEXT NOT NULL, sql TEXT NOT NULL, applied_at INTEGER NOT NULL) STRICT",
    )?;
    let wanted = MIGRATIONS.iter().filter(|(version, ..)| i64::from(*version) <= last);
    wanted.into_iter().try_for_each(|(version, name, sql)| apply_one(connection, *version, name, sql, now))
}

#[cfg(test)]
mod tests {
    use super::super::sql;
    use super::*;

    fn memory() -> Connection {
        sql::open(std::path::Path::new(":memory:"), libsql::OpenFlags::default()).expect("memory opens")
    }

    #[test]
    fn each_migration_is_applied_once() {
        let connection = memory();
        apply(&connection, 1).expect("a new database is migrated");
        apply(&connection, 2).expect("a migrated database is left alone");
        let found = connection
            .query("SELECT version, applied_at FROM schema_migrations", &[], |row| {
                Ok((row.integer(0)?, row.integer(1)?))
            })
            .expect("the records are read");
        assert_eq!(found.len(), MIGRATIONS.len());
        assert!(found.iter().all(|(_, applied_at)| *applied_at == 1), "{found:?}");
    }

    #[test]
    fn a_database_from_the_future_is_refused_with_both_versions() {
        let connection = memory();
        apply(&connection, 1).expect("a new database is migrated");
        connection.batch("INSERT INTO schema_migrations VALUES (4711, 'later', '', 1)").expect("it is recorded");
        let error = apply(&connection, 2).expect_err("it is refused").to_string();
        assert!(error.contains("4711") && error.contains("later version of Pillarbox"), "{error}");
    }

    #[test]
    fn a_migration_that_was_edited_after_its_release_is_noticed() {
        let connection = memory();
        apply(&connection, 1).expect("a new database is migrated");
        connection.batch("UPDATE schema_migrations SET sql = 'something else'").expect("it is changed");
        assert!(matches!(apply(&connection, 2), Err(StoreError::Altered(1))));
    }

    /// A database as the service of migration `last` left it.
    fn up_to(last: u32, rows: &str) -> Connection {
        let connection = memory();
        apply_up_to(&connection, last.into(), 1).expect("it is applied");
        connection.batch(rows).expect("the rows are stored");
        connection
    }

    const CUSTOMER: &str = "INSERT INTO customers VALUES \
        ('c', 'Acme', 'a@b.example', 'active', 1, 1, NULL, NULL, 1, 1, 1, 0, 0, 'full', 5);";

    #[test]
    fn domains_keep_their_emails_and_keys_when_their_table_is_made_anew() {
        let rows = format!(
            "{CUSTOMER}
             INSERT INTO domains (id, customer_id, name, status, sandbox, created_at, verified_at, verified_by) VALUES
                ('d1', 'c', 'acme.example', 'verified', 0, 5, 6, 'operator'),
                ('d2', 'c', 'b.example', 'pending', 0, 7, NULL, NULL);
             INSERT INTO emails (id, customer_id, domain_id, message_id, sender, recipient, subject, stream_type, status,
                submitted_at) VALUES ('e', 'c', 'd1', 'm', 's', 'r', 's', 'transactional', 'queued', 8);
             INSERT INTO dkim_keys VALUES ('k', 'd1', 's', 'rsa2048', 'active', x'01', 'p', 5);"
        );
        let connection = up_to(7, &rows);
        apply(&connection, 2).expect("it is brought up to date");
        let text = |sql: &str| {
            let rows = connection.query(sql, &[], |row| row.text(0)).expect("it is read");
            rows.join(" ")
        };
        let domains = "SELECT id || name || status || COALESCE(verified_by, '-') || (next_check_at IS NOT NULL) \
                       FROM domains ORDER BY id";
        assert_eq!(text(domains), "d1acme.exampleverifiedoperator0 d2b.examplepending-1");
        assert_eq!(text("SELECT COUNT(DISTINCT ownership_token) || MIN(length(ownership_token)) FROM domains"), "232");
        assert_eq!(text("SELECT selector || state || hex(sealed) || state_since FROM dkim_keys"), "sactive015");
        assert_eq!(
            text("SELECT emails.id || name FROM emails JOIN domains ON domains.id = domain_id"),
            "eacme.example"
        );
        let lost = connection.batch("DELETE FROM domains WHERE id = 'd1'").expect_err("an email refers to it");
        assert!(lost.to_string().contains("FOREIGN KEY"), "{lost}");
    }

    #[test]
    fn a_migration_that_leaves_a_reference_to_nothing_is_undone() {
        let connection = up_to(7, "PRAGMA foreign_keys = OFF; INSERT INTO smtp_credentials VALUES ('nobody', 'h', 1);");
        let error = apply(&connection, 2).expect_err("it is refused").to_string();
        assert!(error.contains("migration 8") && error.contains("smtp_credentials"), "{error}");
        let versions = connection.query("SELECT version FROM schema_migrations", &[], |row| row.integer(0));
        assert_eq!(versions.expect("they are read").len(), 7);
        connection.batch("SELECT ownership_token FROM domains").expect_err("the table is as it was");
    }
}
