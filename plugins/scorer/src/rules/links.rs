//! Rules about what links do, and whether they work at all.

use super::{Category, Rule};
use crate::facts::{Facts, quoted};
use crate::hosts;
use crate::link::Link;
use crate::merge_tags;
use crate::tally::Hits;
use crate::url::{self, Scheme, Url};
use crate::verdict::Part;
use crate::verdict::Severity::{Error, Info, Warning};
use crate::words::Words;

/// Bytes of an address that every mail program keeps.
const ADDRESS_BYTES_MAX: usize = 2000;

/// Words beside a link that say what it is.
const CONTEXT_WORDS_MIN: usize = 5;

/// Recipients whose address is looked for.
const RECIPIENTS_MAX: usize = 20;

rules![
    Rule {
        id: "LINK_NOT_HTTPS",
        category: Category::Links,
        severity: Info,
        points: 0.0,
        description: "Links use http instead of https. Browsers warn of such pages.",
        suggestion: "Use https.",
        check: not_https,
    },
    Rule {
        id: "LINK_SCRIPT",
        category: Category::Links,
        severity: Error,
        points: 1.2,
        description: "A link runs a script. No mail program allows it and filters reject it.",
        suggestion: "Link to a page.",
        check: script,
    },
    Rule {
        id: "LINK_DATA",
        category: Category::Links,
        severity: Error,
        points: 1.5,
        description: "A link carries its page inside itself (data:), a way round filters. Browsers refuse to open it.",
        suggestion: "Put the page on a site and link to it.",
        check: data,
    },
    Rule {
        id: "LINK_OPEN_REDIRECT",
        category: Category::Links,
        severity: Warning,
        points: 0.4,
        description: "A link to one site carries the address of another one, to which it may redirect. Phishing \
                      borrows good names that way.",
        suggestion: "Link to the target itself, or through your own domain.",
        check: open_redirect,
    },
    Rule {
        id: "LINK_EMPTY",
        category: Category::Links,
        severity: Warning,
        points: 0.1,
        description: "A link leads nowhere: its address is empty or only #.",
        suggestion: "Fill in the address or remove the link.",
        check: empty,
    },
    Rule {
        id: "LINK_BROKEN",
        category: Category::Links,
        severity: Error,
        points: 0.2,
        description: "A link cannot work in a mail: its address has no host or is relative to a page that is not \
                      there.",
        suggestion: "Write the whole address, beginning with https://.",
        check: broken,
    },
    Rule {
        id: "LINK_EXECUTABLE",
        category: Category::Links,
        severity: Error,
        points: 1.5,
        description: "A link downloads a program.",
        suggestion: "Link to a page that explains the download.",
        check: executable,
    },
    Rule {
        id: "LINK_STORED_PAGE",
        category: Category::Links,
        severity: Warning,
        points: 1.0,
        description: "A link opens a web page in public storage, where phishing puts its pages to borrow the name of \
                      a large provider.",
        suggestion: "Serve the page from a domain of your own.",
        check: stored_page,
    },
    Rule {
        id: "LINK_RECIPIENT_IN_FRAGMENT",
        category: Category::Links,
        severity: Warning,
        points: 1.2,
        description: "A link carries the recipient's address behind #, as phishing kits want it to fill in their form.",
        suggestion: "Use an opaque token instead of the address.",
        check: recipient_in_fragment,
    },
    Rule {
        id: "LINK_LONG",
        category: Category::Links,
        severity: Info,
        points: 0.0,
        description: "A link is longer than 2,000 characters, which some mail programs and browsers cut.",
        suggestion: "Keep parameters on the server and a short token in the link.",
        check: long,
    },
    Rule {
        id: "LINK_MERGE_TAG",
        category: Category::Links,
        severity: Error,
        points: 0.1,
        description: "The address of a link has a template tag that was not filled in.",
        suggestion: "Fill the tag in.",
        check: merge_tag,
    },
    Rule {
        id: "LINK_ONLY",
        category: Category::Links,
        severity: Warning,
        points: 0.5,
        description: "The message is hardly more than a link. Filters expect an honest message to say why one should \
                      follow it.",
        suggestion: "Say in a sentence or two what the link is.",
        check: only,
    },
];

