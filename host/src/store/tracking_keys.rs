//! The keys behind tracking tokens: which there are, and what each may do. The keys themselves are not here.

use std::fmt;

use super::sql::{Connection, SqlError, values};
use super::{Result, Store, StoreError};

/// What a key may do. The words stand in the database and in answers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum TrackingKeyState {
    /// It signs nothing yet. Every node that checks tokens knows it already.
    Next,
    /// It signs.
    Active,
    /// It signs no more, and its tokens count.
    Old,
    /// Its tokens count no more.
    Retired,
}

impl TrackingKeyState {
    const ALL: [Self; 4] = [Self::Next, Self::Active, Self::Old, Self::Retired];

    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Next => "next",
            Self::Active => "active",
            Self::Old => "old",
            Self::Retired => "retired",
        }
    }
}

/// A key as it is listed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TrackingKey {
    /// As it stands in tokens.
    pub id: u8,
    /// What it may do.
    pub state: TrackingKeyState,
    /// Since when, in milliseconds; 0 for the keys that came with the first start.
    pub since: i64,
}

/// Why a key was not changed.
#[derive(Debug)]
pub enum TrackingKeyRefusal {
    /// There is no such key.
    Unknown(u8),
    /// Only an old key can be retired.
    InUse(u8, TrackingKeyState),
    /// It was retired before.
    Retired(u8),
    /// The next key was made so lately that a node may not know it, in milliseconds since 1970.
    TooNew(u8, i64),
    /// Every id was given once.
    NoIdLeft,
    /// What the store said.
    Store(StoreError),
}

