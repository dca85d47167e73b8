//! Words by which a call is found again in what was said, texted and recorded of it.

/// A word per number that is in no other text: no digits, which would be taken for somebody's number.
pub fn word(number: u32) -> String {
    let letter =
        |place: u32| char::from(b'b' + u8::try_from(number / 20_u32.pow(place) % 20).expect("less than twenty"));
    ['q', 'z'].into_iter().chain((0..4).map(letter)).chain(['q', 'z']).collect()
}

/// The word of [`word`] in a text.
pub fn said_in(body: &str) -> Option<&str> {
    let is_word = |word: &&str| word.len() == 8 && word.starts_with("qz") && word.ends_with("qz");
    body.split(|letter: char| !letter.is_ascii_alphabetic()).find(is_word)
}
