//! Reads what strace wrote. Every call on a file of the directory is understood, or it panics: what is not modelled must
//! not be taken for harmless.

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::record::{Change, FileId, Record, Step};

/// Everything by which a file, its names or a socket can be written.
const CALLS: &str = "openat,open,creat,lseek,write,pwrite64,writev,pwritev,pwritev2,sendto,sendmsg,ftruncate,truncate,\
    fallocate,fdatasync,fsync,sync_file_range,sync,syncfs,rename,renameat,renameat2,link,linkat,unlink,unlinkat,mmap,\
    copy_file_range,sendfile,io_uring_setup";

/// Answers carry the id of their request.
const REQUEST_ID: &str = "x-request-id: ";

/// A strace that runs `program` and writes its trace and the program's process id to these files. The shell in between
/// becomes the program: a killed strace would let it live on.
pub fn strace(program: &Path, trace: &Path, pid: &Path) -> Command {
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "-y", "-xx", "--seccomp-bpf", "-s", "4194304", "-e"]).arg(format!("trace={CALLS}"));
    strace.arg("-o").arg(trace).args(["sh", "-c", "echo $$ > \"$0\"; exec \"$@\""]).arg(pid).arg(program);
    strace
}

/// Traces of one directory, one after the other.
pub struct Tracing {
    directory: PathBuf,
    names: HashMap<PathBuf, FileId>,
    /// Of every file there ever was.
    sizes: Vec<u64>,
    syncs: u64,
    record: Record,
}

/// One process.
#[derive(Default)]
struct Process {
    /// Where the next plain write to a descriptor goes; `None` is the end of the file.
    offsets: HashMap<i32, Option<u64>>,
    /// By thread, what it began, and the sync that is.
    unfinished: HashMap<String, (String, Option<u64>)>,
}

impl Tracing {
    pub fn of(directory: &Path) -> Tracing {
        let directory = directory.to_owned();
        Tracing { directory, names: HashMap::new(), sizes: Vec::new(), syncs: 0, record: Record::default() }
    }

    /// Adds the trace of one more process.
    pub fn read(&mut self, trace: &Path) {
        let file = std::fs::File::open(trace).expect("strace wrote it");
        let mut process = Process::default();
        for line in BufReader::with_capacity(1 << 20, file).lines() {
            // The last line of a killed process may be cut off.
            let Ok(line) = line else { break };
            let Some((thread, what)) = line.split_once(' ') else { continue };
            self.line(&mut process, thread, what.trim_start());
        }
    }

    pub fn record(self) -> Record {
        self.record
    }

    fn line(&mut self, process: &mut Process, thread: &str, what: &str) {
        if let Some(rest) = what.strip_prefix("<... ") {
            let Some((_, rest)) = rest.split_once("resumed>") else { return };
            if let Some((begun, sync)) = process.unfinished.remove(thread) {
                self.ends(process, &format!("{begun}{rest}"), sync);
            }
        } else if let Some(begun) = what.strip_suffix("<unfinished ...>") {
            let sync = self.begins(begun);
            process.unfinished.insert(thread.to_owned(), (begun.to_owned(), sync));
        } else if what.contains('(') {
            let sync = self.begins(what);
            self.ends(process, what, sync);
        }
    }

    /// What counts from the moment it begins: a sync covers what was written before, an answer may be read at once.
    fn begins(&mut self, call: &str) -> Option<u64> {
        let name = name(call);
        match name {
            "fsync" | "fdatasync" => {
                let path = path_of_descriptor(call)?;
                self.syncs += 1;
                if path == self.directory {
                    self.record.steps.push(Step::NamesSyncBegins(self.syncs));
                } else {
                    let file = self.file(&path)?;
                    self.record.steps.push(Step::SyncBegins(self.syncs, file));
                }
                Some(self.syncs)
            }
            "write" | "writev" | "sendto" | "sendmsg" if is_to_a_socket(call) => {
                self.record.steps.extend(said(&strings(call).concat()));
                None
            }
            _ => None,
        }
    }

