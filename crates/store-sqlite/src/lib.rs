//! The embedded event store and read-model store on SQLite.
