//! Logs, workspaces and packages: complete, in constant memory, and never anybody else's.

mod support;

use std::fs;
use std::os::unix::fs::symlink;
use std::time::Duration;

use lp_protocol::frames::{ManagerFrame, NodeFrame, StreamRequest};
use lp_protocol::views::WorkspaceListing;
use lp_protocol::{ErrorCode, Exit};
use support::{Site, assignment, until};

fn open(site: &Site, stream_id: u64, what: StreamRequest) {
    site.manager.send(ManagerFrame::OpenStream { stream_id, what });
}

async fn whole(site: &Site, stream_id: u64) -> Vec<u8> {
    let ended = |facts: &mut support::manager::Facts| {
        facts.streams.get(&stream_id).filter(|(_, end)| *end).map(|(bytes, _)| bytes.clone())
    };
    site.manager.wait("the end of a stream", ended).await
}

async fn failure(site: &Site, number: u64) -> lp_protocol::ApiError {
    let failed = |facts: &mut support::manager::Facts| {
        facts.others.iter().find_map(|frame| match frame {
            NodeFrame::StreamFailed { stream_id, error } if *stream_id == number => Some(error.clone()),
            _ => None,
        })
    };
    site.manager.wait("the failure of a stream", failed).await
}

#[tokio::test]
async fn a_log_is_followed_line_by_line_to_its_end() {
    let site = Site::start("").await;
    let line =
        "for n in 1 2 3; do echo line $n; until [ -e \"$LP_WORKSPACE/$n\" ]; do sleep 0.01; done; done #";
    let key = site.assign_line(line);
    open(&site, 1, StreamRequest::Log { attempt: key.clone(), offset: 0, tail_bytes: None, follow: true });
    open(&site, 2, StreamRequest::Log { attempt: key.clone(), offset: 5, tail_bytes: None, follow: true });

    for (number, expected) in [(1, "line 1\n"), (2, "line 1\nline 2\n"), (3, "line 1\nline 2\nline 3\n")] {
        let seen = |facts: &mut support::manager::Facts| {
            (facts.streams.get(&1)?.0 == expected.as_bytes()).then_some(())
        };
        site.manager.wait(expected, seen).await;
        fs::write(site.workspace(&key).join(number.to_string()), "").unwrap();
    }

    assert_eq!(whole(&site, 1).await, b"line 1\nline 2\nline 3\n");
    assert_eq!(whole(&site, 2).await, b"1\nline 2\nline 3\n");
    open(&site, 3, StreamRequest::Log { attempt: key, offset: 0, tail_bytes: Some(4), follow: true });
    assert_eq!(whole(&site, 3).await, b"e 3\n");
    assert_eq!(site.manager.facts().stream_offsets[&3], "17");
}

#[tokio::test]
async fn a_stream_nobody_reads_is_closed() {
    let site = Site::start("").await;
    let key = site.assign_line("echo hi; sleep 600 #");
    open(&site, 1, StreamRequest::Log { attempt: key, offset: 0, tail_bytes: None, follow: true });
    site.manager
        .wait("its begin", |facts| facts.streams.get(&1).filter(|(bytes, _)| !bytes.is_empty()).map(drop))
        .await;
    let sockets = || fs::read_dir(format!("/proc/{}/fd", site.node_pid())).unwrap().count();
    let open_before = sockets();

    site.manager.send(ManagerFrame::CloseStream { stream_id: 1 });

    until("its connection and file are closed", || sockets() < open_before).await;
}

#[tokio::test]
async fn a_long_log_is_shipped_whole_in_segments() {
    let site = Site::start("").await;
    let key = site.assign_line("head -c 9000000 /dev/zero | tr '\\0' x; echo end #");

    let finish = site.manager.finish_of(&key).await;

    assert_eq!((finish.exit, finish.log_bytes, finish.log), (Exit::Code { code: 0 }, 9_000_004, None));
    let log = site.manager.wait("the log", |facts| facts.logs.values().find(|(_, end)| *end).cloned()).await;
    assert_eq!(log.0, fs::read(site.workspace(&key).join("stdout.data")).unwrap());
}

#[tokio::test]
async fn shipping_goes_on_after_a_restart() {
    let mut site = Site::start("").await;
    site.manager.go_down();
    site.manager.come_up();
    let key = site.wait_link_and_assign("head -c 5000000 /dev/zero; sleep 0.1 #").await;
    site.manager.finish_of(&key).await;
    site.kill_node();
    // half of it was there, as far as the manager is concerned
    let path = format!("/node/v1/logs/{}/first%20action/1", key.task_id);
    site.manager.facts().logs.insert(path.clone(), (vec![0; 1000], false));
    site.manager.facts().acked = 0;

    site.start_node();

    let ended = |facts: &mut support::manager::Facts| {
        facts.logs.get(&path).filter(|(_, end)| *end).map(|(log, _)| log.len())
    };
    // the node may have shipped it before it was killed; then nothing is left to send
    let done = async { site.manager.wait("the rest", ended).await };
    if let Ok(length) = tokio::time::timeout(Duration::from_secs(5), done).await {
        assert_eq!(length, 5_000_000);
    }
}

