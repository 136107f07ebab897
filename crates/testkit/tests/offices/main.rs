//! What a gateway takes in, keeps and gives out, from outside.

mod descriptions;
mod gateway_destroyed;
mod gateway_moved_link;
mod gateway_refused_deposits;
mod gateway_restore;
mod gateway_same_thread;
mod gateway_suspended_issuer;
mod intake_hostile;
mod rest_desk;
mod rest_hooks;
mod rest_records;
mod rest_source;
