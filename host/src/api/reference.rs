//! The reference: an `OpenAPI` document generated from the types that serve, and a page that shows it.

use http::StatusCode;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::server::Server;
use utoipa::{Modify, OpenApi};

use super::{
    challenges, dashboard, domains, emails, events, health, profile, scoring, sending, smtp, sources, stats,
    suppressions, tracking, unsubscribes, webhooks,
};
use crate::app::App;
use crate::error::ErrorBody;
use crate::pages;
use crate::reply::Reply;

/// The whole API.
#[derive(OpenApi)]
#[openapi(
    info(title = "Pillarbox API", description = ABOUT, license(name = "Apache-2.0", identifier = "Apache-2.0")),
    paths(
        sending::send,
        sending::batch::send_batch,
        sending::bulk::send_bulk,
        emails::list,
        emails::show,
        emails::cancel,
        profile::show,
        profile::change,
        profile::rotate_key,
        smtp::show,
        smtp::rotate,
        domains::list,
        domains::add,
        domains::show,
        domains::change,
        domains::delete,
        domains::verify,
        domains::rotate_dkim,
        stats::usage,
        stats::outbound::overview,
        stats::outbound::series,
        health::show,
        health::refresh,
        dashboard::show,
        dashboard::sign_in,
        dashboard::stream,
        unsubscribes::list,
        unsubscribes::add,
        unsubscribes::lift,
        suppressions::list,
        suppressions::add,
        suppressions::lift,
        scoring::analyze,
        scoring::rules,
        events::list,
        events::stream::follow,
        events::of_email,
        tracking::open,
        tracking::click,
        tracking::confirm_unsubscribe,
        tracking::unsubscribe,
        challenges::answer,
        webhooks::bounce,
        webhooks::complaint,
        sources::receive,
        sources::look,
    ),
    components(schemas(ErrorBody)),
    tags(
        (name = "Email Sending", description = "Send emails and see where they are."),
        (name = "Profile", description = "The account behind the key."),
        (name = "SMTP", description = "What mail programs sign in with to send."),
        (name = "Domains", description = "The domains that you send from: the records to publish, how they were found, and \
            the keys that sign your mail."),
        (name = "Statistics", description = "What the account used, what was sent, and what came of it."),
        (name = "Suppressions", description = "Addresses that your mail no longer goes to, and why. An unsubscribe \
            holds back broadcasts and never a transactional email."),
        (name = "Content Scoring", description = "What a mail filter would think, before anybody else reads it."),
        (name = "Events", description = "What happened to emails. Both switches of the account must be on."),
        (name = "Tracking", description = "Public: what links and pixels in emails lead to."),
        (name = "Webhooks", description = "Public: what mail servers report."),
    ),
    security(("bearer" = []), ("api_key" = [])),
    modifiers(&Keys, &Refusals),
)]
struct Reference;

const ABOUT: &str = "\
An email API that you run yourself. Every `/api/X` also answers at `/api/v1/X`.

## Authentication

`Authorization: Bearer <key>` or `X-API-Key: <key>`. Routes under `/track` and `/webhooks` are \
public. Keys begin with `ml_live_`, or with `ml_test_` for a sandbox whose mail never leaves the machine.

## Errors

Every error is JSON: `error` says what is wrong, `code` is a word that stays the same, `details` point to \
the places (JSON pointers), `request_id` is the request's `X-Request-Id`.

## Rate limits

Every protected answer has `X-RateLimit-Limit`, `X-RateLimit-Remaining` and `X-RateLimit-Reset` (Unix \
seconds). Over the limit: 429 with `Retry-After`.

## Pages

Lists take `page` (from 1) and `limit` (50, at most 1000) and answer with `pagination`; `next_cursor`, given \
as `cursor`, goes on at any depth at the same cost.

## Times

Times are UTC, RFC 3339: `2024-03-15T14:30:00Z`.";

/// Says how requests are signed with a key.
struct Keys;

impl Modify for Keys {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let components = openapi.components.get_or_insert_default();
        components.add_security_scheme("bearer", SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)));
        let header = ApiKey::Header(ApiKeyValue::new("X-API-Key"));
        components.add_security_scheme("api_key", SecurityScheme::ApiKey(header));
    }
}

/// Adds to each operation the refusals that its kind of route has.
struct Refusals;

