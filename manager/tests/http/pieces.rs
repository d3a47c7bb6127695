//! Packages that come in pieces.

use lp_package::Digest;
use lp_protocol::ErrorCode;
use lp_protocol::views::{BlobView, UploadView};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::harness::{Manager, app_archive, hello, read, refusal, within};

async fn open(manager: &Manager, bytes: &[u8]) -> UploadView {
    let body = json!({"size_bytes": bytes.len(), "digest": Digest::of(bytes).to_string()});
    read(manager.post("/api/v1/uploads", body).await, StatusCode::CREATED).await
}

fn path(upload: &UploadView) -> String {
    format!("/api/v1/uploads/{}", upload.upload_id)
}

async fn append(manager: &Manager, upload: &UploadView, offset: usize, bytes: &[u8]) -> reqwest::Response {
    let request = manager.request(Method::PATCH, &format!("{}?offset={offset}", path(upload)));
    request.body(bytes.to_vec()).send().await.unwrap()
}

async fn look(manager: &Manager, upload: &UploadView) -> UploadView {
    manager.get_json(&path(upload)).await
}

/// Sends the head of a piece of ten bytes and some of them, and holds the connection.
async fn hang(manager: &Manager, upload: &UploadView, offset: usize, bytes: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(manager.address).await.unwrap();
    let head = format!(
        "PATCH {}?offset={offset} HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\ncontent-length: 10\r\n\r\n",
        path(upload),
        manager.address,
        manager.token
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    stream
}

#[tokio::test]
async fn a_package_comes_in_pieces_over_a_restart_of_the_manager() {
    let manager = Manager::start().await;
    let package = app_archive(&hello().to_string());
    let half = package.len() / 2;
    let upload = open(&manager, &package).await;
    let first: UploadView = read(append(&manager, &upload, 0, &package[..half]).await, StatusCode::OK).await;

    let manager = Manager::start_in(manager.stop().await, |_| ()).await;
    let after = look(&manager, &upload).await;
    let body: Value = append(&manager, &upload, 0, b"x").await.json().await.unwrap();
    read::<UploadView>(append(&manager, &upload, half, &package[half..]).await, StatusCode::OK).await;
    let finish = || async { manager.post(&format!("{}/finish", path(&upload)), json!({})).await };
    let blob: BlobView = read(finish().await, StatusCode::OK).await;
    let again: BlobView = read(finish().await, StatusCode::OK).await;

    assert_eq!((first.offset, after.offset), (half as u64, half as u64));
    assert_eq!((&body["code"], &body["next"]), (&json!("conflict"), &json!(half)));
    assert_eq!((&blob.digest, &blob.sha1), (&again.digest, &again.sha1));
    assert_eq!(look(&manager, &upload).await.package.unwrap().digest, blob.digest);
    let app = json!({"name": "hello", "digest": blob.digest});
    read::<Value>(manager.post("/api/v1/apps", app).await, StatusCode::CREATED).await;
}

#[tokio::test]
async fn what_cannot_become_a_package_is_refused_before_it_is_sent() {
    let manager = Manager::start_with(|config| config.max_buffer_size = 1000).await;
    let upload = open(&manager, b"0123456789").await;
    let path = path(&upload);

    for (body, code) in [
        (json!({"size_bytes": 1001}), ErrorCode::TooLarge),
        (json!({"size_bytes": 10, "digest": "abc"}), ErrorCode::InvalidRequest),
        (json!({"size_bytes": -1}), ErrorCode::InvalidRequest),
        (json!({"size": 10}), ErrorCode::InvalidRequest),
        (json!({}), ErrorCode::InvalidRequest),
    ] {
        refusal(manager.post("/api/v1/uploads", body).await, code).await;
    }
    refusal(append(&manager, &upload, 0, b"0123456789x").await, ErrorCode::InvalidRequest).await;
    for wrong in ["", "?offset=x", "?offset=0&x=1"] {
        let request = manager.request(Method::PATCH, &format!("{path}{wrong}")).body("x");
        refusal(request.send().await.unwrap(), ErrorCode::InvalidRequest).await;
    }
    let anonymous = manager.bare(Method::PATCH, &format!("{path}?offset=0")).body("x");
    refusal(anonymous.send().await.unwrap(), ErrorCode::Unauthenticated).await;
    for other in ["x", "..%2f..%2fmanager.db", "00000000-0000-0000-0000-000000000000"] {
        refusal(manager.get(&format!("/api/v1/uploads/{other}")).await, ErrorCode::NotFound).await;
    }
    let finish = manager.post(&format!("{path}/finish"), json!({})).await;
    refusal_with_next(finish).await;

    let gone = manager.request(Method::DELETE, &path).send().await.unwrap();
    assert_eq!(gone.status(), StatusCode::NO_CONTENT);
    refusal(manager.get(&path).await, ErrorCode::NotFound).await;
}

/// Checked apart: `refusal` knows no other member.
async fn refusal_with_next(response: reqwest::Response) {
    assert_eq!(response.status(), StatusCode::CONFLICT);
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["next"], json!(0), "{body}");
}

#[tokio::test]
async fn what_came_of_a_piece_that_broke_off_is_kept() {
    let manager = Manager::start().await;
    let upload = open(&manager, b"0123456789").await;

    drop(hang(&manager, &upload, 0, b"0123").await);

    within(async {
        while look(&manager, &upload).await.offset < 4 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    read::<UploadView>(append(&manager, &upload, 4, b"456789").await, StatusCode::OK).await;
    let blob: BlobView =
        read(manager.post(&format!("{}/finish", path(&upload)), json!({})).await, StatusCode::OK).await;
    assert_eq!(blob.digest, Digest::of(b"0123456789").to_string());
}

#[tokio::test]
async fn a_connection_that_hangs_does_not_keep_its_client_out() {
    let manager = Manager::start().await;
    let upload = open(&manager, b"0123456789").await;
    let mut hanging = hang(&manager, &upload, 0, b"").await;

    // whichever comes first, the second one ends the first
    let answer = append(&manager, &upload, 0, b"0123456789").await;
    let answer = match answer.status() {
        StatusCode::OK => answer,
        _ => {
            let offset = look(&manager, &upload).await.offset as usize;
            append(&manager, &upload, offset, &b"0123456789"[offset..]).await
        }
    };

    let view: UploadView = read(answer, StatusCode::OK).await;
    assert_eq!(view.offset, 10);
    let mut told = [0; 12];
    within(hanging.read_exact(&mut told)).await.unwrap();
    assert_eq!(&told, b"HTTP/1.1 409");
}

#[tokio::test]
async fn pieces_go_to_the_leader_and_the_next_one_knows_nothing_of_them() {
    let leader = Manager::start().await;
    let database = leader.directory.path().join("data/manager.db");
    let standby =
        Manager::start_with(|config| config.database = Some(format!("sqlite://{}", database.display())))
            .await;
    let upload = open(&standby, b"0123456789").await;
    read::<UploadView>(append(&standby, &upload, 0, b"0123").await, StatusCode::OK).await;
    assert_eq!(look(&leader, &upload).await.offset, 4);
    // keeps the database file, which is in the leader's directory
    let _directory = leader.stop().await;

    let status = within(async {
        loop {
            let response = standby.get(&path(&upload)).await;
            if response.status() != StatusCode::SERVICE_UNAVAILABLE {
                break response.status();
            }
            tokio::task::yield_now().await;
        }
    })
    .await;

    assert_eq!(status, StatusCode::NOT_FOUND);
}
