//! The API on one page.

/// Most segments that a path of ours has.
const SEGMENTS_MAX: usize = 8;

/// Where a request goes. Whether it needs a key is part of its type.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Route<'a> {
    Keyed(KeyedRoute<'a>),
    Open(OpenRoute<'a>),
}

/// Routes that need an API key.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum KeyedRoute<'a> {
    Send,
    Batch,
    BulkSend,
    Emails,
    Email { email_id: &'a str },
    CancelEmail { email_id: &'a str },
    EmailEvents { email_id: &'a str },
    Events,
    EventStream,
    Profile,
    ChangeProfile,
    RotateKey,
    SmtpCredentials,
    RotateSmtpPassword,
    Domains,
    AddDomain,
    Domain { domain_id: &'a str },
    ChangeDomain { domain_id: &'a str },
    DeleteDomain { domain_id: &'a str },
    VerifyDomain { domain_id: &'a str },
    RotateDkim { domain_id: &'a str },
    Usage,
    HealthScore,
    RefreshHealthScore,
    Outbound,
    OutboundSeries { report: &'a str },
    Unsubscribes,
    AddUnsubscribe,
    LiftUnsubscribe { email: &'a str },
    Suppressions,
    AddSuppression,
    LiftSuppression { email: &'a str },
    Analyze,
    Rules,
}

/// Routes that anybody may call.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum OpenRoute<'a> {
    TrackOpen { token: &'a str },
    TrackClick { token: &'a str },
    Unsubscribe { token: &'a str },
    ConfirmUnsubscribe { token: &'a str },
    AcmeChallenge { token: &'a str },
    Bounce,
    Complaint,
    Receive { source: &'a str },
    LookAtSource { source: &'a str },
    Dashboard,
    DashboardSignIn,
    DashboardStream,
    OpenApi,
    Reference,
}

/// How many routes there are, so that the reference can be checked for completeness.
#[cfg(test)]
pub(crate) const ROUTES: usize = 48;

/// Every template, for counting by route; the first stands for what is no route.
pub(crate) const TEMPLATES: [&str; 40] = [
    "-",
    "/api/send",
    "/api/batch",
    "/api/bulk-send",
    "/api/emails",
    "/api/emails/{email_id}",
    "/api/emails/{email_id}/cancel",
    "/api/v1/emails/{email_id}/events",
    "/api/v1/events",
    "/api/v1/events/stream",
    "/api/customer/profile",
    "/api/customer/rotate-key",
    "/api/smtp-credentials",
    "/api/smtp-credentials/rotate",
    "/api/customer/domains",
    "/api/customer/domains/{domain_id}",
    "/api/customer/domains/{domain_id}/verify",
    "/api/customer/domains/{domain_id}/rotate-dkim",
    "/api/customer/usage",
    "/api/customer/health-score",
    "/api/customer/health-score/refresh",
    "/api/stats/outbound",
    "/api/stats/outbound/{report}",
    "/api/customer/unsubscribes",
    "/api/customer/unsubscribes/{email}",
    "/api/customer/suppressions",
    "/api/customer/suppressions/{email}",
    "/api/content-scoring/analyze",
    "/api/content-scoring/rules",
    "/track/o/{token}",
    "/track/c/{token}",
    "/track/u/{token}",
    "/.well-known/acme-challenge/{token}",
    "/webhooks/bounce",
    "/webhooks/complaint",
    "/webhooks/in/{source}",
    "/dashboard",
    "/dashboard/stream",
    "/openapi.json",
    "/docs",
];

/// Every method that a route of ours has, in the order of `Allow`.
const METHODS: [&str; 5] = ["GET", "HEAD", "POST", "PATCH", "DELETE"];

impl<'a> Route<'a> {
    /// The route of a request. Every `/api/X` also answers at `/api/v1/X`.
    pub(crate) fn find(method: &str, path: &'a str) -> Option<Self> {
        use KeyedRoute::{
            AddDomain, AddSuppression, AddUnsubscribe, Analyze, Batch, BulkSend, CancelEmail, ChangeDomain,
            ChangeProfile, DeleteDomain, Domain, Domains, Email, EmailEvents, Emails, EventStream, Events, HealthScore,
            LiftSuppression, LiftUnsubscribe, Outbound, OutboundSeries, Profile, RefreshHealthScore, RotateDkim,
            RotateKey, RotateSmtpPassword, Rules, Send, SmtpCredentials, Suppressions, Unsubscribes, Usage,
            VerifyDomain,
        };
        use OpenRoute::{
            AcmeChallenge, Bounce, Complaint, ConfirmUnsubscribe, Dashboard, DashboardSignIn, DashboardStream,
            LookAtSource, OpenApi, Receive, Reference, TrackClick, TrackOpen, Unsubscribe,
        };
        use Route::{Keyed, Open};

        let mut room = [""; SEGMENTS_MAX];
        let segments = segments(path, &mut room)?;
        // A HEAD is a GET whose body is not sent; what must not happen then is the handler's business.
        let method = if method == "HEAD" { "GET" } else { method };
        let route = match (method, segments) {
            ("POST", ["api", "send"]) => Keyed(Send),
            ("POST", ["api", "batch"]) => Keyed(Batch),
            ("POST", ["api", "bulk-send"]) => Keyed(BulkSend),
            ("GET", ["api", "emails"]) => Keyed(Emails),
            ("GET", &["api", "emails", email_id]) => Keyed(Email { email_id }),
            ("POST", &["api", "emails", email_id, "cancel"]) => Keyed(CancelEmail { email_id }),
            ("GET", &["api", "emails", email_id, "events"]) => Keyed(EmailEvents { email_id }),
            ("GET", ["api", "events"]) => Keyed(Events),
            ("GET", ["api", "events", "stream"]) => Keyed(EventStream),
            ("GET", ["api", "customer", "profile"]) => Keyed(Profile),
            ("PATCH", ["api", "customer", "profile"]) => Keyed(ChangeProfile),
            ("POST", ["api", "customer", "rotate-key"]) => Keyed(RotateKey),
            ("GET", ["api", "smtp-credentials"]) => Keyed(SmtpCredentials),
            ("POST", ["api", "smtp-credentials", "rotate"]) => Keyed(RotateSmtpPassword),
            ("GET", ["api", "customer", "domains"]) => Keyed(Domains),
            ("POST", ["api", "customer", "domains"]) => Keyed(AddDomain),
            ("GET", &["api", "customer", "domains", domain_id]) => Keyed(Domain { domain_id }),
            ("PATCH", &["api", "customer", "domains", domain_id]) => Keyed(ChangeDomain { domain_id }),
            ("DELETE", &["api", "customer", "domains", domain_id]) => Keyed(DeleteDomain { domain_id }),
            ("POST", &["api", "customer", "domains", domain_id, "verify"]) => Keyed(VerifyDomain { domain_id }),
            ("POST", &["api", "customer", "domains", domain_id, "rotate-dkim"]) => Keyed(RotateDkim { domain_id }),
            ("GET", ["api", "customer", "usage"]) => Keyed(Usage),
            ("GET", ["api", "customer", "health-score"]) => Keyed(HealthScore),
            ("POST", ["api", "customer", "health-score", "refresh"]) => Keyed(RefreshHealthScore),
            ("GET", ["api", "stats", "outbound"]) => Keyed(Outbound),
            ("GET", &["api", "stats", "outbound", report]) => Keyed(OutboundSeries { report }),
            ("GET", ["api", "customer", "unsubscribes"]) => Keyed(Unsubscribes),
            ("POST", ["api", "customer", "unsubscribes"]) => Keyed(AddUnsubscribe),
            ("DELETE", &["api", "customer", "unsubscribes", email]) => Keyed(LiftUnsubscribe { email }),
            ("GET", ["api", "customer", "suppressions"]) => Keyed(Suppressions),
            ("POST", ["api", "customer", "suppressions"]) => Keyed(AddSuppression),
            ("DELETE", &["api", "customer", "suppressions", email]) => Keyed(LiftSuppression { email }),
            ("POST", ["api", "content-scoring", "analyze"]) => Keyed(Analyze),
            ("GET", ["api", "content-scoring", "rules"]) => Keyed(Rules),
            ("GET", &["track", "o", token]) => Open(TrackOpen { token }),
            ("GET", &["track", "c", token]) => Open(TrackClick { token }),
            ("GET", &["track", "u", token]) => Open(ConfirmUnsubscribe { token }),
            ("POST", &["track", "u", token]) => Open(Unsubscribe { token }),
            ("GET", &[".well-known", "acme-challenge", token]) => Open(AcmeChallenge { token }),
            ("POST", ["webhooks", "bounce"]) => Open(Bounce),
            ("POST", ["webhooks", "complaint"]) => Open(Complaint),
            ("POST", &["webhooks", "in", source]) => Open(Receive { source }),
            ("GET", &["webhooks", "in", source]) => Open(LookAtSource { source }),
            ("GET", ["dashboard"]) => Open(Dashboard),
            ("POST", ["dashboard"]) => Open(DashboardSignIn),
            ("GET", ["dashboard", "stream"]) => Open(DashboardStream),
            ("GET", ["openapi.json"]) => Open(OpenApi),
            ("GET", ["docs"]) => Open(Reference),
            _ => return None,
        };
        Some(route)
    }

    /// Whether it is served on the tracking hosts of customers. A token says itself what it is for, and tells nobody
    /// whose host it belongs to, so that each is good on every one of them.
    pub(crate) fn is_for_tracking_hosts(&self) -> bool {
        match self {
            Self::Keyed(_) => false,
            Self::Open(route) => match route {
                OpenRoute::TrackOpen { .. }
                | OpenRoute::TrackClick { .. }
                | OpenRoute::Unsubscribe { .. }
                | OpenRoute::ConfirmUnsubscribe { .. }
                | OpenRoute::AcmeChallenge { .. } => true,
                OpenRoute::Bounce
                | OpenRoute::Complaint
                | OpenRoute::Receive { .. }
                | OpenRoute::LookAtSource { .. }
                | OpenRoute::Dashboard
                | OpenRoute::DashboardSignIn
                | OpenRoute::DashboardStream
                | OpenRoute::OpenApi
                | OpenRoute::Reference => false,
            },
        }
    }

    /// The methods that this path has, for 405; empty where the path is unknown.
    pub(crate) fn methods(path: &str) -> Vec<&'static str> {
        METHODS.into_iter().filter(|method| Route::find(method, path).is_some()).collect()
    }

    /// The path as it is documented, which says nothing about whom a request concerned.
    pub(crate) fn template(&self) -> &'static str {
        match self {
            Self::Keyed(route) => match route {
                KeyedRoute::Send => "/api/send",
                KeyedRoute::Batch => "/api/batch",
                KeyedRoute::BulkSend => "/api/bulk-send",
                KeyedRoute::Emails => "/api/emails",
                KeyedRoute::Email { .. } => "/api/emails/{email_id}",
                KeyedRoute::CancelEmail { .. } => "/api/emails/{email_id}/cancel",
                KeyedRoute::EmailEvents { .. } => "/api/v1/emails/{email_id}/events",
                KeyedRoute::Events => "/api/v1/events",
                KeyedRoute::EventStream => "/api/v1/events/stream",
                KeyedRoute::Profile | KeyedRoute::ChangeProfile => "/api/customer/profile",
                KeyedRoute::RotateKey => "/api/customer/rotate-key",
                KeyedRoute::SmtpCredentials => "/api/smtp-credentials",
                KeyedRoute::RotateSmtpPassword => "/api/smtp-credentials/rotate",
                KeyedRoute::Domains | KeyedRoute::AddDomain => "/api/customer/domains",
                KeyedRoute::Domain { .. } | KeyedRoute::ChangeDomain { .. } | KeyedRoute::DeleteDomain { .. } => {
                    "/api/customer/domains/{domain_id}"
                }
                KeyedRoute::VerifyDomain { .. } => "/api/customer/domains/{domain_id}/verify",
                KeyedRoute::RotateDkim { .. } => "/api/customer/domains/{domain_id}/rotate-dkim",
                KeyedRoute::Usage => "/api/customer/usage",
                KeyedRoute::HealthScore => "/api/customer/health-score",
                KeyedRoute::RefreshHealthScore => "/api/customer/health-score/refresh",
                KeyedRoute::Outbound => "/api/stats/outbound",
                KeyedRoute::OutboundSeries { .. } => "/api/stats/outbound/{report}",
                KeyedRoute::Unsubscribes | KeyedRoute::AddUnsubscribe => "/api/customer/unsubscribes",
                KeyedRoute::LiftUnsubscribe { .. } => "/api/customer/unsubscribes/{email}",
                KeyedRoute::Suppressions | KeyedRoute::AddSuppression => "/api/customer/suppressions",
                KeyedRoute::LiftSuppression { .. } => "/api/customer/suppressions/{email}",
                KeyedRoute::Analyze => "/api/content-scoring/analyze",
                KeyedRoute::Rules => "/api/content-scoring/rules",
            },
            Self::Open(route) => match route {
                OpenRoute::TrackOpen { .. } => "/track/o/{token}",
                OpenRoute::TrackClick { .. } => "/track/c/{token}",
                OpenRoute::Unsubscribe { .. } | OpenRoute::ConfirmUnsubscribe { .. } => "/track/u/{token}",
                OpenRoute::AcmeChallenge { .. } => "/.well-known/acme-challenge/{token}",
                OpenRoute::Bounce => "/webhooks/bounce",
                OpenRoute::Complaint => "/webhooks/complaint",
                OpenRoute::Receive { .. } | OpenRoute::LookAtSource { .. } => "/webhooks/in/{source}",
                OpenRoute::Dashboard | OpenRoute::DashboardSignIn => "/dashboard",
                OpenRoute::DashboardStream => "/dashboard/stream",
                OpenRoute::OpenApi => "/openapi.json",
                OpenRoute::Reference => "/docs",
            },
        }
    }
}

/// Splits a path, leaving out the version. `None` for what is no path of ours, such as one that ends in a slash.
fn segments<'a, 'room>(path: &'a str, room: &'room mut [&'a str; SEGMENTS_MAX]) -> Option<&'room [&'a str]> {
    let mut count = 0;
    for (position, segment) in path.strip_prefix('/')?.split('/').enumerate() {
        if segment.is_empty() || count == SEGMENTS_MAX {
            return None;
        }
        if segment == "v1" && position == 1 && room[0] == "api" {
            continue;
        }
        room[count] = segment;
        count += 1;
    }
    Some(&room[..count])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(request: &str, expected: Option<Route>) {
        let (method, path) = request.split_once(' ').expect("a method and a path");
        assert_eq!(Route::find(method, path), expected, "{request}");
    }

    #[test]
    fn a_path_leads_to_its_route_with_and_without_the_version() {
        let email = KeyedRoute::EmailEvents { email_id: "42" };
        check("POST /api/send", Some(Route::Keyed(KeyedRoute::Send)));
        check("POST /api/v1/send", Some(Route::Keyed(KeyedRoute::Send)));
        check("GET /api/v1/emails/42/events", Some(Route::Keyed(email)));
        check("GET /api/emails/42/events", Some(Route::Keyed(email)));
        check("HEAD /track/o/abc", Some(Route::Open(OpenRoute::TrackOpen { token: "abc" })));
    }

    #[test]
    fn what_is_not_exactly_a_path_of_ours_is_none() {
        for request in [
            "GET /",
            "GET //",
            "POST /api/send/",
            "POST /api//send",
            "POST /api/v1/v1/send",
            "POST /v1/api/send",
            "GET /track/o",
            "GET /track/o/a/b",
            "GET /a/b/c/d/e/f/g/h/i/j",
            "GET *",
        ] {
            check(request, None);
        }
    }

    #[test]
    fn every_route_has_its_template_in_the_list_that_is_counted_by() {
        let mut found = 0;
        for template in &TEMPLATES[1..] {
            let path = template.replace(['{', '}'], "");
            let methods = Route::methods(&path);
            assert!(!methods.is_empty(), "{template} is no route");
            for method in methods.into_iter().filter(|method| *method != "HEAD") {
                let route = Route::find(method, &path).expect("it has this method");
                assert_eq!(route.template(), *template);
                found += 1;
            }
        }
        assert_eq!(found, ROUTES, "a route is missing in the list");
    }

    #[test]
    fn a_known_path_tells_its_methods() {
        assert_eq!(Route::methods("/api/customer/profile"), ["GET", "HEAD", "PATCH"]);
        assert_eq!(Route::methods("/api/send"), ["POST"]);
        assert_eq!(Route::methods("/nowhere"), [""; 0]);
    }
}
