//! Foreign implementations beside ours.
