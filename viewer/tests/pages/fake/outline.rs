//! A task in columns, and what it was given and has left.

use actix_web::{HttpRequest, HttpResponse, web};
use lp_protocol::ApiError;
use lp_protocol::views::{ActionColumns, Left, ShowOutline, TaskOutline};

use super::routes::{Answer, Data, Refusal, admit, find};

pub(super) async fn outline(
    shared: Data,
    request: HttpRequest,
    wanted: web::Path<String>,
    query: web::Query<ShowOutline>,
) -> Answer {
    admit(&shared, &request)?;
    let info = find(&shared, &wanted)?;
    let why = query.why.and_then(|_| shared.cluster().why.get(&*wanted).cloned());
    let left = query.results.map(|most| {
        let has_more = info.result.len() > most as usize;
        let results = info.result.into_values().take(most as usize).collect();
        Left { input_data: info.input_data, output: info.output, results, has_more }
    });
    let actions = ActionColumns::new(info.actions);
    Ok(HttpResponse::Ok().json(TaskOutline { task: info.task, history: info.history, actions, why, left }))
}

pub(super) async fn view(shared: Data, request: HttpRequest, wanted: web::Path<String>) -> Answer {
    admit(&shared, &request)?;
    Ok(HttpResponse::Ok().json(find(&shared, &wanted)?.task))
}

pub(super) async fn input(shared: Data, request: HttpRequest, wanted: web::Path<String>) -> Answer {
    admit(&shared, &request)?;
    Ok(HttpResponse::Ok().json(find(&shared, &wanted)?.input_data))
}

pub(super) async fn output(shared: Data, request: HttpRequest, path: web::Path<(String, String)>) -> Answer {
    admit(&shared, &request)?;
    let (task, action) = path.into_inner();
    match find(&shared, &task)?.result.remove(&action) {
        Some(result) => Ok(HttpResponse::Ok().json(result.result)),
        None => Err(Refusal(ApiError::not_found("output of action", &action))),
    }
}
