//! Whether a name leads to another by CNAME.

use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::proto::rr::{Name, RData, RecordType};

use crate::config::Config;
use crate::delivery::outlet::exchangers::{built, resolver, unanswered, whole_name};

/// How long one name server may take.
const ANSWER_TIME: Duration = Duration::from_secs(5);
/// Names of a chain. A longer one is not followed.
const CHAIN_MAX: usize = 8;

/// Asks name servers.
pub(super) struct Names(Result<TokioResolver, String>);

impl Names {
    pub(super) fn new(config: &Config) -> Self {
        let made = resolver(&config.dns_servers, ANSWER_TIME).and_then(|mut builder| {
            // Whoever has just made a record wants to hear that it is there.
            builder.options_mut().cache_size = 0;
            built(builder)
        });
        Self(made)
    }

    /// What is wrong with the CNAME of `host`, which should lead to `wanted`; `None` when it does. An error says why
    /// nobody knows.
    pub(super) async fn fault(&self, host: &str, wanted: &str) -> Result<Option<String>, String> {
        let resolver = self.0.as_ref().map_err(Clone::clone)?;
        let mut name = host.to_owned();
        for step in 0..CHAIN_MAX {
            let Some(next) = cname(resolver, &name).await? else {
                return Ok(Some(if step == 0 {
                    format!("there is no CNAME record for {host}: add one that leads to {wanted}")
                } else {
                    format!("the CNAME record of {host} leads to {name}: let it lead to {wanted}")
                }));
            };
            if next == wanted {
                return Ok(None);
            }
            name = next;
        }
        Ok(Some(format!("the CNAME record of {host} leads to more than {CHAIN_MAX} others: let it lead to {wanted}")))
    }
}

async fn cname(resolver: &TokioResolver, name: &str) -> Result<Option<String>, String> {
    let Ok(name) = whole_name(name) else { return Ok(None) };
    match resolver.lookup(name.clone(), RecordType::CNAME).await {
        Ok(found) => Ok(found.answers().iter().find_map(|record| match &record.data {
            RData::CNAME(to) if record.name == name => Some(plain(&to.0)),
            _ => None,
        })),
        Err(error) if error.is_no_records_found() => Ok(None),
        Err(error) => Err(unanswered(&error)),
    }
}

fn plain(name: &Name) -> String {
    name.to_lowercase().to_ascii().trim_end_matches('.').to_owned()
}
