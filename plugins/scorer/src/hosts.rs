//! What is known of host names: who owns which part of one, and which ones say something about a link.

use std::net::{Ipv4Addr, Ipv6Addr};

/// The part of a host name that one owner registered: `example.co.uk` of `www.example.co.uk`.
///
/// The Public Suffix List is 200 KB and changes weekly; this takes the usual second-level names of countries, which
/// is right for nearly all mail, and it never separates what one owner registered.
pub(crate) fn registrable(host: &str) -> &str {
    let mut dots = host.rmatch_indices('.').map(|(at, _)| at);
    let (Some(last), Some(second)) = (dots.next(), dots.next()) else { return host };
    let top = &host[last + 1..];
    let middle = &host[second + 1..last];
    if top.len() == 2 && SECOND_LEVELS.contains(&middle) {
        return dots.next().map_or(host, |third| &host[third + 1..]);
    }
    &host[second + 1..]
}

/// The name before the first dot of the registrable part: `example` of `www.example.co.uk`.
pub(crate) fn owner(host: &str) -> &str {
    let domain = registrable(host);
    domain.split_once('.').map_or(domain, |(name, _)| name)
}

/// Whether `host` is `domain` or under it.
pub(crate) fn is_within(host: &str, domain: &str) -> bool {
    host.strip_suffix(domain).is_some_and(|before| before.is_empty() || before.ends_with('.'))
}

/// Whether two hosts belong to the same owner, as far as names tell.
pub(crate) fn same_owner(one: &str, other: &str) -> bool {
    registrable(one).eq_ignore_ascii_case(registrable(other))
}

/// How a host names an IP address, if it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IpHost {
    /// `192.0.2.1` or `[2001:db8::1]`.
    Plain,
    /// `0xc0000201` or `3221225985`, which browsers read as an address and people do not.
    Disguised,
}

/// Tells hosts that are IP addresses.
pub(crate) fn ip(host: &str) -> Option<IpHost> {
    if host.parse::<Ipv4Addr>().is_ok() {
        return Some(IpHost::Plain);
    }
    if let Some(inner) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return inner.parse::<Ipv6Addr>().ok().map(|_| IpHost::Plain);
    }
    let is_number = |label: &str| match label.strip_prefix("0x") {
        Some(digits) => digits.bytes().all(|byte| byte.is_ascii_hexdigit()),
        None => !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_digit()),
    };
    (host.split('.').count() <= 4 && host.split('.').all(is_number)).then_some(IpHost::Disguised)
}

/// Whether a bare word such as `example.com` is meant as a host: its end is one that people write addresses with.
pub(crate) fn has_known_end(host: &str) -> bool {
    host.rsplit_once('.').is_some_and(|(_, end)| KNOWN_ENDS.iter().any(|known| end.eq_ignore_ascii_case(known)))
}

pub(crate) fn is_shortener(host: &str) -> bool {
    let host = host.strip_prefix("www.").unwrap_or(host);
    SHORTENERS.contains(&host)
}

pub(crate) fn is_free_mail(domain: &str) -> bool {
    FREE_MAIL.iter().any(|free| domain.eq_ignore_ascii_case(free))
}

pub(crate) fn is_free_hosting(host: &str) -> bool {
    FREE_HOSTING.iter().any(|service| is_within(host, service) && host.len() > service.len())
}

/// Storage where anybody's files lie under one name.
pub(crate) fn is_public_storage(host: &str) -> bool {
    PUBLIC_STORAGE.iter().any(|service| is_within(host, service))
}

/// Hosts that mail services put between a reader and a link.
pub(crate) fn is_tracker(host: &str) -> bool {
    TRACKERS.iter().any(|service| is_within(host, service))
}

/// Whether a host calls itself one that counts clicks. Anybody can, so it proves nothing.
pub(crate) fn is_named_tracker(host: &str) -> bool {
    host.split('.').next().is_some_and(|label| TRACKING_LABELS.contains(&label))
}

/// Hosts that only the author's machine or network knows.
pub(crate) fn is_private(host: &str) -> bool {
    let private_ip = host.parse::<Ipv4Addr>().is_ok_and(|ip| ip.is_private() || ip.is_loopback() || ip.is_link_local());
    private_ip || host == "localhost" || PRIVATE_ENDS.iter().any(|end| host.ends_with(end))
}

