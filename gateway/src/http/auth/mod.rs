//! Who is asking: a bearer token or a session's cookie, as an extractor. Everything under `/api/` wants one.

mod login;
mod sessions;

use std::future::{Ready, ready};
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::http::header::{AUTHORIZATION, COOKIE, HeaderMap};
use actix_web::{FromRequest, HttpRequest, web};
use engine::ids::TenantId;
use engine::ports::Clock;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

pub use login::{LoginCodes, Throttle, by_code as login_by_code, by_token as login_by_token, logout};
pub use sessions::Sessions;

use super::{Problem, State};

pub const COOKIE_NAME: &str = "cordboard_session";

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    Viewer,
    Operator,
    Admin,
}

impl Role {
    pub const fn as_str(self) -> &'static str {
        match self {
            Role::Viewer => "viewer",
            Role::Operator => "operator",
            Role::Admin => "admin",
        }
    }
}

/// Somebody who proved who they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    pub role: Role,
    /// The only tenant they may know of; `None` is all of them.
    pub tenant: Option<TenantId>,
}

impl Identity {
    pub const ADMIN: Identity = Identity { role: Role::Admin, tenant: None };

    /// Refuses whoever may do less than this.
    pub fn at_least(&self, role: Role) -> Result<(), Problem> {
        if self.role >= role {
            return Ok(());
        }
        Err(Problem::forbidden(format!("this wants the role {}, and yours is {}", role.as_str(), self.role.as_str())))
    }

    /// Narrows what was asked for to what may be seen.
    pub fn sees(&self, asked: Option<TenantId>) -> Result<Option<TenantId>, Problem> {
        match (&self.tenant, asked) {
            (None, asked) => Ok(asked),
            (Some(own), None) => Ok(Some(own.clone())),
            (Some(own), Some(asked)) if *own == asked => Ok(Some(asked)),
            _ => Err(Problem::forbidden("this token belongs to another tenant")),
        }
    }
}

/// The keys to the house: the admin token, the sessions it opened, the codes that open one.
pub struct Access {
    admin_token: [u8; 32],
    pub sessions: Sessions,
    pub codes: LoginCodes,
    pub throttle: Throttle,
}

impl Access {
    pub fn new(admin_token: &SecretString, clock: Arc<dyn Clock>) -> Access {
        Access {
            admin_token: Sha256::digest(admin_token.expose_secret()).into(),
            sessions: Sessions::new(Arc::clone(&clock)),
            codes: LoginCodes::new(Arc::clone(&clock)),
            throttle: Throttle::new(clock),
        }
    }

    /// Whose token this is. Compared by digest and in constant time: neither length nor prefix can be felt for.
    fn by_token(&self, token: &str) -> Option<Identity> {
        let given: [u8; 32] = Sha256::digest(token).into();
        bool::from(given.ct_eq(&self.admin_token)).then_some(Identity::ADMIN)
    }

    pub(super) fn identify(&self, headers: &HeaderMap) -> Result<Identity, Problem> {
        let known = match bearer(headers) {
            Some(token) => self.by_token(token),
            None => session_cookie(headers).and_then(|session| self.sessions.find(session)),
        };
        known.ok_or_else(|| Problem::unauthenticated("a bearer token or a session is wanted"))
    }
}

impl FromRequest for Identity {
    type Error = Problem;
    type Future = Ready<Result<Identity, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let state = request.app_data::<web::Data<State>>().expect("every app is built with its state");
        ready(state.access.identify(request.headers()))
    }
}

/// The token of `Authorization: Bearer …`; the scheme in any case, as RFC 9110 §11.1 has it.
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// Whether two secrets are the same, in time that tells nothing of them.
pub fn same_secret(given: &str, wanted: &str) -> bool {
    Sha256::digest(given).ct_eq(&Sha256::digest(wanted)).into()
}

fn session_cookie(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get_all(COOKIE).filter_map(|cookies| cookies.to_str().ok());
    let mut pairs = cookies.flat_map(|cookies| cookies.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == COOKIE_NAME).map(|(_, session)| session)
}

/// 256 random bits in hexadecimal: what opens a session.
fn fresh_secret() -> String {
    hex::encode(rand::random::<[u8; 32]>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_may_do_what_lesser_ones_may() {
        let operator = Identity { role: Role::Operator, tenant: None };
        assert!(operator.at_least(Role::Viewer).is_ok() && operator.at_least(Role::Operator).is_ok());
        assert_eq!(operator.at_least(Role::Admin).unwrap_err().status(), 403);
    }

    #[test]
    fn a_limited_identity_sees_its_tenant_and_no_other() {
        let own = TenantId::parse("acme").unwrap();
        let limited = Identity { role: Role::Viewer, tenant: Some(own.clone()) };
        assert_eq!(limited.sees(None), Ok(Some(own.clone())));
        assert_eq!(limited.sees(Some(own.clone())), Ok(Some(own.clone())));
        assert!(limited.sees(Some(TenantId::parse("other").unwrap())).is_err());
        assert_eq!(Identity::ADMIN.sees(None), Ok(None));
        assert_eq!(Identity::ADMIN.sees(Some(own.clone())), Ok(Some(own)));
    }
}
