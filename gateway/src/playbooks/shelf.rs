//! Owns the playbooks of a server: what was read, what is in force, what was last good. A look reads the files, has the
//! verdict, and carries it out in one step; whoever is not concerned by a change keeps the very playbook it had.
//! Looks come one after the other. What a crash loses is read again at the next start.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use actors::tenants::{InForce, Tenants};
use arc_swap::ArcSwap;
use engine::alert::Links;
use engine::ids::TenantId;
use engine::playbook::{Playbook, Shifts};
use engine::ports::Clock;
use parking_lot::Mutex;

use super::draft::{Draft, Parsed};
use super::last_good::LastGood;
use super::source::{Source, SourceError, SourceFile};
use super::standing::Standing;
use super::verdict::{self, Incumbents, Verdict};
use super::{PlaybooksError, default_tenant, notices};
use crate::settings::Playbooks;

/// Told of what is in force, before anybody else, whenever it changes.
type Listener = Box<dyn Fn(&InForce) + Send + Sync>;

pub struct Shelf {
    pub tenants: Tenants,
    source: Source,
    wanted_default: String,
    last_good: Option<LastGood>,
    clock: Arc<dyn Clock>,
    /// Makes the links of alerts, for every playbook that is served.
    links: Option<Links>,
    /// Shifts that were taken over, as they stand.
    pub shifts: Shifts,
    listener: Listener,
    memory: Mutex<Memory>,
    standing: ArcSwap<Standing>,
}

/// The names of all files, and what was in them.
type Fingerprint = Vec<(String, [u8; 32])>;

#[derive(Default)]
struct Memory {
    /// What became of a file's text, so that only what changed is read again.
    parsed: HashMap<String, ([u8; 32], Parsed)>,
    /// The last good playbook of each tenant that has a file.
    incumbents: Incumbents,
    /// Tenants taken out of service.
    retired: Incumbents,
    /// What the last verdict that was carried out was about.
    seen: Fingerprint,
    /// What the last look found, when that was something else.
    unsettled: Option<Fingerprint>,
}

/// What a look comes to, not yet carried out.
struct Ruling {
    drafts: Vec<Draft>,
    verdict: Verdict,
    standing: Standing,
}

impl Shelf {
    /// Reads everything for the first time. A file that is refused keeps out only its own tenant, and that only when
    /// there is no last good playbook of it; but the default tenant must be there.
    pub fn open(
        settings: &Playbooks,
        last_good: LastGood,
        clock: Arc<dyn Clock>,
        links: Option<Links>,
        listener: impl Fn(&InForce) + Send + Sync + 'static,
    ) -> Result<Shelf, PlaybooksError> {
        let source = Source::of(&settings.dir);
        // What is built in is always good.
        let last_good = Some(last_good).filter(|_| source != Source::BuiltIn);
        let kept = |read: fn(&LastGood) -> Incumbents| last_good.as_ref().map(read).unwrap_or_default();
        let memory = Memory { incumbents: kept(LastGood::kept), retired: kept(LastGood::removed), ..Memory::default() };
        let shelf = Shelf {
            tenants: Tenants::default(),
            source,
            wanted_default: settings.default_tenant.clone(),
            last_good,
            clock,
            links,
            shifts: Shifts::default(),
            listener: Box::new(listener),
            memory: Mutex::new(memory),
            standing: ArcSwap::default(),
        };
        let files = shelf.source.read()?;
        let mut memory = shelf.memory.lock();
        let ruling = shelf.rule(files, &mut memory);
        // A start that is refused says one thing and changes nothing.
        default_tenant::serves(&shelf.wanted_default, &ruling.standing)?;
        shelf.carry_out(ruling, &mut memory);
        drop(memory);
        Ok(shelf)
    }

    pub fn standing(&self) -> Arc<Standing> {
        self.standing.load_full()
    }

    /// Whether there is anything that could change.
    pub fn is_built_in(&self) -> bool {
        self.source == Source::BuiltIn
    }

    /// Reads the files and takes them as they are. Blocks on the disk.
    pub fn look(&self) -> Arc<Standing> {
        let mut memory = self.memory.lock();
        match self.source.read() {
            Ok(files) => self.settle(files, &mut memory),
            Err(error) => self.unread(&error),
        }
        self.standing()
    }

    /// Reads the files and takes them once two looks in a row found the same: one that is being written is left alone.
    /// True when it is worth looking again soon. Blocks on the disk.
    pub fn glance(&self) -> bool {
        let mut memory = self.memory.lock();
        let files = match self.source.read() {
            Ok(files) => files,
            Err(error) => {
                self.unread(&error);
                return false;
            }
        };
        let found = fingerprint(files.iter());
        if found == memory.seen && self.standing.load().unread.is_none() {
            memory.unsettled = None;
            return false;
        }
        if memory.unsettled.as_ref() != Some(&found) {
            memory.unsettled = Some(found);
            return true;
        }
        self.settle(files, &mut memory);
        false
    }

