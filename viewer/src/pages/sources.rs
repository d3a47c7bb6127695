//! What can be chosen to run in a form: applications and workflows by name, so that nobody types an id.

use lp_protocol::client::{ListPackages, ManagerClient};
use lp_protocol::views::MAX_PAGE;

use crate::failure::Failure;
use crate::parts::visible;

/// Values and words of a choice.
pub(super) type Options = Vec<(String, String)>;

/// Every application, by its name.
pub(super) async fn apps(client: &ManagerClient) -> Result<Options, Failure> {
    let list = ListPackages { limit: Some(MAX_PAGE), ..ListPackages::default() };
    let apps = client.list_apps(&list).await?.items;
    Ok(sorted(apps.into_iter().map(|app| (app.app_id.to_string(), visible(&app.name)))))
}

/// Applications and workflows; the values are `application/ID` and `workflow/ID`.
pub(super) async fn all(client: &ManagerClient) -> Result<Options, Failure> {
    let list = ListPackages { limit: Some(MAX_PAGE), ..ListPackages::default() };
    let (apps, workflows) =
        futures_util::future::try_join(client.list_apps(&list), client.list_workflows(&list)).await?;
    let apps = apps.items.into_iter();
    let workflows = workflows.items.into_iter();
    let mut out =
        sorted(apps.map(|app| {
            (format!("application/{}", app.app_id), format!("application {}", visible(&app.name)))
        }));
    out.extend(sorted(workflows.map(|workflow| {
        (format!("workflow/{}", workflow.workflow_id), format!("workflow {}", visible(&workflow.name)))
    })));
    Ok(out)
}

/// With "choose one" in front; what stands in the form already is always there, also where the list is too long to have it.
pub(super) fn choice(mut options: Options, value: &str, name: &str) -> Options {
    if !value.is_empty() && !options.iter().any(|(option, _)| option == value) {
        options.insert(0, (value.to_owned(), visible(name)));
    }
    options.insert(0, (String::new(), "choose one".to_owned()));
    options
}

/// A value as a command would have it, by name: `etl` of an application, `workflow/nightly` where there are two kinds.
pub(super) fn named(options: &Options, value: &str) -> String {
    let words = options.iter().find(|(option, _)| option == value).map(|(_, words)| words.as_str());
    match words {
        None => value.to_owned(),
        Some(words) if value.contains('/') => words.replacen(' ', "/", 1),
        Some(words) => words.to_owned(),
    }
}

fn sorted(options: impl Iterator<Item = (String, String)>) -> Options {
    let mut options: Options = options.collect();
    options.sort_by(|(_, one), (_, other)| one.cmp(other));
    options
}
