//! A disk with a cache in front: what was synced is there after the power failed; of the rest any part may be, in any
//! order, torn at the borders of sectors, with any size the file had since. Names follow each other as in the journal of
//! a file system: the first of them, up to any.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use rand::RngExt;
use rand::rngs::StdRng;

use super::record::{Change, FileId, Step};

/// Of how many bytes a disk writes all or none.
const SECTORS: [u64; 2] = [512, 4096];
/// How much of what was not synced is there, from hardly anything to all.
const KEPT: [f64; 6] = [0.0, 0.05, 0.5, 0.9, 0.99, 1.0];

#[derive(Default)]
pub struct Disk {
    files: HashMap<FileId, File>,
    /// On the disk.
    names: BTreeMap<PathBuf, FileId>,
    renames: Pending<(PathBuf, Option<FileId>)>,
    /// Syncs under way, and how far they reach.
    syncing: HashMap<u64, (Option<FileId>, usize)>,
}

#[derive(Default)]
struct File {
    synced: Vec<u8>,
    changes: Pending<Change>,
}

/// What was done and is not synced, in order.
struct Pending<T> {
    left: Vec<T>,
    /// Those that were here before.
    synced: usize,
}

impl Disk {
    pub fn take(&mut self, step: &Step) {
        match step {
            Step::Change(file, change) => self.file(*file).changes.left.push(change.clone()),
            Step::Name(path, file) => self.renames.left.push((path.clone(), Some(*file))),
            Step::Unname(path) => self.renames.left.push((path.clone(), None)),
            Step::SyncBegins(sync, file) => {
                let until = self.file(*file).changes.until_now();
                self.syncing.insert(*sync, (Some(*file), until));
            }
            Step::NamesSyncBegins(sync) => {
                self.syncing.insert(*sync, (None, self.renames.until_now()));
            }
            Step::SyncEnds(sync) | Step::NamesSyncEnds(sync) => match self.syncing.remove(sync) {
                Some((Some(file), until)) => self.file(file).sync(until),
                Some((None, until)) => apply(&mut self.names, self.renames.take(until)),
                None => {}
            },
            Step::Answers(_) | Step::Asks(_) => {}
        }
    }

    fn file(&mut self, file: FileId) -> &mut File {
        self.files.entry(file).or_default()
    }

    /// Makes the files of `from` in `into`, as they may be found there after a power cut now.
    pub fn cut(&self, dice: &mut StdRng, from: &Path, into: &Path) {
        let mut names = self.names.clone();
        let renamed = dice.random_range(0..=self.renames.left.len());
        apply(&mut names, self.renames.left[..renamed].to_vec());
        for (path, file) in names {
            let bytes = self.files.get(&file).map_or_else(Vec::new, |file| file.after_a_cut(dice));
            let path = into.join(path.strip_prefix(from).expect("a file of the directory"));
            std::fs::create_dir_all(path.parent().expect("in a directory")).expect("there is room");
            std::fs::write(path, bytes).expect("there is room");
        }
    }
}

impl<T> Default for Pending<T> {
    fn default() -> Self {
        Pending { left: Vec::new(), synced: 0 }
    }
}

impl<T> Pending<T> {
    fn until_now(&self) -> usize {
        self.synced + self.left.len()
    }

    fn take(&mut self, until: usize) -> Vec<T> {
        let covered = until.saturating_sub(self.synced).min(self.left.len());
        self.synced += covered;
        self.left.drain(..covered).collect()
    }
}

fn apply(names: &mut BTreeMap<PathBuf, FileId>, renames: Vec<(PathBuf, Option<FileId>)>) {
    for (path, file) in renames {
        match file {
            Some(file) => drop(names.insert(path, file)),
            None => drop(names.remove(&path)),
        }
    }
}

impl File {
    fn sync(&mut self, until: usize) {
        for change in self.changes.take(until) {
            match change {
                Change::Write { at, bytes } => put(&mut self.synced, at, &bytes),
                Change::Resize(size) => self.synced.resize(usize::try_from(size).expect("a size"), 0),
            }
        }
    }

    fn after_a_cut(&self, dice: &mut StdRng) -> Vec<u8> {
        let (sector, kept) = (SECTORS[dice.random_range(0..SECTORS.len())], KEPT[dice.random_range(0..KEPT.len())]);
        let mut bytes = self.synced.clone();
        let mut sizes = vec![bytes.len() as u64];
        for change in &self.changes.left {
            let size = *sizes.last().expect("it has one");
            match change {
                Change::Write { at, bytes: written } => {
                    sizes.push(size.max(at + written.len() as u64));
                    for (at, piece) in sectors(*at, written, sector) {
                        if dice.random_bool(kept) {
                            put(&mut bytes, at, piece);
                        }
                    }
                }
                Change::Resize(size) => {
                    sizes.push(*size);
                    if dice.random_bool(kept) {
                        bytes.resize(usize::try_from(*size).expect("a size"), 0);
                    }
                }
            }
        }
        // Most of what was written is lost with a size that is too old, so the newest is as likely as all others.
        let newest = sizes.len() - 1;
        let size = sizes[if dice.random() { newest } else { dice.random_range(0..=newest) }];
        bytes.resize(usize::try_from(size).expect("a size"), 0);
        bytes
    }
}

fn put(file: &mut Vec<u8>, at: u64, bytes: &[u8]) {
    let at = usize::try_from(at).expect("an offset");
    if file.len() < at + bytes.len() {
        file.resize(at + bytes.len(), 0);
    }
    file[at..at + bytes.len()].copy_from_slice(bytes);
}

/// The parts of a write that lie in one sector each.
fn sectors(at: u64, bytes: &[u8], sector: u64) -> impl Iterator<Item = (u64, &[u8])> {
    let mut done = 0;
    std::iter::from_fn(move || {
        let from = at + done as u64;
        let room = usize::try_from(sector - from % sector).expect("a sector");
        let piece = &bytes[done..(done + room).min(bytes.len())];
        done += piece.len();
        (!piece.is_empty()).then_some((from, piece))
    })
}
