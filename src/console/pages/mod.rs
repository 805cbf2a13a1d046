//! The rooms of the console, one file each: its template, its query, its handlers.

pub mod alerts;
pub mod audit;
pub mod controls;
pub mod credentials;
pub mod door;
pub mod event;
pub mod evidence;
pub mod exports;
pub mod frameworks;
mod in_state;
pub mod integration;
pub mod integrations;
pub mod live;
pub mod overview;
pub mod preferences;
pub mod probes;
mod story;
pub mod tasks;
pub mod tenants;
pub mod tickets;
pub mod work;
