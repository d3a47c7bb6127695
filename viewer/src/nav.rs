//! The places of the viewer, in the order of the rail. The rail, the palette and the keyboard (`g` and a letter) are made from this one table.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Section {
    Overview,
    Tasks,
    Works,
    Apps,
    Workflows,
    Schedules,
    Services,
    Venvs,
    Nodes,
    /// Not in the rail.
    Elsewhere,
}

impl Section {
    /// Its line of the rail.
    pub(crate) fn place(self) -> Option<&'static Place> {
        PLACES.iter().find(|place| place.section == self)
    }
}

/// One line of the rail.
pub(crate) struct Place {
    pub(crate) section: Section,
    pub(crate) name: &'static str,
    /// Where nine names stand beside one another.
    pub(crate) short: &'static str,
    pub(crate) url: &'static str,
    /// The name of its picture in the layout.
    pub(crate) icon: &'static str,
    /// After `g`.
    pub(crate) key: char,
}

impl Place {
    const fn new(
        section: Section,
        [name, short]: [&'static str; 2],
        [url, icon]: [&'static str; 2],
        key: char,
    ) -> Self {
        Self { section, name, short, url, icon, key }
    }
}

pub(crate) static PLACES: [Place; 9] = [
    Place::new(Section::Overview, ["Overview", "Overview"], ["/", "overview"], 'o'),
    Place::new(Section::Tasks, ["Tasks", "Tasks"], ["/tasks", "tasks"], 't'),
    Place::new(Section::Works, ["Works", "Works"], ["/works", "works"], 'w'),
    Place::new(Section::Apps, ["Applications", "Apps"], ["/apps", "apps"], 'a'),
    Place::new(Section::Workflows, ["Workflows", "Workflows"], ["/workflows", "workflows"], 'f'),
    Place::new(Section::Schedules, ["Schedules", "Schedules"], ["/schedules", "schedules"], 's'),
    Place::new(Section::Services, ["Services", "Services"], ["/services", "services"], 'v'),
    Place::new(Section::Venvs, ["Venvs", "Venvs"], ["/venvs", "venvs"], 'e'),
    Place::new(Section::Nodes, ["Nodes", "Nodes"], ["/nodes", "nodes"], 'n'),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_places_share_a_key_or_an_address() {
        for (n, place) in PLACES.iter().enumerate() {
            for other in &PLACES[n + 1..] {
                assert_ne!(place.key, other.key);
                assert_ne!(place.url, other.url);
                assert_ne!(place.section, other.section);
            }
        }
    }
}
