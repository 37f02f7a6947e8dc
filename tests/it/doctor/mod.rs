//! The records of a domain, looked for with name servers that are dead, slow or liars.

pub mod server;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use hickory_resolver::proto::op::{Query, ResponseCode};
use hickory_resolver::proto::rr::{Record as Published, RecordType};
use pillarbox::dns::Doctor;
use pillarbox::mail::dkim::Algorithm;
use pillarbox::mail::dns::records::{DomainSetup, Key, records};
use pillarbox::mail::dns::{Check, Record, RecordStatus};

use self::server::{Does, Server, address, alias, authority, exchanger, honest, server, text};

/// How long one server may take here.
const LIMIT: Duration = Duration::from_millis(400);
/// After so long, a check has come to an end: four times the limit, and what a busy machine needs.
const END: Duration = Duration::from_millis(4 * 400 + 1_000);
const DOMAIN: &str = "acme.example";

fn setup() -> DomainSetup {
    DomainSetup {
        domain: DOMAIN.into(),
        ownership_token: "token".into(),
        keys: vec![Key { selector: "r".into(), algorithm: Algorithm::Rsa2048, public_key: "ABCDEFGH".repeat(49) }],
        helo_name: "mail.service.example".into(),
        spf_include: None,
        bounce_domain: None,
        tracking: None,
    }
}

/// A zone with all that is asked for, whose only server is on this machine.
fn zone() -> Vec<Published> {
    let mut zone = vec![
        authority("example"),
        authority(DOMAIN),
        server(DOMAIN, "ns.acme.example"),
        address("ns.acme.example", [127, 0, 0, 1]),
        address("mail.service.example", [192, 0, 2, 1]),
        exchanger("pb-bounces.acme.example", 10, "mail.service.example"),
    ];
    let records = records(&setup());
    let texts = records.iter().filter(|record| record.kind.as_str() == "TXT");
    zone.extend(texts.map(|record| text(&record.host, &record.value)));
    zone
}

/// The zone without what one name has.
fn without(host: &str) -> Vec<Published> {
    zone().into_iter().filter(|record| record.name != server::name(host)).collect()
}

async fn serving(records: Vec<Published>) -> Server {
    Server::start(move |query, _| honest(&records, query), Duration::ZERO).await
}

/// Checks with these as resolver and as server of the zone, and comes to an end in time.
async fn check(resolver: &Server, authority: &Server) -> Vec<Check> {
    let doctor = Doctor::new(&[resolver.address], LIMIT).expect("it has a resolver");
    timed(&doctor.reaching(authority.address.port(), true)).await
}

async fn timed(doctor: &Doctor) -> Vec<Check> {
    let began = Instant::now();
    let checks = doctor.check(DOMAIN, &records(&setup())).await;
    assert!(began.elapsed() < END, "{:?}", began.elapsed());
    let wanted = records(&setup());
    assert!(checks.iter().map(|check| &check.record).eq(&wanted), "each record has its check");
    checks
}

/// What each check came to.
fn outcomes(checks: &[Check]) -> Vec<(RecordStatus, Option<&str>)> {
    checks.iter().map(|check| (check.status, check.fault)).collect()
}

#[track_caller]
fn all_are(checks: &[Check], status: RecordStatus, fault: &str, words: &str) {
    assert!(outcomes(checks).iter().all(|outcome| *outcome == (status, Some(fault))), "{checks:?}");
    assert!(
        checks.iter().all(|check| check.reason.as_ref().is_some_and(|reason| reason.contains(words))),
        "{checks:?}"
    );
}

#[track_caller]
fn all_are_good(checks: &[Check]) {
    assert!(checks.iter().all(|check| check.status == RecordStatus::Verified), "{checks:?}");
}

#[tokio::test]
async fn a_domain_that_published_everything_is_good() {
    let names = serving(zone()).await;
    let checks = check(&names, &names).await;
    all_are_good(&checks);
    let faults: Vec<_> = checks.iter().filter_map(|check| check.fault).collect();
    assert_eq!(faults, ["weak_policy"], "of the policy that only watches");
}

