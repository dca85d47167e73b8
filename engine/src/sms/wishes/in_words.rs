//! Whether somebody asks in their own words to be left alone.
//!
//! Patterns of words in a row, a few other words allowed in between, within one clause: "stop (sending me these)
//! texts". Too much is heard rather than too little: who is opted out by mistake is looked at by a person, who is texted
//! against their will complains to the carrier.

use super::words;
use crate::playbook::fold;

/// A pattern: one of each set, in order, with at most `gap` other words between two of them.
struct Pattern {
    sets: &'static [&'static [&'static str]],
    gap: usize,
    /// Only at the beginning of a clause, as orders are given.
    order: bool,
}

const fn anywhere(gap: usize, sets: &'static [&'static [&'static str]]) -> Pattern {
    Pattern { sets, gap, order: false }
}

const fn order(gap: usize, sets: &'static [&'static [&'static str]]) -> Pattern {
    Pattern { sets, gap, order: true }
}

const TEXTS: &[&str] =
    &["text", "texts", "message", "messages", "sms", "texto", "textos", "texte", "textes", "msg", "msgs"];
const CEASE: &[&str] = &["stop", "quit", "cease"];
const ARRETER: &[&str] = &["arrete", "arretez", "arreter", "cesse", "cessez", "cesser", "stop", "stoppe", "stoppez"];
const TEXTER: &[&str] = &["texter", "ecrire", "envoyer", "contacter", "deranger", "achaler", "harceler", "spammer"];
const TEXTEZ: &[&str] = &["textez", "texte", "ecrivez", "ecris", "envoyez", "envoie", "contactez", "contacte"];
const ME: &[&str] = &["me", "m", "moi", "nous"];

const PATTERNS: &[Pattern] = &[
    // --- English
    anywhere(2, &[CEASE, &["texting", "messaging", "contacting", "bothering", "spamming", "harassing"]]),
    anywhere(3, &[CEASE, &["sending"], TEXTS]),
    anywhere(2, &[CEASE, TEXTS]),
    order(1, &[&["dont", "don", "not", "never"], &["text", "message", "contact", "sms"], &["me", "us"]]),
    anywhere(4, &[&["dont", "don", "not"], &["want", "wish"], TEXTS]),
    anywhere(0, &[&["no"], &["more"], TEXTS]),
    anywhere(3, &[&["remove", "take", "delete", "drop"], &["me", "my"], &["list", "lists"]]),
    anywhere(0, &[&["remove", "delete", "lose"], &["my"], &["number"]]),
    anywhere(0, &[&["opt"], &["me"], &["out"]]),
    anywhere(0, &[&["opt"], &["out"]]),
    anywhere(0, &[&["leave"], &["me", "us"], &["alone"]]),
    anywhere(0, &[&["unsubscribe", "unsub", "optout", "stopall"]]),
    // --- French
    anywhere(3, &[ARRETER, TEXTER]),
    anywhere(3, &[ARRETER, TEXTS]),
    anywhere(1, &[&["ne"], ME, TEXTEZ, &["plus"]]),
    anywhere(0, &[&["ne"], &["plus"], ME, TEXTER]),
    order(0, &[&["ne"], ME, TEXTEZ, &["pas"]]),
    order(0, &[ME, TEXTEZ, &["plus", "pas"]]),
    order(0, &[TEXTEZ, ME, &["plus", "pas"]]),
    anywhere(3, &[&["veux", "veut", "voulons", "voudrais", "souhaite", "desire"], &["plus", "pas", "aucun"], TEXTS]),
    order(1, &[&["plus"], &["de", "aucun"], TEXTS]),
    anywhere(
        4,
        &[&["retirez", "retire", "enlevez", "enleve", "supprimez", "effacez", "rayez", "otez"], &["liste", "numero"]],
    ),
    anywhere(0, &[&["desabonnez", "desabonne", "desabonner", "desabonnement", "desinscrire", "desinscrivez"]]),
    anywhere(0, &[&["laissez", "laisse", "fichez"], &["moi", "nous"], &["tranquille", "tranquilles", "la paix"]]),
];

/// Unmistakable even with a "please" beside them; "end" and "annuler" are not.
const PLAIN: [&str; 9] =
    ["stop", "stopall", "unsubscribe", "revoke", "arret", "arrete", "arreter", "arretez", "desabonner"];
/// What people add to be polite, or firm.
#[rustfmt::skip]
const POLITE: [&str; 27] = [
    "please", "pls", "plz", "now", "thanks", "thank", "you", "thx", "it", "this", "immediately", "just", "ok", "hi",
    "hello", "svp", "s", "il", "vous", "te", "plait", "merci", "bonjour", "maintenant", "ca", "la", "tout",
];
/// Before these, the opposite is meant: "please don't stop texting me".
const NOT: [&str; 7] = ["dont", "don", "not", "never", "didn", "didnt", "jamais"];
/// What may stand before an order.
const BEFORE_ORDERS: [&str; 14] =
    ["please", "pls", "do", "ok", "hey", "hi", "hello", "and", "svp", "bonjour", "et", "so", "merci", "stop"];

pub(super) fn asks_to_stop(body: &str) -> bool {
    let folded = fold(body);
    let clauses: Vec<Vec<&str>> =
        folded.split(['.', ',', ';', ':', '!', '?', '\n', '…']).map(|clause| words(clause).collect()).collect();
    is_stop_with_manners(&clauses) || clauses.iter().any(|clause| PATTERNS.iter().any(|pattern| pattern.is_in(clause)))
}

/// "Stop please", "ARRÊT s'il vous plaît".
fn is_stop_with_manners(clauses: &[Vec<&str>]) -> bool {
    let mut plain = false;
    for word in clauses.iter().flatten() {
        match PLAIN.contains(word) {
            true => plain = true,
            false if POLITE.contains(word) => (),
            false => return false,
        }
    }
    plain
}

impl Pattern {
    fn is_in(&self, clause: &[&str]) -> bool {
        (0..clause.len()).any(|start| {
            let before = &clause[..start];
            let fits = if self.order { may_begin(before) } else { !is_negated(before, clause[start]) };
            fits && self.sets[0].contains(&clause[start]) && follows(&self.sets[1..], &clause[start + 1..], self.gap)
        })
    }
}

/// The rest of a pattern, each word at most `gap` words after the one before it.
fn follows(sets: &[&[&str]], rest: &[&str], gap: usize) -> bool {
    let Some((set, sets)) = sets.split_first() else { return true };
    // "N'arrêtez pas de m'écrire" wants the opposite; where "pas" is part of the pattern it is found at once.
    let near = rest.iter().take(gap + 1).enumerate();
    let mut near = near.take_while(|(_, word)| set.contains(word) || !matches!(**word, "pas" | "jamais"));
    near.any(|(at, word)| set.contains(word) && follows(sets, &rest[at + 1..], gap))
}

fn may_begin(before: &[&str]) -> bool {
    before.iter().all(|word| BEFORE_ORDERS.contains(word))
}

/// A pattern that begins with a negation is not negated by another one.
fn is_negated(before: &[&str], first: &str) -> bool {
    !NOT.contains(&first) && before.iter().rev().take(2).any(|word| NOT.contains(word))
}

#[cfg(test)]
mod tests {
    use super::asks_to_stop;

    #[test]
    fn who_asks_to_be_left_alone_is_heard_in_both_languages() {
        for body in [
            "stop texting me",
            "Please stop texting me!",
            "Stop sending me these messages",
            "can you stop all these texts",
            "STOP PLEASE",
            "please stop",
            "Don't text me again",
            "Do not contact me anymore",
            "please dont message me",
            "I don't want to get any more texts",
            "no more texts please",
            "Remove me from your list",
            "take me off this list now",
            "I would like to opt out",
            "unsubscribe me please",
            "leave me alone",
            "quit messaging us",
            "arrêtez de me texter",
            "Arrête de m'écrire",
            "Bonjour, arrêtez de m’envoyer des messages",
            "ARRÊT 🛑 s’il vous plaît  ",
            "arrêtez svp",
            "cessez de m'envoyer des textos",
            "Ne m'envoyez plus de messages",
            "ne me textez plus",
            "merci de ne plus me texter",
            "Je ne veux plus recevoir de textos",
            "je veux plus de messages",
            "plus de textos svp",
            "Désabonnez-moi de ça",
            "retirez-moi de votre liste",
            "enlevez mon numéro",
            "laissez-moi tranquille",
            "textez-moi plus",
            "stop aux textos",
        ] {
            assert!(asks_to_stop(body), "{body}");
        }
    }

    #[test]
    fn who_speaks_of_something_else_is_not() {
        for body in [
            "please don't stop texting me",
            "N'arrêtez pas de m'écrire",
            "can you stop by at noon",
            "stop the water before you come",
            "the leak won't stop",
            "l'eau n'arrête pas de couler",
            "arrêtez l'eau d'abord",
            "I got your message, thanks",
            "you did not text me the address",
            "vous ne m'avez pas écrit l'heure",
            "envoyez-moi l'adresse",
            "texte-moi quand tu arrives",
            "cancel my appointment",
            "annuler mon rendez-vous",
            "remove the old pipe",
            "take my number",
            "enlevez le vieux tuyau",
            "un message de plus",
            "I can't stop it",
            "leave the door open",
            "",
        ] {
            assert!(!asks_to_stop(body), "{body}");
        }
    }
}
