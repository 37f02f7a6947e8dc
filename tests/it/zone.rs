//! The zone of `acme.example` on a name server of this machine, where tests publish what a domain is told to.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use hickory_resolver::proto::rr::Record;
use serde_json::Value;

use crate::doctor::server::{Does, Server, address, alias, authority, exchanger, honest, name, server, text};
use crate::harness::TestApp;

/// The host that the service calls itself.
const SERVICE: &str = "mail.service.example";

/// A name server that is the resolver and the zone's own.
pub struct Zone {
    server: Server,
    known: Arc<Mutex<Known>>,
}

struct Known {
    records: Vec<Record>,
    is_silent: bool,
}

impl Zone {
    pub async fn start() -> Self {
        let records = vec![
            authority("example"),
            authority("acme.example"),
            server("acme.example", "ns.acme.example"),
            address("ns.acme.example", [127, 0, 0, 1]),
            address(SERVICE, [192, 0, 2, 1]),
        ];
        let known = Arc::new(Mutex::new(Known { records, is_silent: false }));
        let shared = Arc::clone(&known);
        let answer = move |query: &_, _: bool| {
            let known = shared.lock().expect("nothing panicked");
            if known.is_silent { Does::Silent } else { honest(&known.records, query) }
        };
        Self { server: Server::start(answer, Duration::ZERO).await, known }
    }

    /// An application that asks here.
    pub async fn app(&self) -> TestApp {
        self.app_with(&[]).await
    }

    /// The same with further settings.
    pub async fn app_with(&self, more: &[(&str, &str)]) -> TestApp {
        let settings = self.settings();
        let settings = settings.iter().map(|(name, value)| (*name, value.as_str())).chain(more.iter().copied());
        TestApp::with(&settings.collect::<Vec<_>>()).await
    }

    /// The settings that lead here.
    pub fn settings(&self) -> Vec<(&'static str, String)> {
        vec![
            ("PILLARBOX_DNS_SERVERS", self.server.address.to_string()),
            ("PILLARBOX_DNS_AUTHORITY_PORT", self.server.address.port().to_string()),
            ("PILLARBOX_DNS_PRIVATE_ADDRESSES", "allow".into()),
            ("PILLARBOX_HELO_NAME", SERVICE.into()),
        ]
    }

    /// Publishes the records of a domain that these words are about: its purpose or its host.
    pub fn publish(&self, domain: &Value, wanted: impl Fn(&Value) -> bool) {
        for record in domain["records"].as_array().expect("it has records").iter().filter(|record| wanted(record)) {
            let (host, value) = (word(record, "host"), word(record, "value"));
            let made = match word(record, "type") {
                "TXT" => text(host, value),
                "CNAME" => alias(host, value),
                "MX" => {
                    let (preference, exchange) = value.split_once(' ').expect("a preference and a host");
                    exchanger(host, preference.parse().expect("it is a number"), exchange)
                }
                other => panic!("{other}"),
            };
            let records = &mut self.known().records;
            records.retain(|record| record.name != made.name || record.record_type() != made.record_type());
            records.push(made);
        }
    }

    pub fn publish_all(&self, domain: &Value) {
        self.publish(domain, |_| true);
    }

    /// Takes out what stands at a name.
    pub fn withdraw(&self, host: &str) {
        self.known().records.retain(|record| record.name != name(host));
    }

    /// Answers nobody, or goes on.
    pub fn be_silent(&self, is_silent: bool) {
        self.known().is_silent = is_silent;
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().expect("nothing panicked")
    }
}

fn word<'a>(record: &'a Value, field: &str) -> &'a str {
    record[field].as_str().expect("it is text")
}
