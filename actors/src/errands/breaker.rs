//! One breaker per tool of a business's own: an endpoint that fails again and again is left alone for a while, so that
//! its timeout is not every caller's silence. After the pause one errand tries; the others follow if it succeeds.

use std::collections::HashMap;
use std::time::Duration;

use engine::ids::TenantId;
use engine::tools::{Loss, Lost};
use parking_lot::Mutex;
use tokio::time::Instant;

pub(super) struct Breakers {
    /// Failures in a row after which an endpoint is left alone, and for how long.
    failures: u32,
    rest: Duration,
    /// As many as there are such tools in the playbooks.
    states: Mutex<HashMap<(TenantId, Box<str>), State>>,
}

#[derive(Default)]
struct State {
    /// Where the tool was asked. One that is moved by a reload starts afresh.
    url: Box<str>,
    failures: u32,
    rests_until: Option<Instant>,
}

impl Breakers {
    pub fn new(failures: u32, rest: Duration) -> Breakers {
        Breakers { failures, rest, states: Mutex::default() }
    }

    /// Asks, unless the endpoint rests; and learns from what came back.
    pub async fn guard<T>(
        &self,
        tenant: &TenantId,
        tool: &str,
        url: &str,
        asking: impl Future<Output = Result<T, Lost>>,
    ) -> Result<T, Lost> {
        if !self.admits(tenant, tool, url) {
            return Err(Lost::not_asked(format!("left alone after {} failures in a row", self.failures)));
        }
        let asked = asking.await;
        // Who refuses is alive.
        let alive = asked.as_ref().map_or_else(|lost| lost.how == Loss::Refused, |_| true);
        self.learn(tenant, tool, url, alive);
        asked
    }

    fn admits(&self, tenant: &TenantId, tool: &str, url: &str) -> bool {
        let mut states = self.states.lock();
        let known = states.get_mut(&(tenant.clone(), tool.into()));
        let Some(state) = known.filter(|state| &*state.url == url) else { return true };
        let now = Instant::now();
        match state.rests_until {
            Some(until) if now < until => false,
            Some(_) => {
                // One tries; should it hang, the next may try after another pause.
                state.rests_until = Some(now + self.rest);
                true
            }
            None => true,
        }
    }

    fn learn(&self, tenant: &TenantId, tool: &str, url: &str, alive: bool) {
        let mut states = self.states.lock();
        if alive {
            states.remove(&(tenant.clone(), tool.into()));
            return;
        }
        let state = states.entry((tenant.clone(), tool.into())).or_default();
        if &*state.url != url {
            *state = State { url: url.into(), ..State::default() };
        }
        state.failures = state.failures.saturating_add(1);
        if state.failures >= self.failures {
            state.rests_until = Some(Instant::now() + self.rest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REST: Duration = Duration::from_secs(10);

    async fn ask(breakers: &Breakers, tool: &str, outcome: Result<(), Lost>) -> bool {
        ask_at(breakers, tool, "https://tools.example.com/", outcome).await
    }

    async fn ask_at(breakers: &Breakers, tool: &str, url: &str, outcome: Result<(), Lost>) -> bool {
        let tenant = TenantId::parse("acme").unwrap();
        let mut asked = false;
        let _ = breakers.guard(&tenant, tool, url, async { (asked = true, outcome).1 }).await;
        asked
    }

    fn late() -> Result<(), Lost> {
        Err(Lost::unknown("late"))
    }

    #[tokio::test(start_paused = true)]
    async fn an_endpoint_that_keeps_failing_is_left_alone_and_tried_by_one() {
        let breakers = Breakers::new(2, REST);
        assert!(ask(&breakers, "book", late()).await && ask(&breakers, "book", late()).await);
        assert!(!ask(&breakers, "book", Ok(())).await, "it rests");
        assert!(ask(&breakers, "other", Ok(())).await, "another tool is another endpoint");
        tokio::time::advance(REST).await;
        assert!(ask(&breakers, "book", late()).await, "one tries");
        assert!(!ask(&breakers, "book", Ok(())).await, "and failed");
        tokio::time::advance(REST).await;
        assert!(ask(&breakers, "book", Ok(())).await && ask(&breakers, "book", Ok(())).await, "it works again");
    }

    #[tokio::test(start_paused = true)]
    async fn a_tool_that_is_moved_elsewhere_starts_afresh() {
        let breakers = Breakers::new(2, REST);
        assert!(ask(&breakers, "book", late()).await && ask(&breakers, "book", late()).await);
        assert!(!ask(&breakers, "book", Ok(())).await);
        for _ in 0..2 {
            assert!(ask_at(&breakers, "book", "https://new.example.com/", late()).await);
        }
        assert!(!ask_at(&breakers, "book", "https://new.example.com/", Ok(())).await);
    }

    #[tokio::test(start_paused = true)]
    async fn only_failures_in_a_row_count_and_a_refusal_is_none() {
        let breakers = Breakers::new(2, REST);
        for outcome in [late(), Ok(()), late(), Err(Lost::refused("status 422")), late()] {
            assert!(ask(&breakers, "book", outcome).await);
        }
        assert!(ask(&breakers, "book", late()).await);
        assert!(!ask(&breakers, "book", Ok(())).await);
    }
}
