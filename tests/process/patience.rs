//! Slow, large and numerous clients: each limit from both sides, and the next request is served.

use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::harness::{Home, Service};
use crate::http::Connection;

const SHORT: [(&str, &str); 2] = [("PILLARBOX_HEAD_READ_SECS", "1"), ("PILLARBOX_BODY_READ_SECS", "1")];

fn whole_head(service: &Service, fields: &str) -> String {
    format!("GET /openapi.json HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {}\r\n{fields}\r\n", service.key)
}

/// The connection is closed after about a second, and not before half of one.
#[track_caller]
fn is_cut_in_time(mut connection: Connection, begun: Instant) -> String {
    let rest = connection.rest();
    let took = begun.elapsed();
    assert!(took > Duration::from_millis(500) && took < Duration::from_secs(8), "it took {took:?}");
    rest
}

#[test]
fn a_head_that_dribbles_in_is_cut_off() {
    let home = Home::prepared();
    let service = home.serve(&SHORT);
    let begun = Instant::now();
    let mut connection = service.connect();
    let head = whole_head(&service, "X-Slow: yes\r\n");
    for byte in head.bytes() {
        if connection.write([byte]).is_err() {
            break;
        }
        sleep(Duration::from_millis(50));
    }
    assert!(begun.elapsed() < Duration::from_secs(4), "it dribbled on for {:?}", begun.elapsed());
    assert!(!connection.rest().contains("200 OK"));
    service.still_serves();
}

#[test]
fn who_says_nothing_is_cut_off() {
    let home = Home::prepared();
    let service = home.serve(&SHORT);
    let begun = Instant::now();
    for beginning in ["", "G", "GET /openapi.json HTTP/1.1\r\nHost:", "PRI * HTTP/2.0\r\n\r\n"] {
        let mut connection = service.connect();
        connection.write(beginning).expect("it is written");
        println!("{beginning:?}");
        is_cut_in_time(connection, begun);
    }
    service.still_serves();
}

#[test]
fn a_connection_that_is_idle_after_its_answer_is_closed() {
    let home = Home::prepared();
    let service = home.serve(&SHORT);
    let mut connection = service.connect();
    connection.write(whole_head(&service, "")).expect("it is written");
    assert_eq!(connection.answer(false).expect("it is answered").status, 200);
    assert_eq!(is_cut_in_time(connection, Instant::now()), "");
}

#[test]
fn a_body_that_is_too_slow_is_408_and_one_in_time_is_served() {
    let home = Home::prepared();
    let service = home.serve(&SHORT);
    let authorization = format!("Bearer {}", service.key);
    let headers = [("Authorization", authorization.as_str()), ("Content-Type", "application/json")];
    let body = crate::harness::email("slow@example.com");
    let whole = crate::http::request("POST", "/api/send", &headers, body.as_bytes());
    let (beginning, end) = whole.split_at(whole.len() - 5);

    let mut connection = service.connect();
    connection.write(beginning).expect("it is written");
    let answer = connection.answer(false).expect("it is answered");
    assert_eq!((answer.status, &answer.json()["code"]), (408, &"request_timeout".into()), "{answer:?}");

    let mut connection = service.connect();
    connection.write(beginning).expect("it is written");
    sleep(Duration::from_millis(300));
    connection.write(end).expect("it is written");
    assert_eq!(connection.answer(false).expect("it is answered").status, 200);
}

#[test]
fn a_head_as_long_as_it_may_be_is_served_and_a_longer_one_is_431() {
    let home = Home::prepared();
    for bytes_max in [8_192, 32_768] {
        let service = home.serve(&[("PILLARBOX_HEAD_BYTES_MAX", &bytes_max.to_string())]);
        let status = |bytes: usize| {
            let room = bytes - whole_head(&service, "X-Long: \r\n").len();
            let mut connection = service.connect();
            let head = whole_head(&service, &format!("X-Long: {}\r\n", "x".repeat(room)));
            assert_eq!(head.len(), bytes);
            connection.write(head).expect("it is written");
            connection.answer(false).map(|answer| answer.status).map_err(|error| error.kind())
        };
        assert_eq!(status(bytes_max), Ok(200));
        assert_eq!(status(bytes_max + 1), Ok(431));
        assert_eq!(status(bytes_max * 2), Ok(431));
        service.still_serves();
        assert_eq!(service.stop().code(), Some(0));
    }
}

fn served(service: &Service) -> Option<Connection> {
    let mut connection = Connection::open(service.api).ok()?;
    let answer = connection.call("GET", "/openapi.json", &[], b"").ok()?;
    (answer.status == 200).then_some(connection)
}

#[test]
fn an_address_has_so_many_connections_and_one_more_is_closed() {
    let home = Home::prepared();
    let service = home.serve(&[("PILLARBOX_CONNECTIONS_PER_ADDRESS_MAX", "3")]);
    let mut open: Vec<_> = (0..3).map(|_| served(&service).expect("it is inside the limit")).collect();
    assert!(served(&service).is_none(), "the fourth one is closed");
    open.pop();
    let begun = Instant::now();
    while served(&service).is_none() {
        assert!(begun.elapsed() < Duration::from_secs(5), "the place does not become free");
        sleep(Duration::from_millis(5));
    }
}

#[test]
fn one_connection_more_than_there_may_be_waits_for_a_place() {
    let home = Home::prepared();
    let service = home.serve(&[("PILLARBOX_CONNECTIONS_MAX", "2")]);
    let mut open: Vec<_> = (0..2).map(|_| served(&service).expect("it is inside the limit")).collect();
    let mut waiting = service.connect();
    waiting.write(whole_head(&service, "")).expect("it is written");
    assert!(waiting.is_silent_for(Duration::from_millis(300)));
    open.pop();
    assert_eq!(waiting.answer(false).expect("it is answered").status, 200);
}
