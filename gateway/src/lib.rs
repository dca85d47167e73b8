//! What Cordboard speaks: every socket, driver, vendor and setting.

pub mod platforms;
pub mod settings;
