//! From a workflow's definition to what a work is made of: each application at one version, with its plan.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use lp_protocol::plan::Plan;
use lp_protocol::workflow::{self, AppName, AppRef, Definition};
use lp_protocol::{AppId, VersionId, WorkflowId};
use sea_orm::{ConnectionTrait, DatabaseTransaction, Value};
use serde_json::value::{RawValue, to_raw_value};
use uuid::Uuid;

use super::super::entity::columns::unsigned;
use super::super::load::read_plan;
use super::super::sql::{clean, placeholders, select_by_keys};
use super::super::{Error, Result, Store};
use crate::core::work::{WorkApp, WorkPlan, WorkSource};

/// The version of an application that a workflow means now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppChoice {
    pub app_id: AppId,
    pub version_id: VersionId,
}

/// Why a workflow cannot be run now.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    #[error("the application `{app}`{} does not exist", of(application))]
    NoApp { application: String, app: String },
    #[error("version {version}{} is none of the application `{app}`", of(application))]
    NoVersion { application: String, app: String, version: i64 },
    #[error(transparent)]
    Store(#[from] Error),
}

fn of(application: &str) -> String {
    format!(" of `{application}`")
}

impl Store {
    /// What a work of this workflow would be made of now; or why there can be none, in a sentence.
    pub async fn load_workflow_source(&self, workflow_id: WorkflowId) -> Result<Result<WorkSource, String>> {
        let Some(view) = self.find_workflow(workflow_id).await? else {
            return Ok(Err(format!("the workflow {workflow_id} was deleted")));
        };
        if !view.enable {
            return Ok(Err(format!("the workflow `{}` is disabled", view.name)));
        }
        let read = workflow::read(view.configuration.get().as_bytes());
        let parsed = match read.and_then(|value| workflow::compile(&value, false)) {
            Ok(parsed) => parsed,
            Err(error) => return Ok(Err(format!("the workflow `{}` cannot be used: {error}", view.name))),
        };
        match self.load_work_source(workflow_id, view.configuration, &parsed.definition).await {
            Ok(source) => Ok(Ok(source)),
            Err(SourceError::Store(error)) => Err(error),
            Err(error) => Ok(Err(format!("the workflow `{}` cannot be used: {error}", view.name))),
        }
    }

    /// Resolves what a definition names, as of one moment.
    ///
    /// # Errors
    /// The first application that is not there, or has no such version.
    pub async fn load_work_source(
        &self,
        workflow_id: WorkflowId,
        configuration: Box<RawValue>,
        definition: &Definition,
    ) -> Result<WorkSource, SourceError> {
        let transaction = self.begin_snapshot().await?;
        let source = self.load_work_source_in(&transaction, workflow_id, configuration, definition).await;
        transaction.rollback().await.map_err(Error::from)?;
        source
    }

    async fn load_work_source_in(
        &self,
        transaction: &DatabaseTransaction,
        workflow_id: WorkflowId,
        configuration: Box<RawValue>,
        definition: &Definition,
    ) -> Result<WorkSource, SourceError> {
        let Definition { applications, on_success, on_fail, fail_fast } = definition;
        let mut chosen = Chosen { store: self, transaction, known: BTreeMap::new() };
        let mut inputs = BTreeMap::new();
        let mut plan = WorkPlan {
            applications: Vec::with_capacity(applications.len()),
            on_success: None,
            on_fail: None,
            fail_fast: *fail_fast,
        };
        for application in applications {
            let mut app = chosen.app(&application.name, &application.app, &mut inputs).await?;
            app.condition = application.condition.clone();
            plan.applications.push(app);
        }
        if let Some(app) = on_success {
            plan.on_success = Some(chosen.app("success", app, &mut inputs).await?);
        }
        if let Some(app) = on_fail {
            plan.on_fail = Some(chosen.app("fail", app, &mut inputs).await?);
        }
        let versions: BTreeSet<VersionId> = plan.versions().collect();
        let plans = self.load_living_plans(transaction, &versions).await?;
        Ok(WorkSource { workflow_id, plan: Arc::new(plan), configuration, inputs, plans })
    }

