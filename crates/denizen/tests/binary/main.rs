//! The binary as a user runs it: real processes, files and sockets.

mod attachments;
mod doctor;
mod durability;
mod fire;
mod gateway;
mod hub;
mod import;
mod kinds;
mod load;
mod operator;
mod people;
mod portal;
mod postgresql;
mod readme;
mod support;
mod units;
