//! Every setting: its name, default and meaning, and where its value came from.
//!
//! A setting is looked for in the environment (`PILLARBOX_` and its name in capitals), then in the TOML file, then
//! it has its default. This is the only file that reads the environment, and it does so through a function that a
//! test replaces by a map.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use self::smarthost::Smarthost;
use crate::delivery::outlet::OutletKind;
use crate::journal::Durability;
use crate::mail::address::{DomainName, EmailAddress};
use crate::mail::verp::BOUNCE_DOMAIN_BYTES_MAX;
use crate::nodes::token::is_address;
use crate::store::StreamType;

pub mod smarthost;

/// Keys whose signatures of plugins may be trusted.
const PUBLIC_KEYS_MAX: usize = 64;

/// Addresses that one kind of listener may have.
const LISTENERS_MAX: usize = 16;
/// The word for no listener.
const OFF: &str = "off";
/// The latest that a further attempt may follow the first one: 48 hours.
const RETRY_SECS_MAX: u64 = 48 * 3_600;
/// Further attempts.
const RETRIES_MAX: usize = 20;
/// Name servers that are asked.
const DNS_SERVERS_MAX: usize = 8;

/// The shortest token that somebody may think of.
const TOKEN_CHARS_MIN: usize = 32;

/// One setting as it is documented.
pub struct Setting {
    /// Its key in the TOML file; the environment variable is `PILLARBOX_` and this in capitals.
    pub name: &'static str,
    /// As it would be written in the environment. Empty means that nothing is set.
    pub default: &'static str,
    /// What it does, with its unit.
    pub about: &'static str,
    /// True when its value is never shown.
    pub secret: bool,
    apply: fn(&mut Config, &str) -> Result<(), String>,
}

impl Setting {
    /// The environment variable.
    pub fn variable(&self) -> String {
        format!("PILLARBOX_{}", self.name.to_uppercase())
    }
}

/// Where a value came from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Origin {
    /// Nobody set it.
    Default,
    /// This file.
    File(PathBuf),
    /// This variable.
    Environment(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Environment(variable) => f.write_str(variable),
        }
    }
}

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum LogFormat {
    /// Pretty on a terminal, JSON otherwise.
    #[default]
    Auto,
    /// For people.
    Pretty,
    /// One JSON object a line.
    Json,
}

/// What content scoring may do to an email that is sent.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum ScoringPolicy {
    /// Nothing is scored.
    Off,
    /// The score is told and kept.
    #[default]
    Advise,
    /// What is judged `reject` is refused.
    Enforce,
}

/// What a pixel does when its open cannot be recorded.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum HitOverflow {
    /// It says so, with 503.
    #[default]
    Refuse,
    /// It is answered as if the open had been recorded.
    Answer,
}

/// Which of the messages that are judged are recorded for replays.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum RecordScoring {
    /// None.
    Off,
    /// A part of them, chosen by a hash of the message.
    #[default]
    Sampled,
    /// All.
    Full,
}

/// How a recorded message is kept from whoever reads the database file.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum RecordProtection {
    /// Sealed under a key of the host.
    #[default]
    Encrypted,
    /// Readable, with what names a person replaced.
    Redacted,
}

