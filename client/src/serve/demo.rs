//! `lp up --demo`: a first task, so that a newcomer sees one succeed.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use lp_package::{PackOptions, pack};
use lp_protocol::client::{AttemptRef, ManagerClient, Upload};
use lp_protocol::views::{AppView, CreateApp, CreateTask, ReadLog, TaskInfo, UpdateApp};
use lp_protocol::{ErrorCode, Status};

use futures_util::TryStreamExt;

use crate::commands::Session;
use crate::failure::Failure;
use crate::output::text;

/// The example as it stands in this repository: its files, and whether they are programs.
const FILES: &[(&str, &[u8], u32)] = &[
    ("configuration.json", include_bytes!("../../../examples/hello/configuration.json"), 0o644),
    ("hello.sh", include_bytes!("../../../examples/hello/hello.sh"), 0o755),
    ("README.md", include_bytes!("../../../examples/hello/README.md"), 0o644),
];

const NAME: &str = "hello";
const INPUT: &str = r#"{"name": "world"}"#;

/// The script takes milliseconds; a machine so slow that this is not enough is worth a message.
const PATIENCE: Duration = Duration::from_secs(60);

/// Uploads the example, runs it once and says what came of it.
pub(super) async fn run(session: &Session, client: &ManagerClient) -> Result<(), Failure> {
    let app = upload(client).await?;
    let input_data = serde_json::value::RawValue::from_string(INPUT.to_owned()).ok();
    let body = CreateTask { app_id: app.app_id, task_name: None, input_data, priority: 0, key: None };
    let id = client.create_task(&body).await?.task_id.to_string();
    let task = client.wait_until_finished(&id, Some(PATIENCE)).await?;
    let info = client.fetch_task(&id).await?;
    if task.status != Some(Status::Success) {
        let reason = task.reason.unwrap_or_else(|| format!("it is {}", task.stage));
        let hint = Some(format!("lp why {}", task.task_id.short()));
        return Err(Failure::Part {
            what: format!("the demo has not succeeded: {}", text::visible(&reason)),
            hint,
        });
    }
    tell(session, client, &info).await
}

async fn tell(session: &Session, client: &ManagerClient, info: &TaskInfo) -> Result<(), Failure> {
    let id = info.task.task_id.to_string();
    session.out.note(&format!("\ndemo     task {id} of the application `{NAME}` has succeeded"));
    for action in &info.actions {
        let log = client.read_log(&id, &action.name, AttemptRef::Latest, &ReadLog::default()).await?;
        let bytes: Vec<_> = log.bytes.try_collect().await?;
        let text_of_log = String::from_utf8_lossy(&bytes.concat()).into_owned();
        session.out.note(&format!("output   {}", text::visible_lines(text_of_log.trim_end())));
    }
    for result in info.result.values() {
        session.out.note(&format!("result   {}", text::visible(result.result.get())));
    }
    session.out.note("try      lp task create -a hello -i '{\"name\": \"you\"}' --follow");
    Ok(())
}

async fn upload(client: &ManagerClient) -> Result<AppView, Failure> {
    let work = tokio::task::spawn_blocking(packed).await;
    let (bytes, digest) = work.map_err(|error| Failure::Part { what: error.to_string(), hint: None })??;
    let existing = match client.fetch_app(NAME).await {
        Ok(app) => Some(app),
        Err(error) if error.code() == Some(ErrorCode::NotFound) => None,
        Err(error) => return Err(error.into()),
    };
    // somebody's own application of this name, or an example of another release: it gets this version
    if let Some(app) = existing.as_ref().filter(|app| app.version.digest == digest) {
        return Ok(app.clone());
    }
    if !client.has_blob(&digest).await? {
        client.upload_blob(&digest, Upload::bytes(bytes)).await?;
    }
    let digest_again = digest.clone();
    Ok(match existing {
        Some(app) => {
            let body = UpdateApp { digest: Some(digest_again), ..UpdateApp::default() };
            client.update_app(&app.app_id.to_string(), &body).await?
        }
        None => {
            let description = "The smallest application: one action, a shell script".to_owned();
            client
                .create_app(&CreateApp { name: NAME.to_owned(), description, digest, strict: false })
                .await?
        }
    })
}

fn packed() -> Result<(Vec<u8>, String), Failure> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| Failure::File { what: "write", path, source }
    };
    let directory = tempfile::tempdir().map_err(failed(&std::env::temp_dir()))?;
    for (name, content, mode) in FILES {
        let path = directory.path().join(name);
        fs::write(&path, content)
            .and_then(|()| fs::set_permissions(&path, fs::Permissions::from_mode(*mode)))
            .map_err(failed(&path))?;
    }
    let options = PackOptions { root_name: Some(NAME.to_owned()), ..PackOptions::default() };
    let (bytes, packed) = pack(directory.path(), Vec::new(), &options)?;
    Ok((bytes, packed.summed.digest.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_example_is_the_one_in_the_repository() {
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/hello");
        let options = PackOptions::default();

        let (_, from_repository) = pack(&example, Vec::new(), &options).unwrap();

        assert_eq!(packed().unwrap().1, from_repository.summed.digest.to_string());
    }
}
