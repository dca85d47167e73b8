//! What the kernel and the runtime know of this process, under the names every Prometheus client uses. The kernel's part
//! is empty where there is no /proc.

use std::fmt::Write;
use std::fs;

use tokio::runtime::RuntimeMetrics;

/// Jiffies per second as Linux shows them to programs (USER_HZ), on every architecture we build for.
const TICKS_PER_SECOND: f64 = 100.0;

pub fn exposition() -> String {
    let mut text = String::new();
    write_one(&mut text, "process_resident_memory_bytes", "gauge", "Resident memory", status_bytes("VmRSS:"));
    write_one(&mut text, "process_virtual_memory_bytes", "gauge", "Address space", status_bytes("VmSize:"));
    write_one(&mut text, "process_cpu_seconds_total", "counter", "User and system time spent", cpu_seconds());
    write_one(&mut text, "process_open_fds", "gauge", "Open file descriptors", open_fds());
    write_one(&mut text, "process_max_fds", "gauge", "File descriptors that may be open", max_fds());
    write_one(&mut text, "process_threads", "gauge", "Threads", stat_field(20));
    write_one(&mut text, "process_start_time_seconds", "gauge", "Start, seconds since 1970", start_seconds());
    text
}

/// The main runtime: the calls, the texts and the alerts. The HTTP workers each have one of their own.
pub fn runtime(runtime: &RuntimeMetrics) -> String {
    let busy = (0..runtime.num_workers()).map(|worker| runtime.worker_total_busy_duration(worker).as_secs_f64());
    let parks: u64 = (0..runtime.num_workers()).map(|worker| runtime.worker_park_count(worker)).sum();
    let mut text = String::new();
    let mut write = |name, kind, help, value: f64| write_one(&mut text, name, kind, help, Some(value));
    write("tokio_workers", "gauge", "Threads of the main runtime", runtime.num_workers() as f64);
    write("tokio_alive_tasks", "gauge", "Tasks alive in the main runtime", runtime.num_alive_tasks() as f64);
    let waiting = runtime.global_queue_depth() as f64;
    write("tokio_global_queue_depth", "gauge", "Tasks waiting in the main runtime's shared queue", waiting);
    write("tokio_busy_seconds_total", "counter", "Time the main runtime's threads were busy, summed", busy.sum());
    write("tokio_parks_total", "counter", "Times a thread of the main runtime went to sleep", parks as f64);
    text
}

fn write_one(text: &mut String, name: &str, kind: &str, help: &str, value: Option<f64>) {
    if let Some(value) = value {
        writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}\n")
            .expect("a string takes everything");
    }
}

fn status_bytes(field: &str) -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(field))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<f64>().ok()? * 1024.0)
}

fn cpu_seconds() -> Option<f64> {
    Some((stat_field(14)? + stat_field(15)?) / TICKS_PER_SECOND)
}

fn open_fds() -> Option<f64> {
    Some(fs::read_dir("/proc/self/fd").ok()?.count() as f64)
}

/// The soft limit; without one there is nothing to tell.
fn max_fds() -> Option<f64> {
    let limits = fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

fn start_seconds() -> Option<f64> {
    let stat = fs::read_to_string("/proc/stat").ok()?;
    let boot: f64 = stat.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()?;
    Some(boot + stat_field(22)? / TICKS_PER_SECOND)
}

/// Field `n` of proc_pid_stat(5), counted from 1. Starts after the name, which may hold blanks and parentheses.
fn stat_field(n: usize) -> Option<f64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    let (_, after_name) = stat.rsplit_once(')')?;
    after_name.split_whitespace().nth(n - 3)?.parse().ok()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    #[test]
    fn a_running_process_has_memory_files_and_a_start() {
        let text = super::exposition();
        for name in ["resident_memory_bytes", "virtual_memory_bytes", "cpu_seconds_total", "open_fds", "threads"] {
            assert!(text.contains(&format!("\nprocess_{name} ")), "{name} in {text}");
        }
        assert!(super::open_fds() < super::max_fds());
        assert!(super::start_seconds().unwrap() > 1.6e9);
    }
}
