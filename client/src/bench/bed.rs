//! The test bed: a cluster, the limit on the same disk, and what the workloads share.

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

use super::apps::{self, App};
use super::args::Sizes;
use super::cluster::Cluster;
use super::drive::failed;
use super::limit::Limit;
use crate::commands::Session;
use crate::failure::Failure;

pub(super) struct Bed<'s> {
    session: &'s Session,
    pub(super) sizes: Sizes,
    pub(super) cluster: Cluster,
    limit: Limit,
    /// Where applications are packed.
    directory: PathBuf,
    apps: RefCell<HashMap<&'static str, App>>,
}

impl<'s> Bed<'s> {
    /// `directory` is this bed's own; what is in it goes with its parent.
    pub(super) async fn new(
        session: &'s Session,
        sizes: Sizes,
        directory: PathBuf,
        slots: Option<u16>,
    ) -> Result<Self, Failure> {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let file_error = |source| Failure::File { what: "write", path: directory.clone(), source };
        let limit = Limit::new(directory.join("limit"), processors).map_err(file_error)?;
        let cluster = Cluster::start(&directory.join("cluster"), slots).await?;
        Ok(Self {
            session,
            sizes,
            cluster,
            limit,
            directory: directory.join("apps"),
            apps: RefCell::default(),
        })
    }

    /// The application of this name, uploaded at the first call.
    pub(super) async fn app(&self, name: &'static str, manifest: &Value) -> Result<App, Failure> {
        if let Some(app) = self.apps.borrow().get(name) {
            return Ok(*app);
        }
        let app = apps::upload(&self.cluster.client, &self.directory, name, manifest).await?;
        // the node has fetched and unpacked it after this
        super::drive::one(&self.cluster.client, &app).await?;
        self.apps.borrow_mut().insert(name, app);
        Ok(app)
    }

    /// Measures without the platform. The cluster has nothing to do meanwhile, and neither has this thread.
    pub(super) fn limit<T>(&self, measure: impl FnOnce(&Limit) -> std::io::Result<T>) -> Result<T, Failure> {
        measure(&self.limit).map_err(|error| failed(format!("the limit cannot be measured: {error}")))
    }

    /// Lets what was begun come to an end: page caches, timers, sweeps.
    pub(super) async fn rest(&self) {
        tokio::time::sleep(Duration::from_secs(self.sizes.rest_seconds)).await;
    }

    pub(super) fn progress(&self, text: &str) {
        self.session.out.note(text);
    }

    pub(super) fn note(&self, text: &str) {
        self.session.out.warn(text);
    }
}
