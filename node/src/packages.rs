//! Getting the packages of attempts that wait for them.
//!
//! Failures that may pass are tried again for as long as the attempt waits: the manager may be away for hours.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::docker;
use crate::runner::Runner;
use crate::runner::order::Order;

/// 100 ms before the second try.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// Five answers that the node may not have the package: the manager answers so for attempts it has given away meanwhile, and the link tells.
const MAX_REFUSALS: u32 = 5;

/// Three times other bytes than those of the digest: the manager's store is damaged.
const MAX_BROKEN: u32 = 3;

/// Prepares until shutdown.
pub(crate) async fn keep(
    runner: Arc<Runner>,
    mut orders: mpsc::UnboundedReceiver<Arc<Order>>,
    longest_pause: Duration,
    shutdown: CancellationToken,
) {
    let tasks = TaskTracker::new();
    loop {
        tokio::select! {
            () = shutdown.cancelled() => break,
            order = orders.recv() => {
                let Some(order) = order else { break };
                let (runner, shutdown) = (Arc::clone(&runner), shutdown.clone());
                tasks.spawn(async move {
                    tokio::select! {
                        () = shutdown.cancelled() => {}
                        () = prepare(&runner, &order, longest_pause) => {}
                    }
                });
            }
        }
    }
    tasks.close();
    tasks.wait().await;
}

async fn prepare(runner: &Runner, order: &Order, longest_pause: Duration) {
    let key = &order.assignment.attempt;
    let mut pause = FIRST_PAUSE;
    let (mut refusals, mut broken) = (0, 0);
    while runner.look(|state| state.is_preparing(key)) {
        let error = match runner.cache.prepare(&order.assignment).await {
            Ok(prepared) => {
                let stands = docker::prepare::until_it_stands(runner, order).await;
                return runner.prepared(key, stands.map(|()| prepared));
            }
            Err(error) => error,
        };
        let text = crate::link::chain(&error);
        refusals += u32::from(error.is_refusal());
        broken += u32::from(error.is_broken());
        let hopeless = !error.is_transient() && !error.is_refusal();
        if hopeless || refusals >= MAX_REFUSALS || broken >= MAX_BROKEN {
            return runner.prepared(key, Err(text));
        }
        tracing::debug!(attempt = %key, error = text, "cannot get its packages yet");
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(longest_pause);
    }
}
