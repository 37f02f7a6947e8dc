//! Statistics.

pub(crate) mod outbound;
mod range;

use serde::Serialize;
use utoipa::ToSchema;

use super::domains::view::WarningView;
use super::domains::warnings;
use crate::app::App;
use crate::error::Result;
use crate::store::Customer;

/// What an account used this month.
#[derive(Serialize, ToSchema)]
pub(crate) struct UsageReply {
    current_month: CurrentMonth,
    limits: UsageLimits,
    /// Domains that need their owner's attention.
    warnings: Vec<WarningView>,
}

/// Counts of the calendar month in UTC. Each recipient's copy counts as one.
#[derive(Serialize, ToSchema)]
struct CurrentMonth {
    emails_sent: i64,
    emails_delivered: i64,
    emails_bounced: i64,
    emails_complained: i64,
    /// Emails opened at least once.
    emails_opened: i64,
    /// Emails clicked at least once.
    emails_clicked: i64,
    /// Of the opened, those that a person opened: scanners, proxies that fetch by themselves and whatever else looks
    /// like a machine are left out.
    emails_opened_human: i64,
    /// Of the clicked, those that a person clicked.
    emails_clicked_human: i64,
    /// Of the sent, in percent with two decimals.
    #[schema(example = "99.16")]
    delivery_rate: String,
    /// Of the sent, in percent with two decimals.
    #[schema(example = "0.84")]
    bounce_rate: String,
}

#[derive(Serialize, ToSchema)]
struct UsageLimits {
    monthly_limit: i64,
    remaining: i64,
    /// In percent with two decimals.
    #[schema(example = "12.50")]
    used_percentage: String,
}

/// What the account sent this month, and what its limit leaves.
#[utoipa::path(get, path = "/api/customer/usage", tag = "Statistics", responses((status = 200, body = UsageReply)))]
pub(crate) async fn usage(app: &App, customer: &Customer) -> Result<UsageReply> {
    let usage = app.store.usage(customer.id, app.now()).await?;
    Ok(UsageReply {
        current_month: CurrentMonth {
            emails_sent: usage.sent,
            emails_delivered: usage.delivered,
            emails_bounced: usage.bounced,
            emails_complained: usage.complained,
            emails_opened: usage.opened,
            emails_clicked: usage.clicked,
            emails_opened_human: usage.opened_human,
            emails_clicked_human: usage.clicked_human,
            delivery_rate: percentage(usage.delivered, usage.sent),
            bounce_rate: percentage(usage.bounced, usage.sent),
        },
        limits: UsageLimits {
            monthly_limit: customer.monthly_email_limit,
            remaining: (customer.monthly_email_limit - usage.sent).max(0),
            used_percentage: percentage(usage.sent, customer.monthly_email_limit),
        },
        warnings: warnings(app, customer).await?,
    })
}

/// A share in percent with two decimals, rounded half up in whole numbers so that it is the same everywhere.
fn percentage(part: i64, whole: i64) -> String {
    if whole <= 0 {
        return "0.00".into();
    }
    let hundredths = (i128::from(part) * 20_000 + i128::from(whole)) / (i128::from(whole) * 2);
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_a_percentage_with_two_decimals() {
        assert_eq!(percentage(118, 119), "99.16");
        assert_eq!(percentage(1, 3), "33.33");
        assert_eq!(percentage(2, 3), "66.67");
        assert_eq!(percentage(0, 0), "0.00");
        assert_eq!(percentage(7, 7), "100.00");
        assert_eq!(percentage(1, 20_000), "0.01", "half is rounded up");
    }
}
