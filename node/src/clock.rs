//! The clocks of this machine. They outlive processes: a reading taken by one is good in the next, until a reboot.

use chrono::{DateTime, Utc};
use nix::time::{ClockId, clock_gettime};

use crate::supervisor::wire::Moment;

/// Milliseconds on the clock that stands still while the machine sleeps: what timeouts of programs are measured on.
pub(crate) fn mono_millis() -> u64 {
    read(ClockId::CLOCK_MONOTONIC)
}

/// Milliseconds on the clock that goes on while the machine sleeps, as the manager's does: what leases are measured on.
pub(crate) fn boot_millis() -> u64 {
    read(ClockId::CLOCK_BOOTTIME)
}

/// Now, on the wall and on the monotonic clock.
pub(crate) fn now() -> Moment {
    Moment { unix_micros: Utc::now().timestamp_micros(), mono_ms: mono_millis() }
}

/// The wall time of a moment.
pub(crate) fn wall(moment: Moment) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(moment.unix_micros).unwrap_or_default()
}

fn read(clock: ClockId) -> u64 {
    let time = clock_gettime(clock).expect("both clocks exist on every Linux since 2.6.39");
    time.tv_sec() as u64 * 1000 + time.tv_nsec() as u64 / 1_000_000
}
