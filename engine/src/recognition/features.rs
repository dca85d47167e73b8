//! What the model sees of a turn: words, pairs of words, pieces of words and concepts, each with its scope, hashed.
//!
//! A word that is denied, past or only supposed is another feature than the word that is meant: "pas d'eau" is not "eau".
//! Changing anything here needs `cargo run -p engine --example train_recognition`.

use super::dictionary::{Dictionary, Slot};
use super::scope::Scope;
use super::words::Word;

/// Places in the table of weights.
pub const BUCKETS: usize = 1 << 15;
/// Concepts of one turn that are paired with each other.
const MOST_CONCEPTS: usize = 24;

/// Words of a trade under what they mean, in both languages.
#[derive(Clone, Debug, Default)]
pub struct Concepts {
    dictionary: Dictionary,
    slots: Vec<Slot>,
    /// How many of them are acute; they come first.
    acute: usize,
}

impl Concepts {
    /// The words of each concept, in a fixed order; the acute ones say that something happens now.
    pub fn new(acute: &[Vec<String>], context: &[Vec<String>]) -> Concepts {
        let mut concepts = Concepts { acute: acute.len(), ..Concepts::default() };
        for words in acute.iter().chain(context) {
            let slot = concepts.dictionary.new_slot();
            concepts.slots.push(slot);
            words.iter().for_each(|word| {
                concepts.dictionary.add(slot, word);
            });
        }
        concepts
    }

    /// Number, place and scope of each concept said, in order of place.
    fn heard(&self, said: &[Word]) -> Vec<(usize, usize, Scope)> {
        let fits = self.dictionary.look_up(said);
        let mut heard = Vec::new();
        let mut covered = 0;
        for (at, word) in said.iter().enumerate() {
            let here: Vec<(usize, usize)> = self
                .slots
                .iter()
                .map(|slot| fits.shortest(at, *slot))
                .enumerate()
                .filter(|(_, parts)| *parts > 0)
                .collect();
            let longest = here.iter().map(|(_, parts)| *parts).max().unwrap_or(0);
            // "water heater" is no water.
            if at + longest > covered {
                let most = here.iter().filter(|(_, parts)| *parts == longest);
                heard.extend(most.map(|(concept, _)| (*concept, at, word.scope)));
            }
            if longest > 1 {
                covered = covered.max(at + longest);
            }
        }
        heard.truncate(MOST_CONCEPTS);
        heard
    }
}

/// Buckets of everything the turn has, each once, sorted.
pub fn of(said: &[Word], concepts: &Concepts) -> Vec<u16> {
    let mut features = Vec::with_capacity(said.len() * 12);
    let mut add = |hash: Hash| features.push((hash.0 % BUCKETS as u64) as u16);
    for (at, word) in said.iter().enumerate() {
        let own = Hash::new(b'w').scope(word.scope).text(&word.text);
        add(own);
        let before = at.checked_sub(1).map_or("^", |place| &said[place].text);
        add(Hash::new(b'b').scope(word.scope).text(before).text(&word.text));
        pieces(word, &mut add);
    }
    if let Some(last) = said.last() {
        add(Hash::new(b'b').scope(last.scope).text(&last.text).text("$"));
    }
    let heard = concepts.heard(said);
    let is_acute = heard.iter().any(|(concept, _, scope)| *concept < concepts.acute && *scope == Scope::Meant);
    if !is_acute {
        heard.iter().for_each(|(concept, ..)| add(Hash::new(b'q').byte(*concept as u8)));
        add(Hash::new(b'Q'));
    }
    for pair in heard.windows(2) {
        add(Hash::new(b'j').scope(pair[0].2).scope(pair[1].2).byte(pair[0].0 as u8).byte(pair[1].0 as u8));
    }
    for (n, (concept, place, scope)) in heard.iter().enumerate() {
        add(Hash::new(b'c').scope(*scope).byte(*concept as u8));
        for (other, later, its) in &heard[n + 1..] {
            let (least, most) = (concept.min(other), concept.max(other));
            let together = if scope == its { *scope } else { Scope::Supposed };
            add(Hash::new(b'p').scope(together).byte(*least as u8).byte(*most as u8));
            if later - place <= 5 {
                add(Hash::new(b'n').scope(together).byte(*concept as u8).byte(*other as u8));
            }
        }
    }
    features.sort_unstable();
    features.dedup();
    features
}

/// Four and five letters in a row of longer words: what is left of a word that was misheard.
fn pieces(word: &Word, add: &mut impl FnMut(Hash)) {
    let letters = word.text.as_bytes();
    if letters.len() < 5 {
        return;
    }
    add(Hash::new(b's').scope(word.scope).bytes(&letters[..5]));
}

/// FNV-1a, 64 bits: the same on every machine and in every version.
#[derive(Clone, Copy)]
struct Hash(u64);

impl Hash {
    fn new(kind: u8) -> Hash {
        Hash(0xcbf2_9ce4_8422_2325).byte(kind)
    }

    fn byte(self, byte: u8) -> Hash {
        Hash((self.0 ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
    }

    fn bytes(self, bytes: &[u8]) -> Hash {
        bytes.iter().fold(self, |hash, byte| hash.byte(*byte))
    }

    fn text(self, text: &str) -> Hash {
        self.bytes(text.as_bytes()).byte(0)
    }

    fn scope(self, scope: Scope) -> Hash {
        self.byte(scope as u8)
    }
}