/// A certificate chain and its key, both PEM files.
#[derive(Clone, Debug)]
pub struct TlsFiles {
    /// The chain, leaf first.
    pub certificate: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

/// The settings in effect. The documentation of each stands in [`SETTINGS`].
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the table of settings documents each field under its name")]
#[expect(clippy::struct_excessive_bools, reason = "each is a setting of its own")]
pub struct Config {
    pub data_dir: PathBuf,
    pub listen: SocketAddr,
    pub operator_listen: SocketAddr,
    pub public_url: Option<String>,
    tls_certificate: Option<PathBuf>,
    tls_key: Option<PathBuf>,
    pub https_listen: Option<SocketAddr>,
    pub acme_directory: Option<String>,
    acme_terms_agreed: bool,
    pub acme_contact: Option<EmailAddress>,
    pub acme_ca: Option<PathBuf>,
    pub sns_host: Option<String>,
    pub sns_ca: Option<PathBuf>,
    pub log_format: LogFormat,
    pub log_level: String,
    pub scoring_policy: ScoringPolicy,
    pub requests_per_minute: u32,
    pub failed_auth_per_15_minutes: u32,
    pub webhook_bounce_secret: Option<String>,
    pub webhook_complaint_secret: Option<String>,
    pub bounce_domain: Option<DomainName>,
    pub head_bytes_max: usize,
    pub body_bytes_max: usize,
    pub head_read_timeout: Duration,
    pub body_read_timeout: Duration,
    http_threads: usize,
    pub connections_max: usize,
    pub connections_per_address_max: usize,
    pub requests_in_flight_max: usize,
    pub drain: Duration,
    pub smtp_listen: Vec<SocketAddr>,
    pub smtps_listen: Vec<SocketAddr>,
    smtp_host: Option<String>,
    smtp_message_bytes_max: Option<usize>,
    pub smtp_receiving_bytes_max: usize,
    pub smtp_idle_timeout: Duration,
    pub smtp_data_timeout: Duration,
    pub smtp_sessions_max: usize,
    pub smtp_sessions_per_address_max: usize,
    pub smtp_loopback_customer: Option<EmailAddress>,
    pub write_queue_max: usize,
    pub read_queue_max: usize,
    pub reader_threads: usize,
    pub hit_durability: Durability,
    pub hit_journal_bytes_max: u64,
    pub event_retention_days: Option<u32>,
    pub inbox_keep_days: i64,
    pub inbox_bytes_max: i64,
    pub database_bytes_max: Option<u64>,
    pub hit_overflow: HitOverflow,
    pub plugin_memory_bytes_max: usize,
    pub plugin_cpu_ms: u64,
    pub plugin_wall_ms: u64,
    pub plugin_calls_max: u32,
    pub plugin_calls_waiting_max: usize,
    pub plugin_probation: Duration,
    pub node_name: String,
    pub storage_url: Option<String>,
    pub storage_token: Option<String>,
    pub storage_ca: Option<PathBuf>,
    /// How often the log of the cluster is looked at.
    pub storage_sync: Duration,
    pub node_listen: Option<SocketAddr>,
    node_address: Option<String>,
    /// Whether an edge node takes notifications.
    pub edge_webhooks: bool,
    pub edge_webhooks_max: usize,
    pub edge_webhook_bytes_max: u64,
    pub record_scoring: RecordScoring,
    pub record_sample_percent: u64,
    pub record_protection: RecordProtection,
    pub record_keep_days: i64,
    pub record_rows_max: i64,
    pub record_bytes_max: i64,
    pub outlet: OutletKind,
    /// Where broadcasts go, when not there.
    pub outlet_broadcast: Option<OutletKind>,
    pub deliveries_max: usize,
    pub destination_connections_max: usize,
    pub destination_per_minute: u32,
    /// When each further attempt follows the first one.
    pub retry_after: Vec<Duration>,
    /// Where mail goes through an outlet `relay`, in the order of preference.
    pub smarthosts: Vec<Smarthost>,
    pub relay_ca: Option<PathBuf>,
    pub helo_name: Option<String>,
    pub dns_servers: Vec<SocketAddr>,
    pub dns_authority_port: u16,
    /// Whether the servers of a zone may be in this network.
    pub dns_private_addresses: bool,
    pub mx_port: u16,
    /// Whether an MX may lead to this network.
    pub mx_private_addresses: bool,
    /// The domain whose SPF record names all machines that send for this service.
    pub spf_include: Option<DomainName>,
    /// How long a verified domain may be without a required record.
    pub domain_grace: Duration,
    /// How long keys sign until new ones are made by themselves, when they are.
    pub dkim_rotate_after: Option<Duration>,
    pub track_canary: bool,
    pub client_rules: Option<PathBuf>,
    /// Who gives commands on this machine, as the system calls them. Not a setting.
    pub operator: String,
    /// Where the commands for authors of plugins keep compiled code: the user's cache folder. No setting of the service.
    pub author_cache_dir: Option<PathBuf>,
    pub plugin_signatures_required: bool,
    pub plugin_keys: Vec<String>,
    pub operator_token: Option<String>,
    pub operator_hosts: Vec<String>,
    origins: BTreeMap<&'static str, (String, Origin)>,
}

macro_rules! setting {
    ($name:literal, $default:literal, $about:literal, $apply:expr) => {
        Setting { name: $name, default: $default, about: $about, secret: false, apply: $apply }
    };
}

/// The least and the most that an operator may set. What lies beyond does not work, or lets one plugin take the whole
/// machine.
pub struct HardBounds {
    /// Hard minimum.
    pub min: u64,
    /// Hard maximum.
    pub max: u64,
}

/// Of `plugin_memory_bytes_max`. The built-in plugins need most of 1 MiB.
pub const PLUGIN_MEMORY_BYTES: HardBounds = HardBounds { min: 1_048_576, max: 1_073_741_824 };
/// Of `plugin_cpu_ms`. A guest looks up every ten milliseconds.
pub const PLUGIN_CPU_MS: HardBounds = HardBounds { min: 5, max: 60_000 };
/// Of `plugin_wall_ms`.
pub const PLUGIN_WALL_MS: HardBounds = HardBounds { min: 10, max: 600_000 };
/// Of `plugin_calls_max`: a slow one and a healthy one at the least. Each reserves 4 GiB of address space.
pub const PLUGIN_CALLS: HardBounds = HardBounds { min: 2, max: 1_000 };
/// Of `plugin_calls_waiting_max`. Each keeps its message in memory.
pub const PLUGIN_CALLS_WAITING: HardBounds = HardBounds { min: 0, max: 10_000 };

/// Every setting, in the order of the README's table.
pub const SETTINGS: &[Setting] = &[
    setting!("data_dir", "data", "Directory of the database, the keys and the compiled plugins.", |config, value| {
        store(&mut config.data_dir, value.into())
    }),
    setting!("listen", "127.0.0.1:8080", "Address and port of the API.", |config, value| {
        store(&mut config.listen, address(value)?)
    }),
    setting!(
        "operator_listen",
        "127.0.0.1:9090",
        "Address and port of the pages and probes for operators. Reading \
        needs no login, so keep it on a loopback or private address.",
        |config, value| { store(&mut config.operator_listen, address(value)?) }
    ),
    setting!(
        "public_url",
        "",
        "How readers reach this service; tracked links begin with it. Without it, `http://` \
        (`https://` with a certificate) and `listen`.",
        |config, value| { store(&mut config.public_url, Some(base_url(value)?)) }
    ),
    setting!(
        "tls_certificate",
        "",
        "PEM file with the certificate chain of the API and of SMTP, leaf first. With it and \
        `tls_key` the API speaks TLS alone, unless `https_listen` is set.",
        |config, value| store(&mut config.tls_certificate, Some(value.into()))
    ),
    setting!("tls_key", "", "PEM file with the private key.", |config, value| {
        store(&mut config.tls_key, Some(value.into()))
    }),
    setting!(
        "https_listen",
        "",
        "Address and port of a second listener, which speaks TLS alone: with the certificate of the tracking host that \
        is asked for, else with `tls_certificate`. `listen` then speaks plain HTTP, which certificate authorities ask for \
        (on port 80).",
        |config, value| store(&mut config.https_listen, Some(address(value)?))
    ),
    setting!(
        "acme_directory",
        "",
        "Directory of the certificate authority that tracking hosts get their certificates from (ACME), such as \
        `https://acme-v02.api.letsencrypt.org/directory`. It needs `https_listen`. Without it, whatever stands in front \
        of the service has the certificates.",
        |config, value| store(&mut config.acme_directory, Some(directory(value)?))
    ),
    setting!(
        "acme_terms_agreed",
        "no",
        "`yes` says that you agree to the terms of service of that authority. It gives no certificates without.",
        |config, value| store(&mut config.acme_terms_agreed, one_of(value, &[("no", false), ("yes", true)])?)
    ),
    setting!("acme_contact", "", "Email address that the authority may write to.", |config, value| {
        let address = EmailAddress::parse(value).map_err(|error| format!("`{value}`: {error}"))?;
        store(&mut config.acme_contact, Some(address))
    }),
    setting!(
        "acme_ca",
        "",
        "PEM file with certificates that are trusted for the authority's own server, besides the system's: for tests \
        and labs.",
        |config, value| store(&mut config.acme_ca, Some(value.into()))
    ),
    setting!(
        "sns_host",
        "",
        "One more host, with its port, whose certificates sign messages of Amazon SNS: for tests and labs. Whoever has \
        that host can make any such message.",
        |config, value| store(&mut config.sns_host, Some(host_and_port(value)?))
    ),
    setting!(
        "sns_ca",
        "",
        "PEM file with certificates that are trusted for that host, besides the system's.",
        |config, value| store(&mut config.sns_ca, Some(value.into()))
    ),
    setting!(
        "log_format",
        "auto",
        "`pretty`, `json`, or `auto`: pretty on a terminal, JSON otherwise.",
        |config, value| {
            let formats = [("auto", LogFormat::Auto), ("pretty", LogFormat::Pretty), ("json", LogFormat::Json)];
            store(&mut config.log_format, one_of(value, &formats)?)
        }
    ),
    setting!(
        "log_level",
        "info",
        "`error`, `warn`, `info`, `debug`, `trace`, or a filter for each module.",
        |config, value| { store(&mut config.log_level, log_level(value)?) }
    ),
    setting!(
        "scoring_policy",
        "advise",
        "What content scoring does to an email that is sent: `off`, `advise` (the \
        score is told), `enforce` (what is judged `reject` is refused).",
        |config, value| {
            let policies =
                [("off", ScoringPolicy::Off), ("advise", ScoringPolicy::Advise), ("enforce", ScoringPolicy::Enforce)];
            store(&mut config.scoring_policy, one_of(value, &policies)?)
        }
    ),
    setting!(
        "requests_per_minute",
        "600",
        "Requests a minute for each customer that has no limit of its own. 0 is \
        no limit.",
        |config, value| store(&mut config.requests_per_minute, number(value, 0, 1_000_000)?)
    ),
    setting!(
        "failed_auth_per_15_minutes",
        "1000",
        "Requests with a missing or wrong key in 15 minutes for each \
        address. 0 is no limit.",
        |config, value| { store(&mut config.failed_auth_per_15_minutes, number(value, 0, 1_000_000)?) }
    ),
    Setting {
        secret: true,
        ..setting!(
            "webhook_bounce_secret",
            "",
            "When set, `/webhooks/bounce` wants it in `X-Webhook-Secret`.",
            |config, value| store(&mut config.webhook_bounce_secret, Some(value.into()))
        )
    },
    Setting {
        secret: true,
        ..setting!(
            "webhook_complaint_secret",
            "",
            "When set, `/webhooks/complaint` wants it in `X-Webhook-Secret`.",
            |config, value| store(&mut config.webhook_complaint_secret, Some(value.into()))
        )
    },
    setting!(
        "bounce_domain",
        "",
        "Domain of the envelope sender, to which bounces come back. Without it, the domain that an email is sent from.",
        |config, value| store(&mut config.bounce_domain, Some(domain_name(value)?))
    ),
    setting!(
        "head_bytes_max",
        "32768",
        "Bytes of a request's head: its line and headers. A longer one is 431.",
        |config, value| { store(&mut config.head_bytes_max, number(value, 8_192, 1_048_576)?) }
    ),
    setting!(
        "body_bytes_max",
        "31457280",
        "Bytes of a request's body on the routes that take mail; the others take \
        less. A longer one is 413.",
        |config, value| { store(&mut config.body_bytes_max, number(value, 1_024, 1_073_741_824)?) }
    ),
    setting!("head_read_secs", "10", "Seconds in which a request's head must arrive.", |config, value| {
        store(&mut config.head_read_timeout, seconds(value, 1, 600)?)
    }),
    setting!(
        "body_read_secs",
        "30",
        "Seconds in which a request's body must arrive. A slower one is 408.",
        |config, value| { store(&mut config.body_read_timeout, seconds(value, 1, 3_600)?) }
    ),
    setting!(
        "http_threads",
        "0",
        "Threads that serve `listen` and `https_listen`, each with a socket of its own. `0` is one for each core.",
        |config, value| store(&mut config.http_threads, number(value, 0, 256)?)
    ),
    setting!("connections_max", "4096", "Connections served at once, on each listener. More wait.", |config, value| {
        store(&mut config.connections_max, number(value, 1, 1_000_000)?)
    }),
    setting!(
        "connections_per_address_max",
        "1024",
        "Connections open at once from one address, or one /64 of IPv6. One more is closed.",
        |config, value| { store(&mut config.connections_per_address_max, number(value, 1, 1_000_000)?) }
    ),
    setting!("requests_in_flight_max", "1024", "Requests worked on at once. One more is 503.", |config, value| {
        store(&mut config.requests_in_flight_max, number(value, 1, 1_000_000)?)
    }),
    setting!(
        "drain_secs",
        "10",
        "Seconds that open requests get to finish after SIGTERM or SIGINT. A second signal \
        ends them at once.",
        |config, value| store(&mut config.drain, seconds(value, 0, 3_600)?)
    ),
    setting!(
        "smtp_listen",
        "127.0.0.1:2525",
        "Addresses and ports where mail programs submit mail and servers return it, with commas between; `off` for \
        none. TLS begins by STARTTLS.",
        |config, value| store(&mut config.smtp_listen, listeners(value)?)
    ),
    setting!("smtps_listen", "off", "The same where TLS begins at once.", |config, value| store(
        &mut config.smtps_listen,
        listeners(value)?
    )),
    setting!(
        "smtp_host",
        "",
        "The name of the submission server, as it greets and as customers are told. Without it, the host of \
        `public_url`, else `localhost`.",
        |config, value| store(&mut config.smtp_host, Some(plain_host_name(value)?))
    ),
    setting!(
        "smtp_message_bytes_max",
        "",
        "Bytes of a message that is submitted by SMTP. A larger one is 552. Without it, `body_bytes_max`.",
        |config, value| store(&mut config.smtp_message_bytes_max, Some(number(value, 1_024, 1_073_741_824)?))
    ),
    setting!(
        "smtp_receiving_bytes_max",
        "268435456",
        "Bytes of all messages together that are being received by SMTP. One more is 451.",
        |config, value| store(&mut config.smtp_receiving_bytes_max, number(value, 1_024, 1_099_511_627_776)?)
    ),
    setting!(
        "smtp_idle_secs",
        "300",
        "Seconds in which an SMTP command, or a part of a message, must arrive. A slower one is 421.",
        |config, value| store(&mut config.smtp_idle_timeout, seconds(value, 1, 3_600)?)
    ),
    setting!(
        "smtp_data_secs",
        "600",
        "Seconds in which a whole message must arrive by SMTP. A slower one is 421.",
        |config, value| store(&mut config.smtp_data_timeout, seconds(value, 1, 86_400)?)
    ),
    setting!(
        "smtp_sessions_max",
        "1024",
        "SMTP sessions open at once. One more waits in the listen queue.",
        |config, value| store(&mut config.smtp_sessions_max, number(value, 1, 1_000_000)?)
    ),
    setting!(
        "smtp_sessions_per_address_max",
        "100",
        "SMTP sessions open at once from one address, or one /64 of IPv6. One more is 421.",
        |config, value| store(&mut config.smtp_sessions_per_address_max, number(value, 1, 1_000_000)?)
    ),
    setting!(
        "smtp_loopback_customer",
        "",
        "The address of an account as which programs on this machine may submit mail by SMTP without signing in.",
        |config, value| {
            let address = EmailAddress::parse(value).map_err(|error| format!("`{value}`: {error}"))?;
            store(&mut config.smtp_loopback_customer, Some(address))
        }
    ),
    setting!(
        "write_queue_max",
        "4096",
        "Units of work that wait for the database's writer. One more is 503.",
        |config, value| { store(&mut config.write_queue_max, number(value, 1, 1_000_000)?) }
    ),
    setting!("read_queue_max", "4096", "Queries that wait for a reader. One more is 503.", |config, value| {
        store(&mut config.read_queue_max, number(value, 1, 1_000_000)?)
    }),
    setting!("reader_threads", "4", "Threads that read the database.", |config, value| {
        store(&mut config.reader_threads, number(value, 1, 256)?)
    }),
    setting!(
        "hit_durability",
        "disk",
        "When an open or a click is answered: once the `disk` has it, or once it survives the end of the `process`, \
        with the disk at most 50 ms behind.",
        |config, value| {
            let words = [("disk", Durability::Disk), ("process", Durability::Process)];
            store(&mut config.hit_durability, one_of(value, &words)?)
        }
    ),
    setting!(
        "hit_journal_bytes_max",
        "1073741824",
        "Bytes of opens and clicks that are on disk and not yet in the database. What goes beyond is not recorded.",
        |config, value| { store(&mut config.hit_journal_bytes_max, number(value, 1 << 20, 1 << 40)?) }
    ),
    setting!(
        "event_retention_days",
        "90",
        "Days that events are kept; what was counted of them is kept for ever. 0 keeps them for ever too.",
        |config, value| { store(&mut config.event_retention_days, unless_zero(number(value, 0, 36_500)?)) }
    ),
    setting!(
        "inbox_keep_days",
        "30",
        "Days that notifications are kept as they came, to be read again by another plugin.",
        |config, value| store(&mut config.inbox_keep_days, number(value, 1, 3_650)?)
    ),
    setting!(
        "inbox_bytes_max",
        "1073741824",
        "Bytes of all notifications that are kept. The oldest that were read make room.",
        |config, value| store(&mut config.inbox_bytes_max, number(value, 67_108_864, 1_099_511_627_776)?)
    ),
    setting!(
        "database_bytes_max",
        "0",
        "Bytes of the database above which the oldest events go before their time, those of yesterday and today never. \
        0 for no bound.",
        |config, value| { store(&mut config.database_bytes_max, unless_zero(number(value, 0, 1 << 50)?)) }
    ),
    setting!(
        "hit_overflow",
        "refuse",
        "What a pixel does when its open cannot be recorded, as on a full disk: `refuse` says so with 503, `answer` \
        shows it as ever. A click leads on in any case. Either is counted.",
        |config, value| {
            let words = [("refuse", HitOverflow::Refuse), ("answer", HitOverflow::Answer)];
            store(&mut config.hit_overflow, one_of(value, &words)?)
        }
    ),
    setting!(
        "plugin_memory_bytes_max",
        "67108864",
        "Bytes of memory that one plugin call may use.",
        |config, value| { store(&mut config.plugin_memory_bytes_max, bounded(value, &PLUGIN_MEMORY_BYTES)?) }
    ),
    setting!("plugin_cpu_ms", "100", "Milliseconds of CPU time that one plugin call may use.", |config, value| {
        store(&mut config.plugin_cpu_ms, bounded(value, &PLUGIN_CPU_MS)?)
    }),
    setting!(
        "plugin_wall_ms",
        "2000",
        "Milliseconds from the wish for a plugin call to its end, waiting included.",
        |config, value| { store(&mut config.plugin_wall_ms, bounded(value, &PLUGIN_WALL_MS)?) }
    ),
    setting!("plugin_calls_max", "64", "Plugin calls that run at once.", |config, value| {
        store(&mut config.plugin_calls_max, bounded(value, &PLUGIN_CALLS)?)
    }),
    setting!(
        "plugin_calls_waiting_max",
        "256",
        "Plugin calls that wait for a place. One more fails as busy.",
        |config, value| { store(&mut config.plugin_calls_waiting_max, bounded(value, &PLUGIN_CALLS_WAITING)?) }
    ),
    setting!(
        "plugin_probation_secs",
        "600",
        "Seconds in which a plugin version that was just activated is taken back when it keeps failing or costs ten \
         times as much. 0 takes nothing back.",
        |config, value| store(&mut config.plugin_probation, seconds(value, 0, 604_800)?)
    ),
    setting!("node_name", "origin", "What this process is called where nodes are listed.", |config, value| {
        store(&mut config.node_name, name(value)?)
    }),
    setting!(
        "storage_url",
        "",
        "URL of the libSQL server that holds the control plane (accounts, domains, keys, plugins) of several nodes, such as \
        `http://sqld.internal:8080`. Its host name may choose a namespace of the server. Without it, this node is on its own.",
        |config, value| store(&mut config.storage_url, Some(base_url(value)?))
    ),
    Setting {
        secret: true,
        ..setting!(
            "storage_token",
            "",
            "The token that the server asks for, sent as `Authorization: Bearer`.",
            |config, value| store(&mut config.storage_token, Some(value.into()))
        )
    },
    setting!(
        "storage_ca",
        "",
        "PEM file with certificates that are trusted for the server, besides the system's.",
        |config, value| store(&mut config.storage_ca, Some(value.into()))
    ),
    setting!(
        "storage_sync_ms",
        "250",
        "Milliseconds between two looks at what other nodes have changed, from 50 to 60000.",
        |config, value| store(&mut config.storage_sync, Duration::from_millis(number(value, 50, 60_000)?))
    ),
    setting!(
        "node_listen",
        "off",
        "Address and port where edge nodes join and hand over what they recorded; `off` for none. It speaks TLS alone, by \
        certificates of this installation's own.",
        |config, value| { store(&mut config.node_listen, if value == OFF { None } else { Some(address(value)?) }) }
    ),
    setting!(
        "node_address",
        "",
        "Host and port under which edge nodes reach `node_listen`. Without it, the host of `public_url`, else `node_listen` \
        itself.",
        |config, value| store(&mut config.node_address, Some(node_address(value)?))
    ),
    setting!(
        "edge_webhooks",
        "off",
        "`on` has an edge node take notifications at `/webhooks/in/…` too, for the sources of its origin.",
        |config, value| store(&mut config.edge_webhooks, one_of(value, &[("off", false), ("on", true)])?)
    ),
    setting!(
        "edge_webhooks_max",
        "100000",
        "Notifications that an edge node has which its origin does not have yet. One more is 503.",
        |config, value| store(&mut config.edge_webhooks_max, number(value, 1, 10_000_000)?)
    ),
    setting!(
        "edge_webhook_bytes_max",
        "1073741824",
        "Bytes of those notifications. What goes beyond is 503.",
        |config, value| store(&mut config.edge_webhook_bytes_max, number(value, 8 << 20, 1 << 40)?)
    ),
    setting!(
        "plugin_signatures",
        "off",
        "`required` takes only plugins that one of `plugin_keys` signed; those that come with the binary need no \
        signature.",
        |config, value| {
            let policies = [("off", false), ("required", true)];
            store(&mut config.plugin_signatures_required, one_of(value, &policies)?)
        }
    ),
    setting!(
        "plugin_keys",
        "",
        "Public keys whose signatures of plugins are trusted, as `plugin keygen` prints them, with commas between.",
        |config, value| store(&mut config.plugin_keys, public_keys(value)?)
    ),
    Setting {
        secret: true,
        ..setting!(
            "operator_token",
            "",
            "What operators sign in with, at least 32 characters. Without it, one is made and kept in \
            `operator.token` in the data directory.",
            |config, value| store(&mut config.operator_token, Some(token(value)?))
        )
    },
    setting!(
        "operator_hosts",
        "",
        "Names under which operators reach `operator_listen`, with commas between. Addresses and `localhost` need \
        no mention.",
        |config, value| store(&mut config.operator_hosts, host_names(value)?)
    ),
    setting!(
        "record_scoring",
        "sampled",
        "Which of the messages that are judged are recorded, for `plugin replay`: `off`, `sampled`, `full`. Customers \
        never see recordings.",
        |config, value| {
            let words =
                [("off", RecordScoring::Off), ("sampled", RecordScoring::Sampled), ("full", RecordScoring::Full)];
            store(&mut config.record_scoring, one_of(value, &words)?)
        }
    ),
    setting!(
        "record_sample_percent",
        "1",
        "Of a hundred different messages, how many `sampled` records. A hash of the message decides.",
        |config, value| { store(&mut config.record_sample_percent, number(value, 1, 100)?) }
    ),
    setting!(
        "record_protection",
        "encrypted",
        "How a recorded message is kept: `encrypted` under a key of this host, or `redacted`: readable, with names, \
        addresses and long numbers replaced.",
        |config, value| {
            let words = [("encrypted", RecordProtection::Encrypted), ("redacted", RecordProtection::Redacted)];
            store(&mut config.record_protection, one_of(value, &words)?)
        }
    ),
    setting!("record_keep_days", "7", "Days after which a recording is removed.", |config, value| {
        store(&mut config.record_keep_days, number(value, 1, 3_650)?)
    }),
    setting!("record_rows_max", "20000", "Recordings kept at most. The oldest make room.", |config, value| {
        store(&mut config.record_rows_max, number(value, 1, 1_000_000)?)
    }),
    setting!(
        "record_bytes_max",
        "268435456",
        "Bytes of all recordings together. The oldest make room; a message of more than 1 MiB is not recorded.",
        |config, value| { store(&mut config.record_bytes_max, number(value, 2_097_152, 1_099_511_627_776)?) }
    ),
    setting!(
        "outlet",
        "capture",
        "Where mail goes: `capture` keeps it in the local mailbox, `relay` hands it to the smarthosts of `relay_url`, `mx` \
        to the mail servers of each recipient's domain. A domain may have an outlet of its own.",
        |config, value| store(&mut config.outlet, outlet(value)?)
    ),
    setting!("outlet_broadcast", "", "Where broadcasts go, when that is not `outlet`.", |config, value| {
        store(&mut config.outlet_broadcast, Some(outlet(value)?))
    }),
    setting!(
        "deliveries_max",
        "200",
        "Emails handed over at once, in all. Further ones wait in the queue.",
        |config, value| store(&mut config.deliveries_max, number(value, 1, 10_000)?)
    ),
    setting!(
        "destination_connections_max",
        "20",
        "Emails handed over at once for one recipient domain.",
        |config, value| store(&mut config.destination_connections_max, number(value, 1, 1_000)?)
    ),
    setting!(
        "destination_per_minute",
        "0",
        "Emails a minute for one recipient domain. 0 is no limit.",
        |config, value| store(&mut config.destination_per_minute, number(value, 0, 60_000)?)
    ),
    setting!(
        "retry_after",
        "15m,1h,4h,24h",
        "When further attempts follow the first one, while a server says `not now`: times in `s`, `m` or `h`, with commas \
        between. An email that is still there after the last one, or after 48 hours, has failed.",
        |config, value| store(&mut config.retry_after, times(value)?)
    ),
    Setting {
        secret: true,
        ..setting!(
            "relay_url",
            "",
            "Smarthosts of the outlet `relay` in the order in which they are tried, with commas between: \
            `smtp://[user:password@]host[:587]`, or `smtps://` for TLS from the first byte (port 465). Special characters \
            of a password are written `%XX`. Behind a `?` may stand `starttls=required`, `opportunistic` or `off`, and \
            `auth=plain`, `login` or `xoauth2`, with `&` between. With a password STARTTLS is required, except on \
            loopback.",
            |config, value| store(&mut config.smarthosts, Smarthost::list(value)?)
        )
    },
    setting!(
        "relay_ca",
        "",
        "PEM file with certificates that are trusted for smarthosts, besides the system's.",
        |config, value| store(&mut config.relay_ca, Some(value.into()))
    ),
    setting!(
        "helo_name",
        "",
        "What this service calls itself to other mail servers. Without it, the host of `public_url`, else the machine's \
        name.",
        |config, value| store(&mut config.helo_name, Some(host_name(value)?))
    ),
    setting!(
        "dns_servers",
        "",
        "Name servers that are asked where mail goes and what domains publish, as addresses with ports and commas \
        between. Without it, the system's.",
        |config, value| store(&mut config.dns_servers, addresses(value, "name servers", DNS_SERVERS_MAX)?)
    ),
    setting!(
        "dns_authority_port",
        "53",
        "Port of the name servers of the zones that domains are checked in. All of the Internet uses 53; another one is \
        for tests and labs.",
        |config, value| store(&mut config.dns_authority_port, number(value, 1, 65_535)?)
    ),
    setting!(
        "dns_private_addresses",
        "refuse",
        "What the check of a domain does with name servers of its zone on loopback and private addresses: `refuse`, since \
        customers choose them, or `allow`.",
        |config, value| {
            store(&mut config.dns_private_addresses, one_of(value, &[("refuse", false), ("allow", true)])?)
        }
    ),
    setting!(
        "mx_port",
        "25",
        "Port of the mail servers that the outlet `mx` speaks to. All of the Internet uses 25; another one is for tests \
        and labs.",
        |config, value| store(&mut config.mx_port, number(value, 1, 65_535)?)
    ),
    setting!(
        "mx_private_addresses",
        "refuse",
        "What the outlet `mx` does with mail servers on loopback and private addresses: `refuse`, since customers choose \
        where mail goes, or `allow`.",
        |config, value| {
            store(&mut config.mx_private_addresses, one_of(value, &[("refuse", false), ("allow", true)])?)
        }
    ),
    setting!(
        "spf_include",
        "",
        "Domain whose SPF record names every machine that this service sends from; customers' records include it. Without \
        it, they name the host of `helo_name`.",
        |config, value| store(&mut config.spf_include, Some(domain_name(value)?))
    ),
    setting!(
        "domain_grace_hours",
        "72",
        "Hours that a verified domain goes on sending while a required record of it is missing or wrong.",
        |config, value| store(&mut config.domain_grace, Duration::from_hours(number(value, 1, 720)?))
    ),
    setting!(
        "dkim_rotate_days",
        "0",
        "Days after which a domain gets new DKIM keys by itself. They sign once somebody has published their records, so it \
        is off by default: 0.",
        |config, value| {
            let days: u64 = number(value, 0, 3_650)?;
            store(&mut config.dkim_rotate_after, (days > 0).then(|| Duration::from_hours(24 * days)))
        }
    ),
    setting!(
        "track_canary",
        "off",
        "`on` hides a link that no person sees in html whose clicks are counted: whoever follows it is a scanner, and so \
        is whatever else its address fetches of that email at the time. Filters may count a hidden link against a \
        message, so it is `off` unless you ask for it.",
        |config, value| store(&mut config.track_canary, one_of(value, &[("off", false), ("on", true)])?)
    ),
    setting!(
        "client_rules",
        "",
        "TOML file with the rules that tell people from scanners, in the place of those that come with the binary. \
        Without it, what `pillarbox clients rules load` was given, else the ones that come with the binary.",
        |config, value| store(&mut config.client_rules, Some(value.into()))
    ),
];

/// Why the settings cannot be used: which one, from where, and what it should be.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ConfigError(String);

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ConfigError {}

impl Config {
    /// Reads the environment and the file that `PILLARBOX_CONFIG` or `file` names.
    pub fn from_env(file: Option<&Path>) -> Result<Self, ConfigError> {
        let variable = |name: &str| std::env::var(name).ok();
        let named = file.map(Path::to_path_buf).or_else(|| variable("PILLARBOX_CONFIG").map(PathBuf::from));
        let Some(path) = named else { return Self::read(&variable, None) };
        let text = std::fs::read_to_string(&path)
            .map_err(|error| ConfigError(format!("cannot read the settings in {}: {error}", path.display())))?;
        Self::read(&variable, Some((&path, &text)))
    }

