//! Notifications that a node takes: what it answered with 200 is in the inbox at home once, and nothing else is

use std::os::unix::fs::PermissionsExt;

use super::*;

const ON: (&str, &str) = ("PILLARBOX_EDGE_WEBHOOKS", "on");
const SECRET: &str = "a-word-that-proves-it";
const SENDERS: usize = 8;
/// Bytes of a body that the source takes.
const BODY_BYTES_MAX: usize = 100_000;

/// A source of the pair's origin, and the path of its address.
fn source(pair: &Pair) -> String {
    let body_max = BODY_BYTES_MAX.to_string();
    let how = ["hooks", "--scheme", "header", "--header", "x-secret", "--secret", SECRET, "--body-max", &body_max];
    add_source(pair, &how)
}

fn add_source(pair: &Pair, how: &[&str]) -> String {
    let made = pair.origin_home.json(&[&["source", "add"], how, &["--json"]].concat());
    let url = made["url"].as_str().expect("it is text");
    url[url.find("/webhooks/in/").expect("it is one of ours")..].to_owned()
}

/// The node, once it knows the source.
fn edge(pair: &Pair, path: &str, settings: &[(&str, &str)]) -> Service {
    let mut command = pair.edge_home.command(&["edge"]);
    command.stderr(File::create(pair.edge_home.directory().join("stderr")).expect("a file is made"));
    let settings = [&[ON], settings].concat();
    let edge = pair.edge_home.serve_as(command, &settings).expect("a port is free");
    until("the source", || fetch(&edge, "GET", path, "x").status == 200);
    edge
}

fn post_with(service: &Service, path: &str, secret: &str, bytes: usize) -> Answer {
    let headers = [("Content-Type", "application/json"), ("X-Secret", secret)];
    service.connect().call("POST", path, &headers, &body(bytes)).expect("it is answered")
}

/// A body of so many bytes, by which it is known in the inbox.
fn body(bytes: usize) -> Vec<u8> {
    format!("{{}}{}", " ".repeat(bytes - 2)).into_bytes()
}

fn post(service: &Service, path: &str, bytes: usize) -> Answer {
    post_with(service, path, SECRET, bytes)
}

/// How often a notification of each length is in the inbox.
fn at_home(pair: &Pair) -> BTreeMap<usize, usize> {
    let listed = pair.origin_home.json(&["inbox", "list", "--source", "hooks", "--limit", "10000", "--json"]);
    let mut there = BTreeMap::new();
    for row in listed["rows"].as_array().expect("a list") {
        let bytes = usize::try_from(row["bytes"].as_u64().expect("a number")).expect("it fits");
        *there.entry(bytes).or_default() += 1;
    }
    there
}

/// Waits until the node has nothing more, and checks that exactly these are at home, each once.
#[track_caller]
fn all_are_home(pair: &Pair, edge: &Service, answered: &BTreeSet<usize>, asked: &BTreeSet<usize>) {
    until("an empty spool", || metric(edge, "pillarbox_edge_notifications") == "0");
    let there = at_home(pair);
    let missing: Vec<_> = answered.iter().filter(|bytes| !there.contains_key(bytes)).collect();
    assert!(missing.is_empty(), "answered and not at home: {missing:?}");
    let wrong: Vec<_> = there.iter().filter(|(bytes, times)| **times > 1 || !asked.contains(bytes)).collect();
    assert!(wrong.is_empty(), "there twice, or asked for by nobody: {wrong:?}");
}

#[test]
fn a_node_takes_notifications_for_the_sources_of_its_origin_and_for_nobody_else() {
    let (pair, _origin) = Pair::joined();
    let path = source(&pair);
    let edge = edge(&pair, &path, &[]);
    let taken = post(&edge, &path, 100);
    assert_eq!((taken.status, taken.json()), (200, serde_json::json!({ "success": true, "queued": true })));
    assert_eq!(post(&edge, &path, BODY_BYTES_MAX).status, 200);
    assert_eq!(post(&edge, &path, BODY_BYTES_MAX + 1).status, 413);
    // The node cannot tell, and the origin can.
    assert_eq!(post_with(&edge, &path, "another-word", 200).status, 200);
    all_are_home(&pair, &edge, &[100, BODY_BYTES_MAX].into(), &[100, BODY_BYTES_MAX].into());
    for (name, value) in [("handed_over_total", "2"), ("refused_total", "1"), ("set_aside_total", "0")] {
        assert_eq!(metric(&edge, &format!("pillarbox_edge_notifications_{name}")), value, "{name}");
    }
    for path in
        [&format!("/webhooks/in/{}", "0".repeat(48)), "/webhooks/in/x", "/webhooks/bounce", "/webhooks/complaint"]
    {
        assert_eq!(post(&edge, path, 300).status, 404, "{path}");
    }
    assert_eq!(fetch(&edge, "PUT", &path, "x").status, 405);
    let handshake = [("aeg-event-type", "SubscriptionValidation")];
    let refused = edge.connect().call("POST", &path, &handshake, b"[]").expect("it is answered");
    assert_eq!(refused.status, 422, "{refused:?}");
    // A disabled source is known as such within seconds.
    pair.origin_home.json(&["source", "disable", "hooks", "--json"]);
    until("the end of the source", || post(&edge, &path, 400).status == 404);
    assert_eq!(edge.stop().code(), Some(0));
}