impl Modify for Refusals {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        use utoipa::openapi::{ContentBuilder, Ref, ResponseBuilder};

        let refusal = |description: &str| {
            let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("ErrorBody"))).build();
            ResponseBuilder::new().description(description).content("application/json", content).build()
        };
        for item in openapi.paths.paths.values_mut() {
            let operations = [&mut item.get, &mut item.post, &mut item.patch, &mut item.delete];
            for operation in operations.into_iter().flatten() {
                let is_public = operation.security.as_ref().is_some_and(|ways| !ways.is_empty());
                let has_body = operation.request_body.is_some();
                let mut refusals =
                    vec![("500", "Our fault; the log knows more"), ("503", "Too much at once; try again")];
                if !is_public {
                    refusals.extend([
                        ("400", "Malformed; `details` say where"),
                        ("401", "No key, or a wrong one"),
                        ("403", "The account may not"),
                        ("404", "Not there, or another customer's"),
                        ("429", "Too many requests, or the month's emails are used up"),
                    ]);
                }
                if has_body {
                    refusals.extend([
                        ("400", "Malformed; `details` say where"),
                        ("401", "No secret, or a wrong one"),
                        ("408", "The body took too long to arrive"),
                        ("413", "The body is too large"),
                        ("415", "Another content type than the route takes"),
                    ]);
                }
                for (status, description) in refusals {
                    operation.responses.responses.entry(status.into()).or_insert_with(|| refusal(description).into());
                }
            }
        }
    }
}

/// The `OpenAPI` 3.1 document.
pub(crate) fn openapi(app: &App) -> Reply {
    Reply::ok(&document(app))
}

fn document(app: &App) -> utoipa::openapi::OpenApi {
    let mut document = Reference::openapi();
    document.servers = Some(vec![Server::new(app.config.base_url())]);
    document
}

/// The same as a page to read.
pub(crate) fn page(app: &App) -> Reply {
    let document = serde_json::to_value(document(app)).expect("the document has text keys and serializes");
    Reply::html(StatusCode::OK, pages::reference::page(&document), pages::CONTENT_SECURITY_POLICY)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::router::Route;

    /// Every path with its methods, its parameters filled in.
    fn documented() -> Vec<(String, String)> {
        let document = serde_json::to_value(Reference::openapi()).expect("it serializes");
        let paths = document["paths"].as_object().expect("it has paths");
        let methods = |path: &str, item: &serde_json::Value| {
            let path = path.replace(['{', '}'], "");
            let methods = item.as_object().expect("an item has methods").keys();
            methods.map(|method| (method.to_uppercase(), path.clone())).collect::<Vec<_>>()
        };
        paths.iter().flat_map(|(path, item)| methods(path, item)).collect()
    }

    #[test]
    fn every_documented_operation_is_served() {
        for (method, path) in documented() {
            assert!(Route::find(&method, &path).is_some(), "{method} {path}");
        }
    }

    #[test]
    fn every_served_path_is_documented_with_all_its_methods() {
        let documented = documented();
        let paths: std::collections::BTreeSet<_> = documented.iter().map(|(_, path)| path.clone()).collect();
        for path in paths {
            for method in Route::methods(&path).into_iter().filter(|method| *method != "HEAD") {
                assert!(documented.contains(&(method.into(), path.clone())), "{method} {path}");
            }
        }
        // The document itself and its page are the two paths that need no entry.
        assert_eq!(documented.len() + 2, crate::router::ROUTES, "a route is missing in the document");
    }

    #[test]
    fn words_stand_there_as_they_are_spoken() {
        let document = serde_json::to_value(Reference::openapi()).expect("it serializes");
        let parameters = document["paths"]["/api/v1/events"]["get"]["parameters"].as_array().expect("it has some");
        let types = parameters.iter().find(|one| one["name"] == "type").expect("it is one of them").to_string();
        assert!(types.contains("\"delivered\"") && !types.contains("Delivered"), "{types}");
    }

    #[test]
    fn every_schema_that_is_referred_to_is_there() {
        let document = serde_json::to_value(Reference::openapi()).expect("it serializes");
        let text = document.to_string();
        let referred: Vec<_> = text.split("\"$ref\":\"#").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        assert!(referred.len() > 10);
        for pointer in referred {
            assert!(document.pointer(pointer).is_some(), "{pointer}");
        }
    }
}
