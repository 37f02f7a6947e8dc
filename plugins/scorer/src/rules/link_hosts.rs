//! Rules about the hosts that links lead to.

use std::collections::BTreeSet;

use super::links::each;
use super::{Category, Rule};
use crate::facts::{Facts, quoted};
use crate::hosts::{self, IpHost};
use crate::link::Link;
use crate::punycode;
use crate::scripts;
use crate::tally::Hits;
use crate::verdict::Severity::{Error, Info, Warning};

/// Domains that one message may link to without a remark.
const DOMAINS_MAX: usize = 15;

/// Parts of a host name, `a.b.example.com` has four.
const HOST_LABELS_MAX: usize = 6;

rules![
    Rule {
        id: "LINK_SHORTENER",
        category: Category::Links,
        severity: Warning,
        points: 1.0,
        description: "A link goes through a public shortener, which hides where it leads and shares its reputation \
                      with everybody.",
        suggestion: "Link to the page itself, or use a short domain of your own.",
        check: shortener,
    },
    Rule {
        id: "LINK_IP_HOST",
        category: Category::Links,
        severity: Error,
        points: 2.0,
        description: "A link leads to an IP address instead of a name. Honest sites have names.",
        suggestion: "Use a host name.",
        check: ip_host,
    },
    Rule {
        id: "LINK_DISGUISED_HOST",
        category: Category::Links,
        severity: Error,
        points: 2.0,
        description: "The host of a link is written as a number or with per cent escapes, so that people cannot read \
                      it.",
        suggestion: "Write the host name plainly.",
        check: disguised_host,
    },
    Rule {
        id: "LINK_PUNYCODE_HOST",
        category: Category::Links,
        severity: Info,
        points: 0.3,
        description: "The host of a link has letters outside ASCII. Some mail programs show it as xn-- and warn.",
        suggestion: "Use an ASCII host name for links in mail if you have one.",
        check: punycode_host,
    },
    Rule {
        id: "LINK_MIXED_ALPHABETS",
        category: Category::Links,
        severity: Error,
        points: 2.0,
        description: "The host of a link has letters of another alphabet that look Latin, as \
                      imitations of known sites do (UTS #39).",
        suggestion: "Use a host name in one alphabet.",
        check: mixed_alphabets,
    },
    Rule {
        id: "LINK_USERINFO",
        category: Category::Links,
        severity: Error,
        points: 2.0,
        description: "A link has a user name before its host, which can pass for another host.",
        suggestion: "Remove what stands before the @.",
        check: userinfo,
    },
    Rule {
        id: "LINK_PORT",
        category: Category::Links,
        severity: Warning,
        points: 0.7,
        description: "A link names a port other than the usual ones. Many networks block it.",
        suggestion: "Serve the page on the usual port.",
        check: port,
    },
    Rule {
        id: "LINK_MANY_DOMAINS",
        category: Category::Links,
        severity: Warning,
        points: 0.2,
        description: "The links lead to more than fifteen different domains. Each lends the message its reputation, \
                      for good or bad.",
        suggestion: "Link to fewer sites, or through your own.",
        check: many_domains,
    },
    Rule {
        id: "LINK_BORROWED_BRAND",
        category: Category::Links,
        severity: Error,
        points: 2.0,
        description: "The host of a link uses a known brand in a domain that need not be the brand's, as \
                      paypal.com.example.net does.",
        suggestion: "Use a host name that says whose it is.",
        check: borrowed_brand,
    },
    Rule {
        id: "LINK_DEEP_HOST",
        category: Category::Links,
        severity: Warning,
        points: 0.3,
        description: "The host of a link has more than six parts, as throw-away hosts have.",
        suggestion: "Use a shorter host name.",
        check: deep_host,
    },
    Rule {
        id: "LINK_RISKY_END",
        category: Category::Links,
        severity: Warning,
        points: 0.4,
        description: "A link leads to a top-level domain that is used for abuse far more than for anything else.",
        suggestion: "Use a domain under another ending.",
        check: risky_end,
    },
    Rule {
        id: "LINK_FREE_HOSTING",
        category: Category::Links,
        severity: Warning,
        points: 0.3,
        description: "A link leads to a free hosting service, where anybody may put anything under the same domain.",
        suggestion: "Serve the page from a domain of your own.",
        check: free_hosting,
    },
    Rule {
        id: "LINK_PRIVATE_HOST",
        category: Category::Links,
        severity: Error,
        points: 0.3,
        description: "A link leads to a host that only the author's machine or network knows, such as localhost.",
        suggestion: "Replace it with the public address.",
        check: private_host,
    },
];

fn shortener(facts: &Facts<'_>, hits: &mut Hits) {
    each(
        facts,
        hits,
        |link| hosts::is_shortener(&link.url.host) && link.url.tail().len() > 1,
        |link| format!("{} hides where the link leads.", quoted(&link.url.host)),
    );
}

