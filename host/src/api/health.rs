//! How an account's mail is received.

use serde::Serialize;
use serde_json::{Value as Json, json};
use utoipa::ToSchema;

use super::time::rfc3339;
use crate::app::App;
use crate::error::{Error, Result};
use crate::health;
use crate::store::Customer;

const NOTHING: &str = "No data available yet. Send some emails first.";
const NOTHING_TO_JUDGE: &str = "Send some emails first to generate a health score";

/// How an account's mail of the last 30 days was received.
#[derive(Serialize, ToSchema)]
pub(crate) struct HealthReply {
    health_score: HealthScore,
    insights: Insights,
    /// What rates are good, in percent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    benchmarks: Option<Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'static str>,
}

/// Rates are percentages: opens, clicks and complaints of the delivered, the others of the sent.
#[derive(Serialize, ToSchema)]
struct HealthScore {
    /// From 0 to 100.
    #[schema(value_type = f64)]
    overall_score: Json,
    #[schema(value_type = f64)]
    delivery_rate: Json,
    #[schema(value_type = f64)]
    open_rate: Json,
    #[schema(value_type = f64)]
    click_rate: Json,
    #[schema(value_type = f64)]
    bounce_rate: Json,
    #[schema(value_type = f64)]
    complaint_rate: Json,
    /// A+, A, B+, B, C+, C, D or F.
    #[schema(value_type = String)]
    reputation_grade: Json,
    last_calculated: String,
}

#[derive(Serialize, ToSchema)]
struct Insights {
    /// excellent, good, fair, poor or critical.
    #[schema(value_type = String)]
    status: Json,
    #[schema(value_type = String)]
    summary: Json,
    /// What to do, the most urgent first.
    #[schema(value_type = Vec<String>)]
    recommendations: Json,
}

/// How well the account's mail is received. It is judged daily.
#[utoipa::path(get, path = "/api/customer/health-score", tag = "Statistics",
    responses((status = 200, body = HealthReply)))]
pub(crate) async fn show(app: &App, customer: &Customer) -> Result<HealthReply> {
    let known = app.store.health_score(customer.id).await?;
    let known = known.and_then(|(at, score)| Some((at, serde_json::from_str(&score).ok()?)));
    let judged = match known {
        Some(judged) => Some(judged),
        None => health::refresh(app, customer.id).await?,
    };
    let (at, score) = judged.ok_or(Error::NotFoundYet(NOTHING))?;
    Ok(HealthReply { benchmarks: Some(benchmarks()), ..view(at, score) })
}

/// Judges the account's mail anew.
#[utoipa::path(post, path = "/api/customer/health-score/refresh", tag = "Statistics",
    responses((status = 200, body = HealthReply)))]
pub(crate) async fn refresh(app: &App, customer: &Customer) -> Result<HealthReply> {
    let judged = health::refresh(app, customer.id).await?;
    let (at, score) = judged.ok_or(Error::NotFoundYet(NOTHING_TO_JUDGE))?;
    Ok(HealthReply { message: Some("Health score refreshed successfully"), ..view(at, score) })
}

fn view(at: i64, mut score: Json) -> HealthReply {
    let mut take = |name: &str| score[name].take();
    HealthReply {
        health_score: HealthScore {
            overall_score: take("overall_score"),
            delivery_rate: take("delivery_rate"),
            open_rate: take("open_rate"),
            click_rate: take("click_rate"),
            bounce_rate: take("bounce_rate"),
            complaint_rate: take("complaint_rate"),
            reputation_grade: take("reputation_grade"),
            last_calculated: rfc3339(at),
        },
        insights: Insights {
            status: take("status"),
            summary: take("summary"),
            recommendations: take("recommendations"),
        },
        benchmarks: None,
        message: None,
    }
}

fn benchmarks() -> Json {
    json!({
        "delivery_rate": { "good": 98, "average": 95, "poor": 90 },
        "open_rate": { "good": 25, "average": 15, "poor": 5 },
        "click_rate": { "good": 2.5, "average": 1, "poor": 0.5 },
        "bounce_rate": { "good": 2, "average": 5, "poor": 10 },
        "complaint_rate": { "good": 0.1, "average": 0.5, "poor": 1 },
    })
}
