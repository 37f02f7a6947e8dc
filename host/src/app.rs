//! What a request may reach. Nothing is reached through a global.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::Semaphore;
use uuid::Uuid;

use crate::acme::Acme;
use crate::client_rules::ClientRules;
use crate::cluster::Cluster;
use crate::config::Config;
use crate::delivery::dkim::Signers;
use crate::delivery::outlet::{self, Outlets};
use crate::dns::Doctor;
use crate::domains;
use crate::domains::records::return_path;
use crate::feed::Feed;
use crate::health::Paused;
use crate::hits::{Applier, Hits};
use crate::ids::{IdOrder, Ids};
use crate::inbox::Inbox;
use crate::keys_in_flight::KeysInFlight;
use crate::mail::address::DomainName;
use crate::mail::token::KeyRing;
use crate::mail::verp;
use crate::metrics::Meters;
use crate::nodes::Nodes;
use crate::operator::Access;
use crate::passwords::Passwords;
use crate::plugins::Plugins;
use crate::plugins::limits::Limits;
use crate::plugins::signature::Policy;
use crate::rate::{RateLimit, Standing};
use crate::recorder::Recorder;
use crate::registry::{LogKey, Shelf};
use crate::secrets::HostKey;
use crate::sources::Sources;
use crate::store::{Customer, Store, StoreLimits};
use crate::tracking::Tracking;
use crate::tracking_hosts::TrackingHosts;
use crate::tracking_keys;

/// Milliseconds since 1970, from a clock that a test can hold still.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

const MINUTE_MS: i64 = 60 * 1_000;
/// How long one name server may take for an answer about a domain's records.
const DNS_LIMIT: Duration = Duration::from_secs(5);

/// The service without its sockets.
pub struct App {
    /// The settings in effect.
    pub config: Config,
    /// The database.
    pub store: Store,
    pub(crate) cluster: Cluster,
    /// The plugin host.
    pub plugins: Plugins,
    pub(crate) shelf: Shelf,
    pub(crate) log_key: LogKey,
    pub(crate) signatures: Policy,
    pub(crate) access: Access,
    pub(crate) meters: Meters,
    pub(crate) host_key: HostKey,
    pub(crate) tokens: Arc<ArcSwap<KeyRing>>,
    pub(crate) tracking: Tracking,
    pub(crate) bounce_addresses: verp::Keys,
    pub(crate) signers: Signers,
    pub(crate) acme: Acme,
    pub(crate) nodes: Nodes,
    pub(crate) tracking_hosts: TrackingHosts,
    pub(crate) sources: Sources,
    pub(crate) feed: Feed,
    pub(crate) inbox: Inbox,
    pub(crate) paused: Paused,
    pub(crate) requests: RateLimit<Uuid>,
    pub(crate) failed_auth: RateLimit<IpAddr>,
    pub(crate) in_flight: Semaphore,
    pub(crate) keys_in_flight: KeysInFlight,
    pub(crate) outlets: Outlets,
    pub(crate) client_rules: Arc<ClientRules>,
    pub(crate) recorder: Recorder,
    pub(crate) passwords: Passwords,
    /// Or why there is none.
    pub(crate) doctor: Result<Doctor, String>,
    pub(crate) domain_work: domains::work::Work,
    /// The host that sends mail and takes what bounces, as the records of domains name it.
    pub(crate) mail_host: String,
    draining: AtomicBool,
    id_order: IdOrder,
    clock: Clock,
}

