//! The trace is read as strace writes it, and the disk forgets what it may forget.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use rand::SeedableRng;
use rand::rngs::StdRng;

use super::power::{Change, Disk, Step, Tracing};

fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("\\x{byte:02x}")).collect()
}

fn write(file: usize, at: u64, bytes: &[u8]) -> Step {
    Step::Change(file, Change::Write { at, bytes: bytes.into() })
}

fn read(trace: &str) -> Vec<Step> {
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    std::fs::write(file.path(), trace).expect("there is room");
    let mut tracing = Tracing::of(Path::new("/d"));
    tracing.read(file.path());
    tracing.record().steps
}

#[test]
fn calls_are_read_with_the_names_and_places_they_are_about() {
    let (directory, db, log, socket) = (hex("/d"), hex("/d/db"), hex("/d/log"), hex("socket:[7]"));
    let (elsewhere, gone) = (hex("/e/x"), hex("/d/db (deleted)"));
    let answer = hex("HTTP/1.1 200 OK\r\nx-request-id: r1\r\n\r\n{}");
    let trace = format!(
        "7 openat(AT_FDCWD<{directory}>, \"{db}\", O_RDWR|O_CREAT, 0600) = 3<{db}>\n\
         7 openat(AT_FDCWD<{directory}>, \"{elsewhere}\", O_RDWR|O_CREAT, 0600) = 5<{elsewhere}>\n\
         7 write(5<{elsewhere}>, \"{two}\", 2) = 2\n\
         7 write(3<{db}>, \"{two}\", 2) = 2\n\
         7 write(3<{db}>, \"{two}\", 2 <unfinished ...>\n\
         8 pwrite64(3<{db}>, \"{two}\", 2, 40 <unfinished ...>\n\
         9 sendto(9<{socket}>, \"{answer}\", 40, MSG_NOSIGNAL, NULL, 0 <unfinished ...>\n\
         8 <... pwrite64 resumed>)               = 2\n\
         7 <... write resumed>) = 2\n\
         9 <... sendto resumed>) = 40\n\
         7 lseek(3<{db}>, 9, SEEK_SET) = 9\n\
         7 write(3<{db}>, \"{two}\", 2) = 2\n\
         7 fsync(3<{db}> <unfinished ...>\n\
         8 ftruncate(3<{db}>, 1) = 0\n\
         7 <... fsync resumed>)        = 0\n\
         7 fdatasync(3<{db}>) = -1 EIO (Input/output error)\n\
         7 fsync(4<{directory}>) = 0\n\
         7 openat(AT_FDCWD<{directory}>, \"{log}\", O_WRONLY|O_CREAT|O_APPEND, 0600) = 6<{log}>\n\
         7 write(6<{log}>, \"{two}\", 2) = 2\n\
         7 write(6<{log}>, \"{two}\", 2) = 2\n\
         7 rename(\"{log}\", \"{db}\") = 0\n\
         7 pwrite64(3<{gone}>, \"{two}\", 2, 0) = 2\n\
         7 unlink(\"{db}\") = 0\n\
         7 unlink(\"{db}\") = -1 ENOENT (No such file or directory)\n\
         7 openat(AT_FDCWD<{directory}>, \"{db}\", O_RDWR|O_CREAT, 0600) = -1 ENOSPC (No space left on device)\n\
         7 +++ killed by SIGKILL +++\n\
         7 pwrite64(3<{db}>, \"\\x0",
        two = hex("ab")
    );
    let name = |name: &str, file| Step::Name(format!("/d/{name}").into(), file);
    let unname = |name: &str| Step::Unname(format!("/d/{name}").into());
    let expected = [
        name("db", 0),
        write(0, 0, b"ab"),
        Step::Answers("r1".to_owned()),
        write(0, 40, b"ab"),
        write(0, 2, b"ab"),
        write(0, 9, b"ab"),
        Step::SyncBegins(1, 0),
        Step::Change(0, Change::Resize(1)),
        Step::SyncEnds(1),
        // Failed, so it never ends.
        Step::SyncBegins(2, 0),
        Step::NamesSyncBegins(3),
        Step::NamesSyncEnds(3),
        name("log", 1),
        write(1, 0, b"ab"),
        write(1, 2, b"ab"),
        name("db", 1),
        unname("log"),
        unname("db"),
    ];
    assert_eq!(read(&trace), expected);
}

