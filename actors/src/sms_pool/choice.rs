//! What leaves now: read, chosen, claimed, in that order, until no hand is free or nothing may leave.

use std::sync::Arc;
use std::time::Duration;

use engine::failure::Failure;
use engine::ports::{Candidate, Candidates, Claim, ClaimRequest, PutOff};
use engine::priority::Priority;
use engine::sms::dispatch::{Account, Answer, Departure, Next, Taken};
use engine::sms::pace::Moment;
use engine::sms::room::Room;
use engine::sms::{SendOutcome, rest_after};
use engine::time::Timestamp;
use tokio::time::Instant;
use tracing::warn;

use super::accounts::AccountName;
use super::state::{InHand, State};
use crate::metrics::sms as metrics;
use crate::sms_sender::Order;

/// How soon is looked again when a message that was chosen could not be claimed.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// Who is held steps aside for so long, so that those behind it are seen: not for as long as it is held, which may end
/// any time.
const STEPS_ASIDE: Duration = Duration::from_secs(60);
const HELD: &str = "held: it may not leave now, and others are let past";

/// A message is chosen, claimed and handed over so long before its slot opens, and leaves when it does: what a commit
/// takes is then not lost to the pace.
const BEFORE: Duration = Duration::from_millis(5);

/// A message whose slot is taken.
struct Chosen {
    candidate: Candidate,
    sender: Box<str>,
    account: AccountName,
    taken: Taken,
    leaves_at: Moment,
}

/// What came of choosing.
#[derive(Default)]
struct Choice {
    chosen: Vec<Chosen>,
    put_off: Vec<PutOff>,
    /// When something changes by itself.
    until: Option<Moment>,
}

impl State {
    /// Returns how long to sleep.
    pub async fn fill_hands(&mut self) -> Result<Duration, Failure> {
        self.follow_playbooks().await?;
        if let Some(quiet) = self.quiet_for() {
            return Ok(quiet);
        }
        while !self.free.is_empty() {
            let now = self.plan.ports.clock.now();
            let (due, expired) = self.read(now).await?;
            let (room, waiting) = (self.free.len(), due.len());
            let Choice { chosen, put_off, until } = self.choose(due, room, now);
            let (wanted, held) = (chosen.len(), !put_off.is_empty());
            let claimed = self.claim(chosen, now).await?;
            self.put_off(&put_off, now).await?;
            if held || expired {
                // There may be many more behind them: whoever has an answer for us is heard in between.
                return Ok(Duration::ZERO);
            }
            if claimed < wanted {
                return Ok(LOOK_AGAIN);
            }
            if wanted < room {
                let sleeps = self.sleep(until).await?;
                let is_quiet = wanted == waiting && self.nothing_waits(now).await?;
                self.quiet_until = is_quiet.then(|| Instant::now() + sleeps);
                return Ok(sleeps);
            }
        }
        Ok(self.plan.tick)
    }

    /// Nothing is due, not even what waits for another of its call to be answered.
    async fn nothing_waits(&self, now: Timestamp) -> Result<bool, Failure> {
        Ok(self.plan.ports.outbox.next_due(Timestamp::EPOCH).await?.is_none_or(|at| at > now))
    }

    /// How long it is known that nothing is due. An answer alone is then no reason to look.
    fn quiet_for(&self) -> Option<Duration> {
        let quiet = self.quiet_until?.saturating_duration_since(Instant::now());
        (!quiet.is_zero()).then_some(quiet)
    }

    /// What is due, its tenants' days known; and whether anything has expired instead.
    async fn read(&mut self, now: Timestamp) -> Result<(Vec<Candidate>, bool), Failure> {
        let ports = self.plan.ports.clone();
        let Candidates { due, expired } = ports.outbox.candidates(now, self.plan.per_class).await?;
        let any_expired = !expired.is_empty();
        for sms in expired {
            warn!(sms.id = %sms.id, "sms expired unsent");
            ports.publish(sms).await;
        }
        let due: Vec<Candidate> = due.into_iter().flatten().collect();
        let mut tenants: Vec<_> = due.iter().map(|candidate| &candidate.tenant).collect();
        tenants.sort();
        tenants.dedup();
        for tenant in tenants {
            if let Some(playbook) = self.plan.tenants.get(tenant) {
                self.days.know(&playbook, &*ports.ledger, now).await?;
            }
        }
        Ok((due, any_expired))
    }

