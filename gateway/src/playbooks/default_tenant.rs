//! Whose webhook it is when it names no tenant and is proven by the deployment's secret.

use engine::ids::TenantId;

use super::PlaybooksError;
use super::standing::{Entry, Standing};

/// The tenant of the first built-in playbook.
const SHIPPED: &str = "boreal";

/// Who it is: the one the settings name. Else who it was, while it can be reached that way, so that a tenant that is
/// added takes nothing from it. Else the shipped one, if there is a playbook of that tenant. Else the only one that can
/// be it: a tenant with secrets of its own is not opened by the deployment's.
pub(super) fn choose(wanted: &str, entries: &[Entry], current: Option<&TenantId>) -> Option<TenantId> {
    if !wanted.is_empty() {
        return TenantId::parse(wanted).ok();
    }
    let reachable: Vec<&TenantId> = entries.iter().filter(|entry| is_reachable(entry)).filter_map(tenant).collect();
    let shipped = || entries.iter().filter_map(tenant).find(|tenant| tenant.as_str() == SHIPPED);
    let only = || <[&TenantId; 1]>::try_from(reachable.as_slice()).ok().map(|[only]| only);
    current.filter(|current| reachable.contains(current)).or_else(shipped).or_else(only).cloned()
}

fn tenant(entry: &Entry) -> Option<&TenantId> {
    entry.tenant.as_ref()
}

fn is_reachable(entry: &Entry) -> bool {
    let playbook = entry.in_force.as_ref().map(|in_force| &in_force.playbook);
    playbook.is_some_and(|playbook| playbook.routing.secrets.iter().all(|secret| secret.trim().is_empty()))
}

/// Refuses a start without the tenant that is to be the default, or without any.
pub(super) fn serves(wanted: &str, standing: &Standing) -> Result<(), PlaybooksError> {
    let nobody = standing.entries.iter().all(|entry| entry.in_force.is_none());
    let may_be_without = standing.default_tenant.is_none() && wanted.is_empty();
    if standing.served_default().is_some() || (may_be_without && !nobody) {
        return Ok(());
    }
    let concerns = |entry: &&Entry| may_be_without || entry.tenant.is_none() || entry.tenant == standing.default_tenant;
    let errors: Vec<_> = standing.entries.iter().filter(concerns).filter_map(|entry| entry.error.clone()).collect();
    if errors.is_empty() {
        let there: Vec<&str> = standing.entries.iter().filter_map(tenant).map(TenantId::as_str).collect();
        return Err(PlaybooksError::NoDefault { wanted: wanted.to_owned(), there: there.join(", ") });
    }
    Err(PlaybooksError::Bad(errors))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use engine::playbook::{Playbook, Routing};
    use engine::testing::fixtures;
    use engine::time::Timestamp;

    use super::*;
    use crate::playbooks::standing::{InForceSince, State};

    /// `ash`; `ash+` has a secret of its own; `ash-` is refused and has no last good one.
    fn entry(written: &str) -> Entry {
        let tenant = TenantId::parse(written.trim_matches(['+', '-'])).unwrap();
        let secrets = if written.ends_with('+') { vec!["its-own-secret".into()] } else { Vec::new() };
        let routing = Routing { secrets, ..Routing::default() };
        let playbook = Arc::new(Playbook { tenant: tenant.clone(), routing, ..fixtures::playbook() });
        let in_force = Some(InForceSince { playbook, loaded_at: Timestamp::EPOCH });
        Entry {
            tenant: Some(tenant),
            file_name: String::new(),
            file: String::new(),
            state: State::Good,
            in_force: in_force.filter(|_| !written.ends_with('-')),
            error: None,
            names_another: false,
            digest: [0; 32],
        }
    }

    #[test]
    fn the_default_is_who_is_named_who_it_was_boreal_or_the_only_one() {
        for (wanted, written, current, expected) in [
            ("", &["ash"][..], None, Some("ash")),
            ("", &["ash", "birch"], None, None),
            ("", &["ash", "birch+"], None, Some("ash")),
            ("", &["ash", "birch-"], None, Some("ash")),
            ("", &["ash+"], None, None),
            ("", &["ash", "boreal", "cedar"], None, Some("boreal")),
            ("", &["ash", "boreal-"], None, Some("boreal")),
            ("birch", &["ash", "birch", "boreal"], Some("ash"), Some("birch")),
            ("birch", &["ash"], None, Some("birch")),
            ("", &["ash", "birch"], Some("ash"), Some("ash")),
            ("", &["ash", "boreal"], Some("ash"), Some("ash")),
            ("", &["birch"], Some("ash"), Some("birch")),
            ("", &["ash+", "birch"], Some("ash"), Some("birch")),
        ] {
            let entries: Vec<Entry> = written.iter().map(|written| entry(written)).collect();
            let current = current.map(|current| TenantId::parse(current).unwrap());
            let chosen = choose(wanted, &entries, current.as_ref());
            assert_eq!(chosen.as_ref().map(TenantId::as_str), expected, "{wanted:?} {written:?} {current:?}");
        }
    }
}
