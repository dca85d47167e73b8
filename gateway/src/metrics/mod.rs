//! Every metric of the gateway with its help text, the buckets of all histograms, and the text Prometheus reads.

mod process;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tokio::runtime::Handle;

use crate::stores::{Connections, Store};

static RECORDER: OnceLock<PrometheusHandle> = OnceLock::new();

/// Observations wait in buffers until a scrape or this tick folds them into their buckets.
const UPKEEP: Duration = Duration::from_secs(5);

/// Seconds. Where nothing else is said.
const DEFAULT_BUCKETS: &[f64] = &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1.0, 2.5, 5.0, 10.0];

/// Classic buckets with an edge at each target, so that "how many met it" is exact and nodes can be added up. An edge of a
/// histogram with many labels is dear: a node may have 1,500 series in all.
const BUCKETS: &[(&str, &[f64])] = &[
    ("cordboard_webhook_duration_seconds", &[0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 2.5]),
    ("cordboard_http_request_duration_seconds", &[0.005, 0.02, 0.05, 0.2, 1.0]),
    ("cordboard_tool_duration_seconds", &[0.001, 0.01, 0.1, 0.5, 2.0, 10.0]),
    ("cordboard_client_vitals_seconds", &[0.1, 0.2, 0.5, 1.0, 2.5, 4.0]),
    ("cordboard_commit_seconds", &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 5.0]),
    ("cordboard_commit_frames", &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0]),
    ("cordboard_sms_slot_wait_seconds", &[0.01, 0.1, 0.5, 1.0, 5.0, 30.0, 120.0, 600.0]),
    ("cordboard_sms_delivery_seconds", &[1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0]),
    ("cordboard_alert_ack_seconds", &[5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0]),
    ("cordboard_call_duration_seconds", &[15.0, 30.0, 60.0, 120.0, 180.0, 300.0, 600.0, 1800.0]),
    ("cordboard_live_fanout_seconds", &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25]),
];

/// Webhooks that fail by our own fault, and those that prove nothing: there before it first happens, since Prometheus sees
/// no increase in a counter that begins at one.
const FAILINGS: [(&str, &str); 10] = [
    ("unread", "unauthenticated"),
    ("unread", "panicked"),
    ("unread", "no_room"),
    ("unread", "too_slow"),
    ("tool-calls", "busy"),
    ("tool-calls", "unavailable"),
    ("tool-calls", "refused"),
    ("end-of-call-report", "busy"),
    ("end-of-call-report", "unavailable"),
    ("end-of-call-report", "refused"),
];

/// Installs the recorder of this process and describes every metric. A second call returns the first one's handle.
pub fn install() -> PrometheusHandle {
    RECORDER
        .get_or_init(|| {
            let handle = builder().install_recorder().expect("nobody else installs a recorder");
            describe();
            actors::metrics::describe();
            crate::bus::describe_metrics();
            crate::stores::spooled::metrics::describe();
            handle
        })
        .clone()
}

/// Folds buffered observations away, for ever: memory must not depend on being scraped. Spawn it once.
pub async fn upkeep(handle: PrometheusHandle) {
    let mut tick = tokio::time::interval(UPKEEP);
    loop {
        tick.tick().await;
        handle.run_upkeep();
    }
}

/// Makes what `/metrics` answers: what was counted, and what is looked at when somebody asks.
#[derive(Clone)]
pub struct Exposition {
    pub counted: PrometheusHandle,
    /// The one the calls live on.
    pub runtime: Handle,
    pub store: Arc<dyn Store>,
}

impl Exposition {
    pub fn text(&self) -> String {
        let Connections { in_use, idle, unopened } = self.store.connections();
        for (state, count) in [("in_use", in_use), ("idle", idle), ("unopened", unopened)] {
            gauge!("cordboard_store_pool_connections", "state" => state).set(count);
        }
        self.counted.render() + &process::runtime(&self.runtime.metrics()) + &process::exposition()
    }
}

