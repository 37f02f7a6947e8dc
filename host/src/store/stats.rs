//! Statistics: sums over what was counted, and counting it all again. Operators alone ask for all customers at once, as
//! `None`.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::sql::{Connection, SqlError, Value, values};
use super::tally::{Counted, Counts, DAY_MS, DetailKind, Span};
use super::{Result, Store, StreamType};

mod rebuild;

pub(crate) use rebuild::StatDays;

/// Groups of a breakdown, those with the most first.
const GROUPS_MAX: i64 = 1_000;

/// What to sum up of a customer's statistics.
#[derive(Clone, Debug, Default)]
pub struct StatFilter {
    /// Only of this domain.
    pub domain: Option<Uuid>,
    /// Only of emails with this tag.
    pub tag: Option<String>,
    /// Only of this stream.
    pub stream: Option<StreamType>,
    /// From the hour that begins then, in milliseconds.
    pub from: i64,
    /// Until the hour that begins then, which does not belong to it.
    pub until: i64,
}

/// What a breakdown is by.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum StatGroup {
    /// The domain's id.
    Domain,
    /// The tag.
    Tag,
    /// The stream.
    Stream,
}

/// Which rows of `stat_scopes` statistics are read by.
#[derive(Clone, Copy)]
enum Scopes {
    /// Those of all that a customer's emails come to.
    Wholes,
    /// Those of a domain, tag and stream each.
    Parts,
}

impl StatGroup {
    fn column(self) -> &'static str {
        match self {
            Self::Domain => "domain_id",
            Self::Tag => "tag",
            Self::Stream => "stream_type",
        }
    }
}

impl Store {
    /// Everything that was counted.
    pub async fn stat_totals(&self, customer: impl Into<Option<Uuid>>, filter: StatFilter) -> Result<Counts> {
        let customer = customer.into();
        self.read(move |connection| {
            let mut totals = Counts::default();
            for (_, counts) in sum(connection, customer, &filter, None)? {
                totals.add(&counts);
            }
            Ok(totals)
        })
        .await
    }

    /// What was counted by when it began: by hours or, where hours are not asked for, by days, of which the first and the
    /// last may be there as hours. What is not there is nothing. Only what is asked for is summed up.
    pub async fn stat_series(
        &self,
        customer: impl Into<Option<Uuid>>,
        filter: StatFilter,
        by_hours: bool,
        columns: &'static [Counted],
    ) -> Result<BTreeMap<i64, Counts>> {
        let customer = customer.into();
        self.read(move |connection| {
            let pieces = if by_hours { vec![(Span::Hour, filter.from, filter.until)] } else { filter.pieces() };
            let names: Vec<_> = columns.iter().map(|counted| counted.as_str()).collect();
            // Summed up here: SQLite would sort the rows of all scopes first, which takes longer than reading them.
            let sql = format!(
                "SELECT starts_at, {} FROM stat_scopes CROSS JOIN stat_counts ON scope_id = stat_scopes.id WHERE {}",
                names.join(", "),
                StatFilter::matching(customer, filter.scopes())
            );
            let mut series: BTreeMap<i64, Counts> = BTreeMap::new();
            for (span, from, until) in pieces {
                connection.query(&sql, &filter.values(customer, span, from, until), |row| {
                    series.entry(row.integer(0)?).or_default().add(&Counts::read(row, 1, columns)?);
                    Ok(())
                })?;
            }
            Ok(series)
        })
        .await
    }

    /// What was counted by groups, those with the most emails first.
    pub async fn stat_groups(
        &self,
        customer: impl Into<Option<Uuid>>,
        filter: StatFilter,
        by: StatGroup,
    ) -> Result<Vec<(String, Counts)>> {
        let customer = customer.into();
        self.read(move |connection| {
            let mut groups: BTreeMap<String, Counts> = BTreeMap::new();
            for (key, counts) in sum(connection, customer, &filter, Some(by))? {
                groups.entry(key.as_text().cloned().unwrap_or_default()).or_default().add(&counts);
            }
            let mut groups: Vec<_> = groups.into_iter().collect();
            groups.sort_by_key(|(_, counts)| std::cmp::Reverse(counts.of(Counted::Sent)));
            groups.truncate(usize::try_from(GROUPS_MAX).expect("the bound fits"));
            Ok(groups)
        })
        .await
    }

