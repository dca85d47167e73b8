//! The data directory: what a server keeps beside its database, and the lock that keeps a second server out.
//! The lock is held as long as the [`DataDir`] lives and ends with the process, however that ends.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret, SecretString};

const ADMIN_TOKEN: &str = "admin-token";
const VAPI_SECRET: &str = "vapi-secret";
const LINK_KEY: &str = "link-key";
const AUDIT_KEY: &str = "audit-key";
const PLAYBOOKS: &str = "playbooks";
const LOCK: &str = "lock";

/// What a backup takes along: files, and directories with their files. Nothing that lets anybody in.
pub const BACKED_UP: &[&str] = &[PLAYBOOKS, LINK_KEY, AUDIT_KEY];

#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    #[error("the data directory {} is in use by another server{}; give this one its own with --data-dir",
        dir.display(), pid.map(|pid| format!(" (process {pid})")).unwrap_or_default())]
    InUse { dir: PathBuf, pid: Option<u32> },
    #[error("cannot use {}: {why}", path.display())]
    Unusable { path: PathBuf, why: io::Error },
}

/// A secret file, and whether this start created it.
#[derive(Clone, Debug)]
pub struct Kept {
    pub secret: SecretString,
    pub file: PathBuf,
    pub created: bool,
}

/// A data directory that is ours alone.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    _lock: File,
}

impl DataDir {
    /// Creates the directory (mode 0700) when there is none, and locks it.
    pub fn open(path: &Path) -> Result<DataDir, DataDirError> {
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(unusable(path))?;
        let lock = lock(path)?;
        Ok(DataDir { path: path.to_owned(), _lock: lock })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The token of the first administrator; made at first start.
    pub fn admin_token(&self) -> Result<Kept, DataDirError> {
        keep(&self.path.join(ADMIN_TOKEN), "cbt_")
    }

    /// Where the last good playbooks are kept; made (mode 0700) when it is not there.
    pub fn playbooks(&self) -> Result<PathBuf, DataDirError> {
        let dir = self.path.join(PLAYBOOKS);
        DirBuilder::new().recursive(true).mode(0o700).create(&dir).map_err(unusable(&dir))?;
        Ok(dir)
    }

    /// What proves the links of alerts; made at first start. Whoever replaces it makes all links sent before useless.
    pub fn link_key(&self) -> Result<Kept, DataDirError> {
        keep(&self.path.join(LINK_KEY), "cbl_")
    }

    /// Makes what the audit log says of a number something that cannot be read; made at first start.
    pub fn audit_key(&self) -> Result<Kept, DataDirError> {
        keep(&self.path.join(AUDIT_KEY), "cba_")
    }

    /// The webhook secret for when none is configured; made at first start.
    pub fn vapi_secret(&self) -> Result<Kept, DataDirError> {
        keep(&self.path.join(VAPI_SECRET), "cbs_")
    }
}

/// What a client on the same machine may use: the secret a server made, if there is one.
pub fn read_vapi_secret(dir: &Path) -> Option<SecretString> {
    read(&dir.join(VAPI_SECRET)).ok().flatten()
}

/// Puts files of a backup back where they were. One that a backup of ours does not hold is left out.
pub fn put_back<'a>(dir: &Path, files: impl Iterator<Item = (&'a str, &'a [u8])>) -> io::Result<()> {
    for (name, content) in files {
        let within = name.strip_prefix(PLAYBOOKS).and_then(|rest| rest.strip_prefix('/'));
        let plain = within.is_none_or(|file| !file.contains('/') && !file.starts_with('.'));
        if !plain || (within.is_none() && !BACKED_UP.contains(&name)) {
            continue;
        }
        if within.is_some() {
            DirBuilder::new().recursive(true).mode(0o700).create(dir.join(PLAYBOOKS))?;
        }
        let text = std::str::from_utf8(content).map_err(|why| io::Error::new(io::ErrorKind::InvalidData, why))?;
        write_whole(&dir.join(name), text)?;
    }
    Ok(())
}

/// As [`read_vapi_secret`]: the token of the server's owner.
pub fn read_admin_token(dir: &Path) -> Option<SecretString> {
    read(&dir.join(ADMIN_TOKEN)).ok().flatten()
}

