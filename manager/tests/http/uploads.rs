//! Packages on their way in, honest and hostile.

use lp_protocol::ErrorCode;
use lp_protocol::views::BlobView;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::{Manager, app_archive, archive, gzip, hello, read, refusal, tar_entry};

const NOWHERE: &str = "0000000000000000000000000000000000000000000000000000000000000000";
const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

#[tokio::test]
async fn a_package_is_stored_under_its_digest_once() {
    let manager = Manager::start().await;
    let path = format!("/api/v1/blobs/{ABC}");

    assert_eq!(manager.request(Method::HEAD, &path).send().await.unwrap().status(), StatusCode::NOT_FOUND);
    let first: BlobView =
        read(manager.request(Method::PUT, &path).body("abc").send().await.unwrap(), StatusCode::CREATED)
            .await;
    let second: BlobView =
        read(manager.request(Method::PUT, &path).body("abc").send().await.unwrap(), StatusCode::OK).await;
    let third: BlobView = read(
        manager.request(Method::POST, "/api/v1/blobs").body("abc").send().await.unwrap(),
        StatusCode::OK,
    )
    .await;
    let head = manager.request(Method::HEAD, &path).send().await.unwrap();

    for blob in [first, second, third] {
        assert_eq!((blob.digest.as_str(), blob.size_bytes), (ABC, 3));
        assert_eq!(blob.sha1, "a9993e364706816aba3e25717850c26c9cd0d89d");
    }
    assert_eq!((head.status(), head.headers()["content-length"].to_str().unwrap()), (StatusCode::OK, "3"));
}

#[tokio::test]
async fn bytes_that_are_not_what_their_digest_says_are_not_stored() {
    let manager = Manager::start().await;

    for digest in [NOWHERE, ABC] {
        let response = manager
            .request(Method::PUT, &format!("/api/v1/blobs/{digest}"))
            .body("abd")
            .send()
            .await
            .unwrap();
        refusal(response, ErrorCode::InvalidRequest).await;
        let head = manager.request(Method::HEAD, &format!("/api/v1/blobs/{digest}")).send().await.unwrap();
        assert_eq!(head.status(), StatusCode::NOT_FOUND);
    }
    for digest in ["x", &ABC.to_uppercase(), "..%2f..%2fetc%2fpasswd", &ABC[1..]] {
        let response = manager
            .request(Method::PUT, &format!("/api/v1/blobs/{digest}"))
            .body("abc")
            .send()
            .await
            .unwrap();
        refusal(response, ErrorCode::InvalidRequest).await;
    }
    assert_eq!(leftovers(&manager), 0);
}

#[tokio::test]
async fn a_package_over_the_limit_is_refused_and_leaves_nothing() {
    let manager = Manager::start_with(|config| config.max_buffer_size = 3 << 20).await;

    let known_size =
        manager.request(Method::POST, "/api/v1/blobs").body(vec![1; 4 << 20]).send().await.unwrap();
    let chunks = futures_util::stream::iter((0..64).map(|_| Ok::<_, std::io::Error>(vec![2; 64 << 10])));
    let unknown_size = manager
        .request(Method::POST, "/api/v1/blobs")
        .body(reqwest::Body::wrap_stream(chunks))
        .send()
        .await
        .unwrap();

    assert!(refusal(known_size, ErrorCode::TooLarge).await.message.contains("3145728"));
    refusal(unknown_size, ErrorCode::TooLarge).await;
    assert_eq!(leftovers(&manager), 0);
}

#[tokio::test]
async fn uploads_of_one_package_at_the_same_time_do_not_disturb_one_another() {
    let manager = Manager::start().await;
    let bytes: Vec<u8> = (0..3_000_000_u32).map(|n| (n % 251) as u8).collect();

    let uploads = (0..6).map(|_| manager.upload(bytes.clone()));
    let blobs = futures_util::future::join_all(uploads).await;

    assert!(blobs.iter().all(|blob| blob.digest == blobs[0].digest && blob.size_bytes == 3_000_000));
    assert_eq!(leftovers(&manager), 0);
}

