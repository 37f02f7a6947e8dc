//! HTTP/2 with prior knowledge, spoken by hand (RFC 9113). Whole clients meet it in `tests/peers`.

use crate::harness::{Home, Service};
use crate::http::Connection;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const ACK: u8 = 1;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

struct Frame {
    kind: u8,
    flags: u8,
    stream: u32,
    payload: Vec<u8>,
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a frame is short").to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

fn read(connection: &mut Connection) -> std::io::Result<Frame> {
    let head = connection.read(9)?;
    let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
    let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
    Ok(Frame { kind: head[3], flags: head[4], stream, payload: connection.read(length as usize)? })
}

/// Greets, and waits until both sides know each other's settings.
fn greet(service: &Service) -> Connection {
    let mut connection = service.connect();
    let greeting = [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".as_slice(), &frame(SETTINGS, 0, 0, &[])].concat();
    connection.write(greeting).expect("it is written");
    let settings = read(&mut connection).expect("the service greets");
    assert_eq!((settings.kind, settings.flags, settings.stream, settings.payload.len() % 6), (SETTINGS, 0, 0, 0));
    connection.write(frame(SETTINGS, ACK, 0, &[])).expect("it is written");
    while !matches!(
        read(&mut connection).expect("our settings are acknowledged"),
        Frame { kind: SETTINGS, flags: ACK, .. }
    ) {}
    connection
}

/// `GET path` as indexed and literal fields (RFC 7541 sections 6.1 and 6.2.2).
fn get(path: &str) -> Vec<u8> {
    let length = u8::try_from(path.len()).expect("the path is short");
    [&[0x82, 0x86, 0x04, length], path.as_bytes(), &[0x01, 1, b'a']].concat()
}

#[test]
fn prior_knowledge_is_enough_for_http_2() {
    let home = Home::prepared();
    let service = home.serve(&[]);
    let mut connection = greet(&service);
    connection.write(frame(HEADERS, END_STREAM | END_HEADERS, 1, &get("/openapi.json"))).expect("it is written");
    // The document is longer than what may be sent without leave: 65,535 bytes (section 6.9.2).
    for stream in [0, 1] {
        connection.write(frame(WINDOW_UPDATE, 0, stream, &1_000_000_u32.to_be_bytes())).expect("it is written");
    }
    let mut body = Vec::new();
    loop {
        let frame = read(&mut connection).expect("the stream goes on");
        match frame.kind {
            HEADERS => assert_eq!((frame.stream, frame.payload[0]), (1, 0x88), ":status 200, indexed"),
            DATA => body.extend_from_slice(&frame.payload),
            _ => continue,
        }
        if frame.flags & END_STREAM != 0 {
            break;
        }
    }
    let over_http_1 = service.call("GET", "/openapi.json", b"");
    assert_eq!(body, over_http_1.body);
}

/// The kinds of the frames of stream 1 until the service has said all that it has to say.
fn answered(connection: &mut Connection) -> Vec<u8> {
    let mut kinds = Vec::new();
    loop {
        let frame = read(connection).expect("the stream goes on");
        if frame.stream == 1 {
            kinds.push(frame.kind);
            if frame.flags & END_STREAM != 0 {
                return kinds;
            }
        }
    }
}

#[test]
fn a_refusal_is_whole_while_the_body_still_comes() {
    let home = Home::prepared();
    let service = home.serve(&[]);
    let mut connection = greet(&service);
    // POST, http, the path, an authority and a content length (static index 28), and no key.
    let fields = [&[0x83, 0x86, 0x04, 9], b"/api/send".as_slice(), &[0x01, 1, b'a', 0x0f, 13, 5], b"64007"];
    connection.write(frame(HEADERS, END_HEADERS, 1, &fields.concat())).expect("it is written");
    for _ in 0..4 {
        connection.write(frame(DATA, 0, 1, &[b'x'; 16_000])).expect("it is written");
    }
    assert_eq!(answered(&mut connection), [HEADERS, DATA]);
    connection.write(frame(DATA, END_STREAM, 1, b"the end")).expect("the connection is still there");
    connection.write(frame(HEADERS, END_STREAM | END_HEADERS, 3, &get("/docs"))).expect("it is written");
    while read(&mut connection).expect("the next request is answered").stream != 3 {}
    service.still_serves();
}

#[test]
fn broken_frames_end_their_connection_and_nothing_else() {
    let home = Home::prepared();
    let service = home.serve(&[]);
    let broken = [
        frame(SETTINGS, 0, 0, &[0; 5]),
        frame(SETTINGS, 0, 1, &[]),
        frame(DATA, 0, 1, b"before any headers"),
        frame(HEADERS, END_STREAM | END_HEADERS, 1, &[0xff; 64]),
        frame(HEADERS, END_STREAM | END_HEADERS, 2, &get("/docs")),
        [&[0xff, 0xff, 0xff, DATA, 0, 0, 0, 0, 1], [0; 64].as_slice()].concat(),
    ];
    for bytes in broken {
        let mut connection = greet(&service);
        connection.write(&bytes).expect("it is written");
        let mut last = None;
        while let Ok(frame) = read(&mut connection) {
            last = Some(frame.kind);
        }
        assert_eq!(last, Some(GOAWAY), "after {bytes:?}");
    }
    service.still_serves();
    assert!(!service.log().contains("panicked"), "{}", service.log());
}