#[tokio::test]
async fn workspaces_are_listed_read_and_packed_and_links_lead_nowhere() {
    let site = Site::start("").await;
    let line =
        "cd \"$LP_WORKSPACE\"; mkdir d; echo inside > d/f; ln -s /etc/passwd evil; ln -s / root; true #";
    let key = site.assign_line(line);
    site.manager.finish_of(&key).await;

    open(&site, 1, StreamRequest::WorkspaceFiles { attempt: key.clone() });
    open(&site, 2, StreamRequest::WorkspaceFile { attempt: key.clone(), path: "d/f".into() });
    open(&site, 3, StreamRequest::Workspace { attempt: key.clone() });

    let listing: WorkspaceListing = serde_json::from_slice(&whole(&site, 1).await).unwrap();
    let names: Vec<&str> = listing.files.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(names, ["d", "d/f", "evil", "input.data", "root", "stdout.data"]);
    assert_eq!(whole(&site, 2).await, b"inside\n");
    let packed = whole(&site, 3).await;
    let mut tar = tar::Archive::new(flate2::read::GzDecoder::new(packed.as_slice()));
    assert_eq!(tar.entries().unwrap().count(), 7);
    for (number, path, code) in [
        (11, "evil", ErrorCode::InvalidRequest),
        (12, "root/etc/passwd", ErrorCode::InvalidRequest),
        (13, "../../../../../etc/passwd", ErrorCode::InvalidRequest),
        (14, "none", ErrorCode::NotFound),
    ] {
        open(&site, number, StreamRequest::WorkspaceFile { attempt: key.clone(), path: path.into() });
        assert_eq!(failure(&site, number).await.code, code, "{path}");
    }
    let mut elsewhere = key.clone();
    elsewhere.action = "../../../../../../etc".into();
    open(&site, 20, StreamRequest::WorkspaceFiles { attempt: elsewhere });
    assert_eq!(failure(&site, 20).await.code, ErrorCode::InvalidRequest);
}

#[tokio::test]
async fn a_log_replaced_by_a_link_is_not_read() {
    let site = Site::start("").await;
    let key = site.assign_line("ln -sf /etc/passwd \"$LP_WORKSPACE/stdout.data\" #");

    let finish = site.manager.finish_of(&key).await;
    assert_eq!((finish.log_bytes, finish.log), (0, None));
    open(&site, 1, StreamRequest::Log { attempt: key, offset: 0, tail_bytes: None, follow: false });
    assert_eq!(failure(&site, 1).await.code, ErrorCode::Gone);
}

#[tokio::test]
async fn deleted_workspaces_are_gone_at_once_and_links_in_them_not_followed() {
    let site = Site::start("").await;
    let precious = site.dir.path().join("precious");
    fs::create_dir(&precious).unwrap();
    fs::write(precious.join("file"), "x").unwrap();
    let key = site.assign_line("true");
    site.manager.finish_of(&key).await;
    symlink(&precious, site.workspace(&key).join("link")).unwrap();
    let mut outside = key.clone();
    outside.action = "../../../../precious".into();

    site.manager.send(ManagerFrame::DeleteWorkspaces { attempts: vec![key.clone(), outside] });

    let gone = |facts: &mut support::manager::Facts| {
        facts.others.iter().find_map(|frame| match frame {
            NodeFrame::WorkspacesDeleted { attempts } => Some(attempts.clone()),
            _ => None,
        })
    };
    assert_eq!(site.manager.wait("the deletion", gone).await, std::slice::from_ref(&key));
    assert!(!site.workspace(&key).exists() && precious.join("file").exists());
    let trash = site.data().join("trash");
    until("the trash is emptied in a quiet moment", || fs::read_dir(&trash).unwrap().count() == 0).await;
    assert!(precious.join("file").exists());
}

#[tokio::test]
async fn a_package_is_fetched_once_for_all_who_want_it() {
    let site = Site::start("").await;
    let app = site.app(&[("configuration.json", "{}")]);
    let orders: Vec<_> = (0..20).map(|_| assignment(&app, "true")).collect();

    site.manager.send(ManagerFrame::Assign { assignments: orders.clone() });
    for order in &orders {
        assert_eq!(site.manager.finish_of(&order.attempt).await.exit, Exit::Code { code: 0 });
    }

    assert_eq!(site.manager.facts().downloads, [format!("{} 0", app.digest)]);
}

#[tokio::test]
async fn a_download_that_was_cut_is_resumed() {
    let site = Site::start("").await;
    let app = site.app(&[("configuration.json", "{}"), ("large", &"x y z ".repeat(10_000))]);
    site.manager.facts().packages.get_mut(&app.digest).unwrap().cut_at = Some(100);

    let key = site.assign(&assignment(&app, "true"));

    assert_eq!(site.manager.finish_of(&key).await.exit, Exit::Code { code: 0 });
    let downloads = site.manager.facts().downloads.clone();
    assert_eq!(downloads, [format!("{} 0", app.digest), format!("{} 100", app.digest)]);
}

#[tokio::test]
async fn a_package_of_other_bytes_or_no_archive_or_nobody_is_a_reason() {
    let site = Site::start("").await;
    let app = site.app(&[("configuration.json", "{}")]);
    let length = app.size_bytes as usize;
    site.manager.facts().packages.get_mut(&app.digest).unwrap().bytes = vec![7; length];
    let rubbish = site.package(b"this is no archive".to_vec());
    let mut unknown = app.clone();
    unknown.digest = "0".repeat(64);
    let mut evil = app.clone();
    evil.digest = "../../../etc".into();
    for (package, expected) in [
        (app, "the bytes that came have the digest"),
        (rubbish, "cannot be unpacked"),
        (unknown, "no longer with the manager"),
        (evil, "not a digest"),
    ] {
        let key = site.assign(&assignment(&package, "true"));
        let Exit::NotStarted { reason } = site.manager.finish_of(&key).await.exit else {
            panic!("{expected}")
        };
        assert!(reason.contains(expected), "{reason}");
    }
}
