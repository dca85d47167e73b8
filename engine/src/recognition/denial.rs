//! What is denied: "pas une urgence", "y'a pas d'eau", "ça déborde pas", "nothing is overflowing".
//!
//! A denial reaches over the thing it names ("pas d'eau dans le sous-sol", "no flooding or backup") and back to the verb
//! before it ("déborde pas"), and no further.

use std::sync::LazyLock;

use super::markers::Markers;
use super::scope::{self, Scope};
use super::words::{Gap, Word};

/// Words a denial may reach over; small ones included.
const REACH: usize = 9;

/// Negations that deny nothing that follows: "je sais pas quoi faire", "it won't stop".
static HARMLESS: LazyLock<Markers> = LazyLock::new(|| {
    Markers::new(
        "sais pas | sait pas | savais pas | sais plus | sais meme pas | peux pas | peux plus | peut pas | peut plus | peuvent pas
         pourrai pas | puis pas | capable pas | pas capable | plus capable | pas moyen | pas le choix | pas de choix
         pas le temps | pas juste | pas seulement | pas rien que | rien que | pas mal | pas loin | pas de bon sens
         pas d allure | pas normal | pas drole | pas attendre | pas qui appeler | pas quoi faire | pas ou
         arrete pas | arrete plus | arretent pas | arrete meme pas | arret* pas | lache pas | cesse pas | finit pas | finit plus
         marche pas | marche plus | marchent pas | fonctionne pas | fonctionne plus | fournit pas | fournit plus
         vide pas | vide plus | descend pas | descend plus | descendent pas | baisse pas | part pas | passe pas | passe plus
         evacue pas | evacue plus | s en va pas | ecoule pas | ecoule plus | coule pas bien | repond pas | repondent pas
         comprends pas | comprend pas | reussis pas | reussit pas | arrive pas a | veut pas arreter | veut pas descendre
         veut pas s en aller | veut pas partir | tire pas | tirer pas
         ferme pas | ferme plus | jamais vu | jamais arrive | jamais eu ca | sans arret | sans cesse
         sans arreter | pas arretable | pas encore arrete | pas arrete | plus arreter | pas arreter | non plus | plus ou moins
         pas reussi | pas pu | pas possible | pas vivable | pas endurable | pas propre | pas beau | pas un peu | pas fin
         dont know | didnt know | not sure | no idea | no clue | cant stop | cant get | cant use | cant flush | cant shower | cant
         wont stop | wont go down | wont drain | wont flush | wont turn off | wont | not stopping | doesnt stop | didnt stop
         isnt stopping | hasnt stopped | never stops | not draining | doesnt drain | isnt draining | not going down
         isnt going down | doesnt go down | not working | doesnt work | isnt working | nothing works | nothing is working
         not able | no choice | no way | no matter | no one answers | no one is answering | never seen | never had this | never happened | not only | not just
         not good | not normal | not right | nothing helps | nothing i do | no joke | not kidding | non stop | nonstop
         without stopping | dont have time | no longer drains | not supposed | shouldnt | not usable | not far",
    )
});

/// Denials that reach over a whole statement: "c'est pas que ça déborde".
static WHOLE: LazyLock<Markers> = LazyLock::new(|| {
    Markers::new(
        "pas que | pas comme si | pas l impression que | pas dit que | not that | not like | not as if | not saying",
    )
});

static DENIALS: LazyLock<Markers> = LazyLock::new(|| {
    Markers::new(
        "loin d etre | appellerais pas ca | appelle pas ca | dirais pas que c est | pas du tout | pas pantoute | pantoute | pas | aucun | aucune | aucunement | rien | sans | jamais | ni | zero | nullement
         ne * point | meme pas | plus aucun | plus aucune
         not at all | hardly | far from | nowhere near | wouldnt call it | wouldnt call this | wouldnt say | wouldnt | not | isnt | arent | wasnt | werent | aint | dont | doesnt | didnt | havent | hasnt | hadnt | without | never
         neither | nothing | none | nobody | no one | dont need | no need for | no need of | no sign of | denied | denies | denying | nie | nient | no signs of | no more | no longer",
    )
});
/// These deny only what follows at once: "no emergency", but "no, a flood".
const ANSWERS: [&str; 3] = ["no", "non", "nor"];
/// Before "pas" these are no verbs of their own.
#[rustfmt::skip]
const AUXILIARIES: [&str; 34] = [
    "est", "a", "ai", "as", "ont", "suis", "sont", "etait", "avait", "avais", "avons", "avez", "es", "ca", "c", "y", "je", "on", "il",
    "mais", "vraiment", "non", "pense", "crois", "dirais", "veux", "faut", "ok", "et", "donc", "surement", "oui", "bon", "meme",
];
/// "plus" is no negation in these.
const NEVER_LESS: [&str; 22] = [
    "en",
    "que",
    "vite",
    "haut",
    "fort",
    "grave",
    "pire",
    "tard",
    "gros",
    "urgent",
    "urgente",
    "grosse",
    "bas",
    "loin",
    "tot",
    "petit",
    "possible",
    "souvent",
    "important",
    "rapidement",
    "forte",
    "ou",
];

