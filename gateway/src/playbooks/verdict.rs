//! From what the files say and what was in force, to what is in force now. Pure: the same in, the same out.
//!
//! A file is one tenant's. While it is there and says nothing else, it stays that tenant's, whatever is wrong with it;
//! so a bad edit never takes a tenant out, and a copy somebody leaves beside it never takes over. Then no assistant,
//! number or secret may be two tenants': what was in force keeps it against what is new, and among the new the first in
//! the order of the files. Who loses keeps its last good playbook.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use engine::ids::TenantId;
use engine::phone::mask;
use engine::playbook::{Playbook, PlaybookError};
use engine::time::Timestamp;

use super::draft::Draft;
use super::standing::{Entry, InForceSince, State};
use crate::platforms::number_key;

/// The last good playbook of a tenant.
#[derive(Clone, Debug)]
pub(super) struct Incumbent {
    /// The name of the file it was read from.
    pub file: String,
    pub digest: [u8; 32],
    pub playbook: Arc<Playbook>,
    pub loaded_at: Timestamp,
}

pub(super) type Incumbents = BTreeMap<TenantId, Incumbent>;

#[derive(Debug, Default)]
pub(super) struct Verdict {
    /// One per file, in their order.
    pub entries: Vec<Entry>,
    /// In force from now on.
    pub served: Incumbents,
    /// Their file is theirs still, but neither it nor their last good playbook can be in force.
    pub waiting: Incumbents,
    /// No file is theirs any more.
    pub removed: Incumbents,
}

pub(super) fn decide(drafts: &[Draft], incumbents: &Incumbents, now: Timestamp) -> Verdict {
    let owners = owners(drafts, incumbents);
    let mut seats: Vec<Seat> =
        owners.into_iter().map(|(tenant, at)| Seat::of(tenant, at, drafts, incumbents)).collect();
    seats.sort_by_key(|seat| seat.at);
    while let Some((loser, why)) = conflict(&seats) {
        seats[loser].step_down(why);
    }
    let mut verdict = Verdict::default();
    verdict.removed.extend(incumbents.clone());
    for seat in &seats {
        let old = verdict.removed.remove(&seat.tenant);
        match seat.holder(now) {
            Some(holder) => drop(verdict.served.insert(seat.tenant.clone(), holder)),
            None => verdict.waiting.extend(old.map(|old| (seat.tenant.clone(), old))),
        }
    }
    verdict.entries = entries(drafts, &seats, &verdict.served);
    verdict
}

/// Whose each file is: for each tenant, the place of one draft.
fn owners(drafts: &[Draft], incumbents: &Incumbents) -> BTreeMap<TenantId, usize> {
    let mut owners = BTreeMap::new();
    let mut taken = vec![false; drafts.len()];
    let mut take = |tenant: &TenantId, at: usize| {
        if !taken[at] && !owners.contains_key(tenant) {
            taken[at] = true;
            owners.insert(tenant.clone(), at);
        }
    };
    for (tenant, incumbent) in incumbents {
        let still_theirs = |draft: &Draft| match &draft.parsed {
            Ok(playbook) => playbook.tenant == *tenant,
            Err(_) => true,
        };
        let its = drafts.iter().position(|draft| draft.file.name == incumbent.file && still_theirs(draft));
        its.into_iter().for_each(|at| take(tenant, at));
    }
    for good in [true, false] {
        for (at, draft) in drafts.iter().enumerate().filter(|(_, draft)| draft.parsed.is_ok() == good) {
            draft.tenant().iter().for_each(|tenant| take(tenant, at));
        }
    }
    owners
}

/// A tenant, its file, and which of its playbooks is to be in force.
struct Seat<'a> {
    tenant: TenantId,
    at: usize,
    draft: &'a Draft,
    old: Option<&'a Incumbent>,
    choice: Choice,
    error: Option<PlaybookError>,
    /// The error is about a claim that is another tenant's.
    names_another: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Choice {
    New,
    Old,
    Nothing,
}

impl<'a> Seat<'a> {
    fn of(tenant: TenantId, at: usize, drafts: &'a [Draft], incumbents: &'a Incumbents) -> Seat<'a> {
        let (draft, old) = (&drafts[at], incumbents.get(&tenant));
        let same = old.is_some_and(|old| old.digest == draft.file.digest);
        let choice = match draft.parsed {
            Ok(_) if !same => Choice::New,
            _ if old.is_some() => Choice::Old,
            _ => Choice::Nothing,
        };
        Seat { tenant, at, draft, old, choice, error: draft.parsed.as_ref().err().cloned(), names_another: false }
    }

    fn playbook(&self) -> Option<&'a Arc<Playbook>> {
        match self.choice {
            Choice::New => self.draft.parsed.as_ref().ok(),
            Choice::Old => self.old.map(|old| &old.playbook),
            Choice::Nothing => None,
        }
    }

    fn step_down(&mut self, why: PlaybookError) {
        self.choice = if self.choice == Choice::New && self.old.is_some() { Choice::Old } else { Choice::Nothing };
        if self.error.is_none() {
            self.error = Some(why);
            self.names_another = true;
        }
    }

    /// Who is in force in this seat, known by the file of today.
    fn holder(&self, now: Timestamp) -> Option<Incumbent> {
        let file = self.draft.file.name.clone();
        match (self.choice, self.old) {
            (Choice::Old, Some(old)) => Some(Incumbent { file, ..old.clone() }),
            _ => {
                let playbook = self.playbook()?.clone();
                Some(Incumbent { file, digest: self.draft.file.digest, playbook, loaded_at: now })
            }
        }
    }
}