#[tokio::test]
async fn what_was_just_published_is_seen_at_the_zones_servers_before_the_resolver_has_it() {
    let (fresh, stale) = (serving(zone()).await, serving(without("_pillarbox.acme.example")).await);
    let checks = check(&stale, &fresh).await;
    assert_eq!((checks[0].status, checks[0].fault), (RecordStatus::Pending, Some("not_propagated")), "{checks:?}");
    let reason = checks[0].reason.as_deref().expect("it has one");
    assert!(reason.contains(&stale.address.to_string()) && reason.contains("5 minutes"), "{reason}");
    let checks = check(&fresh, &stale).await;
    assert_eq!((checks[0].status, checks[0].fault), (RecordStatus::Missing, Some("missing")), "{checks:?}");
}

#[tokio::test]
async fn servers_of_zones_are_not_asked_on_private_addresses_unless_they_may_be() {
    let (fresh, stale) = (serving(zone()).await, serving(without("_pillarbox.acme.example")).await);
    let doctor = Doctor::new(&[stale.address], LIMIT).expect("it has a resolver").reaching(fresh.address.port(), false);
    let checks = timed(&doctor).await;
    assert_eq!(checks[0].fault, Some("missing"), "the resolver is all that there is: {checks:?}");
    assert_eq!(fresh.asked(), 0);
}

#[tokio::test]
async fn a_domain_that_nobody_registered_does_not_exist() {
    let names = serving(vec![authority("example")]).await;
    let checks = check(&names, &names).await;
    all_are(&checks, RecordStatus::Missing, "no_such_domain", "register the domain");
}

#[tokio::test]
async fn a_name_inside_a_zone_that_has_nothing_is_no_domain_that_is_missing() {
    let names = serving(vec![authority("example"), authority(DOMAIN)]).await;
    let checks = check(&names, &names).await;
    assert!(checks.iter().all(|check| check.fault == Some("missing")), "{checks:?}");
}

#[tokio::test]
async fn a_dead_resolver_is_said_to_be_and_nothing_else() {
    let (dead, names) = (Server::always(|| Does::Silent).await, serving(zone()).await);
    let checks = check(&dead, &names).await;
    all_are(&checks, RecordStatus::Pending, "unreachable", &dead.address.to_string());
    assert_eq!(dead.asked(), 4, "two questions, each sent twice");
}

#[tokio::test]
async fn a_second_resolver_is_asked_when_the_first_is_dead() {
    let (dead, names) = (Server::always(|| Does::Silent).await, serving(zone()).await);
    let doctor = Doctor::new(&[dead.address, names.address], LIMIT).expect("it has resolvers");
    all_are_good(&timed(&doctor.reaching(names.address.port(), true)).await);
    let refusing = Server::always(|| Does::Says(ResponseCode::Refused, Vec::new())).await;
    let doctor = Doctor::new(&[refusing.address, names.address], LIMIT).expect("it has resolvers");
    all_are_good(&timed(&doctor.reaching(names.address.port(), true)).await);
}

#[tokio::test]
async fn a_resolver_that_is_slow_is_waited_for_and_one_that_is_slower_is_not() {
    let names = serving(zone()).await;
    let slow = async |delay| Server::start(|query, _| honest(&zone(), query), delay).await;
    let patient = slow(LIMIT / 8).await;
    all_are_good(&check(&patient, &names).await);
    let slower = slow(LIMIT * 2).await;
    all_are(&check(&slower, &names).await, RecordStatus::Pending, "unreachable", "in time");
}

/// The zone above, on this machine, and whose the zone below it is.
fn parent(query: &Query) -> Option<Does> {
    let leads =
        || Does::Leads(vec![server(DOMAIN, "ns.acme.example")], vec![address("ns.acme.example", [127, 0, 0, 1])]);
    let parent = [authority("example"), server("example", "ns.example"), address("ns.example", [127, 0, 0, 1])];
    let is_below = server::name(DOMAIN).zone_of(query.name());
    match query.query_type() {
        RecordType::NS if *query.name() == server::name(DOMAIN) => Some(leads()),
        _ if is_below => None,
        _ => Some(honest(&parent, query)),
    }
}

