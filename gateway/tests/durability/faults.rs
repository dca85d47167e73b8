//! Disks that fail, for the real binary: a small one in a mount namespace of its own, and system calls that return
//! errors or take long as long as a strace that injects them holds on to the server.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

use super::server::Server;

/// Mounts a small disk and becomes the program.
const MOUNT: &str = "mount -t tmpfs -o size=$0 tmpfs \"$1\" && shift && exec \"$@\"";

pub struct SmallDisk {
    mount_point: TempDir,
}

impl SmallDisk {
    /// A disk of so many bytes, and the program as it runs with it; `None`, and a word about it, where nobody lets us
    /// mount one.
    pub fn holding(program: &Path, bytes: u64) -> Option<(SmallDisk, Command)> {
        let mount_point = tempfile::tempdir().expect("a temporary directory");
        for how in [&["--mount"][..], &["--map-root-user", "--mount"]] {
            let command = |program: &Path| {
                let mut command = Command::new("unshare");
                command.args(how).args(["sh", "-c", MOUNT, &bytes.to_string()]).arg(mount_point.path()).arg(program);
                command
            };
            let tried = command(Path::new("true")).stderr(Stdio::null()).status();
            if tried.is_ok_and(|status| status.success()) {
                let command = command(program);
                return Some((SmallDisk { mount_point }, command));
            }
        }
        eprintln!("SKIPPED: no small disk can be mounted here");
        None
    }

    /// As the program sees it.
    pub fn inside(&self) -> PathBuf {
        self.mount_point.path().to_owned()
    }

    /// As everybody else does, as long as this server runs.
    pub fn of(self, server: &Server) -> MountedDisk {
        let inside = self.mount_point.path().strip_prefix("/").expect("absolute");
        let root = PathBuf::from(format!("/proc/{}/root", server.id())).join(inside);
        MountedDisk { root, _mount_point: self.mount_point }
    }
}

pub struct MountedDisk {
    root: PathBuf,
    _mount_point: TempDir,
}

impl MountedDisk {
    pub fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// To the last byte.
    pub fn fill(&self) {
        let mut filler = std::fs::File::create(self.path("filler")).expect("a file");
        while filler.write_all(&[0; 4096]).is_ok() {}
    }

    pub fn free(&self) {
        std::fs::remove_file(self.path("filler")).expect("it is there");
    }
}

/// System calls of a server that fail or take long, until this is ended.
pub struct Faults {
    strace: Child,
}

impl Faults {
    /// `fsync:error=EIO`, as strace has it. In force when this returns; `None`, and a word about it, where no process may
    /// be traced.
    pub fn begin(server: &Server, fault: &str) -> Option<Faults> {
        let mut strace = Command::new("strace");
        let calls = fault.split(':').next().expect("a list of calls");
        strace.args(["-f", "-o", "/dev/null", "-e", &format!("trace={calls}"), "-e", &format!("inject={fault}")]);
        strace.args(["-p", &server.id().to_string()]).stderr(Stdio::piped());
        let Ok(mut strace) = strace.spawn() else {
            eprintln!("SKIPPED: strace is not installed (scripts/test installs it)");
            return None;
        };
        let mut said = String::new();
        let mut lines = BufReader::new(strace.stderr.take().expect("piped"));
        let attached = lines.read_line(&mut said).is_ok() && said.contains("attached");
        // What else it says is dropped, so that the pipe never fills.
        std::thread::spawn(move || lines.lines().map_while(Result::ok).for_each(drop));
        if !attached {
            eprintln!("SKIPPED: no process may be traced here: {said}");
            let _ = strace.wait();
            return None;
        }
        Some(Faults { strace })
    }

    pub fn end(self) {
        drop(self);
    }
}

impl Drop for Faults {
    /// Told to end, strace lets go of the server; killed, it would take the server with it.
    fn drop(&mut self) {
        let pid = Pid::from_raw(i32::try_from(self.strace.id()).expect("a pid"));
        let _ = kill(pid, Signal::SIGTERM);
        let _ = self.strace.wait();
    }
}
