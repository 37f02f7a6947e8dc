//! Group commit: units of work a second for 1, 64 and 256 callers that each wait until theirs is on disk, and what a
//! read costs beside it.
//!
//! Every unit is durable (`synchronous=FULL`) before its caller goes on, so one caller alone measures the disk. The
//! median and the 99th percentile of the waiting are printed in front of each group.

mod support;

use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use pillarbox::app::App;
use pillarbox::mail::client::rules::Rules;
use pillarbox::mail::event::EventType;
use pillarbox::store::{EventFilter, JournaledHit, NewEmail, Queued, RecipientRole, StreamType};
use serde_json::json;
use tokio::runtime::Builder;
use uuid::Uuid;

use support::House;

const WRITERS: [u64; 3] = [1, 64, 256];
/// For the percentiles that are printed.
const UNITS_PER_LOOK: u64 = 4_096;
const RAW_BYTES: usize = 2_000;
const EVENTS_PER_PAGE: i64 = 50;
/// Any moment will do: 2024-03-15T14:30:00Z.
const NOW: i64 = 1_710_513_000_000;

/// One kind of unit: what each writer does, again and again.
#[derive(Clone, Copy, Debug)]
enum Unit {
    Hit,
    Send,
}

#[derive(Clone)]
struct Writer {
    app: Arc<App>,
    rules: Arc<Rules>,
    email: NewEmail,
    unit: Unit,
}

impl Writer {
    fn of(house: &House, unit: Unit) -> Writer {
        let email = NewEmail {
            id: Uuid::now_v7(),
            customer_id: house.customer.id,
            domain_id: house.domain.id,
            message_id: String::new(),
            sender: "news@example.com".into(),
            recipients: vec![("ada@example.org".into(), RecipientRole::To)],
            subject: "The autumn catalogue".into(),
            tag: None,
            stream_type: StreamType::Transactional,
            metadata: None,
            score: None,
            raw: vec![b'x'; RAW_BYTES],
            submitted_at: NOW,
            send_at: None,
            sandbox: true,
            bulk_id: None,
        };
        Writer { app: Arc::clone(&house.app), rules: Arc::new(Rules::built_in()), email, unit }
    }

    async fn write(&self) {
        match self.unit {
            Unit::Hit => self.hit().await,
            Unit::Send => drop(self.send().await),
        }
    }

    async fn hit(&self) {
        let data = json!({ "ip": "192.0.2.7", "user_agent": "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)" });
        let (id, event_type) = (Uuid::now_v7(), EventType::Opened);
        let hit = JournaledHit { id, email_id: self.email.id, event_type, data, at: NOW };
        let recorded = self.app.store.apply_node_hits(vec![hit], Arc::clone(&self.rules)).await;
        assert_eq!(recorded.expect("it is recorded"), 1);
    }

    async fn send(&self) -> Uuid {
        let id = Uuid::now_v7();
        let email = NewEmail { id, message_id: format!("{id}@example.com"), ..self.email.clone() };
        let queued = self.app.store.queue_email(email, None, i64::MAX, Box::new(Uuid::now_v7)).await;
        assert_eq!(queued.expect("it is stored"), Queued::Stored);
        id
    }
}

/// Has so many writers write so many units in all, and returns how long each unit waited.
async fn write_all(writer: &Writer, writers: u64, units: u64) -> Vec<Duration> {
    let tasks: Vec<_> = (0..writers)
        .map(|number| {
            let writer = writer.clone();
            let own = units / writers + u64::from(number < units % writers);
            tokio::spawn(async move {
                let mut waits = Vec::new();
                for _ in 0..own {
                    let began = Instant::now();
                    writer.write().await;
                    waits.push(began.elapsed());
                }
                waits
            })
        })
        .collect();
    let mut waits = Vec::new();
    for task in tasks {
        waits.extend(task.await.expect("no writer panics"));
    }
    waits
}

fn look(house: &House, writer: &Writer, writers: u64) {
    let units = UNITS_PER_LOOK.min(writers * 256);
    let mut waits = house.runtime.block_on(write_all(writer, writers, units));
    waits.sort_unstable();
    let at = |percent: usize| waits[(waits.len() - 1) * percent / 100];
    println!("{:?}, {writers} writers: p50 {:?}, p99 {:?}", writer.unit, at(50), at(99));
}

fn open() -> House {
    House::open(Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime starts"))
}

fn writes(criterion: &mut Criterion) {
    let house = open();
    for (name, unit) in [("durable hits", Unit::Hit), ("durable sends", Unit::Send)] {
        let mut writer = Writer::of(&house, unit);
        writer.email.id = house.runtime.block_on(writer.send());
        let mut group = criterion.benchmark_group(name);
        group.throughput(Throughput::Elements(1));
        for writers in WRITERS {
            look(&house, &writer, writers);
            group.bench_with_input(BenchmarkId::from_parameter(writers), &writers, |bencher, &writers| {
                bencher.iter_custom(|units| {
                    let began = Instant::now();
                    house.runtime.block_on(write_all(&writer, writers, units));
                    began.elapsed()
                });
            });
        }
        group.finish();
    }
}

fn reads(criterion: &mut Criterion) {
    let house = open();
    let mut writer = Writer::of(&house, Unit::Hit);
    writer.email.id = house.runtime.block_on(writer.send());
    house.runtime.block_on(write_all(&writer, WRITERS[1], UNITS_PER_LOOK));
    let (store, customer, email) = (&house.app.store, house.customer.id, writer.email.id);
    let mut group = criterion.benchmark_group("reads");
    group.bench_function("an email", |bencher| {
        bencher.iter(|| house.runtime.block_on(store.email(customer, email)).expect("it is read"));
    });
    group.bench_function("a page of 50 events", |bencher| {
        let filter = EventFilter { limit: EVENTS_PER_PAGE, ..EventFilter::default() };
        bencher.iter(|| house.runtime.block_on(store.events(customer, filter.clone())).expect("they are read"));
    });
    group.finish();
}

criterion_group!(benches, writes, reads);
criterion_main!(benches);
