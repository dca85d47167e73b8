//! What every request passes: it gets an id, its answer gets the security headers, and both are counted.

use std::time::{Duration, Instant};

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderMap, HeaderName, HeaderValue, REFERRER_POLICY,
    STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::{Error, web};
use metrics::{counter, histogram};

use super::State;

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Nothing inline, nothing from elsewhere, in nobody's frame.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
    frame-ancestors 'none'; base-uri 'none'; form-action 'self'";

const SECURITY: [(HeaderName, &str); 6] = [
    (CONTENT_SECURITY_POLICY, POLICY),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=()"),
];

const OTHER: &str = "other";

tokio::task_local! {
    static REQUEST_ID: String;
}

pub async fn edge(
    state: web::Data<State>,
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let started = Instant::now();
    let id = request_id(request.headers());
    let method = method_label(request.method());
    let secure = request.connection_info().scheme() == "https";
    let mut response = REQUEST_ID.scope(id.clone(), next.call(request)).await?;
    let route = response.request().match_pattern();
    count(&state, route.as_deref().unwrap_or("unmatched"), method, response.status(), started.elapsed());
    super::audit::changed(&state, response.request(), response.status());
    dress(response.headers_mut(), &id, secure);
    Ok(response)
}

/// Reads the id of the request being handled; empty outside of one.
pub fn with_request_id<T>(read: impl Fn(&str) -> T) -> T {
    REQUEST_ID.try_with(|id| read(id)).unwrap_or_else(|_| read(""))
}

/// The caller's own id when it is a short plain word, so that a proxy's log and ours speak of the same request.
fn request_id(headers: &HeaderMap) -> String {
    let plain = |id: &&str| {
        (1..=128).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.:/=+".contains(&b))
    };
    let given = headers.get(X_REQUEST_ID).and_then(|id| id.to_str().ok()).filter(plain);
    given.map_or_else(|| uuid::Uuid::now_v7().to_string(), str::to_owned)
}

fn dress(headers: &mut HeaderMap, id: &str, secure: bool) {
    for (name, value) in SECURITY {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if secure {
        headers.insert(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
    }
    if !headers.contains_key(CACHE_CONTROL) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    headers.insert(X_REQUEST_ID, HeaderValue::from_str(id).expect("plain ASCII, checked or made by us"));
}

/// A method that a URL does not take is not counted by its name: strangers would make series of it.
fn count(state: &State, route: &str, method: &'static str, status: StatusCode, took: Duration) {
    let class = class_label(status);
    let method = if status == StatusCode::METHOD_NOT_ALLOWED { OTHER } else { method };
    counter!("cordboard_http_requests_total", "route" => route.to_owned(), "method" => method, "status" => class)
        .increment(1);
    histogram!("cordboard_http_request_duration_seconds", "resource" => resource(route)).record(took.as_secs_f64());
    state.window.record(status.is_server_error(), took);
}

/// What a URL template is of, its actions and files together: a histogram of each would be too many series.
fn resource(route: &str) -> String {
    match route.split('/').collect::<Vec<_>>()[..] {
        ["", area @ ("api" | "webhooks"), of, ..] => format!("/{area}/{of}"),
        ["", file] if file.is_empty() || file.contains('.') => "page".to_owned(),
        _ => route.to_owned(),
    }
}

/// Methods are free text; a label is not.
fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => OTHER,
    }
}

fn class_label(status: StatusCode) -> &'static str {
    match status.as_u16() / 100 {
        1 => "1xx",
        2 => "2xx",
        3 => "3xx",
        4 => "4xx",
        _ => "5xx",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_timed_with_what_it_is_of() {
        for (route, expected) in [
            ("/api/sms", "/api/sms"),
            ("/api/sms/{id}/retry", "/api/sms"),
            ("/webhooks/twilio/status/{token}", "/webhooks/twilio"),
            ("/webhooks/vapi", "/webhooks/vapi"),
            ("/a/{token}", "/a/{token}"),
            ("/healthz", "/healthz"),
            ("/", "page"),
            ("/page.css", "page"),
            ("unmatched", "unmatched"),
        ] {
            assert_eq!(resource(route), expected);
        }
    }
}
