//! What is over: "l'an passé", "last year", "c'est réglé", "has been fixed".
//!
//! A time in the past reaches over its own statement. What is said in the present beside it ("l'an passé aussi, et là ça
//! recommence") is not past.

use std::sync::LazyLock;

use super::markers::Markers;
use super::scope::{self, Scope};
use super::words::{Gap, Word};

static PAST: LazyLock<Markers> = LazyLock::new(|| {
    Markers::new(
        "merci pour | merci d | merci a votre | merci encore | remercie* | ancien | ancienne | anciens
         thanks for | thanks so much | thank you for | thank you so much | thanks the | thank your | past | previous | earlier | former
         l an passe | l an dernier | l annee passee | l annee derniere | l autre annee | l ete passe | l ete dernier | l hiver passe
         l hiver dernier | l automne passe | l automne dernier | le printemps passe | le printemps dernier | printemps dernier
         printemps passe | ce printemps | au printemps | l autre fois | la derniere fois | derniere fois | la semaine passee
         la semaine derniere | semaine passee | semaine derniere | le mois passe | le mois dernier | mois passe | mois dernier
         les annees passees | dans le passe | dans le temps | a l epoque | autrefois | auparavant | par le passe | jadis
         y a # an* | y a # mois | y a # semaine* | y a longtemps | ca fait # an* | ca fait # mois | ca fait longtemps | voila # an*
         il y a # an* | il y a # mois | il y a # semaine* | # ans passes | en janvier | en fevrier | en mars | en avril | en mai
         en juin | en juillet | en aout | en septembre | en octobre | en novembre | en decembre | cet hiver la
         en 20* | en 199* | deja eu | avait deja eu | deja refoule | deja deborde | deja inonde | deja arrive | avant nous
         l ancien proprietaire | ancien proprio | l ancien proprio | avant qu on achete | quand on a achete | a deja
         last year | last month | last week | last summer | last winter | last spring | last fall | last autumn | last time
         the other year | # year* ago | # month* ago | # week* ago | years ago | months ago | weeks ago | a while ago | a while back | # winter* ago | # summer* ago | # spring* ago | # winter* back | # summer* back | # day* ago | over the winter | over the holidays | at my old | at our old | at our last | at my last | old house | last house | previous place | when i was | the time it | that flood | after the flood | years prior | once in | only once | just once | happened once | flooded once | overflowed once | backed up once
         long ago | # years back | # months back | # weeks back | back in | in the past | in the old days | used to flood | used to back | used to overflow | used to have | used to get | used to happen | used to leak | previously
         once had | in 20* | in 199* | previous owner | when we bought | before we bought | this past | the year before | back when
         in january | in february | in march | in april | in june | in july | in august | in september | in october
         in november | in december | had one before | had it before | had that before | happened before | ever since the | last january
         last february | last march | last april | last may | last june | last july | last august | last september | last october
         last november | last december",
    )
});

