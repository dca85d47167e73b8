//! Contracts of the ports, run against every implementation: in memory, and on the real thing.
//!
//! A promise is a function named by its sentence, given a store nobody has used. It panics where the promise is broken.

mod alerts;
mod analytics;
mod append;
mod bell;
mod bus_cursor;
mod cache;
mod election;
mod history;
mod keeping;
mod ledger;
mod opt_outs;
mod orders;
mod outbox;
mod reading;
mod unknown;

use std::pin::Pin;
use std::task::{Context, Poll};

use crate::ports::{AlertStore, Analytics, Bell, BusCursor, CallHistory, CallStore, Election, SmsLedger, SmsOutbox};

pub use alerts::{notice, opening};
pub use cache::{cache, live_list};
pub use keeping::{CALLER, SAID, called, over};

/// All promises of a [`CallStore`]. `fresh` makes an empty store; each promise gets its own.
pub async fn call_store<S: CallStore + SmsOutbox>(fresh: impl AsyncFn() -> S) {
    append::a_frame_is_written_only_after_its_predecessor(&fresh().await).await;
    append::frames_of_one_call_in_a_batch_are_written_together(&fresh().await).await;
    append::a_batch_with_a_gap_writes_nothing_of_its_call(&fresh().await).await;
    append::an_event_already_recorded_conflicts_and_takes_its_companions_along(&fresh().await).await;
    append::the_same_event_twice_in_one_batch_conflicts(&fresh().await).await;
    append::stale_calls_in_a_batch_leave_fresh_ones_alone(&fresh().await).await;
    append::recorded_events_in_a_batch_leave_their_neighbours_alone(&fresh().await).await;
    append::a_text_of_another_call_is_refused_and_leaves_the_neighbours_alone(&fresh().await).await;
    append::a_text_is_written_with_its_frame_or_not_at_all(&fresh().await).await;
    append::a_text_owed_twice_stays_the_first_one(&fresh().await).await;
    append::of_several_writers_one_wins_each_place(&fresh().await).await;
    append::many_writers_of_many_calls_lose_nothing(&fresh().await).await;
    append::an_empty_batch_is_nothing(&fresh().await).await;

    reading::a_call_is_loaded_with_its_state_and_every_key(&fresh().await).await;
    reading::every_answer_is_given_again_byte_for_byte(&fresh().await).await;
    reading::hostile_text_comes_back_as_it_went_in(&fresh().await).await;
    reading::frames_are_read_in_the_order_of_their_commits(&fresh().await).await;
    reading::a_timeline_is_paged_in_order(&fresh().await).await;
    reading::live_calls_are_those_neither_ended_nor_lost(&fresh().await).await;
    reading::a_call_is_found_within_its_tenant_only(&fresh().await).await;
    reading::the_calls_of_a_number_are_its_tenants_newest_first(&fresh().await).await;
    reading::a_view_counts_the_calls_texts(&fresh().await).await;
    reading::silent_calls_are_those_not_heard_of_since_their_cutoff(&fresh().await).await;
    reading::an_event_is_quarantined_once_or_twice(&fresh().await).await;
}

