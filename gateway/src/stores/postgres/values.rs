//! Two values that Postgres and we write differently: words with a U+0000 in them, and moments.

use std::borrow::Cow;

use engine::time::Timestamp;
use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::postgres::types::Oid;
use sqlx::postgres::{PgArgumentBuffer, PgHasArrayType, PgTypeInfo, PgValueFormat, PgValueRef};
use sqlx::{Decode, Encode, Postgres, Type};

/// Text of any characters. Postgres has no U+0000: it is written as U+001A ("substitute") and 0, U+001A itself as
/// U+001A and 1. Everything else is written as it is, and people who look into the tables can read it.
#[derive(Clone, Debug, PartialEq)]
pub struct Text<'a>(pub Cow<'a, str>);

const NUL: char = '\0';
const SUBSTITUTE: char = '\u{1a}';

/// As a column of text takes it.
pub fn text(text: &str) -> Text<'_> {
    Text(Cow::Borrowed(text))
}

pub fn maybe_text(text: Option<&str>) -> Option<Text<'_>> {
    text.map(self::text)
}

impl Text<'_> {
    fn written(&self) -> Cow<'_, str> {
        if !self.0.contains([NUL, SUBSTITUTE]) {
            return Cow::Borrowed(&self.0);
        }
        let mut written = String::with_capacity(self.0.len() + 8);
        for character in self.0.chars() {
            match character {
                NUL => written.extend([SUBSTITUTE, '0']),
                SUBSTITUTE => written.extend([SUBSTITUTE, '1']),
                other => written.push(other),
            }
        }
        Cow::Owned(written)
    }
}

/// Somebody else's U+001A, with neither 0 nor 1 behind it, is taken as it stands.
fn read(written: &str) -> Cow<'_, str> {
    if !written.contains(SUBSTITUTE) {
        return Cow::Borrowed(written);
    }
    let mut read = String::with_capacity(written.len());
    let mut characters = written.chars().peekable();
    while let Some(character) = characters.next() {
        let stands_for = match (character, characters.peek()) {
            (SUBSTITUTE, Some('0')) => Some(NUL),
            (SUBSTITUTE, Some('1')) => Some(SUBSTITUTE),
            _ => None,
        };
        if stands_for.is_some() {
            characters.next();
        }
        read.push(stands_for.unwrap_or(character));
    }
    Cow::Owned(read)
}

impl Type<Postgres> for Text<'_> {
    fn type_info() -> PgTypeInfo {
        <str as Type<Postgres>>::type_info()
    }

    fn compatible(other: &PgTypeInfo) -> bool {
        <str as Type<Postgres>>::compatible(other)
    }
}

impl PgHasArrayType for Text<'_> {
    fn array_type_info() -> PgTypeInfo {
        <&str as PgHasArrayType>::array_type_info()
    }
}

impl Encode<'_, Postgres> for Text<'_> {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        buffer.extend(self.written().as_bytes());
        Ok(IsNull::No)
    }
}

impl<'r> Decode<'r, Postgres> for Text<'r> {
    fn decode(value: PgValueRef<'r>) -> Result<Self, BoxDynError> {
        Ok(Text(read(value.as_str()?)))
    }
}

/// A moment as a `timestamptz`: microseconds since the year 2000.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct At(pub Timestamp);

/// Built-in types have the same numbers in every database.
const TIMESTAMPTZ: Oid = Oid(1184);
const TIMESTAMPTZ_ARRAY: Oid = Oid(1185);
/// From 1970 to 2000, in milliseconds.
const EPOCH_MS: i64 = 946_684_800_000;

pub fn maybe_at(at: Option<Timestamp>) -> Option<At> {
    at.map(At)
}

impl Type<Postgres> for At {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_oid(TIMESTAMPTZ)
    }
}

impl PgHasArrayType for At {
    fn array_type_info() -> PgTypeInfo {
        PgTypeInfo::with_oid(TIMESTAMPTZ_ARRAY)
    }
}

impl Encode<'_, Postgres> for At {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        let micros = (self.0.as_millis() - EPOCH_MS) * 1_000;
        <i64 as Encode<Postgres>>::encode_by_ref(&micros, buffer)
    }
}

impl Decode<'_, Postgres> for At {
    fn decode(value: PgValueRef<'_>) -> Result<Self, BoxDynError> {
        if value.format() == PgValueFormat::Text {
            return Err("a moment comes as a number, from a statement that was prepared".into());
        }
        let micros = <i64 as Decode<Postgres>>::decode(value)?;
        Ok(At(Timestamp::from_millis(micros.div_euclid(1_000).saturating_add(EPOCH_MS))))
    }
}

#[cfg(test)]
mod tests {
    use super::{read, text};

    #[test]
    fn what_is_written_has_no_nul_and_is_read_as_it_was() {
        for original in ["", "plain", "\0", "a\0b\u{1a}c", "\u{1a}0", "\u{1a}\u{1a}1\0", "é🛁\u{1}"] {
            let written = text(original).written().into_owned();
            assert!(!written.contains('\0'), "{original:?}");
            assert_eq!(read(&written), original);
        }
    }

    #[test]
    fn ordinary_words_are_written_as_they_are() {
        assert_eq!(text("Noëlle, 8 h").written(), "Noëlle, 8 h");
    }

    #[test]
    fn a_substitute_of_somebody_elses_is_taken_as_it_stands() {
        assert_eq!(read("a\u{1a}"), "a\u{1a}");
        assert_eq!(read("a\u{1a}2"), "a\u{1a}2");
    }
}
