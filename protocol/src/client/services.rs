//! Services: `/services`.

use reqwest::Method;

use super::{Error, ManagerClient};
use crate::views::{CreateService, ListServices, Page, ServiceInfo, ServiceView, UpdateService};

impl ManagerClient {
    /// `POST /services`.
    pub async fn create_service(&self, body: &CreateService) -> Result<ServiceView, Error> {
        self.json(self.request(Method::POST, &["services"])?.json(body)).await
    }

    /// `GET /services`, newest first.
    pub async fn list_services(&self, query: &ListServices) -> Result<Page<ServiceView>, Error> {
        self.json(self.request(Method::GET, &["services"])?.query(query)).await
    }

    /// `GET /services/{service}`. `service` is an id, a unique beginning of one, or a name that only one has.
    pub async fn fetch_service(&self, service: &str) -> Result<ServiceInfo, Error> {
        self.json(self.request(Method::GET, &["services", service])?).await
    }

    /// `PATCH /services/{service}`.
    pub async fn update_service(&self, service: &str, body: &UpdateService) -> Result<ServiceView, Error> {
        self.json(self.request(Method::PATCH, &["services", service])?.json(body)).await
    }

    /// `POST /services/{service}/restart`.
    pub async fn restart_service(&self, service: &str) -> Result<ServiceView, Error> {
        self.json(self.request(Method::POST, &["services", service, "restart"])?).await
    }

    /// `DELETE /services/{service}`; its task is stopped.
    pub async fn delete_service(&self, service: &str) -> Result<(), Error> {
        self.empty(self.request(Method::DELETE, &["services", service])?).await
    }
}
