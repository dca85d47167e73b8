//! A Postgres of a test's own, from Debian's programs, with TLS or without. Only who has its password is let in.

use std::ffi::OsStr;
use std::fs::Permissions;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

use super::authority::Certificate;

pub const PASSWORD: &str = "pw-of-the-record";

pub struct OwnPostgres {
    programs: PathBuf,
    folder: TempDir,
    pub port: u16,
}

impl OwnPostgres {
    /// Nothing runs yet. `None` and a word about it where there is no Postgres to be started.
    pub fn new() -> Option<OwnPostgres> {
        let Some(programs) = programs() else {
            eprintln!("SKIPPED: no Postgres to be started, nothing was asked of one with TLS");
            return None;
        };
        let folder = tempfile::tempdir().expect("a temporary folder");
        let postgres = OwnPostgres { programs, folder, port: super::free_port() };
        let password = postgres.folder.path().join("password");
        std::fs::write(&password, PASSWORD).expect("written");
        if is_root() {
            // Root may not run it.
            let given = Command::new("chown").args(["-R", "postgres"]).arg(postgres.folder.path()).status();
            assert!(given.expect("chown runs").success(), "Debian's Postgres has a user");
        }
        let mut made = postgres.program("initdb");
        made.args(["--username=cordboard", "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"]);
        done(made.arg("--pwfile").arg(password).arg("--pgdata").arg(postgres.data()).output());
        Some(postgres)
    }

    /// Takes connections when this returns: nothing but TLS where it has a certificate.
    pub fn start(&self, certificate: Option<&Certificate>) {
        let kind = if certificate.is_some() { "hostssl" } else { "host" };
        let who = format!("{kind} all all 127.0.0.1/32 scram-sha-256\n");
        std::fs::write(self.data().join("pg_hba.conf"), who).expect("written");
        let mut options = format!(
            "-p {} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c max_connections=50 -c fsync=off",
            self.port
        );
        if let Some(files) = certificate {
            self.takes(&files.certificate, "server.crt");
            self.takes(&files.key, "server.key");
            options += " -c ssl=on";
        }
        let mut start = self.program("pg_ctl");
        start.arg("--pgdata").arg(self.data()).arg("--log").arg(self.folder.path().join("log"));
        done(start.args(["--wait", "--silent", "--options", &options, "start"]).output());
    }

    /// As it does when it is told to stop at once; gone when this returns.
    pub fn stop(&self) {
        let mut stop = self.program("pg_ctl");
        let _ = stop.arg("--pgdata").arg(self.data()).args(["--mode=immediate", "--wait", "stop"]).output();
    }

    /// With the password; `query` may be empty.
    pub fn url(&self, host: &str, query: &str) -> String {
        format!("postgres://cordboard:{PASSWORD}@{host}:{}/postgres?{query}", self.port)
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Its own copy, for nobody else to read: it refuses any other.
    fn takes(&self, file: &Path, name: &str) {
        let (copy, owner) = (self.data().join(name), std::fs::metadata(self.data()).expect("made by initdb"));
        std::fs::copy(file, &copy).expect("copied");
        std::fs::set_permissions(&copy, Permissions::from_mode(0o600)).expect("ours");
        chown(&copy, Some(owner.uid()), Some(owner.gid())).expect("ours");
    }

    fn program(&self, name: &str) -> Command {
        let program = self.programs.join(name);
        let mut command = if is_root() { Command::new("runuser") } else { Command::new(&program) };
        if is_root() {
            command.args([OsStr::new("-u"), "postgres".as_ref(), "--".as_ref(), program.as_os_str()]);
        }
        command.current_dir("/");
        command
    }
}

impl Drop for OwnPostgres {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Where Debian keeps the newest.
fn programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?.filter_map(Result::ok);
    let number = |path: &Path| path.file_name()?.to_str()?.parse::<u32>().ok();
    let newest = versions.map(|version| version.path()).max_by_key(|path| number(path))?;
    Some(newest.join("bin")).filter(|programs| programs.join("initdb").exists())
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

fn done(output: std::io::Result<Output>) {
    let output = output.expect("the program runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
