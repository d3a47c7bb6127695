//! Tokens as rows.

use lp_protocol::views::TokenView;

use super::{Cell, Column, Row, col, wide};
use crate::output::{Look, Tint};

impl Row for TokenView {
    const COLUMNS: &'static [Column] = &[
        col("token_id"),
        col("name"),
        col("role"),
        col("create_at"),
        col("expire_at"),
        col("used_at"),
        col("created_by"),
        wide("current"),
    ];

    fn cells(&self, look: &Look) -> Vec<Cell> {
        let expire = match self.expire_at {
            None => Cell::new("never", Tint::Dim),
            Some(at) if self.expired => Cell::new(format!("{} (expired)", look.time(at)), Tint::Bad),
            Some(at) => look.time_cell(Some(at)),
        };
        vec![
            Cell::plain(look.id(self.token_id.0)),
            Cell::plain(&self.name),
            Cell::plain(self.role),
            look.time_cell(Some(self.create_at)),
            expire,
            look.time_cell(self.used_at),
            Cell::plain(self.created_by.as_deref().unwrap_or("the manager")),
            Cell::plain(self.current),
        ]
    }

    fn name(&self) -> String {
        self.name.clone()
    }
}
