//! What Cordboard speaks: every socket, driver, vendor and setting.

pub mod app;
pub mod audit;
pub mod backup;
pub mod bus;
pub mod cache;
pub mod carriers;
pub mod cli;
pub mod data_dir;
pub mod forward;
pub mod http;
pub mod metrics;
pub mod platforms;
pub mod playbooks;
pub mod settings;
pub mod shadow;
pub mod simulator;
pub mod stores;
pub mod telemetry;
pub mod tls;
