//! What a program did, in order, as far as it matters to a disk and to those who were told something.

use std::path::PathBuf;
use std::sync::Arc;

/// A file, whatever it is called.
pub type FileId = usize;

#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    Change(FileId, Change),
    /// Everything that was changed until here is on the disk once the sync of this number ends.
    SyncBegins(u64, FileId),
    SyncEnds(u64),
    /// A name in the directory appears, or stands for another file.
    Name(PathBuf, FileId),
    Unname(PathBuf),
    /// Names are on the disk, as files are.
    NamesSyncBegins(u64),
    NamesSyncEnds(u64),
    /// A request of this id was answered with 200.
    Answers(String),
    /// Bytes of an HTTP request of ours leave.
    Asks(Vec<u8>),
}

#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    Write { at: u64, bytes: Arc<[u8]> },
    Resize(u64),
}

#[derive(Clone, Debug, Default)]
pub struct Record {
    pub steps: Vec<Step>,
}

impl Record {
    /// Where an answer was given.
    pub fn answers(&self) -> Vec<usize> {
        let answers = self.steps.iter().enumerate().filter(|(_, step)| matches!(step, Step::Answers(_)));
        answers.map(|(at, _)| at).collect()
    }

    /// Bytes that were written to files.
    pub fn written(&self) -> u64 {
        let written = self.steps.iter().map(|step| match step {
            Step::Change(_, Change::Write { bytes, .. }) => bytes.len() as u64,
            _ => 0,
        });
        written.sum()
    }

    pub fn syncs(&self) -> usize {
        self.steps.iter().filter(|step| matches!(step, Step::SyncEnds(_))).count()
    }
}
