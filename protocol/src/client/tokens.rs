//! Tokens: `/tokens`.

use reqwest::Method;

use super::{Error, ManagerClient, PageQuery};
use crate::views::{CreateToken, CreatedToken, Page, TokenView};

impl ManagerClient {
    /// `GET /tokens`, newest first.
    pub async fn list_tokens(&self, query: &PageQuery) -> Result<Page<TokenView>, Error> {
        self.json(self.request(Method::GET, &["tokens"])?.query(query)).await
    }

    /// `GET /tokens/{token}`. `token` is an id, a unique beginning of one, or a name.
    pub async fn fetch_token(&self, token: &str) -> Result<TokenView, Error> {
        self.json(self.request(Method::GET, &["tokens", token])?).await
    }

    /// `POST /tokens`.
    pub async fn create_token(&self, body: &CreateToken) -> Result<CreatedToken, Error> {
        self.json(self.request(Method::POST, &["tokens"])?.json(body)).await
    }

    /// `DELETE /tokens/{token}`: it is worth nothing from then on.
    pub async fn revoke_token(&self, token: &str) -> Result<(), Error> {
        self.empty(self.request(Method::DELETE, &["tokens", token])?).await
    }
}
