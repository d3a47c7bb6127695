//! The list of works, by filter and page; both are in the address.

use actix_web::{HttpResponse, web};
use askama::Template;
use chrono::{DateTime, Utc};
use lp_protocol::client::ManagerClient;
use lp_protocol::views::{DEFAULT_PAGE, ListWorks};
use lp_protocol::{Stage, Status};
use serde::Deserialize;

use super::LIST;
use super::table::WorkTable;
use crate::failure::Failure;
use crate::frame::{Frame, Section};
use crate::pages::filters::{glob, parse, query};
use crate::pages::sheet::given;
use crate::pages::{Visit, html, text};
use crate::parts::{Empty, Field, FilterBar, Pager, clip};

/// The filter as it stands in the address; empty fields are what an unused form field sends.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub(crate) struct Filter {
    #[serde(default)]
    name: String,
    #[serde(default)]
    stage: String,
    #[serde(default)]
    status: String,
    #[serde(default)]
    workflow: String,
    #[serde(default)]
    schedule: String,
    #[serde(default)]
    cursor: String,
}

#[derive(Template)]
#[template(path = "works/list.html")]
struct Page {
    frame: Frame,
    filter: FilterBar,
    content: Works,
    pager: Pager,
}

/// The part that moves.
pub(crate) struct Works {
    table: WorkTable,
    older: Option<String>,
}

pub(crate) async fn show(visit: Visit, filter: web::Query<Filter>) -> Result<HttpResponse, Failure> {
    let filter = filter.into_inner();
    let content = Works::load(visit.client(), &filter, Utc::now()).await?;
    let title = match (filter.status.as_str(), filter.stage.as_str()) {
        ("", "") => "Works".to_owned(),
        ("", word) | (word, _) => format!("Works: {word}"),
    };
    let mut frame = visit.frame(Section::Works, &title);
    // an older page is history, and history stands still
    if filter.cursor.is_empty() {
        frame = frame.live(format!("/live?view=works&{}", filter.query()));
    }
    let pager = Pager {
        newest: (!filter.cursor.is_empty()).then(|| format!("{LIST}?{}", filter.without(&["cursor"]))),
        older: content.older.clone(),
    };
    html(&Page { frame, filter: filter.bar(), content, pager })
}

impl Works {
    pub(crate) async fn load(
        client: &ManagerClient,
        filter: &Filter,
        now: DateTime<Utc>,
    ) -> Result<Self, Failure> {
        let page = client.list_works(&filter.to_list()?).await?;
        let empty = match *filter == Filter::default() {
            true => Empty {
                text: "No works yet. A work is one run of a workflow:",
                commands: &["lp work create -w WORKFLOW --wait"],
            },
            false => Empty {
                text: "No work fits this filter. On the command line:",
                commands: &["lp work list --help"],
            },
        };
        let older = page.next_cursor.map(|cursor| {
            let older = Filter { cursor, ..filter.clone() };
            format!("{LIST}?{}", older.query())
        });
        Ok(Self { table: WorkTable::new(page.items, empty, now), older })
    }

    pub(crate) fn parts(&self) -> Result<Vec<(&'static str, String)>, Failure> {
        Ok(vec![("works", text(&self.table)?)])
    }
}

impl Filter {
    /// What a live page asks for.
    pub(crate) fn first_page([name, stage, status]: [String; 3], workflow: String, schedule: String) -> Self {
        Self { name, stage, status, workflow, schedule, cursor: String::new() }
    }

    fn query(&self) -> String {
        self.without(&[])
    }

    fn without(&self, left_out: &[&str]) -> String {
        let Filter { name, stage, status, workflow, schedule, cursor } = self;
        let fields = [
            ("name", name),
            ("stage", stage),
            ("status", status),
            ("workflow", workflow),
            ("schedule", schedule),
            ("cursor", cursor),
        ];
        query(fields.into_iter().filter(|(key, _)| !left_out.contains(key)))
    }

    fn bar(&self) -> FilterBar {
        let options = |any: &str, words: Vec<&str>| -> Vec<(String, String)> {
            let words = words.into_iter().map(|word| (word.to_owned(), word.to_owned()));
            [(String::new(), any.to_owned())].into_iter().chain(words).collect()
        };
        let stages = options("any", Stage::ALL.iter().map(|stage| stage.as_str()).collect());
        let statuses = options("any", Status::ALL.iter().map(|status| status.as_str()).collect());
        let mut fields = vec![
            Field::line("name", "Name", self.name.clone()).placeholder("any part, or with * and ?"),
            Field::choice("stage", "Stage", self.stage.clone(), stages),
            Field::choice("status", "Status", self.status.clone(), statuses),
        ];
        if !self.workflow.is_empty() {
            fields.push(Field::line("workflow", "Workflow", self.workflow.clone()));
        }
        if !self.schedule.is_empty() {
            fields.push(Field::line("schedule", "Schedule", self.schedule.clone()));
        }
        let on = [
            ("name", &self.name),
            ("stage", &self.stage),
            ("status", &self.status),
            ("workflow", &self.workflow),
            ("schedule", &self.schedule),
        ];
        on.into_iter().filter(|(_, value)| !value.is_empty()).fold(
            FilterBar::new(LIST, fields),
            |bar, (key, value)| {
                bar.chip(
                    format!("{key}: {}", clip(value, 40)),
                    format!("{LIST}?{}", self.without(&[key, "cursor"])),
                )
            },
        )
    }

    fn to_list(&self) -> Result<ListWorks, Failure> {
        Ok(ListWorks {
            workflow_id: parse(&self.workflow)?,
            schedule_id: parse(&self.schedule)?,
            name: glob(&self.name),
            stage: parse(&self.stage)?,
            status: parse(&self.status)?,
            cursor: given(&self.cursor),
            limit: Some(DEFAULT_PAGE),
            ..ListWorks::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_survives_the_way_through_the_address() {
        let filter = Filter { name: "a&b".to_owned(), status: "fail".to_owned(), ..Filter::default() };

        assert_eq!(filter.query(), "name=a%26b&status=fail");
        assert_eq!(filter.without(&["name"]), "status=fail");
        assert!(Filter { workflow: "x".to_owned(), ..Filter::default() }.to_list().is_err());
    }
}
