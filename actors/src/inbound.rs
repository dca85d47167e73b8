//! Texts that come in: who wants no more of them, who wants them again, who wants help, and whatever else people answer.
//!
//! Not an actor: each text is handled where it arrives, ahead of every queue, and is answered only after what it asked
//! for is committed. The same text may come again: it asks for nothing new.

use std::sync::Arc;

use async_trait::async_trait;
use engine::failure::Failure;
use engine::ids::TenantId;
use engine::phone::PhoneNumber;
use engine::playbook::Language;
use engine::ports::{
    Clock, EventBus, Heard, InboundSms, Inbox, OptIn, OptOut, OptOutSource, OptOuts, Replies, Reply, SmsProvider,
};
use engine::sms::{Answered, Attempt, ErrorClass, Found, Said, SendOutcome, Sms, Wish, help_answer, wish};
use tracing::{error, info, warn};

use crate::metrics::sms as metrics;
use crate::sms_sender::publish;
use crate::tenants::Tenants;

/// A text as a carrier hands it over.
#[derive(Clone, Debug)]
pub struct Text {
    /// The carrier's own id.
    pub id: Box<str>,
    /// Whose account it came in by; `None`: one that several tenants text from.
    pub tenant: Option<TenantId>,
    pub from: PhoneNumber,
    pub to: Box<str>,
    pub body: Box<str>,
    /// What the carrier itself has taken it for, and has answered.
    pub understood: Option<Wish>,
}

/// Hears texts that come in. Cheap to clone.
#[derive(Clone)]
pub struct Inbound {
    opt_outs: Arc<dyn OptOuts>,
    inbox: Arc<dyn Inbox>,
    replies: Arc<dyn Replies>,
    bus: Arc<dyn EventBus>,
    tenants: Tenants,
    clock: Arc<dyn Clock>,
}

impl Inbound {
    pub fn new(
        store: Arc<impl OptOuts + Inbox>,
        replies: Arc<dyn Replies>,
        bus: Arc<dyn EventBus>,
        tenants: Tenants,
        clock: Arc<dyn Clock>,
    ) -> Inbound {
        Inbound { opt_outs: store.clone(), inbox: store, replies, bus, tenants, clock }
    }

    /// What is to be texted back, if anything. Fails when nothing could be recorded: it may come again.
    pub async fn hear(&self, text: &Text) -> Result<Option<String>, Failure> {
        let wished = text.understood.unwrap_or_else(|| wish(&text.body));
        // Before anything else can fail.
        if let Wish::Stop(said) = wished {
            self.opt_out(text, said).await?;
        }
        let whose = self.whose(text).await?;
        let answer = match wished {
            Wish::Stop(_) => None,
            Wish::Start => self.opt_in(text).await.map(|_| None)?,
            Wish::Yes if self.opt_in(text).await? => None,
            Wish::Help(asked) => self.help(text, whose.as_ref(), asked),
            Wish::Yes | Wish::Other => self.pass_on(text).await?,
        };
        let kept = InboundSms {
            id: text.id.clone(),
            tenant: whose,
            from: text.from.clone(),
            to: text.to.clone(),
            body: text.body.clone(),
            wish: wished.as_str().into(),
            at: self.clock.now(),
        };
        if self.inbox.keep(&kept).await? {
            metrics::came_in(wished);
        }
        Ok(answer)
    }

    async fn opt_out(&self, text: &Text, said: Said) -> Result<(), Failure> {
        let source = match said {
            Said::Keyword => OptOutSource::Keyword,
            Said::InWords => OptOutSource::InWords,
        };
        let opt_out = OptOut {
            tenant: text.tenant.clone(),
            number: text.from.clone(),
            source,
            at: self.clock.now(),
            message: Some(text.id.clone()),
        };
        record(&*self.opt_outs, &*self.bus, &self.tenants, &opt_out).await
    }

    async fn opt_in(&self, text: &Text) -> Result<bool, Failure> {
        let opt_in = OptIn {
            tenant: text.tenant.clone(),
            number: text.from.clone(),
            sources: OptOutSource::UNDONE_BY_START.into(),
            at: self.clock.now(),
            message: Some(text.id.clone()),
        };
        let undone = self.opt_outs.clear(&opt_in).await?;
        if undone {
            info!(sms.from = %text.from.masked(), "somebody may be texted again");
        }
        Ok(undone)
    }

    /// None from us when the carrier has answered already.
    fn help(&self, text: &Text, whose: Option<&TenantId>, asked: Option<Language>) -> Option<String> {
        let playbook = whose.and_then(|tenant| self.tenants.get(tenant));
        text.understood.is_none().then(|| help_answer(playbook.as_deref(), asked))
    }

