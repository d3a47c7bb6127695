//! Looks into a container that has been created: is there a shell, is there a program?

use bollard::Docker;
use bollard::query_parameters::ContainerArchiveInfoOptionsBuilder;

use crate::docker::engine::has_status;

/// Where images have their shells.
const DIRS: [&str; 4] = ["/bin", "/usr/bin", "/usr/local/bin", "/run/current-system/sw/bin"];

/// The shells a `main` with shell syntax can be read by, the one LitePipeline had first.
pub(super) const SHELLS: [&str; 2] = ["bash", "sh"];

/// The first shell there is.
pub(super) async fn find_shell(docker: &Docker, container: &str) -> Option<&'static str> {
    for shell in SHELLS {
        for dir in DIRS {
            if is_there(docker, container, &format!("{dir}/{shell}")).await {
                return Some(shell);
            }
        }
    }
    None
}

/// False where the container surely has no such program.
pub(super) async fn has_program(docker: &Docker, container: &str, word: &str, cwd: &str, path: &str) -> bool {
    if word.contains('/') {
        let file = if word.starts_with('/') { word.to_owned() } else { format!("{cwd}/{word}") };
        return is_there(docker, container, &file).await;
    }
    for dir in path.split(':') {
        if is_there(docker, container, &format!("{dir}/{word}")).await {
            return true;
        }
    }
    false
}

/// Anything but a clear no counts as yes: the engine will then say itself what is wrong.
async fn is_there(docker: &Docker, container: &str, path: &str) -> bool {
    let options = ContainerArchiveInfoOptionsBuilder::default().path(path).build();
    match docker.get_container_archive_info(container, Some(options)).await {
        Ok(_) => true,
        Err(error) => !has_status(&error, 404),
    }
}
