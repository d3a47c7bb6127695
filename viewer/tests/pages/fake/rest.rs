//! Answers by path, for the nouns of which a test needs a thing or two.

use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse};
use bytes::Bytes;
use lp_protocol::{ApiError, ErrorCode};
use serde_json::json;

use super::routes::{Answer, Data, Refusal, admit};

/// Lists that are empty unless a test says otherwise.
const LISTS: [&str; 7] = ["/venvs", "/workflows", "/works", "/schedules", "/services", "/apps", "/tokens"];

pub(super) async fn any(shared: Data, request: HttpRequest, body: Bytes) -> Answer {
    admit(&shared, &request)?;
    let path = request.path().trim_start_matches("/api/v1").to_owned();
    let mut cluster = shared.cluster();
    if request.method() != Method::GET {
        let text = String::from_utf8_lossy(&body).into_owned();
        cluster.deeds.push(format!("{} {path}", request.method()));
        cluster.sent.push(text);
    }
    if let Some((status, answer)) = cluster.answers.get(&format!("{} {path}", request.method())) {
        let status = StatusCode::from_u16(*status).expect("a status");
        return Ok(HttpResponse::build(status).insert_header(("x-request-id", "fake-request")).json(answer));
    }
    match path.as_str() {
        list if LISTS.contains(&list) || list.ends_with("/versions") || list.ends_with("/instants") => {
            Ok(HttpResponse::Ok().json(json!({"items": []})))
        }
        "/whoami" => {
            Ok(HttpResponse::Ok().json(json!({"token_id": "t", "name": "ops", "role": "administrator"})))
        }
        "/schedule-preview" => {
            Ok(HttpResponse::Ok()
                .json(json!({"cron": "", "words": "every hour", "tz": "UTC", "instants": []})))
        }
        _ => Err(Refusal(ApiError::new(ErrorCode::NotFound, format!("there is no `{path}`")))),
    }
}
