//! What of a task the page shows is in its address, so that a link, the back button and a reload all lead to the same thing.

use serde::Deserialize;

use crate::parts::url_part;

/// The upper half of the page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Tab {
    #[default]
    Graph,
    Timeline,
    Actions,
    Io,
    History,
}

impl Tab {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Tab::Graph => "graph",
            Tab::Timeline => "timeline",
            Tab::Actions => "actions",
            Tab::Io => "io",
            Tab::History => "history",
        }
    }

    /// Whether an action is open below it.
    pub(crate) fn has_panel(self) -> bool {
        match self {
            Tab::Graph | Tab::Timeline | Tab::Actions => true,
            Tab::Io | Tab::History => false,
        }
    }
}

/// What is seen of the action that is open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Show {
    #[default]
    Log,
    Input,
    Output,
    Workspace,
    Why,
}

impl Show {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Show::Log => "log",
            Show::Input => "input",
            Show::Output => "output",
            Show::Workspace => "workspace",
            Show::Why => "why",
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub(crate) struct Address {
    #[serde(default)]
    pub(crate) tab: Tab,
    /// Empty: whatever tells most.
    #[serde(default)]
    pub(crate) action: String,
    /// Empty: the last one.
    #[serde(default)]
    pub(crate) attempt: String,
    #[serde(default)]
    pub(crate) show: Show,
    /// A file of the workspace.
    #[serde(default)]
    pub(crate) file: String,
    /// A part of the names in the list of actions.
    #[serde(default)]
    pub(crate) find: String,
    /// What the list of actions is sorted by.
    #[serde(default)]
    pub(crate) sort: String,
}

impl Address {
    /// As the query of the page's address; nothing stands in it that is not chosen.
    pub(crate) fn query(&self) -> String {
        let Address { tab, action, attempt, show, file, find, sort } = self;
        let tab = if *tab == Tab::default() { "" } else { tab.as_str() };
        let show = if *show == Show::default() { "" } else { show.as_str() };
        let fields = [
            ("tab", tab),
            ("action", action),
            ("attempt", attempt),
            ("show", show),
            ("file", file),
            ("find", find),
            ("sort", sort),
        ];
        let used = fields.iter().filter(|(_, value)| !value.is_empty());
        let query =
            used.map(|(key, value)| format!("{key}={}", url_part(value))).collect::<Vec<_>>().join("&");
        format!("?{query}")
    }

    pub(crate) fn on_tab(&self, tab: Tab) -> String {
        Self { tab, find: String::new(), sort: String::new(), ..self.clone() }.query()
    }

    /// With another action open; what is seen of it stays the same kind of thing.
    pub(crate) fn on_action(&self, action: &str) -> String {
        let show = if self.show == Show::Workspace { Show::Log } else { self.show };
        let action = action.to_owned();
        Self { action, show, attempt: String::new(), file: String::new(), ..self.clone() }.query()
    }

    pub(crate) fn on_attempt(&self, action: &str, attempt: u32) -> String {
        let (action, attempt) = (action.to_owned(), attempt.to_string());
        Self { action, attempt, file: String::new(), ..self.clone() }.query()
    }

    pub(crate) fn on_show(&self, show: Show) -> String {
        Self { show, file: String::new(), ..self.clone() }.query()
    }

    pub(crate) fn on_file(&self, file: &str) -> String {
        Self { show: Show::Workspace, file: file.to_owned(), ..self.clone() }.query()
    }

    pub(crate) fn sorted_by(&self, sort: &str) -> String {
        Self { sort: sort.to_owned(), ..self.clone() }.query()
    }

    /// The list of those whose names have a part in common.
    pub(crate) fn finding(&self, find: &str) -> String {
        Self { tab: Tab::Actions, find: find.to_owned(), sort: String::new(), ..self.clone() }.query()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_chosen_stands_in_the_address() {
        let here = Address { action: "a&b".to_owned(), ..Address::default() };

        assert_eq!(Address::default().query(), "?");
        assert_eq!(here.on_tab(Tab::Timeline), "?tab=timeline&action=a%26b");
        assert_eq!(here.on_attempt("c", 2), "?action=c&attempt=2");
        assert_eq!(here.on_file("d/e.txt"), "?action=a%26b&show=workspace&file=d%2Fe.txt");
        assert_eq!(here.finding("shard"), "?tab=actions&action=a%26b&find=shard");
    }
}
