//! The table of the pages of what is not a task: packages, workflows, works, schedules, services, nodes, the account.

use actix_web::web::{self, ServiceConfig, get};

use crate::pages::{about, account, nodes, packages, schedules, services, tokens, workflows, works};

/// A definition or an input is as long as the manager takes it, 4 MiB, and a form writes one byte as up to three.
const MAX_LONG_FORM_BYTES: usize = 13 << 20;

pub(crate) fn configure(routes: &mut ServiceConfig) {
    packages_and_versions(routes);
    pieces(routes);
    workflows_and_works(routes);
    schedules_and_services(routes);
    nodes_and_account(routes);
}

/// A form with a long text in it.
fn long_form() -> web::FormConfig {
    web::FormConfig::default().limit(MAX_LONG_FORM_BYTES)
}

fn packages_and_versions(routes: &mut ServiceConfig) {
    use packages::{bytes, deeds, diff, doctor, edit, list, one, run, upload, versions};
    // the fixed words before the names that stand in their place
    routes
        .route("/{kind:apps|venvs}", get().to(list::show))
        .service(both("/{kind:apps|venvs}/new", get().to(upload::ask), web::post().to(upload::create)))
        .service(
            both("/apps/{app}/run", get().to(run::ask), web::post().to(run::carry_out)).app_data(long_form()),
        )
        .route("/venvs/{venv}/doctor", get().to(doctor::show))
        .route("/{kind:apps|venvs}/{package}", get().to(one::show))
        .route("/{kind:apps|venvs}/{package}/versions", get().to(versions::show))
        .route("/{kind:apps|venvs}/{package}/diff", get().to(diff::show))
        .route("/{kind:apps|venvs}/{package}/package", get().to(bytes::active))
        .service(both(
            "/{kind:apps|venvs}/{package}/upload",
            get().to(upload::ask_version),
            web::post().to(upload::add_version),
        ))
        .service(both(
            "/{kind:apps|venvs}/{package}/edit",
            get().to(edit::ask),
            web::post().to(edit::carry_out),
        ))
        .service(both(
            "/{kind:apps|venvs}/{package}/delete",
            get().to(deeds::ask_delete),
            web::post().to(deeds::delete),
        ))
        .route("/{kind:apps|venvs}/{package}/versions/{version}/package", get().to(bytes::version))
        .service(both(
            "/{kind:apps|venvs}/{package}/versions/{version}/{deed}",
            get().to(deeds::ask_version),
            web::post().to(deeds::carry_out_version),
        ));
}

/// For the script of the upload field.
fn pieces(routes: &mut ServiceConfig) {
    use crate::pages::uploads;
    routes
        .route("/uploads", web::post().to(uploads::open))
        .service(
            web::resource("/uploads/{upload}")
                .route(get().to(uploads::show))
                .route(web::patch().to(uploads::append))
                .route(web::delete().to(uploads::abandon)),
        )
        .route("/uploads/{upload}/finish", web::post().to(uploads::finish));
}

fn workflows_and_works(routes: &mut ServiceConfig) {
    use workflows::{deeds, edit, list, one, run};
    routes
        .route("/workflows", get().to(list::show))
        .service(
            both("/workflows/new", get().to(edit::ask), web::post().to(edit::create)).app_data(long_form()),
        )
        .route("/workflows/{workflow}", get().to(one::show))
        .service(
            both("/workflows/{workflow}/edit", get().to(edit::ask_change), web::post().to(edit::change))
                .app_data(long_form()),
        )
        .service(
            both("/workflows/{workflow}/run", get().to(run::ask), web::post().to(run::carry_out))
                .app_data(long_form()),
        )
        .service(both("/workflows/{workflow}/{deed}", get().to(deeds::ask), web::post().to(deeds::carry_out)))
        .route("/works", get().to(works::list::show))
        .route("/works/{work}", get().to(works::one::show))
        .service(both(
            "/works/{work}/{deed}",
            get().to(works::deeds::ask),
            web::post().to(works::deeds::carry_out),
        ));
}

fn schedules_and_services(routes: &mut ServiceConfig) {
    use schedules::{deeds, edit, list, one, preview};
    routes
        .route("/schedules", get().to(list::show))
        .service(
            both("/schedules/new", get().to(edit::ask), web::post().to(edit::create)).app_data(long_form()),
        )
        .route("/schedules/preview", get().to(preview::show))
        .route("/schedules/{schedule}", get().to(one::show))
        .service(
            both("/schedules/{schedule}/edit", get().to(edit::ask_change), web::post().to(edit::change))
                .app_data(long_form()),
        )
        .service(both("/schedules/{schedule}/{deed}", get().to(deeds::ask), web::post().to(deeds::carry_out)))
        .route("/services", get().to(services::list::show))
        .service(
            both("/services/new", get().to(services::edit::ask), web::post().to(services::edit::create))
                .app_data(long_form()),
        )
        .route("/services/{service}", get().to(services::one::show))
        .service(
            both(
                "/services/{service}/edit",
                get().to(services::edit::ask_change),
                web::post().to(services::edit::change),
            )
            .app_data(long_form()),
        )
        .service(both(
            "/services/{service}/{deed}",
            get().to(services::deeds::ask),
            web::post().to(services::deeds::carry_out),
        ));
}

fn nodes_and_account(routes: &mut ServiceConfig) {
    routes
        .route("/nodes", get().to(nodes::list::show))
        .service(both("/nodes/join", get().to(nodes::join::ask), web::post().to(nodes::join::create)))
        .route("/nodes/{node}", get().to(nodes::one::show))
        .service(both(
            "/nodes/{node}/{deed}",
            get().to(nodes::deeds::ask),
            web::post().to(nodes::deeds::carry_out),
        ))
        .route("/account", get().to(account::show))
        .service(both(
            "/account/sign-out-everywhere",
            get().to(account::ask),
            web::post().to(account::carry_out),
        ))
        .route("/tokens", get().to(tokens::list::show))
        .service(both("/tokens/new", get().to(tokens::make::ask), web::post().to(tokens::make::create)))
        .service(both(
            "/tokens/{token}/revoke",
            get().to(tokens::revoke::ask),
            web::post().to(tokens::revoke::carry_out),
        ))
        .route("/about", get().to(about::show));
}

/// A question or a form, and what is done when it is sent.
fn both(path: &str, ask: actix_web::Route, carry_out: actix_web::Route) -> actix_web::Resource {
    web::resource(path).route(ask).route(carry_out)
}
