//! A whole world in one process, its personas and stories, and the canary.
