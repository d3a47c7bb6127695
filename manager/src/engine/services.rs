//! What people do with services, as changes of the core.

use std::sync::Arc;

use lp_protocol::plan::Plan;
use lp_protocol::{AppId, ServiceId, VersionId};
use serde_json::value::RawValue;

use super::handle::{Engine, Error};
use crate::core::service::ServiceEdit;
use crate::core::service::record::ServiceRecord;

impl Engine {
    pub async fn create_service(
        &self,
        record: ServiceRecord,
        plan: Arc<Plan>,
        input: Option<Box<RawValue>>,
    ) -> Result<ServiceRecord, Error> {
        self.apply(move |core, now| Ok(core.create_service(now, record, plan, input))).await
    }

    pub async fn update_service(&self, id: ServiceId, edit: ServiceEdit) -> Result<ServiceRecord, Error> {
        self.apply(move |core, now| Ok(core.update_service(now, id, edit)?)).await
    }

    pub async fn restart_service(&self, id: ServiceId) -> Result<ServiceRecord, Error> {
        self.apply(move |core, now| Ok(core.restart_service(now, id)?)).await
    }

    pub async fn delete_service(&self, id: ServiceId) -> Result<(), Error> {
        self.apply(move |core, now| Ok(core.delete_service(now, id)?)).await
    }

    /// Says that this version is the application's active one now: the services that follow it take it.
    pub async fn app_activated(&self, app_id: AppId, version_id: VersionId) -> Result<(), Error> {
        self.apply(move |core, now| {
            core.app_activated(now, app_id, version_id);
            Ok(())
        })
        .await
    }
}
