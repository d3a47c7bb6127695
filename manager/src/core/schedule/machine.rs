//! The machine of schedules: instants come, and each fires once, waits, or is skipped with a reason.
//!
//! Everything is a function of rows: which instants are decided (`decided_through`), which wait (their rows), and which tasks and works of the schedule are
//! not finished. A batch that is not committed has decided nothing, and the manager that starts after it decides the same anew. A
//! clock that is set back comes to instants that are decided already. Instants are due by the wall clock, timers by the monotonic one; so that a step of
//! the wall clock is noticed, the next due one is looked at again each minute, and not at all where there is no schedule.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use lp_protocol::{ScheduleId, WorkId};

use super::calendar::Calendar;
use super::decide::{self, Due, due_instants, fire_at};
use super::record::{InstantRecord, InstantState, Overlap, ScheduleRecord, Target};
use crate::core::record::TaskSeq;
use crate::core::sources::{SourceKey, Sources};
use crate::core::timers::Timer;
use crate::core::{Core, Now};

/// Longest time until a step of the wall clock is noticed.
const RECHECK: Duration = Duration::from_secs(60);

/// Instants that may wait for an earlier one's end; further ones are skipped.
pub const MAX_WAITING: usize = 100;

/// Instants decided in one batch, so that a long list of missed ones does not hold up everybody else.
const BATCH: usize = 200;

/// Before any other time: something can be decided now.
const AT_ONCE: DateTime<Utc> = DateTime::<Utc>::MIN_UTC;

#[derive(Default)]
pub(in crate::core) struct Schedules {
    pub(super) by_id: BTreeMap<ScheduleId, Schedule>,
    /// When each has something to decide, on the wall clock.
    pub(super) due: BTreeSet<(DateTime<Utc>, ScheduleId)>,
    pub(super) timer: Option<Duration>,
}

/// What an instant has made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::core) enum Made {
    Task(TaskSeq),
    Work(WorkId),
}

pub(super) struct Schedule {
    pub(super) record: ScheduleRecord,
    pub(super) calendar: Calendar,
    /// In the order of their instants.
    pub(super) waiting: VecDeque<InstantRecord>,
    /// What it has made that is not finished.
    pub(super) open: BTreeSet<Made>,
    pub(super) due: Option<DateTime<Utc>>,
}

impl Schedule {
    pub(super) fn new(record: ScheduleRecord, calendar: Calendar) -> Self {
        Self { record, calendar, waiting: VecDeque::new(), open: BTreeSet::new(), due: None }
    }

    pub(super) fn next_due(&self) -> Option<DateTime<Utc>> {
        let may_wait = matches!(self.record.overlap, Overlap::Queue | Overlap::Kill);
        if !self.waiting.is_empty() && (self.open.is_empty() || !may_wait) {
            return Some(AT_ONCE);
        }
        if !self.record.enable {
            return None;
        }
        let next = decide::next_instant(&self.record, &self.calendar)?;
        Some(fire_at(self.record.schedule_id, self.record.jitter, next))
    }
}

impl Schedules {
    /// The schedules with something to decide now.
    fn due(&self, now: DateTime<Utc>) -> impl Iterator<Item = &Schedule> + '_ {
        let due = self.due.iter().take_while(move |(at, _)| *at <= now);
        due.filter_map(|(_, id)| self.by_id.get(id))
    }

    pub(in crate::core) fn add_sources(&self, now: Now, wanted: &mut BTreeSet<SourceKey>) {
        for schedule in self.due(now.wall) {
            wanted.extend(sources_of(&schedule.record));
        }
    }

    /// Something it has made is among what is open.
    pub(in crate::core) fn opened(&mut self, id: ScheduleId, made: Made) {
        if let Some(schedule) = self.by_id.get_mut(&id) {
            schedule.open.insert(made);
        }
    }
}

/// What it takes to fire.
pub fn sources_of(record: &ScheduleRecord) -> BTreeSet<SourceKey> {
    let mut wanted = BTreeSet::from([SourceKey::Input(record.schedule_id.0)]);
    match record.target {
        Target::App(app_id) => wanted.insert(SourceKey::App(app_id)),
        Target::Workflow(workflow_id) => wanted.insert(SourceKey::Workflow(workflow_id)),
    };
    wanted
}

