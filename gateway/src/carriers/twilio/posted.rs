//! A form that somebody posted to us, decoded as it is signed: nothing trimmed, nothing left out.

use std::borrow::Cow;

/// Names and values, in the order they came.
#[derive(Clone, Debug, Default)]
pub struct Fields<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl<'a> Fields<'a> {
    pub fn read(body: &'a [u8]) -> Fields<'a> {
        let pairs = body.split(|b| *b == b'&').filter(|pair| !pair.is_empty());
        Fields(pairs.map(pair).collect())
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (&**name, &**value))
    }

    /// The first value of that name that is not empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(known, value)| *known == name && !value.is_empty()).map(|(_, value)| value)
    }
}

fn pair(pair: &[u8]) -> (Cow<'_, str>, Cow<'_, str>) {
    let at = pair.iter().position(|b| *b == b'=').unwrap_or(pair.len());
    (decoded(&pair[..at]), decoded(pair.get(at + 1..).unwrap_or_default()))
}

/// `+` is a space, `%C3%A9` is é. What is no UTF-8 becomes U+FFFD, and then no signature fits.
fn decoded(text: &[u8]) -> Cow<'_, str> {
    if !text.iter().any(|b| matches!(b, b'+' | b'%')) {
        return String::from_utf8_lossy(text);
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, after)) = rest.split_first() {
        let escaped = (*first == b'%').then(|| hexadecimal(after.get(..2)?)).flatten();
        bytes.push(escaped.unwrap_or(if *first == b'+' { b' ' } else { *first }));
        rest = if escaped.is_some() { &after[2..] } else { after };
    }
    String::from_utf8_lossy(&bytes).into_owned().into()
}

fn hexadecimal(digits: &[u8]) -> Option<u8> {
    let digits = std::str::from_utf8(digits).ok().filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))?;
    u8::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_decoded_and_nothing_is_trimmed_or_lost() {
        let body = b"Body=Arr%C3%AAt+%F0%9F%9B%91++&From=%2B15145550110&Empty=&Bare&a=1&a=2&&%zz=%&x=a=b%26";
        let fields = Fields::read(body);
        let expected = [
            ("Body", "Arrêt 🛑  "),
            ("From", "+15145550110"),
            ("Empty", ""),
            ("Bare", ""),
            ("a", "1"),
            ("a", "2"),
            ("%zz", "%"),
            ("x", "a=b&"),
        ];
        assert_eq!(fields.iter().collect::<Vec<_>>(), expected);
        assert_eq!((fields.get("a"), fields.get("Empty"), fields.get("body")), (Some("1"), None, None));
    }

    #[test]
    fn bytes_that_are_no_text_stay_visible() {
        assert_eq!(Fields::read(b"a=%FF%+1").get("a"), Some("\u{FFFD}% 1"));
        assert_eq!(Fields::read(b"").iter().count(), 0);
    }
}