/// All promises of an [`SmsOutbox`], on stores that are [`CallStore`]s as well.
pub async fn sms_outbox<S: CallStore + SmsOutbox>(fresh: impl AsyncFn() -> S) {
    outbox::a_claim_is_the_whole_message_in_flight(&fresh().await).await;
    outbox::the_most_urgent_is_first_then_the_earliest_deadline(&fresh().await).await;
    outbox::nothing_is_claimed_before_it_is_due(&fresh().await).await;
    outbox::a_suppressed_message_is_kept_and_never_claimed(&fresh().await).await;
    outbox::what_has_expired_is_not_claimed(&fresh().await).await;
    outbox::two_claimers_never_get_the_same_message(&fresh().await).await;
    outbox::an_attempt_is_settled_once(&fresh().await).await;
    outbox::an_attempt_that_is_not_the_current_one_settles_nothing(&fresh().await).await;
    outbox::a_throttled_attempt_costs_nothing_and_keeps_its_number(&fresh().await).await;
    outbox::a_failed_attempt_that_counts_is_tried_again_when_due(&fresh().await).await;
    outbox::reports_only_move_a_message_forward(&fresh().await).await;
    outbox::a_late_report_never_reopens_a_failed_message(&fresh().await).await;
    outbox::what_was_not_delivered_and_may_be_is_queued_again(&fresh().await).await;
    outbox::a_report_about_nothing_known_is_nothing(&fresh().await).await;
    outbox::attempts_cut_by_a_restart_become_unknown(&fresh().await).await;
    outbox::the_queue_tells_its_next_moment_and_its_depth(&fresh().await).await;
    outbox::messages_are_found_within_their_tenant_only(&fresh().await).await;
    outbox::the_newest_messages_come_first(&fresh().await).await;

    unknown::a_report_by_token_is_taken_before_during_and_after_the_answer(&fresh().await).await;
    unknown::a_report_by_token_resolves_an_attempt_cut_by_a_restart(&fresh().await).await;
    unknown::an_answer_that_comes_after_all_is_taken(&fresh().await).await;
    unknown::proof_of_an_attempt_that_was_repeated_marks_the_message(&fresh().await).await;
    unknown::a_message_waiting_to_be_repeated_is_not_when_the_carrier_has_it(&fresh().await).await;
    unknown::an_attempt_is_found_by_its_token_alone(&fresh().await).await;
    unknown::what_is_unknown_is_asked_about_when_it_is_time(&fresh().await).await;
    unknown::what_was_taken_is_asked_about_until_it_has_ended(&fresh().await).await;
    unknown::attempts_of_the_same_words_to_the_same_number_are_alike(&fresh().await).await;

    ledger::a_tenant_that_owes_many_does_not_hide_the_others(&fresh().await).await;
    ledger::many_tenants_and_one_that_owes_more_fill_a_look(&fresh().await).await;

    orders::messages_of_one_call_to_one_person_leave_in_order(&fresh().await).await;
    orders::a_candidate_tells_who_tried_before(&fresh().await).await;
    orders::a_message_submitted_waits_like_any_other(&fresh().await).await;
    orders::the_same_request_again_is_answered_and_sends_nothing(&fresh().await).await;
    orders::a_command_does_what_the_state_allows(&fresh().await).await;
    orders::a_command_is_within_its_tenant_only(&fresh().await).await;
    orders::a_list_shows_what_was_asked_for_page_by_page(&fresh().await).await;
}

/// All promises of an [`SmsLedger`], on stores that have an outbox as well.
pub async fn sms_ledger<S: CallStore + SmsOutbox + SmsLedger>(fresh: impl AsyncFn() -> S) {
    ledger::attempts_of_late_are_told_oldest_first(&fresh().await).await;
    ledger::a_day_counts_what_left_or_may_have_by_tenant_and_caller(&fresh().await).await;
    ledger::a_message_put_off_is_due_later_and_says_why(&fresh().await).await;
    ledger::what_was_learned_is_kept_until_something_else_is(&fresh().await).await;
}

/// All promises of [`OptOuts`](crate::ports::OptOuts) and [`Inbox`](crate::ports::Inbox), on stores that are
/// everything else as well.
pub async fn opt_outs<S: opt_outs::Store>(fresh: impl AsyncFn() -> S) {
    opt_outs::who_opts_out_is_listed_for_their_tenant_only(&fresh().await).await;
    opt_outs::an_opt_out_from_everybody_counts_for_every_tenant(&fresh().await).await;
    opt_outs::start_undoes_what_they_texted_and_nothing_else(&fresh().await).await;
    opt_outs::a_message_that_comes_again_says_nothing_new(&fresh().await).await;
    opt_outs::a_carriers_refusal_is_news_only_when_nothing_was_heard(&fresh().await).await;
    opt_outs::what_waits_for_who_opts_out_is_suppressed_at_once(&fresh().await).await;
    opt_outs::what_is_owed_to_who_has_opted_out_is_suppressed_as_it_is_written(&fresh().await).await;
    opt_outs::who_opts_out_while_a_message_is_under_way_gets_no_second_attempt(&fresh().await).await;
    opt_outs::who_opts_out_before_a_report_gets_no_second_attempt(&fresh().await).await;
    opt_outs::nothing_brings_a_message_back_to_who_has_opted_out(&fresh().await).await;
    opt_outs::texts_that_come_in_are_kept_once_and_read_newest_first(&fresh().await).await;
    opt_outs::it_is_known_who_texted_a_number_last(&fresh().await).await;
}

