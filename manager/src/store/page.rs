//! A page of a list that is ordered by a number, the highest first: what is asked for as SQL, and the page made of what was found.

use lp_protocol::views::Page;
use sea_orm::Value;

use super::glob::Glob;
use super::list::{format_cursor, page_size, parse_cursor};
use super::{Result, Store};

/// Which rows are asked for.
pub(super) struct Wanted {
    column: &'static str,
    condition: String,
    /// Of the condition's parameters, in their order.
    values: Vec<Value>,
    limit: usize,
}

impl Wanted {
    /// Rows whose number in `column` is below the cursor's.
    ///
    /// # Errors
    /// `Invalid` for a cursor that no page gave.
    pub(super) fn below(column: &'static str, cursor: Option<&str>, limit: Option<u32>) -> Result<Self> {
        let before = cursor.map(parse_cursor).transpose()?.unwrap_or(i64::MAX);
        Ok(Self {
            column,
            condition: format!("{column} < ?"),
            values: vec![before.into()],
            limit: page_size(limit) as usize,
        })
    }

    /// And only those that pass this too.
    pub(super) fn and(&mut self, condition: &str, values: impl IntoIterator<Item = Value>) {
        self.condition.push_str(" AND ");
        self.condition.push_str(condition);
        self.values.extend(values);
    }

    /// And only those whose name matches, if one is given.
    ///
    /// # Errors
    /// `Invalid` for a pattern that is too long.
    pub(super) fn and_named(&mut self, store: &Store, column: &str, glob: Option<&str>) -> Result<()> {
        if let Some(glob) = glob {
            let (condition, pattern) = Glob::parse(glob)?.condition(store.is_postgres(), column);
            self.and(&condition, [pattern.into()]);
        }
        Ok(())
    }

    /// What follows `WHERE`, for one row more than the page has room for: it tells whether there are more.
    pub(super) fn tail(&self) -> String {
        let Self { column, condition, values: _, limit } = self;
        format!("{condition} ORDER BY {column} DESC LIMIT {}", limit + 1)
    }

    pub(super) fn values(&self) -> Vec<Value> {
        self.values.clone()
    }

    /// The page, of numbers and what they are of.
    pub(super) fn page<T>(&self, mut found: Vec<(i64, T)>) -> Page<T> {
        let has_more = found.len() > self.limit;
        found.truncate(self.limit);
        let next_cursor = found.last().filter(|_| has_more).map(|(number, _)| format_cursor(*number));
        Page { items: found.into_iter().map(|(_, item)| item).collect(), next_cursor }
    }
}
