//! `/api/playbooks`: where each business's rules stand, and a look at them now.

use actix_web::HttpResponse;
use actix_web::web::{self, Data};
use engine::ids::TenantId;
use engine::playbook::PlaybookError;
use engine::time::Timestamp;
use serde::Serialize;

use super::auth::{Identity, Role};
use super::{Problem, State};
use crate::playbooks::{Entry, Standing};

#[derive(Serialize)]
struct Page<'a> {
    items: Vec<Row<'a>>,
    next: Option<String>,
    /// Why nothing can be read at all, when that is so.
    unread: Option<&'a str>,
}

#[derive(Serialize)]
struct Row<'a> {
    /// `null` when a file that is refused does not say whose it is.
    tenant: Option<&'a TenantId>,
    name: Option<&'a str>,
    file: &'a str,
    /// `good`, `stale` (the last good one is in force) or `out`.
    state: &'static str,
    /// When what is in force was first taken.
    loaded_at: Option<Timestamp>,
    /// Whether webhooks that name no tenant are its.
    default: bool,
    error: Option<Refused<'a>>,
}

/// All that a tenant is told of what another one holds.
const CLAIMED: &str = "something of this is already another tenant's";

#[derive(Serialize)]
struct Refused<'a> {
    file: &'a str,
    line: usize,
    key: &'a str,
    problem: &'a str,
    fix: &'a str,
}

pub async fn list(identity: Identity, state: Data<State>) -> HttpResponse {
    answer(&identity, &state.playbooks.standing())
}

/// Takes the files as they are now, and answers as the list does.
pub async fn reload(identity: Identity, state: Data<State>) -> Result<HttpResponse, Problem> {
    identity.at_least(Role::Operator)?;
    let playbooks = state.playbooks.clone();
    let looked = web::block(move || playbooks.look()).await;
    let standing = looked.map_err(|_| Problem::internal("the playbooks could not be read"))?;
    Ok(answer(&identity, &standing))
}

/// Whoever is limited to a tenant learns nothing of the others.
fn answer(identity: &Identity, standing: &Standing) -> HttpResponse {
    let sees = |entry: &&Entry| identity.tenant.is_none() || identity.tenant == entry.tenant;
    let row = |entry| Row::of(entry, standing.default_tenant.as_ref(), identity);
    let items = standing.entries.iter().filter(sees).map(row).collect();
    HttpResponse::Ok().json(Page { items, next: None, unread: standing.unread.as_deref() })
}

impl<'a> Row<'a> {
    fn of(entry: &'a Entry, default: Option<&TenantId>, identity: &Identity) -> Row<'a> {
        let in_force = entry.in_force.as_ref();
        Row {
            tenant: entry.tenant.as_ref(),
            name: in_force.map(|in_force| in_force.playbook.name.as_ref()),
            file: &entry.file,
            state: entry.state.as_str(),
            loaded_at: in_force.map(|in_force| in_force.loaded_at),
            default: in_force.is_some() && entry.tenant.as_ref() == default,
            error: entry
                .error
                .as_ref()
                .map(|error| Refused::of(error, entry.names_another && identity.tenant.is_some())),
        }
    }
}

impl<'a> Refused<'a> {
    /// `walled`: what it says of another tenant is left out.
    fn of(error: &'a PlaybookError, walled: bool) -> Refused<'a> {
        let PlaybookError { file, line, key, problem, fix } = error;
        let problem = if walled { CLAIMED } else { problem };
        Refused { file, line: *line, key, problem, fix }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_is_not_told_whose_the_thing_is_that_it_may_not_claim() {
        let ash = TenantId::parse("ash").unwrap();
        let error = PlaybookError {
            file: "ash.toml".into(),
            line: 7,
            key: "routing.numbers".into(),
            problem: "the number •••0142 of the tenant `ash` is already that of `birch` (birch.toml)".into(),
            fix: "leave it to one of the two".into(),
        };
        let entry = Entry::contested(ash.clone(), error);
        let problem = |tenant| {
            let identity = Identity { tenant, ..Identity::ADMIN };
            serde_json::to_value(Row::of(&entry, None, &identity)).unwrap()["error"]["problem"].to_string()
        };
        assert!(problem(None).contains("birch"));
        assert!(!problem(Some(ash)).contains("birch"));
    }
}