    /// Reads settings from a look-up function for variables and from the text of a TOML file.
    pub fn read(variable: &dyn Fn(&str) -> Option<String>, file: Option<(&Path, &str)>) -> Result<Self, ConfigError> {
        let from_file = file.map(|(path, text)| read_file(path, text)).transpose()?.unwrap_or_default();
        let mut config = Self::unset();
        let person = ["SUDO_USER", "USER", "LOGNAME"].into_iter().find_map(variable);
        config.operator = person.filter(|person| !person.is_empty()).unwrap_or_else(|| "an operator".into());
        config.author_cache_dir = user_cache_dir(variable).map(|folder| folder.join("pillarbox"));
        for setting in SETTINGS {
            let name = setting.variable();
            let (value, origin) = if let Some(value) = variable(&name) {
                (value, Origin::Environment(name))
            } else if let (Some(value), Some((path, _))) = (from_file.get(setting.name), file) {
                (value.clone(), Origin::File(path.into()))
            } else {
                (setting.default.to_owned(), Origin::Default)
            };
            if !value.is_empty() {
                (setting.apply)(&mut config, &value)
                    .map_err(|wrong| ConfigError(format!("{} (from {origin}): {wrong}", setting.name)))?;
            }
            config.origins.insert(setting.name, (value, origin));
        }
        if config.tls_certificate.is_some() != config.tls_key.is_some() {
            return Err(ConfigError("tls_certificate and tls_key belong together: set both or neither".into()));
        }
        config.check_https()?;
        if config.plugin_signatures_required && config.plugin_keys.is_empty() {
            let wrong = "plugin_signatures is `required`, so plugin_keys must have at least one key; `pillarbox plugin \
                         keygen` makes one";
            return Err(ConfigError(wrong.into()));
        }
        if config.smarthosts.is_empty()
            && [Some(config.outlet), config.outlet_broadcast].contains(&Some(OutletKind::Relay))
        {
            return Err(ConfigError("the outlet is `relay`, so relay_url must name a smarthost".into()));
        }
        Ok(config)
    }

