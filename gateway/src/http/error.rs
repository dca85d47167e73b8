//! The one place where an error becomes a status and a body: `application/problem+json` (RFC 9457).

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use actix_web::dev::ServiceResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, CACHE_CONTROL, RETRY_AFTER};
use actix_web::middleware::ErrorHandlerResponse;
use actix_web::{Error, HttpResponse, HttpResponseBuilder, ResponseError};
use engine::failure::Failure;
use serde::Serialize;

use super::edge;

/// What a client is told when it does not get what it asked for. Never carries a secret or a stranger's data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    status: StatusCode,
    detail: String,
    /// Seconds after which trying again makes sense.
    retry_after_s: Option<u64>,
    /// Methods that would be allowed.
    allow: Option<&'static str>,
    errors: Vec<FieldError>,
}

/// One field that could not be understood.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FieldError {
    pub field: Cow<'static, str>,
    pub message: String,
}

#[derive(Serialize)]
struct Body<'a> {
    title: &'static str,
    status: u16,
    detail: &'a str,
    request_id: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [FieldError],
}

impl Problem {
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Problem {
        Problem { status, detail: detail.into(), retry_after_s: None, allow: None, errors: Vec::new() }
    }

    pub fn bad_request(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::BAD_REQUEST, detail)
    }

    pub fn unauthenticated(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::UNAUTHORIZED, detail)
    }

    pub fn forbidden(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::FORBIDDEN, detail)
    }

    pub fn not_found(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::NOT_FOUND, detail)
    }

    pub fn conflict(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::CONFLICT, detail)
    }

    pub fn unprocessable(field: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Problem {
        let field = field.into();
        let detail = format!("{field} is not usable");
        let errors = vec![FieldError { field, message: message.into() }];
        Problem { errors, ..Problem::new(StatusCode::UNPROCESSABLE_ENTITY, detail) }
    }

    pub fn unprocessable_fields(errors: Vec<FieldError>) -> Problem {
        let fields: Vec<&str> = errors.iter().map(|error| &*error.field).collect();
        let detail = format!("not usable: {}", fields.join(", "));
        Problem { errors, ..Problem::new(StatusCode::UNPROCESSABLE_ENTITY, detail) }
    }

    pub fn too_many(detail: impl Into<String>, wait: Duration) -> Problem {
        Problem::new(StatusCode::TOO_MANY_REQUESTS, detail).after(wait)
    }

    pub fn unavailable(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail).after(Duration::from_secs(1))
    }

    pub fn internal(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, detail)
    }

    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// What could not be understood, to be said together with what else could not.
    pub fn into_fields(self) -> Vec<FieldError> {
        self.errors
    }

    fn after(self, wait: Duration) -> Problem {
        Problem { retry_after_s: Some(wait.as_secs().max(1)), ..self }
    }
}

/// A port that failed. What it said is for the log; the client learns only whether to try again.
impl From<Failure> for Problem {
    fn from(failure: Failure) -> Problem {
        match failure {
            Failure::Retry { what, after } => {
                tracing::warn!(error = %what, "request failed, may be repeated");
                Problem::unavailable("a dependency does not answer").after(after.unwrap_or(Duration::from_secs(1)))
            }
            Failure::Fail { what } => {
                tracing::error!(error = %what, "request failed");
                Problem::internal("the request failed")
            }
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.status, self.detail)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse {
        let body = edge::with_request_id(|request_id| {
            serde_json::to_string(&Body {
                title: self.status.canonical_reason().unwrap_or("Error"),
                status: self.status.as_u16(),
                detail: &self.detail,
                request_id,
                errors: &self.errors,
            })
        });
        let mut response = HttpResponseBuilder::new(self.status);
        response.content_type("application/problem+json").insert_header((CACHE_CONTROL, "no-store"));
        if let Some(seconds) = self.retry_after_s {
            response.insert_header((RETRY_AFTER, seconds.to_string()));
        }
        if let Some(methods) = self.allow {
            response.insert_header((ALLOW, methods));
        }
        response.body(body.expect("a problem holds only text and numbers"))
    }
}

pub async fn no_such_url() -> Result<HttpResponse, Problem> {
    Err(Problem::not_found("no such URL"))
}

/// The framework's own refusal of a body has another form.
pub fn too_large<B: 'static>(response: ServiceResponse<B>) -> Result<ErrorHandlerResponse<B>, Error> {
    let ours = response.response().error().is_none_or(|error| error.as_error::<Problem>().is_some());
    Ok(ErrorHandlerResponse::Response(if ours {
        response.map_into_left_body()
    } else {
        let problem = Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "the body is too large");
        response.into_response(problem.error_response()).map_into_right_body()
    }))
}

pub async fn method_not_allowed(methods: &'static str) -> Result<HttpResponse, Problem> {
    let problem = Problem::new(StatusCode::METHOD_NOT_ALLOWED, format!("this URL takes {methods}"));
    Err(Problem { allow: Some(methods), ..problem })
}
