//! The routes the viewer uses, as far as it uses them.

use std::collections::HashMap;

use actix_web::http::StatusCode;
use actix_web::web::{self, ServiceConfig, get, post};
use actix_web::{HttpRequest, HttpResponse, ResponseError};
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, stream};
use lp_protocol::views::{
    BulkTasks, BulkTasksDone, CreateTask, Created, ListTasks, Page, ReadLog, TaskInfo, WorkspaceFile,
    WorkspaceListing,
};
use lp_protocol::{ApiError, ErrorCode, Stage, TaskId};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use super::{LogNews, Shared, TOKEN, outline};

pub(super) type Data = web::Data<Shared>;

pub(super) fn configure(routes: &mut ServiceConfig) {
    routes.service(
        web::scope("/api/v1")
            .route("/status", get().to(status))
            .route("/activity", get().to(activity))
            .route("/services", get().to(services))
            .route("/nodes", get().to(nodes))
            .route("/events", get().to(events))
            .route("/apps", get().to(apps))
            .route("/apps/{app}", get().to(app))
            .route("/tasks", get().to(tasks))
            .route("/tasks/{task}", get().to(task))
            .route("/tasks/{task}", web::delete().to(deed))
            .route("/tasks/{task}/why", get().to(why))
            .route("/tasks/{task}/outline", get().to(outline::outline))
            .route("/tasks/{task}/wait", get().to(outline::view))
            .route("/tasks/{task}/input", get().to(outline::input))
            .route("/tasks/{task}/actions/{action}/output", get().to(outline::output))
            .route("/tasks/{task}/stop", post().to(deed))
            .route("/tasks/{task}/rerun", post().to(deed))
            .route("/tasks/{task}/recover", post().to(deed))
            .route("/tasks", post().to(create))
            .route("/tasks/bulk", post().to(bulk))
            .route("/tasks/{task}/actions/{action}/attempts/{attempt}/workspace", get().to(files))
            .route("/tasks/{task}/actions/{action}/attempts/{attempt}/workspace/file", get().to(file))
            .route("/tasks/{task}/actions/{action}/attempts/{attempt}/workspace/archive", get().to(archive))
            .route("/tasks/{task}/actions/{action}/attempts/{attempt}/log", get().to(log))
            .default_service(web::to(super::rest::any)),
    );
}

pub(super) type Answer = Result<HttpResponse, Refusal>;

#[derive(Debug)]
pub(super) struct Refusal(pub(super) ApiError);

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl ResponseError for Refusal {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.0.code.http_status()).expect("a status")
    }

    fn error_response(&self) -> HttpResponse {
        HttpResponse::build(self.status_code()).insert_header(("x-request-id", "fake-request")).json(&self.0)
    }
}

/// Checks the token and the health of the cluster first.
pub(super) fn admit(shared: &Shared, request: &HttpRequest) -> Result<(), Refusal> {
    shared.cluster().asked.push(format!("{} {}", request.method(), request.path()));
    let given =
        request.headers().get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
    if shared.cluster().is_token_revoked || given != format!("Bearer {TOKEN}") {
        return Err(Refusal(ApiError::new(ErrorCode::Unauthenticated, "this token is not known")));
    }
    Ok(())
}

async fn status(shared: Data, request: HttpRequest) -> Answer {
    admit(&shared, &request)?;
    match &shared.cluster().status {
        Some(status) => Ok(HttpResponse::Ok().json(status)),
        None => Err(Refusal(ApiError::new(ErrorCode::Unavailable, "the database is away"))),
    }
}

async fn activity(shared: Data, request: HttpRequest) -> Answer {
    admit(&shared, &request)?;
    Ok(HttpResponse::Ok().json(shared.cluster().activity.clone()))
}

async fn services(shared: Data, request: HttpRequest) -> Answer {
    admit(&shared, &request)?;
    Ok(HttpResponse::Ok().json(Page { items: shared.cluster().services.clone(), next_cursor: None }))
}

async fn nodes(shared: Data, request: HttpRequest) -> Answer {
    admit(&shared, &request)?;
    Ok(HttpResponse::Ok().json(Page { items: shared.cluster().nodes.clone(), next_cursor: None }))
}

