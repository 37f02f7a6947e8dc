//! The outlet `mx`: which servers of a domain are tried, in which order, and what the name servers' answers mean.

use std::time::{Duration, Instant};

use pillarbox::delivery::attempt::{Attempt, Outcome};
use pillarbox::delivery::outlet::{OutletKind, Outlets};
use pillarbox::mail::event::BounceType;
use pillarbox::smtp::client::timeouts::Timeouts;

use super::{MESSAGE, SHORT, attempt, envelope, outlets};
use crate::names::{Known, Names, at};
use crate::sink::{Act, Script, Sink};

/// What is known of names, and the outcome, the enhanced code and a part of the words that it leads to.
type Case<'a> = (&'a [(&'static str, Known)], Outcome, Option<&'static str>, &'static str);

const HARD: Outcome = Outcome::Bounced(BounceType::Hard);

fn outlets_at(names: &Names, port: u16, private: &str) -> Outlets {
    let settings = [
        ("PILLARBOX_DNS_SERVERS", names.address.to_string()),
        ("PILLARBOX_MX_PORT", port.to_string()),
        ("PILLARBOX_MX_PRIVATE_ADDRESSES", private.to_owned()),
    ];
    outlets(&settings.each_ref().map(|(name, value)| (*name, value.as_str())), Timeouts::default())
}

async fn send(outlets: &Outlets) -> Attempt {
    attempt(outlets, OutletKind::Mx, MESSAGE).await
}

/// What a domain with these records comes to, with a server at 127.0.0.1.
async fn one_attempt(known: &[(&'static str, Known)]) -> (Attempt, Sink) {
    let names = Names::start(known).await;
    let sink = Sink::start(vec![Script::modern()]).await;
    let attempt = send(&outlets_at(&names, sink.address.port(), "allow")).await;
    (attempt, sink)
}

#[tokio::test]
async fn mail_goes_to_the_exchanger_of_the_domain() {
    let (attempt, sink) =
        one_attempt(&[("example.com", Known::Mx(10, "MX.example.net")), ("mx.example.net", at(1))]).await;
    assert_eq!((attempt.outcome, attempt.host.as_str()), (Outcome::Delivered, "mx.example.net"), "{attempt:?}");
    assert_eq!(sink.taken()[0].message, MESSAGE);
}

#[tokio::test]
async fn a_domain_without_exchangers_is_its_own() {
    for known in [&[("example.com", at(1))][..], &[("example.com", at(1)), ("example.com", Known::NothingButAddresses)]]
    {
        let (attempt, _) = one_attempt(known).await;
        assert_eq!((attempt.outcome, attempt.host.as_str()), (Outcome::Delivered, "example.com"), "{attempt:?}");
    }
}

#[tokio::test]
async fn what_can_never_be_reached_bounces_and_what_cannot_now_waits() {
    let mx = |host| ("example.com", Known::Mx(10, host));
    let table: &[Case] = &[
        (&[mx(".")], HARD, Some("5.1.10"), "null MX"),
        (&[], HARD, Some("5.1.2"), "no such domain"),
        (&[("example.com", Known::Nothing)], HARD, Some("5.1.2"), "neither"),
        (&[("example.com", Known::Failure)], Outcome::Deferred, None, "name servers"),
        (&[mx("mx.example.net")], Outcome::Deferred, None, "no address"),
        (&[mx("mx.example.net"), ("mx.example.net", Known::Failure)], Outcome::Deferred, None, "name servers"),
        (&[mx("mx.example.net"), ("mx.example.net", at(9))], Outcome::Deferred, None, "no connection"),
    ];
    for (known, outcome, code, told) in table {
        let (attempt, sink) = one_attempt(known).await;
        assert_eq!((attempt.outcome, attempt.enhanced_code.as_deref()), (*outcome, *code), "{attempt:?}");
        assert!(attempt.response.contains(told) && attempt.code == 0, "{attempt:?}");
        assert_eq!(sink.connections().0, 0);
    }
}

#[tokio::test]
async fn name_servers_that_say_nothing_are_no_reason_to_bounce() {
    let silent = tokio::net::UdpSocket::bind("127.0.0.1:0").await.expect("the port is free");
    let address = silent.local_addr().expect("it is bound").to_string();
    let outlets = outlets(&[("PILLARBOX_DNS_SERVERS", &address)], Timeouts { names: SHORT, ..Timeouts::default() });
    let attempt = send(&outlets).await;
    assert_eq!(attempt.outcome, Outcome::Deferred, "{attempt:?}");
    assert!(attempt.response.contains("name servers"), "{attempt:?}");
}

#[tokio::test]
async fn the_preferred_exchanger_comes_first_and_the_others_stand_in() {
    let known = [
        ("example.com", Known::Mx(20, "second.example.net")),
        ("example.com", Known::Mx(10, "first.example.net")),
        ("example.com", Known::Mx(30, "third.example.net")),
        ("first.example.net", at(1)),
        ("second.example.net", at(2)),
        ("third.example.net", at(3)),
    ];
    let names = Names::start(&known).await;
    let table = [
        (None, "first.example.net"),
        (Some(("connect", Act::Say("421 4.3.2 busy"))), "second.example.net"),
        (Some(("connect", Act::Say("554 5.3.2 closed"))), "second.example.net"),
        (Some(("connect", Act::Close)), "second.example.net"),
        (Some(("RCPT", Act::Say("421 4.3.2 restarting"))), "second.example.net"),
        (Some(("RCPT", Act::Close)), "second.example.net"),
        (Some(("RCPT", Act::Say("550 5.1.1 unknown"))), "first.example.net"),
        (Some(("RCPT", Act::Say("450 4.2.0 later"))), "first.example.net"),
        (Some(("DATA", Act::Say("554 5.7.1 no"))), "first.example.net"),
        (Some((".", Act::Say("554 5.7.1 no"))), "first.example.net"),
        (Some((".", Act::Close)), "first.example.net"),
    ];
    for (act, expected) in table {
        let shown = format!("{act:?}");
        let script = act.map_or_else(Script::modern, |(stage, act)| Script::modern().at(stage, act));
        let first = Sink::start(vec![script]).await;
        let second = Sink::on(first.beside(2), vec![Script::modern()]).await;
        let third = Sink::on(first.beside(3), vec![Script::modern()]).await;
        let attempt = send(&outlets_at(&names, first.address.port(), "allow")).await;
        assert_eq!(attempt.host, expected, "{shown}: {attempt:?}");
        assert_eq!(first.connections().0, 1, "{shown}");
        assert_eq!(second.taken().len(), usize::from(expected == "second.example.net"), "{shown}");
        assert_eq!(third.connections().0, 0, "{shown}");
    }
}

#[tokio::test]
async fn a_dead_address_is_left_alone_by_every_domain() {
    let known = [
        ("example.com", Known::Mx(10, "first.example.net")),
        ("example.com", Known::Mx(20, "second.example.net")),
        ("example.org", Known::Mx(10, "first.example.net")),
        ("first.example.net", at(1)),
        ("second.example.net", at(2)),
    ];
    let names = Names::start(&known).await;
    let first = Sink::start(vec![Script::new().says("connect", "421 busy"), Script::modern()]).await;
    let second = Sink::on(first.beside(2), vec![Script::modern()]).await;
    let outlets = outlets_at(&names, first.address.port(), "allow");
    for _ in 0..3 {
        assert_eq!(send(&outlets).await.host, "second.example.net");
    }
    assert_eq!((first.connections().0, second.connections().0), (1, 1));
    // It is all that the other domain has, so it is tried although it rests.
    let attempt = outlets.attempt(OutletKind::Mx, "example.org", &envelope(), MESSAGE).await;
    assert_eq!((attempt.outcome, attempt.host.as_str()), (Outcome::Delivered, "first.example.net"), "{attempt:?}");
    // And since that worked, its rest is over.
    assert_eq!(send(&outlets).await.host, "first.example.net");
    assert_eq!(first.connections().0, 2, "two domains share a connection to the address that they have in common");
}

#[tokio::test]
async fn every_address_of_an_exchanger_is_tried() {
    let known =
        [("example.com", Known::Mx(10, "mx.example.net")), ("mx.example.net", at(9)), ("mx.example.net", at(1))];
    let (attempt, sink) = one_attempt(&known).await;
    assert_eq!(attempt.outcome, Outcome::Delivered, "{attempt:?}");
    assert_eq!(sink.taken().len(), 1);
}

#[tokio::test]
async fn so_many_addresses_are_tried_and_no_more() {
    for (dead, expected) in [(5, Outcome::Delivered), (6, Outcome::Deferred)] {
        let hosts = ["a.example", "b.example", "c.example", "d.example", "e.example", "f.example"];
        let mut known: Vec<_> = Vec::new();
        for (number, host) in hosts.into_iter().take(dead).enumerate() {
            let number = u8::try_from(number).expect("there are few");
            known.push(("example.com", Known::Mx(u16::from(number), host)));
            known.push((host, at(100 + number)));
        }
        known.push(("example.com", Known::Mx(100, "last.example")));
        known.push(("last.example", at(1)));
        let (attempt, _) = one_attempt(&known).await;
        assert_eq!(attempt.outcome, expected, "{dead}: {attempt:?}");
    }
}

#[tokio::test]
async fn customers_cannot_send_mail_into_this_network() {
    let names = Names::start(&[
        ("example.com", Known::Mx(10, "mx.example.net")),
        ("mx.example.net", at(1)),
        ("example.org", Known::At("10.0.0.1".parse().expect("an address"))),
        ("example.org", Known::At("::1".parse().expect("an address"))),
    ])
    .await;
    let sink = Sink::start(vec![Script::modern()]).await;
    let outlets = outlets_at(&names, sink.address.port(), "refuse");
    for domain in ["example.com", "example.org", "[127.0.0.1]", "[IPv6:::1]", "[IPv6:::ffff:127.0.0.1]"] {
        let attempt = outlets.attempt(OutletKind::Mx, domain, &envelope(), MESSAGE).await;
        assert_eq!(attempt.outcome, Outcome::Bounced(BounceType::Soft), "{attempt:?}");
        assert_eq!(attempt.enhanced_code.as_deref(), Some("5.4.4"));
        assert!(attempt.response.contains("mx_private_addresses"), "{attempt:?}");
    }
    assert_eq!(sink.connections().0, 0);
}

#[tokio::test]
async fn an_address_in_brackets_needs_no_name_server() {
    let names = Names::start(&[]).await;
    let sink = Sink::start(vec![Script::modern()]).await;
    let outlets = outlets_at(&names, sink.address.port(), "allow");
    let attempt = outlets.attempt(OutletKind::Mx, "[127.0.0.1]", &envelope(), MESSAGE).await;
    assert_eq!(attempt.outcome, Outcome::Delivered, "{attempt:?}");
    let attempt = outlets.attempt(OutletKind::Mx, "[127.0.0]", &envelope(), MESSAGE).await;
    assert_eq!((attempt.outcome, attempt.enhanced_code.as_deref()), (HARD, Some("5.1.2")), "{attempt:?}");
    assert_eq!(outlets.trouble(OutletKind::Mx, Instant::now() + Duration::from_secs(1)), None);
}
