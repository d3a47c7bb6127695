//! What people do with schedules: create, change, enable, disable, trigger, delete.

use std::time::Duration;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use lp_protocol::ScheduleId;
use serde_json::value::RawValue;

use super::calendar::Calendar;
use super::cron;
use super::machine::Schedule;
use super::record::{Catchup, InstantRecord, Overlap, ScheduleRecord, Target, Times};
use crate::core::record::TaskSeq;
use crate::core::sources::Sources;
use crate::core::{Core, Now};

/// What is changed; None leaves it as it is.
#[derive(Clone, Debug, Default)]
pub struct ScheduleEdit {
    pub name: Option<Box<str>>,
    pub target: Option<Target>,
    pub times: Option<Times>,
    pub tz: Option<Box<str>>,
    pub start_at: Option<Option<DateTime<Utc>>>,
    pub end_at: Option<Option<DateTime<Utc>>>,
    pub catchup: Option<Catchup>,
    pub overlap: Option<Overlap>,
    pub jitter: Option<Duration>,
    pub enable: Option<bool>,
    /// The inner None is `{}`.
    pub input: Option<Option<Box<RawValue>>>,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleRefusal {
    #[error("there is no schedule `{0}`")]
    NotFound(ScheduleId),
    #[error(transparent)]
    Times(#[from] cron::Error),
    #[error("`{0}` is not a time zone of the IANA database, such as Europe/Berlin or UTC")]
    Zone(String),
    #[error("the schedule would end before it starts")]
    EndsBeforeStart,
}

/// The zone of that name.
///
/// # Errors
/// `Zone` where there is none.
pub fn parse_zone(name: &str) -> Result<Tz, ScheduleRefusal> {
    name.parse().map_err(|_| ScheduleRefusal::Zone(name.to_owned()))
}

/// The calendar a record describes, which is checked before it is stored.
///
/// # Errors
/// Where the expression or the zone is not one, or nothing is ever due.
pub fn calendar_of(record: &ScheduleRecord, now: DateTime<Utc>) -> Result<Calendar, ScheduleRefusal> {
    if record.start_at.zip(record.end_at).is_some_and(|(start, end)| end < start) {
        return Err(ScheduleRefusal::EndsBeforeStart);
    }
    Ok(Calendar::new(&record.times.cron(), parse_zone(&record.tz)?, now)?)
}

impl Core {
    /// Takes in a new schedule. What lies before now is decided: nothing of it fires.
    ///
    /// # Errors
    /// Of [`calendar_of`].
    pub fn create_schedule(
        &mut self,
        now: Now,
        record: ScheduleRecord,
        input: Option<Box<RawValue>>,
    ) -> Result<ScheduleRecord, ScheduleRefusal> {
        let calendar = calendar_of(&record, now.wall)?;
        let id = record.schedule_id;
        self.schedules.by_id.insert(id, Schedule::new(record.clone(), calendar));
        if input.is_some() {
            self.outcome.changes.standing.inputs.insert(id.0, input);
        }
        self.touch_schedule(id);
        self.index_schedule(now, id);
        Ok(record)
    }

    /// Changes a schedule. Where it names other times than before, or is enabled, it begins anew now; what came meanwhile is not caught up on.
    ///
    /// # Errors
    /// `NotFound`, or those of [`calendar_of`]; nothing is changed then.
    pub fn update_schedule(
        &mut self,
        now: Now,
        id: ScheduleId,
        edit: ScheduleEdit,
    ) -> Result<ScheduleRecord, ScheduleRefusal> {
        let schedule = self.schedules.by_id.get_mut(&id).ok_or(ScheduleRefusal::NotFound(id))?;
        let ScheduleEdit {
            name,
            target,
            times,
            tz,
            start_at,
            end_at,
            catchup,
            overlap,
            jitter,
            enable,
            input,
        } = edit;
        let old = &schedule.record;
        let mut record = ScheduleRecord {
            schedule_id: id,
            name: name.unwrap_or_else(|| old.name.clone()),
            target: target.unwrap_or(old.target),
            times: times.unwrap_or_else(|| old.times.clone()),
            tz: tz.unwrap_or_else(|| old.tz.clone()),
            start_at: start_at.unwrap_or(old.start_at),
            end_at: end_at.unwrap_or(old.end_at),
            catchup: catchup.unwrap_or(old.catchup),
            overlap: overlap.unwrap_or(old.overlap),
            jitter: jitter.unwrap_or(old.jitter),
            enable: enable.unwrap_or(old.enable),
            decided_through: old.decided_through,
            fired_through: old.fired_through,
            triggered_through: old.triggered_through,
            create_at: old.create_at,
            update_at: now.wall,
        };
        let begins_anew = (record.enable && !old.enable)
            || record.times != old.times
            || record.tz != old.tz
            || record.start_at != old.start_at
            || record.end_at != old.end_at;
        let calendar = calendar_of(&record, now.wall)?;
        if begins_anew {
            // nothing that has fired fires again, even where the clock was far ahead meanwhile
            record.decided_through = record.fired_through.map_or(now.wall, |fired| fired.max(now.wall));
        }
        let dropped: Vec<InstantRecord> =
            if record.enable { Vec::new() } else { schedule.waiting.drain(..).collect() };
        schedule.record = record.clone();
        schedule.calendar = calendar;
        for waiting in dropped {
            self.skip(now, waiting, "the schedule was disabled".to_owned());
        }
        if let Some(input) = input {
            self.outcome.changes.standing.inputs.insert(id.0, input);
        }
        self.touch_schedule(id);
        self.index_schedule(now, id);
        Ok(record)
    }

    /// Forgets a schedule with its history and input; what it has made stays.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn delete_schedule(&mut self, now: Now, id: ScheduleId) -> Result<(), ScheduleRefusal> {
        self.unindex_schedule(now, id).ok_or(ScheduleRefusal::NotFound(id))?;
        let standing = &mut self.outcome.changes.standing;
        standing.instants.retain(|(of, _), _| *of != id);
        standing.inputs.insert(id.0, None);
        standing.schedules.insert(id, None);
        Ok(())
    }

    /// Fires now, beside the calendar, but by the same rule of overlap. `sources` are those of [`super::sources_of`].
    ///
    /// # Errors
    /// `NotFound`.
    pub fn trigger_schedule(
        &mut self,
        now: Now,
        id: ScheduleId,
        sources: &Sources,
    ) -> Result<InstantRecord, ScheduleRefusal> {
        if !self.schedules.by_id.contains_key(&id) {
            return Err(ScheduleRefusal::NotFound(id));
        }
        Ok(self.enter_manual(now, id, sources))
    }

    /// A schedule as its row tells it.
    pub(in crate::core) fn restore_schedule(&mut self, record: ScheduleRecord) {
        // a row that cannot be read is told by the store and left out
        let Ok(tz) = parse_zone(&record.tz) else { return };
        let Ok(calendar) = Calendar::restore(&record.times.cron(), tz) else { return };
        self.schedules.by_id.insert(record.schedule_id, Schedule::new(record, calendar));
    }

    /// An instant that was waiting; in order.
    pub(in crate::core) fn restore_waiting(&mut self, record: InstantRecord) {
        if let Some(schedule) = self.schedules.by_id.get_mut(&record.schedule_id) {
            schedule.waiting.push_back(record);
        }
    }

    /// After all is loaded: when each has something to decide.
    pub(in crate::core) fn index_all_schedules(&mut self, now: Now) {
        let ids: Vec<ScheduleId> = self.schedules.by_id.keys().copied().collect();
        for id in ids {
            self.index_schedule(now, id);
        }
    }

    /// Says in a task's row why it is stopped.
    pub(in crate::core) fn explain_stop(&mut self, seq: TaskSeq, reason: &str) {
        if let Some(task) = self.tasks.get_mut(&seq) {
            task.record.reason = Some(reason.into());
            self.touch(seq);
        }
    }
}
