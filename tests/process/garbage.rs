//! What is not quite HTTP, and what is HTTP but seldom seen. Every time the next request is served.

use crate::harness::{Home, Service, email};
use crate::http::request;

/// What the service says to these bytes: a status, or nothing before it closes.
fn status(service: &Service, bytes: impl AsRef<[u8]>) -> Option<u16> {
    let mut connection = service.connect();
    // The service may close before it has taken all of it.
    drop(connection.write(bytes));
    connection.answer(false).ok().map(|answer| answer.status)
}

#[test]
fn what_is_no_request_is_refused_and_the_next_one_served() {
    let home = Home::prepared();
    let service = home.serve(&[("PILLARBOX_HEAD_READ_SECS", "1")]);
    let check = |bytes: &[u8], expected: Option<u16>| {
        assert_eq!(status(&service, bytes), expected, "{:?}", String::from_utf8_lossy(bytes));
    };
    check(&noise(4_096), Some(400));
    check(&[0; 64], Some(400));
    check(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 a TLS greeting to a port without TLS", Some(400));
    check(b"GET / HTTP/3.0\r\n\r\n", Some(400));
    check(b"GET / HTTP/0.9\r\n\r\n", Some(400));
    check(b"GET /\r\n\r\n", Some(400));
    check(b"GET / / HTTP/1.1\r\n\r\n", Some(400));
    check(b"G\0T / HTTP/1.1\r\n\r\n", Some(400));
    check(b"GET /\x80 HTTP/1.1\r\n\r\n", Some(400));
    check(b"GET / HTTP/1.1\r\nNo colon\r\n\r\n", Some(400));
    check(b"GET / HTTP/1.1\r\nSpace : before the colon\r\n\r\n", Some(400));
    check(b"GET / HTTP/1.1\r\nFolded: a\r\n b\r\n\r\n", Some(400));
    check(b"POST /api/send HTTP/1.1\r\nContent-Length: -1\r\n\r\n", Some(400));
    check(b"POST /api/send HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", Some(400));
    check(b"POST /api/send HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n", Some(400));
    // Two lengths are how requests are smuggled (RFC 9112 section 6.3): the chunks count, or the request is refused.
    check(b"GET /docs HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", Some(200));
    let many = "X: y\r\n".repeat(1_000);
    check(format!("GET /docs HTTP/1.1\r\n{many}\r\n").as_bytes(), Some(431));
    check(format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(70_000)).as_bytes(), Some(431));
    check(b"", None);
    service.still_serves();
    assert!(!service.log().contains("panicked"), "{}", service.log());
}

#[test]
fn random_bytes_never_take_it_down() {
    let home = Home::prepared();
    let service = home.serve(&[("PILLARBOX_HEAD_READ_SECS", "1")]);
    let whole =
        request("POST", "/api/send", &[("Content-Type", "application/json")], email("a@example.com").as_bytes());
    for seed in 0..200_usize {
        let mut bytes = whole.clone();
        for noise in noise(seed + 1).chunks_exact(4).take(4) {
            let place = usize::from(noise[0]) * usize::from(noise[1]) % bytes.len();
            bytes[place] = noise[2];
        }
        // A broken length may promise more than comes, so no answer is waited for.
        drop(service.connect().write(bytes));
    }
    service.still_serves();
    assert!(!service.log().contains("panicked"), "{}", service.log());
}

/// Bytes that look random and are the same each time (xorshift).
fn noise(count: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64 ^ count as u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    (0..count).map(|_| next()).collect()
}

#[test]
fn twenty_requests_at_once_are_answered_in_order() {
    let home = Home::prepared();
    let service = home.serve(&[]);
    let mut connection = service.connect();
    let ids: Vec<_> = (0..20).map(|number| format!("request-{number}")).collect();
    let requests = ids.iter().flat_map(|id| {
        let path = if id.ends_with('3') { "/nowhere" } else { "/openapi.json" };
        request("GET", path, &[("X-Request-Id", id)], b"")
    });
    connection.write(requests.collect::<Vec<_>>()).expect("it is written");
    for id in &ids {
        let answer = connection.answer(false).expect("it is answered");
        let expected = if id.ends_with('3') { 404 } else { 200 };
        assert_eq!((answer.status, answer.header("x-request-id")), (expected, Some(id.as_str())));
    }
}

#[test]
fn http_1_0_is_answered_and_the_connection_closed() {
    let home = Home::prepared();
    let service = home.serve(&[]);
    let mut connection = service.connect();
    connection.write("GET /openapi.json HTTP/1.0\r\n\r\n").expect("it is written");
    let answer = connection.answer(false).expect("it is answered");
    assert_eq!((answer.status, connection.rest().as_str()), (200, ""), "{}", answer.head);
    assert!(answer.head.starts_with("HTTP/1.0 "), "{}", answer.head);
}

#[test]
fn an_absolute_address_is_served_by_its_path() {
    let home = Home::prepared();
    let service = home.serve(&[]);
    let answer = service.call("GET", "http://elsewhere.test/api/customer/profile", b"");
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(service.call("OPTIONS", "*", b"").status, 404);
    assert_eq!(service.call("CONNECT", "elsewhere.test:443", b"").status, 404);
}

