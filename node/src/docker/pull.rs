//! Seeing to it that an image is there.

use std::collections::BTreeMap;
use std::time::Instant;

use bollard::Docker;
use bollard::models::CreateImageInfo;
use bollard::query_parameters::CreateImageOptionsBuilder;
use futures_util::StreamExt;
use lp_protocol::PreparingKind;
use lp_protocol::docker::{Pull, Reference};

use super::auth;
use super::engine::{has_status, is_answer, words};
use super::prepare::Error;
use super::settings::Settings;
use crate::envs::Steps;

/// What to make sure of.
pub(super) struct Wanted<'w> {
    pub(super) image: &'w Reference,
    pub(super) policy: Pull,
    pub(super) platform: Option<&'w str>,
}

/// Makes sure of an image; a sentence about what was fetched, for the action's log.
///
/// # Errors
/// `Never` with the engine's words where it has said no.
pub(super) async fn ensure(
    docker: &Docker,
    settings: &Settings,
    wanted: &Wanted<'_>,
    steps: &Steps,
) -> Result<Option<String>, Error> {
    let name = wanted.image.to_string();
    let is_there = match docker.inspect_image(&name).await {
        Ok(_) => true,
        Err(error) if has_status(&error, 404) => false,
        Err(error) => return Err(failed(&name, &error)),
    };
    match (wanted.policy, is_there) {
        (Pull::Missing, true) | (Pull::Never, true) => Ok(None),
        (Pull::Never, false) => Err(Error::Never(format!(
            "the image `{name}` is not on this node, and `docker.pull` is \"never\""
        ))),
        (Pull::Always, _) | (Pull::Missing, false) => {
            steps.begin(PreparingKind::Pull, &name);
            fetch(docker, settings, wanted, steps).await.map(Some)
        }
    }
}

async fn fetch(
    docker: &Docker,
    settings: &Settings,
    wanted: &Wanted<'_>,
    steps: &Steps,
) -> Result<String, Error> {
    let name = wanted.image.to_string();
    let credentials = auth::find(settings.auth_file.as_deref(), wanted.image).map_err(Error::Never)?;
    let begin = Instant::now();
    tracing::info!(image = name, "pulls an image");
    let (from, tag) = split(wanted.image);
    let mut options = CreateImageOptionsBuilder::default().from_image(&from).tag(&tag);
    if let Some(platform) = wanted.platform {
        options = options.platform(platform);
    }
    let mut progress = Progress::default();
    let mut words = std::pin::pin!(docker.create_image(Some(options.build()), None, credentials));
    while let Some(word) = words.next().await {
        if progress.add(&word.map_err(|error| failed(&name, &error))?) {
            steps.detail(&format!("{} so far", spoken(progress.bytes())));
        }
    }
    let seconds = begin.elapsed().as_secs_f64();
    tracing::info!(image = name, size_bytes = progress.bytes(), seconds, "pulled an image");
    Ok(format!("pulled the image {name} ({}) in {seconds:.1} s", spoken(progress.bytes())))
}

/// The name without what is asked for of it, and that: a tag or a digest. Without either an engine would fetch all tags.
fn split(image: &Reference) -> (String, String) {
    let bare = Reference { tag: None, digest: None, ..image.clone() };
    let tag = image.digest.clone().or_else(|| image.tag.clone()).unwrap_or_else(|| "latest".to_owned());
    (bare.to_string(), tag)
}

fn failed(name: &str, error: &bollard::errors::Error) -> Error {
    let text = format!("the image `{name}` cannot be had: {}", words(error));
    if is_answer(error) { Error::Never(text) } else { Error::NotYet(text) }
}

/// Bytes of the layers so far.
#[derive(Default)]
struct Progress {
    layers: BTreeMap<String, i64>,
    told: Option<Instant>,
}

impl Progress {
    /// Takes in one word of the engine; true where it is time to tell.
    fn add(&mut self, step: &CreateImageInfo) -> bool {
        /// 1 s between two words about it: people do not read faster.
        const PAUSE: std::time::Duration = std::time::Duration::from_secs(1);
        if let (Some(id), Some(current)) =
            (&step.id, step.progress_detail.as_ref().and_then(|detail| detail.current))
            && step.status.as_deref() == Some("Downloading")
        {
            self.layers.insert(id.clone(), current);
        }
        let told = self.told.get_or_insert_with(Instant::now);
        let is_due = told.elapsed() >= PAUSE;
        if is_due {
            *told = Instant::now();
        }
        is_due
    }

    fn bytes(&self) -> i64 {
        self.layers.values().sum()
    }
}

fn spoken(bytes: i64) -> String {
    match bytes {
        0 => "nothing new".to_owned(),
        bytes => format!("{:.1} MB", bytes as f64 / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_image_is_asked_for_and_never_all_of_a_name() {
        let digest = format!("sha256:{}", "0".repeat(64));
        for (text, from, tag) in [
            ("busybox".to_owned(), "busybox", "latest"),
            ("hub.example:5000/a/b:1".to_owned(), "hub.example:5000/a/b", "1"),
            (format!("a:1@{digest}"), "a", digest.as_str()),
        ] {
            assert_eq!(split(&Reference::parse(&text).unwrap()), (from.to_owned(), tag.to_owned()));
        }
    }
}