#[test]
fn a_node_takes_notifications_only_when_it_was_told_to_and_hands_over_what_it_took_before() {
    let (pair, origin) = Pair::joined();
    let path = source(&pair);
    let node = edge(&pair, &path, &[]);
    assert_eq!(origin.stop().code(), Some(0));
    assert!((100..105).all(|bytes| post(&node, &path, bytes).status == 200));
    assert_eq!(node.stop().code(), Some(0));
    let node = pair.edge();
    assert_eq!((post(&node, &path, 105).status, fetch(&node, "GET", &path, "x").status), (404, 404));
    let _origin = pair.origin();
    all_are_home(&pair, &node, &(100..105).collect(), &(100..105).collect());
    assert_eq!(node.stop().code(), Some(0));
}

#[test]
fn while_the_origin_is_away_notifications_wait_on_disk_and_what_is_damaged_is_set_aside() {
    let (pair, origin) = Pair::joined();
    let path = source(&pair);
    let node = edge(&pair, &path, &[]);
    assert_eq!(origin.stop().code(), Some(0));
    let mut answered: BTreeSet<usize> = (100..120).collect();
    assert!(answered.iter().all(|bytes| post(&node, &path, *bytes).status == 200));
    assert_eq!(metric(&node, "pillarbox_edge_notifications"), "20");
    assert_eq!(node.stop().code(), Some(0));
    let folder = pair.edge_home.data().join("notifications");
    let mut files: Vec<_> =
        std::fs::read_dir(folder).expect("it is there").map(|entry| entry.expect("one").path()).collect();
    files.sort();
    assert_eq!(files.len(), 20);
    for file in &files {
        assert_eq!(std::fs::metadata(file).expect("it is there").permissions().mode() & 0o777, 0o600);
    }
    let mut bytes = std::fs::read(&files[7]).expect("it is read");
    bytes[20] ^= 1;
    std::fs::write(&files[7], bytes).expect("it is written");
    answered.remove(&107);
    // Whole, and none that any version reads: the origin refuses the batch, and the others get there all the same.
    let garbage = [crc32fast::hash(&[9, 9]).to_le_bytes().as_slice(), &[9, 9]].concat();
    std::fs::write(files[7].with_file_name(format!("{}.notification", uuid::Uuid::from_u128(7))), garbage)
        .expect("it is written");
    let node = edge(&pair, &path, &[]);
    answered.extend(120..140);
    assert!((120..140).all(|bytes| post(&node, &path, bytes).status == 200));
    let _origin = pair.origin();
    all_are_home(&pair, &node, &answered, &answered);
    assert_eq!(metric(&node, "pillarbox_edge_notifications_set_aside_total"), "2");
    assert_eq!(std::fs::read_dir(pair.edge_home.data().join("refused")).expect("it is there").count(), 2);
}

#[test]
fn a_full_spool_is_503_and_takes_more_once_the_origin_is_back() {
    let (pair, origin) = Pair::joined();
    let path = source(&pair);
    let postmark = add_source(&pair, &["pm", "--scheme", "basic", "--secret", "user:password", "--busy-with", "429"]);
    let edge = edge(&pair, &path, &[("PILLARBOX_EDGE_WEBHOOKS_MAX", "3")]);
    until("the other source", || fetch(&edge, "GET", &postmark, "x").status == 200);
    let asked = post(&edge, &postmark, 100);
    assert_eq!((asked.status, asked.header("www-authenticate")), (401, Some("Basic realm=\"webhooks\"")));
    assert_eq!(origin.stop().code(), Some(0));
    assert!((100..103).all(|bytes| post(&edge, &path, bytes).status == 200));
    let refused = post(&edge, &path, 103);
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("1")), "{refused:?}");
    assert_eq!(metric(&edge, "pillarbox_edge_notifications_shed_total{reason=\"spool_full\"}"), "1");
    let password = [("Authorization", "Basic dXNlcjpwYXNzd29yZA==")];
    let refused = edge.connect().call("POST", &postmark, &password, b"{}").expect("it is answered");
    assert_eq!((refused.status, refused.header("retry-after")), (429, Some("1")), "{refused:?}");
    assert_eq!(fetch(&edge, "GET", &pair.open, "reader/1").status, 200, "readers do not notice");
    let origin = pair.origin();
    all_are_home(&pair, &edge, &(100..103).collect(), &(100..103).collect());
    assert_eq!(post(&edge, &path, 103).status, 200);
    all_are_home(&pair, &edge, &(100..104).collect(), &(100..104).collect());
    pair.are_home(&origin, &BTreeSet::from(["reader/1".to_owned()]));
}

