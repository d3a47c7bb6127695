//! Nodes, join tokens, and what the manager says about itself.

use reqwest::{Method, StatusCode};
use serde_json::value::RawValue;

use super::connection::ANSWER_TIMEOUT;
use super::{Error, ManagerClient, PageQuery};
use crate::views::{
    Activity, ClusterStatus, CreateJoinToken, DrainNode, Health, JoinToken, NodeView, Page, WhoAmI,
};

impl ManagerClient {
    /// `GET /nodes`.
    pub async fn list_nodes(&self, query: &PageQuery) -> Result<Page<NodeView>, Error> {
        self.json(self.request(Method::GET, &["nodes"])?.query(query)).await
    }

    /// `GET /nodes`, each with its attempts.
    pub async fn list_busy_nodes(&self, query: &PageQuery) -> Result<Page<NodeView>, Error> {
        let request = self.request(Method::GET, &["nodes"])?.query(query).query(&[("attempts", true)]);
        self.json(request).await
    }

    /// `GET /nodes/{node}`, with its attempts. `node` is an id, a unique beginning of one, or a name.
    pub async fn fetch_node(&self, node: &str) -> Result<NodeView, Error> {
        self.json(self.request(Method::GET, &["nodes", node])?).await
    }

    /// `POST /nodes/{node}/drain`.
    pub async fn drain_node(&self, node: &str, body: &DrainNode) -> Result<NodeView, Error> {
        self.json(self.request(Method::POST, &["nodes", node, "drain"])?.json(body)).await
    }

    /// `POST /nodes/{node}/undrain`.
    pub async fn undrain_node(&self, node: &str) -> Result<NodeView, Error> {
        self.json(self.request(Method::POST, &["nodes", node, "undrain"])?).await
    }

    /// `DELETE /nodes/{node}`. With `force` also a node that works.
    pub async fn remove_node(&self, node: &str, force: bool) -> Result<(), Error> {
        self.empty(self.request(Method::DELETE, &["nodes", node])?.query(&[("force", force)])).await
    }

    /// `POST /join-tokens`.
    pub async fn create_join_token(&self, body: &CreateJoinToken) -> Result<JoinToken, Error> {
        self.json(self.request(Method::POST, &["join-tokens"])?.json(body)).await
    }

    /// `GET /status`.
    pub async fn fetch_status(&self) -> Result<ClusterStatus, Error> {
        self.json(self.request(Method::GET, &["status"])?).await
    }

    /// `GET /whoami`: whose token this client has.
    pub async fn fetch_whoami(&self) -> Result<WhoAmI, Error> {
        self.json(self.request(Method::GET, &["whoami"])?).await
    }

    /// `GET /activity`.
    pub async fn fetch_activity(&self) -> Result<Activity, Error> {
        self.json(self.request(Method::GET, &["activity"])?).await
    }

    /// `GET /health`, which needs no token; also a manager that is not well answers it, with a reason.
    pub async fn fetch_health(&self) -> Result<Health, Error> {
        let request = self.root_request(Method::GET, &["health"])?.timeout(ANSWER_TIMEOUT);
        let response = self.send_any(request).await?;
        match response.status() {
            StatusCode::OK | StatusCode::SERVICE_UNAVAILABLE => self.read_json(response).await,
            status => Err(self.protocol(status, format!("its /health answers {status}"))),
        }
    }

    /// `GET /openapi.json`, as it is.
    pub async fn fetch_openapi(&self) -> Result<Box<RawValue>, Error> {
        self.json(self.request(Method::GET, &["openapi.json"])?).await
    }

    /// `GET /metrics`: Prometheus text.
    pub async fn fetch_metrics(&self) -> Result<String, Error> {
        let request = self.root_request(Method::GET, &["metrics"])?.timeout(ANSWER_TIMEOUT);
        let body = self.read_body(self.send(request).await?).await?;
        Ok(String::from_utf8_lossy(&body).into_owned())
    }
}