#[tokio::test]
async fn an_upload_that_breaks_off_leaves_nothing() {
    let manager = Manager::start().await;
    let broken =
        futures_util::stream::iter([Ok(vec![1; 100_000]), Err(std::io::Error::other("the sender has left"))]);

    let outcome =
        manager.request(Method::POST, "/api/v1/blobs").body(reqwest::Body::wrap_stream(broken)).send().await;

    assert!(outcome.is_err());
    crate::harness::within(async {
        while leftovers(&manager) > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn hostile_and_broken_archives_are_refused_with_the_name_of_the_entry() {
    let manager = Manager::start().await;
    let manifest = hello().to_string();
    let with = |entries: Vec<Vec<u8>>| {
        let mut tar = tar_entry("app/configuration.json", b'0', manifest.as_bytes());
        tar.extend(entries.into_iter().flatten());
        tar.extend([0; 1024]);
        gzip(&tar)
    };
    let link = |name: &str, target: &str| {
        let mut entry = tar_entry(name, b'2', b"");
        entry[157..157 + target.len()].copy_from_slice(target.as_bytes());
        entry[148..156].fill(b' ');
        let sum: u32 = entry[..512].iter().map(|byte| u32::from(*byte)).sum();
        entry[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        entry
    };
    let mut cut = app_archive(&manifest);
    cut.truncate(cut.len() / 2);

    for (name, bytes, part) in [
        ("parent", with(vec![tar_entry("../x", b'0', b"x")]), "../x"),
        ("absolute", with(vec![tar_entry("/etc/x", b'0', b"x")]), "/etc/x"),
        ("device", with(vec![tar_entry("app/null", b'3', b"")]), "app/null"),
        ("link out", with(vec![link("app/out", "../../etc")]), "app/out"),
        ("through a link", with(vec![link("app/a", "b"), tar_entry("app/a/c", b'0', b"x")]), "app/a"),
        ("twice", with(vec![tar_entry("app/x", b'0', b"1"), tar_entry("app/x", b'0', b"2")]), "app/x"),
        ("bomb", bomb(), "times"),
        ("cut", cut, "early"),
        ("no archive", b"hello".to_vec(), "recognise"),
        ("empty", Vec::new(), "recognise"),
    ] {
        let blob = manager.upload(bytes).await;
        let response = manager.post("/api/v1/apps", json!({"name": name, "digest": blob.digest})).await;
        let error = refusal(response, ErrorCode::InvalidArchive).await;
        assert!(error.message.contains(part), "{name}: {}", error.message);
    }
    let apps: Value = manager.get_json("/api/v1/apps").await;
    assert_eq!(apps["items"], json!([]));
}

#[tokio::test]
async fn a_manifest_that_breaks_a_rule_is_refused_by_name() {
    let manager = Manager::start().await;
    let action =
        |name: &str, condition: &[&str]| json!({"name": name, "condition": condition, "main": "true"});
    let of = |actions: Vec<Value>| json!({"actions": actions, "output_action": "a"}).to_string();

    for (manifest, part) in [
        (of(vec![action("a", &["b"]), action("b", &["a"])]), "a -> b -> a"),
        (of(vec![action("a", &["x"])]), "`x`"),
        (of(vec![action("a", &[]), action("a", &[])]), "`a`"),
        ("{".to_owned(), "configuration.json"),
        (format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000)), "configuration.json"),
    ] {
        let blob = manager.upload(app_archive(&manifest)).await;
        let response = manager.post("/api/v1/apps", json!({"name": "x", "digest": blob.digest})).await;
        let error = refusal(response, ErrorCode::InvalidManifest).await;
        assert!(error.message.contains(part), "{}", error.message);
    }
    let blob = manager.upload(archive(&[("app/run.sh", b"true")])).await;
    let response = manager.post("/api/v1/apps", json!({"name": "x", "digest": blob.digest})).await;
    assert!(refusal(response, ErrorCode::InvalidManifest).await.message.contains("no configuration.json"));
    let response = manager.post("/api/v1/apps", json!({"name": "x", "digest": NOWHERE})).await;
    assert!(refusal(response, ErrorCode::NotFound).await.hint.unwrap().contains("Upload it first"));
}

/// 200 MiB of zeros in some ten KiB.
fn bomb() -> Vec<u8> {
    let tar = tar_entry("app/zeros", b'0', &vec![0; 200 << 20]);
    zstd::encode_all(&tar[..], 1).unwrap()
}

/// Files in the directory of half made uploads.
fn leftovers(manager: &Manager) -> usize {
    std::fs::read_dir(manager.directory.path().join("data/blobs/tmp")).unwrap().count()
}