impl Core {
    /// Decides what has become due.
    pub(in crate::core) fn fire_schedules(&mut self, now: Now, sources: &Sources) {
        self.schedules.timer = None;
        let due: Vec<ScheduleId> =
            self.schedules.due(now.wall).map(|schedule| schedule.record.schedule_id).collect();
        for id in due {
            self.decide_schedule(now, id, sources);
        }
        self.set_schedule_timer(now);
    }

    fn decide_schedule(&mut self, now: Now, id: ScheduleId, sources: &Sources) {
        let Some(schedule) = self.schedules.by_id.get_mut(&id) else { return };
        if !sources_of(&schedule.record).iter().all(|key| sources.was_asked(key)) {
            // it became due after the sources were read; the next batch has them
            return;
        }
        if schedule.record.enable {
            let due = due_instants(&schedule.record, &schedule.calendar, now.wall);
            for Due { instant, missed } in due.into_iter().take(BATCH) {
                self.arrive(now, id, instant, missed, sources);
            }
        }
        self.settle_schedule(now, id, sources);
        self.index_schedule(now, id);
    }

    /// An instant of the calendar has come.
    fn arrive(&mut self, now: Now, id: ScheduleId, instant: DateTime<Utc>, missed: bool, sources: &Sources) {
        let Some(schedule) = self.schedules.by_id.get_mut(&id) else { return };
        schedule.record.decided_through = instant;
        let record = InstantRecord {
            schedule_id: id,
            instant,
            manual: false,
            state: InstantState::Waiting,
            decide_at: None,
            reason: None,
            task_id: None,
            work_id: None,
        };
        self.touch_schedule(id);
        if missed {
            let late = spoken(now.wall - instant);
            self.skip(
                now,
                record,
                format!("missed by {late}: the manager did not run, or its clock was set forward"),
            );
            return;
        }
        self.enter(now, record);
        self.settle_schedule(now, id, sources);
    }

    /// Lets an instant in; what comes of it is decided by `settle_schedule`.
    fn enter(&mut self, now: Now, record: InstantRecord) {
        let Some(schedule) = self.schedules.by_id.get_mut(&record.schedule_id) else { return };
        if schedule.waiting.len() >= MAX_WAITING {
            return self.skip(now, record, format!("{MAX_WAITING} earlier instants wait already"));
        }
        // as they are read after a restart; one that was triggered may be later than what the calendar brings after it
        let place = schedule.waiting.partition_point(|waiting| waiting.instant < record.instant);
        schedule.waiting.insert(place, record.clone());
        self.touch_instant(record);
    }

    /// Fires, stops or skips until what is left has to wait.
    fn settle_schedule(&mut self, now: Now, id: ScheduleId, sources: &Sources) {
        loop {
            let Some(schedule) = self.schedules.by_id.get_mut(&id) else { return };
            let is_free = schedule.open.is_empty();
            let Some(first) = schedule.waiting.front() else { return };
            match schedule.record.overlap {
                overlap if is_free || overlap == Overlap::Allow => {
                    let first = first.clone();
                    schedule.waiting.pop_front();
                    self.fire(now, first, sources);
                }
                Overlap::Allow => return,
                Overlap::Skip => {
                    let first = first.clone();
                    schedule.waiting.pop_front();
                    self.skip(now, first, "what an earlier instant started is not finished".to_owned());
                }
                Overlap::Kill => {
                    let replaced = schedule.waiting.len().saturating_sub(1);
                    let replaced: Vec<InstantRecord> = schedule.waiting.drain(..replaced).collect();
                    let open: Vec<Made> = schedule.open.iter().copied().collect();
                    let name = schedule.record.name.clone();
                    for record in replaced {
                        self.skip(now, record, "a later instant came before it could start".to_owned());
                    }
                    let mut stopped = false;
                    for made in open {
                        stopped |= self.stop_made(now, made, &name);
                    }
                    let Some(schedule) = self.schedules.by_id.get(&id) else { return };
                    if !stopped || !schedule.open.is_empty() {
                        return self.explain_waiting(id, "waits until what it stopped has ended");
                    }
                }
                Overlap::Queue => {
                    return self.explain_waiting(id, "waits until what earlier instants started is finished");
                }
            }
        }
    }

    fn explain_waiting(&mut self, id: ScheduleId, reason: &str) {
        let Some(schedule) = self.schedules.by_id.get_mut(&id) else { return };
        let mut changed = Vec::new();
        for record in schedule.waiting.iter_mut().filter(|record| record.reason.is_none()) {
            record.reason = Some(reason.into());
            changed.push(record.clone());
        }
        for record in changed {
            self.touch_instant(record);
        }
    }