async fn apps(shared: Data, request: HttpRequest) -> Answer {
    admit(&shared, &request)?;
    let items: Vec<_> = shared.cluster().apps.clone();
    let items = items.into_iter().map(|mut app| {
        (app.plan, app.manifest) = (None, None);
        app
    });
    Ok(HttpResponse::Ok().json(Page { items: items.collect(), next_cursor: None }))
}

async fn app(shared: Data, request: HttpRequest, wanted: web::Path<String>) -> Answer {
    admit(&shared, &request)?;
    match shared.cluster().apps.iter().find(|app| app.app_id.to_string() == **wanted) {
        Some(app) => Ok(HttpResponse::Ok().json(app)),
        None => Err(Refusal(ApiError::not_found("application", &*wanted))),
    }
}

async fn tasks(shared: Data, request: HttpRequest, query: web::Query<ListTasks>) -> Answer {
    admit(&shared, &request)?;
    let cluster = shared.cluster();
    let fits = |info: &&TaskInfo| fits(&query, info);
    let start: usize = query.cursor.as_deref().and_then(|cursor| cursor.parse().ok()).unwrap_or(0);
    let limit = query.limit.unwrap_or(50) as usize;
    let fitting: Vec<_> = cluster.tasks.iter().filter(fits).map(|info| info.task.clone()).collect();
    let next_cursor = (fitting.len() > start + limit).then(|| (start + limit).to_string());
    let items = fitting.into_iter().skip(start).take(limit).collect();
    Ok(HttpResponse::Ok().json(Page { items, next_cursor }))
}

fn fits(query: &ListTasks, info: &TaskInfo) -> bool {
    query.app_id.is_none_or(|app| info.task.app_id == app)
        && query.stage.is_none_or(|stage| info.task.stage == stage)
        && query.status.is_none_or(|status| info.task.status == Some(status))
        && query.since.is_none_or(|since| info.task.create_at >= since)
        && query.id_prefix.as_ref().is_none_or(|start| info.task.task_id.to_string().starts_with(start))
}

pub(super) fn find(shared: &Shared, wanted: &str) -> Result<TaskInfo, Refusal> {
    let cluster = shared.cluster();
    let found = cluster.tasks.iter().find(|info| info.task.task_id.to_string() == wanted);
    found.cloned().ok_or_else(|| {
        Refusal(ApiError::not_found("task", wanted).with_hint("list them with `lp task list`"))
    })
}

async fn task(shared: Data, request: HttpRequest, wanted: web::Path<String>) -> Answer {
    admit(&shared, &request)?;
    Ok(HttpResponse::Ok().json(find(&shared, &wanted)?))
}

async fn why(shared: Data, request: HttpRequest, wanted: web::Path<String>) -> Answer {
    admit(&shared, &request)?;
    match shared.cluster().why.get(&*wanted) {
        Some(why) => Ok(HttpResponse::Ok().json(why)),
        None => Err(Refusal(ApiError::not_found("task", &*wanted))),
    }
}

async fn deed(shared: Data, request: HttpRequest, wanted: web::Path<String>) -> Answer {
    admit(&shared, &request)?;
    let path = request.path().trim_start_matches("/api/v1");
    shared.cluster().deeds.push(format!("{} {path}", request.method()));
    match find(&shared, &wanted) {
        Ok(_) if request.method() == actix_web::http::Method::DELETE => {
            Ok(HttpResponse::NoContent().finish())
        }
        Ok(info) if path.ends_with("stop") && info.task.stage == Stage::Finished => Err(Refusal(
            ApiError::new(ErrorCode::Conflict, format!("task `{}` is finished", info.task.task_name)),
        )),
        Ok(info) => Ok(HttpResponse::Accepted().json(info.task)),
        Err(refusal) => Err(refusal),
    }
}

async fn create(shared: Data, request: HttpRequest, body: web::Json<CreateTask>) -> Answer {
    admit(&shared, &request)?;
    let input = body.input_data.as_ref().map_or("", |input| input.get());
    if input.contains("refuse me") {
        return Err(Refusal(ApiError::new(ErrorCode::InvalidRequest, "this input is refused")));
    }
    shared.cluster().deeds.push(format!("POST /tasks {input}"));
    Ok(HttpResponse::Ok().json(Created { task_id: TaskId::random(), created: true }))
}

