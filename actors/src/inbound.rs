//! Texts that come in: who wants no more of them, who wants them again, who wants help, and whatever else people answer.
//!
//! Not an actor: each text is handled where it arrives, ahead of every queue, and is answered only after what it asked
//! for is committed. The same text may come again: it asks for nothing new.

use std::sync::Arc;

use engine::failure::Failure;
use engine::ids::TenantId;
use engine::phone::PhoneNumber;
use engine::playbook::Language;
use engine::ports::{Clock, EventBus, Heard, InboundSms, Inbox, OptIn, OptOut, OptOutSource, OptOuts, Replies, Reply};
use engine::sms::{Said, Wish, help_answer, wish};
use tracing::info;

use crate::leavers::Leavers;
use crate::metrics::sms as metrics;
use crate::tenants::Tenants;

/// A text as a carrier hands it over.
#[derive(Clone, Debug)]
pub struct Text {
    /// The carrier's own id.
    pub id: Box<str>,
    pub whose: Whose,
    pub from: PhoneNumber,
    pub to: Box<str>,
    pub body: Box<str>,
    /// What the carrier itself has taken it for, and has answered.
    pub understood: Option<Wish>,
}

/// Who texts from the account that a text came in by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whose {
    Tenant(TenantId),
    /// Any of these.
    Shared(Vec<TenantId>),
}

/// Hears texts that come in. Cheap to clone.
#[derive(Clone)]
pub struct Inbound {
    opt_outs: Arc<dyn OptOuts>,
    inbox: Arc<dyn Inbox>,
    replies: Arc<dyn Replies>,
    leavers: Leavers,
    tenants: Tenants,
    clock: Arc<dyn Clock>,
}

impl Whose {
    /// `None`: nobody can tell, or it concerns all of them.
    fn tenant(&self) -> Option<TenantId> {
        match self {
            Whose::Tenant(tenant) => Some(tenant.clone()),
            Whose::Shared(_) => None,
        }
    }

    fn tenants(&self) -> &[TenantId] {
        match self {
            Whose::Tenant(tenant) => std::slice::from_ref(tenant),
            Whose::Shared(tenants) => tenants,
        }
    }
}

impl Inbound {
    pub fn new(
        opt_outs: Arc<dyn OptOuts>,
        inbox: Arc<dyn Inbox>,
        replies: Arc<dyn Replies>,
        bus: Arc<dyn EventBus>,
        tenants: Tenants,
        clock: Arc<dyn Clock>,
    ) -> Inbound {
        let leavers = Leavers::new(opt_outs.clone(), bus, tenants.clone());
        Inbound { opt_outs, inbox, replies, leavers, tenants, clock }
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
            tenant: text.whose.tenant(),
            number: text.from.clone(),
            source,
            at: self.clock.now(),
            message: Some(text.id.clone()),
        };
        self.leavers.record(&opt_out).await
    }

    async fn opt_in(&self, text: &Text) -> Result<bool, Failure> {
        let opt_in = OptIn {
            tenant: text.whose.tenant(),
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

    /// Whose it is is not guessed here: somebody may be of several teams. The same text again answers nothing: it might
    /// take another alert than the one it was meant for.
    async fn pass_on(&self, text: &Text) -> Result<Option<String>, Failure> {
        if self.inbox.knows(&text.id).await? {
            return Ok(None);
        }
        let (tenants, from) = (text.whose.tenants().to_vec(), text.from.clone());
        let (body, message) = (text.body.clone(), text.id.clone());
        let reply = Reply { tenants, from, body, message, at: self.clock.now() };
        let (outcome, answer) = match self.replies.hear(&reply).await? {
            Heard::Answered { say } => ("answered", Some(say)),
            Heard::NothingOpen => ("nothing_open", None),
        };
        metrics::replied(outcome);
        Ok(answer)
    }

    /// The account's tenant, else the one of them who texted them last, else the only one there is.
    async fn whose(&self, text: &Text) -> Result<Option<TenantId>, Failure> {
        if let [tenant] = text.whose.tenants() {
            return Ok(Some(tenant.clone()));
        }
        let is_one = |tenant: &TenantId| text.whose.tenants().contains(tenant);
        let last = self.inbox.last_to_text(&text.from).await?.filter(is_one);
        Ok(last.or_else(|| self.tenants.in_force().default.clone().filter(is_one)))
    }
}

#[cfg(test)]
mod tests;
