//! The tracked links of one email.

use uuid::Uuid;

use crate::app::App;
use crate::error::{Error, Result};
use crate::mail::links::{self, Added, LinkError};
use crate::mail::token::{CANARY_LINK, Claims, Purpose};
use crate::store::{Customer, Domain};

/// What tracking needs to know of an email.
pub(super) struct Tracking<'a> {
    pub(super) app: &'a App,
    pub(super) customer: &'a Customer,
    pub(super) domain: &'a Domain,
    /// The email's own word on counting opens.
    pub(super) opens: Option<bool>,
    /// The same for clicks.
    pub(super) clicks: Option<bool>,
    pub(super) email_id: Uuid,
    /// True for mail that never leaves the machine.
    pub(super) sandbox: bool,
}

impl Tracking<'_> {
    /// The html with tracked links and the pixel, as far as the email's switches want them.
    pub(super) fn html(&self, html: &str) -> Result<String> {
        self.part(html, &mut 0, true).map_err(|error| Error::invalid_at("/html", error.to_string()))
    }

    /// The same for one of several parts: `links` counts over all of them, and one of them has the pixel and the canary.
    pub(super) fn part(&self, html: &str, links: &mut u32, with_pixel: bool) -> Result<String, LinkError> {
        let Self { customer, domain, .. } = self;
        let switch = |asked: Option<bool>, domain: Option<bool>, account: bool| {
            asked.unwrap_or_else(|| domain.unwrap_or(account && customer.tracking_enabled))
        };
        let opens = switch(self.opens, domain.open_tracking_enabled, customer.open_tracking_enabled);
        let clicks = switch(self.clicks, domain.click_tracking_enabled, customer.click_tracking_enabled);
        if !opens && !clicks {
            return Ok(html.to_owned());
        }
        let pixel = (opens && with_pixel).then(|| self.url("o", Purpose::Open, 0, None)).flatten();
        let canary = clicks && with_pixel && self.app.config.track_canary;
        let canary = canary.then(|| self.url("c", Purpose::Click, CANARY_LINK, None)).flatten();
        let mut tracked = |destination: &str| {
            let url = self.url("c", Purpose::Click, *links, Some(destination));
            *links += u32::from(url.is_some());
            url.filter(|_| clicks)
        };
        links::track(html, &mut tracked, Added { pixel: pixel.as_deref(), canary: canary.as_deref() })
    }

    /// Where the email's recipient unsubscribes.
    pub(super) fn unsubscribe_url(&self) -> String {
        self.url("u", Purpose::Unsubscribe, 0, None).expect("a token without a destination can be sealed")
    }

    /// `None` for a destination that cannot be tracked: the link then stays as it is.
    fn url(&self, kind: &str, purpose: Purpose, link: u32, destination: Option<&str>) -> Option<String> {
        let claims = Claims { email_id: self.email_id, link, destination: destination.map(str::to_owned) };
        let token = self.app.tokens.load().seal(&claims, purpose).ok()?;
        let app = self.app;
        let own = app.tracking_hosts.base_url(&app.config, self.domain.id, app.now());
        Some(format!("{}/track/{kind}/{token}", own.unwrap_or_else(|| app.config.base_url())))
    }
}