    /// Whose it is is not guessed here: somebody may be of several teams.
    async fn pass_on(&self, text: &Text) -> Result<Option<String>, Failure> {
        let (tenant, from) = (text.tenant.clone(), text.from.clone());
        let (body, message) = (text.body.clone(), text.id.clone());
        let reply = Reply { tenant, from, body, message, at: self.clock.now() };
        let (outcome, answer) = match self.replies.hear(&reply).await? {
            Heard::Answered { say } => ("answered", Some(say)),
            Heard::NothingOpen => ("nothing_open", None),
        };
        metrics::replied(outcome);
        Ok(answer)
    }

    /// The account's tenant, else the one who texted them last, else the only one there is.
    async fn whose(&self, text: &Text) -> Result<Option<TenantId>, Failure> {
        if text.tenant.is_some() {
            return Ok(text.tenant.clone());
        }
        if let Some(tenant) = self.inbox.last_to_text(&text.from).await? {
            return Ok(Some(tenant));
        }
        let in_force = self.tenants.in_force();
        let only = in_force.playbooks.first().filter(|_| in_force.playbooks.len() == 1);
        Ok(only.map(|playbook| playbook.tenant.clone()).or_else(|| in_force.default.clone()))
    }
}

/// Records that somebody wants no texts, and says so where it matters: one of the team cannot be alarmed any more.
async fn record(
    opt_outs: &dyn OptOuts,
    bus: &dyn EventBus,
    tenants: &Tenants,
    opt_out: &OptOut,
) -> Result<(), Failure> {
    let recorded = opt_outs.add(opt_out).await?;
    for sms in recorded.suppressed {
        publish(bus, sms).await;
    }
    if !recorded.is_new {
        return Ok(());
    }
    metrics::opted_out(opt_out.source);
    let (from, source) = (opt_out.number.masked(), opt_out.source.as_str());
    match on_the_team(tenants, opt_out) {
        Some((tenant, contact)) => {
            metrics::staff_opted_out();
            error!(sms.from = from, source, tenant = %tenant, contact = %contact, "one of the team has opted out and gets no alerts any more");
        }
        None if opt_out.source == OptOutSource::InWords => {
            warn!(
                sms.from = from,
                source, "somebody asked for no more texts in their own words, look whether it was meant"
            );
        }
        None => info!(sms.from = from, source, "somebody has opted out"),
    }
    Ok(())
}

fn on_the_team(tenants: &Tenants, opt_out: &OptOut) -> Option<(TenantId, Box<str>)> {
    let in_force = tenants.in_force();
    let theirs =
        in_force.playbooks.iter().filter(|p| opt_out.tenant.is_none() || opt_out.tenant.as_ref() == Some(&p.tenant));
    theirs.flat_map(|playbook| playbook.contacts.iter().map(move |contact| (playbook, contact))).find_map(
        |(playbook, contact)| {
            (contact.phone == opt_out.number).then(|| (playbook.tenant.clone(), contact.name.clone()))
        },
    )
}

/// A carrier that is listened to when it refuses a text because its recipient has opted out.
pub struct Listening {
    provider: Arc<dyn SmsProvider>,
    opt_outs: Arc<dyn OptOuts>,
    bus: Arc<dyn EventBus>,
    tenants: Tenants,
    clock: Arc<dyn Clock>,
}

impl Listening {
    pub fn new(
        provider: Arc<dyn SmsProvider>,
        opt_outs: Arc<dyn OptOuts>,
        bus: Arc<dyn EventBus>,
        tenants: Tenants,
        clock: Arc<dyn Clock>,
    ) -> Listening {
        Listening { provider, opt_outs, bus, tenants, clock }
    }
}

#[async_trait]
impl SmsProvider for Listening {
    fn name(&self) -> &'static str {
        self.provider.name()
    }

    async fn send(&self, sms: &Sms, attempt: &Attempt) -> Answered {
        let answered = self.provider.send(sms, attempt).await;
        if let SendOutcome::Rejected { class: ErrorClass::OptedOut, .. } = &answered.outcome {
            let opt_out = OptOut {
                tenant: Some(sms.tenant.clone()),
                number: sms.to.clone(),
                source: OptOutSource::Carrier,
                at: self.clock.now(),
                message: None,
            };
            // The message itself is refused either way; the next one teaches us again.
            if let Err(failure) = record(&*self.opt_outs, &*self.bus, &self.tenants, &opt_out).await {
                warn!(sms.id = %sms.id, %failure, "opt-out told by the carrier not recorded");
            }
        }
        answered
    }

    async fn find(&self, sms: &Sms, attempt: &Attempt) -> Result<Vec<Found>, Failure> {
        self.provider.find(sms, attempt).await
    }

    async fn fetch(&self, tenant: &TenantId, provider_id: &str) -> Result<Option<Found>, Failure> {
        self.provider.fetch(tenant, provider_id).await
    }

    fn class_of(&self, code: u32) -> Option<ErrorClass> {
        self.provider.class_of(code)
    }

    fn concurrent(&self) -> Option<u32> {
        self.provider.concurrent()
    }
}

#[cfg(test)]
mod tests;