fn unusable(path: &Path) -> impl FnOnce(io::Error) -> DataDirError {
    let path = path.to_owned();
    move |why| DataDirError::Unusable { path, why }
}

fn lock(dir: &Path) -> Result<File, DataDirError> {
    let path = dir.join(LOCK);
    let mut options = OpenOptions::new();
    let file = options.read(true).write(true).create(true).truncate(false).mode(0o600).open(&path);
    let mut file = file.map_err(unusable(&path))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let pid = fs::read_to_string(&path).ok().and_then(|text| text.trim().parse().ok());
            return Err(DataDirError::InUse { dir: dir.to_owned(), pid });
        }
        Err(TryLockError::Error(why)) => return Err(unusable(&path)(why)),
    }
    let noted = file.set_len(0).and_then(|()| write!(file, "{}", std::process::id()));
    noted.map_err(unusable(&path))?;
    Ok(file)
}

fn keep(path: &Path, prefix: &str) -> Result<Kept, DataDirError> {
    if let Some(secret) = read(path).map_err(unusable(path))? {
        fs::set_permissions(path, Permissions::from_mode(0o600)).map_err(unusable(path))?;
        return Ok(Kept { secret, file: path.to_owned(), created: false });
    }
    let bytes: [u8; 32] = rand::random();
    let secret = SecretString::from(format!("{prefix}{}", URL_SAFE_NO_PAD.encode(bytes)));
    write_whole(path, &format!("{}\n", secret.expose_secret())).map_err(unusable(path))?;
    Ok(Kept { secret, file: path.to_owned(), created: true })
}

/// `None` when there is no such file, or an empty one.
fn read(path: &Path) -> io::Result<Option<SecretString>> {
    match fs::read_to_string(path) {
        Ok(text) if text.trim().is_empty() => Ok(None),
        Ok(text) => Ok(Some(SecretString::from(text.trim().to_owned()))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// All of it or nothing, for nobody else to read: a power cut must not leave half a secret.
pub fn write_whole(path: &Path, text: &str) -> io::Result<()> {
    let beside = path.with_extension("new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&beside, path)?;
    path.parent().map_or(Ok(()), |dir| File::open(dir)?.sync_all())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn the_first_start_makes_private_secrets_and_later_ones_keep_them() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("new/data");
        let dir = DataDir::open(&path).unwrap();
        assert_eq!(mode(&path), 0o700);
        let token = dir.admin_token().unwrap();
        assert!(token.created && token.secret.expose_secret().starts_with("cbt_"));
        assert_eq!(token.secret.expose_secret().len(), "cbt_".len() + 43);
        assert_eq!(mode(&token.file), 0o600);
        let secret = dir.vapi_secret().unwrap();
        assert_eq!(mode(&secret.file), 0o600);
        assert_ne!(token.secret.expose_secret(), secret.secret.expose_secret());
        drop(dir);

        let again = DataDir::open(&path).unwrap();
        let kept = again.admin_token().unwrap();
        assert!(!kept.created);
        assert_eq!(kept.secret.expose_secret(), token.secret.expose_secret());
        assert_eq!(read_vapi_secret(&path).unwrap().expose_secret(), secret.secret.expose_secret());
    }

    #[test]
    fn two_servers_do_not_share_a_directory() {
        let root = tempfile::tempdir().unwrap();
        let first = DataDir::open(root.path()).unwrap();
        let refused = DataDir::open(root.path()).unwrap_err();
        let ours = Some(std::process::id());
        assert!(matches!(&refused, DataDirError::InUse { pid, .. } if *pid == ours), "{refused}");
        drop(first);
        DataDir::open(root.path()).unwrap();
    }

    #[test]
    fn an_empty_token_file_is_filled_and_an_open_one_is_closed() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join(ADMIN_TOKEN);
        fs::write(&file, "\n").unwrap();
        let dir = DataDir::open(root.path()).unwrap();
        assert!(dir.admin_token().unwrap().created);
        fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
        dir.admin_token().unwrap();
        assert_eq!(mode(&file), 0o600);
    }

    #[test]
    fn a_file_in_the_way_is_named() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("data");
        fs::write(&file, "").unwrap();
        let refused = DataDir::open(&file).unwrap_err().to_string();
        assert!(refused.contains("data"), "{refused}");
    }
}
