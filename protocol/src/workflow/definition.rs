//! A workflow that holds: names are unique and safe, conditions name applications of it, there is no cycle.

use serde_json::{Map, Value};

use crate::AppId;
use crate::plan::Ordinal;

#[derive(Clone, Debug, PartialEq)]
pub struct Definition {
    /// The vertices, in the order they were written.
    pub applications: Vec<Application>,
    /// Runs once after all have succeeded.
    pub on_success: Option<AppRef>,
    /// Runs once after the work has ended in any other way.
    pub on_fail: Option<AppRef>,
    /// Stops what runs, and starts nothing more, as soon as one has failed.
    pub fail_fast: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Application {
    /// Becomes the name of its task and the key of its result in the input of those that wait for it.
    pub name: String,
    /// The applications that must have succeeded before this one starts.
    pub condition: Vec<Ordinal>,
    pub app: AppRef,
}

/// An application to run, and how.
#[derive(Clone, Debug, PartialEq)]
pub struct AppRef {
    pub app: AppName,
    /// Its number within the application, as `lp app history list` shows it. None: the one that is active when the work is created.
    pub version: Option<i64>,
    /// Laid over the work's input.
    pub input: Map<String, Value>,
    /// Added to the work's own.
    pub priority: i32,
}

/// How a definition names an application: the id stays with it, the name with whatever has it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AppName {
    Id(AppId),
    Name(String),
}

impl std::fmt::Display for AppName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Id(id) => id.fmt(f),
            Self::Name(name) => f.write_str(&crate::manifest::names::shown(name)),
        }
    }
}

impl Definition {
    /// Every application it names: those of the graph, then those of the events.
    pub fn app_refs(&self) -> impl Iterator<Item = &AppRef> {
        let graph = self.applications.iter().map(|application| &application.app);
        graph.chain(&self.on_success).chain(&self.on_fail)
    }
}
