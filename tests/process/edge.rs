//! An edge node and its origin, two processes: what the one answered is at home once, whatever happens to either.

mod webhooks;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::Value;

use crate::durability::links;
use crate::harness::{Home, Service, free_address};
use crate::hits::recorded;
use crate::http::{Answer, Connection};

const READERS: usize = 16;
/// What a reader does between two hits: all are of one email, and the more there are the longer each takes to be judged.
const READING: Duration = Duration::from_millis(10);
/// How long hits may take home, on a machine that does much else.
const PATIENCE: Duration = Duration::from_mins(1);
const PAUSE: Duration = Duration::from_millis(50);

/// An origin, a node that joined it, and an email whose links the node answers.
struct Pair {
    origin_home: Home,
    edge_home: Home,
    /// Where the origin listens for nodes, over all starts.
    node_listen: SocketAddr,
    email_id: String,
    open: String,
    click: String,
}

impl Pair {
    /// Both homes, with the origin running.
    fn joined() -> (Self, Service) {
        let (origin_home, edge_home, node_listen) = (Home::prepared(), Home::empty(), free_address());
        let origin = origin_home.serve(&[("PILLARBOX_NODE_LISTEN", &node_listen.to_string())]);
        let email_id = origin.send("ada@example.com");
        origin.delivered(&email_id);
        let (open, click) = links(&origin_home, &email_id);
        let pair = Self { origin_home, edge_home, node_listen, email_id, open, click };
        pair.join("fra-1", &[]);
        (pair, origin)
    }

    /// Has the edge's home become a node.
    fn join(&self, name: &str, words: &[&str]) {
        let token = self.origin_home.json(&["node", "invite", name, "--json"])["token"].clone();
        let token = token.as_str().expect("it is text").to_owned();
        let mut whole = vec!["edge", "join", &token, "--json"];
        whole.extend(words);
        let joined = self.edge_home.json(&whole);
        assert_eq!(
            (&joined["name"], &joined["origin"]),
            (&Value::from(name), &Value::from(self.node_listen.to_string()))
        );
        let again = self.edge_home.run(&["edge", "join", &token, "--again"]);
        again.refuses(&["has joined by this token already"]);
    }

    fn origin(&self) -> Service {
        self.origin_home.serve(&[("PILLARBOX_NODE_LISTEN", &self.node_listen.to_string())])
    }

    /// The node, once it is ready.
    fn edge(&self) -> Service {
        let mut command = self.edge_home.command(&["edge"]);
        command.stderr(File::create(self.edge_home.directory().join("stderr")).expect("a file is made"));
        self.edge_home.serve_as(command, &[]).expect("a port is free")
    }

    fn events(&self, origin: &Service) -> Vec<String> {
        let answer = origin.get(&format!("/api/v1/emails/{}/events", self.email_id));
        let events = answer["events"].as_array().expect("a list").iter();
        events.map(|event| event["event_type"].as_str().expect("it is text").to_owned()).collect()
    }

    /// Waits until all of these are at home.
    #[track_caller]
    fn are_home(&self, origin: &Service, answered: &BTreeSet<String>) -> BTreeMap<String, usize> {
        let started = Instant::now();
        loop {
            let there = recorded(origin, &self.email_id);
            let missing = answered.iter().filter(|hit| !there.contains_key(*hit)).count();
            if missing == 0 {
                return there;
            }
            assert!(started.elapsed() < PATIENCE, "{missing} of {} answered hits are not at home", answered.len());
            sleep(PAUSE);
        }
    }
}

fn fetch(service: &Service, method: &str, path: &str, user_agent: &str) -> Answer {
    service.connect().call(method, path, &[("User-Agent", user_agent)], b"").expect("it is answered")
}

fn metric(service: &Service, name: &str) -> String {
    let page = service.operator("/metrics").expect("the metrics are answered");
    let text = String::from_utf8(page.body).expect("it is text");
    let line =
        text.lines().find(|line| line.starts_with(&format!("{name} "))).unwrap_or_else(|| panic!("{name}: {text}"));
    line.rsplit(' ').next().unwrap_or_default().to_owned()
}

#[track_caller]
fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < PATIENCE, "{what} never comes");
        sleep(PAUSE);
    }
}