fn ip_host(facts: &Facts<'_>, hits: &mut Hits) {
    let is_ip =
        |link: &Link<'_>| hosts::ip(&link.url.host) == Some(IpHost::Plain) && !hosts::is_private(&link.url.host);
    each(facts, hits, is_ip, |link| format!("The link leads to the IP address {}.", quoted(&link.url.host)));
}

fn disguised_host(facts: &Facts<'_>, hits: &mut Hits) {
    let is_disguised = |link: &Link<'_>| {
        let url = &link.url;
        let escaped = url.host_is_escaped && !url.host.contains(['{', '}', '*', '|', '[', ']', '%']);
        url.is_web() && (escaped || hosts::ip(&url.host) == Some(IpHost::Disguised))
    };
    each(facts, hits, is_disguised, |link| format!("The host of {} is written in disguise.", quoted(&link.url.text)));
}

fn punycode_host(facts: &Facts<'_>, hits: &mut Hits) {
    let is_international = |link: &Link<'_>| {
        let host = &link.url.host;
        !host.is_ascii() || host.split('.').any(|label| label.starts_with("xn--"))
    };
    each(facts, hits, is_international, |link| format!("{} has letters outside ASCII.", quoted(&link.url.host)));
}

fn mixed_alphabets(facts: &Facts<'_>, hits: &mut Hits) {
    let pretends = |label: &str| scripts::is_disguised(label) || scripts::is_imitation(label);
    let is_mixed = |link: &Link<'_>| {
        let mut labels = link.url.host.split('.');
        labels.any(|label| match punycode::decoded(label) {
            Some(letters) => pretends(&letters),
            None => !label.is_ascii() && pretends(label),
        })
    };
    each(facts, hits, is_mixed, |link| {
        format!("{} has letters of another alphabet that look Latin.", quoted(&link.url.host))
    });
}

fn userinfo(facts: &Facts<'_>, hits: &mut Hits) {
    each(
        facts,
        hits,
        |link| link.url.is_web() && link.url.has_userinfo,
        |link| format!("{} really leads to {}.", quoted(&link.url.text), quoted(&link.url.host)),
    );
}

fn port(facts: &Facts<'_>, hits: &mut Hits) {
    let is_odd = |link: &Link<'_>| {
        link.url.port.is_some_and(|port| !matches!(port, 80 | 443)) && !hosts::is_private(&link.url.host)
    };
    each(facts, hits, is_odd, |link| {
        format!("The link to {} names port {}.", quoted(&link.url.host), link.url.port.unwrap_or_default())
    });
}

fn many_domains(facts: &Facts<'_>, hits: &mut Hits) {
    let web = facts.links().filter(|link| link.url.is_web());
    let domains: BTreeSet<&str> = web.map(|link| hosts::registrable(&link.url.host)).collect();
    if domains.len() > DOMAINS_MAX {
        hits.note(|| format!("The links lead to {} different domains.", domains.len()));
    }
}

fn borrowed_brand(facts: &Facts<'_>, hits: &mut Hits) {
    let borrows = |link: &Link<'_>| hosts::borrowed_brand(&link.url.host).is_some() && !facts.is_own(&link.url.host);
    each(facts, hits, borrows, |link| {
        let brand = hosts::borrowed_brand(&link.url.host).unwrap_or_default();
        format!("{} looks like {brand} and is another domain.", quoted(&link.url.host))
    });
}

fn deep_host(facts: &Facts<'_>, hits: &mut Hits) {
    let is_deep = |link: &Link<'_>| {
        link.url.host.split('.').count() > HOST_LABELS_MAX
            && !hosts::is_tracker(&link.url.host)
            && !facts.is_own(&link.url.host)
    };
    each(facts, hits, is_deep, |link| format!("The host name {} has many parts.", quoted(&link.url.host)));
}

fn risky_end(facts: &Facts<'_>, hits: &mut Hits) {
    each(
        facts,
        hits,
        |link| hosts::has_risky_end(&link.url.host),
        |link| {
            let end = link.url.host.rsplit('.').next().unwrap_or_default();
            format!("{} is under .{end}.", quoted(&link.url.host))
        },
    );
}

fn free_hosting(facts: &Facts<'_>, hits: &mut Hits) {
    let is_free = |link: &Link<'_>| hosts::is_free_hosting(&link.url.host) && !facts.is_own(&link.url.host);
    each(facts, hits, is_free, |link| format!("{} is free hosting.", quoted(&link.url.host)));
}

fn private_host(facts: &Facts<'_>, hits: &mut Hits) {
    let is_private = |link: &Link<'_>| link.url.is_web() && hosts::is_private(&link.url.host);
    each(facts, hits, is_private, |link| format!("Only your own network knows {}.", quoted(&link.url.host)));
}