#[test]
#[should_panic(expected = "not modelled")]
fn a_call_that_is_not_understood_is_not_passed_over() {
    let (directory, db) = (hex("/d"), hex("/d/db"));
    read(&format!(
        "7 openat(AT_FDCWD<{directory}>, \"{db}\", O_RDWR|O_CREAT, 0600) = 3<{db}>\n7 fallocate(3<{db}>, 0, 0, 9) = 0\n"
    ));
}

/// What may be in `f` after a power cut, over many of them; `None` where it is not there.
fn outcomes(steps: &[Step]) -> BTreeSet<Option<Vec<u8>>> {
    let mut disk = Disk::default();
    steps.iter().for_each(|step| disk.take(step));
    let mut dice = StdRng::seed_from_u64(3);
    let mut outcomes = BTreeSet::new();
    for _ in 0..400 {
        let after = tempfile::tempdir().expect("a temporary directory");
        disk.cut(&mut dice, Path::new("/d"), after.path());
        outcomes.insert(std::fs::read(after.path().join("f")).ok());
    }
    outcomes
}

fn named() -> [Step; 3] {
    [Step::Name("/d/f".into(), 0), Step::NamesSyncBegins(1), Step::NamesSyncEnds(1)]
}

fn is_only(outcomes: BTreeSet<Option<Vec<u8>>>, expected: &[Option<&[u8]>]) {
    let expected = expected.iter().map(|bytes| bytes.map(<[u8]>::to_vec)).collect();
    assert_eq!(outcomes, expected);
}

#[test]
fn what_was_synced_is_there_and_nothing_else_is_sure_to_be() {
    let synced = |steps: &[Step]| [&named(), &[write(0, 0, b"old")][..], steps].concat();
    let sync = [Step::SyncBegins(2, 0), Step::SyncEnds(2)];
    is_only(outcomes(&synced(&sync)), &[Some(b"old")]);
    is_only(outcomes(&synced(&sync[..1])), &[Some(b""), Some(b"\0\0\0"), Some(b"old")]);
    // Written after the sync began.
    let late = [Step::SyncBegins(2, 0), write(0, 0, b"new"), Step::SyncEnds(2)];
    is_only(outcomes(&synced(&late)), &[Some(b"old"), Some(b"new")]);
    // Cut short, or not yet.
    let shorter = [&sync[..], &[Step::Change(0, Change::Resize(1))]].concat();
    is_only(outcomes(&synced(&shorter)), &[Some(b"o"), Some(b"o\0\0"), Some(b"old")]);
}

#[test]
fn a_name_that_was_not_synced_may_be_gone() {
    let written = [Step::Name("/d/f".into(), 0), write(0, 0, b"x"), Step::SyncBegins(1, 0), Step::SyncEnds(1)];
    is_only(outcomes(&written), &[None, Some(b"x")]);
    let replaced = [
        &named(),
        &[
            Step::Name("/d/new".into(), 1),
            write(1, 0, b"y"),
            Step::SyncBegins(2, 1),
            Step::SyncEnds(2),
            Step::Name("/d/f".into(), 1),
            Step::Unname("/d/new".into()),
        ][..],
    ];
    is_only(outcomes(&replaced.concat()), &[Some(b""), Some(b"y")]);
}

#[test]
fn a_write_is_torn_between_sectors_and_not_within() {
    let bytes: Arc<[u8]> = [vec![1; 512], vec![2; 512]].concat().into();
    let steps = [&named(), &[Step::Change(0, Change::Write { at: 0, bytes })][..]].concat();
    let sectors: BTreeSet<Vec<u8>> = outcomes(&steps)
        .into_iter()
        .flatten()
        .filter(|bytes| bytes.len() == 1024)
        .map(|mut bytes| {
            bytes.dedup();
            bytes
        })
        .collect();
    assert_eq!(sectors, [vec![0], vec![0, 2], vec![1, 0], vec![1, 2]].into());
}