    /// Nothing changes while the directory cannot be read: it may be a volume that is being mounted.
    fn unread(&self, error: &SourceError) {
        let before = self.standing();
        let unread = Some(error.to_string());
        if before.unread != unread {
            notices::unread(error);
            self.standing.store(Arc::new(Standing { unread, ..Standing::clone(&before) }));
        }
    }

    fn settle(&self, files: Vec<SourceFile>, memory: &mut Memory) {
        let ruling = self.rule(files, memory);
        self.carry_out(ruling, memory);
    }

    fn rule(&self, files: Vec<SourceFile>, memory: &mut Memory) -> Ruling {
        let drafts = memory.read(files);
        let mut verdict = verdict::decide(&drafts, &memory.incumbents, self.clock.now());
        let entries = std::mem::take(&mut verdict.entries);
        let current = self.standing.load().default_tenant.clone();
        let default_tenant = default_tenant::choose(&self.wanted_default, &entries, current.as_ref());
        Ruling { drafts, verdict, standing: Standing { entries, unread: None, default_tenant } }
    }

    /// On disk before it is in force. A disk that fails takes nothing out of service; only a restart would miss it.
    fn keep(&self, drafts: &[Draft], verdict: &Verdict, memory: &Memory) {
        let Some(last_good) = &self.last_good else { return };
        for (tenant, now) in &verdict.served {
            let known =
                memory.incumbents.get(tenant).is_some_and(|old| old.digest == now.digest && old.file == now.file);
            let text = drafts.iter().find(|draft| draft.file.name == now.file && draft.file.digest == now.digest);
            if let Some(text) = text.filter(|_| !known).and_then(|draft| draft.file.text.as_ref().ok()) {
                self.not_kept(tenant, last_good.keep(tenant, &now.file, text));
            }
        }
        for tenant in verdict.removed.keys() {
            self.not_kept(tenant, last_good.retire(tenant));
        }
    }

    fn not_kept(&self, tenant: &TenantId, done: io::Result<()>) {
        if let Err(error) = done {
            tracing::error!(%tenant, %error, "last good playbook not kept, a restart would not find it");
        }
    }

    /// The files count as seen when everything is done: if this breaks off, the next look does it again.
    fn carry_out(&self, Ruling { drafts, verdict, standing }: Ruling, memory: &mut Memory) {
        self.keep(&drafts, &verdict, memory);
        let Verdict { mut served, mut waiting, removed, .. } = verdict;
        served.values_mut().chain(waiting.values_mut()).for_each(|held| self.lend(&mut held.playbook));
        notices::changed(&self.standing.load(), &standing, removed.keys());
        notices::default_tenant(&self.standing.load(), &standing, &self.wanted_default);
        memory.retired.extend(removed);
        memory.retired.retain(|tenant, _| !served.contains_key(tenant));
        let in_force = InForce {
            playbooks: served.values().map(|held| held.playbook.clone()).collect(),
            retired: memory.retired.values().chain(waiting.values()).map(|held| held.playbook.clone()).collect(),
            default: standing.default_tenant.clone(),
        };
        memory.incumbents = served;
        memory.incumbents.extend(waiting);
        (self.listener)(&in_force);
        self.tenants.put(in_force);
        self.standing.store(Arc::new(standing));
        memory.seen = fingerprint(drafts.iter().map(|draft| &draft.file));
        memory.unsettled = None;
    }
}

impl Shelf {
    /// Once: whoever is not concerned by a change keeps the very playbook it had.
    fn lend(&self, playbook: &mut Arc<Playbook>) {
        if !playbook.shifts.are(&self.shifts) {
            let (links, shifts) = (self.links.clone(), self.shifts.clone());
            *playbook = Arc::new(Playbook { links, shifts, ..Playbook::clone(playbook) });
        }
    }
}

impl Memory {
    /// Parses what changed and forgets what is gone.
    fn read(&mut self, files: Vec<SourceFile>) -> Vec<Draft> {
        let mut known = std::mem::take(&mut self.parsed);
        let read = |file: SourceFile| match known.remove(&file.name) {
            Some((digest, parsed)) if digest == file.digest => Draft { file, parsed },
            _ => Draft::read(file),
        };
        let drafts: Vec<Draft> = files.into_iter().map(read).collect();
        let parsed = |draft: &Draft| (draft.file.name.clone(), (draft.file.digest, draft.parsed.clone()));
        self.parsed = drafts.iter().map(parsed).collect();
        drafts
    }
}

