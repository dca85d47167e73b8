//! Reading JSON that may be anything: the few values that are wanted are borrowed unread, the rest is skipped, and a
//! value of another type than expected is a missing one. Nothing here builds a tree.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::fmt;

use engine::time::Timestamp;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Map;
use serde_json::value::{RawValue, Value};

/// A value of the body, not yet read.
pub type Raw<'a> = &'a RawValue;

/// The values of `keys` in a JSON object. `null` counts as missing, the last of several equal keys wins, and what is
/// no object has none of them.
pub fn pick<'a, const N: usize>(object: Option<Raw<'a>>, keys: [&'static str; N]) -> [Option<Raw<'a>>; N] {
    object
        .filter(|raw| is_object(raw))
        .and_then(|raw| Picking(&keys).deserialize(&mut serde_json::Deserializer::from_str(raw.get())).ok())
        .unwrap_or([None; N])
}

/// The objects of an array, at most `most` of them. Other elements are passed over.
pub fn objects(array: Option<Raw<'_>>, most: usize) -> Vec<Raw<'_>> {
    let mut found = Vec::new();
    each(array, |raw| {
        if found.len() < most && is_object(raw) {
            found.push(raw);
        }
    });
    found
}

/// The last elements of an array, at most `most` of them.
pub fn last_elements(array: Option<Raw<'_>>, most: usize) -> VecDeque<Raw<'_>> {
    let mut last = VecDeque::with_capacity(most);
    each(array, |raw| {
        if last.len() == most {
            last.pop_front();
        }
        last.push_back(raw);
    });
    last
}

/// A string's text. Half of a surrogate pair, as a cut emoji leaves behind, becomes U+FFFD.
pub fn text(raw: Option<Raw<'_>>) -> Option<Cow<'_, str>> {
    let json = raw?.get();
    if !json.starts_with('"') {
        return None;
    }
    let borrowed = serde_json::from_str::<&str>(json).map(Cow::Borrowed);
    borrowed.or_else(|_| serde_json::from_str::<String>(json).map(Cow::Owned)).ok().or_else(|| {
        let mended = serde_json::from_str::<String>(&mend(json)).ok()?;
        Some(Cow::Owned(mended))
    })
}

/// A string that says something, at most `most` bytes of it.
pub fn short(raw: Option<Raw<'_>>, most: usize) -> Option<Box<str>> {
    let text = text(raw)?;
    let text = text.trim();
    (!text.is_empty()).then(|| clip(text, most).into())
}

/// A finite number, also when it was written as a string.
pub fn number(raw: Option<Raw<'_>>) -> Option<f64> {
    let raw = raw?;
    let number = match text(Some(raw)) {
        Some(text) => text.trim().parse().ok(),
        None => serde_json::from_str(raw.get()).ok(),
    };
    number.filter(|number: &f64| number.is_finite())
}

/// A moment between the years 2000 and 2100: milliseconds since 1970 in any notation, seconds, or RFC 3339 text.
pub fn moment(raw: Option<Raw<'_>>) -> Option<Timestamp> {
    const YEARS: std::ops::Range<i64> = 946_684_800_000..4_102_444_800_000;
    /// Below, a number can only be seconds: as milliseconds it would lie before 1974.
    const SECONDS_BELOW: f64 = 1e11;
    let moment = match number(raw) {
        Some(seconds) if seconds < SECONDS_BELOW => Timestamp::from_millis((seconds * 1e3) as i64),
        Some(millis) => Timestamp::from_millis(millis as i64),
        None => text(raw)?.trim().parse().ok()?,
    };
    YEARS.contains(&moment.as_millis()).then_some(moment)
}

/// An object, or a string that holds one, as a map. `None` for anything else and beyond `most` bytes.
pub fn map(raw: Option<Raw<'_>>, most: usize) -> Option<Map<String, Value>> {
    let raw = raw.filter(|raw| raw.get().len() <= most)?;
    match text(Some(raw)) {
        Some(inner) => parse_map(inner.trim()).or_else(|| parse_map(&serde_json::from_str::<String>(&inner).ok()?)),
        None => parse_map(raw.get()),
    }
}

fn parse_map(json: &str) -> Option<Map<String, Value>> {
    serde_json::from_str(json).ok().or_else(|| serde_json::from_str(&mend(json)).ok())
}

/// At most `most` bytes of `text`, cut between characters.
pub fn clip(text: &str, most: usize) -> &str {
    &text[..text.floor_char_boundary(most)]
}

fn is_object(raw: Raw<'_>) -> bool {
    raw.get().starts_with('{')
}

/// Replaces escaped halves of surrogate pairs by U+FFFD: valid JSON, but no text in Rust.
fn mend(json: &str) -> String {
    let mut mended = String::with_capacity(json.len());
    let mut rest = json;
    while let Some(at) = rest.find('\\') {
        mended.push_str(&rest[..at]);
        rest = &rest[at..];
        let whole = match (surrogate(rest), rest.get(6..).and_then(surrogate)) {
            (Some(0xD800..=0xDBFF), Some(0xDC00..=0xDFFF)) => 12,
            (Some(_), _) => {
                mended.push_str("\\ufffd");
                rest = &rest[6..];
                continue;
            }
            (None, _) => rest.char_indices().nth(2).map_or(rest.len(), |(end, _)| end),
        };
        mended.push_str(&rest[..whole]);
        rest = &rest[whole..];
    }
    mended + rest
}

/// The half of a surrogate pair that `json` begins with, as in `\ud83d`.
fn surrogate(json: &str) -> Option<u16> {
    let digits = json.strip_prefix("\\u")?.get(..4)?;
    u16::from_str_radix(digits, 16).ok().filter(|unit| (0xD800..=0xDFFF).contains(unit))
}

fn each<'a>(array: Option<Raw<'a>>, visit: impl FnMut(Raw<'a>)) {
    struct Each<F>(F);

    impl<'de, F: FnMut(Raw<'de>)> Visitor<'de> for Each<F> {
        type Value = ();

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an array")
        }

        fn visit_seq<A: SeqAccess<'de>>(mut self, mut seq: A) -> Result<(), A::Error> {
            while let Some(raw) = seq.next_element()? {
                (self.0)(raw);
            }
            Ok(())
        }
    }

    if let Some(raw) = array.filter(|raw| raw.get().starts_with('[')) {
        // The text was valid JSON when the body was read, so this cannot fail half way.
        let _ = serde_json::Deserializer::from_str(raw.get()).deserialize_seq(Each(visit));
    }
}