    /// What was counted by a word, the most frequent first.
    pub async fn stat_details(
        &self,
        customer: impl Into<Option<Uuid>>,
        filter: StatFilter,
        kind: DetailKind,
    ) -> Result<Vec<(String, i64)>> {
        let customer = customer.into();
        self.read(move |connection| {
            let mut totals: BTreeMap<String, i64> = BTreeMap::new();
            for (span, from, until) in filter.pieces() {
                let sql = format!(
                    "SELECT word, SUM(total) FROM stat_scopes CROSS JOIN stat_details ON scope_id = stat_scopes.id \
                     WHERE {} AND kind = ?8 GROUP BY word ORDER BY SUM(total) DESC LIMIT ?9",
                    StatFilter::matching(customer, filter.scopes())
                );
                let mut values = filter.values(customer, span, from, until);
                values.extend_from_slice(values![kind.as_str(), GROUPS_MAX]);
                connection.query(&sql, &values, |row| {
                    *totals.entry(row.text(0)?).or_default() += row.integer(1)?;
                    Ok(())
                })?;
            }
            let mut totals: Vec<_> = totals.into_iter().filter(|(_, total)| *total != 0).collect();
            totals.sort_by_key(|(_, total)| std::cmp::Reverse(*total));
            totals.truncate(usize::try_from(GROUPS_MAX).expect("the bound fits"));
            Ok(totals)
        })
        .await
    }
}

impl StatFilter {
    /// What its values stand for.
    fn matching(customer: Option<Uuid>, scopes: Scopes) -> String {
        let whose = if customer.is_some() { "customer_id = ?1" } else { "?1 IS NULL" };
        let scopes = match scopes {
            Scopes::Wholes => "whole_id IS NULL",
            Scopes::Parts => {
                "whole_id IS NOT NULL AND (?2 IS NULL OR domain_id = ?2) AND (?3 IS NULL OR tag = ?3) \
                 AND (?4 IS NULL OR stream_type = ?4)"
            }
        };
        format!("{whose} AND {scopes} AND span = ?5 AND starts_at >= ?6 AND starts_at < ?7")
    }

    /// Which scopes it needs.
    fn scopes(&self) -> Scopes {
        let is_whole = self.domain.is_none() && self.tag.is_none() && self.stream.is_none();
        if is_whole { Scopes::Wholes } else { Scopes::Parts }
    }

    /// Whole days as such, and the hours before and after them.
    fn pieces(&self) -> Vec<(Span, i64, i64)> {
        let first_day = self.from + (-self.from).rem_euclid(DAY_MS);
        let end_of_days = self.until - self.until.rem_euclid(DAY_MS);
        if first_day >= end_of_days {
            return vec![(Span::Hour, self.from, self.until)];
        }
        let pieces = [
            (Span::Hour, self.from, first_day),
            (Span::Day, first_day, end_of_days),
            (Span::Hour, end_of_days, self.until),
        ];
        pieces.into_iter().filter(|(_, from, until)| from < until).collect()
    }

    fn values(&self, customer: Option<Uuid>, span: Span, from: i64, until: i64) -> Vec<Value> {
        let (domain, stream) = (self.domain.map(|id| id.to_string()), self.stream.map(StreamType::as_str));
        values![customer.map(|id| id.to_string()), domain, self.tag.clone(), stream, span.as_str(), from, until]
            .to_vec()
    }
}

/// Sums up everything, in groups or, without any, in one.
fn sum(
    connection: &Connection,
    customer: Option<Uuid>,
    filter: &StatFilter,
    by: Option<StatGroup>,
) -> Result<Vec<(Value, Counts)>, SqlError> {
    let sums: Vec<_> = Counted::ALL.iter().map(|counted| format!("SUM({})", counted.as_str())).collect();
    let (key, scopes) = by.map_or(("NULL", filter.scopes()), |by| (by.column(), Scopes::Parts));
    let sql = format!(
        "SELECT {key}, {} FROM stat_scopes CROSS JOIN stat_counts ON scope_id = stat_scopes.id \
         WHERE {} GROUP BY 1",
        sums.join(", "),
        StatFilter::matching(customer, scopes)
    );
    let mut sums = Vec::new();
    for (span, from, until) in filter.pieces() {
        let values = filter.values(customer, span, from, until);
        sums.extend(connection.query(&sql, &values, |row| Ok((row.value(0)?, Counts::read(row, 1, Counted::ALL)?)))?);
    }
    Ok(sums)
}

#[cfg(test)]
mod tests;