#[test]
fn a_method_that_a_path_does_not_have_is_405_and_tells_which_it_has() {
    let home = Home::prepared();
    let service = home.serve(&[]);
    for method in ["OPTIONS", "TRACE", "BREW", "DELETE"] {
        let answer = service.call(method, "/api/customer/profile", b"");
        assert_eq!((answer.status, answer.header("allow")), (405, Some("GET, HEAD, PATCH")), "{method}: {answer:?}");
    }
}

#[test]
fn head_is_get_without_its_body() {
    let home = Home::prepared();
    let service = home.serve(&[]);
    let mut connection = service.connect();
    let get = connection.call("GET", "/openapi.json", &[], b"").expect("it is answered");
    let head = connection.call("HEAD", "/openapi.json", &[], b"").expect("it is answered");
    assert_eq!((head.status, head.header("content-length")), (200, get.header("content-length")));
    let again = connection.call("GET", "/openapi.json", &[], b"").expect("nothing of a body is in the way");
    assert_eq!(again.body, get.body);
}

/// A request to send with a body that is framed by hand.
fn framed(service: &Service, fields: &str, body: &str) -> Vec<u8> {
    let key = &service.key;
    let head = format!(
        "POST /api/send HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\n"
    );
    format!("{head}{fields}\r\n{body}").into_bytes()
}

#[test]
fn chunks_are_read_and_broken_ones_refused() {
    let home = Home::prepared();
    let service = home.serve(&[("PILLARBOX_BODY_READ_SECS", "1")]);
    let chunked = "Transfer-Encoding: chunked\r\n";
    let body = email("chunked@example.com");
    let (one, two) = body.split_at(10);
    let check = |body: &str, expected: Option<u16>| {
        assert_eq!(status(&service, framed(&service, chunked, body)), expected, "{body:?}");
    };
    check(&format!("a\r\n{one}\r\n{:X};extension=1\r\n{two}\r\n0\r\nTrailer: yes\r\n\r\n", two.len()), Some(200));
    check("zz\r\n", Some(400));
    check("a\r\n0123456789 and more", Some(400));
    check("ffffffffffffffffff\r\n", Some(400));
    check("-1\r\n", Some(400));
    check("0\r\n\r\n", Some(400));
    check("a\r\n012345", Some(408));
    service.still_serves();
}

#[test]
fn a_body_that_ends_early_or_has_no_length_is_refused() {
    let home = Home::prepared();
    let service = home.serve(&[]);
    assert_eq!(status(&service, framed(&service, "", "")), Some(400), "no length is no body");
    let mut connection = service.connect();
    connection.write(framed(&service, "Content-Length: 100\r\n", "{")).expect("it is written");
    drop(connection);
    service.still_serves();
}

#[test]
fn a_refusal_reaches_who_sends_a_whole_large_body_before_listening() {
    let home = Home::prepared();
    let service = home.serve(&[("PILLARBOX_BODY_BYTES_MAX", "1000000")]);
    let body = vec![b'x'; 40_000_000];
    let check = |key: &str, status: u16| {
        let headers = [("X-API-Key", key), ("Content-Type", "application/json")];
        let mut connection = service.connect();
        connection.write(request("POST", "/api/send", &headers, &body)).expect("all of it is taken");
        assert_eq!(connection.answer(false).expect("it is answered").status, status);
        let again = connection.call("GET", "/openapi.json", &[], b"");
        assert_eq!(again.expect("the connection is good for more").status, 200);
    };
    check(&service.key, 413);
    check("ml_live_wrong", 401);
}

#[test]
fn a_client_that_asks_first_is_told_to_go_on_or_is_refused_without_its_body() {
    let home = Home::prepared();
    let service = home.serve(&[]);
    let body = email("asks@example.com");
    let fields = format!("Expect: 100-continue\r\nContent-Length: {}\r\n", body.len());
    let mut connection = service.connect();
    connection.write(framed(&service, &fields, "")).expect("it is written");
    assert_eq!(connection.answer(false).expect("it is answered").status, 100);
    connection.write(&body).expect("it is written");
    assert_eq!(connection.answer(false).expect("it is answered").status, 200);

    let too_much = "Expect: 100-continue\r\nContent-Length: 99999999\r\n";
    assert_eq!(status(&service, framed(&service, too_much, "")), Some(413));
    let wrong_key =
        String::from_utf8(framed(&service, &fields, "")).expect("it is text").replace("ml_live_", "ml_live_0");
    assert_eq!(status(&service, wrong_key), Some(401));
}

#[test]
fn a_body_where_none_is_wanted_changes_nothing() {
    let home = Home::prepared();
    let service = home.serve(&[]);
    let mut connection = service.connect();
    let authorization = format!("Bearer {}", service.key);
    for _ in 0..2 {
        let headers = [("Authorization", authorization.as_str())];
        let answer = connection.call("GET", "/api/customer/profile", &headers, b"{\"unasked\":true}");
        assert_eq!(answer.expect("it is answered on the same connection").status, 200);
    }
}
