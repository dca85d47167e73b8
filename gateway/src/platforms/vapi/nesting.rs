//! How deep a JSON text is nested, in one pass and before any parser sees it: the parser's way of skipping a subtree
//! has no limit of its own.

use memchr::memchr2;

/// Whether `text` ever has more than `limit` arrays and objects open at once. Says nothing of its validity.
pub fn deeper_than(text: &str, limit: usize) -> bool {
    let bytes = text.as_bytes();
    let (mut at, mut depth) = (0, 0usize);
    while let Some(&byte) = bytes.get(at) {
        at += 1;
        match byte {
            b'{' | b'[' if depth == limit => return true,
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            b'"' => at = after_string(bytes, at),
            _ => {}
        }
    }
    false
}

/// Where the string that begins at `at`, after its quote, has ended.
fn after_string(bytes: &[u8], mut at: usize) -> usize {
    while let Some(offset) = bytes.get(at..).and_then(|rest| memchr2(b'"', b'\\', rest)) {
        if bytes[at + offset] == b'"' {
            return at + offset + 1;
        }
        at += offset + 2;
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_is_counted_outside_of_strings() {
        for (text, depth) in [
            ("", 0),
            ("7", 0),
            ("{}", 1),
            (r#"{"a":[{}],"b":[[]]}"#, 3),
            (r#"["[[[", "\"[[", "\\", []]"#, 2),
            (r#"["unfinished [[["#, 1),
            (r#"["unfinished \"#, 1),
            ("]]]][", 1),
        ] {
            assert!(!deeper_than(text, depth), "{text} is at most {depth} deep");
            assert!(depth == 0 || deeper_than(text, depth - 1), "{text} is {depth} deep");
        }
    }
}
