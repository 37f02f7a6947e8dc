//! The way from one page of a list to the next.

use super::{Escaped, put};

/// Appends links to the pages before and behind number `page` of `pages`, both from 1. `list` is the list's path with
/// what its query has besides the page, such as `/queue?destination=x`; `words` are those for before and behind.
pub(super) fn put_paging(body: &mut String, list: &str, page: u64, pages: u64, words: (&str, &str)) {
    if pages <= 1 {
        return;
    }
    let to = |page: u64| {
        let and = if list.contains('?') { '&' } else { '?' };
        format!("{list}{and}page={page}")
    };
    body.push_str("<nav class=\"paging\" aria-label=\"Pages\">");
    match page {
        0 | 1 => body.push_str("<span></span>"),
        page => put!(body, "<a class=\"button\" rel=\"prev\" href=\"{}\">← {}</a>", Escaped(&to(page - 1)), words.0),
    }
    put!(body, "<span class=\"quiet\">Page {page} of {pages}</span>");
    if page < pages {
        put!(body, "<a class=\"button\" rel=\"next\" href=\"{}\">{} →</a>", Escaped(&to(page + 1)), words.1);
    } else {
        body.push_str("<span></span>");
    }
    body.push_str("</nav>");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paging(list: &str, page: u64, pages: u64) -> String {
        let mut body = String::new();
        put_paging(&mut body, list, page, pages, ("Newer", "Older"));
        body
    }

    #[test]
    fn only_the_pages_there_are_are_offered() {
        let links = |page, pages| {
            let html = paging("/mailbox", page, pages);
            (html.contains("← Newer"), html.contains("Older →"))
        };
        assert_eq!(links(1, 1), (false, false));
        assert_eq!(links(1, 3), (false, true));
        assert_eq!(links(2, 3), (true, true));
        assert_eq!(links(3, 3), (true, false));
        assert!(paging("/mailbox", 2, 3).contains("href=\"/mailbox?page=1\">← Newer"));
        assert!(paging("/mailbox", 2, 3).contains("href=\"/mailbox?page=3\">Older"));
        assert!(paging("/queue?destination=x", 1, 2).contains("href=\"/queue?destination=x&amp;page=2\""));
        paging("/mailbox", u64::MAX, u64::MAX);
    }
}