static OVER: LazyLock<Markers> = LazyLock::new(|| {
    Markers::new(
        "est reglee | sont regles | a regle notre | a regle le | a regle mon | a regle la | deja reglee | dossier est ferme | dossier ferme | reclamation fermee | est sec | sec depuis
         file is closed | claim is closed | is settled | not us | not me | pas moi | pas nous | pas chez nous | on television | on tv | on the news | in the news | a la tele | aux nouvelles
         all gone | s all gone | been cleared | been fully cleared | fully cleared | settled | no current problem | aucun probleme actuel | already repaired
         fully repaired | basement dry | est tout sec | tout est sec | is dry | s dry | bone dry | everything is dry | everything s dry | est rendu sec | est partie | s est ecoulee | s est en allee | regle
         est regle | s est regle | etait regle | ont regle | a regle ca | est tout regle | est toute regle | est maintenant regle
         deja regle | a ete regle | a ete repare | a ete reparee | est repare | ont repare | a ete corrige | est corrige
         est arrange | s est arrange | ont arrange | a ete arrange | tout est correct | est correct maintenant | est beau maintenant
         tout est beau | tout est sec | est sec maintenant | est rentre dans l ordre | est revenu a la normale | est fini la
         ont tout nettoye | a ete nettoye | a ete debouche | est debouche maintenant | est passe maintenant | plus de probleme
         a arrete maintenant | probleme est resolu | est resolu | a ete resolu | est fini maintenant
         has been fixed | have been fixed | been fixed | was fixed | were fixed | got fixed | is fixed | s fixed | s all fixed
         got it fixed | had it fixed | fixed it | fixed that | been repaired | was repaired | got repaired | is repaired
         been resolved | was resolved | got resolved | is resolved | s resolved | been taken care of | was taken care of
         got taken care of | is taken care of | s taken care of | all good now | is fine now | s fine now | are fine now | all fine now
         been cleaned up | all cleaned up | is dry now | s dry now | all dry | dried up | dried out | back to normal | all sorted
         been sorted | got sorted | is over now | s over now | fine since | no problem since | no issue since | no problems since
         no issues since | been dealt with | got dealt with | was dealt with | is okay now | s okay now | is ok now | s ok now",
    )
});
/// Somebody says it is over, and it may not be.
const HEARSAY: [&str; 16] = [
    "dit", "disait", "pensais", "pensait", "croyais", "croyait", "suppose", "supposed", "said", "told", "thought",
    "think", "jusqu", "tant", "until", "not",
];
/// It was over, and is back, wherever it is said.
static RETURNS: LazyLock<Markers> = LazyLock::new(|| {
    Markers::new(
        "revient | reviennent | recommence* | est revenu | est revenue | refoule encore
         s back | is back | came back | comes back | coming back | it s doing | started up | happening",
    )
});
/// The same beside what was over; further on it is of something else: "I still have his invoice".
static STILL: LazyLock<Markers> = LazyLock::new(|| {
    Markers::new("encore | de nouveau | la ca | la c | la y | la il | la l eau | again | but now | and now | still")
});
/// From here on the present is meant.
static NOW: LazyLock<Markers> = LazyLock::new(|| {
    Markers::new(
        "la la | la ca | la c | la il | la l eau | la j | la on | la y | maintenant | presentement | en ce moment | actuellement
         aujourd hui | ce matin | ce soir | a soir | cette nuit | a matin | encore une fois | re la | ca recommence | recommence | ca revient
         depuis | encore | cette fois | de nouveau | toujours | meme affaire | meme probleme
         now | right now | today | this morning | tonight | again | this time | still | at the moment | currently | as we speak
         it s back | same thing | same problem | started up | this afternoon | this evening | since",
    )
});
/// Of those, what may be over by now: "it backed up this morning. It's been cleared."
static TODAY: LazyLock<Markers> = LazyLock::new(|| {
    Markers::new(
        "aujourd hui | ce matin | ce soir | a soir | cette nuit | a matin | depuis
         today | this morning | tonight | this afternoon | this evening | since",
    )
});
/// An expression of time after these says since when, not when.
const SINCE: [&str; 5] = ["depuis", "since", "for", "ever", "comme"];
#[rustfmt::skip]
const NOT_PRESENT: [&str; 24] = [
    "a", "avait", "etait", "fait", "fesait", "faisait", "m", "nous", "s", "n", "ne", "d", "y", "ai", "avais", "ete", "est", "de", "qui", "que", "du",
    "des", "dans", "avaient",
];

pub fn mark(words: &mut [Word]) {
    for at in 0..words.len() {
        if let Some(length) = PAST.at(words, at).filter(|length| !is_since(words, at) && !returns(words, at + length)) {
            mark_statement(words, at, at + length);
        }
        if let Some(length) = OVER.at(words, at).filter(|length| !is_doubted(words, at, *length)) {
            mark_before(words, at, at + length);
        }
    }
}

fn is_since(words: &[Word], at: usize) -> bool {
    at.checked_sub(1).is_some_and(|before| SINCE.contains(&words[before].text.as_ref()))
}

fn is_doubted(words: &[Word], at: usize, length: usize) -> bool {
    let start = at.saturating_sub(5).max(scope::sentence_start(words, at));
    let doubted = |word: &Word| HEARSAY.contains(&word.text.as_ref()) || word.scope == Scope::Denied;
    words[at].scope == Scope::Denied || words[start..at].iter().any(doubted) || returns(words, at + length)
}

/// "… et là ça recommence".
fn returns(words: &[Word], after: usize) -> bool {
    let next = scope::sentence_end(words, after.saturating_sub(1));
    let beside = scope::sentence_end(words, next);
    (after..words.len()).any(|place| {
        let is_back = RETURNS.begins(words, place) || (place < beside && STILL.begins(words, place));
        is_back && words[place].scope != Scope::Denied
    })
}

