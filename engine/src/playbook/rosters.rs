//! Who is told, one step after the other: a roster. Which roster that is, a priority says, or a referral instead.
//!
//! A step tells all of its contacts at once. When nobody answers within the priority's `acknowledge_within`, the next
//! step follows; after the last one the whole roster may be gone through again.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Contact, Playbook, Request, Service};
use crate::priority::Priority;
use crate::recognition::Phrases;
use crate::time::Timestamp;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Roster {
    /// As the playbook calls it; of a plain list of contacts, the key it stands under: `P3`, `callback`.
    pub name: Box<str>,
    /// At least one. The first one tells somebody by text.
    pub steps: Vec<RosterStep>,
    /// How often all steps are gone through again when nobody has answered.
    pub repeat: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RosterStep {
    /// Names of contacts, each once; at least one.
    pub contacts: Vec<Box<str>>,
    pub by: Channels,
}

/// How the contacts of a step are told; at least one way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Channels {
    pub sms: bool,
    pub call: bool,
    /// The business's own channel, whoever reads it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub push: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Channel {
    Sms,
    Call,
    Push,
}

/// Calls that go to somebody else than their priority says: a friend of the owner, a trade of somebody else.
#[derive(Clone, Debug)]
pub struct Referral {
    pub name: Box<str>,
    /// Ids of services.
    pub services: Vec<Box<str>>,
    /// Matched in what the caller said, as those of a priority.
    pub phrases: Phrases,
    pub roster: Arc<Roster>,
}

/// How a request for a call back is passed on.
#[derive(Clone, Debug, PartialEq)]
pub struct Callback {
    pub roster: Arc<Roster>,
    /// How soon somebody is to call. Told to the team, never to the caller.
    pub within_s: Option<u64>,
    /// Whether the caller gets a text that the request was passed on.
    pub confirm: bool,
}

/// Who is told of one thing.
#[derive(Clone, Copy, Debug)]
pub struct Route<'a> {
    pub roster: &'a Arc<Roster>,
    /// Told once, beside the roster.
    pub beside: Option<&'a Arc<Roster>>,
    /// Why it is not the usual roster alone.
    pub referral: Option<&'a Referral>,
}

impl Channels {
    pub const SMS: Channels = Channels { sms: true, call: false, push: false };

    pub(super) fn of(channels: &[Channel]) -> Channels {
        let by = |channel| channels.contains(&channel);
        Channels { sms: by(Channel::Sms), call: by(Channel::Call), push: by(Channel::Push) }
    }
}

impl Roster {
    /// One step that texts these contacts.
    pub fn of_texts(name: &str, contacts: Vec<Box<str>>) -> Roster {
        Roster { name: name.into(), steps: vec![RosterStep { contacts, by: Channels::SMS }], repeat: 0 }
    }

    /// Names of those who are texted first.
    pub fn texted_first(&self) -> &[Box<str>] {
        self.steps.first().filter(|step| step.by.sms).map_or(&[], |step| &step.contacts)
    }
}

impl Referral {
    /// A service that is passed to one contact.
    pub(super) fn of_service(service: &Service) -> Option<Referral> {
        let contact = service.refer_to.clone()?;
        Some(Referral {
            name: service.id.clone(),
            services: vec![service.id.clone()],
            phrases: Phrases::default(),
            roster: Arc::new(Roster::of_texts(&service.id, vec![contact])),
        })
    }

    fn fits(&self, service: &str, said: &str) -> bool {
        let service = bare(service);
        self.services.iter().any(|id| bare(id) == service) || self.phrases.are_in(said)
    }
}

/// Letters and digits only: `sous-dalle` is `sous_dalle`.
fn bare(id: &str) -> String {
    super::fold(id).chars().filter(|letter| letter.is_alphanumeric()).collect()
}

impl Playbook {
    /// Who is told of a call of this priority: the first referral that fits, else `usual`. An emergency reaches those
    /// it always reaches, whoever else is told: a wrong word must not cost a basement.
    pub fn route<'a>(&'a self, priority: Priority, usual: &'a Arc<Roster>, service: &str, said: &str) -> Route<'a> {
        let asked_for = self.services.as_ref().and_then(|it| it.asked_for(&Request::new(service, said)));
        let id = asked_for.map_or(service, |found| &found.service.id);
        let said = format!("{service}\n{said}");
        let mut fitting = self.referrals.iter().filter(|referral| referral.fits(id, &said));
        let referral = fitting.find(|referral| !self.texted([&referral.roster]).is_empty());
        match referral {
            Some(referral) if priority == Priority::P1 => {
                Route { roster: usual, beside: Some(&referral.roster), referral: Some(referral) }
            }
            Some(referral) => Route { roster: &referral.roster, beside: None, referral: Some(referral) },
            None => Route { roster: usual, beside: None, referral: None },
        }
    }

    /// Those of these rosters who are texted first, each number once, whoever shares it. Whoever has the turn is one of
    /// those who take turns.
    pub fn texted<'a>(&'a self, rosters: impl IntoIterator<Item = &'a Arc<Roster>>) -> Vec<&'a Contact> {
        self.texted_at(rosters, Timestamp::EPOCH)
    }

    /// The same at a certain time: it decides whose turn it is.
    pub fn texted_at<'a>(
        &'a self,
        rosters: impl IntoIterator<Item = &'a Arc<Roster>>,
        at: Timestamp,
    ) -> Vec<&'a Contact> {
        let names = rosters.into_iter().flat_map(|roster| roster.texted_first());
        let mut texted: Vec<&Contact> = Vec::new();
        for contact in names.filter_map(|name| self.contact_at(name, at)) {
            if texted.iter().all(|other| other.phone != contact.phone) {
                texted.push(contact);
            }
        }
        texted
    }

    pub fn roster(&self, name: &str) -> Option<&Arc<Roster>> {
        self.rosters.iter().find(|roster| roster.name.as_ref() == name)
    }
}
