//! Where boxes stand: columns by depth, and within a column an order with few crossings.
//!
//! A long edge gets a place in every column it passes, so it goes around boxes and not through them. The library orders and places what is
//! not too large for it, in a time that is bounded by that size; for the rest a plain ordering by the middle of what is before does. A layout
//! depends on the shape alone and states change far more often than shapes, so the last ones are kept.

use std::collections::{HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use rust_sugiyama::configure::{Config, CrossingMinimization, RankingType};

/// Boxes and passages of edges the library is given: 40 ms at most on the slowest machine we have seen.
const MOST_FOR_LIBRARY: usize = 600;
const MOST_EDGES_FOR_LIBRARY: usize = 1500;

/// Passages at all; beyond, long edges are drawn straight.
const MOST_PASSAGES: usize = 4000;

/// Layouts kept, 50 KiB each at most.
const MOST_KEPT: usize = 32;

/// Sweeps of the plain ordering.
const SWEEPS: usize = 4;

/// Positions in columns and rows, both beginning at 0; rows are not whole numbers.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Layout {
    /// Column and row of each box.
    pub(super) places: Vec<(usize, f64)>,
    /// For each edge the row in each column it passes, without its ends.
    pub(super) passages: Vec<Vec<f64>>,
    pub(super) columns: usize,
    pub(super) rows: f64,
}

/// `edges` lead from box to box and make no cycle.
pub(super) fn lay_out(boxes: usize, edges: &[(usize, usize)], last: &[usize]) -> Arc<Layout> {
    static KEPT: LazyLock<Mutex<Kept>> = LazyLock::new(Mutex::default);
    let mut hasher = DefaultHasher::new();
    (boxes, edges, last).hash(&mut hasher);
    let shape = hasher.finish();
    if let Some(layout) = KEPT.lock().unwrap_or_else(PoisonError::into_inner).find(shape) {
        return layout;
    }
    // not under the lock: others draw meanwhile
    let layout = Arc::new(make(boxes, edges, last));
    KEPT.lock().unwrap_or_else(PoisonError::into_inner).keep(shape, layout.clone());
    layout
}

#[derive(Default)]
struct Kept {
    by_shape: HashMap<u64, Arc<Layout>>,
    oldest_first: VecDeque<u64>,
}

impl Kept {
    fn find(&self, shape: u64) -> Option<Arc<Layout>> {
        self.by_shape.get(&shape).cloned()
    }

    fn keep(&mut self, shape: u64, layout: Arc<Layout>) {
        if self.by_shape.insert(shape, layout).is_none() {
            self.oldest_first.push_back(shape);
        }
        while self.oldest_first.len() > MOST_KEPT {
            let oldest = self.oldest_first.pop_front();
            oldest.and_then(|oldest| self.by_shape.remove(&oldest));
        }
    }
}

/// Boxes and passages, each in its column.
struct Grid {
    columns: Vec<usize>,
    /// Between neighbouring columns only.
    links: Vec<(usize, usize)>,
    /// Of each edge, the passages it goes through.
    passages: Vec<Vec<usize>>,
}

fn make(boxes: usize, edges: &[(usize, usize)], last: &[usize]) -> Layout {
    let grid = grid(boxes, edges, last);
    let is_small = grid.columns.len() <= MOST_FOR_LIBRARY && grid.links.len() <= MOST_EDGES_FOR_LIBRARY;
    let rows = if is_small { by_library(&grid) } else { None };
    let rows = rows.unwrap_or_else(|| by_middles(&grid));
    let top = rows.iter().copied().fold(f64::INFINITY, f64::min);
    let top = if top.is_finite() { top } else { 0.0 };
    let row = |at: usize| rows[at] - top;
    Layout {
        places: (0..boxes).map(|at| (grid.columns[at], row(at))).collect(),
        passages: grid.passages.iter().map(|edge| edge.iter().map(|at| row(*at)).collect()).collect(),
        columns: grid.columns.iter().max().map_or(0, |column| column + 1),
        rows: (0..rows.len()).map(row).fold(0.0, f64::max) + 1.0,
    }
}

