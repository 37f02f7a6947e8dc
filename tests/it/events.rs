//! GET /api/v1/events, GET /api/v1/emails/{email_id}/events

use crate::harness::TestApp;

#[tokio::test]
async fn events_need_both_switches() {
    let app = TestApp::start().await;
    let acme = app.customer("acme").await;
    acme.get("/api/v1/events").await.refuses(403, "event_tracking_disabled", "event_tracking_disabled");
}