#[test]
fn what_a_node_answers_is_at_home_and_it_has_nothing_else() {
    let (pair, origin) = Pair::joined();
    let edge = pair.edge();
    let opened = fetch(&edge, "GET", &pair.open, "reader/1");
    assert_eq!((opened.status, opened.header("content-type")), (200, Some("image/gif")));
    let clicked = fetch(&edge, "GET", &pair.click, "reader/2");
    assert_eq!((clicked.status, clicked.header("location")), (302, Some("https://example.com/start")));
    pair.are_home(&origin, &["reader/1", "reader/2"].map(str::to_owned).into());
    assert_eq!(pair.events(&origin), ["queued", "sent", "delivered", "opened", "clicked"]);
    for path in ["/api/emails", "/docs", "/openapi.json", "/track/o", "/"] {
        assert_eq!(fetch(&edge, "GET", path, "x").status, 404, "{path}");
    }
    assert_eq!(fetch(&edge, "POST", &pair.open, "x").status, 405);
    let forged = format!("{}x", pair.click);
    assert_eq!(fetch(&edge, "GET", &forged, "x").status, 404);
    until("an empty spool", || metric(&edge, "pillarbox_hit_journal_bytes") == "0");
    assert_eq!(metric(&edge, "pillarbox_edge_handed_over_records_total"), "2");
    let listed = pair.origin_home.json(&["node", "list", "--json"])["edges"][0].clone();
    assert_eq!((&listed["name"], &listed["state"]), (&Value::from("fra-1"), &Value::from("connected")), "{listed}");
    assert_eq!(edge.stop().code(), Some(0));
}

#[test]
fn who_unsubscribes_at_a_node_gets_no_more_of_it() {
    let (pair, origin) = Pair::joined();
    let edge = pair.edge();
    let letter = br#"{"to": "bob@example.com", "subject": "News", "text": "News", "stream_type": "broadcast"}"#;
    let sent = origin.call("POST", "/api/send", letter).json();
    let email_id = sent["email_id"].as_str().expect("it has an id");
    origin.delivered(email_id);
    let shown = pair.origin_home.json(&["mailbox", "show", email_id, "--json"]);
    let source = shown["source"].as_str().expect("it is text").replace("\r\n ", "").replace("\r\n\t", "");
    let at = source.find("/track/u/").expect("a broadcast has the header");
    let path = source[at..].split('>').next().unwrap_or_default();
    let page = fetch(&edge, "GET", path, "reader/1");
    let text = String::from_utf8(page.body).expect("it is text");
    assert!(page.status == 200 && text.contains("<form method=\"post\">") && !text.contains("@example.com"), "{text}");
    assert_eq!(origin.call("POST", "/api/send", letter).status, 200, "looking at the page changes nothing");
    let form = [("Content-Type", "application/x-www-form-urlencoded")];
    let done = edge.connect().call("POST", path, &form, b"List-Unsubscribe=One-Click").expect("it is answered");
    assert_eq!(done.status, 200, "{done:?}");
    until("the unsubscription", || origin.call("POST", "/api/send", letter).status == 422);
}

#[test]
fn a_node_answers_while_the_origin_is_away_also_after_a_start_and_hands_over_when_it_is_back() {
    let (pair, origin) = Pair::joined();
    let edge = pair.edge();
    assert_eq!(origin.stop().code(), Some(0));
    let mut answered = BTreeSet::new();
    let read = |edge: &Service, number: usize| {
        let hit = format!("reader/{number}");
        assert_eq!(fetch(edge, "GET", &pair.open, &hit).status, 200);
        hit
    };
    answered.extend((0..20).map(|number| read(&edge, number)));
    until("a wait", || metric(&edge, "pillarbox_edge_origin_answers") == "0");
    assert_eq!(edge.stop().code(), Some(0));
    let edge = pair.edge();
    answered.extend((20..40).map(|number| read(&edge, number)));
    let origin = pair.origin();
    let there = pair.are_home(&origin, &answered);
    assert!(there.values().all(|times| *times == 1), "{there:?}");
    assert!(pair.events(&origin).iter().filter(|event| *event == "opened").count() == answered.len());
    drop(edge);
}

