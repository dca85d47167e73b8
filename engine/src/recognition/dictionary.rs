//! Which words of what was said fit which places of the phrases. Every place ("slot") of every phrase has a number; a
//! word is looked up once, and then a phrase only asks for bits.

use std::collections::{BTreeSet, HashMap};
use std::hash::{BuildHasherDefault, Hasher};

use super::words::{self, Gap, Word};

/// Alternatives for one place of a phrase.
pub type Slot = usize;

/// Words one alternative may be split into by a recogniser: "in ondation", "salle de bain".
const MOST_PARTS: usize = 3;
/// A joined word shorter than this could be two words by chance.
const SHORTEST_JOINED: usize = 5;

type Table = HashMap<String, Vec<Slot>, BuildHasherDefault<Fnv>>;

#[derive(Clone, Debug, Default)]
pub struct Dictionary {
    whole: Table,
    stems: Table,
    /// Lengths that stems have, in bytes: a word is cut to these alone.
    stem_lengths: BTreeSet<usize>,
    slots: usize,
}

/// For each word, the slots it fits alone, and joined with the one or two after it.
pub struct Fits {
    bits: Vec<u64>,
    /// Slots that some word fits.
    anywhere: Vec<u64>,
    /// 64-bit words per set.
    width: usize,
}

impl Dictionary {
    pub fn new_slot(&mut self) -> Slot {
        self.slots += 1;
        self.slots - 1
    }

    /// Lets `word` fit `slot`. `inond*` is a stem; several words are one that may be written apart. False when nothing
    /// is left of it.
    pub fn add(&mut self, slot: Slot, word: &str) -> bool {
        let (letters, is_stem) = match word.trim().strip_suffix('*') {
            Some(stem) => (stem, true),
            None => (word, false),
        };
        let joined: String = words::split(letters).iter().map(|part| part.text.as_ref()).collect();
        if joined.is_empty() {
            return false;
        }
        let key = squeezed(&joined);
        if is_stem {
            self.stem_lengths.insert(key.len());
            self.stems.entry(key).or_default().push(slot);
        } else {
            self.whole.entry(key).or_default().push(slot);
        }
        true
    }

    pub fn look_up(&self, said: &[Word]) -> Fits {
        let width = self.slots.div_ceil(64).max(1);
        let bits = vec![0; said.len() * MOST_PARTS * width];
        let mut fits = Fits { bits, anywhere: vec![0; width], width };
        for at in 0..said.len() {
            let mut joined = String::new();
            for parts in 1..=MOST_PARTS {
                let Some(word) = said.get(at + parts - 1) else { break };
                if parts > 1 && word.gap != Gap::None {
                    break;
                }
                joined.push_str(&word.text);
                if parts == 1 || joined.len() >= SHORTEST_JOINED {
                    self.find(&squeezed(&joined), |slot| fits.set(at, parts, slot));
                }
            }
        }
        fits
    }

    /// As it is, in the plural, or behind an article without its apostrophe: "deau", "legout".
    fn find(&self, word: &str, mut found: impl FnMut(Slot)) {
        self.find_exactly(word, &mut found);
        if let Some(rest) =
            word.strip_prefix(['d', 'l']).filter(|rest| rest.starts_with(['a', 'e', 'i', 'o', 'u', 'h']))
        {
            self.find_exactly(rest, &mut found);
        }
    }

    fn find_exactly(&self, word: &str, found: &mut impl FnMut(Slot)) {
        let singular = word.strip_suffix(['s', 'x']).filter(|singular| singular.len() >= 3);
        let wholes = [Some(word), singular].into_iter().flatten().filter_map(|word| self.whole.get(word));
        let stems = self.stem_lengths.range(..=word.len()).filter_map(|end| self.stems.get(word.get(..*end)?));
        wholes.chain(stems).flatten().for_each(|slot| found(*slot));
    }
}

impl Fits {
    /// Whether the `parts` words from `at` are one word of this slot.
    pub fn fits(&self, at: usize, parts: usize, slot: Slot) -> bool {
        let set = (at * MOST_PARTS + parts - 1) * self.width;
        self.bits[set + slot / 64] & (1 << (slot % 64)) != 0
    }

    /// The fewest words from `at` that are one word of this slot; 0 when none are.
    pub fn shortest(&self, at: usize, slot: Slot) -> usize {
        (1..=MOST_PARTS).find(|parts| self.fits(at, *parts, slot)).unwrap_or(0)
    }

    /// Whether any word fits it: most phrases are ruled out by that.
    pub fn has(&self, slot: Slot) -> bool {
        self.anywhere[slot / 64] & (1 << (slot % 64)) != 0
    }

    fn set(&mut self, at: usize, parts: usize, slot: Slot) {
        self.anywhere[slot / 64] |= 1 << (slot % 64);
        let set = (at * MOST_PARTS + parts - 1) * self.width;
        self.bits[set + slot / 64] |= 1 << (slot % 64);
    }
}

/// FNV-1a: the words are the playbook's own, so nobody can choose them to collide.
#[derive(Clone, Copy)]
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Fnv {
        Fnv(0xcbf2_9ce4_8422_2325)
    }
}

impl Hasher for Fnv {
    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes.iter().fold(self.0, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3));
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// Doubled letters once: nobody hears them, and recognisers write them as they like.
fn squeezed(word: &str) -> String {
    let mut squeezed = String::with_capacity(word.len());
    word.chars().for_each(|letter| {
        if !squeezed.ends_with(letter) || letter.is_ascii_digit() {
            squeezed.push(letter);
        }
    });
    squeezed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shortest(entry: &str, said: &str) -> usize {
        let mut dictionary = Dictionary::default();
        let slot = dictionary.new_slot();
        assert!(dictionary.add(slot, entry));
        dictionary.look_up(&words::split(said)).shortest(0, slot)
    }

    #[test]
    fn a_word_is_found_whole_in_the_plural_misspelt_and_torn_apart() {
        for (entry, said, parts) in [
            ("inondation", "Inondations", 1),
            ("inondation", "in ondation", 2),
            ("inondation", "innondation", 1),
            ("inond*", "inondé", 1),
            ("anticonstitutionnel*", "anticonstitutionnellement", 1),
            ("anticonstitutionnel*", "anticonstitution", 0),
            ("sous-sol", "sous sol", 2),
            ("sous-sol", "soussol", 1),
            ("salle de bain", "salle de bain", 3),
            ("dégât", "degat", 1),
            ("égout", "degout", 1),
            ("eau", "eaux", 1),
            ("ville", "Boucherville", 0),
            ("ville", "vil", 0),
            ("eau", "seau", 0),
            ("eau", "bureau", 0),
            ("inondation", "in. Ondation", 0),
        ] {
            assert_eq!(shortest(entry, said), parts, "{entry} in {said}");
        }
    }

    #[test]
    fn an_entry_without_a_letter_is_none() {
        let mut dictionary = Dictionary::default();
        let slot = dictionary.new_slot();
        assert!(!dictionary.add(slot, " !*"));
    }
}
