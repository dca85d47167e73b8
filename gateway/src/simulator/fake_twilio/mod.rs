//! A Twilio of our own on 127.0.0.1: messages, calls, callbacks and the misfortunes between them. For tests, for
//! benches, and for a demo without an account.
//!
//! It behaves like the real one unless told otherwise: refuses what that refuses, holds a queue per sender, calls back
//! with signatures, shows its books. [`Act`]s script single requests, [`Manners`] everything else. Its log is the
//! carrier's side of the story: what really reached it, whatever the sender believes.
//! Facts: twilio.com/docs/messaging/api/message-resource, read 2026-11.

mod act;
mod answers;
mod books;
mod callbacks;
mod calls;
mod wire;

use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::sleep;

pub use act::{Act, Break, Fate, Manners, Person};
pub use books::Message;
pub use wire::{Answer, Request};

use self::books::Books;
use self::callbacks::Caller;

/// The token everybody has here, unless [`Manners::auth_token`] says otherwise.
pub const AUTH_TOKEN: &str = "not-a-token";

#[derive(Clone)]
pub struct FakeTwilio {
    address: SocketAddr,
    state: Arc<State>,
    /// Its connections end with the last handle.
    _listening: Arc<JoinSet<()>>,
}

struct State {
    manners: Mutex<Manners>,
    script: Mutex<VecDeque<Act>>,
    fates: Mutex<HashMap<String, Fate>>,
    people: Mutex<HashMap<String, Person>>,
    log: Mutex<Vec<Request>>,
    books: Mutex<Books>,
    caller: Caller,
    under_way: AtomicU32,
}

impl FakeTwilio {
    pub async fn start() -> FakeTwilio {
        FakeTwilio::start_with(Manners::default()).await.expect("a free port on this machine")
    }

    pub async fn start_with(manners: Manners) -> io::Result<FakeTwilio> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let state = Arc::new(State {
            manners: Mutex::new(manners),
            script: Mutex::default(),
            fates: Mutex::default(),
            people: Mutex::default(),
            log: Mutex::default(),
            books: Mutex::default(),
            caller: Caller::new(),
            under_way: AtomicU32::new(0),
        });
        let mut listening = JoinSet::new();
        listening.spawn(listen(listener, state.clone()));
        Ok(FakeTwilio { address, state, _listening: Arc::new(listening) })
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Adds to the script: what it does with the next request to create something that has none yet.
    pub fn will(&self, act: Act) {
        self.state.script.lock().push_back(act);
    }

    /// What becomes of messages to this number.
    pub fn fate_of(&self, number: &str, fate: Fate) {
        self.state.fates.lock().insert(number.to_owned(), fate);
    }

    /// Who picks up there.
    pub fn at(&self, number: &str, person: Person) {
        self.state.people.lock().insert(number.to_owned(), person);
    }

    pub fn change(&self, change: impl FnOnce(&mut Manners)) {
        change(&mut self.state.manners.lock());
    }

    /// Every request so far, oldest first.
    pub fn log(&self) -> Vec<Request> {
        self.state.log.lock().clone()
    }

    /// Requests to send a message, oldest first.
    pub fn asked_to_send(&self) -> Vec<Request> {
        let mut log = self.log();
        log.retain(|request| request.method == "POST" && request.path.ends_with("/Messages.json"));
        log
    }

    /// Requests to place a call, oldest first.
    pub fn asked_to_call(&self) -> Vec<Request> {
        let mut log = self.log();
        log.retain(|request| request.method == "POST" && request.path.ends_with("/Calls.json"));
        log
    }

    /// Messages it has taken, oldest first.
    pub fn messages(&self) -> Vec<Message> {
        self.state.books.lock().messages.clone()
    }

    /// Callbacks it has made, with the status each was answered: 0 where nobody answered.
    pub fn called_back(&self) -> Vec<(String, u16)> {
        self.state.caller.made()
    }

    /// Somebody texts us: posted to `webhook`, signed. Who texts STOP gets no messages from that number any more, and
    /// again after START. Returns status and body of the answer.
    pub async fn texts(&self, from: &str, to: &str, body: &str, webhook: &str) -> (u16, String) {
        let form = self.state.books.lock().comes_in(from, to, body);
        let manners = self.state.manners.lock().clone();
        self.state.caller.post(&manners, webhook, &form).await
    }
}

