//! What the host adds to a call.

use std::sync::Arc;
use std::time::Instant;

use pillarbox::plugins::Loaded;

use crate::bare::{self, Bare};
use crate::{Figure, Host, each, guests, median, micros};

const ROUNDS: usize = 1_500;
/// So few that most rounds are over before anybody else wants the processor.
const CALLS: usize = 20;

pub fn figures() -> Vec<Figure> {
    let host = Host::start(1, None);
    let minimal = host.admit(guests::minimal());
    let sixteen = host.admit(guests::guest("many_findings", "1001", "16"));
    let scorer = host.admit(guests::built_in_scorer());
    let (bare_minimal, bare_sixteen) = (Bare::of(&minimal.component), Bare::of(&sixteen.component));
    let (mut instantiate, mut bare_empty, mut host_empty) = (Vec::new(), Vec::new(), Vec::new());
    let (mut bare_full, mut host_full, mut whole) = (Vec::new(), Vec::new(), Vec::new());
    let (empty, full) = (bare::message(None), bare::message(Some(guests::html())));
    for _ in 0..ROUNDS {
        instantiate.extend((0..CALLS).map(|_| {
            let began = Instant::now();
            bare_minimal.instantiate();
            micros(began.elapsed())
        }));
        bare_empty.push(each(CALLS, || (0..CALLS).for_each(|_| assert_eq!(bare_minimal.score(&empty), 0))));
        host_empty.push(calls(&host, &minimal, CALLS, None));
        bare_full.push(each(CALLS, || (0..CALLS).for_each(|_| assert_eq!(bare_sixteen.score(&full), 16))));
        host_full.push(calls(&host, &sixteen, CALLS, Some(guests::html())));
        whole.push(calls(&host, &scorer, 1, Some(guests::html())));
    }
    let instantiate = median(instantiate);
    let (bare_empty, host_empty) = (median(bare_empty), median(host_empty));
    let (bare_full, host_full, whole) = (median(bare_full), median(host_full), median(whole));
    let ratio = host_empty / bare_empty;
    // What is left of the built-in scorer's call without what a call costs that does nothing with the same message.
    let work = whole - host_full;
    let share = 100.0 * host_full / work;
    vec![
        Figure {
            what: "instantiate, p50 (store, instance, drop)",
            measured: format!("{instantiate:.1} µs"),
            bar: "under 10 µs",
            is_met: instantiate < 10.0,
        },
        Figure {
            what: "a call that does nothing, whole path / bare",
            measured: format!("{host_empty:.1} / {bare_empty:.1} µs = {ratio:.2}"),
            bar: "at most 3",
            is_met: ratio <= 3.0,
        },
        Figure {
            what: "10 KB in, 16 findings out, whole path / bare",
            measured: format!("{host_full:.1} / {bare_full:.1} µs = {:.2}", host_full / bare_full),
            bar: "",
            is_met: true,
        },
        Figure {
            what: "the same beside the work of the built-in rules on 10 KB",
            measured: format!("{host_full:.1} / {work:.0} µs = {share:.1} %"),
            bar: "at most 10 %",
            is_met: share <= 10.0,
        },
    ]
}

/// Microseconds of one of so many calls. The messages are made before.
fn calls(host: &Host, plugin: &Arc<Loaded>, calls: usize, html: Option<String>) -> f64 {
    let messages: Vec<_> = (0..calls).map(|_| guests::message(html.clone())).collect();
    host.runtime.block_on(async {
        let began = Instant::now();
        for message in messages {
            host.plugins.score_with(plugin, message, Vec::new()).await.result.expect("it is judged");
        }
        micros(began.elapsed()) / calls as f64
    })
}
