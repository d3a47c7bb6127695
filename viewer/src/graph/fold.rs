//! Folding: many vertices that stand at the same place of the graph become one box with counts.
//!
//! Vertices are alike where their depth and the stem of their names are the same and what stands before and behind them is alike, so of 200
//! shards with 200 reports each row of 200 folds and the shape of the whole stays. Every edge leads from a smaller depth to a greater one, and
//! depth is part of being alike: what comes out can have no cycle. If that is still too much to draw, the likeness gets coarser: by stem, by
//! depth, at last by ranges of depth.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::vertex::{Kind, Vertex, stem};

/// Fewer alike are drawn each on its own.
const FEWEST_FOLDED: usize = 6;

/// Boxes at most; a person reads no more, and a browser draws these at once.
pub(super) const MOST_BOXES: usize = 300;

/// Rounds of looking at neighbours; each carries a difference one edge further.
const ROUNDS: usize = 8;

/// Positions of one or more vertices that are drawn as one box.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Folded {
    pub(super) boxes: Vec<Vec<usize>>,
    /// Between boxes, each once.
    pub(super) edges: Vec<(usize, usize)>,
}

pub(super) fn fold(vertices: &[Vertex]) -> Folded {
    let depths = depths(vertices);
    let alike = |class: &dyn Fn(usize) -> u64, fewest: usize| {
        let classes: Vec<u64> = (0..vertices.len()).map(class).collect();
        group(vertices, &classes, fewest)
    };
    let fine = refined(vertices, &depths);
    let mut folded = alike(&|at| fine[at], FEWEST_FOLDED);
    if folded.boxes.len() > MOST_BOXES {
        let stems = numbered((0..vertices.len()).map(|at| (depths[at], stem(&vertices[at].name))));
        folded = alike(&|at| stems[at], 2);
    }
    if folded.boxes.len() > MOST_BOXES {
        folded = alike(&|at| depths[at] as u64, 2);
    }
    if folded.boxes.len() > MOST_BOXES {
        let deepest = depths.iter().max().copied().unwrap_or(0) + 1;
        folded = alike(&|at| (depths[at] * MOST_BOXES / deepest) as u64, 2);
    }
    folded
}

/// The longest way to each from a beginning. Positions that do not exist and edges of a cycle count for nothing.
pub(super) fn depths(vertices: &[Vertex]) -> Vec<usize> {
    let count = vertices.len();
    let mut missing = vec![0_usize; count];
    let mut next: Vec<Vec<usize>> = vec![Vec::new(); count];
    for (at, vertex) in vertices.iter().enumerate() {
        for parent in vertex.after.iter().filter(|parent| **parent < count) {
            next[*parent].push(at);
            missing[at] += 1;
        }
    }
    let mut depths = vec![0; count];
    let mut ready: Vec<usize> = (0..count).filter(|at| missing[*at] == 0).collect();
    while let Some(at) = ready.pop() {
        for child in &next[at] {
            depths[*child] = depths[*child].max(depths[at] + 1);
            missing[*child] -= 1;
            if missing[*child] == 0 {
                ready.push(*child);
            }
        }
    }
    // events come after everything
    let deepest = depths.iter().max().copied().unwrap_or(0);
    let is_event = |vertex: &Vertex| vertex.kind == Kind::Event && vertex.after.is_empty();
    for (at, _) in vertices.iter().enumerate().filter(|(_, vertex)| is_event(vertex)) {
        depths[at] = deepest + 1;
    }
    depths
}

/// A number for each, the same for those that are alike.
fn refined(vertices: &[Vertex], depths: &[usize]) -> Vec<u64> {
    let count = vertices.len();
    let mut classes =
        numbered((0..count).map(|at| (depths[at], stem(&vertices[at].name), vertices[at].kind)));
    let mut behind: Vec<Vec<usize>> = vec![Vec::new(); count];
    for (at, vertex) in vertices.iter().enumerate() {
        for parent in vertex.after.iter().filter(|parent| **parent < count) {
            behind[*parent].push(at);
        }
    }
    let around = |neighbours: &[usize], classes: &[u64]| {
        let mut seen: Vec<u64> = neighbours.iter().filter(|at| **at < count).map(|at| classes[*at]).collect();
        seen.sort_unstable();
        seen.dedup();
        seen
    };
    let mut kinds = kinds(&classes);
    for _ in 0..ROUNDS {
        let next =
            numbered((0..count).map(|at| {
                (classes[at], around(&vertices[at].after, &classes), around(&behind[at], &classes))
            }));
        let finer = self::kinds(&next);
        classes = next;
        if finer == kinds {
            break;
        }
        kinds = finer;
    }
    classes
}