async fn listen(listener: TcpListener, state: Arc<State>) {
    let mut connections = JoinSet::new();
    let mut count = 0;
    while let Ok((stream, _)) = listener.accept().await {
        connections.spawn(serve(stream, state.clone(), count));
        count += 1;
        // Those that ended are let go.
        while connections.try_join_next().is_some() {}
    }
}

async fn serve(mut stream: TcpStream, state: Arc<State>, connection: usize) {
    let mut unread = Vec::new();
    while let Some(mut request) = wire::read(&mut stream, &mut unread).await {
        request.connection = connection;
        state.log.lock().push(request.clone());
        let concurrent = state.under_way.fetch_add(1, Ordering::SeqCst) + 1;
        let done = state.handle(&request, concurrent).await;
        let survived = match done {
            Done::Answered(answer) => wire::write(&mut stream, &answer.with_concurrent(concurrent)).await,
            Done::Broken(how) => {
                broken(&mut stream, how).await;
                false
            }
        };
        state.under_way.fetch_sub(1, Ordering::SeqCst);
        if !survived {
            return;
        }
    }
}

/// How a request was dealt with.
enum Done {
    Answered(Answer),
    Broken(Break),
}

async fn broken(stream: &mut TcpStream, how: Break) {
    match how {
        Break::Reset => {
            let _ = stream.set_zero_linger();
        }
        Break::Off => wire::break_off(stream).await,
        Break::Hang => std::future::pending().await,
    }
}

impl State {
    async fn handle(self: &Arc<Self>, request: &Request, concurrent: u32) -> Done {
        let manners = self.manners.lock().clone();
        sleep(manners.latency).await;
        if let Some(refusal) = answers::unwelcome(request, &manners, concurrent) {
            return Done::Answered(refusal);
        }
        match (request.method.as_str(), request.path.rsplit('/').next().unwrap_or_default()) {
            ("POST", "Messages.json") => self.create(request, &manners, Created::Message).await,
            ("POST", "Calls.json") => self.create(request, &manners, Created::Call).await,
            ("GET", "Messages.json") => Done::Answered(self.books.lock().list(request, manners.listing_lag)),
            ("GET", file) => Done::Answered(self.books.lock().one(file, &request.account())),
            _ => Done::Answered(Answer::refuse(404, 20404, "no such resource")),
        }
    }

    async fn create(self: &Arc<Self>, request: &Request, manners: &Manners, what: Created) -> Done {
        let act = self.script.lock().pop_front().unwrap_or(Act::Accept);
        match act {
            Act::Accept => Done::Answered(self.take(request, manners, what).await),
            Act::Slowly(wait) => {
                sleep(wait).await;
                Done::Answered(self.take(request, manners, what).await)
            }
            Act::Answer(answer) => Done::Answered(answer),
            Act::AcceptThen(how) => {
                self.take(request, manners, what).await;
                Done::Broken(how)
            }
            Act::AcceptThenAnswer(answer) => {
                self.take(request, manners, what).await;
                Done::Answered(answer)
            }
            Act::Break(how) => Done::Broken(how),
        }
    }

    async fn take(self: &Arc<Self>, request: &Request, manners: &Manners, what: Created) -> Answer {
        match what {
            Created::Message => self.take_message(request, manners).await,
            Created::Call => self.take_call(request, manners),
        }
    }

    async fn take_message(self: &Arc<Self>, request: &Request, manners: &Manners) -> Answer {
        if let Some(refusal) = answers::refused_message(request) {
            return refusal;
        }
        let taken = self.books.lock().take(request, manners);
        let (message, plan) = match taken {
            Ok(taken) => taken,
            Err(refusal) => return refusal,
        };
        let answer = Answer::created(message.json(&request.account()));
        let fate = self.fates.lock().get(&message.to).unwrap_or(&manners.fate).clone();
        let (sid, state, manners, tells_first) = (message.sid, self.clone(), manners.clone(), manners.callbacks_first);
        let delivery = async move { state.deliver(&sid, plan, fate, &manners).await };
        if tells_first {
            delivery.await;
        } else {
            tokio::spawn(delivery);
        }
        answer
    }
}

/// What a request creates.
#[derive(Clone, Copy)]
enum Created {
    Message,
    Call,
}

/// How long a telephone rings here.
const SOON: Duration = Duration::from_millis(5);
