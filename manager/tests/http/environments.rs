//! What is told of venvs beside their versions: users, nodes that hold them, and what is wrong.

use lp_protocol::ErrorCode;
use lp_protocol::frames::{HeldPackage, NodeFrame, PackageKey, PackageKind, PackageNews};
use lp_protocol::views::{AppView, FindingSeverity, NodeView, Page, VenvReport, VenvView};
use reqwest::StatusCode;
use serde_json::json;

use crate::harness::{Manager, archive, hello, read, refusal};
use crate::node::FakeNode;

async fn create_venv(manager: &Manager, name: &str, files: &[(&str, &[u8])]) -> VenvView {
    let blob = manager.upload(archive(files)).await;
    let body = json!({"name": name, "digest": blob.digest});
    read(manager.post("/api/v1/venvs", body).await, StatusCode::CREATED).await
}

fn held(digest: &str) -> HeldPackage {
    let key = PackageKey { kind: PackageKind::Venv, digest: digest.to_owned() };
    HeldPackage { key, bytes: 4096, python: Some("3.11 in /usr/bin".into()), fault: None }
}

fn news(held: Vec<HeldPackage>) -> NodeFrame {
    NodeFrame::Packages(PackageNews {
        whole: true,
        held,
        gone: vec![],
        used_bytes: 4096,
        limit_bytes: 1 << 20,
    })
}

/// Sends it and waits until the manager has read it.
async fn tell(node: &mut FakeNode, frame: NodeFrame) {
    node.send(frame).await;
    node.heartbeat().await;
}

#[tokio::test]
async fn a_venv_tells_its_users_and_the_nodes_that_hold_it_while_they_are_connected() {
    let manager = Manager::start().await;
    let venv = create_venv(&manager, "libs", &[("bin/tool", b"x")]).await;
    let mut manifest = hello();
    manifest["actions"][0]["env"] = "libs".into();
    let app = manager.create_app("uses-it", manifest).await;
    manager.create_task(app.app_id, json!({})).await;
    let mut node = FakeNode::connect(&manager, "w1").await;
    let app_digest = PackageKey { kind: PackageKind::App, digest: app.version.digest.clone() };
    let app_held = HeldPackage { key: app_digest, bytes: 10, python: None, fault: None };
    tell(&mut node, news(vec![held(&venv.version.digest), app_held])).await;

    let page: Page<VenvView> = manager.get_json("/api/v1/venvs").await;
    let shown: VenvView = manager.get_json("/api/v1/venvs/libs").await;

    assert_eq!((page.items[0].users.apps.len(), page.items[0].users.open_tasks), (1, 1));
    assert!(page.items[0].users.tasks.is_empty() && shown.users.tasks.len() == 1);
    assert_eq!(shown.users.apps[0].name, "uses-it");
    let holders = shown.nodes.unwrap();
    assert_eq!((holders[0].name.as_str(), holders[0].python.as_deref()), ("w1", Some("3.11 in /usr/bin")));
    let shown: AppView = manager.get_json("/api/v1/apps/uses-it").await;
    assert_eq!(shown.nodes.unwrap()[0].bytes, 10);
    let shown: NodeView = manager.get_json("/api/v1/nodes/w1").await;
    assert_eq!(shown.cache.map(|cache| (cache.packages, cache.limit_bytes)), Some((2, 1 << 20)));

    tell(&mut node, news(vec![])).await;
    let shown: VenvView = manager.get_json("/api/v1/venvs/libs").await;
    assert_eq!(shown.nodes, Some(vec![]));
}

#[tokio::test]
async fn the_doctor_reads_the_archive_and_asks_what_nodes_have_told() {
    let manager = Manager::start().await;
    let sound: &[(&str, &[u8])] = &[("pyvenv.cfg", b"version = 3.11.2\n"), ("bin/python", b"#!/bin/sh\n")];
    let venv = create_venv(&manager, "libs", sound).await;
    let report: VenvReport = manager.get_json("/api/v1/venvs/libs/doctor").await;
    assert_eq!((report.form.as_str(), report.python.as_deref(), report.version), ("a venv", Some("3.11"), 1));
    assert_eq!(report.findings, []);

    let mut node = FakeNode::connect(&manager, "w1").await;
    let fault =
        HeldPackage { fault: Some("its venv needs what is not here".into()), ..held(&venv.version.digest) };
    tell(&mut node, news(vec![fault])).await;
    let report: VenvReport = manager.get_json("/api/v1/venvs/libs/doctor?version=1").await;
    assert_eq!(report.findings.len(), 1, "{:?}", report.findings);
    assert_eq!(report.findings[0].severity, FindingSeverity::Error);
    assert!(report.findings[0].text.contains("w1") && report.findings[0].text.contains("what is not here"));

    // a program for a machine that no node is
    let elf = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0\x16\0";
    let mut foreign = elf.to_vec();
    foreign[18] = 243;
    create_venv(&manager, "riscv", &[("bin/tool.so", &foreign)]).await;
    let report: VenvReport = manager.get_json("/api/v1/venvs/riscv/doctor").await;
    assert_eq!(report.platforms, ["riscv64"]);
    assert!(report.findings[0].text.contains("riscv64"), "{:?}", report.findings);
    for (path, code) in [
        ("nothing/doctor", ErrorCode::NotFound),
        ("libs/doctor?version=7", ErrorCode::NotFound),
        ("libs/doctor?version=x", ErrorCode::InvalidRequest),
    ] {
        refusal(manager.get(&format!("/api/v1/venvs/{path}")).await, code).await;
    }
}
