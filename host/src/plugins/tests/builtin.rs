//! The plugins that come with the host, as they are built.

use std::path::Path;

use crate::plugins::World;
use crate::plugins::limits::Limits;
use crate::plugins::normalizer::{BounceType, Kind, Request};

use super::{limits, message, start_with};

/// Patience enough for a slow machine that runs everything at once.
fn patient() -> Limits {
    Limits { cpu_ms_max: 2_000, wall_ms_max: 20_000, describe_cpu_ms_max: 5_000, ..limits() }
}

pub(super) fn built(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("plugins/dist").join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[tokio::test]
async fn the_built_in_scorer_is_admitted_and_judges_a_message() {
    let plugins = start_with(patient());
    let scorer = plugins.admit(built("scorer.wasm")).await.unwrap();
    assert_eq!((scorer.world, &scorer.warnings), (World::Scorer, &Vec::new()));
    assert!(!scorer.rules.is_empty());
    plugins.activate(&scorer);
    let first = plugins.score(message(), Vec::new()).await.result.unwrap();
    assert!(first.spam_score.is_finite());
    assert_eq!(plugins.score(message(), Vec::new()).await.result, Ok(first));
}

#[tokio::test]
async fn the_built_in_normalizer_is_admitted_and_reads_a_request() {
    let plugins = start_with(patient());
    let normalizer = plugins.admit(built("normalizer.wasm")).await.unwrap();
    assert_eq!((normalizer.world, &normalizer.warnings), (World::Normalizer, &Vec::new()));
    assert!(!normalizer.formats.is_empty());
    plugins.activate(&normalizer);
    let request = |content_type: &str, body: &[u8]| Request {
        content_type: content_type.into(),
        headers: Vec::new(),
        body: body.into(),
        received_at: 1_700_000_000_000,
        attributes: Vec::new(),
    };
    let bounce = br#"{"emailId": "0197a5de-0000-7000-8000-000000000001", "bounceType": "hard"}"#;
    let outcome = plugins.normalize(request("application/json", bounce), Vec::new()).await.result.unwrap().unwrap();
    let told = outcome.events.iter().map(|event| (event.kind, event.bounce_type)).collect::<Vec<_>>();
    assert_eq!(told, [(Kind::Bounce, Some(BounceType::Hard))]);

    let noise = request("application/octet-stream", b"\x00\x01\x02");
    let problem = plugins.normalize(noise, Vec::new()).await.result.unwrap().unwrap_err();
    assert_eq!(problem.code, "unrecognized");
}
