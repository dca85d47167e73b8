//! `/`: the plain page. It holds nothing secret itself; what it shows it asks the API for.

use actix_web::http::StatusCode;
use actix_web::http::header::{ACCEPT, CACHE_CONTROL};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};

const INDEX: &str = include_str!("page/index.html");
const SCRIPT: &str = include_str!("page/page.js");
const STYLE: &str = include_str!("page/page.css");
const ICON: &str = include_str!("page/favicon.svg");

pub async fn index() -> HttpResponse {
    index_as(StatusCode::OK)
}

pub fn index_as(status: StatusCode) -> HttpResponse {
    asset(status, "text/html; charset=utf-8", INDEX)
}

pub async fn script() -> HttpResponse {
    asset(StatusCode::OK, "text/javascript; charset=utf-8", SCRIPT)
}

pub async fn style() -> HttpResponse {
    asset(StatusCode::OK, "text/css; charset=utf-8", STYLE)
}

pub async fn icon() -> HttpResponse {
    asset(StatusCode::OK, "image/svg+xml", ICON)
}

/// Whether a person's browser asks, rather than a program.
pub fn wanted_by(request: &HttpRequest) -> bool {
    let accept = request.headers().get(ACCEPT).and_then(|accept| accept.to_str().ok());
    accept.is_some_and(|accept| accept.contains("text/html"))
}

fn asset(status: StatusCode, content_type: &'static str, text: &'static str) -> HttpResponse {
    HttpResponseBuilder::new(status).content_type(content_type).insert_header((CACHE_CONTROL, "no-cache")).body(text)
}