fn not_https(facts: &Facts<'_>, hits: &mut Hits) {
    let is_plain = |link: &Link<'_>| {
        link.url.scheme == Scheme::Http && link.part == Part::Html && link.url.text.starts_with("http:")
    };
    each(facts, hits, is_plain, |link| format!("{} is not encrypted.", quoted(&link.url.text)));
}

fn script(facts: &Facts<'_>, hits: &mut Hits) {
    each(
        facts,
        hits,
        |link| link.url.scheme == Scheme::Script,
        |link| format!("The link runs {}.", quoted(&link.url.text)),
    );
}

fn data(facts: &Facts<'_>, hits: &mut Hits) {
    each(
        facts,
        hits,
        |link| link.url.scheme == Scheme::Data,
        |link| format!("The link carries {} inside itself.", quoted(&link.url.text)),
    );
}

fn open_redirect(facts: &Facts<'_>, hits: &mut Hits) {
    let carries_other = |link: &Link<'_>| {
        let host = &link.url.host;
        let carried = carried_host(link.url.tail());
        link.url.is_web()
            && !hosts::is_tracker(host)
            && !hosts::is_named_tracker(host)
            && !facts.is_own(host)
            && carried.is_some_and(|carried| !hosts::same_owner(&carried, host) && !facts.is_own(&carried))
    };
    each(facts, hits, carries_other, |link| {
        let carried = carried_host(link.url.tail()).unwrap_or_default();
        format!("The link to {} may redirect to {}.", quoted(&link.url.host), quoted(&carried))
    });
}

/// The host of an address in a parameter of another address.
fn carried_host(tail: &str) -> Option<String> {
    let (_, query) = tail.split_once('?')?;
    query.split('&').find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        let redirects = REDIRECT_NAMES.iter().any(|known| name.eq_ignore_ascii_case(known));
        let value = url::unescaped(value);
        let starts = |scheme: &str| value.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme));
        if !redirects || !(starts("http://") || starts("https://")) {
            return None;
        }
        let host = Url::parse(value).host;
        (!host.is_empty()).then_some(host)
    })
}

const REDIRECT_NAMES: [&str; 18] = [
    "adurl",
    "continue",
    "dest",
    "destination",
    "goto",
    "next",
    "q",
    "redir",
    "redirect",
    "redirect_uri",
    "redirect_url",
    "redirecturl",
    "return",
    "return_to",
    "returnurl",
    "target",
    "u",
    "url",
];

fn empty(facts: &Facts<'_>, hits: &mut Hits) {
    let is_empty = |link: &Link<'_>| {
        link.url.scheme == Scheme::Empty || (link.url.scheme == Scheme::Fragment && link.url.text.len() == 1)
    };
    each(facts, hits, is_empty, |_| "The link leads nowhere.".to_owned());
}

fn broken(facts: &Facts<'_>, hits: &mut Hits) {
    let is_broken = |link: &Link<'_>| {
        let url = &link.url;
        let is_tagged = merge_tags::find(&url.text).next().is_some();
        match url.scheme {
            Scheme::Http | Scheme::Https => {
                let bad =
                    url.host.is_empty() || url.host.contains([' ', '<', '>', '"']) || !url.host.contains(['.', ':']);
                link.part == Part::Html
                    && bad
                    && !is_tagged
                    && url.host != "localhost"
                    && hosts::ip(&url.host).is_none()
            }
            Scheme::Relative => !is_tagged,
            _ => false,
        }
    };
    each(facts, hits, is_broken, |link| format!("{} leads nowhere from a mail.", quoted(&link.url.text)));
}

