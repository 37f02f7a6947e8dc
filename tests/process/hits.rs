//! Opens and clicks: answered once they are on disk, and in the database once, whatever happens in between.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::Value;

use crate::disk::on_a_small_disk;
use crate::durability::links;
use crate::harness::{Home, Service};
use crate::http::Connection;

const ROUNDS: usize = 4;
const READERS: usize = 48;
/// Events on a page of the list.
const PAGE: usize = 1_000;
/// How long hits may take into the database, on a machine that does much else.
const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(20);

#[test]
fn every_answered_hit_is_there_exactly_once_after_kills_under_load() {
    let home = Home::prepared();
    let service = home.serve(&[]);
    let email_id = service.send("ada@example.com");
    service.delivered(&email_id);
    let (open, click) = links(&home, &email_id);
    assert_eq!(service.stop().code(), Some(0));

    let (mut answered, mut asked) = (BTreeSet::new(), BTreeSet::new());
    for round in 0..ROUNDS {
        // Either promise holds when a process is killed.
        let durability = ["disk", "process"][round % 2];
        let mut service = home.serve(&[("PILLARBOX_HIT_DURABILITY", durability)]);
        let api = service.api;
        std::thread::scope(|scope| {
            let readers: Vec<_> = (0..READERS)
                .map(|reader| {
                    let (path, status) = [(&open, 200), (&click, 302)][reader % 2];
                    scope.spawn(move || read_until_killed(api, path, status, &format!("{round}/{reader}")))
                })
                .collect();
            sleep(some_instant());
            service.kill();
            for reader in readers {
                let (heard, last) = reader.join().expect("nothing panics");
                asked.extend(heard.iter().cloned().chain(last));
                answered.extend(heard);
            }
        });
    }
    println!("{} hits were answered, {} more were asked for", answered.len(), asked.len() - answered.len());
    assert!(answered.len() > ROUNDS * READERS, "nothing was under way");

    // It is ready once it has what the kills left in the journal.
    let service = home.serve(&[]);
    let there = recorded(&service, &email_id);
    let twice: Vec<_> = there.iter().filter(|(_, times)| **times > 1).collect();
    assert!(twice.is_empty(), "recorded twice: {twice:?}");
    let lost: Vec<_> = answered.iter().filter(|hit| !there.contains_key(*hit)).collect();
    assert!(lost.is_empty(), "{} answered and lost: {lost:?}", lost.len());
    assert!(there.keys().all(|hit| asked.contains(hit)), "there is what nobody asked for");
}

/// Hits one link again and again, each time under another name. Returns the names that were answered, and the one
/// that was not.
fn read_until_killed(api: SocketAddr, path: &str, status: u16, name: &str) -> (Vec<String>, Option<String>) {
    let mut answered = Vec::new();
    let Ok(mut connection) = Connection::open(api) else { return (answered, None) };
    for number in 0.. {
        let hit = format!("reader/{name}/{number}");
        let Ok(answer) = connection.call("GET", path, &[("User-Agent", &hit)], b"") else {
            return (answered, Some(hit));
        };
        assert_eq!(answer.status, status, "{answer:?}");
        answered.push(hit);
    }
    (answered, None)
}

/// How often each name stands in the events of an email, oldest pages last.
pub fn recorded(service: &Service, email_id: &str) -> BTreeMap<String, usize> {
    let mut there = BTreeMap::new();
    for page in 1.. {
        let path = format!("/api/v1/events?email_id={email_id}&limit={PAGE}&page={page}");
        let answer = service.get(&path);
        let events = answer["events"].as_array().expect("a list");
        for event in events {
            if let Some(name) = event["event_data"]["user_agent"].as_str() {
                *there.entry(name.to_owned()).or_default() += 1;
            }
        }
        if events.len() < PAGE {
            break;
        }
    }
    there
}

