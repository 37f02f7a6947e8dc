//! The built-in scorer as it serves, in the sandbox: how well it judges made-up mail, and that hostile mail costs it no
//! more than its size. Nothing is timed.

use pillarbox::plugins::limits::Limits;
use pillarbox_scorer::message::Message;
use pillarbox_scorer_train::corpus::Labelled;
use pillarbox_scorer_train::evaluate::{Figures, Floors, Judged, Times};
use pillarbox_scorer_train::{hostile, made_up};

use crate::component::{Component, of_contract};

/// Other seeds than those that training makes mail up from.
const HONEST_SEED: u64 = 1_009;
const DECEIT_SEED: u64 = 1_013;
const HONEST: usize = 1_200;
const DECEITFUL: usize = 600;

/// Bytes of the smallest hostile message. It is big enough that what every call takes does not show.
const HOSTILE_BYTES: usize = 160_000;
/// Bytes of memory that a call of the built-in scorer finds free when it begins (`--initial-heap` in `plugins/build.sh`). How much
/// of them it takes does not show.
const SPARE_BYTES: f64 = 262_144.0;
/// Four times the message takes at most so many times the fuel and the memory.
const GROWTH_MAX: f64 = 4.6;

/// Room for whatever the test asks; a service has less.
fn roomy() -> Limits {
    Limits { cpu_ms_max: 60_000, ..Limits::default() }
}

/// Made-up mail in seventeen languages, whose texts training has seen too: this tells when the component breaks, not how good
/// it is on mail of strangers, which stands in its model card.
#[tokio::test]
async fn the_component_tells_made_up_deceit_from_made_up_honest_mail() {
    let component = Component::start(roomy()).await;
    let mut mail = Vec::new();
    for (is_spam, made) in
        [(false, made_up::honest(HONEST, HONEST_SEED)), (true, made_up::deceitful(DECEITFUL, DECEIT_SEED))]
    {
        mail.extend(made.into_iter().map(|(slice, message)| Labelled {
            is_spam,
            slice,
            source: "made-up".to_owned(),
            year: 0,
            message,
        }));
    }
    let judge = |one: &Labelled| {
        let verdict = component.score(of_contract(&one.message), Vec::new()).result.expect("it is judged");
        let natively = Judged::natively(one).expect("it is judged");
        assert_eq!(verdict.spam_score.to_bits(), natively.points.to_bits(), "{:?}", one.message.subject);
        Judged::of(one, verdict.spam_score, &verdict.attributes)
    };
    let judged: Vec<Judged> = mail.iter().map(judge).collect();
    let figures = Figures::of(&judged);
    let floors = Floors {
        auc_min: Some(0.99),
        f1_min: Some(0.95),
        caught_min: Some(90.0),
        false_alarms_max: Some(1.0),
        slice_false_alarms_max: Some(5.0),
        rate_min: None,
    };
    assert_eq!(floors.missed(&figures, &Times::of(vec![1.0])), Vec::<String>::new(), "{figures}");
}

/// Counted in fuel, which is about one unit for each instruction.
#[tokio::test]
async fn hostile_mail_takes_no_more_than_its_share_of_work_and_memory() {
    let component = Component::start_metered(roomy()).await;
    let none = used(&component, "nothing", &Message::default());
    let mut broken = Vec::new();
    for (name, make) in hostile::KINDS {
        let [small, large] = [HOSTILE_BYTES, 4 * HOSTILE_BYTES].map(|bytes| used(&component, name, &make(bytes)));
        for (what, at, spare) in [("fuel", 0, 1.0), ("memory", 1, SPARE_BYTES)] {
            let growth = (large[at] - none[at] + spare) / (small[at] - none[at] + spare);
            if growth > GROWTH_MAX {
                broken.push(format!("{name}: {growth:.2} times the {what}"));
            }
        }
    }
    assert_eq!(broken, Vec::<String>::new());
}

#[tokio::test]
async fn the_largest_hostile_mail_is_judged_within_the_limits_of_a_service() {
    // Fuel stands for the CPU time that a service gives, whatever machine this is.
    let component = Component::start_metered(Limits::default()).await;
    for (name, make) in hostile::KINDS {
        used(&component, name, &make(10_000_000));
    }
    used(&component, "100,000 links", &hostile::links(100_000));
    used(&component, "50,000 elements inside each other", &hostile::nested(50_000));
}

/// Fuel, and bytes of memory.
#[track_caller]
fn used(component: &Component, name: &str, message: &Message) -> [f64; 2] {
    let tried = component.score(of_contract(message), Vec::new());
    let verdict = tried.result.unwrap_or_else(|fault| panic!("{name}: {fault}"));
    assert!(verdict.spam_score.is_finite());
    #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
    [tried.fuel.expect("it is counted") as f64, tried.memory_bytes as f64]
}