fn executable(facts: &Facts<'_>, hits: &mut Hits) {
    const ENDINGS: [&str; 11] =
        [".apk", ".bat", ".cmd", ".exe", ".hta", ".iso", ".jar", ".msi", ".pif", ".scr", ".vbs"];
    let is_program = |link: &Link<'_>| {
        let path = path(&link.url);
        let ending = path.rsplit_once('.').map(|(before, _)| &path[before.len()..]);
        link.url.is_web() && ending.is_some_and(|ending| ENDINGS.iter().any(|known| ending.eq_ignore_ascii_case(known)))
    };
    each(facts, hits, is_program, |link| format!("{} is a program.", quoted(&link.url.text)));
}

fn stored_page(facts: &Facts<'_>, hits: &mut Hits) {
    let is_stored = |link: &Link<'_>| {
        let path = path(&link.url).to_ascii_lowercase();
        hosts::is_public_storage(&link.url.host) && !facts.is_own(&link.url.host) && path.contains(".htm")
    };
    each(facts, hits, is_stored, |link| format!("The page lies in public storage at {}.", quoted(&link.url.host)));
}

fn recipient_in_fragment(facts: &Facts<'_>, hits: &mut Hits) {
    let addresses = facts.message.to.iter().take(RECIPIENTS_MAX).map(|to| to.email.to_lowercase());
    let addresses: Vec<String> = addresses.filter(|address| address.contains('@')).collect();
    if addresses.is_empty() {
        return;
    }
    let carries = |link: &Link<'_>| {
        let fragment = link.url.text.split_once('#').map(|(_, fragment)| url::unescaped(fragment).to_lowercase());
        link.url.is_web()
            && fragment.is_some_and(|fragment| addresses.iter().any(|address| fragment.contains(address.as_str())))
    };
    each(facts, hits, carries, |link| {
        format!("The link to {} carries the recipient's address.", quoted(&link.url.host))
    });
}

fn long(facts: &Facts<'_>, hits: &mut Hits) {
    let is_long = |link: &Link<'_>| link.url.is_web() && link.url.text.len() > ADDRESS_BYTES_MAX;
    each(facts, hits, is_long, |link| format!("The link has {} bytes.", link.url.text.len()));
}

fn merge_tag(facts: &Facts<'_>, hits: &mut Hits) {
    let is_tagged = |link: &Link<'_>| link.part == Part::Html && merge_tags::find(&link.url.text).next().is_some();
    each(facts, hits, is_tagged, |link| format!("{} was not filled in.", quoted(&link.url.text)));
}

fn only(facts: &Facts<'_>, hits: &mut Hits) {
    let pictures = facts.page.map_or(0, |page| page.pictures().count());
    let (Some(body), true) = (facts.body(), pictures == 0 && facts.message.attachments.is_empty()) else { return };
    // The words of an address in plain text are no words.
    let in_addresses: usize = match (facts.page, facts.links().next()) {
        (None, Some(_)) => facts.links().map(|link| Words::of(&link.url.text).count()).sum(),
        _ => 0,
    };
    let words = body.words.saturating_sub(in_addresses);
    if let Some(link) = facts.links().find(|link| link.url.is_web()).filter(|_| words < CONTEXT_WORDS_MIN) {
        hits.at(link.place(), || format!("There are only {words} words beside the link."));
    }
}

/// What stands between host and query.
fn path<'u>(url: &'u Url<'_>) -> &'u str {
    url.tail().split(['?', '#']).next().unwrap_or_default()
}

/// Reports every link that `is_wanted`.
pub(super) fn each(
    facts: &Facts<'_>,
    hits: &mut Hits,
    is_wanted: impl Fn(&Link<'_>) -> bool,
    sentence: impl Fn(&Link<'_>) -> String,
) {
    for link in facts.links().filter(|link| is_wanted(link)) {
        hits.at(link.place(), || sentence(link));
    }
}
