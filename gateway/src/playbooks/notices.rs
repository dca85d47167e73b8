//! What is said of playbooks in the log, and counted: each change once, without telephone numbers.

use engine::ids::TenantId;
use engine::phone::without_numbers;
use engine::playbook::PlaybookError;
use metrics::{counter, gauge};

use super::default_tenant::choose;
use super::source::SourceError;
use super::standing::{Entry, Standing, State};

const RELOADS: &str = "cordboard_playbook_reloads_total";

/// Says what a look changed. The first look, from nothing, is no reload.
pub(super) fn changed<'a>(before: &Standing, after: &Standing, removed: impl Iterator<Item = &'a TenantId>) {
    let first = before.entries.is_empty();
    let count = |outcome: &'static str| {
        if !first {
            counter!(RELOADS, "outcome" => outcome).increment(1);
        }
    };
    for entry in after.entries.iter().filter(|entry| is_refused_anew(entry, before)) {
        refused(entry);
        count("refused");
    }
    for entry in after.entries.iter().filter(|entry| !first && is_taken_anew(entry, before)) {
        tracing::info!(tenant = entry.tenant.as_ref().map(TenantId::as_str), file = entry.file, "playbook in force");
        count("loaded");
    }
    for tenant in removed {
        tracing::warn!(%tenant, "playbook gone, its tenant is out of service; its calls may end");
        count("removed");
    }
    if before.entries != after.entries {
        tracing::info!(playbooks = after.summary(), "playbooks read");
    }
    gauges(after);
}

/// For every scrape until the next change.
pub(super) fn gauges(standing: &Standing) {
    for state in State::ALL {
        gauge!("cordboard_playbooks", "state" => state.as_str()).set(standing.count(state) as f64);
    }
}

/// Once, not at every look.
pub(super) fn unread(error: &SourceError) {
    tracing::error!(%error, "playbooks cannot be read, those in force stay");
    counter!(RELOADS, "outcome" => "unreadable").increment(1);
}

fn is_refused_anew(entry: &Entry, before: &Standing) -> bool {
    let known = before.of_file(&entry.file_name);
    entry.error.is_some() && known.is_none_or(|known| known.digest != entry.digest || known.error != entry.error)
}

fn is_taken_anew(entry: &Entry, before: &Standing) -> bool {
    let known = before.entries.iter().find(|known| known.tenant == entry.tenant && known.in_force.is_some());
    entry.state == State::Good
        && known.is_none_or(|known| known.state != State::Good || known.in_force != entry.in_force)
}

fn refused(entry: &Entry) {
    let tenant = entry.tenant.as_ref().map(TenantId::as_str);
    let error = entry.error.as_ref().map(|error| for_the_log(error).to_string());
    match entry.state {
        State::Stale => tracing::error!(tenant, error, "playbook refused, the last good one stays in force"),
        _ => tracing::error!(tenant, error, "playbook refused, and there is no last good one"),
    }
}

/// A number that was mistyped is still somebody's.
fn for_the_log(error: &PlaybookError) -> PlaybookError {
    PlaybookError { key: without_numbers(&error.key).into(), problem: without_numbers(&error.problem), ..error.clone() }
}

/// Who is the default decides where calls go: a change is never silent, and neither is one that a restart would make.
pub(super) fn default_tenant(before: &Standing, after: &Standing, wanted: &str) {
    let name = |tenant: &Option<TenantId>| tenant.as_ref().map(TenantId::to_string).unwrap_or_default();
    let (old, new) = (before.served_default(), after.served_default());
    if new.is_none() && (old.is_some() || before.entries.is_empty()) {
        tracing::warn!(
            "no tenant is the default, so webhooks that name none are refused; `playbooks.default_tenant` sets it"
        );
    } else if old != new {
        tracing::info!(tenant = name(&new), "default tenant");
    }
    let after_restart = |standing: &Standing| choose(wanted, &standing.entries, None);
    let (would_be, was) = (after_restart(after), after_restart(before));
    if new.is_some() && would_be != new && would_be != was {
        let (tenant, then) = (name(&new), name(&would_be));
        tracing::warn!(
            tenant,
            then,
            "the default tenant would be another after a restart; set `playbooks.default_tenant`"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistyped_number_is_not_logged_however_it_is_written() {
        let shipped = include_str!("../../../config/playbooks/harbour-dental.toml");
        for number in ["514-555-0143", "(514) 555-0143", "+1 514 555 0143", "5145550143", "514\u{a0}555\u{a0}0143"] {
            let text = shipped.replacen("+19025550110", number, 1);
            assert_ne!(text, shipped);
            let error = engine::playbook::Playbook::parse(&text, "harbour.toml").unwrap_err();
            assert!(error.to_string().contains("0143"), "whoever writes the playbook sees it: {error}");
            let logged = for_the_log(&error).to_string();
            assert!(logged.contains("is not a telephone number") && !logged.contains("0143"), "{logged}");
        }
    }
}
