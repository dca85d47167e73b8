//! The HTTP server: the URL table, and how it is started. No TLS and no HTTP/2 here: a proxy in front does both.

mod alert_link;
mod alerts;
mod analytics;
mod audit;
pub mod auth;
mod backup;
mod body;
mod calls;
mod carrier_webhooks;
mod dashboard;
mod edge;
mod erase;
mod error;
mod figures;
mod health;
mod keeping;
mod live;
mod messages;
mod oncall;
mod opt_outs;
mod page;
mod performance;
mod playbooks;
mod query;
mod refusal_log;
mod state;
mod timeline;
mod watched;
mod webhooks;

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::{Server, ServerHandle};
use actix_web::http::StatusCode;
use actix_web::middleware::ErrorHandlers;
use actix_web::web::{self, ServiceConfig};
use actix_web::{App, HttpServer, Resource, Route, guard, middleware};

pub use error::Problem;
pub use figures::{Figures, Window};
pub use health::{Condition, Probe};
pub use keeping::Keeping;
pub use state::{CarrierSide, Parts, State, Stopping};

use crate::settings;

/// Every URL this server answers.
fn urls(table: &mut ServiceConfig) {
    table
        .service(at("/webhooks/vapi", "POST").route(web::post().to(webhooks::vapi)))
        .service(at("/webhooks/twilio/status/{token}", "POST").route(web::post().to(carrier_webhooks::status)))
        .service(at("/webhooks/twilio/inbound", "POST").route(web::post().to(carrier_webhooks::inbound)))
        .service(at("/webhooks/twilio/voice/{call}", "POST").route(web::post().to(carrier_webhooks::voice)))
        // --- REST
        .service(at("/api/calls", GET).route(get().to(calls::list)))
        .service(at("/api/calls/active", GET).route(get().to(calls::active)))
        .service(at("/api/calls/{id}", GET).route(get().to(calls::one)))
        .service(at("/api/calls/{id}/events", GET).route(get().to(timeline::events)))
        .service(
            at("/api/sms", "GET, HEAD, POST").route(get().to(messages::list)).route(web::post().to(messages::submit)),
        )
        .service(at("/api/sms/inbound", GET).route(get().to(opt_outs::texts)))
        .service(at("/api/sms/{id}", GET).route(get().to(messages::one)))
        .service(at("/api/sms/{id}/retry", "POST").route(web::post().to(messages::retry)))
        .service(at("/api/sms/{id}/cancel", "POST").route(web::post().to(messages::cancel)))
        .service(at("/api/sms/{id}/assume-sent", "POST").route(web::post().to(messages::assume_sent)))
        .service(
            at("/api/opt-outs", "GET, HEAD, POST").route(get().to(opt_outs::list)).route(web::post().to(opt_outs::add)),
        )
        .service(at("/api/opt-outs/clear", "POST").route(web::post().to(opt_outs::clear)))
        .service(
            at("/api/alerts", "GET, HEAD, POST").route(get().to(alerts::list)).route(web::post().to(alerts::drill)),
        )
        .service(at("/api/alerts/{id}", GET).route(get().to(alerts::one)))
        .service(at("/api/alerts/{id}/acknowledge", "POST").route(web::post().to(alerts::acknowledge)))
        .service(at("/api/alerts/{id}/resolve", "POST").route(web::post().to(alerts::resolve)))
        .service(at("/api/oncall", "GET, HEAD, PUT").route(get().to(oncall::show)).route(web::put().to(oncall::take)))
        .service(at("/api/playbooks", GET).route(get().to(playbooks::list)))
        .service(at("/api/playbooks/reload", "POST").route(web::post().to(playbooks::reload)))
        .service(at("/api/dashboard", GET).route(get().to(dashboard::dashboard)))
        .service(at("/api/analytics", GET).route(get().to(analytics::days)))
        .service(at("/api/audit", GET).route(get().to(audit::list)))
        .service(at("/api/erase", "POST").route(web::post().to(erase::erase)))
        .service(at("/api/backup", "POST").route(web::post().to(backup::backup)))
        .service(at("/api/metrics", GET).route(get().to(figures::figures)))
        .service(
            at("/api/performance", "POST")
                .app_data(web::PayloadConfig::new(performance::BEACON_BYTES))
                .route(web::post().to(performance::beacon)),
        )
        .service(at("/api/live/sse", GET).route(web::get().to(live::sse)))
        // --- who may come in
        .service(
            // A HEAD is what previews of links send: it must not use the code up.
            at("/login", "GET, POST")
                .route(web::get().to(auth::login_by_code))
                .route(web::post().to(auth::login_by_token)),
        )
        .service(at("/logout", "POST").route(web::post().to(auth::logout)))
        // --- what a text leads to
        .service(
            at("/a/{token}", "GET, HEAD, POST")
                .route(get().to(alert_link::show))
                .route(web::post().to(alert_link::act)),
        )
        // --- how it fares
        .service(at("/healthz", GET).route(get().to(health::alive)))
        .service(at("/readyz", GET).route(get().to(health::ready)))
        .service(at("/metrics", GET).route(get().to(health::scrape)))
        // --- what it looks like
        .service(at("/", GET).route(get().to(page::index)))
        .service(at("/page.js", GET).route(get().to(page::script)))
        .service(at("/page.css", GET).route(get().to(page::style)))
        .service(at("/favicon.svg", GET).route(get().to(page::icon)));
}

/// Starts the workers; connections are taken from `listener` as soon as the returned server is polled. To stop: say
/// so to `state.stopping`, which ends the streams, then `handle.stop(true)`, which waits at most `drain`.
pub fn serve(
    listener: TcpListener,
    state: Arc<State>,
    settings: &settings::Http,
    drain: Duration,
) -> io::Result<(Server, ServerHandle)> {
    let shared = web::Data::from(Arc::clone(&state));
    let server = HttpServer::new(move || {
        App::new()
            .app_data(shared.clone())
            .app_data(query::strict())
            .app_data(web::PayloadConfig::new(body::SMALL_BYTES))
            .configure(urls)
            .default_service(web::to(error::no_such_url))
            .wrap(ErrorHandlers::new().handler(StatusCode::PAYLOAD_TOO_LARGE, error::too_large))
            .wrap(middleware::from_fn(edge::edge))
    })
    .on_connect(move |_, connection| {
        connection.insert(state.window.connection());
    })
    .workers(workers(settings.workers))
    .max_connections(settings.max_connections)
    .client_request_timeout(Duration::from_secs(settings.head_timeout_s))
    .keep_alive(Duration::from_secs(settings.keep_alive_s))
    .shutdown_timeout(drain.as_secs().max(1))
    .disable_signals()
    .listen(listener)?
    .run();
    let handle = server.handle();
    Ok((server, handle))
}

/// Half of the cores by default: the other half runs the calls.
fn workers(wanted: usize) -> usize {
    let cores = || std::thread::available_parallelism().map_or(2, usize::from);
    if wanted > 0 { wanted } else { (cores() / 2).max(1) }
}

const GET: &str = "GET, HEAD";

fn get() -> Route {
    web::route().guard(guard::Any(guard::Get()).or(guard::Head()))
}

/// A URL, and the methods it names when another is tried.
fn at(path: &str, methods: &'static str) -> Resource {
    web::resource(path).default_service(web::to(move || error::method_not_allowed(methods)))
}
