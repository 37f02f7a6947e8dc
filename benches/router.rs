//! A request from its head to its answer, without sockets: what the service adds to the disk and the network.
//!
//! `open` and `send` wait until what they brought is on disk, so they measure the disk as well; one caller at a time.

mod support;

use std::net::{IpAddr, Ipv4Addr};

use bytes::Bytes;
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full};
use pillarbox::request;
use serde_json::{Value, json};
use tokio::runtime::Builder;

use support::House;

const PEER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7));
const USER_AGENT: &str = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko)";

struct Service(House);

impl Service {
    fn start() -> Service {
        Service(House::open(Builder::new_current_thread().enable_all().build().expect("a runtime starts")))
    }

    fn answer(&self, request: Request<Full<Bytes>>, expected: StatusCode) -> Bytes {
        let answer = self.0.runtime.block_on(async {
            let answer = request::handle(&self.0.app, PEER, request).await;
            let status = answer.status();
            (status, answer.into_body().collect().await.expect("the body is whole").to_bytes())
        });
        assert_eq!(answer.0, expected, "{}", String::from_utf8_lossy(&answer.1));
        answer.1
    }

    fn get(&self, path: &str) -> Request<Full<Bytes>> {
        let request = Request::get(path).header("user-agent", USER_AGENT).header("authorization", self.bearer());
        request.body(Full::default()).expect("it is a request")
    }

    fn send(&self) -> Request<Full<Bytes>> {
        let body = json!({
            "to": "Ada <ada@example.org>",
            "subject": "Your parcel is on its way",
            "html": "<p>Hello Ada,</p><p>your parcel left the house this morning.</p>\
                     <p><a href=\"https://example.com/parcels/7\">See where it is</a></p>",
        });
        let request = Request::post("/api/send").header("content-type", "application/json");
        let request = request.header("authorization", self.bearer());
        request.body(Full::from(body.to_string())).expect("it is a request")
    }

    fn bearer(&self) -> String {
        format!("Bearer {}", self.0.key)
    }

    /// The path of the pixel in an email that was really sent.
    fn pixel(&self) -> String {
        let sent: Value = serde_json::from_slice(&self.answer(self.send(), StatusCode::OK)).expect("it is JSON");
        let html = self.0.html_of(sent["email_id"].as_str().expect("an answer has the id"));
        let token = html.split("/track/o/").nth(1).and_then(|rest| rest.split('"').next()).expect("it has a pixel");
        format!("/track/o/{token}")
    }
}

fn requests(criterion: &mut Criterion) {
    let service = Service::start();
    let pixel = service.pixel();
    let mut group = criterion.benchmark_group("request");
    let mut measure = |name: &str, expected: StatusCode, request: &dyn Fn() -> Request<Full<Bytes>>| {
        group.bench_function(name, |bencher| {
            bencher.iter_batched(request, |request| service.answer(request, expected), BatchSize::SmallInput);
        });
    };
    measure("404", StatusCode::NOT_FOUND, &|| service.get("/nothing/here"));
    measure("a pixel of nobody", StatusCode::NOT_FOUND, &|| service.get("/track/o/AAAA"));
    measure("profile", StatusCode::OK, &|| service.get("/api/customer/profile"));
    measure("open", StatusCode::OK, &|| service.get(&pixel));
    measure("send", StatusCode::OK, &|| service.send());
    group.finish();
}

criterion_group!(benches, requests);
criterion_main!(benches);
