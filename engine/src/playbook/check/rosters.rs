//! Rosters, referrals and calls back: whatever is written, somebody is told.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use toml::Spanned;

use super::{Check, Checked, MAX_DELAY_S};
use crate::playbook::file::{CallbackTable, ReferralTable, RosterTable, StepTable};
use crate::playbook::rosters::Channels;
use crate::playbook::{Callback, Contact, PriorityRule, Referral, Roster, RosterStep, Services};
use crate::priority::Priority;

/// Contacts told at once.
const MAX_RECIPIENTS: usize = 10;
const MAX_STEPS: usize = 10;
const MAX_REPEATS: u32 = 10;
const MAX_NAME_CHARS: usize = 40;

/// Everybody who can be told, to find names in.
pub(super) struct People<'a> {
    pub contacts: &'a [Contact],
    pub rosters: &'a [Spanned<Arc<Roster>>],
}

/// Who is told, as it is written: a list of contacts, or the name of a roster.
pub(super) struct Told<'a> {
    pub text: Option<&'a Spanned<Vec<Spanned<String>>>>,
    pub roster: Option<&'a Spanned<String>>,
}

impl Check<'_> {
    /// In the order of the file.
    pub(super) fn rosters(
        &self,
        tables: BTreeMap<Spanned<String>, RosterTable>,
        contacts: &[Contact],
    ) -> Checked<Vec<Spanned<Arc<Roster>>>> {
        let mut rosters = Vec::with_capacity(tables.len());
        for (name, table) in tables {
            let roster = self.roster(&name, table, contacts)?;
            rosters.push(Spanned::new(name.span(), Arc::new(roster)));
        }
        rosters.sort_by_key(|roster| roster.span().start);
        Ok(rosters)
    }

    fn roster(&self, name: &Spanned<String>, table: RosterTable, contacts: &[Contact]) -> Checked<Roster> {
        let key = format!("rosters.{}", name.get_ref());
        self.label(name, "rosters")?;
        let steps = table.steps.get_ref();
        if !(1..=MAX_STEPS).contains(&steps.len()) {
            let problem = format!("a roster has 1 to {MAX_STEPS} steps");
            return Err(self.refuse(&table.steps, &key, problem, &format!("write [[{key}.steps]]")));
        }
        let step = |(n, step): (usize, &Spanned<StepTable>)| self.step(step, &format!("{key}.steps[{n}]"), contacts);
        let steps = steps.iter().enumerate().map(step).collect::<Checked<Vec<RosterStep>>>()?;
        if !steps[0].by.sms {
            let fix = "add \"sms\" to its `by`, or put another step before it";
            let problem = "nobody is texted by the first step";
            return Err(self.refuse(&table.steps.get_ref()[0], &format!("{key}.steps[0].by"), problem, fix));
        }
        let repeat = table.repeat.as_ref().map_or(0, |repeat| *repeat.get_ref());
        if let Some(repeat) = table.repeat.as_ref().filter(|_| repeat > MAX_REPEATS) {
            let problem = format!("more than {MAX_REPEATS} times");
            return Err(self.refuse(repeat, &format!("{key}.repeat"), problem, "write a smaller number"));
        }
        Ok(Roster { name: name.get_ref().as_str().into(), steps, repeat })
    }

    fn step(&self, step: &Spanned<StepTable>, key: &str, contacts: &[Contact]) -> Checked<RosterStep> {
        let by = match &step.get_ref().by {
            None => Channels::SMS,
            Some(by) if by.get_ref().is_empty() => {
                let fix = "write [\"sms\"], [\"call\"] or both, or leave it out";
                return Err(self.refuse(by, &format!("{key}.by"), "a step that tells nobody", fix));
            }
            Some(by) => Channels::of(by.get_ref()),
        };
        let names = &step.get_ref().contacts;
        Ok(RosterStep { contacts: self.recipients(names, &format!("{key}.contacts"), contacts)?, by })
    }

    /// At least one contact, each once.
    fn recipients(
        &self,
        names: &Spanned<Vec<Spanned<String>>>,
        key: &str,
        contacts: &[Contact],
    ) -> Checked<Vec<Box<str>>> {
        if names.get_ref().is_empty() {
            let fix = format!("name at least one contact: {}", list(contacts));
            return Err(self.refuse(names, key, "nobody is told", &fix));
        }
        self.named(names.get_ref(), key, contacts)
    }

    pub(super) fn named(&self, names: &[Spanned<String>], key: &str, contacts: &[Contact]) -> Checked<Vec<Box<str>>> {
        if let Some(extra) = names.get(MAX_RECIPIENTS) {
            return Err(self.refuse(extra, key, format!("more than {MAX_RECIPIENTS} contacts"), "name fewer"));
        }
        let known = |name: &&Spanned<String>| contacts.iter().any(|contact| *contact.name == **name.get_ref());
        if let Some(stranger) = names.iter().find(|name| !known(name)) {
            let problem = format!("no contact is called {:?}", stranger.get_ref());
            return Err(self.refuse(stranger, key, problem, &format!("name one of: {}", list(contacts))));
        }
        let again =
            names.iter().enumerate().find(|(n, name)| names[..*n].iter().any(|b| b.get_ref() == name.get_ref()));
        if let Some((_, again)) = again {
            let problem = format!("{:?} is named twice", again.get_ref());
            return Err(self.refuse(again, key, problem, "name everybody once"));
        }
        Ok(names.iter().map(|name| name.get_ref().as_str().into()).collect())
    }

    /// Exactly one of `text` and `roster`. `key` is where they stand, `name` what a plain list is called.
    pub(super) fn told(
        &self,
        told: &Told,
        place: &Range<usize>,
        (key, name): (&str, &str),
        people: &People,
    ) -> Checked<Arc<Roster>> {
        match (told.text, told.roster) {
            (Some(text), None) => {
                let contacts = self.recipients(text, &format!("{key}.text"), people.contacts)?;
                Ok(Arc::new(Roster::of_texts(name, contacts)))
            }
            (None, Some(roster)) => self.roster_named(roster, &format!("{key}.roster"), people),
            (None, None) => {
                let fix = "give text = [contacts], or the name of a roster";
                Err(self.source.refuse(place.clone(), key, "nobody is told", fix))
            }
            (Some(_), Some(roster)) => {
                let problem = "it is not clear who is told: both text and roster are given";
                Err(self.refuse(roster, &format!("{key}.roster"), problem, "keep one of them"))
            }
        }
    }

    pub(super) fn roster_named(&self, name: &Spanned<String>, key: &str, people: &People) -> Checked<Arc<Roster>> {
        let found = people.rosters.iter().find(|roster| *roster.get_ref().name == **name.get_ref());
        if let Some(roster) = found {
            return Ok(Arc::clone(roster.get_ref()));
        }
        let names: Vec<&str> = people.rosters.iter().map(|roster| roster.get_ref().name.as_ref()).collect();
        let fix = if names.is_empty() {
            format!("add [[rosters.{}.steps]] with contacts", name.get_ref())
        } else {
            format!("name one of: {}", names.join(", "))
        };
        Err(self.refuse(name, key, format!("no roster is called {:?}", name.get_ref()), &fix))
    }

    /// In the order of the file: the first that fits counts. Behind them, services that are passed to somebody and that
    /// none of them names.
    pub(super) fn referrals(
        &self,
        tables: BTreeMap<Spanned<String>, ReferralTable>,
        services: Option<&Services>,
        people: &People,
    ) -> Checked<Vec<Referral>> {
        let mut tables: Vec<_> = tables.into_iter().collect();
        tables.sort_by_key(|(name, _)| name.span().start);
        if let Some(services) = services {
            tables.iter().try_for_each(|(name, table)| self.known_services(name.get_ref(), table, services))?;
        }
        let mut referrals =
            tables.iter().map(|(name, table)| self.referral(name, table, people)).collect::<Checked<Vec<_>>>()?;
        let passed_on = services.into_iter().flat_map(Services::iter).filter_map(Referral::of_service);
        for referral in passed_on.collect::<Vec<_>>() {
            if !referrals.iter().any(|other| other.services.contains(&referral.services[0])) {
                referrals.push(referral);
            }
        }
        Ok(referrals)
    }

    fn known_services(&self, name: &str, table: &ReferralTable, services: &Services) -> Checked<()> {
        let Some(stranger) = table.services.iter().find(|id| services.get(id.get_ref()).is_none()) else {
            return Ok(());
        };
        let ids: Vec<&str> = services.iter().map(|service| service.id.as_ref()).collect();
        let problem = format!("no service is called {:?}", stranger.get_ref());
        let key = format!("referrals.{name}.services");
        Err(self.refuse(stranger, &key, problem, &format!("name one of: {}", ids.join(", "))))
    }

    fn referral(&self, name: &Spanned<String>, table: &ReferralTable, people: &People) -> Checked<Referral> {
        self.label(name, "referrals")?;
        let key = format!("referrals.{}", name.get_ref());
        if table.services.is_empty() && table.phrases.is_empty() {
            return Err(self.refuse(name, &key, "no call is ever referred", "list services, or phrases"));
        }
        let told = Told { text: table.text.as_ref(), roster: table.roster.as_ref() };
        Ok(Referral {
            name: name.get_ref().as_str().into(),
            services: table.services.iter().map(|id| id.get_ref().as_str().into()).collect(),
            phrases: self.phrases(&table.phrases, &format!("{key}.phrases"))?,
            roster: self.told(&told, &name.span(), (&key, name.get_ref()), people)?,
        })
    }

    /// To whom calls of the lowest priority go, when nothing else is said.
    pub(super) fn callback(
        &self,
        table: Option<Spanned<CallbackTable>>,
        people: &People,
        rules: &[PriorityRule; 4],
    ) -> Checked<Callback> {
        let usual = || Arc::clone(&rules[Priority::P4 as usize].roster);
        let Some(table) = table else {
            return Ok(Callback { roster: usual(), within_s: None, confirm: false });
        };
        let place = table.span();
        let table = table.into_inner();
        let told = Told { text: table.text.as_ref(), roster: table.roster.as_ref() };
        let roster = match (told.text, told.roster) {
            (None, None) => usual(),
            _ => self.told(&told, &place, ("callback", "callback"), people)?,
        };
        let out_of_range = |within: &&Spanned<u64>| !(1..=MAX_DELAY_S).contains(within.get_ref());
        if let Some(within) = table.within_s.as_ref().filter(out_of_range) {
            let problem = "not between 1 second and a week";
            return Err(self.refuse(within, "callback.within_s", problem, "write it in seconds: 7200 is two hours"));
        }
        Ok(Callback { roster, within_s: table.within_s.map(Spanned::into_inner), confirm: table.confirm })
    }

    /// A roster nobody is sent to is a mistake in the name of another one.
    pub(super) fn each_roster_used<'a>(
        &self,
        rosters: &[Spanned<Arc<Roster>>],
        used: impl IntoIterator<Item = &'a Arc<Roster>>,
    ) -> Checked<()> {
        let used: Vec<&Arc<Roster>> = used.into_iter().collect();
        let idle = rosters.iter().find(|roster| !used.iter().any(|used| Arc::ptr_eq(used, roster.get_ref())));
        let Some(idle) = idle else { return Ok(()) };
        let key = format!("rosters.{}", idle.get_ref().name);
        let fix = format!("write roster = \"{}\" where it is meant, or remove it", idle.get_ref().name);
        Err(self.refuse(idle, &key, "no priority, referral or callback uses it", &fix))
    }

    /// A name people and the agent get to see; never a number.
    fn label(&self, name: &Spanned<String>, key: &str) -> Checked<()> {
        let text = name.get_ref();
        let digits = text.chars().filter(|letter| letter.is_numeric()).count();
        let chars = text.chars().count();
        if (1..=MAX_NAME_CHARS).contains(&chars) && digits <= 4 && !text.contains(char::is_control) {
            return Ok(());
        }
        let problem = format!("a name is 1 to {MAX_NAME_CHARS} characters and no number");
        Err(self.refuse(name, key, problem, "name it for what it is for: emergency, specialist"))
    }
}

fn list(contacts: &[Contact]) -> String {
    contacts.iter().map(|contact| contact.name.as_ref()).collect::<Vec<_>>().join(", ")
}