    fn check_https(&self) -> Result<(), ConfigError> {
        let wrong = match (&self.acme_directory, self.https_listen) {
            (Some(_), _) if !self.acme_terms_agreed => {
                "acme_directory is set, so acme_terms_agreed must be `yes`: read the terms of that authority first"
            }
            (Some(_), None) => "acme_directory is set, so https_listen must say where HTTPS is served",
            (None, Some(_)) if self.tls_certificate.is_none() => {
                "https_listen needs a certificate: set tls_certificate and tls_key, or acme_directory"
            }
            _ => return Ok(()),
        };
        Err(ConfigError(wrong.into()))
    }

    /// Where mail goes: by its domain, its stream, or the service's outlet.
    pub fn outlet_of(&self, of_domain: Option<OutletKind>, stream: StreamType) -> OutletKind {
        let of_stream = match stream {
            StreamType::Transactional => None,
            StreamType::Broadcast => self.outlet_broadcast,
        };
        of_domain.or(of_stream).unwrap_or(self.outlet)
    }

    /// Threads that serve HTTP.
    pub fn http_threads(&self) -> usize {
        let cores = || std::thread::available_parallelism().map_or(1, NonZero::get);
        NonZero::new(self.http_threads).map_or_else(cores, NonZero::get)
    }

    /// The certificate to serve with, when there is one.
    pub fn tls(&self) -> Option<TlsFiles> {
        let (certificate, key) = self.tls_certificate.clone().zip(self.tls_key.clone())?;
        Some(TlsFiles { certificate, key })
    }

