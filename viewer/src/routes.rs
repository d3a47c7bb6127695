//! The table of pages.

use actix_web::web::{self, ServiceConfig, get, post};

use crate::failure::Failure;
use crate::live;
use crate::pages::{downloads, log_times, login, overview, palette, settings, task, tasks};

/// Forms of ours are a few words and at most an input or a definition pasted from somewhere, which escaping makes three times as long.
const MAX_FORM_BYTES: usize = 256 << 10;

pub(crate) fn configure(routes: &mut ServiceConfig) {
    routes
        .app_data(web::FormConfig::default().limit(MAX_FORM_BYTES))
        .route("/", get().to(overview::show))
        .route("/tasks", get().to(tasks::show))
        .service(
            web::resource("/tasks/bulk")
                .route(get().to(tasks::ask_of_filter))
                .route(post().to(tasks::carry_out)),
        )
        .route("/tasks/bulk/ask", post().to(tasks::ask_of_chosen))
        .route("/tasks/{task}", get().to(task::show))
        .route("/tasks/{task}/input.json", get().to(downloads::input))
        .route("/tasks/{task}/actions/{action}/output.json", get().to(downloads::output))
        .route("/tasks/{task}/actions/{action}/attempts/{attempt}/log", get().to(downloads::log))
        .route("/tasks/{task}/actions/{action}/attempts/{attempt}/log/piece", get().to(downloads::piece))
        .route("/tasks/{task}/actions/{action}/attempts/{attempt}/log/times", get().to(log_times::show))
        .route(
            "/tasks/{task}/actions/{action}/attempts/{attempt}/workspace/file",
            get().to(task::files::download),
        )
        .route(
            "/tasks/{task}/actions/{action}/attempts/{attempt}/workspace.tar.gz",
            get().to(task::files::archive),
        )
        .service(
            web::resource("/tasks/{task}/again")
                .route(get().to(task::ask_again))
                .route(post().to(task::create_again)),
        )
        .service(
            web::resource("/tasks/{task}/{deed}")
                .route(get().to(task::deeds::ask))
                .route(post().to(task::deeds::carry_out)),
        )
        .route("/palette.json", get().to(palette::find))
        .route("/live", get().to(live::follow))
        .service(web::resource("/login").route(get().to(login::show)).route(post().to(login::sign_in)))
        .route("/logout", post().to(login::sign_out))
        .route("/theme", post().to(settings::set_theme))
        .route("/health", get().to(settings::health))
        .route("/static/{file}", get().to(settings::asset))
        .configure(crate::places::configure)
        .default_service(web::to(|| async { Err::<&str, _>(Failure::no_page()) }));
}
