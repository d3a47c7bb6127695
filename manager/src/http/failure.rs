//! Every way a request can fail, as the one error body the API has.
//!
//! The table of codes and statuses is `protocol`'s; here it is decided which of our errors is which code, and that the cause of what is our
//! fault goes to the log with the request's id and not to the caller.

use std::ops::{Deref, DerefMut};

use actix_web::http::header::HeaderName;
use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, ResponseError};
use lp_package::ArchiveError;
use lp_protocol::{ApiError, ErrorCode};
use serde::Serialize;

use crate::auth::{self, Kind};
use crate::core::schedule::ScheduleRefusal;
use crate::core::service::ServiceRefusal;
use crate::{blobs, engine, store};

/// A refusal, with what only the log is told.
#[derive(Clone, Debug)]
pub(crate) struct Failure(Box<Refused>);

#[derive(Clone, Debug)]
pub(crate) struct Refused {
    pub(crate) error: ApiError,
    pub(crate) cause: Option<String>,
    pub(crate) extra: Extra,
}

/// What an answer says beside its error.
#[derive(Clone, Debug, Default)]
pub(crate) struct Extra {
    /// Instead of the code's.
    pub(crate) status: Option<StatusCode>,
    pub(crate) header: Option<(HeaderName, String)>,
    /// The offset at which a log goes on, for the node that sends it.
    pub(crate) next: Option<u64>,
}

/// The body of a refusal.
#[derive(Serialize)]
struct Body<'a> {
    #[serde(flatten)]
    error: &'a ApiError,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<u64>,
}

impl Failure {
    pub(crate) fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        ApiError::new(code, message).into()
    }

    /// The manager cannot do it now; it is not the request's fault.
    pub(crate) fn is_unavailable(&self) -> bool {
        self.0.error.code == ErrorCode::Unavailable
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.error.hint = Some(hint.into());
        self
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::InvalidRequest, message)
    }

    pub(crate) fn not_found(what: &str, name: impl std::fmt::Display) -> Self {
        ApiError::not_found(what, name).into()
    }

    pub(crate) fn unavailable(reason: impl std::fmt::Display) -> Self {
        Self::new(ErrorCode::Unavailable, format!("the manager cannot do this now: {reason}"))
            .hint("Nothing was changed; try again in a moment.")
    }

    /// Our fault; the caller is told the request id and nothing else.
    pub(crate) fn internal(cause: &dyn std::error::Error) -> Self {
        let mut failure = Self::new(ErrorCode::Internal, "the manager made a mistake");
        failure.cause = Some(chain(cause));
        failure.hint("The manager's log has the cause under this request id.")
    }

    fn with_cause(mut self, cause: &dyn std::error::Error) -> Self {
        self.cause = Some(chain(cause));
        self
    }

    /// The answer, complete.
    pub(crate) fn respond(&self, request_id: &str) -> HttpResponse {
        let mut error = self.error.clone();
        error.request_id = request_id.to_owned();
        let mut answer = HttpResponse::build(self.status_code());
        if let Some((name, value)) = &self.extra.header {
            answer.insert_header((name.clone(), value.as_str()));
        }
        if self.error.code == ErrorCode::Unauthenticated {
            answer.insert_header((header::WWW_AUTHENTICATE, "Bearer"));
        }
        answer.json(Body { error: &error, next: self.extra.next })
    }
}

/// The error and what it was caused by, in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let said = cause.to_string();
        // some wrap another and repeat what it says
        if !text.ends_with(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        source = cause.source();
    }
    text
}

impl Deref for Failure {
    type Target = Refused;

    fn deref(&self) -> &Refused {
        &self.0
    }
}

impl DerefMut for Failure {
    fn deref_mut(&mut self) -> &mut Refused {
        &mut self.0
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.error.message)
    }
}

