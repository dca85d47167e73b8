//! How fresh the figures are.

use std::time::Duration;

use ::metrics::{Unit, describe_gauge, describe_histogram, gauge, histogram};
use engine::ports::View;

const AGE: &str = "cordboard_view_age_seconds";
const REFRESH_SECONDS: &str = "cordboard_view_refresh_seconds";

pub fn describe() {
    describe_gauge!(AGE, Unit::Seconds, "Since what is counted of calls was last counted, by whichever node, by view");
    describe_histogram!(REFRESH_SECONDS, Unit::Seconds, "Time to count again, by view and outcome");
}

pub fn age(view: View, age: Duration) {
    gauge!(AGE, "view" => view.as_str()).set(age.as_secs_f64());
}

pub fn refreshed(view: View, outcome: &'static str, took: Duration) {
    histogram!(REFRESH_SECONDS, "view" => view.as_str(), "outcome" => outcome).record(took);
}