    /// What tracked links begin with, without a slash at the end.
    pub fn base_url(&self) -> String {
        let (scheme, address) = match (&self.tls_certificate, self.https_listen) {
            (None, _) => ("http", self.listen),
            (Some(_), https_listen) => ("https", https_listen.unwrap_or(self.listen)),
        };
        self.public_url.clone().unwrap_or_else(|| format!("{scheme}://{address}"))
    }

    /// What the CNAME of a tracking host leads to: the host of `public_url`, when that is a name.
    pub fn cname_target(&self) -> Option<String> {
        let host = url_host(self.public_url.as_deref()?);
        DomainName::parse(host).ok().map(|name| name.as_str().to_owned())
    }

    /// `public_url` with this host in the place of its own.
    pub fn public_url_of(&self, host: &str) -> Option<String> {
        let url = self.public_url.as_deref()?;
        let own = url_host(url);
        let (scheme, rest) = url.split_once("://")?;
        Some(format!("{scheme}://{host}{}", rest.strip_prefix(own)?))
    }

    /// Host and port under which edge nodes reach their listener, when there is one.
    pub fn node_address(&self) -> Option<String> {
        let listen = self.node_listen?;
        let of_url = || {
            let host = url_host(self.public_url.as_deref()?);
            Some(if host.contains(':') {
                format!("[{host}]:{}", listen.port())
            } else {
                format!("{host}:{}", listen.port())
            })
        };
        self.node_address.clone().or_else(of_url).or_else(|| Some(listen.to_string()))
    }

    /// The name of the submission server.
    pub fn smtp_host(&self) -> String {
        let of_url = || plain_host_name(url_host(self.public_url.as_deref()?)).ok();
        self.smtp_host.clone().or_else(of_url).unwrap_or_else(|| "localhost".into())
    }

    /// Bytes of a message that is submitted by SMTP.
    pub fn smtp_message_bytes_max(&self) -> usize {
        self.smtp_message_bytes_max.unwrap_or(self.body_bytes_max)
    }

    /// What this service calls itself to other mail servers, when the settings tell.
    pub fn helo_name(&self) -> Option<String> {
        let of_url = || self.public_url.as_deref().map(|url| smtp_host(url_host(url)));
        self.helo_name.clone().or_else(of_url)
    }

    /// Each setting with its value and where that came from. Secrets are not shown.
    pub fn effective(&self) -> impl Iterator<Item = (&'static Setting, String, &Origin)> {
        SETTINGS.iter().map(|setting| {
            let (value, origin) = &self.origins[setting.name];
            let shown = if setting.secret && !value.is_empty() { "(secret)" } else { value };
            (setting, shown.to_owned(), origin)
        })
    }

    /// The start that every setting's default or value is applied to.
    #[expect(clippy::too_many_lines, reason = "a line for each setting")]
    fn unset() -> Self {
        let nowhere = SocketAddr::from(([127, 0, 0, 1], 0));
        Self {
            data_dir: PathBuf::new(),
            listen: nowhere,
            operator_listen: nowhere,
            public_url: None,
            tls_certificate: None,
            tls_key: None,
            https_listen: None,
            acme_directory: None,
            acme_terms_agreed: false,
            acme_contact: None,
            acme_ca: None,
            sns_host: None,
            sns_ca: None,
            log_format: LogFormat::default(),
            log_level: String::new(),
            scoring_policy: ScoringPolicy::default(),
            requests_per_minute: 0,
            failed_auth_per_15_minutes: 0,
            webhook_bounce_secret: None,
            webhook_complaint_secret: None,
            bounce_domain: None,
            head_bytes_max: 0,
            body_bytes_max: 0,
            head_read_timeout: Duration::ZERO,
            body_read_timeout: Duration::ZERO,
            http_threads: 0,
            connections_max: 0,
            connections_per_address_max: 0,
            requests_in_flight_max: 0,
            drain: Duration::ZERO,
            smtp_listen: Vec::new(),
            smtps_listen: Vec::new(),
            smtp_host: None,
            smtp_message_bytes_max: None,
            smtp_receiving_bytes_max: 0,
            smtp_idle_timeout: Duration::ZERO,
            smtp_data_timeout: Duration::ZERO,
            smtp_sessions_max: 0,
            smtp_sessions_per_address_max: 0,
            smtp_loopback_customer: None,
            write_queue_max: 0,
            read_queue_max: 0,
            reader_threads: 0,
            hit_durability: Durability::default(),
            hit_journal_bytes_max: 0,
            event_retention_days: None,
            inbox_keep_days: 0,
            inbox_bytes_max: 0,
            database_bytes_max: None,
            hit_overflow: HitOverflow::default(),
            plugin_memory_bytes_max: 0,
            plugin_cpu_ms: 0,
            plugin_wall_ms: 0,
            plugin_calls_max: 0,
            plugin_calls_waiting_max: 0,
            plugin_probation: Duration::ZERO,
            node_name: String::new(),
            storage_url: None,
            storage_token: None,
            storage_ca: None,
            storage_sync: Duration::ZERO,
            node_listen: None,
            node_address: None,
            edge_webhooks: false,
            edge_webhooks_max: 0,
            edge_webhook_bytes_max: 0,
            record_scoring: RecordScoring::default(),
            record_sample_percent: 0,
            record_protection: RecordProtection::default(),
            record_keep_days: 0,
            record_rows_max: 0,
            record_bytes_max: 0,
            outlet: OutletKind::Capture,
            outlet_broadcast: None,
            deliveries_max: 0,
            destination_connections_max: 0,
            destination_per_minute: 0,
            retry_after: Vec::new(),
            smarthosts: Vec::new(),
            relay_ca: None,
            helo_name: None,
            dns_servers: Vec::new(),
            dns_authority_port: 0,
            dns_private_addresses: false,
            mx_port: 0,
            mx_private_addresses: false,
            spf_include: None,
            domain_grace: Duration::ZERO,
            dkim_rotate_after: None,
            track_canary: false,
            client_rules: None,
            operator: String::new(),
            author_cache_dir: None,
            plugin_signatures_required: false,
            plugin_keys: Vec::new(),
            operator_token: None,
            operator_hosts: Vec::new(),
            origins: BTreeMap::new(),
        }
    }
}

/// Where programs keep what they can make again, by the XDG base directory specification.
fn user_cache_dir(variable: &dyn Fn(&str) -> Option<String>) -> Option<PathBuf> {
    let absolute = |name| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
    absolute("XDG_CACHE_HOME").or_else(|| Some(absolute("HOME")?.join(".cache")))
}

fn read_file(path: &Path, text: &str) -> Result<BTreeMap<String, String>, ConfigError> {
    let table: toml::Table = text
        .parse()
        .map_err(|error: toml::de::Error| ConfigError(format!("{}: {}", path.display(), error.to_string().trim())))?;
    table
        .into_iter()
        .map(|(name, value)| {
            if !SETTINGS.iter().any(|setting| setting.name == name) {
                let known: Vec<_> = SETTINGS.iter().map(|setting| setting.name).collect();
                return Err(ConfigError(format!(
                    "{}: there is no setting `{name}`. The settings are {}",
                    path.display(),
                    known.join(", ")
                )));
            }
            let value = match value {
                toml::Value::String(text) => text,
                toml::Value::Integer(number) => number.to_string(),
                other => {
                    let wrong =
                        format!("{}: {name} must be text or a whole number, not {}", path.display(), other.type_str());
                    return Err(ConfigError(wrong));
                }
            };
            Ok((name, value))
        })
        .collect()
}

#[expect(clippy::unnecessary_wraps, reason = "every setting ends in it, and the others can fail before")]
fn store<T>(field: &mut T, value: T) -> Result<(), String> {
    *field = value;
    Ok(())
}

fn address(value: &str) -> Result<SocketAddr, String> {
    value.parse().map_err(|_| format!("`{value}` is not an address and port such as 127.0.0.1:8080 or [::1]:8080"))
}

/// Where to listen: several addresses, or none at all.
fn listeners(value: &str) -> Result<Vec<SocketAddr>, String> {
    if value == OFF { Ok(Vec::new()) } else { addresses(value, "listeners", LISTENERS_MAX) }
}

fn base_url(value: &str) -> Result<String, String> {
    let url = value.trim_end_matches('/');
    let host = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://")).unwrap_or_default();
    let plain = |byte: u8| byte.is_ascii_graphic() && !b"?#@\"<>".contains(&byte);
    if host.is_empty() || !host.bytes().all(plain) {
        return Err(format!("`{value}` is not a base URL such as https://mail.example.com"));
    }
    Ok(url.to_owned())
}

fn host_and_port(value: &str) -> Result<String, String> {
    if is_address(value) { Ok(value.to_owned()) } else { Err(format!("`{value}` is not a host and a port")) }
}

/// Where an authority is asked. Without TLS anybody on the way could answer, so that is for this machine alone.
fn directory(value: &str) -> Result<String, String> {
    let url = base_url(value)?;
    let is_near = ["localhost", "127.0.0.1", "::1"].contains(&url_host(&url));
    if url.starts_with("https://") || is_near {
        return Ok(value.to_owned());
    }
    Err(format!("`{value}` does not begin with https://"))
}

/// A level, or levels for modules: `info,pillarbox::store=debug`. What the log would take for a module without a
/// level is refused, because a misspelt level would silence everything.
fn log_level(value: &str) -> Result<String, String> {
    let levels = ["off", "error", "warn", "info", "debug", "trace"];
    let is_good = |part: &str| {
        let (module, level) = part.rsplit_once('=').unwrap_or(("all", part));
        let in_name = |byte: u8| byte.is_ascii_alphanumeric() || b"_:".contains(&byte);
        levels.contains(&level) && !module.is_empty() && module.bytes().all(in_name)
    };
    if value.split(',').all(is_good) {
        return Ok(value.to_owned());
    }
    Err(format!("`{value}` is not one of {}, nor a list such as info,pillarbox::store=debug", levels.join(", ")))
}

/// Keys such as `ed25519:` and 32 bytes in base64, with commas between.
fn public_keys(value: &str) -> Result<Vec<String>, String> {
    let is_key = |key: &&str| {
        let bytes = key.strip_prefix("ed25519:").and_then(|key| BASE64.decode(key).ok());
        bytes.is_some_and(|bytes| bytes.len() == 32)
    };
    let keys: Vec<_> = value.split(',').map(str::trim).collect();
    match keys.iter().find(|key| !is_key(key)) {
        Some(wrong) => Err(format!("`{wrong}` is no public key: write ed25519: and 32 bytes in base64")),
        None if keys.len() > PUBLIC_KEYS_MAX => Err(format!("{} keys of at most {PUBLIC_KEYS_MAX}", keys.len())),
        None => Ok(keys.into_iter().map(str::to_owned).collect()),
    }
}

/// A secret that cannot be guessed, and can stand in a header.
fn token(value: &str) -> Result<String, String> {
    if value.len() >= TOKEN_CHARS_MIN && value.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(value.to_owned());
    }
    Err(format!(
        "it must have at least {TOKEN_CHARS_MIN} visible ASCII characters, such as `openssl rand -hex 32` makes"
    ))
}

