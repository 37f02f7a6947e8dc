//! Many messages on one connection, and connections that wait for the next.

use pillarbox::delivery::attempt::Outcome;
use pillarbox::delivery::outlet::OutletKind;
use pillarbox::mail::event::BounceType;
use pillarbox::smtp::client::session::MESSAGES_MAX;
use pillarbox::smtp::client::timeouts::Timeouts;
use tokio::time::sleep;

use super::{MESSAGE, SHORT, envelope, outlets, relay, send, url};
use crate::names::{Names, at};
use crate::sink::{Act, Script, Sink};

/// One more than fit when twenty connections wait at each.
const DOMAINS: &[&str] = &[
    "a.example",
    "b.example",
    "c.example",
    "d.example",
    "e.example",
    "f.example",
    "g.example",
    "h.example",
    "i.example",
    "j.example",
    "k.example",
];

#[tokio::test]
async fn after_greylisting_the_same_connection_takes_the_message() {
    for script in [Script::new(), Script::modern(), Script::modern().offers(&["CHUNKING"])] {
        let sink = Sink::start(vec![script.says("RCPT", "450 4.2.0 greylisted")]).await;
        let outlets = relay(&url(&sink));
        assert_eq!(send(&outlets).await.outcome, Outcome::Deferred);
        assert_eq!(send(&outlets).await.outcome, Outcome::Delivered);
        assert_eq!(send(&outlets).await.outcome, Outcome::Delivered);
        assert_eq!(sink.connections().0, 1);
        let resets = sink.commands().iter().filter(|command| *command == "RSET").count();
        assert_eq!(resets, 1, "only what did not end well is reset: {:?}", sink.commands());
        assert_eq!(sink.taken().len(), 2);
    }
}

#[tokio::test]
async fn one_connection_takes_so_many_messages_and_no_more() {
    let sink = Sink::start(vec![Script::modern()]).await;
    let outlets = relay(&url(&sink));
    for _ in 0..MESSAGES_MAX {
        assert_eq!(send(&outlets).await.outcome, Outcome::Delivered);
    }
    assert_eq!(sink.connections().0, 1);
    assert_eq!(send(&outlets).await.outcome, Outcome::Delivered);
    assert_eq!(sink.connections().0, 2);
    let count = |number: usize| sink.taken().iter().filter(|taken| taken.connection == number).count();
    assert_eq!((count(1), count(2)), (MESSAGES_MAX as usize, 1));
    assert!(sink.commands().iter().any(|command| command == "QUIT"));
}

#[tokio::test]
async fn a_connection_waits_its_time_and_no_longer() {
    let sink = Sink::start(vec![Script::modern()]).await;
    let timeouts = Timeouts { idle: SHORT, ..Timeouts::default() };
    let outlets = outlets(&[("PILLARBOX_RELAY_URL", &url(&sink))], timeouts);
    send(&outlets).await;
    sleep(SHORT / 3).await;
    send(&outlets).await;
    assert_eq!(sink.connections(), (1, 0));
    sleep(3 * SHORT).await;
    assert_eq!(sink.connections(), (1, 1), "nobody needs it, so it is closed");
    assert_eq!(sink.commands().last().map(String::as_str), Some("QUIT"));
    send(&outlets).await;
    assert_eq!(sink.connections().0, 2);
}

#[tokio::test]
async fn a_connection_that_is_too_old_takes_no_more() {
    let sink = Sink::start(vec![Script::modern()]).await;
    let timeouts = Timeouts { age: SHORT, ..Timeouts::default() };
    let outlets = outlets(&[("PILLARBOX_RELAY_URL", &url(&sink))], timeouts);
    send(&outlets).await;
    send(&outlets).await;
    assert_eq!(sink.connections().0, 1);
    sleep(SHORT).await;
    send(&outlets).await;
    assert_eq!(sink.connections().0, 2);
}

