//! The host: the small service beside Nginx and PHP that alone may change the environment.

pub mod cache;
pub mod database;
pub mod names;
