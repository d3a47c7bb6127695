//! Which packages the connected nodes hold.
//!
//! Told by the nodes and forgotten with their connections: it is shown to people and decides nothing, so it is worth no row. What a node
//! tells beyond [`MAX_TOLD_PACKAGES`] is not kept.

use std::collections::HashMap;

use lp_protocol::NodeId;
use lp_protocol::frames::{HeldPackage, MAX_TOLD_PACKAGES, PackageKey, PackageKind, PackageNews};
use lp_protocol::views::{CacheView, HolderView};

use super::Link;

/// Of a fault; a node sends a sentence or two.
const MAX_FAULT_CHARS: usize = 4000;

/// What one node has told.
#[derive(Debug, Default)]
pub(super) struct Told {
    packages: HashMap<PackageKey, HeldPackage>,
    used_bytes: u64,
    limit_bytes: u64,
}

impl Told {
    pub(super) fn take(&mut self, news: PackageNews) {
        let PackageNews { whole, held, gone, used_bytes, limit_bytes } = news;
        if whole {
            self.packages.clear();
        }
        for key in gone {
            self.packages.remove(&key);
        }
        for mut package in held {
            package.fault = package.fault.map(|fault| fault.chars().take(MAX_FAULT_CHARS).collect());
            if self.packages.len() < MAX_TOLD_PACKAGES || self.packages.contains_key(&package.key) {
                self.packages.insert(package.key.clone(), package);
            }
        }
        (self.used_bytes, self.limit_bytes) = (used_bytes, limit_bytes);
    }

    fn view(&self) -> CacheView {
        let packages = self.packages.values().filter(|package| package.fault.is_none()).count() as u64;
        CacheView { packages, used_bytes: self.used_bytes, limit_bytes: self.limit_bytes }
    }
}

impl Link {
    /// The connected nodes that have a package, or have failed to get it, by name.
    pub fn holders(&self, kind: PackageKind, digest: &str) -> Vec<HolderView> {
        let key = PackageKey { kind, digest: digest.to_owned() };
        let mut holders: Vec<_> = self
            .told()
            .iter()
            .filter_map(|(node_id, connected)| {
                let HeldPackage { key: _, bytes, python, fault } = connected.told.packages.get(&key)?.clone();
                Some(HolderView { node_id: *node_id, name: connected.name.clone(), bytes, python, fault })
            })
            .collect();
        holders.sort_by(|one, other| one.name.cmp(&other.name).then(one.node_id.cmp(&other.node_id)));
        holders
    }

    /// How full a connected node's cache is; None where it has not told.
    pub fn cache_of(&self, node_id: NodeId) -> Option<CacheView> {
        self.told().get(&node_id).map(|connected| connected.told.view()).filter(|cache| cache.limit_bytes > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(digit: char) -> HeldPackage {
        let key = PackageKey { kind: PackageKind::Venv, digest: digit.to_string().repeat(64) };
        HeldPackage { key, bytes: 10, python: None, fault: None }
    }

    #[test]
    fn news_are_laid_over_what_was_told_before() {
        let mut told = Told::default();
        let sums = PackageNews { used_bytes: 20, limit_bytes: 100, ..PackageNews::default() };

        told.take(PackageNews { whole: true, held: vec![held('a'), held('b')], ..sums.clone() });
        told.take(PackageNews { held: vec![held('c')], gone: vec![held('a').key], ..sums.clone() });
        let fault = HeldPackage { fault: Some("x".repeat(9000)), ..held('b') };
        told.take(PackageNews { held: vec![fault], ..sums.clone() });

        assert_eq!(told.view(), CacheView { packages: 1, used_bytes: 20, limit_bytes: 100 });
        let kept = told.packages[&held('b').key].fault.as_ref().map(String::len);
        assert_eq!(kept, Some(MAX_FAULT_CHARS));
        told.take(PackageNews { whole: true, ..sums });
        assert_eq!(told.view().packages, 0);
    }
}
