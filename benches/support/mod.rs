//! What several benches need: the service without its sockets, on a data directory of its own, and one customer.

#![allow(dead_code, reason = "each bench uses its part")]

use std::sync::Arc;

use pillarbox::app::{App, system_clock};
use pillarbox::config::Config;
use pillarbox::control::{self, Command};
use pillarbox::registry;
use pillarbox::store::{Customer, Domain};
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Runtime;

const EMAIL: &str = "bench@example.org";
const EMAILS_PER_MONTH: i64 = 1_000_000_000;

/// A service and a customer without a rate limit.
pub struct House {
    pub app: Arc<App>,
    pub runtime: Runtime,
    pub customer: Customer,
    pub domain: Domain,
    pub key: String,
    _directory: TempDir,
}

impl House {
    /// Opens it in the folder for temporary files (`TMPDIR`), whose disk is the one that is measured.
    pub fn open(runtime: Runtime) -> House {
        let directory = tempfile::tempdir().expect("a directory is made");
        let data_dir = directory.path().to_str().expect("the path is text").to_owned();
        let variable = |name: &str| (name == "PILLARBOX_DATA_DIR").then(|| data_dir.clone());
        let config = Config::read(&variable, None).expect("the defaults are good");
        let app = Arc::new(App::open(config, system_clock()).expect("the service opens"));
        let made = runtime.block_on(async {
            registry::start(&app).await.expect("the built-in plugins start");
            let create = Command::CustomerCreate { name: "Bench".into(), email: EMAIL.into() };
            let made = control::execute(&app, create).await.expect("the customer is made");
            let limits = Command::CustomerLimits {
                email: EMAIL.into(),
                requests_per_minute: Some(0),
                monthly: Some(EMAILS_PER_MONTH),
                max_domains: None,
            };
            control::execute(&app, limits).await.expect("the limits are lifted");
            made
        });
        let found = runtime.block_on(async {
            let customer = app.store.customer_by_email(EMAIL).await?.expect("it was just made");
            let domain = app.store.verified_domain(customer.id, None).await?;
            Ok::<_, pillarbox::store::StoreError>((customer, domain.expect("an account has a sandbox domain")))
        });
        let (customer, domain) = found.expect("the store answers");
        let key = made["api_key"].as_str().map(str::to_owned).expect("a new account has a key");
        House { app, runtime, customer, domain, key, _directory: directory }
    }

    /// The html of an email as its reader gets it: links rewritten, pixel added.
    pub fn html_of(&self, email_id: &str) -> String {
        let shown = self.runtime.block_on(async {
            pillarbox::delivery::deliver_due(&self.app).await.expect("the queue is worked on");
            let show = Command::MailboxShow { email_id: email_id.parse().expect("it is an id") };
            control::execute(&self.app, show).await.expect("the mail was captured")
        });
        shown.get("html").and_then(Value::as_str).expect("it has an html part").to_owned()
    }
}
