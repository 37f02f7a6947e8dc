//! One change after another, as an operator makes them.

use super::*;

const NOW: i64 = 1_710_513_000_000;

fn id(text: &str) -> PluginId {
    let (name, version) = text.split_once('@').expect("it is NAME@VERSION");
    PluginId { name: name.into(), version: version.into() }
}

/// Scorers that were activated one after another.
fn after(activated: &[&str]) -> Deployment {
    let mut deployment = Deployment::default();
    for plugin in activated {
        deployment.activate(World::Scorer, &id(plugin), NOW).expect("it is activated");
    }
    deployment
}

fn serving(deployment: &Deployment) -> Vec<String> {
    let names = deployment.scorers.iter().map(|stage| deployment.active(&stage.name));
    names.map(|active| active.map_or("nothing".into(), |id| id.to_string())).collect()
}

fn candidate(version: &str, stage: CandidateStage) -> Candidate {
    Candidate { version: version.into(), stage, since: NOW, bounds: Bounds::default() }
}

fn stage(name: &str, weight: f64) -> StageSpec {
    StageSpec { name: name.into(), weight }
}

#[test]
fn the_first_one_serves_and_the_next_one_takes_its_place() {
    let mut deployment = Deployment::default();
    assert_eq!(deployment.activate(World::Scorer, &id("a@1"), NOW), Ok(None));
    assert_eq!(deployment.activate(World::Scorer, &id("a@2"), NOW), Ok(Some(id("a@1"))));
    assert_eq!(deployment.activate(World::Scorer, &id("b@1"), NOW), Ok(Some(id("a@2"))));
    assert_eq!(serving(&deployment), ["b@1"]);
    assert_eq!(deployment.activate(World::Scorer, &id("b@1"), NOW), Ok(Some(id("b@1"))), "it does so already");
    assert_eq!(deployment.activate(World::Normalizer, &id("n@1"), NOW), Ok(None));
    assert_eq!(deployment.sole(World::Normalizer), Some(id("n@1")));
}

#[test]
fn going_back_goes_through_versions_and_through_plugins_and_never_forth() {
    let mut deployment = after(&["a@1", "b@1", "b@2"]);
    assert_eq!(deployment.roll_back("b", NOW), Ok((id("b@2"), id("b@1"))));
    assert_eq!(deployment.roll_back("b", NOW), Ok((id("b@1"), id("a@1"))));
    assert_eq!(serving(&deployment), ["a@1"]);
    for name in ["a", "b", "c"] {
        let told = deployment.roll_back(name, NOW).expect_err("there is nothing");
        assert!(told.contains(name) && told.contains("nothing to roll back to"), "{told}");
    }
}

#[test]
fn so_many_versions_are_remembered_and_no_more() {
    let versions: Vec<_> = (0..HISTORY_MAX + 3).map(|version| format!("a@{version}")).collect();
    let mut deployment = after(&versions.iter().map(String::as_str).collect::<Vec<_>>());
    let mut steps = 0;
    while deployment.roll_back("a", NOW).is_ok() {
        steps += 1;
    }
    assert_eq!((steps, serving(&deployment)), (HISTORY_MAX, vec!["a@2".to_owned()]));
}

#[test]
fn a_candidate_is_tried_beside_an_active_version_of_its_name_and_promoted() {
    let mut deployment = after(&["a@1"]);
    let shadow = || candidate("2", CandidateStage::Shadow);
    let told = deployment.try_out(World::Scorer, &id("b@2"), shadow()).expect_err("b serves nobody");
    assert!(told.contains("no version of b serves"), "{told}");
    let told = deployment.try_out(World::Scorer, &id("a@1"), candidate("1", CandidateStage::Shadow));
    assert_eq!(told, Err("a@1 serves everybody already".into()));
    assert_eq!(deployment.try_out(World::Scorer, &id("a@2"), shadow()), Ok(None));
    let canary = candidate("2", CandidateStage::Canary { percent: 10.0 });
    assert_eq!(deployment.try_out(World::Scorer, &id("a@2"), canary), Ok(Some("2".into())));
    assert_eq!(serving(&deployment), ["a@1"]);
    assert_eq!(deployment.promote("a", NOW), Ok((id("a@1"), id("a@2"))));
    assert_eq!(deployment.plugins["a"].candidate, None);
    assert_eq!(deployment.roll_back("a", NOW), Ok((id("a@2"), id("a@1"))));
    assert!(deployment.promote("a", NOW).is_err() && deployment.stop("a").is_err());
}

