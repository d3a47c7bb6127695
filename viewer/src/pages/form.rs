//! Forms of signed-in people. This is the only way a handler gets one, so none can forget to check where it comes from.

use std::future::Future;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::{FromRequest, HttpMessage as _, HttpRequest, web};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::auth::same;
use crate::failure::Failure;
use crate::frame::Signed;

/// A form that carries the hidden word of the session it came with.
pub(crate) struct Checked<T> {
    pub(crate) fields: T,
    pub(crate) signed: Signed,
}

#[derive(Deserialize)]
struct Hidden<T> {
    #[serde(default)]
    csrf: String,
    #[serde(flatten)]
    fields: T,
}

impl<T: DeserializeOwned + 'static> FromRequest for Checked<T> {
    type Error = actix_web::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Self::Error>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let signed = signed_in(request);
        let form = web::Form::<Hidden<T>>::from_request(request, payload);
        Box::pin(async move {
            let signed = signed?;
            let Hidden { csrf, fields } = form.await?.into_inner();
            if same(&signed.session.csrf, &csrf) { Ok(Self { fields, signed }) } else { Err(stale().into()) }
        })
    }
}

/// The same for forms in which a field may stand several times, and which several readers take their part of.
pub(crate) struct CheckedList {
    fields: Vec<(String, String)>,
    pub(crate) signed: Signed,
}

impl CheckedList {
    /// The first of this name; empty where there is none.
    pub(crate) fn field(&self, name: &str) -> &str {
        self.all(name).next().unwrap_or_default()
    }

    pub(crate) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.fields.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Reads what has a field of its name; others are passed over.
    pub(crate) fn read<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        let value = self.fields.iter().map(|(key, value)| (key.clone(), value.clone().into())).collect();
        serde_json::from_value(serde_json::Value::Object(value)).map_err(|_| {
            Failure::new(StatusCode::BAD_REQUEST, "Not accepted", "The form is not one of this viewer's.")
        })
    }
}

impl FromRequest for CheckedList {
    type Error = actix_web::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Self::Error>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let signed = signed_in(request);
        let form = web::Form::<Vec<(String, String)>>::from_request(request, payload);
        Box::pin(async move {
            let signed = signed?;
            let list = Self { fields: form.await?.into_inner(), signed };
            if same(&list.signed.session.csrf, list.field("csrf")) { Ok(list) } else { Err(stale().into()) }
        })
    }
}

/// Who the guard has found.
pub(super) fn signed_in(request: &HttpRequest) -> Result<Signed, Failure> {
    let signed = request.extensions().get::<Signed>().cloned();
    signed.ok_or_else(|| Failure::new(StatusCode::UNAUTHORIZED, "Sign in", "Sign in to do this."))
}

/// The hidden word is not the one we gave out.
pub(super) fn stale() -> Failure {
    Failure::new(StatusCode::FORBIDDEN, "Not done", "This form is from another session or another site.")
        .hint("Go back, reload the page and try again.")
}