#[test]
fn hits_that_were_answered_before_the_service_stops_are_there_afterwards() {
    let home = Home::prepared();
    let service = home.serve(&[]);
    let email_id = service.send("ada@example.com");
    service.delivered(&email_id);
    let (open, _) = links(&home, &email_id);
    for number in 0..20 {
        let hit = format!("reader/{number}");
        let answer = service.connect().call("GET", &open, &[("User-Agent", &hit)], b"").expect("it is answered");
        assert_eq!(answer.status, 200);
    }
    assert_eq!(service.stop().code(), Some(0));
    let service = home.serve(&[]);
    assert_eq!(recorded(&service, &email_id).len(), 20);
}

/// The bound on the size of files is less than a file of the journal, and more than everything else needs.
const SMALL_DISK_BLOCKS: usize = 12 * 1024 * 1024 / 512;

fn on_small_disk(home: &Home, settings: &[(&str, &str)]) -> Service {
    let mut command = on_a_small_disk(home, SMALL_DISK_BLOCKS, "serve");
    command.stderr(Stdio::null());
    home.serve_as(command, settings).expect("a port is free")
}

#[test]
fn a_full_disk_refuses_pixels_lets_clicks_lead_on_and_is_forgotten_once_there_is_room() {
    let home = Home::prepared();
    let service = on_small_disk(&home, &[]);
    let email_id = service.send("ada@example.com");
    service.delivered(&email_id);
    let (open, click) = links(&home, &email_id);
    let hit = |path: &str| service.connect().call("GET", path, &[], b"").expect("it is answered");
    let pixel = hit(&open);
    assert_eq!((pixel.status, pixel.header("content-type")), (503, Some("image/gif")));
    let led_on = hit(&click);
    assert_eq!((led_on.status, led_on.header("location")), (302, Some("https://example.com/start")));
    let shed = |event: &str| format!("pillarbox_hits_shed_total{{event=\"{event}\",reason=\"disk_full\"}} 1");
    for line in [shed("opened"), shed("clicked"), "pillarbox_hit_journal_records_total 0".into()] {
        assert!(metrics(&service).lines().any(|known| known == line), "{line} is not in {}", metrics(&service));
    }
    service.still_serves();

    let pid = service.pid().to_string();
    let freed = Command::new("prlimit").args(["--pid", &pid, "--fsize=unlimited:"]).status();
    assert!(freed.expect("prlimit runs").success());
    let started = Instant::now();
    while hit(&open).status != 200 {
        assert!(started.elapsed() < PATIENCE, "it never takes hits again");
        sleep(PAUSE);
    }
    assert_eq!(hit(&click).status, 302);
    let started = Instant::now();
    while !metrics(&service).contains("pillarbox_hit_journal_bytes 0\n") {
        assert!(started.elapsed() < PATIENCE, "hits do not get into the database: {}", metrics(&service));
        sleep(PAUSE);
    }
    let events = service.get(&format!("/api/v1/emails/{email_id}/events"));
    let types: Vec<_> = events["events"].as_array().expect("a list").iter().map(|event| &event["event_type"]).collect();
    assert_eq!(types, ["queued", "sent", "delivered", "opened", "clicked"].map(Value::from).iter().collect::<Vec<_>>());
}

#[test]
fn a_full_disk_shows_pixels_as_ever_where_the_settings_say_so() {
    let home = Home::prepared();
    let service = on_small_disk(&home, &[("PILLARBOX_HIT_OVERFLOW", "answer")]);
    let email_id = service.send("ada@example.com");
    service.delivered(&email_id);
    let (open, _) = links(&home, &email_id);
    assert_eq!(service.connect().call("GET", &open, &[], b"").expect("it is answered").status, 200);
    let line = "pillarbox_hits_shed_total{event=\"opened\",reason=\"disk_full\"} 1";
    assert!(metrics(&service).lines().any(|known| known == line), "{}", metrics(&service));
}

fn metrics(service: &Service) -> String {
    let page = service.operator("/metrics").expect("the metrics are answered");
    String::from_utf8(page.body).expect("it is text")
}

/// Long enough that something happened and short enough that something is under way.
fn some_instant() -> Duration {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970");
    Duration::from_millis(150 + u64::from(now.subsec_nanos()) % 600)
}