#[test]
fn a_canary_has_a_share_of_more_than_nothing_and_at_most_everything() {
    for (percent, is_fine) in [(0.0, false), (0.01, true), (100.0, true), (100.1, false), (f64::NAN, false)] {
        let mut deployment = after(&["a@1"]);
        let tried = deployment.try_out(World::Scorer, &id("a@2"), candidate("2", CandidateStage::Canary { percent }));
        assert_eq!(tried.is_ok(), is_fine, "{percent}");
    }
    let odd = Bounds { flips_percent_max: 101.0, ..Bounds::default() };
    assert!(odd.check().is_err() && Bounds { flips_percent_max: 100.0, ..odd }.check().is_ok());
    assert!(Bounds { difference_max: Some(-0.1), ..Bounds::default() }.check().is_err());
    assert!(Bounds { cost_ratio_max: 0.0, ..Bounds::default() }.check().is_err());
}

#[test]
fn several_scorers_serve_together_and_each_keeps_its_place() {
    let mut deployment = after(&["a@1"]);
    let told = deployment.set_pipeline(World::Scorer, None, vec![stage("a", 1.0), stage("b", 0.5)]);
    assert!(told.expect_err("b was never activated").contains("no version of b was activated"));
    deployment.name_version(World::Scorer, &id("b@1"), NOW).expect("it is named");
    deployment.set_pipeline(World::Scorer, None, vec![stage("a", 1.0), stage("b", 0.5)]).expect("both are known");
    assert_eq!(serving(&deployment), ["a@1", "b@1"]);
    assert_eq!(deployment.activate(World::Scorer, &id("b@2"), NOW), Ok(Some(id("b@1"))));
    let told = deployment.activate(World::Scorer, &id("c@1"), NOW).expect_err("it has no place");
    assert!(told.contains("2 scorers serve together") && told.contains("plugin pipeline"), "{told}");
    assert_eq!(deployment.roll_back("b", NOW), Ok((id("b@2"), id("b@1"))));
    assert_eq!(serving(&deployment), ["a@1", "b@1"]);
}

#[test]
fn a_pipeline_that_makes_no_sense_is_refused() {
    let refused = |stages: Vec<StageSpec>, words: &str| {
        let told = after(&["a@1"]).set_pipeline(World::Scorer, None, stages).expect_err("it is refused");
        assert!(told.contains(words), "{told}");
    };
    refused(Vec::new(), "1 to 10 plugins, not 0");
    refused(vec![stage("a", 1.0), stage("a", 1.0)], "a stands twice");
    refused(vec![stage("a", -0.1)], "weight of a is -0.1");
    refused(vec![stage("a", WEIGHT_MAX + 0.1)], "it can be 0 to 100");
    refused(vec![stage("a", f64::NAN)], "weight");
    let names: Vec<_> = (0..=STAGES_MAX).map(|number| format!("p{number}")).collect();
    let mut deployment = Deployment::default();
    for name in &names {
        deployment.name_version(World::Scorer, &id(&format!("{name}@1")), NOW).expect("it is named");
    }
    let of = |count: usize| names[..count].iter().map(|name| stage(name, 0.0)).collect::<Vec<_>>();
    assert!(deployment.set_pipeline(World::Scorer, None, of(STAGES_MAX)).is_ok());
    assert!(deployment.set_pipeline(World::Scorer, None, of(STAGES_MAX + 1)).is_err());
    let mut mixed = after(&["a@1"]);
    mixed.activate(World::Normalizer, &id("n@1"), NOW).expect("it is activated");
    assert!(
        mixed.set_pipeline(World::Scorer, None, vec![stage("n", 1.0)]).expect_err("n").contains("n is a normalizer")
    );
    assert!(mixed.activate(World::Scorer, &id("n@2"), NOW).expect_err("n").contains("a name of its own"));
}