impl App {
    /// Opens the store and starts the plugin host in `config.data_dir`, whose lock the caller holds. Blocks.
    pub fn open(config: Config, clock: Clock) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        let client_rules = Arc::new(ClientRules::open(&config)?);
        let host_key = HostKey::load(&config.data_dir)?;
        let access = Access::open(&config, &host_key)?;
        let keys = config.plugin_keys.iter().map(|key| key.parse()).collect::<Result<_, String>>()?;
        let signatures = Policy { required: config.plugin_signatures_required, keys };
        let limits = StoreLimits {
            write_queue_max: config.write_queue_max,
            read_queue_max: config.read_queue_max,
            readers: config.reader_threads,
        };
        let cluster = Cluster::new(&config, &host_key, &clock)?;
        let store = Store::open(&config.data_dir, limits, clock())
            .map_err(|error| format!("cannot open the database in {}: {error}", config.data_dir.display()))?
            .with_primary(cluster.primary.clone());
        let applier = Applier { store: store.clone(), client_rules: Arc::clone(&client_rules) };
        let hits = Hits::open(&config, store.hit_cursor(), |out| applier.start(out))
            .map_err(|error| format!("cannot open the journal of hits in {}: {error}", config.data_dir.display()))?;
        let cache = config.data_dir.join("compiled");
        let plugins = Plugins::start(plugin_limits(&config), Some(cache), host_key.derive("compiled plugins"))?;
        let nodes = Nodes::open(&config)?;
        let tokens = Arc::new(ArcSwap::from_pointee(tracking_keys::first(&host_key)));
        let id_order = IdOrder::default();
        let tracking = Tracking::new(&config, Arc::clone(&tokens), hits, (id_order.clone(), Arc::clone(&clock)));
        let outlets = Outlets::new(&config)?;
        let bounce_keys = vec![(1, host_key.derive("bounce addresses"))];
        let bounce_addresses = verp::Keys::new(bounce_keys).expect("one key has an id of its own");
        let recorder = Recorder::new(&config, &host_key);
        // A machine without a resolver sends and captures mail all the same.
        let doctor = Doctor::new(&config.dns_servers, DNS_LIMIT);
        let doctor = doctor.map(|doctor| doctor.reaching(config.dns_authority_port, config.dns_private_addresses));
        let mail_host = config.helo_name().unwrap_or_else(outlet::machine_name);
        let acme = Acme::new(&config, &host_key)?;
        let tracking_hosts = TrackingHosts::new(&config);
        let sources = Sources::new(&config, &host_key)?;
        let in_flight = Semaphore::new(config.requests_in_flight_max);
        Ok(Self {
            config,
            store,
            cluster,
            plugins,
            shelf: Shelf::default(),
            log_key: LogKey::new(&host_key.derive("plugin log")),
            signatures,
            access,
            meters: Meters::new(clock()),
            tokens,
            tracking,
            bounce_addresses,
            signers: Signers::new(&host_key),
            host_key,
            acme,
            nodes,
            tracking_hosts,
            sources,
            feed: Feed::default(),
            inbox: Inbox::default(),
            paused: Paused::default(),
            requests: RateLimit::every(MINUTE_MS),
            failed_auth: RateLimit::every(15 * MINUTE_MS),
            in_flight,
            keys_in_flight: KeysInFlight::default(),
            outlets,
            client_rules,
            recorder,
            passwords: Passwords::default(),
            doctor,
            domain_work: domains::work::Work::default(),
            mail_host,
            draining: AtomicBool::new(false),
            id_order,
            clock,
        })
    }

    /// Milliseconds since 1970.
    pub(crate) fn now(&self) -> i64 {
        (self.clock)()
    }

    /// The ids of a unit of work that happens at `now`.
    pub(crate) fn ids(&self, now: i64) -> Ids {
        self.id_order.ids_at(now)
    }

    /// Counts one request of this customer, by whichever way it came. `None` where there is no limit.
    pub(crate) fn standing(&self, customer: &Customer) -> Option<Standing> {
        let own = customer.requests_per_minute.and_then(|limit| u32::try_from(limit).ok());
        self.requests.take(customer.id, own.unwrap_or(self.config.requests_per_minute), self.now())
    }

    /// The envelope sender of one recipient's copy of an email: what comes back to it names that copy. For a domain without
    /// a return path of its own.
    pub fn bounce_address(&self, email_id: Uuid, recipient_number: u16, sending_domain: &str) -> String {
        let domain = self.config.bounce_domain.as_ref().map_or(sending_domain, DomainName::as_str);
        format!("{}@{domain}", self.bounce_addresses.seal(email_id, recipient_number))
    }

    /// The same for a domain whose records lead what bounces from a name of its own to this service.
    pub fn own_bounce_address(&self, email_id: Uuid, recipient_number: u16, sending_domain: &str) -> String {
        format!("{}@{}", self.bounce_addresses.seal(email_id, recipient_number), return_path(sending_domain))
    }

    /// Says that the service is about to stop, so that load balancers send no more.
    pub(crate) fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
        self.feed.close();
    }

    /// Whether the service takes requests and can store what they bring.
    pub(crate) fn is_ready(&self) -> bool {
        !self.draining.load(Ordering::Relaxed)
            && self.cluster.is_joined()
            && self.store.is_open()
            && self.tracking.hits.is_ready()
    }
}

