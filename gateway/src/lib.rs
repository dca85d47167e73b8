//! What Cordboard speaks: every socket, driver, vendor and setting.