    pub(super) fn skip(&mut self, now: Now, mut record: InstantRecord, reason: String) {
        record.state = InstantState::Skipped;
        record.decide_at = Some(now.wall);
        record.reason = Some(reason.into());
        self.touch_instant(record);
    }

    /// Somebody wants it to fire now.
    pub(super) fn enter_manual(&mut self, now: Now, id: ScheduleId, sources: &Sources) -> InstantRecord {
        let microsecond = TimeDelta::microseconds(1);
        let mut instant = DateTime::from_timestamp_micros(now.wall.timestamp_micros()).unwrap_or(now.wall);
        if let Some(schedule) = self.schedules.by_id.get_mut(&id) {
            let last = schedule.record.triggered_through;
            instant = last.map_or(instant, |last| instant.max(last + microsecond));
            if instant.timestamp_subsec_micros() == 0 {
                // the calendar's own are whole seconds
                instant += microsecond;
            }
            schedule.record.triggered_through = Some(instant);
        }
        self.touch_schedule(id);
        let record = InstantRecord {
            schedule_id: id,
            instant,
            manual: true,
            state: InstantState::Waiting,
            decide_at: None,
            reason: None,
            task_id: None,
            work_id: None,
        };
        self.enter(now, record.clone());
        self.settle_schedule(now, id, sources);
        self.index_schedule(now, id);
        self.outcome.changes.standing.instants.get(&(id, instant)).cloned().unwrap_or(record)
    }

    /// Something the schedule has made is finished.
    pub(in crate::core) fn made_ended(&mut self, now: Now, id: ScheduleId, made: Made) {
        let Some(schedule) = self.schedules.by_id.get_mut(&id) else { return };
        schedule.open.remove(&made);
        self.index_schedule(now, id);
    }

    /// Notes when the schedule has something to decide next.
    pub(super) fn index_schedule(&mut self, now: Now, id: ScheduleId) {
        let Schedules { by_id, due, .. } = &mut self.schedules;
        let Some(schedule) = by_id.get_mut(&id) else { return };
        let next = schedule.next_due();
        if schedule.due != next {
            if let Some(at) = schedule.due {
                due.remove(&(at, id));
            }
            if let Some(at) = next {
                due.insert((at, id));
            }
            schedule.due = next;
        }
        self.set_schedule_timer(now);
    }

    pub(super) fn unindex_schedule(&mut self, now: Now, id: ScheduleId) -> Option<Schedule> {
        let schedule = self.schedules.by_id.remove(&id)?;
        if let Some(at) = schedule.due {
            self.schedules.due.remove(&(at, id));
        }
        self.set_schedule_timer(now);
        Some(schedule)
    }

    /// Sets the one timer of all schedules: for the first due, and for no later than the next look at the clock.
    fn set_schedule_timer(&mut self, now: Now) {
        let first = self.schedules.due.first();
        let wanted =
            first.map(|(at, _)| now.mono + (*at - now.wall).to_std().unwrap_or_default().min(RECHECK));
        let at = match (self.schedules.timer, wanted) {
            // nothing is due sooner: the next look sets it anew
            (Some(set), Some(wanted)) if set <= wanted => return,
            (_, wanted) => wanted,
        };
        if let Some(set) = self.schedules.timer.take() {
            self.timers.cancel(set, Timer::Schedules);
        }
        if let Some(at) = at {
            self.timers.set(at, Timer::Schedules);
            self.schedules.timer = Some(at);
        }
    }

    pub(super) fn touch_schedule(&mut self, id: ScheduleId) {
        if let Some(schedule) = self.schedules.by_id.get(&id) {
            self.outcome.changes.standing.schedules.insert(id, Some(schedule.record.clone()));
        }
    }

    pub(super) fn touch_instant(&mut self, record: InstantRecord) {
        let key = (record.schedule_id, record.instant);
        self.outcome.changes.standing.instants.insert(key, record);
    }
}

/// `8h 3m`, for a reason.
fn spoken(late: TimeDelta) -> String {
    let minutes = late.num_minutes().max(1);
    match (minutes / 1440, minutes / 60 % 24, minutes % 60) {
        (0, 0, minutes) => format!("{minutes}m"),
        (0, hours, minutes) => format!("{hours}h {minutes}m"),
        (days, hours, _) => format!("{days}d {hours}h"),
    }
}
