//! Where notifications come from: the sources, and what their senders signed once.

use uuid::Uuid;

use super::sql::{Connection, Row, SqlError, is_duplicate, values};
use super::{Result, Store, StoreError};

/// Sources that there may be.
pub(crate) const SOURCES_MAX: i64 = 1_000;
/// Signed words that are remembered at once, of all sources.
const TOKENS_MAX: i64 = 1_000_000;
/// Signed words that are forgotten at once.
const FORGOTTEN_AT_ONCE_MAX: i64 = 1_000;
/// How exactly the last use is known.
const USED_MS: i64 = 60_000;

const COLUMNS: &str = "sources.id, sources.name, provider, rule, secret, former_secret, window_secs, refused_status, \
    busy_status, dedupe, body_bytes_max, sources.customer_id, email, public_url, sources.created_at, rotated_at, \
    disabled_at, used_at, former_address_hash IS NOT NULL";
const FROM: &str = "FROM sources LEFT JOIN customers ON customers.id = sources.customer_id";

/// A source as it is kept. Times are milliseconds.
#[derive(Clone, Debug)]
pub(crate) struct SourceRow {
    pub(crate) id: Uuid,
    pub(crate) name: String,
    pub(crate) provider: Option<String>,
    /// JSON.
    pub(crate) rule: String,
    /// Sealed.
    pub(crate) secret: Option<Vec<u8>>,
    pub(crate) former_secret: Option<Vec<u8>>,
    pub(crate) window_secs: Option<i64>,
    pub(crate) refused_status: i64,
    pub(crate) busy_status: i64,
    pub(crate) dedupe: Option<String>,
    pub(crate) body_bytes_max: i64,
    pub(crate) customer_id: Option<Uuid>,
    /// Read with the customer.
    pub(crate) customer: Option<String>,
    pub(crate) public_url: Option<String>,
    pub(crate) created_at: i64,
    pub(crate) rotated_at: Option<i64>,
    pub(crate) disabled_at: Option<i64>,
    pub(crate) used_at: Option<i64>,
    pub(crate) has_former_address: bool,
}

/// An address at which a source takes something.
#[derive(Clone, Debug)]
pub(crate) struct SourceAddressRow {
    pub(crate) address_hash: Vec<u8>,
    /// JSON.
    pub(crate) rule: String,
    pub(crate) busy_status: i64,
    pub(crate) body_bytes_max: i64,
}

/// What came of a new source.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum SourceAdded {
    Yes,
    NameTaken,
    /// There are as many as may be.
    TooMany,
}

/// What is new of a source.
#[derive(Clone, Debug, Default)]
pub(crate) struct SourceRotation {
    pub(crate) address_hash: Option<Vec<u8>>,
    /// Sealed.
    pub(crate) secret: Option<Vec<u8>>,
    /// The former ones end.
    pub(crate) finish: bool,
}

/// What came of a signed word.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum TokenUsed {
    /// It is new, or came with the same body before.
    Yes,
    /// It came with another body before.
    Otherwise,
}

impl Store {
    /// Keeps a source whose address has this hash.
    pub(crate) async fn add_source(&self, source: SourceRow, address_hash: Vec<u8>) -> Result<SourceAdded> {
        self.write(move |connection| {
            let sql = "SELECT COUNT(*) FROM sources";
            if connection.query_one(sql, &[], |row| row.integer(0))?.unwrap_or(0) >= SOURCES_MAX {
                return Ok(SourceAdded::TooMany);
            }
            let sql = "INSERT INTO sources (id, name, address_hash, provider, rule, secret, window_secs, refused_status, \
                       busy_status, dedupe, body_bytes_max, customer_id, public_url, created_at) \
                       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)";
            let values = values![
                source.id.to_string(),
                source.name.as_str(),
                address_hash.clone(),
                source.provider.clone(),
                source.rule.as_str(),
                source.secret.clone(),
                source.window_secs,
                source.refused_status,
                source.busy_status,
                source.dedupe.clone(),
                source.body_bytes_max,
                source.customer_id.map(|id| id.to_string()),
                source.public_url.clone(),
                source.created_at,
            ];
            match connection.execute(sql, values) {
                Ok(_) => Ok(SourceAdded::Yes),
                Err(error) if is_duplicate(&error) => Ok(SourceAdded::NameTaken),
                Err(error) => Err(StoreError::from(error)),
            }
        })
        .await
    }

