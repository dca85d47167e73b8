//! The last good playbook of every tenant, kept in the data directory: `harbour.toml`, which a restart falls back on
//! when the file of the settings is broken; and `harbour.removed` of a tenant taken out of service, by which the calls it
//! still had may end. They hold secrets: nobody else may read them. A copy is written whole and synced, or not at all.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use engine::ids::TenantId;
use engine::playbook::Playbook;
use engine::time::Timestamp;
use sha2::{Digest, Sha256};

use super::source::MAX_BYTES;
use super::verdict::{Incumbent, Incumbents};
use crate::data_dir::write_whole;

/// The first line of a copy, before the name of the file it was read from.
const TITLE: &str = "# last good copy of ";
const KEPT: &str = "toml";
const REMOVED: &str = "removed";

#[derive(Debug)]
pub struct LastGood {
    dir: PathBuf,
}

impl LastGood {
    /// `dir` exists.
    pub fn new(dir: PathBuf) -> LastGood {
        LastGood { dir }
    }

    pub(super) fn kept(&self) -> Incumbents {
        self.read_all(KEPT)
    }

    pub(super) fn removed(&self) -> Incumbents {
        self.read_all(REMOVED)
    }

    pub(super) fn keep(&self, tenant: &TenantId, file: &str, text: &str) -> io::Result<()> {
        write_whole(&self.path(tenant, KEPT), &format!("{TITLE}{file}\n{text}"))?;
        gone(fs::remove_file(self.path(tenant, REMOVED)))
    }

    pub(super) fn retire(&self, tenant: &TenantId) -> io::Result<()> {
        gone(fs::rename(self.path(tenant, KEPT), self.path(tenant, REMOVED)))
    }

    fn path(&self, tenant: &TenantId, end: &str) -> PathBuf {
        self.dir.join(format!("{tenant}.{end}"))
    }

    /// A copy that is damaged, or that this version refuses, is as good as none.
    fn read_all(&self, end: &str) -> Incumbents {
        let entries = fs::read_dir(&self.dir).into_iter().flatten().flatten();
        let paths = entries.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|found| found == end));
        paths
            .filter_map(|path| match read(&path) {
                Ok(copy) => Some((copy.playbook.tenant.clone(), copy)),
                Err(why) => {
                    tracing::warn!(file = %path.display(), error = why, "last good playbook not usable");
                    None
                }
            })
            .collect()
    }
}

fn read(path: &Path) -> Result<Incumbent, String> {
    let told = |error: io::Error| error.to_string();
    let about = fs::metadata(path).map_err(told)?;
    if about.len() > MAX_BYTES * 2 {
        return Err("it is too long".to_owned());
    }
    let whole = fs::read_to_string(path).map_err(told)?;
    let (title, text) = whole.split_once('\n').ok_or("it has no title")?;
    let file = title.strip_prefix(TITLE).ok_or("it has no title")?.to_owned();
    let playbook = Playbook::parse(text, &file).map_err(|error| error.to_string())?;
    if path.file_stem().is_none_or(|name| *name != *playbook.tenant.to_string()) {
        return Err(format!("it is that of the tenant {}", playbook.tenant));
    }
    let since = about.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
    let digest = Sha256::digest(text).into();
    Ok(Incumbent { file, digest, playbook: Arc::new(playbook), loaded_at: Timestamp::EPOCH.plus(since) })
}

/// What is not there need not be taken away.
fn gone(done: io::Result<()>) -> io::Result<()> {
    match done {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    const TEXT: &str = include_str!("../../tests/stories/playbooks/harbour.toml");

    fn harbour() -> TenantId {
        TenantId::parse("harbour").unwrap()
    }

    #[test]
    fn a_copy_is_private_and_comes_back_as_it_was() {
        let dir = tempfile::tempdir().unwrap();
        let last_good = LastGood::new(dir.path().to_owned());
        last_good.keep(&harbour(), "port.toml", TEXT).unwrap();
        let kept = last_good.kept().remove(&harbour()).unwrap();
        assert_eq!((kept.file.as_str(), kept.digest), ("port.toml", Sha256::digest(TEXT).into()));
        let mode = fs::metadata(dir.path().join("harbour.toml")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_removed_tenant_is_kept_apart_until_it_comes_back() {
        let dir = tempfile::tempdir().unwrap();
        let last_good = LastGood::new(dir.path().to_owned());
        last_good.retire(&harbour()).unwrap();
        last_good.keep(&harbour(), "harbour.toml", TEXT).unwrap();
        last_good.retire(&harbour()).unwrap();
        assert!(last_good.kept().is_empty() && last_good.removed().contains_key(&harbour()));
        last_good.keep(&harbour(), "harbour.toml", TEXT).unwrap();
        assert!(last_good.kept().contains_key(&harbour()) && last_good.removed().is_empty());
    }

    #[test]
    fn a_copy_that_is_damaged_or_somebody_elses_counts_for_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let last_good = LastGood::new(dir.path().to_owned());
        let whole = format!("{TITLE}harbour.toml\n{TEXT}");
        for (name, text) in [("harbour", TEXT), ("harbour", &whole[..300]), ("harbour", ""), ("other", &whole)] {
            fs::write(dir.path().join(format!("{name}.toml")), text).unwrap();
            assert!(last_good.kept().is_empty(), "{name}");
        }
    }
}
