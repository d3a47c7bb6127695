//! The head of a table whose whole content is on the page: a click sorts by a column, a second one the other way round. The order is in
//! the address. Lists that come page by page have the manager's order, the newest first, because sorting one page of many would lie.

use askama::Template;
use askama::filters::HtmlSafe;

#[derive(Clone, Debug, Template)]
#[template(path = "parts/heads.html")]
pub(crate) struct Heads {
    heads: Vec<Head>,
}

impl HtmlSafe for Heads {}

#[derive(Clone, Debug)]
struct Head {
    name: &'static str,
    is_number: bool,
    /// None: it cannot be sorted by.
    url: Option<String>,
    order: Option<Order>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    Up,
    Down,
}

impl Order {
    /// `took` is up, `-took` down; what the address says.
    pub(crate) fn parse(sort: &str) -> (&str, Order) {
        match sort.strip_prefix('-') {
            Some(column) => (column, Order::Down),
            None => (sort, Order::Up),
        }
    }
}

/// A column: its name, the word for it in the address (empty: not to be sorted by), and whether it holds numbers.
pub(crate) type Column = (&'static str, &'static str, bool);

impl Heads {
    /// `sort` is what the address says now; `address` makes the one that says another.
    pub(crate) fn new(columns: &[Column], sort: &str, address: impl Fn(&str) -> String) -> Self {
        let (by, order) = Order::parse(sort);
        let heads = columns.iter().map(|(name, word, is_number)| {
            let is_by = !word.is_empty() && *word == by;
            let next = if is_by && order == Order::Up { format!("-{word}") } else { (*word).to_owned() };
            Head {
                name,
                is_number: *is_number,
                url: (!word.is_empty()).then(|| address(&next)),
                order: is_by.then_some(order),
            }
        });
        Self { heads: heads.collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_click_turns_the_order_round() {
        let columns = [("State", "state", false), ("Took", "took", true), ("Id", "", false)];
        let html = |sort: &str| Heads::new(&columns, sort, |by| format!("?sort={by}")).render().unwrap();

        assert!(html("").contains("href=\"?sort=took\"") && !html("").contains("aria-sort"));
        assert!(html("took").contains("href=\"?sort=-took\"") && html("took").contains("ascending"));
        assert!(html("-took").contains("href=\"?sort=took\"") && html("-took").contains("descending"));
    }
}