    /// The source whose address has this hash, or had it until it was changed.
    pub(crate) async fn source_at(&self, address_hash: Vec<u8>) -> Result<Option<SourceRow>> {
        self.read(move |connection| {
            let sql = format!("SELECT {COLUMNS} {FROM} WHERE address_hash = ?1 OR former_address_hash = ?1");
            Ok(connection.query_one(&sql, values![address_hash.clone()], read_source)?)
        })
        .await
    }

    /// The source of this name.
    pub(crate) async fn source(&self, name: String) -> Result<Option<SourceRow>> {
        self.read(move |connection| Ok(by_name(connection, &name)?)).await
    }

    /// All sources by their names.
    pub(crate) async fn sources(&self) -> Result<Vec<SourceRow>> {
        self.read(|connection| {
            let sql = format!("SELECT {COLUMNS} {FROM} ORDER BY sources.name LIMIT ?1");
            Ok(connection.query(&sql, values![SOURCES_MAX], read_source)?)
        })
        .await
    }

    /// The addresses of all sources that take something, present and former ones, each source's together.
    pub(crate) async fn source_addresses(&self) -> Result<Vec<SourceAddressRow>> {
        self.read(|connection| {
            let sql = "SELECT address_hash, rule, busy_status, body_bytes_max, id FROM sources WHERE disabled_at IS NULL \
                       UNION ALL SELECT former_address_hash, rule, busy_status, body_bytes_max, id FROM sources \
                       WHERE disabled_at IS NULL AND former_address_hash IS NOT NULL ORDER BY 5, 1 LIMIT ?1";
            let read = |row: &Row| {
                Ok(SourceAddressRow {
                    address_hash: row.blob(0)?,
                    rule: row.text(1)?,
                    busy_status: row.integer(2)?,
                    body_bytes_max: row.integer(3)?,
                })
            };
            Ok(connection.query(sql, values![2 * SOURCES_MAX], read)?)
        })
        .await
    }

    /// Gives a source another address or secret; what it has of that stays beside it until it is finished. `None` when
    /// there is no source of this name.
    pub(crate) async fn rotate_source(
        &self,
        name: String,
        rotation: SourceRotation,
        now: i64,
    ) -> Result<Option<SourceRow>> {
        self.write(move |connection| {
            let SourceRotation { address_hash, secret, finish } = rotation.clone();
            if finish {
                let sql = "UPDATE sources SET former_secret = NULL, former_address_hash = NULL WHERE name = ?1";
                connection.execute(sql, values![name.as_str()])?;
            }
            if let Some(secret) = secret {
                let sql = "UPDATE sources SET former_secret = secret, secret = ?2, rotated_at = ?3 WHERE name = ?1";
                connection.execute(sql, values![name.as_str(), secret, now])?;
            }
            if let Some(address_hash) = address_hash {
                let sql = "UPDATE sources SET former_address_hash = address_hash, address_hash = ?2, rotated_at = ?3 \
                           WHERE name = ?1";
                connection.execute(sql, values![name.as_str(), address_hash, now])?;
            }
            Ok::<_, StoreError>(by_name(connection, &name)?)
        })
        .await
    }

    /// Has a source take nothing from a moment on, or take it again. `None` when there is no source of this name.
    pub(crate) async fn set_source_disabled(&self, name: String, at: Option<i64>) -> Result<Option<SourceRow>> {
        self.write(move |connection| {
            let sql = "UPDATE sources SET disabled_at = ?2 WHERE name = ?1";
            connection.execute(sql, values![name.as_str(), at])?;
            Ok::<_, StoreError>(by_name(connection, &name)?)
        })
        .await
    }

    /// Takes a source away. False when there is none of this name.
    pub(crate) async fn remove_source(&self, name: String) -> Result<bool> {
        self.write(move |connection| {
            let of = "(SELECT id FROM sources WHERE name = ?1)";
            connection.execute(&format!("DELETE FROM source_tokens WHERE source_id = {of}"), values![name.as_str()])?;
            let removed = connection.execute("DELETE FROM sources WHERE name = ?1", values![name.as_str()])?;
            Ok::<_, StoreError>(removed > 0)
        })
        .await
    }