/// At most so many addresses with commas between.
fn addresses(value: &str, what: &str, most: usize) -> Result<Vec<SocketAddr>, String> {
    let addresses: Vec<_> = value.split(',').map(|part| address(part.trim())).collect::<Result<_, _>>()?;
    if addresses.len() > most {
        return Err(format!("{} {what} of at most {most}", addresses.len()));
    }
    Ok(addresses)
}

/// The host of a base URL, without brackets and port.
fn url_host(url: &str) -> &str {
    let place = url.split_once("://").map_or(url, |(_, place)| place);
    let place = place.split('/').next().unwrap_or(place);
    match place.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, _)) => address,
        None => place.split(':').next().unwrap_or(place),
    }
}

/// A host as EHLO takes it: addresses stand in brackets (RFC 5321 section 4.1.3).
fn smtp_host(host: &str) -> String {
    match host.parse() {
        Ok(IpAddr::V4(address)) => format!("[{address}]"),
        Ok(IpAddr::V6(address)) => format!("[IPv6:{address}]"),
        Err(_) => host.to_owned(),
    }
}

/// The name of one host, or its address in brackets.
fn host_name(value: &str) -> Result<String, String> {
    let inner = value.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let is_literal = inner.is_some_and(|inner| inner.trim_start_matches("IPv6:").parse::<IpAddr>().is_ok());
    if is_literal {
        return Ok(value.to_owned());
    }
    let mut names = host_names(value)?;
    if names.len() > 1 {
        return Err(format!("`{value}` is more than one name"));
    }
    Ok(names.remove(0))
}

fn host_names(value: &str) -> Result<Vec<String>, String> {
    value.split(',').map(|name| plain_host_name(name.trim())).collect()
}

fn plain_host_name(value: &str) -> Result<String, String> {
    let in_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-.".contains(&byte);
    if !value.is_empty() && value.bytes().all(in_name) {
        return Ok(value.to_owned());
    }
    Err(format!("`{value}` is not the name of a host, such as mail.example.com, without a port"))
}

fn domain_name(value: &str) -> Result<DomainName, String> {
    let named = DomainName::parse(value).map_err(|error| format!("`{value}`: {error}"))?;
    if named.as_str().len() > BOUNCE_DOMAIN_BYTES_MAX {
        return Err(format!("a bounce address has room for a domain of {BOUNCE_DOMAIN_BYTES_MAX} bytes at most"));
    }
    Ok(named)
}

fn one_of<T: Copy>(value: &str, choices: &[(&str, T)]) -> Result<T, String> {
    let found = choices.iter().find(|(word, _)| *word == value).map(|(_, choice)| *choice);
    found.ok_or_else(|| {
        let words: Vec<_> = choices.iter().map(|(word, _)| *word).collect();
        format!("`{value}` is not one of {}", words.join(", "))
    })
}

fn node_address(value: &str) -> Result<String, String> {
    if is_address(value) {
        return Ok(value.to_owned());
    }
    Err(format!("`{value}` is not a host and a port such as mail.example.com:8443"))
}

/// A word for lists and logs.
pub(crate) fn name(value: &str) -> Result<String, String> {
    let is_name = (1..=64).contains(&value.len())
        && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    if is_name { Ok(value.to_owned()) } else { Err(format!("`{value}` is not 1 to 64 letters, digits and -_.")) }
}

fn number<T: TryFrom<u64>>(value: &str, min: u64, max: u64) -> Result<T, String> {
    let number = value.parse::<u64>().ok().filter(|number| (min..=max).contains(number));
    let fits = number.and_then(|number| T::try_from(number).ok());
    fits.ok_or_else(|| format!("`{value}` is not a whole number from {min} to {max}"))
}

/// Nothing where a number is 0.
fn unless_zero<T: Default + PartialEq>(number: T) -> Option<T> {
    (number != T::default()).then_some(number)
}

/// A number whose bounds have a reason of their own, so that each side is told apart.
fn bounded<T: TryFrom<u64>>(value: &str, bounds: &HardBounds) -> Result<T, String> {
    let HardBounds { min, max } = *bounds;
    match value.parse::<u64>() {
        Ok(number) if number > max => Err(format!("{number} is above the hard maximum, which is {max}")),
        Ok(number) if number < min => Err(format!("{number} is below the hard minimum, which is {min}")),
        _ => number(value, min, max),
    }
}

fn outlet(value: &str) -> Result<OutletKind, String> {
    let choices: Vec<_> = OutletKind::ALL.iter().map(|kind| (kind.as_str(), *kind)).collect();
    one_of(value, &choices)
}

/// Times that grow, such as `90s,15m,1h`.
fn times(value: &str) -> Result<Vec<Duration>, String> {
    let read = |word: &str| {
        let wrong = || format!("`{word}` is not a time such as 90s, 15m or 4h, at most 48h");
        let unit = word.chars().next_back().ok_or_else(wrong)?;
        let secs = match unit {
            's' => 1,
            'm' => 60,
            'h' => 3_600,
            _ => return Err(wrong()),
        };
        let count: u64 = word.strip_suffix(unit).and_then(|count| count.parse().ok()).ok_or_else(wrong)?;
        let time = count.checked_mul(secs).filter(|secs| *secs <= RETRY_SECS_MAX).ok_or_else(wrong)?;
        Ok(Duration::from_secs(time))
    };
    let times: Vec<_> = value.split(',').map(|word| read(word.trim())).collect::<Result<_, _>>()?;
    if times.len() > RETRIES_MAX {
        return Err(format!("{} times of at most {RETRIES_MAX}", times.len()));
    }
    if !times.is_sorted() {
        return Err("each time must be at least as long as the one before it".into());
    }
    Ok(times)
}

