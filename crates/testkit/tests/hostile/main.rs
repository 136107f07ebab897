//! A hub under hostile input, and a hub that lies.

mod clocks;
mod evil_hub;
mod evil_hub_gateway;
mod evil_hub_objects;
mod hub_addresses;
mod hub_deposits;
mod hub_evidence;
mod hub_load;
mod hub_metrics;
mod hub_numbers;
mod hub_objects;
mod hub_requests;
mod hub_slow;
mod kept_directory;
mod parsers;
mod status_ahead;
mod swap_matrix;
mod swap_matrix_gateway;
mod two_worlds;
