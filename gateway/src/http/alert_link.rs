//! `/a/{token}`: the link of an alert's text. Opening it shows what it is about and changes nothing, because previews
//! of messages open links too; only the buttons do something. A token dies with its alert.

use actix_web::HttpResponse;
use actix_web::web::{Bytes, Data, Path};
use engine::alert::{Alert, AlertState, Answer, How, Links, named};
use engine::playbook::Language;

use super::{Problem, State};

pub async fn show(token: Path<String>, state: Data<State>) -> Result<HttpResponse, Problem> {
    let (alert, contact) = held(&token, &state).await?;
    let language = language(&state, &alert, &contact);
    Ok(page(&alert, &contact, language))
}

/// A plain form: `answer=take` or `answer=pass`.
pub async fn act(token: Path<String>, body: Bytes, state: Data<State>) -> Result<HttpResponse, Problem> {
    let (alert, contact) = held(&token, &state).await?;
    let answer = match body.as_ref() {
        b"answer=take" => Answer::Take,
        b"answer=pass" => Answer::Pass,
        _ => return Err(Problem::unprocessable("answer", "take or pass")),
    };
    let answered = state.alerts.answered(alert.id, &contact, answer, How::Link).await?;
    let alert = answered.ok_or_else(gone)?;
    let language = language(&state, &alert, &contact);
    Ok(page(&alert, &contact, language))
}

/// The alert, and who of those told holds the link. Nobody learns whether a link is made up or over.
async fn held(token: &str, state: &State) -> Result<(Alert, String), Problem> {
    let links = state.links.as_ref().ok_or_else(gone)?;
    let id = Links::alert_of(token).ok_or_else(gone)?;
    let alert = state.alert_store.alert(None, id).await?.filter(|alert| alert.state != AlertState::Resolved);
    let alert = alert.ok_or_else(gone)?;
    let contact = links.whose(token, &alert).ok_or_else(gone)?.to_owned();
    Ok((alert, contact))
}

fn gone() -> Problem {
    Problem::not_found("this link leads nowhere any more")
}

fn language(state: &State, alert: &Alert, contact: &str) -> Language {
    let playbook = state.tenants.get(&alert.tenant);
    let known = playbook.as_ref().map(|playbook| playbook.contact(contact).map_or(playbook.language, |it| it.language));
    known.unwrap_or(Language::En)
}

fn page(alert: &Alert, contact: &str, language: Language) -> HttpResponse {
    let say = |fr: &'static str, en: &'static str| if language == Language::Fr { fr } else { en };
    let words = &alert.words;
    let details: Vec<String> = [&words.service, &words.message, &words.client, &words.address, &words.callback]
        .into_iter()
        .filter(|text| !text.is_empty())
        .map(|text| format!("<p>{}</p>", escaped(text)))
        .collect();
    let standing = match (&alert.state, &alert.acknowledged) {
        (AlertState::Acknowledged, Some(by)) if *by.by == *contact => {
            say("Vous l'avez prise.", "You have taken it.").to_owned()
        }
        (AlertState::Acknowledged, Some(by)) => {
            format!("{}: {}", say("Prise par", "Taken by"), escaped(named(language, &by.by)))
        }
        _ => format!(
            "<form method=\"post\"><button name=\"answer\" value=\"take\">{}</button>\
             <button name=\"answer\" value=\"pass\">{}</button></form>",
            say("J'y vais", "I take it"),
            say("Je passe", "I pass it on")
        ),
    };
    let title = format!("{} {}", escaped(&words.business), alert.priority);
    let html = format!(
        "<!doctype html><html lang=\"{}\"><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta name=\"robots\" content=\"noindex\"><title>{title}</title><link rel=\"stylesheet\" href=\"/page.css\">\
         <main><h1>{title}</h1>{}<p role=\"status\">{standing}</p></main></html>",
        language.as_str(),
        details.concat()
    );
    HttpResponse::Ok().content_type("text/html; charset=utf-8").body(html)
}

fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            letter => safe.push(letter),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_caller_said_is_text_and_never_markup() {
        assert_eq!(escaped("<b>\"it's\" & more</b>"), "&lt;b&gt;&quot;it&#39;s&quot; &amp; more&lt;/b&gt;");
    }
}