/// What plugins may use by the settings.
pub(crate) fn plugin_limits(config: &Config) -> Limits {
    let limits = Limits::default();
    Limits {
        memory_bytes_max: config.plugin_memory_bytes_max,
        cpu_ms_max: config.plugin_cpu_ms,
        wall_ms_max: config.plugin_wall_ms,
        slots: config.plugin_calls_max,
        waiting_max: config.plugin_calls_waiting_max,
        // However few slots there are, slow calls hold no more than half of them.
        slow_calls_max: limits.slow_calls_max.min(config.plugin_calls_max as usize / 2),
        ..limits
    }
}

/// The system's clock.
pub fn system_clock() -> Clock {
    Arc::new(|| {
        let elapsed = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{PLUGIN_CALLS, PLUGIN_CALLS_WAITING, PLUGIN_MEMORY_BYTES};
    use crate::registry::BUILT_IN;

    /// The limits of the settings with one side of each hard bound, but time enough for a crowded machine.
    fn limits(memory: u64, calls: u64, waiting: u64) -> Limits {
        let settings = [
            ("PILLARBOX_PLUGIN_MEMORY_BYTES_MAX", memory),
            ("PILLARBOX_PLUGIN_CALLS_MAX", calls),
            ("PILLARBOX_PLUGIN_CALLS_WAITING_MAX", waiting),
        ];
        let variable = |name: &str| settings.iter().find(|(set, _)| *set == name).map(|(_, value)| value.to_string());
        let limits = plugin_limits(&Config::read(&variable, None).expect("the hard bounds are allowed"));
        Limits { cpu_ms_max: 60_000, wall_ms_max: 600_000, describe_cpu_ms_max: 60_000, ..limits }
    }

    #[tokio::test]
    async fn a_host_starts_and_serves_at_both_hard_bounds_of_its_settings() {
        let least = limits(PLUGIN_MEMORY_BYTES.min, PLUGIN_CALLS.min, PLUGIN_CALLS_WAITING.min);
        let most = limits(PLUGIN_MEMORY_BYTES.max, PLUGIN_CALLS.max, PLUGIN_CALLS_WAITING.max);
        for limits in [least, most] {
            assert!(0 < limits.slow_calls_max && limits.slow_calls_max < limits.slots as usize, "{limits:?}");
            let plugins = Plugins::start(limits, None, [0; 32]).expect("the sandbox starts");
            let scorer = plugins.admit(BUILT_IN[0].to_vec()).await.expect("the built-in scorer is admitted");
            let message = crate::plugins::scorer::Message {
                subject: Some("Hello".into()),
                html: Some("<p>Hello</p>".into()),
                ..crate::plugins::scorer::Message::default()
            };
            let call = plugins.score_with(&scorer, message, Vec::new()).await;
            assert!(call.result.is_ok(), "{call:?}");
        }
    }
}
