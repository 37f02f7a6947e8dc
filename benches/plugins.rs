//! What the sandbox costs: a plugin call from end to end, and the same rules called natively.
//!
//! Compare within one run only. `fresh/minimal` is the price of isolation: permit, store, instance, a call that does
//! nothing, and all of it dropped again.

use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use pillarbox::plugins::limits::Limits;
use pillarbox::plugins::{Loaded, Plugins, normalizer, scorer};
use tokio::runtime::Runtime;
use wit_component::StringEncoding;
use wit_parser::Resolve;

/// Of the message that is judged.
const HTML_BYTES: usize = 10_000;
const PARAGRAPH: &str = "<p>Dear reader, our <b>autumn catalogue</b> is here. See what is new in the shop, \
    <a href=\"https://shop.example.com/new?utm=mail\">have a look</a>, and tell us what you think.</p>\n";

/// A bounce as a mail server writes it (RFC 3464).
const BOUNCE: &str = "From: MAILER-DAEMON@mx.example.net\r\n\
    To: bounces@mail.example.com\r\n\
    Subject: Undelivered Mail Returned to Sender\r\n\
    MIME-Version: 1.0\r\n\
    Content-Type: multipart/report; report-type=delivery-status; boundary=\"=b\"\r\n\
    \r\n\
    --=b\r\n\
    Content-Type: text/plain\r\n\
    \r\n\
    I'm sorry to have to inform you that your message could not be delivered.\r\n\
    --=b\r\n\
    Content-Type: message/delivery-status\r\n\
    \r\n\
    Reporting-MTA: dns; mx.example.net\r\n\
    Original-Envelope-Id: 0197a5de-0000-7000-8000-000000000001\r\n\
    \r\n\
    Final-Recipient: rfc822; ada@example.org\r\n\
    Action: failed\r\n\
    Status: 5.1.1\r\n\
    Remote-MTA: dns; mail.example.org\r\n\
    Diagnostic-Code: smtp; 550 5.1.1 <ada@example.org>: Recipient address rejected: User unknown\r\n\
    --=b\r\n\
    Content-Type: text/rfc822-headers\r\n\
    \r\n\
    Message-ID: <1@mail.example.com>\r\n\
    From: news@example.com\r\n\
    To: ada@example.org\r\n\
    Subject: News\r\n\
    --=b--\r\n";

struct Host {
    runtime: Runtime,
    plugins: Plugins,
}

impl Host {
    fn start() -> Host {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime starts");
        let plugins = Plugins::start(Limits::default(), None, [0; 32]).expect("the sandbox starts");
        Host { runtime, plugins }
    }

    fn admit(&self, bytes: Vec<u8>) -> Arc<Loaded> {
        self.runtime.block_on(self.plugins.admit(bytes)).expect("the plugin is admitted")
    }

    fn score(&self, plugin: &Arc<Loaded>, message: scorer::Message) -> scorer::Verdict {
        let call = self.runtime.block_on(self.plugins.score_with(plugin, message, Vec::new()));
        call.result.expect("the message is judged")
    }

    fn normalize(&self, plugin: &Arc<Loaded>, request: normalizer::Request) -> normalizer::Outcome {
        let call = self.runtime.block_on(self.plugins.normalize_with(plugin, request, Vec::new()));
        call.result.expect("the plugin answers").expect("the request is read")
    }
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).expect("it is part of the repository")
}

fn built(name: &str) -> Vec<u8> {
    std::fs::read(root().join("plugins/dist").join(name)).expect("the built-in plugins are in plugins/dist")
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A guest that judges without looking.
fn minimal_guest() -> Vec<u8> {
    let part = |name: &str| read(&format!("tests/fixtures/guests/{name}.wat"));
    let text = format!("(module\n{}\n{}\n{})", part("common"), part("describe"), part("healthy"));
    let mut module = wat::parse_str(text).expect("the fixtures are well-formed");
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(root().join("wit")).expect("the contract is well-formed");
    let world = resolve.select_world(&[package], Some("scorer")).expect("the contract has a scorer");
    wit_component::embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8)
        .expect("the contract can be encoded");
    module
}

fn html() -> String {
    let mut html = PARAGRAPH.repeat(HTML_BYTES / PARAGRAPH.len());
    html.push_str("<p><a href=\"https://shop.example.com/unsubscribe\">Unsubscribe</a></p>\n");
    html
}

fn message() -> scorer::Message {
    scorer::Message { subject: Some("The autumn catalogue".into()), html: Some(html()), ..scorer::Message::default() }
}

fn native_message() -> pillarbox_scorer::message::Message {
    pillarbox_scorer::message::Message {
        subject: Some("The autumn catalogue".into()),
        html: Some(html()),
        ..Default::default()
    }
}

fn request() -> normalizer::Request {
    normalizer::Request {
        content_type: "message/rfc822".into(),
        headers: Vec::new(),
        body: BOUNCE.into(),
        received_at: 1_700_000_000_000,
        attributes: Vec::new(),
    }
}

fn native_request() -> pillarbox_normalizer::Request {
    pillarbox_normalizer::Request {
        content_type: "message/rfc822".into(),
        body: BOUNCE.into(),
        received_at: 1_700_000_000_000,
        ..Default::default()
    }
}

fn fresh(criterion: &mut Criterion) {
    let host = Host::start();
    let minimal = host.admit(minimal_guest());
    let mut group = criterion.benchmark_group("fresh");
    group.bench_function("minimal", |bencher| {
        bencher.iter_batched(scorer::Message::default, |message| host.score(&minimal, message), BatchSize::SmallInput);
    });
    group.throughput(Throughput::Bytes(HTML_BYTES as u64));
    group.bench_function("10 KB in", |bencher| {
        let message = message();
        bencher.iter_batched(|| message.clone(), |message| host.score(&minimal, message), BatchSize::SmallInput);
    });
    group.finish();
}

fn score(criterion: &mut Criterion) {
    let host = Host::start();
    let plugin = host.admit(built("scorer.wasm"));
    let mut group = criterion.benchmark_group("score 10 KB");
    group.throughput(Throughput::Bytes(HTML_BYTES as u64));
    group.bench_function("sandboxed", |bencher| {
        let message = message();
        bencher.iter_batched(|| message.clone(), |message| host.score(&plugin, message), BatchSize::SmallInput);
    });
    group.bench_function("native", |bencher| {
        let message = native_message();
        bencher.iter(|| pillarbox_scorer::score(black_box(&message), &[]));
    });
    group.finish();
}

fn normalize(criterion: &mut Criterion) {
    let host = Host::start();
    let plugin = host.admit(built("normalizer.wasm"));
    let mut group = criterion.benchmark_group("normalize a bounce");
    group.throughput(Throughput::Bytes(BOUNCE.len() as u64));
    group.bench_function("sandboxed", |bencher| {
        let request = request();
        bencher.iter_batched(|| request.clone(), |request| host.normalize(&plugin, request), BatchSize::SmallInput);
    });
    group.bench_function("native", |bencher| {
        let request = native_request();
        bencher.iter(|| pillarbox_normalizer::normalize(black_box(&request), &[]));
    });
    group.finish();
}

criterion_group!(benches, fresh, score, normalize);
criterion_main!(benches);
