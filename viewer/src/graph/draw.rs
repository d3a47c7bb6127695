//! The drawing: boxes and edges with their measures, for the template.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use askama::Template;
use askama::filters::HtmlSafe;

use super::fold::{Folded, fold};
use super::layout::{Layout, lay_out};
use super::vertex::{Kind, Vertex, stem};
use crate::parts::{Look, clip, visible};

const BOX_WIDTH: f64 = 196.0;
const BOX_HEIGHT: f64 = 48.0;
const COLUMN_STEP: f64 = BOX_WIDTH + 56.0;
const ROW_STEP: f64 = BOX_HEIGHT + 16.0;
const MARGIN: f64 = 12.0;

/// Characters that fit into a box in the font of names.
const NAME_CHARS: usize = 23;
const DETAIL_CHARS: usize = 25;

/// A drawn graph; empty where there is nothing to draw.
#[derive(Clone, Debug, Template)]
#[template(path = "parts/graph.html")]
pub(crate) struct Graph {
    /// For whoever cannot see it.
    label: String,
    width: f64,
    height: f64,
    tiles: Vec<Tile>,
    edges: Vec<Edge>,
    /// Vertices that are not drawn on their own.
    folded: usize,
    count: usize,
}

impl HtmlSafe for Graph {}

#[derive(Clone, Debug)]
struct Tile {
    id: String,
    x: f64,
    y: f64,
    url: Option<String>,
    /// As it fits.
    name: String,
    /// All of it.
    title: String,
    look: &'static str,
    has_state: bool,
    detail: String,
    since: Option<String>,
    class: &'static str,
    is_open: bool,
    is_many: bool,
}

#[derive(Clone, Debug)]
struct Edge {
    id: String,
    path: String,
    /// What stands before it has ended well: the way is free.
    is_free: bool,
}

impl Graph {
    /// `many` makes the address of those with a common stem, for boxes that stand for many.
    pub(crate) fn new(label: &str, vertices: &[Vertex], many: impl Fn(&str) -> Option<String>) -> Self {
        let folded = fold(vertices);
        let last: Vec<usize> = (0..folded.boxes.len())
            .filter(|place| {
                let vertex = &vertices[folded.boxes[*place][0]];
                vertex.kind == Kind::Event && vertex.after.is_empty() && vertices.len() > 1
            })
            .collect();
        let layout = lay_out(folded.boxes.len(), &folded.edges, &last);
        let boxes = folded.boxes.iter().zip(&layout.places);
        let tiles: Vec<Tile> =
            boxes.map(|(members, place)| Tile::new(vertices, members, *place, &many)).collect();
        Self {
            label: label.to_owned(),
            width: 2.0 * MARGIN + layout.columns.max(1) as f64 * COLUMN_STEP - (COLUMN_STEP - BOX_WIDTH),
            height: 2.0 * MARGIN + layout.rows * ROW_STEP - (ROW_STEP - BOX_HEIGHT),
            edges: edges(vertices, &folded, &layout, &tiles),
            folded: folded.boxes.iter().filter(|members| members.len() > 1).map(Vec::len).sum(),
            count: vertices.len(),
            tiles,
        }
    }
}

impl Tile {
    fn new(
        vertices: &[Vertex],
        members: &[usize],
        (column, row): (usize, f64),
        many: &impl Fn(&str) -> Option<String>,
    ) -> Self {
        let (x, y) = (MARGIN + column as f64 * COLUMN_STEP, MARGIN + row * ROW_STEP);
        let first = &vertices[members[0]];
        if members.len() == 1 {
            let look = first.look();
            return Self {
                id: id_of(&first.name),
                x: tenth(x),
                y: tenth(y),
                url: first.url.clone(),
                name: clip(&first.name, NAME_CHARS),
                title: visible(&first.name),
                look: look.map_or("pending", Look::class),
                has_state: look.is_some(),
                detail: clip(&first.detail, DETAIL_CHARS),
                since: first.since.clone(),
                class: class_of(first.kind),
                is_open: first.is_open,
                is_many: false,
            };
        }
        let mut counts: BTreeMap<u8, (Look, usize)> = BTreeMap::new();
        for look in members.iter().filter_map(|at| vertices[*at].look()) {
            counts.entry(urgency(look)).or_insert((look, 0)).1 += 1;
        }
        let worst = counts.values().next().map(|(look, _)| *look);
        let is_common = members.iter().all(|at| stem(&vertices[*at].name) == stem(&first.name));
        let name = if is_common { visible(stem(&first.name)) } else { "actions".to_owned() };
        let words: Vec<String> =
            counts.values().map(|(look, count)| format!("{count} {}", look.glyph())).collect();
        Self {
            id: id_of(&format!("{} and {}", first.name, members.len())),
            x: tenth(x),
            y: tenth(y),
            url: is_common.then(|| many(stem(&first.name))).flatten(),
            name: clip(&format!("{} × {name}", members.len()), NAME_CHARS),
            title: format!("{} × {name}: {}", members.len(), words.join(", ")),
            look: worst.map_or("pending", Look::class),
            has_state: worst.is_some(),
            detail: words.join(" · "),
            since: None,
            class: class_of(first.kind),
            is_open: members.iter().any(|at| vertices[*at].is_open),
            is_many: true,
        }
    }
}

