//! Answers in TwiML, the XML Twilio acts upon.

use engine::playbook::Language;

/// Seconds for a key after the words were said.
pub(super) const KEY_WITHIN_S: u32 = 8;

pub const TWIML: &str = "text/xml; charset=utf-8";

/// Longest TwiML a call may be started with, in characters. Source: error 21219 and the Calls resource.
pub(super) const LONGEST: usize = 4_000;

/// One text back to whoever wrote.
pub fn message(text: &str) -> String {
    response(&format!("<Message>{}</Message>", escaped(text)))
}

/// Nothing.
pub fn nothing() -> String {
    response("")
}

/// Asks for a key again: it comes to where this one came.
pub fn ask(text: &str, language: Language) -> String {
    response(&format!("<Gather numDigits=\"1\" timeout=\"{KEY_WITHIN_S}\">{}</Gather>", said(text, language)))
}

/// Speaks and hangs up.
pub fn say(text: &str, language: Language) -> String {
    response(&said(text, language))
}

pub(super) fn response(inside: &str) -> String {
    format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response>{inside}</Response>")
}

pub(super) fn said(text: &str, language: Language) -> String {
    format!("<Say language=\"{}\">{}</Say>", voice(language), escaped(text))
}

fn voice(language: Language) -> &'static str {
    match language {
        Language::Fr => "fr-CA",
        Language::En => "en-US",
    }
}

/// Text as XML may hold it: characters it cannot are left out.
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' | '\t' => escaped.push(' '),
            c if c.is_control() || matches!(c, '\u{FFFE}' | '\u{FFFF}') => (),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_is_said_becomes_markup() {
        let twiml = message("</Message><Redirect>x</Redirect> & \"Érables\"\u{0}\u{8}\n!");
        assert_eq!(
            twiml,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response><Message>&lt;/Message&gt;&lt;Redirect&gt;x&lt;/Redirect&gt; \
             &amp; &quot;Érables&quot; !</Message></Response>"
        );
        assert_eq!(nothing(), "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response></Response>");
    }
}
