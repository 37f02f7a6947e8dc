//! What a domain publishes in DNS for its mail, and what is wrong with what it does publish.

use serde::{Deserialize, Serialize};

use super::dkim::strings;
use super::event::words;

pub mod export;
pub mod fault;
pub mod judge;
pub mod records;
pub mod seen;
mod spf;
mod text;

words! {
    /// What a record is for.
    Purpose {
        /// Shows that whoever adds the domain also rules its zone.
        Ownership = "ownership",
        /// Says which machines send with the domain's return path (RFC 7208).
        Spf = "spf",
        /// One of the keys that the domain's mail is signed with (RFC 6376).
        Dkim = "dkim",
        /// What receivers do with mail that only claims to be the domain's (RFC 7489).
        Dmarc = "dmarc",
        /// Leads what bounces to this service.
        ReturnPath = "return_path",
        /// Has tracked links begin with a name of the domain.
        Tracking = "tracking",
    }
}

words! {
    /// The type of a record.
    RecordType {
        /// A text.
        Txt = "TXT",
        /// Another name for a host.
        Cname = "CNAME",
        /// The host that takes a name's mail, after its preference.
        Mx = "MX",
    }
}

words! {
    /// How a record was found.
    RecordStatus {
        /// Nobody looked yet, nobody who was asked could answer, or it only takes time.
        Pending = "pending",
        /// It is as it should be.
        Verified = "verified",
        /// It is not there.
        Missing = "missing",
        /// Something else is there.
        Mismatch = "mismatch",
        /// What is there contradicts itself, or stands in its way.
        Conflict = "conflict",
    }
}

/// A record that a domain is asked to publish.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Record {
    /// What it is for.
    pub purpose: Purpose,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: RecordType,
    /// Its name, whole and without a dot at the end.
    pub host: String,
    /// Its value: a text without quotes, a host, or a preference and a host with a space between.
    pub value: String,
    /// Whether the domain waits for it to be verified.
    pub required: bool,
    /// A host that the name may be an alias (CNAME) of instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
}

/// What became of looking for a record.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Check {
    /// What was looked for.
    #[serde(flatten)]
    pub record: Record,
    /// How it was found.
    pub status: RecordStatus,
    /// What is wrong, in one stable word, one of [`fault::Fault`]; `None` where nothing is. A record that is verified
    /// may have one that keeps nobody from using it.
    pub fault: Option<&'static str>,
    /// What stands in its place, at most [`FOUND_MAX`] values of [`FOUND_BYTES_MAX`] bytes.
    pub found: Vec<String>,
    /// For a person: what was found, what was expected, and what to change. Also where all is well but could be better.
    pub reason: Option<String>,
}

/// Values that one check shows.
pub const FOUND_MAX: usize = 10;
/// Bytes of each of them.
pub const FOUND_BYTES_MAX: usize = 1_024;

impl Record {
    /// A text in the strings of which its record is made; a single one for every other type.
    pub fn strings(&self) -> Vec<&str> {
        match self.kind {
            RecordType::Txt => strings(&self.value),
            RecordType::Cname | RecordType::Mx => vec![&self.value],
        }
    }
}
