//! Whose call a webhook is about: the walls between tenants, checked once, at the door.

use std::borrow::Cow;
use std::sync::Arc;

use actors::tenants::InForce;
use engine::ids::TenantId;
use engine::playbook::{Playbook, Routing};

use super::{Proof, Route, Unauthenticated};

/// The tenant a proven webhook belongs to.
///
/// A tenant's own secret opens that tenant and nothing else: an assistant or number known to another is refused. The
/// deployment's secret opens every tenant that has none of its own. What no playbook knows goes to the tenant of the
/// secret, else to the default tenant. What belonged to a tenant that is retired is refused: it must not end at another.
pub fn tenant_of(proof: &Proof, route: &Route, in_force: &InForce) -> Result<Arc<Playbook>, Unauthenticated> {
    let tenants = tenants(&in_force.playbooks);
    let chosen = match proof {
        Proof::Tenant(id) => of_own_secret(id, route, &tenants),
        Proof::Deployment => of_shared_secret(route, &tenants, &self::tenants(&in_force.retired), &in_force.default),
    };
    chosen.map(|at| in_force.playbooks[at].clone()).ok_or(Unauthenticated)
}

fn tenants(playbooks: &[Arc<Playbook>]) -> Vec<Tenant<'_>> {
    playbooks.iter().map(|playbook| Tenant { id: &playbook.tenant, routing: &playbook.routing }).collect()
}

#[derive(Clone, Copy)]
struct Tenant<'a> {
    id: &'a TenantId,
    routing: &'a Routing,
}

fn of_own_secret(id: &TenantId, route: &Route, tenants: &[Tenant]) -> Option<usize> {
    let own = tenants.iter().position(|t| t.id == id)?;
    let foreign = claims(route, tenants).any(|owners| !owners.is_empty() && !owners.contains(&own));
    (!foreign).then_some(own)
}

fn of_shared_secret(
    route: &Route,
    tenants: &[Tenant],
    retired: &[Tenant],
    default: &Option<TenantId>,
) -> Option<usize> {
    let claimed: Vec<usize> = claims(route, tenants).flatten().collect();
    if claimed.is_empty() && claims(route, retired).any(|owners| !owners.is_empty()) {
        return None;
    }
    let default = || tenants.iter().position(|t| Some(t.id) == default.as_ref());
    let chosen = claimed.first().copied().or_else(default)?;
    let walled = claimed.iter().chain([&chosen]).any(|&at| tenants[at].has_own_secret());
    (!walled).then_some(chosen)
}

/// For each assistant, then each number a webhook names: the tenants that know it.
fn claims<'a>(route: &'a Route, tenants: &'a [Tenant<'a>]) -> impl Iterator<Item = Vec<usize>> + 'a {
    let knowing = |knows: &dyn Fn(&Tenant) -> bool| -> Vec<usize> {
        tenants.iter().enumerate().filter(|(_, t)| knows(t)).map(|(at, _)| at).collect()
    };
    let assistants = route.assistants.iter().map(move |a| knowing(&|t| t.routing.assistants.contains(a)));
    let numbers =
        route.numbers.iter().map(move |n| knowing(&|t| t.routing.numbers.iter().any(|own| same_number(own, n))));
    assistants.chain(numbers)
}

fn same_number(left: &str, right: &str) -> bool {
    (left == right && !left.is_empty()) || digits(left).zip(digits(right)).is_some_and(|(left, right)| left.eq(right))
}

/// What two spellings of one number have in common: `+1 (418) 555-0106` and `14185550106` are one; anything with a
/// letter in it is compared as it is.
pub fn number_key(text: &str) -> Cow<'_, str> {
    digits(text).map_or(Cow::Borrowed(text), |digits| Cow::Owned(digits.collect()))
}

fn digits(text: &str) -> Option<impl Iterator<Item = char>> {
    let dialable = text.chars().all(|c| c.is_ascii_digit() || "+-() .".contains(c));
    let digits = text.chars().filter(char::is_ascii_digit);
    (dialable && digits.clone().count() >= 7).then_some(digits)
}

