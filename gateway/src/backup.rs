//! A backup: the embedded store as one file, and beside its tables what the server keeps in its data directory to go on
//! under the same names: the last good playbooks, the key of the links in alerts, the key of the audit log. Not in it: what
//! lets anybody in (the admin token, the webhook secret); whoever restores makes new ones or brings the old ones.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use engine::failure::Failure;
use engine::time::Timestamp;

use crate::data_dir;
use crate::stores::Store;
use crate::stores::sqlite::backup::{Kept, add_files};

/// A copy that is being made, in the data directory. What a crash left of one is made anew.
pub const BEING_MADE: &str = "backup.tmp";

/// Why there is none of a store that is not embedded.
pub const BY_OTHER_TOOLS: &str = "this store is backed up by its own tools: pg_dump, or a base backup";

/// Writes it whole, private and synced. False: the store is backed up by its own tools.
pub async fn make(store: &dyn Store, data_dir: &Path, to: &Path, now: Timestamp) -> Result<bool, Failure> {
    create(to).map_err(cannot(to))?;
    let Some(copied) = store.copy_into(to).await else { return Ok(false) };
    copied?;
    finish(data_dir, to, now).await?;
    Ok(true)
}

/// The rest of what belongs into it, once the tables are there.
pub async fn finish(data_dir: &Path, to: &Path, now: Timestamp) -> Result<(), Failure> {
    add_files(to, &kept(data_dir).map_err(cannot(data_dir))?, now).await?;
    sync(to).map_err(cannot(to))
}

/// Empty, and for its owner alone.
pub fn create(file: &Path) -> io::Result<File> {
    fs::OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(file)
}

/// The file, and that it is there.
pub fn sync(file: &Path) -> io::Result<()> {
    File::open(file)?.sync_all()?;
    file.parent().filter(|dir| !dir.as_os_str().is_empty()).map_or(Ok(()), |dir| File::open(dir)?.sync_all())
}

fn kept(data_dir: &Path) -> io::Result<Vec<Kept>> {
    let mut kept = Vec::new();
    for name in data_dir::BACKED_UP {
        let path = data_dir.join(name);
        if path.is_dir() {
            for entry in fs::read_dir(&path)? {
                let entry = entry?;
                let name = format!("{name}/{}", entry.file_name().to_string_lossy());
                kept.push(Kept { name, content: fs::read(entry.path())? });
            }
        } else if path.is_file() {
            kept.push(Kept { name: (*name).to_owned(), content: fs::read(&path)? });
        }
    }
    Ok(kept)
}

fn cannot(path: &Path) -> impl Fn(io::Error) -> Failure {
    let path = path.to_owned();
    move |why| Failure::fail(format!("cannot use {}: {why}", path.display()))
}
