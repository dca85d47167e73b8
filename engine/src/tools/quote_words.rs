//! A price as it is spoken, in each language, with the taxes behind every amount.

use crate::playbook::{Amounts, Basis, Language, Price, Quotes, Service, Work};

/// One price, in one language.
pub(super) struct Said<'a> {
    pub quotes: &'a Quotes,
    pub service: &'a Service,
    pub price: &'a Price,
    pub language: Language,
}

impl Said<'_> {
    pub fn message(&self, amounts: Amounts, work: Work) -> String {
        let name = self.service.name.in_language(self.language);
        let amount = self.spoken(amounts, work);
        let opening = match self.language {
            Language::Fr => format!("Pour ce service ({name}), {amount}."),
            Language::En => format!("For this service ({name}), {amount}."),
        };
        match (work.surcharge, self.language) {
            (0, _) => opening,
            (more, Language::Fr) => format!("{opening} Cela comprend {} pour votre secteur.", self.money(more)),
            (more, Language::En) => format!("{opening} That includes {} for your area.", self.money(more)),
        }
    }

    /// The price's own remark, the first visit, what it adds to others, the credit, and what is said with every price.
    pub fn note(&self, first_visit: Option<(&Service, Amounts)>) -> String {
        let own = |words: &crate::playbook::Words| words.in_language(self.language).to_owned();
        let visit = first_visit.map(|(visit, amounts)| {
            let (name, amount) = (visit.name.in_language(self.language), self.taxed(amounts.min));
            match self.language {
                Language::Fr => format!("D'abord, {name}: {amount}."),
                Language::En => format!("First, {name}: {amount}."),
            }
        });
        let credit = self.price.credit.as_ref().map(|credit| {
            let (when, amount) = (own(&credit.when), self.money(credit.amount));
            match self.language {
                Language::Fr => format!("Crédit de {amount} {when}."),
                Language::En => format!("A credit of {amount} {when}."),
            }
        });
        let add_on = self.price.add_on.map(|amount| match self.language {
            Language::Fr => format!("Avec un autre service, c'est {} de plus.", self.taxed(amount)),
            Language::En => format!("With another service, it is {} more.", self.taxed(amount)),
        });
        let notes = [self.price.note.as_ref().map(own), visit, add_on, credit, self.quotes.note.as_ref().map(own)];
        notes.into_iter().flatten().collect::<Vec<_>>().join(" ")
    }

    fn spoken(&self, amounts: Amounts, work: Work) -> String {
        let (least, most) = (self.taxed(amounts.min), self.taxed(amounts.max));
        match (self.price.basis, self.language) {
            (Basis::Range { .. }, Language::Fr) if amounts.min < amounts.max => {
                format!("comptez entre {} et {most}", self.money(amounts.min))
            }
            (Basis::Range { .. }, Language::En) if amounts.min < amounts.max => {
                format!("count on {} to {most}", self.money(amounts.min))
            }
            (Basis::From(_), Language::Fr) => format!("c'est à partir de {least}"),
            (Basis::From(_), Language::En) => format!("it is from {least}"),
            (Basis::About(_), Language::Fr) => format!("c'est environ {least}"),
            (Basis::About(_), Language::En) => format!("it is about {least}"),
            (Basis::PerFoot { covers, extra, .. }, language) => self.by_the_foot(&least, covers, extra, work, language),
            (Basis::Range { .. } | Basis::Flat(_), Language::Fr) => format!("c'est {least}"),
            (Basis::Range { .. } | Basis::Flat(_), Language::En) => format!("it is {least}"),
        }
    }

    fn by_the_foot(&self, amount: &str, covers: u32, extra: u32, work: Work, language: Language) -> String {
        let extra = self.taxed(extra);
        match (work.feet.filter(|feet| *feet > covers), language) {
            (Some(feet), Language::Fr) => format!("c'est {amount} pour {feet} pieds"),
            (Some(feet), Language::En) => format!("it is {amount} for {feet} feet"),
            (None, Language::Fr) => {
                format!("c'est {amount} pour les {covers} premiers pieds, puis {extra} par pied de plus")
            }
            (None, Language::En) => {
                format!("it is {amount} for the first {covers} feet, then {extra} for each foot beyond")
            }
        }
    }

    fn taxed(&self, amount: u32) -> String {
        let taxes = self.quotes.taxes.as_ref().map(|words| format!(" {}", words.in_language(self.language)));
        format!("{}{}", self.money(amount), taxes.unwrap_or_default())
    }

    fn money(&self, amount: u32) -> String {
        let sign = match self.quotes.currency.as_ref() {
            "CAD" | "USD" => "$",
            "EUR" => "€",
            code => return format!("{} {code}", thousands(amount, ' ')),
        };
        match self.language {
            Language::Fr => format!("{} {sign}", thousands(amount, ' ')),
            Language::En => format!("{sign}{}", thousands(amount, ',')),
        }
    }
}

pub(super) fn not_offered(service: &Service, language: Language) -> String {
    let name = service.name.in_language(language);
    match language {
        Language::Fr => format!("Désolé, nous n'offrons pas ce service: {name}; il n'y a donc pas de prix."),
        Language::En => format!("I am sorry, we do not offer this service: {name}; so there is no price."),
    }
}

/// As `checkServiceArea` says it.
pub(super) fn not_served(city: &str, language: Language) -> String {
    match language {
        Language::Fr => format!("Nous ne desservons pas ce secteur: {city}; il n'y a donc pas de prix."),
        Language::En => format!("We do not serve this area: {city}; so there is no price."),
    }
}

pub(super) fn by_the_specialist(service: &Service, language: Language) -> String {
    let name = service.name.in_language(language);
    match language {
        Language::Fr => format!("C'est notre spécialiste qui donne le prix de ce service ({name}); il vous rappelle."),
        Language::En => format!("Our specialist gives the price of this service ({name}) and will call you back."),
    }
}

pub(super) fn after_a_visit(service: &Service, language: Language) -> String {
    let name = service.name.in_language(language);
    match language {
        Language::Fr => format!("Le prix de ce service ({name}) se donne sur place; une personne vous rappelle."),
        Language::En => format!("The price of this service ({name}) is given on site; somebody will call you back."),
    }
}

fn thousands(amount: u32, separator: char) -> String {
    let digits = amount.to_string();
    let mut grouped = String::with_capacity(digits.len() + 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(separator);
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_set_apart() {
        for (amount, written) in [(0, "0"), (350, "350"), (3_900, "3 900"), (4_294_967_295, "4 294 967 295")] {
            assert_eq!(thousands(amount, ' '), written);
        }
    }
}
