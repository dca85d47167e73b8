//! What the kernel knows of this process, under the names every Prometheus client uses. Empty where there is no /proc.

use std::fmt::Write;
use std::fs;

/// Jiffies per second as Linux shows them to programs (USER_HZ), on every architecture we build for.
const TICKS_PER_SECOND: f64 = 100.0;

pub fn exposition() -> String {
    let mut text = String::new();
    write_one(&mut text, "process_resident_memory_bytes", "gauge", "Resident memory", resident_bytes());
    write_one(&mut text, "process_cpu_seconds_total", "counter", "User and system time spent", cpu_seconds());
    write_one(&mut text, "process_open_fds", "gauge", "Open file descriptors", open_fds());
    write_one(&mut text, "process_start_time_seconds", "gauge", "Start, seconds since 1970", start_seconds());
    text
}

fn write_one(text: &mut String, name: &str, kind: &str, help: &str, value: Option<f64>) {
    if let Some(value) = value {
        writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}\n")
            .expect("a string takes everything");
    }
}

fn resident_bytes() -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<f64>().ok()? * 1024.0)
}

fn cpu_seconds() -> Option<f64> {
    Some((stat_field(14)? + stat_field(15)?) / TICKS_PER_SECOND)
}

fn open_fds() -> Option<f64> {
    Some(fs::read_dir("/proc/self/fd").ok()?.count() as f64)
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
        for name in ["resident_memory_bytes", "cpu_seconds_total", "open_fds", "start_time_seconds"] {
            assert!(text.contains(&format!("\nprocess_{name} ")), "{name} in {text}");
        }
        assert!(super::start_seconds().unwrap() > 1.6e9);
    }
}
