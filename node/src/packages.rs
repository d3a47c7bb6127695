//! Getting the packages of attempts that wait for them.
//!
//! Failures that may pass are tried again for as long as the attempt waits: the manager may be away for hours.

use std::sync::Arc;
use std::time::Duration;

use lp_protocol::AttemptKey;
use lp_protocol::frames::NodeFrame;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::docker;
use crate::envs::Steps;
use crate::runner::Runner;
use crate::runner::order::Order;

/// 100 ms before the second try.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// Five answers that the node may not have the package: the manager answers so for attempts it has given away meanwhile, and the link tells.
const MAX_REFUSALS: u32 = 5;

/// Three times other bytes than those of the digest: the manager's store is damaged.
const MAX_BROKEN: u32 = 3;

/// Half a second: what is fetched in less is told with the start alone.
const TOLD_AFTER: Duration = Duration::from_millis(500);

/// Where frames to the manager go.
type Frames = mpsc::UnboundedSender<NodeFrame>;

/// Prepares until shutdown.
pub(crate) async fn keep(
    runner: Arc<Runner>,
    mut orders: mpsc::UnboundedReceiver<Arc<Order>>,
    (longest_pause, frames): (Duration, Frames),
    shutdown: CancellationToken,
) {
    let tasks = TaskTracker::new();
    loop {
        tokio::select! {
            () = shutdown.cancelled() => break,
            order = orders.recv() => {
                let Some(order) = order else { break };
                let (runner, frames, shutdown) = (Arc::clone(&runner), frames.clone(), shutdown.clone());
                tasks.spawn(async move {
                    tokio::select! {
                        () = shutdown.cancelled() => {}
                        () = prepare(&runner, &order, longest_pause, &frames) => {}
                    }
                });
            }
        }
    }
    tasks.close();
    tasks.wait().await;
}

async fn prepare(runner: &Runner, order: &Order, longest_pause: Duration, frames: &Frames) {
    let (key, steps) = (&order.assignment.attempt, Steps::default());
    let bell = runner.look(|state| state.follow(key));
    let given_up = async {
        // rung at its end too: who is stopped while packages are prepared waits for them no more
        while runner.look(|state| state.is_preparing(key)) {
            bell.notified().await;
        }
    };
    tokio::select! {
        () = get(runner, order, longest_pause, &steps) => {}
        () = tell(key, &steps, frames) => {}
        () = given_up => {}
    }
}

/// Tells what is prepared, where it takes long enough for people to see.
async fn tell(key: &AttemptKey, steps: &Steps, frames: &Frames) {
    loop {
        tokio::time::sleep(TOLD_AFTER).await;
        // fails only when the node ends
        let _ = frames.send(NodeFrame::Preparing { attempt: key.clone(), steps: steps.told() });
        steps.changed().await;
    }
}

async fn get(runner: &Runner, order: &Order, longest_pause: Duration, steps: &Steps) {
    let key = &order.assignment.attempt;
    let mut pause = FIRST_PAUSE;
    let (mut refusals, mut broken) = (0, 0);
    while runner.look(|state| state.is_preparing(key)) {
        let error = match runner.cache.prepare(&order.assignment, steps).await {
            Ok(prepared) => {
                let stands = docker::prepare::until_it_stands(runner, order, steps).await;
                steps.end();
                return runner.prepared(key, stands.map(|()| prepared), steps.told());
            }
            Err(error) => error,
        };
        let text = crate::link::chain(&error);
        refusals += u32::from(error.is_refusal());
        broken += u32::from(error.is_broken());
        let hopeless = !error.is_transient() && !error.is_refusal();
        if hopeless || refusals >= MAX_REFUSALS || broken >= MAX_BROKEN {
            steps.end();
            return runner.prepared(key, Err(text), steps.told());
        }
        steps.detail(&text);
        tracing::debug!(attempt = %key, error = text, "cannot get its packages yet");
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(longest_pause);
    }
}
