//! The works' part of a commit.

use sea_orm::{DatabaseTransaction, Value};

use super::super::Result;
use super::super::entity::work;
use super::super::sql::{Insert, execute_by_keys};
use crate::core::record::Changes;
use crate::core::work::NewWork;

const INSERT_COPY: Insert<5> = Insert {
    table: "work_copies",
    columns: ["work_id", "plan", "configuration", "inputs", "input"],
    tail: "",
};

/// An application may stand in a workflow several times.
const INSERT_VERSION: Insert<2> =
    Insert { table: "work_versions", columns: ["version_id", "work_id"], tail: "ON CONFLICT DO NOTHING" };

/// Writes the new, the changed and the deleted works; tasks are written and deleted by themselves.
pub(in super::super) async fn write(transaction: &DatabaseTransaction, changes: &Changes) -> Result<()> {
    let Changes { new_works, works, deleted_works, .. } = changes;
    if !new_works.is_empty() {
        insert(transaction, new_works).await?;
    }
    if !works.is_empty() {
        work::UPDATE.execute(transaction, works.values().map(work::values).collect()).await?;
    }
    if !deleted_works.is_empty() {
        let keys: Vec<[Value; 1]> = deleted_works.iter().map(|work_id| [work_id.0.into()]).collect();
        execute_by_keys(transaction, "DELETE FROM works WHERE work_id IN ({keys})", &keys).await?;
    }
    Ok(())
}

async fn insert(transaction: &DatabaseTransaction, new_works: &[NewWork]) -> Result<()> {
    let mut rows = Vec::with_capacity(new_works.len());
    let mut copies = Vec::with_capacity(new_works.len());
    let mut versions = Vec::new();
    for NewWork { record, source, input } in new_works {
        let work_id = record.work_id.0;
        rows.push(work::values(record));
        let plan = serde_json::to_string(&*source.plan).expect("a plan is plain data");
        let inputs = serde_json::to_string(&source.inputs).expect("objects by name are plain data");
        let input = input.as_ref().map(|input| input.get().to_owned());
        let configuration = source.configuration.get().to_owned();
        copies.push([work_id.into(), plan.into(), configuration.into(), inputs.into(), input.into()]);
        versions.extend(source.plans.keys().map(|version| [(*version).into(), work_id.into()]));
    }
    work::INSERT.execute(transaction, rows).await?;
    INSERT_COPY.execute(transaction, copies).await?;
    INSERT_VERSION.execute(transaction, versions).await
}
