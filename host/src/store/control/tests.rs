//! The control tables of a store on its own.

use super::*;
use crate::store::sql::values;
use crate::store::{Store, StoreError, StoreLimits, migrations, sql};

#[test]
fn no_migration_behind_the_schema_changes_a_control_table() {
    let at = |last: i64| {
        let connection =
            sql::open(std::path::Path::new(":memory:"), libsql::OpenFlags::default()).expect("memory opens");
        migrations::apply_up_to(&connection, last, 0).expect("it is migrated");
        ControlSchema::read(&connection).expect("the schema is read")
    };
    assert_eq!(at(CONTROL_SCHEMA), at(i64::MAX), "raise CONTROL_SCHEMA to the last migration that changes one");
    assert_ne!(at(CONTROL_SCHEMA - 1), at(CONTROL_SCHEMA), "it is the last one that did");
}

#[tokio::test]
async fn units_are_applied_in_order_once_and_only_when_they_change_what_they_changed() {
    let directory = tempfile::tempdir().expect("a directory is made");
    let store = Store::open(directory.path(), StoreLimits::default(), 0).expect("the store opens");
    let unit = |revision, sql: &str, changed| primary::Unit {
        revision,
        id: format!("unit {revision}"),
        statements: vec![Statement { sql: sql.into(), values: Vec::new(), changed }],
    };
    let account = "INSERT INTO acme_accounts VALUES ('a', x'00', 1)";
    let none = store.apply_units(vec![unit(1, account, 1)]).await;
    assert!(matches!(none, Err(StoreError::Diverged)), "a node on its own follows nobody");
    let at = Cursor { cluster: "c".into(), revision: 0, unit_id: String::new() };
    store.set_control_cursor(Some(at)).await.expect("it is set");

    assert_eq!(store.apply_units(vec![unit(1, account, 1)]).await.expect("it is next"), ["acme_accounts"]);
    assert!(store.apply_units(vec![unit(1, account, 1)]).await.expect("it is known").is_empty());
    let gap = store.apply_units(vec![unit(3, "DELETE FROM acme_accounts", 1)]).await;
    assert!(matches!(gap, Err(StoreError::Diverged)));
    let other = store.apply_units(vec![unit(2, "DELETE FROM acme_accounts", 2)]).await;
    assert!(matches!(other, Err(StoreError::Diverged)), "it changes one row here");
    let taken = store.apply_units(vec![unit(2, account, 1)]).await;
    assert!(matches!(taken, Err(StoreError::Diverged)), "the row is there already");
    let foreign = store.apply_units(vec![unit(2, "DELETE FROM emails", 0)]).await;
    assert!(matches!(foreign, Err(StoreError::Primary(_))), "no log may touch what is this node's own");
    let at = store.control_cursor().await.expect("it is read").expect("it is there");
    assert_eq!((at.revision, at.unit_id.as_str()), (1, "unit 1"), "nothing was left of what was refused");
    assert!(store.acme_account("a".into()).await.expect("it is read").is_some());
}

#[tokio::test]
async fn a_recorded_unit_says_what_it_wrote_and_a_failed_statement_is_not_among_it() {
    let directory = tempfile::tempdir().expect("a directory is made");
    let store = Store::open(directory.path(), StoreLimits::default(), 0).expect("the store opens");
    let unit = |connection: &sql::Connection| {
        let ((), recorder) = connection.recorded(|| {
            let sql = "INSERT INTO acme_accounts VALUES (?1, ?2, 1)";
            connection.execute(sql, values!["a", vec![1]]).expect("it is stored");
            connection.execute(sql, values!["a", vec![2]]).expect_err("the key is taken");
            connection.execute("DELETE FROM acme_accounts WHERE directory = 'b'", &[]).expect("there is none");
            connection.execute("DELETE FROM captured", &[]).expect_err("it is not shared");
            connection.batch("DELETE FROM acme_accounts").expect_err("nobody knows what a batch does");
        });
        connection.execute("DELETE FROM captured", &[]).expect("nothing is recorded any more");
        Ok::<_, StoreError>(recorder.statements)
    };
    let statements = store.write(unit).await.expect("it is written");
    assert_eq!(statements.len(), 1, "{statements:?}");
    assert_eq!((statements[0].table(), statements[0].changed), ("acme_accounts", 1));
}
