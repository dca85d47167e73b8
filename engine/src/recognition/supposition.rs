//! What is only supposed: "au cas où", "pour éviter", "si jamais", "in case of", and what is only asked about: "combien
//! pour une urgence", "do you do emergencies".

use std::sync::LazyLock;

use super::markers::Markers;
use super::scope::{self, Scope};
use super::words::{Gap, Word};

/// Words a supposition reaches over, within its statement.
const REACH: usize = 14;

static SUPPOSED: LazyLock<Markers> = LazyLock::new(|| {
    Markers::new(
        "craint | craignent | crainte | pensait avoir | pensais avoir | pensait que | pensais que | croyais que | croyait que | se demande si | hypothetique
         fears | fear of | worries | worry | thought i had | thought it was | thought there was | hypothetical
         comment savoir si | comment je fais pour savoir | on fait quoi si | quoi faire si | je fais quoi si | faire quoi si | qui appeler si | m assurer que | s assurer que | assurer qu | pour etre sur que | pour etre sure que | risques de | risque d inondation
         risque de refoulement | risques d | considere comme une | compte comme une | en prevision | avant la fonte | avant le degel | 
         comment je sais si | comment on sait si | comment savoir quand | c est quoi pour vous | c est quoi une | veut dire que | voudrait dire que
         lu sur | lu que | entendu parler | vu a la | vu sur | article sur | votre site dit | votre annonce dit | votre camion | sujet aux | sujette aux | difference entre
         au cas ou | au cas | en cas d | en cas de | en cas que | advenant | pour eviter | pour prevenir | pour pas que | pour ne pas que
         afin d eviter | eviter d | eviter que | eviter les | eviter un | eviter une | prevenir | prevention | preventif | preventive
         de peur que | de peur d | si jamais | si ca arrive | si ca arrivait | si un jour | avant que | avant d avoir | avant qu
         peur que | peur d avoir | peur d un | peur d une | peur de | inquiet que | inquiete que | pour pas avoir | pour ne pas avoir | pour proteger
         contre les | contre un | protection contre | proteger contre | clapet anti | anti | veux pas que | veut pas que | voudrais pas que
         voudrait pas que | veux pas avoir | veut pas avoir | veux pas de | veut pas de | tout d un coup que | mettons que | admettons que | disons que | imaginons
         make sure it doesnt | make sure that it doesnt | make sure it never | make sure it wont | making sure | make sure we dont | make sure i dont | so it wont | so that it wont | guard against | could back | may back | could overflow | could flood | may flood
         what counts as | what qualifies as | considered an | considered a | count as an | counts as an | qualify as | what do i do if | what should i do if | who do i call if | how do i know if | how would i know | how can i tell if | tell if
         the risk of | risk of | chance of | chances of | peace of mind | ready for | prepare for | preparing for | 
         mean that | means that | mean it | does it mean
         read about | read that | heard about | saw a video | saw on | article about | video about | website says | ad says | sign says | truck says | van says | ad for | rule out | checked for | looking for signs | prone to | prone
         difference between | example of | in case | in the event | to prevent | to avoid | avoid | prevent | preventing | prevention | preventative | preventive
         if ever | what if | what happens if | before it | before we get | before i get | before there | so it doesnt | so it does not
         so that it doesnt | so we dont | so i dont | worried about | worried that | worried it | afraid of | afraid that | afraid it
         protect against | protection against | protect from | dont want | dont want it | wouldnt want | against | let s say
         suppose | supposing | hypothetically | for next time | down the road | someday",
    )
});

/// "si ça déborde", "if it backs up": a condition, unless it is asked or compared.
static CONDITIONS: LazyLock<Markers> = LazyLock::new(|| {
    Markers::new(
        "si ca | si l eau | si y | s il y | s il pleut | si on | si j | si je | si un | si une | si le | si la
                  if it | if there | if i | if my | if the | if we | if something | if a | if that | should it",
    )
});
const NO_CONDITION: [&str; 22] = [
    "comme",
    "meme",
    "sais",
    "sait",
    "savoir",
    "voir",
    "demande",
    "demandais",
    "verifier",
    "regarder",
    "idee",
    "sur",
    "as",
    "even",
    "know",
    "see",
    "wonder",
    "wondering",
    "ask",
    "sure",
    "tell",
    "idea",
];

