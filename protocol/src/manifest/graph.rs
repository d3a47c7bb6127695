//! Who waits for whom: cycles among conditions.
//!
//! Without recursion: a chain of as many actions as a manifest may hold must not need as many stack frames.

use crate::plan::Ordinal;

/// Finds a cycle; `waits_for[a]` lists the actions that `a` waits for, each below `waits_for.len()`.
///
/// Returns its members, each waiting for the next and the last for the first, beginning with the lowest. The same graph
/// gives the same cycle: the first that a walk in the order of the manifest meets.
pub fn find_cycle(waits_for: &[Vec<Ordinal>]) -> Option<Vec<Ordinal>> {
    #[derive(Clone, Copy, PartialEq)]
    enum Mark {
        New,
        OnPath,
        Done,
    }
    let mut marks = vec![Mark::New; waits_for.len()];
    for start in 0..waits_for.len() {
        if marks[start] != Mark::New {
            continue;
        }
        marks[start] = Mark::OnPath;
        // the way from `start` to where the walk is, with the number of conditions already followed at each stop
        let mut path: Vec<(usize, usize)> = vec![(start, 0)];
        while let Some((action, followed)) = path.last_mut() {
            let Some(next) = waits_for[*action].get(*followed) else {
                marks[*action] = Mark::Done;
                path.pop();
                continue;
            };
            *followed += 1;
            let next = *next as usize;
            match marks[next] {
                Mark::New => {
                    marks[next] = Mark::OnPath;
                    path.push((next, 0));
                }
                Mark::OnPath => return Some(close(&path, next)),
                Mark::Done => {}
            }
        }
    }
    None
}

/// Cuts the cycle out of a path whose last stop waits for `first`, and turns it so that the lowest comes first.
fn close(path: &[(usize, usize)], first: usize) -> Vec<Ordinal> {
    let members = path.iter().map(|(action, _)| *action).skip_while(|action| *action != first);
    let mut cycle: Vec<Ordinal> = members.map(|action| action as Ordinal).collect();
    let lowest = (0..cycle.len()).min_by_key(|position| cycle[*position]).unwrap_or(0);
    cycle.rotate_left(lowest);
    cycle
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn graphs_without_a_cycle_have_none() {
        for graph in [
            vec![],
            vec![vec![]],
            vec![vec![1, 2], vec![2], vec![]],
            vec![vec![], vec![0], vec![0], vec![1, 2]],
        ] {
            assert_eq!(find_cycle(&graph), None, "{graph:?}");
        }
    }

    #[test]
    fn a_cycle_is_cut_out_of_the_way_that_leads_to_it_and_begins_with_its_lowest() {
        for (graph, cycle) in [
            (vec![vec![0]], vec![0]),
            (vec![vec![1], vec![0]], vec![0, 1]),
            (vec![vec![3], vec![3], vec![1], vec![2]], vec![1, 3, 2]),
            (vec![vec![], vec![0, 2], vec![0, 3], vec![4], vec![1]], vec![1, 2, 3, 4]),
        ] {
            assert_eq!(find_cycle(&graph), Some(cycle), "{graph:?}");
        }
    }

    #[test]
    fn a_chain_or_circle_of_a_hundred_thousand_does_not_need_the_stack() {
        let mut graph: Vec<Vec<Ordinal>> = (1..=99_999).map(|next| vec![next]).chain([vec![]]).collect();
        assert_eq!(find_cycle(&graph), None);

        graph[99_999] = vec![0];

        assert_eq!(find_cycle(&graph).map(|cycle| cycle.len()), Some(100_000));
    }
}
