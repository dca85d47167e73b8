//! `[services]`: what the business does, what it does not, and what a specialist does for it; and `[[limits]]`, what
//! must be said of them. Answers which of them a caller asks for.

mod table;

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::mentions::{Pattern, Statement, Statements};
use super::{Words, turns};

pub(super) use table::{LimitTable, ServiceTable};

/// The more eager to say no comes last: two names that fit equally well are told apart by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    Accepted,
    /// Taken, and passed to a specialist.
    Referred,
    Refused,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// As the platform's tools send it: `camera_inspection`.
    pub id: Box<str>,
    /// As it is spoken, in the middle of a sentence.
    pub name: Words,
    pub status: Status,
    /// The contact a referred service is passed to.
    pub refer_to: Option<Box<str>>,
    /// Said only to a caller who asks.
    pub warranty: Option<Words>,
    /// What lifts the refusal.
    exception: Option<Exception>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Exception {
    known_as: Vec<Pattern>,
    /// Place of the service it then is.
    accepted_as: usize,
}

/// A truth that must be said with a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limit {
    /// Ids; all services when empty.
    services: Vec<Box<str>>,
    /// Said only when one of these is mentioned; always when empty.
    when: Vec<Pattern>,
    pub say: Words,
    /// No price is spoken: the quote is written.
    pub written_quote: bool,
}

/// Every service of a business, found by its names.
#[derive(Clone, Debug, Default)]
pub struct Services {
    services: Vec<Service>,
    limits: Vec<Limit>,
    /// Names by their first word, each with the place of its service.
    names: HashMap<Box<str>, Vec<(Pattern, usize)>>,
}

/// What a caller asks for, in two texts: the service as the model names it, and the caller's own words.
#[derive(Clone, Debug)]
pub struct Request {
    service: Statements,
    description: Statements,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Found<'a> {
    pub service: &'a Service,
    /// Others that are mentioned and not refused.
    pub also: Vec<&'a Service>,
    /// Refused services mentioned beside an accepted one.
    pub not_offered: Vec<&'a Service>,
}

/// A name that was found in a statement, from word `start` to before `end`, and how well it fits.
#[derive(Clone, Copy)]
struct Mention {
    service: usize,
    words: usize,
    gaps: usize,
    letters: usize,
    start: usize,
    end: usize,
}

impl Request {
    pub fn new(service: &str, description: &str) -> Request {
        let description = Statements::new(&turns::of_caller(description));
        Request { service: Statements::new(service), description }
    }

    pub fn mentions(&self, patterns: &[Pattern]) -> bool {
        self.service.mention(patterns) || self.description.mention(patterns)
    }

    /// Whether one of these folded words was said, however it was meant.
    pub fn says(&self, words: &[&str]) -> bool {
        self.service.iter().chain(self.description.iter()).any(|statement| statement.says(words))
    }
}

impl Services {
    pub fn iter(&self) -> impl Iterator<Item = &Service> {
        self.services.iter()
    }

    pub fn get(&self, id: &str) -> Option<&Service> {
        self.services.iter().find(|service| service.id.as_ref() == id)
    }

