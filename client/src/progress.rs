//! Progress bars, on a terminal's stderr only.

use std::sync::Arc;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use lp_protocol::client::Progress;

use crate::output::Output;
use crate::output::text::visible;

/// A bar is not worth its flicker for what is over in this time.
const TICK: Duration = Duration::from_millis(120);

/// A bar over bytes that goes away when it is dropped.
pub(crate) struct Bar(ProgressBar);

impl Bar {
    /// Shows `what` (`uploading hello`); without a size it only counts.
    pub(crate) fn bytes(output: &Output, what: &str, size_bytes: Option<u64>) -> Self {
        if !output.shows_progress() {
            return Self(ProgressBar::hidden());
        }
        let template = match size_bytes {
            Some(_) => "{msg} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}",
            None => "{msg} {spinner} {bytes} {bytes_per_sec}",
        };
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = match size_bytes {
            Some(size) => ProgressBar::new(size),
            None => ProgressBar::no_length(),
        };
        let bar = bar.with_style(style).with_message(visible(what).into_owned());
        bar.enable_steady_tick(TICK);
        Self(bar)
    }

    pub(crate) fn add(&self, bytes: u64) {
        self.0.inc(bytes);
    }

    /// For an upload to call with how far it is.
    pub(crate) fn place(&self) -> Progress {
        let bar = self.0.clone();
        Arc::new(move |bytes| bar.set_position(bytes))
    }

    /// Says something on stderr while the bar is out of the way.
    pub(crate) fn aside(&self, say: impl FnOnce()) {
        self.0.suspend(say);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
