//! Every route, once: registration, the documentation and the tests are made from this one table.

use actix_web::http::header;
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use lp_protocol::ErrorCode;

use super::activity;
use super::failure::Failure;
use super::openapi::Everywhere;
use super::uploads;
use super::{
    apps, blobs, cluster, doctor, events, gc, join_tokens, logs, node, node_control, nodes, tasks, venvs,
    versions, whoami, workspaces,
};
use super::{builds, schedules, services, tokens};
use super::{workflows, works};

macro_rules! routes {
    ($($path:literal { $($method:ident $handler:path;)+ })+) => {
        /// Method and path of every route.
        #[cfg(test)]
        pub(crate) const ROUTES: &[(&str, &str)] = &[$($((stringify!($method), $path),)+)+];

        /// All of them, for `openapi`.
        #[derive(utoipa::OpenApi)]
        #[openapi(
            info(title = "lp manager", description = "Applications, tasks, logs and nodes of one cluster."),
            paths($($($handler),+),+),
            components(schemas(lp_protocol::ApiError)),
            modifiers(&Everywhere)
        )]
        pub(crate) struct Described;

        pub(crate) fn register(config: &mut ServiceConfig) {
            $(
                config.service(
                    web::resource($path)
                        $(.route(web::$method().to($handler)))+
                        .default_service(web::to(|request: HttpRequest| {
                            refuse_method(request, &[$(stringify!($method)),+])
                        })),
                );
            )+
            config.default_service(web::to(refuse_path));
        }
    };
}

