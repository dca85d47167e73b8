//! Signing in and out: by a one-time code from a link, or by the token itself. Failures are counted per address.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{LOCATION, SET_COOKIE};
use actix_web::web::{Bytes, Data, Query};
use actix_web::{HttpMessage, HttpRequest, HttpResponse};
use engine::ports::Clock;
use engine::time::Timestamp;
use parking_lot::Mutex;
use serde::Deserialize;

use super::{COOKIE_NAME, Identity, Sessions, fresh_secret, session_cookie};
use crate::http::{Problem, State, page};

#[derive(Deserialize)]
pub struct CodeGiven {
    #[serde(default)]
    code: String,
}

#[derive(Deserialize)]
struct TokenGiven {
    token: String,
}

/// A link somebody opened: a browser that comes too late is shown the page, which asks for the token.
pub async fn by_code(
    request: HttpRequest,
    given: Query<CodeGiven>,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    if given.code.is_empty() {
        return Ok(to_the_page(None));
    }
    state.access.throttle.admit(address(&request))?;
    if state.access.codes.redeem(&given.code) {
        let session = state.access.sessions.open(Identity::ADMIN);
        return Ok(to_the_page(Some(cookie(&session, &request))));
    }
    state.access.throttle.fail(address(&request));
    if page::wanted_by(&request) {
        return Ok(page::index_as(StatusCode::UNAUTHORIZED));
    }
    Err(Problem::unauthenticated("the code is used up, too old or wrong"))
}

/// `{"token"}` as JSON is answered 204; a plain form is sent on to the page.
pub async fn by_token(request: HttpRequest, body: Bytes, state: Data<State>) -> Result<HttpResponse, Problem> {
    state.access.throttle.admit(address(&request))?;
    let json = request.content_type().eq_ignore_ascii_case("application/json");
    let given = token_in(&body, json)?;
    let Some(identity) = state.access.by_token(given.token.trim()) else {
        state.access.throttle.fail(address(&request));
        return Err(Problem::unauthenticated("the token is wrong"));
    };
    let cookie = cookie(&state.access.sessions.open(identity), &request);
    if json {
        Ok(HttpResponse::NoContent().insert_header((SET_COOKIE, cookie)).finish())
    } else {
        Ok(to_the_page(Some(cookie)))
    }
}

pub async fn logout(request: HttpRequest, state: Data<State>) -> HttpResponse {
    if let Some(session) = session_cookie(request.headers()) {
        state.access.sessions.close(session);
    }
    let gone = format!("{COOKIE_NAME}=; HttpOnly; SameSite=Strict; Path=/; Max-Age=0");
    HttpResponse::NoContent().insert_header((SET_COOKIE, gone)).finish()
}

fn token_in(body: &[u8], json: bool) -> Result<TokenGiven, Problem> {
    let missing = || Problem::unprocessable("token", "a text is wanted");
    if json {
        return serde_json::from_slice(body).map_err(|_| missing());
    }
    let form = std::str::from_utf8(body).map_err(|_| missing())?;
    Query::<TokenGiven>::from_query(form).map(Query::into_inner).map_err(|_| missing())
}

fn to_the_page(cookie: Option<String>) -> HttpResponse {
    let mut response = HttpResponse::SeeOther();
    response.insert_header((LOCATION, "/"));
    if let Some(cookie) = cookie {
        response.insert_header((SET_COOKIE, cookie));
    }
    response.finish()
}

/// `Secure` wherever the browser came by TLS; plain HTTP is for loopback only.
fn cookie(session: &str, request: &HttpRequest) -> String {
    let secure = if request.connection_info().scheme() == "https" { "; Secure" } else { "" };
    let life_s = Sessions::LIFE.as_secs();
    format!("{COOKIE_NAME}={session}; HttpOnly; SameSite=Strict; Path=/; Max-Age={life_s}{secure}")
}

/// The peer's own address. A forwarded one can be made up; behind a proxy all share one allowance.
fn address(request: &HttpRequest) -> IpAddr {
    request.peer_addr().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.ip())
}

/// Codes that sign somebody in once, within minutes: for the link in the start-up banner.
pub struct LoginCodes {
    live: Mutex<HashMap<String, Timestamp>>,
    clock: Arc<dyn Clock>,
}

