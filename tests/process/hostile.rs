//! Ten thousand requests for /track/ that are nearly right: no 5xx, no redirect, no event.

use std::thread;

use crate::harness::{Home, Service};

const REQUESTS: usize = 10_000;
const THREADS: usize = 4;

/// Numbers that look random and are the same each time (xorshift).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).expect("31 bits fit") % end
    }

    fn one_of<'a, T: ?Sized>(&mut self, all: &[&'a T]) -> &'a T {
        all[self.below(all.len())]
    }
}

/// The tokens of one email, by the letter of their purpose.
fn tokens(home: &Home, id: &str) -> Vec<(String, String)> {
    let shown = home.json(&["mailbox", "show", id, "--json"]);
    let html = shown["html"].as_str().expect("it has html");
    let of = |purpose: &str| {
        let (_, rest) = html.split_once(&format!("/track/{purpose}/")).expect("it has one");
        let token = rest.split(['"', '\'', '<', ' ']).next().expect("it ends");
        (purpose.to_owned(), token.to_owned())
    };
    vec![of("o"), of("c")]
}

/// A token with one thing wrong, so that it is none.
fn spoiled(numbers: &mut Numbers, token: &str) -> String {
    let at = numbers.below(token.len());
    let (before, rest) = token.split_at(at);
    let other =
        numbers.one_of(&["A", "z", "-", "_", "0", "%41", "%00", "%2f", "..", "=", "+", "~", "\u{fc}", "%", "?", "#"]);
    match numbers.below(8) {
        0 if !rest.starts_with(other) => format!("{before}{other}{}", &rest[1..]),
        1 => format!("{before}{other}x{rest}"),
        2 => before.to_owned(),
        3 => rest[1..].to_owned(),
        4 => format!("{token}{token}"),
        5 => token.chars().rev().collect(),
        6 => format!("{token}{}", "A".repeat(numbers.below(6_000) + 1)),
        _ => format!("{token}/{other}"),
    }
}

/// A request that nobody honest sends. Its token is spoiled, or of another purpose.
fn request(numbers: &mut Numbers, tokens: &[(String, String)]) -> Vec<u8> {
    let (purpose, token) = &tokens[numbers.below(tokens.len())];
    let (purpose, token) = match numbers.below(6) {
        // What is good for one thing is asked for as another.
        0 => (if purpose == "o" { "c" } else { "u" }, token.clone()),
        _ => (purpose.as_str(), spoiled(numbers, token)),
    };
    let track =
        numbers.one_of(&["/track/", "/track//", "//track/", "/Track/", "/track/%6f/../", "/./track/", "/track/x/"]);
    let track = if numbers.below(3) > 0 { "/track/" } else { track };
    let tail =
        numbers.one_of(&["", "", "", "?to=https://evil.example/", "?url=//evil.example", "#x", "/", "%0d%0aX:y"]);
    let target = match numbers.below(12) {
        0 => format!("http://evil.example{track}{purpose}/{token}{tail}"),
        _ => format!("{track}{purpose}/{token}{tail}"),
    };
    let method =
        numbers.one_of(&["GET", "GET", "GET", "GET", "HEAD", "POST", "PUT", "TRACE", "get", "G\u{0}T", "OPTIONS"]);
    let version = numbers.one_of(&["HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.0", "HTTP/9.9", "HTTP/1.1 "]);
    let mut head = format!("{method} {target} {version}\r\n");
    for _ in 0..numbers.below(5) {
        head.push_str(numbers.one_of(&[
            "Host: evil.example\r\n",
            "Host: \r\n",
            "X-Forwarded-Host: evil.example\r\n",
            "X-Original-URL: /track/c/x\r\n",
            "Location: https://evil.example/\r\n",
            "Range: bytes=0-0,5-\r\n",
            "Range: bytes=-99999999999999999999\r\n",
            "If-None-Match: *\r\n",
            "If-Modified-Since: yesterday\r\n",
            "Accept-Encoding: gzip;q=nan\r\n",
            "Cookie: a=\u{1}\r\n",
            "User-Agent: \u{7f}\r\n",
            "Referer: javascript:alert(1)\r\n",
            "Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n",
            "Content-Length: 0\r\nContent-Length: 1\r\n",
            "Transfer-Encoding: chunked, identity\r\n",
            ": nothing\r\n",
            " folded\r\n",
        ]));
    }
    // Whoever posts says that nothing comes, so that nobody waits for it.
    head.push_str("Content-Length: 0\r\nConnection: close\r\n\r\n");
    let mut bytes = head.into_bytes();
    if numbers.below(10) == 0 {
        let at = numbers.below(bytes.len() - 4);
        bytes[at] = [0xff, 0x00, 0x80, b'\n'][numbers.below(4)];
    }
    bytes
}

/// Sends so many, and says how many were answered.
fn send(service: &Service, tokens: &[(String, String)], seed: u64) -> usize {
    let mut numbers = Numbers(seed);
    let mut answered = 0;
    for _ in 0..REQUESTS / THREADS {
        let bytes = request(&mut numbers, tokens);
        let mut connection = service.connect();
        if connection.write(&bytes).is_err() {
            continue;
        }
        // One that is closed without a word is refused well enough.
        let Ok(answer) = connection.answer(bytes.starts_with(b"HEAD ")) else { continue };
        assert!((400..500).contains(&answer.status), "{}\n{}", String::from_utf8_lossy(&bytes), answer.head);
        assert_eq!(answer.header("location"), None, "{}", String::from_utf8_lossy(&bytes));
        answered += 1;
    }
    answered
}

#[test]
fn ten_thousand_hostile_requests_lead_nowhere_and_leave_nothing() {
    let home = Home::prepared();
    let service = home.serve(&[("PILLARBOX_HEAD_READ_SECS", "2"), ("PILLARBOX_BODY_READ_SECS", "1")]);
    let id = service.send("ada@example.com");
    service.delivered(&id);
    let tokens = tokens(&home, &id);
    let answered: usize = thread::scope(|scope| {
        let threads: Vec<_> = (1..=THREADS)
            .map(|number| {
                let (service, tokens) = (&service, tokens.as_slice());
                scope.spawn(move || send(service, tokens, number as u64 * 0x9e37_79b9))
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("every answer is right")).sum()
    });
    assert!(answered > REQUESTS / 2, "only {answered} of {REQUESTS} were answered at all");

    // What comes from a good token afterwards is all that there is, so nothing is on its way any more.
    let (_, pixel) = &tokens[0];
    assert_eq!(service.call("GET", &format!("/track/o/{pixel}"), b"").status, 200);
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    let events = loop {
        let shown = home.json(&["mailbox", "show", &id, "--json"]);
        let events: Vec<_> =
            shown["events"].as_array().expect("a list").iter().map(|event| event["event_type"].clone()).collect();
        if events.iter().any(|event| event == "opened") || std::time::Instant::now() > deadline {
            break events;
        }
    };
    assert_eq!(events, ["queued", "sent", "delivered", "opened"]);
    assert!(!service.log().contains("panicked"), "{}", service.log());
    service.still_serves();
}
