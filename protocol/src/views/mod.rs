//! Requests and answers of `/api/v1`, one file per noun. Field names are LitePipeline's where it has the thing; times are
//! RFC 3339 with zone.

mod activity;
mod apps;
mod builds;
mod cluster;
mod environments;
mod gc;
mod log_times;
mod outline;
mod schedules;
mod services;
mod tasks;
mod tokens;
mod uploads;
mod versions;
mod workflows;
mod works;
mod workspaces;

pub use activity::*;
pub use apps::*;
pub use builds::*;
pub use cluster::*;
pub use environments::*;
pub use gc::*;
pub use log_times::*;
pub use outline::*;
pub use schedules::*;
pub use services::*;
pub use tasks::*;
pub use tokens::*;
pub use uploads::*;
pub use versions::*;
pub use workflows::*;
pub use works::*;
pub use workspaces::*;

use serde::{Deserialize, Serialize};

/// One page of a list, newest first.
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// Pass as `cursor` to get the next page; absent on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// Largest and standard page size of every list.
pub const MAX_PAGE: u32 = 1000;
pub const DEFAULT_PAGE: u32 = 50;
