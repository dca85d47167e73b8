//! Where each playbook stands, as people and programs are told.

use std::sync::Arc;

use engine::ids::TenantId;
use engine::playbook::{Playbook, PlaybookError};
use engine::time::Timestamp;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// In force as it is written.
    Good,
    /// What is written is refused; the last good one is in force.
    Stale,
    /// What is written is refused, and nothing is in force instead.
    Out,
}

impl State {
    pub const ALL: [State; 3] = [State::Good, State::Stale, State::Out];

    pub const fn as_str(self) -> &'static str {
        match self {
            State::Good => "good",
            State::Stale => "stale",
            State::Out => "out",
        }
    }
}

/// One file and what became of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// `None` when a file that is refused does not say whose it is.
    pub tenant: Option<TenantId>,
    /// Within its directory.
    pub file_name: String,
    /// With its directory.
    pub file: String,
    pub state: State,
    /// In force, if any is: what is written, or the last good one.
    pub in_force: Option<InForceSince>,
    pub error: Option<PlaybookError>,
    /// The error names another tenant and its file: not for those who may know of this one only.
    pub names_another: bool,
    pub(super) digest: [u8; 32],
}

#[cfg(test)]
impl Entry {
    /// A file that is refused because it claims what is another tenant's.
    pub fn contested(tenant: TenantId, error: PlaybookError) -> Entry {
        Entry {
            tenant: Some(tenant),
            file_name: error.file.to_string(),
            file: error.file.to_string(),
            state: State::Out,
            in_force: None,
            error: Some(error),
            names_another: true,
            digest: [0; 32],
        }
    }
}

#[derive(Clone, Debug)]
pub struct InForceSince {
    pub playbook: Arc<Playbook>,
    pub loaded_at: Timestamp,
}

impl PartialEq for InForceSince {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.playbook, &other.playbook) && self.loaded_at == other.loaded_at
    }
}

/// Where all of them stand, in the order of their files.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Standing {
    pub entries: Vec<Entry>,
    /// Why the directory cannot be read at all. Then nothing changes: what was in force stays.
    pub unread: Option<String>,
    pub default_tenant: Option<TenantId>,
}

impl Standing {
    /// How many tenants have a playbook in force.
    pub fn served(&self) -> usize {
        self.entries.iter().filter(|entry| entry.in_force.is_some()).count()
    }

    pub fn count(&self, state: State) -> usize {
        self.entries.iter().filter(|entry| entry.state == state).count()
    }

    /// `2 in force (boreal, harbour)`.
    pub fn summary(&self) -> String {
        const NAMED: usize = 6;
        let serving = self.entries.iter().filter(|entry| entry.in_force.is_some());
        let names: Vec<&str> =
            serving.filter_map(|entry| entry.tenant.as_ref()).map(TenantId::as_str).take(NAMED).collect();
        let more = if self.served() > NAMED { ", …" } else { "" };
        let refused = self.entries.iter().filter(|entry| entry.error.is_some()).count();
        let refused = if refused == 0 { String::new() } else { format!(", {refused} refused") };
        format!("{} in force{refused} ({}{more})", self.served(), names.join(", "))
    }

    /// Where to look, for anybody: `harbour.toml:12` of each that is refused, and nothing that is written there.
    pub fn troubles(&self) -> Vec<String> {
        let refused = self.entries.iter().filter_map(|entry| Some((&entry.file_name, entry.error.as_ref()?.line)));
        let unread = self.unread.as_ref().map(|_| "the directory cannot be read".to_owned());
        refused.map(|(file, line)| format!("{file}:{line}")).chain(unread).collect()
    }

    /// Every refusal, in the order of the files.
    pub fn errors(&self) -> Vec<PlaybookError> {
        self.entries.iter().filter_map(|entry| entry.error.clone()).collect()
    }

    /// The default tenant, if it is in force.
    pub fn served_default(&self) -> Option<TenantId> {
        let served = self.entries.iter().filter(|entry| entry.in_force.is_some());
        let mut tenants = served.filter_map(|entry| entry.tenant.as_ref());
        tenants.find(|tenant| Some(*tenant) == self.default_tenant.as_ref()).cloned()
    }

    pub(super) fn of_file(&self, name: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.file_name == name)
    }
}
