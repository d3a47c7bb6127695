//! Uploads to a manager that is not always there.

use std::io::Write as _;
use std::sync::{Arc, Mutex, MutexGuard};

use http_body_util::BodyExt;
use serde_json::json;

use super::fake::{Answer, Asked, Fake, empty, json as answer_json};
use super::*;
use crate::{ApiError, ErrorCode, UploadId};

const SIZE: usize = 20 << 20;

/// What goes wrong at a request, once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trouble {
    /// The connection breaks after so many bytes of the body, which are kept.
    Cut(usize),
    /// As when the manager starts.
    Away,
    /// The piece was taken, and its answer lost.
    Lost,
    /// Another manager leads.
    Forgotten,
    TooLarge,
}

/// An upload as a manager keeps it, and what will go wrong: method and end of the path, and how.
#[derive(Default)]
struct Kept {
    id: Option<UploadId>,
    bytes: Vec<u8>,
    is_finished: bool,
    troubles: Vec<(&'static str, &'static str, Trouble)>,
    asked: Vec<String>,
}

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Kept>>);

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap()
    }

    fn trouble(&self, method: &str, path: &str) -> Option<Trouble> {
        let mut kept = self.lock();
        let at = kept.troubles.iter().position(|(m, p, _)| *m == method && path.ends_with(p))?;
        Some(kept.troubles.remove(at).2)
    }
}

fn refuse(code: ErrorCode) -> Answer {
    answer_json(code.http_status(), &ApiError::new(code, "no"))
}

fn view(kept: &Kept) -> serde_json::Value {
    let package = kept.is_finished.then(|| json!({"digest": "d", "sha1": "s", "size_bytes": SIZE}));
    json!({"upload_id": kept.id, "size_bytes": SIZE, "offset": kept.bytes.len(), "package": package})
}

async fn respond(shared: Shared, asked: Asked) -> Answer {
    let (method, path) = (asked.method().to_string(), asked.uri().path().to_owned());
    let query = asked.uri().query().unwrap_or_default().to_owned();
    shared.lock().asked.push(format!("{method} {}", path.rsplit('/').next().unwrap()));
    let trouble = match method.as_str() {
        "PATCH" => shared.trouble("PATCH", ""),
        _ => shared.trouble(&method, &path),
    };
    match trouble {
        Some(Trouble::Away) => return refuse(ErrorCode::Unavailable),
        Some(Trouble::TooLarge) => return refuse(ErrorCode::TooLarge),
        Some(Trouble::Forgotten) => {
            let asked = std::mem::take(&mut shared.lock().asked);
            *shared.lock() = Kept { asked, ..Kept::default() };
            return refuse(ErrorCode::NotFound);
        }
        Some(Trouble::Cut(_) | Trouble::Lost) | None => {}
    }
    match (method.as_str(), path.rsplit('/').next().unwrap()) {
        ("HEAD", _) => return if shared.lock().is_finished { empty(200) } else { empty(404) },
        ("POST", "uploads") => {
            shared.lock().id = Some(UploadId::random());
            return answer_json(201, &view(&shared.lock()));
        }
        _ => {}
    }
    let known = shared.lock().id.is_some_and(|id| path.contains(&id.to_string()));
    if !known {
        return refuse(ErrorCode::NotFound);
    }
    match method.as_str() {
        "GET" => answer_json(200, &view(&shared.lock())),
        "DELETE" => empty(204),
        "POST" => {
            shared.lock().is_finished = true;
            if trouble == Some(Trouble::Lost) {
                return refuse(ErrorCode::Internal);
            }
            answer_json(200, &json!({"digest": "d", "sha1": "s", "size_bytes": SIZE}))
        }
        _ => append(shared, asked, &query, trouble).await,
    }
}

async fn append(shared: Shared, asked: Asked, query: &str, trouble: Option<Trouble>) -> Answer {
    if query != format!("offset={}", shared.lock().bytes.len()) {
        return refuse(ErrorCode::Conflict);
    }
    let mut body = asked.into_body();
    let mut taken = 0;
    while let Some(Ok(frame)) = body.frame().await {
        let Ok(bytes) = frame.into_data() else { continue };
        taken += bytes.len();
        shared.lock().bytes.extend_from_slice(&bytes);
        if matches!(trouble, Some(Trouble::Cut(most)) if taken >= most) {
            // hyper closes a connection whose body was not read to its end
            return refuse(ErrorCode::Unavailable);
        }
    }
    if trouble == Some(Trouble::Lost) {
        return refuse(ErrorCode::TimedOut);
    }
    answer_json(200, &view(&shared.lock()))
}