routes! {
    "/health" { get cluster::health; }
    "/metrics" { get cluster::metrics; }
    "/api/v1/health" { get cluster::api_health; }
    "/api/v1/status" { get cluster::status; }
    "/api/v1/whoami" { get whoami::show; }
    "/api/v1/activity" { get activity::show; }
    "/api/v1/openapi.json" { get cluster::openapi; }
    "/api/v1/events" { get events::follow; }

    "/api/v1/blobs" { post blobs::upload; }
    "/api/v1/blobs/{digest}" { head blobs::find; put blobs::upload_named; }

    "/api/v1/uploads" { post uploads::open; }
    "/api/v1/uploads/{upload}" { get uploads::show; patch uploads::append; delete uploads::abandon; }
    "/api/v1/uploads/{upload}/finish" { post uploads::finish; }

    "/api/v1/apps" { get apps::list; post apps::create; }
    "/api/v1/apps/{app}" { get apps::show; patch apps::update; delete apps::delete; }
    "/api/v1/apps/{app}/package" { get apps::download; }
    "/api/v1/apps/{app}/diff" { get versions::apps::diff; }
    "/api/v1/apps/{app}/versions" { get versions::apps::list; }
    "/api/v1/apps/{app}/versions/{version}" { get versions::apps::show; delete versions::apps::delete; }
    "/api/v1/apps/{app}/versions/{version}/activate" { post versions::apps::activate; }
    "/api/v1/apps/{app}/versions/{version}/package" { get versions::apps::download; }
    "/api/v1/venvs" { get venvs::list; post venvs::create; }
    "/api/v1/venvs/{venv}" { get venvs::show; patch venvs::update; delete venvs::delete; }
    "/api/v1/venvs/{venv}/package" { get venvs::download; }
    "/api/v1/venvs/{venv}/doctor" { get doctor::check; }
    "/api/v1/venvs/{venv}/diff" { get versions::venvs::diff; }
    "/api/v1/venvs/{venv}/versions" { get versions::venvs::list; }
    "/api/v1/venvs/{venv}/versions/{version}" { get versions::venvs::show; delete versions::venvs::delete; }
    "/api/v1/venvs/{venv}/versions/{version}/activate" { post versions::venvs::activate; }
    "/api/v1/venvs/{venv}/versions/{version}/package" { get versions::venvs::download; }

    "/api/v1/builds" { get builds::list; }
    "/api/v1/builds/{key}" { get builds::show; delete builds::delete; }
    "/api/v1/builds/{key}/log" { get builds::log; }
    "/api/v1/builds/{key}/retry" { post builds::retry; }

    "/api/v1/gc" { post gc::collect; }
    "/api/v1/tasks" { get tasks::list; post tasks::create; }
    "/api/v1/tasks/batch" { post tasks::create_batch; }
    "/api/v1/tasks/bulk" { post tasks::bulk; }
    "/api/v1/tasks/{task}" { get tasks::show; delete tasks::delete; }
    "/api/v1/tasks/{task}/outline" { get tasks::outline; }
    "/api/v1/tasks/{task}/input" { get tasks::input; }
    "/api/v1/tasks/{task}/actions/{action}/output" { get tasks::output; }
    "/api/v1/tasks/{task}/wait" { get tasks::wait; }
    "/api/v1/tasks/{task}/why" { get tasks::why; }
    "/api/v1/tasks/{task}/stop" { post tasks::stop; }
    "/api/v1/tasks/{task}/rerun" { post tasks::rerun; }
    "/api/v1/tasks/{task}/recover" { post tasks::recover; }
    "/api/v1/tasks/{task}/workspaces" { get workspaces::list; delete workspaces::delete; }
    "/api/v1/tasks/{task}/actions/{action}/attempts/{attempt}/log" { get logs::read; }
    "/api/v1/tasks/{task}/actions/{action}/attempts/{attempt}/log/times" { get logs::times; }
    "/api/v1/tasks/{task}/actions/{action}/attempts/{attempt}/workspace" { get workspaces::show; }
    "/api/v1/tasks/{task}/actions/{action}/attempts/{attempt}/workspace/file" { get workspaces::download_file; }
    "/api/v1/tasks/{task}/actions/{action}/attempts/{attempt}/workspace/archive" { get workspaces::download; }

    "/api/v1/schedules" { get schedules::list; post schedules::create; }
    "/api/v1/schedule-preview" { get schedules::preview; }
    "/api/v1/schedules/{schedule}" { get schedules::show; patch schedules::update; delete schedules::delete; }
    "/api/v1/schedules/{schedule}/instants" { get schedules::instants; }
    "/api/v1/schedules/{schedule}/next" { get schedules::next; }
    "/api/v1/schedules/{schedule}/trigger" { post schedules::trigger; }
    "/api/v1/services" { get services::list; post services::create; }
    "/api/v1/services/{service}" { get services::show; patch services::update; delete services::delete; }
    "/api/v1/services/{service}/restart" { post services::restart; }
    "/api/v1/workflows" { get workflows::list; post workflows::create; }
    "/api/v1/workflows/{workflow}" { get workflows::show; patch workflows::update; delete workflows::delete; }
    "/api/v1/works" { get works::list; post works::create; }
    "/api/v1/works/{work}" { get works::show; delete works::delete; }
    "/api/v1/works/{work}/wait" { get works::wait; }
    "/api/v1/works/{work}/why" { get works::why; }
    "/api/v1/works/{work}/stop" { post works::stop; }
    "/api/v1/works/{work}/rerun" { post works::rerun; }
    "/api/v1/works/{work}/recover" { post works::recover; }

    "/api/v1/nodes" { get nodes::list; }
    "/api/v1/nodes/{node}" { get nodes::show; delete node_control::remove; }
    "/api/v1/nodes/{node}/drain" { post node_control::drain; }
    "/api/v1/nodes/{node}/undrain" { post node_control::undrain; }
    "/api/v1/join-tokens" { post join_tokens::create; }
    "/api/v1/tokens" { get tokens::list; post tokens::create; }
    "/api/v1/tokens/{token}" { get tokens::show; delete tokens::revoke; }

    "/node/v1/join" { post node::join; }
    "/node/v1/link" { get node::link; }
    "/node/v1/packages/{digest}" { get node::package; }
    "/node/v1/builds/{key}" { post node::build_ended; }
    "/node/v1/builds/{key}/{number}/pack/{digest}" { put node::build_pack; }
    "/node/v1/streams/{stream_id}" { post node::stream; }
    "/node/v1/logs/{task_id}/{action}/{attempt}" { put node::log_segment; }
}

async fn refuse_path(request: HttpRequest) -> Result<HttpResponse, Failure> {
    let shown: String = request.path().chars().filter(|letter| !letter.is_control()).take(200).collect();
    Err(Failure::not_found("route", shown).hint("The routes are in /api/v1/openapi.json."))
}

async fn refuse_method(
    request: HttpRequest,
    methods: &'static [&'static str],
) -> Result<HttpResponse, Failure> {
    let allow = methods.join(", ").to_uppercase();
    let message =
        format!("{} is not a method of {}", request.method(), request.match_pattern().unwrap_or_default());
    let mut failure = Failure::new(ErrorCode::MethodNotAllowed, message);
    failure.extra.header = Some((header::ALLOW, allow));
    Err(failure)
}
