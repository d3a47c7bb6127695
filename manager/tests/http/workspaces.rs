//! Workspaces, as far as they pass through the manager.

use lp_protocol::frames::{ManagerFrame, NodeFrame, StreamRequest};
use lp_protocol::views::{Page, WorkspaceListing, WorkspaceView};
use lp_protocol::{ApiError, AttemptKey, ErrorCode};
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::harness::{Manager, manifest, refusal, within};
use crate::node::{FakeNode, Log};

async fn finished() -> (Manager, FakeNode, AttemptKey) {
    let manager = Manager::start().await;
    let mut node = FakeNode::connect(&manager, "one").await;
    let app = manager.create_app("hello", manifest(&[("first action", &[])])).await;
    manager.create_task(app.app_id, json!({})).await;
    let attempt = node.assignment().await.attempt;
    node.start(&attempt).await;
    node.finish(&attempt, 0, Log::Inline(b"")).await;
    (manager, node, attempt)
}

fn path(attempt: &AttemptKey, rest: &str) -> String {
    format!("/api/v1/tasks/{}/actions/first%20action/attempts/1/workspace{rest}", attempt.task_id)
}

async fn answer(node: &mut FakeNode, manager: &Manager, body: impl Into<reqwest::Body>) -> StreamRequest {
    let (stream_id, what) = node.stream_request().await;
    let response = node
        .request(manager, Method::POST, &format!("/node/v1/streams/{stream_id}"))
        .body(body)
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    what
}

#[tokio::test]
async fn a_workspace_is_listed_by_its_node() {
    let (manager, mut node, attempt) = finished().await;
    let list: Page<WorkspaceView> =
        manager.get_json(&format!("/api/v1/tasks/{}/workspaces", attempt.task_id)).await;
    assert_eq!(
        (list.items[0].action.as_str(), list.items[0].node_name.as_str(), list.items[0].reachable),
        ("first action", "one", true)
    );
    let listing =
        json!({"files": [{"path": "a<script>", "kind": "file", "size_bytes": 3, "modify_at": null}]})
            .to_string();

    let at = path(&attempt, "");
    let (found, asked) =
        tokio::join!(manager.get_json::<WorkspaceListing>(&at), answer(&mut node, &manager, listing));

    assert_eq!(found.files[0].path, "a<script>");
    assert!(matches!(asked, StreamRequest::WorkspaceFiles { attempt: of } if of == attempt));
}

#[tokio::test]
async fn a_nodes_nonsense_is_not_passed_on_as_a_listing() {
    let (manager, mut node, attempt) = finished().await;

    let at = path(&attempt, "");
    let (response, _) = tokio::join!(manager.get(&at), answer(&mut node, &manager, "<html>"));

    refusal(response, ErrorCode::NodeUnreachable).await;
}

#[tokio::test]
async fn files_and_archives_are_attachments_that_no_browser_runs() {
    let (manager, mut node, attempt) = finished().await;
    let at = path(&attempt, "/file?path=out/evil.html");
    let (file, asked) = tokio::join!(manager.get(&at), answer(&mut node, &manager, "<script>"));
    assert!(matches!(asked, StreamRequest::WorkspaceFile { path, .. } if path == "out/evil.html"));
    assert_eq!(file.headers()["content-type"], "application/octet-stream");
    assert_eq!(file.headers()["content-disposition"], "attachment; filename=\"evil.html\"");
    assert_eq!(file.headers()["x-content-type-options"], "nosniff");
    assert_eq!(file.headers()["content-length"], "8");
    assert_eq!(file.text().await.unwrap(), "<script>");

    let at = path(&attempt, "/archive");
    let (archive, asked) = tokio::join!(manager.get(&at), answer(&mut node, &manager, "tar"));
    assert!(matches!(asked, StreamRequest::Workspace { .. }));
    let name = format!("attachment; filename=\"{}.first action.tar.gz\"", attempt.task_id);
    assert_eq!(archive.headers()["content-disposition"], name.as_str());
    assert_eq!(archive.text().await.unwrap(), "tar");
}

