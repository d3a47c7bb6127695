//! A viewer, its manager, and a browser that is signed in. Everything ends with the test.

use lp_viewer::config::Secret;
use lp_viewer::{Config, Ready};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::browser::Browser;
use crate::fake::{Cluster, Fake, TOKEN, sample};

pub(crate) struct World {
    pub(crate) manager: Fake,
    pub(crate) viewer: Ready,
    pub(crate) stop: CancellationToken,
    pub(crate) running: JoinHandle<Result<(), lp_viewer::Error>>,
}

impl World {
    pub(crate) async fn start(cluster: Cluster) -> Self {
        Self::with(cluster, |_| {}).await
    }

    pub(crate) async fn with(cluster: Cluster, change: impl FnOnce(&mut Config)) -> Self {
        let manager = Fake::start(cluster);
        let mut config = Config {
            http_port: 0,
            manager: Some(manager.url()),
            token: Some(Secret::new(TOKEN)),
            ..Config::default()
        };
        change(&mut config);
        let stop = CancellationToken::new();
        let (tell, told) = oneshot::channel();
        let running = tokio::spawn(lp_viewer::run(config, stop.clone(), |ready| {
            tell.send(ready).expect("the test waits for it");
        }));
        let viewer = told.await.expect("the viewer listens");
        Self { manager, viewer, stop, running }
    }

    /// A browser nobody has signed in with.
    pub(crate) fn stranger(&self) -> Browser {
        Browser::new(&format!("http://{}", self.viewer.address))
    }

    /// A browser that has followed a login link.
    pub(crate) async fn browser(&self) -> Browser {
        let mut browser = self.stranger();
        let answer = browser.get(&self.viewer.login_url().expect("there is a token")).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        browser.keep(&answer);
        browser
    }

    /// The addresses of every page there is for this cluster.
    pub(crate) fn pages(&self) -> Vec<String> {
        let cluster = self.manager.cluster();
        let mut pages: Vec<String> = [
            "/",
            "/tasks",
            "/tasks?status=fail&name=a",
            "/tasks/bulk?do=stop&name=a",
            "/apps",
            "/nodes",
            "/nowhere",
        ]
        .map(str::to_owned)
        .into();
        for info in cluster.tasks.iter().take(3) {
            let id = info.task.task_id;
            let rests = [
                "",
                "?tab=timeline",
                "?tab=actions&find=a&sort=-took",
                "?tab=io",
                "?tab=history",
                "?show=input",
                "?show=output",
                "?show=workspace&file=stdout.data",
                "?show=why",
                "/stop",
                "/rerun",
                "/recover",
                "/delete",
                "/again",
            ];
            pages.extend(rests.map(|rest| format!("/tasks/{id}{rest}")));
        }
        pages.extend(cluster.apps.iter().take(2).map(|app| format!("/apps/{}", app.app_id)));
        pages
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// A cluster that answers and has nothing in it.
pub(crate) fn empty() -> Cluster {
    Cluster { status: Some(sample::status()), ..Cluster::default() }
}