    /// Notes that something genuine came. A minute later it counts again.
    pub(crate) async fn use_source(&self, id: Uuid, now: i64) -> Result<()> {
        self.write(move |connection| {
            let sql = "UPDATE sources SET used_at = ?2 WHERE id = ?1 AND COALESCE(used_at, 0) <= ?2 - ?3";
            connection.execute(sql, values![id.to_string(), now, USED_MS])?;
            Ok(())
        })
        .await
    }

    /// Remembers until when a signed word is good, and for which body alone. It is [`StoreError::Full`] while there is no
    /// room for one more.
    pub(crate) async fn use_source_token(
        &self,
        id: Uuid,
        [token_hash, body_hash]: [[u8; 32]; 2],
        expires_at: i64,
        now: i64,
    ) -> Result<TokenUsed> {
        self.write(move |connection| use_token(connection, id, [token_hash, body_hash], expires_at, now, TOKENS_MAX))
            .await
    }
}

impl SourceRow {
    /// Whether its last use is to be noted anew.
    pub(crate) fn use_is_stale(&self, now: i64) -> bool {
        self.used_at.is_none_or(|used_at| used_at <= now - USED_MS)
    }
}

fn use_token(
    connection: &Connection,
    id: Uuid,
    [token_hash, body_hash]: [[u8; 32]; 2],
    expires_at: i64,
    now: i64,
    tokens_max: i64,
) -> Result<TokenUsed> {
    let sql = "DELETE FROM source_tokens WHERE id IN \
               (SELECT id FROM source_tokens WHERE expires_at < ?1 ORDER BY expires_at LIMIT ?2)";
    connection.execute(sql, values![now, FORGOTTEN_AT_ONCE_MAX])?;
    let sql = "SELECT body_hash FROM source_tokens WHERE source_id = ?1 AND token_hash = ?2";
    let found = connection.query_one(sql, values![id.to_string(), token_hash.to_vec()], |row| row.blob(0))?;
    if let Some(known) = found {
        return Ok(if known == body_hash { TokenUsed::Yes } else { TokenUsed::Otherwise });
    }
    let sql = "SELECT COALESCE(MAX(id) - MIN(id) + 1, 0) FROM source_tokens";
    if connection.query_one(sql, &[], |row| row.integer(0))?.unwrap_or(0) >= tokens_max {
        return Err(StoreError::Full);
    }
    let sql = "INSERT INTO source_tokens (source_id, token_hash, body_hash, expires_at) VALUES (?1, ?2, ?3, ?4)";
    connection.execute(sql, values![id.to_string(), token_hash.to_vec(), body_hash.to_vec(), expires_at])?;
    Ok(TokenUsed::Yes)
}

fn by_name(connection: &Connection, name: &str) -> Result<Option<SourceRow>, SqlError> {
    let sql = format!("SELECT {COLUMNS} {FROM} WHERE sources.name = ?1");
    connection.query_one(&sql, values![name], read_source)
}

