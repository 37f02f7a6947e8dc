//! What is left out together, to see what the model does with mail that is like nothing it knows, or like little of it.

use crate::learn::Example;

/// Parts into which the packages are divided.
const PACKAGE_PARTS: u64 = 5;

/// Rounds in which what has others of its kind is left out, several at a time.
pub const ROUNDS: usize = 5;

/// From when on mail is late: what training sees is then older than what it is asked about.
const LATE_YEAR: u32 = 2024;

/// Left out while others of its kind stay: one collection of templates, a part of the packages, one kind of mail of a
/// collection, the latest spam. That is how mail of our readers differs from ours. `None` for what is never left out so.
pub fn of_a_kind(example: &Example) -> Option<(usize, String)> {
    let source = example.source.as_str();
    let found = |round: usize, name: &str| Some((round, name.to_owned()));
    if source.starts_with("package_") {
        let part = (hash(source) >> 7) % PACKAGE_PARTS;
        return Some((part as usize % ROUNDS, format!("packages, part {}", part + 1)));
    }
    if example.is_spam && example.year >= LATE_YEAR {
        return Some((0, format!("{source} from {LATE_YEAR}")));
    }
    match source {
        "tmpl_mjml" => found(0, source),
        "tmpl_postmark" | "tmpl_listmonk" | "sa_hard_ham" => found(1, source),
        "tmpl_reactemail" => found(2, source),
        "synth_marketing" => found(3, source),
        _ if example.slice.starts_with("trec07_ham_html") => found(3, "trec07_ham_html"),
        _ if source.starts_with("enron1") => found(2, "enron1"),
        _ if source.starts_with("enron3") => found(4, "enron3"),
        _ => None,
    }
}

/// Left out with all of its kind: templates, packages and what was written for evaluation are one, and so is everything
/// of one archive.
pub fn alone(example: &Example) -> &str {
    match example.family() {
        "tmpl" | "package" | "synth" => "templates and packages",
        other => other,
    }
}

/// Which kind of honest mail that looks like a campaign a slice is, if it is one.
pub fn campaign(slice: &str) -> Option<&'static str> {
    match slice {
        "ham_synth_marketing" => Some("newsletters of today"),
        "sa_hard_ham" => Some("newsletters of an archive"),
        _ if slice.starts_with("ham_") => Some("templates"),
        _ if slice.ends_with(" page") => Some("pages of packages"),
        _ => None,
    }
}

fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use pillarbox_scorer::message::Message;

    use super::*;
    use crate::corpus::Labelled;

    fn example(source: &str, slice: &str, is_spam: bool, year: u32) -> Example {
        let message = Message { subject: Some("Hello".into()), ..Message::default() };
        let one = Labelled { is_spam, slice: slice.into(), source: source.into(), year, message };
        Example::of(&one, 0, true, 1.0)
    }

    #[test]
    fn a_part_of_the_packages_is_left_out_at_a_time() {
        let page = example("package_pretix", "pretix page", false, 0);
        let text = example("package_pretix", "pretix de", false, 0);
        assert!(of_a_kind(&page).is_some_and(|(round, name)| round < ROUNDS && name.starts_with("packages, part ")));
        assert_eq!(of_a_kind(&page), of_a_kind(&text));
        assert_eq!(alone(&page), alone(&example("tmpl_mjml", "ham_templates", false, 2026)));
    }

    #[test]
    fn late_spam_is_left_out_and_early_spam_is_not() {
        assert_eq!(of_a_kind(&example("pot", "phish", true, LATE_YEAR)), Some((0, "pot from 2024".to_owned())));
        assert_eq!(of_a_kind(&example("pot", "phish", true, LATE_YEAR - 1)), None);
        assert_eq!(of_a_kind(&example("pot", "ham", false, LATE_YEAR)), None);
    }

    #[test]
    fn pages_of_packages_are_like_campaigns_and_their_sentences_are_not() {
        let kinds = ["pretix page", "ham_templates", "ham_synth_marketing", "sa_hard_ham"].map(campaign);
        assert!(kinds.iter().all(Option::is_some));
        assert_eq!(kinds.into_iter().collect::<std::collections::BTreeSet<_>>().len(), kinds.len());
        assert_eq!(["pretix de", "sa_easy_ham"].map(campaign), [None, None]);
    }
}
