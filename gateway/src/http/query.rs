//! What list URLs take after the question mark.

use std::future::{Ready, ready};
use std::ops::Deref;

use actix_web::dev::Payload;
use actix_web::web::{Query, QueryConfig};
use actix_web::{FromRequest, HttpRequest};
use actors::tenants::Tenants;
use engine::ids::TenantId;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::Problem;
use super::auth::Identity;
use super::error::FieldError;

const DEFAULT_LIMIT: usize = 100;
const MAX_LIMIT: usize = 500;

/// Of what a client wrote, so much is said again.
const ECHOED_CHARS: usize = 40;

/// What was asked after the question mark: each key known to `T`, and none twice. Whoever writes `prioritiy=P1` is told
/// so, instead of being shown every call.
#[derive(Debug)]
pub struct Asked<T>(pub T);

impl<T> Deref for Asked<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: DeserializeOwned> FromRequest for Asked<T> {
    type Error = Problem;
    type Future = Ready<Result<Asked<T>, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(asked(request.query_string()).map(Asked))
    }
}

fn asked<T: DeserializeOwned>(query: &str) -> Result<T, Problem> {
    let pairs = Query::<Vec<(String, String)>>::from_query(query);
    let pairs = pairs.map_err(|bad| Problem::unprocessable("query", bad.to_string()))?.into_inner();
    let mut asked = Map::with_capacity(pairs.len());
    for (key, value) in pairs {
        if asked.insert(key.clone(), Value::String(value)).is_some() {
            return Err(Problem::unprocessable(echoed(&key), "said twice"));
        }
    }
    serde_path_to_error::deserialize(Value::Object(asked)).map_err(|bad| {
        let why: String = bad.inner().to_string().chars().take(400).collect();
        Problem::unprocessable(echoed(&bad.path().to_string()), why)
    })
}

fn echoed(key: &str) -> String {
    key.chars().take(ECHOED_CHARS).collect()
}

/// Takes what could be understood, and notes what could not, so that all of it is said at once.
pub fn kept<T>(result: Result<T, Problem>, wrong: &mut Vec<FieldError>) -> Option<T> {
    result.map_err(|problem| wrong.extend(problem.into_fields())).ok()
}

/// What is left empty was not asked for.
pub fn given(value: Option<&String>) -> Option<&str> {
    value.map(|text| text.trim()).filter(|text| !text.is_empty())
}

/// A query that does not parse is the client's fault, said in our form.
pub fn strict() -> QueryConfig {
    QueryConfig::default().error_handler(|error, _| Problem::unprocessable("query", error.to_string()).into())
}

/// `limit`, 1 to 500.
pub fn limit(given: Option<&str>) -> Result<usize, Problem> {
    let Some(text) = given else { return Ok(DEFAULT_LIMIT) };
    match text.parse() {
        Ok(limit) if (1..=MAX_LIMIT).contains(&limit) => Ok(limit),
        _ => Err(Problem::unprocessable("limit", format!("a number from 1 to {MAX_LIMIT}"))),
    }
}

pub fn tenant(given: Option<&str>) -> Result<Option<TenantId>, Problem> {
    let parse = |text| TenantId::parse(text).map_err(|bad| Problem::unprocessable("tenant", bad.to_string()));
    given.filter(|text| !text.is_empty()).map(parse).transpose()
}

/// The one tenant a request is about: the one it names, else the default. `wanted` says what it is for.
pub fn one_tenant(
    identity: &Identity,
    given: Option<&str>,
    tenants: &Tenants,
    wanted: &'static str,
) -> Result<TenantId, Problem> {
    let named = identity.sees(tenant(given)?)?;
    let meant = named.or_else(|| tenants.in_force().default.clone());
    meant.ok_or_else(|| Problem::unprocessable("tenant", wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Which {
        tenant: Option<String>,
        limit: Option<String>,
    }

    #[test]
    fn a_key_nobody_knows_is_named_and_so_is_one_said_twice() {
        let fields = |query: &str| -> Vec<String> {
            let problem = asked::<Which>(query).expect_err(query);
            problem.into_fields().into_iter().map(|error| error.field.into_owned()).collect()
        };
        assert_eq!(fields("limit=5&prioritiy=P1"), ["prioritiy"]);
        assert_eq!(fields("limit=5&limit=6"), ["limit"]);
        assert_eq!(fields(&format!("{}=1", "x".repeat(999))), ["x".repeat(ECHOED_CHARS)]);
        let known = Which { tenant: Some("a b".to_owned()), limit: None };
        assert_eq!(asked::<Which>("tenant=a%20b"), Ok(known));
        assert_eq!(asked::<Which>(""), Ok(Which { tenant: None, limit: None }));
    }

    #[test]
    fn a_limit_is_between_one_and_five_hundred() {
        assert_eq!(limit(None), Ok(DEFAULT_LIMIT));
        assert_eq!(limit(Some("500")), Ok(500));
        for bad in ["0", "501", "-1", "many", ""] {
            assert!(limit(Some(bad)).is_err(), "{bad}");
        }
    }
}
