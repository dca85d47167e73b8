//! The carrier accounts messages leave by: the deployment's, and those of tenants that have their own.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use engine::ids::TenantId;
use engine::playbook::sms::OwnCarrier;
use engine::ports::{Begun, Candidate, LearnedPace};
use engine::sms::breaker::FuseKind;
use engine::sms::dispatch::{Account, Terms};
use engine::sms::pace::{Moment, Rates};

use crate::limits::Limits;
use crate::system::Senders;
use crate::tenants::{InForce, Tenants};

/// `None`: the deployment's. Else the carrier's name of it and how it is sent by: tenants that share an account and not
/// its numbers share nothing here, and none leaves by the number of another.
pub(super) type AccountName = Option<Box<str>>;

pub(super) struct Accounts {
    tenants: Tenants,
    in_force: Arc<InForce>,
    accounts: HashMap<AccountName, Account>,
    /// Tenants with an account of their own.
    own: HashMap<TenantId, Box<str>>,
    /// How the others are sent with: everything but numbers and pace.
    default: Terms,
    /// Accounts that know nothing yet of what left before.
    ignorant: HashSet<AccountName>,
}

impl Accounts {
    pub fn new(default: Terms, tenants: Tenants) -> Accounts {
        let accounts = HashMap::from([(None, Account::new(default.clone()))]);
        let (own, ignorant) = (HashMap::new(), HashSet::from([None]));
        let mut accounts = Accounts { tenants, in_force: Arc::default(), accounts, own, default, ignorant };
        accounts.follow();
        accounts
    }

    /// Follows the playbooks in force. Returns whether an account is new, and knows nothing of what left before.
    pub fn follow(&mut self) -> bool {
        let in_force = self.tenants.in_force();
        if Arc::ptr_eq(&in_force, &self.in_force) {
            return !self.ignorant.is_empty();
        }
        self.own.clear();
        let mut paces = HashMap::new();
        for playbook in in_force.playbooks.iter().chain(&in_force.retired) {
            paces.extend(playbook.sms.per_second.map(|per_second| (playbook.tenant.clone(), per_second)));
            if let Some(carrier) = &playbook.sms.carrier {
                let name = name_of(carrier);
                self.own.insert(playbook.tenant.clone(), name.clone());
                self.keep(name, carrier);
            }
        }
        let used: HashSet<&str> = self.own.values().map(|account| &**account).collect();
        let is_used = |name: &AccountName| name.as_deref().is_none_or(|name| used.contains(name));
        self.accounts.retain(|name, account| is_used(name) || account.under_way() > 0);
        self.accounts.values_mut().for_each(|account| account.limit_tenants(paces.clone()));
        self.in_force = in_force;
        !self.ignorant.is_empty()
    }

    fn keep(&mut self, name: Box<str>, carrier: &OwnCarrier) {
        let name = Some(name);
        if self.accounts.contains_key(&name) {
            return;
        }
        let rates = Rates { account: carrier.account_per_second, sender: carrier.per_second, ..self.default.rates };
        let terms = Terms { senders: carrier.senders.clone(), rates, ..self.default.clone() };
        self.ignorant.insert(name.clone());
        self.accounts.insert(name, Account::new(terms));
    }

    /// The account a tenant's messages leave by.
    pub fn name_of(&self, tenant: &TenantId) -> AccountName {
        self.own.get(tenant).cloned()
    }

    pub fn get(&mut self, name: &AccountName) -> Option<&mut Account> {
        self.accounts.get_mut(name)
    }

    pub fn of(&mut self, tenant: &TenantId) -> Option<&mut Account> {
        self.accounts.get_mut(&self.own.get(tenant).cloned())
    }

    /// What is due, by account; with an entry for those that nothing is due for, so that they know.
    pub fn by_account(&self, due: impl IntoIterator<Item = Candidate>) -> Vec<(AccountName, Vec<Candidate>)> {
        let mut of: HashMap<AccountName, Vec<Candidate>> =
            self.accounts.keys().map(|name| (name.clone(), Vec::new())).collect();
        for candidate in due {
            of.entry(self.name_of(&candidate.tenant)).or_default().push(candidate);
        }
        of.into_iter().collect()
    }

    /// Attempts of earlier lives and what those learned, for the accounts that know nothing of it. `at` tells when each
    /// may have left, `factor` what is left of a lesson.
    pub fn remember(
        &mut self,
        begun: &[Begun],
        at: impl Fn(&Begun) -> Moment,
        learned: &[LearnedPace],
        factor: impl Fn(&LearnedPace) -> f64,
        now: Moment,
    ) {
        for past in begun {
            let name = self.name_of(&past.attempt.tenant);
            if let Some(account) = self.accounts.get_mut(&name).filter(|_| self.ignorant.contains(&name)) {
                account.remembers(&past.attempt, at(past));
            }
        }
        for name in self.ignorant.drain() {
            let Some(account) = self.accounts.get_mut(&name) else { continue };
            for pace in learned {
                if account.terms().senders.contains(&pace.sender) {
                    account.resumes(&pace.sender, factor(pace), now);
                }
            }
        }
    }

    pub fn learned(&self, now: Moment) -> Vec<(Box<str>, f64)> {
        let learned = self.accounts.values().flat_map(|account| account.learned(now));
        let mut learned: Vec<_> = learned.map(|(sender, factor)| (sender.into(), factor)).collect();
        learned.sort_by(|a: &(Box<str>, f64), b| a.0.cmp(&b.0));
        learned.dedup_by(|a, b| a.0 == b.0);
        learned
    }

    /// Breakers that are not closed, over all accounts.
    pub fn open(&self) -> [(FuseKind, usize); 4] {
        let mut open = FuseKind::ALL.map(|kind| (kind, 0));
        for account in self.accounts.values() {
            open.iter_mut().zip(account.open()).for_each(|(sum, (_, count))| sum.1 += count);
        }
        open
    }

    /// The deployment's, which is what estimates are about.
    pub fn default(&self) -> Option<&Account> {
        self.accounts.get(&None)
    }
}

/// How the deployment's account sends.
pub(super) fn terms(senders: Senders, limits: &Limits) -> Terms {
    let names = senders.names.iter().map(|name| name.as_str().into());
    let rates = Rates {
        account: senders.account_per_second,
        sender: senders.per_second,
        recipient: Some(limits.recipient_pace),
    };
    Terms {
        window: limits.senders.max(1),
        kept: limits.urgent_senders,
        shares: limits.shares,
        breakers: limits.breakers,
        pairs: limits.pair,
        habits: limits.habits,
        rates,
        ..Terms::new(names, None)
    }
}

fn name_of(carrier: &OwnCarrier) -> Box<str> {
    let paces = format!("{:?} {:?}", carrier.per_second, carrier.account_per_second);
    [&*carrier.account, &paces, &carrier.senders.join(" ")].join("\n").into()
}
