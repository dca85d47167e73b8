//! What the agent can ask us to do. One file per tool; this page is the list.