#[tokio::test]
async fn a_server_that_tired_of_waiting_costs_no_attempt() {
    for (stage, act) in [("RSET", Act::Close), ("MAIL", Act::SayAndClose("421 4.4.2 timeout")), ("MAIL", Act::Close)] {
        let tired = match stage {
            "RSET" => Script::modern().says("RCPT", "450 4.2.0 later").at("RSET", act),
            _ => Script::modern().says("MAIL", "250 ok").at(stage, act),
        };
        let sink = Sink::start(vec![tired, Script::modern()]).await;
        let outlets = relay(&url(&sink));
        send(&outlets).await;
        let attempt = send(&outlets).await;
        assert_eq!(attempt.outcome, Outcome::Delivered, "{stage}: {attempt:?}");
        assert_eq!(sink.connections().0, 2);
    }
}

#[tokio::test]
async fn connections_wait_up_to_their_bound() {
    let sink = Sink::start(vec![Script::modern()]).await;
    let outlets = relay(&url(&sink));
    let mut sending = tokio::task::JoinSet::new();
    for _ in 0..25 {
        let outlets = outlets.clone();
        sending.spawn(async move { send(&outlets).await.outcome });
    }
    while let Some(outcome) = sending.join_next().await {
        assert_eq!(outcome.expect("it ends"), Outcome::Delivered);
    }
    sleep(SHORT).await;
    assert_eq!(sink.connections(), (25, 5), "twenty wait");
    assert_eq!(sink.taken().len(), 25);
}

#[tokio::test]
async fn an_attempt_that_is_given_up_closes_its_connection() {
    let sink = Sink::start(vec![Script::modern().at(".", Act::Keep)]).await;
    let outlets = relay(&url(&sink));
    let given_up = tokio::time::timeout(SHORT, send(&outlets)).await;
    assert!(given_up.is_err());
    sleep(SHORT).await;
    assert_eq!(sink.connections(), (1, 1));
}

#[tokio::test]
async fn a_server_that_wants_the_text_of_a_refused_message_gets_none() {
    let script = Script::modern().lax().says("RCPT", "550 5.1.1 unknown").says(".", "554 5.5.1 no valid recipients");
    let sink = Sink::start(vec![script]).await;
    let outlets = relay(&url(&sink));
    assert_eq!(send(&outlets).await.outcome, Outcome::Bounced(BounceType::Hard));
    assert_eq!(send(&outlets).await.outcome, Outcome::Delivered);
    assert_eq!((sink.connections().0, sink.taken().len()), (1, 1));
    assert_eq!(sink.taken()[0].message, MESSAGE);
}

#[tokio::test]
async fn connections_to_all_hosts_together_have_a_bound_too() {
    let known: Vec<_> = DOMAINS.iter().zip(1..).map(|(domain, last)| (*domain, at(last))).collect();
    let names = Names::start(&known).await;
    let mut sinks = vec![Sink::start(vec![Script::modern()]).await];
    for (_, last) in DOMAINS.iter().zip(1..).skip(1) {
        sinks.push(Sink::on(sinks[0].beside(last), vec![Script::modern()]).await);
    }
    let settings = [
        ("PILLARBOX_DNS_SERVERS", names.address.to_string()),
        ("PILLARBOX_MX_PORT", sinks[0].address.port().to_string()),
        ("PILLARBOX_MX_PRIVATE_ADDRESSES", "allow".to_owned()),
    ];
    let outlets = outlets(&settings.each_ref().map(|(name, value)| (*name, value.as_str())), Timeouts::default());
    let mut sending = tokio::task::JoinSet::new();
    for domain in DOMAINS.iter().flat_map(|domain| [*domain; 20]) {
        let outlets = outlets.clone();
        sending.spawn(async move { outlets.attempt(OutletKind::Mx, domain, &envelope(), MESSAGE).await.outcome });
    }
    while let Some(outcome) = sending.join_next().await {
        assert_eq!(outcome.expect("it ends"), Outcome::Delivered);
    }
    sleep(SHORT).await;
    let waiting = sinks.iter().map(Sink::connections).map(|(opened, closed)| opened - closed);
    assert_eq!(waiting.sum::<usize>(), 200);
}
