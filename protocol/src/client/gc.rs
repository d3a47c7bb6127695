//! Retention: `/gc`.

use reqwest::Method;

use super::{Error, ManagerClient};
use crate::views::{CollectGarbage, Garbage};

impl ManagerClient {
    /// `POST /gc`: removes what need not be kept, or tells what that is. Waits as long as the manager works on it, which is at most half a minute.
    pub async fn collect_garbage(&self, body: &CollectGarbage) -> Result<Garbage, Error> {
        let response = self.send(self.request(Method::POST, &["gc"])?.json(body)).await?;
        self.read_json(response).await
    }
}
