//! The product as its users run it: the real binary, real files, real HTTP.

mod bad_input;
mod credentials;
mod evidence;
mod history;
mod isolation;
mod openapi;
mod operator;
mod probe;
mod server;