#[tokio::test]
async fn servers_that_only_the_zone_above_names_are_asked() {
    for (resolver, servers, fault) in [
        (ResponseCode::ServFail, Some(ResponseCode::Refused), "refused"),
        (ResponseCode::ServFail, Some(ResponseCode::ServFail), "server_failure"),
        (ResponseCode::ServFail, None, "unreachable"),
    ] {
        let failing = move |code: Option<ResponseCode>| {
            move |query: &Query, _| {
                let says = |code| Does::Says(code, Vec::new());
                parent(query).unwrap_or_else(|| code.map_or(Does::Silent, says))
            }
        };
        let resolver = Server::start(failing(Some(resolver)), Duration::ZERO).await;
        let names = Server::start(failing(servers), Duration::ZERO).await;
        all_are(&check(&resolver, &names).await, RecordStatus::Pending, fault, "ns.acme.example");
    }
}

#[tokio::test]
async fn a_resolver_that_waits_for_dead_servers_is_not_taken_for_a_dead_one() {
    let waiting = Server::start(|query, _| parent(query).unwrap_or(Does::Silent), Duration::ZERO).await;
    all_are(&check(&waiting, &waiting).await, RecordStatus::Pending, "unreachable", "ns.acme.example");
}

#[tokio::test]
async fn what_only_comes_unchecked_has_bad_signatures() {
    let names = serving(zone()).await;
    let validating = Server::start(
        |query, unchecked| match honest(&zone(), query) {
            Does::Says(..) if !unchecked => Does::Says(ResponseCode::ServFail, Vec::new()),
            answer => answer,
        },
        Duration::ZERO,
    )
    .await;
    all_are(&check(&validating, &names).await, RecordStatus::Conflict, "dnssec_bogus", "DNSSEC");
}

#[tokio::test]
async fn a_resolver_that_lies_changes_nothing_of_what_the_zone_says() {
    let names = serving(zone()).await;
    let liar = Server::start(
        |query, _| match query.query_type() {
            RecordType::TXT => {
                let owner = query.name().to_ascii();
                Does::Says(ResponseCode::NoError, vec![text(owner.trim_end_matches('.'), "a lie\u{1b}[31m")])
            }
            _ => honest(&zone(), query),
        },
        Duration::ZERO,
    )
    .await;
    let checks = check(&liar, &names).await;
    assert_eq!(checks[0].fault, Some("not_propagated"), "{checks:?}");
    assert_eq!(checks[0].found, ["a lie\\027[31m"]);
}

#[tokio::test]
async fn answers_to_other_questions_are_none() {
    let names = serving(zone()).await;
    let liar = Server::start(
        |_, _| Does::Another(vec![text("_pillarbox.acme.example", "pillarbox-verify=token")]),
        Duration::ZERO,
    )
    .await;
    all_are(&check(&liar, &names).await, RecordStatus::Pending, "unreachable", "in time");
}

#[tokio::test]
async fn bytes_that_are_no_message_are_no_answer() {
    let names = serving(zone()).await;
    for bytes in
        [Vec::new(), vec![0xff; 3], vec![0xff; 1_000], [&[0x84, 0, 0, 1, 0xff, 0xff][..], &[0xc0; 500]].concat()]
    {
        let garbled = Server::start(move |_, _| Does::Bytes(bytes.clone()), Duration::ZERO).await;
        all_are(&check(&garbled, &names).await, RecordStatus::Pending, "unreachable", "in time");
    }
}

#[tokio::test]
async fn a_long_answer_comes_by_tcp() {
    let host = "_pillarbox.acme.example";
    let mut records = zone();
    records.extend((0..255).map(|number| text(host, &format!("{number} {}", "x".repeat(180)))));
    let names = serving(records).await;
    let checks = check(&names, &names).await;
    assert_eq!((checks[0].status, checks[0].found.len()), (RecordStatus::Verified, 10), "{checks:?}");
}

#[tokio::test]
async fn more_records_than_anybody_reads_are_told() {
    let host = "_pillarbox.acme.example";
    for count in [256, 10_000] {
        let mut records = zone();
        records.extend((0..count).map(|number| text(host, &format!("{number}"))));
        let names = serving(records).await;
        let checks = check(&names, &names).await;
        assert_eq!((checks[0].status, checks[0].fault), (RecordStatus::Conflict, Some("too_many_records")), "{count}");
        all_are_good(&checks[1..]);
    }
}