/// All promises of an [`AlertStore`], on stores that are the others as well.
pub async fn alert_store<S: CallStore + SmsOutbox + AlertStore>(fresh: impl AsyncFn() -> S) {
    alerts::an_alert_is_written_with_its_frame_or_not_at_all(&fresh().await).await;
    alerts::two_notices_of_one_batch_are_one_alert(&fresh().await).await;
    alerts::of_two_who_decide_at_once_one_is_written(&fresh().await).await;
    alerts::running_alerts_come_earliest_first(&fresh().await).await;
    alerts::lists_are_paged_newest_first_within_a_tenant(&fresh().await).await;
    alerts::the_newest_shift_of_a_tenant_is_kept(&fresh().await).await;
    alerts::an_alert_without_a_call_is_written_too(&fresh().await).await;
}

/// All promises of an [`Election`]. `fresh` makes two nodes that have never stood.
pub async fn election<E: Election>(fresh: impl AsyncFn() -> (E, E)) {
    let (first, second) = fresh().await;
    election::one_node_leads_at_a_time(&first, &second).await;
    let (first, second) = fresh().await;
    election::a_term_that_is_dropped_is_over(&first, &second).await;
    let (first, second) = fresh().await;
    election::a_term_has_another_number_only_when_another_node_led(&first, &second).await;
}

/// All promises of a [`Bell`]. `fresh` makes those of two nodes that share a store.
pub async fn bell<B: Bell>(fresh: impl AsyncFn() -> (B, B)) {
    let (first, second) = fresh().await;
    bell::who_listens_hears_the_other_node(&first, &second).await;
    let (first, second) = fresh().await;
    bell::what_was_rung_before_somebody_listened_is_heard_by_nobody(&first, &second).await;
    let (first, second) = fresh().await;
    bell::what_is_rung_while_nobody_waits_is_heard_by_the_next_wait(&first, &second).await;
    let (first, second) = fresh().await;
    bell::a_wait_that_is_given_up_loses_nothing(&first, &second).await;
    let (first, second) = fresh().await;
    bell::very_many_alerts_are_all_heard(&first, &second).await;
}

/// All promises of a [`CallHistory`].
pub async fn call_history<S: CallStore + CallHistory>(fresh: impl AsyncFn() -> S) {
    history::calls_are_listed_newest_first_page_by_page(&fresh().await).await;
    history::a_list_shows_the_calls_that_were_asked_for(&fresh().await).await;
}

/// All promises of [`Analytics`].
pub async fn analytics<S: CallStore + Analytics>(fresh: impl AsyncFn() -> S) {
    analytics::nothing_counted_is_nothing_and_no_error(&fresh().await).await;
    analytics::a_dashboard_counts_today_the_last_hour_and_the_last_day(&fresh().await).await;
    analytics::today_is_the_tenants_own_day(&fresh().await).await;
    analytics::a_day_counts_the_calls_that_began_on_it(&fresh().await).await;
    analytics::days_are_as_long_as_the_tenants_clock_makes_them(&fresh().await).await;
    analytics::a_call_of_long_ago_that_changes_is_counted_again(&fresh().await).await;
    analytics::who_moves_to_another_time_zone_has_other_days(&fresh().await).await;
}

/// All promises of a [`BusCursor`], on stores that are the others as well.
pub async fn bus_cursor<S: CallStore + SmsOutbox + AlertStore + BusCursor>(fresh: impl AsyncFn() -> S) {
    bus_cursor::telling_begins_at_the_newest_frame_and_goes_on_where_it_stopped(&fresh().await).await;
    bus_cursor::on_an_empty_store_telling_begins_with_the_first_frame(&fresh().await).await;
    bus_cursor::nothing_is_noted_before_telling_begins(&fresh().await).await;
    bus_cursor::a_text_that_changes_is_told_once_as_it_stands(&fresh().await).await;
    bus_cursor::an_alert_that_changes_is_told_once_as_it_stands(&fresh().await).await;
    bus_cursor::the_oldest_changes_come_first_and_no_more_than_asked_for(&fresh().await).await;
    bus_cursor::what_was_not_written_is_not_noted(&fresh().await).await;
}