impl Tenant<'_> {
    fn has_own_secret(&self) -> bool {
        self.routing.secrets.iter().any(|secret| !secret.trim().is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> TenantId {
        TenantId::parse(text).unwrap()
    }

    fn texts(list: &[&str]) -> Vec<Box<str>> {
        list.iter().map(|text| (*text).into()).collect()
    }

    fn routing(assistant: &str, number: &str, secrets: &[&str]) -> Routing {
        Routing { assistants: texts(&[assistant]), numbers: texts(&[number]), secrets: texts(secrets) }
    }

    /// Two tenants with secrets of their own, two without, and one that is retired.
    fn chosen(proof: &str, assistants: &[&str], numbers: &[&str], default: &str) -> Option<&'static str> {
        let names = ["ash", "birch", "open", "pine"];
        let ids: Vec<TenantId> = names.iter().map(|name| id(name)).collect();
        let routings = [
            routing("asst-ash", "+14185550101", &["s-ash"]),
            routing("asst-birch", "+14185550102", &["", "s-birch"]),
            routing("asst-open", "+14185550103", &[]),
            routing("asst-pine", "num-pine", &["  "]),
        ];
        let tenants: Vec<Tenant> = ids.iter().zip(&routings).map(|(id, routing)| Tenant { id, routing }).collect();
        let (gone, its) = (id("gone"), routing("asst-gone", "+14185550109", &[]));
        let retired = [Tenant { id: &gone, routing: &its }];
        let route = Route { assistants: texts(assistants), numbers: texts(numbers) };
        let at = match proof {
            "deployment" => of_shared_secret(&route, &tenants, &retired, &TenantId::parse(default).ok()),
            tenant => of_own_secret(&id(tenant), &route, &tenants),
        };
        at.map(|at| names[at])
    }

    #[test]
    fn a_secret_opens_its_tenant_and_no_other() {
        for (proof, assistants, numbers, expected) in [
            ("ash", &["asst-ash"][..], &["+14185550101"][..], Some("ash")),
            ("ash", &["asst-nobody"], &[], Some("ash")),
            ("ash", &[], &[], Some("ash")),
            ("ash", &["asst-birch"], &[], None),
            ("ash", &[], &["+14185550102"], None),
            ("ash", &["asst-ash"], &["+14185550102"], None),
            ("ash", &["asst-ash", "asst-open"], &[], None),
            ("ash", &[], &["1 418 555-0102"], None),
            ("gone", &[], &[], None),
            ("deployment", &["asst-open"], &[], Some("open")),
            ("deployment", &["asst-pine"], &[], Some("pine")),
            ("deployment", &[], &["num-pine"], Some("pine")),
            ("deployment", &[], &["+1 (418) 555-0103"], Some("open")),
            ("deployment", &["asst-pine"], &["+14185550103"], Some("pine")),
            ("deployment", &["asst-nobody"], &["+14185550199"], Some("open")),
            ("deployment", &["asst-birch"], &[], None),
            ("deployment", &["asst-open"], &["+14185550101"], None),
        ] {
            let got = chosen(proof, assistants, numbers, "open");
            assert_eq!(got, expected, "{proof} {assistants:?} {numbers:?}");
        }
    }

    #[test]
    fn the_default_tenant_has_walls_too() {
        assert_eq!(chosen("deployment", &[], &[], "ash"), None);
        assert_eq!(chosen("deployment", &["asst-pine"], &[], "ash"), Some("pine"));
        assert_eq!(chosen("deployment", &[], &[], "gone"), None);
    }

    #[test]
    fn without_a_default_a_webhook_has_to_name_its_tenant() {
        assert_eq!(chosen("deployment", &[], &[], ""), None);
        assert_eq!(chosen("deployment", &["asst-nobody"], &[], ""), None);
        assert_eq!(chosen("deployment", &["asst-pine"], &[], ""), Some("pine"));
    }

    #[test]
    fn what_a_retired_tenant_left_behind_goes_to_nobody_until_another_claims_it() {
        assert_eq!(chosen("deployment", &["asst-gone"], &[], "open"), None);
        assert_eq!(chosen("deployment", &[], &["1 418 555 0109"], "open"), None);
        assert_eq!(chosen("deployment", &["asst-pine"], &["+14185550109"], "open"), Some("pine"));
    }

    #[test]
    fn identifiers_that_are_no_numbers_are_compared_as_they_are() {
        assert!(same_number("+14185550101", "1-418-555-0101"));
        assert!(!same_number("", ""), "an empty number belongs to nobody");
        assert!(!same_number("12", "1 2"));
        assert!(!same_number("a14185550101", "14185550101"));
    }
}
