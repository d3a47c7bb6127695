//! From what people type to one id: a whole id, a unique beginning of one, or `@last`.

use lp_protocol::TaskId;
use sea_orm::ConnectionTrait;
use uuid::Uuid;

use super::sql::placeholders;
use super::{Error, Result, Store};

/// Shorter ones fit too much and are likely slips.
pub(super) const MIN_PREFIX: usize = 4;

/// Ids fetched where a beginning fits several: enough to see which one was meant.
const SOME: u32 = 10;

impl Store {
    /// The task meant by `text`: a whole id, the unique beginning of one, or `@last` for the latest.
    ///
    /// # Errors
    /// `NotFound`, `Ambiguous`, and `Invalid` for a beginning of fewer than four characters.
    pub async fn resolve_task(&self, text: &str) -> Result<TaskId> {
        let (sql, range) = if text == "@last" {
            ("SELECT task_id FROM tasks ORDER BY seq DESC LIMIT 1".to_owned(), vec![])
        } else {
            let (low, high) = prefix_range("task", text)?;
            let sql = format!("SELECT task_id FROM tasks WHERE task_id >= ? AND task_id <= ? LIMIT {SOME}");
            (sql, vec![low.into(), high.into()])
        };
        let rows = self.read.query_all_raw(self.statement(placeholders(self.backend, &sql), range)).await?;
        let mut candidates = Vec::with_capacity(rows.len());
        for row in rows {
            candidates.push(TaskId(row.try_get_by_index::<Uuid>(0)?));
        }
        match candidates[..] {
            [] => Err(Error::not_found("task", text)),
            [task] => Ok(task),
            _ => Err(Error::Ambiguous {
                what: "task",
                name: text.to_owned(),
                candidates: candidates.iter().map(TaskId::to_string).collect(),
            }),
        }
    }
}

/// The smallest and the largest id that begin with `text` (dashes do not count).
///
/// # Errors
/// `NotFound` where no id can begin like that, `Invalid` where it is too short.
pub(super) fn prefix_range(what: &'static str, text: &str) -> Result<(Uuid, Uuid)> {
    let digits: String = text.chars().filter(|c| *c != '-').collect();
    if !digits.chars().all(|c| c.is_ascii_hexdigit()) || digits.len() > 32 || digits.is_empty() {
        return Err(Error::not_found(what, text));
    }
    if digits.len() < MIN_PREFIX {
        return Err(Error::Invalid(format!(
            "`{text}` is too short: give at least {MIN_PREFIX} characters of the id"
        )));
    }
    let bound = |filler: &str| {
        let padded = format!("{digits}{}", filler.repeat(32 - digits.len()));
        Uuid::try_parse(&padded).map_err(|_| Error::not_found(what, text))
    };
    Ok((bound("0")?, bound("f")?))
}

/// The ids that begin so; None where none can.
pub(super) fn known_range(what: &'static str, prefix: &str) -> Result<Option<(Uuid, Uuid)>> {
    match prefix_range(what, prefix) {
        Ok(range) => Ok(Some(range)),
        Err(Error::NotFound { .. }) => Ok(None),
        Err(other) => Err(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_a_range_of_ids() {
        let (low, high) = prefix_range("task", "a1b2c").unwrap();

        assert_eq!(low.to_string(), "a1b2c000-0000-0000-0000-000000000000");
        assert_eq!(high.to_string(), "a1b2cfff-ffff-ffff-ffff-ffffffffffff");
    }

    #[test]
    fn a_whole_id_is_a_range_of_one() {
        let id = Uuid::from_u128(0x1234_5678_9abc);

        assert_eq!(prefix_range("task", &id.to_string()).unwrap(), (id, id));
        assert_eq!(prefix_range("task", &id.simple().to_string()).unwrap(), (id, id));
    }

    #[test]
    fn what_no_id_begins_with_is_not_found() {
        for text in ["hello", "", "@first", &"0".repeat(33)] {
            assert!(matches!(prefix_range("task", text), Err(Error::NotFound { .. })), "{text}");
        }
        assert!(matches!(prefix_range("task", "abc"), Err(Error::Invalid(_))));
    }
}
