//! What kind of client followed a link or loaded a pixel.
//!
//! A first, small classification from the user agent alone. It is kept beside the raw event, never instead of it.

/// Confidence, in percent, that a machine made the request.
const SCANNER_MIN: u8 = 80;
/// Below it a person made the request.
const SUSPICIOUS_MIN: u8 = 50;

/// Words in a user agent, in lower case, with the confidence that it is a machine and the reason in words.
const SIGNS: &[(&str, u8, &str)] = &[
    ("googleimageproxy", 30, "Gmail loads images through its proxy when the message is shown"),
    ("yahoomailproxy", 30, "Yahoo loads images through its proxy when the message is shown"),
    ("proofpoint", 95, "Proofpoint follows links before delivery"),
    ("mimecast", 95, "Mimecast follows links before delivery"),
    ("barracuda", 95, "Barracuda follows links before delivery"),
    ("safelinks", 95, "Microsoft Defender follows links before delivery"),
    ("existence discovery", 90, "Microsoft Office probes links"),
    ("bitdefender", 90, "a virus scanner follows links"),
    ("headlesschrome", 90, "a browser without a person in front of it"),
    ("phantomjs", 90, "a browser without a person in front of it"),
    ("python-requests", 90, "a program, not a mail client"),
    ("python-urllib", 90, "a program, not a mail client"),
    ("go-http-client", 90, "a program, not a mail client"),
    ("okhttp", 80, "a program, not a mail client"),
    ("java/", 85, "a program, not a mail client"),
    ("libwww-perl", 90, "a program, not a mail client"),
    ("curl/", 85, "a program, not a mail client"),
    ("wget/", 90, "a program, not a mail client"),
    ("slackbot", 90, "a link preview"),
    ("facebookexternalhit", 90, "a link preview"),
    ("whatsapp", 80, "a link preview"),
    ("bingpreview", 90, "a link preview"),
    ("crawler", 90, "a crawler"),
    ("spider", 90, "a crawler"),
    ("bot", 85, "a crawler"),
];

/// Who made a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Client {
    /// Percent: how sure it is that a machine did.
    pub confidence: u8,
    /// `human`, `suspicious` or `scanner`.
    pub class: &'static str,
    /// Why.
    pub reason: &'static str,
}

/// Judges by the `User-Agent` header.
pub fn classify(user_agent: Option<&str>) -> Client {
    let user_agent = user_agent.unwrap_or_default().trim().to_lowercase();
    let (confidence, reason) = match user_agent.as_str() {
        "" => (85, "no user agent"),
        // Apple's Mail Privacy Protection loads every image from a proxy, read or not.
        "mozilla/5.0" => (70, "Apple Mail Privacy Protection loads images whether or not a person reads"),
        known => match SIGNS.iter().find(|(word, ..)| known.contains(word)) {
            Some((_, confidence, reason)) => (*confidence, *reason),
            None if known.starts_with("mozilla/") => (10, "an ordinary browser or mail client"),
            None => (40, "an unknown client"),
        },
    };
    let class = match confidence {
        SCANNER_MIN.. => "scanner",
        SUSPICIOUS_MIN.. => "suspicious",
        _ => "human",
    };
    Client { confidence, class, reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(user_agent: Option<&str>, class: &str) {
        assert_eq!(classify(user_agent).class, class, "{user_agent:?}");
    }

    #[test]
    fn people_proxies_and_machines_are_told_apart() {
        check(Some("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/120.0 Safari/537.36"), "human");
        check(Some("Mozilla/5.0 (Windows NT 5.1) Firefox/11.0 (via ggpht.com GoogleImageProxy)"), "human");
        check(Some("Mozilla/5.0"), "suspicious");
        check(Some("Mozilla/5.0 (compatible; Googlebot/2.1)"), "scanner");
        check(Some("curl/7.88.1"), "scanner");
        check(Some(""), "scanner");
        check(None, "scanner");
    }

    #[test]
    fn every_sign_is_in_lower_case_and_a_percentage() {
        assert!(SIGNS.iter().all(|(word, confidence, _)| *confidence <= 100 && *word == word.to_lowercase()));
    }
}
