//! How long processes have worked, as Linux counts it.

use std::time::Duration;

/// Parts of a second `/proc` counts in; the same on every Linux there is.
const TICKS_PER_SECOND: u64 = 100;

/// This process.
pub fn ours() -> Duration {
    stat("self").map_or(Duration::ZERO, |stat| stat.worked)
}

/// A process with the children it has, and had.
pub fn family(parent: u32) -> Duration {
    let children = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let children = children.filter_map(|entry| stat(entry.file_name().to_str()?));
    let living: Duration = children.filter(|stat| stat.parent == parent).map(|stat| stat.worked).sum();
    living + stat(&parent.to_string()).map_or(Duration::ZERO, |stat| stat.worked + stat.of_the_dead)
}

struct Stat {
    parent: u32,
    worked: Duration,
    /// What children worked that have ended.
    of_the_dead: Duration,
}

fn stat(process: &str) -> Option<Stat> {
    let text = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name may hold anything, spaces and brackets too: what counts comes behind the last one. Source: proc(5).
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |place: usize| fields.get(place)?.parse::<u64>().ok();
    let time = |ticks: u64| Duration::from_millis(ticks * 1_000 / TICKS_PER_SECOND);
    Some(Stat {
        parent: fields.get(1)?.parse().ok()?,
        worked: time(ticks(11)? + ticks(12)?),
        of_the_dead: time(ticks(13)? + ticks(14)?),
    })
}
