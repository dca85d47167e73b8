//! What list URLs take after the question mark.

use actix_web::web::QueryConfig;
use actors::tenants::Tenants;
use engine::ids::TenantId;

use super::Problem;
use super::auth::Identity;

const DEFAULT_LIMIT: usize = 100;
const MAX_LIMIT: usize = 500;

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

    #[test]
    fn a_limit_is_between_one_and_five_hundred() {
        assert_eq!(limit(None), Ok(DEFAULT_LIMIT));
        assert_eq!(limit(Some("500")), Ok(500));
        for bad in ["0", "501", "-1", "many", ""] {
            assert!(limit(Some(bad)).is_err(), "{bad}");
        }
    }
}
