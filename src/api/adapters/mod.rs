//! `/v1/adapters`: what integrations can be made of on this machine.

pub mod list;
