//! What people do with schedules, as changes of the core.

use lp_protocol::ScheduleId;
use serde_json::value::RawValue;

use super::handle::{Engine, Error};
use crate::core::schedule::record::{InstantRecord, ScheduleRecord};
use crate::core::schedule::{ScheduleEdit, sources_of};

impl Engine {
    pub async fn create_schedule(
        &self,
        record: ScheduleRecord,
        input: Option<Box<RawValue>>,
    ) -> Result<ScheduleRecord, Error> {
        self.apply(move |core, now| Ok(core.create_schedule(now, record, input)?)).await
    }

    pub async fn update_schedule(&self, id: ScheduleId, edit: ScheduleEdit) -> Result<ScheduleRecord, Error> {
        self.apply(move |core, now| Ok(core.update_schedule(now, id, edit)?)).await
    }

    pub async fn delete_schedule(&self, id: ScheduleId) -> Result<(), Error> {
        self.apply(move |core, now| Ok(core.delete_schedule(now, id)?)).await
    }

    /// Fires a schedule now; the answer tells what came of it. `record` is the schedule as the caller has just read it.
    pub async fn trigger_schedule(&self, record: &ScheduleRecord) -> Result<InstantRecord, Error> {
        let id = record.schedule_id;
        let unavailable = |error: crate::store::Error| Error::Unavailable { reason: error.to_string() };
        let sources = self.store.load_sources(&sources_of(record)).await.map_err(unavailable)?;
        self.apply(move |core, now| Ok(core.trigger_schedule(now, id, &sources)?)).await
    }
}