#[test]
fn a_revoked_node_takes_no_notifications_and_hands_over_what_it_had_when_it_joins_again() {
    let (pair, origin) = Pair::joined();
    let path = source(&pair);
    let node = edge(&pair, &path, &[]);
    assert_eq!(origin.stop().code(), Some(0));
    assert!((100..105).all(|bytes| post(&node, &path, bytes).status == 200));
    pair.origin_home.json(&["node", "revoke", "fra-1", "--json"]);
    let _origin = pair.origin();
    until("the end of its answers", || post(&node, &path, 200).status == 503);
    assert!(at_home(&pair).is_empty(), "nothing of it is taken");
    assert!(!pair.edge_home.data().join("edge.sources").exists(), "it forgets the sources on disk as well");
    let kept: usize = metric(&node, "pillarbox_edge_notifications").parse().expect("a number");
    assert!(kept >= 5, "{kept}");
    assert_eq!(node.stop().code(), Some(0));
    pair.join("fra-1", &["--again"]);
    let node = edge(&pair, &path, &[]);
    until("an empty spool", || metric(&node, "pillarbox_edge_notifications") == "0");
    let there = at_home(&pair);
    assert!((100..105).all(|bytes| there.get(&bytes) == Some(&1)), "{there:?}");
}

#[test]
fn every_answered_notification_is_at_home_exactly_once_after_kills_of_either_and_both() {
    let (pair, origin) = Pair::joined();
    let path = source(&pair);
    let (mut origin, mut node) = (Some(origin), Some(edge(&pair, &path, &[])));
    let (mut answered, mut asked) = (BTreeSet::new(), BTreeSet::new());
    for (round, (kills_edge, kills_origin)) in [(true, false), (false, true), (true, true)].into_iter().enumerate() {
        let api = node.as_ref().expect("it runs").api;
        let is_over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let senders: Vec<_> = (0..SENDERS)
                .map(|sender| {
                    // No two bodies of all have the same length.
                    let lengths = (0..500).map(move |number| 10 + (500 * round + number) * SENDERS + sender);
                    let (path, is_over) = (&path, &is_over);
                    scope.spawn(move || post_until(api, path, lengths, is_over))
                })
                .collect();
            sleep(some_instant());
            if kills_origin && let Some(mut origin) = origin.take() {
                origin.kill();
            }
            if kills_edge && let Some(mut node) = node.take() {
                node.kill();
            }
            sleep(some_instant());
            is_over.store(true, Ordering::Relaxed);
            for sender in senders {
                let (heard, last) = sender.join().expect("nothing panics");
                asked.extend(heard.iter().copied().chain(last));
                answered.extend(heard);
            }
        });
        origin = origin.or_else(|| Some(pair.origin()));
        node = node.or_else(|| Some(edge(&pair, &path, &[])));
    }
    println!("{} notifications were answered, {} more were posted", answered.len(), asked.len() - answered.len());
    assert!(answered.len() > 3 * SENDERS, "nothing was under way");
    let node = node.expect("it runs");
    all_are_home(&pair, &node, &answered, &asked);
    assert_eq!(metric(&node, "pillarbox_edge_notifications_refused_total"), "0");
}

/// Posts bodies of these lengths one after the other, until it is over or the node is gone. Returns those that were
/// answered, and the one that was not.
fn post_until(
    api: SocketAddr,
    path: &str,
    lengths: impl Iterator<Item = usize>,
    is_over: &AtomicBool,
) -> (Vec<usize>, Option<usize>) {
    let mut answered = Vec::new();
    let Ok(mut connection) = Connection::open(api) else { return (answered, None) };
    let headers = [("Content-Type", "application/json"), ("X-Secret", SECRET)];
    for bytes in lengths {
        if is_over.load(Ordering::Relaxed) {
            break;
        }
        let Ok(answer) = connection.call("POST", path, &headers, &body(bytes)) else {
            return (answered, Some(bytes));
        };
        assert_eq!(answer.status, 200, "{answer:?}");
        answered.push(bytes);
        sleep(READING);
    }
    (answered, None)
}
