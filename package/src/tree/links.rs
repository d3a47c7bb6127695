//! Where links end.
//!
//! A target can look as if it stayed inside and leave through another link on its way (`a/l -> ..`, `m -> a/l/../x`), and
//! that other link may come later in the archive. So links are followed through the finished tree, as the kernel would.

use crate::error::ArchiveError;
use crate::limits::RootPolicy;

use super::nodes::{Kind, Link, ROOT, Tree};

/// Steps all links together may take to be followed: a real package with 100,000 links needs about a million, and the
/// limit keeps chains of chains from costing hours (10 million steps are about a second).
const MAX_LINK_STEPS: u64 = 10_000_000;
/// Links followed in one resolution, as Linux does (path_resolution(7)); beyond it opening fails with ELOOP.
const MAX_HOPS: u32 = 40;

impl Tree {
    /// Follows every link through the finished tree, links in its way included, and refuses those that leave the root.
    /// Absolute targets have been judged before by the policy and end the walk.
    pub(crate) fn check_links(&self, policy: RootPolicy) -> Result<(), ArchiveError> {
        let boundary = match policy {
            RootPolicy::StripSingle => self.single_root_node().map_or(ROOT, |(top, _)| top),
            RootPolicy::Keep => ROOT,
        };
        let mut steps = MAX_LINK_STEPS;
        let mut links: Vec<_> = self.links.iter().collect();
        links.sort_unstable_by_key(|(node, _)| **node);
        for (&node, link) in links {
            self.check_link(node, link, boundary, &mut steps)?;
        }
        Ok(())
    }

    fn check_link(&self, node: u32, link: &Link, boundary: u32, steps: &mut u64) -> Result<(), ArchiveError> {
        let mut at = self.nodes[node as usize].parent;
        let mut missing = 0_u32; // components below `at` that are not in the tree
        let mut hops = 0;
        let mut todo = Vec::new();
        if !push_target(&mut todo, &link.target, steps)? {
            return Ok(());
        }
        while let Some(component) = todo.pop() {
            match component {
                "" | "." => continue,
                ".." if missing > 0 => missing -= 1,
                ".." if at == boundary => {
                    let (entry, target) = (link.entry.to_string(), link.target.to_string());
                    return Err(ArchiveError::TargetOutside { entry, target });
                }
                ".." => at = self.nodes[at as usize].parent,
                _ if missing > 0 => missing += 1,
                name => match self.child(at, name).map(|child| (child, self.nodes[child as usize].kind)) {
                    Some((child, Kind::Dir | Kind::ImpliedDir)) => at = child,
                    Some((_, Kind::File)) | None => missing = 1,
                    Some((child, Kind::Symlink)) => {
                        hops += 1;
                        if hops > MAX_HOPS || !push_target(&mut todo, &self.links[&child].target, steps)? {
                            return Ok(());
                        }
                    }
                },
            }
        }
        Ok(())
    }
}

/// Puts a target's components on the stack, the first on top, and pays for them. Returns false for an absolute target,
/// which ends the walk.
fn push_target<'a>(todo: &mut Vec<&'a str>, target: &'a str, steps: &mut u64) -> Result<bool, ArchiveError> {
    if target.starts_with('/') {
        return Ok(false);
    }
    let before = todo.len();
    todo.extend(target.split('/').rev());
    let cost = (todo.len() - before) as u64;
    *steps = steps.checked_sub(cost).ok_or(ArchiveError::LinkMaze { limit: MAX_LINK_STEPS })?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::super::nodes::tests::tree;
    use super::*;

    #[test]
    fn links_that_stay_inside_are_accepted() {
        let table: [&[&str]; 6] = [
            &["bin/", "lib/a", "bin/l -> ../lib/a"],
            &["a/b/", "a/l -> b/../../a/b", "c"],
            &["l -> missing/x", "c"],
            &["l -> m", "m -> l"],
            &["a/l -> .", "m -> a/l/l/l", "c"],
            &["app/l -> ../app2/x", "app2/x"],
        ];
        for entries in table {
            tree(entries).unwrap().check_links(RootPolicy::StripSingle).unwrap();
        }
    }

    #[test]
    fn links_that_leave_the_root_are_refused_however_they_are_chained() {
        let table: [&[&str]; 6] = [
            &["l -> ../x"],
            &["a/b/l -> ../../../x"],
            &["app/l -> ../x"],                   // outside once `app` is stripped
            &["a/l -> ..", "m -> a/l/../x", "c"], // looks like `a/x`, is `../x`
            &["m -> a/l/../x", "c", "a/l -> .."], // the same with the second link later
            &["d/e/f/", "s -> d/e/f", "t -> s/../../../../x", "c"],
        ];
        for entries in table {
            let refused = tree(entries).and_then(|tree| tree.check_links(RootPolicy::StripSingle));
            assert!(matches!(refused, Err(ArchiveError::TargetOutside { .. })), "{entries:?}: {refused:?}");
        }
    }

    #[test]
    fn a_link_out_of_the_single_root_is_fine_if_that_root_is_kept() {
        let tree = tree(&["app/l -> ../x"]).unwrap();

        assert!(tree.check_links(RootPolicy::Keep).is_ok());
        assert!(tree.check_links(RootPolicy::StripSingle).is_err());
    }

    #[test]
    fn chains_of_chains_cost_a_bounded_number_of_steps() {
        let wide = "./".repeat(2000);
        let mut entries: Vec<String> = (0..39).map(|i| format!("c{i} -> {wide}c{}", i + 1)).collect();
        entries.extend((0..1000).map(|i| format!("l{i} -> c0")));
        let entries: Vec<&str> = entries.iter().map(String::as_str).collect();

        let refused = tree(&entries).unwrap().check_links(RootPolicy::Keep);

        assert!(matches!(refused, Err(ArchiveError::LinkMaze { .. })));
    }
}
