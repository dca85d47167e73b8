//! What Cordboard speaks: every socket, driver, vendor and setting.

pub mod http;
pub mod metrics;
pub mod platforms;
pub mod settings;
pub mod telemetry;
