//! Where playbooks are written: a directory of the settings, or the ones that are built in. Reads files, and judges
//! nothing but their names and sizes.

use std::fs::{self, DirEntry, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

/// The shipped playbooks, as written, under the names their errors carry. The first is the default tenant's.
const BUILT_IN: &[(&str, &str)] = &[
    ("config/playbooks/boreal.toml", include_str!("../../../config/playbooks/boreal.toml")),
    ("config/playbooks/harbour-dental.toml", include_str!("../../../config/playbooks/harbour-dental.toml")),
];

/// More files than this in one directory are a mistake.
pub(super) const MAX_FILES: usize = 1000;
/// Longest playbook, in bytes. The shipped ones are below 64 KiB.
pub(super) const MAX_BYTES: u64 = 512 * 1024;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    BuiltIn,
    Directory(PathBuf),
}

/// One file, as it was when it was read.
#[derive(Clone, Debug)]
pub(super) struct SourceFile {
    /// With its directory, as it is shown.
    pub path: String,
    /// Within its directory: what it is known by.
    pub name: String,
    /// Why it cannot be read, when it cannot.
    pub text: Result<String, String>,
    pub digest: [u8; 32],
}

/// Why the directory as a whole is of no use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    #[error("cannot read playbooks from {}: {why}", dir.display())]
    Unreadable { dir: PathBuf, why: String },
    #[error("{} holds no playbook: put one TOML file per business there, or leave `playbooks.dir` empty", dir.display())]
    Empty { dir: PathBuf },
    #[error("{} holds more than {MAX_FILES} playbooks: move those of other servers elsewhere", dir.display())]
    TooMany { dir: PathBuf },
}

impl Source {
    pub fn of(dir: &str) -> Source {
        if dir.is_empty() { Source::BuiltIn } else { Source::Directory(dir.into()) }
    }

    /// Every file, in the order of their names.
    pub(super) fn read(&self) -> Result<Vec<SourceFile>, SourceError> {
        match self {
            Source::BuiltIn => Ok(built_in()),
            Source::Directory(dir) => read_dir(dir),
        }
    }
}

fn built_in() -> Vec<SourceFile> {
    let file = |(path, text): &(&str, &str)| {
        let name = path.rsplit('/').next().unwrap_or(path).to_owned();
        SourceFile::new((*path).to_owned(), name, Ok((*text).to_owned()))
    };
    BUILT_IN.iter().map(file).collect()
}

fn read_dir(dir: &Path) -> Result<Vec<SourceFile>, SourceError> {
    let mut names = names(dir).map_err(|why| SourceError::Unreadable { dir: dir.to_owned(), why: why.to_string() })?;
    if names.len() > MAX_FILES {
        return Err(SourceError::TooMany { dir: dir.to_owned() });
    }
    names.sort();
    let files: Vec<SourceFile> = names.into_iter().filter_map(|name| read_file(dir, name)).collect();
    if files.is_empty() { Err(SourceError::Empty { dir: dir.to_owned() }) } else { Ok(files) }
}

/// At most one more than there may be.
fn names(dir: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(dir)? {
        names.extend(name_of_playbook(&entry?));
        if names.len() > MAX_FILES {
            break;
        }
    }
    Ok(names)
}

/// `harbour.toml`. Not what editors leave beside it: `.harbour.toml.swp`, `.#harbour.toml`, `harbour.toml~`.
fn name_of_playbook(entry: &DirEntry) -> Option<String> {
    let name = entry.file_name().into_string().ok()?;
    (name.ends_with(".toml") && !name.starts_with(['.', '#']) && !name.contains(char::is_control)).then_some(name)
}

/// `None` when it is no file, or has gone since the directory was read. Links are followed.
fn read_file(dir: &Path, name: String) -> Option<SourceFile> {
    let path = dir.join(&name);
    let text = match fs::metadata(&path) {
        Ok(what) if !what.is_file() => return None,
        Ok(_) => read_text(&path),
        Err(error) => Err(error),
    };
    let gone = |error: &io::Error| error.kind() == io::ErrorKind::NotFound && fs::symlink_metadata(&path).is_err();
    if text.as_ref().is_err_and(gone) {
        return None;
    }
    Some(SourceFile::new(path.display().to_string(), name, text.map_err(|why| why.to_string())))
}

fn read_text(path: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(io::Error::other(format!("it is longer than {MAX_BYTES} bytes")));
    }
    String::from_utf8(bytes).map_err(|_| io::Error::other("it is not UTF-8"))
}

impl SourceFile {
    pub fn new(path: String, name: String, text: Result<String, String>) -> SourceFile {
        let digest = Sha256::digest(text.as_ref().unwrap_or_else(|why| why)).into();
        SourceFile { path, name, text, digest }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn read(dir: &Path) -> Vec<(String, Result<String, String>)> {
        let files = Source::Directory(dir.to_owned()).read().unwrap();
        files.into_iter().map(|file| (file.name, file.text)).collect()
    }

    #[test]
    fn what_editors_leave_and_what_is_no_file_is_no_playbook() {
        let dir = tempfile::tempdir().unwrap();
        for name in
            ["b.toml", "a.toml", ".b.toml.swp", ".#b.toml", "#b.toml#", "b.toml~", "b.toml.tmp", "4913", "readme.md"]
        {
            fs::write(dir.path().join(name), name).unwrap();
        }
        fs::create_dir(dir.path().join("c.toml")).unwrap();
        assert_eq!(
            read(dir.path()),
            [("a.toml".to_owned(), Ok("a.toml".to_owned())), ("b.toml".to_owned(), Ok("b.toml".to_owned()))]
        );
    }

    #[test]
    fn links_are_followed_and_one_that_leads_nowhere_is_said() {
        let dir = tempfile::tempdir().unwrap();
        // As a mounted configuration map has it: the files are links through a link that is replaced.
        let version = dir.path().join("..2026_01");
        fs::create_dir(&version).unwrap();
        fs::write(version.join("a.toml"), "mapped").unwrap();
        symlink("..2026_01", dir.path().join("..data")).unwrap();
        symlink("..data/a.toml", dir.path().join("a.toml")).unwrap();
        symlink("nowhere", dir.path().join("b.toml")).unwrap();
        let files = read(dir.path());
        assert_eq!(files[0], ("a.toml".to_owned(), Ok("mapped".to_owned())));
        assert!(files[1].1.as_ref().unwrap_err().contains("No such file"), "{files:?}");
    }

    #[test]
    fn what_is_read_has_bounds() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("long.toml"), vec![b'#'; MAX_BYTES as usize + 1]).unwrap();
        fs::write(dir.path().join("latin.toml"), b"name = \"Bor\xe9al\"").unwrap();
        let files = read(dir.path());
        assert!(files[0].1.as_ref().unwrap_err().contains("UTF-8"), "{files:?}");
        assert!(files[1].1.as_ref().unwrap_err().contains("longer than 524288 bytes"), "{files:?}");
        for n in 0..MAX_FILES {
            fs::write(dir.path().join(format!("{n}.toml")), "").unwrap();
        }
        let refused = Source::Directory(dir.path().to_owned()).read().unwrap_err();
        assert!(matches!(refused, SourceError::TooMany { .. }), "{refused}");
    }

    #[test]
    fn a_directory_without_playbooks_or_without_itself_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let empty = Source::Directory(dir.path().to_owned()).read().unwrap_err();
        assert!(matches!(empty, SourceError::Empty { .. }));
        let none = Source::Directory(dir.path().join("none")).read().unwrap_err();
        assert!(matches!(none, SourceError::Unreadable { .. }));
    }
}
