//! Messages written down as they are owed: within the statement that appends frames, or alone.

use engine::ids::CallId;
use engine::sms::NewSms;
use sqlx::postgres::PgArguments;
use sqlx::query::Query;
use sqlx::{PgExecutor, Postgres};

use super::super::rows::column;
use super::super::values::{At, Text, maybe_text};

/// `INSERT INTO sms_messages` of the messages in these arrays, in the order of [`offered_texts`], as far as they
/// `join`, the first one first. The same reason for the same person is the same message; who has opted out is not texted.
macro_rules! write_texts {
    ($arrays:literal, $join:literal) => {
        concat!(
            "INSERT INTO sms_messages (id, tenant, call_id, alert_id, to_number, contact, body, segments, priority, state, \
             error, due_at, expires_at, created_at, updated_at) SELECT id, text.tenant, text.call_id, alert_id, to_number, \
             contact, body, segments, priority, CASE WHEN unwanted THEN 'suppressed' ELSE state END, \
             CASE WHEN unwanted THEN 'recipient has opted out' ELSE error END, due_at, expires_at, created_at, created_at \
             FROM (SELECT sms.*, state = 'queued' AND ",
            $crate::stores::postgres::opt_outs::unwanted!(),
            " AS unwanted FROM unnest(",
            $arrays,
            ") WITH ORDINALITY AS sms (id, tenant, of_call, call_id, alert_id, to_number, contact, body, segments, priority, state, error, \
             due_at, expires_at, created_at, place)) AS text",
            $join,
            " ORDER BY place ON CONFLICT (id) DO NOTHING"
        )
    };
}
pub(in super::super) use write_texts;

type Binding<'q> = Query<'q, Postgres, PgArguments>;

/// Binds the fifteen arrays of the messages, each with the call whose frame owes it.
pub(in super::super) fn offered_texts<'q>(query: Binding<'q>, texts: &'q [(&'q NewSms, &'q str)]) -> Binding<'q> {
    query
        .bind(column(texts, |(sms, _)| sms.id.to_string()))
        .bind(column(texts, |(sms, _)| sms.tenant.as_str().to_owned()))
        .bind(words(texts, |(_, call)| Some(call)))
        .bind(words(texts, |(sms, _)| sms.call.as_ref().map(CallId::as_str)))
        .bind(column(texts, |(sms, _)| sms.alert.map(|alert| alert.to_string())))
        .bind(words(texts, |(sms, _)| Some(sms.to.as_str())))
        .bind(words(texts, |(sms, _)| Some(&sms.contact)))
        .bind(words(texts, |(sms, _)| Some(&sms.body)))
        .bind(column(texts, |(sms, _)| i64::from(sms.segments)))
        .bind(column(texts, |(sms, _)| sms.priority.as_str()))
        .bind(column(texts, |(sms, _)| sms.state().as_str()))
        .bind(words(texts, |(sms, _)| sms.suppressed.as_deref()))
        .bind(column(texts, |(sms, _)| At(sms.due_at)))
        .bind(column(texts, |(sms, _)| At(sms.expires_at)))
        .bind(column(texts, |(sms, _)| At(sms.created_at)))
}

/// Messages no frame owes.
pub(in super::super) async fn write_texts_alone(on: impl PgExecutor<'_>, texts: &[&NewSms]) -> Result<(), sqlx::Error> {
    const WRITE: &str = write_texts!(
        "$1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::bigint[], \
         $10::text[], $11::text[], $12::text[], $13::timestamptz[], $14::timestamptz[], $15::timestamptz[]",
        ""
    );
    if texts.is_empty() {
        return Ok(());
    }
    let texts: Vec<_> = texts.iter().map(|text| (*text, "")).collect();
    offered_texts(sqlx::query(WRITE), &texts).execute(on).await.map(drop)
}

fn words<'a>(
    texts: &'a [(&'a NewSms, &'a str)],
    of: impl Fn(&'a (&'a NewSms, &'a str)) -> Option<&'a str>,
) -> Vec<Option<Text<'a>>> {
    column(texts, |text| maybe_text(of(text)))
}
