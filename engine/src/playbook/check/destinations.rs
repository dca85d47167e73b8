//! Who answers a call, and where a caller may be sent: exactly one thing each.

use toml::Spanned;

use super::{Check, Checked};
use crate::playbook::file::{DestinationTable, FallbackTable, ReceptionTable, TransferTable};
use crate::playbook::{Destination, Fallback, Reception, Transfer};

impl Check<'_> {
    pub(super) fn reception(&self, table: Spanned<ReceptionTable>) -> Checked<Reception> {
        let place = table.span();
        let fix = "give one of: assistant (with overrides, if any), transient, destination, error";
        match table.into_inner() {
            ReceptionTable { assistant: Some(id), overrides, transient: None, destination: None, error: None } => {
                Ok(Reception::Assistant { id, overrides: overrides.map(serde_json::Value::Object) })
            }
            ReceptionTable {
                transient: Some(it),
                assistant: None,
                overrides: None,
                destination: None,
                error: None,
            } => Ok(Reception::Transient(serde_json::Value::Object(it))),
            ReceptionTable {
                destination: Some(to),
                assistant: None,
                overrides: None,
                transient: None,
                error: None,
            } => Ok(Reception::Destination(self.destination(to, "reception.destination")?)),
            ReceptionTable {
                error: Some(text),
                assistant: None,
                overrides: None,
                transient: None,
                destination: None,
            } => Ok(Reception::Error(text)),
            _ => Err(self.source.refuse(place, "reception", "it is not clear who answers a call", fix)),
        }
    }

    pub(super) fn transfer(&self, table: Spanned<TransferTable>, has_hours: bool) -> Checked<Transfer> {
        let place = table.span();
        let TransferTable { number, sip, assistant, message, in_hours } = table.into_inner();
        let to = DestinationTable { number, sip, assistant, message };
        let to = self.destination(Spanned::new(place, to), "transfer")?;
        if let Some(in_hours) = in_hours.as_ref().filter(|in_hours| *in_hours.get_ref() && !has_hours) {
            let problem = "nobody would ever be transferred: there are no hours";
            return Err(self.refuse(in_hours, "transfer.in_hours", problem, "add [hours], or leave it out"));
        }
        Ok(Transfer { to, in_hours: in_hours.is_some_and(Spanned::into_inner) })
    }

    pub(super) fn fallback(&self, table: Spanned<FallbackTable>) -> Checked<Fallback> {
        let place = table.span();
        let FallbackTable { assistant, number, sip, error } = table.into_inner();
        match (assistant, number, sip, error) {
            (None, None, None, Some(error)) if !error.get_ref().trim().is_empty() => {
                Ok(Fallback::Error(error.get_ref().trim().into()))
            }
            (assistant, number, sip, None) if assistant.is_some() || number.is_some() || sip.is_some() => {
                let to = DestinationTable { number, sip, assistant, message: None };
                Ok(Fallback::Destination(self.destination(Spanned::new(place, to), "fallback")?))
            }
            _ => {
                let fix = "give one of: assistant, number, sip, error = \"words spoken to the caller\"";
                Err(self.source.refuse(place, "fallback", "it is not clear who answers instead", fix))
            }
        }
    }

    pub(super) fn destination(&self, table: Spanned<DestinationTable>, key: &str) -> Checked<Destination> {
        let place = table.span();
        let DestinationTable { number, sip, assistant, message } = table.into_inner();
        match (number, sip, assistant) {
            (Some(number), None, None) => {
                Ok(Destination::Number { number: self.number(&number, &format!("{key}.number"))?, message })
            }
            (None, Some(uri), None) => Ok(Destination::Sip { uri, message }),
            (None, None, Some(assistant)) => Ok(Destination::Assistant { assistant, message }),
            _ => {
                let fix = "give one of: number, sip, assistant";
                Err(self.source.refuse(place, key, "it is not clear where the caller goes", fix))
            }
        }
    }
}