    fn choose(&mut self, due: Vec<Candidate>, room: usize, now: Timestamp) -> Choice {
        let mut choice = Choice::default();
        let crowded = self.crowded(&due);
        for (name, mut waiting) in self.accounts.by_account(due) {
            while choice.chosen.len() < room {
                let at = self.moment();
                let Some(account) = self.accounts.get(&name) else { break };
                let hands = hands_for(room - choice.chosen.len(), self.plan.kept);
                let (departure, leaves_at) = match next_before(account, hands, &waiting, at) {
                    Ok(departure) => departure,
                    Err(until) => {
                        choice.until = [choice.until, until].into_iter().flatten().min();
                        break;
                    }
                };
                let (id, playbook) = (departure.candidate.id, self.plan.tenants.get(&departure.candidate.tenant));
                let put_off = playbook.and_then(|playbook| self.days.puts_off(departure.candidate, &playbook, now));
                match put_off {
                    Some(put_off) => choice.put_off.push(put_off),
                    None => {
                        let taken = account.takes(&departure, leaves_at);
                        let Departure { candidate, sender, .. } = departure;
                        self.days.count(&candidate.tenant, &candidate.to, &candidate.contact, candidate.segments);
                        let (candidate, account) = (candidate.clone(), name.clone());
                        choice.chosen.push(Chosen { candidate, sender, account, taken, leaves_at });
                    }
                }
                waiting.retain(|candidate| candidate.id != id);
            }
            waiting.retain(|candidate| crowded[candidate.priority as usize]);
            choice.put_off.extend(self.stepping_aside(&name, &waiting, now));
        }
        choice
    }

    /// The classes of which more may wait than was read.
    fn crowded(&self, due: &[Candidate]) -> [bool; 4] {
        let of = |class| due.iter().filter(|candidate| candidate.priority == class).count();
        Priority::ALL.map(|class| of(class) >= self.plan.per_class)
    }

    fn stepping_aside(&mut self, account: &AccountName, waiting: &[Candidate], now: Timestamp) -> Vec<PutOff> {
        let at = self.moment();
        let Some(account) = self.accounts.get(account) else { return Vec::new() };
        let put_off = |(candidate, until): (&Candidate, Moment)| {
            let held_for = until.saturating_sub(at).min(STEPS_ASIDE);
            PutOff { id: candidate.id, until: now.plus(held_for), why: HELD }
        };
        account.held_back(waiting, at).into_iter().map(put_off).collect()
    }

    /// Commits the attempts and hands them over. Returns how many.
    async fn claim(&mut self, chosen: Vec<Chosen>, now: Timestamp) -> Result<usize, Failure> {
        if chosen.is_empty() {
            return Ok(0);
        }
        let request = |it: &Chosen| ClaimRequest { id: it.candidate.id, sender: it.sender.clone() };
        let requests: Vec<ClaimRequest> = chosen.iter().map(request).collect();
        let claims = match self.plan.ports.outbox.claim(&requests, now).await {
            Ok(claims) => claims,
            Err(failure) => {
                chosen.iter().for_each(|it| self.stays(it));
                return Err(failure);
            }
        };
        let mut claimed = 0;
        for (chosen, claim) in chosen.into_iter().zip(claims) {
            match claim {
                Ok(claim) => {
                    claimed += 1;
                    self.hand_over(claim, chosen);
                }
                // Cancelled, opted out or taken since it was read.
                Err(_) => self.stays(&chosen),
            }
        }
        Ok(claimed)
    }

