//! The store on both backends: one suite, each test twice.

#[path = "../common/db.rs"]
mod db;

mod activity;
mod builds;
mod catalogue;
mod cluster;
mod commit;
mod damage;
mod lease;
mod list;
mod logs;
mod model;
mod outage;
mod retention;
mod samples;
mod standing;
mod tokens;
mod venv_users;
mod versions;
mod works;

/// Defines tests that are given an empty database of each backend.
macro_rules! on_both_backends {
    ($($(#[$attribute:meta])* async fn $name:ident($db:ident) $body:block)+) => {$(
        $(#[$attribute])*
        mod $name {
            use super::*;

            async fn check($db: crate::db::Db) $body

            #[tokio::test]
            async fn sqlite() {
                check(crate::db::Db::sqlite()).await
            }

            #[tokio::test]
            async fn postgres() {
                check(crate::db::Db::postgres().await).await
            }
        }
    )+};
}
pub(crate) use on_both_backends;