async fn bulk(shared: Data, request: HttpRequest, body: web::Json<BulkTasks>) -> Answer {
    admit(&shared, &request)?;
    let mut cluster = shared.cluster();
    let name = body.filter.name.clone().unwrap_or_default();
    let matched = cluster.tasks.iter().filter(|info| fits(&body.filter, info)).count() as u64;
    if !body.dry_run {
        cluster.deeds.push(format!("bulk {:?} {name}", body.deed));
    }
    let done = if body.dry_run { 0 } else { matched };
    Ok(HttpResponse::Ok().json(BulkTasksDone { matched, done, ..BulkTasksDone::default() }))
}

type Attempt = web::Path<(String, String, u32)>;

async fn files(shared: Data, request: HttpRequest, path: Attempt) -> Answer {
    admit(&shared, &request)?;
    let (task, action, attempt) = path.into_inner();
    let cluster = shared.cluster();
    let of_it = cluster.files.iter().filter(|((t, a, n, _), _)| (t, a, *n) == (&task, &action, attempt));
    let files: Vec<_> = of_it
        .map(|((.., path), content)| WorkspaceFile {
            path: path.clone(),
            kind: "file".to_owned(),
            size_bytes: content.len() as u64,
            modify_at: None,
        })
        .collect();
    if files.is_empty() {
        return Err(Refusal(ApiError::new(ErrorCode::NotFound, "there is no workspace of it any more")));
    }
    Ok(HttpResponse::Ok().json(WorkspaceListing { files, truncated: false }))
}

async fn file(shared: Data, request: HttpRequest, path: Attempt) -> Answer {
    admit(&shared, &request)?;
    let (task, action, attempt) = path.into_inner();
    let wanted: HashMap<String, String> =
        web::Query::from_query(request.query_string()).map(web::Query::into_inner).unwrap_or_default();
    let key = (task, action, attempt, wanted.get("path").cloned().unwrap_or_default());
    match shared.cluster().files.get(&key) {
        Some(content) => Ok(HttpResponse::Ok().body(content.clone())),
        None => Err(Refusal(ApiError::new(ErrorCode::NotFound, "there is no such file"))),
    }
}

async fn archive(shared: Data, request: HttpRequest) -> Answer {
    admit(&shared, &request)?;
    Ok(HttpResponse::Ok().body("an archive"))
}

async fn events(shared: Data, request: HttpRequest) -> Answer {
    admit(&shared, &request)?;
    let head = stream::once(async { Bytes::from_static(b": hello\n\n") });
    let events = received(shared.events.subscribe()).map(|event| {
        Bytes::from(format!("data: {}\n\n", serde_json::to_string(&event).expect("an event is JSON")))
    });
    let events = head.chain(events).map(Ok::<_, std::io::Error>);
    Ok(HttpResponse::Ok().content_type("text/event-stream").streaming(events))
}

async fn log(
    shared: Data,
    request: HttpRequest,
    path: web::Path<(String, String, u32)>,
    query: web::Query<ReadLog>,
) -> Answer {
    admit(&shared, &request)?;
    let key = path.into_inner();
    let Some(log) = shared.cluster().logs.get(&key).cloned() else {
        return Err(Refusal(ApiError::new(ErrorCode::NotFound, "there is no output yet")));
    };
    let length = log.len() as u64;
    let offset = query.tail_bytes.map_or(query.offset, |tail| length.saturating_sub(tail)).min(length);
    let mut response = HttpResponse::Ok();
    response
        .content_type("text/plain; charset=utf-8")
        .insert_header(("x-attempt", key.2.to_string()))
        .insert_header(("x-offset", offset.to_string()));
    let head = Bytes::copy_from_slice(&log[offset as usize..]);
    if !query.follow {
        return Ok(response.body(head));
    }
    let news =
        received(shared.log.subscribe()).take_while(|news| std::future::ready(!matches!(news, LogNews::End)));
    let news = news.filter_map(|news| {
        std::future::ready(match news {
            LogNews::Text(text) => Some(Bytes::from(text)),
            LogNews::End => None,
        })
    });
    Ok(response.streaming(stream::once(async { head }).chain(news).map(Ok::<_, std::io::Error>)))
}

fn received<T: Clone + 'static>(receiver: Receiver<T>) -> impl Stream<Item = T> {
    stream::unfold(receiver, |mut receiver| async move {
        loop {
            match receiver.recv().await {
                Ok(item) => return Some((item, receiver)),
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return None,
            }
        }
    })
}
