//! What the agent can ask us to do. One file per tool; this page is the list.

/// The tool's name if it is one of ours, else `unknown`: a closed list, safe as a metric label.
pub fn known_name(_name: &str) -> &'static str {
    "unknown"
}