#[tokio::test]
async fn aliases_that_lead_in_a_circle_are_told() {
    let host = "_pillarbox.acme.example";
    // As some resolvers answer: with all of the circle.
    let circle = [alias(host, "a.example"), alias("a.example", "b.example"), alias("b.example", host)];
    let looping = Server::start(
        move |query, _| match query.name() {
            name if *name == server::name(host) => Does::Says(ResponseCode::NoError, circle.to_vec()),
            _ => honest(&zone(), query),
        },
        Duration::ZERO,
    )
    .await;
    let checks = check(&looping, &looping).await;
    assert_eq!((checks[0].status, checks[0].fault), (RecordStatus::Conflict, Some("cname_loop")), "{checks:?}");
    all_are_good(&checks[1..]);
}

#[tokio::test]
async fn eight_aliases_are_followed_and_no_more() {
    let host = "_pillarbox.acme.example";
    for (count, expected) in [(8, None), (9, Some("cname_loop"))] {
        let mut records = without(host);
        let name = |number: usize| if number == 0 { host.to_owned() } else { format!("a{number}.acme.example") };
        let chain: Vec<_> = (0..count).map(|number| alias(&name(number), &name(number + 1))).collect();
        records.push(text(&name(count), "pillarbox-verify=token"));
        let names = Server::start(
            move |query, _| match query.name() {
                asked if *asked == server::name(host) => {
                    let last = text(&name(count), "pillarbox-verify=token");
                    Does::Says(ResponseCode::NoError, chain.iter().cloned().chain([last]).collect())
                }
                _ => honest(&records, query),
            },
            Duration::ZERO,
        )
        .await;
        let checks = check(&names, &names).await;
        assert_eq!(checks[0].fault, expected, "{count}: {checks:?}");
    }
}

#[tokio::test]
async fn an_alias_into_another_zone_is_followed_by_the_resolver() {
    let host = "_pillarbox.acme.example";
    let mut records = without(host);
    records.push(alias(host, "kept.other.test"));
    let (own, all) = (records.clone(), [records, vec![text("kept.other.test", "pillarbox-verify=token")]].concat());
    let resolver = Server::start(
        move |query, _| match query.name() {
            asked if *asked == server::name(host) && query.query_type() == RecordType::TXT => {
                let chain = vec![alias(host, "kept.other.test"), text("kept.other.test", "pillarbox-verify=token")];
                Does::Says(ResponseCode::NoError, chain)
            }
            _ => honest(&all, query),
        },
        Duration::ZERO,
    )
    .await;
    let checks = check(&resolver, &serving(own).await).await;
    assert_eq!(checks[0].status, RecordStatus::Verified, "{checks:?}");
}

#[tokio::test]
async fn a_record_that_includes_without_end_ends_the_questions() {
    let mut records = without("pb-bounces.acme.example");
    records.push(text("pb-bounces.acme.example", "v=spf1 include:i0.example ~all"));
    let names = Server::start(
        move |query, _| {
            let asked = query.name().to_ascii();
            match asked.strip_prefix('i').and_then(|rest| rest.strip_suffix(".example.")?.parse::<u32>().ok()) {
                Some(number) => {
                    let record = format!("v=spf1 include:i{}.example include:i{}.example ~all", number + 1, number + 2);
                    Does::Says(ResponseCode::NoError, vec![text(&format!("i{number}.example"), &record)])
                }
                None => honest(&records, query),
            }
        },
        Duration::ZERO,
    )
    .await;
    let checks = check(&names, &names).await;
    let spf = checks.iter().find(|check| check.record.purpose.as_str() == "spf").expect("it was checked");
    assert_eq!((spf.status, spf.fault), (RecordStatus::Conflict, Some("too_many_lookups")), "{spf:?}");
    assert!(names.asked() < 100, "{}", names.asked());
}

#[tokio::test]
async fn a_check_without_records_asks_for_none() {
    let names = serving(zone()).await;
    let doctor = Doctor::new(&[names.address], LIMIT).expect("it has a resolver");
    assert!(doctor.check("..", &[]).await.is_empty());
}