pub(crate) fn has_risky_end(host: &str) -> bool {
    host.rsplit_once('.').is_some_and(|(_, end)| RISKY_ENDS.contains(&end))
}

/// A brand that phishing imitates, named in `text` as a word of its own.
pub(crate) fn brand_in(text: &str) -> Option<&'static str> {
    let lower = text.to_lowercase();
    BRANDS.iter().copied().find(|brand| {
        lower.match_indices(*brand).any(|(at, _)| {
            let free = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric());
            free(lower[..at].chars().next_back()) && free(lower[at + brand.len()..].chars().next())
        })
    })
}

/// The brand that a host pretends to belong to: `paypal` in `paypal.com.example.net` and in `paypal-login.com`.
pub(crate) fn borrowed_brand(host: &str) -> Option<&'static str> {
    let known = |label: &str| BRANDS.iter().copied().find(|brand| *brand == label);
    let owner = owner(host);
    if owner.contains('-') && owner.split('-').any(|label| BAIT_WORDS.contains(&label)) {
        return owner.split('-').find_map(known);
    }
    let before = host[..host.len() - registrable(host).len()].split('.');
    let mut pairs = before.clone().zip(before.skip(1));
    pairs.find_map(|(label, end)| known(label).filter(|_| matches!(end, "com" | "net" | "org")))
}

const SECOND_LEVELS: &[&str] =
    &["ac", "co", "com", "edu", "go", "gob", "gov", "ltd", "me", "mil", "ne", "net", "nom", "or", "org", "plc"];

const KNOWN_ENDS: &[&str] = &[
    "ai", "app", "at", "au", "be", "biz", "br", "ca", "ch", "cn", "co", "com", "cz", "de", "dev", "dk", "edu", "es",
    "eu", "fi", "fr", "gov", "ie", "in", "info", "io", "it", "jp", "mx", "net", "nl", "no", "nz", "org", "pl", "pt",
    "ru", "se", "shop", "store", "uk", "us", "xyz", "za",
];

const SHORTENERS: &[&str] = &[
    "adf.ly",
    "bit.do",
    "bit.ly",
    "bl.ink",
    "buff.ly",
    "clck.ru",
    "cutt.ly",
    "dub.sh",
    "goo.gl",
    "is.gd",
    "j.mp",
    "lnkd.in",
    "ow.ly",
    "qr.ae",
    "rb.gy",
    "rebrand.ly",
    "s.id",
    "short.gy",
    "shorturl.at",
    "soo.gd",
    "t.co",
    "t.ly",
    "t2m.io",
    "tiny.cc",
    "tinyurl.com",
    "tr.im",
    "u.to",
    "urlz.fr",
    "v.gd",
    "vk.cc",
];

const FREE_MAIL: &[&str] = &[
    "163.com",
    "126.com",
    "aol.com",
    "att.net",
    "bk.ru",
    "comcast.net",
    "free.fr",
    "freenet.de",
    "gmail.com",
    "gmx.com",
    "gmx.de",
    "gmx.net",
    "googlemail.com",
    "hotmail.co.uk",
    "hotmail.com",
    "hotmail.fr",
    "icloud.com",
    "inbox.ru",
    "laposte.net",
    "libero.it",
    "list.ru",
    "live.com",
    "mail.com",
    "mail.ru",
    "me.com",
    "msn.com",
    "naver.com",
    "orange.fr",
    "outlook.com",
    "proton.me",
    "protonmail.com",
    "qq.com",
    "t-online.de",
    "tutanota.com",
    "uol.com.br",
    "web.de",
    "yahoo.co.uk",
    "yahoo.com",
    "yandex.com",
    "yandex.ru",
];

const FREE_HOSTING: &[&str] = &[
    "000webhostapp.com",
    "azurewebsites.net",
    "blogspot.com",
    "cloudfront.net",
    "firebaseapp.com",
    "fleek.co",
    "geocities.com",
    "github.io",
    "glitch.me",
    "godaddysites.com",
    "herokuapp.com",
    "netlify.app",
    "ngrok.io",
    "onrender.com",
    "pages.dev",
    "r2.dev",
    "replit.app",
    "repl.co",
    "square.site",
    "surge.sh",
    "tripod.com",
    "vercel.app",
    "web.app",
    "webcindario.com",
    "webflow.io",
    "weebly.com",
    "weeblysite.com",
    "wixsite.com",
    "wordpress.com",
    "workers.dev",
    "yolasite.com",
    "translate.goog",
];