fn read_source(row: &Row) -> Result<SourceRow, SqlError> {
    Ok(SourceRow {
        id: row.parsed(0, |id| id.parse().ok())?,
        name: row.text(1)?,
        provider: row.text_or_null(2)?,
        rule: row.text(3)?,
        secret: row.blob_or_null(4)?,
        former_secret: row.blob_or_null(5)?,
        window_secs: row.integer_or_null(6)?,
        refused_status: row.integer(7)?,
        busy_status: row.integer(8)?,
        dedupe: row.text_or_null(9)?,
        body_bytes_max: row.integer(10)?,
        customer_id: row.parsed_or_null(11, |id| id.parse().ok())?,
        customer: row.text_or_null(12)?,
        public_url: row.text_or_null(13)?,
        created_at: row.integer(14)?,
        rotated_at: row.integer_or_null(15)?,
        disabled_at: row.integer_or_null(16)?,
        used_at: row.integer_or_null(17)?,
        has_former_address: row.flag(18)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::StoreLimits;

    fn source(number: u128) -> SourceRow {
        SourceRow {
            id: Uuid::from_u128(number),
            name: format!("source-{number}"),
            provider: None,
            rule: "{}".into(),
            secret: None,
            former_secret: None,
            window_secs: None,
            refused_status: 401,
            busy_status: 503,
            dedupe: None,
            body_bytes_max: 1,
            customer_id: None,
            customer: None,
            public_url: None,
            created_at: 0,
            rotated_at: None,
            disabled_at: None,
            used_at: None,
            has_former_address: false,
        }
    }

    fn store() -> (Store, tempfile::TempDir) {
        let directory = tempfile::tempdir().expect("a directory is made");
        (Store::open(directory.path(), StoreLimits::default(), 0).expect("it opens"), directory)
    }

    async fn add(store: &Store, number: u128) -> SourceAdded {
        let hash = number.to_be_bytes().to_vec();
        store.add_source(source(number), hash).await.expect("the store answers")
    }

    #[tokio::test]
    async fn there_are_as_many_sources_as_may_be_and_one_of_a_name() {
        let (store, _directory) = store();
        assert_eq!((add(&store, 1).await, add(&store, 1).await), (SourceAdded::Yes, SourceAdded::NameTaken));
        for number in 2..=u128::try_from(SOURCES_MAX).expect("it is positive") {
            assert_eq!(add(&store, number).await, SourceAdded::Yes);
        }
        assert_eq!(add(&store, 1_000_000).await, SourceAdded::TooMany);
        assert!(store.remove_source("source-7".into()).await.expect("it is removed"));
        assert!(!store.remove_source("source-7".into()).await.expect("it is gone"));
        assert_eq!(add(&store, 1_000_000).await, SourceAdded::Yes);
    }

    #[tokio::test]
    async fn while_address_and_secret_change_there_are_two_of_each() {
        let (store, _directory) = store();
        add(&store, 1).await;
        let (name, first) = ("source-1".to_owned(), 1_u128.to_be_bytes().to_vec());
        let next = SourceRotation { address_hash: Some(vec![2]), secret: Some(vec![3]), finish: false };
        let found = store.rotate_source(name.clone(), next, 5).await.expect("it is written").expect("it is there");
        assert_eq!((found.secret, found.former_secret, found.rotated_at), (Some(vec![3]), None, Some(5)));
        for hash in [first.clone(), vec![2]] {
            assert!(store.source_at(hash).await.expect("it is read").is_some());
        }
        let next = SourceRotation { secret: Some(vec![4]), ..SourceRotation::default() };
        let found = store.rotate_source(name.clone(), next, 6).await.expect("it is written").expect("it is there");
        assert_eq!((found.secret, found.former_secret), (Some(vec![4]), Some(vec![3])));
        let finish = SourceRotation { finish: true, ..SourceRotation::default() };
        let found = store.rotate_source(name, finish, 7).await.expect("it is written").expect("it is there");
        assert_eq!((found.secret, found.former_secret, found.has_former_address), (Some(vec![4]), None, false));
        assert!(store.source_at(first).await.expect("it is read").is_none());
    }

    #[tokio::test]
    async fn a_signed_word_is_good_for_one_body_until_it_ends_and_the_room_for_them_is_bounded() {
        let (store, _directory) = store();
        add(&store, 1).await;
        let id = Uuid::from_u128(1);
        let told = |token: u8, body: u8, now: i64| {
            let store = store.clone();
            async move {
                let unit = move |connection: &Connection| {
                    use_token(connection, id, [[token; 32], [body; 32]], now + 10, now, 2)
                };
                store.write(unit).await
            }
        };
        assert_eq!(told(1, 1, 0).await.expect("it is new"), TokenUsed::Yes);
        assert_eq!(told(1, 1, 1).await.expect("it is known"), TokenUsed::Yes);
        assert_eq!(told(1, 2, 10).await.expect("it is known"), TokenUsed::Otherwise);
        assert_eq!(told(2, 1, 10).await.expect("it is new"), TokenUsed::Yes);
        assert!(matches!(told(3, 1, 10).await, Err(StoreError::Full)), "two are remembered");
        assert_eq!(told(3, 1, 11).await.expect("the first one ended"), TokenUsed::Yes);
        assert_eq!(told(2, 2, 20).await.expect("it is known"), TokenUsed::Otherwise);
        assert_eq!(told(2, 2, 21).await.expect("it ended"), TokenUsed::Yes);
    }
}
