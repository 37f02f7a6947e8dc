//! All SQL. A public method is a whole unit of work; the file it stands in is named for its noun.
//!
//! One thread writes, a few threads read, and no libSQL call runs anywhere else: libSQL does its work on the
//! thread that asks, and its write-ahead log is only safe with a single connection that writes and checkpoints.

mod acme_accounts;
mod arrivals;
mod batches;
mod bell;
mod cancel;
mod clients;
pub(crate) mod control;
mod customers;
pub(crate) mod datum;
mod dkim_keys;
mod domain_checks;
mod domain_events;
mod domain_queue;
mod domains;
mod emails;
mod event_addresses;
mod event_counts;
mod event_list;
mod events;
mod fetches;
mod figures;
mod firsts;
mod health;
mod hits;
mod idempotency;
mod inbox;
mod lock;
mod mailbox;
mod migrations;
mod nodes;
mod plugin_log;
mod plugins;
mod queue;
mod reader;
mod reclassify;
mod recordings;
mod retention;
mod smtp_credentials;
mod sources;
pub(crate) mod sql;
mod stats;
mod suppressions;
mod tally;
mod tracking_hosts;
mod tracking_keys;
mod usage;
mod waiting;
mod writer;

pub(crate) use arrivals::ArrivedEvent;
pub use batches::{BatchQueued, BulkPart, NewBatch, NewBulkPart};
pub use cancel::Canceled;
pub use customers::{ApiKey, Customer, CustomerChange, CustomerStatus, NewApiKey, NewCustomer, Rotation};
pub use dkim_keys::{DkimKey, KeyState};
pub(crate) use dkim_keys::{KnownKey, RotationBegun};
pub(crate) use domain_checks::{CheckedDomain, KnownDomain};
pub(crate) use domain_events::DomainEvent;
pub use domain_events::DomainEventKind;
pub(crate) use domains::{Added, OwnedDomain};
pub use domains::{Domain, DomainChange, VerifiedBy};
pub use emails::{AttemptRow, Email, EmailFilter, EmailPage, NewEmail, Queued, RecipientRole, SendRefusal, StreamType};
pub use event_list::{EventFilter, EventPage};
pub use events::Event;
pub(crate) use events::Unsubscription;
pub(crate) use health::SendingStop;
pub use hits::JournaledHit;
pub use idempotency::{Claim, Replay};
pub(crate) use inbox::REPEATED_MS;
pub use inbox::{
    Arrived, Counts as InboxCounts, EmailClue, InboxFilter, InboxPage, InboxRow, InboxState, InboxTotal, NewArrival,
    Reading, Received, ReportedEvent, Settled, UNMATCHED_MAX, WaitingBounds,
};
pub use lock::{DataLock, Holder, LOCK_FILE, LockError};
pub use mailbox::{Captured, CapturedSummary};
pub(crate) use nodes::{Invitation, Invited, NewNodeCertificate, NodeRow, NodeTold, Renamed};
pub use plugin_log::{PluginLogRow, PluginNodeRow};
pub(crate) use plugins::InstallError;
pub use plugins::{NewPlugin, PluginRow};
pub(crate) use queue::{Ending, Handover, Heard, Leased, SANDBOX_DESTINATION};
pub(crate) use reclassify::{Reclassification, Reclassified};
pub(crate) use recordings::{Kept, NewRecording, Page, Protection, ReceivedNotification, Recording};
pub(crate) use sources::{SOURCES_MAX, SourceAdded, SourceRotation, SourceRow, TokenUsed};
pub use sql::SqlError;
pub(crate) use stats::StatDays;
pub use stats::{StatFilter, StatGroup};
pub use suppressions::{Cause, NewSuppression, Suppression, SuppressionFilter, SuppressionPage, UnsubscribeSource};
pub use tally::{Counted, Counts, DetailKind};
pub(crate) use tally::{DAY_MS, HOUR_MS};
pub use tracking_hosts::TrackingState;
pub(crate) use tracking_hosts::{HostSet, StoredCertificate, TrackingHost};
pub use tracking_keys::{TrackingKey, TrackingKeyRefusal, TrackingKeyState};
pub use usage::Usage;
pub use waiting::{Waiting, WaitingDestination, Which};

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use bell::Bell;
use control::Touched;
use reader::Readers;
use tokio::sync::watch;
use writer::Writer;

use crate::cluster::Primary;
use crate::journal::Cursor;

/// The file name of the database inside the data directory.
pub const DATABASE_FILE: &str = "pillarbox.db";

/// How much the store may hold back.
#[derive(Clone, Copy, Debug)]
pub struct StoreLimits {
    /// Units of work that may wait for the writer. One more is refused with [`StoreError::Full`].
    pub write_queue_max: usize,
    /// Reads that may wait for a reader thread.
    pub read_queue_max: usize,
    /// Reader threads.
    pub readers: usize,
}

impl Default for StoreLimits {
    fn default() -> Self {
        Self { write_queue_max: 4_096, read_queue_max: 4_096, readers: 4 }
    }
}

