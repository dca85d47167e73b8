//! What can be seen on this machine alone.

use std::fs::{self, File};
use std::io::{self, Write};
use std::net::TcpListener;
use std::path::Path;
use std::time::{Duration, Instant};

use engine::ports::{Clock, SystemClock};
use engine::time::Timestamp;

use super::Check;
use crate::cli::client::local_url;
use crate::playbooks;
use crate::settings::Settings;

/// A disk slower than this makes callers wait: every tool call is on the disk before it is answered.
const SLOW_SYNC: Duration = Duration::from_millis(50);
/// 2026-01-01: this program is younger.
const NOT_BEFORE: Timestamp = Timestamp::from_millis(1_767_225_600_000);
/// 2100-01-01.
const NOT_AFTER: Timestamp = Timestamp::from_millis(4_102_444_800_000);

pub async fn checks(settings: &Settings) -> Vec<Check> {
    vec![data_dir(&settings.data_dir), playbooks(settings), clock(SystemClock.now()), port(settings).await]
}

fn data_dir(dir: &Path) -> Check {
    const NAME: &str = "data directory";
    if !dir.exists() {
        let parent = dir.ancestors().skip(1).find(|parent| parent.is_dir() || parent.as_os_str().is_empty());
        let parent = parent.filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        return match timed_sync(parent) {
            Ok(took) => judged(NAME, &format!("{} will be created", dir.display()), took),
            Err(error) => Check::failed(NAME, format!("{} cannot be created: {error}", dir.display())),
        };
    }
    match timed_sync(dir) {
        Ok(took) => judged(NAME, &format!("{} is writable", dir.display()), took),
        Err(error) => Check::failed(NAME, format!("{} cannot be written to: {error}", dir.display())),
    }
}

/// Writes, syncs and removes a small file.
fn timed_sync(dir: &Path) -> io::Result<Duration> {
    let path = dir.join(format!(".cordboard-doctor-{}", std::process::id()));
    let synced = write_and_sync(&path);
    let removed = if path.exists() { fs::remove_file(&path) } else { Ok(()) };
    synced.and_then(|took| removed.map(|()| took))
}

fn write_and_sync(path: &Path) -> io::Result<Duration> {
    let mut file = File::create_new(path)?;
    file.write_all(&[0; 4096])?;
    let began = Instant::now();
    file.sync_all()?;
    Ok(began.elapsed())
}

fn judged(name: &'static str, what: &str, took: Duration) -> Check {
    let ms = took.as_secs_f64() * 1000.0;
    if took > SLOW_SYNC {
        return Check::warning(
            name,
            format!("{what}, but a sync takes {ms:.1} ms: use a faster disk, or calls will wait"),
        );
    }
    Check::ok(name, format!("{what}, a sync takes {ms:.1} ms"))
}

fn playbooks(settings: &Settings) -> Check {
    match playbooks::load(&settings.playbooks) {
        Ok(playbooks) => {
            let tenants: Vec<&str> = playbooks.iter().map(|playbook| playbook.tenant.as_str()).collect();
            Check::ok("playbooks", tenants.join(", "))
        }
        Err(error) => Check::failed("playbooks", error.to_string()),
    }
}

fn clock(now: Timestamp) -> Check {
    if now < NOT_BEFORE || now > NOT_AFTER {
        return Check::failed("clock", format!("it says {now}: set it, or signatures and on-call hours will be wrong"));
    }
    Check::ok("clock", now.to_string())
}

/// Free, or taken by a server of ours.
async fn port(settings: &Settings) -> Check {
    const NAME: &str = "port";
    let address = settings.listen_address().expect("the settings were checked");
    match TcpListener::bind(address) {
        Ok(_) => return Check::ok(NAME, format!("{address} is free; no server runs there")),
        Err(error) if error.kind() != io::ErrorKind::AddrInUse => {
            return Check::failed(NAME, format!("cannot listen on {address}: {error}"));
        }
        Err(_) => {}
    }
    let mut url = local_url(address);
    url.set_path("/healthz");
    match super::outside::get(&url).await {
        Ok(answer) if answer.status == 200 => Check::ok(NAME, format!("{address} is in use by a healthy server")),
        _ => Check::failed(NAME, format!("{address} is in use by something else; choose another with --listen")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_of_another_century_fails() {
        assert_eq!(clock(Timestamp::EPOCH).state, super::super::State::Failed);
        assert_eq!(clock(NOT_BEFORE).state, super::super::State::Ok);
    }

    #[test]
    fn a_data_directory_is_tried_and_left_as_it_was() {
        let root = tempfile::tempdir().unwrap();
        let ok = super::super::State::Ok;
        let new = root.path().join("to/come");
        assert!([ok, super::super::State::Warning].contains(&data_dir(&new).state));
        assert!([ok, super::super::State::Warning].contains(&data_dir(root.path()).state));
        assert!(!new.exists());
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 0);
        let file = root.path().join("file");
        fs::write(&file, "").unwrap();
        assert_eq!(data_dir(&file).state, super::super::State::Failed);
    }
}
