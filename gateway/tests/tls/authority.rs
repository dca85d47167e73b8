//! A certificate authority of a test's own, made by `openssl`, and what it vouches for.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// All of one name, as when somebody makes a new one: only the key tells them apart.
const NAME: &str = "/CN=Authority of a test";
const VALID: (&str, &str) = ("20200101000000Z", "20991231235959Z");
const EXPIRED: (&str, &str) = ("20200101000000Z", "20200201000000Z");

pub struct Authority {
    folder: TempDir,
    issued: Cell<usize>,
}

/// PEM files.
#[derive(Clone, Debug)]
pub struct Certificate {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

impl Authority {
    /// `None` and a word about it where there is no `openssl`.
    pub fn new() -> Option<Authority> {
        if Command::new("openssl").arg("version").output().is_err() {
            eprintln!("SKIPPED: no openssl to make certificates with");
            return None;
        }
        let folder = tempfile::tempdir().expect("a temporary folder");
        let authority = Authority { folder, issued: Cell::new(0) };
        let write = |name: &str, text: &str| std::fs::write(authority.path(name), text).expect("written");
        write("index", "");
        write("serial", "01\n");
        write("settings", &settings(authority.folder.path()));
        let usage = ["-addext", "keyUsage=critical,keyCertSign,cRLSign", "-days", "3650"];
        authority.openssl(&["req", "-x509", "-subj", NAME, "-keyout", "ca.key", "-out", "ca.pem"], &[&KEY[..], &usage]);
        Some(authority)
    }

    pub fn file(&self) -> PathBuf {
        self.path("ca.pem")
    }

    /// For `names` like `DNS:localhost`.
    pub fn vouches_for(&self, names: &str) -> Certificate {
        self.issues(names, VALID)
    }

    pub fn vouched_for(&self, names: &str) -> Certificate {
        self.issues(names, EXPIRED)
    }

    fn issues(&self, names: &str, (from, until): (&str, &str)) -> Certificate {
        let number = self.issued.replace(self.issued.get() + 1);
        let (request, key, certificate) = (format!("{number}.csr"), format!("{number}.key"), format!("{number}.pem"));
        let names = format!("subjectAltName={names}");
        let of = ["-addext", &names, "-addext", "basicConstraints=critical,CA:FALSE"];
        self.openssl(&["req", "-new", "-subj", "/CN=a server", "-keyout", &key, "-out", &request], &[&KEY[..], &of]);
        let signed = ["ca", "-batch", "-notext", "-config", "settings", "-cert", "ca.pem", "-keyfile", "ca.key"];
        self.openssl(&signed, &[&["-startdate", from, "-enddate", until, "-in", &request, "-out", &certificate]]);
        Certificate { certificate: self.path(&certificate), key: self.path(&key) }
    }

    fn openssl(&self, first: &[&str], more: &[&[&str]]) {
        let mut command = Command::new("openssl");
        let made = command.current_dir(self.folder.path()).args(first).args(more.concat()).output().expect("it runs");
        assert!(made.status.success(), "openssl {first:?}: {}", String::from_utf8_lossy(&made.stderr));
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

const KEY: [&str; 5] = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];

fn settings(folder: &Path) -> String {
    let folder = folder.display();
    format!(
        "[ca]\ndefault_ca = here\n[here]\ndatabase = {folder}/index\nserial = {folder}/serial\n\
         new_certs_dir = {folder}\ndefault_md = sha256\npolicy = any\nunique_subject = no\ncopy_extensions = copy\n\
         [any]\ncommonName = supplied\n"
    )
}
