//! Says in the log that webhooks are refused: once a second for each way to refuse one, and how many it was. A flood of
//! strangers, or of calls there is no room for, must not become a flood of lines.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

const PAUSE: Duration = Duration::from_secs(1);

/// By outcome, from the closed list that also labels the metric.
#[derive(Default)]
pub struct RefusalLog(Mutex<HashMap<&'static str, Said>>);

struct Said {
    at: Instant,
    unsaid: u64,
}

impl RefusalLog {
    /// How many refusals with this outcome there were since it was last said, this one included; `None` while it is too
    /// early to say so again.
    pub fn due(&self, outcome: &'static str) -> Option<u64> {
        self.due_at(outcome, Instant::now())
    }

    fn due_at(&self, outcome: &'static str, now: Instant) -> Option<u64> {
        let mut outcomes = self.0.lock();
        let Some(said) = outcomes.get_mut(outcome) else {
            outcomes.insert(outcome, Said { at: now, unsaid: 0 });
            return Some(1);
        };
        said.unsaid += 1;
        if now.saturating_duration_since(said.at) < PAUSE {
            return None;
        }
        said.at = now;
        Some(std::mem::take(&mut said.unsaid))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_one_line_a_second_for_each_outcome() {
        let (log, start) = (RefusalLog::default(), Instant::now());
        let after = |ms: u64| start + Duration::from_millis(ms);
        assert_eq!(log.due_at("unauthenticated", start), Some(1));
        assert_eq!(log.due_at("unauthenticated", after(1)), None);
        assert_eq!(log.due_at("no_room", after(2)), Some(1), "another outcome is said at once");
        assert_eq!(log.due_at("unauthenticated", after(999)), None);
        assert_eq!(log.due_at("unauthenticated", after(1_000)), Some(3));
        assert_eq!(log.due_at("unauthenticated", after(1_500)), None);
    }
}
