//! Several smarthosts: which of them is asked, and what is known of them.

use std::time::{Duration, Instant};

use pillarbox::delivery::attempt::Outcome;
use pillarbox::delivery::outlet::OutletKind;
use pillarbox::smtp::client::timeouts::Timeouts;
use tokio::time::sleep;

use super::{outlets, relay, send, url};
use crate::sink::{Act, Script, Sink};

#[tokio::test]
async fn the_next_smarthost_stands_in_for_one_that_cannot_be_used() {
    let good = Sink::start(vec![Script::modern()]).await;
    let gone = Sink::start(vec![Script::new()]).await.address;
    let good_url = url(&good);
    for (count, bad) in [
        None,
        Some(Script::new().says("connect", "421 4.3.2 busy")),
        Some(Script::new().says("connect", "554 5.3.2 closed")),
        Some(Script::new().says("EHLO", "554 5.7.1 no")),
        Some(Script::new().at("connect", Act::Close)),
        Some(Script::new().at("RCPT", Act::Close)),
        Some(Script::new().says("RCPT", "421 4.3.2 restarting")),
    ]
    .into_iter()
    .enumerate()
    {
        let bad = match bad {
            Some(script) => Some(Sink::start(vec![script]).await),
            None => None,
        };
        let first = bad.as_ref().map_or(gone, |sink| sink.address);
        let attempt = send(&relay(&format!("smtp://{first},{good_url}"))).await;
        assert_eq!(attempt.outcome, Outcome::Delivered, "{count}: {attempt:?}");
        assert_eq!(good.taken().len(), count + 1);
    }
}

#[tokio::test]
async fn what_a_smarthost_says_of_the_message_is_final_and_a_doubt_is_not_doubled() {
    let good = Sink::start(vec![Script::modern()]).await;
    for (stage, act) in [
        ("RCPT", Act::Say("550 5.1.1 unknown")),
        ("RCPT", Act::Say("450 4.2.0 later")),
        (".", Act::Say("554 5.6.0 no")),
        (".", Act::Close),
    ] {
        let first = Sink::start(vec![Script::modern().at(stage, act)]).await;
        send(&relay(&format!("{},{}", url(&first), url(&good)))).await;
        assert_eq!(good.connections().0, 0, "{stage}");
    }
}

#[tokio::test]
async fn a_dead_smarthost_is_left_alone_for_a_while_and_then_tried_again() {
    let dead = Sink::start(vec![Script::new().says("connect", "421 busy"), Script::modern()]).await;
    let good = Sink::start(vec![Script::modern()]).await;
    let outlets = relay(&format!("{},{}", url(&dead), url(&good)));
    for _ in 0..3 {
        assert_eq!(send(&outlets).await.outcome, Outcome::Delivered);
    }
    assert_eq!((dead.connections().0, good.taken().len()), (1, 3));
    sleep(Duration::from_millis(1_100)).await;
    assert_eq!(send(&outlets).await.outcome, Outcome::Delivered);
    assert_eq!((dead.taken().len(), good.taken().len()), (1, 3), "its rest is over");
}

#[tokio::test]
async fn a_relay_without_a_smarthost_says_so_and_a_short_outage_is_bridged() {
    let none = outlets(&[], Timeouts::default());
    let trouble = none.trouble(OutletKind::Relay, Instant::now()).expect("nothing is set");
    assert!(trouble.contains("relay_url"), "{trouble}");
    let attempt = send(&none).await;
    assert_eq!(attempt.outcome, Outcome::Deferred);
    assert!(attempt.response.contains("relay_url"), "{attempt:?}");

    let sinks = [
        Sink::start(vec![Script::new().says("connect", "421 busy"), Script::modern()]).await,
        Sink::start(vec![Script::new().says("connect", "554 closed"), Script::modern()]).await,
    ];
    let outlets = relay(&format!("{},{}", url(&sinks[0]), url(&sinks[1])));
    assert_eq!(outlets.trouble(OutletKind::Relay, Instant::now()), None, "nothing is known yet");
    let attempt = send(&outlets).await;
    assert_eq!((attempt.outcome, attempt.code), (Outcome::Deferred, 554), "{attempt:?}");
    let now = Instant::now();
    assert_eq!(outlets.trouble(OutletKind::Relay, now), None, "the queue bridges a short outage");
    assert_eq!(outlets.trouble(OutletKind::Capture, now), None);
    // All are dead, so the least dead is tried.
    assert_eq!(send(&outlets).await.outcome, Outcome::Delivered);
    assert_eq!(outlets.trouble(OutletKind::Relay, Instant::now()), None);
    assert_eq!((sinks[0].taken().len(), sinks[1].taken().len()), (1, 0));
}