struct Outcome {
    result: Result<(), Error>,
    kept: Vec<u8>,
    asked: Vec<String>,
    sent: Vec<u8>,
    places: Vec<u64>,
    interruptions: usize,
}

async fn upload(troubles: &[(&'static str, &'static str, Trouble)]) -> Outcome {
    let shared = Shared::default();
    shared.lock().troubles = troubles.to_vec();
    let served = shared.clone();
    let fake = Fake::start(move |asked| respond(served.clone(), asked)).await;
    let sent: Vec<u8> = (0..SIZE).map(|n| (n % 251) as u8 ^ (n >> 16) as u8).collect();
    let path = std::env::temp_dir().join(format!("lp-resume-{}", uuid::Uuid::new_v4()));
    std::fs::File::create_new(&path).unwrap().write_all(&sent).unwrap();
    let file = Arc::new(std::fs::File::open(&path).unwrap());
    std::fs::remove_file(&path).unwrap();

    let (places, interruptions) = (Arc::new(Mutex::new(Vec::new())), Mutex::new(0));
    let told = places.clone();
    let at: Progress = Arc::new(move |place| told.lock().unwrap().push(place));
    let interrupted = |_: &Error| *interruptions.lock().unwrap() += 1;
    let source = FileSource { file, size_bytes: SIZE as u64, digest: "0".repeat(64) };
    let client = ManagerClient::new(&fake.url(), "sesame").unwrap();
    let result = client.upload_file(&source, Watch { at, interrupted: &interrupted }).await;

    let kept = std::mem::take(&mut *shared.lock());
    let (places, interruptions) = (places.lock().unwrap().clone(), *interruptions.lock().unwrap());
    Outcome { result, kept: kept.bytes, asked: kept.asked, sent, places, interruptions }
}

#[tokio::test]
async fn without_trouble_it_is_sent_once() {
    let outcome = upload(&[]).await;

    outcome.result.unwrap();
    assert!(outcome.kept == outcome.sent);
    assert_eq!(outcome.interruptions, 0);
    assert!(outcome.places.is_sorted() && outcome.places.last() == Some(&(SIZE as u64)));
    assert!(outcome.asked.len() <= 5 && outcome.asked[0] == "POST uploads", "{:?}", outcome.asked);
}

#[tokio::test]
async fn whatever_happens_on_the_way_it_goes_on_from_where_it_was() {
    let outcome = upload(&[
        ("PATCH", "", Trouble::Cut(3 << 20)),
        ("GET", "", Trouble::Away),
        ("PATCH", "", Trouble::Lost),
        ("PATCH", "", Trouble::Cut(1)),
        ("POST", "finish", Trouble::Lost),
    ])
    .await;

    outcome.result.unwrap();
    assert!(outcome.kept == outcome.sent);
    assert_eq!(outcome.interruptions, 5);
    let openings = outcome.asked.iter().filter(|asked| *asked == "POST uploads");
    assert_eq!(openings.count(), 1, "{:?}", outcome.asked);
    assert_eq!(outcome.places.last(), Some(&(SIZE as u64)));
}

#[tokio::test]
async fn a_manager_that_knows_nothing_of_it_gets_it_from_the_beginning() {
    let outcome = upload(&[("PATCH", "", Trouble::Forgotten)]).await;

    outcome.result.unwrap();
    assert!(outcome.kept == outcome.sent);
    let openings = outcome.asked.iter().filter(|asked| *asked == "POST uploads");
    assert_eq!(openings.count(), 2);
}

#[tokio::test]
async fn what_no_waiting_changes_is_told_at_once() {
    for (method, end) in [("POST", "uploads"), ("PATCH", ""), ("POST", "finish")] {
        let outcome = upload(&[(method, end, Trouble::TooLarge)]).await;

        assert_eq!(outcome.result.unwrap_err().code(), Some(ErrorCode::TooLarge));
        assert_eq!(outcome.interruptions, 0);
    }
    // nothing has been sent yet: whoever waits for it wants to know now
    let outcome = upload(&[("POST", "uploads", Trouble::Away)]).await;
    assert_eq!(outcome.result.unwrap_err().code(), Some(ErrorCode::Unavailable));
}