#[tokio::test]
async fn paths_that_lead_outside_do_not_reach_the_node() {
    let (manager, _node, attempt) = finished().await;

    for file in ["../x", "/etc/passwd", "a/../../x", "%00", "a%0d%0ab", ""] {
        refusal(manager.get(&path(&attempt, &format!("/file?path={file}"))).await, ErrorCode::InvalidRequest)
            .await;
    }
    refusal(manager.get(&path(&attempt, "/file")).await, ErrorCode::InvalidRequest).await;
}

#[tokio::test]
async fn a_node_that_cannot_serve_says_why() {
    let (manager, mut node, attempt) = finished().await;
    let at = path(&attempt, "/archive");
    let refuse = async {
        let (stream_id, _) = node.stream_request().await;
        let error = ApiError::new(ErrorCode::Gone, "the workspace was deleted");
        node.send(NodeFrame::StreamFailed { stream_id, error }).await;
    };

    let (response, ()) = tokio::join!(manager.get(&at), refuse);

    assert_eq!(refusal(response, ErrorCode::Gone).await.message, "the workspace was deleted");
}

#[tokio::test]
async fn only_the_node_that_was_asked_may_send_and_only_once() {
    let (manager, mut node, attempt) = finished().await;
    let other = FakeNode::connect(&manager, "other").await;
    let at = path(&attempt, "/archive");
    let race = async {
        let (stream_id, _) = node.stream_request().await;
        let stream = format!("/node/v1/streams/{stream_id}");
        refusal(
            other.request(&manager, Method::POST, &stream).body("lies").send().await.unwrap(),
            ErrorCode::Gone,
        )
        .await;
        let sent = node.request(&manager, Method::POST, &stream).body("truth").send().await.unwrap();
        assert_eq!(sent.status(), StatusCode::NO_CONTENT);
        refusal(
            node.request(&manager, Method::POST, &stream).body("again").send().await.unwrap(),
            ErrorCode::Gone,
        )
        .await;
    };

    let (response, ()) = tokio::join!(async { manager.get(&at).await.text().await.unwrap() }, race);

    assert_eq!(response, "truth");
    for stream in ["999", "x", "-1"] {
        let response = node
            .request(&manager, Method::POST, &format!("/node/v1/streams/{stream}"))
            .body("x")
            .send()
            .await
            .unwrap();
        assert!(matches!(response.status().as_u16(), 404 | 410), "{stream}");
    }
}

#[tokio::test]
async fn a_reader_that_leaves_makes_the_node_stop() {
    let (manager, mut node, attempt) = finished().await;
    let endless = futures_util::stream::repeat_with(|| Ok::<_, std::io::Error>(vec![0_u8; 64 << 10]));
    let at = path(&attempt, "/archive");
    let begin = async {
        let (stream_id, _) = node.stream_request().await;
        let request = node
            .request(&manager, Method::POST, &format!("/node/v1/streams/{stream_id}"))
            .body(reqwest::Body::wrap_stream(endless));
        (stream_id, tokio::spawn(async move { request.send().await.map(|response| response.status()) }))
    };

    let (mut response, (stream_id, sending)) = tokio::join!(manager.get(&at), begin);
    within(response.chunk()).await.unwrap().unwrap();
    drop(response);

    let closed = node
        .find(|frame| matches!(frame, ManagerFrame::CloseStream { stream_id } if stream_id > 0).then_some(()))
        .await;
    let () = closed;
    // either the refusal was read or the connection was cut while bytes were still going out
    if let Ok(status) = within(sending).await.unwrap() {
        assert_eq!(status, StatusCode::GONE, "{stream_id}");
    }
}