fn grid(boxes: usize, edges: &[(usize, usize)], last: &[usize]) -> Grid {
    let mut columns = columns(boxes, edges);
    let deepest = columns.iter().max().copied().unwrap_or(0);
    last.iter().for_each(|at| columns[*at] = deepest + 1);
    let length: usize = edges.iter().map(|(from, to)| columns[*to] - columns[*from] - 1).sum();
    let has_passages = length <= MOST_PASSAGES;
    let (mut links, mut passages) = (Vec::new(), Vec::new());
    for (from, to) in edges {
        let mut at = *from;
        let mut passed = Vec::new();
        for column in columns[*from] + 1..columns[*to] {
            if !has_passages {
                break;
            }
            columns.push(column);
            links.push((at, columns.len() - 1));
            at = columns.len() - 1;
            passed.push(at);
        }
        if has_passages || columns[*to] == columns[*from] + 1 {
            links.push((at, *to));
        }
        passages.push(passed);
    }
    Grid { columns, links, passages }
}

fn columns(boxes: usize, edges: &[(usize, usize)]) -> Vec<usize> {
    let mut next = vec![Vec::new(); boxes];
    let mut missing = vec![0_usize; boxes];
    for (from, to) in edges {
        next[*from].push(*to);
        missing[*to] += 1;
    }
    let mut columns = vec![0; boxes];
    let mut ready: Vec<usize> = (0..boxes).filter(|at| missing[*at] == 0).collect();
    while let Some(at) = ready.pop() {
        for child in &next[at] {
            columns[*child] = columns[*child].max(columns[at] + 1);
            missing[*child] -= 1;
            if missing[*child] == 0 {
                ready.push(*child);
            }
        }
    }
    columns
}

/// Rows by the library; None where it has made a mistake.
fn by_library(grid: &Grid) -> Option<Vec<f64>> {
    let vertices: Vec<(u32, (f64, f64))> =
        (0..grid.columns.len()).map(|at| (at as u32, (1.0, 1.0))).collect();
    let links: Vec<(u32, u32)> = grid.links.iter().map(|(from, to)| (*from as u32, *to as u32)).collect();
    let config = Config {
        minimum_length: 1,
        vertex_spacing: 0.0001,
        dummy_vertices: false,
        dummy_size: 1.0,
        // every link is one column long already
        ranking_type: RankingType::Up,
        c_minimization: CrossingMinimization::Barycenter,
        transpose: grid.columns.len() <= 150,
    };
    // a panic of a layout is no reason not to show the page
    let layouts =
        std::panic::catch_unwind(|| rust_sugiyama::from_vertices_and_edges(&vertices, &links, &config))
            .ok()?;
    let mut rows = vec![f64::NAN; grid.columns.len()];
    let mut top = 0.0;
    for (places, _, _) in layouts {
        let first = places.iter().map(|(_, (row, _))| *row).fold(f64::INFINITY, f64::min);
        let last = places.iter().map(|(_, (row, _))| *row).fold(f64::NEG_INFINITY, f64::max);
        for (at, (row, _)) in places {
            *rows.get_mut(at)? = top + row - first;
        }
        // parts that have nothing to do with one another stand below one another
        top += last - first + 1.0;
    }
    let is_apart = is_apart(grid, &rows);
    (rows.iter().all(|row| row.is_finite()) && is_apart).then_some(rows)
}

/// No two boxes of a column on top of one another.
fn is_apart(grid: &Grid, rows: &[f64]) -> bool {
    let mut placed: Vec<(usize, f64)> = grid.columns.iter().copied().zip(rows.iter().copied()).collect();
    placed.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
    placed.windows(2).all(|pair| pair[0].0 != pair[1].0 || pair[1].1 - pair[0].1 > 0.95)
}

