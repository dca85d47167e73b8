//! This machine: playbooks, data directory, port, clock.

use std::io::{self, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use engine::ports::{Clock, SystemClock};
use serde_json::Value;

use super::report::Check;
use crate::cli::target::{base_url, local_url};
use crate::playbooks;
use crate::settings::Settings;
use crate::simulator::load::{self, Options};

/// A commit waits for the disk; slower than this and callers begin to notice.
const SLOW_SYNC: Duration = Duration::from_millis(50);

/// 2026-01-01 and 2100-01-01, in ms since 1970. A clock outside has never been set.
const SANE_MS: std::ops::Range<i64> = 1_767_225_600_000..4_102_444_800_000;

pub async fn examine(settings: &Settings) -> Vec<Check> {
    vec![of_playbooks(settings), of_data_dir(&settings.data_dir), of_port(settings).await, of_clock()]
}

fn of_playbooks(settings: &Settings) -> Check {
    match playbooks::check(&settings.playbooks) {
        Ok(checked) => {
            let tenants: Vec<&str> = checked.playbooks.iter().map(|(_, playbook)| playbook.tenant.as_str()).collect();
            Check::ok("playbooks", tenants.join(", "))
        }
        Err(error) => Check::fail("playbooks", error, "mend the file"),
    }
}

fn of_data_dir(dir: &Path) -> Check {
    let (place, will_be) = existing(dir);
    match sync_time(&place) {
        Ok(took) => {
            let found = format!("{}{will_be}, fsync {:.1} ms", dir.display(), took.as_secs_f64() * 1000.0);
            match took > SLOW_SYNC {
                true => Check::warn("data dir", found, "use a faster disk: every webhook waits for it"),
                false => Check::ok("data dir", found),
            }
        }
        Err(error) => {
            let todo = "make it writable, or choose another with --data-dir";
            Check::fail("data dir", format!("{}: {error}", place.display()), todo)
        }
    }
}

/// The directory, or the nearest one above it in which it will be made.
fn existing(dir: &Path) -> (PathBuf, &'static str) {
    if dir.exists() {
        return (dir.to_owned(), "");
    }
    let above = dir.ancestors().skip(1).find(|above| above.exists()).unwrap_or(Path::new("."));
    (above.to_owned(), " (will be made)")
}

fn sync_time(dir: &Path) -> io::Result<Duration> {
    let mut file = tempfile::NamedTempFile::new_in(dir)?;
    file.write_all(&[0; 4096])?;
    let started = Instant::now();
    file.as_file().sync_all()?;
    Ok(started.elapsed())
}

async fn of_port(settings: &Settings) -> Check {
    match TcpListener::bind(&settings.listen) {
        Ok(_) => Check::ok("port", format!("{} is free", settings.listen)),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => of_listener(settings).await,
        Err(error) => Check::fail("port", format!("{}: {error}", settings.listen), "choose another with --listen"),
    }
}

/// Is it ours that listens there?
async fn of_listener(settings: &Settings) -> Check {
    let version = version(&local_url(settings)).await;
    match version {
        Some(version) => Check::ok("port", format!("cordboard {version} answers on {}", settings.listen)),
        None => {
            let found = format!("{} is taken by another program", settings.listen);
            Check::fail("port", found, "stop it, or choose another with --listen")
        }
    }
}

async fn version(base: &str) -> Option<String> {
    let url = base_url(base).ok()?.join("/healthz").ok()?;
    let options = Options { timeout: Duration::from_secs(5), ..Options::default() };
    let answer = load::client(&url, &options).ok()?.get(url).send().await.ok()?;
    let body: Value = answer.error_for_status().ok()?.json().await.ok()?;
    (body["status"] == "ok").then(|| body["version"].as_str().map(str::to_owned))?
}

fn of_clock() -> Check {
    let now = SystemClock.now();
    match SANE_MS.contains(&now.as_millis()) {
        true => Check::ok("clock", now),
        false => Check::fail("clock", now, "set the time: signed webhooks are refused by a clock that is off"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_to_be_made_is_tried_where_it_will_be() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(existing(&root.path().join("a/b")), (root.path().to_owned(), " (will be made)"));
        assert_eq!(existing(root.path()), (root.path().to_owned(), ""));
        assert!(sync_time(root.path()).is_ok());
        assert_eq!(std::fs::read_dir(root.path()).unwrap().count(), 0);
    }
}
