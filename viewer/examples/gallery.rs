//! The viewer over a manager made of cardboard: every page with a bit of everything on it, for whoever changes how pages look.
//!
//! `cargo run -p lp-viewer --example gallery` prints login links, one for each page. Ctrl-C ends it.

#[path = "../tests/pages/fake/mod.rs"]
#[expect(dead_code, reason = "the tests use more of it")]
mod fake;

use std::time::Duration;

use fake::{Fake, LogNews, TOKEN, sample};
use lp_protocol::Stage;
use lp_protocol::views::Event;
use lp_viewer::config::Secret;
use lp_viewer::{Config, Ready};
use tokio_util::sync::CancellationToken;

#[tokio::main]
async fn main() -> Result<(), lp_viewer::Error> {
    let manager = Fake::start(sample::cluster());
    let pages = pages(&manager);
    let config = Config {
        http_port: std::env::args().nth(1).and_then(|port| port.parse().ok()).unwrap_or(0),
        manager: Some(manager.url()),
        token: Some(Secret::new(TOKEN)),
        ..Config::default()
    };
    let viewer = lp_viewer::run(config, CancellationToken::new(), |ready| print(&ready, &pages));
    tokio::select! {
        ended = viewer => ended,
        () = live(&manager) => Ok(()),
    }
}

fn pages(manager: &Fake) -> Vec<String> {
    let cluster = manager.cluster();
    let [failed, running, fan] = [0, 1, 2].map(|n| cluster.tasks[n].task.task_id);
    let mut pages: Vec<String> = ["/", "/tasks", "/apps", "/nodes"].map(str::to_owned).into();
    pages.extend([
        format!("/tasks/{failed}"),
        format!("/tasks/{failed}?tab=io"),
        format!("/tasks/{running}"),
        format!("/tasks/{fan}"),
    ]);
    pages.extend([
        format!("/tasks/{running}/stop"),
        format!("/apps/{}", cluster.apps[0].app_id),
        "/nowhere".to_owned(),
    ]);
    pages
}

#[expect(clippy::print_stdout, reason = "its output is the list of links")]
fn print(ready: &Ready, pages: &[String]) {
    println!("{}", ready.url);
    for page in pages {
        if let Some(link) = ready.login_url() {
            println!("{link}&next={}", page.replace('?', "%3F").replace('=', "%3D"));
        }
    }
}

/// Something happens every second.
async fn live(manager: &Fake) {
    for step in 1800_u64.. {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let task_id = {
            let mut cluster = manager.cluster();
            let running = 3 + step % 4;
            if let Some(status) = &mut cluster.status {
                (status.tasks_running, status.slots_in_use) = (running, 10 + running);
            }
            cluster.tasks[1].task.task_id
        };
        manager.tell(Event::Task { task_id, stage: Stage::Running, status: None });
        manager.write(LogNews::Text(format!("step {step:5}  loss 0.0979  3.1 it/s\n").into_bytes()));
    }
}