impl ResponseError for Failure {
    fn status_code(&self) -> StatusCode {
        let status = || {
            StatusCode::from_u16(self.error.code.http_status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
        };
        self.extra.status.unwrap_or_else(status)
    }

    fn error_response(&self) -> HttpResponse {
        self.respond(&self.error.request_id)
    }
}

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Self {
        Self(Box::new(Refused { error, cause: None, extra: Extra::default() }))
    }
}

impl From<engine::Error> for Failure {
    fn from(error: engine::Error) -> Self {
        use engine::Error;
        match &error {
            Error::Unavailable { reason } => Self::unavailable(reason),
            Error::NoSuchTask { task_id } => Self::not_found("task", task_id),
            Error::NoSuchWork { work_id } => Self::not_found("work", work_id),
            Error::WithoutInput { .. } => Self::new(ErrorCode::Conflict, error.to_string())
                .hint("Recover the work it belongs to."),
            Error::WorkConflict { .. } => Self::new(ErrorCode::Conflict, error.to_string()),
            Error::PartOfWork { work_id, .. } => Self::new(ErrorCode::Conflict, error.to_string())
                .hint(format!("Stop the work with `lp work stop {work_id}`, or wait until it has finished.")),
            Error::AppGone { .. } => Self::new(ErrorCode::NotFound, error.to_string()),
            Error::Schedule(refusal) => match refusal {
                ScheduleRefusal::NotFound(id) => Self::not_found("schedule", id),
                ScheduleRefusal::Times(_) | ScheduleRefusal::Zone(_) | ScheduleRefusal::EndsBeforeStart => {
                    Self::invalid(refusal.to_string())
                }
            },
            Error::Service(refusal) => match refusal {
                ServiceRefusal::NotFound(id) => Self::not_found("service", id),
                ServiceRefusal::Disabled(_) => Self::new(ErrorCode::Conflict, refusal.to_string()),
            },
            Error::VersionGone { task_id, .. } => Self::new(ErrorCode::Gone, error.to_string()).hint(format!(
                "`lp task rerun {}` runs it from the beginning with the active version.",
                task_id.short()
            )),
            Error::NodeBusy { .. } => Self::new(ErrorCode::Conflict, error.to_string()).hint(
                "Drain it and wait until nothing runs there, or remove it with force: what it runs is then given to others.",
            ),
            Error::NoSuchAction { task_id, .. } => Self::new(ErrorCode::NotFound, error.to_string())
                .hint(format!("`lp task info {}` lists its actions.", task_id.short())),
            Error::Succeeded { task_id } => Self::new(ErrorCode::Conflict, error.to_string()).hint(format!(
                "`lp task recover {0} --from ACTION` runs an action and what follows from it again, `lp task rerun {0}` everything.",
                task_id.short()
            )),
            Error::BuildBusy(_) => {
                Self::new(ErrorCode::Conflict, error.to_string()).hint("`lp venv build list` shows how it stands.")
            }
            Error::Build(_) => Self::new(ErrorCode::Conflict, error.to_string()),
            Error::OfService { .. } | Error::WrongStage { .. } | Error::KeyReused { .. } | Error::StaleConnection => {
                Self::new(ErrorCode::Conflict, error.to_string())
            }
        }
    }
}

