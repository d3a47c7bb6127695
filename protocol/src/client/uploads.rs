//! Uploads in pieces, route by route: `/uploads`. [`ManagerClient::upload_file`] goes the whole way.

use reqwest::header::CONTENT_LENGTH;
use reqwest::{Method, RequestBuilder};

use super::blobs::Upload;
use super::{Error, ManagerClient};
use crate::views::{AppendUpload, BlobView, CreateUpload, UploadView};

impl ManagerClient {
    /// `POST /uploads`.
    pub async fn open_upload(&self, body: &CreateUpload) -> Result<UploadView, Error> {
        self.json(self.request(Method::POST, &["uploads"])?.json(body)).await
    }

    /// `GET /uploads/{upload}`: how far it is.
    pub async fn fetch_upload(&self, upload: &str) -> Result<UploadView, Error> {
        self.json(self.request(Method::GET, &["uploads", upload])?).await
    }

    /// `PATCH /uploads/{upload}`: a piece that begins at `offset`. When this returns the piece is on the manager's disk; what came of a piece that breaks
    /// off is kept too, so ask where it is and go on from there.
    ///
    /// # Errors
    /// `Conflict` where the upload is not at `offset`, or another piece has come.
    pub async fn append_upload(&self, upload: &str, offset: u64, piece: Upload) -> Result<UploadView, Error> {
        let request = self.request(Method::PATCH, &["uploads", upload])?.query(&AppendUpload { offset });
        self.send_piece(request, piece).await
    }

    /// `POST /uploads/{upload}/finish`. May be asked again where the answer was lost.
    pub async fn finish_upload(&self, upload: &str) -> Result<BlobView, Error> {
        self.json(self.request(Method::POST, &["uploads", upload, "finish"])?).await
    }

    /// `DELETE /uploads/{upload}`.
    pub async fn abandon_upload(&self, upload: &str) -> Result<(), Error> {
        self.empty(self.request(Method::DELETE, &["uploads", upload])?).await
    }

    pub(super) async fn send_piece(
        &self,
        mut request: RequestBuilder,
        piece: Upload,
    ) -> Result<UploadView, Error> {
        let Upload { body, size_bytes, failure } = piece;
        if let Some(size_bytes) = size_bytes {
            request = request.header(CONTENT_LENGTH, size_bytes);
        }
        let answer = self.send(request.body(body)).await;
        failure.take()?;
        self.read_json(answer?).await
    }
}