/// All promises of [`Retention`](crate::ports::Retention), [`Forgets`](crate::ports::Forgets) and
/// [`AuditLog`](crate::ports::AuditLog), on stores that are everything else as well.
pub async fn keeping<S: keeping::Store>(fresh: impl AsyncFn() -> S) {
    keeping::words_go_and_what_was_done_stays(&fresh().await).await;
    keeping::words_that_come_later_go_too(&fresh().await).await;
    keeping::a_call_goes_with_all_that_belongs_to_it(&fresh().await).await;
    keeping::places_are_not_used_again_when_the_newest_frames_go(&fresh().await).await;
    keeping::what_is_not_over_is_left(&fresh().await).await;
    keeping::a_call_with_an_alert_that_runs_is_left(&fresh().await).await;
    keeping::a_call_with_a_text_that_is_not_settled_is_left(&fresh().await).await;
    keeping::a_step_takes_as_many_calls_as_have_so_many_frames(&fresh().await).await;
    keeping::everybody_is_known_of_whom_something_is_kept(&fresh().await).await;
    keeping::what_belongs_to_no_call_has_its_time_too(&fresh().await).await;

    keeping::nothing_is_left_of_whoever_is_forgotten(&fresh().await).await;
    keeping::whoever_still_knows_a_call_that_was_forgotten_cannot_write_it_back(&fresh().await).await;
    keeping::what_is_under_way_is_left_and_told(&fresh().await).await;
    keeping::a_text_to_them_that_waits_is_not_sent_and_one_that_leaves_is_left(&fresh().await).await;
    keeping::who_opted_out_stays_opted_out(&fresh().await).await;
    keeping::a_number_that_others_named_is_taken_out_of_their_words(&fresh().await).await;
    keeping::an_alert_keeps_its_walk_and_loses_its_words(&fresh().await).await;
    keeping::a_tenant_forgets_for_itself(&fresh().await).await;
    keeping::one_call_is_forgotten_by_its_id(&fresh().await).await;

    keeping::deeds_are_listed_newest_first_within_a_tenant(&fresh().await).await;
}

/// Runs all of them at once, as far as the runtime lets them.
async fn together<T>(futures: impl IntoIterator<Item = Pin<Box<dyn Future<Output = T> + Send + '_>>>) -> Vec<T> {
    let mut futures: Vec<_> = futures.into_iter().collect();
    let mut outputs: Vec<Option<T>> = futures.iter().map(|_| None).collect();
    std::future::poll_fn(move |context| {
        for (future, output) in futures.iter_mut().zip(&mut outputs) {
            if output.is_none()
                && let Poll::Ready(ready) = future.as_mut().poll(context)
            {
                *output = Some(ready);
            }
        }
        if outputs.iter().all(Option::is_some) {
            Poll::Ready(outputs.iter_mut().filter_map(Option::take).collect())
        } else {
            Poll::Pending
        }
    })
    .await
}

/// `None`: it waits for something.
async fn poll_once<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    let once = |context: &mut Context<'_>| match Pin::new(&mut *future).poll(context) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => Poll::Ready(None),
    };
    std::future::poll_fn(once).await
}

#[cfg(test)]
mod tests {
    use crate::testing::block_on;
    use crate::testing::memory::{MemoryBell, MemoryElection, MemoryStore};

    #[test]
    fn a_bell_in_memory_keeps_its_contract() {
        block_on(super::bell(async || {
            let bell = MemoryBell::default();
            (bell.clone(), bell)
        }));
    }

    #[test]
    fn elections_in_memory_keep_their_contract() {
        block_on(super::election(async || {
            let ballot = MemoryElection::default();
            (ballot.node("a"), ballot.node("b"))
        }));
    }

    #[test]
    fn the_memory_store_keeps_the_contract_of_a_call_store() {
        block_on(super::call_store(async || MemoryStore::default()));
    }

    #[test]
    fn the_memory_store_keeps_the_contract_of_a_ledger() {
        block_on(super::sms_ledger(async || MemoryStore::default()));
    }

    #[test]
    fn the_memory_store_keeps_the_contract_of_alerts() {
        block_on(super::alert_store(async || MemoryStore::default()));
    }

    #[test]
    fn the_memory_store_keeps_the_contract_of_a_history() {
        block_on(super::call_history(async || MemoryStore::default()));
    }

    #[test]
    fn the_memory_store_keeps_the_contract_of_analytics() {
        block_on(super::analytics(async || MemoryStore::default()));
    }

    #[test]
    fn the_memory_store_keeps_the_contract_of_the_bus_cursor() {
        block_on(super::bus_cursor(async || MemoryStore::default()));
    }

    #[test]
    fn the_memory_store_keeps_the_contract_of_an_outbox() {
        block_on(super::sms_outbox(async || MemoryStore::default()));
    }

    #[test]
    fn the_memory_store_keeps_the_contract_of_opt_outs() {
        block_on(super::opt_outs(async || MemoryStore::default()));
    }
}
