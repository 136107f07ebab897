//! Other implementations of the standards beside ours.

mod calendar;
mod credentials;
mod dcql;
mod gateway_openapi;
mod hpke;
mod log;
mod openapi;
mod reader;
mod specifications;
mod vectors;
