//! Query parameters and pages.

use serde::Serialize;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::time;
use crate::error::{Error, Result};

/// Items of a page when the caller does not say.
const LIMIT_DEFAULT: i64 = 50;
/// Most items of a page.
pub(crate) const LIMIT_MAX: i64 = 1_000;
/// The deepest page. Beyond it a cursor is the way.
const PAGE_MAX: i64 = 1_000_000;

/// The parameters of a request. Where one is given twice, the last counts; an empty text, page or limit counts as not given.
pub(crate) struct Query(Vec<(String, String)>);

/// Which page a caller wants.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Page {
    pub(crate) number: i64,
    pub(crate) limit: i64,
    /// The last item of the page before, instead of a number.
    pub(crate) cursor: Option<Uuid>,
}

/// The parameters that say which page.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it describes parameters for the reference, which are read one by one")]
pub(crate) struct PageParameters {
    /// From 1
    #[param(minimum = 1, maximum = 1_000_000)]
    page: Option<i64>,
    /// Items of a page; 50 when not given
    #[param(minimum = 1, maximum = 1_000)]
    limit: Option<i64>,
    /// The `next_cursor` of the page before
    cursor: Option<Uuid>,
}

/// Where a page stands in its list.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct Pagination {
    /// From 1.
    pub page: i64,
    /// Items of a page.
    pub limit: i64,
    /// Items in all.
    pub total: i64,
    /// Pages in all.
    pub pages: i64,
    /// True where there may be more than `total`, which then counts what is known so far.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    pub total_is_least: bool,
}

impl Query {
    pub(crate) fn parse(query: &str) -> Self {
        Self(form_urlencoded::parse(query.as_bytes()).into_owned().collect())
    }

    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.last(name).filter(|value| !value.is_empty())
    }

    fn last(&self, name: &str) -> Option<&str> {
        self.0.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The id of what `wanted` says.
    pub(crate) fn id(&self, name: &str, wanted: &str) -> Result<Option<Uuid>> {
        self.read(name, wanted, |text| text.parse().ok())
    }

    /// A parameter that `read` understands; `wanted` says what that would be. An empty one is refused: whoever has lost a cursor
    /// would get the first page for ever, and who has lost an email's id the events of all.
    pub(crate) fn read<T>(&self, name: &str, wanted: &str, read: impl FnOnce(&str) -> Option<T>) -> Result<Option<T>> {
        understood(self.last(name), name, wanted, read)
    }

    /// One of these words.
    pub(crate) fn word<T: Copy>(
        &self,
        name: &str,
        (all, word): (&[T], fn(T) -> &'static str),
        parse: fn(&str) -> Option<T>,
    ) -> Result<Option<T>> {
        let wanted = all.iter().map(|known| word(*known)).collect::<Vec<_>>().join(" or ");
        self.read(name, &wanted, parse)
    }

    /// A moment, in milliseconds.
    pub(crate) fn moment(&self, name: &str) -> Result<Option<i64>> {
        self.read(name, "a date and time such as 2024-03-15T14:30:00Z", time::parse)
    }

    pub(crate) fn page(&self) -> Result<Page> {
        let number = |name, max, default| {
            let wanted = format!("a whole number from 1 to {max}");
            let inside = |text: &str| text.parse().ok().filter(|number| (1..=max).contains(number));
            Ok::<_, Error>(understood(self.text(name), name, &wanted, inside)?.unwrap_or(default))
        };
        let cursor = self.id("cursor", "the next_cursor of an earlier answer")?;
        Ok(Page { number: number("page", PAGE_MAX, 1)?, limit: number("limit", LIMIT_MAX, LIMIT_DEFAULT)?, cursor })
    }
}

fn understood<T>(
    text: Option<&str>,
    name: &str,
    wanted: &str,
    read: impl FnOnce(&str) -> Option<T>,
) -> Result<Option<T>> {
    let value = text.map(|text| read(text).ok_or_else(|| Error::invalid(format!("{name} must be {wanted}"))));
    value.transpose()
}

impl Page {
    /// Items before this page.
    pub(crate) fn offset(&self) -> i64 {
        if self.cursor.is_some() { 0 } else { (self.number - 1) * self.limit }
    }

    pub(crate) fn pagination(&self, total: i64) -> Pagination {
        let pages = total / self.limit + i64::from(total % self.limit > 0);
        Pagination { page: self.number, limit: self.limit, total, pages, total_is_least: false }
    }

    /// Items to ask the store for: one more than the page has, which tells whether another page follows.
    pub(crate) fn limit_and_one(&self) -> i64 {
        self.limit + 1
    }

    /// Takes the one too many off, and says where the next page continues when there is one.
    pub(crate) fn cut<T>(&self, items: &mut Vec<T>, id: impl FnOnce(&T) -> Uuid) -> Option<Uuid> {
        let limit = usize::try_from(self.limit).expect("a page has at most a thousand items");
        let more = items.len() > limit;
        items.truncate(limit);
        items.last().filter(|_| more).map(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn page(query: &str, expected: Option<(i64, i64)>) {
        let page = Query::parse(query).page().ok().map(|page| (page.number, page.limit));
        assert_eq!(page, expected, "{query}");
    }

    #[test]
    fn a_page_has_bounds_on_both_sides() {
        page("", Some((1, 50)));
        page("page=3&limit=1000", Some((3, 1_000)));
        page("limit=1", Some((1, 1)));
        page("limit=", Some((1, 50)));
        for outside in ["limit=0", "limit=1001", "page=0", "page=1000001", "page=x", "page=-1", "cursor=x", "cursor="] {
            page(outside, None);
        }
    }

    #[test]
    fn an_empty_text_is_none_and_what_is_to_be_understood_is_refused() {
        let query = Query::parse("email_id=&from=&from_timestamp=&tag=&type=x&type=");
        assert_eq!((query.text("tag"), query.text("from")), (None, None));
        assert!(query.read("type", "a type", |word| (word == "x").then_some(())).is_err(), "the last one counts");
        assert!(query.id("email_id", "the id of an email").is_err());
        assert!(query.moment("from_timestamp").is_err());
        assert_eq!(query.id("cursor", "a cursor").expect("it is not given"), None);
        assert_eq!(query.moment("to_timestamp").expect("it is not given"), None);
    }

    #[test]
    fn the_last_page_may_be_short() {
        let page = Query::parse("page=2&limit=10").page().expect("it is a page");
        let pagination = page.pagination(11);
        assert_eq!((pagination.pages, page.offset()), (2, 10));
        let id = |number: &u128| Uuid::from_u128(*number);
        let mut full: Vec<u128> = (0..10).collect();
        assert_eq!((page.cut(&mut full, id), full.len()), (None, 10), "a full page may be the last one");
        let mut more: Vec<u128> = (0..11).collect();
        assert_eq!((page.cut(&mut more, id), more.len()), (Some(Uuid::from_u128(9)), 10));
        assert_eq!(page.cut(&mut Vec::new(), id), None);
    }
}