    fn stays(&mut self, Chosen { candidate, account, .. }: &Chosen) {
        let at = self.moment();
        if let Some(account) = self.accounts.get(account) {
            account.stays(candidate.id, at);
        }
        self.days.uncount(&candidate.tenant, &candidate.to, &candidate.contact, candidate.segments);
    }

    fn hand_over(&mut self, claim: Claim, chosen: Chosen) {
        let Chosen { candidate, account, taken, leaves_at, .. } = chosen;
        let leaves_at = leaves_at.max(self.moment());
        if let Some(account) = self.accounts.get(&account) {
            account.leaves(candidate.id, leaves_at);
        }
        metrics::slot_waited(candidate.priority, self.plan.ports.clock.now().since(candidate.due_at));
        let Taken { refusals, another } = taken;
        let order = Arc::new(Order { claim, refusals, another, not_before: self.instant_of(leaves_at) });
        let hand = self.free.pop().expect("no more is chosen than hands are free");
        match hand.cast(order.clone()) {
            Ok(()) => drop(self.busy.insert(hand.get_id(), InHand { sender: hand, order, account })),
            // It died while idle; its replacement is on its way.
            Err(_) => {
                let outcome = SendOutcome::NotSent { reason: "its sender was gone".into() };
                self.hears(&order, &account, &outcome, None, None);
                self.orphans.push((order, outcome));
            }
        }
    }

    /// An attempt has ended: what its account, and the day, make of it.
    pub fn hears(
        &mut self,
        order: &Order,
        account: &AccountName,
        outcome: &SendOutcome,
        rest: Option<Duration>,
        took: Option<Duration>,
    ) {
        let at = self.moment();
        // It is told of the deployment's account.
        let concurrent = self.plan.ports.provider.concurrent().filter(|_| account.is_none());
        let sms = &order.claim.sms;
        // What makes a sender rest was not sent, and costs nothing.
        if rest_after(outcome, order.refusals).is_some() {
            self.days.uncount(&sms.tenant, &sms.to, &sms.contact, sms.segments);
        }
        if let Some(account) = self.accounts.get(account) {
            account.hears(sms.id, &Answer { outcome, rest, concurrent, took }, at);
        }
    }

    async fn put_off(&mut self, held: &[PutOff], now: Timestamp) -> Result<(), Failure> {
        if held.is_empty() {
            return Ok(());
        }
        let put_off = self.plan.ports.ledger.put_off(held, now).await?;
        warn!(sms.messages = put_off.len(), why = held.first().map(|held| held.why), "sms put off");
        for sms in put_off {
            self.plan.ports.show(sms).await;
        }
        Ok(())
    }

    /// Until a slot opens or another message is due, whichever is first. What is due already waits for a slot, or for an
    /// answer, which wakes us.
    async fn sleep(&self, until: Option<Moment>) -> Result<Duration, Failure> {
        let ports = &self.plan.ports;
        let now = ports.clock.now();
        let due_in = ports.outbox.next_due(now).await?.map(|at| at.since(now));
        let opens_in = until.map(|until| until.saturating_sub(self.moment() + BEFORE));
        Ok([due_in, opens_in].into_iter().flatten().min().unwrap_or(self.plan.tick))
    }
}

/// Who leaves next, now or in a moment, and when; else when to ask again.
fn next_before<'c>(
    account: &mut Account,
    hands: Room,
    waiting: &'c [Candidate],
    now: Moment,
) -> Result<(Departure<'c>, Moment), Option<Moment>> {
    let mut at = now;
    loop {
        match account.next_with(hands, waiting, at) {
            Next::Send(departure) => return Ok((departure, at)),
            Next::Wait(Some(soon)) if at < soon && soon <= now + BEFORE => at = soon,
            Next::Wait(until) => return Err(until),
        }
    }
}

/// Whose the hands are that are `left`.
fn hands_for(left: usize, kept: usize) -> Room {
    if left > kept { Room::Any } else { Room::Emergencies }
}
