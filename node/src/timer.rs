//! The one timer: sleeps until the state machine's next deadline.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::clock::mono_millis;
use crate::runner::Runner;

/// Does what is due until shutdown.
pub(crate) async fn keep(runner: Arc<Runner>, shutdown: CancellationToken) {
    loop {
        let next = runner.look(|state| state.arm());
        let sleep = async {
            match next {
                Some(at) => tokio::time::sleep(Duration::from_millis(at.saturating_sub(mono_millis()))).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = runner.bells.timer.notified() => {}
            () = sleep => runner.act(|state, now, effects| state.tick(now, effects)),
        }
    }
}
