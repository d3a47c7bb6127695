//! Packages that are uploaded in pieces.

use serde::{Deserialize, Serialize};

use super::BlobView;
use crate::{DigestHex, UploadId};

/// Body of `POST /uploads`.
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateUpload {
    /// Of the whole package.
    pub size_bytes: u64,
    /// The sha256 it is to have, where that is known already; it is checked at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<DigestHex>,
}

/// Query of `PATCH /uploads/{upload}`.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AppendUpload {
    /// Where in the package the piece begins: where the upload is.
    pub offset: u64,
}

/// How far an upload is.
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct UploadView {
    pub upload_id: UploadId,
    pub size_bytes: u64,
    /// Where the next piece begins; what is before it need not be sent again.
    pub offset: u64,
    /// The package, once the upload is finished.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub package: Option<BlobView>,
}