/// Questions about the service or its price.
static ASKED: LazyLock<Markers> = LazyLock::new(|| {
    Markers::new(
        "a sign that | a sign of | signe que | signe d | dangereux qu | est ce que l assurance | does insurance | does home insurance | does my insurance | is it true
         combien pour | combien ca coute | combien coute | combien vous | combien chargez | combien c est | combien c | combien est ce
         c est combien | quel est le prix | quel est votre prix | quels sont vos | quel prix | c est quoi le prix | c est quoi vos
         c est quoi votre | prix pour | tarif | tarifs | taux | votre service | un service d | services d | frais pour | frais d | surcharge
         faites vous | faites vous des | vous faites | vous faites tu | faites tu | est ce que vous | avez vous | vous avez tu
         vous avez | offrez vous | vous offrez | acceptez vous | vous chargez | chargez vous | vous prenez | repondez vous | venez vous | vous venez
         vous occupez vous | vous vous occupez | disponible pour les | disponibles pour les | assurance pour | soumission pour | estimation pour | estime pour
         numero d | ligne d | telephone d
         how much | how do you charge | what do you charge | what s your price | what is your | what s your | what are your | what s the
         what would | price for | price of | cost of | cost for | rate for | rates for | fee for | charge for | quote for | quote on | estimate for
         do you do | do you guys | do you offer | do you have | do you handle | do you take | do you charge | do you provide | do you respond
         do you come | do you deal | do you also | do you work | do y all | are you available for | are you open for | can you handle
         is there a | is there an | you guys do | you guys handle | you do | you offer | you handle | you take | your emergency | extra for
         interested in | looking for information | looking into | asking about | question about | questions about",
    )
});

pub fn mark(words: &mut [Word]) {
    for at in 0..words.len() {
        if let Some(length) = SUPPOSED.at(words, at).or_else(|| condition(words, at)) {
            let end = (at + length..words.len().min(at + length + REACH)).find(|place| ends(words, *place));
            suppose(words, at, end.unwrap_or(words.len().min(at + length + REACH)));
        } else if let Some(length) = ASKED.at(words, at) {
            let end = (at + length..words.len().min(at + length + REACH)).find(|place| ends_question(words, *place));
            suppose(words, at, end.unwrap_or(words.len().min(at + length + REACH)));
        } else if is_conditional(&words[at].text) || might(words, at) {
            suppose(words, at, (at + 3).min(scope::sentence_end(words, at)));
        }
    }
}

fn condition(words: &[Word], at: usize) -> Option<usize> {
    let length = CONDITIONS.at(words, at)?;
    let asked = at.checked_sub(1).is_some_and(|before| NO_CONDITION.contains(&words[before].text.as_ref()))
        || (at >= 2 && matches!(words[at - 1].text.as_ref(), "pas" | "plus" | "me"));
    (!asked).then_some(length)
}

fn suppose(words: &mut [Word], start: usize, end: usize) {
    words[start..end].iter_mut().filter(|word| word.scope != Scope::Past).for_each(|word| word.scope = Scope::Supposed);
}

fn ends(words: &[Word], at: usize) -> bool {
    words[at].gap != Gap::None || scope::is_contrast(words, at)
}

/// A question is about one thing: "how much for a flood" ends before "my basement".
fn ends_question(words: &[Word], at: usize) -> bool {
    let word = words[at].text.as_ref();
    let speaks_to_us = matches!(word, "you" | "vous" | "tu" | "ce" | "that" | "this" | "votre" | "your");
    ends(words, at)
        || (!speaks_to_us
            && (scope::is_subject(word)
                || (scope::is_new_thing(words, at) && !matches!(word, "le" | "la" | "les" | "l" | "the"))))
}

/// "ça déborderait".
fn is_conditional(word: &str) -> bool {
    const POLITE: [&str; 8] = ["aimerait", "voudrait", "faudrait", "serait", "pourrait", "aurait", "devrait", "irait"];
    (word.ends_with("erait") || word.ends_with("eraient")) && !POLITE.contains(&word)
}

/// "it might flood", not "could you come".
fn might(words: &[Word], at: usize) -> bool {
    let next = words.get(at + 1).map(|next| next.text.as_ref());
    let modal = matches!(words[at].text.as_ref(), "might" | "could" | "would" | "pourrait" | "peut");
    modal
        && next.is_some_and(|next| {
            ["flood", "back", "overflow", "happen", "burst", "refouler", "deborder", "inonder", "arriver", "remonter"]
                .contains(&next)
        })
}