    fn ends(&mut self, process: &mut Process, call: &str, sync: Option<u64>) {
        let Some(returned) = returned(call).filter(|returned| *returned >= 0) else { return };
        let returned = u64::try_from(returned).expect("not negative");
        let path = path_of_descriptor(call).filter(|path| path.starts_with(&self.directory));
        match (name(call), path) {
            ("fsync" | "fdatasync", Some(path)) => {
                let Some(sync) = sync else { return };
                let names = path == self.directory;
                self.record.steps.push(if names { Step::NamesSyncEnds(sync) } else { Step::SyncEnds(sync) });
            }
            ("openat" | "open" | "creat", _) => self.opened(process, call, returned),
            ("lseek", Some(_)) => drop(process.offsets.insert(descriptor(call), Some(returned))),
            ("write", Some(path)) => {
                let Some(file) = self.file(&path) else { return };
                let offset = process.offsets.entry(descriptor(call)).or_insert(Some(0));
                let at = offset.unwrap_or(self.sizes[file]);
                *offset = offset.map(|at| at + returned);
                self.write(file, at, &strings(call)[0], returned);
            }
            ("pwrite64", Some(path)) => {
                let Some(file) = self.file(&path) else { return };
                let at = last_argument(call).parse().expect("an offset");
                self.write(file, at, &strings(call)[0], returned);
            }
            ("ftruncate", Some(path)) => {
                let Some(file) = self.file(&path) else { return };
                self.resize(file, last_argument(call).parse().expect("a length"));
            }
            ("rename", _) => self.renamed(call),
            ("unlink" | "unlinkat", _) => {
                let path = self.absolute(&strings(call)[0]);
                if self.names.remove(&path).is_some() {
                    self.record.steps.push(Step::Unname(path));
                }
            }
            // The index of the write-ahead log: made anew by whoever opens the database first.
            ("mmap", Some(path)) => {
                let harmless = call.contains("MAP_PRIVATE") || !call.contains("PROT_WRITE") || is_index(&path);
                assert!(harmless, "writes by way of memory are not modelled: {}", path.display());
            }
            (_, Some(_)) => panic!("not modelled: {}", &call[..call.len().min(200)]),
            (other, None) => {
                let about_names = ["truncate", "renameat", "renameat2", "link", "linkat", "io_uring_setup"];
                let ours = || strings(call).iter().any(|path| self.absolute(path).starts_with(&self.directory));
                assert!(!about_names.contains(&other) || !ours(), "not modelled: {other}");
            }
        }
    }

    fn opened(&mut self, process: &mut Process, call: &str, descriptor: u64) {
        let (_, result) = split_at_result(call).expect("it has ended");
        let Some(path) = path_in(result).filter(|path| path.starts_with(&self.directory)) else { return };
        let offset = if call.contains("O_APPEND") { None } else { Some(0) };
        process.offsets.insert(i32::try_from(descriptor).expect("a descriptor"), offset);
        match self.names.get(&path) {
            Some(file) if call.contains("O_TRUNC") => self.resize(*file, 0),
            Some(_) => {}
            None if call.contains("O_CREAT") => {
                let file = self.sizes.len();
                self.sizes.push(0);
                self.names.insert(path.clone(), file);
                self.record.steps.push(Step::Name(path, file));
            }
            // A directory.
            None => {}
        }
    }

    fn renamed(&mut self, call: &str) {
        let (from, to) = (self.absolute(&strings(call)[0]), self.absolute(&strings(call)[1]));
        let Some(file) = self.names.remove(&from) else { return };
        self.names.insert(to.clone(), file);
        self.record.steps.push(Step::Name(to, file));
        self.record.steps.push(Step::Unname(from));
    }

    fn write(&mut self, file: FileId, at: u64, bytes: &[u8], written: u64) {
        assert_eq!(bytes.len() as u64, written, "a write that was cut short, or one longer than strace shows");
        self.sizes[file] = self.sizes[file].max(at + written);
        self.record.steps.push(Step::Change(file, Change::Write { at, bytes: bytes.into() }));
    }

