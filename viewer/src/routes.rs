//! The table of pages.

use actix_web::web::{self, ServiceConfig, get, post};

use crate::failure::Failure;
use crate::live;
use crate::pages::{deeds, downloads, login, overview, palette, settings, task, tasks};

/// Forms of ours are a few words; 64 KiB leaves room for a filter pasted from somewhere.
const MAX_FORM_BYTES: usize = 64 << 10;

pub(crate) fn configure(routes: &mut ServiceConfig) {
    routes
        .app_data(web::FormConfig::default().limit(MAX_FORM_BYTES))
        .route("/", get().to(overview::show))
        .route("/tasks", get().to(tasks::show))
        .route("/tasks/{task}", get().to(task::show))
        .route("/tasks/{task}/input.json", get().to(downloads::input))
        .route("/tasks/{task}/actions/{action}/output.json", get().to(downloads::output))
        .route("/tasks/{task}/actions/{action}/attempts/{attempt}/log", get().to(downloads::log))
        .service(
            web::resource("/tasks/{task}/{deed}")
                .route(get().to(deeds::ask))
                .route(post().to(deeds::carry_out)),
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