pub fn mark(words: &mut [Word]) {
    let mut at = 0;
    while at < words.len() {
        if let Some(length) = HARMLESS.at(words, at) {
            at += length;
        } else if let Some(length) = WHOLE.at(words, at) {
            deny_statement(words, at + length);
            at += length;
        } else if let Some(length) = denial_at(words, at) {
            deny_verb_before(words, at);
            deny_after(words, at, length);
            at += length;
        } else {
            at += 1;
        }
    }
}

fn denial_at(words: &[Word], at: usize) -> Option<usize> {
    let word = words[at].text.as_ref();
    if ANSWERS.contains(&word) {
        let next = words.get(at + 1).filter(|next| next.gap == Gap::None)?;
        let names_a_thing = !scope::is_subject(&next.text)
            && !matches!(next.text.as_ref(), "just" | "juste" | "only" | "seulement" | "yes" | "oui")
            && !scope::is_new_thing(words, at + 1)
            && !is_article(&next.text);
        return names_a_thing.then_some(1);
    }
    if word == "plus" {
        return is_no_longer(words, at).then_some(1);
    }
    DENIALS.at(words, at)
}

fn is_article(word: &str) -> bool {
    matches!(word, "un" | "une" | "a" | "an" | "c")
}

/// "y'a plus d'eau", "ça coule plus" at the end of a statement; not "de plus en plus", "plus vite".
fn is_no_longer(words: &[Word], at: usize) -> bool {
    let Some(before) = at.checked_sub(1).map(|place| words[place].text.as_ref()) else { return false };
    let next = words.get(at + 1).filter(|next| next.gap == Gap::None).map(|next| next.text.as_ref());
    if matches!(before, "de" | "en" | "le" | "la" | "les" | "un" | "ben" | "encore" | "bien")
        || next.is_some_and(|next| NEVER_LESS.contains(&next))
    {
        return false;
    }
    let of_something = matches!(next, Some("de" | "d" | "rien" | "une" | "un" | "aucun" | "aucune" | "personne"))
        && matches!(before, "a" | "ai" | "ont" | "est" | "avons");
    let denied_verb = words[scope::sentence_start(words, at)..at]
        .iter()
        .rev()
        .take(3)
        .any(|word| matches!(word.text.as_ref(), "n" | "ne"));
    let ends = next.is_none() || scope::is_contrast(words, at + 1) || next.is_some_and(scope::is_subject);
    of_something || denied_verb || (ends && at >= 2 && scope::is_subject(&words[at - 2].text))
}

/// "ça déborde pas": the verb stands before.
fn deny_verb_before(words: &mut [Word], at: usize) {
    let comes_after = matches!(words[at].text.as_ref(), "pas" | "plus" | "pantoute" | "jamais" | "point");
    if comes_after && at > 0 && words[at].gap == Gap::None && !AUXILIARIES.contains(&words[at - 1].text.as_ref()) {
        words[at - 1].scope = Scope::Denied;
    }
}

fn deny_after(words: &mut [Word], at: usize, length: usize) {
    // "c'est pas l'urgence du siècle": after "to be" the thing itself is denied.
    let is_said_to_be = at > 0 && matches!(words[at - 1].text.as_ref(), "est" | "is" | "s" | "etait" | "was");
    let first = at + length;
    let end = (first..words.len().min(first + REACH)).find(|place| {
        let article_of_it = is_said_to_be && *place == first;
        words[*place].gap == Gap::Stop
            || (words[*place].gap == Gap::Comma && !goes_on(words, *place))
            || scope::is_contrast(words, *place)
            || (scope::is_subject(&words[*place].text) && !article_of_it)
            || (scope::is_new_thing(words, *place) && !article_of_it)
            || (is_and(&words[*place].text) && !names_another(words, *place))
    });
    let end = end.unwrap_or(words.len().min(first + REACH));
    scope::set(&mut words[first..end], Scope::Denied);
}

fn deny_statement(words: &mut [Word], first: usize) {
    let is_end = |place: &usize| words[*place].gap != Gap::None || scope::is_contrast(words, *place);
    let end = (first..words.len()).skip(1).find(is_end).unwrap_or(words.len());
    if first < end {
        scope::set(&mut words[first..end], Scope::Denied);
    }
}

/// "no flooding, or anything", "pas d'eau, ni de refoulement".
fn goes_on(words: &[Word], at: usize) -> bool {
    matches!(words[at].text.as_ref(), "ni" | "nor" | "or" | "ou")
}

fn is_and(word: &str) -> bool {
    matches!(word, "et" | "and")
}

/// "pas d'urgence et de refoulement": one more denied thing. Anything else after "and" is a statement of its own.
fn names_another(words: &[Word], at: usize) -> bool {
    words.get(at + 1).is_some_and(|next| matches!(next.text.as_ref(), "de" | "d" | "pas" | "no" | "aucun" | "aucune"))
}