/// Whether something this server stands on is as it should be: neither away nor worse than it should be.
pub fn dependency(name: &'static str, well: bool) {
    gauge!("cordboard_dependency_up", "dependency" => name).set(if well { 1.0 } else { 0.0 });
}

fn builder() -> PrometheusBuilder {
    let builder = PrometheusBuilder::new().set_buckets(DEFAULT_BUCKETS).expect("the list is not empty");
    BUCKETS.iter().fold(builder, |builder, (name, edges)| {
        let name = Matcher::Full((*name).to_owned());
        builder.set_buckets_for_metric(name, edges).expect("no list is empty")
    })
}

fn describe() {
    describe_counter!("cordboard_webhook_requests_total", "Webhooks by platform, type and how they ended");
    describe_histogram!(
        "cordboard_webhook_duration_seconds",
        Unit::Seconds,
        "From the head of a webhook to its answer"
    );
    describe_counter!("cordboard_webhook_unrecorded_total", "Questions that were answered but not recorded");
    describe_counter!(
        "cordboard_sms_unknown_codes_total",
        "Error codes of the carrier that are in no table, by where they were heard"
    );
    describe_counter!(
        "cordboard_shadow_answers_total",
        "Webhooks of businesses that only watch, by how the two answers compare"
    );
    describe_counter!("cordboard_http_requests_total", "Requests by URL template, method and class of status");
    describe_histogram!(
        "cordboard_http_request_duration_seconds",
        Unit::Seconds,
        "From a request's head to its answer's head, by what the URL is of"
    );
    describe_gauge!("cordboard_cache_entries", "Things kept in the cache of this process");
    describe_gauge!("cordboard_cache_bytes", Unit::Bytes, "What they take in memory, about");
    describe_counter!("cordboard_cache_evictions_total", "Things the cache of this process dropped to make room");
    describe_gauge!("cordboard_live_connections", "Open live streams by transport");
    describe_counter!("cordboard_live_frames_total", "Frames sent to live streams");
    describe_counter!("cordboard_live_bytes_total", Unit::Bytes, "Bytes of frames for live streams, by stage");
    describe_gauge!("cordboard_playbooks", "Playbook files by state: good, stale (the last good one is in force), out");
    describe_counter!("cordboard_playbook_reloads_total", "Changes of playbooks while running, by outcome");
    describe_counter!("cordboard_panics_total", "Panics anywhere in the process");
    describe_gauge!("cordboard_build_info", "Always 1; the labels tell what runs");
    describe_gauge!("cordboard_store_pool_connections", "Connections to the store by state: in_use, idle, unopened");
    describe_gauge!(
        "cordboard_dependency_up",
        "1 where what the server stands on is as it should be, 0 where it is away or degraded: /readyz says how"
    );
    describe_histogram!("cordboard_client_vitals_seconds", Unit::Seconds, "What browsers measured, by what");
    gauge!("cordboard_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
    counter!("cordboard_panics_total").absolute(0);
    for (kind, outcome) in FAILINGS {
        counter!("cordboard_webhook_requests_total", "platform" => "vapi", "type" => kind, "outcome" => outcome)
            .absolute(0);
    }
    counter!("cordboard_cache_evictions_total").absolute(0);
    counter!("cordboard_webhook_unrecorded_total", "platform" => "vapi").absolute(0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_webhook_histogram_has_an_edge_at_its_target() {
        let recorder = builder().build_recorder();
        metrics::with_local_recorder(&recorder, || {
            metrics::histogram!("cordboard_webhook_duration_seconds").record(0.19);
        });
        let text = recorder.handle().render();
        assert!(text.contains("cordboard_webhook_duration_seconds_bucket{le=\"0.2\"} 1"), "{text}");
        assert!(text.contains("cordboard_webhook_duration_seconds_bucket{le=\"0.1\"} 0"), "{text}");
    }
}