impl From<store::Error> for Failure {
    fn from(error: store::Error) -> Self {
        use store::Error;
        match &error {
            Error::Unavailable { .. } => Self::unavailable(&error).with_cause(&error),
            Error::Deposed => Self::unavailable(&error),
            Error::NameTaken { .. } | Error::InUse { .. } => {
                Self::new(ErrorCode::Conflict, error.to_string())
            }
            Error::VersionInUse { what, name, reason, .. } => {
                let failure = Self::new(ErrorCode::Conflict, error.to_string());
                failure.hint(super::versions::hint_of_use(what, name, reason))
            }
            Error::NotFound { what: "version", name } => {
                let failure = Self::new(ErrorCode::NotFound, error.to_string());
                let package = name.rsplit_once('@').map_or(name.as_str(), |(package, _)| package);
                failure.hint(format!(
                    "Its versions: `lp app history list {package}`, or `lp venv history list {package}`."
                ))
            }
            Error::NotFound { .. } => Self::new(ErrorCode::NotFound, error.to_string()),
            Error::Ambiguous { candidates, .. } => Self::new(ErrorCode::Ambiguous, error.to_string())
                .hint(format!("Candidates: {}.", candidates.join(", "))),
            Error::WrongOffset { next } => {
                let mut failure = Self::new(ErrorCode::Conflict, error.to_string());
                failure.extra.next = Some(*next);
                failure
            }
            Error::Invalid(_) => Self::invalid(error.to_string()),
            Error::Corrupt { .. } | Error::Address(_) | Error::File(_) | Error::Broken(_) => {
                Self::internal(&error)
            }
        }
    }
}

impl From<blobs::Error> for Failure {
    fn from(error: blobs::Error) -> Self {
        use blobs::Error;
        match &error {
            Error::DigestMismatch { .. } => Self::invalid(error.to_string()).hint(
                "Nothing was stored. The file may have changed while it was read, or was damaged on the way.",
            ),
            Error::TooLarge { limit } => {
                Self::new(ErrorCode::TooLarge, format!("the package has more than {limit} bytes"))
                    .hint("The limit is `max_buffer_size` in the manager's configuration.")
            }
            Error::NotFound => Self::new(ErrorCode::NotFound, error.to_string()),
            Error::NoUpload { id } => Self::not_found("upload", id).hint(
                "It was given up, nothing came for it during a day, or another manager leads now: begin anew with POST /api/v1/uploads.",
            ),
            Error::WrongOffset { next } | Error::Incomplete { next, .. } => {
                let mut failure = Self::new(ErrorCode::Conflict, error.to_string())
                    .hint(format!("Go on with PATCH /api/v1/uploads/{{upload}}?offset={next}."));
                failure.extra.next = Some(*next);
                failure
            }
            Error::Beyond { .. } => Self::invalid(error.to_string()),
            Error::TooManyUploads { .. } => Self::new(ErrorCode::TooManyRequests, error.to_string())
                .hint("Try again when one has ended; one that is left alone gives way after an hour."),
            Error::NoRoom { .. } => Self::unavailable(&error)
                .hint("Nothing was changed. Make room on the manager's disk; `lp gc --dry-run` shows what could go."),
            Error::Full(_) => Self::unavailable("its disk is full").with_cause(&error),
            Error::Io { .. } => Self::internal(&error),
        }
    }
}

impl From<ArchiveError> for Failure {
    fn from(error: ArchiveError) -> Self {
        if !error.is_refusal() {
            return Self::internal(&error);
        }
        let failure = Self::new(ErrorCode::InvalidArchive, format!("cannot {}", chain(&error)));
        match error.hint() {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}

impl From<auth::Refusal> for Failure {
    fn from(refusal: auth::Refusal) -> Self {
        use auth::Refusal;
        match refusal {
            Refusal::Store(error) => error.into(),
            Refusal::TooMany { wait } => {
                let mut failure = Self::new(ErrorCode::TooManyRequests, refusal.to_string());
                failure.extra.header = Some((header::RETRY_AFTER, (wait.as_secs() + 1).to_string()));
                failure
            }
            Refusal::Missing { wanted: Kind::Token } => Self::new(ErrorCode::Unauthenticated, refusal.to_string())
                .hint("`lp up` and `lp manager` write one on their first start; point LP_CONTEXT at its client.json."),
            Refusal::Missing { wanted: Kind::Join | Kind::Node } | Refusal::Unknown { .. } | Refusal::WrongKind { .. } => {
                Self::new(ErrorCode::Unauthenticated, refusal.to_string())
            }
            Refusal::Role(error) => Self::internal(&error),
        }
    }
}