/// What only one tenant may claim.
#[derive(PartialEq, Eq, Hash)]
enum Claim<'a> {
    Assistant(&'a str),
    Number(Cow<'a, str>),
    Secret(&'a str),
}

/// The first seat that claims what another holds, and why it may not. What was in force is looked at first.
fn conflict(seats: &[Seat]) -> Option<(usize, PlaybookError)> {
    let mut order: Vec<usize> = (0..seats.len()).collect();
    order.sort_by_key(|&at| seats[at].choice == Choice::New);
    let mut holders: HashMap<Claim, usize> = HashMap::new();
    for at in order {
        let Some(playbook) = seats[at].playbook() else { continue };
        for (claim, written) in claims(playbook) {
            let key = claim.key();
            let holder = *holders.entry(claim).or_insert(at);
            if holder != at {
                return Some((at, seats[at].refuse_claim(key, written, &seats[holder])));
            }
        }
    }
    None
}

/// Each claim, and how it is written.
fn claims(playbook: &Playbook) -> impl Iterator<Item = (Claim<'_>, &str)> {
    let routing = &playbook.routing;
    let assistants = routing.assistants.iter().map(|id| (Claim::Assistant(id), id.as_ref()));
    let numbers = routing.numbers.iter().map(|number| (Claim::Number(number_key(number)), number.as_ref()));
    let secrets = routing.secrets.iter().map(|secret| (Claim::Secret(secret), secret.as_ref()));
    assistants.chain(numbers).chain(secrets).filter(|(_, written)| !written.trim().is_empty())
}

impl Claim<'_> {
    fn key(&self) -> &'static str {
        match self {
            Claim::Assistant(_) => "routing.assistants",
            Claim::Number(_) => "routing.numbers",
            Claim::Secret(_) => "routing.secrets",
        }
    }
}

impl Seat<'_> {
    /// Names both tenants. Numbers are masked and secrets are not written, because this goes to the log.
    fn refuse_claim(&self, key: &'static str, written: &str, holder: &Seat) -> PlaybookError {
        let what = match key {
            "routing.secrets" => "a secret".to_owned(),
            "routing.numbers" => format!("the number {}", mask(written)),
            _ => format!("the assistant {written:?}"),
        };
        let (tenant, other, file) = (&self.tenant, &holder.tenant, &holder.draft.file.name);
        let problem = format!("{what} of the tenant `{tenant}` is already that of `{other}` ({file})");
        self.draft.refuse(written, key, problem, "leave it to one of the two")
    }
}

impl Draft {
    fn refuse_second(&self, tenant: &TenantId, first: &Draft) -> PlaybookError {
        let problem = format!("the tenant `{tenant}` already has the playbook {}", first.file.name);
        self.refuse("tenant", "tenant", problem, "remove one of the two files, or give this one its own tenant")
    }
}

fn entries(drafts: &[Draft], seats: &[Seat], served: &Incumbents) -> Vec<Entry> {
    let entry = |(at, draft): (usize, &Draft)| match seats.iter().find(|seat| seat.at == at) {
        Some(seat) => of_seat(seat, served.get(&seat.tenant)),
        None => turned_away(draft, seats),
    };
    drafts.iter().enumerate().map(entry).collect()
}

fn of_seat(seat: &Seat, holder: Option<&Incumbent>) -> Entry {
    let state = match (&holder, &seat.error) {
        (None, _) => State::Out,
        (Some(_), Some(_)) => State::Stale,
        (Some(_), None) => State::Good,
    };
    let in_force = holder.map(|held| InForceSince { playbook: held.playbook.clone(), loaded_at: held.loaded_at });
    let (tenant, names_another) = (Some(seat.tenant.clone()), seat.names_another);
    Entry { tenant, state, in_force, names_another, ..blank(seat.draft, seat.error.clone()) }
}

/// A file that is nobody's: its tenant has another, or it does not say which tenant it means.
fn turned_away(draft: &Draft, seats: &[Seat]) -> Entry {
    let tenant = draft.tenant();
    let first = seats.iter().find(|seat| Some(&seat.tenant) == tenant.as_ref());
    let second = || first.map(|first| draft.refuse_second(&first.tenant, first.draft));
    let error = draft.parsed.as_ref().err().cloned().or_else(second);
    Entry { tenant, ..blank(draft, error) }
}

fn blank(draft: &Draft, error: Option<PlaybookError>) -> Entry {
    Entry {
        tenant: None,
        file_name: draft.file.name.clone(),
        file: draft.file.path.clone(),
        state: State::Out,
        in_force: None,
        error,
        names_another: false,
        digest: draft.file.digest,
    }
}

#[cfg(test)]
#[path = "verdict_tests.rs"]
mod tests;