    fn resize(&mut self, file: FileId, size: u64) {
        self.sizes[file] = size;
        self.record.steps.push(Step::Change(file, Change::Resize(size)));
    }

    /// `None` where it has no name any more: nothing of it outlives the process.
    fn file(&self, path: &Path) -> Option<FileId> {
        self.names.get(path).copied()
    }

    fn absolute(&self, path: &[u8]) -> PathBuf {
        PathBuf::from(String::from_utf8_lossy(path).into_owned())
    }
}

fn is_index(path: &Path) -> bool {
    path.to_string_lossy().ends_with("-shm")
}

fn name(call: &str) -> &str {
    call.split('(').next().unwrap_or_default()
}

/// Of `write(9<socket:[…]>, …`, where the part in angles is in hexadecimal digits.
fn path_of_descriptor(call: &str) -> Option<PathBuf> {
    if name(call) == "mmap" { path_in(call.split(", ").nth(4)?) } else { path_in(call.split_once('(')?.1) }
}

/// `9<PATH>…`
fn path_in(descriptor: &str) -> Option<PathBuf> {
    let digits = descriptor.bytes().take_while(u8::is_ascii_digit).count();
    let path = descriptor[digits..].strip_prefix('<').filter(|_| digits > 0)?;
    let (path, _) = path.split_once('>')?;
    Some(PathBuf::from(String::from_utf8(unescaped(path)).ok()?))
}

fn is_to_a_socket(call: &str) -> bool {
    path_of_descriptor(call).is_some_and(|path| path.to_string_lossy().starts_with("socket:"))
}

fn descriptor(call: &str) -> i32 {
    let (_, rest) = call.split_once('(').expect("a call");
    rest.chars().take_while(char::is_ascii_digit).collect::<String>().parse().expect("a descriptor")
}

fn returned(call: &str) -> Option<i64> {
    let (_, returned) = split_at_result(call)?;
    let digits: String = returned.chars().take_while(|c| c.is_ascii_digit() || *c == '-').collect();
    digits.parse().ok()
}

/// Before the result there may be any number of blanks.
fn split_at_result(call: &str) -> Option<(&str, &str)> {
    let (before, after) = call.rsplit_once(" = ")?;
    before.trim_end().ends_with(')').then_some((before, after))
}

fn last_argument(call: &str) -> &str {
    let (before, _) = split_at_result(call).expect("it has ended");
    let arguments = before.trim_end().trim_end_matches(')');
    arguments.rsplit_once(", ").map_or(arguments, |(_, last)| last).trim_end()
}

/// Everything in quotes.
fn strings(call: &str) -> Vec<Vec<u8>> {
    call.split('"').skip(1).step_by(2).map(unescaped).collect()
}

/// `\x2f\x74`; what is not written so stands for itself.
fn unescaped(text: &str) -> Vec<u8> {
    let text = text.as_bytes();
    let mut bytes = Vec::with_capacity(text.len() / 4);
    let mut at = 0;
    while at < text.len() {
        match &text[at..] {
            [b'\\', b'x', high, low, ..] => {
                bytes.push(digit(*high) << 4 | digit(*low));
                at += 4;
            }
            _ => {
                bytes.push(text[at]);
                at += 1;
            }
        }
    }
    bytes
}

fn digit(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        b'a'..=b'f' => digit - b'a' + 10,
        _ => panic!("not hexadecimal"),
    }
}

/// What bytes on a socket mean to somebody outside.
fn said(bytes: &[u8]) -> Option<Step> {
    if bytes.starts_with(b"HTTP/1.1 200") {
        let head = String::from_utf8_lossy(bytes);
        let (_, id) = head.split_once(REQUEST_ID)?;
        return Some(Step::Answers(id.split("\r\n").next()?.to_owned()));
    }
    (bytes.starts_with(b"POST ")).then(|| Step::Asks(bytes.to_vec()))
}
