//! Stopping: what is under way finishes, what is new is refused, and nothing waits for ever.

use std::net::SocketAddr;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::harness::{Home, Service, email};
use crate::http::Connection;

/// A request that the service has begun with: it asked for the body, which is returned to be sent later.
fn begun(service: &Service) -> (Connection, String) {
    let (body, key) = (email("slow@example.com"), &service.key);
    let mut connection = service.connect();
    let head = format!(
        "POST /api/send HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nExpect: 100-continue\r\n\r\n",
        body.len()
    );
    connection.write(head).expect("it is written");
    assert_eq!(connection.answer(false).expect("it is answered").status, 100);
    (connection, body)
}

fn waits_until_refused(address: SocketAddr) {
    let started = Instant::now();
    while Connection::open(address).is_ok() {
        assert!(started.elapsed() < Duration::from_secs(5), "new connections are still accepted");
        sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_request_under_way_finishes_while_new_connections_are_refused() {
    let home = Home::prepared();
    let mut service = home.serve(&[]);
    let (mut slow, body) = begun(&service);
    service.terminate();
    waits_until_refused(service.api);
    let ready = service.operator("/readyz").expect("operators are still answered");
    assert_eq!(ready.status, 503, "a load balancer is told to look elsewhere");
    slow.write(&body).expect("it is written");
    let answer = slow.answer(false).expect("it is answered");
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(service.ended().code(), Some(0));
    let email_id = answer.json()["email_id"].as_str().expect("it has an id").to_owned();

    let service = home.serve(&[]);
    assert_eq!(service.get(&format!("/api/emails/{email_id}"))["email"]["to"], "slow@example.com");
}

#[test]
fn idle_connections_do_not_hold_up_the_end() {
    let home = Home::prepared();
    let mut service = home.serve(&[]);
    let mut used = service.connect();
    assert_eq!(used.call("GET", "/openapi.json", &[], b"").expect("it is answered").status, 200);
    let _silent = service.connect();
    service.still_serves();
    let started = Instant::now();
    service.terminate();
    assert_eq!(service.ended().code(), Some(0));
    assert!(started.elapsed() < Duration::from_secs(5), "it took {:?}", started.elapsed());
}

#[test]
fn the_end_comes_when_the_time_to_drain_is_over() {
    let home = Home::prepared();
    let mut service = home.serve(&[("PILLARBOX_DRAIN_SECS", "1")]);
    let (_slow, _body) = begun(&service);
    let started = Instant::now();
    service.terminate();
    assert_eq!(service.ended().code(), Some(0));
    let took = started.elapsed();
    assert!(took >= Duration::from_millis(900) && took < Duration::from_secs(5), "it took {took:?}");
    assert!(service.log().contains("time to drain was over"), "{}", service.log());
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let home = Home::prepared();
    let mut service = home.serve(&[("PILLARBOX_DRAIN_SECS", "60")]);
    let (_slow, _body) = begun(&service);
    service.terminate();
    waits_until_refused(service.api);
    let started = Instant::now();
    service.terminate();
    assert_eq!(service.ended().code(), Some(0));
    assert!(started.elapsed() < Duration::from_secs(5), "it took {:?}", started.elapsed());
}