fn seconds(value: &str, min: u64, max: u64) -> Result<Duration, String> {
    number(value, min, max).map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)], file: Option<&str>) -> Result<Config, ConfigError> {
        let variable = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, v)| (*v).to_owned());
        Config::read(&variable, file.map(|text| (Path::new("pillarbox.toml"), text)))
    }

    fn origin(config: &Config, name: &str) -> String {
        let found = config.effective().find(|(setting, ..)| setting.name == name);
        found.map(|(_, value, origin)| format!("{value} from {origin}")).expect("the setting exists")
    }

    #[test]
    fn every_default_is_a_value_that_its_setting_accepts() {
        let config = read(&[], None).expect("the defaults are good");
        assert_eq!(config.listen, "127.0.0.1:8080".parse().expect("an address"));
        assert_eq!(config.base_url(), "http://127.0.0.1:8080");
        assert_eq!(origin(&config, "listen"), "127.0.0.1:8080 from default");
    }

    #[test]
    fn the_environment_goes_before_the_file_and_the_file_before_the_default() {
        let file = "listen = \"127.0.0.1:1\"\ndrain_secs = 3\n";
        let config = read(&[("PILLARBOX_LISTEN", "127.0.0.1:2")], Some(file)).expect("they are good");
        assert_eq!(origin(&config, "listen"), "127.0.0.1:2 from PILLARBOX_LISTEN");
        assert_eq!(origin(&config, "drain_secs"), "3 from pillarbox.toml");
        assert_eq!(config.drain, Duration::from_secs(3));
    }

    #[test]
    fn secrets_are_not_shown() {
        let config = read(&[("PILLARBOX_WEBHOOK_BOUNCE_SECRET", "hunter2")], None).expect("it is good");
        assert_eq!(origin(&config, "webhook_bounce_secret"), "(secret) from PILLARBOX_WEBHOOK_BOUNCE_SECRET");
    }

    #[test]
    fn a_log_level_may_differ_from_module_to_module() {
        for level in ["trace", "off", "info,pillarbox::store=debug", "access=off"] {
            assert_eq!(read(&[("PILLARBOX_LOG_LEVEL", level)], None).expect("it is good").log_level, level);
        }
    }

    #[track_caller]
    fn refused(variables: &[(&str, &str)], file: Option<&str>, told: &[&str]) {
        let error = read(variables, file).expect_err("it is refused").to_string();
        assert!(told.iter().all(|part| error.contains(part)), "{error}");
    }

    #[test]
    fn a_wrong_setting_is_named_with_what_it_should_be() {
        refused(&[("PILLARBOX_LISTEN", "8080")], None, &["listen", "PILLARBOX_LISTEN", "127.0.0.1:8080"]);
        refused(&[("PILLARBOX_PUBLIC_URL", "mail.example.com")], None, &["public_url", "https://"]);
        refused(&[("PILLARBOX_PUBLIC_URL", "https://a/?b")], None, &["public_url"]);
        refused(&[("PILLARBOX_SCORING_POLICY", "maybe")], None, &["off, advise, enforce"]);
        for level in ["inof", "info,", "store=", "=debug", "a b=debug", "INFO"] {
            refused(&[("PILLARBOX_LOG_LEVEL", level)], None, &["log_level", level, "info, debug"]);
        }
        refused(&[("PILLARBOX_PLUGIN_SIGNATURES", "required")], None, &["plugin_keys", "at least one"]);
        refused(&[("PILLARBOX_PLUGIN_SIGNATURES", "on")], None, &["plugin_signatures", "off, required"]);
        let short = "x".repeat(31);
        refused(&[("PILLARBOX_OPERATOR_TOKEN", &short)], None, &["operator_token", "at least 32"]);
        read(&[("PILLARBOX_OPERATOR_TOKEN", &"x".repeat(32))], None).expect("it is long enough");
        refused(&[("PILLARBOX_OPERATOR_HOSTS", "a.example,b:1")], None, &["operator_hosts", "b:1", "without a port"]);
        refused(&[("PILLARBOX_PLUGIN_KEYS", "ed25519:AAAA")], None, &["plugin_keys", "ed25519:AAAA", "32 bytes"]);
        refused(&[("PILLARBOX_BOUNCE_DOMAIN", "localhost")], None, &["bounce_domain", "localhost"]);
        refused(&[("PILLARBOX_TLS_KEY", "key.pem")], None, &["tls_certificate", "both or neither"]);
        refused(&[], Some("lisen = \"x\""), &["no setting `lisen`", "listen"]);
        refused(&[], Some("listen = [1]"), &["listen", "array"]);
        refused(&[], Some("listen = "), &["pillarbox.toml"]);
    }

    #[test]
    fn certificates_by_acme_need_consent_and_a_listener() {
        let directory = ("PILLARBOX_ACME_DIRECTORY", "https://ca.example/directory/");
        let agreed = ("PILLARBOX_ACME_TERMS_AGREED", "yes");
        let https = ("PILLARBOX_HTTPS_LISTEN", "127.0.0.1:443");
        refused(&[directory, https], None, &["acme_terms_agreed must be `yes`"]);
        refused(&[directory, agreed], None, &["https_listen must say"]);
        refused(&[https], None, &["https_listen needs a certificate"]);
        let config = read(&[directory, agreed, https], None).expect("they are good");
        assert_eq!(config.acme_directory.as_deref(), Some("https://ca.example/directory/"));
        refused(&[("PILLARBOX_ACME_DIRECTORY", "http://ca.example/")], None, &["acme_directory", "https://"]);
        refused(&[("PILLARBOX_ACME_TERMS_AGREED", "true")], None, &["acme_terms_agreed", "no, yes"]);
        refused(&[("PILLARBOX_ACME_CONTACT", "nobody")], None, &["acme_contact", "nobody"]);
        read(&[("PILLARBOX_ACME_DIRECTORY", "http://[::1]:14000/dir"), agreed, https], None).expect("it is near");
    }

    #[test]
    fn what_a_tracking_host_leads_to_and_what_its_links_begin_with() {
        let of = |url: &str| {
            let config = read(&[("PILLARBOX_PUBLIC_URL", url)], None).expect("it is good");
            (config.cname_target(), config.public_url_of("click.acme.example"))
        };
        let both = |target: &str, url: &str| (Some(target.to_owned()), Some(url.to_owned()));
        assert_eq!(of("https://Mail.example.com"), both("mail.example.com", "https://click.acme.example"));
        let deep = both("mail.example.com", "http://click.acme.example:8080/x");
        assert_eq!(of("http://mail.example.com:8080/x"), deep);
        assert_eq!(of("https://192.0.2.1").0, None);
        assert_eq!(read(&[], None).expect("it is good").cname_target(), None);
        let tls = [("PILLARBOX_TLS_CERTIFICATE", "a"), ("PILLARBOX_TLS_KEY", "b")];
        assert_eq!(read(&tls, None).expect("they are good").base_url(), "https://127.0.0.1:8080");
        let two = [tls[0], tls[1], ("PILLARBOX_HTTPS_LISTEN", "127.0.0.1:8443")];
        assert_eq!(read(&two, None).expect("they are good").base_url(), "https://127.0.0.1:8443");
    }

    #[test]
    fn edge_nodes_reach_their_listener_under_a_name_or_its_address() {
        let of = |settings: &[(&str, &str)]| read(settings, None).expect("they are good").node_address();
        let listen = ("PILLARBOX_NODE_LISTEN", "192.0.2.1:8443");
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[listen]).as_deref(), Some("192.0.2.1:8443"));
        let url = |url| of(&[listen, ("PILLARBOX_PUBLIC_URL", url)]);
        assert_eq!(url("https://mail.example.com/x").as_deref(), Some("mail.example.com:8443"));
        assert_eq!(url("https://[2001:db8::1]:1").as_deref(), Some("[2001:db8::1]:8443"));
        let own = ("PILLARBOX_NODE_ADDRESS", "nodes.example.com:443");
        assert_eq!(of(&[listen, own]).as_deref(), Some("nodes.example.com:443"));
        refused(&[listen, ("PILLARBOX_NODE_ADDRESS", "nodes.example.com")], None, &["node_address", "a port"]);
        refused(&[("PILLARBOX_NODE_LISTEN", "8443")], None, &["node_listen", "8443"]);
    }

    #[test]
    fn listeners_are_several_or_none() {
        let of = |value: &str| read(&[("PILLARBOX_SMTP_LISTEN", value)], None).map(|config| config.smtp_listen);
        assert_eq!(of("off"), Ok(Vec::new()));
        assert_eq!(read(&[], None).expect("it is good").smtps_listen, []);
        let two = ["127.0.0.1:25".parse().expect("an address"), "[::1]:587".parse().expect("an address")];
        assert_eq!(of("127.0.0.1:25, [::1]:587"), Ok(two.to_vec()));
        refused(&[("PILLARBOX_SMTP_LISTEN", "127.0.0.1:25,587")], None, &["smtp_listen", "`587`"]);
        assert_eq!(of(&["127.0.0.1:25"; LISTENERS_MAX].join(",")).map(|found| found.len()), Ok(LISTENERS_MAX));
        let more = ["127.0.0.1:25"; LISTENERS_MAX + 1].join(",");
        refused(&[("PILLARBOX_SMTP_LISTEN", &more)], None, &["smtp_listen", "17 listeners of at most 16"]);
    }

    #[test]
    fn the_submission_server_has_a_name_and_a_bound() {
        let of = |settings: &[(&str, &str)]| read(settings, None).expect("they are good");
        let url = ("PILLARBOX_PUBLIC_URL", "https://mail.example.com:8443/x");
        assert_eq!(of(&[]).smtp_host(), "localhost");
        assert_eq!(of(&[url]).smtp_host(), "mail.example.com");
        assert_eq!(of(&[("PILLARBOX_PUBLIC_URL", "http://[::1]:80")]).smtp_host(), "localhost");
        assert_eq!(of(&[url, ("PILLARBOX_SMTP_HOST", "smtp.example.com")]).smtp_host(), "smtp.example.com");
        refused(&[("PILLARBOX_SMTP_HOST", "a b")], None, &["smtp_host", "name of a host"]);
        assert_eq!(of(&[("PILLARBOX_BODY_BYTES_MAX", "2048")]).smtp_message_bytes_max(), 2_048);
        assert_eq!(of(&[("PILLARBOX_SMTP_MESSAGE_BYTES_MAX", "4096")]).smtp_message_bytes_max(), 4_096);
    }

    #[test]
    fn where_mail_goes_is_read_and_a_password_is_not_shown() {
        let url = "smtp://u:hunter2@smtp.example.com";
        let config = read(&[("PILLARBOX_RELAY_URL", url)], None).expect("it is good");
        assert_eq!(config.smarthosts[0].host, "smtp.example.com");
        assert_eq!(origin(&config, "relay_url"), "(secret) from PILLARBOX_RELAY_URL");
        assert!(!format!("{:?}", config.smarthosts).contains("hunter2"));
        let error = read(&[("PILLARBOX_RELAY_URL", "smtp://u:hunter2@")], None).expect_err("it is refused").to_string();
        assert!(error.contains("relay_url") && !error.contains("hunter2"), "{error}");
        refused(&[("PILLARBOX_MX_PRIVATE_ADDRESSES", "yes")], None, &["refuse, allow"]);
    }

    #[test]
    fn name_servers_have_a_bound() {
        let servers = |count: usize| vec!["127.0.0.1:53"; count].join(", ");
        let config = read(&[("PILLARBOX_DNS_SERVERS", &servers(DNS_SERVERS_MAX))], None).expect("they are good");
        assert_eq!(config.dns_servers.len(), DNS_SERVERS_MAX);
        refused(&[("PILLARBOX_DNS_SERVERS", &servers(DNS_SERVERS_MAX + 1))], None, &["dns_servers", "at most 8"]);
        refused(&[("PILLARBOX_DNS_SERVERS", "127.0.0.1")], None, &["dns_servers", "address and port"]);
    }

    #[test]
    fn the_grace_and_the_life_of_keys_have_bounds_on_both_sides() {
        let of = |name: &str, value: &str| read(&[(name, value)], None);
        for (value, hours) in [("1", 1), ("720", 720)] {
            let config = of("PILLARBOX_DOMAIN_GRACE_HOURS", value).expect("it is inside");
            assert_eq!(config.domain_grace, Duration::from_hours(hours));
        }
        for value in ["0", "721"] {
            refused(&[("PILLARBOX_DOMAIN_GRACE_HOURS", value)], None, &["domain_grace_hours", "1 to 720"]);
        }
        let life = |value| of("PILLARBOX_DKIM_ROTATE_DAYS", value).expect("it is inside").dkim_rotate_after;
        assert_eq!((life("0"), life("3650")), (None, Some(Duration::from_hours(24 * 3_650))));
        refused(&[("PILLARBOX_DKIM_ROTATE_DAYS", "3651")], None, &["dkim_rotate_days", "0 to 3650"]);
        let config = of("PILLARBOX_SPF_INCLUDE", "spf.example.com").expect("it is good");
        assert_eq!(config.spf_include.map(String::from).as_deref(), Some("spf.example.com"));
        refused(&[("PILLARBOX_SPF_INCLUDE", "spf")], None, &["spf_include", "spf"]);
    }

    #[test]
    fn other_servers_are_told_the_name_of_the_public_url() {
        let told = |settings: &[(&str, &str)]| read(settings, None).expect("they are good").helo_name();
        assert_eq!(told(&[]), None);
        let check = |url: &str, name: &str| {
            assert_eq!(told(&[("PILLARBOX_PUBLIC_URL", url)]).as_deref(), Some(name), "{url}");
        };
        check("https://mail.example.com", "mail.example.com");
        check("http://mail.example.com:8080/x", "mail.example.com");
        check("http://192.0.2.1:8080", "[192.0.2.1]");
        check("http://[2001:db8::1]:8080", "[IPv6:2001:db8::1]");
        let both = [("PILLARBOX_PUBLIC_URL", "https://a.example"), ("PILLARBOX_HELO_NAME", "b.example")];
        assert_eq!(told(&both).as_deref(), Some("b.example"));
        assert_eq!(told(&[("PILLARBOX_HELO_NAME", "[192.0.2.1]")]).as_deref(), Some("[192.0.2.1]"));
        refused(&[("PILLARBOX_HELO_NAME", "a b")], None, &["helo_name", "a b"]);
        refused(&[("PILLARBOX_HELO_NAME", "a,b")], None, &["helo_name", "more than one"]);
    }

    #[test]
    fn as_many_keys_as_the_bound_are_taken_and_one_more_is_not() {
        let key = format!("ed25519:{}=", "A".repeat(43));
        let keys = |count: usize| vec![key.as_str(); count].join(", ");
        let config = read(&[("PILLARBOX_PLUGIN_KEYS", &keys(PUBLIC_KEYS_MAX))], None).expect("they are good");
        assert_eq!(config.plugin_keys, vec![key.clone(); PUBLIC_KEYS_MAX]);
        let bound = format!("at most {PUBLIC_KEYS_MAX}");
        refused(&[("PILLARBOX_PLUGIN_SIGNATURES", "required")], None, &["plugin_keys", "at least one"]);
        refused(&[("PILLARBOX_PLUGIN_SIGNATURES", "on")], None, &["plugin_signatures", "off, required"]);
        let short = "x".repeat(31);
        refused(&[("PILLARBOX_OPERATOR_TOKEN", &short)], None, &["operator_token", "at least 32"]);
        read(&[("PILLARBOX_OPERATOR_TOKEN", &"x".repeat(32))], None).expect("it is long enough");
        refused(&[("PILLARBOX_OPERATOR_HOSTS", "a.example,b:1")], None, &["operator_hosts", "b:1", "without a port"]);
        refused(&[("PILLARBOX_PLUGIN_KEYS", &keys(PUBLIC_KEYS_MAX + 1))], None, &["plugin_keys", &bound]);
    }

    #[test]
    fn a_bounce_domain_leaves_room_for_the_address_before_it() {
        let domain = |bytes: usize| format!("{}example", "a.".repeat((bytes - "example".len()) / 2));
        let longest = domain(BOUNCE_DOMAIN_BYTES_MAX);
        let config = read(&[("PILLARBOX_BOUNCE_DOMAIN", &longest)], None).expect("there is room");
        assert_eq!(config.bounce_domain.map(String::from), Some(longest));
        let told = BOUNCE_DOMAIN_BYTES_MAX.to_string();
        refused(&[("PILLARBOX_BOUNCE_DOMAIN", &domain(BOUNCE_DOMAIN_BYTES_MAX + 2))], None, &["bounce_domain", &told]);
    }

    #[test]
    fn a_number_may_be_its_least_and_its_most_but_nothing_beyond() {
        for good in ["8192", "1048576"] {
            read(&[("PILLARBOX_HEAD_BYTES_MAX", good)], None).expect("it is inside");
        }
        for bad in ["8191", "1048577", "-1", "1.5", "many"] {
            refused(&[("PILLARBOX_HEAD_BYTES_MAX", bad)], None, &["head_bytes_max", "8192", "1048576"]);
        }
    }

    #[test]
    fn what_plugins_may_use_has_a_hard_maximum_and_a_hard_minimum() {
        let settings = [
            ("plugin_memory_bytes_max", PLUGIN_MEMORY_BYTES),
            ("plugin_cpu_ms", PLUGIN_CPU_MS),
            ("plugin_wall_ms", PLUGIN_WALL_MS),
            ("plugin_calls_max", PLUGIN_CALLS),
            ("plugin_calls_waiting_max", PLUGIN_CALLS_WAITING),
        ];
        for (name, HardBounds { min, max }) in settings {
            let variable = format!("PILLARBOX_{}", name.to_uppercase());
            for good in [min, max] {
                read(&[(&variable, &good.to_string())], None).expect("it is inside");
            }
            let above = format!("{} is above the hard maximum, which is {max}", max + 1);
            refused(&[(&variable, &(max + 1).to_string())], None, &[name, &above]);
            let Some(below) = min.checked_sub(1) else { continue };
            let told = format!("{below} is below the hard minimum, which is {min}");
            refused(&[(&variable, &below.to_string())], None, &[name, &told]);
            refused(&[(&variable, "plenty")], None, &[name, "`plenty` is not a whole number"]);
        }
    }
}