impl fmt::Display for TrackingKeyRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(id) => write!(f, "there is no tracking key {id}; see `pillarbox tracking-key list`"),
            Self::InUse(id, state) => write!(
                f,
                "tracking key {id} is {}: only an old one can be retired; `pillarbox tracking-key rotate` makes the \
                 active one old",
                state.as_str()
            ),
            Self::Retired(id) => write!(f, "tracking key {id} is retired already"),
            Self::TooNew(id, _) => write!(
                f,
                "key {id}, which would sign next, was made so lately that an edge node may not know it yet and would \
                 refuse its links; wait, or say --force"
            ),
            Self::NoIdLeft => f.write_str("all 255 ids of tracking keys were used"),
            Self::Store(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for TrackingKeyRefusal {}

impl<E: Into<StoreError>> From<E> for TrackingKeyRefusal {
    fn from(error: E) -> Self {
        Self::Store(error.into())
    }
}

impl Store {
    /// All keys, the one that signs first, then the next one, then the others from the newest on.
    pub async fn tracking_keys(&self) -> Result<Vec<TrackingKey>> {
        self.read(|connection| Ok(list(connection)?)).await
    }

    /// Has the next key sign and makes another next one, which must have been there since `before`, in milliseconds.
    pub async fn rotate_tracking_key(&self, before: i64, now: i64) -> Result<Vec<TrackingKey>, TrackingKeyRefusal> {
        self.control_write(move |connection| {
            let keys = list(connection)?;
            let id = keys.iter().map(|key| key.id).max().unwrap_or(0).checked_add(1);
            let id = id.ok_or(TrackingKeyRefusal::NoIdLeft)?;
            if let Some(next) = keys.iter().find(|key| key.state == TrackingKeyState::Next && key.since > before) {
                return Err(TrackingKeyRefusal::TooNew(next.id, next.since));
            }
            for sql in [
                "UPDATE tracking_keys SET state = 'old', old_at = ?1 WHERE state = 'active'",
                "UPDATE tracking_keys SET state = 'active', active_at = ?1 WHERE state = 'next'",
            ] {
                connection.execute(sql, values![now])?;
            }
            let sql = "INSERT INTO tracking_keys (id, state, created_at) VALUES (?1, 'next', ?2)";
            connection.execute(sql, values![i64::from(id), now])?;
            Ok(list(connection)?)
        })
        .await
    }

    /// Has the tokens of an old key count no more.
    pub async fn retire_tracking_key(&self, id: u8, now: i64) -> Result<Vec<TrackingKey>, TrackingKeyRefusal> {
        self.control_write(move |connection| {
            let known = list(connection)?.into_iter().find(|key| key.id == id);
            match known.ok_or(TrackingKeyRefusal::Unknown(id))?.state {
                TrackingKeyState::Old => {}
                TrackingKeyState::Retired => return Err(TrackingKeyRefusal::Retired(id)),
                state => return Err(TrackingKeyRefusal::InUse(id, state)),
            }
            let sql = "UPDATE tracking_keys SET state = 'retired', retired_at = ?2 WHERE id = ?1";
            connection.execute(sql, values![i64::from(id), now])?;
            Ok(list(connection)?)
        })
        .await
    }
}

fn list(connection: &Connection) -> Result<Vec<TrackingKey>, SqlError> {
    let sql = "SELECT id, state, COALESCE(retired_at, old_at, active_at, created_at) FROM tracking_keys \
        ORDER BY CASE state WHEN 'active' THEN 1 WHEN 'next' THEN 2 ELSE 3 END, id DESC";
    connection.query(sql, &[], |row| {
        let word = row.text(1)?;
        let state = TrackingKeyState::ALL.into_iter().find(|state| state.as_str() == word);
        let state = state.ok_or_else(|| SqlError::Misuse(format!("`{word}` is no state of a tracking key")))?;
        let id = u8::try_from(row.integer(0)?).map_err(|error| SqlError::Misuse(error.to_string()))?;
        Ok(TrackingKey { id, state, since: row.integer(2)? })
    })
}

#[cfg(test)]
mod tests {
    use super::TrackingKeyState::{Active, Next, Old, Retired};
    use super::*;

    async fn states(store: &Store) -> Vec<(u8, TrackingKeyState)> {
        let keys = store.tracking_keys().await.expect("they are read");
        keys.into_iter().map(|key| (key.id, key.state)).collect()
    }

    #[tokio::test]
    async fn a_key_signs_after_it_was_known_and_counts_until_it_is_retired() {
        let directory = tempfile::tempdir().expect("a directory is made");
        let store = Store::open(directory.path(), super::super::StoreLimits::default(), 0).expect("it opens");
        assert_eq!(states(&store).await, [(1, Active), (2, Next)]);
        store.rotate_tracking_key(0, 1_000).await.expect("the next one is old enough");
        assert_eq!(states(&store).await, [(2, Active), (3, Next), (1, Old)]);

        let early = store.rotate_tracking_key(999, 1_001).await.expect_err("3 may not be known yet");
        assert!(matches!(early, TrackingKeyRefusal::TooNew(3, 1_000)), "{early}");
        store.rotate_tracking_key(1_000, 1_002).await.expect("now it may");
        store.retire_tracking_key(1, 1_003).await.expect("it is old");
        assert_eq!(states(&store).await, [(3, Active), (4, Next), (2, Old), (1, Retired)]);
        for (id, wanted) in [(1, "is retired already"), (3, "is active"), (4, "is next"), (9, "no tracking key 9")] {
            let refused = store.retire_tracking_key(id, 2_000).await.expect_err("it stays").to_string();
            assert!(refused.contains(wanted), "{refused}");
        }
    }

    #[tokio::test]
    async fn every_id_is_given_once() {
        let directory = tempfile::tempdir().expect("a directory is made");
        let store = Store::open(directory.path(), super::super::StoreLimits::default(), 0).expect("it opens");
        for now in 3..=255 {
            store.rotate_tracking_key(now, now).await.expect("there is an id left");
        }
        let refused = store.rotate_tracking_key(300, 300).await.expect_err("there is none").to_string();
        assert!(refused.contains("all 255 ids"), "{refused}");
        let keys = states(&store).await;
        assert_eq!((keys.len(), keys[0], keys[1]), (255, (254, Active), (255, Next)));
    }
}
