//! Activation under load: no call is lost, and each answer names the version that gave it.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::plugins::World;

use super::{guest_of_version, message, start};

const SWAPS: usize = 200;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_swaps_under_load_lose_no_call_and_no_name() {
    let plugins = Arc::new(start());
    let mut versions = Vec::new();
    let mut digests = HashMap::new();
    for version in ["1.0.0", "1.0.1"] {
        let loaded = plugins.admit(guest_of_version("checksum", version)).await.unwrap();
        assert_eq!(loaded.id.version, version);
        digests.insert(loaded.id.clone(), loaded.digest.clone());
        versions.push(loaded);
    }
    assert_eq!(plugins.activate(&versions[0]), None);

    let has_ended = Arc::new(AtomicBool::new(false));
    let calls = Arc::new(AtomicUsize::new(0));
    let callers: Vec<_> = (0..2)
        .map(|_| {
            let (plugins, has_ended, digests) = (plugins.clone(), has_ended.clone(), digests.clone());
            let calls = calls.clone();
            tokio::spawn(async move {
                while !has_ended.load(Ordering::Relaxed) {
                    let call = plugins.score(message(), Vec::new()).await;
                    assert!(call.result.is_ok(), "{call:?}");
                    assert_eq!(call.digest.as_ref(), digests.get(&call.plugin.unwrap()));
                    calls.fetch_add(1, Ordering::Relaxed);
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    for swap in 1..=SWAPS {
        let previous = plugins.activate(&versions[swap % 2]);
        assert_eq!(previous, Some(versions[(swap + 1) % 2].id.clone()));
        let so_far = calls.load(Ordering::Relaxed);
        while calls.load(Ordering::Relaxed) == so_far {
            tokio::task::yield_now().await;
        }
    }
    has_ended.store(true, Ordering::Relaxed);
    for caller in callers {
        caller.await.unwrap();
    }
    assert_eq!(plugins.table().generation, SWAPS as u64 + 1);
    assert_eq!(plugins.active(World::Scorer).map(|active| active.id.clone()), Some(versions[0].id.clone()));
    assert!(plugins.active(World::Normalizer).is_none());
}