fn fingerprint<'a>(files: impl Iterator<Item = &'a SourceFile>) -> Fingerprint {
    files.map(|file| (file.name.clone(), file.digest)).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::path::Path;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use engine::ports::SystemClock;
    use tempfile::TempDir;

    use super::*;

    const HARBOUR: &str = include_str!("../../tests/stories/playbooks/harbour.toml");

    /// A shelf of the clinic's playbook, and how often somebody was told of a change.
    fn opened(root: &TempDir) -> (Shelf, Arc<AtomicUsize>) {
        let told = Arc::new(AtomicUsize::new(0));
        let count = told.clone();
        let listener = move |_: &InForce| {
            count.fetch_add(1, Ordering::SeqCst);
        };
        (opened_with(root, listener), told)
    }

    fn opened_with(root: &TempDir, listener: impl Fn(&InForce) + Send + Sync + 'static) -> Shelf {
        let (dir, kept) = (root.path().join("playbooks"), root.path().join("kept"));
        fs::create_dir_all(&dir).unwrap();
        fs::create_dir_all(&kept).unwrap();
        fs::write(dir.join("harbour.toml"), HARBOUR).unwrap();
        let settings = Playbooks { dir: dir.display().to_string(), default_tenant: "harbour".to_owned(), poll_s: 0 };
        Shelf::open(&settings, LastGood::new(kept), Arc::new(SystemClock), None, listener).unwrap()
    }

    fn writes(root: &TempDir, text: &str) {
        fs::write(Path::new(root.path()).join("playbooks/harbour.toml"), text).unwrap();
    }

    /// Another clinic's.
    fn bay() -> String {
        HARBOUR.replace("harbour", "bay")
    }

    fn name(shelf: &Shelf) -> String {
        shelf.tenants.in_force().playbooks[0].name.to_string()
    }

    #[test]
    fn a_file_that_is_being_written_is_left_alone_until_it_rests() {
        let root = TempDir::new().unwrap();
        let (shelf, told) = opened(&root);
        assert!(!shelf.glance(), "nothing changed");
        let renamed = |name: &str| HARBOUR.replace("Harbour Clinic", name);
        writes(&root, &renamed("Half"));
        assert!(shelf.glance());
        writes(&root, &renamed("Whole"));
        assert!(shelf.glance(), "it is still being written");
        assert_eq!(name(&shelf), "Harbour Clinic");
        assert!(!shelf.glance());
        assert_eq!(name(&shelf), "Whole");
        assert_eq!(told.load(Ordering::SeqCst), 2, "once at the start, and once for all of this");
    }

    #[test]
    fn a_file_an_editor_moved_away_for_a_moment_never_left() {
        let root = TempDir::new().unwrap();
        let (shelf, told) = opened(&root);
        let (file, aside) = (root.path().join("playbooks/harbour.toml"), root.path().join("playbooks/harbour.toml~"));
        fs::write(root.path().join("playbooks/bay.toml"), bay()).unwrap();
        shelf.look();
        fs::rename(&file, &aside).unwrap();
        assert!(shelf.glance());
        fs::rename(&aside, &file).unwrap();
        assert!(!shelf.glance());
        assert_eq!(told.load(Ordering::SeqCst), 2, "at the start, and when the other was added");
        assert_eq!(shelf.standing().served(), 2);
    }

    #[test]
    fn a_change_that_broke_off_is_made_at_the_next_look() {
        let root = TempDir::new().unwrap();
        let calls = AtomicUsize::new(0);
        let shelf = opened_with(&root, move |_| assert_ne!(calls.fetch_add(1, Ordering::SeqCst), 1, "the second time"));
        writes(&root, &HARBOUR.replace("Harbour Clinic", "Bay Clinic"));
        assert!(shelf.glance());
        assert!(catch_unwind(AssertUnwindSafe(|| shelf.glance())).is_err());
        assert_eq!(name(&shelf), "Harbour Clinic");
        shelf.glance();
        shelf.glance();
        assert_eq!(name(&shelf), "Bay Clinic");
    }

    #[test]
    fn a_disk_that_keeps_nothing_takes_nothing_out_of_service() {
        let root = TempDir::new().unwrap();
        let (shelf, _) = opened(&root);
        fs::remove_dir_all(root.path().join("kept")).unwrap();
        writes(&root, &HARBOUR.replace("Harbour Clinic", "Bay Clinic"));
        shelf.look();
        assert_eq!(name(&shelf), "Bay Clinic");
    }

    #[test]
    fn who_is_not_concerned_keeps_the_very_playbook_it_had() {
        let root = TempDir::new().unwrap();
        let (shelf, _) = opened(&root);
        let before = shelf.tenants.in_force().playbooks[0].clone();
        fs::write(root.path().join("playbooks/bay.toml"), bay()).unwrap();
        shelf.look();
        let after = shelf.tenants.in_force();
        assert_eq!(after.playbooks.len(), 2);
        assert!(Arc::ptr_eq(&after.playbooks[1], &before));
    }
}
