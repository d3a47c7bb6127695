//! One build from its turn to the manager's answer.

use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Instant;

use lp_protocol::env::{BuildOutcome, BuildReport, EnvAnswer};

use super::build::{Place, Plan, build};
use super::desk::Envs;
use super::log::build_log;
use super::tell;

impl Envs {
    /// Builds and tells the manager; its answer, or nothing where the lease is another's.
    pub(super) async fn run(
        &self,
        key: &str,
        plan: &Plan,
        (number, log): (&std::sync::atomic::AtomicU32, &OnceLock<PathBuf>),
    ) -> Option<EnvAnswer> {
        use std::sync::atomic::Ordering::Relaxed;
        let _turn = self.builders.acquire().await.ok()?;
        let begin = Instant::now();
        tracing::info!(
            build = key,
            what = plan.recipe.source.shown(),
            python = plan.python,
            "building an environment"
        );
        let place = match Place::create(&self.site) {
            Ok(place) => place,
            Err(error) => {
                let error = format!("its directory cannot be made: {error}");
                return self
                    .report(key, number.load(Relaxed), (BuildOutcome::Failed { error }, begin, String::new()))
                    .await;
            }
        };
        let _ = log.set(place.log());
        let outcome = match build(&self.site, plan, &place).await {
            Err(error) => BuildOutcome::Failed { error },
            Ok(package) => {
                match tell::upload(&self.manager, (key, number.load(Relaxed)), &place.archive(), &package)
                    .await
                {
                    Ok(()) => BuildOutcome::Done(package),
                    // the lease went to another: whoever has it now goes on
                    Err(None) => return None,
                    Err(Some(error)) => {
                        let error =
                            format!("its pack cannot be sent to the manager: {}", crate::link::chain(&error));
                        BuildOutcome::Failed { error }
                    }
                }
            }
        };
        if let BuildOutcome::Failed { error } = &outcome {
            tracing::warn!(build = key, error, "an environment could not be built");
        }
        let said = build_log(&place.log()).unwrap_or_default();
        let done = match &outcome {
            BuildOutcome::Done(package) => Some(package.clone()),
            BuildOutcome::Failed { .. } | BuildOutcome::GivenUp => None,
        };
        let answer = self.report(key, number.load(Relaxed), (outcome, begin, said)).await;
        if let (Some(package), Some(EnvAnswer::Ready(_))) = (done, &answer) {
            // what was packed here need not be fetched
            let begun = self.site.cache.join(crate::cache::download_name(&package));
            let _ = std::fs::rename(place.archive(), begun);
        }
        answer
    }

    async fn report(
        &self,
        key: &str,
        number: u32,
        (outcome, begin, log): (BuildOutcome, Instant, String),
    ) -> Option<EnvAnswer> {
        let report = BuildReport { number, outcome, seconds: begin.elapsed().as_secs_f64(), log };
        match tell::report(&self.manager, key, &report).await {
            Ok(answer) => Some(answer),
            Err(None) => None,
            Err(Some(error)) => {
                tracing::warn!(
                    build = key,
                    error = crate::link::chain(&error),
                    "the manager does not take the outcome of a build"
                );
                None
            }
        }
    }
}