const PUBLIC_STORAGE: &[&str] = &[
    "backblazeb2.com",
    "blob.core.windows.net",
    "cloudflare-ipfs.com",
    "digitaloceanspaces.com",
    "dweb.link",
    "firebasestorage.googleapis.com",
    "ipfs.io",
    "s3.amazonaws.com",
    "storage.cloud.google.com",
    "storage.googleapis.com",
    "web.core.windows.net",
];

const TRACKERS: &[&str] = &[
    "awstrack.me",
    "brevo.com",
    "campaign-archive.com",
    "click.email",
    "cmail19.com",
    "cmail20.com",
    "constantcontact.com",
    "createsend.com",
    "exacttarget.com",
    "getresponse.com",
    "hs-sites.com",
    "hubspotlinks.com",
    "klaviyomail.com",
    "list-manage.com",
    "mailchimp.com",
    "mailerlite.com",
    "mailgun.org",
    "mandrillapp.com",
    "mjt.lu",
    "postmarkapp.com",
    "rs6.net",
    "sendgrid.net",
    "sendinblue.com",
    "sparkpostmail.com",
];

const TRACKING_LABELS: &[&str] = &[
    "click",
    "clicks",
    "email",
    "go",
    "link",
    "links",
    "lnk",
    "news",
    "newsletter",
    "r",
    "redirect",
    "t",
    "tracking",
    "track",
    "trk",
    "url",
];

const PRIVATE_ENDS: &[&str] = &[".corp", ".internal", ".lan", ".local", ".localhost", ".test"];

const RISKY_ENDS: &[&str] = &[
    "bid", "buzz", "cam", "cf", "click", "cyou", "date", "download", "ga", "gdn", "gq", "icu", "loan", "men", "mom",
    "monster", "mov", "quest", "rest", "review", "stream", "tk", "top", "zip",
];

/// Names that nobody bears by chance.
const BRANDS: &[&str] = &[
    "american express",
    "bank of america",
    "binance",
    "bradesco",
    "capital one",
    "coinbase",
    "dhl",
    "docusign",
    "dropbox",
    "fedex",
    "hsbc",
    "icloud",
    "instagram",
    "itau",
    "itunes",
    "linkedin",
    "mastercard",
    "metamask",
    "microsoft",
    "mercado pago",
    "netflix",
    "office365",
    "office 365",
    "paypal",
    "santander",
    "spotify",
    "trust wallet",
    "usps",
    "wells fargo",
    "whatsapp",
];

const BAIT_WORDS: &[&str] = &[
    "account", "accounts", "alert", "auth", "billing", "center", "confirm", "customer", "help", "id", "login",
    "online", "pay", "secure", "security", "service", "signin", "support", "update", "verify",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_registered_part_is_found_without_a_list_of_everything() {
        for (host, domain) in [
            ("www.example.com", "example.com"),
            ("a.b.example.co.uk", "example.co.uk"),
            ("example.co.uk", "example.co.uk"),
            ("co.uk", "co.uk"),
            ("localhost", "localhost"),
            ("", ""),
        ] {
            assert_eq!(registrable(host), domain, "{host}");
        }
    }

    #[test]
    fn addresses_are_told_however_they_are_written() {
        for (host, expected) in [
            ("192.0.2.1", Some(IpHost::Plain)),
            ("[2001:db8::1]", Some(IpHost::Plain)),
            ("3221225985", Some(IpHost::Disguised)),
            ("0xc0.0.2.1", Some(IpHost::Disguised)),
            ("1.example.com", None),
            ("", None),
        ] {
            assert_eq!(ip(host), expected, "{host}");
        }
    }

    #[test]
    fn a_borrowed_brand_is_told_from_its_owner() {
        assert_eq!(borrowed_brand("paypal.com.example.net"), Some("paypal"));
        assert_eq!(borrowed_brand("netflix-billing.com"), Some("netflix"));
        assert_eq!(borrowed_brand("www.paypal.com"), None);
        assert_eq!(borrowed_brand("paypal.example.com"), None);
    }
}
