//! The dashboard for operators: of all customers, or of one.

use http::StatusCode;

use super::{Asked, visitor};
use crate::api::dashboard::{page, period};
use crate::api::events::stream::follow_for_page;
use crate::app::App;
use crate::dashboard::{self, Whose};
use crate::error::{Error, Result};
use crate::pages;
use crate::reply::Reply;
use crate::store::Customer;

/// The page.
pub(super) async fn show(app: &App, asked: &Asked) -> Result<Reply> {
    let customer = customer(app, asked).await?;
    let whose = customer.as_ref().map_or(Whose::All, Whose::Of);
    let view = dashboard::view(app, whose, period(asked.parameter("period").as_deref())).await?;
    Ok(page(StatusCode::OK, pages::dashboard::for_operators(&view, &visitor(app, asked))))
}

/// Events as they happen, for its list.
pub(super) async fn stream(app: &App, asked: &Asked) -> Result<Reply> {
    let customer = customer(app, asked).await?;
    follow_for_page(app, customer.as_ref(), (&asked.headers, asked.uri.query().unwrap_or_default())).await
}

/// The customer that is asked for; `None` for all.
async fn customer(app: &App, asked: &Asked) -> Result<Option<Customer>> {
    let Some(email) =
        asked.parameter("customer").map(|email| email.trim().to_owned()).filter(|email| !email.is_empty())
    else {
        return Ok(None);
    };
    let customer = app.store.customer_by_email(&email).await?;
    customer.map(Some).ok_or(Error::NotFound("No customer has this address"))
}