/// The statement around an expression of time. A bare one, "Last year, …", belongs to its neighbour.
fn mark_statement(words: &mut [Word], start: usize, end: usize) {
    let (first, last) = (scope::sentence_start(words, start), scope::sentence_end(words, start));
    let opens = (first + 1..=start).rev().find(|place| words[*place].gap == Gap::Comma).unwrap_or(first);
    let closes = (end..last).find(|place| words[*place].gap == Gap::Comma).unwrap_or(last);
    let is_bare = closes - opens <= end - start + 2;
    let from = if is_bare { first } else { opens };
    let until = if is_bare { last } else { closes };
    let from = (from..start)
        .rev()
        .find(|place| breaks(words, *place))
        .map_or(from, |place| if is_now(words, place) { start } else { place });
    let until = (end..until).find(|place| breaks(words, *place)).unwrap_or(until);
    scope::set(&mut words[from..until], Scope::Past);
}

/// What is over is everything said before it, up to what is about now: "it's flooding. The toilet was fixed."
fn mark_before(words: &mut [Word], at: usize, end: usize) {
    let mut from = scope::sentence_start(words, at);
    // What was over last week is not what began this morning.
    let is_old = (from..scope::sentence_end(words, at)).any(|place| PAST.begins(words, place));
    let own_thing = |place: &usize| words[*place].gap == Gap::Comma && scope::is_new_thing(words, *place);
    if let Some(thing) = (from..at).rev().find(own_thing).filter(|thing| is_about_now(&words[..*thing], from, is_old)) {
        return scope::set(&mut words[thing..end], Scope::Past);
    }
    scope::set(&mut words[from..end], Scope::Past);
    while let Some(last) = from.checked_sub(1) {
        let start = scope::sentence_start(words, last);
        if is_about_now(&words[..from], start, is_old) {
            break;
        }
        if !(is_old && is_state(&words[..from], start)) {
            scope::set(&mut words[start..from], Scope::Past);
        }
        from = start;
    }
}

/// "there's water", "mon sous-sol est inondé": what is so, where nothing says since when.
fn is_state(words: &[Word], from: usize) -> bool {
    let text = |place: usize| words.get(place).map_or("", |word| word.text.as_ref());
    (from..words.len()).any(|place| match (text(place), text(place + 1)) {
        ("there", "s" | "is" | "are") | ("y", "a") => {
            !PAST.begins(words, place) && !matches!(text(place + 2), "eu" | "been" | "deja" | "pas" | "plus" | "no")
        }
        (subject, "is" | "are" | "est" | "sont") => {
            subject != "s" && !scope::is_subject(subject) && !OVER.begins(words, place + 1)
        }
        _ => false,
    })
}

/// Whether the words from here on say what is so now; with `today`, what was so today is enough.
fn is_about_now(words: &[Word], from: usize, today: bool) -> bool {
    let is_now = |place| is_now(words, place) && (today || !TODAY.begins(words, place));
    (from..words.len()).any(|place| is_now(place) || is_present(words, place))
}

fn breaks(words: &[Word], at: usize) -> bool {
    scope::is_contrast(words, at) || is_now(words, at) || is_present(words, at)
}

fn is_now(words: &[Word], at: usize) -> bool {
    NOW.begins(words, at)
}

/// "ça refoule", "it's backing up", "l'eau monte": a statement in the present begins.
fn is_present(words: &[Word], at: usize) -> bool {
    let Some(verb) = words.get(at + 1).filter(|verb| verb.gap == Gap::None).map(|verb| verb.text.as_ref()) else {
        return false;
    };
    match words[at].text.as_ref() {
        "ca" | "eau" => {
            verb.len() > 3 && !NOT_PRESENT.contains(&verb) && !verb.ends_with("ait") && !verb.ends_with("is")
        }
        "it" | "water" | "is" | "are" => {
            let doing = if matches!(verb, "s" | "is" | "are") {
                words.get(at + 2).map_or("", |next| next.text.as_ref())
            } else {
                verb
            };
            doing.len() > 4 && doing.ends_with("ing")
        }
        _ => false,
    }
}