#[test]
fn a_revoked_node_stops_answering_and_joins_again_with_what_it_had() {
    let (pair, origin) = Pair::joined();
    let edge = pair.edge();
    pair.origin_home.json(&["node", "revoke", "fra-1", "--json"]);
    let hit = fetch(&edge, "GET", &pair.open, "reader/1");
    until("the end of its answers", || fetch(&edge, "GET", &pair.open, "reader/2").status == 503);
    assert_eq!(edge.operator("/readyz").expect("it is answered").status, 503);
    assert_eq!(fetch(&edge, "GET", &pair.click, "x").status, 503);
    assert_eq!(metric(&edge, "pillarbox_edge_revoked"), "1");
    assert!(!pair.edge_home.data().join("edge.ring").exists(), "it forgets the keys on disk as well");
    assert_eq!(edge.stop().code(), Some(0));
    let refused = pair.edge_home.run(&["edge", "join", "pillarbox_join_AAAA"]);
    refused.refuses(&["not whole"]);
    pair.join("fra-1", &["--again"]);
    let edge = pair.edge();
    assert_eq!(hit.status, 200);
    pair.are_home(&origin, &BTreeSet::from(["reader/1".to_owned()]));
    assert_eq!(edge.stop().code(), Some(0));
}

#[test]
fn who_did_not_join_serves_nothing_and_the_origin_is_no_node() {
    let home = Home::empty();
    home.run(&["edge"]).refuses(&["belongs to no edge node", "edge join TOKEN"]);
    let origin = Home::prepared();
    origin.run(&["edge"]).refuses(&["is the data directory of the service itself"]);
}

#[test]
fn every_answered_hit_is_at_home_exactly_once_after_kills_of_either_and_both() {
    let (pair, origin) = Pair::joined();
    let (mut origin, mut edge) = (Some(origin), Some(pair.edge()));
    let (mut answered, mut asked) = (BTreeSet::new(), BTreeSet::new());
    for (round, (kills_edge, kills_origin)) in [(true, false), (false, true), (true, true)].into_iter().enumerate() {
        let api = edge.as_ref().expect("it runs").api;
        let is_over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let readers: Vec<_> = (0..READERS)
                .map(|reader| {
                    let (path, status) = [(&pair.open, 200), (&pair.click, 302)][reader % 2];
                    let (name, is_over) = (format!("{round}/{reader}"), &is_over);
                    scope.spawn(move || read_until(api, path, status, &name, is_over))
                })
                .collect();
            sleep(some_instant());
            if kills_origin && let Some(mut origin) = origin.take() {
                origin.kill();
            }
            if kills_edge && let Some(mut edge) = edge.take() {
                edge.kill();
            }
            sleep(some_instant());
            is_over.store(true, Ordering::Relaxed);
            for reader in readers {
                let (heard, last) = reader.join().expect("nothing panics");
                asked.extend(heard.iter().cloned().chain(last));
                answered.extend(heard);
            }
        });
        origin = origin.or_else(|| Some(pair.origin()));
        edge = edge.or_else(|| Some(pair.edge()));
    }
    println!("{} hits were answered, {} more were asked for", answered.len(), asked.len() - answered.len());
    assert!(answered.len() > 3 * READERS, "nothing was under way");
    let (origin, edge) = (origin.expect("it runs"), edge.expect("it runs"));
    pair.are_home(&origin, &answered);
    until("an empty spool", || metric(&edge, "pillarbox_hit_journal_bytes") == "0");
    let there = recorded(&origin, &pair.email_id);
    let twice: Vec<_> = there.iter().filter(|(_, times)| **times > 1).collect();
    assert!(twice.is_empty(), "recorded twice: {twice:?}");
    assert!(there.keys().all(|hit| asked.contains(hit)), "there is what nobody asked for");
}

/// Hits one link again and again, each time under another name, until it is over or the node is gone. Returns the names
/// that were answered, and the one that was not.
fn read_until(
    api: SocketAddr,
    path: &str,
    status: u16,
    name: &str,
    is_over: &AtomicBool,
) -> (Vec<String>, Option<String>) {
    let mut answered = Vec::new();
    let Ok(mut connection) = Connection::open(api) else { return (answered, None) };
    for number in 0.. {
        if is_over.load(Ordering::Relaxed) {
            break;
        }
        let hit = format!("reader/{name}/{number}");
        let Ok(answer) = connection.call("GET", path, &[("User-Agent", &hit)], b"") else {
            return (answered, Some(hit));
        };
        assert_eq!(answer.status, status, "{answer:?}");
        answered.push(hit);
        sleep(READING);
    }
    (answered, None)
}

/// Long enough that something happened and short enough that something is under way.
fn some_instant() -> Duration {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970");
    Duration::from_millis(150 + u64::from(now.subsec_nanos()) % 400)
}
