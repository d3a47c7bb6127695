//! Applications, venvs, their versions, and what of the past goes.

use lp_protocol::views::{
    AppView, BuildView, GarbageKind, HolderView, VenvUsers, VenvView, VersionInfo, VersionView,
};

use super::{Cell, Column, Look, Row, Tint, col, text, wide};

fn version_cells(look: &Look, version: &VersionView) -> [Cell; 4] {
    let digest =
        if look.short_ids { version.digest.chars().take(12).collect() } else { version.digest.clone() };
    [
        Cell::plain(version.number),
        Cell::plain(text::size(version.size_bytes)),
        Cell::plain(&version.sha1),
        Cell::plain(digest),
    ]
}

impl Row for VersionView {
    const COLUMNS: &'static [Column] = &[
        col("id"),
        col("active"),
        wide("version_id"),
        col("sha1"),
        col("create_at"),
        col("create_by"),
        wide("activate_at"),
        col("size"),
        wide("digest"),
        col("description"),
    ];

    fn cells(&self, look: &Look) -> Vec<Cell> {
        let [number, size, _, digest] = version_cells(look, self);
        let sha1 = if look.short_ids { self.sha1.chars().take(12).collect() } else { self.sha1.clone() };
        let active = if self.active { Cell::new("active", Tint::Good) } else { Cell::new("-", Tint::Dim) };
        vec![
            number,
            active,
            Cell::plain(self.version_id),
            Cell::plain(sha1),
            look.time_cell(Some(self.create_at)),
            Cell::plain(&self.create_by),
            look.time_cell(self.activate_at),
            size,
            digest,
            Cell::plain(&self.description),
        ]
    }

    fn name(&self) -> String {
        self.number.to_string()
    }
}

impl Row for GarbageKind {
    const COLUMNS: &'static [Column] = &[col("kind"), col("count"), col("size"), col("kept")];

    fn cells(&self, _: &Look) -> Vec<Cell> {
        let Self { kind, count, bytes, rule } = self;
        let tint = if *count > 0 { Tint::Warn } else { Tint::Dim };
        vec![
            Cell::plain(kind.as_str()),
            Cell::new(count.to_string(), tint),
            Cell::maybe(bytes.map(text::size)),
            Cell::plain(rule),
        ]
    }

    fn name(&self) -> String {
        self.kind.as_str().to_owned()
    }
}

impl Row for BuildView {
    const COLUMNS: &'static [Column] = &[
        col("key"),
        col("kind"),
        col("what"),
        col("app"),
        wide("platform"),
        col("python"),
        col("state"),
        col("node"),
        col("size"),
        col("seconds"),
        col("used_at"),
        wide("create_at"),
        wide("digest"),
    ];

    fn cells(&self, look: &Look) -> Vec<Cell> {
        let key = if look.short_ids { self.key.chars().take(12).collect() } else { self.key.clone() };
        vec![
            Cell::plain(key),
            Cell::plain(self.recipe.source.kind()),
            Cell::plain(self.recipe.source.shown()),
            Cell::plain(&self.app),
            Cell::plain(&self.platform),
            Cell::plain(&self.python),
            crate::commands::venv_build::state_cell(self),
            Cell::plain(&self.node_name),
            Cell::maybe(self.size_bytes.map(text::size)),
            Cell::maybe(self.seconds.map(text::seconds)),
            look.time_cell(Some(self.used_at)),
            look.time_cell(Some(self.create_at)),
            Cell::maybe(self.digest.clone()),
        ]
    }

    fn name(&self) -> String {
        self.key.clone()
    }
}

impl Row for VersionInfo {
    const COLUMNS: &'static [Column] = VersionView::COLUMNS;

    fn cells(&self, look: &Look) -> Vec<Cell> {
        self.version.cells(look)
    }

    fn name(&self) -> String {
        self.version.name()
    }
}

impl Row for AppView {
    const COLUMNS: &'static [Column] = &[
        col("application_id"),
        col("name"),
        col("create_at"),
        col("update_at"),
        col("version"),
        wide("size"),
        wide("sha1"),
        wide("digest"),
        wide("description"),
    ];

    fn cells(&self, look: &Look) -> Vec<Cell> {
        let mut cells = vec![
            Cell::plain(look.id(self.app_id.0)),
            Cell::plain(&self.name),
            look.time_cell(Some(self.create_at)),
            look.time_cell(Some(self.update_at)),
        ];
        cells.extend(version_cells(look, &self.version));
        cells.push(Cell::plain(&self.description));
        cells
    }

    fn name(&self) -> String {
        self.name.clone()
    }
}

/// `2 apps, 3 tasks`, `-`.
fn users(users: &VenvUsers) -> String {
    let count = |count: u64, one: &str| match count {
        0 => None,
        1 => Some(format!("1 {one}")),
        many => Some(format!("{many} {one}s")),
    };
    let counts: Vec<_> = [count(users.apps.len() as u64, "app"), count(users.open_tasks, "task")]
        .into_iter()
        .flatten()
        .collect();
    if counts.is_empty() { "-".to_owned() } else { counts.join(", ") }
}

impl Row for VenvView {
    const COLUMNS: &'static [Column] = &[
        col("venv_id"),
        col("name"),
        col("create_at"),
        col("update_at"),
        col("version"),
        col("size"),
        col("users"),
        col("nodes"),
        wide("sha1"),
        wide("digest"),
        wide("description"),
    ];

    fn cells(&self, look: &Look) -> Vec<Cell> {
        let mut cells = vec![
            Cell::plain(look.id(self.venv_id.0)),
            Cell::plain(&self.name),
            look.time_cell(Some(self.create_at)),
            look.time_cell(Some(self.update_at)),
        ];
        let [number, size, sha1, digest] = version_cells(look, &self.version);
        let holders = |nodes: &Vec<HolderView>| nodes.iter().filter(|node| node.fault.is_none()).count();
        cells.extend([
            number,
            size,
            Cell::plain(users(&self.users)),
            Cell::maybe(self.nodes.as_ref().map(holders)),
            sha1,
            digest,
        ]);
        cells.push(Cell::plain(&self.description));
        cells
    }

    fn name(&self) -> String {
        self.name.clone()
    }
}