/// Why the store did not do what it was asked.
#[derive(Debug)]
pub enum StoreError {
    /// Too many units of work wait already. Nothing was written; try again in a moment.
    Full,
    /// The store is shutting down, or its thread died.
    Closed,
    /// The disk did not take the commit. Nothing of it is there.
    NotCommitted,
    /// The database was made by a later version of Pillarbox.
    Newer {
        /// The migration that the file has.
        found: u32,
        /// The last one that this binary knows.
        known: u32,
    },
    /// A stored migration is not the one that this binary carries under the same number.
    Altered(u32),
    /// A migration found, or left, a row that refers to one which is not there. It was undone.
    Dangling {
        /// The migration.
        version: u32,
        /// The table of the row.
        table: String,
        /// The table that lacks what it refers to.
        parent: String,
    },
    /// The primary of the control plane cannot be reached, as it says. Nothing was done.
    Away(String),
    /// The primary did not say whether it did what it was asked.
    Unclear(String),
    /// Other nodes were faster, again and again. Nothing was done.
    Contended,
    /// The primary has something that makes no sense, or refuses what it was asked.
    Primary(String),
    /// This node may not follow its cluster, for a reason that only an operator can remove.
    Refused(String),
    /// The control tables of this node are not those of the primary.
    Diverged,
    /// Mail of this node belongs to something that the primary does not have.
    Orphaned {
        /// The table of the row.
        table: String,
        /// The table that lacks what it refers to.
        parent: String,
    },
    /// What libSQL said.
    Sql(SqlError),
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => f.write_str("the store has more work waiting than it may hold"),
            Self::Closed => f.write_str("the store is closed"),
            Self::NotCommitted => f.write_str("the disk did not take the commit"),
            Self::Newer { found, known } => write!(
                f,
                "the database has migration {found}, but this binary knows none after {known}: it was written by a \
                 later version of Pillarbox. Run that version, or restore a backup from before the upgrade"
            ),
            Self::Altered(version) => {
                write!(f, "migration {version} of the database differs from the one this binary carries")
            }
            Self::Dangling { version, table, parent } => write!(
                f,
                "migration {version} was undone: a row of {table} refers to one of {parent} that is not there. Restore a \
                 backup, or take that row out"
            ),
            Self::Away(why) => write!(f, "the primary of the control plane is away, and nothing was changed: {why}"),
            Self::Unclear(why) => write!(
                f,
                "the primary of the control plane did not say whether it made the change, so look before you try again: \
                 {why}"
            ),
            Self::Contended => f.write_str("other nodes are changing the control plane as well; try again"),
            Self::Primary(what) => write!(f, "the primary of the control plane: {what}"),
            Self::Refused(why) => f.write_str(why),
            Self::Diverged => f.write_str("the control tables of this node are not those of its cluster"),
            Self::Orphaned { table, parent } => write!(
                f,
                "the cluster's tables cannot be taken over: a row of {table} on this node refers to one of {parent} that \
                 the cluster does not have. Start this node with an empty data directory, or bring the server back to \
                 where it was"
            ),
            Self::Sql(error) => write!(f, "libSQL: {error}"),
        }
    }
}

impl std::error::Error for StoreError {}

impl From<SqlError> for StoreError {
    fn from(error: SqlError) -> Self {
        Self::Sql(error)
    }
}

/// What a unit of work returns.
pub type Result<T, E = StoreError> = std::result::Result<T, E>;

/// The database. Cloning is cheap and shares the threads.
#[derive(Clone)]
pub struct Store {
    writer: Writer,
    readers: Readers,
    bell: Arc<Bell>,
    hit_cursor: Cursor,
    /// Where the control plane is written; `None` where that is here.
    primary: Option<Arc<Primary>>,
    /// What other nodes changed.
    pub(crate) touched: Arc<Touched>,
}

impl Store {
    /// Opens the database in `data_dir`, creating and migrating it as needed. Blocks; call it before serving.
    ///
    /// The caller holds the [`DataLock`] of the directory.
    pub fn open(data_dir: &Path, limits: StoreLimits, now: i64) -> Result<Self> {
        let path = data_dir.join(DATABASE_FILE);
        let (writer, hit_cursor) = Writer::start(&path, limits.write_queue_max, now)?;
        let readers = Readers::start(&path, limits.readers, limits.read_queue_max)?;
        Ok(Self { writer, readers, bell: Arc::default(), hit_cursor, primary: None, touched: Arc::default() })
    }

    /// The same store, whose control plane is written at a primary.
    pub(crate) fn with_primary(self, primary: Option<Arc<Primary>>) -> Self {
        Self { primary, ..self }
    }

    /// Tells whenever units of work are on disk.
    pub(crate) fn commits(&self) -> watch::Receiver<()> {
        self.writer.commits()
    }

    /// True while the writer still takes work.
    pub fn is_open(&self) -> bool {
        self.writer.is_open()
    }
}