    /// The plans of these versions.
    ///
    /// # Errors
    /// `NotFound` where the application of one is deleted.
    pub(super) async fn load_living_plans(
        &self,
        transaction: &DatabaseTransaction,
        versions: &BTreeSet<VersionId>,
    ) -> Result<BTreeMap<VersionId, Arc<Plan>>> {
        let keys: Vec<[Value; 1]> = versions.iter().map(|version| [(*version).into()]).collect();
        let sql = "SELECT v.version_id, v.plan, p.name, p.delete_at FROM versions v \
                   JOIN packages p ON p.package_id = v.package_id WHERE v.version_id IN ({keys}) AND v.delete_at IS NULL";
        let mut plans = BTreeMap::new();
        for row in select_by_keys(transaction, sql, &keys).await? {
            let version: VersionId = row.try_get("", "version_id")?;
            if row.try_get::<Option<i64>>("", "delete_at")?.is_some() {
                return Err(Error::not_found("app", row.try_get::<String>("", "name")?));
            }
            let plan = read_plan(&row).map_err(|damage| damage.of("versions", version))?;
            plans.insert(version, Arc::new(plan));
        }
        match versions.iter().find(|version| !plans.contains_key(version)) {
            Some(missing) => Err(Error::not_found("version", missing)),
            None => Ok(plans),
        }
    }

    /// How people know the versions of a plan, those of deleted applications too.
    pub(super) async fn load_named_versions(
        &self,
        transaction: &DatabaseTransaction,
        plan: &WorkPlan,
    ) -> Result<BTreeMap<VersionId, NamedVersion>> {
        let versions: BTreeSet<VersionId> = plan.versions().collect();
        let keys: Vec<[Value; 1]> = versions.iter().map(|version| [(*version).into()]).collect();
        let sql = "SELECT v.version_id, p.name, v.number FROM versions v JOIN packages p ON p.package_id = v.package_id \
                   WHERE v.version_id IN ({keys})";
        let mut names = BTreeMap::new();
        for row in select_by_keys(transaction, sql, &keys).await? {
            let version: VersionId = row.try_get_by_index(0)?;
            let number = unsigned("number", row.try_get_by_index(2)?);
            let number = number.map_err(|damage| damage.of("versions", version))?;
            names.insert(version, NamedVersion { app: row.try_get_by_index(1)?, number });
        }
        Ok(names)
    }
}

/// A version as people know it.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedVersion {
    pub app: String,
    /// Within the application.
    pub number: u32,
}

/// The applications looked up so far: a workflow may name one many times.
struct Chosen<'a> {
    store: &'a Store,
    transaction: &'a DatabaseTransaction,
    known: BTreeMap<AppName, Option<AppChoice>>,
}

impl Chosen<'_> {
    async fn app(
        &mut self,
        application: &str,
        wanted: &AppRef,
        inputs: &mut BTreeMap<String, Box<RawValue>>,
    ) -> Result<WorkApp, SourceError> {
        let AppRef { app, version, input, priority } = wanted;
        let choice = match self.known.get(app) {
            Some(choice) => choice.clone(),
            None => {
                let choice = self.active(app).await?;
                self.known.insert(app.clone(), choice.clone());
                choice
            }
        };
        let no_app = || SourceError::NoApp { application: application.to_owned(), app: app.to_string() };
        let AppChoice { app_id, version_id } = choice.ok_or_else(no_app)?;
        let version_id = match version {
            None => version_id,
            Some(pinned) => match self.numbered(app_id, *pinned).await? {
                Some(version_id) => version_id,
                None => {
                    let (application, app) = (application.to_owned(), app.to_string());
                    return Err(SourceError::NoVersion { application, app, version: *pinned });
                }
            },
        };
        if !input.is_empty() {
            let input = to_raw_value(input).expect("a JSON object is JSON");
            inputs.insert(application.to_owned(), input);
        }
        let name = application.to_owned();
        Ok(WorkApp { name, condition: Vec::new(), app_id, version_id, priority: *priority })
    }

    /// The active version of a living application.
    async fn active(&self, app: &AppName) -> Result<Option<AppChoice>> {
        let (condition, value): (_, Value) = match app {
            AppName::Id(id) => ("p.package_id = ?", id.0.into()),
            AppName::Name(name) => ("p.name = ?", clean(name).into()),
        };
        let sql = format!(
            "SELECT p.package_id, p.version_id FROM packages p \
             WHERE {condition} AND p.kind = 'app' AND p.delete_at IS NULL"
        );
        let statement = self.store.statement(placeholders(self.store.backend, &sql), [value]);
        let Some(row) = self.transaction.query_one_raw(statement).await? else { return Ok(None) };
        let app_id = AppId(row.try_get_by_index::<Uuid>(0)?);
        Ok(Some(AppChoice { app_id, version_id: row.try_get_by_index(1)? }))
    }

    /// The version with this number within its application, as people know it.
    async fn numbered(&self, app_id: AppId, number: i64) -> Result<Option<VersionId>> {
        let sql = "SELECT version_id FROM versions WHERE package_id = ? AND number = ? AND delete_at IS NULL";
        let statement =
            self.store.statement(placeholders(self.store.backend, sql), [app_id.0.into(), number.into()]);
        let row = self.transaction.query_one_raw(statement).await?;
        Ok(row.map(|row| row.try_get_by_index(0)).transpose()?)
    }
}