#[tokio::test]
async fn four_servers_of_a_zone_are_asked_and_no_more() {
    let mut records = zone();
    records.retain(|record| record.record_type() != RecordType::NS);
    for number in 0..5 {
        records.push(server(DOMAIN, &format!("ns{number}.acme.example")));
        records.push(address(&format!("ns{number}.acme.example"), [127, 0, 0, 1]));
    }
    let asked = Arc::new(Mutex::new(BTreeSet::new()));
    let names = Arc::clone(&asked);
    let resolver = Server::start(
        move |query, _| {
            if query.name().to_ascii().starts_with("ns") {
                names.lock().expect("no test panicked").insert(query.name().to_ascii());
            }
            honest(&records, query)
        },
        Duration::ZERO,
    )
    .await;
    all_are_good(&check(&resolver, &resolver).await);
    let asked: Vec<_> = asked.lock().expect("no test panicked").iter().cloned().collect();
    let expected: Vec<_> = (0..4).map(|number| format!("ns{number}.acme.example.")).collect();
    assert_eq!(asked, expected);
}

#[tokio::test]
async fn two_addresses_of_a_server_are_tried_and_no_more() {
    let names = serving(zone()).await;
    for (dead, fault) in [(1, "not_propagated"), (2, "missing")] {
        let mut records = without("_pillarbox.acme.example");
        records.retain(|record| record.record_type() != RecordType::A);
        records.extend((0..dead).map(|number| address("ns.acme.example", [127, 0, 0, 100 + number])));
        records.extend([address("ns.acme.example", [127, 0, 0, 1]), address("mail.service.example", [192, 0, 2, 1])]);
        let checks = check(&serving(records).await, &names).await;
        assert_eq!(checks[0].fault, Some(fault), "{dead}: {checks:?}");
    }
}

#[tokio::test]
async fn eight_names_above_a_domain_are_looked_at_and_no_more() {
    for (labels, words) in [(8, "ns.acme.example"), (9, "The resolver")] {
        let domain = format!("{}example", "a.".repeat(labels));
        let below = server::name(&domain);
        let names = Server::start(
            move |query, _| {
                let leads = vec![server(&below.to_ascii()[..below.len() - 1], "ns.acme.example")];
                match query.query_type() {
                    RecordType::NS if *query.name() == below => {
                        Does::Leads(leads, vec![address("ns.acme.example", [127, 0, 0, 1])])
                    }
                    _ if query.name().to_ascii().starts_with("a.") || query.name().to_ascii().starts_with("_p") => {
                        Does::Says(ResponseCode::ServFail, Vec::new())
                    }
                    _ => parent(query).unwrap_or(Does::Silent),
                }
            },
            Duration::ZERO,
        )
        .await;
        let doctor =
            Doctor::new(&[names.address], LIMIT).expect("it has a resolver").reaching(names.address.port(), true);
        let records = records(&DomainSetup { domain: domain.clone(), ..setup() });
        let checks = doctor.check(&domain, &records[..1]).await;
        all_are(&checks, RecordStatus::Pending, "server_failure", words);
    }
}

#[tokio::test]
async fn two_hundred_questions_are_asked_and_no_more() {
    let names = Server::start(
        |query, _| match query.query_type() {
            RecordType::TXT => {
                let owner = query.name().to_ascii();
                Does::Says(ResponseCode::NoError, vec![text(owner.trim_end_matches('.'), "v=DMARC1; p=reject")])
            }
            _ => honest(&zone(), query),
        },
        Duration::ZERO,
    )
    .await;
    let limit = Duration::from_secs(10);
    let doctor = Doctor::new(&[names.address], limit).expect("it has a resolver").reaching(names.address.port(), true);
    let policy = records(&setup()).pop().expect("the last is the policy");
    for (count, status) in [(200, RecordStatus::Verified), (201, RecordStatus::Pending)] {
        let record = |number| Record { host: format!("{number}.acme.example"), ..policy.clone() };
        let checks = doctor.check(DOMAIN, &(0..count).map(record).collect::<Vec<_>>()).await;
        assert_eq!(checks.len(), count);
        assert!(checks.iter().all(|check| check.status == status), "{count}: {:?}", checks[0]);
    }
}
