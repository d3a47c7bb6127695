//! Schedules: `/schedules`.

use reqwest::Method;

use super::{Error, ManagerClient};
use crate::views::{
    CreateSchedule, InstantView, ListInstants, ListSchedules, NextInstant, NextInstants, Page,
    PreviewSchedule, ScheduleInfo, SchedulePreview, ScheduleView, UpdateSchedule,
};

impl ManagerClient {
    /// `POST /schedules`.
    pub async fn create_schedule(&self, body: &CreateSchedule) -> Result<ScheduleView, Error> {
        self.json(self.request(Method::POST, &["schedules"])?.json(body)).await
    }

    /// `GET /schedules`, newest first.
    pub async fn list_schedules(&self, query: &ListSchedules) -> Result<Page<ScheduleView>, Error> {
        self.json(self.request(Method::GET, &["schedules"])?.query(query)).await
    }

    /// `GET /schedules/{schedule}`. `schedule` is an id, a unique beginning of one, or a name that only one has.
    pub async fn fetch_schedule(&self, schedule: &str) -> Result<ScheduleInfo, Error> {
        self.json(self.request(Method::GET, &["schedules", schedule])?).await
    }

    /// `PATCH /schedules/{schedule}`.
    pub async fn update_schedule(
        &self,
        schedule: &str,
        body: &UpdateSchedule,
    ) -> Result<ScheduleView, Error> {
        self.json(self.request(Method::PATCH, &["schedules", schedule])?.json(body)).await
    }

    /// `DELETE /schedules/{schedule}`, with its history; what it has made stays.
    pub async fn delete_schedule(&self, schedule: &str) -> Result<(), Error> {
        self.empty(self.request(Method::DELETE, &["schedules", schedule])?).await
    }

    /// `POST /schedules/{schedule}/trigger`.
    pub async fn trigger_schedule(&self, schedule: &str) -> Result<InstantView, Error> {
        self.json(self.request(Method::POST, &["schedules", schedule, "trigger"])?).await
    }

    /// `GET /schedules/{schedule}/next`, in order.
    pub async fn preview_schedule(
        &self,
        schedule: &str,
        query: &NextInstants,
    ) -> Result<Vec<NextInstant>, Error> {
        self.json(self.request(Method::GET, &["schedules", schedule, "next"])?.query(query)).await
    }

    /// `GET /schedule-preview`: the instants of a schedule that is not made yet.
    pub async fn preview_times(&self, query: &PreviewSchedule) -> Result<SchedulePreview, Error> {
        self.json(self.request(Method::GET, &["schedule-preview"])?.query(query)).await
    }

    /// `GET /schedules/{schedule}/instants`, newest first.
    pub async fn list_instants(
        &self,
        schedule: &str,
        query: &ListInstants,
    ) -> Result<Page<InstantView>, Error> {
        self.json(self.request(Method::GET, &["schedules", schedule, "instants"])?.query(query)).await
    }
}