/// Reads an object and keeps the values of these keys.
pub struct Picking<'k, const N: usize>(pub &'k [&'static str; N]);

impl<'de, const N: usize> DeserializeSeed<'de> for Picking<'_, N> {
    type Value = [Option<Raw<'de>>; N];

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, const N: usize> Visitor<'de> for Picking<'_, N> {
    type Value = [Option<Raw<'de>>; N];

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut picked = [None; N];
        while let Some(found) = map.next_key_seed(KeyIn(self.0))? {
            match found {
                Some(at) => picked[at] = Some(map.next_value::<Raw<'de>>()?),
                None => _ = map.next_value::<IgnoredAny>()?,
            }
        }
        Ok(picked.map(|raw| raw.filter(|raw: &Raw<'de>| raw.get() != "null")))
    }
}

/// Which of the keys a key is. Compared as bytes, so that no key needs memory and none can be malformed.
pub struct KeyIn<'k>(pub &'k [&'static str]);

impl<'de> DeserializeSeed<'de> for KeyIn<'_> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_bytes(self)
    }
}

impl Visitor<'_> for KeyIn<'_> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_bytes<E: Error>(self, key: &[u8]) -> Result<Self::Value, E> {
        Ok(self.0.iter().position(|known| known.as_bytes() == key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_surrogate_pair_is_replaced_and_a_whole_one_is_kept() {
        for (json, expected) in [
            (r#""\ud83d\ude00 ok""#, "\u{1F600} ok"),
            (r#""cut \ud83d""#, "cut \u{fffd}"),
            (r#""\ude00\ud83d\ude00\ud83d\n""#, "\u{fffd}\u{1F600}\u{fffd}\n"),
            (r#""\\ud83d \ud83d""#, "\\ud83d \u{fffd}"),
            (r#""\ud83dé\u00e9""#, "\u{fffd}éé"),
        ] {
            let raw: &RawValue = serde_json::from_str(json).unwrap();
            assert_eq!(text(Some(raw)).as_deref(), Some(expected), "{json}");
        }
    }
}