#[test]
fn so_many_customers_have_a_pipeline_of_their_own_and_no_more() {
    let mut deployment = after(&["a@1"]);
    let customer = |number: usize| Uuid::from_u128(number as u128);
    for number in 0..CUSTOMER_PIPELINES_MAX {
        let set = deployment.set_pipeline(World::Scorer, Some(customer(number)), vec![stage("a", 2.0)]);
        assert_eq!(set, Ok(()), "{number}");
    }
    let one_more = |deployment: &mut Deployment| {
        deployment.set_pipeline(World::Scorer, Some(customer(CUSTOMER_PIPELINES_MAX)), vec![stage("a", 2.0)])
    };
    assert!(one_more(&mut deployment).is_err());
    let again = deployment.set_pipeline(World::Scorer, Some(customer(1)), vec![stage("a", 3.0)]);
    assert_eq!(again, Ok(()), "who has one may change it");
    assert!(deployment.clear_pipeline(customer(0)) && !deployment.clear_pipeline(customer(0)));
    assert_eq!(one_more(&mut deployment), Ok(()));
    assert!(deployment.set_pipeline(World::Normalizer, Some(customer(1)), Vec::new()).is_err());
}

#[test]
fn a_trial_ends_when_its_plugin_loses_its_place() {
    let mut deployment = after(&["a@1"]);
    deployment.name_version(World::Scorer, &id("b@1"), NOW).expect("it is named");
    deployment.try_out(World::Scorer, &id("a@2"), candidate("2", CandidateStage::Shadow)).expect("it is tried");
    deployment.set_pipeline(World::Scorer, None, vec![stage("b", 1.0)]).expect("b is known");
    assert_eq!(deployment.plugins["a"].candidate, None);
    assert_eq!(deployment.activate(World::Scorer, &id("a@2"), NOW), Ok(Some(id("b@1"))), "it takes the place again");
    assert_eq!(serving(&deployment), ["a@2"]);
}

#[test]
fn a_ladder_has_each_rung_once() {
    let mut deployment = after(&["a@1"]);
    let set = |deployment: &mut Deployment, rungs: &[Fallback]| deployment.set_fallback("a", rungs.to_vec());
    assert_eq!(set(&mut deployment, &[]), Ok(()));
    assert_eq!(set(&mut deployment, &[Fallback::Neutral]), Ok(()));
    assert!(set(&mut deployment, &[Fallback::Neutral, Fallback::Neutral]).is_err());
    assert!(deployment.set_fallback("b", Vec::new()).expect_err("b").contains("b neither serves"));
}

#[test]
fn a_document_is_read_as_it_was_written() {
    let mut deployment = after(&["a@1", "a@2"]);
    deployment.set_limits("a", LimitOverrides { cpu_ms: Some(5), ..LimitOverrides::default() }).expect("it is set");
    let canary = candidate("3", CandidateStage::Canary { percent: 12.5 });
    deployment.try_out(World::Scorer, &id("a@3"), canary).expect("it is tried");
    deployment.set_pipeline(World::Scorer, Some(Uuid::from_u128(7)), vec![stage("a", 0.5)]).expect("a is known");
    let text = serde_json::to_string(&deployment).expect("it is written");
    assert_eq!(serde_json::from_str::<Deployment>(&text).expect("it is read"), deployment);
    assert_eq!(serde_json::from_str::<Deployment>("{}").expect("it is read"), Deployment::default());
}