    /// The service of a text, in the caller's words or as an id.
    pub fn find(&self, text: &str) -> Option<Found<'_>> {
        self.asked_for(&Request::new(text, ""))
    }

    /// What is refused is looked for first, in both texts; an accepted service in another statement of the same text
    /// is what the caller wants all the same: "la toilette est bouchée, et on a une fosse septique". `None`: unknown,
    /// and a person must answer.
    pub fn asked_for(&self, request: &Request) -> Option<Found<'_>> {
        let lifted = self.lifted(request);
        let named = self.read(&request.service, &lifted);
        let described = self.read(&request.description, &lifted);
        let refused = [&named, &described].into_iter().flatten().find(|found| found.service.status == Status::Refused);
        let best = refused.or(named.as_ref()).or(described.as_ref());
        let Some(best) = best else { return Some(self.only(*lifted.first()?)) };
        let mut found = best.clone();
        for other in [&named, &described].into_iter().flatten().filter(|_| refused.is_none()) {
            found.also.extend(std::iter::once(other.service).chain(other.also.iter().copied()));
            found.not_offered.extend(&other.not_offered);
        }
        found.tidy();
        Some(found)
    }

    /// Whether the text only names a service, as an id or in a word or two: it then says nothing of the problem.
    pub fn is_name(&self, text: &str) -> bool {
        let statements = Statements::new(text);
        let is_name = |statement: &Statement| {
            let is_short = text.contains('_') || statement.said_words() <= 2;
            let whole = |mention: &Mention| mention.start == 0 && mention.end == statement.len();
            is_short && self.mentions(statement).iter().any(whole)
        };
        statements.iter().all(is_name)
    }

    /// What must be said with this service, in order.
    pub fn limits<'a>(&'a self, service: &'a Service, request: &'a Request) -> impl Iterator<Item = &'a Limit> {
        self.limits.iter().filter(move |limit| limit.concerns(service, request))
    }

    /// The services whose refusal does not hold here.
    fn lifted(&self, request: &Request) -> Vec<usize> {
        let holds = |service: &Service| {
            service.exception.as_ref().is_none_or(|exception| !request.mentions(&exception.known_as))
        };
        (0..self.services.len()).filter(|place| !holds(&self.services[*place])).collect()
    }

    fn only(&self, lifted: usize) -> Found<'_> {
        let exception = self.services[lifted].exception.as_ref().expect("only exceptions lift");
        Found { service: &self.services[exception.accepted_as], also: Vec::new(), not_offered: Vec::new() }
    }

    fn read(&self, statements: &Statements, lifted: &[usize]) -> Option<Found<'_>> {
        let mut wanted: Vec<Mention> = Vec::new();
        let mut refused: Vec<Mention> = Vec::new();
        for statement in statements.iter() {
            let mut mentions = self.mentions(statement);
            mentions.retain(|mention| !lifted.contains(&mention.service));
            let refuses = mentions.iter().any(|mention| self.status(mention) == Status::Refused);
            if refuses {
                mentions.retain(|mention| self.status(mention) == Status::Refused);
                refused.extend(mentions);
            } else {
                wanted.extend(mentions);
            }
        }
        wanted.sort_by_key(|mention| self.rank(mention));
        refused.sort_by_key(|mention| self.rank(mention));
        let service = |mention: &Mention| &self.services[mention.service];
        let best = wanted.first().or(refused.first())?;
        let (also, not_offered) = (wanted.iter().map(service).collect(), refused.iter().map(service).collect());
        Some(Found { service: service(best), also, not_offered })
    }

    /// Every name that is mentioned and meant, but those inside a longer one: "sump" of "sump pump".
    fn mentions(&self, statement: &Statement) -> Vec<Mention> {
        let mut mentions: Vec<Mention> = Vec::new();
        for start in (0..statement.len()).filter(|start| statement.means(*start)) {
            for (pattern, service) in self.names.get(statement.stem(start)).into_iter().flatten() {
                let Some(end) = statement.match_at(start, pattern) else { continue };
                let (words, gaps, letters) = (pattern.words(), pattern.gaps(), pattern.letters());
                mentions.push(Mention { service: *service, words, gaps, letters, start, end });
            }
        }
        let is_inside = |it: &Mention| mentions.iter().any(|other| other.covers(it));
        mentions.iter().filter(|it| !is_inside(it)).copied().collect()
    }

    fn status(&self, mention: &Mention) -> Status {
        self.services[mention.service].status
    }

    /// Smallest fits best: more words, then what we do ourselves, words side by side, longer words, said first.
    fn rank(&self, mention: &Mention) -> impl Ord + use<> {
        let more = |count: usize| usize::MAX - count;
        (more(mention.words), self.status(mention), mention.gaps, more(mention.letters), mention.start)
    }
}

impl Mention {
    /// Words side by side are one thing; what stands in a gap is another: "drain de gouttière bouché".
    fn covers(&self, other: &Mention) -> bool {
        self.gaps == 0 && self.start <= other.start && other.end <= self.end && self.words > other.words
    }
}

impl Found<'_> {
    fn tidy(&mut self) {
        let main = self.service;
        for list in [&mut self.also, &mut self.not_offered] {
            let mut seen: Vec<&Service> = vec![main];
            list.retain(|service| {
                !seen.contains(service) && {
                    seen.push(service);
                    true
                }
            });
        }
    }
}

impl Limit {
    fn concerns(&self, service: &Service, request: &Request) -> bool {
        let its = self.services.is_empty() || self.services.contains(&service.id);
        its && (self.when.is_empty() || request.mentions(&self.when))
    }
}