impl LoginCodes {
    pub const LIFE: Duration = Duration::from_secs(300);
    const MOST: usize = 100;

    pub fn new(clock: Arc<dyn Clock>) -> LoginCodes {
        LoginCodes { live: Mutex::default(), clock }
    }

    /// A new code; `None` when far too many are waiting to be used.
    pub fn issue(&self) -> Option<String> {
        let now = self.clock.now();
        let mut live = self.live.lock();
        live.retain(|_, ends_at| *ends_at > now);
        if live.len() >= Self::MOST {
            return None;
        }
        let code = fresh_secret();
        live.insert(code.clone(), now.plus(Self::LIFE));
        Some(code)
    }

    fn redeem(&self, code: &str) -> bool {
        self.live.lock().remove(code).is_some_and(|ends_at| ends_at > self.clock.now())
    }
}

/// Failed sign-ins per address and minute.
pub struct Throttle {
    failures: Mutex<HashMap<IpAddr, Failures>>,
    clock: Arc<dyn Clock>,
}

struct Failures {
    since: Timestamp,
    count: u32,
}

impl Throttle {
    pub const PER_MINUTE: u32 = 20;
    const MINUTE: Duration = Duration::from_secs(60);
    /// Addresses remembered at once; when full, everybody waits rather than anybody guessing for free.
    const MOST: usize = 10_000;

    pub fn new(clock: Arc<dyn Clock>) -> Throttle {
        Throttle { failures: Mutex::default(), clock }
    }

    fn admit(&self, address: IpAddr) -> Result<(), Problem> {
        let now = self.clock.now();
        let mut failures = self.failures.lock();
        failures.retain(|_, failed| now.since(failed.since) < Self::MINUTE);
        let wait = match failures.get(&address) {
            Some(failed) if failed.count >= Self::PER_MINUTE => Self::MINUTE.saturating_sub(now.since(failed.since)),
            None if failures.len() >= Self::MOST => Self::MINUTE,
            _ => return Ok(()),
        };
        Err(Problem::too_many("too many failed sign-ins", wait))
    }

    fn fail(&self, address: IpAddr) {
        let now = self.clock.now();
        self.failures.lock().entry(address).or_insert(Failures { since: now, count: 0 }).count += 1;
    }
}

#[cfg(test)]
pub mod tests {
    use std::sync::atomic::{AtomicI64, Ordering};

    use super::*;

    /// A clock moved by hand.
    pub struct HandClock(AtomicI64);

    impl HandClock {
        pub fn new() -> Arc<HandClock> {
            Arc::new(HandClock(AtomicI64::new(1_787_000_000_000)))
        }

        pub fn pass(&self, time: Duration) {
            self.0.fetch_add(time.as_millis() as i64, Ordering::Relaxed);
        }
    }

    impl Clock for HandClock {
        fn now(&self) -> Timestamp {
            Timestamp::from_millis(self.0.load(Ordering::Relaxed))
        }
    }

    #[test]
    fn a_code_opens_the_door_once_and_for_five_minutes() {
        let clock = HandClock::new();
        let codes = LoginCodes::new(clock.clone());
        let (used, late) = (codes.issue().unwrap(), codes.issue().unwrap());
        assert!(codes.redeem(&used));
        assert!(!codes.redeem(&used));
        clock.pass(LoginCodes::LIFE);
        assert!(!codes.redeem(&late));
        assert!(!codes.redeem("never issued"));
    }

    #[test]
    fn twenty_failures_in_a_minute_lock_that_address_out_for_its_rest() {
        let clock = HandClock::new();
        let throttle = Throttle::new(clock.clone());
        let (guesser, neighbour) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
        for _ in 0..Throttle::PER_MINUTE {
            assert_eq!(throttle.admit(guesser), Ok(()));
            throttle.fail(guesser);
        }
        assert_eq!(throttle.admit(guesser).unwrap_err().status(), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(throttle.admit(neighbour), Ok(()));
        clock.pass(Throttle::MINUTE);
        assert_eq!(throttle.admit(guesser), Ok(()));
    }
}