fn kinds(classes: &[u64]) -> usize {
    classes.iter().collect::<HashSet<_>>().len()
}

fn numbered<T: std::hash::Hash + Eq>(keys: impl Iterator<Item = T>) -> Vec<u64> {
    let mut known = HashMap::new();
    keys.map(|key| {
        let next = known.len() as u64;
        *known.entry(key).or_insert(next)
    })
    .collect()
}

fn group(vertices: &[Vertex], classes: &[u64], fewest: usize) -> Folded {
    let mut members: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
    for (at, class) in classes.iter().enumerate() {
        members.entry(*class).or_default().push(at);
    }
    let mut boxes: Vec<Vec<usize>> = Vec::new();
    for alike in members.into_values() {
        if alike.len() >= fewest {
            boxes.push(alike);
        } else {
            boxes.extend(alike.into_iter().map(|at| vec![at]));
        }
    }
    // in the order of their first members, which is the manifest's
    boxes.sort_unstable_by_key(|members| members[0]);
    let mut box_of = vec![0; vertices.len()];
    for (place, members) in boxes.iter().enumerate() {
        members.iter().for_each(|at| box_of[*at] = place);
    }
    let mut edges: Vec<(usize, usize)> = Vec::new();
    for (at, vertex) in vertices.iter().enumerate() {
        let parents = vertex.after.iter().filter(|parent| **parent < vertices.len());
        edges.extend(parents.map(|parent| (box_of[*parent], box_of[at])).filter(|(from, to)| from != to));
    }
    edges.sort_unstable();
    edges.dedup();
    Folded { boxes, edges }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vertex(name: String, after: Vec<usize>) -> Vertex {
        Vertex { after, ..Vertex::new(name) }
    }

    fn sizes(vertices: &[Vertex]) -> Vec<usize> {
        fold(vertices).boxes.iter().map(Vec::len).collect()
    }

    /// root -> shard-n -> check-n -> join
    fn fan(count: usize) -> Vec<Vertex> {
        let mut vertices = vec![vertex("root".to_owned(), vec![])];
        vertices.extend((0..count).map(|n| vertex(format!("shard-{n}"), vec![0])));
        vertices.extend((0..count).map(|n| vertex(format!("check-{n}"), vec![1 + n])));
        vertices.push(vertex("join".to_owned(), (1 + count..=2 * count).collect()));
        vertices
    }

    #[test]
    fn a_fan_of_many_is_four_boxes_and_one_of_few_stays() {
        let folded = fold(&fan(200));

        assert_eq!(folded.boxes.iter().map(Vec::len).collect::<Vec<_>>(), [1, 200, 200, 1]);
        assert_eq!(folded.edges, [(0, 1), (1, 2), (2, 3)]);
        assert_eq!(sizes(&fan(3)), [1; 8]);
    }

    #[test]
    fn what_has_another_place_is_not_folded_with_the_rest() {
        let mut vertices = fan(20);
        // one shard is waited for by one more
        vertices.push(vertex("audit".to_owned(), vec![7]));

        let folded = fold(&vertices);

        assert!(folded.boxes.contains(&vec![7]), "{folded:?}");
    }

    #[test]
    fn whatever_comes_is_few_boxes_without_a_cycle() {
        let chain: Vec<Vertex> = (0..10_000_usize)
            .map(|n| vertex(format!("a-{n}"), n.checked_sub(1).into_iter().collect()))
            .collect();
        let names: Vec<Vertex> = (0..10_000_usize)
            .map(|n| {
                let name: String = n.to_string().chars().map(|c| char::from(b'a' + c as u8 - b'0')).collect();
                vertex(name, if n < 100 { vec![] } else { vec![n / 100, n / 200] })
            })
            .collect();
        let broken = vec![vertex("a".to_owned(), vec![1, 77]), vertex("b".to_owned(), vec![0])];

        for vertices in [chain, names, fan(5_000), broken, Vec::new()] {
            let folded = fold(&vertices);
            assert!(folded.boxes.len() <= MOST_BOXES, "{}", folded.boxes.len());
            assert_eq!(folded.boxes.iter().map(Vec::len).sum::<usize>(), vertices.len());
            let depths = depths(&vertices);
            let depth = |place: usize| folded.boxes[place].iter().map(|at| depths[*at]).max();
            if vertices.len() > 2 {
                assert!(folded.edges.iter().all(|(from, to)| depth(*from) < depth(*to)));
            }
        }
    }
}