/// Rows by sweeping over the columns and ordering each by the middle of its neighbours.
fn by_middles(grid: &Grid) -> Vec<f64> {
    let count = grid.columns.len();
    let (mut before, mut behind) = (vec![Vec::new(); count], vec![Vec::new(); count]);
    for (from, to) in &grid.links {
        before[*to].push(*from);
        behind[*from].push(*to);
    }
    let mut columns: Vec<Vec<usize>> = Vec::new();
    for (at, column) in grid.columns.iter().enumerate() {
        if columns.len() <= *column {
            columns.resize(column + 1, Vec::new());
        }
        columns[*column].push(at);
    }
    let tallest = columns.iter().map(Vec::len).max().unwrap_or(0) as f64;
    let mut rows = vec![0.0; count];
    let spread = |column: &[usize], rows: &mut Vec<f64>| {
        // in the middle of the tallest column
        let top = (tallest - column.len() as f64) / 2.0;
        column.iter().enumerate().for_each(|(n, at)| rows[*at] = top + n as f64);
    };
    columns.iter().for_each(|column| spread(column, &mut rows));
    for sweep in 0..SWEEPS {
        let is_forward = sweep % 2 == 0;
        let neighbours = if is_forward { &before } else { &behind };
        let order: Vec<usize> =
            if is_forward { (0..columns.len()).collect() } else { (0..columns.len()).rev().collect() };
        for column in order {
            let middle = |at: &usize| match neighbours[*at].as_slice() {
                [] => rows[*at],
                some => some.iter().map(|other| rows[*other]).sum::<f64>() / some.len() as f64,
            };
            let mut keyed: Vec<(f64, usize)> = columns[column].iter().map(|at| (middle(at), *at)).collect();
            keyed.sort_by(|a, b| a.0.total_cmp(&b.0));
            columns[column] = keyed.into_iter().map(|(_, at)| at).collect();
            spread(&columns[column], &mut rows);
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_chain_is_a_straight_line() {
        let layout = make(3, &[(0, 1), (1, 2)], &[]);

        assert_eq!(layout.places, [(0, 0.0), (1, 0.0), (2, 0.0)]);
        assert_eq!((layout.columns, layout.rows), (3, 1.0));
    }

    #[test]
    fn a_long_edge_goes_around_what_is_between() {
        let layout = make(3, &[(0, 1), (0, 2), (1, 2)], &[]);

        let passage = &layout.passages[1];
        assert_eq!(passage.len(), 1);
        assert!((passage[0] - layout.places[1].1).abs() > 0.9, "{layout:?}");
    }

    #[test]
    fn events_stand_in_a_column_of_their_own_at_the_end() {
        let layout = make(3, &[(0, 1)], &[2]);

        assert_eq!(layout.places[2].0, 2);
    }

    #[test]
    fn the_largest_graph_is_laid_out_too() {
        let edges: Vec<(usize, usize)> =
            (0..300).flat_map(|from| (from + 1..300).step_by(7).map(move |to| (from, to))).collect();

        let layout = make(300, &edges, &[]);

        assert!(layout.places.iter().all(|(_, row)| row.is_finite()));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn boxes_never_stand_on_one_another(links in prop::collection::vec((0_usize..40, 0_usize..40), 0..80)) {
            let mut edges: Vec<_> = links.into_iter().filter(|(a, b)| a != b).map(|(a, b)| (a.min(b), a.max(b))).collect();
            edges.sort_unstable();
            edges.dedup();

            let layout = make(40, &edges, &[]);

            let mut places = layout.places.clone();
            places.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
            for pair in places.windows(2) {
                prop_assert!(pair[0].0 != pair[1].0 || pair[1].1 - pair[0].1 > 0.9, "{:?}", pair);
            }
            prop_assert!(edges.iter().all(|(from, to)| layout.places[*from].0 < layout.places[*to].0));
        }
    }
}