/// What a person should see first of many has the smallest number.
fn urgency(look: Look) -> u8 {
    match look {
        Look::Fail => 0,
        Look::Error => 1,
        Look::Lost => 2,
        Look::Running => 3,
        Look::Stopping => 4,
        Look::Waiting => 5,
        Look::Pending => 6,
        Look::Success => 7,
        Look::Ended => 8,
        Look::Skipped => 9,
    }
}

fn class_of(kind: Kind) -> &'static str {
    match kind {
        Kind::Plain => "",
        Kind::Generated => "generated",
        Kind::Event => "event",
    }
}

fn edges(vertices: &[Vertex], folded: &Folded, layout: &Layout, tiles: &[Tile]) -> Vec<Edge> {
    let is_done =
        |place: usize| folded.boxes[place].iter().all(|at| vertices[*at].look() == Some(Look::Success));
    let both = folded.edges.iter().zip(&layout.passages);
    both.map(|((from, to), passages)| {
        let (start, end) = (&tiles[*from], &tiles[*to]);
        let middle = |row: f64| MARGIN + row * ROW_STEP + BOX_HEIGHT / 2.0;
        let mut path = String::new();
        let (mut x, mut y) = (start.x + BOX_WIDTH, start.y + BOX_HEIGHT / 2.0);
        // writing into a string cannot fail
        let _ = write!(path, "M{} {}", tenth(x), tenth(y));
        let first = layout.places[*from].0 + 1;
        for (n, row) in passages.iter().enumerate() {
            let left = MARGIN + (first + n) as f64 * COLUMN_STEP;
            curve(&mut path, (x, y), (left, middle(*row)));
            let _ = write!(path, "H{}", tenth(left + BOX_WIDTH));
            (x, y) = (left + BOX_WIDTH, middle(*row));
        }
        curve(&mut path, (x, y), (end.x, end.y + BOX_HEIGHT / 2.0));
        Edge { id: format!("e{}-{}", &start.id[2..], &end.id[2..]), path, is_free: is_done(*from) }
    })
    .collect()
}

fn curve(path: &mut String, (x, y): (f64, f64), (to_x, to_y): (f64, f64)) {
    let half = (to_x - x) / 2.0;
    let _ = write!(
        path,
        "C{} {} {} {} {} {}",
        tenth(x + half),
        tenth(y),
        tenth(to_x - half),
        tenth(to_y),
        tenth(to_x),
        tenth(to_y)
    );
}

fn tenth(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

/// Names may be anything; ids of a page may not.
fn id_of(name: &str) -> String {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    format!("k-{:016x}", hasher.finish())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parts::Badge;

    fn vertex(name: &str, after: Vec<usize>, look: Look) -> Vertex {
        Vertex { after, badge: Some(Badge { look, word: "x" }), ..Vertex::new(name) }
    }

    #[test]
    fn a_box_of_many_counts_and_shows_the_worst() {
        let mut vertices = vec![vertex("root", vec![], Look::Success)];
        vertices.extend((0..200).map(|n| {
            let look = if n == 7 {
                Look::Fail
            } else if n < 180 {
                Look::Success
            } else {
                Look::Running
            };
            vertex(&format!("shard-{n}"), vec![0], look)
        }));

        let html = Graph::new("x", &vertices, |stem| Some(format!("?stem={stem}"))).render().unwrap();

        assert!(html.contains("200 × shard") && html.contains("1 ✕ · 20 ◉ · 179 ✓"), "{html}");
        assert!(html.contains("href=\"?stem=shard\"") && html.contains("#s-fail"), "{html}");
    }

    #[test]
    fn names_in_a_drawing_are_text() {
        let html = Graph::new("x", &[vertex("<b>\"'</svg>", vec![], Look::Fail)], |_| None).render().unwrap();

        assert!(!html.contains("<b>") && html.matches("</svg>").count() <= 2, "{html}");
    }
}