#[tokio::test]
async fn workspaces_are_deleted_when_the_task_is_finished_and_the_node_is_there() {
    let (manager, mut node, attempt) = finished().await;
    let at = format!("/api/v1/tasks/{}/workspaces", attempt.task_id);
    let delete = || manager.request(Method::DELETE, &at).send();

    assert_eq!(delete().await.unwrap().status(), StatusCode::NO_CONTENT);
    let told = node
        .find(|frame| match frame {
            ManagerFrame::DeleteWorkspaces { attempts } => Some(attempts),
            _ => None,
        })
        .await;
    assert_eq!(told, std::slice::from_ref(&attempt));
    assert!(
        manager.get_json::<Page<WorkspaceView>>(&at).await.items.is_empty(),
        "what is deleted is not listed"
    );
    assert_eq!(delete().await.unwrap().status(), StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn workspaces_on_a_node_that_is_away_go_when_it_is_back() {
    let (manager, node, attempt) = finished().await;
    let at = format!("/api/v1/tasks/{}/workspaces", attempt.task_id);
    let (node_id, credential) = (node.node_id, node.credential.clone());
    drop(node);
    within(async {
        while manager.get_json::<Page<WorkspaceView>>(&at).await.items[0].reachable {
            tokio::task::yield_now().await;
        }
    })
    .await;

    let noted = manager.request(Method::DELETE, &at).send().await.unwrap();

    assert_eq!(noted.status(), StatusCode::NO_CONTENT);
    assert!(manager.get_json::<Page<WorkspaceView>>(&at).await.items.is_empty());
    let mut node = FakeNode::reconnect(&manager, node_id, credential, "one").await;
    assert_eq!(told_to_delete(&mut node).await, [attempt]);
}

#[tokio::test]
async fn a_deletion_is_asked_for_until_the_node_confirms_it_also_of_another_manager_and_without_the_task() {
    let (manager, mut node, attempt) = finished().await;
    let (node_id, credential) = (node.node_id, node.credential.clone());
    let at = format!("/api/v1/tasks/{}", attempt.task_id);
    assert_eq!(manager.request(Method::DELETE, &at).send().await.unwrap().status(), StatusCode::NO_CONTENT);
    // the order arrives and the link breaks before it is carried out
    assert_eq!(told_to_delete(&mut node).await, std::slice::from_ref(&attempt));
    drop(node);

    let mut node = FakeNode::reconnect(&manager, node_id, credential.clone(), "one").await;
    assert_eq!(told_to_delete(&mut node).await, std::slice::from_ref(&attempt));
    drop(node);
    let directory = manager.stop().await;
    let manager = Manager::start_in(directory, |_| ()).await;
    let mut node = FakeNode::reconnect(&manager, node_id, credential.clone(), "one").await;
    assert_eq!(told_to_delete(&mut node).await, std::slice::from_ref(&attempt));
    node.send(NodeFrame::WorkspacesDeleted { attempts: vec![attempt] }).await;
    // frames are taken in order
    node.heartbeat().await;
    drop(node);

    let mut node = FakeNode::reconnect(&manager, node_id, credential, "one").await;
    let app = manager.create_app("next", manifest(&[("a", &[])])).await;
    manager.create_task(app.app_id, json!({})).await;
    node.find(|frame| match frame {
        ManagerFrame::DeleteWorkspaces { attempts } => panic!("asked again: {attempts:?}"),
        ManagerFrame::Assign { .. } => Some(()),
        _ => None,
    })
    .await;
}

async fn told_to_delete(node: &mut FakeNode) -> Vec<AttemptKey> {
    node.find(|frame| match frame {
        ManagerFrame::DeleteWorkspaces { attempts } => Some(attempts),
        _ => None,
    })
    .await
}

#[tokio::test]
async fn workspaces_go_with_their_task() {
    let (manager, mut node, attempt) = finished().await;

    let at = format!("/api/v1/tasks/{}", attempt.task_id);
    let deleted = manager.request(Method::DELETE, &at).send().await.unwrap();

    assert_eq!(deleted.status(), StatusCode::NO_CONTENT);
    let told = node.find(|frame| match frame {
        ManagerFrame::DeleteWorkspaces { attempts } => Some(attempts),
        _ => None,
    });
    assert_eq!(told.await, [attempt]);
}
