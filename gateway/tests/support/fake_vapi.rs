//! A Vapi organisation of our own on 127.0.0.1: the part of its API that setting up and auditing use. It replaces the
//! fields of a PATCH whole, as the real one does, and remembers every change it was sent.

// Each test file that includes this uses another part of it.
#![allow(dead_code)]

use std::net::TcpListener;
use std::sync::{Arc, Mutex, MutexGuard};

use actix_web::dev::ServerHandle;
use actix_web::web::{Data, Json, Path, Query};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use serde_json::{Value, json};

pub const KEY: &str = "fake-private-key";

/// What the organisation holds.
#[derive(Default)]
pub struct Organisation {
    pub assistants: Vec<Value>,
    pub numbers: Vec<Value>,
    pub tools: Vec<Value>,
    /// Newest first, as it lists them.
    pub calls: Vec<Value>,
    /// Kind, id and body of each change.
    pub patches: Vec<(String, String, Value)>,
}

pub struct FakeVapi {
    pub url: String,
    state: Data<Mutex<Organisation>>,
    server: ServerHandle,
}

impl FakeVapi {
    pub fn start(organisation: Organisation) -> FakeVapi {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = Data::from(Arc::new(Mutex::new(organisation)));
        let shared = state.clone();
        let app = move || {
            App::new()
                .app_data(shared.clone())
                .route("/tool", web::get().to(tools))
                .route("/phone-number", web::get().to(numbers))
                .route("/call", web::get().to(calls))
                .route("/{kind}/{id}", web::get().to(one))
                .route("/{kind}/{id}", web::patch().to(patch))
        };
        let server = HttpServer::new(app).workers(1).disable_signals().listen(listener).unwrap().run();
        let handle = server.handle();
        tokio::spawn(server);
        FakeVapi { url, state, server: handle }
    }

    pub fn organisation(&self) -> MutexGuard<'_, Organisation> {
        self.state.lock().unwrap()
    }

    pub async fn stop(self) {
        self.server.stop(false).await;
    }
}

type State = Data<Mutex<Organisation>>;

fn allowed(request: &HttpRequest) -> bool {
    let header = request.headers().get("authorization").and_then(|value| value.to_str().ok());
    header == Some(&format!("Bearer {KEY}"))
}

fn unauthorized() -> HttpResponse {
    HttpResponse::Unauthorized().json(json!({ "message": "Invalid Key.", "statusCode": 401 }))
}

async fn tools(request: HttpRequest, state: State) -> HttpResponse {
    if allowed(&request) { HttpResponse::Ok().json(&state.lock().unwrap().tools) } else { unauthorized() }
}

async fn numbers(request: HttpRequest, state: State) -> HttpResponse {
    if allowed(&request) { HttpResponse::Ok().json(&state.lock().unwrap().numbers) } else { unauthorized() }
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    limit: Option<usize>,
    created_at_lt: Option<String>,
    assistant_id: Option<String>,
}

async fn calls(request: HttpRequest, page: Query<Page>, state: State) -> HttpResponse {
    if !allowed(&request) {
        return unauthorized();
    }
    let organisation = state.lock().unwrap();
    let older = |call: &&Value| page.created_at_lt.as_deref().is_none_or(|t| call["createdAt"].as_str().unwrap() < t);
    let of = |call: &&Value| page.assistant_id.as_deref().is_none_or(|id| call["assistantId"] == id);
    let found: Vec<&Value> =
        organisation.calls.iter().filter(older).filter(of).take(page.limit.unwrap_or(100)).collect();
    HttpResponse::Ok().json(found)
}

async fn one(request: HttpRequest, path: Path<(String, String)>, state: State) -> HttpResponse {
    if !allowed(&request) {
        return unauthorized();
    }
    let (kind, id) = path.into_inner();
    match find(&mut state.lock().unwrap(), &kind, &id) {
        Some(found) => HttpResponse::Ok().json(&*found),
        None => HttpResponse::NotFound().json(json!({ "message": "Not Found", "statusCode": 404 })),
    }
}

async fn patch(request: HttpRequest, path: Path<(String, String)>, body: Json<Value>, state: State) -> HttpResponse {
    if !allowed(&request) {
        return unauthorized();
    }
    let (kind, id) = path.into_inner();
    let mut organisation = state.lock().unwrap();
    organisation.patches.push((kind.clone(), id.clone(), body.0.clone()));
    let Some(found) = find(&mut organisation, &kind, &id) else {
        return HttpResponse::NotFound().json(json!({ "message": "Not Found", "statusCode": 404 }));
    };
    for (field, value) in body.as_object().unwrap() {
        found[field] = value.clone();
    }
    HttpResponse::Ok().json(&*found)
}

fn find<'a>(organisation: &'a mut Organisation, kind: &str, id: &str) -> Option<&'a mut Value> {
    let list = match kind {
        "assistant" => &mut organisation.assistants,
        "phone-number" => &mut organisation.numbers,
        "call" => &mut organisation.calls,
        _ => return None,
    };
    list.iter_mut().find(|one| one["id"] == id)
}
